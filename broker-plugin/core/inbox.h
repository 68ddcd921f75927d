// Where device messages come in: identity, structure, order and room are checked, then they become events of the engine
// requests for chunks, or pieces of evidence. What fails is counted by reason, logged at a bounded rate, and changes
// nothing. Broker thread only.
#pragma once

#include <string>
#include <string_view>

#include "broker-plugin/blobs/chunk_server.h"
#include "broker-plugin/config.h"
#include "broker-plugin/core/counters.h"
#include "broker-plugin/core/devices.h"
#include "broker-plugin/core/engine_host.h"
#include "broker-plugin/core/presence.h"
#include "broker-plugin/evidence/evidence_desk.h"
#include "host/log.h"
#include "schemas/bytes.h"
#include "schemas/topics.h"

namespace muster::broker {

// One message as the broker shows it; views into its memory.
struct Inbound {
  const void* client = nullptr;  // identity of the connection, never followed
  std::string_view client_id, user, topic;
  ByteView payload;
  bool retain = false;
};

class Inbox {
 public:
  Inbox(const Config& config, EngineHost& engine, Writer& writer, DeviceTable& devices, Presence& presence,
        ChunkServer& chunks, EvidenceDesk& evidence, Counters& counters, host::Log& log);

  // True when the broker may go on and deliver the message; false: it was refused, or it was for the plugin alone.
  [[nodiscard]] bool message(const Inbound& inbound);

  // The client, authenticated as `user`, did something under muster/ that shows it is connected.
  void active(const void* client, std::string_view user);
  void disconnected(const void* client);

  // Counts and logs a refusal.
  void refused(std::string_view reason, std::string_view user, std::string_view topic);

 private:
  [[nodiscard]] bool device_message(const Inbound& inbound, TopicKind kind);
  [[nodiscard]] std::string_view take_state(const Inbound& inbound, ByteView payload);
  [[nodiscard]] std::string_view take_health(const Inbound& inbound, ByteView payload);
  [[nodiscard]] std::string_view take_chunk_get(const Inbound& inbound, ByteView payload);
  [[nodiscard]] std::string_view take_evidence(const Inbound& inbound, ByteView payload);
  // Why there is no room: for whatever comes in, and for a device that may be new.
  [[nodiscard]] std::string_view room() const;
  [[nodiscard]] std::string_view room_for(std::string_view device) const;
  // The client is a device's and there is room for it.
  void connected(const void* client, std::string_view user);
  void lost(const std::string& device);

  const Config& config_;
  EngineHost& engine_;
  Writer& writer_;
  DeviceTable& devices_;
  Presence& presence_;
  ChunkServer& chunks_;
  EvidenceDesk& evidence_;
  Counters& counters_;
  host::Log& log_;
};

}  // namespace muster::broker
