/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that return iterators over groups of a list's elements. */
#include "format/template_engine.h"

#include <math.h>

/* More slices than a table can have elements. */
#define SLICES_MAX 1e6

/* Upvalues: list of results, position.  Returns the position and the result, a pair as two values. */
static int iterate(lua_State *L, bool pairs)
{
	int position = (int)lua_tointeger(L, lua_upvalueindex(2)) + 1;

	rnm_tpl_spend_or_raise(L, 1);
	lua_pushinteger(L, position);
	lua_pushvalue(L, -1);
	lua_replace(L, lua_upvalueindex(2));
	lua_rawgeti(L, lua_upvalueindex(1), position);
	if (lua_isnil(L, -1))
		return 1;
	if (!pairs)
		return 2;
	lua_rawgeti(L, -1, 1);
	lua_rawgeti(L, -2, 2);
	lua_remove(L, -3);
	return 3;
}

/* The control value comes first, and a loop skips it; nil ends the loop. */
static int next_group(lua_State *L)
{
	int results = iterate(L, false);

	return results == 1 ? 0 : results;
}

static int next_pair(lua_State *L)
{
	int results = iterate(L, true);

	return results == 1 ? 0 : results;
}

/* Turns the list of results on top into an iterator. */
static int push_iterator(lua_State *L, lua_CFunction next)
{
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, next, 2);
	return 1;
}

/* Appends element i of the list at 1 to group, or the filler at 3 where the list has ended. */
static void add_item(lua_State *L, int group, int i, int count)
{
	if (i <= count)
		rnm_tpl_push_item(L, 1, i);
	else
		lua_pushvalue(L, 3);
	lua_rawseti(L, group, (int)lua_objlen(L, group) + 1);
}

/* batch(size [, filler]): groups of that size, the last one filled up. */
static int filter_batch(lua_State *L)
{
	int count;
	double size;
	int n = 0;

	rnm_tpl_need_list(L, 1, "t");
	count = lua_istable(L, 1) ? (int)lua_objlen(L, 1) : 0;
	if (!lua_isnumber(L, 2) || !(lua_tonumber(L, 2) >= 1))
		return luaL_error(L, "filter \"batch\" needs a size of at least 1");
	size = lua_tonumber(L, 2);
	lua_settop(L, 3);
	lua_newtable(L);
	for (int i = 1; i <= count;) {
		bool fill = !lua_isnil(L, 3);

		lua_newtable(L);
		for (double k = 0; k < size && (i <= count || fill); k++, i++) {
			rnm_tpl_spend_or_raise(L, 1);
			add_item(L, 5, i, count);
		}
		lua_rawseti(L, 4, ++n);
	}
	return push_iterator(L, next_group);
}

/* slice(slices [, filler]): that many groups, the first ones longer when the list does not divide. */
static int filter_slice(lua_State *L)
{
	int count;
	double slices;
	int at = 1;

	rnm_tpl_need_list(L, 1, "t");
	if (!lua_isnumber(L, 2))
		return rnm_tpl_raise_type(L, "perform arithmetic on", "slices", 2);
	count = lua_istable(L, 1) ? (int)lua_objlen(L, 1) : 0;
	slices = fmin(floor(lua_tonumber(L, 2)), SLICES_MAX);
	lua_settop(L, 3);
	lua_newtable(L);
	for (int n = 0; n < slices; n++) {
		int size = count / (int)slices;
		int longer = count % (int)slices;

		rnm_tpl_spend_or_raise(L, 1);
		lua_newtable(L);
		for (int k = 0; k < size + (n < longer ? 1 : 0); k++)
			add_item(L, 5, at++, count);
		if (lua_toboolean(L, 3) && longer > 0 && n >= longer)
			add_item(L, 5, count + 1, count);
		lua_rawseti(L, 4, n + 1);
	}
	return push_iterator(L, next_group);
}

/* groupby(attribute): {value, elements} in order of the first element of each group. */
static int filter_groupby(lua_State *L)
{
	struct rnm_bytes path = { NULL, 0 };
	int n = 0;

	rnm_tpl_need_list(L, 1, "t");
	if (lua_isnoneornil(L, 2))
		return luaL_error(L, "attempt to index upvalue 'attribute' (a nil value)");
	path = rnm_tpl_check_bytes(L, 2);
	lua_settop(L, 2);
	lua_newtable(L); /* 3: value -> elements */
	lua_newtable(L); /* 4: results */
	for (int i = 1;; i++) {
		rnm_tpl_push_item(L, 1, i);
		if (lua_isnil(L, 5))
			break;
		lua_pushvalue(L, 5);
		rnm_tpl_push_attribute(L, path);
		if (lua_isnil(L, 6))
			return luaL_error(L, "table index is nil");
		lua_pushvalue(L, 6);
		lua_rawget(L, 3);
		if (lua_isnil(L, 7)) {
			lua_settop(L, 6);
			lua_newtable(L);
			lua_pushvalue(L, 6);
			lua_pushvalue(L, 7);
			lua_rawset(L, 3);
			lua_createtable(L, 2, 0);
			lua_pushvalue(L, 6);
			lua_rawseti(L, 8, 1);
			lua_pushvalue(L, 7);
			lua_rawseti(L, 8, 2);
			lua_rawseti(L, 4, ++n);
		}
		lua_pushvalue(L, 5);
		lua_rawseti(L, 7, (int)lua_objlen(L, 7) + 1);
		lua_settop(L, 4);
	}
	lua_settop(L, 4);
	return push_iterator(L, next_pair);
}

const struct rnm_tpl_filter_def rnm_tpl_group_filters[] = { { "batch", filter_batch, "a table" },
	                                                    { "slice", filter_slice, "a table" },
	                                                    { "groupby", filter_groupby, "a table" },
	                                                    { NULL, NULL, NULL } };
