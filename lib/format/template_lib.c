/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that expressions see.  Libraries appear through empty tables that forward reads: a
 * template that assigned to `string.gsub` would otherwise change every later file of the load.
 */
#include "format/template_engine.h"

#include <lualib.h>
#include <math.h>
#include <string.h>

static int refuse_assignment(lua_State *L)
{
	return luaL_error(L, "attempt to change a library table");
}

/* Pops a library and publishes it under name in the table at index globals. */
static void publish(lua_State *L, int globals, const char *name)
{
	lua_newtable(L);
	lua_createtable(L, 0, 2);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, refuse_assignment);
	lua_setfield(L, -2, "__newindex");
	lua_setmetatable(L, -2);
	lua_setfield(L, globals, name);
	lua_pop(L, 1);
}

/* A library function whose work grows with its first argument. */
static int call_charged(lua_State *L)
{
	if (lua_type(L, 1) == LUA_TSTRING || lua_type(L, 1) == LUA_TTABLE)
		rnm_tpl_spend_or_raise(L, 1 + lua_objlen(L, 1) / 32);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* Moves functions of the original library into the table on top, with counted work. */
static void borrow(lua_State *L, const char *library, const char *const *names)
{
	lua_getfield(L, LUA_REGISTRYINDEX, RNM_TPL_LIBRARY);
	lua_getfield(L, -1, library);
	for (; *names != NULL; names++) {
		lua_getfield(L, -1, *names);
		lua_pushcclosure(L, call_charged, 1);
		lua_setfield(L, -4, *names);
	}
	lua_pop(L, 2);
}

void rnm_tpl_push_tostring(lua_State *L, int index)
{
	switch (lua_type(L, index)) {
	case LUA_TNUMBER:
		/* The C library may print a sign before nan; LuaJIT does not. */
		if (isnan(lua_tonumber(L, index))) {
			lua_pushliteral(L, "nan");
			break;
		}
		lua_pushvalue(L, index);
		(void)lua_tostring(L, -1);
		break;
	case LUA_TSTRING:
		lua_pushvalue(L, index);
		break;
	case LUA_TBOOLEAN:
		lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
		break;
	case LUA_TNIL:
		lua_pushliteral(L, "nil");
		break;
	case LUA_TLIGHTUSERDATA:
		/* The null of JSON, the only one there is. */
		lua_pushliteral(L, "null");
		break;
	default:
		lua_pushfstring(L, "%s: %p", luaL_typename(L, index), lua_topointer(L, index));
		break;
	}
}

static int lib_tostring(lua_State *L)
{
	luaL_checkany(L, 1);
	rnm_tpl_push_tostring(L, 1);
	return 1;
}

static double range_bound(lua_State *L, int index, const char *what)
{
	if (lua_isnumber(L, index) == 0)
		(void)luaL_error(L, "'for' %s must be a number", what);
	return lua_tonumber(L, index);
}

/* range([from,] to [, step]), both ends included, counting from 1. */
static int lib_range(lua_State *L)
{
	bool has_from = !lua_isnoneornil(L, 2);
	double from = 1;
	double to;
	double step = 1;
	int n = 0;

	to = range_bound(L, has_from ? 2 : 1, "limit");
	if (has_from)
		from = range_bound(L, 1, "initial value");
	if (!lua_isnoneornil(L, 3))
		step = range_bound(L, 3, "step");
	if (step == 0 && from <= to)
		return luaL_error(L, "table overflow");
	lua_newtable(L);
	/* As Lua counts: by adding up, rounding errors included. */
	while (step >= 0 ? from <= to : from >= to) {
		rnm_tpl_spend_or_raise(L, 1);
		lua_pushnumber(L, from);
		lua_rawseti(L, -2, ++n);
		from += step;
	}
	return 1;
}

/* The state of a cycler is its list of values; element 0 holds the current position. */
static void cycler_move(lua_State *L, int values, int position)
{
	lua_pushinteger(L, position);
	lua_rawseti(L, values, 0);
	lua_rawgeti(L, values, position);
	lua_setfield(L, 1, "current");
}

static int cycler_next(lua_State *L)
{
	int values = lua_upvalueindex(1);
	int count = (int)lua_objlen(L, values);
	int position;

	if (!lua_istable(L, 1))
		return rnm_tpl_raise_type(L, "index", "self", 1);
	if (count == 0)
		return 0;
	lua_rawgeti(L, values, 0);
	position = (int)lua_tointeger(L, -1);
	lua_rawgeti(L, values, position);
	cycler_move(L, values, position % count + 1);
	return 1;
}

static int cycler_reset(lua_State *L)
{
	if (!lua_istable(L, 1))
		return rnm_tpl_raise_type(L, "index", "self", 1);
	cycler_move(L, lua_upvalueindex(1), 1);
	return 0;
}

static int lib_cycler(lua_State *L)
{
	int count = lua_gettop(L);

	lua_createtable(L, count, 1);
	lua_insert(L, 1);
	for (int i = count; i >= 1; i--)
		lua_rawseti(L, 1, i);
	lua_createtable(L, 0, 3);
	lua_insert(L, 1);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, cycler_next, 1);
	lua_setfield(L, 1, "next");
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, cycler_reset, 1);
	lua_setfield(L, 1, "reset");
	cycler_move(L, 2, 1);
	lua_settop(L, 1);
	return 1;
}

