/* SPDX-License-Identifier: Apache-2.0 */
/* Where the Redis of the neural module is: lib/rspamd/redis_settings*.c. */
#include <rnm/redis.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_text.h"

static struct rnm_redis_settings *settings_of(const char *text)
{
	struct rnm_config *config = config_from_text(text);
	struct rnm_redis_settings *settings = NULL;
	struct rnm_error err;

	if (rnm_redis_settings_from_config(&settings, config, &err) != RNM_OK)
		fail_msg("%s: %s", text, err.message);
	rnm_config_free(config);
	return settings;
}

static void join(char *out, size_t size, char *const *list, size_t count)
{
	out[0] = '\0';
	for (size_t i = 0; i < count; i++)
		snprintf(out + strlen(out), size - strlen(out), "%s%s", i > 0 ? "|" : "", list[i]);
}

static void assert_text(const char *name, const char *text, const char *expected)
{
	if (strcmp(text != NULL ? text : "-", expected) != 0)
		fail_msg("%s is %s, expected %s", name, text != NULL ? text : "-", expected);
}

/* read and write lists joined by |, section of the origin, timeout, db, password. */
static void assert_settings(const char *text, const char *read, const char *write, const char *section,
                            double timeout, const char *db, const char *password, size_t warnings)
{
	struct rnm_redis_settings *settings = settings_of(text);
	char list[256];
	char origin[64];

	join(list, sizeof(list), settings->read_servers, settings->read_count);
	assert_string_equal(list, read);
	join(list, sizeof(list), settings->write_servers, settings->write_count);
	assert_string_equal(list, write);
	snprintf(origin, sizeof(origin), "section %s, /", section);
	assert_memory_equal(settings->origin, origin, strlen(origin));
	assert_true(fabs(settings->timeout - timeout) < 1e-9);
	assert_text("db", settings->db, db);
	assert_text("password", settings->password, password);
	assert_int_equal(settings->warning_count, warnings);
	assert_false(settings->literal_servers);
	rnm_redis_settings_free(settings);
}

static void precedence(void **state)
{
	(void)state;
	assert_settings("redis { servers = a; }", "a", "a", "redis", 1, "-", "-", 0);
	assert_settings("redis { servers = a; } neural { timeout = 20; }", "a", "a", "redis", 20, "-", "-",
	                0);
	assert_settings("redis { servers = a; password = p; db = 3; } neural { servers = b; }", "b", "b",
	                "neural", 1, "3", "p", 0);
	assert_settings(
	    "redis { servers = a; db = 1; } neural { db = 2; redis { servers = c; } servers = b; }", "c", "c",
	    "neural.redis", 1, "1", "-", 0);
	assert_settings("redis { servers = a; password = p; neural { servers = b; db = 7; } }", "b", "b",
	                "redis.neural", 1, "7", "-", 0);
	/* Options met without servers still apply to the servers found later. */
	assert_settings("redis { servers = a; db = 1; } neural { redis { db = 5; } password = q; }", "a", "a",
	                "redis", 1, "5", "q", 0);
	/* With servers in neural, redis.neural fills in before redis. */
	assert_settings("redis { db = 1; password = p; neural { db = 2; } } neural { servers = b; }", "b",
	                "b", "neural", 1, "2", "p", 0);
	/* disabled_modules matters for the general section only. */
	assert_settings("redis { servers = a; disabled_modules = [\"neural\"]; } neural { servers = b; }",
	                "b", "b", "neural", 1, "-", "-", 0);
	assert_settings("redis { servers = a; disabled_modules = [\"other\"]; }", "a", "a", "redis", 1, "-",
	                "-", 0);
	assert_settings("redis { servers = a; disabled_modules = \"other\"; }", "a", "a", "redis", 1, "-",
	                "-", 1);
	/* Repeated sections are one; repeated keys are a list. */
	assert_settings("redis { servers = a; } redis { db = 4; }", "a", "a", "redis", 1, "4", "-", 0);
	assert_settings("redis { servers = a; servers = b; }", "a|b", "a|b", "redis", 1, "-", "-", 0);
}

