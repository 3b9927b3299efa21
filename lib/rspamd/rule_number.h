/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as configurations write them, and as Lua prints them.
 */
#ifndef RNM_RSPAMD_RULE_NUMBER_H
#define RNM_RSPAMD_RULE_NUMBER_H

#include <rnm/rule.h>

/* How an option that should be a number has been written. */
enum rnm_number_form {
	RNM_FORM_OTHER,          /* no number in any reading; *out is untouched */
	RNM_FORM_NUMBER,         /* a number */
	RNM_FORM_NUMERIC_STRING, /* a string such as "20", which Lua's tonumber accepts */
	RNM_FORM_SUFFIX_STRING   /* a string such as "20s" or "1k": UCL's number syntax, but kept as text */
};

/* Reads a finite number.  A NULL value is RNM_FORM_OTHER. */
enum rnm_number_form rnm_number_read(double *out, const struct rnm_value *value);
/* The same for a text. */
enum rnm_number_form rnm_number_parse(double *out, struct rnm_bytes text);

#define RNM_LUA_NUMBER_MAX 32
/* d as LuaJIT's tostring writes it: "%.14g", but half-way cases away from zero; whatever the locale. */
void rnm_lua_number(char out[RNM_LUA_NUMBER_MAX], double d);
/* The same for the given interpreter; an int value keeps all of its digits in RNM_NUMBERS_LUA54. */
void rnm_lua_number_value(char out[RNM_LUA_NUMBER_MAX], const struct rnm_value *number,
                          enum rnm_number_style style);

#endif
