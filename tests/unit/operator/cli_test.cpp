// musterctl as operators run it, without a broker: help, wrong command lines, files that are wrong, keys and releases.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <regex>

#include "tests/unit/operator/program.h"
#include "tests/unit/operator/temporary_directory.h"

namespace muster::ctl::test {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The names below "Subcommands:" in a command's help, without the second name that one may have.
std::vector<std::string> subcommands_in(const std::string& help) {
  std::vector<std::string> names;
  const auto at = help.find("Subcommands:");
  if (at == std::string::npos) return names;
  std::istringstream lines(help.substr(at));
  std::string line;
  std::getline(lines, line);
  static const std::regex entry(R"(^  ([a-z-]+)(, [a-z-]+)*\s.*)");
  while (std::getline(lines, line) && !line.empty()) {
    if (std::smatch match; std::regex_match(line, match, entry)) names.push_back(match[1]);
  }
  return names;
}

// Every command there is, found as a person would find it.
void visit(const std::vector<std::string>& command, std::vector<std::vector<std::string>>& leaves) {
  auto arguments = command;
  arguments.emplace_back("--help");
  const auto help = musterctl(arguments);
  ASSERT_EQ(help.code, 0) << help.err;
  const auto names = subcommands_in(help.out);
  if (names.empty()) {
    leaves.push_back(command);
    std::string words = "musterctl";
    for (const auto& word : command) words += " " + word;
    EXPECT_TRUE(contains(help.out, "Example:\n  " + words)) << help.out;
    EXPECT_TRUE(contains(help.out, "--json")) << help.out;
  }
  for (const auto& name : names) {
    auto below = command;
    below.push_back(name);
    visit(below, leaves);
  }
}

TEST(Cli, EveryCommandHasHelpWithAnExampleAndJson) {
  std::vector<std::vector<std::string>> leaves;
  visit({}, leaves);
  EXPECT_EQ(leaves.size(), 53u) << "a command came or went: check docs and this number";
}

TEST(Cli, EveryCommandRefusesAnUnknownOption) {
  std::vector<std::vector<std::string>> leaves;
  visit({}, leaves);
  for (auto command : leaves) {
    command.emplace_back("--no-such-option");
    const auto ran = musterctl(command);
    EXPECT_EQ(ran.code, 2) << command.front() << ": " << ran.err;
    EXPECT_TRUE(contains(ran.err, "--help)")) << ran.err;
  }
}

// Devices, releases and evidence are shown: whoever looks for a rollout by that word finds it.
TEST(Cli, ARolloutsStatusIsShownByThatNameToo) {
  const auto help = musterctl({"rollout", "show", "--help"});
  EXPECT_EQ(help.code, 0) << help.err;
  EXPECT_EQ(help.out, musterctl({"rollout", "status", "--help"}).out);
  EXPECT_TRUE(contains(musterctl({"rollout", "--help"}).out, "status, show"));
  const auto wrong = musterctl({"rollout", "show", "r", "--no-such-option"});
  EXPECT_TRUE(contains(wrong.err, "(see musterctl rollout status --help)")) << wrong.err;
}

TEST(Cli, WrongCommandLinesSayWhichHelpToRead) {
  EXPECT_EQ(musterctl({}).code, 2);
  EXPECT_EQ(musterctl({"nonsense"}).code, 2);
  const auto missing = musterctl({"rollout", "approve"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_TRUE(contains(missing.err, "ROLLOUT")) << missing.err;
  EXPECT_TRUE(contains(missing.err, "(see musterctl rollout approve --help)")) << missing.err;
  EXPECT_EQ(musterctl({"rollout", "abort", "r", "--keep", "--revert"}).code, 2);
  EXPECT_EQ(musterctl({"rollout", "watch", "r", "--until", "finished"}).code, 2);
  const auto timeout = musterctl({"rollout", "watch", "r", "--timeout", "soon"});
  EXPECT_EQ(timeout.code, 2);
  EXPECT_TRUE(contains(timeout.err, "90s")) << timeout.err;
  EXPECT_EQ(musterctl({"directive", "safe-mode", "--fleet", "--device", "d1"}).code, 2);
  EXPECT_EQ(musterctl({"directive", "rollback", "--fleet"}).code, 2);
  EXPECT_EQ(musterctl({"rollout", "pause", "r", "--reason", std::string(257, 'x')}).code, 2);
}

// A command line that was sent too early must not assign a whole fleet at 2:17 in the morning.
TEST(Cli, APaceWithoutAnyLimitHasToBeAskedFor) {
  using Words = std::vector<std::string>;
  for (const auto& bare : {Words{"rollout", "pace", "r"}, Words{"rollout", "pace", "r", "--reason", "slow"},
                           Words{"rollout", "pace", "r", "--per-minute", "0", "--jitter", "0s"}}) {
    const auto ran = musterctl(bare);
    EXPECT_EQ(ran.code, 2);
    EXPECT_TRUE(contains(ran.err, "--per-minute 60, or --none: without a limit all devices of the open waves")) << ran.err;
  }
  for (const auto* limit : {"--per-minute", "--per-site", "--at-once", "--jitter"}) {
    const auto both = musterctl({"rollout", "pace", "r", "--none", limit, limit == std::string("--jitter") ? "1s" : "1"});
    EXPECT_EQ(both.code, 2);
    EXPECT_TRUE(contains(both.err, "--none") && contains(both.err, limit)) << both.err;
  }
  // Both would go on to the broker.
  for (const auto& good : {Words{"--none"}, Words{"--at-once", "4"}}) {
    Words words{"rollout", "pace", "r"};
    words.insert(words.end(), good.begin(), good.end());
    EXPECT_TRUE(contains(musterctl(words).err, "no CA certificate given"));
  }
}

TEST(Cli, ErrorsAreJsonWhenAskedFor) {
  const auto ran = musterctl({"rollout", "check", "/nonexistent/rule.yaml", "--json"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(contains(ran.err, R"("kind":"not_found","exit_code":3)")) << ran.err;
}

TEST(Cli, DirectivesNameExactlyOneScope) {
  const auto none = musterctl({"directive", "safe-mode"});
  EXPECT_EQ(none.code, 2);
  EXPECT_TRUE(contains(none.err, "--device ID, --group ATTRIBUTE=VALUE and --fleet")) << none.err;
  const auto group = musterctl({"directive", "safe-mode", "--group", "colour=red"});
  EXPECT_EQ(group.code, 2);
  EXPECT_TRUE(contains(group.err, "class, region, site")) << group.err;
}

constexpr const char* good_rule =
    "rollout: reader-deu-1\n"
    "seed: 7\n"
    "targets: device.region == \"de\"\n"
    "versions:\n"
    "  model: reader-deu@1\n"
    "waves:\n"
    "  - { name: canary, percent: 10, gate: manual, soak: 30s }\n"
    "  - { name: all, percent: 100 }\n"
    "halt: { failed_devices: 1 }\n"
    "rollback: { on_abort: revert, keep_previous_for: 14d }\n";

TEST(RolloutCheck, SaysInWordsWhatARuleWillDo) {
  const TemporaryDirectory directory;
  const auto file = directory.write("rule.yaml", good_rule);
  const auto ran = musterctl({"rollout", "check", file});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(contains(ran.out, "reader-deu@1 on the model plane")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "device.region == \"de\"")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "1. canary: 10 % of the targets; each device watches itself for 30 s")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "you approve it")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "Abort takes back what was done.")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "the broker keeps what its devices ran before for 14 d")) << ran.out;
  const auto json = musterctl({"rollout", "check", file, "--json"});
  EXPECT_TRUE(contains(json.out, R"("rollout":"reader-deu-1","seed":7)")) << json.out;
}

