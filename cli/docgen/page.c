/* SPDX-License-Identifier: Apache-2.0 */
#include "docgen/page.h"
#include "context.h"
#include "docgen/mdoc.h"
#include "exit_codes.h"
#include "help.h"

#include <ctype.h>
#include <rnm/rnm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned page_scope(const struct page *page)
{
	return page->verb == VERB_COUNT ? BEFORE_VERB : ON(page->verb);
}

static bool has_option(const struct page *page, enum option id)
{
	for (size_t i = 0; i < option_spec_count; i++) {
		if (option_specs[i].id == id && (option_specs[i].scopes & page_scope(page)) != 0)
			return true;
	}
	return false;
}

void page_name(struct rnm_buf *name, enum verb verb)
{
	if (verb == VERB_COUNT)
		rnm_buf_puts(name, "rnm");
	else if (verb == VERB_NEURAL_EXPORT)
		rnm_buf_puts(name, verb_specs[verb].name);
	else
		rnm_buf_printf(name, "rnm-%s", verb_specs[verb].name);
}

static void write_name(struct page *page)
{
	rnm_buf_printf(&page->out, ".Nm %s\n.Nd ", page->name);
	mdoc_prose(&page->out, page->verb == VERB_COUNT ? command_summary : verb_specs[page->verb].summary);
}

/* " Ar RULE", or " Ns = Ns Ar NAME=VALUE" where it must be one word; the original's <cfg> is cfg. */
static void option_argument(struct rnm_buf *out, const struct option_spec *spec)
{
	const char *argument = spec->argument;

	if (argument == NULL)
		return;
	if (spec->type == OPTION_TYPE_VARIABLE)
		rnm_buf_puts(out, "Ns = Ns Ar ");
	else
		rnm_buf_puts(out, spec->type == OPTION_TYPE_OPTIONAL ? "Ns Op = Ns Ar " : "Ar ");
	argument += *argument == '<';
	mdoc_plain(out, argument, strcspn(argument, ">"));
	rnm_buf_putc(out, ' ');
}

static void long_option(struct rnm_buf *out, const struct option_spec *spec)
{
	rnm_buf_puts(out, "Fl \\-");
	mdoc_plain(out, spec->name, strlen(spec->name));
	rnm_buf_putc(out, ' ');
	option_argument(out, spec);
}

/* Ends a macro line, whose last blank is one too many. */
static void end_line(struct rnm_buf *out)
{
	if (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	rnm_buf_putc(out, '\n');
}

static void synopsis_options(struct page *page)
{
	struct rnm_buf *out = &page->out;

	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];

		if ((spec->scopes & page_scope(page)) == 0)
			continue;
		rnm_buf_puts(out, ".Op ");
		if (spec->letter != 0) {
			rnm_buf_printf(out, "Fl %c ", spec->letter);
			option_argument(out, spec);
		} else {
			long_option(out, spec);
		}
		end_line(out);
	}
}

/* "[SECTION...]" as .Op Ar SECTION ..., "A B" as two lines, "MODEL[=SHARE]..." with its part in brackets. */
static void synopsis_operands(struct page *page, const char *operands)
{
	struct rnm_buf *out = &page->out;

	for (const char *word = operands; *word != '\0';) {
		bool optional = *word == '[';
		const char *rest = word + optional;
		size_t len = strcspn(rest, "[]. ");

		rnm_buf_puts(out, optional ? ".Op Ar " : ".Ar ");
		mdoc_plain(out, rest, len);
		rest += len;
		if (strncmp(rest, "[=", 2) == 0) {
			len = strcspn(rest, "]");
			rnm_buf_puts(out, " Ns Oo = Ns Ar ");
			mdoc_plain(out, rest + 2, len - 2);
			rnm_buf_puts(out, " Oc");
			rest += len + 1;
		}
		rnm_buf_puts(out, *rest == '.' ? " ...\n" : "\n");
		word = rest + strcspn(rest, " ");
		word += *word == ' ';
	}
}

