// Bugs are asserts, and in tests an assert ends the program. In a broker it must not: it would take every client down.
// Code that runs inside catch_bugs() comes back here instead, when an assert fails or an exception gets away, and the
// caller stops deciding (fail closed). Any thread; calls nest.
#pragma once

#include <string>
#include <type_traits>

namespace muster::broker {

// What went wrong, in words; empty when `action` ran to its end. After a failed assert nothing between here and there
// was cleaned up: whatever the action was changing must not be used for decisions again. REQUIRES: the action holds no
// lock where it asserts.
[[nodiscard]] std::string catch_bugs_of(void (*action)(void*), void* context);

template <typename Action>
[[nodiscard]] std::string catch_bugs(Action&& action) {
  using Plain = std::remove_reference_t<Action>;
  return catch_bugs_of([](void* context) { (*static_cast<Plain*>(context))(); },
                       const_cast<std::remove_const_t<Plain>*>(&action));
}

}  // namespace muster::broker
