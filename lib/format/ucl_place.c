/* SPDX-License-Identifier: Apache-2.0 */
/* Where a member goes when its key exists already, and the stack of open objects. */
#include "base/grow.h"
#include "format/ucl_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rnm_value *ucl_new_node(struct ucl_parser *parser, const char *at)
{
	struct rnm_value *node = rnm_value_new(parser->arena, RNM_NULL);

	if (node == NULL) {
		ucl_fail_memory(parser);
		return NULL;
	}
	node->priority = parser->chunk->priority;
	node->file = parser->chunk->file;
	node->line = ucl_line_at(parser->chunk, at);
	return node;
}

/* Repeated keys of restricted mode: the first value becomes an array that takes the others. */
static bool collect(struct ucl_parser *parser, struct rnm_value *object, struct rnm_value *old)
{
	struct rnm_value *array = old;

	if (old->type != RNM_ARRAY) {
		array = rnm_value_new(parser->arena, RNM_ARRAY);
		if (array == NULL)
			return ucl_fail_memory(parser);
		array->line = old->line;
		array->file = old->file;
		if (!rnm_value_replace(object, old->key, array) || !rnm_value_push(parser->arena, array, old))
			return ucl_fail_memory(parser);
		old->key = (struct rnm_bytes){ NULL, 0 };
	}
	if (!rnm_value_push(parser->arena, array, parser->pending))
		return ucl_fail_memory(parser);
	return true;
}

/* inherited: a copy made by .inherit gives way to the new value. */
static bool append(struct ucl_parser *parser, struct rnm_value *object, struct rnm_value *old, bool inherited)
{
	struct rnm_value *node = parser->pending;

	if (parser->restricted && !parser->is_arguments)
		return collect(parser, object, old);
	if (inherited || node->priority > old->priority)
		rnm_value_replace(object, old->key, node);
	else if (node->priority == old->priority)
		rnm_value_chain(object, old, node);
	/* A lower priority: the value is parsed, for its errors and includes, and dropped. */
	return true;
}

static bool fail_duplicate(struct ucl_parser *parser, struct rnm_bytes key)
{
	struct ucl_chunk *chunk = parser->chunk;
	struct rnm_error *err = &parser->error;
	char reference[RNM_ERROR_TEXT_MAX];
	uint32_t line = ucl_line_at(chunk, chunk->p);
	uint32_t column = (uint32_t)(chunk->p - chunk->line_start);
	int len = key.len > 200 ? 200 : (int)key.len;

	if (err->status != RNM_OK)
		return false;
	/* place() is only reached with a byte left, so there is always a character to show. */
	snprintf(reference, sizeof(reference),
	         "error while parsing %s: line: %u, column: %u - 'duplicate element for key '%.*s' found', "
	         "character: '",
	         chunk->file, line, column, len, key.data);
	if (*chunk->p > ' ' && *chunk->p <= '~')
		snprintf(reference + strlen(reference), sizeof(reference) - strlen(reference), "%c'",
		         *chunk->p);
	else
		snprintf(reference + strlen(reference), sizeof(reference) - strlen(reference), "0x%02x'",
		         (unsigned)(unsigned char)*chunk->p);
	ucl_fail_text(parser, "ucl.duplicate-key", reference,
	              "key '%.*s' exists already and this file was included with duplicate=error", len,
	              key.data);
	rnm_error_at_column(err, chunk->file, line, column);
	return false;
}

bool ucl_place(struct ucl_parser *parser, struct rnm_bytes key, const char *key_at)
{
	struct rnm_value *object = parser->stack[parser->depth - 1].node;
	struct rnm_value *old = rnm_value_find(object, key);
	enum ucl_strategy strategy = parser->chunk->strategy;

	parser->pending_reused = false;
	if (old != NULL && strategy == UCL_ERROR)
		return fail_duplicate(parser, key);
	if (old != NULL && strategy == UCL_MERGE && (old->type == RNM_OBJECT || old->type == RNM_ARRAY)) {
		parser->pending = old;
		parser->pending_reused = true;
		return true;
	}
	parser->pending = ucl_new_node(parser, key_at);
	if (parser->pending == NULL)
		return false;
	if (old == NULL)
		return rnm_value_add(parser->arena, object, key, parser->pending) || ucl_fail_memory(parser);
	if (strategy == UCL_REWRITE)
		return rnm_value_replace(object, key, parser->pending);
	/* Under merge scalars meet as with append; only the mark of .inherit does not count. */
	return append(parser, object, old, strategy == UCL_APPEND && (old->flags & RNM_VALUE_INHERITED) != 0);
}

