// What the broker's tests share: a folder that goes away, a broker that only records, an installation with keys, and
// messages as devices and operators send them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker-plugin/core/broker_port.h"
#include "broker-plugin/core/outbox.h"
#include "schemas/bytes.h"
#include "schemas/common_generated.h"
#include "schemas/envelope_generated.h"
#include "schemas/limits.h"
#include "trust/root.h"
#include "trust/signing/signer.h"

namespace muster::broker::test {

class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

void write_text(const std::string& path, std::string_view text);
[[nodiscard]] std::string read_text(const std::string& path);

// Records what would have been published and logged.
class RecordingPort final : public BrokerPort {
 public:
  struct Sent {
    std::string client, topic, payload;
    int qos;
    bool retain;
  };
  void publish(const Publication& publication) override;
  void log(host::LogLevel level, const std::string& line) override;

  // The last payload retained on a topic; empty when there is none.
  [[nodiscard]] std::string retained(const std::string& topic) const;
  [[nodiscard]] std::size_t count(const std::string& topic) const;
  [[nodiscard]] bool logged(std::string_view part) const;

  std::vector<Sent> sent;
  std::vector<std::string> lines;
};

// Calls `step` until `done` or five seconds have passed; true when done.
[[nodiscard]] bool eventually(const std::function<bool()>& done, const std::function<void()>& step = {});

// An outbox that needs no waking, and drains into a port until a condition holds.
[[nodiscard]] bool drain_until(Outbox& outbox, BrokerPort& port, const std::function<bool()>& done);

// Keys and files of one installation in a folder: control.key, root-chain.mrch, broker.yaml with operators alice (view,
// operate), bob (approve), eve (view).
struct Installation {
  explicit Installation(std::string_view extra_yaml = "");

  TempFolder folder;
  trust::SigningKey root_key, release_key, control_key;
  trust::TrustRoot root;
  std::string config_path, data_dir;
};

// A key that a test cannot do without.
[[nodiscard]] trust::SigningKey new_key();

// A release's bytes: one file with the given content, signed by `key`.
struct SignedRelease {
  Bytes manifest, envelope;
  Sha256 digest, file;
  std::string content;
};
[[nodiscard]] SignedRelease make_release(const trust::SigningKey& key, const std::string& name,
                                         const std::string& version, std::string content, std::uint64_t expires_s = 0);

struct ReportFields {
  std::string device = "gw-1";
  std::uint64_t boot_id = 1, seq = 1;
  std::string device_class = "linux", region = "eu";
  Sha256 model{};  // zero: empty plane
  std::uint64_t attempt_epoch = 0;
  wire::AttemptState attempt = wire::AttemptState::idle;
  wire::ErrorCode error = wire::ErrorCode::none;
  int utc_offset_min = limits::utc_offset_unsaid;
};
[[nodiscard]] Bytes make_report(const ReportFields& fields);
struct HealthFields {
  std::string device = "gw-1";
  std::uint64_t boot_id = 1, seq = 1;
  std::uint64_t window_start_s = 0;
  std::uint32_t window_s = 60;
  double p95_ms = -1;
};
[[nodiscard]] Bytes make_health(const HealthFields& fields);
[[nodiscard]] Bytes make_health(const std::string& device, std::uint64_t seq, double p95_ms);
[[nodiscard]] Bytes make_evidence(const std::string& device, const Sha256& bundle, std::uint64_t offset,
                                  std::uint64_t total, std::string_view data);
[[nodiscard]] Bytes make_chunk_get(const Sha256& digest, std::uint64_t offset, std::uint32_t length);

}  // namespace muster::broker::test
