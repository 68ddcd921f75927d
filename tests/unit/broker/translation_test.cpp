// What the engine gets of a message, and what it must not take for a measurement.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "broker-plugin/core/report_translation.h"
#include "schemas/health_summary_generated.h"
#include "schemas/state_report_generated.h"
#include "schemas/wire.h"
#include "tests/unit/broker/fixtures.h"

namespace muster::broker {
namespace {

using rules::Reading;

struct Metric {
  std::string name;
  std::uint64_t count;
  double sum;
};

// The event that a summary gives, which is first verified as one from a device would be.
rules::DeviceHealth translated(const std::function<void(wire::HealthSummaryBuilder&)>& fill,
                               const std::vector<Metric>& metrics = {}, const std::string& delegate = {}) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<wire::TaskMetric>> made;
  for (const auto& metric : metrics) {
    made.push_back(wire::CreateTaskMetricDirect(builder, metric.name.c_str(), metric.count, metric.sum));
  }
  const auto list = builder.CreateVector(made);
  const auto id = builder.CreateString("gw-1");
  const auto active = builder.CreateString(delegate);
  wire::HealthSummaryBuilder summary(builder);
  summary.add_device_id(id);
  if (!metrics.empty()) summary.add_metrics(list);
  if (!delegate.empty()) summary.add_delegate_active(active);
  fill(summary);
  wire::FinishHealthSummaryBuffer(builder, summary.Finish());
  const AlignedBytes bytes{ByteView(builder.GetBufferPointer(), builder.GetSize())};
  const wire::HealthSummary* verified = nullptr;
  const auto fault = verify(bytes.view(), verified);
  EXPECT_EQ(fault, WireFault::none) << name_of(fault);
  return fault == WireFault::none ? translate(*verified) : rules::DeviceHealth();
}

TEST(Translation, AStateReportCarriesTheDevicesClock) {
  const auto bytes = test::make_report({.device = "gw-1", .boot_id = 3, .seq = 4});
  const AlignedBytes aligned{ByteView(bytes)};
  const wire::StateReport* report = nullptr;
  ASSERT_EQ(verify(aligned.view(), report), WireFault::none);
  const auto event = translate(*report);
  EXPECT_EQ(event.reported_s, report->reported_s());
  EXPECT_NE(event.reported_s, 0u);
  EXPECT_EQ(event.boot_id, 3u);
  EXPECT_EQ(event.seq, 4u);
  EXPECT_FALSE(event.facts.utc_offset_min) << "it does not say";
}

TEST(Translation, AStateReportSaysHowTheClockGoes) {
  for (const int offset_min : {-720, 0, 345}) {
    const auto bytes = test::make_report({.device = "gw-1", .utc_offset_min = offset_min});
    const AlignedBytes aligned{ByteView(bytes)};
    const wire::StateReport* report = nullptr;
    ASSERT_EQ(verify(aligned.view(), report), WireFault::none);
    EXPECT_EQ(translate(*report).facts.utc_offset_min, offset_min);
  }
}

TEST(Translation, OfAnEmptySummaryOnlyTheStatesAreMeasured) {
  const auto health = translated([](auto&) {});
  EXPECT_EQ(health.device, "gw-1");
  for (std::size_t i = 0; i < rules::reading_count; ++i) {
    const auto reading = static_cast<Reading>(i);
    const bool always =
        reading == Reading::inferences || reading == Reading::error_code || reading == Reading::crash_count;
    EXPECT_EQ(std::isnan(health.readings.of(reading)), !always) << rules::name_of(reading);
    if (always) {
      EXPECT_EQ(health.readings.of(reading), 0) << rules::name_of(reading);
    }
  }
  EXPECT_EQ(health.readings.delegate_active, "");
  EXPECT_TRUE(health.readings.tasks.empty());
}

TEST(Translation, EachReadingIsFoundUnderItsOwnName) {
  const auto health = translated(
      [](auto& summary) {
        summary.add_window_start_s(100);
        summary.add_window_s(60);
        summary.add_load_time_ms(1.5);
        summary.add_p50_ms(2.5);
        summary.add_p95_ms(3.5);
        summary.add_p99_ms(4.5);
        summary.add_peak_ram_mb(5.5);
        summary.add_dropped_frames(6);
        summary.add_temperature_c(-12.5);
        summary.add_inferences(8);
        summary.add_cpu_percent(9.5);
        summary.add_disk_free_mb(10);
        summary.add_thermal(wire::ThermalState::serious);
        summary.add_error_code(wire::ErrorCode::probe_failed);
        summary.add_crash_count(13);
        summary.add_missing_inputs(14);
      },
      {}, "npu");
  EXPECT_EQ(health.window_start_s, 100u);
  EXPECT_EQ(health.window_s, 60u);
  EXPECT_EQ(health.readings.delegate_active, "npu");
  const double expected[rules::reading_count] = {1.5, 2.5, 3.5, 4.5, 5.5, 6, -12.5, 8, 9.5, 10, 3, 40, 13, 14};
  for (std::size_t i = 0; i < rules::reading_count; ++i) {
    EXPECT_EQ(health.readings.standard[i], expected[i]) << rules::name_of(static_cast<Reading>(i));
  }
}

TEST(Translation, ZeroIsMeasuredAndLessIsNot) {
  const auto health = translated([](auto& summary) {
    summary.add_p95_ms(0);
    summary.add_dropped_frames(0);
    summary.add_disk_free_mb(-7);
    summary.add_cpu_percent(-0.5);
    summary.add_temperature_c(-273);
  });
  EXPECT_EQ(health.readings.of(Reading::p95_ms), 0);
  EXPECT_EQ(health.readings.of(Reading::dropped_frames), 0);
  EXPECT_TRUE(std::isnan(health.readings.of(Reading::disk_free_mb)));
  EXPECT_TRUE(std::isnan(health.readings.of(Reading::cpu_percent)));
  EXPECT_EQ(health.readings.of(Reading::temperature_c), -273);
}

TEST(Translation, ATaskMetricIsTheMeanOfItsSamples) {
  const auto health = translated([](auto&) {}, {{"edit_distance", 4, 10}, {"never_sampled", 0, 10}, {"change", 2, -3}});
  ASSERT_EQ(health.readings.tasks.size(), 2u);
  EXPECT_EQ(health.readings.tasks[0].name, "edit_distance");
  EXPECT_EQ(health.readings.tasks[0].value, 2.5);
  EXPECT_EQ(health.readings.tasks[1].name, "change");
  EXPECT_EQ(health.readings.tasks[1].value, -1.5);
}

}  // namespace
}  // namespace muster::broker
