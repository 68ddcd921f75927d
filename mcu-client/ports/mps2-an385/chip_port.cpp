#include "mcu-client/ports/mps2-an385/board.h"
#include "mcu-client/ports/mps2-an385/chip.h"
#include "mcu-client/ports/mps2-an385/console.h"
#include "mcu-client/ports/mps2-an385/handover.h"
#include "mcu-client/ports/mps2-an385/nor.h"

namespace muster::mcu::mps2 {

// The functions take no context: there is one chip.
Port chip_port() {
  Port port;
  port.uptime_ms = [](void*) { return uptime_ms(); };
  port.flash_read = [](void*, std::uint32_t offset, void* to, std::uint32_t size) {
    return nor_read(offset, to, size);
  };
  port.flash_program = [](void*, std::uint32_t offset, const void* from, std::uint32_t size) {
    return nor_program(offset, from, size);
  };
  port.flash_erase = [](void*, std::uint32_t offset, std::uint32_t size) { return nor_erase(offset, size); };
  port.reset = [](void*) { restart(ResetCause::software); };
  port.reset_cause = [](void*) { return cause_of_start(); };
  port.watchdog_feed = [](void*) { feed_watchdog(); };
  port.stack_unused = [](void*) { return stack_unused(); };
  port.log = [](void*, LogLevel level, const char* line) {
    static constexpr const char* names[] = {"error   ", "warning ", "info    ", "debug   "};
    print(names[static_cast<unsigned>(level) & 3u]);
    print_line(line);
  };
  return port;
}

}  // namespace muster::mcu::mps2
