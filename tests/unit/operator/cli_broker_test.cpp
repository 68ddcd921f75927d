// musterctl against what can be wrong with a broker, and through mosquitto_ctrl. What works with the plugin is
// tests/e2e.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/unit/operator/program.h"
#include "tests/unit/operator/temporary_directory.h"

namespace muster::ctl::test {
namespace {

using Environment = std::vector<std::pair<std::string, std::string>>;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A port that nobody listens on now.
std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t len = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), len), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &len), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

// Keys, certificates of the broker and of alice, and on demand a Mosquitto without the plugin.
class BrokerCli : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(musterctl({"keys", "init", directory_ / "keys"}).code, 0);
    ASSERT_EQ(musterctl({"cert", "server", "localhost", "--alt", "127.0.0.1", "--ca", directory_ / "keys", "--out",
                         directory_ / "broker"})
                  .code,
              0);
    ASSERT_EQ(musterctl({"cert", "operator", "alice", "--ca", directory_ / "keys", "--out", directory_ / "alice"}).code,
              0);
  }
  void TearDown() override { stop_broker(); }

  void start_broker(const std::string& extra = "") {
    const auto config = directory_.write(
        "mosquitto.conf", "listener " + std::to_string(port_) + " 127.0.0.1\ncafile " + (directory_ / "keys/ca.crt") +
                              "\ncertfile " + (directory_ / "broker.crt") + "\nkeyfile " + (directory_ / "broker.key") +
                              "\nrequire_certificate true\nuse_identity_as_username true\nallow_anonymous "
                              "true\nlog_dest none\nuser root\n" +
                              extra);
    broker_ = ::fork();
    if (broker_ == 0) {
      ::execlp("mosquitto", "mosquitto", "-c", config.c_str(), nullptr);
      ::execl("/usr/sbin/mosquitto", "mosquitto", "-c", config.c_str(), nullptr);
      ::_exit(127);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!listens(port_) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    ASSERT_TRUE(listens(port_)) << "mosquitto did not start";
  }
  void stop_broker() {
    if (broker_ <= 0) return;
    ::kill(broker_, SIGKILL);
    ::waitpid(broker_, nullptr, 0);
    broker_ = 0;
  }
  [[nodiscard]] Environment connection() const {
    return {{"MUSTER_HOST", "127.0.0.1"},
            {"MUSTER_PORT", std::to_string(port_)},
            {"MUSTER_CA", directory_ / "keys/ca.crt"},
            {"MUSTER_CERT", directory_ / "alice.crt"},
            {"MUSTER_KEY", directory_ / "alice.key"},
            {"MUSTER_TIMEOUT_S", "1"}};
  }

  TemporaryDirectory directory_;
  std::uint16_t port_ = free_port();
  pid_t broker_ = 0;
};

TEST_F(BrokerCli, ABrokerThatIsNotThereIsUnreachable) {
  const auto ran = musterctl({"rollout", "list"}, connection());
  EXPECT_EQ(ran.code, 9) << ran.err;
  EXPECT_TRUE(contains(ran.err, "nothing listens on 127.0.0.1:" + std::to_string(port_))) << ran.err;
}

TEST_F(BrokerCli, FilesAreNamedBeforeAnythingIsTried) {
  auto environment = connection();
  environment[2].second = directory_ / "nowhere.crt";
  const auto missing = musterctl({"device", "list"}, environment);
  EXPECT_EQ(missing.code, 3);
  EXPECT_TRUE(contains(missing.err, "--ca or MUSTER_CA")) << missing.err;
  const auto none = musterctl({"device", "list"}, {{"MUSTER_HOST", "127.0.0.1"}});
  EXPECT_EQ(none.code, 2);
  EXPECT_TRUE(contains(none.err, "use --ca FILE or set MUSTER_CA")) << none.err;
}

TEST_F(BrokerCli, ABrokerWithoutThePluginIsSaidToBeOne) {
  start_broker();
  const auto ran = musterctl({"rollout", "list"}, connection());
  EXPECT_EQ(ran.code, 11) << ran.err;
  EXPECT_TRUE(contains(ran.err, "plugin")) << ran.err;
}

TEST_F(BrokerCli, AnOptionWinsOverItsVariable) {
  const auto other = std::to_string(free_port());
  const auto ran = musterctl({"rollout", "list", "--port", other}, connection());
  EXPECT_EQ(ran.code, 9) << ran.err;
  EXPECT_TRUE(contains(ran.err, "127.0.0.1:" + other)) << ran.err;
}

