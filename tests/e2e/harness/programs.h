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
inline const std::string shadow_work = MUSTER_SHADOW_WORK;              // tests/e2e/programs/shadow_work.cpp
inline const std::string clock_shim = MUSTER_CLOCK_SHIM;                // tests/e2e/programs/clock_shim.cpp
inline const std::string loop_relay = MUSTER_LOOP_RELAY;                // muster-mcu-relay
inline const std::string mcu = MUSTER_MCU;                              // muster-mcu, the MCU client as a process
inline const std::string classifier_train = MUSTER_CLASSIFIER_TRAIN;    // muster-classifier-train
inline const std::string provision = MUSTER_PROVISION;                  // muster-mcu-provision
inline const std::string mcu_build = MUSTER_MCU_BUILD;                  // bootloader and firmware for the board

}  // namespace muster::e2e::programs
