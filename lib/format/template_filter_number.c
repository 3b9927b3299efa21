/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that make or check numbers and sizes. */
#include "format/template_engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int filter_abs(lua_State *L)
{
	lua_pushnumber(L, fabs(luaL_checknumber(L, 1)));
	return 1;
}

static int filter_int(lua_State *L)
{
	lua_pushnumber(L, lua_isnumber(L, 1) ? floor(lua_tonumber(L, 1)) : 0);
	return 1;
}

static int filter_float(lua_State *L)
{
	lua_pushnumber(L, lua_isnumber(L, 1) ? lua_tonumber(L, 1) : 0);
	return 1;
}

/*
 * round([digits [, "ceil"|"floor"]]).  Without a method the fraction of the number itself decides, not
 * that of the scaled one, and everything below one half goes down: 1.25|round(1) is 1.2, -2.4|round is -3.
 */
static int filter_round(lua_State *L)
{
	const char *method = lua_isnoneornil(L, 3) ? NULL : luaL_checkstring(L, 3);
	double scale = pow(10, luaL_optnumber(L, 2, 0));
	double whole;
	bool up;

	if (!lua_isnumber(L, 1))
		return luaL_error(L, "bad argument #1 to 'modf' (number expected, got %s)",
		                  luaL_typename(L, 1));
	if (method != NULL && strcmp(method, "ceil") != 0 && strcmp(method, "floor") != 0)
		return luaL_error(L,
		                  "rounding method given to filter \"round\" must be \"ceil\" or \"floor\"");
	up = method != NULL ? method[0] == 'c' : modf(lua_tonumber(L, 1), &whole) >= 0.5;
	whole = lua_tonumber(L, 1) * scale;
	lua_pushnumber(L, (up ? ceil(whole) : floor(whole)) / scale);
	return 1;
}

/* filesizeformat([binary]). */
static int filter_filesizeformat(lua_State *L)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB" };
	static const char *const binary_units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB" };
	bool binary = lua_toboolean(L, 2) != 0;
	double base = binary ? 1024 : 1000;
	double size;
	char text[64];
	size_t unit = 0;

	if (lua_type(L, 1) != LUA_TNUMBER)
		return luaL_error(L, "attempt to compare %s with number", luaL_typename(L, 1));
	size = lua_tonumber(L, 1);
	if (size < base) {
		(void)snprintf(text, sizeof(text), "%.0f Byte%s", trunc(size), size > 1 ? "s" : "");
	} else {
		size /= base;
		while (size >= base && unit < 7) {
			size /= base;
			unit++;
		}
		(void)snprintf(text, sizeof(text), "%.1f %s", size, (binary ? binary_units : units)[unit]);
	}
	lua_pushstring(L, text);
	return 1;
}

/* Reads digits with an optional sign and fraction; what follows is the unit. */
static bool split_number(struct rnm_bytes text, double *number, struct rnm_bytes *unit)
{
	char digits[64];
	char *end;
	size_t at = 0;
	size_t len;

	while (text.len > 0 && rnm_tpl_is_space(text.data[0])) {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && rnm_tpl_is_space(text.data[text.len - 1]))
		text.len--;
	if (at < text.len && (text.data[at] == '-' || text.data[at] == '+'))
		at++;
	len = at;
	while (at < text.len && ((text.data[at] >= '0' && text.data[at] <= '9') || text.data[at] == '.'))
		at++;
	if (at == len || at >= sizeof(digits))
		return false;
	memcpy(digits, text.data, at);
	digits[at] = '\0';
	*unit = (struct rnm_bytes){ text.data + at, text.len - at };
	while (unit->len > 0 && rnm_tpl_is_space(unit->data[0])) {
		unit->data++;
		unit->len--;
	}
	*number = strtod(digits, &end);
	return *end == '\0';
}

static bool unit_is(struct rnm_bytes unit, const char *name)
{
	return unit.len == strlen(name) && strncasecmp(unit.data, name, unit.len) == 0;
}

enum rnm_tpl_size rnm_tpl_parse_size(struct rnm_bytes text, double *bytes, struct rnm_bytes *unit)
{
	if (!split_number(text, bytes, unit))
		return RNM_TPL_SIZE_NO_NUMBER;
	if (unit->len == 0 || unit_is(*unit, "b"))
		return RNM_TPL_SIZE_OK;
	if (unit_is(*unit, "kb"))
		*bytes *= 1024;
	else if (unit_is(*unit, "mb"))
		*bytes *= 1024.0 * 1024;
	else if (unit_is(*unit, "gb"))
		*bytes *= 1024.0 * 1024 * 1024;
	else
		return RNM_TPL_SIZE_UNIT;
	return RNM_TPL_SIZE_OK;
}

static int filter_tobytes(lua_State *L)
{
	struct rnm_bytes text = rnm_tpl_check_bytes(L, 1);
	struct rnm_bytes unit = { NULL, 0 };
	double bytes = 0;
	enum rnm_tpl_size kind = rnm_tpl_parse_size(text, &bytes, &unit);

	if (kind == RNM_TPL_SIZE_NO_NUMBER)
		return luaL_error(L, "tobytes: \"%s\" is not a valid size", text.data);
	if (kind == RNM_TPL_SIZE_UNIT) {
		/* rspamd shows the suffix in lower case. */
		luaL_Buffer out;

		luaL_buffinit(L, &out);
		for (size_t i = 0; i < unit.len; i++)
			luaL_addchar(&out, unit.data[i] >= 'A' && unit.data[i] <= 'Z' ? unit.data[i] + 32
			                                                              : unit.data[i]);
		luaL_pushresult(&out);
		return luaL_error(L, "tobytes: unknown suffix \"%s\" in \"%s\"", lua_tostring(L, -1),
		                  text.data);
	}
	lua_pushnumber(L, bytes);
	return 1;
}

