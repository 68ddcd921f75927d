// Fetching by chunks from a broker that is right, slow, forgetful, or lies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/resource.h>

#include <deque>
#include <optional>
#include <random>

#include "edge-client/shell/blob_fetch.h"
#include "tests/unit/edge/folder.h"
#include "tests/unit/edge/signed_world.h"

namespace muster::edge {
namespace {

using Progress = BlobFetch::Progress;

// Serves one blob; requests wait in a queue as they would on the wire.
class Source {
 public:
  explicit Source(std::string blob) : blob_(std::move(blob)) {}

  BlobFetch::Ask ask() {
    return [this](std::uint64_t offset, std::uint32_t length) {
      asked.push_back({offset, length});
      in_flight_max = std::max(in_flight_max, asked.size());
    };
  }
  ChunkAnswer answer(std::pair<std::uint64_t, std::uint32_t> request) {
    if (status != wire::ChunkStatus::ok) return {request.first, 0, status, {}};
    const auto part = std::string_view(blob_).substr(request.first, request.second);
    served += part.size();
    return {request.first, blob_.size(), wire::ChunkStatus::ok, ByteView(part)};
  }
  // Answers until nothing is asked any more.
  Progress serve(BlobFetch& fetch, std::uint64_t now_ms = 0, std::size_t answers_max = SIZE_MAX) {
    auto progress = Progress::more;
    while (!asked.empty() && progress == Progress::more && answers_max-- > 0) {
      const auto request = asked.front();
      asked.pop_front();
      progress = fetch.take(answer(request), now_ms);
    }
    return progress;
  }

  std::deque<std::pair<std::uint64_t, std::uint32_t>> asked;
  std::size_t in_flight_max = 0;
  std::uint64_t served = 0;
  wire::ChunkStatus status = wire::ChunkStatus::ok;

 private:
  std::string blob_;
};

std::string noise(std::size_t size) {
  std::mt19937 random(7);
  std::string text(size, '\0');
  for (auto& c : text) c = static_cast<char>(random());
  return text;
}

class Fetch : public testing::Test {
 protected:
  BlobFetch open(std::uint64_t size, const Sha256& digest) {
    auto fetch = BlobFetch::open(folder.file("blob"), digest, size, policy);
    EXPECT_TRUE(fetch.has_value());
    return std::move(*fetch);
  }
  BlobFetch open() { return open(blob.size(), sha256_of(blob)); }

