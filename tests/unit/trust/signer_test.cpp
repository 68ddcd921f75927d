#include "trust/signing/signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "host/files.h"
#include "schemas/limits.h"
#include "tests/unit/host/temporary_folder.h"
#include "tests/unit/schemas/samples.h"
#include "tests/unit/trust/fixture.h"
#include "tests/unit/trust/openssl.h"
#include "trust/sha256.h"

namespace muster::trust {
namespace {

using testing::HasSubstr;

TEST(KeyFiles, AKeyComesBackAsItWas) {
  const test::TemporaryFolder folder;
  const auto key = test::new_key();
  ASSERT_TRUE(key.save(folder.file("a.key")));
  const auto loaded = SigningKey::load(folder.file("a.key"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->point(), key.point());
  EXPECT_EQ(loaded->id(), key.id());
  struct stat status {};
  ASSERT_EQ(::stat(folder.file("a.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0600u);
}

TEST(KeyFiles, AKeyNeverReplacesAnother) {
  const test::TemporaryFolder folder;
  const auto key = test::new_key();
  ASSERT_TRUE(key.save(folder.file("a.key")));
  const auto again = test::new_key().save(folder.file("a.key"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::exists);
  EXPECT_EQ(SigningKey::load(folder.file("a.key"))->point(), key.point());
}

TEST(KeyFiles, AKeyThatOthersCanReadIsRefused) {
  const test::TemporaryFolder folder;
  const auto path = folder.file("a.key");
  ASSERT_TRUE(test::new_key().save(path));
  for (const unsigned mode : {0640u, 0604u, 0660u, 0620u, 0602u, 0644u, 0777u}) {
    ASSERT_EQ(::chmod(path.c_str(), static_cast<mode_t>(mode)), 0);
    const auto loaded = SigningKey::load(path);
    ASSERT_FALSE(loaded) << std::oct << mode;
    EXPECT_EQ(loaded.error().kind, ErrorKind::untrusted);
    EXPECT_THAT(loaded.error().message, HasSubstr("run: chmod 600 " + path));
  }
  for (const unsigned mode : {0600u, 0400u}) {
    ASSERT_EQ(::chmod(path.c_str(), static_cast<mode_t>(mode)), 0);
    EXPECT_TRUE(SigningKey::load(path)) << std::oct << mode;
  }
}

TEST(KeyFiles, WhatIsNoKeyIsSaidSo) {
  const test::TemporaryFolder folder;
  const auto missing = SigningKey::load(folder.file("none.key"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr(folder.file("none.key")));
  ASSERT_TRUE(host::write_new_file(folder.file("text.key"), ByteView(std::string_view("not a key\n")), 0600));
  EXPECT_EQ(SigningKey::load(folder.file("text.key")).error().kind, ErrorKind::invalid);
  ASSERT_TRUE(host::write_new_file(folder.file("empty.key"), {}, 0600));
  EXPECT_EQ(SigningKey::load(folder.file("empty.key")).error().kind, ErrorKind::invalid);
  ASSERT_TRUE(host::write_new_file(folder.file("long.key"), Bytes(20000, 'x'), 0600));
  EXPECT_EQ(SigningKey::load(folder.file("long.key")).error().kind, ErrorKind::invalid);
}

TEST(KeyFiles, OpensslsKeysAreReadAndOursAreReadByIt) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(
      test::openssl({"ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder.file("sec1.key")}).code, 0);
  ASSERT_EQ(test::openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                           folder.file("pkcs8.key")})
                .code,
            0);
  for (const char* name : {"sec1.key", "pkcs8.key"}) {
    ASSERT_EQ(::chmod(folder.file(name).c_str(), 0600), 0);
    EXPECT_TRUE(SigningKey::load(folder.file(name))) << name;
  }
  ASSERT_TRUE(test::new_key().save(folder.file("ours.key")));
  const auto checked = test::openssl({"pkey", "-in", folder.file("ours.key"), "-check", "-noout"});
  EXPECT_EQ(checked.code, 0) << checked.output;
}

TEST(KeyFiles, OtherKindsOfKeysAreRefused) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(test::openssl({"ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", folder.file("p384.key")}).code,
            0);
  ASSERT_EQ(test::openssl({"genrsa", "-out", folder.file("rsa.key"), "2048"}).code, 0);
  for (const char* name : {"p384.key", "rsa.key"}) {
    ASSERT_EQ(::chmod(folder.file(name).c_str(), 0600), 0);
    const auto loaded = SigningKey::load(folder.file(name));
    ASSERT_FALSE(loaded) << name;
    EXPECT_THAT(loaded.error().message, HasSubstr("only ECDSA keys on curve P-256")) << name;
  }
}

TEST(Seal, RefusesWhatNobodyWouldOpen) {
  const auto key = test::new_key();
  const Bytes payload = build(test::AssignmentSpec{});
  EXPECT_FALSE(seal({}, {&key}));
  EXPECT_FALSE(seal({{wire::PayloadKind::assignment, payload}}, {}));
  const Bytes too_long(limits::assignment_len_max + 1, 1);
  const auto refused =
      seal({{wire::PayloadKind::assignment, payload}, {wire::PayloadKind::assignment, too_long}}, {&key});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("payload 1"));
  EXPECT_FALSE(seal({{wire::PayloadKind::assignment, {}}}, {&key})) << "an empty payload";
  EXPECT_FALSE(seal({{static_cast<wire::PayloadKind>(9), payload}}, {&key})) << "an unknown kind";
  const auto nine = test::new_keys(9);
  EXPECT_FALSE(seal({{wire::PayloadKind::assignment, payload}}, test::all_of(nine)));
}

TEST(Seal, OneSignatureCoversABatch) {
  const auto key = test::new_key();
  std::vector<Bytes> payloads;
  std::vector<ToSign> batch;
  for (int i = 0; i < 1024; ++i) {
    test::AssignmentSpec spec;
    spec.device_id = "d" + std::to_string(i);
    payloads.push_back(build(spec));
  }
  for (const auto& payload : payloads) batch.push_back({wire::PayloadKind::assignment, payload});
  const auto sealed = seal(batch, {&key});
  ASSERT_TRUE(sealed);
  Bytes signature;
  for (const auto& bytes : *sealed) {
    const AlignedBytes copy(bytes);
    const wire::Envelope* envelope = nullptr;
    ASSERT_EQ(verify(copy.view(), envelope), WireFault::none);
    EXPECT_EQ(envelope->path()->size(), 10u);
    const auto* found = envelope->signatures()->Get(0)->bytes();
    if (signature.empty()) signature.assign(found->begin(), found->end());
    EXPECT_EQ(Bytes(found->begin(), found->end()), signature);
  }
}

// The largest things that may be sealed fit into the limits of what carries them.
TEST(Seal, TheLargestEnvelopeFits) {
  const auto keys = test::new_keys(limits::signatures_max);
  const Bytes manifest(limits::manifest_len_max, 1);
  const std::vector<ToSign> batch(
      1u << 10, {wire::PayloadKind::audit_head, ByteView(manifest.data(), limits::audit_head_len_max)});
  auto with_path = batch;
  with_path.push_back({wire::PayloadKind::manifest, manifest});
  const auto sealed = seal(with_path, test::all_of(keys));
  ASSERT_TRUE(sealed) << sealed.error().message;
  const std::size_t missing_path = (limits::merkle_depth_max - 1) * 32;  // the last leaf of 1025 has a path of one
  EXPECT_LE(sealed->back().size() + missing_path, limits::envelope_len_max);
}

}  // namespace
}  // namespace muster::trust
