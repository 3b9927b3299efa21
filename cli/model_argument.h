/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operand MODEL, which every verb that looks into models takes: a file (RNM1 or a bare network, plain or
 * compressed), - for standard input, or redis:RULE[/SETTINGS[@VERSION]].
 */
#ifndef RNM_CLI_MODEL_ARGUMENT_H
#define RNM_CLI_MODEL_ARGUMENT_H

#include "context.h"

#define MODEL_REDIS_SCHEME "redis:"

/* How MODEL is explained in help; the verbs' descriptions end with it. */
#define MODEL_ARGUMENT_HELP                                                                                  \
	"MODEL is an RNM1 file, a bare network (KANN), either of them compressed with zstd, - for "          \
	"standard\n"                                                                                         \
	"input, or redis:RULE[/SETTINGS[@VERSION]] for one in Redis: the model that rspamd's workers "       \
	"serve,\n"                                                                                           \
	"or that version. In RULE and SETTINGS, %2F stands for a slash and %40 for an at sign."

/* What redis:RULE[/SETTINGS[@VERSION]] names. */
struct model_name {
	char *rule;
	char *settings;
	bool has_version;
	double version;
};
/* RNM_E_USAGE ("usage.model"); model_name_free in any case. */
RNM_MUST_CHECK enum rnm_status model_name_read(struct model_name *name, const char *text,
                                               struct rnm_error *err);
void model_name_free(struct model_name *name);

/*
 * Bytes of MODEL in MODEL=SHARE, which ends at its last = if a number follows; *share is that number.  A text
 * without share is a MODEL as a whole.
 */
size_t model_share_find(const char *text, double *share);

struct model_argument {
	const char *text; /* as given; stands in messages */
	struct rnm_model_file *file;
	/* Only of a model in Redis. */
	struct rnm_rule *rule;
	struct rnm_model_list *list;
	const struct rnm_model *model; /* one of the list */
};

/*
 * Opens one.  For redis: the configuration is loaded and the server connected unless the context has done
 * so already; one context serves any number of models.  Errors as rnm_model_file_open and rnm_store_open,
 * RNM_E_USAGE ("usage.model") for a malformed redis: name.  The file may still be unfit: see its verdict.
 */
RNM_MUST_CHECK enum rnm_status model_argument_open(struct model_argument *out, struct context *context,
                                                   const char *text, struct rnm_error *err);
/* The same, with rnm_model_file_open_once for files. */
RNM_MUST_CHECK enum rnm_status model_argument_open_once(struct model_argument *out, struct context *context,
                                                        const char *text, struct rnm_error *err);
/*
 * The model of a list that redis:RULE stands for: the one that is served; without one the best that is there,
 * whatever its digest.  Errors as rnm_store_choose.
 */
RNM_MUST_CHECK enum rnm_status model_argument_choose(size_t *index, const struct rnm_model_list *list,
                                                     const struct rnm_rule *rule, bool has_version,
                                                     double version, struct rnm_error *err);
/* Accepts a zeroed one. */
void model_argument_free(struct model_argument *argument);

#endif
