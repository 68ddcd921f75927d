// The evidence gate as operators meet it: the page that explains it, run line by line, and the shipped template.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "rules/config/load_confirmations.h"
#include "rules/config/load_policy.h"
#include "tests/unit/operator/page.h"
#include "tests/unit/operator/program.h"
#include "tests/unit/operator/temporary_directory.h"

namespace muster::ctl::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::vector<std::string> blocks(const std::string& info) {
  return blocks_of("docs/evidence-gate.md", info);
}

class EvidenceGate : public ::testing::Test {
 protected:
  void SetUp() override { fs::copy("rules/examples/policies", directory / "policies", fs::copy_options::recursive); }
  // In the copy, with the built musterctl on the path.
  [[nodiscard]] Ran shell(const std::string& line) const {
    const auto program = fs::path(std::getenv("MUSTERCTL"));
    return run({"/bin/sh", "-c",
                "cd " + (directory / "policies") + " && PATH=" + program.parent_path().string() + ":$PATH && " + line});
  }
  [[nodiscard]] Ran check(const std::string& more = "") const {
    return shell("SOURCE_DATE_EPOCH=1795176000 musterctl release check example/sorter-model-7.yaml --json" + more);
  }
  void change(const std::string& file, const std::string& from, const std::string& to) const {
    auto text = directory.read("policies/example/evidence/" + file);
    ASSERT_NE(text.find(from), std::string::npos) << from;
    directory.write("policies/example/evidence/" + file, text.replace(text.find(from), from.size(), to));
  }
  // The results of the items that do not pass, "budgets:fail soak:missing".
  [[nodiscard]] std::string trouble() const {
    const auto ran = check();
    EXPECT_EQ(ran.code, 10) << ran.err;
    std::string all;
    const auto record = json::parse(ran.out);
    for (const auto& item : record.at("items")) {
      if (item.at("result") != "pass")
        all += (all.empty() ? "" : " ") + item.at("id").get<std::string>() + ":" + item.at("result").get<std::string>();
    }
    return all;
  }

  TemporaryDirectory directory;
};

TEST_F(EvidenceGate, EveryCommandOfThePageDoesWhatItSays) {
  std::size_t lines = 0;
  std::string exported;
  for (const auto& block : blocks("sh try")) {
    std::istringstream in(block);
    for (std::string line; std::getline(in, line);) {
      ++lines;
      if (line.starts_with("export ")) exported += line + " && ";
      const auto ran = shell(exported + line);
      EXPECT_EQ(ran.code, expected_code(line)) << line << "\n" << ran.out << ran.err;
    }
  }
  EXPECT_GE(lines, 11u);
}

TEST_F(EvidenceGate, PoliciesAndConfirmationsOfThePageLoad) {
  const auto policies = blocks("yaml policy"), confirmations = blocks("yaml confirmations");
  EXPECT_EQ(policies.size(), 1u);
  EXPECT_EQ(confirmations.size(), 1u);
  for (const auto& text : policies) EXPECT_TRUE(rules::load_policy(text, "page").policy);
  for (const auto& text : confirmations) EXPECT_TRUE(rules::load_confirmations(text, "page").confirmations);
}

TEST_F(EvidenceGate, TheExamplePassesAllElevenItems) {
  const auto ran = check();
  ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
  const auto record = json::parse(ran.out);
  EXPECT_EQ(record["passed"], true);
  EXPECT_EQ(record["items"].size(), 11u);
  EXPECT_EQ(record["release"], "sorter-model@7");
  const auto text = shell("SOURCE_DATE_EPOCH=1795176000 musterctl release check example/sorter-model-7.yaml");
  EXPECT_NE(text.out.find("sorter-model@7 passes readiness 1: 11 items pass\n"), std::string::npos) << text.out;
}

