// How the parts of the shell are put together, and what the agent is told first.
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "edge-client/shell/memory.h"
#include "edge-client/shell/outbound.h"
#include "edge-client/shell/shell.h"
#include "schemas/topics.h"

namespace muster::edge {
namespace {

constexpr std::uint32_t session_expiry_s = 7 * 24 * 3600;
constexpr std::uint64_t settle_ms = 3000;  // after connecting, until the code of the handshake is no longer needed

AgentSetup setup_of(const Config& config) {
  AgentSetup setup;
  setup.device_id = config.device_id;
  setup.facts = config.facts;
  setup.scopes = scopes_of(config.device_id, config.facts);
  setup.health_window_ms = config.health_interval_ms;
  for (std::size_t i = 0; i < plane_count; ++i) setup.planes[i] = config.planes[i].has_value();
  return setup;
}

std::string topic_of(TopicKind kind, const std::string& name) {
  return std::string(format_topic({kind, name}).view());
}

// Links without a journal: it was removed or lost, and with it the protection against replay.
bool has_links(const SlotStore& slots) {
  for (std::size_t i = 0; i < plane_count; ++i) {
    if (!slots.links(static_cast<Plane>(i)).active.is_zero()) return true;
  }
  return false;
}

}  // namespace

tl::expected<std::unique_ptr<Shell>, Error> Shell::open(Config config, host::Log& log) {
  auto folder = DataFolder::lock(config.data_dir);
  if (!folder) return tl::unexpected(folder.error());
  Journal journal(config.data_dir + "/journal");
  auto state = journal.load();
  if (!state) return tl::unexpected(state.error());
  if (!*state && has_links(SlotStore(config.data_dir))) {
    return tl::unexpected(
        Error{ErrorKind::invalid, "the journal " + config.data_dir +
                                      "/journal is missing although releases are active; run muster-edge with "
                                      "--reset-journal to make a new one from the slots on disk"});
  }
  auto trust = TrustStore::open(config.data_dir, config.root);
  if (!trust) return tl::unexpected(trust.error());
  if (trust->root_differs())
    log.write(host::LogLevel::warning,
              "root in the configuration is not the document pinned in data_dir; the pinned one stays in force");
  std::unique_ptr<Shell> shell(new Shell(std::move(config), log, std::move(*folder), std::move(*trust),
                                         std::move(*state).value_or(DurableState{}), std::move(journal)));
  if (auto prepared = shell->prepare(); !prepared) return tl::unexpected(prepared.error());
  return shell;
}

Shell::Shell(Config config, host::Log& log, DataFolder folder, TrustStore trust, DurableState state, Journal journal)
    : config_(std::move(config)),
      log_(log),
      folder_(std::move(folder)),
      slots_(config_.data_dir),
      journal_(std::move(journal)),
      trust_(std::move(trust)),
      agent_(setup_of(config_), std::move(state)),
      disk_worker_(loop_),
      probe_worker_(loop_),
      processes_(loop_),
      system_(config_.data_dir) {
  config_.facts.agent_version = agent_version;
}

tl::expected<void, Error> Shell::prepare() {
  for (std::size_t i = 0; i < plane_count; ++i) {
    if (!config_.planes[i]) continue;
    if (auto made = slots_.prepare(static_cast<Plane>(i)); !made) return made;
  }
  outbox_.emplace(config_.data_dir + "/spool", [this](const Bytes& summary, std::function<void(bool)> acked) {
    return send_health(summary, std::move(acked));
  });
  if (auto opened = outbox_->open(); !opened) return opened;
  if (!config_.statsd_socket.empty()) {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(config_.statsd_socket).parent_path(), ignored);
    statsd_.emplace(loop_, [this](std::string_view datagram) { on_statsd(datagram); });
    if (auto listening = statsd_->open(config_.statsd_socket); !listening) return listening;
  }
  watch_signals();
  connect_parts();
  feed(look_at_disk());
  if (!held_.empty()) return tl::unexpected(*journal_error_);
  window_start_s_ = now_s();
  window_start_ms_ = EventLoop::now_ms();
  system_now_ = system_.read();
  loop_.after(config_.health_interval_ms, [this] { close_health_window(); });
  start_connection();
  return {};
}

// Every slot that the journal speaks of is read and hashed: what is damaged must not be served, and not be gone back
// to.
Started Shell::look_at_disk() const {
  Started started;
  for (std::size_t i = 0; i < plane_count; ++i) started.links[i] = slots_.links(static_cast<Plane>(i));
  for (const auto& [plane, manifest] : slots_spoken_of(agent_.durable())) {
    auto checked = slots_.check(plane, manifest);
    SlotFound found;
    found.intact = checked.has_value();
    if (checked) {
      found.release = std::move(checked->info);
    } else {
      found.release.plane = plane;
      found.release.manifest = manifest;
    }
    started.slots.push_back(std::move(found));
  }
  return started;
}

