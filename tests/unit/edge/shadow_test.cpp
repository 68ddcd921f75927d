// What runs in the shadow: real processes, a real socket, and nothing left of either when it is over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <optional>

#include "edge-client/shell/shadow.h"
#include "tests/unit/edge/folder.h"

namespace muster::edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ShadowProcesses : public testing::Test {
 protected:
  ShadowProcesses() {
    config.data_dir = folder.path();
    config.shadow.grace_ms = 5000;
    // Says who it is and that it was asked to end, and has a child that would outlive it.
    config.probes["replay"] = {folder.script(
        "replay", "trap 'echo asked >> " + folder.file("log") +
                      "; exit 0' TERM\n"
                      "sleep 600 & echo $! > " +
                      folder.file("child") + "\n" + "echo \"$@\" > " + folder.file("arguments") + "\n" + "env > " +
                      folder.file("environment") + "\n" + "echo $$ > " + folder.file("pid") + "\nwait")};
    config.probes["deaf"] = {
        folder.script("deaf", "trap '' TERM\necho $$ > " + folder.file("pid") + "\nwhile :; do sleep 0.05; done")};
    config.probes["ends"] = {folder.script("ends", "echo cannot load model; exit 3")};
    config.probes["leaves"] = {folder.script("leaves", "sleep 600 & echo $! > " + folder.file("child") + "\nexit 0")};
    config.probes["missing"] = {"/no/such/program"};
    make();
  }
  void make() {
    ShadowRunner::Ports ports;
    ports.failed = [this](std::uint64_t job, const ShadowRunner::Failure& f) {
      failed_job = job;
      failure = f;
      ++failures;
    };
    ports.measured = [this](std::string_view datagram) { measured.emplace_back(datagram); };
    runner.emplace(loop, processes, slots, config, std::move(ports));
  }
  void run(const std::string& command, std::uint64_t job = 7) {
    runner->run({job, {{Plane::model, Sha256{{1}}, command}, {Plane::config, Sha256{{2}}, ""}}});
  }
  // Looks again every few milliseconds: most of what is waited for is nothing that the loop would wake for.
  bool eventually(const std::function<bool()>& done) {
    const auto deadline = EventLoop::now_ms() + 20000;
    while (!loop.run_until(done, 10)) {
      if (EventLoop::now_ms() > deadline) return false;
    }
    return true;
  }
  bool wrote(const std::string& name) {
    return eventually([&] { return folder.read(name).find('\n') != std::string::npos; });
  }
  pid_t pid_in(const std::string& name) {
    EXPECT_TRUE(wrote(name)) << name;
    return std::stoi("0" + folder.read(name));
  }
  // Gone, or a zombie that nobody has reaped yet.
  static bool gone(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(stat, text);
    return text.empty() || text.find(") Z") != std::string::npos;
  }
  void send(const std::string& text) {
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = folder.file("shadow.sock");
    std::memcpy(address.sun_path, path.data(), path.size());
    ::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::close(fd);
  }

  Folder folder;
  EventLoop loop;
  ProcessRunner processes{loop};
  SlotStore slots{folder.path()};
  Config config;
  std::optional<ShadowRunner> runner;
  std::optional<ShadowRunner::Failure> failure;
  std::uint64_t failed_job = 0;
  int failures = 0;
  std::vector<std::string> measured;
};

TEST_F(ShadowProcesses, AreToldWhereTheirReleaseAndTheirSocketAre) {
  run("replay");
  ASSERT_TRUE(wrote("pid"));
  EXPECT_EQ(folder.read("arguments"), slots.path_of(Plane::model, Sha256{{1}}) + "\n");
  const auto environment = folder.read("environment");
  EXPECT_THAT(environment, HasSubstr("MUSTER_STATSD=" + folder.file("shadow.sock") + "\n"));
  EXPECT_THAT(environment, HasSubstr("MUSTER_SHADOW_MODEL=" + slots.path_of(Plane::model, Sha256{{1}}) + "\n"));
  EXPECT_THAT(environment, HasSubstr("MUSTER_SHADOW_CONFIG=" + slots.path_of(Plane::config, Sha256{{2}}) + "\n"));
  EXPECT_THAT(environment, HasSubstr("PATH="));
  EXPECT_TRUE(runner->running());
  EXPECT_EQ(failures, 0);
}

