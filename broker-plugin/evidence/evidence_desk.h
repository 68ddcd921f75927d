// Takes the pieces of evidence bundles from devices, lets the job thread write them, and acknowledges what is durable,
// to the client that sent it. A complete bundle gets a record in the store and an entry in the audit record, in one
// batch, before its last Ack leaves. What waits for the disk is bounded, over all devices and for each.
//
// take(), tick(), start(), set_room() and numbers(): broker thread. files(): job thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "broker-plugin/core/engine_host.h"
#include "broker-plugin/core/job_thread.h"
#include "broker-plugin/core/outbox.h"
#include "broker-plugin/core/text_hash.h"
#include "broker-plugin/evidence/evidence_files.h"
#include "broker-plugin/store/store.h"

namespace muster::broker {

class EvidenceDesk {
 public:
  // What a piece that had been taken came to: the label of a counter and the device. Broker thread.
  using Refused = std::function<void(std::string_view reason, const std::string& device)>;

  // `on_trouble` is called on the job thread, with a sentence for the log.
  EvidenceDesk(EvidenceFiles files, EngineHost& engine, JobThread& jobs, Outbox& outbox, Refused refused,
               std::function<void(const std::string&)> on_trouble);

  // Brings files and store together, after whatever ended the last run. REQUIRES: the job thread has not started.
  [[nodiscard]] tl::expected<void, Error> start(const Store& store);

  // Bytes over all devices; 0: no evidence is taken.
  void set_room(std::uint64_t bytes) { room_ = bytes; }

  // Takes the piece, or says why not: the label of a counter, empty when taken.
  [[nodiscard]] std::string_view take(const std::string& client, EvidencePiece piece);
  void tick(std::chrono::steady_clock::time_point now);

  struct Numbers : EvidenceNumbers {
    std::uint64_t received = 0;  // bundles that came complete since the start
  };
  [[nodiscard]] const Numbers& numbers() const { return numbers_; }

  [[nodiscard]] const EvidenceFiles& files() const { return files_; }

  static constexpr std::size_t window = 4;         // pieces of one device without an answer
  static constexpr std::size_t waiting_max = 256;  // pieces over all devices: 4 MiB

 private:
  struct Waiting {
    std::string client;
    EvidencePiece piece;
  };
  struct Known {
    EvidenceId id;
    std::uint64_t time_s = 0;
  };
  // What the job thread is to do next. At most one job at a time waits for it, so that operators' jobs find room.
  struct Intake {
    std::deque<Waiting> pieces;
    std::vector<Known> recorded;
    std::uint64_t sweep_s = 0;  // what time it is, when old ones are to be looked for
    bool scheduled = false;

    [[nodiscard]] bool empty() const { return pieces.empty() && recorded.empty() && sweep_s == 0; }
  };
  struct Batch;

  void schedule();
  void work();
  void perform(Batch& batch);
  void answered(const std::vector<std::string>& devices, const EvidenceNumbers& numbers);
  void record(const EvidenceBundle& bundle, const std::string& client);
  void forget(const std::vector<EvidenceId>& gone);

  EvidenceFiles files_;  // job thread
  EngineHost& engine_;
  JobThread& jobs_;
  Outbox& outbox_;
  Refused refused_;
  std::function<void(const std::string&)> on_trouble_;
  std::atomic<std::uint64_t> room_{0};

  std::mutex mutex_;
  Intake intake_;

  // --- broker thread ---
  TextMap<std::size_t> unanswered_;  // pieces, by device
  std::size_t waiting_ = 0;          // pieces over all devices
  std::set<EvidenceId> recording_;   // on their way into the store
  std::chrono::steady_clock::time_point swept_{};
  Numbers numbers_;
};

}  // namespace muster::broker
