/* SPDX-License-Identifier: Apache-2.0 */
/* What rspamd's configuration has to say, so that it loads the model that is pulled. */
#include "output.h"
#include "pull.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The path stands in a quoted string of UCL, behind the prefixes of a map. */
static enum rnm_status check_path(const char *path, struct rnm_error *err)
{
	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || strchr("\"\\${}", *p) != NULL)
			return rnm_error_set(
			    err, RNM_E_USAGE, "pull.config-path",
			    "%s has a character that does not stand in a rspamd configuration", path);
	return RNM_OK;
}

/* rspamd has a working folder of its own. */
static enum rnm_status put_path(struct rnm_buf *out, const char *path, struct rnm_error *err)
{
	char *folder = path[0] != '/' ? getcwd(NULL, 0) : NULL;
	enum rnm_status status = check_path(path, err);

	if (status == RNM_OK && path[0] != '/' && folder == NULL)
		status = rnm_error_sys(err, "file.open", errno, "cannot tell the working folder");
	if (status == RNM_OK && folder != NULL)
		status = check_path(folder, err);
	if (status == RNM_OK)
		rnm_buf_printf(out, "%s%s%s", folder != NULL ? folder : "", folder != NULL ? "/" : "",
		               strncmp(path, "./", 2) == 0 ? path + 2 : path);
	free(folder);
	return status;
}

static enum rnm_status one_key(const struct pull_setup *setup, char text[RNM_PUBLIC_KEY_TEXT_SIZE],
                               struct rnm_error *err)
{
	const size_t count = rnm_trust_count(setup->trust);

	if (count == 1) {
		rnm_public_key_text(&rnm_trust_at(setup->trust, 0)->key, text);
		return RNM_OK;
	}
	rnm_error_set(err, RNM_E_USAGE, "pull.config-key",
	              "%zu keys are trusted, and a map of rspamd can have one", count);
	rnm_error_set_hint(err, "name the one that signs the models with --key KEY, without --trusted");
	return RNM_E_USAGE;
}

/* The name stands in quotes, so that it may have blanks. */
static enum rnm_status check_rule(const char *rule, struct rnm_error *err)
{
	for (const char *p = rule; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || strchr("\"\\$", *p) != NULL)
			return rnm_error_set(err, RNM_E_USAGE, "pull.config-rule",
			                     "the name of the rule cannot stand in a configuration");
	return RNM_OK;
}

/* rspamd: lualib/lua_neural_external.lua (merge_alpha, url), src/libserver/maps/map.c (sign+key=). */
static enum rnm_status put_config(struct rnm_buf *out, const struct pull_setup *setup, struct rnm_error *err)
{
	const char *rule = option_text(setup->options, OPTION_RULE, "default");
	char key[RNM_PUBLIC_KEY_TEXT_SIZE];
	enum rnm_status status = one_key(setup, key, err);

	if (status == RNM_OK)
		status = check_rule(rule, err);
	if (status != RNM_OK)
		return status;
	rnm_buf_printf(
	    out,
	    "# local.d/neural.conf of rspamd.  Checking the signature needs rspamd 4.1.3 or later:\n"
	    "# before, a map with sign+ is never loaded.\n"
	    "rules {\n"
	    "  \"%s\" {\n"
	    "    external_model {\n"
	    "      url = \"sign+key=%s+",
	    rule, key);
	status = put_path(out, option_text(setup->options, OPTION_TO, NULL), err);
	rnm_buf_puts(
	    out, "\";\n"
		 "      # 1.0 replaces the model; less averages it with what is loaded, time after time.\n"
		 "      merge_alpha = 1.0;\n"
		 "    }\n"
		 "  }\n"
		 "}\n");
	return status;
}

int pull_print_config(const struct pull_setup *setup)
{
	struct rnm_error err;
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	if (put_config(&out, setup, &err) != RNM_OK) {
		rnm_buf_free(&out);
		return output_error(&err);
	}
	return output_buffer(&out) ? RNM_OK : RNM_E_IO;
}
