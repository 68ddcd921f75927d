// StatsD lines, hostile ones too, and what becomes of them: windows, readings, percentiles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "edge-client/shell/measurements.h"
#include "edge-client/shell/statsd.h"
#include "schemas/text.h"
#include "tests/unit/edge/folder.h"

namespace muster::edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> parse(std::string_view text, std::size_t malformed_expected = 0) {
  std::vector<std::string> found;
  const auto malformed = parse_statsd(text, [&](const Stat& stat) {
    static constexpr const char* kinds[] = {"g", "g+", "c", "ms", "s"};
    std::ostringstream line;
    if (stat.kind == StatKind::text) line << stat.name << " " << stat.text << " s";
    if (stat.kind != StatKind::text)
      line << stat.name << " " << stat.value << " " << kinds[static_cast<std::size_t>(stat.kind)];
    found.push_back(line.str());
  });
  EXPECT_EQ(malformed, malformed_expected) << text;
  return found;
}

TEST(Statsd, ReadsEveryKind) {
  EXPECT_THAT(parse("a:1|g\nb:2.5|c\nc:3|ms\nd:4|h\ne:5|d\n"),
              ElementsAre("a 1 g", "b 2.5 c", "c 3 ms", "d 4 ms", "e 5 ms"));
  EXPECT_THAT(parse("a:+1|g\r\na:-2|g"), ElementsAre("a 1 g+", "a -2 g+"));
  EXPECT_THAT(parse("a:1|c|@0.1\nb:7|ms|@0.5|#x:y,z"), ElementsAre("a 10 c", "b 7 ms"));
  EXPECT_THAT(parse("a.b-c_d:1e3|g|#tag"), ElementsAre("a.b-c_d 1000 g"));
  EXPECT_THAT(parse("\n\n"), IsEmpty());
}

TEST(Statsd, RefusesWhatIsNone) {
  for (const auto* text : {"a",
                           ":1|g",
                           "a:|g",
                           "a:1",
                           "a:1|",
                           "a:x|g",
                           "a:1|x",
                           "a:nan|g",
                           "a:inf|g",
                           "a:1e999|g",
                           "a b:1|g",
                           "a:1|c|@0",
                           "a:1|c|@2",
                           "a:1|c|@x",
                           "a:1|g|?",
                           "a:1 |g",
                           "a:0x10|g",
                           "a:--1|g",
                           "a:1|g:2",
                           "/:1|g",
                           ".a:1|g",
                           "a:+|g",
                           "a:1e308|c|@0.0001"}) {
    EXPECT_THAT(parse(text, 1), IsEmpty()) << text;
  }
  EXPECT_THAT(parse(std::string(65, 'n') + ":1|g", 1), IsEmpty());
  EXPECT_THAT(parse(std::string_view("a\0b:1|g", 7), 1), IsEmpty());
  EXPECT_THAT(parse("bad\ngood:1|g\nbad", 2), ElementsAre("good 1 g"));
}

// A set of StatsD takes any text, and what runs the model is the one text that a health summary has a place for.
TEST(Statsd, ASetSaysWhatRunsTheModel) {
  EXPECT_THAT(parse("delegate_active:npu|s\ndelegate_active:gpu:0 über|s|#core:1\r\na:1|g"),
              ElementsAre("delegate_active npu s", "delegate_active gpu:0 über s", "a 1 g"));
  EXPECT_THAT(parse("delegate_active:0|s"), ElementsAre("delegate_active 0 s"));
  const std::string longest(limits::attribute_len_max, 'n');
  EXPECT_THAT(parse("delegate_active:" + longest + "|s"), ElementsAre("delegate_active " + longest + " s"));
  for (const auto& text :
       {std::string("delegate_active:" + longest + "n|s"), std::string("delegate_active:|s"),
        std::string("delegate_active:npu|g"), std::string("delegate_active:1|g"), std::string("delegate_active:1|c"),
        std::string("delegate_active:npu"), std::string("delegate_active:npu|s|?"),
        std::string("delegate_active:n\x01|s"), std::string("delegate_active:\xc3|s"), std::string("user:alice|s"),
        std::string("user:1|s")}) {
    EXPECT_THAT(parse(text, 1), IsEmpty()) << text;
  }
}