static void servers(void **state)
{
	(void)state;
	assert_settings("redis { server = a; }", "a", "a", "redis", 1, "-", "-", 0);
	assert_settings("redis { servers = a; server = b; }", "a", "a", "redis", 1, "-", "-", 0);
	assert_settings("redis { read_servers = r; servers = a; write_servers = w; }", "r", "w", "redis", 1,
	                "-", "-", 0);
	assert_settings("redis { read_servers = r; servers = a; }", "r", "", "redis", 1, "-", "-", 0);
	assert_settings("redis { servers = a; write_servers = w; }", "a", "w", "redis", 1, "-", "-", 0);
	assert_settings("redis { servers = [\"a:1:10\", \"/run/s\"]; }", "a:1:10|/run/s", "a:1:10|/run/s",
	                "redis", 1, "-", "-", 0);
	assert_settings("redis { servers = \"random:a,b; c\"; }", "random:a,b; c", "random:a,b; c", "redis",
	                1, "-", "-", 0);
	/* An empty text is no server list, and the search goes on. */
	assert_settings("redis { servers = a; } neural { servers = \" ;, \"; }", "a", "a", "redis", 1, "-",
	                "-", 0);
	/* A section without servers for reading does not settle the writable ones. */
	assert_settings("redis { servers = a; } neural { write_servers = w; }", "a", "a", "redis", 1, "-",
	                "-", 0);
}

static void timeouts(void **state)
{
	(void)state;
	assert_settings("redis { servers = a; timeout = 500ms; }", "a", "a", "redis", 0.5, "-", "-", 0);
	assert_settings("redis { servers = a; timeout = \"3\"; }", "a", "a", "redis", 3, "-", "-", 0);
	assert_settings("redis { servers = a; timeout = \"3s\"; }", "a", "a", "redis", 3, "-", "-", 1);
	assert_settings("redis { servers = a; timeout = soon; }", "a", "a", "redis", 1, "-", "-", 1);
	assert_settings("redis { servers = a; timeout = 0; }", "a", "a", "redis", 1, "-", "-", 1);
	assert_settings("redis { servers = a; timeout = -5; }", "a", "a", "redis", 1, "-", "-", 1);
	assert_settings("redis { servers = a; timeout = 5; } neural { timeout = 1.0; }", "a", "a", "redis", 5,
	                "-", "-", 0);
	assert_settings("redis { servers = a; timeout = 5; } neural { timeout = 2; }", "a", "a", "redis", 2,
	                "-", "-", 0);
	assert_settings("redis { servers = a; timeout = 5; } neural { timeout = soon; }", "a", "a", "redis",
	                5, "-", "-", 1);
}

