/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the two halves of the RNM1 reader: rnm1_read.c (the container and what makes a file
 * unusable) and rnm1_read_fields.c (the optional fields, whose departures become findings).
 */
#ifndef RNM_FORMAT_RNM1_READER_H
#define RNM_FORMAT_RNM1_READER_H

#include "base/arena.h"

#include <rnm/buf.h>
#include <rnm/rnm1.h>

/* Largest integer that every double below it can tell from its neighbour. */
#define RNM_VERSION_MAX 9007199254740991.0

/* Whether text has the form of a providers digest: 16 digits of 0-9 and a-f. */
bool rnm_rnm1_is_digest(struct rnm_bytes text);

struct rnm_rnm1_reader {
	struct rnm_rnm1 model; /* what the caller gets; model.owned points back here */
	struct rnm_arena arena;
	struct rnm_buf expanded; /* the map, when the file was compressed */
	const char *base;        /* the map */
	bool no_memory;          /* a finding or a value found no memory */
};

/* Remembers a departure from the publisher's rules (docs/rnm1.md). */
void rnm_rnm1_find(struct rnm_rnm1_reader *reader, const char *id, const char *fmt, ...) RNM_PRINTF(3, 4);

/* Each reads the value at *at, which the structural check has passed, and moves behind it. */
void rnm_rnm1_read_created_at(struct rnm_rnm1_reader *reader, const char **at);
void rnm_rnm1_read_norm_stats(struct rnm_rnm1_reader *reader, const char **at);
void rnm_rnm1_read_roc(struct rnm_rnm1_reader *reader, const char **at);
void rnm_rnm1_read_extra(struct rnm_rnm1_reader *reader, const char **at);

#endif
