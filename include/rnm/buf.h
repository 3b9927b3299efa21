/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/buf.h: a growing byte buffer that never grows past the maximum its owner gave it.
 *
 * Failure is sticky: after an append that did not fit or found no memory, `failed` is set, every
 * further append is ignored, and the caller checks once at the end.
 */
#ifndef RNM_BUF_H
#define RNM_BUF_H

#include <rnm/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rnm_buf {
	char *data; /* NUL-terminated whenever not NULL; the NUL is not counted */
	size_t len;
	size_t cap;
	size_t max; /* len never exceeds this */
	bool failed;
	bool borrowed; /* data is the caller's */
};

/* An empty buffer of at most max bytes; allocates nothing. */
RNM_API void rnm_buf_init(struct rnm_buf *buf, size_t max);
/* An empty buffer in memory of the caller's, for what must not fail: it never grows and is never stolen. */
RNM_API void rnm_buf_init_in(struct rnm_buf *buf, char *memory, size_t size);
/* Frees the memory and leaves an empty buffer with the same maximum. */
RNM_API void rnm_buf_free(struct rnm_buf *buf);
/* Forgets the content and a failure, keeps the memory. */
RNM_API void rnm_buf_clear(struct rnm_buf *buf);
/* Makes room for n more bytes.  false (and failed) when that is not possible. */
RNM_API bool rnm_buf_reserve(struct rnm_buf *buf, size_t n);
RNM_API bool rnm_buf_append(struct rnm_buf *buf, const void *data, size_t len);
RNM_API bool rnm_buf_puts(struct rnm_buf *buf, const char *text);
RNM_API bool rnm_buf_putc(struct rnm_buf *buf, char c);
RNM_API bool rnm_buf_printf(struct rnm_buf *buf, const char *fmt, ...) RNM_PRINTF(2, 3);
/* Text of others within HTML or XML: nothing in it becomes markup, and control characters become '?'. */
RNM_API bool rnm_buf_html(struct rnm_buf *buf, const char *text);
/* The content as a C string; "" for an empty buffer, never NULL.  Borrowed. */
RNM_API const char *rnm_buf_cstr(const struct rnm_buf *buf);
/* Hands the memory to the caller (free()); NULL when failed or out of memory.  The buffer becomes empty. */
RNM_API char *rnm_buf_steal(struct rnm_buf *buf);

#ifdef __cplusplus
}
#endif
#endif
