/* A preloaded library that records how a program changes files: one line per call, appended to the file $TRACE.
   A line is a tab-separated list: the call, the path, and for a rename or link the new path. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(type, name, ...) type (*next)(__VA_ARGS__) = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)
#define SIZE (2 * PATH_MAX + 2)

static void record(const char *call, const char *path, const char *to) {
    static int trace = -2;
    char line[2 * SIZE + 64];
    if (trace == -2) {
        const char *name = getenv("TRACE");
        trace = name ? (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
        if (trace >= 0) { /* a number that a program closes only on purpose */
            int high = fcntl(trace, F_DUPFD_CLOEXEC, 700);
            if (high >= 0) { syscall(SYS_close, trace); trace = high; }
        }
    }
    if (trace < 0 || path[0] != '/') return;
    int length = snprintf(line, sizeof line, "%s\t%s\t%s\n", call, path, to);
    syscall(SYS_write, trace, line, (size_t)length);
}

static const char *path_of(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, out, (size_t)PATH_MAX);
    out[length < 0 ? 0 : length] = 0;
    return out;
}

static const char *absolute(int folder, const char *path, char *out) {
    char base[PATH_MAX + 1];
    if (path[0] == '/') base[0] = 0;
    else if (folder != AT_FDCWD) path_of(folder, base);
    else if (!getcwd(base, sizeof base)) base[0] = 0;
    snprintf(out, SIZE, path[0] == '/' ? "%s%s" : "%s/%s", base, path);
    return out;
}

static void on_fd(const char *call, int fd) { char path[PATH_MAX + 1]; record(call, path_of(fd, path), ""); }
static void on_path(const char *call, int folder, const char *path) { char a[SIZE]; record(call, absolute(folder, path, a), ""); }
static void on_paths(const char *call, int f, const char *from, int t, const char *to) {
    char a[SIZE], b[SIZE];
    record(call, absolute(f, from, a), absolute(t, to, b));
}

ssize_t write(int fd, const void *data, size_t size) {
    NEXT(ssize_t, "write", int, const void *, size_t); on_fd("write", fd); return next(fd, data, size);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(ssize_t, "writev", int, const struct iovec *, int); on_fd("write", fd); return next(fd, parts, count);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t); on_fd("write", fd); return next(fd, data, size, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t); on_fd("write", fd); return next(fd, data, size, offset);
}
int ftruncate(int fd, off_t size) { NEXT(int, "ftruncate", int, off_t); on_fd("write", fd); return next(fd, size); }
int ftruncate64(int fd, off64_t size) { NEXT(int, "ftruncate64", int, off64_t); on_fd("write", fd); return next(fd, size); }
int fsync(int fd) { NEXT(int, "fsync", int); on_fd("sync", fd); return next(fd); }
int fdatasync(int fd) { NEXT(int, "fdatasync", int); on_fd("sync", fd); return next(fd); }
int unlink(const char *path) { NEXT(int, "unlink", const char *); int done = next(path); if (!done) on_path("unlink", AT_FDCWD, path); return done; }
int unlinkat(int folder, const char *path, int flags) {
    NEXT(int, "unlinkat", int, const char *, int); int done = next(folder, path, flags); if (!done) on_path("unlink", folder, path); return done;
}
int rename(const char *from, const char *to) {
    NEXT(int, "rename", const char *, const char *); int done = next(from, to); if (!done) on_paths("rename", AT_FDCWD, from, AT_FDCWD, to); return done;
}
int renameat(int f, const char *from, int t, const char *to) {
    NEXT(int, "renameat", int, const char *, int, const char *); int done = next(f, from, t, to); if (!done) on_paths("rename", f, from, t, to); return done;
}
int link(const char *from, const char *to) {
    NEXT(int, "link", const char *, const char *); int done = next(from, to); if (!done) on_paths("link", AT_FDCWD, from, AT_FDCWD, to); return done;
}
int linkat(int f, const char *from, int t, const char *to, int flags) {
    NEXT(int, "linkat", int, const char *, int, const char *, int); int done = next(f, from, t, to, flags); if (!done) on_paths("link", f, from, t, to); return done;
}
