// The demo's firmware for the board mps2-an385: the client with the classifier. MUSTER_BEHAVIOUR makes bad firmware of
// it, for the tests and the demo.
#include "examples/mcu-classifier/board_app.h"
#include "mcu-client/include/client.h"
#include "mcu-client/ports/mps2-an385/board.h"
#include "mcu-client/ports/mps2-an385/chip.h"
#include "mcu-client/ports/mps2-an385/console.h"
#include "mcu-client/ports/mps2-an385/firmware.h"
#include "mcu-client/ports/mps2-an385/layout.h"
#include "mcu-client/ports/mps2-an385/net.h"
#include "mcu-client/ports/mps2-an385/startup.h"

namespace muster::mcu::mps2 {

namespace {

enum Behaviour { good, hangs, deaf, blind, loops };
constexpr Behaviour behaviour = MUSTER_BEHAVIOUR;
constexpr std::uint32_t loop_after_ms = 500;

// Seconds instead of minutes, so that a test sees them pass.
constexpr ClientSettings settings() {
  ClientSettings fast;
  fast.health_window_ms = 1000;
  fast.check_window_ms = 8000;
  fast.healthy_after_ms = 5000;
  fast.backoff_first_ms = 100;
  fast.backoff_max_ms = 1000;
  return fast;
}

void print_first_report(bool& due, const Client& client, std::uint32_t& reports) {
  if (!client.connected()) due = true;
  if (!due || client.reports() == reports) {
    reports = client.reports();
    return;
  }
  due = false;
  reports = client.reports();
  print("published after ");
  print_number(static_cast<std::uint32_t>(uptime_ms()));
  print(" ms; never used: ");
  print_number(stack_unused());
  print(" bytes of stack, ");
  print_number(static_cast<std::uint32_t>(heap_unused()));
  print_line(" of heap");
}

[[noreturn]] void hang() {
  while (true) sleep();
}

[[noreturn]] void run_firmware() {
  static Port port = start_firmware();
  if (behaviour == hangs) hang();
  if (behaviour == deaf) port.open = [](void*) -> int { return err_io; };
  alignas(8) static std::uint8_t in[in_buffer_size];
  alignas(8) static std::uint8_t out[out_buffer_size];
  alignas(8) static std::uint8_t work[work_buffer_size];
  classifier::BoardAppSetup setup;
  setup.flash = reinterpret_cast<const std::uint8_t*>(flash_base);
  setup.uptime_us = [] { return uptime_ms() * 1000; };
  setup.sensor_works = behaviour != blind;
  setup.version = MUSTER_FIRMWARE_VERSION;
  static classifier::BoardApp app(setup);
  static Client client(port, layout, app.application(), {in, sizeof in, out, sizeof out, work, sizeof work},
                       settings());
  if (client.start() != ok) give_up("the client does not start");
  bool report_due = true;
  std::uint32_t reports = 0;
  while (true) {
    poll_net();
    const bool more = client.poll();
    app.turn(client, uptime_ms());
    print_first_report(report_due, client, reports);
    if (behaviour == loops && uptime_ms() > loop_after_ms) abort();
    if (!more) sleep();
  }
}

}  // namespace

}  // namespace muster::mcu::mps2

void run() {
  muster::mcu::mps2::run_firmware();
}
