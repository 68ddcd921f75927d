#include "broker-plugin/core/metrics_publisher.h"

#include "broker-plugin/control/objects.h"

namespace muster::broker {
namespace {

constexpr std::chrono::seconds look_interval(1);
constexpr std::chrono::seconds unimportant_interval(10);

}  // namespace

MetricsPublisher::MetricsPublisher(EngineHost& engine, const Presence& presence, const DeviceTable& devices,
                                   const ChunkServer& chunks, const EvidenceDesk& evidence, const Writer& writer,
                                   const Counters& counters)
    : engine_(engine),
      presence_(presence),
      devices_(devices),
      chunks_(chunks),
      evidence_(evidence),
      writer_(writer),
      counters_(counters) {}

Metrics MetricsPublisher::collect() const {
  Metrics metrics;
  metrics.devices_known = devices_.size();
  metrics.devices_connected = presence_.devices();
  const auto& engine = engine_.engine();
  // States that no rollout is in count too: whoever draws curves keeps the last number that it saw.
  for (auto state = rules::RolloutState::running; state <= rules::RolloutState::aborted;
       state = static_cast<rules::RolloutState>(static_cast<unsigned>(state) + 1))
    metrics.rollouts[std::string(rules::name_of(state))] = 0;
  for (const auto& rollout : engine.rollouts())
    ++metrics.rollouts[std::string(rules::name_of(engine.status(rollout)->state))];
  metrics.troubles = engine.troubles();
  metrics.counters = &counters_;
  metrics.chunks = chunks_.numbers();
  metrics.evidence = evidence_.numbers();
  metrics.writer = writer_.numbers();
  metrics.stopped = engine_.stopped();
  return metrics;
}

std::string MetricsPublisher::json() const {
  auto metrics = collect();
  metrics.time_s = engine_.now_s();
  return metrics_json(metrics);
}

std::optional<std::string> MetricsPublisher::due(Time now) {
  if (now - looked_ < look_interval) return std::nullopt;
  looked_ = now;
  auto metrics = collect();
  auto now_text = metrics_json(metrics);
  if (now_text == last_) return std::nullopt;
  std::string important =
      metrics.stopped + "/" + std::to_string(metrics.devices_known) + "/" + std::to_string(metrics.devices_connected);
  for (const auto& [state, count] : metrics.rollouts) important += "/" + state + std::to_string(count);
  for (const auto count : metrics.troubles.failures) important += "/" + std::to_string(count);
  important += "/" + std::to_string(metrics.troubles.guardrails_failed);
  for (const auto& [reason, count] : counters_.refused()) important += "/" + reason + std::to_string(count);
  if (important == last_important_ && now - published_ < unimportant_interval) return std::nullopt;
  last_ = std::move(now_text);
  last_important_ = std::move(important);
  published_ = now;
  metrics.time_s = engine_.now_s();
  return metrics_json(metrics);
}

}  // namespace muster::broker
