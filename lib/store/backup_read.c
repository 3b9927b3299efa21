/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup_read.h"

#include "base/hash.h"
#include "base/value_build.h"
#include "redis/refusal.h"
#include "rspamd/keys.h"
#include "store/events.h"

#include <stdlib.h>
#include <string.h>

/* Says that somebody trains now, which is not true of a model that is put back. */
#define LOCK_FIELD "lock"

static const char *const classes[RNM_BACKUP_CLASSES] = { "spam", "ham" };

/* ---- small helpers ---- */

enum rnm_status rnm_backup_refused(const struct rnm_backup_reading *reading, const char *command,
                                   const char *key, struct rnm_error *err)
{
	const struct rnm_refused what = { .redis = reading->redis,
		                          .command = command,
		                          .global = reading->rule->global,
		                          .rights = reading->rights };
	const char *answer = rnm_buf_cstr(&reading->text);

	rnm_error_set(err, RNM_E_REDIS, "backup.redis", "cannot read %s: Redis refused %s: %s", key, command,
	              answer);
	rnm_refusal_explain(err, &what, answer);
	return RNM_E_REDIS;
}

/* Sends `command key` and reads the number that answers. */
static enum rnm_status ask_number(struct rnm_backup_reading *reading, const char *command, const char *key,
                                  int64_t *number, struct rnm_error *err)
{
	enum rnm_status status = rnm_event_send(reading->redis, command, key, NULL, err);
	bool refused = false;

	if (status == RNM_OK)
		status = rnm_event_integer(reading->redis, command, number, &refused, &reading->text, err);
	return status == RNM_OK && refused ? rnm_backup_refused(reading, command, key, err) : status;
}

enum rnm_status rnm_backup_read_ttl(struct rnm_backup_reading *reading, const char *key, int64_t *ttl_ms,
                                    struct rnm_error *err)
{
	*ttl_ms = RNM_TTL_NONE;
	return ask_number(reading, "PTTL", key, ttl_ms, err);
}

static char *copy(struct rnm_backup_reading *reading, const char *text)
{
	return rnm_arena_strndup(reading->arena, text, strlen(text));
}

void rnm_backup_count(struct rnm_backup_reading *reading, const struct rnm_backup_value *value, bool is_new)
{
	reading->totals.bytes += value->size;
	if (value->inline_bytes != NULL)
		return;
	reading->totals.objects++;
	reading->totals.new_objects += is_new;
	reading->totals.new_bytes += is_new ? value->size : 0;
}

/* ---- values ---- */

static enum rnm_status keep_inline(struct rnm_backup_reading *reading, struct rnm_bytes bytes,
                                   struct rnm_backup_value *value, struct rnm_error *err)
{
	value->inline_bytes = rnm_arena_strndup(reading->arena, bytes.len > 0 ? bytes.data : "", bytes.len);
	value->size = bytes.len;
	rnm_backup_count(reading, value, false);
	return value->inline_bytes != NULL ? RNM_OK : rnm_error_nomem(err);
}

static enum rnm_status keep_bytes(struct rnm_backup_reading *reading, struct rnm_bytes bytes,
                                  struct rnm_backup_value *value, struct rnm_error *err)
{
	char expected[RNM_HASH_HEX];
	struct rnm_backup_object object;
	bool is_new = false;
	enum rnm_status status;

	if (bytes.len <= RNM_BACKUP_INLINE_MAX)
		return keep_inline(reading, bytes, value, err);
	rnm_hash_of(expected, bytes.data, bytes.len);
	status = rnm_backup_object_begin(&object, reading->folder, expected, reading->options->dry_run, err);
	if (status == RNM_OK)
		status = rnm_backup_object_put(&object, bytes.data, bytes.len, err);
	if (status == RNM_OK)
		status = rnm_backup_object_end(&object, value, &is_new, err);
	rnm_backup_object_abort(&object);
	if (status == RNM_OK)
		rnm_backup_count(reading, value, is_new);
	return status;
}

