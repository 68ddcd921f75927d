// Puts the metrics together and says when they are worth publishing: a second after devices, rollouts, failures or
// refusals changed, ten seconds after anything else did. Broker thread only.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "broker-plugin/blobs/chunk_server.h"
#include "broker-plugin/core/counters.h"
#include "broker-plugin/core/devices.h"
#include "broker-plugin/core/engine_host.h"
#include "broker-plugin/core/presence.h"
#include "broker-plugin/core/writer.h"
#include "broker-plugin/evidence/evidence_desk.h"

namespace muster::broker {

struct Metrics;

class MetricsPublisher {
 public:
  using Time = std::chrono::steady_clock::time_point;

  MetricsPublisher(EngineHost& engine, const Presence& presence, const DeviceTable& devices, const ChunkServer& chunks,
                   const EvidenceDesk& evidence, const Writer& writer, const Counters& counters);

  // The metrics object as it is now.
  [[nodiscard]] std::string json() const;
  // The same when it is time to publish it. Looks at most once a second.
  [[nodiscard]] std::optional<std::string> due(Time now);

 private:
  [[nodiscard]] Metrics collect() const;

  EngineHost& engine_;
  const Presence& presence_;
  const DeviceTable& devices_;
  const ChunkServer& chunks_;
  const EvidenceDesk& evidence_;
  const Writer& writer_;
  const Counters& counters_;
  Time looked_{}, published_{};
  std::string last_, last_important_;  // without the time
};

}  // namespace muster::broker
