/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the template step: what its files share.
 *
 *   template.c         the public functions, the error that the caller gets
 *   template_scan.c, template_parse.c, template_expr.c
 *                      text -> tree of nodes (no Lua needed)
 *   template_eval.c    tree -> output, with _loop.c and _macro.c for those tags
 *   template_code.c    one expression: compile, run, describe its failure
 *   template_lua.c     the sandboxed Lua state and its limits
 *   template_lib_*.c   what expressions may call; template_filter_*.c what may follow a `|`
 *
 * Everything that touches Lua runs below one lua_cpcall in template.c: an error that Lua raises jumps
 * there (or to the lua_pcall around one expression) over frames that own nothing.  Memory that must
 * survive or be freed belongs to struct rnm_tpl_run.
 */
#ifndef RNM_FORMAT_TEMPLATE_ENGINE_H
#define RNM_FORMAT_TEMPLATE_ENGINE_H

#include "format/template.h"

#include "base/arena.h"

#include <lauxlib.h>
#include <lua.h>

/* Tags inside tags, as written. */
#define RNM_TPL_DEPTH_MAX 64u
/* Tag bodies being evaluated at once, macros that call macros included: below Lua's 200 nested C calls. */
#define RNM_TPL_EVAL_DEPTH_MAX 150u
/* No single string or table of a template may be larger: one VM instruction must stay short. */
#define RNM_TPL_BLOCK_MAX ((size_t)4 << 20)
/* Arguments of one filter call and values of one loop step. */
#define RNM_TPL_ARGS_MAX 64

enum rnm_tpl_kind {
	RNM_TPL_TEXT,
	RNM_TPL_LSTRIP, /* a `-` before a tag: strip the end of the last piece */
	RNM_TPL_RSTRIP, /* a `-` after a tag: strip the front of the next piece */
	RNM_TPL_VALUE,
	RNM_TPL_IF,
	RNM_TPL_FOR,
	RNM_TPL_SET,
	RNM_TPL_DO,
	RNM_TPL_MACRO,
	RNM_TPL_CALL,
	RNM_TPL_FILTER
};

/* A piece of Lua. */
struct rnm_tpl_code {
	struct rnm_bytes text;
	int slot; /* in the run's cache of compiled functions; counts from 1 */
	bool cached;
	struct rnm_bytes
	    bad_escape; /* a string up to an escape that LuaJIT refuses; data is NULL when there is none */
	bool busy; /* running: a macro that calls itself must not change the environment of this activation */
};

struct rnm_tpl_filter {
	struct rnm_bytes name;
	size_t offset; /* from the start of the pipe */
	struct rnm_tpl_code args;
	struct rnm_tpl_filter *next;
};

/* An expression and the filters behind it. */
struct rnm_tpl_pipe {
	struct rnm_tpl_code base;
	struct rnm_tpl_filter *filters;
};

/* A variable of a loop, macro or call. */
struct rnm_tpl_name {
	struct rnm_bytes text;
	size_t fallback_pos;
	struct rnm_tpl_code fallback; /* default value of a macro argument; text.data is NULL when absent */
	struct rnm_tpl_name *next;
};

struct rnm_tpl_tag {
	struct rnm_tpl_pipe pipe;
	size_t list_pos;               /* of a loop's list */
	struct rnm_tpl_pipe condition; /* of `for ... if`; base.text.data is NULL when absent */
	struct rnm_bytes name;         /* of `set` and `macro` */
	struct rnm_tpl_name *names;
	struct rnm_tpl_node *body;
	struct rnm_tpl_node *otherwise;  /* `else` of a loop */
	struct rnm_tpl_tag *next_branch; /* `elseif` and `else` of an `if` */
	bool always;                     /* the `else` branch */
	/* A mistake that rspamd only notices when it gets there. */
	const char *defect;
	size_t defect_pos;
};

struct rnm_tpl_node {
	enum rnm_tpl_kind kind;
	size_t pos;
	struct rnm_bytes text;   /* of RNM_TPL_TEXT */
	struct rnm_tpl_tag *tag; /* of everything else but the strip marks */
	struct rnm_tpl_node *next;
};

