// Runs the probes of a release one after another, each with its delay, time limit, attempts and pauses; the first that
// fails ends the run. exec probes come from the configuration's allowlist only, without a shell, and get the slot's
// path as last argument. Also compares the device's pipeline with the checksum that a release states. On the loop;
// nothing blocks it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "edge-client/agent/effect.h"
#include "edge-client/shell/config.h"
#include "edge-client/shell/event_loop.h"
#include "edge-client/shell/process.h"
#include "edge-client/shell/slots.h"
#include "edge-client/shell/worker.h"

namespace muster::edge {

class ProbeRunner {
 public:
  struct Failure {
    Plane plane;
    Fault fault;
  };
  // Nothing when all passed.
  using Done = std::function<void(std::uint64_t job, const std::optional<Failure>& failure)>;

  ProbeRunner(EventLoop& loop, Worker& worker, ProcessRunner& processes, const SlotStore& slots, const Config& config,
              Done done);
  ~ProbeRunner();

  // Ends the run before it silently.
  void run(RunProbes probes);
  void cancel();

 private:
  void begin_probe();
  void attempt();
  void attempt_exec(const ProbeJob& probe);
  void attempt_http(const ProbeJob& probe);
  void attempt_file(const ProbeJob& probe);
  void compare_pipeline(const ProbeJob& job);
  void passed();
  // One attempt failed: another one after a pause, or the end of the run.
  void failed(ErrorCode code, const std::string& what);
  void end(const std::optional<Failure>& failure);

  EventLoop& loop_;
  Worker& worker_;
  ProcessRunner& processes_;
  const SlotStore& slots_;
  const Config& config_;  // its allowlist of probes, and its pipeline
  Done done_;
  RunProbes run_;
  std::size_t index_ = 0;
  std::uint32_t attempts_ = 0;
  std::shared_ptr<bool> run_lives_;  // for answers from the worker
  EventLoop::TimerId timer_ = 0;
  ProcessRunner::Id process_ = 0;
};

}  // namespace muster::edge
