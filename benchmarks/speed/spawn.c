/* How fast this machine starts programs: spawn COUNT PROCESSES PROGRAM
 *
 * Starts the program so often, one after the other in each of so many processes, and prints how many seconds it took.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void start(long count, char *program) {
    char *arguments[] = {program, NULL};
    for (long number = 0; number < count; number++) {
        pid_t pid;
        if (posix_spawn(&pid, program, NULL, NULL, arguments, environ)) _exit(1);
        waitpid(pid, NULL, 0);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    long count = atol(argv[1]), processes = atol(argv[2]);
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (long number = 0; number < processes; number++)
        if (!fork()) {
            start(count / processes, argv[3]);
            _exit(0);
        }
    while (wait(NULL) > 0) {}
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%.6f\n", (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9);
    return 0;
}
