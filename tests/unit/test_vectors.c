/* SPDX-License-Identifier: Apache-2.0 */
/* lib/format/vectors*: JSON lines, CSV and .npy, whatever the pieces in which they arrive; and numbers. */
#include "base/number.h"
#include "base/value_build.h"

#include <rnm/buf.h>
#include <rnm/vectors.h>

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a source in memory ------------------------------------------------------------------------- */

struct memory {
	const char *data;
	size_t left;
	size_t step;  /* bytes that arrive at once */
	size_t ready; /* bytes that are there without waiting; SIZE_MAX: all */
	bool closed;
};

static enum rnm_status memory_read(void *ctx, void *data, size_t size, size_t *got, struct rnm_error *err)
{
	struct memory *memory = ctx;

	(void)err;
	*got = size < memory->step ? size : memory->step;
	if (*got > memory->left)
		*got = memory->left;
	if (*got > 0)
		memcpy(data, memory->data, *got);
	memory->data += *got;
	memory->left -= *got;
	memory->ready -= memory->ready == SIZE_MAX ? 0 : *got;
	return RNM_OK;
}

static bool memory_ready(void *ctx)
{
	return ((struct memory *)ctx)->ready > 0;
}

static void memory_close(void *ctx)
{
	((struct memory *)ctx)->closed = true;
}

static struct rnm_vectors *reader(struct memory *memory, struct rnm_bytes data, size_t step, size_t count)
{
	const struct rnm_vectors_source source = {
		.read = memory_read, .ready = memory_ready, .close = memory_close, .ctx = memory
	};
	const struct rnm_vectors_options options = { .count = count, .name = "in" };
	struct rnm_vectors *vectors = NULL;

	*memory = (struct memory){ data.data, data.len, step, SIZE_MAX, false };
	assert_int_equal(rnm_vectors_new(&vectors, &source, &options, NULL), RNM_OK);
	return vectors;
}

/* All that comes out: "2=1,-0.5" (line and numbers), "2'a'=..." with an identifier, "3!vector.json" for errors. */
static void dump(struct rnm_buf *out, struct rnm_bytes data, size_t step, size_t count)
{
	struct memory memory;
	struct rnm_vectors *vectors = reader(&memory, data, step, count);

	for (;;) {
		const struct rnm_vector *vector = NULL;
		struct rnm_error err;
		enum rnm_status status = rnm_vectors_next(vectors, &vector, &err);

		if (status == RNM_OK && vector == NULL)
			break;
		if (out->len > 0)
			rnm_buf_putc(out, ' ');
		if (status != RNM_OK) {
			rnm_buf_printf(out, "%u!%s", err.line, err.id);
			if (rnm_vectors_broken(vectors))
				break;
			continue;
		}
		rnm_buf_printf(out, "%" PRIu64, vector->line);
		if (vector->id_kind == RNM_VECTOR_ID_TEXT)
			rnm_buf_printf(out, "'%.*s'", (int)vector->id.len, vector->id.data);
		if (vector->id_kind == RNM_VECTOR_ID_NUMBER)
			rnm_buf_printf(out, "#%.*s", (int)vector->id.len, vector->id.data);
		for (size_t i = 0; i < vector->count; i++)
			rnm_buf_printf(out, "%c%.17g", i == 0 ? '=' : ',', vector->values[i]);
	}
	rnm_vectors_free(vectors);
	assert_true(memory.closed);
}

static void expect_bytes(struct rnm_bytes data, size_t count, const char *expected)
{
	static const size_t steps[] = { 1, 3, 7, 1 << 20 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct rnm_buf out;

		rnm_buf_init(&out, 1 << 20);
		dump(&out, data, steps[i], count);
		assert_string_equal(rnm_buf_cstr(&out), expected);
		rnm_buf_free(&out);
	}
}

static void expect(const char *text, size_t count, const char *expected)
{
	expect_bytes((struct rnm_bytes){ text, strlen(text) }, count, expected);
}

/* ---- JSON lines --------------------------------------------------------------------------------- */

