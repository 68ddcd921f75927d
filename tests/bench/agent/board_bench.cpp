// A microcontroller in QEMU (Cortex-M3, no cycle accuracy): from its start to the first report that the broker has,
// over TLS and without, and a firmware of 256 KiB over MQTT and TLS until it runs and is confirmed (README.md).
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "tests/bench/agent/rig.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/options.h"
#include "tests/e2e/harness/folder.h"
#include "tests/e2e/harness/messages.h"
#include "tests/e2e/harness/qemu.h"
#include "tests/e2e/mcu/plain_broker.h"

namespace muster::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t image_size = 256 * 1024;

// The second firmware of the board's build, filled up to the size with what does not compress.
std::string image(const std::string& slot) {
  auto bytes = e2e::read_text(e2e::mcu_file("firmware-2-" + slot + ".bin"));
  if (bytes.empty() || bytes.size() > image_size) break_off("no firmware of the board: run cmake --build build/mcu");
  return bytes + e2e::noise(image_size - bytes.size(), 1);
}

// What the board said of itself: "published after 302 ms; …", on its own clock.
double published_after_ms(const e2e::QemuBoard& board) {
  // The line is written in pieces: its last words come after the number.
  if (!board.wait_for_log(" of heap", 20s)) break_off("the board did not report:\n%s", board.log().c_str());
  const auto log = board.log();
  return std::strtod(log.c_str() + log.find("published after ") + 16, nullptr);
}

// The same firmware built without TLS, at a broker without TLS and without the plugin, which says who somebody is by
// certificates.
double plain_start_ms(const Rig& rig, const e2e::PlainBroker& broker, int number) {
  e2e::BoardToMake made;
  made.name = "plain-" + std::to_string(number);
  made.firmware = MUSTER_MCU_PLAIN_BUILD "/firmware-a.bin";
  made.with_certificates = false;
  if (!e2e::exists(made.firmware)) break_off("no plain firmware: run cmake --build build/mcu-plain");
  e2e::QemuBoard board(rig.folder().make_folder(made.name), made, rig.keys());
  board.start(broker.port());
  return published_after_ms(board);
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  using namespace muster;
  using namespace muster::bench;
  const auto options = parse_options(argc, argv);
  Rig rig;
  rig.publish_firmware("fw", image("a"), image("b"));
  e2e::PlainBroker plain_broker;
  if (!plain_broker.start()) break_off("the broker without TLS did not start");
  Measure plain{"a board's start",
                "to the first report that the broker has, without TLS",
                "ms",
                "",
                {},
                {},
                {BudgetKind::ours_max, 200},
                "on the guest's clock, as the line with TLS; firmware that is built for this measurement only"};
  Measure start{"a board's start",
                "to the first report that the broker has, over TLS",
                "ms",
                "",
                {},
                {},
                {BudgetKind::ours_max, 3000},
                "on the guest's clock, from the firmware's first instruction; QEMU is not cycle-accurate"};
  Measure update{"firmware update of a board",
                 "256 KiB over MQTT and TLS, until it runs and is confirmed",
                 "ms",
                 "",
                 {},
                 {},
                 {BudgetKind::ours_max, 10000},
                 "assignment visible to report of the commit: download, digest, reset, bootloader, checks, no soak"};
  for (int number = 0; number < options.rounds; ++number) {
    e2e::BoardToMake made;
    made.name = "board-" + std::to_string(number);
    made.region = "r" + std::to_string(number);
    e2e::QemuBoard board(rig.folder().make_folder(made.name), made, rig.keys());
    board.start(rig.broker().port());
    rig.observer().await_report(made.name, 30s);
    start.add(published_after_ms(board));
    plain.add(plain_start_ms(rig, plain_broker, number));
    rig.start_rollout_of("rollout-" + std::to_string(number), "{ firmware: fw@1 }",
                         "device.region == \"" + made.region + "\"");
    const auto begun = rig.observer().assigned(made.name, 30s);
    const auto ended = rig.observer().reached(made.name, "committed", 120s);
    update.add(ms_between(begun, ended));
    std::fprintf(stderr, "round %d: start %.0f ms, without TLS %.0f ms, update %.0f ms\n", number + 1,
                 start.ours.back(), plain.ours.back(), update.ours.back());
    board.kill_hard();
  }
  print(start);
  print(plain);
  print(update);
  return 0;
}
