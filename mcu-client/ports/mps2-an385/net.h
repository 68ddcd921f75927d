// TCP to the broker, by lwIP's raw interface: the byte stream of Port, one connection at a time. The board's address
// is 10.0.2.15, the broker's 10.0.2.100, port 1883: QEMU leads that to where the broker really is. Board code only; the
// main loop.
#pragma once

#include <cstddef>
#include <cstdint>

namespace muster::mcu::mps2 {

// Once. False when the Ethernet chip does not answer.
[[nodiscard]] bool start_net();
// Takes the frames that have come and does what lwIP has to do by time; every turn of the main loop.
void poll_net();

[[nodiscard]] int tcp_stream_open();
[[nodiscard]] int tcp_stream_send(const std::uint8_t* bytes, std::size_t size);
[[nodiscard]] int tcp_stream_recv(std::uint8_t* to, std::size_t size);
void tcp_stream_close();

}  // namespace muster::mcu::mps2
