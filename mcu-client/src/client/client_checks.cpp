// The checks after an update and in its soak, and whether the releases of an attempt fit each other.
#include <cstring>

#include "mcu-client/include/client.h"
#include "schemas/manifest_generated.h"
#include "schemas/version_order.h"
#include "schemas/wire.h"
#include "schemas/wire_text.h"

namespace muster::mcu {
using wire::view;

bool Client::read_manifest(Plane plane, std::uint8_t slot, SlotHeader& header, const wire::Manifest*& manifest) {
  const Area& area = flash_.layout().slots[index_of(plane)][slot];
  fill_.lend_work();
  if (read_header(flash_, area, header) != ok || header.manifest_size > buffers_.work_size) return false;
  if (flash_.read(area, header.manifest_offset, buffers_.work, header.manifest_size) != ok) return false;
  return verify(ByteView(buffers_.work, header.manifest_size), manifest) == WireFault::none;
}

// `again`: in the soak, where only the workload is looked at: being offline is no fault of the release then.
void Client::begin_checks(bool again) {
  const auto& state = machine_.state();
  checks_wanted_ = static_cast<std::uint8_t>((1u << application_.check_count) - 1);
  check_error_ = ErrorCode::none;
  broker_needed_ = false;
  alive_seen_ = false;
  check_plane_ = state.changes[0].plane;
  check_until_ms_ = now_ms() + settings_.check_window_ms;
  checking_ = true;
  for (std::uint32_t i = 0; i < state.change_count; ++i) {
    const auto& change = state.changes[i];
    if (change.plane == Plane::firmware) broker_needed_ = !again;
    if (change.to != no_slot) add_probes(change);
  }
  reports_at_check_ = reports_;
  if (broker_needed_) report_due_ = true;
}

// A manifest's exec probes name checks of the application; its file probes, files of the slot. Nothing else runs here.
void Client::add_probes(const Change& change) {
  SlotHeader header;
  const wire::Manifest* manifest = nullptr;
  if (!read_manifest(change.plane, change.to, header, manifest))
    return check_failed(ErrorCode::slot_damaged, change.plane, "");
  const auto* probes = manifest->probes();
  if (probes == nullptr) return;
  for (const auto* probe : *probes) {
    bool known = false;
    const auto target = view(probe->target());
    if (probe->kind() == wire::ProbeKind::exec) {
      for (std::uint32_t i = 0; i < application_.check_count; ++i)
        known = known || target == application_.checks[i].name;
      if (!known) check_failed(ErrorCode::probe_not_allowed, change.plane, "a probe that this device does not have");
      const auto patience =
          probe->initial_delay_ms() + probe->attempts() * (probe->timeout_ms() + probe->interval_ms());
      if (now_ms() + patience > check_until_ms_) check_until_ms_ = now_ms() + patience;
    } else if (probe->kind() == wire::ProbeKind::file) {
      for (std::uint32_t i = 0; i < header.file_count; ++i) {
        const auto& name = header.files[i].name;
        known = known || target == padded_text(name);
      }
      if (!known) check_failed(ErrorCode::probe_failed, change.plane, "a file that a probe asks for is missing");
    } else {
      check_failed(ErrorCode::probe_not_allowed, change.plane, "a probe that this device does not have");
    }
  }
}

// The first failure decides.
void Client::check_failed(ErrorCode error, Plane plane, const char* detail) {
  if (check_error_ != ErrorCode::none) return;
  note(EventCode::probe_failed, static_cast<std::uint32_t>(error), 0, index_of(plane));
  check_error_ = error;
  check_plane_ = plane;
  check_detail_ = detail;
}

void Client::run_checks(std::uint64_t now) {
  const bool over = now >= check_until_ms_;
  const bool off = machine_.mode() == WorkloadMode::off;
  for (std::uint32_t i = 0; i < application_.check_count && check_error_ == ErrorCode::none; ++i) {
    if ((checks_wanted_ >> i & 1u) == 0) continue;
    const auto result = application_.checks[i].run(application_.context);
    if (result == CheckResult::healthy) checks_wanted_ = static_cast<std::uint8_t>(checks_wanted_ & ~(1u << i));
    if (result == CheckResult::failed) check_failed(ErrorCode::probe_failed, check_plane_, application_.checks[i].name);
    if (result == CheckResult::waiting && over && !off)
      check_failed(ErrorCode::probe_timeout, check_plane_, application_.checks[i].name);
  }
  if (off) checks_wanted_ = 0;  // a workload that is off can show what is wrong, and cannot show that it works
  const bool waits = checks_wanted_ != 0 || (!alive_seen_ && !off) || (broker_needed_ && reports_ == reports_at_check_);
  if (over && waits) check_failed(ErrorCode::probe_timeout, check_plane_, !alive_seen_ ? "inference" : "broker");
  if (check_error_ == ErrorCode::none && waits) return;
  checking_ = false;
  Event event;
  event.kind = check_error_ == ErrorCode::none ? EventKind::checks_passed : EventKind::failed;
  event.error = check_error_;
  event.plane = check_plane_;
  event.detail = check_detail_;
  step(event);
}

// Every requirement that touches a changing plane, from either side: a new model may not land under a config that needs
// a newer one.
void Client::verify_set() {
  const auto& state = machine_.state();
  std::uint8_t slots[plane_count];
  bool changes[plane_count] = {};
  for (std::uint32_t i = 0; i < plane_count; ++i) slots[i] = state.planes[i].active;
  for (std::uint32_t i = 0; i < state.change_count; ++i) {
    slots[index_of(state.changes[i].plane)] = state.changes[i].to;
    changes[index_of(state.changes[i].plane)] = true;
  }
  Event event;
  event.kind = EventKind::verified;
  for (std::uint32_t i = 0; i < plane_count && event.kind == EventKind::verified; ++i) {
    SlotHeader header;
    const wire::Manifest* manifest = nullptr;
    if (slots[i] == no_slot) continue;
    const auto plane = static_cast<Plane>(i);
    if (!read_manifest(plane, slots[i], header, manifest)) {
      if (!changes[i]) continue;  // a factory's firmware has no manifest
      event.kind = EventKind::failed;
      event.error = ErrorCode::slot_damaged;
      event.plane = plane;
      break;
    }
    if (manifest->requirements() == nullptr) continue;
    for (const auto* need : *manifest->requirements()) {
      const auto other = index_of(need->plane());
      if (!changes[i] && !changes[other]) continue;
      SlotHeader there;
      const bool met = slots[other] != no_slot &&
                       read_header(flash_, flash_.layout().slots[other][slots[other]], there) == ok &&
                       compare_versions(padded_text(there.version), view(need->min_version())) >= 0;
      if (met) continue;
      event.kind = EventKind::failed;
      event.error = ErrorCode::requirement_unmet;
      event.plane = plane;
      event.detail = "another plane is older than it needs";
      break;
    }
  }
  step(event);
}

}  // namespace muster::mcu
