// Two verifiers, one answer: what schemas/compact says of any bytes is what schemas/wire*.cpp say, to the name of the
// fault.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "schemas/limits.h"
#include "schemas/manifest_generated.h"
#include "tests/support/long_form.h"
#include "tests/unit/mcu/wire/damage.h"
#include "tests/unit/mcu/wire/odd_messages.h"
#include "tests/unit/mcu/wire/twin.h"

namespace muster {
namespace {

using compact::MessageKind;

struct Kind {
  MessageKind kind;
  const char* name;
  std::size_t len_max;
};
constexpr Kind kinds[] = {{MessageKind::envelope, "envelope", limits::envelope_len_max},
                          {MessageKind::root_document, "root_document", limits::root_document_len_max},
                          {MessageKind::manifest, "manifest", limits::manifest_len_max},
                          {MessageKind::assignment, "assignment", limits::assignment_len_max},
                          {MessageKind::directive, "directive", limits::directive_len_max},
                          {MessageKind::audit_head, "audit_head", limits::audit_head_len_max},
                          {MessageKind::chunk, "chunk", limits::chunk_len_max},
                          {MessageKind::ack, "ack", limits::ack_len_max},
                          {MessageKind::root_chain, "root_chain", limits::root_chain_len_max}};
static_assert(std::size(kinds) == compact::message_kinds);

std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const auto chosen = muster::testing::seed_or(20261121);
    std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return value;
}

class CompactTwin : public ::testing::TestWithParam<Kind> {
 protected:
  const Kind& kind_ = GetParam();
  std::size_t compared_ = 0;
  std::set<WireFault> faults_;

  void SetUp() override { room_.resize(limits::root_chain_len_max / 8 + 2); }
  void TearDown() override { std::printf("%zu inputs compared\n", compared_); }

  // Both answers to `bytes`, `shift` behind an 8-byte boundary. One copy of the bytes serves both.
  void compare(const Bytes& bytes, std::size_t shift = 0) {
    if (room_.size() * 8 < bytes.size() + shift) room_.resize((bytes.size() + shift) / 8 + 1);
    auto* place = reinterpret_cast<std::uint8_t*>(room_.data()) + shift;
    std::copy(bytes.begin(), bytes.end(), place);
    const ByteView view(place, bytes.size());
    const auto expected = test::reference_verify(kind_.kind, view);
    const auto found = compact::verify(kind_.kind, view);
    ++compared_;
    faults_.insert(expected);
    if (found == expected) return;
    ADD_FAILURE() << name_of(found) << " instead of " << name_of(expected) << ", seed " << seed() << ", bytes "
                  << to_hex(bytes).substr(0, 2000);
  }

  // What fuzzing kept, of this kind.
  std::vector<Bytes> corpus() const {
    std::vector<std::filesystem::path> paths;
    const auto folder = std::filesystem::path(MUSTER_FUZZ_CORPUS) / (std::string("message_") + kind_.name);
    for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<Bytes> all;
    for (const auto& path : paths) {
      std::ifstream file(path, std::ios::binary);
      all.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return all;
  }

 private:
  std::vector<std::uint64_t> room_;
};

TEST_P(CompactTwin, AgreesOnGoodMessagesOfEveryKind) {
  for (const auto& other : kinds) {
    const auto message = test::good_message(other.kind);
    compare(message);
    EXPECT_EQ(compact::verify(kind_.kind, AlignedBytes(message).view()),
              &other == &kind_ || other.kind == kind_.kind ? WireFault::none
              : message.size() > kind_.len_max             ? WireFault::too_long
                                                           : WireFault::wrong_kind)
        << other.name;
  }
}

TEST_P(CompactTwin, AgreesOnLengthsAndAddresses) {
  auto message = test::good_message(kind_.kind);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    compare(message, shift);
    for (std::size_t len = 0; len < 16; ++len) compare(Bytes(len, 0), shift);
  }
  message.resize(kind_.len_max);
  compare(message);
  message.resize(kind_.len_max + 1);
  compare(message);
  compare(message, 1);
  EXPECT_EQ(faults_.count(WireFault::too_long), 1u);
  EXPECT_EQ(faults_.count(WireFault::misaligned), 1u);
}

TEST_P(CompactTwin, AgreesOnEveryWordChanged) {
  auto message = test::good_message(kind_.kind);
  test::each_structured_damage(message, [this](const Bytes& damaged) { compare(damaged); });
  EXPECT_EQ(faults_.count(WireFault::malformed), 1u);
  EXPECT_EQ(faults_.count(WireFault::none), 1u);
  EXPECT_GT(compared_, 2000u);
}

TEST_P(CompactTwin, AgreesOnKeptInputs) {
  std::mt19937_64 random(seed());
  const auto inputs = corpus();
  ASSERT_FALSE(inputs.empty());
  for (const auto& input : inputs) {
    compare(input);
    for (int round = 0; round < muster::testing::size_for(300, 20000); ++round) {
      compare(test::random_damage(input, inputs, random));
    }
  }
}

TEST_P(CompactTwin, AgreesOnOddContents) {
  std::mt19937_64 random(seed());
  for (int round = 0; round < muster::testing::size_for(2000, 300000); ++round) {
    compare(test::odd_message(kind_.kind, random));
  }
  if (kind_.kind == MessageKind::manifest) {
    for (const auto fault : {WireFault::none, WireFault::malformed, WireFault::over_limit, WireFault::bad_name,
                             WireFault::unknown_value}) {
      EXPECT_EQ(faults_.count(fault), 1u) << name_of(fault);
    }
  }
}

TEST_P(CompactTwin, AgreesOnOddAndDamagedMessages) {
  std::mt19937_64 random(seed());
  std::vector<Bytes> others;
  for (const auto& other : kinds) others.push_back(test::good_message(other.kind));
  for (int round = 0; round < muster::testing::size_for(400, 40000); ++round) {
    auto odd = test::odd_message(kind_.kind, random);
    for (int damages = 0; damages < 20; ++damages) compare(test::random_damage(odd, others, random));
    if (odd.size() < 400 && round % 40 == 0) {
      test::each_structured_damage(odd, [this](const Bytes& damaged) { compare(damaged); });
    }
  }
}

// One file, so many times: FlatBuffers' verifier counts the tables that it visits, the manifest itself among them.
TEST(CompactTables, AreCountedAsFlatBuffersCountsThem) {
  for (const std::size_t files : {256u, 257u, 1022u, 1023u, 1024u, 1025u}) {
    flatbuffers::FlatBufferBuilder builder;
    const wire::Digest digest;
    const auto file = wire::CreateFileEntry(builder, builder.CreateString("a"), 1, &digest);
    const auto list = builder.CreateVector(std::vector(files, file));
    const auto name = builder.CreateString("n"), version = builder.CreateString("1");
    builder.Finish(wire::CreateManifest(builder, name, version, wire::Plane::firmware, 0, list),
                   wire::ManifestIdentifier());
    const AlignedBytes bytes(ByteView(builder.GetBufferPointer(), builder.GetSize()));
    const auto found = compact::verify(MessageKind::manifest, bytes.view());
    EXPECT_EQ(found, test::reference_verify(MessageKind::manifest, bytes.view())) << files;
    EXPECT_EQ(found, files <= 256    ? WireFault::bad_name
                     : files <= 1023 ? WireFault::over_limit
                                     : WireFault::malformed)
        << files;
  }
}

INSTANTIATE_TEST_SUITE_P(Every, CompactTwin, ::testing::ValuesIn(kinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace muster
