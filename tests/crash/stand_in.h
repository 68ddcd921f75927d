// Stands in for Muster at a plain Mosquitto: assigns, orders, serves chunks and reads reports, so that an agent can be
// taken through the same update hundreds of times without a fleet's rollout around it. What it signs is signed with the
// real keys; what it serves are real releases. Tests only; methods belong to the test's thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "host/mqtt_client.h"
#include "schemas/bytes.h"
#include "tests/e2e/harness/keys.h"
#include "tests/e2e/harness/messages.h"
#include "trust/root.h"
#include "trust/signing/signer.h"

namespace muster::crash {

struct Offered {
  e2e::ReleaseToAssign assigned;
  std::string version;
  [[nodiscard]] std::string digest() const { return to_hex(ByteView(assigned.manifest.bytes.data(), 32)); }
};

class StandIn {
 public:
  StandIn(std::uint16_t port, const e2e::Keys& keys);
  ~StandIn();
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  // Takes a signed release from its folder: from then on its manifest and files are served.
  [[nodiscard]] Offered offer(const std::string& release_folder, const std::string& name, const std::string& version);
  void assign(const std::string& device, std::uint64_t epoch, const Offered& release);
  // Orders the device back from `release`; an empty digest takes the retained order away.
  void order_back(const std::string& device, std::uint64_t epoch, const Offered& release);
  void clear_order(const std::string& device);

  [[nodiscard]] std::vector<e2e::ReportSeen> reports() const;
  [[nodiscard]] std::vector<Bytes> summaries() const;  // health, as it arrived
  [[nodiscard]] std::size_t chunks_served() const;
  void forget();  // reports, summaries and the count of chunks
  [[nodiscard]] const trust::TrustRoot& root() const { return root_; }

 private:
  void serve();
  [[nodiscard]] Bytes answer(const e2e::ChunkAsked& asked) const;
  void retain(const std::string& topic, const Bytes& payload);
  void seal_and_retain(const std::string& topic, wire::PayloadKind kind, const Bytes& payload);

  trust::SigningKey control_;
  trust::TrustRoot root_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<host::MqttMessage> asked_;
  std::vector<e2e::ReportSeen> reports_;
  std::vector<Bytes> summaries_;
  std::map<Sha256, Bytes> blobs_;
  std::size_t served_ = 0;
  bool ending_ = false;
  std::unique_ptr<host::MqttClient> client_;
  std::thread server_;
};

}  // namespace muster::crash
