// Log lines for people, bounded in rate: whoever can make a program log can not fill its disk.
// `Log` is thread-safe; where its lines go is the program's choice (stderr, mosquitto_log_printf).
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace muster::host {

enum class LogLevel : unsigned char { debug, info, warning, error };

class Log {
 public:
  using Sink = std::function<void(LogLevel, const std::string& line)>;

  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  // `clock` is for tests, which do not wait for minutes.
  explicit Log(Sink sink, LogLevel least = LogLevel::info, Clock clock = std::chrono::steady_clock::now);

  void write(LogLevel level, const std::string& line);

  // At most `per_minute_max` lines a minute for each `topic`; what was held back is counted and said with the next line let
  // through ("… (17 more like this)"). Beyond 256 topics within a minute, new ones share one budget.
  void write_bounded(LogLevel level, std::string_view topic, const std::string& line);

 private:
  struct Budget {
    std::chrono::steady_clock::time_point minute_start{};
    unsigned written = 0;
    unsigned held_back = 0;
  };
  static constexpr unsigned per_minute_max = 10;
  static constexpr std::size_t topics_max = 256;

  Budget& budget_of(std::string_view topic, std::chrono::steady_clock::time_point now);

  Sink sink_;
  LogLevel least_;
  Clock clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Budget> budgets_;
};

// "2026-11-21T10:00:00Z warning line" to stderr, one write a line.
[[nodiscard]] Log::Sink stderr_sink();

}  // namespace muster::host
