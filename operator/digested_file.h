// A file that a release names. Plain data.
#pragma once

#include <cstdint>
#include <string>

#include "schemas/bytes.h"

namespace muster::ctl {

struct DigestedFile {
  std::string name;  // as the release file names it
  Sha256 sha256;
  std::uint64_t size = 0;  // bytes
};

}  // namespace muster::ctl
