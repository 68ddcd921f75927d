// Uploads: resumed, repeated, lied about, and without room.
#include "broker-plugin/blobs/uploads.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/broker/file_size_limit.h"
#include "tests/unit/broker/fixtures.h"
#include "trust/sha256.h"

namespace muster::broker {
namespace {

namespace fs = std::filesystem;
using test::FileSizeLimit;
using test::read_text;
using test::TempFolder;

class UploadsTest : public ::testing::Test {
 protected:
  UploadsTest() : blobs(*BlobStore::open(folder.path())) {}

  tl::expected<std::uint64_t, Error> put(Uploads& uploads, std::uint64_t from, std::size_t length) const {
    return uploads.put(digest, from, ByteView(std::string_view(content).substr(from, length)), now);
  }

  TempFolder folder;
  BlobStore blobs;
  const std::string content = std::string(100000, 'a') + "end";
  const Sha256 digest = trust::sha256(ByteView(std::string_view(content)));
  const Uploads::Time now{std::chrono::hours(1)};
};

TEST_F(UploadsTest, ArrivesWhole) {
  Uploads uploads(blobs);
  ASSERT_EQ(uploads.begin(digest, content.size(), now).value(), 0u);
  EXPECT_EQ(put(uploads, 0, 65536).value(), 65536u);
  EXPECT_EQ(put(uploads, 65536, 65536).value(), content.size());
  EXPECT_FALSE(blobs.size_of(digest).has_value()) << "not a blob before its digest was checked";
  ASSERT_TRUE(uploads.end(digest, now).has_value());
  EXPECT_EQ(blobs.size_of(digest), content.size());
  EXPECT_EQ(read_text(blobs.path_of(digest)), content);
  EXPECT_FALSE(fs::exists(blobs.partial_path_of(digest)));
  EXPECT_EQ(uploads.begin(digest, content.size(), now).value(), content.size()) << "already here";
  EXPECT_TRUE(uploads.end(digest, now).has_value()) << "said twice";
}

TEST_F(UploadsTest, ADamagedBlobIsTakenAgain) {
  const auto upload = [&] {
    Uploads uploads(blobs);
    ASSERT_EQ(uploads.begin(digest, content.size(), now).value(), 0u);
    ASSERT_TRUE(put(uploads, 0, content.size()).has_value());
    ASSERT_TRUE(uploads.end(digest, now).has_value());
  };
  upload();
  auto bytes = content;
  bytes[777] ^= 4;  // the same size: only reading it tells
  test::write_text(blobs.path_of(digest), bytes);
  upload();
  EXPECT_EQ(read_text(blobs.path_of(digest)), content);
  test::write_text(blobs.path_of(digest), bytes);
  ASSERT_TRUE(blobs.put(digest, ByteView(std::string_view(content))).has_value());
  EXPECT_EQ(read_text(blobs.path_of(digest)), content);
}

TEST_F(UploadsTest, GoesOnAfterARestart) {
  {
    Uploads uploads(blobs);
    ASSERT_EQ(uploads.begin(digest, content.size(), now).value(), 0u);
    ASSERT_TRUE(put(uploads, 0, 40000).has_value());
  }
  Uploads uploads(blobs);
  EXPECT_EQ(put(uploads, 40000, 10).error().kind, ErrorKind::not_found) << "beginBlob comes first";
  ASSERT_EQ(uploads.begin(digest, content.size(), now).value(), 40000u);
  ASSERT_TRUE(put(uploads, 40000, content.size()).has_value());
  ASSERT_TRUE(uploads.end(digest, now).has_value());
  EXPECT_EQ(read_text(blobs.path_of(digest)), content);
}

TEST_F(UploadsTest, RepeatedPiecesAreFineAndGapsAreNot) {
  Uploads uploads(blobs);
  ASSERT_TRUE(uploads.begin(digest, content.size(), now).has_value());
  ASSERT_TRUE(put(uploads, 0, 1000).has_value());
  EXPECT_EQ(put(uploads, 0, 1000).value(), 1000u);
  EXPECT_EQ(put(uploads, 2000, 10).error().kind, ErrorKind::invalid);
  EXPECT_NE(put(uploads, 2000, 10).error().message.find("starts at offset 1000"), std::string::npos);
  EXPECT_EQ(uploads.end(digest, now).error().kind, ErrorKind::invalid) << "not complete";
  EXPECT_EQ(put(uploads, 1000, content.size()).value(), content.size());
  EXPECT_EQ(uploads.put(digest, content.size(), ByteView(std::string_view("more")), now).error().kind,
            ErrorKind::invalid);
  EXPECT_TRUE(uploads.end(digest, now).has_value());
}

TEST_F(UploadsTest, BytesOfAnotherDigestAreThrownAway) {
  Uploads uploads(blobs);
  const std::string lie(content.size(), 'b');
  ASSERT_TRUE(uploads.begin(digest, lie.size(), now).has_value());
  ASSERT_TRUE(uploads.put(digest, 0, ByteView(std::string_view(lie)), now).has_value());
  const auto ended = uploads.end(digest, now);
  ASSERT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error().kind, ErrorKind::invalid);
  EXPECT_FALSE(blobs.size_of(digest).has_value());
  EXPECT_EQ(uploads.begin(digest, content.size(), now).value(), 0u) << "starts anew";
}

TEST_F(UploadsTest, ALongerPartialStartsAnew) {
  Uploads uploads(blobs);
  test::write_text(blobs.partial_path_of(digest), std::string(content.size() + 1, 'x'));
  EXPECT_EQ(uploads.begin(digest, content.size(), now).value(), 0u);
}

TEST_F(UploadsTest, AnEmptyBlobIsABlob) {
  Uploads uploads(blobs);
  const auto empty = trust::sha256(ByteView());
  ASSERT_EQ(uploads.begin(empty, 0, now).value(), 0u);
  ASSERT_TRUE(uploads.end(empty, now).has_value());
  EXPECT_EQ(blobs.size_of(empty), 0u);
}

TEST_F(UploadsTest, OnlySoManyAtATime) {
  Uploads uploads(blobs);
  Sha256 other;
  for (std::size_t i = 0; i < Uploads::uploads_max; ++i) {
    other.bytes[0] = static_cast<std::uint8_t>(i + 1);
    ASSERT_TRUE(uploads.begin(other, 10, now).has_value());
  }
  EXPECT_EQ(uploads.begin(digest, content.size(), now).error().kind, ErrorKind::refused);
  EXPECT_TRUE(uploads.begin(digest, content.size(), now + Uploads::idle_max + std::chrono::seconds(1)).has_value())
      << "idle ones make room";
}

TEST_F(UploadsTest, WhatCannotFitIsRefusedBeforeItStarts) {
  Uploads uploads(blobs);
  EXPECT_EQ(uploads.begin(digest, std::uint64_t{1} << 39, now).error().kind, ErrorKind::no_space);
  EXPECT_EQ(uploads.begin(digest, std::uint64_t{1} << 62, now).error().kind, ErrorKind::invalid);
}

TEST_F(UploadsTest, AFullDiskKeepsNothingHalfWritten) {
  Uploads uploads(blobs);
  ASSERT_TRUE(uploads.begin(digest, content.size(), now).has_value());
  ASSERT_TRUE(put(uploads, 0, 30000).has_value());
  {
    const FileSizeLimit full(50000);
    const auto failed = put(uploads, 30000, 65536);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().kind, ErrorKind::no_space);
    EXPECT_EQ(fs::file_size(blobs.partial_path_of(digest)), 30000u);
  }
  EXPECT_EQ(put(uploads, 30000, 65536).value(), 95536u) << "goes on where it was once there is room";
  ASSERT_TRUE(put(uploads, 95536, content.size()).has_value());
  EXPECT_TRUE(uploads.end(digest, now).has_value());
}

TEST_F(UploadsTest, OldPartialsAreSweptAtStart) {
  const auto old = blobs.partial_path_of(digest);
  test::write_text(old, "x");
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(24 * 8));
  auto fresh_digest = digest;
  fresh_digest.bytes[0] ^= 1;
  test::write_text(blobs.partial_path_of(fresh_digest), "y");
  ASSERT_TRUE(BlobStore::open(folder.path()).has_value());
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(blobs.partial_path_of(fresh_digest)));
}

}  // namespace
}  // namespace muster::broker
