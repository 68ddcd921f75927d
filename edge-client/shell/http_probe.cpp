#include "edge-client/shell/http_probe.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "edge-client/shell/event_loop.h"

namespace muster::edge {
namespace {

constexpr std::size_t status_line_len_max = 4096;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

HttpProbeResult failed(std::string problem) {
  return {HttpProbeResult::End::failed, 0, std::move(problem)};
}
HttpProbeResult timed_out() {
  return {HttpProbeResult::End::timed_out, 0, "no answer in time"};
}

// False when the deadline comes first.
bool wait_for(int fd, short events, std::uint64_t deadline_ms) {
  for (;;) {
    const auto now = EventLoop::now_ms();
    if (now >= deadline_ms) return false;
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min<std::uint64_t>(deadline_ms - now, 60000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // the next call on it says what is wrong
  }
}

// Sends the request and reads as far as the status line.
HttpProbeResult exchange(int fd, const HttpUrl& url, std::uint64_t deadline_ms) {
  const auto request = "GET " + url.path + " HTTP/1.1\r\nHost: " + url.host + ":" + url.port +
                       "\r\nUser-Agent: muster-edge\r\nAccept: */*\r\nConnection: close\r\n\r\n";
  for (std::size_t sent = 0; sent < request.size();) {
    if (!wait_for(fd, POLLOUT, deadline_ms)) return timed_out();
    const auto put = ::send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (put < 0) return failed(std::strerror(errno));
    sent += static_cast<std::size_t>(put);
  }
  std::string answer;
  while (answer.find("\r\n") == std::string::npos) {
    if (answer.size() > status_line_len_max) return failed("the answer is not HTTP");
    if (!wait_for(fd, POLLIN, deadline_ms)) return timed_out();
    std::array<char, 1024> buffer;
    const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return failed(std::strerror(errno));
    if (got == 0) return failed("the connection was closed without an answer");
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  // "HTTP/1.1 200 OK"
  const bool is_http =
      answer.rfind("HTTP/1.", 0) == 0 && answer.size() >= 12 && answer[8] == ' ' &&
      std::all_of(answer.begin() + 9, answer.begin() + 12, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_http) return failed("the answer is not HTTP");
  return {HttpProbeResult::End::answered, (answer[9] - '0') * 100 + (answer[10] - '0') * 10 + (answer[11] - '0'), {}};
}

}  // namespace

bool parse_http_url(const std::string& url, HttpUrl& parts) {
  const std::string scheme = "http://";
  if (url.compare(0, scheme.size(), scheme) != 0) return false;
  const auto slash = std::min(url.find('/', scheme.size()), url.size());
  auto authority = url.substr(scheme.size(), slash - scheme.size());
  HttpUrl found;
  found.path = slash == url.size() ? "/" : url.substr(slash, url.find('#', slash) - slash);
  // A space or a line end would let the URL write headers.
  if (std::any_of(url.begin(), url.end(), [](char c) { return c <= ' ' || c == 0x7f; })) return false;
  if (authority.find('@') != std::string::npos) return false;
  const auto bracket = authority.find(']');
  const auto colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
  found.host = authority.substr(0, colon);
  found.port = colon == std::string::npos ? "80" : authority.substr(colon + 1);
  if (!found.host.empty() && found.host.front() == '[') {
    if (bracket == std::string::npos || found.host.back() != ']') return false;
    found.host = found.host.substr(1, found.host.size() - 2);
  }
  const bool port_ok = !found.port.empty() && found.port.size() <= 5 &&
                       std::all_of(found.port.begin(), found.port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (found.host.empty() || !port_ok) return false;
  parts = std::move(found);
  return true;
}

HttpProbeResult http_get(const std::string& url, std::uint64_t timeout_ms) {
  const auto deadline_ms = EventLoop::now_ms() + timeout_ms;
  HttpUrl parts;
  if (!parse_http_url(url, parts)) return failed("the URL is not of the form http://HOST[:PORT][/PATH]");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found); error != 0) {
    return failed("cannot find " + parts.host + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  auto result = failed("no address");
  for (const auto* address = found; address != nullptr; address = address->ai_next) {
    const Socket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.fd() < 0) continue;
    if (::connect(socket.fd(), address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
      result = failed(std::strerror(errno));
      continue;
    }
    if (!wait_for(socket.fd(), POLLOUT, deadline_ms)) return timed_out();
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) return exchange(socket.fd(), parts, deadline_ms);
    result = failed(std::strerror(error));
  }
  return result;
}

}  // namespace muster::edge
