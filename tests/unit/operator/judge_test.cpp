// Every kind of check against evidence that passes, that is out of bounds, and that is not there.
#include "operator/readiness/judge.h"

#include <gtest/gtest.h>

#include <map>

#include "operator/readiness/record.h"
#include "operator/render/readiness_text.h"
#include "schemas/limits.h"
#include "trust/sha256.h"

namespace muster::ctl {
namespace {

Sha256 digest_of(std::string_view text) {
  return trust::sha256(ByteView(text));
}

// A release for the classes A and B, its evidence in memory.
struct Bench {
  JudgedRelease release{"m@1", {"A", "B"}, {{"weights.bin", digest_of("weights"), 7}}, 1'795'176'000};
  std::map<std::string, std::string> files;
  Stages stages;
  std::uint64_t size_told = 0;  // in place of each file's own
  unsigned reads = 0;

  Judgement judge_by(const std::string& items) {
    const auto loaded = rules::load_policy("policy: p\nversion: 2\nitems:\n" + items, "p.yaml");
    EXPECT_TRUE(loaded.policy) << (loaded.diagnostics.empty() ? "" : loaded.diagnostics.front().text());
    if (!loaded.policy) return {};
    std::vector<DigestedFile> list;
    for (const auto& [name, text] : files)
      list.push_back({name, digest_of(text), size_told != 0 ? size_told : text.size()});
    const EvidenceSet set(std::move(list), [this](const DigestedFile& file) -> tl::expected<std::string, Error> {
      ++reads;
      return files.at(file.name);
    });
    return judge(*loaded.policy, digest_of("policy"), release, set, stages);
  }
  // The findings of one item with these checks: "pass measured|bound" or "fail: why", one after the other.
  std::string look(const std::string& checks) {
    const auto judgement =
        judge_by("  - { id: item, stage: build, role: qa, says: It is so., checks: [" + checks + "] }\n");
    std::string all;
    for (const auto& finding : judgement.items.at(0).findings) {
      all += (all.empty() ? "" : "; ") + std::string(name_of(finding.result));
      all += finding.result == Result::pass ? " " + finding.measured + "|" + finding.bound : ": " + finding.why;
    }
    return all;
  }
};

TEST(Judge, Presence) {
  Bench bench;
  bench.files = {{"evidence/playbook.md", "text"}, {"empty.txt", ""}, {"a/x", "1"}, {"b/x", "2"}};
  EXPECT_EQ(bench.look("{ file: playbook.md }"), "pass 4 bytes|");
  EXPECT_EQ(bench.look("{ file: book.md }"), "missing: no such file is among the release's evidence")
      << "an end of a path begins behind a slash";
  EXPECT_EQ(bench.look("{ file: empty.txt }"), "missing: the file is empty");
  EXPECT_EQ(bench.look("{ file: x }"), "missing: several files have this name: a/x, b/x");
  EXPECT_EQ(bench.look("{ file: b/x }"), "pass 1 bytes|");
}

TEST(Judge, AMissingFileIsSaidWithWhatWasToBeLookedAt) {
  Bench bench;
  const auto judgement = bench.judge_by(
      "  - { id: item, stage: build, role: qa, says: So., checks: [{ file: a.log, no_line: [watchdog, panic] }] }\n");
  EXPECT_EQ(readiness_trouble(judgement, "nothing was built"),
            "m@1 does not pass p 2: 0 items pass, 1 lacks something; nothing was built\n"
            "item (missing): a.log: 'watchdog', 'panic': no such file is among the release's evidence");
}

TEST(Judge, ValuesByClass) {
  Bench bench;
  bench.files["benchmark.json"] = R"({"b": {"A": {"p95": 18.2}, "B": {"p95": 24.7}}, "ok": true, "s": "18.2"})";
  const std::string p95 = "{ file: benchmark.json, value: '/b/{class}/p95', max: ";
  EXPECT_EQ(bench.look(p95 + "{ A: 20, B: 30 } }"), "pass 18.2|<= 20; pass 24.7|<= 30");
  EXPECT_EQ(bench.look(p95 + "{ A: 20, '*': 24.7 } }"), "pass 18.2|<= 20; pass 24.7|<= 24.7");
  EXPECT_EQ(bench.look(p95 + "24 }"), "pass 18.2|<= 24; fail: 24.7 is above 24");
  EXPECT_EQ(bench.look(p95 + "{ A: 20 } }"),
            "pass 18.2|<= 20; missing: the policy has no limit for the class B; add one, or '*' for all others");
  EXPECT_EQ(bench.look("{ file: benchmark.json, value: '/b/{class}/p95', min: 19, max: 30 }"),
            "fail: 18.2 is below 19; pass 24.7|>= 19, <= 30");
  bench.release.classes = {"A", "C"};
  EXPECT_EQ(bench.look(p95 + "30 }"), "pass 18.2|<= 30; missing: the file has no /b/C/p95");
  EXPECT_EQ(bench.look("{ file: benchmark.json, value: /ok, is: true }"), "pass true|true");
  EXPECT_EQ(bench.look("{ file: benchmark.json, value: /ok, is: false }"), "fail: it is 'true'");
  EXPECT_EQ(bench.look("{ file: benchmark.json, value: /s, max: 20 }"), "fail: '18.2' is no number");
  bench.release.classes.clear();
  EXPECT_EQ(bench.look(p95 + "30 }").substr(0, 60), "missing: the release says for no device class that it runs t");
}

TEST(Judge, NumbersThatAreNone) {
  Bench bench;
  bench.files = {{"nan.json", R"({"p95": NaN})"}, {"null.json", R"({"p95": null})"}, {"nan.csv", "p95\nnan\n"}};
  EXPECT_EQ(bench.look("{ file: nan.json, value: /p95, max: 20 }").substr(0, 27), "fail: the file is no JSON: ");
  EXPECT_EQ(bench.look("{ file: null.json, value: /p95, max: 20 }"), "missing: the file has null at /p95");
  EXPECT_EQ(bench.look("{ file: nan.csv, column: p95, rows: all, max: 20 }"), "fail: line 2: 'nan' is no number");
}

TEST(Judge, EvidenceOfAnotherReleaseIsNone) {
  Bench bench;
  bench.files = {{"good.json", R"({"release": "m@1", "sha": ")" + to_hex(digest_of("weights")) + "\"}"},
                 {"old.json", R"({"release": "m@0", "sha": ")" + to_hex(digest_of("older weights")) + "\"}"},
                 {"report.txt", "of m@0, signed\n"}};
  EXPECT_EQ(bench.look("{ file: good.json, value: /release, names: release }"), "pass m@1|this release");
  EXPECT_EQ(bench.look("{ file: old.json, value: /release, names: release }"), "fail: it names 'm@0' and not m@1");
  EXPECT_EQ(bench.look("{ file: good.json, value: /sha, names: file }").substr(0, 4), "pass");
  EXPECT_NE(bench.look("{ file: old.json, value: /sha, names: file }").find("is not the SHA-256 of a file of this"),
            std::string::npos);
  EXPECT_EQ(bench.look("{ file: report.txt, word_after: of, names: release }"),
            "fail: line 1: it names 'm@0' and not m@1");
}

TEST(Judge, TheLongestNamesAreCompared) {
  Bench bench;
  bench.release.name_at_version =
      std::string(limits::id_len_max, 'm') + "@" + std::string(limits::version_len_max, '1');
  bench.files["good.json"] = R"({"release": ")" + bench.release.name_at_version + "\"}";
  EXPECT_EQ(bench.look("{ file: good.json, value: /release, names: release }").substr(0, 4), "pass");
}

