/* SPDX-License-Identifier: Apache-2.0 */
/* Redis replies: however the bytes are cut, the events are the same. */
#include "resp_trace.h"

static void check_same(const struct resp_trace *whole, const struct resp_trace *cut)
{
	FUZZ_CHECK(whole->replies == cut->replies && whole->failed == cut->failed);
	FUZZ_CHECK(whole->text.len == cut->text.len);
	FUZZ_CHECK(memcmp(whole->text.data, cut->text.data, whole->text.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = fuzz_byte(&data, &size);
	const size_t step = fuzz_byte(&data, &size) % 16 + 1;
	struct resp_trace whole, halves, steps;

	if (cut > size)
		cut = size;
	resp_trace_init(&whole, data);
	resp_trace_feed(&whole, size);
	resp_trace_init(&halves, data);
	resp_trace_feed(&halves, cut);
	resp_trace_feed(&halves, size);
	check_same(&whole, &halves);
	resp_trace_init(&steps, data);
	for (size_t limit = 0; limit < size; limit += step)
		resp_trace_feed(&steps, limit > steps.used ? limit : steps.used);
	resp_trace_feed(&steps, size);
	check_same(&whole, &steps);
	rnm_buf_free(&whole.text);
	rnm_buf_free(&halves.text);
	rnm_buf_free(&steps.text);
	return 0;
}
