/* SPDX-License-Identifier: Apache-2.0 */
/* The stream: bytes into a bounded window, lines or rows out of it, one vector at a time. */
#include "format/vectors.h"
#include "format/zstd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_START ((size_t)256 << 10)
#define GZIP_MAGIC "\x1f\x8b"
#define UTF8_BOM "\xef\xbb\xbf"
/* As much of the input as the format is told from. */
#define SNIFF_LEN 6u

struct rnm_vectors {
	struct rnm_vectors_source source;
	enum rnm_vectors_format format;
	char name[RNM_ERROR_FILE_MAX];
	size_t expected; /* numbers of a vector; 0 until known */

	char *window; /* bytes [start, end) wait to be taken */
	size_t cap, start, end;
	size_t searched; /* bytes behind start that hold no end of a line */
	bool ended;      /* the source has nothing more */
	bool begun;      /* the format is known, and what precedes the vectors has been taken */
	uint64_t taken;  /* bytes before start */
	uint64_t line;   /* of the line, or row, taken last */
	bool in_long_line;

	struct rnm_csv csv;
	struct rnm_npy npy;
	struct rnm_numbers numbers;
	struct rnm_buf id;
	char id_memory[RNM_VECTOR_ID_MAX + 1];
	struct rnm_vector vector;

	bool broken;
	struct rnm_error failure; /* what every call returns from then on */
};

/* ---- the window ---- */

/* Reads more; when the window is full it is moved together, or made larger. */
static enum rnm_status fill(struct rnm_vectors *vectors, struct rnm_error *err)
{
	size_t got = 0;
	enum rnm_status status;

	if (vectors->end == vectors->cap && vectors->start > 0) {
		memmove(vectors->window, vectors->window + vectors->start, vectors->end - vectors->start);
		vectors->end -= vectors->start;
		vectors->start = 0;
	}
	if (vectors->end == vectors->cap) {
		size_t cap = vectors->cap == 0 ? WINDOW_START : vectors->cap * 2;
		char *grown = realloc(vectors->window, cap);

		if (grown == NULL)
			return rnm_error_nomem(err);
		vectors->window = grown;
		vectors->cap = cap;
	}
	status = vectors->source.read(vectors->source.ctx, vectors->window + vectors->end,
	                              vectors->cap - vectors->end, &got, err);
	if (status != RNM_OK)
		return status;
	vectors->ended = got == 0;
	vectors->end += got;
	return RNM_OK;
}

static size_t waiting(const struct rnm_vectors *vectors)
{
	return vectors->end - vectors->start;
}

static void drop(struct rnm_vectors *vectors, size_t len)
{
	vectors->start += len;
	vectors->taken += len;
	vectors->searched = 0;
}

/* ---- lines ---- */

struct line {
	const char *text;
	size_t len;
	bool whole; /* false: there may be more of it to come */
};

/* What is there of the line that begins at the window's start; it is not taken. */
static struct line peek_line(struct rnm_vectors *vectors)
{
	struct line line = { .len = waiting(vectors), .whole = vectors->ended };
	const char *stop;

	if (line.len == 0)
		return line;
	line.text = vectors->window + vectors->start;
	stop = memchr(line.text + vectors->searched, '\n', line.len - vectors->searched);
	if (stop != NULL) {
		line.len = (size_t)(stop - line.text);
		line.whole = true;
	} else {
		vectors->searched = line.len;
	}
	return line;
}

static void take_line(struct rnm_vectors *vectors, const struct line *line)
{
	size_t with_end = line->len < waiting(vectors) ? line->len + 1 : line->len;

	drop(vectors, with_end);
	vectors->line++;
}

/* Nothing to read: an empty line, or in CSV a comment as numpy.savetxt writes them. */
static bool says_nothing(const struct rnm_vectors *vectors, const struct line *line)
{
	for (size_t i = 0; i < line->len; i++) {
		if (vectors->format == RNM_VECTORS_CSV && line->text[i] == '#')
			return true;
		if (line->text[i] != ' ' && line->text[i] != '\t' && line->text[i] != '\r')
			return false;
	}
	return true;
}

