// label-maker: writes the demo's label images and their known texts, the same files at every run.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "examples/reader/label_image.h"
#include "examples/reader/label_texts.h"

namespace muster::reader {
namespace {

namespace fs = std::filesystem;

tl::expected<void, Error> make_label(const LabelText& label, const fs::path& folder) {
  const auto stem = folder / label.name;
  if (auto drawn = draw_label(label.lines, stem.string() + ".png"); !drawn) return drawn;
  std::ofstream text(stem.string() + ".txt", std::ios::binary);
  for (const auto line : label.lines) text << line << "\n";
  text.close();
  if (!text)
    return tl::unexpected(
        Error{ErrorKind::io, "cannot write " + stem.string() + ".txt: is the folder writable and not full?"});
  return {};
}

tl::expected<void, Error> make_labels(const std::string& region, const std::string& out) {
  std::error_code failure;
  fs::create_directories(out, failure);
  if (failure) return tl::unexpected(Error{ErrorKind::io, "cannot make the folder " + out + ": " + failure.message()});
  for (const auto& label : label_texts(region)) {
    if (auto made = make_label(label, out); !made) return made;
  }
  return {};
}

}  // namespace
}  // namespace muster::reader

int main(int argc, char** argv) {
  std::string region;
  std::string out;
  CLI::App app("Writes label images NAME.png with their known texts NAME.txt.", "label-maker");
  app.add_option("--region", region, "us: English labels; de: German ones with umlauts")
      ->required()
      ->check(CLI::IsMember({"us", "de"}));
  app.add_option("--out", out, "folder to write to; made when missing")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const auto made = muster::reader::make_labels(region, out);
  if (made) return 0;
  std::cerr << "label-maker: " << made.error().message << "\n";
  return 1;
}
