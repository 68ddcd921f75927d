// Guardrails from end to end: what applications tell their agents becomes votes of devices, and verdicts of segments
// become what the rule asks for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <thread>

#include "rules/verdict/sequential_test.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

using rules::SequentialTest;
using rules::Verdict;
using testing::AllOf;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string one_wave = "[{ name: all, percent: 100, soak: 0s }]";
const std::string half_first =
    "[{ name: first, percent: 50, gate: manual, soak: 0s }, { name: all, percent: 100, soak: 0s }]";

// The times of a rule that a slow machine must not be judged by.
std::string seconds(int count) {
  return std::to_string(count * slowness()) + "s";
}

// What runs on the devices: a few times a second, each tells its agent what it measures with the model that it has.
class Workload {
 public:
  // The StatsD lines of a device whose active model's file says `model`; none: it measures nothing.
  using Measures = std::function<std::string(const Agent& agent, const std::string& model)>;

  Workload(std::vector<const Agent*> agents, Measures measures)
      : agents_(std::move(agents)), measures_(std::move(measures)), thread_([this](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          while (!stop.stop_requested()) {
            tell_all();
            stopped_.wait_for(lock, stop, 200ms, [] { return false; });
          }
        }) {}

 private:
  void tell_all() const {
    for (const auto* agent : agents_) {
      const auto lines = measures_(*agent, agent->active_file("model", "model.txt"));
      if (!lines.empty()) (void)agent->offer_statsd(lines);  // nobody is there while the agent is down
    }
  }

  std::vector<const Agent*> agents_;
  Measures measures_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // ends before what it uses
};

class Guardrails : public World {
 protected:
  void settle_on_version_1() {
    make_release({.name = "m", .version = "1", .model_txt = "good 1"});
    start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
    ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  }
  void start_work(Workload::Measures measures) {
    std::vector<const Agent*> agents;
    for (std::size_t i = 0; i < agent_count(); ++i) agents.push_back(&agent(i));
    workload_ = std::make_unique<Workload>(std::move(agents), std::move(measures));
  }
  void kill_broker() {
    leave_ops();
    broker().kill_hard();
    ASSERT_TRUE(broker().start());
  }
  // The rollout's only guardrail, in one segment.
  nlohmann::json votes(const std::string& rollout, const std::string& segment = {}) {
    const auto shown = status(rollout);
    for (const auto& one : shown.value("guardrails", nlohmann::json::array())) {
      if (one.value("segment", "?") == segment) return one;
    }
    return nlohmann::json::object();
  }
  std::vector<std::string> reasons(const std::string& what) {
    std::vector<std::string> found;
    for (const auto& entry : audit()) {
      if (entry.value("what", "") == what) found.push_back(entry.value("why", ""));
    }
    return found;
  }
  std::uint64_t opened_s(const std::string& rollout, std::size_t wave) {
    return status(rollout).at("waves").at(wave).value("opened_s", std::uint64_t{0});
  }

 private:
  std::unique_ptr<Workload> workload_;
};

