// The trust root as this device keeps it: the document pinned at the first start, and the newest chain that led on from
// it. Both outlive a restart; damage is refused, because starting from an older root would trust keys that were taken
// away. On the loop.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "host/error.h"
#include "schemas/bytes.h"
#include "trust/root.h"

namespace muster::edge {

class TrustStore {
 public:
  // Pins `configured_root` when nothing is pinned in `data_dir` yet; later it is only compared (see root_differs).
  [[nodiscard]] static tl::expected<TrustStore, Error> open(const std::string& data_dir,
                                                            const std::string& configured_root);

  [[nodiscard]] const trust::TrustRoot& root() const { return root_; }
  // The configured file is another document than the pinned one, which stays in force.
  [[nodiscard]] bool root_differs() const { return differs_; }

  // Takes the retained chain; true when the root moved on (made durable before it is used). `fault` says why the walk
  // stopped.
  [[nodiscard]] tl::expected<bool, Error> advance(ByteView chain, trust::TrustFault& fault);

 private:
  std::string chain_path_;
  trust::TrustRoot root_;
  bool differs_ = false;
};

}  // namespace muster::edge
