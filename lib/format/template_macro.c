/* SPDX-License-Identifier: Apache-2.0 */
/* The tags `macro` and `call`. */
#include "format/template_engine.h"

#include <string.h>

/* Where the caller of the macro being called is kept. */
#define CALLER "rnm.caller"

/* Upvalues of a macro: tag, serial number of its run, table of variables around it, default values. */
enum { TAG = 1, SERIAL, OUTER, DEFAULTS };

static void bind_arguments(lua_State *L, const struct rnm_tpl_tag *tag, int args, int scope)
{
	int i = 1;

	for (const struct rnm_tpl_name *name = tag->names; name != NULL; name = name->next, i++) {
		lua_pushlstring(L, name->text.data, name->text.len);
		if (i <= args && !lua_isnil(L, i))
			lua_pushvalue(L, i);
		else
			lua_rawgeti(L, lua_upvalueindex(DEFAULTS), i);
		lua_rawset(L, scope);
	}
}

static int call_macro(lua_State *L)
{
	struct rnm_template *engine = rnm_tpl_engine(L);
	struct rnm_tpl_run *run = engine->run;
	struct rnm_tpl_tag *tag = lua_touserdata(L, lua_upvalueindex(TAG));
	struct rnm_tpl_ctx ctx = { .run = run, .L = L };
	size_t start = run->out.len;
	size_t position = run->position;
	int args = lua_gettop(L);
	bool ok;

	if (lua_tonumber(L, lua_upvalueindex(SERIAL)) != (double)run->serial)
		return rnm_tpl_raise_refusal(L,
		                             "expected a macro of the same file, found one that another file "
		                             "left in env: this engine forgets macros at the end of a file");
	luaL_checkstack(L, 16, "template nested too deeply");
	lua_pushvalue(L, lua_upvalueindex(OUTER));
	rnm_tpl_push_scope(L, lua_gettop(L));
	ctx.scope = lua_gettop(L);
	bind_arguments(L, tag, args, ctx.scope);
	/* As in rspamd, the macros that a called macro calls see the same caller. */
	lua_getfield(L, LUA_REGISTRYINDEX, CALLER);
	lua_setfield(L, ctx.scope, "caller");
	run->repeat++;
	ok = rnm_tpl_eval_nodes(&ctx, tag->body);
	run->position = position;
	run->repeat--;
	if (!ok)
		return luaL_error(L, "%s", run->fault.cause);
	rnm_tpl_take_output(&ctx, start);
	return 1;
}

/* Default values are evaluated once, and see the library but none of the template's names. */
static bool push_defaults(const struct rnm_tpl_ctx *ctx, const struct rnm_tpl_tag *tag)
{
	struct rnm_tpl_ctx bare = *ctx;
	size_t position = ctx->run->position;
	int i = 1;

	lua_newtable(ctx->L);
	lua_getfield(ctx->L, LUA_REGISTRYINDEX, RNM_TPL_FUNCTIONS);
	rnm_tpl_push_scope(ctx->L, lua_gettop(ctx->L));
	lua_remove(ctx->L, -2);
	bare.scope = lua_gettop(ctx->L);
	for (struct rnm_tpl_name *name = tag->names; name != NULL; name = name->next, i++) {
		if (name->fallback.text.data == NULL)
			continue;
		ctx->run->position = name->fallback_pos;
		if (!rnm_tpl_eval_code(&bare, &name->fallback, false, 1))
			return false;
		lua_rawseti(ctx->L, bare.scope - 1, i);
	}
	ctx->run->position = position;
	lua_pop(ctx->L, 1);
	return true;
}

static bool push_macro(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_tag *tag)
{
	luaL_checkstack(ctx->L, 16, "template nested too deeply");
	lua_pushlightuserdata(ctx->L, tag);
	lua_pushnumber(ctx->L, ctx->run->serial);
	lua_pushvalue(ctx->L, ctx->scope);
	if (!push_defaults(ctx, tag))
		return false;
	lua_pushcclosure(ctx->L, call_macro, 4);
	return true;
}

bool rnm_tpl_eval_macro(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_tag *tag)
{
	if (!push_macro(ctx, tag))
		return false;
	lua_pushlstring(ctx->L, tag->name.data, tag->name.len);
	lua_insert(ctx->L, -2);
	lua_rawset(ctx->L, ctx->scope);
	return true;
}

bool rnm_tpl_eval_call(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_tag *tag, bool *wrote)
{
	int caller;

	lua_getfield(ctx->L, LUA_REGISTRYINDEX, CALLER);
	caller = lua_gettop(ctx->L);
	if (!push_macro(ctx, tag))
		return false;
	lua_setfield(ctx->L, LUA_REGISTRYINDEX, CALLER);
	if (!rnm_tpl_eval_pipe(ctx, &tag->pipe, 1))
		return false;
	lua_pushvalue(ctx->L, caller);
	lua_setfield(ctx->L, LUA_REGISTRYINDEX, CALLER);
	*wrote = !lua_isnil(ctx->L, -1);
	if (!lua_isfunction(ctx->L, -1))
		return true;
	rnm_tpl_fault_at(ctx->run, RNM_TPL_PLAIN_FAULT, ctx->run->position,
	                 "invalid value (function) at index 1 in table for 'concat'");
	ctx->run->fault.hint = "write the parentheses of the macro call: {% call NAME() %}";
	return false;
}
