// One HTTP GET for a health probe: only its status counts. Written by hand because a probe needs little (a status line)
// and much care (one deadline over name, connection, request and answer, whatever the peer drips). Blocks; run it on a
// Worker.
#pragma once

#include <cstdint>
#include <string>

namespace muster::edge {

struct HttpProbeResult {
  enum class End : std::uint8_t { answered, timed_out, failed };
  End end = End::failed;
  int status = 0;       // when answered
  std::string problem;  // otherwise, in words
};

// `url` is http://HOST[:PORT][/PATH]; HOST is a name, an IPv4 address or an IPv6 address in brackets. https is not
// spoken: a probe looks at the workload on this machine.
[[nodiscard]] HttpProbeResult http_get(const std::string& url, std::uint64_t timeout_ms);

// The parts of a URL; false when it is none of the kind above.
struct HttpUrl {
  std::string host, port, path;
};
[[nodiscard]] bool parse_http_url(const std::string& url, HttpUrl& parts);

}  // namespace muster::edge
