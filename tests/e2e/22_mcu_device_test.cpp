// A device without an operating system in rollouts, from the bootloader on: every plane, firmware and models that are
// bad in every way, and what it refuses.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/mcu/mcu_world.h"

namespace muster::e2e {
namespace {

class McuDevices : public McuWorld {};

TEST_F(McuDevices, TakesEveryPlaneInOneRollout) {
  open();
  McuSettings in_india;
  in_india.environment = {"TZ=IST-5:30"};
  start_device("mcu-0", in_india);
  make_set("1");
  must_roll_out("all-1", versions_of("1"));
  EXPECT_TRUE(runs_set("mcu-0", "1")) << device("mcu-0").dump(1);
  EXPECT_EQ(device("mcu-0").at("facts").value("utc_offset_min", 0), 330) << "by which its maintenance windows open";
  EXPECT_EQ(mcu(0).running_slot(), "b");
}

// Each on a device of its own and all at the same time: it comes back by itself, and the rollout halts.
TEST_F(McuDevices, ComesBackFromFirmwareThatIsBad) {
  open();
  struct Case {
    std::string behaviour, error;
  };
  const std::vector<Case> cases = {{"hang", "probe_failed"},
                                   {"deaf", "probe_timeout"},
                                   {"blind", "probe_failed"},
                                   {"loop", "probe_failed"},
                                   {"crash", "probe_failed"}};
  for (const auto& [behaviour, error] : cases)
    add_device("mcu-" + behaviour, {.region = behaviour, .watchdog_ms = 1000, .check_ms = 2500}).start();
  for (const auto& [behaviour, error] : cases) {
    ASSERT_EVENTUALLY(15s, device("mcu-" + behaviour).value("reported", false)) << behaviour;
    make_firmware(behaviour, behaviour);
    roll_out("fw-" + behaviour, "{ firmware: fw@" + behaviour + " }", behaviour);
  }
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [behaviour, error] = cases[i];
    SCOPED_TRACE(behaviour);
    EXPECT_EVENTUALLY(30s, state("fw-" + behaviour) == "halted") << status("fw-" + behaviour).dump(1);
    EXPECT_EQ(active("mcu-" + behaviour, "firmware"), "none") << "the factory's is no release";
    EXPECT_EQ(attempt_error("mcu-" + behaviour), error);
    EXPECT_EQ(device_state("mcu-" + behaviour), "rolled_back");
    EXPECT_TRUE(mcu(i).log_has("slot b starts, it is " + behaviour));
    EXPECT_EQ(mcu(i).running_slot(), "a");
  }
  // None of them has lost anything: each takes a good one.
  make_firmware("good");
  for (const auto& [behaviour, error] : cases) {
    ctl().must({"rollout", "abort", "fw-" + behaviour, "--keep"});
  }
  must_roll_out("fw-good", "{ firmware: fw@good }");
  for (const auto& [behaviour, error] : cases)
    EXPECT_EQ(active("mcu-" + behaviour, "firmware"), "fw@good") << behaviour;
}

// Firmware that was good while it was watched and crashes later. When it is the workload that crashes, safe mode ends
// the loop and an operator helps; when it is the firmware itself, the bootloader takes the other slot.
TEST_F(McuDevices, ComesBackFromFirmwareThatCrashesAfterItsCommit) {
  open();
  for (const auto* name : {"late", "doomed"}) start_device(std::string("mcu-") + name, {.region = name});
  for (const auto* name : {"late", "doomed"}) {
    make_firmware(name, name, {}, 0);  // a higher one would put the factory's firmware under the floor
    roll_out(std::string("fw-") + name, std::string("{ firmware: fw@") + name + " }", name);
  }
  for (const auto* name : {"late", "doomed"}) {
    SCOPED_TRACE(name);
    EXPECT_EVENTUALLY(20s, device_state(std::string("mcu-") + name) == "safe_mode") << mcu(0).log() << mcu(1).log();
  }
  EXPECT_EVENTUALLY(5s, active("mcu-late", "firmware") == "fw@late");
  EXPECT_EQ(mcu(0).running_slot(), "b");
  EXPECT_EVENTUALLY(10s, active("mcu-doomed", "firmware") == "none");
  EXPECT_EQ(mcu(1).running_slot(), "a");

  ctl().must({"directive", "rollback", "--device", "mcu-late", "--plane", "firmware", "--release", "fw@late"});
  EXPECT_EVENTUALLY(10s, active("mcu-late", "firmware") == "none");
  EXPECT_EQ(mcu(0).running_slot(), "a");
  for (const auto* name : {"mcu-late", "mcu-doomed"}) {
    EXPECT_EQ(device_state(name), "safe_mode") << "only a directive ends it";
    ctl().must({"directive", "resume", "--device", name});
    EXPECT_EVENTUALLY(10s, device_state(name) != "safe_mode");
  }
}

TEST_F(McuDevices, RefusesWhatDoesNotFit) {
  open();
  start_device("mcu-0");
  make_firmware("2", "good", {}, 7);
  must_roll_out("fw-2", "{ firmware: fw@2 }");
  make_firmware("old", "good", {}, 6);
  make_firmware("esp32", "good", "compatible: { class: [esp32] }\n");
  make_model("large", "compatible: { memory_mb: \">= 64\" }\n");
  make_model("npu", "compatible: { accelerators: [npu] }\n");
  make_model("needy", "requires: { firmware: \">= 3\" }\n");
  roll_out("old", "{ firmware: fw@old }");
  EXPECT_EVENTUALLY(15s, state("old") == "halted") << status("old").dump(1);
  EXPECT_EQ(status("old").at("failures").at(0).value("error", ""), "under_security_floor");
  ctl().must({"rollout", "abort", "old", "--keep"});
  // What does not fit is not even assigned. The device's own refusal is tested where brokers are evil.
  const auto attempts = mcu(0).log_count("the attempt is fetching");
  const std::vector<std::array<std::string, 2>> cases = {{"esp32", "{ firmware: fw@esp32 }"},
                                                         {"large", "{ model: m@large }"},
                                                         {"npu", "{ model: m@npu }"},
                                                         {"needy", "{ model: m@needy }"}};
  for (const auto& [name, versions] : cases) {
    SCOPED_TRACE(name);
    roll_out(name, versions);
    EXPECT_EQ(count(name, "targets"), 0) << status(name).dump(1);
    ctl().must({"rollout", "abort", name, "--keep"});
  }
  EXPECT_EQ(mcu(0).log_count("the attempt is fetching"), attempts);
  EXPECT_EQ(active("mcu-0", "firmware"), "fw@2");
  EXPECT_EQ(active("mcu-0", "model"), "none");
  EXPECT_EQ(mcu(0).log_count("slot b starts"), 1u) << "nothing of it was ever started";
}

// Both models pass every digest and check; only the device's own metric tells them apart.
TEST_F(McuDevices, GoesBackFromAModelThatFailsItsTask) {
  open();
  start_device("mcu-0");
  make_model("1");
  make_config("1", "recovery:\n  - { when: accuracy < 50, do: rollback_release }\n");
  must_roll_out("first", "{ model: m@1, config: c@1 }");
  make_model("bad");
  const auto soak = std::to_string(8 * device_slowness()) + "s";
  start_rollout("second", rule("second", "{ model: m@bad }", "[{ name: all, percent: 100, soak: " + soak + " }]"));
  EXPECT_EVENTUALLY(20s, state("second") == "halted") << status("second").dump(1);
  EXPECT_EQ(attempt_error("mcu-0"), "recovery_rollback");
  EXPECT_EQ(active("mcu-0", "model"), "m@1");
  EXPECT_EVENTUALLY(30s, device("mcu-0").at("health").is_object()) << device("mcu-0").dump(1);
  EXPECT_TRUE(mcu(0).running());
}

}  // namespace
}  // namespace muster::e2e
