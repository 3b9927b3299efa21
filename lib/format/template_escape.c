/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rspamd evaluates expressions with LuaJIT, whose strings know \xHH, \u{H...} and \z.  Lua 5.1 would
 * silently read "\x41" as "x41", so such escapes become decimal ones before Lua sees the code.
 */
#include "base/number.h"
#include "format/template_engine.h"

#include <stdio.h>
#include <string.h>

struct scanner {
	struct rnm_bytes code;
	size_t at;
	size_t string; /* where the string being read starts */
	char *out;     /* NULL while only counting */
	size_t out_len;
};

static char peek(const struct scanner *s, size_t ahead)
{
	return s->at + ahead < s->code.len ? s->code.data[s->at + ahead] : '\0';
}

static void emit(struct scanner *s, const char *data, size_t len)
{
	if (s->out != NULL)
		memcpy(s->out + s->out_len, data, len);
	s->out_len += len;
}

static void copy(struct scanner *s, size_t len)
{
	emit(s, s->code.data + s->at, len);
	s->at += len;
}

static void emit_byte(struct scanner *s, unsigned byte)
{
	char text[8];

	emit(s, text, (size_t)snprintf(text, sizeof(text), "\\%03u", byte & 255u));
}

/* The number of `=` in a long bracket's opening at s->at, or -1 when there is none. */
static int long_bracket(const struct scanner *s)
{
	size_t level = 0;

	if (peek(s, 0) != '[')
		return -1;
	while (peek(s, level + 1) == '=' && level < 1000)
		level++;
	return peek(s, level + 1) == '[' ? (int)level : -1;
}

static void copy_long_bracket(struct scanner *s, int level)
{
	copy(s, (size_t)level + 2);
	while (s->at < s->code.len) {
		size_t i = 0;

		if (peek(s, 0) == ']') {
			while (i < (size_t)level && peek(s, i + 1) == '=')
				i++;
			if (i == (size_t)level && peek(s, i + 1) == ']') {
				copy(s, i + 2);
				return;
			}
		}
		copy(s, 1);
	}
}

static void emit_utf8(struct scanner *s, unsigned long c)
{
	if (c < 0x80) {
		emit_byte(s, (unsigned)c);
	} else if (c < 0x800) {
		emit_byte(s, (unsigned)(0xC0 | (c >> 6)));
		emit_byte(s, (unsigned)(0x80 | (c & 0x3F)));
	} else if (c < 0x10000) {
		emit_byte(s, (unsigned)(0xE0 | (c >> 12)));
		emit_byte(s, (unsigned)(0x80 | ((c >> 6) & 0x3F)));
		emit_byte(s, (unsigned)(0x80 | (c & 0x3F)));
	} else {
		emit_byte(s, (unsigned)(0xF0 | (c >> 18)));
		emit_byte(s, (unsigned)(0x80 | ((c >> 12) & 0x3F)));
		emit_byte(s, (unsigned)(0x80 | ((c >> 6) & 0x3F)));
		emit_byte(s, (unsigned)(0x80 | (c & 0x3F)));
	}
}

/* \u{H...} at s->at; false when it is not well-formed. */
static bool translate_unicode(struct scanner *s)
{
	unsigned long c = 0;
	size_t digits = 0;

	if (peek(s, 2) != '{')
		return false;
	while (rnm_hex_digit(peek(s, 3 + digits)) >= 0 && c <= 0x10FFFF)
		c = c * 16 + (unsigned long)rnm_hex_digit(peek(s, 3 + digits++));
	if (digits == 0 || peek(s, 3 + digits) != '}' || c > 0x10FFFF)
		return false;
	emit_utf8(s, c);
	s->at += 4 + digits;
	return true;
}

/* A backslash within a string; false for what LuaJIT calls an invalid escape sequence. */
static bool translate_escape(struct scanner *s)
{
	char c = peek(s, 1);

	switch (c) {
	case 'x':
		if (rnm_hex_digit(peek(s, 2)) < 0 || rnm_hex_digit(peek(s, 3)) < 0)
			return false;
		emit_byte(s, (unsigned)(rnm_hex_digit(peek(s, 2)) * 16 + rnm_hex_digit(peek(s, 3))));
		s->at += 4;
		return true;
	case 'u':
		return translate_unicode(s);
	case 'z':
		s->at += 2;
		while (s->at < s->code.len && rnm_tpl_is_space(peek(s, 0)))
			s->at++;
		return true;
	default:
		if (c != '\0' && strchr("abfnrtv\\\"'\n\r0123456789", c) == NULL)
			return false;
		copy(s, s->at + 1 < s->code.len ? 2 : 1);
		return true;
	}
}

static bool translate_string(struct scanner *s)
{
	char quote = peek(s, 0);

	s->string = s->at;
	copy(s, 1);
	while (s->at < s->code.len) {
		char c = peek(s, 0);

		if (c == '\\') {
			if (!translate_escape(s))
				return false;
			continue;
		}
		copy(s, 1);
		if (c == quote || c == '\n')
			break;
	}
	return true;
}

static bool translate(struct scanner *s)
{
	s->at = 0;
	s->out_len = 0;
	while (s->at < s->code.len) {
		char c = peek(s, 0);
		int level = long_bracket(s);

		if (level >= 0) {
			copy_long_bracket(s, level);
		} else if (c == '-' && peek(s, 1) == '-') {
			copy(s, 2);
			level = long_bracket(s);
			if (level >= 0)
				copy_long_bracket(s, level);
			while (level < 0 && s->at < s->code.len && peek(s, 0) != '\n')
				copy(s, 1);
		} else if (c == '"' || c == '\'') {
			if (!translate_string(s))
				return false;
		} else {
			copy(s, 1);
		}
	}
	return true;
}

bool rnm_tpl_translate_escapes(struct rnm_tpl_run *run, struct rnm_tpl_code *code)
{
	struct scanner s = { code->text, 0, 0, NULL, 0 };

	if (code->text.len == 0 || memchr(code->text.data, '\\', code->text.len) == NULL)
		return true;
	if (!translate(&s)) {
		/* Only told when the code runs, as by LuaJIT. */
		code->bad_escape = (struct rnm_bytes){ code->text.data + s.string, s.at - s.string };
		return true;
	}
	s.out = rnm_tpl_alloc(run, s.out_len + 1);
	if (s.out == NULL)
		return false;
	(void)translate(&s);
	code->text = (struct rnm_bytes){ s.out, s.out_len };
	return true;
}
