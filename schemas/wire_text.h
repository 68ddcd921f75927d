// A string of a message as a view into it. Freestanding C++17, no allocation; any thread.
#pragma once

#include <string_view>

#include <flatbuffers/flatbuffers.h>

namespace muster::wire {

// Empty for a field that is absent. Valid as long as the message's bytes are.
[[nodiscard]] inline std::string_view view(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view() : std::string_view(text->c_str(), text->size());
}

}  // namespace muster::wire
