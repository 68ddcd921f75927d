#include "broker-plugin/control/desk.h"

#include <utility>

#include "schemas/topics.h"

namespace muster::broker {

// A request under way. Commands run in order, each when the one before has been answered, so that a request can publish
// a release and start its rollout.
struct ControlDesk::Pending {
  std::string client_id, user;
  std::vector<ControlCommand> commands;
  std::vector<std::string> responses;
  bool advancing = false;  // an answer that comes at once must not recurse
};

namespace {

std::string_view role_name(Role role) {
  switch (role) {
    case Role::view:
      return "view";
    case Role::operate:
      return "operate";
    case Role::approve:
      return "approve";
  }
  return "?";
}

}  // namespace

ControlDesk::ControlDesk(CommandRunner& runner, const Operators& operators, Counters& counters, BrokerPort& port)
    : runner_(runner), operators_(operators), counters_(counters), port_(port) {}

void ControlDesk::send(const std::string& client_id, std::string json) {
  port_.publish({client_id, std::string(control_response_topic), Payload::of(std::move(json)), 1, false});
}

void ControlDesk::request(const std::string& client_id, const std::string& user, ByteView payload) {
  counters_.accept("control");
  const auto reject = [&](std::string_view counter, ErrorKind kind, const std::string& why) {
    counters_.refuse(counter);
    send(client_id, format_responses({format_response({}, Answer::failed(kind, why))}));
  };
  // The access check has been passed before, but not when an acl_file grants $CONTROL to everybody.
  if (!operators_.contains(user))
    return reject("role", ErrorKind::refused, "'" + user + "' is no operator of this broker");
  auto commands = parse_request(payload);
  if (!commands) return reject("bad_json", commands.error().kind, commands.error().message);
  auto& open = open_[user];
  if (open >= requests_per_user_max) {
    return reject(
        "queue_full", ErrorKind::refused,
        std::to_string(requests_per_user_max) + " requests of yours wait for an answer; send the next ones later");
  }
  ++open;
  auto pending = std::make_shared<Pending>();
  pending->client_id = client_id;
  pending->user = user;
  pending->commands = std::move(*commands);
  advance(pending);
}

void ControlDesk::advance(const std::shared_ptr<Pending>& pending) {
  if (pending->advancing) return;
  pending->advancing = true;
  while (pending->responses.size() < pending->commands.size()) {
    const auto index = pending->responses.size();
    run_one(pending, pending->commands[index], [this, pending, index](const Answer& answer) {
      pending->responses.push_back(format_response(pending->commands[index], answer));
      advance(pending);
    });
    if (pending->responses.size() == index) break;  // the answer comes later
  }
  pending->advancing = false;
  if (pending->responses.size() == pending->commands.size()) finish(pending);
}

void ControlDesk::run_one(const std::shared_ptr<Pending>& pending, const ControlCommand& command, Done done) {
  const auto& user = pending->user;
  if (!command.name) {
    counters_.refuse(command.text.empty() ? "bad_json" : "unknown_command");
    return done(Answer::failed(ErrorKind::usage, command.fault));
  }
  const auto operator_at = operators_.find(user);  // looked up again: a reload may have come between two commands
  if (operator_at == operators_.end() || !operator_at->second.may(command.role)) {
    counters_.refuse("role");
    const auto why =
        command.text + " needs the role " + std::string(role_name(command.role)) + ", which " + user + " does not have";
    return runner_.refuse(user, command, why, std::move(done));
  }
  if (!command.fault.empty()) {
    counters_.refuse("bad_json");
    return done(Answer::failed(ErrorKind::usage, command.text + ": " + command.fault));
  }
  runner_.run(user, command, std::move(done));
}

void ControlDesk::finish(const std::shared_ptr<Pending>& pending) {
  const auto open = open_.find(pending->user);
  if (--open->second == 0) open_.erase(open);
  send(pending->client_id, format_responses(pending->responses));
}

}  // namespace muster::broker