static void write_synopsis(struct page *page)
{
	struct rnm_buf *out = &page->out;

	if (page->verb == VERB_NEURAL_EXPORT) {
		rnm_buf_printf(out, ".Nm %s\n", page->name);
		synopsis_options(page);
		rnm_buf_printf(out, ".Nm rnm\n.Op Ar OPTION ...\n.Cm %s\n.Op Ar OPTION ...\n", page->name);
		return;
	}
	rnm_buf_puts(out, ".Nm rnm\n");
	if (page->verb == VERB_COUNT) {
		synopsis_options(page);
		rnm_buf_puts(out, ".Ar VERB\n.Op Ar ARGUMENT ...\n");
		return;
	}
	rnm_buf_printf(out, ".Op Ar OPTION ...\n.Cm %s\n", verb_specs[page->verb].name);
	synopsis_options(page);
	if (verb_specs[page->verb].operands != NULL)
		synopsis_operands(page, verb_specs[page->verb].operands);
}

static void option_list(struct page *page)
{
	struct rnm_buf *out = &page->out;

	rnm_buf_puts(out, ".Pp\nThe options are:\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];
		char tail[256];

		if ((spec->scopes & page_scope(page)) == 0)
			continue;
		rnm_buf_puts(out, ".It ");
		if (spec->letter != 0)
			rnm_buf_printf(out, "Fl %c , ", spec->letter);
		long_option(out, spec);
		end_line(out);
		(void)snprintf(tail, sizeof(tail), "%s%s%s.", spec->standard != NULL ? " (default: " : "",
		               spec->standard != NULL ? spec->standard : "",
		               spec->standard != NULL ? ")" : "");
		mdoc_sentence(out, spec->help, tail);
	}
	rnm_buf_puts(out, ".El\n");
}

static const char *option_name(const struct page *page, enum option id)
{
	for (size_t i = 0; i < option_spec_count; i++) {
		if (option_specs[i].id == id && (option_specs[i].scopes & page_scope(page)) != 0)
			return option_specs[i].name;
	}
	return "?";
}

static void conflict_list(struct page *page)
{
	bool any = false;

	for (size_t i = 0; i < option_conflict_count; i++) {
		const struct option_conflict *conflict = &option_conflicts[i];
		char tail[256];

		if (conflict->verb != page->verb)
			continue;
		rnm_buf_puts(&page->out, any ? "" : ".Pp\nThese exclude each other:\n.Bl -tag -width Ds\n");
		any = true;
		(void)snprintf(tail, sizeof(tail), ".It Fl \\-%s No and Fl \\-%s\n",
		               option_name(page, conflict->first), option_name(page, conflict->second));
		rnm_buf_puts(&page->out, tail);
		mdoc_sentence(&page->out, conflict->why, ".");
	}
	rnm_buf_puts(&page->out, any ? ".El\n" : "");
}

/* A list of the pages of all verbs. */
static void verb_list(struct page *page)
{
	struct rnm_buf *out = &page->out;

	rnm_buf_puts(out, ".Pp\nThe verbs are:\n.Bl -tag -width Ds\n");
	for (int verb = 0; verb < VERB_COUNT; verb++) {
		rnm_buf_puts(out, ".It Xr ");
		page_name(out, (enum verb)verb);
		rnm_buf_puts(out, " 1\n");
		mdoc_sentence(out, verb_specs[verb].summary, ".");
	}
	rnm_buf_puts(out, ".El\n");
}

static void write_description(struct page *page)
{
	if (page->verb != VERB_COUNT)
		mdoc_sentence(&page->out, verb_specs[page->verb].description,
		              page->verb == VERB_NEURAL_EXPORT ? "." : "");
}

/* Behind what the page explains by hand. */
static void write_description_end(struct page *page)
{
	if (page->verb == VERB_COUNT)
		verb_list(page);
	option_list(page);
	conflict_list(page);
	if (page->verb != VERB_COUNT && has_option(page, OPTION_REDIS))
		rnm_buf_puts(&page->out,
		             ".Pp\nWhich server is asked, with TLS or through Sentinel, is explained in\n"
		             ".Xr rnm 1 ,\nin the section REDIS.\n");
}

