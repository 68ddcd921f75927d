#include "broker-plugin/lifecycle/file_removal.h"

#include <algorithm>
#include <memory>
#include <unordered_set>
#include <utility>

#include "broker-plugin/readiness/release_evidence.h"
#include "broker-plugin/store/keys.h"

namespace muster::broker {
namespace {

std::string count_text(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// Removes them, but for those that are evidence of some release; the first trouble, empty for none. Job thread.
std::string unlink_all(const BlobStore& blobs, const std::vector<Sha256>& files,
                       const std::vector<ReleasePtr>& releases) {
  std::unordered_set<Sha256, DigestHash> evidence;
  for (const auto& release : releases) {
    for (const auto& digest : evidence_digests(*release, blobs)) evidence.insert(digest);
  }
  std::string trouble;
  for (const auto& digest : files) {
    if (evidence.contains(digest) || !blobs.size_of(digest)) continue;
    const auto removed = blobs.remove(digest);
    if (!removed && trouble.empty()) trouble = removed.error().message;
  }
  return trouble;
}

}  // namespace

void FileRemoval::start() {
  for (const auto& release : services_.releases.all()) {
    const auto& life = services_.states.of(release->manifest);
    if (life.state != ReleaseState::retired) continue;
    if (life.removed_s == 0) {
      note_retired(release->manifest);
    } else {
      sweep_due_ = true;
    }
  }
}

void FileRemoval::tick(std::uint64_t keep_s) {
  if (!services_.engine.stopped().empty() || publications_ != 0) return;
  const auto now_s = services_.engine.now_s();
  if (sweep_due_ && !sweeping_ && now_s >= sweep_s_) remove_files();
  for (auto& [manifest, not_before_s] : waiting_) {
    const auto retired_s = services_.states.of(manifest).retired_s();
    if (now_s < not_before_s || now_s - std::min(now_s, retired_s) < keep_s) continue;
    const auto release = services_.releases.by_manifest(manifest);
    if (!services_.engine.engine().uses(manifest).any()) {
      waiting_.erase(manifest);
      return decide(release, keep_s);  // the others with the next tick
    }
    not_before_s = now_s + retry_after_s;
  }
}

void FileRemoval::decide(const ReleasePtr& release, std::uint64_t keep_s) {
  const auto now_s = services_.engine.now_s();
  services_.states.note_removed(release->manifest, now_s);
  services_.releases.stop_serving_files(release->manifest);
  const auto gone = services_.releases.files_of_nobody_else(*release);
  std::uint64_t bytes = 0;
  std::unordered_set<Sha256, DigestHash> own;  // two names may share one content
  for (const auto& file : release->files) {
    const bool goes = std::find(gone.begin(), gone.end(), file.sha256) != gone.end();
    if (own.insert(file.sha256).second && goes) bytes += file.size;
  }
  auto why = count_text(gone.size(), "file") + " with " + count_text(bytes, "byte") + ", retired " +
             std::to_string(now_s - services_.states.of(release->manifest).retired_s()) +
             " s ago, kept for keep_retired_for: " + std::to_string(keep_s) + " s";
  if (const auto shared = own.size() - gone.size(); shared != 0)
    why += "; " + std::to_string(shared) + " stay, which another release has too";
  Work work;
  work.records.push_back({keys::join(keys::files_removed, release->ref()), keys::u64_value(now_s)});
  work.audit.push_back({0, now_s, "muster", "release.files_removed", release->ref(), why, {}});
  work.after.emplace_back([this](bool durable) {
    if (durable) sweep_due_ = true;
  });
  services_.engine.submit(std::move(work));
}

// All that are to be gone, each time: one that could not be removed is tried again.
void FileRemoval::remove_files() {
  std::vector<Sha256> files;
  const auto releases = services_.releases.all();
  for (const auto& release : releases) {
    if (services_.states.of(release->manifest).removed_s == 0) continue;
    for (const auto& digest : services_.releases.files_of_nobody_else(*release)) {
      services_.chunks.forget_blob(digest);  // an open file would keep its room on the disk
      files.push_back(digest);
    }
  }
  sweep_due_ = false;
  sweeping_ = true;
  const auto* blobs = &services_.blobs;
  auto& outbox = services_.outbox;
  const bool taken = services_.jobs.submit([this, blobs, &outbox, files = std::move(files), releases] {
    auto trouble = unlink_all(*blobs, files, releases);
    outbox.put(Outbox::Call([this, trouble = std::move(trouble)] {
      sweeping_ = false;
      if (trouble.empty()) return;
      services_.on_trouble("files of retired releases cannot be removed: " + trouble +
                           "; it is tried again in an hour");
      sweep_due_ = true;
      sweep_s_ = services_.engine.now_s() + retry_after_s;
    }));
  });
  if (taken) return;
  sweeping_ = false;
  sweep_due_ = true;
}

}  // namespace muster::broker