TEST_F(ShadowProcesses, GiveWayToTheActiveVersion) {
  config.shadow.nice = 12;
  run("replay");
  const auto pid = pid_in("pid");
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(pid)), 12);
  std::ifstream score("/proc/" + std::to_string(pid) + "/oom_score_adj");
  int adjusted = 0;
  score >> adjusted;
  EXPECT_EQ(adjusted, 1000) << "the first to go when memory is short";
  EXPECT_EQ(::getpgid(pid), pid);
}

TEST_F(ShadowProcesses, AreHeardOnTheirOwnSocketWhileTheyRun) {
  run("replay");
  ASSERT_TRUE(wrote("pid"));
  send("p95_ms:9|g");
  ASSERT_TRUE(eventually([&] { return !measured.empty(); }));
  EXPECT_THAT(measured, ElementsAre("p95_ms:9|g"));
  runner->end();
  EXPECT_FALSE(runner->running());
  EXPECT_FALSE(std::filesystem::exists(folder.file("shadow.sock")));
}

TEST_F(ShadowProcesses, AreAskedToEndAndTheirWholeGroupGoes) {
  run("replay");
  const auto pid = pid_in("pid");
  const auto child = pid_in("child");
  runner->end();
  EXPECT_TRUE(eventually([&] { return gone(pid) && gone(child); }));
  EXPECT_EQ(folder.read("log"), "asked\n");
  EXPECT_EQ(failures, 0) << "it was ended, it did not fail";
}

TEST_F(ShadowProcesses, ThatDoNotListenAreKilledAfterTheGrace) {
  config.shadow.grace_ms = 300;
  run("deaf");
  const auto pid = pid_in("pid");
  const auto asked_ms = EventLoop::now_ms();
  runner->end();
  EXPECT_TRUE(eventually([&] { return gone(pid); }));
  EXPECT_GE(EventLoop::now_ms() - asked_ms, 300u);
  EXPECT_EQ(failures, 0);
}

TEST_F(ShadowProcesses, ThatEndByThemselvesHaveFailedWhateverTheySay) {
  run("ends", 8);
  ASSERT_TRUE(eventually([&] { return failures > 0; }));
  EXPECT_EQ(failed_job, 8u);
  EXPECT_EQ(failure->plane, Plane::model);
  EXPECT_EQ(failure->fault.code, ErrorCode::shadow_failed);
  EXPECT_THAT(failure->fault.detail, HasSubstr("ends ended before its time: exit code 3: cannot load model"));
  EXPECT_FALSE(runner->running());
  EXPECT_FALSE(std::filesystem::exists(folder.file("shadow.sock")));
  run("leaves", 9);
  ASSERT_TRUE(eventually([&] { return failures > 1; }));
  EXPECT_THAT(failure->fault.detail, HasSubstr("exit code 0"));
  const auto child = pid_in("child");
  EXPECT_TRUE(eventually([&] { return gone(child); })) << "what it left behind goes too";
}

TEST_F(ShadowProcesses, ThatAreKilledSayByWhat) {
  run("replay");
  ::kill(pid_in("pid"), SIGSEGV);
  ASSERT_TRUE(eventually([&] { return failures > 0; }));
  EXPECT_THAT(failure->fault.detail, HasSubstr("ended by signal 11"));
}

