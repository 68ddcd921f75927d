#include "operator/decode.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "host/base64.h"

namespace muster::ctl {
namespace {

using nlohmann::json;

// Runs `read` over the parsed text; whatever does not fit (json throws) becomes the one error.
template <typename Result>
tl::expected<Result, Error> decoded(std::string_view text, const char* what,
                                    const std::function<Result(const json&)>& read) {
  try {
    const auto parsed = json::parse(text);
    if (parsed.is_object()) return read(parsed);
  } catch (const json::exception&) {
    // said below: which field it was helps nobody at a terminal
  }
  return tl::make_unexpected(
      Error{ErrorKind::invalid, std::string("the broker's answer is not what this musterctl knows as ") + what +
                                    ": are both of the same version?"});
}

std::string text_of(const json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? std::string() : it->get<std::string>();
}
template <typename Number>
Number number_of(const json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? Number{0} : it->get<Number>();
}
bool flag_of(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}
const json& list_of(const json& object, const char* name) {
  static const json none = json::array();
  const auto it = object.find(name);
  return it == object.end() || !it->is_array() ? none : *it;
}
const json& object_of(const json& object, const char* name) {
  static const json none = json::object();
  const auto it = object.find(name);
  return it == object.end() || !it->is_object() ? none : *it;
}
std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// A reading as people read it: lists joined, fractions short.
std::string shown(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    std::string text;
    for (const auto& item : value) text += (text.empty() ? "" : ", ") + shown(item);
    return text;
  }
  if (value.is_number_float()) {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.6g", value.get<double>());
    return buffer.data();
  }
  return value.is_null() ? std::string() : dumped(value);
}

// Plain readings of an object, empty ones left out. Objects inside are flattened under "outer.inner".
void append_readings(const json& object, const std::string& prefix,
                     std::vector<std::pair<std::string, std::string>>& readings) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_object()) {
      append_readings(value, prefix + name + ".", readings);
    } else if (value.is_array() && !value.empty() && value.front().is_object()) {
      for (const auto& item : value) append_readings(item, prefix + name + "." + text_of(item, "name") + ".", readings);
    } else if (auto text = shown(value); !text.empty()) {
      readings.emplace_back(prefix + name, std::move(text));
    }
  }
}

std::vector<ExclusionView> exclusions_of(const json& object, const char* list, const char* name) {
  std::vector<ExclusionView> found;
  for (const auto& each : list_of(object, list)) {
    found.push_back({each.at(name).get<std::string>(), text_of(each, "who"), text_of(each, "why"),
                     text_of(each, "mode") == "revert", number_of<std::uint64_t>(each, "since_s")});
  }
  return found;
}

