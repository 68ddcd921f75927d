#include "examples/reader/once.h"

#include <nlohmann/json.hpp>

#include "examples/reader/model_slot.h"
#include "examples/reader/rehearsal.h"
#include "examples/reader/score.h"

namespace muster::reader {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value) {
  return static_cast<double>(static_cast<long long>(value * 1000 + 0.5)) / 1000;
}

std::string to_json(const std::string& model, double load_time_ms, const std::vector<Reading>& readings) {
  std::size_t edits = 0;
  std::size_t characters = 0;
  Json labels = Json::array();
  for (const auto& reading : readings) {
    edits += reading.edits;
    characters += reading.characters;
    labels.push_back({{"label", reading.label},
                      {"text", reading.text},
                      {"ms", rounded(reading.ms)},
                      {"edits", reading.edits},
                      {"characters", reading.characters}});
  }
  const Json report = {{"model", model},
                       {"runtime_version", Recogniser::runtime_version()},
                       {"load_time_ms", rounded(load_time_ms)},
                       {"p50_ms", rounded(percentile_ms(readings, 50))},
                       {"p95_ms", rounded(percentile_ms(readings, 95))},
                       {"peak_ram_mb", rounded(peak_ram_mb())},
                       {"edit_distance", rounded(edits_per_hundred(readings))},
                       {"edits", edits},
                       {"characters", characters},
                       {"labels", labels}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

tl::expected<std::string, Error> read_once(const std::string& model_dir, const std::vector<Label>& labels) {
  auto path = find_model(model_dir);
  if (!path) return tl::unexpected(std::move(path.error()));
  if (auto rehearsed = rehearse_load(*path); !rehearsed) return tl::unexpected(std::move(rehearsed.error()));
  auto recogniser = Recogniser::load(*path);
  if (!recogniser) return tl::unexpected(std::move(recogniser.error()));
  std::vector<Reading> readings;
  for (const auto& label : labels) {
    auto reading = read_label(*recogniser, label);
    if (!reading) return tl::unexpected(std::move(reading.error()));
    readings.push_back(std::move(*reading));
  }
  return to_json(*path, recogniser->load_time_ms(), readings);
}

}  // namespace muster::reader
