#include "host/log.h"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <utility>

namespace muster::host {

namespace {

constexpr auto minute = std::chrono::minutes(1);

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "?";
}

}  // namespace

Log::Log(Sink sink, LogLevel least, Clock clock) : sink_(std::move(sink)), least_(least), clock_(std::move(clock)) {}

void Log::write(LogLevel level, const std::string& line) {
  if (level < least_) return;
  const std::lock_guard lock(mutex_);
  sink_(level, line);
}

void Log::write_bounded(LogLevel level, std::string_view topic, const std::string& line) {
  if (level < least_) return;
  const std::lock_guard lock(mutex_);
  const auto now = clock_();
  auto& budget = budget_of(topic, now);
  if (now - budget.minute_start >= minute) {
    budget.minute_start = now;
    budget.written = 0;
  }
  if (budget.written >= per_minute_max) {
    ++budget.held_back;
    return;
  }
  ++budget.written;
  const unsigned held_back = std::exchange(budget.held_back, 0);
  sink_(level, held_back == 0 ? line : line + " (" + std::to_string(held_back) + " more like this)");
}

Log::Budget& Log::budget_of(std::string_view topic, std::chrono::steady_clock::time_point now) {
  std::string key(topic);
  if (const auto known = budgets_.find(key); known != budgets_.end()) return known->second;
  if (budgets_.size() >= topics_max) {
    // Whoever is silent for a minute and owes no count has nothing to remember.
    std::erase_if(budgets_, [&](const auto& entry) {
      return now - entry.second.minute_start >= minute && entry.second.held_back == 0;
    });
  }
  if (budgets_.size() >= topics_max) key.clear();  // the shared budget
  return budgets_.try_emplace(std::move(key), Budget{now, 0, 0}).first->second;
}

Log::Sink stderr_sink() {
  return [](LogLevel level, const std::string& line) {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    char stamp[32];
    const auto len = std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    std::string whole(stamp, len);
    whole.append(name_of(level)).append(" ").append(line).append("\n");
    // One write, so that lines of several processes on one terminal do not mix; a closed stderr is nobody's business.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, whole.data(), whole.size());
  };
}

}  // namespace muster::host
