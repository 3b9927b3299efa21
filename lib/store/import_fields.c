/* SPDX-License-Identifier: Apache-2.0 */
/* What is written: the fields of the hash and the commands of the transaction. */
#include "store/import.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/value_build.h"

#include <rnm/json.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX ((size_t)64 << 20)
/* Longest time to live that is taken over: Redis counts in milliseconds and adds the present. */
#define EXPIRE_MAX 1e12

/* Copies what a buffer holds into a field, and frees it. */
static bool keep(struct rnm_importing *job, const char *name, struct rnm_buf *text)
{
	const char *copy =
	    text->failed ? NULL : rnm_arena_strndup(&job->fixed, rnm_buf_cstr(text), text->len);

	if (copy != NULL && job->small_count < RNM_IMPORT_FIELDS_MAX)
		job->small[job->small_count++] = (struct rnm_import_field){ name, { copy, text->len } };
	rnm_buf_free(text);
	return copy != NULL;
}

static void put_numbers(struct rnm_json *json, const char *key, const double *numbers, size_t count)
{
	rnm_json_key(json, key);
	rnm_json_begin_array(json);
	for (size_t i = 0; i < count; i++)
		rnm_json_double(json, numbers[i]);
	rnm_json_end_array(json);
}

static bool add_norm_stats(struct rnm_importing *job)
{
	const struct rnm_rnm1 *container = job->file->container;
	struct rnm_buf text;
	struct rnm_json json;

	if (container->norm_mode == RNM_NORM_NONE)
		return true;
	rnm_buf_init(&text, TEXT_MAX);
	rnm_json_init(&json, &text, false);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "mode", container->norm_mode == RNM_NORM_UNIT ? "unit" : "zscore");
	if (container->norm_mode == RNM_NORM_ZSCORE) {
		put_numbers(&json, "mean", container->mean, container->norm_count);
		put_numbers(&json, "std", container->std, container->norm_count);
	}
	rnm_json_end_object(&json);
	return keep(job, "norm_stats", &text);
}

/* Left out without thresholds: workers of rules with roc_enabled stumble over an empty list. */
static bool add_roc(struct rnm_importing *job)
{
	const struct rnm_rnm1 *container = job->file->container;
	struct rnm_buf text;
	struct rnm_json json;

	if (!container->has_roc)
		return true;
	rnm_buf_init(&text, TEXT_MAX);
	rnm_json_init(&json, &text, false);
	rnm_json_begin_array(&json);
	rnm_json_double(&json, container->roc_spam);
	rnm_json_double(&json, container->roc_ham);
	rnm_json_end_array(&json);
	return keep(job, "roc_thresholds", &text);
}

static bool add_providers_meta(struct rnm_importing *job)
{
	const struct rnm_value *list = rnm_value_get(job->file->container->extra, "providers_meta");
	struct rnm_buf text;
	struct rnm_json json;

	if (list == NULL || list->type != RNM_ARRAY || rnm_value_count(list) == 0)
		return true;
	rnm_buf_init(&text, TEXT_MAX);
	rnm_json_init(&json, &text, false);
	rnm_json_value(&json, list);
	return keep(job, "providers_meta", &text);
}

static bool add_text(struct rnm_importing *job, const char *name, const char *fmt, ...) RNM_PRINTF(3, 4);
static bool add_text(struct rnm_importing *job, const char *name, const char *fmt, ...)
{
	char line[128];
	struct rnm_buf text;
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	rnm_buf_init(&text, sizeof(line));
	rnm_buf_puts(&text, line);
	return keep(job, name, &text);
}

/* Where it comes from; a profile has no room for that: workers reject members that they do not know. */
static bool add_origin(struct rnm_importing *job)
{
	const struct rnm_rnm1 *container = job->file->container;

	return add_text(job, "rnm_tool", "%s", job->options->tool) &&
	       add_text(job, "rnm_imported_at", "%.0f", rnm_clock_wall()) &&
	       add_text(job, "rnm_model_version", "%.14g", container->model_version) &&
	       (!container->has_created_at ||
	        add_text(job, "rnm_created_at", "%" PRId64, container->created_at));
}

enum rnm_status rnm_import_make_fields(struct rnm_importing *job, struct rnm_error *err)
{
	const double expire = job->rule->ann_expire;

	if (!(expire >= 1 && expire <= EXPIRE_MAX)) {
		rnm_error_set(err, RNM_E_REFUSED, "import.expire",
		              "expected an ann_expire of at least a second in rule %s, found %.14g",
		              job->rule->name, expire);
		rnm_error_set_hint(err, "workers would delete the model as soon as they have loaded it");
		return RNM_E_REFUSED;
	}
	snprintf(job->expire, sizeof(job->expire), "%.0f", expire);
	if (!add_roc(job) || !add_norm_stats(job) || !add_providers_meta(job) || !add_origin(job))
		return rnm_error_nomem(err);
	return RNM_OK;
}

