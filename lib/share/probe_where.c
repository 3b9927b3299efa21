/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asked. */
#include "share/probe_run.h"

#include <string.h>

/* RNM_NO with the reason in the arena. */
static enum rnm_status resolve_into(struct rnm_probe_run *run, const char *host, struct rnm_address_list *out,
                                    const char **reason)
{
	const struct rnm_server server = { .host = host, .port = run->url.port };
	struct rnm_io_limit limit = { rnm_probe_timeout(run), run->options->cancel };
	enum rnm_status status = rnm_resolve(out, &server, &limit, reason);

	switch (status) {
	case RNM_OK:
		return RNM_OK;
	case RNM_E_NOMEM:
		return rnm_error_nomem(run->err);
	case RNM_E_INTERRUPTED:
		return rnm_error_set(run->err, status, NULL, "interrupted");
	default:
		*reason = rnm_arena_printf(run->arena, "%s", *reason);
		return *reason != NULL ? RNM_NO : rnm_error_nomem(run->err);
	}
}

static enum rnm_status add_named(struct rnm_probe_run *run, const char *text, size_t len)
{
	const size_t brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']' ? 1 : 0;
	const char *host = rnm_arena_strndup(run->arena, text + brackets, len - 2 * brackets);
	struct rnm_address_list *all = &run->addresses;
	struct rnm_address_list one = { .count = 0 };
	const char *reason = "it is empty";
	enum rnm_status status;

	if (host == NULL)
		return rnm_error_nomem(run->err);
	status = len == 0 ? RNM_NO : resolve_into(run, host, &one, &reason);
	if (status == RNM_NO)
		return rnm_error_set(run->err, RNM_E_USAGE, "probe.address", "'%.200s' is no address: %s",
		                     host, reason);
	for (size_t i = 0; status == RNM_OK && i < one.count; i++) {
		if (all->count == RNM_PROBE_ADDRESSES_MAX)
			return rnm_error_set(run->err, RNM_E_USAGE, "probe.address",
			                     "more than %zu addresses are named", RNM_PROBE_ADDRESSES_MAX);
		all->items[all->count++] = one.items[i];
	}
	return status;
}

static enum rnm_status list_addresses(struct rnm_probe_run *run)
{
	const char *list = run->options->addresses;
	enum rnm_status status = RNM_OK;

	if (list == NULL)
		return resolve_into(run, run->url.host, &run->addresses, &run->report->no_address);
	for (const char *at = list; status == RNM_OK; at++) {
		const size_t len = strcspn(at, ",");

		status = add_named(run, at, len);
		at += len;
		if (*at == '\0')
			break;
	}
	return status;
}

static bool is_loopback(const struct rnm_address *address)
{
	return strncmp(address->text, "127.", 4) == 0 || strncmp(address->text, "[::1]:", 6) == 0;
}

static enum rnm_status name_addresses(struct rnm_probe_run *run)
{
	struct rnm_probe_report *report = run->report;
	bool failed = false;

	_Static_assert(RNM_ADDRESS_MAX <= RNM_PROBE_ADDRESSES_MAX, "all that a name has");
	report->address_count = run->addresses.count;
	report->loopback = report->address_count > 0;
	for (size_t i = 0; i < report->address_count; i++) {
		report->addresses[i] = rnm_probe_keep(run, &failed, run->addresses.items[i].text);
		report->loopback = report->loopback && is_loopback(&run->addresses.items[i]);
	}
	return failed ? rnm_error_nomem(run->err) : RNM_OK;
}

enum rnm_status rnm_probe_find_addresses(struct rnm_probe_run *run)
{
	enum rnm_status status = list_addresses(run);

	if (status == RNM_OK)
		return name_addresses(run);
	/* That a name has no address is a finding, and no failure of ours. */
	return status == RNM_NO ? RNM_OK : status;
}
