/* SPDX-License-Identifier: Apache-2.0 */
/* What the formats of vectors share: the numbers of one, and words for what is wrong with it. */
#include "format/vectors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Characters of the input that a message shows. */
#define SHOWN_MAX 32

void rnm_numbers_grow(struct rnm_numbers *numbers)
{
	size_t cap = numbers->cap == 0 ? 512 : numbers->cap * 2;
	double *grown;

	if (cap > numbers->room)
		cap = numbers->room;
	grown = realloc(numbers->values, cap * sizeof(*grown));
	if (grown == NULL) {
		numbers->failed = true;
		return;
	}
	numbers->values = grown;
	numbers->cap = cap;
}

enum rnm_status rnm_vector_error(struct rnm_error *err, const char *id, size_t column, const char *fmt, ...)
{
	char text[RNM_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	rnm_error_set(err, RNM_E_MALFORMED, id, "%s", text);
	return rnm_error_at_column(err, NULL, 0, column < UINT32_MAX ? (uint32_t)column : UINT32_MAX);
}

enum rnm_status rnm_vector_not_finite(struct rnm_error *err, size_t column, size_t component,
                                      struct rnm_bytes text)
{
	return rnm_vector_error(err, "vector.non-finite", column,
	                        "expected a finite number as component %zu, found %.*s", component,
	                        (int)(text.len < SHOWN_MAX ? text.len : SHOWN_MAX), text.data);
}

const char *rnm_vector_found(char text[RNM_VECTOR_FOUND_MAX], const char *at, const char *end)
{
	if (at == end)
		return "the end of the line";
	if (*at > ' ' && *at <= '~')
		snprintf(text, RNM_VECTOR_FOUND_MAX, "'%c'", *at);
	else
		snprintf(text, RNM_VECTOR_FOUND_MAX, "byte 0x%02x", (unsigned)(unsigned char)*at);
	return text;
}

bool rnm_vector_is_non_finite(struct rnm_bytes text)
{
	static const char *const names[] = { "nan", "inf", "infinity" };

	if (text.len > 0 && (*text.data == '-' || *text.data == '+')) {
		text.data++;
		text.len--;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text.len == strlen(names[i]) && strncasecmp(text.data, names[i], text.len) == 0)
			return true;
	}
	return false;
}
