#include "trust/root.h"

#include <gtest/gtest.h>

#include "schemas/root_generated.h"
#include "tests/unit/trust/fixture.h"

namespace muster::trust {
namespace {

using wire::PayloadKind;
using wire::Role;

constexpr std::uint64_t far_s = 4000000000;

// A root document's bytes with nothing checked, so that bad ones can be made too.
struct KeySpec {
  PublicPoint point;
  KeyIdBytes id;
};
struct DocumentSpec {
  std::uint32_t version = 1;
  std::uint8_t threshold = 1;
  std::vector<KeySpec> root_keys;
  std::uint64_t expires_s = far_s;
  Role role = Role::root;
};

Bytes document(const DocumentSpec& spec) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<wire::PublicKey>> keys;
  for (const auto& key : spec.root_keys) {
    const wire::KeyId id{flatbuffers::make_span(key.id)};
    keys.push_back(wire::CreatePublicKey(builder, &id, builder.CreateVector(key.point.data(), key.point.size())));
  }
  const std::vector<flatbuffers::Offset<wire::RoleKeys>> roles = {
      wire::CreateRoleKeys(builder, spec.role, spec.threshold, builder.CreateVector(keys))};
  const auto list = builder.CreateVector(roles);
  wire::FinishRootDocumentBuffer(builder, wire::CreateRootDocument(builder, spec.version, 1, spec.expires_s, list));
  return Bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
}

std::vector<KeySpec> specs_of(const std::vector<const SigningKey*>& keys) {
  std::vector<KeySpec> specs;
  for (const auto* key : keys) specs.push_back({key->point(), key->id()});
  return specs;
}

Bytes sealed(const DocumentSpec& spec, const std::vector<const SigningKey*>& signers) {
  return test::seal_one(PayloadKind::root, document(spec), signers);
}

TrustFault pin(const Bytes& envelope, TrustRoot& root) {
  return pin_root(AlignedBytes(envelope).view(), root);
}
TrustFault advance(const std::vector<Bytes>& envelopes, TrustRoot& root) {
  return advance_root(AlignedBytes(make_root_chain(envelopes)).view(), root);
}

class RootTest : public testing::Test {
 protected:
  SigningKey a_ = test::new_key();
  SigningKey b_ = test::new_key();
  SigningKey c_ = test::new_key();

