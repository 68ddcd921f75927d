// The control API's desk: takes requests, checks roles, runs commands one after the other and sends the responses to
// the client that asked. What commands do is in Commands (commands.h). Broker thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker-plugin/control/answer.h"
#include "broker-plugin/control/request.h"
#include "broker-plugin/core/broker_port.h"
#include "broker-plugin/core/counters.h"
#include "broker-plugin/core/operators.h"
#include "schemas/bytes.h"

namespace muster::broker {

// Runs one command whose form and role are right. `done` may come at once or from a later tick, and comes once.
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;
  virtual void run(const std::string& who, const ControlCommand& command, Done done) = 0;
  // A command that `who` may not give; `done` comes when that is in the audit record.
  virtual void refuse(const std::string& who, const ControlCommand& command, const std::string& why, Done done) = 0;
};

class ControlDesk {
 public:
  ControlDesk(CommandRunner& runner, const Operators& operators, Counters& counters, BrokerPort& port);

  void request(const std::string& client_id, const std::string& user, ByteView payload);

  static constexpr std::size_t requests_per_user_max = 64;  // without a response

 private:
  struct Pending;
  void advance(const std::shared_ptr<Pending>& pending);
  void run_one(const std::shared_ptr<Pending>& pending, const ControlCommand& command, Done done);
  void send(const std::string& client_id, std::string json);
  void finish(const std::shared_ptr<Pending>& pending);

  CommandRunner& runner_;
  const Operators& operators_;
  Counters& counters_;
  BrokerPort& port_;
  std::unordered_map<std::string, std::size_t> open_;  // requests without a response, by user
};

}  // namespace muster::broker