static void texts(void **state)
{
	struct rnm_redis_settings *s;

	(void)state;
	assert_settings("redis { servers = a; dbname = n; }", "a", "a", "redis", 1, "n", "-", 0);
	assert_settings("redis { servers = a; database = 2; }", "a", "a", "redis", 1, "2", "-", 0);
	assert_settings("redis { servers = a; db = \"0\"; dbname = n; }", "a", "a", "redis", 1, "0", "-", 0);
	assert_settings("redis { servers = a; password = 007; }", "a", "a", "redis", 1, "-", "7", 1);
	assert_settings("redis { servers = a; password = 12345678901234567; }", "a", "a", "redis", 1, "-",
	                "12345678901234567", 1);
	assert_settings("redis { servers = a; password = null; }", "a", "a", "redis", 1, "-", "-", 0);
	assert_settings("redis { servers = a; password = false; }", "a", "a", "redis", 1, "-", "-", 0);
	s = settings_of(
	    "redis { servers = a; username = u; password = p; prefix = x; ssl = true; ssl_ca = /ca; "
	    "ssl_ca_dir = /dir; ssl_cert = /cert; ssl_key = /key; sni = host; no_ssl_verify = yes; }");
	assert_text("username", s->username, "u");
	assert_text("section of the user", s->username_section, "redis");
	assert_true(s->username_file != NULL && s->username_line == 1);
	assert_text("prefix", s->prefix, "x");
	assert_text("ssl_ca", s->ssl_ca, "/ca");
	assert_text("ssl_ca_dir", s->ssl_ca_dir, "/dir");
	assert_text("ssl_cert", s->ssl_cert, "/cert");
	assert_text("ssl_key", s->ssl_key, "/key");
	assert_text("sni", s->sni, "host");
	assert_true(s->ssl && s->no_ssl_verify);
	rnm_redis_settings_free(s);
	s = settings_of(
	    "redis { servers = a; sentinels = \"s1:26379,s2\"; sentinel_masters_pattern = \"^m\"; "
	    "sentinel_username = su; sentinel_password = sp; sentinel_watch_time = 1min; "
	    "sentinel_master_maxerrors = 2; }");
	assert_int_equal(s->sentinel_count, 1);
	assert_text("sentinels", s->sentinels[0], "s1:26379,s2");
	assert_text("pattern", s->sentinel_masters_pattern, "^m");
	assert_text("sentinel_username", s->sentinel_username, "su");
	assert_text("sentinel_password", s->sentinel_password, "sp");
	assert_true(fabs(s->sentinel_watch_time - 60) < 1e-9 &&
	            fabs(s->sentinel_master_maxerrors - 2) < 1e-9);
	rnm_redis_settings_free(s);
}

static void assert_ssl(const char *text, bool ssl, size_t warnings)
{
	struct rnm_redis_settings *s = settings_of(text);

	assert_int_equal(s->ssl, ssl);
	assert_int_equal(s->warning_count, warnings);
	rnm_redis_settings_free(s);
}

static void switches(void **state)
{
	(void)state;
	assert_ssl("redis { servers = a; ssl = true; }", true, 0);
	assert_ssl("redis { servers = a; ssl = \"false\"; }", true, 1);
	assert_ssl("redis { servers = a; ssl = 0; }", true, 1);
	assert_ssl("redis { servers = a; ssl = true; } neural { ssl = false; }", false, 0);
	assert_ssl("redis { servers = a; ssl = false; } neural { ssl = \"yes\"; }", true, 0);
}

static void assert_fails(const char *text, enum rnm_status status, const char *id, unsigned line,
                         const char *message)
{
	struct rnm_config *config = config_from_text(text);
	struct rnm_redis_settings *settings = NULL;
	struct rnm_error err;

	assert_int_equal(rnm_redis_settings_from_config(&settings, config, &err), status);
	assert_null(settings);
	assert_string_equal(err.id, id);
	assert_int_equal(err.line, line);
	assert_string_equal(err.message, message);
	if (status == RNM_E_NOT_FOUND)
		assert_string_equal(err.reference, "cannot get Redis configuration for neural module");
	assert_true(err.hint[0] != '\0' || status != RNM_E_NOT_FOUND);
	rnm_config_free(config);
}

