/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Lua state that evaluates expressions, and what keeps it within its limits:
 *   memory   the allocator counts bytes and refuses
 *   steps    a count hook, and rnm_tpl_spend() in every C function whose work grows with its input
 *   time     the clock is read every so many steps and every so many allocated bytes, because a few
 *            instructions (such as `..`) can copy megabytes between two calls of the hook
 * A template has no pcall, so nothing it does can swallow the error that follows.
 */
#include "format/template_engine.h"

#include "base/clock.h"

#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#define HOOK_STEPS 100
#define CLOCK_STEPS 400u
#define CLOCK_BYTES ((size_t)1 << 20)

static const char steps_cause[] =
    "expected templates that finish within the limit on Lua instructions, found more work";
static const char time_cause[] = "expected templates that finish within the limit on time, found more work";
static const char memory_cause[] =
    "expected templates that fit into the memory of the template engine, found more data";
static const char block_cause[] =
    "expected strings and tables of at most 4 MiB in templates, found a larger one";

struct rnm_template *rnm_tpl_engine(lua_State *L)
{
	void *engine;

	(void)lua_getallocf(L, &engine);
	return engine;
}

static bool in_time(struct rnm_template *engine)
{
	engine->unclocked = 0;
	engine->allocated = 0;
	return engine->run == NULL || rnm_clock_monotonic() <= engine->deadline;
}

bool rnm_tpl_spend(struct rnm_template *engine, uint64_t steps)
{
	if (steps > engine->steps_left) {
		engine->steps_left = 0;
		rnm_tpl_fault_plain(engine->run, RNM_TPL_LIMIT_FAULT, steps_cause);
		return false;
	}
	engine->steps_left -= steps;
	engine->unclocked += steps;
	if (engine->unclocked >= CLOCK_STEPS && !in_time(engine)) {
		rnm_tpl_fault_plain(engine->run, RNM_TPL_LIMIT_FAULT, time_cause);
		return false;
	}
	return true;
}

void rnm_tpl_spend_or_raise(lua_State *L, uint64_t steps)
{
	if (!rnm_tpl_spend(rnm_tpl_engine(L), steps))
		(void)luaL_error(L, "limit");
}

int rnm_tpl_raise_limit(lua_State *L, const char *cause)
{
	rnm_tpl_fault_plain(rnm_tpl_engine(L)->run, RNM_TPL_LIMIT_FAULT, cause);
	return luaL_error(L, "limit");
}

int rnm_tpl_raise_refusal(lua_State *L, const char *cause)
{
	rnm_tpl_fault_plain(rnm_tpl_engine(L)->run, RNM_TPL_REFUSED_FAULT, cause);
	return luaL_error(L, "refused");
}

static void count_hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	rnm_tpl_spend_or_raise(L, HOOK_STEPS);
}

void rnm_tpl_lua_count(struct rnm_template *engine)
{
	(void)lua_sethook(engine->lua, count_hook, LUA_MASKCOUNT, HOOK_STEPS);
}

static void *refuse_block(struct rnm_template *engine, enum rnm_tpl_fault_kind kind, const char *cause)
{
	engine->alloc_fault = kind;
	engine->alloc_cause = cause;
	return NULL;
}

static void *allocate(void *ud, void *ptr, size_t old_size, size_t new_size)
{
	struct rnm_template *engine = ud;
	void *block;

	if (new_size == 0) {
		free(ptr);
		engine->lua_bytes -= old_size;
		return NULL;
	}
	if (new_size > old_size) {
		size_t more = new_size - old_size;
		size_t max = engine->options.max_lua_bytes + engine->reserve;

		if (new_size > RNM_TPL_BLOCK_MAX)
			return refuse_block(engine, RNM_TPL_LIMIT_FAULT, block_cause);
		if (more > max || engine->lua_bytes > max - more)
			return refuse_block(engine, RNM_TPL_LIMIT_FAULT, memory_cause);
		engine->allocated += new_size;
		if (engine->allocated >= CLOCK_BYTES && !in_time(engine))
			return refuse_block(engine, RNM_TPL_LIMIT_FAULT, time_cause);
	}
	block = realloc(ptr, new_size);
	if (block == NULL && new_size > old_size)
		return refuse_block(engine, RNM_TPL_NOMEM_FAULT, "out of memory");
	/* Lua takes for granted that shrinking works; the larger block serves as well. */
	if (block == NULL)
		block = ptr;
	engine->lua_bytes = engine->lua_bytes - old_size + new_size;
	return block;
}

