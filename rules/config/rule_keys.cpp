// The keys of a rule file, but for its guardrails.
#include "rules/config/keys.h"
#include "rules/engine/rule.h"
#include "schemas/limits.h"

namespace muster::rules::keys {

namespace {

constexpr std::uint64_t day_s = 86'400;
constexpr std::uint64_t whole_ppm = 1'000'000;

constexpr std::string_view planes[] = {"firmware", "model", "config"};
constexpr std::string_view strategies[] = {"big_bang", "percentage", "device_class", "regional"};
constexpr std::string_view risks[] = {"low", "medium", "high"};
constexpr std::string_view gates[] = {"auto", "manual"};
constexpr std::string_view on_aborts[] = {"keep", "revert"};
constexpr std::string_view wave_shares[] = {"percent", "devices", "ring"};
constexpr std::string_view makes_waves[] = {"waves", "strategy", "risk"};
constexpr std::string_view halt_limits[] = {"failed_devices", "failed_percent", "failed_in_a_row"};
constexpr std::string_view pace_limits[] = {"per_minute", "per_site", "at_once", "jitter"};

constexpr Key version_keys[] = {
    {.name = "firmware", .form = Form::release, .doc = "The firmware that devices are to run.", .absent = "left alone"},
    {.name = "model", .form = Form::release, .doc = "The model that devices are to run.", .absent = "left alone"},
    {.name = "config",
     .form = Form::release,
     .doc = "The configuration that devices are to run, with its recovery policy.",
     .absent = "left alone"},
};

constexpr Key wave_keys[] = {
    {.name = "name",
     .form = Form::id,
     .doc = "What people and messages call it; different for each wave.",
     .required = true,
     .example = "name: canary",
     .what = "the name of a wave"},
    {.name = "percent",
     .form = Form::integer,
     .doc = "How much of all targets this wave and those before it reach together; it grows from wave to wave.",
     .absent = "`devices` or `ring` instead",
     .min = 1,
     .max = 100},
    {.name = "devices",
     .form = Form::integer,
     .doc = "So many targets instead of a share, or all where there are fewer; those of earlier waves count. Before "
            "the first `percent`.",
     .absent = "`percent` or `ring` instead",
     .min = 1,
     .max = wave_devices_max},
    {.name = "ring",
     .form = Form::device_condition,
     .doc = "The targets for which this is true, instead of a share. Rings come before the first `percent`.",
     .absent = "`percent` or `devices` instead"},
    {.name = "gate",
     .form = Form::word,
     .doc = "What it takes to leave this wave when its devices are done: nothing more, or a person's approval.",
     .fallback = "auto",
     .words = gates},
    {.name = "approvers",
     .form = Form::integer,
     .doc = "How many different operators have to approve a wave with `gate: manual`.",
     .fallback = "1",
     .min = 1,
     .max = approvers_max},
    {.name = "soak",
     .form = Form::duration,
     .doc = "How long each device of the wave watches itself after its probes passed, before it counts as done.",
     .fallback = "0s",
     .max = 30 * day_s},
    {.name = "rehearse",
     .form = Form::flag,
     .doc = "In the first wave: each device of it takes the versions, goes back to what it ran, and takes them again "
            "before it counts as done.",
     .see = "#rehearsing-the-way-back",
     .fallback = "false"},
};

constexpr Key rehearse_keys[] = {
    {.name = "devices",
     .form = Form::integer,
     .doc = "How many devices rehearse.",
     .required = true,
     .example = "devices: 2",
     .min = 1,
     .max = wave_devices_max},
    {.name = "soak",
     .form = Form::duration,
     .doc = "How long each of them watches itself each time that it has taken the versions.",
     .absent = "the `soak` of the first wave",
     .max = 30 * day_s},
};

constexpr Key halt_keys[] = {
    {.name = "failed_devices",
     .form = Form::integer,
     .doc = "No further device is assigned when so many have failed and nobody has acknowledged it.",
     .absent = "not a limit",
     .min = 1,
     .max = 1'000'000},
    {.name = "failed_percent",
     .form = Form::percentage,
     .doc = "The same for a share of the devices that were assigned so far. Of the first few a single one is a large "
            "share.",
     .absent = "not a limit",
     .min = 1,
     .max = whole_ppm},
    {.name = "failed_in_a_row",
     .form = Form::integer,
     .doc = "The same for so many failures one after the other, in the order in which attempts end.",
     .absent = "not a limit",
     .min = 1,
     .max = 1'000'000},
};

constexpr Key pace_keys[] = {
    {.name = "per_minute",
     .form = Form::integer,
     .doc = "At most so many devices are assigned in any minute, evenly: a sixtieth of it, rounded up, in each second. "
            "Devices that are taken back count too, but wait for nobody.",
     .absent = "no limit",
     .min = 1,
     .max = 10'000'000},
    {.name = "per_site",
     .form = Form::integer,
     .doc =
         "At most so many devices of one `site` are at work at once. One that has failed or is unreachable is not at "
         "work.",
     .absent = "no limit",
     .min = 1,
     .max = 1'000'000},
    {.name = "at_once",
     .form = Form::integer,
     .doc = "At most so many devices of the rollout are at work at once, likewise.",
     .absent = "no limit",
     .min = 1,
     .max = 10'000'000},
    {.name = "jitter",
     .form = Form::duration,
     .doc = "Each device waits for a part of this, by chance from `seed` and its id, after its wave opened.",
     .absent = "no wait",
     .min = 1,
     .max = day_s},
};

constexpr Key rollback_keys[] = {
    {.name = "first",
     .form = Form::word,
     .doc = "The plane that goes back before the others; one of `versions`.",
     .absent = "the last of `order`",
     .words = planes},
    {.name = "on_abort",
     .form = Form::word,
     .doc =
         "What `rollout abort` does when it is not told: devices keep what they run, or all that were reached go back.",
     .fallback = "keep",
     .words = on_aborts},
};

constexpr LaterKey later_rollback_keys[] = {
    {"keep_previous_for", "Until then a device keeps its previous release until the next one replaces it"}};

constexpr Key rule_keys[] = {
    {.name = "rollout",
     .form = Form::id,
     .doc = "Its name, which no other rollout of the broker has.",
     .required = true,
     .example = "rollout: NAME",
     .what = "the name of a rollout"},
    {.name = "targets",
     .form = Form::device_condition,
     .doc = "The devices that are to get it; `true` for all.",
     .required = true,
     .example = "targets: device.class == \"rk3566\", or targets: true for all devices"},
    {.name = "versions",
     .form = Form::map,
     .doc = "What they are to run: one release for each plane that changes, at least one.",
     .required = true,
     .example = "versions: { model: NAME@VERSION }",
     .keys = &versions},
    {.name = "order",
     .form = Form::word,
     .doc = "The order of activation on each device: every plane of `versions`, once.",
     .absent = "firmware, model, config",
     .words = planes,
     .items_min = 1,
     .items_max = 3},
    {.name = "waves",
     .form = Form::map,
     .doc = "The steps, in order.",
     .see = "#waves-and-gates",
     .absent = "required without `strategy` and `risk`",
     .example = "waves: [{ name: canary, percent: 10 }, { name: all, percent: 100 }], or risk: medium for a preset",
     .keys = &wave,
     .items_min = 1,
     .items_max = limits::waves_max},
    {.name = "strategy",
     .form = Form::word,
     .doc = "Makes the waves, instead of `waves`.",
     .see = "#strategies",
     .absent = "`percentage` where there is `risk` and no `waves`",
     .words = strategies,
     .not_beside = "waves"},
    {.name = "risk",
     .form = Form::word,
     .doc =
         "How careful the strategy is. Beside `waves` it gives each wave the `gate` and `soak` that it does not say.",
     .absent = "`medium` where there is `strategy`",
     .words = risks},
    {.name = "percentages",
     .form = Form::integer,
     .doc = "For `strategy: percentage`: the shares of its waves, each counted from the start.",
     .absent = "as `risk` says",
     .what = "a percentage",
     .min = 1,
     .max = 100,
     .items_min = 1,
     .items_max = limits::waves_max,
     .of_strategy = "percentage",
     .not_beside = "waves"},
    {.name = "classes",
     .form = Form::id,
     .doc = "For `strategy: device_class`: one wave for each class, in this order. Other classes get nothing.",
     .absent = "required by that strategy",
     .what = "a class",
     .items_min = 1,
     .items_max = limits::waves_max,
     .of_strategy = "device_class",
     .required_of_it = true,
     .not_beside = "waves"},
    {.name = "regions",
     .form = Form::id,
     .doc = "For `strategy: regional`: one wave for each region, in this order. Other regions get nothing.",
     .absent = "required by that strategy",
     .what = "a region",
     .items_min = 1,
     .items_max = limits::waves_max,
     .of_strategy = "regional",
     .required_of_it = true,
     .not_beside = "waves"},
    {.name = "soak",
     .form = Form::duration,
     .doc = "With a strategy: the `soak` of all its waves.",
     .absent = "as `risk` says",
     .max = 30 * day_s,
     .not_beside = "waves"},
    {.name = "gate",
     .form = Form::word,
     .doc = "With a strategy: the `gate` of all its waves but the last.",
     .absent = "as `risk` says",
     .words = gates,
     .not_beside = "waves"},
    {.name = "rehearse",
     .form = Form::map,
     .doc = "Before all waves a few devices take the versions, go back to what they ran, and take them again.",
     .see = "#rehearsing-the-way-back",
     .absent = "no rehearsal",
     .keys = &rehearse},
    {.name = "halt",
     .form = Form::map,
     .doc = "When the rollout stops by itself, whatever the guardrails say.",
     .absent = "`{ failed_devices: 1 }`",
     .keys = &halt},
    {.name = "pace",
     .form = Form::map,
     .doc = "How fast the devices of an open wave are assigned.",
     .absent = "all at once",
     .keys = &pace},
    {.name = "retry",
     .form = Form::map,
     .doc = "What becomes of a device whose attempt failed for a reason that may pass. Without it such a device has "
            "failed.",
     .see = "#retries",
     .absent = "no second attempt",
     .keys = &retry},
    {.name = "windows",
     .form = Form::map,
     .doc = "Maintenance windows: times of the week in which devices may be assigned, by their own clocks.",
     .see = "#maintenance-windows",
     .absent = "at any time",
     .keys = &window,
     .items_min = 1,
     .items_max = limits::windows_max},
    {.name = "utc_offset",
     .form = Form::utc_offset,
     .doc = "With `windows`: the clock of devices that do not say how far theirs is from UTC.",
     .absent = "`+00:00`, which is UTC"},
    {.name = "guardrails",
     .form = Form::map,
     .doc = "What devices measure, judged.",
     .see = "#guardrails",
     .absent = "none",
     .keys = &guardrail,
     .items_min = 1,
     .items_max = limits::guardrails_max},
    {.name = "baseline_window",
     .form = Form::duration,
     .doc = "How long devices are measured before the first wave opens. Only with a guardrail that compares with what "
            "was before.",
     .fallback = "1h",
     .max = 30 * day_s},
    {.name = "rollback",
     .form = Form::map,
     .doc = "How devices go back.",
     .absent = "`{ on_abort: keep }`",
     .keys = &rollback},
    {.name = "unreachable_after",
     .form = Form::duration,
     .doc = "A device that has been away for so long no longer holds up its wave.",
     .fallback = "60s",
     .min = 1,
     .max = 30 * day_s},
    {.name = "attempt_timeout",
     .form = Form::duration,
     .doc = "A connected device that shows no end of its attempt within this and its wave's `soak` has failed.",
     .fallback = "1h",
     .min = 1,
     .max = 30 * day_s},
    {.name = "seed",
     .form = Form::integer,
     .doc = "Which devices come first: the same seed and ids give the same cohorts, another seed gives others.",
     .fallback = "0",
     .max = UINT64_MAX},
};

}  // namespace

constexpr Section versions{"versions", version_keys};
constexpr Section wave{"a wave", wave_keys, {}, wave_shares};
constexpr Section rehearse{"rehearse", rehearse_keys};
constexpr Section halt{"halt", halt_keys, {}, {}, halt_limits};
constexpr Section pace{"pace", pace_keys, {}, {}, pace_limits};
constexpr Section rollback{"rollback", rollback_keys, later_rollback_keys};
constexpr Section rule{"a rule", rule_keys, {}, {}, makes_waves};

}  // namespace muster::rules::keys
