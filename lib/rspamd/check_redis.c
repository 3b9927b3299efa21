/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remarks about how the neural module reaches Redis.
 */
#include "rspamd/redis_settings.h"
#include "rspamd/rule.h"
#include "rspamd/rule_number.h"

#include <string.h>

static void check_in_rule(void *ctx, const char *name, const struct rnm_value *rule)
{
	static const char *const options[] = {
		"servers", "server", "read_servers", "write_servers", "password",  "username",
		"db",      "dbname", "database",     "timeout",       "sentinels", "redis",
	};
	struct rnm_finding_list *list = ctx;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct rnm_value *value = rnm_value_get(rule, options[i]);

		if (value != NULL)
			rnm_finding_add(list, RNM_ID_REDIS_IN_RULE, value,
			                "%s inside the rule %s is not used for Redis, which is the same for "
			                "all rules; write it in "
			                "neural { redis { } } or in the section redis",
			                options[i], name);
	}
}

/* neural.timeout is a timeout of Redis, and the stock configuration sets it. */
static void check_timeouts(struct rnm_finding_list *list, const struct rnm_rule_set *set,
                           const struct rnm_value *redis)
{
	const struct rnm_value *module = rnm_value_get(set->neural, "timeout");
	const struct rnm_value *general = rnm_value_get(redis, "timeout");
	double first, second;

	if (rnm_number_read(&first, module) == RNM_FORM_OTHER ||
	    rnm_number_read(&second, general) == RNM_FORM_OTHER)
		return;
	/* rspamd gives way to a later section only when the first timeout is its default. */
	if (!(first < RNM_REDIS_TIMEOUT || first > RNM_REDIS_TIMEOUT) || !(first < second || first > second))
		return;
	rnm_finding_add(
	    list, RNM_ID_TIMEOUT_OVERRIDDEN, general,
	    "timeout of the section redis (%g s) is not used by the neural module, because timeout of the "
	    "section neural (%g s) is a timeout of Redis too and comes first; set it in "
	    "neural { redis { timeout = ... } }",
	    second, first);
}

/* The sections that options of Redis are taken from. */
struct sections {
	const struct rnm_value *neural;
	const struct rnm_value *redis;
};

/* Where an option stands; of several places it is the one that counts. */
static const struct rnm_value *find_option(const struct sections *at, const char *option)
{
	const struct rnm_value *const places[] = {
		rnm_value_get(at->neural, "redis"),
		at->neural,
		rnm_value_get(at->redis, "neural"),
		at->redis,
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct rnm_value *value = rnm_value_get(places[i], option);

		if (rnm_value_truthy(value))
			return value;
	}
	return NULL;
}

/* Options that wait for ssl = true: whoever set them believes that the connection is encrypted. */
static void check_without_tls(struct rnm_finding_list *list, const struct rnm_redis_settings *settings,
                              const struct sections *at)
{
	const struct {
		const char *name;
		bool set;
	} options[] = {
		{ "ssl_ca", settings->ssl_ca != NULL },     { "ssl_ca_dir", settings->ssl_ca_dir != NULL },
		{ "ssl_cert", settings->ssl_cert != NULL }, { "ssl_key", settings->ssl_key != NULL },
		{ "sni", settings->sni != NULL },           { "no_ssl_verify", settings->no_ssl_verify },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (!options[i].set)
			continue;
		rnm_finding_add(list, RNM_ID_TLS_OFF, find_option(at, options[i].name),
		                "%s has no effect without ssl = true, and the connection to Redis is not "
		                "encrypted",
		                options[i].name);
		return;
	}
}

/* Whether a server list names a unix socket; no other form of an item holds a slash. */
static bool names_socket(char *const *servers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strchr(servers[i], '/') != NULL)
			return true;
	return false;
}

static void check_tls(struct rnm_finding_list *list, const struct rnm_redis_settings *settings,
                      const struct sections *at)
{
	const char *missing = settings->ssl_cert == NULL ? "ssl_cert" : "ssl_key";
	const char *found = settings->ssl_cert == NULL ? "ssl_key" : "ssl_cert";

	if (!settings->ssl) {
		check_without_tls(list, settings, at);
		return;
	}
	if ((settings->ssl_cert == NULL) != (settings->ssl_key == NULL))
		rnm_finding_add(list, RNM_ID_REDIS_TLS_PAIR, find_option(at, found),
		                "expected %s beside %s, found none: every connection over TLS fails", missing,
		                found);
	if (settings->no_ssl_verify)
		rnm_finding_add(list, RNM_ID_TLS_UNVERIFIED, find_option(at, "no_ssl_verify"),
		                "no_ssl_verify takes any certificate, so that whoever is in between can read "
		                "the password and change the models; name the CA in ssl_ca instead");
	if (names_socket(settings->read_servers, settings->read_count) ||
	    names_socket(settings->write_servers, settings->write_count))
		rnm_finding_add(list, RNM_ID_TLS_UNIX, find_option(at, "ssl"),
		                "ssl has no effect on a unix socket: such a connection is never encrypted");
}

void rnm_check_redis(struct rnm_finding_list *list, struct rnm_config *config, const struct rnm_rule_set *set)
{
	struct rnm_redis_settings *settings = NULL;
	struct sections at = { set->neural, NULL };
	struct rnm_error why;
	enum rnm_status status = rnm_redis_settings_read(&settings, config, list, &why);
	const bool has_redis = rnm_config_get_all_opt(config, "redis", &at.redis, NULL) == RNM_OK;

	if (status == RNM_E_NOMEM) {
		list->failed = true;
		return;
	}
	if (status != RNM_OK)
		rnm_finding_add_error(list, &why);
	else
		check_tls(list, settings, &at);
	rnm_redis_settings_free(settings);
	if (set->neural == NULL)
		return;
	/* In the one-rule form the rule's table is the module's, where these options are in their place. */
	if (set->rules != NULL)
		rnm_check_each_rule(set, list, check_in_rule);
	if (has_redis)
		check_timeouts(list, set, at.redis);
}
