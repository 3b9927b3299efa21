/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong with TLS, in plain words and with the next step. */
#include "redis/tls.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What of a certificate's names is repeated: a certificate may hold thousands. */
#define NAMES_LEN 160
#define ISSUER_LEN 160
/* What of the configured paths is repeated. */
#define TRUST_LEN 160

#define HINT_PLAIN_PORT                                                                                      \
	"does the server speak TLS on this port? A plain one is reached with redis:// or without ssl = true"
#define HINT_CLIENT_CERTIFICATE                                                                              \
	"set ssl_cert and ssl_key (--cert FILE --key FILE) to a certificate that the server accepts"

RNM_PRINTF(2, 3)
static void say(char text[RNM_IO_REASON_MAX], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, RNM_IO_REASON_MAX, fmt, args);
	va_end(args);
}

/* ---- the handshake ---- */

static void explain_alert(struct rnm_io *io, const struct rnm_tls_session *session, int alert)
{
	const char *text = rnm_openssl.SSL_alert_desc_string_long(alert);

	switch (alert) {
	case SSL_AD_PROTOCOL_VERSION:
		say(io->reason, "the server speaks no TLS that is new enough (1.2 at least)");
		return;
	case SSL_AD_UNRECOGNIZED_NAME:
		say(io->reason, "the server does not know the host name that it was asked for");
		say(io->hint, "set sni (--sni NAME) to the name to ask for");
		return;
	case SSL_AD_CERTIFICATE_REQUIRED:
	case SSL_AD_HANDSHAKE_FAILURE:
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
		if (!session->certificate_wanted)
			break;
		if (session->has_certificate)
			say(io->reason, "the server does not accept the client certificate: %s", text);
		else
			say(io->reason, "the server demands a client certificate, and none is set");
		say(io->hint, HINT_CLIENT_CERTIFICATE);
		return;
	default:
		break;
	}
	say(io->reason, "the server ended TLS with alert %d (%s)", alert, text);
}

/* on_verify has said why, if there was a certificate to speak of. */
static void explain_verification(struct rnm_io *io, const struct rnm_tls_session *session)
{
	const long result = rnm_openssl.SSL_get_verify_result(session->ssl);

	if (io->reason[0] == '\0')
		say(io->reason, "the server's certificate cannot be verified: %s",
		    rnm_openssl.X509_verify_cert_error_string(result));
}

void rnm_tls_explain(struct rnm_io *io, const struct rnm_tls_session *session)
{
	const unsigned long code = rnm_openssl_error();
	const int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
	const char *text = rnm_openssl.ERR_reason_error_string(code);

	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		explain_verification(io, session);
		return;
	}
	io->hint[0] = '\0';
	if (rnm_openssl_no_memory(code)) {
		say(io->reason, "out of memory");
	} else if (session->flooded) {
		say(io->reason, "the server sends TLS messages without end and nothing in them");
	} else if (reason > SSL_AD_REASON_OFFSET) {
		explain_alert(io, session, reason - SSL_AD_REASON_OFFSET);
	} else if (session->received > 0 && (session->first < SSL3_RT_CHANGE_CIPHER_SPEC ||
	                                     session->first > SSL3_RT_APPLICATION_DATA)) {
		say(io->reason, "the server does not speak TLS");
		say(io->hint, HINT_PLAIN_PORT);
	} else if (reason == SSL_R_UNSUPPORTED_PROTOCOL) {
		say(io->reason, "the server speaks no TLS that is new enough (1.2 at least)");
	} else {
		say(io->reason, "TLS failed: %s", text != NULL ? text : "unknown error");
	}
}

void rnm_tls_explain_end(struct rnm_io *io, const struct rnm_tls_session *session)
{
	const char *what =
	    session->ended ? "the connection was closed" : rnm_io_errno_text(session->below.sys_errno);

	say(io->reason, "%s %s the TLS handshake", what, session->received == 0 ? "at" : "in the middle of");
	if (session->received == 0)
		say(io->hint, HINT_PLAIN_PORT);
}

void rnm_tls_explain_timeout(struct rnm_io *io, const struct rnm_tls_session *session)
{
	if (session->received > 0) {
		say(io->reason, "the TLS handshake did not end");
		return;
	}
	say(io->reason, "no answer to the TLS handshake");
	/* Redis takes the handshake for half of a command and waits for the other half. */
	say(io->hint, HINT_PLAIN_PORT);
}

/* ---- certificates ---- */

