/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rspamd does with the finished tree: lines that its transformations print, and the types that it
 * demands of some sections.  rspamd: lualib/lua_cfg_transform.lua, src/libserver/cfg_rcl.cxx.
 */
#include "rspamd/config_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool add_warning(struct rnm_config *config, const char *text)
{
	return text != NULL &&
	       config_add_name(&config->warnings, &config->warning_count, &config->warning_cap, text);
}

/* In Lua, objects, arrays and the values of a repeated key are all tables. */
static bool is_table(const struct rnm_value *value)
{
	return value != NULL &&
	       (value->type == RNM_OBJECT || value->type == RNM_ARRAY || value->next != NULL);
}

bool config_collect_warnings(struct rnm_config *config)
{
	if (config->root->type != RNM_OBJECT)
		return true;
	if (rnm_value_get(config->root, "actions") == NULL && !add_warning(config, "no actions defined"))
		return false;
	for (size_t i = 0; i < rnm_value_count(config->root); i++) {
		const struct rnm_value *section = rnm_value_at(config->root, i);
		int len = section->key.len > 200 ? 200 : (int)section->key.len;

		if (section->next != NULL || !is_table(rnm_value_get_n(section, section->key)))
			continue;
		if (!add_warning(config,
		                 rnm_arena_printf(&config->arena,
		                                  "nested section: %.*s { %.*s { ... } }, it is likely a "
		                                  "configuration error",
		                                  len, section->key.data, len, section->key.data)))
			return false;
	}
	return true;
}

