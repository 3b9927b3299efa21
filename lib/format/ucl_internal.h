/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files ucl*.c share.  One parser reads a stack of chunks (the main text and the files that it
 * includes), which all write into one stack of open objects and arrays: an included file continues the
 * object in which its macro stands.
 */
#ifndef RNM_FORMAT_UCL_INTERNAL_H
#define RNM_FORMAT_UCL_INTERNAL_H

#include "format/ucl.h"

/* rspamd: contrib/libucl/ucl_parser.c.  Chunks on the stack, main file included. */
#define UCL_CHUNKS_MAX 16u
/* rspamd: contrib/libucl/ucl_parser.c.  Names in one chain of a named section. */
#define UCL_NAMES_MAX 65535u
#define UCL_DEPTH_MAX 1000u
#define UCL_PRIORITY_MASK 15u
/* Members visited by all .inherit macros of one parse: each costs 15 bytes of text and a whole object of
 * work, so without a bound a small file could keep the parser busy for hours. */
#define UCL_INHERIT_STEPS_MAX 10000000u

/* How a chunk's members meet members that exist already (argument `duplicate` of .include). */
enum ucl_strategy { UCL_APPEND, UCL_MERGE, UCL_REWRITE, UCL_ERROR };

struct ucl_chunk {
	struct ucl_chunk *parent;
	const char *p; /* next byte */
	const char *end;
	const char *file; /* resolved name, in the arena */
	/* Lines are counted lazily, from here to wherever a position is asked for. */
	const char *counted;
	const char *line_start;
	uint32_t line;
	uint32_t id;
	uint8_t priority;
	enum ucl_strategy strategy;
	/* Whether the last look-ahead said "a name of a section follows": members with a separator do
	 * not look ahead and go by the answer that the member before them got. */
	bool nest;
	/* The answer of the last look-ahead holds for every position between these two. */
	const char *ahead_from;
	const char *ahead_to;
	bool ahead_brace;
};

enum ucl_open_kind {
	UCL_OPEN_ROOT,   /* of a text without braces */
	UCL_OPEN_NAME,   /* by a section name, without a brace of its own */
	UCL_OPEN_KEY,    /* by the argument `key` or `prefix` of .include */
	UCL_OPEN_BRACE,  /* by a brace or bracket in the text */
	UCL_OPEN_REFUSED /* by the leading bracket of an included file, whose closing bracket is an error */
};

/* An entry of the stack of open objects and arrays. */
struct ucl_open {
	struct rnm_value *node;
	uint32_t line;
	uint32_t chunk; /* id of the chunk that opened it */
	enum ucl_open_kind kind;
	bool braced; /* a closing brace is due */
};

struct ucl_var {
	struct rnm_bytes name;
	struct rnm_bytes value;
};

struct ucl_parser {
	struct rnm_arena *arena;
	const struct rnm_ucl_io *io;
	struct ucl_var *vars; /* FILENAME, CURDIR, then the caller's in their order */
	size_t var_count;
	size_t longest_var; /* bytes of the longest name */
	struct ucl_open *stack;
	size_t depth;
	size_t stack_cap;
	size_t max_depth;
	size_t names_open; /* names of the section being opened */
	struct rnm_value *root;
	struct rnm_value *pending; /* node that receives the next value, or NULL */
	bool pending_reused;       /* strategy merge: the node has a value that it may keep */
	struct ucl_chunk *chunk;
	unsigned chunk_count;
	uint32_t next_chunk_id;
	bool restricted;   /* no macros, variables and time suffixes; repeated keys become arrays */
	bool is_arguments; /* the text is the argument list of a macro */
	const struct rnm_value *search_path; /* argument `path`, which later includes keep */
	uint64_t inherit_steps;
	struct rnm_error error; /* the first one; later ones do not replace it */
};

/* ---- ucl_error.c ------------------------------------------------------------------------------ */

