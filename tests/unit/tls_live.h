/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of TLS: a real redis-server with a private CA, made by tests/make_certs. */
#ifndef RNM_TESTS_TLS_LIVE_H
#define RNM_TESTS_TLS_LIVE_H

#include "redis_live.h"

static struct live server; /* plain on its unix socket and one port, TLS on another one */
static unsigned tls_port;
static char certs[64];

static inline void run(const char *program, const char *const *argv)
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
static inline char *in_certs(const char *name)
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
static inline void show(const char *cert, const char *key)
{
	CONFIGURE("tls-cert-file", in_certs(cert), "tls-key-file", in_certs(key), "tls-auth-clients", "no",
	          "tls-protocols", "TLSv1.2 TLSv1.3", "tls-ciphers", "");
}

static inline int start(void **state)
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

static inline int stop(void **state)
{
	(void)state;
	live_stop(&server);
	run("rm", (const char *const[]){ "rm", "-r", certs, NULL });
	return 0;
}

/* Settings for TLS with the test's CA. */
#define TLS_TO(where, timeout, ...) with_tls(target(where, timeout, __VA_ARGS__))
static inline struct rnm_redis_settings *with_tls(struct rnm_redis_settings *settings)
{
	settings->ssl = true;
	settings->ssl_ca = in_certs("ca.pem");
	return settings;
}

/* A connection that must not come about; the message without the server's name has to be this one. */
static inline struct rnm_error must_fail(const struct rnm_redis_settings *settings, const char *reason)
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

#endif
