/* SPDX-License-Identifier: Apache-2.0 */
/* What of a pull needs no server: signatures checked in pieces, what is remembered, URLs, limits of speed. */
#include "share/ed25519.h"
#include "share/http.h"
#include "share/pull_internal.h"
#include "share/pull_state.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <rnm/pull.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- signatures in pieces ---- */

static void digest_of(uint8_t digest[64], const struct rnm_public_key *key, const uint8_t *signature,
                      const uint8_t *message, size_t len)
{
	crypto_hash_sha512_state state;

	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, signature, 32);
	crypto_hash_sha512_update(&state, key->bytes, 32);
	crypto_hash_sha512_update(&state, message, len);
	crypto_hash_sha512_final(&state, digest);
}

/* Ours says what libsodium says. */
static void compare(const struct rnm_public_key *key, const uint8_t *signature, const uint8_t *message,
                    size_t len, bool expected)
{
	uint8_t digest[64];

	digest_of(digest, key, signature, message, len);
	assert_int_equal(crypto_sign_verify_detached(signature, message, len, key->bytes) == 0, expected);
	assert_int_equal(rnm_ed25519_check_digest(key, signature, digest), expected);
}

static void test_signature_equals_libsodium(void **state)
{
	uint8_t seed[32], secret[64], signature[64], message[100];
	struct rnm_public_key key;

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		const size_t len = i % sizeof(message);

		memset(seed, 0, sizeof(seed));
		memcpy(seed, &i, sizeof(i));
		crypto_sign_seed_keypair(key.bytes, secret, seed);
		randombytes_buf_deterministic(message, sizeof(message), seed);
		crypto_sign_detached(signature, NULL, message, len, secret);
		compare(&key, signature, message, len, true);
		/* Each bit of signature and key turned, and one of the message. */
		signature[i % 64] ^= (uint8_t)(1 << i / 64 % 8);
		compare(&key, signature, message, len, false);
		signature[i % 64] ^= (uint8_t)(1 << i / 64 % 8);
		if (len > 0) {
			message[i % len] ^= 1;
			compare(&key, signature, message, len, false);
		}
	}
}

