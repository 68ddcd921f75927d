#include "tests/e2e/harness/broker.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/watcher.h"

namespace muster::e2e {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

std::uint16_t free_port() {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(handle, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(handle, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(handle);
  return ntohs(address.sin_port);
}

bool accepts_connections(std::uint16_t port) {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  const bool accepted = ::connect(handle, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(handle);
  return accepted;
}

Broker::Broker(std::string folder, const Keys& keys, BrokerSettings settings)
    : folder_(std::move(folder)), keys_(keys), settings_(std::move(settings)), port_(free_port()) {
  write_config();
}

void Broker::write_config() const {
  std::ostringstream text;
  text << "per_listener_settings false\n"
       << "listener " << port_ << " 127.0.0.1\n"
       << "cafile " << keys_.ca() << "\ncertfile " << keys_.server() << ".crt\nkeyfile " << keys_.server() << ".key\n"
       << "require_certificate true\nuse_identity_as_username true\nallow_anonymous false\n"
       << "persistence false\nlog_dest stderr\nlog_type error\nlog_type warning\nlog_type notice\nlog_type "
          "information\nconnection_messages true\n"
       << "max_queued_messages 100000\nset_tcp_nodelay true\nuser root\n";
  if (settings_.with_plugin) {
    text << "check_retain_source false\nplugin " << programs::plugin << "\nplugin_opt_config " << plugin_config()
         << "\n";
  }
  text << settings_.more_config;
  write_text(folder_ + "/mosquitto.conf", text.str());
  write_plugin_config();
}

void Broker::write_plugin_config() const {
  std::ostringstream text;
  text << "data_dir: " << data_dir() << "\ncontrol_key: " << keys_.folder()
       << "/control.key\nroot_chain: " << keys_.folder() << "/root-chain.mrch\noperators:\n";
  for (const auto& [name, roles] : settings_.operators) text << "  " << name << ": " << roles << "\n";
  text << "limits: { chunk_bytes_per_s: " << settings_.chunk_bytes_per_s << ", evidence_mb: " << settings_.evidence_mb
       << " }\n";
  text << settings_.more_plugin_config;
  write_text(plugin_config(), text.str());
}

void Broker::take_port_of(const Broker& other) {
  port_ = other.port_;
  write_config();
}

Launch Broker::launch() const {
  Launch launch;
  launch.args = watched_command({programs::mosquitto, "-c", folder_ + "/mosquitto.conf"});
  launch.environment = watched_broker_environment();
  launch.environment.insert(launch.environment.end(), environment_.begin(), environment_.end());
  launch.log = folder_ + "/mosquitto.log";
  if (settings_.disk_bytes) {
    std::filesystem::create_directories(data_dir());
    launch.small_disk = Launch::SmallDisk{data_dir(), *settings_.disk_bytes};
  }
  return launch;
}

bool Broker::start_or_end() {
  const auto before = log().size();
  process_ = Process(launch());
  // Its port is open a moment before it knows what a SIGTERM means, which it does once it says that it is running.
  const auto is_up = [&] { return log().find(" running", before) != std::string::npos && accepts_connections(port_); };
  return eventually(15s, [&] { return is_up() || !process_.running(); }) && process_.running();
}

bool Broker::start() {
  const bool up = start_or_end();
  EXPECT_TRUE(up) << "the broker did not start:\n" << log();
  return up;
}

Finished Broker::start_refused() {
  const auto before = log().size();
  process_ = Process(launch());
  Finished finished;
  finished.exit_code = process_.wait_exit(15s).value_or(-1);
  process_.kill_hard();
  finished.err = log().substr(before);
  return finished;
}

void Broker::stop() {
  process_.signal(SIGTERM);
  EXPECT_TRUE(ended_well(process_.wait_exit(10s))) << "the broker did not end well within 10 s of SIGTERM";
  process_.kill_hard();
}

void Broker::reload(const BrokerSettings& settings) {
  settings_ = settings;
  write_plugin_config();
  process_.signal(SIGHUP);
}

std::uint64_t Broker::resident_kib() const {
  const auto status = read_text("/proc/" + std::to_string(process_.pid()) + "/status");
  const auto line = status.find("VmRSS:");
  return line == std::string::npos ? 0 : std::strtoull(status.c_str() + line + 6, nullptr, 10);
}

std::string Broker::log() const {
  return read_text(folder_ + "/mosquitto.log");
}

}  // namespace muster::e2e
