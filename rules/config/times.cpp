#include "rules/config/times.h"

#include <algorithm>

#include "rules/config/load_rule.h"

namespace muster::rules {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr std::uint16_t no_time = UINT16_MAX;

// "02:30" in minutes, when it is written so and neither part is too large; else no_time.
std::uint16_t minutes_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return no_time;
  for (const std::size_t place : {0u, 1u, 3u, 4u}) {
    if (!is_digit(text[place])) return no_time;
  }
  const auto two = [&](std::size_t place) {
    return static_cast<std::uint32_t>(10 * (text[place] - '0') + (text[place + 1] - '0'));
  };
  const auto minutes = 60 * two(0) + two(3);
  return two(3) < 60 && minutes <= day_min ? static_cast<std::uint16_t>(minutes) : no_time;
}

// no_time, and a problem, for what is none.
std::uint16_t read_time(const YamlNode& node, const Key& key, Problems& problems) {
  const auto minutes = node.kind == YamlNode::Kind::scalar ? minutes_of(node.text) : no_time;
  const bool is_end = key.name == "to";
  if (minutes != no_time && (minutes < day_min || is_end)) return minutes;
  const auto given = node.kind == YamlNode::Kind::scalar ? in_quotes(node.text) : std::string(kind_of(node));
  problems.add(node, given + " for " + std::string(key.name) + " is no time of day",
               std::string("two digits, a colon and two digits, from 00:00 to ") + (is_end ? "24:00" : "23:59"));
  return no_time;
}

// The words of a list as bits, 0 when there is none; adds a problem for one that is there twice.
std::uint32_t read_bits(const std::vector<YamlNode>& items, const Key& key, Problems& problems) {
  std::uint32_t bits = 0;
  for (const YamlNode& item : items) {
    const auto word = read_word(item, key, problems);
    if (!word) continue;
    if ((bits >> *word & 1) != 0)
      problems.add(item, in_quotes(item.text) + " is in " + std::string(key.name) + " twice", "each once");
    bits |= 1u << *word;
  }
  return bits;
}

std::string list_of_bits(std::uint32_t bits, const Key& key) {
  std::string text;
  for (std::size_t i = 0; i < key.words.size(); ++i) {
    if ((bits >> i & 1) != 0) text += (text.empty() ? "[" : ", ") + std::string(key.words[i]);
  }
  return text + "]";
}

std::string clock_text(std::uint32_t minutes) {
  const auto two = [](std::uint32_t number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return two(minutes / 60) + ":" + two(minutes % 60);
}

Window read_window(const YamlNode& node, Problems& problems) {
  Fields fields(node, keys::window, problems);
  Window window;
  if (const auto* days = fields.list("days")) {
    window.days = static_cast<std::uint8_t>(read_bits(*days, key_of(keys::window, "days"), problems));
  }
  const YamlNode* from = fields.value("from");
  const YamlNode* to = fields.value("to");
  const auto from_min = from == nullptr ? no_time : read_time(*from, key_of(keys::window, "from"), problems);
  const auto to_min = to == nullptr ? no_time : read_time(*to, key_of(keys::window, "to"), problems);
  window.from_min = from_min == no_time ? std::uint16_t{0} : from_min;
  window.to_min = to_min == no_time ? std::uint16_t{0} : to_min;
  if (from_min != no_time && from_min == to_min)
    problems.add(*to, "the window ends when it begins",
                 "a later time; for the whole day from: \"00:00\", to: \"24:00\"");
  return window;
}

void check_waits(const Fields& fields, const Retry& retry, Problems& problems) {
  const YamlNode* place = fields.find("wait_max");
  if (place == nullptr) place = fields.find("wait");
  if (place == nullptr || retry.wait_max_s >= retry.wait_s) return;
  problems.add(*place,
               "wait_max of " + duration_as_written(retry.wait_max_s * 1000) + " is shorter than wait of " +
                   duration_as_written(retry.wait_s * 1000),
               "a wait_max that is at least as long, or a shorter wait");
}

// What it does not say is as the rest of `retry` has it.
Retry read_retry_by_error(const YamlNode& node, const Retry& rest, RetryReasons& named, Problems& problems) {
  Fields fields(node, keys::retry_by_error, problems);
  Retry retry{rest.attempts, rest.wait_s, rest.wait_max_s, 0};
  if (!fields.is_map()) return retry;
  if (fields.find("attempts") != nullptr) retry.attempts = fields.integer32("attempts");
  if (fields.find("wait") != nullptr) retry.wait_s = fields.duration_s("wait");
  if (fields.find("wait_max") != nullptr) retry.wait_max_s = fields.duration_s("wait_max");
  if (const auto* on = fields.list("on")) {
    retry.on = read_bits(*on, key_of(keys::retry_by_error, "on"), problems);
    const auto twice = retry.on & named;
    if (twice != 0)
      problems.add(node, "another of by_error speaks of " + list_of_bits(twice, key_of(keys::retry_by_error, "on")),
                   "each error in one of them");
    named |= retry.on;
  }
  check_waits(fields, retry, problems);
  return retry;
}

std::string by_error_as_written(const Retry& one, const Retry& rest) {
  auto text = "{ on: " + list_of_bits(one.on, key_of(keys::retry_by_error, "on"));
  if (one.attempts != rest.attempts) text += ", attempts: " + std::to_string(one.attempts);
  if (one.wait_s != rest.wait_s) text += ", wait: " + duration_as_written(one.wait_s * 1000);
  if (one.wait_max_s != rest.wait_max_s) text += ", wait_max: " + duration_as_written(one.wait_max_s * 1000);
  return text + " }";
}

}  // namespace

