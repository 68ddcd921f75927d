#include "broker-plugin/control/commands.h"

#include <utility>

#include "rules/engine/audit_words.h"

namespace muster::broker {

Commands::Commands(Services services) : services_(std::move(services)), uploads_(services_.blobs) {}

void Commands::run(const std::string& who, const ControlCommand& command, Done done) {
  if (command.role != Role::view && services_.queue_full()) {
    services_.counters.refuse("queue_full");
    return done(Answer::failed(ErrorKind::refused, "the broker has too much to write; try again in a moment"));
  }
  switch (*command.name) {
    case CommandName::begin_blob:
      return begin_blob(command, std::move(done));
    case CommandName::put_blob:
      return put_blob(command, std::move(done));
    case CommandName::end_blob:
      return end_blob(who, command, std::move(done));
    case CommandName::publish_release:
      return publish_release(who, command, std::move(done));
    case CommandName::list_releases:
      return list_releases(std::move(done));
    case CommandName::get_release:
      return get_release(command, std::move(done));
    case CommandName::get_release_evidence:
      return get_release_evidence(command, std::move(done));
    case CommandName::move_release:
      return move_release(who, command, std::move(done));
    case CommandName::check_rollout:
      return check_rollout(who, command, std::move(done));
    case CommandName::start_rollout:
      return start_rollout(who, command, std::move(done));
    case CommandName::approve_rollout:
    case CommandName::pause_rollout:
    case CommandName::resume_rollout:
    case CommandName::release_hold:
    case CommandName::hold_wave:
    case CommandName::change_pace:
    case CommandName::abort_rollout:
    case CommandName::stop_group:
    case CommandName::continue_group:
    case CommandName::cancel_device:
    case CommandName::readmit_device:
      return change_rollout(who, command, std::move(done));
    case CommandName::override_device:
      return override_device(who, command, std::move(done));
    case CommandName::clear_override:
      return clear_override(who, command, std::move(done));
    case CommandName::get_rollout:
      return get_rollout(command, std::move(done));
    case CommandName::list_rollouts:
      return list_rollouts(std::move(done));
    case CommandName::list_devices:
      return list_devices(command, std::move(done));
    case CommandName::get_device:
      return get_device(command, std::move(done));
    case CommandName::explain_device:
      return explain_device(command, std::move(done));
    case CommandName::give_order:
      return give_order(who, command, std::move(done));
    case CommandName::list_audit:
      return list_audit(command, std::move(done));
    case CommandName::list_evidence:
      return list_evidence(command, std::move(done));
    case CommandName::get_evidence:
      return get_evidence(command, std::move(done));
    case CommandName::get_metrics:
      return done(Answer::with(services_.metrics()));
  }
}

void Commands::refuse(const std::string& who, const ControlCommand& command, const std::string& why, Done done) {
  const auto now = std::chrono::steady_clock::now();
  if (now - refusals_since_ > std::chrono::minutes(1)) {
    refusals_since_ = now;
    refusals_ = 0;
  }
  const auto answer = Answer::failed(ErrorKind::refused, why);
  if (++refusals_ > refusals_per_minute_max) return done(answer);
  const auto& subject = command.rollout.empty() ? command.text : command.rollout;
  services_.engine.audit(who, rules::audit::command_refused, subject, why,
                         [done = std::move(done), answer](bool) { done(answer); });
}

void Commands::in_background(std::function<Answer()> job, Done done) {
  // Two references, as a job that is not taken must still be answered.
  const auto shared = std::make_shared<Done>(std::move(done));
  const bool taken = services_.jobs.submit([this, job = std::move(job), shared] {
    auto answer = job();
    services_.outbox.put(
        Outbox::Call([shared, answer = std::move(answer)]() mutable { (*shared)(std::move(answer)); }));
  });
  if (!taken)
    (*shared)(Answer::failed(ErrorKind::refused, "the broker is busy with other requests; try again in a moment"));
}

bool Commands::known_rollout(const std::string& rollout, const Done& done) const {
  if (services_.engine.engine().status(rollout) != nullptr) return true;
  done(Answer::failed(ErrorKind::not_found, "no rollout is called " + rollout + "; see listRollouts"));
  return false;
}

}  // namespace muster::broker
