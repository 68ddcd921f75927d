// muster-weather: the network between the devices of the compose test fleet (docker/) and their broker. Carries TCP
// connections; while the storm file is fresh, it does to them what bad networks do, each connection's fault drawn from
// the seed that the file holds, the device and the number of its connection; when the file grows old, everything that
// can be saved is healed. One thread.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <list>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/harness/proxy_link.h"

namespace muster::e2e {
namespace {

using Clock = ProxyLink::Clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int turn_ms = 3;         // while time alone lets something go on
constexpr int quiet_ms = 500;      // else: the storm file is looked at so often
constexpr int storm_fresh_s = 10;  // an older file: whoever made the storm is gone
constexpr seconds gust_every{5};   // how often a storm reaches for connections that stand
constexpr unsigned gust_percent = 15;
constexpr seconds report_every{20};
constexpr std::size_t links_max = 2000;
constexpr int socket_buffer = 64 * 1024;  // a slow link must not hide in the kernel's buffers

std::uint64_t between(std::mt19937_64& random, std::uint64_t least, std::uint64_t most) {
  return least + random() % (most - least + 1);
}

// Whose connection: how far its address lies behind the link's own, as the network's number differs from run to run.
using Device = std::int32_t;

// A connection's own source of chance. The order in which devices come, and how long each waits, changes nothing in it,
// so that the same seed is the same storm again.
std::mt19937_64 chance_of(std::uint64_t seed, Device device, unsigned connection) {
  std::seed_seq words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32u),
                      static_cast<std::uint32_t>(device), static_cast<std::uint32_t>(connection)};
  return std::mt19937_64(words);
}

LinkPlan storm_plan(std::mt19937_64& random) {
  LinkPlan plan;
  const auto roll = random() % 100;
  plan.fault = roll < 12   ? LinkFault::none
               : roll < 30 ? LinkFault::delay
               : roll < 48 ? LinkFault::throttle
               : roll < 66 ? LinkFault::stall
               : roll < 82 ? LinkFault::cut
               : roll < 90 ? LinkFault::reset
               : roll < 94 ? LinkFault::half_close_up
               : roll < 97 ? LinkFault::half_close_down
                           : LinkFault::black_hole;
  plan.after_bytes = between(random, 2000, 600000);
  if (plan.fault == LinkFault::delay || plan.fault == LinkFault::throttle) plan.after_bytes = 0;
  plan.lasts = milliseconds(between(random, 500, 6000));
  plan.delay = milliseconds(between(random, 20, 200));
  plan.bytes_per_s = between(random, 60000, 400000);
  return plan;
}

void tell_fate(Device device, unsigned connection, const LinkPlan& plan) {
  std::printf("link: device %+d, connection %u: %s after %llu bytes\n", device, connection, name_of(plan.fault),
              static_cast<unsigned long long>(plan.after_bytes));
}

// The seed while there is a storm.
std::optional<std::uint64_t> storm_seed(const std::string& path) {
  struct stat status {};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  if (std::time(nullptr) - status.st_mtime > storm_fresh_s) return std::nullopt;
  std::uint64_t seed = 0;
  if (!(std::ifstream(path) >> seed)) return std::nullopt;
  return seed;
}

void tune(int handle) {
  const int yes = 1;
  ::setsockopt(handle, SOL_SOCKET, SO_RCVBUF, &socket_buffer, sizeof socket_buffer);
  ::setsockopt(handle, SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof socket_buffer);
  ::setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

// Negative, and why, when nobody listens there, or the name has no address: the broker may be on its way.
int connect_to(const std::string& host, const std::string& port, std::string& why) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); code != 0) {
    why = ::gai_strerror(code);
    return -1;
  }
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{1, 0};
  ::setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  tune(handle);
  const bool connected = ::connect(handle, found->ai_addr, found->ai_addrlen) == 0;
  if (!connected) why = errno == EINPROGRESS ? "no answer" : std::strerror(errno);
  ::freeaddrinfo(found);
  if (connected) return handle;
  ::close(handle);
  return -1;
}

