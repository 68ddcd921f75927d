// What a Pool keeps of one byte string: the bytes and how often they are referred to, in 32 bytes when the string is as
// short as device ids usually are. Owned by Pool; not thread-safe.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace muster::rules {

class PoolEntry {
 public:
  PoolEntry() = default;
  // REQUIRES: `bytes` is shorter than 4 GiB.
  explicit PoolEntry(std::string_view bytes) : references(1), size_(static_cast<std::uint32_t>(bytes.size())) {
    assert(bytes.size() == size_);
    char* to = place_.here;
    if (size_ > here_max) to = place_.apart = new char[size_];
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  }
  ~PoolEntry() {
    if (size_ > here_max) delete[] place_.apart;
  }
  PoolEntry(PoolEntry&& other) noexcept { swap(other); }
  PoolEntry& operator=(PoolEntry&& other) noexcept {
    PoolEntry taken(std::move(other));
    swap(taken);
    return *this;
  }

  [[nodiscard]] std::string_view view() const { return {size_ > here_max ? place_.apart : place_.here, size_}; }

  std::uint32_t references = 0;

 private:
  static constexpr std::uint32_t here_max = 24;
  union Place {
    char here[here_max];
    char* apart;
  };

  void swap(PoolEntry& other) {
    std::swap(references, other.references);
    std::swap(size_, other.size_);
    std::swap(place_, other.place_);
  }

  std::uint32_t size_ = 0;
  Place place_{};
};
static_assert(sizeof(PoolEntry) == 32, "the id of each of a million devices is one");

}  // namespace muster::rules
