// A device without an operating system against a broker that lies: a plain Mosquitto without the plugin, where the test
// publishes whatever it likes as if it were Muster. Only what the right key signed for this device, newer than before
// and not expired, may move it; nothing may stop it from obeying the next order that is right.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "host/mqtt_client.h"
#include "tests/e2e/harness/forger.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/mcu/mcu_world.h"
#include "trust/sha256.h"

namespace muster::e2e {
namespace {

const std::string device_topic = "muster/v1/device/mcu-0/";
const std::string assignment_topic = device_topic + "assignment";
const std::string directive_topic = device_topic + "directive";
const std::string group_topic = "muster/v1/group/region=eu/directive";
const std::string root_topic = "muster/v1/trust/root";
const std::string state_topic = device_topic + "state";
const std::string asks_topic = device_topic + "chunk/get";
const std::string chunk_topic = device_topic + "chunk";

Bytes bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

class McuEvilBroker : public McuWorld {
 protected:
  void SetUp() override {
    forger_.emplace(keys_);
    open({.with_plugin = false});
    broker_ = operator_session("ops");
    ASSERT_TRUE(broker_->subscribe("muster/v1/device/+/state"));
    ASSERT_TRUE(broker_->subscribe("muster/v1/device/+/chunk/get"));
    publish(root_topic, bytes_of(read_text(keys_.folder() + "/root-chain.mrch")));
    ASSERT_NO_FATAL_FAILURE(subscribe_for_device());
    add_device("mcu-0", {.security_version = 5}).start();
    ASSERT_TRUE(broker_->wait_for(state_topic, 15s).has_value()) << mcu(0).log();
    barrier();  // from here on the device knows what time it is
  }
  // The plugin sends chunks to the client that asked, which needs no subscription. A plain broker only delivers to
  // subscribers, so the device's session gets this one before the device uses it.
  void subscribe_for_device() {
    host::MqttOptions options;
    options.host = "127.0.0.1";
    options.port = broker().port();
    options.client_id = "mcu-0";
    options.ca = keys_.ca();
    options.cert = keys_.device("mcu-0") + ".crt";
    options.key = keys_.device("mcu-0") + ".key";
    options.clean_start = false;
    options.session_expiry_s = 3600;
    host::MqttClient client(
        options, [](host::MqttMessage&&) {}, [](const std::string&) {});
    ASSERT_TRUE(client.connect().has_value());
    ASSERT_TRUE(client.subscribe({chunk_topic}, 1).has_value());
    client.close();
  }
  void publish(const std::string& topic, const Bytes& payload, bool retain = true) {
    EXPECT_LT(broker_->publish(topic, payload, retain), 0x80);
  }
  // Messages arrive in order: once the device obeys this, everything before it has been judged.
  void barrier() {
    const auto orders = {std::pair<std::uint8_t, std::string>{0, "the device safe_mode"}, {1, "the device healthy"}};
    for (const auto& [order, said] : orders) {
      const auto before = mcu(0).log_count(said);
      publish(directive_topic, forger_->directive(Forger::order("device/mcu-0", ++epoch_, order)));
      ASSERT_EVENTUALLY(10s, mcu(0).log_count(said) == before + 1) << mcu(0).log();
    }
  }
  void expect_refused(const std::string& what, const std::string& topic, const Bytes& message, const std::string& word,
                      bool retain = true) {
    SCOPED_TRACE(what);
    broker_->forget();
    const auto logged = mcu(0).log().size();
    publish(topic, message, retain);
    ASSERT_NO_FATAL_FAILURE(barrier());
    EXPECT_EQ(broker_->received_count(asks_topic), 0u) << "the device asked for a blob";
    EXPECT_TRUE(mcu(0).log_has(word, logged)) << mcu(0).log().substr(logged);
    EXPECT_EQ(mcu(0).log_count("info: slot "), 1u) << "it has been started once";
  }
  // Answers what the device asks for, as a broker does, until a report says `attempt` of the assignment with this
  // epoch.
  ReportSeen serve(const std::map<std::string, Bytes>& blobs, std::uint64_t epoch, const std::string& attempt) {
    std::size_t answered = 0;
    ReportSeen seen;
    EXPECT_EVENTUALLY(20s, ([&] {
                        const auto asks = broker_->received(asks_topic);
                        for (; answered < asks.size(); ++answered)
                          answer(blobs, read_chunk_get(asks[answered].payload));
                        for (const auto& report : broker_->received(state_topic)) seen = read_report(report.payload);
                        return seen.attempt_epoch == epoch && seen.attempt == attempt;
                      }()))
        << seen.attempt << " " << seen.error << "\n"
        << mcu(0).log();
    return seen;
  }
  void answer(const std::map<std::string, Bytes>& blobs, const ChunkAsked& asked) {
    const auto blob = blobs.find(to_hex(asked.digest));
    if (blob == blobs.end() || asked.offset >= blob->second.size()) return;
    const auto begin = blob->second.begin() + static_cast<std::ptrdiff_t>(asked.offset);
    const auto size = std::min<std::uint64_t>(asked.length, blob->second.size() - asked.offset);
    publish(
        chunk_topic,
        chunk(asked.digest, asked.offset, Bytes(begin, begin + static_cast<std::ptrdiff_t>(size)), blob->second.size()),
        false);
  }

