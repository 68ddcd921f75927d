// A device as a Linux process: flash in a file, a socket, the clock of the system; a reset starts the same program
// again in the same process, with nothing but the flash left; a watchdog does that when the client stops feeding it;
// and power can be cut during a chosen flash operation. SIGTERM switches it off and prints how many flash operations
// there were. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "mcu-client/include/port.h"
#include "mcu-client/ports/posix/nor_flash.h"
#include "mcu-client/ports/posix/socket_stream.h"
#include "mcu-client/ports/tls/tls_stream.h"

namespace muster::mcu::posix {

inline constexpr int exit_power_cut = 64;  // the process's exit code when its power was cut

struct BoardSetup {
  std::string flash;                  // path of the flash's file
  std::string address = "127.0.0.1";  // of the broker
  std::uint16_t tcp_port = 8883;
  std::uint64_t cut_at = 0;    // power fails during this flash operation, counted over resets; 0: never
  std::uint64_t cut_seed = 1;  // how that operation takes place
  std::uint32_t watchdog_ms = 4000;
};

class Board {
 public:
  // Keeps argv for its resets. Ends the process with a sentence when the flash cannot be opened.
  Board(const BoardSetup& setup, char** argv);
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  [[nodiscard]] const Port& port() const { return port_; }
  // From now on the port's stream is TLS with these credentials. err_provisioning.
  [[nodiscard]] int use_tls(const TlsCredentials& credentials);
  // As a bootloader does before it starts the firmware.
  void start_watchdog();
  // What the chip's fault handler does: a reset with that cause.
  [[noreturn]] static void fault();
  // Where the flash is mapped for reading.
  [[nodiscard]] const std::uint8_t* flash_bytes() const;
  // Waits until bytes come or the time has passed.
  void idle(std::uint32_t at_most_ms);

 private:
  Port port_;
  Port lower_;  // plain TCP under TLS
  BoardSetup setup_;
  NorFlash nor_;
  SocketStream socket_;
  TlsStream tls_;
  std::uint64_t operations_before_;
  void count();
};

}  // namespace muster::mcu::posix
