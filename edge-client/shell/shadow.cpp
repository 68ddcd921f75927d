#include "edge-client/shell/shadow.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace muster::edge {
namespace {

constexpr const char* socket_variable = "MUSTER_STATSD=";

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

}  // namespace

ShadowRunner::ShadowRunner(EventLoop& loop, ProcessRunner& processes, const SlotStore& slots, const Config& config,
                           Ports ports)
    : loop_(loop),
      processes_(processes),
      slots_(slots),
      config_(config),
      ports_(std::move(ports)),
      socket_path_(config.data_dir + "/shadow.sock"),
      orphans_killed_(kill_marked(socket_variable + socket_path_)) {}

ShadowRunner::~ShadowRunner() {
  for (const auto& command : commands_) processes_.kill(command.process);
}

void ShadowRunner::run(const RunShadow& what) {
  end();
  next_ = what;
  if (commands_.empty()) begin();
}

void ShadowRunner::end() {
  next_.reset();
  running_.reset();
  socket_.reset();
  for (const auto& command : commands_) processes_.end(command.process, config_.shadow.grace_ms);
}

void ShadowRunner::begin() {
  running_ = std::exchange(next_, std::nullopt);
  if (auto failure = begin_all()) {
    // The agent is in the middle of the step that asked for it.
    loop_.post([this, job = running_->job, failure = std::move(*failure)] {
      if (running_ && running_->job == job) fail(failure);
    });
  }
}

std::optional<ShadowRunner::Failure> ShadowRunner::begin_all() {
  const auto& releases = running_->releases;
  socket_.emplace(loop_, [this](std::string_view datagram) { ports_.measured(datagram); });
  if (auto listening = socket_->open(socket_path_); !listening) {
    socket_.reset();
    return Failure{releases.front().plane, {ErrorCode::shadow_failed, listening.error().message}};
  }
  Beside how;
  how.nice = static_cast<int>(config_.shadow.nice);
  how.environment.push_back(socket_variable + socket_path_);
  for (const auto& release : releases) {
    how.environment.push_back("MUSTER_SHADOW_" + upper(wire::EnumNamePlane(release.plane)) + "=" +
                              slots_.path_of(release.plane, release.manifest));
  }
  for (const auto& release : releases) {
    if (release.command.empty()) continue;
    const auto allowed = config_.probes.find(release.command);
    if (allowed == config_.probes.end()) {
      return Failure{
          release.plane,
          {ErrorCode::probe_not_allowed, "the shadow's " + release.command + " is not on this device's allowlist"}};
    }
    auto command = allowed->second;
    command.push_back(slots_.path_of(release.plane, release.manifest));
    auto& begun = commands_.emplace_back();
    begun.plane = release.plane;
    begun.name = release.command;
    begun.process = processes_.run_beside(
        command, how, [this, id = processes_.next_id()](const CommandResult& result) { ended(id, result); });
  }
  return std::nullopt;
}

void ShadowRunner::ended(ProcessRunner::Id process, const CommandResult& result) {
  const auto found = std::find_if(commands_.begin(), commands_.end(),
                                  [&](const Command& command) { return command.process == process; });
  const auto command = *found;
  commands_.erase(found);
  if (running_) {
    fail({command.plane,
          {ErrorCode::shadow_failed, "the shadow's " + command.name + " ended before its time: " + result.text()}});
  }
  if (commands_.empty() && next_) begin();
}

void ShadowRunner::fail(Failure failure) {
  const auto job = running_->job;
  end();
  ports_.failed(job, failure);
}

}  // namespace muster::edge
