#include "broker-plugin/plugin.h"

#include <chrono>
#include <utility>

#include "broker-plugin/blobs/blob_store.h"
#include "broker-plugin/blobs/chunk_server.h"
#include "broker-plugin/config.h"
#include "broker-plugin/control/commands.h"
#include "broker-plugin/control/desk.h"
#include "broker-plugin/control/objects.h"
#include "broker-plugin/core/engine_host.h"
#include "broker-plugin/core/job_thread.h"
#include "broker-plugin/core/metrics_publisher.h"
#include "broker-plugin/core/outbox.h"
#include "broker-plugin/core/startup.h"
#include "broker-plugin/core/writer.h"
#include "broker-plugin/evidence/evidence_desk.h"
#include "broker-plugin/lifecycle/file_removal.h"
#include "broker-plugin/lifecycle/rollout_reach.h"
#include "broker-plugin/store/keys.h"
#include "broker-plugin/store/store.h"
#include "schemas/topics.h"

namespace muster::broker {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::chrono::seconds engine_tick_interval(1);
constexpr std::chrono::seconds health_save_interval(5);
constexpr std::chrono::seconds tick_missing(10);  // Mosquitto 2.0 does not tick at all with per_listener_settings true
constexpr std::size_t health_save_max = 4096;     // summaries a save

// Log lines of other threads, and calls to make on the broker's.
std::function<void(const std::string&)> log_later(Outbox& outbox, host::Log& log, std::string topic) {
  return [&outbox, &log, topic = std::move(topic)](const std::string& line) {
    outbox.put(
        Outbox::Call([&log, topic, line] { log.write_bounded(host::LogLevel::error, topic, "muster: " + line); }));
  };
}

}  // namespace

// In the order of construction; destruction stops the threads first, by hand, in ~Plugin.
struct Plugin::Parts {
  Parts(std::string path, Config settings, BrokerPort& broker, std::function<void()> wake,
        std::unique_ptr<Store> opened, BlobStore blob_store, EvidenceFiles evidence_files, TrustSetup trust,
        Restored restored)
      : config_path(std::move(path)),
        config(std::move(settings)),
        port(broker),
        log([&broker](host::LogLevel level, const std::string& line) { broker.log(level, line); }),
        outbox(std::move(wake)),
        store(std::move(opened)),
        blobs(std::move(blob_store)),
        root(trust.root),
        root_chain(std::move(trust.root_chain)),
        signer(signer_value(trust.control_key)),
        sealed_s(restored.sealed_s),
        releases(std::move(restored.releases)),
        states(std::move(restored.states)),
        devices(std::move(restored.devices)),
        writer(*store, Sealer(std::move(trust.control_key), config.assignment_valid_for_s), restored.tail, outbox,
               [this](const std::string& why) { engine.stop_acting(why); }),
        engine(std::move(restored.engine), Clock(restored.least_s), releases, writer, log),
        jobs(outbox, [this](const std::string& what) { log_later(outbox, log, "jobs")("a bug in a job: " + what); }),
        chunks(blobs, releases, outbox, log_later(outbox, log, "chunks")),
        removal({engine, releases, states, blobs, jobs, outbox, chunks,
                 [this](const std::string& what) {
                   log.write_bounded(host::LogLevel::error, "removal", "muster: " + what);
                 }}),
        evidence(
            std::move(evidence_files), engine, jobs, outbox,
            [this](std::string_view reason, const std::string& device) {
              inbox.refused(reason, device, format_topic({TopicKind::evidence, device}).view());
            },
            log_later(outbox, log, "evidence")),
        inbox(config, engine, writer, devices, presence, chunks, evidence, counters, log),
        metrics(engine, presence, devices, chunks, evidence, writer, counters),
        commands({engine, releases, devices, blobs, *store, root, jobs, outbox, counters, evidence,
                  config.required_policies, states, removal, config.release_states_required,
                  [this] { return metrics.json(); }, [this] { return writer.depth() >= config.limits.queue_records; }}),
        desk(commands, config.operators, counters, port) {}

  std::string config_path;
  Config config;
  BrokerPort& port;
  host::Log log;
  Outbox outbox;
  std::unique_ptr<Store> store;
  BlobStore blobs;
  trust::TrustRoot root;
  Bytes root_chain;
  std::string signer;
  std::uint64_t sealed_s;
  Counters counters;
  ReleaseRegistry releases;
  ReleaseStates states;
  DeviceTable devices;
  Presence presence;
  Writer writer;
  EngineHost engine;
  JobThread jobs;
  ChunkServer chunks;
  FileRemoval removal;
  EvidenceDesk evidence;
  Inbox inbox;
  MetricsPublisher metrics;
  Commands commands;
  ControlDesk desk;
  SteadyTime last_tick = std::chrono::steady_clock::now(), last_engine_tick{}, last_health_save{};

