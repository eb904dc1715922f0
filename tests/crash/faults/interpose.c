/* Stands between a program and the kernel, for what it does to files below one directory.
 *
 * Every operation that changes a file or a name, or syncs it, is counted. It may be recorded with its bytes, and the
 * n-th may be met by SIGKILL, or by an error number, instead of being done. Set by the environment:
 *
 *   FAULTS_ROOT    the directory; nothing elsewhere is counted
 *   FAULTS_ONLY    a text that the command line must have; other programs are left alone
 *   FAULTS_LOG     the file to which operations are appended
 *   FAULTS_AT      which operation to meet, from 1 on
 *   FAULTS_UNTIL   the last one to meet; by default the same
 *   FAULTS_ERROR   the error number with which to meet it; SIGKILL without
 *   FAULTS_ONCE    a file: who removes it first meets it, and nobody else does
 *   FAULTS_WHILE   a file: as long as it exists every operation is met, and so is every opening of a file for writing,
 *                  as when a file system turned read-only
 *
 * A file whose name ends with `.notes` is a test's own: what is done to it is recorded, and neither counted nor met.
 *
 * A program that was started with none of these may begin by itself: `faults_begin`.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *root, *once, *spoilt;
static size_t root_length;
static int log_fd = -1, error_number;
static long counted, at, until;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

struct head {
    char operation;
    char unused;
    uint16_t path, to;
    uint64_t offset, length;
    uint32_t data;
} __attribute__((packed));

static int concerns_this_program(const char *only) {
    char line[65536];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY);
    long length = fd < 0 ? 0 : syscall(SYS_read, fd, line, sizeof line);
    if (fd >= 0) syscall(SYS_close, fd);
    for (long each = 0; each < length; each++)
        if (!line[each]) line[each] = ' ';
    return length > 0 && memmem(line, (size_t)length, only, strlen(only)) != NULL;
}

void faults_begin(const char *directory, const char *log, long first, long last, int number) {
    root = directory;
    root_length = strlen(directory);
    at = first;
    until = last;
    error_number = number;
    if (log) log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

__attribute__((constructor)) static void begin(void) {
    const char *directory = getenv("FAULTS_ROOT"), *only = getenv("FAULTS_ONLY"), *first = getenv("FAULTS_AT"),
               *last = getenv("FAULTS_UNTIL"), *number = getenv("FAULTS_ERROR");
    once = getenv("FAULTS_ONCE");
    spoilt = getenv("FAULTS_WHILE");
    if (directory && (!only || concerns_this_program(only)))
        faults_begin(directory, getenv("FAULTS_LOG"), first ? atol(first) : 0, last ? atol(last) : first ? atol(first) : 0,
                     number ? atoi(number) : 0);
}

static int lies_below(const char *path) {
    return root && path && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int is_spoilt(void) {
    struct stat found;
    return spoilt && !syscall(SYS_newfstatat, AT_FDCWD, spoilt, &found, 0);
}

static int path_of(int fd, char *path, size_t size) {
    char link[64];
    ssize_t length;
    if (!root) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, size - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return lies_below(path) && !strstr(path, " (deleted)");
}

static void record(char operation, const char *path, const char *to, uint64_t offset, uint64_t length,
                   const void *data, size_t size) {
    struct head head = {operation, 0, (uint16_t)strlen(path), (uint16_t)(to ? strlen(to) : 0), offset, length,
                        (uint32_t)size};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)path, head.path}, {(void *)to, head.to},
                            {(void *)data, size}};
    if (log_fd >= 0) syscall(SYS_writev, log_fd, parts, 4);
}

/* Counts an operation; returns whether it is to fail. Everything is recorded before it is done. */
static int meets(char operation, const char *path, const char *to, uint64_t offset, uint64_t length, const void *data,
                 size_t size) {
    size_t length_of_path;
    int met, spared;
    pthread_mutex_lock(&mutex);
    length_of_path = strlen(path);
    spared = length_of_path > 6 && !strcmp(path + length_of_path - 6, ".notes");
    counted += !spared;
    met = !spared && ((at && counted >= at && counted <= until) || is_spoilt());
    if (met && once) met = !syscall(SYS_unlinkat, AT_FDCWD, once, 0);
    if (met && !error_number) {
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;) pause();
    }
    if (!met) record(operation, path, to, offset, length, data, size);
    pthread_mutex_unlock(&mutex);
    if (met) errno = error_number;
    return met;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define PATH char path[4096]

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    PATH;
    if (path_of(fd, path, sizeof path) && meets('W', path, NULL, (uint64_t)offset, size, data, size)) return -1;
    return REAL(pwrite)(fd, data, size, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return pwrite(fd, data, size, offset); }

