/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names longer than this are never close to one of ours. */
#define EDIT_LENGTH_MAX 32

const struct option_spec *option_by_name(unsigned scope, const char *name, size_t len)
{
	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];

		if ((spec->scopes & scope) != 0 && strlen(spec->name) == len &&
		    memcmp(spec->name, name, len) == 0)
			return spec;
	}
	return NULL;
}

const struct option_spec *option_by_letter(unsigned scope, char letter)
{
	for (size_t i = 0; i < option_spec_count; i++) {
		if ((option_specs[i].scopes & scope) != 0 && letter != 0 && option_specs[i].letter == letter)
			return &option_specs[i];
	}
	return NULL;
}

enum verb verb_by_name(const char *name)
{
	int verb = 0;

	while (verb < VERB_COUNT && strcmp(verb_specs[verb].name, name) != 0)
		verb++;
	return (enum verb)verb;
}

/* Upper case is no difference, and no locale has a say in it. */
static bool same_letter(char a, char b)
{
	if (a >= 'A' && a <= 'Z')
		a = (char)(a - 'A' + 'a');
	if (b >= 'A' && b <= 'Z')
		b = (char)(b - 'A' + 'a');
	return a == b;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

size_t edit_distance(const char *a, const char *b, size_t limit)
{
	size_t rows[3][EDIT_LENGTH_MAX + 1];
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);

	if (a_len > EDIT_LENGTH_MAX || b_len > EDIT_LENGTH_MAX)
		return limit + 1;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i - 1) % 3];
		const size_t *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = smallest(above[j] + 1, row[j - 1] + 1,
			                  above[j - 1] + !same_letter(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]) && two_above[j - 2] + 1 < row[j])
				row[j] = two_above[j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

/* 0b101, which only LuaJIT reads. */
static bool parse_binary(const char *text, size_t len, double *number)
{
	double value = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '0' && text[i] != '1')
			return false;
		value = value * 2 + (text[i] - '0');
	}
	*number = value;
	return true;
}

bool number_parse(const char *text, double *number)
{
	static const char blanks[] = " \t\n\v\f\r";
	const char *start = text + strspn(text, blanks);
	size_t len = strlen(start);
	const char *digits;
	char *end = NULL;

	while (len > 0 && strchr(blanks, start[len - 1]) != NULL)
		len--;
	if (len == 0)
		return false;
	digits = start + (*start == '-' || *start == '+');
	if (digits[0] == '0' && (digits[1] == 'b' || digits[1] == 'B')) {
		if (!parse_binary(digits + 2, len - (size_t)(digits + 2 - start), number))
			return false;
		*number = *start == '-' ? -*number : *number;
		return true;
	}
	/* strtod also reads nan(...), which Lua does not. */
	if (memchr(start, '(', len) != NULL)
		return false;
	*number = strtod(start, &end);
	return end == start + len;
}

/* The spelling of the closest option or verb, for "did you mean"; NULL when none is close. */
static const char *closest_option(unsigned scope, const char *name)
{
	size_t best = strlen(name) < 4 ? 2 : 3; /* first distance that is too far */
	const char *found = NULL;

	for (size_t i = 0; i < option_spec_count; i++) {
		size_t distance = edit_distance(name, option_specs[i].name, best);

		if ((option_specs[i].scopes & scope) != 0 && distance < best) {
			best = distance;
			found = option_specs[i].name;
		}
	}
	return found;
}

static const char *closest_verb(const char *name)
{
	size_t best = strlen(name) < 4 ? 2 : 3;
	const char *found = NULL;

	for (int verb = 0; verb < VERB_COUNT; verb++) {
		size_t distance = edit_distance(name, verb_specs[verb].name, best);

		if (distance < best) {
			best = distance;
			found = verb_specs[verb].name;
		}
	}
	return found;
}

struct parser {
	struct options *out;
	char **argv;
	size_t argc;
	size_t next;
	unsigned scope;
	struct rnm_error *err;
};

/* What to type to learn more: "rnm help list" or "rnm help". */
static const char *help_command(const struct parser *parser, char *text, size_t size)
{
	if (parser->out->verb == VERB_COUNT)
		(void)snprintf(text, size, "rnm help");
	else
		(void)snprintf(text, size, "rnm help %s", verb_specs[parser->out->verb].name);
	return text;
}

static const struct option_spec *option_by_spelling(unsigned scope, const char *spelling)
{
	if (spelling[1] == '-')
		return option_by_name(scope, spelling + 2, strlen(spelling + 2));
	return option_by_letter(scope, spelling[1]);
}

