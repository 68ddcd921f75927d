#include "tests/crash/broker_world.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <utility>

#include "host/base64.h"
#include "host/bulk_digest.h"
#include "schemas/file_name.h"
#include "schemas/topics.h"
#include "tests/e2e/harness/messages.h"

namespace muster::crash {

using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr std::uint8_t committed = 7, rolled_back = 8, device_rolled_back = 4;

std::string assignment_topic(const std::string& device) {
  return "muster/v1/device/" + device + "/assignment";
}

std::string base64_of(const std::string& path) {
  return host::to_base64(ByteView(std::string_view(e2e::read_text(path))));
}

// What the first device sends as evidence, in three pieces.
struct Bundle {
  Bytes bytes;
  Sha256 digest;
};
const Bundle& evidence() {
  static const Bundle bundle = [] {
    const auto text = e2e::noise(20000, 4);
    host::BulkDigest digest;
    digest.update(ByteView(std::string_view(text)));
    return Bundle{Bytes(text.begin(), text.end()), digest.finish()};
  }();
  return bundle;
}
constexpr std::size_t piece_len = 8000;

// What the audit record calls a command that was done.
const std::map<std::string, std::string>& audit_words() {
  static const std::map<std::string, std::string> words = {{"publishRelease", "release.published"},
                                                           {"startRollout", "rollout.started"},
                                                           {"approveRollout", "wave.approved"},
                                                           {"abortRollout", "rollout.aborted"},
                                                           {"giveOrder", "order.given"}};
  return words;
}

}  // namespace

void BrokerWorld::SetUp() {
  open();
  broker().stop();
  for (const std::string version : {"1", "2"}) {
    build_release({.name = "m", .version = version, .model_txt = "good " + version, .probes = ""});
  }
  devices_.resize(2);
  devices_[0].name = "gw-0";
  devices_[1].name = "gw-1";
  stories_ = {{"first", "m-1", "m@1", false, folder_.make_folder("nothing"), folder_.file("first-end"), {}, {}},
              {"second", "m-2", "m@2", true, folder_.file("first-end"), folder_.file("second-end"), {}, {}}};
  for (auto& story : stories_) {
    if (!HasFailure()) record(story);
  }
}

void BrokerWorld::put_disk(const std::string& folder) {
  hang_up();
  broker().kill_hard();
  copy_folder(folder, data_dir());
}

void BrokerWorld::put_back(const Story& story) {
  put_disk(story.start);
  seen_ = {};
  if (story.fails) {
    seen_ = stories_[0].marks.back().second;
    devices_.clear();
    for (const auto& device : devices_after_first_)
      devices_.push_back(
          {device.name, nullptr, device.boot_id, device.seq, device.epoch, device.active, device.attempt});
    return;
  }
  for (auto& device : devices_) device = {device.name, nullptr, 1, 0, 0, {}, 0};
}

void BrokerWorld::hang_up() {
  operator_.reset();
  for (auto& device : devices_) device.session.reset();
}

void BrokerWorld::record(Story& story) {
  trace_ = folder_.file(story.name + ".trace");
  put_back(story);
  marks_ = &story.marks;
  broker().set_environment(recorded(data_dir(), trace_));
  ASSERT_TRUE(broker().start());
  ASSERT_TRUE(play(story)) << "without any fault\n" << broker().log();
  mark();
  marks_ = nullptr;
  ASSERT_EQ(end_broker(), 0);
  story.operations = read_trace(trace_);
  const History history(story.start, story.operations);
  history.lay_out(history.length(), Kept::everything, 0, story.end);
  EXPECT_EQ(difference(story.end, data_dir()), "") << story.name << ": the recorder missed a call";
  if (story.fails) return;
  hang_up();
  devices_after_first_.clear();
  for (const auto& device : devices_)
    devices_after_first_.push_back(
        {device.name, nullptr, device.boot_id, device.seq, device.epoch, device.active, device.attempt});
}

int BrokerWorld::end_broker() {
  hang_up();
  broker().ask_to_stop();
  return broker().wait_exit(10s).value_or(-1);
}

