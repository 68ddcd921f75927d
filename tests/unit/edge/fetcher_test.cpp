// A whole release fetched through the Fetcher from a broker made of nothing: manifest, files, slot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "edge-client/shell/fetcher.h"
#include "schemas/chunk_generated.h"
#include "schemas/wire.h"
#include "tests/unit/edge/folder.h"
#include "tests/unit/edge/signed_world.h"

namespace muster::edge {
namespace {

using testing::HasSubstr;

class FetcherTest : public testing::Test {
 protected:
  FetcherTest() {
    EXPECT_TRUE(slots.prepare(Plane::model));
    Fetcher::Ports ports;
    ports.ask = [this](const Sha256& digest, std::uint64_t offset, std::uint32_t length) {
      loop.post([this, digest, offset, length] { answer(digest, offset, length); });
    };
    ports.open = [this](ByteView envelope, const Sha256& manifest, bool fresh) {
      return open_release(envelope, manifest, world.root(), fresh ? now_s : 0);
    };
    ports.tell = [this](decltype(Event::what) what) {
      if (!std::holds_alternative<FetchProgress>(what)) last = std::move(what);
    };
    fetcher.emplace(loop, worker, slots,
                    FetchPolicy{.silence_ms = 50, .silences_max = 3, .unknown_pause_ms = 1, .unknown_max = 2},
                    std::move(ports));
    fetcher->set_online(true);
  }
  void serve(const SignedRelease& given) {
    blobs[given.envelope_digest] = std::string(given.manifest.envelope.begin(), given.manifest.envelope.end());
    for (const auto& [name, text] : given.files) blobs[sha256_of(text)] = text;
  }
  void answer(const Sha256& digest, std::uint64_t offset, std::uint32_t length) {
    flatbuffers::FlatBufferBuilder b;
    const wire::Digest name(flatbuffers::span<const std::uint8_t, 32>(digest.bytes));
    const auto blob = blobs.find(digest);
    if (blob == blobs.end()) {
      wire::FinishChunkBuffer(b, wire::CreateChunk(b, &name, offset, 0, wire::ChunkStatus::unknown_blob));
    } else {
      const auto part = ByteView(std::string_view(blob->second).substr(offset, length));
      served += part.size();
      b.ForceVectorAlignment(part.size(), 1, 8);
      const auto data = b.CreateVector(part.data(), part.size());
      wire::FinishChunkBuffer(b, wire::CreateChunk(b, &name, offset, blob->second.size(), wire::ChunkStatus::ok, data));
    }
    const AlignedBytes copy(ByteView(b.GetBufferPointer(), b.GetSize()));
    const wire::Chunk* chunk = nullptr;
    ASSERT_EQ(verify(copy.view(), chunk), WireFault::none);
    fetcher->on_chunk(*chunk);
  }
  // "manifest", "files", "slot", or the code of a failure.
  std::string wait() {
    EXPECT_TRUE(loop.run_until([&] { return last.has_value(); }, 20000));
    if (!last) return "nothing";
    const auto what = std::move(*last);
    last.reset();
    if (std::holds_alternative<ManifestArrived>(what)) return "manifest";
    if (std::holds_alternative<FilesArrived>(what)) return "files";
    if (std::holds_alternative<SlotBuilt>(what)) return "slot";
    if (const auto* failed = std::get_if<JobFailed>(&what)) return wire::EnumNameErrorCode(failed->fault.code);
    return "?";
  }
  std::string get(const SignedRelease& wanted) {
    fetcher->fetch_manifest({1, wanted.assigned()});
    if (auto got = wait(); got != "manifest") return got;
    fetcher->fetch_files({2, Plane::model, wanted.manifest.info.manifest});
    if (auto got = wait(); got != "files") return got;
    fetcher->build({3, Plane::model, wanted.manifest.info.manifest});
    return wait();
  }

