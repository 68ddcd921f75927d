// nginx on a free loopback port, with the broker's certificate, the same TLS version and cipher, and client
// certificates required: what the broker's chunks are compared with. Main thread; what breaks ends the program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/e2e/harness/keys.h"
#include "tests/e2e/harness/process.h"

namespace muster::bench {

class Nginx {
 public:
  // Serves the files in `files`. One worker: the broker has one thread as well.
  Nginx(std::string folder, const std::string& files, const e2e::Keys& keys);

  // What a client does with the bytes that it gets: only write them, or what a device must do as well.
  enum class Client { writes, verifies_and_syncs };
  // From the start of `count` curls at once until the last of them has ended, in ms. Each gets `file` for itself.
  [[nodiscard]] double fetch_ms(const std::string& file, std::size_t count, Client client);

 private:
  [[nodiscard]] std::string command(const std::string& file, const std::string& to, Client client) const;

  std::string folder_;
  const e2e::Keys& keys_;
  std::uint16_t port_;
  std::string stem_;
  e2e::Process process_;
};

}  // namespace muster::bench
