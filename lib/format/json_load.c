/* SPDX-License-Identifier: Apache-2.0 */
#include "format/json_load.h"

#include <stdlib.h>
#include <string.h>

/* What reading a text of no great size may have asked for in vain. */
#define PROBE_EXTRA ((size_t)4 << 10)

static bool memory_is_short(size_t len)
{
	void *probe = malloc(len + PROBE_EXTRA);

	free(probe);
	return probe == NULL;
}

json_t *rnm_json_load(struct rnm_bytes text, size_t flags, json_error_t *problem, bool *no_memory)
{
	json_t *json = json_loadb(text.data, text.len, flags, problem);
	json_error_t again_problem;
	/* What is wrong with the text is wrong a second time, in the same place. */
	json_t *again = json_loadb(text.data, text.len, flags, &again_problem);

	if (json != NULL)
		*no_memory = again == NULL || !json_equal(json, again);
	else
		*no_memory = again != NULL || json_error_code(problem) == json_error_out_of_memory ||
		             problem->text[0] == '\0' || problem->position != again_problem.position ||
		             strcmp(problem->text, again_problem.text) != 0 || memory_is_short(text.len);
	json_decref(again);
	if (*no_memory) {
		json_decref(json);
		return NULL;
	}
	return json;
}
