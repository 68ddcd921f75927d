/* The calls that open, write and sync files. See recorder.c. */
#define _GNU_SOURCE
#include "tests/crash/recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* --- opening and closing --- */

static int do_open(int folder, const char* path, int flags, mode_t mode) {
  char full[recorder_path_max];
  struct stat before;
  struct recorder_call what = {.kind = MUSTER_TRACE_OPEN};
  uint32_t number = 0;
  long fd;
  int existed;
  what.path = recorder_place(folder, path, full);
  if (what.path == NULL) {
    fd = syscall(SYS_openat, folder, path, flags, mode);
    if (fd >= 0) recorder_forget((int)fd);
    return (int)fd;
  }
  recorder_lock();
  existed = lstat(full, &before) == 0;
  if (!existed && (flags & O_CREAT) != 0) what.flags |= MUSTER_TRACE_CREATED;
  if (existed && (flags & O_TRUNC) != 0) what.flags |= MUSTER_TRACE_EMPTIED;
  if (what.flags != 0) number = recorder_begin();
  fd = syscall(SYS_openat, folder, path, flags, mode);
  if (fd >= 0) what.handle = recorder_remember((int)fd);
  recorder_end(&what, number, fd >= 0);
  return (int)fd;
}

static mode_t mode_from(int flags, va_list rest) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
}

#define OPEN_LIKE(name)                          \
  int name(const char* path, int flags, ...) {   \
    va_list rest;                                \
    mode_t mode;                                 \
    va_start(rest, flags);                       \
    mode = mode_from(flags, rest);               \
    va_end(rest);                                \
    return do_open(AT_FDCWD, path, flags, mode); \
  }
#define OPENAT_LIKE(name)                                  \
  int name(int folder, const char* path, int flags, ...) { \
    va_list rest;                                          \
    mode_t mode;                                           \
    va_start(rest, flags);                                 \
    mode = mode_from(flags, rest);                         \
    va_end(rest);                                          \
    return do_open(folder, path, flags, mode);             \
  }
OPEN_LIKE(open)
OPEN_LIKE(open64)
OPENAT_LIKE(openat)
OPENAT_LIKE(openat64)

int creat(const char* path, mode_t mode) {
  return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
/* What the fortified headers call. */
int __open_2(const char* path, int flags);
int __open64_2(const char* path, int flags);
int __openat_2(int folder, const char* path, int flags);
int __openat64_2(int folder, const char* path, int flags);
int __open_2(const char* path, int flags) {
  return do_open(AT_FDCWD, path, flags, 0);
}
int __open64_2(const char* path, int flags) {
  return do_open(AT_FDCWD, path, flags, 0);
}
int __openat_2(int folder, const char* path, int flags) {
  return do_open(folder, path, flags, 0);
}
int __openat64_2(int folder, const char* path, int flags) {
  return do_open(folder, path, flags, 0);
}

int close(int fd) {
  recorder_forget(fd);
  return (int)syscall(SYS_close, fd);
}

static int duplicated(int from, long to) {
  if (to >= 0) recorder_duplicate(from, (int)to);
  return (int)to;
}
int dup(int fd) {
  return duplicated(fd, syscall(SYS_dup, fd));
}
int dup2(int fd, int to) {
  if (fd == to) return fcntl(fd, F_GETFD) < 0 ? -1 : to;
  return duplicated(fd, syscall(SYS_dup3, fd, to, 0));
}

/* --- writing --- */

/* `offset` < 0: at the file's own position. */
static ssize_t do_write(int fd, const void* data, size_t size, off64_t offset) {
  struct recorder_call what = {.kind = MUSTER_TRACE_WRITE, .data = data};
  uint32_t number;
  ssize_t done;
  if (recorder_handle_of(fd) == 0) {
    return offset < 0 ? syscall(SYS_write, fd, data, size) : syscall(SYS_pwrite64, fd, data, size, offset);
  }
  recorder_lock();
  what.handle = recorder_handle_of(fd);
  number = recorder_begin();
  if (recorder_halves(number)) size /= 2;
  if (offset < 0) {
    done = syscall(SYS_write, fd, data, size);
    what.offset = (uint64_t)lseek64(fd, 0, SEEK_CUR) - (uint64_t)(done < 0 ? 0 : done);
  } else {
    done = syscall(SYS_pwrite64, fd, data, size, offset);
    what.offset = (uint64_t)offset;
  }
  what.data_len = done < 0 ? 0 : (size_t)done;
  recorder_end(&what, number, done >= 0);
  return done;
}

ssize_t write(int fd, const void* data, size_t size) {
  return do_write(fd, data, size, -1);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  return do_write(fd, data, size, offset);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  return do_write(fd, data, size, offset);
}

/* One after the other: a short count is what a caller must expect anyway. */
static ssize_t do_writev(int fd, const struct iovec* parts, int part_count, off64_t offset) {
  ssize_t sum = 0;
  for (int i = 0; i < part_count; ++i) {
    const ssize_t done = do_write(fd, parts[i].iov_base, parts[i].iov_len, offset < 0 ? offset : offset + sum);
    if (done < 0) return sum > 0 ? sum : -1;
    sum += done;
    if ((size_t)done < parts[i].iov_len) break;
  }
  return sum;
}
ssize_t writev(int fd, const struct iovec* parts, int part_count) {
  if (recorder_handle_of(fd) == 0) return syscall(SYS_writev, fd, parts, part_count);
  return do_writev(fd, parts, part_count, -1);
}
ssize_t pwritev(int fd, const struct iovec* parts, int part_count, off_t offset) {
  if (recorder_handle_of(fd) == 0) return syscall(SYS_pwritev, fd, parts, part_count, offset, 0);
  return do_writev(fd, parts, part_count, offset);
}
ssize_t pwritev64(int fd, const struct iovec* parts, int part_count, off64_t offset) {
  return pwritev(fd, parts, part_count, offset);
}

static int do_size(int fd, uint16_t kind, long (*change)(int, off64_t, off64_t, int), off64_t from, off64_t length,
                   int mode) {
  struct recorder_call what = {.kind = kind};
  uint32_t number;
  long result;
  if (recorder_handle_of(fd) == 0) return (int)change(fd, from, length, mode);
  recorder_lock();
  what.handle = recorder_handle_of(fd);
  number = recorder_begin();
  what.offset = (uint64_t)(from + length);
  if (kind == MUSTER_TRACE_ALLOCATE && (mode & FALLOC_FL_KEEP_SIZE) != 0) what.offset = 0;
  result = change(fd, from, length, mode);
  recorder_end(&what, number, result == 0);
  return (int)result;
}
static long to_size(int fd, off64_t from, off64_t length, int mode) {
  (void)mode;
  return syscall(SYS_ftruncate, fd, from + length);
}
static long to_space(int fd, off64_t from, off64_t length, int mode) {
  return syscall(SYS_fallocate, fd, mode, from, length);
}
int ftruncate(int fd, off_t size) {
  return do_size(fd, MUSTER_TRACE_TRUNCATE, to_size, size, 0, 0);
}
int ftruncate64(int fd, off64_t size) {
  return do_size(fd, MUSTER_TRACE_TRUNCATE, to_size, size, 0, 0);
}
int fallocate(int fd, int mode, off_t from, off_t length) {
  if (recorder_handle_of(fd) != 0 && (mode & ~FALLOC_FL_KEEP_SIZE) != 0) recorder_foreign("fallocate with a mode");
  return do_size(fd, MUSTER_TRACE_ALLOCATE, to_space, from, length, mode);
}
int fallocate64(int fd, int mode, off64_t from, off64_t length) {
  return fallocate(fd, mode, from, length);
}
int posix_fallocate(int fd, off_t from, off_t length) {
  return fallocate(fd, 0, from, length) == 0 ? 0 : errno;
}
int posix_fallocate64(int fd, off64_t from, off64_t length) {
  return posix_fallocate(fd, from, length);
}
int truncate(const char* path, off_t size) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  const int result = fd < 0 ? -1 : ftruncate(fd, size);
  const int saved = errno;
  if (fd >= 0) close(fd);
  errno = saved;
  return result;
}
int truncate64(const char* path, off64_t size) {
  return truncate(path, size);
}

