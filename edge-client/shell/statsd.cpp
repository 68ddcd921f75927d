#include "edge-client/shell/statsd.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "schemas/ids.h"
#include "schemas/limits.h"
#include "schemas/text.h"

namespace muster::edge {
namespace {

constexpr std::size_t socket_buffer_len = 256 * 1024;

bool parse_number(std::string_view text, double& value) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
}

// Takes what stands before the next `mark` off the front of `rest`.
std::string_view take_until(std::string_view& rest, char mark) {
  const auto end = std::min(rest.find(mark), rest.size());
  const auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool parse_kind(std::string_view text, std::string_view value, StatKind& kind) {
  if (text == "g") {
    const bool change = value.front() == '+' || value.front() == '-';
    kind = change ? StatKind::gauge_change : StatKind::gauge;
    return true;
  }
  if (text == "c") {
    kind = StatKind::counter;
    return true;
  }
  kind = StatKind::timer;
  return text == "ms" || text == "h" || text == "d";
}

bool parse_value(std::string_view value, std::string_view kind, Stat& stat) {
  if (value.empty()) return false;
  if (stat.name != delegate_name) return parse_number(value, stat.value) && parse_kind(kind, value, stat.kind);
  stat.kind = StatKind::text;
  stat.text = value;
  return kind == "s" && value.size() <= limits::attribute_len_max && is_text(value);
}

bool parse_line(std::string_view line, Stat& stat) {
  if (line.find(':') == std::string_view::npos) return false;
  stat.name = take_until(line, ':');
  const auto value = take_until(line, '|');
  const auto kind = take_until(line, '|');
  if (!is_id(stat.name) || !parse_value(value, kind, stat)) return false;
  while (!line.empty()) {
    const auto extra = take_until(line, '|');
    if (extra.empty()) return false;
    if (extra.front() == '#') continue;
    double rate = 0;
    if (extra.front() != '@' || !parse_number(extra.substr(1), rate) || rate <= 0 || rate > 1) return false;
    if (stat.kind == StatKind::counter) stat.value /= rate;
  }
  return std::isfinite(stat.value);
}

}  // namespace

std::size_t parse_statsd(std::string_view datagram, const std::function<void(const Stat&)>& take) {
  std::size_t malformed = 0;
  while (!datagram.empty()) {
    auto line = take_until(datagram, '\n');
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) continue;
    Stat stat;
    if (parse_line(line, stat)) {
      take(stat);
    } else {
      ++malformed;
    }
  }
  return malformed;
}

StatsdSocket::~StatsdSocket() {
  if (fd_ < 0) return;
  loop_.unwatch(fd_);
  ::close(fd_);
  ::unlink(path_.c_str());
}

tl::expected<void, Error> StatsdSocket::open(const std::string& path) {
  const auto refuse = [&](const std::string& what) {
    return tl::unexpected(Error{ErrorKind::io, "cannot listen for StatsD on " + path + ": " + what});
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return refuse("the path is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);

  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return refuse(std::strerror(errno));
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    const bool in_use = S_ISSOCK(status.st_mode) && ::connect(fd, generic, sizeof address) == 0;
    if (in_use || !S_ISSOCK(status.st_mode)) {
      ::close(fd);
      return refuse(in_use ? "another process does already" : "there is a file that is no socket");
    }
    ::unlink(path.c_str());
  }
  if (::bind(fd, generic, sizeof address) != 0) {
    const int error = errno;
    ::close(fd);
    return refuse(std::strerror(error));
  }
  ::chmod(path.c_str(), 0660);
  const int size = socket_buffer_len;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  fd_ = fd;
  path_ = path;
  loop_.watch(fd_, [this] { read(); });
  return {};
}

void StatsdSocket::read() {
  std::array<char, datagram_len_max> buffer;
  for (int i = 0; i < datagrams_per_turn_max; ++i) {
    const auto size = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return;
    take_({buffer.data(), static_cast<std::size_t>(size)});
  }
}

}  // namespace muster::edge
