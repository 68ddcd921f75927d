// Evidence bundles on disk: resumed, repeated, lied about, without room, and bounded whatever a device does.
#include "broker-plugin/evidence/evidence_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "schemas/limits.h"
#include "tests/unit/broker/file_size_limit.h"
#include "tests/unit/broker/fixtures.h"
#include "trust/sha256.h"

namespace muster::broker {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

constexpr std::uint64_t room = 64 << 20;

struct Bundle {
  EvidenceId id;
  std::string content;
};

Bundle bundle_of(const std::string& device, std::size_t size, char fill) {
  std::string content(size, fill);
  const auto digest = trust::sha256(ByteView(std::string_view(content)));
  return {{device, digest}, std::move(content)};
}

class EvidenceFilesTest : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    files.reset();
    auto opened = EvidenceFiles::open(folder.path(), *BlobStore::open(folder.path()));
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    files = std::make_unique<EvidenceFiles>(std::move(*opened));
  }
  EvidencePiece piece(const Bundle& bundle, std::uint64_t offset, std::size_t length) const {
    const auto text = std::string_view(bundle.content).substr(offset, length);
    return {bundle.id, offset, bundle.content.size(), Bytes(text.begin(), text.end()), now_s};
  }
  // The label of the refusal; empty when it was taken.
  std::string put(const EvidencePiece& piece, std::uint64_t within = room) {
    const auto result = files->put(piece, within);
    return result ? std::string() : std::string(result.error().label);
  }
  // What would be acknowledged.
  std::uint64_t settle(const Bundle& bundle) {
    const auto settled = files->settle(bundle.id);
    EXPECT_TRUE(settled.has_value()) << settled.error().trouble;
    return settled ? settled->offset : UINT64_MAX;
  }
  std::uint64_t send(const Bundle& bundle, std::uint64_t offset, std::size_t length) {
    EXPECT_EQ(put(piece(bundle, offset, length)), "");
    return settle(bundle);
  }
  // All of it, recorded as the broker would.
  void store(const Bundle& bundle) {
    ASSERT_EQ(send(bundle, 0, bundle.content.size()), bundle.content.size());
    ASSERT_TRUE(files->recorded(bundle.id, now_s));
  }
  std::vector<EvidenceBundle> listed(const std::string& device = {}) { return files->list(device, {}, 1000); }
  [[nodiscard]] std::string path(const std::string& name) const { return folder / ("evidence/" + name); }
  [[nodiscard]] std::string part_of(const Bundle& bundle) const {
    return path(bundle.id.device + "/" + to_hex(bundle.id.bundle) + "." + std::to_string(bundle.content.size()) +
                ".part");
  }

  TempFolder folder;
  std::unique_ptr<EvidenceFiles> files;
  std::uint64_t now_s = static_cast<std::uint64_t>(std::time(nullptr));
  const Bundle big = bundle_of("gw-1", 40000, 'b');
};

TEST_F(EvidenceFilesTest, ArrivesInPiecesAndIsRead) {
  EXPECT_EQ(send(big, 0, 16000), 16000u);
  EXPECT_EQ(send(big, 16000, 16000), 32000u);
  EXPECT_FALSE(files->read(big.id, 0, 10).has_value()) << "not before it is complete";
  EXPECT_FALSE(listed().at(0).complete);
  ASSERT_EQ(put(piece(big, 32000, 8000)), "");
  const auto settled = files->settle(big.id);
  ASSERT_TRUE(settled.has_value());
  EXPECT_EQ(settled->offset, 40000u);
  EXPECT_TRUE(settled->to_record);
  ASSERT_EQ(files->unrecorded().size(), 1u);
  ASSERT_TRUE(files->recorded(big.id, now_s));
  EXPECT_TRUE(files->unrecorded().empty());
  EXPECT_FALSE(files->settle(big.id)->to_record) << "once";
  EXPECT_EQ(files->read(big.id, 0, 65536)->data, Bytes(big.content.begin(), big.content.end()));
  EXPECT_EQ(files->read(big.id, 39990, 100)->data.size(), 10u);
  EXPECT_EQ(files->read(big.id, 40000, 100)->data.size(), 0u);
  EXPECT_EQ(files->read(big.id, 40001, 100).error().kind, ErrorKind::usage);
  EXPECT_FALSE(fs::exists(part_of(big)));
  EXPECT_EQ(test::read_text(path("gw-1/" + to_hex(big.id.bundle))), big.content);
}