// Six devices in de and seven in us, with version 1, of which five and three are in the first wave.
class TwoRegions : public Guardrails {
 protected:
  void start_regions() {
    for (int i = 1; i <= 6; ++i)
      add_agent("de-" + std::to_string(i), {.region = "de", .tags = i <= 5 ? "[first]" : "[]"});
    for (int i = 1; i <= 7; ++i)
      add_agent("us-" + std::to_string(i), {.region = "us", .tags = i <= 3 ? "[first]" : "[]"});
    for (std::size_t i = 0; i < agent_count(); ++i) agent(i).start();
    make_release({.name = "m", .version = "1", .model_txt = "good 1"});
    ASSERT_EVENTUALLY(20s, metrics().at("devices").value("connected", 0) == 13);
    start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave, both));
    ASSERT_EVENTUALLY(20s, state("m-1") == "completed" && count("m-1", "done") == 13);
  }
  void expect_nothing_crashed() {
    for (std::size_t i = 0; i < agent_count(); ++i) {
      EXPECT_TRUE(agent(i).running()) << agent(i).name();
      const auto seen = device(agent(i).name());
      EXPECT_EQ(seen.value("state", ""), "healthy") << agent(i).name();
      EXPECT_EQ(seen.at("health").value("crash_count", -1), 0) << agent(i).name();
    }
    EXPECT_EQ(audit_count("device.failed"), 0u);
  }
  // What the operator is shown when all is over.
  void expect_table_of_verdicts() {
    const auto shown = ctl().json({"rollout", "status", "m-2"});
    EXPECT_EQ(shown.value("reached", 0), 12);
    EXPECT_EQ(shown.value("done", 0), 7);
    EXPECT_EQ(shown.value("reverted", 0), 5);
    EXPECT_EQ(shown.value("failed", -1), 0);
    EXPECT_EQ(shown.value("rolled_back", -1), 0);
    const auto& verdicts = shown.at("guardrails");
    ASSERT_EQ(verdicts.size(), 2u);
    EXPECT_EQ(verdicts[0].value("segment", ""), "region=de");  // what failed stands first
    EXPECT_EQ(verdicts[0].value("verdict", ""), "fail");
    EXPECT_TRUE(verdicts[0].value("frozen", false));
    EXPECT_EQ(verdicts[0].value("voted", 0), 5);
    EXPECT_EQ(verdicts[0].value("exceeded", 0), 5);
    EXPECT_EQ(verdicts[1].value("segment", ""), "region=us");
    EXPECT_EQ(verdicts[1].value("verdict", ""), "pass");
    EXPECT_FALSE(verdicts[1].value("frozen", true));
    EXPECT_EQ(verdicts[1].value("voted", 0), 7);
    EXPECT_EQ(verdicts[1].value("exceeded", -1), 0);
    const auto table = ctl().run({"rollout", "status", "m-2"}).out;
    EXPECT_THAT(table, ContainsRegex("quality +region=de +fail, frozen +5 of 5"));
    EXPECT_THAT(table, ContainsRegex("quality +region=us +pass +0 of 7"));
  }
  const std::string both = "device.region in [\"de\", \"us\"]";
};

// A model that reads worse in one region and well in the other, and crashes nowhere.
TEST_F(TwoRegions, TheOneThatGetsWorseGoesBackAndTheOtherGoesOn) {
  // Two regions share the error rate with those that may come: so many devices of each it takes.
  const SequentialTest test(400'000, 200'000, 3);
  ASSERT_EQ(test.judge({4, 4}), Verdict::inconclusive);
  ASSERT_EQ(test.judge({5, 5}), Verdict::fail);
  ASSERT_EQ(test.judge({6, 0}), Verdict::inconclusive);
  ASSERT_EQ(test.judge({7, 0}), Verdict::pass);
  open();
  start_regions();
  start_work([](const Agent& agent, const std::string& model) -> std::string {
    const bool worse = model == "good 2" && agent.name().substr(0, 2) == "de";
    return worse ? "edit_distance:30|g" : model == "good 2" ? "edit_distance:2.2|g" : "edit_distance:2|g";
  });
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }",
                            "[{ name: first, ring: '\"first\" in device.tags', gate: manual, soak: 0s }, "
                            "{ name: all, percent: 100, soak: 0s }]",
                            both,
                            "guardrails:\n  - { name: quality, metric: edit_distance, against: baseline, max_increase: "
                            "20%, by: [region], tolerate: 40%, confidence: 80%, observe: 2s, silent_after: " +
                                seconds(60) + ", on_fail: freeze_segment }\nbaseline_window: " + seconds(2) + "\n"));
  ASSERT_EVENTUALLY(30s, votes("m-2", "region=de").value("frozen", false));
  ASSERT_EVENTUALLY(15s, count("m-2", "reverted") == 5 && state("m-2") == "awaiting_approval");
  EXPECT_EVENTUALLY(15s, votes("m-2", "region=us").value("voted", 0) == 3);
  EXPECT_EQ(agents_with("good 2"), 3u);
  ctl().must({"rollout", "approve", "m-2", "--reason", "us reads well"});
  ASSERT_EVENTUALLY(30s, state("m-2") == "completed");

  EXPECT_EQ(agents_with("good 2"), 7u);
  EXPECT_EQ(agents_with("good 1"), 6u);
  EXPECT_EQ(agent_named("de-6").slot_count("model"), 1u) << "the one that nobody had assigned yet never saw it";
  expect_table_of_verdicts();
  expect_nothing_crashed();
  EXPECT_THAT(reasons("guardrail.failed"),
              ElementsAre(AllOf(HasSubstr("quality in region=de: 5 of 5 exceeded (tolerate 40 % at 80 %; rule line "),
                                HasSubstr("on_fail: freeze_segment"))));
  EXPECT_THAT(reasons("segment.frozen"),
              ElementsAre(HasSubstr("region=de gets nothing more; of 6 devices there 5 go back")));
  EXPECT_THAT(reasons("wave.approved"), ElementsAre(AllOf(HasSubstr("region=de: fail, 5 of 5 exceeded"),
                                                          HasSubstr("region=us: inconclusive, 0 of 3"))));
  EXPECT_THAT(reasons("guardrail.passed"), ElementsAre(HasSubstr("region=us: 0 of 7 exceeded")));
  expect_audit_intact();
}

