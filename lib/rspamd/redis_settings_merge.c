/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One section of Redis options merged into the settings.
 */
#include "rspamd/redis_settings.h"
#include "rspamd/rule.h"
#include "rspamd/rule_number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Between the items of a server list. */
#define SEPARATORS ";, \t\r\n"
#define NAMES_MAX 3

/* Texts: the first section that has one of the names wins. */
static const struct {
	const char *names[NAMES_MAX];
	size_t offset;
	bool secret;
} texts[] = {
	{ { "db", "dbname", "database" }, offsetof(struct rnm_redis_settings, db), false },
	{ { "username" }, offsetof(struct rnm_redis_settings, username), false },
	{ { "password" }, offsetof(struct rnm_redis_settings, password), true },
	{ { "prefix" }, offsetof(struct rnm_redis_settings, prefix), false },
	{ { "ssl_ca" }, offsetof(struct rnm_redis_settings, ssl_ca), false },
	{ { "ssl_ca_dir" }, offsetof(struct rnm_redis_settings, ssl_ca_dir), false },
	{ { "ssl_cert" }, offsetof(struct rnm_redis_settings, ssl_cert), false },
	{ { "ssl_key" }, offsetof(struct rnm_redis_settings, ssl_key), false },
	{ { "sni" }, offsetof(struct rnm_redis_settings, sni), false },
	{ { "sentinel_masters_pattern" },
	  offsetof(struct rnm_redis_settings, sentinel_masters_pattern),
	  false },
	{ { "sentinel_username" }, offsetof(struct rnm_redis_settings, sentinel_username), false },
	{ { "sentinel_password" }, offsetof(struct rnm_redis_settings, sentinel_password), true },
};

/* The first of the names that is set.  A null cannot be used by anybody and counts as unset. */
static const struct rnm_value *first_set(const struct rnm_value *section, const char *const names[],
                                         size_t count)
{
	for (size_t i = 0; i < count && names[i] != NULL; i++) {
		const struct rnm_value *value = rnm_value_get(section, names[i]);

		if (rnm_value_truthy(value) && value->type != RNM_NULL)
			return value;
	}
	return NULL;
}

static enum rnm_status wrong_type(struct rnm_redis_merge *merge, const char *id,
                                  const struct rnm_value *value, const char *section,
                                  const struct rnm_value *option, const char *expected)
{
	rnm_error_set(merge->err, RNM_E_MALFORMED, id, "expected %.*s of the section %s to be %s, found %s",
	              (int)strnlen(option->key.data, option->key.len), option->key.data, section, expected,
	              rnm_value_phrase(value));
	rnm_error_at_line(merge->err, value->file, value->line);
	return RNM_E_MALFORMED;
}

bool rnm_redis_list_add(char ***list, size_t *count, const char *text)
{
	char **grown = reallocarray(*list, *count + 1, sizeof(**list));
	char *copy;

	if (grown == NULL)
		return false;
	*list = grown;
	copy = strdup(text);
	if (copy == NULL)
		return false;
	grown[(*count)++] = copy;
	return true;
}

/* Whether a server list names nothing at all, its rotation prefix aside. */
static bool is_empty_list(const char *text)
{
	static const char *const rotations[] = { "random:", "master-slave:", "round-robin:", "hash:" };

	for (size_t i = 0; i < sizeof(rotations) / sizeof(rotations[0]); i++)
		if (strncmp(text, rotations[i], strlen(rotations[i])) == 0) {
			text += strlen(rotations[i]);
			break;
		}
	return text[strspn(text, SEPARATORS)] == '\0';
}

