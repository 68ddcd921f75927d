// Effects as lines of text, for golden scenarios and failure messages.
#include "tests/unit/engine/world.h"

namespace muster::rules::test {

namespace {

std::string text_of(const World& world, const Assign& assign) {
  std::string text = "assign " + assign.device + " epoch " + std::to_string(assign.epoch) + " for " +
                     (assign.rollout.empty() ? "an override" : assign.rollout) + ":";
  for (const auto& [plane, digest] : assign.releases)
    text += " " + std::string(name_of(plane)) + "=" + world.release_name(digest);
  for (const auto& [plane, digest] : assign.shadow)
    text += " in the shadow " + std::string(name_of(plane)) + "=" + world.release_name(digest);
  if (assign.soak_s != 0) text += " soak " + std::to_string(assign.soak_s) + " s";
  if (assign.hold != HoldPoint::none) text += " hold " + std::string(name_of(assign.hold));
  return text;
}

std::string text_of(const World& world, const Direct& direct) {
  std::string text = "direct " + direct.scope + " epoch " + std::to_string(direct.epoch) + ":";
  if (direct.orders.empty()) text += " no orders";
  for (const auto& order : direct.orders) {
    text += " " + std::string(name_of(order.kind));
    if (!order.release.is_zero())
      text += " " + std::string(name_of(order.plane)) + " " + world.release_name(order.release);
    text += "(" + std::to_string(order.epoch) + ", " + order.by + ")";
  }
  return text;
}

}  // namespace

std::string status_line(const RolloutStatus& status) {
  std::string text = status.rollout + " " + std::string(name_of(status.state)) + ", wave " +
                     std::to_string(status.wave + 1) + "/" + std::to_string(status.waves.size()) + ", targets " +
                     std::to_string(status.targets) + ", reached " + std::to_string(status.reached) + ", done " +
                     std::to_string(status.done);
  const std::pair<const char*, std::uint32_t> rest[] = {{"failed", status.failed},
                                                        {"rolled back", status.rolled_back},
                                                        {"unreachable", status.unreachable},
                                                        {"reverted", status.reverted},
                                                        {"retrying", status.retrying},
                                                        {"awaiting window", status.awaiting_window},
                                                        {"rehearsing", status.rehearsing},
                                                        {"stopped", status.stopped},
                                                        {"cancelled", status.cancelled_count}};
  for (const auto& [name, count] : rest) {
    if (count != 0) text += ", " + std::string(name) + " " + std::to_string(count);
  }
  if (!status.waiting_for.empty()) text += " — " + status.waiting_for;
  return text;
}

std::vector<std::string> trace(const World& world, const std::vector<Effect>& effects) {
  std::vector<std::string> lines;
  std::string records;
  for (const auto& effect : effects) {
    if (const auto* persist = std::get_if<Persist>(&effect); persist != nullptr) {
      records += (records.empty() ? "persist " : " ") + std::string(persist->value ? "" : "-") + persist->key;
      continue;
    }
    if (!records.empty()) lines.push_back(std::exchange(records, {}));
    if (const auto* audit = std::get_if<Audit>(&effect); audit != nullptr) {
      lines.push_back("audit " + audit->who + " " + audit->what + " " + audit->subject + ": " + audit->why);
    } else if (const auto* assign = std::get_if<Assign>(&effect); assign != nullptr) {
      lines.push_back(text_of(world, *assign));
    } else if (const auto* direct = std::get_if<Direct>(&effect); direct != nullptr) {
      lines.push_back(text_of(world, *direct));
    } else if (const auto* changed = std::get_if<RolloutStatusChanged>(&effect); changed != nullptr) {
      lines.push_back("status " + status_line(world.status(changed->rollout)));
    } else if (const auto* reply = std::get_if<Reply>(&effect); reply != nullptr) {
      lines.push_back(std::string("reply ") + (reply->ok ? "ok: " : "refused: ") + reply->message);
    } else if (const auto* note = std::get_if<Note>(&effect); note != nullptr) {
      lines.push_back("note " + note->text);
    }
  }
  if (!records.empty()) lines.push_back(records);
  return lines;
}

}  // namespace muster::rules::test
