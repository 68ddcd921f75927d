// Every decision is in the audit record, in order, none twice: each rollout's entries make a life that can be read
// (started, its waves one after the other, stopped and resumed, ended once), each published state has the entry that
// explains it, each command has one of its operator, and each assignment comes after an open wave or an abort.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

using rules::RolloutState;

class AuditRecord final : public Checker {
 public:
  AuditRecord() : Checker("audit_record") {}

  void on_audit(const AuditEntry& entry) override {
    if (entry.seq != ++last_seq_)
      fail("entry " + std::to_string(entry.seq) + " follows entry " + std::to_string(last_seq_ - 1));
    if (entry.time_s < last_time_s_) fail("entry " + std::to_string(entry.seq) + " is older than the one before");
    last_time_s_ = entry.time_s;
  }

  void on_commit(const EngineStep& step) override {
    if (const auto* start = started_in(step)) lives_[start->rule.rollout].waves = start->rule.waves;
    for_each<rules::Audit>(step, [&](const rules::Audit& entry) { take(entry); });
    look_at_command(step);
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) {
      const auto life = lives_.find(assign.rollout);
      if (life != lives_.end() && life->second.failed.contains(assign.device)) life->second.again.insert(assign.device);
      if (life == lives_.end() || life->second.opened == 0)
        fail("rollout " + assign.rollout + " assigns " + assign.device + " before the record says that a wave opened");
    });
    for (const auto& status : step.statuses) look_at_status(status);
  }

  void at_end(const FinalView& view) override {
    if (view.audit->size() != last_seq_)
      fail("the record has " + std::to_string(view.audit->size()) + " entries, " + std::to_string(last_seq_) +
           " were written");
  }
  void on_old_copy() override {
    lives_.clear();
    last_seq_ = last_time_s_ = 0;
  }

 private:
  struct Life {
    std::vector<rules::Wave> waves;
    bool started = false, ended = false;
    RolloutState state = RolloutState::running;
    std::size_t opened = 0, done = 0;
    std::set<std::string> failed;
    std::set<std::string> again;        // of them: were assigned since, and may fail once more
    std::set<std::string> approved_by;  // the open wave, at any time
  };

  void wrong(const rules::Audit& entry, const std::string& why) {
    fail("the record says " + entry.what + " of " + entry.subject + " (" + entry.why + "), but " + why);
  }

  void take(const rules::Audit& entry) {
    if (entry.what.rfind("device.", 0) == 0) return take_device(entry);
    if (entry.what.rfind("rollout.", 0) != 0 && entry.what.rfind("wave.", 0) != 0) return;
    auto& life = lives_[entry.subject];
    if (entry.what == audit::rollout_started) {
      if (life.started) wrong(entry, "it has started before");
      life.started = true;
      return;
    }
    if (!life.started) return wrong(entry, "it has not started");
    if (entry.what == audit::rollout_forgotten) {
      lives_.erase(entry.subject);
      return;
    }
    const bool end_of_abort = entry.what == audit::rollout_aborted && life.state == RolloutState::reverting;
    if (life.ended && !end_of_abort) return wrong(entry, "it has ended");
    if (entry.what.rfind("wave.", 0) == 0) {
      take_wave(life, entry);
    } else {
      take_state(life, entry);
    }
  }

  void take_wave(Life& life, const rules::Audit& entry) {
    const auto named = [&](std::size_t wave) {
      return wave < life.waves.size() && entry.why.find("wave " + life.waves[wave].name + " (") != std::string::npos;
    };
    if (entry.what == audit::wave_opened) {
      const bool filled = entry.why.find("has its first devices") != std::string::npos;
      if (!filled && (life.opened != life.done || !named(life.opened))) wrong(entry, "another wave is next");
      if (filled && (life.opened != life.done + 1 || !named(life.done))) wrong(entry, "that wave is not open");
      if (!filled) ++life.opened;
    } else if (entry.what == audit::wave_done) {
      if (life.opened != life.done + 1 || !named(life.done)) wrong(entry, "that wave is not open");
      const auto& wave = life.waves[life.done];
      if (wave.gate == rules::Gate::manual && life.approved_by.size() < wave.approvers)
        wrong(entry, std::to_string(life.approved_by.size()) + " have approved it, and it takes " +
                         std::to_string(wave.approvers));
      life.approved_by.clear();
      ++life.done;
      life.state = RolloutState::running;
    } else if (entry.what == audit::wave_awaiting_approval) {
      if (!named(life.done)) wrong(entry, "that wave is not open");
      life.state = RolloutState::awaiting_approval;
    } else if (entry.what == audit::wave_approved) {
      if (life.state != RolloutState::awaiting_approval) wrong(entry, "it waits for no approval");
      life.approved_by.insert(entry.who);  // it goes on with the entry that the wave is done
    }
  }

  void take_state(Life& life, const rules::Audit& entry) {
    const bool stands = life.state == RolloutState::halted || life.state == RolloutState::paused;
    if (entry.what == audit::rollout_halted || entry.what == audit::rollout_paused) {
      if (stands) wrong(entry, "it stood already");
      life.state = entry.what == audit::rollout_halted ? RolloutState::halted : RolloutState::paused;
    } else if (entry.what == audit::rollout_resumed) {
      if (!stands) wrong(entry, "it did not stand");
      life.state = RolloutState::running;
    } else if (entry.what == audit::rollout_completed) {
      if (stands || life.done != life.waves.size()) wrong(entry, "not all of its waves are done");
      life.state = RolloutState::completed;
    } else if (entry.what == audit::rollout_reverting) {
      life.state = RolloutState::reverting;
      life.ended = true;
    } else if (entry.what == audit::rollout_aborted) {
      if (life.state == RolloutState::aborted) wrong(entry, "it was aborted already");
      life.state = RolloutState::aborted;
      life.ended = true;
    }
  }

  void take_device(const rules::Audit& entry) {
    const auto name = rollout_of(entry.why);
    const auto found = lives_.find(name);
    if (found == lives_.end()) return wrong(entry, "there is no such rollout");
    auto& life = found->second;
    const bool fails = entry.what == audit::device_failed;
    if (fails && !life.failed.insert(entry.subject).second && life.again.erase(entry.subject) == 0)
      wrong(entry, "it says so twice, and nothing of a recovery in between");
    if (entry.what == audit::device_recovered && life.failed.erase(entry.subject) == 0)
      wrong(entry, "it had not failed");
  }

  void look_at_command(const EngineStep& step) {
    const auto* command = std::get_if<rules::Command>(&step.event.what);
    if (command == nullptr) return;
    std::size_t replies = 0;
    for_each<rules::Reply>(step, [&](const rules::Reply& reply) {
      ++replies;
      bool named = false;
      for_each<rules::Audit>(step, [&](const rules::Audit& entry) {
        named = named || (entry.who == command->who && (entry.what == audit::command_refused) == !reply.ok);
      });
      if (!named) fail("a command of " + command->who + " is in no entry of the record: " + reply.message);
    });
    if (replies != 1) fail("a command of " + command->who + " has " + std::to_string(replies) + " answers");
  }

  void look_at_status(const rules::RolloutStatus& status) {
    const auto found = lives_.find(status.rollout);
    if (found == lives_.end()) return fail("rollout " + status.rollout + " has a status, but never started");
    const auto& life = found->second;
    // Back from awaiting approval without an entry: a device of the wave came back, and nothing was decided.
    const bool came_back = status.state == RolloutState::running && life.state == RolloutState::awaiting_approval;
    if (status.state == life.state || came_back) return;
    fail("rollout " + status.rollout + " is " + std::string(rules::name_of(status.state)) + ", the record leads to " +
         std::string(rules::name_of(life.state)));
  }

  std::map<std::string, Life> lives_;
  std::uint64_t last_seq_ = 0, last_time_s_ = 0;
};

}  // namespace

std::unique_ptr<Checker> check_audit_record() {
  return std::make_unique<AuditRecord>();
}

}  // namespace muster::sim