void BrokerWorld::mark() {
  if (marks_ != nullptr) marks_->emplace_back(std::filesystem::file_size(trace_), seen_);
}

bool BrokerWorld::connect_all() {
  const auto join = [&](std::unique_ptr<e2e::Session>& session, const std::string& stem) {
    if (session && session->connected()) return true;
    session = std::make_unique<e2e::Session>(broker().port(), keys_.ca(), stem);
    if (&session == &operator_) return session->connect_refused().empty();
    return connect_beside(*operator_, *session);
  };
  if (!join(operator_, keys_.operator_("ops"))) return false;
  for (auto& device : devices_) {
    if (device.session && device.session->connected()) continue;
    if (!join(device.session, keys_.device(device.name))) return false;
    if (!device.session->subscribe(assignment_topic(device.name))) return false;
    report(device);
  }
  return true;
}

bool BrokerWorld::connect_beside(e2e::Session& awake, e2e::Session& fresh) {
  auto connected = std::async(std::launch::async, [&] { return fresh.connect_refused().empty(); });
  const std::string question = json{{"commands", {{{"command", "listReleases"}}}}}.dump();
  do {
    static_cast<void>(awake.publish(std::string(control_topic), ByteView(std::string_view(question))));
  } while (connected.wait_for(2ms) != std::future_status::ready);
  awake.forget();
  return connected.get();
}

void BrokerWorld::report(Device& device) {
  const auto topic = "muster/v1/device/" + device.name + "/state";
  const auto state = device.attempt == rolled_back ? device_rolled_back : std::uint8_t{0};
  static_cast<void>(device.session->publish(topic,
                                            e2e::state_report({.device = device.name,
                                                               .boot_id = device.boot_id,
                                                               .seq = ++device.seq,
                                                               .active_model = device.active,
                                                               .attempt_epoch = device.epoch,
                                                               .attempt_state = device.attempt,
                                                               .device_state = state}),
                                            true));
}

json BrokerWorld::ask(const std::string& command, json fields) {
  const std::string correlation = "c" + std::to_string(++correlation_);
  fields["command"] = command;
  fields["correlationData"] = correlation;
  const std::string text = json{{"commands", {fields}}}.dump();
  json response = json::object();
  if (operator_->publish(std::string(control_topic), ByteView(std::string_view(text))) < 0) return response;
  static_cast<void>(e2e::eventually(
      10s,
      [&] {
        for (const auto& message : operator_->received(std::string(control_response_topic))) {
          const auto body = json::parse(ByteView(message.payload).text(), nullptr, false);
          if (!body.is_object()) continue;
          for (const auto& one : body.value("responses", json::array())) {
            if (one.value("correlationData", "") == correlation) response = one;
          }
        }
        return !response.empty() || !broker().running();
      },
      1ms));
  operator_->forget();
  return response;
}

void BrokerWorld::order(const std::string& command, const json& fields, const std::string& subject) {
  seen_.asked.insert(command + " " + subject);
  const auto response = ask(command, fields);
  if (!response.contains("data")) {
    EXPECT_TRUE(!broker().running() || response.value("kind", "") == "exists") << command << ": " << response.dump();
    return;
  }
  seen_.done.insert(command + " " + subject);
  mark();
}

// A device takes what is newer than what it has, and says at once how it went.
void BrokerWorld::look_at_assignments(const Story& story) {
  for (auto& device : devices_) {
    for (const auto& message : device.session->received(assignment_topic(device.name))) {
      const auto given = e2e::read_assignment(message.payload);
      EXPECT_TRUE(given.valid);
      auto& known = seen_.assignments[device.name];
      EXPECT_GE(given.epoch, known.epoch) << device.name << ": an epoch went back";
      if (given.epoch == known.epoch) {
        EXPECT_EQ(to_hex(ByteView(message.payload)), known.envelope)
            << device.name << ": the same epoch with other bytes";
      }
      if (given.epoch <= known.epoch) continue;
      known = {given.epoch, to_hex(ByteView(message.payload))};
      const auto manifest = given.manifests.empty() ? Sha256{} : given.manifests.front();
      auto& epochs = seen_.epochs[device.name + " " + given.rollout + " " + to_hex(manifest)];
      epochs.insert(given.epoch);
      EXPECT_EQ(epochs.size(), 1u) << device.name << " was assigned anew by " << given.rollout << " without a reason";
      // What it runs already it is given only when the rollout is taken back.
      const bool back = manifest == device.active;
      EXPECT_EQ(back ? seen_.asked.count("abortRollout " + given.rollout) : 1u, 1u) << device.name << " was taken back";
      mark();
      const bool bad = story.fails && device.name == devices_.back().name && !back;
      device.epoch = given.epoch;
      device.attempt = bad ? rolled_back : committed;
      if (!bad) device.active = manifest;
      report(device);
    }
    device.session->forget();
  }
}

