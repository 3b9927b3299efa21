/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to a tree of nodes.  Only the structure is checked here, as in rspamd: what stands inside
 * a tag is looked at when the tag is reached (except that it is split into its parts beforehand).
 */
#include "format/template_scan.h"

#include <stdio.h>
#include <string.h>

/* A list of nodes under construction. */
struct level {
	struct rnm_tpl_node *first;
	struct rnm_tpl_node **tail;
};

static bool parse_level(struct rnm_tpl_parser *p, struct level *level);

static void level_init(struct level *level)
{
	level->first = NULL;
	level->tail = &level->first;
}

static struct rnm_tpl_node *add_node(struct rnm_tpl_parser *p, struct level *level, enum rnm_tpl_kind kind,
                                     size_t pos)
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

static bool add_text(struct rnm_tpl_parser *p, struct level *level, size_t start, size_t end)
{
	struct rnm_tpl_node *node = add_node(p, level, RNM_TPL_TEXT, start);

	if (node == NULL)
		return false;
	node->text = (struct rnm_bytes){ p->run->text + start, end - start };
	return true;
}

/* A strip mark for the `-` at pos, if there is one. */
static bool add_mark(struct rnm_tpl_parser *p, struct level *level, struct rnm_tpl_dash dash,
                     enum rnm_tpl_kind kind)
{
	return !dash.present || add_node(p, level, kind, dash.pos) != NULL;
}

/* The position of its node is set once the expression has been found. */
static struct rnm_tpl_node *add_tag(struct rnm_tpl_parser *p, struct level *level, enum rnm_tpl_kind kind)
{
	struct rnm_tpl_node *node = add_node(p, level, kind, p->at);

	if (node == NULL)
		return NULL;
	p->run->needs_lua = true;
	node->tag = rnm_tpl_alloc(p->run, sizeof(*node->tag));
	return node->tag != NULL ? node : NULL;
}

/* Whether the head is WORD followed by white space, as every tag with an expression must be. */
static bool head_opens(const struct rnm_tpl_parser *p, const struct rnm_tpl_head *head, const char *word)
{
	return rnm_tpl_name_is(head->name, word) &&
	       rnm_tpl_is_space(rnm_tpl_char_at(p, head->word + head->name.len));
}

/* Takes the expression of a statement tag, which must not be empty. */
static bool take_expression(struct rnm_tpl_parser *p, size_t after_word, struct rnm_bytes *text,
                            struct rnm_tpl_dash *rstrip)
{
	size_t start;

	*text = (struct rnm_bytes){ p->run->text, 0 };
	*rstrip = (struct rnm_tpl_dash){ 0 };
	p->at = after_word;
	rnm_tpl_skip_space(p);
	start = p->at;
	if (start >= p->run->len ||
	    (p->run->text[start] == '{' && memchr("%#", rnm_tpl_char_at(p, start + 1), 2) != NULL))
		return rnm_tpl_parse_fail(p, start, "expression expected");
	if (!rnm_tpl_take_statement(p, text, rstrip))
		return false;
	return text->len > 0 || rnm_tpl_parse_fail(p, start, "expression expected");
}

static size_t offset_of(const struct rnm_tpl_parser *p, struct rnm_bytes text)
{
	return (size_t)(text.data - p->run->text);
}

/* What cannot continue a body: names the end tag that is missing. */
static bool fail_missing_end(struct rnm_tpl_parser *p, const char *end)
{
	char cause[64];
	struct rnm_tpl_head head;

	(void)snprintf(cause, sizeof(cause), "additional tag or \"{%% %s %%}\" expected", end);
	if (p->at < p->run->len) {
		rnm_tpl_read_head(p, &head);
		if (rnm_tpl_name_is(head.name, "elif"))
			p->run->fault.hint = "write elseif instead of elif";
		else if (rnm_tpl_name_is(head.name, "else"))
			p->run->fault.hint =
			    "write elseif instead of `else if`; an if has at most one else, as "
			    "its last branch";
	}
	return rnm_tpl_parse_fail(p, p->at, cause);
}

static bool take_end(struct rnm_tpl_parser *p, const char *end, struct rnm_tpl_dash *lstrip,
                     struct rnm_tpl_dash *rstrip)
{
	return rnm_tpl_take_bare_tag(p, end, lstrip, rstrip) || fail_missing_end(p, end);
}

/* A body up to the tag that ends it; marks are those of the tag before it. */
static bool parse_body(struct rnm_tpl_parser *p, struct level *body, struct rnm_tpl_dash rstrip)
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

