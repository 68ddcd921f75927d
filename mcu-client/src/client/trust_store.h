// The pinned trust root in the settings, and its way to newer versions. Nothing is obeyed with a root that is not
// durable. A root takes 2 KB, so it is read when something is to be opened and not kept in memory. Freestanding C++17,
// no allocation; the client's thread.
#pragma once

#include <cstdint>

#include "mcu-client/src/client/allowance.h"
#include "mcu-client/src/flash/record_log.h"
#include "schemas/bytes.h"
#include "trust/root.h"

namespace muster::mcu {

class TrustStore {
 public:
  TrustStore(const Flash& flash, RecordLog& settings) : flash_(flash), settings_(settings) {}

  // ok, or err_not_found when nothing is pinned yet.
  [[nodiscard]] int read(trust::TrustRoot& root) const;
  // Pins the root that the factory wrote, when none is pinned. err_untrusted when it is not signed by its own keys.
  [[nodiscard]] int pin(ByteView envelope);

  // --- a retained chain of root documents, longer than any buffer ---
  // Takes it piece by piece into the scratch area. err_busy: the chain differs from the one that lies there in the
  // middle; what was there is given up, and the whole message is wanted again. err_refused: too many different chains
  // have come, the rest of this one is of no use; one may come again at next_ms(). Nobody has signed what wears the
  // flash here, so it is given only so often.
  [[nodiscard]] int take_piece(std::uint32_t offset, std::uint32_t total, ByteView piece, std::uint64_t now_ms);
  [[nodiscard]] std::uint64_t next_ms() const { return erasures_.next_ms(); }
  // After the last piece: walks the chain, a document at a time through `work` (8-aligned). 1 when the root moved, also
  // when the walk ended early behind that; 0 when there was nothing new; err_untrusted when it ended early,
  // err_too_long when a document does not fit.
  [[nodiscard]] int walk(std::uint8_t* work, std::uint32_t work_size);

 private:
  [[nodiscard]] bool u32_at(std::uint32_t at, std::uint32_t& value) const;
  [[nodiscard]] bool table_field(std::uint32_t table, std::uint32_t& target) const;
  [[nodiscard]] int store(const trust::TrustRoot& root);

  const Flash& flash_;
  RecordLog& settings_;
  std::uint32_t size_ = 0;  // of the chain in the scratch area
  bool same_ = false;       // all pieces so far were there already
  bool blank_ = false;      // nothing was written since the area was erased
  bool ignored_ = false;    // the rest of this message
  Allowance erasures_{4, 3600000};
};

}  // namespace muster::mcu
