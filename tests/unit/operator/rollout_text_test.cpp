#include "operator/render/rollout_text.h"

#include <gtest/gtest.h>

#include <sstream>

#include "operator/commands/watch.h"
#include "operator/render/guardrail_text.h"
#include "operator/render/screen.h"
#include "operator/render/text_width.h"

namespace muster::ctl {
namespace {

constexpr Style ascii{false, false};
constexpr Style unicode{false, true};

RolloutView view() {
  RolloutView v;
  v.rollout = "reader-2";
  v.state = "running";
  v.started_by = "alice";
  v.versions = {{"model", "reader", "2"}, {"config", "sorter", "14"}};
  v.started_s = 1000;
  v.targets = 100;
  v.reached = 50;
  v.done = 30;
  v.failed = 1;
  v.unreachable = 2;
  v.wave = 1;
  v.waves = {{"canary", "done", "manual", 10, 10, 10, 0, 0, 1000},
             {"half", "open", "auto", 50, 40, 20, 1, 2, 1100},
             {"all", "pending", "auto", 100, 50, 0, 0, 0, 0}};
  return v;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

TEST(RolloutFrame, At80Columns) {
  EXPECT_EQ(joined(rollout_frame(view(), 1125, 80, unicode)),
            "reader-2  running  model reader@2, config sorter@14  2 min 05 s\n"
            "  canary   10 %  ███████████████████████████████  10/10\n"
            "▸ half     50 %  ███████████████▓▒▒░░░░░░░░░░░░░  20/40  1 failed, 2 unreachable\n"
            "  all     100 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0/50\n"
            "  reached 50 of 100 devices, 30 done, 1 failed, 2 unreachable\n");
}

TEST(RolloutText, SaysHowLongTheWayBackIsKept) {
  auto completed = view();
  EXPECT_EQ(rollout_text(completed, 2000, 80, ascii).find("ran before"), std::string::npos);
  completed.previous_kept_until_s = 1'000'000;
  EXPECT_NE(
      rollout_text(completed, 999'999, 80, ascii).find("what its devices ran before is kept until 1970-01-12 13:46"),
      std::string::npos)
      << rollout_text(completed, 999'999, 80, ascii);
  EXPECT_EQ(rollout_text(completed, 1'000'000, 80, ascii).find("ran before"), std::string::npos) << "no longer";
}

TEST(RolloutFrame, SaysWhoWaitsForAnotherTimeOrAnotherAttempt) {
  auto waits = view();
  waits.retrying = waits.waves[1].retrying = 3;
  waits.awaiting_window = 12;
  const auto text = joined(rollout_frame(waits, 1125, 160, ascii));
  EXPECT_NE(text.find("20/40  1 failed, 2 unreachable, 3 retrying"), std::string::npos) << text;
  EXPECT_NE(text.find("2 unreachable, 3 retrying, 12 waiting for a maintenance window"), std::string::npos) << text;
}

TEST(RolloutFrame, At40ColumnsInAscii) {
  EXPECT_EQ(joined(rollout_frame(view(), 1125, 40, ascii)),
            "reader-2  running  model reader@2, conf~\n"
            "  canary   10 %  ######  10/10\n"
            "> half     50 %  ##x?..  20/40  1 faile~\n"
            "  all     100 %  ......  0/50\n"
            "  reached 50 of 100 devices, 30 done, 1\n"
            "  failed, 2 unreachable\n");
}

TEST(RolloutFrame, SaysWhatItWaitsForAndShowsRings) {
  auto v = view();
  v.state = "awaiting_approval";
  v.waiting_for = "approval of wave canary";
  v.wave = 0;
  v.waves = {{"canary", "open", "manual", 0, 3, 3, 0, 0, 1000}};
  EXPECT_EQ(joined(rollout_frame(v, 1000, 60, ascii)),
            "reader-2  awaiting_approval  model reader@2, config sorter@~\n"
            "> canary  ring  ##########################  3/3  manual gate\n"
            "  reached 50 of 100 devices, 30 done, 1 failed, 2\n"
            "  unreachable\n"
            "  approval of wave canary\n");
}

TEST(RolloutFrame, SaysAllOfWhatItWaitsFor) {
  auto v = view();
  v.waiting_for =
      "1 device failed without being acknowledged, and the rule halts at 1 (rule line 9); resume with the failures "
      "acknowledged, or abort";
  const auto text = joined(rollout_frame(v, 1125, 60, ascii));
  EXPECT_NE(text.find("  1 device failed without being acknowledged, and the rule\n"
                      "  halts at 1 (rule line 9); resume with the failures\n"
                      "  acknowledged, or abort\n"),
            std::string::npos)
      << text;
}

TEST(RolloutText, NamesTheLinesOfItsWavesEachOnce) {
  auto v = view();
  EXPECT_EQ(rollout_text(v, 1125, 120, ascii).find("rule line"), std::string::npos);
  v.waves[0].line = 7;
  v.waves[1].line = v.waves[2].line = 9;
  const auto text = rollout_text(v, 1125, 120, ascii);
  EXPECT_NE(text.find("by alice; waves: rule lines 7, 9\n"), std::string::npos) << text;
  v.waves[0].line = 9;
  EXPECT_NE(rollout_text(v, 1125, 120, ascii).find("; waves: rule line 9\n"), std::string::npos);
}

TEST(RolloutFrame, AWaveThatHasNotOpenedIsPending) {
  auto v = view();
  v.waves[2].devices = 0;
  EXPECT_EQ(rollout_frame(v, 1125, 40, ascii).at(3), "  all     100 %  ......  pending");
}

TEST(RolloutFrame, NoLineIsWiderThanTheTerminal) {
  auto v = view();
  v.waiting_for = std::string(300, 'w');
  v.waves[0].name = std::string(64, 'n');
  for (std::size_t columns = 20; columns < 200; ++columns) {
    for (const auto& style : {ascii, unicode, Style{true, true}}) {
      for (const auto& line : rollout_frame(v, 2000, columns, style)) ASSERT_LE(display_width(line), columns) << line;
    }
  }
}

TEST(RolloutFrame, WhatDevicesSayCannotDriveTheTerminal) {
  auto v = view();
  v.failures = {{"d\x1b[2J1", "probe_failed", "line\nbreak", true}};
  const auto text = rollout_text(v, 1125, 80, ascii);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("d?[2J1  probe_failed: line?break  (acknowledged)"), std::string::npos) << text;
  EXPECT_NE(text.find("started 1970-01-01 00:16:40 by alice"), std::string::npos) << text;
}

TEST(RolloutText, NamesWhomOperatorsTookOut) {
  auto v = view();
  v.stopped = 4;
  v.stops = {{"region=de", "alice", "wrong labels", true, 1100}};
  v.cancelled_count = 3;
  v.cancelled = {{"gw-1", "bob", "bad \x1b[2J disk", false, 1105}};
  const auto text = rollout_text(v, 1125, 120, ascii);
  EXPECT_NE(text.find("2 unreachable, 4 stopped, 3 cancelled\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  stopped  region=de  with revert, by alice, 1970-01-01 00:18:20: wrong labels\n"
                      "  cancelled  gw-1  by bob, 1970-01-01 00:18:25: bad "),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(" disk\n  and 2 cancelled earlier\n"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

std::vector<GuardrailView> guardrails() {
  return {{"latency", "", "inconclusive", "97 more devices without an exceedance give a pass", 3, 0, false},
          {"quality", "region=us", "pass", "", 200, 0, false},
          {"quality", "region=de", "fail", "5 of 12 devices exceeded: more than 5 % do, at 99 %", 12, 5, true},
          {"crashes", "", "inconclusive", "", 0, 0, false}};
}

TEST(Guardrails, AreCountedInTheFrameAndFollowInATable) {
  auto v = view();
  v.guardrails = guardrails();
  const auto text = rollout_text(v, 1125, 120, ascii);
  EXPECT_NE(text.find("2 unreachable\n  guardrails 1 pass, 1 fail, 2 inconclusive\n  started "), std::string::npos)
      << text;
  EXPECT_NE(
      text.find(" by alice\n\n"
                "guardrail  segment    verdict       exceeded  why\n"
                "quality    region=de  fail, frozen   5 of 12  5 of 12 devices exceeded: more than 5 % do, at 99 %\n"
                "latency    all        inconclusive    0 of 3  97 more devices without an exceedance give a pass\n"
                "quality    region=us  pass          0 of 200\n"
                "crashes    all        inconclusive  no votes\n"),
      std::string::npos)
      << text;
  EXPECT_EQ(rollout_text(view(), 1125, 120, ascii).find("guardrail"), std::string::npos) << "a rule without any";
}

TEST(Guardrails, SentencesAreNotCutOnANarrowTerminal) {
  EXPECT_EQ(guardrail_table(guardrails(), 50, ascii),
            "guardrail  segment    verdict       exceeded\n"
            "quality    region=de  fail, frozen   5 of 12\n"
            "      5 of 12 devices exceeded: more than 5 % do,\n"
            "      at 99 %\n"
            "latency    all        inconclusive    0 of 3\n"
            "      97 more devices without an exceedance give a\n"
            "      pass\n"
            "quality    region=us  pass          0 of 200\n"
            "crashes    all        inconclusive  no votes\n");
}

TEST(Guardrails, NoLineIsWiderThanTheTerminal) {
  auto v = view();
  v.guardrails = guardrails();
  for (std::size_t columns = 20; columns < 150; ++columns) {
    for (const auto& line : rollout_frame(v, 2000, columns, unicode)) ASSERT_LE(display_width(line), columns) << line;
  }
  std::istringstream table(guardrail_table(guardrails(), 48, {true, true}));
  for (std::string line; std::getline(table, line);) EXPECT_LE(display_width(line), 48u) << line;
}

TEST(Guardrails, AreNewsWhenTheirVerdictChanges) {
  auto v = view();
  v.guardrails = guardrails();
  GuardrailNews news;
  EXPECT_EQ(news.lines(v),
            (std::vector<std::string>{"reader-2 guardrail quality, region=us: pass: 0 of 200 exceeded",
                                      "reader-2 guardrail quality, region=de: fail, frozen: 5 of 12 devices exceeded: "
                                      "more than 5 % do, at 99 %"}))
      << "what had a verdict before the watch began";
  v.guardrails[0].voted = 50;
  v.guardrails[0].sentence = "50 more";
  EXPECT_TRUE(news.lines(v).empty()) << "votes alone are no news";
  v.guardrails[0].verdict = "pass";
  v.guardrails[2].verdict = "inconclusive";
  v.guardrails[2].frozen = false;
  v.guardrails[2].voted = v.guardrails[2].exceeded = 0;
  v.guardrails[2].sentence.clear();
  v.guardrails.erase(v.guardrails.begin() + 1);
  EXPECT_EQ(news.lines(v), (std::vector<std::string>{"reader-2 guardrail latency, all: pass: 50 more",
                                                     "reader-2 guardrail quality, region=de: inconclusive"}));
  v.guardrails = guardrails();
  v.guardrails[0].verdict = "pass";
  v.guardrails[2].verdict = "inconclusive";
  v.guardrails[2].frozen = false;
  EXPECT_TRUE(news.lines(v).empty()) << "a segment that was left out for a while is told once";
}

TEST(Guardrails, WhatARuleSaysCannotDriveTheTerminal) {
  GuardrailView one{"a\x1b[2J", "region=\x1b", "\x1b", "x\ny", 1, 1, false};
  auto v = view();
  v.guardrails = {one};
  GuardrailNews news;
  for (const auto& text : {guardrail_table(v.guardrails, 200, ascii), news.lines(v).at(0)}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_NE(text.find("x?y"), std::string::npos) << text;
  }
}

TEST(RolloutLine, SaysItInOne) {
  auto v = view();
  v.failures = {{"dev-7", "probe_failed", "", false}};
  EXPECT_EQ(rollout_line(v),
            "reader-2 running: wave half 20/40  1 failed, 2 unreachable; reached 50 of 100 devices, 30 done, 1 failed, "
            "2 unreachable (dev-7: probe_failed)");
}

TEST(RolloutTable, HasOneLineEach) {
  auto ended = view();
  ended.rollout = "reader-1";
  ended.state = "completed";
  ended.wave = 2;
  EXPECT_EQ(
      rollout_table({view(), ended}, 200, ascii),
      "rollout   state      wave  reached  done  failed  back  versions                          started\n"
      "reader-2  running    half   50/100    30       1     0  model reader@2, config sorter@14  1970-01-01 00:16:40\n"
      "reader-1  completed  all    50/100    30       1     0  model reader@2, config sorter@14  1970-01-01 "
      "00:16:40\n");
}

TEST(Screen, DrawsOverItselfAndClearsWhatIsLeft) {
  std::ostringstream out;
  Screen screen(out);
  screen.draw({"a", "b"});
  screen.draw({"c"});
  EXPECT_EQ(out.str(), "a\x1b[K\nb\x1b[K\n\x1b[J\x1b[2Fc\x1b[K\n\x1b[J");
}

TEST(WatchEnd, WithoutUntilOnlyCompletionIsSuccess) {
  const WatchOptions options;
  EXPECT_EQ(watch_end("completed", options), ExitCode::ok);
  EXPECT_EQ(watch_end("halted", options), ExitCode::rollout_halted);
  EXPECT_EQ(watch_end("aborted", options), ExitCode::rollout_aborted);
  for (const char* state : {"running", "awaiting_approval", "paused", "reverting", "from_the_future"})
    EXPECT_FALSE(watch_end(state, options)) << state;
}

TEST(WatchEnd, UntilNamesWhatIsWanted) {
  WatchOptions options;
  options.until = {"awaiting_approval", "halted"};
  EXPECT_EQ(watch_end("awaiting_approval", options), ExitCode::ok);
  EXPECT_EQ(watch_end("halted", options), ExitCode::ok);
  EXPECT_EQ(watch_end("completed", options), ExitCode::rollout_completed);
  options.until = {"aborted"};
  EXPECT_FALSE(watch_end("halted", options)) << "an abort comes after a halt";
  EXPECT_FALSE(watch_end("completed", options)) << "a completed rollout can be aborted";
  EXPECT_EQ(watch_end("aborted", options), ExitCode::ok);
  options.until = {"reverting"};
  EXPECT_EQ(watch_end("aborted", options), ExitCode::rollout_aborted);
}

TEST(WatchEnd, CanLookPastHalts) {
  WatchOptions options;
  options.through_halts = true;
  EXPECT_FALSE(watch_end("halted", options));
  EXPECT_EQ(watch_end("completed", options), ExitCode::ok);
}

}  // namespace
}  // namespace muster::ctl
