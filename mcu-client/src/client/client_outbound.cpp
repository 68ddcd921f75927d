// What goes to the broker: one message of QoS 1 at a time, the most urgent first, and the requests for chunks beside
// it.
#include <cstring>

#include "mcu-client/include/client.h"
#include "schemas/limits.h"
#include "schemas/topics.h"

namespace muster::mcu {
namespace {

struct Group {
  const char* attribute;
  std::string_view Identity::*value;
};
constexpr Group groups[] = {
    {"class=", &Identity::device_class},
    {"region=", &Identity::region},
    {"site=", &Identity::site},
    {"customer=", &Identity::customer},
    {"os_version=", &Identity::os_version},
    {"memory_tier=", &Identity::memory_tier},
};

char* append(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

FactsFields facts_of(const Identity& identity) {
  FactsFields facts;
  facts.device_class = identity.device_class;
  facts.region = identity.region;
  facts.site = identity.site;
  facts.customer = identity.customer;
  facts.os_version = identity.os_version;
  facts.memory_tier = identity.memory_tier;
  facts.memory_mb = identity.memory_mb;
  facts.tags = identity.tags;
  facts.tag_count = identity.tag_count;
  return facts;
}

std::string_view text_between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view Client::scope_text(std::uint32_t scope, char* space) const {
  if (scope == 0) return text_between(space, append(append(space, "device/"), identity_.device_id));
  if (scope == 1) return "fleet";
  scope -= 2;
  for (const auto& group : groups) {
    const auto value = identity_.*group.value;
    if (value.empty()) continue;
    if (scope-- == 0) return text_between(space, append(append(append(space, "group/"), group.attribute), value));
  }
  if (scope < identity_.tag_count)
    return text_between(space, append(append(space, "group/tag="), identity_.tags[scope]));
  return {};
}

std::uint32_t Client::scope_count() const {
  std::uint32_t count = 2 + identity_.tag_count;
  for (const auto& group : groups) count += (identity_.*group.value).empty() ? 0u : 1u;
  return count;
}

std::string_view Client::topic_of(const char* leaf, char* space) const {
  char* end = append(append(append(space, topic_root), "device/"), identity_.device_id);
  return text_between(space, append(append(end, "/"), leaf));
}

// True when something was sent and more may be.
bool Client::pump() {
  char space[limits::topic_len_max];
  bool sent = ask_for_chunks();
  if (!session_.can_publish()) return sent;
  const std::uint32_t scopes = scope_count();
  if (link_due_) {
    link_due_ = session_.publish(topic_of("link", space), ByteView(std::string_view("1")), true) != ok;
  } else if (report_due_) {
    report_due_ = !send_state();
  } else if (subscribe_next_ < scopes + 2) {
    std::string_view filter;
    if (subscribe_next_ == 0) {
      filter = trust_root_topic;  // first: what follows may be signed by newer keys
    } else if (subscribe_next_ == scopes + 1) {
      filter = topic_of("assignment", space);  // last: orders may forbid what it asks for
    } else {
      char scope[limits::topic_len_max];
      const auto text = scope_text(subscribe_next_ - 1, scope);
      filter = text_between(space, append(append(append(space, topic_root), text), "/directive"));
    }
    if (session_.subscribe(filter) == ok) ++subscribe_next_;
  } else if (health_due_) {
    (void)send_health();
  } else if (evidence_.uploading() && send_evidence()) {
    sent = true;
  } else {
    return sent;
  }
  return true;
}

bool Client::ask_for_chunks() {
  bool sent = false;
  while (filling_ && session_.can_publish_small()) {
    Sha256 blob;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    if (!fill_.next_request(now_ms(), blob, offset, length)) break;
    alignas(8) std::uint8_t request[limits::chunk_get_len_max];
    char space[limits::topic_len_max];
    const int size = write_chunk_get(blob, offset, length, request, sizeof request);
    if (size <= 0) break;
    if (session_.publish_small(topic_of("chunk/get", space), ByteView(request, static_cast<std::size_t>(size))) != ok)
      break;
    (void)session_.poll(now_ms());
    sent = true;
  }
  return sent;
}

void Client::utc_offset_min(std::int16_t minutes) {
  const bool on_earth = minutes >= limits::utc_offset_min_least && minutes <= limits::utc_offset_min_most;
  if (!on_earth) minutes = limits::utc_offset_unsaid;  // a broker refuses the whole report for it
  if (minutes == utc_offset_min_) return;
  utc_offset_min_ = minutes;
  report_due_ = true;
}

bool Client::send_state() {
  const auto& state = machine_.state();
  StateReportFields fields;
  SlotHeader header;
  fields.device_id = identity_.device_id;
  fields.seq = ++state_seq_;
  fields.boot_id = boot_.starts;
  fields.reported_s = clock_s();
  fields.facts = facts_of(identity_);
  fields.facts.agent_version = application_.version;
  fields.facts.utc_offset_min = utc_offset_min_;
  fields.state = state.device;
  struct {
    char name[sizeof header.name];
    char version[sizeof header.version];
  } names[plane_count];
  for (std::uint32_t i = 0; i < plane_count; ++i) {
    if (!flash_.layout().has_plane(i)) continue;
    const auto plane = static_cast<Plane>(i);
    const auto& record = state.planes[i];
    auto& to = fields.planes[fields.plane_fields_count++];
    to.plane = plane;
    to.security_floor = record.floor;
    const auto back = machine_.way_back(plane);
    if (back != no_slot) to.previous = &machine_.slot(plane, back).manifest;
    const auto newest = machine_.downloaded(plane);
    if (newest != no_slot) to.downloaded = &machine_.slot(plane, newest).manifest;
    if (record.active == no_slot) continue;
    to.active = &machine_.active(plane);
    if (read_header(flash_, flash_.layout().slots[i][record.active], header) != ok) continue;
    std::memcpy(names[i].name, header.name, sizeof header.name);
    std::memcpy(names[i].version, header.version, sizeof header.version);
    to.active_name = padded_text(names[i].name);
    to.active_version = padded_text(names[i].version);
  }
  fields.attempt.epoch = state.assignment.epoch;
  fields.attempt.state = wire_state(state.phase);
  fields.attempt.plane = filling_ ? fill_.plane() : state.error_plane;
  fields.attempt.error = state.error;
  fields.attempt.detail = padded_text(state.detail);
  fields.attempt.bytes_done = filling_ ? fill_.bytes_done() : 0;
  fields.attempt.bytes_total = filling_ ? fill_.bytes_total() : 0;
  fields.assignment_epoch = state.assignment.epoch;
  fields.directive_epoch = machine_.directive_epoch();
  fields.last_recovery_action = state.last_action;
  fields.updates_paused = machine_.updates_paused();

  char space[limits::topic_len_max];
  std::size_t capacity = 0;
  std::uint8_t* to = session_.begin_publish(topic_of("state", space), true, capacity);
  if (to == nullptr) return false;
  int size = write_state_report(fields, to, capacity);
  if (size <= 0) {
    // Names are for people; the digests say the same.
    for (auto& plane : fields.planes) plane.active_name = plane.active_version = {};
    size = write_state_report(fields, to, capacity);
  }
  if (size <= 0) {
    log(LogLevel::error, "the state report does not fit into the outbound buffer");
    return true;
  }
  report_sent_ = session_.end_publish(static_cast<std::size_t>(size)) == ok;
  return report_sent_;
}

bool Client::send_evidence() {
  constexpr std::uint32_t overhead = 192;  // of the message around the piece
  char space[limits::topic_len_max];
  std::size_t capacity = 0;
  std::uint8_t* to = session_.begin_publish(topic_of("evidence", space), false, capacity);
  if (to == nullptr || capacity < overhead + sizeof(EvidenceBundleHeader)) return false;
  std::uint8_t piece[480];
  std::uint32_t offset = 0;
  const auto room = capacity - overhead < sizeof piece ? capacity - overhead : sizeof piece;
  const int size = evidence_.piece(piece, static_cast<std::uint32_t>(room), now_ms(), offset);
  if (size <= 0) return false;
  const int written = write_evidence_chunk(identity_.device_id, evidence_.bundle(), offset, evidence_.total(),
                                           ByteView(piece, static_cast<std::size_t>(size)), to, capacity);
  return written > 0 && session_.end_publish(static_cast<std::size_t>(written)) == ok;
}

bool Client::send_health() {
  HealthFields fields;
  MetricFields metrics[task_metrics_max];
  SlotHeader header;
  char config[sizeof header.name + 1 + sizeof header.version];
  const auto now = now_ms();
  fields.device_id = identity_.device_id;
  fields.seq = ++health_seq_;
  fields.boot_id = boot_.starts;
  fields.window_start_s = window_start_s_;
  fields.window_s = static_cast<std::uint32_t>(now - (window_end_ms_ - settings_.health_window_ms)) / 1000;
  fields.state = machine_.state().device;
  if (!machine_.active(Plane::model).is_zero()) fields.model_hash = &machine_.active(Plane::model);
  const auto slot = machine_.state().planes[index_of(Plane::config)].active;
  if (slot != no_slot && read_header(flash_, flash_.layout().slots[index_of(Plane::config)][slot], header) == ok) {
    char* end = append(append(config, padded_text(header.name)), "@");
    end = append(end, padded_text(header.version));
    fields.config_version = text_between(config, end);
  }
  fields.runtime_version = application_.version;
  fields.last_recovery_action = machine_.state().last_action;
  readings_.fill(fields, metrics);

  char space[limits::topic_len_max];
  std::size_t capacity = 0;
  std::uint8_t* to = session_.begin_publish(topic_of("health", space), false, capacity);
  if (to == nullptr) return false;
  const int size = write_health_summary(fields, to, capacity);
  if (size > 0 && session_.end_publish(static_cast<std::size_t>(size)) != ok) return false;
  if (size <= 0) log(LogLevel::error, "the health summary does not fit into the outbound buffer");
  readings_.next_window();
  health_due_ = false;
  window_start_s_ = clock_s();
  window_end_ms_ = now + settings_.health_window_ms;
  return true;
}

}  // namespace muster::mcu
