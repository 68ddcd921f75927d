#include "host/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <memory>

#include "host/files.h"

namespace muster::host {
namespace {

constexpr std::size_t file_len_max = 256 * 1024;
constexpr unsigned ca_certificates_max = 100;
constexpr int chain_len_max = 10;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* thing) const {
    static_cast<void>(Free(thing));
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using Verification = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;

struct FreedChain {
  void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
};

// What a reader of PEM left in the thread's queue is nobody's business afterwards.
struct ErrorsForgotten {
  ~ErrorsForgotten() { ERR_clear_error(); }
};

Bio reader_of(const Bytes& bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

Certificate next_certificate(BIO* from) {
  return Certificate(PEM_read_bio_X509(from, nullptr, nullptr, nullptr));
}

std::string text_of(const std::tm& utc) {
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

std::string text_of(const ASN1_TIME* time) {
  std::tm utc{};
  return ASN1_TIME_to_tm(time, &utc) == 1 ? text_of(utc) : "an unreadable time";
}

std::string clock_text(std::time_t now) {
  std::tm utc{};
  return ::gmtime_r(&now, &utc) == nullptr ? "an unknown time" : text_of(utc);
}

std::string time_trouble(const std::string& name, const X509& certificate, std::time_t now) {
  const auto* begin = X509_get0_notBefore(&certificate);
  const auto* end = X509_get0_notAfter(&certificate);
  const auto clock = ", and by the clock of this machine it is " + clock_text(now);
  if (X509_cmp_time(end, &now) <= 0)
    return name + " expired at " + text_of(end) + clock + ": issue a new one with musterctl cert, or set the clock";
  if (X509_cmp_time(begin, &now) > 0) return name + " is valid from " + text_of(begin) + clock + ": set the clock";
  return {};
}

// The certificates of `ca`; the first trouble with them in `trouble`. Null when it cannot be read.
Store authority(const std::string& ca, std::time_t now, std::string& trouble) {
  const auto bytes = read_file(ca, file_len_max);
  if (!bytes) {
    trouble = bytes.error().message;
    return {};
  }
  Store store(X509_STORE_new());
  const auto from = reader_of(*bytes);
  unsigned count = 0;
  while (store && count < ca_certificates_max) {
    const auto certificate = next_certificate(from.get());
    if (!certificate) break;
    if (trouble.empty()) trouble = time_trouble("the CA in " + ca, *certificate, now);
    X509_STORE_add_cert(store.get(), certificate.get());
    ++count;
  }
  if (count == 0) trouble = ca + " holds no PEM certificate";
  return store;
}

using Chain = std::unique_ptr<STACK_OF(X509), FreedChain>;

// What follows the certificate in its file: those that have signed it, up to one that the CA has signed.
Chain intermediates(BIO* from) {
  Chain chain(sk_X509_new_null());
  while (chain && sk_X509_num(chain.get()) < chain_len_max) {
    auto next = next_certificate(from);
    if (!next || sk_X509_push(chain.get(), next.get()) == 0) break;
    static_cast<void>(next.release());  // the chain's now
  }
  return chain;
}

std::string chain_trouble(const CertificateFiles& files, X509& certificate, STACK_OF(X509) * between, std::time_t now) {
  std::string trouble;
  const auto store = authority(files.ca, now, trouble);
  if (!store) return trouble.empty() ? "out of memory" : trouble;
  const Verification verification(X509_STORE_CTX_new());
  if (!verification || X509_STORE_CTX_init(verification.get(), store.get(), &certificate, between) != 1)
    return "out of memory";
  X509_STORE_CTX_set_time(verification.get(), 0, now);
  // One of several authorities may have expired: that is no trouble to those whom another one has signed.
  if (X509_verify_cert(verification.get()) == 1) return {};
  if (!trouble.empty()) return trouble;
  return files.cert + " was not signed by the CA in " + files.ca +
         ": issue it with the installation's own (musterctl cert)";
}

std::string key_trouble(const CertificateFiles& files, const X509& certificate) {
  if (auto trouble = private_key_trouble(files.key); !trouble.empty()) return trouble;
  const auto bytes = read_file(files.key, file_len_max);
  if (!bytes) return "the private key is missing or unreadable: " + bytes.error().message;
  const auto from = reader_of(*bytes);
  const Key key(PEM_read_bio_PrivateKey(from.get(), nullptr, nullptr, nullptr));
  if (!key) return files.key + " is no private key in PEM";
  if (X509_check_private_key(&certificate, key.get()) != 1)
    return files.key + " is not the private key of " + files.cert + ": copy both again";
  return {};
}

}  // namespace

std::string private_key_trouble(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || (status.st_mode & S_IRWXO) == 0) return {};
  std::array<char, 8> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", static_cast<unsigned>(status.st_mode & 07777));
  return "the private key " + path + " is open to everybody on this machine (mode " + mode.data() +
         "): chmod 600, and issue a new one if anybody else has been here";
}

std::string certificate_trouble(const CertificateFiles& files, std::uint64_t now_s) {
  const ErrorsForgotten forgotten;
  const auto now = static_cast<std::time_t>(now_s);
  const auto bytes = read_file(files.cert, file_len_max);
  if (!bytes) return "the certificate is missing or unreadable: " + bytes.error().message;
  const auto from = reader_of(*bytes);
  const auto certificate = next_certificate(from.get());
  if (!certificate) return files.cert + " is no PEM certificate";
  if (!files.key.empty()) {
    if (auto trouble = key_trouble(files, *certificate); !trouble.empty()) return trouble;
  }
  if (auto trouble = time_trouble("the certificate " + files.cert, *certificate, now); !trouble.empty()) return trouble;
  return files.ca.empty() ? std::string() : chain_trouble(files, *certificate, intermediates(from.get()).get(), now);
}

}  // namespace muster::host
