// Real processes, a real HTTP server, real files: probes, installers and the commands behind them.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>

#include "edge-client/shell/http_probe.h"
#include "edge-client/shell/installer.h"
#include "edge-client/shell/probes.h"
#include "tests/unit/edge/folder.h"
#include "tests/unit/edge/signed_world.h"

namespace muster::edge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Processes : public testing::Test {
 protected:
  CommandResult run(const CommandLine& command, std::uint64_t timeout_ms = 10000) {
    std::optional<CommandResult> result;
    runner.run(command, timeout_ms, [&](const CommandResult& r) { result = r; });
    EXPECT_TRUE(loop.run_until([&] { return result.has_value(); }, 20000));
    return result.value_or(CommandResult{});
  }
  Folder folder;
  EventLoop loop;
  ProcessRunner runner{loop};
};

TEST_F(Processes, SayHowTheyEnded) {
  EXPECT_TRUE(run({"true"}).ok());
  EXPECT_EQ(run({"false"}).text(), "exit code 1");
  EXPECT_EQ(run({"sh", "-c", "echo first; echo the last line >&2; exit 3"}).text(), "exit code 3: the last line");
  EXPECT_EQ(run({"sh", "-c", "kill -9 $$"}).text(), "ended by signal 9");
  EXPECT_THAT(run({"/no/such/program"}).text(), HasSubstr("cannot be started"));
  EXPECT_THAT(run({folder.write("plain", "text")}).text(), HasSubstr("cannot be started"));
}

TEST_F(Processes, HaveALimitForTheWholeGroup) {
  const auto started = EventLoop::now_ms();
  const auto result = run({folder.script("slow", "sleep 60 & echo $! > " + folder.file("pid") + "; sleep 60")}, 300);
  EXPECT_EQ(result.end, CommandResult::End::timed_out);
  EXPECT_LT(EventLoop::now_ms() - started, 10000u);
  const auto grandchild = std::stoi(folder.read("pid"));
  // Gone, or a zombie that nobody has reaped yet.
  EXPECT_TRUE(loop.run_until(
      [&] {
        std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
        std::string text;
        std::getline(stat, text);
        return text.empty() || text.find(") Z") != std::string::npos;
      },
      5000));
}

TEST_F(Processes, ArgumentsReachThemAsTheyAre) {
  const auto script = folder.script("show", "printf '%s|' \"$@\" > " + folder.file("arguments"));
  EXPECT_TRUE(run({script, "a b", "$(reboot)", "; rm", ""}).ok());
  EXPECT_EQ(folder.read("arguments"), "a b|$(reboot)|; rm||");
}

TEST_F(Processes, HostileOutputIsMadeHarmless) {
  const auto result = run({"sh", "-c", "head -c 100000 /dev/zero; printf 'a\\033[2Jb\\001c\\n'; exit 1"});
  EXPECT_EQ(result.said, "a[2Jbc");
}

TEST_F(Processes, AKilledOneIsNotHeardOfAgain) {
  bool called = false;
  const auto id = runner.run({"sleep", "60"}, 60000, [&](const CommandResult&) { called = true; });
  runner.kill(id);
  EXPECT_FALSE(loop.run_until([&] { return called; }, 100));
}

// Answers every connection with the same bytes; an empty answer only accepts.
class HttpServer {
 public:
  explicit HttpServer(std::string answer, bool hold_open = false) : answer_(std::move(answer)), hold_open_(hold_open) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    ending_ = true;
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
    for (const int held : held_) ::close(held);
  }
  [[nodiscard]] std::string url(const std::string& path = "/healthz") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::atomic<int> requests{0};
  std::string seen;

 private:
  void serve() {
    while (!ending_) {
      const int client = ::accept(fd_, nullptr, nullptr);
      if (client < 0) return;
      char buffer[1024];
      const auto got = ::recv(client, buffer, sizeof buffer, 0);
      if (got > 0) seen.assign(buffer, static_cast<std::size_t>(got));
      ++requests;  // first: who has the answer may count at once
      static_cast<void>(::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL));
      if (hold_open_) {
        held_.push_back(client);
      } else {
        ::close(client);
      }
    }
  }
  std::string answer_;
  bool hold_open_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> ending_{false};
  std::vector<int> held_;
  std::thread thread_;
};