/* The verb that follows in the words to come and knows the option; VERB_COUNT: none. */
static enum verb verb_ahead(const struct parser *parser, const char *spelling)
{
	for (size_t i = parser->next; i < parser->argc; i++) {
		enum verb verb = verb_by_name(parser->argv[i]);

		if (verb != VERB_COUNT)
			return option_by_spelling(ON(verb), spelling) != NULL ? verb : VERB_COUNT;
	}
	return VERB_COUNT;
}

/* An option that exists, but on the other side of the verb. */
static bool hint_at_place(const struct parser *parser, const char *spelling)
{
	const struct option_spec *spec;
	enum verb verb = parser->out->verb;

	if (verb != VERB_COUNT) {
		spec = option_by_spelling(BEFORE_VERB, spelling);
		if (spec != NULL)
			rnm_error_set_hint(parser->err, "'%s' stands before the verb: rnm %s ... %s",
			                   spelling, spelling, verb_specs[verb].name);
		return spec != NULL;
	}
	verb = verb_ahead(parser, spelling);
	spec = option_by_spelling((BEFORE_VERB - 1) & ~ON(VERB_NEURAL_EXPORT), spelling);
	if (spec == NULL || (verb == VERB_COUNT && spelling[1] != '-'))
		return false;
	rnm_error_set_hint(parser->err, "'%s' stands after the verb: rnm %s %s%s%s", spelling,
	                   verb != VERB_COUNT ? verb_specs[verb].name : "VERB", spelling,
	                   spec->argument != NULL ? " " : "", spec->argument != NULL ? spec->argument : "");
	return true;
}

static enum rnm_status usage_unknown(const struct parser *parser, const char *spelling)
{
	const char *close = spelling[1] == '-' ? closest_option(parser->scope, spelling + 2) : NULL;
	const char other_case = (char)(spelling[1] ^ ('a' ^ 'A'));
	char command[64];

	rnm_error_set(parser->err, RNM_E_USAGE, "usage.option", "unknown option '%s'", spelling);
	help_command(parser, command, sizeof(command));
	if (hint_at_place(parser, spelling))
		return RNM_E_USAGE;
	if (close != NULL)
		rnm_error_set_hint(parser->err, "did you mean '--%s'? All options: %s", close, command);
	else if (spelling[1] != '-' && option_by_letter(parser->scope, other_case) != NULL)
		rnm_error_set_hint(parser->err, "did you mean '-%c'? All options: %s", other_case, command);
	else
		rnm_error_set_hint(parser->err, "all options: %s", command);
	return RNM_E_USAGE;
}

static enum rnm_status add_variable(const struct parser *parser, const char *text)
{
	struct options *out = parser->out;
	const char *equals = strchr(text, '=');
	struct rnm_config_var *var;
	char *name;
	char *value;

	if (equals == NULL || equals == text) {
		rnm_error_set(parser->err, RNM_E_USAGE, "usage.var", "bad variable '%s': expected NAME=VALUE",
		              text);
		rnm_error_set_hint(parser->err, "for example --var=CONFDIR=/etc/rspamd");
		return RNM_E_USAGE;
	}
	/* There is room: options_parse has made as many slots as there are arguments. */
	var = &out->vars[out->var_count];
	name = strndup(text, (size_t)(equals - text));
	value = strdup(equals + 1);
	var->name = name;
	var->value = value;
	out->var_count++;
	return name != NULL && value != NULL ? RNM_OK : rnm_error_nomem(parser->err);
}

static enum rnm_status store(const struct parser *parser, const struct option_spec *spec, const char *text)
{
	struct option_value *value = &parser->out->values[spec->id];

	value->count++;
	value->text = text;
	if (spec->type == OPTION_TYPE_VARIABLE)
		return add_variable(parser, text);
	/* nan and inf, which the drop-in has to accept, are no version of anything. */
	if (spec->type == OPTION_TYPE_NUMBER &&
	    (!number_parse(text, &value->number) || !isfinite(value->number))) {
		double standard;
		const bool is_example = spec->standard != NULL && number_parse(spec->standard, &standard);

		rnm_error_set(parser->err, RNM_E_USAGE, "usage.number", "'%s' is not a number (option --%s)",
		              text, spec->name);
		rnm_error_set_hint(parser->err, "for example --%s %s", spec->name,
		                   is_example ? spec->standard : "3");
		return RNM_E_USAGE;
	}
	return RNM_OK;
}

