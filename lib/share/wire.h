/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question over a connection of its own, with exactly the bytes that the caller gives, and the answer as it came.
 * Not by libcurl, which sends Host first, hides how a body was framed and does not show a chain that it refuses
 * (docs/decisions/0025-probe.md).
 */
#ifndef RNM_SHARE_WIRE_H
#define RNM_SHARE_WIRE_H

#include "redis/io.h"
#include "redis/io_tls.h"
#include "share/wire_answer.h"

#include <rnm/redis.h>

/* What https needs: a context without verification, and what to verify with afterwards. */
struct rnm_wire_trust {
	struct rnm_redis_settings settings;
	struct rnm_tls *tls;
	struct x509_store_st *store;
	const char *host;
};
RNM_MUST_CHECK enum rnm_status rnm_wire_trust_open(struct rnm_wire_trust *out, const char *host,
                                                   const char *ca, const char *ca_dir, struct rnm_error *err);
void rnm_wire_trust_close(struct rnm_wire_trust *trust);

/* Texts of a chain, in memory of its own. */
struct rnm_wire_chain {
	struct rnm_probe_tls facts; /* its texts point to the members below */
	char version[16];
	char names[192];
	char issuer[192];
	char reason[192];
};

/* Looks at the certificates of a connection after its handshake.  RNM_E_NOMEM. */
RNM_MUST_CHECK enum rnm_status rnm_wire_chain_read(struct rnm_wire_chain *out,
                                                   const struct rnm_wire_trust *trust,
                                                   const struct rnm_io *io);

struct rnm_wire_question {
	const struct rnm_address *address;
	const struct rnm_wire_trust *trust; /* NULL: plain HTTP */
	const char *request;
	bool is_head;
	uint64_t max;
	double seconds;
	const volatile sig_atomic_t *cancel;
};

struct rnm_wire_result {
	enum rnm_reach reach;
	enum rnm_body_state state;
	char reason[RNM_IO_REASON_MAX];
	struct rnm_wire_answer answer;
	struct rnm_wire_chain chain; /* facts.seen unless there was no handshake */
	double at, connect_seconds, first_seconds, all_seconds;
	uint64_t wire_bytes;
};

/*
 * RNM_OK whatever came; RNM_E_IO ("probe.socket") for what this host lacks; RNM_E_NOMEM, RNM_E_INTERRUPTED.  Release
 * *out in any case.
 */
RNM_MUST_CHECK enum rnm_status rnm_wire_ask(struct rnm_wire_result *out,
                                            const struct rnm_wire_question *question, struct rnm_error *err);
void rnm_wire_result_free(struct rnm_wire_result *result);

#endif
