/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_STORE_RESTORE_COMPARE_H
#define RNM_STORE_RESTORE_COMPARE_H

#include <rnm/backup.h>

/* Whether two hashes hold the same model: equal fields, but for those that come and go while workers train. */
bool rnm_restore_same_hash(const struct rnm_backup_model *a, const struct rnm_backup_model *b);

#endif
