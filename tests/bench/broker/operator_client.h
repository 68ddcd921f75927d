// An operator on a raw connection: commands whose answers are checked, statuses read. A refused command ends the
// program. One thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tests/bench/lib/client.h"

namespace muster::bench {

class OperatorClient {
 public:
  explicit OperatorClient(std::uint16_t port, const std::string& client_id = "bench-ops");

  // The answer's data.
  nlohmann::json command(const std::string& name, const nlohmann::json& fields);
  // Asks until `field` of the rollout's status has the value; breaks off after 60 s.
  void wait_for(const std::string& rollout, const std::string& field, const nlohmann::json& value);
  [[nodiscard]] Client& client() { return client_; }

 private:
  Client client_;
};

}  // namespace muster::bench
