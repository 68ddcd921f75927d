// What a running process takes of the machine, and whether that grows: a line through many looks, not one difference.
// Tests only; any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace muster::e2e {

struct Footprint {
  std::uint64_t pss_bytes = 0;
  std::uint64_t own_bytes = 0;  // private and dirty: heap and stacks, without what the page cache holds of files
  std::size_t files = 0;        // open descriptors
  std::size_t threads = 0;
};
// As /proc tells it; all zero when there is no such process.
[[nodiscard]] Footprint footprint_of(pid_t pid);

// Looks at one quantity after so much work.
class Trend {
 public:
  void add(double work, double value) { points_.push_back({work, value}); }
  // How much the value grows with each unit of work, by least squares over the looks after the first `warm_up` of them
  // (a share from 0 to 1): caches fill and arenas grow at first, in any program.
  [[nodiscard]] double slope(double warm_up) const;
  // "first 8.1 MiB, after warm-up 9.0 MiB, last 9.0 MiB".
  [[nodiscard]] std::string summary(double warm_up) const;

 private:
  struct Point {
    double work, value;
  };
  [[nodiscard]] std::size_t first_after(double warm_up) const;
  std::vector<Point> points_;
};

}  // namespace muster::e2e