static void test_signature_is_no_other_signature(void **state)
{
	/* The order of the group, the lowest byte first: S + L is the same number to whoever does not look. */
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
		                           0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
		                           0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10 };
	static const uint8_t message[] = "RNM1 test\n";
	uint8_t seed[32] = { 7 }, secret[64], signature[64], forged[64];
	struct rnm_public_key key;
	unsigned carry = 0;

	(void)state;
	crypto_sign_seed_keypair(key.bytes, secret, seed);
	crypto_sign_detached(signature, NULL, message, sizeof(message), secret);
	memcpy(forged, signature, sizeof(forged));
	for (int i = 0; i < 32; i++) {
		carry += (unsigned)forged[32 + i] + order[i];
		forged[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	compare(&key, forged, message, sizeof(message), false);
	/* Points of small order, for which S = 0 signs everything. */
	memset(forged, 0, sizeof(forged));
	forged[0] = 1;
	memset(key.bytes, 0, sizeof(key.bytes));
	key.bytes[0] = 1;
	compare(&key, forged, message, sizeof(message), false);
	memset(key.bytes, 0xff, sizeof(key.bytes));
	compare(&key, forged, message, sizeof(message), false);
}

/* ---- what is remembered ---- */

static struct rnm_trust *trust_of(const struct rnm_public_key *keys, size_t count)
{
	struct rnm_trust *trust = NULL;

	assert_int_equal(rnm_trust_new(&trust, NULL), RNM_OK);
	for (size_t i = 0; i < count; i++) {
		char text[RNM_PUBLIC_KEY_TEXT_SIZE];

		rnm_public_key_text(&keys[i], text);
		assert_int_equal(rnm_trust_add_text(trust, text, NULL), RNM_OK);
	}
	return trust;
}

static void make_key(struct rnm_public_key *key, uint32_t number)
{
	uint8_t seed[32] = { 0 }, secret[64];

	memcpy(seed, &number, sizeof(number));
	crypto_sign_seed_keypair(key->bytes, secret, seed);
}

static void see(struct rnm_pull_state *state, const char *name, uint64_t version, int64_t created,
                const struct rnm_public_key *key, const struct rnm_trust *trust)
{
	struct rnm_statement statement = { .has_model_version = version > 0,
		                           .model_version = version,
		                           .created = created };

	(void)snprintf(statement.name, sizeof(statement.name), "%s", name);
	rnm_pull_floor_set(state, &statement, key, trust, false);
}

static void test_floors(void **ctx)
{
	struct rnm_pull_state *state = calloc(1, sizeof(*state));
	struct rnm_public_key keys[2];
	struct rnm_trust *both, *second;
	struct rnm_statement old = { .name = "a", .has_model_version = true, .model_version = 1 };

	(void)ctx;
	make_key(&keys[0], 1);
	make_key(&keys[1], 2);
	both = trust_of(keys, 2);
	second = trust_of(keys + 1, 1);
	assert_null(rnm_pull_floor_find(state, "a", both));
	see(state, "a", 4, 100, &keys[0], both);
	see(state, "a", 2, 300, &keys[1], both);
	see(state, "b", 9, 500, &keys[1], both);
	assert_int_equal(rnm_pull_floor_find(state, "a", both)->model_version, 4);
	assert_int_equal(rnm_pull_floor_find(state, "a", second)->model_version, 2);
	see(state, "a", 5, 90, &keys[0], both);
	assert_int_equal(state->floor_count, 3);
	assert_int_equal(rnm_pull_floor_find(state, "a", both)->model_version, 5);
	/* A way back counts for all keys. */
	rnm_pull_floor_set(state, &old, &keys[0], both, true);
	assert_int_equal(rnm_pull_floor_find(state, "a", both)->model_version, 1);
	assert_int_equal(rnm_pull_floor_find(state, "b", both)->model_version, 9);
	rnm_trust_free(both);
	rnm_trust_free(second);
	free(state);
}

static void test_floors_never_overflow(void **ctx)
{
	struct rnm_pull_state *state = calloc(1, sizeof(*state));
	struct rnm_public_key trusted, key;
	struct rnm_trust *trust;

	(void)ctx;
	make_key(&trusted, 0);
	trust = trust_of(&trusted, 1);
	see(state, "a", 7, 1, &trusted, trust);
	for (uint32_t i = 1; i < 2 * RNM_PULL_FLOORS_MAX; i++) {
		make_key(&key, i);
		see(state, "a", i, i, &key, trust);
		assert_true(state->floor_count <= RNM_PULL_FLOORS_MAX);
	}
	assert_int_equal(rnm_pull_floor_find(state, "a", trust)->model_version, 7);
	rnm_trust_free(trust);
	free(state);
}

static void test_state_is_read_as_it_was_written(void **ctx)
{
	struct rnm_pull_state *state = calloc(1, sizeof(*state)), *again = calloc(1, sizeof(*again));
	struct rnm_public_key key;
	struct rnm_trust *trust;
	struct rnm_buf text, text_again;

	(void)ctx;
	make_key(&key, 3);
	trust = trust_of(&key, 1);
	see(state, "a\"\\\n\xc3\xa4", INT64_MAX, -1, &key, trust);
	strcpy(state->statement, "{\"a\":1}\n{}\n");
	strcpy(state->statement_is.etag, "W/\"x\"");
	strcpy(state->model_is.modified, "Mon, 23 Nov 2026 15:24:12 GMT");
	state->has_url = state->has_model = state->has_part = state->pending = true;
	memset(state->url, 1, sizeof(state->url));
	memset(state->model, 2, sizeof(state->model));
	memset(state->signature, 3, sizeof(state->signature));
	memset(state->part, 4, sizeof(state->part));
	state->has_hashed = true;
	memset(state->hashed, 5, sizeof(state->hashed));
	state->hashed_at = 1700000000;
	rnm_buf_init(&text, RNM_PULL_STATE_FILE_MAX);
	rnm_buf_init(&text_again, RNM_PULL_STATE_FILE_MAX);
	assert_int_equal(rnm_pull_state_print(state, &text, NULL), RNM_OK);
	assert_int_equal(rnm_pull_state_parse(again, (struct rnm_bytes){ text.data, text.len }, "state",
	                                      NULL),
	                 RNM_OK);
	/* A key has padding, which nobody promises anything about. */
	assert_true(rnm_public_key_equal(&again->floors[0].key, &key));
	assert_string_equal(again->floors[0].name, state->floors[0].name);
	assert_true(again->floors[0].model_version == INT64_MAX && again->floors[0].created == -1);
	assert_memory_equal(&state->floor_count, &again->floor_count,
	                    sizeof(*state) - offsetof(struct rnm_pull_state, floor_count));
	assert_int_equal(rnm_pull_state_print(again, &text_again, NULL), RNM_OK);
	assert_string_equal(text.data, text_again.data);
	/* Cut anywhere, it is no state. */
	for (size_t len = 0; len + 2 < text.len; len++)
		assert_int_equal(rnm_pull_state_parse(again, (struct rnm_bytes){ text.data, len }, "state",
		                                      NULL),
		                 RNM_E_MALFORMED);
	rnm_buf_free(&text);
	rnm_buf_free(&text_again);
	rnm_trust_free(trust);
	free(state);
	free(again);
}

/* ---- HTTP ---- */

static void test_urls_lose_their_password(void **state)
{
	static const char *const cases[][2] = {
		{ "https://u:p@host/x", "https://host/x" },
		{ "https://u:p@q@host/x@y", "https://host/x@y" },
		{ "https://host?u:p@x", "https://host?u:p@x" },
		{ "https://host#u:p@x", "https://host#u:p@x" },
		{ "https://host/x", "https://host/x" },
		{ "no url", "no url" },
		{ "https://u@", "https://" },
	};
	char text[RNM_PULL_URL_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rnm_pull_url_text(text, cases[i][0]);
		assert_string_equal(text, cases[i][1]);
	}
	rnm_http_url_plain(text, 10, "https://u:p@host/x");
	assert_string_equal(text, "https://h");
}

static void test_urls_that_are_refused(void **state)
{
	static const struct {
		const char *url;
		enum rnm_status status;
		const char *id;
	} cases[] = {
		{ "http://192.0.2.1/", RNM_E_REFUSED, "http.plain" },
		{ "http://127.0.0.1.example/", RNM_E_REFUSED, "http.plain" },
		{ "http://localhost.example/", RNM_E_REFUSED, "http.plain" },
		{ "http://128.0.0.1/", RNM_E_REFUSED, "http.plain" },
		{ "http://[::2]/", RNM_E_REFUSED, "http.plain" },
		{ "http://127.0.0.1@192.0.2.1/", RNM_E_REFUSED, "http.plain" },
		{ "HTTP://192.0.2.1/", RNM_E_REFUSED, "http.plain" },
		{ "file:///etc/passwd", RNM_E_USAGE, "http.url" },
		{ "", RNM_E_USAGE, "http.url" },
		{ "https://", RNM_E_USAGE, "http.url" },
		{ "https://a b/", RNM_E_USAGE, "http.url" },
		{ "http://127.0.0.1:99999/", RNM_E_USAGE, "http.url" },
		/* Nobody listens there: they were not refused. */
		{ "http://127.0.0.1:1/", RNM_E_IO, "http.connect" },
		{ "http://127.1.2.3:1/", RNM_E_IO, "http.connect" },
		{ "http://localhost:1/", RNM_E_IO, "http.connect" },
	};
	const struct rnm_http_settings settings = { 0 };
	struct rnm_http *http = NULL;

	(void)state;
	assert_int_equal(rnm_http_new(&http, &settings, NULL), RNM_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rnm_http_request request = { .url = cases[i].url, .max = 1 };
		struct rnm_error err;

		assert_int_equal(rnm_http_send(http, &request, &err), cases[i].status);
		assert_string_equal(err.id, cases[i].id);
	}
	rnm_http_free(http);
	rnm_http_free(NULL);
}

struct listener {
	int fd;
	char url[64];
	const char *answer; /* what is sent at once */
	unsigned drips;     /* and then so many bytes, ten a second */
	char request[4096]; /* what came */
	size_t request_len;
	size_t body; /* bytes of it behind the headers that are waited for */
	pthread_t thread;
};

static void *answer_one(void *ctx)
{
	struct listener *listener = ctx;
	const int fd = accept(listener->fd, NULL, NULL);
	char *end = NULL;

	while (listener->request_len < sizeof(listener->request) - 1 &&
	       (end == NULL || listener->request + listener->request_len < end + 4 + listener->body)) {
		ssize_t got = read(fd, listener->request + listener->request_len,
		                   sizeof(listener->request) - 1 - listener->request_len);

		if (got <= 0)
			break;
		listener->request_len += (size_t)got;
		end = strstr(listener->request, "\r\n\r\n");
	}
	(void)!write(fd, listener->answer, strlen(listener->answer));
	for (unsigned i = 0; i < listener->drips; i++) {
		usleep(100000);
		if (send(fd, "x", 1, MSG_NOSIGNAL) < 0)
			break;
	}
	close(fd);
	return NULL;
}

static void start(struct listener *listener)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener->fd, 1), 0);
	assert_int_equal(getsockname(listener->fd, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(listener->url, sizeof(listener->url), "http://127.0.0.1:%u/x",
	               ntohs(address.sin_port));
	assert_int_equal(pthread_create(&listener->thread, NULL, answer_one, listener), 0);
}

static void finish(struct listener *listener)
{
	assert_int_equal(pthread_join(listener->thread, NULL), 0);
	close(listener->fd);
}

static void test_a_dripping_server_is_given_up(void **state)
{
	struct listener listener = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
		                     .drips = 60 };
	const struct rnm_http_settings settings = { .slow_bytes = 1000, .slow_seconds = 1 };
	struct rnm_http *http = NULL;
	struct rnm_http_request request = { .url = listener.url, .max = 100000 };
	struct rnm_error err;

	(void)state;
	start(&listener);
	assert_int_equal(rnm_http_new(&http, &settings, NULL), RNM_OK);
	assert_int_equal(rnm_http_send(http, &request, &err), RNM_E_IO);
	assert_string_equal(err.id, "http.slow");
	assert_string_equal(err.message, "the server sent less than 1000 bytes a second for 1 seconds");
	rnm_http_free(http);
	finish(&listener);
}

