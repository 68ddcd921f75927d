#include "schemas/directive_generated.h"
#include "schemas/ids.h"
#include "schemas/topics.h"
#include "tests/fuzz/message_target.h"

// The scope of a directive is the middle of exactly one topic.
FUZZ_TARGET(message_directive) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto* directive =
      fuzz::checked_input<wire::Directive>(copy, wire::DirectiveIdentifier(), limits::directive_len_max);
  if (directive == nullptr) return;
  const auto scope = directive->scope()->str();
  const auto kind = parse_topic(std::string(topic_root) + scope + "/directive").kind;
  FUZZ_REQUIRE(
      kind == TopicKind::fleet_directive || kind == TopicKind::group_directive || kind == TopicKind::device_directive,
      "no topic carries the scope " + scope);
}