// Of two addresses of one network.
Device device_of(int handle) {
  const auto address = [handle](auto ask) {
    sockaddr_in found{};
    socklen_t size = sizeof found;
    return ask(handle, reinterpret_cast<sockaddr*>(&found), &size) == 0 ? ntohl(found.sin_addr.s_addr) : 0;
  };
  return static_cast<Device>(address(::getpeername) - address(::getsockname));
}

class Weather {
 public:
  Weather(int listener, int signals, std::string host, std::string port, std::string storm_file)
      : listener_(listener),
        signals_(signals),
        host_(std::move(host)),
        port_(std::move(port)),
        storm_file_(std::move(storm_file)) {}

  void run() {
    // Whether there is one, before the first device wants to know.
    std::string why;
    if (const int broker = reach_broker(why); broker >= 0) ::close(broker);
    while (!ended_) {
      look_at_the_sky();
      accept_all();
      const bool busy = turn_all();
      wait(busy);
    }
  }

 private:
  struct Entry {
    Entry(Device whose, int device, int broker, const LinkPlan& plan, const std::mt19937_64& chance)
        : owner(whose), random(chance), link(device, broker, plan, random()), fault(plan.fault) {}
    Device owner;
    std::mt19937_64 random;
    ProxyLink link;
    LinkFault fault;
    bool counted = false;
  };

  void look_at_the_sky() {
    const auto now = Clock::now();
    const auto seed = storm_seed(storm_file_);
    if (seed && !storm_) {
      std::printf("link: a storm with seed %llu over %zu connections\n", static_cast<unsigned long long>(*seed),
                  links_.size());
      // Connections that stand are their devices' connection 0.
      connections_.clear();
      for (auto& entry : links_) entry.random = chance_of(*seed, entry.owner, 0);
      gust_at_ = now;
      report_at_ = now + report_every;
    }
    if (!seed && storm_) {
      report("the storm is over");
      for (auto& entry : links_) entry.link.heal(now);
    }
    storm_ = seed;
    if (!storm_) return;
    if (now >= gust_at_) {
      gust_at_ = now + gust_every;
      for (auto& entry : links_) {
        if (entry.random() % 100 < gust_percent) strike(entry, now);
      }
    }
    if (now >= report_at_) {
      report_at_ = now + report_every;
      report("the storm goes on");
    }
  }

  void strike(Entry& entry, Clock::time_point now) {
    const auto plan = storm_plan(entry.random);
    entry.fault = plan.fault;
    entry.counted = false;
    entry.link.strike(plan, now);
  }

  void report(const char* what) {
    std::string text;
    for (std::size_t i = 1; i < struck_.size(); ++i) {
      if (struck_[i] > 0) text += ", " + std::to_string(struck_[i]) + " " + name_of(static_cast<LinkFault>(i));
    }
    std::printf("link: %s: %llu connections so far%s\n", what, static_cast<unsigned long long>(accepted_),
                text.c_str());
  }

  void accept_all() {
    for (;;) {
      const int device = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (device < 0) return;
      tune(device);
      const auto owner = device_of(device);
      std::string why;
      const int broker = reach_broker(why);
      if (is_health_check(owner)) {
        answer(device, why);
      } else {
        ++accepted_;
        if (broker >= 0) {
          begin_link(owner, device, broker);
          continue;
        }
      }
      if (broker >= 0) ::close(broker);
      ::close(device);
    }
  }

  // Negative, and why, when it cannot. Each change is told once; image/link and its health check go by these lines.
  int reach_broker(std::string& why) {
    int broker = -1;
    if (links_.size() < links_max) {
      broker = connect_to(host_, port_, why);
    } else {
      why = "as many connections as it can carry are there";
    }
    if (broker_trouble_ == why) return broker;
    broker_trouble_ = why;
    std::printf("link: %s:%s %s%s\n", host_.c_str(), port_.c_str(),
                why.empty() ? "is reached" : "cannot be reached: ", why.c_str());
    return broker;
  }

