// The table of keys against what it speaks of: the engine's defaults and words, the documents, itself.
#include "rules/config/keys.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "rules/config/fields.h"
#include "rules/config/load_rule.h"
#include "tests/unit/rule_config/fixture.h"
#include "tests/unit/rule_config/reference.h"

namespace muster::rules::test {
namespace {

const Section* const sections[] = {&keys::rule,    &keys::versions,       &keys::wave,           &keys::halt,
                                   &keys::pace,    &keys::guardrail,      &keys::rollback,       &keys::on_inconclusive,
                                   &keys::release, &keys::requirements,   &keys::compatible,     &keys::runtime,
                                   &keys::probe,   &keys::release_shadow, &keys::recovery_rule,  &keys::retry,
                                   &keys::window,  &keys::rehearse,       &keys::retry_by_error, &keys::activation};

TEST(Keys, EachRowIsWhole) {
  for (const Section* const section : sections) {
    std::set<std::string_view> names;
    for (const Key& key : section->keys) {
      const std::string where = std::string(section->what) + ": " + std::string(key.name);
      EXPECT_TRUE(names.insert(key.name).second) << where << " is there twice";
      EXPECT_TRUE(key.doc.ends_with('.')) << where << " does not say what it means";
      EXPECT_EQ(key.doc.find('|'), std::string::npos) << where << " would break the table of the documents";
      EXPECT_LE(key.min, key.max) << where;
      EXPECT_LE(key.items_min, key.items_max) << where;
      EXPECT_TRUE(!key.required || !key.example.empty()) << where << " is missed without saying what to add";
      EXPECT_TRUE(key.required || key.fallback.empty() != key.absent.empty())
          << where << " does not say what counts without it";
      EXPECT_EQ(key.form == Form::map, key.keys != nullptr) << where;
      EXPECT_TRUE(key.form != Form::word || !key.words.empty()) << where;
    }
    for (const std::string_view name : section->exactly_one) EXPECT_TRUE(names.contains(name)) << name;
    for (const std::string_view name : section->at_least_one) EXPECT_TRUE(names.contains(name)) << name;
  }
}

// What messages show as right has to be.
TEST(Keys, ExamplesOfListsAndMapsLoad) {
  std::vector<std::pair<std::string, std::string>> lines;  // with what has to stand beside them
  for (const Section* const section :
       {&keys::versions, &keys::rehearse, &keys::halt, &keys::pace, &keys::retry, &keys::rollback})
    lines.emplace_back(section->example, "");
  for (const Key& key : keys::rule.keys) {
    if (key.items_max == 0) continue;
    const std::string example(key.example.substr(0, key.example.find(", or ")));
    lines.emplace_back(example, key.of_strategy.empty() ? "" : "strategy: " + std::string(key.of_strategy) + "\n");
  }
  EXPECT_EQ(lines.size(), 13u);
  const auto rule = [](const std::string& line, const std::string& beside) {
    std::string text = line + "\n" + beside;
    if (beside.empty() && !line.starts_with("waves:")) text += "waves: [{ name: all, percent: 100 }]\n";
    if (!line.starts_with("versions:")) text += "versions: { model: m@1, config: c@1 }\n";
    return "rollout: r\ntargets: true\n" + text;
  };
  for (const auto& [line, beside] : lines) {
    EXPECT_FALSE(line.empty());
    EXPECT_EQ(lines_of(load_rule(rule(line, beside), line).diagnostics), "") << line;
  }
  const std::string one[] = {
      "guardrails: [{ name: g, metric: p95_ms, max: 1, " + std::string(key_of(keys::guardrail, "by").example) + " }]",
      "guardrails: [" + std::string(keys::guardrail.example) + "]",
      "windows: [" + std::string(keys::window.example) + "]", "waves: [" + std::string(keys::wave.example) + "]",
      "retry: { attempts: 3, " + std::string(key_of(keys::retry, "by_error").example) + " }"};
  for (const auto& line : one) EXPECT_EQ(lines_of(load_rule(rule(line, ""), line).diagnostics), "") << line;
}

// A default that the file would be refused for, or that is not what the engine takes, would be a wrong promise.
TEST(Keys, DefaultsAreWhatTheEngineHas) {
  const LoadedRule loaded = load_rule(
      "rollout: r\ntargets: true\nversions: { model: m@1 }\nwaves: [{ name: all, percent: 100 }]\n"
      "guardrails: [{ name: g, metric: p95_ms, max: 1 }]\n",
      "r");
  ASSERT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
  Rule usual;
  usual.rollout = "r";
  usual.targets_text = loaded.rule->targets_text;
  usual.targets = loaded.rule->targets;
  usual.versions = {{Plane::model, "m", "1"}};
  usual.waves.resize(1);
  usual.waves[0].name = "all";
  usual.waves[0].percent = 100;
  usual.guardrails.resize(1);
  usual.guardrails[0].name = "g";
  usual.guardrails[0].metric = "p95_ms";
  usual.guardrails[0].limit = 1;
  EXPECT_TRUE(*loaded.rule == usual);

  const LoadedRelease release = load_release("release: m@1\nplane: model\nfiles: [a]\nprobes: [{ exec: e }]\n", "r");
  ASSERT_TRUE(release.release) << lines_of(release.diagnostics);
  const ProbeSpec probe;
  EXPECT_EQ(release.release->security_version, ReleaseSpec().security_version);
  EXPECT_EQ(release.release->probes[0].initial_delay_ms, probe.initial_delay_ms);
  EXPECT_EQ(release.release->probes[0].timeout_ms, probe.timeout_ms);
  EXPECT_EQ(release.release->probes[0].interval_ms, probe.interval_ms);
  EXPECT_EQ(release.release->probes[0].attempts, probe.attempts);
}

// The default, written into a file, is the value that counts without it.
TEST(Keys, DefaultsCanBeWritten) {
  const std::string base = "rollout: r\ntargets: true\nversions: { model: m@1 }\nwaves: [{ name: a, percent: 10";
  const std::string guardrail = " }]\nguardrails: [{ name: g, metric: p95_ms, against: baseline, max_increase: 1%";
  const auto load = [&](const std::string& in_wave, const std::string& in_guardrail, const std::string& more) {
    const LoadedRule loaded = load_rule(base + in_wave + guardrail + in_guardrail + " }]\n" + more, "r");
    EXPECT_TRUE(loaded.rule) << lines_of(loaded.diagnostics);
    return loaded.rule.value_or(Rule());
  };
  const Rule without = load("", "", "");
  const auto written = [](const Key& key) { return std::string(key.name) + ": " + std::string(key.fallback); };
  for (const Key& key : keys::wave.keys) {
    if (key.fallback.empty()) continue;
    EXPECT_TRUE(load(", " + written(key), "", "") == without) << key.name;
  }
  for (const Key& key : keys::guardrail.keys) {
    if (key.fallback.empty() || key.name == "against") continue;  // this one is against: baseline
    EXPECT_TRUE(load("", ", " + written(key), "") == without) << key.name;
  }
  for (const Key& key : keys::rule.keys) {
    if (key.fallback.empty()) continue;
    EXPECT_TRUE(load("", "", written(key) + "\n") == without) << key.name;
  }
  EXPECT_TRUE(load("", "", "halt: { failed_devices: 1 }\nrollback: { on_abort: keep }\n") == without);
}

template <typename Enum>
void expect_words(const Key& key, std::size_t count) {
  ASSERT_EQ(key.words.size(), count) << key.name;
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(key.words[i], name_of(static_cast<Enum>(i)));
}

// Readers cast the index of a word to the engine's value.
TEST(Keys, WordsAreInTheEnginesOrder) {
  expect_words<Plane>(key_of(keys::rule, "order"), plane_count);
  expect_words<Plane>(key_of(keys::rollback, "first"), plane_count);
  expect_words<Plane>(key_of(keys::release, "plane"), plane_count);
  expect_words<Attribute>(key_of(keys::guardrail, "by"), attribute_count);
  expect_words<Against>(key_of(keys::guardrail, "against"), 3);
  expect_words<OnFail>(key_of(keys::guardrail, "on_fail"), 4);
}

TEST(Keys, TheReferenceIsUpToDate) {
  const std::string path = "docs/rules.md";
  const std::string page = read_whole(path);
  std::string complaint;
  const std::string made = with_generated_parts(page, complaint);
  EXPECT_EQ(complaint, "");
  if (std::getenv("MUSTER_REGENERATE") != nullptr) std::ofstream(path, std::ios::binary) << made;
  EXPECT_TRUE(made == read_whole(path)) << "run this test with MUSTER_REGENERATE=1 and read the diff of " << path;
}

TEST(Keys, AGeneratedPartThatNothingMakesIsFound) {
  std::string complaint;
  const std::string odd = "<!-- generated: keys of a rul -->\n<!-- end -->\n";
  EXPECT_EQ(with_generated_parts(odd, complaint), odd);
  EXPECT_NE(complaint.find("nothing makes 'keys of a rul'"), std::string::npos) << complaint;
  EXPECT_NE(complaint.find("the page has no 'keys of a rule'"), std::string::npos) << complaint;
  complaint.clear();
  const std::string endless = "<!-- generated: keys of a wave -->\nold\n";
  EXPECT_EQ(with_generated_parts(endless, complaint), endless);
  EXPECT_NE(complaint.find("has no end"), std::string::npos) << complaint;
}

}  // namespace
}  // namespace muster::rules::test
