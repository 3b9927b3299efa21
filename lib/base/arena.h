/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bump allocator: many small allocations that are freed together.  Trees of values live in one,
 * so that loading a configuration costs a few malloc calls and freeing it the same few.
 */
#ifndef RNM_BASE_ARENA_H
#define RNM_BASE_ARENA_H

#include <rnm/value.h>

struct rnm_arena_block;

struct rnm_arena {
	struct rnm_arena_block *head; /* block being filled */
	size_t used;                  /* bytes handed out */
	size_t max;                   /* used never exceeds this */
	bool full;                    /* an allocation was refused because of max, not for want of memory */
	bool secret;                  /* blocks lie in guarded memory and are wiped */
};

/* An empty arena of at most max bytes; allocates nothing. */
void rnm_arena_init(struct rnm_arena *arena, size_t max);
/* The same for what nobody else may see: blocks come from sodium_malloc. */
void rnm_arena_init_secret(struct rnm_arena *arena, size_t max);
void rnm_arena_free(struct rnm_arena *arena);

/* size zeroed bytes aligned for any type; NULL when out of memory or past the maximum. */
void *rnm_arena_alloc(struct rnm_arena *arena, size_t size);
/* A copy of len bytes and a NUL; NULL as above. */
char *rnm_arena_strndup(struct rnm_arena *arena, const char *data, size_t len);
/* A printf-style string in the arena; NULL as above. */
char *rnm_arena_printf(struct rnm_arena *arena, const char *fmt, ...) RNM_PRINTF(2, 3);

#endif
