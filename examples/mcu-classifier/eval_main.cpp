// muster-classifier-eval: how good a model file is on the windows that no training has seen, as JSON: the evidence that
// a release carries. Exits 1 for a file that is no model, and for one below --min-accuracy.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "examples/mcu-classifier/evaluation.h"
#include "host/files.h"

namespace muster::classifier {
namespace {

nlohmann::ordered_json to_json(const Model& model, const Confusion& confusion) {
  nlohmann::ordered_json json;
  json["windows"] = confusion.windows();
  json["accuracy_permille"] = static_cast<std::uint64_t>(confusion.right()) * 1000 / confusion.windows();
  const int permille = self_test(model);
  json["self_test_permille"] = permille >= 0 ? nlohmann::ordered_json(permille) : nlohmann::ordered_json(nullptr);
  auto& matrix = json["confusion"];
  for (unsigned was = 0; was < motor_count; ++was) {
    for (unsigned answered = 0; answered < motor_count; ++answered) {
      matrix[name_of(static_cast<Motor>(was))][name_of(static_cast<Motor>(answered))] = confusion.counts[was][answered];
    }
  }
  return json;
}

int run(const std::string& path, unsigned permille_min) {
  const auto bytes = host::read_file(path, model_size_max);
  if (!bytes) {
    std::cerr << "muster-classifier-eval: " << bytes.error().message << "\n";
    return 1;
  }
  Model model;
  if (const int wrong = load_model(*bytes, model); wrong != model_ok) {
    std::cerr << "muster-classifier-eval: " << path
              << " is no model that the board would load: " << name_of(static_cast<ModelError>(wrong)) << "\n";
    return 1;
  }
  const auto confusion = confusion_of(make_examples(held_out_seed, held_out_windows), model);
  const auto json = to_json(model, confusion);
  std::cout << json.dump(2) << "\n";
  if (json["accuracy_permille"].get<unsigned>() >= permille_min) return 0;
  std::cerr << "muster-classifier-eval: right in " << json["accuracy_permille"] << " of 1000 windows; at least "
            << permille_min << " were asked for\n";
  return 1;
}

}  // namespace
}  // namespace muster::classifier

int main(int argc, char** argv) {
  std::string path;
  unsigned permille_min = 0;
  CLI::App app("Prints how good a model file of the vibration classifier is, as JSON.", "muster-classifier-eval");
  app.add_option("--min-accuracy", permille_min, "per mille; exit 1 below it")
      ->check(CLI::Range(0U, 1000U))
      ->capture_default_str();
  app.add_option("model", path, "the model file")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return muster::classifier::run(path, permille_min);
}
