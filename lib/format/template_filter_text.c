/* SPDX-License-Identifier: Apache-2.0 */
/* Filters from text to text. */
#include "format/template_engine.h"

#include <string.h>

#define STRING_DEPTH_MAX 100
#define INDENT_MAX 99999

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static struct rnm_bytes text_of(lua_State *L)
{
	struct rnm_bytes text = rnm_tpl_check_bytes(L, 1);

	rnm_tpl_spend_or_raise(L, 1 + text.len / 16);
	return text;
}

/* rspamd calls a string method here, which numbers do not have. */
static struct rnm_bytes string_of(lua_State *L, const char *method)
{
	rnm_tpl_need_string(L, 1, method);
	return text_of(L);
}

/* For filters that start with the length of their input. */
static struct rnm_bytes measured_string(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TSTRING)
		(void)rnm_tpl_raise_type(L, "get length of", "s", 1);
	return text_of(L);
}

static int filter_default(lua_State *L)
{
	lua_settop(L, 3);
	if (lua_isnil(L, 1) || (lua_toboolean(L, 3) && !lua_toboolean(L, 1)))
		lua_pushvalue(L, 2);
	else
		lua_pushvalue(L, 1);
	return 1;
}

static int push_mapped(lua_State *L, struct rnm_bytes text, char (*map)(char))
{
	luaL_Buffer out;

	luaL_buffinit(L, &out);
	for (size_t i = 0; i < text.len; i++)
		luaL_addchar(&out, map(text.data[i]));
	luaL_pushresult(&out);
	return 1;
}

static int filter_lower(lua_State *L)
{
	return push_mapped(L, text_of(L), lower);
}

static int filter_upper(lua_State *L)
{
	return push_mapped(L, text_of(L), upper);
}

static int filter_capitalize(lua_State *L)
{
	struct rnm_bytes text = string_of(L, "match");
	luaL_Buffer out;

	luaL_buffinit(L, &out);
	for (size_t i = 0; i < text.len; i++)
		luaL_addchar(&out, i == 0 ? upper(text.data[i]) : lower(text.data[i]));
	luaL_pushresult(&out);
	return 1;
}

/* Words end at white space and `-`.  Their number goes to the next filter, as that of replace. */
static int filter_title(lua_State *L)
{
	struct rnm_bytes text = string_of(L, "gsub");
	luaL_Buffer out;
	bool start = true;
	size_t words = 0;

	luaL_buffinit(L, &out);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		bool between = rnm_tpl_is_space(c) || c == '-';

		words += start && !between ? 1 : 0;
		luaL_addchar(&out, start ? upper(c) : lower(c));
		start = between;
	}
	luaL_pushresult(&out);
	lua_pushnumber(L, (double)words);
	return 2;
}

static int filter_trim(lua_State *L)
{
	struct rnm_bytes text = string_of(L, "gsub");

	while (text.len > 0 && rnm_tpl_is_space(text.data[text.len - 1]))
		text.len--;
	while (text.len > 0 && rnm_tpl_is_space(text.data[0])) {
		text.data++;
		text.len--;
	}
	lua_pushlstring(L, text.data, text.len);
	return 1;
}

static void add_spaces(luaL_Buffer *out, size_t count)
{
	for (; count > 0; count--)
		luaL_addchar(out, ' ');
}

/* center([width]): an odd space goes to the left. */
static int filter_center(lua_State *L)
{
	size_t len = lua_istable(L, 1) ? lua_objlen(L, 1) : measured_string(L).len;
	double width = luaL_optnumber(L, 2, 80);
	struct rnm_bytes text;
	luaL_Buffer out;
	size_t pad;

	/* rspamd measures a table by its elements and prints its address. */
	rnm_tpl_push_tostring(L, 1);
	lua_replace(L, 1);
	text = text_of(L);
	if (width >= (double)RNM_TPL_BLOCK_MAX)
		return rnm_tpl_raise_limit(
		    L, "expected strings of at most 4 MiB in templates, found a wider center");
	pad = width > (double)len ? (size_t)width - len : 0;
	rnm_tpl_spend_or_raise(L, 1 + pad / 8);
	luaL_buffinit(L, &out);
	add_spaces(&out, pad - pad / 2);
	luaL_addlstring(&out, text.data, text.len);
	add_spaces(&out, pad / 2);
	luaL_pushresult(&out);
	return 1;
}

