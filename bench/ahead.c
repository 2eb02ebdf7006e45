/* Preloaded: the machine's clock is so many seconds ahead as the variable AHEAD says. Waits go by other clocks, and are not touched. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    const char *ahead = getenv("AHEAD");
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME && ahead)
        now->tv_sec += atoi(ahead);
    return failed;
}
