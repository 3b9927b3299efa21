/* SPDX-License-Identifier: Apache-2.0 */
/* One expression or statement: compile it, run it, and say in rspamd's words why it failed. */
#include "format/template_engine.h"

#include <stdio.h>
#include <string.h>

/* Names error messages start with; removed again, because the template's own place says more. */
#define CHUNK_NAME "=e"

struct source {
	struct rnm_bytes parts[3];
	unsigned next;
};

static const char *read_source(lua_State *L, void *data, size_t *size)
{
	struct source *source = data;

	(void)L;
	while (source->next < 3) {
		struct rnm_bytes part = source->parts[source->next++];

		if (part.len > 0) {
			*size = part.len;
			return part.data;
		}
	}
	*size = 0;
	return NULL;
}

static struct rnm_bytes bytes(const char *text)
{
	return (struct rnm_bytes){ text, strlen(text) };
}

/*
 * Pushes the function that code compiles to, or an error message (false).  The prefix also keeps Lua
 * from seeing an escape character first, which would announce precompiled code.
 */
static bool compile(lua_State *L, const struct rnm_tpl_code *code, const char *prefix, const char *suffix,
                    const char *name)
{
	struct source source = { { bytes(prefix), code->text, bytes(suffix) }, 0 };

	rnm_tpl_spend_or_raise(L, 1 + code->text.len / 8);
	if (code->bad_escape.data != NULL) {
		lua_pushliteral(L, "invalid escape sequence near '");
		lua_pushlstring(L, code->bad_escape.data, code->bad_escape.len);
		lua_pushliteral(L, "'");
		lua_concat(L, 3);
		return false;
	}
	return lua_load(L, read_source, &source, name) == 0;
}

/* "e:12: text" -> "text" */
static const char *without_chunk(const char *message)
{
	const char *at = message;

	if (strncmp(at, "e:", 2) != 0)
		return message;
	at += 2;
	while (*at >= '0' && *at <= '9')
		at++;
	return strncmp(at, ": ", 2) == 0 ? at + 2 : message;
}

/* Turns the error message on top (popped) into the fault of the run. */
static bool describe_failure(const struct rnm_tpl_ctx *ctx, bool plain)
{
	struct rnm_tpl_run *run = ctx->run;
	struct rnm_template *engine = run->engine;
	size_t pos = run->position;
	const char *message =
	    lua_type(ctx->L, -1) == LUA_TSTRING ? lua_tostring(ctx->L, -1) : "unknown error";

	if (run->fault.kind == RNM_TPL_NO_FAULT && engine->alloc_fault != RNM_TPL_NO_FAULT)
		rnm_tpl_fault_plain(run, engine->alloc_fault, engine->alloc_cause);
	if (run->fault.kind != RNM_TPL_NO_FAULT)
		rnm_tpl_fault_place(run, pos);
	else if (plain)
		rnm_tpl_fault_at(run, RNM_TPL_PLAIN_FAULT, pos, message);
	else
		rnm_tpl_fault_at(run, RNM_TPL_RUNTIME_FAULT, pos, without_chunk(message));
	lua_pop(ctx->L, 1);
	return false;
}

void rnm_tpl_push_scope(lua_State *L, int parent)
{
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushvalue(L, parent);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
}

/* Pushes the compiled code, from the cache of the run where it has been kept. */
static bool push_code(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_code *code, bool statement)
{
	lua_State *L = ctx->L;
	bool keep = ctx->run->repeat > 0 && !code->busy;

	if (keep && code->cached) {
		lua_getfield(L, LUA_REGISTRYINDEX, RNM_TPL_CACHE);
		lua_rawgeti(L, -1, code->slot);
		lua_remove(L, -2);
		return true;
	}
	if (!compile(L, code, statement ? " " : "return ", "", CHUNK_NAME)) {
		(void)describe_failure(ctx, false);
		if (ctx->run->fault.kind == RNM_TPL_RUNTIME_FAULT)
			ctx->run->fault.hint = rnm_tpl_syntax_hint(code->text);
		return false;
	}
	if (keep) {
		lua_getfield(L, LUA_REGISTRYINDEX, RNM_TPL_CACHE);
		lua_pushvalue(L, -2);
		lua_rawseti(L, -2, code->slot);
		lua_pop(L, 1);
		code->cached = true;
	}
	return true;
}

