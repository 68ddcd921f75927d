#include "operator/seal_with_files.h"

#include <utility>

#include "trust/signing/signer.h"

namespace muster::ctl {

tl::expected<Bytes, Error> seal_with_files(wire::PayloadKind kind, ByteView payload,
                                           const std::vector<std::string>& key_files) {
  std::vector<trust::SigningKey> keys;
  for (const auto& path : key_files) {
    auto key = trust::SigningKey::load(path);
    if (!key) return tl::make_unexpected(std::move(key.error()));
    keys.push_back(std::move(*key));
  }
  std::vector<const trust::SigningKey*> signers;
  for (const auto& key : keys) signers.push_back(&key);
  auto envelopes = trust::seal({{kind, payload}}, signers);
  if (!envelopes) return tl::make_unexpected(std::move(envelopes.error()));
  return std::move(envelopes->front());
}

}  // namespace muster::ctl
