/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grow.h"
#include "rspamd/config_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest path of a configuration file that is remembered, as a sanity bound for a caller's string. */
#define PATH_BYTES_MAX 65536u

static const struct rnm_config_limits default_limits = {
	.max_file_bytes = RNM_CONFIG_FILE_MAX,
	.max_total_bytes = RNM_CONFIG_TOTAL_MAX,
	.max_files = RNM_CONFIG_FILES_MAX,
	.max_depth = RNM_CONFIG_DEPTH_MAX,
	.max_tree_bytes = RNM_CONFIG_TREE_MAX,
	.max_lua_steps = RNM_CONFIG_LUA_STEPS_MAX,
	.max_lua_bytes = RNM_CONFIG_LUA_BYTES_MAX,
	.max_lua_seconds = RNM_CONFIG_LUA_SECONDS_MAX,
};

static struct rnm_config_limits effective_limits(const struct rnm_config_limits *given)
{
	struct rnm_config_limits limits = default_limits;

	if (given == NULL)
		return limits;
	if (given->max_file_bytes != 0)
		limits.max_file_bytes = given->max_file_bytes;
	if (given->max_total_bytes != 0)
		limits.max_total_bytes = given->max_total_bytes;
	if (given->max_files != 0)
		limits.max_files = given->max_files;
	/* Trees are walked recursively: the default is also the most that is safe on any thread's stack. */
	if (given->max_depth != 0 && given->max_depth < limits.max_depth)
		limits.max_depth = given->max_depth;
	if (given->max_tree_bytes != 0)
		limits.max_tree_bytes = given->max_tree_bytes;
	if (given->max_lua_steps != 0)
		limits.max_lua_steps = given->max_lua_steps;
	if (given->max_lua_bytes != 0)
		limits.max_lua_bytes = given->max_lua_bytes;
	if (given->max_lua_seconds > 0)
		limits.max_lua_seconds = given->max_lua_seconds;
	return limits;
}

bool config_add_name(const char ***list, size_t *count, size_t *cap, const char *name)
{
	const char **grown = rnm_grow(*list, *count, cap, sizeof(*grown));

	if (grown == NULL)
		return false;
	*list = grown;
	(*list)[(*count)++] = name;
	return true;
}

/* Puts rspamd's words in front of what the parser said. */
static void prefix_reference(struct rnm_error *err)
{
	char parser_text[RNM_ERROR_TEXT_MAX];

	if (err == NULL || err->reference[0] == '\0' || strncmp(err->reference, "failed to load", 14) == 0)
		return;
	memcpy(parser_text, err->reference, sizeof(parser_text));
	rnm_error_set_reference(err, "failed to load config: ucl parser error: %s", parser_text);
}

/* The name by which messages and $FILENAME call the main file; NULL: no memory. */
static const char *resolved_path(struct config_loader *loader)
{
	struct rnm_config *config = loader->config;
	const char *copy = config->path;
	char *full = NULL;
	int errnum = config_resolve(loader, config->path, &full);

	if (errnum != 0)
		return errnum == ENOMEM ? NULL : copy;
	copy = rnm_arena_strndup(&config->arena, full, strlen(full));
	free(full);
	return copy;
}

static enum rnm_status fail_lookups(const struct rnm_config *config, struct rnm_error *err)
{
	char file[RNM_ERROR_FILE_MAX] = "";
	uint32_t line = err != NULL ? err->line : 0;

	if (err != NULL)
		memcpy(file, err->file, sizeof(file));
	rnm_error_set(err, RNM_E_MALFORMED, "config.limit",
	              "the configuration asks for more included files than %u files allow",
	              config->limits.max_files);
	rnm_error_at_line(err, file, line);
	return RNM_E_MALFORMED;
}

static enum rnm_status parse_tree(struct config_loader *loader, const struct config_names *names,
                                  struct rnm_error *err)
{
	struct rnm_config *config = loader->config;
	struct rnm_ucl_io io = config_io_table;
	struct rnm_ucl_options options = {
		.arena = &config->arena,
		.vars = names->ucl,
		.var_count = names->ucl_count,
		.io = &io,
		.max_depth = config->limits.max_depth,
	};
	enum rnm_status status;
	const char *text;
	size_t len;

	status = config_read_main(loader, &text, &len, err);
	if (status == RNM_OK) {
		io.ctx = loader;
		options.filename = resolved_path(loader);
		if (options.filename == NULL)
			return rnm_error_nomem(err);
		status = rnm_ucl_parse(&config->root, &options, text, len, err);
	}
	if (loader->too_many_lookups)
		return fail_lookups(config, err);
	if (status != RNM_OK)
		prefix_reference(err);
	return status;
}

static const char *choose_path(struct rnm_config *config, const struct rnm_config_options *options,
                               const struct config_names *names)
{
	if (options->path != NULL)
		return rnm_arena_strndup(&config->arena, options->path,
		                         strnlen(options->path, PATH_BYTES_MAX));
	return rnm_arena_printf(&config->arena, "%s/rspamd.conf", names->confdir);
}

static enum rnm_status load(struct rnm_config *config, const struct rnm_config_options *options,
                            struct rnm_error *err)
{
	struct config_names names;
	struct config_loader loader = { .config = config, .names = &names };
	enum rnm_status status = config_names_init(&names, options, err);

	if (status != RNM_OK)
		return status;
	config->path = choose_path(config, options, &names);
	status = config->path != NULL ? parse_tree(&loader, &names, err) : rnm_error_nomem(err);
	config_loader_free(&loader);
	config_names_free(&names);
	if (status != RNM_OK)
		return status;
	if (!config_collect_warnings(config))
		return rnm_error_nomem(err);
	return config_check_types(config, err);
}

enum rnm_status rnm_config_load(struct rnm_config **out, const struct rnm_config_options *options,
                                struct rnm_error *err)
{
	struct rnm_config *config = calloc(1, sizeof(*config));
	enum rnm_status status;

	*out = NULL;
	if (config == NULL)
		return rnm_error_nomem(err);
	config->limits = effective_limits(options->limits);
	rnm_arena_init(&config->arena, config->limits.max_tree_bytes);
	status = load(config, options, err);
	if (status != RNM_OK) {
		rnm_config_free(config);
		return status;
	}
	*out = config;
	return RNM_OK;
}

void rnm_config_free(struct rnm_config *config)
{
	if (config == NULL)
		return;
	rnm_arena_free(&config->arena);
	free(config->files);
	free(config->warnings);
	free(config);
}

const char *rnm_config_path(const struct rnm_config *config)
{
	return config->path;
}

const struct rnm_value *rnm_config_root(const struct rnm_config *config)
{
	return config->root;
}

size_t rnm_config_warning_count(const struct rnm_config *config)
{
	return config->warning_count;
}

const char *rnm_config_warning(const struct rnm_config *config, size_t index)
{
	return index < config->warning_count ? config->warnings[index] : NULL;
}

size_t rnm_config_file_count(const struct rnm_config *config)
{
	return config->file_count;
}

const char *rnm_config_file(const struct rnm_config *config, size_t index)
{
	return index < config->file_count ? config->files[index] : NULL;
}
