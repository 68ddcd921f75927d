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

Pool::Pool() : table_(table_size_min, 0) {}

std::size_t Pool::place_of(std::string_view bytes, std::uint32_t hash) const {
  const std::size_t mask = table_.size() - 1;
  std::size_t place = hash & mask;
  while (table_[place] != 0) {
    const Entry& entry = entries_[table_[place]];
    if (entry.hash == hash && entry.bytes == bytes) break;
    place = (place + 1) & mask;
  }
  return place;
}

Handle Pool::find(std::string_view bytes) const {
  return table_[place_of(bytes, hash_of(bytes))];
}

Handle Pool::intern(std::string_view bytes) {
  const auto hash = hash_of(bytes);
  auto place = place_of(bytes, hash);
  if (table_[place] != 0) {
    ++entries_[table_[place]].references;
    return table_[place];
  }
  if ((used_ + 1) * 4 > table_.size() * 3) {
    grow();
    place = place_of(bytes, hash);
  }
  const Handle handle = entries_.allocate();
  Entry& entry = entries_[handle];
  entry.bytes.assign(bytes);
  entry.references = 1;
  entry.hash = hash;
  table_[place] = handle;
  ++used_;
  return handle;
}

void Pool::grow() {
  std::vector<Handle> old(table_.size() * 2, 0);
  old.swap(table_);
  const std::size_t mask = table_.size() - 1;
  for (const Handle handle : old) {
    if (handle == 0) continue;
    std::size_t place = entries_[handle].hash & mask;
    while (table_[place] != 0) place = (place + 1) & mask;
    table_[place] = handle;
  }
}

void Pool::retain(Handle handle) {
  if (handle != 0) ++entries_[handle].references;
}

void Pool::release(Handle handle) {
  if (handle == 0) return;
  Entry& entry = entries_[handle];
  assert(entry.references != 0);
  if (--entry.references != 0) return;
  unlink(place_of(entry.bytes, entry.hash));
  entries_.release(handle);
  --used_;
}

// Closes the gap by moving later entries of the same run back, so that no tombstones are needed.
void Pool::unlink(std::size_t place) {
  const std::size_t mask = table_.size() - 1;
  std::size_t gap = place;
  for (std::size_t next = (gap + 1) & mask; table_[next] != 0; next = (next + 1) & mask) {
    const std::size_t home = entries_[table_[next]].hash & mask;
    const bool movable = ((next - home) & mask) >= ((next - gap) & mask);
    if (!movable) continue;
    table_[gap] = table_[next];
    gap = next;
  }
  table_[gap] = 0;
}

std::string_view Pool::bytes(Handle handle) const {
  return handle == 0 ? std::string_view() : std::string_view(entries_[handle].bytes);
}

void Pool::assign(Handle& slot, std::string_view value) {
  if (bytes(slot) == value) return;
  const Handle fresh = intern(value);
  release(slot);
  slot = fresh;
}

}  // namespace muster::rules
