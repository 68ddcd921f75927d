// Power cuts of the board while it takes updates: QEMU is killed with -9 at random moments of updates of each plane and
// of all of them, and the broker now and then. Each time the board comes back without help, with the whole old set or
// the whole new one, and in the end runs what was assigned to it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/programs.h"
#include "tests/e2e/harness/qemu.h"
#include "tests/e2e/harness/world.h"
#include "tests/support/long_form.h"

namespace muster::e2e {
namespace {

using muster::testing::long_form;
using muster::testing::seed_or;
using muster::testing::size_for;
using Clock = std::chrono::steady_clock;

const std::string board_name = "board-0";
const std::string report_topic = "muster/v1/device/" + board_name + "/state";
constexpr std::size_t planes = 3;
constexpr std::array<const char*, planes> plane_names = {"firmware", "model", "config"};
constexpr std::array<const char*, planes> release_names = {"fw", "motor", "c"};
constexpr int versions = 3;               // with two slots a plane, the third always has to be fetched
constexpr std::size_t strata = 8;         // of the moments: every eight kills fall into all parts of an update
constexpr std::size_t measured_for = 32;  // updates; then measured again, as the host may have become slower
constexpr double beyond_end = 1.2;        // a moment lies between the start and this part of an update's time
constexpr int soak_s_max = 1;             // or none
constexpr std::size_t image_size = 256 * 1024, model_size = 160 * 1024, table_size = 48 * 1024;

using Set = std::array<std::string, planes>;  // NAME@VERSION, as ReportSeen has them

std::string release(std::size_t plane, int version) {
  return std::string(release_names[plane]) + "@" + std::to_string(version);
}

// What an update changes: bit i is plane i.
struct Kind {
  const char* text;
  unsigned planes;
};
constexpr std::array<Kind, 4> kinds = {{{"firmware", 1}, {"model", 2}, {"config", 4}, {"all planes", 7}}};

Milliseconds since(Clock::time_point then) {
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - then);
}

class BoardKills : public World {
 protected:
  void SetUp() override {
    const auto seed = seed_or(20261128);
    random_.seed(seed);
    printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
    open();
    make_releases();
    BoardToMake made;
    made.name = board_name;
    board_ = std::make_unique<QemuBoard>(folder_.make_folder(made.name), made, keys_);
    board_->start(broker().port());
    ASSERT_EVENTUALLY(20s, device(board_name).value("reported", false)) << board_->log();
    watch();
  }
  void TearDown() override {
    if (HasFailure() && board_) printf("--- %s ---\n%s\n", board_name.c_str(), board_->log().c_str());
  }

  void make_releases();
  void measure(const Kind& kind);
  void measure_all();
  void start_update(const Kind& kind, int soak_s, bool back);
  void finish_update();
  void await_moment(Clock::time_point from, double part);
  void cut_power(const Kind& kind, Clock::time_point from);
  void await_return();
  void kill_broker();
  void watch();
  void look_at_reports();
  void disturb(const Kind& kind, int soak_s);
  [[nodiscard]] Set known_active();
  [[nodiscard]] std::string seen_phase();
  [[nodiscard]] double next_moment();
  [[nodiscard]] std::uint64_t below(std::uint64_t end) { return random_() % end; }

