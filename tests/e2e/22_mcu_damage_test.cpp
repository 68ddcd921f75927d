// Bytes that changed in a device's flash while it was off: damaged firmware is never run, damaged models and
// configurations are fetched again, and whatever happens to what the device has written down, it starts or says why it
// does not.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "mcu-client/ports/posix/layout.h"
#include "mcu-client/ports/posix/nor_flash.h"
#include "mcu-client/src/flash/slot.h"
#include "tests/e2e/mcu/mcu_world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using mcu::posix::layout;
using muster::testing::seed_or;
using muster::testing::size_for;

constexpr std::uint32_t firmware = 0, model = 1, config = 2;

// The flash of a device that is off.
class FlashFile {
 public:
  explicit FlashFile(const McuDevice& device) : path_(device.flash()), bytes_(read_text(path_)) {}
  void save() const { write_text(path_, bytes_); }

  [[nodiscard]] mcu::SlotHeader header(std::uint32_t plane, std::uint32_t slot) const {
    mcu::SlotHeader header{};
    std::memcpy(&header, bytes_.data() + layout.slots[plane][slot].offset, sizeof header);
    return header;
  }
  // Whether the device may start this firmware, by the device's own check of every digest.
  [[nodiscard]] bool firmware_is_whole(std::uint32_t slot) const {
    save();
    mcu::NorFlash nor({mcu::posix::flash_size, layout.erase_size, layout.program_size}, path_.c_str());
    mcu::Port port;
    nor.attach(port);
    const mcu::Flash flash(port, layout);
    const auto& area = layout.slots[firmware][slot];
    mcu::SlotHeader found{};
    return mcu::read_header(flash, area, found) == mcu::ok && found.plane == firmware &&
           mcu::check_files(flash, area, found) == mcu::ok;
  }
  // Which slot holds this version; 2: none.
  [[nodiscard]] std::uint32_t slot_of(std::uint32_t plane, const std::string& version) const {
    std::uint32_t slot = 0;
    while (slot < 2 && mcu::padded_text(header(plane, slot).version) != version) ++slot;
    EXPECT_LT(slot, 2u) << "no slot holds version " << version;
    return slot % 2;
  }
  // Turns over a bit of the release's first file, or of a slot that was being filled anywhere.
  void flip_in(std::uint32_t plane, std::uint32_t slot, std::uint64_t chance) {
    const auto& area = layout.slots[plane][slot];
    const auto file = header(plane, slot).files[0];
    const bool known = file.size != 0 && std::uint64_t{file.offset} + file.size <= area.size;
    flip(area.offset + (known ? file.offset + chance % file.size : chance % area.size), chance);
  }
  void flip(std::uint64_t offset, std::uint64_t chance) {
    bytes_[offset] = static_cast<char>(bytes_[offset] ^ (1 << (chance >> 32) % 8));
  }
  void erase(std::uint64_t offset, std::uint64_t size) { std::memset(bytes_.data() + offset, 0xff, size); }
  void overwrite(std::uint64_t offset, const std::string& with) {
    std::memcpy(bytes_.data() + offset, with.data(), with.size());
  }

 private:
  std::string path_, bytes_;
};

class McuDamage : public McuWorld {
 protected:
  // Devices with set 2 active and set 1 in the other slots.
  void open_with(const std::vector<std::string>& names) {
    open();
    for (const auto& name : names) add_device(name).start();
    for (const auto& name : names) ASSERT_EVENTUALLY(15s, device(name).value("reported", false)) << name;
    for (const auto* version : {"1", "2"}) {
      make_set(version);
      ASSERT_NO_FATAL_FAILURE(must_roll_out(std::string("set-") + version, versions_of(version)));
    }
  }
  // Nothing is under way that the next damage would take back, by what the device has said since its log had this size
  // and by what the broker has heard: its report may still be that of the start before.
  [[nodiscard]] bool is_settled(const McuDevice& which, std::size_t since) {
    const std::string words = "the attempt is ";
    const auto log = which.log();
    const auto at = log.rfind(words);
    if (at == std::string::npos || at < since) return false;
    const auto begin = at + words.size();
    const auto state = log.substr(begin, log.find(',', begin) - begin);
    if (state != "committed" && state != "rolled_back" && state != "failed" && state != "idle") return false;
    return device(which.name()).value("attempt", nlohmann::json::object()).value("state", "") == state;
  }
  // Off, changed, on again.
  void change(McuDevice& device, const std::function<void(FlashFile&)>& how) {
    static_cast<void>(device.stop());
    FlashFile flash(device);
    how(flash);
    flash.save();
    device.start();
  }
};

