#include "operator/connect_trouble.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace muster::ctl {
namespace {

constexpr int patience_ms = 2000;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses addresses_of(const Connection& connection) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(connection.host.c_str(), std::to_string(connection.port).c_str(), &hints, &found) != 0)
    found = nullptr;
  return {found, &::freeaddrinfo};
}

// 0 when something listens there, or the error number.
int try_connect(const addrinfo& address) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  int error = ::connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd waiting{fd, POLLOUT, 0};
    socklen_t len = sizeof error;
    if (::poll(&waiting, 1, patience_ms) != 1)
      error = ETIMEDOUT;
    else if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
      error = errno;
  }
  ::close(fd);
  return error;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// The broker listens, so the trouble is in what follows: certificates, keys, or another protocol on that port.
std::string tls_trouble(const Connection& connection, const std::string& detail) {
  if (contains(detail, "certificate verify failed")) {
    return "its certificate was not signed by the CA in " + connection.ca +
           " (--ca), is not valid now, or is not for the name " + connection.host;
  }
  if (contains(detail, "PrivateKey") || contains(detail, "key values mismatch")) {
    return connection.key + " (--key) is not the private key of " + connection.cert + " (--cert)";
  }
  if (contains(detail, "use_certificate")) return connection.cert + " (--cert) is no PEM certificate";
  if (contains(detail, "wrong version number"))
    return "that port does not speak TLS: use the broker's TLS port (--port)";
  return "the TLS handshake failed: does it trust " + connection.cert + " (--cert), is " + connection.key +
         " (--key) its private key, and is this the TLS port?";
}

}  // namespace

Error explain_connect_failure(const Connection& connection, Error failure) {
  failure.message = one_line(std::move(failure.message));
  if (failure.kind != ErrorKind::unreachable) return failure;
  const auto place = connection.host + ":" + std::to_string(connection.port);
  const auto addresses = addresses_of(connection);
  if (!addresses) {
    return {ErrorKind::unreachable, "no address is known for the host " + connection.host +
                                        ": check --host (MUSTER_HOST) and the name service"};
  }
  int error = 0;
  for (const auto* address = addresses.get(); address != nullptr; address = address->ai_next) {
    error = try_connect(*address);
    if (error == 0) break;
  }
  if (error == ECONNREFUSED) {
    return {ErrorKind::unreachable,
            "nothing listens on " + place + ": is the broker running, and is --port (MUSTER_PORT) its TLS port?"};
  }
  if (error != 0)
    return {ErrorKind::unreachable, "cannot reach " + place + ": " + std::system_category().message(error)};
  return {ErrorKind::unreachable, "the broker at " + place + " can be reached, but " +
                                      tls_trouble(connection, failure.message) + " (" + failure.message + ")"};
}

}  // namespace muster::ctl
