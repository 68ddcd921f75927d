// What the agent measures itself, from files as the kernel has them.
#include <gtest/gtest.h>

#include "edge-client/shell/system_readings.h"
#include "tests/unit/edge/folder.h"

namespace muster::edge {
namespace {

TEST(System, ReadsWhatIsThere) {
  Folder folder;
  folder.write("proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3\n");
  folder.write("sys/class/thermal/thermal_zone0/temp", "45000\n");
  folder.write("sys/class/thermal/thermal_zone1/temp", "82500\n");
  folder.write("sys/class/thermal/cooling_device0/temp", "99000\n");
  SystemProbe probe(folder.path(), folder.file("proc"), folder.file("sys"));
  const auto first = probe.read();
  EXPECT_EQ(first.cpu_percent, -1);
  EXPECT_EQ(first.temperature_c, 82.5);
  EXPECT_EQ(first.thermal, wire::ThermalState::serious);
  EXPECT_GE(first.disk_free_mb, 0);
  folder.write("proc/stat", "cpu  150 0 150 900 0 0 0 0 0 0\n");
  EXPECT_EQ(probe.read().cpu_percent, 50);
  EXPECT_EQ(first.battery_percent, -1);
  EXPECT_EQ(first.on_mains, -1);
  EXPECT_EQ(first.link, LinkKind::unknown);
  SystemProbe nothing("/no/such", folder.file("none"), folder.file("none"));
  const auto unknown = nothing.read();
  EXPECT_EQ(unknown.cpu_percent, -1);
  EXPECT_EQ(unknown.temperature_c, -1000);
  EXPECT_EQ(unknown.disk_free_mb, -1);
}

TEST(System, KnowsTheBatteryThatItRunsOn) {
  Folder folder;
  SystemProbe probe(folder.path(), folder.file("proc"), folder.file("sys"));
  const std::string supplies = "sys/class/power_supply/";
  folder.write(supplies + "hid-mouse/type", "Battery\n");
  folder.write(supplies + "hid-mouse/scope", "Device\n");
  folder.write(supplies + "hid-mouse/capacity", "3\n");
  EXPECT_EQ(probe.read().battery_percent, -1);
  folder.write(supplies + "BAT0/type", "Battery\n");
  folder.write(supplies + "BAT0/capacity", "64\n");
  EXPECT_EQ(probe.read().battery_percent, 64);
  EXPECT_EQ(probe.read().on_mains, 0);
  folder.write(supplies + "BAT1/type", "Battery\n");
  folder.write(supplies + "BAT1/capacity", "12\n");
  folder.write(supplies + "BAT2/type", "Battery\n");
  folder.write(supplies + "BAT2/capacity", "unknown\n");
  folder.write(supplies + "AC/type", "Mains\n");
  folder.write(supplies + "AC/online", "0\n");
  EXPECT_EQ(probe.read().battery_percent, 12);
  EXPECT_EQ(probe.read().on_mains, 0);
  folder.write(supplies + "AC/online", "1\n");
  EXPECT_EQ(probe.read().on_mains, 1);
}

TEST(System, KnowsWhatItsDefaultRouteGoesThrough) {
  Folder folder;
  SystemProbe probe(folder.path(), folder.file("proc"), folder.file("sys"));
  const std::string head =
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
      "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
  const auto route = [&](const std::string& name, int metric) {
    return name + "\t00000000\t0100A8C0\t0003\t0\t0\t" + std::to_string(metric) + "\t00000000\t0\t0\t0\n";
  };
  folder.write("proc/net/route", head);
  EXPECT_EQ(probe.read().link, LinkKind::unknown);
  folder.write("proc/net/route", head + route("wlan0", 600));
  folder.write("sys/class/net/wlan0/phy80211/name", "phy0\n");
  EXPECT_EQ(probe.read().link, LinkKind::wifi);
  folder.write("sys/class/net/wwp0/uevent", "DEVTYPE=wwan\nINTERFACE=wwp0\n");
  folder.write("proc/net/route", head + route("wlan0", 600) + route("wwp0", 50));
  EXPECT_EQ(probe.read().link, LinkKind::cellular);
  folder.write("proc/net/route", head + route("ppp0", 0));
  EXPECT_EQ(probe.read().link, LinkKind::cellular);
  folder.write("proc/net/route", head + route("wlan0", 600) + route("eth0", 100));
  EXPECT_EQ(probe.read().link, LinkKind::wired);
}

TEST(System, GivesConditionsWhatIsKnown) {
  EXPECT_EQ(readings_of(SystemReadings()), ReadingList());
  SystemReadings system;
  system.battery_percent = 64;
  system.link = LinkKind::wifi;
  EXPECT_EQ(readings_of(system),
            (ReadingList{{"battery_percent", 64}, {"link_cellular", 0}, {"link_wifi", 1}, {"link_wired", 0}}));
  system.on_mains = 0;
  system.cpu_percent = 50;
  system.temperature_c = -20;
  system.disk_free_mb = 0;
  system.link = LinkKind::cellular;
  EXPECT_EQ(readings_of(system), (ReadingList{{"battery_percent", 64},
                                              {"cpu_percent", 50},
                                              {"disk_free_mb", 0},
                                              {"link_cellular", 1},
                                              {"link_wifi", 0},
                                              {"link_wired", 0},
                                              {"on_mains", 0},
                                              {"temperature_c", -20}}));
}

}  // namespace
}  // namespace muster::edge
