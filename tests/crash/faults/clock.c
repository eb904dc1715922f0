/* Stands between a program and its wall clock, which a test can set while the program runs.
 *
 *   CLOCK_OFFSET   a file of eight bytes: nanoseconds that are added to the real-time clock
 *
 * The file is mapped: what is written there counts at once, in every process that was started with it. Monotonic
 * clocks go on untouched, as they do when somebody sets a real clock; whoever waits for a moment of the real-time clock
 * waits for it by the new one. The times of files are the kernel's, and stay what they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define STEP (SECOND / 50) /* for how long a wait goes on without a look at the clock */

static const volatile int64_t *offset;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_OFFSET");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *place = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (place != MAP_FAILED) offset = place;
}

static int64_t nanoseconds(const struct timespec *moment) { return moment->tv_sec * SECOND + moment->tv_nsec; }
static struct timespec moment(int64_t nanoseconds) {
    return (struct timespec){nanoseconds / SECOND, nanoseconds % SECOND};
}
static int is_real(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int clock_gettime(clockid_t clock, struct timespec *now) {
    static __typeof__(&clock_gettime) real;
    if (!real) real = REAL(clock_gettime);
    int failed = real(clock, now);
    if (!failed && offset && is_real(clock)) *now = moment(nanoseconds(now) + *offset);
    return failed;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *place) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME_COARSE, &found);
    if (place) *place = found.tv_sec;
    return found.tv_sec;
}

static int64_t left(const struct timespec *until) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return nanoseconds(until) - nanoseconds(&now);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request, struct timespec *rest) {
    if (!offset || !is_real(clock) || !(flags & TIMER_ABSTIME)) return REAL(clock_nanosleep)(clock, flags, request, rest);
    for (int64_t more; (more = left(request)) > 0;) {
        struct timespec step = moment(more < STEP ? more : STEP);
        int error = REAL(clock_nanosleep)(CLOCK_MONOTONIC, 0, &step, NULL);
        if (error) return error;
    }
    return 0;
}

int sem_clockwait(sem_t *restrict semaphore, clockid_t clock, const struct timespec *restrict until) {
    if (!offset || clock != CLOCK_REALTIME) return REAL(sem_clockwait)(semaphore, clock, until);
    for (;;) {
        struct timespec now, next;
        int64_t more = left(until);
        clock_gettime(CLOCK_MONOTONIC, &now);
        next = moment(nanoseconds(&now) + (more < 0 ? 0 : more < STEP ? more : STEP));
        if (!REAL(sem_clockwait)(semaphore, CLOCK_MONOTONIC, &next)) return 0;
        if (errno != ETIMEDOUT || more <= 0) return -1;
    }
}
int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    return sem_clockwait(semaphore, CLOCK_REALTIME, until);
}
