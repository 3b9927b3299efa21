/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"
#include "format/ucl_internal.h"

#include <string.h>
#include <strings.h>

/* The value of four hex digits at p, or -1. */
static int unicode_unit(const char *p, const char *end)
{
	int unit = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = rnm_hex_digit(p[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

/* One UTF-16 unit as UTF-8.  Surrogates are not paired: rspamd writes each as three bytes. */
static char *put_unit(char *out, int unit)
{
	if (unit < 0x80) {
		*out++ = (char)unit;
	} else if (unit < 0x800) {
		*out++ = (char)(0xC0 | (unit >> 6));
		*out++ = (char)(0x80 | (unit & 0x3F));
	} else {
		*out++ = (char)(0xE0 | (unit >> 12));
		*out++ = (char)(0x80 | ((unit >> 6) & 0x3F));
		*out++ = (char)(0x80 | (unit & 0x3F));
	}
	return out;
}

static char simple_escape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 'b':
		return '\b';
	case 't':
		return '\t';
	case 'f':
		return '\f';
	default:
		return c;
	}
}

bool ucl_unescape(struct ucl_parser *parser, struct rnm_bytes raw, struct rnm_bytes *out)
{
	/* No escape is longer than what it stands for, so the raw length is enough. */
	char *text = rnm_arena_strndup(parser->arena, raw.data, raw.len);
	const char *p = raw.data;
	const char *end = p + raw.len;
	char *to = text;

	if (text == NULL)
		return ucl_fail_memory(parser);
	if (raw.len < 2) /* rspamd leaves a lone backslash alone */
		p = end, to = text + raw.len;
	while (p < end) {
		int unit;

		if (*p != '\\' || p + 1 == end) {
			*to++ = *p++;
			continue;
		}
		unit = p[1] == 'u' ? unicode_unit(p + 2, end) : -1;
		if (unit >= 0) {
			to = put_unit(to, unit);
			p += 6;
		} else {
			*to++ = simple_escape(p[1]);
			p += 2;
		}
	}
	*to = '\0';
	out->data = text;
	out->len = (size_t)(to - text);
	return true;
}

/* The escape whose backslash is at p; *next is the first byte after it that needs looking at. */
static bool check_escape(struct ucl_parser *parser, const char *p, const char **next)
{
	const char *end = parser->chunk->end;

	p++;
	if (p == end)
		return ucl_fail_at(parser, end, UCL_STRING_ESCAPE);
	if (*p == 'u') {
		for (int i = 0; i < 4; i++) {
			p++;
			if (p == end)
				return ucl_fail_at(parser, end, UCL_STRING_ESCAPE);
			if (rnm_hex_digit(*p) < 0)
				return ucl_fail_at(parser, p, UCL_STRING_UNICODE);
		}
	} else if ((unsigned char)*p < 0x1F) {
		*next = p; /* the caller finds the control character */
		return true;
	}
	*next = p + 1;
	return true;
}

bool ucl_scan_quoted(struct ucl_parser *parser, struct ucl_quoted *out)
{
	struct ucl_chunk *chunk = parser->chunk;
	const char *start = chunk->p + 1;
	const char *p = start;

	*out = (struct ucl_quoted){ { start, 0 }, false };
	while (p < chunk->end) {
		if ((unsigned char)*p < 0x1F)
			return ucl_fail_at(parser, p, *p == '\n' ? UCL_STRING_NEWLINE : UCL_STRING_CONTROL);
		if (*p == '"') {
			out->raw.len = (size_t)(p - start);
			chunk->p = p + 1;
			return true;
		}
		if (*p == '\\') {
			out->has_escape = true;
			if (!check_escape(parser, p, &p))
				return false;
			continue;
		}
		p++;
	}
	return ucl_fail_at(parser, chunk->end, UCL_STRING_END);
}

/* Stores text, which may lie in the source, as the node's string. */
static bool store_string(struct ucl_parser *parser, struct rnm_value *node, struct rnm_bytes text, bool owned)
{
	if (!owned) {
		text.data = rnm_arena_strndup(parser->arena, text.data, text.len);
		if (text.data == NULL)
			return ucl_fail_memory(parser);
	}
	node->type = RNM_STRING;
	node->as.string = text;
	return true;
}

/* The ways in which a raw text becomes a string, in rspamd's order: unescape, then variables. */
static bool finish_string(struct ucl_parser *parser, struct rnm_value *node, struct rnm_bytes raw,
                          bool has_escape, bool has_dollar)
{
	struct rnm_bytes text = raw;

	if (has_escape && !ucl_unescape(parser, raw, &text))
		return false;
	if (has_dollar && !ucl_expand(parser, &text))
		return false;
	return store_string(parser, node, text, text.data != raw.data);
}

bool ucl_read_json_string(struct ucl_parser *parser, struct rnm_value *node)
{
	struct ucl_quoted quoted;

	if (!ucl_scan_quoted(parser, &quoted))
		return false;
	/* A backslash before the dollar is no protection, but a dollar written as \u0024 is. */
	return finish_string(parser, node, quoted.raw, quoted.has_escape,
	                     memchr(quoted.raw.data, '$', quoted.raw.len) != NULL);
}

bool ucl_read_single_quoted(struct ucl_parser *parser, struct rnm_value *node)
{
	struct ucl_chunk *chunk = parser->chunk;
	const char *start = chunk->p + 1;
	const char *p = start;
	struct rnm_bytes text;
	char *to;

	while (p < chunk->end && *p != '\'') {
		if (*p == '\\') {
			p++;
			if (p == chunk->end)
				return ucl_fail_at(parser, p, UCL_STRING_ESCAPE);
		}
		p++;
	}
	if (p >= chunk->end)
		return ucl_fail_at(parser, chunk->end, UCL_QUOTED_END);
	chunk->p = p + 1;
	to = rnm_arena_strndup(parser->arena, start, (size_t)(p - start));
	if (to == NULL)
		return ucl_fail_memory(parser);
	text.data = to;
	for (const char *from = start; from < p; from++) {
		if (*from != '\\') {
			*to++ = *from;
		} else if (from[1] == '\'') {
			*to++ = *++from;
		} else if (from[1] == '\n') {
			from++;
		} else if (p - from >= 3 && from[1] == '\r' && from[2] == '\n') {
			from += 2;
		} else { /* both bytes stay, and the second protects nothing: "\\" is two backslashes */
			*to++ = *from++;
			*to++ = *from;
		}
	}
	*to = '\0';
	text.len = (size_t)(to - text.data);
	return store_string(parser, node, text, true);
}

/* The end of the heredoc's text: the newline before a line that is the tag; NULL when there is none. */
static const char *find_heredoc_end(struct ucl_chunk *chunk, const char *start, struct rnm_bytes tag)
{
	const char *p = start;

	for (;;) {
		const char *newline = p < chunk->end ? memchr(p, '\n', (size_t)(chunk->end - p)) : NULL;
		const char *after;

		if (newline == NULL) {
			chunk->p = chunk->end;
			return NULL;
		}
		p = newline + 1;
		if ((size_t)(chunk->end - p) < tag.len) {
			chunk->p = p;
			return NULL;
		}
		after = p + tag.len;
		if (memcmp(p, tag.data, tag.len) == 0 &&
		    (after == chunk->end || *after == '\n' || *after == ';' || *after == ','))
			return newline;
	}
}

bool ucl_read_heredoc(struct ucl_parser *parser, struct rnm_value *node, bool *is_heredoc)
{
	struct ucl_chunk *chunk = parser->chunk;
	const char *p = chunk->p + 2;
	const char *stop;
	struct rnm_bytes tag;
	struct rnm_bytes text;

	*is_heredoc = false;
	if (chunk->end - chunk->p < 4 || chunk->p[1] != '<')
		return true;
	while (p < chunk->end && *p >= 'A' && *p <= 'Z')
		p++;
	if (p >= chunk->end || *p != '\n')
		return true;
	*is_heredoc = true;
	tag.data = chunk->p + 2;
	tag.len = (size_t)(p - tag.data);
	/* The line after the opening is never tested: its own newline is the first that can end the text. */
	text.data = p + 1;
	stop = find_heredoc_end(chunk, text.data, tag);
	if (stop == NULL)
		return ucl_fail(parser, UCL_HEREDOC_END);
	text.len = (size_t)(stop - text.data);
	chunk->p = stop + 1 + tag.len;
	return finish_string(parser, node, text, false, memchr(text.data, '$', text.len) != NULL);
}

static bool set_bool(struct rnm_value *node, bool value)
{
	node->type = RNM_BOOL;
	node->as.boolean = value;
	return true;
}

static bool set_real(struct rnm_value *node, double value)
{
	node->type = RNM_FLOAT;
	node->as.real = value;
	return true;
}

/* Words with a meaning; compared as written, before escapes are replaced. */
static bool read_word(struct rnm_value *node, struct rnm_bytes raw)
{
	static const struct {
		const char *word;
		bool value;
	} booleans[] = { { "true", true },   { "yes", true }, { "on", true },
		         { "false", false }, { "no", false }, { "off", false } };

	if (raw.len > 5)
		return false;
	if (rnm_bytes_equal(raw, rnm_bytes_of("null"))) {
		node->type = RNM_NULL;
		return true;
	}
	if (rnm_bytes_equal(raw, rnm_bytes_of("nan")))
		return set_real(node, (double)__builtin_nan(""));
	if (rnm_bytes_equal(raw, rnm_bytes_of("inf")))
		return set_real(node, (double)__builtin_inf());
	for (size_t i = 0; i < sizeof(booleans) / sizeof(booleans[0]); i++)
		if (strlen(booleans[i].word) == raw.len &&
		    strncasecmp(raw.data, booleans[i].word, raw.len) == 0)
			return set_bool(node, booleans[i].value);
	return false;
}

struct bare {
	struct rnm_bytes raw;
	bool has_escape;
	bool has_dollar;
};

/* Braces and brackets end the value unless they balance an earlier one inside it; each kind counts alone. */
static void scan_bare(struct ucl_chunk *chunk, struct bare *out)
{
	const char *start = chunk->p;
	const char *p = start;
	const char *stop;
	size_t braces = 0;
	size_t brackets = 0;

	for (; p < chunk->end; p++) {
		if (*p == '{') {
			braces++;
		} else if (*p == '[') {
			brackets++;
		} else if (*p == '}' && braces > 0) {
			braces--;
		} else if (*p == ']' && brackets > 0) {
			brackets--;
		} else if (ucl_is_terminator(*p) || (*p == '/' && chunk->end - p >= 2 && p[1] == '*')) {
			break;
		} else if (*p == '\\') {
			out->has_escape = true;
			if (chunk->end - p >= 2)
				p++;
		} else if (*p == '$') {
			out->has_dollar = true;
		}
	}
	stop = p;
	while (stop > start && ucl_is_blank(stop[-1]))
		stop--;
	out->raw.data = start;
	out->raw.len = (size_t)(stop - start);
	chunk->p = p;
}

bool ucl_read_bare(struct ucl_parser *parser, struct rnm_value *node)
{
	const char *start = parser->chunk->p;
	struct bare bare = { { NULL, 0 }, false, false };

	scan_bare(parser->chunk, &bare);
	if (bare.raw.len == 0)
		return ucl_fail_at(parser, start, UCL_VALUE_EMPTY);
	if (read_word(node, bare.raw))
		return true;
	return finish_string(parser, node, bare.raw, bare.has_escape, bare.has_dollar);
}
