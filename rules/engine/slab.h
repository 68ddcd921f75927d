// A growing array in chunks: elements never move, so references stay valid, and at most one chunk is unused. Index 0 is
// never given out and stands for "none". Owned by the engine; not thread-safe.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <vector>

namespace muster::rules {

template <typename T>
class Slab {
 public:
  // A default-made element; reuses freed places.
  [[nodiscard]] std::uint32_t allocate() {
    if (!free_.empty()) {
      const auto index = free_.back();
      free_.pop_back();
      return index;
    }
    const auto index = end_++;
    reserve_chunk(index);
    return index;
  }

  // REQUIRES: `index` was allocated. Its element becomes a default-made one.
  void release(std::uint32_t index) {
    (*this)[index] = T();
    free_.push_back(index);
  }

  // Makes every index up to `index` usable, for slabs that are addressed by another container's indices.
  void ensure(std::uint32_t index) {
    while (end_ <= index) reserve_chunk(end_++);
  }

  [[nodiscard]] T& operator[](std::uint32_t index) {
    assert(index != 0 && index < end_);
    return chunks_[index / chunk_size][index % chunk_size];
  }
  [[nodiscard]] const T& operator[](std::uint32_t index) const {
    assert(index != 0 && index < end_);
    return chunks_[index / chunk_size][index % chunk_size];
  }

  // One past the highest index ever used.
  [[nodiscard]] std::uint32_t end() const { return end_; }

 private:
  static constexpr std::uint32_t chunk_size = 2048;

  void reserve_chunk(std::uint32_t index) {
    if (index / chunk_size >= chunks_.size()) chunks_.push_back(std::make_unique<T[]>(chunk_size));
  }

  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t end_ = 1;
};

}  // namespace muster::rules