/* Drops what is there of a line that was too long; false when there may be more of it to come. */
static bool skip_long_line(struct rnm_vectors *vectors)
{
	const struct line line = peek_line(vectors);

	drop(vectors, line.len < waiting(vectors) ? line.len + 1 : line.len);
	vectors->in_long_line = !line.whole;
	return line.whole;
}

/* Takes the lines that are there whole and say nothing; true when one is left that is whole and does. */
static bool skip_to_vector(struct rnm_vectors *vectors)
{
	if (vectors->in_long_line && !skip_long_line(vectors))
		return false;
	for (;;) {
		struct line line = peek_line(vectors);

		if (!line.whole || line.len > RNM_VECTOR_LINE_MAX)
			return line.whole && line.text != NULL;
		if (line.text == NULL)
			return false;
		if (!says_nothing(vectors, &line))
			return true;
		take_line(vectors, &line);
	}
}

/* Said as soon as it is known: the line may have no end.  What is left of it is dropped by the next call. */
static enum rnm_status refuse_long_line(struct rnm_vectors *vectors, struct rnm_error *err)
{
	vectors->line++;
	vectors->in_long_line = true;
	return rnm_error_set(err, RNM_E_MALFORMED, "vector.line-length",
	                     "expected a line of at most %zu bytes", RNM_VECTOR_LINE_MAX);
}

/* The count is learnt from the first vector when nobody has said it. */
static enum rnm_status check_count(struct rnm_vectors *vectors, struct rnm_error *err)
{
	const struct rnm_numbers *numbers = &vectors->numbers;

	if (numbers->failed)
		return rnm_error_nomem(err);
	if (vectors->expected == 0 && numbers->count > 0 && numbers->count <= RNM_VECTOR_NUMBERS_MAX)
		vectors->expected = numbers->count;
	if (vectors->expected == 0)
		return rnm_error_set(err, RNM_E_MALFORMED, "vector.length",
		                     "expected 1 to %zu numbers, found %zu", RNM_VECTOR_NUMBERS_MAX,
		                     numbers->count);
	if (numbers->count == vectors->expected)
		return RNM_OK;
	rnm_error_set(err, RNM_E_MALFORMED, "vector.length", "expected %zu numbers, found %zu",
	              vectors->expected, numbers->count);
	if (vectors->format == RNM_VECTORS_CSV && numbers->count == vectors->expected + 1 &&
	    vectors->csv.id_column == RNM_CSV_NO_COLUMN)
		rnm_error_set_hint(err, "a column of identifiers that are numbers needs a header line that "
		                        "calls it id");
	return RNM_E_MALFORMED;
}

/* A header has a name for each number, and perhaps one for the identifiers. */
static enum rnm_status check_header(const struct rnm_vectors *vectors, struct rnm_error *err)
{
	const struct rnm_csv *csv = &vectors->csv;
	const size_t names =
	    csv->id_column != RNM_CSV_NO_COLUMN ? csv->header_fields - 1 : csv->header_fields;

	if (vectors->expected == 0 || names == vectors->expected ||
	    (names == vectors->expected + 1 && csv->id_column == RNM_CSV_NO_COLUMN))
		return RNM_OK;
	return rnm_error_set(err, RNM_E_MALFORMED, "vector.length",
	                     "expected %zu numbers, or a header with as many names, found one with %zu",
	                     vectors->expected, names);
}

