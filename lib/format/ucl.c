/* SPDX-License-Identifier: Apache-2.0 */
#include "format/ucl_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum ucl_state { UCL_MEMBER, UCL_VALUE, UCL_TAIL, UCL_END, UCL_FAILED };

static struct ucl_open *innermost(const struct ucl_parser *parser)
{
	return &parser->stack[parser->depth - 1];
}

/* Whether names of a section follow: a brace or bracket stands later in the line, quotes and comments or not. */
static bool look_ahead(struct ucl_chunk *chunk)
{
	const char *p = chunk->p;

	if (*p == '{' || *p == '[')
		return false;
	/* A line of a megabyte with a thousand names would be scanned a thousand times. */
	if (chunk->ahead_from != NULL && p >= chunk->ahead_from && p <= chunk->ahead_to)
		return chunk->ahead_brace;
	chunk->ahead_from = p;
	chunk->ahead_brace = false;
	for (; p < chunk->end && *p != ',' && *p != ';' && *p != '\n' && *p != '\r'; p++) {
		if (*p == '{' || *p == '[') {
			chunk->ahead_brace = true;
			break;
		}
	}
	chunk->ahead_to = p;
	return chunk->ahead_brace;
}

static bool read_bare_key(struct ucl_parser *parser, struct rnm_bytes *key)
{
	struct ucl_chunk *chunk = parser->chunk;

	key->data = chunk->p;
	while (chunk->p < chunk->end && ucl_is_key_body(*chunk->p))
		chunk->p++;
	key->len = (size_t)(chunk->p - key->data);
	if (chunk->p >= chunk->end)
		return ucl_fail(parser, UCL_KEY_UNFINISHED);
	if (!ucl_is_blank(*chunk->p) && *chunk->p != ':' && *chunk->p != '=')
		return ucl_fail(parser, UCL_KEY_CHAR);
	return true;
}

static bool read_key(struct ucl_parser *parser, struct rnm_bytes *key)
{
	struct ucl_chunk *chunk = parser->chunk;
	struct ucl_quoted quoted;

	/* In restricted mode a dot begins a key only to be refused like any other odd byte. */
	if (*chunk->p != '"')
		return ucl_is_key_start(*chunk->p) ? read_bare_key(parser, key)
		                                   : ucl_fail(parser, UCL_KEY_START);
	if (!ucl_scan_quoted(parser, &quoted))
		return false;
	*key = quoted.raw;
	return !quoted.has_escape || ucl_unescape(parser, quoted.raw, key);
}

/* What may stand between a key and its value; *found: a '=' or ':' did. */
static bool read_separator(struct ucl_parser *parser, bool *found)
{
	struct ucl_chunk *chunk = parser->chunk;

	*found = false;
	while (chunk->p < chunk->end) {
		if (ucl_is_blank(*chunk->p)) {
			chunk->p++;
		} else if (ucl_at_comment(chunk)) {
			if (!ucl_skip_comment_run(parser))
				return false;
		} else if (*chunk->p == '=' || *chunk->p == ':') {
			if (*found)
				return ucl_fail(parser, *chunk->p == '=' ? UCL_SEPARATOR_EQUALS
				                                         : UCL_SEPARATOR_COLON);
			*found = true;
			chunk->p++;
		} else {
			return true;
		}
	}
	return ucl_fail(parser, UCL_KEY_UNFINISHED);
}

static bool skip_white_and_comments(struct ucl_parser *parser)
{
	struct ucl_chunk *chunk = parser->chunk;

	for (;;) {
		ucl_skip_white(chunk);
		if (!ucl_at_comment(chunk))
			return true;
		if (!ucl_skip_comment_run(parser))
			return false;
	}
}

static enum ucl_state read_member(struct ucl_parser *parser)
{
	struct ucl_chunk *chunk = parser->chunk;
	struct rnm_bytes key;
	const char *key_at;
	bool separated;

