#include "tests/e2e/harness/disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace muster::e2e {
namespace {

// Once a program: what is mounted from now on is seen by this thread and the processes it starts only.
bool own_mounts() {
  static const bool own =
      ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return own;
}

}  // namespace

Disk::Disk(std::string folder, std::uint64_t bytes, std::uint64_t files_max) : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
  std::string options = "size=" + std::to_string(bytes);
  if (files_max != 0) options += ",nr_inodes=" + std::to_string(files_max);
  mounted_ = own_mounts() && ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, options.c_str()) == 0;
  EXPECT_TRUE(mounted_) << "this test needs a small tmpfs of its own and may not mount one (" << std::strerror(errno)
                        << "): run it as root with CAP_SYS_ADMIN";
}

Disk::~Disk() {
  if (!mounted_) return;
  EXPECT_EQ(::umount2(folder_.c_str(), MNT_DETACH), 0) << folder_ << ": " << std::strerror(errno);
}

std::uint64_t Disk::free_bytes() const {
  struct statvfs status {};
  if (::statvfs(folder_.c_str(), &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

void Disk::fill(std::uint64_t left) {
  ASSERT_TRUE(mounted_);
  const int file = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0) << filler() << ": " << std::strerror(errno);
  // Whoever writes at the same time may take what was seen as free: then it is measured again.
  for (auto free = free_bytes(); free > left; free = free_bytes()) {
    struct stat status {};
    ASSERT_EQ(::fstat(file, &status), 0);
    static_cast<void>(::posix_fallocate(file, status.st_size, static_cast<off_t>(free - left)));
    struct statvfs page {};
    ASSERT_EQ(::statvfs(folder_.c_str(), &page), 0);
    if (free_bytes() < left + page.f_frsize) break;
  }
  ::close(file);
}

void Disk::give_back(std::uint64_t bytes) {
  struct stat status {};
  if (::stat(filler().c_str(), &status) != 0) return;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  ASSERT_EQ(::truncate(filler().c_str(), static_cast<off_t>(size - std::min(size, bytes))), 0);
}

void Disk::give_back() {
  ::unlink(filler().c_str());
}

}  // namespace muster::e2e
