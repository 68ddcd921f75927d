// A manifest as JSON and as text for people. REQUIRES: the manifest passed the wire verifier. Pure; any thread.
#pragma once

#include <string>

#include "operator/release_folder.h"
#include "operator/render/style.h"
#include "operator/views.h"

namespace muster::ctl {

// Who vouches for what is shown: "valid" with the trust root's keys, "unchecked" without a root, "none" when unsigned.
struct SignatureView {
  std::string state;
  std::vector<std::string> key_ids;
};

// `record` is the JSON of how the release was judged, empty where there is none; `life` where the broker says it
// stands.
[[nodiscard]] std::string manifest_json(const LocalRelease& release, const SignatureView& signature,
                                        const std::string& record = {}, const ReleaseLifeView* life = nullptr);
[[nodiscard]] std::string manifest_text(const LocalRelease& release, const SignatureView& signature,
                                        std::size_t columns, const Style& style);

}  // namespace muster::ctl
