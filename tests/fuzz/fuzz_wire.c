/* SPDX-License-Identifier: Apache-2.0 */
/* An answer on the wire is the same however its bytes are cut into pieces, and keeps its bounds. */
#include "fuzz.h"

#include "share/wire_answer.h"

#define BODY_MAX 4096

static void feed(struct rnm_wire_answer *answer, const char *data, size_t size, size_t piece, bool to_head,
                 bool open)
{
	rnm_wire_answer_init(answer, to_head, BODY_MAX);
	for (size_t at = 0; at < size; at += piece)
		(void)rnm_wire_answer_feed(answer, data + at, size - at < piece ? size - at : piece);
	if (!open)
		rnm_wire_answer_end(answer);
}

static void check(const struct rnm_wire_answer *answer)
{
	FUZZ_CHECK(answer->body.len <= BODY_MAX &&
	           answer->head_bytes <= RNM_WIRE_HEADERS_MAX + BODY_MAX * 64);
	FUZZ_CHECK((answer->stage == RNM_WIRE_BROKEN) == (answer->reason != NULL));
	FUZZ_CHECK(answer->field_count <= RNM_WIRE_FIELDS_MAX);
	FUZZ_CHECK(!answer->has_head || (answer->status >= 200 && answer->status <= 999));
	for (size_t i = 0; i < answer->field_count; i++) {
		FUZZ_CHECK(strpbrk(answer->fields[i].name, ": \t\r\n") == NULL &&
		           answer->fields[i].name[0] != '\0');
		FUZZ_CHECK(strpbrk(answer->fields[i].value, "\r\n") == NULL);
	}
}

static void check_same(const struct rnm_wire_answer *a, const struct rnm_wire_answer *b)
{
	FUZZ_CHECK(a->stage == b->stage && a->fault == b->fault && a->status == b->status);
	FUZZ_CHECK(a->framing == b->framing && a->declared == b->declared &&
	           a->field_count == b->field_count);
	/* What a body that breaks its bound keeps depends on the pieces. */
	if (a->fault == RNM_WIRE_SOUND || a->fault == RNM_WIRE_CUT) {
		FUZZ_CHECK(a->body.len == b->body.len && a->extra == b->extra);
		FUZZ_CHECK(a->body.len == 0 || memcmp(a->body.data, b->body.data, a->body.len) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t flags = fuzz_byte(&data, &size);
	const size_t piece = (size_t)1 + (flags >> 2);
	struct rnm_wire_answer whole, pieces;
	char *copy = fuzz_copy(data, size);

	feed(&whole, copy, size, size > 0 ? size : 1, (flags & 1) != 0, (flags & 2) != 0);
	feed(&pieces, copy, size, piece, (flags & 1) != 0, (flags & 2) != 0);
	check(&whole);
	check(&pieces);
	check_same(&whole, &pieces);
	rnm_wire_answer_free(&whole);
	rnm_wire_answer_free(&pieces);
	free(copy);
	return 0;
}
