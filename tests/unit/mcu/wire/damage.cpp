#include "tests/unit/mcu/wire/damage.h"

#include <algorithm>
#include <cstring>

namespace muster::test {

namespace {

template <class Word>
Word word_at(const Bytes& bytes, std::size_t at) {
  Word word = 0;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

template <class Word>
void each_word(Bytes& message, const std::function<void(const Bytes&)>& take) {
  const auto size = static_cast<std::uint32_t>(message.size());
  for (std::uint32_t at = 0; at + sizeof(Word) <= size; at += sizeof(Word)) {
    const auto was = word_at<Word>(message, at);
    const std::uint32_t left = size - at;
    // Small numbers; one more and one less; up to the end of the message and just over it; the largest of each sign.
    for (const std::uint32_t value : {0u,
                                      1u,
                                      2u,
                                      3u,
                                      4u,
                                      5u,
                                      6u,
                                      8u,
                                      9u,
                                      25u,
                                      64u,
                                      65u,
                                      257u,
                                      std::uint32_t{was} + 1,
                                      std::uint32_t{was} - 1,
                                      std::uint32_t{was} + 4,
                                      std::uint32_t{was} - 4,
                                      std::uint32_t{was} + 8,
                                      std::uint32_t{was} ^ 2u,
                                      left,
                                      left - 1,
                                      left - 4,
                                      left - 5,
                                      left - 8,
                                      left + 1,
                                      size,
                                      0u - at,
                                      0x7FFFFFFFu,
                                      0x7FFFFFFEu,
                                      0x80000000u,
                                      0x8000u,
                                      0xFFFEu,
                                      0xFFFFFFFFu,
                                      0xFFFFFFFCu}) {
      const auto changed = static_cast<Word>(value);
      if (changed == was) continue;
      std::memcpy(message.data() + at, &changed, sizeof changed);
      take(message);
    }
    std::memcpy(message.data() + at, &was, sizeof was);
  }
}

// Where the next damage goes: anywhere but into the identifier, which would hide the rest.
std::size_t place_in(const Bytes& bytes, std::mt19937_64& random) {
  const std::size_t at = random() % bytes.size();
  return at >= 4 && at < 8 ? 0 : at;
}

void copy_stretch(Bytes& to, const Bytes& from, std::mt19937_64& random) {
  if (from.size() <= 8 || to.size() <= 8) return;
  // Mostly with the alignment kept, so that it is not only that which gets refused.
  const std::size_t step = random() % 4 == 0 ? 1 : 4;
  const std::size_t source = random() % (from.size() / step) * step;
  const std::size_t target = (8 + random() % (to.size() - 8)) / step * step;
  const std::size_t len = std::min({1 + random() % 64, from.size() - source, to.size() - target});
  std::memmove(to.data() + target, from.data() + source, len);
}

}  // namespace

void each_structured_damage(Bytes& message, const std::function<void(const Bytes&)>& take) {
  for (std::size_t len = 0; len < message.size(); ++len) {
    take(Bytes(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(len)));
  }
  for (std::size_t bit = 0; bit < message.size() * 8; ++bit) {
    auto& byte = message[bit / 8];
    const auto mask = static_cast<std::uint8_t>(1u << bit % 8);
    byte = static_cast<std::uint8_t>(byte ^ mask);
    take(message);
    byte = static_cast<std::uint8_t>(byte ^ mask);
  }
  each_word<std::uint16_t>(message, take);
  each_word<std::uint32_t>(message, take);
}

Bytes random_damage(const Bytes& message, const std::vector<Bytes>& others, std::mt19937_64& random) {
  Bytes bytes = message;
  for (auto edits = 1 + random() % 8; edits != 0 && bytes.size() > 8; --edits) {
    const std::size_t at = place_in(bytes, random);
    switch (random() % 8) {
      case 0:
        bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ 1u << random() % 8);
        break;
      case 1:
        bytes[at] = static_cast<std::uint8_t>(random());
        break;
      case 2: {  // an offset or a count, moved a little
        const std::size_t place = at / 4 * 4;
        if (place + 4 > bytes.size()) break;
        const auto value = static_cast<std::uint32_t>(word_at<std::uint32_t>(bytes, place) + random() % 33 - 16);
        std::memcpy(bytes.data() + place, &value, 4);
        break;
      }
      case 3: {  // an entry of a table's layout
        const std::size_t place = at / 2 * 2;
        if (place + 2 > bytes.size()) break;
        const auto value = static_cast<std::uint16_t>(random() % 4 == 0 ? random() : random() % 48);
        std::memcpy(bytes.data() + place, &value, 2);
        break;
      }
      case 4:
        copy_stretch(bytes, bytes, random);
        break;
      case 5:
        copy_stretch(bytes, others[random() % others.size()], random);
        break;
      case 6: {  // everything behind a place, shifted by some bytes
        if (at < 8) break;
        const Bytes gap(1 + random() % 8, static_cast<std::uint8_t>(random()));
        const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        if (random() % 2 == 0)
          bytes.insert(place, gap.begin(), gap.end());
        else
          bytes.erase(place, place + static_cast<std::ptrdiff_t>(std::min(gap.size(), bytes.size() - at)));
        break;
      }
      default:
        if (random() % 4 == 0) bytes.resize(8 + random() % bytes.size());
    }
  }
  return bytes;
}

}  // namespace muster::test