TEST_F(EvidenceFilesTest, RepeatedAndOverlappingPiecesAreAcknowledgedAgain) {
  EXPECT_EQ(send(big, 0, 16000), 16000u);
  EXPECT_EQ(send(big, 0, 16000), 16000u);
  EXPECT_EQ(send(big, 100, 5), 16000u);
  EXPECT_EQ(send(big, 8000, 16000), 24000u) << "what is new of it is taken";
  EXPECT_EQ(send(big, 24000, 16000), 40000u);
  EXPECT_EQ(send(big, 0, 16000), 40000u) << "complete, and sent again";
  EXPECT_EQ(files->numbers().bundles, 1u);
}

TEST_F(EvidenceFilesTest, AGapIsAnsweredWithWhatIsHere) {
  EXPECT_EQ(send(big, 16000, 100), 0u);
  EXPECT_TRUE(listed().empty()) << "nothing is kept of a bundle without its beginning";
  EXPECT_EQ(send(big, 0, 1000), 1000u);
  EXPECT_EQ(send(big, 2000, 1000), 1000u);
}

TEST_F(EvidenceFilesTest, BytesOfAnotherDigestAreThrownAway) {
  auto liar = big;
  liar.content[20000] = 'x';
  ASSERT_EQ(put(piece(liar, 0, 40000)), "");
  const auto settled = files->settle(liar.id);
  ASSERT_TRUE(settled.has_value());
  EXPECT_EQ(settled->lied, "digest_mismatch");
  EXPECT_EQ(settled->offset, 0u);
  EXPECT_FALSE(settled->to_record);
  EXPECT_TRUE(listed().empty());
  EXPECT_EQ(files->numbers().bytes, 0u);
  EXPECT_FALSE(fs::exists(path("gw-1")));
}

TEST_F(EvidenceFilesTest, ALieAboutTheLengthEndsWithItself) {
  EXPECT_EQ(send(big, 0, 1000), 1000u);
  auto longer = piece(big, 1000, 1000);
  longer.total = 50000;
  EXPECT_EQ(put(longer), "malformed");
  EXPECT_EQ(settle(big), 1000u) << "what is here stays";
  longer = piece(big, 0, 1000);
  longer.total = 50000;
  EXPECT_EQ(put(longer), "") << "a new beginning, with another length";
  EXPECT_EQ(settle(big), 1000u);
  EXPECT_EQ(listed().at(0).total, 50000u);
  store(big);
  EXPECT_EQ(put(longer), "malformed") << "it is complete: the length is known";
}

TEST_F(EvidenceFilesTest, GoesOnAfterARestart) {
  EXPECT_EQ(send(big, 0, 16000), 16000u);
  reopen();
  EXPECT_EQ(send(big, 16000, 8000), 24000u);
  reopen();
  EXPECT_EQ(send(big, 24000, 16000), 40000u);
  ASSERT_TRUE(files->recorded(big.id, 77));
  reopen();
  ASSERT_EQ(files->unrecorded().size(), 1u) << "until the store has been asked";
  ASSERT_TRUE(files->recorded(big.id, 77));
  EXPECT_EQ(listed().at(0).time_s, 77u);
  EXPECT_EQ(send(big, 24000, 16000), 40000u);
}

