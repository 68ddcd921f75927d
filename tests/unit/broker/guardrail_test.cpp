// Guardrails through the whole plugin: which summaries are judged, and how often; and what operators see of verdicts.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "broker-plugin/control/objects.h"
#include "tests/unit/broker/bench.h"

namespace muster::broker::test {
namespace {

using nlohmann::json;

// A device votes when it was measured for two minutes; a summary is of one.
constexpr const char* guarded =
    "guardrails:\n"
    "  - { name: latency, metric: p95_ms, against: absolute, max: 100, tolerate: 5%, observe: 2m }\n";

class GuardrailTest : public ::testing::Test {
 protected:
  // The only device runs the release that a rollout brings; nothing of it was measured yet.
  void begin(const std::string& guardrails) {
    bench.start();
    EXPECT_TRUE(bench.report({.device = "gw-1"}));
    EXPECT_FALSE(bench.publish(release).contains("error"));
    const auto started = bench.command("alice", R"("command":"startRollout","file":"r.yaml","rule":)" +
                                                    json(rule_text("first", "m@1") + guardrails).dump());
    ASSERT_EQ(started.value("error", ""), "");
    ASSERT_EQ(bench.assigned("gw-1", 1), release.digest);
    EXPECT_TRUE(bench.report({.device = "gw-1",
                              .seq = 2,
                              .model = release.digest,
                              .attempt_epoch = 1,
                              .attempt = wire::AttemptState::committed}));
  }
  // Windows long after the report, by the device's clock.
  bool health(std::uint64_t seq, double p95_ms, std::uint32_t window_s = 60) {
    const auto bytes =
        make_health({.seq = seq, .window_start_s = 100'000 + 60 * seq, .window_s = window_s, .p95_ms = p95_ms});
    return bench.message("gw-1", "health", ByteView(bytes), false);
  }
  json verdict() { return bench.rollout("first").value("guardrails", json::array({json::object()})).at(0); }

  Bench bench;
  SignedRelease release = make_release(bench.installation.release_key, "m", "1", "weights of version 1");
};

TEST_F(GuardrailTest, ASummaryThatComesTwiceIsJudgedOnce) {
  begin(guarded);
  EXPECT_EQ(verdict().value("voted", 99), 0);
  EXPECT_EQ(verdict().value("line", 0), 10) << "of the rule's file";
  for (int copy = 0; copy < 3; ++copy) EXPECT_TRUE(health(1, 250)) << "QoS 1 may deliver again";
  EXPECT_EQ(verdict()["voted"], 0) << "one minute was measured, however often it was told";
  EXPECT_TRUE(health(2, 250));
  EXPECT_EQ(verdict()["voted"], 1);
  EXPECT_EQ(verdict()["exceeded"], 1);
  EXPECT_EQ(bench.metrics()["messages"]["health"], 4);
  EXPECT_FALSE(health(1, 250));
  EXPECT_EQ(bench.metrics()["refused"]["stale_report"], 1);
}

TEST_F(GuardrailTest, AfterARestartVotesStandAndTheLastSummaryIsNotJudgedAgain) {
  begin(guarded);
  EXPECT_TRUE(health(1, 50, 120));
  EXPECT_EQ(verdict()["voted"], 1);
  EXPECT_EQ(verdict()["exceeded"], 0);
  bench.stop();
  bench.start();
  EXPECT_EQ(verdict()["voted"], 1);
  // Bytes that would make the vote worse, so that it shows when anybody looks at them.
  EXPECT_TRUE(health(1, 250, 120));
  EXPECT_EQ(verdict()["exceeded"], 0);
  EXPECT_TRUE(health(2, 250, 120));
  EXPECT_EQ(verdict()["exceeded"], 1);
  EXPECT_EQ(verdict()["voted"], 1);
}

TEST_F(GuardrailTest, ARolloutsStatusHasGuardrailsWhereItsRuleHas) {
  begin("");
  EXPECT_FALSE(bench.rollout("first").contains("guardrails"));
  EXPECT_TRUE(health(1, 250)) << "summaries are for people all the same";
  EXPECT_EQ(bench.command("eve", R"("command":"getDevice","device":"gw-1")")["data"]["health"]["p95_ms"], 250);
}

TEST(StatusObject, HasEachVerdictWithItsSegment) {
  rules::RolloutStatus status;
  status.rollout = "r";
  EXPECT_FALSE(json::parse(status_json(status)).contains("guardrails"));
  status.guardrails = {{"quality", "region=de", rules::Verdict::fail, 12, 5, 4, 3, true, "5 of 12 \"exceeded\"", 21},
                       {"quality", "region=us", rules::Verdict::pass, 200, 0, 0, 0, false, ""},
                       {"latency", "", rules::Verdict::inconclusive, 3, 0, 0, 0, false, "97 more"}};
  const auto shown = json::parse(status_json(status)).at("guardrails");
  EXPECT_EQ(shown, json::parse(R"([
    {"name":"quality","segment":"region=de","verdict":"fail","voted":12,"exceeded":5,"awaited":4,"observed":3,"frozen":true,
     "line":21,"sentence":"5 of 12 \"exceeded\""},
    {"name":"quality","segment":"region=us","verdict":"pass","voted":200,"exceeded":0,"awaited":0,"observed":0,"frozen":false,"sentence":""},
    {"name":"latency","segment":"","verdict":"inconclusive","voted":3,"exceeded":0,"awaited":0,"observed":0,"frozen":false,
     "sentence":"97 more"}])"));
}

}  // namespace
}  // namespace muster::broker::test
