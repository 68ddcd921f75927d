// A broker in memory: the other end of the port's byte stream. It speaks MQTT 3.1.1 with one client and persistent
// sessions, hands out what is retained, answers requests for chunks from its blobs and acknowledges evidence, as the
// plugin does; the test scripts where it does not. What the client does wrong is written to `violations`: no test may
// end with any. Time is what turn() is told. Tests only; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "schemas/common_generated.h"
#include "schemas/limits.h"
#include "tests/unit/mcu/mqtt/twin.h"
#include "tests/unit/mcu/session/bench/messages.h"

namespace muster::mcu::sim {

struct Published {
  std::string topic, payload;
  bool retain = false, dup = false;
  std::uint16_t id = 0;
  std::uint64_t at_ms = 0;
  unsigned connection = 0;
};

struct Subscribed {
  std::string filter;
  std::uint64_t at_ms = 0;
  unsigned connection = 0;
};

struct Connected {
  std::string client_id, user, will_topic, will_payload;
  std::uint16_t keepalive_s = 0;
  int flags = 0;
  std::uint64_t at_ms = 0;
};

// A state report, read by the same rules as the plugin's.
struct StateSeen {
  std::uint64_t boot_id = 0, seq = 0, epoch = 0, directive_epoch = 0;
  wire::AttemptState attempt = wire::AttemptState::idle;
  wire::DeviceState device = wire::DeviceState::healthy;
  wire::ErrorCode error = wire::ErrorCode::none;
  std::string detail;
  int utc_offset_min = limits::utc_offset_unsaid;
  Sha256 active[plane_count];
  bool paused = false;
  std::uint64_t at_ms = 0;
};

struct HealthSeen {
  std::uint64_t boot_id = 0, seq = 0, window_start_s = 0, inferences = 0;
  std::uint32_t window_s = 0;
  std::uint64_t at_ms = 0;
};

class Broker {
 public:
  static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

  // --- what it has ---
  std::map<std::string, Bytes> retained;
  std::map<Sha256, Bytes> blobs;
  void serve(const Release& release);
  // Retains it and, if the client has subscribed, sends it.
  void publish(const std::string& topic, const Bytes& payload);
  // Sends it at QoS 0 or 1 without a subscription.
  void push(const std::string& topic, const std::string& payload, int qos = 0);
  void push_bytes(const std::string& bytes) { to_client_.push_back(bytes); }  // whatever they are

  // --- how it behaves ---
  bool reachable = true;  // otherwise connecting fails
  int connack_code = 0;
  bool keeps_session = true;
  bool answers = true;       // otherwise everything from the client is taken, and nothing is said
  bool acknowledges = true;  // otherwise no PUBACK is sent
  bool takes = true;         // otherwise the client's bytes stay in its network stack
  bool serves = true;        // otherwise requests for chunks are left unanswered
  bool acknowledges_evidence = true;
  bool judges = true;  // otherwise what the client does is not looked at
  std::set<std::string> refused_filters;
  std::function<void(ChunkAnswer&)> before_chunk;
  bool reversed = false;       // the answers of one turn go out in reverse
  std::size_t give_max = all;  // bytes that one recv gives; after each it gives none once
  std::size_t take_max = all;  // bytes that one send takes; after each it takes none once
  std::uint64_t cut_after_given = all, cut_after_taken = all;  // the link is lost at this byte of all

  // --- what it saw ---
  std::vector<Published> published;
  std::vector<Subscribed> subscribed;
  std::vector<Connected> connected;
  std::vector<StateSeen> states;
  std::vector<HealthSeen> healths;
  std::vector<std::string> violations;
  std::uint64_t given = 0, taken = 0;  // bytes, over all connections
  std::uint64_t chunk_bytes = 0;       // that were sent in answers
  unsigned pings = 0, opens = 0, disconnects = 0;
  std::string evidence;  // the bundle, as far as it has come
  bool evidence_complete = false;
  std::vector<std::uint64_t> open_ms;

  [[nodiscard]] bool up() const { return up_; }
  [[nodiscard]] bool has_session() const { return up_ && talking_; }
  [[nodiscard]] bool has_bytes() const { return up_ && !to_client_.empty(); }
  [[nodiscard]] std::size_t count(const std::string& topic) const;

  // Reads what has come and answers. `now_ms` never goes back.
  void turn(std::uint64_t now_ms);
  // The link is lost; what was under way too.
  void drop();

  // --- the port's side ---
  int open();
  int send(const std::uint8_t* bytes, std::size_t size);
  int recv(std::uint8_t* to, std::size_t size);
  void close();

 private:
  void handle(const test::twin::Packet& packet);
  void take_connect(const test::twin::Packet& packet);
  void take_subscribe(const test::twin::Packet& packet);
  void take_publish(const test::twin::Packet& packet);
  void take_state(const Published& message);
  void take_health(const Published& message);
  void take_chunk_get(const Published& message);
  void take_evidence(const Published& message);
  void send_message(const std::string& topic, const std::string& payload, int qos, bool retain);
  void say(const std::string& packet) { to_client_.push_back(packet); }
  void expect(bool good, const std::string& what);

  struct Late {
    std::uint64_t at_ms;
    unsigned connection;
    std::string packet;
  };
  bool up_ = false, talking_ = false, gap_ = false, rested_ = false;
  std::uint64_t now_ms_ = 0;
  std::deque<std::string> to_client_;
  std::string from_client_;
  std::vector<Late> late_;
  std::set<std::string> session_;  // filters
  bool has_session_ = false;
  std::vector<std::pair<std::uint16_t, test::twin::Publish>> in_flight_;  // at QoS 1, not acknowledged
  std::uint16_t last_id_ = 0;
  Connected client_;
  Sha256 bundle_;
};

}  // namespace muster::mcu::sim
