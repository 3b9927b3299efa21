/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lua patterns outside of templates, for options that rspamd hands to string.match.
 */
#ifndef RNM_FORMAT_LUA_PATTERN_H
#define RNM_FORMAT_LUA_PATTERN_H

#include <rnm/error.h>

/* More texts than this are not looked at in one call. */
#define RNM_LUA_PATTERN_TEXTS_MAX ((size_t)4096)

/*
 * matches[i] tells whether texts[i] holds a match of the pattern.  RNM_E_MALFORMED (id "lua.pattern") when
 * the pattern is none, or takes more work than a pattern may.
 */
RNM_MUST_CHECK enum rnm_status rnm_lua_pattern_match(const char *pattern, const char *const *texts,
                                                     size_t count, bool *matches, struct rnm_error *err);

#endif
