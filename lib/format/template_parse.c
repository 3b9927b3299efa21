/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to a tree of nodes.  Only the structure is checked here, as in rspamd: what stands inside
 * a tag is looked at when the tag is reached (except that it is split into its parts beforehand).
 */
#include "format/template_engine.h"

#include <stdio.h>
#include <string.h>

struct parser {
	struct rnm_tpl_run *run;
	size_t at;
	unsigned depth;
};

/* A list of nodes under construction. */
struct level {
	struct rnm_tpl_node *first;
	struct rnm_tpl_node **tail;
};

/* A `-` next to a delimiter. */
struct dash {
	bool present;
	size_t pos;
};

/* The beginning of `{% WORD`. */
struct head {
	size_t open;  /* the brace */
	size_t word;  /* the word, or whatever stands in its place */
	struct rnm_bytes name;
	struct dash lstrip;
};

static bool parse_level(struct parser *p, struct level *level);

static bool fail(struct parser *p, size_t pos, const char *cause)
{
	rnm_tpl_fault_at(p->run, RNM_TPL_PARSE_FAULT, pos, cause);
	return false;
}

static bool name_is(struct rnm_bytes name, const char *word)
{
	return name.len == strlen(word) && memcmp(name.data, word, name.len) == 0;
}

static void level_init(struct level *level)
{
	level->first = NULL;
	level->tail = &level->first;
}

static struct rnm_tpl_node *add_node(struct parser *p, struct level *level, enum rnm_tpl_kind kind, size_t pos)
{
	struct rnm_tpl_node *node = rnm_tpl_alloc(p->run, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->kind = kind;
	node->pos = pos;
	*level->tail = node;
	level->tail = &node->next;
	return node;
}

static bool add_text(struct parser *p, struct level *level, size_t start, size_t end)
{
	struct rnm_tpl_node *node = add_node(p, level, RNM_TPL_TEXT, start);

	if (node == NULL)
		return false;
	node->text = (struct rnm_bytes){ p->run->text + start, end - start };
	return true;
}

/* A strip mark for the `-` at pos, if there is one. */
static bool add_mark(struct parser *p, struct level *level, struct dash dash, enum rnm_tpl_kind kind)
{
	return !dash.present || add_node(p, level, kind, dash.pos) != NULL;
}

/* The position of its node is set once the expression has been found. */
static struct rnm_tpl_node *add_tag(struct parser *p, struct level *level, enum rnm_tpl_kind kind)
{
	struct rnm_tpl_node *node = add_node(p, level, kind, p->at);

	if (node == NULL)
		return NULL;
	p->run->needs_lua = true;
	node->tag = rnm_tpl_alloc(p->run, sizeof(*node->tag));
	return node->tag != NULL ? node : NULL;
}

static void skip_space(struct parser *p)
{
	while (p->at < p->run->len && rnm_tpl_is_space(p->run->text[p->at]))
		p->at++;
}

static char char_at(const struct parser *p, size_t at)
{
	return at < p->run->len ? p->run->text[at] : '\0';
}

/* Past an opening delimiter: a `-` strips, a `+` means nothing. */
static struct dash take_open_mark(struct parser *p)
{
	char c = char_at(p, p->at);
	struct dash dash = { c == '-', p->at };