static int refuse_random(lua_State *L)
{
	return rnm_tpl_raise_refusal(L,
	                             "expected a template with one possible result, found a call of a random "
	                             "number function");
}

static void open_math(lua_State *L, int globals)
{
	lua_getfield(L, LUA_REGISTRYINDEX, RNM_TPL_LIBRARY);
	lua_getfield(L, -1, LUA_MATHLIBNAME);
	lua_pushcfunction(L, refuse_random);
	lua_setfield(L, -2, "random");
	lua_pushcfunction(L, refuse_random);
	lua_setfield(L, -2, "randomseed");
	publish(L, globals, LUA_MATHLIBNAME);
	lua_pop(L, 1);
}

/* What base functions return is harmless; what luaopen_base also registers (load, pcall, ...) is dropped. */
static void open_base(lua_State *L, int globals)
{
	static const char *const names[] = { "ipairs", "pairs", "select", "tonumber", "type" };

	lua_pushcfunction(L, luaopen_base);
	lua_pushliteral(L, "");
	lua_call(L, 1, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		lua_getglobal(L, names[i]);
		if (strcmp(names[i], "tonumber") == 0)
			lua_pushcclosure(L, call_charged, 1);
		lua_setfield(L, globals, names[i]);
	}
	/* Loops treat the iterators of pairs and ipairs differently from others. */
	lua_getfield(L, LUA_REGISTRYINDEX, RNM_TPL_LIBRARY);
	for (size_t i = 0; i < 2; i++) {
		lua_getglobal(L, names[i]);
		lua_newtable(L);
		lua_call(L, 1, 1);
		lua_setfield(L, -2, i == 0 ? "inext" : "next");
	}
	lua_pop(L, 1);
	/* An empty table for whatever asks for the globals of the state. */
	lua_newtable(L);
	lua_replace(L, LUA_GLOBALSINDEX);
}

void rnm_tpl_open_library(lua_State *L)
{
	static const char *const os_names[] = { "date", "time", NULL };
	int globals = lua_gettop(L);

	open_base(L, globals);
	open_math(L, globals);
	lua_newtable(L);
	borrow(L, LUA_OSLIBNAME, os_names);
	publish(L, globals, LUA_OSLIBNAME);
	lua_newtable(L);
	borrow(L, LUA_STRLIBNAME,
	       (const char *const[]){ "byte", "char", "len", "lower", "reverse", "sub", "upper", NULL });
	rnm_tpl_open_string(L);
	publish(L, globals, LUA_STRLIBNAME);
	lua_newtable(L);
	borrow(L, LUA_TABLIBNAME, (const char *const[]){ "concat", "maxn", "getn", NULL });
	rnm_tpl_open_table(L);
	publish(L, globals, LUA_TABLIBNAME);
	rnm_tpl_open_tests(L);
	lua_pushcfunction(L, lib_tostring);
	lua_setfield(L, globals, "tostring");
	lua_pushcfunction(L, lib_range);
	lua_setfield(L, globals, "range");
	lua_pushcfunction(L, lib_cycler);
	lua_setfield(L, globals, "cycler");
	lua_pushliteral(L, "Lua 5.1");
	lua_setfield(L, globals, "_VERSION");
}