/* The start of every require_*: the value is there; its text is returned. */
static struct rnm_bytes require_text(lua_State *L, const char *filter)
{
	struct rnm_bytes none = { "", 0 };
	bool missing;

	lua_settop(L, 2);
	missing = lua_isnoneornil(L, 1) || (lua_type(L, 1) == LUA_TSTRING && lua_objlen(L, 1) == 0);

	if (missing && lua_isstring(L, 2))
		(void)luaL_error(L, "%s", lua_tostring(L, 2));
	if (missing)
		(void)luaL_error(L, "%s: value is missing", filter);
	if (!lua_isstring(L, 1))
		return none;
	/* A copy: reading a number as text would turn the value itself into a string. */
	lua_pushvalue(L, 1);
	return rnm_tpl_check_bytes(L, -1);
}

/* The end: the value unchanged, or an error. */
static int require_result(lua_State *L, bool valid, const char *filter, const char *what)
{
	if (!valid && lua_isstring(L, 2))
		return luaL_error(L, "%s", lua_tostring(L, 2));
	if (!valid) {
		rnm_tpl_push_tostring(L, 1);
		return luaL_error(L, "%s: \"%s\" is not a valid %s", filter, lua_tostring(L, -1), what);
	}
	lua_pushvalue(L, 1);
	return 1;
}

static int filter_mandatory(lua_State *L)
{
	bool missing = lua_isnoneornil(L, 1) || (lua_type(L, 1) == LUA_TSTRING && lua_objlen(L, 1) == 0);

	if (missing)
		return luaL_error(L, "%s", luaL_optstring(L, 2, "mandatory value is missing"));
	lua_pushvalue(L, 1);
	return 1;
}

static int filter_require_int(lua_State *L)
{
	struct rnm_bytes text = require_text(L, "require_int");
	size_t sign = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
	bool valid = text.len > sign;

	for (size_t i = sign; i < text.len; i++)
		valid = valid && text.data[i] >= '0' && text.data[i] <= '9';
	if (lua_type(L, 1) == LUA_TNUMBER)
		valid = isfinite(lua_tonumber(L, 1)) && floor(lua_tonumber(L, 1)) == lua_tonumber(L, 1);
	return require_result(L, valid, "require_int", "integer");
}

static int filter_require_number(lua_State *L)
{
	(void)require_text(L, "require_number");
	return require_result(L, lua_isnumber(L, 1) != 0, "require_number", "number");
}

static int filter_require_bool(lua_State *L)
{
	(void)require_text(L, "require_bool");
	return require_result(L, rnm_tpl_bool_word(L, 1) >= 0, "require_bool",
	                      "boolean (use true/false, yes/no, on/off, 1/0)");
}

static int filter_require_size(lua_State *L)
{
	struct rnm_bytes unit;
	double bytes;
	bool valid = rnm_tpl_parse_size(require_text(L, "require_size"), &bytes, &unit) == RNM_TPL_SIZE_OK;

	return require_result(L, valid, "require_size", "size");
}

static int filter_require_json(lua_State *L)
{
	struct rnm_bytes text = require_text(L, "require_json");

	return require_result(L, lua_type(L, 1) == LUA_TSTRING && rnm_tpl_is_json(L, text), "require_json",
	                      "JSON");
}

/* Seconds as a number.  Unlike in UCL, m means minutes. */
static int filter_require_duration(lua_State *L)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 },     { "s", 1 },     { "ms", 0.001 }, { "min", 60 },    { "m", 60 },
		      { "h", 3600 }, { "d", 86400 }, { "w", 604800 }, { "y", 31536000 } };
	struct rnm_bytes unit = { "", 0 };
	double number = 0;
	bool valid = split_number(require_text(L, "require_duration"), &number, &unit);

	for (size_t i = 0; valid && i < sizeof(units) / sizeof(units[0]); i++) {
		if (unit_is(unit, units[i].unit)) {
			lua_pushnumber(L, number * units[i].seconds);
			return 1;
		}
	}
	return require_result(L, false, "require_duration", "duration");
}

const struct rnm_tpl_filter_def rnm_tpl_number_filters[] = { { "abs", filter_abs, NULL },
	                                                     { "int", filter_int, "a number" },
	                                                     { "float", filter_float, "a number" },
	                                                     { "round", filter_round, "a number" },
	                                                     { "filesizeformat", filter_filesizeformat,
	                                                       "a number" },
	                                                     { "tobytes", filter_tobytes, "a string" },
	                                                     { NULL, NULL, NULL } };

const struct rnm_tpl_filter_def rnm_tpl_require_filters[] = {
	{ "mandatory", filter_mandatory, NULL },
	{ "require_int", filter_require_int, NULL },
	{ "require_number", filter_require_number, NULL },
	{ "require_bool", filter_require_bool, NULL },
	{ "require_size", filter_require_size, NULL },
	{ "require_json", filter_require_json, NULL },
	{ "require_duration", filter_require_duration, NULL },
	{ "tojson", rnm_tpl_filter_tojson, NULL },
	{ "fromjson", rnm_tpl_filter_fromjson, "a string" },
	{ NULL, NULL, NULL }
};
