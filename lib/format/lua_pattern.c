/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The matcher is that of the templates, which is bounded in work, memory and time; one template asks it
 * about all texts, so that Lua starts once.
 */
#include "format/lua_pattern.h"

#include "format/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_ROOM 24
#define TAG_ROOM ((size_t)64)

static const struct rnm_template_options limits = {
	.max_lua_steps = 10000000,
	.max_lua_bytes = (size_t)64 << 20,
	.max_lua_seconds = 1,
	.max_output_bytes = RNM_LUA_PATTERN_TEXTS_MAX,
};

/* The variables of the template: the pattern P and the texts T0, T1, ... */
struct names {
	struct rnm_template_var *vars;
	char (*texts)[NAME_ROOM];
};

static bool make_names(struct names *names, const char *pattern, const char *const *texts, size_t count)
{
	names->vars = calloc(count + 1, sizeof(*names->vars));
	names->texts = calloc(count + 1, sizeof(*names->texts));
	if (names->vars == NULL || names->texts == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		snprintf(names->texts[i], NAME_ROOM, "T%zu", i);
		names->vars[i] = (struct rnm_template_var){ .name = names->texts[i], .value = texts[i] };
	}
	names->vars[count] = (struct rnm_template_var){ .name = "P", .value = pattern };
	return true;
}

static enum rnm_status explain(enum rnm_status status, struct rnm_error *err)
{
	static const char mark[] = "found: ";
	const char *cause;

	if (status != RNM_E_MALFORMED || err == NULL)
		return status;
	cause = strstr(err->message, mark);
	return rnm_error_set(err, RNM_E_MALFORMED, "lua.pattern", "expected a Lua pattern, found %s",
	                     cause != NULL ? cause + strlen(mark) : "one that takes too much work");
}

/* Leaves one digit for each text in out. */
static enum rnm_status expand(const struct names *names, size_t count, struct rnm_buf *out,
                              struct rnm_error *err)
{
	struct rnm_template_options options = limits;
	struct rnm_template *engine = NULL;
	struct rnm_buf text;
	enum rnm_status status;

	options.env = names->vars;
	options.env_count = count + 1;
	rnm_buf_init(&text, count * TAG_ROOM);
	for (size_t i = 0; i < count; i++)
		rnm_buf_printf(&text, "{= T%zu:find(P) and 1 or 0 =}", i);
	status = text.failed ? rnm_error_nomem(err) : rnm_template_new(&engine, &options, err);
	if (status == RNM_OK)
		status = rnm_template_expand(engine, rnm_buf_cstr(&text), text.len, out, err);
	rnm_template_free(engine);
	rnm_buf_free(&text);
	return explain(status, err);
}

enum rnm_status rnm_lua_pattern_match(const char *pattern, const char *const *texts, size_t count,
                                      bool *matches, struct rnm_error *err)
{
	struct names names = { 0 };
	struct rnm_buf out;
	enum rnm_status status;

	if (count > RNM_LUA_PATTERN_TEXTS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "lua.pattern",
		                     "expected at most %zu texts to match, found %zu",
		                     RNM_LUA_PATTERN_TEXTS_MAX, count);
	rnm_buf_init(&out, RNM_LUA_PATTERN_TEXTS_MAX);
	status = make_names(&names, pattern, texts, count) ? expand(&names, count, &out, err)
	                                                   : rnm_error_nomem(err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		matches[i] = rnm_buf_cstr(&out)[i] == '1';
	free(names.vars);
	free(names.texts);
	rnm_buf_free(&out);
	return status;
}
