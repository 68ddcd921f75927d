// The trace that the recorder writes and the disk model reads: one head a record, then `path`, `other` and `data`,
// without padding. C, because the recorder is; constants and plain data.
#pragma once

#include <stdint.h>

enum muster_trace_kind {
  MUSTER_TRACE_OPEN = 1,     /* path; number is 0 unless the call made or emptied the file */
  MUSTER_TRACE_WRITE = 2,    /* handle, offset, data */
  MUSTER_TRACE_TRUNCATE = 3, /* handle, offset = new size */
  MUSTER_TRACE_ALLOCATE = 4, /* handle, offset = size it has afterwards at least */
  MUSTER_TRACE_SYNC = 5,     /* handle, of a file or a folder */
  MUSTER_TRACE_RENAME = 6,   /* path, other = new path */
  MUSTER_TRACE_LINK = 7,     /* path, other = new path */
  MUSTER_TRACE_SYMLINK = 8,  /* path = new path, other = target */
  MUSTER_TRACE_UNLINK = 9,   /* path */
  MUSTER_TRACE_MKDIR = 10,   /* path */
  MUSTER_TRACE_RMDIR = 11,   /* path */
  MUSTER_TRACE_HINT = 12,    /* handle: writing was begun without waiting; makes nothing durable */
  MUSTER_TRACE_FOREIGN = 13  /* a call that the model knows nothing of; path names it. Fails the test */
};

enum muster_trace_flag {
  MUSTER_TRACE_CREATED = 1, /* OPEN made the file */
  MUSTER_TRACE_EMPTIED = 2  /* OPEN emptied it */
};

struct muster_trace_head {
  uint32_t size;   /* of the whole record */
  uint32_t number; /* the operation's number from 1; 0 for what changes nothing */
  uint16_t kind, flags;
  int32_t handle;
  uint64_t offset;
  uint32_t path_len, other_len, data_len;
  uint32_t process;
};
