// One release into a slot, from an honest server, a bad one and a bad link, and with the power cut at every flash
// operation.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>

#include "tests/support/long_form.h"
#include "tests/unit/mcu/client/board.h"
#include "trust/sha256.h"

namespace muster::mcu::testing {
namespace {

constexpr std::uint32_t work_size = 8192;
constexpr Fit fit = {"cortex-m3", 0, 0};

const test::Fleet& fleet() {
  static const test::Fleet made;
  return made;
}

Bytes random_bytes(std::size_t size, unsigned seed) {
  std::mt19937 chance(seed);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(chance());
  return bytes;
}

// One start of the device: everything in RAM is new.
struct Begun {
  explicit Begun(Board& on) : board(on), settings(on.flash(), on.layout().settings), trust(on.flash(), settings) {
    mounted = settings.mount();
    if (mounted == ok) mounted = trust.pin(AlignedBytes(fleet().root_envelope).view());
    fill = std::make_unique<Fill>(on.flash(), settings, trust, work, work_size);
  }

  // Until it is done, has failed or the power went; `each` is called between all steps.
  Fill::State go(ChunkServer& server, const std::function<void(Fill&)>& each = {}, std::uint64_t now_s = 1000) {
    for (int i = 0; i < 6000 && fill->state() == Fill::State::busy && board.nor().has_power(); ++i) {
      now_ms += 20;
      server.serve(*fill, now_ms);
      (void)fill->poll(now_s);
      if (each) each(*fill);
    }
    return fill->state();
  }

  Board& board;
  RecordLog settings;
  TrustStore trust;
  int mounted = ok;
  alignas(8) std::uint8_t work[work_size];
  std::unique_ptr<Fill> fill;
  std::uint64_t now_ms = 100;
};

void expect_complete(Board& board, const SignedRelease& release, std::uint8_t slot, const ReleaseSpec& spec) {
  SlotHeader header;
  const auto& area = board.layout().slots[index_of(spec.plane)][slot];
  ASSERT_EQ(read_header(board.flash(), area, header), ok);
  ASSERT_EQ(check_files(board.flash(), area, header), ok);
  EXPECT_EQ(std::memcmp(header.manifest, release.assigned.manifest.bytes.data(), 32), 0);
  EXPECT_EQ(header.file_count, spec.files.size());
  EXPECT_EQ(header.security_version, spec.security_version);
  EXPECT_EQ(padded_text(header.version), "1.2.3");
}

struct McuFill : ::testing::Test {
  Board board;
  ChunkServer server;
  ReleaseSpec spec;

