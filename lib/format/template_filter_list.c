/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on lists.  A list is the array part of a table up to its first nil. */
#include "format/template_engine.h"

#include <string.h>
#include <strings.h>

static void spend(lua_State *L, size_t work)
{
	rnm_tpl_spend_or_raise(L, 1 + work);
}

static int filter_first(lua_State *L)
{
	if (!lua_istable(L, 1) && lua_type(L, 1) != LUA_TSTRING)
		return rnm_tpl_raise_type(L, "index", "t", 1);
	rnm_tpl_push_item(L, 1, 1);
	return 1;
}

static int filter_last(lua_State *L)
{
	rnm_tpl_need_list(L, 1, "t");
	rnm_tpl_push_item(L, 1, (int)lua_objlen(L, 1));
	return 1;
}

static int filter_length(lua_State *L)
{
	rnm_tpl_need_list(L, 1, "value");
	lua_pushnumber(L, (double)lua_objlen(L, 1));
	return 1;
}

static int filter_reverse(lua_State *L)
{
	int count;

	if (lua_type(L, 1) == LUA_TSTRING) {
		lua_getfield(L, 1, "reverse");
		lua_pushvalue(L, 1);
		lua_call(L, 1, 1);
		return 1;
	}
	if (!lua_istable(L, 1))
		return luaL_error(L, "input to filter \"reverse\" was nil instead of a table or string");
	count = (int)lua_objlen(L, 1);
	lua_createtable(L, count, 0);
	for (int i = 1; i <= count; i++) {
		rnm_tpl_push_item(L, 1, count - i + 1);
		lua_rawseti(L, -2, i);
	}
	return 1;
}

/* Adds the value on top, as text; its pieces collect on the Lua stack. */
static void add_text(lua_State *L, luaL_Buffer *out, int index)
{
	rnm_tpl_push_tostring(L, index);
	spend(L, lua_objlen(L, -1) / 32);
	lua_replace(L, index);
	lua_pushvalue(L, index);
	luaL_addvalue(out);
}

/* join([separator [, attribute]]). */
static int filter_join(lua_State *L)
{
	const char *sep = luaL_optstring(L, 2, "");
	size_t sep_len = lua_isnoneornil(L, 2) ? 0 : lua_objlen(L, 2);
	struct rnm_bytes path = { NULL, 0 };
	bool text = lua_type(L, 1) == LUA_TSTRING;
	luaL_Buffer out;
	int count;

	rnm_tpl_need_list(L, 1, "t");
	count = (int)lua_objlen(L, 1);
	if (!lua_isnoneornil(L, 3))
		path = rnm_tpl_check_bytes(L, 3);
	lua_settop(L, 4);
	luaL_buffinit(L, &out);
	for (int i = 1; i <= count || !text; i++) {
		rnm_tpl_push_item(L, 1, i);
		if (text && path.data != NULL)
			return rnm_tpl_raise_type(L, "index", "value", lua_gettop(L));
		rnm_tpl_push_attribute(L, path);
		/* Strings have no elements: rspamd joins as many nils as there are bytes. */
		if (lua_isnil(L, -1) && !text)
			break;
		lua_replace(L, 4);
		if (i > 1)
			luaL_addlstring(&out, sep, sep_len);
		add_text(L, &out, 4);
	}
	lua_settop(L, lua_gettop(L) - (text ? 0 : 1));
	luaL_pushresult(&out);
	return 1;
}

/* Whether two strings differ only in case; rspamd's choice between them is not known. */
static void refuse_case_twins(lua_State *L, int a, int b, const char *cause)
{
	if (lua_type(L, a) == LUA_TSTRING && lua_type(L, b) == LUA_TSTRING && !lua_rawequal(L, a, b) &&
	    strcasecmp(lua_tostring(L, a), lua_tostring(L, b)) == 0)
		(void)rnm_tpl_raise_refusal(L, cause);
}

/* The first of each value, in order.  Table 3 maps lower-case texts, 4 other values, to what was seen. */
static int filter_unique(lua_State *L)
{
	int out = 0;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_newtable(L);
	lua_newtable(L);
	lua_newtable(L);
	for (int i = 1;; i++) {
		rnm_tpl_push_item(L, 1, i);
		if (lua_isnil(L, 5))
			break;
		lua_pushvalue(L, 5);
		if (lua_type(L, 5) == LUA_TSTRING) {
			lua_getfield(L, 5, "lower");
			lua_insert(L, -2);
			lua_call(L, 1, 1);
		}
		lua_pushvalue(L, -1);
		lua_rawget(L, lua_type(L, 5) == LUA_TSTRING ? 3 : 4);
		if (lua_isnil(L, -1)) {
			lua_pop(L, 1);
			lua_pushvalue(L, 5);
			lua_rawset(L, lua_type(L, 5) == LUA_TSTRING ? 3 : 4);
			lua_pushvalue(L, 5);
			lua_rawseti(L, 2, ++out);
		} else {
			refuse_case_twins(L, -1, 5,
			                  "expected values that differ in more than case for the filter "
			                  "unique, found two that do not");
		}
		lua_settop(L, 4);
	}
	lua_settop(L, 2);
	return 1;
}