/* The argument of an option that has none attached: the next word, unless that is itself an option. */
static enum rnm_status take_argument(struct parser *parser, const struct option_spec *spec,
                                     const char *spelling)
{
	const char *word = parser->next < parser->argc ? parser->argv[parser->next] : NULL;
	bool is_option = word != NULL && word[0] == '-' && word[1] != '\0' &&
	                 (word[1] == '-' ? word[2] == '\0' || option_by_name(parser->scope, word + 2,
	                                                                     strcspn(word + 2, "=")) != NULL
	                                 : option_by_letter(parser->scope, word[1]) != NULL);

	if (word == NULL)
		parser->out->unfinished = spec;
	if (word == NULL || is_option) {
		rnm_error_set(parser->err, RNM_E_USAGE, "usage.argument", "option '%s' requires an argument",
		              spelling);
		rnm_error_set_hint(parser->err, "type %s %s", spelling, spec->argument);
		return RNM_E_USAGE;
	}
	parser->next++;
	return store(parser, spec, word);
}

static enum rnm_status parse_long(struct parser *parser, const char *word)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const struct option_spec *spec = option_by_name(parser->scope, name, len);
	char spelling[80];

	(void)snprintf(spelling, sizeof(spelling), "--%.*s", (int)(len < 70 ? len : 70), name);
	if (spec == NULL)
		return usage_unknown(parser, spelling);
	if (spec->type == OPTION_TYPE_FLAG && name[len] == '=') {
		rnm_error_set(parser->err, RNM_E_USAGE, "usage.argument",
		              "option '%s' does not take an argument", spelling);
		rnm_error_set_hint(parser->err, "type only %s", spelling);
		return RNM_E_USAGE;
	}
	if (spec->type == OPTION_TYPE_FLAG || (spec->type == OPTION_TYPE_OPTIONAL && name[len] == '\0'))
		return store(parser, spec, NULL);
	if (name[len] == '=')
		return store(parser, spec, name + len + 1);
	/* rspamadm takes --var=NAME=VALUE only; a script that works here must work there. */
	if (spec->type == OPTION_TYPE_VARIABLE) {
		rnm_error_set(parser->err, RNM_E_USAGE, "usage.argument",
		              "option '%s' needs its value in the same word, as with rspamadm", spelling);
		rnm_error_set_hint(parser->err, "type %s=%s", spelling, spec->argument);
		return RNM_E_USAGE;
	}
	return take_argument(parser, spec, spelling);
}

static enum rnm_status parse_letters(struct parser *parser, const char *word)
{
	for (const char *letter = word + 1; *letter != '\0'; letter++) {
		const struct option_spec *spec = option_by_letter(parser->scope, *letter);
		const char spelling[] = { '-', *letter, '\0' };
		enum rnm_status status;

		if (spec == NULL)
			return usage_unknown(parser, spelling);
		if (spec->type != OPTION_TYPE_FLAG)
			return letter[1] != '\0' ? store(parser, spec, letter + 1)
			                         : take_argument(parser, spec, spelling);
		status = store(parser, spec, NULL);
		if (status != RNM_OK)
			return status;
	}
	return RNM_OK;
}

/* Help asked for is given whatever else the command line holds. */
static bool parse_ended(const struct parser *parser)
{
	return parser->next >= parser->argc || option_given(parser->out, OPTION_HELP) ||
	       option_given(parser->out, OPTION_PROGRAM_VERSION);
}

/* Parses options of the scope; before the verb up to the first operand, which is the verb. */
static enum rnm_status parse_words(struct parser *parser)
{
	bool only_operands = false;

	while (!parse_ended(parser)) {
		const char *word = parser->argv[parser->next];
		enum rnm_status status = RNM_OK;
		bool operand = only_operands || word[0] != '-' || word[1] == '\0';

		if (operand && parser->scope == BEFORE_VERB)
			return RNM_OK;
		parser->next++;
		if (operand)
			parser->out->operands[parser->out->operand_count++] = word;
		else if (strcmp(word, "--") == 0)
			only_operands = true;
		else if (word[1] == '-')
			status = parse_long(parser, word);
		else
			status = parse_letters(parser, word);
		if (status != RNM_OK)
			return status;
	}
	return RNM_OK;
}

/* The argument of an option that takes one only in the same word. */
static bool hint_at_optional(const struct parser *parser, const char *operand)
{
	for (size_t i = 1; i < parser->argc; i++) {
		const char *option = parser->argv[i - 1];
		const struct option_spec *spec;

		if (parser->argv[i] != operand || strncmp(option, "--", 2) != 0)
			continue;
		spec = option_by_name(parser->scope, option + 2, strlen(option + 2));
		if (spec == NULL || spec->type != OPTION_TYPE_OPTIONAL)
			continue;
		rnm_error_set_hint(parser->err, "type %s=%s", option, operand);
		return true;
	}
	return false;
}

