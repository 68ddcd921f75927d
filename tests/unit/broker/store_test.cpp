// The store: what was written is there after a restart, and damage is refused, wherever it is.
#include "broker-plugin/store/store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <random>

#include "broker-plugin/store/keys.h"
#include "broker-plugin/store/tail_mark.h"
#include "tests/unit/broker/fixtures.h"

namespace muster::broker {
namespace {

namespace fs = std::filesystem;
using Contents = std::map<std::string, std::string>;
using test::read_text;
using test::TempFolder;
using test::write_text;

std::unique_ptr<Store> open(const std::string& folder) {
  auto store = Store::open(folder);
  EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().message);
  return store ? std::move(*store) : nullptr;
}

std::string open_error(const std::string& folder) {
  const auto store = Store::open(folder);
  return store ? "" : store.error().message;
}

// Everything a restart would read, or nothing when reading is refused.
std::optional<Contents> contents(const Store& store) {
  Contents all;
  const auto scanned = store.scan("", "", [&](std::string_view name, std::string_view value) {
    all.emplace(name, value);
    return true;
  });
  return scanned ? std::optional(all) : std::nullopt;
}

void write_batches(Store& store, int batches, int first) {
  for (int i = first; i < first + batches; ++i) {
    const auto name = std::to_string(i);
    ASSERT_TRUE(store.write({{"n/" + name, "value " + name + std::string(200, 'v')}, {"n/last", name}}).has_value());
  }
}

// Batches, and a clean end after them: everything is in tables.
void fill(const std::string& folder, int batches, int first = 0) {
  const auto store = open(folder);
  ASSERT_NE(store, nullptr);
  write_batches(*store, batches, first);
}

// Batches, and the files as a kill -9 leaves them: these batches are in the log.
void fill_and_crash(const std::string& folder, int batches, int first = 0) {
  const TempFolder live;
  fs::copy(folder, live.path(), fs::copy_options::recursive);
  const auto store = open(live.path());
  ASSERT_NE(store, nullptr);
  write_batches(*store, batches, first);
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove_all(entry);
  fs::copy(live.path(), folder, fs::copy_options::recursive);
}

TEST(Store, KeepsWhatWasWritten) {
  const TempFolder folder;
  {
    const auto store = open(folder.path());
    ASSERT_TRUE(store->write({{"n/a", "1"}, {"n/b", "2"}, {"m/x", "3"}}).has_value());
    ASSERT_TRUE(store->write({{"n/a", std::nullopt}, {"n/c", std::string("\0\xff", 2)}}).has_value());
  }
  const auto store = open(folder.path());
  EXPECT_EQ(*store->get("n/a"), std::nullopt);
  EXPECT_EQ(*store->get("n/c"), std::string("\0\xff", 2));
  std::vector<std::string> names;
  ASSERT_TRUE(store
                  ->scan("n/", "",
                         [&](std::string_view name, std::string_view) {
                           names.emplace_back(name);
                           return true;
                         })
                  .has_value());
  EXPECT_EQ(names, (std::vector<std::string>{"b", "c"})) << "one family, in order";
  names.clear();
  ASSERT_TRUE(store
                  ->scan("n/", "bb",
                         [&](std::string_view name, std::string_view) {
                           names.emplace_back(name);
                           return false;
                         })
                  .has_value());
  EXPECT_EQ(names, (std::vector<std::string>{"c"})) << "from a place, and until told to stop";
}

TEST(Store, KeepsWhatWasWrittenBeforeACrash) {
  const TempFolder folder;
  fill_and_crash(folder.path(), 5);
  const auto store = open(folder.path());
  EXPECT_EQ(*store->get("n/last"), "4");
  EXPECT_FALSE(store->accepted_loss());
}

TEST(Store, TwoCannotHaveOneFolder) {
  const TempFolder folder;
  const auto first = open(folder.path());
  EXPECT_NE(open_error(folder.path()).find("in use by another process"), std::string::npos);
}

TEST(Store, ATornLastWriteIsNoDamage) {
  const TempFolder folder;
  fill_and_crash(folder.path(), 5);
  for (const auto& entry : fs::directory_iterator(folder / "db")) {
    if (entry.path().extension() == ".log")
      write_text(entry.path(), read_text(entry.path()) + std::string("\x12\x34\x56\x78\x40\x00\x01torn", 11));
  }
  const auto store = open(folder.path());
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(*store->get("n/last"), "4");
}

TEST(Store, LostBatchesAreNoticedAndTheLossCanBeAccepted) {
  const TempFolder folder;
  fill_and_crash(folder.path(), 5);
  for (const auto& entry : fs::directory_iterator(folder / "db")) {
    if (entry.path().extension() == ".log") fs::resize_file(entry.path(), fs::file_size(entry.path()) - 20);
  }
  const auto message = open_error(folder.path());
  EXPECT_NE(message.find("lost its last 1 batches"), std::string::npos) << message;
  EXPECT_NE(message.find("restore a backup"), std::string::npos) << message;
  EXPECT_NE(open_error(folder.path()), "") << "refusing must not change anything";
  fs::remove(folder / "tail");
  const auto store = open(folder.path());
  ASSERT_NE(store, nullptr);
  EXPECT_TRUE(store->accepted_loss());
  EXPECT_EQ(*store->get("n/last"), "3");
}

TEST(Store, ADatabaseThatIsGoneIsNotANewOne) {
  const TempFolder folder;
  fill(folder.path(), 2);
  fs::remove_all(folder / "db");
  EXPECT_NE(open_error(folder.path()).find("is missing"), std::string::npos);
}

// One bit of CURRENT, and it names a manifest that is not there.
TEST(Store, AFileThatIsGoneIsDamageAndABackupHelps) {
  const TempFolder folder;
  fill(folder.path(), 2);
  write_text(folder / "db/CURRENT", "MANIFEST-999999\n");
  const auto message = open_error(folder.path());
  EXPECT_NE(message.find("db is damaged"), std::string::npos) << message;
  EXPECT_NE(message.find("restore a backup"), std::string::npos) << message;
}

TEST(Store, AnotherFormatIsRefused) {
  const TempFolder folder;
  ASSERT_TRUE(open(folder.path())->write({{std::string(keys::format), "muster-store-9"}}).has_value());
  EXPECT_NE(open_error(folder.path()).find("another version"), std::string::npos);
}

TEST(Store, ADamagedTailMarkIsRefused) {
  const TempFolder folder;
  fill(folder.path(), 3);
  write_text(folder / "tail", std::string(32, 'x'));
  EXPECT_NE(open_error(folder.path()).find("tail is damaged"), std::string::npos);
}

// Whatever byte is flipped in whatever file: either it is refused, or everything reads as it was.
void flip_everywhere(const TempFolder& folder, unsigned seed) {
  const TempFolder copies;
  const auto good = copies / "good", bad = copies / "bad";
  fs::copy(folder.path(), good, fs::copy_options::recursive);
  const auto before = contents(*open(folder.path()));
  ASSERT_TRUE(before.has_value());
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(good)) {
    if (entry.is_regular_file() && entry.file_size() > 0 && entry.path().filename().string().rfind("LOG", 0) != 0) {
      files.push_back(fs::relative(entry.path(), good));
    }
  }
  std::mt19937 random(seed);
  int refused = 0;
  for (int round = 0; round < 60; ++round) {
    fs::remove_all(bad);
    fs::copy(good, bad, fs::copy_options::recursive);
    const auto file = fs::path(bad) / files[static_cast<std::size_t>(round) % files.size()];
    auto bytes = read_text(file);
    const auto at = random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
    write_text(file, bytes);
    const auto store = Store::open(bad);
    auto after = store ? contents(**store) : std::nullopt;
    if (!after) {
      ++refused;
      continue;
    }
    EXPECT_EQ(*after, *before) << file << " byte " << at << " seed " << seed;
  }
  EXPECT_GT(refused, 0) << "no flip was noticed at all";
}

