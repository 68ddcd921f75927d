#include "trust/envelope.h"

#include <gtest/gtest.h>

#include "schemas/assignment_generated.h"
#include "schemas/audit_head_generated.h"
#include "schemas/directive_generated.h"
#include "schemas/manifest_generated.h"
#include "schemas/release_move_generated.h"
#include "tests/unit/schemas/samples.h"
#include "tests/unit/trust/fixture.h"
#include "trust/release_move.h"
#include "trust/sha256.h"

namespace muster::trust {
namespace {

using wire::PayloadKind;
constexpr std::uint64_t now_s = 1800000000;

class EnvelopeTest : public testing::Test {
 protected:
  test::Fleet fleet_;
  OpenContext context_{&fleet_.root, now_s};

  TrustFault open(const Bytes& envelope, PayloadKind kind) const {
    const AlignedBytes copy(envelope);
    ByteView payload;
    const auto fault = open_envelope(copy.view(), kind, fleet_.root, payload);
    EXPECT_EQ(fault == TrustFault::none, !payload.empty()) << "a payload is given exactly when the envelope opened";
    return fault;
  }
  Bytes sealed_assignment(const test::AssignmentSpec& spec = {}) const {
    return test::seal_one(PayloadKind::assignment, build(spec), test::all_of(fleet_.control_keys));
  }
  TrustFault open_as(const Bytes& envelope, std::string_view device, std::uint64_t at_s = now_s) const {
    const AlignedBytes copy(envelope);
    const wire::Assignment* assignment = nullptr;
    return open_assignment(copy.view(), {&fleet_.root, at_s}, device, assignment);
  }
};

TEST_F(EnvelopeTest, OpensForTheRightDevice) {
  const AlignedBytes envelope(sealed_assignment());
  const wire::Assignment* assignment = nullptr;
  ASSERT_EQ(open_assignment(envelope.view(), context_, "gw-17", assignment), TrustFault::none);
  EXPECT_EQ(assignment->epoch(), 7u);
  EXPECT_EQ(assignment->releases()->size(), 3u);
  const wire::Assignment* other = nullptr;
  EXPECT_EQ(open_assignment(envelope.view(), context_, "gw-18", other), TrustFault::wrong_subject);
  EXPECT_EQ(open_assignment(envelope.view(), context_, "gw-1", other), TrustFault::wrong_subject);
  EXPECT_EQ(other, nullptr);
}

TEST_F(EnvelopeTest, TamperingWithAnyByteNeverGivesAnotherPayload) {
  const Bytes payload = build(test::AssignmentSpec{});
  const Bytes envelope = sealed_assignment();
  for (std::size_t at = 0; at < envelope.size(); ++at) {
    for (const unsigned mask : {0x01u, 0x80u}) {
      Bytes changed = envelope;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ mask);
      const AlignedBytes copy(changed);
      ByteView opened;
      if (open_envelope(copy.view(), PayloadKind::assignment, fleet_.root, opened) != TrustFault::none) continue;
      // Padding and the order of things inside the envelope are not signed; every byte of the payload is.
      EXPECT_EQ(Bytes(opened.begin(), opened.end()), payload) << "byte " << at;
    }
  }
}

TEST_F(EnvelopeTest, TamperingWithPayloadPathOrSignatureIsSeen) {
  const auto sealed = seal({{PayloadKind::assignment, build(test::AssignmentSpec{})},
                            {PayloadKind::directive, build(test::DirectiveSpec{})}},
                           test::all_of(fleet_.control_keys));
  ASSERT_TRUE(sealed);
  const AlignedBytes original(sealed->front());
  const wire::Envelope* envelope = nullptr;
  ASSERT_EQ(verify(original.view(), envelope), WireFault::none);
  const auto flip_each = [&](const std::uint8_t* part, std::size_t len) {
    const auto start = static_cast<std::size_t>(part - original.view().data());
    for (std::size_t i = 0; i < len; ++i) {
      Bytes changed = sealed->front();
      changed[start + i] ^= 0x10;
      EXPECT_NE(open(changed, PayloadKind::assignment), TrustFault::none) << "byte " << i << " of a part at " << start;
    }
  };
  flip_each(envelope->payload()->data(), envelope->payload()->size());
  flip_each(envelope->path()->Data(), envelope->path()->size() * 32);
  const auto* signature = envelope->signatures()->Get(0);
  flip_each(signature->bytes()->data(), 64);
  flip_each(signature->key_id()->bytes()->data(), 16);
}

TEST_F(EnvelopeTest, EveryPayloadOfABatchOpensAndOnlyInItsPlace) {
  for (const std::size_t count : {1u, 2u, 3u, 7u, 33u}) {
    std::vector<Bytes> payloads;
    std::vector<ToSign> batch;
    for (std::size_t i = 0; i < count; ++i) {
      test::AssignmentSpec spec;
      spec.device_id = "gw-" + std::to_string(i);
      payloads.push_back(build(spec));
    }
    for (const auto& payload : payloads) batch.push_back({PayloadKind::assignment, payload});
    const auto sealed = seal(batch, test::all_of(fleet_.control_keys));
    ASSERT_TRUE(sealed);
    ASSERT_EQ(sealed->size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto device = "gw-" + std::to_string(i);
      EXPECT_EQ(open_as((*sealed)[i], device), TrustFault::none) << device << " of " << count;
      EXPECT_EQ(open_as((*sealed)[i], "gw-99"), TrustFault::wrong_subject);
    }
  }
}

TEST_F(EnvelopeTest, AKindNeverPassesForAnother) {
  const std::vector<std::pair<PayloadKind, Bytes>> payloads = {
      {PayloadKind::manifest, build(test::ManifestSpec{})},
      {PayloadKind::assignment, build(test::AssignmentSpec{})},
      {PayloadKind::directive, build(test::DirectiveSpec{})},
      {PayloadKind::audit_head, build(test::AuditHeadSpec{})},
      {PayloadKind::release_move, build(test::ReleaseMoveSpec{})}};
  for (const auto& [kind, payload] : payloads) {
    const bool of_release = kind == PayloadKind::manifest || kind == PayloadKind::release_move;
    const auto& keys = of_release ? fleet_.release_keys : fleet_.control_keys;
    const auto envelope = test::seal_one(kind, payload, test::all_of(keys));
    for (const auto wanted : {PayloadKind::root, PayloadKind::manifest, PayloadKind::assignment, PayloadKind::directive,
                              PayloadKind::audit_head, PayloadKind::release_move}) {
      EXPECT_EQ(open(envelope, wanted), wanted == kind ? TrustFault::none : TrustFault::wrong_kind);
    }
    // Changing the kind in the envelope breaks the signature, because the kind is hashed with the payload.
    const AlignedBytes copy(envelope);
    const wire::Envelope* parsed = nullptr;
    ASSERT_EQ(verify(copy.view(), parsed), WireFault::none);
    const auto* table = reinterpret_cast<const flatbuffers::Table*>(parsed);
    const auto* field = table->GetAddressOf(wire::Envelope::VT_KIND);
    ASSERT_NE(field, nullptr);
    Bytes changed = envelope;
    const auto other = kind == PayloadKind::assignment ? PayloadKind::directive : PayloadKind::assignment;
    changed[static_cast<std::size_t>(field - copy.view().data())] = static_cast<std::uint8_t>(other);
    EXPECT_NE(open(changed, other), TrustFault::none);
  }
}

TEST_F(EnvelopeTest, OnlyTheRolesKeysCount) {
  const Bytes manifest = build(test::ManifestSpec{});
  EXPECT_EQ(
      open(test::seal_one(PayloadKind::manifest, manifest, test::all_of(fleet_.control_keys)), PayloadKind::manifest),
      TrustFault::unknown_key)
      << "the broker can not make releases";
  EXPECT_EQ(
      open(test::seal_one(PayloadKind::manifest, manifest, test::all_of(fleet_.root_keys)), PayloadKind::manifest),
      TrustFault::unknown_key);
  const auto stranger = test::new_key();
  EXPECT_EQ(open(test::seal_one(PayloadKind::manifest, manifest, {&stranger}), PayloadKind::manifest),
            TrustFault::unknown_key);
  EXPECT_EQ(open(test::seal_one(PayloadKind::manifest, manifest, {&stranger, &fleet_.release_keys[1]}),
                 PayloadKind::manifest),
            TrustFault::none)
      << "a stranger beside the right key does no harm";
  EXPECT_EQ(
      open(test::seal_one(PayloadKind::assignment, build(test::AssignmentSpec{}), test::all_of(fleet_.release_keys)),
           PayloadKind::assignment),
      TrustFault::unknown_key);
}

TEST_F(EnvelopeTest, AThresholdNeedsDifferentKeys) {
  const test::Fleet strict(0, 2);
  const Bytes manifest = build(test::ManifestSpec{});
  const auto open_strict = [&](const Bytes& envelope) {
    const AlignedBytes copy(envelope);
    ByteView payload;
    return open_envelope(copy.view(), PayloadKind::manifest, strict.root, payload);
  };
  EXPECT_EQ(open_strict(test::seal_one(PayloadKind::manifest, manifest, test::all_of(strict.release_keys))),
            TrustFault::none);
  EXPECT_EQ(open_strict(test::seal_one(PayloadKind::manifest, manifest, {&strict.release_keys[0]})),
            TrustFault::unknown_key);

  // The same signature twice, as an attacker with one of two keys would send it.
  const AlignedBytes once(test::seal_one(PayloadKind::manifest, manifest, {&strict.release_keys[0]}));
  const wire::Envelope* envelope = nullptr;
  ASSERT_EQ(verify(once.view(), envelope), WireFault::none);
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<wire::Signature>> signatures;
  for (int i = 0; i < 2; ++i) {
    const auto* signature = envelope->signatures()->Get(0);
    signatures.push_back(
        wire::CreateSignature(builder, signature->key_id(), builder.CreateVector(signature->bytes()->data(), 64)));
  }
  const auto list = builder.CreateVector(signatures);
  builder.ForceVectorAlignment(manifest.size(), 1, 8);
  const auto payload = builder.CreateVector(manifest);
  wire::FinishEnvelopeBuffer(builder, wire::CreateEnvelope(builder, PayloadKind::manifest, payload, 0, 1, 0, list));
  EXPECT_EQ(open_strict(Bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize())),
            TrustFault::unknown_key);
  EXPECT_FALSE(seal({{PayloadKind::manifest, manifest}}, {&strict.release_keys[0], &strict.release_keys[0]}));
}

