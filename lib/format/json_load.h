/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_FORMAT_JSON_LOAD_H
#define RNM_FORMAT_JSON_LOAD_H

#include <jansson.h>
#include <rnm/value.h>

/*
 * json_loadb, which calls the lack of memory a mistake in the text now and then ("invalid token"), or leaves a
 * character out of a string and says nothing: so it is asked twice.  NULL with *no_memory when it was that, else
 * with *problem.
 */
json_t *rnm_json_load(struct rnm_bytes text, size_t flags, json_error_t *problem, bool *no_memory);

#endif