TEST(Store, FlippedBitsInTheLogAreNeverRunOn) {
  const TempFolder folder;
  fill_and_crash(folder.path(), 30);
  flip_everywhere(folder, 1);
}

// Where each record of a log of RocksDB's has its type, when all of them lie in the log's first block.
std::vector<std::size_t> places_of_types(const std::string& log) {
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at + 7 <= log.size();) {
    places.push_back(at + 6);
    at += 7 + static_cast<std::uint8_t>(log[at + 4]) + std::size_t{256} * static_cast<std::uint8_t>(log[at + 5]);
  }
  return places;
}

// RocksDB 9.10 never came back from it: a test that hangs here is one that has failed.
TEST(Store, ARecordAsOfARecycledLogIsDamage) {
  const TempFolder folder;
  fill_and_crash(folder.path(), 5);
  for (const auto& entry : fs::directory_iterator(folder / "db")) {
    const auto name = entry.path().filename().string();
    if (name.rfind("MANIFEST-", 0) != 0 && entry.path().extension() != ".log") continue;
    const auto good = read_text(entry.path());
    ASSERT_GT(places_of_types(good).size(), 1U) << name;
    for (const auto at : places_of_types(good)) {
      for (const char type : {'\x05', '\x06', '\x07', '\x08', '\x0b'}) {
        auto bytes = good;
        bytes[at] = type;
        write_text(entry.path(), bytes);
        const auto message = open_error(folder.path());
        EXPECT_NE(message.find(name + " has a record"), std::string::npos) << name << " at " << at << ": " << message;
        EXPECT_NE(message.find("restore a backup"), std::string::npos) << message;
      }
    }
    write_text(entry.path(), good);
  }
  EXPECT_NE(open(folder.path()), nullptr) << "what was put back reads as before";
}

