// Interned byte strings: equal bytes have one handle and one copy. A million devices share a few hundred facts, digests
// and error texts this way. Counted references, so that a device that reports ever new values does not make the pool
// grow. Owned by the engine; not thread-safe. Handles depend on history, so their order must never reach an effect.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/engine/pool_entry.h"
#include "rules/engine/slab.h"

namespace muster::rules {

using Handle = std::uint32_t;  // 0: none

class Pool {
 public:
  Pool();

  // The handle of `bytes`, made when it is new; one reference more.
  [[nodiscard]] Handle intern(std::string_view bytes);
  // 0 when no such bytes are held.
  [[nodiscard]] Handle find(std::string_view bytes) const;
  void retain(Handle handle);   // none is allowed, and nothing
  void release(Handle handle);  // none is allowed, and nothing

  // Valid until the last reference is released; empty for none.
  [[nodiscard]] std::string_view bytes(Handle handle) const;

  // Every handle in use lies under this.
  [[nodiscard]] Handle end() const { return entries_.end(); }
  [[nodiscard]] bool live(Handle handle) const { return handle != 0 && entries_[handle].references != 0; }

  // Makes `slot` stand for `value` instead of what it held; an empty value is none.
  void assign(Handle& slot, std::string_view value);

 private:
  // The hash stands beside the handle so that a probe that passes by does not touch the entry.
  struct Place {
    std::uint32_t hash = 0;
    Handle handle = 0;
  };

  [[nodiscard]] std::size_t place_of(std::string_view bytes, std::uint32_t hash) const;
  void grow();
  void unlink(std::size_t place);

  Slab<PoolEntry> entries_;
  std::vector<Place> table_;  // open addressing, linear probing; size is a power of two
  std::size_t used_ = 0;
};

}  // namespace muster::rules
