/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RNM_RSPAMD_SIGNATURE_H
#define RNM_RSPAMD_SIGNATURE_H

#include <rnm/error.h>

/* What rnm_signature_check says of a signature that is none, for those who check it in another way. */
enum rnm_status rnm_signature_bad(struct rnm_error *err);

#endif
