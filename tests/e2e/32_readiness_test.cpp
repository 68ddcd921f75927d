// The evidence gate from end to end: a broker that asks for a policy rolls out what was judged by it, and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/e2e/harness/world.h"

namespace muster::e2e {
namespace {

using testing::HasSubstr;

const std::string one_wave = "[{ name: all, percent: 100, soak: 0s }]";

BrokerSettings asking_for(const std::string& version) {
  BrokerSettings settings;
  settings.more_plugin_config =
      "required_policies:\n  - { policy: ready, version: " + version + ", planes: [model] }\n";
  return settings;
}

class Readiness : public World {
 protected:
  // A model whose evidence says how fast it is and for which release that was measured.
  [[nodiscard]] ReleaseToMake measured(const std::string& version, const std::string& p95_ms,
                                       const std::string& of_release = {}) {
    write_text(folder_.file("sources/ready.yaml"),
               "policy: ready\nversion: 2\nitems:\n  - id: budgets\n    stage: build\n    role: ml\n"
               "    says: It was measured, and is fast enough.\n    checks:\n"
               "      - { file: bench.json, value: /release, names: release }\n"
               "      - { file: bench.json, value: /p95_ms, max: 20 }\n");
    const auto ref = "m@" + version;
    write_text(folder_.make_folder("sources/" + ref + "/evidence") + "/bench.json",
               R"({"release": ")" + (of_release.empty() ? ref : of_release) + R"(", "p95_ms": )" + p95_ms + "}\n");
    return {.name = "m",
            .version = version,
            .model_txt = "good " + version,
            .more = "policy: ../ready.yaml\nevidence: [evidence/bench.json]\n"};
  }
  [[nodiscard]] Finished start(const std::string& name, const std::string& versions) {
    return ctl().run({"rollout", "start", rule_file(name, rule(name, versions, one_wave))});
  }
};

TEST_F(Readiness, WhatWasNotJudgedIsNotRolledOut) {
  open(asking_for("1"));
  start_fleet(2);
  make_release({.name = "m", .version = "1"});
  const auto refused = start("bare", "{ model: m@1 }");
  EXPECT_EQ(refused.exit_code, 10) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("m@1"));
  EXPECT_THAT(refused.err, HasSubstr("ready"));
  EXPECT_EQ(audit_count("command.refused"), 1u);
  EXPECT_TRUE(ops().control("listRollouts")["data"]["rollouts"].empty());

  // Another plane was not asked for.
  make_release({.name = "c", .version = "1", .plane = "config", .probes = ""});
  start_rollout("c-1", rule("c-1", "{ config: c@1 }", one_wave));
  EXPECT_EVENTUALLY(20s, state("c-1") == "completed");

  make_release(measured("2", "18.5"));
  start_rollout("m-2", rule("m-2", "{ model: m@2 }", one_wave));
  EXPECT_EVENTUALLY(20s, state("m-2") == "completed") << status("m-2").dump(1);
  EXPECT_EQ(agents_with("good 2"), 2u);

  // What it was judged by is at the broker, also after its end, and is what was signed.
  leave_ops();
  broker().kill_hard();
  ASSERT_TRUE(broker().start());
  const auto out = folder_.file("fetched");
  ctl().must({"release", "evidence", "m@2", "--out", out, "--root", keys_.folder() + "/root.menv"});
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(out)) {
    if (entry.path().filename() == "bench.json") found.push_back(read_text(entry.path()));
  }
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], read_text(folder_.file("sources/m@2/evidence/bench.json")));
  EXPECT_EQ(start("again", "{ model: m@1 }").exit_code, 10) << "what is asked for outlives the broker's end";

  // The policy's next version is asked for while the broker runs; what was started goes on.
  broker().reload(asking_for("3"));
  EXPECT_EVENTUALLY(10s, start("newer", "{ model: m@2 }").exit_code == 10);
  EXPECT_EQ(state("m-2"), "completed");
  expect_audit_intact();
}

TEST_F(Readiness, EvidenceThatDoesNotPassIsNeitherBuiltNorSigned) {
  open();
  const auto build = [&](const ReleaseToMake& release) {
    const auto source = folder_.file("sources/m@" + release.version);
    write_text(source + "/model.txt", release.model_txt);
    write_text(
        source + "/release.yaml",
        "release: m@" + release.version + "\nplane: model\nsecurity_version: 1\nfiles: [model.txt]\n" + release.more);
    return ctl().run({"release", "build", source + "/release.yaml", "--out", folder_.make_folder("releases")});
  };
  const auto sign = [&](const std::string& ref) {
    return ctl().run({"release", "sign", release_folder(ref), "--key", keys_.folder() + "/release.key"});
  };
  for (const auto& [version, p95_ms, of_release] :
       {std::tuple{"1", "20.5", ""}, {"2", "null", ""}, {"3", "18", "m@1"}, {"4", "\"18\"", ""}}) {
    const auto built = build(measured(version, p95_ms, of_release));
    EXPECT_EQ(built.exit_code, 10) << version << built.err;
    EXPECT_THAT(built.err, HasSubstr("bench.json")) << version;
    EXPECT_FALSE(exists(release_folder(std::string("m@") + version))) << version;
  }
  const auto good = build(measured("5", "18"));
  ASSERT_EQ(good.exit_code, 0) << good.err;
  // What lies in the folder between building and signing is judged again.
  std::size_t changed = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(release_folder("m@5"))) {
    if (!entry.is_regular_file() || read_text(entry.path()).find("p95_ms\": 18") == std::string::npos) continue;
    write_text(entry.path(), R"({"release": "m@5", "p95_ms": 12})");
    ++changed;
  }
  ASSERT_EQ(changed, 1u);
  const auto spoiled = sign("m@5");
  EXPECT_NE(spoiled.exit_code, 0);
  EXPECT_THAT(spoiled.err, HasSubstr("bench.json"));
  EXPECT_NE(ctl().run({"release", "publish", release_folder("m@5")}).exit_code, 0) << "it is not signed";
}

}  // namespace
}  // namespace muster::e2e