static void json_lines(void **state)
{
	(void)state;
	expect("", 2, "");
	expect("\n \r\n", 2, "");
	expect("\n\n\n \t\n\n\n\n\n\n[1,2]\n", 2, "10=1,2");
	expect("[1,2]\n[ -0.5 , 1e3 ]\r\n\n  [3,4]", 2, "1=1,2 2=-0.5,1000 4=3,4");
	expect("\xef\xbb\xbf[1,2]\n", 2, "1=1,2");
	expect("{\"vector\":[1,2],\"id\":\"a\\u00e4\\ud83d\\ude00\\n\\/\"}\n", 2,
	       "1'a\xc3\xa4\xf0\x9f\x98\x80\n/'=1,2");
	expect("{\"id\":-7.50e1,\"vector\":[1,2]}\n{\"id\":null,\"vector\":[3,4]}", 2, "1#-7.50e1=1,2 2=3,4");
	expect("{\"label\":{\"a\":[1,{\"b\":[]},null,true,\"]\"],\"c\":{}},\"vector\":[1,2]}", 2, "1=1,2");
	expect("{\"\\u0076ector\":[1,2]}", 2, "1=1,2");
	/* The count is that of the first when nobody said it. */
	expect("[1,2]\n[1]\n[3,4]", 0, "1=1,2 2!vector.length 3=3,4");
}

static void json_lines_refused(void **state)
{
	static const char *const broken[] = {
		"[1,2",  "[1,2]]",  "[1,2],",   "[1,,2]",  "[1 2]",  "[,1,2]", "[1,2,]",   "[01,2]",
		"[+1,2]", "[.5,2]",  "[1.,2]",   "[0x1,2]", "[1e,2]", "[\"1\",2]", "[true,2]", "[[1,2]]",
		"{}",    "{\"id\":1}", "{\"vector\":1}", "{\"vector\":[1,2]", "{\"vector\":[1,2],}", "{vector:[1,2]}",
		"{\"vector\":[1,2]} x", "{\"vector\":[1,2],\"vector\":[1,2]}", "{\"id\":1,\"id\":1,\"vector\":[1,2]}",
		"{\"vector\":[1,2],\"a\":[}]}", "{\"vector\":[1,2],\"a\":tru}", "{\"vector\":[1,2],\"a\":\"\\x\"}",
		"{\"vector\":[1,2],\"a\":\"\x01\"}", "{\"vector\":[1,2],\"a\":\"\xff\"}",
		"{\"vector\":[1,2],\"a\":\"\\ud800\"}", "{\"vector\":[1,2],\"a\":\"\\udc00\"}",
		"{\"vector\":[1,2],\"a\":\"\\u12\"}", "{\"vector\":[1,2] \"a\":1}",
	};
	char deep[400], text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		snprintf(text, sizeof(text), "[1,2]\n%s\n[3,4]\n", broken[i]);
		expect(text, 2, "1=1,2 2!vector.json 3=3,4");
	}
	expect("{\"id\":[],\"vector\":[1,2]}\n{\"id\":true,\"vector\":[1,2]}", 2, "1!vector.id 2!vector.id");
	expect("[1,NaN]\n[1,nan]\n[-Infinity,1]\n[1,null]\n[1e999,1]\n[1,2]", 2,
	       "1!vector.non-finite 2!vector.non-finite 3!vector.non-finite 4!vector.non-finite "
	       "5!vector.non-finite 6=1,2");
	expect("[1]\n[1,2,3]\n[]\n[1,2]", 2, "1!vector.length 2!vector.length 3!vector.length 4=1,2");
	/* 64 containers one in the other are read past, 65 are not. */
	memset(deep, '[', 64);
	memset(deep + 64, ']', 64);
	deep[128] = '\0';
	snprintf(text, sizeof(text), "{\"a\":%s,\"vector\":[1,2]}\n{\"a\":[%s],\"vector\":[1,2]}", deep, deep);
	expect(text, 2, "1=1,2 2!vector.json");
}

