/* SPDX-License-Identifier: Apache-2.0 */
/* What the files config*.c share. */
#ifndef RNM_RSPAMD_CONFIG_INTERNAL_H
#define RNM_RSPAMD_CONFIG_INTERNAL_H

#include <rnm/config.h>

#include "base/value_build.h"
#include "format/template.h"
#include "format/ucl.h"

struct rnm_config {
	struct rnm_arena arena; /* the tree, its views, all names */
	struct rnm_config_limits limits;
	const char *path;
	struct rnm_value *root;
	struct rnm_value *views; /* results of get_all_opt by section */
	const char **files;
	size_t file_count;
	size_t file_cap;
	const char **warnings;
	size_t warning_count;
	size_t warning_cap;
};

/* Appends an arena string to one of the lists above. */
bool config_add_name(const char ***list, size_t *count, size_t *cap, const char *name);

/* ---- config_names.c: path variables and the names that templates see --------------------------------- */

/* Pointers into the options, the table of defaults, or own memory; valid until config_names_free. */
struct config_names {
	struct rnm_ucl_var *ucl;
	size_t ucl_count;
	struct rnm_template_var *env;
	size_t env_count;
	char **env_names; /* allocated names among them */
	size_t env_name_count;
	struct rnm_template_var *paths;
	size_t path_count;
	const char *confdir;
	char hostname[256];
};
RNM_MUST_CHECK enum rnm_status config_names_init(struct config_names *names,
                                                 const struct rnm_config_options *options,
                                                 struct rnm_error *err);
void config_names_free(struct config_names *names);

/* ---- config_io.c: files for the parser ------------------------------------------------------------------ */

/* A folder whose canonical name is known. */
struct config_folder {
	char *name; /* as written, NULL for a free entry */
	char *real; /* NULL: errnum says why there is none */
	int errnum;
};
#define CONFIG_FOLDERS 16u

struct config_loader {
	struct rnm_config *config;
	const struct config_names *names;
	struct rnm_template *engine; /* NULL until a file has a tag */
	size_t total_bytes;          /* of all texts after the template step */
	size_t lookups;
	bool too_many_lookups;
	struct config_folder folders[CONFIG_FOLDERS];
	size_t next_folder;
	char **texts; /* texts stay in memory until the tree is finished */
	size_t text_count;
	size_t text_cap;
};
extern const struct rnm_ucl_io config_io_table;
/* The main file's text.  Errors carry the id "config.open". */
RNM_MUST_CHECK enum rnm_status config_read_main(struct config_loader *loader, const char **text, size_t *len,
                                                struct rnm_error *err);
void config_loader_free(struct config_loader *loader);

/* ---- config_resolve.c ------------------------------------------------------------------------------- */

/* Counts a look-up; an errno when there have been too many. */
int config_count_lookup(struct config_loader *loader);
/* rnm_ucl_io.resolve; ctx is a struct config_loader. */
int config_resolve(void *ctx, const char *name, char **full);
void config_resolve_free(struct config_loader *loader);

/* ---- config_glob.c ----------------------------------------------------------------------------------- */

/* rnm_ucl_io.glob and names_free; ctx is a struct config_loader. */
int config_glob(void *ctx, const char *pattern, char ***names, size_t *count);
void config_names_drop(void *ctx, char **names, size_t count);

/* ---- config_check.c: what rspamd does with the finished tree ------------------------------------------ */

/* Collects the lines that rspamd prints while it transforms the tree.  false: no memory. */
bool config_collect_warnings(struct rnm_config *config);
/* The types that rspamd demands of some sections. */
RNM_MUST_CHECK enum rnm_status config_check_types(const struct rnm_config *config, struct rnm_error *err);
/* The same for the section `options`, which has most of them (config_options.c). */
RNM_MUST_CHECK enum rnm_status config_check_options(const struct rnm_value *options, struct rnm_error *err);

enum config_kind { CONFIG_STRING, CONFIG_INTEGER, CONFIG_NUMBER, CONFIG_BOOLEAN, CONFIG_STRING_LIST };
/* Whether rspamd converts value, which may be NULL, to the kind; name is its key. */
RNM_MUST_CHECK enum rnm_status config_check_kind(const struct rnm_value *value, enum config_kind kind,
                                                 const char *name, struct rnm_error *err);
/* Fails with the text that rspamd prints after "failed to load config: ". */
RNM_MUST_CHECK enum rnm_status config_fail_process(const struct rnm_value *where, struct rnm_error *err,
                                                   const char *message, const char *fmt, ...)
    RNM_PRINTF(4, 5);

#endif