// After a power cut, the end of a file may be anything that was not acknowledged.
TEST_F(EvidenceFilesTest, ATornEndIsWrittenOver) {
  EXPECT_EQ(send(big, 0, 16000), 16000u);
  files.reset();
  test::write_text(part_of(big), big.content.substr(0, 16000) + std::string(3000, '?'));
  reopen();
  EXPECT_EQ(put(piece(big, 20000, 1000)), "evidence_gap") << "nobody may be told that the torn bytes are good";
  EXPECT_EQ(send(big, 16000, 16000), 32000u);
  EXPECT_EQ(send(big, 32000, 16000), 40000u);
  EXPECT_EQ(files->read(big.id, 0, 65536)->data, Bytes(big.content.begin(), big.content.end()));
}

TEST_F(EvidenceFilesTest, AStartPutsStrangeLeftoversRight) {
  EXPECT_EQ(send(big, 0, 16000), 16000u);
  files.reset();
  const auto other = bundle_of("gw-1", 9000, 'o');
  test::write_text(part_of(other), "o");
  fs::last_write_time(part_of(other), fs::file_time_type::clock::now() - std::chrono::hours(1));
  test::write_text(path("gw-1/notes"), "not ours");
  fs::create_directories(path(".hidden"));
  fs::create_directories(path("gw-2"));
  const auto too_long = bundle_of("gw-2", 10, 't');
  test::write_text(part_of(too_long), std::string(11, 't'));
  reopen();
  ASSERT_EQ(listed().size(), 1u) << "one unfinished bundle a device, the newest";
  EXPECT_EQ(listed().at(0).id, big.id);
  EXPECT_FALSE(fs::exists(part_of(other)));
  EXPECT_FALSE(fs::exists(part_of(too_long)));
  EXPECT_TRUE(fs::exists(path("gw-1/notes")));
}

TEST_F(EvidenceFilesTest, AnotherBundleEndsTheUnfinishedOne) {
  EXPECT_EQ(send(big, 0, 16000), 16000u);
  const auto next = bundle_of("gw-1", 9000, 'n');
  EXPECT_EQ(send(next, 0, 100), 100u);
  EXPECT_FALSE(fs::exists(part_of(big)));
  EXPECT_EQ(send(big, 16000, 100), 0u) << "begin again";
  EXPECT_EQ(files->numbers().unfinished, 1u);
}

TEST_F(EvidenceFilesTest, ADeviceHasAFewBundlesItsOldestGoesFirst) {
  store(bundle_of("gw-2", 10, 'z'));
  std::vector<Bundle> sent;
  for (char fill = 'a'; fill < 'a' + static_cast<char>(EvidenceFiles::complete_per_device_max) + 2; ++fill) {
    sent.push_back(bundle_of("gw-1", 100, fill));
    store(sent.back());
    ++now_s;
  }
  EXPECT_EQ(listed("gw-1").size(), EvidenceFiles::complete_per_device_max);
  EXPECT_EQ(files->take_gone(), (std::vector<EvidenceId>{sent[0].id, sent[1].id}));
  EXPECT_TRUE(files->take_gone().empty());
  EXPECT_FALSE(files->recorded(sent[0].id, 1));
  EXPECT_EQ(listed("gw-2").size(), 1u);
  // Cut off before the oldest could go: two are over now.
  const auto extra = bundle_of("gw-1", 100, 'x');
  test::write_text(path("gw-1/" + to_hex(extra.id.bundle)), extra.content);
  reopen();
  ++now_s;
  store(bundle_of("gw-1", 100, 'y'));
  EXPECT_EQ(listed("gw-1").size(), EvidenceFiles::complete_per_device_max);
  const auto page = files->list("gw-1", listed("gw-1").at(1).id, 1);
  ASSERT_EQ(page.size(), 1u);
  EXPECT_EQ(page[0].id, listed("gw-1").at(2).id);
}

