#include "tests/bench/broker/bench_broker.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "tests/bench/lib/options.h"
#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/programs.h"

namespace muster::bench {
namespace {

namespace programs = e2e::programs;
using namespace std::chrono_literals;

constexpr auto start_patience = 60s;

}  // namespace

void run_or_break_off(const std::vector<std::string>& args, const std::vector<std::string>& environment) {
  const auto finished = e2e::run(args, 60s, {}, environment);
  if (finished.exit_code == 0) return;
  std::string line;
  for (const auto& arg : args) line += arg + " ";
  break_off("%s\n%s%s", line.c_str(), finished.out.c_str(), finished.err.c_str());
}

BenchKeys::BenchKeys() {
  run_or_break_off({programs::ctl, "keys", "init", folder()});
  run_or_break_off(
      {programs::ctl, "cert", "server", "--ca", folder(), "--out", server_stem(), "localhost", "--alt", "127.0.0.1"});
  run_or_break_off({programs::ctl, "cert", "operator", "--ca", folder(), "--out", operator_stem(), "ops"});
}

BenchBroker::BenchBroker(Kind kind, const BenchKeys& keys, const std::string& data_dir)
    : keys_(keys),
      data_dir_(data_dir.empty() ? folder_.file("data") : data_dir),
      port_(e2e::free_port()),
      tls_port_(e2e::free_port()) {
  write_config(kind);
  e2e::Launch launch;
  launch.args = {programs::mosquitto, "-c", folder_.file("mosquitto.conf")};
  launch.log = folder_.file("mosquitto.log");
  process_ = e2e::Process(launch);
  wait_until_up();
}

BenchBroker::~BenchBroker() {
  process_.kill_hard();
}

// docs/performance.md says which of these settings matter to whom.
void BenchBroker::write_config(Kind kind) const {
  std::ostringstream text;
  text << "per_listener_settings false\nallow_anonymous true\npersistence false\nmax_queued_messages 200000\n"
       << "set_tcp_nodelay true\nuser root\nlog_dest stderr\nlog_type error\nlog_type warning\nlog_type notice\n"
       << "connection_messages false\nlistener " << port_ << " 127.0.0.1\n";
  if (kind == Kind::with_plugin) {
    text << "listener " << tls_port_ << " 127.0.0.1\ncafile " << keys_.folder() << "/ca.crt\ncertfile "
         << keys_.server_stem() << ".crt\nkeyfile " << keys_.server_stem()
         << ".key\nrequire_certificate true\nuse_identity_as_username true\ncheck_retain_source false\nplugin "
         << programs::plugin << "\nplugin_opt_config " << folder_.file("muster.yaml") << "\n";
    std::ostringstream plugin;
    plugin << "data_dir: " << data_dir_ << "\ncontrol_key: " << keys_.folder()
           << "/control.key\nroot_chain: " << keys_.folder()
           << "/root-chain.mrch\noperators: { ops: [view, operate, approve], observer: [view] }\n";
    e2e::write_text(folder_.file("muster.yaml"), plugin.str());
  }
  e2e::write_text(folder_.file("mosquitto.conf"), text.str());
}

void BenchBroker::wait_until_up() {
  const auto deadline = std::chrono::steady_clock::now() + start_patience;
  while (!e2e::accepts_connections(port_)) {
    if (process_.wait_exit(10ms) || std::chrono::steady_clock::now() > deadline)
      break_off("the broker did not start:\n%s", e2e::read_text(folder_.file("mosquitto.log")).c_str());
  }
}

void BenchBroker::stop() {
  process_.signal(SIGTERM);
  if (process_.wait_exit(60s) != 0)
    break_off("the broker did not end well:\n%s", e2e::read_text(folder_.file("mosquitto.log")).c_str());
}

void BenchBroker::ctl(std::vector<std::string> args) const {
  args.insert(args.begin(), programs::ctl);
  const auto stem = keys_.operator_stem();
  run_or_break_off(args, {"MUSTER_HOST=127.0.0.1", "MUSTER_PORT=" + std::to_string(tls_port_),
                          "MUSTER_CA=" + keys_.folder() + "/ca.crt", "MUSTER_CERT=" + stem + ".crt",
                          "MUSTER_KEY=" + stem + ".key", "MUSTER_ROOT=" + keys_.folder() + "/root.menv", "NO_COLOR=1"});
}

void BenchBroker::publish_release(const std::string& name, const std::string& version) {
  const auto ref = name + "@" + version;
  const auto source = folder_.make_folder("sources/" + ref);
  e2e::write_text(source + "/model.txt", ref);
  e2e::write_text(source + "/release.yaml",
                  "release: " + ref + "\nplane: model\nsecurity_version: 1\nfiles: [model.txt]\n");
  const auto built = folder_.make_folder("releases");
  ctl({"release", "build", source + "/release.yaml", "--out", built});
  ctl({"release", "sign", built + "/" + ref, "--key", keys_.folder() + "/release.key"});
  ctl({"release", "publish", built + "/" + ref});
}

double BenchBroker::peak_memory_mib() const {
  const auto status = e2e::read_text("/proc/" + std::to_string(process_.pid()) + "/status");
  const auto at = status.find("VmHWM:");
  if (at == std::string::npos) break_off("/proc says nothing about the broker's memory");
  return std::strtod(status.c_str() + at + 6, nullptr) / 1024;
}

double BenchBroker::cpu_seconds() const {
  double nanoseconds = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process_.pid()) + "/task"))
    nanoseconds += std::strtod(e2e::read_text(task.path().string() + "/schedstat").c_str(), nullptr);
  return nanoseconds / 1e9;
}

}  // namespace muster::bench
