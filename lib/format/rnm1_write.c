/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of RNM1.  It keeps to the publisher's rules (docs/rnm1.md): str for everything, never
 * bin, no nil, no empty string, one fixed order of keys.
 */
#include "base/value_build.h"
#include "format/msgpack.h"
#include "format/rnm1_msgpack.h"

#include <math.h>
#include <rnm/buf.h>
#include <rnm/rnm1.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX RNM_MP_HEADER_MAX
#define INT8_MARK '\xd0'
#define NEGATIVE_FIXINT_MIN (-32)
#define INT64_END 9223372036854775808.0 /* 2^63, the first double past int64_t */

struct writer {
	struct rnm_buf *out;
	bool as_original; /* negative integers as rspamd encodes them */
	size_t *values;   /* written so far; what is written must be readable (format/rnm1_msgpack.h) */
};

static void put_header(const struct writer *to, const char *start, const char *end)
{
	rnm_buf_append(to->out, start, (size_t)(end - start));
}

static void put_map(const struct writer *to, uint32_t count)
{
	char header[HEADER_MAX];

	put_header(to, header, rnm_mp_write_map(header, count));
}

static void put_str_header(const struct writer *to, uint32_t len)
{
	char header[HEADER_MAX];

	put_header(to, header, rnm_mp_write_str_header(header, len));
}

static void put_str(const struct writer *to, struct rnm_bytes text)
{
	put_str_header(to, (uint32_t)text.len);
	rnm_buf_append(to->out, text.data, text.len);
}

static void put_text(const struct writer *to, const char *text)
{
	put_str(to, rnm_bytes_of(text));
}

/*
 * Never in one byte: rspamd 3.4 reads -1 to -32 so written as other numbers (-1 as -31), and a mean or a
 * threshold of -1 is nothing unusual.  One byte more is read rightly.
 */
static char *encode_negative(char *at, int64_t n)
{
	if (n < NEGATIVE_FIXINT_MIN)
		return rnm_mp_write_int(at, n);
	*at++ = INT8_MARK;
	*at++ = (char)n;
	return at;
}

/* rspamd: contrib/libucl/ucl_msgpack.c goes by the size of -n. */
static char *encode_negative_as_original(char *at, int64_t n)
{
	static const struct {
		int64_t least;
		char mark;
		unsigned bytes;
	} forms[] = { { -INT8_MAX, INT8_MARK, 1 },
		      { -INT16_MAX, '\xd1', 2 },
		      { -INT32_MAX, '\xd2', 4 },
		      { INT64_MIN, '\xd3', 8 } };
	size_t form = 0;

	if (n >= NEGATIVE_FIXINT_MIN)
		return rnm_mp_write_int(at, n);
	while (n < forms[form].least)
		form++;
	*at++ = forms[form].mark;
	for (unsigned i = forms[form].bytes; i > 0; i--)
		*at++ = (char)((uint64_t)n >> (8 * (i - 1)));
	return at;
}

static void put_int(const struct writer *to, int64_t n)
{
	char header[HEADER_MAX];
	char *end;

	if (n >= 0)
		end = rnm_mp_write_uint(header, (uint64_t)n);
	else
		end = to->as_original ? encode_negative_as_original(header, n) : encode_negative(header, n);
	put_header(to, header, end);
}

/* rspamd: an integral Lua number becomes an integer (contrib/libucl/lua_ucl.c). */
static void put_number(const struct writer *to, double number)
{
	char header[HEADER_MAX];

	if (number >= -INT64_END && number < INT64_END && number <= floor(number))
		put_int(to, (int64_t)number);
	else
		put_header(to, header, rnm_mp_write_double(header, number));
}

static enum rnm_status refuse(struct rnm_error *err, const char *what)
{
	return rnm_error_set(err, RNM_E_USAGE, "rnm1.write", "an RNM1 file cannot hold %s", what);
}

static enum rnm_status put_value(const struct writer *to, const struct rnm_value *value, unsigned depth,
                                 struct rnm_error *err);

static enum rnm_status put_container(const struct writer *to, const struct rnm_value *value, unsigned depth,
                                     struct rnm_error *err)
{
	size_t count = rnm_value_count(value);
	enum rnm_status status = RNM_OK;
	char header[HEADER_MAX];

