/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands inside a tag, split into its parts: expression and filters, loop variables, macro
 * arguments.  Splitting is as literal as rspamd's: the first `|` ends an expression even when it stands
 * inside quotes.
 */
#include "format/template_engine.h"

#include <stdio.h>
#include <string.h>

/* Parentheses without partner are looked for in vain; more of them than this are an attack, not a typo. */
#define UNBALANCED_MAX 64u

bool rnm_tpl_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool rnm_tpl_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void *rnm_tpl_alloc(struct rnm_tpl_run *run, size_t size)
{
	void *memory = rnm_arena_alloc(&run->arena, size);

	if (memory == NULL && size <= run->arena.max && run->arena.used <= run->arena.max - size)
		rnm_tpl_fault_plain(run, RNM_TPL_NOMEM_FAULT, "out of memory");
	else if (memory == NULL)
		rnm_tpl_fault_plain(
		    run, RNM_TPL_LIMIT_FAULT,
		    "expected a template that fits into the memory of the template engine, found "
		    "more tags than that");
	return memory;
}

static struct rnm_bytes slice(struct rnm_bytes text, size_t start, size_t end)
{
	return (struct rnm_bytes){ text.data + start, end - start };
}

static struct rnm_bytes trim_end(struct rnm_bytes text)
{
	while (text.len > 0 && rnm_tpl_is_space(text.data[text.len - 1]))
		text.len--;
	return text;
}

static size_t skip_space(struct rnm_bytes text, size_t at)
{
	while (at < text.len && rnm_tpl_is_space(text.data[at]))
		at++;
	return at;
}

static size_t skip_word(struct rnm_bytes text, size_t at)
{
	while (at < text.len && rnm_tpl_is_word(text.data[at]))
		at++;
	return at;
}

/* A name that a template may assign: a word that does not start with a digit. */
static bool is_name(struct rnm_bytes text)
{
	return text.len > 0 && skip_word(text, 0) == text.len &&
	       !(text.data[0] >= '0' && text.data[0] <= '9');
}

bool rnm_tpl_parse_code(struct rnm_tpl_run *run, struct rnm_tpl_code *code, struct rnm_bytes text)
{
	code->text = text;
	code->slot = ++run->slots;
	return rnm_tpl_translate_escapes(run, code);
}