const std::string guarded_rule = std::string(good_rule) +
                                 "guardrails:\n"
                                 "  - { name: quality, metric: edit_distance, against: baseline, max_increase: 12.5%,\n"
                                 "      by: [region, class], on_fail: freeze_segment }\n"
                                 "  - { name: memory, when: gpu_oom_count > 2, tolerate: 20%, on_fail: rollback,\n"
                                 "      on_inconclusive: { advance_after: 48h } }\n"
                                 "  - { name: heat, metric: thermal, max: fair }\n";

TEST(RolloutCheck, SaysWhatGuardrailsJudge) {
  const TemporaryDirectory directory;
  const auto file = directory.write("rule.yaml", guarded_rule);
  const auto ran = musterctl({"rollout", "check", file});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(contains(ran.out,
                       "quality: a device exceeds when edit_distance is more than 12.5 % higher than before, measured "
                       "for 10 min 00 s; a fail (more than 5 % of the devices of one region and class exceed, at 99 %) "
                       "freezes the segment and brings it back; without a verdict a wave holds"))
      << ran.out;
  EXPECT_TRUE(contains(ran.out, "memory: a device exceeds when gpu_oom_count > 2, measured")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "heat: a device exceeds when thermal is higher than fair, measured")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "a wave goes on 2 d 0 h after it opened")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "The first wave opens after 1 h 00 min in which its targets are measured.")) << ran.out;
  const auto json = musterctl({"rollout", "check", file, "--json"});
  EXPECT_TRUE(contains(json.out, R"("metric":"edit_distance","against":"baseline","limit":0.125)")) << json.out;
}

