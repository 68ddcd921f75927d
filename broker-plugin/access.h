// Who may use which topic: a pure function of the user, what they want and the topic, so that it can be tested as a
// table. Any thread.
#pragma once

#include <string_view>

#include "broker-plugin/core/operators.h"
#include "schemas/topics.h"

namespace muster::broker {

enum class Access : unsigned char { read, write, subscribe, unsubscribe };

// `defer`: not ours to say; the broker's other plugins decide, or the option other_topics.
enum class Verdict : unsigned char { allow, deny, defer };

struct Decision {
  Verdict verdict = Verdict::deny;
  std::string_view reason;  // of a denial: the label of its counter
  TopicKind kind =
      TopicKind::unknown;  // of an allowed write under muster/: what the topic is, so that nobody parses it again
};

// `user` is the authenticated username, empty for nobody; `topic` a topic, or for (un)subscribe a filter. A user is a
// device when it is no operator and its name is a valid id.
[[nodiscard]] Decision decide(const Operators& operators, std::string_view user, Access access, std::string_view topic);

// True when every topic that `filter` matches is matched by `pattern` too.
[[nodiscard]] bool filter_covered(std::string_view filter, std::string_view pattern);

// True when some topic is matched by both.
[[nodiscard]] bool filters_overlap(std::string_view a, std::string_view b);

}  // namespace muster::broker
