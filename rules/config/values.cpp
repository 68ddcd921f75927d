#include "rules/config/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "rules/condition/did_you_mean.h"
#include "rules/config/load_rule.h"
#include "rules/config/percent.h"
#include "schemas/ids.h"

namespace muster::rules {

namespace {

// True for a scalar; `expected` says what the value should be otherwise.
bool is_scalar(const YamlNode& node, std::string_view what, std::string_view expected, Problems& problems) {
  if (node.kind == YamlNode::Kind::scalar) return true;
  problems.add(node, std::string(what) + " is " + std::string(kind_of(node)), std::string(expected));
  return false;
}

std::optional<std::uint64_t> parse_integer(std::string_view text) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::optional<std::uint64_t> read_any_duration(const YamlNode& node, std::string_view what, std::uint64_t min_ms,
                                               std::uint64_t max_ms, Problems& problems) {
  const std::string range = "a duration from " + duration_as_written(min_ms) + " to " + duration_as_written(max_ms);
  const std::string form = range + ": a whole number with its unit, ms, s, m, h or d, such as 90s or 24h";
  if (!is_scalar(node, what, form, problems)) return std::nullopt;
  std::uint64_t ms = 0;
  if (!parse_duration_ms(node.text, ms)) {
    const bool no_unit = is_number(node.text) && node.text.find('.') == std::string::npos;
    problems.add(node,
                 in_quotes(node.text) + " for " + std::string(what) + (no_unit ? " has no unit" : " is not a duration"),
                 form);
    return std::nullopt;
  }
  if (ms < min_ms || ms > max_ms) {
    problems.add(node, std::string(what) + " of " + node.text + " is out of range", range);
    return std::nullopt;
  }
  return ms;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::size_t shown_max = 60;
  return "'" + std::string(text.substr(0, shown_max)) + (text.size() > shown_max ? "…'" : "'");
}

std::string such_as(std::string_view example) {
  return example.empty() ? std::string() : ", such as " + std::string(example);
}

std::string_view kind_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::empty:
      return "nothing";
    case YamlNode::Kind::scalar:
      return node.quoted ? "a quoted text" : "a plain value";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
  }
  return "a value";
}

std::optional<std::string> read_text(const YamlNode& node, std::string_view what, std::size_t len_max,
                                     Problems& problems) {
  if (!is_scalar(node, what, "a text", problems)) return std::nullopt;
  if (node.text.empty() || node.text.size() > len_max) {
    problems.add(node,
                 std::string(what) +
                     (node.text.empty() ? " is empty" : " is " + std::to_string(node.text.size()) + " bytes long"),
                 "1 to " + std::to_string(len_max) + " bytes");
    return std::nullopt;
  }
  return node.text;
}

std::optional<std::string> read_id(const YamlNode& node, std::string_view what, Problems& problems) {
  const std::string form = "1 to 64 of the characters A-Z a-z 0-9 . _ -, not starting with '.'";
  if (!is_scalar(node, what, form, problems)) return std::nullopt;
  if (is_id(node.text)) return node.text;
  problems.add(node, in_quotes(node.text) + " cannot be " + std::string(what), form);
  return std::nullopt;
}

std::optional<std::uint64_t> read_integer(const YamlNode& node, std::string_view what, std::uint64_t min,
                                          std::uint64_t max, Problems& problems) {
  const std::string form = "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  if (!is_scalar(node, what, form, problems)) return std::nullopt;
  const auto value = parse_integer(node.text);
  if (node.quoted && value) {
    problems.add(node, std::string(what) + " is a quoted text", "the number without quote marks: " + node.text);
    return std::nullopt;
  }
  if (!value) {
    const std::size_t digits = std::min(node.text.find_first_not_of("0123456789"), node.text.size());
    const bool has_unit = digits > 0 && node.text.find('.') == std::string::npos && !is_number(node.text);
    problems.add(node,
                 in_quotes(node.text) + " for " + std::string(what) +
                     (has_unit                     ? " has a unit"
                      : digits == node.text.size() ? " does not fit"
                                                   : " is not a whole number"),
                 form + (has_unit ? ", without a unit: " + node.text.substr(0, digits) : ""));
    return std::nullopt;
  }
  if (*value < min || *value > max) {
    problems.add(node, std::string(what) + " of " + node.text + " is out of range", form);
    return std::nullopt;
  }
  return value;
}

std::optional<double> read_number(const YamlNode& node, std::string_view what, std::uint32_t largest,
                                  Problems& problems) {
  const std::string bound = std::to_string(largest);
  const std::string form = "a number from -" + bound + " to " + bound + ", such as 180, 0.5 or -20";
  if (!is_scalar(node, what, form, problems)) return std::nullopt;
  const std::string_view text = node.text;
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool starts_well = read.ec == std::errc() && std::isfinite(value);
  const bool whole = starts_well && read.ptr == text.data() + text.size();
  if (node.quoted && whole) {
    problems.add(node, std::string(what) + " is a quoted text", "the number without quote marks: " + node.text);
    return std::nullopt;
  }
  if (whole && std::abs(value) > largest) {
    problems.add(node, std::string(what) + " of " + node.text + " is out of range", form);
    return std::nullopt;
  }
  if (whole) return value;
  const std::string number(text.data(), starts_well ? read.ptr : text.data());
  problems.add(node, in_quotes(text) + " for " + std::string(what) + (starts_well ? " has a unit" : " is not a number"),
               starts_well ? form + ", without a unit: " + number : form);
  return std::nullopt;
}

