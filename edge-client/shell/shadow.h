// Runs the releases of a shadow beside what is active: each by its command from the configuration's allowlist, without
// a shell, with the slot's path as last argument, niced, and in its environment
//   MUSTER_STATSD           a StatsD socket of the shadow's own: its readings are never taken for the active one's
//   MUSTER_SHADOW_<PLANE>   the slot of each release of the shadow
// All of them run until end(); one that ends by itself ends the others. At no time do two shadows run. On the loop;
// nothing blocks it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "edge-client/agent/effect.h"
#include "edge-client/shell/config.h"
#include "edge-client/shell/event_loop.h"
#include "edge-client/shell/process.h"
#include "edge-client/shell/slots.h"
#include "edge-client/shell/statsd.h"

namespace muster::edge {

class ShadowRunner {
 public:
  struct Failure {
    Plane plane;
    Fault fault;
  };
  struct Ports {
    // Once, and then nothing of it runs any more.
    std::function<void(std::uint64_t job, const Failure& failure)> failed;
    // StatsD from the shadow that runs.
    std::function<void(std::string_view datagram)> measured;
  };

  // Kills what an agent before has left running.
  ShadowRunner(EventLoop& loop, ProcessRunner& processes, const SlotStore& slots, const Config& config, Ports ports);
  // Kills what still runs.
  ~ShadowRunner();
  ShadowRunner(const ShadowRunner&) = delete;
  ShadowRunner& operator=(const ShadowRunner&) = delete;

  // Ends the one before, and begins when nothing of that is left.
  void run(const RunShadow& what);
  // Asks it to end, and kills it after the grace. Nothing of it is told from here on.
  void end();
  // Begun and neither ended nor failed: what is measured is its.
  [[nodiscard]] bool running() const { return running_.has_value(); }
  [[nodiscard]] std::size_t orphans_killed() const { return orphans_killed_; }

 private:
  struct Command {
    ProcessRunner::Id process = 0;
    Plane plane = Plane::model;
    std::string name;
  };
  void begin();
  [[nodiscard]] std::optional<Failure> begin_all();
  void ended(ProcessRunner::Id process, const CommandResult& result);
  void fail(Failure failure);

  EventLoop& loop_;
  ProcessRunner& processes_;
  const SlotStore& slots_;
  const Config& config_;
  Ports ports_;
  std::string socket_path_;
  std::size_t orphans_killed_ = 0;
  std::optional<StatsdSocket> socket_;
  std::optional<RunShadow> running_, next_;  // next_ waits until `commands_` is empty
  std::vector<Command> commands_;            // those that have not ended
};

}  // namespace muster::edge