static enum rnm_status add_servers(struct rnm_redis_merge *merge, const struct rnm_value *option,
                                   const char *section, char ***list, size_t *count)
{
	bool many = option->type == RNM_ARRAY || option->type == RNM_OBJECT;
	size_t items = many ? rnm_value_count(option) : 1;

	for (size_t i = 0; i < items; i++) {
		const struct rnm_value *item = many ? rnm_value_at(option, i) : option;
		const char *text = rnm_value_string(item);

		if (text == NULL) {
			wrong_type(merge, RNM_ID_REDIS_SERVERS_TYPE, item, section, option,
			           "a string or a list of strings");
			rnm_error_set_hint(merge->err,
			                   "write it in quotes, for example servers = \"127.0.0.1:%d\"",
			                   RNM_REDIS_PORT);
			return RNM_E_MALFORMED;
		}
		if (!is_empty_list(text) && !rnm_redis_list_add(list, count, text))
			return rnm_error_nomem(merge->err);
	}
	return RNM_OK;
}

static enum rnm_status set_origin(struct rnm_redis_merge *merge, const struct rnm_value *servers,
                                  const char *section)
{
	int len;

	if (servers->file != NULL)
		len = asprintf(&merge->settings->origin, "section %s, %s:%" PRIu32, section, servers->file,
		               servers->line);
	else
		len = asprintf(&merge->settings->origin, "section %s", section);
	if (len < 0) {
		merge->settings->origin = NULL;
		return rnm_error_nomem(merge->err);
	}
	return RNM_OK;
}

enum rnm_status rnm_redis_no_servers(struct rnm_redis_merge *merge)
{
	struct rnm_error *err = merge->err;

	if (merge->empty != NULL) {
		rnm_error_set(err, RNM_E_NOT_FOUND, RNM_ID_REDIS_NO_SERVERS,
		              "expected servers of Redis for the neural module, found an empty list");
		rnm_error_at_line(err, merge->empty->file, merge->empty->line);
	} else if (merge->write_only != NULL) {
		rnm_error_set(err, RNM_E_NOT_FOUND, RNM_ID_REDIS_NO_SERVERS,
		              "expected servers of Redis to read from, found only write_servers");
		rnm_error_at_line(err, merge->write_only->file, merge->write_only->line);
	} else {
		rnm_error_set(err, RNM_E_NOT_FOUND, RNM_ID_REDIS_NO_SERVERS,
		              "expected servers of Redis for the neural module, found none in the sections "
		              "neural and redis");
	}
	rnm_error_set_reference(err, "cannot get Redis configuration for neural module");
	rnm_error_set_hint(err,
	                   "write redis { servers = \"127.0.0.1:%d\"; } or name a server on the command line",
	                   RNM_REDIS_PORT);
	return RNM_E_NOT_FOUND;
}

enum rnm_status rnm_redis_only_sentinels(struct rnm_redis_merge *merge, bool *stand_in)
{
	*stand_in = merge->settings->sentinel_count > 0;
	if (!*stand_in)
		return RNM_OK;
	rnm_finding_add(merge->notes, RNM_ID_REDIS_SENTINELS_ONLY, merge->sentinels,
	                "sentinels of the section %s stand alone, and without servers beside them rspamd "
	                "finds no Redis; write servers = ... there, too",
	                merge->sentinels_section);
	return set_origin(merge, merge->sentinels, merge->sentinels_section);
}

/* Who may write: a list of its own, else the readable servers unless they were called read_servers. */
static enum rnm_status set_write_servers(struct rnm_redis_merge *merge, const struct rnm_value *section,
                                         const char *name, const struct rnm_value *readable)
{
	static const char *const write_names[] = { "write_servers" };
	struct rnm_redis_settings *settings = merge->settings;
	const struct rnm_value *servers = first_set(section, write_names, 1);

	if (servers == NULL && readable == rnm_value_get(section, "read_servers"))
		return RNM_OK;
	return add_servers(merge, servers != NULL ? servers : readable, name, &settings->write_servers,
	                   &settings->write_count);
}

