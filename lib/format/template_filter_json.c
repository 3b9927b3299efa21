/* SPDX-License-Identifier: Apache-2.0 */
/* tojson, fromjson and the JSON test.  Buffers belong to the run, as a Lua error may end any of these. */
#include "format/template_engine.h"

#include <math.h>
#include <string.h>

#define JSON_DEPTH_MAX 100

/* Key of the registry: the metatable that marks empty objects, which without it look like empty arrays. */
#define OBJECT_MARK "rnm.object"

struct writer {
	lua_State *L;
	struct rnm_buf *out;
	bool pretty;
	int depth;
};

static void put(struct writer *w, const char *data, size_t len)
{
	rnm_tpl_spend_or_raise(w->L, 1 + len / 16);
	if (!rnm_buf_append(w->out, data, len))
		(void)rnm_tpl_raise_limit(
		    w->L, "expected strings of at most 4 MiB in templates, found a longer result of "
			  "tojson");
}

static void puts_text(struct writer *w, const char *text)
{
	put(w, text, strlen(text));
}

static void write_string(struct writer *w, struct rnm_bytes text)
{
	static const char escaped[] = "\n\r\b\t\f\\\"";
	static const char letters[] = "nrbtf\\\"";

	puts_text(w, "\"");
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		const char *special = c == 0 ? NULL : strchr(escaped, c);
		char code[8];
		size_t plain = i;

		if (special != NULL) {
			code[0] = '\\';
			code[1] = letters[special - escaped];
			put(w, code, 2);
			continue;
		}
		if (c < 0x20) {
			put(w, code, (size_t)snprintf(code, sizeof(code), "\\u%04x", c));
			continue;
		}
		while (plain < text.len && (unsigned char)text.data[plain] >= 0x20 &&
		       text.data[plain] != '"' && text.data[plain] != '\\')
			plain++;
		put(w, text.data + i, plain - i);
		i = plain - 1;
	}
	puts_text(w, "\"");
}

static void write_number(struct writer *w, double n)
{
	char text[400];

	if (!isfinite(n))
		puts_text(w, "null");
	else if (n == trunc(n) && fabs(n) < 9.2e18)
		put(w, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)n));
	else
		put(w, text, (size_t)snprintf(text, sizeof(text), "%.6f", n));
}

static void new_line(struct writer *w)
{
	if (!w->pretty)
		return;
	puts_text(w, "\n");
	for (int i = 0; i < w->depth; i++)
		puts_text(w, "    ");
}

/* Whether the table at index is an array: keys 1 to n and no other, or empty without a mark. */
static bool is_array(lua_State *L, int index)
{
	size_t count = 0;
	bool marked = lua_getmetatable(L, index) != 0;

	if (marked)
		lua_pop(L, 1);
	lua_pushnil(L);
	while (lua_next(L, index) != 0) {
		lua_pop(L, 1);
		count++;
	}
	rnm_tpl_spend_or_raise(L, 1 + count);
	return count == 0 ? !marked : count == lua_objlen(L, index);
}

static void write_value(struct writer *w, int index);

/* The members of the table at index: its elements, or sorted {key, value} pairs. */
static void write_members(struct writer *w, int index, bool array)
{
	lua_State *L = w->L;
	int list = lua_gettop(L) + 1;
	int count;

	if (array) {
		lua_pushvalue(L, index);
	} else {
		lua_pushcfunction(L, rnm_tpl_filter_items);
		lua_pushvalue(L, index);
		lua_call(L, 1, 1);
	}
	count = (int)lua_objlen(L, list);
	w->depth++;
	for (int i = 1; i <= count; i++) {
		if (i > 1)
			puts_text(w, ",");
		new_line(w);
		lua_rawgeti(L, list, i);
		if (!array) {
			lua_rawgeti(L, list + 1, 1);
			rnm_tpl_push_tostring(L, list + 2);
			write_string(w, rnm_tpl_check_bytes(L, -1));
			puts_text(w, w->pretty ? ": " : ":");
			lua_rawgeti(L, list + 1, 2);
		}
		write_value(w, lua_gettop(L));
		lua_settop(L, list);
	}
	lua_settop(L, list - 1);
	w->depth--;
	if (count > 0)
		new_line(w);
}