static void write_json(struct page *page)
{
	bool any = false;

	for (size_t i = 0; i < json_document_count; i++) {
		const struct json_document *document = &json_documents[i];

		if (document->verb != page->verb)
			continue;
		if (!any)
			mdoc_prose(&page->out, json_rules);
		any = true;
		rnm_buf_puts(&page->out, ".Pp\n");
		mdoc_plain(&page->out, document->command, strlen(document->command));
		rnm_buf_puts(&page->out, ":\n");
		mdoc_display(&page->out, "", document->fields);
	}
}

static void variable_names(struct rnm_buf *out, const char *names)
{
	for (const char *name = names; *name != '\0';) {
		size_t len = strcspn(name, ",");

		rnm_buf_puts(out, "Ev ");
		mdoc_plain(out, name, len);
		name += len + strspn(name + len, ", ");
		rnm_buf_puts(out, *name != '\0' ? " , " : "\n");
	}
}

static void write_environment(struct page *page)
{
	struct rnm_buf *out = &page->out;

	rnm_buf_puts(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < environment_variable_count; i++) {
		const struct environment_variable *variable = &environment_variables[i];

		/* The command's own page is about all verbs. */
		if (page->verb != VERB_COUNT && variable->with != OPTION_COUNT &&
		    !has_option(page, variable->with))
			continue;
		rnm_buf_puts(out, ".It ");
		variable_names(out, variable->names);
		mdoc_prose(out, variable->meaning);
	}
	rnm_buf_puts(out, ".El\n");
}

static void write_files(struct page *page)
{
	if (!has_option(page, OPTION_CONFIG))
		return;
	rnm_buf_puts(&page->out, ".Bl -tag -width Ds\n.It Pa " DEFAULT_CONFDIR CONFIG_FILE_NAME "\n"
	                         "The configuration that is read without\n.Fl c ,\nunless\n.Ev CONFDIR\n"
	                         "names another folder.\n"
	                         "The files that it includes, such as those in\n"
	                         ".Pa local.d\nand\n.Pa override.d\nbeside it, are read as rspamd reads "
	                         "them.\n.El\n");
}

static void write_exit_status(struct page *page)
{
	struct rnm_buf *out = &page->out;

	if (page->verb == VERB_NEURAL_EXPORT) {
		rnm_buf_printf(out,
		               "Those of the original: 0, %d after every failure,\n"
		               "and 128 with the number of the signal added when one ended it.\n",
		               EXIT_NEURAL_EXPORT_FAILED);
		return;
	}
	rnm_buf_puts(out, "Every verb has the same codes:\n.Bl -tag -width 999 -compact\n");
	for (size_t i = 0; i < exit_code_count; i++) {
		rnm_buf_printf(out, ".It %d\n", exit_codes[i].code);
		mdoc_sentence(out, exit_codes[i].meaning, ".");
	}
	rnm_buf_puts(out, ".El\n");
}

