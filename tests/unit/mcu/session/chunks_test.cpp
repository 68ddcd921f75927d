// What a broker can do to a download: answers late, twice, out of order, of another blob, that contradict themselves,
// and none. Either the release is what was signed, or the attempt fails with the error that docs/wire.md names.
#include "tests/unit/mcu/session/session_test.h"
#include "trust/sha256.h"

namespace muster::mcu::sim {
namespace {

using wire::AttemptState;
using wire::ErrorCode;

const Release& model() {
  return test_releases().model;
}

// An update of the model with this said about each answer; `n` counts them.
struct Download {
  explicit Download(const std::function<void(ChunkAnswer&, unsigned n)>& tamper) {
    world.broker.before_chunk = [this, tamper](ChunkAnswer& answer) { tamper(answer, answered++); };
    world.assign(1, {&model()});
    started = world.start_and_settle();
  }
  ::testing::AssertionResult commits(std::uint64_t ms = 60000) {
    if (!started || !world.until_attempt(1, AttemptState::committed, ms))
      return ::testing::AssertionFailure() << "no commit";
    if (!world.runs(model())) return ::testing::AssertionFailure() << "it does not run";
    return ::testing::AssertionSuccess();
  }
  ::testing::AssertionResult fails(ErrorCode error, std::uint64_t ms = 60000) {
    if (!started || !world.until_attempt(1, AttemptState::failed, ms))
      return ::testing::AssertionFailure() << "no failure";
    if (world.last_state().error != error)
      return ::testing::AssertionFailure() << "error " << static_cast<int>(world.last_state().error);
    if (!world.device.active(Plane::model).is_zero()) return ::testing::AssertionFailure() << "something is active";
    // And the next one, from an honest broker, is taken.
    world.broker.before_chunk = nullptr;
    world.assign(2, {&model()});
    if (!world.until_attempt(2, AttemptState::committed, 60000) || !world.runs(model()))
      return ::testing::AssertionFailure() << "the next attempt does not commit";
    return ::testing::AssertionSuccess();
  }
  TestWorld world;
  unsigned answered = 0;
  bool started = false;
};

TEST(McuSessionChunks, TwiceAndManyTimes) {
  Download twice([](ChunkAnswer& answer, unsigned) { answer.copies = 2; });
  EXPECT_TRUE(twice.commits());
  Download many([](ChunkAnswer& answer, unsigned n) { answer.copies = 1 + n * 7 % 5; });
  EXPECT_TRUE(many.commits());
}

TEST(McuSessionChunks, OutOfOrder) {
  Download download([](ChunkAnswer&, unsigned) {});
  download.world.broker.reversed = true;
  EXPECT_TRUE(download.commits()) << "what comes too early is asked for once more";
}

// Each answer a little later than the last, up to longer than the client waits for it.
TEST(McuSessionChunks, Late) {
  for (const std::uint64_t delay_ms : {50u, 900u, 4900u}) {
    SCOPED_TRACE(delay_ms);
    Download download([&](ChunkAnswer& answer, unsigned) { answer.delay_ms = delay_ms; });
    EXPECT_TRUE(download.commits());
    EXPECT_EQ(download.world.asked(), 3u) << "nothing is asked for twice";
  }
  // Past its patience it asks again; the late answer is as good as the second.
  Download slow([](ChunkAnswer& answer, unsigned n) { answer.delay_ms = n == 0 ? 6000 : n == 1 ? 500 : 0; });
  EXPECT_TRUE(slow.commits());
  EXPECT_EQ(slow.world.asked(), 4u);
}

TEST(McuSessionChunks, LostOnes) {
  for (unsigned lost = 0; lost < 3; ++lost) {
    Download download([&](ChunkAnswer& answer, unsigned n) { answer.copies = n == lost ? 0 : 1; });
    EXPECT_TRUE(download.commits());
    const auto took_ms = download.world.last_state().at_ms;
    EXPECT_GE(took_ms, 5000u) << "it waits for an answer before it asks again";
    EXPECT_LT(took_ms, 12000u);
  }
}

TEST(McuSessionChunks, OfAnotherBlobOrAnotherPlaceAreNotTaken) {
  Download other([](ChunkAnswer& answer, unsigned n) {
    if (n % 3 == 0) answer.digest.bytes[31] ^= 1;
  });
  EXPECT_TRUE(other.commits());
  Download elsewhere([](ChunkAnswer& answer, unsigned n) {
    if (n % 3 == 0) answer.offset += 8;
  });
  EXPECT_TRUE(elsewhere.commits());
  Download shorter([](ChunkAnswer& answer, unsigned n) {
    if (n % 3 == 0) answer.data.resize(answer.data.size() - 1);
  });
  EXPECT_TRUE(shorter.commits());
  Download longer([](ChunkAnswer& answer, unsigned n) {
    if (n % 3 == 0) answer.data.resize(answer.data.size() + 8);
  });
  EXPECT_TRUE(longer.commits());
  Download empty([](ChunkAnswer& answer, unsigned n) {
    if (n % 3 == 0) answer.data.clear();
  });
  EXPECT_TRUE(empty.commits());
}

TEST(McuSessionChunks, OnesThatNobodyAskedForAreHarmless) {
  TestWorld world;
  ASSERT_TRUE(world.start_and_settle());
  ChunkAnswer answer;
  answer.digest = model().assigned.envelope;
  answer.data = Bytes(1024, 7);
  answer.total = 4096;
  const auto bytes = chunk(answer);
  for (unsigned i = 0; i < 30; ++i)
    world.broker.push(chunk_topic, {bytes.begin(), bytes.end()}, static_cast<int>(i % 2));
  world.run(1000);
  EXPECT_EQ(world.asked(), 0u);
  world.assign(1, {&model()});
  EXPECT_TRUE(world.until_attempt(1, AttemptState::committed));
}

TEST(McuSessionChunks, BusyIsWaitedForLongerAndLonger) {
  Download download([](ChunkAnswer& answer, unsigned n) {
    if (n < 7) answer.status = wire::ChunkStatus::busy;
  });
  std::vector<std::uint64_t> at_ms;
  EXPECT_TRUE(download.commits());
  for (const auto& message : download.world.broker.published) {
    if (message.topic == chunk_get_topic) at_ms.push_back(message.at_ms);
  }
  ASSERT_EQ(at_ms.size(), 10u);
  for (unsigned i = 1; i <= 7; ++i) {
    const auto pause = 100u << std::min(i, 6u);
    EXPECT_GE(at_ms[i] - at_ms[i - 1], pause) << i;
    EXPECT_LE(at_ms[i] - at_ms[i - 1], pause + 50) << i;
  }
}

TEST(McuSessionChunks, AlwaysBusyIsWaitedForWithoutEnd) {
  Download download([](ChunkAnswer& answer, unsigned) { answer.status = wire::ChunkStatus::busy; });
  download.world.run(600000);
  EXPECT_EQ(download.world.last_state().attempt, AttemptState::fetching);
  EXPECT_LT(download.world.asked(), 110u) << "one in 6.4 s";
  download.world.broker.before_chunk = nullptr;
  EXPECT_TRUE(download.commits());
}

TEST(McuSessionChunks, UnknownBlobsAreAskedForAFewTimes) {
  Download late([](ChunkAnswer& answer, unsigned n) {
    if (n < 8) answer.status = wire::ChunkStatus::unknown_blob;
  });
  EXPECT_TRUE(late.commits());
  Download never([](ChunkAnswer& answer, unsigned) { answer.status = wire::ChunkStatus::unknown_blob; });
  EXPECT_TRUE(never.fails(ErrorCode::fetch_failed));
}

TEST(McuSessionChunks, WhatIsBehindTheEndOrOfAnotherSizeFails) {
  for (const unsigned at : {0u, 1u, 2u}) {
    SCOPED_TRACE(at);
    Download behind([&](ChunkAnswer& answer, unsigned n) {
      if (n == at) answer.status = wire::ChunkStatus::out_of_range;
    });
    EXPECT_TRUE(behind.fails(ErrorCode::size_mismatch));
    Download total([&](ChunkAnswer& answer, unsigned n) {
      if (n == at) answer.total += 1;
    });
    EXPECT_TRUE(total.fails(ErrorCode::size_mismatch));
    Download huge([&](ChunkAnswer& answer, unsigned n) {
      if (n == at) answer.total = ~std::uint64_t{0};
    });
    EXPECT_TRUE(huge.fails(ErrorCode::size_mismatch));
  }
}

TEST(McuSessionChunks, ChangedBytesFailByTheirDigest) {
  for (const unsigned at : {0u, 1u, 2u}) {
    SCOPED_TRACE(at);
    Download download([&](ChunkAnswer& answer, unsigned n) {
      if (n == at) answer.data[answer.data.size() / 2] ^= 0x10;
    });
    EXPECT_TRUE(download.fails(ErrorCode::digest_mismatch));
  }
}

// Right by their digests, and signed by nobody or by the wrong role.
TEST(McuSessionChunks, EnvelopesOfOthersFail) {
  const auto with_envelope = [](const Bytes& envelope, ErrorCode error) {
    Release forged = model();
    forged.envelope = envelope;
    forged.assigned.envelope = trust::sha256(envelope);
    forged.assigned.envelope_size = static_cast<std::uint32_t>(envelope.size());
    TestWorld world;
    world.broker.serve(forged);
    world.assign(1, {&forged});
    ASSERT_TRUE(world.start_and_settle());
    ASSERT_TRUE(world.until_attempt(1, AttemptState::failed));
    EXPECT_EQ(world.last_state().error, error);
  };
  const auto stranger = Keys::generated();
  const auto kind = wire::PayloadKind::manifest;
  with_envelope(sealed(kind, model().manifest, stranger.release), ErrorCode::unknown_key);
  with_envelope(sealed(kind, model().manifest, test_keys().control), ErrorCode::unknown_key);
  with_envelope(sealed(wire::PayloadKind::assignment, model().manifest, test_keys().release), ErrorCode::malformed);
  with_envelope(test_releases().other_model.envelope, ErrorCode::incompatible);
  with_envelope(some_bytes(700, 9), ErrorCode::malformed);
  with_envelope(Bytes(2049, 9), ErrorCode::incompatible);  // longer than the work buffer
}

// A broker that says nothing at all, then everything.
TEST(McuSessionChunks, SilenceIsAskedAgainEveryFiveSeconds) {
  Download download([](ChunkAnswer&, unsigned) {});
  download.world.broker.serves = false;
  const auto before = download.world.asked();
  download.world.run(60000);
  const auto asked = download.world.asked() - before;
  EXPECT_GE(asked, 10u);
  EXPECT_LE(asked, 24u) << "one request stands for the manifest";
  download.world.broker.serves = true;
  EXPECT_TRUE(download.commits());
}

}  // namespace
}  // namespace muster::mcu::sim