/* Numbers of more characters than the scanner takes, with a sign and without. */
static void long_numbers(void **state)
{
	char digits[RNM_NUMBER_TEXT_MAX + 2], text[4 * sizeof(digits)];

	(void)state;
	memset(digits, '1', sizeof(digits) - 1);
	digits[sizeof(digits) - 1] = '\0';
	snprintf(text, sizeof(text), "[1,-%s]\n[%s,1]\n[1,2]", digits, digits);
	expect(text, 2, "1!vector.json 2!vector.json 3=1,2");
	snprintf(text, sizeof(text), "1,-%s\n%s,1\n1,2", digits, digits);
	expect(text, 2, "1!vector.csv 2!vector.csv 3=1,2");
}

static void messages(void **state)
{
	static const struct {
		const char *text, *message;
		uint32_t line, column;
	} cases[] = {
		{ "[1,2]\n[1,x]", "expected a number, found 'x'", 2, 3 },
		{ "[1,2]\n[1,NaN]", "expected a finite number as component 1, found NaN", 2, 3 },
		{ "[1,2", "expected ',' or ']', found the end of the line", 1, 4 },
		{ "{\"a\":\"\x07\"}", "expected a character that JSON allows in a string, found byte 0x07", 1, 6 },
		{ "1,2\n1,abc", "expected a number as component 1, found 'abc'", 2, 2 },
		{ "1,2\n1,", "expected a number as component 1, found an empty field", 2, 2 },
		{ "1,2\n1,1e400", "expected a finite number as component 1, found 1e400", 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct memory memory;
		struct rnm_vectors *vectors =
		    reader(&memory, rnm_bytes_of(cases[i].text), 5, 2);
		const struct rnm_vector *vector = NULL;
		struct rnm_error err;
		enum rnm_status status;

		do
			status = rnm_vectors_next(vectors, &vector, &err);
		while (status == RNM_OK && vector != NULL);
		assert_int_equal(status, RNM_E_MALFORMED);
		assert_string_equal(err.message, cases[i].message);
		assert_string_equal(err.file, "in");
		assert_int_equal(err.line, cases[i].line);
		assert_true(err.has_column);
		assert_int_equal(err.column, cases[i].column);
		rnm_vectors_free(vectors);
	}
}

/* ---- CSV ---------------------------------------------------------------------------------------- */

static void csv(void **state)
{
	(void)state;
	expect("1,2\n3,4\n", 2, "1=1,2 2=3,4");
	expect("1;2\r\n-.5;+4.\r\n", 2, "1=1,2 2=-0.5,4");
	expect("1\t2\n\"3\"\t 4 \n", 2, "1=1,2 2=3,4");
	expect("  1   2 \n3 4\n", 2, "1=1,2 2=3,4");
	expect("# made by numpy.savetxt\n1.0e+00 2\n#\n3 4\n", 2, "2=1,2 4=3,4");
	/* Headers, and columns of identifiers. */
	expect("a,b\n1,2\n", 2, "2=1,2");
	expect("id,a,b\nx,1,2\n7,3,4\n", 2, "2'x'=1,2 3'7'=3,4");
	expect("a,ID,b\n1,x,2\n", 2, "2'x'=1,2");
	expect("x,1,2\n\"y,\"\"z\",3,4\n", 2, "1'x'=1,2 2'y,\"z'=3,4");
	expect("label,a,b\nx,1,2\n", 2, "2'x'=1,2");
	expect(",0,1\n0,1.5,2\n1,3,4\n", 2, "2'0'=1.5,2 3'1'=3,4"); /* pandas: an index without a name */
	expect("id,0,1\nx,1,2\n", 2, "2'x'=1,2");
	expect("v\n1\n2\n", 1, "2=1 3=2");
	expect("\tx\ty\na\t1\t2\n", 2, "2'a'=1,2");
	/* What is no header is a malformed vector, and not passed over. */
	expect("1,x\n1,2\n", 2, "1!vector.csv 2=1,2");
	expect("x,1,y\nz,1,2\n", 2, "1!vector.csv 2'z'=1,2");
	expect("hello\n", 2, "1!vector.length");
	expect("a,b,c,d\n1,2\n", 2, "1!vector.length 2=1,2");
	expect("id,a\n1,2\n", 2, "1!vector.length 2!vector.length");
	expect("\"m\n1\",1,2\n", 2, "1!vector.csv 2!vector.csv");
	/* Whether there are identifiers is decided once. */
	expect("1,2\nx,3,4\n", 2, "1=1,2 2!vector.csv");
	expect("1,2\n1,2,3\n1\n1,2,\n,1\n3,4", 2,
	       "1=1,2 2!vector.length 3!vector.length 4!vector.csv 5!vector.csv 6=3,4");
	expect("1,2\nnan,1\n1,-INF\n1e999,2\n\"nan\",1\n", 2,
	       "1=1,2 2!vector.non-finite 3!vector.non-finite 4!vector.non-finite 5!vector.non-finite");
	expect("1,2\n\"3,4\n3\"x,4\n\"3\"x,4\n0x10,1\n1 2,3\n", 2,
	       "1=1,2 2!vector.csv 3!vector.csv 4!vector.csv 5!vector.csv 6!vector.csv");
	expect_bytes((struct rnm_bytes){ "1,2\n1,\0\n3,4", 11 }, 2, "1=1,2 2!vector.csv 3=3,4");
}

static const char *hint_of(const char *text, size_t count, struct rnm_error *err)
{
	struct memory memory;
	struct rnm_vectors *vectors = reader(&memory, rnm_bytes_of(text), 4096, count);
	const struct rnm_vector *vector;

	assert_int_equal(rnm_vectors_next(vectors, &vector, err), RNM_E_MALFORMED);
	rnm_vectors_free(vectors);
	return err->hint;
}

static void hints(void **state)
{
	struct rnm_error err;

	(void)state;
	assert_string_equal(hint_of("x;1,5;2,5\n", 2, &err), "numbers have a decimal point, in every locale");
	assert_string_equal(hint_of("7,1,2\n", 2, &err),
	                    "a column of identifiers that are numbers needs a header line that calls it id");
	assert_string_equal(hint_of("\x28\xb5\x2f\xfd....", 2, &err), "expand it on the way: zstd -dc FILE | ...");
	assert_string_equal(err.id, "vector.compressed");
	assert_string_equal(hint_of("\x1f\x8b....", 2, &err), "expand it on the way: gzip -dc FILE | ...");
}

/* ---- .npy --------------------------------------------------------------------------------------- */

static char npy[4096];

/* A file of version 1 to 3 with this header and these numbers. */
static struct rnm_bytes npy_file(unsigned version, const char *header, const void *numbers, size_t size)
{
	size_t len = strlen(header), at = 8;

	memcpy(npy, "\x93NUMPY", 6);
	npy[6] = (char)version;
	npy[7] = 0;
	for (size_t i = 0; i < (version == 1 ? 2 : 4); i++)
		npy[at++] = (char)(len >> (8 * i));
	memcpy(npy + at, header, len);
	if (size > 0)
		memcpy(npy + at + len, numbers, size);
	return (struct rnm_bytes){ npy, at + len + size };
}

static void npy_rows(void **state)
{
	static const float f4[] = { 1, 2, 3, 0.5f };
	static const double f8[] = { 1, 2, 3, 0.1 };
	static const unsigned char big[] = { 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0 };

	(void)state;
	for (unsigned version = 1; version <= 3; version++)
		expect_bytes(npy_file(version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }  \n", f4, 16),
		             2, "1=1,2 2=3,0.5");
	expect_bytes(npy_file(1, "{\"shape\":(2,2),\"fortran_order\":False,\"descr\":\"<f8\"}", f8, 32), 2,
	             "1=1,2 2=3,0.10000000000000001");
	expect_bytes(npy_file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", f4, 16), 0, "1=1,2,3,0.5");
	expect_bytes(npy_file(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (4,)}", f4, 16), 4, "1=1,2,3,0.5");
	expect_bytes(npy_file(1, "{'descr': '>f4', 'fortran_order': False, 'shape': (1, 2)}", big, 8), 2, "1=1,-2");
	expect_bytes(npy_file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2)}", f4, 0), 2, "");
}

static void npy_refused(void **state)
{
	static const float f4[] = { 1, 2, NAN, 4, 5, 6 };
	static const struct {
		const char *header, *id;
	} cases[] = {
		{ "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 2)}", "npy.type" },
		{ "{'descr': '|O', 'fortran_order': False, 'shape': (1, 2)}", "npy.type" },
		{ "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2)}", "npy.type" },
		{ "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 2)}", "npy.type" },
		{ "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2)}", "npy.order" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 1)}", "npy.shape" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "npy.shape" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 99999999)}", "npy.shape" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 99999999999999999999999)}", "npy.header" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2)}", "npy.header" },
		{ "{'descr': '<f4', 'fortran_order': False}", "npy.header" },
		{ "{'descr': '<f4', 'shape': (1, 2)}", "npy.header" },
		{ "{'descr': '<f4'", "npy.header" },
		{ "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}", "npy.header" },
		{ "", "npy.header" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3)}", "vector.length" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 0)}", "vector.length" },
	};
	char expected[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(expected, sizeof(expected), "0!%s", cases[i].id);
		expect_bytes(npy_file(1, cases[i].header, f4, 8), 2, expected);
	}
	expect_bytes(npy_file(4, "", f4, 8), 2, "0!npy.version");
	expect_bytes((struct rnm_bytes){ "\x93NUMPY\x01", 7 }, 2, "0!npy.header");
	expect_bytes((struct rnm_bytes){ "\x93NUMPY\x02\0\xff\xff\xff\x7f", 12 }, 2, "0!npy.header");
	/* A bad row is passed over; a file that is cut or too long is not. */
	expect_bytes(npy_file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}", f4, 24), 2,
	             "1=1,2 0!vector.non-finite 3=5,6");
	expect_bytes(npy_file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}", f4, 9), 2,
	             "1=1,2 0!npy.length");
	expect_bytes(npy_file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}", f4, 9), 2,
	             "1=1,2 0!npy.length");
}

