// What one step of the engine, or one command, leaves for the writer thread: what becomes durable, what is signed, and
// what happens once that is safe. Plain data, handed from the broker's thread to the writer's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "broker-plugin/core/audit.h"
#include "broker-plugin/core/broker_port.h"
#include "broker-plugin/core/releases.h"
#include "broker-plugin/store/record.h"
#include "rules/engine/effect.h"

namespace muster::broker {

// An assignment with the releases that its digests name; a null release is one that this broker does not know.
struct AssignWork {
  rules::Assign assign;
  std::vector<ReleasePtr> releases;  // one for each of assign.releases
  std::vector<ReleasePtr> shadow;    // one for each of assign.shadow; none is null
};

// Runs on the broker's thread after the batch; `durable` is false when it could not be written.
using AfterCall = std::function<void(bool durable)>;
using After = std::variant<Publication, AfterCall>;

struct Work {
  std::uint64_t now_s = 0;
  std::vector<Record> records;
  std::vector<AuditEntry> audit;  // number and hash are given by the writer
  std::vector<AssignWork> assigns;
  std::vector<rules::Direct> directs;
  std::vector<After> after;  // in order, after the assignments and directives of this work

  [[nodiscard]] std::size_t size() const {
    return records.size() + audit.size() + assigns.size() + directs.size() + after.size();
  }
  [[nodiscard]] bool empty() const { return size() == 0; }
};

}  // namespace muster::broker
