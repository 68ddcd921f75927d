// The bootloader: decides which firmware to start, and starts it.
#include "mcu-client/bootloader/bootloader.h"

#include "mcu-client/ports/mps2-an385/board.h"
#include "mcu-client/ports/mps2-an385/chip.h"
#include "mcu-client/ports/mps2-an385/console.h"
#include "mcu-client/ports/mps2-an385/handover.h"
#include "mcu-client/ports/mps2-an385/layout.h"
#include "mcu-client/ports/mps2-an385/startup.h"

void run() {
  using namespace muster::mcu;
  mps2::start_console();
  mps2::begin_start();
  // From the first moment: both slots are read well within its time.
  mps2::start_watchdog();
  const Port port = mps2::chip_port();
  const int slot = run_bootloader(port, mps2::layout);
  static constexpr const char* causes[] = {"unknown", "power on", "software", "watchdog", "fault"};
  mps2::print("bootloader: reset by ");
  mps2::print(causes[static_cast<unsigned>(mps2::cause_of_start())]);
  if (slot < 0) {
    // Nothing here may be started. A cut connection to the flash may heal: the watchdog tries again.
    mps2::print_line(", no firmware");
    while (true) asm volatile("wfi");
  }
  mps2::print_line(slot == 0 ? ", starting slot A" : ", starting slot B");
  mps2::feed_watchdog();
  const Area& area = mps2::layout.slots[0][slot];
  mps2::jump_to(mps2::flash_base + area.offset + slot_header_size);
}
