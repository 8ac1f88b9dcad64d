#define _GNU_SOURCE
#include "CHeap.h"

#include <malloc.h>
#include <stddef.h>
#include <string.h>

// A token passes through buffers that are not ours: of sockets, HTTP messages, strings. Whoever frees them leaves them
// as they are, and a memory image taken later still shows them. A definition in the program comes before that of the C
// library, for every caller in the process; glibc allows it and gives its own under other names.
#if defined(__GLIBC__) && !__has_feature(address_sanitizer)

extern void __libc_free(void *memory);
extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *memory, size_t size);

// Blocks as large as this are mapped one by one, and the kernel hands no page on with anything in it
// (DEFAULT_MMAP_THRESHOLD_MAX of glibc: 4 MiB times the size of a long).
static const size_t always_mapped = 4 * 1024 * 1024 * sizeof(long);

void free(void *memory) {
    if (memory == NULL) return;
    size_t size = malloc_usable_size(memory);
    if (size < always_mapped) explicit_bzero(memory, size);
    __libc_free(memory);
}

// The library's own would leave the old block behind as it was.
void *realloc(void *memory, size_t size) {
    if (memory == NULL) return __libc_malloc(size);
    if (size == 0) {
        free(memory);
        return NULL;
    }
    size_t old_size = malloc_usable_size(memory);
    if (size <= old_size && size >= old_size / 2) return memory;
    if (size >= always_mapped && old_size >= always_mapped) return __libc_realloc(memory, size);
    void *moved = __libc_malloc(size);
    if (moved == NULL) return NULL;
    memcpy(moved, memory, size < old_size ? size : old_size);
    free(memory);
    return moved;
}

#endif
