/* SPDX-License-Identifier: Apache-2.0 */
#include <rnm/buf.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_LARGE ((uintptr_t)2 << 20)
#define LARGE_PAGES_FROM ((size_t)8 << 20)
#define FIRST_CAPACITY ((size_t)256)

void rnm_buf_init(struct rnm_buf *buf, size_t max)
{
	memset(buf, 0, sizeof(*buf));
	/* No object is larger than PTRDIFF_MAX; one byte is kept for the NUL. */
	buf->max = max < PTRDIFF_MAX ? max : PTRDIFF_MAX - 1;
}

void rnm_buf_init_in(struct rnm_buf *buf, char *memory, size_t size)
{
	rnm_buf_init(buf, size - 1);
	buf->data = memory;
	buf->data[0] = '\0';
	buf->cap = size;
	buf->borrowed = true;
}

void rnm_buf_free(struct rnm_buf *buf)
{
	size_t max = buf->max;

	if (buf->borrowed) {
		rnm_buf_clear(buf);
		return;
	}
	free(buf->data);
	rnm_buf_init(buf, max);
}

void rnm_buf_clear(struct rnm_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

/*
 * Asks for large pages: filling fresh memory page by page takes nearly as long as decompressing into it.
 * Only advice: a system that knows no such pages goes on as before.
 */
static void prefer_large_pages(char *data, size_t size)
{
	uintptr_t start = ((uintptr_t)data + PAGE_LARGE - 1) & ~(PAGE_LARGE - 1);
	uintptr_t end = ((uintptr_t)data + size) & ~(PAGE_LARGE - 1);

	if (size >= LARGE_PAGES_FROM && start < end)
		(void)madvise(data + (start - (uintptr_t)data), end - start, MADV_HUGEPAGE);
}

bool rnm_buf_reserve(struct rnm_buf *buf, size_t n)
{
	size_t need;
	size_t cap;
	char *grown;

	if (buf->failed || n > buf->max || buf->len > buf->max - n) {
		buf->failed = true;
		return false;
	}
	need = buf->len + n + 1;
	if (need <= buf->cap)
		return true;
	cap = buf->cap < FIRST_CAPACITY ? FIRST_CAPACITY : buf->cap;
	while (cap < need)
		cap = cap <= SIZE_MAX / 2 ? cap * 2 : need;
	if (cap > buf->max + 1)
		cap = buf->max + 1;
	grown = realloc(buf->data, cap);
	if (grown == NULL) {
		buf->failed = true;
		return false;
	}
	buf->data = grown;
	buf->cap = cap;
	prefer_large_pages(grown, cap);
	return true;
}

bool rnm_buf_append(struct rnm_buf *buf, const void *data, size_t len)
{
	if (!rnm_buf_reserve(buf, len))
		return false;
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return true;
}

bool rnm_buf_puts(struct rnm_buf *buf, const char *text)
{
	return rnm_buf_append(buf, text, strlen(text));
}

bool rnm_buf_putc(struct rnm_buf *buf, char c)
{
	return rnm_buf_append(buf, &c, 1);
}

bool rnm_buf_printf(struct rnm_buf *buf, const char *fmt, ...)
{
	const size_t room = buf->failed || buf->data == NULL ? 0 : buf->cap - buf->len;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(room > 0 ? buf->data + buf->len : NULL, room, fmt, args);
	va_end(args);
	if (len < 0 || !rnm_buf_reserve(buf, (size_t)len)) {
		if (room > 0)
			buf->data[buf->len] = '\0';
		buf->failed = true;
		return false;
	}
	/* Once more, when it did not fit. */
	if ((size_t)len >= room) {
		va_start(args, fmt);
		vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
		va_end(args);
	}
	buf->len += (size_t)len;
	return true;
}

static const char *html_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	default:
		return NULL;
	}
}

bool rnm_buf_html(struct rnm_buf *buf, const char *text)
{
	for (; *text != '\0'; text++) {
		const char *entity = html_entity(*text);
		const unsigned char c = (unsigned char)*text;

		if (entity != NULL)
			(void)rnm_buf_puts(buf, entity);
		else
			(void)rnm_buf_putc(buf, c < 0x20 || c == 0x7f ? '?' : *text);
	}
	return !buf->failed;
}

const char *rnm_buf_cstr(const struct rnm_buf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

char *rnm_buf_steal(struct rnm_buf *buf)
{
	char *data;

	/* An empty buffer has no memory yet, but its owner still expects a string. */
	if (buf->failed || buf->borrowed || !rnm_buf_reserve(buf, 0))
		return NULL;
	data = buf->data;
	data[buf->len] = '\0';
	rnm_buf_init(buf, buf->max);
	return data;
}
