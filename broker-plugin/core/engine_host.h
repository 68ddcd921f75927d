// The engine inside its host: gives it events with their time, and turns its effects into work for the writer. When the
// engine or the writer fails, everything stops here: no further event is taken (fail closed), looking goes on.
// Broker thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "broker-plugin/control/answer.h"
#include "broker-plugin/core/clock.h"
#include "broker-plugin/core/releases.h"
#include "broker-plugin/core/writer.h"
#include "host/log.h"
#include "rules/engine/engine.h"

namespace muster::broker {

class EngineHost {
 public:
  using What = decltype(rules::Event::what);

  EngineHost(rules::Engine engine, Clock clock, const ReleaseRegistry& releases, Writer& writer, host::Log& log);

  // Takes one event; its effects follow once durable. False when the host has stopped, and nothing was done. `beside`
  // is a record of the host's own that belongs to the event: it becomes durable in one batch with what the engine
  // persists, and is not asked for when that is nothing.
  bool step(What what, const std::function<Record()>& beside = {});

  // Some rollout judges what this device measures: DeviceHealth is an event worth its cost.
  [[nodiscard]] bool wants_health(std::string_view device) const {
    return stopped_.empty() && engine_.wants_health(device);
  }

  // A command of an operator. `done` runs once its outcome is durable, or at once when the host has stopped.
  // The answer is a message, or an error of kind refused.
  void command(std::string who, std::string why, rules::CommandBody body, Done done);

  // An audit entry of the host itself, and what follows when it is durable.
  void audit(std::string who, std::string_view what, std::string subject, std::string why, AfterCall after = {});

  // Queues work of the host itself; its time is set here.
  void submit(Work work);

  // Signs and publishes every assignment and standing order anew, as when the key changed. `record` becomes durable
  // with them.
  void seal_again(Record record);

  // Publishes the status of rollouts that changed: at most every 100 ms each, at once when its state changed. From
  // TICK.
  void publish_statuses(std::chrono::steady_clock::time_point now);

  // Stops for good; the first reason is kept and logged.
  void stop_acting(const std::string& why);
  [[nodiscard]] const std::string& stopped() const { return stopped_; }

  [[nodiscard]] std::uint64_t now_s() { return clock_.now_s(); }
  [[nodiscard]] const rules::Engine& engine() const { return engine_; }

 private:
  struct Shown {
    std::chrono::steady_clock::time_point at{};
    rules::RolloutState state = rules::RolloutState::running;
  };
  void perform(std::vector<rules::Effect>& effects, Work& work);
  void perform(rules::Persist& persist, Work& work);
  void perform(rules::Audit& entry, Work& work);
  void perform(rules::Assign& assign, Work& work);
  void perform(rules::Direct& direct, Work& work);
  void perform(rules::RolloutStatusChanged& changed, Work& work);
  void perform(rules::Reply& reply, Work& work);
  void perform(rules::Note& note, Work& work);
  // Fills `work`, guarded, and hands it to the writer. After a bug nothing of it happens, and who waits is told.
  bool perform_guarded(const std::function<void(Work&)>& fill);

  rules::Engine engine_;
  Clock clock_;
  const ReleaseRegistry& releases_;
  Writer& writer_;
  host::Log& log_;
  std::string stopped_;
  std::vector<rules::Effect> effects_;  // kept for its capacity
  std::uint64_t correlation_ = 0;
  std::unordered_map<std::uint64_t, Done> waiting_;  // commands without an answer, by correlation
  std::unordered_map<std::string, Shown> shown_;     // what was last published of each rollout
  std::vector<std::string> changed_;                 // rollouts whose status must be published
};

}  // namespace muster::broker
