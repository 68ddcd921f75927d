// The plugin's way of one message, from the bytes that Mosquitto shows to the work queued for the writer: access,
// order, verifier, engine, effects. The parts are the plugin's own, put together as broker-plugin/plugin.cpp does, with
// the threads not started: what they do later is not the broker thread's time, and RocksDB's instructions are not ours.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "broker-plugin/blobs/blob_store.h"
#include "broker-plugin/blobs/chunk_server.h"
#include "broker-plugin/core/engine_host.h"
#include "broker-plugin/core/inbox.h"
#include "broker-plugin/core/job_thread.h"
#include "broker-plugin/core/outbox.h"
#include "broker-plugin/core/writer.h"
#include "broker-plugin/evidence/evidence_desk.h"
#include "rules/condition/compile.h"
#include "tests/bench/instructions/messages.h"
#include "tests/bench/instructions/paths.h"

namespace muster::instructions {
namespace {

using namespace muster::broker;

constexpr std::size_t fleet = 1000;

template <typename Expected>
auto must(Expected expected) {
  if (!expected) {
    std::fprintf(stderr, "instruction_paths: %s\n", expected.error().message.c_str());
    std::abort();
  }
  return std::move(*expected);
}

// The writer thread is not started, so nothing ever gets here.
class NoStore final : public BatchSink {
 public:
  tl::expected<void, Error> write(const std::vector<Record>&) override { std::abort(); }
};

class TempFolder {
 public:
  TempFolder() : path_((std::filesystem::temp_directory_path() / "muster-instructions-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Host {
  TempFolder folder;
  Config config;
  host::Log log{[](host::LogLevel, const std::string&) {}};
  Outbox outbox{[] {}};
  NoStore store;
  ReleaseRegistry releases;
  DeviceTable devices;
  Presence presence;
  Counters counters;
  Writer writer{store, Sealer(must(trust::SigningKey::generate()), 0), {}, outbox, [](const std::string&) {}};
  EngineHost engine{rules::Engine(), Clock(), releases, writer, log};
  JobThread jobs{outbox, [](const std::string&) {}};
  ChunkServer chunks{must(BlobStore::open(folder.path())), releases, outbox, [](const std::string&) {}};
  EvidenceDesk evidence{must(EvidenceFiles::open(folder.path(), must(BlobStore::open(folder.path())))),
                        engine,
                        jobs,
                        outbox,
                        [](std::string_view, const std::string&) {},
                        [](const std::string&) {}};
  Inbox inbox{config, engine, writer, devices, presence, chunks, evidence, counters, log};
};

struct Message {
  std::string user, topic;
  AlignedBytes payload;  // as Mosquitto's own memory is: aligned
};

std::unique_ptr<Host> host_;
std::vector<Message> messages;

std::string id_of(std::size_t i) {
  return "gateway-" + std::to_string(100'000 + i);
}

void give(std::size_t number, bool retain) {
  const auto& message = messages[number];
  // A connection is told from another by its address only.
  const auto* client = reinterpret_cast<const char*>(&host_) + number % fleet;
  if (host_->inbox.message({client, message.user, message.user, message.topic, message.payload.view(), retain})) return;
  std::fprintf(stderr, "instruction_paths: the plugin refused a message on %s\n", message.topic.c_str());
  std::abort();
}

void start_rollout() {
  rules::StartRollout start;
  start.rule.rollout = "counted";
  start.rule.seed = 7;
  start.rule.targets_text = "device.class == \"rk3566\"";
  start.rule.targets = rules::compile_condition(start.rule.targets_text, rules::target_vocabulary()).program;
  start.rule.versions = {{rules::Plane::model, "reader", "2"}};
  rules::Wave all;
  all.name = "all";
  all.percent = 100;
  start.rule.waves = {all};
  start.rule_text = "rollout: counted";
  Sha256 release;
  release.bytes.fill(9);
  start.releases = {{rules::Plane::model, "reader", "2", release, 1}};
  host_->engine.command("alice", "", std::move(start), [](const Answer&) {});
}

// A fleet that is connected and has reported, in a rollout.
void prepare_fleet() {
  host_ = std::make_unique<Host>();
  messages.clear();
  for (std::size_t i = 0; i < fleet; ++i) {
    const auto id = id_of(i);
    messages.push_back({id, "muster/v1/device/" + id + "/state", AlignedBytes(ByteView(state_report(id, 1, 0, 0)))});
    give(i, true);
  }
  messages.clear();
  start_rollout();
}

void prepare_state(std::uint8_t first, std::uint8_t second) {
  prepare_fleet();
  for (std::size_t n = 0; n < 2 * operations; ++n) {
    const auto id = id_of(n % fleet);
    messages.push_back(
        {id, "muster/v1/device/" + id + "/state",
         AlignedBytes(ByteView(state_report(id, n / fleet + 2, n < operations ? first : second, first == 0 ? 0 : 1)))});
  }
}

void prepare_repeated_state() {
  prepare_state(0, 0);
}

void prepare_changing_state() {
  prepare_state(static_cast<std::uint8_t>(rules::AttemptState::fetching),
                static_cast<std::uint8_t>(rules::AttemptState::verifying));
}

void prepare_health() {
  prepare_fleet();
  for (std::size_t n = 0; n < 2 * operations; ++n) {
    const auto id = id_of(n % fleet);
    messages.push_back(
        {id, "muster/v1/device/" + id + "/health", AlignedBytes(ByteView(health_summary(id, n / fleet + 1)))});
  }
}

void take_state(std::size_t number) {
  give(number, true);
}

void take_health(std::size_t number) {
  give(number, false);
}

}  // namespace

const Path* plugin_paths(std::size_t& count) {
  static const Path paths[] = {
      {"plugin_repeated_state", prepare_repeated_state, take_state},
      {"plugin_changing_state", prepare_changing_state, take_state},
      {"plugin_health", prepare_health, take_health},
  };
  count = std::size(paths);
  return paths;
}

}  // namespace muster::instructions
