#include "rules/config/load_release.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/condition/compile.h"
#include "tests/unit/rule_config/fixture.h"

namespace muster::rules::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string model(std::string_view more) {
  return "release: m@1\nplane: model\nfiles: [a]\n" + std::string(more);
}
std::string config(std::string_view more) {
  return "release: c@1\nplane: config\n" + std::string(more);
}

TEST(LoadRelease, TheDesignsExampleArrivesWhole) {
  const LoadedRelease loaded = load_release(read_whole("rules/examples/releases/sorter-15.yaml"), "r");
  ASSERT_TRUE(loaded.release) << lines_of(loaded.diagnostics);
  const ReleaseSpec& release = *loaded.release;
  EXPECT_EQ(release.name, "sorter");
  EXPECT_EQ(release.version, "15");
  EXPECT_EQ(release.plane, Plane::config);
  EXPECT_EQ(release.security_version, 4u);
  EXPECT_THAT(release.requires_min, ElementsAre(Pair(Plane::firmware, "1.4.0"), Pair(Plane::model, "2.1.0")));
  EXPECT_THAT(release.classes, ElementsAre("rk3566"));
  EXPECT_THAT(release.accelerators, ElementsAre("npu"));
  EXPECT_EQ(release.memory_mb_min, 1024u);
  EXPECT_THAT(release.files, ElementsAre("thresholds.json", "labels.txt"));
  ASSERT_EQ(release.probes.size(), 2u);
  EXPECT_EQ(release.probes[0].kind, ProbeSpec::Kind::http);
  EXPECT_EQ(release.probes[0].target, "http://127.0.0.1:8500/healthz");
  EXPECT_EQ(release.probes[0].initial_delay_ms, 5000u);
  EXPECT_EQ(release.probes[0].timeout_ms, 2000u);
  EXPECT_EQ(release.probes[0].attempts, 5u);
  EXPECT_EQ(release.probes[0].interval_ms, 1000u);
  EXPECT_EQ(release.probes[1].kind, ProbeSpec::Kind::exec);
  EXPECT_EQ(release.probes[1].timeout_ms, 30'000u);
  EXPECT_EQ(release.probes[1].attempts, 1u);
  ASSERT_EQ(release.recovery.size(), 4u);
  EXPECT_EQ(release.recovery[0].action, RecoveryAction::switch_to_degraded_model);
  EXPECT_EQ(release.recovery[1].action, RecoveryAction::restart_ingest_pipeline);
  EXPECT_EQ(release.recovery[2].action, RecoveryAction::drop_to_safe_mode);
  EXPECT_EQ(release.recovery[2].when.source, "inference_p99_ms > 2 * slo_ms");
  EXPECT_EQ(disassemble(release.recovery[2].when.program),
            "0 name inference_p99_ms\n3 constant 2\n6 name slo_ms\n9 multiply\n10 greater\n");
  EXPECT_EQ(release.recovery[3].action, RecoveryAction::rollback_release);
  EXPECT_EQ(release.expires_s, 1'814'399'999u);  // date -u -d 2027-07-01T00:00 +%s, less one
}

TEST(LoadRelease, WhatADeviceWaitsForIsCompiled) {
  const LoadedRelease loaded =
      load_release(model("activate: { fetch_when: link_cellular == 0, swap_when: idle == 1 }\n"), "r");
  ASSERT_TRUE(loaded.release) << lines_of(loaded.diagnostics);
  const auto& activation = loaded.release->activation;
  EXPECT_EQ(activation.fetch_when.source, "link_cellular == 0");
  EXPECT_EQ(disassemble(activation.fetch_when.program), "0 name link_cellular\n3 constant 0\n6 equal\n");
  EXPECT_EQ(activation.swap_when.source, "idle == 1");
  EXPECT_EQ(activation.within_s, 7u * 86'400);
  EXPECT_TRUE(activation.any());
  EXPECT_FALSE(load_release(model(""), "r").release->activation.any());
  EXPECT_EQ(load_release(model("activate: { swap_when: idle == 1, within: 90m }\n"), "r").release->activation.within_s,
            5400u);
}

TEST(LoadRelease, AShadowIsTheNameOfACommand) {
  const LoadedRelease loaded = load_release(model("shadow: { exec: replay-camera }\n"), "r");
  ASSERT_TRUE(loaded.release) << lines_of(loaded.diagnostics);
  EXPECT_EQ(loaded.release->shadow, "replay-camera");
  EXPECT_EQ(load_release(model(""), "r").release->shadow, "");
  const auto problem = [](std::string_view line) { return lines_of(load_release(model(line), "r").diagnostics); };
  EXPECT_THAT(problem("shadow: { exec: /usr/bin/replay --fast }\n"),
              HasSubstr("r:4:17: '/usr/bin/replay --fast' is no name of a shadow's command; a name on the device's"));
  EXPECT_THAT(problem("shadow: { exce: replay }\n"), HasSubstr("r:4:11: unknown key 'exce' in shadow; did you mean"));
  EXPECT_THAT(problem("shadow: {}\n"), HasSubstr("exec: replay-camera"));
  EXPECT_THAT(problem("shadow: replay-camera\n"), HasSubstr("r:4:9: shadow"));
  EXPECT_THAT(problem("shadow: { exec: [a] }\n"), HasSubstr("r:4:17: "));
  EXPECT_THAT(problem("shadow:\n"), HasSubstr("r:4:"));
}

TEST(LoadRelease, TheModelsExampleArrivesWhole) {
  const LoadedRelease loaded = load_release(read_whole("rules/examples/releases/yolo-v8n-2.1.0.yaml"), "r");
  ASSERT_TRUE(loaded.release) << lines_of(loaded.diagnostics);
  const ReleaseSpec& release = *loaded.release;
  EXPECT_EQ(release.runtime, "rknn-2.0");
  EXPECT_EQ(release.tokenizer, "");
  EXPECT_EQ(release.preprocessing, "letterbox-640");
  EXPECT_EQ(release.postprocessing, "nms-0.45");
  EXPECT_EQ(release.delegate, "rknpu");
  EXPECT_EQ(release.pipeline_checksum, "c3f1f0c3ff5b6f9d3c9c7a6b0b7d5a0b9b3d3b0a4d1e6f1ed002ab5595859014");
  EXPECT_THAT(release.provenance,
              ElementsAre(Pair("training_data", "plant-7-2024-10"), Pair("quantisation", "int8-per-channel"),
                          Pair("source_commit", "3f2a9c1")));
  EXPECT_THAT(release.evidence, ElementsAre("evaluation/report.json"));
}

TEST(LoadRelease, APipelinesChecksumIsASha256) {
  const auto problem = lines_of(load_release(model("runtime: { pipeline_checksum: 6f1ed002ab }\n"), "r").diagnostics);
  EXPECT_THAT(problem, HasSubstr("r:4:31: '6f1ed002ab' is no SHA-256; 64 hex digits: what 'cat FILES | sha256sum'"));
}

TEST(LoadRelease, SmallestOnes) {
  EXPECT_EQ(release_errors(model("")), "");
  EXPECT_EQ(release_errors(config("recovery: [{ when: crash_loop_count > 3, do: rollback_release }]\n")), "");
  EXPECT_THAT(release_errors(config("")), HasSubstr("a release has no 'files'"));
}

TEST(LoadRelease, Files) {
  EXPECT_EQ(release_errors("release: m@1\nplane: model\nfiles: [a/b.txt, a/c+d@2.bin]\n"), "");
  for (const char* bad : {"../a", "/etc/passwd", "a/../b", "a//b", "'a b'", ".hidden", "a/", "manifest.menv"}) {
    EXPECT_THAT(release_errors("release: m@1\nplane: model\nfiles: [" + std::string(bad) + "]\n"),
                HasSubstr("cannot be the name"))
        << bad;
  }
  EXPECT_THAT(release_errors("release: m@1\nplane: model\nfiles: [a, a]\n"), HasSubstr("'a' is in files twice"));
  EXPECT_THAT(release_errors("release: m@1\nplane: model\nfiles: [a/b, a]\n"), HasSubstr("cannot exist side by side"));
  EXPECT_THAT(release_errors("release: m@1\nplane: model\nfiles: []\n"), HasSubstr("files is an empty list"));
}

TEST(LoadRelease, Probes) {
  const auto probe = [](std::string_view text) {
    return release_errors(model("probes:\n  - { " + std::string(text) + " }\n"));
  };
  EXPECT_EQ(probe("http: 'http://localhost/'"), "");
  EXPECT_EQ(probe("http: 'http://[::1]:8500/healthz?deep=1'"), "");
  EXPECT_EQ(probe("file: ready.txt"), "");
  EXPECT_EQ(probe("file: /run/reader/ready"), "");
  for (const char* bad :
       {"http: 'https://localhost/'", "http: localhost", "http: 'http://'", "http: 'http://:80/'",
        "http: 'http://u@h/'", "http: 'http://h:0/'", "http: 'http://h:65536/'", "http: 'http://h:a/'",
        "http: 'http://[]/'", "http: 'http://[::1/'", "http: 'http://h?x'", "http: 'http://h/a b'"}) {
    EXPECT_THAT(probe(bad), HasSubstr("is no URL that a device can probe")) << bad;
  }
  EXPECT_THAT(probe("exec: 'rm -rf x'"), HasSubstr("allowlist"));
  EXPECT_THAT(probe("file: /a/../b"), HasSubstr("no path for a probe"));
  EXPECT_THAT(probe("file: ../b"), HasSubstr("no path for a probe"));
  EXPECT_THAT(probe("exec: a, file: b"), HasSubstr("several kinds"));
  EXPECT_THAT(probe("timeout: 5s"), HasSubstr("looks at nothing"));
  EXPECT_THAT(probe("exec: a, timeout: 0s"), HasSubstr("out of range"));
  EXPECT_THAT(probe("exec: a, attempts: 0"), HasSubstr("out of range"));
}

TEST(LoadRelease, ExpiryIsTheEndOfARealDay) {
  const auto expires = [](std::string_view day) {
    const LoadedRelease loaded = load_release(model("expires: " + std::string(day) + "\n"), "r");
    return loaded.release ? loaded.release->expires_s : 0;
  };
  EXPECT_EQ(expires("1970-01-01"), 86'399u);
  EXPECT_EQ(expires("2000-02-29"), 951'868'799u);
  EXPECT_EQ(expires("2024-12-31"), 1'735'689'599u);
  for (const char* bad : {"2025-02-29", "2100-02-29", "2025-13-01", "2025-00-10", "2025-01-32", "2025-1-1", "25-01-01",
                          "1969-12-31", "tomorrow", "+025-01-01"}) {
    EXPECT_THAT(release_errors(model("expires: " + std::string(bad) + "\n")),
                HasSubstr("is no day; a day as YYYY-MM-DD"))
        << bad;
  }
}

TEST(LoadRelease, NeedsAndFits) {
  EXPECT_THAT(release_errors(model("requires: { model: '>= 1' }\n")), HasSubstr("requires its own plane"));
  EXPECT_THAT(release_errors(model("requires: { firmware: 1.4.0 }\n")),
              HasSubstr("'1.4.0' for firmware is no minimum"));
  EXPECT_THAT(release_errors(model("requires: { firmware: '> 1.4.0' }\n")), HasSubstr("is no minimum"));
  EXPECT_THAT(release_errors(model("requires: { firmware: '>= a b' }\n")), HasSubstr("is no version"));
  EXPECT_THAT(release_errors(model("compatible: { memory_mb: 1024 }\n")), HasSubstr("\">= 1024\""));
  EXPECT_THAT(release_errors(model("compatible: { memory_mb: '>= 1GB' }\n")), HasSubstr("has a unit"));
  EXPECT_THAT(release_errors(model("compatible: { class: rk3566 }\n")), HasSubstr("class is a plain value; a list"));
  EXPECT_THAT(release_errors(model("compatible: { class: [a, a] }\n")), HasSubstr("twice"));
}

TEST(LoadRelease, RecoveryBelongsToConfig) {
  EXPECT_THAT(release_errors(model("recovery: [{ when: crash_count > 1, do: restart_workload }]\n")),
              HasSubstr("recovery rules in a model release; a release of the config plane"));
  EXPECT_THAT(release_errors(config("recovery: [{ when: crash_count > 1, do: restart }]\n")),
              HasSubstr("'restart' is no choice for do"));
  EXPECT_THAT(release_errors(config("recovery: [{ when: crash_cout > 1, do: restart_workload }]\n")),
              HasSubstr("did you mean crash_count?"));
  EXPECT_THAT(release_errors(config("recovery: [{ do: restart_workload }]\n")),
              HasSubstr("a recovery rule has no 'when'"));
}

}  // namespace
}  // namespace muster::rules::test
