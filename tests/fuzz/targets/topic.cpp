// Topics: parsing and formatting are inverse, and ids, scopes and release references mean one thing.
#include "schemas/file_name.h"
#include "schemas/ids.h"
#include "schemas/topics.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(topic) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto text = copy.view().text();
  const auto topic = parse_topic(text);
  if (topic.kind != TopicKind::unknown) {
    FUZZ_REQUIRE(text.size() <= limits::topic_len_max, "a topic beyond the limit");
    FUZZ_REQUIRE(format_topic(topic).view() == text, "formatted it is another topic");
  } else {
    FUZZ_REQUIRE(format_topic({TopicKind::unknown, text}).view().empty(), "an unknown topic has a text");
  }
  ReleaseRef ref;
  if (parse_release_ref(text, ref)) {
    FUZZ_REQUIRE(std::string(ref.name) + "@" + std::string(ref.version) == text, "a reference loses characters");
  }
  if (is_scope(text)) {
    const auto carrier = parse_topic(std::string(topic_root) + std::string(text) + "/directive");
    FUZZ_REQUIRE(carrier.kind != TopicKind::unknown, "a scope without a topic");
  }
  if (is_id(text)) {
    FUZZ_REQUIRE(format_topic({TopicKind::device_state, text}).size > 0, "an id that fits no topic");
    // manifest.menv is an id, and the one name that no file of a release may have.
    FUZZ_REQUIRE(is_file_name(text) || text == manifest_file_name, "an id that is no file name");
  }
}
