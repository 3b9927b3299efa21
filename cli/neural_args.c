/* SPDX-License-Identifier: Apache-2.0 */
#include "neural_args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCOPE ON(VERB_NEURAL_EXPORT)
/* The original's layout: width of the usage block, its indent, and the columns of the help. */
#define USAGE_WIDTH 70
#define USAGE_INDENT 7
#define HELP_MARGIN 3
#define HELP_COLUMN 32
/* Names longer than this are never one character away from ours. */
#define SPELLING_MAX 40

bool neural_args_program(const char *program)
{
	const char *slash = strrchr(program, '/');

	return strcmp(slash != NULL ? slash + 1 : program, verb_specs[VERB_NEURAL_EXPORT].name) == 0;
}

static bool fail(struct neural_args *args, const char *fmt, ...) RNM_PRINTF(2, 3);
static bool fail(struct neural_args *args, const char *fmt, ...)
{
	va_list list;

	va_start(list, fmt);
	(void)vsnprintf(args->error, sizeof(args->error), fmt, list);
	va_end(list);
	return false;
}

/* text without the byte at position skip; a skip past the end leaves it whole. */
static void without(char out[SPELLING_MAX + 1], const char *text, size_t skip)
{
	size_t used = 0;

	for (size_t i = 0; text[i] != '\0'; i++) {
		if (i != skip)
			out[used++] = text[i];
	}
	out[used] = '\0';
}

/* lua-argparse offers a name when it and the wrong one become equal by dropping at most one character of each. */
static bool is_tip(const char *wrong, const char *name)
{
	size_t wrong_len = strlen(wrong);
	size_t name_len = strlen(name);
	char a[SPELLING_MAX + 1];
	char b[SPELLING_MAX + 1];

	if (wrong_len > SPELLING_MAX || name_len > SPELLING_MAX)
		return false;
	for (size_t i = 0; i <= wrong_len; i++) {
		without(a, wrong, i);
		for (size_t j = 0; j <= name_len; j++) {
			without(b, name, j);
			if (strcmp(a, b) == 0)
				return true;
		}
	}
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All spellings of the scope's options: two for an option with a letter. */
struct spellings {
	char text[2 * OPTION_COUNT][SPELLING_MAX];
	const char *found[2 * OPTION_COUNT];
	size_t count;
};

static void collect_tips(struct spellings *tips, const char *wrong)
{
	size_t used = 0;

	tips->count = 0;
	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];

		if ((spec->scopes & SCOPE) == 0)
			continue;
		(void)snprintf(tips->text[used], SPELLING_MAX, "--%s", spec->name);
		if (is_tip(wrong, tips->text[used]))
			tips->found[tips->count++] = tips->text[used++];
		if (spec->letter == 0)
			continue;
		(void)snprintf(tips->text[used], SPELLING_MAX, "-%c", spec->letter);
		if (is_tip(wrong, tips->text[used]))
			tips->found[tips->count++] = tips->text[used++];
	}
	qsort(tips->found, tips->count, sizeof(tips->found[0]), compare_names);
}

static bool fail_unknown(struct neural_args *args, const char *spelling)
{
	struct spellings tips;
	struct rnm_buf text;

	collect_tips(&tips, spelling);
	rnm_buf_init_in(&text, args->error, sizeof(args->error));
	rnm_buf_printf(&text, "unknown option '%s'", spelling);
	if (tips.count == 1)
		rnm_buf_printf(&text, "\nDid you mean '%s'?", tips.found[0]);
	for (size_t i = 0; tips.count > 1 && i < tips.count; i++)
		rnm_buf_printf(&text, "%s '%s'", i == 0 ? "\nDid you mean one of these:" : "", tips.found[i]);
	if (tips.count > 1)
		rnm_buf_putc(&text, '?');
	return false;
}

/* The option that waits for its argument, and how it was spelled. */
struct state {
	struct neural_args *args;
	const struct option_spec *pending;
	char pending_spelling[SPELLING_MAX];
};

static bool close_pending(struct state *state)
{
	if (state->pending == NULL)
		return true;
	return fail(state->args, "option '%s' requires an argument", state->pending_spelling);
}

static bool store(struct state *state, const struct option_spec *spec, const char *text)
{
	struct option_value *value = &state->args->values[spec->id];

	value->count++;
	value->text = text;
	state->pending = NULL;
	if (spec->type == OPTION_TYPE_NUMBER && !number_parse(text, &value->number))
		return fail(state->args, "malformed argument '%s'", text);
	return true;
}

static bool invoke(struct state *state, const struct option_spec *spec, const char *spelling)
{
	if (!close_pending(state))
		return false;
	if (spec->type == OPTION_TYPE_FLAG)
		return store(state, spec, NULL);
	state->pending = spec;
	(void)snprintf(state->pending_spelling, sizeof(state->pending_spelling), "%s", spelling);
	return true;
}