	if (c == '-' || c == '+')
		p->at++;
	return dash;
}

/* Takes what lies before the closing delimiter at `end`, and the `-` in front of it. */
static void take_inside(struct parser *p, size_t end, struct rnm_bytes *inside, struct dash *rstrip)
{
	*inside = (struct rnm_bytes){ p->run->text + p->at, end - p->at };
	*rstrip = (struct dash){ inside->len > 0 && p->run->text[end - 1] == '-', end - 1 };
	if (rstrip->present)
		inside->len--;
	p->at = end + 2;
}

/* A comment ends at the first closing delimiter. */
static bool take_comment(struct parser *p, struct dash *rstrip)
{
	const char *end = memmem(p->run->text + p->at, p->run->len - p->at, "#}", 2);
	struct rnm_bytes inside;

	if (end == NULL)
		return fail(p, p->run->len, "\"#}\" expected");
	take_inside(p, (size_t)(end - p->run->text), &inside, rstrip);
	return true;
}

/* A value ends at the first closing delimiter outside of braces; it does not matter whether they stand in a string. */
static bool take_value(struct parser *p, struct rnm_bytes *inside, struct dash *rstrip)
{
	size_t depth = 0;

	for (size_t at = p->at; at < p->run->len; at++) {
		char c = p->run->text[at];

		if (c == '{') {
			depth++;
		} else if (depth > 0) {
			depth -= c == '}' ? 1 : 0;
		} else if (c == '=' && char_at(p, at + 1) == '}') {
			take_inside(p, at, inside, rstrip);
			return true;
		}
	}
	if (depth > 0)
		p->run->fault.hint = "braces in a value must come in pairs, even within quotes: write \"\\123\" for {";
	return fail(p, p->run->len, "\"=}\" expected");
}

/* A statement ends at the first closing delimiter, even within a string, and must not hold another tag. */
static bool take_statement(struct parser *p, struct rnm_bytes *inside, struct dash *rstrip)
{
	size_t at = p->at;

	for (; at < p->run->len; at++) {
		char c = p->run->text[at];
		char next = char_at(p, at + 1);

		if (c == '%' && next == '}') {
			take_inside(p, at, inside, rstrip);
			return true;
		}
		if (c == '{' && (next == '%' || next == '#'))
			break;
	}
	return fail(p, at, "\"%}\" expected");
}

/* Reads a head at p->at without moving; the text there is known to start with `{%`. */
static void read_head(const struct parser *p, struct head *head)
{
	struct parser ahead = *p;

	head->open = p->at;
	ahead.at += 2;
	head->lstrip = take_open_mark(&ahead);
	skip_space(&ahead);
	head->word = ahead.at;
	while ((char_at(&ahead, ahead.at) | 0x20) >= 'a' && (char_at(&ahead, ahead.at) | 0x20) <= 'z')
		ahead.at++;
	head->name = (struct rnm_bytes){ p->run->text + head->word, ahead.at - head->word };
}

/* If `{% WORD %}` stands at p->at, passes it. */
static bool take_bare_tag(struct parser *p, const char *word, struct dash *lstrip, struct dash *rstrip)
{
	struct parser ahead = *p;
	struct head head;

	if (p->run->len - p->at < 2 || memcmp(p->run->text + p->at, "{%", 2) != 0)
		return false;
	read_head(p, &head);
	if (!name_is(head.name, word))
		return false;
	ahead.at = head.word + head.name.len;
	skip_space(&ahead);
	*rstrip = (struct dash){ char_at(&ahead, ahead.at) == '-', ahead.at };
	if (rstrip->present)
		ahead.at++;
	if (char_at(&ahead, ahead.at) != '%' || char_at(&ahead, ahead.at + 1) != '}')
		return false;
	*lstrip = head.lstrip;
	p->at = ahead.at + 2;
	return true;
}

/* Whether the head is WORD followed by white space, as every tag with an expression must be. */
static bool head_opens(const struct parser *p, const struct head *head, const char *word)
{
	return name_is(head->name, word) && rnm_tpl_is_space(char_at(p, head->word + head->name.len));
}

/* Takes the expression of a statement tag, which must not be empty. */
static bool take_expression(struct parser *p, size_t after_word, struct rnm_bytes *text, struct dash *rstrip)
{
	size_t start;

	p->at = after_word;
	skip_space(p);
	start = p->at;
	if (start >= p->run->len || (p->run->text[start] == '{' && memchr("%#", char_at(p, start + 1), 2) != NULL))
		return fail(p, start, "expression expected");
	if (!take_statement(p, text, rstrip))
		return false;
	return text->len > 0 || fail(p, start, "expression expected");
}

static size_t offset_of(const struct parser *p, struct rnm_bytes text)
{
	return (size_t)(text.data - p->run->text);
}

/* What cannot continue a body: names the end tag that is missing. */
static bool fail_missing_end(struct parser *p, const char *end)
{
	char cause[64];
	struct head head;

	(void)snprintf(cause, sizeof(cause), "additional tag or \"{%% %s %%}\" expected", end);
	if (p->at < p->run->len) {
		read_head(p, &head);
		if (name_is(head.name, "elif"))
			p->run->fault.hint = "write elseif instead of elif";
		else if (name_is(head.name, "else"))
			p->run->fault.hint = "write elseif instead of `else if`; an if has at most one else, as "
			                     "its last branch";
	}
	return fail(p, p->at, cause);
}

static bool take_end(struct parser *p, const char *end, struct dash *lstrip, struct dash *rstrip)
{
	return take_bare_tag(p, end, lstrip, rstrip) || fail_missing_end(p, end);
}

/* A body up to the tag that ends it; marks are those of the tag before it. */
static bool parse_body(struct parser *p, struct level *body, struct dash rstrip)
{
	bool ok;

	level_init(body);
	if (++p->depth > RNM_TPL_DEPTH_MAX) {
		rnm_tpl_fault_at(p->run, RNM_TPL_LIMIT_FAULT, p->at,
		                 "expected at most 64 template tags inside each other, found more");
		return false;
	}
	ok = add_mark(p, body, rstrip, RNM_TPL_RSTRIP) && parse_level(p, body);
	p->depth--;
	return ok;
}

static bool parse_if(struct parser *p, struct level *level, const struct head *head)
{
	struct rnm_tpl_node *node = add_tag(p, level, RNM_TPL_IF);
	struct rnm_tpl_tag *branch;
	struct rnm_bytes text;
	struct level body;
	struct head next;
	struct dash lstrip;
	struct dash rstrip;

	if (node == NULL || !take_expression(p, head->word + head->name.len, &text, &rstrip))
		return false;
	node->pos = offset_of(p, text);
	branch = node->tag;
	for (;;) {
		if (!rnm_tpl_parse_pipe(p->run, &branch->pipe, text))
			return false;
		if (!parse_body(p, &body, rstrip))
			return false;
		branch->body = body.first;
		if (p->at >= p->run->len)
			return fail_missing_end(p, "endif");
		read_head(p, &next);
		if (!head_opens(p, &next, "elseif"))
			break;
		branch->next_branch = rnm_tpl_alloc(p->run, sizeof(*branch));
		branch = branch->next_branch;
		if (branch == NULL || !take_expression(p, next.word + next.name.len, &text, &rstrip))
			return false;
	}
	if (take_bare_tag(p, "else", &lstrip, &rstrip)) {
		branch->next_branch = rnm_tpl_alloc(p->run, sizeof(*branch));
		if (branch->next_branch == NULL || !parse_body(p, &body, rstrip))
			return false;
		branch->next_branch->always = true;
		branch->next_branch->body = body.first;
	}
	return take_end(p, "endif", &lstrip, &rstrip) && add_mark(p, level, lstrip, RNM_TPL_LSTRIP) &&
	       add_mark(p, level, rstrip, RNM_TPL_RSTRIP);
}

/* The body of every other block.  The `-` of its end tag strips the result, and within macros each result. */
static bool parse_block(struct parser *p, struct level *level, struct rnm_tpl_node *node, const char *end,
                        struct dash rstrip)
{
	bool macro = node->kind == RNM_TPL_MACRO || node->kind == RNM_TPL_CALL;
	struct level body;
	struct level otherwise;
	struct dash lstrip;

