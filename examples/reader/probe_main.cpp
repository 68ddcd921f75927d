// reader-probe: the agent's exec probe for the model plane. Loads the slot's model, reads the golden labels with it and
// exits 0 when the model serves; else 1 and one sentence on stderr, which the agent reports. Wrong usage exits 2.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "examples/reader/model_slot.h"
#include "examples/reader/rehearsal.h"
#include "examples/reader/score.h"

namespace muster::reader {
namespace {

// Above what a model of a sister language makes of the labels, and far below what one that reads nothing makes: the
// probe asks whether the model serves at all, guardrails ask how well.
constexpr double edits_per_hundred_max = 25;
constexpr std::chrono::milliseconds probe_time_limit{25000};

// Runs in a child, as a damaged model may take its process down.
tl::expected<void, Error> replay_golden_labels(const std::string& model, const std::vector<Label>& labels,
                                               double limit) {
  auto recogniser = Recogniser::load(model);
  if (!recogniser) return tl::unexpected(std::move(recogniser.error()));
  std::vector<Reading> readings;
  for (const auto& label : labels) {
    auto reading = read_label(*recogniser, label);
    if (!reading) return tl::unexpected(std::move(reading.error()));
    readings.push_back(std::move(*reading));
  }
  const auto found = edits_per_hundred(readings);
  if (found <= limit) return {};
  char text[160];
  std::snprintf(text, sizeof text,
                "the model reads the golden labels with %.1f edits per hundred characters; at most %.1f are allowed",
                found, limit);
  return tl::unexpected(Error{ErrorKind::invalid, text});
}

tl::expected<void, Error> probe(const std::string& slot, const std::string& labels_dir, double limit) {
  auto model = find_model(slot);
  if (!model) return tl::unexpected(std::move(model.error()));
  std::error_code ignored;
  const auto own = slot + "/golden";
  auto labels = load_labels(std::filesystem::is_directory(own, ignored) ? own : labels_dir);
  if (!labels) return tl::unexpected(std::move(labels.error()));
  return rehearse([&] { return replay_golden_labels(*model, *labels, limit); }, probe_time_limit);
}

}  // namespace
}  // namespace muster::reader

int main(int argc, char** argv) {
  muster::reader::limit_threads(argv);
  std::string slot;
  std::string labels;
  double limit = muster::reader::edits_per_hundred_max;
  CLI::App app("Loads the slot's model and reads the golden labels with it; exits 0 when the model serves, 1 when not.",
               "reader-probe");
  app.add_option(
         "--labels", labels,
         "golden labels, NAME.png with known texts NAME.txt, for releases without a golden/ folder of their own")
      ->required();
  app.add_option("--max-edits", limit, "most edits per hundred characters")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_option("slot", slot, "the model slot; the agent adds its path")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const auto outcome = muster::reader::probe(slot, labels, limit);
  if (outcome) return 0;
  std::cerr << "reader-probe: " << outcome.error().message << "\n";
  return 1;
}
