/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and calling filters, and what they have in common. */
#include "format/template_engine.h"

#include <string.h>

static const struct rnm_tpl_filter_def *const tables[] = { rnm_tpl_text_filters,   rnm_tpl_markup_filters,
	                                                   rnm_tpl_list_filters,   rnm_tpl_select_filters,
	                                                   rnm_tpl_sort_filters,   rnm_tpl_group_filters,
	                                                   rnm_tpl_number_filters, rnm_tpl_require_filters };

const struct rnm_tpl_filter_def *rnm_tpl_filter_find(struct rnm_bytes name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct rnm_tpl_filter_def *def = tables[i]; def->name != NULL; def++)
			if (strlen(def->name) == name.len && memcmp(def->name, name.data, name.len) == 0)
				return def;
	return NULL;
}

static int run_filter(lua_State *L)
{
	const struct rnm_tpl_filter_def *def = lua_touserdata(L, lua_upvalueindex(1));

	rnm_tpl_spend_or_raise(L, 1);
	/* rspamd's checks take false for nil. */
	if (def->wants != NULL && !lua_toboolean(L, 1))
		return luaL_error(L, "input to filter \"%s\" was nil instead of %s", def->name, def->wants);
	return def->run(L);
}

void rnm_tpl_push_filter(lua_State *L, const struct rnm_tpl_filter_def *def)
{
	/* Lua never writes through the pointer. */
	union {
		const struct rnm_tpl_filter_def *in;
		void *out;
	} pointer = { .in = def };

	lua_pushlightuserdata(L, pointer.out);
	lua_pushcclosure(L, run_filter, 1);
}

int rnm_tpl_raise_type(lua_State *L, const char *doing, const char *name, int index)
{
	const char *type = lua_isnone(L, index) ? "nil" : luaL_typename(L, index);

	return luaL_error(L, "attempt to %s local '%s' (a %s value)", doing, name, type);
}

struct rnm_buf *rnm_tpl_scratch(lua_State *L)
{
	struct rnm_buf *scratch = &rnm_tpl_engine(L)->run->scratch;

	rnm_buf_free(scratch);
	rnm_buf_init(scratch, RNM_TPL_BLOCK_MAX);
	return scratch;
}

void rnm_tpl_need_string(lua_State *L, int index, const char *method)
{
	if (lua_type(L, index) == LUA_TTABLE)
		(void)luaL_error(L, "attempt to call method '%s' (a nil value)", method);
	if (lua_type(L, index) != LUA_TSTRING)
		(void)rnm_tpl_raise_type(L, "index", "s", index);
}

void rnm_tpl_need_list(lua_State *L, int index, const char *name)
{
	if (!lua_istable(L, index) && lua_type(L, index) != LUA_TSTRING)
		(void)rnm_tpl_raise_type(L, "get length of", name, index);
}

void rnm_tpl_push_item(lua_State *L, int index, int i)
{
	rnm_tpl_spend_or_raise(L, 1);
	if (lua_istable(L, index))
		lua_rawgeti(L, index, i);
	else
		lua_pushnil(L);
}

void rnm_tpl_push_attribute(lua_State *L, struct rnm_bytes path)
{
	while (path.len > 0 && !lua_isnil(L, -1)) {
		const char *dot = memchr(path.data, '.', path.len);
		size_t len = dot == NULL ? path.len : (size_t)(dot - path.data);

		rnm_tpl_spend_or_raise(L, 1);
		if (!lua_istable(L, -1) && lua_type(L, -1) != LUA_TSTRING)
			(void)rnm_tpl_raise_type(L, "index", "value", lua_gettop(L));
		lua_pushlstring(L, path.data, len);
		lua_gettable(L, -2);
		lua_remove(L, -2);
		len += dot == NULL ? 0 : 1;
		path.data += len;
		path.len -= len;
	}
}
