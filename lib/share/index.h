/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_SHARE_INDEX_H
#define RNM_SHARE_INDEX_H

#include <rnm/publish.h>

/* Appends the index as one line of JSON; out->failed tells of a failure. */
void rnm_index_write(struct rnm_buf *out, const struct rnm_index *index);

/* Takes the next line from rest, the content of index.json.rnmsig; false at its end. */
bool rnm_index_signature_next(struct rnm_bytes *rest, struct rnm_bytes *line);

#endif
