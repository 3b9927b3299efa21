/* SPDX-License-Identifier: Apache-2.0 */
/* The types of section `options`.  rspamd: src/libserver/cfg_rcl.cxx. */
#include "rspamd/config_internal.h"

struct option {
	const char *name;
	enum config_kind kind;
};

static const struct option dns_options[] = {
	{ "timeout", CONFIG_NUMBER },      { "retransmits", CONFIG_INTEGER },   { "sockets", CONFIG_INTEGER },
	{ "connections", CONFIG_INTEGER }, { "enable_dnssec", CONFIG_BOOLEAN },
};

static const struct option upstream_options[] = {
	{ "max_errors", CONFIG_INTEGER },          { "error_time", CONFIG_NUMBER },
	{ "revive_time", CONFIG_NUMBER },          { "lazy_resolve_time", CONFIG_NUMBER },
	{ "resolve_min_interval", CONFIG_NUMBER },
};

/* Times are numbers of seconds. */
static const struct option plain_options[] = {
	{ "cache_file", CONFIG_STRING },
	{ "control_socket", CONFIG_STRING },
	{ "tempdir", CONFIG_STRING },
	{ "pidfile", CONFIG_STRING },
	{ "maps_cache_dir", CONFIG_STRING },
	{ "dynamic_conf", CONFIG_STRING },
	{ "rrd", CONFIG_STRING },
	{ "stats_file", CONFIG_STRING },
	{ "history_file", CONFIG_STRING },
	{ "url_rewrite_lua_func", CONFIG_STRING },
	{ "url_tld", CONFIG_STRING },
	{ "tld", CONFIG_STRING },
	{ "hs_cache_dir", CONFIG_STRING },
	{ "cores_dir", CONFIG_STRING },
	{ "ssl_ca_path", CONFIG_STRING },
	{ "ssl_ciphers", CONFIG_STRING },
	{ "zstd_input_dictionary", CONFIG_STRING },
	{ "zstd_output_dictionary", CONFIG_STRING },
	{ "events_backend", CONFIG_STRING },
	{ "cache_reload", CONFIG_NUMBER },
	{ "dns_timeout", CONFIG_NUMBER },
	{ "map_watch_interval", CONFIG_NUMBER },
	{ "monitoring_watch_interval", CONFIG_NUMBER },
	{ "task_timeout", CONFIG_NUMBER },
	{ "check_timeout", CONFIG_NUMBER },
	{ "heartbeat_interval", CONFIG_NUMBER },
	{ "map_file_watch_multiplier", CONFIG_NUMBER },
	{ "dns_retransmits", CONFIG_INTEGER },
	{ "dns_sockets", CONFIG_INTEGER },
	{ "dns_max_requests", CONFIG_INTEGER },
	{ "max_map_size", CONFIG_INTEGER },
	{ "url_rewrite_fold_limit", CONFIG_INTEGER },
	{ "min_word_len", CONFIG_INTEGER },
	{ "max_word_len", CONFIG_INTEGER },
	{ "max_html_len", CONFIG_INTEGER },
	{ "words_decay", CONFIG_INTEGER },
	{ "history_rows", CONFIG_INTEGER },
	{ "max_cores_size", CONFIG_INTEGER },
	{ "max_cores_count", CONFIG_INTEGER },
	{ "max_message", CONFIG_INTEGER },
	{ "max_pic", CONFIG_INTEGER },
	{ "max_lua_http_response", CONFIG_INTEGER },
	{ "images_cache", CONFIG_INTEGER },
	{ "max_shots", CONFIG_INTEGER },
	{ "max_sessions_cache", CONFIG_INTEGER },
	{ "lua_gc_step", CONFIG_INTEGER },
	{ "lua_gc_pause", CONFIG_INTEGER },
	{ "full_gc_iters", CONFIG_INTEGER },
	{ "heartbeats_loss_max", CONFIG_INTEGER },
	{ "max_lua_urls", CONFIG_INTEGER },
	{ "max_urls", CONFIG_INTEGER },
	{ "max_recipients", CONFIG_INTEGER },
	{ "max_blas_threads", CONFIG_INTEGER },
	{ "max_opts_len", CONFIG_INTEGER },
	{ "allow_raw_input", CONFIG_BOOLEAN },
	{ "one_shot", CONFIG_BOOLEAN },
	{ "check_attachements", CONFIG_BOOLEAN },
	{ "disable_monitoring", CONFIG_BOOLEAN },
	{ "fips_mode", CONFIG_BOOLEAN },
	{ "check_all_filters", CONFIG_BOOLEAN },
	{ "public_groups_only", CONFIG_BOOLEAN },
	{ "enable_css_parser", CONFIG_BOOLEAN },
	{ "enable_mime_utf", CONFIG_BOOLEAN },
	{ "enable_mime_utf8", CONFIG_BOOLEAN },
	{ "enable_url_rewrite", CONFIG_BOOLEAN },
	{ "include_content_urls", CONFIG_BOOLEAN },
	{ "composites_inverted_index", CONFIG_BOOLEAN },
	{ "composites_stats_always", CONFIG_BOOLEAN },
	{ "enable_experimental", CONFIG_BOOLEAN },
	{ "disable_pcre_jit", CONFIG_BOOLEAN },
	{ "disable_hyperscan", CONFIG_BOOLEAN },
	{ "vectorized_hyperscan", CONFIG_BOOLEAN },
	{ "enable_shutdown_workaround", CONFIG_BOOLEAN },
	{ "ignore_received", CONFIG_BOOLEAN },
	{ "compat_messages", CONFIG_BOOLEAN },
	{ "sessions_cache", CONFIG_BOOLEAN },
	{ "soft_reject_on_timeout", CONFIG_BOOLEAN },
	{ "explicit_modules", CONFIG_STRING_LIST },
	{ "filters", CONFIG_STRING_LIST },
	{ "trusted_keys", CONFIG_STRING_LIST },
};

