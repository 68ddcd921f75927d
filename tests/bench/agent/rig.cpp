#include "tests/bench/agent/rig.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <utility>

#include "schemas/topics.h"
#include "tests/bench/lib/options.h"
#include "tests/e2e/harness/eventually.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/programs.h"

namespace muster::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto patience_max = 300s;

std::string config_of(const std::string& name, const std::string& tag, const Rig& rig) {
  const auto& keys = rig.keys();
  const auto stem = keys.device(name);
  std::ostringstream text;
  text << "device_id: " << name << "\nbroker: { host: 127.0.0.1, port: " << rig.broker().port() << ", ca: " << keys.ca()
       << ", cert: " << stem << ".crt, key: " << stem << ".key }\ndata_dir: data\nroot: " << keys.folder()
       << "/root.menv\nfacts: { class: bench, memory_mb: 2048, tags: [" << tag
       << "] }\nhealth_interval: 60s\nbackoff: { first: 50ms, max: 500ms }\nplanes:\n  model: { installer: slot }\n";
  return text.str();
}

std::string device_topic(TopicKind kind, const std::string& device) {
  return std::string(format_topic({kind, device}).view());
}

}  // namespace

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

Device::Device(const std::string& folder, std::string name, const std::string& tag, const Rig& rig)
    : folder_(folder), name_(std::move(name)) {
  e2e::write_text(folder_ + "/edge.yaml", config_of(name_, tag, rig));
  e2e::Launch launch;
  launch.args = {"nice", "-n", client_niceness, e2e::programs::edge, "--config", folder_ + "/edge.yaml"};
  launch.folder = folder_;
  launch.log = folder_ + "/edge.log";
  process_ = e2e::Process(launch);
}

Device::~Device() {
  process_.kill_hard();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

host::MqttOptions tls_client(std::uint16_t port, const e2e::Keys& keys, const std::string& stem, std::string id) {
  host::MqttOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  options.client_id = std::move(id);
  options.ca = keys.ca();
  options.cert = stem + ".crt";
  options.key = stem + ".key";
  return options;
}

Observer::Observer(std::uint16_t port, const e2e::Keys& keys) {
  client_ = std::make_unique<host::MqttClient>(
      tls_client(port, keys, keys.operator_("ops"), "bench-observer"),
      [this](host::MqttMessage&& message) { keep(std::move(message)); }, [](const std::string&) {});
  if (auto connected = client_->connect(); !connected) break_off("%s", connected.error().message.c_str());
  const std::vector<std::string> filters = {"muster/v1/device/+/assignment", "muster/v1/device/+/state"};
  if (auto subscribed = client_->subscribe(filters, 1); !subscribed) {
    break_off("%s", subscribed.error().message.c_str());
  }
}

Observer::~Observer() {
  client_.reset();
}

void Observer::keep(host::MqttMessage&& message) {
  const auto at = Clock::now();
  Seen seen{message.topic, {}, at};
  if (parse_topic(message.topic).kind == TopicKind::device_state)
    seen.attempt = e2e::read_report(message.payload).attempt;
  {
    const std::lock_guard lock(mutex_);
    seen_.push_back(std::move(seen));
  }
  changed_.notify_all();
}

std::optional<Observer::Seen> Observer::wait_for(std::chrono::seconds patience,
                                                 const std::function<bool(const Seen&)>& good) {
  const auto deadline = Clock::now() + patience;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto found = std::find_if(seen_.begin(), seen_.end(), good);
    if (found != seen_.end()) return *found;
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) return std::nullopt;
  }
}

Clock::time_point Observer::assigned(const std::string& device, std::chrono::seconds patience) {
  const auto topic = device_topic(TopicKind::device_assignment, device);
  const auto seen = wait_for(patience, [&](const Seen& one) { return one.topic == topic; });
  if (!seen)
    break_off("%s was assigned nothing within %lld s", device.c_str(), static_cast<long long>(patience.count()));
  return seen->at;
}

Clock::time_point Observer::reached(const std::string& device, const std::string& attempt,
                                    std::chrono::seconds patience) {
  const auto topic = device_topic(TopicKind::device_state, device);
  const auto ended = [&](const Seen& one) {
    return one.topic == topic && (one.attempt == attempt || one.attempt == "failed" || one.attempt == "rolled_back");
  };
  const auto seen = wait_for(patience, ended);
  if (!seen)
    break_off("%s was not %s within %lld s", device.c_str(), attempt.c_str(), static_cast<long long>(patience.count()));
  if (seen->attempt != attempt) break_off("%s's attempt %s; see its log", device.c_str(), seen->attempt.c_str());
  return seen->at;
}

void Observer::await_report(const std::string& device, std::chrono::seconds patience) {
  const auto topic = device_topic(TopicKind::device_state, device);
  if (!wait_for(patience, [&](const Seen& one) { return one.topic == topic; })) {
    break_off("%s did not report within %lld s", device.c_str(), static_cast<long long>(patience.count()));
  }
}

