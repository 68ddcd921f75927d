// The one way from untrusted bytes to a message: length, alignment, FlatBuffers structure, file identifier and every bound of
// limits.h are checked here, before anything reads a field. Nothing here checks a signature: see trust/envelope.h.
// No allocation, no exceptions; any thread. The view it returns points into `bytes`, which must outlive it.
//
//   AlignedBytes copy(payload);                        // MQTT payloads are not aligned by contract: copy first
//   const wire::StateReport* report = nullptr;
//   if (auto fault = verify(copy.view(), report); fault != WireFault::none) count(fault);
#pragma once

#include <cstdint>
#include <string_view>

#include "schemas/bytes.h"

namespace muster::wire {
struct StateReport;
struct HealthSummary;
struct ChunkGet;
struct Chunk;
struct EvidenceChunk;
struct Ack;
struct Envelope;
struct RootDocument;
struct RootChain;
struct Manifest;
struct Assignment;
struct Directive;
struct AuditHead;
struct ReleaseMove;
}  // namespace muster::wire

namespace muster {

// Why bytes were refused. The names are also the labels of the `metrics` counters.
enum class WireFault : std::uint8_t { none, too_long, misaligned, wrong_kind, malformed, over_limit, bad_name, unknown_value };

[[nodiscard]] std::string_view name_of(WireFault fault);

// Each sets `message` and returns WireFault::none, or leaves it untouched and says why. Beyond the structure they check:
// lists and strings within limits.h, names valid ids, enums within their range, required strings not empty.
[[nodiscard]] WireFault verify(ByteView bytes, const wire::StateReport*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::HealthSummary*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::ChunkGet*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::Chunk*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::EvidenceChunk*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::Ack*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::Envelope*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::RootDocument*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::RootChain*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::Manifest*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::Assignment*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::Directive*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::AuditHead*& message);
[[nodiscard]] WireFault verify(ByteView bytes, const wire::ReleaseMove*& message);

}  // namespace muster
