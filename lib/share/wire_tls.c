/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates of a server, looked at after a handshake that verified nothing: so that a chain that rspamd would
 * refuse can be described, and everything that is wrong with it is said at once.
 */
#include "redis/tls.h"
#include "share/wire.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* As rspamd verifies. */
#define DEPTH 4
/* Enough for every chain that is not an attack. */
#define DEPTH_ANY 32

static bool load_trusted(X509_STORE *store, const char *ca, const char *ca_dir)
{
	if (ca == NULL && ca_dir == NULL)
		return rnm_openssl.X509_STORE_set_default_paths(store) == 1;
	/* rnm_tls_new has read both before, and said what is wrong with them. */
	return (ca == NULL || rnm_openssl.X509_STORE_load_file(store, ca) == 1) &&
	       (ca_dir == NULL || rnm_openssl.X509_STORE_load_path(store, ca_dir) == 1);
}

/* The words for CAs that cannot be read are those of the other user of TLS. */
static enum rnm_status check_trusted(struct rnm_redis_settings *settings, struct rnm_error *err)
{
	struct rnm_tls *tls;
	enum rnm_status status;

	settings->no_ssl_verify = false;
	status = rnm_tls_new(&tls, settings, err);
	if (status == RNM_OK)
		rnm_tls_free(tls);
	settings->no_ssl_verify = true;
	return status;
}

enum rnm_status rnm_wire_trust_open(struct rnm_wire_trust *out, const char *host, const char *ca,
                                    const char *ca_dir, struct rnm_error *err)
{
	enum rnm_status status;

	memset(out, 0, sizeof(*out));
	out->host = host;
	out->settings.ssl_ca = (char *)(uintptr_t)ca;
	out->settings.ssl_ca_dir = (char *)(uintptr_t)ca_dir;
	out->settings.ssl_ca_given = true;
	status = check_trusted(&out->settings, err);
	if (status == RNM_OK)
		status = rnm_tls_new(&out->tls, &out->settings, err);
	if (status != RNM_OK)
		return status;
	out->store = rnm_openssl.X509_STORE_new();
	if (out->store != NULL && load_trusted(out->store, ca, ca_dir)) {
		rnm_openssl.ERR_clear_error();
		return RNM_OK;
	}
	rnm_openssl.ERR_clear_error();
	rnm_wire_trust_close(out);
	return rnm_error_nomem(err);
}

void rnm_wire_trust_close(struct rnm_wire_trust *trust)
{
	if (trust->store != NULL)
		rnm_openssl.X509_STORE_free(trust->store);
	trust->store = NULL;
	rnm_tls_free(trust->tls);
	trust->tls = NULL;
}

/* ---- one verification ---- */

static void note(struct rnm_wire_chain *chain, int error)
{
	struct rnm_probe_tls *facts = &chain->facts;

	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		facts->out_of_date = true;
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		facts->wrong_name = true;
		break;
	default:
		facts->untrusted = true;
	}
	if (chain->reason[0] == '\0')
		snprintf(chain->reason, sizeof(chain->reason), "%s",
		         rnm_openssl.X509_verify_cert_error_string(error));
}

/* Goes on behind each error, so that all of them are heard of. */
static int on_error(int good, X509_STORE_CTX *store)
{
	struct rnm_wire_chain *chain = rnm_openssl.X509_STORE_CTX_get_ex_data(store, 0);

	if (!good)
		note(chain, rnm_openssl.X509_STORE_CTX_get_error(store));
	return 1;
}

static bool expect_host(X509_VERIFY_PARAM *param, const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, bytes) == 1)
		return rnm_openssl.X509_VERIFY_PARAM_set1_ip(param, bytes, sizeof(struct in_addr)) == 1;
	if (inet_pton(AF_INET6, host, bytes) == 1)
		return rnm_openssl.X509_VERIFY_PARAM_set1_ip(param, bytes, sizeof(struct in6_addr)) == 1;
	rnm_openssl.X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return rnm_openssl.X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

static int64_t unix_time(const ASN1_TIME *time)
{
	struct tm tm;

	return rnm_openssl.ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MAX;
}