std::optional<std::uint32_t> read_percent_ppm(const YamlNode& node, std::string_view what, std::uint32_t min_ppm,
                                              std::uint32_t max_ppm, Problems& problems) {
  const std::string range = "a percentage from " + percent_text(min_ppm) + "% to " + percent_text(max_ppm) + "%";
  const std::string form = range + ": a number with its percent sign and at most four decimals, such as " +
                           (min_ppm > 500'000 ? "99% or 99.5%" : "5% or 0.25%");
  if (!is_scalar(node, what, form, problems)) return std::nullopt;
  std::uint64_t ppm = 0;
  const PercentFault fault = parse_percent_ppm(node.text, ppm);
  if (fault != PercentFault::none) {
    problems.add(node,
                 in_quotes(node.text) + " for " + std::string(what) +
                     (fault == PercentFault::no_sign    ? " has no percent sign"
                      : fault == PercentFault::too_fine ? " has more than four decimals"
                                                        : " is not a percentage"),
                 form);
    return std::nullopt;
  }
  if (ppm < min_ppm || ppm > max_ppm) {
    problems.add(node, std::string(what) + " of " + node.text + " is out of range", range);
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(ppm);
}

std::optional<std::uint32_t> read_duration_ms(const YamlNode& node, std::string_view what, std::uint64_t min_ms,
                                              std::uint64_t max_ms, Problems& problems) {
  const auto ms = read_any_duration(node, what, min_ms, max_ms, problems);
  if (!ms) return std::nullopt;
  return static_cast<std::uint32_t>(*ms);
}

std::optional<std::uint64_t> read_duration_s(const YamlNode& node, std::string_view what, std::uint64_t min_s,
                                             std::uint64_t max_s, Problems& problems) {
  const auto ms = read_any_duration(node, what, min_s * 1000, max_s * 1000, problems);
  if (!ms) return std::nullopt;
  if (*ms % 1000 != 0) {
    problems.add(node, std::string(what) + " of " + node.text + " is not in whole seconds",
                 "a duration in s, m, h or d");
    return std::nullopt;
  }
  return *ms / 1000;
}

std::optional<std::size_t> read_choice(const YamlNode& node, std::string_view what,
                                       const std::vector<std::string_view>& choices, Problems& problems) {
  if (!is_scalar(node, what, either_of(choices), problems)) return std::nullopt;
  const auto found = std::find(choices.begin(), choices.end(), node.text);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  const std::string_view meant = closest(node.text, choices);
  problems.add(node, in_quotes(node.text) + " is no choice for " + std::string(what),
               meant.empty() ? either_of(choices) : "did you mean '" + std::string(meant) + "'?");
  return std::nullopt;
}

std::optional<OwnedReleaseRef> read_release_ref(const YamlNode& node, std::string_view what, Problems& problems) {
  const std::string form =
      "name@version, such as yolo-v8n@2.1.0: a name of up to 64 and a version of up to 32 characters of A-Z a-z 0-9 . "
      "_ -";
  if (!is_scalar(node, what, form, problems)) return std::nullopt;
  ReleaseRef ref;
  if (parse_release_ref(node.text, ref)) return OwnedReleaseRef{std::string(ref.name), std::string(ref.version)};
  const bool bare = is_id(node.text);
  problems.add(
      node, in_quotes(node.text) + (bare ? " for " + std::string(what) + " names no version" : " is no release"), form);
  return std::nullopt;
}

const std::vector<YamlNode>* read_list(const YamlNode& node, std::string_view what, std::size_t min, std::size_t max,
                                       Problems& problems, std::string_view example) {
  const std::string size = std::to_string(min) + " to " + std::to_string(max) + " items";
  if (node.kind != YamlNode::Kind::list) {
    problems.add(node, std::string(what) + " is " + std::string(kind_of(node)), "a list of " + size + such_as(example));
    return nullptr;
  }
  if (node.items.size() < min || node.items.size() > max) {
    problems.add(node,
                 std::string(what) + (node.items.empty() ? " is an empty list"
                                                         : " has " + std::to_string(node.items.size()) + " items"),
                 size);
    return nullptr;
  }
  return &node.items;
}

std::optional<ReadCondition> read_condition(const YamlNode& node, std::string_view what, const Vocabulary& vocabulary,
                                            Problems& problems) {
  if (node.kind == YamlNode::Kind::list) {
    problems.add(node, std::string(what) + " is a list",
                 "a condition; one that starts with '[' goes in quote marks as a whole");
    return std::nullopt;
  }
  if (!is_scalar(node, what, "a condition, such as device.region == \"eu\"", problems)) return std::nullopt;
  CompiledCondition compiled = compile_condition(node.text, vocabulary);
  for (ConditionError& error : compiled.errors) {
    problems.add(offset_in_scalar(problems.source(), node, error.offset), std::move(error.what),
                 std::move(error.expected));
  }
  if (!compiled.ok()) return std::nullopt;
  return ReadCondition{node.text, std::move(compiled.program)};
}

}  // namespace muster::rules