	if (!skip_white_and_comments(parser))
		return UCL_FAILED;
	if (chunk->p >= chunk->end)
		return UCL_END;
	if (*chunk->p == '}')
		return UCL_TAIL;
	if (*chunk->p == '.' && !parser->restricted && !parser->is_arguments)
		return ucl_read_macro(parser) ? UCL_MEMBER : UCL_FAILED;
	key_at = chunk->p;
	if (!read_key(parser, &key) || !read_separator(parser, &separated))
		return UCL_FAILED;
	if (key.len == 0)
		return ucl_fail(parser, UCL_KEY_EMPTY), UCL_FAILED;
	if (!separated)
		chunk->nest = look_ahead(chunk);
	if (!ucl_place(parser, key, key_at))
		return UCL_FAILED;
	if (!chunk->nest)
		return UCL_VALUE;
	return ucl_open_pending(parser, RNM_OBJECT, UCL_OPEN_NAME) ? UCL_MEMBER : UCL_FAILED;
}

static enum ucl_state open_container(struct ucl_parser *parser, enum rnm_type type)
{
	if (!ucl_open_pending(parser, type, UCL_OPEN_BRACE))
		return UCL_FAILED;
	parser->chunk->p++;
	return type == RNM_OBJECT ? UCL_MEMBER : UCL_VALUE;
}

static bool read_scalar(struct ucl_parser *parser, struct rnm_value *node)
{
	char c = *parser->chunk->p;
	bool done = false;

	if (c == '"')
		return ucl_read_json_string(parser, node);
	if (c == '\'')
		return ucl_read_single_quoted(parser, node);
	if (c == '<' && !ucl_read_heredoc(parser, node, &done))
		return false;
	if ((c == '-' || (c >= '0' && c <= '9')) && !ucl_read_number(parser, node, &done))
		return false;
	return done || ucl_read_bare(parser, node);
}

/* A scalar in the place of a merged object: the node stays in its chain, with its priority. */
static void reset_node(struct ucl_parser *parser, struct rnm_value *node)
{
	node->type = RNM_NULL;
	node->flags = 0;
	node->as.members = NULL;
	node->file = parser->chunk->file;
	node->line = ucl_line_at(parser->chunk, parser->chunk->p);
}

static enum ucl_state read_value(struct ucl_parser *parser)
{
	struct ucl_chunk *chunk = parser->chunk;
	struct ucl_open *array = NULL;

	if (!ucl_skip_before_value(parser))
		return UCL_FAILED;
	if (chunk->p >= chunk->end)
		return UCL_END;
	if (parser->pending == NULL) {
		array = innermost(parser);
		if (*chunk->p == ']')
			return UCL_TAIL;
		parser->pending = ucl_new_node(parser, chunk->p);
		parser->pending_reused = false;
		if (parser->pending == NULL)
			return UCL_FAILED;
		if (!rnm_value_push(parser->arena, array->node, parser->pending))
			return ucl_fail_memory(parser), UCL_FAILED;
	}
	if (*chunk->p == '{')
		return open_container(parser, RNM_OBJECT);
	if (*chunk->p == '[')
		return open_container(parser, RNM_ARRAY);
	if (parser->pending_reused)
		reset_node(parser, parser->pending);
	if (!read_scalar(parser, parser->pending))
		return UCL_FAILED;
	parser->pending = NULL;
	return UCL_TAIL;
}

/* What follows a value, closing braces included. */
static enum ucl_state read_tail(struct ucl_parser *parser)
{
	struct ucl_chunk *chunk = parser->chunk;
	bool separated = false;

	while (chunk->p < chunk->end) {
		char c = *chunk->p;
		bool finished = false;

		if (ucl_is_blank(c)) {
			chunk->p++;
			continue;
		}
		if (ucl_at_comment(chunk)) {
			if (!ucl_skip_comment_run(parser))
				return UCL_FAILED;
		} else if (c == '}' || c == ']') {
			if (!ucl_close(parser, &finished))
				return UCL_FAILED;
		} else if (ucl_is_terminator(c)) {
			chunk->p++;
		} else if (!separated) {
			return ucl_fail(parser, UCL_DELIMITER), UCL_FAILED;
		} else {
			break;
		}
		separated = true;
		if (finished)
			return UCL_END; /* rspamd ignores whatever follows a braced document */
	}
	if (chunk->p >= chunk->end)
		return UCL_END;
	return innermost(parser)->node->type == RNM_OBJECT ? UCL_MEMBER : UCL_VALUE;
}