	level_init(&otherwise);
	if (!parse_body(p, &body, rstrip))
		return false;
	if (node->kind == RNM_TPL_FOR && take_bare_tag(p, "else", &lstrip, &rstrip) &&
	    !parse_body(p, &otherwise, rstrip))
		return false;
	if (!take_end(p, end, &lstrip, &rstrip) || (macro && !add_mark(p, &body, lstrip, RNM_TPL_LSTRIP)))
		return false;
	node->tag->body = body.first;
	node->tag->otherwise = otherwise.first;
	return add_mark(p, level, lstrip, RNM_TPL_LSTRIP) && add_mark(p, level, rstrip, RNM_TPL_RSTRIP);
}

static bool parse_raw(struct parser *p, struct level *level, const struct head *head)
{
	size_t start;
	struct dash lstrip;
	struct dash rstrip;

	p->at = head->word + 3;
	skip_space(p);
	rstrip = (struct dash){ char_at(p, p->at) == '-', p->at };
	if (rstrip.present)
		p->at++;
	if (char_at(p, p->at) != '%' || char_at(p, p->at + 1) != '}')
		return fail(p, head->word + 3, "\"%}\" expected");
	p->at += 2;
	if (!add_mark(p, level, rstrip, RNM_TPL_RSTRIP))
		return false;
	start = p->at;
	for (;;) {
		const char *open = memmem(p->run->text + p->at, p->run->len - p->at, "{%", 2);
		size_t end;

		if (open == NULL) {
			p->at = p->run->len;
			return fail_missing_end(p, "endraw");
		}
		end = p->at = (size_t)(open - p->run->text);
		if (take_bare_tag(p, "endraw", &lstrip, &rstrip))
			return add_text(p, level, start, end) && add_mark(p, level, lstrip, RNM_TPL_LSTRIP) &&
			       add_mark(p, level, rstrip, RNM_TPL_RSTRIP);
		p->at += 2;
	}
}

static bool refuse_tag(struct parser *p, const struct head *head)
{
	char cause[160];

	(void)snprintf(cause, sizeof(cause),
	               "expected a template without {%% %.*s %%}, which this engine does not support",
	               (int)head->name.len, head->name.data);
	p->run->fault.hint = "include files with UCL's .include; write the text of a block in place";
	rnm_tpl_fault_at(p->run, RNM_TPL_REFUSED_FAULT, head->word, cause);
	return false;
}

enum statement { NOT_A_STATEMENT, SET, DO, FOR, MACRO, FILTER, CALL, IF, RAW, UNSUPPORTED };

static enum statement classify(const struct parser *p, const struct head *head)
{
	static const struct {
		const char *word;
		enum statement statement;
	} words[] = { { "if", IF },         { "for", FOR },          { "set", SET },
		      { "do", DO },         { "macro", MACRO },      { "filter", FILTER },
		      { "call", CALL },     { "include", UNSUPPORTED }, { "import", UNSUPPORTED },
		      { "extends", UNSUPPORTED }, { "block", UNSUPPORTED } };

