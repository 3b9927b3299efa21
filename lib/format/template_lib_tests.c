/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests: plain functions is_NAME(value, ...).  Where rspamd's own would fail inside Lua, the error
 * is in Lua's words.  A few tests exist whose answer for some inputs is not known; those refuse.
 */
#include "format/template_engine.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static int answer(lua_State *L, bool yes)
{
	lua_pushboolean(L, yes);
	return 1;
}

/* The number that Lua's arithmetic would see. */
static double operand(lua_State *L, int index, const char *name)
{
	if (!lua_isnumber(L, index))
		(void)rnm_tpl_raise_type(L, "perform arithmetic on", name, index);
	return lua_tonumber(L, index);
}

static double modulo(double a, double b)
{
	return a - floor(a / b) * b;
}

int rnm_tpl_bool_word(lua_State *L, int index)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
	const char *text;

	if (lua_isboolean(L, index))
		return lua_toboolean(L, index);
	if (!lua_isstring(L, index))
		return -1;
	lua_pushvalue(L, index);
	text = lua_tostring(L, -1);
	for (int i = 0; i < 8; i++) {
		if (strcasecmp(text, words[i]) == 0 && strlen(text) == lua_objlen(L, -1)) {
			lua_pop(L, 1);
			return i % 2;
		}
	}
	lua_pop(L, 1);
	return -1;
}

static int is_true(lua_State *L)
{
	return answer(L, rnm_tpl_bool_word(L, 1) == 1);
}

static int is_false(lua_State *L)
{
	return answer(L, rnm_tpl_bool_word(L, 1) == 0);
}

static int is_defined(lua_State *L)
{
	return answer(L, !lua_isnoneornil(L, 1));
}

static int is_nil(lua_State *L)
{
	return answer(L, lua_isnoneornil(L, 1));
}

static int is_string(lua_State *L)
{
	return answer(L, lua_type(L, 1) == LUA_TSTRING);
}

static int is_number(lua_State *L)
{
	return answer(L, lua_type(L, 1) == LUA_TNUMBER);
}

/* Whether these tests look into strings is not known, so strings that could matter are refused. */
static void refuse_text_of(lua_State *L, bool matters, const char *test)
{
	char cause[160];

	if (!matters || lua_type(L, 1) != LUA_TSTRING)
		return;
	strcpy(cause, "expected a value that is no string for ");
	strncat(cause, test, 32);
	strncat(cause, ", found one: write tonumber(x) or is_true(x) or is_false(x) to say what is meant",
	        100);
	(void)rnm_tpl_raise_refusal(L, cause);
}

static int is_integer(lua_State *L)
{
	double n = lua_tonumber(L, 1);

	refuse_text_of(L, lua_isnumber(L, 1) != 0, "is_integer");
	return answer(L, lua_type(L, 1) == LUA_TNUMBER && isfinite(n) && n == floor(n));
}

static int is_float(lua_State *L)
{
	double n = lua_tonumber(L, 1);

	refuse_text_of(L, lua_isnumber(L, 1) != 0, "is_float");
	return answer(L, lua_type(L, 1) == LUA_TNUMBER && !(isfinite(n) && n == floor(n)));
}

static int is_boolean(lua_State *L)
{
	refuse_text_of(L, rnm_tpl_bool_word(L, 1) >= 0, "is_boolean");
	return answer(L, lua_isboolean(L, 1));
}

static int is_table(lua_State *L)
{
	return answer(L, lua_istable(L, 1));
}

static bool sequence(lua_State *L)
{
	return lua_istable(L, 1) && lua_objlen(L, 1) > 0;
}

static int is_sequence(lua_State *L)
{
	return answer(L, sequence(L));
}

static int is_callable(lua_State *L)
{
	return answer(L, lua_isfunction(L, 1));
}

static int is_iterable(lua_State *L)
{
	return answer(L, lua_isfunction(L, 1) || sequence(L));
}

static int is_odd(lua_State *L)
{
	return answer(L, modulo(operand(L, 1, "n"), 2) == 1);
}

static int is_even(lua_State *L)
{
	return answer(L, modulo(operand(L, 1, "n"), 2) == 0);
}

static int is_divisibleby(lua_State *L)
{
	double n = operand(L, 1, "n");

	return answer(L, modulo(n, operand(L, 2, "num")) == 0);
}

/* Whether a string has no letter from first to last. */
static int is_case(lua_State *L, const char *method, char first, char last)
{
	struct rnm_bytes text;

	rnm_tpl_need_string(L, 1, method);
	text = rnm_tpl_check_bytes(L, 1);
	rnm_tpl_spend_or_raise(L, 1 + text.len / 32);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= first && text.data[i] <= last)
			return answer(L, false);
	return answer(L, true);
}

static int is_lower(lua_State *L)
{
	return is_case(L, "lower", 'A', 'Z');
}

static int is_upper(lua_State *L)
{
	return is_case(L, "upper", 'a', 'z');
}

