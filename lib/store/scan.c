/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding every sorted set of models by its name.
 */
#include "store/scan.h"
#include "base/grow.h"
#include "base/value_build.h"
#include "redis/refusal.h"

#include <rnm/store.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_(x) #x
#define QUOTE(x) QUOTE_(x)
#define SCAN_COUNT QUOTE(RNM_SCAN_BATCH)
#define SETS_MAX ((size_t)100000)
#define NAME_MAX_BYTES ((size_t)1 << 20)
/* A server that never hands out cursor 0 again must not keep us for ever: 1000 keys each, 10^9 keys. */
#define ROUNDS_MAX 1000000u
/* Names in all rounds: Redis sends those that match the pattern, and some of them twice. */
#define NAMES_MAX ((size_t)1000000)

struct scan {
	struct rnm_redis *redis;
	const char *global;
	char *const *known;
	size_t known_count;
	struct rnm_store_set *sets;
	size_t count, cap;
	size_t names; /* that the server has sent */
	struct rnm_buf text;
};

/* The characters of a name that mean something to MATCH, escaped. */
static void append_literal(struct rnm_buf *pattern, const char *name)
{
	for (const char *c = name; *c != '\0'; c++) {
		if (strchr("*?[]^-\\", *c) != NULL)
			rnm_buf_putc(pattern, '\\');
		rnm_buf_putc(pattern, *c);
	}
}

static void free_set(struct rnm_store_set *set)
{
	free(set->zset);
	free(set->prefix);
	free(set->settings);
}

static enum rnm_status add_name(void *ctx, struct rnm_error *err)
{
	struct scan *scan = ctx;
	struct rnm_bytes name = { rnm_buf_cstr(&scan->text), scan->text.len }, prefix, settings;
	struct rnm_store_set *grown, *set;

	if (scan->names++ == NAMES_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "store.too-many",
		                     "expected SCAN to name at most %zu keys, found more", NAMES_MAX);
	/* A name with a NUL cannot be asked for later; rspamd makes none. */
	if (memchr(name.data, '\0', name.len) != NULL ||
	    !rnm_zset_split(name, scan->global, scan->known, scan->known_count, &prefix, &settings))
		return RNM_OK;
	if (scan->count == SETS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "store.too-many",
		                     "expected at most %zu sets of models, found more", SETS_MAX);
	grown = rnm_grow(scan->sets, scan->count, &scan->cap, sizeof(*grown));
	if (grown == NULL)
		return rnm_error_nomem(err);
	scan->sets = grown;
	set = &scan->sets[scan->count++];
	set->zset = strdup(name.data);
	set->prefix = strndup(prefix.data, prefix.len);
	set->settings = strndup(settings.data, settings.len);
	if (set->zset != NULL && set->prefix != NULL && set->settings != NULL)
		return RNM_OK;
	free_set(set);
	scan->count--;
	return rnm_error_nomem(err);
}

static enum rnm_status scan_refused(const struct rnm_key_scan *scan, struct rnm_error *err)
{
	const struct rnm_refused what = { .redis = scan->redis, .command = "SCAN", .global = scan->global };

	rnm_error_set(err, RNM_E_REDIS, "store.scan", "cannot look for models: %s", rnm_buf_cstr(scan->name));
	rnm_refusal_explain(err, &what, rnm_buf_cstr(scan->name));
	return RNM_E_REDIS;
}

