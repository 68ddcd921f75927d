// The tables themselves: complete, without contradiction, and the README shows them.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "edge-client/agent/transitions.h"

namespace muster::edge {
namespace {

TEST(Transitions, APairHasOneMeaning) {
  std::set<std::pair<AttemptPhase, AttemptTrigger>> attempts;
  for (auto [t, end] = attempt_table(); t != end; ++t)
    EXPECT_TRUE(attempts.insert({t->from, t->on}).second) << name_of(t->from) << name_of(t->on);
  std::set<std::pair<DeviceState, DeviceTrigger>> devices;
  for (auto [t, end] = device_table(); t != end; ++t) EXPECT_TRUE(devices.insert({t->from, t->on}).second);
}

TEST(Transitions, WhatIsNotInTheTableIsNothing) {
  std::size_t legal = 0;
  for (std::size_t phase = 0; phase < attempt_phase_count; ++phase) {
    for (std::size_t trigger = 0; trigger < attempt_trigger_count; ++trigger) {
      if (next_phase(static_cast<AttemptPhase>(phase), static_cast<AttemptTrigger>(trigger))) ++legal;
    }
  }
  const auto [begin, end] = attempt_table();
  EXPECT_EQ(legal, static_cast<std::size_t>(end - begin));
  EXPECT_FALSE(next_phase(AttemptPhase::fetching, AttemptTrigger::swap_begun));
  EXPECT_FALSE(next_phase(AttemptPhase::committed, AttemptTrigger::went_wrong));
  EXPECT_FALSE(next_state(DeviceState::safe_mode, DeviceTrigger::cleared));
}

TEST(Transitions, EveryPhaseIsReachedAndLeft) {
  std::set<AttemptPhase> reached{AttemptPhase::idle};
  for (std::size_t i = 0; i < attempt_phase_count; ++i) {
    for (auto [t, end] = attempt_table(); t != end; ++t) {
      if (reached.count(t->from) != 0) reached.insert(t->to);
    }
  }
  EXPECT_EQ(reached.size(), attempt_phase_count);
  for (std::size_t phase = 0; phase < attempt_phase_count; ++phase) {
    bool left = false;
    for (auto [t, end] = attempt_table(); t != end; ++t)
      left = left || (static_cast<std::size_t>(t->from) == phase && t->to != t->from);
    EXPECT_TRUE(left) << name_of(static_cast<AttemptPhase>(phase));
  }
}

TEST(Transitions, NothingButItsEndLeavesSafeMode) {
  for (auto [t, end] = device_table(); t != end; ++t) {
    const bool leaves = t->from == DeviceState::safe_mode && t->to != DeviceState::safe_mode;
    EXPECT_TRUE(!leaves || t->on == DeviceTrigger::safe_mode_left);
  }
}

// CTest runs tests in the tree's top folder.
TEST(Transitions, TheReadmeShowsThem) {
  std::ifstream file("edge-client/README.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(states_as_mermaid()), std::string::npos)
      << "put the output of `muster-edge --print-states` into edge-client/README.md";
}

}  // namespace
}  // namespace muster::edge
