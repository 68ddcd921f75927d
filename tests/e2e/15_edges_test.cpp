// A device on its own: a broker that is away for long, a name that does not resolve, a clock that is far off. It tries
// again at bounded, spread-out times, keeps a bounded queue, and goes on when the world is right again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/proxy.h"
#include "tests/e2e/harness/watcher.h"
#include "tests/e2e/harness/world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using muster::testing::size_for;
using ::testing::HasSubstr;

const std::string one_wave = "[{ name: all, percent: 100, soak: 0s }]";

class Edges : public World {
 protected:
  // The delays that the agent says it will wait for, in order.
  static std::vector<long> stated_ms(Agent& of) {
    std::vector<long> all;
    const auto log = of.log();
    const std::regex line("next attempt in (\\d+) ms");
    for (auto at = std::sregex_iterator(log.begin(), log.end(), line); at != std::sregex_iterator(); ++at)
      all.push_back(std::stol((*at)[1].str()));
    return all;
  }
  static std::vector<long> gaps_ms(const std::vector<ProxyLink::Clock::time_point>& times) {
    std::vector<long> gaps;
    for (std::size_t i = 1; i < times.size(); ++i)
      gaps.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(times[i] - times[i - 1]).count());
    return gaps;
  }
};

// Two devices whose broker went away: each attempt comes as late as the one before said, later and later up to the
// limit, spread by chance, and not in step.
TEST_F(Edges, AttemptsToConnectAreBoundedAndSpread) {
  constexpr long first_ms = 100, max_ms = 1000;
  const std::size_t attempts = size_for<std::size_t>(14, 120);
  open();
  Proxy to_first(broker().port(), 1), to_second(broker().port(), 2);
  AgentSettings settings;
  settings.backoff = "{ first: 100ms, max: 1s }";
  settings.port = to_first.port();
  auto& one = add_agent("gw-0", settings);
  settings.port = to_second.port();
  auto& other = add_agent("gw-1", settings);
  one.start();
  other.start();
  ASSERT_EVENTUALLY(10s, device("gw-0").value("connected", false) && device("gw-1").value("connected", false));
  broker().kill_hard();
  ASSERT_EVENTUALLY(size_for(60s, 400s),
                    to_first.accepted_at().size() > attempts && to_second.accepted_at().size() > attempts);
  const auto stated = stated_ms(one);
  ASSERT_GE(stated.size(), 8u) << one.log();
  // The first attempt of all succeeded; the waits begin with the loss.
  auto times = to_first.accepted_at();
  times.erase(times.begin());
  const auto gaps = gaps_ms(times);
  const long slack_ms = 600L * slowness();  // what the attempt itself takes on a busy machine
  for (std::size_t i = 0; i < stated.size(); ++i) {
    const auto step = std::min<std::size_t>(i, 20);
    EXPECT_LE(stated[i], std::min(max_ms, first_ms << step)) << "attempt " << i;
    // stated[0] was waited for before the first attempt that is counted.
    if (i == 0 || i > gaps.size() || i >= 10) continue;
    EXPECT_GE(gaps[i - 1] + 20, stated[i]) << "attempt " << i << " came too early";
    EXPECT_LE(gaps[i - 1], stated[i] + slack_ms) << "attempt " << i << " came too late";
  }
  long sum = 0, longest = 0;
  for (const auto gap : gaps) {
    sum += gap;
    longest = std::max(longest, gap);
  }
  EXPECT_LE(longest, max_ms + slack_ms);
  EXPECT_GE(sum / static_cast<long>(gaps.size()), max_ms / 8) << "too often";
  EXPECT_NE(stated, stated_ms(other)) << "two devices in step";
  ASSERT_TRUE(broker().start());
  EXPECT_EVENTUALLY(5s, device("gw-0").value("connected", false) && device("gw-1").value("connected", false));
}

// Nothing listens for a long time. The device keeps what it runs, and is back within its longest pause.
TEST_F(Edges, ARefusedConnectionIsTriedUntilItSucceeds) {
  open();
  Proxy proxy(broker().port(), 1);
  AgentSettings settings;
  settings.port = proxy.port();
  add_agent("gw-0", settings).start();
  ASSERT_EVENTUALLY(10s, device("gw-0").value("connected", false));
  make_release({.name = "m", .version = "1", .model_txt = "good 1"});
  start_rollout("m-1", rule("m-1", "{ model: m@1 }", one_wave));
  ASSERT_EVENTUALLY(15s, state("m-1") == "completed");
  proxy.refuse(true);
  proxy.strike({.fault = LinkFault::reset});
  EXPECT_TRUE(throughout(size_for(3s, 150s), [&] { return agent(0).running(); }));
  EXPECT_EQ(agent(0).active_file("model", "model.txt"), "good 1");
  EXPECT_FALSE(device("gw-0").value("connected", true));
  proxy.refuse(false);
  EXPECT_EVENTUALLY(3s, device("gw-0").value("connected", false));
}

