// The program muster-edge itself, without a broker: its command line, exit codes, and what it refuses to start with.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "edge-client/shell/event_loop.h"
#include "edge-client/shell/journal.h"
#include "edge-client/shell/slots.h"
#include "tests/unit/edge/folder.h"
#include "tests/unit/edge/signed_world.h"

extern char** environ;

namespace muster::edge {
namespace {

using testing::HasSubstr;

struct Ended {
  int code = -1;  // -1: had to be killed, or ended by a signal
  std::string said;
};

class Program : public testing::Test {
 protected:
  Program() {
    for (const auto* name : {"ca.crt", "gw.crt", "gw.key"}) folder.write(name, "not a certificate");
    folder.write("root.menv", ByteView(world.root_envelope()).text());
    folder.write("edge.yaml", R"(device_id: gw-17
broker: { host: 127.0.0.1, port: 1, ca: ca.crt, cert: gw.crt, key: gw.key }
data_dir: data
root: root.menv
facts: { class: rk3566 }
statsd_socket: statsd.sock
planes: { model: { installer: slot }, config: { installer: slot } }
)");
  }
  ~Program() override {
    if (running) static_cast<void>(end(SIGKILL));
  }

  void start(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{MUSTER_EDGE_PROGRAM};
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (auto& argument : all) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    const auto log = folder.file("log");
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    ASSERT_EQ(::posix_spawn(&pid, MUSTER_EDGE_PROGRAM, &files, nullptr, pointers.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
    running = true;
  }
  // Looks again every few milliseconds, until a deadline.
  bool eventually(const std::function<bool()>& done) {
    const auto deadline = EventLoop::now_ms() + 20000;
    while (!loop.run_until(done, 10)) {
      if (EventLoop::now_ms() > deadline) return false;
    }
    return true;
  }
  // Sends `signal` (0: none) and waits for the end.
  Ended end(int signal) {
    if (signal != 0) ::kill(pid, signal);
    int status = 0;
    const bool ended = eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; });
    EXPECT_TRUE(ended) << "muster-edge does not end\n" << folder.read("log");
    if (!ended) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &status, 0);
    }
    running = false;
    return {ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1, folder.read("log")};
  }
  Ended run(const std::vector<std::string>& arguments) {
    start(arguments);
    return end(0);
  }
  Ended run_agent() { return run({"--config", folder.file("edge.yaml")}); }
  // A model release in its slot, active, and a journal that says so.
  void settle() {
    const SlotStore slots(folder.file("data"));
    ASSERT_TRUE(slots.prepare(Plane::model));
    const auto release = world.release("m", "7", Plane::model, {{"model.bin", "weights"}});
    std::ofstream(slots.partial_path(Plane::model, sha256_of("weights"))) << "weights";
    ASSERT_TRUE(slots.build(release.manifest));
    manifest = release.manifest.info.manifest;
    ASSERT_TRUE(slots.flip(Plane::model, manifest, {}));
    DurableState state;
    state.boot_id = 6;
    state.planes[1].active = {manifest, "m", "7", 1};
    ASSERT_TRUE(Journal(folder.file("data/journal")).save(encode(state)));
  }
  std::optional<DurableState> journal() {
    auto loaded = Journal(folder.file("data/journal")).load();
    return loaded ? *loaded : std::nullopt;
  }

  SignedWorld world;
  Folder folder;
  EventLoop loop;
  pid_t pid = -1;
  bool running = false;
  Sha256 manifest;
};

TEST_F(Program, SaysWhatItIs) {
  const auto help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.said, HasSubstr("--reset-journal"));
  EXPECT_EQ(run({"--version"}).code, 0);
  EXPECT_THAT(run({"--print-states"}).said, HasSubstr("soaking --> committed: soak over"));
}

