// The evidence files of one release, found by the names that a policy gives them. One thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"
#include "operator/digested_file.h"

namespace muster::ctl {

class EvidenceSet {
 public:
  using Read = std::function<tl::expected<std::string, Error>(const DigestedFile&)>;

  // `read` gives a file's bytes; it is called for files of at most judged_file_len_max bytes.
  EvidenceSet(std::vector<DigestedFile> files, Read read) : files_(std::move(files)), read_(std::move(read)) {}

  // The file of this name, or the only one whose path ends with it: "benchmark.json" finds "evidence/benchmark.json".
  // Null when there is none, or when there are several, which `several` then names.
  [[nodiscard]] const DigestedFile* find(std::string_view name, std::string& several) const;

  [[nodiscard]] tl::expected<std::string, Error> read(const DigestedFile& file) const { return read_(file); }
  [[nodiscard]] const std::vector<DigestedFile>& files() const { return files_; }

 private:
  std::vector<DigestedFile> files_;
  Read read_;
};

}  // namespace muster::ctl
