#include "tests/bench/lib/load.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "tests/bench/lib/client.h"
#include "tests/bench/lib/options.h"

namespace muster::bench {
namespace {

constexpr std::size_t read_size = 64 * 1024;
constexpr std::chrono::seconds drain_patience(30);
constexpr int pace_us = 500;  // how often a steady load sends its next few
constexpr int client_niceness = 10;

}  // namespace

Load::Load(std::uint16_t port, const std::vector<Sender>& senders, std::size_t window)
    : connections_(senders.size()), window_(window), events_(::epoll_create1(EPOLL_CLOEXEC)) {
  for (std::size_t i = 0; i < senders.size(); ++i) {
    open(connections_[i], port, senders[i]);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(events_, EPOLL_CTL_ADD, connections_[i].handle, &event);
  }
}

Load::~Load() {
  if (thread_.joinable()) static_cast<void>(stop());
  for (auto& connection : connections_) ::close(connection.handle);
  ::close(events_);
}

void Load::open(Connection& connection, std::uint16_t port, const Sender& sender) {
  connection.handle = connect_tcp(port);
  write_all(connection.handle, mqtt::connect(sender.client_id, sender.user));
  mqtt::Packet packet;
  while (!connection.reader.next(packet)) {
    const auto room = connection.reader.room(read_size);
    const auto got = ::recv(connection.handle, room.data(), room.size(), 0);
    if (got <= 0) break_off("the broker closed the connection of %s", sender.client_id.c_str());
    connection.reader.filled(static_cast<std::size_t>(got));
  }
  if (packet.type != mqtt::Type::connack || packet.body.size() < 2 || packet.body.data()[1] != 0)
    break_off("the broker refused %s", sender.client_id.c_str());
  ::fcntl(connection.handle, F_SETFL, ::fcntl(connection.handle, F_GETFL) | O_NONBLOCK);
  connection.packet = mqtt::publish(sender.topic, ByteView(sender.payload), 1, false, 1);
  connection.id_place = mqtt::packet_id_place(connection.packet);
  connection.counter_place = connection.id_place + 2 + sender.counter_place;
}

void Load::add_message(Connection& connection) {
  connection.next_id =
      connection.next_id == 0xffff ? std::uint16_t{1} : static_cast<std::uint16_t>(connection.next_id + 1);
  mqtt::set_packet_id(connection.packet, connection.id_place, connection.next_id);
  ++connection.counter;
  std::memcpy(connection.packet.data() + connection.counter_place, &connection.counter, sizeof connection.counter);
  connection.out += connection.packet;
  ++connection.under_way;
}

// Writes as much as the socket takes; the rest goes with the next turn, when acknowledgements have made room.
void Load::flush(Connection& connection) {
  while (connection.out_done < connection.out.size()) {
    const auto written = ::send(connection.handle, connection.out.data() + connection.out_done,
                                connection.out.size() - connection.out_done, MSG_NOSIGNAL);
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (written < 0) break_off("the broker closed a connection under load: %s", std::strerror(errno));
    connection.out_done += static_cast<std::size_t>(written);
  }
  connection.out.clear();
  connection.out_done = 0;
}

std::uint64_t Load::take_acks(Connection& connection) {
  const auto room = connection.reader.room(read_size);
  const auto got = ::recv(connection.handle, room.data(), room.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got <= 0) break_off("the broker closed a connection under load; its log may say why");
  connection.reader.filled(static_cast<std::size_t>(got));
  std::uint64_t acks = 0;
  mqtt::Packet packet;
  while (connection.reader.next(packet)) acks += packet.type == mqtt::Type::puback ? 1u : 0u;
  connection.under_way -= std::min<std::size_t>(acks, connection.under_way);
  return acks;
}

std::uint64_t Load::turn(std::chrono::milliseconds patience, bool top_up) {
  std::array<epoll_event, 128> ready{};
  const int count =
      ::epoll_wait(events_, ready.data(), static_cast<int>(ready.size()), static_cast<int>(patience.count()));
  std::uint64_t acks = 0;
  for (int i = 0; i < count; ++i) {
    auto& connection = connections_[ready[static_cast<std::size_t>(i)].data.u64];
    acks += take_acks(connection);
    while (top_up && connection.under_way < window_) add_message(connection);
    flush(connection);
  }
  return acks;
}

std::size_t Load::under_way() const {
  std::size_t sum = 0;
  for (const auto& connection : connections_) sum += connection.under_way;
  return sum;
}

void Load::drain() {
  const auto start = Clock::now();
  while (under_way() > 0) {
    static_cast<void>(turn(std::chrono::milliseconds(100), false));
    if (Clock::now() - start > drain_patience)
      break_off("the broker still owes %zu acknowledgements after 30 s", under_way());
  }
}

LoadResult Load::run(std::chrono::milliseconds time) {
  const auto start = Clock::now();
  for (auto& connection : connections_) {
    while (connection.under_way < window_) add_message(connection);
    flush(connection);
  }
  // Looks again and again instead of waiting: a generator that sleeps has to be woken by the broker, and on a virtual
  // machine each of those wake-ups costs the broker more than a message does.
  LoadResult result;
  while (Clock::now() - start < time) result.acknowledged += turn(std::chrono::milliseconds(0), true);
  result.seconds = seconds_since(start);
  drain();
  return result;
}

void Load::start(double per_second) {
  stopping_ = false;
  thread_ = std::thread([this, per_second] { run_paced(per_second); });
}

LoadResult Load::stop() {
  stopping_ = true;
  thread_.join();
  return paced_;
}

// A timer beside the connections in the same epoll: each beat sends what is due by then, to one client after the other.
void Load::run_paced(double per_second) {
  // These clients are other machines: they must not take the processor from the broker or from who is measured.
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), client_niceness));
  const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  itimerspec beat{};
  beat.it_interval.tv_nsec = beat.it_value.tv_nsec = pace_us * 1000;
  ::timerfd_settime(timer, 0, &beat, nullptr);
  const int both = ::epoll_create1(EPOLL_CLOEXEC);
  for (const int handle : {timer, events_}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = handle;
    ::epoll_ctl(both, EPOLL_CTL_ADD, handle, &event);
  }
  paced_ = {};
  const auto start = Clock::now();
  std::uint64_t sent = 0;
  std::size_t next = 0;
  while (!stopping_) {
    std::array<epoll_event, 2> ready{};
    static_cast<void>(::epoll_wait(both, ready.data(), 2, 10));
    std::uint64_t beats = 0;
    static_cast<void>(!::read(timer, &beats, sizeof beats));
    paced_.acknowledged += turn(std::chrono::milliseconds(0), false);
    const auto due = static_cast<std::uint64_t>(seconds_since(start) * per_second);
    std::size_t full = 0;
    while (sent < due && full < connections_.size()) {
      auto& connection = connections_[next];
      next = (next + 1) % connections_.size();
      if (connection.under_way >= window_) {
        ++full;
        continue;
      }
      full = 0;
      add_message(connection);
      ++sent;
    }
    for (auto& connection : connections_) {
      if (!connection.out.empty()) flush(connection);
    }
  }
  paced_.seconds = seconds_since(start);
  drain();
  ::close(timer);
  ::close(both);
}

}  // namespace muster::bench
