/* SPDX-License-Identifier: Apache-2.0 */
#include "rspamd/profile_plain.h"

#define DIGITS_MAX 15

struct plain {
	struct rnm_arena *arena;
	const char *at;
	const char *end;
};

static bool take(struct plain *plain, char c)
{
	if (plain->at == plain->end || *plain->at != c)
		return false;
	plain->at++;
	return true;
}

/* A string that is not empty: what an empty name means is a matter on which parsers differ. */
static bool read_text(struct plain *plain, struct rnm_bytes *out)
{
	const char *start = plain->at + 1;

	if (!take(plain, '"'))
		return false;
	while (plain->at < plain->end && *plain->at >= ' ' && *plain->at <= '~' && *plain->at != '"' &&
	       *plain->at != '\\')
		plain->at++;
	*out = (struct rnm_bytes){ start, (size_t)(plain->at - start) };
	return out->len > 0 && take(plain, '"');
}

static struct rnm_value *read_string(struct plain *plain)
{
	struct rnm_bytes text;

	return read_text(plain, &text) ? rnm_value_new_string(plain->arena, text.data, text.len) : NULL;
}

static struct rnm_value *read_integer(struct plain *plain)
{
	const char *start = plain->at;
	int64_t n = 0;

	while (plain->at < plain->end && *plain->at >= '0' && *plain->at <= '9' &&
	       plain->at - start < DIGITS_MAX)
		n = n * 10 + (*plain->at++ - '0');
	/* No leading zeros; and what follows must end the number, or it is not one of this form. */
	if (plain->at - start > 1 && *start == '0')
		return NULL;
	return plain->at < plain->end && (*plain->at == ',' || *plain->at == '}')
	           ? rnm_value_new_int(plain->arena, n)
	           : NULL;
}

static struct rnm_value *read_list(struct plain *plain)
{
	struct rnm_value *list = rnm_value_new(plain->arena, RNM_ARRAY);

	if (list == NULL || !take(plain, '['))
		return NULL;
	if (take(plain, ']'))
		return list;
	do {
		if (!rnm_value_push(plain->arena, list, read_string(plain)))
			return NULL;
	} while (take(plain, ','));
	return take(plain, ']') ? list : NULL;
}

static struct rnm_value *read_value(struct plain *plain)
{
	if (plain->at == plain->end)
		return NULL;
	switch (*plain->at) {
	case '"':
		return read_string(plain);
	case '[':
		return read_list(plain);
	default:
		return *plain->at >= '0' && *plain->at <= '9' ? read_integer(plain) : NULL;
	}
}

struct rnm_value *rnm_profile_read_plain(struct rnm_arena *arena, struct rnm_bytes text)
{
	struct plain plain = { arena, text.data, text.data + text.len };
	struct rnm_value *root = rnm_value_new(arena, RNM_OBJECT);

	if (root == NULL || text.len == 0 || !take(&plain, '{'))
		return NULL;
	do {
		struct rnm_bytes name;

		if (!read_text(&plain, &name) || !take(&plain, ':') || rnm_value_get_n(root, name) != NULL ||
		    !rnm_value_add(arena, root, name, read_value(&plain)))
			return NULL;
	} while (take(&plain, ','));
	return take(&plain, '}') && plain.at == plain.end ? root : NULL;
}
