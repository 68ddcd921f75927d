#include "examples/reader/model_slot.h"

#include <filesystem>

namespace muster::reader {

namespace fs = std::filesystem;

tl::expected<std::string, Error> find_model(const std::string& slot) {
  std::error_code failure;
  fs::directory_iterator entries(slot, failure);
  if (failure) return tl::unexpected(Error{ErrorKind::not_found, "no slot at " + slot + ": " + failure.message()});
  std::string found;
  for (auto end = fs::directory_iterator(); entries != end && !failure; entries.increment(failure)) {
    if (entries->path().extension() != ".traineddata") continue;
    if (!found.empty()) {
      return tl::unexpected(
          Error{ErrorKind::invalid, slot + " holds more than one .traineddata file: a model release has exactly one"});
    }
    found = entries->path().string();
  }
  if (failure) return tl::unexpected(Error{ErrorKind::io, "reading the slot " + slot + ": " + failure.message()});
  if (found.empty()) {
    return tl::unexpected(
        Error{ErrorKind::invalid, slot + " holds no .traineddata file: a model release has exactly one"});
  }
  return found;
}

std::string slot_target(const std::string& slot) {
  std::error_code failure;
  const auto target = fs::canonical(slot, failure);
  return failure ? std::string() : target.string();
}

}  // namespace muster::reader
