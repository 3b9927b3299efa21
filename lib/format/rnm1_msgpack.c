/* SPDX-License-Identifier: Apache-2.0 */
#include "format/rnm1_msgpack.h"

#include <rnm/rnm1.h>
#include <string.h>

#define NEGATIVE_FIXINT 0xe0 /* to 0xff */

struct walk {
	const char *base;
	const char *at;
	const char *end;
	size_t values;
	unsigned depth;
	struct rnm_msgpack_facts *facts;
	struct rnm_error *err;
};

static size_t left(const struct walk *walk)
{
	return (size_t)(walk->end - walk->at);
}

static enum rnm_status at_offset(const struct walk *walk, const char *where)
{
	return rnm_error_at_offset(walk->err, NULL, (uint64_t)(where - walk->base)), RNM_E_MALFORMED;
}

static enum rnm_status truncated(const struct walk *walk, const char *what)
{
	rnm_error_set(walk->err, RNM_E_MALFORMED, "rnm1.truncated",
	              "expected %s at byte %zu, found the end of the file at byte %zu", what,
	              (size_t)(walk->at - walk->base), (size_t)(walk->end - walk->base));
	rnm_error_set_hint(walk->err, "the file seems to have been cut off: copy it again");
	return at_offset(walk, walk->at);
}

/* Bytes of a str or bin whose header is at walk->at; moves behind them. */
static enum rnm_status take_bytes(struct walk *walk, struct rnm_bytes *out)
{
	const char *at = walk->at;
	uint32_t len;

	if (!rnm_mp_header_fits(at, walk->end))
		return truncated(walk, "the length of a string");
	len = rnm_mp_read_length(&at);
	if (len > (size_t)(walk->end - at)) {
		rnm_error_set(walk->err, RNM_E_MALFORMED, "rnm1.truncated",
		              "expected a string of %u bytes at byte %zu, found only %zu bytes up to the end",
		              len, (size_t)(walk->at - walk->base), (size_t)(walk->end - at));
		rnm_error_set_hint(walk->err, "the file seems to have been cut off: copy it again");
		return at_offset(walk, walk->at);
	}
	out->data = at;
	out->len = len;
	walk->at = at + len;
	return RNM_OK;
}

static enum rnm_status check_value(struct walk *walk);

static enum rnm_status check_key(struct walk *walk, struct rnm_bytes *keys, size_t count)
{
	const char *where = walk->at;
	struct rnm_bytes key;
	enum rnm_status status;

	if (left(walk) == 0)
		return truncated(walk, "a key");
	if (rnm_mp_type(*where) != RNM_MP_STR) {
		rnm_error_set(walk->err, RNM_E_MALFORMED, "rnm1.key",
		              "expected a string as key at byte %zu, found %s", (size_t)(where - walk->base),
		              rnm_msgpack_type_name(where));
		return at_offset(walk, where);
	}
	status = take_bytes(walk, &key);
	if (status != RNM_OK)
		return status;
	/* rspamd refuses an empty key, and takes "magic\0x" for "magic". */
	if (key.len == 0 || memchr(key.data, '\0', key.len) != NULL) {
		rnm_error_set(walk->err, RNM_E_MALFORMED, "rnm1.key",
		              "expected a key of text at byte %zu, found %s", (size_t)(where - walk->base),
		              key.len == 0 ? "an empty one" : "one that holds a NUL");
		return at_offset(walk, where);
	}
	for (size_t i = 0; i < count; i++) {
		if (keys[i].len != key.len || memcmp(keys[i].data, key.data, key.len) != 0)
			continue;
		rnm_error_set(walk->err, RNM_E_MALFORMED, "rnm1.duplicate-key",
		              "expected each key once, found \"%.*s\" again at byte %zu",
		              (int)(key.len < 64 ? key.len : 64), key.data, (size_t)(where - walk->base));
		return at_offset(walk, where);
	}
	keys[count] = key;
	return RNM_OK;
}

static enum rnm_status check_map(struct walk *walk)
{
	struct rnm_bytes keys[RNM_MSGPACK_KEYS_MAX];
	const char *where = walk->at;
	enum rnm_status status = RNM_OK;
	uint32_t count;

	if (!rnm_mp_header_fits(walk->at, walk->end))
		return truncated(walk, "the size of a map");
	count = rnm_mp_read_length(&walk->at);
	if (count > RNM_MSGPACK_KEYS_MAX) {
		rnm_error_set(walk->err, RNM_E_MALFORMED, "rnm1.limit",
		              "expected a map of at most %u keys at byte %zu, found %u", RNM_MSGPACK_KEYS_MAX,
		              (size_t)(where - walk->base), count);
		return at_offset(walk, where);
	}
	for (uint32_t i = 0; i < count && status == RNM_OK; i++) {
		status = check_key(walk, keys, i);
		if (status == RNM_OK)
			status = check_value(walk);
	}
	return status;
}

static enum rnm_status check_array(struct walk *walk)
{
	enum rnm_status status = RNM_OK;
	uint32_t count;

	if (!rnm_mp_header_fits(walk->at, walk->end))
		return truncated(walk, "the size of an array");
	count = rnm_mp_read_length(&walk->at);
	for (uint32_t i = 0; i < count && status == RNM_OK; i++)
		status = check_value(walk);
	return status;
}

static enum rnm_status check_container(struct walk *walk, enum rnm_mp_type type)
{
	enum rnm_status status;