static void read_end(struct rnm_wire_chain *chain, X509_STORE_CTX *ctx)
{
	const OPENSSL_STACK *used = (const OPENSSL_STACK *)rnm_openssl.X509_STORE_CTX_get0_chain(ctx);

	for (int i = 0; used != NULL && i < rnm_openssl.OPENSSL_sk_num(used); i++) {
		const int64_t end =
		    unix_time(rnm_openssl.X509_get0_notAfter(rnm_openssl.OPENSSL_sk_value(used, i)));

		if (end < chain->facts.not_after)
			chain->facts.not_after = end;
	}
}

/* RNM_OK when it could be judged; *error is what ended a verification that does not go on. */
static enum rnm_status verify(struct rnm_wire_chain *chain, const struct rnm_wire_trust *trust, SSL *ssl,
                              X509 *leaf, int depth, int *error)
{
	X509_STORE_CTX *ctx = rnm_openssl.X509_STORE_CTX_new();
	enum rnm_status status = RNM_E_NOMEM;

	if (ctx == NULL)
		return RNM_E_NOMEM;
	if (rnm_openssl.X509_STORE_CTX_init(ctx, trust->store, leaf,
	                                    rnm_openssl.SSL_get_peer_cert_chain(ssl)) == 1 &&
	    rnm_openssl.X509_STORE_CTX_set_default(ctx, "ssl_server") == 1 &&
	    (chain == NULL || rnm_openssl.X509_STORE_CTX_set_ex_data(ctx, 0, chain) == 1)) {
		X509_VERIFY_PARAM *param = rnm_openssl.X509_STORE_CTX_get0_param(ctx);

		rnm_openssl.X509_VERIFY_PARAM_set_depth(param, depth);
		rnm_openssl.X509_VERIFY_PARAM_set_auth_level(param, rnm_openssl.SSL_get_security_level(ssl));
		if (chain != NULL)
			rnm_openssl.X509_STORE_CTX_set_verify_cb(ctx, on_error);
		if (expect_host(param, trust->host)) {
			(void)rnm_openssl.X509_verify_cert(ctx);
			*error = rnm_openssl.X509_STORE_CTX_get_error(ctx);
			if (*error != X509_V_ERR_OUT_OF_MEM)
				status = RNM_OK;
			if (status == RNM_OK && chain != NULL)
				read_end(chain, ctx);
		}
	}
	rnm_openssl.X509_STORE_CTX_free(ctx);
	return status;
}

/* ---- the chain ---- */

static void begin(struct rnm_wire_chain *out)
{
	memset(out, 0, sizeof(*out));
	out->facts.seen = true;
	out->facts.not_after = INT64_MAX;
	out->facts.version = out->version;
	out->facts.names = out->names;
	out->facts.issuer = out->issuer;
	out->facts.reason = out->reason;
}

enum rnm_status rnm_wire_chain_read(struct rnm_wire_chain *out, const struct rnm_wire_trust *trust,
                                    const struct rnm_io *io)
{
	SSL *ssl = ((const struct rnm_tls_session *)io->ctx)->ssl;
	const OPENSSL_STACK *sent = (const OPENSSL_STACK *)rnm_openssl.SSL_get_peer_cert_chain(ssl);
	X509 *leaf = rnm_openssl.SSL_get0_peer_certificate(ssl);
	enum rnm_status status;
	int error = X509_V_OK;

	begin(out);
	snprintf(out->version, sizeof(out->version), "%s", rnm_openssl.SSL_get_version(ssl));
	if (leaf == NULL) {
		out->facts.untrusted = true;
		snprintf(out->reason, sizeof(out->reason), "the server shows no certificate");
		return RNM_OK;
	}
	out->facts.sent = sent != NULL ? (unsigned)rnm_openssl.OPENSSL_sk_num(sent) : 1;
	rnm_tls_host_names(out->names, sizeof(out->names), leaf);
	rnm_openssl.X509_NAME_oneline(rnm_openssl.X509_get_issuer_name(leaf), out->issuer,
	                              sizeof(out->issuer));
	status = verify(out, trust, ssl, leaf, DEPTH_ANY, &error);
	/* A chain that is good but for its length. */
	if (status == RNM_OK && out->reason[0] == '\0') {
		status = verify(NULL, trust, ssl, leaf, DEPTH, &error);
		out->facts.too_deep = status == RNM_OK && error != X509_V_OK;
		if (out->facts.too_deep)
			snprintf(out->reason, sizeof(out->reason), "%s",
			         rnm_openssl.X509_verify_cert_error_string(error));
	}
	rnm_openssl.ERR_clear_error();
	return status;
}