  Folder folder;
  FetchPolicy policy{.window = 4,
                     .chunk_len = 50,
                     .silence_ms = 1000,
                     .silence_ms_max = 8000,
                     .silences_max = 3,
                     .unknown_pause_ms = 500,
                     .unknown_max = 3,
                     .busy_pause_ms = 200,
                     .busy_max = 5};
  std::string blob = noise(617);
  Source source{blob};
};

TEST_F(Fetch, TakesAWholeBlobWithinItsWindow) {
  auto fetch = open();
  ASSERT_EQ(fetch.start(source.ask(), true, 0), Progress::more);
  EXPECT_EQ(source.serve(fetch), Progress::done);
  EXPECT_EQ(folder.read("blob"), blob);
  EXPECT_EQ(source.in_flight_max, policy.window);
  EXPECT_EQ(source.served, blob.size());
}

TEST_F(Fetch, AnEmptyBlobIsDoneAtOnce) {
  auto fetch = open(0, sha256_of(""));
  EXPECT_EQ(fetch.start(source.ask(), false, 0), Progress::done);
}

TEST_F(Fetch, ResumesAtEveryByte) {
  for (std::size_t held = 0; held <= blob.size(); ++held) {
    folder.write("blob", std::string_view(blob).substr(0, held));
    source = Source(blob);
    auto fetch = open();
    auto progress = fetch.start(source.ask(), true, 0);
    if (progress == Progress::more) progress = source.serve(fetch);
    ASSERT_EQ(progress, Progress::done) << held;
    ASSERT_EQ(source.served, blob.size() - held);
    ASSERT_EQ(folder.read("blob"), blob);
  }
}

TEST_F(Fetch, AWrongBeginningIsFetchedAnew) {
  folder.write("blob", blob.substr(0, 300) + std::string(300, 'x'));
  auto fetch = open();
  ASSERT_EQ(fetch.start(source.ask(), true, 0), Progress::more);
  EXPECT_EQ(source.serve(fetch), Progress::done);
  EXPECT_EQ(folder.read("blob"), blob);
}

TEST_F(Fetch, AWrongWholeIsFetchedAnew) {
  folder.write("blob", std::string(blob.size(), 'x'));
  auto fetch = open();
  ASSERT_EQ(fetch.start(source.ask(), true, 0), Progress::more);
  EXPECT_EQ(source.serve(fetch), Progress::done);
}

TEST_F(Fetch, AFileThatIsTooLongStartsAnew) {
  folder.write("blob", blob + "more");
  auto fetch = open();
  EXPECT_EQ(fetch.held(), 0u);
}

TEST_F(Fetch, BytesThatAreNotTheBlobAreRefused) {
  Source liar(noise(2000).substr(700, 617));
  auto fetch = open();
  ASSERT_EQ(fetch.start(liar.ask(), true, 0), Progress::more);
  EXPECT_EQ(liar.serve(fetch), Progress::failed);
  EXPECT_EQ(fetch.fault().code, ErrorCode::digest_mismatch);
  EXPECT_EQ(folder.read("blob"), "");
}

TEST_F(Fetch, AnotherSizeIsRefused) {
  Source longer(blob + "x");
  auto fetch = open();
  ASSERT_EQ(fetch.start(longer.ask(), true, 0), Progress::more);
  EXPECT_EQ(longer.serve(fetch), Progress::failed);
  EXPECT_EQ(fetch.fault().code, ErrorCode::size_mismatch);
}

TEST_F(Fetch, MoreThanWasAskedForIsRefused) {
  auto fetch = open();
  ASSERT_EQ(fetch.start(source.ask(), true, 0), Progress::more);
  const auto much = blob + blob;
  EXPECT_EQ(fetch.take({0, blob.size(), wire::ChunkStatus::ok, ByteView(much)}, 0), Progress::failed);
  auto again = open();
  ASSERT_EQ(again.start(source.ask(), true, 0), Progress::more);
  EXPECT_EQ(again.take({0, blob.size(), wire::ChunkStatus::ok, {}}, 0), Progress::failed);
}

TEST_F(Fetch, LostAnswersAreAskedForAgain) {
  constexpr std::uint32_t seed = 11;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    folder.write("blob", "");
    source = Source(blob);
    auto fetch = open();
    std::uint64_t now_ms = 1;
    auto progress = fetch.start(source.ask(), true, now_ms);
    for (int step = 0; progress == Progress::more && step < 10000; ++step) {
      if (source.asked.empty()) {
        now_ms = std::max(now_ms, fetch.deadline_ms());
        progress = fetch.on_time(now_ms);
        continue;
      }
      const auto request = source.asked.front();
      source.asked.pop_front();
      if (random() % 4 != 0) progress = fetch.take(source.answer(request), now_ms);
    }
    // Three silences in a row are rare enough at this loss, but not impossible.
    if (progress == Progress::failed) {
      EXPECT_EQ(fetch.fault().code, ErrorCode::fetch_timeout);
    } else {
      EXPECT_EQ(folder.read("blob"), blob);
    }
  }
}

TEST_F(Fetch, RepeatedAnswersAreNothing) {
  auto fetch = open();
  ASSERT_EQ(fetch.start(source.ask(), true, 0), Progress::more);
  const auto first = source.answer(source.asked.front());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fetch.take(first, 0), Progress::more);
  EXPECT_EQ(fetch.held(), 50u);
}

// A link of `bytes_per_s` that keeps order: answers leave one after the other, however often they were asked for.
TEST_F(Fetch, ASlowLinkIsNotFilledWithWhatIsOnItsWayAlready) {
  policy = FetchPolicy{};
  blob = noise(200 * 1024);
  source = Source(blob);
  for (const std::uint64_t bytes_per_s : {3000u, 8000u, 20000u}) {
    folder.write("blob", "");
    source = Source(blob);
    auto fetch = open();
    std::uint64_t now_ms = 1;
    auto progress = fetch.start(source.ask(), true, now_ms);
    while (progress == Progress::more) {
      ASSERT_FALSE(source.asked.empty());
      const auto request = source.asked.front();
      source.asked.pop_front();
      const auto answer = source.answer(request);
      const auto arrives_ms = now_ms + answer.data.size() * 1000 / bytes_per_s;
      while (progress == Progress::more && fetch.deadline_ms() != 0 && fetch.deadline_ms() < arrives_ms) {
        progress = fetch.on_time(fetch.deadline_ms());
      }
      now_ms = arrives_ms;
      if (progress == Progress::more) progress = fetch.take(answer, now_ms);
    }
    EXPECT_EQ(progress, Progress::done) << bytes_per_s << " B/s";
    EXPECT_LE(source.served, blob.size() * 5 / 4) << bytes_per_s << " B/s";
  }
}

// Each connection carries 40 KiB and ends: less than the largest chunk, more than the smallest.
TEST_F(Fetch, ConnectionsTooShortForAChunkGetSmallerOnes) {
  policy = FetchPolicy{};
  blob = noise(300 * 1024);
  source = Source(blob);
  auto fetch = open();
  auto progress = fetch.start(source.ask(), true, 1);
  int connections = 1;
  for (; progress == Progress::more && connections < 100; ++connections) {
    std::uint64_t carried = 0;
    while (progress == Progress::more) {
      const auto answer = source.answer(source.asked.front());
      carried += answer.data.size();
      if (carried > 40 * 1024) break;
      source.asked.pop_front();
      progress = fetch.take(answer, 1);
    }
    source.asked.clear();
    if (progress != Progress::more) break;
    fetch.set_online(false, 1);
    fetch.set_online(true, 1);
  }
  EXPECT_EQ(progress, Progress::done);
  EXPECT_EQ(folder.read("blob"), blob);
  EXPECT_LT(connections, 40);
}

