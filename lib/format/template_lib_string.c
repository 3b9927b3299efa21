/* SPDX-License-Identifier: Apache-2.0 */
/* The string functions whose work is not bounded by the size of their result. */
#include "format/template_engine.h"

#include <lualib.h>
#include <string.h>

struct rnm_bytes rnm_tpl_check_bytes(lua_State *L, int index)
{
	struct rnm_bytes bytes;

	bytes.data = luaL_checklstring(L, index, &bytes.len);
	return bytes;
}

static bool has_specials(struct rnm_bytes pattern)
{
	for (size_t i = 0; i < pattern.len; i++)
		if (memchr("^$*+?.([%-", pattern.data[i], 10) != NULL)
			return true;
	return false;
}

/* The 0-based start of a search, from Lua's 1-based and possibly negative third argument. */
static size_t search_start(lua_State *L, size_t len)
{
	double init = luaL_optnumber(L, 3, 1);

	if (init < 0)
		init += (double)len + 1;
	if (!(init > 1))
		return 0;
	return init - 1 >= (double)len ? len : (size_t)init - 1;
}

static int find_plain(lua_State *L, struct rnm_bytes subject, struct rnm_bytes text, size_t start)
{
	const char *found;

	rnm_tpl_spend_or_raise(L, 1 + subject.len / 32);
	found = memmem(subject.data + start, subject.len - start, text.data, text.len);
	if (found == NULL) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, found - subject.data + 1);
	lua_pushinteger(L, found - subject.data + (ptrdiff_t)text.len);
	return 2;
}

/* The first match at or after *s; NULL when there is none.  A leading ^ pins it to *s. */
static const char *search(struct rnm_tpl_match *m, struct rnm_bytes pattern, const char **s)
{
	bool anchored = pattern.len > 0 && pattern.data[0] == '^';
	const char *p = pattern.data + (anchored ? 1 : 0);

	do {
		const char *end;

		m->captures = 0;
		end = rnm_tpl_match_at(m, *s, p);
		if (end != NULL)
			return end;
	} while (!anchored && (*s)++ < m->subject_end);
	return NULL;
}

static int find_or_match(lua_State *L, bool find)
{
	struct rnm_bytes subject = rnm_tpl_check_bytes(L, 1);
	struct rnm_bytes pattern = rnm_tpl_check_bytes(L, 2);
	size_t start = search_start(L, subject.len);
	const char *s = subject.data + start;
	struct rnm_tpl_match m;
	const char *end;

	if (find && (lua_toboolean(L, 4) || !has_specials(pattern)))
		return find_plain(L, subject, pattern, start);
	rnm_tpl_match_init(&m, L, subject, pattern);
	end = search(&m, pattern, &s);
	if (end == NULL) {
		lua_pushnil(L);
		return 1;
	}
	if (!find)
		return rnm_tpl_push_captures(&m, s, end);
	lua_pushinteger(L, s - subject.data + 1);
	lua_pushinteger(L, end - subject.data);
	return rnm_tpl_push_captures(&m, NULL, NULL) + 2;
}

static int string_find(lua_State *L)
{
	return find_or_match(L, true);
}

static int string_match(lua_State *L)
{
	return find_or_match(L, false);
}

/* Upvalues: subject, pattern, offset of the next search. */
static int gmatch_next(lua_State *L)
{
	struct rnm_bytes subject = rnm_tpl_check_bytes(L, lua_upvalueindex(1));
	struct rnm_bytes pattern = rnm_tpl_check_bytes(L, lua_upvalueindex(2));
	size_t at = (size_t)lua_tointeger(L, lua_upvalueindex(3));
	struct rnm_tpl_match m;

	rnm_tpl_match_init(&m, L, subject, pattern);
	/* Here a ^ is an ordinary character, as in Lua 5.1. */
	for (; at <= subject.len; at++) {
		const char *s = subject.data + at;
		const char *end;

		m.captures = 0;
		end = rnm_tpl_match_at(&m, s, pattern.data);
		if (end != NULL) {
			lua_pushinteger(L, end - subject.data + (end == s ? 1 : 0));
			lua_replace(L, lua_upvalueindex(3));
			return rnm_tpl_push_captures(&m, s, end);
		}
	}
	return 0;
}

static int string_gmatch(lua_State *L)
{
	(void)rnm_tpl_check_bytes(L, 1);
	(void)rnm_tpl_check_bytes(L, 2);
	lua_settop(L, 2);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, gmatch_next, 3);
	return 1;
}

static void add_template(struct rnm_tpl_match *m, luaL_Buffer *out, struct rnm_bytes text, const char *s,
                         const char *end)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c != '%') {
			luaL_addchar(out, c);
			continue;
		}
		c = ++i < text.len ? text.data[i] : '\0';
		if (c == '0') {
			luaL_addlstring(out, s, (size_t)(end - s));
		} else if (c >= '1' && c <= '9') {
			rnm_tpl_push_capture(m, c - '1', s, end);
			luaL_addvalue(out);
		} else {
			luaL_addchar(out, c);
		}
	}
	/* Every copy counts: a long replacement for each of many matches is work, too. */
	rnm_tpl_spend_or_raise(m->L, 1 + text.len / 32);
}