RolloutView rollout_of(const json& object) {
  RolloutView view;
  view.rollout = object.at("rollout").get<std::string>();
  view.state = object.at("state").get<std::string>();
  view.waiting_for = text_of(object, "waiting_for");
  view.started_by = text_of(object, "started_by");
  view.started_s = number_of<std::uint64_t>(object, "started_s");
  view.ended_s = number_of<std::uint64_t>(object, "ended_s");
  view.previous_kept_until_s = number_of<std::uint64_t>(object, "previous_kept_until_s");
  for (const auto& version : list_of(object, "versions")) {
    view.versions.push_back(
        {text_of(version, "plane"), version.at("name").get<std::string>(), text_of(version, "version")});
  }
  view.targets = number_of<std::uint32_t>(object, "targets");
  view.reached = number_of<std::uint32_t>(object, "reached");
  view.done = number_of<std::uint32_t>(object, "done");
  view.failed = number_of<std::uint32_t>(object, "failed");
  view.unacknowledged = number_of<std::uint32_t>(object, "unacknowledged");
  view.rolled_back = number_of<std::uint32_t>(object, "rolled_back");
  view.unreachable = number_of<std::uint32_t>(object, "unreachable");
  view.reverted = number_of<std::uint32_t>(object, "reverted");
  view.priority = number_of<std::uint32_t>(object, "priority");
  view.shadow = flag_of(object, "shadow");
  view.holding = number_of<std::uint32_t>(object, "holding");
  view.held_by_other = number_of<std::uint32_t>(object, "held_by_other");
  view.retrying = number_of<std::uint32_t>(object, "retrying");
  view.rehearsing = number_of<std::uint32_t>(object, "rehearsing");
  view.awaiting_window = number_of<std::uint32_t>(object, "awaiting_window");
  view.wave = number_of<std::uint32_t>(object, "wave");
  for (const auto& wave : list_of(object, "waves")) {
    WaveView w;
    w.name = wave.at("name").get<std::string>();
    w.state = text_of(wave, "state");
    w.gate = text_of(wave, "gate");
    w.percent = number_of<std::uint32_t>(wave, "percent");
    w.devices = number_of<std::uint32_t>(wave, "devices");
    w.done = number_of<std::uint32_t>(wave, "done");
    w.failed = number_of<std::uint32_t>(wave, "failed");
    w.unreachable = number_of<std::uint32_t>(wave, "unreachable");
    w.holding = number_of<std::uint32_t>(wave, "holding");
    w.retrying = number_of<std::uint32_t>(wave, "retrying");
    w.first_devices = number_of<std::uint32_t>(wave, "first_devices");
    w.rehearse = flag_of(wave, "rehearse");
    w.rehearsing = number_of<std::uint32_t>(wave, "rehearsing");
    w.opened_s = number_of<std::uint64_t>(wave, "opened_s");
    w.line = number_of<std::uint32_t>(wave, "line");
    view.waves.push_back(std::move(w));
  }
  for (const auto& failure : list_of(object, "failures")) {
    view.failures.push_back({failure.at("device").get<std::string>(), text_of(failure, "error"),
                             text_of(failure, "detail"), flag_of(failure, "acknowledged")});
  }
  for (const auto& guardrail : list_of(object, "guardrails")) {
    GuardrailView g;
    g.name = guardrail.at("name").get<std::string>();
    g.segment = text_of(guardrail, "segment");
    g.verdict = text_of(guardrail, "verdict");
    g.sentence = text_of(guardrail, "sentence");
    g.voted = number_of<std::uint32_t>(guardrail, "voted");
    g.exceeded = number_of<std::uint32_t>(guardrail, "exceeded");
    g.frozen = flag_of(guardrail, "frozen");
    view.guardrails.push_back(std::move(g));
  }
  view.stops = exclusions_of(object, "stops", "group");
  view.cancelled = exclusions_of(object, "cancelled", "device");
  view.stopped = number_of<std::uint32_t>(object, "stopped");
  view.cancelled_count = number_of<std::uint32_t>(object, "cancelled_count");
  return view;
}

DeviceView device_of(const json& object) {
  DeviceView view;
  view.device = object.at("device").get<std::string>();
  view.state = text_of(object, "state");
  view.connected = flag_of(object, "connected");
  view.reported = flag_of(object, "reported");
  view.last_seen_s = number_of<std::uint64_t>(object, "last_seen_s");
  append_readings(object_of(object, "facts"), "", view.facts);
  for (const char* plane : {"firmware", "model", "config"}) {
    const auto& value = object_of(object_of(object, "planes"), plane);
    PlaneView p;
    p.plane = plane;
    if (auto active = text_of(value, "active"); !active.empty()) p.active = std::move(active);
    if (auto release = text_of(value, "release"); !release.empty()) p.release = std::move(release);
    view.planes.push_back(std::move(p));
  }
  view.assigned_epoch = number_of<std::uint64_t>(object, "assigned_epoch");
  const auto& attempt = object_of(object, "attempt");
  view.attempt_epoch = number_of<std::uint64_t>(attempt, "epoch");
  view.attempt_state = text_of(attempt, "state");
  view.attempt_error = text_of(attempt, "error");
  view.attempt_detail = text_of(attempt, "detail");
  for (const auto& rollout : list_of(object, "rollouts")) {
    view.rollouts.push_back({rollout.at("rollout").get<std::string>(), text_of(rollout, "standing"),
                             number_of<std::uint32_t>(rollout, "wave")});
  }
  for (const auto& each : list_of(object, "overrides")) {
    view.overrides.push_back({each.at("plane").get<std::string>(), each.at("release").get<std::string>(),
                              text_of(each, "state"), text_of(each, "who"), text_of(each, "why"),
                              number_of<std::uint64_t>(each, "since_s")});
  }
  append_readings(object_of(object, "health"), "", view.health);
  return view;
}

