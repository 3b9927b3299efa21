/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sections give the Redis settings of the neural module, in which order.
 */
#include "rspamd/redis_settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULE "neural"

struct sections {
	const struct rnm_value *neural;
	const struct rnm_value *redis;
};

void rnm_redis_wipe(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void rnm_redis_settings_free(struct rnm_redis_settings *settings)
{
	if (settings == NULL)
		return;
	rnm_names_free(settings->read_servers, settings->read_count);
	rnm_names_free(settings->write_servers, settings->write_count);
	rnm_names_free(settings->sentinels, settings->sentinel_count);
	rnm_names_free(settings->warnings, settings->warning_count);
	rnm_redis_wipe(settings->password);
	rnm_redis_wipe(settings->sentinel_password);
	free(settings->db);
	free(settings->username);
	free(settings->prefix);
	free(settings->ssl_ca);
	free(settings->ssl_ca_dir);
	free(settings->ssl_cert);
	free(settings->ssl_key);
	free(settings->sni);
	free(settings->sentinel_masters_pattern);
	free(settings->sentinel_username);
	free(settings->username_section);
	free(settings->username_file);
	free(settings->origin);
	free(settings);
}

enum rnm_status rnm_redis_settings_set_password(struct rnm_redis_settings *settings, const char *password,
                                                struct rnm_error *err)
{
	char *copy = NULL;

	if (password != NULL) {
		copy = strdup(password);
		if (copy == NULL)
			return rnm_error_nomem(err);
	}
	rnm_redis_wipe(settings->password);
	settings->password = copy;
	return RNM_OK;
}

/* A copy of text takes the place of *slot; no text empties it. */
static bool replace_text(char **slot, const char *text)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	if (text != NULL && copy == NULL)
		return false;
	free(*slot);
	*slot = copy;
	return true;
}

static enum rnm_status check_tls(const struct rnm_redis_settings *settings, const struct rnm_redis_tls *tls,
                                 struct rnm_error *err)
{
	if (!settings->ssl) {
		rnm_error_set(err, RNM_E_USAGE, RNM_ID_REDIS_TLS_UNUSED,
		              "options of TLS were given, but the redis server is not reached over TLS");
		rnm_error_set_hint(err,
		                   "write --redis rediss://HOST, or set ssl = true in the configuration");
		return RNM_E_USAGE;
	}
	if ((tls->cert == NULL) != (tls->key == NULL)) {
		rnm_error_set(err, RNM_E_USAGE, RNM_ID_REDIS_TLS_PAIR,
		              "a client certificate and its private key come together, found only the %s",
		              tls->cert != NULL ? "certificate" : "key");
		rnm_error_set_hint(err, "give both --cert FILE and --key FILE");
		return RNM_E_USAGE;
	}
	if (tls->no_verify && (tls->ca != NULL || tls->ca_dir != NULL)) {
		rnm_error_set(err, RNM_E_USAGE, RNM_ID_REDIS_TLS_CONFLICT,
		              "a trusted CA was named for a connection on which nothing is verified");
		rnm_error_set_hint(err, "leave out --insecure");
		return RNM_E_USAGE;
	}
	return RNM_OK;
}

enum rnm_status rnm_redis_settings_set_tls(struct rnm_redis_settings *settings,
                                           const struct rnm_redis_tls *tls, struct rnm_error *err)
{
	const bool trust = tls->ca != NULL || tls->ca_dir != NULL;
	const bool identity = tls->cert != NULL || tls->key != NULL;
	bool good = true;
	enum rnm_status status;

	if (!trust && !identity && tls->sni == NULL && !tls->no_verify)
		return RNM_OK;
	status = check_tls(settings, tls, err);
	if (status != RNM_OK)
		return status;
	if (trust) {
		good = replace_text(&settings->ssl_ca, tls->ca) &&
		       replace_text(&settings->ssl_ca_dir, tls->ca_dir);
		settings->ssl_ca_given = true;
	}
	if (identity) {
		good = good && replace_text(&settings->ssl_cert, tls->cert) &&
		       replace_text(&settings->ssl_key, tls->key);
		settings->ssl_cert_given = true;
	}
	if (tls->sni != NULL)
		good = good && replace_text(&settings->sni, tls->sni);
	if (trust || tls->no_verify)
		settings->no_ssl_verify = tls->no_verify;
	return good ? RNM_OK : rnm_error_nomem(err);
}