TEST_F(McuDamage, IsFoundAndMadeGood) {
  ASSERT_NO_FATAL_FAILURE(open_with({"flipped", "cut-short", "model", "config", "no-model", "nothing"}));
  change(mcu(0), [](FlashFile& flash) { flash.flip_in(firmware, flash.slot_of(firmware, "2"), 7000); });
  change(mcu(1), [](FlashFile& flash) {
    const auto slot = flash.slot_of(firmware, "2");
    flash.erase(layout.slots[firmware][slot].offset + 8192, 16384);
  });
  change(mcu(2), [](FlashFile& flash) { flash.flip_in(model, flash.slot_of(model, "2"), 1000); });
  change(mcu(3), [](FlashFile& flash) { flash.flip_in(config, flash.slot_of(config, "2"), 3); });
  change(mcu(4), [](FlashFile& flash) {
    for (const std::uint32_t slot : {0u, 1u}) flash.flip_in(model, slot, 2000);
  });
  change(mcu(5), [](FlashFile& flash) {
    for (const std::uint32_t slot : {0u, 1u}) flash.flip_in(firmware, slot, 2000);
  });

  for (const std::size_t i : {0u, 1u}) {
    SCOPED_TRACE(mcu(i).name());
    EXPECT_EVENTUALLY(10s, active(mcu(i).name(), "firmware") == "fw@1") << mcu(i).log();
    EXPECT_EQ(mcu(i).running_slot(), "b");
    EXPECT_EQ(device_state(mcu(i).name()), "rolled_back");
    EXPECT_EQ(attempt_error(mcu(i).name()), "slot_damaged");
    EXPECT_EQ(active(mcu(i).name(), "model"), "m@2");
  }
  for (const std::size_t i : {2u, 3u, 4u}) {
    SCOPED_TRACE(mcu(i).name());
    const auto restarted = mcu(i).log().rfind("info: slot ");
    EXPECT_EVENTUALLY(10s, mcu(i).log_has("the attempt is fetching", restarted)) << mcu(i).log();
    EXPECT_EVENTUALLY(10s, runs_set(mcu(i).name(), "2") && device_state(mcu(i).name()) == "healthy")
        << device(mcu(i).name()).dump(1);
  }
  EXPECT_EQ(mcu(5).wait_exit(5s), 5);
  EXPECT_TRUE(mcu(5).log_has("error: nothing can be started: no slot")) << mcu(5).log();

  // What is left takes the next update.
  ctl().must({"rollout", "abort", "set-2", "--keep"});
  make_set("3");
  start_rollout("set-3",
                rule("set-3", versions_of("3"), "[{ name: all, percent: 100, soak: 1s }]", "device.id != \"nothing\""));
  EXPECT_EVENTUALLY(30s, state("set-3") == "completed") << status("set-3").dump(1);
}

// The broker hears nobody whose starts count backwards. Both logs that count them may be gone.
TEST_F(McuDamage, BothLogsLostTogetherLeaveItHeard) {
  ASSERT_NO_FATAL_FAILURE(open_with({"forgets"}));
  auto& device = mcu(0);
  for (int start = 0; start < 3; ++start) {
    const auto before = device.log().size();
    change(device, [](FlashFile&) {});
    ASSERT_EVENTUALLY(10s, device.log_has("info: connected", before)) << device.log();
  }
  const auto before = device.log().size();
  change(device, [](FlashFile& flash) {
    for (const auto& log : {layout.boot_log, layout.settings}) flash.erase(log.offset, log.size);
  });
  EXPECT_EVENTUALLY(20s, runs_set("forgets", "2") && is_settled(device, before)) << device.log();
  // A device that says for a moment that it has never taken what it was given may have halted the rollout.
  static_cast<void>(ctl().run({"rollout", "abort", "set-2", "--keep"}));
  make_set("3");
  ASSERT_NO_FATAL_FAILURE(must_roll_out("set-3", versions_of("3")));
  EXPECT_TRUE(runs_set("forgets", "3")) << device.log();
}

