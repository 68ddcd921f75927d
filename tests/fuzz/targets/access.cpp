// Who may use which topic. The input is a user, a line, and a topic or filter.
#include "broker-plugin/access.h"
#include "schemas/ids.h"
#include "schemas/topics.h"
#include "tests/fuzz/target.h"

namespace {

using namespace muster;
using broker::Access;
using broker::Verdict;

bool has_wildcard(std::string_view topic) {
  return topic.find_first_of("+#") != std::string_view::npos;
}

void check_device(const broker::Operators& operators, std::string_view user, std::string_view text) {
  if (broker::decide(operators, user, Access::write, text).verdict == Verdict::allow) {
    FUZZ_REQUIRE(is_id(user) && parse_topic(text).name == user, "a device writes what is not its own");
  }
  if (broker::decide(operators, user, Access::subscribe, text).verdict != Verdict::allow) return;
  // Whatever the filter matches may also be read: samples of everything that belongs to others.
  for (const std::string topic :
       {"muster/v1/device/other/state", "muster/v1/device/other/assignment", "muster/v1/rollout/r", "muster/v1/metrics",
        "$CONTROL/muster/v1", "$CONTROL/muster/v1/response", "muster/v2/x", "muster"}) {
    if (user == "other") continue;
    FUZZ_REQUIRE(!broker::filters_overlap(text, topic), "the filter " + std::string(text) + " reads " + topic);
  }
}

}  // namespace

FUZZ_TARGET(access) {
  static const broker::Operators operators = {
      {"ops", {true, true, true}}, {"viewer", {true, false, false}}, {"idle", {}}};
  fuzz::Choices choices(input);
  const auto user = choices.line();
  const auto text = choices.rest();
  for (const auto access : {Access::read, Access::write, Access::subscribe}) {
    const auto decision = broker::decide(operators, user, access, text);
    FUZZ_REQUIRE((decision.verdict == Verdict::deny) == !decision.reason.empty(), "a denial without a reason");
    const bool control = text.substr(0, 16) == "$CONTROL/muster/" && !has_wildcard(text);
    if (control && user != "ops" && user != "viewer") {
      FUZZ_REQUIRE(decision.verdict == Verdict::deny, "a stranger at the control desk");
    }
  }
  if (!operators.contains(user)) check_device(operators, user, text);
  // A filter that is covered by another one overlaps with it, when it can match anything at all.
  if (!has_wildcard(text)) {
    FUZZ_REQUIRE(broker::filter_covered(text, text) && broker::filters_overlap(text, text),
                 "a topic matches not itself");
  }
  for (const std::string_view pattern : {"muster/#", "muster/v1/device/+/state", "$CONTROL/muster/#"}) {
    if (!has_wildcard(text) && broker::filter_covered(text, pattern)) {
      FUZZ_REQUIRE(broker::filters_overlap(text, pattern), "covered without a common topic");
    }
  }
}
