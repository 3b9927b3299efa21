/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that pick or change each element of a list. */
#include "format/template_engine.h"

#include <string.h>

/* Pushes the filter whose name is at index. */
static void push_named_filter(lua_State *L, int index, const char *given_to)
{
	const struct rnm_tpl_filter_def *def;

	if (!lua_isstring(L, index))
		(void)luaL_error(L, "attempt to concatenate local 'filter' (a %s value)",
		                 lua_isnone(L, index) ? "nil" : luaL_typename(L, index));
	def = rnm_tpl_filter_find(rnm_tpl_check_bytes(L, index));
	if (def == NULL && given_to != NULL)
		(void)luaL_error(L, "unknown filter \"%s\" given to filter \"%s\"", lua_tostring(L, index),
		                 given_to);
	if (def == NULL)
		(void)luaL_error(L, "unknown filter \"%s\"", lua_tostring(L, index));
	rnm_tpl_push_filter(L, def);
}

/* Pushes arguments first to last of the current function. */
static int push_rest(lua_State *L, int first, int last)
{
	luaL_checkstack(L, RNM_TPL_ARGS_MAX + 8, "too many filter parameters");
	for (int i = first; i <= last; i++)
		lua_pushvalue(L, i);
	return last >= first ? last - first + 1 : 0;
}

/* map(filter, ...) and mapattr(path, filter, ...): `filter` is the index of its name. */
static int map(lua_State *L, struct rnm_bytes path, int filter, const char *given_to)
{
	int last = lua_gettop(L);
	bool named = filter <= last && (given_to == NULL || !lua_isnil(L, filter));
	int result;

	rnm_tpl_need_list(L, 1, "t");
	if (named || given_to == NULL)
		push_named_filter(L, filter, given_to);
	else
		lua_pushnil(L);
	lua_newtable(L);
	result = lua_gettop(L);
	for (int i = 1;; i++) {
		rnm_tpl_push_item(L, 1, i);
		if (lua_isnil(L, -1))
			break;
		rnm_tpl_push_attribute(L, path);
		if (named) {
			lua_pushvalue(L, result - 1);
			lua_insert(L, -2);
			lua_call(L, 1 + push_rest(L, filter + 1, last), 1);
		}
		lua_rawseti(L, result, i);
		lua_settop(L, result);
	}
	lua_settop(L, result);
	return 1;
}

static int filter_map(lua_State *L)
{
	if (lua_gettop(L) < 2)
		lua_settop(L, 2);
	return map(L, (struct rnm_bytes){ NULL, 0 }, 2, NULL);
}

static struct rnm_bytes attribute_of(lua_State *L)
{
	if (lua_isnoneornil(L, 2))
		(void)luaL_error(L, "attempt to index upvalue 'attribute' (a nil value)");
	return rnm_tpl_check_bytes(L, 2);
}

static int filter_mapattr(lua_State *L)
{
	rnm_tpl_need_list(L, 1, "t");
	return map(L, attribute_of(L), 3, "mapattr");
}

/* Keeps the elements for which the test at index (or, without one, the element's truth) equals `keep`. */
static int pick(lua_State *L, struct rnm_bytes path, int test, bool keep)
{
	int last = lua_gettop(L);
	bool named = test <= last && !lua_isnil(L, test);
	int result;
	int n = 0;

	rnm_tpl_need_list(L, 1, "t");
	lua_newtable(L);
	result = lua_gettop(L);
	for (int i = 1;; i++) {
		rnm_tpl_push_item(L, 1, i);
		if (lua_isnil(L, -1))
			break;
		lua_pushvalue(L, -1);
		rnm_tpl_push_attribute(L, path);
		if (named && !lua_isfunction(L, test))
			return luaL_error(L, "attempt to call local 'f' (a %s value)",
			                  luaL_typename(L, test));
		if (named) {
			lua_pushvalue(L, test);
			lua_insert(L, -2);
			lua_call(L, 1 + push_rest(L, test + 1, last), 1);
		}
		if ((lua_toboolean(L, -1) != 0) == keep) {
			lua_pushvalue(L, result + 1);
			lua_rawseti(L, result, ++n);
		}
		lua_settop(L, result);
	}
	lua_settop(L, result);
	return 1;
}

static int filter_select(lua_State *L)
{
	return pick(L, (struct rnm_bytes){ NULL, 0 }, 2, true);
}

static int filter_reject(lua_State *L)
{
	return pick(L, (struct rnm_bytes){ NULL, 0 }, 2, false);
}

static int filter_selectattr(lua_State *L)
{
	rnm_tpl_need_list(L, 1, "t");
	return pick(L, attribute_of(L), 3, true);
}

static int filter_rejectattr(lua_State *L)
{
	rnm_tpl_need_list(L, 1, "t");
	return pick(L, attribute_of(L), 3, false);
}

const struct rnm_tpl_filter_def rnm_tpl_select_filters[] = { { "map", filter_map, "a table" },
	                                                     { "mapattr", filter_mapattr, "a table" },
	                                                     { "select", filter_select, "a table" },
	                                                     { "reject", filter_reject, "a table" },
	                                                     { "selectattr", filter_selectattr, "a table" },
	                                                     { "rejectattr", filter_rejectattr, "a table" },
	                                                     { NULL, NULL, NULL } };
