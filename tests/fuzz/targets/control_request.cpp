// Requests of the control API. Whatever an operator's client sends: each command is right in its form or says what is
// wrong, and the answer is JSON that carries the same correlation.
#include "broker-plugin/control/request.h"

#include <nlohmann/json.hpp>

#include "broker-plugin/control/answer.h"
#include "schemas/ids.h"
#include "schemas/limits.h"
#include "schemas/text.h"
#include "tests/fuzz/target.h"

namespace {

using namespace muster;

void check_answer(const broker::ControlCommand& command) {
  const auto text = broker::format_responses(
      {broker::format_response(command, broker::Answer::failed(ErrorKind::usage, command.fault + "."))});
  const auto json = nlohmann::json::parse(text, nullptr, false);
  FUZZ_REQUIRE(!json.is_discarded(), "the answer is no JSON: " + text);
  const auto& response = json.at("responses").at(0);
  if (command.correlation) {
    FUZZ_REQUIRE(response.value("correlationData", "") == *command.correlation, "the correlation comes back changed");
  }
}

}  // namespace

FUZZ_TARGET(control_request) {
  const fuzz::ExactCopy copy(input);
  const auto commands = broker::parse_request(copy.view());
  if (!commands) {
    FUZZ_REQUIRE(!commands.error().message.empty(), "a refusal without words");
    return;
  }
  FUZZ_REQUIRE(!commands->empty() && commands->size() <= broker::commands_max, "the number of commands is not held");
  for (const auto& command : *commands) {
    FUZZ_REQUIRE(command.name || !command.fault.empty(), "an unknown command without a word about it");
    check_answer(command);
    if (!command.fault.empty()) continue;
    FUZZ_REQUIRE(is_text(command.reason) && command.reason.size() <= limits::text_len_max,
                 "a reason that devices would refuse");
    FUZZ_REQUIRE(is_text(command.file), "a file name that cannot be shown");
    FUZZ_REQUIRE(command.rollout.empty() || is_id(command.rollout), "a rollout that is no id");
    FUZZ_REQUIRE(command.device.empty() || is_id(command.device), "a device that is no id");
    FUZZ_REQUIRE(command.limit <= broker::list_limit_max && command.size <= limits::file_size_max,
                 "a number too large");
    FUZZ_REQUIRE(command.after.empty() || is_id(command.after), "a page that begins behind no id");
    FUZZ_REQUIRE(command.length <= limits::chunk_data_len_max, "a part too large");
    FUZZ_REQUIRE(command.data.size() <= limits::chunk_data_len_max, "a chunk too large");
  }
}
