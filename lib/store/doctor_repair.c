/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repairs.  Between the examination and now rspamd goes on working: each repair watches what it depends on,
 * looks again, and changes nothing if it is no longer so.
 */
#include "store/doctor_repair.h"

#include "base/clock.h"
#include "base/value_build.h"
#include "rspamd/rule_number.h"
#include "store/doctor.h"
#include "store/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How often repairs may bring something to light that wants another one. */
#define REPAIR_ROUNDS_MAX 4u
/* Arguments that rnm_repair_add takes. */
#define ADD_MAX 8

void rnm_repair_tell(struct rnm_repairing *r, const char *fmt, ...)
{
	char text[RNM_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	r->finding->outcome = rnm_arena_strndup(r->arena, text, strlen(text));
}

enum rnm_status rnm_repair_gone(struct rnm_repairing *r, const char *why)
{
	r->gone = true;
	rnm_repair_tell(r, "%s", why);
	return RNM_OK;
}

enum rnm_status rnm_repair_ask(struct rnm_repairing *r, struct rnm_reply **reply, const char *command,
                               const char *key, const char *field, struct rnm_error *err)
{
	enum rnm_status status = rnm_event_send(r->redis, command, key, field, err);

	*reply = NULL;
	if (status == RNM_OK)
		status = rnm_redis_reply(r->redis, reply, 0, err);
	if (status == RNM_OK && (*reply)->kind == RNM_EVENT_ERROR) {
		rnm_transaction_refused(&r->change, command, (*reply)->text.data, err);
		rnm_reply_free(*reply);
		*reply = NULL;
		status = RNM_E_REDIS; /* said here, so that an analyser sees that *reply is set on RNM_OK */
	}
	return status;
}

enum rnm_status rnm_repair_integer(struct rnm_repairing *r, int64_t *out, const char *command,
                                   const char *key, const char *field, struct rnm_error *err)
{
	struct rnm_reply *reply;
	enum rnm_status status = rnm_repair_ask(r, &reply, command, key, field, err);

	if (status == RNM_OK && reply->kind != RNM_EVENT_INTEGER)
		status = rnm_event_unexpected(command, err);
	if (status == RNM_OK)
		*out = reply->integer;
	rnm_reply_free(reply);
	return status;
}

enum rnm_status rnm_repair_add(struct rnm_transaction *change, struct rnm_error *err, ...)
{
	struct rnm_bytes argv[ADD_MAX];
	const char *text;
	size_t argc = 0;
	va_list args;

	va_start(args, err);
	while (argc < ADD_MAX && (text = va_arg(args, const char *)) != NULL)
		argv[argc++] = rnm_bytes_of(text);
	va_end(args);
	return rnm_transaction_add(change, argc, argv, err);
}

enum rnm_status rnm_repair_lock(struct rnm_repairing *r, const char *key, bool *has_lock, double *lock,
                                struct rnm_error *err)
{
	struct rnm_reply *reply;
	enum rnm_status status = rnm_repair_ask(r, &reply, "HGET", key, "lock", err);

	*has_lock = status == RNM_OK && reply->kind == RNM_EVENT_BULK_BEGIN;
	*lock = 0;
	if (*has_lock)
		(void)rnm_number_parse(lock, reply->text);
	rnm_reply_free(reply);
	return status;
}

static bool is_known_field(struct rnm_bytes field)
{
	static const char *const known[] = {
		"ann",      "roc_thresholds", "pca",     "providers_meta", "norm_stats",       "lock",
		"hostname", "obsolete",       "version", "ann_data",       "providers_digest", "created_at"
	};
	static const char own[] = "rnm_";

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (rnm_bytes_equal(field, rnm_bytes_of(known[i])))
			return true;
	return field.len >= strlen(own) && memcmp(field.data, own, strlen(own)) == 0;
}

bool rnm_fields_are_ours(const struct rnm_reply *fields)
{
	if (fields->kind != RNM_EVENT_ARRAY || fields->count > RNM_MODEL_FIELDS_MAX)
		return false;
	for (size_t i = 0; i < fields->count; i++)
		if (fields->items[i].kind != RNM_EVENT_BULK_BEGIN || !is_known_field(fields->items[i].text))
			return false;
	return true;
}

enum rnm_status rnm_repair_foreign(struct rnm_repairing *r, const char *key, bool *foreign,
                                   struct rnm_error *err)
{
	struct rnm_reply *fields = NULL;
	int64_t count = 0;
	enum rnm_status status = rnm_repair_integer(r, &count, "HLEN", key, NULL, err);

	*foreign = count > RNM_MODEL_FIELDS_MAX;
	if (status != RNM_OK || *foreign)
		return status;
	status = rnm_repair_ask(r, &fields, "HKEYS", key, NULL, err);
	if (status == RNM_OK)
		*foreign = !rnm_fields_are_ours(fields);
	rnm_reply_free(fields);
	return status;
}

/* ---- one after the other ------------------------------------------------------------------------------ */

static const struct {
	rnm_repair *repair;
	const char *what; /* for "cannot ..." */
} remedies[] = {
	[RNM_REMEDY_NONE] = { NULL, "" },
	[RNM_REMEDY_DROP_PROFILE] = { rnm_repair_drop_profile, "remove the profile" },
	[RNM_REMEDY_WRITE_PROFILE] = { rnm_repair_write_profile, "write the profile" },
	[RNM_REMEDY_RENEW] = { rnm_repair_renew, "renew the expiry" },
	[RNM_REMEDY_UNLOCK] = { rnm_repair_unlock, "remove the lock" },
	[RNM_REMEDY_DELETE_KEY] = { rnm_repair_delete_key, "delete the key" },
	[RNM_REMEDY_DROP_VECTORS] = { rnm_repair_drop_vectors, "remove the vectors" },
	[RNM_REMEDY_DELETE_FILE] = { rnm_repair_delete_file, "delete the file" },
};

static enum rnm_status try_once(struct rnm_repairing *r, struct rnm_error *err)
{
	const enum rnm_remedy remedy = r->finding->remedy;
	enum rnm_status status;

	rnm_transaction_init(&r->change, r->redis, r->global, remedies[remedy].what, RNM_REPAIR_RIGHTS);
	r->gone = false;
	r->now = rnm_clock_wall();
	status = remedies[remedy].repair(r, err);
	rnm_transaction_end(&r->change);
	return status;
}

static enum rnm_status repair_one(struct rnm_repairing *r, struct rnm_error *err)
{
	struct rnm_health_finding *finding = r->finding;
	struct rnm_error why;
	enum rnm_status status = RNM_NO;

	for (unsigned i = 0; status == RNM_NO && i < RNM_TRANSACTION_TRIES; i++)
		status = try_once(r, &why);
	if (status == RNM_OK) {
		finding->state = r->gone ? RNM_HEALTH_GONE : RNM_HEALTH_REPAIRED;
		return RNM_OK;
	}
	finding->state = RNM_HEALTH_FAILED;
	if (status == RNM_NO) {
		rnm_repair_tell(r, "others keep changing what it depends on: try again");
		return RNM_OK;
	}
	rnm_repair_tell(r, "%s%s%s", why.message, why.hint[0] != '\0' ? "; " : "", why.hint);
	/* What one key or right refuses is no reason to leave the others as they are. */
	if (status == RNM_E_REDIS || finding->remedy == RNM_REMEDY_DELETE_FILE)
		return RNM_OK;
	if (err != NULL)
		*err = why;
	return status;
}

static enum rnm_status repair_from(struct rnm_repairing *r, struct rnm_health_report *report, size_t first,
                                   const struct rnm_health_options *options, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = first; status == RNM_OK && i < report->count; i++) {
		r->finding = &report->findings[i];
		if (r->finding->remedy == RNM_REMEDY_NONE || r->finding->state != RNM_HEALTH_OPEN)
			continue;
		status = repair_one(r, err);
		if (status == RNM_OK && r->finding->outcome == NULL)
			status = rnm_error_nomem(err);
		if (options->progress != NULL)
			options->progress(options->progress_ctx, i + 1, report->count);
	}
	return status;
}

enum rnm_status rnm_health_repair(struct rnm_health_report *report, struct rnm_redis *redis,
                                  const struct rnm_health_options *options, struct rnm_error *err)
{
	struct rnm_repairing r = { .redis = redis, .global = report->global, .arena = report->owned };
	enum rnm_status status = RNM_OK;
	size_t first = 0;

	for (unsigned round = 0; status == RNM_OK && round < REPAIR_ROUNDS_MAX; round++) {
		const size_t end = report->count;

		status = repair_from(&r, report, first, options, err);
		if (status == RNM_OK && round + 1 < REPAIR_ROUNDS_MAX)
			status = rnm_doctor_again(report, first, redis, options, err);
		if (report->count == end)
			break;
		first = end;
	}
	return status;
}