TEST_F(EnvelopeTest, NothingOpensWithoutAPinnedRoot) {
  const AlignedBytes envelope(sealed_assignment());
  ByteView payload;
  EXPECT_EQ(open_envelope(envelope.view(), PayloadKind::assignment, TrustRoot{}, payload), TrustFault::unknown_key);
  const wire::Assignment* assignment = nullptr;
  EXPECT_EQ(open_assignment(envelope.view(), OpenContext{}, "gw-17", assignment), TrustFault::unknown_key);
}

TEST_F(EnvelopeTest, ExpiryIsTheLastGoodSecond) {
  test::AssignmentSpec spec;
  spec.expires_s = now_s;
  const auto envelope = sealed_assignment(spec);
  EXPECT_EQ(open_as(envelope, "gw-17", now_s), TrustFault::none);
  EXPECT_EQ(open_as(envelope, "gw-17", now_s + 1), TrustFault::expired);
  spec.expires_s = 0;
  EXPECT_EQ(open_as(sealed_assignment(spec), "gw-17", ~std::uint64_t{0}), TrustFault::none) << "0 never ends";
}

TEST_F(EnvelopeTest, AMoveOfAReleaseIsSignedByReleaseKeysAndEnds) {
  test::ReleaseMoveSpec spec;
  spec.expires_s = now_s;
  const auto payload = build(spec);
  const AlignedBytes good(test::seal_one(PayloadKind::release_move, payload, {&fleet_.release_keys[0]}));
  const AlignedBytes forged(test::seal_one(PayloadKind::release_move, payload, test::all_of(fleet_.control_keys)));
  const wire::ReleaseMove* move = nullptr;
  EXPECT_EQ(open_release_move(forged.view(), {&fleet_.root, now_s}, move), TrustFault::unknown_key);
  EXPECT_EQ(open_release_move(good.view(), {&fleet_.root, now_s + 1}, move), TrustFault::expired);
  EXPECT_EQ(open_release_move(good.view(), {nullptr, now_s}, move), TrustFault::unknown_key);
  EXPECT_EQ(move, nullptr);
  ASSERT_EQ(open_release_move(good.view(), {&fleet_.root, now_s}, move), TrustFault::none);
  EXPECT_EQ(move->release()->str(), "reader-deu@2.1.0");
  EXPECT_EQ(move->to(), wire::ReleaseState::canary);
  // The record says who signed: a signature that the threshold does not need has to hold as well.
  const AlignedBytes with_stranger(
      test::seal_one(PayloadKind::release_move, payload, {&fleet_.release_keys[0], &fleet_.control_keys[0]}));
  EXPECT_EQ(open_release_move(with_stranger.view(), {&fleet_.root, now_s}, move), TrustFault::unknown_key);
}

