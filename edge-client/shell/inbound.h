// What comes from the broker, from bytes to events: topic, length, structure, signature, scope. Nothing passes here
// that is not meant for this device and signed by who may. On the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "edge-client/agent/event.h"
#include "edge-client/shell/fetcher.h"
#include "edge-client/shell/trust_store.h"
#include "host/mqtt_client.h"
#include "schemas/limits.h"

namespace muster::edge {

class Inbound {
 public:
  struct Ports {
    std::function<void(decltype(Event::what))> tell;  // AssignmentArrived, DirectiveArrived
    std::function<void(const wire::Chunk& chunk)> chunk;
    std::function<void(const std::string& reason, const std::string& text)>
        refuse;  // counted, logged at a bounded rate
    std::function<void(const std::string& text)> note;
    std::function<void(const Error& error)> broken;  // the disk refuses to keep a newer root
    std::function<std::uint64_t()> now_s;
  };

  Inbound(std::string device_id, TrustStore& trust, Ports ports)
      : device_id_(std::move(device_id)), trust_(trust), ports_(std::move(ports)) {}

  void take(const host::MqttMessage& message);
  // What was refused as expired is looked at again when the clock has been set back since: it was wrong then, and the
  // broker does not send a retained message twice. Cheap; to be called once in a while.
  void look_again();

 private:
  void take_assignment(const std::string& topic, ByteView payload);
  void take_directive(const std::string& topic, const std::string& scope, ByteView payload);
  void take_root_chain(ByteView payload);
  void take_chunk(ByteView payload);
  void refuse(const std::string& topic, ByteView payload, trust::TrustFault fault);

  std::string device_id_;
  TrustStore& trust_;
  Ports ports_;
  // Signed by a key that this root does not know: looked at again when the root moves on. At most one a topic, and no
  // more topics than a device obeys: its scopes' and its assignment's. A broker may invent others.
  static constexpr std::size_t awaiting_max = limits::scopes_max + 1;
  std::map<std::string, Bytes> awaiting_root_;
  // Refused as expired; bounded alike.
  struct Expired {
    Bytes payload;
    std::uint64_t refused_s = 0;  // by this device's clock
  };
  std::map<std::string, Expired> awaiting_clock_;
};

// The scopes whose directives a device obeys, as directives name them: its own, its groups', the fleet's.
[[nodiscard]] std::vector<std::string> scopes_of(const std::string& device_id, const Facts& facts);
// The topics a device subscribes to.
[[nodiscard]] std::vector<std::string> topics_of(const std::string& device_id, const Facts& facts);

}  // namespace muster::edge