	if (head->name.len >= 3 && memcmp(head->name.data, "raw", 3) == 0)
		return RAW;
	if (name_is(head->name, "call") && char_at(p, head->word + 4) == '(')
		return CALL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (head_opens(p, head, words[i].word))
			return words[i].statement;
	return NOT_A_STATEMENT;
}

/* set and do: no body. */
static bool parse_simple(struct parser *p, struct level *level, enum statement statement, size_t after_word)
{
	struct rnm_tpl_node *node = add_tag(p, level, statement == SET ? RNM_TPL_SET : RNM_TPL_DO);
	struct rnm_bytes text;
	struct dash rstrip;
	bool ok;

	if (node == NULL || !take_expression(p, after_word, &text, &rstrip))
		return false;
	node->pos = offset_of(p, text);
	if (statement == SET)
		ok = rnm_tpl_parse_set(p->run, node->tag, text, node->pos);
	else
		ok = rnm_tpl_parse_code(p->run, &node->tag->pipe.base, text);
	return ok && add_mark(p, level, rstrip, RNM_TPL_RSTRIP);
}

static bool parse_statement(struct parser *p, struct level *level, enum statement statement, const struct head *head)
{
	static const struct {
		enum rnm_tpl_kind kind;
		const char *end;
	} blocks[] = { [FOR] = { RNM_TPL_FOR, "endfor" },
		       [MACRO] = { RNM_TPL_MACRO, "endmacro" },
		       [FILTER] = { RNM_TPL_FILTER, "endfilter" },
		       [CALL] = { RNM_TPL_CALL, "endcall" } };
	size_t after_word = head->word + head->name.len;
	struct rnm_tpl_node *node;
	struct rnm_bytes text;
	struct dash rstrip;
	bool ok;

	switch (statement) {
	case IF:
		return parse_if(p, level, head);
	case RAW:
		return parse_raw(p, level, head);
	case SET:
	case DO:
		return parse_simple(p, level, statement, after_word);
	case UNSUPPORTED:
		return refuse_tag(p, head);
	default:
		break;
	}
	node = add_tag(p, level, blocks[statement].kind);
	if (node == NULL || !take_expression(p, after_word, &text, &rstrip))
		return false;
	node->pos = offset_of(p, text);
	if (statement == FOR)
		ok = rnm_tpl_parse_for(p->run, node->tag, text, node->pos);
	else if (statement == MACRO)
		ok = rnm_tpl_parse_macro(p->run, node->tag, text, node->pos);
	else if (statement == CALL)
		ok = rnm_tpl_parse_call(p->run, node->tag, text, node->pos);
	else
		ok = rnm_tpl_parse_filters(p->run, &node->tag->pipe.filters, text, 0);
	return ok && parse_block(p, level, node, blocks[statement].end, rstrip);
}

static bool parse_value(struct parser *p, struct level *level)
{
	struct rnm_tpl_node *node;
	struct rnm_bytes text;
	struct dash rstrip;

	p->at += 2;
	if (!add_mark(p, level, take_open_mark(p), RNM_TPL_LSTRIP))
		return false;
	skip_space(p);
	node = add_tag(p, level, RNM_TPL_VALUE);
	return node != NULL && take_value(p, &text, &rstrip) && rnm_tpl_parse_pipe(p->run, &node->tag->pipe, text) &&
	       add_mark(p, level, rstrip, RNM_TPL_RSTRIP);
}

static bool parse_comment(struct parser *p, struct level *level)
{
	struct dash rstrip;

	p->at += 2;
	return add_mark(p, level, take_open_mark(p), RNM_TPL_LSTRIP) && take_comment(p, &rstrip) &&
	       add_mark(p, level, rstrip, RNM_TPL_RSTRIP);
}

/* The next opening delimiter at or after p->at, or the end of the text. */
static size_t find_tag(const struct parser *p)
{
	size_t at = p->at;

	while (at < p->run->len) {
		const char *brace = memchr(p->run->text + at, '{', p->run->len - at);

		if (brace == NULL)
			break;
		at = (size_t)(brace - p->run->text);
		if (memchr("%=#", char_at(p, at + 1), 3) != NULL)
			return at;
		at++;
	}
	return p->run->len;
}

/* Nodes up to the end of the text or a `{%` that starts no statement, where p->at is left. */
static bool parse_level(struct parser *p, struct level *level)
{
	while (p->at < p->run->len) {
		size_t tag = find_tag(p);
		enum statement statement;
		struct head head;
		bool ok;

		if (tag > p->at && !add_text(p, level, p->at, tag))
			return false;
		p->at = tag;
		if (tag == p->run->len)
			return true;
		switch (p->run->text[tag + 1]) {
		case '=':
			ok = parse_value(p, level);
			break;
		case '#':
			ok = parse_comment(p, level);
			break;
		default:
			read_head(p, &head);
			statement = classify(p, &head);
			if (statement == NOT_A_STATEMENT)
				return true;
			ok = add_mark(p, level, head.lstrip, RNM_TPL_LSTRIP) &&
			     parse_statement(p, level, statement, &head);
			break;
		}
		if (!ok)
			return false;
	}
	return true;
}

bool rnm_tpl_parse(struct rnm_tpl_run *run)
{
	struct parser parser = { run, 0, 0 };
	struct level level;
	struct head head;

	level_init(&level);
	if (!parse_level(&parser, &level)) {
		if (!run->fault.has_pos)
			rnm_tpl_fault_place(run, parser.at);
		return false;
	}
	run->root = level.first;
	if (parser.at >= run->len)
		return true;
	read_head(&parser, &head);
	return fail(&parser, head.word, "unknown or unexpected tag");
}
