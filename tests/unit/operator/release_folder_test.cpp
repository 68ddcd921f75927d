#include "operator/release_folder.h"

#include <gtest/gtest.h>

#include "operator/manifest_builder.h"
#include "operator/manifest_text.h"
#include "operator/release_evidence.h"
#include "operator/wire_digest.h"
#include "schemas/limits.h"
#include "tests/unit/operator/temporary_directory.h"
#include "trust/sha256.h"
#include "trust/signing/signer.h"

namespace muster::ctl {
namespace {

using test::TemporaryDirectory;

constexpr std::uint64_t now_s = 1800000000;

constexpr const char* release_yaml =
    "release: reader-deu@1\n"
    "plane: model\n"
    "security_version: 1\n"
    "files: [deu.traineddata, notes.txt]\n"
    "probes:\n"
    "  - { exec: golden-replay, timeout: 30s }\n"
    "evidence: [eval.json]\n";

class ReleaseFolder : public testing::Test {
 protected:
  void SetUp() override {
    source_ = directory_.write("src/reader.yaml", release_yaml);
    directory_.write("src/deu.traineddata", std::string(300000, 'm'));
    directory_.write("src/notes.txt", "notes");
    directory_.write("src/eval.json", "{}");
    const auto key = trust::SigningKey::generate();
    ASSERT_TRUE(key);
    ASSERT_TRUE(key->save(directory_ / "release.key"));
  }
  [[nodiscard]] tl::expected<BuiltRelease, Error> build(bool replace = false) const {
    return build_release(source_, directory_ / "out", now_s, replace);
  }

  TemporaryDirectory directory_;
  std::string source_;
  std::string folder_ = directory_ / "out/reader-deu@1";
};

TEST_F(ReleaseFolder, HoldsEachFileUnderItsDigest) {
  const auto built = build();
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ(built->folder, folder_);
  EXPECT_EQ(built->file_count, 2u);
  EXPECT_EQ(built->bytes, 300005u);
  EXPECT_EQ(directory_.listing("out"), "reader-deu@1");
  EXPECT_EQ(directory_.listing("out/reader-deu@1"), "evidence files manifest.mman");
  const auto digest = trust::sha256(ByteView(std::string_view("notes")));
  EXPECT_EQ(directory_.read("out/reader-deu@1/files/" + to_hex(digest)), "notes");
  const auto release = LocalRelease::open(folder_);
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_EQ(release->digest(), built->manifest);
  EXPECT_EQ(release->name_at_version(), "reader-deu@1");
  EXPECT_TRUE(check_files(folder_, *release));
}

TEST_F(ReleaseFolder, IsTheSameReleaseWhenBuiltTwice) {
  const auto first = build();
  const auto second = build(true);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->manifest, second->manifest);
}

TEST_F(ReleaseFolder, NamesEveryFileThatIsMissingAndWhere) {
  std::filesystem::remove(directory_ / "src/deu.traineddata");
  std::filesystem::remove(directory_ / "src/eval.json");
  const auto built = build();
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::invalid);
  const auto& message = built.error().message;
  EXPECT_NE(message.find("2 errors"), std::string::npos) << message;
  EXPECT_NE(message.find("reader.yaml:4:9: "), std::string::npos) << message;
  EXPECT_NE(message.find("reader.yaml:7:12: "), std::string::npos) << message;
  EXPECT_EQ(directory_.listing("out"), "") << "nothing half-made is left";
}

TEST_F(ReleaseFolder, ShowsEveryDiagnosticOfABadFile) {
  directory_.write("src/reader.yaml", "release: no version\nplane: mdoel\nfiles: [a]\n");
  const auto built = build();
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::invalid);
  EXPECT_NE(built.error().message.find("reader.yaml:1:"), std::string::npos) << built.error().message;
  EXPECT_NE(built.error().message.find("reader.yaml:2:"), std::string::npos) << built.error().message;
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(ReleaseFolder, EvidenceThatNothingJudgedMayBeLeftOut) {
  ASSERT_TRUE(build());
  const auto release = LocalRelease::open(folder_);
  ASSERT_TRUE(release);
  EXPECT_EQ(stored_evidence(folder_, *release)->files.size(), 1u);
  std::filesystem::remove_all(folder_ + "/evidence");
  EXPECT_EQ(stored_evidence(folder_, *release)->files.size(), 0u);
  EXPECT_TRUE(sign_release(folder_, {directory_ / "release.key"}, now_s, false));
}

