/* SPDX-License-Identifier: Apache-2.0 */
/* TLS against a real redis-server with a private CA, and against peers that break the handshake. */
#include "redis_live.h"

#include "redis/io_tls.h"

#include <poll.h>
#include <pthread.h>
#include <sys/time.h>

static struct live server; /* plain on its unix socket and one port, TLS on another one */
static unsigned tls_port;
static char certs[64]; /* made by tests/make_certs */

/* ---- the server and its certificates ---- */

static void run(const char *program, const char *const *argv)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		execvp(program, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("%s failed", program);
}

/* One of the files in the folder of certificates; the text lives until the 64th next call. */
static char *in_certs(const char *name)
{
	static char paths[64][128];
	static unsigned next;
	char *path = paths[next++ % 64];

	snprintf(path, sizeof(paths[0]), "%s/%s", certs, name);
	return path;
}

/* Changes settings of the running server. */
#define CONFIGURE(...)                                                                                       \
	do {                                                                                                 \
		struct target where_;                                                                        \
		struct rnm_redis *redis_ = must_connect(target(&where_, 5, "%s", server.socket));            \
		EXPECT_TEXT(redis_, RNM_EVENT_STATUS, "OK", "CONFIG", "SET", __VA_ARGS__);                   \
		rnm_redis_free(redis_);                                                                      \
	} while (0)

/* The certificate that the server shows from now on. */
static void show(const char *cert, const char *key)
{
	CONFIGURE("tls-cert-file", in_certs(cert), "tls-key-file", in_certs(key), "tls-auth-clients", "no",
	          "tls-protocols", "TLSv1.2 TLSv1.3", "tls-ciphers", "");
}

static int start(void **state)
{
	char make[512];
	char port[8];

	(void)state;
	assert_non_null(getenv("RNM_TESTS"));
	strcpy(certs, "/tmp/rnm-certs-XXXXXX");
	assert_non_null(mkdtemp(certs));
	snprintf(make, sizeof(make), "%s/make_certs", getenv("RNM_TESTS"));
	run(make, (const char *const[]){ make, certs, NULL });
	if (!live_start(&server)) {
		print_message("no redis-server: the live tests are skipped\n");
		return 0;
	}
	close(bind_loopback(-1, &tls_port));
	snprintf(port, sizeof(port), "%u", tls_port);
	CONFIGURE("tls-ca-cert-file", in_certs("ca.pem"), "tls-cert-file", in_certs("good.pem"),
	          "tls-key-file", in_certs("server.key"), "tls-auth-clients", "no", "tls-port", port);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	live_stop(&server);
	run("rm", (const char *const[]){ "rm", "-r", certs, NULL });
	return 0;
}

/* Settings for TLS with the test's CA. */
#define TLS_TO(where, timeout, ...) with_tls(target(where, timeout, __VA_ARGS__))
static struct rnm_redis_settings *with_tls(struct rnm_redis_settings *settings)
{
	settings->ssl = true;
	settings->ssl_ca = in_certs("ca.pem");
	return settings;
}

/* A connection that must not come about; the message without the server's name has to be this one. */
static struct rnm_error must_fail(const struct rnm_redis_settings *settings, const char *reason)
{
	struct rnm_redis *redis = NULL;
	struct rnm_error err;
	const char *text;

	rnm_error_clear(&err);
	assert_int_equal(rnm_redis_connect(&redis, settings, RNM_REDIS_READ, NULL, &err), RNM_E_IO);
	assert_string_equal(err.id, "redis.connect");
	text = strstr(err.message, "): ") != NULL ? strstr(err.message, "): ") + 3
	                                          : strstr(err.message, ": ") + 2;
	assert_string_equal(text, reason);
	return err;
}

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

/* ---- several servers ---- */

static void stay_silent(int client)
{
	while (hear(client))
		;
}