Rig::Rig(const std::string& more_config) {
  e2e::BrokerSettings settings;
  settings.more_config = more_config;
  broker_ = std::make_unique<e2e::Broker>(folder_.make_folder("broker"), keys_, settings);
  // For the client that shares the broker: its topics are none of Muster's.
  std::ofstream(broker_->plugin_config(), std::ios::app) << "other_topics: allow\n";
  if (!broker_->start()) break_off("the broker did not start: %s", broker_->log().c_str());
  ctl_ = std::make_unique<e2e::Ctl>(broker_->port(), keys_, "ops");
  observer_ = std::make_unique<Observer>(broker_->port(), keys_);
}

void Rig::control(const std::vector<std::string>& args) {
  const auto finished = ctl_->run(args, patience_max);
  if (finished.exit_code == 0) return;
  std::string line = "musterctl";
  for (const auto& arg : args) line += " " + arg;
  break_off("%s: %s%s", line.c_str(), finished.out.c_str(), finished.err.c_str());
}

std::string Rig::make_file(const std::string& name, std::size_t size, std::uint64_t seed) {
  const auto path = folder_.file(name);
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> block(8192);
  std::ofstream file(path, std::ios::binary);
  for (std::size_t done = 0; done < size;) {
    for (auto& word : block) word = random();
    const auto piece = std::min(size - done, block.size() * sizeof(std::uint64_t));
    file.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(piece));
    done += piece;
  }
  file.close();
  if (!file) break_off("cannot write %s: is the disk full?", path.c_str());
  return path;
}

BigRelease Rig::publish_big(const Options& options) {
  BigRelease big;
  big.size = std::size_t{options.quick ? 16u : 100u} << 20;
  big.file = make_file("big.bin", big.size, options.seed);
  publish("big", big.file);
  return big;
}

void Rig::publish(const std::string& name, const std::string& file) {
  const auto source = folder_.make_folder("source-" + name);
  const auto file_name = file.substr(file.rfind('/') + 1);
  if (::link(file.c_str(), (source + "/" + file_name).c_str()) != 0) break_off("cannot link %s", file.c_str());
  publish_from(source, name, "plane: model\nfiles: [" + file_name + "]\n");
}

void Rig::publish_firmware(const std::string& name, const std::string& slot_a, const std::string& slot_b) {
  const auto source = folder_.make_folder("source-" + name);
  e2e::write_text(source + "/slot_a.bin", slot_a);
  e2e::write_text(source + "/slot_b.bin", slot_b);
  publish_from(source, name, "plane: firmware\nfiles: [slot_a.bin, slot_b.bin]\n");
}

void Rig::publish_from(const std::string& source, const std::string& name, const std::string& release_file) {
  e2e::write_text(source + "/release.yaml", "release: " + name + "@1\nsecurity_version: 1\n" + release_file);
  const auto built = folder_.make_folder("releases") + "/" + name + "@1";
  control({"release", "build", source + "/release.yaml", "--out", folder_.file("releases")});
  control({"release", "sign", built, "--key", keys_.folder() + "/release.key"});
  control({"release", "publish", built});
}

std::unique_ptr<Device> Rig::start_device(const std::string& name, const std::string& tag) {
  auto device = std::make_unique<Device>(folder_.make_folder(name), name, tag, *this);
  observer_->await_report(name, 30s);
  return device;
}

void Rig::start_rollout(const std::string& name, const std::string& release, const std::string& tag) {
  start_rollout_of(name, "{ model: " + release + "@1 }", "\"" + tag + "\" in device.tags");
}

void Rig::start_rollout_of(const std::string& name, const std::string& versions, const std::string& targets) {
  const auto path = folder_.file(name + ".yaml");
  e2e::write_text(path, "rollout: " + name + "\ntargets: '" + targets + "'\nversions: " + versions +
                            "\nwaves: [{ name: all, percent: 100 }]\n");
  control({"rollout", "start", path});
}

double timed_run_ms(const std::vector<std::string>& args, const std::vector<std::string>& environment) {
  const auto before = Clock::now();
  const auto finished = e2e::run(args, std::chrono::duration_cast<e2e::Milliseconds>(patience_max), {}, environment);
  const auto after = Clock::now();
  if (finished.exit_code == 127) break_off("%s is not installed: see scripts/packages-bench.txt", args[0].c_str());
  if (finished.exit_code != 0) {
    break_off("%s ended with %d: %s%s", args[0].c_str(), finished.exit_code, finished.out.c_str(),
              finished.err.c_str());
  }
  return ms_between(before, after);
}

double cpu_ms(pid_t pid) {
  double sum_ns = 0;
  std::error_code ignored;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", ignored)) {
    double ns = 0;
    std::ifstream(thread.path() / "schedstat") >> ns;
    sum_ns += ns;
  }
  return sum_ns / 1e6;
}

void require_program(const std::string& name, const std::string& package) {
  for (const char* folder : {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/local/bin/", "/usr/local/sbin/"}) {
    if (::access((folder + name).c_str(), X_OK) == 0) return;
  }
  break_off("%s is not installed: apt-get install %s (scripts/packages-bench.txt has all peers)", name.c_str(),
            package.c_str());
}

void settle_disk() {
  ::sync();
}

}  // namespace muster::bench
