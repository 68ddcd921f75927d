#include "examples/reader/score.h"

#include <algorithm>
#include <chrono>
#include <fstream>

#include "examples/reader/edit_distance.h"

namespace muster::reader {

tl::expected<Reading, Error> read_label(Recogniser& recogniser, const Label& label) {
  const auto start = std::chrono::steady_clock::now();
  auto text = recogniser.read(label.image_path);
  if (!text) return tl::unexpected(std::move(text.error()));
  Reading reading;
  reading.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  reading.label = label.name;
  reading.text = text->substr(0, label_text_len_max);
  reading.edits = edit_distance(label.known, reading.text);
  reading.characters = code_point_count(label.known);
  return reading;
}

double edits_per_hundred(const std::vector<Reading>& readings) {
  std::size_t edits = 0;
  std::size_t characters = 0;
  for (const auto& reading : readings) {
    edits += reading.edits;
    characters += reading.characters;
  }
  return characters == 0 ? 0 : 100.0 * static_cast<double>(edits) / static_cast<double>(characters);
}

double percentile_ms(const std::vector<Reading>& readings, unsigned percent) {
  if (readings.empty()) return 0;
  std::vector<double> times;
  times.reserve(readings.size());
  for (const auto& reading : readings) times.push_back(reading.ms);
  std::sort(times.begin(), times.end());
  const auto rank = (times.size() * percent + 99) / 100;
  return times[std::clamp<std::size_t>(rank, 1, times.size()) - 1];
}

double peak_ram_mb() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    double kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib / 1024;
  }
  return 0;
}

}  // namespace muster::reader