static void date_text(char *text, size_t size, const ASN1_TIME *time)
{
	struct tm tm;

	if (rnm_openssl.ASN1_TIME_to_tm(time, &tm) != 1 ||
	    strftime(text, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(text, size, "an unreadable date");
}

/* The hosts that a certificate is for, as far as they are repeated. */
struct host_names {
	char text[NAMES_LEN + sizeof(", ...")];
	size_t len;
	bool more;
};

/* Anybody may have written the certificate: what is in a name is not trusted to be text. */
static void add_name(struct host_names *names, const char *name, size_t len)
{
	const size_t comma = names->len > 0 ? 2 : 0;

	names->more = names->more || comma + len > NAMES_LEN - names->len;
	if (names->more)
		return;
	memcpy(names->text + names->len, ", ", comma);
	names->len += comma;
	for (size_t i = 0; i < len; i++)
		names->text[names->len++] = (char)(name[i] > ' ' && name[i] <= '~' ? name[i] : '?');
	names->text[names->len] = '\0';
}

static void add_general_name(struct host_names *names, const GENERAL_NAME *name)
{
	char address[INET6_ADDRSTRLEN];
	const unsigned char *data;
	int len;

	if (name->type != GEN_DNS && name->type != GEN_IPADD)
		return;
	data = rnm_openssl.ASN1_STRING_get0_data(name->d.ia5);
	len = rnm_openssl.ASN1_STRING_length(name->d.ia5);
	if (name->type == GEN_DNS && len > 0)
		add_name(names, (const char *)data, (size_t)len);
	else if (name->type == GEN_IPADD && (len == 4 || len == 16) &&
	         inet_ntop(len == 4 ? AF_INET : AF_INET6, data, address, sizeof(address)) != NULL)
		add_name(names, address, strlen(address));
}

/* Certificates of the old style have their only name in the subject. */
static void read_host_names(struct host_names *names, const X509 *cert)
{
	GENERAL_NAMES *list = rnm_openssl.X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const OPENSSL_STACK *stack = (const OPENSSL_STACK *)list;
	char subject[NAMES_LEN];
	int len;

	memset(names, 0, sizeof(*names));
	for (int i = 0; list != NULL && i < rnm_openssl.OPENSSL_sk_num(stack); i++)
		add_general_name(names, rnm_openssl.OPENSSL_sk_value(stack, i));
	rnm_openssl.GENERAL_NAMES_free(list);
	len = rnm_openssl.X509_NAME_get_text_by_NID(rnm_openssl.X509_get_subject_name(cert), NID_commonName,
	                                            subject, sizeof(subject));
	if (names->len == 0 && !names->more && len > 0)
		add_name(names, subject, strnlen(subject, (size_t)len));
	if (names->more)
		snprintf(names->text + names->len, sizeof(names->text) - names->len, "%s...",
		         names->len > 0 ? ", " : "");
	else if (names->len == 0)
		snprintf(names->text, sizeof(names->text), "no host");
}

void rnm_tls_host_names(char *text, size_t size, const X509 *cert)
{
	struct host_names names;

	read_host_names(&names, cert);
	snprintf(text, size, "%s", names.text);
}

/* Where certificates are trusted from. */
static void trust_text(char text[TRUST_LEN], const struct rnm_redis_settings *settings)
{
	const char *file = settings->ssl_ca;
	const char *folder = settings->ssl_ca_dir;

	if (file == NULL && folder == NULL)
		snprintf(text, TRUST_LEN, "this system");
	else
		snprintf(text, TRUST_LEN, "%s%s%s", file != NULL ? file : "",
		         file != NULL && folder != NULL ? " and " : "", folder != NULL ? folder : "");
}

/* Nobody that is trusted has signed the certificate, or the one that it leads to. */
static void explain_issuer(struct rnm_io *io, const struct rnm_tls_session *session, const X509 *cert,
                           int error)
{
	char trust[TRUST_LEN];
	char issuer[ISSUER_LEN];

	trust_text(trust, session->settings);
	rnm_openssl.X509_NAME_oneline(rnm_openssl.X509_get_issuer_name(cert), issuer, sizeof(issuer));
	if (error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)
		say(io->reason, "the server's certificate is self-signed (%s) and not among those of %s",
		    issuer, trust);
	else
		say(io->reason, "the CA of the server's certificate, %s, is not among those of %s", issuer,
		    trust);
	if (session->settings->ssl_ca_dir != NULL)
		say(io->hint, "the certificates in %.200s are found by hash names: openssl rehash %.200s",
		    session->settings->ssl_ca_dir, session->settings->ssl_ca_dir);
	else
		say(io->hint,
		    "if the server can be trusted, name the file of its CA in ssl_ca (--cacert FILE)");
}

static void explain_name(struct rnm_io *io, const struct rnm_tls_session *session, const X509 *cert)
{
	struct host_names names;

	read_host_names(&names, cert);
	say(io->reason, "the server's certificate is for %s and not for %.100s, which rspamd does not check",
	    names.text, session->name);
	say(io->hint,
	    "name the server as its certificate does, or set sni (--sni NAME) to the name to expect");
}

static void explain_dates(struct rnm_io *io, const X509 *cert, const char *whose, int error)
{
	const bool expired = error == X509_V_ERR_CERT_HAS_EXPIRED;
	char date[40];

	date_text(date, sizeof(date),
	          expired ? rnm_openssl.X509_get0_notAfter(cert) : rnm_openssl.X509_get0_notBefore(cert));
	say(io->reason, expired ? "%s expired on %s" : "%s is not valid before %s", whose, date);
	say(io->hint, "%sthe clock of this host", expired ? "renew the certificate, or check " : "check ");
}

void rnm_tls_explain_certificate(const struct rnm_tls_session *session, X509_STORE_CTX *store)
{
	const X509 *cert = rnm_openssl.X509_STORE_CTX_get_current_cert(store);
	const int error = rnm_openssl.X509_STORE_CTX_get_error(store);
	const bool leaf = rnm_openssl.X509_STORE_CTX_get_error_depth(store) == 0;
	const char *whose = leaf ? "the server's certificate" : "a CA certificate of the server";
	struct rnm_io *io = session->io;

	if (io == NULL || cert == NULL)
		return;
	io->reference = "SSL_connect failed: certificate verify failed";
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		explain_dates(io, cert, whose, error);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		io->reference = NULL; /* rspamd takes it */
		explain_name(io, session, cert);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		explain_issuer(io, session, cert, error);
		break;
	default:
		say(io->reason, "%s cannot be verified: %s", whose,
		    rnm_openssl.X509_verify_cert_error_string(error));
	}
}
