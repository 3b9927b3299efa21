/* SPDX-License-Identifier: Apache-2.0 */
/* The macro .load: a file's content as one string or number. */
#include "format/ucl_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct load {
	struct rnm_bytes key;
	bool may_miss;
	bool trim;
	bool escape;
	bool as_string;
	bool as_int;
	uint8_t priority;
};

static void read_load_arguments(const struct rnm_value *arguments, struct load *load)
{
	for (size_t i = 0; i < rnm_value_count(arguments); i++) {
		const struct rnm_value *argument = rnm_value_at(arguments, i);

		if (argument->type == RNM_BOOL && ucl_argument_is(argument, "try")) {
			load->may_miss = argument->as.boolean;
		} else if (argument->type == RNM_BOOL && ucl_argument_is(argument, "trim")) {
			load->trim = argument->as.boolean;
		} else if (argument->type == RNM_BOOL && ucl_argument_is(argument, "escape")) {
			load->escape = argument->as.boolean;
		} else if (argument->type == RNM_STRING && ucl_argument_is(argument, "key")) {
			load->key = argument->as.string;
		} else if (argument->type == RNM_STRING && ucl_argument_is(argument, "target")) {
			load->as_string = strcasecmp(argument->as.string.data, "string") == 0;
			load->as_int = strcasecmp(argument->as.string.data, "int") == 0;
		} else if (argument->type == RNM_INT && ucl_argument_is(argument, "priority")) {
			load->priority = (uint8_t)((uint64_t)argument->as.integer & UCL_PRIORITY_MASK);
		}
	}
}

static void trim(struct rnm_bytes *text)
{
	while (text->len > 0 && ucl_is_white(text->data[0])) {
		text->data++;
		text->len--;
	}
	while (text->len > 0 && ucl_is_white(text->data[text->len - 1]))
		text->len--;
}

/* JSON's escapes for everything that a double-quoted string may not hold. */
static bool escape(struct ucl_parser *parser, struct rnm_bytes *text)
{
	static const char specials[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";
	char *out;
	char *to;

	/* "\u00xx" is six times as long as the byte. */
	if (text->len > (SIZE_MAX - 1) / 6)
		return ucl_fail_memory(parser);
	out = to = rnm_arena_alloc(parser->arena, text->len * 6 + 1);
	if (out == NULL)
		return ucl_fail_memory(parser);
	for (size_t i = 0; i < text->len; i++) {
		char c = text->data[i];
		const char *special = c != '\0' ? strchr(specials, c) : NULL;

		if (special != NULL) {
			*to++ = '\\';
			*to++ = letters[special - specials];
		} else if ((unsigned char)c < 0x20) {
			to += snprintf(to, 7, "\\u%04x", (unsigned)(unsigned char)c);
		} else {
			*to++ = c;
		}
	}
	text->data = out;
	text->len = (size_t)(to - out);
	return true;
}

/* The leading decimal number of a text, 0 without one; what does not fit is cut to the nearest that does. */
static int64_t leading_integer(struct rnm_bytes text)
{
	char digits[64];
	size_t len;

	while (text.len > 0 && ucl_is_white(text.data[0])) {
		text.data++;
		text.len--;
	}
	len = text.len < sizeof(digits) - 1 ? text.len : sizeof(digits) - 1;
	memcpy(digits, text.data, len);
	digits[len] = '\0';
	return strtoll(digits, NULL, 10);
}

static bool add_content(struct ucl_parser *parser, const struct load *load, struct rnm_bytes text)
{
	struct rnm_value *node = ucl_new_node(parser, parser->chunk->p);

	if (node == NULL)
		return false;
	node->priority = load->priority;
	if (load->as_int) {
		node->type = RNM_INT;
		node->as.integer = leading_integer(text);
	} else {
		if (load->trim)
			trim(&text);
		if (load->escape && !escape(parser, &text))
			return false;
		node->type = RNM_STRING;
		node->as.string.len = text.len;
		node->as.string.data = rnm_arena_strndup(parser->arena, text.data, text.len);
		if (node->as.string.data == NULL)
			return ucl_fail_memory(parser);
	}
	return rnm_value_add(parser->arena, parser->stack[parser->depth - 1].node, load->key, node) ||
	       ucl_fail_memory(parser);
}

static bool fail_load(struct ucl_parser *parser, const struct load *load, const char *name, int errnum)
{
	char reference[RNM_ERROR_TEXT_MAX];
	char text[256];
	const char *reason = strerror_r(errnum, text, sizeof(text));

	if (load->may_miss && rnm_ucl_is_absence(errnum))
		return true;
	snprintf(reference, sizeof(reference), "cannot open file %s: %s", name, reason);
	if (parser->error.status != RNM_OK)
		return false;
	ucl_fail_text(parser, "config.include", reference, "cannot open the file of .load '%s': %s", name,
	              reason);
	ucl_set_errno(parser, errnum);
	return false;
}

static bool load_file(struct ucl_parser *parser, const struct load *load, const char *name)
{
	const struct rnm_ucl_io *io = parser->io;
	struct rnm_error err;
	struct rnm_bytes text;
	bool regular = false;
	int errnum;

	if (io == NULL || io->is_regular == NULL || io->read == NULL)
		return fail_load(parser, load, name, ENOENT);
	errnum = io->is_regular(io->ctx, name, &regular);
	if (errnum != 0 || !regular)
		return fail_load(parser, load, name, errnum != 0 ? errnum : ENOENT);
	rnm_error_clear(&err);
	if (io->read(io->ctx, name, false, &text.data, &text.len, &err) != RNM_OK) {
		if (err.sys_errno != 0)
			return fail_load(parser, load, name, err.sys_errno);
		return ucl_fail_with(parser, &err);
	}
	if (text.len == 0 || (!load->as_int && !load->as_string))
		return true;
	return add_content(parser, load, text);
}

bool ucl_macro_load(struct ucl_parser *parser, const struct rnm_value *arguments, struct rnm_bytes value)
{
	struct load load = { .as_string = true };
	char reference[RNM_ERROR_TEXT_MAX];
	const char *name;
	int shown;

	if (value.len == 0)
		return ucl_fail_text(parser, "ucl.load", "Unable to parse load macro",
		                     "expected the name of a file after .load, found nothing");
	read_load_arguments(arguments, &load);
	if (load.key.len == 0)
		return ucl_fail_text(parser, "ucl.load", "No Key specified in load macro",
		                     "expected .load(key=NAME), found no key");
	if (rnm_value_find(parser->stack[parser->depth - 1].node, load.key) != NULL) {
		shown = load.key.len > 200 ? 200 : (int)load.key.len;
		snprintf(reference, sizeof(reference), "Key %.*s already exists", shown, load.key.data);
		return ucl_fail_text(parser, "ucl.load", reference, "the key '%.*s' of .load exists already",
		                     shown, load.key.data);
	}
	name = rnm_arena_strndup(parser->arena, value.data, value.len);
	if (name == NULL)
		return ucl_fail_memory(parser);
	return load_file(parser, &load, name);
}