TEST_F(Program, AWrongCommandLineIsUsage) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{},
                                                                     {"--colour"},
                                                                     {"--config"},
                                                                     {"file"},
                                                                     {"--config", "x", "y"},
                                                                     {"--config", "x", "--check", "--reset-journal"}}) {
    const auto ended = run(arguments);
    EXPECT_EQ(ended.code, 2);
    EXPECT_THAT(ended.said, HasSubstr("--help"));
  }
}

TEST_F(Program, ChecksAConfigurationWithoutTouchingAnything) {
  EXPECT_EQ(run({"--config", folder.file("edge.yaml"), "--check"}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder.file("data")));
  folder.write("bad.yaml", "device_id: 3 4\n");
  const auto ended = run({"--config", folder.file("bad.yaml"), "--check"});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.said, HasSubstr("bad.yaml:1:12"));
}

TEST_F(Program, RunsWithoutABrokerAndEndsInOrder) {
  settle();
  start({"--config", folder.file("edge.yaml")});
  ASSERT_TRUE(eventually([&] { return folder.read("log").find("not connected") != std::string::npos; }))
      << folder.read("log");
  EXPECT_TRUE(std::filesystem::exists(folder.file("statsd.sock")));
  EXPECT_EQ(journal()->boot_id, 7u);
  EXPECT_FALSE(journal()->stopped_in_order);
  const auto ended = end(SIGTERM);
  EXPECT_EQ(ended.code, 0) << ended.said;
  EXPECT_TRUE(journal()->stopped_in_order);
  EXPECT_FALSE(std::filesystem::exists(folder.file("statsd.sock")));
}

TEST_F(Program, TwoDoNotShareADataFolder) {
  start({"--config", folder.file("edge.yaml")});
  ASSERT_TRUE(eventually([&] { return folder.read("log").find("started") != std::string::npos; }));
  const auto first = pid;
  const auto second = run_agent();
  EXPECT_EQ(second.code, 4);
  EXPECT_THAT(second.said, HasSubstr("another muster-edge uses data_dir"));
  pid = first;
  EXPECT_EQ(end(SIGTERM).code, 0);
}

TEST_F(Program, ADamagedJournalIsRefusedAndCanBeMadeAnew) {
  settle();
  auto bytes = folder.read("data/journal");
  bytes[40] = static_cast<char>(bytes[40] ^ 1);
  folder.write("data/journal", bytes);
  const auto refused = run_agent();
  EXPECT_EQ(refused.code, 5);
  EXPECT_THAT(refused.said, HasSubstr("--reset-journal"));
  EXPECT_EQ(folder.read("data/journal"), bytes);

  const auto reset = run({"--config", folder.file("edge.yaml"), "--reset-journal"});
  EXPECT_EQ(reset.code, 0);
  EXPECT_THAT(reset.said, HasSubstr("model: m@7"));
  const auto state = journal();
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->planes[1].active.manifest, manifest);
  EXPECT_EQ(state->planes[1].security_floor, 1u);
  start({"--config", folder.file("edge.yaml")});
  ASSERT_TRUE(eventually([&] { return folder.read("log").find("started") != std::string::npos; }));
  EXPECT_EQ(end(SIGTERM).code, 0);
}

TEST_F(Program, AMissingJournalBesideActiveReleasesIsDamageToo) {
  settle();
  std::filesystem::remove(folder.file("data/journal"));
  const auto refused = run_agent();
  EXPECT_EQ(refused.code, 5);
  EXPECT_THAT(refused.said, HasSubstr("missing"));
}

TEST_F(Program, ADamagedSlotIsNotServed) {
  settle();
  const auto file = SlotStore(folder.file("data")).path_of(Plane::model, manifest) + "/model.bin";
  std::filesystem::remove(file);
  std::ofstream(file) << "weighty";
  start({"--config", folder.file("edge.yaml")});
  ASSERT_TRUE(eventually([&] { return !std::filesystem::exists(folder.file("data/planes/model/active")); }))
      << folder.read("log");
  EXPECT_EQ(end(SIGTERM).code, 0);
  EXPECT_EQ(journal()->attempt.error, ErrorCode::slot_damaged);
}