static void failures(void **state)
{
	static const char nothing[] =
	    "expected servers of Redis for the neural module, found none in the sections neural "
	    "and redis";

	(void)state;
	assert_fails("neural { }", RNM_E_NOT_FOUND, "redis.no-servers", 0, nothing);
	assert_fails("redis { }", RNM_E_NOT_FOUND, "redis.no-servers", 0, nothing);
	assert_fails("redis = host;", RNM_E_NOT_FOUND, "redis.no-servers", 0, nothing);
	assert_fails("neural { redis = host; }", RNM_E_NOT_FOUND, "redis.no-servers", 0, nothing);
	/* Sentinels of a section that is not looked at, or may not be used, do not count. */
	assert_fails("redis { sentinels = \"a\"; neural { db = 1; } }", RNM_E_NOT_FOUND, "redis.no-servers", 1,
	             "expected servers in the section neural inside the section redis, found none");
	assert_fails("redis { sentinels = \"a\"; disabled_modules = [\"neural\"]; }", RNM_E_NOT_FOUND,
	             "redis.no-servers", 1,
	             "expected the section redis to serve the neural module, found it in disabled_modules");
	assert_fails("redis { sentinels = \" ,\"; }", RNM_E_NOT_FOUND, "redis.no-servers", 0, nothing);
	assert_fails("redis {\nwrite_servers = a; }", RNM_E_NOT_FOUND, "redis.no-servers", 2,
	             "expected servers of Redis to read from, found only write_servers");
	assert_fails("redis {\nservers = \"\"; }", RNM_E_NOT_FOUND, "redis.no-servers", 2,
	             "expected servers of Redis for the neural module, found an empty list");
	assert_fails("redis {\nservers = \"random: ,\"; }", RNM_E_NOT_FOUND, "redis.no-servers", 2,
	             "expected servers of Redis for the neural module, found an empty list");
	assert_fails("redis { servers = b; } neural {\nservers = []; }", RNM_E_NOT_FOUND, "redis.no-servers",
	             2, "expected servers of Redis for the neural module, found an empty list");
	assert_fails("redis { servers = a;\nneural { db = 0; } }", RNM_E_NOT_FOUND, "redis.no-servers", 2,
	             "expected servers in the section neural inside the section redis, found none, and "
	             "rspamd then does "
	             "not look at the servers of the section redis around it");
	assert_fails("redis {\nneural { db = 0; } }", RNM_E_NOT_FOUND, "redis.no-servers", 2,
	             "expected servers in the section neural inside the section redis, found none");
	assert_fails("redis { servers = a;\ndisabled_modules = [\"x\", \"neural\"]; }", RNM_E_NOT_FOUND,
	             "redis.no-servers", 2,
	             "expected the section redis to serve the neural module, found it in disabled_modules");
	assert_fails("redis { servers = a;\ndisabled_modules = neural; }", RNM_E_NOT_FOUND,
	             "redis.no-servers", 2,
	             "expected the section redis to serve the neural module, found it in disabled_modules");
	assert_fails(
	    "redis {\nservers = 6379; }", RNM_E_MALFORMED, "redis.servers-type", 2,
	    "expected servers of the section redis to be a string or a list of strings, found an integer");
	assert_fails(
	    "neural {\nservers = true; }", RNM_E_MALFORMED, "redis.servers-type", 2,
	    "expected servers of the section neural to be a string or a list of strings, found a boolean");
	assert_fails(
	    "redis {\nservers = [\"a\", 5]; }", RNM_E_MALFORMED, "redis.servers-type", 2,
	    "expected servers of the section redis to be a string or a list of strings, found an integer");
	assert_fails("redis { servers = a;\npassword { } }", RNM_E_MALFORMED, "redis.value-type", 2,
	             "expected password of the section redis to be a string in quotes, found a section");
	assert_fails("redis { servers = a;\nsentinel_watch_time = soon; }", RNM_E_MALFORMED,
	             "redis.value-type", 2,
	             "expected sentinel_watch_time of the section redis to be a number, found a string");
}

static void warning_texts(void **state)
{
	struct rnm_redis_settings *s = settings_of("redis { servers = a; timeout = \"3s\"; password = 42; }");

	(void)state;
	assert_int_equal(s->warning_count, 2);
	/* file:line: text, and never the password itself. */
	assert_non_null(strstr(s->warnings[0], ":1: password of the section redis is a number"));
	assert_null(strstr(s->warnings[0], "42"));
	assert_non_null(strstr(s->warnings[1],
	                       ":1: timeout = \"3s\" of the section redis is a string, which rspamd ignores; "
	                       "3 seconds are used here"));
	rnm_redis_settings_free(s);
}

struct url_case {
	const char *url, *server, *db, *username, *password, *sni, *origin;
	bool ssl;
};

