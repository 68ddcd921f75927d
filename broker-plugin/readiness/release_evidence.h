// What a published release was judged by: the record that its manifest names, the policy and the evidence files, kept
// as blobs beside the release's files. Devices never get them; operators do. Job thread only: all of it reads the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "broker-plugin/blobs/blob_store.h"
#include "broker-plugin/core/releases.h"
#include "host/error.h"
#include "schemas/bytes.h"

namespace muster::broker {

// What the broker has to know of a record; musterctl writes it (operator/readiness/record.h).
struct ReadinessRecord {
  std::string release;  // NAME@VERSION
  std::string policy;
  std::uint32_t version = 0;
  Sha256 policy_sha256;
  bool passed = false;  // each of its items passed, or is for another stage
  std::vector<ReleaseFile> evidence;
};
// Nothing when the text is no record.
[[nodiscard]] std::optional<ReadinessRecord> parse_readiness_record(std::string_view text);

// For a release whose manifest carries readiness: record, policy and evidence are here and say what the manifest says.
[[nodiscard]] tl::expected<void, Error> check_evidence(const Release& release, const BlobStore& blobs);

// What is kept to show how it was judged: evidence files, policy and record, as far as they can be read.
[[nodiscard]] std::vector<Sha256> evidence_digests(const Release& release, const BlobStore& blobs);

struct EvidencePart {
  Bytes data;
  std::uint64_t size = 0;  // of the whole file
};
// A part of one of the release's evidence files, its policy or its record; not_found for every other blob.
[[nodiscard]] tl::expected<EvidencePart, Error> read_evidence(const Release& release, const BlobStore& blobs,
                                                              const Sha256& digest, std::uint64_t offset,
                                                              std::size_t length);

}  // namespace muster::broker