/* Opens a standard library and keeps only its table, in the registry. */
static void open_original(lua_State *L, const char *name, lua_CFunction open)
{
	lua_pushcfunction(L, open);
	lua_pushstring(L, name);
	lua_call(L, 1, 0);
	lua_getglobal(L, name);
	lua_setfield(L, -2, name);
	lua_pushnil(L);
	lua_setglobal(L, name);
}

static void push_vars(lua_State *L, const struct rnm_template_var *vars, size_t count)
{
	lua_createtable(L, 0, (int)count);
	for (size_t i = 0; i < count; i++) {
		if (vars[i].is_number)
			lua_pushnumber(L, vars[i].number);
		else
			lua_pushstring(L, vars[i].value);
		lua_setfield(L, -2, vars[i].name);
	}
}

/* Copies every member of the table on top into the table at index. */
static void copy_members(lua_State *L, int index)
{
	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, index);
	}
}

/*
 * The global names: every variable of env as a bare name, then the tables themselves; behind them the
 * library, of which a variable may hide a function, as in rspamd.
 */
static void open_globals(lua_State *L, const struct rnm_template_options *options)
{
	int globals;

	lua_newtable(L);
	rnm_tpl_open_library(L);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, RNM_TPL_FUNCTIONS);
	rnm_tpl_push_scope(L, lua_gettop(L));
	globals = lua_gettop(L);
	push_vars(L, options->env, options->env_count);
	copy_members(L, globals);
	lua_setfield(L, globals, "env");
	push_vars(L, options->paths, options->path_count);
	lua_setfield(L, globals, "paths");
	lua_setfield(L, LUA_REGISTRYINDEX, RNM_TPL_GLOBALS);
}

static int start(lua_State *L)
{
	struct rnm_template *engine = lua_touserdata(L, 1);

	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, RNM_TPL_LIBRARY);
	open_original(L, LUA_STRLIBNAME, luaopen_string);
	open_original(L, LUA_TABLIBNAME, luaopen_table);
	open_original(L, LUA_MATHLIBNAME, luaopen_math);
	open_original(L, LUA_OSLIBNAME, luaopen_os);
	lua_pop(L, 1);
	/* luaopen_* also register themselves as loaded modules; nothing here may find them. */
	lua_pushnil(L);
	lua_setfield(L, LUA_REGISTRYINDEX, "_LOADED");
	open_globals(L, &engine->options);
	return 0;
}

enum rnm_status rnm_tpl_lua_start(struct rnm_template *engine, struct rnm_error *err)
{
	enum rnm_tpl_fault_kind kind;

	engine->alloc_fault = RNM_TPL_NO_FAULT;
	engine->lua = lua_newstate(allocate, engine);
	if (engine->lua != NULL && lua_cpcall(engine->lua, start, engine) == 0) {
		rnm_tpl_lua_count(engine);
		return RNM_OK;
	}
	kind = engine->alloc_fault;
	if (engine->lua != NULL)
		lua_close(engine->lua);
	engine->lua = NULL;
	engine->lua_bytes = 0;
	if (kind == RNM_TPL_LIMIT_FAULT)
		return rnm_error_set(err, RNM_E_MALFORMED, "config.limit", "%s", engine->alloc_cause);
	return rnm_error_nomem(err);
}