// The release's blobs and then itself; true when there was something to do.
bool BrokerWorld::step_release(const Story& story) {
  const auto releases = ask("listReleases", json::object());
  if (!releases.contains("data")) return true;
  for (const auto& release : releases["data"]["releases"]) {
    if (release.value("name", "") + "@" + release.value("version", "") == story.release) return false;
  }
  for (const auto& file : e2e::files_below(release_folder(story.release) + "/files")) {
    const auto digest = std::filesystem::path(file).filename().string();
    const auto begun = ask("beginBlob", {{"digest", digest}, {"size", e2e::size_of(file)}});
    if (!begun.contains("data")) return true;
    if (begun["data"].value("offset", 0UL) < e2e::size_of(file)) {
      const auto offset = begun["data"].value("offset", 0UL);
      const auto rest = e2e::read_text(file).substr(offset);
      static_cast<void>(
          ask("putBlob",
              {{"digest", digest}, {"offset", offset}, {"data", host::to_base64(ByteView(std::string_view(rest)))}}));
    }
    order("endBlob", {{"digest", digest}}, digest);
  }
  order("publishRelease",
        {{"envelope", base64_of(release_folder(story.release) + "/" + std::string(manifest_file_name))}},
        story.release);
  return true;
}

bool BrokerWorld::step(const Story& story) {
  look_at_assignments(story);
  const auto rollout = ask("getRollout", {{"rollout", story.rollout}});
  if (rollout.empty()) return true;
  if (!rollout.contains("data")) {
    if (step_release(story)) return true;
    const std::string waves = story.fails ? "[{ name: all, percent: 100, soak: 0s }]"
                                          : "[{ name: canary, percent: 50, gate: manual, soak: 0s }, { name: all, "
                                            "percent: 100, soak: 0s }]";
    order("startRollout",
          {{"rule", e2e::rule(story.rollout, "{ model: " + story.release + " }", waves)}, {"file", "rule.yaml"}},
          story.rollout);
    return true;
  }
  const auto state = rollout["data"].value("state", "");
  if (state == "awaiting_approval") order("approveRollout", {{"rollout", story.rollout}}, story.rollout);
  if (state == "halted") order("abortRollout", {{"rollout", story.rollout}, {"mode", "keep"}}, story.rollout);
  if (state != (story.fails ? "aborted" : "completed")) return true;
  if (!story.fails && seen_.evidence < evidence().bytes.size()) {
    send_evidence(seen_.evidence);
    mark();
    return true;
  }
  if (story.fails && seen_.done.count("giveOrder group/region=eu") == 0) {
    order("giveOrder", {{"scope", "group/region=eu"}, {"order", "safe_mode"}}, "group/region=eu");
    return true;
  }
  // Whoever was not done when it was aborted is given its earlier release.
  return story.fails && devices_.back().attempt != committed;
}

