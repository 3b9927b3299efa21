/* SPDX-License-Identifier: Apache-2.0 */
/* Macros that read files: .include and its relatives, .load. */
#include "format/ucl_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct include {
	enum ucl_include_kind kind;
	bool may_miss; /* argument `try` */
	bool sign;
	bool glob;
	bool url;
	bool prefix;
	bool into_array;
	struct rnm_bytes key; /* len 0: none */
	uint8_t priority;
	enum ucl_strategy strategy;
};

enum outcome {
	DONE,
	MISSING, /* an error has been set, but the next folder of the search path may be tried */
	FAILED
};

static enum outcome fail_open(struct ucl_parser *parser, const char *name, int errnum)
{
	char reference[RNM_ERROR_TEXT_MAX];
	char text[256];
	const char *reason = strerror_r(errnum, text, sizeof(text));
	bool first = parser->error.status == RNM_OK;

	snprintf(reference, sizeof(reference), "cannot open file %s: %s", name, reason);
	ucl_fail_text(parser, "config.include", reference, "cannot open the included file '%s': %s", name,
	              reason);
	if (!first)
		return MISSING;
	ucl_set_errno(parser, errnum);
	if (name[0] != '/')
		rnm_error_set_hint(&parser->error, "relative names are looked up in the working directory; "
		                                   "write $CURDIR/... for the folder of this file");
	else if (errnum == ENOENT)
		rnm_error_set_hint(&parser->error, "write .include(try=true) if the file may be absent");
	return MISSING;
}

/* A failure for which rspamd has no words: it prints "(null)". */
static enum outcome fail_silent(struct ucl_parser *parser, const char *fmt, const char *name)
{
	ucl_fail_text(parser, "config.include", "(null)", "%s '%s'", fmt, name);
	ucl_hint(parser, "write .include(try=true) if there may be none");
	return MISSING;
}

static void read_string_argument(const struct rnm_value *argument, struct include *include)
{
	static const char *const words[] = { [UCL_APPEND] = "append",
		                             [UCL_MERGE] = "merge",
		                             [UCL_REWRITE] = "rewrite",
		                             [UCL_ERROR] = "error" };
	struct rnm_bytes text = argument->as.string;

	if (ucl_argument_is(argument, "key"))
		include->key = text;
	else if (ucl_argument_is(argument, "target"))
		include->into_array = strcasecmp(text.data, "array") == 0;
	else if (ucl_argument_is(argument, "duplicate"))
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strcmp(text.data, words[i]) == 0)
				include->strategy = (enum ucl_strategy)i;
}

static void read_bool_argument(const struct rnm_value *argument, struct include *include)
{
	const struct {
		const char *name;
		bool *where;
	} switches[] = { { "try", &include->may_miss },
		         { "sign", &include->sign },
		         { "glob", &include->glob },
		         { "url", &include->url },
		         { "prefix", &include->prefix } };

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (ucl_argument_is(argument, switches[i].name)) {
			*switches[i].where = argument->as.boolean;
			return;
		}
	}
}

/* An argument of an unexpected type is ignored, as an unknown one is. */
static void read_include_arguments(struct ucl_parser *parser, const struct rnm_value *arguments,
                                   struct include *include)
{
	for (size_t i = 0; i < rnm_value_count(arguments); i++) {
		const struct rnm_value *argument = rnm_value_at(arguments, i);

		if (argument->type == RNM_BOOL)
			read_bool_argument(argument, include);
		else if (argument->type == RNM_STRING)
			read_string_argument(argument, include);
		else if (argument->type == RNM_INT && ucl_argument_is(argument, "priority"))
			include->priority = (uint8_t)((uint64_t)argument->as.integer & UCL_PRIORITY_MASK);
		else if (argument->type == RNM_ARRAY && ucl_argument_is(argument, "path"))
			parser->search_path = argument;
	}
}

/* The key of `prefix=true`: the file's name without its folder and without .conf or .ucl. */
static struct rnm_bytes key_of_file(const char *file)
{
	const char *slash = strrchr(file, '/');
	struct rnm_bytes key = rnm_bytes_of(slash != NULL ? slash + 1 : file);

	if (key.len > 5 && memcmp(key.data + key.len - 5, ".conf", 5) == 0)
		key.len -= 5;
	else if (key.len > 4 && memcmp(key.data + key.len - 4, ".ucl", 4) == 0)
		key.len -= 4;
	return key;
}

static struct rnm_value *new_container(struct ucl_parser *parser, const struct include *include,
                                       enum rnm_type type)
{
	struct rnm_value *node = ucl_new_node(parser, parser->chunk->p);

	if (node != NULL) {
		node->type = (uint8_t)type;
		node->priority = include->priority;
	}
	return node;
}

/* The array under the key, made from the value that stands there when that is no array. */
static struct rnm_value *array_for_key(struct ucl_parser *parser, const struct include *include,
                                       struct rnm_value *parent, struct rnm_bytes key, struct rnm_value *old)
{
	struct rnm_value *array;

