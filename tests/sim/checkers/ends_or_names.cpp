// Every rollout ends or is waiting for something that it names. When nothing goes wrong and nobody does anything, each
// has ended or has a sentence; who it names is really in the way. Once operators have done what the sentences ask for,
// each has ended, or waits for devices: for some that are gone for ever, or for any that it could have.
#include "tests/sim/checkers/all.h"
#include "tests/sim/checkers/visit.h"

namespace muster::sim {

namespace {

using rules::RolloutState;

bool has_ended(const rules::RolloutStatus& status) {
  return status.state == RolloutState::completed || status.state == RolloutState::aborted;
}

class EndsOrNames final : public Checker {
 public:
  EndsOrNames() : Checker("ends_or_names") {}

  void on_commit(const EngineStep& step) override {
    now_s_ = step.event.now_s;
    for_each<rules::Assign>(step, [&](const rules::Assign& assign) { assigned_s_[assign.rollout] = now_s_; });
  }
  void when_quiet(const FinalView& view) override {
    for (const auto& status : view.rollouts) {
      if (has_ended(status)) continue;
      if (status.waiting_for.empty()) {
        if (is_at_work(status)) continue;
        fail(text_of(status) + " has not ended and names nothing that it waits for");
        continue;
      }
      look_at_named(view, status);
      look_at_verdict(status);
    }
  }
  void at_end(const FinalView& view) override {
    for (const auto& status : view.rollouts) {
      if (has_ended(status)) continue;
      if (may_wait(view, status)) continue;
      fail(text_of(status) + " does not end although operators do what it asks for: \"" + status.waiting_for + "\"");
    }
  }

 private:
  // A wave that opened a short while ago, when time let the one before it go, or that a slow pace has just come to the
  // end of: its devices are at work.
  [[nodiscard]] bool is_at_work(const rules::RolloutStatus& status) const {
    constexpr std::uint64_t attempt_s_max = 1200;
    const auto assigned = assigned_s_.find(status.rollout);
    const auto since_s =
        std::max(status.waves[status.wave].opened_s, assigned == assigned_s_.end() ? 0 : assigned->second);
    return since_s != 0 && now_s_ < since_s + attempt_s_max;
  }

  static std::string text_of(const rules::RolloutStatus& status) {
    return "rollout " + status.rollout + " (" + std::string(rules::name_of(status.state)) + ", wave " +
           std::to_string(status.wave) + " of " + std::to_string(status.waves.size()) + ")";
  }

  // The devices whose ids are in the sentence.
  static std::vector<const DeviceView*> named_in(const FinalView& view, const std::string& sentence) {
    std::vector<const DeviceView*> named;
    for (const auto& device : view.devices) {
      auto at = sentence.find(device.id);
      while (at != std::string::npos) {
        const auto end = at + device.id.size();
        const bool whole = (at == 0 || !std::isalnum(static_cast<unsigned char>(sentence[at - 1]))) &&
                           (end == sentence.size() || !std::isalnum(static_cast<unsigned char>(sentence[end])));
        if (whole) {
          named.push_back(&device);
          break;
        }
        at = sentence.find(device.id, end);
      }
    }
    return named;
  }

  // A wave that lacks a verdict names a guardrail of its rule that has none, or one that those may undo who have not
  // voted.
  void look_at_verdict(const rules::RolloutStatus& status) {
    if (status.waiting_for.find(" is done; guardrail ") == std::string::npos) return;
    const bool named = std::any_of(status.guardrails.begin(), status.guardrails.end(), [&](const auto& each) {
      const auto title = each.guardrail + (each.segment.empty() ? "" : " in " + each.segment) + ": ";
      const bool open =
          each.verdict != rules::Verdict::pass || status.waiting_for.find("could undo it") != std::string::npos;
      return open && !each.frozen && status.waiting_for.find(title) != std::string::npos;
    });
    if (!named) fail(text_of(status) + " names no guardrail without a pass: \"" + status.waiting_for + "\"");
  }

  void look_at_named(const FinalView& view, const rules::RolloutStatus& status) {
    const bool unreachable = status.waiting_for.find("are unreachable") != std::string::npos;
    const bool reverting = status.state == RolloutState::reverting;
    if (!unreachable && !reverting) return;
    const auto named = named_in(view, status.waiting_for);
    if (named.empty()) return fail(text_of(status) + " names no device: \"" + status.waiting_for + "\"");
    for (const auto* device : named) {
      if (!device->connected || !unreachable) continue;
      fail(text_of(status) + " says that " + device->id + " is unreachable, but it is connected");
    }
  }

  static bool may_wait(const FinalView& view, const rules::RolloutStatus& status) {
    const auto& sentence = status.waiting_for;
    const auto says_that = [&](std::string_view part) { return sentence.find(part) != std::string::npos; };
    if (says_that("no device matches the targets") || says_that("no target is in the ring")) return true;
    for (const auto& other : view.rollouts) {
      // Then that one does not end, and has to say why.
      if (says_that("waiting for rollout " + other.rollout + " to end")) return !has_ended(other);
      if (says_that("from the newer rollout " + other.rollout)) return has_ended(other);
      if (says_that("from the rollout " + other.rollout + ", which has a higher priority")) return has_ended(other);
    }
    if (!says_that("are unreachable")) return false;
    // Who is out of reach blocks nobody: a wave waits for it only when no other device of the wave says anything.
    // Those in frozen segments have said what they had to say.
    const auto& wave = status.waves[status.wave];
    const bool freezes =
        std::any_of(status.guardrails.begin(), status.guardrails.end(), [](const auto& each) { return each.frozen; });
    if (wave.done + wave.failed != 0 && !freezes) return false;
    const auto named = named_in(view, sentence);
    return !named.empty() &&
           std::all_of(named.begin(), named.end(), [](const DeviceView* device) { return device->gone; });
  }

  std::map<std::string, std::uint64_t> assigned_s_;  // by rollout: when it assigned somebody last
  std::uint64_t now_s_ = 0;
};

}  // namespace

std::unique_ptr<Checker> check_ends_or_names() {
  return std::make_unique<EndsOrNames>();
}

}  // namespace muster::sim