/* One that does not pass is passed over; plain text is never the way out. */
static void test_next_server(void **state)
{
	struct rnm_redis *redis = NULL;
	struct target where;
	struct peer silent;
	struct rnm_error err;
	char expected[1024];

	(void)state;
	NEED(server);
	show("only-address.pem", "server.key");
	peer_start(&silent, stay_silent);
	redis = must_connect(TLS_TO(&where, 1.5, "localhost:%u,127.0.0.1:%u,127.0.0.1:%u", tls_port,
	                            silent.port, tls_port));
	assert_int_equal(rnm_redis_note_count(redis), 2);
	snprintf(expected, sizeof(expected),
	         "skipped the redis server localhost (127.0.0.1:%u): the server's certificate is for "
	         "127.0.0.1 and not for localhost, which rspamd does not check",
	         tls_port);
	assert_string_equal(rnm_redis_note(redis, 0), expected);
	snprintf(expected, sizeof(expected),
	         "skipped the redis server 127.0.0.1:%u: no answer to the TLS handshake within 1.5 s",
	         silent.port);
	assert_string_equal(rnm_redis_note(redis, 1), expected);
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	rnm_redis_free(redis);

	assert_int_equal(rnm_redis_connect(&redis,
	                                   TLS_TO(&where, 1.5, "localhost:%u,127.0.0.1:%u", tls_port,
	                                          server.port),
	                                   RNM_REDIS_READ, NULL, &err),
	                 RNM_E_IO);
	snprintf(expected, sizeof(expected),
	         "cannot connect to any redis server: localhost (127.0.0.1:%u): the server's certificate is "
	         "for 127.0.0.1 and not for localhost, which rspamd does not check; 127.0.0.1:%u: no answer "
	         "to the TLS handshake within 1.5 s",
	         tls_port, server.port);
	assert_string_equal(err.message, expected);
	assert_string_equal(
	    err.hint, "name the server as its certificate does, or set sni (--sni NAME) to the name to expect");
	peer_stop(&silent);
	show("good.pem", "server.key");
}

/* ---- plain on one side only ---- */

static const char plain_hint[] =
    "does the server speak TLS on this port? A plain one is reached with redis:// or without ssl = true";
static const char tls_hint[] = "does the server want TLS? It is used with rediss:// or ssl = true";

static void answer_with_an_alert(int client)
{
	if (hear(client))
		say(client, "\x15\x03\x01\x02\x02\x46");
	hear(client);
}

static void test_plain_and_tls(void **state)
{
	struct rnm_redis *redis = NULL;
	struct target where;
	struct rnm_error err;
	struct peer peer;

	(void)state;
	NEED(server);
	err = must_fail(TLS_TO(&where, 0.4, "127.0.0.1:%u", server.port),
	                "no answer to the TLS handshake within 0.4 s");
	assert_string_equal(err.hint, plain_hint);
	assert_string_equal(err.reference, "Connection timed out");

	assert_int_equal(rnm_redis_connect(&redis, target(&where, 5, "127.0.0.1:%u", tls_port),
	                                   RNM_REDIS_READ, NULL, &err),
	                 RNM_E_IO);
	assert_string_equal(err.hint, tls_hint);
	peer_start(&peer, answer_with_an_alert);
	assert_int_equal(
	    rnm_redis_connect(&redis, target(&where, 5, "127.0.0.1:%u", peer.port), RNM_REDIS_READ, NULL, &err),
	    RNM_E_IO);
	assert_string_equal(err.hint, tls_hint);
	peer_stop(&peer);
}

static void test_old_protocols(void **state)
{
	struct target where;

	(void)state;
	NEED(server);
	CONFIGURE("tls-protocols", "TLSv1.1", "tls-ciphers", "ALL:@SECLEVEL=0");
	must_fail(TLS_TO(&where, 5, "127.0.0.1:%u", tls_port),
	          "the server speaks no TLS that is new enough (1.2 at least)");
	show("good.pem", "server.key");
}

/* ---- peers that break the handshake ---- */

static void refuse_in_plain(int client)
{
	if (hear(client))
		say(client, "-ERR Protocol error: unbalanced quotes in request\r\n");
	hear(client);
}

static void close_at_once(int client)
{
	hear(client);
}

static void put(int client, const void *data, size_t len)
{
	(void)!send(client, data, len, MSG_NOSIGNAL);
}

/* A record that announces 16 KiB of handshake, and a little of it. */
static const unsigned char begun[] = { 0x16, 3, 3, 0x40, 0, 2, 0, 0, 70, 3, 3, 1, 2, 3, 4 };

static void close_in_the_middle(int client)
{
	hear(client);
	put(client, begun, sizeof(begun));
}

static void reset(int client)
{
	const struct linger now_or_never = { 1, 0 };

	hear(client);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &now_or_never, sizeof(now_or_never));
}

static void drip_the_handshake(int client)
{
	hear(client);
	put(client, begun, sizeof(begun));
	for (int i = 0; i < 200; i++) {
		put(client, "x", 1);
		nap(0.05);
	}
}

