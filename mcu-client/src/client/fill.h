// Brings one release into a slot: fetches its signed manifest, verifies it, fetches its files and writes them as they
// come, checks every digest in flash, and completes the slot. Survives resets: what was programmed before is not
// fetched again. Decides what to ask for and does the flash work; sending the requests is the client's. Freestanding
// C++17, no allocation; the client's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mcu-client/src/client/trust_store.h"
#include "mcu-client/src/flash/slot.h"
#include "mcu-client/src/update/types.h"
#include "schemas/chunk_generated.h"
#include "schemas/manifest_generated.h"

namespace muster::mcu {

inline constexpr std::uint32_t chunk_size = 1024;  // asked for at once
inline constexpr std::uint32_t chunks_ahead = 8;   // asked for and not yet here
inline constexpr std::uint32_t answer_timeout_ms = 5000;
inline constexpr std::uint32_t retries_max = 8;          // of an unknown blob, seconds apart
inline constexpr std::uint32_t recovery_rules_max = 8;   // that a config release may hold for an MCU
inline constexpr std::uint32_t program_bytes_max = 256;  // of one of them

// What decides whether a release may run here.
struct Fit {
  std::string_view device_class;
  std::uint32_t memory_mb = 0;
  std::uint32_t floor = 0;
};

class Fill {
 public:
  enum class State : std::uint8_t { idle, busy, done, failed };

  Fill(const Flash& flash, RecordLog& settings, const TrustStore& trust, std::uint8_t* work, std::uint32_t work_size)
      : flash_(flash), settings_(settings), trust_(trust), work_(work), work_size_(work_size) {}

  void begin(const AssignedRelease& release, std::uint8_t slot, const Fit& fit);
  void stop() { state_ = State::idle; }
  // Somebody else needs `work`: the manifest is fetched again afterwards, files go on where they stood.
  void lend_work();
  // Requests on their way are lost.
  void disconnected() { asked_ = next_; }

  // True when a request is to be sent now; call it until it says false.
  [[nodiscard]] bool next_request(std::uint64_t now_ms, Sha256& blob, std::uint32_t& offset, std::uint32_t& length);
  // A chunk that passed the verifier.
  void take(const wire::Chunk& chunk, std::uint64_t now_ms);
  // One step of the work on flash, at most an erase unit or a signature long. `now_s`: for expiry.
  State poll(std::uint64_t now_s);
  // The next poll() has work; otherwise it waits for chunks.
  [[nodiscard]] bool has_work() const {
    return state_ == State::busy && step_ != Step::envelope && step_ != Step::files;
  }

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] ErrorCode error() const { return error_; }
  [[nodiscard]] const char* detail() const { return detail_; }
  [[nodiscard]] const Sha256& manifest() const { return release_.manifest; }
  [[nodiscard]] Plane plane() const { return release_.plane; }
  [[nodiscard]] std::uint32_t security_version() const { return header_.security_version; }
  [[nodiscard]] std::uint32_t bytes_done() const;
  [[nodiscard]] std::uint32_t bytes_total() const;

 private:
  enum class Step : std::uint8_t { erase, envelope, open, files, check, seal };

  [[nodiscard]] const Area& slot_area() const { return flash_.layout().slots[index_of(release_.plane)][slot_]; }
  void fail(ErrorCode error, const char* detail);
  bool flash_ok(int result);
  void erase_step();
  void open_step(std::uint64_t now_s);
  [[nodiscard]] const char* misfit(const wire::Manifest& manifest, ErrorCode& error) const;
  bool lay_out(const wire::Manifest& manifest);
  void resume();
  void check_step();
  void seal_step();
  void start_blob(std::uint32_t from);
  void skip_complete_files();
  bool program(std::uint32_t at, const std::uint8_t* bytes, std::uint32_t size);

  const Flash& flash_;
  RecordLog& settings_;
  const TrustStore& trust_;
  std::uint8_t* const work_;  // 8-aligned: the envelope, from its arrival until the slot is complete
  const std::uint32_t work_size_;

  AssignedRelease release_;
  Fit fit_;
  std::uint8_t slot_ = no_slot;
  State state_ = State::idle;
  Step step_ = Step::erase;
  ErrorCode error_ = ErrorCode::none;
  const char* detail_ = "";
  SlotHeader header_;
  ByteView manifest_;                // in work_
  std::uint32_t manifest_done_ = 0;  // of its bytes, in the slot before this run
  std::uint32_t file_ = 0;           // in work
  std::uint32_t next_ = 0, asked_ = 0,
                size_ = 0;  // of the blob in work: what comes next, what is asked for, how long it is
  std::uint32_t tries_ = 0;
  std::uint64_t progress_ms_ = 0, not_before_ms_ = 0;
};

}  // namespace muster::mcu