// Each item of the template is caught when what it is about goes wrong, and alone.
TEST_F(EvidenceGate, EveryItemOfTheTemplateCatchesWhatItIsAbout) {
  struct Spoilt {
    const char *file, *from, *to, *trouble;
  };
  for (const auto& spoilt : std::initializer_list<Spoilt>{
           {"benchmark.json", "c3390285", "c3390286", "integrity:fail"},
           {"build.txt", "tag: sorter", "branch: sorter", "integrity:missing"},
           {"compatibility.csv", "esp32,5.2,2.1.0,pass", "esp32,5.2,2.1.0,fail", "compatibility:fail"},
           {"compatibility.csv", "esp32,5.2", "esp33,5.2", "compatibility:missing"},
           {"compatibility.csv", "blocked", "untested", "compatibility:fail"},
           {"config_freeze.json", "freeze\": 0", "freeze\": 1", "config:fail"},
           {"benchmark.json", "18.2", "20.1", "budgets:fail"},
           {"benchmark.json", "\"peak_ram_mb\": 0.21, ", "", "budgets:missing"},
           {"benchmark.json", "\"cpu_percent\": 41", "\"cpu_percent\": null", "budgets:missing"},
           {"esp32/soak_test.log", "duration_h=4.0", "duration_h=1.9", "soak:fail"},
           {"benchmark.json", "18.2", "-1", "budgets:fail"},
           {"rk3566/soak_test.log", "summary", "watchdog reset 1 summary", "soak:fail"},
           {"rk3566/soak_test.log", "summary", "kernel: Out of memory: Killed process 812 summary", "soak:fail"},
           {"rk3566/soak_test.log", "rss_growth_mb=0.4", "rss_growth_mb=0,4", "soak:fail"},
           {"rk3566/soak_test.log", "soak: complete", "soak: stopped", "soak:missing"},
           {"offline.csv", "captive_portal,rk3566-04,pass", "captive_portal,rk3566-04,hung", "offline:fail"},
           {"failure_handling.csv", "low_storage", "no_storage", "failure:missing"},
           {"log_sample.txt", "runtime_version=", "runtime=", "logging:missing"},
           {"log_sample.txt", "delegate_active=", "delegate=", "logging:missing"},
           {"log_sample.txt", "thermal_state=", "thermal=", "logging:missing"},
           {"signing_report.txt", "signature: verified", "signature: unknown", "security:missing"},
           {"signing_report.txt", "secrets found: 0", "secrets found: 2", "security:missing"},
           {"confirmations.yaml", "  security:", "  security-2:", "security:missing"},
           {"rollout.yaml", "gate: manual, ", "", "rollout:missing"},
           {"confirmations.yaml", "2026-11-20", "2026-10-01", "support:fail"},
           {"benchmark.json", "sorter-model@7", "sorter-model@6", "integrity:fail"},
           {"build.txt", "sorter-model@7", "sorter-model@6", "integrity:fail"},
           {"compatibility.csv", "sorter-model@7,esp32", "sorter-model@6,esp32", "compatibility:fail"},
           {"config_freeze.json", "sorter-model@7", "sorter-model@6", "config:fail"},
           {"rk3566/soak_test.log", "sorter-model@7", "sorter-model@6", "soak:fail"},
           {"esp32/soak_test.log", " release=sorter-model@7", "", "soak:missing"},
           {"offline.csv", "sorter-model@7,intermittent", "sorter-model@6,intermittent", "offline:fail"},
           {"offline.csv", "release,network", "build,network", "offline:missing"},
           {"failure_handling.csv", "sorter-model@7", "sorter-model@6", "failure:fail"},
           {"log_sample.txt", "sorter-model@7", "sorter-model@6", "logging:fail"},
           {"signing_report.txt", "sorter-model@7", "sorter-model@6", "security:fail"},
           {"rollout.yaml", "sorter-model@7", "sorter-model@6", "rollout:fail"},
           {"support.md", "sorter-model@7", "sorter-model@6", "support:fail"},
       }) {
    const auto before = directory.read("policies/example/evidence/" + std::string(spoilt.file));
    change(spoilt.file, spoilt.from, spoilt.to);
    EXPECT_EQ(trouble(), spoilt.trouble) << spoilt.file << ": " << spoilt.to;
    directory.write("policies/example/evidence/" + std::string(spoilt.file), before);
  }
  change("confirmations.yaml", "sorter-model@7", "sorter-model@6");
  EXPECT_EQ(trouble(), "security:fail rollout:fail support:fail") << "what was confirmed of another release";
}

// Evidence of the last release, copied along, is what a gate meets every day: no file of the template passes so.
TEST_F(EvidenceGate, NoFileOfAnotherReleasePassesTheTemplate) {
  const auto folder = directory / "policies/example/evidence";
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const auto file = fs::relative(entry.path(), folder).string();
    const auto before = directory.read("policies/example/evidence/" + file);
    auto text = before;
    for (auto at = text.find("sorter-model@7"); at != std::string::npos; at = text.find("sorter-model@7"))
      text.replace(at, 14, "sorter-model@6");
    EXPECT_NE(text, before) << file << " does not say for which release it was made";
    directory.write("policies/example/evidence/" + file, text);
    EXPECT_NE(trouble(), "") << file;
    directory.write("policies/example/evidence/" + file, before);
  }
  EXPECT_EQ(files, 13u);
}