/* Messages that a client has to overlook, as fast as they can be sent. */
static void greet_for_ever(int client)
{
	static const unsigned char hello_request[] = { 0x16, 3, 3, 0, 4, 0, 0, 0, 0 };
	static unsigned char many[9000];
	ssize_t sent;

	for (size_t i = 0; i + sizeof(hello_request) <= sizeof(many); i += sizeof(hello_request))
		memcpy(many + i, hello_request, sizeof(hello_request));
	hear(client);
	do
		sent = send(client, many, sizeof(many), MSG_NOSIGNAL);
	while (sent > 0);
}

static void send_alert(int client, unsigned char number)
{
	const unsigned char alert[] = { 0x15, 3, 3, 0, 2, 2, number };

	hear(client);
	put(client, alert, sizeof(alert));
	hear(client);
}

static void not_know_the_name(int client)
{
	send_alert(client, 112);
}

static void fail_inside(int client)
{
	send_alert(client, 80);
}

static void test_broken_handshakes(void **state)
{
	static const struct {
		void (*serve)(int client);
		const char *reason, *hint;
	} cases[] = {
		{ refuse_in_plain, "the server does not speak TLS", plain_hint },
		{ close_at_once, "the connection was closed at the TLS handshake", plain_hint },
		{ close_in_the_middle, "the connection was closed in the middle of the TLS handshake", "" },
		{ reset, "Connection reset by peer at the TLS handshake", plain_hint },
		{ greet_for_ever, "the server sends TLS messages without end and nothing in them", "" },
		{ not_know_the_name, "the server does not know the host name that it was asked for",
		  "set sni (--sni NAME) to the name to ask for" },
		{ fail_inside, "the server ended TLS with alert 80 (internal error)", "" },
	};
	struct target where;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_error err;
		struct peer peer;

		peer_start(&peer, cases[i].serve);
		err = must_fail(TLS_TO(&where, 10, "localhost:%u", peer.port), cases[i].reason);
		assert_string_equal(err.hint, cases[i].hint);
		peer_stop(&peer);
	}
}

static void test_handshake_is_bounded(void **state)
{
	static const struct {
		void (*serve)(int client);
		const char *reason;
	} cases[] = {
		{ stay_silent, "no answer to the TLS handshake within 0.4 s" },
		{ drip_the_handshake, "the TLS handshake did not end within 0.4 s" },
	};
	struct target where;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const double start_time = now();
		struct peer peer;

		peer_start(&peer, cases[i].serve);
		must_fail(TLS_TO(&where, 0.4, "127.0.0.1:%u", peer.port), cases[i].reason);
		assert_true(now() - start_time > 0.3 && now() - start_time < 2);
		peer_stop(&peer);
	}
}

static volatile sig_atomic_t cancel_flag;

static void *raise_flag(void *arg)
{
	(void)arg;
	nap(0.15);
	cancel_flag = 1;
	return NULL;
}

static void test_cancel_in_the_handshake(void **state)
{
	void (*const serve[])(int client) = { stay_silent, drip_the_handshake };
	struct rnm_redis *redis = NULL;
	struct target where;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const double start_time = now();
		pthread_t thread;
		struct peer peer;

		peer_start(&peer, serve[i]);
		assert_int_equal(pthread_create(&thread, NULL, raise_flag, NULL), 0);
		assert_int_equal(rnm_redis_connect(&redis, TLS_TO(&where, 30, "127.0.0.1:%u", peer.port),
		                                   RNM_REDIS_READ, &cancel_flag, NULL),
		                 RNM_E_INTERRUPTED);
		assert_true(now() - start_time < 1.5);
		pthread_join(thread, NULL);
		cancel_flag = 0;
		peer_stop(&peer);
	}
}

/* ---- much data ---- */

/* Far more in both directions than sockets hold, and records that end anywhere. */
static void test_pipeline_in_both_directions(void **state)
{
	enum { COMMANDS = 20000 };
	struct rnm_redis *redis;
	struct rnm_event event;
	struct rnm_error err;
	struct target where;
	char text[1000];

	(void)state;
	NEED(server);
	redis = must_connect(TLS_TO(&where, 5, "127.0.0.1:%u", tls_port));
	for (int i = 0; i < COMMANDS; i++) {
		memset(text, 'a' + i % 26, sizeof(text));
		text[i % (int)sizeof(text)] = '\0';
		assert_int_equal(rnm_redis_sendv(redis, &err, "ECHO", text, NULL), RNM_OK);
	}
	for (int i = 0; i < COMMANDS; i++) {
		size_t got = 0;

		assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
		assert_int_equal(event.kind, RNM_EVENT_BULK_BEGIN);
		assert_int_equal(event.length, i % (int)sizeof(text));
		for (;;) {
			assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_OK);
			if (event.kind != RNM_EVENT_BULK_DATA)
				break;
			for (size_t j = 0; j < event.data.len; j++)
				assert_true(event.data.data[j] == 'a' + i % 26);
			got += event.data.len;
		}
		assert_int_equal(event.kind, RNM_EVENT_BULK_END);
		assert_int_equal(got, i % (int)sizeof(text));
	}
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "PONG", "PING");
	rnm_redis_free(redis);
}

