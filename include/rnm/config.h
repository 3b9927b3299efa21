/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/config.h: a rspamd configuration tree, read as rspamd 4.1 reads it.
 *
 * The steps (templates, UCL with includes and priorities, type checks of some sections, the view that
 * Lua code gets) are those of `rspamadm neural_export`; facts and quirks in docs/configuration.md.
 */
#ifndef RNM_CONFIG_H
#define RNM_CONFIG_H

#include <rnm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits on hostile configurations; docs/limits.md. */
#define RNM_CONFIG_FILE_MAX ((size_t)64 << 20)      /* bytes of one file, before templates */
#define RNM_CONFIG_TOTAL_MAX ((size_t)256 << 20)    /* bytes of all files together, after templates */
#define RNM_CONFIG_FILES_MAX 4096u                  /* files read, main file included */
#define RNM_CONFIG_DEPTH_MAX 1000u                  /* nested objects and arrays (rspamd: no limit) */
#define RNM_CONFIG_TREE_MAX ((size_t)1 << 30)       /* bytes of memory for the finished tree */
#define RNM_CONFIG_LUA_STEPS_MAX UINT64_C(50000000) /* Lua instructions of all templates of one load */
#define RNM_CONFIG_LUA_BYTES_MAX ((size_t)64 << 20) /* memory of the template engine */
#define RNM_CONFIG_LUA_SECONDS_MAX 5.0              /* wall time of all templates of one load */

/*
 * A value of 0 means the default above.  Each limit, when exceeded, fails the load with RNM_E_MALFORMED and
 * the id "config.limit".
 */
struct rnm_config_limits {
	size_t max_file_bytes;
	size_t max_total_bytes;
	unsigned max_files;
	unsigned max_depth; /* RNM_CONFIG_DEPTH_MAX is also the most that is accepted */
	size_t max_tree_bytes;
	uint64_t max_lua_steps;
	size_t max_lua_bytes;
	double max_lua_seconds;
};

struct rnm_config_var {
	const char *name;
	const char *value;
};

struct rnm_config_options {
	/* File to read; NULL for <CONFDIR>/rspamd.conf. */
	const char *path;
	/* --var NAME=VALUE pairs in order.  As paths they win over the environment; in templates
	 * RSPAMD_NAME of the environment wins over them (rspamd: src/rspamadm/rspamadm.c). */
	const struct rnm_config_var *vars;
	size_t var_count;
	/* The process environment as "NAME=VALUE" strings, NULL-terminated; NULL for an empty one.  The
	 * library never reads the environment by itself. */
	const char *const *environment;
	/* NULL for the defaults. */
	const struct rnm_config_limits *limits;
};

struct rnm_config;

/*
 * Loads a configuration.  Errors:
 *   RNM_E_NOT_FOUND/RNM_E_IO  the main file cannot be opened (id "config.open")
 *   RNM_E_MALFORMED           templates (id "config.template"), UCL (ids "ucl.*", "config.include"),
 *                             types that rspamd refuses (id "config.process"), limits ("config.limit")
 * message names what was expected; file, line and column say where; reference holds the text that
 * rspamd prints after "cannot parse CONFIG: " or "cannot process CONFIG: ".
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_config_load(struct rnm_config **out,
                                                       const struct rnm_config_options *options,
                                                       struct rnm_error *err);
RNM_API void rnm_config_free(struct rnm_config *config);

/* The path that was loaded, as given or defaulted. */
RNM_API const char *rnm_config_path(const struct rnm_config *config);

/* The whole tree (an object; repeated sections are chains). */
RNM_API const struct rnm_value *rnm_config_root(const struct rnm_config *config);

/*
 * What rspamd's Lua call rspamd_config:get_all_opt(NAME) returns (docs/configuration.md): repeated
 * sections flattened one level, repeated keys below as arrays flagged RNM_VALUE_IMPLICIT.
 * *out is NULL and the status RNM_OK when the section is absent.  A section that is an array fails
 * with RNM_E_MALFORMED (rspamd: a Lua error and exit status 0).  The result is cached in config.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_config_get_all_opt(struct rnm_config *config, const char *name,
                                                              const struct rnm_value **out,
                                                              struct rnm_error *err);

/* Lines that rspamd would print while loading (e.g. "nested section: ..."); borrowed. */
RNM_API size_t rnm_config_warning_count(const struct rnm_config *config);
RNM_API const char *rnm_config_warning(const struct rnm_config *config, size_t index);

/* Names of the files that were read, main file first; borrowed. */
RNM_API size_t rnm_config_file_count(const struct rnm_config *config);
RNM_API const char *rnm_config_file(const struct rnm_config *config, size_t index);

#ifdef __cplusplus
}
#endif
#endif
