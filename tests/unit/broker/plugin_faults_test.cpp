// What bad input and bad luck get: refused, counted, never a state change; or no start at all, with one sentence.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "broker-plugin/core/audit.h"
#include "broker-plugin/store/keys.h"
#include "broker-plugin/store/store.h"
#include "tests/unit/broker/bench.h"

namespace muster::broker::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class PluginFaultsTest : public ::testing::Test {
 protected:
  json device(const std::string& name) {
    return bench.command("eve", R"("command":"getDevice","device":")" + name + "\"").value("data", json());
  }
  std::uint64_t refused(const std::string& reason) {
    const auto counts = bench.metrics()["refused"];
    return counts.contains(reason) ? counts[reason].get<std::uint64_t>() : 0;
  }
  Bench bench;
};

TEST_F(PluginFaultsTest, LyingAndMalformedReportsChangeNothing) {
  bench.start();
  EXPECT_TRUE(bench.report({.device = "gw-1", .seq = 5, .region = "de"}));
  const auto before = device("gw-1");
  const auto liar = make_report({.device = "gw-1", .seq = 9});
  EXPECT_FALSE(bench.message("gw-2", "state", ByteView(liar), true)) << "on its own topic, in another's name";
  EXPECT_EQ(refused("foreign_device"), 1u);
  EXPECT_FALSE(bench.plugin->message({&bench, "c", "gw-2", "muster/v1/device/gw-1/state", ByteView(liar), true}))
      << "even when an acl_file let it through";
  EXPECT_EQ(refused("foreign_device"), 2u);
  EXPECT_FALSE(bench.message("gw-1", "state", ByteView(liar), false));
  EXPECT_EQ(refused("retain_flag"), 1u);
  EXPECT_FALSE(bench.report({.device = "gw-1", .seq = 4, .region = "us"}));
  EXPECT_EQ(refused("stale_report"), 1u);
  EXPECT_TRUE(bench.report({.device = "gw-1", .seq = 5, .region = "de"}))
      << "the same once more is a repetition, not an attack";
  EXPECT_FALSE(bench.message("gw-1", "state", ByteView(Bytes(5000, 0)), true));
  EXPECT_EQ(refused("too_long"), 1u);
  EXPECT_FALSE(bench.message("gw-1", "evidence", ByteView(liar), false));
  EXPECT_FALSE(bench.message("gw-1", "link", ByteView(std::string_view("2")), true));
  EXPECT_FALSE(bench.plugin->message({&bench, "c", "gw-1", "muster/v1/device/gw-1/assignment", ByteView(liar), true}));
  EXPECT_FALSE(bench.plugin->message({&bench, "c", "gw-1", "muster/v1/nonsense", ByteView(liar), true}));
  EXPECT_EQ(refused("unknown_topic"), 1u);
  auto after = device("gw-1");
  after["last_seen_s"] = before["last_seen_s"];
  EXPECT_EQ(after, before);
}

TEST_F(PluginFaultsTest, DamagedReportsNeverCrash) {
  bench.start();
  const auto good = make_report({.device = "gw-1", .seq = 5});
  const auto health = make_health("gw-1", 1, 2);
  const auto get = make_chunk_get({}, 0, 100);
  const auto seed = 11u;
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    for (const auto& [leaf, bytes] :
         {std::pair{"state", good}, std::pair{"health", health}, std::pair{"chunk/get", get}}) {
      auto bad = bytes;
      for (auto flips = 1 + random() % 6; flips > 0; --flips)
        bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
      if (random() % 4 == 0) bad.resize(random() % bad.size());
      static_cast<void>(bench.message("gw-1", leaf, ByteView(bad), leaf == std::string("state")));
    }
    if (round % 50 == 0) bench.plugin->tick();
  }
  EXPECT_EQ(bench.metrics()["stopped"], nullptr) << "seed " << seed;
}

