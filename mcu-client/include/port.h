// All that the client and the bootloader ask of a board: one struct of functions with their context. PORTING.md walks
// through it, ports/template is a copy to fill in. Freestanding C++17. Everything is called from the one thread (or main
// loop) that calls Client::poll(); nothing may be called back from an interrupt.
//
// No function may block for longer than it takes to do its work on the hardware. Waiting is the caller's: it comes again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mcu-client/include/error.h"

namespace muster::mcu {

enum class LogLevel : std::uint8_t { error, warning, info, debug };

// Why the chip started. Ports that cannot tell say `unknown`, which counts as no crash.
enum class ResetCause : std::uint8_t { unknown, power_on, software, watchdog, fault };

struct Port {
  void* context = nullptr;  // first argument of every function

  // --- time ---
  // Milliseconds since the chip started. Never goes back and never wraps within one start.
  std::uint64_t (*uptime_ms)(void* context) = nullptr;
  // Unix seconds of a clock that is right, 0 without one. Null: no clock. The client then goes by the newest signed time.
  std::uint64_t (*unix_s)(void* context) = nullptr;

  // --- randomness ---
  // Fills all `size` bytes; they must differ from start to start. 0 or negative.
  int (*entropy)(void* context, std::uint8_t* to, std::size_t size) = nullptr;

  // --- a byte stream to the broker (TCP, TLS over TCP, a modem's socket) ---
  // Begins to connect and returns at once; what is under way is ended first. 0 or negative. Whether it worked shows in
  // send: it takes nothing while connecting and fails when connecting has failed.
  int (*open)(void* context) = nullptr;
  // How many of the bytes were taken, in order: 0 when none can be at the moment. Negative: the connection is gone.
  int (*send)(void* context, const std::uint8_t* bytes, std::size_t size) = nullptr;
  // How many bytes were given, at most `size`: 0 when none have come. Negative: the connection is gone and everything that
  // came before has been given.
  int (*recv)(void* context, std::uint8_t* to, std::size_t size) = nullptr;
  // Ends the connection at once, in order if it can. Nothing happens when there is none.
  void (*close)(void* context) = nullptr;

  // --- flash: one space of offsets, whatever chips it is made of; see layout.h for the sizes and boundaries ---
  // NOR rules: erase sets all bits of whole erase units; program clears bits. The client never programs a unit twice
  // between two erases. When a call returns 0 its effect survives a power cut; when power is cut during a call, the bytes
  // that it was given may hold anything afterwards (but the same at every read), and no other byte may have changed. What
  // reads as 0xff after a program that was cut off may be programmed. A read that meets bytes which the chip cannot read
  // after a cut (ECC) returns err_damaged.
  int (*flash_read)(void* context, std::uint32_t offset, void* to, std::uint32_t size) = nullptr;
  int (*flash_program)(void* context, std::uint32_t offset, const void* from, std::uint32_t size) = nullptr;
  int (*flash_erase)(void* context, std::uint32_t offset, std::uint32_t size) = nullptr;

  // --- the chip ---
  // Starts the chip anew, into the bootloader. Does not return.
  void (*reset)(void* context) = nullptr;
  // Why it started this time; the same answer until the next start.
  ResetCause (*reset_cause)(void* context) = nullptr;
  // Puts off the watchdog's reset. The bootloader starts the watchdog; nothing ever stops it. The client feeds it from
  // poll(), and only while the application's own sign of life is fresh.
  void (*watchdog_feed)(void* context) = nullptr;
  // Bytes of stack that were never used since the start; null: not known.
  std::uint32_t (*stack_unused)(void* context) = nullptr;

  // One line of text without its end. Null: no log.
  void (*log)(void* context, LogLevel level, const char* line) = nullptr;
};

}  // namespace muster::mcu
