/* SPDX-License-Identifier: Apache-2.0 */
#include "docgen/mdoc.h"

#include <ctype.h>
#include <string.h>

/* Source lines end here; lint complains of longer ones. */
#define LINE_WIDTH 76

/* What formatters would typeset: a hyphen instead of a minus, quotes that curl, accents. */
static const char *special_char(char c)
{
	switch (c) {
	case '\\':
		return "\\e";
	case '-':
		return "\\-";
	case '\'':
		return "\\(aq";
	case '`':
		return "\\(ga";
	case '^':
		return "\\(ha";
	case '~':
		return "\\(ti";
	case '"':
		return "\\(dq";
	default:
		return NULL;
	}
}

void mdoc_plain(struct rnm_buf *out, const char *text, size_t len)
{
	/* A dot or an apostrophe in front would make a request of the line. */
	if (len > 0 && (text[0] == '.' || text[0] == '\''))
		rnm_buf_puts(out, "\\&");
	for (size_t i = 0; i < len; i++) {
		const char *special = special_char(text[i]);

		if (special != NULL)
			rnm_buf_puts(out, special);
		else
			rnm_buf_putc(out, text[i]);
	}
}

void mdoc_display(struct rnm_buf *out, const char *prefix, const char *text)
{
	rnm_buf_puts(out, ".Bd -literal -offset indent\n");
	for (const char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n");

		rnm_buf_puts(out, prefix);
		mdoc_plain(out, line, len);
		rnm_buf_putc(out, '\n');
		line += len + (line[len] == '\n');
	}
	rnm_buf_puts(out, ".Ed\n");
}

/* A word that is typed as it stands, such as (--all or -o: its hyphens are minus signs. */
static bool is_option(const char *word, size_t len)
{
	size_t start = 0;

	while (start < len && ispunct((unsigned char)word[start]) && word[start] != '-')
		start++;
	return start + 1 < len && word[start] == '-';
}

/* A path or an identifier, such as override.d, which is not to be divided at the end of a line. */
static bool is_name(const char *word, size_t len)
{
	for (size_t i = 1; i + 1 < len; i++) {
		if (strchr("./_:=", word[i]) != NULL && isalnum((unsigned char)word[i + 1]))
			return true;
	}
	return false;
}

static void prose_word(struct rnm_buf *out, const char *word, size_t len, bool *quoted)
{
	bool option = is_option(word, len);

	rnm_buf_puts(out, is_name(word, len) ? "\\%" : "");

	for (size_t i = 0; i < len; i++) {
		if (word[i] == '`') {
			rnm_buf_puts(out, *quoted ? "\\(cq" : "\\(oq");
			*quoted = !*quoted;
		} else if (word[i] == '\\' || (word[i] == '-' && option)) {
			rnm_buf_puts(out, special_char(word[i]));
		} else {
			rnm_buf_putc(out, word[i]);
		}
	}
}

static bool ends_sentence(const char *word, size_t len)
{
	while (len > 0 && strchr(")\"'`", word[len - 1]) != NULL)
		len--;
	return len > 0 && strchr(".!?", word[len - 1]) != NULL;
}

static void prose_paragraph(struct rnm_buf *out, const char *text, size_t text_len)
{
	const char *end = text + text_len;
	size_t column = 0;
	bool quoted = false;

	for (const char *word = text; word < end;) {
		size_t len = strcspn(word, " \n");
		size_t max = (size_t)(end - word);

		len = len < max ? len : max;
		if (column > 0 && column + 1 + len > LINE_WIDTH) {
			rnm_buf_putc(out, '\n');
			column = 0;
		}
		if (column > 0)
			rnm_buf_putc(out, ' ');
		else if (*word == '.' || *word == '\'')
			rnm_buf_puts(out, "\\&");
		prose_word(out, word, len, &quoted);
		column += len + 1;
		if (ends_sentence(word, len) && word + len < end) {
			rnm_buf_putc(out, '\n');
			column = 0;
		}
		word += len;
		while (word < end && (*word == ' ' || *word == '\n'))
			word++;
	}
	rnm_buf_putc(out, '\n');
}

void mdoc_prose(struct rnm_buf *out, const char *text)
{
	for (const char *start = text; start != NULL;) {
		const char *end = strstr(start, "\n\n");

		if (start != text)
			rnm_buf_puts(out, ".Pp\n");
		prose_paragraph(out, start, end != NULL ? (size_t)(end - start) : strlen(start));
		start = end != NULL ? end + 2 : NULL;
	}
}

void mdoc_sentence(struct rnm_buf *out, const char *phrase, const char *tail)
{
	struct rnm_buf sentence;

	rnm_buf_init(&sentence, out->max);
	rnm_buf_putc(&sentence, (char)toupper((unsigned char)phrase[0]));
	rnm_buf_puts(&sentence, phrase + 1);
	/* Some of them end as sentences already. */
	rnm_buf_puts(&sentence,
	             strlen(tail) == 1 && strchr(".?", phrase[strlen(phrase) - 1]) != NULL ? "" : tail);
	mdoc_prose(out, rnm_buf_cstr(&sentence));
	out->failed = out->failed || sentence.failed;
	rnm_buf_free(&sentence);
}
