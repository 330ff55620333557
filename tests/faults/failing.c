/* Makes the n-th writing call under a folder fail, kill the process, or find the disk full.

   Loaded with LD_PRELOAD; does nothing until failing_arm is called. Calls count in the order in
   which the process makes them, whichever of its threads does. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char root[PATH_MAX];
static size_t root_length;
static long fail_at, n_calls, n_bytes, room;
static int how; /* an errno, or -1 to be killed */
static char names[1 << 16]; /* of the calls so far, each with a comma behind it */
static size_t names_length;

void failing_arm(const char *folder, long at, int what, long bytes) {
    n_calls = n_bytes = 0;
    fail_at = at;
    how = what;
    room = bytes;
    names[names_length = 0] = 0;
    strncpy(root, folder, PATH_MAX - 1);
    root_length = strlen(root);
}
long failing_calls(void) { return n_calls; }
long failing_bytes(void) { return n_bytes; }
const char *failing_names(void) { return names; }

static int is_under(const char *path) {
    return root_length && strncmp(path, root, root_length) == 0;
}
static int is_file_under(int file) {
    char link[64], path[PATH_MAX];
    if (!root_length) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_under(path);
}
static int is_at(int folder, const char *path) {
    return path[0] == '/' || folder == AT_FDCWD ? is_under(path) : is_file_under(folder);
}

/* Returns 1 where this call is the one that fails. */
static int fails(const char *name) {
    long number = __sync_add_and_fetch(&n_calls, 1);
    size_t at = __sync_fetch_and_add(&names_length, strlen(name) + 1);
    if (at + strlen(name) + 2 < sizeof names) {
        memcpy(names + at, name, strlen(name));
        names[at + strlen(name)] = ',';
    }
    if (number != fail_at) return 0;
    if (how == -1) kill(getpid(), SIGKILL);
    errno = how;
    return 1;
}
/* Returns how many of the bytes there is room for; -1 with ENOSPC for none. */
static long room_for(long bytes) {
    long left = room < 0 ? bytes : room - n_bytes;
    if (bytes && left <= 0) { errno = ENOSPC; return -1; }
    return bytes < left ? bytes : left;
}
static ssize_t written(ssize_t bytes) {
    if (bytes > 0) __sync_add_and_fetch(&n_bytes, bytes);
    return bytes;
}

#define REAL(name) static typeof(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)
#define ON_FILE(type, name, file, parameters, arguments)             \
    type name parameters {                                           \
        REAL(name);                                                  \
        if (is_file_under(file) && fails(#name)) return -1;      \
        return real arguments;                                       \
    }
#define ON_PATH(name, at, path, parameters, arguments)               \
    int name parameters {                                            \
        REAL(name);                                                  \
        if (is_at(at, path) && fails(#name)) return -1;        \
        return real arguments;                                       \
    }
#define WRITING(name, parameters, ...)                               \
    ssize_t name parameters {                                        \
        REAL(name);                                                  \
        if (is_file_under(file)) {                                   \
            if (fails(#name)) return -1;                         \
            long taken = room_for(size);                             \
            if (taken < 0) return -1;                                \
            size = taken;                                            \
            return written(real(__VA_ARGS__));                       \
        }                                                            \
        return real(__VA_ARGS__);                                    \
    }
#define VECTORED(name, parameters, ...)                              \
    ssize_t name parameters {                                        \
        REAL(name);                                                  \
        if (is_file_under(file)) {                                   \
            long size = 0;                                           \
            for (int i = 0; i < n; i++) size += parts[i].iov_len;    \
            if (fails(#name)) return -1;                         \
            if (room_for(size) < size) { errno = ENOSPC; return -1; }\
            return written(real(__VA_ARGS__));                       \
        }                                                            \
        return real(__VA_ARGS__);                                    \
    }

WRITING(write, (int file, const void *from, size_t size), file, from, size)
WRITING(pwrite, (int file, const void *from, size_t size, off_t at), file, from, size, at)
WRITING(pwrite64, (int file, const void *from, size_t size, off64_t at), file, from, size, at)
VECTORED(writev, (int file, const struct iovec *parts, int n), file, parts, n)
VECTORED(pwritev, (int file, const struct iovec *parts, int n, off_t at), file, parts, n, at)
VECTORED(pwritev64, (int file, const struct iovec *parts, int n, off64_t at), file, parts, n, at)
ON_FILE(int, fsync, file, (int file), (file))
ON_FILE(int, fdatasync, file, (int file), (file))
ON_FILE(int, ftruncate, file, (int file, off_t size), (file, size))
ON_FILE(int, ftruncate64, file, (int file, off64_t size), (file, size))
ON_PATH(rename, AT_FDCWD, from, (const char *from, const char *to), (from, to))
ON_PATH(renameat, a, from, (int a, const char *from, int b, const char *to), (a, from, b, to))
ON_PATH(link, AT_FDCWD, from, (const char *from, const char *to), (from, to))
ON_PATH(linkat, a, from, (int a, const char *from, int b, const char *to, int flags),
        (a, from, b, to, flags))
ON_PATH(unlink, AT_FDCWD, path, (const char *path), (path))
ON_PATH(unlinkat, at, path, (int at, const char *path, int flags), (at, path, flags))
ON_PATH(rmdir, AT_FDCWD, path, (const char *path), (path))
ON_PATH(mkdir, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
ON_PATH(utimensat, at, path,
        (int at, const char *path, const struct timespec times[2], int flags),
        (at, path, times, flags))

ssize_t sendfile64(int file, int from, off64_t *at, size_t size) {
    static ssize_t (*real)(int, int, off64_t *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "sendfile64");
    if (is_file_under(file)) {
        if (fails("sendfile")) return -1;
        long taken = room_for(size > (1 << 20) ? 1 << 20 : size);
        if (taken < 0) return -1;
        return written(real(file, from, at, taken));
    }
    return real(file, from, at, size);
}
ssize_t sendfile(int file, int from, off_t *at, size_t size) {
    return sendfile64(file, from, at, size);
}

#define OPENING(name)                                                         \
    int name(const char *path, int flags, ...) {                              \
        REAL(name);                                                           \
        va_list more;                                                         \
        va_start(more, flags);                                                \
        mode_t mode = va_arg(more, mode_t);                                   \
        va_end(more);                                                         \
        if (flags & (O_CREAT | O_WRONLY | O_RDWR) && is_under(path) && fails(#name)) \
            return -1;                                                        \
        return real(path, flags, mode);                                       \
    }
OPENING(open)
OPENING(open64)