enum rnm_tpl_fault_kind {
	RNM_TPL_NO_FAULT,
	RNM_TPL_PARSE_FAULT,
	RNM_TPL_RUNTIME_FAULT,
	RNM_TPL_PLAIN_FAULT,   /* as RUNTIME, but rspamd names no place */
	RNM_TPL_REFUSED_FAULT, /* rspamd accepts it, this engine does not */
	RNM_TPL_LIMIT_FAULT,
	RNM_TPL_NOMEM_FAULT
};

struct rnm_tpl_fault {
	enum rnm_tpl_fault_kind kind;
	bool has_pos;
	size_t pos;
	char cause[RNM_ERROR_TEXT_MAX / 2];
	char reference[RNM_ERROR_TEXT_MAX];
	const char *hint; /* static text or NULL */
};

/* One expansion. */
struct rnm_tpl_run {
	struct rnm_template *engine;
	const char *text;
	size_t len;
	struct rnm_arena arena; /* the tree */
	struct rnm_tpl_node *root;
	bool needs_lua;
	int slots;
	unsigned serial; /* macros remember it: they cannot outlive the tree they are part of */
	struct rnm_buf out;
	struct rnm_buf scratch; /* see rnm_tpl_scratch */
	struct rnm_arena json;  /* tree of fromjson */
	/*
	 * Where rspamd's message would place a failure now: the node or filter that was last begun, which for
	 * an elseif or the condition of a loop is not the failing expression itself.
	 */
	size_t position;
	struct rnm_buf
	    marks; /* where the items of loops end, as size_t (see struct level in template_eval.c) */
	unsigned depth;
	unsigned repeat; /* > 0 inside loops and macros, where compiled code is worth keeping */
	struct rnm_tpl_fault fault;
};

struct rnm_template {
	struct rnm_template_options options; /* with copies of all strings */
	struct rnm_arena strings;
	lua_State *lua;
	size_t lua_bytes;
	size_t reserve;   /* what Lua may use above its limit: only to clean up */
	size_t allocated; /* since the clock was last read */
	/* Set by the allocator when it refuses, because it cannot raise an error with a text itself. */
	enum rnm_tpl_fault_kind alloc_fault;
	const char *alloc_cause;
	uint64_t steps_left;
	uint64_t unclocked; /* steps since the clock was last read */
	double seconds_left;
	double deadline;
	unsigned serial;
	struct rnm_tpl_run *run;
};

/* What an evaluation needs to know about where it is. */
struct rnm_tpl_ctx {
	struct rnm_tpl_run *run;
	lua_State *L; /* NULL when the template needs no Lua */
	int scope;    /* stack index of the table of variables */
};

/* template_fault.c: the first fault of a run wins, except that a place may be wrapped around it. */
void rnm_tpl_fault_at(struct rnm_tpl_run *run, enum rnm_tpl_fault_kind kind, size_t pos, const char *cause);
/* For limits, refusals and lack of memory, whose place is added on the way out. */
void rnm_tpl_fault_plain(struct rnm_tpl_run *run, enum rnm_tpl_fault_kind kind, const char *cause);
void rnm_tpl_fault_place(struct rnm_tpl_run *run, size_t pos);
void rnm_tpl_position(const struct rnm_tpl_run *run, size_t pos, uint32_t *line, uint32_t *column);
/* A hint for a Lua syntax error, or NULL. */
const char *rnm_tpl_syntax_hint(struct rnm_bytes code);
enum rnm_status rnm_tpl_fault_error(const struct rnm_tpl_run *run, struct rnm_error *err);

/* template_parse.c, template_expr.c */
bool rnm_tpl_parse(struct rnm_tpl_run *run);
void *rnm_tpl_alloc(struct rnm_tpl_run *run, size_t size);
bool rnm_tpl_parse_pipe(struct rnm_tpl_run *run, struct rnm_tpl_pipe *pipe, struct rnm_bytes text);
/* offset is that of text from the start of the pipe. */
bool rnm_tpl_parse_filters(struct rnm_tpl_run *run, struct rnm_tpl_filter **out, struct rnm_bytes text,
                           size_t offset);
