// Makes a slot the active one and tells the workload, by the plane's way: `slot` flips the links and runs `notify`;
// `exec` runs a command with the slot's path (a firmware installer) and then flips the links. One activation after
// another, in the order given; each is idempotent. On the loop.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>

#include "edge-client/agent/effect.h"
#include "edge-client/shell/config.h"
#include "edge-client/shell/event_loop.h"
#include "edge-client/shell/process.h"
#include "edge-client/shell/slots.h"
#include "edge-client/shell/worker.h"

namespace muster::edge {

class Installer {
 public:
  using Done = std::function<void(const Activate& what, const std::optional<Fault>& fault)>;
  using Warn = std::function<void(const std::string& text)>;

  Installer(Worker& worker, ProcessRunner& processes, const SlotStore& slots, const Config& config, Done done,
            Warn warn);

  void activate(const Activate& what);
  [[nodiscard]] bool idle() const { return queue_.empty(); }

 private:
  void begin_next();
  void flip();
  void finish(const std::optional<Fault>& fault);

  Worker& worker_;
  ProcessRunner& processes_;
  const SlotStore& slots_;
  const Config& config_;
  Done done_;
  Warn warn_;
  std::deque<Activate> queue_;  // the first is under way
};

}  // namespace muster::edge