// Each device is compared with itself. What was voted outlives a broker that is killed; what was measured of devices
// that are still to be reached does not, and is measured anew.
TEST_F(Guardrails, ABaselineIsMeasuredFirstAndAgainAfterTheBrokerWasKilled) {
  open();
  start_fleet(4);
  settle_on_version_1();
  // From 100 to 400 ms, and with the new model five in a hundred more: a limit for all would find some too slow.
  start_work([](const Agent& agent, const std::string& model) {
    const double before_ms = 100.0 * (agent.name().back() - '0' + 1);
    return "p95_ms:" + std::to_string(model == "good 2" ? before_ms * 1.05 : before_ms) + "|g";
  });
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  const auto window_s = static_cast<std::uint64_t>(3 * slowness());
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", half_first, "device.region == \"eu\"",
                            "guardrails:\n  - { name: latency, metric: p95_ms, against: baseline, max_increase: 10%, "
                            "tolerate: 50%, confidence: 80%, observe: 2s, silent_after: " +
                                seconds(60) + " }\nbaseline_window: " + std::to_string(window_s) + "s\n"));
  const auto measuring = status("m-2");
  EXPECT_EQ(measuring.value("reached", -1), 0);
  EXPECT_THAT(measuring.value("waiting_for", ""), HasSubstr("are measured before wave first"));
  ASSERT_EVENTUALLY(20s, count("m-2", "reached") == 2);
  kill_broker();  // who was assigned votes by what was measured of it before
  ASSERT_EVENTUALLY(20s, state("m-2") == "awaiting_approval" && votes("m-2").value("voted", 0) == 2);
  EXPECT_GE(opened_s("m-2", 0), measuring.value("started_s", std::uint64_t{0}) + window_s);
  {
    // What observers are shown is durable; what musterctl shows may be a moment ahead.
    auto viewer = operator_session("viewer");
    ASSERT_TRUE(viewer->subscribe("muster/v1/rollout/m-2"));
    const auto has_two_votes = [](const host::MqttMessage& message) {
      const auto shown = nlohmann::json::parse(ByteView(message.payload).text()).at("guardrails").at(0);
      return shown.value("voted", 0) == 2 && shown.value("exceeded", -1) == 0 &&
             shown.value("verdict", "") == "inconclusive";
    };
    ASSERT_TRUE(viewer->wait_for("muster/v1/rollout/m-2", 10s, has_two_votes).has_value());
  }

  const auto killed_s = now_s();
  kill_broker();
  EXPECT_EQ(votes("m-2").value("voted", 0), 2);
  EXPECT_EQ(state("m-2"), "awaiting_approval");
  ctl().must({"rollout", "approve", "m-2"});
  ASSERT_EVENTUALLY(30s, state("m-2") == "completed");
  EXPECT_GE(opened_s("m-2", 1), killed_s + window_s);
  EXPECT_EQ(agents_with("good 2"), 4u);
  EXPECT_EQ(votes("m-2").value("verdict", ""), "pass");
  EXPECT_EVENTUALLY(10s, votes("m-2").value("voted", 0) == 4);  // it takes three of them to pass
  EXPECT_EQ(votes("m-2").value("exceeded", -1), 0);
  EXPECT_EQ(reasons("guardrail.passed").size(), 1u);
  expect_audit_intact();
}

