/* SPDX-License-Identifier: Apache-2.0 */
/* What the three formats of vectors share.  The reader itself is public: rnm/vectors.h. */
#ifndef RNM_FORMAT_VECTORS_H
#define RNM_FORMAT_VECTORS_H

#include <rnm/buf.h>
#include <rnm/vectors.h>

/* The numbers of one vector as they are found: all are counted, room of them are kept. */
struct rnm_numbers {
	double *values;
	size_t cap;
	size_t room; /* cap grows up to this */
	size_t count;
	bool failed; /* out of memory */
};

void rnm_numbers_grow(struct rnm_numbers *numbers);

static inline void rnm_numbers_add(struct rnm_numbers *numbers, double value)
{
	if (numbers->count == numbers->cap && numbers->cap < numbers->room)
		rnm_numbers_grow(numbers);
	if (numbers->count < numbers->cap)
		numbers->values[numbers->count] = value;
	numbers->count++;
}

/* An error about one vector, at a place of its line. */
enum rnm_status rnm_vector_error(struct rnm_error *err, const char *id, size_t column, const char *fmt, ...)
    RNM_PRINTF(4, 5);
/* "expected a finite number as component 3, found NaN"; text is what stands there. */
enum rnm_status rnm_vector_not_finite(struct rnm_error *err, size_t column, size_t component,
                                      struct rnm_bytes text);
/* What stands at a place of a line, for a sentence: "'x'", "byte 0x07", "the end of the line". */
#define RNM_VECTOR_FOUND_MAX 64
const char *rnm_vector_found(char text[RNM_VECTOR_FOUND_MAX], const char *at, const char *end);
/* Whether text is nan or inf in one of the ways in which programs write them. */
bool rnm_vector_is_non_finite(struct rnm_bytes text);

/* ---- JSON lines ---- */

/* One line, without its end.  id is cleared before; *id_kind says whether there was one. */
RNM_MUST_CHECK enum rnm_status rnm_vector_json(const char *line, const char *end, struct rnm_numbers *numbers,
                                               struct rnm_buf *id, enum rnm_vector_id *id_kind,
                                               struct rnm_error *err);

/* ---- CSV ---- */

#define RNM_CSV_NO_COLUMN SIZE_MAX

struct rnm_csv {
	bool begun;
	char separator;   /* ' ' stands for any run of blanks */
	bool id_decided;  /* by a header with a name for it, or by the first line of numbers */
	size_t id_column; /* RNM_CSV_NO_COLUMN: none */
	size_t header_fields;
};

/* Looks at the first line: finds the separator, and says whether the line is a header. */
bool rnm_csv_begin(struct rnm_csv *csv, const char *line, const char *end);
RNM_MUST_CHECK enum rnm_status rnm_vector_csv(struct rnm_csv *csv, const char *line, const char *end,
                                              struct rnm_numbers *numbers, struct rnm_buf *id,
                                              enum rnm_vector_id *id_kind, struct rnm_error *err);
/* Numbers joined by one separator, as rspamd stores vectors: no identifier, no quotes. */
RNM_MUST_CHECK enum rnm_status rnm_numbers_joined(const char *text, const char *end, char separator,
                                                  struct rnm_numbers *numbers, struct rnm_error *err);

/* ---- .npy ---- */

#define RNM_NPY_MAGIC "\x93NUMPY"
#define RNM_NPY_MAGIC_LEN 6u
/* Magic, version and the longer form of the header's length. */
#define RNM_NPY_PREFIX_MAX 12u

struct rnm_npy {
	unsigned item_size; /* 4 or 8 */
	bool big_endian;
	uint64_t rows;
	size_t columns;
};

/*
 * How long the prefix and the header that follows it are, from the first RNM_NPY_PREFIX_MAX bytes.
 * RNM_E_MALFORMED "npy.version", "npy.header".
 */
RNM_MUST_CHECK enum rnm_status rnm_npy_header_size(const unsigned char *prefix, size_t len, size_t *size,
                                                   struct rnm_error *err);
/* RNM_E_MALFORMED "npy.header", "npy.type", "npy.order", "npy.shape". */
RNM_MUST_CHECK enum rnm_status rnm_npy_header(struct rnm_npy *out, const char *data, size_t size,
                                              struct rnm_error *err);
/* One row; false with the index of the first number that is not finite. */
bool rnm_npy_row(const struct rnm_npy *npy, const unsigned char *data, struct rnm_numbers *numbers,
                 size_t *bad);

#endif
