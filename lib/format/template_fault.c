/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong in an expansion, in rspamd's words and in ours. */
#include "format/template_engine.h"

#include <stdio.h>
#include <string.h>

void rnm_tpl_position(const struct rnm_tpl_run *run, size_t pos, uint32_t *line, uint32_t *column)
{
	/* rspamd looks at the text up to and including the position. */
	size_t end = pos < run->len ? pos + 1 : run->len;
	const char *start = run->text;
	const char *stop = run->text + end;
	uint32_t lines = 1;

	while (start < stop) {
		const char *newline = memchr(start, '\n', (size_t)(stop - start));

		if (newline == NULL)
			break;
		start = newline + 1;
		lines++;
	}
	*line = lines;
	*column = (uint32_t)(stop - start);
}

static void set_reference(struct rnm_tpl_run *run, const char *what, size_t pos, const char *text)
{
	uint32_t line;
	uint32_t column;

	rnm_tpl_position(run, pos, &line, &column);
	/* A longer text is cut: nested macros repeat the location once a level. */
	(void)snprintf(run->fault.reference, sizeof(run->fault.reference),
	               "%s Error in file \"<string>\" on line %u, column %u: %.1900s", what, (unsigned)line,
	               (unsigned)column, text);
	run->fault.pos = pos;
	run->fault.has_pos = true;
}

/* Messages are one line: what they quote from a template may not be. */
static void set_cause(struct rnm_tpl_fault *fault, const char *cause)
{
	(void)snprintf(fault->cause, sizeof(fault->cause), "%s", cause);
	for (char *c = fault->cause; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
}

void rnm_tpl_fault_plain(struct rnm_tpl_run *run, enum rnm_tpl_fault_kind kind, const char *cause)
{
	if (run->fault.kind != RNM_TPL_NO_FAULT)
		return;
	run->fault.kind = kind;
	set_cause(&run->fault, cause);
}

void rnm_tpl_fault_at(struct rnm_tpl_run *run, enum rnm_tpl_fault_kind kind, size_t pos, const char *cause)
{
	if (run->fault.kind != RNM_TPL_NO_FAULT)
		return;
	run->fault.kind = kind;
	set_cause(&run->fault, cause);
	if (kind == RNM_TPL_PARSE_FAULT || kind == RNM_TPL_RUNTIME_FAULT)
		set_reference(run, kind == RNM_TPL_PARSE_FAULT ? "Parse" : "Runtime", pos, cause);
	else if (kind == RNM_TPL_PLAIN_FAULT)
		(void)snprintf(run->fault.reference, sizeof(run->fault.reference), "%s", cause);
	run->fault.pos = pos;
	run->fault.has_pos = true;
}

void rnm_tpl_fault_place(struct rnm_tpl_run *run, size_t pos)
{
	struct rnm_tpl_fault *fault = &run->fault;
	char inner[RNM_ERROR_TEXT_MAX];

	switch (fault->kind) {
	case RNM_TPL_PLAIN_FAULT:
	case RNM_TPL_RUNTIME_FAULT:
		/* The failure of a macro, seen from the tag that called it. */
		fault->kind = RNM_TPL_RUNTIME_FAULT;
		memcpy(inner, fault->reference, sizeof(inner));
		set_reference(run, "Runtime", pos, inner);
		break;
	case RNM_TPL_REFUSED_FAULT:
	case RNM_TPL_LIMIT_FAULT:
		/* rspamd has no text for these; the innermost place helps most. */
		if (!fault->has_pos) {
			fault->pos = pos;
			fault->has_pos = true;
		}
		break;
	default:
		break;
	}
}

const char *rnm_tpl_syntax_hint(struct rnm_bytes code)
{
	static const struct {
		const char *mistake;
		const char *hint;
	} hints[] = {
		{ "!=", "write ~= instead of !=: expressions are Lua" },
		{ "&&", "write `and` instead of &&: expressions are Lua" },
		{ "//", "Lua 5.1 has no //: write math.floor(a / b)" },
		{ "++", "Lua has no ++: write x + 1" },
		{ " is ", "write tests as functions: is_defined(x) instead of `x is defined`" },
		{ " in ", "write is_in(a, b) instead of `a in b`" },
		{ "?", "write `c and a or b` instead of `c ? a : b`" },
		{ "!", "write `not x` instead of !x: expressions are Lua" },
		{ "\n", "a string in quotes cannot span lines: write \\n or [[...]]" },
		{ "\"",
		  "a tag ends at the first closing delimiter and filters start at the first `|`, even within "
		  "quotes" },
		{ "'",
		  "a tag ends at the first closing delimiter and filters start at the first `|`, even within "
		  "quotes" },
	};

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (memmem(code.data, code.len, hints[i].mistake, strlen(hints[i].mistake)) != NULL)
			return hints[i].hint;
	return NULL;
}

enum rnm_status rnm_tpl_fault_error(const struct rnm_tpl_run *run, struct rnm_error *err)
{
	const struct rnm_tpl_fault *fault = &run->fault;
	enum rnm_status status;
	uint32_t line;
	uint32_t column;

	switch (fault->kind) {
	case RNM_TPL_NOMEM_FAULT:
		return rnm_error_nomem(err);
	case RNM_TPL_LIMIT_FAULT:
		status = rnm_error_set(err, RNM_E_MALFORMED, "config.limit", "%s", fault->cause);
		rnm_error_set_hint(
		    err, "simplify the template: this is a limit on what one configuration may use");
		break;
	case RNM_TPL_PARSE_FAULT:
		status = rnm_error_set(err, RNM_E_MALFORMED, "config.template",
		                       "expected a well-formed template, found a mistake in its tags: %s",
		                       fault->cause);
		break;
	case RNM_TPL_REFUSED_FAULT:
		status = rnm_error_set(err, RNM_E_MALFORMED, "config.template", "%s", fault->cause);
		break;
	default:
		status = rnm_error_set(err, RNM_E_MALFORMED, "config.template",
		                       "expected a template that can be evaluated, found: %s", fault->cause);
		break;
	}
	if (fault->has_pos) {
		rnm_tpl_position(run, fault->pos, &line, &column);
		(void)rnm_error_at_column(err, "", line, column);
	}
	rnm_error_set_reference(err, "%s", fault->reference);
	if (fault->hint != NULL)
		rnm_error_set_hint(err, "%s", fault->hint);
	return status;
}
