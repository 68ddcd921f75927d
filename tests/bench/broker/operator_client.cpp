#include "tests/bench/broker/operator_client.h"

#include <poll.h>

#include <nlohmann/json.hpp>

#include "schemas/topics.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {

OperatorClient::OperatorClient(std::uint16_t port, const std::string& client_id) : client_(port, client_id, "ops") {
  client_.subscribe(control_response_topic, 1);
}

nlohmann::json OperatorClient::command(const std::string& name, const nlohmann::json& fields) {
  auto request = fields;
  request["command"] = name;
  const auto response = nlohmann::json::parse(client_.control(request.dump()), nullptr, false);
  if (!response.is_object() || !response.contains("responses") || response["responses"].size() != 1)
    break_off("the plugin answered %s with %s", name.c_str(), response.dump().c_str());
  const auto& answer = response["responses"][0];
  if (answer.contains("error")) break_off("%s was refused: %s", request.dump().c_str(), answer.dump().c_str());
  return answer.value("data", nlohmann::json::object());
}

void OperatorClient::wait_for(const std::string& rollout, const std::string& field, const nlohmann::json& value) {
  const auto start = Clock::now();
  while (true) {
    const auto status = command("getRollout", {{"rollout", rollout}});
    if (status.value(field, nlohmann::json()) == value) return;
    if (seconds_since(start) > 60)
      break_off("%s of rollout %s is not %s after 60 s: %s", field.c_str(), rollout.c_str(), value.dump().c_str(),
                status.dump().c_str());
    ::poll(nullptr, 0, 10);
  }
}

}  // namespace muster::bench
