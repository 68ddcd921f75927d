// Chains of root documents as a device follows them from its pinned root.
#include "tests/fuzz/fixed_trust.h"
#include "tests/fuzz/target.h"
#include "trust/root.h"

namespace {

bool same(const muster::trust::TrustRoot& a, const muster::trust::TrustRoot& b) {
  if (a.version != b.version || a.expires_s != b.expires_s) return false;
  for (std::size_t role = 0; role < a.roles.size(); ++role) {
    const auto& left = a.roles[role];
    const auto& right = b.roles[role];
    if (left.threshold != right.threshold || left.key_count != right.key_count) return false;
    for (std::size_t key = 0; key < left.key_count; ++key) {
      if (left.keys[key].id != right.keys[key].id || left.keys[key].point != right.keys[key].point) return false;
    }
  }
  return true;
}

}  // namespace

FUZZ_TARGET(root_chain) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  auto root = fuzz::fixed_root();
  const auto fault = trust::advance_root(copy.view(), root);
  FUZZ_REQUIRE(root.version >= 1, "the version went back");
  if (root.version == 1) FUZZ_REQUIRE(same(root, fuzz::fixed_root()), "the keys changed without a new version");
  if (fault == trust::TrustFault::none) {
    auto again = root;
    FUZZ_REQUIRE(trust::advance_root(copy.view(), again) == fault && same(again, root), "a second walk goes elsewhere");
  }
  // Pinning: either the whole root, or nothing.
  trust::TrustRoot pinned;
  const auto refused = trust::pin_root(copy.view(), pinned);
  FUZZ_REQUIRE((refused == trust::TrustFault::none) == (pinned.version != 0), "half a root was pinned");
}