TEST(RolloutCheck, SaysWhichWavesOfAFleetAreTooSmall) {
  const TemporaryDirectory directory;
  const auto file = directory.write("rule.yaml", guarded_rule);
  const auto fleet = directory.write("fleet.yaml",
                                     "groups:\n  - { count: 800, class: a, region: de }\n"
                                     "  - { count: 75, class: a, region: us }\n");
  const auto ran = musterctl({"rollout", "check", file, "--fleet", fleet});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(contains(ran.out, "Of the 875 devices in " + fleet + " it targets 800:\n  1. canary reaches 80\n"))
      << ran.out;
  EXPECT_TRUE(contains(ran.out,
                       "wave canary reaches about 80 devices with region=de class=a; a pass of guardrail "
                       "quality at 99 % with tolerate 5 % needs 114 in its one segment: whoever approves "
                       "the wave decides without it"))
      << ran.out;
  EXPECT_FALSE(contains(ran.out, "wave all reaches")) << ran.out;
  const auto json = musterctl({"rollout", "check", file, "--fleet", fleet, "--json"});
  EXPECT_TRUE(contains(
      json.out,
      R"("fleet":{"devices":875,"targets":800,"waves":[{"name":"canary","reached":80,"empty_ring":false,"enough_percent":15,"enough_devices":120})"))
      << json.out;
  const auto bad = musterctl({"rollout", "check", file, "--fleet", directory.write("bad.yaml", "group: []\n")});
  EXPECT_EQ(bad.code, 5);
  EXPECT_TRUE(contains(bad.err, "bad.yaml:1:1: unknown key 'group' in a fleet; did you mean 'groups'?")) << bad.err;
}

TEST(RolloutCheck, NamesWhatAFleetWithoutTargetsSays) {
  const TemporaryDirectory directory;
  const auto file = directory.write("rule.yaml", good_rule);
  const auto fleet =
      directory.write("fleet.yaml", "groups: [{ count: 8, class: a, region: DE }, { count: 9, region: us }]\n");
  const auto ran = musterctl({"rollout", "check", file, "--fleet", fleet});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(
      contains(ran.out, "\nwarning: no device of the fleet is a target; in the fleet device.region is DE or us"))
      << ran.out;
}

