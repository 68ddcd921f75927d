// `musterctl simulate` as operators run it, and what docs/simulate.md shows of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "tests/unit/operator/program.h"
#include "tests/unit/operator/temporary_directory.h"

namespace muster::ctl::test {
namespace {

using ::testing::HasSubstr;

const std::string rule = "rules/examples/guarded.yaml", fleet = "rules/examples/fleets/readers.yaml";
const std::string worse_in_de = "reader-eng@4: edit_distance +40% where device.region == \"de\"";

Ran simulate(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"simulate", rule, "--fleet", fleet});
  return musterctl(arguments);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The lines of a document's blocks of one kind.
std::vector<std::string> block_lines(const std::string& document, const std::string& info) {
  std::ifstream in(document);
  std::vector<std::string> lines;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      inside = !inside && line == "```" + info;
    } else if (inside) {
      lines.push_back(line);
    }
  }
  return lines;
}

// Words as a shell takes them apart, with single quotes.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  static const std::regex word("'([^']*)'|([^ ]+)");
  for (std::sregex_iterator found(line.begin(), line.end(), word), end; found != end; ++found)
    words.push_back((*found)[1].matched ? (*found)[1] : (*found)[2]);
  return words;
}

TEST(Simulate, SaysThePlanTheTimelineAndTheSpread) {
  const auto ran = simulate({"--fault", worse_in_de, "--seeds", "5"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Of the 1600 devices in " + fleet + " it targets 1600:"));
  EXPECT_THAT(ran.out, HasSubstr("Too small for a verdict, even when every device is fine:"));
  EXPECT_THAT(ran.out, HasSubstr("approved 10 min 00 s after the last vote"));
  EXPECT_THAT(ran.out, HasSubstr("\nfault: " + worse_in_de + "\n"));
  EXPECT_THAT(ran.out, HasSubstr("segment.frozen"));
  EXPECT_THAT(ran.out,
              HasSubstr("\n5 runs from seed 1: 5 completed; halted, frozen or taken back in 5 (segment.frozen 5)\n"));
  EXPECT_THAT(ran.out, HasSubstr("\nBlast radius: targets that ran reader-eng@4, of 1600 targets\n  median "));
  EXPECT_THAT(ran.out,
              HasSubstr("\nHarmed by a fault while they ran it, of 1600 targets\n  79 (4.9 %) in every run\n"));
  EXPECT_THAT(ran.out, HasSubstr("\nTime to halt\n  1 h 2"));
  EXPECT_THAT(ran.out, HasSubstr("\nTime to finish\n  median 3 h "));
}

TEST(Simulate, AShadowShowsAFaultAndHarmsNobody) {
  const auto ran = musterctl({"simulate", "rules/examples/shadow.yaml", "--fleet", fleet, "--fault",
                              "reader@4: edit_distance +60%", "--seeds", "3"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("guardrail.failed"));
  EXPECT_THAT(ran.out, HasSubstr("\nTargets that ran reader@4 beside what is active, of 1600 targets\n"));
  EXPECT_THAT(ran.out, HasSubstr("\nShowed a fault in the shadow, and were not harmed, of 1600 targets\n"));
  EXPECT_THAT(ran.out, HasSubstr("ran beside  showed a fault  run it now\n"));
  EXPECT_THAT(ran.out, HasSubstr("halted, frozen or taken back in 3"));
}

// Windows are times of the week; the time since the start says nothing beside them.
TEST(Simulate, SaysTheClockWhereThereAreWindows) {
  const TemporaryDirectory directory;
  const auto at_night = directory.write("night.yaml",
                                        "rollout: r\ntargets: true\nversions: { model: m@1 }\nwindows: [{ days: [sat], "
                                        "from: \"02:00\", to: \"05:00\" }]\n"
                                        "waves: [{ name: few, percent: 10 }, { name: all, percent: 100 }]\n");
  const auto ran = musterctl({"simulate", at_night, "--fleet", fleet, "--seeds", "1"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, ::testing::ContainsRegex("\nfew +0 s, Fri 08:00 UTC  by itself"));
  EXPECT_THAT(ran.out, ::testing::ContainsRegex("\nall +18 h [0-9]+ min, Sat 02:[0-9]+ UTC  by itself"));
  EXPECT_THAT(ran.out, ::testing::ContainsRegex("\n *time  UTC        what  +why\n"));
  EXPECT_THAT(ran.out, ::testing::ContainsRegex("\n18:[0-9]+:[0-9]+  Sat 02:[0-9]+  wave.opened "));
  EXPECT_THAT(simulate({"--seeds", "1"}).out, ::testing::Not(HasSubstr("UTC")));
}

TEST(Simulate, TheSeedsAreTheRunsWhoeverDoesThem) {
  const auto three = simulate({"--seeds", "3", "--seed", "8", "--fault", worse_in_de, "--json"});
  ASSERT_EQ(three.code, 0) << three.err;
  EXPECT_EQ(three.out, simulate({"--seeds", "3", "--seed", "8", "--fault", worse_in_de, "--json"}).out);
  // The third run of three is the first of those that begin with its seed.
  const auto last = simulate({"--seeds", "1", "--seed", "10", "--fault", worse_in_de, "--json"});
  const auto run = [](const std::string& json) {
    const auto start = json.rfind("{\"seed\":10,");
    return json.substr(start, json.find('}', start) - start);
  };
  EXPECT_EQ(run(three.out), run(last.out));
  EXPECT_THAT(three.out, HasSubstr(R"("earliest_openings_s":[3600,)"));
  EXPECT_THAT(three.out, HasSubstr(R"("what":"segment.frozen")"));
  EXPECT_THAT(three.out,
              HasSubstr(R"("groups":[{"devices":"gateway de","targets":800,"ran":79,"harmed":79,"run_it_now":0})"));
  EXPECT_THAT(three.out, HasSubstr(R"("spread":{"ran":{"runs":3,"least":)"));
}

TEST(Simulate, AnOperatorWhoNeverApprovesAndATimeThatIsUp) {
  const auto never = simulate({"--seeds", "1", "--approve-after", "never"});
  EXPECT_EQ(never.code, 0) << never.err;
  EXPECT_THAT(never.out, HasSubstr("never: nobody approves"));
  EXPECT_THAT(never.out, HasSubstr("Seed 1: awaiting_approval, and stands still: wave canary (10 %) is healthy (rule "
                                   "line 10); approve to open"));
  const auto until = simulate({"--seeds", "1", "--until", "90m"});
  EXPECT_THAT(until.out, HasSubstr("Seed 1: awaiting_approval after 1 h 30 min, and not over"));
}

TEST(Simulate, ErrorsSayWhatIsWrongAndWhere) {
  const auto fault = simulate({"--fault", "reader-eng@4: fails 3", "--fault", "reader@9: hangs 1%"});
  EXPECT_EQ(fault.code, 5);
  EXPECT_THAT(fault.err,
              HasSubstr("musterctl: --fault has 2 errors\n--fault 'reader-eng@4: fails 3':1:21: '3' for the share"));
  EXPECT_THAT(fault.err, HasSubstr("the rule does not roll out reader@9; a fault of reader-eng@4"));
  const auto unknown = simulate({"--fault", "reader-eng@4: words +40%"});
  EXPECT_EQ(unknown.code, 5);
  EXPECT_THAT(unknown.err, HasSubstr("the fleet file does not say what that is like; add it under 'metrics'"));
  EXPECT_EQ(simulate({"--faults", "nowhere.yaml"}).code, 3);
  EXPECT_EQ(musterctl({"simulate", rule}).code, 2);
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--seeds", "0"},
                                                {"--until", "soon"},
                                                {"--until", "0s"},
                                                {"--approve-after", "400d"}}) {
    const auto ran = simulate(wrong);
    EXPECT_EQ(ran.code, 2) << wrong[0];
    EXPECT_THAT(ran.err, HasSubstr("(see musterctl simulate --help)"));
  }
  const TemporaryDirectory directory;
  const auto others = directory.write("fleet.yaml", "groups: [{ count: 3, class: phone }]\n");
  const auto nobody = musterctl({"simulate", rule, "--fleet", others});
  EXPECT_EQ(nobody.code, 5);
  EXPECT_THAT(nobody.err, HasSubstr("none of the 3 devices of the fleet is a target"));
  const auto bad = musterctl({"simulate", rule, "--fleet", directory.write("bad.yaml", "groups: [{ cuont: 3 }]\n")});
  EXPECT_EQ(bad.code, 5);
  EXPECT_THAT(bad.err, HasSubstr("bad.yaml:1:12: unknown key 'cuont' in a group; did you mean 'count'?"));
}

TEST(SimulateDocument, EveryCommandRuns) {
  std::size_t commands = 0;
  for (const auto& line : block_lines("docs/simulate.md", "sh")) {
    auto words = words_of(line);
    ASSERT_EQ(words.at(0), "musterctl") << line;
    words.erase(words.begin());
    const auto ran = musterctl(words);
    EXPECT_EQ(ran.code, 0) << line << "\n" << ran.err;
    ++commands;
  }
  EXPECT_GE(commands, 4u);
}

// The lines that it shows, in their order; "…" stands for lines or for the rest of one.
TEST(SimulateDocument, ShowsWhatIsPrinted) {
  const auto printed = lines_of(simulate({"--faults", "rules/examples/fleets/readers-faults.yaml"}).out);
  const auto shown = block_lines("docs/simulate.md", "text");
  EXPECT_GE(shown.size(), 10u);
  const std::string mark = "…";
  std::size_t at = 0;
  bool skips = true;
  for (auto line : shown) {
    if (line == mark) {
      skips = true;
      continue;
    }
    const bool begins = line.ends_with(mark);
    if (begins) line.resize(line.size() - mark.size());
    const auto fits = [&](const std::string& each) { return begins ? each.starts_with(line) : each == line; };
    while (skips && at < printed.size() && !fits(printed[at])) ++at;
    ASSERT_TRUE(at < printed.size() && fits(printed[at])) << line << "\nis not printed" << (skips ? "" : " there");
    ++at;
    skips = begins;  // a title line ends where its bars begin
  }
}

}  // namespace
}  // namespace muster::ctl::test
