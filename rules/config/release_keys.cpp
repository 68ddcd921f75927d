// The keys of a release file.
#include "rules/config/keys.h"
#include "rules/config/load_release.h"
#include "schemas/limits.h"

namespace muster::rules::keys {

namespace {

constexpr std::uint64_t hour_ms = 3'600'000;

constexpr std::string_view planes[] = {"firmware", "model", "config"};
// In the order of RecoveryAction, without none.
constexpr std::string_view actions[] = {"switch_to_degraded_model", "restart_ingest_pipeline", "drop_to_safe_mode",
                                        "rollback_release", "restart_workload"};
constexpr std::string_view probe_kinds[] = {"exec", "http", "file"};  // in the order of ProbeSpec::Kind

constexpr Key requirement_keys[] = {
    {.name = "firmware",
     .form = Form::minimum_version,
     .doc = "The least firmware it works with.",
     .absent = "any",
     .example = ">= 2.1.0"},
    {.name = "model",
     .form = Form::minimum_version,
     .doc = "The least model it works with.",
     .absent = "any",
     .example = ">= 2.1.0"},
    {.name = "config",
     .form = Form::minimum_version,
     .doc = "The least configuration it works with.",
     .absent = "any",
     .example = ">= 2.1.0"},
};

constexpr Key compatible_keys[] = {
    {.name = "class",
     .form = Form::id,
     .doc = "Classes it runs on; a device needs to be of one of them.",
     .absent = "any",
     .items_min = 1,
     .items_max = 16},
    {.name = "accelerators",
     .form = Form::id,
     .doc = "Accelerators it uses; a device needs all of them.",
     .absent = "none",
     .items_min = 1,
     .items_max = limits::accelerators_max},
    {.name = "memory_mb",
     .form = Form::minimum_integer,
     .doc = "The least memory a device needs, in MiB.",
     .absent = "any",
     .example = ">= 1024",
     .min = 1,
     .max = UINT32_MAX},
    {.name = "runtime",
     .form = Form::text,
     .doc = "The runtime it needs: a device is assigned it only when it names this one among its `runtimes`. Also "
            "reported as `runtime_version`.",
     .absent = "any",
     .max = limits::attribute_len_max},
    {.name = "os_version",
     .form = Form::id,
     .doc = "Operating systems it runs on; a device is assigned it only when its `os_version` is one of them.",
     .absent = "any",
     .items_min = 1,
     .items_max = 16},
};

constexpr Key runtime_keys[] = {
    {.name = "tokenizer", .doc = "The tokenizer it was made with.", .absent = "none", .max = limits::text_len_max},
    {.name = "preprocessing", .doc = "What is done to its input.", .absent = "none", .max = limits::text_len_max},
    {.name = "postprocessing", .doc = "What is done to its output.", .absent = "none", .max = limits::text_len_max},
    {.name = "delegate",
     .doc = "What is meant to run it: npu, gpu, cpu. What does run it the workload says, as `delegate_active`; a "
            "guardrail on that compares the two.",
     .absent = "none",
     .max = limits::text_len_max},
    {.name = "pipeline_checksum",
     .doc = "SHA-256, as 64 hex digits, of the files that a device's configuration lists as `pipeline`, one after the "
            "other. It is compared after the swap, before the first probe; a device with another pipeline goes back. "
            "Linux devices only.",
     .absent = "not compared",
     .max = 64},
};

constexpr Key probe_keys[] = {
    {.name = "exec",
     .form = Form::id,
     .doc = "The name of a program on the device's allowlist; it runs without a shell and gets the release's folder as "
            "its last argument.",
     .absent = "`http` or `file` instead"},
    {.name = "http",
     .form = Form::url,
     .doc = "The workload on the device itself, without TLS; any 2xx answer passes.",
     .absent = "`exec` or `file` instead"},
    {.name = "file", .form = Form::probed_file, .doc = "Passes when it exists.", .absent = "`exec` or `http` instead"},
    {.name = "initial_delay",
     .form = Form::fine_duration,
     .doc = "How long the workload has before the first attempt.",
     .fallback = "0s",
     .max = hour_ms},
    {.name = "timeout",
     .form = Form::fine_duration,
     .doc = "How long one attempt may take.",
     .fallback = "10s",
     .min = 1,
     .max = hour_ms},
    {.name = "attempts",
     .form = Form::integer,
     .doc = "How often it is tried; one that passes is enough.",
     .fallback = "1",
     .min = 1,
     .max = 100},
    {.name = "interval", .form = Form::fine_duration, .doc = "Between attempts.", .fallback = "1s", .max = hour_ms},
};

constexpr Key shadow_keys[] = {
    {.name = "exec",
     .form = Form::id,
     .doc = "The name of a program on the device's allowlist that runs the release beside the active one, without a "
            "shell, until it is asked to end; it gets the release's folder as its last argument and its own StatsD "
            "socket in `MUSTER_STATSD`.",
     .required = true,
     .example = "exec: replay-camera"},
};

constexpr Key activation_keys[] = {
    {.name = "fetch_when",
     .form = Form::reading_condition,
     .doc = "Over the device's own readings: it downloads the files only while it is true.",
     .see = "conditions.md#names",
     .absent = "at once"},
    {.name = "swap_when",
     .form = Form::reading_condition,
     .doc = "Likewise: with everything fetched and verified it waits until this is true before it switches anything.",
     .see = "conditions.md#names",
     .absent = "at once"},
    {.name = "within",
     .form = Form::duration,
     .doc = "How long after it first had to wait a device gives up; its attempt has failed with `conditions_unmet` "
            "then.",
     .fallback = "7d",
     .min = 60,
     .max = limits::activation_within_s_max},
};
constexpr std::string_view activation_conditions[] = {"fetch_when", "swap_when"};

constexpr Key recovery_keys[] = {
    {.name = "when",
     .form = Form::reading_condition,
     .doc = "Over the device's own readings: where it is true, the device acts.",
     .see = "conditions.md#names",
     .required = true,
     .example = "when: crash_loop_count > 3"},
    {.name = "do",
     .form = Form::word,
     .doc = "What the device does by itself, also without a network.",
     .required = true,
     .example = "do: rollback_release",
     .words = actions},
};

constexpr Key release_keys[] = {
    {.name = "release",
     .form = Form::release,
     .doc = "Its name and version.",
     .required = true,
     .example = "release: NAME@VERSION"},
    {.name = "plane",
     .form = Form::word,
     .doc = "What kind of thing it is.",
     .required = true,
     .example = "plane: firmware, model or config",
     .words = planes},
    {.name = "files",
     .form = Form::file,
     .doc = "What devices get: paths below the release file's folder.",
     .absent = "required, but for a config release with `recovery`",
     .example = "files: [FILE]",
     .max = limits::file_name_len_max,
     .items_min = 1,
     .items_max = limits::files_max},
    {.name = "security_version",
     .form = Form::integer,
     .doc = "A device never goes under the highest one it has committed on the plane.",
     .fallback = "0",
     .max = UINT32_MAX},
    {.name = "requires",
     .form = Form::map,
     .doc = "What other planes must have at least.",
     .absent = "nothing",
     .keys = &requirements},
    {.name = "compatible", .form = Form::map, .doc = "Which devices can run it.", .absent = "all", .keys = &compatible},
    {.name = "runtime",
     .form = Form::map,
     .doc = "What must stay together for the model's numbers to mean the same.",
     .absent = "not said",
     .keys = &runtime},
    {.name = "probes",
     .form = Form::map,
     .doc = "How a device finds out that it works: all must pass.",
     .see = "#probes",
     .absent = "none",
     .keys = &probe,
     .items_min = 1,
     .items_max = limits::probes_max},
    {.name = "shadow",
     .form = Form::map,
     .doc = "How a device runs it beside the active release, without switching to it.",
     .absent = "it can not run in the shadow",
     .keys = &release_shadow},
    {.name = "activate",
     .form = Form::map,
     .doc = "What has to hold on a device before it downloads the release or switches to it: a battery that is full "
            "enough, a link that costs nothing, nobody who uses it.",
     .see = "#conditions-on-the-device",
     .absent = "at once",
     .keys = &activation},
    {.name = "recovery",
     .form = Form::map,
     .doc = "What a device does about its own troubles, in order of importance: when several are met, the first acts. "
            "The config plane alone.",
     .see = "#recovery-rules",
     .absent = "none",
     .keys = &recovery_rule,
     .items_min = 1,
     .items_max = limits::recovery_rules_max},
    {.name = "expires", .form = Form::day, .doc = "Devices refuse it when this day has ended, UTC.", .absent = "never"},
    {.name = "provenance",
     .form = Form::texts,
     .doc = "Where it comes from, in words of your own: `training_data: snapshot-7`.",
     .absent = "none",
     .max = limits::text_len_max,
     .items_max = limits::key_values_max},
    {.name = "policy",
     .form = Form::text,
     .doc = "The file of the readiness policy that the release has to pass.",
     .see = "evidence-gate.md",
     .absent = "none",
     .max = policy_path_len_max},
    {.name = "evidence",
     .form = Form::file,
     .doc = "Files that show what was measured: what the policy judges.",
     .absent = "none",
     .max = limits::file_name_len_max,
     .items_min = 1,
     .items_max = limits::evidence_files_max},
};

}  // namespace

constexpr Section requirements{"requires", requirement_keys, {}, {}, "requires: { firmware: \">= 1.4.0\" }"};
constexpr Section compatible{"compatible", compatible_keys, {}, {}, "compatible: { class: [rk3566] }"};
constexpr Section runtime{"runtime", runtime_keys};
constexpr Section probe{"a probe", probe_keys, probe_kinds, {}, "{ exec: golden-replay, timeout: 30s }"};
constexpr Section release_shadow{"shadow", shadow_keys};
constexpr Section activation{"activate", activation_keys, {}, activation_conditions};
constexpr Section recovery_rule{"a recovery rule", recovery_keys};
constexpr Section release{"a release", release_keys};

}  // namespace muster::rules::keys