/* ---- the stream --------------------------------------------------------------------------------- */

/* Writes blanks and a vector, size bytes in all with the end of the line; returns what follows. */
static char *blank_line(char *at, size_t size)
{
	static const char tail[] = "[1,2]\n";

	memset(at, ' ', size);
	memcpy(at + size - strlen(tail), tail, strlen(tail));
	return at + size;
}

static void long_line(void **state)
{
	/* As long as allowed, then one byte longer: that one is passed over, and the next is read. */
	const size_t len = 6 + RNM_VECTOR_LINE_MAX + 1 + RNM_VECTOR_LINE_MAX + 2 + 6;
	char *text = malloc(len);
	struct rnm_buf out;
	char *at;

	(void)state;
	assert_non_null(text);
	at = blank_line(text, 6);
	at = blank_line(at, RNM_VECTOR_LINE_MAX + 1);
	at = blank_line(at, RNM_VECTOR_LINE_MAX + 2);
	(void)blank_line(at, 6);
	rnm_buf_init(&out, 4096);
	dump(&out, (struct rnm_bytes){ text, len }, 1 << 20, 2);
	assert_string_equal(rnm_buf_cstr(&out), "1=1,2 2=1,2 3!vector.line-length 4=1,2");
	rnm_buf_free(&out);
	free(text);
}