/* The index behind the `)` that closes the `(` at open, or 0. */
static size_t skip_parentheses(struct rnm_bytes text, size_t open)
{
	size_t depth = 0;

	for (size_t i = open; i < text.len; i++) {
		if (text.data[i] == '(')
			depth++;
		else if (text.data[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* The index of the `|` that ends the filter at `at`: one inside a parenthesised group does not count. */
static bool find_filter_end(struct rnm_tpl_run *run, struct rnm_bytes text, size_t at, unsigned *unbalanced,
                            size_t *end)
{
	while (at < text.len && text.data[at] != '|') {
		size_t behind = text.data[at] == '(' ? skip_parentheses(text, at) : 0;

		if (text.data[at] == '(' && behind == 0 && ++*unbalanced > UNBALANCED_MAX) {
			rnm_tpl_fault_plain(
			    run, RNM_TPL_LIMIT_FAULT,
			    "expected at most 64 unbalanced parentheses in the filters of a tag, found more");
			return false;
		}
		at = behind > 0 ? behind : at + 1;
	}
	*end = at;
	return true;
}

/* NAME, NAME(ARGS) or NAME ARGS: one parenthesis is taken off either end of what follows the name. */
static bool parse_filter(struct rnm_tpl_run *run, struct rnm_tpl_filter *filter, struct rnm_bytes text,
                         size_t offset)
{
	const char *open = memchr(text.data, '(', text.len);
	size_t name = skip_space(text, 0);
	size_t name_end = skip_word(text, name);
	struct rnm_bytes args = trim_end(slice(text, name_end, text.len));

	filter->name = slice(text, name, name_end);
	/* rspamd skips the blanks before the name only when a group in parentheses follows. */
	filter->offset = offset;
	if (open != NULL && skip_parentheses(text, (size_t)(open - text.data)) > 0)
		filter->offset += name;
	if (args.len == 0)
		return true;
	if (args.data[args.len - 1] == ')')
		args.len--;
	if (args.len > 0 && args.data[0] == '(')
		args = slice(args, 1, args.len);
	return rnm_tpl_parse_code(run, &filter->args, args);
}

bool rnm_tpl_parse_filters(struct rnm_tpl_run *run, struct rnm_tpl_filter **out, struct rnm_bytes text,
                           size_t offset)
{
	unsigned unbalanced = 0;
	size_t at = 0;

	while (at < text.len) {
		struct rnm_tpl_filter *filter;
		size_t end;

		if (!find_filter_end(run, text, at, &unbalanced, &end))
			return false;
		/* rspamd ignores empty filters at the ends and crashes on some in the middle. */
		if (skip_space(slice(text, 0, end), at) < end) {
			filter = rnm_tpl_alloc(run, sizeof(*filter));
			if (filter == NULL || !parse_filter(run, filter, slice(text, at, end), offset + at))
				return false;
			*out = filter;
			out = &filter->next;
		}
		at = end + 1;
	}
	return true;
}

bool rnm_tpl_parse_pipe(struct rnm_tpl_run *run, struct rnm_tpl_pipe *pipe, struct rnm_bytes text)
{
	const char *bar = text.len == 0 ? NULL : memchr(text.data, '|', text.len);
	size_t base = bar == NULL ? text.len : (size_t)(bar - text.data);

	if (!rnm_tpl_parse_code(run, &pipe->base, slice(text, 0, base)))
		return false;
	if (bar == NULL)
		return true;
	return rnm_tpl_parse_filters(run, &pipe->filters, slice(text, base + 1, text.len), base + 1);
}

static void set_defect(struct rnm_tpl_tag *tag, const char *defect, size_t pos)
{
	if (tag->defect == NULL) {
		tag->defect = defect;
		tag->defect_pos = pos;
	}
}

/* Where WORD stands between white space within [from, to), or to: the last or the first such place. */
static size_t find_word(struct rnm_bytes text, const char *word, size_t from, size_t to)
{
	size_t len = strlen(word);

	for (size_t at = to; at-- > from;) {
		if (at > from && at + len < to && rnm_tpl_is_space(text.data[at - 1]) &&
		    memcmp(text.data + at, word, len) == 0 && rnm_tpl_is_space(text.data[at + len]) &&
		    skip_space(text, at + len) < to)
			return at;
	}
	return to;
}

/* The variables of a loop: words, whatever separates them. */
static bool parse_loop_names(struct rnm_tpl_run *run, struct rnm_tpl_tag *tag, struct rnm_bytes text,
                             size_t pos)
{
	struct rnm_tpl_name **tail = &tag->names;
	unsigned count = 0;
	size_t at = 0;

	for (;;) {
		struct rnm_tpl_name *name;
		size_t end;

		while (at < text.len && !rnm_tpl_is_word(text.data[at]))
			at++;
		if (at == text.len)
			return true;
		if (++count > RNM_TPL_ARGS_MAX) {
			rnm_tpl_fault_at(run, RNM_TPL_LIMIT_FAULT, pos,
			                 "expected at most 64 variables in a loop, found more");
			return false;
		}
		end = skip_word(text, at);
		name = rnm_tpl_alloc(run, sizeof(*name));
		if (name == NULL)
			return false;
		name->text = slice(text, at, end);
		if (!is_name(name->text) || (name->text.len == 4 && memcmp(name->text.data, "loop", 4) == 0))
			set_defect(tag, "invalid variable name", pos + end);
		*tail = name;
		tail = &name->next;
		at = end;
	}
}

bool rnm_tpl_parse_for(struct rnm_tpl_run *run, struct rnm_tpl_tag *tag, struct rnm_bytes text, size_t pos)
{
	size_t names = 0;
	size_t in;
	size_t expr;
	size_t condition;

	while (names < text.len && (rnm_tpl_is_word(text.data[names]) || rnm_tpl_is_space(text.data[names]) ||
	                            text.data[names] == ','))
		names++;
	in = text.len;
	/* The last ` in ` that has only names before it. */
	for (size_t at = names; at-- > 1;) {
		if (at + 2 < text.len && memcmp(text.data + at, "in", 2) == 0 &&
		    rnm_tpl_is_space(text.data[at - 1]) && rnm_tpl_is_space(text.data[at + 2])) {
			in = at;
			break;
		}
	}
	if (in == text.len || skip_space(text, in + 2) == text.len || skip_space(text, 0) == in) {
		set_defect(tag, "invalid for expression", pos);
		return true;
	}
	if (!parse_loop_names(run, tag, slice(text, 0, in), pos))
		return false;
	expr = skip_space(text, in + 2);
	tag->list_pos = pos + expr;
	condition = find_word(text, "if", expr, text.len);
	if (!rnm_tpl_parse_pipe(run, &tag->pipe, trim_end(slice(text, expr, condition))))
		return false;
	if (condition == text.len)
		return true;
	condition = skip_space(text, condition + 2);
	return rnm_tpl_parse_pipe(run, &tag->condition, slice(text, condition, text.len));
}

bool rnm_tpl_parse_set(struct rnm_tpl_run *run, struct rnm_tpl_tag *tag, struct rnm_bytes text, size_t pos)
{
	size_t name_end = skip_word(text, 0);
	size_t equals = skip_space(text, name_end);
	size_t value = equals < text.len ? skip_space(text, equals + 1) : text.len;

	tag->name = slice(text, 0, name_end);
	if (!is_name(tag->name) || equals == text.len || text.data[equals] != '=' || value == text.len) {
		set_defect(tag, "invalid variable name or expression", pos);
		return true;
	}
	return rnm_tpl_parse_pipe(run, &tag->pipe, slice(text, value, text.len));
}

/* A list of names between commas, each with an optional default. */
static bool parse_arguments(struct rnm_tpl_run *run, struct rnm_tpl_tag *tag, struct rnm_bytes text,
                            size_t pos)
{
	struct rnm_tpl_name **tail = &tag->names;
	unsigned count = 0;
	size_t at = 0;

	while (at < text.len) {
		const char *comma = memchr(text.data + at, ',', text.len - at);
		size_t end = comma == NULL ? text.len : (size_t)(comma - text.data);
		size_t start = skip_space(text, at);
		size_t name_end = start < end ? skip_word(text, start) : start;
		size_t value = name_end < end && text.data[name_end] == '=' ? name_end + 1 : name_end;
		struct rnm_tpl_name *name;

		at = end + 1;
		if (name_end <= start)
			continue;
		name = rnm_tpl_alloc(run, sizeof(*name));
		if (name == NULL)
			return false;
		if (++count > RNM_TPL_ARGS_MAX) {
			rnm_tpl_fault_at(run, RNM_TPL_LIMIT_FAULT, pos,
			                 "expected at most 64 arguments of a macro, found more");
			return false;
		}
		name->text = slice(text, start, name_end);
		name->fallback_pos = pos + value;
		if (trim_end(slice(text, value, end)).len > 0 &&
		    !rnm_tpl_parse_code(run, &name->fallback, slice(text, value, end)))
			return false;
		*tail = name;
		tail = &name->next;
	}
	return true;
}

bool rnm_tpl_parse_macro(struct rnm_tpl_run *run, struct rnm_tpl_tag *tag, struct rnm_bytes text, size_t pos)
{
	size_t open = skip_word(text, 0);
	size_t close = open < text.len && text.data[open] == '(' ? skip_parentheses(text, open) : 0;

	tag->name = slice(text, 0, open);
	if (!is_name(tag->name) || close == 0) {
		set_defect(tag, "invalid macro expression", pos);
		return true;
	}
	return parse_arguments(run, tag, slice(text, open + 1, close - 1), pos + open + 1);
}

/* `call(a, b) EXPR`: arguments of the caller may stand in front. */
bool rnm_tpl_parse_call(struct rnm_tpl_run *run, struct rnm_tpl_tag *tag, struct rnm_bytes text, size_t pos)
{
	size_t behind = text.data[0] == '(' ? skip_parentheses(text, 0) : 0;
	size_t expr = skip_space(text, behind);

	/* In `call (f)` the parentheses are the expression. */
	if (expr == text.len)
		behind = expr = 0;
	if (behind > 0 && !parse_arguments(run, tag, slice(text, 1, behind - 1), pos + 1))
		return false;
	return rnm_tpl_parse_pipe(run, &tag->pipe, slice(text, expr, text.len));
}