static void report_progress(struct rnm_backup_reading *reading, size_t len)
{
	reading->done += len;
	if (reading->options->progress != NULL)
		reading->options->progress(reading->options->progress_ctx, reading->done, reading->expected);
}

/* The bulk that has been announced, straight into an object. */
static enum rnm_status stream_object(struct rnm_backup_reading *reading, struct rnm_backup_value *value,
                                     const char *expected, struct rnm_error *err)
{
	struct rnm_backup_object object;
	bool is_new = false;
	enum rnm_status status =
	    rnm_backup_object_begin(&object, reading->folder, expected, reading->options->dry_run, err);

	while (status == RNM_OK) {
		struct rnm_event event;

		status = rnm_redis_next(reading->redis, &event, err);
		if (status != RNM_OK || event.kind == RNM_EVENT_BULK_END)
			break;
		status = rnm_backup_object_put(&object, event.data.data, event.data.len, err);
		report_progress(reading, event.data.len);
	}
	if (status == RNM_OK)
		status = rnm_backup_object_end(&object, value, &is_new, err);
	rnm_backup_object_abort(&object);
	if (status == RNM_OK)
		rnm_backup_count(reading, value, is_new);
	return status;
}

/* One value of HMGET; *there is false for a field that has gone since its name was read. */
static enum rnm_status read_value(struct rnm_backup_reading *reading, struct rnm_backup_value *value,
                                  const char *expected, bool *there, struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(reading->redis, &event, err);

	*there = false;
	if (status != RNM_OK || event.kind == RNM_EVENT_NIL)
		return status;
	if (event.kind != RNM_EVENT_BULK_BEGIN)
		return rnm_event_unexpected("HMGET", err);
	*there = true;
	if (event.length > RNM_BACKUP_INLINE_MAX)
		return stream_object(reading, value, expected, err);
	status = rnm_event_bulk(reading->redis, &event, &reading->text, "a field", err);
	if (status != RNM_OK)
		return status;
	return keep_inline(reading, (struct rnm_bytes){ rnm_buf_cstr(&reading->text), reading->text.len },
	                   value, err);
}

/* ---- hashes ---- */

static enum rnm_status too_many_fields(const char *key, uint64_t count, struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_MALFORMED, "backup.fields",
	                     "%s: expected a hash of at most %zu fields, found %llu", key,
	                     RNM_BACKUP_FIELDS_MAX, (unsigned long long)count);
}

/* The first event of a list, or the refusal of the command. */
static enum rnm_status begin_list(struct rnm_backup_reading *reading, const char *command, const char *key,
                                  uint64_t *count, struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(reading->redis, &event, err);

	if (status != RNM_OK)
		return status;
	if (event.kind == RNM_EVENT_ERROR) {
		rnm_buf_clear(&reading->text);
		rnm_buf_append(&reading->text, event.data.data, event.data.len);
		return rnm_backup_refused(reading, command, key, err);
	}
	if (event.kind != RNM_EVENT_ARRAY)
		return rnm_event_unexpected(command, err);
	*count = event.length;
	return RNM_OK;
}

static enum rnm_status read_name(struct rnm_backup_reading *reading, const char *key, struct rnm_bytes *name,
                                 struct rnm_error *err)
{
	struct rnm_event event;
	enum rnm_status status = rnm_redis_next(reading->redis, &event, err);

	if (status == RNM_OK && event.kind != RNM_EVENT_BULK_BEGIN)
		status = rnm_event_unexpected("HKEYS", err);
	if (status == RNM_OK)
		status = rnm_event_bulk(reading->redis, &event, &reading->text, "the name of a field", err);
	if (status != RNM_OK)
		return status;
	if (reading->text.len > RNM_BACKUP_NAME_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "backup.fields",
		                     "%s: expected names of fields of at most %zu bytes, found %zu", key,
		                     RNM_BACKUP_NAME_MAX, reading->text.len);
	name->len = reading->text.len;
	name->data = rnm_arena_strndup(reading->arena, rnm_buf_cstr(&reading->text), name->len);
	return name->data != NULL ? RNM_OK : rnm_error_nomem(err);
}

