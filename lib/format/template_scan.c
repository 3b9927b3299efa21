/* SPDX-License-Identifier: Apache-2.0 */
/* Finding tags and their ends in the text of a template. */
#include "format/template_scan.h"

#include <string.h>

bool rnm_tpl_parse_fail(struct rnm_tpl_parser *p, size_t pos, const char *cause)
{
	rnm_tpl_fault_at(p->run, RNM_TPL_PARSE_FAULT, pos, cause);
	return false;
}

bool rnm_tpl_name_is(struct rnm_bytes name, const char *word)
{
	return name.len == strlen(word) && memcmp(name.data, word, name.len) == 0;
}

void rnm_tpl_skip_space(struct rnm_tpl_parser *p)
{
	while (p->at < p->run->len && rnm_tpl_is_space(p->run->text[p->at]))
		p->at++;
}

char rnm_tpl_char_at(const struct rnm_tpl_parser *p, size_t at)
{
	return at < p->run->len ? p->run->text[at] : '\0';
}

struct rnm_tpl_dash rnm_tpl_take_dash(struct rnm_tpl_parser *p)
{
	char c = rnm_tpl_char_at(p, p->at);
	struct rnm_tpl_dash dash = { c == '-', p->at };

	if (c == '-' || c == '+')
		p->at++;
	return dash;
}

/* Takes what lies before the closing delimiter at `end`, and the `-` in front of it. */
static void take_inside(struct rnm_tpl_parser *p, size_t end, struct rnm_bytes *inside,
                        struct rnm_tpl_dash *rstrip)
{
	*inside = (struct rnm_bytes){ p->run->text + p->at, end - p->at };
	*rstrip = (struct rnm_tpl_dash){ inside->len > 0 && p->run->text[end - 1] == '-', end - 1 };
	if (rstrip->present)
		inside->len--;
	p->at = end + 2;
}

/* A comment ends at the first closing delimiter. */
bool rnm_tpl_take_comment(struct rnm_tpl_parser *p, struct rnm_tpl_dash *rstrip)
{
	const char *end = memmem(p->run->text + p->at, p->run->len - p->at, "#}", 2);
	struct rnm_bytes inside;

	if (end == NULL)
		return rnm_tpl_parse_fail(p, p->run->len, "\"#}\" expected");
	take_inside(p, (size_t)(end - p->run->text), &inside, rstrip);
	return true;
}

/* A value ends at the first closing delimiter outside of braces, even braces in a string. */
bool rnm_tpl_take_value(struct rnm_tpl_parser *p, struct rnm_bytes *inside, struct rnm_tpl_dash *rstrip)
{
	size_t depth = 0;
	bool braces = false;

	for (size_t at = p->at; at < p->run->len; at++) {
		char c = p->run->text[at];

		if (c == '{') {
			depth++;
			braces = true;
		} else if (depth > 0) {
			depth -= c == '}' ? 1 : 0;
		} else if (c == '=' && rnm_tpl_char_at(p, at + 1) == '}') {
			take_inside(p, at, inside, rstrip);
			return true;
		}
	}
	if (braces)
		p->run->fault.hint =
		    "braces in a value must come in pairs, even within quotes: write \"\\123\" for {";
	return rnm_tpl_parse_fail(p, p->run->len, "\"=}\" expected");
}

/* A statement ends at the first closing delimiter, even within a string, and must not hold another tag. */
bool rnm_tpl_take_statement(struct rnm_tpl_parser *p, struct rnm_bytes *inside, struct rnm_tpl_dash *rstrip)
{
	size_t at = p->at;

	for (; at < p->run->len; at++) {
		char c = p->run->text[at];
		char next = rnm_tpl_char_at(p, at + 1);

		if (c == '%' && next == '}') {
			take_inside(p, at, inside, rstrip);
			return true;
		}
		if (c == '{' && (next == '%' || next == '#'))
			break;
	}
	return rnm_tpl_parse_fail(p, at, "\"%}\" expected");
}

void rnm_tpl_read_head(const struct rnm_tpl_parser *p, struct rnm_tpl_head *head)
{
	struct rnm_tpl_parser ahead = *p;

	ahead.at += 2;
	head->lstrip = rnm_tpl_take_dash(&ahead);
	rnm_tpl_skip_space(&ahead);
	head->word = ahead.at;
	while ((rnm_tpl_char_at(&ahead, ahead.at) | 0x20) >= 'a' &&
	       (rnm_tpl_char_at(&ahead, ahead.at) | 0x20) <= 'z')
		ahead.at++;
	head->name = (struct rnm_bytes){ p->run->text + head->word, ahead.at - head->word };
}

bool rnm_tpl_take_bare_tag(struct rnm_tpl_parser *p, const char *word, struct rnm_tpl_dash *lstrip,
                           struct rnm_tpl_dash *rstrip)
{
	struct rnm_tpl_parser ahead = *p;
	struct rnm_tpl_head head;

	if (p->run->len - p->at < 2 || memcmp(p->run->text + p->at, "{%", 2) != 0)
		return false;
	rnm_tpl_read_head(p, &head);
	if (!rnm_tpl_name_is(head.name, word))
		return false;
	ahead.at = head.word + head.name.len;
	rnm_tpl_skip_space(&ahead);
	*rstrip = (struct rnm_tpl_dash){ rnm_tpl_char_at(&ahead, ahead.at) == '-', ahead.at };
	if (rstrip->present)
		ahead.at++;
	if (rnm_tpl_char_at(&ahead, ahead.at) != '%' || rnm_tpl_char_at(&ahead, ahead.at + 1) != '}')
		return false;
	*lstrip = head.lstrip;
	p->at = ahead.at + 2;
	return true;
}

size_t rnm_tpl_find_tag(const struct rnm_tpl_parser *p)
{
	size_t at = p->at;

	while (at < p->run->len) {
		const char *brace = memchr(p->run->text + at, '{', p->run->len - at);

		if (brace == NULL)
			break;
		at = (size_t)(brace - p->run->text);
		if (memchr("%=#", rnm_tpl_char_at(p, at + 1), 3) != NULL)
			return at;
		at++;
	}
	return p->run->len;
}
