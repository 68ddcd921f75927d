#include "edge-client/agent/durable_state.h"

#include <algorithm>

namespace muster::edge {
namespace {

// Bumped when the layout changes. Integers are little-endian, strings and lists carry a 16-bit length. The format
// before is still read: a new agent that took the journal of the old one for damage would not start on any device.
constexpr std::uint8_t format_version = 3;
constexpr std::uint8_t format_without_waits = 2;

class Writer {
 public:
  template <typename T>
  void number(T value) {
    auto rest = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes.push_back(static_cast<std::uint8_t>(rest & 0xff));
      rest >>= 8;
    }
  }
  void text(const std::string& value) {
    const auto size = std::min<std::size_t>(value.size(), 0xffff);
    number(static_cast<std::uint16_t>(size));
    bytes.insert(bytes.end(), value.begin(), value.begin() + static_cast<std::ptrdiff_t>(size));
  }
  void digest(const Sha256& value) { bytes.insert(bytes.end(), value.bytes.begin(), value.bytes.end()); }
  template <typename List, typename Each>
  void list(const List& items, Each each) {
    number(static_cast<std::uint16_t>(items.size()));
    for (const auto& item : items) each(item);
  }

  Bytes bytes;
};

class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  template <typename T>
  T number() {
    if (!take(sizeof(T))) return T{};
    std::uint64_t value = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) value = (value << 8) | bytes_.data()[at_ - sizeof(T) + i];
    return static_cast<T>(value);
  }
  // An enumeration or bool whose largest valid value is `last`.
  template <typename E>
  E one_of(E last) {
    const auto value = number<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) ok = false;
    return ok ? static_cast<E>(value) : E{};
  }
  std::string text() {
    const auto size = number<std::uint16_t>();
    if (!take(size)) return {};
    return {reinterpret_cast<const char*>(bytes_.data()) + at_ - size, size};
  }
  Sha256 digest() {
    Sha256 value;
    if (take(value.bytes.size())) std::memcpy(value.bytes.data(), bytes_.data() + at_ - 32, 32);
    return value;
  }
  template <typename List, typename Each>
  void list(List& items, std::size_t count_max, Each each) {
    const auto count = number<std::uint16_t>();
    if (count > count_max) ok = false;
    for (std::size_t i = 0; ok && i < count; ++i) items.push_back(each());
  }
  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }

  bool ok = true;

 private:
  bool take(std::size_t size) {
    if (!ok || bytes_.size() - at_ < size) return ok = false;
    at_ += size;
    return true;
  }
  ByteView bytes_;
  std::size_t at_ = 0;
};

void write(Writer& w, const SlotRef& slot) {
  w.digest(slot.manifest);
  w.text(slot.name);
  w.text(slot.version);
  w.number(slot.security_version);
}

SlotRef read_slot(Reader& r) {
  SlotRef slot;
  slot.manifest = r.digest();
  slot.name = r.text();
  slot.version = r.text();
  slot.security_version = r.number<std::uint32_t>();
  return slot;
}

void write(Writer& w, const std::vector<AssignedRelease>& releases) {
  w.list(releases, [&](const AssignedRelease& r) {
    w.number(static_cast<std::uint8_t>(r.plane));
    w.digest(r.manifest);
    w.digest(r.envelope);
    w.number(r.envelope_size);
    w.text(r.name);
    w.text(r.version);
  });
}

void read_releases(Reader& r, std::vector<AssignedRelease>& releases) {
  r.list(releases, plane_count, [&] {
    AssignedRelease release;
    release.plane = r.one_of(Plane::config);
    release.manifest = r.digest();
    release.envelope = r.digest();
    release.envelope_size = r.number<std::uint32_t>();
    release.name = r.text();
    release.version = r.text();
    return release;
  });
}

void write(Writer& w, const Assignment& a) {
  w.number(a.epoch);
  w.number(a.issued_s);
  w.number(a.expires_s);
  w.text(a.rollout);
  w.number(a.soak_s);
  write(w, a.releases);
  w.number(static_cast<std::uint8_t>(a.hold));
  write(w, a.shadow);
}

Assignment read_assignment(Reader& r) {
  Assignment a;
  a.epoch = r.number<std::uint64_t>();
  a.issued_s = r.number<std::uint64_t>();
  a.expires_s = r.number<std::uint64_t>();
  a.rollout = r.text();
  a.soak_s = r.number<std::uint32_t>();
  read_releases(r, a.releases);
  a.hold = r.one_of(Hold::before_commit);
  read_releases(r, a.shadow);
  return a;
}

void write(Writer& w, const AttemptRecord& a) {
  w.number(static_cast<std::uint8_t>(a.phase));
  w.number(static_cast<std::uint8_t>(a.aim));
  write(w, a.assignment);
  w.list(a.changes, [&](const PlaneChange& change) {
    w.number(static_cast<std::uint8_t>(change.plane));
    write(w, change.to);
    write(w, change.from);
  });
  w.number(a.swap_begun);
  w.list(a.back, [&](const BackStep& step) {
    w.number(static_cast<std::uint8_t>(step.plane));
    write(w, step.to);
    write(w, step.to_previous);
  });
  w.number(a.crashes);
  w.number(a.soak_left_s);
  w.number(a.wait_ends_s);
  w.number(static_cast<std::uint16_t>(a.error));
  w.number(static_cast<std::uint8_t>(a.error_plane));
  w.text(a.detail);
}

// Only what an assignment asks for is run in the shadow, and nothing of it is ever swapped.
bool aim_fits(const AttemptRecord& a) {
  const bool asked = !a.assignment.shadow.empty();
  const bool shadow = a.aim == AttemptAim::shadow;
  if (asked ? a.aim == AttemptAim::change : shadow || a.aim == AttemptAim::repair_first) return false;
  if (a.phase == AttemptPhase::shadowing && !shadow) return false;
  return !shadow || (a.swap_begun == 0 && !is_on_probation(a.phase));
}

