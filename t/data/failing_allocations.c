/*
 * Allocations that fail, for a program that has this in LD_PRELOAD. Which one says the file that
 * FAILING_ALLOCATIONS names, and it may change at any time: see below.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct plan {
    int64_t  countdown;   /* the allocation that fails, 1 is the next one; 0: none, any more */
    int64_t  forever;     /* and so do all that follow it */
    int64_t  everybody;   /* those of C are counted as well, not only operator new */
    int64_t  struck;      /* how many have failed */
};

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static volatile struct plan *plan;

__attribute__((constructor)) static void
map_plan(void)
{
    void        *mapped;
    int          fd;
    const char  *path = getenv("FAILING_ALLOCATIONS");

    fd = path ? open(path, O_RDWR) : -1;
    if (fd == -1) {
        return;
    }
    mapped = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) {
        plan = mapped;
    }
}

/* operator new is a few instructions around its call of malloc(). */
static int
is_operator_new(const char *caller)
{
    static const char  *begin;

    if (begin == NULL) {
        begin = dlsym(RTLD_DEFAULT, "_Znwm");
    }
    return begin != NULL && caller > begin && caller - begin < 64;
}

static int
fails(const char *caller)
{
    if (plan == NULL || plan->countdown == 0 || !(plan->everybody || is_operator_new(caller))) {
        return 0;
    }
    if (plan->countdown > 1) {
        plan->countdown--;
        return 0;
    }
    if (!plan->forever) {
        plan->countdown = 0;
    }
    plan->struck++;
    errno = ENOMEM;
    return 1;
}

#define FAILS  fails(__builtin_return_address(0))

void *
malloc(size_t size)
{
    return FAILS ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    return FAILS ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
    return FAILS ? NULL : __libc_realloc(old, size);
}

int
posix_memalign(void **made, size_t alignment, size_t size)
{
    void  *memory = FAILS ? NULL : __libc_memalign(alignment, size);

    if (memory == NULL) {
        return ENOMEM;
    }
    *made = memory;
    return 0;
}