  SignedRelease release() {
    auto made = sign(spec, fleet().release_keys[0]);
    server.blobs = made.blobs;
    return made;
  }
  ErrorCode refused(const SignedRelease& wanted, const Fit& device = fit, std::uint64_t now_s = 1000) {
    Begun run(board);
    run.fill->begin(wanted.assigned, 0, device);
    EXPECT_EQ(run.go(server, {}, now_s), Fill::State::failed) << run.fill->detail();
    SlotHeader header;
    EXPECT_NE(read_header(board.flash(), board.layout().slots[index_of(wanted.assigned.plane)][0], header), ok);
    EXPECT_NE(std::string(run.fill->detail()), "");
    return run.fill->error();
  }
};

TEST_F(McuFill, SeveralFilesOfAnySizeAndALongManifest) {
  board.nor().fill_at_random(board.layout().slots[1][1].offset, 16384, 5);
  spec.files = {{"a", random_bytes(1, 1)}, {"empty", {}}, {"b", random_bytes(5000, 2)}, {"c", random_bytes(1024, 3)}};
  spec.provenance = 2500;
  const auto wanted = release();
  Begun run(board);
  run.fill->begin(wanted.assigned, 1, fit);
  ASSERT_EQ(run.go(server), Fill::State::done) << run.fill->detail();
  expect_complete(board, wanted, 1, spec);
  EXPECT_EQ(run.fill->bytes_done(), 6025u);
  EXPECT_EQ(run.fill->bytes_total(), 6025u);
  EXPECT_EQ(server.bytes, 6025u + wanted.assigned.envelope_size);
}

TEST_F(McuFill, EveryReasonToRefuseARelease) {
  spec.device_class = "cortex-m0";
  EXPECT_EQ(refused(release()), ErrorCode::incompatible);
  spec.device_class = "cortex-m3";
  spec.memory_mb_min = 1;
  EXPECT_EQ(refused(release()), ErrorCode::incompatible);
  spec.memory_mb_min = 0;
  spec.accelerator = "npu";
  EXPECT_EQ(refused(release()), ErrorCode::incompatible);
  spec.accelerator = "";
  spec.swap_when = {1, 2, 3};
  EXPECT_EQ(refused(release()), ErrorCode::incompatible) << "it would switch whatever the condition says";
  spec.swap_when.clear();
  EXPECT_EQ(refused(release(), {"cortex-m3", 0, 2}), ErrorCode::under_security_floor);
  spec.expires_s = 999;
  EXPECT_EQ(refused(release()), ErrorCode::expired);
  spec.expires_s = 0;
  spec.files.assign(5, {"x", Bytes(3, 1)});
  for (std::size_t i = 0; i < 5; ++i) spec.files[i].first = "f" + std::to_string(i);
  EXPECT_EQ(refused(release()), ErrorCode::disk_full);
  spec.files = {{"large", Bytes(16 * 1024, 1)}};
  EXPECT_EQ(refused(release()), ErrorCode::disk_full);
  spec.files = {{"model.bin", Bytes(10, 1)}};
  EXPECT_EQ(refused(sign(spec, fleet().control_keys[0])), ErrorCode::fetch_failed);
  const auto unsigned_one = sign(spec, fleet().control_keys[0]);
  server.blobs = unsigned_one.blobs;
  EXPECT_EQ(refused(unsigned_one), ErrorCode::unknown_key);
  auto other = release();
  other.assigned.manifest = trust::sha256(Bytes{1});
  EXPECT_EQ(refused(other), ErrorCode::incompatible);
  auto long_one = release();
  long_one.assigned.envelope_size = work_size + 1;
  EXPECT_EQ(refused(long_one), ErrorCode::incompatible);
  auto plane = release();
  plane.assigned.plane = Plane::config;
  EXPECT_EQ(refused(plane), ErrorCode::incompatible);
}

TEST_F(McuFill, ABadSignatureIsNamed) {
  auto wanted = release();
  auto envelope = wanted.blobs[wanted.assigned.envelope];
  const AlignedBytes view(envelope);
  const auto* read = wire::GetEnvelope(view.view().data());
  const auto at = static_cast<std::size_t>(read->signatures()->Get(0)->bytes()->data() - view.view().data());
  envelope[at + 40] ^= 1;
  wanted.assigned.envelope = trust::sha256(envelope);
  server.blobs[wanted.assigned.envelope] = envelope;
  EXPECT_EQ(refused(wanted), ErrorCode::bad_signature);
}

TEST_F(McuFill, WrongBytesAndWrongSizesAreRefusedAndTheNextAttemptBeginsAnew) {
  const auto wanted = release();
  server.before = [](ChunkServer::Answer& answer) {
    if (answer.total == 3000 && answer.offset == 1024) answer.data[17] ^= 1;
    return true;
  };
  EXPECT_EQ(refused(wanted), ErrorCode::digest_mismatch);
  server.before = [](ChunkServer::Answer& answer) {
    if (answer.total != 3000) answer.data[17] ^= 1;
    return true;
  };
  EXPECT_EQ(refused(wanted), ErrorCode::digest_mismatch);
  server.before = [](ChunkServer::Answer& answer) { return answer.total += 1, true; };
  EXPECT_EQ(refused(wanted), ErrorCode::size_mismatch);
  server.before = [](ChunkServer::Answer& answer) {
    answer.status = wire::ChunkStatus::out_of_range;
    answer.data.clear();
    return true;
  };
  EXPECT_EQ(refused(wanted), ErrorCode::size_mismatch);
  server.before = {};
  Begun run(board);
  run.fill->begin(wanted.assigned, 0, fit);
  ASSERT_EQ(run.go(server), Fill::State::done) << run.fill->detail();
  expect_complete(board, wanted, 0, spec);
}

TEST_F(McuFill, AnUnknownBlobIsAskedForAFewTimes) {
  const auto wanted = release();
  const auto kept = server.blobs;
  server.blobs.clear();
  EXPECT_EQ(refused(wanted), ErrorCode::fetch_failed);
  EXPECT_EQ(server.requests, retries_max + 1u);
  unsigned left = 3;
  server.blobs = kept;
  server.before = [&](ChunkServer::Answer& answer) {
    if (left == 0) return true;
    --left;
    answer.status = wire::ChunkStatus::unknown_blob;
    answer.data.clear();
    return true;
  };
  Begun run(board);
  run.fill->begin(wanted.assigned, 0, fit);
  EXPECT_EQ(run.go(server), Fill::State::done);
}

TEST_F(McuFill, ABusyBrokerIsAskedMoreAndMoreSeldom) {
  const auto wanted = release();
  unsigned busy = 0;
  server.before = [&](ChunkServer::Answer& answer) {
    if (answer.offset == 0 && busy < 12) {
      ++busy;
      answer.status = wire::ChunkStatus::busy;
      answer.data.clear();
    }
    return true;
  };
  Begun run(board);
  run.fill->begin(wanted.assigned, 0, fit);
  EXPECT_EQ(run.go(server), Fill::State::done);
  EXPECT_EQ(busy, 12u);
  EXPECT_GT(run.now_ms, 6u * 6400u);
}

TEST_F(McuFill, NeverMoreRequestsThanItsWindow) {
  spec.files = {{"model.bin", random_bytes(12000, 1)}};
  const auto wanted = release();
  Begun run(board);
  run.fill->begin(wanted.assigned, 0, fit);
  server.before = [](ChunkServer::Answer&) { return false; };
  for (int i = 0; i < 40; ++i) {
    server.requests = 0;
    server.serve(*run.fill, run.now_ms += 1);
    EXPECT_LE(server.requests, chunks_ahead);
    (void)run.fill->poll(1000);
  }
}

TEST_F(McuFill, LostRepeatedAndReorderedAnswersAndLostConnections) {
  const auto seed = muster::testing::seed_or(1);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  const auto rounds = muster::testing::size_for(8u, 300u);
  for (unsigned round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    std::mt19937_64 chance(seed + round);
    board.nor().fill_at_random(board.layout().slots[1][0].offset, 16384, chance());
    spec.files = {{"a", random_bytes(chance() % 7000, round)}, {"b", random_bytes(chance() % 5000, round + 1)}};
    spec.provenance = chance() % 2000;
    const auto wanted = release();
    server.before = [&](ChunkServer::Answer& answer) {
      answer.copies = 1 + chance() % 2;
      return chance() % 10 != 0;
    };
    server.reordered = chance() % 3 == 0;
    Begun run(board);
    run.fill->begin(wanted.assigned, 0, fit);
    const auto each = [&](Fill& fill) {
      if (chance() % 20 == 0) fill.disconnected();
    };
    ASSERT_EQ(run.go(server, each), Fill::State::done) << run.fill->detail();
    expect_complete(board, wanted, 0, spec);
  }
}

TEST_F(McuFill, WorkCanBeLentBetweenAnyTwoSteps) {
  spec.files = {{"a", random_bytes(3000, 1)}, {"b", random_bytes(3000, 2)}};
  spec.provenance = 1500;
  const auto wanted = release();
  for (int at = 0; at < 30; ++at) {
    SCOPED_TRACE(at);
    Begun run(board);
    run.fill->begin(wanted.assigned, 0, fit);
    int step = 0;
    const auto each = [&](Fill& fill) {
      if (step++ != at) return;
      fill.lend_work();
      std::memset(run.work, 0xee, sizeof run.work);
    };
    ASSERT_EQ(run.go(server, each), Fill::State::done) << run.fill->detail();
    expect_complete(board, wanted, 0, spec);
  }
}

TEST_F(McuFill, StoppedAndBegunForAnotherRelease) {
  const auto first = release();
  spec.files = {{"b", random_bytes(4000, 2)}};
  auto second = release();
  for (const auto& [digest, bytes] : first.blobs) server.blobs[digest] = bytes;
  Begun run(board);
  run.fill->begin(first.assigned, 0, fit);
  for (int i = 0; i < 3; ++i) {
    server.serve(*run.fill, ++run.now_ms);
    (void)run.fill->poll(1000);
  }
  run.fill->stop();
  EXPECT_EQ(run.fill->poll(1000), Fill::State::idle);
  run.fill->begin(second.assigned, 0, fit);
  ASSERT_EQ(run.go(server), Fill::State::done);
  expect_complete(board, second, 0, spec);
}

// Power cut at each operation, with different tears; then again at random ones until it is done.
TEST_F(McuFill, PowerCutAtEveryFlashOperation) {
  const auto seed = muster::testing::seed_or(1);
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  spec.files = {{"a", random_bytes(3500, 1)}, {"b", random_bytes(1800, 2)}};
  spec.provenance = 2200;
  const auto wanted = release();
  Board fresh;
  { Begun factory(fresh); }
  fresh.nor().fill_at_random(fresh.layout().slots[1][0].offset, 16384, seed);
  std::uint64_t operations = 0;
  {
    Board whole;
    whole.nor().copy_from(fresh.nor());
    Begun run(whole);
    const auto before = whole.nor().operations();
    run.fill->begin(wanted.assigned, 0, fit);
    ASSERT_EQ(run.go(server), Fill::State::done);
    operations = whole.nor().operations() - before;
  }
  const auto whole_bytes = 3500u + 1800u + wanted.assigned.envelope_size;
  const auto tears = muster::testing::size_for(2u, 40u);
  std::uint64_t fetched_most = 0;
  for (std::uint64_t n = 1; n <= operations; ++n) {
    for (unsigned tear = 0; tear < tears; ++tear) {
      SCOPED_TRACE("operation " + std::to_string(n) + " of " + std::to_string(operations) + ", tear " +
                   std::to_string(tear));
      board.nor().copy_from(fresh.nor());
      board.nor().power_on();
      server.bytes = 0;
      std::mt19937_64 chance(seed + n * 1000 + tear);
      board.nor().cut_power_at(n, chance());
      unsigned starts = 1;
      for (; starts < 40; ++starts) {
        Begun run(board);
        if (run.mounted == ok) {
          SlotHeader header;
          const auto& area = board.layout().slots[1][0];
          if (read_header(board.flash(), area, header) == ok && check_files(board.flash(), area, header) == ok) break;
          run.fill->begin(wanted.assigned, 0, fit);
          const auto state = run.go(server);
          ASSERT_TRUE(state == Fill::State::done || !board.nor().has_power()) << run.fill->detail();
        }
        board.nor().power_on();
        if (starts < 3 && chance() % 2 == 0) board.nor().cut_power_at(1 + chance() % 12, chance());
      }
      expect_complete(board, wanted, 0, spec);
      // A start costs the envelope and at most two erase units; chunks that were on their way are lost with the power.
      EXPECT_LE(server.bytes,
                whole_bytes + starts * (wanted.assigned.envelope_size + 2 * Board::unit + 8 * chunk_size));
      fetched_most = std::max(fetched_most, server.bytes);
    }
  }
  std::printf("%llu operations, %u tears each; at most %llu bytes fetched for %u\n",
              static_cast<unsigned long long>(operations), tears, static_cast<unsigned long long>(fetched_most),
              whole_bytes);
}

}  // namespace
}  // namespace muster::mcu::testing