TEST(EnvelopeExpiry, AnExpiredRootSignsNothingAnyMore) {
  const test::Fleet fleet(now_s);
  const AlignedBytes envelope(
      test::seal_one(PayloadKind::audit_head, build(test::AuditHeadSpec{}), test::all_of(fleet.control_keys)));
  const wire::AuditHead* head = nullptr;
  EXPECT_EQ(open_audit_head(envelope.view(), {&fleet.root, now_s}, head), TrustFault::none);
  head = nullptr;
  EXPECT_EQ(open_audit_head(envelope.view(), {&fleet.root, now_s + 1}, head), TrustFault::expired);
  EXPECT_EQ(head, nullptr);
}

TEST_F(EnvelopeTest, ADirectiveIsBoundToItsScope) {
  test::DirectiveSpec spec;
  const AlignedBytes envelope(test::seal_one(PayloadKind::directive, build(spec), test::all_of(fleet_.control_keys)));
  const wire::Directive* directive = nullptr;
  EXPECT_EQ(open_directive(envelope.view(), context_, "group/region=us", directive), TrustFault::wrong_subject);
  EXPECT_EQ(open_directive(envelope.view(), context_, "fleet", directive), TrustFault::wrong_subject);
  EXPECT_EQ(directive, nullptr);
  ASSERT_EQ(open_directive(envelope.view(), context_, "group/region=de", directive), TrustFault::none);
  EXPECT_EQ(directive->orders()->size(), 2u);
  spec.expires_s = 5;
  const AlignedBytes expired(test::seal_one(PayloadKind::directive, build(spec), test::all_of(fleet_.control_keys)));
  EXPECT_EQ(open_directive(expired.view(), context_, "group/region=de", directive), TrustFault::expired);
}

