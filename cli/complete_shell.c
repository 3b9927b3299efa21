/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between the shells.  zsh and fish take candidates as they are and quote what they insert.
 * bash inserts what it is given, in place of the end of the line that readline regards as the word: which
 * begins behind an open quote, or behind a character of COMP_WORDBREAKS such as the = of --rule=NAME.
 */
#include "complete.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading a line of bash ---- */

struct reader {
	struct bash_line *out;
	char *to; /* where the word under construction goes on */
	bool in_word;
	enum shell_quote quote;
	bool unknown; /* $'...', whose escapes only bash itself knows */
};

static void begin_word(struct reader *reader)
{
	if (!reader->in_word)
		reader->out->words[reader->out->count++] = reader->to;
	reader->in_word = true;
}

static void end_word(struct reader *reader)
{
	if (reader->in_word)
		*reader->to++ = '\0';
	reader->in_word = false;
}

static void put(struct reader *reader, char c)
{
	begin_word(reader);
	*reader->to++ = c;
}

/* One character, with its backslash.  Returns how many bytes of the line that was. */
static size_t read_char(struct reader *reader, const char *c)
{
	bool escapes =
	    *c == '\\' && (reader->quote == QUOTE_NONE ||
	                   (reader->quote == QUOTE_DOUBLE && c[1] != '\0' && strchr("$`\"\\", c[1])));

	if (reader->quote == QUOTE_NONE && c[0] == '$' && c[1] == '\'')
		reader->unknown = true;
	if (escapes) {
		begin_word(reader);
		if (c[1] != '\0')
			put(reader, c[1]);
		return c[1] != '\0' ? 2 : 1;
	}
	if ((*c == '\'' && reader->quote != QUOTE_DOUBLE) || (*c == '"' && reader->quote != QUOTE_SINGLE)) {
		begin_word(reader);
		if (reader->quote != QUOTE_NONE)
			reader->quote = QUOTE_NONE;
		else
			reader->quote = *c == '"' ? QUOTE_DOUBLE : QUOTE_SINGLE;
	} else if (reader->quote == QUOTE_NONE && strchr(" \t\n", *c) != NULL) {
		end_word(reader);
	} else {
		put(reader, *c);
	}
	return 1;
}

/* Reads up to the end, or to the first place at or behind limit. */
static const char *read_until(struct reader *reader, const char *c, const char *limit)
{
	while (*c != '\0' && c < limit)
		c += read_char(reader, c);
	return c;
}

bool bash_line_read(struct bash_line *out, const char *line, const char *tail)
{
	size_t len = strlen(line);
	size_t tail_len = strlen(tail);
	const char *end = line + len;
	const char *c = end - (tail_len <= len ? tail_len : 0);
	struct reader reader = { .out = out };
	size_t count;

	*out = (struct bash_line){ 0 };
	if (tail_len > len || strcmp(c, tail) != 0)
		return false;
	out->words = calloc(len + 2, sizeof(*out->words));
	out->text = calloc(2 * len + 2, 1);
	if (out->words == NULL || out->text == NULL)
		return false;
	reader.to = out->text;
	c = read_until(&reader, line, c);
	begin_word(&reader);
	count = out->count;
	out->kept = (size_t)(reader.to - out->words[count - 1]);
	out->quote = reader.quote;
	read_until(&reader, c, end);
	/* Functions that complete for another command, as for sudo, hand over a word with its open quote. */
	if (out->quote == QUOTE_NONE && (*tail == '"' || *tail == '\''))
		out->quote = reader.quote;
	return reader.in_word && out->count == count && !reader.unknown;
}

void bash_line_free(struct bash_line *line)
{
	free(line->words);
	free(line->text);
	*line = (struct bash_line){ 0 };
}

/* ---- writing for bash ---- */

static void quote_char(struct rnm_buf *out, char c, enum shell_quote quote)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";

	if (quote == QUOTE_SINGLE && c == '\'')
		rnm_buf_puts(out, "'\\''");
	else if (quote == QUOTE_DOUBLE && c == '!')
		rnm_buf_puts(out, "\"'!'\""); /* the history would be searched even behind a backslash */
	else if ((quote == QUOTE_DOUBLE && strchr("$`\"\\", c) != NULL) ||
	         (quote == QUOTE_NONE && (unsigned char)c < 0x80 && strchr(plain, c) == NULL))
		rnm_buf_printf(out, "\\%c", c);
	else
		rnm_buf_putc(out, c);
}

/* One candidate of the length len; false when it does not begin with what has been typed. */
static bool print_quoted(const struct bash_line *line, size_t skip, const char *candidate, size_t len,
                         struct rnm_buf *out)
{
	const char *word = line->words[line->count - 1];
	const char *typed = word + skip;
	size_t typed_len = strlen(typed);

	if (len < typed_len || memcmp(candidate, typed, typed_len) != 0 || skip + len <= line->kept)
		return false;
	/* Both halves of the word that is inserted: what stands before the candidate, and the candidate. */
	for (size_t i = line->kept; i < skip + len; i++)
		quote_char(out, i < skip ? word[i] : candidate[i - skip], line->quote);
	rnm_buf_putc(out, '\n');
	return true;
}

static const char *kind_name(enum completion_kind kind)
{
	static const char *const names[] = {
		[COMPLETION_WORDS] = "words",
		[COMPLETION_FILES] = "files",
		[COMPLETION_FOLDERS] = "folders",
	};

	return names[kind];
}

/* Of paths readline replaces whole words only: behind a : or = within one it would offer any file. */
static enum completion_kind kind_for_bash(const struct completion *completion, const struct bash_line *line)
{
	return line->kept > completion->skip ? COMPLETION_WORDS : completion->kind;
}

/* The first line ends in "nospace" when the only candidate wants something behind it: "--var=", "redis:". */
void completion_print_bash(const struct completion *completion, const struct bash_line *line,
                           struct rnm_buf *out)
{
	struct rnm_buf candidates;
	size_t count = 0;
	char last = ' ';

	rnm_buf_init(&candidates, out->max);
	for (const char *c = rnm_buf_cstr(&completion->lines); *c != '\0'; c = strchr(c, '\n') + 1) {
		size_t len = strcspn(c, "\t");

		if (print_quoted(line, completion->skip, c, len, &candidates)) {
			last = c[len - 1];
			count++;
		}
	}
	rnm_buf_printf(out, "%s%s\n", kind_name(kind_for_bash(completion, line)),
	               completion->goes_on || (count == 1 && (last == '=' || last == ':')) ? " nospace" : "");
	rnm_buf_append(out, rnm_buf_cstr(&candidates), candidates.len);
	out->failed = out->failed || candidates.failed;
	rnm_buf_free(&candidates);
}

/* ---- writing for zsh and fish ---- */

/*
 * Whole words, of which the shell drops those that do not fit.  The number in the first line says how many
 * characters of a path's word are an option: "--config=".
 */
void completion_print_plain(const struct completion *completion, const char *word, struct rnm_buf *out)
{
	rnm_buf_printf(out, "%s %zu%s\n", kind_name(completion->kind), completion->skip,
	               completion->goes_on ? " nospace" : "");
	for (const char *c = rnm_buf_cstr(&completion->lines); *c != '\0'; c = strchr(c, '\n') + 1) {
		rnm_buf_append(out, word, completion->skip);
		rnm_buf_append(out, c, strcspn(c, "\n") + 1);
	}
}