static enum rnm_status next_line(struct rnm_vectors *vectors, const struct rnm_vector **out,
                                 struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	struct line line;
	const char *end;

	while (!skip_to_vector(vectors) && !vectors->ended) {
		if (waiting(vectors) > RNM_VECTOR_LINE_MAX)
			return refuse_long_line(vectors, err);
		status = fill(vectors, err);
		if (status != RNM_OK)
			return status;
	}
	line = peek_line(vectors);
	if (line.text == NULL) {
		*out = NULL;
		return RNM_OK;
	}
	if (line.len > RNM_VECTOR_LINE_MAX)
		return refuse_long_line(vectors, err);
	take_line(vectors, &line);
	end = line.text + line.len;
	vectors->numbers.room = vectors->expected != 0 ? vectors->expected : RNM_VECTOR_NUMBERS_MAX;
	if (vectors->format == RNM_VECTORS_JSON) {
		status = rnm_vector_json(line.text, end, &vectors->numbers, &vectors->id,
		                         &vectors->vector.id_kind, err);
	} else {
		if (!vectors->csv.begun && rnm_csv_begin(&vectors->csv, line.text, end)) {
			status = check_header(vectors, err);
			return status == RNM_OK ? next_line(vectors, out, err) : status;
		}
		status = rnm_vector_csv(&vectors->csv, line.text, end, &vectors->numbers, &vectors->id,
		                        &vectors->vector.id_kind, err);
	}
	return status == RNM_OK ? check_count(vectors, err) : status;
}

/* ---- rows ---- */

/* Waits until len bytes are there; fewer at the end of the input. */
static enum rnm_status want(struct rnm_vectors *vectors, size_t len, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	while (status == RNM_OK && !vectors->ended && waiting(vectors) < len)
		status = fill(vectors, err);
	return status;
}

static size_t row_size(const struct rnm_vectors *vectors)
{
	return vectors->npy.columns * vectors->npy.item_size;
}

static enum rnm_status begin_rows(struct rnm_vectors *vectors, struct rnm_error *err)
{
	unsigned char prefix[RNM_NPY_PREFIX_MAX];
	size_t size = 0, len, head;
	enum rnm_status status = want(vectors, sizeof(prefix), err);

	if (status != RNM_OK)
		return status;
	len = waiting(vectors) < sizeof(prefix) ? waiting(vectors) : sizeof(prefix);
	if (len > 0)
		memcpy(prefix, vectors->window + vectors->start, len);
	if (len < RNM_NPY_MAGIC_LEN || memcmp(prefix, RNM_NPY_MAGIC, RNM_NPY_MAGIC_LEN) != 0)
		return rnm_error_set(err, RNM_E_MALFORMED, "npy.header",
		                     "expected a .npy file, found another");
	status = rnm_npy_header_size(prefix, len, &size, err);
	if (status == RNM_OK)
		status = want(vectors, size, err);
	if (status != RNM_OK)
		return status;
	if (waiting(vectors) < size)
		return rnm_error_set(err, RNM_E_MALFORMED, "npy.header",
		                     "expected the header of a .npy file, found its end");
	/* Version 1 has a length of two bytes, the others one of four. */
	head = RNM_NPY_PREFIX_MAX - (prefix[RNM_NPY_MAGIC_LEN] == 1 ? 2 : 0);
	status = rnm_npy_header(&vectors->npy, vectors->window + vectors->start + head, size - head, err);
	drop(vectors, size);
	if (status != RNM_OK)
		return status;
	vectors->line = 0; /* of rows, from here on */
	vectors->numbers.count = vectors->npy.columns;
	vectors->numbers.room = vectors->npy.columns;
	return vectors->npy.rows > 0 ? check_count(vectors, err) : RNM_OK;
}

static enum rnm_status next_row(struct rnm_vectors *vectors, const struct rnm_vector **out,
                                struct rnm_error *err)
{
	const size_t size = row_size(vectors);
	enum rnm_status status;
	size_t bad = 0;
	bool good;

	if (vectors->line == vectors->npy.rows) {
		status = want(vectors, 1, err);
		if (status == RNM_OK && waiting(vectors) > 0)
			status = rnm_error_set(err, RNM_E_MALFORMED, "npy.length",
			                       "expected the end of the file behind row %llu, found more",
			                       (unsigned long long)vectors->line);
		vectors->broken = status != RNM_OK;
		*out = NULL;
		return status;
	}
	status = want(vectors, size, err);
	if (status == RNM_OK && waiting(vectors) < size) {
		vectors->broken = true;
		status =
		    rnm_error_set(err, RNM_E_MALFORMED, "npy.length",
		                  "expected %llu rows of %zu numbers, found the end of the file in row %llu",
		                  (unsigned long long)vectors->npy.rows, vectors->npy.columns,
		                  (unsigned long long)vectors->line + 1);
	}
	if (status != RNM_OK)
		return status;
	good = rnm_npy_row(&vectors->npy, (const unsigned char *)vectors->window + vectors->start,
	                   &vectors->numbers, &bad);
	drop(vectors, size);
	vectors->line++;
	if (!good)
		return rnm_error_set(err, RNM_E_MALFORMED, "vector.non-finite",
		                     "row %llu: expected a finite number as component %zu",
		                     (unsigned long long)vectors->line, bad);
	return check_count(vectors, err);
}

