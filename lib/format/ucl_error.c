/* SPDX-License-Identifier: Apache-2.0 */
#include "format/ucl_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * cause: rspamd's own words (contrib/libucl/ucl_parser.c), which people search for; expected: what a
 * user needs to know beyond them; hint: the usual way out when the byte found is one of hint_for (NULL: any).
 */
static const struct {
	const char *id;
	const char *cause;
	const char *expected;
	const char *hint;
	const char *hint_for;
} faults[] = {
	[UCL_KEY_START] = { .id = "ucl.key-start",
	                    .cause = "key must begin with a letter",
	                    .expected = "a key (starting with a letter, digit, '_', '/' or '\"')",
	                    .hint =
	                        "nothing but the comment itself may stand before a leading '{', and names of "
	                        "sections take double quotes or none",
	                    .hint_for = "{'" },
	[UCL_KEY_CHAR] = { .id = "ucl.key-char",
	                   .cause = "invalid character in a key",
	                   .expected = "a space, tab, ':' or '=' after the key",
	                   .hint = "put a space between a section's name and '{', on the same line",
	                   .hint_for = "{\n\r" },
	[UCL_KEY_UNFINISHED] = { .id = "ucl.key-unfinished",
	                         .cause = "unfinished key",
	                         .expected = "a value after the key" },
	[UCL_KEY_EMPTY] = { .id = "ucl.key-empty",
	                    .cause = "empty keys are not allowed",
	                    .expected = "a name between the quotes of the key" },
	[UCL_SEPARATOR_EQUALS] = { .id = "ucl.separator",
	                           .cause = "unexpected '=' character",
	                           .expected = "a value after the separator" },
	[UCL_SEPARATOR_COLON] = { .id = "ucl.separator",
	                          .cause = "unexpected ':' character",
	                          .expected = "a value after the separator" },
	[UCL_STRING_NEWLINE] = { .id = "ucl.string-newline",
	                         .cause = "unexpected newline",
	                         .expected = "the closing '\"' on the same line",
	                         .hint = "write \\n for a newline inside quotes" },
	[UCL_STRING_CONTROL] = { .id = "ucl.string-control",
	                         .cause = "unexpected control character",
	                         .expected = "no control characters inside double quotes",
	                         .hint = "write \\t for a tab inside quotes",
	                         .hint_for = "\t" },
	[UCL_STRING_ESCAPE] = { .id = "ucl.string-escape",
	                        .cause = "unfinished escape character",
	                        .expected = "a byte after the backslash" },
	[UCL_STRING_UNICODE] = { .id = "ucl.string-unicode",
	                         .cause = "invalid utf escape",
	                         .expected = "four hex digits after \\u" },
	[UCL_STRING_END] = { .id = "ucl.string-end",
	                     .cause = "no quote at the end of json string",
	                     .expected = "a closing '\"'" },
	[UCL_QUOTED_END] = { .id = "ucl.string-end",
	                     .cause = "no quote at the end of single quoted string",
	                     .expected = "a closing \"'\"" },
	[UCL_HEREDOC_END] = { .id = "ucl.heredoc-end",
	                      .cause = "unterminated multiline value",
	                      .expected =
	                          "a line that begins with the tag after '<<', followed by a newline, ';' "
	                          "or ','" },
	[UCL_VALUE_EMPTY] = { .id = "ucl.value-empty",
	                      .cause = "string value must not be empty",
	                      .expected = "a value",
	                      .hint = "write \"\" for an empty string" },
	[UCL_NUMBER_RANGE] = { .id = "ucl.number-range",
	                       .cause = "numeric value out of range",
	                       .expected = "a number that fits into 64 bits",
	                       .hint = "quote it if it is meant as a string" },
	[UCL_DELIMITER] = { .id = "ucl.delimiter",
	                    .cause = "delimiter is missing",
	                    .expected = "';', ',' or a newline after the value" },
	[UCL_CLOSING] = { .id = "ucl.closing",
	                  .cause = "unexpected terminating symbol detected",
	                  .expected = "'}' to close an object and ']' to close an array" },
	[UCL_COMMENT_END] = { .id = "ucl.comment-end",
	                      .cause = "unfinished multiline comment",
	                      .expected = "a closing '*/'",
	                      .hint =
	                          "quote values that contain '/*'; inside a comment, a '*/' within double "
	                          "quotes does not count, nor does anything after an odd quote" },
	[UCL_MERGE_TYPE] = { .id = "ucl.merge-type",
	                     .cause = "cannot merge an object with an array",
	                     .expected = "the type that the earlier value of this key has" },
	[UCL_MACRO_ARGUMENTS] = { .id = "ucl.macro-arguments",
	                          .cause = "macro arguments parsing error",
	                          .expected = "arguments of the form (name=value, name=value)",
	                          .hint = "write (try=true)" },
	[UCL_MACRO_VALUE_MISSING] = { .id = "ucl.macro-value",
	                              .cause = "unexpected end of input while parsing macro value",
	                              .expected = "a value after the macro" },
	[UCL_MACRO_VALUE_BRACE] = { .id = "ucl.macro-value",
	                            .cause = "unterminated macro value, missing '}'",
	                            .expected = "a closing '}'" },
	[UCL_NESTING] = { .id = "ucl.nesting",
	                  .cause = "objects are nesting too deep (over 65535 limit)",
	                  .expected = "at most 65535 names for one section" },
};

