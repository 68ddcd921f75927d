// Every rule of wire.h beyond the structure, message by message: one change to a good message, one fault.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "schemas/limits.h"
#include "schemas/wire.h"
#include "tests/unit/schemas/samples.h"

namespace muster {
namespace {

using F = WireFault;

template <class Spec>
struct Case {
  const char* what;
  std::function<void(Spec&)> change;
  WireFault fault;
};

template <class Message, class Spec>
void check_all(const std::vector<Case<Spec>>& cases) {
  for (const auto& entry : cases) {
    Spec spec;
    entry.change(spec);
    const AlignedBytes bytes(build(spec));
    const Message* message = nullptr;
    EXPECT_EQ(name_of(verify(bytes.view(), message)), name_of(entry.fault)) << entry.what;
  }
}

const std::string long_id(65, 'a');
const std::string text_256(256, 't');
const std::string text_257(257, 't');

TEST(WireLimits, StateReport) {
  using S = test::StateReportSpec;
  check_all<wire::StateReport, S>({
      {"the longest id", [](S& s) { s.device_id = std::string(64, 'a'); }, F::none},
      {"an id too long", [](S& s) { s.device_id = long_id; }, F::bad_name},
      {"no id", [](S& s) { s.device_id = ""; }, F::bad_name},
      {"an id that leaves its topic level", [](S& s) { s.device_id = "a/b"; }, F::bad_name},
      {"an id with a wildcard", [](S& s) { s.device_id = "a+"; }, F::bad_name},
      {"an id with a NUL inside", [](S& s) { s.device_id = std::string("a\0b", 3); }, F::bad_name},
      {"no class", [](S& s) { s.device_class = ""; }, F::bad_name},
      {"a region that is no id", [](S& s) { s.region = "the north"; }, F::bad_name},
      {"no region", [](S& s) { s.region = ""; }, F::none},
      {"16 tags", [](S& s) { s.tags.assign(16, "t"); }, F::none},
      {"17 tags", [](S& s) { s.tags.assign(17, "t"); }, F::over_limit},
      {"an empty tag", [](S& s) { s.tags = {""}; }, F::bad_name},
      {"9 accelerators", [](S& s) { s.accelerators.assign(9, "npu"); }, F::over_limit},
      {"6 runtimes", [](S& s) { s.runtimes.assign(6, "rknn-2.0"); }, F::none},
      {"7 runtimes", [](S& s) { s.runtimes.assign(7, "rknn-2.0"); }, F::over_limit},
      {"the earliest clock on earth", [](S& s) { s.utc_offset_min = 840; }, F::none},
      {"the latest clock on earth", [](S& s) { s.utc_offset_min = -720; }, F::none},
      {"a clock that is nowhere", [](S& s) { s.utc_offset_min = 841; }, F::unknown_value},
      {"another", [](S& s) { s.utc_offset_min = -721; }, F::unknown_value},
      {"no word about the clock", [](S& s) { s.utc_offset_min = limits::utc_offset_unsaid; }, F::none},
      {"a runtime that is no id", [](S& s) { s.runtimes = {"rknn 2.0"}; }, F::bad_name},
      {"an unknown device state", [](S& s) { s.state = 5; }, F::unknown_value},
      {"no planes", [](S& s) { s.planes.clear(); }, F::none},
      {"a fourth plane",
       [](S& s) {
         s.planes.push_back({3, "x", "1"});
       },
       F::over_limit},
      {"an unknown plane",
       [](S& s) {
         s.planes = {{3, "x", "1"}};
       },
       F::unknown_value},
      {"a plane twice",
       [](S& s) {
         s.planes = {{1, "x", "1"}, {1, "x", "1"}};
       },
       F::malformed},
      {"a version too long", [](S& s) { s.planes[0].version = std::string(33, '1'); }, F::bad_name},
      {"an unknown attempt state", [](S& s) { s.attempt_state = 12; }, F::unknown_value},
      {"an error code in a gap", [](S& s) { s.error = 9; }, F::unknown_value},
      {"an error code beyond the last", [](S& s) { s.error = 71; }, F::unknown_value},
      {"the last error code", [](S& s) { s.error = 70; }, F::none},
      {"an unknown recovery action", [](S& s) { s.recovery_action = 6; }, F::unknown_value},
      {"the longest detail", [](S& s) { s.detail = text_256; }, F::none},
      {"a detail too long", [](S& s) { s.detail = text_257; }, F::over_limit},
      {"a detail of two lines", [](S& s) { s.detail = "one\n\ttwo"; }, F::none},
      {"a detail that clears the screen", [](S& s) { s.detail = "\x1B[2J"; }, F::malformed},
      {"a detail that is not UTF-8", [](S& s) { s.detail = "caf\xE9"; }, F::malformed},
  });
}

TEST(WireLimits, HealthSummary) {
  using S = test::HealthSummarySpec;
  check_all<wire::HealthSummary, S>({
      {"no id", [](S& s) { s.device_id = ""; }, F::bad_name},
      {"an unknown state", [](S& s) { s.state = 5; }, F::unknown_value},
      {"an unknown thermal state", [](S& s) { s.thermal = 5; }, F::unknown_value},
      {"an unknown error code", [](S& s) { s.error = 65535; }, F::unknown_value},
      {"not a number", [](S& s) { s.p95_ms = std::nan(""); }, F::unknown_value},
      {"infinitely slow", [](S& s) { s.p95_ms = std::numeric_limits<double>::infinity(); }, F::unknown_value},
      {"a metric that is not a number", [](S& s) { s.metric_sum = -std::numeric_limits<double>::quiet_NaN(); },
       F::unknown_value},
      {"24 buckets", [](S& s) { s.latency_buckets.assign(24, 1); }, F::none},
      {"25 buckets", [](S& s) { s.latency_buckets.assign(25, 1); }, F::over_limit},
      {"a metric twice",
       [](S& s) {
         s.metrics = {"a", "b", "a"};
       },
       F::bad_name},
      {"a metric without a name", [](S& s) { s.metrics = {""}; }, F::bad_name},
      {"33 metrics",
       [](S& s) {
         s.metrics.clear();
         for (int i = 0; i < 33; ++i) s.metrics.push_back("m" + std::to_string(i));
       },
       F::over_limit},
      {"32 metrics",
       [](S& s) {
         s.metrics.clear();
         for (int i = 0; i < 32; ++i) s.metrics.push_back("m" + std::to_string(i));
       },
       F::none},
      {"a config version too long", [](S& s) { s.config_version = std::string(98, 'c'); }, F::over_limit},
  });
}

TEST(WireLimits, Chunks) {
  using G = test::ChunkGetSpec;
  check_all<wire::ChunkGet, G>({
      {"nothing", [](G& s) { s.length = 0; }, F::over_limit},
      {"more than 64 KiB", [](G& s) { s.length = 65537; }, F::over_limit},
      {"an offset that wraps", [](G& s) { s.offset = ~std::uint64_t{0}; }, F::over_limit},
  });
  using S = test::ChunkSpec;
  check_all<wire::Chunk, S>({
      {"the longest",
       [](S& s) {
         s = {0, 65536, 0, 65536, true};
       },
       F::none},
      {"longer than its blob", [](S& s) { s.data_len = 301; }, F::malformed},
      {"beyond its blob",
       [](S& s) {
         s = {401, 400, 0, 0, true};
       },
       F::malformed},
      {"an offset that wraps", [](S& s) { s.offset = ~std::uint64_t{0}; }, F::malformed},
      {"an unknown status", [](S& s) { s.status = 4; }, F::unknown_value},
      {"data with a refusal", [](S& s) { s.status = 1; }, F::malformed},
      {"a refusal",
       [](S& s) {
         s = {0, 0, 1, 0, true};
       },
       F::none},
      {"misaligned data", [](S& s) { s.aligned = false; }, F::misaligned},
      {"no data, which FlatBuffers does not align",
       [](S& s) {
         s.data_len = 0;
         s.aligned = false;
       },
       F::none},
  });
  using E = test::EvidenceChunkSpec;
  check_all<wire::EvidenceChunk, E>({
      {"no data", [](E& s) { s.data_len = 0; }, F::malformed},
      {"longer than its bundle", [](E& s) { s.data_len = 33; }, F::malformed},
      {"a bundle too long", [](E& s) { s.total = limits::evidence_bundle_len_max + 1; }, F::over_limit},
      {"a bad id", [](E& s) { s.device_id = "#"; }, F::bad_name},
  });
}

TEST(WireLimits, Envelope) {
  using S = test::EnvelopeSpec;
  check_all<wire::Envelope, S>({
      {"no kind", [](S& s) { s.kind = 0; }, F::unknown_value},
      {"a move of a release", [](S& s) { s.kind = 6; }, F::none},
      {"a move that is too long",
       [](S& s) {
         s.kind = 6;
         s.payload_len = limits::release_move_len_max + 8;
       },
       F::over_limit},
      {"an unknown kind", [](S& s) { s.kind = 7; }, F::unknown_value},
      {"no payload", [](S& s) { s.payload_len = 0; }, F::malformed},
      {"the longest assignment", [](S& s) { s.payload_len = limits::assignment_len_max; }, F::none},
      {"an assignment too long", [](S& s) { s.payload_len = limits::assignment_len_max + 1; }, F::over_limit},
      {"misaligned payload", [](S& s) { s.aligned = false; }, F::misaligned},
      {"a leaf outside its batch", [](S& s) { s.leaf_index = 5; }, F::malformed},
      {"an empty batch", [](S& s) { s.leaf_index = s.leaf_count = 0; }, F::malformed},
      {"a batch too large", [](S& s) { s.leaf_count = limits::batch_max + 1; }, F::over_limit},
      {"the deepest path", [](S& s) { s.path_len = 24; }, F::none},
      {"a path too deep", [](S& s) { s.path_len = 25; }, F::over_limit},
      {"no signature", [](S& s) { s.signatures = 0; }, F::malformed},
      {"8 signatures", [](S& s) { s.signatures = 8; }, F::none},
      {"9 signatures", [](S& s) { s.signatures = 9; }, F::over_limit},
      {"a short signature", [](S& s) { s.signature_len = 63; }, F::malformed},
      {"a long signature", [](S& s) { s.signature_len = 65; }, F::malformed},
  });
}

TEST(WireLimits, Roots) {
  using S = test::RootDocumentSpec;
  check_all<wire::RootDocument, S>({
      {"version 0", [](S& s) { s.version = 0; }, F::malformed},
      {"an unknown role", [](S& s) { s.roles[2].role = 3; }, F::unknown_value},
      {"a role twice", [](S& s) { s.roles[2].role = 1; }, F::malformed},
      {"a fourth role",
       [](S& s) {
         s.roles.push_back({0, 1, 1});
       },
       F::over_limit},
      {"no threshold", [](S& s) { s.roles[0].threshold = 0; }, F::over_limit},
      {"a threshold that nobody can reach", [](S& s) { s.roles[0].threshold = 4; }, F::over_limit},
      {"8 keys", [](S& s) { s.roles[0].keys = 8; }, F::none},
      {"9 keys", [](S& s) { s.roles[0].keys = 9; }, F::over_limit},
      {"a short point", [](S& s) { s.roles[0].point_len = 64; }, F::malformed},
      {"an empty point", [](S& s) { s.roles[0].point_len = 0; }, F::malformed},
      {"a compressed point", [](S& s) { s.roles[0].point_form = 0x02; }, F::malformed},
  });
  using C = test::RootChainSpec;
  check_all<wire::RootChain, C>({
      {"no documents", [](C& s) { s.documents = 0; }, F::none},
      {"64 documents", [](C& s) { s.documents = 64; }, F::none},
      {"65 documents", [](C& s) { s.documents = 65; }, F::over_limit},
      {"misaligned documents", [](C& s) { s.aligned = false; }, F::misaligned},
  });
}

TEST(WireLimits, Assignment) {
  using S = test::AssignmentSpec;
  check_all<wire::Assignment, S>({
      {"nothing assigned", [](S& s) { s.releases.clear(); }, F::none},
      {"a plane twice", [](S& s) { s.releases[1].plane = 1; }, F::malformed},
      {"an unknown plane", [](S& s) { s.releases[1].plane = 3; }, F::unknown_value},
      {"four releases", [](S& s) { s.releases.resize(4); }, F::over_limit},
      {"a size without an envelope", [](S& s) { s.releases[0].envelope = false; }, F::malformed},
      {"a manifest that only its holders can go back to",
       [](S& s) {
         s.releases[0] = {1, true, false, 0, "old"};
       },
       F::none},
      {"an envelope without a manifest",
       [](S& s) {
         s.releases[0] = {1, false, true, 900, "odd"};
       },
       F::malformed},
      {"an envelope without a size", [](S& s) { s.releases[0].envelope_size = 0; }, F::malformed},
      {"an envelope too long", [](S& s) { s.releases[0].envelope_size = limits::envelope_len_max + 1; }, F::over_limit},
      {"a bad rollout", [](S& s) { s.rollout = "a b"; }, F::bad_name},
      {"no hold and no shadow",
       [](S& s) {
         s.hold = 0;
         s.shadow.clear();
       },
       F::none},
      {"the other hold", [](S& s) { s.hold = 1; }, F::none},
      {"an unknown hold", [](S& s) { s.hold = 3; }, F::unknown_value},
      {"a shadow on all planes", [](S& s) { s.shadow.push_back({0}); }, F::none},
      {"a plane twice in the shadow", [](S& s) { s.shadow[1].plane = 1; }, F::malformed},
      {"an unknown plane in the shadow", [](S& s) { s.shadow[1].plane = 3; }, F::unknown_value},
      {"four releases in the shadow", [](S& s) { s.shadow.resize(4); }, F::over_limit},
      {"a shadow of nothing",
       [](S& s) {
         s.shadow[0] = {1, false, false, 0, ""};
       },
       F::malformed},
      {"a shadow that the broker can not serve",
       [](S& s) {
         s.shadow[0] = {1, true, false, 0, "old"};
       },
       F::malformed},
      {"a shadow's envelope without a size", [](S& s) { s.shadow[0].envelope_size = 0; }, F::malformed},
      {"a shadow's envelope too long", [](S& s) { s.shadow[0].envelope_size = limits::envelope_len_max + 1; },
       F::over_limit},
      {"a bad name in the shadow", [](S& s) { s.shadow[0].name = "a b"; }, F::bad_name},
      {"a bad device", [](S& s) { s.device_id = ".hidden"; }, F::bad_name},
  });
}

TEST(WireLimits, Directive) {
  using S = test::DirectiveSpec;
  check_all<wire::Directive, S>({
      {"the fleet", [](S& s) { s.scope = "fleet"; }, F::none},
      {"a device", [](S& s) { s.scope = "device/gw-17"; }, F::none},
      {"nobody", [](S& s) { s.scope = ""; }, F::bad_name},
      {"an unknown attribute", [](S& s) { s.scope = "group/colour=red"; }, F::bad_name},
      {"a bad device", [](S& s) { s.scope = "device/a/b"; }, F::bad_name},
      {"no orders", [](S& s) { s.orders.clear(); }, F::none},
      {"17 orders", [](S& s) { s.orders.assign(17, {}); }, F::over_limit},
      {"an unknown order", [](S& s) { s.orders[0].kind = 6; }, F::unknown_value},
      {"an unknown plane", [](S& s) { s.orders[0].plane = 3; }, F::unknown_value},
      {"a rollback of nothing",
       [](S& s) {
         s.orders = {{2, 1, false, "", ""}};
       },
       F::malformed},
      {"a reason too long", [](S& s) { s.orders[0].reason = text_257; }, F::over_limit},
      {"a reason with a bell", [](S& s) { s.orders[0].reason = "\a"; }, F::malformed},
  });
}

TEST(WireLimits, ReleaseMove) {
  using S = test::ReleaseMoveSpec;
  check_all<wire::ReleaseMove, S>({
      {"a good one", [](S&) {}, F::none},
      {"no version", [](S& s) { s.release = "reader-deu"; }, F::bad_name},
      {"no release", [](S& s) { s.release = ""; }, F::bad_name},
      {"no manifest", [](S& s) { s.manifest = false; }, F::malformed},
      {"an unknown state to come from", [](S& s) { s.from = 5; }, F::unknown_value},
      {"an unknown state to go to", [](S& s) { s.to = 5; }, F::unknown_value},
      {"no reason", [](S& s) { s.reason = ""; }, F::none},
      {"the longest reason", [](S& s) { s.reason = text_256; }, F::none},
      {"a reason too long", [](S& s) { s.reason = text_257; }, F::over_limit},
      {"a reason with a bell", [](S& s) { s.reason = "\a"; }, F::malformed},
  });
}

}  // namespace
}  // namespace muster
