/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: certificates that pass and others that do not, and settings that cannot be used. */
#include "tls_live.h"

/* ---- a good server ---- */

static void works(const struct rnm_redis_settings *settings)
{
	struct rnm_redis *redis = must_connect(settings);

	EXPECT_TEXT(redis, RNM_EVENT_BULK_BEGIN, "over TLS", "ECHO", "over TLS");
	assert_int_equal(rnm_redis_note_count(redis), 0);
	rnm_redis_free(redis);
}

static void test_good_certificates(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	struct rnm_redis_settings *settings;
	struct target where;

	(void)state;
	NEED(server);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		works(TLS_TO(&where, 5, "%s:%u", hosts[i], tls_port));
	settings = TLS_TO(&where, 5, "127.0.0.1:%u", tls_port);
	settings->ssl_ca = NULL;
	settings->ssl_ca_dir = in_certs("ca-dir");
	works(settings);
	settings->ssl_ca = in_certs("other-ca.pem"); /* either of them is enough */
	works(settings);
	settings->sni = (char[]){ "redis.test" };
	works(settings);
	settings->sni = (char[]){ "::1" };
	works(settings);
	settings->sni = (char[]){ "" };
	works(settings);

	show("chain.pem", "chained.key");
	works(TLS_TO(&where, 5, "127.0.0.1:%u", tls_port));
	show("only-subject.pem", "server.key");
	works(TLS_TO(&where, 5, "localhost:%u", tls_port));
	show("good.pem", "server.key");
	CONFIGURE("tls-protocols", "TLSv1.2");
	works(TLS_TO(&where, 5, "127.0.0.1:%u", tls_port));
	show("good.pem", "server.key");
}

/* The user and the database come after the handshake, and a refusal is told as without TLS. */
static void test_greeting(void **state)
{
	struct rnm_redis_settings *settings;
	struct rnm_redis *redis;
	struct rnm_error err;
	struct target where;

	(void)state;
	NEED(server);
	settings = TLS_TO(&where, 5, "127.0.0.1:%u", tls_port);
	settings->db = (char[]){ "3" };
	redis = must_connect(settings);
	rnm_reply_free(ASK(redis, "SET", "in-three", "1"));
	rnm_redis_free(redis);
	settings->db = (char[]){ "99" };
	assert_int_equal(rnm_redis_connect(&redis, settings, RNM_REDIS_READ, NULL, &err), RNM_E_REDIS);
	assert_string_equal(err.id, "redis.select");
}

/* ---- certificates that do not pass ---- */

static void test_bad_certificates(void **state)
{
	static const struct {
		const char *cert, *host, *reason, *hint;
		bool rspamd_refuses_too;
	} cases[] = {
		{ "expired.pem", "127.0.0.1", "the server's certificate expired on 2021-02-03 00:00 UTC",
		  "renew the certificate, or check the clock of this host", true },
		{ "future.pem", "localhost",
		  "the server's certificate is not valid before 2090-04-05 00:00 UTC",
		  "check the clock of this host", true },
		{ "wrong.pem", "localhost",
		  "the server's certificate is for other.example, 10.9.8.7 and not for localhost, which "
		  "rspamd does not check",
		  "name the server as its certificate does, or set sni (--sni NAME) to the name to expect",
		  false },
		{ "only-name.pem", "127.0.0.1",
		  "the server's certificate is for localhost and not for 127.0.0.1, which rspamd does not "
		  "check",
		  "name the server as its certificate does, or set sni (--sni NAME) to the name to expect",
		  false },
		{ "only-address.pem", "localhost",
		  "the server's certificate is for 127.0.0.1 and not for localhost, which rspamd does not "
		  "check",
		  "name the server as its certificate does, or set sni (--sni NAME) to the name to expect",
		  false },
		{ "many.pem", "localhost",
		  "the server's certificate is for a-rather-long-name-1.example, "
		  "a-rather-long-name-2.example, a-rather-long-name-3.example, "
		  "a-rather-long-name-4.example, a-rather-long-name-5.example, ... and not for localhost, "
		  "which rspamd does not check",
		  "name the server as its certificate does, or set sni (--sni NAME) to the name to expect",
		  false },
	};
	struct target where;

	(void)state;
	NEED(server);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_error err;
		char reference[128] = "";

		show(cases[i].cert, "server.key");
		err = must_fail(TLS_TO(&where, 5, "%s:%u", cases[i].host, tls_port), cases[i].reason);
		assert_string_equal(err.hint, cases[i].hint);
		if (cases[i].rspamd_refuses_too)
			snprintf(reference, sizeof(reference),
			         "cannot start TLS for redis 127.0.0.1:%u: SSL_connect failed: certificate "
			         "verify failed",
			         tls_port);
		assert_string_equal(err.reference, reference);
	}
	show("good.pem", "server.key");
}