TEST(HttpProbe, OnlyTheStatusCounts) {
  HttpServer good("HTTP/1.1 204 No Content\r\n\r\n");
  const auto result = http_get(good.url("/healthz?deep=1"), 5000);
  EXPECT_EQ(result.end, HttpProbeResult::End::answered);
  EXPECT_EQ(result.status, 204);
  EXPECT_THAT(good.seen, HasSubstr("GET /healthz?deep=1 HTTP/1.1\r\n"));
  HttpServer bad("HTTP/1.0 503 Service Unavailable\r\n\r\n");
  EXPECT_EQ(http_get(bad.url(), 5000).status, 503);
}

TEST(HttpProbe, WhatIsNoAnswerIsAFailure) {
  for (const auto* answer : {"", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 abc\r\n", "HTTP/2 200\r\n"}) {
    HttpServer server(answer);
    EXPECT_EQ(http_get(server.url(), 5000).end, HttpProbeResult::End::failed) << answer;
  }
  HttpServer endless(std::string(100000, 'x'), true);
  EXPECT_EQ(http_get(endless.url(), 5000).end, HttpProbeResult::End::failed);
}

TEST(HttpProbe, TheDeadlineCoversEverything) {
  HttpServer silent("", true);
  const auto started = EventLoop::now_ms();
  EXPECT_EQ(http_get(silent.url(), 300).end, HttpProbeResult::End::timed_out);
  HttpServer half("HTTP/1.1 20", true);
  EXPECT_EQ(http_get(half.url(), 300).end, HttpProbeResult::End::timed_out);
  EXPECT_LT(EventLoop::now_ms() - started, 5000u);
}

TEST(HttpProbe, UrlsAreReadStrictly) {
  HttpUrl parts;
  ASSERT_TRUE(parse_http_url("http://[::1]:8500/a/b?c=d#e", parts));
  EXPECT_EQ(parts.host + " " + parts.port + " " + parts.path, "::1 8500 /a/b?c=d");
  ASSERT_TRUE(parse_http_url("http://localhost", parts));
  EXPECT_EQ(parts.host + " " + parts.port + " " + parts.path, "localhost 80 /");
  for (const auto* url : {"", "ftp://x/", "https://x/", "http://", "http://:80/", "http://x:port/", "http://x:123456/",
                          "http://u@x/", "http://x/ a", "http://x/\r\nEvil: 1"}) {
    EXPECT_FALSE(parse_http_url(url, parts)) << url;
  }
}

class Probes : public Processes {
 protected:
  Probes() {
    release = world.release("m", "1", Plane::model, {{"model.bin", "weights"}});
    EXPECT_TRUE(slots.prepare(Plane::model));
    std::ofstream(slots.partial_path(Plane::model, sha256_of("weights"))) << "weights";
    EXPECT_TRUE(slots.build(release.manifest));
  }
  // "" when the probes passed, else code and detail.
  std::string probe(const std::vector<ProbeSpec>& specs, bool warm = false) {
    std::optional<std::string> result;
    ProbeRunner probes(loop, worker, runner, slots, config,
                       [&](std::uint64_t job, const std::optional<ProbeRunner::Failure>& failure) {
                         EXPECT_EQ(job, 7u);
                         result = failure ? std::string(wire::EnumNameErrorCode(failure->fault.code)) + " " +
                                                failure->fault.detail
                                          : "";
                       });
    RunProbes run{7, {}, warm};
    for (const auto& spec : specs) run.probes.push_back({Plane::model, release.manifest.info.manifest, spec});
    probes.run(run);
    EXPECT_TRUE(loop.run_until([&] { return result.has_value(); }, 20000));
    return result.value_or("no answer");
  }
  SignedWorld world;
  SlotStore slots{folder.path()};
  Worker worker{loop};
  SignedRelease release;
  Config config;
  std::map<std::string, CommandLine>& allowlist = config.probes;
};

TEST_F(Probes, ExecGetsTheSlotsPathAsItsLastArgument) {
  allowlist["golden"] = {folder.script("golden", "test \"$1\" = --quick && test -f \"$2/model.bin\""), "--quick"};
  EXPECT_EQ(probe({{ProbeKind::exec, "golden", 0, 5000, 1, 0}}), "");
}

TEST_F(Probes, APipelineIsComparedWithWhatTheReleaseStates) {
  const auto compare = [&](const std::string& checksum) {
    std::optional<ProbeRunner::Failure> failure;
    bool answered = false;
    ProbeRunner probes(loop, worker, runner, slots, config, [&](std::uint64_t, const auto& found) {
      failure = found;
      answered = true;
    });
    probes.run({7, {{Plane::model, release.manifest.info.manifest, {}, checksum}}, false});
    EXPECT_TRUE(loop.run_until([&] { return answered; }, 20000));
    return failure ? std::string(wire::EnumNameErrorCode(failure->fault.code)) + " " + failure->fault.detail : "";
  };
  const auto both = to_hex(sha256_of("resize\ndecode\n"));
  EXPECT_THAT(compare(both), HasSubstr("incompatible the release is made for another pipeline: this device's "
                                       "configuration lists no pipeline"));
  config.pipeline = {folder.write("pre.py", "resize\n"), folder.write("post.py", "decode\n")};
  EXPECT_EQ(compare(both), "");
  std::swap(config.pipeline[0], config.pipeline[1]);
  EXPECT_THAT(compare(both), HasSubstr("its checksum is " + both.substr(0, 12)));
  config.pipeline[0] = folder.file("gone.py");
  EXPECT_THAT(compare(both), HasSubstr("cannot open " + folder.file("gone.py")));
}

TEST_F(Probes, ExecIsFromTheAllowlistOnly) {
  EXPECT_THAT(probe({{ProbeKind::exec, "rm", 0, 5000, 3, 0}}), HasSubstr("probe_not_allowed probe exec rm"));
}

TEST_F(Probes, ExecSaysWhy) {
  allowlist["golden"] = {folder.script("golden", "echo accuracy 0.2 is too low; exit 4")};
  EXPECT_EQ(probe({{ProbeKind::exec, "golden", 0, 5000, 1, 0}}),
            "probe_failed probe exec golden: exit code 4: accuracy 0.2 is too low");
  allowlist["slow"] = {folder.script("slow", "sleep 60")};
  EXPECT_THAT(probe({{ProbeKind::exec, "slow", 0, 200, 1, 0}}), HasSubstr("probe_timeout"));
}

TEST_F(Probes, AttemptsAreCounted) {
  const auto tries = folder.file("tries");
  allowlist["third"] = {folder.script("third", "echo x >> " + tries + "; test $(wc -l < " + tries + ") -ge 3")};
  EXPECT_EQ(probe({{ProbeKind::exec, "third", 0, 5000, 3, 20}}), "");
  std::filesystem::remove(tries);
  EXPECT_THAT(probe({{ProbeKind::exec, "third", 0, 5000, 2, 20}}), HasSubstr("(2 attempts)"));
}

TEST_F(Probes, TheInitialDelayIsForColdStartsOnly) {
  allowlist["ok"] = {"true"};
  auto started = EventLoop::now_ms();
  EXPECT_EQ(probe({{ProbeKind::exec, "ok", 300, 5000, 1, 0}}), "");
  EXPECT_GE(EventLoop::now_ms() - started, 300u);
  started = EventLoop::now_ms();
  EXPECT_EQ(probe({{ProbeKind::exec, "ok", 60000, 5000, 1, 0}}, true), "");
  EXPECT_LT(EventLoop::now_ms() - started, 30000u);
}

TEST_F(Probes, HttpNeedsATwoHundred) {
  HttpServer good("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(probe({{ProbeKind::http, good.url(), 0, 5000, 1, 0}}), "");
  HttpServer bad("HTTP/1.1 500 Oops\r\n\r\n");
  EXPECT_THAT(probe({{ProbeKind::http, bad.url(), 0, 5000, 2, 10}}), HasSubstr("status 500"));
  EXPECT_EQ(bad.requests, 2);
}

TEST_F(Probes, FilesAreLookedForInTheSlotOrAnywhere) {
  EXPECT_EQ(probe({{ProbeKind::file, "model.bin", 0, 1000, 1, 0}}), "");
  EXPECT_THAT(probe({{ProbeKind::file, "ready", 0, 1000, 1, 0}}), HasSubstr("probe_failed"));
  EXPECT_EQ(probe({{ProbeKind::file, folder.write("ready", ""), 0, 1000, 1, 0}}), "");
}

TEST_F(Probes, TheFirstFailureEndsTheRun) {
  allowlist["mark"] = {"touch", folder.file("marked")};
  EXPECT_THAT(probe({{ProbeKind::file, "ready", 0, 1000, 1, 0}, {ProbeKind::exec, "mark", 0, 1000, 1, 0}}),
              HasSubstr("probe_failed"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("marked")));
  EXPECT_EQ(probe({}), "");
}

class Installers : public Probes {
 protected:
  // "" or the fault's words.
  std::string activate(const Sha256& active, const Sha256& previous = {}, bool going_back = false) {
    std::optional<std::string> result;
    Installer installer(
        worker, runner, slots, config,
        [&](const Activate&, const std::optional<Fault>& fault) { result = fault ? fault->detail : ""; },
        [&](const std::string& text) { warnings.push_back(text); });
    installer.activate({1, Plane::model, active, previous, going_back});
    EXPECT_TRUE(loop.run_until([&] { return result.has_value(); }, 20000));
    return result.value_or("no answer");
  }
  [[nodiscard]] const Sha256& id() const { return release.manifest.info.manifest; }
  Config config;
  std::vector<std::string> warnings;
};

TEST_F(Installers, ASlotIsLinkedAndTheWorkloadTold) {
  config.planes[1] = PlaneConfig{InstallerKind::slot, {"touch", folder.file("told")}, {}, 5000};
  EXPECT_EQ(activate(id()), "");
  EXPECT_EQ(slots.links(Plane::model).active, id());
  EXPECT_TRUE(std::filesystem::exists(folder.file("told")));
}

TEST_F(Installers, AWorkloadThatCannotBeToldFailsTheWayForwardOnly) {
  config.planes[1] = PlaneConfig{InstallerKind::slot, {"false"}, {}, 5000};
  EXPECT_THAT(activate(id()), HasSubstr("exit code 1"));
  EXPECT_EQ(activate(id(), {}, true), "");
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("exit code 1")));
}

TEST_F(Installers, AnExecInstallerRunsBeforeTheLinks) {
  config.planes[1] = PlaneConfig{
      InstallerKind::exec, {}, {folder.script("install", "cp \"$1/model.bin\" " + folder.file("installed"))}, 5000};
  EXPECT_EQ(activate(id()), "");
  EXPECT_EQ(folder.read("installed"), "weights");
  EXPECT_EQ(slots.links(Plane::model).active, id());
  EXPECT_THAT(activate({}), HasSubstr("can not be emptied"));
}

TEST_F(Installers, AFailedExecInstallerChangesNoLink) {
  config.planes[1] =
      PlaneConfig{InstallerKind::exec, {}, {folder.script("install", "echo flash is worn out; exit 9")}, 5000};
  EXPECT_THAT(activate(id()), HasSubstr("flash is worn out"));
  EXPECT_TRUE(slots.links(Plane::model).active.is_zero());
}

}  // namespace
}  // namespace muster::edge
