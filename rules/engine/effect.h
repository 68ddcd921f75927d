// What the host must do, in this order. Persist and Audit become durable BEFORE any later effect of the same step is
// performed; Reply, Assign, Direct and RolloutStatus may leave only after the step's records are safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rules/engine/event.h"

namespace muster::rules {

// Write `value` under `key`, or delete the key when there is none. Keys are the engine's; the host only stores them,
// and gives all of them back to Engine::restore.
struct Persist {
  std::string key;
  std::optional<std::string> value;
};

// One decision or command for the audit record: who did what to what, when and why. "muster" is the engine itself.
struct Audit {
  std::string who;      // operator, device id, or "muster"
  std::string what;     // a fixed word of audit_words.h: rollout.started, wave.opened, device.failed, …
  std::string subject;  // rollout, device or scope
  std::string why;      // the reason, in a sentence, with the counts that decided it
};

// Give this device this version set. Replaces whatever its assignment was.
struct Assign {
  std::string device;
  std::uint64_t epoch = 0;                         // larger than any the device had
  std::string rollout;                             // what caused it
  std::vector<std::pair<Plane, Sha256>> releases;  // in activation order; zero digest: the plane is to be empty
  std::uint64_t soak_s = 0;
  HoldPoint hold = HoldPoint::none;
  std::vector<std::pair<Plane, Sha256>> shadow;  // to be run beside what is active, for soak_s; empty: nothing is
};

struct StandingOrder {
  OrderKind kind = OrderKind::safe_mode;  // never thaw: a thaw removes its freeze
  std::uint64_t epoch = 0;
  Plane plane = Plane::model;
  Sha256 release;
  std::string reason, by;
};
// Publish the complete standing orders of a scope.
struct Direct {
  std::string scope;
  std::uint64_t epoch = 0;
  std::vector<StandingOrder> orders;
};

// The rollout's status changed: publish it again (Engine::status gives it). Sent at most once a step and rollout.
struct RolloutStatusChanged {
  std::string rollout;
};

// The answer to a command.
struct Reply {
  std::uint64_t correlation = 0;
  bool ok = false;
  std::string message;  // what was done, or what is wrong and what to do about it
};

// A line for the log.
struct Note {
  std::string text;
};

using Effect = std::variant<Persist, Audit, Assign, Direct, RolloutStatusChanged, Reply, Note>;

}  // namespace muster::rules
