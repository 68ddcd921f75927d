// Starting a rollout, and asking beforehand what that would do.
#include <optional>
#include <utility>

#include "broker-plugin/control/commands.h"
#include "broker-plugin/control/objects.h"
#include "rules/config/load_rule.h"

namespace muster::broker {

// A rule ready to start, or why it cannot be: an answer, or what its releases lack, which is refused and audited.
struct Commands::Prepared {
  std::optional<rules::StartRollout> start;
  Answer wrong;
  std::string rollout, lacking;

  [[nodiscard]] static Prepared failed(ErrorKind kind, std::string error) {
    Prepared prepared;
    prepared.wrong = Answer::failed(kind, std::move(error));
    return prepared;
  }
};

Commands::Prepared Commands::prepare_start(const ControlCommand& command) const {
  Prepared prepared;
  auto loaded = rules::load_rule(command.rule, command.file.empty() ? "rule" : command.file);
  if (!loaded.rule) {
    auto& answer = prepared.wrong;
    answer = Answer::failed(ErrorKind::invalid, "the rule has " + std::to_string(loaded.diagnostics.size()) +
                                                    (loaded.diagnostics.size() == 1 ? " error" : " errors"));
    for (const auto& diagnostic : loaded.diagnostics) answer.diagnostics.push_back(diagnostic.text());
    return prepared;
  }
  auto& rule = *loaded.rule;
  if (services_.engine.engine().status(rule.rollout) != nullptr) {
    return Prepared::failed(ErrorKind::exists,
                            "a rollout called " + rule.rollout + " exists already; give this one another name");
  }
  prepared.rollout = rule.rollout;
  std::vector<rules::KnownRelease> releases;
  for (const auto& choice : rule.versions) {
    const auto ref = choice.name + "@" + choice.version;
    const auto release = services_.releases.find(choice.name, choice.version);
    if (release == nullptr) {
      return Prepared::failed(ErrorKind::not_found,
                              "the release " + ref + " is not published; 'musterctl release publish' does that");
    }
    if (release->plane != choice.plane) {
      return Prepared::failed(ErrorKind::invalid, ref + " is a release of the plane " +
                                                      std::string(rules::name_of(release->plane)) + ", not " +
                                                      std::string(rules::name_of(choice.plane)));
    }
    if (release->expires_s != 0 && release->expires_s <= services_.engine.now_s())
      return Prepared::failed(ErrorKind::refused, ref + " has expired; devices would refuse it");
    const auto& life = services_.states.of(release->manifest);
    if (prepared.lacking.empty()) prepared.lacking = lacks_readiness(*release, services_.required_policies);
    if (prepared.lacking.empty())
      prepared.lacking = lacks_state(*release, life, rule.waves.front(), services_.states_required);
    rules::KnownRelease known{
        release->plane,         release->name,  release->version,    release->manifest, release->security_version,
        rules::Reach::promoted, release->needs, release->can_shadow, release->delegate};
    if (services_.states_required) known.reach = reach_of(life.state);
    releases.push_back(std::move(known));
  }
  prepared.start = rules::StartRollout{std::move(rule), command.rule, std::move(releases), std::move(loaded.lines)};
  return prepared;
}

void Commands::start_rollout(const std::string& who, const ControlCommand& command, Done done) {
  auto prepared = prepare_start(command);
  if (!prepared.lacking.empty()) return refuse_about(who, command, prepared.rollout, prepared.lacking, std::move(done));
  if (!prepared.start) return done(std::move(prepared.wrong));
  // As it is now: what the engine then does follows from the same devices.
  const auto fit = services_.engine.engine().fit(*prepared.start);
  services_.engine.command(who, command.reason, std::move(*prepared.start),
                           [about = fit_json(prepared.rollout, fit), done = std::move(done)](Answer answer) {
                             if (answer.error.empty()) {
                               answer.data.pop_back();  // the closing brace
                               answer.data += "," + about.substr(1) + "}";
                             }
                             done(std::move(answer));
                           });
}

// What a refusal would say is data here: who asks wants to know it beside the rest.
void Commands::check_rollout(const std::string&, const ControlCommand& command, Done done) {
  const auto prepared = prepare_start(command);
  if (!prepared.start) return done(prepared.wrong);
  auto fit = services_.engine.engine().fit(*prepared.start);
  if (!prepared.lacking.empty()) fit.fault = prepared.lacking;
  done(Answer::with(fit_json(prepared.rollout, fit) + ",\"refused\":" + json_quoted(fit.fault) + "}"));
}

}  // namespace muster::broker
