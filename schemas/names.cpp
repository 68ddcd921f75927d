// The names of faults, and what must hold between topics.h, ids.h and limits.h, proven when this file compiles.
#include "schemas/file_name.h"
#include "schemas/ids.h"
#include "schemas/limits.h"
#include "schemas/text.h"
#include "schemas/topics.h"
#include "schemas/wire.h"

namespace muster {

namespace {

// The longest name that a kind of topic can hold.
constexpr std::size_t name_len_max(TopicKind kind) {
  if (kind != TopicKind::group_directive) return limits::id_len_max;
  std::size_t attribute_len_max = 0;
  for (const auto name : group_attributes) {
    if (name.size() > attribute_len_max) attribute_len_max = name.size();
  }
  return attribute_len_max + 1 + limits::id_len_max;
}

constexpr bool every_topic_fits() {
  for (const auto& shape : detail::topic_shapes) {
    const std::size_t name_len = shape.named ? name_len_max(shape.kind) : 0;
    if (topic_root.size() + shape.scope.size() + name_len + shape.leaf.size() > limits::topic_len_max) return false;
  }
  return true;
}

constexpr bool every_kind_has_one_shape() {
  for (unsigned kind = 1; kind <= static_cast<unsigned>(TopicKind::metrics); ++kind) {
    unsigned found = 0;
    for (const auto& shape : detail::topic_shapes) found += shape.kind == static_cast<TopicKind>(kind) ? 1 : 0;
    if (found != 1) return false;
  }
  return true;
}

static_assert(every_topic_fits(), "format_topic writes into a buffer of topic_len_max");
static_assert(every_kind_has_one_shape(), "parse_topic and format_topic share one row for each kind");
static_assert(parse_topic("muster/v1/device/gw-17/chunk/get") == Topic{TopicKind::chunk_get, "gw-17"});
static_assert(parse_topic("muster/v1/device/a/b/state").kind == TopicKind::unknown);
static_assert(is_scope("group/region=de") && !is_scope("group/colour=red"));
static_assert(is_file_name("lang/deu.traineddata") && !is_file_name("../etc/passwd") && !is_file_name("a//b"));
static_assert(is_text("12 \xC2\xB0"
                      "C") &&
              !is_text("\x1B[2J") && !is_text("\xC0\x80"));

}  // namespace

std::string_view name_of(WireFault fault) {
  switch (fault) {
    case WireFault::none:
      return "none";
    case WireFault::too_long:
      return "too_long";
    case WireFault::misaligned:
      return "misaligned";
    case WireFault::wrong_kind:
      return "wrong_kind";
    case WireFault::malformed:
      return "malformed";
    case WireFault::over_limit:
      return "over_limit";
    case WireFault::bad_name:
      return "bad_name";
    case WireFault::unknown_value:
      return "unknown_value";
  }
  return "unknown";
}

}  // namespace muster
