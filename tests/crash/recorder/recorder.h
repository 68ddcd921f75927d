// Inside the recorder: what its calls share. The calls themselves are in files.c and names.c. C; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/crash/recorder/trace_format.h"

#pragma GCC visibility push(hidden)

enum { recorder_path_max = 1024 };

/* One operation, as it goes into the trace. */
struct recorder_call {
  uint16_t kind, flags;
  int32_t handle;
  uint64_t offset;
  const char *path, *other;
  const void* data;
  size_t data_len;
};

/* Makes `path` absolute in `full` (recorder_path_max bytes); gives its place below the folder, or NULL. */
const char* recorder_place(int folder, const char* path, char* full);

/* The handle of what was opened below the folder; 0 for everything else. */
int32_t recorder_handle_of(int fd);
int32_t recorder_remember(int fd);
void recorder_forget(int fd);
void recorder_duplicate(int from, int to);

/* Around each operation: lock, begin (gives its number, or ends the process), the call itself, end (writes it down if
 * it was done, or ends the process, and unlocks). */
void recorder_lock(void);
uint32_t recorder_begin(void);
int recorder_halves(uint32_t number); /* only half of this write is to be done */
void recorder_end(const struct recorder_call* what, uint32_t number, int done);

/* A call that the model could not repeat: the test that reads the trace fails. */
void recorder_foreign(const char* name);

#pragma GCC visibility pop
