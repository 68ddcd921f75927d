// The agent's four updates, each from its own beginning, as often as a test likes: a first release, a good update, a
// bad one that goes back by itself, an order to go back. A real muster-edge over TLS against a real Mosquitto; what it
// is assigned comes from StandIn. Tests only; one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/crash/device_disk.h"
#include "tests/crash/disk_model.h"
#include "tests/crash/recorded.h"
#include "tests/crash/stand_in.h"
#include "tests/e2e/harness/world.h"

namespace muster::crash {

struct Update {
  std::string name;
  std::string start;  // the data folder as it is before; an empty folder for the first
  std::string end;    // and as it was left by a run without faults
  std::uint64_t epoch = 0;
  edge::AttemptPhase ends_as = edge::AttemptPhase::committed;
  std::string ends_with;              // the digest that is active then
  std::vector<std::string> allowed;   // digests that may be active on the way; "" for none
  std::vector<Operation> operations;  // of the run without faults
  // How long the trace was when a report of the end had arrived at the broker.
  std::size_t reported_at = 0;
};

class AgentWorld : public e2e::World {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] std::vector<Update>& updates() { return updates_; }
  // Connects the stand-in, which offers all three releases.
  void open_stand_in();
  // Retains what the update is about.
  void announce(const Update& update);
  // Puts the data folder into the state `folder` and forgets what the agent logged and reported.
  void put_back(const std::string& folder);
  // True when the agent has reached the update's end, left no litter and said so to the broker.
  [[nodiscard]] bool at_rest(const Update& update);
  // Starts (without recorder) and brings the update to its end; then stops. Everything the end must be is expected.
  void expect_recovery(const Update& update);
  [[nodiscard]] std::string data_dir() { return agent(0).data_dir(); }
  // Numbers of the operations that write.
  [[nodiscard]] static std::vector<std::uint32_t> writes(const std::vector<Operation>& operations);

  std::unique_ptr<StandIn> stand_in_;

 private:
  void record(Update& update);

  std::vector<Update> updates_;
  Offered first_, good_, bad_;
};

}  // namespace muster::crash