Retry read_retry(const YamlNode& node, Problems& problems) {
  Fields fields(node, keys::retry, problems);
  Retry retry;
  if (!fields.is_map()) return retry;
  retry.attempts = fields.integer32("attempts");
  retry.wait_s = fields.duration_s("wait");
  retry.wait_max_s = fields.duration_s("wait_max");
  if (const auto* on = fields.list("on")) retry.on = read_bits(*on, key_of(keys::retry, "on"), problems);
  check_waits(fields, retry, problems);
  RetryReasons named = 0;
  if (const auto* items = fields.list("by_error")) {
    for (const YamlNode& item : *items) retry.by_error.push_back(read_retry_by_error(item, retry, named, problems));
  }
  return retry;
}

std::vector<Window> read_windows(Fields& fields, Problems& problems) {
  std::vector<Window> windows;
  const auto* items = fields.list("windows");
  if (items == nullptr) return windows;
  for (const YamlNode& item : *items) windows.push_back(read_window(item, problems));
  return windows;
}

std::optional<std::int16_t> read_utc_offset(const YamlNode& node, std::string_view what, Problems& problems) {
  const std::string_view text = node.kind == YamlNode::Kind::scalar ? std::string_view(node.text) : std::string_view();
  const bool is_signed = !text.empty() && (text[0] == '+' || text[0] == '-');
  const auto minutes = is_signed ? minutes_of(text.substr(1)) : no_time;
  const auto offset_min = minutes == no_time ? 0 : static_cast<std::int32_t>(minutes) * (text[0] == '-' ? -1 : 1);
  if (minutes != no_time && is_utc_offset(offset_min) && offset_min % zone_min == 0)
    return static_cast<std::int16_t>(offset_min);
  const auto given = node.kind == YamlNode::Kind::scalar ? in_quotes(text) : std::string(kind_of(node));
  problems.add(node, given + " for " + std::string(what) + " is no distance from UTC",
               "a sign, hours and a quarter of an hour, from -12:00 to +14:00, such as +01:00 or -03:30");
  return std::nullopt;
}

std::string retry_as_written(const Retry& retry) {
  const Retry usual;
  std::string text = "{ attempts: " + std::to_string(retry.attempts);
  if (retry.wait_s != usual.wait_s) text += ", wait: " + duration_as_written(retry.wait_s * 1000);
  if (retry.wait_max_s != usual.wait_max_s) text += ", wait_max: " + duration_as_written(retry.wait_max_s * 1000);
  if (retry.on != usual.on) text += ", on: " + list_of_bits(retry.on, key_of(keys::retry, "on"));
  if (retry.by_error.empty()) return text + " }";
  text += ", by_error: [";
  for (const Retry& one : retry.by_error) text += (text.back() == '[' ? "" : ", ") + by_error_as_written(one, retry);
  return text + "] }";
}

std::string window_as_written(const Window& window) {
  std::string text = "{ ";
  if (window.days != all_days) text += "days: " + list_of_bits(window.days, key_of(keys::window, "days")) + ", ";
  return text + "from: \"" + clock_text(window.from_min) + "\", to: \"" + clock_text(window.to_min) + "\" }";
}

}  // namespace muster::rules