TEST_F(ReleaseFolder, EvidenceHasALimit) {
  directory_.write("src/eval.json", "");
  std::filesystem::resize_file(directory_ / "src/eval.json", limits::evidence_file_len_max + 1);
  const auto built = build();
  ASSERT_FALSE(built);
  EXPECT_NE(built.error().message.find("eval.json has 67108865 bytes"), std::string::npos) << built.error().message;
}

// A release with a policy: what is judged is copied, recorded, and judged again before it is signed.
class JudgedFolder : public ReleaseFolder {
 protected:
  void SetUp() override {
    ReleaseFolder::SetUp();
    directory_.write("src/reader.yaml", std::string(release_yaml) + "policy: ../policy.yaml\n");
    directory_.write("policy.yaml",
                     "policy: speed\nversion: 4\nitems:\n  - { id: p95, stage: build, role: ml, says: It is fast.,\n"
                     "      checks: [{ file: eval.json, value: /p95_ms, max: 20 }] }\n");
    directory_.write("src/eval.json", R"({"p95_ms": 18.2})");
  }
  [[nodiscard]] std::string evidence(std::string_view text) const {
    return folder_ + "/evidence/" + to_hex(trust::sha256(ByteView(text)));
  }
  [[nodiscard]] tl::expected<LocalRelease, Error> sign() const {
    return sign_release(folder_, {directory_ / "release.key"}, now_s, false);
  }
  // Another manifest for the folder, as other means than release build would write it.
  void write_manifest(const ReadinessFacts& readiness) {
    const auto release = LocalRelease::open(folder_);
    const auto spec = read_release_file(source_);
    ASSERT_TRUE(release && spec);
    ManifestFacts facts;
    for (const auto* file : *release->manifest().files())
      facts.files.push_back({file->name()->str(), digest_of(file->sha256()), file->size()});
    facts.created_s = release->manifest().created_s();
    facts.readiness = readiness;
    const auto manifest = build_manifest(spec->spec, facts);
    ASSERT_TRUE(manifest);
    directory_.write("out/reader-deu@1/manifest.mman", std::string(ByteView(*manifest).text()));
  }
  // Puts it beside the evidence, under its digest.
  Sha256 put(const std::string& text) {
    const auto digest = trust::sha256(ByteView(std::string_view(text)));
    directory_.write("out/reader-deu@1/evidence/" + to_hex(digest), text);
    return digest;
  }
  [[nodiscard]] Sha256 policy_digest() {
    return trust::sha256(ByteView(std::string_view(directory_.read("policy.yaml"))));
  }
};

TEST_F(JudgedFolder, CarriesThePolicyItPassedIntoItsManifest) {
  const auto built = build();
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ(built->policy, "speed 4");
  const auto release = LocalRelease::open(folder_);
  ASSERT_TRUE(release);
  const auto* readiness = release->manifest().readiness();
  ASSERT_NE(readiness, nullptr);
  EXPECT_EQ(readiness->policy()->str(), "speed");
  EXPECT_EQ(readiness->policy_version(), 4u);
  EXPECT_EQ(to_hex(digest_of(readiness->policy_sha256())),
            to_hex(trust::sha256(ByteView(std::string_view(directory_.read("policy.yaml"))))));
  const auto stored = stored_evidence(folder_, *release);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->record.judgement.release, "reader-deu@1");
  EXPECT_EQ(stored->record.judgement.items.at(0).findings.at(0).measured, "18.2");
  EXPECT_EQ(stored->record.evidence.at(0).name, "eval.json");
  EXPECT_EQ(stored->files.size(), 3u) << "evidence, policy and record";
  EXPECT_TRUE(std::filesystem::exists(evidence(R"({"p95_ms": 18.2})")));
  EXPECT_EQ(build(true)->manifest, built->manifest) << "the same input is the same release";
  const auto signed_release = sign();
  ASSERT_TRUE(signed_release) << signed_release.error().message;
}

TEST_F(JudgedFolder, IsNotBuiltWhenItDoesNotPass) {
  directory_.write("src/eval.json", R"({"p95_ms": 20.1})");
  const auto failing = build();
  ASSERT_FALSE(failing);
  EXPECT_EQ(failing.error().kind, ErrorKind::refused);
  EXPECT_EQ(failing.error().message,
            "reader-deu@1 does not pass speed 4: 0 items pass, 1 fails; nothing was built\n"
            "p95 (fail): eval.json: /p95_ms: 20.1 is above 20");
  directory_.write("src/eval.json", "{}");
  EXPECT_EQ(build().error().kind, ErrorKind::refused) << "missing is as good as failed";
  EXPECT_EQ(directory_.listing("out"), "") << "nothing half-made is left";
  directory_.write("policy.yaml", "policy: speed\n");
  const auto wrong = build();
  EXPECT_EQ(wrong.error().kind, ErrorKind::invalid);
  EXPECT_NE(wrong.error().message.find("policy.yaml:1:1: a policy has no 'version'"), std::string::npos)
      << wrong.error().message;
  std::filesystem::remove(directory_ / "policy.yaml");
  EXPECT_EQ(build().error().kind, ErrorKind::not_found);
}

