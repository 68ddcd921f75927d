#include "operator/render/table.h"

#include <gtest/gtest.h>

#include "operator/render/audit_text.h"
#include "operator/render/device_text.h"
#include "operator/render/moment.h"

namespace muster::ctl {
namespace {

constexpr Style ascii{false, false};
constexpr Style unicode{false, true};

Table sample() {
  Table table({{"name", Align::left, 4}, {"size", Align::right, 4}, {"note", Align::left, 6}});
  table.add_row({"a", "1", "short"});
  table.add_row({"größer", "1024", "a much longer note than the others"});
  return table;
}

TEST(Table, AlignsItsColumns) {
  EXPECT_EQ(sample().text(200, unicode),
            "name    size  note\n"
            "a          1  short\n"
            "größer  1024  a much longer note than the others\n");
}

TEST(Table, NarrowsTheWidestColumnFirst) {
  EXPECT_EQ(sample().text(30, unicode),
            "name    size  note\n"
            "a          1  short\n"
            "größer  1024  a much longer n…\n");
  EXPECT_EQ(sample().text(20, ascii),
            "name    size  note\n"
            "a          1  short\n"
            "größer  1024  a muc~\n");
}

TEST(Table, StopsAtTheLeastWidths) {
  EXPECT_EQ(sample().text(1, unicode), "name  size  note\na        1  short\ngrö…  1024  a muc…\n");
}

TEST(TextWidth, CutsWithoutBreakingCharactersOrColours) {
  EXPECT_EQ(display_width("\x1b[31mrot\x1b[0m ü"), 5u);
  EXPECT_EQ(fit("größer", 4, "…"), "grö…");
  EXPECT_EQ(fit("größer", 6, "…"), "größer");
  EXPECT_EQ(fit("\x1b[31mlong red text\x1b[0m", 5, "…"), "\x1b[31mlong…\x1b[0m");
  EXPECT_EQ(fit("abc", 0, "…"), "");
  EXPECT_EQ(padded("ü", 3), "ü  ");
  EXPECT_EQ(padded("ü", 3, Align::right), "  ü");
}

TEST(TextWidth, WrapsAtSpacesAndInsideLongWords) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(wrapped("short", 10), Lines{"short"});
  EXPECT_EQ(wrapped("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(wrapped("one two three", 6), (Lines{"one", "two", "three"}));
  EXPECT_EQ(wrapped("größere wörter", 7), (Lines{"größere", "wörter"}));
  EXPECT_EQ(wrapped("abcdefghij", 4), (Lines{"abcd", "efgh", "ij"}));
  EXPECT_EQ(wrapped("", 4), Lines{""});
}

TEST(AuditText, KeepsReasonsWholeOnNarrowTerminals) {
  const std::vector<AuditEntry> entries{
      {1, 1795255212, "muster", "broker.started", "broker", "", {}},
      {2, 1795255213, "alice", "rollout.paused", "reader-2", "it was running; reason given: odd latency", {}}};
  EXPECT_EQ(audit_text(entries, 200, ascii),
            "seq  time                 who     what            subject   why\n"
            "  1  2026-11-21 10:00:12  muster  broker.started  broker\n"
            "  2  2026-11-21 10:00:13  alice   rollout.paused  reader-2  it was running; reason given: odd latency\n");
  EXPECT_EQ(audit_text(entries, 60, ascii),
            "seq  time                 who     what            subject\n"
            "  1  2026-11-21 10:00:12  muster  broker.started  broker\n"
            "  2  2026-11-21 10:00:13  alice   rollout.paused  reader-2\n"
            "      it was running; reason given: odd latency\n");
  EXPECT_EQ(audit_text({}, 60, ascii), "no entries\n");
}

TEST(TextWidth, DisarmsWhatDevicesWrote) {
  EXPECT_EQ(harmless("a\x1b[2Jb\nc\x7f"), "a?[2Jb?c?");
  EXPECT_EQ(harmless("x\xc2\x9by ü"), "x?y ü");
}

TEST(Moment, ReadsWell) {
  EXPECT_EQ(moment_text(0), "-");
  EXPECT_EQ(moment_text(1795255212), "2026-11-21 10:00:12");
  EXPECT_EQ(duration_text(59), "59 s");
  EXPECT_EQ(duration_text(185), "3 min 05 s");
  EXPECT_EQ(duration_text(7800), "2 h 10 min");
  EXPECT_EQ(duration_text(356400), "4 d 3 h");
  EXPECT_EQ(size_text(812), "812 B");
  EXPECT_EQ(size_text(3482), "3.4 KiB");
  EXPECT_EQ(size_text(std::uint64_t{120} << 20), "120.0 MiB");
  EXPECT_EQ(count_text(1, "device"), "1 device");
  EXPECT_EQ(count_text(0, "device"), "0 devices");
}

DeviceView device() {
  DeviceView view;
  view.device = "gw-17";
  view.state = "rolled_back";
  view.reported = true;
  view.last_seen_s = 1000;
  view.facts = {{"class", "rk3566"}, {"region", "de"}};
  view.planes = {{"firmware", std::nullopt, std::nullopt},
                 {"model", "0123456789abcdef", "reader@1"},
                 {"config", "fedcba9876543210", std::nullopt}};
  view.assigned_epoch = 5;
  view.attempt_epoch = 5;
  view.attempt_state = "rolled_back";
  view.attempt_error = "probe_failed";
  view.attempt_detail = "exit 1";
  view.rollouts = {{"reader-2", "failed", 0}};
  return view;
}

TEST(DeviceText, TableShowsLinkStatePlanesAndAttempt) {
  auto never = DeviceView{};
  never.device = "gw-18";
  never.connected = true;
  never.planes = {{"firmware", {}, {}}, {"model", {}, {}}, {"config", {}, {}}};
  EXPECT_EQ(
      device_table({device(), never}, 1065, 200, ascii),
      "device  link             state          class   region  firmware  model     config                attempt\n"
      "gw-17   away 1 min 05 s  rolled_back    rk3566  de      -         reader@1  unknown fedcba987654  rolled_back "
      "probe_failed\n"
      "gw-18   connected        no report yet  -       -       -         -         -                     -\n");
}

TEST(DeviceText, PageShowsEverything) {
  auto view = device();
  view.health = {{"p95_ms", "12.5"}};
  EXPECT_EQ(device_text(view, 1065, ascii),
            "device          gw-17\n"
            "link            away 1 min 05 s, last seen 1970-01-01 00:16:40\n"
            "state           rolled_back\n"
            "class           rk3566\n"
            "region          de\n"
            "firmware plane  empty\n"
            "model plane     reader@1  0123456789abcdef\n"
            "config plane    unknown fedcba987654  fedcba9876543210\n"
            "attempt         rolled_back probe_failed: exit 1 (epoch 5, assigned 5)\n"
            "rollout         reader-2: failed, wave 1\n"
            "\n"
            "last health summary\n"
            "p95_ms  12.5\n");
}

}  // namespace
}  // namespace muster::ctl
