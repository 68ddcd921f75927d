#include "host/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "host/bulk_digest.h"
#include "tests/unit/host/temporary_folder.h"

namespace muster::host {
namespace {

using testing::HasSubstr;

Bytes bytes_of(std::string_view text) {
  return Bytes(text.begin(), text.end());
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

TEST(Files, WhatIsWrittenIsReadBack) {
  const test::TemporaryFolder folder;
  const auto path = folder.file("a");
  ASSERT_TRUE(write_file_durably(path, bytes_of("one"), 0640));
  EXPECT_EQ(read_file(path, 100).value(), bytes_of("one"));
  EXPECT_EQ(mode_of(path), 0640u);
  ASSERT_TRUE(write_file_durably(path, bytes_of("two, longer")));
  EXPECT_EQ(read_file(path, 100).value(), bytes_of("two, longer"));
  EXPECT_EQ(mode_of(path), 0644u);
  ASSERT_TRUE(write_file_durably(path, {}));
  EXPECT_TRUE(read_file(path, 100).value().empty());
  EXPECT_EQ(folder.entries(), 1u) << "no temporary file stays behind";
}

TEST(Files, ALeftoverOfACrashIsNoObstacle) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(write_new_file(folder.file("a.tmp"), bytes_of("half a file that was never renam")));
  ASSERT_TRUE(write_file_durably(folder.file("a"), bytes_of("whole")));
  EXPECT_EQ(read_file(folder.file("a"), 100).value(), bytes_of("whole"));
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(Files, AFailedWriteLeavesTheOldFile) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(::mkdir(folder.file("taken").c_str(), 0755), 0);
  const auto written = write_file_durably(folder.file("taken"), bytes_of("x"));
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("cannot replace"));
  EXPECT_EQ(folder.entries(), 1u) << "the temporary file is removed";
}

// A limit on file sizes makes a write fail half way, as a full disk does.
TEST(Files, AWriteThatFailsHalfWayLeavesNothing) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(write_file_durably(folder.file("old"), bytes_of("old")));
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit tight { 4096, before.rlim_max };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto replaced = write_file_durably(folder.file("old"), Bytes(10000, 1));
  const auto made = write_new_file(folder.file("new"), Bytes(10000, 1));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(replaced);
  EXPECT_THAT(replaced.error().message, HasSubstr("cannot write"));
  EXPECT_FALSE(made);
  EXPECT_EQ(read_file(folder.file("old"), 100).value(), bytes_of("old"));
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(Files, ATemporaryFileIsNeverALinkToElsewhere) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(write_file_durably(folder.file("victim"), bytes_of("precious")));
  ASSERT_EQ(::symlink(folder.file("victim").c_str(), folder.file("a.tmp").c_str()), 0);
  EXPECT_FALSE(write_file_durably(folder.file("a"), bytes_of("x")));
  EXPECT_EQ(read_file(folder.file("victim"), 100).value(), bytes_of("precious"));
}

TEST(Files, FoldersAreMadeWithTheirParents) {
  const test::TemporaryFolder folder;
  const auto path = folder.file("a/b/c");
  ASSERT_TRUE(make_folders(path).has_value());
  EXPECT_TRUE(std::filesystem::is_directory(path));
  EXPECT_TRUE(make_folders(path).has_value()) << "it is there already";
  ASSERT_TRUE(write_file_durably(folder.file("file"), ByteView(std::string_view("x"))).has_value());
  const auto failed = make_folders(folder.file("file/below"));
  ASSERT_FALSE(failed.has_value());
  EXPECT_NE(failed.error().message.find("file/below"), std::string::npos) << failed.error().message;
}

TEST(Files, ReadingHasALimit) {
  const test::TemporaryFolder folder;
  const auto path = folder.file("a");
  ASSERT_TRUE(write_file_durably(path, Bytes(50000, 7)));
  EXPECT_EQ(read_file(path, 50000).value().size(), 50000u);
  const auto refused = read_file(path, 49999);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("49999"));
  EXPECT_FALSE(read_file("/dev/zero", 1000)) << "a file without an end";
}

TEST(Files, ErrorsNameThePathAndTheReason) {
  const test::TemporaryFolder folder;
  const auto missing = read_file(folder.file("none"), 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr(folder.file("none") + ": No such file"));
  const auto is_folder = read_file(folder.path(), 10);
  ASSERT_FALSE(is_folder);
  EXPECT_THAT(is_folder.error().message, HasSubstr("is a folder"));
  EXPECT_EQ(write_file_durably(folder.file("no/such/folder"), {}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(sync_folder(folder.file("none")).error().kind, ErrorKind::not_found);
}

TEST(Files, ANewFileNeverReplacesAnother) {
  const test::TemporaryFolder folder;
  const auto path = folder.file("key");
  ASSERT_TRUE(write_new_file(path, bytes_of("first"), 0600));
  EXPECT_EQ(mode_of(path), 0600u);
  const auto again = write_new_file(path, bytes_of("second"), 0600);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::exists);
  EXPECT_EQ(read_file(path, 100).value(), bytes_of("first"));
}

TEST(BulkDigest, KnownAnswers) {
  BulkDigest digest;
  EXPECT_EQ(to_hex(digest.finish()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  digest.update(ByteView(std::string_view("a")));
  digest.update(ByteView(std::string_view("bc")));
  EXPECT_EQ(to_hex(digest.finish()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  digest.update(ByteView(std::string_view("abc")));
  EXPECT_EQ(to_hex(digest.finish()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
      << "starts anew";
}

TEST(BulkDigest, OfFiles) {
  const test::TemporaryFolder folder;
  // Longer than one step and no multiple of it.
  const Bytes bytes(700001, 0x61);
  ASSERT_TRUE(write_file_durably(folder.file("a"), bytes));
  const auto found = digest_file(folder.file("a"));
  ASSERT_TRUE(found);
  BulkDigest whole;
  whole.update(bytes);
  EXPECT_EQ(found->sha256, whole.finish());
  EXPECT_EQ(found->size, bytes.size());
  EXPECT_EQ(digest_file(folder.file("none")).error().kind, ErrorKind::not_found);
  EXPECT_EQ(digest_file(folder.path()).error().kind, ErrorKind::io);
}

}  // namespace
}  // namespace muster::host
