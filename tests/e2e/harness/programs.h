// Where the build put what the end-to-end tests run. Tests only; constants.
#pragma once

#include <string>

namespace muster::e2e::programs {

inline const std::string mosquitto = MUSTER_MOSQUITTO;
inline const std::string plugin = MUSTER_PLUGIN;
inline const std::string edge = MUSTER_EDGE;
inline const std::string ctl = MUSTER_CTL;
inline const std::string lib_folder = MUSTER_LIB_DIR;   // where mosquitto_ctrl_muster.so lies
inline const std::string probe = MUSTER_PROBE;          // tests/e2e/programs/probe_good_file.cpp
inline const std::string note_call = MUSTER_NOTE_CALL;  // tests/e2e/programs/note_call.cpp

}  // namespace muster::e2e::programs