/* indent(width [, first]): blank lines are left alone. */
static int filter_indent(lua_State *L)
{
	struct rnm_bytes text = string_of(L, "gsub");
	bool first = lua_toboolean(L, 3) != 0;
	double width;
	luaL_Buffer out;

	if (!lua_isnumber(L, 2))
		return luaL_error(L, "bad argument #1 to 'rep' (number expected, got %s)",
		                  lua_isnone(L, 2) ? "nil" : luaL_typename(L, 2));
	width = lua_tonumber(L, 2);
	if (width >= INDENT_MAX + 1)
		return rnm_tpl_raise_limit(L, "expected indents below 100000, found a deeper one");
	luaL_buffinit(L, &out);
	for (size_t i = 0; i < text.len; i++) {
		bool line_start = i == 0 ? first : text.data[i - 1] == '\n';

		if (line_start && text.data[i] != '\n' && width >= 1) {
			rnm_tpl_spend_or_raise(L, 1 + (uint64_t)width / 8);
			add_spaces(&out, (size_t)width);
		}
		luaL_addchar(&out, text.data[i]);
	}
	luaL_pushresult(&out);
	return 1;
}

/* truncate(length [, within words [, end]]): a word that is cut goes, unless asked to stay. */
static int filter_truncate(lua_State *L)
{
	struct rnm_bytes text = { NULL, 0 };
	const char *end;
	double max;
	size_t cut;
	size_t end_len;

	if (!lua_istable(L, 1))
		text = measured_string(L);
	if (lua_type(L, 2) != LUA_TNUMBER)
		return luaL_error(L, "attempt to compare number with %s",
		                  lua_isnone(L, 2) ? "nil" : luaL_typename(L, 2));
	max = lua_tonumber(L, 2);
	end = luaL_optlstring(L, 4, "...", &end_len);
	if ((double)lua_objlen(L, 1) <= max) {
		lua_pushvalue(L, 1);
		return 1;
	}
	rnm_tpl_need_string(L, 1, "sub");
	text.data = lua_tolstring(L, 1, &text.len);
	cut = max >= 1 ? (size_t)max : 0;
	while (!lua_toboolean(L, 3) && cut > 0 && rnm_tpl_is_word(text.data[cut - 1]))
		cut--;
	lua_pushlstring(L, text.data, cut);
	lua_pushlstring(L, end, end_len);
	lua_concat(L, 2);
	return 1;
}

static int filter_wordcount(lua_State *L)
{
	struct rnm_bytes text = string_of(L, "gsub");
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		if (!rnm_tpl_is_space(text.data[i]) && (i == 0 || rnm_tpl_is_space(text.data[i - 1])))
			count++;
	lua_pushnumber(L, (double)count);
	return 1;
}

/* Appends word to the line being filled, breaking lines (and, if asked, words) at width. */
static void wrap_word(luaL_Buffer *out, struct rnm_bytes word, size_t width, bool break_words, size_t *column)
{
	if (*column > 0 && *column + 1 + word.len > width) {
		luaL_addchar(out, '\n');
		*column = 0;
	} else if (*column > 0) {
		luaL_addchar(out, ' ');
		++*column;
	}
	while (break_words && word.len > width) {
		luaL_addlstring(out, word.data, width);
		luaL_addchar(out, '\n');
		word.data += width;
		word.len -= width;
	}
	luaL_addlstring(out, word.data, word.len);
	*column += word.len;
}

