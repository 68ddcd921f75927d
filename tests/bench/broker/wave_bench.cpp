// How fast a wave opens: from the command that approves it until a subscriber has the last signed, durable, retained
// assignment; beside publishing the same bytes on the same topics, retained, to the same broker without the plugin,
// with the same subscriber. The fleet is made once; each round starts both brokers anew, the one with the plugin on a
// copy of that fleet's data.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "schemas/topics.h"
#include "tests/bench/broker/bench_broker.h"
#include "tests/bench/broker/fleet.h"
#include "tests/bench/broker/operator_client.h"
#include "tests/bench/lib/client.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"
#include "tests/bench/lib/publisher.h"
#include "tests/e2e/harness/messages.h"

namespace {

using namespace muster::bench;
using namespace std::chrono_literals;
using muster::TopicKind;

constexpr double least_share = 0.5;
constexpr auto patience = 60s;
const std::string canary = "canary-1";
const std::string rollout = "wave";
const std::string assignments = "muster/v1/device/+/assignment";

std::string topic_of(TopicKind kind, const std::string& name) {
  return std::string(muster::format_topic({kind, name}).view());
}

std::string device_name(std::size_t i) {
  return "gateway-" + std::to_string(100'000'000 + i);
}

Introduction introduction(std::size_t i) {
  muster::e2e::Report report;
  report.device = device_name(i);
  report.region = i % 2 == 0 ? "eu" : "us";
  return {report.device, topic_of(TopicKind::device_state, report.device), muster::e2e::state_report(report)};
}

// The first wave is one device, so that the second one waits for an approval.
void let_canary_commit(std::uint16_t port) {
  muster::e2e::Report report;
  report.device = canary;
  report.region = "canary";
  Client device(port, canary, canary);
  const auto topic = topic_of(TopicKind::device_state, canary);
  device.subscribe(topic_of(TopicKind::device_assignment, canary), 1);
  device.publish(topic, muster::ByteView(muster::e2e::state_report(report)), true);
  OperatorClient ops(port);
  ops.command("startRollout",
              {{"file", "wave.yaml"},
               {"rule", "rollout: " + rollout +
                            "\nseed: 7\ntargets: 'true'\nversions: { model: m@1 }\nwaves:\n"
                            "  - { name: first, ring: 'device.region == \"canary\"', gate: manual }\n"
                            "  - { name: all, percent: 100 }\nunreachable_after: 1h\nattempt_timeout: 24h\n"}});
  const bool assigned = device.receive(patience, [&](const mqtt::Publish& message) {
    const auto seen = muster::e2e::read_assignment({message.payload.begin(), message.payload.end()});
    if (!seen.valid || seen.manifests.size() != 1) break_off("the canary got something that is no assignment");
    report.active_model = seen.manifests[0];
    report.attempt_epoch = seen.epoch;
    return false;
  });
  if (!assigned) break_off("the canary got no assignment");
  report.seq = 2;
  report.attempt_state = 7;  // committed
  device.publish(topic, muster::ByteView(muster::e2e::state_report(report)), true);
  device.settle();
  ops.wait_for(rollout, "state", "awaiting_approval");
}

// A stopped broker's data: a fleet whose rollout waits for the approval of its large wave.
std::string make_fleet(const BenchKeys& keys, const muster::e2e::Folder& folder, std::size_t devices) {
  const auto data = folder.file("fleet-" + std::to_string(devices));
  BenchBroker broker(BenchBroker::Kind::with_plugin, keys, data);
  broker.publish_release("m", "1");
  const auto start = Clock::now();
  introduce(broker.port(), devices, introduction);
  std::fprintf(stderr, "%zu devices introduced themselves in %.1f s\n", devices, seconds_since(start));
  let_canary_commit(broker.port());
  OperatorClient ops(broker.port());
  const auto targets = ops.command("getRollout", {{"rollout", rollout}}).value("targets", std::size_t{0});
  if (targets != devices + 1) break_off("the rollout has %zu targets, not %zu", targets, devices + 1);
  broker.stop();
  return data;
}

struct Opened {
  double seconds = 0, peak_memory_mib = 0;
  std::vector<Message> messages;
};

// Reads `count` assignments, the retained ones of earlier left out, on its own thread.
class Subscriber {
 public:
  Subscriber(std::uint16_t port, std::size_t count) : client_(port, "bench-observer", "observer"), count_(count) {
    client_.subscribe(assignments, 1);
    messages_.reserve(count);
    thread_ = std::thread([this] { read(); });
  }
  // When the last one came, and all of them.
  Clock::time_point wait(std::vector<Message>& messages) {
    thread_.join();
    messages = std::move(messages_);
    return last_;
  }

