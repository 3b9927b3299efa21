/* SPDX-License-Identifier: Apache-2.0 */
#include "rspamd/config_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The release whose behaviour rnm follows.  rspamd: CMakeLists.txt. */
#define VERSION "4.1.6"
#define VERSION_MAJOR "4"
#define VERSION_MINOR "1"
#define VERSION_ID "release"
#define VERSION_NUMBER 0x4010000000000

/*
 * Values of the distribution packages.  rspamd: CMakeLists.txt (defaults), src/rspamadm/rspamadm.c (what
 * may be changed from outside), src/libserver/cfg_utils.cxx (variables).
 */
static const struct path {
	const char *name;
	const char *value;
	bool variable; /* may be changed from outside, for templates */
	bool in_ucl;   /* the UCL variable follows the change */
} paths[] = {
	{ "SHAREDIR", "/usr/share/rspamd", true, false },
	{ "CONFDIR", "/etc/rspamd", true, true },
	{ "LOCAL_CONFDIR", "/etc/rspamd", true, true },
	{ "RUNDIR", "/run/rspamd", true, true },
	{ "DBDIR", "/var/lib/rspamd", true, true },
	{ "LOGDIR", "/var/log/rspamd", true, true },
	{ "WWWDIR", "/usr/share/rspamd/www", true, true },
	{ "PLUGINSDIR", "/usr/share/rspamd/plugins", true, true },
	{ "RULESDIR", "/usr/share/rspamd/rules", true, true },
	{ "LUALIBDIR", "/usr/share/rspamd/lualib", true, true },
	{ "PREFIX", "/usr", false, false },
};
#define PATH_COUNT (sizeof(paths) / sizeof(paths[0]))

/* UCL's variables in the order in which a prefix is looked for.  NULL: from the table above. */
static const struct {
	const char *name;
	const char *value;
} ucl_names[] = {
	{ "CONFDIR", NULL },
	{ "LOCAL_CONFDIR", NULL },
	{ "RUNDIR", NULL },
	{ "DBDIR", NULL },
	{ "LOGDIR", NULL },
	{ "PLUGINSDIR", NULL },
	{ "SHAREDIR", NULL },
	{ "RULESDIR", NULL },
	{ "WWWDIR", NULL },
	{ "PREFIX", NULL },
	{ "VERSION", VERSION },
	{ "VERSION_MAJOR", VERSION_MAJOR },
	{ "VERSION_MINOR", VERSION_MINOR },
	{ "BRANCH_VERSION", VERSION_MAJOR },
	{ "HOSTNAME", NULL },
	{ "LUALIBDIR", NULL },
};
#define UCL_COUNT (sizeof(ucl_names) / sizeof(ucl_names[0]))

static const char *environment_value(const struct rnm_config_options *options, const char *name)
{
	size_t len = strlen(name);

	if (options->environment == NULL)
		return NULL;
	for (const char *const *entry = options->environment; *entry != NULL; entry++)
		if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
			return *entry + len + 1;
	return NULL;
}

/* --var wins over the environment, the environment over the built-in value. */
static const char *path_value(const struct rnm_config_options *options, const struct path *path)
{
	const char *value = NULL;

	if (!path->variable)
		return path->value;
	for (size_t i = 0; i < options->var_count; i++)
		if (strcasecmp(options->vars[i].name, path->name) == 0)
			value = options->vars[i].value;
	if (value == NULL)
		value = environment_value(options, path->name);
	return value != NULL ? value : path->value;
}

static const char *ucl_value(const struct config_names *names, size_t index)
{
	if (ucl_names[index].value != NULL)
		return ucl_names[index].value;
	for (size_t i = 0; i < PATH_COUNT; i++)
		if (strcmp(paths[i].name, ucl_names[index].name) == 0)
			return paths[i].in_ucl ? names->paths[i].value : paths[i].value;
	return names->hostname;
}

/* Later entries of a name replace earlier ones, so the order of the sources is their precedence. */
static void fill_env(struct config_names *names, const struct rnm_config_options *options)
{
	const struct rnm_template_var builtin[] = {
		{ "hostname", names->hostname, 0, false }, { "version", VERSION, 0, false },
		{ "ver_major", VERSION_MAJOR, 0, false },  { "ver_minor", VERSION_MINOR, 0, false },
		{ "ver_id", VERSION_ID, 0, false },        { "ver_num", NULL, (double)VERSION_NUMBER, true },
	};
	size_t count = 0;

	for (size_t i = 0; i < options->var_count; i++)
		names->env[count++] =
		    (struct rnm_template_var){ options->vars[i].name, options->vars[i].value, 0, false };
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
		names->env[count++] = builtin[i];
	names->env_count = count;
}

#define ENV_PREFIX "RSPAMD_"

/* Every RSPAMD_X=value of the environment as X.  The names are copies: the entries hold both. */
static bool add_environment(struct config_names *names, const struct rnm_config_options *options)
{
	const size_t prefix = strlen(ENV_PREFIX);

	if (options->environment == NULL)
		return true;
	for (const char *const *entry = options->environment; *entry != NULL; entry++) {
		const char *equals = strchr(*entry, '=');
		char *name;

		if (equals == NULL || strncmp(*entry, ENV_PREFIX, prefix) != 0)
			continue;
		name = strndup(*entry + prefix, (size_t)(equals - *entry) - prefix);
		if (name == NULL)
			return false;
		names->env_names[names->env_name_count++] = name;
		names->env[names->env_count++] = (struct rnm_template_var){ name, equals + 1, 0, false };
	}
	return true;
}

static size_t environment_count(const struct rnm_config_options *options)
{
	size_t count = 0;

	if (options->environment != NULL)
		while (options->environment[count] != NULL)
			count++;
	return count;
}

enum rnm_status config_names_init(struct config_names *names, const struct rnm_config_options *options,
                                  struct rnm_error *err)
{
	size_t env_max = options->var_count + 6 + environment_count(options);

	memset(names, 0, sizeof(*names));
	if (gethostname(names->hostname, sizeof(names->hostname) - 1) != 0)
		names->hostname[0] = '\0';
	names->paths = calloc(PATH_COUNT, sizeof(*names->paths));
	names->ucl = calloc(UCL_COUNT, sizeof(*names->ucl));
	names->env = calloc(env_max, sizeof(*names->env));
	names->env_names = calloc(env_max, sizeof(*names->env_names));
	if (names->paths == NULL || names->ucl == NULL || names->env == NULL || names->env_names == NULL) {
		config_names_free(names);
		return rnm_error_nomem(err);
	}
	for (size_t i = 0; i < PATH_COUNT; i++) {
		names->paths[i].name = paths[i].name;
		names->paths[i].value = path_value(options, &paths[i]);
		if (strcmp(paths[i].name, "CONFDIR") == 0)
			names->confdir = names->paths[i].value;
	}
	names->path_count = PATH_COUNT;
	for (size_t i = 0; i < UCL_COUNT; i++) {
		names->ucl[i].name = ucl_names[i].name;
		names->ucl[i].value = ucl_value(names, i);
	}
	names->ucl_count = UCL_COUNT;
	fill_env(names, options);
	if (!add_environment(names, options)) {
		config_names_free(names);
		return rnm_error_nomem(err);
	}
	return RNM_OK;
}

void config_names_free(struct config_names *names)
{
	for (size_t i = 0; names->env_names != NULL && i < names->env_name_count; i++)
		free(names->env_names[i]);
	free(names->env_names);
	free(names->paths);
	free(names->ucl);
	free(names->env);
	memset(names, 0, sizeof(*names));
}
