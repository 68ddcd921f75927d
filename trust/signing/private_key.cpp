#include "trust/signing/private_key.h"

#include <mbedtls/platform_util.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "host/files.h"
#include "trust/signing/mbedtls_compat.h"

namespace muster::trust {

namespace {

constexpr std::size_t key_file_len_max = 16 * 1024;

tl::unexpected<Error> failure(ErrorKind kind, std::string message) {
  return tl::unexpected(Error{kind, std::move(message)});
}

// A private key that others can read is no secret, and one that they can write is not ours.
tl::expected<void, Error> check_mode(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    const int error = errno;
    return failure(error == ENOENT ? ErrorKind::not_found : ErrorKind::io,
                   "cannot open the private key " + path + ": " + std::strerror(error));
  }
  if ((status.st_mode & 077) == 0) return {};
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(status.st_mode & 07777));
  return failure(ErrorKind::untrusted, "the private key " + path + " is open to others than its owner (mode " + mode +
                                           "); run: chmod 600 " + path);
}

}  // namespace

PrivateKey::PrivateKey() {
  mbedtls_pk_init(&context_);
}

PrivateKey::~PrivateKey() {
  mbedtls_pk_free(&context_);
}

PrivateKey::PrivateKey(PrivateKey&& other) noexcept : context_(other.context_) {
  mbedtls_pk_init(&other.context_);
}

PrivateKey& PrivateKey::operator=(PrivateKey&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}

tl::expected<PrivateKey, Error> PrivateKey::generate() {
  PrivateKey key;
  int code = mbedtls_pk_setup(&key.context_, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
  if (code == 0) code = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, key.pair(), compat::system_random, nullptr);
  if (code != 0) return failure(ErrorKind::internal, "cannot make a key: " + compat::reason(code));
  return key;
}

tl::expected<PrivateKey, Error> PrivateKey::load(const std::string& path) {
  if (auto mode = check_mode(path); !mode) return tl::unexpected(std::move(mode).error());
  auto text = host::read_file(path, key_file_len_max);
  if (!text) return tl::unexpected(std::move(text).error().with_context("reading a private key"));
  text->reserve(text->size() + 1);  // no second copy of a secret
  text->push_back('\0');
  PrivateKey key;
  const int code = compat::parse_private_key(&key.context_, text->data(), text->size());
  mbedtls_platform_zeroize(text->data(), text->size());
  if (code != 0) return failure(ErrorKind::invalid, path + " is no PEM private key: " + compat::reason(code));
  if (mbedtls_pk_can_do(&key.context_, MBEDTLS_PK_ECDSA) == 0 ||
      key.pair()->MBEDTLS_PRIVATE(grp).id != MBEDTLS_ECP_DP_SECP256R1) {
    return failure(ErrorKind::invalid, path + " holds another kind of key; only ECDSA keys on curve P-256 are used");
  }
  if (compat::check_own_pair(key.pair()) != 0) {
    return failure(ErrorKind::invalid, path + " is damaged: its public half does not belong to its private half");
  }
  return key;
}

tl::expected<void, Error> PrivateKey::save(const std::string& path) const {
  unsigned char text[1024] = {};
  const int code = mbedtls_pk_write_key_pem(&context_, text, sizeof text);
  if (code != 0) return failure(ErrorKind::internal, "cannot write a key as PEM: " + compat::reason(code));
  auto written = host::write_new_file(path, ByteView(text, std::strlen(reinterpret_cast<const char*>(text))), 0600);
  mbedtls_platform_zeroize(text, sizeof text);
  return written;
}

PublicPoint PrivateKey::point() const {
  PublicPoint point{};
  std::size_t len = 0;
  const auto* key = pair();
  const int code = mbedtls_ecp_point_write_binary(&key->MBEDTLS_PRIVATE(grp), &key->MBEDTLS_PRIVATE(Q),
                                                  MBEDTLS_ECP_PF_UNCOMPRESSED, &len, point.data(), point.size());
  // A valid pair on P-256 always fits; anything else is a bug in this file.
  if (code != 0 || len != point.size()) std::abort();
  return point;
}

}  // namespace muster::trust
