/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_FORMAT_JSON_LOAD_H
#define RNM_FORMAT_JSON_LOAD_H

#include <jansson.h>
#include <rnm/value.h>

/*
 * json_loadb, safe when memory is short: libjansson itself leaves out characters then, or writes past the end of a
 * string.  NULL with *no_memory, or with *problem.
 */
json_t *rnm_json_load(struct rnm_bytes text, size_t flags, json_error_t *problem, bool *no_memory);

#endif
