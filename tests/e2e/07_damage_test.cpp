// Damaged state on disk, at the broker and on the device: refuse to start, say what is wrong and how to recover. Never
// run on silently.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

using testing::HasSubstr;

const std::string one_wave = "[{ name: all, percent: 100, soak: 0s }]";

class Damage : public World {
 protected:
  // A broker and an agent with something worth losing, both ended in order or by a kill.
  void settle(bool orderly) {
    open();
    start_fleet(1);
    make_release({.name = "m", .version = "1", .model_txt = "good 1"});
    start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
    ASSERT_EVENTUALLY(15s, state("m-1") == "completed");
    if (orderly) {
      agent(0).stop();
      broker().stop();
    } else {
      agent(0).kill_hard();
      broker().kill_hard();
    }
  }
  std::string largest_database_file(const std::string& ending) {
    std::string largest;
    for (const auto& file : files_below(broker().data_dir() + "/db")) {
      const bool matches =
          file.size() >= ending.size() && file.compare(file.size() - ending.size(), ending.size(), ending) == 0;
      if (matches && (largest.empty() || size_of(file) > size_of(largest))) largest = file;
    }
    EXPECT_NE(largest, "") << "no file of the database ends with " << ending;
    return largest;
  }
  std::string manifest_file() {
    for (const auto& file : files_below(broker().data_dir() + "/db")) {
      if (file.find("/MANIFEST-") != std::string::npos) return file;
    }
    return {};
  }
  void expect_broker_refuses(const std::string& what) {
    const auto refused = broker().start_refused();
    EXPECT_GT(refused.exit_code, 0) << what << ": the broker did not refuse\n" << refused.err;
    EXPECT_LT(refused.exit_code, 126) << what << ": the broker crashed\n" << refused.err;
    EXPECT_THAT(refused.err, HasSubstr(broker().data_dir())) << what;
    EXPECT_THAT(refused.err, HasSubstr("restore")) << what << ": how to recover";
  }
  void expect_agent_refuses(const std::string& what) {
    const auto refused = agent(0).start_refused();
    EXPECT_GT(refused.exit_code, 0) << what << ": the agent did not refuse\n" << refused.err;
    EXPECT_LT(refused.exit_code, 126) << what << ": the agent crashed\n" << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("journal")) << what;
  }
};

TEST_F(Damage, ATruncatedLogIsRefused) {
  settle(false);
  const auto log = largest_database_file(".log");
  truncate_file(log, size_of(log) / 2);
  expect_broker_refuses("log cut in half");
}

TEST_F(Damage, AFlippedBitInTheLogIsRefused) {
  settle(false);
  const auto log = largest_database_file(".log");
  flip_bit(log, size_of(log) / 2);
  expect_broker_refuses("bit in the log");
}

TEST_F(Damage, AMissingLogIsRefused) {
  settle(false);
  truncate_file(largest_database_file(".log"), 0);
  expect_broker_refuses("empty log");
}

TEST_F(Damage, ADamagedTableIsRefused) {
  settle(true);
  // The next start turns the log into a table.
  ASSERT_TRUE(broker().start());
  broker().stop();
  const auto table = largest_database_file(".sst");
  flip_bit(table, size_of(table) / 3);
  expect_broker_refuses("bit in a table");
  flip_bit(table, size_of(table) / 3);
  truncate_file(table, size_of(table) - 20);
  expect_broker_refuses("table cut");
}

TEST_F(Damage, ADamagedManifestIsRefused) {
  settle(true);
  const auto manifest = manifest_file();
  ASSERT_NE(manifest, "");
  const auto kept = read_text(manifest);
  flip_bit(manifest, size_of(manifest) / 2);
  expect_broker_refuses("bit in the manifest");
  write_text(manifest, kept);
  const auto current = broker().data_dir() + "/db/CURRENT";
  const auto kept_current = read_text(current);
  truncate_file(current, 0);
  expect_broker_refuses("CURRENT emptied");
  // What was damaged is put back: the broker runs again, and the rollout is as it was.
  write_text(current, kept_current);
  ASSERT_TRUE(broker().start());
  EXPECT_EQ(state("m-1"), "completed");
  expect_audit_intact();
}

// docs/recovery.md, "Starting empty": the fleet knows later epochs than the new records, and must obey them all the
// same.
TEST_F(Damage, AFleetOutlivesLostRecords) {
  settle(true);
  ASSERT_TRUE(broker().start());
  agent(0).start();
  for (int i = 0; i < 2; ++i) {
    ctl().must({"directive", "safe-mode", "--fleet"});
    ASSERT_EVENTUALLY(10s, device_state("gw-0") == "safe_mode");
    ctl().must({"directive", "resume", "--fleet"});
    ASSERT_EVENTUALLY(10s, device_state("gw-0") == "healthy");
  }
  leave_ops();
  broker().stop();
  std::filesystem::rename(broker().data_dir(), broker().data_dir() + ".damaged");
  ASSERT_TRUE(broker().start());
  ASSERT_EVENTUALLY(15s, device("gw-0").value("reported", false));
  EXPECT_THAT(broker().log(), HasSubstr("numbered above it"));

  ctl().must({"directive", "safe-mode", "--fleet"});
  ASSERT_EVENTUALLY(10s, device_state("gw-0") == "safe_mode");
  ctl().must({"directive", "resume", "--fleet"});
  ASSERT_EVENTUALLY(10s, device_state("gw-0") == "healthy");
  make_release({.name = "m", .version = "2", .model_txt = "good 2"});
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  ASSERT_EVENTUALLY(15s, state("m-2") == "completed");
  EXPECT_EQ(agents_with("good 2"), 1u);
  expect_audit_intact();
}

