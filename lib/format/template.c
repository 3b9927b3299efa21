/* SPDX-License-Identifier: Apache-2.0 */
#include "format/template_engine.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* Copies of the options' strings; far above any environment. */
#define OPTION_BYTES_MAX ((size_t)64 << 20)
/* Memory for the collection of garbage after a failure. */
#define CLEAN_UP_BYTES ((size_t)64 << 10)

static bool copy_vars(struct rnm_arena *arena, const struct rnm_template_var **vars, size_t count)
{
	const struct rnm_template_var *from = *vars;
	struct rnm_template_var *to;

	if (count == 0)
		return true;
	if (count > OPTION_BYTES_MAX / sizeof(*to))
		return false;
	to = rnm_arena_alloc(arena, count * sizeof(*to));
	if (to == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *value = from[i].value != NULL ? from[i].value : "";

		to[i] = from[i];
		to[i].name = rnm_arena_strndup(arena, from[i].name, strlen(from[i].name));
		to[i].value = rnm_arena_strndup(arena, value, strlen(value));
		if (to[i].name == NULL || to[i].value == NULL)
			return false;
	}
	*vars = to;
	return true;
}

enum rnm_status rnm_template_new(struct rnm_template **out, const struct rnm_template_options *options,
                                 struct rnm_error *err)
{
	struct rnm_template *engine = calloc(1, sizeof(*engine));

	*out = NULL;
	if (engine == NULL)
		return rnm_error_nomem(err);
	engine->options = *options;
	if (engine->options.max_lua_bytes > SIZE_MAX / 2)
		engine->options.max_lua_bytes = SIZE_MAX / 2;
	engine->steps_left = options->max_lua_steps;
	engine->seconds_left = options->max_lua_seconds;
	rnm_arena_init(&engine->strings, OPTION_BYTES_MAX);
	if (!copy_vars(&engine->strings, &engine->options.env, options->env_count) ||
	    !copy_vars(&engine->strings, &engine->options.paths, options->path_count)) {
		rnm_template_free(engine);
		return rnm_error_nomem(err);
	}
	*out = engine;
	return RNM_OK;
}

void rnm_template_free(struct rnm_template *engine)
{
	if (engine == NULL)
		return;
	if (engine->lua != NULL)
		lua_close(engine->lua);
	rnm_arena_free(&engine->strings);
	free(engine);
}

/* memchr and not memmem: glibc looks for two bytes one by one, which was a seventh of a cold start. */
static const char *find_crlf(const char *text, size_t len)
{
	const char *end = len > 0 ? text + len : text; /* text may be NULL when it is empty */

	while (len > 1) {
		const char *cr = memchr(text, '\r', len - 1);

		if (cr == NULL || cr[1] == '\n')
			return cr;
		text = cr + 1;
		len = (size_t)(end - text);
	}
	return NULL;
}

static bool has_tag(const char *text, size_t len)
{
	const char *end = len > 0 ? text + len : text; /* text may be NULL when it is empty */

	while (len > 0) {
		const char *brace = memchr(text, '{', len);

		if (brace == NULL || brace + 1 == end)
			return false;
		if (brace[1] == '%' || brace[1] == '=' || brace[1] == '#')
			return true;
		text = brace + 1;
		len = (size_t)(end - text);
	}
	return false;
}

bool rnm_template_needed(const char *text, size_t len)
{
	return has_tag(text, len) || find_crlf(text, len) != NULL;
}

/* A copy of text with CR LF pairs made LF; a lone CR stays. */
static enum rnm_status join_lines(struct rnm_buf *out, const char *text, size_t len, struct rnm_error *err)
{
	rnm_buf_init(out, len);
	if (!rnm_buf_reserve(out, len))
		return rnm_error_nomem(err);
	while (len > 0) {
		const char *pair = find_crlf(text, len);
		size_t take = pair == NULL ? len : (size_t)(pair - text);

		(void)rnm_buf_append(out, text, take);
		take += pair == NULL ? 0 : 1;
		text += take;
		len -= take;
	}
	return RNM_OK;
}

/* Runs in protected mode: everything that may raise a Lua error is below here. */
static int evaluate(lua_State *L)
{
	struct rnm_tpl_run *run = lua_touserdata(L, 1);
	struct rnm_tpl_ctx ctx = { .run = run, .L = L };

	lua_settop(L, 0);
	lua_newtable(L);
	lua_setfield(L, LUA_REGISTRYINDEX, RNM_TPL_CACHE);
	/* Names that this file sets go with it. */
	lua_getfield(L, LUA_REGISTRYINDEX, RNM_TPL_GLOBALS);
	rnm_tpl_push_scope(L, 1);
	ctx.scope = 2;
	if (!rnm_tpl_eval_nodes(&ctx, run->root))
		return luaL_error(L, "failed");
	return 0;
}

/* Frees what a failed run left behind, so that it does not count against the next file. */
static int collect(lua_State *L)
{
	lua_pushnil(L);
	lua_setfield(L, LUA_REGISTRYINDEX, RNM_TPL_CACHE);
	(void)lua_gc(L, LUA_GCCOLLECT, 0);
	return 0;
}

