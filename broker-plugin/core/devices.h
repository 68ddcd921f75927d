// What the host itself keeps of each device, beside the engine: the order of its reports and its last health summary.
// Broker thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker-plugin/core/text_hash.h"
#include "broker-plugin/store/record.h"
#include "schemas/bytes.h"

namespace muster::broker {

// Where a message stands in the order of its device's.
enum class Arrival : std::uint8_t {
  newer,
  again,  // the newest one once more: QoS 1 may deliver twice, and devices send again what nobody acknowledged
  older,
};

class DeviceTable {
 public:
  // The device is known, be it from the store or from a message.
  void know(std::string_view device) { row(device); }
  [[nodiscard]] bool knows(std::string_view device) const { return rows_.contains(device); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

  // False for a report older than the newest one taken; the same one again is fine. Remembers the newest.
  [[nodiscard]] bool take_report(std::string_view device, std::uint64_t boot_id, std::uint64_t seq);
  // Keeps a health summary that is newer than the last one; others change nothing.
  [[nodiscard]] Arrival take_health(std::string_view device, std::uint64_t boot_id, std::uint64_t seq,
                                    ByteView summary);

  // A summary from the store, after a restart: the same one is no news when it comes again.
  void restore_health(std::string_view device, std::uint64_t boot_id, std::uint64_t seq, ByteView summary);
  // The last summary; empty when there is none. Valid until the next change.
  [[nodiscard]] ByteView health(std::string_view device) const;

  // At most `max` summaries that the store does not have yet, as records.
  [[nodiscard]] std::vector<Record> unsaved_health(std::size_t max);
  // The last summary as a record. REQUIRES: there is one.
  [[nodiscard]] Record health_record(std::string_view device) const;

 private:
  struct Order {
    std::uint64_t boot_id = 0, seq = 0;
    // False when (boot, seq) is older than this; otherwise moves to it.
    bool advance(std::uint64_t boot, std::uint64_t number) {
      if (boot < boot_id || (boot == boot_id && number < seq)) return false;
      boot_id = boot;
      seq = number;
      return true;
    }
  };
  struct Row {
    Order report, summary;
    Bytes health;
    bool unsaved = false;
  };
  Row& row(std::string_view device) {
    const auto known = rows_.find(device);
    return known != rows_.end() ? known->second : rows_[std::string(device)];
  }

  TextMap<Row> rows_;
  std::vector<std::string> unsaved_;  // each device at most once
};

}  // namespace muster::broker
