// BrokerPort over Mosquitto's own functions. Broker thread only.
#pragma once

#include <utility>

#include "broker-plugin/core/broker_port.h"

namespace muster::broker {

class BrokerCalls final : public BrokerPort {
 public:
  void publish(const Publication& publication) override;
  void log(host::LogLevel level, const std::string& line) override;

  // Whether anything was published since the last call.
  [[nodiscard]] bool take_published() { return std::exchange(published_, false); }

 private:
  bool published_ = false;
};

}  // namespace muster::broker
