// A release that a device has to wait for, on real agents: they say what they wait for, a download stops when its
// condition holds no more, a restart changes nothing, and the way back waits for nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

using testing::HasSubstr;

class ConditionsOnTheDevice : public World {
 protected:
  // Gauges are unknown soon after the last time that the workload gave them, so they are given while something is
  // waited for; one that has just been started may not listen yet.
  void measure(std::size_t index, int wifi, int battery) {
    static_cast<void>(agent(index).offer_statsd("link_wifi:" + std::to_string(wifi) +
                                                "|g\nbattery_percent:" + std::to_string(battery) + "|g"));
  }
  [[nodiscard]] std::string detail(const std::string& id) {
    const auto attempt = device(id).value("attempt", nlohmann::json::object());
    return attempt.value("waits", false) ? attempt.value("detail", "") : std::string();
  }
};

TEST_F(ConditionsOnTheDevice, AreWaitedForAndSaid) {
  open();
  start_fleet(2);
  make_release({.name = "m", .version = "1", .model_txt = "good 10"});
  start_rollout("first", rule("first", "{ model: m@1 }", "[{ name: all, percent: 100, soak: 0s }]"));
  ASSERT_EVENTUALLY(20s, state("first") == "completed");

  make_release({.name = "m",
                .version = "2",
                .model_txt = "good 11",
                .more = "activate: { fetch_when: link_wifi == 1, swap_when: battery_percent >= 40, within: 1d }\n"});
  start_rollout("second", rule("second", "{ model: m@2 }", "[{ name: all, percent: 100, soak: 0s }]"));
  ASSERT_EVENTUALLY(20s, detail("gw-0").find("waits to fetch m@2 until link_wifi == 1") == 0) << device("gw-0").dump(1);
  const auto one_is_done = [this] {
    measure(0, 1, 23);
    measure(1, 1, 80);
    return agents_with("good 11") == 1 && detail("gw-0").find("waits to switch to m@2") == 0;
  };
  ASSERT_EVENTUALLY(30s, one_is_done()) << device("gw-0").dump(1) << device("gw-1").dump(1);
  EXPECT_EQ(detail("gw-0"), "waits to switch to m@2 until battery_percent >= 40; battery_percent is 23");
  EXPECT_THAT(status("second").value("waiting_for", ""),
              HasSubstr("1 device of wave all (100 %) waits for what the release asks of them (gw-0)"));
  EXPECT_THAT(ctl().run({"rollout", "why", "gw-0"}).out, HasSubstr("battery_percent is 23"));

  agent(0).kill_hard();
  agent(0).start();
  const auto waits_again = [this] {
    measure(0, 1, 24);
    return detail("gw-0").find("battery_percent is 24") != std::string::npos;
  };
  ASSERT_EVENTUALLY(30s, waits_again()) << device("gw-0").dump(1);
  const auto completed = [this] {
    measure(0, 1, 81);
    return state("second") == "completed";
  };
  ASSERT_EVENTUALLY(30s, completed()) << status("second").dump(1);
  EXPECT_EQ(agents_with("good 11"), 2u);

  // Where it comes from has conditions too, and none of them holds now: nobody waits to go back.
  make_release({.name = "m", .version = "3", .model_txt = "good 12"});
  start_rollout("third", rule("third", "{ model: m@3 }", "[{ name: all, percent: 100, soak: 0s }]"));
  ASSERT_EVENTUALLY(20s, state("third") == "completed") << status("third").dump(1);
  start_rollout("back", rule("back", "{ model: m@2 }", "[{ name: all, percent: 100, soak: 0s }]"));
  const auto went_back = [this] {
    for (std::size_t i = 0; i < 2; ++i) measure(i, 0, 3);
    return state("back") == "completed";
  };
  ASSERT_EVENTUALLY(20s, went_back()) << status("back").dump(1);
  EXPECT_EQ(agents_with("good 11"), 2u);
  expect_audit_intact();
}

}  // namespace
}  // namespace muster::e2e
