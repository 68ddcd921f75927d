// Keys, a pinned root and signed messages, as a broker and an operator would make them. Tests only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "edge-client/agent/types.h"
#include "edge-client/shell/manifest_reader.h"
#include "trust/signing/signer.h"

namespace muster::edge {

// One signed release and its files' contents by name.
struct SignedRelease {
  ReleaseManifest manifest;  // as the agent reads it
  std::map<std::string, std::string> files;
  Sha256 envelope_digest;

  [[nodiscard]] AssignedRelease assigned() const;
};

class SignedWorld {
 public:
  SignedWorld();

  [[nodiscard]] const Bytes& root_envelope() const { return root_envelope_; }
  [[nodiscard]] const trust::TrustRoot& root() const { return root_; }
  // The chain with a second root document that gives the control role to another key.
  [[nodiscard]] Bytes rotated_chain();

  [[nodiscard]] SignedRelease release(const std::string& name, const std::string& version, Plane plane,
                                      std::map<std::string, std::string> files, std::uint64_t expires_s = 0,
                                      const std::string& shadow = {}) const;
  [[nodiscard]] Bytes assignment(const std::string& device, std::uint64_t epoch,
                                 const std::vector<AssignedRelease>& releases, bool by_rotated_key = false,
                                 Hold hold = Hold::none, const std::vector<AssignedRelease>& shadow = {}) const;
  [[nodiscard]] Bytes directive(const std::string& scope, std::uint64_t epoch) const;

 private:
  [[nodiscard]] Bytes seal(wire::PayloadKind kind, const Bytes& payload, const trust::SigningKey& key) const;

  trust::SigningKey root_key_, release_key_, control_key_, rotated_key_;
  Bytes root_envelope_;
  trust::TrustRoot root_;
};

[[nodiscard]] Sha256 sha256_of(std::string_view text);

}  // namespace muster::edge
