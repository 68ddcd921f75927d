#include <mbedtls/memory_buffer_alloc.h>
#include <mbedtls/platform.h>

#include <cstring>

#include "mcu-client/ports/mps2-an385/board.h"
#include "mcu-client/ports/mps2-an385/net.h"
#include "mcu-client/ports/mps2-an385/random.h"

namespace muster::mcu::mps2 {

namespace {

// Two records of 4 KiB, three certificates, and the big numbers of a handshake; README.md has the measured peak.
constexpr unsigned char heap_paint = 0xa5;  // what was never in use
constexpr std::size_t heap_head = 64;       // more than the allocator's own mark at the start
constexpr std::size_t heap_size = MUSTER_HEAP_KIB * 1024;
alignas(8) unsigned char heap[heap_size];

}  // namespace

Port tcp_port() {
  Port port = chip_port();
  port.entropy = [](void*, std::uint8_t* to, std::size_t size) {
    fill_random(to, size);
    return static_cast<int>(ok);
  };
  port.open = [](void*) { return tcp_stream_open(); };
  port.send = [](void*, const std::uint8_t* bytes, std::size_t size) { return tcp_stream_send(bytes, size); };
  port.recv = [](void*, std::uint8_t* to, std::size_t size) { return tcp_stream_recv(to, size); };
  port.close = [](void*) { tcp_stream_close(); };
  return port;
}

void start_heap() {
  mbedtls_memory_buffer_alloc_init(heap, sizeof heap);
  std::memset(heap + heap_head, heap_paint, sizeof heap - heap_head);
}

// The allocator takes the first place that fits, so that its end is used last.
std::size_t heap_unused() {
  std::size_t count = 0;
  while (count < heap_size && heap[heap_size - 1 - count] == heap_paint) ++count;
  return count;
}

}  // namespace muster::mcu::mps2
