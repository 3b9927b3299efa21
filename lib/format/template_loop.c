/* SPDX-License-Identifier: Apache-2.0 */
/* The tag `for`: over the array part of a table, or over what an iterator function returns. */
#include "format/template_engine.h"

#include <string.h>

/* Where things are on the Lua stack during a loop. */
struct loop {
	const struct rnm_tpl_ctx *outer;
	struct rnm_tpl_ctx inner; /* variables of the loop */
	struct rnm_tpl_tag *tag;
	int source;  /* table or function; the iterator's state and control value follow */
	int object;  /* the table `loop` */
	bool direct; /* results of pairs and ipairs are used from the first one on */
	bool marks;  /* note where each item's output ends */
	double length;
	double index; /* of the current item among those that passed the condition */
};

static int cycle(lua_State *L)
{
	int count = lua_gettop(L);
	double index;

	lua_getfield(L, lua_upvalueindex(1), "index0");
	index = lua_tonumber(L, -1);
	lua_pop(L, 1);
	if (count == 0)
		return luaL_argerror(L, 1, "index out of range");
	lua_pushvalue(L, 1 + (int)(index - (double)count * (double)(long long)(index / count)));
	return 1;
}

static void set_number(lua_State *L, int table, const char *key, double n)
{
	lua_pushnumber(L, n);
	lua_setfield(L, table, key);
}

static void set_bool(lua_State *L, int table, const char *key, bool b)
{
	lua_pushboolean(L, b);
	lua_setfield(L, table, key);
}

static void push_loop_object(struct loop *loop)
{
	lua_State *L = loop->inner.L;

	lua_createtable(L, 0, 12);
	loop->object = lua_gettop(L);
	/* rspamd counts recursion here, which its tags cannot express: nested loops have depth 1, too. */
	set_number(L, loop->object, "depth", 1);
	set_number(L, loop->object, "depth0", 0);
	if (lua_istable(L, loop->source))
		set_number(L, loop->object, "length", loop->length);
	lua_pushvalue(L, loop->object);
	lua_pushcclosure(L, cycle, 1);
	lua_setfield(L, loop->object, "cycle");
}

/* Makes `loop` describe the current item. */
static void show_loop(struct loop *loop)
{
	lua_State *L = loop->inner.L;

	loop->index++;
	set_number(L, loop->object, "index", loop->index);
	set_number(L, loop->object, "index0", loop->index - 1);
	set_bool(L, loop->object, "first", loop->index == 1);
	if (lua_istable(L, loop->source)) {
		set_number(L, loop->object, "revindex", loop->length - loop->index + 1);
		set_number(L, loop->object, "revindex0", loop->length - loop->index);
		set_bool(L, loop->object, "last", loop->index == loop->length);
	} else {
		set_bool(L, loop->object, "last", false);
	}
	lua_pushliteral(L, "loop");
	lua_pushvalue(L, loop->object);
	lua_rawset(L, loop->inner.scope);
}

static bool is_original(lua_State *L, int index, const char *name)
{
	bool same;

	lua_getfield(L, LUA_REGISTRYINDEX, RNM_TPL_LIBRARY);
	lua_getfield(L, -1, name);
	same = lua_rawequal(L, -1, index) != 0;
	lua_pop(L, 2);
	return same;
}

/* Assigns the values at first..last of the stack; a single table is spread over several variables. */
static void assign(struct loop *loop, int first, int last)
{
	lua_State *L = loop->inner.L;
	const struct rnm_tpl_name *name = loop->tag->names;
	bool spread =
	    !loop->direct && name != NULL && name->next != NULL && first <= last && lua_istable(L, first);

	for (int i = 0; name != NULL; name = name->next, i++) {
		lua_pushlstring(L, name->text.data, name->text.len);
		if (spread)
			lua_rawgeti(L, first, i + 1);
		else if (first + i <= last)
			lua_pushvalue(L, first + i);
		else
			lua_pushnil(L);
		lua_rawset(L, loop->inner.scope);
	}
}

/* Pushes the values of the next item; sets *first to them, or to 0 at the end. */
static bool next_item(struct loop *loop, int step, int *first)
{
	lua_State *L = loop->inner.L;
	int base = lua_gettop(L);

	luaL_checkstack(L, 8, "template nested too deeply");
	*first = 0;
	if (lua_istable(L, loop->source)) {
		lua_rawgeti(L, loop->source, step);
		if (!lua_isnil(L, -1))
			*first = base + 1;
		return true;
	}
	lua_pushvalue(L, loop->source);
	lua_pushvalue(L, loop->source + 1);
	lua_pushvalue(L, loop->source + 2);
	if (!rnm_tpl_call(loop->outer, 2, LUA_MULTRET))
		return false;
	if (lua_gettop(L) == base || lua_isnil(L, base + 1))
		return true;
	if (lua_gettop(L) - base > RNM_TPL_ARGS_MAX)
		lua_settop(L, base + RNM_TPL_ARGS_MAX);
	lua_pushvalue(L, base + 1);
	lua_replace(L, loop->source + 2);
	*first = loop->direct ? base + 1 : base + 2;
	return true;
}