TEST(Store, FlippedBitsInTablesAreNeverRunOn) {
  const TempFolder folder;
  fill(folder.path(), 200);
  flip_everywhere(folder, 2);
}

TEST(Store, FilesCutShortAreNeverRunOn) {
  const TempFolder folder;
  fill(folder.path(), 50);
  fill_and_crash(folder.path(), 3, 50);
  const TempFolder untouched;
  fs::copy(folder.path(), untouched.path(), fs::copy_options::recursive);
  const auto before = contents(*open(untouched.path()));
  std::mt19937 random(3);
  for (const auto& entry : fs::directory_iterator(folder / "db")) {
    const auto kind = entry.path().extension().string() + entry.path().stem().string();
    if (!entry.is_regular_file() || fs::file_size(entry) == 0 || entry.path().filename().string().rfind("LOG", 0) == 0)
      continue;
    const TempFolder copies;
    const auto bad = copies / "bad";
    fs::copy(folder.path(), bad, fs::copy_options::recursive);
    fs::resize_file(fs::path(bad) / "db" / entry.path().filename(), random() % fs::file_size(entry));
    const auto store = Store::open(bad);
    const auto after = store ? contents(**store) : std::nullopt;
    EXPECT_TRUE(!after || *after == *before) << kind;
  }
}

TEST(TailMark, NewestNumberWinsAndATornSlotLeavesTheOther) {
  const TempFolder folder;
  {
    auto mark = TailMark::open(folder / "tail");
    ASSERT_TRUE(mark.has_value());
    EXPECT_EQ(mark->mark(), std::nullopt);
    for (std::uint64_t i = 1; i <= 7; ++i) ASSERT_TRUE(mark->write(i).has_value());
  }
  EXPECT_EQ(TailMark::open(folder / "tail")->mark(), 7u);
  auto bytes = read_text(folder / "tail");
  bytes[16 + 15] = static_cast<char>(bytes[16 + 15] ^ 1);  // slot of odd numbers
  write_text(folder / "tail", bytes);
  EXPECT_EQ(TailMark::open(folder / "tail")->mark(), 6u);
}

TEST(TailMark, TheVeryFirstWriteMayBeTornAsWell) {
  const TempFolder folder;
  ASSERT_TRUE(TailMark::open(folder / "tail").has_value());
  auto bytes = read_text(folder / "tail");
  ASSERT_EQ(bytes.size(), 32u);
  for (std::size_t torn = 0; torn < 16; ++torn) {
    auto cut = bytes;
    cut.replace(16, torn, std::string(torn, '\x7f'));
    write_text(folder / "tail", cut);
    EXPECT_TRUE(TailMark::open(folder / "tail").has_value()) << torn;
  }
  write_text(folder / "tail", "");
  EXPECT_FALSE(TailMark::open(folder / "tail").has_value()) << "it is never empty";
}

}  // namespace
}  // namespace muster::broker
