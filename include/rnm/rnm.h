/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/rnm.h: librnm, the library for rspamd's neural models.  Including this includes all of it.
 *
 * Ownership, said once for the whole library:
 *   - what rnm_x_open, rnm_x_new, rnm_x_load, rnm_x_read or rnm_x_connect returns belongs to the
 *     caller and is released by rnm_x_free, which accepts NULL;
 *   - a const pointer returned by an accessor is borrowed and lives as long as the object it was
 *     asked of, unless the function says otherwise;
 *   - on failure an out parameter is left as it was.
 *
 * The library never prints, never exits, never installs signal handlers and never reads the command
 * line or the environment.  Different objects may be used from different threads; one object may not.
 */
#ifndef RNM_RNM_H
#define RNM_RNM_H

#include <rnm/backup.h>
#include <rnm/buf.h>
#include <rnm/config.h>
#include <rnm/doctor.h>
#include <rnm/error.h>
#include <rnm/evaluation.h>
#include <rnm/file.h>
#include <rnm/import.h>
#include <rnm/json.h>
#include <rnm/key.h>
#include <rnm/map.h>
#include <rnm/model_compare.h>
#include <rnm/model_file.h>
#include <rnm/model_merge.h>
#include <rnm/model_write.h>
#include <rnm/network.h>
#include <rnm/probe.h>
#include <rnm/publish.h>
#include <rnm/pull.h>
#include <rnm/redis.h>
#include <rnm/rnm1.h>
#include <rnm/rule.h>
#include <rnm/score.h>
#include <rnm/serve.h>
#include <rnm/sign.h>
#include <rnm/store.h>
#include <rnm/tensor.h>
#include <rnm/training.h>
#include <rnm/value.h>
#include <rnm/vectors.h>
#include <rnm/verify.h>
#include <rnm/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that is linked, e.g. "0.1.0". */
RNM_API const char *rnm_version(void);

#ifdef __cplusplus
}
#endif
#endif