/* A substring of a string, or an element or key of a table. */
static int is_in(lua_State *L)
{
	bool found = false;

	if (lua_type(L, 2) == LUA_TSTRING) {
		struct rnm_bytes text = rnm_tpl_check_bytes(L, 2);
		struct rnm_bytes part = rnm_tpl_check_bytes(L, 1);

		rnm_tpl_spend_or_raise(L, 1 + text.len / 32);
		return answer(L, memmem(text.data, text.len, part.data, part.len) != NULL);
	}
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 2);
	for (int i = 1; !found; i++) {
		rnm_tpl_spend_or_raise(L, 1);
		lua_rawgeti(L, 2, i);
		if (lua_isnil(L, -1))
			break;
		found = lua_rawequal(L, 1, -1) != 0;
		lua_pop(L, 1);
	}
	lua_settop(L, 2);
	if (!found && !lua_isnil(L, 1)) {
		lua_pushvalue(L, 1);
		lua_rawget(L, 2);
		/* A list's positions are not its members. */
		found = !lua_isnil(L, -1) && lua_type(L, 1) != LUA_TNUMBER;
	}
	return answer(L, found);
}

static int is_startswith(lua_State *L)
{
	struct rnm_bytes text = rnm_tpl_check_bytes(L, 1);
	struct rnm_bytes part = rnm_tpl_check_bytes(L, 2);

	return answer(L, part.len <= text.len && memcmp(text.data, part.data, part.len) == 0);
}

static int is_endswith(lua_State *L)
{
	struct rnm_bytes text = rnm_tpl_check_bytes(L, 1);
	struct rnm_bytes part = rnm_tpl_check_bytes(L, 2);

	return answer(L, part.len <= text.len &&
	                     memcmp(text.data + text.len - part.len, part.data, part.len) == 0);
}

/* A Lua pattern that matches anywhere in the string. */
static int is_match(lua_State *L)
{
	(void)rnm_tpl_check_bytes(L, 1);
	(void)rnm_tpl_check_bytes(L, 2);
	lua_settop(L, 2);
	lua_getfield(L, 1, "find");
	lua_insert(L, 1);
	lua_call(L, 2, 1);
	return answer(L, !lua_isnil(L, -1));
}

static int is_eq(lua_State *L)
{
	lua_settop(L, 2);
	return answer(L, lua_rawequal(L, 1, 2) != 0);
}

static int is_ne(lua_State *L)
{
	lua_settop(L, 2);
	return answer(L, lua_rawequal(L, 1, 2) == 0);
}

static int is_lt(lua_State *L)
{
	lua_settop(L, 2);
	return answer(L, lua_lessthan(L, 1, 2) != 0);
}

static int is_gt(lua_State *L)
{
	lua_settop(L, 2);
	return answer(L, lua_lessthan(L, 2, 1) != 0);
}

/* a <= b, which differs from not (b < a) for nan. */
static int less_or_equal(lua_State *L, int a, int b)
{
	bool less = lua_lessthan(L, a, b) != 0;

	return answer(L, less || lua_rawequal(L, a, b) != 0);
}

static int is_le(lua_State *L)
{
	lua_settop(L, 2);
	return less_or_equal(L, 1, 2);
}

static int is_ge(lua_State *L)
{
	lua_settop(L, 2);
	return less_or_equal(L, 2, 1);
}

/* Nothing is marked as escaped here; rspamd answers nil for what is no string. */
static int is_escaped(lua_State *L)
{
	return lua_type(L, 1) == LUA_TSTRING ? answer(L, false) : 0;
}

static int is_json(lua_State *L)
{
	return answer(L, lua_type(L, 1) == LUA_TSTRING && rnm_tpl_is_json(L, rnm_tpl_check_bytes(L, 1)));
}

static int is_size(lua_State *L)
{
	struct rnm_bytes unit;
	double bytes;

	if (!lua_isstring(L, 1))
		return answer(L, false);
	lua_settop(L, 1);
	return answer(L, rnm_tpl_parse_size(rnm_tpl_check_bytes(L, 1), &bytes, &unit) == RNM_TPL_SIZE_OK);
}

void rnm_tpl_open_tests(lua_State *L)
{
	static const luaL_Reg tests[] = { { "is_true", is_true },
		                          { "is_false", is_false },
		                          { "is_defined", is_defined },
		                          { "is_undefined", is_nil },
		                          { "is_none", is_nil },
		                          { "is_nil", is_nil },
		                          { "is_string", is_string },
		                          { "is_number", is_number },
		                          { "is_integer", is_integer },
		                          { "is_float", is_float },
		                          { "is_boolean", is_boolean },
		                          { "is_mapping", is_table },
		                          { "is_table", is_table },
		                          { "is_sequence", is_sequence },
		                          { "is_iterable", is_iterable },
		                          { "is_callable", is_callable },
		                          { "is_odd", is_odd },
		                          { "is_even", is_even },
		                          { "is_divisibleby", is_divisibleby },
		                          { "is_lower", is_lower },
		                          { "is_upper", is_upper },
		                          { "is_in", is_in },
		                          { "is_startswith", is_startswith },
		                          { "is_endswith", is_endswith },
		                          { "is_match", is_match },
		                          { "is_eq", is_eq },
		                          { "is_ne", is_ne },
		                          { "is_lt", is_lt },
		                          { "is_le", is_le },
		                          { "is_gt", is_gt },
		                          { "is_ge", is_ge },
		                          { "is_sameas", is_eq },
		                          { "is_escaped", is_escaped },
		                          { "is_json", is_json },
		                          { "is_size", is_size },
		                          { NULL, NULL } };

	for (const luaL_Reg *t = tests; t->name != NULL; t++) {
		lua_pushcfunction(L, t->func);
		lua_setfield(L, -2, t->name);
	}
}