  tl::expected<void, Error> publish_durable();
  void check_blobs();
  void warn_about(bool accepted_loss);
  void save_health();
  void renew_envelopes();
  void tell_reach_now() { tell_reach(engine, releases, states, config.release_states_required); }
  void apply_limits() {
    chunks.set_limits({config.limits.chunk_window, config.limits.chunk_bytes_per_s});
    evidence.set_room(std::uint64_t{config.limits.evidence_mb} << 20);
  }
};

tl::expected<std::unique_ptr<Plugin>, Error> Plugin::start(const std::string& config_path, BrokerPort& port,
                                                           std::function<void()> wake) {
  auto config = load_config(config_path);
  if (!config) return tl::unexpected(std::move(config.error()));
  auto trust = load_trust(*config);
  if (!trust) return tl::unexpected(std::move(trust.error()));
  if (auto made = prepare_data_dir(config->data_dir); !made) return tl::unexpected(std::move(made.error()));
  auto store = Store::open(config->data_dir);
  if (!store) return tl::unexpected(std::move(store.error()));
  auto blobs = BlobStore::open(config->data_dir);
  if (!blobs) return tl::unexpected(std::move(blobs.error()));
  auto evidence = EvidenceFiles::open(config->data_dir, *blobs);
  if (!evidence) return tl::unexpected(std::move(evidence.error()));
  auto restored = restore(**store, *trust, config->data_dir);
  if (!restored) return tl::unexpected(std::move(restored.error()));

  const bool accepted_loss = (*store)->accepted_loss();
  const bool seal_again = !restored->same_signer;
  const auto signer = signer_value(trust->control_key);
  std::unique_ptr<Plugin> plugin(new Plugin(
      std::make_unique<Parts>(config_path, std::move(*config), port, std::move(wake), std::move(*store),
                              std::move(*blobs), std::move(*evidence), std::move(*trust), std::move(*restored))));
  auto& parts = *plugin->parts_;
  parts.apply_limits();
  parts.check_blobs();
  if (auto published = parts.publish_durable(); !published) return tl::unexpected(std::move(published.error()));
  if (auto begun = parts.evidence.start(*parts.store); !begun) return tl::unexpected(std::move(begun.error()));
  parts.writer.start();
  parts.jobs.start();
  parts.chunks.start();
  parts.engine.audit("muster", "broker.started", "broker",
                     accepted_loss ? "the file 'tail' was missing: a loss of the last batches was accepted" : "");
  parts.removal.start();
  parts.tell_reach_now();
  if (seal_again) parts.engine.seal_again({std::string(keys::signer), signer});
  parts.warn_about(accepted_loss);
  return plugin;
}

// Exactly what was signed before: a restart must not look like a new decision to any device.
tl::expected<void, Error> Plugin::Parts::publish_durable() {
  port.publish({{}, std::string(format_topic({TopicKind::trust_root, {}}).view()), Payload::of(root_chain), 1, true});
  const auto retain = [this](std::string topic, std::string_view payload) {
    port.publish({{}, std::move(topic), Payload::of(std::string(payload)), 1, true});
    return true;
  };
  auto assigned = store->scan(keys::assignment, {}, [&](std::string_view device, std::string_view envelope) {
    return retain(std::string(format_topic({TopicKind::device_assignment, device}).view()), envelope);
  });
  if (!assigned) return assigned;
  auto directed = store->scan(keys::directive, {}, [&](std::string_view scope, std::string_view envelope) {
    return retain("muster/v1/" + std::string(scope) + "/directive", envelope);
  });
  if (!directed) return directed;
  for (const auto& rollout : engine.engine().rollouts()) {
    retain(std::string(format_topic({TopicKind::rollout, rollout}).view()),
           status_json(*engine.engine().status(rollout)));
  }
  return {};
}

void Plugin::Parts::check_blobs() {
  for (const auto& release : releases.all()) {
    if (states.of(release->manifest).removed_s != 0) continue;
    for (const auto& file : release->files) {
      if (blobs.size_of(file.sha256) == file.size) continue;
      log.write_bounded(host::LogLevel::warning, "missing_blob",
                        "muster: the file " + file.name + " of " + release->ref() +
                            " is missing or damaged under data_dir/blobs; "
                            "devices cannot fetch it until 'musterctl release publish' has sent it again");
    }
  }
}

