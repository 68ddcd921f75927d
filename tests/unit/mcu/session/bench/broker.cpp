#include "tests/unit/mcu/session/bench/broker.h"

#include <algorithm>
#include <cstring>

#include "mcu-client/include/error.h"
#include "schemas/chunk_get_generated.h"
#include "schemas/evidence_generated.h"
#include "schemas/health_summary_generated.h"
#include "schemas/limits.h"
#include "schemas/state_report_generated.h"
#include "schemas/wire.h"
#include "trust/sha256.h"

namespace muster::mcu::sim {
namespace {

namespace twin = test::twin;

std::string text_at(const std::string& body, std::size_t& at) {
  if (at + 2 > body.size()) return {};
  const auto size =
      static_cast<std::size_t>(static_cast<std::uint8_t>(body[at]) << 8 | static_cast<std::uint8_t>(body[at + 1]));
  const auto text = body.substr(at + 2, size);
  at += 2 + size;
  return text;
}

std::string text_of(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

Sha256 digest_of(const wire::Digest& digest) {
  Sha256 found;
  std::memcpy(found.bytes.data(), digest.bytes()->data(), found.bytes.size());
  return found;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

void Broker::expect(bool good, const std::string& what) {
  if (!good && judges) violations.push_back("at " + std::to_string(now_ms_) + " ms: " + what);
}

void Broker::serve(const Release& release) {
  for (const auto& [digest, bytes] : release.blobs()) blobs[digest] = bytes;
}

std::size_t Broker::count(const std::string& topic) const {
  return static_cast<std::size_t>(std::count_if(published.begin(), published.end(),
                                                [&](const Published& message) { return message.topic == topic; }));
}

// --- the link ---

int Broker::open() {
  ++opens;
  open_ms.push_back(now_ms_);
  drop();
  if (!reachable) return err_io;
  up_ = true;
  return ok;
}

void Broker::drop() {
  up_ = talking_ = gap_ = rested_ = false;
  to_client_.clear();
  from_client_.clear();
  late_.clear();
}

void Broker::close() {
  turn(now_ms_);  // what it said before reaches us
  drop();
}

int Broker::send(const std::uint8_t* bytes, std::size_t size) {
  if (!up_) return err_closed;
  if (!takes || (take_max != all && rested_)) {
    rested_ = false;
    return 0;
  }
  rested_ = true;
  auto count = std::min(size, take_max);
  if (taken + count >= cut_after_taken) {
    count = static_cast<std::size_t>(cut_after_taken - taken);
    from_client_.append(reinterpret_cast<const char*>(bytes), count);
    taken += count;
    cut_after_taken = all;
    turn(now_ms_);
    drop();
    return count == 0 ? static_cast<int>(err_closed) : static_cast<int>(count);
  }
  from_client_.append(reinterpret_cast<const char*>(bytes), count);
  taken += count;
  return static_cast<int>(count);
}

int Broker::recv(std::uint8_t* to, std::size_t size) {
  if (!up_) return err_closed;
  if (gap_) {
    gap_ = false;
    return 0;
  }
  if (to_client_.empty()) return 0;
  auto& front = to_client_.front();
  auto count = std::min({size, give_max, front.size()});
  const bool cut = given + count >= cut_after_given;
  if (cut) count = static_cast<std::size_t>(cut_after_given - given);
  std::memcpy(to, front.data(), count);
  given += count;
  if (cut) {
    cut_after_given = all;
    drop();
    return count == 0 ? static_cast<int>(err_closed) : static_cast<int>(count);
  }
  front.erase(0, count);
  if (front.empty()) to_client_.pop_front();
  gap_ = give_max != all;
  return static_cast<int>(count);
}

void Broker::turn(std::uint64_t now_ms) {
  now_ms_ = now_ms;
  if (!up_) return;
  const auto before = to_client_.size();
  while (up_) {
    auto packet = twin::take(from_client_);
    if (!packet) break;
    if (answers) handle(*packet);
  }
  if (reversed && to_client_.size() > before)
    std::reverse(to_client_.begin() + static_cast<std::ptrdiff_t>(before), to_client_.end());
  for (std::size_t i = 0; i < late_.size();) {
    if (late_[i].at_ms > now_ms_) {
      ++i;
      continue;
    }
    say(late_[i].packet);
    late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

// --- what it sends ---

void Broker::send_message(const std::string& topic, const std::string& payload, int qos, bool retain) {
  twin::Publish message{topic, payload, 0, false, retain};
  if (qos == 1) {
    if (++last_id_ == 0) last_id_ = 1;
    message.id = last_id_;
    in_flight_.push_back({message.id, message});
  }
  if (talking_) say(twin::publish(message));
}

void Broker::publish(const std::string& topic, const Bytes& payload) {
  retained[topic] = payload;
  if (session_.count(topic) != 0) send_message(topic, text_of(payload), 1, false);
}

void Broker::push(const std::string& topic, const std::string& payload, int qos) {
  if (talking_) send_message(topic, payload, qos, false);
}

// --- what it hears ---

void Broker::handle(const twin::Packet& packet) {
  if ((packet.type() == 1) == talking_) {
    expect(false, "CONNECT is the first packet, and no other");
    drop();
    return;
  }
  switch (packet.type()) {
    case 1:
      return take_connect(packet);
    case 3:
      return take_publish(packet);
    case 4: {
      const auto id = packet.u16_at(0);
      const auto known = std::find_if(in_flight_.begin(), in_flight_.end(), [&](auto& one) { return one.first == id; });
      expect(known != in_flight_.end(), "acknowledges what was not sent");
      if (known != in_flight_.end()) in_flight_.erase(known);
      return;
    }
    case 8:
      return take_subscribe(packet);
    case 12:
      ++pings;
      say(twin::pingresp());
      return;
    case 14:
      ++disconnects;
      talking_ = false;
      return drop();
    default:
      expect(false, "sends what no client sends");
  }
}

void Broker::take_connect(const twin::Packet& packet) {
  std::size_t at = 0;
  expect(text_at(packet.body, at) == "MQTT" && packet.body.at(at) == 4, "it is MQTT 3.1.1");
  client_ = Connected();
  client_.flags = static_cast<std::uint8_t>(packet.body.at(at + 1));
  client_.keepalive_s = packet.u16_at(at + 2);
  at += 4;
  client_.client_id = text_at(packet.body, at);
  if ((client_.flags & 4) != 0) {
    client_.will_topic = text_at(packet.body, at);
    client_.will_payload = text_at(packet.body, at);
  }
  if ((client_.flags & 0x80) != 0) client_.user = text_at(packet.body, at);
  expect(at == packet.body.size(), "a CONNECT of another length");
  client_.at_ms = now_ms_;
  connected.push_back(client_);
  const bool present = keeps_session && has_session_ && connack_code == 0;
  say(twin::connack(present, connack_code));
  if (connack_code != 0) return;
  talking_ = has_session_ = true;
  if (!present) {
    session_.clear();
    in_flight_.clear();
  }
  for (auto& [id, message] : in_flight_) {
    message.dup = true;
    say(twin::publish(message));
  }
}

void Broker::take_subscribe(const twin::Packet& packet) {
  std::size_t at = 2;
  const auto filter = text_at(packet.body, at);
  expect(packet.first == 0x82 && at + 1 == packet.body.size() && packet.body[at] == 1, "one filter at QoS 1");
  subscribed.push_back({filter, now_ms_, static_cast<unsigned>(connected.size())});
  const bool refused = refused_filters.count(filter) != 0;
  say(twin::suback(packet.u16_at(0), refused ? 0x80 : 1));
  if (refused) return;
  session_.insert(filter);
  const auto kept = retained.find(filter);
  if (kept != retained.end()) send_message(filter, text_of(kept->second), 1, true);
}

void Broker::take_publish(const twin::Packet& packet) {
  const auto message = packet.as_publish();
  const Published seen{message.topic,
                       message.payload,
                       message.retain,
                       message.dup,
                       message.id,
                       now_ms_,
                       static_cast<unsigned>(connected.size())};
  published.push_back(seen);
  const auto own = "muster/v1/device/" + client_.client_id + "/";
  expect(seen.topic.compare(0, own.size(), own) == 0, "publishes to " + seen.topic);
  const auto leaf = seen.topic.substr(std::min(own.size(), seen.topic.size()));
  expect((leaf == "chunk/get") == (seen.id == 0), "another QoS than it should: " + leaf);
  expect(seen.retain == (leaf == "state" || leaf == "link"), "retained as it should not: " + leaf);
  if (seen.id != 0 && acknowledges) say(twin::puback(seen.id));
  if (leaf == "state") {
    take_state(seen);
  } else if (leaf == "health") {
    take_health(seen);
  } else if (leaf == "chunk/get") {
    take_chunk_get(seen);
  } else if (leaf == "evidence") {
    take_evidence(seen);
  } else {
    expect(leaf == "link" && seen.payload == "1", "says what no device says: " + leaf);
  }
}

void Broker::take_state(const Published& message) {
  const AlignedBytes copy{ByteView(std::string_view(message.payload))};
  const wire::StateReport* report = nullptr;
  const auto fault = verify(copy.view(), report);
  expect(fault == WireFault::none, "a state report that is refused: " + std::string(name_of(fault)));
  if (fault != WireFault::none) return;
  StateSeen seen;
  seen.boot_id = report->boot_id();
  seen.seq = report->seq();
  seen.device = report->state();
  seen.epoch = report->assignment_epoch();
  seen.directive_epoch = report->directive_epoch();
  seen.paused = report->updates_paused();
  seen.utc_offset_min = report->facts()->utc_offset_min();
  seen.at_ms = message.at_ms;
  if (const auto* attempt = report->attempt()) {
    seen.attempt = attempt->state();
    seen.error = attempt->error();
    if (attempt->detail() != nullptr) seen.detail = attempt->detail()->str();
  }
  for (const auto* plane : *report->planes()) {
    if (plane->active() != nullptr) seen.active[static_cast<unsigned>(plane->plane())] = digest_of(*plane->active());
  }
  expect(report->device_id()->str() == client_.client_id, "a report of another device");
  if (!states.empty()) {
    const auto& last = states.back();
    const bool newer = seen.boot_id > last.boot_id || (seen.boot_id == last.boot_id && seen.seq > last.seq);
    const bool again = seen.boot_id == last.boot_id && seen.seq == last.seq;
    expect(newer || again, "an older state report than the last");
    if (again) return;
  }
  states.push_back(seen);
}

void Broker::take_health(const Published& message) {
  const AlignedBytes copy{ByteView(std::string_view(message.payload))};
  const wire::HealthSummary* summary = nullptr;
  const auto fault = verify(copy.view(), summary);
  expect(fault == WireFault::none, "a health summary that is refused: " + std::string(name_of(fault)));
  if (fault != WireFault::none) return;
  const HealthSeen seen{summary->boot_id(),    summary->seq(),      summary->window_start_s(),
                        summary->inferences(), summary->window_s(), message.at_ms};
  if (!healths.empty()) {
    const auto& last = healths.back();
    if (seen.boot_id == last.boot_id && seen.seq == last.seq) return;  // sent again
    expect(seen.boot_id > last.boot_id || (seen.boot_id == last.boot_id && seen.seq > last.seq),
           "an older health summary than the last");
  }
  healths.push_back(seen);
}

void Broker::take_chunk_get(const Published& message) {
  const AlignedBytes copy{ByteView(std::string_view(message.payload))};
  const wire::ChunkGet* asked = nullptr;
  const auto fault = verify(copy.view(), asked);
  expect(fault == WireFault::none, "a request that is refused: " + std::string(name_of(fault)));
  if (fault != WireFault::none || !serves) return;
  ChunkAnswer answer;
  answer.digest = digest_of(*asked->digest());
  answer.offset = asked->offset();
  const auto blob = blobs.find(answer.digest);
  if (blob == blobs.end()) {
    answer.status = wire::ChunkStatus::unknown_blob;
  } else if (answer.offset >= blob->second.size()) {
    answer.status = wire::ChunkStatus::out_of_range;
  } else {
    answer.total = blob->second.size();
    const auto begin = blob->second.begin() + static_cast<std::ptrdiff_t>(answer.offset);
    const auto size = std::min<std::uint64_t>(asked->length(), answer.total - answer.offset);
    answer.data = Bytes(begin, begin + static_cast<std::ptrdiff_t>(size));
  }
  if (before_chunk) before_chunk(answer);
  const auto packet = twin::publish({message.topic.substr(0, message.topic.size() - 4), text_of(chunk(answer)), 0});
  for (unsigned i = 0; i < answer.copies; ++i) {
    chunk_bytes += answer.data.size();
    if (answer.delay_ms == 0) {
      say(packet);
    } else {
      late_.push_back({now_ms_ + answer.delay_ms, message.connection, packet});
    }
  }
}

void Broker::take_evidence(const Published& message) {
  const AlignedBytes copy{ByteView(std::string_view(message.payload))};
  const wire::EvidenceChunk* piece = nullptr;
  const auto fault = verify(copy.view(), piece);
  expect(fault == WireFault::none, "evidence that is refused: " + std::string(name_of(fault)));
  if (fault != WireFault::none) return;
  const auto bundle = digest_of(*piece->bundle());
  if (bundle != bundle_) {
    bundle_ = bundle;
    evidence.clear();
    evidence_complete = false;
  }
  const auto offset = static_cast<std::size_t>(piece->offset());
  if (offset == evidence.size())
    evidence.append(reinterpret_cast<const char*>(piece->data()->data()), piece->data()->size());
  if (evidence.size() == piece->total()) {
    evidence_complete = true;
    expect(trust::sha256(ByteView(std::string_view(evidence))) == bundle_, "a bundle with another digest");
  }
  if (acknowledges_evidence && ends_with(message.topic, "/evidence"))
    push(message.topic.substr(0, message.topic.size() - 8) + "ack", text_of(ack(bundle_, evidence.size())), 1);
}

}  // namespace muster::mcu::sim