TEST_F(EnvelopeTest, AManifestComesWithItsDigest) {
  const Bytes payload = build(test::ManifestSpec{});
  const wire::Manifest* manifest = nullptr;
  Sha256 digest;
  for (const auto& key : fleet_.release_keys) {
    const AlignedBytes envelope(test::seal_one(PayloadKind::manifest, payload, {&key}));
    ASSERT_EQ(open_manifest(envelope.view(), context_, manifest, digest), TrustFault::none);
    EXPECT_EQ(manifest->name()->str(), "sorter");
    EXPECT_EQ(digest, sha256(payload)) << "whoever signed it";
  }
}

TEST_F(EnvelopeTest, ASignedPayloadIsStillVerified) {
  test::AssignmentSpec spec;
  spec.releases[1].plane = 1;  // a plane twice
  EXPECT_EQ(open_as(sealed_assignment(spec), "gw-17"), TrustFault::malformed);
  EXPECT_EQ(open_as(test::seal_one(PayloadKind::assignment, Bytes(64, 0), test::all_of(fleet_.control_keys)), "gw-17"),
            TrustFault::malformed);
  EXPECT_EQ(
      open_as(test::seal_one(PayloadKind::assignment, build(test::DirectiveSpec{}), test::all_of(fleet_.control_keys)),
              "gw-17"),
      TrustFault::malformed);
}

TEST_F(EnvelopeTest, WhatIsNoEnvelopeIsSaidSo) {
  EXPECT_EQ(open(Bytes(), PayloadKind::assignment), TrustFault::malformed);
  EXPECT_EQ(open(Bytes(100, 0), PayloadKind::assignment), TrustFault::wrong_kind);
  EXPECT_EQ(open(build(test::AssignmentSpec{}), PayloadKind::assignment), TrustFault::wrong_kind)
      << "no unsigned way in";
  Bytes cut = sealed_assignment();
  cut.resize(cut.size() / 2);
  EXPECT_EQ(open(cut, PayloadKind::assignment), TrustFault::malformed);
}

TEST(TrustFaultNames, AreAllDifferent) {
  std::vector<std::string_view> names;
  for (unsigned i = 0; i <= static_cast<unsigned>(TrustFault::wrong_subject); ++i) {
    const auto name = name_of(static_cast<TrustFault>(i));
    EXPECT_NE(name, "unknown");
    for (const auto seen : names) EXPECT_NE(name, seen);
    names.push_back(name);
  }
}

}  // namespace
}  // namespace muster::trust
