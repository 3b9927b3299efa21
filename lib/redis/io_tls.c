/* SPDX-License-Identifier: Apache-2.0 */
#include "redis/tls.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a peer may send without a byte for Redis coming out of it.  A handshake needs some kilobytes; but
 * OpenSSL goes on by itself from one message that means nothing to the next, as long as they come.
 */
#define FRUITLESS_MAX ((uint64_t)1 << 20)
/* The longest name of a host that TLS can carry. */
#define NAME_LEN_MAX ((size_t)TLSEXT_MAXLEN_host_name)

/* ---- the socket, as OpenSSL sees it; its own one would raise SIGPIPE ---- */

static int bio_retry(BIO *bio, int direction)
{
	rnm_openssl.BIO_set_flags(bio, direction | BIO_FLAGS_SHOULD_RETRY);
	return -1;
}

static int bio_read(BIO *bio, char *data, int len)
{
	struct rnm_tls_session *session = rnm_openssl.BIO_get_data(bio);
	size_t done = 0;

	rnm_openssl.BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
	session->flooded = session->fruitless > FRUITLESS_MAX;
	if (session->flooded || len <= 0)
		return -1;
	switch (session->below.read(&session->below, data, (size_t)len, &done)) {
	case RNM_IO_DONE:
		if (session->received == 0)
			session->first = (unsigned char)data[0];
		session->received += done;
		session->fruitless += done;
		return (int)done;
	case RNM_IO_WANT_READ:
		return bio_retry(bio, BIO_FLAGS_READ);
	case RNM_IO_WANT_WRITE:
		return bio_retry(bio, BIO_FLAGS_WRITE);
	case RNM_IO_EOF:
		session->ended = true;
		return 0;
	default:
		return -1;
	}
}

static int bio_write(BIO *bio, const char *data, int len)
{
	struct rnm_tls_session *session = rnm_openssl.BIO_get_data(bio);
	size_t done = 0;

	rnm_openssl.BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
	if (len <= 0)
		return -1;
	switch (session->below.write(&session->below, data, (size_t)len, &done)) {
	case RNM_IO_DONE:
		return (int)done;
	case RNM_IO_WANT_READ:
		return bio_retry(bio, BIO_FLAGS_READ);
	case RNM_IO_WANT_WRITE:
		return bio_retry(bio, BIO_FLAGS_WRITE);
	default:
		return -1;
	}
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH; /* nothing is held back */
}

/* ---- the entries of the table ---- */

/* What a call that did not succeed has come to. */
static enum rnm_io_result outcome(struct rnm_io *io, struct rnm_tls_session *session, int ret)
{
	switch (rnm_openssl.SSL_get_error(session->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return RNM_IO_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return RNM_IO_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return RNM_IO_EOF;
	case SSL_ERROR_SYSCALL:
		session->broken = true;
		/* An end without a word of farewell; RESP itself tells whether anything is missing. */
		if (session->ended)
			return RNM_IO_EOF;
		if (!session->flooded) {
			io->sys_errno = session->below.sys_errno;
			memcpy(io->reason, session->below.reason, sizeof(io->reason));
			io->hint[0] = '\0';
			return RNM_IO_FAILED;
		}
		break;
	default:
		session->broken = true;
	}
	rnm_tls_explain(io, session);
	return RNM_IO_FAILED;
}

static enum rnm_io_result tls_read(struct rnm_io *io, void *data, size_t len, size_t *done)
{
	struct rnm_tls_session *session = io->ctx;
	int ret;

	rnm_openssl.ERR_clear_error();
	ret = rnm_openssl.SSL_read_ex(session->ssl, data, len, done);
	if (ret != 1)
		return outcome(io, session, ret);
	session->fruitless = 0;
	return RNM_IO_DONE;
}

static enum rnm_io_result tls_write(struct rnm_io *io, const void *data, size_t len, size_t *done)
{
	struct rnm_tls_session *session = io->ctx;
	int ret;

