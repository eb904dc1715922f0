/* What a job of the chaos run does: `deed STYLE MILLISECONDS CODE UNTIL`. `deed.py` is the same, where no compiler is.

   It writes into the history that it began and that it ends, lasts so long, and ends with CODE in attempts before
   UNTIL and with 0 from then on. It holds a lock of its job's for as long as a process of the run lives: children
   inherit it, and the kernel drops it with the last of them. Who does not get it found another run alive. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *job, *attempt, *lease;
static volatile sig_atomic_t asked_to_end;

static void on_term(int number) { (void)number; asked_to_end = 1; }

static double now(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static void note(int journal, const char *line, const char *name, const char *value)
{
    char text[1024];
    int length = snprintf(text, sizeof text,
        "\n{\"line\":\"%s\",\"pid\":%d,\"wall\":%.6f,\"mono\":%.9f,\"job\":\"%s\",\"attempt\":%s,\"lease\":\"%s\",\"%s\":%s}\n",
        line, (int)getpid(), now(CLOCK_REALTIME), now(CLOCK_MONOTONIC), job, attempt, lease, name, value);
    if (write(journal, text, length) != length) _exit(99);
}

static void last(long milliseconds)
{
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR && !asked_to_end) {}
}

int main(int count, char **arguments)
{
    char path[4096], code[16];
    const char *history = getenv("CHAOS_HISTORY");
    job = getenv("QUEUECTL_JOB_ID"), attempt = getenv("QUEUECTL_ATTEMPT"), lease = getenv("QUEUECTL_LEASE");
    if (count != 5 || !history || !job || !attempt || !lease) return 98;
    const char *style = arguments[1];
    if (!strcmp(style, "stubborn")) signal(SIGTERM, SIG_IGN);
    if (!strcmp(style, "polite")) signal(SIGTERM, on_term);

    snprintf(path, sizeof path, "%s/commands.jsonl", history);
    int journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "%s/locks/%s", history, job);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal < 0 || lock < 0) return 97;
    note(journal, "began", "alone", flock(lock, LOCK_EX | LOCK_NB) == 0 ? "true" : "false");

    pid_t child = strcmp(style, "family") ? -1 : fork();
    if (child != 0) setvbuf(stdout, NULL, _IONBF, 0), printf("deed of %s\n", job);
    if (child <= 0) last(atol(arguments[2]));
    if (child == 0) _exit(0);
    if (child > 0) waitpid(child, NULL, 0);
    snprintf(code, sizeof code, "%d", asked_to_end || atol(attempt) >= atol(arguments[4]) ? 0 : atoi(arguments[3]));
    note(journal, "ended", "code", code);
    return atoi(code);
}