// Damage at random places, again and again, in all that the device writes, in one of its logs at a time: what two of
// them know makes up for the loss of either.
TEST_F(McuDamage, AtRandomPlacesRunsNothingDamaged) {
  const auto seed = seed_or(20261121);
  printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  ASSERT_NO_FATAL_FAILURE(open_with({"mcu-0", "mcu-1", "mcu-2", "mcu-3"}));
  const auto rounds = size_for(3, 200);
  std::size_t lost_slots = 0;
  std::string newest = "set-2";
  const auto starts = [](std::uint32_t slot) { return slot == 0 ? "slot a starts" : "slot b starts"; };
  // The firmware that ran is lost: that attempt has failed and is not made again by itself, and what is lost besides
  // stays so until the next set comes.
  std::vector<bool> gave_up(mcu_count());
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::size_t> log_before(mcu_count());
    std::vector<std::array<bool, 2>> whole(mcu_count());  // the firmware slots
    std::vector<std::size_t> which(mcu_count());
    for (std::size_t i = 0; i < mcu_count(); ++i) {
      change(mcu(i), [&](FlashFile& flash) {
        const mcu::Area logs[] = {layout.boot_log, layout.settings, layout.evidence, layout.scratch};
        which[i] = random() % 4;
        const auto& log = logs[which[i]];
        const auto place = log.offset + random() % (log.size / 4096) * 4096;
        if (random() % 3 == 0) flash.overwrite(place, noise(4096, static_cast<std::uint32_t>(random())));
        if (random() % 3 == 0) flash.erase(place, 4096);
        for (auto flips = random() % 20; flips > 0; --flips) flash.flip(log.offset + random() % log.size, random());
        for (auto flips = random() % 3; flips > 0; --flips)
          flash.flip_in(static_cast<std::uint32_t>(1 + random() % 2), random() % 2, random());
        // One firmware has to stay; the other may be lost already, or in the middle of being fetched again.
        whole[i] = {flash.firmware_is_whole(0), flash.firmware_is_whole(1)};
        if (whole[i][0] && whole[i][1] && random() % 2 == 0) {
          const auto slot = static_cast<std::uint32_t>(random() % 2);
          flash.flip_in(firmware, slot, random());
          whole[i][slot] = false;
          ++lost_slots;
        }
        if (!whole[i][mcu(i).running_slot() == "a" ? 0 : 1]) gave_up[i] = true;
        log_before[i] = mcu(i).log().size();
      });
    }
    for (std::size_t i = 0; i < mcu_count(); ++i) {
      constexpr const char* names[] = {"boot log", "settings", "evidence", "scratch"};
      SCOPED_TRACE(mcu(i).name() + " in round " + std::to_string(round) + ", damage to its " + names[which[i]]);
      ASSERT_EVENTUALLY(10s, mcu(i).log_has("info: connected", log_before[i])) << mcu(i).log();
      const auto log = mcu(i).log().substr(log_before[i]);
      for (const std::uint32_t slot : {0u, 1u}) {
        if (whole[i][slot]) continue;
        EXPECT_NE(log.find("info: slot "), log.find(std::string("info: ") + starts(slot))) << log;
      }
      // By the assignment that the broker retains, or out of its own memory.
      EXPECT_EVENTUALLY(15s, is_settled(mcu(i), log_before[i]) &&
                                 (gave_up[i] || (active(mcu(i).name(), "model").substr(0, 2) == "m@" &&
                                                 active(mcu(i).name(), "config").substr(0, 2) == "c@")))
          << mcu(i).log().substr(log_before[i]) << device(mcu(i).name()).dump(1);
    }
    // The next set makes both slots of the firmware good again.
    const auto version = std::to_string(3 + round);
    if (round % 3 == 2) {
      // Devices that lost their firmware halt the rollout that brought it.
      static_cast<void>(ctl().run({"rollout", "abort", newest, "--keep"}));
      newest = "set-" + version;
      make_set(version);
      ASSERT_NO_FATAL_FAILURE(must_roll_out("set-" + version, versions_of(version)));
      for (std::size_t i = 0; i < mcu_count(); ++i) EXPECT_TRUE(runs_set(mcu(i).name(), version)) << mcu(i).log();
      gave_up.assign(mcu_count(), false);
    }
  }
  printf("%d rounds on %zu devices, %zu firmware slots damaged\n", rounds, mcu_count(), lost_slots);
}

// Everything at once, the factory's facts too: it starts what is whole, or says why it starts nothing.
TEST_F(McuDamage, AnywhereAtOnceStartsOrSaysWhy) {
  const auto seed = seed_or(20261121);
  printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  open();
  auto& device = start_device("mcu-0");
  make_firmware("1");
  must_roll_out("fw-1", "{ firmware: fw@1 }");
  static_cast<void>(device.stop());
  const auto whole = read_text(device.flash());
  const auto variants = size_for(40, 2000);
  int started = 0, refused = 0;
  for (int variant = 0; variant < variants; ++variant) {
    SCOPED_TRACE("variant " + std::to_string(variant));
    write_text(device.flash(), whole);
    FlashFile flash(device);
    std::array<bool, 2> damaged{};
    for (const auto& area : {layout.identity, layout.boot_log, layout.settings, layout.evidence, layout.scratch}) {
      const auto place = area.offset + random() % (area.size / 4096) * 4096;
      if (random() % 4 == 0) flash.overwrite(place, noise(4096, static_cast<std::uint32_t>(random())));
      if (random() % 4 == 0) flash.erase(place, 4096);
      for (auto flips = random() % 12; flips > 0; --flips) flash.flip(area.offset + random() % area.size, random());
    }
    for (const std::uint32_t slot : {0u, 1u}) {
      damaged[slot] = random() % 3 == 0;
      if (damaged[slot]) flash.flip_in(firmware, slot, random());
    }
    flash.save();
    const auto before = device.log().size();
    device.start();
    ASSERT_EVENTUALLY(10s, device.log_has("the attempt is", before) || !device.running())
        << device.log().substr(before);
    const auto log = device.log().substr(before);
    EXPECT_FALSE(damaged[0] && log.find("slot a starts") != std::string::npos) << log;
    EXPECT_FALSE(damaged[1] && log.find("slot b starts") != std::string::npos) << log;
    if (device.running()) {
      ++started;
    } else {
      EXPECT_EQ(device.wait_exit(0ms), 5) << log;
      EXPECT_NE(log.find("error: "), std::string::npos) << log;
      ++refused;
    }
    device.kill_hard();
  }
  printf("%d variants: %d started, %d refused\n", variants, started, refused);
  EXPECT_GT(started, 0);
}

}  // namespace
}  // namespace muster::e2e
