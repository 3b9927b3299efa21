/* SPDX-License-Identifier: Apache-2.0 */
#include "rspamd/digest.h"

#include "base/grow.h"
#include "rspamd/rule_number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* One hashed line or path; a configuration tree itself is bounded to less. */
#define LINE_MAX_BYTES ((size_t)1 << 30)

void rnm_hasher_init(struct rnm_hasher *hasher, enum rnm_number_style numbers,
                     struct rnm_digest_explanation *record)
{
	memset(hasher, 0, sizeof(*hasher));
	hasher->numbers = numbers;
	hasher->record = record;
	rnm_buf_init(&hasher->line, LINE_MAX_BYTES);
	rnm_buf_init(&hasher->path, LINE_MAX_BYTES);
}

void rnm_hasher_free(struct rnm_hasher *hasher)
{
	rnm_buf_free(&hasher->line);
	rnm_buf_free(&hasher->path);
}

static void format_hash(char out[RNM_DIGEST_LEN + 1], uint64_t hash)
{
	snprintf(out, RNM_DIGEST_LEN + 1, "%016" PRIx64, hash);
}

void rnm_hasher_digest(const struct rnm_hasher *hasher, char out[RNM_DIGEST_LEN + 1])
{
	format_hash(out, hasher->open[0].sum);
}

/* Appends key to the path; returns the length to go back to. */
static size_t path_push(struct rnm_hasher *hasher, struct rnm_digest_key key)
{
	size_t before = hasher->path.len;

	if (hasher->record == NULL)
		return before;
	if (key.index > 0) {
		rnm_buf_printf(&hasher->path, "[%zu]", key.index);
	} else {
		if (before > 0)
			rnm_buf_putc(&hasher->path, '.');
		rnm_buf_append(&hasher->path, key.name.data, key.name.len);
	}
	if (hasher->path.failed)
		hasher->failed = true;
	return before;
}

static void path_pop(struct rnm_hasher *hasher, size_t before)
{
	if (before < hasher->path.len) {
		hasher->path.len = before;
		hasher->path.data[before] = '\0';
	}
}

