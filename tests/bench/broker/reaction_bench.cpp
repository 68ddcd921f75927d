// From a device's failing report to the hold that another client sees: the device publishes a state report whose
// attempt has failed, an observer receives the rollout's retained status with the state "halted". In between the plugin
// has decided, made the decision durable and published it. Beside it the same report, published through the same broker
// without the plugin, to an observer that subscribed to it. Both idle and while 100 clients send 50 000 health
// summaries a second.
//
// Every sample is a real halt: the failure of one device, acknowledged afterwards by an operator, so that the next
// device's halts again.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "schemas/topics.h"
#include "tests/bench/broker/bench_broker.h"
#include "tests/bench/broker/fleet.h"
#include "tests/bench/broker/operator_client.h"
#include "tests/bench/broker/payloads.h"
#include "tests/bench/lib/client.h"
#include "tests/bench/lib/load.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"
#include "tests/bench/lib/statistics.h"
#include "tests/e2e/harness/messages.h"

namespace {

using namespace muster::bench;
using namespace std::chrono_literals;
using muster::ByteView;
using muster::TopicKind;

constexpr double p99_ms_max = 10;
constexpr double load_per_second = 50'000;
constexpr std::size_t load_clients = 100;
constexpr std::size_t load_window = 100;
constexpr auto patience = 20s;
constexpr std::uint8_t attempt_failed = 9;

std::string topic_of(TopicKind kind, const std::string& name) {
  return std::string(muster::format_topic({kind, name}).view());
}

double ms_since(Clock::time_point start) {
  return seconds_since(start) * 1e3;
}

// One rollout over devices that fail one after the other.
class Halts {
 public:
  Halts(std::uint16_t port, const std::string& name, std::size_t samples)
      : port_(port), name_(name), ops_(port, "ops-" + name), observer_(port, "observer-" + name, "observer") {
    observer_.subscribe(topic_of(TopicKind::rollout, name), 1);
    // One more than will fail: the rollout has to go on after each acknowledgement.
    introduce(port, samples + 1, [&](std::size_t i) {
      const auto report = report_of(i);
      return Introduction{report.device, topic_of(TopicKind::device_state, report.device),
                          muster::e2e::state_report(report)};
    });
    ops_.client().subscribe("muster/v1/device/+/assignment", 1);
    ops_.command("startRollout", {{"file", name + ".yaml"},
                                  {"rule", "rollout: " + name + "\ntargets: 'device.region == \"" + name +
                                               "\"'\nversions: { model: m@1 }\nwaves: [{ name: all, percent: 100 }]\n" +
                                               "unreachable_after: 24h\nattempt_timeout: 24h\n"}});
    ops_.wait_for(name, "reached", samples + 1);
    wait_for_state("running");
  }
  ~Halts() { ops_.command("abortRollout", {{"rollout", name_}, {"mode", "keep"}}); }
  Halts(const Halts&) = delete;
  Halts& operator=(const Halts&) = delete;

  // The report that device `i` fails with.
  [[nodiscard]] muster::e2e::Report failing(std::size_t i) const {
    auto report = report_of(i);
    report.seq = 2;
    report.attempt_epoch = 1;  // its first assignment
    report.attempt_state = attempt_failed;
    return report;
  }

  double sample_ms(std::size_t i) {
    const auto report = failing(i);
    const auto payload = muster::e2e::state_report(report);
    const auto topic = topic_of(TopicKind::device_state, report.device);
    Client device(port_, report.device, report.device);
    const auto start = Clock::now();
    device.publish(topic, ByteView(payload), true);
    wait_for_state("halted");
    const double taken_ms = ms_since(start);
    ops_.command("resumeRollout", {{"rollout", name_}, {"acknowledgeFailures", true}, {"reason", "measured"}});
    wait_for_state("running");
    return taken_ms;
  }

 private:
  [[nodiscard]] muster::e2e::Report report_of(std::size_t i) const {
    muster::e2e::Report report;
    report.device = name_ + "-" + std::to_string(i);
    report.region = name_;
    return report;
  }

  void wait_for_state(const std::string& state) {
    const auto wanted = "\"state\":\"" + state + "\"";
    const bool came = observer_.receive(patience, [&](const mqtt::Publish& message) {
      return message.payload.text().find(wanted) == std::string_view::npos;
    });
    if (!came) break_off("the observer never saw rollout %s %s", name_.c_str(), state.c_str());
  }