static void test_unknown_issuers(void **state)
{
	struct rnm_redis_settings *settings;
	struct target where;
	struct rnm_error err;
	char expected[512];

	(void)state;
	NEED(server);
	settings = TLS_TO(&where, 5, "127.0.0.1:%u", tls_port);
	show("stranger.pem", "server.key");
	snprintf(expected, sizeof(expected),
	         "the CA of the server's certificate, /CN=rnm test other-ca, is not among those of %s/ca.pem",
	         certs);
	err = must_fail(settings, expected);
	assert_string_equal(err.hint,
	                    "if the server can be trusted, name the file of its CA in ssl_ca (--cacert FILE)");

	show("self.pem", "server.key");
	snprintf(expected, sizeof(expected),
	         "the server's certificate is self-signed (/CN=self) and not among those of %s/ca.pem",
	         certs);
	must_fail(settings, expected);
	settings->ssl_ca = in_certs("self.pem");
	works(settings);

	/* The certificate in between has to come from the server. */
	show("chained.pem", "chained.key");
	settings->ssl_ca = in_certs("ca.pem");
	snprintf(expected, sizeof(expected),
	         "the CA of the server's certificate, /CN=rnm test middle, is not among those of %s/ca.pem",
	         certs);
	must_fail(settings, expected);

	show("good.pem", "server.key");
	settings->ssl_ca = NULL;
	must_fail(settings,
	          "the CA of the server's certificate, /CN=rnm test ca, is not among those of this system");
	settings->ssl_ca_dir = in_certs("no-hash-dir");
	snprintf(expected, sizeof(expected),
	         "the CA of the server's certificate, /CN=rnm test ca, is not among those of %s/no-hash-dir",
	         certs);
	err = must_fail(settings, expected);
	snprintf(expected, sizeof(expected),
	         "the certificates in %s/no-hash-dir are found by hash names: openssl rehash %s/no-hash-dir",
	         certs, certs);
	assert_string_equal(err.hint, expected);
}

static void test_sni_is_what_the_certificate_must_say(void **state)
{
	struct rnm_redis_settings *settings;
	struct target where;

	(void)state;
	NEED(server);
	settings = TLS_TO(&where, 5, "localhost:%u", tls_port);
	show("wrong.pem", "server.key");
	settings->sni = (char[]){ "other.example" };
	works(settings);
	settings->sni = (char[]){ "Other.Example." };
	works(settings);
	settings->sni = (char[]){ "10.9.8.7" };
	works(settings);
	show("good.pem", "server.key");
	must_fail(settings, "the server's certificate is for localhost, redis.test, 127.0.0.1, ::1 and not "
	                    "for 10.9.8.7, which rspamd does not check");
	settings->sni = malloc(300);
	memset(settings->sni, 'n', 299);
	settings->sni[299] = '\0';
	must_fail(settings, "the name of the host is longer than 255 bytes");
	free(settings->sni);
}

static void test_without_verification(void **state)
{
	static const char *const shown[] = { "expired.pem", "wrong.pem", "stranger.pem", "self.pem" };
	struct rnm_redis_settings *settings;
	struct target where;

	(void)state;
	NEED(server);
	settings = TLS_TO(&where, 5, "localhost:%u", tls_port);
	settings->no_ssl_verify = true;
	settings->ssl_ca = in_certs("garbage.pem"); /* of no use, and so not looked at */
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		show(shown[i], "server.key");
		works(settings);
	}
	show("good.pem", "server.key");
}

/* ---- certificates of our own ---- */

static void demand(const char *protocols)
{
	CONFIGURE("tls-auth-clients", "yes", "tls-protocols", protocols);
}

static void test_client_certificates(void **state)
{
	/* With TLS 1.3 the refusal comes after the handshake, in place of the first reply. */
	static const char *const protocols[] = { "TLSv1.2", "TLSv1.3" };
	const char *hint =
	    "set ssl_cert and ssl_key (--cert FILE --key FILE) to a certificate that the server accepts";
	struct rnm_redis_settings *settings;
	struct target where;
	struct rnm_error err;

	(void)state;
	NEED(server);
	settings = TLS_TO(&where, 5, "127.0.0.1:%u", tls_port);
	for (size_t i = 0; i < 2; i++) {
		demand(protocols[i]);
		settings->ssl_cert = settings->ssl_key = NULL;
		err = must_fail(settings, "the server demands a client certificate, and none is set");
		assert_string_equal(err.hint, hint);
		settings->ssl_cert = in_certs("client-stranger.pem");
		settings->ssl_key = in_certs("client.key");
		err = must_fail(settings, "the server does not accept the client certificate: unknown CA");
		assert_string_equal(err.hint, hint);
		settings->ssl_cert = in_certs("client.pem");
		settings->ssl_key = in_certs("client.key");
		works(settings);
	}
	show("good.pem", "server.key");
	works(settings); /* nobody asks for it */
}