	if (old != NULL && old->type == RNM_ARRAY)
		return old;
	array = new_container(parser, include, RNM_ARRAY);
	if (array == NULL)
		return NULL;
	if (old == NULL) {
		if (!rnm_value_add(parser->arena, parent, key, array))
			array = NULL;
	} else {
		rnm_value_replace(parent, key, array);
		array->next = old->next;
		old->next = NULL;
		old->key = (struct rnm_bytes){ NULL, 0 };
		if (!rnm_value_push(parser->arena, array, old))
			array = NULL;
	}
	if (array == NULL)
		ucl_fail_memory(parser);
	return array;
}

/* The object that receives a file with `key` or `prefix`; NULL on failure. */
static struct rnm_value *object_for_key(struct ucl_parser *parser, const struct include *include,
                                        struct rnm_bytes key)
{
	struct rnm_value *parent = parser->stack[parser->depth - 1].node;
	struct rnm_value *old = rnm_value_find(parent, key);
	char reference[RNM_ERROR_TEXT_MAX];
	struct rnm_value *object;
	struct rnm_value *array = NULL;
	int shown = key.len > 200 ? 200 : (int)key.len;

	if (!include->into_array && old != NULL) {
		if (old->type == RNM_OBJECT)
			return old;
		snprintf(reference, sizeof(reference), "Conflicting type for key: %.*s, asked object, has %s",
		         shown, key.data, rnm_type_name((enum rnm_type)old->type));
		ucl_fail_text(parser, "config.include", reference,
		              "cannot put the included file under '%.*s': expected an object there, found %s",
		              shown, key.data, rnm_type_name((enum rnm_type)old->type));
		return NULL;
	}
	if (include->into_array) {
		array = array_for_key(parser, include, parent, key, old);
		if (array == NULL)
			return NULL;
	}
	object = new_container(parser, include, RNM_OBJECT);
	if (object == NULL)
		return NULL;
	if (array != NULL ? rnm_value_push(parser->arena, array, object)
	                  : rnm_value_add(parser->arena, parent, key, object))
		return object;
	ucl_fail_memory(parser);
	return NULL;
}

static enum outcome parse_file(struct ucl_parser *parser, const struct include *include, const char *file,
                               const char *text, size_t len)
{
	struct rnm_bytes key = include->key.len == 0 && include->prefix ? key_of_file(file) : include->key;
	struct rnm_bytes old_file = parser->vars[0].value;
	struct rnm_bytes old_dir = parser->vars[1].value;
	struct ucl_chunk chunk = { .p = text,
		                   .end = text + len,
		                   .file = file,
		                   .priority = include->priority,
		                   .strategy = include->strategy };
	size_t depth = parser->depth;
	bool ok = true;

	if (key.len > 0) {
		struct rnm_value *object = object_for_key(parser, include, key);

		ok = object != NULL && ucl_push_open(parser, object, UCL_OPEN_KEY);
	}
	ok = ok && ucl_set_file_vars(parser, file) && ucl_parse_chunk(parser, &chunk);
	parser->vars[0].value = old_file;
	parser->vars[1].value = old_dir;
	if (key.len > 0)
		parser->depth = depth;
	return ok ? DONE : FAILED;
}

/* rspamd checks signatures with keys that nobody registers: a signed file is either unsigned or refused. */
static enum outcome check_signature(struct ucl_parser *parser, const char *file)
{
	const struct rnm_ucl_io *io = parser->io;
	char *name = rnm_arena_printf(parser->arena, "%s.sig", file);
	char reference[RNM_ERROR_TEXT_MAX];
	char *full = NULL;
	int errnum;

	if (name == NULL)
		return ucl_fail_memory(parser), FAILED;
	errnum = io->resolve(io->ctx, name, &full);
	free(full);
	if (errnum != 0)
		return fail_open(parser, name, errnum), FAILED;
	snprintf(reference, sizeof(reference), "cannot verify file %s", file);
	ucl_fail_text(parser, "config.include", reference,
	              "cannot check the signature of '%s': no public keys are registered", file);
	return FAILED;
}

static enum outcome read_and_parse(struct ucl_parser *parser, const struct include *include, const char *file)
{
	const struct rnm_ucl_io *io = parser->io;
	struct rnm_error err;
	const char *text;
	bool regular;
	size_t len;
	int errnum;