void Plugin::Parts::warn_about(bool accepted_loss) {
  if (accepted_loss) {
    log.write(host::LogLevel::warning,
              "muster: " + config.data_dir + "/tail was missing: a loss of the last batches was accepted");
  }
  if (root.expires_s != 0 && root.expires_s <= engine.now_s()) {
    log.write(host::LogLevel::warning,
              "muster: " + config.root_chain + " has expired; make a new root version and put its chain here");
  }
}

void Plugin::Parts::save_health() {
  if (!engine.stopped().empty()) return;
  Work work;
  work.records = devices.unsaved_health(health_save_max);
  if (!work.empty()) engine.submit(std::move(work));
}

// What devices hold must not expire while they are away: everything is signed again after half its time.
void Plugin::Parts::renew_envelopes() {
  const auto now_s = engine.now_s();
  if (sealed_s == 0) {
    sealed_s = now_s;
    Work work;
    work.records.push_back({std::string(keys::sealed), keys::u64_value(now_s)});
    engine.submit(std::move(work));
  }
  if (now_s - sealed_s < config.assignment_valid_for_s / 2) return;
  sealed_s = now_s;
  engine.seal_again({std::string(keys::signer), signer});
}

Plugin::Plugin(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Plugin::~Plugin() {
  parts_->jobs.stop();
  parts_->chunks.stop();
  parts_->save_health();
  parts_->writer.stop();
}

bool Plugin::message(const Inbound& inbound) {
  return parts_->inbox.message(inbound);
}

Verdict Plugin::acl(const void* client, std::string_view user, Access access, std::string_view topic,
                    ByteView payload) {
  auto decision = decide(parts_->config.operators, user, access, topic);
  // A will never comes through MESSAGE: its payload can be looked at only here.
  if (decision.kind == TopicKind::device_link && payload.text() != "0" && payload.text() != "1") {
    decision = {Verdict::deny, "malformed"};
  }
  if (decision.verdict == Verdict::deny) {
    parts_->inbox.refused(decision.reason, user, topic);
  } else if (decision.verdict == Verdict::allow && access == Access::subscribe) {
    parts_->inbox.active(client, user);
  }
  if (decision.verdict == Verdict::defer && parts_->config.allow_other_topics) return Verdict::allow;
  return decision.verdict;
}

void Plugin::control(const std::string& client_id, const std::string& user, ByteView payload) {
  if (std::chrono::steady_clock::now() - parts_->last_tick > tick_missing) {
    parts_->log.write_bounded(
        host::LogLevel::error, "no_tick",
        "muster: the broker does not tick, so nothing can leave; set per_listener_settings false");
  }
  parts_->desk.request(client_id, user, payload);
}

void Plugin::disconnected(const void* client) {
  parts_->inbox.disconnected(client);
}

void Plugin::tick() {
  auto& parts = *parts_;
  const auto now = std::chrono::steady_clock::now();
  parts.last_tick = now;
  parts.outbox.drain(parts.port);
  parts.evidence.tick(now);
  if (now - parts.last_engine_tick >= engine_tick_interval) {
    parts.last_engine_tick = now;
    parts.engine.step(rules::Tick{});
    parts.renew_envelopes();
    parts.removal.tick(parts.config.keep_retired_for_s);
  }
  if (now - parts.last_health_save >= health_save_interval) {
    parts.last_health_save = now;
    parts.save_health();
  }
  parts.engine.publish_statuses(now);
  if (const auto json = parts.metrics.due(now)) {
    parts.port.publish({{}, std::string(format_topic({TopicKind::metrics, {}}).view()), Payload::of(*json), 1, true});
  }
}

void Plugin::reload() {
  auto& parts = *parts_;
  const auto next = load_config(parts.config_path);
  if (!next) {
    parts.log.write(host::LogLevel::error, "muster: nothing reloaded: " + next.error().message);
    return;
  }
  const auto refused = apply_reload(parts.config, *next);
  parts.apply_limits();
  parts.tell_reach_now();
  if (!refused.empty()) {
    parts.log.write(host::LogLevel::warning,
                    "muster: a reload does not change " + refused + "; restart the broker for that");
  }
  parts.log.write(host::LogLevel::info,
                  "muster: operators, limits, required policies and release states reloaded from " + parts.config_path);
  parts.engine.audit("muster", "configuration.reloaded", "broker",
                     std::to_string(parts.config.operators.size()) + " operators, " +
                         std::to_string(parts.config.required_policies.size()) + " required policies");
}

void Plugin::stop_acting(const std::string& why) {
  parts_->engine.stop_acting(why);
}

}  // namespace muster::broker