/* The names first: HGETALL would send all values of a hash that may be anything. */
static enum rnm_status read_names(struct rnm_backup_reading *reading, struct rnm_backup_model *model,
                                  struct rnm_error *err)
{
	int64_t length = 0;
	uint64_t count = 0;
	enum rnm_status status = ask_number(reading, "HLEN", model->key, &length, err);

	if (status != RNM_OK || length == 0)
		return status;
	if (length < 0 || (uint64_t)length > RNM_BACKUP_FIELDS_MAX)
		return too_many_fields(model->key, (uint64_t)length, err);
	status = rnm_event_send(reading->redis, "HKEYS", model->key, NULL, err);
	if (status == RNM_OK)
		status = begin_list(reading, "HKEYS", model->key, &count, err);
	if (status == RNM_OK && count > RNM_BACKUP_FIELDS_MAX)
		status = too_many_fields(model->key, count, err);
	if (status != RNM_OK)
		return status;
	model->fields = rnm_arena_alloc(reading->arena, (count + 1) * sizeof(*model->fields));
	if (model->fields == NULL)
		return rnm_error_nomem(err);
	for (uint64_t i = 0; status == RNM_OK && i < count; i++) {
		struct rnm_bytes *name = &model->fields[model->field_count].name;

		status = read_name(reading, model->key, name, err);
		model->field_count += status == RNM_OK && !rnm_bytes_equal(*name, rnm_bytes_of(LOCK_FIELD));
	}
	return status;
}

static enum rnm_status ask_values(struct rnm_backup_reading *reading, const struct rnm_backup_model *model,
                                  struct rnm_error *err)
{
	struct rnm_bytes *argv = calloc(model->field_count + 2, sizeof(*argv));
	enum rnm_status status;

	if (argv == NULL)
		return rnm_error_nomem(err);
	argv[0] = rnm_bytes_of("HMGET");
	argv[1] = rnm_bytes_of(model->key);
	for (size_t i = 0; i < model->field_count; i++)
		argv[i + 2] = model->fields[i].name;
	status = rnm_redis_send(reading->redis, model->field_count + 2, argv, err);
	free(argv);
	return status;
}

static int by_key_of_model(const void *key, const void *model)
{
	const char *other = ((const struct rnm_backup_model *)model)->key;

	/* Profiles without a key stand first. */
	return other == NULL ? 1 : strcmp(key, other);
}

/* The object that a field was in the last backup, or NULL. */
static const char *object_before(const struct rnm_backup_model *before, struct rnm_bytes name)
{
	for (size_t i = 0; before != NULL && i < before->field_count; i++)
		if (rnm_bytes_equal(before->fields[i].name, name))
			return before->fields[i].value.inline_bytes == NULL ? before->fields[i].value.hash
			                                                    : NULL;
	return NULL;
}

static const struct rnm_backup_model *model_before(const struct rnm_backup_reading *reading, const char *key)
{
	const struct rnm_backup_set *set = reading->before;

	if (set == NULL || set->model_count == 0)
		return NULL;
	return bsearch(key, set->models, set->model_count, sizeof(*set->models), by_key_of_model);
}

/* All values by one command, so that they belong together. */
static enum rnm_status read_values(struct rnm_backup_reading *reading, struct rnm_backup_model *model,
                                   struct rnm_error *err)
{
	const struct rnm_backup_model *before = model_before(reading, model->key);
	size_t kept = 0;
	uint64_t count = 0;
	enum rnm_status status = ask_values(reading, model, err);

	if (status == RNM_OK)
		status = begin_list(reading, "HMGET", model->key, &count, err);
	if (status == RNM_OK && count != model->field_count)
		status = rnm_event_unexpected("HMGET", err);
	for (size_t i = 0; status == RNM_OK && i < model->field_count; i++) {
		struct rnm_backup_field *field = &model->fields[i];
		bool there;

		status = read_value(reading, &field->value, object_before(before, field->name), &there, err);
		if (status != RNM_OK || !there)
			continue;
		model->live = model->live || rnm_bytes_equal(field->name, rnm_bytes_of("ann"));
		model->fields[kept++] = *field;
	}
	model->field_count = kept;
	return status;
}

