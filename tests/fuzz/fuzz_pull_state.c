/* SPDX-License-Identifier: Apache-2.0 */
/* What a pull remembers: what was read, written and read again is the same. */
#include "fuzz.h"

#include "share/pull_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rnm_pull_state *state = malloc(sizeof(*state)), *again = malloc(sizeof(*again));
	struct rnm_error err;
	struct rnm_buf out;
	enum rnm_status status;

	if (state == NULL || again == NULL)
		abort();
	status = rnm_pull_state_parse(state, (struct rnm_bytes){ (const char *)data, size }, "fuzz", &err);
	if (status == RNM_OK) {
		FUZZ_CHECK(state->floor_count <= RNM_PULL_FLOORS_MAX);
		rnm_buf_init(&out, 2 * RNM_PULL_STATE_FILE_MAX);
		FUZZ_CHECK(rnm_pull_state_print(state, &out, NULL) == RNM_OK);
		FUZZ_CHECK(rnm_pull_state_parse(again, (struct rnm_bytes){ out.data, out.len }, "again", NULL) ==
		           RNM_OK);
		FUZZ_CHECK(memcmp(state, again, sizeof(*state)) == 0);
		rnm_buf_free(&out);
	} else {
		FUZZ_CHECK(status == RNM_E_MALFORMED && err.id[0] != '\0');
	}
	free(state);
	free(again);
	return 0;
}