/* wordwrap([width [, break long words]]), line by line. */
static int filter_wordwrap(lua_State *L)
{
	struct rnm_bytes text = string_of(L, "gsub");
	double width = luaL_optnumber(L, 2, 79);
	bool break_words = lua_isnoneornil(L, 3) || lua_toboolean(L, 3);
	luaL_Buffer out;
	size_t column = 0;

	luaL_argcheck(L, width >= 1 && width < 1e9, 2, "width must be positive");
	luaL_buffinit(L, &out);
	for (size_t i = 0; i < text.len;) {
		size_t start = i;

		if (text.data[i] == '\n') {
			luaL_addchar(&out, '\n');
			column = 0;
			i++;
			continue;
		}
		if (rnm_tpl_is_space(text.data[i])) {
			i++;
			continue;
		}
		while (i < text.len && !rnm_tpl_is_space(text.data[i]))
			i++;
		wrap_word(&out, (struct rnm_bytes){ text.data + start, i - start }, (size_t)width,
		          break_words, &column);
	}
	luaL_pushresult(&out);
	return 1;
}

/* replace(pattern, replacement [, n]): a Lua pattern; the count goes to the next filter as well. */
static int filter_replace(lua_State *L)
{
	(void)text_of(L);
	lua_settop(L, 4);
	return rnm_tpl_string_gsub(L);
}

static int filter_format(lua_State *L)
{
	(void)text_of(L);
	return rnm_tpl_string_format(L);
}

/* Adds the list at index as rspamd shows it: elements in braces, strings in quotes, no keys. */
static void add_list(lua_State *L, struct rnm_buf *out, int index, int depth)
{
	int count = (int)lua_objlen(L, index);

	luaL_checkstack(L, 8, "list nested too deeply");
	if (depth > STRING_DEPTH_MAX)
		(void)rnm_tpl_raise_limit(
		    L, "expected at most 100 lists inside each other for the filter string, found more");
	(void)rnm_buf_putc(out, '{');
	for (int i = 1; i <= count; i++) {
		rnm_tpl_push_item(L, index, i);
		if (i > 1)
			(void)rnm_buf_puts(out, ", ");
		if (lua_istable(L, -1)) {
			add_list(L, out, lua_gettop(L), depth + 1);
		} else {
			const char *quote = lua_type(L, -1) == LUA_TSTRING ? "\"" : "";

			rnm_tpl_push_tostring(L, lua_gettop(L));
			(void)rnm_buf_puts(out, quote);
			(void)rnm_buf_append(out, lua_tostring(L, -1), lua_objlen(L, -1));
			(void)rnm_buf_puts(out, quote);
			lua_pop(L, 1);
		}
		lua_pop(L, 1);
	}
	(void)rnm_buf_putc(out, '}');
	if (out->failed)
		(void)rnm_tpl_raise_limit(
		    L, "expected strings of at most 4 MiB in templates, found a longer result of the "
		       "filter string");
}

static int filter_string(lua_State *L)
{
	struct rnm_buf *out = rnm_tpl_scratch(L);

	lua_settop(L, 1);
	if (!lua_istable(L, 1)) {
		rnm_tpl_push_tostring(L, 1);
		return 1;
	}
	add_list(L, out, 1, 1);
	lua_pushlstring(L, rnm_buf_cstr(out), out->len);
	return 1;
}

const struct rnm_tpl_filter_def rnm_tpl_text_filters[] = { { "default", filter_default, NULL },
	                                                   { "lower", filter_lower, "a string" },
	                                                   { "upper", filter_upper, "a string" },
	                                                   { "capitalize", filter_capitalize, "a string" },
	                                                   { "title", filter_title, "a string" },
	                                                   { "trim", filter_trim, "a string" },
	                                                   { "center", filter_center, "a string" },
	                                                   { "indent", filter_indent, "a string" },
	                                                   { "truncate", filter_truncate, "a string" },
	                                                   { "wordcount", filter_wordcount, "a string" },
	                                                   { "wordwrap", filter_wordwrap, "a string" },
	                                                   { "replace", filter_replace, "a string" },
	                                                   { "format", filter_format, "a string" },
	                                                   { "string", filter_string, NULL },
	                                                   { NULL, NULL, NULL } };