  // A release as musterctl makes it, and an assignment of it; its blobs go to blobs_.
  AssignmentToSend real_release(const ReleaseToMake& release, std::uint8_t plane, std::uint64_t epoch) {
    build_release(release);
    const auto folder = release_folder(release.name + "@" + release.version);
    const auto envelope = bytes_of(read_text(folder + "/manifest.menv"));
    auto given = Forger::wish("mcu-0", epoch, 0);
    given.releases[0].plane = plane;
    given.releases[0].manifest = trust::sha256(bytes_of(read_text(folder + "/manifest.mman")));
    given.releases[0].envelope = trust::sha256(envelope);
    given.releases[0].envelope_size = static_cast<std::uint32_t>(envelope.size());
    blobs_[to_hex(given.releases[0].envelope)] = envelope;
    for (const auto& [name, content] : release.files) {
      const auto file = bytes_of(content);
      blobs_[to_hex(trust::sha256(file))] = file;
    }
    return given;
  }
  static ReleaseToMake firmware(const std::string& version, const std::string& more = {}, std::uint32_t security = 5) {
    return {.name = "fw",
            .version = version,
            .model_txt = "",
            .plane = "firmware",
            .probes = "",
            .more = more,
            .files = {{"firmware.bin", mcu_firmware("good", version, 5000)}},
            .security_version = security};
  }
  // After all that: a good firmware is taken.
  void expect_a_good_update(std::uint64_t epoch) {
    const auto given = real_release(firmware("good-" + std::to_string(epoch)), 0, epoch);
    broker_->forget();
    publish(assignment_topic, forger_->assignment(given));
    serve(blobs_, epoch, "committed");
    EXPECT_EQ(mcu(0).running_slot(), "b");
    EXPECT_EQ(mcu(0).log_count("info: slot "), 2u);
  }