TEST_F(EvidenceFilesTest, AllDevicesTogetherHaveSoMuchRoom) {
  constexpr std::uint64_t small = 10 * EvidenceFiles::block;
  for (int i = 0; i < 20; ++i) {
    const auto bundle = bundle_of("gw-" + std::to_string(i), EvidenceFiles::block + 1, 'a');
    ASSERT_EQ(put(piece(bundle, 0, 5000), small), "");
    ASSERT_EQ(settle(bundle), bundle.content.size());
    EXPECT_LE(files->numbers().bytes, small);
    ++now_s;
  }
  ASSERT_EQ(listed().size(), 5u);
  for (const auto& kept : listed()) EXPECT_GE(std::stoi(kept.id.device.substr(3)), 15) << "the oldest went first";
  // Unfinished ones go after all complete ones, the longest untouched first; what is being sent goes last.
  for (int i = 0; i < 12; ++i) {
    ++now_s;
    const auto bundle = bundle_of("un-" + std::to_string(i), 100000, 'a');
    ASSERT_EQ(put(piece(bundle, 0, 100), small), "");
  }
  EXPECT_EQ(files->numbers().bundles, 0u);
  EXPECT_EQ(files->numbers().unfinished, 10u);
  EXPECT_TRUE(listed("un-0").empty());
  EXPECT_TRUE(listed("un-1").empty());
  const auto whole = bundle_of("gw-all", small + 1, 'w');
  for (std::uint64_t offset = 0; offset < small; offset += EvidenceFiles::block)
    ASSERT_EQ(put(piece(whole, offset, EvidenceFiles::block), small), "");
  EXPECT_EQ(put(piece(whole, small, 1), small), "evidence_full") << "more than all the room there is";
  EXPECT_EQ(listed().size(), 1u);
  files->sweep(now_s, small / 2);
  EXPECT_EQ(files->numbers().bytes, 0u) << "the room was made smaller";
}

TEST_F(EvidenceFilesTest, BeginningsAreRationed) {
  unsigned begun = 0;
  const auto begin_another = [&] {
    const auto bundle = bundle_of("gw-1", 5000 + begun, 'a');
    const auto refused = put(piece(bundle, 0, 10));
    if (refused.empty()) ++begun;
    return refused;
  };
  while (begun < 1000 && begin_another().empty()) {
  }
  EXPECT_EQ(begun, EvidenceFiles::begun_per_hour_max);
  EXPECT_EQ(begin_another(), "evidence_rate");
  EXPECT_EQ(put(piece(bundle_of("gw-2", 10, 'a'), 0, 10)), "") << "each device has its own ration";
  now_s += 3600 / EvidenceFiles::begun_per_hour_max;
  EXPECT_EQ(begin_another(), "");
  EXPECT_EQ(begin_another(), "evidence_rate");
  now_s += 7200;
  files->sweep(now_s, room);
  EXPECT_EQ(begin_another(), "");
}

TEST_F(EvidenceFilesTest, UnfinishedOnesDieAfterADay) {
  store(bundle_of("gw-2", 10, 'z'));
  EXPECT_EQ(send(big, 0, 16000), 16000u);
  files->sweep(now_s + EvidenceFiles::unfinished_age_max_s - 1, room);
  EXPECT_EQ(listed("gw-1").size(), 1u);
  files->sweep(now_s + EvidenceFiles::unfinished_age_max_s, room);
  EXPECT_TRUE(listed("gw-1").empty());
  EXPECT_FALSE(fs::exists(path("gw-1")));
  EXPECT_EQ(listed().size(), 1u) << "a complete one stays";
}

TEST_F(EvidenceFilesTest, AFullDiskTakesNothingAndLosesNothing) {
  EXPECT_EQ(send(big, 0, 10000), 10000u);
  {
    const test::FileSizeLimit full(12000);
    const auto refused = files->put(piece(big, 10000, 16000), room);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().label, "no_space");
    EXPECT_NE(refused.error().trouble, "");
    EXPECT_EQ(settle(big), 10000u);
  }
  EXPECT_EQ(send(big, 10000, 16000), 26000u) << "goes on once there is room";
  EXPECT_EQ(send(big, 26000, 16000), 40000u);
}

}  // namespace
}  // namespace muster::broker