static bool parse_if(struct rnm_tpl_parser *p, struct level *level, const struct rnm_tpl_head *head)
{
	struct rnm_tpl_node *node = add_tag(p, level, RNM_TPL_IF);
	struct rnm_tpl_tag *branch;
	struct rnm_bytes text;
	struct level body;
	struct rnm_tpl_head next;
	struct rnm_tpl_dash lstrip;
	struct rnm_tpl_dash rstrip;

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
		rnm_tpl_read_head(p, &next);
		if (!head_opens(p, &next, "elseif"))
			break;
		branch->next_branch = rnm_tpl_alloc(p->run, sizeof(*branch));
		branch = branch->next_branch;
		if (branch == NULL || !take_expression(p, next.word + next.name.len, &text, &rstrip))
			return false;
	}
	if (rnm_tpl_take_bare_tag(p, "else", &lstrip, &rstrip)) {
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
static bool parse_block(struct rnm_tpl_parser *p, struct level *level, struct rnm_tpl_node *node,
                        const char *end, struct rnm_tpl_dash rstrip)
{
	bool macro = node->kind == RNM_TPL_MACRO || node->kind == RNM_TPL_CALL;
	struct level body;
	struct level otherwise;
	struct rnm_tpl_dash lstrip;

	level_init(&otherwise);
	if (!parse_body(p, &body, rstrip))
		return false;
	if (node->kind == RNM_TPL_FOR && rnm_tpl_take_bare_tag(p, "else", &lstrip, &rstrip) &&
	    !parse_body(p, &otherwise, rstrip))
		return false;
	if (!take_end(p, end, &lstrip, &rstrip) || (macro && !add_mark(p, &body, lstrip, RNM_TPL_LSTRIP)))
		return false;
	node->tag->body = body.first;
	node->tag->otherwise = otherwise.first;
	return add_mark(p, level, lstrip, RNM_TPL_LSTRIP) && add_mark(p, level, rstrip, RNM_TPL_RSTRIP);
}

static bool parse_raw(struct rnm_tpl_parser *p, struct level *level, const struct rnm_tpl_head *head)
{
	size_t start;
	struct rnm_tpl_dash lstrip;
	struct rnm_tpl_dash rstrip;

	p->at = head->word + 3;
	rnm_tpl_skip_space(p);
	rstrip = (struct rnm_tpl_dash){ rnm_tpl_char_at(p, p->at) == '-', p->at };
	if (rstrip.present)
		p->at++;
	if (rnm_tpl_char_at(p, p->at) != '%' || rnm_tpl_char_at(p, p->at + 1) != '}')
		return rnm_tpl_parse_fail(p, head->word + 3, "\"%}\" expected");
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
		if (rnm_tpl_take_bare_tag(p, "endraw", &lstrip, &rstrip))
			return add_text(p, level, start, end) && add_mark(p, level, lstrip, RNM_TPL_LSTRIP) &&
			       add_mark(p, level, rstrip, RNM_TPL_RSTRIP);
		p->at += 2;
	}
}

static bool refuse_tag(struct rnm_tpl_parser *p, const struct rnm_tpl_head *head)
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

static enum statement classify(const struct rnm_tpl_parser *p, const struct rnm_tpl_head *head)
{
	static const struct {
		const char *word;
		enum statement statement;
	} words[] = { { "if", IF },
		      { "for", FOR },
		      { "set", SET },
		      { "do", DO },
		      { "macro", MACRO },
		      { "filter", FILTER },
		      { "call", CALL },
		      { "include", UNSUPPORTED },
		      { "import", UNSUPPORTED },
		      { "extends", UNSUPPORTED },
		      { "block", UNSUPPORTED } };

	if (head->name.len >= 3 && memcmp(head->name.data, "raw", 3) == 0)
		return RAW;
	if (rnm_tpl_name_is(head->name, "call") && rnm_tpl_char_at(p, head->word + 4) == '(')
		return CALL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (head_opens(p, head, words[i].word))
			return words[i].statement;
	return NOT_A_STATEMENT;
}

/* set and do: no body. */
static bool parse_simple(struct rnm_tpl_parser *p, struct level *level, enum statement statement,
                         size_t after_word)
{
	struct rnm_tpl_node *node = add_tag(p, level, statement == SET ? RNM_TPL_SET : RNM_TPL_DO);
	struct rnm_bytes text;
	struct rnm_tpl_dash rstrip;
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

static bool parse_statement(struct rnm_tpl_parser *p, struct level *level, enum statement statement,
                            const struct rnm_tpl_head *head)
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
	struct rnm_tpl_dash rstrip;
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

static bool parse_value(struct rnm_tpl_parser *p, struct level *level)
{
	struct rnm_tpl_node *node;
	struct rnm_bytes text;
	struct rnm_tpl_dash rstrip;

	p->at += 2;
	if (!add_mark(p, level, rnm_tpl_take_dash(p), RNM_TPL_LSTRIP))
		return false;
	rnm_tpl_skip_space(p);
	node = add_tag(p, level, RNM_TPL_VALUE);
	return node != NULL && rnm_tpl_take_value(p, &text, &rstrip) &&
	       rnm_tpl_parse_pipe(p->run, &node->tag->pipe, text) &&
	       add_mark(p, level, rstrip, RNM_TPL_RSTRIP);
}

static bool parse_comment(struct rnm_tpl_parser *p, struct level *level)
{
	struct rnm_tpl_dash rstrip;

	p->at += 2;
	return add_mark(p, level, rnm_tpl_take_dash(p), RNM_TPL_LSTRIP) && rnm_tpl_take_comment(p, &rstrip) &&
	       add_mark(p, level, rstrip, RNM_TPL_RSTRIP);
}

/* Nodes up to the end of the text or a `{%` that starts no statement, where p->at is left. */
static bool parse_level(struct rnm_tpl_parser *p, struct level *level)
{
	while (p->at < p->run->len) {
		size_t tag = rnm_tpl_find_tag(p);
		enum statement statement;
		struct rnm_tpl_head head;
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
			rnm_tpl_read_head(p, &head);
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
	struct rnm_tpl_parser parser = { run, 0, 0 };
	struct level level;
	struct rnm_tpl_head head;

	level_init(&level);
	if (!parse_level(&parser, &level)) {
		if (!run->fault.has_pos)
			rnm_tpl_fault_place(run, parser.at);
		return false;
	}
	run->root = level.first;
	if (parser.at >= run->len)
		return true;
	rnm_tpl_read_head(&parser, &head);
	return rnm_tpl_parse_fail(&parser, head.word, "unknown or unexpected tag");
}
