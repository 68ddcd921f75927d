// The order of version names, by which requirements between planes are judged. Freestanding C++17, no allocation; any
// thread.
#pragma once

#include <string_view>

namespace muster {

// Compares two versions part by part ('.', '_' and '-' part them): numbers by value, words by their letters, a number
// after a word, and a missing part before a number but after a word, so that 2.1 < 2.1.1, 2.9 < 2.10 and 2.1.0-rc1
// < 2.1.0. Negative, 0 or positive, as a is older, equal or newer.
[[nodiscard]] int compare_versions(std::string_view a, std::string_view b);

}  // namespace muster