TEST_F(BrokerCli, AUserWithoutRolesIsToldWhereTheyAreGiven) {
  const auto acl = directory_.write("acl", "user nobody\ntopic readwrite #\n");
  std::filesystem::permissions(acl, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  start_broker("acl_file " + acl + "\n");
  const auto ran = musterctl({"rollout", "list"}, connection());
  EXPECT_EQ(ran.code, 10) << ran.err;
  EXPECT_TRUE(contains(ran.err, "`operators:`")) << ran.err;
}

TEST_F(BrokerCli, ACertificateOfAnotherCaIsNotTrusted) {
  start_broker();
  ASSERT_EQ(musterctl({"cert", "ca", directory_ / "other"}).code, 0);
  auto environment = connection();
  environment[2].second = directory_ / "other/ca.crt";
  const auto ran = musterctl({"rollout", "list"}, environment);
  EXPECT_EQ(ran.code, 9);
  EXPECT_TRUE(contains(ran.err, "was not signed by the CA in " + (directory_ / "other/ca.crt"))) << ran.err;
}

TEST_F(BrokerCli, CertificatesThatDoNotFitAreNamed) {
  start_broker();
  auto environment = connection();
  environment[4].second = directory_ / "broker.key";
  const auto mismatch = musterctl({"rollout", "list"}, environment);
  EXPECT_EQ(mismatch.code, 9);
  EXPECT_TRUE(contains(mismatch.err, "is " + (directory_ / "broker.key") + " (--key) its private key")) << mismatch.err;
  ASSERT_EQ(musterctl({"cert", "ca", directory_ / "other"}).code, 0);
  ASSERT_EQ(
      musterctl({"cert", "operator", "mallory", "--ca", directory_ / "other", "--out", directory_ / "mallory"}).code,
      0);
  environment[3].second = directory_ / "mallory.crt";
  environment[4].second = directory_ / "mallory.key";
  const auto foreign = musterctl({"rollout", "list"}, environment);
  EXPECT_EQ(foreign.code, 9);
  EXPECT_TRUE(contains(foreign.err, "does it trust " + (directory_ / "mallory.crt"))) << foreign.err;
}

TEST_F(BrokerCli, ANameThatDoesNotExistIsSaid) {
  const auto ran = musterctl({"rollout", "list", "--host", "no-such-host.invalid"}, connection());
  EXPECT_EQ(ran.code, 9);
  EXPECT_TRUE(contains(ran.err, "no address is known for the host no-such-host.invalid")) << ran.err;
}

TEST_F(BrokerCli, WatchGivesUpInTime) {
  const auto ran = musterctl({"rollout", "watch", "r", "--timeout", "1s"}, connection());
  EXPECT_EQ(ran.code, 9) << "the first connection must work: " << ran.err;
}

// mosquitto_ctrl loads the module by its bare name.
Environment with_module(Environment environment) {
  const std::string module = std::getenv("MUSTER_CTRL_MODULE") == nullptr ? "" : std::getenv("MUSTER_CTRL_MODULE");
  EXPECT_FALSE(module.empty()) << "MUSTER_CTRL_MODULE must name the built module; CTest sets it";
  environment.emplace_back("LD_LIBRARY_PATH", module.substr(0, module.rfind('/')));
  return environment;
}

TEST_F(BrokerCli, MosquittoCtrlPassesItsOptionsOn) {
  const auto script = directory_.write(
      "print", "#!/bin/sh\nenv | grep ^MUSTER_ | sort\nfor a in \"$@\"; do echo \"[$a]\"; done\nexit 21\n");
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  const auto ran = run({"mosquitto_ctrl",
                        "-h",
                        "broker.example",
                        "-p",
                        "8884",
                        "-u",
                        "alice",
                        "-P",
                        "secret",
                        "--cafile",
                        directory_ / "keys/ca.crt",
                        "--cert",
                        directory_ / "alice.crt",
                        "--key",
                        directory_ / "alice.key",
                        "muster",
                        "rollout",
                        "pause",
                        "r",
                        "--reason",
                        "odd latency"},
                       with_module({{"MUSTERCTL", script}}));
  EXPECT_EQ(ran.code, 21) << ran.err;
  EXPECT_TRUE(
      contains(ran.out, "MUSTER_CA=" + (directory_ / "keys/ca.crt") + "\nMUSTER_CERT=" + (directory_ / "alice.crt")))
      << ran.out;
  EXPECT_TRUE(contains(ran.out, "MUSTER_HOST=broker.example\nMUSTER_KEY=" + (directory_ / "alice.key") +
                                    "\nMUSTER_PASSWORD=secret\nMUSTER_PORT=8884\nMUSTER_USER=alice\n"))
      << ran.out;
  EXPECT_TRUE(contains(ran.out, "[rollout]\n[pause]\n[r]\n[--reason]\n[odd latency]\n")) << ran.out;
}

TEST_F(BrokerCli, MosquittoCtrlRunsTheMusterctlBesideTheModule) {
  const auto program = std::string(std::getenv("MUSTERCTL"));
  const auto ran = run({"/bin/sh", "-c",
                        "unset MUSTERCTL; exec mosquitto_ctrl -h 127.0.0.1 -p " + std::to_string(port_) + " --cafile " +
                            (directory_ / "keys/ca.crt") + " --cert " + (directory_ / "alice.crt") + " --key " +
                            (directory_ / "alice.key") + " muster rollout list --json"},
                       with_module({}));
  EXPECT_EQ(ran.code, 9) << ran.err;
  EXPECT_TRUE(contains(ran.err, R"("kind":"unreachable")")) << ran.err;
  const auto help = run({"mosquitto_ctrl", "muster", "help"}, with_module({}));
  EXPECT_EQ(help.code, 0);
  EXPECT_TRUE(contains(help.out, "mosquitto_ctrl muster --help")) << help.out;
}

TEST_F(BrokerCli, MosquittoCtrlSaysWhereMusterctlIsMissing) {
  const auto ran =
      run({"mosquitto_ctrl", "muster", "rollout", "list"}, with_module({{"MUSTERCTL", directory_ / "gone"}}));
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(contains(ran.err, "set MUSTERCTL")) << ran.err;
}

}  // namespace
}  // namespace muster::ctl::test
