/* A job that tells when it began: stamp FILE appends the monotonic clock, in nanoseconds, in eight bytes. */
#include <fcntl.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t nanoseconds = now.tv_sec * 1000000000LL + now.tv_nsec;
    int file = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    return write(file, &nanoseconds, sizeof nanoseconds) != sizeof nanoseconds;
}
