/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the tree to the output.  As in rspamd, a level (the file, a body) produces pieces: a `-` strips
 * the last piece or the next one, and no further.  All levels share one buffer; a finished level is one
 * piece of the level around it.
 */
#include "format/template_engine.h"

#include <string.h>

struct level {
	size_t piece; /* where the last piece starts */
	bool has_piece;
	bool strip_next;
	/*
	 * The result of a loop is stripped at the end of each item.  Where the items of the last piece end is
	 * noted behind this offset of run->marks.
	 */
	size_t marks;
};

enum outcome { FAILED, NO_PIECE, PIECE };

bool rnm_tpl_write(struct rnm_tpl_run *run, const char *data, size_t len)
{
	if (rnm_buf_append(&run->out, data, len))
		return true;
	if (len > run->out.max || run->out.len > run->out.max - len)
		rnm_tpl_fault_plain(
		    run, RNM_TPL_LIMIT_FAULT,
		    "expected a template whose output fits into the limit on configuration sizes, "
		    "found more output");
	else
		rnm_tpl_fault_plain(run, RNM_TPL_NOMEM_FAULT, "out of memory");
	return false;
}

void rnm_tpl_take_output(const struct rnm_tpl_ctx *ctx, size_t start)
{
	struct rnm_buf *out = &ctx->run->out;

	rnm_tpl_spend_or_raise(ctx->L, 1 + (out->len - start) / 32);
	lua_pushlstring(ctx->L, out->len > start ? out->data + start : "", out->len - start);
	out->len = start;
}

static size_t without_space(const struct rnm_buf *out, size_t start, size_t end)
{
	while (end > start && rnm_tpl_is_space(out->data[end - 1]))
		end--;
	return end;
}

static size_t mark_at(const struct rnm_tpl_run *run, size_t offset)
{
	size_t mark;

	memcpy(&mark, run->marks.data + offset, sizeof(mark));
	return mark;
}

/* Strips the end of the last piece, or of each part of it, closing up the gaps. */
static bool strip_end(struct rnm_tpl_run *run, const struct level *level)
{
	struct rnm_buf *out = &run->out;
	size_t from = level->piece;
	size_t to = from;

	if (!level->has_piece)
		return true;
	if (level->marks == run->marks.len) {
		out->len = without_space(out, level->piece, out->len);
		return true;
	}
	for (size_t m = level->marks; m < run->marks.len; m += sizeof(size_t)) {
		size_t end = mark_at(run, m);
		size_t kept = without_space(out, from, end) - from;

		if (kept > 0)
			memmove(out->data + to, out->data + from, kept);
		to += kept;
		from = end;
		memcpy(run->marks.data + m, &to, sizeof(to));
		if (!rnm_tpl_spend(run->engine, 1 + kept / 64))
			return false;
	}
	out->len = to;
	return true;
}

static void strip_front(struct rnm_tpl_run *run, const struct level *level)
{
	struct rnm_buf *out = &run->out;
	size_t limit = level->marks < run->marks.len ? mark_at(run, level->marks) : out->len;
	size_t blank = level->piece;

	while (blank < limit && rnm_tpl_is_space(out->data[blank]))
		blank++;
	blank -= level->piece;
	if (blank == 0)
		return;
	memmove(out->data + level->piece, out->data + level->piece + blank, out->len - level->piece - blank);
	out->len -= blank;
	for (size_t m = level->marks; m < run->marks.len; m += sizeof(size_t)) {
		size_t mark = mark_at(run, m) - blank;

		memcpy(run->marks.data + m, &mark, sizeof(mark));
	}
}

/* Whether the next thing strips the end of what node makes: then the ends of a loop's items matter. */
static bool is_stripped(const struct rnm_tpl_node *node)
{
	return node->next != NULL && node->next->kind == RNM_TPL_LSTRIP;
}

/* Writes the value on top as text and pops it. */
static bool write_value(const struct rnm_tpl_ctx *ctx)
{
	size_t len;
	const char *text;
	bool ok = true;

	if (!lua_isnil(ctx->L, -1)) {
		rnm_tpl_push_tostring(ctx->L, lua_gettop(ctx->L));
		text = lua_tolstring(ctx->L, -1, &len);
		ok = rnm_tpl_spend(ctx->run->engine, 1 + len / 32) && rnm_tpl_write(ctx->run, text, len);
		lua_pop(ctx->L, 1);
	}
	lua_pop(ctx->L, 1);
	return ok;
}

static bool fail_defect(const struct rnm_tpl_ctx *ctx, const struct rnm_tpl_tag *tag)
{
	rnm_tpl_fault_at(ctx->run, RNM_TPL_RUNTIME_FAULT, tag->defect_pos, tag->defect);
	return false;
}

static enum outcome eval_if(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_tag *tag)
{
	for (; tag != NULL; tag = tag->next_branch) {
		bool taken = tag->always;

		if (!taken) {
			if (!rnm_tpl_eval_pipe(ctx, &tag->pipe, 1))
				return FAILED;
			taken = lua_toboolean(ctx->L, -1) != 0;
			lua_pop(ctx->L, 1);
		}
		if (taken)
			return rnm_tpl_eval_nodes(ctx, tag->body) ? PIECE : FAILED;
	}
	return NO_PIECE;
}

static enum outcome eval_set(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_tag *tag)
{
	if (tag->defect != NULL)
		return fail_defect(ctx, tag) ? NO_PIECE : FAILED;
	if (!rnm_tpl_eval_pipe(ctx, &tag->pipe, 1))
		return FAILED;
	lua_pushlstring(ctx->L, tag->name.data, tag->name.len);
	lua_insert(ctx->L, -2);
	lua_rawset(ctx->L, ctx->scope);
	return NO_PIECE;
}

