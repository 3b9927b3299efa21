/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to an S3-compatible store, signed by libcurl (AWS Signature Version 4), in path style: ENDPOINT/BUCKET/KEY.
 */
#ifndef RNM_SHARE_S3_H
#define RNM_SHARE_S3_H

#include <rnm/buf.h>
#include <rnm/publish.h>
#include <signal.h>

/* Bytes of an answer that tells of a failure. */
#define RNM_S3_PROBLEM_MAX ((size_t)16 << 10)

struct rnm_s3; /* a bucket, and a folder in it */

/*
 * where is s3://BUCKET[/PREFIX].  RNM_E_USAGE "s3.address", "s3.endpoint"; as rnm_http_new.
 */
RNM_MUST_CHECK enum rnm_status rnm_s3_new(struct rnm_s3 **out, const char *where,
                                          const struct rnm_s3_options *options,
                                          const volatile sig_atomic_t *cancel, struct rnm_error *err);
void rnm_s3_free(struct rnm_s3 *s3);

/* What a condition asks of the object that is to be replaced. */
struct rnm_s3_put {
	const char *content_type;
	const char *cache_control;
	const char *condition; /* a header line If-None-Match or If-Match, or NULL */
};

/*
 * Each asks again a few times when the store is busy or the line breaks.
 *   RNM_E_NOT_FOUND  "s3.none": no such object
 *   RNM_NO           "s3.condition": the condition does not hold
 *   RNM_E_IO         "s3.refused" (with the store's own words), and as rnm_http_send
 */
/* Appends the object to out. */
RNM_MUST_CHECK enum rnm_status rnm_s3_get(struct rnm_s3 *s3, const char *key, struct rnm_buf *out, size_t max,
                                          struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_s3_head(struct rnm_s3 *s3, const char *key, struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_s3_put(struct rnm_s3 *s3, const char *key, struct rnm_bytes bytes,
                                          const struct rnm_s3_put *how, struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_s3_delete(struct rnm_s3 *s3, const char *key, struct rnm_error *err);
/* Of the last answer, or NULL. */
const char *rnm_s3_header(struct rnm_s3 *s3, const char *name);
/* From here on the caller's cancel flag does not count: what is left to do is tidying up. */
void rnm_s3_go_on(struct rnm_s3 *s3);
/* RNM_E_INTERRUPTED when the caller wants no more. */
RNM_MUST_CHECK enum rnm_status rnm_s3_pause(const struct rnm_s3 *s3, double seconds, struct rnm_error *err);

#endif
