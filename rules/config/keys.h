// The keys of rule and release files, one row each: its name, how its value is written, range, default and meaning. The
// readers take these from here, and so do the tables of docs/rules.md and the schema for editors, so that what is read,
// what is said and what is offered cannot differ. Constants; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace muster::rules {

// How a value is written.
enum class Form : std::uint8_t {
  id,                 // a name that is safe in topics and file names (schemas/ids.h)
  text,               // up to `max` bytes
  release,            // name@version
  flag,               // true or false
  integer,            // from `min` to `max`
  number,             // a decimal number from -max to max
  percentage,         // 5% or 0.25%; `min` and `max` in millionths
  duration,           // 90s or 24h, in whole seconds; `min` and `max` in seconds
  fine_duration,      // the same down to a millisecond; `min` and `max` in milliseconds
  word,               // one of `words`
  device_condition,   // over what a device says of itself
  reading_condition,  // over what a device measures
  tag_group,          // tag.NAME
  metric,             // the name of something that devices measure
  minimum_version,    // ">= 2.1.0"
  minimum_integer,    // ">= 1024"; `min` and `max` bound the number
  file,               // a path below the release file's folder, up to `max` bytes
  probed_file,        // such a path, or an absolute one on the device
  url,                // http://…
  day,                // 2027-06-30
  time_of_day,        // 02:30
  utc_offset,         // +05:30
  map,                // `keys`
  texts,              // a map of names of one's own to texts of up to `max` bytes
};

using Words = std::span<const std::string_view>;
struct Section;

struct Key {
  std::string_view name;
  Form form = Form::text;
  std::string_view doc;            // a sentence or two; Markdown's backticks around what a file would say
  std::string_view see = {};       // where docs/rules.md has more: "#guardrails"
  bool required = false;           // where its section is
  std::string_view fallback = {};  // what counts when the key is not there, as a file would write it
  std::string_view absent = {};    // the same in words, where there is no such value: "none"
  std::string_view example = {};   // what to add where a required key is missing, or what a list looks like
  std::string_view what = {};      // the value in messages, where the key's name would not do: "the name of a wave"
  std::uint64_t min = 0, max = 0;  // as the form says
  Words words = {};                // what a word may be; with another form: words that may stand in its place
  const Section* keys = nullptr;   // of a map, or of each map of a list
  std::uint32_t items_min = 0, items_max = 0;  // a list of so many values of this form; items_max 0: no list
  std::string_view of_strategy = {};           // the one word of `strategy` that takes it
  bool required_of_it = false;                 // that strategy cannot do without
  std::string_view not_beside = {};            // a key that takes its place
};

// One map with a fixed set of keys.
struct Section {
  std::string_view what;  // in messages: "a wave"
  std::span<const Key> keys;
  Words exactly_one = {};         // of these keys
  Words at_least_one = {};        // of these keys
  std::string_view example = {};  // what such a map looks like: "rollback: { on_abort: revert }"
};

namespace keys {
// A rule file and what stands in it.
extern const Section rule, versions, wave, rehearse, halt, pace, retry, retry_by_error, window, guardrail,
    on_inconclusive, rollback;
// A release file and what stands in it.
extern const Section release, requirements, compatible, runtime, probe, release_shadow, activation, recovery_rule;
}  // namespace keys

// REQUIRES: the section has it.
[[nodiscard]] const Key& key_of(const Section& section, std::string_view name);

// What a value may be, in a few words of Markdown: "duration, 1s–30d", "`auto` or `manual`".
[[nodiscard]] std::string value_text(const Key& key);

}  // namespace muster::rules