/* A braced or bracketed beginning.  An included file's brace opens nothing: its members go where the macro stands. */
static bool open_first_brace(struct ucl_parser *parser, enum ucl_state *state)
{
	struct ucl_chunk *chunk = parser->chunk;
	char c = '\0';
	bool main_text = parser->depth == 0;
	struct rnm_value *array;

	if (chunk->p < chunk->end)
		c = *chunk->p;
	*state = UCL_MEMBER;
	if (main_text) {
		parser->root->type = c == '[' ? RNM_ARRAY : RNM_OBJECT;
		if (!ucl_push_open(parser, parser->root,
		                   c == '[' || c == '{' ? UCL_OPEN_BRACE : UCL_OPEN_ROOT))
			return false;
	} else if (c == '{') {
		innermost(parser)->braced = true;
	} else if (c == '[') {
		array = ucl_new_node(parser, chunk->p);
		if (array == NULL)
			return false;
		array->type = RNM_ARRAY;
		if (!ucl_push_open(parser, array, UCL_OPEN_REFUSED))
			return false;
	}
	if (c == '[' || c == '{')
		chunk->p++;
	if (c == '[')
		*state = UCL_VALUE;
	return true;
}

static bool begin_chunk(struct ucl_parser *parser, enum ucl_state *state)
{
	struct ucl_chunk *chunk = parser->chunk;

	if (ucl_at_comment(chunk) || (chunk->p < chunk->end && *chunk->p == '#')) {
		/* Not even a blank may follow before a '{', see docs/configuration.md. */
		if (!ucl_skip_comment_run(parser))
			return false;
	} else {
		ucl_skip_white(chunk);
	}
	return open_first_brace(parser, state);
}

static bool run_chunk(struct ucl_parser *parser)
{
	enum ucl_state state;

	if (!begin_chunk(parser, &state))
		return false;
	for (;;) {
		switch (state) {
		case UCL_MEMBER:
			state = read_member(parser);
			break;
		case UCL_VALUE:
			state = read_value(parser);
			break;
		case UCL_TAIL:
			state = read_tail(parser);
			break;
		case UCL_END:
			parser->pending = NULL;
			return ucl_check_closed(parser);
		case UCL_FAILED:
			return false;
		}
	}
}

bool ucl_parse_chunk(struct ucl_parser *parser, struct ucl_chunk *chunk)
{
	struct ucl_chunk *parent = parser->chunk;
	size_t entry = parser->depth;
	bool braced = entry > 0 && parser->stack[entry - 1].braced;
	bool ok;

	if (parser->chunk_count >= UCL_CHUNKS_MAX)
		return ucl_fail_text(parser, "config.include", "maximum include nesting limit is reached: 17",
		                     "files include each other more than %u levels deep", UCL_CHUNKS_MAX - 1);
	chunk->parent = parent;
	chunk->line = 1;
	chunk->counted = chunk->p;
	chunk->line_start = chunk->p;
	chunk->id = parser->next_chunk_id++;
	parser->chunk = chunk;
	parser->chunk_count++;
	ok = run_chunk(parser);
	parser->chunk = parent;
	parser->chunk_count--;
	/* A leading brace that the file never closed does not stay with the section around it. */
	if (ok && entry > 0 && entry <= parser->depth && !braced)
		parser->stack[entry - 1].braced = false;
	return ok;
}

static bool init_vars(struct ucl_parser *parser, const struct rnm_ucl_options *options)
{
	size_t count = options->var_count + 2;

	parser->vars = rnm_arena_alloc(parser->arena, count * sizeof(*parser->vars));
	if (parser->vars == NULL)
		return ucl_fail_memory(parser);
	parser->vars[0].name = rnm_bytes_of("FILENAME");
	parser->vars[1].name = rnm_bytes_of("CURDIR");
	for (size_t i = 2; i < count; i++) {
		parser->vars[i].name = rnm_bytes_of(options->vars[i - 2].name);
		parser->vars[i].value = rnm_bytes_of(options->vars[i - 2].value);
	}
	parser->var_count = count;
	for (size_t i = 0; i < count; i++)
		if (parser->vars[i].name.len > parser->longest_var)
			parser->longest_var = parser->vars[i].name.len;
	return true;
}

static struct ucl_parser *new_parser(struct rnm_arena *arena, unsigned max_depth)
{
	struct ucl_parser *parser = malloc(sizeof(*parser));