static int read_source(void *ctx, uint64_t offset, void *data, size_t len)
{
	(void)ctx;
	memset(data, 'a' + (int)(offset % 26), len);
	return 0;
}

static void test_methods_and_what_they_send(void **state)
{
	static const char *const headers[] = { "X-One: 1", "X-Two: 2" };
	const struct rnm_http_settings settings = { .user = "u", .password = "p" };
	struct rnm_http *http = NULL;
	struct listener put = { .answer = "HTTP/1.1 201 Created\r\nX-Back:  b \r\nContent-Length: 0\r\n"
		                          "Connection: close\r\n\r\n",
		                .body = 5 };
	struct listener source = put, erase = put, head = put;

	(void)state;
	erase.body = head.body = 0;
	source.body = 3;
	assert_int_equal(rnm_http_new(&http, &settings, NULL), RNM_OK);
	start(&put);
	{
		const struct rnm_http_request request = { .method = RNM_HTTP_PUT,
			                                  .url = put.url,
			                                  .headers = headers,
			                                  .header_count = 2,
			                                  .body = { "hello", 5 },
			                                  .max = 10 };

		assert_int_equal(rnm_http_send(http, &request, NULL), RNM_OK);
	}
	finish(&put);
	assert_int_equal(rnm_http_status(http), 201);
	assert_string_equal(rnm_http_header(http, "x-back"), "b");
	assert_null(rnm_http_header(http, "x-none"));
	assert_int_equal(rnm_http_length(http), 0);
	assert_string_equal(rnm_http_url(http), put.url);
	assert_non_null(strstr(put.request, "PUT /x HTTP/1.1\r\n"));
	assert_non_null(strstr(put.request, "Content-Length: 5\r\n"));
	assert_non_null(strstr(put.request, "X-One: 1\r\nX-Two: 2\r\n"));
	assert_non_null(strstr(put.request, "Authorization: Basic dTpw\r\n"));
	assert_non_null(strstr(put.request, "\r\n\r\nhello"));
	assert_null(strstr(put.request, "Expect:"));
	start(&source);
	{
		const struct rnm_http_request request = { .method = RNM_HTTP_PUT,
			                                  .url = source.url,
			                                  .source = read_source,
			                                  .source_size = 3,
			                                  .max = 10 };

		assert_int_equal(rnm_http_send(http, &request, NULL), RNM_OK);
	}
	finish(&source);
	assert_non_null(strstr(source.request, "\r\n\r\naaa"));
	start(&erase);
	{
		const struct rnm_http_request request = { .method = RNM_HTTP_DELETE,
			                                  .url = erase.url,
			                                  .max = 10 };

		assert_int_equal(rnm_http_send(http, &request, NULL), RNM_OK);
	}
	finish(&erase);
	assert_non_null(strstr(erase.request, "DELETE /x HTTP/1.1\r\n"));
	start(&head);
	{
		const struct rnm_http_request request = { .method = RNM_HTTP_HEAD,
			                                  .url = head.url,
			                                  .max = 10 };

		assert_int_equal(rnm_http_send(http, &request, NULL), RNM_OK);
	}
	finish(&head);
	assert_non_null(strstr(head.request, "HEAD /x HTTP/1.1\r\n"));
	rnm_http_free(http);
}

