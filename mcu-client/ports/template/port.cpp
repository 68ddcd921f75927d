#include "mcu-client/ports/template/port.h"

#include "mcu-client/include/layout_check.h"

namespace muster::mcu::board {
namespace {

Board& of(void* context) {
  return *static_cast<Board*>(context);
}

// 1. First of all: without a log line nothing else can be seen. Also safe to leave out of a product.
void log_line(void*, LogLevel, const char*) {}

// 2. A timer that interrupts each millisecond and adds to Board::uptime_ms is enough. 64 bits: read it with interrupts
// off.
std::uint64_t uptime_ms(void* context) {
  return of(context).uptime_ms;
}

// 3. Flash. Offsets begin at 0 and go on through all chips. Read what was programmed, not what a cache remembers.
int flash_read(void*, std::uint32_t, void*, std::uint32_t) {
  return err_unsupported;
}

// Offset and size are multiples of Layout::program_size. Wait for the chip and check its status: 0 means that the bytes
// survive a power cut from now on. Code that runs from the same chip must run from RAM meanwhile.
int flash_program(void*, std::uint32_t, const void*, std::uint32_t) {
  return err_unsupported;
}

// Offset and size are multiples of Layout::erase_size.
int flash_erase(void*, std::uint32_t, std::uint32_t) {
  return err_unsupported;
}

// 4. The bootloader needs 1 to 3, reset_cause and its own jump. The cause is in a status register that must be read and
// cleared once at the start; faults are told apart by a word in RAM that the fault handler leaves behind.
ResetCause reset_cause(void*) {
  return ResetCause::unknown;
}

// Through the bootloader; never returns on a board.
void reset(void*) {}

// The bootloader starts the watchdog. Its time must be longer than the longest step of poll(): the check of one
// signature, a second or so on a small core, or the erasure of one unit, whichever is longer.
void watchdog_feed(void*) {}

// 5. The chip's true random number generator. A constant here means predictable TLS keys, and the same TCP port after
// each start, which the broker's network stack may refuse for a minute.
int entropy(void*, std::uint8_t*, std::size_t) {
  return err_unsupported;
}

// 6. A byte stream to the broker. None of these waits: what cannot be done now is done by the next call.
int open(void*) {
  return err_unsupported;
}
int send(void*, const std::uint8_t*, std::size_t) {
  return err_closed;
}
int recv(void*, std::uint8_t*, std::size_t) {
  return err_closed;
}
void close(void*) {}

}  // namespace

// An example: 64 KiB erased at once would need larger logs. Slots of the firmware lie where the chip runs code from,
// and the firmware is linked for slot offset + slot_header_size, once for each slot.
constexpr Layout board_layout = {4096,                                         // erase_size
                                 8,                                            // program_size
                                 {0x00000, 0x04000},                           // identity
                                 {0x04000, 0x02000},                           // boot_log
                                 {0x06000, 0x06000},                           // settings
                                 {0x0c000, 0x02000},                           // evidence
                                 {0x0e000, 0x08000},                           // scratch
                                 {{{0x20000, 0x20000}, {0x40000, 0x20000}},    // firmware
                                  {{0x60000, 0x10000}, {0x70000, 0x10000}},    // model
                                  {{0x16000, 0x04000}, {0x1a000, 0x04000}}}};  // config
static_assert(layout_fault(board_layout) == nullptr);

const Layout layout = board_layout;

Port make_port(Board& board) {
  Port port;
  port.context = &board;
  port.log = log_line;
  port.uptime_ms = uptime_ms;
  port.unix_s = nullptr;  // no clock that can be trusted
  port.flash_read = flash_read;
  port.flash_program = flash_program;
  port.flash_erase = flash_erase;
  port.reset_cause = reset_cause;
  port.reset = reset;
  port.watchdog_feed = watchdog_feed;
  port.stack_unused = nullptr;  // fill the stack with a pattern at the start to have it
  port.entropy = entropy;
  port.open = open;
  port.send = send;
  port.recv = recv;
  port.close = close;
  return port;
}

}  // namespace muster::mcu::board
