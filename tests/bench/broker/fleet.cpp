#include "tests/bench/broker/fleet.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "tests/bench/lib/client.h"
#include "tests/bench/lib/mqtt.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {
namespace {

constexpr std::size_t at_a_time = 64;
constexpr std::size_t read_size = 4096;
constexpr int patience_ms = 30'000;

struct Visit {
  std::string device;
  int handle = -1;
  mqtt::Reader reader;
};

// Everything at once: MQTT lets a client send on before the broker has accepted it.
Visit begin(std::uint16_t port, const Introduction& introduction) {
  Visit visit{introduction.device, connect_tcp(port), {}};
  write_all(visit.handle, mqtt::connect(introduction.device, introduction.device) +
                              mqtt::publish(introduction.topic, ByteView(introduction.report), 1, true, 1));
  return visit;
}

// True when the report has been acknowledged.
bool go_on(Visit& visit) {
  const auto room = visit.reader.room(read_size);
  const auto got = ::recv(visit.handle, room.data(), room.size(), MSG_DONTWAIT);
  if (got <= 0) break_off("the broker closed the connection of %s", visit.device.c_str());
  visit.reader.filled(static_cast<std::size_t>(got));
  mqtt::Packet packet;
  bool acknowledged = false;
  while (visit.reader.next(packet)) acknowledged = acknowledged || packet.type == mqtt::Type::puback;
  return acknowledged;
}

void end(Visit& visit) {
  write_all(visit.handle, mqtt::disconnect());
  ::close(visit.handle);
  visit.handle = -1;
}

}  // namespace

void introduce(std::uint16_t port, std::size_t count, const std::function<Introduction(std::size_t)>& of) {
  std::vector<Visit> visits;
  std::size_t next = 0;
  while (next < count || !visits.empty()) {
    while (next < count && visits.size() < at_a_time) visits.push_back(begin(port, of(next++)));
    std::vector<pollfd> waits;
    for (const auto& visit : visits) waits.push_back({visit.handle, POLLIN, 0});
    if (::poll(waits.data(), waits.size(), patience_ms) <= 0) break_off("the broker took no state report for 30 s");
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents != 0 && go_on(visits[i])) end(visits[i]);
    }
    std::erase_if(visits, [](const Visit& visit) { return visit.handle < 0; });
  }
}

}  // namespace muster::bench
