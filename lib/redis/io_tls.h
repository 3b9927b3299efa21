/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS under the I/O table.  A connection begins as a plain socket, which rnm_io_tls_start turns into one
 * whose reads and writes are encrypted.
 */
#ifndef RNM_REDIS_IO_TLS_H
#define RNM_REDIS_IO_TLS_H

#include "redis/io.h"

#include <rnm/redis.h>

/* What all TLS connections made with the same settings share: certificates, keys and how to verify. */
struct rnm_tls;

/*
 * Reads what the ssl_* settings name, so that what is wrong with them is told before any connection.
 * RNM_E_MALFORMED, or RNM_E_USAGE for what rnm_redis_settings_set_tls brought in; ids "redis.tls-ca",
 * "redis.tls-cert", "redis.tls-key", "redis.tls-pair".  RNM_E_IO, id
 * "redis.tls-library".  The settings are borrowed until rnm_tls_free.
 */
RNM_MUST_CHECK enum rnm_status rnm_tls_new(struct rnm_tls **out, const struct rnm_redis_settings *settings,
                                           struct rnm_error *err);
void rnm_tls_free(struct rnm_tls *tls);

/*
 * Shakes hands over the socket of io.  host is the server as the settings name it, for the certificate
 * has to name it too; the setting sni takes its place.
 * RNM_NO when the time is over, io->reason then saying what did not come; RNM_E_IO with io->reason,
 * io->hint and io->sys_errno; RNM_E_INTERRUPTED; RNM_E_NOMEM.  io is closed by the caller whatever the
 * result, and does not need tls any more.
 */
RNM_MUST_CHECK enum rnm_status rnm_io_tls_start(struct rnm_io *io, const struct rnm_tls *tls,
                                                const char *host, struct rnm_io_limit *limit);

#endif
