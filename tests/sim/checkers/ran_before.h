// What a device ran on each plane before a rollout had it, as somebody knows it who only reads along: what it reported
// when it was given the versions first. Reports alone do not say it where rollouts meet:
//
// - who is on its way back from another rollout runs what it is to leave, and goes back to what that way leads to;
// - who is on probation with another one's versions, or not well with them, goes back to what it ran before those;
// - who comes back to a rollout from another one, which took it, goes back to what it ran at first, unless it had gone
//   back by itself before it was taken;
// - what another one took from a rollout does not come back to its versions once that is aborted with revert;
// - who is taken in the middle of a rehearsal is not done with what it has committed in it, and goes back to what it
//   ran before that; unless it has failed there, and stays.
//
// One object a checker.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "tests/sim/checker.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

class RanBefore {
 public:
  // What a plane may go back to, which is one release but where two are right; empty: nobody can tell.
  using Releases = std::set<Sha256>;

  // REQUIRES: `reports` has taken the step already. What the step assigns counts from the next one on.
  void take(const EngineStep& step, const LastReports& reports);
  [[nodiscard]] Releases of(const std::string& rollout, const std::string& device, rules::Plane plane) const;
  void clear();

 private:
  using Targets = std::map<rules::Plane, Sha256>;
  struct Rollout {
    Targets targets;
    bool completed = false;
    bool rehearsing = false;  // its first wave does, and is not done
  };
  // A device that a rollout has, or had when another one took it.
  struct Had {
    std::array<Releases, rules::plane_count> before;
    bool rehearsed = false;      // to the end
    bool failed = false;         // the record says so, and not yet that it has recovered
    bool taken = false;          // by another rollout
    bool had_gone_back = false;  // then it did not run the versions
  };
  // Who gave a plane of a device what it is to run.
  struct Given {
    Sha256 release{};
    std::string rollout;  // empty: somebody else
    std::uint64_t epoch = 0;
    bool back = false;  // not the rollout's own release, but what ran before
  };
  struct Device {
    std::map<std::string, Had> had;  // by rollout
    std::array<Given, rules::plane_count> given;
  };

  void take(const rules::Audit& entry);
  void take(const rules::Assign& assign, const rules::DeviceReport* report);
  void reach(const std::string& name, const Rollout& rollout, Device& device, const rules::DeviceReport* report);
  void leave_others(const std::string& name, const Rollout& rollout, Device& device, const rules::DeviceReport* report);
  void revert(const std::string& name, const Rollout& rollout);
  // What it goes back to that is given something else on this plane now.
  [[nodiscard]] Releases now(const Device& device, rules::Plane plane, const rules::DeviceReport& report) const;

  std::map<std::string, Rollout> rollouts_;  // those that switch something
  std::map<std::string, Device> devices_;
};

}  // namespace muster::sim