// A release that no longer measures what is judged is not a good one. The rollout halts until a person says otherwise.
TEST_F(Guardrails, AMetricThatVanishesPausesUntilItIsAcknowledged) {
  open();
  start_fleet(4);
  settle_on_version_1();
  start_work([](const Agent&, const std::string& model) -> std::string {
    return model == "good 2" ? "p95_ms:20|g" : "p95_ms:20|g\nedit_distance:2|g";
  });
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave, "device.region == \"eu\"",
                            "guardrails:\n  - { name: quality, metric: edit_distance, against: baseline, max_increase: "
                            "50%, tolerate: 50%, confidence: 80%, observe: 2s, silent_after: " +
                                seconds(60) + ", on_fail: pause }\nbaseline_window: " + seconds(2) + "\n"));
  ASSERT_EVENTUALLY(30s, state("m-2") == "halted");
  EXPECT_THAT(status("m-2").value("waiting_for", ""), HasSubstr("quality: 4 of 4 exceeded"));
  EXPECT_EQ(count("m-2", "failed"), 0);  // no attempt has failed
  EXPECT_EQ(agents_with("good 2"), 4u);
  const auto plain = ctl().run({"rollout", "resume", "m-2"});
  EXPECT_NE(plain.exit_code, 0) << plain.out;
  EXPECT_THAT(plain.err, HasSubstr("acknowledge"));
  EXPECT_EQ(state("m-2"), "halted");
  ctl().must({"rollout", "resume", "m-2", "--acknowledge-failures", "--reason", "it is measured elsewhere now"});
  ASSERT_EVENTUALLY(10s, state("m-2") == "completed");
  EXPECT_THAT(votes("m-2").value("sentence", ""), HasSubstr("an earlier fail was acknowledged"));
  EXPECT_EQ(votes("m-2").value("voted", -1), 0);
  EXPECT_EQ(audit_count("rollout.halted"), 1u);
  EXPECT_THAT(reasons("failures.acknowledged"),
              ElementsAre(AllOf(HasSubstr("4 of 4 exceeded"), HasSubstr("measured elsewhere"))));
  expect_audit_intact();
}

// The release still asks for the accelerator and does not get it: nothing fails, and it is only slower. What the
// workload says counts, not what the manifest asks for.
TEST_F(Guardrails, ASilentFallBackToTheCpuTakesTheReleaseBack) {
  open();
  start_fleet(4);
  const std::string asks_for_npu = "runtime: { delegate: npu }\n";
  make_release({.name = "m", .version = "1", .model_txt = "good 1", .more = asks_for_npu});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  // Of a summary that already speaks of the model; "?" before there is one.
  const auto delegate_of = [&](std::size_t i) -> std::string {
    const auto health = device(agent(i).name()).at("health");
    return health.is_null() || health.at("model_hash").is_null() ? "?" : health.value("delegate_active", "?");
  };
  for (std::size_t i = 0; i < agent_count(); ++i) {
    ASSERT_EVENTUALLY(10s, delegate_of(i) != "?");
    EXPECT_EQ(delegate_of(i), "") << "nobody has said it yet";
  }
  start_work([](const Agent&, const std::string& model) -> std::string {
    return model == "good 2" ? "p95_ms:20|g\ndelegate_active:cpu|s" : "p95_ms:20|g\ndelegate_active:npu|s";
  });
  ASSERT_EVENTUALLY(10s, delegate_of(0) == "npu");
  make_release({.name = "m", .version = "2", .model_txt = "good 2", .more = asks_for_npu});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave, "device.region == \"eu\"",
                            "guardrails:\n  - { name: delegate, metric: delegate_active, against: baseline, tolerate: "
                            "50%, confidence: 80%, observe: 2s, silent_after: " +
                                seconds(60) + ", on_fail: rollback }\nbaseline_window: " + seconds(2) + "\n"));
  ASSERT_EVENTUALLY(30s, state("m-2") == "aborted");
  ASSERT_EVENTUALLY(15s, agents_with("good 1") == 4);
  EXPECT_THAT(reasons("guardrail.failed"),
              ElementsAre(AllOf(HasSubstr("delegate: 4 of 4 exceeded"), HasSubstr("on_fail: rollback"))));
  EXPECT_EQ(count("m-2", "failed"), 0);  // no attempt has failed
  EXPECT_EVENTUALLY(10s, delegate_of(0) == "npu");
  expect_audit_intact();
}