/* A line that does not end, as that of /dev/zero, is refused without waiting for its end. */
static void endless_line(void **state)
{
	const size_t len = 3 * RNM_VECTOR_LINE_MAX;
	char *text = malloc(len);
	struct memory memory;
	struct rnm_vectors *vectors;
	const struct rnm_vector *vector = NULL;
	struct rnm_error err;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text + len - 5, "\n1,2\n", 5);
	vectors = reader(&memory, (struct rnm_bytes){ text, len }, 1 << 20, 2);
	assert_int_equal(rnm_vectors_next(vectors, &vector, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "vector.line-length");
	assert_int_equal(err.line, 1);
	assert_true(memory.left > RNM_VECTOR_LINE_MAX);
	assert_int_equal(rnm_vectors_next(vectors, &vector, &err), RNM_OK);
	assert_int_equal(vector->line, 2);
	assert_int_equal(rnm_vectors_next(vectors, &vector, &err), RNM_OK);
	assert_null(vector);
	rnm_vectors_free(vectors);
	free(text);
}

static void readiness(void **state)
{
	const char text[] = "[1,2]\n\n[3,4]\n[5";
	const struct rnm_vector *vector;
	struct memory memory;
	struct rnm_vectors *vectors = reader(&memory, rnm_bytes_of(text), 1, 2);

	(void)state;
	assert_int_equal(rnm_vectors_next(vectors, &vector, NULL), RNM_OK);
	assert_float_equal(vector->values[0], 1, 0);
	/* An empty line and half a vector are there: nothing that could be answered. */
	memory.ready = 4;
	assert_false(rnm_vectors_ready(vectors));
	memory.ready = 4;
	assert_true(rnm_vectors_ready(vectors));
	assert_int_equal(rnm_vectors_next(vectors, &vector, NULL), RNM_OK);
	assert_float_equal(vector->values[1], 4, 0);
	assert_int_equal(vector->line, 3);
	memory.ready = 2;
	assert_false(rnm_vectors_ready(vectors));
	memory.ready = SIZE_MAX; /* the end of the input is an answer too */
	assert_true(rnm_vectors_ready(vectors));
	assert_int_equal(rnm_vectors_next(vectors, &vector, NULL), RNM_E_MALFORMED);
	assert_int_equal(rnm_vectors_next(vectors, &vector, NULL), RNM_OK);
	assert_null(vector);
	assert_int_equal(rnm_vectors_next(vectors, &vector, NULL), RNM_OK);
	assert_null(vector);
	rnm_vectors_free(vectors);
}