static bool parse_long(struct state *state, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
	const struct option_spec *spec = option_by_name(SCOPE, word + 2, len - 2);
	char spelling[RNM_ERROR_TEXT_MAX / 2];

	(void)snprintf(spelling, sizeof(spelling), "%.*s",
	               (int)(len < sizeof(spelling) ? len : sizeof(spelling)), word);
	if (spec == NULL)
		return fail_unknown(state->args, spelling);
	if (equals != NULL && spec->type == OPTION_TYPE_FLAG)
		return fail(state->args, "option '%s' does not take arguments", spelling);
	return invoke(state, spec, spelling) && (equals == NULL || store(state, spec, equals + 1));
}

static bool parse_letters(struct state *state, const char *word)
{
	for (const char *letter = word + 1; *letter != '\0'; letter++) {
		const struct option_spec *spec = option_by_letter(SCOPE, *letter);
		const char spelling[] = { '-', *letter, '\0' };

		if (spec == NULL)
			return fail_unknown(state->args, spelling);
		if (!invoke(state, spec, spelling))
			return false;
		if (state->args->values[OPTION_HELP].count > 0)
			return true;
		if (spec->type != OPTION_TYPE_FLAG && letter[1] != '\0')
			return store(state, spec, letter + 1);
	}
	return true;
}

bool neural_args_parse(struct neural_args *args, size_t argc, char *const *argv)
{
	struct state state = { .args = args };
	bool only_operands = false;

	*args = (struct neural_args){ 0 };
	for (size_t i = 0; i < argc; i++) {
		const char *word = argv[i];
		bool operand = only_operands || word[0] != '-' || word[1] == '\0';
		bool ok;

		if (operand && state.pending != NULL)
			ok = store(&state, state.pending, word);
		else if (operand)
			ok = fail(args, "too many arguments");
		else if (strcmp(word, "--") == 0)
			ok = only_operands = close_pending(&state);
		else
			ok = word[1] == '-' ? parse_long(&state, word) : parse_letters(&state, word);
		if (!ok)
			return false;
		if (args->values[OPTION_HELP].count > 0)
			return true;
	}
	args->unfinished = state.pending;
	return close_pending(&state);
}

static void usage_item(char *item, size_t size, const struct option_spec *spec)
{
	const char *space = spec->argument != NULL ? " " : "";
	const char *argument = spec->argument != NULL ? spec->argument : "";

	if (spec->letter != 0)
		(void)snprintf(item, size, "[-%c%s%s]", spec->letter, space, argument);
	else
		(void)snprintf(item, size, "[--%s%s%s]", spec->name, space, argument);
}

void neural_args_usage(struct rnm_buf *out)
{
	static const char start[] = "Usage: rspamadm neural_export";
	size_t width = sizeof(start) - 1;

	rnm_buf_puts(out, start);
	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];
		char item[64];

		if ((spec->scopes & SCOPE) == 0 || spec->unlisted)
			continue;
		usage_item(item, sizeof(item), spec);
		if (width + 1 + strlen(item) > USAGE_WIDTH) {
			rnm_buf_printf(out, "\n%*s", USAGE_INDENT - 1, "");
			width = USAGE_INDENT - 1;
		}
		rnm_buf_printf(out, " %s", item);
		width += 1 + strlen(item);
	}
	rnm_buf_putc(out, '\n');
}

static void help_row(struct rnm_buf *out, const char *names, const char *description, const char *standard)
{
	int gap = HELP_COLUMN - HELP_MARGIN - (int)strlen(names);

	rnm_buf_printf(out, "%*s%s%*s%s", HELP_MARGIN, "", names, gap > 1 ? gap : 1, "", description);
	if (standard != NULL)
		rnm_buf_printf(out, " (default: %s)", standard);
	rnm_buf_putc(out, '\n');
}

static void help_option(struct rnm_buf *out, const struct option_spec *spec, const char *standard)
{
	char longer[64];
	char shorter[64];

	if (spec->argument == NULL) {
		if (spec->letter != 0)
			(void)snprintf(longer, sizeof(longer), "-%c, --%s", spec->letter, spec->name);
		else
			(void)snprintf(longer, sizeof(longer), "--%s", spec->name);
		help_row(out, longer, spec->help, NULL);
		return;
	}
	(void)snprintf(longer, sizeof(longer), "--%s %s", spec->name, spec->argument);
	(void)snprintf(shorter, sizeof(shorter), "%*s-%c %s,", (int)strlen(spec->name), "", spec->letter,
	               spec->argument);
	help_row(out, shorter, spec->help, standard);
	rnm_buf_printf(out, "%*s%s\n", HELP_MARGIN, "", longer);
}

void neural_args_help(struct rnm_buf *out, const char *config_path)
{
	neural_args_usage(out);
	rnm_buf_printf(out, "\n%s\n\nOptions:\n", verb_specs[VERB_NEURAL_EXPORT].description);
	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];

		if ((spec->scopes & SCOPE) != 0)
			help_option(out, spec, spec->id == OPTION_CONFIG ? config_path : spec->standard);
	}
}
