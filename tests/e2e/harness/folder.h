// A test's own folder, and small helpers for the files in it. Tests only; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster::e2e {

// Made by mkdtemp, removed with everything in it when the object dies, unless MUSTER_KEEP is set in the environment.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  [[nodiscard]] std::string make_folder(std::string_view name) const;

 private:
  std::string path_;
};

void write_text(const std::string& path, std::string_view text);
[[nodiscard]] std::string read_text(const std::string& path);  // empty when there is none
[[nodiscard]] std::vector<std::string> files_below(const std::string& folder);
// The sum of all files' sizes.
[[nodiscard]] std::uint64_t bytes_below(const std::string& folder);
[[nodiscard]] bool exists(const std::string& path);
void truncate_file(const std::string& path, std::uint64_t size);
// Turns over one bit of the byte at `offset`.
void flip_bit(const std::string& path, std::uint64_t offset);
[[nodiscard]] std::uint64_t size_of(const std::string& path);
// Bytes that no compression shortens, the same for the same seed.
[[nodiscard]] std::string noise(std::size_t size, std::uint32_t seed);

}  // namespace muster::e2e