static void write_examples(struct page *page)
{
	const struct example *examples = page->verb != VERB_COUNT ? verb_specs[page->verb].examples : NULL;

	for (size_t i = 0; examples != NULL && i < EXAMPLES_MAX && examples[i].command != NULL; i++) {
		if (i > 0)
			rnm_buf_puts(&page->out, ".Pp\n");
		mdoc_sentence(&page->out, examples[i].what, ":");
		mdoc_display(&page->out, "$ ", examples[i].command);
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_see_also(struct page *page)
{
	const char *names[VERB_COUNT];
	size_t count = 0;

	if (page->verb != VERB_COUNT) {
		/* What is related is known by hand, and the list must be in order. */
		rnm_buf_puts(&page->out,
		             strstr(page->by_hand, "\n.Sh SEE ALSO\n") == NULL ? ".Xr rnm 1\n" : "");
		return;
	}
	/* In alphabetical order, as the pages are called. */
	for (int verb = 0; verb < VERB_COUNT; verb++) {
		if (verb != VERB_NEURAL_EXPORT)
			names[count++] = verb_specs[verb].name;
	}
	qsort(names, count, sizeof(names[0]), compare_names);
	rnm_buf_printf(&page->out, ".Xr %s 1 ,\n", verb_specs[VERB_NEURAL_EXPORT].name);
	for (size_t i = 0; i < count; i++)
		rnm_buf_printf(&page->out, ".Xr rnm-%s 1 ,\n", names[i]);
	rnm_buf_puts(&page->out, ".Xr librnm 3\n");
}

/* In the order that mdoc(7) wants. */
static const struct section {
	const char *name;
	void (*write)(struct page *page);     /* or NULL */
	void (*write_end)(struct page *page); /* behind the part by hand, or NULL */
} sections[] = {
	{ "NAME", write_name, NULL },
	{ "SYNOPSIS", write_synopsis, NULL },
	{ "DESCRIPTION", write_description, write_description_end },
	{ "REDIS", NULL, NULL },
	{ "JSON DOCUMENTS", write_json, NULL },
	{ "ENVIRONMENT", write_environment, NULL },
	{ "FILES", write_files, NULL },
	{ "EXIT STATUS", write_exit_status, NULL },
	{ "EXAMPLES", write_examples, NULL },
	{ "SEE ALSO", write_see_also, NULL },
	{ "STANDARDS", NULL, NULL },
	{ "HISTORY", NULL, NULL },
	{ "CAVEATS", NULL, NULL },
};
#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

static const char heading[] = "\n.Sh ";

/* What stands by hand under a heading; *len is 0 when there is none. */
static const char *section_by_hand(const struct page *page, const char *name, size_t *len)
{
	const char *text = page->by_hand;
	const char *end;

	*len = 0;
	while ((text = strstr(text, heading)) != NULL) {
		text += sizeof(heading) - 1;
		if (strncmp(text, name, strlen(name)) != 0 || text[strlen(name)] != '\n')
			continue;
		text += strlen(name) + 1;
		end = strstr(text - 1, heading);
		*len = end != NULL ? (size_t)(end + 1 - text) : strlen(text);
		return text;
	}
	return "";
}

static bool only_known_sections(const struct page *page)
{
	for (const char *text = page->by_hand; (text = strstr(text, heading)) != NULL;) {
		size_t len;
		size_t known = 0;

		text += sizeof(heading) - 1;
		len = strcspn(text, "\n");
		while (known < SECTION_COUNT &&
		       (strlen(sections[known].name) != len || strncmp(sections[known].name, text, len) != 0))
			known++;
		if (known == SECTION_COUNT) {
			fprintf(stderr, "rnm-docgen: %s: the manual has no section '%.*s'\n", page->name,
			        (int)len, text);
			return false;
		}
	}
	return true;
}

static void write_section(struct page *page, const struct section *section)
{
	struct rnm_buf *out = &page->out;
	size_t start = out->len;
	size_t body;
	size_t len;
	const char *by_hand = section_by_hand(page, section->name, &len);

	rnm_buf_printf(out, ".Sh %s\n", section->name);
	body = out->len;
	if (section->write != NULL)
		section->write(page);
	rnm_buf_append(out, by_hand, len);
	if (section->write_end != NULL)
		section->write_end(page);
	if (out->len == body)
		out->len = start;
}

bool page_write(struct page *page)
{
	struct rnm_buf *out = &page->out;

	if (!only_known_sections(page))
		return false;
	rnm_buf_puts(out, ".\\\" SPDX-License-Identifier: Apache-2.0\n"
	                  ".\\\" Made by rnm-docgen from the option table and docs/man.\n");
	rnm_buf_printf(out, ".Dd %s\n.Dt ", page->date);
	for (const char *c = page->name; *c != '\0'; c++)
		rnm_buf_putc(out, (char)toupper((unsigned char)*c));
	rnm_buf_printf(out, " 1\n.Os rnm %s\n", rnm_version());
	for (size_t i = 0; i < SECTION_COUNT; i++)
		write_section(page, &sections[i]);
	return !out->failed;
}