  SignedWorld world;
  Folder folder;
  EventLoop loop;
  Worker worker{loop};
  SlotStore slots{folder.path()};
  std::optional<Fetcher> fetcher;
  std::map<Sha256, std::string> blobs;
  std::uint64_t served = 0, now_s = 1000;
  std::optional<decltype(Event::what)> last;
  SignedRelease release = world.release("m", "1", Plane::model,
                                        {{"big.bin", std::string(300000, 'b')}, {"empty", ""}, {"a/b", "text"}}, 5000);
};

TEST_F(FetcherTest, ARelaseBecomesASlot) {
  serve(release);
  EXPECT_EQ(get(release), "slot");
  EXPECT_TRUE(slots.check(Plane::model, release.manifest.info.manifest).has_value());
}

TEST_F(FetcherTest, WhatIsInASlotIsNotFetchedAgain) {
  serve(release);
  ASSERT_EQ(get(release), "slot");
  served = 0;
  EXPECT_EQ(get(release), "slot");
  EXPECT_EQ(served, 0u);
  // Not even when it has expired since: it may have to be gone back to.
  now_s = 6000;
  EXPECT_EQ(get(release), "slot");
}

TEST_F(FetcherTest, ADamagedSlotIsFetchedAgain) {
  serve(release);
  ASSERT_EQ(get(release), "slot");
  const auto path = slots.path_of(Plane::model, release.manifest.info.manifest) + "/a/b";
  std::filesystem::remove(path);
  std::ofstream(path) << "tixt";
  EXPECT_EQ(get(release), "slot");
  EXPECT_TRUE(slots.check(Plane::model, release.manifest.info.manifest).has_value());
}

TEST_F(FetcherTest, AnExpiredReleaseIsRefused) {
  serve(release);
  now_s = 6000;
  EXPECT_EQ(get(release), "expired");
}

TEST_F(FetcherTest, AForeignSignatureIsRefused) {
  const SignedWorld other;
  const auto foreign = other.release("m", "1", Plane::model, {{"a", "b"}});
  serve(foreign);
  EXPECT_EQ(get(foreign), "unknown_key");
}

TEST_F(FetcherTest, AnotherReleaseThanAssignedIsRefused) {
  const auto another = world.release("m", "2", Plane::model, {{"a", "b"}});
  serve(another);
  auto line = another.assigned();
  line.manifest = release.manifest.info.manifest;
  fetcher->fetch_manifest({1, line});
  EXPECT_EQ(wait(), "digest_mismatch");
}

TEST_F(FetcherTest, WhatTheBrokerDoesNotHaveFails) {
  EXPECT_EQ(get(release), "fetch_failed");
  serve(release);
  blobs.erase(sha256_of("text"));
  EXPECT_EQ(get(release), "fetch_failed");
}

TEST_F(FetcherTest, AReleaseThatNobodyHasFailsWithoutAsking) {
  auto line = release.assigned();
  line.envelope = {};
  line.envelope_size = 0;
  fetcher->fetch_manifest({1, line});
  EXPECT_EQ(wait(), "fetch_failed");
}

TEST_F(FetcherTest, ACancelledJobSaysNothing) {
  serve(release);
  fetcher->fetch_manifest({1, release.assigned()});
  fetcher->cancel();
  EXPECT_FALSE(loop.run_until([&] { return last.has_value(); }, 200));
}

TEST_F(FetcherTest, OfflineItWaitsAndGoesOn) {
  serve(release);
  fetcher->set_online(false);
  fetcher->fetch_manifest({1, release.assigned()});
  EXPECT_FALSE(loop.run_until([&] { return last.has_value(); }, 300));
  fetcher->set_online(true);
  EXPECT_EQ(wait(), "manifest");
}

TEST_F(FetcherTest, MoreThanTheDiskHoldsIsRefusedAtOnce) {
  auto huge = release;
  huge.manifest.files.push_back({"huge", std::uint64_t{1} << 39, Sha256{{9}}});
  serve(release);
  // The manifest says so itself: made by hand, since a real one would need the bytes.
  Fetcher::Ports ports;
  ports.ask = [](const Sha256&, std::uint64_t, std::uint32_t) {};
  ports.open = [&](ByteView, const Sha256&, bool) -> tl::expected<ReleaseManifest, Fault> { return huge.manifest; };
  ports.tell = [this](decltype(Event::what) what) { last = std::move(what); };
  ASSERT_EQ(get(release), "slot");
  Fetcher other(loop, worker, slots, {}, std::move(ports));
  other.fetch_manifest({1, release.assigned()});
  ASSERT_EQ(wait(), "manifest");
  std::filesystem::remove_all(slots.path_of(Plane::model, release.manifest.info.manifest));
  other.fetch_files({2, Plane::model, release.manifest.info.manifest});
  EXPECT_EQ(wait(), "disk_full");
}

}  // namespace
}  // namespace muster::edge