TEST_F(JudgedFolder, WhatWasJudgedIsWhatIsSigned) {
  ASSERT_TRUE(build());
  directory_.write(
      "out/reader-deu@1/evidence/" + to_hex(trust::sha256(ByteView(std::string_view(R"({"p95_ms": 18.2})")))),
      R"({"p95_ms": 9.9})");
  EXPECT_EQ(sign().error().kind, ErrorKind::invalid) << "evidence that was changed";
  ASSERT_TRUE(build(true));
  std::filesystem::remove(evidence(R"({"p95_ms": 18.2})"));
  EXPECT_EQ(sign().error().kind, ErrorKind::not_found) << "evidence that is gone";
}

// A manifest made by other means, with a record that says of the evidence what it does not say.
TEST_F(JudgedFolder, ARecordThatWasMadeUpIsNotSigned) {
  ASSERT_TRUE(build());
  const auto release = LocalRelease::open(folder_);
  auto stored = stored_evidence(folder_, *release);
  ASSERT_TRUE(release && stored);
  stored->record.judgement.items.at(0).findings.at(0).measured = "1.0";
  write_manifest({"speed", 4, policy_digest(), put(record_json(stored->record))});
  const auto signed_release = sign();
  ASSERT_FALSE(signed_release);
  EXPECT_EQ(signed_release.error().kind, ErrorKind::invalid);
  EXPECT_NE(signed_release.error().message.find("gives another record"), std::string::npos)
      << signed_release.error().message;
}

// … with an honest record of a release that does not pass, …
TEST_F(JudgedFolder, WhatDoesNotPassIsNotSignedWhoeverBuiltIt) {
  ASSERT_TRUE(build());
  const auto release = LocalRelease::open(folder_);
  ASSERT_TRUE(release);
  const std::string slow = R"({"p95_ms": 20.1})";
  const std::vector<DigestedFile> evidence = {{"eval.json", put(slow), slow.size()}};
  const auto policy = read_policy(directory_ / "policy.yaml");
  ASSERT_TRUE(policy);
  const auto judgement = judge(policy->policy, policy->sha256, judged_release(release->manifest()),
                               EvidenceSet(evidence, read_stored(folder_)));
  ASSERT_FALSE(judgement.passed());
  write_manifest({"speed", 4, policy->sha256, put(record_json({judgement, evidence}))});
  const auto signed_release = sign();
  ASSERT_FALSE(signed_release);
  EXPECT_EQ(signed_release.error().kind, ErrorKind::refused) << signed_release.error().message;
}

// … with the name or version of another policy, …
TEST_F(JudgedFolder, APolicyGoesByItsOwnName) {
  for (const auto& [name, version] : {std::pair{"other", 4u}, {"speed", 5u}}) {
    ASSERT_TRUE(build(true));
    const auto release = LocalRelease::open(folder_);
    ASSERT_TRUE(release);
    write_manifest({name, version, policy_digest(), digest_of(release->manifest().readiness()->record_sha256())});
    const auto signed_release = sign();
    ASSERT_FALSE(signed_release) << name;
    EXPECT_EQ(signed_release.error().kind, ErrorKind::invalid) << signed_release.error().message;
  }
}

// … or with a size of an evidence file that is not its own: of an empty one it would look like one that says something.
TEST_F(JudgedFolder, TheSizeOfEvidenceIsItsOwn) {
  ASSERT_TRUE(build());
  const auto release = LocalRelease::open(folder_);
  auto stored = stored_evidence(folder_, *release);
  ASSERT_TRUE(release && stored);
  stored->record.evidence.at(0).size += 1;
  write_manifest({"speed", 4, policy_digest(), put(record_json(stored->record))});
  const auto signed_release = sign();
  ASSERT_FALSE(signed_release);
  EXPECT_EQ(signed_release.error().kind, ErrorKind::invalid);
  EXPECT_NE(signed_release.error().message.find("bytes, and the record says"), std::string::npos)
      << signed_release.error().message;
}

