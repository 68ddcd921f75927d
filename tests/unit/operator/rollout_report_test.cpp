// What a rollout's report says, of audit entries in the words of the engine; the real words, from a real broker, are in
// tests/e2e/06_device_test.cpp.
#include "operator/rollout_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/render/report_text.h"

namespace muster::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

class Report : public testing::Test {
 protected:
  Report() {
    view_.rollout = "r";
    view_.state = "halted";
    view_.started_by = "alice";
    view_.started_s = 100;
    view_.versions = {{"model", "reader", "2"}};
    view_.targets = 40;
    view_.reached = 10;
    view_.waves = {{"canary", "open", "auto", 25, 10, 8, 2, 0, 100}};
    add("alice", "rollout.started", "r", "model reader@2 for 40 targets");
  }
  void add(const std::string& who, const std::string& what, const std::string& subject, const std::string& why) {
    AuditEntry entry;
    entry.seq = entries_.size() + 1;
    entry.time_s = 100 + entries_.size();
    entry.who = who;
    entry.what = what;
    entry.subject = subject;
    entry.why = why;
    entries_.push_back(entry);
  }
  void fail(const std::string& device, const std::string& said) {
    add(device, "device.failed", device,
        "rollout r: " + said +
            "; wave canary (25 %): 8 done, 1 failed of 10; 1 unacknowledged failure, the rule halts at 2");
  }
  RolloutReport report() { return make_report(view_, entries_); }

  RolloutView view_;
  std::vector<AuditEntry> entries_;
};

TEST_F(Report, TellsFailuresByTheirCause) {
  fail("d1", "probe_failed: exit code 1; it said: no");
  fail("d2", "fetch_timeout");
  fail("d3", "bad_signature: release; attempt 2 of 3 (rule line 9)");
  fail("d4", "attempt_timeout: no end");
  const auto made = report();
  ASSERT_EQ(made.failures.size(), 4u);
  EXPECT_EQ(made.failures[0].error, "probe_failed");
  EXPECT_EQ(made.failures[0].detail, "exit code 1; it said: no");
  EXPECT_EQ(made.failures[1].error, "fetch_timeout");
  EXPECT_EQ(made.failures[1].detail, "");
  for (const auto cause : {rules::FailureCause::release, rules::FailureCause::infrastructure,
                           rules::FailureCause::refused, rules::FailureCause::unclear})
    EXPECT_EQ(made.count(cause), 1u);
  EXPECT_THAT(report_text(made),
              HasSubstr("4 devices failed: 1 by the release, 1 by link, broker or disk, 1 refused by "
                        "the device, 1 for an unclear cause."));
}

TEST_F(Report, ADeviceIsToldOnceWithItsLastFailureAndWhatCameAfter) {
  fail("d1", "fetch_failed");
  fail("d1", "probe_failed: exit code 1");
  add("d1", "evidence.received", "abcdef0123456789", "812 bytes");
  add("d1", "device.recovered", "d1", "rollout r: it runs the assigned versions after all; 0 devices still failed");
  const auto made = report();
  ASSERT_EQ(made.failures.size(), 1u);
  EXPECT_EQ(made.failures[0].error, "probe_failed");
  EXPECT_TRUE(made.failures[0].recovered);
  EXPECT_THAT(made.failures[0].bundles, ElementsAre("abcdef0123456789"));
  EXPECT_THAT(report_text(made), HasSubstr("runs it after all; 1 evidence bundle, the newest abcdef012345"));
}

TEST_F(Report, TheTriggerIsTheFirstThingThatWentWrong) {
  EXPECT_FALSE(report().trigger);
  EXPECT_THAT(report_text(report()), HasSubstr("Nothing stopped it."));
  add("muster", "guardrail.passed", "r", "rollout r: guardrail latency: 0 of 100 exceeded");
  add("muster", "guardrail.failed", "r", "rollout r: guardrail quality: 5 of 9 exceeded");
  add("muster", "rollout.halted", "r", "rollout r: guardrail quality: 5 of 9 exceeded");
  const auto made = report();
  ASSERT_TRUE(made.trigger);
  EXPECT_EQ(made.trigger->what, "guardrail.failed");
  EXPECT_THAT(made.measures, ElementsAre(Field(&AuditEntry::what, "rollout.halted")));
}

TEST_F(Report, LeavesOutOtherRolloutsAndAnEarlierOneOfTheSameName) {
  entries_.clear();
  add("alice", "rollout.started", "r", "an earlier one");
  add("muster", "rollout.halted", "r", "rollout r: then");
  add("alice", "rollout.started", "r", "model reader@2");
  add("muster", "device.failed", "d9", "rollout r2: probe_failed; wave a (1 %): 0 done");
  add("muster", "order.given", "fleet",
      "freeze of reader@2 ordered for fleet (epoch 2); 1 order stands there; guardrail quality");
  for (const auto* other : {"other@2", "reader@21", "reader@2.1", "my-reader@2", "v.reader@2"})
    add("alice", "order.given", "fleet", "freeze of " + std::string(other) + " ordered for fleet (epoch 3)");
  const auto made = report();
  EXPECT_TRUE(made.whole);
  EXPECT_THAT(made.entries, ElementsAre(Field(&AuditEntry::why, "model reader@2"),
                                        Field(&AuditEntry::why, HasSubstr("freeze of reader@2"))));
  EXPECT_TRUE(made.failures.empty());
  EXPECT_THAT(made.left_to_do, testing::Contains(HasSubstr("frozen by a guardrail in the scope fleet")));
}

TEST_F(Report, SaysWhatIsLeftToDo) {
  fail("d1", "probe_failed");
  view_.stops = {{"region=de", "alice", "labels", false, 120}};
  view_.unreachable = 1;
  EXPECT_THAT(report().left_to_do,
              ElementsAre(HasSubstr("rollout resume r --acknowledge-failures"), HasSubstr("1 device sent none"),
                          HasSubstr("1 unreachable device"), HasSubstr("rollout continue r --group region=de"),
                          HasSubstr("release retire reader@2"), HasSubstr("Say what the cause was")));
  view_ = RolloutView();
  view_.rollout = "r";
  view_.state = "completed";
  entries_.resize(1);
  EXPECT_THAT(report().left_to_do, ElementsAre(HasSubstr("Say what the cause was")));
}

TEST_F(Report, WhatDevicesSayCannotBreakItsTables) {
  fail("d1", "probe_failed: a | b\n# not a heading <b> `code`");
  const auto text = report_text(report());
  EXPECT_THAT(text, AllOf(HasSubstr("a \\| b?# not a heading \\<b> \\`code\\`"), Not(HasSubstr("\n# not"))));
}

TEST_F(Report, LongOnesAreCutInTheMiddleAndSaySo) {
  for (std::size_t i = 0; i < 500; ++i) fail("d" + std::to_string(i), "probe_failed");
  const auto text = report_text(report());
  EXPECT_THAT(text, AllOf(HasSubstr("and 400 more"), HasSubstr("301 more, left out here")));
  EXPECT_THAT(text, HasSubstr("| rollout.started | r |"));
  EXPECT_THAT(text, HasSubstr("| device.failed | d499 |"));
  entries_.erase(entries_.begin());
  EXPECT_THAT(report_text(report()), HasSubstr("does not reach back to its start"));
}

}  // namespace
}  // namespace muster::ctl