static enum rnm_status check_table(const struct rnm_value *object, const struct option *table, size_t count,
                                   struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = config_check_kind(rnm_value_get(object, table[i].name), table[i].kind, table[i].name,
		                           err);
	return status;
}

static enum rnm_status check_subsection(const struct rnm_value *options, const char *name,
                                        const struct option *table, size_t count, struct rnm_error *err)
{
	const struct rnm_value *object = rnm_value_get(options, name);

	if (object != NULL && object->type != RNM_OBJECT)
		return config_fail_process(
		    object, err, "expected an object",
		    "default configuration must be an object for section %s (actual type is "
		    "%s)",
		    name, rnm_type_name((enum rnm_type)object->type));
	return check_table(object, table, count, err);
}

static enum rnm_status check_neighbours(const struct rnm_value *neighbours, struct rnm_error *err)
{
	for (size_t i = 0; i < rnm_value_count(neighbours); i++) {
		const struct rnm_value *neighbour = rnm_value_at(neighbours, i);

		if (neighbour->type == RNM_OBJECT && rnm_value_get(neighbour, "host") == NULL)
			return config_fail_process(neighbour, err, "expected host = \"...\"",
			                           "missing host for neighbour: %.*s",
			                           neighbour->key.len > 200 ? 200 : (int)neighbour->key.len,
			                           neighbour->key.data);
	}
	return RNM_OK;
}

enum rnm_status config_check_options(const struct rnm_value *options, struct rnm_error *err)
{
	enum rnm_status status;

	status =
	    check_subsection(options, "dns", dns_options, sizeof(dns_options) / sizeof(dns_options[0]), err);
	if (status == RNM_OK)
		status = check_subsection(options, "upstream", upstream_options,
		                          sizeof(upstream_options) / sizeof(upstream_options[0]), err);
	if (status == RNM_OK)
		status = check_neighbours(rnm_value_get(options, "neighbours"), err);
	if (status == RNM_OK)
		status = check_table(options, plain_options, sizeof(plain_options) / sizeof(plain_options[0]),
		                     err);
	return status;
}