/* ---- the reader ---- */

static enum rnm_status refuse_compressed(const struct rnm_vectors *vectors, struct rnm_error *err)
{
	const char *window = vectors->window + vectors->start;
	size_t len = waiting(vectors);
	bool zstd = rnm_zstd_is_frame(window, len);

	if (!zstd && (len < 2 || memcmp(window, GZIP_MAGIC, 2) != 0))
		return RNM_OK;
	rnm_error_set(err, RNM_E_MALFORMED, "vector.compressed",
	              "expected JSON lines, CSV or .npy, found compressed data");
	rnm_error_set_hint(err, "expand it on the way: %s -dc FILE | ...", zstd ? "zstd" : "gzip");
	return RNM_E_MALFORMED;
}

/* From the first character that is no blank. */
static enum rnm_vectors_format sniff(const struct rnm_vectors *vectors)
{
	const char *window = vectors->window + vectors->start;
	size_t len = waiting(vectors);
	size_t i = 0;

	if (len >= RNM_NPY_MAGIC_LEN && memcmp(window, RNM_NPY_MAGIC, RNM_NPY_MAGIC_LEN) == 0)
		return RNM_VECTORS_NPY;
	while (i < len && strchr(" \t\r\n", window[i]) != NULL && window[i] != '\0')
		i++;
	return i < len && (window[i] == '[' || window[i] == '{') ? RNM_VECTORS_JSON : RNM_VECTORS_CSV;
}

/*
 * Takes empty lines, and waits for enough to tell the format from; a whole short line is enough: whoever typed
 * it waits for the answer.
 */
static enum rnm_status want_start(struct rnm_vectors *vectors, struct rnm_error *err)
{
	for (;;) {
		struct line line = peek_line(vectors);
		bool empty = says_nothing(vectors, &line) && line.len <= RNM_VECTOR_LINE_MAX;
		enum rnm_status status;

		if (vectors->ended || (!empty && (line.whole || line.len >= SNIFF_LEN)))
			return RNM_OK;
		if (line.whole) {
			take_line(vectors, &line);
			continue;
		}
		status = fill(vectors, err);
		if (status != RNM_OK)
			return status;
	}
}

static enum rnm_status begin(struct rnm_vectors *vectors, struct rnm_error *err)
{
	enum rnm_status status = want_start(vectors, err);
	const size_t bom = strlen(UTF8_BOM);

	if (status != RNM_OK)
		return status;
	if (waiting(vectors) >= bom && memcmp(vectors->window + vectors->start, UTF8_BOM, bom) == 0) {
		drop(vectors, bom);
		status = want_start(vectors, err);
	}
	if (status == RNM_OK && waiting(vectors) > 0)
		status = refuse_compressed(vectors, err);
	if (status != RNM_OK)
		return status;
	if (vectors->format == RNM_VECTORS_AUTO)
		vectors->format = waiting(vectors) > 0 ? sniff(vectors) : RNM_VECTORS_CSV;
	if (vectors->format == RNM_VECTORS_NPY)
		status = begin_rows(vectors, err);
	vectors->begun = status == RNM_OK;
	return status;
}

/* Says where, and keeps what ends the stream. */
static enum rnm_status fail(struct rnm_vectors *vectors, enum rnm_status status, struct rnm_error *err)
{
	uint32_t line = vectors->line < UINT32_MAX ? (uint32_t)vectors->line : UINT32_MAX;

