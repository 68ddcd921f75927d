// The engine that comes back from its records is the one that went: same rollouts and waves, each device in the same
// cohort and with the same standing. And the same events give the same effects, byte for byte. The one to compare with
// is a twin that gets the committed events and never stops.
//
// Of guardrails votes, verdicts, freezes and who has not voted yet are the same after a restart. What a restart forgets
// on purpose (observations that were not complete, what devices measured that no wave has reached, a drift of less than
// half a percent) shows in no status at that moment, but in what comes later: that is compared with a twin made from
// the records too, at each restart a new one.
#include <set>

#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

using Facing = std::vector<std::pair<std::string, std::string>>;  // what, how

// Links are not recorded: who is unreachable is found out again.
std::string_view standing_of(rules::Standing standing) {
  const bool at_work = standing == rules::Standing::unreachable || standing == rules::Standing::assigned ||
                       standing == rules::Standing::reverting || standing == rules::Standing::retrying ||
                       standing == rules::Standing::rehearsing || standing == rules::Standing::holding;
  return at_work ? "at work" : rules::name_of(standing);
}

void face_of(const rules::RolloutStatus& s, Facing& face) {
  std::string text = std::string(rules::name_of(s.state)) + ", wave " + std::to_string(s.wave) + ", targets " +
                     std::to_string(s.targets) + ", reached " + std::to_string(s.reached) + ", done " +
                     std::to_string(s.done) + ", failed " + std::to_string(s.failed) + ", rolled back " +
                     std::to_string(s.rolled_back) + ", reverted " + std::to_string(s.reverted) + ", started " +
                     std::to_string(s.started_s) + ", ended " + std::to_string(s.ended_s);
  for (const auto& wave : s.waves) {
    text += "; " + wave.name + " " + std::string(rules::name_of(wave.state)) + " " + std::to_string(wave.devices) +
            " devices, " + std::to_string(wave.done) + " done, " + std::to_string(wave.failed) + " failed, opened " +
            std::to_string(wave.opened_s) + ", hold " + std::string(rules::name_of(wave.hold));
  }
  for (const auto& failure : s.failures) {
    text += "; " + failure.device + ": " + failure.error + (failure.acknowledged ? ", acknowledged" : "");
  }
  std::set<std::string> guardrails;  // which of them comes first may depend on who is observed
  for (const auto& each : s.guardrails) {
    guardrails.insert("; " + each.guardrail + " in \"" + each.segment + "\" " +
                      std::string(rules::name_of(each.verdict)) + " " + (each.frozen ? "frozen " : "") +
                      std::to_string(each.exceeded) + " of " + std::to_string(each.voted));
  }
  for (const auto& each : guardrails) text += each;
  face.emplace_back("rollout " + s.rollout, std::move(text));
}

Facing face_of(const rules::Engine& engine) {
  Facing face;
  for (const auto& name : engine.rollouts()) face_of(*engine.status(name), face);
  rules::DeviceStatus status;
  for (const auto& id : engine.devices()) {
    if (!engine.device(id, status) || !status.reported) continue;
    std::string text = "assigned epoch " + std::to_string(status.assigned_epoch) + ", " +
                       std::string(rules::name_of(status.state)) + ", attempt " + std::to_string(status.attempt_epoch) +
                       " " + std::string(rules::name_of(status.attempt)) + " " + status.attempt_error;
    for (const auto& place : status.rollouts) {
      text += "; " + place.rollout + ": " + std::string(standing_of(place.standing)) + ", wave " +
              std::to_string(place.wave);
    }
    for (const auto& digest : status.active) text += " " + to_hex(digest);
    face.emplace_back("device " + id, std::move(text));
  }
  std::vector<rules::Effect> effects;
  engine.republish(effects);
  for (const auto& effect : effects) {
    if (const auto* assign = std::get_if<rules::Assign>(&effect)) {
      std::string text = std::to_string(assign->epoch) + " of " + assign->rollout + ", soak " +
                         std::to_string(assign->soak_s) + ", hold " + std::string(rules::name_of(assign->hold));
      for (const auto& [plane, manifest] : assign->releases)
        text += ", " + std::string(rules::name_of(plane)) + " " + to_hex(manifest);
      for (const auto& [plane, manifest] : assign->shadow)
        text += ", shadow " + std::string(rules::name_of(plane)) + " " + to_hex(manifest);
      face.emplace_back("assignment of " + assign->device, std::move(text));
    } else if (const auto* direct = std::get_if<rules::Direct>(&effect)) {
      std::string text = std::to_string(direct->epoch);
      for (const auto& order : direct->orders)
        text += ", " + std::string(rules::name_of(order.kind)) + " " + std::to_string(order.epoch);
      face.emplace_back("orders of " + direct->scope, std::move(text));
    }
  }
  return face;
}

