/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Blocks double up to this size; a larger request gets a block of its own.  The first one is small: there is
 * an arena for each profile of a list, and what is not used would be zeroed for nothing.
 */
#define BLOCK_MIN ((size_t)1 << 10)
#define BLOCK_MAX ((size_t)1 << 20)

struct rnm_arena_block {
	struct rnm_arena_block *next;
	size_t size;
	size_t used;
	max_align_t data[];
};

void rnm_arena_init(struct rnm_arena *arena, size_t max)
{
	arena->head = NULL;
	arena->used = 0;
	arena->max = max;
	arena->full = false;
	arena->secret = false;
}

void rnm_arena_init_secret(struct rnm_arena *arena, size_t max)
{
	rnm_arena_init(arena, max);
	arena->secret = true;
}

static struct rnm_arena_block *secret_block(size_t size)
{
	/* sodium_malloc aligns the end of what it gives, not the start. */
	const size_t rounded = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	struct rnm_arena_block *block = sodium_init() >= 0 && rounded >= size ? sodium_malloc(rounded) : NULL;

	if (block != NULL)
		memset(block, 0, rounded);
	return block;
}

void rnm_arena_free(struct rnm_arena *arena)
{
	struct rnm_arena_block *block = arena->head;

	while (block != NULL) {
		struct rnm_arena_block *next = block->next;

		if (arena->secret)
			sodium_free(block);
		else
			free(block);
		block = next;
	}
	arena->head = NULL;
	arena->used = 0;
}

static struct rnm_arena_block *new_block(struct rnm_arena *arena, size_t size)
{
	size_t want = arena->head == NULL ? BLOCK_MIN : arena->head->size * 2;
	struct rnm_arena_block *block;

	if (want > BLOCK_MAX)
		want = BLOCK_MAX;
	if (want < size)
		want = size;
	/* calloc: the arena hands out zeroed memory, and fresh pages are zero for free. */
	block = arena->secret ? secret_block(sizeof(*block) + want) : calloc(1, sizeof(*block) + want);
	if (block == NULL)
		return NULL;
	block->size = want;
	if (arena->head != NULL && size > BLOCK_MAX) {
		/* A giant stands behind the head, so that the head's free space is not lost. */
		block->next = arena->head->next;
		arena->head->next = block;
	} else {
		block->next = arena->head;
		arena->head = block;
	}
	return block;
}

/* Room for size bytes, aligned for any type if align is set. */
static void *take(struct rnm_arena *arena, size_t size, bool align)
{
	const size_t mask = _Alignof(max_align_t) - 1;
	struct rnm_arena_block *block = arena->head;
	size_t start;
	void *result;

	if (size > arena->max || arena->used > arena->max - size) {
		arena->full = true;
		return NULL;
	}
	start = block == NULL ? 0 : align ? (block->used + mask) & ~mask : block->used;
	if (block == NULL || start > block->size || block->size - start < size) {
		block = new_block(arena, size);
		if (block == NULL)
			return NULL;
		start = 0;
	}
	result = (char *)block->data + start;
	block->used = start + size;
	arena->used += size;
	return result;
}

void *rnm_arena_alloc(struct rnm_arena *arena, size_t size)
{
	return take(arena, size, true);
}

char *rnm_arena_strndup(struct rnm_arena *arena, const char *data, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		return NULL;
	copy = take(arena, len + 1, false);
	if (copy != NULL && len > 0)
		memcpy(copy, data, len);
	return copy;
}

char *rnm_arena_printf(struct rnm_arena *arena, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		return NULL;
	text = take(arena, (size_t)len + 1, false);
	if (text == NULL)
		return NULL;
	va_start(args, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, args);
	va_end(args);
	return text;
}