static enum rnm_status merge_servers(struct rnm_redis_merge *merge, const struct rnm_value *section,
                                     const char *name, bool *named)
{
	static const char *const read_names[] = { "read_servers", "servers", "server" };
	static const char *const write_names[] = { "write_servers" };
	struct rnm_redis_settings *settings = merge->settings;
	const struct rnm_value *servers = first_set(section, read_names, NAMES_MAX);
	enum rnm_status status;

	*named = false;
	if (servers == NULL) {
		if (merge->write_only == NULL)
			merge->write_only = first_set(section, write_names, 1);
		return RNM_OK;
	}
	if (settings->read_count > 0)
		return RNM_OK;
	status = add_servers(merge, servers, name, &settings->read_servers, &settings->read_count);
	if (status != RNM_OK)
		return status;
	if (settings->read_count == 0) {
		merge->empty = servers;
		/* An empty text is passed over by rspamd; an empty list it takes, and then has nobody to ask. */
		return servers->type == RNM_STRING ? RNM_OK : rnm_redis_no_servers(merge);
	}
	*named = true;
	status = set_origin(merge, servers, name);
	return status == RNM_OK ? set_write_servers(merge, section, name, servers) : status;
}

/* The text of an option; integers keep all of their digits, which a Lua number would not. */
static enum rnm_status text_of(struct rnm_redis_merge *merge, const struct rnm_value *value,
                               const char *section, char **out)
{
	char number[RNM_LUA_NUMBER_MAX];

	if (value->type == RNM_STRING) {
		*out = strdup(value->as.string.data);
	} else if (value->type == RNM_INT || value->type == RNM_FLOAT) {
		rnm_lua_number_value(number, value,
		                     value->type == RNM_INT ? RNM_NUMBERS_LUA54 : RNM_NUMBERS_LUAJIT);
		*out = strdup(number);
	} else {
		return wrong_type(merge, RNM_ID_REDIS_VALUE_TYPE, value, section, value,
		                  "a string in quotes");
	}
	return *out != NULL ? RNM_OK : rnm_error_nomem(merge->err);
}

/* For the complaint about one without a password, which can only be made once all sources are known. */
static enum rnm_status note_username(struct rnm_redis_merge *merge, const struct rnm_value *value,
                                     const char *section)
{
	struct rnm_redis_settings *settings = merge->settings;

	settings->username_section = strdup(section);
	settings->username_file = value->file != NULL ? strdup(value->file) : NULL;
	settings->username_line = value->line;
	if (settings->username_section == NULL || (value->file != NULL && settings->username_file == NULL))
		return rnm_error_nomem(merge->err);
	return RNM_OK;
}

static enum rnm_status merge_texts(struct rnm_redis_merge *merge, const struct rnm_value *section,
                                   const char *name)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char **slot = (char **)(void *)((char *)merge->settings + texts[i].offset);
		const struct rnm_value *value = first_set(section, texts[i].names, NAMES_MAX);
		enum rnm_status status;

		if (value == NULL || *slot != NULL)
			continue;
		if (texts[i].secret && value->type != RNM_STRING)
			rnm_finding_add(merge->notes, RNM_ID_REDIS_PASSWORD_NUMBER, value,
			                "%s of the section %s is a number: leading zeros and suffixes are "
			                "lost, and rspamd "
			                "may send something else than what is written; put it in quotes",
			                texts[i].names[0], name);
		status = text_of(merge, value, name, slot);
		if (status == RNM_OK && slot == &merge->settings->username)
			status = note_username(merge, value, name);
		if (status != RNM_OK)
			return status;
	}
	return RNM_OK;
}

/* rspamd takes a timeout when there is none yet or when the one it has is exactly the default. */
static void merge_timeout(struct rnm_redis_merge *merge, const struct rnm_value *section, const char *name)
{
	const struct rnm_value *value = rnm_value_get(section, "timeout");
	double seconds = RNM_REDIS_TIMEOUT;
	enum rnm_number_form form;

	/* A default is never exactly equal by chance: it is the same constant. */
	if (merge->has_timeout &&
	    !(merge->settings->timeout >= RNM_REDIS_TIMEOUT && merge->settings->timeout <= RNM_REDIS_TIMEOUT))
		return;
	if (rnm_value_truthy(value) && value->type != RNM_NULL) {
		form = rnm_number_read(&seconds, value);
		if (form == RNM_FORM_OTHER || !(seconds > 0)) {
			rnm_finding_add(merge->notes, RNM_ID_REDIS_TIMEOUT_BAD, value,
			                "expected timeout of the section %s to be a positive number of "
			                "seconds, found %s; "
			                "it is ignored",
			                name, form == RNM_FORM_OTHER ? rnm_value_phrase(value) : "none");
			return;
		}
		if (form == RNM_FORM_SUFFIX_STRING)
			rnm_finding_add(merge->notes, RNM_ID_REDIS_TIMEOUT_QUOTED, value,
			                "timeout = \"%s\" of the section %s is a string, which rspamd "
			                "ignores; %g seconds are "
			                "used here; write it without quotes and with a ; right after it",
			                value->as.string.data, name, seconds);
	}
	merge->settings->timeout = seconds;
	merge->has_timeout = true;
}