TEST(Statsd, AnyBytesAreReadWithinBounds) {
  constexpr std::uint32_t seed = 5;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string alphabet = "ab:|@#.+-0123456789gcms\n\r\0 e";
  const std::string prefix(delegate_name);
  Measurements all;
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 60, '\0');
    for (auto& c : text) c = random() % 10 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    if (i % 4 == 0) text.insert(0, prefix + ":");
    parse_statsd(text, [](const Stat& stat) {
      EXPECT_TRUE(std::isfinite(stat.value));
      EXPECT_LE(stat.name.size(), 64u);
      EXPECT_EQ(stat.kind == StatKind::text, stat.name == delegate_name);
      EXPECT_TRUE(is_text(stat.text));
      EXPECT_LE(stat.text.size(), limits::attribute_len_max);
    });
    all.take(text);
  }
  EXPECT_LE(all.close_window().metrics.size(), Measurements::names_max);
}

double reading(const Measurements& m, const std::string& name, double missing = -999) {
  for (const auto& [key, value] : m.readings()) {
    if (key == name) return value;
  }
  return missing;
}

TEST(Measurements, StandardKeysAndTaskMetrics) {
  Measurements m;
  m.take(
      "load_time_ms:120|g\np50_ms:1|g\np95_ms:2|g\np99_ms:3|g\npeak_ram_mb:64|g\ndropped_frames:4|c\ncrash_count:2|"
      "c\ninferences:9|c\nerror_code:40|g\nmissing_inputs:0|g\nmissing_inputs:2|g\n"
      "edit_distance:1|g\nedit_distance:5|g\nedit_distance:3|g\n");
  const auto s = m.close_window();
  EXPECT_EQ(s.load_time_ms, 120);
  EXPECT_EQ(s.p50_ms, 1);
  EXPECT_EQ(s.p95_ms, 2);
  EXPECT_EQ(s.p99_ms, 3);
  EXPECT_EQ(s.peak_ram_mb, 64);
  EXPECT_EQ(s.dropped_frames, 4);
  EXPECT_EQ(s.crash_count, 2u);
  EXPECT_EQ(s.inferences, 9u);
  EXPECT_EQ(s.error_code, 40);
  EXPECT_EQ(s.missing_inputs, 2) << "the last of the window";
  ASSERT_EQ(s.metrics.size(), 1u);
  const auto& metric = s.metrics.front();
  EXPECT_EQ(metric.name, "edit_distance");
  EXPECT_EQ(metric.count, 3u);
  EXPECT_EQ(metric.sum, 9);
  EXPECT_EQ(metric.min, 1);
  EXPECT_EQ(metric.max, 5);
  EXPECT_EQ(metric.last, 3);
  // A window later nothing of it was measured.
  const auto empty = m.close_window();
  EXPECT_EQ(empty.load_time_ms, -1);
  EXPECT_EQ(empty.dropped_frames, -1);
  EXPECT_EQ(empty.missing_inputs, -1);
  EXPECT_THAT(empty.metrics, IsEmpty());
}

TEST(Measurements, LatenciesGivePercentiles) {
  constexpr std::uint32_t seed = 3;
  std::mt19937 random(seed);
  std::lognormal_distribution<double> distribution(3, 0.7);
  std::vector<double> samples;
  Measurements m;
  for (int i = 0; i < 20000; ++i) {
    samples.push_back(distribution(random));
    m.take("inference_ms:" + std::to_string(samples.back()) + "|ms");
  }
  std::sort(samples.begin(), samples.end());
  const auto s = m.close_window();
  EXPECT_EQ(s.inferences, samples.size());
  for (const auto& [value, percent] : {std::pair(s.p50_ms, 50), {s.p95_ms, 95}, {s.p99_ms, 99}}) {
    const auto exact = samples[samples.size() * static_cast<std::size_t>(percent) / 100 - 1];
    EXPECT_NEAR(value / exact, 1, 0.05) << percent << ", seed " << seed;
  }
  ASSERT_EQ(s.latency_buckets.size(), limits::latency_buckets_max);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < s.latency_buckets.size(); ++i) {
    sum += s.latency_buckets[i];
    const auto low = i == 0 ? 0.0 : 0.125 * std::pow(2, i);
    const auto high = 0.125 * std::pow(2, i + 1);
    const auto exact = std::count_if(samples.begin(), samples.end(), [&](double v) { return v >= low && v < high; });
    EXPECT_NEAR(s.latency_buckets[i], static_cast<double>(exact), 1) << i;
  }
  EXPECT_EQ(sum, samples.size());
}