ssize_t write(int fd, const void *data, size_t size) {
    PATH;
    struct stat found;
    if (path_of(fd, path, sizeof path)) {
        off_t offset = lseek(fd, 0, SEEK_CUR);
        if (!fstat(fd, &found) && S_ISREG(found.st_mode)) {
            if (fcntl(fd, F_GETFL) & O_APPEND) offset = found.st_size;
            if (meets('W', path, NULL, (uint64_t)offset, size, data, size)) return -1;
        }
    }
    return REAL(write)(fd, data, size);
}

int ftruncate(int fd, off_t length) {
    PATH;
    if (path_of(fd, path, sizeof path) && meets('T', path, NULL, 0, (uint64_t)length, NULL, 0)) return -1;
    return REAL(ftruncate)(fd, length);
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int posix_fallocate(int fd, off_t offset, off_t length) {
    PATH;
    if (path_of(fd, path, sizeof path) && meets('A', path, NULL, (uint64_t)offset, (uint64_t)length, NULL, 0))
        return errno;
    return REAL(posix_fallocate)(fd, offset, length);
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }

int fsync(int fd) {
    PATH;
    if (path_of(fd, path, sizeof path) && meets('S', path, NULL, 0, 0, NULL, 0)) return -1;
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    PATH;
    if (path_of(fd, path, sizeof path) && meets('S', path, NULL, 0, 0, NULL, 0)) return -1;
    return REAL(fdatasync)(fd);
}

static int opens(int directory, const char *path, int flags, mode_t mode) {
    struct stat found;
    if ((flags & O_ACCMODE) != O_RDONLY && lies_below(path) && is_spoilt() &&
        !syscall(SYS_newfstatat, directory, path, &found, 0) && S_ISREG(found.st_mode)) {
        errno = error_number;
        return -1;
    }
    if ((flags & (O_CREAT | O_TRUNC)) && (flags & O_TMPFILE) != O_TMPFILE && lies_below(path)) {
        int exists = !syscall(SYS_newfstatat, directory, path, &found, AT_SYMLINK_NOFOLLOW);
        if (!exists && (flags & O_CREAT) && meets('C', path, NULL, 0, 0, NULL, 0)) return -1;
        if (exists && (flags & O_TRUNC) && meets('T', path, NULL, 0, 0, NULL, 0)) return -1;
    }
    return (int)syscall(SYS_openat, directory, path, flags | O_LARGEFILE, mode);
}

#define MODE(last)                                                     \
    mode_t mode = 0;                                                   \
    if (flags & O_CREAT) {                                             \
        va_list more;                                                  \
        va_start(more, last);                                          \
        mode = va_arg(more, mode_t);                                   \
        va_end(more);                                                  \
    }
int open(const char *path, int flags, ...) { MODE(flags) return opens(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opens(AT_FDCWD, path, flags, mode); }
int openat(int fd, const char *path, int flags, ...) { MODE(flags) return opens(fd, path, flags, mode); }
int openat64(int fd, const char *path, int flags, ...) { MODE(flags) return opens(fd, path, flags, mode); }

int statvfs(const char *path, struct statvfs *found) {
    int failed = REAL(statvfs)(path, found);
    if (!failed && lies_below(path) && is_spoilt() && error_number == EROFS) found->f_flag |= ST_RDONLY;
    return failed;
}
int statvfs64(const char *path, struct statvfs64 *found) {
    int failed = REAL(statvfs64)(path, found);
    if (!failed && lies_below(path) && is_spoilt() && error_number == EROFS) found->f_flag |= ST_RDONLY;
    return failed;
}

int rename(const char *from, const char *to) {
    if (lies_below(from) && meets('R', from, to, 0, 0, NULL, 0)) return -1;
    return REAL(rename)(from, to);
}
int link(const char *from, const char *to) {
    if (lies_below(to) && meets('L', from, to, 0, 0, NULL, 0)) return -1;
    return REAL(link)(from, to);
}
int unlink(const char *path) {
    if (lies_below(path) && meets('U', path, NULL, 0, 0, NULL, 0)) return -1;
    return REAL(unlink)(path);
}
int mkdir(const char *path, mode_t mode) {
    if (lies_below(path) && meets('D', path, NULL, 0, 0, NULL, 0)) return -1;
    return REAL(mkdir)(path, mode);
}
