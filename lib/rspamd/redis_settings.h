/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting together the Redis settings of the neural module.  rspamd: lualib/lua_redis.lua.
 */
#ifndef RNM_RSPAMD_REDIS_SETTINGS_H
#define RNM_RSPAMD_REDIS_SETTINGS_H

#include "rspamd/check.h"

#include <rnm/redis.h>

/* The settings while sections are merged into them. */
struct rnm_redis_merge {
	struct rnm_redis_settings *settings;
	struct rnm_finding_list *notes;
	bool has_timeout; /* settings->timeout has been taken from somewhere */
	bool has_ssl;
	bool has_no_ssl_verify;
	/* For the sentence that says why there are no servers. */
	const struct rnm_value *write_only; /* write_servers without servers to read from */
	const struct rnm_value *empty;      /* a server list with nothing in it */
	/* Where Sentinels are named, for settings without servers. */
	const struct rnm_value *sentinels;
	const char *sentinels_section;
	struct rnm_error *err;
};

/*
 * Merges one section: what has been set before stays.  *named tells whether the section itself names
 * readable servers.  A value that is no section is passed over.
 */
RNM_MUST_CHECK enum rnm_status rnm_redis_merge_section(struct rnm_redis_merge *merge,
                                                       const struct rnm_value *section, const char *name,
                                                       bool *named);

/* Sets the error "redis.no-servers" from what the merge has seen. */
enum rnm_status rnm_redis_no_servers(struct rnm_redis_merge *merge);

/*
 * Whether Sentinels stand in for servers that no section names: rspamd gives up there, rnm can ask them.
 * Sets the origin and leaves a remark.
 */
RNM_MUST_CHECK enum rnm_status rnm_redis_only_sentinels(struct rnm_redis_merge *merge, bool *stand_in);

/* rnm_redis_settings_from_config with its remarks in notes instead of settings->warnings. */
RNM_MUST_CHECK enum rnm_status rnm_redis_settings_read(struct rnm_redis_settings **out,
                                                       struct rnm_config *config,
                                                       struct rnm_finding_list *notes, struct rnm_error *err);

/* Appends a copy of text to a list of strings. */
bool rnm_redis_list_add(char ***list, size_t *count, const char *text);
/* Frees a secret after wiping it. */
void rnm_redis_wipe(char *secret);

#endif
