// Publishes many retained messages over one connection as fast as the broker takes them: QoS 1, everything under way at
// once, acknowledgements read as they come. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/bytes.h"
#include "tests/bench/lib/mqtt.h"

namespace muster::bench {

struct Message {
  std::string topic;
  Bytes payload;
};

class Publisher {
 public:
  Publisher(std::uint16_t port, const std::string& client_id);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Returns when the broker has acknowledged all of them.
  void publish_retained(const std::vector<Message>& messages);

 private:
  // Reads what is there; the number of acknowledgements.
  std::size_t take_acks();

  int handle_;
  mqtt::Reader reader_;
};

}  // namespace muster::bench
