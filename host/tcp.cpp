#include "host/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>
#include <filesystem>
#include <system_error>

namespace muster::host {
namespace {

// 0 when the handle is no connected IP socket.
std::uint16_t peer_port_of(int handle) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(handle, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return 0;
  if (peer.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&peer)->sin_port);
  if (peer.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_port);
  return 0;
}

}  // namespace

std::size_t send_at_once(std::uint16_t peer_port) {
  std::size_t count = 0;
  std::error_code failed;
  for (std::filesystem::directory_iterator at("/proc/self/fd", failed), end; !failed && at != end;
       at.increment(failed)) {
    const auto name = at->path().filename().string();
    int handle = -1;
    std::from_chars(name.data(), name.data() + name.size(), handle);
    if (handle < 0 || peer_port_of(handle) != peer_port) continue;
    const int on = 1;
    if (::setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0) ++count;
  }
  return count;
}

}  // namespace muster::host