enum rnm_status rnm_redis_settings_drop_sentinels(struct rnm_redis_settings *settings, struct rnm_error *err)
{
	rnm_names_free(settings->sentinels, settings->sentinel_count);
	settings->sentinels = NULL;
	settings->sentinel_count = 0;
	if (settings->read_count > 0)
		return RNM_OK;
	rnm_error_set(err, RNM_E_NOT_FOUND, RNM_ID_REDIS_NO_SERVERS,
	              "expected servers of Redis for the neural module, found only Sentinels");
	rnm_error_set_reference(err, "cannot get Redis configuration for neural module");
	rnm_error_set_hint(err, "write servers = ... beside sentinels");
	return RNM_E_NOT_FOUND;
}

static bool is_module(const struct rnm_value *value)
{
	const char *name = rnm_value_string(value);

	return name != NULL && strcmp(name, MODULE) == 0;
}

/* Whether redis.disabled_modules names the module; a plain string is taken as a list of one. */
static bool is_disabled(const struct rnm_value *modules, struct rnm_finding_list *notes)
{
	if (modules == NULL)
		return false;
	if (modules->type == RNM_STRING) {
		rnm_finding_add(
		    notes, RNM_ID_REDIS_DISABLED_STRING, modules,
		    "disabled_modules of the section redis is a string, on which rspamd's tools fail; "
		    "write disabled_modules = [\"%s\"]",
		    modules->as.string.data);
		return is_module(modules);
	}
	for (size_t i = 0; i < rnm_value_count(modules); i++)
		if (is_module(rnm_value_at(modules, i)))
			return true;
	return false;
}

static enum rnm_status fail_disabled(struct rnm_error *err, const struct rnm_value *where)
{
	rnm_error_set(err, RNM_E_NOT_FOUND, RNM_ID_REDIS_NO_SERVERS,
	              "expected the section redis to serve the neural module, found it in disabled_modules");
	rnm_error_at_line(err, where->file, where->line);
	rnm_error_set_reference(err, "cannot get Redis configuration for neural module");
	rnm_error_set_hint(err, "name the module's own servers in neural { redis { servers = ... } }");
	return RNM_E_NOT_FOUND;
}

/* redis { servers = ...; neural { db = 1 } } looks complete and is not: the most common mistake of all. */
static enum rnm_status fail_own_section(struct rnm_error *err, const struct rnm_value *own,
                                        const struct rnm_value *redis)
{
	bool outer = rnm_value_get(redis, "servers") != NULL ||
	             rnm_value_get(redis, "read_servers") != NULL || rnm_value_get(redis, "server") != NULL;

	rnm_error_set(err, RNM_E_NOT_FOUND, RNM_ID_REDIS_NO_SERVERS,
	              "expected servers in the section neural inside the section redis, found none%s",
	              outer ? ", and rspamd then does not look at the servers of the section redis around it"
	                    : "");
	rnm_error_at_line(err, own->file, own->line);
	rnm_error_set_reference(err, "cannot get Redis configuration for neural module");
	rnm_error_set_hint(err, outer ? "repeat servers inside redis { neural { } }, or move its options to "
	                                "neural { redis { } } and delete it"
	                              : "write redis { neural { servers = \"127.0.0.1:6379\"; } }");
	return RNM_E_NOT_FOUND;
}

/* redis = "host" is a list without named keys for rspamd. */
static void note_scalar(struct rnm_redis_merge *merge, const struct rnm_value *section, const char *name)
{
	if (section == NULL || section->type == RNM_OBJECT)
		return;
	if (section->type == RNM_ARRAY && rnm_value_count(section) > 0)
		section = rnm_value_at(section, 0);
	rnm_finding_add(merge->notes, RNM_ID_REDIS_SCALAR, section,
	                "%s is no section, and rspamd ignores it; write %s { servers = ... }", name, name);
}