static char *copy_bytes(const char *data, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return NULL;
	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

static char *origin_text(struct rnm_digest_origin origin)
{
	struct rnm_buf text;
	char *result;
	bool placed = origin.value != NULL && origin.value->file != NULL;

	rnm_buf_init(&text, LINE_MAX_BYTES);
	if (origin.source == RNM_FROM_DEFAULT)
		rnm_buf_puts(&text, "default");
	else if (!placed)
		rnm_buf_puts(&text, origin.source == RNM_FROM_GPT ? "gpt" : "rule");
	else if (origin.source == RNM_FROM_GPT)
		rnm_buf_printf(&text, "gpt (%s:%" PRIu32 ")", origin.value->file, origin.value->line);
	else
		rnm_buf_printf(&text, "%s:%" PRIu32, origin.value->file, origin.value->line);
	result = rnm_buf_steal(&text);
	rnm_buf_free(&text);
	return result;
}

static struct rnm_digest_step *new_step(struct rnm_hasher *hasher)
{
	struct rnm_digest_explanation *record = hasher->record;
	struct rnm_digest_step *steps =
	    rnm_grow(record->steps, record->count, &hasher->capacity, sizeof(*steps));

	if (steps == NULL)
		return NULL;
	record->steps = steps;
	memset(&record->steps[record->count], 0, sizeof(*record->steps));
	return &record->steps[record->count++];
}

static void record_step(struct rnm_hasher *hasher, struct rnm_bytes text, struct rnm_digest_origin origin,
                        uint64_t hash)
{
	struct rnm_digest_step *step = new_step(hasher);

	if (step == NULL) {
		hasher->failed = true;
		return;
	}
	step->path = copy_bytes(rnm_buf_cstr(&hasher->path), hasher->path.len);
	step->value = copy_bytes(text.data, text.len);
	step->origin = origin_text(origin);
	step->hashed = copy_bytes(hasher->line.data, hasher->line.len);
	step->hashed_len = hasher->line.len;
	format_hash(step->hash, hash);
	if (step->path == NULL || step->value == NULL || step->origin == NULL || step->hashed == NULL)
		hasher->failed = true;
}

void rnm_hasher_text(struct rnm_hasher *hasher, struct rnm_digest_key key, struct rnm_bytes text,
                     struct rnm_digest_origin origin)
{
	size_t before;
	uint64_t hash;

	if (hasher->failed || hasher->too_deep)
		return;
	before = path_push(hasher, key);
	rnm_buf_clear(&hasher->line);
	if (key.index > 0)
		rnm_buf_printf(&hasher->line, "%zu", key.index);
	else
		rnm_buf_append(&hasher->line, key.name.data, key.name.len);
	rnm_buf_putc(&hasher->line, '\0');
	rnm_buf_append(&hasher->line, text.data, text.len);
	if (hasher->line.failed) {
		hasher->failed = true;
		return;
	}
	hash = XXH3_64bits(hasher->line.data, hasher->line.len);
	hasher->open[hasher->depth].sum ^= hash;
	if (hasher->record != NULL)
		record_step(hasher, text, origin, hash);
	path_pop(hasher, before);
}

void rnm_hasher_begin(struct rnm_hasher *hasher, struct rnm_digest_key key)
{
	if (hasher->failed || hasher->too_deep)
		return;
	if (hasher->depth == RNM_DIGEST_DEPTH_MAX) {
		hasher->too_deep = true;
		return;
	}
	hasher->depth++;
	hasher->open[hasher->depth].sum = 0;
	hasher->open[hasher->depth].path_len = path_push(hasher, key);
}

void rnm_hasher_end(struct rnm_hasher *hasher, struct rnm_digest_key key, struct rnm_digest_origin origin)
{
	char hash[RNM_DIGEST_LEN + 1];

	if (hasher->failed || hasher->too_deep)
		return;
	format_hash(hash, hasher->open[hasher->depth].sum);
	path_pop(hasher, hasher->open[hasher->depth].path_len);
	hasher->depth--;
	rnm_hasher_text(hasher, key, (struct rnm_bytes){ hash, RNM_DIGEST_LEN }, origin);
}

/* Lua gets object keys as C strings: a NUL byte ends them. */
static struct rnm_bytes lua_key(struct rnm_bytes key)
{
	return (struct rnm_bytes){ key.data, key.len == 0 ? 0 : strnlen(key.data, key.len) };
}

static void hash_items(struct rnm_hasher *hasher, const struct rnm_value *container,
                       struct rnm_digest_origin origin)
{
	size_t count = rnm_value_count(container);

	for (size_t i = 0; i < count && !hasher->failed && !hasher->too_deep; i++) {
		const struct rnm_value *item = rnm_value_at(container, i);
		struct rnm_digest_key key = { .index = i + 1 };

		if (container->type == RNM_OBJECT)
			key = (struct rnm_digest_key){ .name = lua_key(item->key) };
		if (origin.source != RNM_FROM_DEFAULT)
			origin.value = item;
		rnm_hasher_value(hasher, key, item, origin);
	}
}

void rnm_hasher_value(struct rnm_hasher *hasher, struct rnm_digest_key key, const struct rnm_value *value,
                      struct rnm_digest_origin origin)
{
	char number[RNM_LUA_NUMBER_MAX];
	struct rnm_bytes text = { number, 0 };

	switch ((enum rnm_type)value->type) {
	case RNM_ARRAY:
	case RNM_OBJECT:
		rnm_hasher_begin(hasher, key);
		hash_items(hasher, value, origin);
		rnm_hasher_end(hasher, key, origin);
		return;
	case RNM_STRING:
		text = value->as.string;
		break;
	case RNM_BOOL:
		text = value->as.boolean ? (struct rnm_bytes){ "true", 4 } : (struct rnm_bytes){ "false", 5 };
		break;
	case RNM_NULL:
		text = (struct rnm_bytes){ "null", 4 };
		break;
	case RNM_INT:
	case RNM_FLOAT:
		rnm_lua_number_value(number, value, hasher->numbers);
		text.len = strlen(number);
		break;
	}
	rnm_hasher_text(hasher, key, text, origin);
}

void rnm_digest_explanation_free(struct rnm_digest_explanation *explanation)
{
	if (explanation == NULL)
		return;
	for (size_t i = 0; i < explanation->count; i++) {
		free(explanation->steps[i].path);
		free(explanation->steps[i].value);
		free(explanation->steps[i].origin);
		free(explanation->steps[i].hashed);
	}
	free(explanation->steps);
	free(explanation);
}
