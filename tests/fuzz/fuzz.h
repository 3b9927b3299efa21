/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all fuzz targets share.  A target is one function, called by libFuzzer (tests/fuzz/run) or by
 * driver.c, which replays the stored inputs in `make test`.
 */
#ifndef RNM_TESTS_FUZZ_H
#define RNM_TESTS_FUZZ_H

#include <rnm/value.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input; in the build without sanitizers too. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_failed(#condition, __FILE__, (unsigned)__LINE__))

static inline void fuzz_failed(const char *condition, const char *file, unsigned line)
{
	fprintf(stderr, "%s:%u: the property does not hold: %s\n", file, line, condition);
	abort();
}

/* Memory of exactly this size, so that AddressSanitizer sees the first byte read past it; free(). */
static inline char *fuzz_copy(const void *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);

	FUZZ_CHECK(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

/* The same as a C string: what follows a NUL is not seen by functions that take one. */
static inline char *fuzz_text(const void *data, size_t size)
{
	char *copy = malloc(size + 1);

	FUZZ_CHECK(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

/* The next byte of the input, as a choice of the target; 0 at the end. */
static inline uint8_t fuzz_byte(const uint8_t **data, size_t *size)
{
	if (*size == 0)
		return 0;
	(*size)--;
	return *(*data)++;
}

/* There is a text and it ends.  What it quotes of others may hold anything: the command escapes it. */
static inline bool fuzz_is_sentence(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	return len > 0 && len < room;
}

/* An error says what it is.  A caller prints all of it. */
static inline void fuzz_check_error(enum rnm_status status, const struct rnm_error *err)
{
	if (status == RNM_OK)
		return;
	FUZZ_CHECK(err->status == status);
	FUZZ_CHECK(fuzz_is_sentence(err->message, sizeof(err->message)));
	FUZZ_CHECK(strnlen(err->id, sizeof(err->id)) < sizeof(err->id));
	FUZZ_CHECK(strnlen(err->file, sizeof(err->file)) < sizeof(err->file));
	FUZZ_CHECK(strnlen(err->reference, sizeof(err->reference)) < sizeof(err->reference));
	FUZZ_CHECK(strnlen(err->hint, sizeof(err->hint)) < sizeof(err->hint));
}

/* Reads every byte of a tree, so that one that lies outside of memory is noticed. */
static inline uint64_t fuzz_walk(const struct rnm_value *value)
{
	uint64_t sum = 0;

	for (; value != NULL; value = value->next) {
		for (size_t i = 0; i < value->key.len; i++)
			sum += (unsigned char)value->key.data[i];
		if (value->type == RNM_STRING) {
			FUZZ_CHECK(value->as.string.data[value->as.string.len] == '\0');
			for (size_t i = 0; i < value->as.string.len; i++)
				sum += (unsigned char)value->as.string.data[i];
		}
		if (value->file != NULL)
			sum += strlen(value->file);
		for (size_t i = 0; i < rnm_value_count(value); i++)
			sum += fuzz_walk(rnm_value_at(value, i));
	}
	return sum;
}

/* ---- several files in one input ------------------------------------------------------------------ */

#define FUZZ_FILES_MAX 16
#define FUZZ_FILE_MARK "\n=== "

struct fuzz_file {
	char name[64];
	char *text; /* exactly len bytes */
	size_t len;
};

struct fuzz_files {
	struct fuzz_file items[FUZZ_FILES_MAX]; /* the first one has the name "main.conf" */
	size_t count;
};

/* Each file begins with a line "=== NAME" but the first, which has no such line. */
static inline void fuzz_files_split(struct fuzz_files *files, const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	const char *name = "main.conf";
	size_t name_len = strlen(name);

	files->count = 0;
	while (files->count < FUZZ_FILES_MAX) {
		struct fuzz_file *file = &files->items[files->count++];
		const char *mark = memmem(at, (size_t)(end - at), FUZZ_FILE_MARK, strlen(FUZZ_FILE_MARK));
		const char *line_end;

		snprintf(file->name, sizeof(file->name), "%.*s", (int)(name_len < 60 ? name_len : 60), name);
		file->len = (size_t)((mark != NULL ? mark + 1 : end) - at);
		file->text = fuzz_copy(at, file->len);
		if (mark == NULL)
			return;
		name = mark + strlen(FUZZ_FILE_MARK);
		line_end = memchr(name, '\n', (size_t)(end - name));
		if (line_end == NULL)
			return;
		name_len = (size_t)(line_end - name);
		at = line_end + 1;
	}
}

static inline void fuzz_files_free(struct fuzz_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->items[i].text);
	files->count = 0;
}

#endif
