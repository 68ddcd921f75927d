// What the documents claim, checked against the tree: files they name exist, presets they use exist, constants that
// they give in bytes have that value, every folder explains itself. Tests only; pure, any thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/house/source_file.h"

namespace muster::house {

// What a document may refer to.
struct Claims {
  std::set<std::string> paths;                             // files and folders of the tree, without a slash at the end
  std::set<std::string> presets;                           // names in CMakePresets.json
  std::map<std::string, std::set<std::string>> constants;  // of headers: name to values, as they are written
};
[[nodiscard]] Claims claims_of(const std::vector<SourceFile>& tree);

// Paths in `backticks` and links to files that do not exist, presets nobody defined, "N bytes (`name`)" where no header
// says `name = N`. A path may be written from the
// root or from the document's folder. What a build or a demo makes (build/, demo-state/) and patterns (* { < …) are not
// looked at.
[[nodiscard]] std::vector<Finding> check_document(const SourceFile& document, const Claims& claims);

// Top-level folders that hold files but no README.md.
[[nodiscard]] std::vector<Finding> check_readmes(const std::vector<SourceFile>& tree);

}  // namespace muster::house