static void test_bodies_have_their_limit(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901",
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n12345678901",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n",
	};
	const struct rnm_http_settings settings = { 0 };
	struct rnm_http *http = NULL;

	(void)state;
	assert_int_equal(rnm_http_new(&http, &settings, NULL), RNM_OK);
	for (uint64_t max = 10; max <= 11; max++)
		for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
			struct listener listener = { .answer = answers[i] };
			const struct rnm_http_request request = { .url = listener.url, .max = max };
			struct rnm_error err = { 0 };

			start(&listener);
			assert_int_equal(rnm_http_send(http, &request, &err),
			                 max == 10 ? RNM_E_MALFORMED : RNM_OK);
			assert_string_equal(err.id, max == 10 ? "http.too-large" : "");
			finish(&listener);
		}
	rnm_http_free(http);
}

static void test_a_raised_flag_ends_a_request(void **state)
{
	static volatile sig_atomic_t cancel = 1;
	const struct rnm_http_settings settings = { .cancel = &cancel };
	struct rnm_http *http = NULL;
	const struct rnm_http_request request = { .url = "http://127.0.0.1:1/", .max = 1 };

	(void)state;
	assert_int_equal(rnm_http_new(&http, &settings, NULL), RNM_OK);
	assert_int_equal(rnm_http_send(http, &request, NULL), RNM_E_INTERRUPTED);
	rnm_http_free(http);
}