/* --- syncing --- */

static int do_sync(int fd, uint16_t kind, long (*real)(int)) {
  struct recorder_call what = {.kind = kind};
  uint32_t number;
  long result;
  if (recorder_handle_of(fd) == 0) return (int)real(fd);
  recorder_lock();
  what.handle = recorder_handle_of(fd);
  number = recorder_begin();
  result = real(fd);
  recorder_end(&what, number, result == 0);
  return (int)result;
}
static long whole(int fd) {
  return syscall(SYS_fsync, fd);
}
static long data_only(int fd) {
  return syscall(SYS_fdatasync, fd);
}
static long whole_disk(int fd) {
  return syscall(SYS_syncfs, fd);
}
static long nothing(int fd) {
  (void)fd;
  return 0;
}
int fsync(int fd) {
  return do_sync(fd, MUSTER_TRACE_SYNC, whole);
}
int fdatasync(int fd) {
  return do_sync(fd, MUSTER_TRACE_SYNC, data_only);
}
int syncfs(int fd) {
  if (recorder_handle_of(fd) != 0) recorder_foreign("syncfs");
  return (int)whole_disk(fd);
}
void sync(void) {
  recorder_foreign("sync");
  syscall(SYS_sync);
}
int sync_file_range(int fd, off64_t from, off64_t length, unsigned flags) {
  if (recorder_handle_of(fd) != 0) do_sync(fd, MUSTER_TRACE_HINT, nothing);
  return (int)syscall(SYS_sync_file_range, fd, from, length, flags);
}

/* --- what nobody here uses --- */

void* mmap(void* at, size_t length, int protection, int flags, int fd, off_t offset) {
  if ((flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0 && recorder_handle_of(fd) != 0)
    recorder_foreign("mmap for writing");
  return (void*)syscall(SYS_mmap, at, length, protection, flags, fd, offset); /* NOLINT: as the kernel gives it */
}
void* mmap64(void* at, size_t length, int protection, int flags, int fd, off64_t offset) {
  return mmap(at, length, protection, flags, fd, offset);
}
ssize_t copy_file_range(int in, off64_t* in_at, int out, off64_t* out_at, size_t size, unsigned flags) {
  if (recorder_handle_of(out) != 0) recorder_foreign("copy_file_range");
  return syscall(SYS_copy_file_range, in, in_at, out, out_at, size, flags);
}
ssize_t sendfile(int out, int in, off_t* offset, size_t size) {
  if (recorder_handle_of(out) != 0) recorder_foreign("sendfile");
  return syscall(SYS_sendfile, out, in, offset, size);
}
ssize_t sendfile64(int out, int in, off64_t* offset, size_t size) {
  if (recorder_handle_of(out) != 0) recorder_foreign("sendfile");
  return syscall(SYS_sendfile, out, in, offset, size);
}