enum rnm_status rnm_backup_read_hash(struct rnm_backup_reading *reading, struct rnm_backup_model *model,
                                     struct rnm_error *err)
{
	enum rnm_status status = read_names(reading, model, err);

	if (status != RNM_OK || model->field_count == 0)
		return status;
	status = read_values(reading, model, err);
	return status == RNM_OK ? rnm_backup_read_ttl(reading, model->key, &model->ttl_ms, err) : status;
}

/* ---- models ---- */

static const char *training_before(const struct rnm_backup_training *before, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (before[i].value.inline_bytes == NULL && strcmp(before[i].key, key) == 0)
			return before[i].value.hash;
	return NULL;
}

static enum rnm_status read_trainings(struct rnm_backup_reading *reading, const char *model_key,
                                      struct rnm_backup_model *model, struct rnm_error *err)
{
	const struct rnm_backup_model *before = model_before(reading, model_key);
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < RNM_BACKUP_CLASSES; i++) {
		char *key = rnm_training_key(model_key, classes[i]);
		bool found = false;

		if (key == NULL)
			return rnm_error_nomem(err);
		status = rnm_backup_read_training(
		    reading, &model->training[model->training_count], key,
		    before != NULL ? training_before(before->training, before->training_count, key) : NULL,
		    &found, err);
		model->training_count += status == RNM_OK && found;
		free(key);
	}
	return status;
}

static enum rnm_status read_pending(struct rnm_backup_reading *reading, struct rnm_backup_set *set,
                                    const char *settings, struct rnm_error *err)
{
	const struct rnm_backup_set *before = reading->before;
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < RNM_BACKUP_CLASSES; i++) {
		char *key = rnm_pending_key(reading->rule, settings, classes[i]);
		bool found = false;

		if (key == NULL)
			return rnm_error_nomem(err);
		status = rnm_backup_read_training(reading, &set->pending[set->pending_count], key,
		                                  before != NULL ? training_before(before->pending,
		                                                                   before->pending_count, key)
		                                                 : NULL,
		                                  &found, err);
		set->pending_count += status == RNM_OK && found;
		free(key);
	}
	return status;
}

/* The profiles that name one key (or one profile without any), and what is under the key. */
static enum rnm_status read_model(struct rnm_backup_reading *reading, const struct rnm_model *const *listed,
                                  size_t count, struct rnm_backup_model *model, struct rnm_error *err)
{
	const struct rnm_profile *first = &listed[0]->profile;
	enum rnm_status status = RNM_OK;

	model->ttl_ms = RNM_TTL_NONE;
	model->profiles = rnm_arena_alloc(reading->arena, count * sizeof(*model->profiles));
	if (model->profiles == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		model->profiles[i].score = listed[i]->profile.score;
		status = keep_bytes(reading, listed[i]->profile.member, &model->profiles[i].member, err);
	}
	if (status != RNM_OK)
		return status;
	model->profile_count = count;
	reading->totals.profiles += count;
	if (first->version_text != NULL && (model->version = copy(reading, first->version_text)) == NULL)
		return rnm_error_nomem(err);
	if (first->redis_key == NULL)
		return RNM_OK;
	model->key = copy(reading, first->redis_key);
	if (model->key == NULL)
		return rnm_error_nomem(err);
	/* A key of another type is nothing of rspamd's. */
	if (!listed[0]->wrong_type)
		status = rnm_backup_read_hash(reading, model, err);
	reading->totals.models += model->live;
	if (status == RNM_OK && reading->options->with_training)
		status = read_trainings(reading, model->key, model, err);
	return status;
}

static int by_key(const void *a, const void *b)
{
	const struct rnm_model *left = *(const struct rnm_model *const *)a;
	const struct rnm_model *right = *(const struct rnm_model *const *)b;
	const char *one = left->profile.redis_key, *other = right->profile.redis_key;
	int order;

	if (one == NULL || other == NULL)
		order = (one != NULL) - (other != NULL);
	else
		order = strcmp(one, other);
	/* Both lie in one array, newest first. */
	return order != 0 ? order : (left > right) - (left < right);
}

