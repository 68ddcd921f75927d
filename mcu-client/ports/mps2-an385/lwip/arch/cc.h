// What lwIP asks of a compiler and a chip: everything has a default but these.
#pragma once

#include <stdint.h>
#include <stdlib.h>

// Ports and sequence numbers that an outsider does not guess: see net.cpp.
#ifdef __cplusplus
extern "C"
#endif
uint32_t muster_random_word(void);
#define LWIP_RAND() muster_random_word()

#define LWIP_PLATFORM_DIAG(x) \
  do {                        \
  } while (0)
#define LWIP_PLATFORM_ASSERT(x) abort()
