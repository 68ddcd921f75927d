#include "edge-client/shell/shell.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "edge-client/shell/outbound.h"
#include "schemas/topics.h"

namespace muster::edge {
namespace {

constexpr std::uint64_t workload_timeout_ms = 60000;
constexpr std::uint64_t report_retry_ms = 1000;

host::LogLevel level_of(NoteLevel level) {
  switch (level) {
    case NoteLevel::info:
      return host::LogLevel::info;
    case NoteLevel::warning:
      return host::LogLevel::warning;
    case NoteLevel::error:
      return host::LogLevel::error;
  }
  return host::LogLevel::error;
}

}  // namespace

std::uint64_t Shell::now_s() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto clock_s = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  // A device without a clock takes the newest signed time that it has seen.
  return std::max(static_cast<std::uint64_t>(std::max<decltype(clock_s)>(clock_s, 0)), agent_.newest_signed_s());
}

// Parts answer from within perform(); their events wait until the step before them is done.
void Shell::feed(decltype(Event::what) what) {
  if (failure_) return;
  events_.push_back(std::move(what));
  if (stepping_) return;
  stepping_ = true;
  std::vector<Effect> effects;
  while (!events_.empty() && !failure_) {
    const Event event{EventLoop::now_ms(), now_s(), std::move(events_.front())};
    events_.pop_front();
    effects.clear();
    agent_.step(event, effects);
    for (auto& effect : effects) {
      if (failure_) break;
      perform(effect);
    }
  }
  stepping_ = false;
}

void Shell::perform(Effect& effect) {
  if (const auto* persist = std::get_if<Persist>(&effect)) {
    if (auto saved = journal_.save(persist->state); !saved) fail(saved.error());
  } else if (std::holds_alternative<Report>(effect)) {
    publish_report();
  } else if (const auto* note = std::get_if<Note>(&effect)) {
    log_.write(level_of(note->level), note->text);
  } else if (const auto* refusal = std::get_if<Refusal>(&effect)) {
    ++refused_;
    log_.write_bounded(host::LogLevel::warning, wire::EnumNameErrorCode(refusal->code), "refused: " + refusal->text);
  } else if (const auto* wake = std::get_if<WakeAt>(&effect)) {
    loop_.cancel(std::exchange(wake_timer_, 0));
    if (wake->at_ms != 0) wake_timer_ = loop_.at(wake->at_ms, [this] { feed(Tick{}); });
  } else if (std::holds_alternative<ResetReadings>(effect)) {
    measurements_.reset();
  } else if (const auto* workload = std::get_if<RunWorkload>(&effect)) {
    run_workload(workload->command);
  } else {
    perform_work(effect);
  }
}

void Shell::perform_work(Effect& effect) {
  if (const auto* manifest = std::get_if<FetchManifest>(&effect)) {
    fetcher_->fetch_manifest(*manifest);
  } else if (const auto* files = std::get_if<FetchFiles>(&effect)) {
    fetcher_->fetch_files(*files);
  } else if (const auto* build = std::get_if<BuildSlot>(&effect)) {
    fetcher_->build(*build);
  } else if (const auto* activate = std::get_if<Activate>(&effect)) {
    installer_->activate(*activate);
  } else if (auto* probes = std::get_if<RunProbes>(&effect)) {
    probes_->run(std::move(*probes));
  } else if (std::holds_alternative<CancelJobs>(effect)) {
    fetcher_->cancel();
    probes_->cancel();
  } else if (const auto* remove = std::get_if<RemoveSlots>(&effect)) {
    disk_worker_.run([this, what = *remove]() -> EventLoop::Task {
      slots_.remove_others(what.plane, what.keep);
      return [] {};
    });
  } else if (std::holds_alternative<DropDownloads>(effect)) {
    disk_worker_.run([this]() -> EventLoop::Task {
      for (std::size_t i = 0; i < plane_count; ++i) slots_.drop_partials(static_cast<Plane>(i), {});
      return [] {};
    });
  }
}

void Shell::run_workload(WorkloadCommand command) {
  const CommandLine* line = &config_.restart;
  const char* name = "restart";
  if (command == WorkloadCommand::degraded) {
    line = &config_.degraded;
    name = "degraded";
  } else if (command == WorkloadCommand::normal) {
    line = &config_.normal;
    name = "normal";
  }
  if (line->empty()) {
    log_.write(host::LogLevel::warning,
               std::string("the workload can not be told: workload.") + name + " is not configured");
    return;
  }
  processes_.run(*line, workload_timeout_ms, [this, name](const CommandResult& result) {
    if (result.ok()) {
      log_.write(host::LogLevel::info, std::string("workload: ") + name);
    } else {
      log_.write(host::LogLevel::error, std::string("workload: the command for ") + name + " failed: " + result.text());
    }
  });
}

// The report is a complete snapshot: one that could not be sent is replaced by the next.
void Shell::publish_report() {
  report_due_ = false;
  if (!connection_ || !connection_->up()) return;
  const auto bytes = encode_state_report(agent_.snapshot(), config_.facts, {config_.device_id, ++report_seq_, now_s()});
  const std::string topic(format_topic({TopicKind::device_state, config_.device_id}).view());
  const auto on_ack = [this](int reason) {
    if (reason >= 0x80)
      log_.write_bounded(host::LogLevel::warning, "report",
                         "the broker refuses the state report (reason " + std::to_string(reason) + ")");
  };
  if (connection_->publish(topic, bytes, 1, true, on_ack)) return;
  report_due_ = true;
  loop_.after(report_retry_ms, [this] {
    if (report_due_) publish_report();
  });
}

// The journal can not be written: what would follow must not happen, and only people can help.
void Shell::fail(Error error) {
  failure_ = std::move(error);
  loop_.stop();
}

const char* const agent_version = MUSTER_VERSION;

tl::expected<void, Error> Shell::run() {
  if (!failure_) loop_.run();
  // What happens from here on is told to nobody.
  if (outbox_) outbox_->keep_all();
  if (connection_) closed_ = connection_->stop();
  if (failure_) return tl::unexpected(*failure_);
  return {};
}

Shell::~Shell() {
  if (signal_fd_ < 0) return;
  loop_.unwatch(signal_fd_);
  ::close(signal_fd_);
}

}  // namespace muster::edge
