// The broker's JSON as docs/control-api.md writes it, and what comes instead of it.
#include "operator/decode.h"
#include "operator/commands/release_life.h"
#include "operator/commands/rollout_fit.h"

#include <gtest/gtest.h>

namespace muster::ctl {
namespace {

TEST(Decode, ReadsARolloutsStatus) {
  const auto view = decode_rollout(
      R"({"rollout":"reader-2","state":"halted","waiting_for":"1 device failed","versions":[{"plane":"model","name":"reader","version":"2"}],
    "started_s":100,"ended_s":0,"started_by":"alice","targets":10,"reached":1,"done":0,"failed":1,"rolled_back":1,"unreachable":2,"reverted":3,"retrying":4,"awaiting_window":5,"wave":0,
    "waves":[{"name":"canary","state":"open","percent":10,"gate":"manual","devices":1,"done":0,"failed":1,"unreachable":0,"retrying":4,"line":12,"opened_s":101}],
    "failures":[{"device":"d1","error":"probe_failed","detail":"exit 1","acknowledged":false}],"from_the_future":[1]})");
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->rollout, "reader-2");
  EXPECT_EQ(view->state, "halted");
  EXPECT_EQ(view->versions, (std::vector<VersionView>{{"model", "reader", "2"}}));
  EXPECT_EQ(view->unreachable, 2u);
  EXPECT_EQ(view->reverted, 3u);
  EXPECT_EQ(view->retrying, 4u);
  EXPECT_EQ(view->awaiting_window, 5u);
  EXPECT_EQ(view->waves,
            (std::vector<WaveView>{{"canary", "open", "manual", 10, 1, 0, 1, 0, 101, 4, 0, 0, false, 0, 12}}));
  EXPECT_EQ(view->failures, (std::vector<FailureView>{{"d1", "probe_failed", "exit 1", false}}));
}

TEST(Decode, ReadsHowLongTheWayBackIsKept) {
  const auto view = decode_rollout(R"({"rollout":"r","state":"completed","previous_kept_until_s":1790000000})");
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->previous_kept_until_s, 1'790'000'000u);
}

TEST(Decode, ReadsARehearsal) {
  const auto view = decode_rollout(
      R"({"rollout":"r","state":"running","rehearsing":2,"waves":[
    {"name":"rehearsal","state":"open","percent":0,"gate":"auto","devices":3,"done":1,"first_devices":3,"rehearse":true,"rehearsing":2}]})");
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->rehearsing, 2u);
  EXPECT_EQ(view->waves, (std::vector<WaveView>{{"rehearsal", "open", "auto", 0, 3, 1, 0, 0, 0, 0, 2, 3, true}}));
}

TEST(Decode, ReadsWhomOperatorsTookOut) {
  EXPECT_TRUE(decode_rollout(R"({"rollout":"r","state":"running"})")->stops.empty());
  const auto view = decode_rollout(
      R"({"rollout":"r","state":"running","stopped":4,"stops":[
    {"group":"region=de","mode":"revert","who":"alice","why":"labels","since_s":7}],
    "cancelled_count":30,"cancelled":[{"device":"gw-1","mode":"keep","who":"bob"}]})");
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->stops, (std::vector<ExclusionView>{{"region=de", "alice", "labels", true, 7}}));
  EXPECT_EQ(view->cancelled, (std::vector<ExclusionView>{{"gw-1", "bob", "", false, 0}}));
  EXPECT_EQ(view->stopped, 4u);
  EXPECT_EQ(view->cancelled_count, 30u);
  EXPECT_FALSE(decode_rollout(R"({"rollout":"r","state":"running","stops":[{"who":"alice"}]})"));
  const auto device =
      decode_device(R"({"device":"d","overrides":[{"plane":"model","release":"m@3","state":"failed"}]})");
  ASSERT_TRUE(device) << device.error().message;
  ASSERT_EQ(device->overrides.size(), 1u);
  EXPECT_EQ(device->overrides[0].release, "m@3");
  EXPECT_EQ(device->overrides[0].state, "failed");
}

TEST(Decode, ReadsGuardrailsWhereARolloutHasSome) {
  EXPECT_TRUE(decode_rollout(R"({"rollout":"r","state":"running"})")->guardrails.empty());
  const auto view = decode_rollout(
      R"({"rollout":"r","state":"running","guardrails":[
    {"name":"quality","segment":"region=de","verdict":"fail","voted":12,"exceeded":5,"frozen":true,"sentence":"too many"},
    {"name":"latency","verdict":"inconclusive","from_the_future":{}}]})");
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->guardrails, (std::vector<GuardrailView>{{"quality", "region=de", "fail", "too many", 12, 5, true},
                                                          {"latency", "", "inconclusive", "", 0, 0, false}}));
  EXPECT_FALSE(decode_rollout(R"({"rollout":"r","state":"running","guardrails":[{"verdict":"fail"}]})"));
}

