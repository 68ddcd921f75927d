// Everything that one seed decides before its world begins. Each seed turns some kinds of trouble fully off, so that
// rare combinations of the others come together often enough. Plain data.
#pragma once

#include <cstdint>
#include <string>

namespace muster::sim {

struct Options {
  std::uint64_t seed = 0;
  std::size_t devices = 10;          // there at the beginning
  std::size_t late_devices = 0;      // join while rollouts run
  std::uint64_t faults_ms = 0;       // how long the safety phase lasts
  std::size_t rollouts = 1;          // that operators start in it
  std::uint64_t delay_ms_max = 0;    // of a message
  std::uint64_t sync_ms_max = 0;     // of a group commit of the broker
  std::uint64_t valid_for_s = 0;     // of assignments and directives
  std::uint64_t command_gap_ms = 0;  // between commands of the operators, at most
  std::uint64_t health_ms = 0;       // between two health summaries of a device; 0: none are sent

  // --- chances a thousand; 0: this kind of trouble is off ---
  std::uint32_t loss = 0, duplication = 0;                   // a message
  std::uint32_t broker_crash = 0, device_crash = 0;          // a step
  std::uint32_t device_disk_full = 0, broker_disk_full = 0;  // a minute
  std::uint32_t partition = 0;                               // a minute
  std::uint32_t clock_jump = 0;                              // a minute
  std::uint32_t damage = 0;                                  // a crash of a device
  std::uint32_t facts_change = 0;                            // a minute and device
  std::uint32_t trouble = 0;  // a reading of a workload that has nothing to do with a release

  bool reordering = false;      // messages of one connection overtake each other
  bool torn_writes = false;     // a power cut keeps any part of what was not synced
  bool stale_retained = false;  // the broker comes back with the retained messages of some time before
  bool bad_releases = false;
  bool recovery = false;      // config releases carry a recovery policy
  bool restrictions = false;  // releases ask for classes and for versions of other planes
  bool leavers = false;       // devices that go for ever
  bool pauses = false, aborts = false, orders = false, freezes = false;
  bool rings = false;
  bool old_copy = false;    // the broker's data is once put back from a copy of some time before
  bool guardrails = false;  // rules have some, and releases make worse what devices measure
  bool drift = false;       // what devices measure changes with time, whatever they run
  bool paces = false;       // rules have one, and gates that two people have to open
  bool rehearsals = false;  // first waves rehearse, or are of a number of devices
  bool holds = false;       // waves hold, until operators let their devices go on
  bool shadows = false;     // releases can run in the shadow, and some rollouts do no more than that
  bool priorities = false;  // some rollouts may start over the devices of others
  bool conditions = false;  // releases have devices wait for their charge, and some give up
  bool retries = false;     // rules have devices try again whose disk was full or whose link failed
  bool crashers = false;    // agents that from some time on do no more than connect, crash and connect again

  [[nodiscard]] static Options from(std::uint64_t seed);
  // One line a group, for a failure.
  [[nodiscard]] std::string describe() const;
};

}  // namespace muster::sim
