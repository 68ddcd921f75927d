#include "mcu-client/bootloader/bootloader.h"

#include "mcu-client/src/boot/boot.h"

namespace muster::mcu {

int run_bootloader(const Port& port, const Layout& layout) {
  const Flash flash(port, layout);
  const ResetCause cause = port.reset_cause == nullptr ? ResetCause::unknown : port.reset_cause(port.context);
  SlotHeader started;
  return boot(flash, cause, started);
}

}  // namespace muster::mcu
