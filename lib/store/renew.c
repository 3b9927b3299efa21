/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renewing the time to live of a model.  rspamd does so when a worker loads it (rspamd: load_new_ann in
 * lualib/plugins/neural.lua), which on a quiet host is hardly ever.
 */
#include "store/renew.h"
#include "redis/client.h"
#include "store/doctor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RENEW_RIGHTS                                                                                         \
	"a refresh needs: +zrevrange +hexists +watch +unwatch +multi +exec +discard +pttl +expire"

/* Whether a key has less than what it may be given. */
static bool is_short(int64_t ttl_ms, double seconds)
{
	return ttl_ms >= 0 && (double)ttl_ms < seconds * 1000;
}

static enum rnm_status expire(struct rnm_repairing *r, const char *key, double seconds, struct rnm_error *err)
{
	char number[32];

	snprintf(number, sizeof(number), "%.0f", floor(seconds));
	return rnm_repair_add(&r->change, err, "EXPIRE", key, number, NULL);
}

enum rnm_status rnm_renew_keys(struct rnm_repairing *r, const char *key, const char *zset, double seconds,
                               bool dry_run, struct rnm_ttls *ttls, struct rnm_error *err)
{
	const char *const watched[] = { key, zset };
	int64_t alive = 0;
	enum rnm_status status = rnm_transaction_watch(&r->change, 2, watched, err);

	ttls->renewed = false;
	if (status == RNM_OK)
		status = rnm_repair_integer(r, &alive, "HEXISTS", key, "ann", err);
	if (status == RNM_OK)
		status = rnm_repair_integer(r, &ttls->key_ms, "PTTL", key, NULL, err);
	if (status == RNM_OK)
		status = rnm_repair_integer(r, &ttls->zset_ms, "PTTL", zset, NULL, err);
	if (status != RNM_OK)
		return status;
	ttls->alive = alive == 1;
	if (!ttls->alive || (!is_short(ttls->key_ms, seconds) && !is_short(ttls->zset_ms, seconds)))
		return RNM_OK;
	ttls->renewed = true;
	if (dry_run)
		return RNM_OK;
	status = rnm_transaction_begin(&r->change, err);
	if (status == RNM_OK && is_short(ttls->key_ms, seconds))
		status = expire(r, key, seconds, err);
	if (status == RNM_OK && is_short(ttls->zset_ms, seconds))
		status = expire(r, zset, seconds, err);
	return status == RNM_OK ? rnm_transaction_commit(&r->change, err) : status;
}

enum rnm_status rnm_repair_renew(struct rnm_repairing *r, struct rnm_error *err)
{
	struct rnm_ttls ttls = { 0 };
	char whole[RNM_DURATION_MAX];
	const struct rnm_health_finding *finding = r->finding;
	enum rnm_status status =
	    rnm_renew_keys(r, finding->key, finding->zset, finding->seconds, false, &ttls, err);

	if (status != RNM_OK)
		return status;
	if (!ttls.alive)
		return rnm_repair_gone(r, "too late: the model is no longer there");
	if (!ttls.renewed)
		return rnm_repair_gone(r, "it has its whole time to live again");
	rnm_repair_tell(r, "it has %s to live now", rnm_doctor_duration(whole, finding->seconds));
	return RNM_OK;
}

/* ---- the model in use ------------------------------------------------------------------------------------ */

static void tell(struct rnm_renewal *out, const char *reason)
{
	snprintf(out->reason, sizeof(out->reason), "%s", reason);
}

static enum rnm_status renew_served(struct rnm_renewal *out, struct rnm_redis *redis,
                                    const struct rnm_rule *rule, const struct rnm_model_list *list,
                                    double seconds, bool dry_run, struct rnm_error *err)
{
	const char *key = list->models[list->served].profile.redis_key;
	struct rnm_repairing r = { .redis = redis, .global = rule->global };
	struct rnm_ttls ttls = { 0 };
	enum rnm_status status = RNM_NO;

	for (unsigned i = 0; status == RNM_NO && i < RNM_TRANSACTION_TRIES; i++) {
		rnm_transaction_init(&r.change, redis, rule->global, "renew the expiry", RENEW_RIGHTS);
		status = rnm_renew_keys(&r, key, list->zset, seconds, dry_run, &ttls, err);
		rnm_transaction_end(&r.change);
	}
	if (status == RNM_NO)
		return rnm_error_set(err, RNM_E_REDIS, "refresh.raced",
		                     "cannot renew %s: others keep changing it", key);
	if (status != RNM_OK)
		return status;
	snprintf(out->key, sizeof(out->key), "%s", key);
	out->before_ms = ttls.key_ms;
	out->renewed = ttls.renewed;
	out->after_ms = is_short(ttls.key_ms, seconds) ? (int64_t)(floor(seconds) * 1000) : ttls.key_ms;
	if (!ttls.alive)
		tell(out, "it vanished while it was looked at");
	else if (!ttls.renewed)
		tell(out, ttls.key_ms == RNM_TTL_NONE ? "it never expires" : "it has as much already");
	return ttls.alive ? RNM_OK : RNM_NO;
}

enum rnm_status rnm_store_renew(struct rnm_renewal *out, struct rnm_redis *redis, const struct rnm_rule *rule,
                                const char *settings, double ann_expire, bool dry_run, struct rnm_error *err)
{
	struct rnm_model_list *list = NULL;
	enum rnm_status status;

	redis->rights = RENEW_RIGHTS;
	status = rnm_store_list(&list, redis, rule, settings, RNM_LIST_ALIVE, err);
	redis->rights = NULL;
	*out = (struct rnm_renewal){ .before_ms = RNM_TTL_NO_KEY, .after_ms = RNM_TTL_NO_KEY };
	if (status == RNM_OK && list->served == SIZE_MAX) {
		tell(out, list->served_why);
		status = RNM_NO;
	} else if (status == RNM_OK) {
		status = renew_served(out, redis, rule, list, ann_expire > 0 ? ann_expire : rule->ann_expire,
		                      dry_run, err);
	}
	rnm_model_list_free(list);
	return status;
}
