#include "operator/json_text.h"

#include <nlohmann/json.hpp>

namespace muster::ctl {
namespace {

// A string as a JSON literal; what is not UTF-8 becomes U+FFFD.
std::string json_quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

struct ToText {
  std::string operator()(const std::string& text) const { return json_quoted(text); }
  std::string operator()(std::uint64_t number) const { return std::to_string(number); }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(const RawJson& raw) const { return raw.text; }
  std::string operator()(const std::vector<std::string>& items) const {
    std::string text = "[";
    for (const auto& item : items) text += (text.size() > 1 ? "," : "") + json_quoted(item);
    return text + "]";
  }
};

}  // namespace

std::string json_object(const JsonFields& fields) {
  std::string text = "{";
  for (const auto& [name, value] : fields) {
    if (text.size() > 1) text += ",";
    text += json_quoted(name) + ":" + std::visit(ToText{}, value);
  }
  return text + "}";
}

std::string json_array(const std::vector<RawJson>& items) {
  std::string text = "[";
  for (const auto& item : items) text += (text.size() > 1 ? "," : "") + item.text;
  return text + "]";
}

std::string json_pretty(const std::string& text) {
  const auto parsed = nlohmann::ordered_json::parse(text, nullptr, false);
  return parsed.is_discarded() ? text : parsed.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace muster::ctl
