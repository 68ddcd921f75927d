// What the writers of reports.h write passes the verifier that the broker uses, and says what the fields said.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <limits>

#include "mcu-client/include/error.h"
#include "mcu-client/src/wire/reports.h"
#include "schemas/health_summary_generated.h"
#include "schemas/state_report_generated.h"
#include "schemas/text.h"
#include "schemas/wire.h"
#include "schemas/wire_text.h"
#include "tests/support/long_form.h"
#include "tests/unit/mcu/wire/report_fields.h"

namespace muster::mcu {
namespace {

using test::GuardedBuffer;
using test::ReportFields;

std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const auto chosen = muster::testing::seed_or(20261121);
    std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return value;
}

using wire::view;

// An empty text is absent, another one is there as clean_text makes it.
void expect_text(const flatbuffers::String* found, std::string_view given, std::size_t len_max) {
  EXPECT_EQ(found == nullptr, given.empty());
  EXPECT_EQ(view(found), clean_text(given, len_max));
}

void expect_id(const flatbuffers::String* found, std::string_view given) {
  EXPECT_EQ(found == nullptr, given.empty());
  EXPECT_EQ(view(found), given);
}

void expect_digest(const wire::Digest* found, const Sha256* given) {
  ASSERT_EQ(found == nullptr, given == nullptr);
  if (given != nullptr) {
    EXPECT_EQ(std::memcmp(found, given->bytes.data(), 32), 0);
  }
}

void expect_equal(const wire::Facts& found, const FactsFields& given) {
  expect_id(found.device_class(), given.device_class);
  expect_id(found.region(), given.region);
  expect_id(found.site(), given.site);
  expect_id(found.customer(), given.customer);
  expect_id(found.os_version(), given.os_version);
  expect_id(found.memory_tier(), given.memory_tier);
  expect_text(found.agent_version(), given.agent_version, limits::attribute_len_max);
  EXPECT_EQ(found.memory_mb(), given.memory_mb);
  EXPECT_EQ(found.utc_offset_min(), given.utc_offset_min);
  EXPECT_EQ(found.accelerators(), nullptr);
  EXPECT_EQ(found.runtimes(), nullptr);
  ASSERT_EQ(found.tags() == nullptr, given.tag_count == 0);
  if (found.tags() == nullptr) return;
  ASSERT_EQ(found.tags()->size(), given.tag_count);
  for (unsigned i = 0; i < given.tag_count; ++i) EXPECT_EQ(view(found.tags()->Get(i)), given.tags[i]);
}

void expect_equal(const wire::StateReport& found, const StateReportFields& given) {
  expect_id(found.device_id(), given.device_id);
  EXPECT_EQ(found.seq(), given.seq);
  EXPECT_EQ(found.boot_id(), given.boot_id);
  EXPECT_EQ(found.reported_s(), given.reported_s);
  expect_equal(*found.facts(), given.facts);
  EXPECT_EQ(found.state(), given.state);
  ASSERT_EQ(found.planes()->size(), given.plane_fields_count);
  for (unsigned i = 0; i < given.plane_fields_count; ++i) {
    const auto& plane = *found.planes()->Get(i);
    EXPECT_EQ(plane.plane(), given.planes[i].plane);
    expect_digest(plane.active(), given.planes[i].active);
    expect_digest(plane.downloaded(), given.planes[i].downloaded);
    expect_digest(plane.previous(), given.planes[i].previous);
    expect_id(plane.active_name(), given.planes[i].active_name);
    expect_id(plane.active_version(), given.planes[i].active_version);
    EXPECT_EQ(plane.security_floor(), given.planes[i].security_floor);
  }
  EXPECT_EQ(found.attempt()->epoch(), given.attempt.epoch);
  EXPECT_EQ(found.attempt()->state(), given.attempt.state);
  EXPECT_EQ(found.attempt()->plane(), given.attempt.plane);
  EXPECT_EQ(found.attempt()->error(), given.attempt.error);
  expect_text(found.attempt()->detail(), given.attempt.detail, limits::text_len_max);
  EXPECT_EQ(found.attempt()->bytes_done(), given.attempt.bytes_done);
  EXPECT_EQ(found.attempt()->bytes_total(), given.attempt.bytes_total);
  EXPECT_EQ(found.assignment_epoch(), given.assignment_epoch);
  EXPECT_EQ(found.directive_epoch(), given.directive_epoch);
  EXPECT_EQ(found.last_recovery_action(), given.last_recovery_action);
  EXPECT_EQ(found.updates_paused(), given.updates_paused);
}

void expect_equal(const wire::HealthSummary& found, const HealthFields& given) {
  expect_id(found.device_id(), given.device_id);
  EXPECT_EQ(found.seq(), given.seq);
  EXPECT_EQ(found.boot_id(), given.boot_id);
  EXPECT_EQ(found.window_start_s(), given.window_start_s);
  EXPECT_EQ(found.window_s(), given.window_s);
  EXPECT_EQ(found.state(), given.state);
  expect_digest(found.model_hash(), given.model_hash);
  expect_text(found.config_version(), given.config_version, limits::release_ref_len_max);
  expect_text(found.runtime_version(), given.runtime_version, limits::attribute_len_max);
  expect_text(found.delegate_active(), given.delegate_active, limits::attribute_len_max);
  EXPECT_EQ(found.load_time_ms(), given.load_time_ms);
  EXPECT_EQ(found.p50_ms(), given.p50_ms);
  EXPECT_EQ(found.p95_ms(), given.p95_ms);
  EXPECT_EQ(found.p99_ms(), given.p99_ms);
  EXPECT_EQ(found.peak_ram_mb(), given.peak_ram_mb);
  EXPECT_EQ(found.temperature_c(), given.temperature_c);
  EXPECT_EQ(found.cpu_percent(), given.cpu_percent);
  EXPECT_EQ(found.dropped_frames(), given.dropped_frames);
  EXPECT_EQ(found.error_code(), given.error_code);
  EXPECT_EQ(found.inferences(), given.inferences);
  EXPECT_EQ(found.crash_count(), given.crash_count);
  EXPECT_EQ(found.missing_inputs(), given.missing_inputs);
  EXPECT_EQ(found.last_recovery_action(), given.last_recovery_action);
  EXPECT_EQ(found.thermal(), wire::ThermalState::unknown);
  EXPECT_EQ(found.disk_free_mb(), -1);
  ASSERT_EQ(found.latency_buckets() == nullptr, given.latency_bucket_count == 0);
  for (unsigned i = 0; i < given.latency_bucket_count; ++i) {
    EXPECT_EQ(found.latency_buckets()->Get(i), given.latency_buckets[i]);
  }
  ASSERT_EQ(found.metrics() == nullptr, given.metric_count == 0);
  for (unsigned i = 0; i < given.metric_count; ++i) {
    const auto& metric = *found.metrics()->Get(i);
    EXPECT_EQ(view(metric.name()), given.metrics[i].name);
    EXPECT_EQ(metric.count(), given.metrics[i].count);
    EXPECT_EQ(metric.sum(), given.metrics[i].sum);
    EXPECT_EQ(metric.min(), given.metrics[i].min);
    EXPECT_EQ(metric.max(), given.metrics[i].max);
    EXPECT_EQ(metric.last(), given.metrics[i].last);
  }
}

// The message that `write` writes into a buffer of exactly its length.
template <class Message, class Fields>
void write_and_compare(int (*write)(const Fields&, std::uint8_t*, std::size_t), const Fields& fields) {
  GuardedBuffer buffer(8192);
  const int written = write(fields, buffer.data(), buffer.capacity());
  ASSERT_GT(written, 0);
  ASSERT_TRUE(buffer.intact());
  GuardedBuffer exact(static_cast<std::size_t>(written));
  ASSERT_EQ(write(fields, exact.data(), exact.capacity()), written);
  ASSERT_TRUE(exact.intact());
  const Message* message = nullptr;
  const auto fault = verify(ByteView(exact.data(), exact.capacity()), message);
  ASSERT_EQ(fault, WireFault::none) << name_of(fault);
  expect_equal(*message, fields);
}

TEST(McuReports, SayWhatTheirFieldsSay) {
  for (int round = 0; round < muster::testing::size_for(500, 50000) && !::testing::Test::HasFailure(); ++round) {
    const auto at = seed() + static_cast<std::uint64_t>(round);
    SCOPED_TRACE("MUSTER_SEED=" + std::to_string(at));
    ReportFields some(at);
    write_and_compare<wire::StateReport>(write_state_report, some.state_report());
    write_and_compare<wire::HealthSummary>(write_health_summary, some.health_summary());
  }
}

TEST(McuReports, HoldEverythingAtItsLongest) {
  const std::string longest(64, 'n'), text(300, 't');
  const std::vector<std::string_view> tags(limits::tags_max, longest);
  Sha256 digest;
  digest.bytes.fill(0xFF);
  const std::string version(32, 'v');
  StateReportFields fields;
  fields.device_id = longest;
  fields.facts = {longest, longest, longest, longest, longest, longest, text, ~0u, tags.data(), tags.size(), -720};
  fields.plane_fields_count = plane_count;
  for (unsigned i = 0; i < plane_count; ++i) {
    fields.planes[i] = {static_cast<wire::Plane>(i), &digest, &digest, &digest, longest, version, ~0u};
  }
  fields.attempt.detail = text;
  write_and_compare<wire::StateReport>(write_state_report, fields);
}

TEST(McuReports, LeaveOutWhatIsNotThere) {
  StateReportFields fields;
  fields.device_id = "d";
  fields.facts.device_class = "c";
  write_and_compare<wire::StateReport>(write_state_report, fields);
  fields.facts.utc_offset_min = 0;  // UTC, which is not the same as no word
  write_and_compare<wire::StateReport>(write_state_report, fields);
  HealthFields health;
  health.device_id = "d";
  write_and_compare<wire::HealthSummary>(write_health_summary, health);
  GuardedBuffer buffer(256);
  const int written = write_health_summary(health, buffer.data(), buffer.capacity());
  ASSERT_GT(written, 0);
  const auto* summary = flatbuffers::GetRoot<wire::HealthSummary>(buffer.data());
  const auto* table = reinterpret_cast<const flatbuffers::Table*>(summary);
  for (flatbuffers::voffset_t slot = wire::HealthSummary::VT_SEQ; slot <= wire::HealthSummary::VT_LAST_RECOVERY_ACTION;
       slot = static_cast<flatbuffers::voffset_t>(slot + 2)) {
    EXPECT_FALSE(table->CheckField(slot)) << slot;
  }
  EXPECT_LE(written, 96) << "defaults take no room";
}

TEST(McuReports, LeaveOutWhatIsNoNumber) {
  HealthFields fields;
  fields.device_id = "d";
  fields.p50_ms = std::nan("");
  fields.p95_ms = std::numeric_limits<double>::infinity();
  fields.temperature_c = -std::numeric_limits<double>::infinity();
  fields.cpu_percent = std::numeric_limits<double>::max();
  MetricFields metric{"m", 1, -std::nan(""), std::numeric_limits<double>::denorm_min(), 1, 2};
  fields.metrics = &metric;
  fields.metric_count = 1;
  GuardedBuffer buffer(512);
  const int written = write_health_summary(fields, buffer.data(), buffer.capacity());
  ASSERT_GT(written, 0);
  const wire::HealthSummary* summary = nullptr;
  ASSERT_EQ(verify(ByteView(buffer.data(), static_cast<std::size_t>(written)), summary), WireFault::none);
  EXPECT_EQ(summary->p50_ms(), -1);
  EXPECT_EQ(summary->p95_ms(), -1);
  EXPECT_EQ(summary->temperature_c(), -1000);
  EXPECT_EQ(summary->cpu_percent(), std::numeric_limits<double>::max());
  EXPECT_EQ(summary->metrics()->Get(0)->sum(), 0);
  EXPECT_EQ(summary->metrics()->Get(0)->min(), std::numeric_limits<double>::denorm_min());
}

// In every capacity: all of it, or err_too_long, and nothing beyond.
template <class Fields>
void try_every_capacity(int (*write)(const Fields&, std::uint8_t*, std::size_t), const Fields& fields) {
  GuardedBuffer whole(8192);
  const int len = write(fields, whole.data(), whole.capacity());
  ASSERT_GT(len, 0);
  for (std::size_t capacity = 0; capacity < static_cast<std::size_t>(len) + 16; ++capacity) {
    GuardedBuffer buffer(capacity);
    const int written = write(fields, buffer.data(), capacity);
    ASSERT_EQ(written, capacity < static_cast<std::size_t>(len) ? err_too_long : len) << capacity;
    ASSERT_TRUE(buffer.intact()) << capacity;
    if (written > 0) {
      ASSERT_EQ(std::memcmp(buffer.data(), whole.data(), static_cast<std::size_t>(len)), 0) << capacity;
    }
  }
}

TEST(McuReports, NeverWriteBeyondTheirBuffer) {
  for (int round = 0; round < muster::testing::size_for(3, 100) && !::testing::Test::HasFailure(); ++round) {
    const auto at = seed() + static_cast<std::uint64_t>(round);
    SCOPED_TRACE("MUSTER_SEED=" + std::to_string(at));
    ReportFields some(at);
    try_every_capacity(write_state_report, some.state_report());
    try_every_capacity(write_health_summary, some.health_summary());
  }
}

TEST(McuReports, AreNeverLongerThanABrokerTakes) {
  HealthFields fields;
  fields.device_id = "d";
  std::vector<std::string> names;
  for (std::size_t i = 0; i < limits::metrics_max; ++i) names.push_back(std::to_string(i) + std::string(62, 'n'));
  std::vector<MetricFields> metrics;
  for (const auto& name : names) metrics.push_back({name, 1, 1, 1, 1, 1});
  fields.metrics = metrics.data();
  fields.metric_count = metrics.size();
  GuardedBuffer buffer(8192);
  EXPECT_EQ(write_health_summary(fields, buffer.data(), buffer.capacity()), err_too_long);
  EXPECT_TRUE(buffer.intact());
  fields.metric_count = 24;
  write_and_compare<wire::HealthSummary>(write_health_summary, fields);
}

}  // namespace
}  // namespace muster::mcu
