/* SPDX-License-Identifier: Apache-2.0 */
/* The finding ids of this room and the list that the validator fills. */
#ifndef RNM_NETWORK_FINDINGS_H
#define RNM_NETWORK_FINDINGS_H

#include <rnm/network.h>

enum rnm_finding_code {
#define FINDING(symbol, id, severity, meaning) RNM_KANN_##symbol,
#include "network/findings.def"
#undef FINDING
	RNM_KANN_COUNT
};

const char *rnm_finding_id(enum rnm_finding_code code);

struct rnm_findings {
	struct rnm_network_finding *items;
	size_t count;
	size_t cap;
	size_t max; /* further findings are counted in dropped only */
	size_t dropped;
	bool has_error;                                 /* of severity ERROR, dropped ones included */
	bool failed;                                    /* out of memory */
	struct rnm_error first[RNM_SEVERITY_ERROR + 1]; /* per severity; status RNM_OK when there is none */
};

/* The list is large because of the errors in it: callers keep it in allocated memory. */
struct rnm_findings *rnm_findings_new(size_t max);
void rnm_findings_destroy(struct rnm_findings *list);

void rnm_findings_add(struct rnm_findings *list, enum rnm_finding_code code, uint32_t node, uint64_t offset,
                      const char *fmt, ...) RNM_PRINTF(5, 6);
/* A hint for the finding added last, when that was the first of its severity. */
void rnm_findings_hint(struct rnm_findings *list, enum rnm_finding_code code, const char *hint);

#endif