  // The link's own container is told in words whether the broker is reached (image/health); a board's carrier, which
  // has no storm file, knows no other devices than those of its own machine.
  [[nodiscard]] bool is_health_check(Device owner) const { return owner == 0 && !storm_file_.empty(); }
  static void answer(int device, const std::string& trouble) {
    const auto text = (trouble.empty() ? "the link reaches the broker" : "the link finds no broker: " + trouble) + "\n";
    static_cast<void>(::send(device, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  }

  void begin_link(Device owner, int device, int broker) {
    LinkPlan plan;
    std::mt19937_64 random;
    if (storm_) {
      const auto connection = ++connections_[owner];
      random = chance_of(*storm_, owner, connection);
      plan = storm_plan(random);
      tell_fate(owner, connection, plan);
    }
    links_.emplace_back(owner, device, broker, plan, random);
  }

  bool turn_all() {
    const auto now = Clock::now();
    bool busy = false;
    for (auto entry = links_.begin(); entry != links_.end();) {
      entry->link.turn(now);
      if (entry->link.struck() && !std::exchange(entry->counted, true))
        ++struck_[static_cast<std::size_t>(entry->fault)];
      busy = busy || entry->link.waits_for_time();
      entry = entry->link.over() ? links_.erase(entry) : std::next(entry);
    }
    return busy;
  }

  void wait(bool busy) {
    polled_.clear();
    polled_.push_back({signals_, POLLIN, 0});
    polled_.push_back({listener_, POLLIN, 0});
    const auto now = Clock::now();
    for (const auto& entry : links_) {
      for (const auto side : {ProxyLink::device_side, ProxyLink::broker_side}) {
        const auto events = entry.link.events(side, now);
        if (events != 0) polled_.push_back({entry.link.socket(side), events, 0});
      }
    }
    ::poll(polled_.data(), polled_.size(), busy ? turn_ms : quiet_ms);
    ended_ = (polled_.front().revents & POLLIN) != 0;
  }

  int listener_, signals_;
  std::string host_, port_, storm_file_;
  std::list<Entry> links_;
  std::vector<pollfd> polled_;
  std::map<Device, unsigned> connections_;     // since the storm began
  std::optional<std::string> broker_trouble_;  // of the newest connection; nothing before the first
  std::uint64_t accepted_ = 0;
  std::array<std::uint64_t, 9> struck_{};  // by LinkFault
  std::optional<std::uint64_t> storm_;     // its seed
  bool ended_ = false;
  Clock::time_point gust_at_{}, report_at_{};
};

int listen_on(std::uint16_t port) {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;
  ::setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_ANY);
  any.sin_port = htons(port);
  if (::bind(handle, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0 && ::listen(handle, 128) == 0) return handle;
  std::fprintf(stderr, "muster-weather: cannot listen on port %u: %s\n", port, std::strerror(errno));
  std::exit(7);
}

// What a storm would do to a connection at its beginning.
void forecast(const char* seed, const char* device, const char* connection) {
  const auto owner = static_cast<Device>(std::strtol(device, nullptr, 10));
  const auto number = static_cast<unsigned>(std::strtoul(connection, nullptr, 10));
  auto random = chance_of(std::strtoull(seed, nullptr, 10), owner, number);
  tell_fate(owner, number, storm_plan(random));
}

}  // namespace
}  // namespace muster::e2e

int main(int argc, char** argv) {
  if (argc == 5 && std::strcmp(argv[1], "--forecast") == 0) {
    muster::e2e::forecast(argv[2], argv[3], argv[4]);
    return 0;
  }
  const std::string storm_file = argc == 5 ? argv[4] : "";
  const long port = argc >= 4 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (argc < 4 || argc > 5 || port < 1 || port > 65535) {
    std::fputs(
        "usage: muster-weather LISTEN_PORT BROKER_HOST BROKER_PORT [STORM_FILE]\n"
        "       muster-weather --forecast SEED DEVICE CONNECTION\n",
        stderr);
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  ::sigprocmask(SIG_BLOCK, &stops, nullptr);
  const int signals = ::signalfd(-1, &stops, SFD_CLOEXEC);
  muster::e2e::Weather(muster::e2e::listen_on(static_cast<std::uint16_t>(port)), signals, argv[2], argv[3], storm_file)
      .run();
  return 0;
}
