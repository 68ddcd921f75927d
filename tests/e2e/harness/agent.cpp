#include "tests/e2e/harness/agent.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <utility>

#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/watcher.h"

namespace muster::e2e {

namespace fs = std::filesystem;

Agent::Agent(std::string folder, std::string name, std::uint16_t broker_port, const Keys& keys, AgentSettings settings)
    : folder_(std::move(folder)),
      name_(std::move(name)),
      port_(settings.port != 0 ? settings.port : broker_port),
      keys_(keys),
      settings_(std::move(settings)) {
  fs::create_directories(folder_);
  write_config();
}

void Agent::write_config() const {
  const auto stem = settings_.certificate.empty() ? keys_.device(name_) : settings_.certificate;
  const auto note = "[" + programs::note_call + ", " + folder_ + "/calls, ";
  std::ostringstream text;
  text << "device_id: " << (settings_.device_id.empty() ? name_ : settings_.device_id) << "\n"
       << "broker: { host: " << settings_.host << ", port: " << port_ << ", ca: " << keys_.ca() << ", cert: " << stem
       << ".crt, key: " << stem << ".key, keepalive: " << settings_.keepalive << " }\n"
       << "data_dir: data\nroot: " << keys_.folder() << "/root.menv\n"
       << "facts: { class: " << settings_.device_class << ", region: " << settings_.region
       << ", site: plant-7, customer: acme, os_version: \"12\", memory_mb: 2048, memory_tier: small, tags: "
       << settings_.tags << ", accelerators: [npu] }\n"
       << "statsd_socket: statsd.sock\nhealth_interval: 1s\nbackoff: " << settings_.backoff << "\n"
       << "planes:\n"
       << "  model: { installer: slot, notify: " << note << "notify-model] }\n"
       << "  config: { installer: slot, notify: " << note << "notify-config] }\n"
       << "probes: { good-file: [" << (settings_.probe.empty() ? programs::probe : settings_.probe) << "]"
       << (settings_.shadow ? ", run-beside: [" + programs::shadow_work + "]" : "") << " }\n"
       << "workload:\n  restart: " << note << "restart]\n  degraded: " << note << "degraded]\n  normal: " << note
       << "normal]\n"
       << settings_.more_config;
  write_text(config_file(), text.str());
}

Launch Agent::launch() const {
  Launch launch;
  launch.args = watched_command({programs::edge, "--config", config_file()});
  launch.log = folder_ + "/edge.log";
  launch.folder = folder_;
  launch.environment = settings_.environment;
  if (settings_.disk_bytes) {
    fs::create_directories(data_dir());
    launch.small_disk = Launch::SmallDisk{data_dir(), *settings_.disk_bytes};
  }
  return launch;
}

void Agent::start() {
  process_ = Process(launch());
}

Finished Agent::start_refused() {
  const auto before = log().size();
  process_ = Process(launch());
  Finished finished;
  finished.exit_code = process_.wait_exit(10s).value_or(-1);
  process_.kill_hard();
  finished.err = log().substr(before);
  return finished;
}

void Agent::stop() {
  process_.signal(SIGTERM);
  EXPECT_TRUE(ended_well(process_.wait_exit(5s))) << name_ << " did not end well within 5 s of SIGTERM";
  process_.kill_hard();
}

void Agent::stop_quietly() {
  process_.signal(SIGTERM);
  EXPECT_TRUE(process_.wait_exit(5s).has_value()) << name_ << " did not end within 5 s of SIGTERM";
}

std::string Agent::log() const {
  return read_text(folder_ + "/edge.log");
}

std::string Agent::active_file(const std::string& plane, const std::string& file) const {
  return read_text(data_dir() + "/planes/" + plane + "/active/" + file);
}

std::string Agent::active_digest(const std::string& plane) const {
  std::error_code failed;
  const auto target = fs::read_symlink(data_dir() + "/planes/" + plane + "/active", failed);
  return failed ? std::string() : target.filename().string();
}

std::size_t Agent::slot_count(const std::string& plane) const {
  std::error_code failed;
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(data_dir() + "/planes/" + plane + "/slots", failed)) {
    if (entry.is_directory()) ++count;
  }
  return count;
}

std::vector<std::string> Agent::calls() const {
  std::vector<std::string> words;
  std::istringstream lines(read_text(folder_ + "/calls"));
  for (std::string word; std::getline(lines, word);) words.push_back(word);
  return words;
}

std::size_t Agent::call_count(const std::string& word) const {
  const auto all = calls();
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), word));
}

void Agent::statsd(const std::string& lines) const {
  EXPECT_TRUE(offer_statsd(lines)) << name_ << ": " << std::strerror(errno);
}

bool Agent::offer_statsd(const std::string& lines) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = statsd_socket();
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int handle = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto sent =
      ::sendto(handle, lines.data(), lines.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::close(handle);
  errno = error;
  return sent == static_cast<ssize_t>(lines.size());
}

}  // namespace muster::e2e
