#include "tests/crash/stand_in.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "schemas/chunk_generated.h"
#include "schemas/file_name.h"
#include "tests/e2e/harness/folder.h"
#include "trust/envelope.h"
#include "trust/sha256.h"

namespace muster::crash {
namespace {

constexpr std::uint32_t plain_order_rollback = 2;

Bytes bytes_of(const std::string& path) {
  const auto text = e2e::read_text(path);
  EXPECT_NE(text, "") << path;
  return {text.begin(), text.end()};
}

host::MqttOptions options_for(std::uint16_t port, const e2e::Keys& keys) {
  host::MqttOptions options;
  options.port = port;
  options.client_id = "stand-in";
  options.ca = keys.ca();
  options.cert = keys.operator_("ops") + ".crt";
  options.key = keys.operator_("ops") + ".key";
  options.queue_max = 4096;
  return options;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

StandIn::StandIn(std::uint16_t port, const e2e::Keys& keys)
    : control_(std::move(trust::SigningKey::load(keys.folder() + "/control.key").value())) {
  const auto document = bytes_of(keys.folder() + "/root.menv");
  const AlignedBytes aligned{ByteView(document)};
  EXPECT_EQ(trust::pin_root(aligned.view(), root_), trust::TrustFault::none);
  client_ = std::make_unique<host::MqttClient>(
      options_for(port, keys),
      [this](host::MqttMessage&& message) {
        const std::lock_guard lock(mutex_);
        if (ends_with(message.topic, "/state")) {
          reports_.push_back(e2e::read_report(message.payload));
        } else if (ends_with(message.topic, "/health")) {
          summaries_.push_back(std::move(message.payload));
        } else {
          asked_.push_back(std::move(message));
          changed_.notify_one();
        }
      },
      [](const std::string&) {});
  EXPECT_TRUE(client_->connect().has_value());
  const std::string device = "muster/v1/device/+/";
  EXPECT_TRUE(client_->subscribe({device + "state", device + "health", device + "chunk/get"}, 1).has_value());
  retain("muster/v1/trust/root", bytes_of(keys.folder() + "/root-chain.mrch"));
  server_ = std::thread([this] { serve(); });
}

StandIn::~StandIn() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  server_.join();
  client_->close();
}

void StandIn::retain(const std::string& topic, const Bytes& payload) {
  const auto published = client_->publish_and_wait(topic, payload, 1, true);
  EXPECT_TRUE(published.has_value()) << topic << ": " << published.error().message;
}

void StandIn::seal_and_retain(const std::string& topic, wire::PayloadKind kind, const Bytes& payload) {
  const auto envelopes = trust::seal({{kind, ByteView(payload)}}, {&control_});
  ASSERT_TRUE(envelopes.has_value());
  retain(topic, envelopes->front());
}

Offered StandIn::offer(const std::string& release_folder, const std::string& name, const std::string& version) {
  Offered offered;
  offered.version = version;
  const auto envelope = bytes_of(release_folder + "/" + std::string(manifest_file_name));
  const AlignedBytes aligned{ByteView(envelope)};
  const wire::Manifest* manifest = nullptr;
  EXPECT_EQ(trust::open_manifest(aligned.view(), {&root_, 0}, manifest, offered.assigned.manifest),
            trust::TrustFault::none);
  offered.assigned.envelope = trust::sha256(envelope);
  offered.assigned.envelope_size = static_cast<std::uint32_t>(envelope.size());
  offered.assigned.name = name;
  offered.assigned.version = version;
  const std::lock_guard lock(mutex_);
  blobs_[offered.assigned.envelope] = envelope;
  for (const auto& file : e2e::files_below(release_folder + "/files")) {
    const auto content = bytes_of(file);
    blobs_[trust::sha256(content)] = content;
  }
  return offered;
}

void StandIn::assign(const std::string& device, std::uint64_t epoch, const Offered& release) {
  e2e::AssignmentToSend given;
  given.device = device;
  given.epoch = epoch;
  given.issued_s = e2e::now_s();
  given.expires_s = e2e::now_s() + 24 * 3600;
  given.releases.push_back(release.assigned);
  seal_and_retain("muster/v1/device/" + device + "/assignment", wire::PayloadKind::assignment, e2e::assignment(given));
}

void StandIn::order_back(const std::string& device, std::uint64_t epoch, const Offered& release) {
  const e2e::DirectiveToSend given = {.scope = "device/" + device,
                                      .epoch = epoch,
                                      .issued_s = e2e::now_s(),
                                      .expires_s = e2e::now_s() + 24 * 3600,
                                      .order = plain_order_rollback,
                                      .release = release.assigned.manifest};
  seal_and_retain("muster/v1/device/" + device + "/directive", wire::PayloadKind::directive, e2e::directive(given));
}

void StandIn::clear_order(const std::string& device) {
  retain("muster/v1/device/" + device + "/directive", {});
}

std::vector<e2e::ReportSeen> StandIn::reports() const {
  const std::lock_guard lock(mutex_);
  return reports_;
}

std::vector<Bytes> StandIn::summaries() const {
  const std::lock_guard lock(mutex_);
  return summaries_;
}

std::size_t StandIn::chunks_served() const {
  const std::lock_guard lock(mutex_);
  return served_;
}

void StandIn::forget() {
  const std::lock_guard lock(mutex_);
  reports_.clear();
  summaries_.clear();
  served_ = 0;
}

void StandIn::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !asked_.empty(); });
    if (ending_) return;
    const auto message = std::move(asked_.front());
    asked_.pop_front();
    const auto asked = e2e::read_chunk_get(message.payload);
    const auto reply = answer(asked);
    ++served_;
    lock.unlock();
    // "…/chunk/get" asks, "…/chunk" answers.
    const auto topic = message.topic.substr(0, message.topic.size() - 4);
    static_cast<void>(client_->publish(topic, reply, 0, false));
    lock.lock();
  }
}

Bytes StandIn::answer(const e2e::ChunkAsked& asked) const {
  flatbuffers::FlatBufferBuilder builder;
  const wire::Digest digest(flatbuffers::span<const std::uint8_t, 32>(asked.digest.bytes));
  const auto blob = blobs_.find(asked.digest);
  const bool known = asked.valid && blob != blobs_.end() && asked.offset < blob->second.size();
  Bytes data;
  if (known) {
    const auto length = std::min<std::uint64_t>(asked.length, blob->second.size() - asked.offset);
    const auto from = blob->second.begin() + static_cast<std::ptrdiff_t>(asked.offset);
    data.assign(from, from + static_cast<std::ptrdiff_t>(length));
  }
  builder.ForceVectorAlignment(data.size(), sizeof(std::uint8_t), 8);
  const auto content = builder.CreateVector(data);
  wire::FinishChunkBuffer(builder,
                          wire::CreateChunk(builder, &digest, asked.offset, known ? blob->second.size() : 0,
                                            known ? wire::ChunkStatus::ok : wire::ChunkStatus::unknown_blob, content));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace muster::crash
