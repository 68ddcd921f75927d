// A small file system of the test's own, which can be filled and emptied while programs use it. It is mounted in a
// mount namespace of the test program, so that it goes with the program however that ends; unmounted by the destructor.
// Where nothing may be mounted the test fails and says so: a full disk can not be shown without one. Tests only; one
// thread.
#pragma once

#include <cstdint>
#include <string>

namespace muster::e2e {

class Disk {
 public:
  // Over `folder`, which is made. `files_max`: of files and folders; 0: as many as there is room for.
  Disk(std::string folder, std::uint64_t bytes, std::uint64_t files_max = 0);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::uint64_t free_bytes() const;
  // Leaves at most `left` bytes free, by a file that belongs to nobody; a second call fills up again what was freed.
  void fill(std::uint64_t left = 0);
  // Frees `bytes` of what was filled; all of it when that is less.
  void give_back(std::uint64_t bytes);
  void give_back();

 private:
  [[nodiscard]] std::string filler() const { return folder_ + "/filler"; }
  std::string folder_;
  bool mounted_ = false;
};

}  // namespace muster::e2e
