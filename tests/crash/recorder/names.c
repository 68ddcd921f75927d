/* The calls that make, move and remove names. See recorder.c. */
#define _GNU_SOURCE
#include "tests/crash/recorder/recorder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The call is done with the caller's own arguments; `at` says whether it is below the folder. */
#define NAMED(kind_, path_, other_, real)                                            \
  struct recorder_call what = {.kind = (kind_), .path = (path_), .other = (other_)}; \
  uint32_t number;                                                                   \
  long result;                                                                       \
  recorder_lock();                                                                   \
  number = recorder_begin();                                                         \
  result = (real);                                                                   \
  recorder_end(&what, number, result == 0);                                          \
  return (int)result

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  char full_from[recorder_path_max], full_to[recorder_path_max];
  const char* a = recorder_place(from_folder, from, full_from);
  const char* b = recorder_place(to_folder, to, full_to);
  if (a == NULL && b == NULL) return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
  if (a == NULL || b == NULL || flags != 0) recorder_foreign("rename across the folder's edge, or with flags");
  { NAMED(MUSTER_TRACE_RENAME, a, b, syscall(SYS_renameat2, from_folder, from, to_folder, to, flags)); }
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  return renameat2(from_folder, from, to_folder, to, 0);
}
int rename(const char* from, const char* to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  char full_from[recorder_path_max], full_to[recorder_path_max];
  const char* a = recorder_place(from_folder, from, full_from);
  const char* b = recorder_place(to_folder, to, full_to);
  if (a == NULL && b == NULL) return (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
  if (a == NULL || b == NULL) recorder_foreign("link across the folder's edge");
  { NAMED(MUSTER_TRACE_LINK, a, b, syscall(SYS_linkat, from_folder, from, to_folder, to, flags)); }
}
int link(const char* from, const char* to) {
  return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int symlinkat(const char* target, int folder, const char* path) {
  char full[recorder_path_max];
  const char* a = recorder_place(folder, path, full);
  if (a == NULL) return (int)syscall(SYS_symlinkat, target, folder, path);
  { NAMED(MUSTER_TRACE_SYMLINK, a, target, syscall(SYS_symlinkat, target, folder, path)); }
}
int symlink(const char* target, const char* path) {
  return symlinkat(target, AT_FDCWD, path);
}

int unlinkat(int folder, const char* path, int flags) {
  char full[recorder_path_max];
  const char* a = recorder_place(folder, path, full);
  const uint16_t kind = (flags & AT_REMOVEDIR) != 0 ? MUSTER_TRACE_RMDIR : MUSTER_TRACE_UNLINK;
  if (a == NULL) return (int)syscall(SYS_unlinkat, folder, path, flags);
  { NAMED(kind, a, NULL, syscall(SYS_unlinkat, folder, path, flags)); }
}
int unlink(const char* path) {
  return unlinkat(AT_FDCWD, path, 0);
}
int rmdir(const char* path) {
  return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}
int remove(const char* path) {
  struct stat found;
  if (lstat(path, &found) == 0 && S_ISDIR(found.st_mode)) return rmdir(path);
  return unlink(path);
}

int mkdirat(int folder, const char* path, mode_t mode) {
  char full[recorder_path_max];
  const char* a = recorder_place(folder, path, full);
  if (a == NULL) return (int)syscall(SYS_mkdirat, folder, path, mode);
  { NAMED(MUSTER_TRACE_MKDIR, a, NULL, syscall(SYS_mkdirat, folder, path, mode)); }
}
int mkdir(const char* path, mode_t mode) {
  return mkdirat(AT_FDCWD, path, mode);
}
