#include "schemas/compact/strings.h"

#include "schemas/compact/text.h"
#include "schemas/file_name.h"
#include "schemas/ids.h"
#include "schemas/limits.h"
#include "schemas/manifest_generated.h"

namespace muster::compact {

namespace {

// is_id and is_version of ids.h and is_file_name of file_name.h in one: a path is what has segments.
[[gnu::noinline]] bool is_name(const char* from, const char* end, std::ptrdiff_t len_max, bool is_path) {
  if (end - from > len_max) return false;
  bool begins = true;  // a name, or a segment of a path
  for (; from != end; ++from) {
    const char c = *from;
    if (c == '/' && is_path && !begins) {
      begins = true;
      continue;
    }
    if (c == '.' && begins) return false;
    if (!is_id_char(c) && !(is_path && (c == '+' || c == '@'))) return false;
    begins = false;
  }
  return !begins;
}

bool is_id(const char* from, const char* end) {
  return is_name(from, end, limits::id_len_max, false);
}

// What follows `prefix` in `text`, or null when it does not begin so. Both end with a NUL.
[[gnu::noinline]] const char* behind(const char* text, const char* prefix) {
  for (; *prefix != '\0'; ++prefix, ++text) {
    if (*text != *prefix) return nullptr;
  }
  return text;
}

bool is_path(const char* from, const char* end) {
  if (!is_name(from, end, limits::file_name_len_max, true)) return false;
  return behind(from, manifest_file_name.data()) != end;
}

// As ids.h has them, each with what follows it, one behind the other.
constexpr char attributes[] = "class=\0region=\0site=\0customer=\0os_version=\0memory_tier=\0tag=\0";

constexpr bool are_the_group_attributes() {
  const char* at = attributes;
  for (const auto name : group_attributes) {
    for (const char c : name) {
      if (*at++ != c) return false;
    }
    if (*at++ != '=' || *at++ != '\0') return false;
  }
  return at == attributes + sizeof attributes - 1;
}
static_assert(are_the_group_attributes());

// is_scope of ids.h, over one text instead of a table of views.
bool is_a_scope(const char* from, const char* end) {
  if (behind(from, "fleet") == end) return true;
  if (const char* id = behind(from, "device/")) return is_id(id, end);
  from = behind(from, "group/");
  if (from == nullptr) return false;
  for (const char* attribute = attributes; *attribute != '\0';) {
    if (const char* value = behind(from, attribute)) return is_id(value, end);
    while (*attribute++ != '\0') {
    }
  }
  return false;
}

// An absolute path that names one place: no segment is empty, "." or "..".
bool is_absolute_path(const char* from, const char* end) {
  if (*from != '/') return false;
  int len = 0, dots = 0;  // of the segment so far
  do {
    const char c = *++from;
    if (from == end || c == '/') {
      if (len == dots && len <= 2) return false;
      len = dots = 0;
    } else {
      ++len;
      if (c == '.') ++dots;
    }
  } while (from != end);
  return true;
}

bool is_clean(const char* from, const char* end) {
  while (from != end) {
    const auto len = text_character_len(from, end);
    if (len == 0) return false;
    from += len;
  }
  return true;
}

}  // namespace

WireFault check_text(Kind kind, const std::uint8_t* list, std::ptrdiff_t len_max) {
  const auto [from, end] = text_of(list);
  bool good = false;
  if (kind >= Kind::required_text) {
    if (from != end || kind == Kind::text) {
      if (end - from > len_max) return WireFault::over_limit;
      return is_clean(from, end) ? WireFault::none : WireFault::malformed;
    }
  } else if (kind == Kind::scope) {
    good = is_a_scope(from, end);
  } else if (kind == Kind::file_name) {
    good = is_path(from, end);
  } else {
    good = is_name(from, end, len_max, false) || (from == end && kind == Kind::optional_name);
  }
  return good ? WireFault::none : WireFault::bad_name;
}

bool is_probe_target(unsigned kind, const char* from, const char* end) {
  if (kind == static_cast<unsigned>(wire::ProbeKind::exec)) return is_id(from, end);
  if (kind == static_cast<unsigned>(wire::ProbeKind::file)) return is_path(from, end) || is_absolute_path(from, end);
  return behind(from, "http://") != nullptr || behind(from, "https://") != nullptr;
}

}  // namespace muster::compact