ReleaseView release_of(const json& object) {
  ReleaseView view;
  view.name = object.at("name").get<std::string>();
  view.version = object.at("version").get<std::string>();
  view.plane = text_of(object, "plane");
  view.manifest = text_of(object, "manifest");
  view.published_by = text_of(object, "published_by");
  view.state = text_of(object, "state");
  view.published_s = number_of<std::uint64_t>(object, "published_s");
  view.expires_s = number_of<std::uint64_t>(object, "expires_s");
  view.security_version = number_of<std::uint32_t>(object, "security_version");
  for (const auto& file : list_of(object, "files")) {
    ++view.file_count;
    view.bytes += number_of<std::uint64_t>(file, "size");
  }
  return view;
}

AuditPage audit_of(const json& object) {
  AuditPage page;
  for (const auto& item : list_of(object, "entries")) {
    AuditEntry entry;
    entry.seq = item.at("seq").get<std::uint64_t>();
    entry.time_s = item.at("time_s").get<std::uint64_t>();
    entry.who = text_of(item, "who");
    entry.what = text_of(item, "what");
    entry.subject = text_of(item, "subject");
    entry.why = text_of(item, "why");
    if (!parse_hex(item.at("hash").get<std::string>(), entry.hash)) entry.hash = {};
    page.json.push_back(dumped(item));
    page.entries.push_back(std::move(entry));
  }
  page.more = flag_of(object, "more");
  const auto& head = object_of(object, "head");
  page.head_seq = number_of<std::uint64_t>(head, "seq");
  if (!parse_hex(text_of(head, "hash"), page.head_hash)) page.head_hash = {};
  page.head_envelope = host::from_base64(text_of(head, "envelope")).value_or(Bytes{});
  return page;
}

}  // namespace

tl::expected<RolloutView, Error> decode_rollout(std::string_view text) {
  return decoded<RolloutView>(text, "a rollout", rollout_of);
}

tl::expected<std::vector<std::pair<RolloutView, std::string>>, Error> decode_rollouts(std::string_view text) {
  using List = std::vector<std::pair<RolloutView, std::string>>;
  return decoded<List>(text, "a list of rollouts", [](const json& object) {
    List list;
    for (const auto& item : list_of(object, "rollouts")) list.emplace_back(rollout_of(item), dumped(item));
    return list;
  });
}

tl::expected<DeviceView, Error> decode_device(std::string_view text) {
  return decoded<DeviceView>(text, "a device", device_of);
}

tl::expected<std::vector<ReasonView>, Error> decode_reasons(std::string_view text) {
  return decoded<std::vector<ReasonView>>(text, "the reasons for a device", [](const json& object) {
    std::vector<ReasonView> list;
    for (const auto& item : list_of(object, "rollouts"))
      list.push_back({text_of(item, "rollout"), text_of(item, "standing"), text_of(item, "why")});
    return list;
  });
}

tl::expected<DevicePage, Error> decode_devices(std::string_view text) {
  return decoded<DevicePage>(text, "a list of devices", [](const json& object) {
    DevicePage page;
    for (const auto& item : list_of(object, "devices")) {
      page.devices.push_back(device_of(item));
      page.json.push_back(dumped(item));
    }
    page.more = flag_of(object, "more");
    return page;
  });
}

tl::expected<std::vector<ReleaseView>, Error> decode_releases(std::string_view text) {
  return decoded<std::vector<ReleaseView>>(text, "a list of releases", [](const json& object) {
    std::vector<ReleaseView> list;
    for (const auto& item : list_of(object, "releases")) list.push_back(release_of(item));
    return list;
  });
}

