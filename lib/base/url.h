/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_BASE_URL_H
#define RNM_BASE_URL_H

#include <rnm/value.h>

/* [USERINFO@]SERVER of a URL, which path, query or fragment end.  Borrows from the URL. */
struct rnm_url_authority {
	struct rnm_bytes userinfo; /* USER[:PASSWORD] as written; data is NULL without an @ */
	struct rnm_bytes server;   /* HOST[:PORT] */
};

/*
 * text is the URL behind "://".  The last @ ends the password, as rspamd and libcurl read it: people forget to encode
 * one.  Whatever prints a URL must go by this, or prints half of a password.
 */
struct rnm_url_authority rnm_url_authority(const char *text);

#endif
