// One health summary of 15 fields (three short strings, eleven whole numbers, one double: the message that shared
// measurements of other formats used): building it, and what the broker does with it: verify every bound, then read all
// fields.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "schemas/health_summary_generated.h"
#include "schemas/wire.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Keeps the compiler from leaving out what it computes.
void keep(std::uint64_t value) {
  asm volatile("" : : "r"(value) : "memory");
}

void build(flatbuffers::FlatBufferBuilder& builder, std::uint64_t seq) {
  builder.Clear();
  const auto device = builder.CreateString("gw-0017");
  const auto config = builder.CreateString("sorter@14");
  const auto runtime = builder.CreateString("rknn-1.6.0");
  wire::HealthSummaryBuilder summary(builder);
  summary.add_device_id(device);
  summary.add_config_version(config);
  summary.add_runtime_version(runtime);
  summary.add_seq(seq);
  summary.add_boot_id(1763731200);
  summary.add_window_start_s(1763731260);
  summary.add_window_s(60);
  summary.add_state(wire::DeviceState::degraded);
  summary.add_thermal(wire::ThermalState::fair);
  summary.add_dropped_frames(3);
  summary.add_error_code(wire::ErrorCode::probe_failed);
  summary.add_inferences(1812);
  summary.add_crash_count(1);
  summary.add_disk_free_mb(8120);
  summary.add_p95_ms(21.5);
  wire::FinishHealthSummaryBuffer(builder, summary.Finish());
}

// Every field that build() sets, once.
std::uint64_t read(const wire::HealthSummary& summary) {
  std::uint64_t sum =
      summary.device_id()->size() + summary.config_version()->size() + summary.runtime_version()->size();
  sum += summary.seq() + summary.boot_id() + summary.window_start_s() + summary.window_s();
  sum += static_cast<std::uint64_t>(summary.state()) + static_cast<std::uint64_t>(summary.thermal()) +
         static_cast<std::uint64_t>(summary.error_code());
  sum += static_cast<std::uint64_t>(summary.dropped_frames()) + summary.inferences() + summary.crash_count() +
         static_cast<std::uint64_t>(summary.disk_free_mb());
  std::uint64_t p95 = 0;
  const double value = summary.p95_ms();
  std::memcpy(&p95, &value, sizeof p95);
  return sum + p95;
}

template <typename Work>
double ns_each(std::uint64_t times, Work work) {
  const auto before = Clock::now();
  for (std::uint64_t i = 0; i < times; ++i) work(i);
  return std::chrono::duration<double, std::nano>(Clock::now() - before).count() / static_cast<double>(times);
}

struct Bench {
  std::uint64_t times;
  flatbuffers::FlatBufferBuilder builder{1024};

  double building() {
    return ns_each(times, [&](std::uint64_t i) {
      build(builder, i);
      keep(builder.GetSize());
    });
  }
  double verifying_and_reading() {
    build(builder, 7);
    const ByteView bytes(builder.GetBufferPointer(), builder.GetSize());
    return ns_each(times, [&](std::uint64_t) {
      const wire::HealthSummary* summary = nullptr;
      keep(reinterpret_cast<std::uintptr_t>(bytes.data()));
      if (verify(bytes, summary) != WireFault::none) break_off("the summary that was built is refused");
      keep(read(*summary));
    });
  }
  // What FlatBuffers checks by itself: that nothing points outside.
  double structure_and_reading() {
    build(builder, 7);
    const ByteView bytes(builder.GetBufferPointer(), builder.GetSize());
    return ns_each(times, [&](std::uint64_t) {
      keep(reinterpret_cast<std::uintptr_t>(bytes.data()));
      flatbuffers::Verifier verifier(bytes.data(), bytes.size());
      if (!wire::VerifyHealthSummaryBuffer(verifier)) break_off("FlatBuffers refuses the summary that was built");
      keep(read(*wire::GetHealthSummary(bytes.data())));
    });
  }
};

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  using namespace muster::bench;
  const auto options = parse_options(argc, argv);
  Bench bench{options.quick ? 200'000u : 2'000'000u};
  Measure built{"health summary",
                "15 fields: build",
                "ns",
                "",
                {},
                {},
                {},
                "a builder that is used again, as one agent's would be"};
  Measure read{"health summary",
               "15 fields: verify and read",
               "ns",
               "FlatBuffers' verifier alone, then read",
               {},
               {},
               {BudgetKind::ours_max, 60},
               "beyond the structure: names, texts in UTF-8, enums, finite numbers, lengths"};
  static_cast<void>(bench.building());
  static_cast<void>(bench.verifying_and_reading());
  for (int round = 0; round < options.rounds; ++round) {
    built.add(bench.building());
    const double peer_first = round % 2 != 0 ? bench.structure_and_reading() : 0;
    const double ours = bench.verifying_and_reading();
    read.add(ours, round % 2 != 0 ? peer_first : bench.structure_and_reading());
    std::fprintf(stderr, "round %d: build %.0f ns, verify and read %.0f ns, structure alone %.0f ns\n", round + 1,
                 built.ours.back(), ours, read.peer.back());
  }
  print(built);
  print(read);
}
