/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of numpy.save (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): magic, version,
 * length of the header, the header (the text of a Python dict), rows of numbers.
 */
#include "base/cursor.h"
#include "format/vectors.h"

#include <math.h>
#include <string.h>

enum rnm_status rnm_npy_header_size(const unsigned char *prefix, size_t len, size_t *size,
                                    struct rnm_error *err)
{
	struct rnm_cursor cursor;
	unsigned major;
	uint64_t header, head;

	rnm_cursor_init(&cursor, prefix, len);
	(void)rnm_cursor_take(&cursor, RNM_NPY_MAGIC_LEN);
	major = rnm_cursor_u8(&cursor);
	(void)rnm_cursor_u8(&cursor);
	header = major == 1 ? rnm_cursor_le16(&cursor) : rnm_cursor_le32(&cursor);
	head = cursor.pos;
	if (cursor.failed)
		return rnm_error_set(err, RNM_E_MALFORMED, "npy.header",
		                     "expected the header of a .npy file, found its end");
	if (major < 1 || major > 3)
		return rnm_error_set(err, RNM_E_MALFORMED, "npy.version",
		                     "expected a .npy file of version 1, 2 or 3, found %u", major);
	if (header > RNM_NPY_HEADER_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "npy.header",
		                     "expected a .npy header of at most %zu bytes, found %llu",
		                     RNM_NPY_HEADER_MAX, (unsigned long long)header);
	*size = (size_t)(head + header);
	return RNM_OK;
}

/* ---- the dict ---- */

struct dict {
	const char *at;
	const char *end;
	char type[16];
	bool has_type, has_order, has_shape;
	bool record; /* the type is a list of fields, which nobody can mean by a vector */
	bool fortran;
	uint64_t shape[2];
	size_t dims; /* 3: more than two */
};

static void skip_blanks(struct dict *dict)
{
	while (dict->at < dict->end && (*dict->at == ' ' || *dict->at == '\n' || *dict->at == '\t'))
		dict->at++;
}

static bool take(struct dict *dict, char c)
{
	skip_blanks(dict);
	if (dict->at == dict->end || *dict->at != c)
		return false;
	dict->at++;
	return true;
}

static bool take_word(struct dict *dict, const char *word)
{
	size_t len = strlen(word);

	skip_blanks(dict);
	if ((size_t)(dict->end - dict->at) < len || memcmp(dict->at, word, len) != 0)
		return false;
	dict->at += len;
	return true;
}

/* 'text' or "text" of at most size - 1 bytes. */
static bool take_string(struct dict *dict, char *out, size_t size)
{
	const char *close;
	char quote;

	skip_blanks(dict);
	if (dict->at == dict->end || (*dict->at != '\'' && *dict->at != '"'))
		return false;
	quote = *dict->at++;
	close = memchr(dict->at, quote, (size_t)(dict->end - dict->at));
	if (close == NULL || (size_t)(close - dict->at) >= size)
		return false;
	memcpy(out, dict->at, (size_t)(close - dict->at));
	out[close - dict->at] = '\0';
	dict->at = close + 1;
	return true;
}

static bool take_size(struct dict *dict, uint64_t *size)
{
	const char *first;

	skip_blanks(dict);
	first = dict->at;
	*size = 0;
	for (; dict->at < dict->end && *dict->at >= '0' && *dict->at <= '9'; dict->at++) {
		if (*size > (UINT64_MAX >> 4) / 10)
			return false;
		*size = *size * 10 + (uint64_t)(*dict->at - '0');
	}
	return dict->at > first;
}

/* (), (n,), (n, m), ... */
static bool take_shape(struct dict *dict)
{
	uint64_t size;

	if (!take(dict, '('))
		return false;
	while (!take(dict, ')')) {
		if (!take_size(dict, &size))
			return false;
		if (dict->dims < 2)
			dict->shape[dict->dims] = size;
		dict->dims += dict->dims < 3;
		if (!take(dict, ',')) {
			dict->has_shape = true;
			return take(dict, ')');
		}
	}
	dict->has_shape = true;
	return true;
}