tl::expected<ReleaseLifeView, Error> decode_life(std::string_view text) {
  return decoded<ReleaseLifeView>(text, "a release", [](const json& object) {
    ReleaseLifeView life;
    life.state = object.at("state").get<std::string>();
    life.files_removed_s = number_of<std::uint64_t>(object, "files_removed_s");
    for (const auto& item : list_of(object, "moves")) {
      ReleaseMoveView move{text_of(item, "from"),
                           text_of(item, "to"),
                           text_of(item, "by"),
                           text_of(item, "reason"),
                           number_of<std::uint64_t>(item, "made_s"),
                           number_of<std::uint64_t>(item, "taken_s"),
                           {},
                           {}};
      for (const auto& id : list_of(item, "key_ids")) move.key_ids.push_back(id.get<std::string>());
      move.envelope = host::from_base64(text_of(item, "envelope")).value_or(Bytes());
      life.moves.push_back(std::move(move));
    }
    return life;
  });
}

tl::expected<FitView, Error> decode_fit(std::string_view text) {
  return decoded<FitView>(text, "what a rollout finds", [](const json& object) {
    FitView fit;
    fit.refused = text_of(object, "refused");
    fit.targets = number_of<std::uint32_t>(object, "targets");
    fit.without_site = number_of<std::uint32_t>(object, "without_site");
    const auto& ineligible = object_of(object, "ineligible");
    fit.ineligible = number_of<std::uint32_t>(ineligible, "devices");
    for (const auto& [reason, count] : object_of(ineligible, "reasons").items())
      fit.reasons.emplace_back(reason, count.get<std::uint32_t>());
    for (const auto& item : list_of(ineligible, "first"))
      fit.first.push_back({text_of(item, "device"), text_of(item, "reason"), text_of(item, "why")});
    return fit;
  });
}

tl::expected<AuditPage, Error> decode_audit(std::string_view text) {
  return decoded<AuditPage>(text, "an audit record", audit_of);
}

tl::expected<EvidencePage, Error> decode_evidence(std::string_view text) {
  return decoded<EvidencePage>(text, "a list of evidence", [](const json& object) {
    EvidencePage page;
    for (const auto& item : list_of(object, "bundles")) {
      page.bundles.push_back({item.at("device").get<std::string>(), item.at("bundle").get<std::string>(),
                              number_of<std::uint64_t>(item, "size"), number_of<std::uint64_t>(item, "received"),
                              number_of<std::uint64_t>(item, "time_s"), flag_of(item, "complete")});
      page.json.push_back(dumped(item));
    }
    page.more = flag_of(object, "more");
    return page;
  });
}

tl::expected<std::uint64_t, Error> decode_offset(std::string_view text) {
  return decoded<std::uint64_t>(text, "an offset",
                                [](const json& object) { return object.at("offset").get<std::uint64_t>(); });
}

tl::expected<std::string, Error> decode_message(std::string_view text) {
  return decoded<std::string>(text, "a message", [](const json& object) { return text_of(object, "message"); });
}

std::string decode_stopped(std::string_view text) {
  const auto metrics = json::parse(text, nullptr, false);
  if (!metrics.is_object() || !metrics.contains("stopped") || !metrics.at("stopped").is_string()) return {};
  return metrics.at("stopped").get<std::string>();
}

tl::expected<Bytes, Error> decode_envelope(std::string_view text) {
  return decoded<Bytes>(text, "a signed release", [](const json& object) {
    return host::from_base64(object.at("envelope").get<std::string>()).value_or(Bytes{});
  });
}

tl::expected<BlobPart, Error> decode_part(std::string_view text) {
  return decoded<BlobPart>(text, "a part of evidence", [](const json& object) {
    return BlobPart{host::from_base64(object.at("data").get<std::string>()).value_or(Bytes{}),
                    object.at("size").get<std::uint64_t>()};
  });
}

}  // namespace muster::ctl