/* A short line is answered although the format is told from six bytes where there are as many. */
static void short_first_line(void **state)
{
	int ends[2];
	char path[32];
	const struct rnm_vector *vector = NULL;
	struct rnm_vectors *vectors = NULL;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "[7]\n", 4), 4);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	assert_int_equal(rnm_vectors_open(&vectors, path, NULL, NULL), RNM_OK);
	alarm(60);
	assert_int_equal(rnm_vectors_next(vectors, &vector, NULL), RNM_OK);
	alarm(0);
	assert_float_equal(vector->values[0], 7, 0);
	assert_false(rnm_vectors_ready(vectors));
	close(ends[1]);
	assert_true(rnm_vectors_ready(vectors));
	assert_int_equal(rnm_vectors_next(vectors, &vector, NULL), RNM_OK);
	assert_null(vector);
	rnm_vectors_free(vectors);
	close(ends[0]);
}

static enum rnm_status failing_read(void *ctx, void *data, size_t size, size_t *got, struct rnm_error *err)
{
	int *calls = ctx;

	(void)size;
	if ((*calls)++ > 0)
		return rnm_error_set(err, RNM_E_IO, "test.io", "no");
	memcpy(data, "[1,2]\n[3", 8);
	*got = 8;
	return RNM_OK;
}

static void failure_lasts(void **state)
{
	int calls = 0;
	const struct rnm_vectors_source source = { .read = failing_read, .ctx = &calls };
	const struct rnm_vector *vector;
	struct rnm_vectors *vectors = NULL;
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_vectors_new(&vectors, &source, NULL, NULL), RNM_OK);
	assert_int_equal(rnm_vectors_next(vectors, &vector, &err), RNM_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rnm_vectors_next(vectors, &vector, &err), RNM_E_IO);
		assert_string_equal(err.id, "test.io");
		assert_true(rnm_vectors_broken(vectors));
	}
	assert_int_equal(calls, 2);
	rnm_vectors_free(vectors);
	assert_int_equal(rnm_vectors_open(&vectors, "/nonexistent/x", NULL, &err), RNM_E_NOT_FOUND);
	assert_string_equal(err.id, "vectors.open");
}