TEST_F(ShadowProcesses, OneOfSeveralThatEndsEndsTheOthers) {
  runner->run({5, {{Plane::model, Sha256{{1}}, "replay"}, {Plane::config, Sha256{{2}}, "ends"}}});
  ASSERT_TRUE(eventually([&] { return failures > 0; }));
  EXPECT_EQ(failure->plane, Plane::config);
  const auto pid = static_cast<pid_t>(std::atoi(folder.read("pid").c_str()));
  EXPECT_TRUE(eventually([&] { return pid == 0 || gone(pid); }));
  EXPECT_FALSE(loop.run_until([&] { return failures > 1; }, 200)) << "told once";
}

TEST_F(ShadowProcesses, OutsideTheAllowlistAreNotRun) {
  run("reboot");
  ASSERT_TRUE(eventually([&] { return failures > 0; }));
  EXPECT_EQ(failure->fault.code, ErrorCode::probe_not_allowed);
  EXPECT_THAT(failure->fault.detail, HasSubstr("reboot is not on this device's allowlist"));
}

TEST_F(ShadowProcesses, ThatNeverStopTalkingDoNotKeepTheAgent) {
  config.probes["talks"] = {folder.script("talks", "echo $$ > " + folder.file("pid") + "\nexec yes")};
  run("talks");
  const auto pid = pid_in("pid");
  bool fired = false;
  loop.after(100, [&] { fired = true; });
  EXPECT_TRUE(loop.run_until([&] { return fired; }, 10000));
  runner->end();
  EXPECT_TRUE(eventually([&] { return gone(pid); }));
}

TEST_F(ShadowProcesses, ThatCannotBeStartedHaveFailed) {
  run("missing");
  ASSERT_TRUE(eventually([&] { return failures > 0; }));
  EXPECT_EQ(failure->fault.code, ErrorCode::shadow_failed);
  EXPECT_THAT(failure->fault.detail, HasSubstr("cannot be started"));
}

TEST_F(ShadowProcesses, WithoutASocketAreNotRun) {
  folder.write("shadow.sock", "a file in the way");
  run("replay");
  ASSERT_TRUE(eventually([&] { return failures > 0; }));
  EXPECT_EQ(failure->fault.code, ErrorCode::shadow_failed);
  EXPECT_THAT(failure->fault.detail, HasSubstr("StatsD"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("pid")));
}

TEST_F(ShadowProcesses, NeverRunTwoAtOnce) {
  config.shadow.grace_ms = 300;
  run("deaf", 1);
  const auto first = pid_in("pid");
  std::filesystem::remove(folder.file("pid"));
  run("replay", 2);
  EXPECT_FALSE(gone(first));
  const auto second = pid_in("pid");
  EXPECT_TRUE(gone(first)) << "the next one waited for it";
  EXPECT_FALSE(gone(second));
  EXPECT_TRUE(runner->running());
  EXPECT_EQ(failures, 0);
  // One that is replaced before it could begin is never begun.
  config.shadow.grace_ms = 0;
  run("ends", 3);
  runner->end();
  EXPECT_TRUE(eventually([&] { return gone(second); }));
  EXPECT_FALSE(loop.run_until([&] { return failures > 0; }, 200));
}

// As after a kill of the agent: of the group only the first process dies with it.
TEST_F(ShadowProcesses, OfAnAgentBeforeAreKilledAtTheStart) {
  run("replay");
  const auto child = pid_in("child");
  ASSERT_TRUE(wrote("pid"));
  std::filesystem::remove(folder.file("shadow.sock"));
  const auto other = std::exchange(config.data_dir, folder.path() + "-other");
  EXPECT_EQ(kill_marked("MUSTER_STATSD=" + config.data_dir + "/shadow.sock"), 0u) << "another agent's";
  EXPECT_FALSE(gone(child));
  config.data_dir = other;
  EXPECT_GE(kill_marked("MUSTER_STATSD=" + config.data_dir + "/shadow.sock"), 2u);
  EXPECT_TRUE(eventually([&] { return gone(child); }));
}

}  // namespace
}  // namespace muster::edge
