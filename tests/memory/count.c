/* count.c - preloaded into thingwarden by tests/memory/run: counts what the program asks of the allocator and writes
 * one line "allocations N frees N mappings N" to the file named by ALLOCATIONS_FILE when the process ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned long allocations, frees, mappings;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *at, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *at);

void *malloc(size_t size)
{
	__atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	__atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
	__atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_realloc(at, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	__atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
	*out = __libc_memalign(alignment, size);
	return *out ? 0 : 12;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	__atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
	return __libc_memalign(alignment, size);
}

void free(void *at)
{
	if (at)
		__atomic_fetch_add(&frees, 1, __ATOMIC_RELAXED);
	__libc_free(at);
}

/* The program's own mmap(); those of the C library's allocator do not pass here. */
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	static void *(*next)(void *, size_t, int, int, int, off_t);
	if (!next)
		next = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
	__atomic_fetch_add(&mappings, 1, __ATOMIC_RELAXED);
	return next(at, size, protection, flags, fd, offset);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("ALLOCATIONS_FILE");
	char line[128];
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
	int n = snprintf(line, sizeof line, "allocations %lu frees %lu mappings %lu\n", allocations, frees, mappings);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(99);
	close(fd);
}