enum ucl_fault {
	UCL_KEY_START,
	UCL_KEY_CHAR,
	UCL_KEY_UNFINISHED,
	UCL_KEY_EMPTY,
	UCL_SEPARATOR_EQUALS,
	UCL_SEPARATOR_COLON,
	UCL_STRING_NEWLINE,
	UCL_STRING_CONTROL,
	UCL_STRING_ESCAPE,
	UCL_STRING_UNICODE,
	UCL_STRING_END,
	UCL_QUOTED_END,
	UCL_HEREDOC_END,
	UCL_VALUE_EMPTY,
	UCL_NUMBER_RANGE,
	UCL_DELIMITER,
	UCL_CLOSING,
	UCL_COMMENT_END,
	UCL_MERGE_TYPE,
	UCL_MACRO_ARGUMENTS,
	UCL_MACRO_VALUE_MISSING,
	UCL_MACRO_VALUE_BRACE,
	UCL_NESTING
};

/* All failing functions return false, so that callers can `return ucl_fail(...)`. */

/* A fault at the chunk's current byte. */
bool ucl_fail(struct ucl_parser *parser, enum ucl_fault fault);
/* As ucl_fail after moving the chunk to `at`. */
bool ucl_fail_at(struct ucl_parser *parser, const char *at, enum ucl_fault fault);
/* An error in a shape of its own at the chunk's current line. */
bool ucl_fail_text(struct ucl_parser *parser, const char *id, const char *reference, const char *fmt, ...)
    RNM_PRINTF(4, 5);
/* Notes why the file of the error that was just set cannot be had: a failure of I/O unless it is absent. */
void ucl_set_errno(struct ucl_parser *parser, int errnum);
/* A hint for the error that was just set; ignored when that was not the first error. */
void ucl_hint(struct ucl_parser *parser, const char *fmt, ...) RNM_PRINTF(2, 3);
/* The arena gave nothing: the tree's limit or no memory. */
bool ucl_fail_memory(struct ucl_parser *parser);
/* One of our own limits, which rspamd does not have. */
bool ucl_fail_limit(struct ucl_parser *parser, const char *fmt, ...) RNM_PRINTF(2, 3);
/* An error that came from a callback. */
bool ucl_fail_with(struct ucl_parser *parser, const struct rnm_error *err);
/* Counts lines up to `at`, which must not lie before an earlier one; returns the line, from 1. */
uint32_t ucl_line_at(struct ucl_chunk *chunk, const char *at);

/* ---- ucl_scan.c: bytes, comments, strings, numbers ----------------------------------------------- */

enum { UCL_BLANK = 1, UCL_WHITE = 2, UCL_TERMINATOR = 4, UCL_KEY_FIRST = 8, UCL_KEY_BODY = 16 };
extern const unsigned char ucl_classes[256];

/* Space or tab. */
static inline bool ucl_is_blank(char c)
{
	return (ucl_classes[(unsigned char)c] & UCL_BLANK) != 0;
}

static inline bool ucl_is_white(char c)
{
	return (ucl_classes[(unsigned char)c] & UCL_WHITE) != 0;
}

/* What ends an unquoted value; a number counts only when it touches one of these. */
static inline bool ucl_is_terminator(char c)
{
	return (ucl_classes[(unsigned char)c] & UCL_TERMINATOR) != 0;
}

static inline bool ucl_is_key_start(char c)
{
	return (ucl_classes[(unsigned char)c] & UCL_KEY_FIRST) != 0;
}

static inline bool ucl_is_key_body(char c)
{
	return (ucl_classes[(unsigned char)c] & UCL_KEY_BODY) != 0;
}

void ucl_skip_white(struct ucl_chunk *chunk);
/* Whether a comment starts here, as seen by all places but ucl_skip_comment_run. */
bool ucl_at_comment(const struct ucl_chunk *chunk);
/* Comments that touch each other, and nothing after them. */
bool ucl_skip_comment_run(struct ucl_parser *parser);
/* White space, one comment run, and nothing after it; does nothing at any other byte. */
bool ucl_skip_before_value(struct ucl_parser *parser);

