// JSON objects of plain fields, as text: what commands print with --json and what requests are made of. Keeps the JSON
// library in the .cpp files. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace muster::ctl {

// JSON that is already text and goes in as it is.
struct RawJson {
  std::string text;
};

using JsonField = std::variant<std::string, std::uint64_t, bool, std::vector<std::string>, RawJson>;
using JsonFields = std::vector<std::pair<std::string, JsonField>>;

// One object on one line, fields in the order given. Bytes that are not UTF-8 are replaced, never an error.
[[nodiscard]] std::string json_object(const JsonFields& fields);

// `["a","b"]`
[[nodiscard]] std::string json_array(const std::vector<RawJson>& items);

// The same JSON over several lines with two-space indents, for people who read it; `text` itself when it is not JSON.
[[nodiscard]] std::string json_pretty(const std::string& text);

}  // namespace muster::ctl
