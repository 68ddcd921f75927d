# Gives every module of Muster the same shape: one static library with the project's warnings, and tests that CTest knows
# by module. Include paths start at the repository's root, so that an include says which module it reaches into
# (#include "rules/engine/engine.h"); tests/house checks the directions.

option(MUSTER_PROGRAMS "Build the plugin, the agent, musterctl and the examples, not only the libraries" ON)
option(MUSTER_TESTS "Tests too; without them neither GoogleTest nor a compiler for boards is needed" ON)
set(MUSTER_SANITIZE "" CACHE STRING "Sanitizers for all targets, as -fsanitize= takes them")
option(MUSTER_PRECOMPILE "Parse the standard library once for all modules; trees without it find what is not included" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(MUSTER_GENERATED_DIR "${CMAKE_BINARY_DIR}/generated")

find_program(MUSTER_CCACHE ccache)
if(MUSTER_CCACHE)
  # The sloppiness is what ccache asks for where precompiled headers are used (its manual, "Precompiled headers").
  set(launcher "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${MUSTER_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(muster_settings INTERFACE)
target_include_directories(muster_settings INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(muster_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  -Wimplicit-fallthrough -Werror)
if(MUSTER_SANITIZE)
  # The instrumentation makes GCC see conversions that nobody wrote; what is a warning is decided by the builds without it.
  target_compile_options(muster_settings INTERFACE -Wno-error -Wno-conversion -Wno-sign-conversion)
  # A program without sanitizers that loads a library with one needs its runtime first (LD_PRELOAD): Mosquitto does.
  string(REGEX MATCH "thread|address" kind "${MUSTER_SANITIZE}")
  string(REGEX REPLACE "^(.).*" "lib\\1san.so" runtime "${kind}")
  execute_process(COMMAND "${CMAKE_CXX_COMPILER}" "-print-file-name=${runtime}"
    OUTPUT_VARIABLE MUSTER_SANITIZER_RUNTIME OUTPUT_STRIP_TRAILING_WHITESPACE)
  execute_process(COMMAND "${CMAKE_CXX_COMPILER}" -print-file-name=libstdc++.so.6
    OUTPUT_VARIABLE MUSTER_CXX_RUNTIME OUTPUT_STRIP_TRAILING_WHITESPACE)
  # No recovery: undefined behaviour ends the test that meets it.
  add_compile_options(-fsanitize=${MUSTER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MUSTER_SANITIZE})
endif()

# What nearly every module includes. A third of a module's compile time is in these headers.
if(MUSTER_PRECOMPILE AND NOT TARGET muster_module_prelude)
  file(WRITE "${CMAKE_BINARY_DIR}/generated/module_prelude.cpp" "")
  add_library(muster_module_prelude STATIC EXCLUDE_FROM_ALL "${CMAKE_BINARY_DIR}/generated/module_prelude.cpp")
  target_link_libraries(muster_module_prelude PRIVATE muster_settings)
  target_precompile_headers(muster_module_prelude PRIVATE
    <algorithm> <array> <chrono> <cstdint> <cstring> <fstream> <functional> <map> <memory> <mutex> <optional> <set> <sstream>
    <string> <string_view> <tl/expected.hpp> <unordered_map> <utility> <variant> <vector>)
endif()

# muster_module(NAME trust SOURCES a.cpp b.cpp DEPENDS muster::schemas [PRIVATE_DEPENDS ...])
# makes the static library muster_trust, called muster::trust by those who depend on it.
function(muster_module)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(muster_${ARG_NAME} STATIC ${ARG_SOURCES})
  add_library(muster::${ARG_NAME} ALIAS muster_${ARG_NAME})
  target_link_libraries(muster_${ARG_NAME} PUBLIC ${ARG_DEPENDS} PRIVATE muster_settings ${ARG_PRIVATE_DEPENDS})
  target_include_directories(muster_${ARG_NAME} PUBLIC "${CMAKE_SOURCE_DIR}")
  if(TARGET muster_module_prelude)
    target_precompile_headers(muster_${ARG_NAME} REUSE_FROM muster_module_prelude)
    # GCC 12 does not know precompiled headers as the system's, and warns of std::string's own copying. Trees without them keep
    # these warnings, and so do modules that are not precompiled.
    set(alone "$<BOOL:$<TARGET_PROPERTY:muster_${ARG_NAME},DISABLE_PRECOMPILE_HEADERS>>")
    target_compile_options(muster_${ARG_NAME} PRIVATE
      "$<$<NOT:${alone}>:-Wno-array-bounds;-Wno-restrict;-Wno-stringop-overflow>")
  endif()
endfunction()

# For a module that is compiled with options of its own, and therefore cannot share what was compiled without them.
function(muster_not_precompiled target)
  set_target_properties(${target} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)
endfunction()

# muster_program(NAME musterctl SOURCES ... DEPENDS ...) makes an executable that lands in <build>/bin. With sanitizers only the tests
# that start it have it built.
function(muster_program)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE muster_settings ${ARG_DEPENDS})
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
  if(MUSTER_SANITIZE)
    set_target_properties(${ARG_NAME} PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endfunction()

# The large headers that tests begin with, parsed once for all of them; and tests are compiled without optimisation. Both together
# halve the time that scripts/test builds on a fresh machine. A program, because its position-independence must be that of the tests.
function(muster_prelude name)
  if(TARGET ${name} OR NOT MUSTER_TESTS)
    return()
  endif()
  file(WRITE "${CMAKE_BINARY_DIR}/generated/test_prelude.cpp" "int main() { return 0; }\n")
  add_executable(${name} EXCLUDE_FROM_ALL "${CMAKE_BINARY_DIR}/generated/test_prelude.cpp")
  target_link_libraries(${name} PRIVATE muster_settings GTest::gmock GTest::gtest_main)
  target_compile_options(${name} PRIVATE -O0)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()
muster_prelude(muster_test_prelude <gmock/gmock.h> <gtest/gtest.h>)
muster_prelude(muster_json_test_prelude <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp>)

# For a static library of which only tests with JSON consist: as muster_test compiles those.
function(muster_compile_as_test library)
  set_target_properties(${library} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${library} PRIVATE -O0 -fPIE)
  target_precompile_headers(${library} REUSE_FROM muster_json_test_prelude)
endfunction()

# muster_test(NAME trust_test LABEL unit SOURCES ... DEPENDS ... [ENVIRONMENT A=b] [TIMEOUT 60] [JSON] [SANITIZED_LONG])
# makes one GoogleTest program, run whole by one CTest test. Labels: unit, scenario, house, sim, crash, fuzz, e2e, bench.
# JSON: most of its sources include <nlohmann/json.hpp>.
# SANITIZED_LONG: in trees with sanitizers it has the label long beside it, as what only scripts/test --long runs; there
# the target long builds it, and all does not.
function(muster_test)
  cmake_parse_arguments(ARG "JSON;SANITIZED_LONG" "NAME;LABEL;TIMEOUT" "SOURCES;DEPENDS;ENVIRONMENT" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE muster_settings ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  target_compile_options(${ARG_NAME} PRIVATE -O0)
  if(ARG_JSON)
    target_precompile_headers(${ARG_NAME} REUSE_FROM muster_json_test_prelude)
  else()
    target_precompile_headers(${ARG_NAME} REUSE_FROM muster_test_prelude)
  endif()
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
    if(MUSTER_SANITIZE)
      set(ARG_TIMEOUT 480)  # ThreadSanitizer on a busy machine
    endif()
  endif()
  # scripts/test shows several build trees in one list: the name says which one a test is of.
  set(test "${ARG_NAME}")
  if(MUSTER_SANITIZE)
    set(test "sanitized.${ARG_NAME}")
    if(ARG_SANITIZED_LONG)
      list(APPEND ARG_LABEL long)
      set_target_properties(${ARG_NAME} PROPERTIES EXCLUDE_FROM_ALL ON)
      add_dependencies(long ${ARG_NAME})
    endif()
    # Slower, but no longer: a race or a leak shows in what happens, not in how often.
    list(APPEND ARG_ENVIRONMENT "MUSTER_LONG=0"
      "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/memory/tsan.supp"
      "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/memory/lsan.supp:print_suppressions=0")
  endif()
  add_test(NAME ${test} COMMAND ${ARG_NAME} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  set_tests_properties(${test} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "${ARG_ENVIRONMENT}")
endfunction()
