/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the manual pages while rnm is built.
 * usage: rnm-docgen DATE BY_HAND OUT
 * BY_HAND is the folder of docs/man: PAGE.mdoc there holds what a table cannot know.  OUT gets one PAGE.1 for
 * the command and for each verb.
 */
#include "docgen/page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool failed(const char *path)
{
	fprintf(stderr, "rnm-docgen: %s: %s\n", path, strerror(errno));
	return false;
}

/* The whole file, behind a line break, so that a heading in the first line is found too. */
static bool read_by_hand(struct rnm_buf *out, const char *folder, const char *name)
{
	char path[4096];
	char piece[4096];
	FILE *file;
	size_t len;

	rnm_buf_init(out, PAGE_MAX);
	(void)snprintf(path, sizeof(path), "%s/%s.mdoc", folder, name);
	file = fopen(path, "r");
	if (file == NULL)
		return errno == ENOENT || failed(path);
	rnm_buf_putc(out, '\n');
	while ((len = fread(piece, 1, sizeof(piece), file)) > 0)
		rnm_buf_append(out, piece, len);
	if (ferror(file) != 0 || out->failed) {
		fclose(file);
		return failed(path);
	}
	fclose(file);
	return true;
}

static bool write_file(const struct rnm_buf *text, const char *folder, const char *name)
{
	char path[4096];
	FILE *file;
	bool written;

	(void)snprintf(path, sizeof(path), "%s/%s.1", folder, name);
	file = fopen(path, "w");
	if (file == NULL)
		return failed(path);
	written = fwrite(text->data, 1, text->len, file) == text->len;
	return (fclose(file) == 0 && written) || failed(path);
}

static bool make_page(enum verb verb, const char *date, const char *by_hand_folder, const char *out_folder)
{
	struct page page = { .verb = verb, .date = date };
	struct rnm_buf by_hand;
	struct rnm_buf name;
	bool made;

	rnm_buf_init(&name, PAGE_MAX);
	rnm_buf_init(&page.out, PAGE_MAX);
	page_name(&name, verb);
	page.name = rnm_buf_cstr(&name);
	made = read_by_hand(&by_hand, by_hand_folder, page.name);
	page.by_hand = rnm_buf_cstr(&by_hand);
	made = made && page_write(&page) && write_file(&page.out, out_folder, page.name);
	rnm_buf_free(&by_hand);
	rnm_buf_free(&page.out);
	rnm_buf_free(&name);
	return made;
}

int main(int argc, char **argv)
{
	bool made = true;

	if (argc != 4) {
		fprintf(stderr, "usage: rnm-docgen DATE BY_HAND OUT\n");
		return EXIT_FAILURE;
	}
	for (int verb = 0; made && verb <= VERB_COUNT; verb++)
		made = make_page((enum verb)verb, argv[1], argv[2], argv[3]);
	return made ? EXIT_SUCCESS : EXIT_FAILURE;
}