AttemptRecord read_attempt(Reader& r, std::uint8_t format) {
  AttemptRecord a;
  a.phase = r.one_of(AttemptPhase::rolling_back);
  a.aim = r.one_of(AttemptAim::repair_first);
  a.assignment = read_assignment(r);
  r.list(a.changes, plane_count, [&] {
    PlaneChange change;
    change.plane = r.one_of(Plane::config);
    change.to = read_slot(r);
    change.from = read_slot(r);
    return change;
  });
  a.swap_begun = r.number<std::uint32_t>();
  if (a.swap_begun > a.changes.size()) r.ok = false;
  r.list(a.back, 2 * plane_count, [&] {
    BackStep step;
    step.plane = r.one_of(Plane::config);
    step.to = read_slot(r);
    step.to_previous = read_slot(r);
    return step;
  });
  a.crashes = r.number<std::uint32_t>();
  a.soak_left_s = r.number<std::uint32_t>();
  if (format != format_without_waits) a.wait_ends_s = r.number<std::uint64_t>();
  a.error = static_cast<ErrorCode>(r.number<std::uint16_t>());
  a.error_plane = r.one_of(Plane::config);
  a.detail = r.text();
  if (!aim_fits(a)) r.ok = false;
  return a;
}

void write(Writer& w, const ScopeRecord& record) {
  w.text(record.scope);
  w.number(record.epoch);
  w.list(record.orders, [&](const StandingOrder& order) {
    w.number(static_cast<std::uint8_t>(order.kind));
    w.number(order.epoch);
    w.number(static_cast<std::uint8_t>(order.plane));
    w.digest(order.release);
    w.text(order.reason);
    w.text(order.by);
  });
}

ScopeRecord read_scope(Reader& r) {
  ScopeRecord record;
  record.scope = r.text();
  record.epoch = r.number<std::uint64_t>();
  r.list(record.orders, limits::orders_max, [&] {
    StandingOrder order;
    order.kind = r.one_of(OrderKind::send_evidence);
    order.epoch = r.number<std::uint64_t>();
    order.plane = r.one_of(Plane::config);
    order.release = r.digest();
    order.reason = r.text();
    order.by = r.text();
    return order;
  });
  return record;
}

}  // namespace

std::vector<SlotKey> slots_spoken_of(const DurableState& state) {
  std::vector<SlotKey> slots;
  const auto add = [&](Plane plane, const SlotRef& slot) {
    const SlotKey key{plane, slot.manifest};
    if (!slot.empty() && std::find(slots.begin(), slots.end(), key) == slots.end()) slots.push_back(key);
  };
  for (std::size_t i = 0; i < plane_count; ++i) {
    add(static_cast<Plane>(i), state.planes[i].active);
    add(static_cast<Plane>(i), state.planes[i].previous);
  }
  const auto phase = state.attempt.phase;
  const bool swapped = is_on_probation(phase) || phase == AttemptPhase::rolling_back;
  // A shadow that has ended is kept until the next attempt, which may want it.
  const bool kept =
      state.attempt.aim == AttemptAim::shadow && (phase == AttemptPhase::committed || phase == AttemptPhase::failed);
  for (const auto& change : state.attempt.changes) {
    if (swapped || kept) add(change.plane, change.to);
    if (swapped) add(change.plane, change.from);
  }
  for (const auto& step : state.attempt.back) add(step.plane, step.to);
  return slots;
}

Bytes encode(const DurableState& state) {
  Writer w;
  w.number(format_version);
  w.number(state.boot_id);
  w.number(static_cast<std::uint8_t>(state.stopped_in_order));
  w.number(state.newest_signed_s);
  w.number(static_cast<std::uint8_t>(state.state));
  w.number(static_cast<std::uint8_t>(state.last_action));
  w.number(static_cast<std::uint8_t>(state.safe_mode_latched));
  w.number(state.safe_mode_latched_epoch);
  for (const auto& plane : state.planes) {
    write(w, plane.active);
    write(w, plane.previous);
    w.number(plane.security_floor);
  }
  w.list(state.last_swapped, [&](Plane plane) { w.number(static_cast<std::uint8_t>(plane)); });
  write(w, state.attempt);
  w.list(state.scopes, [&](const ScopeRecord& record) { write(w, record); });
  return std::move(w.bytes);
}

std::optional<DurableState> decode(ByteView bytes) {
  Reader r(bytes);
  const auto format = r.number<std::uint8_t>();
  if (format != format_version && format != format_without_waits) return std::nullopt;
  DurableState state;
  state.boot_id = r.number<std::uint64_t>();
  state.stopped_in_order = r.one_of(true);
  state.newest_signed_s = r.number<std::uint64_t>();
  state.state = r.one_of(DeviceState::rolled_back);
  state.last_action = r.one_of(RecoveryAction::restart_workload);
  state.safe_mode_latched = r.one_of(true);
  state.safe_mode_latched_epoch = r.number<std::uint64_t>();
  for (auto& plane : state.planes) {
    plane.active = read_slot(r);
    plane.previous = read_slot(r);
    plane.security_floor = r.number<std::uint32_t>();
  }
  r.list(state.last_swapped, plane_count, [&] { return r.one_of(Plane::config); });
  state.attempt = read_attempt(r, format);
  r.list(state.scopes, limits::scopes_max, [&] { return read_scope(r); });
  if (!r.ok || !r.at_end()) return std::nullopt;
  return state;
}

}  // namespace muster::edge