void Shell::connect_parts() {
  const auto tell = [this](decltype(Event::what) what) { feed(std::move(what)); };
  Fetcher::Ports fetch_ports;
  fetch_ports.tell = tell;
  fetch_ports.ask = [this, topic = topic_of(TopicKind::chunk_get, config_.device_id)](
                        const Sha256& digest, std::uint64_t offset, std::uint32_t length) {
    if (connection_) static_cast<void>(connection_->publish(topic, encode_chunk_get(digest, offset, length), 0, false));
  };
  fetch_ports.open = [this](ByteView envelope, const Sha256& manifest, bool fresh) {
    return open_release(envelope, manifest, trust_.root(), fresh ? now_s() : 0);
  };
  fetcher_.emplace(loop_, disk_worker_, slots_, FetchPolicy{}, std::move(fetch_ports));
  installer_.emplace(
      disk_worker_, processes_, slots_, config_,
      [this](const Activate& what, const std::optional<Fault>& fault) {
        if (!fault) return feed(Activated{what.job});
        log_.write(host::LogLevel::error,
                   "activating " + std::string(wire::EnumNamePlane(what.plane)) + ": " + fault->detail);
        feed(JobFailed{what.job, *fault, what.plane});
      },
      [this](const std::string& text) { log_.write(host::LogLevel::warning, text); });
  probes_.emplace(loop_, probe_worker_, processes_, slots_, config_,
                  [this](std::uint64_t job, const std::optional<ProbeRunner::Failure>& failure) {
                    if (!failure) return feed(ProbesPassed{job});
                    feed(JobFailed{job, failure->fault, failure->plane});
                  });
  connect_shadow();
  Inbound::Ports in;
  in.tell = tell;
  in.chunk = [this](const wire::Chunk& chunk) { fetcher_->on_chunk(chunk); };
  in.refuse = [this](const std::string& reason, const std::string& text) {
    ++refused_;
    log_.write_bounded(host::LogLevel::warning, reason, text);
  };
  in.note = [this](const std::string& text) { log_.write(host::LogLevel::info, text); };
  in.broken = [this](const Error& error) { log_.write_bounded(host::LogLevel::error, "root", error.message); };
  in.now_s = [this] { return now_s(); };
  inbound_.emplace(config_.device_id, trust_, std::move(in));
}

void Shell::connect_shadow() {
  ShadowRunner::Ports ports;
  ports.failed = [this](std::uint64_t job, const ShadowRunner::Failure& failure) {
    feed(JobFailed{job, failure.fault, failure.plane});
  };
  ports.measured = [this](std::string_view datagram) { shadow_measurements_.take(datagram); };
  shadow_.emplace(loop_, processes_, slots_, config_, std::move(ports));
  if (const auto killed = shadow_->orphans_killed(); killed != 0) {
    log_.write(host::LogLevel::warning,
               "killed " + std::to_string(killed) + " processes of a shadow that had outlived the agent before");
  }
}

void Shell::start_connection() {
  ConnectionSettings settings;
  settings.mqtt.host = config_.broker.host;
  settings.mqtt.port = config_.broker.port;
  settings.mqtt.client_id = config_.device_id;
  settings.mqtt.ca = config_.broker.ca;
  settings.mqtt.cert = config_.broker.cert;
  settings.mqtt.key = config_.broker.key;
  settings.mqtt.keepalive_s = config_.broker.keepalive_s;
  settings.mqtt.clean_start = false;
  settings.mqtt.session_expiry_s = session_expiry_s;
  settings.link_topic = topic_of(TopicKind::device_link, config_.device_id);
  settings.filters = topics_of(config_.device_id, config_.facts);
  settings.backoff_first_ms = config_.backoff_first_ms;
  settings.backoff_max_ms = config_.backoff_max_ms;
  settings.seed = backoff_seed(config_.device_id, agent_.durable().boot_id);
  Connection::Handlers handlers;
  handlers.up = [this] {
    loop_.after(settle_ms, release_unused_memory);
    log_.write(host::LogLevel::info, "connected to " + config_.broker.host + ":" + std::to_string(config_.broker.port));
    fetcher_->set_online(true);
    outbox_->set_online(true);
    feed(Connected{});
  };
  handlers.down = [this](const std::string& why, std::uint64_t next_ms) {
    log_.write_bounded(host::LogLevel::warning, "connection",
                       "not connected: " + why + "; next attempt in " + std::to_string(next_ms) + " ms");
    fetcher_->set_online(false);
    outbox_->set_online(false);
  };
  handlers.message = [this](host::MqttMessage&& message) { inbound_->take(message); };
  connection_.emplace(loop_, std::move(settings), std::move(handlers));
  connection_->start();
}

void Shell::watch_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  signal_fd_ = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signal_fd_ < 0) return;
  loop_.watch(signal_fd_, [this] {
    signalfd_siginfo info{};
    if (::read(signal_fd_, &info, sizeof info) != sizeof info) return;
    log_.write(host::LogLevel::info, "asked to stop");
    feed(Stopping{});
    loop_.stop();
  });
}

tl::expected<std::string, Error> reset_journal(const Config& config) {
  auto folder = DataFolder::lock(config.data_dir);
  if (!folder) return tl::unexpected(folder.error());
  const SlotStore slots(config.data_dir);
  DurableState state;
  std::string found;
  for (std::size_t i = 0; i < plane_count; ++i) {
    const auto plane = static_cast<Plane>(i);
    const auto links = slots.links(plane);
    auto& record = state.planes[i];
    const auto take = [&](const Sha256& manifest, SlotRef& slot) {
      if (manifest.is_zero()) return;
      auto checked = slots.check(plane, manifest);
      if (checked) slot = {manifest, checked->info.name, checked->info.version, checked->info.security_version};
    };
    take(links.active, record.active);
    take(links.previous, record.previous);
    record.security_floor = record.active.security_version;
    found += std::string(wire::EnumNamePlane(plane)) + ": " +
             (record.active.empty() ? "empty" : record.active.name + "@" + record.active.version) +
             (record.previous.empty() ? "" : ", previous " + record.previous.name + "@" + record.previous.version) +
             "\n";
  }
  // Larger than any boot of before, so that the broker does not take the next reports for old ones.
  state.boot_id = static_cast<std::uint64_t>(std::max<std::int64_t>(::time(nullptr), 0));
  Journal journal(config.data_dir + "/journal");
  if (auto saved = journal.save(encode(state)); !saved) return tl::unexpected(saved.error());
  return found;
}

}  // namespace muster::edge
