/* SPDX-License-Identifier: Apache-2.0 */
/* Files on their way to clients that are slow, say more, or go away; of libmicrohttpd only what it is told. */
#include "share/serve_headers.h"
#include "share/serve_send.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* More than a socket takes at once, and than one piece. */
#define SIZE ((size_t)5 << 20)
#define HEAD "the head\r\n\r\n"
#define HEAD_LENGTH (sizeof(HEAD) - 1)
#define MANY 6

static unsigned char *content;
static int file = -1;

static int make_file(void **state)
{
	uint32_t word = 1;

	(void)state;
	content = malloc(SIZE);
	file = memfd_create("sent", MFD_CLOEXEC);
	assert_true(content != NULL && file >= 0);
	for (size_t i = 0; i < SIZE; i++) {
		word = word * 1664525u + 1013904223u;
		content[i] = (unsigned char)(word >> 24);
	}
	assert_int_equal(pwrite(file, content, SIZE, 0), SIZE);
	/* As in the threads of libmicrohttpd. */
	(void)signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	close(file);
	free(content);
	return 0;
}

/* Begins to send; what the client reads from is *peer. */
static struct rnm_sending *begin(int *peer, uint64_t offset, uint64_t length)
{
	struct rnm_sending *sending = calloc(1, sizeof(*sending));
	int pair[2];

	assert_non_null(sending);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	*peer = pair[1];
	/* Nothing else of it is asked for: the test knows the sending by it. */
	sending->connection = (struct MHD_Connection *)(void *)sending;
	sending->socket = pair[0];
	sending->file = file;
	sending->offset = offset;
	sending->left = length;
	memcpy(sending->head, HEAD, HEAD_LENGTH);
	sending->head_length = HEAD_LENGTH;
	return sending;
}

static void end(struct rnm_sending *sending, int peer)
{
	close(sending->socket);
	if (peer >= 0)
		close(peer);
	free(sending);
}

/* Reads until nothing is there now; false when it is the end. */
static bool read_all(int peer, unsigned char *out, size_t *got)
{
	ssize_t n = 1;

	while (n > 0) {
		n = recv(peer, out + *got, HEAD_LENGTH + SIZE - *got, MSG_DONTWAIT);
		if (n > 0)
			*got += (size_t)n;
	}
	return n < 0;
}

static void expect_answer(const unsigned char *got, size_t count, size_t offset, size_t length)
{
	assert_int_equal(count, HEAD_LENGTH + length);
	assert_memory_equal(got, HEAD, HEAD_LENGTH);
	assert_memory_equal(got + HEAD_LENGTH, content + offset, length);
}

/* ---- one sending --------------------------------------------------------------------------------- */

static void what_fits_is_sent_at_once(void **state)
{
	/* The last one: of 304, and of what HEAD asks for. */
	static const size_t lengths[] = { 5000, 1, 0 };
	unsigned char *got = malloc(HEAD_LENGTH + SIZE);

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t count = 0;
		int peer;
		struct rnm_sending *sending = begin(&peer, 1000, lengths[i]);

		assert_true(rnm_sending_go(sending));
		assert_int_equal(sending->state, RNM_SENDING_SENT);
		assert_true(read_all(peer, got, &count));
		expect_answer(got, count, 1000, lengths[i]);
		end(sending, peer);
	}
	free(got);
}

static void what_does_not_fit_waits_for_the_reader(void **state)
{
	unsigned char *got = malloc(HEAD_LENGTH + SIZE);
	size_t count = 0, turns = 0;
	int peer;
	struct rnm_sending *sending = begin(&peer, 0, SIZE);

	(void)state;
	while (!rnm_sending_go(sending)) {
		assert_int_equal(sending->state, RNM_SENDING_UNDERWAY);
		(void)read_all(peer, got, &count);
		turns++;
	}
	assert_int_equal(sending->state, RNM_SENDING_SENT);
	(void)read_all(peer, got, &count);
	assert_true(turns > 1);
	expect_answer(got, count, 0, SIZE);
	end(sending, peer);
	free(got);
}