static enum outcome eval_filter_block(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_tag *tag)
{
	size_t start = ctx->run->out.len;
	int base = lua_gettop(ctx->L);

	if (!rnm_tpl_eval_nodes(ctx, tag->body))
		return FAILED;
	rnm_tpl_take_output(ctx, start);
	if (!rnm_tpl_eval_filters(ctx, tag->pipe.filters, base))
		return FAILED;
	lua_settop(ctx->L, base + 1);
	return write_value(ctx) ? PIECE : FAILED;
}

static enum outcome eval_tag(const struct rnm_tpl_ctx *ctx, const struct rnm_tpl_node *node)
{
	struct rnm_tpl_tag *tag = node->tag;
	bool wrote = false;

	switch (node->kind) {
	case RNM_TPL_VALUE:
		return rnm_tpl_eval_pipe(ctx, &tag->pipe, 1) && write_value(ctx) ? PIECE : FAILED;
	case RNM_TPL_IF:
		return eval_if(ctx, tag);
	case RNM_TPL_SET:
		return eval_set(ctx, tag);
	case RNM_TPL_DO:
		return rnm_tpl_eval_code(ctx, &tag->pipe.base, true, 0) ? NO_PIECE : FAILED;
	case RNM_TPL_FILTER:
		return eval_filter_block(ctx, tag);
	default:
		break;
	}
	if (tag->defect != NULL)
		return fail_defect(ctx, tag) ? NO_PIECE : FAILED;
	if (node->kind == RNM_TPL_FOR)
		return rnm_tpl_eval_for(ctx, tag, is_stripped(node)) ? PIECE : FAILED;
	if (node->kind == RNM_TPL_MACRO)
		return rnm_tpl_eval_macro(ctx, tag) ? NO_PIECE : FAILED;
	if (!rnm_tpl_eval_call(ctx, tag, &wrote))
		return FAILED;
	if (!wrote) {
		lua_pop(ctx->L, 1);
		return NO_PIECE;
	}
	return write_value(ctx) ? PIECE : FAILED;
}

/* Makes the marks behind offset `from` those of the last piece. */
static void use_marks(struct rnm_tpl_run *run, const struct level *level, size_t from)
{
	size_t len = run->marks.len - from;

	if (len > 0)
		memmove(run->marks.data + level->marks, run->marks.data + from, len);
	run->marks.len = level->marks + len;
}

/* Strips the front of the last piece.  Without any piece rspamd's engine fails, so this is no template. */
static bool use_strip_mark(struct rnm_tpl_run *run, struct level *level, size_t pos)
{
	if (!level->has_piece) {
		rnm_tpl_fault_at(run, RNM_TPL_PLAIN_FAULT, pos, "attempt to index a nil value");
		run->fault.hint = "leave out the - of the -%} before this tag: nothing has been printed that "
		                  "it could strip";
		return false;
	}
	strip_front(run, level);
	level->strip_next = false;
	return true;
}

static bool eval_node(const struct rnm_tpl_ctx *ctx, const struct rnm_tpl_node *node, struct level *level)
{
	struct rnm_buf *out = &ctx->run->out;
	size_t start = out->len;
	size_t marks = ctx->run->marks.len;
	enum outcome outcome = NO_PIECE;

	ctx->run->position = node->pos;
	switch (node->kind) {
	case RNM_TPL_RSTRIP:
		level->strip_next = true;
		return true;
	case RNM_TPL_LSTRIP:
		if (!strip_end(ctx->run, level))
			return false;
		break;
	case RNM_TPL_TEXT:
		if (!rnm_tpl_write(ctx->run, node->text.data, node->text.len))
			return false;
		outcome = PIECE;
		break;
	default:
		outcome = eval_tag(ctx, node);
		break;
	}
	if (outcome == FAILED)
		return false;
	if (outcome == PIECE) {
		level->piece = start;
		level->has_piece = true;
		use_marks(ctx->run, level, marks);
	}
	/* Whatever comes next uses the mark up, even what produces no piece: then the last piece is stripped. */
	return !level->strip_next || use_strip_mark(ctx->run, level, node->pos);
}

bool rnm_tpl_eval_nodes(const struct rnm_tpl_ctx *ctx, const struct rnm_tpl_node *nodes)
{
	struct rnm_tpl_run *run = ctx->run;
	struct level level = { run->out.len, false, false, run->marks.len };
	int top = ctx->L != NULL ? lua_gettop(ctx->L) : 0;

	if (++run->depth > RNM_TPL_EVAL_DEPTH_MAX) {
		rnm_tpl_fault_plain(
		    run, RNM_TPL_LIMIT_FAULT,
		    "expected at most 150 template bodies being evaluated inside each other, found "
		    "more: a macro that calls itself without end?");
		return false;
	}
	for (const struct rnm_tpl_node *node = nodes; node != NULL; node = node->next) {
		if (ctx->L != NULL && !rnm_tpl_spend(run->engine, 1 + node->text.len / 64))
			return false;
		if (!eval_node(ctx, node, &level)) {
			if (!run->fault.has_pos)
				rnm_tpl_fault_place(run, node->pos);
			return false;
		}
		if (ctx->L != NULL)
			lua_settop(ctx->L, top);
	}
	run->marks.len = level.marks;
	run->depth--;
	return true;
}
