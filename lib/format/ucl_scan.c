/* SPDX-License-Identifier: Apache-2.0 */
#include "format/ucl_internal.h"

#include <string.h>

/* The table's letters: a blank, a newline, other white space, a terminator, a byte that starts a key, one
 * that only continues it. */
#define B (UCL_BLANK | UCL_WHITE)
#define N (UCL_WHITE | UCL_TERMINATOR)
#define W UCL_WHITE
#define T UCL_TERMINATOR
#define K (UCL_KEY_FIRST | UCL_KEY_BODY)
#define D UCL_KEY_BODY

/* rspamd: contrib/libucl/ucl_chartable.h. */
const unsigned char ucl_classes[256] = {
	/* clang-format off */
	/* 00 */ T, 0, 0, 0, 0, 0, 0, 0, 0, B, N, W, W, N, 0, 0,
	/* 10 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 20 */ B, 0, 0, T, 0, 0, 0, 0, 0, 0, 0, 0, T, D, D, K,
	/* 30 */ K, K, K, K, K, K, K, K, K, K, 0, T, 0, 0, 0, 0,
	/* 40 */ 0, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K,
	/* 50 */ K, K, K, K, K, K, K, K, K, K, K, 0, 0, T, 0, K,
	/* 60 */ 0, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K,
	/* 70 */ K, K, K, K, K, K, K, K, K, K, K, 0, 0, T, 0, 0,
	/* 80 */ K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K,
	/* 90 */ K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K,
	/* a0 */ K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K,
	/* b0 */ K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K,
	/* c0 */ K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K,
	/* d0 */ K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K,
	/* e0 */ K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K,
	/* f0 */ K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K,
	/* clang-format on */
};

void ucl_skip_white(struct ucl_chunk *chunk)
{
	while (chunk->p < chunk->end && ucl_is_white(*chunk->p))
		chunk->p++;
}

/* A '#' that is the very last byte is no comment here: rspamd looks at two bytes. */
bool ucl_at_comment(const struct ucl_chunk *chunk)
{
	const char *p = chunk->p;

	return chunk->end - p >= 2 && (p[0] == '#' || (p[0] == '/' && p[1] == '*'));
}

/*
 * Nested; double quotes hide everything up to the next double quote.  A quote after a backslash does not
 * count, whatever stands before the backslash.
 */
static bool skip_block_comment(struct ucl_parser *parser)
{
	struct ucl_chunk *chunk = parser->chunk;
	const char *p = chunk->p + 2;
	size_t open = 1;
	bool quoted = false;

	for (; p < chunk->end; p++) {
		if (*p == '"') {
			if (p[-1] != '\\')
				quoted = !quoted;
		} else if (quoted) {
			continue;
		} else if (*p == '*' && chunk->end - p >= 2 && p[1] == '/') {
			p++;
			if (--open == 0) {
				chunk->p = p + 1;
				return true;
			}
		} else if (*p == '/' && chunk->end - p >= 2 && p[1] == '*') {
			p++;
			open++;
		}
	}
	return ucl_fail_at(parser, chunk->end, UCL_COMMENT_END);
}

bool ucl_skip_comment_run(struct ucl_parser *parser)
{
	struct ucl_chunk *chunk = parser->chunk;

	while (chunk->p < chunk->end) {
		if (*chunk->p == '#') {
			const char *newline = memchr(chunk->p, '\n', (size_t)(chunk->end - chunk->p));

			chunk->p = newline != NULL ? newline + 1 : chunk->end;
		} else if (chunk->end - chunk->p >= 2 && chunk->p[0] == '/' && chunk->p[1] == '*') {
			if (!skip_block_comment(parser))
				return false;
		} else {
			break;
		}
	}
	return true;
}

bool ucl_skip_before_value(struct ucl_parser *parser)
{
	struct ucl_chunk *chunk = parser->chunk;

	if (chunk->p >= chunk->end || !(ucl_is_white(*chunk->p) || ucl_at_comment(chunk)))
		return true;
	ucl_skip_white(chunk);
	return ucl_skip_comment_run(parser);
}
