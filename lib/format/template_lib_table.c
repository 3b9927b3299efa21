/* SPDX-License-Identifier: Apache-2.0 */
/* The table library where Lua's own would do work that nothing counts. */
#include "format/template_engine.h"

#include <lualib.h>
#include <math.h>

static void push_original(lua_State *L, const char *name)
{
	lua_getfield(L, LUA_REGISTRYINDEX, RNM_TPL_LIBRARY);
	lua_getfield(L, -1, LUA_TABLIBNAME);
	lua_getfield(L, -1, name);
	lua_replace(L, -3);
	lua_pop(L, 1);
}

/* insert(t, [pos,] v): everything from pos on moves. */
static int table_insert(lua_State *L)
{
	int args = lua_gettop(L);

	luaL_checktype(L, 1, LUA_TTABLE);
	if (args == 3) {
		double distance = (double)lua_objlen(L, 1) - luaL_checknumber(L, 2);

		/* Lua walks down to any position, however far below 1. */
		if (!(fabs(distance) < 1e9))
			return luaL_error(L, "bad argument #2 to 'insert' (position out of bounds)");
		rnm_tpl_spend_or_raise(L, 1 + (uint64_t)fabs(distance) / 4);
	}
	push_original(L, "insert");
	lua_insert(L, 1);
	lua_call(L, args, 0);
	return 0;
}

/* remove(t [, pos]). */
static int table_remove(lua_State *L)
{
	int args = lua_gettop(L);

	luaL_checktype(L, 1, LUA_TTABLE);
	if (args >= 2)
		rnm_tpl_spend_or_raise(L, 1 + lua_objlen(L, 1) / 4);
	push_original(L, "remove");
	lua_insert(L, 1);
	lua_call(L, args, LUA_MULTRET);
	return lua_gettop(L);
}

/* A comparison of Lua's sort, counted: the worst case of a quicksort is quadratic. */
static int compare(lua_State *L)
{
	rnm_tpl_spend_or_raise(L, 1);
	if (lua_isnil(L, lua_upvalueindex(1))) {
		lua_pushboolean(L, lua_lessthan(L, 1, 2));
		return 1;
	}
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 1);
	return 1;
}

void rnm_tpl_sort(lua_State *L, int t)
{
	lua_pushcclosure(L, compare, 1);
	push_original(L, "sort");
	lua_pushvalue(L, t);
	lua_pushvalue(L, -3);
	lua_call(L, 2, 0);
	lua_pop(L, 1);
}

static int table_sort(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	if (!lua_isnoneornil(L, 2))
		luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	rnm_tpl_sort(L, 1);
	return 0;
}

void rnm_tpl_open_table(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "insert", table_insert }, { "remove", table_remove }, { "sort", table_sort }, { NULL, NULL }
	};

	for (const luaL_Reg *f = functions; f->name != NULL; f++) {
		lua_pushcfunction(L, f->func);
		lua_setfield(L, -2, f->name);
	}
}
