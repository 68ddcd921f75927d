// Standing orders and the device's own policy on a device without an operating system, across restarts and without a
// broker; and a mixed fleet, in which such devices and Linux agents take part in the same rollouts.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/mcu/mcu_world.h"

namespace muster::e2e {
namespace {

class McuOrders : public McuWorld {
 protected:
  // What the device says of itself after the newest start, with or without a connection.
  [[nodiscard]] bool says_since_start(McuDevice& device, const std::string& text) {
    const auto log = device.log();
    const auto start = log.rfind("info: slot ");
    return start != std::string::npos && log.find(text, start) != std::string::npos;
  }
  // The state that it named last.
  [[nodiscard]] static bool says_it_is(McuDevice& device, const std::string& state) {
    const auto log = device.log();
    const auto last = log.rfind("the device ");
    return last != std::string::npos && log.compare(last, 11 + state.size() + 1, "the device " + state + "\n") == 0;
  }
  void restart_device(McuDevice& device) {
    device.kill_hard();
    const auto before = device.log_count("info: slot ");
    device.start();
    ASSERT_EVENTUALLY(10s, device.log_count("info: slot ") == before + 1);
  }
};

TEST_F(McuOrders, SafeModeOutlivesRestartsUntilAResume) {
  open();
  auto& device = start_device("mcu-0");
  ctl().must({"directive", "safe-mode", "--group", "region=eu", "--reason", "bad labels"});
  ASSERT_EVENTUALLY(10s, device_state("mcu-0") == "safe_mode");
  restart_device(device);
  ASSERT_EVENTUALLY(10s, says_since_start(device, "the device safe_mode"));
  // Without the broker too, which is not asked: the order stands in the flash.
  broker().kill_hard();
  leave_ops();
  restart_device(device);
  ASSERT_EVENTUALLY(10s, says_since_start(device, "the device safe_mode"));
  device.bite();
  ASSERT_EVENTUALLY(10s, device.log_count("the device safe_mode") == 4u) << device.log();
  ASSERT_TRUE(broker().start());
  ASSERT_EVENTUALLY(10s, is_connected(device));
  EXPECT_EQ(device_state("mcu-0"), "safe_mode");
  // The client works on in it, and takes updates.
  make_model("1");
  roll_out("m-1", "{ model: m@1 }");
  ASSERT_EVENTUALLY(10s, active("mcu-0", "model") == "m@1");
  EXPECT_EQ(device_state("mcu-0"), "safe_mode");
  ctl().must({"directive", "resume", "--group", "region=eu"});
  ASSERT_EVENTUALLY(10s, device_state("mcu-0") == "healthy");
  ASSERT_EVENTUALLY(10s, state("m-1") == "completed");
  restart_device(device);
  ASSERT_EVENTUALLY(10s, says_since_start(device, "the device healthy"));
}

TEST_F(McuOrders, DirectivesBringPlanesBackAndFreezeAndPause) {
  open();
  auto& device = start_device("mcu-0");
  for (const auto* version : {"1", "2"}) {
    make_set(version);
    must_roll_out(std::string("set-") + version, versions_of(version));
  }
  make_config("3");
  ctl().must({"directive", "freeze", "--device", "mcu-0", "--plane", "config", "--release", "c@3"});
  roll_out("c-3", "{ config: c@3 }");
  ASSERT_EVENTUALLY(10s, status("c-3").value("waiting_for", "").find("frozen") != std::string::npos);
  EXPECT_TRUE(throughout(500ms, [&] { return active("mcu-0", "config") == "c@2"; }));
  ctl().must({"directive", "pause-updates", "--device", "mcu-0", "--reason", "on site work"});
  ctl().must({"directive", "thaw", "--device", "mcu-0", "--plane", "config", "--release", "c@3"});
  restart_device(device);
  ASSERT_EVENTUALLY(10s, is_connected(device));
  EXPECT_TRUE(throughout(1s, [&] { return active("mcu-0", "config") == "c@2"; }));
  ctl().must({"directive", "resume", "--device", "mcu-0"});
  EXPECT_EVENTUALLY(15s, state("c-3") == "completed") << status("c-3").dump(1);
  EXPECT_EQ(active("mcu-0", "config"), "c@3");

  ctl().must({"directive", "rollback", "--fleet", "--plane", "model", "--release", "m@2", "--reason", "reads nothing"});
  ASSERT_EVENTUALLY(10s, active("mcu-0", "model") == "m@1");
  EXPECT_EQ(active("mcu-0", "firmware"), "fw@2");
  // One that was off when it was given obeys too.
  device.kill_hard();
  ctl().must({"directive", "rollback", "--fleet", "--plane", "firmware", "--release", "fw@2"});
  device.start();
  ASSERT_EVENTUALLY(10s, active("mcu-0", "firmware") == "fw@1");
  EXPECT_EQ(device_state("mcu-0"), "rolled_back");
}

// The policy came with a configuration. What it does needs no broker, and is told when there is one again.
TEST_F(McuOrders, ThePolicyActsWithoutTheBroker) {
  open();
  auto& device = start_device("mcu-0", {.healthy_ms = 60000});
  make_model("1");
  make_model("2");
  make_config("1",
              "recovery:\n  - { when: crash_loop_count > 2, do: drop_to_safe_mode }\n"
              "  - { when: crash_loop_count > 1, do: rollback_release }\n");
  must_roll_out("first", "{ model: m@1, config: c@1 }");
  must_roll_out("second", "{ model: m@2 }");
  broker().kill_hard();
  leave_ops();
  const auto bite = [&] {
    const auto before = device.log_count("info: slot ");
    device.bite();
    ASSERT_EVENTUALLY(10s, device.log_count("info: slot ") == before + 1);
  };
  bite();
  bite();
  ASSERT_EVENTUALLY(10s, says_since_start(device, "the attempt is rolled_back")) << device.log();
  // The way back has forgotten the crashes: they were the release's.
  for (int i = 0; i < 3; ++i) bite();
  ASSERT_EVENTUALLY(10s, says_since_start(device, "the device safe_mode")) << device.log();
  ASSERT_TRUE(broker().start());
  ASSERT_EVENTUALLY(10s, device_state("mcu-0") == "safe_mode");
  EXPECT_EQ(active("mcu-0", "model"), "m@1");
  EXPECT_EQ(active("mcu-0", "config"), "c@1");
  ctl().must({"directive", "resume", "--device", "mcu-0"});
  // The operator's word counts: the crashes that led there do not lead back.
  ASSERT_EVENTUALLY(10s, says_since_start(device, "the device healthy")) << device.log();
  EXPECT_TRUE(throughout(3s, [&] { return says_it_is(device, "healthy"); })) << device.log();
  EXPECT_EVENTUALLY(10s, device_state("mcu-0") == "healthy");
}

TEST_F(McuOrders, AgentsAndBoardsTakePartInOneRollout) {
  open();
  for (const auto* name : {"gw-0", "gw-1"}) add_agent(name).start();
  for (const auto* name : {"mcu-0", "mcu-1", "mcu-2"}) add_device(name).start();
  for (const auto* name : {"gw-0", "gw-1", "mcu-0", "mcu-1", "mcu-2"})
    ASSERT_EVENTUALLY(15s, device(name).value("reported", false)) << name;
  EXPECT_EQ(device("mcu-1").at("facts").value("class", ""), "cortex-m3");

  // The same model and configuration for both kinds, one class after the other.
  make_release({.name = "m", .version = "1", .probes = "", .files = {{"weights.bin", noise(30000, 1)}}});
  make_config("1");
  start_rollout("both", rule("both", "{ model: m@1, config: c@1 }",
                             "[{ name: boards, ring: 'device.class == \"cortex-m3\"', soak: 1s }, "
                             "{ name: gateways, percent: 100, soak: 1s }]",
                             "device.class in [\"cortex-m3\", \"rk3566\"]"));
  EXPECT_EVENTUALLY(30s, state("both") == "completed") << status("both").dump(1);
  EXPECT_EQ(count("both", "done"), 5);
  EXPECT_EQ(status("both").at("waves").at(0).value("devices", 0), 3) << status("both").dump(1);

  // Firmware is one class's.
  make_firmware("1", "good", "compatible: { class: [cortex-m3] }\n");
  start_rollout("boards", rule("boards", "{ firmware: fw@1 }", "[{ name: all, percent: 100, soak: 1s }]",
                               "device.class == \"cortex-m3\""));
  EXPECT_EVENTUALLY(30s, state("boards") == "completed") << status("boards").dump(1);
  EXPECT_EQ(count("boards", "done"), 3);
  for (const auto* name : {"gw-0", "gw-1", "mcu-0", "mcu-1", "mcu-2"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(active(name, "model"), "m@1");
    EXPECT_EQ(active(name, "config"), "c@1");
    EXPECT_EQ(active(name, "firmware"), name[0] == 'm' ? "fw@1" : "none");
  }
}

}  // namespace
}  // namespace muster::e2e
