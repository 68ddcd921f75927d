// Every bound on what comes from outside: names, lists, payloads, queues. One place, so that the broker, the Linux agent
// and the MCU client agree. Freestanding C++17, constants only; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace muster::limits {

// --- names ---
inline constexpr std::size_t id_len_max = 64;            // device, rollout, release name, operator
inline constexpr std::size_t version_len_max = 32;
inline constexpr std::size_t attribute_len_max = 64;     // value of class, region, site, …
inline constexpr std::size_t tags_max = 16;
inline constexpr std::size_t accelerators_max = 8;
inline constexpr int utc_offset_min_least = -12 * 60;    // minutes of a device's time ahead of UTC
inline constexpr int utc_offset_min_most = 14 * 60;
inline constexpr int utc_offset_unsaid = 32767;          // … when it does not say
inline constexpr std::size_t runtimes_max = 6;           // that one device offers
inline constexpr std::size_t file_name_len_max = 128;
inline constexpr std::size_t text_len_max = 256;         // reasons, details, error texts
inline constexpr std::size_t topic_len_max = 192;
inline constexpr std::size_t release_ref_len_max = id_len_max + 1 + version_len_max;  // "name@version"

// --- messages (bytes of the MQTT payload) ---
inline constexpr std::size_t state_report_len_max = 4096;
inline constexpr std::size_t health_summary_len_max = 4096;
inline constexpr std::size_t chunk_get_len_max = 128;
inline constexpr std::size_t chunk_data_len_max = 64 * 1024;
inline constexpr std::size_t chunk_len_max = chunk_data_len_max + 256;
inline constexpr std::size_t evidence_chunk_len_max = 16 * 1024;
inline constexpr std::size_t ack_len_max = 128;
inline constexpr std::size_t assignment_len_max = 2048;  // the payload inside the envelope
inline constexpr std::size_t directive_len_max = 4096;
inline constexpr std::size_t directive_len_texts = 1000;  // longer ones leave out texts of their oldest orders: the MCU's buffer
inline constexpr std::size_t manifest_len_max = 64 * 1024;
inline constexpr std::size_t audit_head_len_max = 128;
inline constexpr std::size_t release_move_len_max = 1024;
inline constexpr std::size_t root_document_len_max = 8 * 1024;
inline constexpr std::size_t root_chain_len_max = 128 * 1024;
inline constexpr std::size_t envelope_overhead_max = 2048;  // Merkle path and signatures
inline constexpr std::size_t envelope_len_max = manifest_len_max + envelope_overhead_max;
inline constexpr std::size_t control_len_max = 256 * 1024;  // one $CONTROL request

// --- lists ---
inline constexpr std::size_t planes_max = 3;
inline constexpr std::size_t files_max = 256;
inline constexpr std::size_t classes_max = 32;           // device classes that one release names as compatible
inline constexpr std::size_t probes_max = 8;
inline constexpr std::size_t recovery_rules_max = 16;
inline constexpr std::size_t requirements_max = 3;
inline constexpr std::size_t orders_max = 16;
inline constexpr std::size_t metrics_max = 32;           // task metrics in one summary
inline constexpr std::size_t latency_buckets_max = 24;
inline constexpr std::size_t signatures_max = 8;
inline constexpr std::size_t root_keys_max = 8;          // per role
inline constexpr std::size_t root_documents_max = 64;    // in a chain
inline constexpr std::size_t merkle_depth_max = 24;
inline constexpr std::uint32_t batch_max = 1u << merkle_depth_max;  // payloads under one signature
inline constexpr std::size_t scopes_max = 32;            // directive scopes that touch one device
inline constexpr std::size_t standing_scopes_max = 65536;  // scopes with standing orders that one broker keeps
inline constexpr std::size_t key_values_max = 32;

// --- conditions (targets, recovery rules) ---
inline constexpr std::size_t condition_text_len_max = 4096;
inline constexpr std::size_t program_len_max = 2048;     // bytecode
inline constexpr std::size_t program_stack_max = 32;
inline constexpr std::size_t condition_depth_max = 32;   // nesting of the source
inline constexpr std::size_t list_literal_max = 256;

// --- rules ---
inline constexpr std::size_t rule_text_len_max = 64 * 1024;
inline constexpr std::size_t waves_max = 32;
inline constexpr std::size_t guardrails_max = 16;        // of one rule
inline constexpr std::size_t windows_max = 16;           // of one rule
inline constexpr std::size_t segments_max = 1024;        // of one guardrail
inline constexpr std::size_t diagnostics_max = 100;      // errors reported for one file
inline constexpr std::size_t rollouts_max = 256;         // known to one broker, ended ones included
inline constexpr std::size_t group_stops_max = 16;       // groups that stand still in one rollout
inline constexpr std::size_t cancelled_devices_max = 64;  // single devices taken out of one rollout
inline constexpr std::size_t overridden_devices_max = 1024;  // devices with an operator's own release

// --- sizes ---
inline constexpr std::uint64_t file_size_max = std::uint64_t{1} << 40;              // one file of a release
inline constexpr std::uint64_t evidence_bundle_len_max = std::uint64_t{8} << 20;    // one incident of one device
inline constexpr std::uint32_t probe_time_ms_max = 60 * 60 * 1000;                  // each of a probe's times
inline constexpr std::uint32_t activation_within_s_max = 30 * 24 * 60 * 60;         // that a device waits for conditions

// --- readiness: what a release has to show before it is signed ---
inline constexpr std::size_t evidence_files_max = 32;    // of one release
inline constexpr std::uint64_t evidence_file_len_max = std::uint64_t{64} << 20;
inline constexpr std::size_t judged_file_len_max = std::size_t{16} << 20;  // one that a policy looks into, read whole
inline constexpr std::size_t policy_items_max = 64;
inline constexpr std::size_t policy_checks_max = 128;    // of all items
inline constexpr std::size_t readiness_record_len_max = 256 * 1024;
inline constexpr std::size_t required_policies_max = 32;  // that one broker asks for

// --- flow ---
inline constexpr std::size_t chunk_window_max = 16;      // requests of one client without an answer

static_assert(chunk_window_max * chunk_len_max <= 2u * 1024 * 1024, "one client may not hold more than 2 MiB of answers");
static_assert(state_report_len_max % 8 == 0 && health_summary_len_max % 8 == 0, "aligned copies are made in 8-byte steps");

}  // namespace muster::limits