TEST(RolloutCheck, WarnsOfAMetricThatNobodySends) {
  const TemporaryDirectory directory;
  const auto file = directory.write(
      "rule.yaml", std::string(good_rule) + "guardrails: [{ name: latency, metric: latency_p95, max: 180 }]\n");
  const std::string doubt = "guardrail latency judges latency_p95, which is no standard key: did you mean p95_ms?";
  const auto check = [&](const std::string& defaults) {
    auto arguments = std::vector<std::string>{"rollout", "check", file};
    if (!defaults.empty()) {
      arguments.insert(
          arguments.end(),
          {"--fleet", directory.write("fleet.yaml", defaults + "groups: [{ count: 800, class: a, region: de }]\n")});
    }
    const auto text = musterctl(arguments);
    EXPECT_EQ(text.code, 0) << text.err;
    arguments.emplace_back("--json");
    return text.out + musterctl(arguments).out;
  };
  for (const auto& out : {check(""), check("release_mb: { model: 40 }\n")}) {
    EXPECT_TRUE(contains(out, "\nwarning: " + doubt)) << out;
    EXPECT_TRUE(contains(out, R"("warnings":["guardrail latency judges)")) << out;
  }
  const auto described = check("defaults: { metrics: { p95_ms: 180 } }\n");
  EXPECT_TRUE(contains(described, "\nwarning: the fleet file does not say what latency_p95 is like on a de"))
      << described;
  EXPECT_TRUE(contains(described, R"("warnings":["the fleet file does not say)")) << described;
  EXPECT_FALSE(contains(described, "\nwarning: " + doubt)) << "one sentence is enough";
  EXPECT_FALSE(contains(check("defaults: { metrics: { latency_p95: 180 } }\n"), "\nwarning: "));
}

TEST(RolloutCheck, ShowsAllErrorsOfABadRule) {
  const TemporaryDirectory directory;
  const auto file = directory.write("rule.yaml",
                                    "rollout: bad name!\ntargets: device.clas == \"x\"\nversions:\n  model: "
                                    "reader-deu@1\nwaves:\n  - { name: all, percentage: 100 }\n");
  const auto ran = musterctl({"rollout", "check", file});
  EXPECT_EQ(ran.code, 5);
  for (const char* place : {":1:", ":2:", ":6:"}) EXPECT_TRUE(contains(ran.err, file + place)) << ran.err;
  const auto json = musterctl({"rollout", "check", file, "--json"});
  EXPECT_EQ(json.code, 5);
  EXPECT_TRUE(contains(json.err, R"("diagnostics":[")")) << json.err;
  const auto start = musterctl({"rollout", "start", file});
  EXPECT_EQ(start.code, 5) << "a bad rule is not even sent: " << start.err;
}

TEST(KeysAndCerts, AreMadeOnceAndNeverOverwritten) {
  const TemporaryDirectory directory;
  const auto keys = directory / "keys";
  ASSERT_EQ(musterctl({"keys", "init", keys}).code, 0);
  EXPECT_EQ(musterctl({"keys", "init", keys}).code, 4);
  ASSERT_EQ(
      musterctl({"cert", "server", "localhost", "--alt", "127.0.0.1", "--ca", keys, "--out", directory / "broker"})
          .code,
      0);
  ASSERT_EQ(musterctl({"cert", "device", "gw-1", "--ca", keys, "--out", directory / "gw-1", "--days", "30"}).code, 0);
  ASSERT_EQ(musterctl({"cert", "operator", "alice", "--ca", keys, "--out", directory / "alice"}).code, 0);
  EXPECT_EQ(directory.listing(), "alice.crt alice.key broker.crt broker.key gw-1.crt gw-1.key keys");
  EXPECT_EQ(musterctl({"cert", "device", "gw-1", "--ca", keys, "--out", directory / "gw-1"}).code, 4);
  const auto bad = musterctl({"cert", "device", "gw/1", "--ca", keys, "--out", directory / "x"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_TRUE(contains(bad.err, "A-Z a-z 0-9")) << bad.err;
  EXPECT_NE(musterctl({"cert", "device", "gw-2", "--ca", directory / "nowhere", "--out", directory / "x"}).code, 0);
  EXPECT_EQ(musterctl({"cert", "ca", directory / "own"}).code, 0);
  EXPECT_EQ(directory.listing("own"), "ca.crt ca.key");
}

TEST(KeysAndCerts, ACertificateIsLookedAtBeforeItIsUsed) {
  const TemporaryDirectory directory;
  for (const auto* ca : {"ours", "theirs"}) {
    ASSERT_EQ(musterctl({"cert", "ca", directory / ca}).code, 0);
    ASSERT_EQ(
        musterctl({"cert", "device", "gw-1", "--ca", directory / ca, "--out", directory / (std::string("gw-") + ca)})
            .code,
        0);
  }
  const auto check = [&](const std::string& whose) {
    return musterctl({"cert", "check", directory / ("gw-" + whose + ".crt"), "--key",
                      directory / ("gw-" + whose + ".key"), "--ca", directory / "ours/ca.crt"});
  };
  EXPECT_EQ(check("ours").code, 0);
  const auto foreign = check("theirs");
  EXPECT_EQ(foreign.code, 6);
  EXPECT_TRUE(contains(foreign.err, "was not signed by the CA in")) << foreign.err;
}

TEST(ReleaseCommands, BuildSignAndShow) {
  const TemporaryDirectory directory;
  ASSERT_EQ(musterctl({"keys", "init", directory / "keys"}).code, 0);
  const auto file =
      directory.write("reader.yaml", "release: reader@1\nplane: model\nsecurity_version: 1\nfiles: [model.bin]\n");
  directory.write("model.bin", "weights");
  const std::vector<std::pair<std::string, std::string>> fixed{{"SOURCE_DATE_EPOCH", "1800000000"}};
  const auto folder = directory / "out/reader@1";
  const auto built = musterctl({"release", "build", file, "--out", directory / "out"}, fixed);
  ASSERT_EQ(built.code, 0) << built.err;
  EXPECT_TRUE(contains(built.out, "release sign " + folder)) << built.out;
  EXPECT_TRUE(contains(musterctl({"release", "show", folder}).out, "created           2027-01-15 08:00:00"));
  const auto unsigned_publish = musterctl({"release", "publish", folder});
  EXPECT_EQ(unsigned_publish.code, 6) << unsigned_publish.err;
  ASSERT_EQ(musterctl({"release", "sign", "--key", directory / "keys/release.key", folder}).code, 0);
  const auto shown = musterctl({"release", "show", folder, "--root", directory / "keys/root.menv", "--json"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_TRUE(contains(shown.out, R"("signature":{"state":"valid")")) << shown.out;
  EXPECT_EQ(musterctl({"release", "build", file, "--out", directory / "out", "--replace"}).code, 4);
  EXPECT_EQ(musterctl({"release", "build", file, "--out", directory / "out2"}, {{"SOURCE_DATE_EPOCH", "now"}}).code, 2);
}

// Done is what probes and the soak say. A model that nothing probes is done by waiting, and that is seldom meant.
TEST(ReleaseCommands, BuildWarnsOfAModelThatNothingProbes) {
  const TemporaryDirectory directory;
  directory.write("model.bin", "weights");
  const auto build = [&](const std::string& name, const std::string& plane, const std::string& more) {
    const auto file = directory.write(name + ".yaml", "release: " + name + "@1\nplane: " + plane +
                                                          "\nsecurity_version: 1\nfiles: [model.bin]\n" + more);
    const auto text = musterctl({"release", "build", file, "--out", directory / "text"});
    const auto json = musterctl({"release", "build", file, "--out", directory / "json", "--json"});
    EXPECT_EQ(text.code, 0) << text.err;
    EXPECT_EQ(json.code, 0) << json.err;
    return text.out + json.out;
  };
  const auto none = build("bare", "model", "");
  EXPECT_TRUE(contains(none, "\nwarning: bare@1 has no probes: a device that switches to it counts as done once"))
      << none;
  EXPECT_TRUE(contains(none, R"("warnings":["bare@1 has no probes: )")) << none;
  EXPECT_TRUE(contains(none, "\nnext: musterctl release sign ")) << none;
  for (const auto& fine :
       {build("probed", "model", "probes: [{ file: model.bin }]\n"), build("settings", "config", "")}) {
    EXPECT_FALSE(contains(fine, "warning: ")) << fine;
    EXPECT_TRUE(contains(fine, R"("warnings":[])")) << fine;
  }
}

TEST(ReleaseCommands, RefuseAKeyThatDoesNotHoldTheRole) {
  const TemporaryDirectory directory;
  ASSERT_EQ(musterctl({"keys", "init", directory / "keys"}).code, 0);
  ASSERT_EQ(musterctl({"keys", "init", directory / "other"}).code, 0);
  const auto file =
      directory.write("reader.yaml", "release: reader@1\nplane: model\nsecurity_version: 1\nfiles: [model.bin]\n");
  directory.write("model.bin", "weights");
  ASSERT_EQ(musterctl({"release", "build", file, "--out", directory.path()}).code, 0);
  ASSERT_EQ(musterctl({"release", "sign", directory / "reader@1", "--key", directory / "other/release.key"}).code, 0);
  const auto shown = musterctl({"release", "show", directory / "reader@1", "--root", directory / "keys/root.menv"});
  EXPECT_EQ(shown.code, 6);
  EXPECT_TRUE(contains(shown.err, "unknown_key")) << shown.err;
  EXPECT_EQ(musterctl({"release", "publish", directory / "reader@1", "--root", directory / "keys/root.menv"}).code, 6);
  EXPECT_EQ(musterctl({"release", "show", "neither/folder"}).code, 2);
}

TEST(Cli, KeysThatOthersCanReadAreRefused) {
  const TemporaryDirectory directory;
  ASSERT_EQ(musterctl({"keys", "init", directory / "keys"}).code, 0);
  const auto file =
      directory.write("reader.yaml", "release: reader@1\nplane: model\nsecurity_version: 1\nfiles: [model.bin]\n");
  directory.write("model.bin", "weights");
  ASSERT_EQ(musterctl({"release", "build", file, "--out", directory.path()}).code, 0);
  ASSERT_EQ(::chmod((directory / "keys/release.key").c_str(), 0644), 0);
  const auto ran = musterctl({"release", "sign", directory / "reader@1", "--key", directory / "keys/release.key"});
  EXPECT_NE(ran.code, 0);
  EXPECT_TRUE(contains(ran.err, "chmod")) << ran.err;
}

TEST(Cli, AFullDiskBehindTheOutputIsNoSuccess) {
  const TemporaryDirectory directory;
  const auto file = directory.write("rule.yaml", good_rule);
  const auto ran = run({"/bin/sh", "-c", "\"$MUSTERCTL\" rollout check " + file + " > /dev/full"});
  EXPECT_EQ(ran.code, 7) << ran.err;
}

}  // namespace
}  // namespace muster::ctl::test