static void write_value(struct writer *w, int index)
{
	lua_State *L = w->L;

	luaL_checkstack(L, 12, "JSON nested too deeply");
	switch (lua_type(L, index)) {
	case LUA_TNIL:
	case LUA_TLIGHTUSERDATA:
		puts_text(w, "null");
		break;
	case LUA_TBOOLEAN:
		puts_text(w, lua_toboolean(L, index) ? "true" : "false");
		break;
	case LUA_TNUMBER:
		write_number(w, lua_tonumber(L, index));
		break;
	case LUA_TSTRING:
		write_string(w, rnm_tpl_check_bytes(L, index));
		break;
	case LUA_TTABLE: {
		bool array = is_array(L, index);

		if (w->depth >= JSON_DEPTH_MAX)
			(void)rnm_tpl_raise_limit(
			    L, "expected at most 100 tables inside each other for tojson, found more");
		puts_text(w, array ? "[" : "{");
		write_members(w, index, array);
		puts_text(w, array ? "]" : "}");
		break;
	}
	default:
		(void)luaL_error(L, "filter \"tojson\" cannot write a %s", luaL_typename(L, index));
		break;
	}
}

int rnm_tpl_filter_tojson(lua_State *L)
{
	struct writer writer = { L, rnm_tpl_scratch(L), lua_toboolean(L, 2) != 0, 0 };

	if (lua_isnone(L, 1))
		lua_settop(L, 1);
	write_value(&writer, 1);
	lua_pushlstring(L, writer.out->data, writer.out->len);
	return 1;
}

/* Marks the table on top as an object. */
static void mark_object(lua_State *L)
{
	lua_getfield(L, LUA_REGISTRYINDEX, OBJECT_MARK);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setfield(L, LUA_REGISTRYINDEX, OBJECT_MARK);
	}
	lua_setmetatable(L, -2);
}

static void push_value(lua_State *L, const struct rnm_value *value, int depth)
{
	size_t count = rnm_value_count(value);
	double number;

	luaL_checkstack(L, 8, "JSON nested too deeply");
	rnm_tpl_spend_or_raise(L, 1);
	switch ((enum rnm_type)value->type) {
	case RNM_NULL:
		lua_pushlightuserdata(L, NULL);
		return;
	case RNM_BOOL:
		lua_pushboolean(L, value->as.boolean);
		return;
	case RNM_STRING:
		lua_pushlstring(L, value->as.string.data, value->as.string.len);
		return;
	case RNM_INT:
	case RNM_FLOAT:
		lua_pushnumber(L, rnm_value_number(value, &number) ? number : 0);
		return;
	default:
		break;
	}
	if (depth >= JSON_DEPTH_MAX)
		(void)rnm_tpl_raise_limit(
		    L, "expected at most 100 containers inside each other for fromjson, found more");
	lua_newtable(L);
	for (size_t i = 0; i < count; i++) {
		const struct rnm_value *item = rnm_value_at(value, i);

		if (value->type == RNM_OBJECT)
			lua_pushlstring(L, item->key.data, item->key.len);
		push_value(L, item, depth + 1);
		if (value->type == RNM_OBJECT)
			lua_rawset(L, -3);
		else
			lua_rawseti(L, -2, (int)i + 1);
	}
	if (value->type == RNM_OBJECT && count == 0)
		mark_object(L);
}

static bool parse(lua_State *L, struct rnm_bytes text, struct rnm_value **out, struct rnm_error *err)
{
	struct rnm_tpl_run *run = rnm_tpl_engine(L)->run;

	rnm_tpl_spend_or_raise(L, 1 + text.len / 4);
	rnm_arena_free(&run->json);
	rnm_arena_init(&run->json, rnm_tpl_engine(L)->options.max_lua_bytes);
	return rnm_tpl_parse_json(out, &run->json, text, err) == RNM_OK;
}

int rnm_tpl_filter_fromjson(lua_State *L)
{
	struct rnm_value *value;
	struct rnm_error err;

	if (!parse(L, rnm_tpl_check_bytes(L, 1), &value, &err))
		return luaL_error(L, "filter \"fromjson\" cannot read its input: %s", err.message);
	push_value(L, value, 0);
	return 1;
}

bool rnm_tpl_is_json(lua_State *L, struct rnm_bytes text)
{
	struct rnm_value *value;

	return parse(L, text, &value, NULL);
}