/* rspamd's order: the module's own options first, the section redis only when they name no servers. */
static enum rnm_status merge_all(struct rnm_redis_merge *merge, const struct sections *at)
{
	const struct rnm_value *in_neural = rnm_value_get(at->neural, "redis");
	const struct rnm_value *in_redis = rnm_value_get(at->redis, MODULE);
	const struct rnm_value *disabled = rnm_value_get(at->redis, "disabled_modules");
	bool named = false;
	bool ignored;
	enum rnm_status status;

	note_scalar(merge, in_neural, "neural.redis");
	note_scalar(merge, at->redis, "redis");
	status = rnm_redis_merge_section(merge, in_neural, "neural.redis", &named);
	if (status == RNM_OK && !named)
		status = rnm_redis_merge_section(merge, at->neural, "neural", &named);
	if (status == RNM_OK && named) {
		/* Servers are settled: the other sections only fill in what is still unset. */
		status = rnm_redis_merge_section(merge, in_redis, "redis.neural", &ignored);
		if (status == RNM_OK)
			status = rnm_redis_merge_section(merge, at->redis, "redis", &ignored);
		return status;
	}
	if (status != RNM_OK)
		return status;
	if (rnm_value_truthy(in_redis)) {
		status = rnm_redis_merge_section(merge, in_redis, "redis.neural", &named);
	} else {
		status = rnm_redis_merge_section(merge, at->redis, "redis", &named);
		if (status == RNM_OK && is_disabled(disabled, merge->notes))
			return fail_disabled(merge->err, disabled);
	}
	if (status == RNM_OK && !named)
		status = rnm_redis_only_sentinels(merge, &named);
	if (status != RNM_OK || named)
		return status;
	return rnm_value_truthy(in_redis) ? fail_own_section(merge->err, in_redis, at->redis)
	                                  : rnm_redis_no_servers(merge);
}

enum rnm_status rnm_redis_settings_read(struct rnm_redis_settings **out, struct rnm_config *config,
                                        struct rnm_finding_list *notes, struct rnm_error *err)
{
	struct rnm_redis_merge merge = { .notes = notes, .err = err };
	struct sections at = { NULL, NULL };
	enum rnm_status status = rnm_config_get_all_opt(config, MODULE, &at.neural, err);

	if (status == RNM_OK)
		status = rnm_config_get_all_opt(config, "redis", &at.redis, err);
	if (status != RNM_OK)
		return status;
	merge.settings = calloc(1, sizeof(*merge.settings));
	if (merge.settings == NULL)
		return rnm_error_nomem(err);
	status = merge_all(&merge, &at);
	if (status == RNM_OK && notes->failed)
		status = rnm_error_nomem(err);
	if (status != RNM_OK) {
		rnm_redis_settings_free(merge.settings);
		return status;
	}
	if (!merge.has_timeout)
		merge.settings->timeout = RNM_REDIS_TIMEOUT;
	*out = merge.settings;
	return RNM_OK;
}

static bool add_warning(struct rnm_redis_settings *settings, const struct rnm_finding *note)
{
	char *text = NULL;
	bool good;

	if (note->file == NULL)
		return rnm_redis_list_add(&settings->warnings, &settings->warning_count, note->text);
	if (asprintf(&text, "%s:%" PRIu32 ": %s", note->file, note->line, note->text) < 0)
		return false;
	good = rnm_redis_list_add(&settings->warnings, &settings->warning_count, text);
	free(text);
	return good;
}

enum rnm_status rnm_redis_settings_from_config(struct rnm_redis_settings **out, struct rnm_config *config,
                                               struct rnm_error *err)
{
	struct rnm_finding_list notes = { 0 };
	struct rnm_redis_settings *settings = NULL;
	enum rnm_status status = rnm_redis_settings_read(&settings, config, &notes, err);

	for (size_t i = 0; status == RNM_OK && i < notes.count; i++)
		if (!add_warning(settings, &notes.items[i]))
			status = rnm_error_nomem(err);
	rnm_finding_list_clear(&notes);
	if (status != RNM_OK) {
		rnm_redis_settings_free(settings);
		return status;
	}
	*out = settings;
	return RNM_OK;
}