bool rnm_tpl_call(const struct rnm_tpl_ctx *ctx, int args, int results)
{
	size_t pos = ctx->run->position;

	ctx->run->engine->alloc_fault = RNM_TPL_NO_FAULT;
	if (lua_pcall(ctx->L, args, results, 0) == 0)
		return true;
	/* A macro may have failed with the position somewhere in its body. */
	ctx->run->position = pos;
	return describe_failure(ctx, false);
}

bool rnm_tpl_eval_code(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_code *code, bool statement, int results)
{
	bool busy = code->busy;
	bool ok;

	luaL_checkstack(ctx->L, 8, "template nested too deeply");
	if (!push_code(ctx, code, statement))
		return false;
	lua_pushvalue(ctx->L, ctx->scope);
	lua_setfenv(ctx->L, -2);
	code->busy = true;
	ok = rnm_tpl_call(ctx, 0, results);
	code->busy = busy;
	return ok;
}

/* Pushes the arguments of a filter; rspamd reads them as a table constructor. */
static bool push_arguments(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_filter *filter)
{
	lua_State *L = ctx->L;
	char cause[128];
	int count;

	/* The chunk carries its own text as a name: rspamd prints that for failures in here. */
	lua_pushfstring(L, "return {");
	lua_pushlstring(L, filter->args.text.data, filter->args.text.len);
	lua_pushliteral(L, "}");
	lua_concat(L, 3);
	if (!compile(L, &filter->args, "return {", "}", lua_tostring(L, -1))) {
		(void)snprintf(cause, sizeof(cause), "invalid filter parameter(s) for \"%.*s\"",
		               (int)(filter->name.len < 60 ? filter->name.len : 60), filter->name.data);
		lua_pushstring(L, cause);
		(void)describe_failure(ctx, false);
		ctx->run->fault.hint = "filters bind last: put the whole comparison or sum in `set` first";
		return false;
	}
	lua_remove(L, -2);
	lua_pushvalue(L, ctx->scope);
	lua_setfenv(L, -2);
	ctx->run->engine->alloc_fault = RNM_TPL_NO_FAULT;
	if (lua_pcall(L, 0, 1, 0) != 0)
		return describe_failure(ctx, true);
	count = (int)lua_objlen(L, -1);
	if (count > RNM_TPL_ARGS_MAX) {
		lua_pushliteral(L, "too many filter parameters");
		return describe_failure(ctx, false);
	}
	luaL_checkstack(L, count + 4, "too many filter parameters");
	for (int i = 1; i <= count; i++)
		lua_rawgeti(L, -i, i);
	lua_remove(L, -count - 1);
	return true;
}

/* One filter over the values above base, which it replaces by its own results. */
static bool eval_filter(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_filter *filter, int base)
{
	const struct rnm_tpl_filter_def *def = rnm_tpl_filter_find(filter->name);
	lua_State *L = ctx->L;
	char cause[128];

	luaL_checkstack(L, 8, "template nested too deeply");
	if (def == NULL) {
		(void)snprintf(cause, sizeof(cause), "unknown filter \"%.*s\"",
		               (int)(filter->name.len < 60 ? filter->name.len : 60), filter->name.data);
		lua_pushstring(L, cause);
		return describe_failure(ctx, false);
	}
	rnm_tpl_push_filter(L, def);
	lua_insert(L, base + 1);
	if (filter->args.text.data != NULL && !push_arguments(ctx, filter))
		return false;
	return rnm_tpl_call(ctx, lua_gettop(L) - base - 1, LUA_MULTRET);
}

bool rnm_tpl_eval_filters(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_filter *filters, int base)
{
	size_t start = ctx->run->position;

	for (struct rnm_tpl_filter *filter = filters; filter != NULL; filter = filter->next) {
		/* A filter that returned nothing returned nil. */
		if (lua_gettop(ctx->L) == base)
			lua_pushnil(ctx->L);
		if (lua_gettop(ctx->L) - base > RNM_TPL_ARGS_MAX)
			lua_settop(ctx->L, base + RNM_TPL_ARGS_MAX);
		ctx->run->position = start + filter->offset;
		if (!eval_filter(ctx, filter, base))
			return false;
	}
	return true;
}

bool rnm_tpl_eval_pipe(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_pipe *pipe, int results)
{
	int base = lua_gettop(ctx->L);

	if (pipe->filters == NULL)
		return rnm_tpl_eval_code(ctx, &pipe->base, false, results);
	if (!rnm_tpl_eval_code(ctx, &pipe->base, false, 1) || !rnm_tpl_eval_filters(ctx, pipe->filters, base))
		return false;
	lua_settop(ctx->L, results == LUA_MULTRET ? lua_gettop(ctx->L) : base + results);
	return true;
}
