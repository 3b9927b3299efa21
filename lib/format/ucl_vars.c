/* SPDX-License-Identifier: Apache-2.0 */
#include "format/ucl_internal.h"

#include <string.h>

/* What stands at a '$': how much text it takes and what it becomes. */
struct step {
	size_t consumed;
	struct rnm_bytes value;
	bool known; /* a variable, not literal text */
};

static const struct ucl_var *find_exact(const struct ucl_parser *parser, struct rnm_bytes name)
{
	for (size_t i = 0; i < parser->var_count; i++)
		if (rnm_bytes_equal(parser->vars[i].name, name))
			return &parser->vars[i];
	return NULL;
}

/* The first variable in the list, not the longest, wins: $VERSION_MAJOR is $VERSION and "_MAJOR". */
static const struct ucl_var *find_prefix(const struct ucl_parser *parser, const char *p, size_t len)
{
	for (size_t i = 0; i < parser->var_count; i++) {
		struct rnm_bytes name = parser->vars[i].name;

		if (name.len <= len && memcmp(p, name.data, name.len) == 0)
			return &parser->vars[i];
	}
	return NULL;
}

static struct step step_at(const struct ucl_parser *parser, const char *p, const char *end)
{
	struct step step = { 1, { p, 1 }, false };
	const struct ucl_var *var;

	if (end - p < 2)
		return step;
	if (p[1] == '$') {
		step.consumed = 2;
		return step;
	}
	if (p[1] == '{') {
		/* Looking farther than the longest name would make "${${${..." quadratic. */
		size_t left = (size_t)(end - p) - 2;
		size_t reach = parser->longest_var + 1;
		const char *close = memchr(p + 2, '}', left < reach ? left : reach);

		step.consumed = 2;
		step.value.len = 2;
		if (close == NULL)
			return step;
		var = find_exact(parser, (struct rnm_bytes){ p + 2, (size_t)(close - p) - 2 });
		if (var != NULL)
			step = (struct step){ (size_t)(close - p) + 1, var->value, true };
		return step;
	}
	var = find_prefix(parser, p + 1, (size_t)(end - p) - 1);
	if (var != NULL)
		step = (struct step){ 1 + var->name.len, var->value, true };
	return step;
}

/* Writes the expansion to `to` unless that is NULL; returns its length.  *known: a variable occurred. */
static size_t walk(const struct ucl_parser *parser, struct rnm_bytes text, char *to, bool *known)
{
	const char *p = text.data;
	const char *end = p + text.len;
	size_t len = 0;

	while (p < end) {
		const char *dollar = memchr(p, '$', (size_t)(end - p));
		size_t plain = (size_t)((dollar != NULL ? dollar : end) - p);
		struct step step = { 0, { NULL, 0 }, false };

		if (dollar != NULL)
			step = step_at(parser, dollar, end);
		if (to != NULL) {
			memcpy(to + len, p, plain);
			if (step.value.len > 0)
				memcpy(to + len + plain, step.value.data, step.value.len);
		}
		*known = *known || step.known;
		len += plain + step.value.len;
		p += plain + step.consumed;
	}
	return len;
}

bool ucl_expand(struct ucl_parser *parser, struct rnm_bytes *text)
{
	bool known = false;
	size_t len;
	char *to;

	if (parser->restricted || parser->var_count == 0)
		return true;
	len = walk(parser, *text, NULL, &known);
	/* Even "$$" stays as written unless the same text holds a variable. */
	if (!known)
		return true;
	to = len < parser->arena->max ? rnm_arena_alloc(parser->arena, len + 1) : NULL;
	if (to == NULL) {
		parser->arena->full = parser->arena->full || len >= parser->arena->max;
		return ucl_fail_memory(parser);
	}
	walk(parser, *text, to, &known);
	text->data = to;
	text->len = len;
	return true;
}

bool ucl_set_file_vars(struct ucl_parser *parser, const char *file)
{
	const char *slash = strrchr(file, '/');
	size_t dir_len = slash == NULL ? 0 : slash == file ? 1 : (size_t)(slash - file);
	const char *dir;

	if (parser->var_count < 2)
		return true;
	dir = slash == NULL ? "." : rnm_arena_strndup(parser->arena, file, dir_len);
	if (dir == NULL)
		return ucl_fail_memory(parser);
	parser->vars[0].value = rnm_bytes_of(file);
	parser->vars[1].value = rnm_bytes_of(dir);
	return true;
}
