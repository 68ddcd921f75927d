// The workload of the demo's boards, posix and mps2-an385 alike: takes the model of the active release, judges a window
// of vibration every few milliseconds, and tells the client how it went. Freestanding C++17, no heap; the thread that
// polls the client.
#pragma once

#include <cstdint>

#include "examples/mcu-classifier/monitor.h"
#include "mcu-client/include/client.h"

namespace muster::classifier {

inline constexpr const char* model_file_name = "model.mcls";

struct BoardAppSetup {
  const std::uint8_t* flash = nullptr;     // where the port's flash offset 0 is mapped for reading
  std::uint64_t (*uptime_us)() = nullptr;  // for durations; never goes back
  std::uint32_t seed = 1;                  // of the motor that this board watches
  std::uint32_t interval_ms = 20;          // between two windows
  bool sensor_works = true;                // false plays a board whose sensor does not start
  const char* version = "";
};

class BoardApp {
 public:
  explicit BoardApp(const BoardAppSetup& setup);

  // What the client is made with.
  [[nodiscard]] const mcu::Application& application() const { return application_; }
  // One round, between two calls of poll(); returns at once when no window is due.
  void turn(mcu::Client& client, std::uint64_t now_ms);

  enum Metric : std::uint32_t { accuracy, degraded, metric_count };  // names in metric_names

 private:
  void reload(const mcu::Client& client);

  BoardAppSetup setup_;
  mcu::Application application_;
  mcu::Check checks_[2];
  Monitor monitor_;
  mcu::WorkloadMode mode_ = mcu::WorkloadMode::normal;
  bool reload_due_ = true, model_good_ = true;
  std::uint32_t window_ = 0;
  std::uint64_t next_ms_ = 0;
};

}  // namespace muster::classifier