uint32_t ucl_line_at(struct ucl_chunk *chunk, const char *at)
{
	while (chunk->counted < at) {
		const char *newline = memchr(chunk->counted, '\n', (size_t)(at - chunk->counted));

		if (newline == NULL) {
			chunk->counted = at;
			break;
		}
		chunk->line++;
		chunk->counted = newline + 1;
		chunk->line_start = newline + 1;
	}
	return chunk->line;
}

/* The byte itself if it leaves ink, else its code, as rspamd shows it. */
static void show_byte(char text[8], char c)
{
	if (c > ' ' && c <= '~')
		snprintf(text, 8, "%c", c);
	else
		snprintf(text, 8, "0x%02x", (unsigned)(unsigned char)c);
}

static const char *show_found(char text[32], const struct ucl_chunk *chunk)
{
	char byte[8];

	if (chunk->p >= chunk->end)
		return "the end of the text";
	if (*chunk->p == '\n')
		return "the end of the line";
	if (*chunk->p == '\t')
		return "a tab";
	if (*chunk->p == ' ')
		return "a blank";
	show_byte(byte, *chunk->p);
	snprintf(text, 32, strlen(byte) == 1 ? "'%s'" : "byte %s", byte);
	return text;
}

static bool hint_applies(const char *bytes, const struct ucl_chunk *chunk)
{
	if (bytes == NULL)
		return true;
	return chunk->p < chunk->end && *chunk->p != '\0' && strchr(bytes, *chunk->p) != NULL;
}

bool ucl_fail_at(struct ucl_parser *parser, const char *at, enum ucl_fault fault)
{
	parser->chunk->p = at;
	return ucl_fail(parser, fault);
}

bool ucl_fail(struct ucl_parser *parser, enum ucl_fault fault)
{
	struct ucl_chunk *chunk = parser->chunk;
	struct rnm_error *err = &parser->error;
	char found[32];
	char byte[8];
	uint32_t line;
	uint32_t column;

	if (err->status != RNM_OK)
		return false;
	line = ucl_line_at(chunk, chunk->p);
	column = (uint32_t)(chunk->p - chunk->line_start);
	rnm_error_set(err, RNM_E_MALFORMED, faults[fault].id, "%s: expected %s, found %s",
	              faults[fault].cause, faults[fault].expected, show_found(found, chunk));
	rnm_error_at_column(err, chunk->file, line, column);
	if (faults[fault].hint != NULL && hint_applies(faults[fault].hint_for, chunk))
		rnm_error_set_hint(err, "%s", faults[fault].hint);
	if (chunk->p >= chunk->end) {
		rnm_error_set_reference(err, "error while parsing %s: at the end of chunk: %s", chunk->file,
		                        faults[fault].cause);
		return false;
	}
	show_byte(byte, *chunk->p);
	rnm_error_set_reference(err, "error while parsing %s: line: %u, column: %u - '%s', character: '%s'",
	                        chunk->file, line, column, faults[fault].cause, byte);
	return false;
}

bool ucl_fail_text(struct ucl_parser *parser, const char *id, const char *reference, const char *fmt, ...)
{
	struct ucl_chunk *chunk = parser->chunk;
	struct rnm_error *err = &parser->error;
	char text[RNM_ERROR_TEXT_MAX];
	va_list args;

	if (err->status != RNM_OK)
		return false;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	rnm_error_set(err, RNM_E_MALFORMED, id, "%s", text);
	if (chunk != NULL)
		rnm_error_at_line(err, chunk->file, ucl_line_at(chunk, chunk->p));
	rnm_error_set_reference(err, "%s", reference);
	return false;
}

bool rnm_ucl_is_absence(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == ENAMETOOLONG ||
	       errnum == EACCES;
}

void ucl_set_errno(struct ucl_parser *parser, int errnum)
{
	parser->error.sys_errno = errnum;
	if (!rnm_ucl_is_absence(errnum) || errnum == EACCES)
		parser->error.status = RNM_E_IO;
}

void ucl_hint(struct ucl_parser *parser, const char *fmt, ...)
{
	char text[sizeof(parser->error.hint)];
	va_list args;

	if (parser->error.status == RNM_OK || parser->error.hint[0] != '\0')
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	rnm_error_set_hint(&parser->error, "%s", text);
}

bool ucl_fail_memory(struct ucl_parser *parser)
{
	/* The error that matters most: it replaces a remembered one. */
	if (parser->arena->full) {
		rnm_error_clear(&parser->error);
		return ucl_fail_limit(parser, "the configuration needs more than %zu bytes of memory",
		                      parser->arena->max);
	}
	rnm_error_nomem(&parser->error);
	return false;
}

bool ucl_fail_limit(struct ucl_parser *parser, const char *fmt, ...)
{
	char text[RNM_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return ucl_fail_text(parser, "config.limit", "", "%s", text);
}

bool ucl_fail_with(struct ucl_parser *parser, const struct rnm_error *err)
{
	if (parser->error.status == RNM_OK)
		parser->error = *err;
	return false;
}
