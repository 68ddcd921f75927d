// One change to the store: write `value` under `key`, or delete the key. Plain data.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "host/error.h"

namespace muster::broker {

struct Record {
  std::string key;
  std::optional<std::string> value;
};

// Where batches go. The store implements it; tests hold batches up or let them fail.
class BatchSink {
 public:
  virtual ~BatchSink() = default;
  // All of it durable, or none of it and an error. Writer thread.
  [[nodiscard]] virtual tl::expected<void, Error> write(const std::vector<Record>& records) = 0;
};

}  // namespace muster::broker