TEST_F(JudgedFolder, EvidenceIsNotCalledWhatPolicyAndRecordAre) {
  directory_.write("src/readiness/policy.yaml", "x");
  auto text = directory_.read("src/reader.yaml");
  const auto at = text.find("eval.json");
  ASSERT_NE(at, std::string::npos);
  directory_.write("src/reader.yaml", text.insert(at, "readiness/policy.yaml, "));
  const auto built = build();
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().kind, ErrorKind::invalid);
  EXPECT_NE(built.error().message.find("kept in readiness/"), std::string::npos) << built.error().message;
}

TEST_F(ReleaseFolder, IsOnlyReplacedWhenAskedAndUnsigned) {
  ASSERT_TRUE(build());
  EXPECT_EQ(build().error().kind, ErrorKind::exists);
  directory_.write("src/notes.txt", "other notes");
  EXPECT_TRUE(build(true));
  ASSERT_TRUE(sign_release(folder_, {directory_ / "release.key"}, now_s, false));
  const auto over_signed = build(true);
  ASSERT_FALSE(over_signed);
  EXPECT_EQ(over_signed.error().kind, ErrorKind::exists);
  EXPECT_NE(over_signed.error().message.find("another version"), std::string::npos);
  EXPECT_TRUE(LocalRelease::open(folder_));
}

TEST_F(ReleaseFolder, SigningKeepsTheReleasesIdentity) {
  const auto built = build();
  ASSERT_TRUE(built);
  const auto release = sign_release(folder_, {directory_ / "release.key"}, now_s, false);
  ASSERT_TRUE(release) << release.error().message;
  EXPECT_EQ(release->digest(), built->manifest);
  EXPECT_EQ(release->signer_ids().size(), 1u);
  EXPECT_EQ(LocalRelease::open(folder_)->signer_ids(), release->signer_ids());
  EXPECT_EQ(sign_release(folder_, {directory_ / "release.key"}, now_s, false).error().kind, ErrorKind::exists);
  EXPECT_TRUE(sign_release(folder_, {directory_ / "release.key"}, now_s, true));
}

TEST_F(ReleaseFolder, WhatWasChangedAfterTheBuildIsNotSigned) {
  ASSERT_TRUE(build());
  const auto digest = trust::sha256(ByteView(std::string_view("notes")));
  directory_.write("out/reader-deu@1/files/" + to_hex(digest), "NOTES");
  const auto release = sign_release(folder_, {directory_ / "release.key"}, now_s, false);
  ASSERT_FALSE(release);
  EXPECT_EQ(release.error().kind, ErrorKind::invalid);
  EXPECT_EQ(directory_.listing("out/reader-deu@1"), "evidence files manifest.mman");
}

TEST_F(ReleaseFolder, DamageIsFoundWhenItIsReadBack) {
  ASSERT_TRUE(build());
  const auto bytes = directory_.read("out/reader-deu@1/manifest.mman");
  directory_.write("out/reader-deu@1/manifest.mman", bytes.substr(0, bytes.size() / 2));
  EXPECT_EQ(LocalRelease::open(folder_).error().kind, ErrorKind::invalid);
  EXPECT_EQ(LocalRelease::open(directory_ / "src").error().kind, ErrorKind::not_found);
  EXPECT_EQ(LocalRelease::from_envelope({1, 2, 3}).error().kind, ErrorKind::invalid);
}

TEST_F(ReleaseFolder, ShowsTheManifestAsJsonAndAsText) {
  ASSERT_TRUE(build());
  const auto release = sign_release(folder_, {directory_ / "release.key"}, now_s, false);
  ASSERT_TRUE(release);
  const SignatureView signature{"unchecked", release->signer_ids()};
  const auto json = manifest_json(*release, signature);
  EXPECT_NE(json.find(R"("name":"reader-deu","version":"1","plane":"model")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"({"name":"notes.txt","size":5,"sha256":")" +
                      to_hex(trust::sha256(ByteView(std::string_view("notes"))))),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("probes":[{"kind":"exec","target":"golden-replay","initial_delay_ms":0,"timeout_ms":30000)"),
            std::string::npos)
      << json;
  const auto text = manifest_text(*release, signature, 200, {});
  EXPECT_NE(text.find("signature         unchecked, by key " + release->signer_ids().front()), std::string::npos)
      << text;
  EXPECT_NE(text.find("deu.traineddata  293.0 KiB"), std::string::npos) << text;
}

}  // namespace
}  // namespace muster::ctl
