/* SPDX-License-Identifier: Apache-2.0 */
/* The syntax of macros, and those that need no file. */
#include "format/ucl_internal.h"

#include <stdio.h>
#include <string.h>

enum macro { INCLUDE, TRY_INCLUDE, INCLUDES, PRIORITY, LOAD, INHERIT, INCLUDE_MAP };

static const struct {
	const char *name;
	enum macro macro;
} macros[] = { { "include", INCLUDE },
	       { "try_include", TRY_INCLUDE },
	       { "includes", INCLUDES },
	       { "priority", PRIORITY },
	       { "load", LOAD },
	       { "inherit", INHERIT },
	       { "include_map", INCLUDE_MAP } };

bool ucl_argument_is(const struct rnm_value *given, const char *name)
{
	/* rspamd compares over the length of what was written: `t` is `try`.  Items of a list have no key. */
	return given->key.len > 0 && given->key.len <= strlen(name) &&
	       memcmp(given->key.data, name, given->key.len) == 0;
}

static bool fail_name(struct ucl_parser *parser, struct rnm_bytes name)
{
	struct ucl_chunk *chunk = parser->chunk;
	char reference[RNM_ERROR_TEXT_MAX];
	int shown = name.len > 200 ? 200 : (int)name.len;
	uint32_t line = ucl_line_at(chunk, chunk->p);
	uint32_t column = (uint32_t)(chunk->p - chunk->line_start);
	bool first = parser->error.status == RNM_OK;

	if (name.len == 0) {
		snprintf(reference, sizeof(reference), "error at %s:%u at column %u: invalid macro name",
		         chunk->file, line, column);
		ucl_fail_text(parser, "ucl.macro-name", reference, "expected the name of a macro after '.'");
	} else {
		snprintf(reference, sizeof(reference),
		         "error at %s:%u at column %u: unknown macro: '%.*s', character: '%c'", chunk->file,
		         line, column, shown, name.data, *chunk->p);
		ucl_fail_text(
		    parser, "ucl.macro-unknown", reference,
		    "unknown macro '.%.*s': expected include, try_include, includes, priority, load, "
		    "inherit or include_map",
		    shown, name.data);
	}
	if (first)
		rnm_error_at_column(&parser->error, chunk->file, line, column);
	return false;
}

/* The text between the parentheses at the current byte, which are consumed; those in double quotes do not count. */
static bool scan_arguments(struct ucl_parser *parser, struct rnm_bytes *text)
{
	struct ucl_chunk *chunk = parser->chunk;
	const char *start = chunk->p + 1;
	size_t open = 1;
	bool quoted = false;

	for (const char *p = start; p < chunk->end; p++) {
		if (*p == '"' && p[-1] != '\\')
			quoted = !quoted;
		else if (!quoted && *p == '(')
			open++;
		else if (!quoted && *p == ')' && --open == 0) {
			text->data = start;
			text->len = (size_t)(p - start);
			chunk->p = p + 1;
			return true;
		}
	}
	return ucl_fail_at(parser, chunk->end, UCL_MACRO_VALUE_MISSING);
}

static bool read_arguments(struct ucl_parser *parser, struct rnm_value **arguments)
{
	struct rnm_bytes text = { NULL, 0 };

	if (!scan_arguments(parser, &text))
		return false;
	if (parser->chunk->p >= parser->chunk->end)
		return ucl_fail(parser, UCL_MACRO_VALUE_MISSING);
	if (!ucl_parse_arguments(parser, text, arguments))
		return false;
	if (*arguments != NULL)
		return ucl_skip_before_value(parser);
	/* Only remembered: rspamd goes on without arguments, and with a value that starts right here. */
	ucl_fail(parser, UCL_MACRO_ARGUMENTS);
	return true;
}

static bool read_macro_value(struct ucl_parser *parser, struct rnm_bytes *value)
{
	struct ucl_chunk *chunk = parser->chunk;
	struct ucl_quoted quoted;
	const char *close;

	if (*chunk->p == '"') {
		if (!ucl_scan_quoted(parser, &quoted))
			return false;
		*value = quoted.raw;
	} else if (*chunk->p == '{') {
		chunk->p++;
		ucl_skip_white(chunk);
		close = memchr(chunk->p, '}', (size_t)(chunk->end - chunk->p));
		if (close == NULL)
			return ucl_fail_at(parser, chunk->end, UCL_MACRO_VALUE_BRACE);
		*value = (struct rnm_bytes){ chunk->p, (size_t)(close - chunk->p) };
		chunk->p = close + 1;
	} else {
		value->data = chunk->p;
		while (chunk->p < chunk->end && !ucl_is_terminator(*chunk->p))
			chunk->p++;
		value->len = (size_t)(chunk->p - value->data);
	}
	return ucl_expand(parser, value);
}

