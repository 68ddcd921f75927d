#include "broker-plugin/control/answer.h"

namespace muster::broker {
namespace {

// Length of the UTF-8 sequence that starts at `at`, 0 when it is not valid (RFC 3629, section 4).
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!tail(1) || !tail(2)) return 0;
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;
    return lead == 0xed && byte(1) > 0x9f ? 0 : 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xf0 && byte(1) < 0x90) return 0;
    return lead == 0xf4 && byte(1) > 0x8f ? 0 : 4;
  }
  return 0;
}

}  // namespace

std::string json_quoted(std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string json = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    const auto length = utf8_length(text, at);
    if (length == 0) {
      json += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      json += {'\\', static_cast<char>(c)};
    } else if (c == '\n') {
      json += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      json += "\\u00";
      json += {digits[c >> 4], digits[c & 15]};
    } else {
      json += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return json + "\"";
}

Answer Answer::message(std::string_view text) {
  return with("{\"message\":" + json_quoted(text) + "}");
}

std::string_view api_kind(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::exists:
      return "exists";
    case ErrorKind::invalid:
      return "invalid";
    case ErrorKind::untrusted:
      return "untrusted";
    case ErrorKind::refused:
      return "refused";
    case ErrorKind::no_space:
      return "no_space";
    case ErrorKind::io:
    case ErrorKind::unreachable:
    case ErrorKind::timeout:
    case ErrorKind::internal:
      return "internal";
  }
  return "internal";
}

std::string format_response(const ControlCommand& command, const Answer& answer) {
  std::string json = "{\"command\":" + json_quoted(command.text);
  if (command.correlation) json += ",\"correlationData\":" + json_quoted(*command.correlation);
  if (answer.error.empty()) return json + ",\"data\":" + (answer.data.empty() ? "{}" : answer.data) + "}";
  json += ",\"error\":" + json_quoted(answer.error) + ",\"kind\":" + json_quoted(api_kind(answer.kind));
  if (!answer.diagnostics.empty()) {
    json += ",\"diagnostics\":[";
    for (const auto& line : answer.diagnostics)
      json += (&line == &answer.diagnostics.front() ? "" : ",") + json_quoted(line);
    json += "]";
  }
  return json + "}";
}

std::string format_responses(const std::vector<std::string>& responses) {
  std::string json = "{\"responses\":[";
  for (const auto& response : responses) json += (&response == &responses.front() ? "" : ",") + response;
  return json + "]}";
}

}  // namespace muster::broker
