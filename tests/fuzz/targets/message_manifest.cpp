#include "broker-plugin/core/releases.h"
#include "schemas/file_name.h"
#include "schemas/manifest_generated.h"
#include "tests/fuzz/message_target.h"

// The files of a manifest that passed can be written below one folder: none leaves it, none is in another's way.
FUZZ_TARGET(message_manifest) {
  using namespace muster;
  const fuzz::ExactCopy copy(input);
  const auto* manifest =
      fuzz::checked_input<wire::Manifest>(copy, wire::ManifestIdentifier(), limits::manifest_len_max);
  if (manifest == nullptr) return;
  const auto release = broker::release_from(*manifest, {}, copy.view());
  FUZZ_REQUIRE(release.files.size() <= limits::files_max, "more files than the limit");
  for (std::size_t i = 0; i < release.files.size(); ++i) {
    const auto& name = release.files[i].name;
    FUZZ_REQUIRE(is_file_name(name) && ("/" + name).find("/.") == std::string::npos, "a name that leaves the slot");
    for (std::size_t k = 0; k < i; ++k) {
      FUZZ_REQUIRE(!file_names_collide(name, release.files[k].name), name + " collides");
    }
  }
}
