/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that order things. */
#include "format/template_engine.h"

#include <string.h>

/* Upvalues of the comparators. */
enum { REVERSE = 1, CASE_SENSITIVE, PATH };

/* Puts the lower-case form of a string at index in its place. */
static void fold_case(lua_State *L, int index)
{
	if (lua_type(L, index) != LUA_TSTRING)
		return;
	lua_getfield(L, index, "lower");
	lua_pushvalue(L, index);
	lua_call(L, 1, 1);
	lua_replace(L, index);
}

static int compare_items(lua_State *L)
{
	struct rnm_bytes path = { NULL, 0 };

	lua_settop(L, 2);
	if (!lua_isnil(L, lua_upvalueindex(PATH))) {
		path = rnm_tpl_check_bytes(L, lua_upvalueindex(PATH));
		lua_insert(L, 1);
		rnm_tpl_push_attribute(L, path);
		lua_insert(L, 1);
		rnm_tpl_push_attribute(L, path);
		/* The two moves have brought both back to their places. */
	}
	if (!lua_toboolean(L, lua_upvalueindex(CASE_SENSITIVE))) {
		fold_case(L, 1);
		fold_case(L, 2);
	}
	lua_pushboolean(L, lua_toboolean(L, lua_upvalueindex(REVERSE)) ? lua_lessthan(L, 2, 1)
	                                                               : lua_lessthan(L, 1, 2));
	return 1;
}

/* Compares the members 1 (keys) or 2 (values) of two pairs. */
static int compare_pairs(lua_State *L)
{
	int member = (int)lua_tointeger(L, lua_upvalueindex(REVERSE));

	lua_settop(L, 2);
	lua_rawgeti(L, 1, member);
	lua_rawgeti(L, 2, member);
	if (!lua_toboolean(L, lua_upvalueindex(CASE_SENSITIVE))) {
		fold_case(L, 3);
		fold_case(L, 4);
	}
	lua_pushboolean(L, lua_lessthan(L, 3, 4));
	return 1;
}

/* Pushes a copy of the list at 1, of characters if it is a string. */
static void push_copy(lua_State *L)
{
	struct rnm_bytes text = { NULL, 0 };
	size_t count = lua_objlen(L, 1);

	if (lua_type(L, 1) == LUA_TSTRING)
		text = rnm_tpl_check_bytes(L, 1);
	lua_newtable(L);
	for (size_t i = 0; i < count; i++) {
		if (text.data != NULL) {
			rnm_tpl_spend_or_raise(L, 1);
			lua_pushlstring(L, text.data + i, 1);
		} else {
			rnm_tpl_push_item(L, 1, (int)i + 1);
		}
		lua_rawseti(L, -2, (int)i + 1);
	}
}

static void join_characters(lua_State *L, int list)
{
	int count = (int)lua_objlen(L, list);
	luaL_Buffer out;

	luaL_buffinit(L, &out);
	for (int i = 1; i <= count; i++) {
		lua_rawgeti(L, list, i);
		luaL_addvalue(&out);
	}
	luaL_pushresult(&out);
}

/* sort([reverse [, case sensitive [, attribute]]]): a sorted copy. */
static int filter_sort(lua_State *L)
{
	rnm_tpl_need_list(L, 1, "value");
	lua_settop(L, 4);
	push_copy(L);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, 3);
	lua_pushvalue(L, 4);
	lua_pushcclosure(L, compare_items, 3);
	rnm_tpl_sort(L, 5);
	if (lua_type(L, 1) == LUA_TSTRING)
		join_characters(L, 5);
	return 1;
}

/* Pushes a list of {key, value} of the table at 1. */
static void push_pairs(lua_State *L)
{
	int n = 0;

	if (!lua_istable(L, 1))
		(void)luaL_error(L, "bad argument #1 to 'pairs' (table expected, got %s)",
		                 luaL_typename(L, 1));
	lua_newtable(L);
	lua_pushnil(L);
	while (lua_next(L, 1) != 0) {
		rnm_tpl_spend_or_raise(L, 1);
		lua_createtable(L, 2, 0);
		lua_insert(L, -2);
		lua_rawseti(L, -2, 2);
		lua_pushvalue(L, -2);
		lua_rawseti(L, -2, 1);
		lua_rawseti(L, -3, ++n);
	}
}

/* dictsort([case sensitive [, "key"|"value"]]): {key, value} pairs in order. */
static int filter_dictsort(lua_State *L)
{
	const char *by = luaL_optstring(L, 3, "key");

	if (strcmp(by, "key") != 0 && strcmp(by, "value") != 0)
		return luaL_error(L, "filter \"dictsort\" can only sort tables by \"key\" or \"value\"");
	lua_settop(L, 3);
	push_pairs(L);
	lua_pushinteger(L, by[0] == 'k' ? 1 : 2);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, compare_pairs, 2);
	rnm_tpl_sort(L, 4);
	return 1;
}

/* Keys of any kinds: numbers before strings before the rest. */
static int compare_keys(lua_State *L)
{
	int kinds[2];

	lua_settop(L, 2);
	for (int i = 1; i <= 2; i++) {
		lua_rawgeti(L, i, 1);
		kinds[i - 1] = lua_type(L, -1) == LUA_TNUMBER ? 0 : lua_type(L, -1) == LUA_TSTRING ? 1 : 2;
	}
	if (kinds[0] != kinds[1])
		lua_pushboolean(L, kinds[0] < kinds[1]);
	else
		lua_pushboolean(L, kinds[0] < 2 && lua_lessthan(L, 3, 4));
	return 1;
}

/*
 * items, keys, values.  rspamd returns them in the order of a hash table, which is no order; here they
 * are sorted by key.
 */
static int members(lua_State *L, int part)
{
	int count;

	lua_settop(L, 1);
	push_pairs(L);
	lua_pushcfunction(L, compare_keys);
	rnm_tpl_sort(L, 2);
	count = (int)lua_objlen(L, 2);
	for (int i = 1; part != 0 && i <= count; i++) {
		lua_rawgeti(L, 2, i);
		lua_rawgeti(L, 3, part);
		lua_rawseti(L, 2, i);
		lua_settop(L, 2);
	}
	return 1;
}

int rnm_tpl_filter_items(lua_State *L)
{
	return members(L, 0);
}

static int filter_keys(lua_State *L)
{
	return members(L, 1);
}

static int filter_values(lua_State *L)
{
	return members(L, 2);
}

const struct rnm_tpl_filter_def rnm_tpl_sort_filters[] = {
	{ "sort", filter_sort, "a table or string" }, { "dictsort", filter_dictsort, "a table" },
	{ "items", rnm_tpl_filter_items, "a table" }, { "keys", filter_keys, "a table" },
	{ "values", filter_values, "a table" },       { NULL, NULL, NULL }
};
