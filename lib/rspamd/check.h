/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remarks about a configuration.  Each check_*.c looks at one subject and adds what it finds.
 */
#ifndef RNM_RSPAMD_CHECK_H
#define RNM_RSPAMD_CHECK_H

#include "rspamd/check_ids.h"

#include <rnm/rule.h>

/* More remarks than anybody reads; a hostile configuration cannot make it more. */
#define RNM_FINDINGS_MAX 1000

struct rnm_finding_list {
	struct rnm_finding *items;
	size_t count;
	size_t capacity;
	bool failed; /* sticky: out of memory */
};

/* Adds a remark; where (may be NULL) gives file and line. */
void rnm_finding_add(struct rnm_finding_list *list, const char *id, const struct rnm_value *where,
                     const char *fmt, ...) RNM_PRINTF(4, 5);
/* Adds a failure as a remark, its hint included. */
void rnm_finding_add_error(struct rnm_finding_list *list, const struct rnm_error *err);
void rnm_finding_list_clear(struct rnm_finding_list *list);

struct rnm_rule_set;

void rnm_check_rules(struct rnm_finding_list *list, const struct rnm_rule_set *set);
void rnm_check_prefixes(struct rnm_finding_list *list, const struct rnm_rule_set *set);
void rnm_check_external(struct rnm_finding_list *list, const struct rnm_rule_set *set);
/* Values of a section that are strings where numbers or switches are meant; path names the section. */
void rnm_check_values(struct rnm_finding_list *list, const struct rnm_value *section, const char *path);
void rnm_check_redis(struct rnm_finding_list *list, struct rnm_config *config,
                     const struct rnm_rule_set *set);

/* Calls visit for each rule that is a section. */
void rnm_check_each_rule(const struct rnm_rule_set *set, void *ctx,
                         void (*visit)(void *ctx, const char *name, const struct rnm_value *rule));

#endif
