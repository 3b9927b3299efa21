/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion of command lines in a shell: `rnm __complete SHELL ...`, which the scripts in completions/
 * call.  What may stand where is decided here, by the parsers of the command line themselves; the scripts
 * only show it.
 *
 *   rnm __complete zsh|fish WORD...    the words up to the cursor without their quotes, the command first
 *   rnm __complete bash LINE TAIL      the line up to the cursor, and its end that readline will replace
 *
 * The answer is one line that begins with "words", "files" or "folders" and may end in "nospace" (see
 * complete_shell.c), then one line for each candidate.  Nothing is asked, written or reported, and it ends within COMPLETE_SECONDS
 * whatever a server does.
 */
#ifndef RNM_CLI_COMPLETE_H
#define RNM_CLI_COMPLETE_H

#include "context.h"

#include <rnm/buf.h>

#define COMPLETE_VERB "__complete"
#define COMPLETE_SECONDS 1

/* What argv holds after COMPLETE_VERB.  Returns the exit code, which no shell looks at. */
int complete(int argc, char **argv);

enum completion_kind {
	COMPLETION_WORDS,
	COMPLETION_FILES, /* the shell offers paths by its own rules, beside the words */
	COMPLETION_FOLDERS
};

struct completion {
	enum completion_kind kind;
	size_t skip;   /* bytes of the word under the cursor that stand before the candidates: "--rule=" */
	bool in_model; /* names become parts of redis:RULE/SETTINGS@VERSION */
	bool goes_on;  /* a whole candidate may still want something behind it in its word: =SHARE */
	struct rnm_buf lines; /* "CANDIDATE\tDESCRIPTION\n" each */
};

/*
 * Offers a candidate.  One with a character that no terminal shows is left out: nobody could read what is
 * offered, and a line break would end the line in a shell's script.
 */
void completion_add(struct completion *completion, const char *word, const char *description);

/* Names from the configuration and Redis; what cannot be found out is left out. */
void complete_rules(struct completion *completion, struct context *context);
void complete_sections(struct completion *completion, struct context *context);
/* rule NULL: of every rule. */
void complete_settings(struct completion *completion, struct context *context, const char *rule);
void complete_versions(struct completion *completion, struct context *context, const char *rule,
                       const char *settings);
/* The parts of redis:RULE/SETTINGS@VERSION in word, which starts with the scheme. */
void complete_model(struct completion *completion, struct context *context, const char *word);

/* The words of a line of bash, and where readline's part of the last one begins. */
enum shell_quote { QUOTE_NONE, QUOTE_SINGLE, QUOTE_DOUBLE };
struct bash_line {
	char **words; /* count of them, decoded; the last one is under the cursor and may be empty */
	size_t count;
	char *text;             /* holds the words */
	size_t kept;            /* decoded bytes of the last word that readline keeps */
	enum shell_quote quote; /* within which its replacement will stand */
};
/* False when the line cannot be understood, or memory ran out; bash_line_free in either case. */
bool bash_line_read(struct bash_line *out, const char *line, const char *tail);
void bash_line_free(struct bash_line *line);

/* The answer for a shell; word is the one under the cursor. */
void completion_print_plain(const struct completion *completion, const char *word, struct rnm_buf *out);
void completion_print_bash(const struct completion *completion, const struct bash_line *line,
                           struct rnm_buf *out);

#endif
