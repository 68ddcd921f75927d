#include "tests/fuzz/fixed_trust.h"

#include <string_view>

#include "schemas/root_generated.h"
#include "tests/fuzz/target.h"

namespace muster::fuzz {
namespace {

constexpr std::string_view points[] = {
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    "7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978"
    "07775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1",
    "5ecbe4d1a6330a44c8f7ef951d4bf165e6c6b721efada985fb41661bc6e7fd6c"
    "8734640c4998ff7e374b06ce1a64a2ecd82ab036384fb83d9a79b127a27d5032"};

trust::TrustRoot make_root() {
  trust::TrustRoot root;
  root.version = 1;
  for (const auto key : {FixedKey::root, FixedKey::release, FixedKey::control}) {
    auto& role = root.roles[static_cast<std::size_t>(key)];
    role.threshold = 1;
    role.key_count = 1;
    role.keys[0].point = fixed_point(key);
    role.keys[0].id = trust::key_id_of(role.keys[0].point);
  }
  return root;
}

}  // namespace

static_assert(static_cast<int>(FixedKey::control) == static_cast<int>(wire::Role::control));

trust::PublicPoint fixed_point(FixedKey key) {
  const auto hex = points[static_cast<std::size_t>(key)];
  Sha256 x, y;
  FUZZ_REQUIRE(parse_hex(hex.substr(0, 64), x) && parse_hex(hex.substr(64), y), "a point of the table is no number");
  trust::PublicPoint point{};
  point[0] = 0x04;
  for (std::size_t i = 0; i < 32; ++i) {
    point[1 + i] = x.bytes[i];
    point[33 + i] = y.bytes[i];
  }
  return point;
}

const trust::TrustRoot& fixed_root() {
  static const trust::TrustRoot root = make_root();
  return root;
}

}  // namespace muster::fuzz