/* ---- objects of a published tree ---- */

static void test_objects_lie_beside_the_models(void **state)
{
	static const struct {
		const char *url;
		const char *folder; /* of the object; NULL: the URL is none of a tree */
		const char *tail;
	} rows[] = {
		{ "https://h/models/m", "https://h/objects/", "" },
		{ "https://h:8/a/b/models/m?token=1/2#part", "https://h:8/a/b/objects/", "?token=1/2" },
		{ "https://h/models/models/m#x", "https://h/models/objects/", "" },
		{ "https://h/m", NULL, NULL },
		{ "https://h/amodels/m", NULL, NULL },
		{ "https://h/models/m/x", NULL, NULL },
		{ "https://h/x?a=/models/m", NULL, NULL },
		/* Nobody but the server of the URL is asked. */
		{ "https://models/m", NULL, NULL },
	};
	uint8_t hash[RNM_BLAKE2B_SIZE];
	char hex[2 * RNM_BLAKE2B_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(hash); i++)
		hash[i] = (uint8_t)(i * 7);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct rnm_pull_options options = { .url = rows[i].url,
			                                  .state_dir = "/nowhere",
			                                  .name = "m" };
		struct rnm_pull_paths paths;
		char expected[256];

		assert_int_equal(rnm_pull_paths_make(&paths, &options, NULL), RNM_OK);
		if (rows[i].folder == NULL) {
			assert_int_equal(rnm_pull_paths_to_object(&paths, &options, hash, NULL), RNM_NO);
			rnm_pull_paths_free(&paths);
			continue;
		}
		assert_int_equal(rnm_pull_paths_to_object(&paths, &options, hash, NULL), RNM_OK);
		snprintf(expected, sizeof(expected), "%s%s.rnm%s", rows[i].folder, hex, rows[i].tail);
		assert_string_equal(paths.model_url, expected);
		snprintf(expected, sizeof(expected), "%s%s.rnm.sig%s", rows[i].folder, hex, rows[i].tail);
		assert_string_equal(paths.signature_url, expected);
		rnm_pull_paths_free(&paths);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signature_equals_libsodium),
		cmocka_unit_test(test_signature_is_no_other_signature),
		cmocka_unit_test(test_floors),
		cmocka_unit_test(test_floors_never_overflow),
		cmocka_unit_test(test_state_is_read_as_it_was_written),
		cmocka_unit_test(test_urls_lose_their_password),
		cmocka_unit_test(test_urls_that_are_refused),
		cmocka_unit_test(test_objects_lie_beside_the_models),
		cmocka_unit_test(test_a_dripping_server_is_given_up),
		cmocka_unit_test(test_methods_and_what_they_send),
		cmocka_unit_test(test_bodies_have_their_limit),
		cmocka_unit_test(test_a_raised_flag_ends_a_request),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
