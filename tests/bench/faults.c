/* A disk that fails, and one that forgets: loaded before a program (LD_PRELOAD), it watches what the program does
 * to the files below one folder. `faulty.py` compiles it and says what it is to do, by the environment:
 *
 * FAULTS_BELOW   the folder; nothing else is touched
 * FAULTS_ARMED   while this file exists, calls of FAULTS_KIND (write, sync, open, any) are counted
 * FAULTS_FROM    the first of them that fails, from 1; FAULTS_COUNT how many fail from there
 * FAULTS_ERROR   EIO, ENOSPC, or short: of the first half is written, then the disk is full
 * FAULTS_FIRED   a byte is added to this file for each that failed
 * FAULTS_RECORD  all that is done to the files is written down here, with what goes out on sockets
 * FAULTS_CLOCK   the wall clock is off by the number of seconds in this file; "frozen N": it stands at N
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FILES 65536
enum kind { WRITE = 1, SYNC = 2, OPEN = 4 };

static unsigned char ours[FILES];
static int ids[FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *below, *armed, *fired, *clock_path;
static int counted, error_number, is_short, record = -1, next_id = 1;
static long from, most, seen;

__attribute__((constructor)) static void start(void) {
    const char *kind = getenv("FAULTS_KIND"), *error = getenv("FAULTS_ERROR"), *path = getenv("FAULTS_RECORD");
    below = getenv("FAULTS_BELOW");
    armed = getenv("FAULTS_ARMED");
    fired = getenv("FAULTS_FIRED");
    clock_path = getenv("FAULTS_CLOCK");
    if (kind)
        counted = !strcmp(kind, "write") ? WRITE : !strcmp(kind, "sync") ? SYNC : !strcmp(kind, "open") ? OPEN : 7;
    from = getenv("FAULTS_FROM") ? atol(getenv("FAULTS_FROM")) : 1;
    most = getenv("FAULTS_COUNT") ? atol(getenv("FAULTS_COUNT")) : 1;
    is_short = error && !strcmp(error, "short");
    error_number = error && !strcmp(error, "EIO") ? EIO : ENOSPC;
    if (path) record = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    unsetenv("LD_PRELOAD");
}

static void put(const void *bytes, size_t length) {
    if (record >= 0 && syscall(SYS_write, record, bytes, length) != (long)length) abort();
}

/* What, which file, where, and the bytes: all little-endian. */
static void note(char what, int id, uint64_t at, const void *bytes, size_t length) {
    if (record < 0) return;
    unsigned char head[17];
    uint32_t file = (uint32_t)id, size = (uint32_t)length;
    head[0] = (unsigned char)what;
    memcpy(head + 1, &file, 4);
    memcpy(head + 5, &at, 8);
    memcpy(head + 13, &size, 4);
    put(head, sizeof head);
    if (length) put(bytes, length);
}

/* Says whether this call is to fail: 0 no, 1 the first to do so, 2 a later one. */
static int fails(enum kind kind) {
    if (!(counted & kind) || !armed || syscall(SYS_faccessat, AT_FDCWD, armed, F_OK)) return 0;
    pthread_mutex_lock(&lock);
    long number = ++seen;
    pthread_mutex_unlock(&lock);
    if (number < from || number >= from + most) return 0;
    int fd = syscall(SYS_openat, AT_FDCWD, fired, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        syscall(SYS_write, fd, "x", 1);
        syscall(SYS_close, fd);
    }
    return number == from ? 1 : 2;
}

static int is_below(const char *path) { return below && path && !strncmp(path, below, strlen(below)); }
static int is_ours(int fd) { return fd >= 0 && fd < FILES && ours[fd]; }

static int opened(int fd, const char *path, int flags) {
    if (fd >= 0 && fd < FILES && is_below(path) && !(flags & O_DIRECTORY)) {
        pthread_mutex_lock(&lock);
        ours[fd] = 1;
        ids[fd] = next_id++;
        note('O', ids[fd], (uint64_t)(flags & O_TRUNC ? 1 : 0), path, strlen(path));
        pthread_mutex_unlock(&lock);
    }
    return fd;
}

static int open_at(int dir, const char *path, int flags, mode_t mode) {
    if (is_below(path) && !(flags & O_DIRECTORY) && fails(OPEN)) {
        errno = error_number;
        return -1;
    }
    return opened(syscall(SYS_openat, dir, path, flags, mode), path, flags);
}

#define MODE \
    mode_t mode = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE return open_at(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE return open_at(dir, path, flags | O_LARGEFILE, mode); }

int close(int fd) {
    if (is_ours(fd)) ours[fd] = 0;
    return syscall(SYS_close, fd);
}

static ssize_t put_at(int fd, const void *bytes, size_t length, off_t at) {
    if (!is_ours(fd)) return syscall(SYS_pwrite64, fd, bytes, length, at);
    int failing = fails(WRITE);
    if (failing == 1 && is_short) {
        length /= 2;
    } else if (failing) {
        errno = error_number;
        return -1;
    }
    pthread_mutex_lock(&lock);
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, at);
    int kept = errno;
    if (done > 0) note('W', ids[fd], (uint64_t)at, bytes, (size_t)done);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return put_at(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return put_at(fd, bytes, length, at); }

static void said(int fd, const void *bytes, size_t length) {
    if (record < 0 || !memmem(bytes, length, "[[mark ", 7)) return;
    pthread_mutex_lock(&lock);
    note('N', fd, 0, bytes, length);
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (is_ours(fd)) {
        if (fails(WRITE)) {
            errno = error_number;
            return -1;
        }
        pthread_mutex_lock(&lock);
        off_t at = lseek(fd, 0, SEEK_CUR);
        ssize_t done = syscall(SYS_write, fd, bytes, length);
        if (done > 0) note('W', ids[fd], (uint64_t)at, bytes, (size_t)done);
        pthread_mutex_unlock(&lock);
        return done;
    }
    said(fd, bytes, length);
    return syscall(SYS_write, fd, bytes, length);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    said(fd, bytes, length);
    return syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    for (int part = 0; part < count; part++) said(fd, parts[part].iov_base, parts[part].iov_len);
    return syscall(SYS_writev, fd, parts, count);
}

static int synced(int fd, long call) {
    if (!is_ours(fd)) return syscall(call, fd);
    if (fails(SYNC)) {
        errno = error_number;
        return -1;
    }
    int id = ids[fd];
    pthread_mutex_lock(&lock);
    note('s', id, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    int done = syscall(call, fd), kept = errno;
    pthread_mutex_lock(&lock);
    if (!done) note('S', id, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int cut(int fd, off_t size) {
    if (!is_ours(fd)) return syscall(SYS_ftruncate, fd, size);
    if (fails(WRITE)) {
        errno = error_number;
        return -1;
    }
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_ftruncate, fd, size), kept = errno;
    if (!done) note('T', ids[fd], (uint64_t)size, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }

int unlink(const char *path) {
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0), kept = errno;
    if (!done && is_below(path)) note('U', 0, 0, path, strlen(path));
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = syscall(SYS_clock_gettime, clock, now);
    if (clock != CLOCK_REALTIME || !clock_path) return done;
    char text[64] = {0};
    int fd = syscall(SYS_openat, AT_FDCWD, clock_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return done;
    ssize_t length = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    if (length > 0 && !strncmp(text, "frozen ", 7)) {
        now->tv_sec = atol(text + 7);
        now->tv_nsec = 0;
    } else if (length > 0) {
        now->tv_sec += atol(text);
    }
    return done;
}
