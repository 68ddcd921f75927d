// Chunks: the right bytes to the right client, within window and rate, of published blobs only.
#include "broker-plugin/blobs/chunk_server.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "broker-plugin/core/wire_digest.h"
#include "schemas/chunk_generated.h"
#include "schemas/limits.h"
#include "schemas/wire.h"
#include "tests/unit/broker/fixtures.h"
#include "trust/sha256.h"

namespace muster::broker {
namespace {

using test::RecordingPort;
using test::TempFolder;

class ChunkServerTest : public ::testing::Test {
 protected:
  ChunkServerTest() : blobs(*BlobStore::open(folder.path())), outbox([] {}) {
    for (int i = 0; i < 20000; ++i) content += std::to_string(i);
    digest = trust::sha256(ByteView(std::string_view(content)));
    EXPECT_TRUE(blobs.put(digest, ByteView(std::string_view(content))).has_value());
    Release release;
    release.name = "m";
    release.version = "1";
    release.envelope.bytes[0] = 1;
    release.files = {{"weights.bin", content.size(), digest}};
    EXPECT_TRUE(releases.add(release).has_value());
    server = std::make_unique<ChunkServer>(blobs, releases, outbox, [this](const std::string& what) {
      outbox.put(Outbox::Call([this, what] { port.lines.push_back(what); }));
    });
  }

  std::string_view ask(std::uint64_t offset, std::uint32_t length, const std::string& device = "gw-1") {
    return server->request({"client-" + device, device, digest, offset, length}, now);
  }
  void wait_for(std::size_t answers) {
    ASSERT_TRUE(test::drain_until(outbox, port, [&] { return port.sent.size() >= answers; })) << port.sent.size();
    outbox.drain(port);
  }
  const wire::Chunk& chunk(std::size_t index) {
    aligned = AlignedBytes(ByteView(std::string_view(port.sent.at(index).payload)));
    const wire::Chunk* message = nullptr;
    EXPECT_EQ(verify(aligned.view(), message), WireFault::none);
    return *message;
  }

  TempFolder folder;
  BlobStore blobs;
  ReleaseRegistry releases;
  Outbox outbox;
  RecordingPort port;
  std::string content;
  Sha256 digest;
  AlignedBytes aligned;
  std::unique_ptr<ChunkServer> server;
  ChunkServer::Time now{std::chrono::hours(1)};
};

TEST_F(ChunkServerTest, GivesTheBytesToTheClientThatAsked) {
  server->start();
  EXPECT_EQ(ask(0, 65536), "");
  EXPECT_EQ(ask(65536, 65536), "");
  EXPECT_EQ(ask(12345, 7), "");
  wait_for(3);
  EXPECT_EQ(port.sent[0].client, "client-gw-1");
  EXPECT_EQ(port.sent[0].topic, "muster/v1/device/gw-1/chunk");
  EXPECT_EQ(port.sent[0].qos, 0);
  std::string received;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& message = chunk(i);
    EXPECT_EQ(message.status(), wire::ChunkStatus::ok);
    EXPECT_EQ(message.offset(), received.size());
    EXPECT_EQ(message.total(), content.size());
    EXPECT_EQ(digest_of(message.digest()), digest);
    received.append(reinterpret_cast<const char*>(message.data()->data()), message.data()->size());
  }
  EXPECT_EQ(received, content.substr(0, received.size()));
  EXPECT_EQ(received.size(), std::min<std::size_t>(content.size(), 2 * 65536)) << "the last chunk is cut at the end";
  EXPECT_EQ(chunk(2).data()->size(), 7u);
  EXPECT_EQ(server->numbers().served, 3u);
  EXPECT_EQ(server->numbers().bytes, received.size() + 7);
}

TEST_F(ChunkServerTest, TheEndIsAnEmptyChunk) {
  server->start();
  EXPECT_EQ(ask(content.size(), 10), "");
  wait_for(1);
  EXPECT_EQ(chunk(0).status(), wire::ChunkStatus::ok);
  EXPECT_TRUE(chunk(0).data() == nullptr || chunk(0).data()->size() == 0);
}

TEST_F(ChunkServerTest, BeyondTheWindowThereIsNoAnswer) {
  server->set_limits({4, 0});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask(0, 100), "");
  EXPECT_EQ(ask(0, 100), "chunk_window");
  EXPECT_EQ(ask(0, 100, "gw-2"), "") << "each device has its own window";
  server->start();
  wait_for(5);
  EXPECT_EQ(port.sent.size(), 5u);
  EXPECT_EQ(ask(0, 100), "") << "answers make room again";
  EXPECT_EQ(server->numbers().refused, 1u);
}

