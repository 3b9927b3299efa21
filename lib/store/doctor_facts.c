/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be known about the keys of a list's profiles beyond the list: one pipeline of questions. */
#include "store/doctor.h"

#include "rspamd/keys.h"
#include "rspamd/rule_number.h"
#include "store/events.h"

#include <stdlib.h>
#include <string.h>

static enum rnm_status ask_sets(struct rnm_doctor *d, char *spam, char *ham, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (spam == NULL || ham == NULL)
		status = rnm_error_nomem(err);
	if (status == RNM_OK)
		status = rnm_event_send(d->redis, "SCARD", spam, NULL, err);
	if (status == RNM_OK)
		status = rnm_event_send(d->redis, "SCARD", ham, NULL, err);
	free(spam);
	free(ham);
	return status;
}

static enum rnm_status read_count(struct rnm_doctor *d, int64_t *count, bool *wrong_type,
                                  struct rnm_error *err)
{
	bool refused;
	enum rnm_status status;

	*count = -1;
	status = rnm_event_integer(d->redis, "SCARD", count, &refused, &d->text, err);
	*wrong_type = refused && strncmp(rnm_buf_cstr(&d->text), "WRONGTYPE", 9) == 0;
	return status;
}

static void read_lock(struct rnm_doctor *d, struct rnm_key_facts *facts, const struct rnm_reply *reply)
{
	const struct rnm_reply *lock, *host;

	facts->host = "";
	if (reply->kind != RNM_EVENT_ARRAY || reply->count != 2)
		return;
	lock = &reply->items[0];
	host = &reply->items[1];
	if (lock->kind != RNM_EVENT_BULK_BEGIN)
		return;
	facts->has_lock = true;
	if (rnm_number_parse(&facts->lock, lock->text) == RNM_FORM_OTHER)
		facts->lock = 0;
	if (host->kind == RNM_EVENT_BULK_BEGIN)
		facts->host = rnm_doctor_keep(d, host->text.data);
}

static enum rnm_status send_questions(struct rnm_doctor *d, const struct rnm_rule *rule,
                                      const struct rnm_model_list *list, struct rnm_error *err)
{
	enum rnm_status status = ask_sets(d, rnm_pending_key(rule, list->settings, "spam"),
	                                  rnm_pending_key(rule, list->settings, "ham"), err);

	for (size_t i = 0; status == RNM_OK && i < list->count; i++) {
		const char *key = list->models[i].profile.redis_key;

		if (key == NULL)
			continue;
		status = ask_sets(d, rnm_training_key(key, "spam"), rnm_training_key(key, "ham"), err);
		if (status == RNM_OK)
			status = rnm_redis_sendv(d->redis, err, "HMGET", key, "lock", "hostname", NULL);
	}
	return status;
}

static enum rnm_status read_sets(struct rnm_doctor *d, struct rnm_key_facts *facts, struct rnm_error *err)
{
	enum rnm_status status = read_count(d, &facts->spam, &facts->spam_type, err);

	return status == RNM_OK ? read_count(d, &facts->ham, &facts->ham_type, err) : status;
}

enum rnm_status rnm_doctor_ask(struct rnm_doctor *d, const struct rnm_rule *rule,
                               const struct rnm_model_list *list, struct rnm_key_facts *facts,
                               struct rnm_key_facts *pending, struct rnm_error *err)
{
	enum rnm_status status = send_questions(d, rule, list, err);

	if (status == RNM_OK)
		status = read_sets(d, pending, err);
	for (size_t i = 0; status == RNM_OK && i < list->count; i++) {
		struct rnm_reply *reply = NULL;

		if (list->models[i].profile.redis_key == NULL)
			continue;
		status = read_sets(d, &facts[i], err);
		if (status == RNM_OK)
			status = rnm_redis_reply(d->redis, &reply, 0, err);
		if (status == RNM_OK)
			read_lock(d, &facts[i], reply);
		rnm_reply_free(reply);
	}
	return status;
}
