// What happens to every message's bytes on bad links and from bad people: cut, flipped, shifted, exchanged. Nothing may
// crash, and whatever is accepted can be read to the last byte (the sanitizer builds see to that).
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "schemas/ack_generated.h"
#include "schemas/assignment_generated.h"
#include "schemas/audit_head_generated.h"
#include "schemas/chunk_generated.h"
#include "schemas/chunk_get_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/envelope_generated.h"
#include "schemas/evidence_generated.h"
#include "schemas/health_summary_generated.h"
#include "schemas/limits.h"
#include "schemas/manifest_generated.h"
#include "schemas/release_move_generated.h"
#include "schemas/root_chain_generated.h"
#include "schemas/root_generated.h"
#include "schemas/state_report_generated.h"
#include "schemas/wire.h"
#include "tests/unit/schemas/samples.h"
#include "tests/unit/schemas/walk.h"

namespace muster {
namespace {

struct Sample {
  std::string name;
  Bytes bytes;
  std::size_t len_max = 0;
  std::function<WireFault(ByteView)> check;  // verifies, and reads everything when that says none
};

template <class Message>
Sample sample(const char* name, Bytes bytes, std::size_t len_max) {
  return {name, std::move(bytes), len_max, [](ByteView view) {
            const Message* message = nullptr;
            const auto fault = verify(view, message);
            EXPECT_EQ(fault == WireFault::none, message != nullptr)
                << "the message is set exactly when it was accepted";
            if (message != nullptr) test::walk(message);
            return fault;
          }};
}

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all = {
      sample<wire::StateReport>("StateReport", build(test::StateReportSpec{}), limits::state_report_len_max),
      sample<wire::HealthSummary>("HealthSummary", build(test::HealthSummarySpec{}), limits::health_summary_len_max),
      sample<wire::ChunkGet>("ChunkGet", build(test::ChunkGetSpec{}), limits::chunk_get_len_max),
      sample<wire::Chunk>("Chunk", build(test::ChunkSpec{}), limits::chunk_len_max),
      sample<wire::EvidenceChunk>("EvidenceChunk", build(test::EvidenceChunkSpec{}), limits::evidence_chunk_len_max),
      sample<wire::Ack>("Ack", build(test::AckSpec{}), limits::ack_len_max),
      sample<wire::Envelope>("Envelope", build(test::EnvelopeSpec{}), limits::envelope_len_max),
      sample<wire::RootDocument>("RootDocument", build(test::RootDocumentSpec{}), limits::root_document_len_max),
      sample<wire::RootChain>("RootChain", build(test::RootChainSpec{}), limits::root_chain_len_max),
      sample<wire::Manifest>("Manifest", build(test::ManifestSpec{}), limits::manifest_len_max),
      sample<wire::Assignment>("Assignment", build(test::AssignmentSpec{}), limits::assignment_len_max),
      sample<wire::Directive>("Directive", build(test::DirectiveSpec{}), limits::directive_len_max),
      sample<wire::AuditHead>("AuditHead", build(test::AuditHeadSpec{}), limits::audit_head_len_max),
      sample<wire::ReleaseMove>("ReleaseMove", build(test::ReleaseMoveSpec{}), limits::release_move_len_max),
  };
  return all;
}

class WireBytes : public testing::TestWithParam<std::size_t> {
 protected:
  const Sample& sample_ = samples()[GetParam()];

  WireFault check(const Bytes& bytes) const {
    const AlignedBytes copy(bytes);
    return sample_.check(copy.view());
  }
};

TEST_P(WireBytes, AGoodMessageIsAccepted) {
  EXPECT_EQ(check(sample_.bytes), WireFault::none);
}

TEST_P(WireBytes, ACutMessageIsRefused) {
  for (std::size_t len = 0; len < sample_.bytes.size(); ++len) {
    const auto fault = check(Bytes(sample_.bytes.begin(), sample_.bytes.begin() + static_cast<std::ptrdiff_t>(len)));
    // Up to seven bytes at the end can be padding that nothing refers to.
    if (len + 8 <= sample_.bytes.size()) {
      EXPECT_NE(fault, WireFault::none) << "cut to " << len;
    }
  }
}

TEST_P(WireBytes, FlippedBitsNeverReachBeyondTheMessage) {
  for (std::size_t at = 0; at < sample_.bytes.size(); ++at) {
    for (const unsigned mask : {0x01u, 0x02u, 0x04u, 0x08u, 0x10u, 0x20u, 0x40u, 0x80u, 0xFFu}) {
      Bytes bytes = sample_.bytes;
      bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ mask);
      const auto fault = check(bytes);
      if (at >= 4 && at < 8) {
        EXPECT_EQ(fault, WireFault::wrong_kind) << "the file identifier's byte " << at;
      }
    }
  }
}

TEST_P(WireBytes, RandomDamageNeverReachesBeyondTheMessage) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes = sample_.bytes;
    const auto edits = 1 + random() % 8;
    for (unsigned i = 0; i < edits; ++i) {
      // The identifier stays, so that the damage is seen by more than the first check.
      const auto at = random() % bytes.size();
      if (at < 4 || at >= 8) bytes[at] = static_cast<std::uint8_t>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    (void)check(bytes);
  }
}

TEST_P(WireBytes, AnyPlaceButAnEightByteBoundaryIsMisaligned) {
  std::vector<std::uint64_t> room(sample_.bytes.size() / 8 + 2);
  auto* base = reinterpret_cast<std::uint8_t*>(room.data());
  for (std::size_t shift = 1; shift < 8; ++shift) {
    std::memcpy(base + shift, sample_.bytes.data(), sample_.bytes.size());
    EXPECT_EQ(sample_.check(ByteView(base + shift, sample_.bytes.size())), WireFault::misaligned)
        << "shifted by " << shift;
  }
}

TEST_P(WireBytes, OneByteOverTheLimitIsTooLong) {
  Bytes bytes = sample_.bytes;
  bytes.resize(sample_.len_max);
  EXPECT_EQ(check(bytes), WireFault::none) << "bytes behind the message are padding";
  bytes.resize(sample_.len_max + 1);
  EXPECT_EQ(check(bytes), WireFault::too_long);
}

TEST_P(WireBytes, EveryOtherKindIsTheWrongKind) {
  for (const auto& other : samples()) {
    if (other.name == sample_.name || other.bytes.size() > sample_.len_max) continue;
    EXPECT_EQ(check(other.bytes), WireFault::wrong_kind) << other.name;
  }
}

TEST_P(WireBytes, NothingAtAllIsMalformed) {
  EXPECT_EQ(sample_.check(ByteView()), WireFault::malformed);
  EXPECT_EQ(check(Bytes(7, 0)), WireFault::malformed);
}

INSTANTIATE_TEST_SUITE_P(Every, WireBytes, testing::Range(std::size_t{0}, std::size_t{13}),
                         [](const auto& sample) { return samples()[sample.param].name; });

TEST(WireFaultNames, AreAllDifferent) {
  std::vector<std::string_view> names;
  for (unsigned i = 0; i <= static_cast<unsigned>(WireFault::unknown_value); ++i) {
    const auto name = name_of(static_cast<WireFault>(i));
    EXPECT_NE(name, "unknown");
    for (const auto seen : names) EXPECT_NE(name, seen);
    names.push_back(name);
  }
}

}  // namespace
}  // namespace muster
