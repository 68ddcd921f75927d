// The end of retired releases: after the keep window their files go, and manifest, hashes, moves, evidence and audit
// record stay. What is decided is durable and audited first; then the job thread removes what no other release needs,
// and a start does again what a kill cut off. Broker thread, but for the job.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker-plugin/blobs/blob_store.h"
#include "broker-plugin/blobs/chunk_server.h"
#include "broker-plugin/core/engine_host.h"
#include "broker-plugin/core/job_thread.h"
#include "broker-plugin/core/outbox.h"
#include "broker-plugin/core/releases.h"
#include "broker-plugin/lifecycle/release_states.h"

namespace muster::broker {

class FileRemoval {
 public:
  // What it works on; all of it outlives it.
  struct Services {
    EngineHost& engine;
    ReleaseRegistry& releases;
    ReleaseStates& states;
    const BlobStore& blobs;
    JobThread& jobs;
    Outbox& outbox;
    ChunkServer& chunks;
    std::function<void(const std::string&)> on_trouble;  // a sentence for the log; broker thread
  };
  explicit FileRemoval(Services services) : services_(std::move(services)) {}

  // At start, the job thread running: finds what waits, and removes again what may have been cut off.
  void start();
  // The release is retired, durably.
  void note_retired(const Sha256& manifest) { waiting_.try_emplace(manifest, 0); }
  // From TICK. A release that an assignment still names, or a rollout may go back to, waits for another hour.
  void tick(std::uint64_t keep_s);

  // A publication is between the check of its files and its record: none is removed until it is through.
  void publication_begins() { ++publications_; }
  void publication_ends() { --publications_; }

  static constexpr std::uint64_t retry_after_s = 3600;

 private:
  void decide(const ReleasePtr& release, std::uint64_t keep_s);
  void remove_files();

  Services services_;
  std::unordered_map<Sha256, std::uint64_t, DigestHash> waiting_;  // retired, files here → not looked at before
  unsigned publications_ = 0;
  bool sweep_due_ = false;     // some removed release's files may be here
  bool sweeping_ = false;      // a job is about it
  std::uint64_t sweep_s_ = 0;  // not before
};

}  // namespace muster::broker
