#include "broker-plugin/readiness/release_evidence.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "broker-plugin/blobs/file_io.h"
#include "host/files.h"
#include "schemas/limits.h"
#include "trust/sha256.h"

namespace muster::broker {
namespace {

using Json = nlohmann::json;

tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected(Error{kind, std::move(message)});
}

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

bool take(const Json& object, const char* key, std::string& into) {
  const auto* found = member(object, key);
  if (found == nullptr || !found->is_string()) return false;
  into = found->get<std::string>();
  return true;
}
bool take(const Json& object, const char* key, std::uint64_t& into) {
  const auto* found = member(object, key);
  if (found == nullptr || !found->is_number_unsigned()) return false;
  into = found->get<std::uint64_t>();
  return true;
}
bool take(const Json& object, const char* key, Sha256& into) {
  std::string hex;
  return take(object, key, hex) && parse_hex(hex, into);
}

bool take_evidence(const Json& json, ReadinessRecord& record) {
  const auto* files = member(json, "evidence");
  if (files == nullptr || !files->is_array() || files->size() > limits::evidence_files_max) return false;
  for (const auto& each : *files) {
    ReleaseFile file;
    if (!take(each, "name", file.name) || !take(each, "sha256", file.sha256) || !take(each, "size", file.size))
      return false;
    record.evidence.push_back(std::move(file));
  }
  return true;
}

bool take_items(const Json& json, ReadinessRecord& record) {
  const auto* items = member(json, "items");
  if (items == nullptr || !items->is_array() || items->size() > limits::policy_items_max) return false;
  std::size_t passed = 0, later = 0;
  for (const auto& item : *items) {
    std::string result;
    if (!take(item, "result", result)) return false;
    passed += result == "pass" ? 1u : 0u;
    later += result == "later" ? 1u : 0u;
  }
  record.passed = passed > 0 && passed + later == items->size();
  return true;
}

tl::expected<ReadinessRecord, Error> read_record(const Release& release, const BlobStore& blobs) {
  const auto& digest = release.readiness.record_sha256;
  if (!blobs.size_of(digest)) {
    return fail(ErrorKind::not_found,
                "the record of how it was judged (" + to_hex(digest).substr(0, 12) +
                    "…) is not at the broker yet; send it with beginBlob, putBlob, endBlob first");
  }
  const auto bytes = host::read_file(blobs.path_of(digest), limits::readiness_record_len_max);
  if (!bytes) return tl::unexpected(bytes.error());
  auto record = parse_readiness_record(ByteView(*bytes).text());
  if (!record || trust::sha256(*bytes) != digest)
    return fail(ErrorKind::invalid, "the record of how it was judged is none; build the release again");
  return std::move(*record);
}

}  // namespace

std::optional<ReadinessRecord> parse_readiness_record(std::string_view text) {
  if (text.size() > limits::readiness_record_len_max) return std::nullopt;
  const auto json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  ReadinessRecord record;
  std::uint64_t version = 0;
  const auto* policy = member(json, "policy");
  const bool whole = take(json, "release", record.release) && policy != nullptr &&
                     take(*policy, "name", record.policy) && take(*policy, "version", version) &&
                     take(*policy, "sha256", record.policy_sha256) && version <= UINT32_MAX &&
                     take_items(json, record) && take_evidence(json, record);
  if (!whole) return std::nullopt;
  record.version = static_cast<std::uint32_t>(version);
  return record;
}

tl::expected<void, Error> check_evidence(const Release& release, const BlobStore& blobs) {
  const auto& carried = release.readiness;
  if (carried.policy.empty()) return {};
  const auto record = read_record(release, blobs);
  if (!record) return tl::unexpected(record.error());
  const bool same = record->release == release.ref() && record->policy == carried.policy &&
                    record->version == carried.version && record->policy_sha256 == carried.policy_sha256;
  if (!same || !record->passed) {
    return fail(ErrorKind::invalid, "the record of how " + release.ref() + " was judged " +
                                        (same ? "does not say that it passed" : "is about something else") +
                                        "; build the release again");
  }
  if (!blobs.size_of(carried.policy_sha256))
    return fail(ErrorKind::not_found, "the policy " + carried.policy + " is not at the broker yet");
  for (const auto& file : record->evidence) {
    if (blobs.size_of(file.sha256) == file.size) continue;
    return fail(ErrorKind::not_found,
                "the evidence " + file.name + " (" + to_hex(file.sha256).substr(0, 12) +
                    "…) is not at the broker yet; send it with beginBlob, putBlob, endBlob first");
  }
  return {};
}

std::vector<Sha256> evidence_digests(const Release& release, const BlobStore& blobs) {
  std::vector<Sha256> digests;
  for (const auto& file : release.evidence) digests.push_back(file.sha256);
  if (release.readiness.policy.empty()) return digests;
  digests.push_back(release.readiness.policy_sha256);
  digests.push_back(release.readiness.record_sha256);
  if (const auto record = read_record(release, blobs)) {
    for (const auto& file : record->evidence) digests.push_back(file.sha256);
  }
  return digests;
}

tl::expected<EvidencePart, Error> read_evidence(const Release& release, const BlobStore& blobs, const Sha256& digest,
                                                std::uint64_t offset, std::size_t length) {
  const auto is_it = [&](const ReleaseFile& file) { return file.sha256 == digest; };
  bool known = std::any_of(release.evidence.begin(), release.evidence.end(), is_it);
  if (const auto& carried = release.readiness; !known && !carried.policy.empty()) {
    known = digest == carried.record_sha256 || digest == carried.policy_sha256;
    if (!known) {
      const auto record = read_record(release, blobs);
      if (!record) return tl::unexpected(record.error());
      known = std::any_of(record->evidence.begin(), record->evidence.end(), is_it);
    }
  }
  const auto size = blobs.size_of(digest);
  if (!known || !size) {
    return fail(ErrorKind::not_found, to_hex(digest).substr(0, 12) + "… is " +
                                          (known ? "not at the broker: it was published without its evidence"
                                                 : "no evidence of " + release.ref()));
  }
  if (offset > *size)
    return fail(ErrorKind::usage, "'offset' lies behind the file's end, which is " + std::to_string(*size));
  EvidencePart part;
  part.size = *size;
  part.data.resize(static_cast<std::size_t>(std::min<std::uint64_t>(length, *size - offset)));
  const auto path = blobs.path_of(digest);
  const File file(path, O_RDONLY);
  const int failed = file.fd() < 0 ? errno : read_all(file.fd(), part.data.data(), part.data.size(), offset);
  if (failed != 0) return fail(ErrorKind::io, "reading " + path + ": " + std::generic_category().message(failed));
  return part;
}

}  // namespace muster::broker
