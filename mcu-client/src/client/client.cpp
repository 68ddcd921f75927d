#include "mcu-client/include/client.h"

#include <cstring>

#include "mcu-client/src/client/settings.h"

namespace muster::mcu {
namespace {

constexpr std::uint32_t policy_interval_ms = 1000;
constexpr std::uint32_t progress_report_ms = 5000;

// Reads a record of exactly this shape; leaves `value` as it is when there is none, or one of another format.
template <typename Record>
void read_record(const RecordLog& log, std::uint8_t key, Record& value) {
  Record found;
  const int size = log.read(key, &found, sizeof found);
  if (size == static_cast<int>(sizeof found) && found.format == value.format) value = found;
}

}  // namespace

Client::Client(const Port& port, const Layout& layout, const Application& application, const ClientBuffers& buffers,
               const ClientSettings& settings)
    : port_(port),
      application_(application),
      buffers_(buffers),
      settings_(settings),
      flash_(port, layout),
      boot_log_(flash_, layout.boot_log),
      records_(flash_, layout.settings),
      trust_(flash_, records_),
      fill_(flash_, records_, trust_, buffers.work, static_cast<std::uint32_t>(buffers.work_size)),
      evidence_(flash_, layout.evidence),
      policy_(flash_),
      session_(port, {buffers.in, buffers.in_size, buffers.out, buffers.out_size}, *this) {}

int Client::start() {
  const Layout& layout = flash_.layout();
  {
    RecordLog log(flash_, layout.identity);
    if (const int bad = log.mount(); bad != ok) return bad;
    if (const int bad = load(log, identity_); bad != ok) return bad;
    if (const int bad = records_.mount(); bad != ok) return bad;
    const int size =
        read_credential(log, IdentityKey::root, buffers_.work, static_cast<std::uint32_t>(buffers_.work_size));
    if (size < 0) return size;
    if (const int bad = trust_.pin(ByteView(buffers_.work, static_cast<std::size_t>(size))); bad != ok) return bad;
  }
  if (const int bad = evidence_.mount(); bad != ok) return bad;
  if (const int bad = boot_log_.mount(); bad != ok) return bad;
  if (const int bad = load(boot_log_, boot_); bad != ok) return bad;

  std::uint8_t planes = 0;
  for (std::uint32_t i = 0; i < plane_count; ++i) {
    if (layout.has_plane(i)) planes = static_cast<std::uint8_t>(planes | 1u << i);
  }
  UpdateState state;
  Orders orders;
  read_record(records_, key_update_state, state);
  read_record(records_, key_orders, orders);
  forget_other_scopes(orders);
  // Each of the three counts makes up for the loss of the others: the broker does not hear a device whose boot id falls
  // back.
  if (state.boot_id < evidence_.last_boot()) state.boot_id = evidence_.last_boot();
  ++state.boot_id;
  Started started;
  started.boot_log_behind = boot_.starts < state.boot_id;
  if (state.boot_id < boot_.starts) state.boot_id = boot_.starts;
  if (const int bad = raise_starts(boot_log_, state.boot_id); bad != ok) return bad;
  boot_.starts = state.boot_id;
  machine_.restore(planes, state, orders);
  readings_.name_metrics(application_.metrics, application_.metric_count);
  readings_.set_crashes(boot_.crashes);

  const auto now = now_ms();
  alive_ms_ = now;
  connect_at_ms_ = now;
  window_end_ms_ = now + settings_.health_window_ms;
  window_start_s_ = clock_s();
  started.boot = boot_;
  const auto cause = static_cast<ResetCause>(boot_.last_cause);
  started.crashed = cause == ResetCause::watchdog || cause == ResetCause::fault;
  look_at_slots(started);
  const auto& running = started.slots[index_of(Plane::firmware)][boot_.running & 1u];
  note(EventCode::started, boot_.last_cause, running.security_version, boot_.running);
  if (boot_.fallbacks != 0) note(EventCode::boot_fell_back, boot_.fallbacks, boot_.running);
  if (application_.run != nullptr) application_.run(application_.context, machine_.mode());
  Event event;
  event.kind = EventKind::started;
  event.started = &started;
  step(event);
  // What the policy had done before the start stands until its condition was seen false.
  const auto& known = machine_.state();
  const bool acted =
      known.device == DeviceState::recovering ||
      (known.device == DeviceState::degraded && known.last_action == RecoveryAction::switch_to_degraded_model);
  if (acted && !policy_.expect_clear(known.last_action, now, settings_.health_window_ms)) step(EventKind::policy_clear);
  return ok;
}

void Client::look_at_slots(Started& started) const {
  const Layout& layout = flash_.layout();
  for (std::uint32_t plane = 0; plane < plane_count; ++plane) {
    for (std::uint32_t slot = 0; layout.has_plane(plane) && slot < slots_per_plane; ++slot) {
      SlotHeader header;
      const Area& area = layout.slots[plane][slot];
      if (read_header(flash_, area, header) != ok || header.plane != plane) continue;
      auto& found = started.slots[plane][slot];
      std::memcpy(found.manifest.bytes.data(), header.manifest, sizeof header.manifest);
      found.security_version = header.security_version;
      found.intact = check_files(flash_, area, header) == ok;
    }
  }
}

// A device that was moved to another group no longer obeys the old one's orders.
void Client::forget_other_scopes(Orders& orders) const {
  for (std::uint8_t i = 0; i < scopes_max; ++i) {
    char space[limits::topic_len_max];
    const auto text = scope_text(i, space);
    std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a, 64 bits
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3u;
    if (text.empty()) hash = 0;
    if (orders.scope_hash[i] == hash) continue;
    orders.scope_hash[i] = hash;
    orders.epoch[i] = 0;
    std::uint32_t kept = 0;
    for (std::uint32_t k = 0; k < orders.count; ++k) {
      if (orders.orders[k].scope != i) orders.orders[kept++] = orders.orders[k];
    }
    orders.count = kept;
  }
}

std::uint64_t Client::clock_s() const {
  return port_.unix_s != nullptr ? port_.unix_s(port_.context) : 0;
}

std::uint64_t Client::now_s() const {
  const std::uint64_t clock = clock_s();
  const std::uint64_t bound = machine_.state().newest_signed_s;
  return clock > bound ? clock : bound;
}

void Client::note(EventCode code, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  evidence_.note(code, machine_.state().boot_id, now_s(), now_ms(), a, b, c);
}

void Client::log(LogLevel level, const char* line) const {
  if (port_.log != nullptr) port_.log(port_.context, level, line);
}

bool Client::poll() {
  const auto now = now_ms();
  if (ended_) return false;
  bool more = false;
  if (session_.idle()) {
    if (now >= connect_at_ms_) connect();
  } else {
    (void)session_.poll(now);
    more = pump();
  }
  if (filling_ && !ended_) {
    (void)fill_.poll(now_s());
    if (fill_.state() == Fill::State::done || fill_.state() == Fill::State::failed) finish_fill();
    more = more || fill_.has_work();
  }
  if (filling_ && now >= progress_at_ms_) {
    progress_at_ms_ = now + progress_report_ms;
    report_due_ = true;
  }
  if (verifying_ && !ended_) {
    verifying_ = false;
    verify_set();
  }
  if (checking_ && !ended_) run_checks(now);
  if (!ended_) watch_over(now);
  return more && !ended_;
}

void Client::finish_fill() {
  const bool done = fill_.state() == Fill::State::done;
  filling_ = false;
  SlotFound found;
  found.intact = done;
  found.manifest = fill_.manifest();
  found.security_version = fill_.security_version();
  Event event;
  event.kind = done ? EventKind::filled : EventKind::failed;
  event.found = &found;
  event.error = fill_.error();
  event.detail = fill_.detail();
  event.plane = fill_.plane();
  step(event);
}

// Everything that is due by the clock.
void Client::watch_over(std::uint64_t now) {
  const bool fresh = machine_.mode() == WorkloadMode::off || now - alive_ms_ < settings_.alive_max_ms;
  if (fresh && port_.watchdog_feed != nullptr) port_.watchdog_feed(port_.context);
  if (now >= policy_at_ms_) {
    policy_at_ms_ = now + policy_interval_ms;
    const auto verdict =
        machine_.judging() ? policy_.evaluate(readings_, now, settings_.health_window_ms) : RecoveryPolicy::Verdict{};
    Event event;
    event.action = verdict.action;
    event.give_up = verdict.decision == RecoveryPolicy::Decision::give_up;
    if (verdict.decision == RecoveryPolicy::Decision::cleared) event.kind = EventKind::policy_clear;
    if (verdict.decision == RecoveryPolicy::Decision::act || event.give_up) {
      event.kind = EventKind::policy;
      note(EventCode::recovery_action, static_cast<std::uint32_t>(event.action));
    }
    step(event);
  }
  if (ended_) return;
  if (boot_.crashes != 0 && now >= settings_.healthy_after_ms && fresh) {
    step(EventKind::healthy);
  }
  if (now >= window_end_ms_) health_due_ = true;
  if (roots_again_ms_ != 0 && now >= roots_again_ms_) {
    roots_again_ms_ = 0;
    subscribe_next_ = 0;
  }
  const auto wake = machine_.wake_ms();
  if (wake != 0 && now >= wake) step(EventKind::tick);
}

void Client::alive() {
  alive_ms_ = now_ms();
  alive_seen_ = true;
}

// --- the machine ---

void Client::step(EventKind kind) {
  Event event;
  event.kind = kind;
  step(event);
}

void Client::step(Event& event) {
  if (ended_) return;
  event.now_ms = now_ms();
  event.now_s = now_s();
  Effects effects;
  const auto before = machine_.state().device;
  machine_.step(event, effects);
  const auto device = machine_.state().device;
  if (device != before)
    note(EventCode::state_entered, static_cast<std::uint32_t>(device), static_cast<std::uint32_t>(before));
  for (std::uint32_t i = 0; i < effects.count && !ended_; ++i) perform(effects.items[i]);
}

// What runs now is not what was measured.
void Client::activated() {
  readings_.reset();
  const auto slot = machine_.state().planes[index_of(Plane::config)].active;
  SlotHeader header;
  const Area* area = nullptr;
  if (slot != no_slot) {
    area = &flash_.layout().slots[index_of(Plane::config)][slot];
    if (read_header(flash_, *area, header) != ok) area = nullptr;
  }
  fill_.lend_work();
  if (policy_.load(area, header, buffers_.work, static_cast<std::uint32_t>(buffers_.work_size), now_ms()) != ok)
    log(LogLevel::error, "recovery rules of the active configuration are not valid and are left out");
  if (application_.reload != nullptr) application_.reload(application_.context);
}

int Client::file(wire::Plane plane, std::string_view name, FileView& view) const {
  const auto slot = machine_.state().planes[index_of(plane)].active;
  if (slot == no_slot) return err_not_found;
  const Area& area = flash_.layout().slots[index_of(plane)][slot];
  SlotHeader header;
  if (const int bad = read_header(flash_, area, header); bad != ok) return bad;
  for (std::uint32_t i = 0; i < header.file_count; ++i) {
    const auto& file = header.files[i];
    if (name.size() > slot_file_name_max || std::memcmp(file.name, name.data(), name.size()) != 0) continue;
    if (name.size() < slot_file_name_max && file.name[name.size()] != '\0') continue;
    view = {area.offset + file.offset, file.size};
    return ok;
  }
  return err_not_found;
}

}  // namespace muster::mcu
