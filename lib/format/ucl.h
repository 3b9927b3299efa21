/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UCL, the configuration language, as the parser inside rspamd 4.1 understands it, quirks included
 * (docs/configuration.md).  The parser does no I/O: files for macros come through struct rnm_ucl_io.
 */
#ifndef RNM_FORMAT_UCL_H
#define RNM_FORMAT_UCL_H

#include "base/value_build.h"

#include <rnm/buf.h>

/* A variable of $NAME / ${NAME}; the order of the list decides which prefix wins. */
struct rnm_ucl_var {
	const char *name;
	const char *value;
};

/* What macros need from the outside world.  NULL members make the macros that need them fail. */
struct rnm_ucl_io {
	void *ctx;
	/* Canonical path of name (as realpath) in *full (malloc'd).  Returns 0 or an errno. */
	int (*resolve)(void *ctx, const char *name, char **full);
	/* Whether full is a regular file.  Returns 0, or an errno when it cannot be known. */
	int (*is_regular)(void *ctx, const char *full, bool *regular);
	/*
	 * The content of full, after the template step when expand is true.  *text stays valid as long
	 * as the tree.  Returns RNM_OK; on failure err->sys_errno tells a failed open from other errors.
	 */
	enum rnm_status (*read)(void *ctx, const char *full, bool expand, const char **text, size_t *len,
	                        struct rnm_error *err);
	/* Names that match pattern in the order of rspamd (byte order); 0 or an errno.  names_free releases them. */
	int (*glob)(void *ctx, const char *pattern, char ***names, size_t *count);
	void (*names_free)(void *ctx, char **names, size_t count);
};

/*
 * Whether an errno says that there is no such file, or none that we may get to: what `try` forgives.  Any
 * other one says that the system could not tell.
 */
bool rnm_ucl_is_absence(int errnum);

struct rnm_ucl_options {
	struct rnm_arena *arena;        /* where the tree and all its strings go */
	const char *filename;           /* resolved name of the main text, for messages and $FILENAME */
	const struct rnm_ucl_var *vars; /* FILENAME and CURDIR are added by the parser itself */
	size_t var_count;
	const struct rnm_ucl_io *io;
	unsigned max_depth; /* open objects and arrays; 0: 1000 */
};

/*
 * Parses a configuration text.  text must stay valid while the tree is used.  Errors: RNM_E_MALFORMED,
 * id "ucl.*" / "config.include" / "config.limit", file, line, column; reference is the parser's own
 * text without the "ucl parser error: " prefix ("(null)" for failures without text).
 */
RNM_MUST_CHECK enum rnm_status rnm_ucl_parse(struct rnm_value **out, const struct rnm_ucl_options *options,
                                             const char *text, size_t len, struct rnm_error *err);

/*
 * The restricted mode that rspamd uses for JSON that it reads from Redis: no macros, no
 * variables, no time suffixes, repeated keys become real arrays.  The empty text is an empty object.
 */
RNM_MUST_CHECK enum rnm_status rnm_ucl_parse_json(struct rnm_value **out, struct rnm_arena *arena,
                                                  const char *text, size_t len, struct rnm_error *err);

#endif
