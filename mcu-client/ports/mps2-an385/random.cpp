// NOT for products: this board has no source of true randomness. A real one reads its TRNG here. What stands in for it
// is a seed that QEMU puts into a word of RAM (`-device loader`), the number of this start, so that no two starts are
// alike even with the same seed, and the low digits of the clock at every call. All of it goes through SHA-256.
#include "mcu-client/ports/mps2-an385/random.h"

#include <cstring>

#include "mcu-client/ports/mps2-an385/chip.h"
#include "mcu-client/ports/mps2-an385/registers.h"
#include "trust/sha256.h"

namespace muster::mcu::mps2 {

namespace {

struct Pool {
  Sha256 state;
  std::uint64_t start;
  std::uint32_t seed[2];
  std::uint32_t count;
  std::uint32_t noise;
};
Pool pool;

Sha256 stir(std::uint8_t purpose) {
  ++pool.count;
  pool.noise = clock_noise();
  trust::Sha256Stream stream;
  stream.update({&purpose, 1});
  stream.update({reinterpret_cast<const std::uint8_t*>(&pool), sizeof pool});
  return stream.finish();
}

}  // namespace

void seed_random(std::uint64_t start) {
  pool.start = start;
  pool.seed[0] = reg(mailbox);
  pool.seed[1] = reg(mailbox + 4);
  pool.state = stir(0);
}

// What is given away says nothing of the state: the two come from the same pool under different first bytes.
void fill_random(std::uint8_t* to, std::size_t size) {
  while (size != 0) {
    const Sha256 block = stir(1);
    pool.state = stir(0);
    const std::size_t part = size < sizeof block.bytes ? size : sizeof block.bytes;
    std::memcpy(to, block.bytes.data(), part);
    to += part;
    size -= part;
  }
}

}  // namespace muster::mcu::mps2