bool rnm_tpl_parse_code(struct rnm_tpl_run *run, struct rnm_tpl_code *code, struct rnm_bytes text);
bool rnm_tpl_parse_for(struct rnm_tpl_run *run, struct rnm_tpl_tag *tag, struct rnm_bytes text, size_t pos);
bool rnm_tpl_parse_set(struct rnm_tpl_run *run, struct rnm_tpl_tag *tag, struct rnm_bytes text, size_t pos);
bool rnm_tpl_parse_macro(struct rnm_tpl_run *run, struct rnm_tpl_tag *tag, struct rnm_bytes text, size_t pos);
bool rnm_tpl_parse_call(struct rnm_tpl_run *run, struct rnm_tpl_tag *tag, struct rnm_bytes text, size_t pos);
/* Blanks of C's locale, as Lua's %s. */
bool rnm_tpl_is_space(char c);
bool rnm_tpl_is_word(char c);

/* template_escape.c: string escapes that LuaJIT knows and Lua 5.1 does not, rewritten in the arena. */
bool rnm_tpl_translate_escapes(struct rnm_tpl_run *run, struct rnm_tpl_code *code);

/* template_eval.c: false with run->fault set.  May also raise a Lua error when out of memory. */
bool rnm_tpl_eval_nodes(const struct rnm_tpl_ctx *ctx, const struct rnm_tpl_node *nodes);
bool rnm_tpl_write(struct rnm_tpl_run *run, const char *data, size_t len);
/* Pushes everything written since start as a string and takes it off the output. */
void rnm_tpl_take_output(const struct rnm_tpl_ctx *ctx, size_t start);

/* template_loop.c, template_macro.c */
/* marks: append the end of each item's output to run->marks. */
bool rnm_tpl_eval_for(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_tag *tag, bool marks);
bool rnm_tpl_eval_macro(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_tag *tag);
bool rnm_tpl_eval_call(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_tag *tag, bool *wrote);

/* template_code.c: results are left on the stack; false with run->fault set and nothing left. */
bool rnm_tpl_eval_code(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_code *code, bool statement, int results);
bool rnm_tpl_eval_pipe(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_pipe *pipe, int results);
/* Runs filters over the values above stack index base; all results of the last one stay. */
bool rnm_tpl_eval_filters(const struct rnm_tpl_ctx *ctx, struct rnm_tpl_filter *filters, int base);
/* As lua_pcall; a failure is described as one at the current position. */
bool rnm_tpl_call(const struct rnm_tpl_ctx *ctx, int args, int results);
/* Pushes a new table of variables that falls back on the one at stack index parent. */
void rnm_tpl_push_scope(lua_State *L, int parent);

/* template_lua.c */
enum rnm_status rnm_tpl_lua_start(struct rnm_template *engine, struct rnm_error *err);
/* Switches the counting of instructions on. */
void rnm_tpl_lua_count(struct rnm_template *engine);
/* Keys of the registry. */
#define RNM_TPL_GLOBALS "rnm.globals"     /* all names that a file starts with */
#define RNM_TPL_FUNCTIONS "rnm.functions" /* those of the library alone */
#define RNM_TPL_CACHE "rnm.cache"
#define RNM_TPL_LIBRARY "rnm.library" /* originals of wrapped functions */
struct rnm_template *rnm_tpl_engine(lua_State *L);
/* Counts work; false (and a limit fault in the current run) when the budget or the time is used up. */
bool rnm_tpl_spend(struct rnm_template *engine, uint64_t steps);
/* The same, raising a Lua error. */
void rnm_tpl_spend_or_raise(lua_State *L, uint64_t steps);
/* Raise a fault that no location text of rspamd fits. */
int rnm_tpl_raise_limit(lua_State *L, const char *cause);
int rnm_tpl_raise_refusal(lua_State *L, const char *cause);

/* template_lib.c and its parts: each adds functions to the table on top of the stack. */
void rnm_tpl_open_library(lua_State *L);
void rnm_tpl_open_string(lua_State *L);
void rnm_tpl_open_table(lua_State *L);
void rnm_tpl_open_tests(lua_State *L);
void rnm_tpl_push_tostring(lua_State *L, int index);
int rnm_tpl_string_gsub(lua_State *L);
int rnm_tpl_string_format(lua_State *L);
/* Sorts the array at index t in place; the comparator (a C function of two values) is on top and popped. */
void rnm_tpl_sort(lua_State *L, int t);