TEST(Judge, ColumnsByRow) {
  Bench bench;
  bench.files["c.csv"] = "class,os,result,ms\nA,12,pass,5\nA,13,pass,7\nC,1,blocked,0\n";
  EXPECT_EQ(bench.look("{ file: c.csv, column: result, rows: class, is: pass }"),
            "pass 2 values|pass; missing: the file has no row for class B");
  EXPECT_EQ(bench.look("{ file: c.csv, column: result, rows: all, is: [pass, blocked] }"),
            "pass 3 values|pass or blocked");
  EXPECT_EQ(bench.look("{ file: c.csv, column: result, rows: all, is: pass }"), "fail: line 4: it is 'blocked'");
  EXPECT_EQ(bench.look("{ file: c.csv, column: ms, rows: { class: [A] }, max: 7 }"), "pass 5 to 7|<= 7");
  EXPECT_EQ(bench.look("{ file: c.csv, column: ms, rows: { os: ['13'] }, max: 6 }"), "fail: line 3: 7 is above 6");
  EXPECT_EQ(bench.look("{ file: c.csv, column: rss, rows: all, max: 6 }").substr(0, 34),
            "missing: the file has no column rs");
}

// Of a text nobody knows whether it is a number or a version.
TEST(Judge, VersionsAreNoNumbers) {
  Bench bench;
  bench.files = {
      {"c.csv", "class,runtime\nA,2.1\n"}, {"b.txt", "runtime: 2.1\n"}, {"b.json", R"({"n": 2.1, "s": "2.1"})"}};
  EXPECT_EQ(bench.look("{ file: c.csv, column: runtime, rows: all, is: '2.10' }"), "fail: line 2: it is '2.1'");
  EXPECT_EQ(bench.look("{ file: b.txt, word_after: 'runtime:', is: '2.10' }"), "fail: line 1: it is '2.1'");
  EXPECT_EQ(bench.look("{ file: b.json, value: /s, is: '2.10' }"), "fail: it is '2.1'");
  EXPECT_EQ(bench.look("{ file: b.json, value: /n, is: '2.10' }").substr(0, 4), "pass");
  EXPECT_EQ(bench.look("{ file: c.csv, column: runtime, rows: all, is: '2.1' }").substr(0, 4), "pass");
}

