/* SPDX-License-Identifier: Apache-2.0 */
/* Names of sorted sets: taken apart and put together again; each line of the input is one text. */
#include "fuzz.h"

#include <rnm/rule.h>

#define TEXTS_MAX 8

/* What was taken apart gives the same name when put together. */
static void check_split(struct rnm_bytes name, char *global, char *const *known, size_t known_count)
{
	struct rnm_bytes prefix, settings;
	struct rnm_rule rule = { .global = global };
	char *prefix_text, *settings_text, *again;

	if (!rnm_zset_split(name, global, known, known_count, &prefix, &settings))
		return;
	FUZZ_CHECK(prefix.data >= name.data && settings.data + settings.len == name.data + name.len);
	FUZZ_CHECK(prefix.data + prefix.len < settings.data);
	prefix_text = fuzz_text(prefix.data, prefix.len);
	settings_text = fuzz_text(settings.data, settings.len);
	rule.prefix = prefix_text;
	again = rnm_rule_zset(&rule, settings_text);
	FUZZ_CHECK(again != NULL);
	if (memchr(name.data, '\0', name.len) == NULL) {
		FUZZ_CHECK(strlen(again) == name.len);
		FUZZ_CHECK(memcmp(again, name.data, name.len) == 0);
	}
	free(again);
	free(settings_text);
	free(prefix_text);
}

/* A name that was put together is taken apart into the same parts, when its prefix is known. */
static void check_join(char *global, char *prefix, const char *settings)
{
	const struct rnm_rule rule = { .global = global, .prefix = prefix };
	char *name = rnm_rule_zset(&rule, settings);
	struct rnm_bytes got_prefix, got_settings;

	FUZZ_CHECK(name != NULL);
	FUZZ_CHECK(rnm_zset_split((struct rnm_bytes){ name, strlen(name) }, global, &prefix, 1, &got_prefix,
	                          &got_settings));
	FUZZ_CHECK(got_prefix.len == strlen(prefix) && got_settings.len == strlen(settings));
	FUZZ_CHECK(memcmp(got_prefix.data, prefix, got_prefix.len) == 0);
	FUZZ_CHECK(memcmp(got_settings.data, settings, got_settings.len) == 0);
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *texts[TEXTS_MAX];
	size_t count = 0;

	while (count < TEXTS_MAX) {
		const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
		size_t len = end != NULL ? (size_t)(end - data) : size;

		texts[count++] = fuzz_text(data, len);
		data += end != NULL ? len + 1 : len;
		size -= end != NULL ? len + 1 : len;
	}
	check_split((struct rnm_bytes){ texts[0], strlen(texts[0]) }, texts[1], texts + 2, TEXTS_MAX - 2);
	check_join(texts[1], texts[2], texts[3]);
	while (count > 0)
		free(texts[--count]);
	return 0;
}
