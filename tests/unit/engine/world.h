// A fleet around an engine, for tests: devices that report as real ones would, a host that keeps the records, and
// checks after every step of what must hold whatever happens. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/engine/engine.h"

namespace muster::rules::test {

struct SimulatedDevice {
  DeviceReport report;  // what it says next, or said last
  bool connected = false;
  std::optional<Assign> assigned;  // its newest assignment
};

class World {
 public:
  // --- what there is ---
  KnownRelease add_release(Plane plane, const std::string& name, const std::string& version,
                           std::uint32_t security_version = 1);
  [[nodiscard]] const KnownRelease& release(const std::string& ref) const;  // "reader@1"; REQUIRES: it was added
  // What a rollout that starts from now on is told of it. REQUIRES: it was added.
  [[nodiscard]] KnownRelease& known(const std::string& ref) { return releases_.at(ref); }
  [[nodiscard]] bool knows_release(const std::string& ref) const { return releases_.contains(ref); }
  [[nodiscard]] std::string release_name(const Sha256& digest) const;  // "empty", "reader@1" or hexadecimal digits
  // A rule with its condition compiled. REQUIRES: `targets` compiles.
  [[nodiscard]] static Rule rule(const std::string& rollout, const std::string& targets,
                                 const std::vector<VersionChoice>& versions, std::vector<Wave> waves);
  [[nodiscard]] static Bytes compile(const std::string& condition);

  // --- what happens; each returns the effects of the step ---
  std::vector<Effect> step(decltype(Event::what) what);
  std::vector<Effect> join(const std::string& id, DeviceFacts facts);      // connects and reports for the first time
  std::vector<Effect> report(const std::string& id);                       // devices[id].report with the next seq
  std::vector<Effect> attempt(const std::string& id, AttemptState state);  // … at its newest assignment
  std::vector<Effect> commit(const std::string& id);                       // runs what it was assigned
  // As far as its assignment lets it: to its hold, into the shadow, or to its end.
  std::vector<Effect> go_on(const std::string& id);
  // Its newest attempt failed without a change.
  std::vector<Effect> fail(const std::string& id, const std::string& error, const std::string& detail = {});
  std::vector<Effect> roll_back(const std::string& id, const std::string& error, const std::string& detail);
  std::vector<Effect> see(const std::string& id);
  std::vector<Effect> lose(const std::string& id);
  std::vector<Effect> tick(std::uint64_t seconds);
  std::vector<Effect> command(CommandBody body, std::string who = "alice", std::string why = {});
  [[nodiscard]] StartRollout start_of(const Rule& rule) const;
  std::vector<Effect> start(const Rule& rule, const RuleLines& lines = {});
  // The process dies and comes back: a new engine from the records, and the devices that are connected connect again.
  std::vector<Effect> restart();

  // --- what tests look at ---
  [[nodiscard]] const RolloutStatus& status(const std::string& rollout) const;
  [[nodiscard]] std::set<std::string> assigned_by(
      const std::string& rollout) const;                                   // devices whose newest assignment it is
  [[nodiscard]] static bool accepted(const std::vector<Effect>& effects);  // the last Reply's ok
  [[nodiscard]] static std::string reply(const std::vector<Effect>& effects);
  [[nodiscard]] static std::vector<std::string> assigned_in(const std::vector<Effect>& effects);
  // Why, of the first audit entry of that kind; empty when there is none.
  [[nodiscard]] static std::string why_of(const std::vector<Effect>& effects, std::string_view what);
  [[nodiscard]] static std::size_t count_audits(const std::vector<Effect>& effects, std::string_view what);

  Engine engine;
  std::uint64_t now_s = 1'000'000;
  std::map<std::string, std::string> records;
  std::map<std::string, SimulatedDevice> devices;
  bool checking = true;                     // off for measurements
  std::vector<std::string>* log = nullptr;  // when set, every step's trace goes here
  // When set, sees every event and what came of it.
  std::function<void(const Event&, const std::vector<Effect>&)> observer;

 private:
  void perform(const std::vector<Effect>& effects);
  void check(const std::vector<Effect>& effects);

  std::map<std::string, KnownRelease> releases_;
  std::uint64_t next_correlation_ = 1;
};

// Facts with a class and a region, which is what most tests need.
[[nodiscard]] DeviceFacts facts_of(const std::string& device_class, const std::string& region);

// A decision trace: a line an effect; the keys of consecutive records share one. REQUIRES: the world has not gone on
// since.
[[nodiscard]] std::vector<std::string> trace(const World& world, const std::vector<Effect>& effects);
[[nodiscard]] std::string status_line(const RolloutStatus& status);

}  // namespace muster::rules::test