static bool take_member(struct dict *dict)
{
	char key[16];

	if (!take_string(dict, key, sizeof(key)) || !take(dict, ':'))
		return false;
	if (strcmp(key, "descr") == 0 && !dict->has_type) {
		dict->has_type = true;
		skip_blanks(dict);
		dict->record = dict->at < dict->end && *dict->at == '[';
		return !dict->record && take_string(dict, dict->type, sizeof(dict->type));
	}
	if (strcmp(key, "fortran_order") == 0 && !dict->has_order) {
		dict->has_order = true;
		dict->fortran = take_word(dict, "True");
		return dict->fortran || take_word(dict, "False");
	}
	return strcmp(key, "shape") == 0 && !dict->has_shape && take_shape(dict);
}

static bool take_dict(struct dict *dict)
{
	if (!take(dict, '{'))
		return false;
	while (!take(dict, '}')) {
		if (!take_member(dict))
			return false;
		if (!take(dict, ',')) {
			if (!take(dict, '}'))
				return false;
			break;
		}
	}
	skip_blanks(dict);
	return dict->at == dict->end && dict->has_type && dict->has_order && dict->has_shape;
}

static enum rnm_status check(struct rnm_npy *out, const struct dict *dict, struct rnm_error *err)
{
	const char *type = dict->type;

	if (dict->record || strlen(type) != 3 || strchr("<>", type[0]) == NULL || type[1] != 'f' ||
	    strchr("48", type[2]) == NULL) {
		rnm_error_set(err, RNM_E_MALFORMED, "npy.type",
		              "expected numbers of type <f4 or <f8, found %s",
		              dict->record ? "records" : type);
		rnm_error_set_hint(err, "numpy.save(file, array.astype('float32'))");
		return RNM_E_MALFORMED;
	}
	if (dict->dims != 1 && dict->dims != 2)
		return rnm_error_set(err, RNM_E_MALFORMED, "npy.shape",
		                     "expected one or two dimensions, found %s",
		                     dict->dims == 0 ? "none" : "more");
	/* One dimension has but one order. */
	if (dict->fortran && dict->dims == 2) {
		rnm_error_set(err, RNM_E_MALFORMED, "npy.order",
		              "expected rows in C order, found an array in Fortran order");
		rnm_error_set_hint(err, "numpy.save(file, numpy.ascontiguousarray(array))");
		return RNM_E_MALFORMED;
	}
	*out = (struct rnm_npy){ .item_size = type[2] == '4' ? 4 : 8, .big_endian = type[0] == '>' };
	out->rows = dict->dims == 2 ? dict->shape[0] : 1;
	if (dict->shape[dict->dims - 1] > RNM_VECTOR_NUMBERS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "npy.shape",
		                     "expected at most %zu numbers in a row, found %llu",
		                     RNM_VECTOR_NUMBERS_MAX, (unsigned long long)dict->shape[dict->dims - 1]);
	out->columns = (size_t)dict->shape[dict->dims - 1];
	return RNM_OK;
}

enum rnm_status rnm_npy_header(struct rnm_npy *out, const char *data, size_t size, struct rnm_error *err)
{
	struct dict dict = { .at = data, .end = data + size };

	if (!take_dict(&dict) && !dict.record)
		return rnm_error_set(
		    err, RNM_E_MALFORMED, "npy.header",
		    "expected descr, fortran_order and shape in the header of the .npy file");
	return check(out, &dict, err);
}

/* ---- the rows ---- */

static double read_number(struct rnm_cursor *cursor, const struct rnm_npy *npy)
{
	uint64_t bits;
	double real;

	if (npy->item_size == 4) {
		uint32_t low = npy->big_endian ? rnm_cursor_be32(cursor) : rnm_cursor_le32(cursor);
		float small;

		memcpy(&small, &low, sizeof(small));
		return (double)small;
	}
	bits = npy->big_endian ? rnm_cursor_be64(cursor) : rnm_cursor_le64(cursor);
	memcpy(&real, &bits, sizeof(real));
	return real;
}

bool rnm_npy_row(const struct rnm_npy *npy, const unsigned char *data, struct rnm_numbers *numbers,
                 size_t *bad)
{
	struct rnm_cursor cursor;

	rnm_cursor_init(&cursor, data, npy->columns * npy->item_size);
	for (size_t i = 0; i < npy->columns; i++) {
		double value = read_number(&cursor, npy);

		if (!isfinite(value)) {
			*bad = i;
			return false;
		}
		rnm_numbers_add(numbers, value);
	}
	return true;
}
