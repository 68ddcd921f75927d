// What an independent observer of a world may see: what the engine said it would do, what became durable, what was
// published, what is on the devices' disks and in their reports. Nobody who checks looks inside the engine or the
// agent. A checker fails with one sentence; the first one ends the world. Called on the world's thread, in the order of
// events.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "edge-client/agent/durable_state.h"
#include "edge-client/agent/effect.h"
#include "edge-client/agent/event.h"
#include "rules/engine/engine.h"

namespace muster::sim {

// One step of the engine, with the statuses (Engine::status) that it said had changed.
struct EngineStep {
  std::uint64_t number = 0;
  rules::Event event;
  std::vector<rules::Effect> effects;
  std::vector<rules::RolloutStatus> statuses;
};

struct AuditEntry {
  std::uint64_t seq = 0, time_s = 0;
  rules::Audit entry;
};

// What survives on a device's disk.
struct DeviceDisk {
  struct Slot {
    edge::ReleaseInfo release;
    bool whole = true;  // false: damaged by something that was no part of its life
  };
  Bytes journal;  // empty: there is none
  bool journal_whole = true;
  std::array<edge::PlaneLinks, rules::plane_count> links{};
  std::array<std::map<Sha256, Slot>, rules::plane_count> slots;
};

struct DeviceView {
  std::string id;
  const DeviceDisk* disk = nullptr;
  const rules::DeviceFacts* facts = nullptr;
  const std::vector<std::string>* scopes = nullptr;
  const std::vector<edge::RunShadow>* shadows = nullptr;  // that run now
  std::optional<double> charge;                           // the newest reading of it in this life
  bool running = false, connected = false;
  bool gone = false;    // left for ever
  bool mended = false;  // its disk was damaged once and it was set up anew from what was left
};

struct Release {
  rules::KnownRelease known;
  edge::ReleaseInfo info;
};

// The end of a world: everything has been healthy for long, and operators have done what was asked of them.
struct FinalView {
  std::vector<DeviceView> devices;
  std::vector<rules::RolloutStatus> rollouts;
  std::map<std::string, edge::Assignment> assignments;  // retained
  std::map<std::string, edge::Directive> directives;    // retained, by scope
  const std::vector<AuditEntry>* audit = nullptr;
};

class Checker {
 public:
  struct Violation {
    std::string checker, what;
  };
  explicit Checker(std::string name) : name_(std::move(name)) {}
  virtual ~Checker() = default;
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  // --- the broker ---
  virtual void on_step(const EngineStep&) {}    // decided; may still be lost by a crash
  virtual void on_commit(const EngineStep&) {}  // became durable, in order
  virtual void on_audit(const AuditEntry&) {}   // became durable, in order
  virtual void on_assignment(const std::string& device, const edge::Assignment&) { static_cast<void>(device); }
  virtual void on_directive(const edge::Directive&) {}
  virtual void on_status(const rules::RolloutStatus&) {}  // published
  virtual void on_engine(const rules::Engine&) {}         // after a step: its public face
  virtual void on_broker_crash() {}
  // The engine that came back; its records hold all steps that were committed and nothing else.
  virtual void on_broker_start(const rules::Engine&) {}
  // The broker's data was put back from a copy: forget all that was committed. Those steps and audit entries that the
  // copy has are then given again.
  virtual void on_old_copy() {}

  // --- devices ---
  virtual void on_activate(const DeviceView&, const edge::Activate&) {}  // just before the pointers move
  virtual void on_disk(const DeviceView&) {}                             // after a change, and after each power cut
  // All that a step asked for is done, and something runs in the shadow.
  virtual void on_shadowing(const DeviceView&) {}
  virtual void on_report(const DeviceView&, const rules::DeviceReport&) {}
  virtual void on_taken(const DeviceView&, const edge::Assignment&) {}  // an assignment reached the agent
  virtual void on_mended(const DeviceView&) {}                          // set up anew from its slots
  // --- the end ---
  // All has been healthy for long, and nobody has done anything.
  virtual void when_quiet(const FinalView&) {}
  // … and operators have done since what was asked of them.
  virtual void at_end(const FinalView&) {}

  // Sets `any` with each violation: the world looks after every single thing that happens.
  void tell(bool& any) { any_ = &any; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<Violation>& violations() const { return violations_; }

 protected:
  void fail(std::string what) {
    violations_.push_back({name_, std::move(what)});
    if (any_ != nullptr) *any_ = true;
  }

 private:
  std::string name_;
  std::vector<Violation> violations_;
  bool* any_ = nullptr;
};

// All of them. `releases` are those of the world, by digest.
using Releases = std::map<Sha256, Release>;
[[nodiscard]] std::vector<std::unique_ptr<Checker>> make_checkers(const Releases& releases);

}  // namespace muster::sim
