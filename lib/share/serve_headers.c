/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_headers.h"

#include <inttypes.h>
#include <stdio.h>

static void add(struct rnm_headers *headers, const char *name, const char *value)
{
	headers->items[headers->count].name = name;
	headers->items[headers->count++].value = value;
}

void rnm_headers_of(struct rnm_headers *headers, const struct rnm_answer *answer, int64_t now,
                    int64_t expires)
{
	const struct rnm_served *file = answer->file;

	headers->count = 0;
	rnm_http_date_write(headers->date, now);
	add(headers, "Date", headers->date);
	rnm_http_date_write(headers->expires, expires);
	add(headers, "Expires", headers->expires);
	add(headers, "ETag", file->etag);
	add(headers, "Last-Modified", file->modified_text);
	if (answer->status == 304)
		return;
	add(headers, "Accept-Ranges", "bytes");
	if (answer->status == 206) {
		snprintf(headers->range, sizeof(headers->range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
		         answer->offset, answer->offset + answer->length - 1, file->size);
		add(headers, "Content-Range", headers->range);
	}
	add(headers, "Content-Type", file->type);
}

static const char *status_line(unsigned status)
{
	switch (status) {
	case 206:
		return "HTTP/1.1 206 Partial Content\r\n";
	case 304:
		return "HTTP/1.1 304 Not Modified\r\n";
	default:
		return "HTTP/1.1 200 OK\r\n";
	}
}

void rnm_headers_write(struct rnm_buf *out, const struct rnm_headers *headers,
                       const struct rnm_answer *answer)
{
	(void)rnm_buf_puts(out, status_line(answer->status));
	for (size_t i = 0; i < headers->count; i++) {
		(void)rnm_buf_puts(out, headers->items[i].name);
		(void)rnm_buf_puts(out, ": ");
		(void)rnm_buf_puts(out, headers->items[i].value);
		(void)rnm_buf_puts(out, "\r\n");
	}
	(void)rnm_buf_printf(out, "Content-Length: %" PRIu64 "\r\nConnection: close\r\n\r\n", answer->length);
}