  // Version 1: key a alone.
  Bytes first_ = sealed({1, 1, specs_of({&a_})}, {&a_});
  TrustRoot pinned_ = [this] {
    TrustRoot root;
    EXPECT_EQ(pin(first_, root), TrustFault::none);
    return root;
  }();
};

TEST_F(RootTest, PinningTakesOverTheDocument) {
  const test::Fleet fleet(far_s);
  EXPECT_EQ(fleet.root.version, 1u);
  EXPECT_EQ(fleet.root.expires_s, far_s);
  EXPECT_EQ(fleet.root.role(Role::root).key_count, 1u);
  EXPECT_EQ(fleet.root.role(Role::release).key_count, 2u);
  EXPECT_EQ(fleet.root.role(Role::release).threshold, 1u);
  EXPECT_EQ(fleet.root.role(Role::control).keys[0].point, fleet.control_keys[0].point());
  EXPECT_EQ(fleet.root.role(Role::control).keys[0].id, fleet.control_keys[0].id());
}

TEST_F(RootTest, PinningNeedsAThresholdOfItsOwnKeys) {
  TrustRoot root;
  EXPECT_EQ(pin(sealed({1, 1, specs_of({&a_})}, {&b_}), root), TrustFault::unknown_key);
  EXPECT_EQ(pin(sealed({1, 2, specs_of({&a_, &b_})}, {&a_}), root), TrustFault::unknown_key);
  EXPECT_EQ(pin(sealed({1, 2, specs_of({&a_, &b_})}, {&a_, &c_}), root), TrustFault::unknown_key);
  EXPECT_EQ(root.version, 0u) << "untouched";
  EXPECT_EQ(pin(sealed({1, 2, specs_of({&a_, &b_, &c_})}, {&c_, &a_}), root), TrustFault::none);
}

TEST_F(RootTest, OneKeyCanNotStandTwice) {
  TrustRoot root;
  EXPECT_EQ(pin(sealed({1, 2, specs_of({&a_, &a_})}, {&a_}), root), TrustFault::malformed);
  KeyIdBytes other = a_.id();
  other[0] ^= 1;
  EXPECT_EQ(pin(sealed({1, 2, {{a_.point(), a_.id()}, {a_.point(), other}}}, {&a_}), root), TrustFault::malformed)
      << "under another id";
  EXPECT_EQ(pin(sealed({1, 1, {{a_.point(), b_.id()}}}, {&a_}), root), TrustFault::malformed)
      << "an id belongs to its point";
}

TEST_F(RootTest, SomebodyMustHoldRoot) {
  TrustRoot root;
  EXPECT_EQ(pin(sealed({1, 1, specs_of({&a_}), far_s, Role::control}, {&a_}), root), TrustFault::malformed);
}

TEST_F(RootTest, OtherEnvelopesAreNoRoots) {
  TrustRoot root;
  EXPECT_EQ(pin(test::seal_one(PayloadKind::manifest, document({1, 1, specs_of({&a_})}), {&a_}), root),
            TrustFault::wrong_kind);
  EXPECT_EQ(pin(document({1, 1, specs_of({&a_})}), root), TrustFault::wrong_kind);
  EXPECT_EQ(pin(test::seal_one(PayloadKind::root, Bytes(40, 0), {&a_}), root), TrustFault::malformed);
  EXPECT_EQ(pin({}, root), TrustFault::malformed);
}

TEST_F(RootTest, ADamagedRootIsNeverPinned) {
  for (std::size_t at = 0; at < first_.size(); ++at) {
    Bytes changed = first_;
    changed[at] ^= 0x04;
    TrustRoot root;
    if (pin(changed, root) == TrustFault::none) {
      EXPECT_EQ(root.version, 1u);
      EXPECT_EQ(root.role(Role::root).keys[0].point, a_.point()) << "byte " << at;
    } else {
      EXPECT_EQ(root.version, 0u) << "byte " << at;
    }
  }
}

TEST_F(RootTest, AChainLeadsFromOldKeysToNewOnes) {
  const auto second = sealed({2, 1, specs_of({&b_})}, {&a_, &b_});
  const auto third = sealed({3, 1, specs_of({&c_})}, {&b_, &c_});
  TrustRoot root = pinned_;
  EXPECT_EQ(advance({first_, second, third}, root), TrustFault::none);
  EXPECT_EQ(root.version, 3u);
  EXPECT_EQ(root.role(Role::root).keys[0].point, c_.point());
  EXPECT_EQ(advance({first_, second, third}, root), TrustFault::none) << "again, with nothing new";
  EXPECT_EQ(root.version, 3u);
  EXPECT_EQ(advance({}, root), TrustFault::none);

  TrustRoot latecomer = pinned_;
  EXPECT_EQ(advance({second}, latecomer), TrustFault::none) << "a chain may begin after what is pinned";
  EXPECT_EQ(latecomer.version, 2u);
}

TEST_F(RootTest, AVersionMayNotBeSkipped) {
  const auto third = sealed({3, 1, specs_of({&a_})}, {&a_});
  TrustRoot root = pinned_;
  EXPECT_EQ(advance({first_, third}, root), TrustFault::malformed);
  EXPECT_EQ(root.version, 1u);
}

TEST_F(RootTest, NewKeysAloneProveNothing) {
  TrustRoot root = pinned_;
  EXPECT_EQ(advance({first_, sealed({2, 1, specs_of({&b_})}, {&b_})}, root), TrustFault::unknown_key);
  EXPECT_EQ(root.version, 1u);
}

TEST_F(RootTest, OldKeysAloneAreNotEnough) {
  TrustRoot root = pinned_;
  EXPECT_EQ(advance({first_, sealed({2, 1, specs_of({&b_})}, {&a_})}, root), TrustFault::unknown_key);
  EXPECT_EQ(root.version, 1u);
}

TEST_F(RootTest, BothThresholdsHold) {
  TrustRoot root;
  ASSERT_EQ(pin(sealed({1, 2, specs_of({&a_, &b_})}, {&a_, &b_}), root), TrustFault::none);
  EXPECT_EQ(advance({sealed({2, 1, specs_of({&c_})}, {&a_, &c_})}, root), TrustFault::unknown_key)
      << "one of two old keys";
  EXPECT_EQ(advance({sealed({2, 2, specs_of({&b_, &c_})}, {&a_, &b_})}, root), TrustFault::unknown_key)
      << "one of two new keys";
  EXPECT_EQ(root.version, 1u);
  EXPECT_EQ(advance({sealed({2, 2, specs_of({&b_, &c_})}, {&a_, &b_, &c_})}, root), TrustFault::none);
}

TEST_F(RootTest, TheWalkStopsAtTheLastGoodVersion) {
  const auto second = sealed({2, 1, specs_of({&b_})}, {&a_, &b_});
  const auto forged = sealed({3, 1, specs_of({&c_})}, {&a_, &c_});  // a no longer holds root
  const auto fourth = sealed({4, 1, specs_of({&b_})}, {&b_, &c_});
  TrustRoot root = pinned_;
  EXPECT_EQ(advance({first_, second, forged, fourth}, root), TrustFault::unknown_key);
  EXPECT_EQ(root.version, 2u);
  EXPECT_EQ(root.role(Role::root).keys[0].point, b_.point());
}

TEST_F(RootTest, AnExpiredVersionIsAStepOnTheWay) {
  const auto second = sealed({2, 1, specs_of({&b_}), 5}, {&a_, &b_});
  const auto third = sealed({3, 1, specs_of({&b_})}, {&b_});
  TrustRoot root = pinned_;
  EXPECT_EQ(advance({first_, second, third}, root), TrustFault::none)
      << "a device that slept through a root's life still gets on";
  EXPECT_EQ(root.version, 3u);
  EXPECT_EQ(root.expires_s, far_s);
}

TEST_F(RootTest, NothingPinnedNothingAdvanced) {
  TrustRoot root;
  EXPECT_EQ(advance({first_}, root), TrustFault::unknown_key)
      << "trust begins with pinning, not with what a broker retains";
  EXPECT_EQ(root.version, 0u);
}

TEST_F(RootTest, AChainOfOtherThings) {
  TrustRoot root = pinned_;
  EXPECT_EQ(advance({test::seal_one(PayloadKind::manifest, document({2, 1, specs_of({&a_})}), {&a_})}, root),
            TrustFault::wrong_kind);
  EXPECT_EQ(advance({Bytes(30, 1)}, root), TrustFault::wrong_kind);
  EXPECT_EQ(advance({Bytes()}, root), TrustFault::malformed);
  EXPECT_EQ(advance_root(AlignedBytes(first_).view(), root), TrustFault::wrong_kind);
  EXPECT_EQ(advance_root({}, root), TrustFault::malformed);
  EXPECT_EQ(root.version, 1u);
}

TEST_F(RootTest, TheLastVersionNumberIsTheEnd) {
  TrustRoot root;
  ASSERT_EQ(pin(sealed({0xFFFFFFFF, 1, specs_of({&a_})}, {&a_}), root), TrustFault::none);
  EXPECT_EQ(advance({first_}, root), TrustFault::none) << "older, so skipped";
  EXPECT_EQ(root.version, 0xFFFFFFFF);
}

TEST_F(RootTest, SealingRefusesWhatDevicesWouldRefuse) {
  const std::vector<RoleSpec> roles = {{Role::root, 2, {a_.point(), b_.point()}}, {Role::control, 1, {c_.point()}}};
  EXPECT_TRUE(seal_root(1, 1, far_s, roles, {&a_, &b_}));
  EXPECT_FALSE(seal_root(1, 1, far_s, roles, {&a_})) << "too few signers";
  EXPECT_FALSE(seal_root(1, 1, far_s, roles, {})) << "no signers";
  EXPECT_FALSE(seal_root(0, 1, far_s, roles, {&a_, &b_})) << "version 0";
  EXPECT_FALSE(seal_root(1, 1, far_s, {{Role::root, 1, {a_.point(), a_.point()}}}, {&a_})) << "a key twice";
  EXPECT_FALSE(seal_root(1, 1, far_s, {{Role::control, 1, {a_.point()}}}, {&a_})) << "nobody holds root";
  const auto few = seal_root(1, 1, far_s, roles, {&a_});
  EXPECT_NE(few.error().message.find("add the missing root keys"), std::string::npos) << few.error().message;
}

}  // namespace
}  // namespace muster::trust