void BrokerWorld::send_evidence(std::uint64_t& acked) {
  auto& device = devices_.front();
  const auto topic = "muster/v1/device/" + device.name + "/";
  const auto& [bytes, digest] = evidence();
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(acked);
  const auto length = std::min<std::uint64_t>(piece_len, bytes.size() - acked);
  const auto heard = device.session->received_count(topic + "ack");
  const auto piece = e2e::evidence_chunk(
      {device.name, digest, acked, bytes.size(), Bytes(begin, begin + static_cast<std::ptrdiff_t>(length))});
  if (device.session->publish(topic + "evidence", piece) < 0) return;
  const bool answered = e2e::eventually(
      10s, [&] { return device.session->received_count(topic + "ack") > heard || !broker().running(); }, 1ms);
  EXPECT_TRUE(answered) << "no acknowledgement of evidence";
  if (device.session->received_count(topic + "ack") <= heard) return;
  const auto ack = e2e::read_ack(device.session->received(topic + "ack").back().payload);
  EXPECT_TRUE(ack.valid && ack.bundle == digest);
  EXPECT_GE(ack.offset, acked) << "evidence that was acknowledged is lost";
  acked = std::max(acked, ack.offset);
}

bool BrokerWorld::play(const Story& story) {
  bool over = false;
  const bool ended = e2e::eventually(
      20s,
      [&] {
        if (!broker().running()) return true;
        over = connect_all() && !step(story) && broker().running();
        return over;
      },
      1ms);
  EXPECT_TRUE(ended) << "the story " << story.name
                     << " does not go on: " << ask("getRollout", {{"rollout", story.rollout}}).dump();
  return over;
}

void BrokerWorld::expect_remembered(const Seen& what) {
  expect_audit_intact();
  ASSERT_TRUE(e2e::eventually(
      5s, [&] { return connect_all(); }, 1ms))
      << broker().log();
  std::multiset<std::string> record;
  const auto entries = ask("listAudit", {{"limit", 500}});
  ASSERT_TRUE(entries.contains("data")) << entries.dump();
  for (const auto& entry : entries["data"]["entries"]) record.insert(entry.value("what", ""));
  std::map<std::string, std::size_t> wanted;
  for (const auto& done : what.done) {
    const auto word = audit_words().find(done.substr(0, done.find(' ')));
    if (word != audit_words().end()) ++wanted[word->second];
  }
  for (const auto& [word, count] : wanted)
    EXPECT_GE(record.count(word), count) << word << " is not in the audit record";
  for (const auto& done : what.done) {
    const auto subject = done.substr(done.find(' ') + 1);
    if (done.rfind("publishRelease", 0) == 0) {
      EXPECT_TRUE(ask("getRelease", {{"release", subject}}).contains("data")) << done << " was answered, and is lost";
    }
    if (done.rfind("startRollout", 0) == 0) {
      EXPECT_TRUE(ask("getRollout", {{"rollout", subject}}).contains("data")) << done << " was answered, and is lost";
    }
    if (done.rfind("endBlob", 0) == 0) {
      const auto path = data_dir() + "/blobs/" + subject.substr(0, 2) + "/" + subject;
      EXPECT_TRUE(e2e::exists(path)) << "a stored file is lost: " << subject;
    }
  }
  if (what.evidence > 0) {
    // The device has no more than the rest of it. The digest, which is looked at when all is there, speaks for the
    // beginning.
    auto acked = what.evidence;
    if (acked == evidence().bytes.size()) --acked;  // repeats the end, which is acknowledged again
    while (acked < evidence().bytes.size() && !HasFailure()) send_evidence(acked);
    if (what.evidence == evidence().bytes.size()) {
      EXPECT_EQ(record.count("evidence.received"), 1u) << "it was acknowledged as complete";
    }
  }
  for (auto& device : devices_) {
    const auto known = what.assignments.find(device.name);
    if (known == what.assignments.end() || known->second.epoch == 0) continue;
    const auto again = device.session->wait_for(assignment_topic(device.name), 5s);
    ASSERT_TRUE(again.has_value()) << device.name << " had seen an assignment that is gone";
    const auto given = e2e::read_assignment(again->payload);
    EXPECT_GE(given.epoch, known->second.epoch) << device.name << ": an epoch went back";
    if (given.epoch == known->second.epoch) {
      EXPECT_EQ(to_hex(ByteView(again->payload)), known->second.envelope) << device.name << ": other bytes than it saw";
    }
  }
}

}  // namespace muster::crash