static bool same_key(const struct rnm_model *a, const struct rnm_model *b)
{
	return a->profile.redis_key != NULL && b->profile.redis_key != NULL &&
	       strcmp(a->profile.redis_key, b->profile.redis_key) == 0;
}

/* The list in the order of by_key, to be freed; NULL: no memory. */
static const struct rnm_model **sort_by_key(const struct rnm_model_list *list)
{
	const struct rnm_model **sorted = calloc(list->count + 1, sizeof(const struct rnm_model *));

	if (sorted == NULL)
		return NULL;
	for (size_t i = 0; i < list->count; i++)
		sorted[i] = &list->models[i];
	if (list->count > 1)
		qsort(sorted, list->count, sizeof(*sorted), by_key);
	return sorted;
}

static enum rnm_status read_models(struct rnm_backup_reading *reading, const struct rnm_model_list *list,
                                   struct rnm_backup_set *set, struct rnm_error *err)
{
	const struct rnm_model **sorted;
	enum rnm_status status = RNM_OK;
	size_t next;

	set->models = rnm_arena_alloc(reading->arena, (list->count + 1) * sizeof(*set->models));
	if (set->models == NULL)
		return rnm_error_nomem(err);
	sorted = sort_by_key(list);
	if (sorted == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; i < list->count; i++)
		reading->expected += list->models[i].ann_size;
	for (size_t i = 0; status == RNM_OK && i < list->count; i = next) {
		for (next = i + 1; next < list->count && same_key(sorted[i], sorted[next]); next++)
			continue;
		status = read_model(reading, sorted + i, next - i, &set->models[set->model_count], err);
		set->model_count += status == RNM_OK;
	}
	free(sorted);
	return status;
}

/* ---- sets ---- */

static enum rnm_status name_set(struct rnm_backup_reading *reading, struct rnm_backup_set *set,
                                const char *name, const struct rnm_model_list *list, struct rnm_error *err)
{
	set->zset_ttl_ms = list->zset_ttl_ms >= 0 ? list->zset_ttl_ms : RNM_TTL_NONE;
	set->zset = copy(reading, list->zset);
	set->settings = copy(reading, list->settings);
	set->global = copy(reading, reading->rule->global);
	set->prefix = copy(reading, reading->rule->prefix);
	if (name != NULL)
		set->rule = copy(reading, name);
	if (set->zset == NULL || set->settings == NULL || set->global == NULL || set->prefix == NULL ||
	    (name != NULL && set->rule == NULL))
		return rnm_error_nomem(err);
	return RNM_OK;
}

/* A key that Redis does not show may hold the best of the models. */
static enum rnm_status check_keys(struct rnm_backup_reading *reading, const struct rnm_model_list *list,
                                  struct rnm_error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct rnm_model *model = &list->models[i];

		if (model->key_error == NULL)
			continue;
		rnm_buf_clear(&reading->text);
		rnm_buf_puts(&reading->text, model->key_error);
		return rnm_backup_refused(reading, "HEXISTS", model->profile.redis_key, err);
	}
	return RNM_OK;
}

enum rnm_status rnm_backup_read_set(struct rnm_backup_reading *reading, struct rnm_backup_set *set,
                                    const char *name, const char *settings, struct rnm_error *err)
{
	struct rnm_model_list *list = NULL;
	enum rnm_status status =
	    rnm_store_list(&list, reading->redis, reading->rule, settings, RNM_LIST_FULL, err);

	if (status == RNM_OK)
		status = check_keys(reading, list, err);
	if (status == RNM_OK)
		status = name_set(reading, set, name, list, err);
	if (status == RNM_OK)
		reading->before = rnm_backup_set_of(reading->last, set->zset);
	if (status == RNM_OK)
		status = read_models(reading, list, set, err);
	if (status == RNM_OK && reading->options->with_training)
		status = read_pending(reading, set, settings, err);
	rnm_model_list_free(list);
	return status;
}
