/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines of bash, and candidates quoted for them.  The first line of the input is a command line,
 * whose end readline would replace from wherever it likes; the second one is a candidate.
 */
#include "fuzz.h"

#include "complete.h"

#define OUT_MAX ((size_t)1 << 20)

static void read_anywhere(const char *line)
{
	size_t len = strlen(line);

	for (size_t cut = 0; cut <= len && cut < 64; cut++) {
		struct bash_line read;

		if (bash_line_read(&read, line, line + len - cut)) {
			FUZZ_CHECK(read.count > 0);
			FUZZ_CHECK(read.kept <= strlen(read.words[read.count - 1]));
		}
		bash_line_free(&read);
	}
}

/* What is inserted behind an open quote, or none, must be read as the candidate. */
static void insert(const char *candidate, const char *start)
{
	struct completion completion = { .kind = COMPLETION_WORDS };
	struct bash_line line;
	struct rnm_buf out;
	struct rnm_buf whole;
	const char *inserted;

	rnm_buf_init(&completion.lines, OUT_MAX);
	rnm_buf_printf(&completion.lines, "%s\tdescription\n", candidate);
	rnm_buf_init(&out, OUT_MAX);
	rnm_buf_init(&whole, OUT_MAX);
	FUZZ_CHECK(bash_line_read(&line, start, ""));
	completion_print_bash(&completion, &line, &out);
	bash_line_free(&line);
	inserted = strchr(rnm_buf_cstr(&out), '\n') + 1;
	rnm_buf_printf(&whole, "%s%.*s", start, (int)strcspn(inserted, "\n"), inserted);
	FUZZ_CHECK(bash_line_read(&line, rnm_buf_cstr(&whole), ""));
	FUZZ_CHECK(line.count == 2);
	FUZZ_CHECK(strcmp(line.words[1], candidate) == 0);
	bash_line_free(&line);
	rnm_buf_free(&completion.lines);
	rnm_buf_free(&out);
	rnm_buf_free(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t len = end != NULL ? (size_t)(end - data) : size;
	char *line = fuzz_text(data, len);
	char *candidate = fuzz_text(end != NULL ? end + 1 : data, end != NULL ? size - len - 1 : size);

	read_anywhere(line);
	/* completion_add lets no character pass that no terminal shows. */
	if (candidate[0] != '\0' && strpbrk(candidate, "\t\n") == NULL) {
		insert(candidate, "rnm ");
		insert(candidate, "rnm \"");
		insert(candidate, "rnm '");
	}
	free(candidate);
	free(line);
	return 0;
}
