// What musterctl's exit code says, as docs/exit-codes.md lists it for scripts. Codes never change meaning. Pure; any
// thread.
#pragma once

#include <optional>
#include <string_view>

#include "host/error.h"

namespace muster::ctl {

enum class ExitCode : int {
  ok = 0,
  internal = 1,
  usage = 2,
  not_found = 3,
  exists = 4,
  invalid = 5,
  untrusted = 6,
  io = 7,
  no_space = 8,
  unreachable = 9,
  refused = 10,
  timeout = 11,
  // Only `rollout watch` and `rollout wait`: the rollout itself ended otherwise than was asked for.
  rollout_halted = 20,
  rollout_aborted = 21,
  rollout_completed = 22,
};

[[nodiscard]] constexpr ExitCode exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return ExitCode::usage;
    case ErrorKind::not_found:
      return ExitCode::not_found;
    case ErrorKind::exists:
      return ExitCode::exists;
    case ErrorKind::invalid:
      return ExitCode::invalid;
    case ErrorKind::untrusted:
      return ExitCode::untrusted;
    case ErrorKind::io:
      return ExitCode::io;
    case ErrorKind::no_space:
      return ExitCode::no_space;
    case ErrorKind::unreachable:
      return ExitCode::unreachable;
    case ErrorKind::refused:
      return ExitCode::refused;
    case ErrorKind::timeout:
      return ExitCode::timeout;
    case ErrorKind::internal:
      return ExitCode::internal;
  }
  return ExitCode::internal;
}

// The words of the control API's `kind` and of --json errors.
struct KindName {
  ErrorKind kind;
  std::string_view name;
};
inline constexpr KindName kind_names[] = {
    {ErrorKind::usage, "usage"},       {ErrorKind::not_found, "not_found"},     {ErrorKind::exists, "exists"},
    {ErrorKind::invalid, "invalid"},   {ErrorKind::untrusted, "untrusted"},     {ErrorKind::io, "io"},
    {ErrorKind::no_space, "no_space"}, {ErrorKind::unreachable, "unreachable"}, {ErrorKind::refused, "refused"},
    {ErrorKind::timeout, "timeout"},   {ErrorKind::internal, "internal"},
};

[[nodiscard]] constexpr std::string_view name_of(ErrorKind kind) {
  for (const auto& entry : kind_names) {
    if (entry.kind == kind) return entry.name;
  }
  return "internal";
}

[[nodiscard]] constexpr std::optional<ErrorKind> error_kind_from(std::string_view name) {
  for (const auto& entry : kind_names) {
    if (entry.name == name) return entry.kind;
  }
  return std::nullopt;
}

}  // namespace muster::ctl