static bool passes(struct loop *loop, bool *yes)
{
	*yes = true;
	if (loop->tag->condition.base.text.data == NULL)
		return true;
	if (!rnm_tpl_eval_pipe(&loop->inner, &loop->tag->condition, 1))
		return false;
	*yes = lua_toboolean(loop->inner.L, -1) != 0;
	lua_pop(loop->inner.L, 1);
	return true;
}

static bool note_mark(struct loop *loop)
{
	struct rnm_tpl_run *run = loop->inner.run;

	if (!loop->marks || rnm_buf_append(&run->marks, &run->out.len, sizeof(run->out.len)))
		return true;
	rnm_tpl_fault_plain(
	    run, RNM_TPL_LIMIT_FAULT,
	    "expected loops that fit into the memory of the template engine, found more steps");
	return false;
}

static bool run_items(struct loop *loop)
{
	lua_State *L = loop->inner.L;
	int top = lua_gettop(L);

	for (int step = 1;; step++) {
		bool yes;
		int first;

		lua_settop(L, top);
		if (!rnm_tpl_spend(loop->inner.run->engine, 1) || !next_item(loop, step, &first))
			return false;
		if (first == 0)
			break;
		assign(loop, first, lua_gettop(L));
		lua_settop(L, top);
		if (!passes(loop, &yes))
			return false;
		if (!yes)
			continue;
		show_loop(loop);
		if (!rnm_tpl_eval_nodes(&loop->inner, loop->tag->body) || !note_mark(loop))
			return false;
	}
	lua_settop(L, top);
	return loop->index > 0 || rnm_tpl_eval_nodes(&loop->inner, loop->tag->otherwise);
}

/* Evaluates the list: leaves the iterator, its state and its control value at loop->source. */
static bool push_source(struct loop *loop)
{
	const struct rnm_tpl_ctx *ctx = loop->outer;
	struct rnm_tpl_pipe *pipe = &loop->tag->pipe;

	loop->source = lua_gettop(ctx->L) + 1;
	ctx->run->position = loop->tag->list_pos;
	if (!rnm_tpl_eval_pipe(ctx, pipe, 3)) {
		/* rspamd evaluates a list with filters one level deeper, and its message shows it. */
		if (pipe->filters != NULL && ctx->run->fault.kind == RNM_TPL_RUNTIME_FAULT)
			rnm_tpl_fault_place(ctx->run, ctx->run->fault.pos);
		return false;
	}
	if (!lua_toboolean(ctx->L, loop->source)) {
		/* nil, an unknown name and false are empty lists. */
		lua_newtable(ctx->L);
		lua_replace(ctx->L, loop->source);
	}
	if (!lua_istable(ctx->L, loop->source) && !lua_isfunction(ctx->L, loop->source)) {
		char cause[96] = "attempt to call local 'generator' (a ";

		strncat(cause, luaL_typename(ctx->L, loop->source), 16);
		strncat(cause, " value)", 8);
		rnm_tpl_fault_at(ctx->run, RNM_TPL_PLAIN_FAULT, ctx->run->position, cause);
		ctx->run->fault.hint =
		    "a loop needs a table or an iterator: split strings with |split(\",\")";
		return false;
	}
	loop->direct =
	    is_original(ctx->L, loop->source, "next") || is_original(ctx->L, loop->source, "inext");
	loop->length = (double)lua_objlen(ctx->L, loop->source);
	return true;
}

bool rnm_tpl_eval_for(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_tag *tag, bool marks)
{
	struct loop loop = { .outer = ctx, .inner = *ctx, .tag = tag, .marks = marks };
	size_t position;
	bool ok;

	luaL_checkstack(ctx->L, 16, "template nested too deeply");
	if (!push_source(&loop))
		return false;
	rnm_tpl_push_scope(ctx->L, ctx->scope);
	loop.inner.scope = lua_gettop(ctx->L);
	push_loop_object(&loop);
	ctx->run->repeat++;
	position = ctx->run->position;
	ok = run_items(&loop);
	ctx->run->position = position;
	ctx->run->repeat--;
	return ok;
}
