/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/msgpack against libmsgpuck, in both directions. */
#include "format/msgpack.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <msgpuck.h>

/* Every power of two and its neighbours: all the borders of all the forms. */
static size_t border_numbers(uint64_t *numbers)
{
	size_t count = 0;

	for (unsigned bit = 0; bit < 64; bit++)
		for (int around = -2; around <= 2; around++)
			numbers[count++] = (UINT64_C(1) << bit) + (uint64_t)around;
	numbers[count++] = UINT64_MAX;
	return count;
}

static void assert_same(const char *mine, const char *mine_end, const char *theirs, const char *theirs_end)
{
	assert_int_equal(mine_end - mine, theirs_end - theirs);
	assert_memory_equal(mine, theirs, (size_t)(mine_end - mine));
}

static void numbers_are_written_and_read_alike(void **state)
{
	uint64_t numbers[64 * 5 + 1];
	size_t count = border_numbers(numbers);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		char mine[RNM_MP_HEADER_MAX], theirs[16];
		const char *at = mine;
		int64_t n = (int64_t)numbers[i];
		char *end = rnm_mp_write_uint(mine, numbers[i]);

		assert_same(mine, end, theirs, mp_encode_uint(theirs, numbers[i]));
		assert_int_equal(rnm_mp_type(*mine), RNM_MP_UINT);
		assert_true(rnm_mp_read_uint(&at) == numbers[i]);
		assert_ptr_equal(at, end);
		end = rnm_mp_write_int(mine, n);
		assert_same(mine, end, theirs,
		            n >= 0 ? mp_encode_uint(theirs, (uint64_t)n) : mp_encode_int(theirs, n));
		at = mine;
		if (n < 0)
			assert_true(rnm_mp_read_int(&at) == n);
	}
}

static void headers_are_written_and_read_alike(void **state)
{
	uint64_t numbers[64 * 5 + 1];
	size_t count = border_numbers(numbers);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		uint32_t n = (uint32_t)numbers[i];
		char mine[RNM_MP_HEADER_MAX], theirs[16];
		const char *at = mine;
		char *end = rnm_mp_write_str_header(mine, n);

		assert_same(mine, end, theirs, mp_encode_strl(theirs, n));
		assert_int_equal(rnm_mp_read_length(&at), n);
		assert_ptr_equal(at, end);
		end = rnm_mp_write_array(mine, n);
		assert_same(mine, end, theirs, mp_encode_array(theirs, n));
		at = mine;
		assert_int_equal(rnm_mp_read_length(&at), n);
		end = rnm_mp_write_map(mine, n);
		assert_same(mine, end, theirs, mp_encode_map(theirs, n));
		at = mine;
		assert_int_equal(rnm_mp_read_length(&at), n);
		assert_ptr_equal(at, end);
		mp_encode_binl(mine, n);
		at = mine;
		assert_int_equal(rnm_mp_type(*mine), RNM_MP_BIN);
		assert_int_equal(rnm_mp_read_length(&at), n);
	}
}

static void reals_are_written_and_read_alike(void **state)
{
	static const double reals[] = { 0, -0.0, 1, -1.5, 1e300, 5e-324, 0.1, (double)INFINITY };

	(void)state;
	for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
		char mine[RNM_MP_HEADER_MAX], theirs[16];
		const char *at = mine;

		assert_same(mine, rnm_mp_write_double(mine, reals[i]), theirs, mp_encode_double(theirs, reals[i]));
		assert_true(rnm_mp_read_real(&at) == reals[i]);
		mp_encode_float(mine, (float)reals[i]);
		at = mine;
		assert_int_equal(rnm_mp_type(*mine), RNM_MP_FLOAT);
		assert_true(rnm_mp_read_real(&at) == (double)(float)reals[i]);
	}
}

static void first_bytes_mean_the_same(void **state)
{
	static const enum rnm_mp_type types[] = {
		[MP_NIL] = RNM_MP_NIL,     [MP_UINT] = RNM_MP_UINT,     [MP_INT] = RNM_MP_INT,
		[MP_STR] = RNM_MP_STR,     [MP_BIN] = RNM_MP_BIN,       [MP_ARRAY] = RNM_MP_ARRAY,
		[MP_MAP] = RNM_MP_MAP,     [MP_BOOL] = RNM_MP_BOOL,     [MP_FLOAT] = RNM_MP_FLOAT,
		[MP_DOUBLE] = RNM_MP_DOUBLE, [MP_EXT] = RNM_MP_EXT,
	};

	(void)state;
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;

		if (c == 0xc1)
			assert_int_equal(rnm_mp_type(byte), RNM_MP_UNDEFINED);
		else
			assert_int_equal(rnm_mp_type(byte), types[mp_typeof(byte)]);
	}
}

/* A value of random shape; returns its end. */
static char *random_value(char *at, unsigned depth)
{
	unsigned kind = (unsigned)rand() % (depth > 0 ? 9 : 7);
	uint32_t count;

	switch (kind) {
	case 0:
		return mp_encode_nil(at);
	case 1:
		return mp_encode_bool(at, true);
	case 2:
		return mp_encode_uint(at, (uint64_t)rand() << ((unsigned)rand() % 33));
	case 3:
		return mp_encode_int(at, -((int64_t)rand() << ((unsigned)rand() % 32)) - 1);
	case 4:
		return mp_encode_double(at, (double)rand());
	case 5:
		count = (uint32_t)rand() % 300;
		return (char *)memset(mp_encode_strl(at, count), 'x', count) + count;
	case 6:
		count = (uint32_t)rand() % 300;
		return (char *)memset(mp_encode_binl(at, count), 'x', count) + count;
	default:
		count = (uint32_t)rand() % 20;
		at = kind == 7 ? mp_encode_array(at, count) : mp_encode_map(at, count);
		for (uint32_t i = 0; i < (kind == 7 ? count : 2 * count); i++)
			at = random_value(at, depth - 1);
		return at;
	}
}

static void skipping_ends_where_libmsgpuck_does(void **state)
{
	static char buffer[8 << 20];

	(void)state;
	srand(1);
	for (int i = 0; i < 2000; i++) {
		char *end = random_value(buffer, 3);
		const char *mine = buffer;
		const char *theirs = buffer;

		mp_next(&theirs);
		rnm_mp_skip(&mine);
		assert_ptr_equal(theirs, end);
		assert_ptr_equal(mine, end);
	}
}

static void headers_that_do_not_fit(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char bytes[RNM_MP_HEADER_MAX] = { (char)c };
		size_t size = rnm_mp_header_size(bytes[0]);

		assert_in_range(size, 1, RNM_MP_HEADER_MAX);
		assert_true(rnm_mp_header_fits(bytes, bytes + size));
		if (size > 1)
			assert_false(rnm_mp_header_fits(bytes, bytes + size - 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_written_and_read_alike),
		cmocka_unit_test(headers_are_written_and_read_alike),
		cmocka_unit_test(reals_are_written_and_read_alike),
		cmocka_unit_test(first_bytes_mean_the_same),
		cmocka_unit_test(skipping_ends_where_libmsgpuck_does),
		cmocka_unit_test(headers_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
