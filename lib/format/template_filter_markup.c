/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that know HTML and URLs. */
#include "format/template_engine.h"

#include <stdio.h>
#include <string.h>

static struct rnm_bytes string_of(lua_State *L, const char *method)
{
	struct rnm_bytes text;

	rnm_tpl_need_string(L, 1, method);
	text = rnm_tpl_check_bytes(L, 1);
	rnm_tpl_spend_or_raise(L, 1 + text.len / 16);
	return text;
}

/*
 * What rspamd's filter makes of them.  Not the same as rnm_buf_html, which nobody has to match: quotes have other
 * entities there, and every other byte stays here.
 */
static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&#34;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* Returns the number of replacements, which rspamd's filters hand to the next filter. */
static size_t add_escaped(luaL_Buffer *out, struct rnm_bytes text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char *code = entity(text.data[i]);

		if (code != NULL) {
			luaL_addstring(out, code);
			count++;
		} else {
			luaL_addchar(out, text.data[i]);
		}
	}
	return count;
}

static int filter_escape(lua_State *L)
{
	struct rnm_bytes text = string_of(L, "gsub");
	luaL_Buffer out;
	size_t count;

	luaL_buffinit(L, &out);
	count = add_escaped(&out, text);
	luaL_pushresult(&out);
	lua_pushnumber(L, (double)count);
	return 2;
}

static int filter_safe(lua_State *L)
{
	lua_settop(L, 1);
	return 1;
}

/* The index behind the next `close` at or after `at`, or 0; then *none saves looking again. */
static size_t skip_to(struct rnm_bytes text, size_t at, const char *close, bool *none)
{
	const char *end = *none ? NULL : memmem(text.data + at, text.len - at, close, strlen(close));

	*none = end == NULL;
	return end == NULL ? 0 : (size_t)(end - text.data) + strlen(close);
}

/* striptags: without tags and comments, white space made single and removed at the ends. */
static int filter_striptags(lua_State *L)
{
	struct rnm_bytes text = string_of(L, "gsub");
	bool no_comment_end = false;
	bool no_tag_end = false;
	bool pending = false;
	bool wrote = false;
	luaL_Buffer out;

	luaL_buffinit(L, &out);
	for (size_t i = 0; i < text.len;) {
		size_t behind = 0;

		if (text.len - i >= 4 && memcmp(text.data + i, "<!--", 4) == 0)
			behind = skip_to(text, i, "-->", &no_comment_end);
		if (behind == 0 && text.data[i] == '<')
			behind = skip_to(text, i, ">", &no_tag_end);
		if (behind > 0) {
			i = behind;
			continue;
		}
		if (rnm_tpl_is_space(text.data[i])) {
			pending = true;
		} else {
			if (pending && wrote)
				luaL_addchar(&out, ' ');
			luaL_addchar(&out, text.data[i]);
			pending = false;
			wrote = true;
		}
		i++;
	}
	luaL_pushresult(&out);
	return 1;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.';
}

static size_t add_url(luaL_Buffer *out, struct rnm_bytes text)
{
	size_t count = 0;
	char code[4];

	for (size_t i = 0; i < text.len; i++) {
		if (is_plain(text.data[i])) {
			luaL_addchar(out, text.data[i]);
		} else {
			(void)snprintf(code, sizeof(code), "%%%02X", (unsigned)(unsigned char)text.data[i]);
			luaL_addlstring(out, code, 3);
			count++;
		}
	}
	return count;
}

/* Puts the value at index as text in its place. */
static struct rnm_bytes text_at(lua_State *L, int index)
{
	struct rnm_bytes text;

	rnm_tpl_push_tostring(L, index);
	lua_replace(L, index);
	text = rnm_tpl_check_bytes(L, index);
	rnm_tpl_spend_or_raise(L, 1 + text.len / 16);
	return text;
}

/* Leaves the list of {key, value} pairs that the table at 1 is or holds at 2. */
static void push_url_pairs(lua_State *L)
{
	lua_settop(L, 1);
	lua_rawgeti(L, 1, 1);
	if (!lua_isnil(L, 2)) {
		lua_pushvalue(L, 1);
	} else {
		lua_pushcfunction(L, rnm_tpl_filter_items);
		lua_pushvalue(L, 1);
		lua_call(L, 1, 1);
	}
	lua_replace(L, 2);
}

/* The pair at i of the list at 2: its key to 3, its value to 4. */
static void load_pair(lua_State *L, int i)
{
	rnm_tpl_push_item(L, 2, i);
	if (!lua_istable(L, -1))
		(void)luaL_error(L, "attempt to index a %s value", luaL_typename(L, -1));
	lua_rawgeti(L, -1, 2);
	lua_replace(L, 4);
	lua_rawgeti(L, -1, 1);
	lua_replace(L, 3);
	lua_pop(L, 1);
}

/* urlencode: a string, or key=value pairs joined by `&`. */
static int filter_urlencode(lua_State *L)
{
	luaL_Buffer out;
	size_t replaced;
	int count;

	if (!lua_istable(L, 1)) {
		lua_settop(L, 1);
		(void)text_at(L, 1);
		luaL_buffinit(L, &out);
		replaced = add_url(&out, rnm_tpl_check_bytes(L, 1));
		luaL_pushresult(&out);
		lua_pushnumber(L, (double)replaced);
		return 2;
	}
	push_url_pairs(L);
	count = (int)lua_objlen(L, 2);
	lua_settop(L, 4);
	luaL_buffinit(L, &out);
	for (int i = 1; i <= count; i++) {
		load_pair(L, i);
		if (i > 1)
			luaL_addchar(&out, '&');
		(void)add_url(&out, text_at(L, 3));
		luaL_addchar(&out, '=');
		(void)add_url(&out, text_at(L, 4));
	}
	luaL_pushresult(&out);
	return 1;
}

/* xmlattr: key="value" of every member, sorted by key. */
static int filter_xmlattr(lua_State *L)
{
	luaL_Buffer out;
	int count;

	if (!lua_istable(L, 1))
		return luaL_error(L, "bad argument #1 to 'pairs' (table expected, got %s)",
		                  luaL_typename(L, 1));
	lua_settop(L, 1);
	lua_pushcfunction(L, rnm_tpl_filter_items);
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	count = (int)lua_objlen(L, 2);
	lua_settop(L, 4);
	luaL_buffinit(L, &out);
	for (int i = 1; i <= count; i++) {
		load_pair(L, i);
		if (i > 1)
			luaL_addchar(&out, ' ');
		(void)add_escaped(&out, text_at(L, 3));
		luaL_addstring(&out, "=\"");
		(void)add_escaped(&out, text_at(L, 4));
		luaL_addchar(&out, '"');
	}
	luaL_pushresult(&out);
	return 1;
}

static int refuse_urlize(lua_State *L)
{
	return rnm_tpl_raise_refusal(
	    L, "expected a template without the filter urlize, which makes HTML links and is "
	       "not supported");
}

const struct rnm_tpl_filter_def rnm_tpl_markup_filters[] = { { "e", filter_escape, "a string" },
	                                                     { "escape", filter_escape, "a string" },
	                                                     { "forceescape", filter_escape, "a string" },
	                                                     { "safe", filter_safe, "a string" },
	                                                     { "striptags", filter_striptags, "a string" },
	                                                     { "urlencode", filter_urlencode,
	                                                       "a string or table" },
	                                                     { "urlize", refuse_urlize, NULL },
	                                                     { "xmlattr", filter_xmlattr, "a table" },
	                                                     { NULL, NULL, NULL } };