TEST(Decode, ReadsADeviceWithEmptyAndUnknownPlanes) {
  const auto view = decode_device(
      R"({"device":"d1","connected":true,"reported":true,"last_seen_s":5,"facts":{"class":"rk3566","site":"","memory_mb":2048,"tags":["a","b"]},
    "state":"healthy","planes":{"firmware":{"active":null,"release":null},"model":{"active":"abcd","release":"reader@1"},"config":{"active":"ef","release":null}},
    "assigned_epoch":3,"attempt":{"epoch":2,"state":"failed","error":"probe_failed","detail":"exit 1"},"rollouts":[{"rollout":"r","standing":"failed","wave":1}],
    "health":{"p95_ms":12.25,"metrics":[{"name":"edit_distance","last":3}],"inferences":7}})");
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->facts, (std::vector<std::pair<std::string, std::string>>{
                             {"class", "rk3566"}, {"memory_mb", "2048"}, {"tags", "a, b"}}));
  ASSERT_EQ(view->planes.size(), 3u);
  EXPECT_FALSE(view->planes[0].active);
  EXPECT_EQ(view->planes[1].release, "reader@1");
  EXPECT_EQ(view->planes[2].active, "ef");
  EXPECT_FALSE(view->planes[2].release);
  EXPECT_EQ(view->attempt_error, "probe_failed");
  EXPECT_EQ(view->rollouts.at(0).wave, 1u);
  EXPECT_NE(std::find(view->health.begin(), view->health.end(), std::pair<std::string, std::string>("p95_ms", "12.25")),
            view->health.end());
  EXPECT_NE(std::find(view->health.begin(), view->health.end(),
                      std::pair<std::string, std::string>("metrics.edit_distance.last", "3")),
            view->health.end());
}

TEST(Decode, ReadsAnAuditPageAndKeepsEachEntrysText) {
  const std::string hash(64, '1');
  const auto page =
      decode_audit(R"({"entries":[{"seq":1,"time_s":9,"who":"a","what":"b","subject":"c","why":"d","hash":")" + hash +
                   R"("}],"more":true,"head":{"seq":4,"hash":")" + hash + R"(","envelope":"Zm9v"}})");
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].why, "d");
  EXPECT_EQ(to_hex(page->entries[0].hash), hash);
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->head_seq, 4u);
  EXPECT_EQ(page->head_envelope, (Bytes{'f', 'o', 'o'}));
  EXPECT_NE(page->json.at(0).find("\"seq\":1"), std::string::npos);
}

TEST(Decode, CountsAReleasesFiles) {
  const auto list = decode_releases(
      R"({"releases":[{"name":"r","version":"1","plane":"model","manifest":"ab","security_version":2,"expires_s":0,
    "files":[{"name":"a","size":10,"sha256":""},{"name":"b","size":5,"sha256":""}],"published_s":7,"published_by":"alice"}]})");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->at(0).file_count, 2u);
  EXPECT_EQ(list->at(0).bytes, 15u);
}

TEST(Decode, ReadsAReleasesLifeAndShowsIt) {
  const auto life = decode_life(R"({"state":"retired","files_removed_s":1790000000,"moves":[
    {"from":"development","to":"candidate","made_s":1780000000,"taken_s":1780000060,"by":"alice","reason":"","key_ids":["ab"],"envelope":"Zm9v"},
    {"from":"candidate","to":"retired","made_s":1781000000,"taken_s":1781000060,"by":"bo\u001bb","reason":"bad","key_ids":["ab","cd"]}]})");
  ASSERT_TRUE(life) << life.error().message;
  ASSERT_EQ(life->moves.size(), 2u);
  EXPECT_EQ(life->moves[0].envelope, (Bytes{'f', 'o', 'o'}));
  EXPECT_EQ(life_text(*life, {"valid", "unchecked"}, {}),
            "state      retired\n"
            "candidate  2026-05-28 20:27:40 by alice, signed 2026-05-28 20:26:40 by key ab (valid)\n"
            "retired    2026-06-09 10:14:20 by bo?b, signed 2026-06-09 10:13:20 by key ab, cd (unchecked): bad\n"
            "files      removed on 2026-09-21 14:13:20\n");
  EXPECT_FALSE(decode_life("{}"));
}

TEST(Decode, ReadsWhomARolloutTakesAndWhoCannotRunIt) {
  const auto fit = decode_fit(R"({"rollout":"r","targets":3,"refused":"not yet","ineligible":{"devices":60,
    "reasons":{"class":59,"memory":1},"first":[{"device":"a","reason":"class","why":"m@2 is made for class x, and its class is y"}]}})");
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_EQ(fit_text(*fit),
            "The broker would refuse it now: not yet\nAt the broker it takes 3 devices now.\n"
            "60 devices match its targets and cannot run it (59 class, 1 memory); nothing is assigned there:\n"
            "  a: m@2 is made for class x, and its class is y\n  and 59 more");
  const auto bare = decode_fit(
      R"({"rollout":"r","targets":3,"without_site":2,"refused":"","ineligible":{"devices":0,"reasons":{},"first":[]}})");
  ASSERT_TRUE(bare) << bare.error().message;
  EXPECT_EQ(fit_text(*bare),
            "At the broker it takes 3 devices now.\n2 targets name no site, and per_site does not limit them.");
  EXPECT_EQ(fit_text({}), "At the broker it takes 0 devices now.");
}

TEST(Decode, BlamesTheVersionForAnotherShape) {
  for (const char* text :
       {"", "[]", "null", "{", R"({"rollout":1,"state":"running"})", R"({"state":"running"})",
        R"({"rollout":"r","state":"running","targets":"many"})", R"({"rollout":"r","state":"running","waves":[7]})"}) {
    const auto view = decode_rollout(text);
    ASSERT_FALSE(view) << text;
    EXPECT_EQ(view.error().kind, ErrorKind::invalid);
    EXPECT_NE(view.error().message.find("version"), std::string::npos);
  }
  EXPECT_FALSE(decode_offset("{}"));
  EXPECT_FALSE(decode_device(R"({"device":7})"));
  EXPECT_FALSE(decode_audit(R"({"entries":[{"seq":"x"}]})"));
}

}  // namespace
}  // namespace muster::ctl
