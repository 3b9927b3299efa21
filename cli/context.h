/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs share: the configuration, the rule and the connection that the options ask for. */
#ifndef RNM_CLI_CONTEXT_H
#define RNM_CLI_CONTEXT_H

#include "options.h"

#include <rnm/json.h>
#include <rnm/rnm.h>

/* rspamd: the compiled CONFDIR of distribution packages. */
#define DEFAULT_CONFDIR "/etc/rspamd"
#define CONFIG_FILE_NAME "/rspamd.conf"

struct context {
	const struct options *options;
	char *config_path;         /* as given, else the default */
	struct rnm_config *config; /* NULL: --redis was given and there is no default configuration */
	struct rnm_rule_options rule_options;
	struct rnm_redis_settings *settings;
	struct rnm_redis *redis;
	enum rnm_redis_role role; /* of the connection */
	const char *stdin_reader; /* who reads standard input, or NULL; in words for a message */
};

RNM_MUST_CHECK enum rnm_status context_open(struct context *context, const struct options *options,
                                            struct rnm_error *err);
void context_free(struct context *context);

/*
 * Loads the configuration and prints its warnings.  With --redis and without -c a missing default
 * configuration is no error: context->config stays NULL.
 */
RNM_MUST_CHECK enum rnm_status context_load_config(struct context *context, struct rnm_error *err);

/* Hands the warnings of the loaded configuration to say, one by one. */
void context_warnings(const struct context *context, void (*say)(const char *text));

/* Path of the configuration that is read without -c; malloc'd, NULL: no memory. */
char *context_default_config(const struct options *options);

/* Only loads: warnings are left to the caller, and a missing file is always an error. */
RNM_MUST_CHECK enum rnm_status context_load_config_quietly(struct context *context, struct rnm_error *err);

/*
 * Opens a rule and warns of providers that do not count.  Without a configuration it is a bare one: prefix
 * and name are what was given and no digest is known (rule->raw == NULL).
 */
RNM_MUST_CHECK enum rnm_status context_rule(struct context *context, const char *name, struct rnm_rule **out,
                                            struct rnm_error *err);
/* Providers that rspamd takes for an empty list are hardly meant: says so. */
void context_warn_providers(const struct rnm_rule *rule);
static inline bool rule_is_bare(const struct rnm_rule *rule)
{
	return rule->raw == NULL;
}

/* Finds the server, prints what is odd about its settings, and connects for reading. */
RNM_MUST_CHECK enum rnm_status context_connect(struct context *context, struct rnm_error *err);

/* The same for writing; a connection that was there before is closed. */
RNM_MUST_CHECK enum rnm_status context_connect_to_write(struct context *context, struct rnm_error *err);

/* A fresh connection to the same servers: the old one may be in the middle of a reply. */
RNM_MUST_CHECK enum rnm_status context_reconnect(struct context *context, struct rnm_error *err);

/* Says that Redis does not show some of the keys of a list, and what to do about it. */
void context_warn_keys(const struct rnm_model_list *list);

/* All rules of the configuration, and every (rule, settings) that Redis holds models of. */
struct context_set {
	struct rnm_rule *rule; /* borrowed from the catalogue */
	const char *settings;  /* borrowed from the catalogue */
};
/* A rule that cannot be used, beside others that can. */
struct broken_rule {
	char *name;
	char *problem;
};
struct broken_rules {
	struct broken_rule *items;
	size_t count;
	int worst; /* highest exit code of their errors; 0: none */
};
/* Prints the error and keeps its sentence.  RNM_OK, or RNM_E_NOMEM, which is no fault of the rule. */
RNM_MUST_CHECK enum rnm_status broken_rules_add(struct broken_rules *broken, const char *name,
                                                struct rnm_error *err);
/* The member "problems": [{rule, problem}]. */
void broken_rules_json(struct rnm_json *json, const struct broken_rules *broken);
void broken_rules_free(struct broken_rules *broken);

struct catalogue {
	struct rnm_rule **rules;
	size_t rule_count;
	size_t rule_cap;
	struct broken_rules broken; /* those that -r asks for */
	struct rnm_store_set *found;
	size_t found_count;
	struct context_set *sets;
	size_t set_count;
};
/*
 * Fills the catalogue with SCAN; -r and -s, where given, narrow it down.  RNM_E_NOT_FOUND when they leave
 * nothing.  A rule that cannot be used is reported and left out.
 */
RNM_MUST_CHECK enum rnm_status catalogue_open(struct catalogue *catalogue, struct context *context,
                                              struct rnm_error *err);
void catalogue_free(struct catalogue *catalogue);

/*
 * To be asked before standard input is read: it can be read once.  RNM_E_USAGE ("usage.stdin") when the run
 * has given it away already.  who names the reader in the message; it must outlive the context.
 */
RNM_MUST_CHECK enum rnm_status context_take_stdin(struct context *context, const char *who,
                                                  struct rnm_error *err);

/* The time to stamp into files: SOURCE_DATE_EPOCH, else now. */
RNM_MUST_CHECK enum rnm_status context_created_at(int64_t *created_at, struct rnm_error *err);

/* Where unlinked temporary files go: TMPDIR, else NULL for the library's own choice. */
const char *context_spool_dir(void);

#endif