/* A name and a value, each with its length, so that no two models run into the same bytes. */
static void hash_part(crypto_generichash_state *state, const char *name, struct rnm_bytes value)
{
	char head[64];

	(void)snprintf(head, sizeof(head), "%s:%zu:", name, value.len);
	crypto_generichash_update(state, (const unsigned char *)head, strlen(head));
	crypto_generichash_update(state, (const unsigned char *)value.data, value.len);
}

enum rnm_status rnm_import_find_network(struct rnm_importing *job, struct rnm_error *err)
{
	const struct rnm_bytes ann = job->file->container->ann;
	struct rnm_fingerprint *print;
	enum rnm_status status;
	const char *known;

	job->image = rnm_model_file_image(job->file, &known);
	if (job->image != NULL) {
		memcpy(job->network, known, sizeof(job->network));
		return RNM_OK;
	}
	status = rnm_fingerprint_new(&print, err);
	if (status != RNM_OK)
		return status;
	rnm_fingerprint_add(print, ann.data, ann.len);
	rnm_fingerprint_text(print, job->network);
	rnm_fingerprint_free(print);
	return RNM_OK;
}

void rnm_import_hash_content(struct rnm_importing *job)
{
	crypto_generichash_state state;

	rnm_hash_begin(&state);
	hash_part(&state, "digest", rnm_bytes_of(job->digest));
	for (size_t i = 0; i < job->small_count; i++)
		if (strncmp(job->small[i].name, "rnm_", 4) != 0)
			hash_part(&state, job->small[i].name, job->small[i].value);
	hash_part(&state, "pca", job->file->container->pca);
	hash_part(&state, "ann", rnm_bytes_of(job->network));
	rnm_hash_end(job->content, &state);
}

/* ---- commands ---- */

/* Begins a command with room for argc arguments. */
static struct rnm_import_command *begin(struct rnm_importing *job, size_t argc)
{
	struct rnm_import *import = &job->import;
	struct rnm_import_command *command = &import->commands[import->command_count];

	command->argc = 0;
	command->argv = rnm_arena_alloc(&job->round, argc * sizeof(*command->argv));
	if (command->argv == NULL)
		return NULL;
	import->command_count++;
	return command;
}

static void put(struct rnm_importing *job, struct rnm_import_command *command, struct rnm_bytes argument)
{
	command->argv[command->argc++] = argument;
	job->import.bytes += argument.len;
}

static bool put_command(struct rnm_importing *job, const char *name, const char *key, struct rnm_bytes third,
                        struct rnm_bytes fourth)
{
	struct rnm_import_command *command = begin(job, 4);

	if (command == NULL)
		return false;
	put(job, command, rnm_bytes_of(name));
	put(job, command, rnm_bytes_of(key));
	put(job, command, third);
	if (fourth.data != NULL)
		put(job, command, fourth);
	return true;
}

static bool put_small_fields(struct rnm_importing *job)
{
	struct rnm_import_command *command = begin(job, 2 + 2 * job->small_count);

	if (command == NULL)
		return false;
	put(job, command, rnm_bytes_of("HSET"));
	put(job, command, rnm_bytes_of(job->import.key));
	for (size_t i = 0; i < job->small_count; i++) {
		put(job, command, rnm_bytes_of(job->small[i].name));
		put(job, command, job->small[i].value);
	}
	return true;
}

/*
 * The blobs come late: until then the server has had the chance to refuse everything else.  What they are called is
 * perhaps not known before they are on their way.
 */
enum rnm_status rnm_import_make_commands(struct rnm_importing *job, struct rnm_error *err)
{
	const struct rnm_rnm1 *container = job->file->container;
	const struct rnm_bytes none = { NULL, 0 }, content = { job->content, RNM_HASH_HEX - 1 };
	struct rnm_import *import = &job->import;

	import->command_count = 0;
	import->bytes = 0;
	if (!rnm_model_file_is_unread(job->file))
		rnm_import_hash_content(job);
	rnm_format_double(job->score, sizeof(job->score), 17, rnm_clock_wall());
	if (!put_small_fields(job) ||
	    !put_command(job, "EXPIRE", import->key, rnm_bytes_of(job->expire), none) ||
	    !put_command(job, "ZADD", import->zset, rnm_bytes_of(job->score), rnm_bytes_of(import->member)) ||
	    !put_command(job, "EXPIRE", import->zset, rnm_bytes_of(job->expire), none) ||
	    (container->pca.len > 0 &&
	     !put_command(job, "HSET", import->key, rnm_bytes_of("pca"), container->pca)) ||
	    !put_command(job, "HSET", import->key, rnm_bytes_of("ann"), container->ann) ||
	    !put_command(job, "HSET", import->key, rnm_bytes_of("rnm_content"), content))
		return rnm_error_nomem(err);
	return RNM_OK;
}
