// data_dir: made when missing, and locked, so that two agents never share one. Held for the life of the program.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "host/error.h"

namespace muster::edge {

class DataFolder {
 public:
  // ErrorKind::exists when another process has it.
  [[nodiscard]] static tl::expected<DataFolder, Error> lock(const std::string& path);

  DataFolder(DataFolder&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  DataFolder& operator=(DataFolder&&) = delete;
  ~DataFolder();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  DataFolder(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
};

}  // namespace muster::edge
