#include "edge-client/shell/shell.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "edge-client/shell/local_time.h"
#include "edge-client/shell/outbound.h"
#include "schemas/topics.h"

namespace muster::edge {
namespace {

constexpr std::uint64_t workload_timeout_ms = 60000;
constexpr std::uint64_t report_retry_ms = 1000;
constexpr std::uint64_t journal_retry_ms = 2000;

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
  // Only readings can come without end while the journal waits for a disk; the next ones are as good.
  if (!held_.empty() && std::holds_alternative<Readings>(what)) return;
  events_.push_back(std::move(what));
  if (!stepping_ && held_.empty()) run_events();
}

void Shell::run_events() {
  stepping_ = true;
  std::vector<Effect> effects;
  while (!events_.empty() && held_.empty()) {
    const Event event{EventLoop::now_ms(), now_s(), std::move(events_.front())};
    events_.pop_front();
    effects.clear();
    agent_.step(event, effects);
    held_.assign(std::make_move_iterator(effects.begin()), std::make_move_iterator(effects.end()));
    if (!perform_all()) break;
  }
  stepping_ = false;
}

// A disk that refuses the journal stops everything that must come after it, but not the agent: its connection is what
// people need to mend the device. It goes on when there is room again.
bool Shell::perform_all() {
  while (!held_.empty()) {
    if (const auto* persist = std::get_if<Persist>(&held_.front())) {
      if (auto saved = journal_.save(persist->state); !saved) {
        journal_error_ = saved.error();
        log_.write_bounded(host::LogLevel::error, "journal",
                           saved.error().message + "; everything waits until it can be written");
        loop_.after(journal_retry_ms, [this] {
          if (perform_all()) run_events();
        });
        return false;
      }
    } else {
      perform(held_.front());
    }
    held_.pop_front();
  }
  return true;
}

void Shell::perform(Effect& effect) {
  if (std::holds_alternative<Report>(effect)) {
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
  } else if (const auto* shadow = std::get_if<RunShadow>(&effect)) {
    shadow_measurements_ = Measurements();
    shadow_->run(*shadow);
  } else if (std::holds_alternative<CancelJobs>(effect)) {
    fetcher_->cancel();
    probes_->cancel();
    shadow_->end();
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
  config_.facts.utc_offset_min = utc_offset_min(now_s());
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

const char* const agent_version = MUSTER_VERSION;

void Shell::run() {
  loop_.run();
  // What happens from here on is told to nobody.
  outbox_->keep_all();
  closed_ = connection_->stop();
}

Shell::~Shell() {
  if (signal_fd_ < 0) return;
  loop_.unwatch(signal_fd_);
  ::close(signal_fd_);
}

}  // namespace muster::edge