/* ---- settings that cannot be used ---- */

static void refuse_settings(const struct rnm_redis_settings *settings, enum rnm_status status, const char *id,
                            const char *file, int sys_errno, const char *fmt, ...) RNM_PRINTF(6, 7);
static void refuse_settings(const struct rnm_redis_settings *settings, enum rnm_status status, const char *id,
                            const char *file, int sys_errno, const char *fmt, ...)
{
	struct rnm_redis *redis = NULL;
	struct rnm_error err;
	char expected[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(expected, sizeof(expected), fmt, args);
	va_end(args);
	rnm_error_clear(&err);
	assert_int_equal(rnm_redis_connect(&redis, settings, RNM_REDIS_READ, NULL, &err), status);
	assert_string_equal(err.id, id);
	assert_string_equal(err.message, expected);
	assert_string_equal(err.file, file);
	assert_int_equal(err.sys_errno, sys_errno);
	/* The error is not needed. */
	assert_int_equal(rnm_redis_connect(&redis, settings, RNM_REDIS_READ, NULL, NULL), status);
}

/* All of them are told before the first connection: there is no server at port 1. */
static void test_wrong_ca_settings(void **state)
{
	struct target where;
	struct rnm_redis_settings *settings = TLS_TO(&where, 5, "127.0.0.1:1");
	const char *path;

	(void)state;
	path = settings->ssl_ca = in_certs("missing.pem");
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-ca", path, ENOENT,
	                "cannot read %s (ssl_ca): No such file or directory", path);
	settings->ssl_ca_given = true;
	refuse_settings(settings, RNM_E_USAGE, "redis.tls-ca", path, ENOENT,
	                "cannot read %s (ssl_ca): No such file or directory", path);
	settings->ssl_ca_given = false;
	path = settings->ssl_ca = in_certs("ca-dir");
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-ca", path, EISDIR,
	                "cannot read %s (ssl_ca): Is a directory", path);
	path = settings->ssl_ca = in_certs("garbage.pem");
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-ca", path, 0,
	                "expected a certificate in PEM form in %s (ssl_ca), found none", path);
	path = settings->ssl_ca = in_certs("client.key");
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-ca", path, 0,
	                "expected a certificate in PEM form in %s (ssl_ca), found none", path);
	settings->ssl_ca = NULL;
	path = settings->ssl_ca_dir = in_certs("missing");
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-ca", path, ENOENT,
	                "cannot read the folder %s (ssl_ca_dir): No such file or directory", path);
	path = settings->ssl_ca_dir = in_certs("ca.pem");
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-ca", path, ENOTDIR,
	                "cannot read the folder %s (ssl_ca_dir): Not a directory", path);
}

static void test_wrong_client_settings(void **state)
{
	struct target where;
	struct rnm_redis_settings *settings = TLS_TO(&where, 5, "127.0.0.1:1");
	const char *cert, *key;

	(void)state;
	settings->ssl_cert = in_certs("client.pem");
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-pair", "", 0,
	                "expected ssl_key beside ssl_cert, found none");
	settings->ssl_key = settings->ssl_cert;
	settings->ssl_cert = NULL;
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-pair", "", 0,
	                "expected ssl_cert beside ssl_key, found none");

	key = settings->ssl_key = in_certs("client.key");
	cert = settings->ssl_cert = in_certs("missing.pem");
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-cert", cert, ENOENT,
	                "cannot read %s (ssl_cert): No such file or directory", cert);
	cert = settings->ssl_cert = in_certs("client.key");
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-cert", cert, 0,
	                "expected a certificate in PEM form in %s (ssl_cert), found none", cert);

	cert = settings->ssl_cert = in_certs("encrypted.pem");
	refuse_settings(settings, RNM_E_MALFORMED, "redis.tls-cert", cert, 0,
	                "%s (ssl_cert) is encrypted, and there is nobody to ask for its passphrase", cert);
	cert = settings->ssl_cert = in_certs("client.pem");
	settings->ssl_cert_given = true;
	key = settings->ssl_key = in_certs("missing.key");
	refuse_settings(settings, RNM_E_USAGE, "redis.tls-key", key, ENOENT,
	                "cannot read %s (ssl_key): No such file or directory", key);
	key = settings->ssl_key = in_certs("client.pem");
	refuse_settings(settings, RNM_E_USAGE, "redis.tls-key", key, 0,
	                "expected a private key in PEM form in %s (ssl_key), found none", key);
	key = settings->ssl_key = in_certs("client-encrypted.key");
	refuse_settings(
	    settings, RNM_E_USAGE, "redis.tls-key", key, 0,
	    "%s (ssl_key) is encrypted, and there is nobody to ask for its passphrase", key);
	for (int i = 0; i < 2; i++) {
		key = settings->ssl_key = in_certs(i == 0 ? "server.key" : "client-other-kind.key");
		refuse_settings(
		    settings, RNM_E_USAGE, "redis.tls-key", key, 0,
		    "the private key %s (ssl_key) does not belong to the certificate %s (ssl_cert)", key,
		    cert);
	}
}

