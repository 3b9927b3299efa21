/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"
#include "context.h"
#include "neural_args.h"
#include "output.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Right margin, and the widest column of option names before the text goes to a line of its own. */
#define PAGE_WIDTH 80
#define NAMES_WIDTH 28

void help_wrap(struct rnm_buf *out, const char *text, size_t indent)
{
	size_t column = indent;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column > indent && column + 1 + len > PAGE_WIDTH) {
			rnm_buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			rnm_buf_putc(out, ' ');
			column++;
		}
		rnm_buf_append(out, text, len);
		column += len;
		text += len + (text[len] == ' ');
	}
	rnm_buf_putc(out, '\n');
}

/* Paragraphs, which are separated by empty lines; other line breaks are those of the source. */
static void paragraphs(struct rnm_buf *out, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL) {
		out->failed = true;
		return;
	}
	for (char *start = copy; start != NULL;) {
		char *end = strstr(start, "\n\n");

		if (end != NULL)
			*end = '\0';
		for (char *c = start; *c != '\0'; c++)
			*c = *c == '\n' ? ' ' : *c;
		rnm_buf_putc(out, '\n');
		help_wrap(out, start, 0);
		start = end != NULL ? end + 2 : NULL;
	}
	free(copy);
}

static void heading(struct rnm_buf *out, const char *text)
{
	rnm_buf_printf(out, "\n%s%s:%s\n", output_color(COLOR_BOLD), text, output_color(COLOR_NONE));
}

static void row(struct rnm_buf *out, const char *name, const char *text)
{
	rnm_buf_printf(out, "  %-*s", NAMES_WIDTH, name);
	if (strlen(name) >= NAMES_WIDTH)
		rnm_buf_printf(out, "\n%*s", NAMES_WIDTH + 2, "");
	help_wrap(out, text, NAMES_WIDTH + 2);
}

static void option_row(struct rnm_buf *out, const struct option_spec *spec)
{
	char letter[8] = "    ";
	char name[80];
	char text[512];

	if (spec->letter != 0)
		(void)snprintf(letter, sizeof(letter), "-%c, ", spec->letter);
	if (spec->type == OPTION_TYPE_OPTIONAL)
		(void)snprintf(name, sizeof(name), "%s--%s[=%s]", letter, spec->name, spec->argument);
	else
		(void)snprintf(name, sizeof(name), "%s--%s%s%s", letter, spec->name,
		               spec->argument != NULL ? " " : "",
		               spec->argument != NULL ? spec->argument : "");
	(void)snprintf(text, sizeof(text), "%s%s%s%s", spec->help,
	               spec->standard != NULL ? " (default: " : "",
	               spec->standard != NULL ? spec->standard : "", spec->standard != NULL ? ")" : "");
	row(out, name, text);
}

static void option_rows(struct rnm_buf *out, unsigned scope)
{
	for (size_t i = 0; i < option_spec_count; i++) {
		if ((option_specs[i].scopes & scope) != 0)
			option_row(out, &option_specs[i]);
	}
}

static const char usage_line[] = "usage: rnm [OPTION...] VERB [ARGUMENT...]\n";

static void verb_rows(struct rnm_buf *out)
{
	for (int verb = 0; verb < VERB_COUNT; verb++)
		row(out, verb_specs[verb].name, verb_specs[verb].summary);
}

void help_verbs(struct rnm_buf *out)
{
	rnm_buf_puts(out, usage_line);
	rnm_buf_puts(out, "\nVerbs (rnm help VERB explains one):\n");
	verb_rows(out);
}

static void overview(struct rnm_buf *out)
{
	rnm_buf_printf(out, "rnm %s - %s\n\n", rnm_version(), command_summary);
	rnm_buf_puts(out, usage_line);
	heading(out, "Verbs");
	verb_rows(out);
	heading(out, "Options before the verb");
	option_rows(out, BEFORE_VERB);
	heading(out, "Topics of rnm help");
	for (size_t i = 0; i < help_topic_count; i++)
		row(out, help_topics[i].name, help_topics[i].summary);
	heading(out, "Examples");
	for (int verb = 0; verb < VERB_HELP; verb++)
		rnm_buf_printf(out, "  %s\n", verb_specs[verb].examples[0].command);
}

static void conflicts(struct rnm_buf *out, enum verb verb)
{
	bool any = false;

	for (size_t i = 0; i < option_conflict_count; i++) {
		const struct option_conflict *conflict = &option_conflicts[i];
		const char *names[2] = { "", "" };

		if (conflict->verb != verb)
			continue;
		for (size_t j = 0; j < option_spec_count; j++) {
			if ((option_specs[j].scopes & ON(verb)) == 0)
				continue;
			if (option_specs[j].id == conflict->first)
				names[0] = option_specs[j].name;
			if (option_specs[j].id == conflict->second)
				names[1] = option_specs[j].name;
		}
		if (!any)
			heading(out, "Not together");
		any = true;
		rnm_buf_printf(out, "  --%s and --%s: %s\n", names[0], names[1], conflict->why);
	}
}

void help_page(struct rnm_buf *out, enum verb verb)
{
	const struct verb_spec *spec;

	if (verb == VERB_COUNT) {
		overview(out);
		return;
	}
	spec = &verb_specs[verb];
	if (verb == VERB_NEURAL_EXPORT) {
		neural_args_help(out, "<CONFDIR>/rspamd.conf");
	} else {
		rnm_buf_printf(out, "usage: rnm %s [OPTION...]%s%s\n", spec->name,
		               spec->operands != NULL ? " " : "",
		               spec->operands != NULL ? spec->operands : "");
		paragraphs(out, spec->description);
		heading(out, "Options");
		option_rows(out, ON(verb));
	}
	conflicts(out, verb);
	heading(out, "Examples");
	for (size_t i = 0; i < EXAMPLES_MAX && spec->examples[i].command != NULL; i++)
		rnm_buf_printf(out, "  %s\n      %s\n", spec->examples[i].command, spec->examples[i].what);
}

static int unknown_page(const char *name)
{
	char hint[256] = "verbs and topics: rnm help";
	size_t best = 3;

	for (int verb = 0; verb < VERB_COUNT; verb++) {
		size_t distance = edit_distance(name, verb_specs[verb].name, best);

		if (distance < best) {
			best = distance;
			(void)snprintf(hint, sizeof(hint), "did you mean 'rnm help %s'?",
			               verb_specs[verb].name);
		}
	}
	for (size_t i = 0; i < help_topic_count; i++) {
		size_t distance = edit_distance(name, help_topics[i].name, best);

		if (distance < best) {
			best = distance;
			(void)snprintf(hint, sizeof(hint), "did you mean 'rnm help %s'?",
			               help_topics[i].name);
		}
	}
	return output_usage_error(hint, "there is no verb or topic '%s'", name);
}

int verb_help(const struct options *options)
{
	const char *name = options->operand_count > 0 ? options->operands[0] : NULL;
	enum verb verb = name != NULL ? verb_by_name(name) : VERB_COUNT;
	const struct help_topic *topic = NULL;
	struct rnm_buf out;

	for (size_t i = 0; name != NULL && i < help_topic_count; i++) {
		if (strcmp(help_topics[i].name, name) == 0)
			topic = &help_topics[i];
	}
	if (name != NULL && verb == VERB_COUNT && topic == NULL)
		return unknown_page(name);
	rnm_buf_init(&out, OUTPUT_MAX);
	if (topic != NULL)
		topic->write(&out);
	else
		help_page(&out, verb);
	return output_buffer(&out) ? RNM_OK : RNM_E_IO;
}