static void a_head_in_pieces(void **state)
{
	unsigned char *got = malloc(HEAD_LENGTH + SIZE), filler[4096] = { 0 };
	size_t filled = 0, count = 0;
	ssize_t n;
	int peer;
	struct rnm_sending *sending = begin(&peer, 0, 100);

	(void)state;
	/* Full of an answer before. */
	while ((n = send(sending->socket, filler, sizeof(filler), 0)) > 0)
		filled += (size_t)n;
	assert_false(rnm_sending_go(sending));
	assert_int_equal(sending->state, RNM_SENDING_UNDERWAY);
	assert_int_equal(sending->left, 100);
	for (; filled > 0; filled -= (size_t)n)
		assert_true((n = recv(peer, filler, filled < sizeof(filler) ? filled : sizeof(filler), 0)) >
		            0);
	assert_true(rnm_sending_go(sending));
	assert_true(read_all(peer, got, &count));
	expect_answer(got, count, 0, 100);
	end(sending, peer);
	free(got);
}

static void a_client_that_goes_away(void **state)
{
	int peer;
	struct rnm_sending *sending = begin(&peer, 0, SIZE);

	(void)state;
	assert_false(rnm_sending_go(sending));
	close(peer);
	assert_true(rnm_sending_go(sending));
	assert_int_equal(sending->state, RNM_SENDING_FAILED);
	end(sending, -1);
	/* Before the head. */
	sending = begin(&peer, 0, SIZE);
	close(peer);
	assert_true(rnm_sending_go(sending));
	assert_int_equal(sending->state, RNM_SENDING_FAILED);
	end(sending, -1);
}

static void a_file_that_has_become_shorter(void **state)
{
	int peer;
	struct rnm_sending *sending = begin(&peer, SIZE - 10, 20);

	(void)state;
	assert_true(rnm_sending_go(sending));
	assert_int_equal(sending->state, RNM_SENDING_FAILED);
	assert_int_equal(sending->left, 10);
	end(sending, peer);
}

/* The kernel sends no such file by itself. */
static void a_file_that_must_be_copied(void **state)
{
	char first[4];
	unsigned char *got = malloc(HEAD_LENGTH + SIZE);
	size_t count = 0;
	int peer;
	struct rnm_sending *sending = begin(&peer, 0, sizeof(first));

	(void)state;
	sending->file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	assert_true(sending->file >= 0);
	assert_int_equal(pread(sending->file, first, sizeof(first), 0), sizeof(first));
	assert_true(rnm_sending_go(sending));
	assert_int_equal(sending->state, RNM_SENDING_SENT);
	assert_true(read_all(peer, got, &count));
	assert_int_equal(count, HEAD_LENGTH + sizeof(first));
	assert_memory_equal(got + HEAD_LENGTH, first, sizeof(first));
	close(sending->file);
	end(sending, peer);
	free(got);
}

static void a_client_that_may_say_more_is_heard(void **state)
{
	unsigned char *got = malloc(HEAD_LENGTH + SIZE);
	size_t count = 0;
	int peer;
	struct rnm_sending *sending = begin(&peer, 7, 3000);

	(void)state;
	sending->linger = true;
	assert_false(rnm_sending_go(sending));
	assert_int_equal(sending->state, RNM_SENDING_SENT);
	/* It is told that nothing follows, and may still speak. */
	assert_false(read_all(peer, got, &count));
	expect_answer(got, count, 7, 3000);
	assert_int_equal(send(peer, "GET / HTTP/1.1\r\n", 16, 0), 16);
	assert_false(rnm_sending_go(sending));
	assert_false(rnm_sending_go(sending));
	assert_int_equal(shutdown(peer, SHUT_WR), 0);
	assert_true(rnm_sending_go(sending));
	assert_int_equal(sending->state, RNM_SENDING_SENT);
	end(sending, peer);
	free(got);
}