/* TLS is not used on unix sockets, so that nothing of it has to be in order. */
static void test_unix_sockets(void **state)
{
	struct rnm_redis_settings *settings;
	struct rnm_redis *redis;
	struct target where;
	char expected[256];

	(void)state;
	NEED(server);
	settings = TLS_TO(&where, 5, "%s", server.socket);
	settings->ssl_ca = in_certs("missing.pem");
	redis = must_connect(settings);
	assert_int_equal(rnm_redis_note_count(redis), 1);
	snprintf(expected, sizeof(expected),
	         "the connection to %s is not encrypted: TLS is not used on a unix socket", server.socket);
	assert_string_equal(rnm_redis_note(redis, 0), expected);
	rnm_redis_free(redis);
}

/* ---- settings from the outside ---- */

static void test_set_tls(void **state)
{
	struct rnm_redis_settings *settings;
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_redis_settings_from_url(&settings, "redis://h", &err), RNM_OK);
	assert_int_equal(rnm_redis_settings_set_tls(settings, &(struct rnm_redis_tls){ 0 }, &err), RNM_OK);
	assert_int_equal(rnm_redis_settings_set_tls(settings, &(struct rnm_redis_tls){ .ca = "c" }, &err),
	                 RNM_E_USAGE);
	assert_string_equal(err.id, "redis.tls-unused");
	rnm_redis_settings_free(settings);

	assert_int_equal(rnm_redis_settings_from_url(&settings, "rediss://h", &err), RNM_OK);
	assert_int_equal(rnm_redis_settings_set_tls(settings, &(struct rnm_redis_tls){ .cert = "c" }, &err),
	                 RNM_E_USAGE);
	assert_string_equal(err.id, "redis.tls-pair");
	assert_int_equal(rnm_redis_settings_set_tls(settings, &(struct rnm_redis_tls){ .key = "k" }, &err),
	                 RNM_E_USAGE);
	assert_string_equal(err.id, "redis.tls-pair");
	assert_int_equal(rnm_redis_settings_set_tls(
	                     settings, &(struct rnm_redis_tls){ .ca_dir = "d", .no_verify = true }, &err),
	                 RNM_E_USAGE);
	assert_string_equal(err.id, "redis.tls-conflict");
	assert_false(settings->ssl_ca_given || settings->ssl_cert_given);

	/* What is given as a pair replaces a pair, and a CA is there to be looked at. */
	settings->ssl_ca_dir = strdup("old");
	settings->no_ssl_verify = true;
	assert_int_equal(rnm_redis_settings_set_tls(
	                     settings, &(struct rnm_redis_tls){ .ca = "c", .cert = "x", .key = "k" }, &err),
	                 RNM_OK);
	assert_string_equal(settings->ssl_ca, "c");
	assert_null(settings->ssl_ca_dir);
	assert_string_equal(settings->ssl_cert, "x");
	assert_string_equal(settings->ssl_key, "k");
	assert_true(settings->ssl_ca_given && settings->ssl_cert_given);
	assert_false(settings->no_ssl_verify);
	assert_int_equal(rnm_redis_settings_set_tls(
	                     settings, &(struct rnm_redis_tls){ .sni = "s", .no_verify = true }, &err),
	                 RNM_OK);
	assert_string_equal(settings->sni, "s");
	assert_string_equal(settings->ssl_ca, "c");
	assert_true(settings->no_ssl_verify);
	rnm_redis_settings_free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_certificates),
		cmocka_unit_test(test_greeting),
		cmocka_unit_test(test_bad_certificates),
		cmocka_unit_test(test_unknown_issuers),
		cmocka_unit_test(test_sni_is_what_the_certificate_must_say),
		cmocka_unit_test(test_without_verification),
		cmocka_unit_test(test_client_certificates),
		cmocka_unit_test(test_wrong_ca_settings),
		cmocka_unit_test(test_wrong_client_settings),
		cmocka_unit_test(test_unix_sockets),
		cmocka_unit_test(test_set_tls),
	};

	return cmocka_run_group_tests_name("redis tls", tests, start, stop);
}
