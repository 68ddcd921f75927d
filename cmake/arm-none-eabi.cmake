# Firmware for Arm Cortex-M3 by Debian's gcc-arm-none-eabi, with newlib's small variant and no operating system.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)  # a program would need a board's linker script

set(shared_flags "-mcpu=cortex-m3 -mthumb -ffunction-sections -fdata-sections -fcallgraph-info=su --specs=nano.specs")
set(CMAKE_C_FLAGS_INIT "${shared_flags}")
set(CMAKE_CXX_FLAGS_INIT
  "${shared_flags} -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit -fno-unwind-tables -fno-asynchronous-unwind-tables")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostartfiles -Wl,--gc-sections,--fatal-warnings")
