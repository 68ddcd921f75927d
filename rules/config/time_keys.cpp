// The keys of a rule file that say when: when a device is tried again, and when it may be assigned.
#include "rules/config/keys.h"
#include "rules/engine/retry.h"

namespace muster::rules::keys {

namespace {

constexpr std::uint64_t day_s = 86'400;

constexpr std::string_view days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

constexpr Key retry_by_error_keys[] = {
    {.name = "on",
     .form = Form::word,
     .doc = "The errors that it speaks of; each stands in one of the list at most.",
     .see = "#errors-to-try-again-after",
     .required = true,
     .example = "on: [disk_full]",
     .words = retry_reason_names,
     .items_min = 1,
     .items_max = retry_reason_names.size()},
    {.name = "attempts",
     .form = Form::integer,
     .doc = "How many attempts a device has in all, when the last one ended with one of these.",
     .absent = "as `retry.attempts`",
     .min = 2,
     .max = attempts_max},
    {.name = "wait",
     .form = Form::duration,
     .doc = "As `retry.wait`, after these errors.",
     .absent = "as `retry.wait`",
     .min = 1,
     .max = 7 * day_s},
    {.name = "wait_max",
     .form = Form::duration,
     .doc = "How long it waits at most after these errors.",
     .absent = "as `retry.wait_max`",
     .min = 1,
     .max = 7 * day_s},
};

constexpr Key retry_keys[] = {
    {.name = "attempts",
     .form = Form::integer,
     .doc = "How many attempts a device has in all. When the last one fails too, the device has failed.",
     .required = true,
     .example = "attempts: 3",
     .min = 2,
     .max = attempts_max},
    {.name = "wait",
     .form = Form::duration,
     .doc = "How long a device waits before its second attempt; twice as long before each further one. Each takes "
            "between half of it and all of it, by chance from `seed` and its id.",
     .fallback = "10m",
     .min = 1,
     .max = day_s},
    {.name = "wait_max",
     .form = Form::duration,
     .doc = "How long it waits at most.",
     .fallback = "6h",
     .min = 1,
     .max = 7 * day_s},
    {.name = "on",
     .form = Form::word,
     .doc = "The errors after which it is tried again; after any other the device has failed at once.",
     .see = "#errors-to-try-again-after",
     .absent = "`fetch_failed`, `fetch_timeout`, `disk_full`",
     .example = "on: [fetch_failed, disk_full]",
     .words = retry_reason_names,
     .items_min = 1,
     .items_max = retry_reason_names.size()},
    {.name = "by_error",
     .form = Form::map,
     .doc = "Errors that want another patience: a full disk is not empty again in ten minutes. Each says which, and "
            "what differs. They need not stand in `on`.",
     .absent = "all alike",
     .example = "by_error: [{ on: [disk_full], wait: 6h }]",
     .keys = &retry_by_error,
     .items_min = 1,
     .items_max = retry_reason_names.size()},
};

constexpr Key window_keys[] = {
    {.name = "days",
     .form = Form::word,
     .doc = "The days on which it opens.",
     .absent = "all",
     .example = "days: [sat, sun]",
     .words = days,
     .items_min = 1,
     .items_max = 7},
    {.name = "from",
     .form = Form::time_of_day,
     .doc = "When it opens, by the device's clock on the wall.",
     .required = true,
     .example = "from: \"02:00\""},
    {.name = "to",
     .form = Form::time_of_day,
     .doc = "When it closes; before `from` it is a time of the next day. `24:00` is the end of the day.",
     .required = true,
     .example = "to: \"05:00\""},
};

}  // namespace

constexpr Section retry{"retry", retry_keys, {}, {}, "retry: { attempts: 3 }"};
constexpr Section retry_by_error{"an entry of by_error", retry_by_error_keys, {}, {}, "{ on: [disk_full], wait: 6h }"};
constexpr Section window{"a window", window_keys, {}, {}, "{ from: \"02:00\", to: \"05:00\" }"};

}  // namespace muster::rules::keys