static bool reads_like_no(const struct rnm_value *value)
{
	static const char *const words[] = { "false", "no", "off", "0", "" };
	const char *text = rnm_value_string(value);
	double number;

	if (text == NULL)
		return rnm_value_number(value, &number) && !(number < 0 || number > 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

/* Everything but the boolean false is true, and the first section that has the key wins. */
static void merge_switch(struct rnm_redis_merge *merge, const struct rnm_value *section, const char *name,
                         const char *option, bool *has, bool *slot)
{
	const struct rnm_value *value = rnm_value_get(section, option);

	if (*has || value == NULL)
		return;
	*has = true;
	*slot = rnm_value_truthy(value);
	if (*slot && reads_like_no(value))
		rnm_finding_add(
		    merge->notes, RNM_ID_REDIS_BOOLEAN_STRING, value,
		    "%s of the section %s reads like no but counts as true; write %s = false without quotes",
		    option, name, option);
}

static enum rnm_status merge_number(struct rnm_redis_merge *merge, const struct rnm_value *section,
                                    const char *name, const char *option, double *slot)
{
	const struct rnm_value *value = first_set(section, &option, 1);

	if (value == NULL || *slot > 0)
		return RNM_OK;
	if (rnm_number_read(slot, value) == RNM_FORM_OTHER)
		return wrong_type(merge, RNM_ID_REDIS_VALUE_TYPE, value, name, value, "a number");
	return RNM_OK;
}

static enum rnm_status merge_sentinels(struct rnm_redis_merge *merge, const struct rnm_value *section,
                                       const char *name)
{
	static const char *const names[] = { "sentinels" };
	struct rnm_redis_settings *settings = merge->settings;
	const struct rnm_value *value = first_set(section, names, 1);
	enum rnm_status status = RNM_OK;

	if (value != NULL && settings->sentinel_count == 0) {
		status = add_servers(merge, value, name, &settings->sentinels, &settings->sentinel_count);
		merge->sentinels = value;
		merge->sentinels_section = name;
	}
	if (status == RNM_OK)
		status =
		    merge_number(merge, section, name, "sentinel_watch_time", &settings->sentinel_watch_time);
	if (status == RNM_OK)
		status = merge_number(merge, section, name, "sentinel_master_maxerrors",
		                      &settings->sentinel_master_maxerrors);
	return status;
}

enum rnm_status rnm_redis_merge_section(struct rnm_redis_merge *merge, const struct rnm_value *section,
                                        const char *name, bool *named)
{
	struct rnm_redis_settings *settings = merge->settings;
	enum rnm_status status;

	*named = false;
	if (section == NULL || section->type != RNM_OBJECT)
		return RNM_OK;
	status = merge_servers(merge, section, name, named);
	if (status == RNM_OK)
		status = merge_texts(merge, section, name);
	if (status == RNM_OK)
		status = merge_sentinels(merge, section, name);
	if (status != RNM_OK)
		return status;
	merge_timeout(merge, section, name);
	merge_switch(merge, section, name, "ssl", &merge->has_ssl, &settings->ssl);
	merge_switch(merge, section, name, "no_ssl_verify", &merge->has_no_ssl_verify,
	             &settings->no_ssl_verify);
	return merge->notes->failed ? rnm_error_nomem(merge->err) : RNM_OK;
}