static void good_urls(void **state)
{
	static const struct url_case cases[] = {
		{ "redis://localhost", "localhost:6379", "-", "-", "-", "-", "URL redis://localhost:6379",
		  false },
		{ "redis://127.0.0.1:7000/2", "127.0.0.1:7000", "2", "-", "-", "-",
		  "URL redis://127.0.0.1:7000", false },
		{ "redis://:secret@h", "h:6379", "-", "-", "secret", "-", "URL redis://h:6379", false },
		{ "redis://u@h/", "h:6379", "-", "u", "-", "-", "URL redis://h:6379", false },
		{ "redis://u:p%40%2fss%25@h:1?db=9", "h:1", "9", "u", "p@/ss%", "-", "URL redis://h:1",
		  false },
		{ "redis://u:p@ss:w@h", "h:6379", "-", "u", "p@ss:w", "-", "URL redis://h:6379", false },
		{ "REDISS://[::1]:6380", "[::1]:6380", "-", "-", "-", "-", "URL rediss://[::1]:6380", true },
		{ "redis://[fe80::1]", "[fe80::1]:6379", "-", "-", "-", "-", "URL redis://[fe80::1]:6379",
		  false },
		{ "rediss://cache.example.org", "cache.example.org:6379", "-", "-", "-", "-",
		  "URL rediss://cache.example.org:6379", true },
		{ "rediss://10.0.0.1", "10.0.0.1:6379", "-", "-", "-", "-", "URL rediss://10.0.0.1:6379",
		  true },
		/* A host that would read as a rotation prefix in a list. */
		{ "redis://random", "random:6379", "-", "-", "-", "-", "URL redis://random:6379", false },
		{ "unix:///run/redis/redis.sock", "/run/redis/redis.sock", "-", "-", "-", "-",
		  "URL unix:///run/redis/redis.sock", false },
		{ "unix:///tmp/a%20b,c;d%3f:1?db=3", "/tmp/a b,c;d?:1", "3", "-", "-", "-",
		  "URL unix:///tmp/a b,c;d?:1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_redis_settings *s = NULL;
		struct rnm_error err;

		if (rnm_redis_settings_from_url(&s, cases[i].url, &err) != RNM_OK)
			fail_msg("%s: %s", cases[i].url, err.message);
		assert_int_equal(s->read_count, 1);
		assert_int_equal(s->write_count, 1);
		assert_text("server", s->read_servers[0], cases[i].server);
		assert_text("server", s->write_servers[0], cases[i].server);
		assert_text("db", s->db, cases[i].db);
		assert_text("username", s->username, cases[i].username);
		assert_text("password", s->password, cases[i].password);
		assert_text("sni", s->sni, cases[i].sni);
		assert_text("origin", s->origin, cases[i].origin);
		assert_int_equal(s->ssl, cases[i].ssl);
		assert_true(s->literal_servers);
		assert_true(fabs(s->timeout - RNM_REDIS_TIMEOUT) < 1e-9);
		rnm_redis_settings_free(s);
	}
}

static void bad_urls(void **state)
{
	static const char *const urls[] = {
		"",
		"localhost",
		"http://h",
		"redis:/h",
		"redis://",
		"redis://:6379",
		"redis://u:p@",
		"redis://h:0",
		"redis://h:65536",
		"redis://h:99999999999999999999",
		"redis://h:abc",
		"redis://h/x",
		"redis://h/1/2",
		"redis://h/-1",
		"redis://h?db=x",
		"redis://h?x=1",
		"redis://h?db=1&x=2",
		"redis://h#f",
		"redis://[::1",
		"redis://[::1]x",
		"redis://[host]",
		"redis://a,b",
		"redis://a%20b",
		"redis://a%2fb",
		"redis://::1",
		"redis://%",
		"redis://h%0",
		"redis://h%zz",
		"redis://h%00",
		"redis://:pw%00@h",
		"redis://:s3cret/x@h",
		"unix://relative",
		"unix://",
		"unix:///a%00b",
		"unix:///s?x=1",
		"redis://./path",
		"redis://service=x+y",
		"redis://h/1234567890",
	};
	char longest[256] = "unix:///";

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct rnm_redis_settings *s = NULL;
		struct rnm_error err;

		if (rnm_redis_settings_from_url(&s, urls[i], &err) != RNM_E_USAGE)
			fail_msg("%s is accepted", urls[i]);
		assert_string_equal(err.id, "redis.url");
		assert_memory_equal(err.message, "malformed Redis URL: ", 21);
		assert_null(strstr(err.message, "s3cret"));
		assert_null(s);
	}
	/* The system's limit of 107 bytes for the path of a socket. */
	memset(longest + 8, 'x', 106);
	for (int extra = 0; extra < 2; extra++) {
		struct rnm_redis_settings *s = NULL;

		longest[8 + 106 + extra] = '\0';
		assert_int_equal(rnm_redis_settings_from_url(&s, longest, NULL),
		                 extra == 0 ? RNM_OK : RNM_E_USAGE);
		rnm_redis_settings_free(s);
		longest[8 + 106] = 'x';
	}
}

