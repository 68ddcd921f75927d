// Where the build put what the end-to-end tests run. Tests only; constants.
#pragma once

#include <string>

namespace muster::e2e::programs {

inline const std::string mosquitto = MUSTER_MOSQUITTO;
inline const std::string plugin = MUSTER_PLUGIN;
inline const std::string edge = MUSTER_EDGE;
inline const std::string ctl = MUSTER_CTL;
inline const std::string lib_folder = MUSTER_LIB_DIR;                   // where mosquitto_ctrl_muster.so lies
inline const std::string probe = MUSTER_PROBE;                          // tests/e2e/programs/probe_good_file.cpp
inline const std::string sanitizer = MUSTER_SANITIZER;                  // what this tree is built with; may be empty
inline const std::string sanitizer_runtime = MUSTER_SANITIZER_RUNTIME;  // its shared library
inline const std::string cxx_runtime = MUSTER_CXX_RUNTIME;              // libstdc++; empty without a sanitizer
inline const std::string suppressions = MUSTER_SUPPRESSIONS;            // the folder tests/memory
inline const std::string note_call = MUSTER_NOTE_CALL;                  // tests/e2e/programs/note_call.cpp
inline const std::string clock_shim = MUSTER_CLOCK_SHIM;                // tests/e2e/programs/clock_shim.cpp

}  // namespace muster::e2e::programs
