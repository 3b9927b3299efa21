/* SPDX-License-Identifier: Apache-2.0 */
/* The URL of a map as rspamd takes it apart: what becomes of each part on the wire. */
#ifndef RNM_SHARE_WIRE_URL_H
#define RNM_SHARE_WIRE_URL_H

#include "base/arena.h"

/* All texts in an arena. */
struct rnm_wire_url {
	bool https;
	const char *host; /* without brackets */
	uint16_t port;
	const char *host_header; /* the host as written, brackets and all, never with a port */
	const char *target;      /* path, query and, as rspamd does it, the fragment */
	const char *last;        /* the last part of the path, possibly "" */
	bool has_fragment;
	const char *userinfo; /* as written, or NULL */
	const char *plain;    /* the URL without userinfo, for messages */
};

/* RNM_E_USAGE ("probe.url") for what is no http or https URL that could be sent; RNM_E_NOMEM. */
RNM_MUST_CHECK enum rnm_status rnm_wire_url_read(struct rnm_wire_url *out, const char *url,
                                                 struct rnm_arena *arena, struct rnm_error *err);

#endif