/* The smallest (sign -1) or largest element; nil for an empty list. */
static int extreme(lua_State *L, bool largest)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_pushnil(L);
	for (int i = 1;; i++) {
		rnm_tpl_push_item(L, 1, i);
		if (lua_isnil(L, 3))
			break;
		if (i == 1 || (largest ? lua_lessthan(L, 2, 3) : lua_lessthan(L, 3, 2)))
			lua_replace(L, 2);
		lua_settop(L, 2);
	}
	lua_settop(L, 2);
	/* The answer must be the same with and without regard to case: which one is meant is not known. */
	for (int i = 1; lua_type(L, 2) == LUA_TSTRING; i++) {
		int order;

		rnm_tpl_push_item(L, 1, i);
		if (lua_type(L, 3) != LUA_TSTRING)
			break;
		order = strcasecmp(lua_tostring(L, 3), lua_tostring(L, 2));
		if (!lua_rawequal(L, 2, 3) && (largest ? order >= 0 : order <= 0))
			return rnm_tpl_raise_refusal(
			    L, "expected strings of one case for the filters min and max, found a "
			       "list whose order depends on case");
		lua_settop(L, 2);
	}
	lua_settop(L, 2);
	return 1;
}

static int filter_min(lua_State *L)
{
	return extreme(L, false);
}

static int filter_max(lua_State *L)
{
	return extreme(L, true);
}

/* sum([attribute]). */
static int filter_sum(lua_State *L)
{
	struct rnm_bytes path = { NULL, 0 };
	double sum = 0;

	rnm_tpl_need_list(L, 1, "t");
	if (!lua_isnoneornil(L, 2)) {
		if (lua_type(L, 2) != LUA_TSTRING)
			return rnm_tpl_raise_type(L, "index", "value", 2);
		path = rnm_tpl_check_bytes(L, 2);
	}
	if (lua_type(L, 1) == LUA_TSTRING && lua_objlen(L, 1) > 0)
		return luaL_error(L, "attempt to perform arithmetic on a nil value");
	for (int i = 1;; i++) {
		rnm_tpl_push_item(L, 1, i);
		if (lua_isnil(L, -1))
			break;
		rnm_tpl_push_attribute(L, path);
		if (!lua_isnumber(L, -1))
			return luaL_error(L, "attempt to perform arithmetic on a %s value",
			                  luaL_typename(L, -1));
		sum += lua_tonumber(L, -1);
		lua_pop(L, 1);
	}
	lua_pushnumber(L, sum);
	return 1;
}

/* Pieces between white space. */
static void split_words(lua_State *L, struct rnm_bytes text, double max)
{
	size_t at = 0;
	int n = 0;

	for (;;) {
		size_t start;

		while (at < text.len && rnm_tpl_is_space(text.data[at]))
			at++;
		if (at == text.len)
			return;
		start = at;
		if (n < max)
			while (at < text.len && !rnm_tpl_is_space(text.data[at]))
				at++;
		else
			at = text.len;
		spend(L, 0);
		lua_pushlstring(L, text.data + start, at - start);
		lua_rawseti(L, -2, ++n);
	}
}

/* split([separator [, max]]): plain text, not a pattern; after max splits the rest stays whole. */
static int filter_split(lua_State *L)
{
	struct rnm_bytes text = rnm_tpl_check_bytes(L, 1);
	struct rnm_bytes sep = { "", 0 };
	double max = luaL_optnumber(L, 3, (double)RNM_TPL_BLOCK_MAX);
	int n = 0;

	lua_settop(L, 3);
	if (!lua_isnoneornil(L, 2))
		sep = rnm_tpl_check_bytes(L, 2);
	spend(L, text.len / 32);
	lua_newtable(L);
	if (sep.len == 0) {
		luaL_argcheck(L, lua_isnoneornil(L, 2), 2, "empty separator");
		split_words(L, text, max);
		return 1;
	}
	for (;;) {
		const char *end = n < max ? memmem(text.data, text.len, sep.data, sep.len) : NULL;
		size_t len = end == NULL ? text.len : (size_t)(end - text.data);

		spend(L, 0);
		lua_pushlstring(L, text.data, len);
		lua_rawseti(L, -2, ++n);
		if (end == NULL)
			return 1;
		text.data += len + sep.len;
		text.len -= len + sep.len;
	}
}

/* Collects what an iterator returns, without its control value. */
static int filter_list(lua_State *L)
{
	int n = 0;

	if (!lua_isfunction(L, 1))
		return luaL_error(L, "input to filter \"list\" must be a generator");
	lua_settop(L, 3);
	lua_newtable(L);
	for (;;) {
		spend(L, 0);
		lua_pushvalue(L, 1);
		lua_pushvalue(L, 2);
		lua_pushvalue(L, 3);
		lua_call(L, 2, 2);
		if (lua_isnil(L, 5))
			break;
		lua_rawseti(L, 4, ++n);
		lua_replace(L, 3);
	}
	lua_settop(L, 4);
	return 1;
}

static int refuse_random(lua_State *L)
{
	return rnm_tpl_raise_refusal(L,
	                             "expected a template with one possible result, found the filter random");
}

static int refuse_pbkdf(lua_State *L)
{
	return rnm_tpl_raise_refusal(
	    L, "expected a template with one possible result, found the filter pbkdf, which "
	       "hashes with a random salt");
}

const struct rnm_tpl_filter_def rnm_tpl_list_filters[] = { { "first", filter_first, "a table" },
	                                                   { "last", filter_last, "a table" },
	                                                   { "length", filter_length, "a table or string" },
	                                                   { "reverse", filter_reverse, "a table or string" },
	                                                   { "join", filter_join, "a table" },
	                                                   { "unique", filter_unique, "a table" },
	                                                   { "min", filter_min, "a table" },
	                                                   { "max", filter_max, "a table" },
	                                                   { "sum", filter_sum, "a table" },
	                                                   { "split", filter_split, "a string" },
	                                                   { "list", filter_list, NULL },
	                                                   { "random", refuse_random, NULL },
	                                                   { "pbkdf", refuse_pbkdf, NULL },
	                                                   { NULL, NULL, NULL } };
