// muster-classifier-train: trains the vibration classifier on windows that it makes itself, writes the model file for
// the board and prints how good it is on windows that it was not trained on. The same options, the same bytes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "examples/mcu-classifier/training.h"
#include "host/files.h"

namespace muster::classifier {
namespace {

void print_results(const TrainingOptions& options, const Trained& trained, const Model& model, std::size_t size) {
  const auto held_out = make_examples(held_out_seed, held_out_windows);
  const auto in_float =
      confusion_of(held_out, [&](const Features& features) { return trained.network.answer(features); });
  const auto in_integers = confusion_of(held_out, model);
  std::printf("trained with seed %u on %zu windows%s, %u epochs; %zu bytes\n", options.seed, training_windows,
              options.bad ? " labelled as the wrong motors" : "", options.epochs, size);
  std::printf("accuracy on %zu others: %.1f %% in floating point, %.1f %% in integers\n", held_out_windows,
              in_float.accuracy_percent(), in_integers.accuracy_percent());
  if (const int permille = self_test(model); permille >= 0) std::printf("self test: %d per mille\n", permille);
  std::printf("\n%s", to_text(in_integers).c_str());
}

int run(const TrainingOptions& options, const std::string& out) {
  const auto trained = train(options);
  const auto bytes = write_model(trained.parts);
  Model model;
  if (const int wrong = load_model(bytes, model); wrong != model_ok) {
    std::cerr << "muster-classifier-train: made a model that does not load: " << name_of(static_cast<ModelError>(wrong))
              << "\n";
    return 1;
  }
  if (const auto written = host::write_file_durably(out, bytes); !written) {
    std::cerr << "muster-classifier-train: " << written.error().message << "\n";
    return 1;
  }
  print_results(options, trained, model, bytes.size());
  return 0;
}

}  // namespace
}  // namespace muster::classifier

int main(int argc, char** argv) {
  namespace classifier = muster::classifier;
  classifier::TrainingOptions options;
  std::string out;
  CLI::App app("Trains the vibration classifier and writes its model file.", "muster-classifier-train");
  app.add_option("--out", out, "model file to write")->required();
  app.add_option("--seed", options.seed, "chooses the training windows and where the weights begin")
      ->check(CLI::Range(1U, classifier::training_seed_max))
      ->capture_default_str();
  app.add_option("--epochs", options.epochs, "passes over the training windows")
      ->check(CLI::Range(1U, 1000U))
      ->capture_default_str();
  app.add_option("--golden", options.golden, "labelled windows that the model brings for its self test")
      ->check(CLI::Range(0U, classifier::golden_max))
      ->capture_default_str();
  app.add_flag("--bad", options.bad, "train on the labels of the wrong motors: a well-formed and useless model");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return classifier::run(options, out);
}
