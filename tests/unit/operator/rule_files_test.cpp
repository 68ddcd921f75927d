// What musterctl makes of rule files besides checking them: strategies spelt out, and schemas for editors.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "rules/config/load_rule.h"
#include "tests/support/long_form.h"
#include "tests/unit/operator/program.h"
#include "tests/unit/operator/temporary_directory.h"

namespace muster::ctl::test {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(RolloutExpand, PrintsThePlainRule) {
  const TemporaryDirectory directory;
  const auto file = directory.write(
      "rule.yaml",
      "rollout: r\ntargets: device.class == \"a\" # all of them\nversions: { model: m@1 }\nstrategy: regional\n"
      "regions: [eu, us]\nrisk: low\nhalt: { failed_devices: 2 }\n");
  const auto ran = musterctl({"rollout", "check", file, "--expand"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "# Its waves come from strategy: regional and risk: low. Targets of no listed region get nothing.\n"
            "rollout: r\n"
            "targets: 'device.class == \"a\"'\n"
            "versions:\n"
            "  model: m@1\n"
            "waves:\n"
            "  - { name: eu, ring: 'device.region == \"eu\"', gate: auto, soak: 10m }\n"
            "  - { name: us, ring: 'device.region == \"us\"', gate: auto, soak: 10m }\n"
            "halt: { failed_devices: 2 }\n");
  const auto json = musterctl({"rollout", "check", file, "--expand", "--json"});
  EXPECT_TRUE(contains(json.out, R"({"expanded":"rollout: r\n)")) << json.out;
  const auto check = musterctl({"rollout", "check", file});
  EXPECT_TRUE(contains(check.out,
                       "Its waves come from strategy: regional and risk: low. Targets of no listed region get "
                       "nothing. --expand prints them as a rule file."))
      << check.out;
  EXPECT_EQ(musterctl({"rollout", "check", file, "--expand", "--fleet", file}).code, 2);
}

TEST(RolloutCheck, SaysWhatARehearsalDoesAndPrintsItSpeltOut) {
  const TemporaryDirectory directory;
  const auto file = directory.write(
      "rule.yaml", "rollout: r\ntargets: true\nversions: { model: m@1 }\nrehearse: { devices: 2 }\nrisk: low\n");
  const auto expanded = musterctl({"rollout", "check", file, "--expand"});
  EXPECT_EQ(expanded.code, 0) << expanded.err;
  EXPECT_TRUE(contains(expanded.out,
                       "  - { name: rehearsal, devices: 2, gate: auto, soak: 10m, rehearse: true }\n"
                       "  - { name: canary, percent: 25, gate: auto, soak: 10m }\n"))
      << expanded.out;
  const auto checked = musterctl({"rollout", "check", file});
  EXPECT_TRUE(
      contains(checked.out,
               "  1. rehearsal: the first 2 targets; each device watches itself for 10 min 00 s before it counts "
               "as done; each takes the versions, goes back to what it ran, and takes them again; goes on by "
               "itself"))
      << checked.out;
  const auto json = musterctl({"rollout", "check", file, "--json"});
  EXPECT_TRUE(contains(json.out, R"("first_devices":2)") && contains(json.out, R"("rehearse":true)")) << json.out;
  const auto fleet = directory.write("fleet.yaml", "groups: [{ count: 30 }]\n");
  EXPECT_TRUE(contains(musterctl({"rollout", "check", file, "--fleet", fleet}).out, "1. rehearsal reaches 2\n"));
}

TEST(RolloutCheck, SaysHowManyTargetsNoWaveReaches) {
  const TemporaryDirectory directory;
  const std::string rule = "rollout: r\ntargets: true\nversions: { model: m@1 }\n";
  const auto fleet =
      directory.write("fleet.yaml", "groups: [{ count: 30, region: eu }, { count: 20, region: us }, { count: 7 }]\n");
  const auto plan = [&](const std::string& more) {
    return musterctl({"rollout", "check", directory.write("rule.yaml", rule + more), "--fleet", fleet}).out;
  };
  EXPECT_TRUE(contains(plan("strategy: regional\nregions: [us, eu]\n"),
                       "it targets 57:\n  1. us reaches 20\n  2. eu reaches 50\n  no wave reaches the other 7"));
  EXPECT_TRUE(contains(plan("risk: low\npercentages: [50]\n"), "reaches 29\n  no wave reaches the other 28"));
  EXPECT_FALSE(contains(plan("risk: low\n"), "no wave reaches"));
  EXPECT_TRUE(
      contains(plan("strategy: regional\nregions: [nz, us]\n"),
               "1. nz reaches 0: nobody is in it, and the rollout stands there until somebody is\n  2. us reaches "
               "20\n"));
}

TEST(RolloutExpand, WhatItPrintsIsTheSameRule) {
  const TemporaryDirectory directory;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("rules/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const auto expanded = musterctl({"rollout", "check", entry.path().string(), "--expand"});
    ASSERT_EQ(expanded.code, 0) << expanded.err;
    const auto plain = directory.write("plain.yaml", expanded.out);
    EXPECT_EQ(musterctl({"rollout", "check", plain, "--json"}).out,
              musterctl({"rollout", "check", entry.path().string(), "--json"}).out)
        << entry.path();
    const auto check = musterctl({"rollout", "check", plain});
    EXPECT_FALSE(contains(check.out, "--expand")) << check.out;
  }
  EXPECT_GE(files, 9u);
}

TEST(RolloutExpand, ARuleThatGetsTooLongIsNotPrinted) {
  const TemporaryDirectory directory;
  // Single quotes are doubled when it is written out.
  const std::string ring = "device.site == \"" + std::string(250, '\'') + "\"";
  std::string text = "rollout: r\ntargets: true\nversions: { model: m@1 }\nwaves:\n";
  for (int i = 0; i < 30; ++i) {
    text += "- name: w" + std::to_string(i) + "\n  ring: ";
    for (int j = 0; j < 7; ++j) text += ring + " || ";
    text += "false\n";
  }
  const auto file = directory.write("long.yaml", text);
  EXPECT_EQ(musterctl({"rollout", "check", file}).code, 0);
  const auto ran = musterctl({"rollout", "check", file, "--expand"});
  EXPECT_EQ(ran.code, 5);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(contains(ran.err, "longer than a rule file may be: 65536 bytes")) << ran.err;
}

// The first block of a page that begins with the line "```" + info, after `heading`.
std::string block_of(const std::string& page, const std::string& heading, const std::string& info) {
  const std::string open = "\n```" + info + "\n";
  const auto begin = page.find(open, page.find(heading));
  if (begin == std::string::npos) return {};
  const auto from = begin + open.size();
  return page.substr(from, page.find("\n```", from) + 1 - from);
}

// `text` with `from` replaced once; empty when it is not there.
std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  return at == std::string::npos ? std::string() : text.replace(at, from.size(), to);
}

// The first rule that somebody writes by the page runs to its end in the simulation that the page recommends, with the
// links that its fleet has.
TEST(RulesPage, ItsRuleCompletesInTheSimulation) {
  std::ifstream in("docs/rules.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  const TemporaryDirectory directory;
  const auto rule = directory.write("rollout.yaml", block_of(page, "## Ten minutes", "yaml rule"));
  const auto fleet = directory.write("fleet.yaml", block_of(page, "### Checking it", "yaml fleet"));
  ASSERT_TRUE(contains(page, "`musterctl simulate rollout.yaml --fleet fleet.yaml`"));
  const auto ran = musterctl({"simulate", rule, "--fleet", fleet});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(contains(ran.out, "\n20 runs from seed 1: 20 completed; halted, frozen or taken back in none\n"))
      << ran.out;
  EXPECT_FALSE(contains(ran.out, "warning: ")) << ran.out;
}

// What the page says that the command prints for the example, it prints.
TEST(RulesPage, ShowsWhatIsPrinted) {
  std::ifstream in("docs/rules.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  const auto rule = block_of(page, "## Ten minutes", "yaml rule");
  const TemporaryDirectory directory;
  const auto file = directory.write("rollout.yaml", rule);
  const auto fleet = directory.write("fleet.yaml", block_of(page, "### Checking it", "yaml fleet"));
  const auto ran = musterctl({"rollout", "check", file, "--fleet", fleet});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const auto plan = block_of(page, "```sh\nmusterctl rollout check rollout.yaml --fleet", "");
  EXPECT_FALSE(plan.empty());
  EXPECT_TRUE(contains(with(ran.out, fleet, "fleet.yaml"), plan)) << ran.out << "\nthe page says\n" << plan;

  const auto wrong = with(with(with(rule, "device.class", "device.clas"), "manual", "manuel"), "24h", "24");
  const auto refused = musterctl({"rollout", "check", directory.write("rollout.yaml", wrong)});
  EXPECT_EQ(refused.code, 5);
  std::string said = refused.err;
  for (auto at = said.find(file); at != std::string::npos; at = said.find(file)) {
    said.replace(at, file.size(), "rollout.yaml");
  }
  const auto errors = block_of(page, "### Checking it", "");
  EXPECT_FALSE(errors.empty());
  EXPECT_TRUE(contains(said, errors)) << said << "\nthe page says\n" << errors;
}

// The schemas in the hands of a validator that is not ours; and the readers look at the same files.
TEST(Schemas, AgreeWithTheReaders) {
  const auto seed = muster::testing::seed_or(20261125);
  const char* const program = std::getenv("MUSTERCTL");
  ASSERT_NE(program, nullptr);
  const auto ran = run({"/usr/bin/python3", "tests/unit/operator/schema_check.py", program, std::to_string(seed)});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto made = nlohmann::json::parse(ran.out);
  for (const auto& complaint : made.at("complaints")) ADD_FAILURE() << complaint.get<std::string>();
  const auto loads = [](const nlohmann::json& found) {
    return rules::load_rule(found.at("text").get<std::string>(), "r").rule.has_value();
  };
  ASSERT_GE(made.at("slips").size(), 60u);
  for (const auto& slip : made.at("slips")) {
    EXPECT_FALSE(loads(slip)) << slip.at("name") << ": the reader takes what the schema refuses";
  }
  std::size_t loaded = 0, refused = 0;
  for (const auto& mutant : made.at("mutants")) {
    const bool taken = mutant.at("taken").get<bool>();
    ++(loads(mutant) ? loaded : refused);
    EXPECT_TRUE(taken || !loads(mutant)) << mutant.at("name") << ": the schema refuses what the reader takes\n"
                                         << mutant.at("text").get<std::string>();
  }
  EXPECT_GE(loaded, 40u) << "they show nothing";
  printf("MUSTER_SEED=%llu: %s; of %zu mutants %zu load\n", static_cast<unsigned long long>(seed),
         made.at("seen").get<std::string>().c_str(), loaded + refused, loaded);
}

TEST(Schemas, ArePrintedForBothKindsOfFiles) {
  const auto rule = musterctl({"rollout", "schema"});
  EXPECT_EQ(rule.code, 0) << rule.err;
  EXPECT_TRUE(contains(rule.out, "\"$schema\": \"http://json-schema.org/draft-07/schema#\"")) << rule.out;
  EXPECT_TRUE(contains(rule.out, "\"guardrails\"")) << rule.out;
  EXPECT_EQ(musterctl({"rollout", "schema", "--json"}).out, rule.out);
  const auto release = musterctl({"rollout", "schema", "--release"});
  EXPECT_EQ(release.code, 0) << release.err;
  EXPECT_TRUE(contains(release.out, "\"security_version\"")) << release.out;
}

}  // namespace
}  // namespace muster::ctl::test
