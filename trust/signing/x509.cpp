#include "trust/signing/x509.h"

#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include "host/files.h"
#include "schemas/ids.h"
#include "trust/signing/certificate_extensions.h"
#include "trust/signing/mbedtls_compat.h"
#include "trust/signing/private_key.h"

namespace muster::trust {

namespace {

constexpr std::uint32_t days_max = 36500;
constexpr std::size_t certificate_file_len_max = 64 * 1024;
constexpr std::time_t clock_skew_s = 300;  // a device whose clock is a little behind accepts a fresh certificate

tl::unexpected<Error> failure(ErrorKind kind, std::string message) {
  return tl::unexpected(Error{kind, std::move(message)});
}
tl::unexpected<Error> mbedtls_failure(const std::string& doing, int code) {
  return failure(ErrorKind::internal, doing + ": " + compat::reason(code));
}

// mbedTLS's writer and reader, freed on every way out.
struct Writer {
  mbedtls_x509write_cert certificate;
  Writer() { mbedtls_x509write_crt_init(&certificate); }
  ~Writer() { mbedtls_x509write_crt_free(&certificate); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};
struct Certificate {
  mbedtls_x509_crt parsed;
  Certificate() { mbedtls_x509_crt_init(&parsed); }
  ~Certificate() { mbedtls_x509_crt_free(&parsed); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
};

// Everything that differs between the certificates made here.
struct Contents {
  std::string subject;  // distinguished names as mbedTLS reads them: "CN=gw-17"
  std::string issuer;
  std::string not_after;  // "YYYYMMDDhhmmss", UTC
  std::vector<Extension> extensions;
};

std::string x509_time(std::time_t when) {
  std::tm utc{};
  gmtime_r(&when, &utc);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y%m%d%H%M%S", &utc));
}

std::string time_in_days(std::uint32_t days) {
  return x509_time(std::time(nullptr) + std::time_t{days} * 24 * 60 * 60);
}

// "YYYYMMDDhhmmss" of a parsed time; the texts compare as the times do.
std::string x509_time(const mbedtls_x509_time& time) {
  char text[64];
  std::snprintf(text, sizeof text, "%04d%02d%02d%02d%02d%02d", time.year, time.mon, time.day, time.hour, time.min,
                time.sec);
  return text;
}

tl::expected<std::string, Error> write_pem(const Contents& contents, const PrivateKey& subject,
                                           const PrivateKey& issuer) {
  Writer writer;
  auto* certificate = &writer.certificate;
  std::array<unsigned char, 16> serial{};
  int code = compat::system_random(nullptr, serial.data(), serial.size());
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7F) | 0x40);  // positive, and never shorter than 16 bytes
  mbedtls_x509write_crt_set_version(certificate, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(certificate, MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(certificate, subject.get());
  mbedtls_x509write_crt_set_issuer_key(certificate, issuer.get());
  if (code == 0) code = compat::set_serial(certificate, serial.data(), serial.size());
  if (code == 0) code = mbedtls_x509write_crt_set_subject_name(certificate, contents.subject.c_str());
  if (code == 0) code = mbedtls_x509write_crt_set_issuer_name(certificate, contents.issuer.c_str());
  const auto not_before = x509_time(std::time(nullptr) - clock_skew_s);
  if (code == 0) code = mbedtls_x509write_crt_set_validity(certificate, not_before.c_str(), contents.not_after.c_str());
  for (const auto& extension : contents.extensions) {
    if (code != 0) break;
    code =
        mbedtls_x509write_crt_set_extension(certificate, extension.oid.data(), extension.oid.size(),
                                            extension.critical ? 1 : 0, extension.value.data(), extension.value.size());
  }
  if (code == 0) code = mbedtls_x509write_crt_set_subject_key_identifier(certificate);
  if (code == 0) code = mbedtls_x509write_crt_set_authority_key_identifier(certificate);
  std::vector<unsigned char> text(certificate_file_len_max);
  if (code == 0)
    code = mbedtls_x509write_crt_pem(certificate, text.data(), text.size(), compat::system_random, nullptr);
  if (code != 0) return mbedtls_failure("cannot write the certificate", code);
  return std::string(reinterpret_cast<const char*>(text.data()));
}

// Both files or none.
tl::expected<void, Error> save(const PrivateKey& key, const std::string& pem, const std::string& stem) {
  const std::string key_path = stem + ".key";
  const std::string certificate_path = stem + ".crt";
  if (::access(certificate_path.c_str(), F_OK) == 0) {
    return failure(ErrorKind::exists,
                   certificate_path + " exists already and is not overwritten; choose another name or move it away");
  }
  if (auto saved = key.save(key_path); !saved) return saved;
  auto written = host::write_new_file(certificate_path, ByteView(std::string_view(pem)), 0644);
  if (!written) ::unlink(key_path.c_str());
  return written;
}

tl::expected<void, Error> check_days(std::uint32_t days) {
  if (days >= 1 && days <= days_max) return {};
  return failure(ErrorKind::usage,
                 "a certificate is valid for 1 to " + std::to_string(days_max) + " days, not " + std::to_string(days));
}

// What stands for itself in the distinguished names that mbedTLS reads.
bool is_plain_name(const std::string& name) {
  if (name.empty() || name.size() > 64 || name.front() == ' ' || name.back() == ' ') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return c >= ' ' && c <= '~' && std::strchr(",=+<>#;\"\\", c) == nullptr; });
}

// The CA's certificate, read and found to belong to its key and to be one that may sign.
tl::expected<void, Error> load_ca(const std::string& path, const PrivateKey& key, Certificate& ca) {
  auto text = host::read_file(path, certificate_file_len_max);
  if (!text) return tl::unexpected(std::move(text).error().with_context("reading the CA certificate"));
  text->push_back('\0');
  const int code = mbedtls_x509_crt_parse(&ca.parsed, text->data(), text->size());
  if (code != 0) return failure(ErrorKind::invalid, path + " is no PEM certificate: " + compat::reason(code));
  if (compat::check_pair(&ca.parsed.pk, key.get()) != 0) {
    return failure(ErrorKind::invalid, path + " and the ca.key beside it do not belong together");
  }
  if (ca.parsed.MBEDTLS_PRIVATE(ca_istrue) == 0)
    return failure(ErrorKind::invalid, path + " is not the certificate of a CA");
  if (mbedtls_x509_time_is_past(&ca.parsed.valid_to) != 0) {
    return failure(ErrorKind::invalid, path + " has expired; make a new CA and new certificates");
  }
  return {};
}

tl::expected<std::vector<Extension>, Error> leaf_extensions(const CertificateRequest& request) {
  std::vector<Extension> extensions = {leaf_constraints(), leaf_key_usage(), extended_key_usage(request.server)};
  if (!request.server) return extensions;
  std::vector<std::string> names = request.alt_names;
  // Clients compare the host with these names only, so the common name is one of them, unless it is no host but others
  // are given.
  const bool is_host = alternative_names({request.common_name}).has_value();
  const bool is_named = std::find(names.begin(), names.end(), request.common_name) != names.end();
  if (!is_named && (is_host || names.empty())) names.push_back(request.common_name);
  auto alternative = alternative_names(names);
  if (!alternative) return tl::unexpected(std::move(alternative).error());
  extensions.push_back(std::move(*alternative));
  return extensions;
}

}  // namespace

tl::expected<void, Error> make_ca(const std::string& directory, const std::string& common_name, std::uint32_t days) {
  if (auto checked = check_days(days); !checked) return checked;
  if (!is_plain_name(common_name)) {
    return failure(ErrorKind::usage,
                   "\"" + common_name +
                       "\" can not name a CA: use 1 to 64 printable ASCII characters without , = + < > # ; \" and \\");
  }
  auto key = PrivateKey::generate();
  if (!key) return tl::unexpected(std::move(key).error());
  const std::string name = "CN=" + common_name;
  auto pem = write_pem({name, name, time_in_days(days), {ca_constraints(), ca_key_usage()}}, *key, *key);
  if (!pem) return tl::unexpected(std::move(pem).error());
  return save(*key, *pem, directory + "/ca");
}

tl::expected<void, Error> issue_certificate(const std::string& ca_directory, const CertificateRequest& request,
                                            const std::string& stem) {
  if (auto checked = check_days(request.days); !checked) return checked;
  if (!is_id(request.common_name)) {
    return failure(ErrorKind::usage,
                   "\"" + request.common_name +
                       "\" can not be a certificate's name: use 1 to 64 of A-Z a-z 0-9 . _ -, not starting with a dot");
  }
  auto extensions = leaf_extensions(request);
  if (!extensions) return tl::unexpected(std::move(extensions).error());
  auto ca_key = PrivateKey::load(ca_directory + "/ca.key");
  if (!ca_key) return tl::unexpected(std::move(ca_key).error());
  Certificate ca;
  if (auto loaded = load_ca(ca_directory + "/ca.crt", *ca_key, ca); !loaded) return loaded;
  char issuer[512];
  const int len = mbedtls_x509_dn_gets(issuer, sizeof issuer, &ca.parsed.subject);
  if (len < 0) return mbedtls_failure("cannot read the CA's name", len);

  auto key = PrivateKey::generate();
  if (!key) return tl::unexpected(std::move(key).error());
  // A certificate that outlives its CA would stop working unannounced, so it ends with it.
  const auto not_after = std::min(time_in_days(request.days), x509_time(ca.parsed.valid_to));
  auto pem = write_pem({"CN=" + request.common_name, issuer, not_after, std::move(*extensions)}, *key, *ca_key);
  if (!pem) return tl::unexpected(std::move(pem).error());
  return save(*key, *pem, stem);
}

}  // namespace muster::trust
