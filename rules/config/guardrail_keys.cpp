// The keys of a guardrail in a rule file.
#include "rules/config/keys.h"

namespace muster::rules::keys {

namespace {

constexpr std::uint64_t day_s = 86'400;
constexpr std::uint64_t whole_ppm = 1'000'000;

constexpr std::string_view againsts[] = {"absolute", "baseline", "control"};
constexpr std::string_view on_fails[] = {"pause", "rollback", "freeze_segment", "freeze_release"};
constexpr std::string_view attributes[] = {"class", "region", "site", "customer", "os_version", "memory_tier"};
constexpr std::string_view hold[] = {"hold"};
constexpr std::string_view thermal_limits[] = {"nominal", "fair", "serious"};
constexpr std::string_view metric_or_when[] = {"metric", "when"};

constexpr Key on_inconclusive_keys[] = {
    {.name = "advance_after",
     .form = Form::duration,
     .doc = "A wave without a verdict goes on when it has been open for so long. Longer than `soak` and `observe` "
            "together in every wave with `gate: auto`.",
     .required = true,
     .example = "advance_after: 48h, or write on_inconclusive: hold",
     .min = 1,
     .max = 90 * day_s},
};

constexpr Key guardrail_keys[] = {
    {.name = "name",
     .form = Form::id,
     .doc = "What people and messages call it; different for each guardrail.",
     .required = true,
     .example = "name: latency",
     .what = "the name of a guardrail"},
    {.name = "metric",
     .form = Form::metric,
     .doc = "What is judged: a standard key, `delegate_active`, or a task metric by the name under which the workload "
            "sends it.",
     .absent = "`when` instead",
     .what = "the name of a metric"},
    {.name = "when",
     .form = Form::reading_condition,
     .doc = "A condition over the device's readings instead of a metric: where it is true, the device exceeds. Takes "
            "neither `against` nor a limit.",
     .absent = "`metric` instead"},
    {.name = "against",
     .form = Form::word,
     .doc = "What the metric is compared with: a fixed limit, the device's own readings before the update, or those "
            "corrected by how the devices that no wave has reached have changed. States take `absolute` alone, "
            "`delegate_active` takes `baseline` alone.",
     .fallback = "absolute",
     .words = againsts},
    {.name = "max",
     .form = Form::number,
     .doc =
         "The highest value that does not exceed, in the metric's own unit; `absolute` alone. `thermal` takes a word, "
         "and `error_code`, `crash_count` and `missing_inputs` take a whole number up to 1000000, 0 when it is left "
         "out.",
     .absent = "`absolute` needs it or `min`",
     .max = 999'999'999,  // readings are cut at a thousand million: none would exceed more
     .words = thermal_limits},
    {.name = "min",
     .form = Form::number,
     .doc = "The lowest value that does not exceed, for metrics of which less is worse; `absolute` alone.",
     .absent = "`absolute` needs it or `max`",
     .max = 999'999'999},
    {.name = "max_increase",
     .form = Form::percentage,
     .doc = "The largest increase that does not exceed; `baseline` and `control` alone.",
     .absent = "they need it or `max_decrease`",
     .min = 1,
     .max = 100 * whole_ppm},
    {.name = "max_decrease",
     .form = Form::percentage,
     .doc = "The largest decrease that does not exceed, for metrics of which less is worse; `baseline` and `control` "
            "alone.",
     .absent = "they need it or `max_increase`",
     .min = 1,
     .max = whole_ppm - 1},
    {.name = "tolerate",
     .form = Form::percentage,
     .doc = "The share of the devices that may exceed.",
     .fallback = "5%",
     .min = 1,
     .max = whole_ppm - 1},
    {.name = "confidence",
     .form = Form::percentage,
     .doc =
         "How sure a verdict is: at `99%`, at most one rollout in a hundred fails although it is fine, and as few pass "
         "although they are not.",
     .fallback = "99%",
     .min = whole_ppm / 2 + 1,
     .max = whole_ppm - 1},
    {.name = "by",
     .form = Form::tag_group,
     .doc = "Each segment, the devices with the same values of these, is judged alone. `tag.locale` is what follows "
            "`locale.` in a device's tags: `de` for `locale.de`.",
     .absent = "all targets together",
     .example = "by: [region]",
     .words = attributes,
     .items_min = 1,
     .items_max = 3},
    {.name = "on_fail",
     .form = Form::word,
     .doc = "What follows a fail, at once. `freeze_segment` needs `by`.",
     .fallback = "pause",
     .words = on_fails},
    {.name = "observe",
     .form = Form::duration,
     .doc = "How long a device is measured, once done, before it votes. Choose several times the interval at which "
            "devices "
            "report health: a metric that is missing for a whole `observe` is a vote against.",
     .fallback = "10m",
     .min = 1,
     .max = 30 * day_s},
    {.name = "silent_after",
     .form = Form::duration,
     .doc = "A device that sends no health for so long votes against. So does one that was lost so long ago while it "
            "changed what it runs.",
     .fallback = "1h",
     .min = 1,
     .max = 30 * day_s},
    {.name = "on_inconclusive",
     .form = Form::map,
     .doc = "What a wave does whose devices are done while the guardrail has no verdict.",
     .fallback = "hold",
     .words = hold,
     .keys = &on_inconclusive},
};

}  // namespace

constexpr Section on_inconclusive{"on_inconclusive", on_inconclusive_keys};
constexpr Section guardrail{
    "a guardrail", guardrail_keys, metric_or_when, {}, "{ name: latency, metric: p95_ms, max: 180 }"};

}  // namespace muster::rules::keys