TEST_F(PluginFaultsTest, MisalignedPayloadsAreFine) {
  bench.start();
  const auto report = make_report({.device = "gw-1"});
  for (std::size_t shift = 0; shift < 8; ++shift) {
    Bytes buffer(report.size() + 16);
    const auto base = (8 - reinterpret_cast<std::uintptr_t>(buffer.data()) % 8) % 8;
    std::copy(report.begin(), report.end(), buffer.begin() + static_cast<std::ptrdiff_t>(base + shift));
    EXPECT_TRUE(bench.message("gw-1", "state", ByteView(buffer.data() + base + shift, report.size()), true)) << shift;
  }
}

TEST_F(PluginFaultsTest, MoreDevicesThanTheLimitAreRefused) {
  Bench small("limits: { devices: 2 }\n");
  small.start();
  EXPECT_TRUE(small.report({.device = "gw-1"}));
  EXPECT_TRUE(small.report({.device = "gw-2"}));
  EXPECT_FALSE(small.report({.device = "gw-3"}));
  EXPECT_TRUE(small.report({.device = "gw-1", .seq = 2}));
  EXPECT_EQ(small.metrics()["refused"]["over_limit"], 1);
  EXPECT_EQ(small.metrics()["devices"]["known"], 2);
}

TEST_F(PluginFaultsTest, ARequestFromNobodyIsRefused) {
  bench.start();
  EXPECT_EQ(bench.command("mallory", R"("command":"listRollouts")")["kind"], "refused");
  EXPECT_EQ(bench.command("", R"("command":"listRollouts")")["kind"], "refused");
  EXPECT_EQ(bench.command("eve", R"("command":"makeCoffee")")["kind"], "usage");
  EXPECT_EQ(refused("unknown_command"), 1u);
  EXPECT_EQ(refused("role"), 2u);
}

TEST_F(PluginFaultsTest, AfterABugNothingIsDecidedAndLookingGoesOn) {
  bench.start();
  EXPECT_TRUE(bench.report({.device = "gw-1"}));
  bench.plugin->stop_acting("a test says so");
  EXPECT_TRUE(bench.report({.device = "gw-1", .seq = 2, .region = "us"})) << "observers may still see it";
  EXPECT_EQ(device("gw-1")["facts"]["region"], "eu") << "but the engine does not";
  const auto order = bench.command("alice", R"("command":"giveOrder","scope":"fleet","order":"safe_mode")");
  EXPECT_EQ(order["kind"], "internal");
  EXPECT_NE(order["error"].get<std::string>().find("a test says so"), std::string::npos);
  EXPECT_EQ(bench.metrics()["stopped"], "a test says so");
  EXPECT_TRUE(bench.port.logged("stopped deciding"));
}

TEST_F(PluginFaultsTest, AStoreThatCannotBeWrittenStopsDecisions) {
  bench.start();
  // Every file of the database loses its room: the next log record cannot be written.
  const struct rlimit_guard {
    rlimit_guard() {
      ::getrlimit(RLIMIT_FSIZE, &before);
      handler = std::signal(SIGXFSZ, SIG_IGN);
      const rlimit now{1, before.rlim_max};
      ::setrlimit(RLIMIT_FSIZE, &now);
    }
    ~rlimit_guard() {
      ::setrlimit(RLIMIT_FSIZE, &before);
      std::signal(SIGXFSZ, handler);
    }
    rlimit before{};
    void (*handler)(int) = nullptr;
  } full;
  const auto order = bench.command("alice", R"("command":"giveOrder","scope":"fleet","order":"safe_mode")");
  EXPECT_EQ(order["kind"], "internal");
  EXPECT_TRUE(bench.port.retained("muster/v1/fleet/directive").empty()) << "not durable, so not published";
  EXPECT_TRUE(bench.port.logged("stopped deciding"));
  EXPECT_NE(bench.metrics()["stopped"], nullptr);
}

