#include "examples/reader/label_set.h"

#include <algorithm>
#include <filesystem>

#include "examples/reader/edit_distance.h"
#include "host/files.h"

namespace muster::reader {
namespace {

namespace fs = std::filesystem;

tl::expected<Label, Error> load_label(const fs::path& image) {
  auto text_path = image;
  text_path.replace_extension(".txt");
  auto text = host::read_file(text_path.string(), label_text_len_max);
  if (!text) return tl::unexpected(std::move(text.error()).with_context("the known text of " + image.string()));
  Label label{image.stem().string(), image.string(), one_line(ByteView(*text).text())};
  if (label.known.empty()) {
    return tl::unexpected(
        Error{ErrorKind::invalid, text_path.string() + " is empty: it must hold the label's known text"});
  }
  return label;
}

}  // namespace

tl::expected<std::vector<Label>, Error> load_labels(const std::string& folder) {
  std::error_code failure;
  fs::directory_iterator entries(folder, failure);
  if (failure) {
    return tl::unexpected(
        Error{ErrorKind::not_found, "cannot read the label folder " + folder + ": " + failure.message()});
  }
  std::vector<fs::path> images;
  for (auto end = fs::directory_iterator(); entries != end && !failure; entries.increment(failure)) {
    if (entries->path().extension() == ".png") images.push_back(entries->path());
    if (images.size() > labels_max) {
      return tl::unexpected(
          Error{ErrorKind::invalid, folder + " holds more than " + std::to_string(labels_max) + " labels: use fewer"});
    }
  }
  if (failure) return tl::unexpected(Error{ErrorKind::io, "reading the folder " + folder + ": " + failure.message()});
  if (images.empty()) {
    return tl::unexpected(
        Error{ErrorKind::not_found, folder + " holds no .png label: make some with label-maker --out " + folder});
  }
  std::sort(images.begin(), images.end());

  std::vector<Label> labels;
  for (const auto& image : images) {
    auto label = load_label(image);
    if (!label) return tl::unexpected(std::move(label.error()));
    labels.push_back(std::move(*label));
  }
  return labels;
}

}  // namespace muster::reader
