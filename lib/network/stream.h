/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm_network_check and rnm_network_probe of a network whose bytes pass by once: the node table stays in
 * memory, the values do not.  The same checks, findings and answers (but for the rounding of sums).
 *
 * Weights that a matrix product reads are multiplied as they come.  That asks for the order in which
 * rspamd writes networks, each layer's values behind those of the layers before it.  A network in another
 * order, a small one, and one whose operators want to be computed otherwise
 * (convolutions of large kernels, products of constants) is kept in memory whole and then checked as usual.
 */
#ifndef RNM_NETWORK_STREAM_H
#define RNM_NETWORK_STREAM_H

#include <rnm/network.h>

struct rnm_network_stream;

/* What was seen, once all has passed. */
struct rnm_network_seen {
	/* As of rnm_network_check; the network has no values: it may be described, not evaluated. */
	struct rnm_network *network;
	struct rnm_network_finding *findings;
	size_t finding_count;
	/* As of rnm_network_probe; RNM_E_USAGE when it was not tried, because it is unfit. */
	enum rnm_status probe_status;
	struct rnm_probe probe;
	struct rnm_error probe_problem;
};

/* size: bytes that will come; a network of up to keep bytes is kept.  preprocess (may be NULL) is copied; what it points to must outlive the stream. */
RNM_MUST_CHECK enum rnm_status rnm_network_stream_new(struct rnm_network_stream **out, uint64_t size,
                                                      uint64_t keep, const struct rnm_preprocess *preprocess,
                                                      struct rnm_error *err);
/* The next bytes, never more than size in all.  Fails for want of memory only. */
RNM_MUST_CHECK enum rnm_status rnm_network_stream_feed(struct rnm_network_stream *stream, const void *data,
                                                       size_t len, struct rnm_error *err);
/*
 * All bytes have come.  Returns what rnm_network_check returns; *seen is filled but for RNM_E_NOMEM.  Its
 * network and findings are the caller's; the network borrows from the stream, which must live as long.
 */
RNM_MUST_CHECK enum rnm_status rnm_network_stream_end(struct rnm_network_stream *stream,
                                                      struct rnm_network_seen *seen, struct rnm_error *err);
void rnm_network_stream_free(struct rnm_network_stream *stream);

#endif
