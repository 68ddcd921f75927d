#include "operator/commands/watch.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "operator/decode.h"
#include "operator/render/guardrail_text.h"
#include "operator/render/rollout_text.h"
#include "operator/render/screen.h"
#include "operator/render/text_width.h"
#include "schemas/topics.h"

namespace muster::ctl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds redraw_interval{1000};  // the elapsed time goes on without news
constexpr milliseconds backoff_first{250};
constexpr milliseconds backoff_max{5000};

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// What a running rollout waits for counts its guardrails' votes, one after the other: not each of them is news.
RolloutView without_vote_counts(RolloutView view) {
  if (view.state == "running" && !view.guardrails.empty()) view.waiting_for.clear();
  return view;
}

// Shows statuses the way that the terminal and the options ask for.
class Display {
 public:
  Display(const WatchOptions& options, const Terminal& terminal)
      : options_(options), terminal_(terminal), screen_(*terminal.out) {}

  void show(const RolloutView& view, const std::string& json) {
    json_ = json;
    trouble_.clear();
    const bool changed = !last_ || !(*last_ == view);
    last_ = view;
    if (options_.quiet || !changed) return;
    if (terminal_.json)
      *terminal_.out << json << std::endl;
    else if (terminal_.drawable)
      draw();
    else
      print_line();
  }
  void tick() {
    if (last_ && !options_.quiet && !terminal_.json && terminal_.drawable) draw();
  }
  // What happens to the connection: a line below the drawn block, or on stderr, where it disturbs no JSON.
  void trouble(const std::string& text) {
    if (options_.quiet) return;
    trouble_ = text;
    if (terminal_.drawable && !terminal_.json)
      tick();
    else
      *terminal_.err << text << std::endl;
  }
  // `wait` says only how it ended.
  void finish() {
    if (!options_.quiet || !last_) return;
    if (terminal_.json)
      *terminal_.out << json_ << "\n";
    else
      *terminal_.out << rollout_line(*last_) << "\n";
  }
  [[nodiscard]] std::string last_state() const { return last_ ? last_->state : std::string("unknown"); }

 private:
  void draw() {
    const auto columns = stdout_columns();
    auto lines = rollout_frame(*last_, wall_clock_s(), columns, terminal_.style);
    if (!trouble_.empty()) {
      lines.push_back(fit("  " + painted(trouble_, Paint::waiting, terminal_.style), columns, "~"));
    }
    screen_.draw(lines);
  }
  void print_line() {
    for (const auto& news : guardrail_news_.lines(*last_)) *terminal_.out << news << std::endl;
    auto news = rollout_line(without_vote_counts(*last_));
    if (news != last_line_) *terminal_.out << rollout_line(*last_) << std::endl;
    last_line_ = std::move(news);
  }

  const WatchOptions& options_;
  const Terminal& terminal_;
  Screen screen_;
  std::optional<RolloutView> last_;
  std::string json_, last_line_, trouble_;
  GuardrailNews guardrail_news_;
};

class Watch {
 public:
  Watch(const Connection& connection, const WatchOptions& options, const Terminal& terminal)
      : options_(options),
        client_(connection),
        display_(options, terminal),
        topic_(format_topic({TopicKind::rollout, options.rollout}).view()) {
    if (options.timeout_ms) deadline_ = Clock::now() + milliseconds(*options.timeout_ms);
  }

  Outcome run() {
    if (auto connected = client_.connect(); !connected) return tl::make_unexpected(std::move(connected.error()));
    // Asked once, so that a name which does not exist is an error and not an endless wait. The topic tells the rest.
    auto known = client_.call({"getRollout", {{"rollout", options_.rollout}}});
    if (!known) return tl::make_unexpected(std::move(known.error()));
    if (auto ended = take(*known); !ended || *ended) return finished(std::move(ended));
    if (auto subscribed = client_.subscribe(topic_); !subscribed) {
      return tl::make_unexpected(std::move(subscribed.error()));
    }
    for (;;) {
      if (Clock::now() >= deadline_) return timed_out();
      auto message = client_.next_message(std::min(deadline_, Clock::now() + redraw_interval));
      if (!message) {
        if (message.error().kind != ErrorKind::unreachable) return tl::make_unexpected(std::move(message.error()));
        if (auto again = reconnect(message.error().message); !again) {
          return tl::make_unexpected(std::move(again.error()));
        }
      } else if (!*message || (*message)->topic != topic_ || (*message)->payload.empty()) {
        display_.tick();
      } else if (auto ended = take(std::string(ByteView((*message)->payload).text())); !ended || *ended) {
        return finished(std::move(ended));
      }
    }
  }

 private:
  using Ended = tl::expected<std::optional<ExitCode>, Error>;

  // Shows a status; whether it ends the watch, and how.
  Ended take(const std::string& json) {
    auto view = decode_rollout(json);
    if (!view) return tl::make_unexpected(std::move(view.error()));
    display_.show(*view, json);
    return watch_end(view->state, options_);
  }

  // REQUIRES: `ended` holds an exit code or an error.
  Outcome finished(Ended&& ended) {
    if (!ended) return tl::make_unexpected(std::move(ended.error()));
    display_.finish();
    return **ended;
  }

  // Tries until it works or the time is up, with growing, jittered pauses.
  tl::expected<void, Error> reconnect(const std::string& why) {
    display_.trouble(why + "; connecting again");
    std::minstd_rand jitter(std::random_device{}());
    for (auto pause = backoff_first;; pause = std::min(pause * 2, backoff_max)) {
      const auto wait = milliseconds(std::uniform_int_distribution<long>(pause.count() / 2, pause.count())(jitter));
      if (Clock::now() + wait >= deadline_) return tl::make_unexpected(timed_out().error());
      std::this_thread::sleep_for(wait);
      auto connected = client_.connect();
      if (connected) return {};
      const auto kind = connected.error().kind;
      if (kind != ErrorKind::unreachable && kind != ErrorKind::timeout && kind != ErrorKind::io) return connected;
    }
  }

  [[nodiscard]] Outcome timed_out() const {
    return tl::make_unexpected(Error{
        ErrorKind::timeout, "the time is up and " + options_.rollout + " is " + display_.last_state() +
                                ": it goes on without this watch; see musterctl rollout status " + options_.rollout});
  }

  const WatchOptions& options_;
  ControlClient client_;
  Display display_;
  std::string topic_;
  Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace

std::optional<ExitCode> watch_end(const std::string& state, const WatchOptions& options) {
  const std::vector<std::string> completed{"completed"};
  const auto& until = options.until.empty() ? completed : options.until;
  if (contains(until, state)) return ExitCode::ok;
  // These two come after a halt and after a completion, so waiting for them looks past both.
  const bool waits_for_abort = contains(until, "aborted") || contains(until, "reverting");
  if (state == "halted" && !options.through_halts && !waits_for_abort) return ExitCode::rollout_halted;
  if (state == "aborted") return ExitCode::rollout_aborted;
  if (state == "completed" && !waits_for_abort) return ExitCode::rollout_completed;
  return std::nullopt;
}

Outcome rollout_watch(const Connection& connection, const WatchOptions& options, const Terminal& terminal) {
  return Watch(connection, options, terminal).run();
}

}  // namespace muster::ctl