// A device that is done and then says nothing more votes against; the others go on without it.
TEST_F(Guardrails, SilenceVotesAgainstAndBlocksNobody) {
  open();
  start_fleet(4);
  start_work([](const Agent&, const std::string&) { return "edit_distance:2|g"; });
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave, "device.region == \"eu\"",
                            "guardrails:\n  - { name: quality, metric: edit_distance, max: 10, tolerate: 80%, "
                            "confidence: 60%, observe: 2s, silent_after: " +
                                seconds(5) + " }\n"));
  auto& victim = agent(3);
  const auto heard = [&] { return device(victim.name()).at("health"); };
  const auto is_done = [&] {
    const auto rollouts = device(victim.name()).value("rollouts", nlohmann::json::array());
    return !rollouts.empty() && rollouts[0].value("standing", "") == "done";
  };
  ASSERT_EVENTUALLY(15s, is_done());
  const auto before = heard();
  ASSERT_EVENTUALLY(15s, heard() != before);  // it measures, and the broker knows: silence would be news
  victim.kill_hard();
  ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  ASSERT_EVENTUALLY(20s, votes("m-1").value("voted", 0) == 4 && votes("m-1").value("exceeded", 0) == 1);
  EXPECT_EQ(votes("m-1").value("verdict", ""), "pass");
  EXPECT_EQ(count("m-1", "failed"), 0);
  // What it says when it is back no longer changes its vote.
  victim.start();
  ASSERT_EVENTUALLY(10s, device(victim.name()).value("connected", false));
  const auto silent = heard();
  ASSERT_EVENTUALLY(10s, heard() != silent);
  EXPECT_EQ(votes("m-1").value("exceeded", 0), 1);
  EXPECT_EQ(audit_count("guardrail.failed"), 0u);
  expect_audit_intact();
}

// Two devices never give a verdict at 99 %: each wave goes on when it has waited long enough, and that is written down.
TEST_F(Guardrails, AFleetTooSmallForAVerdictGoesOnWithoutOne) {
  open();
  start_fleet(2);
  start_work([](const Agent&, const std::string&) { return "edit_distance:2|g"; });
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  const int patience_s = 3 * slowness();
  start_rollout(
      "m-1",
      rule("m-1", "{ model: m@1 }", "[{ name: first, percent: 50, soak: 0s }, { name: all, percent: 100, soak: 0s }]",
           "device.region == \"eu\"",
           "guardrails:\n  - { name: quality, metric: edit_distance, max: 10, observe: 1s, silent_after: " +
               seconds(60) + ", on_inconclusive: { advance_after: " + std::to_string(patience_s) + "s } }\n"));
  ASSERT_EVENTUALLY(10s, votes("m-1").value("voted", 0) == 1);
  ASSERT_EVENTUALLY(20s, state("m-1") == "completed");
  EXPECT_GE(opened_s("m-1", 1), opened_s("m-1", 0) + static_cast<std::uint64_t>(patience_s));
  EXPECT_EQ(votes("m-1").value("verdict", ""), "inconclusive");
  EXPECT_THAT(reasons("guardrail.waived"),
              ElementsAre(AllOf(HasSubstr("wave first"), HasSubstr("goes on without a verdict"),
                                HasSubstr("quality: 0 of 1 exceeded (tolerate 5 % at 99 %; rule line ")),
                          AllOf(HasSubstr("wave all"), HasSubstr("quality: 0 of 2 exceeded"))));
  EXPECT_EQ(audit_count("guardrail.passed"), 0u);
  expect_audit_intact();
}

}  // namespace
}  // namespace muster::e2e