TEST_F(Edges, ANameThatDoesNotResolveIsSaidAndTriedAgain) {
  open();
  AgentSettings settings;
  settings.host = "broker.invalid";
  auto& lost = add_agent("gw-0", settings);
  lost.start();
  ASSERT_EVENTUALLY(30s, stated_ms(lost).size() >= 2);
  EXPECT_THAT(lost.log(), HasSubstr("cannot connect to broker.invalid"));
  EXPECT_THAT(lost.log(), HasSubstr("does not resolve"));
  EXPECT_TRUE(lost.running());
  lost.stop();
}

// What waits for the broker has a limit: the oldest goes first, it is counted, and the rest arrives.
TEST_F(Edges, TheOfflineQueueIsBounded) {
  constexpr std::size_t spool_max = 2048, before = spool_max + 40;
  open();
  Proxy proxy(broker().port(), 1);
  proxy.refuse(true);
  AgentSettings settings;
  settings.port = proxy.port();
  auto& offline = add_agent("gw-0", settings);
  const auto spool = offline.data_dir() + "/spool";
  for (std::size_t i = 1; i <= before; ++i) {
    const auto bytes = health_summary({.device = "gw-0", .boot_id = 0, .seq = i});
    char name[40];
    std::snprintf(name, sizeof name, "%016x-%016zx", 0, i);
    write_text(spool + "/" + name, ByteView(bytes).text());
  }
  offline.start();
  ASSERT_EVENTUALLY(15s, files_below(spool).size() <= spool_max);
  // New summaries come every second; the number stays.
  const auto oldest = files_below(spool).front();
  ASSERT_EVENTUALLY(15s, !exists(oldest));
  // Whoever lists the folder while a summary is renamed into it may see it by both names.
  EXPECT_EVENTUALLY(5s, files_below(spool).size() <= spool_max) << files_below(spool).size();
  proxy.refuse(false);
  EXPECT_EVENTUALLY(40s, files_below(spool).empty()) << files_below(spool).size();
  EXPECT_EVENTUALLY(10s, metrics().at("messages").value("health", 0UL) >= 1u);
}

class WrongClock : public Edges {
 protected:
  // An agent whose clock can be set: by so many seconds against the real one.
  Agent& add_agent_with_clock(long off_s) {
    clock_file_ = folder_.file("clock");
    set_clock(off_s);
    AgentSettings settings;
    settings.environment = {preloading(programs::clock_shim), "MUSTER_CLOCK_FILE=" + clock_file_};
    return add_agent("gw-0", settings);
  }
  void set_clock(long off_s) const {
    char text[32];
    std::snprintf(text, sizeof text, "%024ld", off_s);
    // In place: the agent has the file mapped.
    std::FILE* file = std::fopen(clock_file_.c_str(), exists(clock_file_) ? "r+" : "w");
    ASSERT_NE(file, nullptr);
    std::fputs(text, file);
    std::fclose(file);
  }
  void roll_out(const std::string& version) {
    make_release({.name = "m", .version = version, .model_txt = "good " + version});
    start_rollout("m-" + version, rule("m-" + version, "{ model: m@" + version + " }", one_wave));
  }
  static constexpr long day_s = 24 * 3600, year_s = 365 * day_s;
  std::string clock_file_;
};

// It jumps while the agent runs and is connected: forwards and back, by a day and by years. Timers do not notice, and
// what was signed is not refused for a clock that went back.
TEST_F(WrongClock, AClockThatJumpsChangesNothing) {
  open();
  auto& jumping = add_agent_with_clock(0);
  jumping.start();
  ASSERT_EVENTUALLY(10s, device("gw-0").value("connected", false));
  int version = 0;
  for (const long off_s : {day_s, -day_s, -40 * year_s, 0L}) {
    set_clock(off_s);
    roll_out(std::to_string(++version));
    ASSERT_EVENTUALLY(20s, state("m-" + std::to_string(version)) == "completed") << "clock off by " << off_s << " s\n"
                                                                                 << jumping.log();
  }
  EXPECT_EQ(jumping.call_count("notify-model"), 4u);
}

// A clock so far ahead that everything has expired, and one at 1970, where nothing is valid yet: TLS does not let it
// in, the log says that it may be the clock, and with the right time it connects by itself.
TEST_F(WrongClock, AClockThatIsFarOffIsNamed) {
  open();
  auto& wrong = add_agent_with_clock(50 * year_s);
  wrong.start();
  ASSERT_EVENTUALLY(15s, stated_ms(wrong).size() >= 2);
  EXPECT_THAT(wrong.log(), HasSubstr("by the clock of this device it is 20"));
  EXPECT_FALSE(device("gw-0").value("connected", false));
  set_clock(-50 * year_s);
  const auto so_far = wrong.log().size();
  ASSERT_EVENTUALLY(15s, wrong.log().find("by the clock of this device it is 19", so_far) != std::string::npos);
  set_clock(0);
  ASSERT_EVENTUALLY(10s, device("gw-0").value("connected", false));
  roll_out("1");
  EXPECT_EVENTUALLY(15s, state("m-1") == "completed");
}

}  // namespace
}  // namespace muster::e2e
