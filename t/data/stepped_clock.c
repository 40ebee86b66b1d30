/*
 * gettimeofday() that is off, for a program that has this in LD_PRELOAD. By how many microseconds
 * says an int64_t in the file that STEPPED_CLOCK names, and it may change at any time.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;

__attribute__((constructor)) static void
map_offset(void)
{
    void        *mapped;
    int          fd;
    const char  *path = getenv("STEPPED_CLOCK");

    fd = path ? open(path, O_RDONLY) : -1;
    if (fd == -1) {
        return;
    }
    mapped = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) {
        offset = mapped;
    }
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    int64_t          now;
    struct timespec  true_time;

    (void) zone;
    clock_gettime(CLOCK_REALTIME, &true_time);
    now = true_time.tv_sec * INT64_C(1000000) + true_time.tv_nsec / 1000 + (offset ? *offset : 0);
    tv->tv_sec = now / 1000000;
    tv->tv_usec = now % 1000000;
    return 0;
}
