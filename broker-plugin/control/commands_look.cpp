// Commands that only look.
#include <algorithm>
#include <utility>

#include "broker-plugin/control/commands.h"
#include "broker-plugin/control/objects.h"
#include "broker-plugin/store/keys.h"
#include "host/base64.h"

namespace muster::broker {

void Commands::get_rollout(const ControlCommand& command, Done done) const {
  if (!known_rollout(command.rollout, done)) return;
  const auto& engine = services_.engine.engine();
  const auto& status = *engine.status(command.rollout);
  // Only for who asks: it looks at every device, on the thread that serves them.
  done(Answer::with(command.ineligible ? status_json(status, engine.unfit_for(command.rollout)) : status_json(status)));
}

void Commands::list_rollouts(Done done) const {
  std::vector<std::string> items;
  for (const auto& rollout : services_.engine.engine().rollouts()) {
    items.push_back(status_json(*services_.engine.engine().status(rollout)));
  }
  done(Answer::with(list_json("rollouts", items)));
}

void Commands::list_devices(const ControlCommand& command, Done done) const {
  const auto& engine = services_.engine.engine();
  const auto devices = engine.devices();
  auto next = std::upper_bound(devices.begin(), devices.end(), command.after);
  std::vector<std::string> items;
  rules::DeviceStatus status;
  for (; next != devices.end() && items.size() < command.limit; ++next) {
    if (engine.device(*next, status)) items.push_back(device_json(status, services_.releases, {}, false));
  }
  const bool more = next != devices.end();
  done(Answer::with(list_json("devices", items, &more)));
}

namespace {

Answer no_device(const std::string& device) {
  return Answer::failed(ErrorKind::not_found, "no device is called " + device + "; see listDevices");
}

}  // namespace

void Commands::explain_device(const ControlCommand& command, Done done) const {
  rules::DeviceStatus status;
  const auto& engine = services_.engine.engine();
  if (!engine.device(command.device, status)) return done(no_device(command.device));
  done(Answer::with(reasons_json(command.device, engine.why(command.device))));
}

void Commands::get_device(const ControlCommand& command, Done done) const {
  rules::DeviceStatus status;
  if (!services_.engine.engine().device(command.device, status)) return done(no_device(command.device));
  done(Answer::with(device_json(status, services_.releases, services_.devices.health(command.device), true)));
}

void Commands::list_audit(const ControlCommand& command, Done done) {
  const auto* store = &services_.store;
  in_background(
      [store, after = command.after_seq, limit = command.limit]() -> Answer {
        AuditPage page;
        // The head first: entries that are added meanwhile lie behind it and are left out.
        const auto head = store->get(keys::audit_head);
        if (!head) return Answer::failed(head.error());
        if (*head) page.head = decode_head(**head).value_or(AuditHeadRecord{});
        std::string wrong;
        const auto from = after >= page.head.tail.seq ? page.head.tail.seq + 1 : after + 1;
        const auto scanned =
            store->scan(keys::audit, keys::u64_value(from), [&](std::string_view, std::string_view value) {
              auto entry = decode_entry(value);
              if (!entry)
                wrong = "an entry of the audit record is unreadable; restart the broker, which checks all of it";
              if (!entry || entry->seq > page.head.tail.seq) return false;
              page.more = page.entries.size() >= limit;
              if (!page.more) page.entries.push_back(std::move(*entry));
              return !page.more;
            });
        if (!scanned) return Answer::failed(scanned.error());
        if (!wrong.empty()) return Answer::failed(ErrorKind::internal, wrong);
        return Answer::with(audit_json(page));
      },
      std::move(done));
}

void Commands::list_evidence(const ControlCommand& command, Done done) {
  in_background(
      [this, device = command.device, after = EvidenceId{command.after, command.after_bundle},
       limit = static_cast<std::size_t>(command.limit)] {
        auto bundles = services_.evidence.files().list(device, after, limit + 1);
        const bool more = bundles.size() > limit;
        if (more) bundles.pop_back();
        std::vector<std::string> items;
        for (const auto& bundle : bundles) items.push_back(evidence_json(bundle));
        return Answer::with(list_json("bundles", items, &more));
      },
      std::move(done));
}

void Commands::get_evidence(const ControlCommand& command, Done done) {
  in_background(
      [this, id = EvidenceId{command.device, command.bundle}, offset = command.offset,
       length = static_cast<std::size_t>(command.length)]() -> Answer {
        const auto part = services_.evidence.files().read(id, offset, length);
        if (!part) return Answer::failed(part.error());
        return Answer::with(part_json(offset, part->size, part->data));
      },
      std::move(done));
}

}  // namespace muster::broker
