// The control API's JSON (docs/control-api.md) → operator/views.h. Missing fields keep their defaults; JSON of
// another shape is an error that blames the broker's version. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "host/error.h"
#include "operator/views.h"

namespace muster::ctl {

[[nodiscard]] tl::expected<RolloutView, Error> decode_rollout(std::string_view json);
// Each rollout with its own JSON text.
[[nodiscard]] tl::expected<std::vector<std::pair<RolloutView, std::string>>, Error> decode_rollouts(
    std::string_view json);
[[nodiscard]] tl::expected<DeviceView, Error> decode_device(std::string_view json);
[[nodiscard]] tl::expected<DevicePage, Error> decode_devices(std::string_view json);
[[nodiscard]] tl::expected<std::vector<ReasonView>, Error> decode_reasons(std::string_view json);
[[nodiscard]] tl::expected<std::vector<ReleaseView>, Error> decode_releases(std::string_view json);
[[nodiscard]] tl::expected<ReleaseLifeView, Error> decode_life(std::string_view json);  // of getRelease
[[nodiscard]] tl::expected<FitView, Error> decode_fit(std::string_view json);
[[nodiscard]] tl::expected<EvidencePage, Error> decode_evidence(std::string_view json);
[[nodiscard]] tl::expected<AuditPage, Error> decode_audit(std::string_view json);

// A part of a blob, and the size of all of it.
struct BlobPart {
  Bytes data;  // empty when the answer's was no base64
  std::uint64_t size = 0;
};
[[nodiscard]] tl::expected<BlobPart, Error> decode_part(std::string_view json);

// The `offset` of a blob answer, the `message` of a change and the `envelope` of a release (base64; empty when it is
// none).
[[nodiscard]] tl::expected<std::uint64_t, Error> decode_offset(std::string_view json);
[[nodiscard]] tl::expected<std::string, Error> decode_message(std::string_view json);
[[nodiscard]] tl::expected<Bytes, Error> decode_envelope(std::string_view json);
// Why the broker has stopped deciding, from its metrics; empty while it decides, and when `json` is no such object.
[[nodiscard]] std::string decode_stopped(std::string_view json);

}  // namespace muster::ctl
