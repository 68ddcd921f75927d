#include "edge-client/shell/fetcher.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "edge-client/shell/memory.h"
#include "host/files.h"

namespace muster::edge {

Fetcher::Fetcher(EventLoop& loop, Worker& worker, const SlotStore& slots, FetchPolicy policy, Ports ports)
    : loop_(loop), worker_(worker), slots_(slots), policy_(policy), ports_(std::move(ports)) {}

Fetcher::~Fetcher() {
  cancel();
}

void Fetcher::begin(std::uint64_t job) {
  cancel();
  job_ = job;
  current_ = nullptr;
  job_lives_ = std::make_shared<bool>(true);
}

void Fetcher::cancel() {
  if (job_lives_) *job_lives_ = false;
  job_ = 0;
  blob_.reset();
  blob_done_ = nullptr;
  loop_.cancel(std::exchange(timer_, 0));
}

template <typename Work, typename Then>
void Fetcher::off_loop(Work work, Then then) {
  worker_.run([work = std::move(work), then = std::move(then), lives = job_lives_]() mutable -> EventLoop::Task {
    auto result = std::make_shared<decltype(work())>(work());
    return [result, then = std::move(then), lives] {
      if (*lives) then(std::move(*result));
    };
  });
}

void Fetcher::fetch_manifest(const FetchManifest& effect) {
  begin(effect.job);
  const auto release = effect.release;
  if (slots_.has(release.plane, release.manifest)) {
    // It is here: only check that it may still be used. Its files are hashed when they are "fetched".
    off_loop([&slots = slots_, release] { return slots.envelope_of(release.plane, release.manifest); },
             [this, release](tl::expected<Bytes, Fault> envelope) {
               auto opened =
                   envelope ? ports_.open(*envelope, release.manifest, false) : tl::unexpected(envelope.error());
               if (opened || release.envelope.is_zero()) return tell_manifest(std::move(opened));
               fetch_envelope(release);  // damaged here, or signed again with a newer key
             });
    return;
  }
  fetch_envelope(release);
}

void Fetcher::fetch_envelope(const AssignedRelease& release) {
  if (release.envelope.is_zero()) {
    fail({ErrorCode::fetch_failed, "the broker no longer has this release, and neither has this device"});
    return;
  }
  start_blob(release.plane, release.envelope, release.envelope_size,
             [this, release] { manifest_fetched(release.plane, release.envelope, release.manifest); });
}

void Fetcher::manifest_fetched(Plane plane, const Sha256& envelope, const Sha256& manifest) {
  const auto path = slots_.partial_path(plane, envelope);
  off_loop(
      [path] {
        auto bytes = host::read_file(path, limits::envelope_len_max);
        ::unlink(path.c_str());
        return bytes;
      },
      [this, manifest](tl::expected<Bytes, Error> bytes) {
        if (!bytes) return fail({ErrorCode::internal, bytes.error().message});
        tell_manifest(ports_.open(*bytes, manifest, true));
      });
}

void Fetcher::tell_manifest(tl::expected<ReleaseManifest, Fault> release) {
  if (!release) return fail(release.error());
  const auto job = job_;
  cancel();
  releases_.erase(std::remove_if(releases_.begin(), releases_.end(),
                                 [&](const ReleaseManifest& r) { return r.info.plane == release->info.plane; }),
                  releases_.end());
  releases_.push_back(std::move(*release));
  ports_.tell(ManifestArrived{job, releases_.back().info});
}

void Fetcher::fetch_files(const FetchFiles& effect) {
  begin(effect.job);
  const auto found = std::find_if(releases_.begin(), releases_.end(), [&](const ReleaseManifest& r) {
    return r.info.plane == effect.plane && r.info.manifest == effect.manifest;
  });
  if (found == releases_.end()) return fail({ErrorCode::internal, "files were asked for before their manifest"});
  current_ = &*found;
  file_index_ = 0;
  bytes_before_ = 0;
  if (!slots_.has(effect.plane, effect.manifest)) {
    // Downloads of releases that are wanted no more only take room.
    off_loop([&slots = slots_, plane = effect.plane,
              files = current_->files] { return slots.drop_partials(plane, files), true; },
             [this](bool) { next_file(); });
    return;
  }
  off_loop(
      [&slots = slots_, effect] { return slots.check(effect.plane, effect.manifest); },
      [this, effect](tl::expected<ReleaseManifest, Fault> checked) {
        if (checked) {
          cancel();
          return ports_.tell(FilesArrived{effect.job});
        }
        // Damaged on disk: as if it had never been here.
        slots_.remove_others(effect.plane, {slots_.links(effect.plane).active, slots_.links(effect.plane).previous});
        if (slots_.has(effect.plane, effect.manifest)) return fail(checked.error());
        next_file();
      });
}

std::optional<Fault> Fetcher::no_room(Plane plane) const {
  struct statvfs status {};
  const auto folder = slots_.partial_path(plane, {});
  if (::statvfs(folder.substr(0, folder.rfind('/')).c_str(), &status) != 0) return std::nullopt;
  std::uint64_t wanted = reserve_bytes;
  for (const auto& file : current_->files) {
    // What is there already takes no more room; counting it all would refuse a resumed download.
    wanted += file.size;
    const auto path = slots_.partial_path(plane, file.sha256);
    std::error_code ignored;
    if (const auto held = std::filesystem::file_size(path, ignored); !ignored) wanted -= std::min(held, file.size);
  }
  const auto free = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  if (free >= wanted) return std::nullopt;
  return Fault{ErrorCode::disk_full,
               std::to_string(free >> 20) + " MiB are free, " + std::to_string((wanted >> 20) + 1) + " are needed"};
}

void Fetcher::next_file() {
  const auto plane = current_->info.plane;
  if (file_index_ == 0) {
    if (auto fault = no_room(plane)) return fail(std::move(*fault));
  }
  if (file_index_ == current_->files.size()) {
    const auto job = job_;
    cancel();
    ports_.tell(FilesArrived{job});
    return release_unused_memory();
  }
  const auto& file = current_->files[file_index_];
  start_blob(plane, file.sha256, file.size, [this, size = file.size] {
    bytes_before_ += size;
    ++file_index_;
    next_file();
  });
}

void Fetcher::start_blob(Plane plane, const Sha256& digest, std::uint64_t size, std::function<void()> then) {
  blob_done_ = std::move(then);
  const auto path = slots_.partial_path(plane, digest);
  const auto opened = [this, digest](tl::expected<BlobFetch, Fault> blob) {
    if (!blob) return fail(blob.error());
    blob_ = std::move(*blob);
    proceed(
        blob_->start([this, digest](std::uint64_t offset, std::uint32_t length) { ports_.ask(digest, offset, length); },
                     online_, EventLoop::now_ms()));
  };
  off_loop([path, digest, size, policy = policy_] { return BlobFetch::open(path, digest, size, policy); }, opened);
}

void Fetcher::proceed(BlobFetch::Progress progress) {
  switch (progress) {
    case BlobFetch::Progress::more:
      set_timer();
      break;
    case BlobFetch::Progress::failed:
      fail(Fault(blob_->fault()));
      break;
    case BlobFetch::Progress::done: {
      loop_.cancel(std::exchange(timer_, 0));
      blob_.reset();
      const auto then = std::exchange(blob_done_, nullptr);
      then();
      break;
    }
  }
}

void Fetcher::set_timer() {
  loop_.cancel(std::exchange(timer_, 0));
  if (!blob_ || blob_->deadline_ms() == 0) return;
  timer_ = loop_.at(blob_->deadline_ms(), [this] {
    timer_ = 0;
    if (blob_) proceed(blob_->on_time(EventLoop::now_ms()));
  });
}

void Fetcher::set_online(bool online) {
  online_ = online;
  if (!blob_) return;
  blob_->set_online(online, EventLoop::now_ms());
  set_timer();
}

void Fetcher::on_chunk(const wire::Chunk& chunk) {
  if (!blob_ || std::memcmp(chunk.digest()->bytes()->data(), blob_->digest().bytes.data(), 32) != 0) return;
  ChunkAnswer answer{chunk.offset(), chunk.total(), chunk.status(), {}};
  if (chunk.data() != nullptr) answer.data = {chunk.data()->data(), chunk.data()->size()};
  const auto before = blob_->held();
  const auto progress = blob_->take(answer, EventLoop::now_ms());
  if (current_ != nullptr && progress == BlobFetch::Progress::more && blob_->held() != before) {
    ports_.tell(FetchProgress{bytes_before_ + blob_->held()});
  }
  if (blob_) proceed(progress);
}

void Fetcher::build(const BuildSlot& effect) {
  begin(effect.job);
  const auto found = std::find_if(releases_.begin(), releases_.end(), [&](const ReleaseManifest& r) {
    return r.info.plane == effect.plane && r.info.manifest == effect.manifest;
  });
  if (found == releases_.end())
    return fail({ErrorCode::internal, "a slot was to be built before its manifest was here"});
  off_loop([&slots = slots_, release = *found] { return slots.build(release); },
           [this, job = effect.job](tl::expected<void, Fault> built) {
             if (!built) return fail(built.error());
             cancel();
             ports_.tell(SlotBuilt{job});
           });
}

void Fetcher::fail(Fault fault) {
  const auto job = job_;
  cancel();
  release_unused_memory();
  // The agent is in the middle of a step when this comes straight from one of its effects.
  loop_.post([tell = ports_.tell, job, fault = std::move(fault)] { tell(JobFailed{job, fault, std::nullopt}); });
}

}  // namespace muster::edge
