// A folder that is made whole or not at all: filled under a temporary name beside its place, then moved there by one
// rename. Linux; one thread.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "host/error.h"

namespace muster::ctl {

class TemporaryFolder {
 public:
  // Makes a fresh folder (mode 0700) beside `target`, whose parent folders are made when missing.
  [[nodiscard]] static tl::expected<TemporaryFolder, Error> make(const std::string& target);
  // Removes the folder with what is in it, unless it was moved to its place.
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  // Syncs the folder and moves it to its place with `mode`. REQUIRES: files in it are synced. Fails with kind exists
  // when something other than an empty folder is there.
  [[nodiscard]] tl::expected<void, Error> move_into_place(unsigned mode);

 private:
  TemporaryFolder(std::string target, std::string path) : target_(std::move(target)), path_(std::move(path)) {}

  std::string target_;
  std::string path_;
};

}  // namespace muster::ctl
