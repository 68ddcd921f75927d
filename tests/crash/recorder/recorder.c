/* Preloaded into muster-edge or mosquitto: numbers every call that writes, renames or syncs below one folder, writes it
 * down with its data, and ends the process with SIGKILL at the call it is told to.
 *
 *   MUSTER_RECORD_BELOW  the folder
 *   MUSTER_RECORD_TRACE  the file that takes the trace (trace_format.h); optional
 *   MUSTER_RECORD_CUT    "N before", "N middle" (half of a write is done) or "N after"; optional
 *
 * Any thread. Calls below the folder are done one after the other, so that the trace has their real order. The calls go
 * to the kernel directly, never through the next library: the recorder works from the first instruction on. */
#define _GNU_SOURCE
#include "tests/crash/recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { fd_max = 4096 };

struct opened {
  int32_t handle; /* 0: not below the folder */
  dev_t device;
  ino_t inode;
};

enum cut_when { cut_never, cut_before, cut_middle, cut_after };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct opened table[fd_max];
static char base[recorder_path_max];
static size_t base_len;
static int trace = -1;
static int32_t next_handle = 1;
static uint32_t count;
static uint32_t cut_number;
static enum cut_when cut = cut_never;

__attribute__((constructor)) static void start(void) {
  const char* below = getenv("MUSTER_RECORD_BELOW");
  const char* file = getenv("MUSTER_RECORD_TRACE");
  const char* at = getenv("MUSTER_RECORD_CUT");
  char when[16] = "";
  unsetenv("LD_PRELOAD"); /* what the program starts is its own business */
  if (below == NULL) return;
  snprintf(base, sizeof base, "%s", below);
  base_len = strlen(base);
  if (file != NULL) trace = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (at != NULL && sscanf(at, "%u %15s", &cut_number, when) == 2) {
    cut = strcmp(when, "before") == 0 ? cut_before : strcmp(when, "middle") == 0 ? cut_middle : cut_after;
  }
}

static void die(void) {
  syscall(SYS_kill, (pid_t)syscall(SYS_getpid), SIGKILL);
  for (;;) pause();
}

/* --- what is below the folder --- */

/* The path relative to the folder: "" for the folder itself, NULL for what lies elsewhere. */
static const char* inside(const char* path) {
  if (base_len == 0 || strncmp(path, base, base_len) != 0) return NULL;
  path += base_len;
  if (*path != '\0' && *path != '/') return NULL;
  while (*path == '/') ++path;
  return path;
}

const char* recorder_place(int folder, const char* path, char* full) {
  char at[recorder_path_max] = "";
  if (path == NULL || base_len == 0) return NULL;
  if (path[0] != '/') {
    char link[64];
    ssize_t size = 0;
    if (folder == AT_FDCWD) {
      if (syscall(SYS_getcwd, at, sizeof at) < 0) return NULL;
    } else {
      snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
      size = syscall(SYS_readlinkat, AT_FDCWD, link, at, sizeof at - 1);
      if (size < 0) return NULL;
      at[size] = '\0';
    }
  }
  if (path[0] == '/') {
    if (snprintf(full, recorder_path_max, "%s", path) >= recorder_path_max) return NULL;
  } else if (path[0] == '.' && path[1] == '\0') {
    if (snprintf(full, recorder_path_max, "%s", at) >= recorder_path_max) return NULL;
  } else if (snprintf(full, recorder_path_max, "%s/%s", at, path) >= recorder_path_max) {
    return NULL;
  }
  return inside(full);
}

int32_t recorder_handle_of(int fd) {
  struct stat now;
  const int saved = errno;
  if (fd < 0 || fd >= fd_max || table[fd].handle == 0) return 0;
  if (fstat(fd, &now) != 0 || now.st_ino != table[fd].inode || now.st_dev != table[fd].device) {
    table[fd].handle = 0; /* closed behind our back, and used for something else */
  }
  errno = saved;
  return table[fd].handle;
}

int32_t recorder_remember(int fd) {
  struct stat now;
  if (fd < 0 || fd >= fd_max || fstat(fd, &now) != 0) return -1;
  table[fd].handle = next_handle++;
  table[fd].device = now.st_dev;
  table[fd].inode = now.st_ino;
  return table[fd].handle;
}

void recorder_forget(int fd) {
  if (fd >= 0 && fd < fd_max) table[fd].handle = 0;
}

/* --- the trace --- */

static void note(const struct recorder_call* what, uint32_t number) {
  struct muster_trace_head head;
  struct iovec parts[4];
  if (trace < 0) return;
  memset(&head, 0, sizeof head);
  head.number = number;
  head.kind = what->kind;
  head.flags = what->flags;
  head.handle = what->handle;
  head.offset = what->offset;
  head.path_len = what->path == NULL ? 0 : (uint32_t)strlen(what->path);
  head.other_len = what->other == NULL ? 0 : (uint32_t)strlen(what->other);
  head.data_len = (uint32_t)what->data_len;
  head.process = (uint32_t)syscall(SYS_getpid);
  head.size = (uint32_t)sizeof head + head.path_len + head.other_len + head.data_len;
  parts[0].iov_base = &head;
  parts[0].iov_len = sizeof head;
  parts[1].iov_base = (void*)(uintptr_t)what->path;
  parts[1].iov_len = head.path_len;
  parts[2].iov_base = (void*)(uintptr_t)what->other;
  parts[2].iov_len = head.other_len;
  parts[3].iov_base = (void*)(uintptr_t)what->data;
  parts[3].iov_len = head.data_len;
  if (syscall(SYS_writev, trace, parts, 4) != (long)head.size) die(); /* a trace with a hole proves nothing */
}

void recorder_lock(void) {
  pthread_mutex_lock(&lock);
}

int recorder_halves(uint32_t number) {
  return cut == cut_middle && number == cut_number;
}

void recorder_duplicate(int from, int to) {
  if (to < 0 || to >= fd_max) return;
  table[to] = from >= 0 && from < fd_max ? table[from] : (struct opened){0, 0, 0};
}

uint32_t recorder_begin(void) {
  const uint32_t number = ++count;
  if (cut == cut_before && number == cut_number) die();
  return number;
}

void recorder_end(const struct recorder_call* what, uint32_t number, int done) {
  const int saved = errno;
  if (done) note(what, number);
  if (cut != cut_never && cut != cut_before && number == cut_number) die();
  pthread_mutex_unlock(&lock);
  errno = saved;
}

void recorder_foreign(const char* name) {
  struct recorder_call what = {.kind = MUSTER_TRACE_FOREIGN, .path = name};
  pthread_mutex_lock(&lock);
  note(&what, ++count);
  pthread_mutex_unlock(&lock);
}