TEST_F(ChunkServerTest, TheRateIsCappedForEachDevice) {
  server->start();
  server->set_limits({16, 100000});
  EXPECT_EQ(ask(0, 65536), "");
  EXPECT_EQ(ask(0, 65536), "chunk_rate");
  EXPECT_EQ(ask(0, 65536, "gw-2"), "");
  wait_for(3);
  EXPECT_EQ(chunk(1).status(), wire::ChunkStatus::busy);
  now += std::chrono::milliseconds(400);
  EXPECT_EQ(ask(0, 65536), "");
  EXPECT_EQ(ask(0, 65536), "chunk_rate");
}

TEST_F(ChunkServerTest, ARateBelowOneChunkStillLetsChunksThrough) {
  server->set_limits({16, 1000});
  EXPECT_EQ(ask(0, 65536), "");
  now += std::chrono::seconds(60);
  EXPECT_EQ(ask(0, 65536), "chunk_rate");
  now += std::chrono::seconds(10);
  EXPECT_EQ(ask(0, 65536), "");
}

TEST_F(ChunkServerTest, OnlyPublishedBlobsAndRealRanges) {
  server->start();
  const std::string secret = "uploaded, not published";
  const auto other = trust::sha256(ByteView(std::string_view(secret)));
  ASSERT_TRUE(blobs.put(other, ByteView(std::string_view(secret))).has_value());
  EXPECT_EQ(server->request({"c", "gw-1", other, 0, 10}, now), "unknown_blob");
  EXPECT_EQ(ask(content.size() + 1, 10), "over_limit");
  EXPECT_EQ(ask(UINT64_MAX, 10), "over_limit");
  EXPECT_EQ(ask(0, UINT32_MAX), "over_limit");
  EXPECT_EQ(ask(0, 0), "over_limit");
  wait_for(5);
  EXPECT_EQ(chunk(0).status(), wire::ChunkStatus::unknown_blob);
  EXPECT_EQ(chunk(1).status(), wire::ChunkStatus::out_of_range);
  EXPECT_EQ(chunk(1).total(), content.size());
  EXPECT_EQ(chunk(3).status(), wire::ChunkStatus::out_of_range);
}

TEST_F(ChunkServerTest, AMissingOrShortFileIsSaidAndRepairable) {
  server->start();
  std::filesystem::resize_file(blobs.path_of(digest), 100);
  EXPECT_EQ(ask(0, 65536), "");
  wait_for(1);
  EXPECT_EQ(chunk(0).status(), wire::ChunkStatus::unknown_blob);
  ASSERT_TRUE(test::drain_until(outbox, port, [&] { return port.logged("shorter than its release says"); }));
  std::filesystem::remove(blobs.path_of(digest));
  EXPECT_EQ(ask(0, 65536), "");
  wait_for(2);
  ASSERT_TRUE(test::drain_until(outbox, port, [&] { return port.logged("No such file"); }));
  ASSERT_TRUE(blobs.put(digest, ByteView(std::string_view(content))).has_value());
  EXPECT_EQ(ask(0, 65536), "");
  wait_for(3);
  EXPECT_EQ(chunk(2).status(), wire::ChunkStatus::ok);
}

TEST_F(ChunkServerTest, ManyOpenFilesAndManyDevices) {
  std::vector<Sha256> digests;
  for (std::size_t i = 0; i < ChunkServer::open_files_max + 20; ++i) {
    const auto text = "blob " + std::to_string(i);
    digests.push_back(trust::sha256(ByteView(std::string_view(text))));
    ASSERT_TRUE(blobs.put(digests.back(), ByteView(std::string_view(text))).has_value());
    Release release;
    release.name = "r" + std::to_string(i);
    release.version = "1";
    release.manifest = digests.back();
    release.envelope = digests.back();
    release.envelope_size = static_cast<std::uint32_t>(text.size());
    ASSERT_TRUE(releases.add(release).has_value());
  }
  server->start();
  std::size_t asked = 0;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < digests.size(); ++i) {
      EXPECT_EQ(server->request({"c", "gw-" + std::to_string(i), digests[i], 0, 100}, now), "");
      ++asked;
    }
  }
  wait_for(asked);
  for (std::size_t i = 0; i < asked; ++i) {
    const auto& message = chunk(i);
    const std::string text(reinterpret_cast<const char*>(message.data()->data()), message.data()->size());
    EXPECT_EQ(text, "blob " + std::to_string(i % digests.size()));
  }
}

}  // namespace
}  // namespace muster::broker