	if (status != RNM_E_MALFORMED || !vectors->begun)
		vectors->broken = true;
	if (vectors->format == RNM_VECTORS_NPY || vectors->broken)
		line = 0;
	if (err->has_column)
		rnm_error_at_column(err, vectors->name, line, err->column);
	else if (err->file[0] == '\0')
		rnm_error_at_line(err, vectors->name, line);
	if (vectors->broken)
		vectors->failure = *err;
	return status;
}

enum rnm_status rnm_vectors_next(struct rnm_vectors *vectors, const struct rnm_vector **out,
                                 struct rnm_error *err)
{
	struct rnm_error unused = { .status = RNM_OK };
	enum rnm_status status = RNM_OK;

	err = err != NULL ? err : &unused;
	if (vectors->broken) {
		*err = vectors->failure;
		return err->status;
	}
	rnm_buf_clear(&vectors->id);
	vectors->vector.id_kind = RNM_VECTOR_ID_NONE;
	*out = &vectors->vector;
	if (!vectors->begun)
		status = begin(vectors, err);
	vectors->numbers.count = 0;
	if (status == RNM_OK)
		status = vectors->format == RNM_VECTORS_NPY ? next_row(vectors, out, err)
		                                            : next_line(vectors, out, err);
	if (status != RNM_OK)
		return fail(vectors, status, err);
	vectors->vector.line = vectors->line;
	vectors->vector.id = (struct rnm_bytes){ rnm_buf_cstr(&vectors->id), vectors->id.len };
	vectors->vector.values = vectors->numbers.values;
	vectors->vector.count = vectors->numbers.count;
	return RNM_OK;
}

bool rnm_vectors_broken(const struct rnm_vectors *vectors)
{
	return vectors->broken;
}

/* Whether a vector, the end or an error can be told from what is in the window. */
static bool have_next(struct rnm_vectors *vectors)
{
	if (vectors->broken || vectors->ended)
		return true;
	if (!vectors->begun)
		return false;
	if (vectors->format == RNM_VECTORS_NPY)
		return waiting(vectors) >= (vectors->line < vectors->npy.rows ? row_size(vectors) : 1);
	return skip_to_vector(vectors) || waiting(vectors) > RNM_VECTOR_LINE_MAX;
}

bool rnm_vectors_ready(struct rnm_vectors *vectors)
{
	struct rnm_error err;

	while (!have_next(vectors)) {
		if (vectors->source.ready == NULL)
			return true;
		if (!vectors->source.ready(vectors->source.ctx))
			return false;
		/* Before the format is known nothing can be pending that an answer would be owed for. */
		if (!vectors->begun)
			return true;
		rnm_error_clear(&err);
		if (fill(vectors, &err) != RNM_OK) {
			vectors->broken = true;
			(void)fail(vectors, err.status, &err);
		}
	}
	return true;
}

enum rnm_vectors_format rnm_vectors_kind(const struct rnm_vectors *vectors)
{
	return vectors->format;
}

uint64_t rnm_vectors_offset(const struct rnm_vectors *vectors)
{
	return vectors->taken;
}

uint64_t rnm_vectors_size(const struct rnm_vectors *vectors)
{
	return vectors->source.size;
}

enum rnm_status rnm_vectors_new(struct rnm_vectors **out, const struct rnm_vectors_source *source,
                                const struct rnm_vectors_options *options, struct rnm_error *err)
{
	struct rnm_vectors *vectors = calloc(1, sizeof(*vectors));

	if (vectors == NULL) {
		if (source->close != NULL)
			source->close(source->ctx);
		return rnm_error_nomem(err);
	}
	vectors->source = *source;
	rnm_buf_init_in(&vectors->id, vectors->id_memory, sizeof(vectors->id_memory));
	if (options != NULL) {
		vectors->format = options->format;
		vectors->expected = options->count;
		snprintf(vectors->name, sizeof(vectors->name), "%s",
		         options->name != NULL ? options->name : "");
	}
	*out = vectors;
	return RNM_OK;
}

void rnm_vectors_free(struct rnm_vectors *vectors)
{
	if (vectors == NULL)
		return;
	if (vectors->source.close != NULL)
		vectors->source.close(vectors->source.ctx);
	free(vectors->window);
	free(vectors->numbers.values);
	free(vectors);
}
