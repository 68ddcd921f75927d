// The rules for manifests: above all that no file name can leave its slot.
#include <gtest/gtest.h>

#include "schemas/file_name.h"
#include "schemas/limits.h"
#include "schemas/wire.h"
#include "tests/unit/schemas/samples.h"

namespace muster {
namespace {

using test::ManifestSpec;

WireFault check(const ManifestSpec& spec) {
  const AlignedBytes bytes(build(spec));
  const wire::Manifest* message = nullptr;
  return verify(bytes.view(), message);
}

WireFault check_files(std::vector<test::FileSpec> files) {
  ManifestSpec spec;
  spec.files = std::move(files);
  return check(spec);
}

TEST(ManifestFiles, PlainRelativePathsAreAccepted) {
  for (const char* name : {"a", "model.tflite", "lang/deu.traineddata", "a/b/c/d", "x+y@2.bin", "-", "a..b"}) {
    EXPECT_EQ(check_files({{name}}), WireFault::none) << name;
  }
  EXPECT_EQ(check_files({}), WireFault::none) << "a release may hold nothing but its recovery rules";
}

TEST(ManifestFiles, NamesThatLeaveTheSlotAreRefused) {
  for (const char* name : {"", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", ".", "./a", "a//b", "a/",
                           ".hidden", "a/.hidden", "a\\b", "a b", "C:x", "a\nb", "größe", "manifest.menv"}) {
    EXPECT_EQ(check_files({{name}}), WireFault::bad_name) << name;
  }
  EXPECT_EQ(check_files({{std::string("a\0b", 3)}}), WireFault::bad_name);
  EXPECT_EQ(check_files({{std::string(128, 'a')}}), WireFault::none);
  EXPECT_EQ(check_files({{std::string(129, 'a')}}), WireFault::bad_name);
}

TEST(ManifestFiles, NamesThatCanNotStandSideBySideAreRefused) {
  EXPECT_EQ(check_files({{"a"}, {"b"}, {"a"}}), WireFault::bad_name);
  EXPECT_EQ(check_files({{"a/b"}, {"a"}}), WireFault::bad_name) << "a file can not also be a folder";
  EXPECT_EQ(check_files({{"a"}, {"ab"}, {"abc/d"}}), WireFault::none);
}

TEST(ManifestFiles, AreCountedAndSized) {
  std::vector<test::FileSpec> files;
  for (std::size_t i = 0; i < limits::files_max; ++i) files.push_back({"f" + std::to_string(i)});
  EXPECT_EQ(check_files(files), WireFault::none);
  files.push_back({"one-more"});
  EXPECT_EQ(check_files(files), WireFault::over_limit);
  EXPECT_EQ(check_files({{"a", limits::file_size_max}}), WireFault::none);
  EXPECT_EQ(check_files({{"a", limits::file_size_max + 1}}), WireFault::over_limit);
}

TEST(ManifestRules, NamesAndPlanes) {
  const auto with = [](auto change) {
    ManifestSpec spec;
    change(spec);
    return check(spec);
  };
  EXPECT_EQ(with([](auto& s) { s.name = "a@b"; }), WireFault::bad_name);
  EXPECT_EQ(with([](auto& s) { s.version = ""; }), WireFault::bad_name);
  EXPECT_EQ(with([](auto& s) { s.version = std::string(33, '1'); }), WireFault::bad_name);
  EXPECT_EQ(with([](auto& s) { s.plane = 3; }), WireFault::unknown_value);
  EXPECT_EQ(with([](auto& s) { s.shadow = ""; }), WireFault::none) << "it can not run beside another one";
  EXPECT_EQ(with([](auto& s) { s.shadow = "/usr/bin/replay"; }), WireFault::bad_name);
  EXPECT_EQ(with([](auto& s) { s.shadow = std::string(65, 'a'); }), WireFault::bad_name);
  EXPECT_EQ(with([](auto& s) { s.requirement_planes = {1, 1}; }), WireFault::malformed);
  EXPECT_EQ(with([](auto& s) { s.requirement_planes = {0, 1, 2, 0}; }), WireFault::over_limit);
  EXPECT_EQ(with([](auto& s) { s.min_version = ">= 1"; }), WireFault::bad_name);
  EXPECT_EQ(with([](auto& s) { s.classes.assign(32, "c"); }), WireFault::none);
  EXPECT_EQ(with([](auto& s) { s.classes.assign(33, "c"); }), WireFault::over_limit);
  EXPECT_EQ(with([](auto& s) { s.classes = {"two words"}; }), WireFault::bad_name);
  EXPECT_EQ(with([](auto& s) { s.os_versions.assign(32, "12"); }), WireFault::none);
  EXPECT_EQ(with([](auto& s) { s.os_versions.assign(33, "12"); }), WireFault::over_limit);
  EXPECT_EQ(with([](auto& s) { s.tokenizer = std::string(257, 't'); }), WireFault::over_limit);
  EXPECT_EQ(with([](auto& s) { s.provenance.assign(33, "k"); }), WireFault::over_limit);
  EXPECT_EQ(with([](auto& s) { s.provenance_value = "\x1B]0;x"; }), WireFault::malformed);
  EXPECT_EQ(with([](auto& s) { s.evidence = {"../benchmark.json"}; }), WireFault::bad_name);
  EXPECT_EQ(with([](auto& s) { s.evidence.assign(limits::evidence_files_max, "e"); }), WireFault::none);
  EXPECT_EQ(with([](auto& s) { s.evidence.assign(limits::evidence_files_max + 1, "e"); }), WireFault::over_limit);
  EXPECT_EQ(with([](auto& s) { s.readiness = false; }), WireFault::none);
  EXPECT_EQ(with([](auto& s) { s.policy = ""; }), WireFault::bad_name);
  EXPECT_EQ(with([](auto& s) { s.policy = "two words"; }), WireFault::bad_name);
}

TEST(ManifestRules, Activation) {
  const auto with = [](auto change) {
    ManifestSpec spec;
    change(spec);
    return check(spec);
  };
  EXPECT_EQ(with([](auto& s) { s.activation = false; }), WireFault::none);
  EXPECT_EQ(with([](auto& s) { s.fetch_program_len = 0; }), WireFault::none);
  EXPECT_EQ(with([](auto& s) { s.swap_program_len = 0; }), WireFault::none);
  EXPECT_EQ(with([](auto& s) { s.fetch_program_len = s.swap_program_len = 0; }), WireFault::malformed)
      << "it waits for nothing";
  EXPECT_EQ(with([](auto& s) { s.swap_program_len = limits::program_len_max; }), WireFault::none);
  EXPECT_EQ(with([](auto& s) { s.swap_program_len = limits::program_len_max + 1; }), WireFault::over_limit);
  EXPECT_EQ(with([](auto& s) { s.wait_source = ""; }), WireFault::bad_name);
  EXPECT_EQ(with([](auto& s) { s.wait_source = "a\x1B[2J"; }), WireFault::malformed);
  EXPECT_EQ(with([](auto& s) { s.within_s = 0; }), WireFault::over_limit);
  EXPECT_EQ(with([](auto& s) { s.within_s = limits::activation_within_s_max; }), WireFault::none);
  EXPECT_EQ(with([](auto& s) { s.within_s = limits::activation_within_s_max + 1; }), WireFault::over_limit);
}

TEST(ManifestRules, Probes) {
  const auto with = [](test::ProbeSpec probe) {
    ManifestSpec spec;
    spec.probes = {std::move(probe)};
    return check(spec);
  };
  EXPECT_EQ(with({0, "golden-replay"}), WireFault::none);
  EXPECT_EQ(with({0, "/bin/sh"}), WireFault::bad_name) << "exec names an entry of the device's allowlist, never a path";
  EXPECT_EQ(with({0, "a;b"}), WireFault::bad_name);
  EXPECT_EQ(with({0, ""}), WireFault::bad_name);
  EXPECT_EQ(with({1, "http://127.0.0.1:8500/healthz"}), WireFault::none);
  EXPECT_EQ(with({1, "ftp://x"}), WireFault::bad_name);
  EXPECT_EQ(with({2, "ready"}), WireFault::none);
  EXPECT_EQ(with({2, "/run/reader/ready"}), WireFault::none);
  EXPECT_EQ(with({2, "/run/../etc/passwd"}), WireFault::bad_name);
  EXPECT_EQ(with({2, "../ready"}), WireFault::bad_name);
  EXPECT_EQ(with({3, "x"}), WireFault::unknown_value);
  EXPECT_EQ(with({0, "a", 0}), WireFault::over_limit);
  EXPECT_EQ(with({0, "a", limits::probe_time_ms_max + 1}), WireFault::over_limit);
  EXPECT_EQ(with({0, "a", 1000, 0}), WireFault::over_limit);
  ManifestSpec spec;
  spec.probes.assign(9, {});
  EXPECT_EQ(check(spec), WireFault::over_limit);
}

TEST(ManifestRules, RecoveryPolicies) {
  const auto with = [](auto change) {
    ManifestSpec spec;
    change(spec);
    return check(spec);
  };
  EXPECT_EQ(with([](auto& s) { s.plane = 1; }), WireFault::malformed) << "recovery rules belong to the config plane";
  EXPECT_EQ(with([](auto& s) { s.recovery_rules = 17; }), WireFault::over_limit);
  EXPECT_EQ(with([](auto& s) { s.program_len = 0; }), WireFault::malformed);
  EXPECT_EQ(with([](auto& s) { s.program_len = limits::program_len_max + 1; }), WireFault::over_limit);
  EXPECT_EQ(with([](auto& s) { s.action = 6; }), WireFault::unknown_value);
  EXPECT_EQ(with([](auto& s) { s.source = ""; }), WireFault::bad_name);
}

}  // namespace
}  // namespace muster
