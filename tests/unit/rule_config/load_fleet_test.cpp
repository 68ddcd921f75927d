// Fleet files; bad/fleet_*.yaml have the texts of the errors.
#include "rules/config/load_fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

TEST(LoadFleet, EveryKeyArrives) {
  const LoadedFleet loaded = load_fleet(
      "groups:\n"
      "  - { count: 800, class: rk3566, region: eu, site: plant-7, customer: acme, os_version: '12.1',\n"
      "      memory_tier: large, memory_mb: 2048, agent_version: 1.4 (beta), tags: [lab, fast], accelerators: [npu] }\n"
      "  - { count: 1 }\n",
      "f");
  ASSERT_TRUE(loaded.fleet) << lines_of(loaded.diagnostics);
  ASSERT_EQ(loaded.fleet->groups.size(), 2u);
  const FleetGroup& group = loaded.fleet->groups[0];
  EXPECT_EQ(group.count, 800u);
  DeviceFacts facts;
  facts.device_class = "rk3566";
  facts.region = "eu";
  facts.site = "plant-7";
  facts.customer = "acme";
  facts.os_version = "12.1";
  facts.memory_tier = "large";
  facts.memory_mb = 2048;
  facts.agent_version = "1.4 (beta)";
  facts.tags = {"lab", "fast"};
  facts.accelerators = {"npu"};
  EXPECT_EQ(group.facts, facts);
  EXPECT_EQ(loaded.fleet->groups[1].count, 1u);
  EXPECT_EQ(loaded.fleet->groups[1].facts, DeviceFacts());
}

TEST(LoadFleet, IsAsLargeAsTestsCount) {
  EXPECT_TRUE(load_fleet("groups: [{ count: 10000000 }]", "f").fleet);
  const auto lines = lines_of(load_fleet("groups: [{ count: 9999999 }, { count: 2 }, { count: 3 }]", "f").diagnostics);
  EXPECT_EQ(lines,
            "f:1:39: a fleet of more than 10000000 devices; smaller counts: the same shares give the same plan\n");
}

}  // namespace
}  // namespace muster::rules::test