TEST(Measurements, ExtremeLatenciesLandInTheOuterBuckets) {
  Measurements m;
  m.take("inference_ms:0|ms\ninference_ms:-5|ms\ninference_ms:1e300|ms\ninference_ms:0.2499|ms");
  const auto s = m.close_window();
  EXPECT_EQ(s.latency_buckets.front(), 3u);
  EXPECT_EQ(s.latency_buckets.back(), 1u);
  EXPECT_TRUE(std::isfinite(s.p99_ms));
}

TEST(Measurements, CountersAreSummedOverTwoWindows) {
  Measurements m;
  m.take("gpu_oom_count:2|c");
  EXPECT_EQ(reading(m, "gpu_oom_count"), 2);
  static_cast<void>(m.close_window());
  m.take("gpu_oom_count:1|c");
  EXPECT_EQ(reading(m, "gpu_oom_count"), 3);
  static_cast<void>(m.close_window());
  EXPECT_EQ(reading(m, "gpu_oom_count"), 1);
  static_cast<void>(m.close_window());
  EXPECT_EQ(reading(m, "gpu_oom_count"), 0);
}

TEST(Measurements, AGaugeThatIsNotRenewedBecomesUnknown) {
  Measurements m;
  m.take("queue:7|g");
  for (std::uint32_t i = 1; i < Measurements::gauge_windows_max; ++i) {
    static_cast<void>(m.close_window());
    EXPECT_EQ(reading(m, "queue"), 7) << i;
  }
  static_cast<void>(m.close_window());
  EXPECT_EQ(reading(m, "queue"), -999);
}

TEST(Measurements, WhatRunsTheModelIsWhatTheWorkloadLastSaid) {
  Measurements m;
  EXPECT_EQ(m.close_window().delegate, "") << "nothing is invented";
  m.take("delegate_active:npu|s\ndelegate_active:cpu|s");
  EXPECT_THAT(m.readings(), IsEmpty()) << "recovery rules compare numbers";
  const auto said = m.close_window();
  EXPECT_EQ(said.delegate, "cpu");
  EXPECT_THAT(said.metrics, IsEmpty());
  // Like a gauge it is unknown when nobody has renewed it: what said it may be dead.
  for (std::uint32_t i = 1; i < Measurements::gauge_windows_max; ++i) EXPECT_EQ(m.close_window().delegate, "cpu") << i;
  EXPECT_EQ(m.close_window().delegate, "");
  m.take("delegate_active:npu|s");
  m.take("delegate_active:|s\ndelegate_active:gpu|g");
  const auto malformed = m.close_window();
  EXPECT_EQ(malformed.delegate, "npu") << "what is no word takes back none";
  EXPECT_EQ(malformed.malformed, 2u);
}

TEST(Measurements, WhatRanTheModelIsForgottenWithIt) {
  Measurements m;
  m.take("delegate_active:npu|s");
  m.reset();
  EXPECT_EQ(m.close_window().delegate, "");
  m.take("delegate_active:cpu|s");
  EXPECT_EQ(m.close_window().delegate, "cpu");
}

TEST(Measurements, ResetForgetsGaugesAndZeroesCounters) {
  Measurements m;
  m.take("queue:7|g\noom:3|c\ninference_ms:100|ms");
  EXPECT_GT(reading(m, "p99_ms"), 0);
  EXPECT_EQ(reading(m, "p99_ms"), reading(m, "inference_p99_ms"));
  m.reset();
  EXPECT_EQ(reading(m, "queue"), -999);
  EXPECT_EQ(reading(m, "oom"), 0);
  EXPECT_EQ(reading(m, "p99_ms"), -999);
}

TEST(Measurements, ReadingsAreSorted) {
  Measurements m;
  m.take("z:1|g\na:1|g\np50_ms:3|g\ninference_ms:5|ms");
  const auto all = m.readings();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
}

TEST(Measurements, NamesAreBounded) {
  Measurements m;
  for (int i = 0; i < 1000; ++i) m.take("n" + std::to_string(i) + ":1|g");
  const auto s = m.close_window();
  EXPECT_EQ(s.metrics.size(), Measurements::names_max);
  EXPECT_EQ(s.left_out, 1000 - Measurements::names_max);
}

