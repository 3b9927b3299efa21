/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Redis user may not ask.  A refusal of one of these questions would look like a server on which all is
 * well; those whose refusal is told where they are asked are not among them.
 */
#include "store/doctor.h"

#include "redis/refusal.h"
#include "store/events.h"

#include <string.h>

static const struct question {
	const char *command;
	const char *field;
	const char *lost; /* what cannot be found without it */
} questions[] = {
	{ "TYPE", NULL, "keys that are left behind" },
	{ "PTTL", NULL, "models that expire soon and keys that are left behind" },
	{ "ZCARD", NULL, "lists with too many profiles" },
	{ "SCARD", NULL, "tombstones and all about training sets" },
	{ "HMGET", "lock", "dead locks" },
	{ "HSTRLEN", "ann", "empty networks" },
	{ "HGET", "ann", "copies of networks" },
	{ "HLEN", NULL, "keys that are left behind" },
	{ "HKEYS", NULL, "keys that are left behind" },
};
#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static void report_refusal(struct rnm_doctor *d, const struct question *question, const char *answer)
{
	const struct rnm_refused what = { .redis = d->redis, .command = question->command };
	struct rnm_error advice;

	rnm_error_clear(&advice);
	rnm_refusal_hint(&advice, &what, answer);
	rnm_doctor_advise(d,
	                  rnm_doctor_find(d, RNM_DOCTOR_UNREADABLE, NULL,
	                                  "Redis refuses %s, so that %s are not found: %s", question->command,
	                                  question->lost, answer),
	                  RNM_REMEDY_NONE, "%s", advice.hint);
}

enum rnm_status rnm_doctor_rights(struct rnm_doctor *d, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	/* Rights of commands are checked before those of keys; there is nothing under this one. */
	rnm_buf_clear(&d->text);
	rnm_buf_printf(&d->text, "%s_ / nothing", d->global);
	if (d->text.failed)
		status = rnm_error_nomem(err);
	for (size_t i = 0; status == RNM_OK && i < QUESTIONS; i++)
		status = rnm_event_send(d->redis, questions[i].command, rnm_buf_cstr(&d->text),
		                        questions[i].field, err);
	for (size_t i = 0; status == RNM_OK && i < QUESTIONS; i++) {
		struct rnm_reply *reply = NULL;

		status = rnm_redis_reply(d->redis, &reply, 0, err);
		if (status == RNM_OK && reply->kind == RNM_EVENT_ERROR &&
		    rnm_refusal_is_of_command(reply->text.data))
			report_refusal(d, &questions[i], reply->text.data);
		rnm_reply_free(reply);
	}
	return status;
}
