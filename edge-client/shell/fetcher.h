// Fetches a release for the agent: its signed manifest, then its files, one blob after another. What is already in a
// slot is not fetched again. On the loop; hashing and syncing go to the Worker.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "edge-client/agent/effect.h"
#include "edge-client/agent/event.h"
#include "edge-client/shell/blob_fetch.h"
#include "edge-client/shell/event_loop.h"
#include "edge-client/shell/slots.h"
#include "edge-client/shell/worker.h"

namespace muster::edge {

class Fetcher {
 public:
  // Free space that a download leaves to the journal, the spool and everybody else.
  static constexpr std::uint64_t reserve_bytes = 256 * 1024;

  struct Ports {
    // Publishes a ChunkGet; what is lost is asked for again.
    std::function<void(const Sha256& digest, std::uint64_t offset, std::uint32_t length)> ask;
    // Opens a manifest with the current trust root. `fresh`: it comes from the broker, so its expiry counts.
    std::function<tl::expected<ReleaseManifest, Fault>(ByteView envelope, const Sha256& manifest, bool fresh)> open;
    // Answers go here: ManifestArrived, FilesArrived, SlotBuilt, JobFailed, FetchProgress.
    std::function<void(decltype(Event::what))> tell;
  };

  Fetcher(EventLoop& loop, Worker& worker, const SlotStore& slots, FetchPolicy policy, Ports ports);
  ~Fetcher();

  // A new job ends the one before it silently.
  void fetch_manifest(const FetchManifest& effect);
  void fetch_files(const FetchFiles& effect);
  void build(const BuildSlot& effect);
  void cancel();

  void set_online(bool online);
  void on_chunk(const wire::Chunk& chunk);

 private:
  void begin(std::uint64_t job);
  // Runs `work` (which may outlive this object, so it captures copies and the slot store) on the worker, then `then` on
  // the loop unless the job has ended in between.
  template <typename Work, typename Then>
  void off_loop(Work work, Then then);
  void start_blob(Plane plane, const Sha256& digest, std::uint64_t size, std::function<void()> then);
  void proceed(BlobFetch::Progress progress);
  void next_file();
  void fetch_envelope(const AssignedRelease& release);
  void manifest_fetched(Plane plane, const Sha256& envelope, const Sha256& manifest);
  void tell_manifest(tl::expected<ReleaseManifest, Fault> release);
  void fail(Fault fault);
  void set_timer();
  [[nodiscard]] std::optional<Fault> no_room(Plane plane) const;

  EventLoop& loop_;
  Worker& worker_;
  const SlotStore& slots_;
  FetchPolicy policy_;
  Ports ports_;
  bool online_ = false;
  std::uint64_t job_ = 0;            // 0: none
  std::shared_ptr<bool> job_lives_;  // set to false when the job ends, for work that is still off the loop
  std::optional<BlobFetch> blob_;
  std::function<void()> blob_done_;
  std::uint64_t bytes_before_ = 0;  // of files already complete
  std::size_t file_index_ = 0;
  const ReleaseManifest* current_ = nullptr;
  std::vector<ReleaseManifest> releases_;  // whose manifests have arrived; one a plane
  EventLoop::TimerId timer_ = 0;
};

}  // namespace muster::edge