	if (strcmp(file, parser->chunk->file) == 0) {
		char reference[RNM_ERROR_TEXT_MAX];

		snprintf(reference, sizeof(reference), "trying to include the file %s from itself", file);
		ucl_fail_text(parser, "config.include", reference, "the file '%s' includes itself", file);
		return FAILED;
	}
	errnum = io->is_regular(io->ctx, file, &regular);
	if (errnum != 0)
		return fail_open(parser, file, errnum), FAILED;
	if (!regular) {
		char reference[RNM_ERROR_TEXT_MAX];

		if (include->may_miss)
			return DONE;
		snprintf(reference, sizeof(reference), "file %s is not a regular file", file);
		ucl_fail_text(parser, "config.include", reference,
		              "expected a regular file to include, found '%s'", file);
		return MISSING;
	}
	if (include->sign)
		return check_signature(parser, file);
	rnm_error_clear(&err);
	if (io->read(io->ctx, file, true, &text, &len, &err) != RNM_OK) {
		/* Also with `try`, which is about absence only. */
		if (err.sys_errno != 0)
			fail_open(parser, file, err.sys_errno);
		else
			ucl_fail_with(parser, &err);
		return FAILED;
	}
	return parse_file(parser, include, file, text, len);
}

static enum outcome include_single(struct ucl_parser *parser, const struct include *include, const char *name)
{
	char *full = NULL;
	char *file;
	int errnum = parser->io->resolve(parser->io->ctx, name, &full);

	if (errnum == ENOMEM) {
		rnm_error_nomem(&parser->error);
		return FAILED;
	}
	if (errnum != 0) {
		if (!rnm_ucl_is_absence(errnum))
			return fail_open(parser, name, errnum), FAILED;
		if (include->may_miss)
			return DONE;
		if (include->kind == UCL_TRY_INCLUDE)
			return fail_silent(parser, "cannot find the file of .try_include:", name);
		return fail_open(parser, name, errnum);
	}
	file = rnm_arena_strndup(parser->arena, full, strlen(full));
	free(full);
	if (file == NULL)
		return ucl_fail_memory(parser), FAILED;
	return read_and_parse(parser, include, file);
}

static enum outcome include_pattern(struct ucl_parser *parser, const struct include *include,
                                    const char *pattern)
{
	const struct rnm_ucl_io *io = parser->io;
	enum outcome outcome = DONE;
	char **names = NULL;
	size_t count = 0;
	int errnum;

	if (!include->glob || strpbrk(pattern, "*?") == NULL)
		return include_single(parser, include, pattern);
	errnum = io->glob(io->ctx, pattern, &names, &count);
	if (errnum == ENOMEM) {
		rnm_error_nomem(&parser->error);
		return FAILED;
	}
	if (errnum != 0)
		return fail_open(parser, pattern, errnum), FAILED;
	if (count == 0 && !include->may_miss)
		outcome = fail_silent(parser, "expected at least one file that matches", pattern);
	for (size_t i = 0; i < count && outcome == DONE; i++)
		outcome = include_single(parser, include, names[i]);
	io->names_free(io->ctx, names, count);
	return outcome;
}

/* The folders of the argument `path` in turn, whatever the name looks like. */
static enum outcome include_from_path(struct ucl_parser *parser, const struct include *include,
                                      const char *name)
{
	char reference[RNM_ERROR_TEXT_MAX];

	for (size_t i = 0; i < rnm_value_count(parser->search_path); i++) {
		const char *folder = rnm_value_string(rnm_value_at(parser->search_path, i));
		enum outcome outcome;
		const char *joined;

		if (folder == NULL)
			continue;
		joined = rnm_arena_printf(parser->arena, "%s/%s", folder, name);
		if (joined == NULL)
			return ucl_fail_memory(parser), FAILED;
		outcome = include_pattern(parser, include, joined);
		if (outcome != MISSING)
			return outcome;
	}
	snprintf(reference, sizeof(reference), "cannot find file: %s in search path", name);
	ucl_fail_text(parser, "config.include", reference, "expected '%s' in one of the folders of `path`",
	              name);
	return MISSING;
}

static bool has_scheme(const char *name)
{
	const char *colon = strstr(name, "://");

	return colon != NULL && colon != name && strchr(name, '/') == colon + 1;
}

bool ucl_macro_include(struct ucl_parser *parser, const struct rnm_value *arguments, struct rnm_bytes value,
                       enum ucl_include_kind kind)
{
	const struct rnm_ucl_io *io = parser->io;
	struct include include = { .kind = kind, .sign = kind == UCL_SIGNED_INCLUDE, .strategy = UCL_APPEND };
	const char *name = rnm_arena_strndup(parser->arena, value.data, value.len);

	if (name == NULL)
		return ucl_fail_memory(parser);
	read_include_arguments(parser, arguments, &include);
	if (io == NULL || io->resolve == NULL || io->is_regular == NULL || io->read == NULL ||
	    io->glob == NULL)
		return fail_open(parser, name, ENOENT) == DONE;
	if (include.url && has_scheme(name))
		return include.may_miss ||
		       ucl_fail_text(parser, "config.include", "URL support is disabled",
		                     "cannot include '%s': only files can be included", name);
	if (parser->search_path != NULL)
		return include_from_path(parser, &include, name) == DONE;
	return include_pattern(parser, &include, name) == DONE;
}
