/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: trees as text in the notation of ucl_cases.h, files in a folder of their own. */
#ifndef RNM_TESTS_UCL_TEXT_H
#define RNM_TESTS_UCL_TEXT_H

#include <rnm/buf.h>

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void put_string(struct rnm_buf *out, struct rnm_bytes text)
{
	rnm_buf_putc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '"' || c == '\\')
			rnm_buf_printf(out, "\\%c", c);
		else if (c == '\n')
			rnm_buf_puts(out, "\\n");
		else if (c == '\t')
			rnm_buf_puts(out, "\\t");
		else if ((unsigned char)c < 0x20)
			rnm_buf_printf(out, "\\u%04x", (unsigned)c);
		else
			rnm_buf_putc(out, c);
	}
	rnm_buf_putc(out, '"');
}

static inline void put_chain(struct rnm_buf *out, const struct rnm_value *head);

static inline void put_value(struct rnm_buf *out, const struct rnm_value *value)
{
	switch ((enum rnm_type)value->type) {
	case RNM_NULL:
		rnm_buf_puts(out, "null");
		break;
	case RNM_BOOL:
		rnm_buf_puts(out, value->as.boolean ? "true" : "false");
		break;
	case RNM_INT:
		rnm_buf_printf(out, "%lld", (long long)value->as.integer);
		break;
	case RNM_FLOAT:
		rnm_buf_printf(out, "%c(%.15g)", (value->flags & RNM_VALUE_TIME) != 0 ? 't' : 'f',
		               value->as.real);
		break;
	case RNM_STRING:
		put_string(out, value->as.string);
		break;
	case RNM_ARRAY:
	case RNM_OBJECT:
		rnm_buf_putc(out, value->type == RNM_ARRAY ? '[' : '{');
		for (size_t i = 0; i < rnm_value_count(value); i++) {
			const struct rnm_value *item = rnm_value_at(value, i);

			if (i > 0)
				rnm_buf_puts(out, ", ");
			if (value->type == RNM_OBJECT) {
				put_string(out, item->key);
				rnm_buf_puts(out, ": ");
			}
			put_chain(out, item);
		}
		rnm_buf_putc(out, value->type == RNM_ARRAY ? ']' : '}');
		break;
	}
}

static inline void put_chain(struct rnm_buf *out, const struct rnm_value *head)
{
	if (head->next == NULL) {
		put_value(out, head);
		return;
	}
	rnm_buf_puts(out, "\xe2\x9f\xa8");
	for (const struct rnm_value *link = head; link != NULL; link = link->next) {
		if (link != head)
			rnm_buf_puts(out, ", ");
		put_value(out, link);
	}
	rnm_buf_puts(out, "\xe2\x9f\xa9");
}

/* text with every `from` replaced by `to`; free(). */
static inline char *replace_all(const char *text, const char *from, const char *to)
{
	struct rnm_buf out;
	const char *next;

	rnm_buf_init(&out, (size_t)64 << 20);
	rnm_buf_puts(&out, "");
	while ((next = strstr(text, from)) != NULL) {
		rnm_buf_append(&out, text, (size_t)(next - text));
		rnm_buf_puts(&out, to);
		text = next + strlen(from);
	}
	rnm_buf_puts(&out, text);
	rnm_buf_putc(&out, '\0');
	return rnm_buf_steal(&out);
}

/* Writes folder/name, whose folders are made. */
static inline bool write_file(const char *folder, const char *name, const char *text, size_t len)
{
	char path[4096];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(path, 0777);
		*slash = '/';
	}
	file = fopen(path, "wb");
	if (file == NULL)
		return false;
	ok = fwrite(text, 1, len, file) == len;
	return fclose(file) == 0 && ok;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void remove_tree(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static char *folder; /* a folder for the files of one test, the working directory */

static inline int make_folder(void **state)
{
	char name[] = "/tmp/rnm-test-XXXXXX";
	char resolved[PATH_MAX];

	(void)state;
	if (mkdtemp(name) == NULL || realpath(name, resolved) == NULL || chdir(resolved) != 0)
		return -1;
	folder = strdup(resolved);
	return folder != NULL ? 0 : -1;
}

static inline int drop_folder(void **state)
{
	(void)state;
	if (chdir("/") != 0)
		return -1;
	remove_tree(folder);
	free(folder);
	return 0;
}

#endif
