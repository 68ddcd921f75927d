#include "rules/engine/pool.h"

#include <xxhash.h>

#include <cassert>

namespace muster::rules {

namespace {

constexpr std::size_t table_size_min = 16;

std::uint32_t hash_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

}  // namespace

Pool::Pool() : table_(table_size_min) {}

std::size_t Pool::place_of(std::string_view bytes, std::uint32_t hash) const {
  const std::size_t mask = table_.size() - 1;
  std::size_t place = hash & mask;
  while (table_[place].handle != 0) {
    if (table_[place].hash == hash && entries_[table_[place].handle].view() == bytes) break;
    place = (place + 1) & mask;
  }
  return place;
}

Handle Pool::find(std::string_view bytes) const {
  return table_[place_of(bytes, hash_of(bytes))].handle;
}

Handle Pool::intern(std::string_view bytes) {
  const auto hash = hash_of(bytes);
  auto place = place_of(bytes, hash);
  if (const Handle known = table_[place].handle; known != 0) {
    ++entries_[known].references;
    return known;
  }
  if ((used_ + 1) * 4 > table_.size() * 3) {
    grow();
    place = place_of(bytes, hash);
  }
  const Handle handle = entries_.allocate();
  entries_[handle] = PoolEntry(bytes);
  table_[place] = {hash, handle};
  ++used_;
  return handle;
}

void Pool::grow() {
  std::vector<Place> old(table_.size() * 2);
  old.swap(table_);
  const std::size_t mask = table_.size() - 1;
  for (const Place& moved : old) {
    if (moved.handle == 0) continue;
    std::size_t place = moved.hash & mask;
    while (table_[place].handle != 0) place = (place + 1) & mask;
    table_[place] = moved;
  }
}

void Pool::retain(Handle handle) {
  if (handle != 0) ++entries_[handle].references;
}

void Pool::release(Handle handle) {
  if (handle == 0) return;
  PoolEntry& entry = entries_[handle];
  assert(entry.references != 0);
  if (--entry.references != 0) return;
  unlink(place_of(entry.view(), hash_of(entry.view())));
  entries_.release(handle);
  --used_;
}

// Closes the gap by moving later entries of the same run back, so that no tombstones are needed.
void Pool::unlink(std::size_t place) {
  const std::size_t mask = table_.size() - 1;
  std::size_t gap = place;
  for (std::size_t next = (gap + 1) & mask; table_[next].handle != 0; next = (next + 1) & mask) {
    const std::size_t home = table_[next].hash & mask;
    const bool movable = ((next - home) & mask) >= ((next - gap) & mask);
    if (!movable) continue;
    table_[gap] = table_[next];
    gap = next;
  }
  table_[gap] = {};
}

std::string_view Pool::bytes(Handle handle) const {
  return handle == 0 ? std::string_view() : entries_[handle].view();
}

void Pool::assign(Handle& slot, std::string_view value) {
  if (bytes(slot) == value) return;
  const Handle fresh = value.empty() ? 0 : intern(value);
  release(slot);
  slot = fresh;
}

}  // namespace muster::rules