/* One round; the next cursor replaces the old one. */
static enum rnm_status scan_round(const struct rnm_key_scan *scan, const char *pattern,
                                  char cursor[RNM_CURSOR_MAX], struct rnm_error *err)
{
	enum rnm_status status =
	    rnm_redis_sendv(scan->redis, err, "SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT, NULL);

	if (status == RNM_OK)
		status = rnm_event_scan(scan->redis, "SCAN", cursor, scan->name, "the name of a key",
		                        scan->take, scan->ctx, err);
	return status == RNM_NO ? scan_refused(scan, err) : status;
}

enum rnm_status rnm_scan_keys(const struct rnm_key_scan *scan, struct rnm_error *err)
{
	char cursor[RNM_CURSOR_MAX] = "0";
	struct rnm_buf pattern;
	enum rnm_status status = RNM_OK;
	unsigned rounds = 0;

	rnm_buf_init(&pattern, NAME_MAX_BYTES);
	append_literal(&pattern, scan->global);
	if (!rnm_buf_puts(&pattern, scan->rest))
		status = rnm_error_nomem(err);
	while (status == RNM_OK && (rounds == 0 || strcmp(cursor, "0") != 0)) {
		if (rounds++ == ROUNDS_MAX)
			status = rnm_error_set(err, RNM_E_MALFORMED, "store.too-many",
			                       "expected SCAN to end, found it still going after %u rounds",
			                       ROUNDS_MAX);
		else
			status = scan_round(scan, rnm_buf_cstr(&pattern), cursor, err);
		if (status == RNM_OK && scan->tick != NULL)
			scan->tick(scan->ctx, (uint64_t)rounds * RNM_SCAN_BATCH);
	}
	rnm_buf_free(&pattern);
	return status;
}

static int by_name(const void *a, const void *b)
{
	const struct rnm_store_set *left = a, *right = b;

	return strcmp(left->zset, right->zset);
}

/* SCAN may name a key more than once. */
static void sort_unique(struct scan *scan)
{
	size_t kept = 0;

	if (scan->count > 1)
		qsort(scan->sets, scan->count, sizeof(*scan->sets), by_name);
	for (size_t i = 0; i < scan->count; i++) {
		if (kept > 0 && strcmp(scan->sets[kept - 1].zset, scan->sets[i].zset) == 0)
			free_set(&scan->sets[i]);
		else
			scan->sets[kept++] = scan->sets[i];
	}
	scan->count = kept;
}

/* Keys of another type that happen to be named alike are dropped; where TYPE is refused they stay. */
static enum rnm_status keep_zsets(struct scan *scan, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	size_t kept = 0;

	for (size_t i = 0; i < scan->count && status == RNM_OK; i++)
		status = rnm_event_send(scan->redis, "TYPE", scan->sets[i].zset, NULL, err);
	for (size_t i = 0; i < scan->count; i++) {
		struct rnm_event event = { .kind = RNM_EVENT_ERROR };

		if (status == RNM_OK)
			status = rnm_redis_next(scan->redis, &event, err);
		if (status == RNM_OK && event.kind != RNM_EVENT_STATUS && event.kind != RNM_EVENT_ERROR)
			status = rnm_event_unexpected("TYPE", err);
		if (event.kind == RNM_EVENT_STATUS && !rnm_bytes_equal(event.data, rnm_bytes_of("zset")))
			free_set(&scan->sets[i]);
		else
			scan->sets[kept++] = scan->sets[i];
	}
	scan->count = kept;
	return status;
}

enum rnm_status rnm_store_scan(struct rnm_store_set **out, size_t *count, struct rnm_redis *redis,
                               const char *global, char *const *known_prefixes, size_t known_count,
                               struct rnm_error *err)
{
	struct scan scan = {
		.redis = redis, .global = global, .known = known_prefixes, .known_count = known_count
	};
	const struct rnm_key_scan keys = {
		.redis = redis,
		.global = global,
		.rest = RNM_PLUGIN_VERSION "_*_" RNM_METATOKENS_VERSION "_*",
		.name = &scan.text,
		.take = add_name,
		.ctx = &scan,
	};
	enum rnm_status status;

	rnm_buf_init(&scan.text, NAME_MAX_BYTES);
	status = rnm_scan_keys(&keys, err);
	sort_unique(&scan);
	if (status == RNM_OK)
		status = keep_zsets(&scan, err);
	rnm_buf_free(&scan.text);
	if (status != RNM_OK) {
		rnm_store_sets_free(scan.sets, scan.count);
		return status;
	}
	*out = scan.sets;
	*count = scan.count;
	return RNM_OK;
}

void rnm_store_sets_free(struct rnm_store_set *sets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free_set(&sets[i]);
	free(sets);
}
