// What the battery fires: one hostile message after another from a seed, each with what must become of it. Tests only;
// one thread.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "schemas/bytes.h"
#include "trust/signing/signer.h"

namespace muster::e2e {

enum class Attack : unsigned {
  random_bytes,
  truncated,
  bit_flipped,
  misaligned,
  replayed,  // an older sequence number or boot
  oversized,
  foreign_payload,  // another device's name in the message
  foreign_topic,    // another device's topic
  captured,         // a real agent's own report, on its topic and on the attacker's
  unknown_topic,
  downward,  // what only the broker may publish: signed by strangers, expired, on an unknown plane
  unknown_plane,
  wrong_retain,
  evidence,
  chunk_request,  // for blobs that nobody published
  control,        // a device at the control desk
  count
};
[[nodiscard]] const char* name_of(Attack attack);

struct Shot {
  Attack attack = Attack::random_bytes;
  std::string topic;
  Bytes payload;
  bool retain = false;
};

class Arsenal {
 public:
  // `device` is who fires, with a report of boot 5 and sequence 1000 already given; `victims` are the agents, and
  // `captured` is what one of them published.
  Arsenal(std::uint64_t seed, std::string device, std::vector<std::string> victims, Bytes captured);

  [[nodiscard]] Shot next();

 private:
  [[nodiscard]] Shot make(Attack attack);
  [[nodiscard]] Bytes good(std::string& leaf, bool& retain);
  [[nodiscard]] Shot downward();
  [[nodiscard]] std::string unknown_topic();
  [[nodiscard]] std::uint64_t pick(std::uint64_t count) { return random_() % count; }
  [[nodiscard]] std::string own(const std::string& leaf) const { return "muster/v1/device/" + device_ + "/" + leaf; }
  [[nodiscard]] const std::string& victim() { return victims_[pick(victims_.size())]; }
  [[nodiscard]] Bytes noise(std::size_t size);

  std::mt19937_64 random_;
  std::string device_;
  std::vector<std::string> victims_;
  Bytes captured_;
  std::vector<Bytes> sealed_;  // assignments and directives by a key that nobody trusts
  std::uint64_t health_seq_ = 0;
};

// A state report with a plane that does not exist.
[[nodiscard]] Bytes report_with_plane(const std::string& device, std::uint8_t plane);

}  // namespace muster::e2e
