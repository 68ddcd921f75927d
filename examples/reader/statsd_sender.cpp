#include "examples/reader/statsd_sender.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace muster::reader {
namespace {

constexpr std::size_t path_len_max = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace

tl::expected<StatsdSender, Error> StatsdSender::open(const std::string& path) {
  if (path.empty() || path.size() > path_len_max) {
    return tl::unexpected(Error{ErrorKind::usage, "the socket path '" + path + "' must have 1 to " +
                                                      std::to_string(path_len_max) +
                                                      " bytes: choose a shorter folder"});
  }
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return tl::unexpected(Error{ErrorKind::io, std::string("cannot make a socket: ") + std::strerror(errno)});
  return StatsdSender(fd, path);
}

StatsdSender::StatsdSender(StatsdSender&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), path_(std::move(other.path_)), lines_(std::move(other.lines_)) {}

StatsdSender& StatsdSender::operator=(StatsdSender&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(path_, other.path_);
  std::swap(lines_, other.lines_);
  return *this;
}

StatsdSender::~StatsdSender() {
  if (socket_ >= 0) close(socket_);
}

void StatsdSender::add(std::string_view name, const char* value, std::string_view kind) {
  if (!lines_.empty()) lines_.push_back('\n');
  lines_.append(name).append(1, ':').append(value).append(1, '|').append(kind);
}

void StatsdSender::gauge(std::string_view name, double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%.3f", value);
  add(name, text, "g");
}

void StatsdSender::count(std::string_view name, unsigned long long value) {
  add(name, std::to_string(value).c_str(), "c");
}

void StatsdSender::timing_ms(std::string_view name, double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%.3f", value);
  add(name, text, "ms");
}

void StatsdSender::text(std::string_view name, const char* value) {
  add(name, value, "s");
}

bool StatsdSender::send() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  // By address, not connected: the agent makes its socket anew at each start.
  const auto sent = sendto(socket_, lines_.data(), lines_.size(), MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool whole = sent == static_cast<ssize_t>(lines_.size());
  lines_.clear();
  return whole;
}

}  // namespace muster::reader