/* ---- the thread ---------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct MHD_Connection *resumed[2 * MANY];
static size_t resumed_count, suspended_count;

static void suspend(struct MHD_Connection *connection)
{
	(void)connection;
	suspended_count++;
}

static void resume(struct MHD_Connection *connection)
{
	pthread_mutex_lock(&lock);
	assert_true(resumed_count < sizeof(resumed) / sizeof(resumed[0]));
	resumed[resumed_count++] = connection;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_for(size_t count)
{
	pthread_mutex_lock(&lock);
	while (resumed_count < count)
		pthread_cond_wait(&changed, &lock);
	assert_int_equal(resumed_count, count);
	pthread_mutex_unlock(&lock);
}

static unsigned times_resumed(const struct rnm_sending *sending)
{
	unsigned times = 0;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < resumed_count; i++)
		times += resumed[i] == sending->connection;
	pthread_mutex_unlock(&lock);
	return times;
}

static int start(void **state)
{
	static struct rnm_sender sender;
	struct rnm_error err;

	sender = (struct rnm_sender){ .started = false };
	resumed_count = suspended_count = 0;
	rnm_microhttpd.MHD_suspend_connection = suspend;
	rnm_microhttpd.MHD_resume_connection = resume;
	/* Without having been started. */
	rnm_sender_stop(&sender);
	rnm_sender_free(&sender);
	assert_int_equal(rnm_sender_start(&sender, &err), RNM_OK);
	assert_int_equal(rnm_sender_start(&sender, &err), RNM_OK);
	*state = &sender;
	return 0;
}

static int stop(void **state)
{
	rnm_sender_stop(*state);
	rnm_sender_stop(*state);
	rnm_sender_free(*state);
	rnm_sender_free(*state);
	return 0;
}

static void read_exactly(int peer, size_t offset, size_t length)
{
	unsigned char *got = malloc(HEAD_LENGTH + length);
	size_t count = 0;
	ssize_t n;

	while (count < HEAD_LENGTH + length &&
	       (n = recv(peer, got + count, HEAD_LENGTH + length - count, 0)) > 0)
		count += (size_t)n;
	expect_answer(got, count, offset, length);
	free(got);
}

static void many_at_one_time(void **state)
{
	struct rnm_sender *sender = *state;
	struct rnm_sending *sendings[MANY];
	int peers[MANY];

	for (size_t i = 0; i < MANY; i++) {
		sendings[i] = begin(&peers[i], i, SIZE - 2 * i);
		sendings[i]->linger = i % 2 == 1;
		assert_true(rnm_sender_take(sender, sendings[i]));
	}
	/* The last one first: none waits for another. */
	for (size_t i = MANY; i-- > 0;) {
		read_exactly(peers[i], i, SIZE - 2 * i);
		if (sendings[i]->linger)
			close(peers[i]);
		wait_for(MANY - i);
		assert_int_equal(times_resumed(sendings[i]), 1);
		assert_int_equal(sendings[i]->state, RNM_SENDING_SENT);
		end(sendings[i], sendings[i]->linger ? -1 : peers[i]);
	}
}

/* As rnm_links_expire does it when somebody reads too slowly. */
static void one_that_is_cut(void **state)
{
	int peer;
	struct rnm_sending *sending = begin(&peer, 0, SIZE);

	assert_true(rnm_sender_take(*state, sending));
	assert_int_equal(shutdown(sending->socket, SHUT_RDWR), 0);
	wait_for(1);
	assert_int_equal(sending->state, RNM_SENDING_FAILED);
	end(sending, peer);
}

static void a_stop_resumes_what_is_under_way(void **state)
{
	struct rnm_sender *sender = *state;
	struct rnm_sending *sendings[MANY];
	int peers[MANY];

	for (size_t i = 0; i < MANY; i++)
		sendings[i] = begin(&peers[i], 0, i == 0 ? 1000 : SIZE);
	/* All of this one is with its client, which has not said that it has nothing to add. */
	sendings[0]->linger = true;
	assert_false(rnm_sending_go(sendings[0]));
	for (size_t i = 0; i < MANY - 1; i++)
		assert_true(rnm_sender_take(sender, sendings[i]));
	rnm_sender_stop(sender);
	/* Too late. */
	assert_false(rnm_sender_take(sender, sendings[MANY - 1]));
	assert_int_equal(suspended_count, MANY - 1);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(times_resumed(sendings[i]), i < MANY - 1);
		assert_int_equal(sendings[i]->state, i == 0 ? RNM_SENDING_SENT : RNM_SENDING_FAILED);
		end(sendings[i], peers[i]);
	}
}