bool ucl_push_open(struct ucl_parser *parser, struct rnm_value *node, enum ucl_open_kind kind)
{
	struct ucl_open *stack, *entry;

	parser->names_open = kind == UCL_OPEN_NAME ? parser->names_open + 1 : 0;
	if (parser->names_open > UCL_NAMES_MAX)
		return ucl_fail(parser, UCL_NESTING);
	if (parser->depth >= parser->max_depth)
		return ucl_fail_limit(parser, "objects and arrays are nested deeper than %zu levels",
		                      parser->max_depth);
	stack = rnm_grow(parser->stack, parser->depth, &parser->stack_cap, sizeof(*stack));
	if (stack == NULL) {
		rnm_error_nomem(&parser->error);
		return false;
	}
	parser->stack = stack;
	entry = &parser->stack[parser->depth++];
	entry->node = node;
	entry->line = ucl_line_at(parser->chunk, parser->chunk->p);
	entry->chunk = parser->chunk->id;
	entry->kind = kind;
	entry->braced = kind == UCL_OPEN_BRACE || kind == UCL_OPEN_REFUSED;
	return true;
}

bool ucl_open_pending(struct ucl_parser *parser, enum rnm_type type, enum ucl_open_kind kind)
{
	struct rnm_value *node = parser->pending;

	if (parser->pending_reused && node->type != (uint8_t)type) {
		ucl_fail(parser, UCL_MERGE_TYPE);
		ucl_hint(parser, "the earlier value is at %s:%u", node->file != NULL ? node->file : "?",
		         node->line);
		return false;
	}
	node->type = (uint8_t)type;
	parser->pending = NULL;
	return ucl_push_open(parser, node, kind);
}

static bool fail_not_opened(struct ucl_parser *parser, const struct ucl_open *top)
{
	struct ucl_chunk *chunk = parser->chunk;
	char reference[RNM_ERROR_TEXT_MAX];
	uint32_t line = ucl_line_at(chunk, chunk->p);

	snprintf(reference, sizeof(reference), "%s:%u object closed with } is not opened with { at line %u",
	         chunk->file, line, top->line);
	ucl_fail_text(
	    parser, "ucl.extra-brace", reference,
	    "'}' has no '{' that it could close: the object that is open here began at line %u without one",
	    top->line);
	if (top->kind == UCL_OPEN_BRACE) /* its brace was taken away, see ucl_close */
		ucl_hint(parser,
		         "a file that is included in this section starts with '{' or has a '}' too many; "
		         "files in local.d and override.d must not wrap their settings in braces");
	return false;
}

bool ucl_close(struct ucl_parser *parser, bool *finished)
{
	struct ucl_chunk *chunk = parser->chunk;
	struct ucl_open *top = &parser->stack[parser->depth - 1];
	enum rnm_type type = *chunk->p == '}' ? RNM_OBJECT : RNM_ARRAY;

	*finished = false;
	if (top->node->type != (uint8_t)type || top->kind == UCL_OPEN_REFUSED)
		return ucl_fail(parser, UCL_CLOSING);
	if (!top->braced)
		return fail_not_opened(parser, top);
	chunk->p++;
	if (top->chunk != chunk->id) {
		/* An included file takes the brace of the section around it away; the section stays open and
		 * its own closing brace will fail. */
		top->braced = false;
		return true;
	}
	parser->depth--;
	while (parser->depth > 0 && parser->stack[parser->depth - 1].kind == UCL_OPEN_NAME)
		parser->depth--;
	*finished = parser->depth == 0;
	return true;
}

bool ucl_check_closed(struct ucl_parser *parser)
{
	struct ucl_chunk *chunk = parser->chunk;
	char reference[RNM_ERROR_TEXT_MAX];
	uint32_t line = ucl_line_at(chunk, chunk->p);
	uint32_t innermost = 0;
	size_t count = 0;
	size_t len = 0;

	for (size_t i = parser->depth; i > 0; i--) {
		const struct ucl_open *entry = &parser->stack[i - 1];

		if (!entry->braced || entry->chunk != chunk->id)
			continue;
		if (count++ == 0)
			innermost = entry->line;
		if (len < sizeof(reference) - 1)
			len += (size_t)snprintf(reference + len, sizeof(reference) - len,
			                        "%s:%u unmatched open brace at %u; ", chunk->file, line,
			                        entry->line);
	}
	if (count == 0)
		return true;
	return ucl_fail_text(
	    parser, "ucl.unmatched-brace", reference,
	    "the text ends before the brace or bracket opened at line %u is closed (%zu open)", innermost,
	    count);
}
