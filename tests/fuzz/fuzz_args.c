/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines, one word a line, read by both parsers of the command. */
#include "fuzz.h"

#include "neural_args.h"

#define WORDS_MAX 40
#define OUT_MAX ((size_t)1 << 20)

static void check_parsed(const struct options *options)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_value *value = &options->values[i];

		FUZZ_CHECK(value->count > 0 || value->text == NULL);
		if (value->text != NULL)
			FUZZ_CHECK(strlen(value->text) < SIZE_MAX);
	}
	FUZZ_CHECK(options->var_count == options->values[OPTION_VAR].count);
	for (size_t i = 0; i < options->var_count; i++)
		FUZZ_CHECK(options->vars[i].name[0] != '\0' && options->vars[i].value != NULL);
	for (size_t i = 0; i < options->operand_count; i++)
		FUZZ_CHECK(options->operands[i] != NULL);
	FUZZ_CHECK(options->rest_count == 0 || options->verb == VERB_NEURAL_EXPORT);
}

static void parse_original(size_t argc, char **argv)
{
	static struct neural_args args; /* large */
	struct rnm_buf out;

	memset(&args, 0, sizeof(args));
	if (!neural_args_parse(&args, argc, argv))
		FUZZ_CHECK(fuzz_is_sentence(args.error, sizeof(args.error)));
	rnm_buf_init(&out, OUT_MAX);
	neural_args_usage(&out);
	neural_args_help(&out, argc > 0 ? argv[0] : "/etc/rspamd/rspamd.conf");
	rnm_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *words[WORDS_MAX + 1] = { NULL };
	struct options options;
	struct rnm_error err;
	enum rnm_status status;
	size_t count = 0;
	double number;

	while (size > 0 && count < WORDS_MAX) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end != NULL ? (size_t)(end - data) : size;

		words[count++] = fuzz_text(data, len);
		data += end != NULL ? len + 1 : len;
		size -= end != NULL ? len + 1 : len;
	}
	rnm_error_clear(&err);
	status = options_parse(&options, (int)count, words, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK)
		check_parsed(&options);
	options_free(&options);
	parse_original(count, words);
	for (size_t i = 0; i < count; i++) {
		(void)number_parse(words[i], &number);
		free(words[i]);
	}
	return 0;
}