/* The text that replaces the match [s, end), whose kind of replacement is at stack index 3. */
static void add_replacement(struct rnm_tpl_match *m, luaL_Buffer *out, const char *s, const char *end)
{
	lua_State *L = m->L;

	switch (lua_type(L, 3)) {
	case LUA_TFUNCTION:
		lua_pushvalue(L, 3);
		lua_call(L, rnm_tpl_push_captures(m, s, end), 1);
		break;
	case LUA_TTABLE:
		rnm_tpl_push_capture(m, 0, s, end);
		lua_gettable(L, 3);
		break;
	default:
		add_template(m, out, rnm_tpl_check_bytes(L, 3), s, end);
		return;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		lua_pushlstring(L, s, (size_t)(end - s));
	} else if (!lua_isstring(L, -1)) {
		(void)luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
	}
	luaL_addvalue(out);
}

int rnm_tpl_string_gsub(lua_State *L)
{
	struct rnm_bytes subject = rnm_tpl_check_bytes(L, 1);
	struct rnm_bytes pattern = rnm_tpl_check_bytes(L, 2);
	int type = lua_type(L, 3);
	double max = luaL_optnumber(L, 4, (double)subject.len + 1);
	bool anchored = pattern.len > 0 && pattern.data[0] == '^';
	const char *s = subject.data;
	struct rnm_tpl_match m;
	luaL_Buffer out;
	int count = 0;

	if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TTABLE && type != LUA_TFUNCTION)
		return luaL_argerror(L, 3, "string/function/table expected");
	lua_settop(L, 3);
	rnm_tpl_match_init(&m, L, subject, pattern);
	luaL_buffinit(L, &out);
	while (count < max) {
		const char *end;

		m.captures = 0;
		end = rnm_tpl_match_at(&m, s, pattern.data + (anchored ? 1 : 0));
		if (end != NULL) {
			count++;
			add_replacement(&m, &out, s, end);
		}
		if (end != NULL && end > s)
			s = end;
		else if (s < m.subject_end)
			luaL_addchar(&out, *s++);
		else
			break;
		if (anchored)
			break;
	}
	luaL_addlstring(&out, s, (size_t)(m.subject_end - s));
	luaL_pushresult(&out);
	lua_pushinteger(L, count);
	return 2;
}

/* rep(s, n [, separator]); the separator is LuaJIT's. */
static int string_rep(lua_State *L)
{
	struct rnm_bytes text = rnm_tpl_check_bytes(L, 1);
	double times = luaL_checknumber(L, 2);
	size_t sep_len = 0;
	const char *sep = luaL_optlstring(L, 3, "", &sep_len);
	double total;
	luaL_Buffer out;

	if (!(times >= 1)) {
		lua_pushliteral(L, "");
		return 1;
	}
	total = (double)(text.len + sep_len) * times;
	if (total >= (double)RNM_TPL_BLOCK_MAX)
		return rnm_tpl_raise_limit(L,
		                           "expected strings of at most 4 MiB in templates, found a call of "
		                           "string.rep that makes a longer one");
	if (text.len + sep_len == 0) {
		lua_pushliteral(L, "");
		return 1;
	}
	rnm_tpl_spend_or_raise(L, 1 + (uint64_t)total / 32 + (uint64_t)times / 4);
	luaL_buffinit(L, &out);
	for (size_t i = 0, n = (size_t)times; i < n; i++) {
		if (i > 0)
			luaL_addlstring(&out, sep, sep_len);
		luaL_addlstring(&out, text.data, text.len);
	}
	luaL_pushresult(&out);
	return 1;
}

/*
 * As LuaJIT, %s takes a value of any type.  Everything else is Lua's own, which limits widths to two
 * digits.
 */
int rnm_tpl_string_format(lua_State *L)
{
	struct rnm_bytes format = rnm_tpl_check_bytes(L, 1);
	int arg = 1;

	rnm_tpl_spend_or_raise(L, 1 + format.len / 8);
	for (size_t i = 0; i < format.len; i++) {
		if (format.data[i] != '%')
			continue;
		if (++i < format.len && format.data[i] == '%')
			continue;
		while (i < format.len && memchr("-+ #0123456789.", format.data[i], 15) != NULL)
			i++;
		arg++;
		if (i >= format.len || format.data[i] != 's')
			continue;
		if (lua_isnone(L, arg))
			return luaL_argerror(L, arg, "value expected");
		rnm_tpl_push_tostring(L, arg);
		rnm_tpl_spend_or_raise(L, 1 + lua_objlen(L, -1) / 32);
		lua_replace(L, arg);
	}
	lua_getfield(L, LUA_REGISTRYINDEX, RNM_TPL_LIBRARY);
	lua_getfield(L, -1, LUA_STRLIBNAME);
	lua_getfield(L, -1, "format");
	lua_insert(L, 1);
	lua_pop(L, 2);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

void rnm_tpl_open_string(lua_State *L)
{
	static const luaL_Reg functions[] = { { "find", string_find },
		                              { "match", string_match },
		                              { "gmatch", string_gmatch },
		                              { "gsub", rnm_tpl_string_gsub },
		                              { "rep", string_rep },
		                              { "format", rnm_tpl_string_format },
		                              { NULL, NULL } };

	for (const luaL_Reg *f = functions; f->name != NULL; f++) {
		lua_pushcfunction(L, f->func);
		lua_setfield(L, -2, f->name);
	}
	/* Methods of strings find the same functions. */
	lua_pushliteral(L, "");
	if (lua_getmetatable(L, -1) == 0)
		lua_newtable(L);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
}