	rnm_openssl.ERR_clear_error();
	ret = rnm_openssl.SSL_write_ex(session->ssl, data, len, done);
	return ret == 1 ? RNM_IO_DONE : outcome(io, session, ret);
}

static void free_session(struct rnm_tls_session *session)
{
	rnm_openssl.SSL_free(session->ssl);
	rnm_openssl.BIO_meth_free(session->method);
	free(session);
}

static void tls_close(struct rnm_io *io)
{
	struct rnm_tls_session *session = io->ctx;

	if (session == NULL)
		return;
	rnm_openssl.ERR_clear_error();
	/* The farewell is sent if the socket takes it at once; nobody waits for the peer's. */
	if (!session->broken)
		rnm_openssl.SSL_shutdown(session->ssl);
	session->below.close(&session->below);
	free_session(session);
	rnm_openssl.ERR_clear_error();
	io->ctx = NULL;
	io->fd = -1;
}

/* ---- making a session ---- */

static int on_verify(int good, X509_STORE_CTX *store)
{
	const int index = rnm_openssl.SSL_get_ex_data_X509_STORE_CTX_idx();
	const SSL *ssl = rnm_openssl.X509_STORE_CTX_get_ex_data(store, index);

	if (!good)
		rnm_tls_explain_certificate(rnm_openssl.SSL_get_ex_data(ssl, 0), store);
	return good;
}

/* Called when the server asks for a certificate, whether there is one or not. */
static int on_certificate_wanted(SSL *ssl, void *session)
{
	(void)ssl;
	((struct rnm_tls_session *)session)->certificate_wanted = true;
	return 1;
}

/* The name that the certificate has to say, without the dot that ends a name in DNS but not here. */
static char *expected_name(const struct rnm_redis_settings *settings, const char *host)
{
	char *name = strdup(settings->sni != NULL && settings->sni[0] != '\0' ? settings->sni : host);
	const size_t len = name != NULL ? strlen(name) : 0;

	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
	return name;
}

/* Says to OpenSSL what to send as the server's name and what to look for in its certificate. */
static bool expect_server(SSL *ssl, const char *name, bool verify)
{
	X509_VERIFY_PARAM *param = rnm_openssl.SSL_get0_param(ssl);
	unsigned char bytes[sizeof(struct in6_addr)];
	size_t len = 0;

	if (inet_pton(AF_INET, name, bytes) == 1)
		len = sizeof(struct in_addr);
	else if (inet_pton(AF_INET6, name, bytes) == 1)
		len = sizeof(struct in6_addr);
	/* An address is never sent: RFC 6066, section 3. */
	if (len == 0 && rnm_openssl.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
	                                     (void *)(uintptr_t)name) != 1)
		return false;
	if (!verify)
		return true;
	rnm_openssl.SSL_set_verify(ssl, SSL_VERIFY_PEER, on_verify);
	if (len > 0)
		return rnm_openssl.X509_VERIFY_PARAM_set1_ip(param, bytes, len) == 1;
	rnm_openssl.X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return rnm_openssl.X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

/* Puts a BIO over the socket under the session; OpenSSL then owns it. */
static bool lay_over_socket(struct rnm_tls_session *session)
{
	BIO *bio;

	session->method = rnm_openssl.BIO_meth_new(BIO_TYPE_SOURCE_SINK, "rnm socket");
	if (session->method == NULL || rnm_openssl.BIO_meth_set_read(session->method, bio_read) != 1 ||
	    rnm_openssl.BIO_meth_set_write(session->method, bio_write) != 1 ||
	    rnm_openssl.BIO_meth_set_ctrl(session->method, bio_control) != 1)
		return false;
	bio = rnm_openssl.BIO_new(session->method);
	if (bio == NULL)
		return false;
	rnm_openssl.BIO_set_data(bio, session);
	rnm_openssl.BIO_set_init(bio, 1);
	rnm_openssl.SSL_set_bio(session->ssl, bio, bio);
	return true;
}

static struct rnm_tls_session *new_session(const struct rnm_io *io, const struct rnm_tls *tls)
{
	struct rnm_tls_session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return NULL;
	session->below = *io;
	session->has_certificate = tls->settings->ssl_cert != NULL;
	session->ssl = rnm_openssl.SSL_new(tls->ctx);
	if (session->ssl == NULL || !lay_over_socket(session) ||
	    rnm_openssl.SSL_set_ex_data(session->ssl, 0, session) != 1) {
		free_session(session);
		return NULL;
	}
	rnm_openssl.SSL_set_cert_cb(session->ssl, on_certificate_wanted, session);
	return session;
}

/* ---- the handshake ---- */

/* A cipher without certificates, which a careless policy may allow, would pass for want of anything to verify. */
static bool is_verified(const struct rnm_tls_session *session)
{
	return session->settings->no_ssl_verify ||
	       (rnm_openssl.SSL_get0_peer_certificate(session->ssl) != NULL &&
	        rnm_openssl.SSL_get_verify_result(session->ssl) == X509_V_OK);
}

static enum rnm_status shake_hands(struct rnm_io *io, struct rnm_tls_session *session,
                                   struct rnm_io_limit *limit)
{
	for (;;) {
		enum rnm_status status;
		short events = POLLIN;
		int ret;

		rnm_openssl.ERR_clear_error();
		ret = rnm_openssl.SSL_connect(session->ssl);
		if (ret == 1)
			return RNM_OK;
		switch (outcome(io, session, ret)) {
		case RNM_IO_WANT_READ:
			break;
		case RNM_IO_WANT_WRITE:
			events = POLLOUT;
			break;
		default:
			if (session->ended || session->below.sys_errno != 0)
				rnm_tls_explain_end(io, session);
			return RNM_E_IO;
		}
		status = rnm_io_wait(io->fd, events, limit, &io->sys_errno);
		if (status == RNM_NO)
			rnm_tls_explain_timeout(io, session);
		if (status == RNM_E_IO)
			snprintf(io->reason, sizeof(io->reason), "%s", rnm_io_errno_text(io->sys_errno));
		if (status != RNM_OK)
			return status;
	}
}

static enum rnm_status start_session(struct rnm_io *io, const struct rnm_tls *tls, const char *name,
                                     struct rnm_io_limit *limit)
{
	struct rnm_tls_session *session = new_session(io, tls);
	enum rnm_status status = RNM_E_NOMEM;

	if (session == NULL)
		return RNM_E_NOMEM;
	io->ctx = session;
	io->read = tls_read;
	io->write = tls_write;
	io->close = tls_close;
	session->io = io;
	session->settings = tls->settings;
	session->name = name;
	if (expect_server(session->ssl, name, !tls->settings->no_ssl_verify))
		status = shake_hands(io, session, limit);
	if (status == RNM_OK && !is_verified(session)) {
		snprintf(io->reason, sizeof(io->reason), "the server shows no certificate");
		status = RNM_E_IO;
	}
	session->io = NULL;
	session->settings = NULL;
	session->name = NULL;
	session->fruitless = 0;
	return status;
}

enum rnm_status rnm_io_tls_start(struct rnm_io *io, const struct rnm_tls *tls, const char *host,
                                 struct rnm_io_limit *limit)
{
	char *name = expected_name(tls->settings, host);
	enum rnm_status status = RNM_E_IO;

	if (name == NULL)
		return RNM_E_NOMEM;
	if (strlen(name) <= NAME_LEN_MAX)
		status = start_session(io, tls, name, limit);
	else
		snprintf(io->reason, sizeof(io->reason), "the name of the host is longer than %zu bytes",
		         NAME_LEN_MAX);
	free(name);
	return status;
}