TEST(StatsdSocketTest, TakesDatagramsAndRefusesAPathInUse) {
  Folder folder;
  EventLoop loop;
  std::vector<std::string> taken;
  StatsdSocket first(loop, [&](std::string_view text) { taken.emplace_back(text); });
  const auto path = folder.file("statsd.sock");
  ASSERT_TRUE(first.open(path));
  StatsdSocket second(loop, [](std::string_view) {});
  const auto refused = second.open(path);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("another process"));

  const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  for (const auto* text : {"a:1|g", "b:2|c"}) {
    EXPECT_GT(::sendto(fd, text, 5, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ::close(fd);
  EXPECT_TRUE(loop.run_until([&] { return taken.size() == 2; }, 5000));
  EXPECT_THAT(taken, ElementsAre("a:1|g", "b:2|c"));
}

TEST(StatsdSocketTest, ReplacesASocketOfADeadProcessButNoFile) {
  Folder folder;
  EventLoop loop;
  const auto path = folder.file("s");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  const int dead = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(dead);
  StatsdSocket socket(loop, [](std::string_view) {});
  EXPECT_TRUE(socket.open(path));
  StatsdSocket other(loop, [](std::string_view) {});
  EXPECT_FALSE(other.open(folder.write("file", "precious")));
  EXPECT_EQ(folder.read("file"), "precious");
}

// What runs in the shadow says the same names as what is active: none of them may stand where the active one's stand.
TEST(ShadowMeasurements, AreTaskMetricsOfTheirOwnName) {
  Measurements active;
  Measurements shadow;
  active.take("p95_ms:20|g\nedit_distance:3|g");
  shadow.take("p95_ms:90|g\nedit_distance:4|g\nedit_distance:6|g\ncrash_count:2|c\nbroken");
  auto summary = active.close_window();
  EXPECT_EQ(shadow.close_shadow_window(summary), "");
  EXPECT_EQ(summary.p95_ms, 20);
  EXPECT_EQ(summary.crash_count, 0u);
  EXPECT_EQ(summary.malformed, 1u);
  ASSERT_EQ(summary.metrics.size(), 1u);
  ASSERT_EQ(summary.shadow.size(), 3u);
  EXPECT_EQ(summary.shadow[0].name, "shadow.crash_count");
  EXPECT_EQ(summary.shadow[1].name, "shadow.edit_distance");
  EXPECT_EQ(summary.shadow[1].count, 2u);
  EXPECT_EQ(summary.shadow[1].sum, 10);
  EXPECT_EQ(summary.shadow[2].name, "shadow.p95_ms");
  EXPECT_EQ(summary.shadow[2].last, 90);
  // The next window begins with nothing.
  summary = active.close_window();
  EXPECT_EQ(shadow.close_shadow_window(summary), "");
  EXPECT_THAT(summary.shadow, IsEmpty());
  EXPECT_EQ(summary.malformed, 0u);
}

// It would be a text under the name of a task metric, which is a number.
TEST(ShadowMeasurements, SayNotWhatRunsTheModel) {
  Measurements active;
  Measurements shadow;
  active.take("delegate_active:npu|s");
  shadow.take("delegate_active:cpu|s");
  auto summary = active.close_window();
  EXPECT_EQ(shadow.close_shadow_window(summary), "");
  EXPECT_EQ(summary.delegate, "npu");
  EXPECT_THAT(summary.shadow, IsEmpty());
  EXPECT_EQ(summary.malformed, 0u);
}

TEST(ShadowMeasurements, HaveThePercentilesOfTheirInferences) {
  Measurements shadow;
  for (int i = 1; i <= 100; ++i) shadow.take("inference_ms:" + std::to_string(i) + "|ms");
  WindowSummary summary;
  EXPECT_EQ(shadow.close_shadow_window(summary), "");
  std::vector<std::string> names;
  for (const auto& metric : summary.shadow) names.push_back(metric.name);
  EXPECT_THAT(names, ElementsAre("shadow.inference_ms", "shadow.p50_ms", "shadow.p95_ms", "shadow.p99_ms"));
  EXPECT_NEAR(summary.shadow[1].last, 50, 3);
  EXPECT_EQ(summary.shadow[1].count, 1u);
  EXPECT_LT(summary.p50_ms, 0) << "not the active version's";
  EXPECT_THAT(summary.latency_buckets, IsEmpty());
}

TEST(ShadowMeasurements, OfNamesThatBecomeTooLongAreLeftOut) {
  Measurements shadow;
  const std::string longest(limits::id_len_max - shadow_prefix.size(), 'a');
  shadow.take(longest + ":1|g\n" + longest + "b:1|g\n" + longest + "b:2|g");
  WindowSummary summary;
  EXPECT_EQ(shadow.close_shadow_window(summary), longest + "b");
  ASSERT_EQ(summary.shadow.size(), 1u);
  EXPECT_EQ(summary.shadow[0].name, "shadow." + longest);
  EXPECT_EQ(summary.left_out, 2u);
}

}  // namespace
}  // namespace muster::edge
