/* SPDX-License-Identifier: Apache-2.0 */
/* The restricted mode of UCL for JSON from Redis.  What it read and we write, it reads alike. */
#include "fuzz.h"

#include "format/ucl.h"

#include <rnm/json.h>

#define ARENA_MAX ((size_t)64 << 20)
#define JSON_MAX ((size_t)16 << 20)

static enum rnm_status read_json(struct rnm_arena *arena, const char *text, size_t len,
                                 struct rnm_value **out)
{
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_ucl_parse_json(out, arena, text, len, &err);
	fuzz_check_error(status, &err);
	return status;
}

static void write_json(struct rnm_buf *out, const struct rnm_value *root)
{
	struct rnm_json *json = malloc(sizeof(*json));

	FUZZ_CHECK(json != NULL);
	rnm_json_init(json, out, false);
	rnm_json_value(json, root);
	free(json);
}

static bool has_nul(const struct rnm_value *value)
{
	bool found = value->key.len > 0 && memchr(value->key.data, '\0', value->key.len) != NULL;

	if (value->type == RNM_STRING && value->as.string.len > 0)
		found = found || memchr(value->as.string.data, '\0', value->as.string.len) != NULL;
	for (size_t i = 0; !found && i < rnm_value_count(value); i++)
		found = has_nul(rnm_value_at(value, i));
	return found;
}

/* Whether bytes that are no UTF-8 have become U+FFFD: two keys may then have become one. */
static bool is_lossy(const struct rnm_buf *json)
{
	return json->len > 0 && memmem(json->data, json->len, "\xef\xbf\xbd", 3) != NULL;
}

static void check_again(struct rnm_arena *arena, const struct rnm_value *root)
{
	struct rnm_buf first, second;
	struct rnm_value *again = NULL;

	rnm_buf_init(&first, JSON_MAX);
	rnm_buf_init(&second, JSON_MAX);
	write_json(&first, root);
	if (!first.failed && !has_nul(root) && !is_lossy(&first)) {
		FUZZ_CHECK(read_json(arena, first.data, first.len, &again) == RNM_OK);
		write_json(&second, again);
		FUZZ_CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	}
	rnm_buf_free(&first);
	rnm_buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	struct rnm_value *root = NULL;
	struct rnm_arena arena;

	rnm_arena_init(&arena, ARENA_MAX);
	if (read_json(&arena, text, size, &root) == RNM_OK) {
		(void)fuzz_walk(root);
		check_again(&arena, root);
	}
	rnm_arena_free(&arena);
	free(text);
	return 0;
}
