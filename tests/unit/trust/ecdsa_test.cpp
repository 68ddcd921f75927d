#include "trust/ecdsa.h"

#include <gtest/gtest.h>

#include "tests/unit/trust/fixture.h"
#include "trust/sha256.h"

namespace muster::trust {
namespace {

using Signature = std::array<std::uint8_t, 64>;

template <std::size_t len>
std::array<std::uint8_t, len> from_hex(std::string_view text) {
  EXPECT_EQ(text.size(), 2 * len);
  std::array<std::uint8_t, len> bytes{};
  for (std::size_t i = 0; i < len; ++i) {
    bytes[i] = static_cast<std::uint8_t>(std::stoi(std::string(text.substr(2 * i, 2)), nullptr, 16));
  }
  return bytes;
}

Sha256 digest_of(std::string_view text) {
  return sha256(ByteView(text));
}

// RFC 6979, appendix A.2.5: curve P-256, SHA-256.
const PublicPoint rfc_point = from_hex<65>(
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f51"
    "77a3c2"
    "94d4462299");
const Signature rfc_sample = from_hex<64>(
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064d"
    "c4ab2f"
    "843acda8");
const Signature rfc_test = from_hex<64>(
    "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367019f4113742a2b14bd25926b49c649155f267e60d3814b4c0c"
    "c84250"
    "e46f0083");
const std::string group_order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const std::string below_group_order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
const std::string zero(64, '0');
const std::string one = std::string(63, '0') + "1";

TEST(Ecdsa, KnownAnswers) {
  EXPECT_TRUE(ecdsa_p256_verify(rfc_point, digest_of("sample"), rfc_sample.data()));
  EXPECT_TRUE(ecdsa_p256_verify(rfc_point, digest_of("test"), rfc_test.data()));
  EXPECT_FALSE(ecdsa_p256_verify(rfc_point, digest_of("test"), rfc_sample.data()));
  EXPECT_FALSE(ecdsa_p256_verify(rfc_point, digest_of("sample"), rfc_test.data()));
}

TEST(Ecdsa, NumbersOutOfRangeAreRefused) {
  const std::string r = to_hex(ByteView(rfc_sample.data(), 32));
  const std::string s = to_hex(ByteView(rfc_sample.data() + 32, 32));
  const std::string high(64, 'f');
  for (const auto& bad : {zero, group_order, high}) {
    EXPECT_FALSE(ecdsa_p256_verify(rfc_point, digest_of("sample"), from_hex<64>(bad + s).data())) << "r = " << bad;
    EXPECT_FALSE(ecdsa_p256_verify(rfc_point, digest_of("sample"), from_hex<64>(r + bad).data())) << "s = " << bad;
    EXPECT_FALSE(ecdsa_p256_verify(rfc_point, digest_of("sample"), from_hex<64>(bad + bad).data())) << "both " << bad;
  }
  for (const auto& edge : {one, below_group_order}) {
    EXPECT_FALSE(ecdsa_p256_verify(rfc_point, digest_of("sample"), from_hex<64>(edge + s).data())) << "r = " << edge;
  }
}

// With r = 0 and s = 0 a verifier without range checks accepts anything (CVE-2022-21449).
TEST(Ecdsa, TheEmptySignatureSignsNothing) {
  const Signature empty{};
  EXPECT_FALSE(ecdsa_p256_verify(rfc_point, digest_of("sample"), empty.data()));
  EXPECT_FALSE(ecdsa_p256_verify(rfc_point, Sha256{}, empty.data()));
}

TEST(Ecdsa, APointThatIsNotOnTheCurveIsRefused) {
  auto point = rfc_point;
  point[64] ^= 1;
  EXPECT_FALSE(ecdsa_p256_verify(point, digest_of("sample"), rfc_sample.data()));
  EXPECT_FALSE(ecdsa_p256_verify(PublicPoint{}, digest_of("sample"), rfc_sample.data()));
  point = rfc_point;
  point[0] = 0x02;
  EXPECT_FALSE(ecdsa_p256_verify(point, digest_of("sample"), rfc_sample.data()));
  PublicPoint origin{};
  origin[0] = 0x04;
  EXPECT_FALSE(ecdsa_p256_verify(origin, digest_of("sample"), rfc_sample.data()));
}

TEST(Ecdsa, EveryBitCounts) {
  for (std::size_t at = 0; at < 64; at += 3) {
    auto signature = rfc_sample;
    signature[at] = static_cast<std::uint8_t>(signature[at] ^ (1u << (at % 8)));
    EXPECT_FALSE(ecdsa_p256_verify(rfc_point, digest_of("sample"), signature.data())) << "byte " << at;
  }
}

TEST(Ecdsa, WhatASigningKeySignsItsPointVerifies) {
  for (int round = 0; round < 8; ++round) {
    const auto key = test::new_key();
    const auto digest = digest_of("message " + std::to_string(round));
    const auto signature = key.sign(digest);
    ASSERT_TRUE(signature);
    EXPECT_TRUE(ecdsa_p256_verify(key.point(), digest, signature->data()));
    EXPECT_FALSE(ecdsa_p256_verify(test::new_key().point(), digest, signature->data()));
    EXPECT_EQ(key.sign(digest).value(), *signature) << "RFC 6979: the same message, the same signature";
  }
}

}  // namespace
}  // namespace muster::trust
