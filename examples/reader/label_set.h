// Label images with their known texts, as label-maker writes them: NAME.png beside NAME.txt. Reads a folder; any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"

namespace muster::reader {

inline constexpr std::size_t labels_max = 256;
inline constexpr std::size_t label_text_len_max = 4096;  // bytes

struct Label {
  std::string name;
  std::string image_path;  // a PNG file
  std::string known;       // its text as one line, UTF-8, not empty
};

// The labels of `folder` by name. At least one; an error names the file that is missing, empty or too long.
[[nodiscard]] tl::expected<std::vector<Label>, Error> load_labels(const std::string& folder);

}  // namespace muster::reader