/* A decimal number that takes all of text, modulo 16. */
static bool parse_priority(struct rnm_bytes text, uint8_t *priority)
{
	const char *p = text.data;
	const char *end = p + text.len;
	unsigned value = 0;
	bool negative;

	while (p < end && ucl_is_white(*p))
		p++;
	negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		value = value * 10 + (unsigned)(*p - '0');
	}
	*priority = (uint8_t)((negative ? 0 - value : value) & UCL_PRIORITY_MASK);
	return true;
}

static bool macro_priority(struct ucl_parser *parser, const struct rnm_value *arguments,
                           struct rnm_bytes value)
{
	struct ucl_chunk *chunk = parser->chunk;
	char reference[RNM_ERROR_TEXT_MAX];
	bool given = false;

	for (size_t i = 0; i < rnm_value_count(arguments); i++) {
		const struct rnm_value *argument = rnm_value_at(arguments, i);

		if (argument->type != RNM_INT || !ucl_argument_is(argument, "priority"))
			continue;
		chunk->priority = (uint8_t)((uint64_t)argument->as.integer & UCL_PRIORITY_MASK);
		given = true;
	}
	if (value.len == 0)
		return given || ucl_fail_text(parser, "ucl.priority", "Unable to parse priority macro",
		                              "expected a number after .priority, found nothing");
	if (parse_priority(value, &chunk->priority))
		return true;
	snprintf(reference, sizeof(reference), "Invalid priority value in macro: %.*s",
	         value.len > 200 ? 200 : (int)value.len, value.data);
	ucl_fail_text(parser, "ucl.priority", reference,
	              "expected a decimal number after .priority, found '%.*s'",
	              value.len > 200 ? 200 : (int)value.len, value.data);
	ucl_hint(parser, "end the value with ';' or a newline: even a blank after the number is refused");
	return false;
}

/*
 * A copy as rspamd makes it: a repeated scalar is copied with all its values, of a repeated object or
 * array only the first.
 */
static struct rnm_value *copy_inherited(struct ucl_parser *parser, const struct rnm_value *from, size_t depth)
{
	struct rnm_value *head = NULL;
	struct rnm_value **link = &head;

	if (depth == 0) {
		ucl_fail_limit(parser, "objects and arrays are nested deeper than %zu levels",
		               parser->max_depth);
		return NULL;
	}
	for (const struct rnm_value *value = from; value != NULL; value = value->next) {
		struct rnm_value *copy = rnm_value_new(parser->arena, RNM_NULL);

		if (copy == NULL || ++parser->inherit_steps > UCL_INHERIT_STEPS_MAX) {
			if (copy == NULL)
				ucl_fail_memory(parser);
			else
				ucl_fail_limit(parser, "the .inherit macros copy more than %u values",
				               UCL_INHERIT_STEPS_MAX);
			return NULL;
		}
		*copy = *value;
		copy->next = NULL;
		*link = copy;
		link = &copy->next;
		if (value->type != RNM_ARRAY && value->type != RNM_OBJECT)
			continue;
		copy->as.members = NULL;
		for (size_t i = 0; i < rnm_value_count(value); i++) {
			const struct rnm_value *item = rnm_value_at(value, i);
			struct rnm_value *child = copy_inherited(parser, item, depth - 1);

			if (child == NULL)
				return NULL;
			if (!(value->type == RNM_ARRAY
			          ? rnm_value_push(parser->arena, copy, child)
			          : rnm_value_add(parser->arena, copy, item->key, child))) {
				ucl_fail_memory(parser);
				return NULL;
			}
		}
		if (from->type == RNM_ARRAY || from->type == RNM_OBJECT)
			break;
	}
	return head;
}