  std::mt19937_64 random_;
  std::unique_ptr<QemuBoard> board_;
  std::unique_ptr<Session> watcher_;
  std::array<int, planes> version_{};
  Set old_{}, new_{};
  std::map<std::string, Milliseconds> undisturbed_;      // by Kind::text
  Milliseconds length_{};                                // of the update under way, were it undisturbed
  std::vector<double> moments_;                          // the next ones, as parts of an update's time
  std::uint64_t newest_boot_ = 0, boot_before_cut_ = 0;  // that the broker had a report of
  std::size_t bootloader_lines_ = 0;  // in the board's log when the update, or the start after a cut, began
  int updates_ = 0, kills_ = 0, broker_kills_ = 0;
  std::map<std::string, int> phases_, kinds_hit_;
};

void BoardKills::make_releases() {
  for (int i = 0; i < versions; ++i) {
    const auto version = std::to_string(i);
    const auto number = static_cast<std::uint32_t>(i);
    const auto image = [&](const char* file) {
      const auto program = read_text(mcu_file(file));
      return program + noise(image_size - program.size(), 10 + number);
    };
    const std::string boards_only = "compatible: { class: [cortex-m3] }\n";
    make_release({.name = release_names[0],
                  .version = version,
                  .model_txt = "",
                  .plane = plane_names[0],
                  .probes = "[{ exec: sensor }]",
                  .more = boards_only,
                  .files = {{"slot_a.bin", image("firmware-2-a.bin")}, {"slot_b.bin", image("firmware-2-b.bin")}}});
    const auto model = folder_.file("model-" + version + ".mcls");
    const auto trained = run({programs::classifier_train, "--epochs", "8", "--golden", "0", "--seed",
                              std::to_string(i + 1), "--out", model});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    make_release({.name = release_names[1],
                  .version = version,
                  .model_txt = "",
                  .probes = "[{ exec: model }]",
                  .more = boards_only,
                  .files = {{"model.mcls", read_text(model)}, {"more.bin", noise(model_size, 20 + number)}}});
    make_release({.name = release_names[2],
                  .version = version,
                  .model_txt = "",
                  .plane = plane_names[2],
                  .probes = "",
                  .files = {{"table.bin", noise(table_size, 30 + number)}}});
  }
}

// The operator who sees every report.
void BoardKills::watch() {
  watcher_ = operator_session("viewer");
  ASSERT_TRUE(watcher_->subscribe(report_topic));
}

// `back`: to the version before, which often is still in the other slot.
void BoardKills::start_update(const Kind& kind, int soak_s, bool back) {
  old_ = new_;
  bootloader_lines_ = board_->log_count("bootloader:");
  std::string list;
  for (std::size_t plane = 0; plane < planes; ++plane) {
    if ((kind.planes >> plane & 1u) == 0) continue;
    version_[plane] = (version_[plane] + (back ? versions - 1 : 1)) % versions;
    new_[plane] = release(plane, version_[plane]);
    list += (list.empty() ? "" : ", ") + std::string(plane_names[plane]) + ": " + new_[plane];
  }
  const auto name = "update-" + std::to_string(++updates_);
  const auto answer = ops().control(
      "startRollout", {{"rule", "rollout: " + name + "\nseed: 7\ntargets: 'true'\nversions: { " + list +
                                    " }\nwaves: [{ name: all, percent: 100, soak: " + std::to_string(soak_s) +
                                    "s }]\n"
                                    "unreachable_after: 120s\nattempt_timeout: 180s\n"},
                       {"file", name + ".yaml"}});
  ASSERT_FALSE(answer.empty() || answer.contains("error")) << answer.dump();
}

// By the digests of the newest report, which the broker finds the releases by.
Set BoardKills::known_active() {
  Set active;
  const auto seen = device(board_name);
  for (std::size_t plane = 0; plane < planes; ++plane) {
    const auto found = seen["planes"][plane_names[plane]]["release"];
    active[plane] = found.is_string() ? found.get<std::string>() : "none";
  }
  return active;
}

// Undisturbed from here on, it ends with what was assigned.
void BoardKills::finish_update() {
  const auto name = "update-" + std::to_string(updates_);
  ASSERT_EVENTUALLY(90s, state(name) == "completed") << status(name).dump(1) << device(board_name).dump(1);
  EXPECT_EQ(device_state(board_name), "healthy") << name;
  EXPECT_EQ(known_active(), new_) << name;
  look_at_reports();
  watcher_->forget();
}

// Every report that came during this update names the old set or the new one.
void BoardKills::look_at_reports() {
  for (const auto& message : watcher_->received(report_topic)) {
    const auto report = read_report(Bytes(message.payload.begin(), message.payload.end()));
    ASSERT_TRUE(report.valid);
    newest_boot_ = std::max(newest_boot_, report.boot_id);
    EXPECT_TRUE(report.active == old_ || report.active == new_)
        << "update " << updates_ << ": " << report.active[0] << " " << report.active[1] << " " << report.active[2]
        << " (" << report.attempt << ") is neither " << old_[0] << " " << old_[1] << " " << old_[2] << " nor "
        << new_[0] << " " << new_[1] << " " << new_[2];
  }
}

// How long an update of this kind takes when nothing happens to it.
void BoardKills::measure(const Kind& kind) {
  const auto begun = Clock::now();
  ASSERT_NO_FATAL_FAILURE(start_update(kind, soak_s_max, false));
  ASSERT_TRUE(watcher_->wait_for(report_topic, 60s, [&](const host::MqttMessage& message) {
    const auto report = read_report(Bytes(message.payload.begin(), message.payload.end()));
    return report.active == new_ && report.attempt == "committed";
  }));
  undisturbed_[kind.text] = since(begun);
  finish_update();
}

// All planes first: a board from the factory has two empty ones.
void BoardKills::measure_all() {
  for (std::size_t i = kinds.size(); i-- > 0;) {
    ASSERT_NO_FATAL_FAILURE(measure(kinds[i]));
    printf("undisturbed: %s %lld ms\n", kinds[i].text, static_cast<long long>(undisturbed_[kinds[i].text].count()));
  }
}

// The next moment, as a part of an update's time.
double BoardKills::next_moment() {
  if (moments_.empty()) {
    std::uniform_real_distribution<double> within(0, 1);
    for (std::size_t i = 0; i < strata; ++i) {
      moments_.push_back((static_cast<double>(i) + within(random_)) / static_cast<double>(strata) * beyond_end);
    }
    std::shuffle(moments_.begin(), moments_.end(), random_);
  }
  const double moment = moments_.back();
  moments_.pop_back();
  return moment;
}

// What the attempt was doing, as the broker last saw it. A trial's first start is seen only in the board's own log.
std::string BoardKills::seen_phase() {
  const auto seen = device(board_name);
  const auto attempt = seen.value("attempt", nlohmann::json::object());
  if (attempt.value("epoch", 0u) != seen.value("assigned_epoch", 0u)) return "assigned";
  const auto word = attempt.value("state", "");
  if (word != "fetching") return word;
  return board_->log_count("bootloader:") > bootloader_lines_ ? "starting the trial" : word;
}

// Waits until this part of the time that an update takes has passed since `from`.
void BoardKills::await_moment(Clock::time_point from, double part) {
  const auto at = from + std::chrono::duration_cast<Clock::duration>(length_ * part);
  ASSERT_TRUE(eventually(
      60s, [&] { return !board_->running() || Clock::now() >= at; }, 1ms));
  ASSERT_TRUE(board_->running()) << "QEMU ended by itself";
}

void BoardKills::cut_power(const Kind& kind, Clock::time_point from) {
  ASSERT_NO_FATAL_FAILURE(await_moment(from, next_moment()));
  board_->kill_hard();
  ++kills_;
  ++kinds_hit_[kind.text];
  ++phases_[seen_phase()];
  look_at_reports();
  boot_before_cut_ = newest_boot_;
  bootloader_lines_ = board_->log_count("bootloader:") + 1;
  board_->start(broker().port());
}

void BoardKills::await_return() {
  EXPECT_TRUE(watcher_->wait_for(report_topic, 30s, [&](const host::MqttMessage& message) {
    return read_report(Bytes(message.payload.begin(), message.payload.end())).boot_id > boot_before_cut_;
  })) << "it did not come back";
  look_at_reports();
  const auto active = known_active();
  EXPECT_TRUE(active == old_ || active == new_) << device(board_name).dump(1);
}

void BoardKills::kill_broker() {
  std::uniform_real_distribution<double> within(0, beyond_end);
  ASSERT_NO_FATAL_FAILURE(await_moment(Clock::now(), within(random_)));
  ++broker_kills_;
  look_at_reports();
  leave_ops();
  watcher_.reset();
  broker().kill_hard();
  ASSERT_TRUE(broker().start());
  watch();
}

// One update, in which the power is cut once, or again in the start that follows: a trial has three starts. The broker
// dies before the first cut or after it.
void BoardKills::disturb(const Kind& kind, int soak_s) {
  const bool back = long_form() && below(4) == 0, twice = long_form() && below(4) == 0;
  const auto broker_dies = long_form() ? below(12) : 2;  // 0: before, 1: after
  const auto begun = Clock::now();
  length_ = undisturbed_.at(kind.text) - std::chrono::seconds(soak_s_max - soak_s);
  ASSERT_NO_FATAL_FAILURE(start_update(kind, soak_s, back));
  if (broker_dies == 0) {
    ASSERT_NO_FATAL_FAILURE(kill_broker());
  }
  ASSERT_NO_FATAL_FAILURE(cut_power(kind, broker_dies == 0 ? Clock::now() : begun));
  if (broker_dies == 1) {
    ASSERT_NO_FATAL_FAILURE(kill_broker());
  }
  if (twice) {
    ASSERT_NO_FATAL_FAILURE(cut_power(kind, Clock::now()));
  }
  await_return();
  finish_update();
}

TEST_F(BoardKills, ComeBackWithOneSetOrTheOther) {
  const auto begun = Clock::now();
  // From the factory's firmware and two empty planes.
  old_ = new_ = {"factory@0", "", ""};
  const int kills = size_for(8, 200);
  for (std::size_t turn = 0; kills_ < kills && !HasFailure(); ++turn) {
    if (turn % measured_for == 0) {
      ASSERT_NO_FATAL_FAILURE(measure_all());
    }
    ASSERT_NO_FATAL_FAILURE(disturb(kinds[turn % kinds.size()], turn / kinds.size() % 2 == 0 ? soak_s_max : 0));
  }
  printf("%d power cuts in %d updates, the broker killed %d times, %lld s\n", kills_, updates_, broker_kills_,
         static_cast<long long>(since(begun).count() / 1000));
  for (const auto& [kind, count] : kinds_hit_) printf("of %s: %d\n", kind.c_str(), count);
  for (const auto& [phase, count] : phases_) printf("while %s: %d\n", phase.c_str(), count);
  EXPECT_GE(phases_.size(), size_for<std::size_t>(3, 5)) << "the moments lie in different parts of an update";
  if (long_form()) {
    for (const auto* phase : {"fetching", "starting the trial", "soaking", "committed"})
      EXPECT_GE(phases_[phase], 1) << phase;
  }
  EXPECT_EQ(kinds_hit_.size(), kinds.size());
  // No broken rule of the flash, no crash. A watchdog is none: on a busy host the board may have no processor for
  // seconds.
  EXPECT_EQ(board_->log_count("reset by fault"), 0u);
  expect_audit_intact();
}

}  // namespace
}  // namespace muster::e2e
