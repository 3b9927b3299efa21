/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_send.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes that the kernel is asked to send at once, and how often before it is the turn of another sending. */
#define PIECE ((size_t)2 << 20)
#define PIECES_OF_A_TURN 4
/* Bytes that are copied at once where they must be. */
#define CHUNK ((size_t)64 << 10)
#define EVENTS 64

static _Thread_local char chunk[CHUNK];

/* ---- one sending --------------------------------------------------------------------------------- */

static bool again(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Whether the head is out. */
static bool send_head(struct rnm_sending *sending)
{
	const size_t left = sending->head_length - sending->head_sent;
	ssize_t n;

	if (left == 0)
		return true;
	/* In one packet with what follows. */
	n = send(sending->socket, sending->head + sending->head_sent, left,
	         MSG_NOSIGNAL | (sending->left > 0 ? MSG_MORE : 0));
	if (n >= 0)
		sending->head_sent += (size_t)n;
	else if (!again(n))
		sending->state = RNM_SENDING_FAILED;
	return sending->head_sent == sending->head_length;
}

/* For files of which sendfile wants to know nothing. */
static ssize_t send_copy(const struct rnm_sending *sending)
{
	const size_t len = sending->left < CHUNK ? (size_t)sending->left : CHUNK;
	const ssize_t n = pread(sending->file, chunk, len, (off_t)sending->offset);

	return n > 0 ? send(sending->socket, chunk, (size_t)n, MSG_NOSIGNAL) : n;
}

/* Whether the socket may take more. */
static bool send_body(struct rnm_sending *sending)
{
	const size_t len = sending->left < PIECE ? (size_t)sending->left : PIECE;
	off_t offset = (off_t)sending->offset;
	ssize_t n = sendfile(sending->socket, sending->file, &offset, len);

	if (n < 0 && (errno == EINVAL || errno == ENOSYS))
		n = send_copy(sending);
	if (n > 0) {
		sending->offset += (uint64_t)n;
		sending->left -= (uint64_t)n;
		return sending->left > 0;
	}
	/* The client is gone; or the file has become shorter. */
	if (!again(n))
		sending->state = RNM_SENDING_FAILED;
	return false;
}

static void send_more(struct rnm_sending *sending)
{
	if (!send_head(sending))
		return;
	/* Room that comes while a piece is sent is filled at once: asking epoll for it takes a third more turns. */
	for (unsigned i = 0; sending->left > 0 && i < PIECES_OF_A_TURN; i++)
		if (!send_body(sending))
			break;
	if (sending->left > 0)
		return;
	sending->state = RNM_SENDING_SENT;
	if (sending->linger)
		(void)shutdown(sending->socket, SHUT_WR);
}

/* Whether the client has nothing more to say. */
static bool is_silent(const struct rnm_sending *sending)
{
	const ssize_t n = recv(sending->socket, chunk, sizeof(chunk), MSG_DONTWAIT);

	return n <= 0 && !again(n);
}

bool rnm_sending_go(struct rnm_sending *sending)
{
	if (sending->state == RNM_SENDING_UNDERWAY)
		send_more(sending);
	if (sending->state == RNM_SENDING_SENT)
		return !sending->linger || is_silent(sending);
	return sending->state == RNM_SENDING_FAILED;
}

/* ---- the thread ---------------------------------------------------------------------------------- */

static int watch(struct rnm_sender *sender, int operation, struct rnm_sending *sending)
{
	struct epoll_event event = { .events = sending->state == RNM_SENDING_SENT ? EPOLLIN : EPOLLOUT,
		                     .data.ptr = sending };

	return epoll_ctl(sender->epoll, operation, sending->socket, &event);
}

static void end(struct rnm_sender *sender, struct rnm_sending *sending)
{
	(void)watch(sender, EPOLL_CTL_DEL, sending);
	pthread_mutex_lock(&sender->lock);
	sending->before->after = sending->after;
	sending->after->before = sending->before;
	pthread_mutex_unlock(&sender->lock);
	/* Once it goes on it may be gone at any moment. */
	rnm_microhttpd.MHD_resume_connection(sending->connection);
}

static void go_on(struct rnm_sender *sender, struct rnm_sending *sending)
{
	const enum rnm_sending_state before = sending->state;

	if (rnm_sending_go(sending) ||
	    (sending->state != before && watch(sender, EPOLL_CTL_MOD, sending) != 0))
		end(sender, sending);
}

/* Nothing is added any more. */
static void break_off(struct rnm_sender *sender)
{
	while (sender->ring.after != &sender->ring) {
		struct rnm_sending *sending = sender->ring.after;

		if (sending->state == RNM_SENDING_UNDERWAY)
			sending->state = RNM_SENDING_FAILED;
		end(sender, sending);
	}
}

static void *work(void *ctx)
{
	struct rnm_sender *sender = ctx;
	struct epoll_event events[EVENTS];

	for (;;) {
		const int count = epoll_wait(sender->epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL) {
				break_off(sender);
				return NULL;
			}
			go_on(sender, events[i].data.ptr);
		}
	}
}