/* Nothing may stop this: not the clock, not the counter, not the lack of memory that it is to end. */
static void clean_up(struct rnm_template *engine)
{
	engine->run = NULL;
	engine->reserve = CLEAN_UP_BYTES;
	(void)lua_sethook(engine->lua, NULL, 0, 0);
	(void)lua_cpcall(engine->lua, collect, NULL);
	lua_settop(engine->lua, 0);
	rnm_tpl_lua_count(engine);
	engine->reserve = 0;
}

static void evaluate_with_lua(struct rnm_template *engine, struct rnm_tpl_run *run)
{
	double start = rnm_clock_monotonic();

	engine->deadline = start + engine->seconds_left;
	engine->alloc_fault = RNM_TPL_NO_FAULT;
	engine->run = run;
	/* The first step reads the clock: an engine whose time is up does nothing more. */
	engine->unclocked = UINT64_MAX / 2;
	run->serial = ++engine->serial;
	if (lua_cpcall(engine->lua, evaluate, run) != 0) {
		if (run->fault.kind == RNM_TPL_NO_FAULT && engine->alloc_fault != RNM_TPL_NO_FAULT)
			rnm_tpl_fault_plain(run, engine->alloc_fault, engine->alloc_cause);
		if (run->fault.kind == RNM_TPL_NO_FAULT)
			rnm_tpl_fault_at(run, RNM_TPL_RUNTIME_FAULT, run->position,
			                 lua_isstring(engine->lua, -1) ? lua_tostring(engine->lua, -1)
			                                               : "unknown error");
		if (!run->fault.has_pos)
			rnm_tpl_fault_place(run, run->position);
		lua_settop(engine->lua, 0);
		clean_up(engine);
	}
	engine->run = NULL;
	engine->seconds_left -= rnm_clock_monotonic() - start;
}

static enum rnm_status run_template(struct rnm_template *engine, struct rnm_tpl_run *run,
                                    struct rnm_error *err)
{
	struct rnm_tpl_ctx ctx = { .run = run };

	if (!rnm_tpl_parse(run))
		return rnm_tpl_fault_error(run, err);
	if (!run->needs_lua) {
		(void)rnm_tpl_eval_nodes(&ctx, run->root);
	} else {
		enum rnm_status status = engine->lua == NULL ? rnm_tpl_lua_start(engine, err) : RNM_OK;

		if (status != RNM_OK)
			return status;
		evaluate_with_lua(engine, run);
	}
	return run->fault.kind == RNM_TPL_NO_FAULT ? RNM_OK : rnm_tpl_fault_error(run, err);
}

static enum rnm_status append_result(struct rnm_buf *out, const char *data, size_t len, struct rnm_error *err)
{
	if (rnm_buf_append(out, data, len))
		return RNM_OK;
	if (len > out->max || out->len > out->max - len)
		return rnm_error_set(
		    err, RNM_E_MALFORMED, "config.limit",
		    "expected templates whose output fits into the limit on configuration sizes, "
		    "found more output");
	return rnm_error_nomem(err);
}

static enum rnm_status expand(struct rnm_template *engine, const char *text, size_t len, struct rnm_buf *out,
                              struct rnm_error *err)
{
	struct rnm_tpl_run *run = calloc(1, sizeof(*run));
	enum rnm_status status;

	if (run == NULL)
		return rnm_error_nomem(err);
	run->engine = engine;
	run->text = text;
	run->len = len;
	/* The tree counts separately from Lua's memory, with the same limit. */
	rnm_arena_init(&run->arena, engine->options.max_lua_bytes);
	rnm_buf_init(&run->out, engine->options.max_output_bytes);
	rnm_buf_init(&run->marks, engine->options.max_lua_bytes);
	status = run_template(engine, run, err);
	if (status == RNM_OK)
		status = append_result(out, run->out.data, run->out.len, err);
	rnm_buf_free(&run->out);
	rnm_buf_free(&run->marks);
	rnm_buf_free(&run->scratch);
	rnm_arena_free(&run->json);
	rnm_arena_free(&run->arena);
	free(run);
	return status;
}

/* text has had its CR LF pairs joined: what looks like one now (from CR CR LF) stays. */
static enum rnm_status expand_lines(struct rnm_template *engine, const char *text, size_t len,
                                    struct rnm_buf *out, struct rnm_error *err)
{
	if (has_tag(text, len))
		return expand(engine, text, len, out, err);
	if (len > engine->options.max_output_bytes)
		return rnm_error_set(err, RNM_E_MALFORMED, "config.limit",
		                     "expected a configuration text of at most %zu bytes, found %zu",
		                     engine->options.max_output_bytes, len);
	return append_result(out, text, len, err);
}

enum rnm_status rnm_template_expand(struct rnm_template *engine, const char *text, size_t len,
                                    struct rnm_buf *out, struct rnm_error *err)
{
	struct rnm_buf joined;
	enum rnm_status status;

	if (find_crlf(text, len) == NULL)
		return expand_lines(engine, text, len, out, err);
	status = join_lines(&joined, text, len, err);
	if (status == RNM_OK)
		status = expand_lines(engine, rnm_buf_cstr(&joined), joined.len, out, err);
	rnm_buf_free(&joined);
	return status;
}