	if (walk->depth == RNM_RNM1_DEPTH_MAX) {
		rnm_error_set(walk->err, RNM_E_MALFORMED, "rnm1.depth",
		              "expected maps and arrays at most %d deep, found a deeper one at byte %zu",
		              RNM_RNM1_DEPTH_MAX, (size_t)(walk->at - walk->base));
		return at_offset(walk, walk->at);
	}
	walk->depth++;
	status = type == RNM_MP_MAP ? check_map(walk) : check_array(walk);
	walk->depth--;
	return status;
}

static enum rnm_status check_string(struct walk *walk, bool bin)
{
	const char *where = walk->at;
	struct rnm_bytes bytes;
	enum rnm_status status = take_bytes(walk, &bytes);

	if (status != RNM_OK)
		return status;
	if (bin && bytes.len > 0 && !walk->facts->has_bin) {
		walk->facts->has_bin = true;
		walk->facts->bin_offset = (size_t)(where - walk->base);
	}
	if (walk->depth == 1 && walk->at == walk->end)
		walk->facts->last_empty = bytes.len == 0;
	return RNM_OK;
}

static void note_fixint(struct walk *walk)
{
	if ((unsigned char)*walk->at < NEGATIVE_FIXINT || walk->facts->has_negative_fixint)
		return;
	walk->facts->has_negative_fixint = true;
	walk->facts->fixint_offset = (size_t)(walk->at - walk->base);
}

static enum rnm_status unusable_type(struct walk *walk)
{
	bool undefined = rnm_mp_type(*walk->at) == RNM_MP_UNDEFINED;

	rnm_error_set(walk->err, RNM_E_MALFORMED, undefined ? "rnm1.msgpack" : "rnm1.ext",
	              "expected a value at byte %zu, found %s", (size_t)(walk->at - walk->base),
	              undefined ? "the byte c1, which msgpack does not define"
	                        : "a msgpack extension type, which rspamd does not read");
	return at_offset(walk, walk->at);
}

static enum rnm_status check_value(struct walk *walk)
{
	enum rnm_mp_type type;

	if (left(walk) == 0)
		return truncated(walk, "a value");
	if (++walk->values > RNM_MSGPACK_VALUES_MAX) {
		rnm_error_set(walk->err, RNM_E_MALFORMED, "rnm1.limit",
		              "expected at most %zu values, found more", RNM_MSGPACK_VALUES_MAX);
		return at_offset(walk, walk->at);
	}
	type = rnm_mp_type(*walk->at);
	switch (type) {
	case RNM_MP_MAP:
	case RNM_MP_ARRAY:
		return check_container(walk, type);
	case RNM_MP_STR:
	case RNM_MP_BIN:
		return check_string(walk, type == RNM_MP_BIN);
	case RNM_MP_NIL:
	case RNM_MP_UINT:
	case RNM_MP_INT:
	case RNM_MP_BOOL:
	case RNM_MP_FLOAT:
	case RNM_MP_DOUBLE:
		if (!rnm_mp_header_fits(walk->at, walk->end))
			return truncated(walk, "the rest of a value");
		note_fixint(walk);
		rnm_mp_skip(&walk->at);
		return RNM_OK;
	default:
		return unusable_type(walk);
	}
}

enum rnm_status rnm_msgpack_check(const char *data, size_t len, struct rnm_msgpack_facts *facts,
                                  struct rnm_error *err)
{
	struct walk walk = { .base = data, .at = data, .end = data + len, .facts = facts, .err = err };
	enum rnm_status status;

	memset(facts, 0, sizeof(*facts));
	if (len == 0 || rnm_mp_type(*data) != RNM_MP_MAP) {
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.msgpack", "expected a msgpack map, found %s",
		              len == 0 ? "nothing" : rnm_msgpack_type_name(data));
		return at_offset(&walk, data);
	}
	status = check_value(&walk);
	if (status != RNM_OK)
		return status;
	if (walk.at != walk.end) {
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.trailing",
		              "expected the file to end with its map at byte %zu, found %zu bytes behind it",
		              (size_t)(walk.at - walk.base), left(&walk));
		return at_offset(&walk, walk.at);
	}
	return RNM_OK;
}

bool rnm_msgpack_number(const char **at, double *out)
{
	switch (rnm_mp_type(**at)) {
	case RNM_MP_UINT:
		*out = (double)rnm_mp_read_uint(at);
		return true;
	case RNM_MP_INT:
		*out = (double)rnm_mp_read_int(at);
		return true;
	case RNM_MP_FLOAT:
	case RNM_MP_DOUBLE:
		*out = rnm_mp_read_real(at);
		return true;
	default:
		rnm_mp_skip(at);
		return false;
	}
}

bool rnm_msgpack_bytes(const char **at, struct rnm_bytes *out)
{
	enum rnm_mp_type type = rnm_mp_type(**at);

	if (type != RNM_MP_STR && type != RNM_MP_BIN) {
		rnm_mp_skip(at);
		return false;
	}
	out->len = rnm_mp_read_length(at);
	out->data = *at;
	*at += out->len;
	return true;
}

const char *rnm_msgpack_type_name(const char *at)
{
	static const char *const names[] = { [RNM_MP_NIL] = "nil",
		                             [RNM_MP_UINT] = "an integer",
		                             [RNM_MP_INT] = "an integer",
		                             [RNM_MP_STR] = "a string",
		                             [RNM_MP_BIN] = "binary",
		                             [RNM_MP_ARRAY] = "an array",
		                             [RNM_MP_MAP] = "a map",
		                             [RNM_MP_BOOL] = "a boolean",
		                             [RNM_MP_FLOAT] = "a number",
		                             [RNM_MP_DOUBLE] = "a number",
		                             [RNM_MP_EXT] = "an extension type",
		                             [RNM_MP_UNDEFINED] = "the undefined byte c1" };

	return names[rnm_mp_type(*at)];
}
