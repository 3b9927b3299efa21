/* SPDX-License-Identifier: Apache-2.0 */
/* File names of `rnm export --all`. */
#ifndef RNM_CLI_EXPORT_NAME_H
#define RNM_CLI_EXPORT_NAME_H

#include <stdbool.h>

/*
 * FOLDER/RULE_SETTINGS_VERSION.rnm; malloc'd, NULL: no memory.  The name depends on nothing else, and no
 * two models share one: RULE and VERSION hold no '_', and a prefix that no rule of the configuration has
 * is told from a rule of that name by "prefix=" in front.
 */
char *export_name(const char *folder, bool is_prefix, const char *rule, const char *settings,
                  const char *version);

#endif