/* Copies one member of the inherited object unless the current object has that key. */
static bool inherit_member(struct ucl_parser *parser, struct rnm_value *to, const struct rnm_value *member,
                           bool replace)
{
	struct rnm_value *old = rnm_value_find(to, member->key);
	struct rnm_value *copy;

	if (++parser->inherit_steps > UCL_INHERIT_STEPS_MAX)
		return ucl_fail_limit(parser, "the .inherit macros copy more than %u values",
		                      UCL_INHERIT_STEPS_MAX);
	if (old != NULL && !replace)
		return true;
	copy = copy_inherited(parser, member, parser->max_depth - parser->depth + 1);
	if (copy == NULL)
		return false;
	copy->flags |= RNM_VALUE_INHERITED;
	if (old != NULL)
		return rnm_value_chain(to, old, copy);
	return rnm_value_add(parser->arena, to, member->key, copy) || ucl_fail_memory(parser);
}

static bool macro_inherit(struct ucl_parser *parser, const struct rnm_value *arguments,
                          struct rnm_bytes value)
{
	struct rnm_value *from = rnm_value_find(parser->root, value);
	struct rnm_value *to = parser->stack[parser->depth - 1].node;
	char reference[RNM_ERROR_TEXT_MAX];
	bool replace = false;
	size_t count;

	if (from == NULL || from->type != RNM_OBJECT) {
		snprintf(reference, sizeof(reference), "Unable to find inherited object %.*s",
		         value.len > 200 ? 200 : (int)value.len, value.data);
		return ucl_fail_text(
		    parser, "ucl.inherit", reference,
		    "expected the name of an earlier top-level section after .inherit, found '%.*s'",
		    value.len > 200 ? 200 : (int)value.len, value.data);
	}
	for (size_t i = 0; i < rnm_value_count(arguments); i++) {
		const struct rnm_value *argument = rnm_value_at(arguments, i);

		if (argument->type == RNM_BOOL && ucl_argument_is(argument, "replace"))
			replace = argument->as.boolean;
	}
	/* The inherited object may grow meanwhile when the current one lies inside it. */
	count = rnm_value_count(from);
	for (size_t i = 0; i < count; i++)
		if (!inherit_member(parser, to, rnm_value_at(from, i), replace))
			return false;
	return true;
}

static bool run_macro(struct ucl_parser *parser, enum macro macro, const struct rnm_value *arguments,
                      struct rnm_bytes value)
{
	switch (macro) {
	case INCLUDE:
	case TRY_INCLUDE:
	case INCLUDES:
		return ucl_macro_include(parser, arguments, value,
		                         macro == INCLUDES      ? UCL_SIGNED_INCLUDE
		                         : macro == TRY_INCLUDE ? UCL_TRY_INCLUDE
		                                                : UCL_INCLUDE);
	case PRIORITY:
		return macro_priority(parser, arguments, value);
	case LOAD:
		return ucl_macro_load(parser, arguments, value);
	case INHERIT:
		return macro_inherit(parser, arguments, value);
	case INCLUDE_MAP:
		return true; /* a live map, empty as long as no rspamd runs */
	}
	return true;
}

bool ucl_read_macro(struct ucl_parser *parser)
{
	struct ucl_chunk *chunk = parser->chunk;
	struct rnm_bytes name = { ++chunk->p, 0 };
	struct rnm_bytes value = { "", 0 };
	struct rnm_value *arguments = NULL;
	size_t i = 0;

	while (chunk->p < chunk->end && !ucl_is_white(*chunk->p) && *chunk->p != '(')
		chunk->p++;
	/* rspamd waits for the rest of a macro that the text cuts off, and never notices that none comes. */
	if (chunk->p >= chunk->end)
		return true;
	name.len = (size_t)(chunk->p - name.data);
	while (i < sizeof(macros) / sizeof(macros[0]) && !rnm_bytes_equal(name, rnm_bytes_of(macros[i].name)))
		i++;
	if (i == sizeof(macros) / sizeof(macros[0]))
		return fail_name(parser, name);
	if (!ucl_skip_before_value(parser))
		return false;
	if (chunk->p < chunk->end && *chunk->p == '(' && !read_arguments(parser, &arguments))
		return false;
	if (chunk->p >= chunk->end)
		return true;
	if (!read_macro_value(parser, &value) || !run_macro(parser, macros[i].macro, arguments, value))
		return false;
	while (chunk->p < chunk->end && (ucl_is_white(*chunk->p) || *chunk->p == ';'))
		chunk->p++;
	return true;
}