static enum rnm_status check_operands(const struct parser *parser)
{
	const struct options *out = parser->out;
	const struct verb_spec *verb = &verb_specs[out->verb];

	if (out->operand_count > verb->operands_max) {
		rnm_error_set(parser->err, RNM_E_USAGE, "usage.operand", "unexpected argument '%s'",
		              out->operands[verb->operands_max]);
		if (!hint_at_optional(parser, out->operands[verb->operands_max]))
			rnm_error_set_hint(parser->err, "see rnm help %s", verb->name);
		return RNM_E_USAGE;
	}
	return RNM_OK;
}

static const char *verb_option_name(enum verb verb, enum option id)
{
	for (size_t i = 0; i < option_spec_count; i++) {
		if (option_specs[i].id == id && (option_specs[i].scopes & ON(verb)) != 0)
			return option_specs[i].name;
	}
	return "?";
}

static enum rnm_status check_conflicts(const struct parser *parser)
{
	const struct options *out = parser->out;

	for (size_t i = 0; i < option_conflict_count; i++) {
		const struct option_conflict *conflict = &option_conflicts[i];

		if (conflict->verb == out->verb && option_given(out, conflict->first) &&
		    option_given(out, conflict->second)) {
			rnm_error_set(parser->err, RNM_E_USAGE, "usage.conflict",
			              "--%s and --%s exclude each other: %s",
			              verb_option_name(out->verb, conflict->first),
			              verb_option_name(out->verb, conflict->second), conflict->why);
			rnm_error_set_hint(parser->err, "see rnm help %s", verb_specs[out->verb].name);
			return RNM_E_USAGE;
		}
	}
	return RNM_OK;
}

static enum rnm_status parse_verb(struct parser *parser)
{
	const char *name = parser->argv[parser->next++];
	const char *close = closest_verb(name);
	const char *close_option = closest_option(BEFORE_VERB, name);

	parser->out->verb = verb_by_name(name);
	if (parser->out->verb != VERB_COUNT)
		return RNM_OK;
	rnm_error_set(parser->err, RNM_E_USAGE, "usage.verb", "unknown verb '%s'", name);
	if (close != NULL)
		rnm_error_set_hint(parser->err, "did you mean 'rnm %s'? All verbs: rnm help", close);
	else if (close_option != NULL)
		rnm_error_set_hint(parser->err, "did you mean 'rnm --%s'? All verbs: rnm help", close_option);
	else
		rnm_error_set_hint(parser->err, "all verbs: rnm help");
	return RNM_E_USAGE;
}

static enum rnm_status parse_all(struct parser *parser)
{
	enum rnm_status status = parse_words(parser);

	if (status != RNM_OK || parse_ended(parser))
		return status;
	status = parse_verb(parser);
	if (status != RNM_OK)
		return status;
	if (parser->out->verb == VERB_NEURAL_EXPORT) {
		parser->out->rest = parser->argv + parser->next;
		parser->out->rest_count = parser->argc - parser->next;
		return RNM_OK;
	}
	parser->scope = ON(parser->out->verb);
	status = parse_words(parser);
	if (status != RNM_OK || option_given(parser->out, OPTION_HELP))
		return status;
	status = check_operands(parser);
	return status != RNM_OK ? status : check_conflicts(parser);
}

enum rnm_status options_parse(struct options *out, int argc, char **argv, struct rnm_error *err)
{
	size_t count = argc > 0 ? (size_t)argc : 0;
	struct parser parser = { out, argv, count, 0, BEFORE_VERB, err };

	*out = (struct options){ .verb = VERB_COUNT };
	out->vars = calloc(count + 1, sizeof(*out->vars));
	out->operands = calloc(count + 1, sizeof(*out->operands));
	if (out->vars == NULL || out->operands == NULL)
		return rnm_error_nomem(err);
	return parse_all(&parser);
}

/* The strings are const for rnm_config_load, but ours. */
static void free_text(const char *text)
{
	free((void *)(uintptr_t)text);
}

void options_free(struct options *options)
{
	for (size_t i = 0; options->vars != NULL && i < options->var_count; i++) {
		free_text(options->vars[i].name);
		free_text(options->vars[i].value);
	}
	free(options->vars);
	free(options->operands);
	*options = (struct options){ .verb = VERB_COUNT };
}