TEST_F(Fetch, SilenceHasAnEnd) {
  auto fetch = open();
  ASSERT_EQ(fetch.start(source.ask(), true, 0), Progress::more);
  EXPECT_EQ(fetch.on_time(999), Progress::more);
  int silences = 0;
  auto progress = Progress::more;
  while (progress == Progress::more && silences < 100) {
    progress = fetch.on_time(fetch.deadline_ms());
    ++silences;
  }
  EXPECT_EQ(progress, Progress::failed);
  EXPECT_EQ(fetch.fault().code, ErrorCode::fetch_timeout);
  EXPECT_EQ(silences, 3);
}

TEST_F(Fetch, BeingOfflineIsNoFailure) {
  auto fetch = open();
  ASSERT_EQ(fetch.start(source.ask(), false, 0), Progress::more);
  EXPECT_TRUE(source.asked.empty());
  EXPECT_EQ(fetch.deadline_ms(), 0u);
  fetch.set_online(true, 5000);
  EXPECT_EQ(source.serve(fetch, 5000, 3), Progress::more);
  source.asked.clear();
  fetch.set_online(false, 6000);
  EXPECT_EQ(fetch.on_time(1000000), Progress::more);
  fetch.set_online(true, 2000000);
  EXPECT_EQ(source.asked.front().first, 150u);
  EXPECT_EQ(source.serve(fetch, 2000000), Progress::done);
}

TEST_F(Fetch, AsksForHalfAWindowAtATime) {
  policy.window = policy.window_first = 4;
  auto fetch = open();
  ASSERT_EQ(fetch.start(source.ask(), true, 0), Progress::more);
  ASSERT_EQ(source.asked.size(), 4u);
  EXPECT_EQ(source.serve(fetch, 0, 1), Progress::more);
  EXPECT_EQ(source.asked.size(), 3u) << "one free place is not worth waking anybody";
  EXPECT_EQ(source.serve(fetch, 0, 1), Progress::more);
  EXPECT_EQ(source.asked.size(), 4u);
  EXPECT_EQ(source.serve(fetch), Progress::done);
}

TEST_F(Fetch, AnUnknownBlobIsAskedForAFewTimes) {
  source.status = wire::ChunkStatus::unknown_blob;
  auto fetch = open();
  std::uint64_t now_ms = 1;
  auto progress = fetch.start(source.ask(), true, now_ms);
  std::vector<std::uint64_t> pauses;
  while (progress == Progress::more && pauses.size() < 10) {
    progress = source.serve(fetch, now_ms);
    if (progress != Progress::more) break;
    pauses.push_back(fetch.deadline_ms() - now_ms);
    now_ms = fetch.deadline_ms();
    progress = fetch.on_time(now_ms);
  }
  EXPECT_EQ(progress, Progress::failed);
  EXPECT_EQ(fetch.fault().code, ErrorCode::fetch_failed);
  EXPECT_THAT(pauses, testing::ElementsAre(500u, 1000u));
}

TEST_F(Fetch, ABusyBrokerIsGivenTime) {
  auto fetch = open();
  std::uint64_t now_ms = 1;
  ASSERT_EQ(fetch.start(source.ask(), true, now_ms), Progress::more);
  source.status = wire::ChunkStatus::busy;
  EXPECT_EQ(source.serve(fetch, now_ms), Progress::more);
  EXPECT_EQ(fetch.deadline_ms(), 201u);
  source.status = wire::ChunkStatus::ok;
  now_ms = 201;
  EXPECT_EQ(fetch.on_time(now_ms), Progress::more);
  EXPECT_EQ(source.serve(fetch, now_ms), Progress::done);
}

TEST_F(Fetch, AFullDiskIsSaidAndGivesItsSpaceBack) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{500, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  auto fetch = open();
  ASSERT_EQ(fetch.start(source.ask(), true, 0), Progress::more);
  const auto progress = source.serve(fetch);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(progress, Progress::failed);
  EXPECT_EQ(fetch.fault().code, ErrorCode::disk_full);
  EXPECT_EQ(folder.read("blob"), "");
}

TEST_F(Fetch, WhatIsNoFileIsRefused) {
  std::filesystem::create_directory(folder.file("blob"));
  EXPECT_FALSE(BlobFetch::open(folder.file("blob"), sha256_of(blob), blob.size(), policy).has_value());
  EXPECT_FALSE(BlobFetch::open("/dev/zero", sha256_of(blob), blob.size(), policy).has_value());
}

}  // namespace
}  // namespace muster::edge