// One line an effect, complete where two engines could differ.
std::string text_of(const rules::Effect& effect) {
  if (const auto* persist = std::get_if<rules::Persist>(&effect))
    return "record " + persist->key + "=" + persist->value.value_or("(deleted)");
  if (const auto* entry = std::get_if<rules::Audit>(&effect))
    return "audit " + entry->who + " " + entry->what + " " + entry->subject + " " + entry->why;
  if (const auto* assign = std::get_if<rules::Assign>(&effect))
    return "assign " + assign->device + " " + std::to_string(assign->epoch) + " " + assign->rollout + " " +
           std::string(rules::name_of(assign->hold)) + (assign->shadow.empty() ? "" : " in the shadow");
  if (const auto* direct = std::get_if<rules::Direct>(&effect))
    return "direct " + direct->scope + " " + std::to_string(direct->epoch);
  if (const auto* reply = std::get_if<rules::Reply>(&effect)) return "reply " + reply->message;
  if (const auto* changed = std::get_if<rules::RolloutStatusChanged>(&effect)) return "status " + changed->rollout;
  return "note " + std::get<rules::Note>(effect).text;
}

class SameAfterRestart final : public Checker {
 public:
  SameAfterRestart() : Checker("same_after_restart") {}

  void on_commit(const EngineStep& step) override {
    apply(step);
    if (copied_back_) return;
    effects_.clear();
    twin_->step(step.event, effects_);
    for (std::size_t i = 0; i < std::max(effects_.size(), step.effects.size()); ++i) {
      const auto here = i < step.effects.size() ? text_of(step.effects[i]) : "nothing";
      const auto there = i < effects_.size() ? text_of(effects_[i]) : "nothing";
      if (here == there) continue;
      return fail("step " + std::to_string(step.number) + ": the same events had another effect on a second engine: " +
                  printable(here) + " instead of " + printable(there));
    }
  }
  void on_broker_start(const rules::Engine& engine) override {
    const auto now = face_of(engine);
    if (!copied_back_) {
      const auto before = face_of(*twin_);
      for (std::size_t i = 0; i < std::max(now.size(), before.size()); ++i) {
        if (i < now.size() && i < before.size() && now[i] == before[i]) continue;
        fail("after a restart " + (i < now.size() ? now[i].first + " is: " + now[i].second : "nothing") +
             "\n  before it " + (i < before.size() ? before[i].first + " was: " + before[i].second : "nothing"));
        return;
      }
    }
    copied_back_ = false;
    twin_ = std::make_unique<rules::Engine>();
    if (const auto wrong = twin_->restore({records_.begin(), records_.end()}); !wrong.empty())
      fail("the records cannot be read: " + wrong);
  }
  void on_old_copy() override {
    records_.clear();
    twin_ = std::make_unique<rules::Engine>();
    copied_back_ = true;  // what comes now is of several lives; the next start is compared with nothing
  }

 private:
  void apply(const EngineStep& step) {
    for_each<rules::Persist>(step, [&](const rules::Persist& persist) {
      if (persist.value) {
        records_[persist.key] = *persist.value;
      } else {
        records_.erase(persist.key);
      }
    });
  }
  static std::string printable(std::string text) {
    for (auto& c : text) c = c < ' ' || c > '~' ? '.' : c;
    return text.substr(0, 300);
  }

  std::map<std::string, std::string> records_;
  std::unique_ptr<rules::Engine> twin_ = std::make_unique<rules::Engine>();
  std::vector<rules::Effect> effects_;
  bool copied_back_ = false;
};

}  // namespace

std::unique_ptr<Checker> check_same_after_restart() {
  return std::make_unique<SameAfterRestart>();
}

}  // namespace muster::sim
