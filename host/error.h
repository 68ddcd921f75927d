// An operating error: one sentence for people, gaining context on its way up. Linux programs only; a value, any thread.
#pragma once

#include <string>
#include <utility>

namespace muster {

// What kind of trouble, which decides a program's exit code (docs/exit-codes.md).
enum class ErrorKind : unsigned char { usage, not_found, exists, invalid, untrusted, io, no_space, unreachable, refused, timeout, internal };

struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;

  // "reading the key: cannot open /x: No such file or directory"
  [[nodiscard]] Error with_context(const std::string& context) && { return {kind, context + ": " + std::move(message)}; }
};

}  // namespace muster