/* ---- ucl_string.c --------------------------------------------------------------------------------- */

/* The raw text between the quotes at the current byte. */
struct ucl_quoted {
	struct rnm_bytes raw;
	bool has_escape;
};
bool ucl_scan_quoted(struct ucl_parser *parser, struct ucl_quoted *out);
/* A copy of raw in the arena with JSON's escapes replaced. */
bool ucl_unescape(struct ucl_parser *parser, struct rnm_bytes raw, struct rnm_bytes *out);
bool ucl_read_json_string(struct ucl_parser *parser, struct rnm_value *node);
bool ucl_read_single_quoted(struct ucl_parser *parser, struct rnm_value *node);
/* *is_heredoc is false and nothing consumed when the text is not of that form. */
bool ucl_read_heredoc(struct ucl_parser *parser, struct rnm_value *node, bool *is_heredoc);
/* An unquoted string, null, boolean, nan or inf. */
bool ucl_read_bare(struct ucl_parser *parser, struct rnm_value *node);

/* ---- ucl_number.c ----------------------------------------------------------------------------------- */

/* *is_number is false and nothing consumed when the text is an unquoted string. */
bool ucl_read_number(struct ucl_parser *parser, struct rnm_value *node, bool *is_number);

/* ---- ucl_vars.c --------------------------------------------------------------------------------------- */

/* Replaces variables in *text; leaves it alone when no known one occurs. */
bool ucl_expand(struct ucl_parser *parser, struct rnm_bytes *text);
/* FILENAME and CURDIR follow the file being parsed. */
bool ucl_set_file_vars(struct ucl_parser *parser, const char *file);

/* ---- ucl_place.c ------------------------------------------------------------------------------------ */

/* Makes or finds the node of a new member in the innermost open object and leaves it in parser->pending. */
bool ucl_place(struct ucl_parser *parser, struct rnm_bytes key, const char *key_at);
/* A fresh null with the chunk's priority and the position `at`. */
struct rnm_value *ucl_new_node(struct ucl_parser *parser, const char *at);
/* Turns the pending node into a container and opens it. */
bool ucl_open_pending(struct ucl_parser *parser, enum rnm_type type, enum ucl_open_kind kind);
bool ucl_push_open(struct ucl_parser *parser, struct rnm_value *node, enum ucl_open_kind kind);
/* Handles the brace or bracket at the current byte and consumes it.  *finished: the root has been closed. */
bool ucl_close(struct ucl_parser *parser, bool *finished);
/* Fails when the current chunk leaves a brace of its own open. */
bool ucl_check_closed(struct ucl_parser *parser);

/* ---- ucl_macro.c, ucl_include.c, ucl_load.c -------------------------------------------------------------------- */

/* The macro whose dot is the current byte. */
bool ucl_read_macro(struct ucl_parser *parser);
enum ucl_include_kind { UCL_INCLUDE, UCL_TRY_INCLUDE, UCL_SIGNED_INCLUDE };
bool ucl_macro_include(struct ucl_parser *parser, const struct rnm_value *arguments, struct rnm_bytes value,
                       enum ucl_include_kind kind);
bool ucl_macro_load(struct ucl_parser *parser, const struct rnm_value *arguments, struct rnm_bytes value);
/* Whether the argument `given` stands for `name`: an abbreviation is as good as the name. */
bool ucl_argument_is(const struct rnm_value *given, const char *name);

/* ---- ucl.c --------------------------------------------------------------------------------------------- */

/* Parses a text into the innermost open object (or the root for the first chunk). */
bool ucl_parse_chunk(struct ucl_parser *parser, struct ucl_chunk *chunk);
/*
 * A parser over a text of its own with the same arena, for the arguments of a macro.  *out is NULL when they
 * cannot be read; false, with the error set, only for lack of memory.
 */
bool ucl_parse_arguments(struct ucl_parser *parser, struct rnm_bytes text, struct rnm_value **out);

#endif