TEST_F(PluginFaultsTest, AWrongInstallationGetsOneSentence) {
  const auto& keys = bench.installation;
  const auto control = keys.folder / "control.key";
  ASSERT_EQ(::chmod(control.c_str(), 0644), 0);
  EXPECT_NE(bench.start_error().find("chmod"), std::string::npos) << bench.start_error();
  ASSERT_EQ(::chmod(control.c_str(), 0600), 0);

  const auto chain = read_text(keys.folder / "root-chain.mrch");
  auto bad = chain;
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
  write_text(keys.folder / "root-chain.mrch", bad);
  EXPECT_NE(bench.start_error().find("root-chain.mrch"), std::string::npos);
  write_text(keys.folder / "root-chain.mrch", "");
  EXPECT_NE(bench.start_error().find("musterctl keys init"), std::string::npos) << bench.start_error();
  fs::remove(keys.folder / "root-chain.mrch");
  EXPECT_NE(bench.start_error().find("root-chain.mrch"), std::string::npos);
  write_text(keys.folder / "root-chain.mrch", chain);

  write_text(keys.folder / "data", "a file in the way");
  EXPECT_NE(bench.start_error().find("data"), std::string::npos);
  fs::remove(keys.folder / "data");
  EXPECT_EQ(bench.start_error(), "");
}

TEST_F(PluginFaultsTest, AChangedPastIsRefused) {
  bench.start();
  EXPECT_EQ(bench.command("alice", R"("command":"giveOrder","scope":"fleet","order":"safe_mode")").value("error", ""),
            "");
  bench.stop();
  {
    // Someone with write access to the database rewrites history, with checksums and all.
    auto store = std::move(*Store::open(bench.installation.data_dir));
    auto entry = decode_entry(**store->get(keys::audit_key(2)));
    ASSERT_TRUE(entry.has_value());
    entry->who = "bob";
    ASSERT_TRUE(store->write({{keys::audit_key(2), encode_entry(*entry)}}).has_value());
  }
  EXPECT_NE(bench.start_error().find("entry 2 does not match its hash"), std::string::npos) << bench.start_error();
  {
    auto store = std::move(*Store::open(bench.installation.data_dir));
    ASSERT_TRUE(store->write({{keys::audit_key(2), std::nullopt}}).has_value());
  }
  EXPECT_NE(bench.start_error().find("not where its signed end says"), std::string::npos) << bench.start_error();
}

TEST_F(PluginFaultsTest, ADamagedEngineRecordIsRefused) {
  bench.start();
  EXPECT_TRUE(bench.report({.device = "gw-1"}));
  ASSERT_TRUE(bench.tick_until([&] { return bench.metrics()["store"]["queue_depth"] == 0; }));
  bench.stop();
  {
    auto store = std::move(*Store::open(bench.installation.data_dir));
    std::string key;
    ASSERT_TRUE(store
                    ->scan(keys::engine, "",
                           [&](std::string_view name, std::string_view) {
                             key = keys::join(keys::engine, name);
                             return true;
                           })
                    .has_value());
    ASSERT_FALSE(key.empty());
    ASSERT_TRUE(store->write({{key, "nonsense"}}).has_value());
  }
  const auto error = bench.start_error();
  EXPECT_NE(error, "");
  EXPECT_NE(error.find("restore a backup"), std::string::npos) << error;
}

TEST_F(PluginFaultsTest, AFullQueueRefusesReportsInsteadOfWaiting) {
  Bench small("limits: { queue_records: 64 }\n");
  small.start();
  std::uint64_t accepted = 0, turned_away = 0;
  for (int i = 0; i < 200000 && turned_away == 0; ++i) {
    small.report({.device = "gw-" + std::to_string(i)}) ? ++accepted : ++turned_away;
  }
  EXPECT_GT(accepted, 0u);
  ASSERT_GT(turned_away, 0u) << "the writer was faster than 200000 reports";
  EXPECT_GT(small.metrics()["refused"]["queue_full"], 0);
  EXPECT_TRUE(small.tick_until([&] { return small.report({.device = "gw-late"}); })) << "and recovers";
}

}  // namespace
}  // namespace muster::broker::test
