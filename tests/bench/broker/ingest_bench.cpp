// How many health summaries a second the broker takes with the plugin, beside the same broker without it: same clients,
// same topics, same bytes, same windows. Each round alternates short slices of both, so that what the machine does
// meanwhile meets both.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "schemas/topics.h"
#include "tests/bench/broker/bench_broker.h"
#include "tests/bench/broker/payloads.h"
#include "tests/bench/lib/client.h"
#include "tests/bench/lib/load.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"

namespace {

using namespace muster::bench;
using namespace std::chrono_literals;

constexpr std::size_t clients = 100;
constexpr std::size_t window = 20;
constexpr double least_share = 0.95;

struct Slices {
  int count;
  std::chrono::milliseconds length;
};

// One broker under load: what its slices of a round came to.
class Side {
 public:
  Side(BenchBroker::Kind kind, const BenchKeys& keys, const std::vector<Sender>& senders)
      : broker_(kind, keys), load_(broker_.port(), senders, window) {}

  void run(std::chrono::milliseconds time) {
    const double cpu_before_s = broker_.cpu_seconds();
    const auto result = load_.run(time);
    cpu_s_ += broker_.cpu_seconds() - cpu_before_s;
    seconds_ += result.seconds;
    acknowledged_ += result.acknowledged;
    ever_ += result.acknowledged;
  }
  void forget() { cpu_s_ = seconds_ = 0, acknowledged_ = 0; }

  [[nodiscard]] double per_second() const { return static_cast<double>(acknowledged_) / seconds_; }
  [[nodiscard]] double cpu_us() const { return cpu_s_ * 1e6 / static_cast<double>(acknowledged_); }
  [[nodiscard]] std::uint64_t ever() const { return ever_; }
  [[nodiscard]] std::uint16_t port() const { return broker_.port(); }

 private:
  BenchBroker broker_;
  Load load_;
  double cpu_s_ = 0, seconds_ = 0;
  std::uint64_t acknowledged_ = 0, ever_ = 0;
};

// What the plugin itself says it took: an acknowledgement alone does not tell a message from a refused one.
void check_all_taken(std::uint16_t port, std::uint64_t acknowledged) {
  Client operator_client(port, "bench-ops", "ops");
  operator_client.subscribe(muster::control_response_topic, 1);
  const auto response = nlohmann::json::parse(operator_client.control(R"({"command": "getMetrics"})"), nullptr, false);
  const auto metrics = response["responses"][0].value("data", nlohmann::json::object());
  const auto taken = metrics.value("messages", nlohmann::json::object()).value("health", std::uint64_t{0});
  const auto refused = metrics.value("refused", nlohmann::json::object());
  if (taken < acknowledged || !refused.empty())
    break_off("the plugin took %llu of %llu health summaries and refused %s", static_cast<unsigned long long>(taken),
              static_cast<unsigned long long>(acknowledged), refused.dump().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  const Slices slices = options.quick ? Slices{2, 300ms} : Slices{6, 500ms};
  const BenchKeys keys;
  const auto senders = health_senders(clients);
  Side ours(BenchBroker::Kind::with_plugin, keys, senders);
  Side bare(BenchBroker::Kind::bare, keys, senders);
  ours.run(slices.length);
  bare.run(slices.length);

  const std::string variant = "100 clients, QoS 1", peer = "Mosquitto without the plugin";
  Measure rate{"health ingest", variant, "msg/s", peer, {}, {}, {BudgetKind::ratio_min, least_share}, {}};
  rate.note =
      "window 20 a client, full HealthSummary of " + std::to_string(senders[0].payload.size()) + " B, plain TCP";
  Measure cpu{"health ingest, CPU of the broker",
              variant,
              "µs",
              peer,
              {},
              {},
              {},
              "of one message, all threads, kernel included"};
  for (int round = 0; round < options.rounds; ++round) {
    ours.forget();
    bare.forget();
    for (int slice = 0; slice < slices.count; ++slice) {
      const bool ours_first = (round + slice) % 2 == 0;
      (ours_first ? ours : bare).run(slices.length);
      (ours_first ? bare : ours).run(slices.length);
    }
    rate.add(ours.per_second(), bare.per_second());
    cpu.add(ours.cpu_us(), bare.cpu_us());
    std::fprintf(stderr, "round %d: %.0f msg/s with the plugin, %.0f without, ratio %.3f; CPU %.2f and %.2f µs\n",
                 round + 1, ours.per_second(), bare.per_second(), ours.per_second() / bare.per_second(), ours.cpu_us(),
                 bare.cpu_us());
  }
  check_all_taken(ours.port(), ours.ever());
  print(rate);
  print(cpu);
  return 0;
}
