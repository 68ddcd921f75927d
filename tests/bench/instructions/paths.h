// The paths whose instructions are counted, each a function of its own that does one operation many times. main.cpp
// runs them under callgrind; nothing else does. One thread.
#pragma once

#include <cstddef>

namespace muster::instructions {

inline constexpr std::size_t operations = 1000;  // of each path; after as many that are not counted

struct Path {
  const char* name;                     // as in the records
  void (*prepare)();                    // makes what the operations need; not counted
  void (*operate)(std::size_t number);  // one operation; `number` grows from 0 and never repeats
};

// schemas and rules/condition, rules/engine, broker-plugin. `count` tells how many.
[[nodiscard]] const Path* pure_paths(std::size_t& count);
[[nodiscard]] const Path* plugin_paths(std::size_t& count);

}  // namespace muster::instructions