/* template_pattern.c: Lua patterns with counted work. */
#define RNM_TPL_CAPTURES_MAX 32
struct rnm_tpl_match {
	lua_State *L;
	const char *subject;
	const char *subject_end;
	const char *pattern_end;
	unsigned depth;
	uint64_t work;
	int captures;
	struct {
		const char *start;
		ptrdiff_t len; /* or one of the two marks below */
	} capture[RNM_TPL_CAPTURES_MAX];
};
#define RNM_TPL_CAPTURE_OPEN ((ptrdiff_t)-1)
#define RNM_TPL_CAPTURE_POSITION ((ptrdiff_t)-2)
void rnm_tpl_match_init(struct rnm_tpl_match *m, lua_State *L, struct rnm_bytes subject,
                        struct rnm_bytes pattern);
/* The end of a match of pattern at s, or NULL. */
const char *rnm_tpl_match_at(struct rnm_tpl_match *m, const char *s, const char *pattern);
void rnm_tpl_push_capture(struct rnm_tpl_match *m, int index, const char *start, const char *end);
int rnm_tpl_push_captures(struct rnm_tpl_match *m, const char *start, const char *end);

/* template_filter.c */
struct rnm_tpl_filter_def {
	const char *name;
	lua_CFunction run;
	const char *wants; /* what a nil input should have been; NULL when nil is welcome */
};
const struct rnm_tpl_filter_def *rnm_tpl_filter_find(struct rnm_bytes name);
void rnm_tpl_push_filter(lua_State *L, const struct rnm_tpl_filter_def *def);
extern const struct rnm_tpl_filter_def rnm_tpl_text_filters[];
extern const struct rnm_tpl_filter_def rnm_tpl_markup_filters[];
extern const struct rnm_tpl_filter_def rnm_tpl_list_filters[];
extern const struct rnm_tpl_filter_def rnm_tpl_select_filters[];
extern const struct rnm_tpl_filter_def rnm_tpl_sort_filters[];
extern const struct rnm_tpl_filter_def rnm_tpl_group_filters[];
extern const struct rnm_tpl_filter_def rnm_tpl_number_filters[];
extern const struct rnm_tpl_filter_def rnm_tpl_require_filters[];
/* Sizes such as 10mb: bytes, or false. */
enum rnm_tpl_size { RNM_TPL_SIZE_OK, RNM_TPL_SIZE_NO_NUMBER, RNM_TPL_SIZE_UNIT };
enum rnm_tpl_size rnm_tpl_parse_size(struct rnm_bytes text, double *bytes, struct rnm_bytes *unit);
/* -1 when the value at index is none of the words, else 0 or 1. */
int rnm_tpl_bool_word(lua_State *L, int index);
/* The bytes of the string (or number) at index; raises for other types. */
struct rnm_bytes rnm_tpl_check_bytes(lua_State *L, int index);
/* Raises what rspamd's Lua code says about a wrong type: `attempt to DOING local 'NAME' (a T value)`. */
int rnm_tpl_raise_type(lua_State *L, const char *doing, const char *name, int index);
void rnm_tpl_need_string(lua_State *L, int index, const char *method);
/* An empty buffer that belongs to the run, for results that are not collected on the Lua stack. */
struct rnm_buf *rnm_tpl_scratch(lua_State *L);
/* Raises unless the value at index is a table or a string (which has no elements). */
void rnm_tpl_need_list(lua_State *L, int index, const char *name);
/* Pushes element i of the list at index. */
void rnm_tpl_push_item(lua_State *L, int index, int i);
/* Pushes the member of the value on top that a dotted path names, in its place. */
void rnm_tpl_push_attribute(lua_State *L, struct rnm_bytes path);

/* template_filter_json.c, template_json.c */
int rnm_tpl_filter_tojson(lua_State *L);
int rnm_tpl_filter_fromjson(lua_State *L);
/* template_filter_sort.c: a list of {key, value}, sorted by key. */
int rnm_tpl_filter_items(lua_State *L);
/* Parses JSON as rspamd does (UCL); fails with err set. */
enum rnm_status rnm_tpl_parse_json(struct rnm_value **out, struct rnm_arena *arena, struct rnm_bytes text,
                                   struct rnm_error *err);
bool rnm_tpl_is_json(lua_State *L, struct rnm_bytes text);

#endif
