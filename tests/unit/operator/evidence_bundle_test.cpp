// A microcontroller's bundle: what is read of a good one, what is said of a bad one, and how it is shown.
#include "operator/evidence_bundle.h"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "operator/evidence_words.h"
#include "operator/render/evidence_text.h"

namespace muster::ctl {
namespace {

using nlohmann::json;

EvidenceEvent event(std::uint32_t sequence, EventCode code, std::uint16_t a = 0, std::uint32_t b = 0,
                    std::uint32_t c = 0) {
  EvidenceEvent event{sequence, 42, 0, sequence * 1000, code, a, b, c, 0};
  event.crc32 = check_sum_of(event);
  return event;
}

EvidenceBundleHeader header_of(std::size_t count) {
  EvidenceBundleHeader header;
  header.event_count = static_cast<std::uint16_t>(count);
  header.boot_id = (std::uint64_t{1} << 32) + 42;
  header.now_s = 1'790'000'100;
  header.uptime_ms = 100'000;
  header.stack_unused = 1832;
  header.reset_cause = 3;
  header.planes[0].active_manifest[0] = 0xab;
  header.planes[0].security_version = 5;
  return header;
}

Bytes bytes_of(const EvidenceBundleHeader& header, const std::vector<EvidenceEvent>& events) {
  Bytes bytes(sizeof header + events.size() * sizeof(EvidenceEvent));
  std::memcpy(bytes.data(), &header, sizeof header);
  if (!events.empty()) std::memcpy(bytes.data() + sizeof header, events.data(), bytes.size() - sizeof header);
  return bytes;
}

Bytes bundle_of(const std::vector<EvidenceEvent>& events) {
  return bytes_of(header_of(events.size()), events);
}

std::string line_with(const std::string& text, const std::string& part) {
  const auto at = text.find(part);
  if (at == std::string::npos) return {};
  const auto begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

// As docs/wire.md has it, byte by byte: devices of any make write it.
TEST(EvidenceBundle, LiesAsTheWireSays) {
  const auto bytes = bundle_of({event(7, EventCode::started)});
  ASSERT_EQ(bytes.size(), 144u + 32);
  EXPECT_EQ(to_hex(ByteView(bytes.data(), 32)),
            "4d455642"
            "0100"
            "0100"
            "2a00000001000000"
            "e43bb16a00000000"
            "28070000"
            "03000000");
  EXPECT_EQ(to_hex(ByteView(bytes.data() + 32, 1)), "ab");
  EXPECT_EQ(to_hex(ByteView(bytes.data() + 64, 4)), "05000000");
  EXPECT_EQ(to_hex(ByteView(bytes.data() + 140, 4)), "a0860100");
  EXPECT_EQ(to_hex(ByteView(bytes.data() + 144, 20)),
            "07000000"
            "2a000000"
            "00000000"
            "581b0000"
            "0100"
            "0000");
}

TEST(EvidenceBundle, CheckSumsAreThoseOfZlib) {
  EXPECT_EQ(check_sum_of(EvidenceEvent{}), 0x807077e9u);
  EXPECT_EQ(check_sum_of({7, 42, 1790000000, 1234, EventCode::started, 3, 5, 1, 0}), 0xeffadb8du);
}

TEST(EvidenceBundle, IsReadWhole) {
  const auto bundle =
      decode_bundle(bundle_of({event(1, EventCode::started, 3, 5, 1), event(2, EventCode::connected, 1, 4)}));
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_EQ(bundle->header.boot_id, (std::uint64_t{1} << 32) + 42);
  EXPECT_EQ(bundle->header.stack_unused, 1832u);
  ASSERT_EQ(bundle->events.size(), 2u);
  EXPECT_EQ(bundle->events[1].event.code, EventCode::connected);
  EXPECT_TRUE(bundle->events[0].intact && bundle->events[1].intact);
}

TEST(EvidenceBundle, AnythingElseIsAnErrorThatSaysWhat) {
  const auto message = [](const Bytes& bytes) {
    const auto bundle = decode_bundle(bytes);
    EXPECT_FALSE(bundle);
    if (bundle) return std::string();
    EXPECT_EQ(bundle.error().kind, ErrorKind::invalid);
    return bundle.error().message;
  };
  const auto good = bundle_of({event(1, EventCode::started), event(2, EventCode::connected)});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_NE(message(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), "") << size;
  }
  EXPECT_NE(message({}).find("0 bytes are no bundle"), std::string::npos);
  auto longer = good;
  longer.push_back(0);
  EXPECT_NE(message(longer).find("has 209"), std::string::npos);
  auto later = header_of(0);
  later.format = 2;
  EXPECT_NE(message(bytes_of(later, {})).find("format 2"), std::string::npos);
  auto other = good;
  other[0] = 'm';
  EXPECT_NE(message(other).find("no bundle of a microcontroller"), std::string::npos);
}

TEST(EvidenceBundle, ADamagedEventIsShownAsOne) {
  auto events = std::vector{event(1, EventCode::started, 3, 5, 1), event(2, EventCode::connected, 1, 4)};
  events[1].b = 5;
  const auto bundle = decode_bundle(bundle_of(events));
  ASSERT_TRUE(bundle);
  EXPECT_TRUE(bundle->events[0].intact);
  EXPECT_FALSE(bundle->events[1].intact);
  EXPECT_NE(line_with(bundle_text(*bundle, 200, {}), "connected").find("damaged"), std::string::npos);
  EXPECT_EQ(json::parse(bundle_json(*bundle))["events"][1]["intact"], false);
}

TEST(EvidenceBundle, TimesAreReckonedWithinOneStart) {
  auto events = std::vector{event(1, EventCode::started), event(2, EventCode::started), event(3, EventCode::started),
                            event(4, EventCode::started)};
  events[1].unix_s = 1'700'000'000;
  events[2].boot = 41;
  events[3].uptime_ms = 100'001;  // after the bundle was made: not of this start, or a lie
  auto bundle = decode_bundle(bundle_of(events));
  ASSERT_TRUE(bundle);
  bool reckoned = false;
  EXPECT_EQ(bundle->time_of(events[0], reckoned), 1'790'000'001u);
  EXPECT_TRUE(reckoned);
  EXPECT_EQ(bundle->time_of(events[1], reckoned), 1'700'000'000u);
  EXPECT_FALSE(reckoned);
  EXPECT_FALSE(bundle->time_of(events[2], reckoned));
  EXPECT_FALSE(bundle->time_of(events[3], reckoned));
  bundle->header.now_s = 50;
  EXPECT_FALSE(bundle->time_of(events[0], reckoned)) << "a clock that was not set";
}

TEST(EvidenceBundle, EventsHaveWords) {
  const auto text_of = [](const EvidenceEvent& one) {
    const auto bundle = decode_bundle(bundle_of({one}));
    return line_with(bundle_text(*bundle, 200, {}), event_name(one.code));
  };
  const auto says = [&](const EvidenceEvent& one, const std::string& words) {
    const auto line = text_of(one);
    EXPECT_NE(line.find(words), std::string::npos) << line;
  };
  says(event(1, EventCode::started, 3, 5, 1), "cause watchdog, security version 5, slot 1");
  says(event(1, EventCode::stack_low_water, 0, 512), "unused 512 B");
  says(event(1, EventCode::state_entered, 3, 0), "state safe_mode, before healthy");
  says(event(1, EventCode::safe_mode_entered, 0, 9), "why directive, epoch 9");
  says(event(1, EventCode::safe_mode_entered, 3, 0), "why drop_to_safe_mode");
  says(event(1, EventCode::attempt_state, 7, 12, 1), "state committed, epoch 12, plane model");
  says(event(1, EventCode::attempt_failed, 13, 12, 0), "error digest_mismatch, epoch 12, plane firmware");
  says(event(1, EventCode::attempt_failed, 999, 12, 77), "error 999, epoch 12, plane 77");
  says(event(1, EventCode::fault, 2, 0x21040010, 0x2104ffff), "cause 2, pc 0x21040010, lr 0x2104ffff");
  says(event(1, EventCode::connection_lost, 22), "error -22");
  says(event(1, EventCode::connected, 0, 3), "session present no, attempts 3");
  says(event(1, EventCode{99}, 1, 2, 3), "unknown 99");
  says(event(1, EventCode{99}, 1, 2, 3), "a 1, b 2, c 3");
  says(event(1, EventCode{event_application + 3}, 1, 2, 3), "application 3");
}

// Every code that firmware knows has words here.
TEST(EvidenceBundle, NoCodeIsWithoutAName) {
  for (const unsigned group : {0u, 10u, 20u, 30u, 40u}) {
    for (unsigned code = group; code < group + 10; ++code) {
      const auto name = event_name(static_cast<EventCode>(code));
      EXPECT_FALSE(name.empty());
    }
  }
  for (const auto code : {EventCode::none,
                          EventCode::started,
                          EventCode::boot_fell_back,
                          EventCode::crash_loop,
                          EventCode::stack_low_water,
                          EventCode::state_entered,
                          EventCode::safe_mode_entered,
                          EventCode::safe_mode_left,
                          EventCode::attempt_state,
                          EventCode::attempt_failed,
                          EventCode::trial_requested,
                          EventCode::trial_confirmed,
                          EventCode::trial_reverted,
                          EventCode::download_resumed,
                          EventCode::slot_damaged,
                          EventCode::connected,
                          EventCode::connection_lost,
                          EventCode::message_refused,
                          EventCode::recovery_action,
                          EventCode::fault,
                          EventCode::probe_failed,
                          EventCode::workload_silent,
                          EventCode::flash_error}) {
    EXPECT_EQ(event_name(code).find("unknown"), std::string::npos) << static_cast<unsigned>(code);
  }
}

TEST(EvidenceBundle, TheHeadSaysWhatRan) {
  const auto bundle = decode_bundle(bundle_of({}));
  ASSERT_TRUE(bundle);
  const auto text = bundle_text(*bundle, 200, {});
  EXPECT_NE(line_with(text, "made").find("100.000 s after the start"), std::string::npos) << text;
  EXPECT_NE(line_with(text, "reset cause").find("watchdog"), std::string::npos);
  EXPECT_NE(line_with(text, "stack unused").find("1832 B"), std::string::npos);
  EXPECT_NE(line_with(text, "firmware plane").find("security version 5"), std::string::npos);
  EXPECT_NE(line_with(text, "config plane").find("empty"), std::string::npos);
  const auto object = json::parse(bundle_json(*bundle));
  EXPECT_EQ(object["boot_id"], (std::uint64_t{1} << 32) + 42);
  EXPECT_EQ(object["reset_cause"], "watchdog");
  EXPECT_EQ(object["planes"]["firmware"]["active"].get<std::string>().substr(0, 2), "ab");
  EXPECT_EQ(object["planes"]["config"]["active"], nullptr);
  EXPECT_TRUE(object["events"].empty());
}

}  // namespace
}  // namespace muster::ctl