// What release build refuses is not fit either, whether a check looks at it or not.
TEST_F(EvidenceGate, ListedEvidenceHasToBeThere) {
  fs::remove(directory / "policies/example/evidence/support.md");
  directory.write("policies/one.yaml",
                  "policy: one\nversion: 1\nitems:\n  - { id: a, stage: build, role: ml, says: A., checks: [{ file: "
                  "build.txt }] }\n");
  const auto listed = shell("musterctl release check example/sorter-model-7.yaml --policy one.yaml");
  EXPECT_EQ(listed.code, 10) << listed.out;
  EXPECT_NE(listed.err.find("evidence/support.md"), std::string::npos) << listed.err;
  // Where evidence lies elsewhere, what the release file names does not matter; links are files by their own names.
  fs::create_directories(directory / "policies/ci");
  fs::rename(directory / "policies/example/evidence/build.txt", directory / "policies/run-17.txt");
  fs::create_symlink("../run-17.txt", directory / "policies/ci/build.txt");
  const auto elsewhere = shell("musterctl release check example/sorter-model-7.yaml --policy one.yaml --evidence ci");
  EXPECT_EQ(elsewhere.code, 0) << elsewhere.out << elsewhere.err;
  EXPECT_EQ(elsewhere.err, "");
}

// A builder may give any time as that of the build; who signs judges as of the signature too.
TEST_F(EvidenceGate, AWordThatGrewOldIsNotSigned) {
  ASSERT_EQ(shell("musterctl keys init keys").code, 0);
  ASSERT_EQ(shell("SOURCE_DATE_EPOCH=1795176000 musterctl release build example/sorter-model-7.yaml --out out").code,
            0);
  const std::string sign = " musterctl release sign out/sorter-model@7 --key keys/release.key";
  const auto late = shell("SOURCE_DATE_EPOCH=1800000000" + sign);
  EXPECT_EQ(late.code, 10) << late.err;
  EXPECT_NE(late.err.find("older than the policy allows"), std::string::npos) << late.err;
  EXPECT_EQ(shell("SOURCE_DATE_EPOCH=1795262400" + sign).code, 0) << "a day later";
}

// What is judged after a rollout is confirmed after the build.
TEST_F(EvidenceGate, ItemsAfterTheRolloutAreJudgedAsOfNow) {
  directory.write("policies/week.yaml",
                  "policy: week\nversion: 1\nitems:\n  - { id: a, stage: build, role: ml, says: A., checks: [{ file: "
                  "build.txt }] }\n  - { id: watched, stage: post, role: backend, says: B.,\n"
                  "      checks: [{ confirmed_in: c.yaml, within: 30d }] }\n");
  directory.write("policies/after/c.yaml",
                  "release: sorter-model@7\nconfirmed: { watched: { confirmed_by: li, date: 2026-12-20 } }\n");
  const std::string build =
      "SOURCE_DATE_EPOCH=1795176000 musterctl release build example/sorter-model-7.yaml --out out";
  ASSERT_EQ(shell(build).code, 0);
  const auto judged_on = [&](const std::string& time) {
    return shell("SOURCE_DATE_EPOCH=" + time +
                 " musterctl release check out/sorter-model@7 --policy week.yaml --evidence after --stage post --json");
  };
  EXPECT_EQ(judged_on("1797854400").code, 0) << "2026-12-21: " << judged_on("1797854400").out;
  EXPECT_EQ(judged_on("1795176000").code, 10) << "that day has not come yet";
  EXPECT_EQ(judged_on("1801000000").code, 10) << "too long ago";
}

TEST_F(EvidenceGate, WrongCommandLinesAndFilesSayWhatIsRight) {
  const auto stage = check(" --stage soon");
  EXPECT_EQ(stage.code, 2);
  EXPECT_NE(stage.err.find("build, release or post"), std::string::npos) << stage.err;
  directory.write("policies/bad.yaml", "policy: p\nversion: 1\nitem: []\n");
  const auto bad = check(" --policy bad.yaml");
  EXPECT_EQ(bad.code, 5);
  EXPECT_NE(bad.err.find("bad.yaml:3:1: unknown key 'item' in a policy; did you mean 'items'?"), std::string::npos)
      << bad.err;
  EXPECT_EQ(check(" --policy none.yaml").code, 3);
  EXPECT_EQ(check(" --evidence nowhere").code, 3);
  directory.write("policies/plain.yaml", "release: m@1\nplane: model\nfiles: [readiness.yaml]\n");
  const auto none = shell("musterctl release check plain.yaml");
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("m@1 names no policy: give one with --policy"), std::string::npos) << none.err;
  const auto unclassed = shell("musterctl release check plain.yaml --policy readiness.yaml");
  EXPECT_EQ(unclassed.code, 10) << unclassed.err;
  EXPECT_NE(unclassed.out.find("compatible: { class: [...] }"), std::string::npos) << unclassed.out;
}

}  // namespace
}  // namespace muster::ctl::test
