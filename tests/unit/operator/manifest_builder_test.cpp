// A manifest as built must be what devices accept and read: everything said in the release file comes back.
#include "operator/manifest_builder.h"

#include <gtest/gtest.h>

#include "schemas/limits.h"
#include "schemas/manifest_generated.h"
#include "schemas/wire.h"
#include "trust/envelope.h"
#include "trust/sha256.h"
#include "trust/signing/signer.h"

namespace muster::ctl {
namespace {

Sha256 digest_of(std::string_view text) {
  return trust::sha256(ByteView(text));
}

rules::ReleaseSpec full_spec() {
  rules::ReleaseSpec spec;
  spec.name = "sorter";
  spec.version = "15";
  spec.plane = rules::Plane::config;
  spec.security_version = 4;
  spec.files = {"thresholds.json", "sub/labels.txt"};
  spec.requires_min = {{rules::Plane::model, "2.1.0"}, {rules::Plane::firmware, "1.4.0"}};
  spec.classes = {"rk3566"};
  spec.accelerators = {"npu"};
  spec.memory_mb_min = 1024;
  spec.runtime = "tflite-2.14";
  spec.tokenizer = "bpe-3";
  spec.delegate = "npu";
  spec.probes = {{rules::ProbeSpec::Kind::http, "http://127.0.0.1:8500/healthz", 5000, 2000, 1000, 5},
                 {rules::ProbeSpec::Kind::exec, "golden-replay", 0, 30000, 1000, 1}};
  spec.shadow = "replay-camera";
  spec.activation = {{}, {"battery_percent >= 40", {1, 2, 3}}, 3600};
  spec.expires_s = 1814400000;
  spec.provenance = {{"training_data", "snapshot-2026-10"}, {"quantisation", "int8"}};
  spec.evidence = {"eval.json"};
  return spec;
}

ManifestFacts full_facts() {
  ManifestFacts facts;
  facts.files = {{"thresholds.json", digest_of("a"), 1}, {"sub/labels.txt", digest_of("bb"), 2}};
  facts.evidence = {{"eval.json", digest_of("e"), 1}};
  facts.created_s = 1800000000;
  return facts;
}

std::string text(const flatbuffers::String* value) {
  return value == nullptr ? "(absent)" : value->str();
}

TEST(ManifestBuilder, EverythingTheReleaseFileSaysComesBack) {
  auto bytes = build_manifest(full_spec(), full_facts());
  ASSERT_TRUE(bytes) << bytes.error().message;
  const AlignedBytes copy(*bytes);
  const wire::Manifest* m = nullptr;
  ASSERT_EQ(verify(copy.view(), m), WireFault::none);
  EXPECT_EQ(text(m->name()), "sorter");
  EXPECT_EQ(text(m->version()), "15");
  EXPECT_EQ(m->plane(), wire::Plane::config);
  EXPECT_EQ(m->security_version(), 4u);
  EXPECT_EQ(m->created_s(), 1800000000u);
  EXPECT_EQ(m->expires_s(), 1814400000u);
  ASSERT_EQ(m->files()->size(), 2u);
  EXPECT_EQ(text(m->files()->Get(1)->name()), "sub/labels.txt");
  EXPECT_EQ(m->files()->Get(1)->size(), 2u);
  EXPECT_EQ(to_hex(ByteView(m->files()->Get(1)->sha256()->bytes()->data(), 32)), to_hex(digest_of("bb")));
  ASSERT_EQ(m->requirements()->size(), 2u);
  EXPECT_EQ(m->requirements()->Get(1)->plane(), wire::Plane::firmware);
  EXPECT_EQ(text(m->requirements()->Get(1)->min_version()), "1.4.0");
  EXPECT_EQ(text(m->compatible()->classes()->Get(0)), "rk3566");
  EXPECT_EQ(text(m->compatible()->accelerators()->Get(0)), "npu");
  EXPECT_EQ(m->compatible()->memory_mb_min(), 1024u);
  EXPECT_EQ(text(m->compatible()->runtime()), "tflite-2.14");
  EXPECT_EQ(text(m->runtime()->tokenizer()), "bpe-3");
  EXPECT_EQ(text(m->runtime()->preprocessing()), "(absent)");
  EXPECT_EQ(text(m->shadow()), "replay-camera");
  ASSERT_NE(m->activation(), nullptr);
  EXPECT_EQ(m->activation()->fetch(), nullptr);
  EXPECT_EQ(text(m->activation()->swap()->source()), "battery_percent >= 40");
  EXPECT_EQ(m->activation()->swap()->program()->size(), 3u);
  EXPECT_EQ(m->activation()->within_s(), 3600u);
  ASSERT_EQ(m->probes()->size(), 2u);
  const auto* probe = m->probes()->Get(0);
  EXPECT_EQ(probe->kind(), wire::ProbeKind::http);
  EXPECT_EQ(text(probe->target()), "http://127.0.0.1:8500/healthz");
  EXPECT_EQ(probe->initial_delay_ms(), 5000u);
  EXPECT_EQ(probe->timeout_ms(), 2000u);
  EXPECT_EQ(probe->attempts(), 5u);
  EXPECT_EQ(probe->interval_ms(), 1000u);
  EXPECT_EQ(m->recovery(), nullptr);
  ASSERT_EQ(m->provenance()->size(), 2u);
  EXPECT_EQ(text(m->provenance()->Get(1)->value()), "int8");
  EXPECT_EQ(m->readiness(), nullptr);
  ASSERT_EQ(m->evidence()->size(), 1u);
  EXPECT_EQ(text(m->evidence()->Get(0)->name()), "eval.json");
}

TEST(ManifestBuilder, ReadinessComesBackAndItsRecordListsTheEvidence) {
  auto facts = full_facts();
  facts.readiness = ReadinessFacts{"readiness", 3, digest_of("policy"), digest_of("record")};
  const auto bytes = build_manifest(full_spec(), facts);
  ASSERT_TRUE(bytes) << bytes.error().message;
  const AlignedBytes copy(*bytes);
  const wire::Manifest* m = nullptr;
  ASSERT_EQ(verify(copy.view(), m), WireFault::none);
  ASSERT_NE(m->readiness(), nullptr);
  EXPECT_EQ(text(m->readiness()->policy()), "readiness");
  EXPECT_EQ(m->readiness()->policy_version(), 3u);
  EXPECT_EQ(to_hex(ByteView(m->readiness()->policy_sha256()->bytes()->data(), 32)), to_hex(digest_of("policy")));
  EXPECT_EQ(to_hex(ByteView(m->readiness()->record_sha256()->bytes()->data(), 32)), to_hex(digest_of("record")));
  EXPECT_EQ(m->evidence(), nullptr);
  EXPECT_LE(bytes->size(), build_manifest(full_spec(), full_facts())->size() + 120) << "a board holds it in 2 KiB";
}

TEST(ManifestBuilder, TheSameInputIsTheSameRelease) {
  EXPECT_EQ(build_manifest(full_spec(), full_facts()).value(), build_manifest(full_spec(), full_facts()).value());
  auto later = full_facts();
  later.created_s += 1;
  EXPECT_NE(build_manifest(full_spec(), full_facts()).value(), build_manifest(full_spec(), later).value());
}

TEST(ManifestBuilder, OpensAfterSigningForWhoHoldsTheRoleAndNobodyElse) {
  const auto root_key = trust::SigningKey::generate().value();
  const auto release_key = trust::SigningKey::generate().value();
  const auto document =
      trust::seal_root(1, 1, 0,
                       {{wire::Role::root, 1, {root_key.point()}}, {wire::Role::release, 1, {release_key.point()}}},
                       {&root_key})
          .value();
  trust::TrustRoot root;
  ASSERT_EQ(trust::pin_root(AlignedBytes(document).view(), root), trust::TrustFault::none);
  const auto bytes = build_manifest(full_spec(), full_facts()).value();
  const AlignedBytes good(trust::seal({{wire::PayloadKind::manifest, bytes}}, {&release_key}).value().front());
  const AlignedBytes foreign(trust::seal({{wire::PayloadKind::manifest, bytes}}, {&root_key}).value().front());
  const wire::Manifest* manifest = nullptr;
  Sha256 digest;
  ASSERT_EQ(trust::open_manifest(good.view(), {&root, 1800000000}, manifest, digest), trust::TrustFault::none);
  EXPECT_EQ(digest, trust::sha256(bytes));
  EXPECT_EQ(trust::open_manifest(foreign.view(), {&root, 1800000000}, manifest, digest),
            trust::TrustFault::unknown_key);
  EXPECT_EQ(trust::open_manifest(good.view(), {&root, 1814400001}, manifest, digest), trust::TrustFault::expired);
}

TEST(ManifestBuilder, SaysWhenDevicesWouldRefuseIt) {
  auto facts = full_facts();
  facts.files[0].name = "../escape";
  const auto escaping = build_manifest(full_spec(), facts);
  ASSERT_FALSE(escaping);
  EXPECT_EQ(escaping.error().kind, ErrorKind::invalid);
  auto spec = full_spec();
  facts = full_facts();
  for (int i = 0; i < 400; ++i) {
    facts.files.push_back({std::string(limits::file_name_len_max - 4, 'n') + std::to_string(i), digest_of("x"), 1});
  }
  const auto large = build_manifest(spec, facts);
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().message.find("65536"), std::string::npos) << large.error().message;
}

}  // namespace
}  // namespace muster::ctl
