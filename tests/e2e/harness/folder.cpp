#include "tests/e2e/harness/folder.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <system_error>

namespace muster::e2e {

namespace fs = std::filesystem;

Folder::Folder() {
  path_ = (fs::temp_directory_path() / "muster-e2e-XXXXXX").string();
  if (::mkdtemp(path_.data()) == nullptr) path_.clear();
}

Folder::~Folder() {
  std::error_code ignored;
  if (path_.empty() || std::getenv("MUSTER_KEEP") != nullptr) return;
  fs::remove_all(path_, ignored);
}

std::string Folder::make_folder(std::string_view name) const {
  fs::create_directories(file(name));
  return file(name);
}

void write_text(const std::string& path, std::string_view text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored) && !entry.is_symlink(ignored)) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::uint64_t bytes_below(const std::string& folder) {
  std::uint64_t sum = 0;
  for (const auto& file : files_below(folder)) sum += size_of(file);
  return sum;
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void truncate_file(const std::string& path, std::uint64_t size) {
  fs::resize_file(path, size);
}

void flip_bit(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 0x10));
}

std::uint64_t size_of(const std::string& path) {
  std::error_code failed;
  const auto size = fs::file_size(path, failed);
  return failed ? 0 : size;
}

std::string noise(std::size_t size, std::uint32_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes;
  bytes.reserve(size + 8);
  while (bytes.size() < size) {
    const auto word = random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace muster::e2e