  std::uint16_t port_;
  std::string name_;
  OperatorClient ops_;
  Client observer_;
};

// The same report from a device to an observer through a broker that only forwards.
class RoundTrips {
 public:
  explicit RoundTrips(std::uint16_t port) : port_(port), observer_(port, "observer", "observer") {
    observer_.subscribe("muster/v1/device/+/state", 1);
  }

  double sample_ms(const muster::e2e::Report& report) {
    const auto payload = muster::e2e::state_report(report);
    const auto topic = topic_of(TopicKind::device_state, report.device);
    Client device(port_, report.device, report.device);
    const auto start = Clock::now();
    device.publish(topic, ByteView(payload), true);
    const bool came = observer_.receive(patience, [&](const mqtt::Publish& message) { return message.topic != topic; });
    if (!came) break_off("the observer never got the report of %s", report.device.c_str());
    return ms_since(start);
  }

 private:
  std::uint16_t port_;
  Client observer_;
};

struct Setting {
  std::string variant, short_name;
  bool loaded;
  Measure p99, p50;
};

Setting setting(const std::string& variant, const std::string& short_name, bool loaded) {
  const std::string peer = "publish round trip without the plugin";
  return {variant,
          short_name,
          loaded,
          {"failing report to visible hold, p99", variant, "ms", peer, {}, {}, {BudgetKind::ours_max, p99_ms_max}, {}},
          {"failing report to visible hold, p50", variant, "ms", peer, {}, {}, {}, {}}};
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : samples_(options.quick ? 30 : 500),
        with_plugin_(BenchBroker::Kind::with_plugin, keys_),
        bare_(BenchBroker::Kind::bare, keys_) {
    with_plugin_.publish_release("m", "1");
  }

  void round(Setting& setting, int number) {
    const auto name = setting.short_name + std::to_string(number);
    Halts halts(with_plugin_.port(), name, samples_);
    RoundTrips round_trips(bare_.port());
    std::vector<double> ours, theirs;
    const auto measure_ours = [&] {
      under_load(setting, with_plugin_.port(), ours_load_, [&](std::size_t i) { ours.push_back(halts.sample_ms(i)); });
    };
    const auto measure_peer = [&] {
      under_load(setting, bare_.port(), peer_load_,
                 [&](std::size_t i) { theirs.push_back(round_trips.sample_ms(halts.failing(i))); });
    };
    if (number % 2 == 0) measure_ours();
    measure_peer();
    if (number % 2 != 0) measure_ours();
    if (number == 0) return;  // the warm-up
    setting.p99.add(quantile(ours, 0.99), quantile(theirs, 0.99));
    setting.p50.add(quantile(ours, 0.5), quantile(theirs, 0.5));
    std::fprintf(stderr, "round %d, %s: hold p50 %.2f p99 %.2f max %.2f ms; round trip p50 %.2f p99 %.2f ms\n", number,
                 setting.variant.c_str(), quantile(ours, 0.5), quantile(ours, 0.99), quantile(ours, 1),
                 quantile(theirs, 0.5), quantile(theirs, 0.99));
  }

  // What the load came to, for the note.
  [[nodiscard]] std::string note(const Setting& setting) const {
    auto text = std::to_string(samples_) + " samples a round";
    if (!setting.loaded) return text;
    return text + "; health summaries really taken: " + std::to_string(static_cast<long>(median(ours_load_))) +
           " /s, without the plugin " + std::to_string(static_cast<long>(median(peer_load_))) + " /s";
  }

 private:
  template <typename Sample>
  void under_load(const Setting& setting, std::uint16_t port, std::vector<double>& rates, Sample sample) {
    std::optional<Load> load;
    if (setting.loaded) {
      // Other devices each time: the numbers of their summaries begin at 1, and the plugin refuses what is older than
      // it has.
      load.emplace(port, health_senders(load_clients, "load" + std::to_string(++loads_) + "-"), load_window);
      load->start(load_per_second);
    }
    for (std::size_t i = 0; i < samples_; ++i) sample(i);
    if (load) rates.push_back(load->stop().per_second());
  }

  std::size_t samples_;
  BenchKeys keys_;
  BenchBroker with_plugin_, bare_;
  std::vector<double> ours_load_, peer_load_;
  int loads_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  Bench bench(options);
  auto idle = setting("idle", "idle", false);
  auto loaded = setting("while 50 000 health summaries a second come in", "load", true);
  for (int round = 0; round <= options.rounds; ++round) {
    bench.round(idle, round);
    bench.round(loaded, round);
  }
  for (auto* one : {&idle, &loaded}) {
    one->p99.note = one->p50.note = bench.note(*one);
    print(one->p99);
    print(one->p50);
  }
  return 0;
}
