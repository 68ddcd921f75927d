// A microcontroller in QEMU (Cortex-M3, no cycle accuracy): from its start to the first report that the broker has, and
// a firmware of 256 KiB over MQTT and TLS until it runs and is confirmed (README.md).
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
  if (!board.wait_for_log("published after ", 20s)) break_off("the board did not report:\n%s", board.log().c_str());
  const auto log = board.log();
  return std::strtod(log.c_str() + log.find("published after ") + 16, nullptr);
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  using namespace muster;
  using namespace muster::bench;
  const auto options = parse_options(argc, argv);
  Rig rig;
  rig.publish_firmware("fw", image("a"), image("b"));
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
    rig.start_rollout_of("rollout-" + std::to_string(number), "{ firmware: fw@1 }",
                         "device.region == \"" + made.region + "\"");
    const auto begun = rig.observer().assigned(made.name, 30s);
    const auto ended = rig.observer().reached(made.name, "committed", 120s);
    update.add(ms_between(begun, ended));
    std::fprintf(stderr, "round %d: start %.0f ms, update %.0f ms\n", number + 1, start.ours.back(),
                 update.ours.back());
    board.kill_hard();
  }
  print(start);
  print(update);
  return 0;
}