static void test_large_bulk(void **state)
{
	const size_t size = (size_t)24 << 20;
	struct rnm_redis *redis;
	struct rnm_event event;
	struct target where;
	size_t got = 0;

	(void)state;
	NEED(server);
	redis = must_connect(TLS_TO(&where, 5, "127.0.0.1:%u", tls_port));
	rnm_reply_free(ASK(redis, "SETRANGE", "large", "25165820", "last"));
	assert_int_equal(rnm_redis_sendv(redis, NULL, "GET", "large", NULL), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, NULL), RNM_OK);
	assert_int_equal(event.kind, RNM_EVENT_BULK_BEGIN);
	assert_int_equal(event.length, size);
	for (;;) {
		assert_int_equal(rnm_redis_next(redis, &event, NULL), RNM_OK);
		if (event.kind == RNM_EVENT_BULK_END)
			break;
		assert_int_equal(event.kind, RNM_EVENT_BULK_DATA);
		for (size_t i = 0; i < event.data.len; i++)
			assert_true(event.data.data[i] ==
			            (got + i < size - 4 ? '\0' : "last"[got + i - (size - 4)]));
		got += event.data.len;
	}
	assert_int_equal(got, size);
	rnm_reply_free(ASK(redis, "DEL", "large"));
	rnm_redis_free(redis);
}

/* A command that waits is given up in time, and one that is called off at once. */
static void test_waiting(void **state)
{
	struct rnm_redis *redis = NULL;
	struct rnm_event event;
	struct rnm_error err;
	struct target where;
	pthread_t thread;
	double start_time;

	(void)state;
	NEED(server);
	redis = must_connect(TLS_TO(&where, 1, "127.0.0.1:%u", tls_port));
	assert_int_equal(rnm_redis_sendv(redis, &err, "BLPOP", "never", "0", NULL), RNM_OK);
	start_time = now();
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_IO);
	assert_string_equal(err.id, "redis.timeout");
	assert_true(now() - start_time > 0.9 && now() - start_time < 3);
	rnm_redis_free(redis);

	assert_int_equal(rnm_redis_connect(&redis, TLS_TO(&where, 30, "127.0.0.1:%u", tls_port),
	                                   RNM_REDIS_READ, &cancel_flag, NULL),
	                 RNM_OK);
	assert_int_equal(rnm_redis_sendv(redis, &err, "BLPOP", "never", "0", NULL), RNM_OK);
	assert_int_equal(pthread_create(&thread, NULL, raise_flag, NULL), 0);
	start_time = now();
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_INTERRUPTED);
	assert_true(now() - start_time < 1.5);
	pthread_join(thread, NULL);
	cancel_flag = 0;
	rnm_redis_free(redis);
}

/* The server goes away: an error, and no signal that would end the program. */
static void test_server_goes_away(void **state)
{
	struct rnm_redis *redis;
	struct rnm_redis *killer;
	struct rnm_event event;
	struct rnm_error err;
	struct target where;

	(void)state;
	NEED(server);
	redis = must_connect(TLS_TO(&where, 5, "127.0.0.1:%u", tls_port));
	killer = must_connect(target(&where, 5, "%s", server.socket));
	rnm_reply_free(ASK(killer, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
	rnm_redis_free(killer);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rnm_redis_sendv(redis, NULL, "PING", NULL), RNM_OK);
	assert_int_equal(rnm_redis_next(redis, &event, &err), RNM_E_IO);
	assert_string_equal(err.id, "redis.closed");
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
		cmocka_unit_test(test_next_server),
		cmocka_unit_test(test_plain_and_tls),
		cmocka_unit_test(test_old_protocols),
		cmocka_unit_test(test_broken_handshakes),
		cmocka_unit_test(test_handshake_is_bounded),
		cmocka_unit_test(test_cancel_in_the_handshake),
		cmocka_unit_test(test_pipeline_in_both_directions),
		cmocka_unit_test(test_large_bulk),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_server_goes_away),
		cmocka_unit_test(test_set_tls),
	};

	return cmocka_run_group_tests_name("redis tls", tests, start, stop);
}
