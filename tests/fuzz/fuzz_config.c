/* SPDX-License-Identifier: Apache-2.0 */
/* A whole configuration in real files (see fuzz.h), and everything that is asked of one. */
#include "fuzz.h"

#include <rnm/buf.h>
#include <rnm/json.h>
#include <rnm/redis.h>
#include <rnm/rule.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far below the defaults, so that no single input takes seconds. */
static const struct rnm_config_limits limits = {
	.max_file_bytes = (size_t)1 << 20,
	.max_total_bytes = (size_t)4 << 20,
	.max_files = 64,
	.max_tree_bytes = (size_t)64 << 20,
	.max_lua_steps = 100000,
	.max_lua_bytes = (size_t)16 << 20,
	.max_lua_seconds = 2,
};

static char folder[64];

static void remove_folder(void)
{
	(void)rmdir(folder);
}

/* One folder for the process: /dev/shm spares the disk. */
static void make_folder(void)
{
	if (folder[0] != '\0')
		return;
	snprintf(folder, sizeof(folder), "%s/rnm-fuzz-XXXXXX",
	         access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FUZZ_CHECK(mkdtemp(folder) != NULL);
	atexit(remove_folder);
}

static bool path_of(char path[192], const char *name)
{
	snprintf(path, 192, "%s/%s", folder, name);
	/* No folders: an input must not write anywhere else. */
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static void write_files(const struct fuzz_files *files)
{
	char path[192];

	for (size_t i = 0; i < files->count; i++) {
		int fd =
		    path_of(path, files->items[i].name) ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;

		if (fd < 0)
			continue;
		FUZZ_CHECK(write(fd, files->items[i].text, files->items[i].len) ==
		           (ssize_t)files->items[i].len);
		close(fd);
	}
}

static void remove_files(const struct fuzz_files *files)
{
	char path[192];

	for (size_t i = 0; i < files->count; i++)
		if (path_of(path, files->items[i].name))
			(void)unlink(path);
}

static void ask_rule(struct rnm_config *config, const char *name, const struct rnm_rule_options *options)
{
	struct rnm_digest_explanation *explanation = NULL;
	struct rnm_rule *rule = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_rule_open(&rule, config, name, options, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	FUZZ_CHECK(rule->has_providers == (strlen(rule->digest) == RNM_DIGEST_LEN));
	status = rnm_rule_explain(&explanation, config, rule, options, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK)
		FUZZ_CHECK(strcmp(explanation->digest, rule->digest) == 0);
	if (status == RNM_OK)
		rnm_digest_explanation_free(explanation);
	rnm_rule_free(rule);
}

static void ask_rules(struct rnm_config *config, bool as_original)
{
	const struct rnm_rule_options options = { .as_original = as_original,
		                                  .numbers =
		                                      as_original ? RNM_NUMBERS_LUAJIT : RNM_NUMBERS_LUA54 };
	char **names = NULL;
	size_t count = 0;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_rule_names(&names, &count, config, &options, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK) {
		for (size_t i = 0; i < count && i < 8; i++)
			ask_rule(config, names[i], &options);
		rnm_names_free(names, count);
	}
	ask_rule(config, "default", &options);
}

static void ask_redis(struct rnm_config *config)
{
	struct rnm_redis_settings *settings = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_redis_settings_from_config(&settings, config, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	FUZZ_CHECK(settings->read_count > 0 && settings->timeout > 0);
	rnm_redis_settings_free(settings);
}

static void ask_check(struct rnm_config *config)
{
	struct rnm_finding *findings = NULL;
	size_t count = 0;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_config_check(&findings, &count, config, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	for (size_t i = 0; i < count; i++)
		FUZZ_CHECK(findings[i].id[0] != '\0' && findings[i].text[0] != '\0');
	rnm_findings_free(findings, count);
}

static void ask_views(struct rnm_config *config)
{
	static const char *const sections[] = { "neural", "redis", "options", "modules" };

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		const struct rnm_value *view = NULL;
		struct rnm_error err;
		enum rnm_status status;

		rnm_error_clear(&err);
		status = rnm_config_get_all_opt(config, sections[i], &view, &err);
		fuzz_check_error(status, &err);
		if (status == RNM_OK)
			(void)fuzz_walk(view);
	}
	(void)fuzz_walk(rnm_config_root(config));
	for (size_t i = 0; i < rnm_config_warning_count(config); i++)
		FUZZ_CHECK(rnm_config_warning(config, i)[0] != '\0');
}

static void load(void)
{
	const struct rnm_config_var vars[] = { { "CONFDIR", folder }, { "LOCAL_CONFDIR", folder } };
	static const char *const environment[] = { "RSPAMD_A=1", NULL };
	char path[192];
	const struct rnm_config_options options = { path, vars, 2, environment, &limits };
	struct rnm_config *config = NULL;
	struct rnm_error err;
	enum rnm_status status;

	FUZZ_CHECK(path_of(path, "main.conf"));
	rnm_error_clear(&err);
	status = rnm_config_load(&config, &options, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	ask_views(config);
	ask_rules(config, false);
	ask_rules(config, true);
	ask_redis(config);
	ask_check(config);
	rnm_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_files files;

	make_folder();
	fuzz_files_split(&files, data, size);
	write_files(&files);
	load();
	remove_files(&files);
	fuzz_files_free(&files);
	return 0;
}