enum rnm_status config_fail_process(const struct rnm_value *where, struct rnm_error *err, const char *message,
                                    const char *fmt, ...)
{
	char text[RNM_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	rnm_error_set(err, RNM_E_MALFORMED, "config.process", "%s: %s", text, message);
	if (where != NULL && where->file != NULL)
		rnm_error_at_line(err, where->file, where->line);
	rnm_error_set_reference(err, "failed to load config: %s", text);
	return RNM_E_MALFORMED;
}

static const char *type_name(const struct rnm_value *value)
{
	return rnm_type_name((enum rnm_type)value->type);
}

static bool is_number(const struct rnm_value *value)
{
	return value->type == RNM_INT || value->type == RNM_FLOAT;
}

/* A scalar that can be an item of a list of strings. */
static bool is_list_item(const struct rnm_value *value)
{
	return value->type == RNM_STRING || value->type == RNM_INT || value->type == RNM_BOOL ||
	       (value->type == RNM_FLOAT && (value->flags & RNM_VALUE_TIME) == 0);
}

static bool is_string_list(const struct rnm_value *value)
{
	for (; value != NULL; value = value->next) {
		if (value->type != RNM_ARRAY && value->type != RNM_OBJECT && !is_list_item(value))
			return false;
		for (size_t i = 0; i < rnm_value_count(value); i++)
			if (!is_list_item(rnm_value_at(value, i)))
				return false;
	}
	return true;
}

static bool fits(const struct rnm_value *value, enum config_kind kind)
{
	switch (kind) {
	case CONFIG_STRING:
		return is_list_item(value) || value->type == RNM_NULL;
	case CONFIG_INTEGER:
	case CONFIG_NUMBER:
		return is_number(value);
	case CONFIG_BOOLEAN:
		return value->type == RNM_BOOL || value->type == RNM_INT;
	case CONFIG_STRING_LIST:
		return is_string_list(value);
	}
	return true;
}

enum rnm_status config_check_kind(const struct rnm_value *value, enum config_kind kind, const char *name,
                                  struct rnm_error *err)
{
	/* rspamd's word for the target, and what a user may write. */
	static const char *const words[][2] = {
		[CONFIG_STRING] = { "string", "expected a string" },
		[CONFIG_INTEGER] = { "integer", "expected a number without quotes, such as 10 or 5k" },
		[CONFIG_NUMBER] = { "double",
		                    "expected a number or a time without quotes, such as 8s, which must "
		                    "touch the ';' after it" },
		[CONFIG_BOOLEAN] = { "boolean", "expected true or false without quotes" },
		[CONFIG_STRING_LIST] = { "a string list", "expected a string or a list of strings" },
	};

	if (value == NULL || fits(value, kind))
		return RNM_OK;
	return config_fail_process(value, err, words[kind][1], "cannot convert %s to %s in option %s",
	                           type_name(value), words[kind][0], name);
}

/*
 * A section of named entries: if every member is an object, each is an entry with its key as its name;
 * otherwise the whole is one entry, which needs the attribute `name`.
 */
static bool is_list_of_entries(const struct rnm_value *section)
{
	for (size_t i = 0; i < rnm_value_count(section); i++)
		if (rnm_value_at(section, i)->type != RNM_OBJECT)
			return false;
	return section->type == RNM_OBJECT;
}

static enum rnm_status check_name(const struct rnm_value *section, const char *what, struct rnm_error *err)
{
	const struct rnm_value *name = rnm_value_get(section, "name");

	if (name == NULL)
		return config_fail_process(
		    section, err, "write the name after the keyword, as in: section \"name\" { ... }",
		    "required attribute 'name' is missing for section '%s', current key: %s", what, what);
	if (name->type != RNM_STRING)
		return config_fail_process(name, err, "expected a string",
		                           "required attribute name is not a string for section %s", what);
	return RNM_OK;
}

static enum rnm_status check_group_entry(const struct rnm_value *group, struct rnm_bytes name,
                                         struct rnm_error *err)
{
	static const char *const switches[] = { "disabled", "enabled", "one_shot" };
	static const char *const numbers[] = { "max_score", "min_score" };
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		const struct rnm_value *value = rnm_value_get(group, switches[i]);

		if (value != NULL && value->type != RNM_BOOL)
			return config_fail_process(value, err, "expected true or false without quotes",
			                           "%s attribute is not boolean for symbol: '%.*s'",
			                           switches[i], name.len > 200 ? 200 : (int)name.len,
			                           name.data);
	}
	for (size_t i = 0; status == RNM_OK && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		status = config_check_kind(rnm_value_get(group, numbers[i]), CONFIG_NUMBER, numbers[i], err);
	return status;
}

static enum rnm_status check_group(const struct rnm_value *group, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (!is_list_of_entries(group)) {
		status = check_name(group, "group", err);
		return status == RNM_OK
		           ? check_group_entry(group, rnm_value_get(group, "name")->as.string, err)
		           : status;
	}
	for (size_t i = 0; status == RNM_OK && i < rnm_value_count(group); i++) {
		const struct rnm_value *entry = rnm_value_at(group, i);

		status = check_group_entry(entry, entry->key, err);
	}
	return status;
}

/* An action written as an object has a score or is flagged as one that needs none. */
static enum rnm_status check_actions(const struct rnm_value *actions, struct rnm_error *err)
{
	enum rnm_status status;

	for (size_t i = 0; i < rnm_value_count(actions); i++) {
		const struct rnm_value *action = rnm_value_at(actions, i);

		if (action->type == RNM_OBJECT && rnm_value_get(action, "score") == NULL &&
		    rnm_value_get(action, "flags") == NULL)
			return config_fail_process(action, err, "expected a score",
			                           "invalid action definition for: '%.*s'",
			                           action->key.len > 200 ? 200 : (int)action->key.len,
			                           action->key.data);
	}
	status =
	    config_check_kind(rnm_value_get(actions, "unknown_weight"), CONFIG_NUMBER, "unknown_weight", err);
	if (status == RNM_OK)
		status = config_check_kind(rnm_value_get(actions, "grow_factor"), CONFIG_NUMBER,
		                           "grow_factor", err);
	if (status == RNM_OK)
		status = config_check_kind(rnm_value_get(actions, "subject"), CONFIG_STRING, "subject", err);
	return status;
}

/* The files that `modules` names are rspamd's own and need not exist here. */
static enum rnm_status check_modules(const struct rnm_value *modules, struct rnm_error *err)
{
	if (modules->type == RNM_OBJECT && rnm_value_get(modules, "path") == NULL)
		return config_fail_process(modules, err, "expected path = \"...\" in section modules",
		                           "path attribute is missing");
	if (modules->type != RNM_OBJECT && modules->type != RNM_STRING)
		return config_fail_process(modules, err, "expected modules { path = \"...\" }",
		                           "module parameter has wrong type (must be an object or a string)");
	return RNM_OK;
}

static enum rnm_status check_composite(const struct rnm_value *composite, struct rnm_error *err)
{
	return is_list_of_entries(composite) ? RNM_OK : check_name(composite, "composite", err);
}

typedef enum rnm_status (*check_fn)(const struct rnm_value *link, struct rnm_error *err);

/* In the order in which rspamd looks at them.  logging and worker are left out, as neural_export does. */
static const struct section {
	const char *name;
	enum rnm_type type; /* of the first value; RNM_NULL: the check decides */
	bool plain_object;  /* every further value must be an object too */
	check_fn check;     /* for every value of a repeated section; may be NULL */
} sections[] = {
	{ "options", RNM_OBJECT, true, config_check_options },
	{ "actions", RNM_OBJECT, true, check_actions },
	{ "group", RNM_OBJECT, false, check_group },
	{ "modules", RNM_NULL, false, check_modules },
	{ "classifier", RNM_OBJECT, false, NULL },
	{ "composite", RNM_OBJECT, false, check_composite },
	{ "composites", RNM_OBJECT, false, NULL },
	{ "lua", RNM_STRING, false, NULL },
};

static enum rnm_status check_section(const struct section *section, const struct rnm_value *head,
                                     struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (section->type != RNM_NULL && head->type != (uint8_t)section->type) {
		char message[64];

		snprintf(message, sizeof(message), "expected %s, found %s", rnm_type_name(section->type),
		         type_name(head));
		return config_fail_process(head, err, message, "object in section %s has invalid type",
		                           section->name);
	}
	for (const struct rnm_value *link = head; status == RNM_OK && link != NULL; link = link->next) {
		if (section->plain_object && link->type != RNM_OBJECT)
			return config_fail_process(
			    link, err, "expected an object",
			    "default configuration must be an object for section %s (actual "
			    "type is %s)",
			    section->name, type_name(link));
		if (section->check != NULL)
			status = section->check(link, err);
	}
	return status;
}

enum rnm_status config_check_types(const struct rnm_config *config, struct rnm_error *err)
{
	if (config->root->type != RNM_OBJECT)
		return config_fail_process(config->root, err, "found an array",
		                           "top configuration must be an object");
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		const struct rnm_value *head = rnm_value_get(config->root, sections[i].name);
		enum rnm_status status = head != NULL ? check_section(&sections[i], head, err) : RNM_OK;

		if (status != RNM_OK)
			return status;
	}
	return RNM_OK;
}
