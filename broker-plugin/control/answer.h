// The answer to one command, and the text of responses. Plain data and pure functions; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "broker-plugin/control/request.h"
#include "host/error.h"

namespace muster::broker {

struct Answer {
  std::string data;                      // JSON; set when there is no error
  std::string error;                     // one sentence; empty for success
  ErrorKind kind = ErrorKind::internal;  // of an error
  std::vector<std::string> diagnostics;  // "file:line:column: …", beside an error

  [[nodiscard]] static Answer with(std::string json) { return {std::move(json), {}, {}, {}}; }
  [[nodiscard]] static Answer failed(ErrorKind kind, std::string error) { return {{}, std::move(error), kind, {}}; }
  [[nodiscard]] static Answer failed(const Error& error) { return failed(error.kind, error.message); }
  // {"message": text}
  [[nodiscard]] static Answer message(std::string_view text);
};
using Done = std::function<void(Answer)>;

// One object of "responses".
[[nodiscard]] std::string format_response(const ControlCommand& command, const Answer& answer);
// {"responses": [...]}
[[nodiscard]] std::string format_responses(const std::vector<std::string>& responses);

// The word for `kind` in the API: usage, not_found, exists, invalid, untrusted, refused, no_space or internal.
[[nodiscard]] std::string_view api_kind(ErrorKind kind);

// A JSON string; bytes that are not UTF-8 become U+FFFD. Not called `quoted`: a call with a std::string would mean the
// standard library's where a header brings that one in.
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace muster::broker
