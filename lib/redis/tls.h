/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of TLS: tls_settings.c makes the context, io_tls.c moves the bytes, tls_words.c says in
 * plain words what went wrong.
 */
#ifndef RNM_REDIS_TLS_H
#define RNM_REDIS_TLS_H

#include "redis/io_tls.h"
#include "redis/openssl.h"

struct rnm_tls {
	SSL_CTX *ctx;
	const struct rnm_redis_settings *settings;
	bool passphrase_wanted; /* by a file that was to be read */
};

/* One connection. */
struct rnm_tls_session {
	struct rnm_io below; /* the socket that carries the records */
	SSL *ssl;
	BIO_METHOD *method;

	uint64_t received;       /* bytes of the peer so far */
	uint64_t fruitless;      /* of them, those since the last byte for Redis */
	unsigned char first;     /* the first of them */
	bool ended;              /* the peer has closed its side of the socket */
	bool flooded;            /* fruitless has reached its limit */
	bool broken;             /* no word of farewell is possible any more */
	bool has_certificate;    /* of our own */
	bool certificate_wanted; /* the server has asked for one */

	/* Only while shaking hands. */
	struct rnm_io *io;
	const struct rnm_redis_settings *settings;
	const char *name; /* what the certificate has to say */
};

/* Puts into io->reason and io->hint what the error queue of OpenSSL says about a failed call. */
void rnm_tls_explain(struct rnm_io *io, const struct rnm_tls_session *session);
/* The same for an end of the stream, a broken line or the end of time in the middle of the handshake. */
void rnm_tls_explain_end(struct rnm_io *io, const struct rnm_tls_session *session);
void rnm_tls_explain_timeout(struct rnm_io *io, const struct rnm_tls_session *session);
/* The same for a certificate that did not pass. */
void rnm_tls_explain_certificate(const struct rnm_tls_session *session, X509_STORE_CTX *store);

/* The hosts that a certificate is for, in characters that every terminal takes; cut to size. */
void rnm_tls_host_names(char *text, size_t size, const X509 *cert);

#endif