/* Without signals: those of the process are others' to handle, and sendfile has no other way to stay alive. */
static int start_thread(struct rnm_sender *sender)
{
	sigset_t all, usual;
	int error;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &usual);
	error = pthread_create(&sender->thread, NULL, work, sender);
	(void)pthread_sigmask(SIG_SETMASK, &usual, NULL);
	return error;
}

enum rnm_status rnm_sender_start(struct rnm_sender *sender, struct rnm_error *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	int error = 0;

	if (sender->started)
		return RNM_OK;
	sender->ring.before = sender->ring.after = &sender->ring;
	sender->epoll = epoll_create1(EPOLL_CLOEXEC);
	sender->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sender->epoll < 0 || sender->event < 0 ||
	    epoll_ctl(sender->epoll, EPOLL_CTL_ADD, sender->event, &event) != 0)
		error = errno;
	pthread_mutex_init(&sender->lock, NULL);
	if (error == 0)
		error = start_thread(sender);
	sender->started = error == 0;
	if (error == 0)
		return RNM_OK;
	pthread_mutex_destroy(&sender->lock);
	if (sender->epoll >= 0)
		close(sender->epoll);
	if (sender->event >= 0)
		close(sender->event);
	return rnm_error_sys(err, "serve.start", error, "cannot start a thread that sends files");
}

void rnm_sender_stop(struct rnm_sender *sender)
{
	static const uint64_t one = 1;

	if (!sender->started || sender->stopping)
		return;
	pthread_mutex_lock(&sender->lock);
	sender->stopping = true;
	pthread_mutex_unlock(&sender->lock);
	if (write(sender->event, &one, sizeof(one)) == (ssize_t)sizeof(one))
		(void)pthread_join(sender->thread, NULL);
}

void rnm_sender_free(struct rnm_sender *sender)
{
	if (!sender->started)
		return;
	close(sender->epoll);
	close(sender->event);
	pthread_mutex_destroy(&sender->lock);
	sender->started = false;
}

bool rnm_sender_take(struct rnm_sender *sender, struct rnm_sending *sending)
{
	bool taken;

	pthread_mutex_lock(&sender->lock);
	taken = !sender->stopping && watch(sender, EPOLL_CTL_ADD, sending) == 0;
	if (taken) {
		sending->before = sender->ring.before;
		sending->after = &sender->ring;
		sending->before->after = sending->after->before = sending;
		/* It cannot be resumed before, since that needs the lock. */
		rnm_microhttpd.MHD_suspend_connection(sending->connection);
	}
	pthread_mutex_unlock(&sender->lock);
	if (!taken && sending->state == RNM_SENDING_UNDERWAY)
		sending->state = RNM_SENDING_FAILED;
	return taken;
}