/* rspamd gives up where no section names servers; there Sentinels stand in. */
static void only_sentinels(void **state)
{
	static const struct {
		const char *text, *sentinels, *origin;
		size_t warnings;
	} cases[] = {
		{ "redis { sentinels = \"a,b:26379\"; }", "a,b:26379", "redis", 1 },
		{ "neural { redis { sentinels = s; } }", "s", "neural.redis", 1 },
		{ "neural { sentinels = s; } redis { neural { db = 1; } }", "s", "neural", 1 },
		{ "redis { neural { sentinels = s; } sentinels = other; }", "s", "redis.neural", 1 },
		/* With servers they are only what is asked first. */
		{ "neural { sentinels = s; } redis { servers = a; sentinels = other; }", "s", "redis", 0 },
	};
	struct rnm_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_redis_settings *s = settings_of(cases[i].text);
		const bool alone = s->read_count == 0;
		char origin[64];

		assert_int_equal(s->sentinel_count, 1);
		assert_text("sentinels", s->sentinels[0], cases[i].sentinels);
		snprintf(origin, sizeof(origin), "section %s, ", cases[i].origin);
		assert_memory_equal(s->origin, origin, strlen(origin));
		assert_int_equal(alone, cases[i].warnings == 1);
		assert_int_equal(s->warning_count, cases[i].warnings);
		if (alone)
			assert_non_null(strstr(s->warnings[0], "stand alone, and without servers beside them "
			                                       "rspamd finds no Redis"));
		/* The original never asks them. */
		assert_int_equal(rnm_redis_settings_drop_sentinels(s, &err), alone ? RNM_E_NOT_FOUND : RNM_OK);
		assert_int_equal(s->sentinel_count, 0);
		if (alone) {
			assert_string_equal(err.id, "redis.no-servers");
			assert_string_equal(err.reference, "cannot get Redis configuration for neural module");
		}
		rnm_redis_settings_free(s);
	}
}

static void passwords(void **state)
{
	struct rnm_redis_settings *s = NULL;

	(void)state;
	assert_int_equal(rnm_redis_settings_from_url(&s, "redis://:old@h", NULL), RNM_OK);
	assert_int_equal(rnm_redis_settings_set_password(s, "new", NULL), RNM_OK);
	assert_text("password", s->password, "new");
	assert_int_equal(rnm_redis_settings_set_password(s, NULL, NULL), RNM_OK);
	assert_null(s->password);
	assert_int_equal(rnm_redis_settings_set_password(s, "", NULL), RNM_OK);
	assert_text("password", s->password, "");
	rnm_redis_settings_free(s);
	rnm_redis_settings_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(precedence),    cmocka_unit_test(servers),   cmocka_unit_test(timeouts),
		cmocka_unit_test(texts),         cmocka_unit_test(switches),  cmocka_unit_test(failures),
		cmocka_unit_test(warning_texts), cmocka_unit_test(good_urls), cmocka_unit_test(bad_urls),
		cmocka_unit_test(passwords),     cmocka_unit_test(only_sentinels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
