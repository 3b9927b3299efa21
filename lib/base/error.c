/* SPDX-License-Identifier: Apache-2.0 */
#include <rnm/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rnm_error_clear(struct rnm_error *err)
{
	if (err == NULL)
		return;
	/* The texts are large and their tails are never read: only the first byte of each matters. */
	err->status = RNM_OK;
	err->id[0] = '\0';
	err->file[0] = '\0';
	err->line = 0;
	err->column = 0;
	err->has_column = false;
	err->offset = 0;
	err->has_offset = false;
	err->sys_errno = 0;
	err->message[0] = '\0';
	err->reference[0] = '\0';
	err->hint[0] = '\0';
}

/* Copies as much of src as fits. */
static void copy_text(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
}

static void set_head(struct rnm_error *err, enum rnm_status status, const char *id)
{
	rnm_error_clear(err);
	err->status = status;
	if (id != NULL)
		copy_text(err->id, sizeof(err->id), id);
}

enum rnm_status rnm_error_set(struct rnm_error *err, enum rnm_status status, const char *id, const char *fmt,
                              ...)
{
	if (err != NULL) {
		char text[RNM_ERROR_TEXT_MAX];
		va_list args;

		/* Formatted aside first: the arguments may point into err itself. */
		va_start(args, fmt);
		vsnprintf(text, sizeof(text), fmt, args);
		va_end(args);
		set_head(err, status, id);
		copy_text(err->message, sizeof(err->message), text);
	}
	return status;
}

enum rnm_status rnm_error_sys(struct rnm_error *err, const char *id, int errnum, const char *fmt, ...)
{
	if (err != NULL) {
		char text[RNM_ERROR_TEXT_MAX];
		char reason[256];
		va_list args;
		size_t used;

		va_start(args, fmt);
		vsnprintf(text, sizeof(text), fmt, args);
		va_end(args);
		/* The GNU strerror_r: thread-safe, and may return a constant instead of filling the buffer. */
		used = strlen(text);
		snprintf(text + used, sizeof(text) - used, ": %s",
		         strerror_r(errnum, reason, sizeof(reason)));
		set_head(err, RNM_E_IO, id);
		err->sys_errno = errnum;
		copy_text(err->message, sizeof(err->message), text);
	}
	return RNM_E_IO;
}

enum rnm_status rnm_error_nomem(struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_NOMEM, "memory", "out of memory");
}

enum rnm_status rnm_error_at_line(struct rnm_error *err, const char *file, uint32_t line)
{
	if (err == NULL)
		return RNM_E_MALFORMED;
	if (file != NULL && file != err->file)
		copy_text(err->file, sizeof(err->file), file);
	err->line = line;
	err->has_column = false;
	return err->status;
}

enum rnm_status rnm_error_at_column(struct rnm_error *err, const char *file, uint32_t line, uint32_t column)
{
	if (err == NULL)
		return RNM_E_MALFORMED;
	rnm_error_at_line(err, file, line);
	err->column = column;
	err->has_column = true;
	return err->status;
}

enum rnm_status rnm_error_at_offset(struct rnm_error *err, const char *file, uint64_t offset)
{
	if (err == NULL)
		return RNM_E_MALFORMED;
	if (file != NULL && file != err->file)
		copy_text(err->file, sizeof(err->file), file);
	err->offset = offset;
	err->has_offset = true;
	return err->status;
}

void rnm_error_set_reference(struct rnm_error *err, const char *fmt, ...)
{
	char text[RNM_ERROR_TEXT_MAX];
	va_list args;

	if (err == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	copy_text(err->reference, sizeof(err->reference), text);
}

void rnm_error_set_hint(struct rnm_error *err, const char *fmt, ...)
{
	char text[sizeof(err->hint)];
	va_list args;

	if (err == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	copy_text(err->hint, sizeof(err->hint), text);
}

static const struct {
	const char *name;
	int exit_code;
} status_table[] = {
	[RNM_OK] = { "done", 0 },
	[RNM_NO] = { "no", 1 },
	[RNM_E_USAGE] = { "usage", 2 },
	[RNM_E_MALFORMED] = { "malformed", 3 },
	[RNM_E_NOT_FOUND] = { "not-found", 4 },
	[RNM_E_IO] = { "io", 5 },
	[RNM_E_REDIS] = { "redis", 6 },
	[RNM_E_SIGNATURE] = { "signature", 7 },
	[RNM_E_REFUSED] = { "refused", 8 },
	[RNM_E_NOMEM] = { "memory", 5 },
	[RNM_E_INTERRUPTED] = { "interrupted", 130 },
};

int rnm_status_exit_code(enum rnm_status status)
{
	if ((size_t)status >= sizeof(status_table) / sizeof(status_table[0]))
		return 5;
	return status_table[status].exit_code;
}

const char *rnm_status_name(enum rnm_status status)
{
	if ((size_t)status >= sizeof(status_table) / sizeof(status_table[0]))
		return "unknown";
	return status_table[status].name;
}
