#include "operator/commands/release_parts.h"

#include <cstdlib>

#include "operator/commands/terminal.h"
#include "operator/decode.h"
#include "operator/trust_file.h"
#include "trust/envelope.h"

namespace muster::ctl {

tl::expected<std::uint64_t, Error> creation_time() {
  const char* fixed = std::getenv("SOURCE_DATE_EPOCH");
  if (fixed == nullptr || *fixed == '\0') return wall_clock_s();
  char* end = nullptr;
  const auto value = std::strtoull(fixed, &end, 10);
  if (*end == '\0') return value;
  return tl::make_unexpected(Error{
      ErrorKind::usage, std::string("SOURCE_DATE_EPOCH is '") + fixed + "': it must be seconds since 1970, or unset"});
}

tl::expected<SignatureView, Error> check_signature(const LocalRelease& release, const std::string& root_file) {
  if (release.envelope().empty()) return SignatureView{"none", {}};
  if (root_file.empty()) return SignatureView{"unchecked", release.signer_ids()};
  auto root = load_root(root_file);
  if (!root) return tl::make_unexpected(std::move(root.error()));
  const AlignedBytes envelope(release.envelope());
  const wire::Manifest* manifest = nullptr;
  Sha256 digest;
  const auto fault = trust::open_manifest(envelope.view(), {&*root, wall_clock_s()}, manifest, digest);
  if (fault == trust::TrustFault::none) return SignatureView{"valid", release.signer_ids()};
  if (fault == trust::TrustFault::expired) {
    return tl::make_unexpected(
        Error{ErrorKind::untrusted,
              release.name_at_version() + " has expired: build it again as a new version with a later `expires`"});
  }
  return tl::make_unexpected(Error{ErrorKind::untrusted, "the signature of " + release.name_at_version() +
                                                             " does not hold (" + std::string(trust::name_of(fault)) +
                                                             "): sign it with the key that holds the release role in " +
                                                             root_file});
}

FetchedRelease fetch_release(ControlClient& client, const std::string& ref) {
  auto answer = client.call({"getRelease", {{"release", ref}}});
  if (!answer) return {tl::make_unexpected(std::move(answer.error())), {}};
  auto envelope = decode_envelope(*answer);
  if (!envelope) return {tl::make_unexpected(std::move(envelope.error())), {}};
  FetchedRelease fetched{LocalRelease::from_envelope(std::move(*envelope)), {}};
  auto life = decode_life(*answer);
  if (!life) return {tl::make_unexpected(std::move(life.error())), {}};
  fetched.life = std::move(*life);
  return fetched;
}

}  // namespace muster::ctl
