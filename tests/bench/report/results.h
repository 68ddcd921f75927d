// The results of one run: the machine and all measures, as the JSON file that scripts/bench writes. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/lib/measure.h"
#include "tests/bench/report/machine.h"

namespace muster::bench {

struct Results {
  std::string date;    // UTC, YYYY-MM-DD
  std::string commit;  // what was measured, as git names it; may be empty
  int rounds = 0;
  bool quick = false;
  Machine machine;
  std::vector<Measure> measures;
};

[[nodiscard]] std::string to_json(const Results& results);

// What is wrong with a text that is no such file, or the results.
struct ParsedResults {
  Results results;
  std::string fault;
};
[[nodiscard]] ParsedResults parse_results(std::string_view json);

// Adds the measures of a bench program's output, one a line. What is wrong, or empty; then nothing of it was added.
[[nodiscard]] std::string add_lines(std::string_view lines, std::vector<Measure>& measures);

}  // namespace muster::bench