	if (parser == NULL)
		return NULL;
	/* All but the error, whose texts are large and need no clearing. */
	memset(parser, 0, offsetof(struct ucl_parser, error));
	rnm_error_clear(&parser->error);
	parser->arena = arena;
	parser->max_depth = max_depth != 0 ? max_depth : UCL_DEPTH_MAX;
	parser->next_chunk_id = 1;
	parser->root = rnm_value_new(arena, RNM_OBJECT);
	if (parser->root == NULL) {
		free(parser);
		return NULL;
	}
	return parser;
}

/* As ucl_fail_memory, when there is not even a parser. */
static enum rnm_status fail_early(const struct rnm_arena *arena, struct rnm_error *err)
{
	if (!arena->full)
		return rnm_error_nomem(err);
	return rnm_error_set(err, RNM_E_MALFORMED, "config.limit",
	                     "the configuration needs more than %zu bytes of memory", arena->max);
}

static void free_parser(struct ucl_parser *parser)
{
	free(parser->stack);
	free(parser);
}

static bool parse_main(struct ucl_parser *parser, const char *filename, const char *text, size_t len)
{
	struct ucl_chunk chunk = { .p = text, .end = text + len };

	chunk.file = rnm_arena_strndup(parser->arena, filename, strlen(filename));
	if (chunk.file == NULL || parser->root == NULL)
		return ucl_fail_memory(parser);
	parser->root->file = chunk.file;
	parser->root->line = 1;
	return ucl_parse_chunk(parser, &chunk);
}

/* Hands over the tree or the error and releases the parser. */
static enum rnm_status finish(struct ucl_parser *parser, bool ok, struct rnm_value **out,
                              struct rnm_error *err)
{
	enum rnm_status status = ok ? RNM_OK : parser->error.status;

	/* An error that was only remembered (unreadable macro arguments) does not fail the text. */
	if (ok)
		*out = parser->root;
	else if (err != NULL)
		*err = parser->error;
	free_parser(parser);
	return status;
}

enum rnm_status rnm_ucl_parse(struct rnm_value **out, const struct rnm_ucl_options *options, const char *text,
                              size_t len, struct rnm_error *err)
{
	struct ucl_parser *parser = new_parser(options->arena, options->max_depth);
	bool ok;

	*out = NULL;
	if (parser == NULL)
		return fail_early(options->arena, err);
	parser->io = options->io;
	ok = init_vars(parser, options) && ucl_set_file_vars(parser, options->filename) &&
	     parse_main(parser, options->filename, text, len);
	return finish(parser, ok, out, err);
}

enum rnm_status rnm_ucl_parse_json(struct rnm_value **out, struct rnm_arena *arena, const char *text,
                                   size_t len, struct rnm_error *err)
{
	struct ucl_parser *parser = new_parser(arena, 0);

	*out = NULL;
	if (parser == NULL)
		return fail_early(arena, err);
	parser->restricted = true;
	return finish(parser, parse_main(parser, "<unknown>", text, len), out, err);
}

bool ucl_parse_arguments(struct ucl_parser *parser, struct rnm_bytes text, struct rnm_value **out)
{
	struct ucl_parser *inner = new_parser(parser->arena, UCL_DEPTH_MAX);
	struct ucl_var vars[2] = { { rnm_bytes_of("FILENAME"), rnm_bytes_of("undef") },
		                   { rnm_bytes_of("CURDIR"), rnm_bytes_of(".") } };
	const struct rnm_ucl_io *io = parser->io;
	char *folder = NULL;
	int errnum = 0;

	*out = NULL;
	if (inner == NULL)
		return ucl_fail_memory(parser);
	inner->is_arguments = true;
	if (text.len > 0 && memchr(text.data, '$', text.len) != NULL) {
		/* Here CURDIR is the working directory, not the folder of the file. */
		if (io != NULL && io->resolve != NULL)
			errnum = io->resolve(io->ctx, ".", &folder);
		if (folder != NULL)
			vars[1].value = rnm_bytes_of(folder);
		inner->vars = vars;
		inner->var_count = 2;
		inner->longest_var = vars[0].name.len;
	}
	if (errnum != ENOMEM && parse_main(inner, "undef", text.data, text.len))
		*out = inner->root;
	if (errnum == ENOMEM || inner->error.status == RNM_E_NOMEM || parser->arena->full)
		ucl_fail_memory(parser);
	free_parser(inner);
	free(folder);
	return parser->error.status != RNM_E_NOMEM && !parser->arena->full;
}
