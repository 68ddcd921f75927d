// Keys, roots and envelopes that the tests of trust/ share. One thread.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <vector>

#include "schemas/bytes.h"
#include "trust/envelope.h"
#include "trust/root.h"
#include "trust/signing/signer.h"

namespace muster::test {

inline trust::SigningKey new_key() {
  auto key = trust::SigningKey::generate();
  if (!key) ADD_FAILURE() << key.error().message;
  return std::move(key).value();
}

inline std::vector<trust::SigningKey> new_keys(std::size_t count) {
  std::vector<trust::SigningKey> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back(new_key());
  return keys;
}

inline std::vector<trust::PublicPoint> points_of(const std::vector<trust::SigningKey>& keys) {
  std::vector<trust::PublicPoint> points;
  for (const auto& key : keys) points.push_back(key.point());
  return points;
}

inline std::vector<const trust::SigningKey*> all_of(const std::vector<trust::SigningKey>& keys) {
  std::vector<const trust::SigningKey*> pointers;
  for (const auto& key : keys) pointers.push_back(&key);
  return pointers;
}

// One payload under one or more signatures.
inline Bytes seal_one(wire::PayloadKind kind, ByteView payload, const std::vector<const trust::SigningKey*>& signers) {
  auto sealed = trust::seal({{kind, payload}}, signers);
  if (!sealed) ADD_FAILURE() << sealed.error().message;
  return sealed ? std::move(sealed->front()) : Bytes();
}

// A fleet's keys and the root that a device has pinned: one root key, two release keys of which one suffices, one
// control key.
struct Fleet {
  std::vector<trust::SigningKey> root_keys = new_keys(1);
  std::vector<trust::SigningKey> release_keys = new_keys(2);
  std::vector<trust::SigningKey> control_keys = new_keys(1);
  Bytes root_envelope;
  trust::TrustRoot root;

  explicit Fleet(std::uint64_t expires_s = 0, std::uint8_t release_threshold = 1) {
    auto sealed = trust::seal_root(1, 1790000000, expires_s,
                                   {{wire::Role::root, 1, points_of(root_keys)},
                                    {wire::Role::release, release_threshold, points_of(release_keys)},
                                    {wire::Role::control, 1, points_of(control_keys)}},
                                   all_of(root_keys));
    if (!sealed) ADD_FAILURE() << sealed.error().message;
    root_envelope = sealed.value_or(Bytes());
    EXPECT_EQ(trust::pin_root(AlignedBytes(root_envelope).view(), root), trust::TrustFault::none);
  }
};

}  // namespace muster::test
