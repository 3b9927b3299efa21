/* SPDX-License-Identifier: Apache-2.0 */
#include "format/json_load.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * When memory is short libjansson drops characters of a token without a word, and a string whose closing quote was
 * dropped is then read, and written, past its end.  So no request of its may fail while it reads: the first that does is
 * met from a reserve, the text ends there for it, and what it made of that is thrown away.
 */

/* Beside what a token can ask for: the few small values that are begun before the next byte is asked for. */
#define RESERVE_EXTRA ((size_t)4 << 10)
#define ALIGNMENT _Alignof(max_align_t)

struct load {
	struct rnm_bytes text;
	size_t read;
	unsigned char *reserve;
	size_t reserve_size;
	size_t reserve_used;
	bool is_short; /* of memory */
};

static _Thread_local struct load *current;
static json_malloc_t real_malloc;
static json_free_t real_free;

static void *load_malloc(size_t size)
{
	void *memory = real_malloc(size);
	size_t room;

	if (memory != NULL || current == NULL)
		return memory;
	current->is_short = true;
	room = current->reserve_size - current->reserve_used;
	/* What cannot be met here is a value, not a token; those it checks. */
	if (size > room || room - size < ALIGNMENT)
		return NULL;
	memory = current->reserve + current->reserve_used;
	current->reserve_used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return memory;
}

static void load_free(void *memory)
{
	uintptr_t at = (uintptr_t)memory;

	if (current != NULL && at >= (uintptr_t)current->reserve &&
	    at < (uintptr_t)current->reserve + current->reserve_size)
		return;
	real_free(memory);
}

/* Whoever else uses libjansson in this process gets the functions that were there. */
static void take_over(void)
{
	json_get_alloc_funcs(&real_malloc, &real_free);
	json_set_alloc_funcs(load_malloc, load_free);
}

/* One byte at a time, so that nothing more is read once memory was short. */
static size_t next_byte(void *buffer, size_t size, void *ctx)
{
	struct load *load = ctx;

	if (load->is_short || size == 0 || load->read == load->text.len)
		return 0;
	memcpy(buffer, load->text.data + load->read++, 1);
	return 1;
}

json_t *rnm_json_load(struct rnm_bytes text, size_t flags, json_error_t *problem, bool *no_memory)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct load load = { .text = text };
	json_t *json;

	*no_memory = true;
	/* The buffer of a token doubles: it never asks for more than twice what was read, and a second time for a copy. */
	if (text.len > (SIZE_MAX - RESERVE_EXTRA) / 4)
		return NULL;
	load.reserve_size = 4 * text.len + RESERVE_EXTRA;
	load.reserve = malloc(load.reserve_size);
	if (load.reserve == NULL)
		return NULL;
	(void)pthread_once(&once, take_over);
	current = &load;
	json = json_load_callback(next_byte, &load, flags, problem);
	*no_memory = load.is_short || (json == NULL && json_error_code(problem) == json_error_out_of_memory);
	if (*no_memory) {
		json_decref(json);
		json = NULL;
	}
	current = NULL;
	free(load.reserve);
	return json;
}
