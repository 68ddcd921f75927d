// A flash with the areas that the trust store, the download and the policy need, signed releases to put there, and a
// chunk server that misbehaves when told. One thread, tests only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mcu-client/ports/posix/nor_flash.h"
#include "mcu-client/src/client/fill.h"
#include "mcu-client/src/client/trust_store.h"
#include "tests/unit/trust/fixture.h"

namespace muster::mcu::testing {

// Only what must survive: the flash. What reads it is made anew for each start.
class Board {
 public:
  static constexpr std::uint32_t unit = 1024;

  Board();
  [[nodiscard]] NorFlash& nor() { return nor_; }
  [[nodiscard]] const Flash& flash() const { return flash_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }

 private:
  NorFlash nor_;
  Port port_;
  Layout layout_;
  Flash flash_;
};

struct ReleaseSpec {
  Plane plane = Plane::model;
  std::vector<std::pair<std::string, Bytes>> files = {{"model.bin", Bytes(3000, 7)}};
  std::uint32_t security_version = 1;
  std::uint64_t expires_s = 0;
  std::string device_class;  // empty: any
  std::uint32_t memory_mb_min = 0;
  std::string accelerator;
  std::size_t provenance = 0;  // bytes that make the manifest longer
  std::vector<std::pair<Bytes, wire::RecoveryAction>> rules;
  Bytes swap_when;  // a condition to wait for; empty: none
};

struct SignedRelease {
  AssignedRelease assigned;
  std::map<Sha256, Bytes> blobs;  // envelope and files
};

[[nodiscard]] SignedRelease sign(const ReleaseSpec& spec, const trust::SigningKey& key);

// Answers requests for chunks. `before` sees every answer and may change, drop (false) or repeat it.
class ChunkServer {
 public:
  struct Answer {
    Sha256 digest;
    std::uint64_t offset = 0, total = 0;
    wire::ChunkStatus status = wire::ChunkStatus::ok;
    Bytes data;
    unsigned copies = 1;
  };
  std::map<Sha256, Bytes> blobs;
  std::function<bool(Answer&)> before;
  bool reordered = false;
  std::uint64_t bytes = 0, requests = 0;

  // One round: everything that is asked for now is answered.
  void serve(Fill& fill, std::uint64_t now_ms);
};

}  // namespace muster::mcu::testing