	if (depth >= RNM_RNM1_DEPTH_MAX)
		return refuse(err, "values nested that deep");
	if (count > RNM_MSGPACK_VALUES_MAX || (value->type == RNM_OBJECT && count > RNM_MSGPACK_KEYS_MAX))
		return refuse(err,
		              value->type == RNM_OBJECT ? "a map of that many keys" : "a list that long");
	if (value->type == RNM_OBJECT)
		put_map(to, (uint32_t)count);
	else
		put_header(to, header, rnm_mp_write_array(header, (uint32_t)count));
	for (size_t i = 0; i < count && status == RNM_OK; i++) {
		const struct rnm_value *item = rnm_value_at(value, i);

		if (value->type == RNM_OBJECT) {
			if (item->key.len == 0 || item->key.len > UINT32_MAX ||
			    memchr(item->key.data, '\0', item->key.len) != NULL)
				return refuse(err, "an empty key, or one with a NUL");
			put_str(to, item->key);
		}
		status = put_value(to, item, depth + 1, err);
	}
	return status;
}

static enum rnm_status put_value(const struct writer *to, const struct rnm_value *value, unsigned depth,
                                 struct rnm_error *err)
{
	if (++*to->values > RNM_MSGPACK_VALUES_MAX)
		return refuse(err, "that many values");
	switch ((enum rnm_type)value->type) {
	case RNM_NULL:
		return refuse(err, "nil");
	case RNM_BOOL:
		rnm_buf_putc(to->out, value->as.boolean ? '\xc3' : '\xc2');
		return RNM_OK;
	case RNM_INT:
		put_int(to, value->as.integer);
		return RNM_OK;
	case RNM_FLOAT:
		put_number(to, value->as.real);
		return RNM_OK;
	case RNM_STRING:
		if (value->as.string.len == 0 || value->as.string.len > UINT32_MAX)
			return refuse(err, "an empty string");
		put_str(to, value->as.string);
		return RNM_OK;
	case RNM_ARRAY:
	case RNM_OBJECT:
		return put_container(to, value, depth, err);
	}
	return refuse(err, "a value of an unknown type");
}

static enum rnm_status put_blob_header(const struct writer *to, const char *key, uint64_t size,
                                       struct rnm_error *err)
{
	if (size == 0 || size > RNM_BLOB_MAX)
		return rnm_error_set(err, RNM_E_REFUSED, "rnm1.blob-size",
		                     "expected 1 to %llu bytes for %s, found %llu",
		                     (unsigned long long)RNM_BLOB_MAX, key, (unsigned long long)size);
	put_text(to, key);
	put_str_header(to, (uint32_t)size);
	return RNM_OK;
}

static enum rnm_status put_member(const struct writer *to, const char *key, const struct rnm_value *value,
                                  struct rnm_error *err)
{
	if (value == NULL)
		return RNM_OK;
	put_text(to, key);
	return put_value(to, value, 1, err);
}

static uint32_t count_keys(const struct rnm_rnm1_head *head)
{
	uint32_t count = 5; /* magic, version, model_version, created_at, ann_data */

	return count + (head->providers_digest != NULL) + (head->norm_stats != NULL) + (head->roc != NULL) +
	       (head->extra != NULL) + (uint32_t)head->has_pca;
}

static enum rnm_status finish(const struct writer *to, struct rnm_error *err)
{
	return to->out->failed ? rnm_error_nomem(err) : RNM_OK;
}

enum rnm_status rnm_rnm1_write_prefix(struct rnm_buf *out, const struct rnm_rnm1_head *head,
                                      struct rnm_error *err)
{
	size_t values = count_keys(head) + 1;
	const struct writer writer = { out, head->as_original, &values }, *to = &writer;
	enum rnm_status status;

	put_map(to, count_keys(head));
	put_text(to, "magic");
	put_text(to, "RNM1");
	put_text(to, "version");
	put_int(to, 1);
	put_text(to, "model_version");
	put_number(to, head->model_version);
	if (head->providers_digest != NULL) {
		if (head->providers_digest[0] == '\0')
			return refuse(err, "an empty providers_digest");
		put_text(to, "providers_digest");
		put_text(to, head->providers_digest);
	}
	put_text(to, "created_at");
	put_int(to, head->created_at);
	status = put_member(to, "norm_stats", head->norm_stats, err);
	if (status == RNM_OK)
		status = put_member(to, "roc_thresholds", head->roc, err);
	if (status == RNM_OK)
		status = put_member(to, "rnm", head->extra, err);
	if (status == RNM_OK)
		status = head->has_pca ? put_blob_header(to, "pca_data", head->pca_size, err)
		                       : put_blob_header(to, "ann_data", head->ann_size, err);
	return status == RNM_OK ? finish(to, err) : status;
}

enum rnm_status rnm_rnm1_write_ann_header(struct rnm_buf *out, uint64_t ann_size, struct rnm_error *err)
{
	size_t values = 0;
	const struct writer writer = { out, false, &values }, *to = &writer;
	enum rnm_status status = put_blob_header(to, "ann_data", ann_size, err);

	return status == RNM_OK ? finish(to, err) : status;
}