static void what_cannot_be_watched_fails(void **state)
{
	int peer;
	struct rnm_sending *sending = begin(&peer, 0, SIZE);

	/* epoll takes no regular file. */
	close(sending->socket);
	sending->socket = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_false(rnm_sender_take(*state, sending));
	assert_int_equal(suspended_count + resumed_count, 0);
	assert_int_equal(sending->state, RNM_SENDING_FAILED);
	end(sending, peer);
}

/* ---- heads --------------------------------------------------------------------------------------- */

static void heads(void **state)
{
	struct rnm_served served = { .type = "application/octet-stream", .size = UINT64_MAX };
	struct rnm_answer answer = { .status = 206, .file = &served, .offset = UINT64_MAX - 10, .length = 9 };
	char memory[RNM_SENDING_HEAD_SIZE];
	struct rnm_headers headers;
	struct rnm_buf head;

	(void)state;
	memset(served.etag, 'e', sizeof(served.etag) - 1);
	rnm_http_date_write(served.modified_text, 0);
	rnm_headers_of(&headers, &answer, 1795442400, 1795442401);
	rnm_buf_init_in(&head, memory, sizeof(memory));
	rnm_headers_write(&head, &headers, &answer);
	/* The longest one fits. */
	assert_false(head.failed);
	assert_string_equal(
	    head.data,
	    "HTTP/1.1 206 Partial Content\r\n"
	    "Date: Mon, 23 Nov 2026 14:00:00 GMT\r\n"
	    "Expires: Mon, 23 Nov 2026 14:00:01 GMT\r\n"
	    "ETag: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\r\n"
	    "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
	    "Accept-Ranges: bytes\r\n"
	    "Content-Range: bytes 18446744073709551605-18446744073709551613/18446744073709551615\r\n"
	    "Content-Type: application/octet-stream\r\n"
	    "Content-Length: 9\r\nConnection: close\r\n\r\n");
	answer.status = 200;
	rnm_headers_of(&headers, &answer, 1795442400, 1795442401);
	assert_int_equal(headers.count, 6);
	rnm_buf_clear(&head);
	rnm_headers_write(&head, &headers, &answer);
	assert_memory_equal(head.data, "HTTP/1.1 200 OK\r\nDate: ", 23);
	answer.status = 304;
	rnm_headers_of(&headers, &answer, 1795442400, 1795442401);
	assert_int_equal(headers.count, 4);
	rnm_buf_clear(&head);
	rnm_headers_write(&head, &headers, &answer);
	assert_string_equal(head.data,
	                    "HTTP/1.1 304 Not Modified\r\n"
	                    "Date: Mon, 23 Nov 2026 14:00:00 GMT\r\n"
	                    "Expires: Mon, 23 Nov 2026 14:00:01 GMT\r\n"
	                    "ETag: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\r\n"
	                    "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
	                    "Content-Length: 9\r\nConnection: close\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_sent_at_once),
		cmocka_unit_test(what_does_not_fit_waits_for_the_reader),
		cmocka_unit_test(a_head_in_pieces),
		cmocka_unit_test(a_client_that_goes_away),
		cmocka_unit_test(a_file_that_has_become_shorter),
		cmocka_unit_test(a_file_that_must_be_copied),
		cmocka_unit_test(a_client_that_may_say_more_is_heard),
		cmocka_unit_test_setup_teardown(many_at_one_time, start, stop),
		cmocka_unit_test_setup_teardown(one_that_is_cut, start, stop),
		cmocka_unit_test_setup_teardown(a_stop_resumes_what_is_under_way, start, stop),
		cmocka_unit_test_setup_teardown(what_cannot_be_watched_fails, start, stop),
		cmocka_unit_test(heads),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