/* ---- numbers ------------------------------------------------------------------------------------ */

static uint64_t random_bits(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static void random_number(char text[64], unsigned kind)
{
	double d = (double)(int64_t)random_bits() / 9.3e18;

	switch (kind) {
	case 0: { /* any double */
		uint64_t bits = random_bits() & ~((uint64_t)1 << 62);

		memcpy(&d, &bits, sizeof(d));
		snprintf(text, 64, "%.17g", d);
		break;
	}
	case 1:
		snprintf(text, 64, "%.*f", (int)(random_bits() % 20), d);
		break;
	case 2:
		snprintf(text, 64, "%" PRIu64 "e%d", random_bits(), (int)(random_bits() % 60) - 40);
		break;
	case 3:
		snprintf(text, 64, "%.17g", d);
		break;
	default:
		snprintf(text, 64, "%" PRIu64 ".%" PRIu64, random_bits() >> random_bits() % 60,
		         random_bits() >> random_bits() % 60);
	}
}

/* Bit for bit what strtod makes of the same text. */
static void numbers_as_strtod(void **state)
{
	char text[64];

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		double expected, got = 0;

		random_number(text, i % 5);
		expected = strtod(text, NULL);
		assert_int_equal(rnm_scan_number(text, strlen(text), &got), strlen(text));
		if (memcmp(&expected, &got, sizeof(got)) != 0)
			fail_msg("%s: expected %a, found %a", text, expected, got);
	}
}

static void number_forms(void **state)
{
	static const struct {
		const char *text;
		size_t used;
		double value;
	} cases[] = {
		{ "1", 1, 1 },     { "+1", 2, 1 },   { "-.5", 3, -0.5 }, { "5.", 2, 5 },     { ".", 0, 0 },
		{ "", 0, 0 },      { "-", 0, 0 },    { "1e", 1, 1 },     { "1e+", 1, 1 },    { "1.5e3x", 5, 1500 },
		{ "0x10", 1, 0 },  { "nan", 0, 0 },  { "inf", 0, 0 },    { "00012", 5, 12 }, { "1..2", 2, 1 },
		{ "1e-999", 6, 0 }, { "9007199254740993", 16, 9007199254740992.0 },
		{ "1e99999999999999999999", 22, INFINITY },
		{ "0.000000000000000000000000000001", 32, 1e-30 },
		{ "123456789012345678901234567890", 30, 123456789012345678901234567890.0 },
	};
	char longest[RNM_NUMBER_TEXT_MAX + 2];
	double value = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		value = 0;
		assert_int_equal(rnm_scan_number(cases[i].text, strlen(cases[i].text), &value), cases[i].used);
		assert_true(value == cases[i].value);
	}
	memset(longest, '1', sizeof(longest));
	assert_int_equal(rnm_scan_number(longest, RNM_NUMBER_TEXT_MAX, &value), RNM_NUMBER_TEXT_MAX);
	assert_int_equal(rnm_scan_number(longest, RNM_NUMBER_TEXT_MAX + 1, &value), 0);
	/* Nothing behind the given length is read. */
	assert_int_equal(rnm_scan_number("12", 1, &value), 1);
	assert_true(value == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_lines),        cmocka_unit_test(json_lines_refused), cmocka_unit_test(long_numbers),
		cmocka_unit_test(messages),
		cmocka_unit_test(csv),               cmocka_unit_test(hints),              cmocka_unit_test(npy_rows),
		cmocka_unit_test(npy_refused),       cmocka_unit_test(long_line),          cmocka_unit_test(endless_line),
		cmocka_unit_test(readiness),
		cmocka_unit_test(short_first_line),  cmocka_unit_test(failure_lasts),
		cmocka_unit_test(numbers_as_strtod), cmocka_unit_test(number_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
