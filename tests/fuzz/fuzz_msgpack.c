/* SPDX-License-Identifier: Apache-2.0 */
/* Our msgpack beside libmsgpuck: the same values in the same bytes, written and read. */
#include "fuzz.h"

#include "format/rnm1_msgpack.h"

#include <msgpuck.h>

static const enum rnm_mp_type types[] = {
	[MP_NIL] = RNM_MP_NIL,       [MP_UINT] = RNM_MP_UINT, [MP_INT] = RNM_MP_INT,
	[MP_STR] = RNM_MP_STR,       [MP_BIN] = RNM_MP_BIN,   [MP_ARRAY] = RNM_MP_ARRAY,
	[MP_MAP] = RNM_MP_MAP,       [MP_BOOL] = RNM_MP_BOOL, [MP_FLOAT] = RNM_MP_FLOAT,
	[MP_DOUBLE] = RNM_MP_DOUBLE, [MP_EXT] = RNM_MP_EXT,
};

static void check_written(const char *mine, const char *mine_end, const char *theirs, const char *theirs_end)
{
	FUZZ_CHECK(mine_end - mine == theirs_end - theirs);
	FUZZ_CHECK(memcmp(mine, theirs, (size_t)(mine_end - mine)) == 0);
}

static void check_uint(const char *at, const char *theirs)
{
	char a[RNM_MP_HEADER_MAX], b[RNM_MP_HEADER_MAX];
	const char *mine = at;
	uint64_t n = rnm_mp_read_uint(&mine);

	FUZZ_CHECK(n == mp_decode_uint(&theirs) && mine == theirs);
	check_written(a, rnm_mp_write_uint(a, n), b, mp_encode_uint(b, n));
}

static void check_int(const char *at, const char *theirs)
{
	char a[RNM_MP_HEADER_MAX], b[RNM_MP_HEADER_MAX];
	const char *mine = at;
	int64_t n = rnm_mp_read_int(&mine);

	FUZZ_CHECK(n == mp_decode_int(&theirs) && mine == theirs);
	check_written(a, rnm_mp_write_int(a, n), b,
	              n >= 0 ? mp_encode_uint(b, (uint64_t)n) : mp_encode_int(b, n));
}

/* By their bits: a NaN is no number, but it is the same NaN. */
static void check_real(const char *at, const char *theirs, bool is_float)
{
	char a[RNM_MP_HEADER_MAX], b[RNM_MP_HEADER_MAX];
	const char *mine = at;
	double d = rnm_mp_read_real(&mine);
	double other = is_float ? (double)mp_decode_float(&theirs) : mp_decode_double(&theirs);

	FUZZ_CHECK(mine == theirs && memcmp(&d, &other, sizeof(d)) == 0);
	check_written(a, rnm_mp_write_double(a, d), b, mp_encode_double(b, d));
}

static void check_length(enum mp_type type, const char *at, const char *theirs)
{
	char a[RNM_MP_HEADER_MAX], b[RNM_MP_HEADER_MAX];
	const char *mine = at;
	uint32_t n = rnm_mp_read_length(&mine);

	if (type == MP_STR) {
		FUZZ_CHECK(n == mp_decode_strl(&theirs));
		check_written(a, rnm_mp_write_str_header(a, n), b, mp_encode_strl(b, n));
	} else if (type == MP_ARRAY) {
		FUZZ_CHECK(n == mp_decode_array(&theirs));
		check_written(a, rnm_mp_write_array(a, n), b, mp_encode_array(b, n));
	} else if (type == MP_MAP) {
		FUZZ_CHECK(n == mp_decode_map(&theirs));
		check_written(a, rnm_mp_write_map(a, n), b, mp_encode_map(b, n));
	} else {
		FUZZ_CHECK(n == mp_decode_binl(&theirs));
	}
	FUZZ_CHECK(mine == theirs);
}

/* The value at `at`, which libmsgpuck has checked. */
static void check_one(const char *at)
{
	enum mp_type type = mp_typeof(*at);

	/* The byte that msgpack leaves undefined is an extension to libmsgpuck. */
	FUZZ_CHECK(rnm_mp_type(*at) == ((unsigned char)*at == 0xc1 ? RNM_MP_UNDEFINED : types[type]));
	if (type == MP_UINT)
		check_uint(at, at);
	else if (type == MP_INT)
		check_int(at, at);
	else if (type == MP_FLOAT || type == MP_DOUBLE)
		check_real(at, at, type == MP_FLOAT);
	else if (type == MP_STR || type == MP_BIN || type == MP_ARRAY || type == MP_MAP)
		check_length(type, at, at);
}

/*
 * All values, whatever holds them: headers of containers are values of one header.  false when the oracle's
 * word is not to be taken: extensions, which we do not read, and counts that overflow its int.
 */
static bool check_values(const char *at, const char *end)
{
	const size_t size = (size_t)(end - at);
	bool comparable = true;

	while (at < end) {
		enum mp_type type = mp_typeof(*at);
		uint32_t count = 0;

		check_one(at);
		if (type == MP_ARRAY)
			count = mp_decode_array(&at);
		else if (type == MP_MAP)
			count = mp_decode_map(&at);
		else
			mp_next(&at);
		comparable = comparable && type != MP_EXT && count <= size;
	}
	return comparable;
}

static void compare(const char *data, size_t size)
{
	/* What our check refuses beyond the form, because rspamd's reader or a limit of ours demands it. */
	static const char *const stricter[] = { "rnm1.trailing",      "rnm1.depth", "rnm1.key",
		                                "rnm1.duplicate-key", "rnm1.ext",   "rnm1.limit",
		                                "rnm1.msgpack" };
	const char *theirs = data, *mine = data;
	bool sound = size > 0 && mp_check(&theirs, data + size) == 0;
	struct rnm_msgpack_facts facts;
	struct rnm_error err;
	enum rnm_status status;
	bool known = false;

	rnm_error_clear(&err);
	status = rnm_msgpack_check(data, size, &facts, &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK(status != RNM_OK || (sound && theirs == data + size));
	if (!sound)
		return;
	if (!check_values(data, theirs))
		return;
	rnm_mp_skip(&mine);
	FUZZ_CHECK(mine == theirs);
	for (size_t i = 0; i < sizeof(stricter) / sizeof(stricter[0]); i++)
		known = known || strcmp(err.id, stricter[i]) == 0;
	FUZZ_CHECK(status == RNM_OK || known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);

	compare(copy, size);
	free(copy);
	return 0;
}
