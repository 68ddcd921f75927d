#include "trust/signing/certificate_extensions.h"

#include <arpa/inet.h>
#include <mbedtls/oid.h>

#include <algorithm>

namespace muster::trust {

namespace {

// DER, ITU-T X.690: tag, length, content.
constexpr std::uint8_t tag_sequence = 0x30;
constexpr std::uint8_t tag_oid = 0x06;
constexpr std::uint8_t tag_dns_name = 0x82;    // RFC 5280, section 4.2.1.6: [2] IA5String
constexpr std::uint8_t tag_ip_address = 0x87;  // [7] OCTET STRING

constexpr std::size_t names_max = 32;
constexpr std::size_t dns_name_len_max = 253;

template <std::size_t size>
constexpr std::string_view oid(const char (&text)[size]) {
  return {text, size - 1};
}

void append(Bytes& out, std::uint8_t tag, ByteView content) {
  out.push_back(tag);
  const auto len = content.size();
  if (len >= 0x100) {
    out.insert(out.end(), {0x82, static_cast<std::uint8_t>(len >> 8)});
  } else if (len >= 0x80) {
    out.push_back(0x81);
  }
  out.push_back(static_cast<std::uint8_t>(len));
  out.insert(out.end(), content.begin(), content.end());
}

// Labels of letters, digits and inner hyphens; the first may be '*'.
bool is_dns_name(std::string_view name) {
  if (name.substr(0, 2) == "*.") name.remove_prefix(2);
  if (name.empty() || name.size() > dns_name_len_max) return false;
  while (true) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    const bool plain = std::all_of(label.begin(), label.end(), [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (!plain) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

Extension ca_constraints() {
  return {oid(MBEDTLS_OID_BASIC_CONSTRAINTS), true, {tag_sequence, 6, 0x01, 1, 0xFF, 0x02, 1, 0}};
}

Extension leaf_constraints() {
  return {oid(MBEDTLS_OID_BASIC_CONSTRAINTS), true, {tag_sequence, 0}};
}

// BIT STRINGs: bit 0 is the highest, so keyCertSign (5) and cRLSign (6) leave one unused bit, digitalSignature (0)
// seven.
Extension ca_key_usage() {
  return {oid(MBEDTLS_OID_KEY_USAGE), true, {0x03, 2, 1, 0x06}};
}

Extension leaf_key_usage() {
  return {oid(MBEDTLS_OID_KEY_USAGE), true, {0x03, 2, 7, 0x80}};
}

Extension extended_key_usage(bool server) {
  const auto purpose = server ? oid(MBEDTLS_OID_SERVER_AUTH) : oid(MBEDTLS_OID_CLIENT_AUTH);
  Bytes inner;
  append(inner, tag_oid, ByteView(purpose));
  Extension extension{oid(MBEDTLS_OID_EXTENDED_KEY_USAGE), false, {}};
  append(extension.value, tag_sequence, inner);
  return extension;
}

tl::expected<Extension, Error> alternative_names(const std::vector<std::string>& names) {
  if (names.size() > names_max) {
    return tl::unexpected(Error{ErrorKind::usage, "a certificate holds at most " + std::to_string(names_max) +
                                                      " names, not " + std::to_string(names.size())});
  }
  Bytes inner;
  for (const auto& name : names) {
    std::uint8_t address[16];
    if (::inet_pton(AF_INET, name.c_str(), address) == 1)
      append(inner, tag_ip_address, ByteView(address, 4));
    else if (::inet_pton(AF_INET6, name.c_str(), address) == 1)
      append(inner, tag_ip_address, ByteView(address, 16));
    else if (is_dns_name(name))
      append(inner, tag_dns_name, ByteView(std::string_view(name)));
    else
      return tl::unexpected(Error{ErrorKind::usage, "\"" + name + "\" is neither a DNS name nor an IP address"});
  }
  Extension extension{oid(MBEDTLS_OID_SUBJECT_ALT_NAME), false, {}};
  append(extension.value, tag_sequence, inner);
  return extension;
}

}  // namespace muster::trust
