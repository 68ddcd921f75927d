// The short messages, and what the writer does with texts and blobs.
#include <gtest/gtest.h>

#include "mcu-client/include/error.h"
#include "mcu-client/src/wire/reports.h"
#include "schemas/chunk_get_generated.h"
#include "schemas/evidence_generated.h"
#include "schemas/state_report_generated.h"
#include "schemas/text.h"
#include "schemas/wire.h"
#include "tests/unit/mcu/wire/report_fields.h"

namespace muster::mcu {
namespace {

using test::GuardedBuffer;

TEST(McuChunkGet, SaysWhatItWasGivenInEveryCapacity) {
  Sha256 blob;
  for (unsigned i = 0; i < 32; ++i) blob.bytes[i] = static_cast<std::uint8_t>(i * 7 + 1);
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{1}, limits::file_size_max}) {
    int written = err_too_long;
    for (std::size_t capacity = 0; capacity <= limits::chunk_get_len_max; ++capacity) {
      GuardedBuffer buffer(capacity);
      const int now = write_chunk_get(blob, offset, 65536, buffer.data(), capacity);
      ASSERT_TRUE(buffer.intact()) << capacity;
      if (now == err_too_long) {
        ASSERT_EQ(written, err_too_long) << "fits in less than " << capacity;
        continue;
      }
      ASSERT_LE(now, static_cast<int>(capacity));
      written = now;
      const wire::ChunkGet* message = nullptr;
      ASSERT_EQ(verify(ByteView(buffer.data(), static_cast<std::size_t>(now)), message), WireFault::none);
      EXPECT_EQ(std::memcmp(message->digest(), blob.bytes.data(), 32), 0);
      EXPECT_EQ(message->offset(), offset);
      EXPECT_EQ(message->length(), 65536u);
    }
    EXPECT_GT(written, 0);
  }
}

TEST(McuEvidence, HoldsItsDataAtAnEightByteBoundary) {
  Sha256 bundle;
  bundle.bytes.fill(9);
  for (std::size_t id_len = 1; id_len <= limits::id_len_max; ++id_len) {
    const std::string id(id_len, 'd');
    const Bytes data(1 + id_len * 5, 0x5A);
    GuardedBuffer buffer(1024);
    const int written = write_evidence_chunk(id, bundle, 8, 8 + data.size(), data, buffer.data(), buffer.capacity());
    ASSERT_GT(written, 0);
    const wire::EvidenceChunk* message = nullptr;
    ASSERT_EQ(verify(ByteView(buffer.data(), static_cast<std::size_t>(written)), message), WireFault::none);
    EXPECT_EQ(message->device_id()->str(), id);
    EXPECT_EQ(std::memcmp(message->bundle(), bundle.bytes.data(), 32), 0);
    EXPECT_EQ(message->offset(), 8u);
    EXPECT_EQ(message->total(), 8 + data.size());
    ASSERT_EQ(message->data()->size(), data.size());
    EXPECT_EQ(std::memcmp(message->data()->data(), data.data(), data.size()), 0);
    EXPECT_EQ((message->data()->data() - buffer.data()) % 8, 0);
    for (std::size_t capacity = 0; capacity < static_cast<std::size_t>(written); ++capacity) {
      GuardedBuffer small(capacity);
      ASSERT_EQ(write_evidence_chunk(id, bundle, 8, 8 + data.size(), data, small.data(), capacity), err_too_long);
      ASSERT_TRUE(small.intact()) << capacity;
    }
  }
}

TEST(McuEvidence, FillsTheLongestMessageAndNoMore) {
  const Bytes data(limits::evidence_chunk_len_max, 1);
  GuardedBuffer buffer(limits::evidence_chunk_len_max * 2);
  const auto write = [&](std::size_t len) {
    return write_evidence_chunk("d", Sha256(), 0, len, ByteView(data.data(), len), buffer.data(), buffer.capacity());
  };
  EXPECT_EQ(write(data.size()), err_too_long);
  std::size_t len = data.size();
  while (write(len) < 0) --len;
  EXPECT_GE(len, limits::evidence_chunk_len_max - 128);
  const int written = write(len);
  const wire::EvidenceChunk* message = nullptr;
  EXPECT_EQ(verify(ByteView(buffer.data(), static_cast<std::size_t>(written)), message), WireFault::none);
  EXPECT_TRUE(buffer.intact());
}

std::string detail_of(std::string_view given) {
  StateReportFields fields;
  fields.device_id = "d";
  fields.facts.device_class = "c";
  fields.attempt.detail = given;
  GuardedBuffer buffer(1024);
  const int written = write_state_report(fields, buffer.data(), buffer.capacity());
  EXPECT_GT(written, 0);
  const wire::StateReport* report = nullptr;
  EXPECT_EQ(verify(ByteView(buffer.data(), static_cast<std::size_t>(written)), report), WireFault::none);
  if (report == nullptr || report->attempt()->detail() == nullptr) return {};
  return report->attempt()->detail()->str();
}

TEST(McuTexts, AreCleanedAsTheLinuxAgentCleansThem) {
  for (const std::string& text :
       {std::string(), std::string("plain"), std::string("two\nlines\twide"), std::string("caf\xE9"),
        std::string("\x1B[2J"), std::string("a\0b", 3), std::string("gr\xC3\xB6\xC3\x9F"), std::string("\xE2\x82"),
        std::string("\xED\xA0\x80!"), std::string(300, '\x01'), std::string(256, 't'), std::string(257, 't')}) {
    EXPECT_EQ(detail_of(text), clean_text(text, limits::text_len_max)) << text;
  }
}

TEST(McuTexts, AreCutBetweenTwoCharacters) {
  for (const std::string character : {"\xC3\xB6", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    for (std::size_t before = 250; before <= 258; ++before) {
      std::string text(before, 'a');
      for (int i = 0; i < 4; ++i) text += character;
      const auto found = detail_of(text);
      EXPECT_EQ(found, clean_text(text, limits::text_len_max)) << before;
      EXPECT_EQ(found.find('?'), std::string::npos) << "what is cut is not called bad";
    }
  }
}

}  // namespace
}  // namespace muster::mcu
