#include "broker-plugin/core/engine_host.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "broker-plugin/control/objects.h"
#include "broker-plugin/core/bug_guard.h"
#include "broker-plugin/store/keys.h"
#include "schemas/topics.h"

namespace muster::broker {
namespace {

constexpr std::chrono::milliseconds status_interval(100);

}  // namespace

EngineHost::EngineHost(rules::Engine engine, Clock clock, const ReleaseRegistry& releases, Writer& writer,
                       host::Log& log)
    : engine_(std::move(engine)), clock_(clock), releases_(releases), writer_(writer), log_(log) {}

bool EngineHost::perform_guarded(const std::function<void(Work&)>& fill) {
  if (!stopped_.empty()) return false;
  Work work;
  work.now_s = clock_.now_s();
  const auto bug = catch_bugs([&] { fill(work); });
  if (bug.empty()) {
    writer_.submit(std::move(work));
    return true;
  }
  stop_acting("a bug in the engine: " + bug);
  for (const auto& after : work.after) {
    if (const auto* call = std::get_if<AfterCall>(&after)) (*call)(false);
  }
  return false;
}

void EngineHost::stop_acting(const std::string& why) {
  if (!stopped_.empty()) return;
  stopped_ = why;
  log_.write(host::LogLevel::error, "muster: stopped deciding, all rollouts stand still: " + why +
                                        "; the broker and downloads go on; mend the cause and restart the broker");
  auto waiting = std::exchange(waiting_, {});
  for (auto& [correlation, done] : waiting)
    done(Answer::failed(ErrorKind::internal, "the broker has stopped deciding: " + why));
}

bool EngineHost::step(What what, const std::function<Record()>& beside) {
  return perform_guarded([&](Work& work) {
    effects_.clear();
    engine_.step({work.now_s, std::move(what)}, effects_);
    perform(effects_, work);
    if (beside && !work.records.empty()) work.records.push_back(beside());
  });
}

void EngineHost::command(std::string who, std::string why, rules::CommandBody body, Done done) {
  if (!stopped_.empty())
    return done(Answer::failed(ErrorKind::internal, "the broker has stopped deciding: " + stopped_));
  const auto correlation = ++correlation_;
  waiting_.emplace(correlation, std::move(done));
  step(rules::Command{std::move(who), std::move(why), correlation, std::move(body)});
  // A command without a Reply would leave the operator waiting for ever; the engine's contract is one reply a command.
  const auto unanswered = waiting_.find(correlation);
  if (unanswered == waiting_.end()) return;
  auto give_up = std::move(unanswered->second);
  waiting_.erase(unanswered);
  give_up(Answer::failed(ErrorKind::internal, "the engine gave no answer"));
}

void EngineHost::audit(std::string who, std::string_view what, std::string subject, std::string why, AfterCall after) {
  Work work;
  work.audit.push_back({0, clock_.now_s(), std::move(who), std::string(what), std::move(subject), std::move(why), {}});
  if (after) work.after.emplace_back(std::move(after));
  submit(std::move(work));
}

void EngineHost::submit(Work work) {
  work.now_s = clock_.now_s();
  writer_.submit(std::move(work));
}

void EngineHost::seal_again(Record record) {
  perform_guarded([&](Work& work) {
    effects_.clear();
    engine_.republish(effects_);
    perform(effects_, work);
    work.records.push_back({std::string(keys::sealed), keys::u64_value(work.now_s)});
    work.records.push_back(std::move(record));
  });
}

void EngineHost::publish_statuses(std::chrono::steady_clock::time_point now) {
  if (changed_.empty() || !stopped_.empty()) return;
  std::vector<std::string> later;
  Work work;
  for (auto& rollout : changed_) {
    const auto* status = engine_.status(rollout);
    Publication publication{{}, std::string(format_topic({TopicKind::rollout, rollout}).view()), {}, 1, true};
    if (status == nullptr) {
      shown_.erase(rollout);  // forgotten: an empty payload removes the retained message
    } else {
      const auto [shown, first] = shown_.try_emplace(rollout);
      if (!first && shown->second.state == status->state && now - shown->second.at < status_interval) {
        later.push_back(std::move(rollout));
        continue;
      }
      shown->second = {now, status->state};
      publication.payload = Payload::of(status_json(*status));
    }
    work.after.emplace_back(std::move(publication));
  }
  changed_ = std::move(later);
  if (!work.empty()) submit(std::move(work));
}

void EngineHost::perform(std::vector<rules::Effect>& effects, Work& work) {
  for (auto& effect : effects) {
    std::visit([&](auto& one) { perform(one, work); }, effect);
  }
}

void EngineHost::perform(rules::Persist& persist, Work& work) {
  work.records.push_back({keys::join(keys::engine, persist.key), std::move(persist.value)});
}

void EngineHost::perform(rules::Audit& entry, Work& work) {
  work.audit.push_back(
      {0, work.now_s, std::move(entry.who), std::move(entry.what), std::move(entry.subject), std::move(entry.why), {}});
}

void EngineHost::perform(rules::Assign& assign, Work& work) {
  AssignWork signing{std::move(assign), {}, {}};
  for (const auto& [plane, manifest] : signing.assign.shadow) {
    signing.shadow.push_back(releases_.by_manifest(manifest));
    if (signing.shadow.back() != nullptr) continue;
    // Without it, the device would have nothing to do, and say at once that it is done: so it hears nothing, and has
    // failed when its time is over.
    log_.write_bounded(host::LogLevel::warning, "unknown_release",
                       "muster: " + signing.assign.device + " is not told to run " + to_hex(manifest).substr(0, 12) +
                           "… in the shadow: it is not published here any more");
    return;
  }
  for (const auto& [plane, manifest] : signing.assign.releases) {
    signing.releases.push_back(releases_.by_manifest(manifest));
    if (signing.releases.back() == nullptr && !manifest.is_zero()) {
      log_.write_bounded(host::LogLevel::warning, "unknown_release",
                         "muster: " + signing.assign.device +
                             " is sent back to a release that was never published here (" +
                             to_hex(manifest).substr(0, 12) + "…): only a device that still has it can go there");
    }
  }
  work.assigns.push_back(std::move(signing));
}

void EngineHost::perform(rules::Direct& direct, Work& work) {
  work.directs.push_back(std::move(direct));
}

void EngineHost::perform(rules::RolloutStatusChanged& changed, Work&) {
  if (std::find(changed_.begin(), changed_.end(), changed.rollout) == changed_.end()) {
    changed_.push_back(std::move(changed.rollout));
  }
}

void EngineHost::perform(rules::Reply& reply, Work& work) {
  const auto waiting = waiting_.find(reply.correlation);
  if (waiting == waiting_.end()) return;
  auto answer =
      reply.ok ? Answer::message(reply.message) : Answer::failed(ErrorKind::refused, std::move(reply.message));
  work.after.emplace_back([done = std::move(waiting->second), answer = std::move(answer)](bool durable) {
    done(durable ? answer
                 : Answer::failed(ErrorKind::internal,
                                  "it could not be made durable and was not done; see the broker's log"));
  });
  waiting_.erase(waiting);
}

void EngineHost::perform(rules::Note& note, Work&) {
  log_.write_bounded(host::LogLevel::info, "engine", "muster: " + note.text);
}

}  // namespace muster::broker