TEST(Judge, LinesAndWords) {
  Bench bench;
  bench.files = {{"A/soak.log", "start\nhours=6.0 growth=0\ndone\n"}, {"B/soak.log", "hours=1.5\nwatchdog reset\n"}};
  EXPECT_EQ(bench.look("{ file: '{class}/soak.log', word_after: 'hours=', min: 2 }"),
            "pass 6.0|>= 2; fail: line 1: 1.5 is below 2");
  EXPECT_EQ(bench.look("{ file: '{class}/soak.log', no_line: watchdog }"), "pass no line|no line; fail: line 2 has it");
  EXPECT_EQ(bench.look("{ file: '{class}/soak.log', line: done }"),
            "pass line 3|a line; missing: no line of the file has it");
  EXPECT_EQ(bench.look("{ file: A/soak.log, word_after: 'resets=', max: 0 }"),
            "missing: the file has no line with 'resets='");
  const std::string_view utf16("w\0a\0t\0c\0h\0d\0o\0g\0", 16);
  bench.files["A/soak.log"] = utf16;
  EXPECT_EQ(bench.look("{ file: A/soak.log, no_line: watchdog }").substr(0, 30), "fail: the file is no plain tex");
}

TEST(Judge, ConfirmationsAreOfThisReleaseAndOfOneWhoMay) {
  Bench bench;
  const auto confirm = [&](const std::string& release, const std::string& item, const std::string& what) {
    bench.files["c.yaml"] = "release: " + release + "\nconfirmed: { " + item + ": { " + what + " } }\n";
    return bench.look("{ confirmed_in: c.yaml, by: [mara, li], within: 30d }");
  };
  EXPECT_EQ(confirm("m@1", "item", "confirmed_by: mara, date: 2026-11-19"),
            "pass mara, 2026-11-19|mara or li, within 30 days");
  EXPECT_EQ(confirm("m@0", "item", "confirmed_by: mara, date: 2026-11-19"), "fail: the file confirms m@0 and not m@1");
  EXPECT_EQ(confirm("m@1", "other", "confirmed_by: mara, date: 2026-11-19"), "missing: nobody has confirmed it");
  EXPECT_EQ(confirm("m@1", "item", "confirmed_by: eve, date: 2026-11-19"), "fail: eve is not who may confirm it");
  EXPECT_EQ(confirm("m@1", "item", "confirmed_by: li, date: 2026-10-20"), "fail: it is older than the policy allows");
  EXPECT_EQ(confirm("m@1", "item", "confirmed_by: li, date: 2026-10-21").substr(0, 4), "pass");
  EXPECT_EQ(confirm("m@1", "item", "confirmed_by: li, date: 2026-11-23"), "fail: that day has not come yet");
  EXPECT_EQ(confirm("m@1", "item", "confirmed_by: li, date: 2026-11-21").substr(0, 4), "pass") << "in the far east";
  EXPECT_EQ(confirm("m@1", "item", "confirmed_by: li").substr(0, 19), "fail: c.yaml:2:20: ");
}