TEST_F(Damage, ABrokerKilledAtAnyTimeIsNoDamage) {
  open();
  start_fleet(2);
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  for (int round = 0; round < 5; ++round) {
    const std::string name = "round-" + std::to_string(round);
    start_rollout(name, rule(name, "{ model: m@1 }", "[{ name: all, percent: 100, gate: manual, soak: 0s }]"));
    broker().kill_hard();
    ASSERT_TRUE(broker().start());
    ASSERT_EVENTUALLY(15s, state(name) == "awaiting_approval");
    ctl().must({"rollout", "abort", name, "--keep"});
  }
  expect_audit_intact();
}

TEST_F(Damage, ADamagedJournalIsRefused) {
  settle(false);
  const auto journal = agent(0).data_dir() + "/journal";
  const auto kept = read_text(journal);
  ASSERT_GT(kept.size(), 100u);
  truncate_file(journal, kept.size() - kept.size() / 3);
  expect_agent_refuses("journal cut");
  truncate_file(journal, 0);
  expect_agent_refuses("journal emptied");
  for (const auto part : {8UL, kept.size() / 3, kept.size() / 2}) {
    write_text(journal, kept);
    flip_bit(journal, part);
    expect_agent_refuses("bit " + std::to_string(part));
  }
  // The way out that the sentence names: a new journal from the slots that are there.
  EXPECT_THAT(agent(0).start_refused().err, HasSubstr("--reset-journal"));
  const auto reset =
      run({programs::edge, "--config", agent(0).config_file(), "--reset-journal"}, 5s, agent(0).folder());
  EXPECT_EQ(reset.exit_code, 0) << reset.err;
  ASSERT_TRUE(broker().start());
  agent(0).start();
  ASSERT_EVENTUALLY(10s, device("gw-0").value("connected", false));
  EXPECT_EQ(agent(0).active_file("model", "model.txt"), "good 1");
}

// Killed as soon as its log says that it is in this state; what the kill then meets is chance, which is the point.
TEST_F(Damage, AnAgentKilledInAnyStateIsNoDamage) {
  open({.chunk_bytes_per_s = 2 << 20});
  start_fleet(1);
  int number = 0;
  for (const std::string at : {"fetching", "verifying", "staged", "swapped", "probing", "soaking", "committed"}) {
    SCOPED_TRACE("killed when " + at);
    const std::string version = std::to_string(++number);
    const std::string name = "m-" + version;
    const auto weights = noise(1 << 20, static_cast<std::uint32_t>(number));
    make_release(
        {.name = "m", .version = version, .model_txt = "good " + version, .files = {{"weights.bin", weights}}});
    const auto logged = agent(0).log().size();
    const auto rule_text = rule(name, "{ model: m@" + version + " }", one_wave);
    ASSERT_TRUE(ops().control("startRollout", {{"rule", rule_text}, {"file", "rule.yaml"}}).contains("data"));
    ASSERT_TRUE(eventually(
        10s, [&] { return agent(0).log().find("-> " + at, logged) != std::string::npos; }, 1ms))
        << agent(0).log();
    agent(0).kill_hard();
    agent(0).start();
    ASSERT_EVENTUALLY(15s, state(name) == "completed");
    EXPECT_EQ(agent(0).active_file("model", "model.txt"), "good " + version);
    EXPECT_EQ(agent(0).active_file("model", "weights.bin"), weights);
  }
}

TEST_F(Damage, ABrokerWithAWrongSetupDoesNotStart) {
  struct Case {
    std::string what, from, to, says;
  };
  open();
  broker().stop();
  const auto good = read_text(broker().plugin_config());
  const std::vector<Case> cases = {{"unknown key", "limits:", "limit:", "limit"},
                                   {"unknown role", "[view]", "[watch]", "watch"},
                                   {"missing key", "/control.key", "/none.key", "none.key"},
                                   {"another role's key", "/control.key", "/release.key", "release.key"},
                                   {"missing chain", "/root-chain.mrch", "/none.mrch", "none.mrch"},
                                   {"not YAML", "operators:", "operators: {", "muster.yaml"}};
  for (const auto& one : cases) {
    auto text = good;
    ASSERT_NE(text.find(one.from), std::string::npos) << one.what;
    write_text(broker().plugin_config(), text.replace(text.find(one.from), one.from.size(), one.to));
    const auto refused = broker().start_refused();
    EXPECT_GT(refused.exit_code, 0) << one.what;
    EXPECT_LT(refused.exit_code, 126) << one.what << refused.err;
    EXPECT_THAT(refused.err, HasSubstr(one.says)) << one.what;
  }
  write_text(broker().plugin_config(), good);
  ASSERT_TRUE(broker().start());
}

TEST_F(Damage, APortInUseIsSaid) {
  open();
  Broker second(folder_.make_folder("second"), keys_);
  second.take_port_of(broker());
  const auto refused = second.start_refused();
  EXPECT_GT(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("in use"));
  EXPECT_TRUE(broker().running());
}

// Two brokers on one folder would write over each other.
TEST_F(Damage, ADataFolderInUseIsSaid) {
  open();
  BrokerSettings settings;
  settings.data_dir = broker().data_dir();
  Broker second(folder_.make_folder("second"), keys_, settings);
  const auto refused = second.start_refused();
  EXPECT_GT(refused.exit_code, 0);
  EXPECT_LT(refused.exit_code, 126) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr(broker().data_dir()));
  EXPECT_EQ(ops().control("listRollouts").contains("data"), true);
}

}  // namespace
}  // namespace muster::e2e