// The whole agent, killed in the middle of a shadow: nothing of it may go on beside the next one.
TEST_F(Program, AShadowDiesWithItsAgentAndIsRunAgainWithTheTimeThatIsLeft) {
  settle();
  const auto replay = folder.script(
      "replay", "sleep 600 & echo $! >> " + folder.file("children") + "\necho $$ >> " + folder.file("pids") + "\nwait");
  folder.write("edge.yaml", folder.read("edge.yaml") + "probes: { replay: [" + replay + "] }\n");
  const SlotStore slots(folder.file("data"));
  const auto shadow = world.release("m", "8", Plane::model, {{"model.bin", "heavier"}}, 0, "replay");
  std::ofstream(slots.partial_path(Plane::model, sha256_of("heavier"))) << "heavier";
  ASSERT_TRUE(slots.build(shadow.manifest));
  auto state = *journal();
  auto& attempt = state.attempt;
  attempt.phase = AttemptPhase::shadowing;
  attempt.aim = AttemptAim::shadow;
  attempt.assignment.epoch = 2;
  attempt.assignment.soak_s = 5;
  attempt.assignment.shadow = {shadow.assigned()};
  attempt.changes = {{Plane::model, {shadow.manifest.info.manifest, "m", "8", 1}, state.planes[1].active}};
  attempt.soak_left_s = 4;
  ASSERT_TRUE(Journal(folder.file("data/journal")).save(encode(state)));

  const auto lines = [&](const char* file) {
    std::vector<pid_t> pids;
    std::istringstream text(folder.read(file));
    for (pid_t one = 0; text >> one;) pids.push_back(one);
    return pids;
  };
  const auto gone = [](pid_t one) {
    std::ifstream stat("/proc/" + std::to_string(one) + "/stat");
    std::string text;
    std::getline(stat, text);
    return text.empty() || text.find(") Z") != std::string::npos;
  };
  start({"--config", folder.file("edge.yaml")});
  ASSERT_TRUE(eventually([&] { return lines("pids").size() == 1; })) << folder.read("log");
  static_cast<void>(end(SIGKILL));
  EXPECT_TRUE(eventually([&] { return gone(lines("pids")[0]); })) << "with nobody there to end it";

  start({"--config", folder.file("edge.yaml")});
  ASSERT_TRUE(eventually([&] { return lines("pids").size() == 2; })) << folder.read("log");
  EXPECT_TRUE(gone(lines("children")[0])) << "what it had started went before the next one came";
  EXPECT_THAT(folder.read("log"), HasSubstr("had outlived the agent before"));
  ASSERT_TRUE(eventually([&] { return journal()->attempt.phase == AttemptPhase::committed; })) << folder.read("log");
  EXPECT_TRUE(eventually([&] { return gone(lines("pids")[1]) && gone(lines("children")[1]); }));
  EXPECT_EQ(slots.links(Plane::model).active, manifest);
  EXPECT_TRUE(slots.has(Plane::model, shadow.manifest.info.manifest));
  EXPECT_EQ(end(SIGTERM).code, 0);
  EXPECT_EQ(journal()->planes[1].active.manifest, manifest);
}

TEST_F(Program, AnUntrustedRootIsRefusedAndNothingIsBegun) {
  folder.write("root.menv", "nonsense");
  const auto refused = run_agent();
  EXPECT_EQ(refused.code, 6);
  EXPECT_FALSE(std::filesystem::exists(folder.file("data/journal")));
}

TEST_F(Program, AJournalThatIsNoFileIsSaid) {
  std::filesystem::create_directories(folder.file("data/journal/in-the-way"));
  const auto refused = run_agent();
  EXPECT_GT(refused.code, 0);
  EXPECT_THAT(refused.said, HasSubstr("journal"));
}

}  // namespace
}  // namespace muster::edge
