/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/vectors.h: reads vectors of numbers, one after the other, from a stream of any length.
 *
 * Three formats, told apart by the first bytes (details: docs/scoring.md):
 *   JSON lines  an array of numbers on each line, or an object with `vector` and perhaps `id`
 *   CSV         a vector on each line; commas, semicolons, tabs or blanks; a header line and a column of
 *               identifiers are recognised
 *   .npy        one or two dimensions, float32 or float64, rows in C order
 *
 * Memory is bounded by the longest line (RNM_VECTOR_LINE_MAX), never by the length of the stream.
 */
#ifndef RNM_VECTORS_H
#define RNM_VECTORS_H

#include <rnm/value.h>
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_VECTOR_NUMBERS_MAX ((size_t)1 << 20) /* numbers of one vector */
#define RNM_VECTOR_LINE_MAX ((size_t)32 << 20)   /* bytes of one line, or of one row of a .npy file */
#define RNM_VECTOR_ID_MAX ((size_t)4096)         /* bytes of an identifier */
#define RNM_VECTOR_JSON_DEPTH_MAX 64u            /* of members that are not looked at */
#define RNM_NPY_HEADER_MAX ((size_t)64 << 10)

enum rnm_vectors_format { RNM_VECTORS_AUTO, RNM_VECTORS_JSON, RNM_VECTORS_CSV, RNM_VECTORS_NPY };

enum rnm_vector_id { RNM_VECTOR_ID_NONE, RNM_VECTOR_ID_TEXT, RNM_VECTOR_ID_NUMBER };

/* One vector; all pointers are borrowed from the reader until its next call. */
struct rnm_vector {
	uint64_t line; /* counts from 1; for .npy the row */
	enum rnm_vector_id id_kind;
	struct rnm_bytes id; /* TEXT: UTF-8; NUMBER: as it was written, a JSON number */
	const double *values;
	size_t count;
};

/* Where bytes come from.  Calls happen only inside of calls of the reader. */
struct rnm_vectors_source {
	/* Up to size bytes, waiting for at least one; *got is 0 at the end only. */
	enum rnm_status (*read)(void *ctx, void *data, size_t size, size_t *got, struct rnm_error *err);
	/* Whether read would return at once.  NULL: always. */
	bool (*ready)(void *ctx);
	void (*close)(void *ctx); /* may be NULL */
	void *ctx;
	uint64_t size; /* of all of it, 0 when unknown; only for rnm_vectors_size */
};

struct rnm_vectors_options {
	enum rnm_vectors_format format;
	/*
	 * Numbers that each vector must have; 0: as many as the first one.  Others fail with "vector.length".
	 */
	size_t count;
	const char *name; /* stands in errors; NULL: none */
	const volatile sig_atomic_t
	    *cancel; /* of rnm_vectors_open: ends a wait with RNM_E_INTERRUPTED; may be NULL */
};

struct rnm_vectors;

/*
 * Opens a file, pipe or device (/dev/stdin).  options may be NULL; without a name the path stands in errors.
 * RNM_E_NOT_FOUND, RNM_E_IO ("vectors.open").
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_vectors_open(struct rnm_vectors **out, const char *path,
                                                        const struct rnm_vectors_options *options,
                                                        struct rnm_error *err);
/* The same over any source, which is closed by rnm_vectors_free, or when this fails. */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_vectors_new(struct rnm_vectors **out,
                                                       const struct rnm_vectors_source *source,
                                                       const struct rnm_vectors_options *options,
                                                       struct rnm_error *err);
RNM_API void rnm_vectors_free(struct rnm_vectors *vectors);

/*
 * The next vector; *out is NULL at the end.  RNM_E_MALFORMED, with the line (in .npy files the sentence names
 * the row), and the ids
 *   "vector.json", "vector.csv", "vector.id"  the line is no vector
 *   "vector.length"       not the expected count of numbers
 *   "vector.non-finite"   NaN, an infinity, or a number that no double can hold
 *   "vector.line-length"  the line is longer than the limit
 * concern one vector: the next call goes on behind it.  After everything else (input that is compressed,
 * "vector.compressed"; a .npy file that is damaged or of another kind, "npy.*"; RNM_E_IO, RNM_E_NOMEM,
 * RNM_E_INTERRUPTED) rnm_vectors_broken is true and every call fails in the same way.
 */
RNM_API RNM_MUST_CHECK enum rnm_status rnm_vectors_next(struct rnm_vectors *vectors,
                                                        const struct rnm_vector **out, struct rnm_error *err);
RNM_API bool rnm_vectors_broken(const struct rnm_vectors *vectors);

/*
 * Whether rnm_vectors_next would return without waiting for input.  A program that collects vectors should
 * answer those that it has when this says no.
 */
RNM_API bool rnm_vectors_ready(struct rnm_vectors *vectors);

/* AUTO before the first bytes have been seen. */
RNM_API enum rnm_vectors_format rnm_vectors_kind(const struct rnm_vectors *vectors);
/* Bytes taken so far, and the size of the file, 0 when it has none; for progress. */
RNM_API uint64_t rnm_vectors_offset(const struct rnm_vectors *vectors);
RNM_API uint64_t rnm_vectors_size(const struct rnm_vectors *vectors);

#ifdef __cplusplus
}
#endif
#endif
