// Who the device is: written once in the factory (tools/provision.cpp) into the identity area, one record a fact, and only
// read afterwards. Freestanding C++17, no allocation; the client's thread.
//
// The texts are kept in RAM, as every report names them. Certificates, the private key and the root of trust are read into
// a buffer of the caller's when they are needed, which is once a start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mcu-client/src/flash/record_log.h"
#include "schemas/limits.h"

namespace muster::mcu {

// Keys in the log of the identity area; the numbers are fixed for ever.
enum class IdentityKey : std::uint8_t {
  device_id = 0,       // texts, without an end
  device_class = 1,
  region = 2,
  site = 3,
  customer = 4,
  os_version = 5,
  memory_tier = 6,
  tags = 7,            // separated by NUL
  memory_mb = 8,       // u32, little-endian
  broker_name = 9,     // what the broker's certificate must say
  root = 16,           // a signed root document: an Envelope of schemas/envelope.fbs
  ca = 17,             // DER: the authority behind the broker's certificate
  certificate = 18,    // DER: the device's
  private_key = 19,    // DER: SEC 1 or PKCS #8, P-256
};

inline constexpr std::uint32_t identity_text_max = 320;  // bytes of all texts together, one of NUL after each
inline constexpr std::uint32_t identity_tags_max = 8;

struct Identity {
  std::string_view device_id, device_class, region, site, customer, os_version, memory_tier;  // empty: absent
  std::string_view tags[identity_tags_max];
  std::uint32_t tag_count = 0;
  std::uint32_t memory_mb = 0;
  std::string_view broker_name;  // ends with a NUL that is not counted

  char text[identity_text_max] = {};  // where the views point to

  Identity() = default;
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
};

// REQUIRES: `log` is mounted. err_provisioning when there is no device id or class, or when a text is one that the broker would
// refuse; err_no_space when the texts are too long together; else what the flash says.
[[nodiscard]] int load(const RecordLog& log, Identity& identity);

// One of root, ca, certificate and private_key: its size, err_provisioning when it is missing, err_too_long.
[[nodiscard]] int read_credential(const RecordLog& log, IdentityKey key, std::uint8_t* to, std::uint32_t capacity);

}  // namespace muster::mcu
