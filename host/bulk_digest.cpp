#include "host/bulk_digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

namespace muster::host {

// libcrypto's digest functions fail only for want of memory, which everywhere else in the program is std::bad_alloc
// too.
struct BulkDigest::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  Impl() {
    if (context == nullptr) throw std::bad_alloc();
    start();
  }
  ~Impl() { EVP_MD_CTX_free(context); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start() { check(EVP_DigestInit_ex(context, EVP_sha256(), nullptr)); }
  static void check(int result) {
    if (result != 1) throw std::bad_alloc();
  }
};

BulkDigest::BulkDigest() : impl_(std::make_unique<Impl>()) {}
BulkDigest::~BulkDigest() = default;
BulkDigest::BulkDigest(BulkDigest&&) noexcept = default;
BulkDigest& BulkDigest::operator=(BulkDigest&&) noexcept = default;

void BulkDigest::update(ByteView bytes) {
  Impl::check(EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()));
}

Sha256 BulkDigest::finish() {
  Sha256 digest;
  unsigned len = 0;
  Impl::check(EVP_DigestFinal_ex(impl_->context, digest.bytes.data(), &len));
  impl_->start();
  return digest;
}

namespace {

// Adds a whole file to the digest and its size to `size`.
tl::expected<void, Error> add_file(const std::string& path, BulkDigest& digest, std::uint64_t& size) {
  const auto failure = [&path](const char* doing) {
    const int error = errno;
    const auto kind = error == ENOENT || error == ENOTDIR ? ErrorKind::not_found : ErrorKind::io;
    return tl::unexpected(Error{kind, std::string("cannot ") + doing + " " + path + ": " + std::strerror(error)});
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failure("open");

  constexpr std::size_t step = 256 * 1024;
  std::vector<std::uint8_t> block(step);
  for (;;) {
    const auto got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      auto error = failure("read");
      ::close(fd);
      return error;
    }
    if (got == 0) break;
    digest.update(ByteView(block.data(), static_cast<std::size_t>(got)));
    size += static_cast<std::uint64_t>(got);
  }
  ::close(fd);
  return {};
}

}  // namespace

tl::expected<FileDigest, Error> digest_file(const std::string& path) {
  return digest_files({path});
}

tl::expected<FileDigest, Error> digest_files(const std::vector<std::string>& paths) {
  BulkDigest digest;
  FileDigest result;
  for (const auto& path : paths) {
    if (auto added = add_file(path, digest, result.size); !added) return tl::unexpected(std::move(added.error()));
  }
  result.sha256 = digest.finish();
  return result;
}

}  // namespace muster::host
