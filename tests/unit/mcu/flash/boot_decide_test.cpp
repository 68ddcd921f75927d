#include "mcu-client/src/boot/boot.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/mcu/flash/device.h"

namespace muster::mcu {
namespace {

BootState settled(std::uint8_t active = 0) {
  BootState state;
  state.starts = 10;
  state.security_floor = 5;
  state.active = state.running = active;
  return state;
}

constexpr SlotView good{true, 5}, newer{true, 6}, old{true, 4}, broken{false, 0};
constexpr ResetCause all_causes[] = {ResetCause::unknown, ResetCause::power_on, ResetCause::software,
                                     ResetCause::watchdog, ResetCause::fault};

struct Row {
  const char* name;
  BootState state;
  SlotView slots[2];
  ResetCause cause;
  std::uint8_t slot, active, fallbacks, crashes, trial_starts;
  TrialOutcome outcome;
};

BootState with_trial(std::uint8_t starts) {
  BootState state = settled();
  state.trial = 1;
  state.outcome = TrialOutcome::requested;
  state.trial_starts = starts;
  if (starts > 0) state.running = 1;
  return state;
}

BootState with_crashes(std::uint8_t crashes) {
  BootState state = settled();
  state.crashes = crashes;
  return state;
}

using Outcome = TrialOutcome;
const Row rows[] = {
    // name, state, slots, cause -> slot, active, fallbacks, crashes, trial starts, outcome
    {"ordinary", settled(), {good, newer}, ResetCause::power_on, 0, 0, 0, 0, 0, Outcome::none},
    {"first trial start", with_trial(0), {good, newer}, ResetCause::software, 1, 0, 0, 0, 1, Outcome::requested},
    {"second, after a power cut",
     with_trial(1),
     {good, newer},
     ResetCause::power_on,
     1,
     0,
     0,
     0,
     2,
     Outcome::requested},
    {"third, after a hang", with_trial(2), {good, newer}, ResetCause::watchdog, 1, 0, 0, 1, 3, Outcome::requested},
    {"exhausted", with_trial(3), {good, newer}, ResetCause::watchdog, 0, 0, 0, 0, 3, Outcome::reverted},
    {"trial damaged", with_trial(0), {good, broken}, ResetCause::software, 0, 0, 0, 0, 0, Outcome::reverted},
    {"trial under the floor", with_trial(0), {good, old}, ResetCause::software, 0, 0, 0, 0, 0, Outcome::reverted},
    {"exhausted, active damaged", with_trial(3), {broken, newer}, ResetCause::fault, 1, 1, 1, 1, 3, Outcome::reverted},
    {"trial while active is damaged",
     with_trial(0),
     {broken, newer},
     ResetCause::software,
     1,
     0,
     0,
     0,
     1,
     Outcome::requested},
    {"active damaged", settled(), {broken, good}, ResetCause::power_on, 1, 1, 1, 0, 0, Outcome::none},
    {"active damaged, other under the floor",
     settled(),
     {broken, old},
     ResetCause::power_on,
     no_slot,
     0,
     0,
     0,
     0,
     Outcome::none},
    {"both damaged", settled(), {broken, broken}, ResetCause::power_on, no_slot, 0, 0, 0, 0, Outcome::none},
    {"active under the floor", settled(), {old, good}, ResetCause::power_on, 1, 1, 1, 0, 0, Outcome::none},
    {"a crash", with_crashes(0), {good, good}, ResetCause::fault, 0, 0, 0, 1, 0, Outcome::none},
    {"one before the last crash", with_crashes(6), {good, good}, ResetCause::watchdog, 0, 0, 0, 7, 0, Outcome::none},
    {"the last crash", with_crashes(7), {good, good}, ResetCause::watchdog, 1, 1, 1, 0, 0, Outcome::none},
    {"power-on is no crash", with_crashes(7), {good, good}, ResetCause::power_on, 0, 0, 0, 7, 0, Outcome::none},
    {"unknown is no crash", with_crashes(7), {good, good}, ResetCause::unknown, 0, 0, 0, 7, 0, Outcome::none},
    {"crashes, other damaged", with_crashes(7), {good, broken}, ResetCause::fault, 0, 0, 0, 8, 0, Outcome::none},
    {"crashes, other under the floor", with_crashes(9), {good, old}, ResetCause::fault, 0, 0, 0, 10, 0, Outcome::none},
    {"crashes stay at the end", with_crashes(255), {good, old}, ResetCause::fault, 0, 0, 0, 255, 0, Outcome::none},
    {"a trial gets no blame of the other",
     [] {
       auto s = with_crashes(7);
       s.trial = 1;
       s.outcome = TrialOutcome::requested;
       return s;
     }(),
     {good, newer},
     ResetCause::watchdog,
     1,
     0,
     0,
     0,
     1,
     Outcome::requested},
};

TEST(BootDecide, ReadsLikeATable) {
  for (const Row& row : rows) {
    const BootDecision made = decide(row.state, row.slots, row.cause);
    EXPECT_EQ(made.slot, row.slot) << row.name;
    EXPECT_EQ(made.state.active, row.active) << row.name;
    EXPECT_EQ(made.state.fallbacks, row.fallbacks) << row.name;
    EXPECT_EQ(made.state.crashes, row.crashes) << row.name;
    EXPECT_EQ(made.state.trial_starts, row.trial_starts) << row.name;
    EXPECT_EQ(made.state.outcome, row.outcome) << row.name;
    EXPECT_EQ(made.state.running, row.slot) << row.name;
    EXPECT_EQ(made.state.starts, row.state.starts + 1) << row.name;
    EXPECT_EQ(made.state.last_cause, static_cast<std::uint8_t>(row.cause)) << row.name;
  }
}

void check_rules(const BootState& state, const SlotView (&slots)[2], ResetCause cause) {
  const BootDecision made = decide(state, slots, cause);
  const auto may_run = [&](int slot) {
    return slots[slot].intact && slots[slot].security_version >= state.security_floor;
  };
  const bool trial = state.outcome == TrialOutcome::requested && state.trial_starts < trial_starts_max &&
                     state.trial <= 1 && may_run(state.trial);
  ASSERT_EQ(made.slot == no_slot, !may_run(0) && !may_run(1)) << "whoever may run is started";
  if (made.slot != no_slot) {
    ASSERT_TRUE(made.slot <= 1 && may_run(made.slot));
  }
  if (trial) {
    ASSERT_EQ(made.slot, state.trial);
  }
  ASSERT_EQ(made.state.trial_starts, state.trial_starts + (trial ? 1 : 0));
  ASSERT_EQ(made.state.outcome == TrialOutcome::requested, trial);
  ASSERT_EQ(made.state.security_floor, state.security_floor);
  ASSERT_EQ(made.state.trial, state.trial);
  ASSERT_EQ(made.state.trial_tag, state.trial_tag);
  ASSERT_EQ(made.state.active != state.active, made.state.fallbacks != state.fallbacks);
  if (made.state.active != state.active) {
    ASSERT_EQ(made.slot, made.state.active);
  }
  if (cause != ResetCause::watchdog && cause != ResetCause::fault) {
    ASSERT_LE(made.state.crashes, state.crashes);
  }
}

TEST(BootDecide, KeepsItsRulesInEveryState) {
  int tried = 0;
  for (const std::uint8_t active : {std::uint8_t{0}, std::uint8_t{1}})
    for (const std::uint8_t trial : {std::uint8_t{0}, std::uint8_t{1}, no_slot})
      for (const std::uint8_t running : {std::uint8_t{0}, std::uint8_t{1}, no_slot})
        for (std::uint8_t starts = 0; starts < 5; ++starts)
          for (const auto outcome :
               {TrialOutcome::none, TrialOutcome::requested, TrialOutcome::confirmed, TrialOutcome::reverted})
            for (const auto crashes : std::initializer_list<std::uint8_t>{0, 6, 7, 8, 255})
              for (const auto& a : {good, newer, old, broken})
                for (const auto& b : {good, newer, old, broken})
                  for (const auto cause : all_causes) {
                    BootState state = settled(active);
                    state.trial = trial;
                    state.running = running;
                    state.trial_starts = starts;
                    state.outcome = outcome;
                    state.crashes = crashes;
                    const SlotView slots[2] = {a, b};
                    check_rules(state, slots, cause);
                    if (HasFatalFailure()) return;
                    ++tried;
                  }
  EXPECT_EQ(tried, 2 * 3 * 3 * 5 * 4 * 5 * 16 * 5);
}

TEST(BootDecide, WithoutAPastTheNewerIsStartedAndNoneIsShutOut) {
  const SlotView both[2] = {old, newer};
  BootDecision made = decide(BootState{}, both, ResetCause::power_on);
  EXPECT_EQ(made.slot, 1);
  EXPECT_EQ(made.state.active, 1);
  EXPECT_EQ(made.state.security_floor, old.security_version);
  EXPECT_EQ(made.state.starts, 1u);
  const SlotView one[2] = {newer, broken};
  made = decide(BootState{}, one, ResetCause::power_on);
  EXPECT_EQ(made.slot, 0);
  EXPECT_EQ(made.state.security_floor, newer.security_version);
  const SlotView none[2] = {broken, broken};
  EXPECT_EQ(decide(BootState{}, none, ResetCause::power_on).slot, no_slot);
}

}  // namespace
}  // namespace muster::mcu