 private:
  void read() {
    const bool all = client_.receive(patience, [this](const mqtt::Publish& message) {
      if (message.retain) return true;
      messages_.push_back({std::string(message.topic), {message.payload.begin(), message.payload.end()}});
      return messages_.size() < count_;
    });
    last_ = Clock::now();
    if (!all) break_off("only %zu of %zu assignments came", messages_.size(), count_);
  }
  Client client_;
  std::size_t count_;
  std::vector<Message> messages_;
  Clock::time_point last_;
  std::thread thread_;
};

Opened open_wave(const BenchKeys& keys, const std::string& fleet, std::size_t devices) {
  const muster::e2e::Folder folder;
  const auto data = folder.file("data");
  std::filesystem::copy(fleet, data, std::filesystem::copy_options::recursive);
  BenchBroker broker(BenchBroker::Kind::with_plugin, keys, data);
  OperatorClient ops(broker.port());
  Subscriber subscriber(broker.port(), devices);
  const auto start = Clock::now();
  ops.command("approveRollout", {{"rollout", rollout}});
  Opened opened;
  opened.seconds = std::chrono::duration<double>(subscriber.wait(opened.messages) - start).count();
  opened.peak_memory_mib = broker.peak_memory_mib();
  return opened;
}

Opened publish_raw(const BenchKeys& keys, const std::vector<Message>& messages) {
  BenchBroker broker(BenchBroker::Kind::bare, keys);
  Subscriber subscriber(broker.port(), messages.size());
  Publisher publisher(broker.port(), "bench-publisher");
  const auto start = Clock::now();
  publisher.publish_retained(messages);
  Opened opened;
  opened.seconds = std::chrono::duration<double>(subscriber.wait(opened.messages) - start).count();
  opened.peak_memory_mib = broker.peak_memory_mib();
  return opened;
}

void measure_wave(const BenchKeys& keys, std::size_t devices, const Options& options) {
  const muster::e2e::Folder folder;
  const auto fleet = make_fleet(keys, folder, devices);
  const auto variant = std::to_string(devices) + " devices";
  const std::string peer = "raw retained publishing of the same bytes";
  Measure rate{"opening a wave", variant, "msg/s", peer, {}, {}, {BudgetKind::ratio_min, least_share}, {}};
  rate.note = "from the approve command to the last signed, durable, retained assignment at a QoS 1 subscriber";
  Measure memory{"opening a wave, peak memory of the broker", variant, "MiB", peer, {}, {}, {}, "VmHWM of mosquitto"};
  // The bytes that the peer publishes: what the plugin published before the first round.
  auto reference = open_wave(keys, fleet, devices);
  static_cast<void>(publish_raw(keys, reference.messages));
  for (int round = 0; round < options.rounds; ++round) {
    const bool ours_first = round % 2 == 0;
    Opened theirs, ours;
    if (!ours_first) theirs = publish_raw(keys, reference.messages);
    ours = open_wave(keys, fleet, devices);
    if (ours_first) theirs = publish_raw(keys, reference.messages);
    const auto count = static_cast<double>(devices);
    rate.add(count / ours.seconds, count / theirs.seconds);
    memory.add(ours.peak_memory_mib, theirs.peak_memory_mib);
    std::fprintf(stderr, "round %d, %zu devices: %.3f s, raw %.3f s, ratio %.3f; %.0f and %.0f MiB\n", round + 1,
                 devices, ours.seconds, theirs.seconds, theirs.seconds / ours.seconds, ours.peak_memory_mib,
                 theirs.peak_memory_mib);
  }
  print(rate);
  print(memory);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  const BenchKeys keys;
  const std::vector<std::size_t> sizes =
      options.quick ? std::vector<std::size_t>{2'000} : std::vector<std::size_t>{20'000, 100'000};
  for (const auto devices : sizes) measure_wave(keys, devices, options);
  return 0;
}