TEST(Judge, FilesThatAreTooLargeAreNotRead) {
  Bench bench;
  bench.files["huge.log"] = "done\n";
  bench.size_told = limits::judged_file_len_max + 1;
  EXPECT_EQ(bench.look("{ file: huge.log, line: done }"),
            "fail: the file has 16777217 bytes, and only 16777216 can be looked into");
  EXPECT_EQ(bench.look("{ file: huge.log }"), "pass 16777217 bytes|") << "being there is enough";
  EXPECT_EQ(bench.reads, 0u);
}

TEST(Judge, AFileIsReadOnceForChecksThatStandTogether) {
  Bench bench;
  bench.files["b.json"] = R"({"A": 1, "B": 2})";
  EXPECT_EQ(bench.look("{ file: b.json, value: '/{class}', max: 3 }, { file: b.json, value: /A, max: 3 }"),
            "pass 1|<= 3; pass 2|<= 3; pass 1|<= 3");
  EXPECT_EQ(bench.reads, 1u);
}

const std::string three_items =
    "  - { id: a, stage: build, role: ml, says: A., checks: [{ file: a }] }\n"
    "  - { id: b, stage: release, role: qa, says: B., checks: [{ file: a }, { file: b }] }\n"
    "  - { id: c, stage: post, role: backend, says: C., checks: [{ file: c }] }\n";

TEST(Judge, AnItemIsAsGoodAsItsWorstCheckAndAReleaseAsItsWorstItem) {
  Bench bench;
  bench.files = {{"a", "x"}};
  const auto lacking = bench.judge_by(three_items);
  EXPECT_FALSE(lacking.passed());
  EXPECT_EQ(lacking.items.at(0).result, Result::pass);
  EXPECT_EQ(lacking.items.at(1).result, Result::missing);
  EXPECT_EQ(lacking.items.at(2).result, Result::later);
  EXPECT_EQ(readiness_sentence(lacking),
            "m@1 does not pass p 2: 1 item passes, 1 lacks something, 1 is for another stage");
  EXPECT_EQ(readiness_trouble(lacking, "nothing was built"),
            readiness_sentence(lacking) +
                "; nothing was built\nb (missing): b: is there: no such file is among the "
                "release's evidence");
  bench.files["b"] = "y";
  EXPECT_TRUE(bench.judge_by(three_items).passed());
  bench.stages = {false, false, true};
  EXPECT_FALSE(bench.judge_by(three_items).passed());
  bench.files["c"] = "z";
  EXPECT_TRUE(bench.judge_by(three_items).passed());
  bench.stages = {true, false, false};
  EXPECT_FALSE(bench.judge_by("  - { id: c, stage: post, role: x, says: C., checks: [{ file: c }] }\n").passed())
      << "a policy of which nothing was judged passes nobody";
}

TEST(Judge, TheRecordComesBackAsItWas) {
  Bench bench;
  bench.files = {{"a", "x"}, {"b", "y"}};
  const ReadinessRecord record{bench.judge_by(three_items), {{"a", digest_of("x"), 1}, {"b", digest_of("y"), 1}}};
  const auto text = record_json(record);
  const auto back = parse_record(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(record_json(*back), text);
  EXPECT_EQ(back->judgement.policy_sha256, digest_of("policy"));
  EXPECT_TRUE(back->judgement.passed());
  for (std::size_t len = 0; len < text.size(); len += 7) EXPECT_FALSE(parse_record(text.substr(0, len))) << len;
  for (const char* part : {R"("release":)", R"("sha256":)", R"("items":)", R"("evidence":)", R"("findings":)"}) {
    auto changed = text;
    changed.replace(changed.find(part) + 1, 1, "X");
    EXPECT_FALSE(parse_record(changed)) << part;
  }
  auto escaping = text;
  escaping.replace(escaping.find(R"("name":"a")"), 10, R"("name":"../a")");
  EXPECT_FALSE(parse_record(escaping)) << "the name becomes a path";
}

}  // namespace
}  // namespace muster::ctl
