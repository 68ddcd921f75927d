#include "tests/fuzz/fixed_keys.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "host/base64.h"
#include "tests/fuzz/target.h"

namespace muster::fuzz {

// The private key 1, 2 or 3 as PEM (RFC 5915), read back as any key file is.
trust::SigningKey fixed_key(FixedKey which) {
  const auto point = fixed_point(which);
  Bytes der = {0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20};
  der.resize(der.size() + 31, 0);
  der.push_back(static_cast<std::uint8_t>(1 + static_cast<int>(which)));
  const Bytes curve = {0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                       0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42, 0x00};
  der.insert(der.end(), curve.begin(), curve.end());
  der.insert(der.end(), point.begin(), point.end());
  const auto text = host::to_base64(der);
  auto folder = (std::filesystem::temp_directory_path() / "muster-fuzz-key-XXXXXX").string();
  FUZZ_REQUIRE(::mkdtemp(folder.data()) != nullptr, "no temporary folder");
  const auto path = folder + "/fixed.pem";
  {
    std::ofstream file(path);
    file << "-----BEGIN EC PRIVATE KEY-----\n";
    for (std::size_t at = 0; at < text.size(); at += 64) file << text.substr(at, 64) << "\n";
    file << "-----END EC PRIVATE KEY-----\n";
  }
  FUZZ_REQUIRE(::chmod(path.c_str(), 0600) == 0, "chmod " + path);
  auto key = trust::SigningKey::load(path);
  FUZZ_REQUIRE(key.has_value(), key.error().message);
  std::filesystem::remove_all(folder);
  return std::move(*key);
}

}  // namespace muster::fuzz