  std::optional<Forger> forger_;
  std::unique_ptr<Session> broker_;
  std::map<std::string, Bytes> blobs_;
  std::uint64_t epoch_ = 0;
};

TEST_F(McuEvilBroker, CannotAssignAnythingByItself) {
  const auto kind = wire::PayloadKind::assignment;
  expect_refused("noise", assignment_topic, Bytes(300, 0x11), "refused");
  expect_refused("nothing", assignment_topic, Bytes{}, "");
  for (const std::size_t size : {2000u, 70000u, 200000u, 261000u})
    expect_refused("oversized", assignment_topic, Bytes(size, 0x11), "longer than this device takes");
  const auto wish = Forger::wish("mcu-0", 50, 1);
  expect_refused("signed by a stranger", assignment_topic, Forger::sealed(kind, assignment(wish), forger_->stranger()),
                 "unknown_key");
  expect_refused("signed by the release key", assignment_topic,
                 Forger::sealed(kind, assignment(wish), forger_->release()), "unknown_key");
  expect_refused("signed by the root key", assignment_topic, Forger::sealed(kind, assignment(wish), forger_->root()),
                 "unknown_key");
  expect_refused("a directive for an assignment", assignment_topic,
                 forger_->directive(Forger::order("device/mcu-0", 99)), "wrong_kind");
  auto changed = forger_->assignment(wish);
  const std::string text(changed.begin(), changed.end());
  const auto at = text.find("by-hand");
  ASSERT_NE(at, std::string::npos);
  changed[at] ^= 1;
  expect_refused("changed after it was signed", assignment_topic, changed, "bad_signature");
  expect_refused("for another device", assignment_topic, forger_->assignment(Forger::wish("mcu-9", 51, 1)),
                 "wrong_subject");
  auto expired = wish;
  expired.issued_s = 1000;
  expired.expires_s = 2000;
  expect_refused("expired", assignment_topic, forger_->assignment(expired), "expired");
  auto strange = wish;
  strange.releases[0].plane = 7;
  expect_refused("an unknown plane", assignment_topic, forger_->assignment(strange), "malformed");
  auto twice = wish;
  twice.releases.push_back(twice.releases[0]);
  expect_refused("two releases on one plane", assignment_topic, forger_->assignment(twice), "refused");
  const auto whole = forger_->assignment(wish);
  for (std::size_t size = 0; size < whole.size(); size += 29)
    publish(assignment_topic, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  expect_refused("cut short, at many places", assignment_topic, Bytes(whole.begin(), whole.end() - 1), "refused");
  expect_a_good_update(60);
  // What was good once is old now.
  const auto epoch_before = Forger::wish("mcu-0", 59, 1);
  broker_->forget();
  const auto logged = mcu(0).log().size();
  publish(assignment_topic, forger_->assignment(epoch_before));
  barrier();
  EXPECT_EQ(broker_->received_count(asks_topic), 0u);
  EXPECT_TRUE(mcu(0).log_has("an older assignment", logged)) << mcu(0).log().substr(logged);
}

TEST_F(McuEvilBroker, CannotGiveOrders) {
  const std::string fleet_topic = "muster/v1/fleet/directive";
  const auto fleet = Forger::order("fleet", 500);
  const auto kind = wire::PayloadKind::directive;
  expect_refused("a stranger's", fleet_topic, Forger::sealed(kind, directive(fleet), forger_->stranger()),
                 "unknown_key");
  expect_refused("the release key's", fleet_topic, Forger::sealed(kind, directive(fleet), forger_->release()),
                 "unknown_key");
  expect_refused("another group's", group_topic, forger_->directive(Forger::order("group/region=us", 501)),
                 "wrong_subject");
  auto expired = Forger::order("group/region=eu", 502);
  expired.issued_s = 1000;
  expired.expires_s = 2000;
  expect_refused("expired", group_topic, forger_->directive(expired), "expired");
  auto unknown = fleet;
  unknown.order = 77;
  expect_refused("an unknown order", fleet_topic, forger_->directive(unknown), "malformed");
  expect_refused("an assignment", fleet_topic, forger_->assignment(Forger::wish("mcu-0", 1, 1)), "wrong_kind");
  expect_refused("oversized", fleet_topic, Bytes(200000, 7), "longer than this device takes");
  const auto whole = forger_->directive(fleet);
  for (std::size_t size = 0; size < whole.size(); size += 29)
    publish(fleet_topic, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  expect_refused("cut short", fleet_topic, Bytes(whole.begin(), whole.end() - 1), "refused");
  publish(group_topic, forger_->directive(Forger::order("group/region=eu", 510, 1)));
  expect_refused("of before", group_topic, forger_->directive(Forger::order("group/region=eu", 509)),
                 "an older directive");
  expect_a_good_update(60);
}

TEST_F(McuEvilBroker, CannotPassOffOtherBytes) {
  std::uint64_t epoch = 20;
  const auto refused = [&](const std::string& what, const AssignmentToSend& given, const std::string& error) {
    SCOPED_TRACE(what);
    broker_->forget();
    publish(assignment_topic, forger_->assignment(given));
    EXPECT_EQ(serve(blobs_, given.epoch, "failed").error, error);
    EXPECT_EQ(mcu(0).log_count("info: slot "), 1u);
  };
  // Of a manifest: other bytes, noise that matches its digest, signed by the wrong role, cut short.
  auto other = Forger::wish("mcu-0", ++epoch, 9);
  blobs_[to_hex(other.releases[0].envelope)] = Bytes(1000, 0x43);
  refused("another manifest", other, "digest_mismatch");
  const auto with_envelope = [&](const Bytes& envelope) {
    auto given = Forger::wish("mcu-0", ++epoch, 9);
    given.releases[0].envelope = trust::sha256(envelope);
    given.releases[0].envelope_size = static_cast<std::uint32_t>(envelope.size());
    blobs_[to_hex(given.releases[0].envelope)] = envelope;
    return given;
  };
  refused("noise", with_envelope(bytes_of(noise(700, 3))), "malformed");
  refused("an assignment", with_envelope(forger_->assignment(other)), "malformed");
  const auto good = real_release(firmware("1"), 0, 0);
  const auto manifest = bytes_of(read_text(release_folder("fw@1") + "/manifest.mman"));
  const auto manifest_kind = wire::PayloadKind::manifest;
  refused("by the control key", with_envelope(Forger::sealed(manifest_kind, manifest, forger_->control())),
          "unknown_key");
  refused("by a stranger", with_envelope(Forger::sealed(manifest_kind, manifest, forger_->stranger())), "unknown_key");
  const auto envelope = blobs_.at(to_hex(good.releases[0].envelope));
  refused("cut short", with_envelope(Bytes(envelope.begin(), envelope.end() - 20)), "malformed");
  refused("another release's", with_envelope(envelope), "incompatible");
  // Properly made and signed, and not for this device.
  refused("of another class", real_release(firmware("esp32", "compatible: { class: [esp32] }\n"), 0, ++epoch),
          "incompatible");
  refused("under the floor", real_release(firmware("old", {}, 4), 0, ++epoch), "under_security_floor");
  refused("of another plane", real_release(firmware("moved"), 1, ++epoch), "incompatible");
  auto large = real_release(firmware("large"), 0, ++epoch);
  large.releases[0].envelope_size = 5000;
  refused("a manifest that is too long", large, "incompatible");
  // The image itself: bytes changed under way, and one that is shorter than its manifest says.
  const auto image = bytes_of(mcu_firmware("good", "flipped", 5000));
  auto flipped = real_release(firmware("flipped"), 0, ++epoch);
  blobs_[to_hex(trust::sha256(image))][3000] ^= 4;
  refused("a bit turned over", flipped, "digest_mismatch");
  auto cut = real_release(firmware("cut"), 0, ++epoch);
  blobs_[to_hex(trust::sha256(bytes_of(mcu_firmware("good", "cut", 5000))))].resize(2048);
  refused("cut short", cut, "size_mismatch");
  expect_a_good_update(++epoch);
}

// Answers that nobody asked for, or that contradict themselves, beside the right ones.
TEST_F(McuEvilBroker, CannotConfuseADownload) {
  const auto given = real_release(firmware("1"), 0, 30);
  broker_->forget();
  publish(assignment_topic, forger_->assignment(given));
  const auto first = broker_->wait_for(asks_topic, 10s);
  ASSERT_TRUE(first.has_value());
  const auto asked = read_chunk_get(first->payload);
  const auto& blob = blobs_.at(to_hex(asked.digest));
  const Bytes piece(blob.begin(), blob.begin() + 64);
  Sha256 foreign = asked.digest;
  foreign.bytes[5] ^= 1;
  const std::vector<Bytes> lies = {chunk(foreign, 0, blob),                      // of another blob
                                   chunk(asked.digest, 17, piece, blob.size()),  // somewhere else
                                   chunk(asked.digest, 1ull << 40, piece, blob.size()),
                                   chunk(asked.digest, 0, piece, blob.size()),  // too short
                                   chunk(asked.digest, 0, {}, blob.size()),
                                   chunk(asked.digest, 1024, {}, blob.size(), 2),  // out of range, elsewhere
                                   chunk(asked.digest, 0, {}, blob.size(), 3),     // busy
                                   chunk(asked.digest, 0, {}, blob.size(), 200),   // a status that there is not
                                   Bytes(1500, 0x55),
                                   Bytes(200000, 0x55),
                                   Bytes{}};
  for (const auto& lie : lies) publish(chunk_topic, lie, false);
  EXPECT_EQ(serve(blobs_, 30, "committed").error, "none");
  EXPECT_EQ(mcu(0).running_slot(), "b");
  // A blob of another size than it was assigned with is none: that ends the attempt.
  const auto next = real_release(firmware("2"), 0, 31);
  broker_->forget();
  publish(assignment_topic, forger_->assignment(next));
  const auto again = broker_->wait_for(asks_topic, 10s);
  ASSERT_TRUE(again.has_value());
  const auto digest = read_chunk_get(again->payload).digest;
  publish(chunk_topic, chunk(digest, 0, Bytes(1024, 1), 9999999), false);
  EXPECT_EQ(serve({}, 31, "failed").error, "size_mismatch");
  barrier();
}

TEST_F(McuEvilBroker, CannotBreakTheDeviceWithNoise) {
  for (const auto& topic : {assignment_topic, directive_topic, group_topic, std::string("muster/v1/fleet/directive"),
                            root_topic, chunk_topic, device_topic + "ack"}) {
    for (const std::size_t size : {0u, 1u, 7u, 8u, 64u, 1791u, 1792u, 1793u, 3000u, 131072u, 261000u}) {
      const auto bytes = noise(size, static_cast<std::uint32_t>(size));
      publish(topic, Bytes(bytes.begin(), bytes.end()));
    }
  }
  barrier();
  expect_a_good_update(70);
}

// The roots move on while the device is off, by a chain that is longer than any of its buffers.
TEST_F(McuEvilBroker, RetiredKeysAreNotObeyedAfterALongChain) {
  auto new_control = trust::SigningKey::generate();
  ASSERT_TRUE(new_control.has_value());
  const auto document = [&](std::uint32_t version, const trust::SigningKey& control) {
    auto made = trust::seal_root(version, now_s(), 0,
                                 {{wire::Role::root, 1, {forger_->root().point()}},
                                  {wire::Role::release, 1, {forger_->release().point()}},
                                  {wire::Role::control, 1, {control.point()}}},
                                 {&forger_->root()});
    EXPECT_TRUE(made.has_value());
    return made ? *made : Bytes{};
  };
  std::vector<Bytes> chain = {bytes_of(read_text(keys_.folder() + "/root.menv"))};
  for (std::uint32_t version = 2; version <= 9; ++version) {
    const auto interim = trust::SigningKey::generate();
    ASSERT_TRUE(interim.has_value());
    chain.push_back(document(version, version == 9 ? *new_control : *interim));
  }
  const auto long_chain = trust::make_root_chain(chain);
  ASSERT_GT(long_chain.size(), 1792u) << "longer than the inbound buffer";
  static_cast<void>(mcu(0).stop());
  publish(root_topic, long_chain);
  mcu(0).start();
  ASSERT_EVENTUALLY(10s, mcu(0).log_has("the trust root has moved")) << mcu(0).log();

  const auto safe_modes = [&] { return mcu(0).log_count("the device safe_mode"); };
  const auto before = safe_modes();
  const auto logged = mcu(0).log().size();
  publish(directive_topic, forger_->directive(Forger::order("device/mcu-0", ++epoch_)));
  ASSERT_EVENTUALLY(10s, mcu(0).log_has("unknown_key", logged));
  EXPECT_EQ(safe_modes(), before);
  // The old chain and a forged one lead nowhere back; and the new root was kept over a restart.
  publish(root_topic, bytes_of(read_text(keys_.folder() + "/root-chain.mrch")));
  const auto forged = trust::seal_root(10, now_s(), 0,
                                       {{wire::Role::root, 1, {forger_->stranger().point()}},
                                        {wire::Role::release, 1, {forger_->stranger().point()}},
                                        {wire::Role::control, 1, {forger_->stranger().point()}}},
                                       {&forger_->stranger()});
  ASSERT_TRUE(forged.has_value());
  chain.push_back(*forged);
  publish(root_topic, trust::make_root_chain(chain));
  mcu(0).kill_hard();
  mcu(0).start();
  const auto obeyed =
      Forger::sealed(wire::PayloadKind::directive, directive(Forger::order("device/mcu-0", ++epoch_)), *new_control);
  publish(directive_topic, obeyed);
  EXPECT_EVENTUALLY(10s, safe_modes() == before + 1) << mcu(0).log();
}

}  // namespace
}  // namespace muster::e2e
