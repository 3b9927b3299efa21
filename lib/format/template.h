/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The template step that rspamd runs over each configuration file before UCL sees it:
 * {= expression =}, {% statement %}, {# comment #}, with expressions in Lua.
 * rspamd: contrib/lua-lupa/lupa.lua, lualib/lua_util.lua.  Language: docs/configuration.md.
 */
#ifndef RNM_FORMAT_TEMPLATE_H
#define RNM_FORMAT_TEMPLATE_H

#include <rnm/buf.h>

struct rnm_template_var {
	const char *name;
	const char *value; /* a string; may be empty */
	double number;     /* used when is_number */
	bool is_number;    /* e.g. env.ver_num */
};

struct rnm_template_options {
	/* The table `env`; later entries of a name replace earlier ones. */
	const struct rnm_template_var *env;
	size_t env_count;
	/* The table `paths`. */
	const struct rnm_template_var *paths;
	size_t path_count;
	uint64_t max_lua_steps; /* instructions for the life of the engine */
	size_t max_lua_bytes;
	double max_lua_seconds;  /* wall time inside expand for the life of the engine */
	size_t max_output_bytes; /* of one expansion */
};

/* Keeps what is permanent across files (`do env.A = "1"`); Lua starts with the first tag that needs it. */
struct rnm_template;

/* Copies all options. */
RNM_MUST_CHECK enum rnm_status rnm_template_new(struct rnm_template **out,
                                                const struct rnm_template_options *options,
                                                struct rnm_error *err);
void rnm_template_free(struct rnm_template *engine);

/* Whether text holds a tag or a CR LF pair at all: when false the text passes unchanged and expand need not be called. */
bool rnm_template_needed(const char *text, size_t len);

/*
 * Appends the expansion of text to out.  On failure RNM_E_MALFORMED with id "config.template" or
 * "config.limit"; line and column are of the text (column as rspamd counts it, file left empty: the
 * caller knows it); reference is rspamd's text, e.g.
 * `Parse Error in file "<string>" on line 1, column 10: "=}" expected`.
 */
RNM_MUST_CHECK enum rnm_status rnm_template_expand(struct rnm_template *engine, const char *text, size_t len,
                                                   struct rnm_buf *out, struct rnm_error *err);

#endif
