// A firmware release that nobody trusted has signed, and an assignment that orders it: what an attacker would send who has stolen the
// broker with its control key, but not the release key, which is offline. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::forger {

struct Forgery {
  Bytes assignment;              // an envelope, signed by the control key
  std::map<Sha256, Bytes> blobs;  // by digest: the manifest's envelope, signed by a key of the attacker's own, and the images
};

inline constexpr std::uint64_t epoch = 1000000;  // above whatever the device has seen

// `image` passes for the firmware of either slot.
[[nodiscard]] tl::expected<Forgery, Error> forge(const std::string& device, const std::string& control_key, const Bytes& image,
                                                 std::uint64_t now_s);

// The answer to a ChunkGet of the device; empty when it asks for something else.
[[nodiscard]] Bytes answer(const Forgery& forgery, ByteView request);

}  // namespace muster::forger
