// TCP connections that a library made and keeps to itself. Linux; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace muster::host {

// Lets every TCP connection of this process to this port of whoever send small messages at once. By default the kernel
// holds one back while an earlier small one is unacknowledged, and the other side waits up to 40 ms with an
// acknowledgement that it has no data to send along with. Returns how many connections it was.
std::size_t send_at_once(std::uint16_t peer_port);

}  // namespace muster::host
