/* SPDX-License-Identifier: Apache-2.0 */
#include "share/wire.h"

#include "base/clock.h"
#include "redis/tls.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define READ_SIZE ((size_t)64 << 10)
/* How long a server may keep the connection open behind a whole answer, in case it has something to add. */
#define LINGER_SECONDS 0.05

/* One exchange while it goes on. */
struct exchange {
	const struct rnm_wire_question *question;
	struct rnm_wire_result *result;
	struct rnm_io io;
	struct rnm_io_limit limit;
	double start;
	struct rnm_error *err;
};

static void fail(struct exchange *e, enum rnm_reach reach, const char *reason)
{
	e->result->reach = reach;
	snprintf(e->result->reason, sizeof(e->result->reason), "%s", reason);
}

static double since_start(const struct exchange *e)
{
	return rnm_clock_monotonic() - e->start;
}

/* As rnm_io_wait. */
static enum rnm_status wait_for(struct exchange *e, enum rnm_io_result wanted)
{
	return rnm_io_wait(e->io.fd, wanted == RNM_IO_WANT_WRITE ? POLLOUT : POLLIN, &e->limit,
	                   &e->io.sys_errno);
}

/* What this host lacks is no fault of the server. */
static bool is_ours(int sys_errno)
{
	return sys_errno == EMFILE || sys_errno == ENFILE || sys_errno == ENOBUFS || sys_errno == ENOMEM;
}

static enum rnm_status connect_to(struct exchange *e)
{
	const struct rnm_wire_question *question = e->question;
	int sys_errno = 0;
	enum rnm_status status = rnm_io_socket_connect(&e->io, question->address, &e->limit, &sys_errno);

	if (status == RNM_OK)
		e->result->connect_seconds = since_start(e);
	if (status == RNM_E_IO && is_ours(sys_errno))
		return rnm_error_sys(e->err, "probe.socket", sys_errno, "cannot connect to %s",
		                     question->address->text);
	if (status == RNM_NO || status == RNM_E_IO) {
		fail(e, RNM_REACH_CONNECT,
		     status == RNM_NO ? "no connection in time" : rnm_io_errno_text(sys_errno));
		return RNM_NO;
	}
	return status;
}

static enum rnm_status shake_hands(struct exchange *e)
{
	const struct rnm_wire_trust *trust = e->question->trust;
	enum rnm_status status;

	if (trust == NULL)
		return RNM_OK;
	status = rnm_io_tls_start(&e->io, trust->tls, trust->host, &e->limit);
	if (status == RNM_OK)
		return rnm_wire_chain_read(&e->result->chain, trust, &e->io);
	if (status != RNM_NO && status != RNM_E_IO)
		return status;
	fail(e, RNM_REACH_TLS, e->io.reason);
	return RNM_NO;
}

static enum rnm_status send_request(struct exchange *e)
{
	const char *at = e->question->request;
	size_t left = strlen(at);

	while (left > 0) {
		size_t done = 0;
		const enum rnm_io_result wrote = e->io.write(&e->io, at, left, &done);
		enum rnm_status status;

		if (wrote == RNM_IO_DONE) {
			at += done;
			left -= done;
			continue;
		}
		/* Who closes at once may have answered before. */
		if (wrote == RNM_IO_FAILED || wrote == RNM_IO_EOF)
			return RNM_OK;
		status = wait_for(e, wrote);
		if (status == RNM_NO || status == RNM_E_IO) {
			fail(e, RNM_REACH_SILENCE,
			     status == RNM_NO ? "it does not take the request"
			                      : rnm_io_errno_text(e->io.sys_errno));
			return RNM_NO;
		}
		if (status != RNM_OK)
			return status;
	}
	return RNM_OK;
}

static void conclude_without_answer(struct exchange *e, bool timed_out, const char *broken)
{
	const struct rnm_wire_answer *answer = &e->result->answer;

	if (timed_out)
		fail(e, RNM_REACH_SILENCE, "no answer in time");
	else if (answer->fault == RNM_WIRE_CUT)
		fail(e, RNM_REACH_CUT, *broken != '\0' ? broken : answer->reason);
	else
		fail(e, answer->fault == RNM_WIRE_HEADERS ? RNM_REACH_HEADERS : RNM_REACH_PROTOCOL,
		     answer->reason);
}

static enum rnm_body_state body_state(const struct exchange *e, bool timed_out)
{
	const struct rnm_wire_answer *answer = &e->result->answer;

	if (timed_out)
		return RNM_BODY_SLOW;
	if (answer->stage == RNM_WIRE_DONE)
		return e->question->is_head || answer->status == 304 || answer->status == 204
		           ? RNM_BODY_NONE
		           : RNM_BODY_WHOLE;
	if (answer->fault == RNM_WIRE_CUT)
		return RNM_BODY_CUT;
	return answer->fault == RNM_WIRE_TOO_LARGE ? RNM_BODY_LARGE : RNM_BODY_BROKEN;
}

/* Nothing more will come: the time is over, or the connection; broken says why it is, or "". */
static void conclude(struct exchange *e, bool time_is_over, const char *broken)
{
	struct rnm_wire_result *result = e->result;
	const bool timed_out = time_is_over && result->answer.stage < RNM_WIRE_DONE;

	if (!timed_out)
		rnm_wire_answer_end(&result->answer);
	if (!result->answer.has_head) {
		conclude_without_answer(e, timed_out, broken);
		return;
	}
	result->reach = RNM_REACH_ANSWER;
	result->state = body_state(e, timed_out);
	if (result->state != RNM_BODY_NONE && result->state != RNM_BODY_WHOLE)
		snprintf(result->reason, sizeof(result->reason), "%s",
		         timed_out ? "the body did not end in time" : result->answer.reason);
}

static void take(struct exchange *e, const char *data, size_t len)
{
	if (e->result->wire_bytes == 0) {
		e->result->at = rnm_clock_wall();
		e->result->first_seconds = since_start(e);
	}
	e->result->wire_bytes += len;
	if (rnm_wire_answer_feed(&e->result->answer, data, len))
		return;
	/* All is there; what may still come is not waited for as long. */
	if (e->limit.seconds > LINGER_SECONDS)
		e->limit.seconds = LINGER_SECONDS;
	if (e->result->all_seconds == 0)
		e->result->all_seconds = since_start(e);
}

static enum rnm_status receive(struct exchange *e)
{
	char data[READ_SIZE];

	for (;;) {
		size_t done = 0;
		const enum rnm_io_result got = e->io.read(&e->io, data, sizeof(data), &done);
		enum rnm_status status;

		if (got == RNM_IO_DONE) {
			take(e, data, done);
			if (e->result->answer.stage == RNM_WIRE_BROKEN) {
				conclude(e, false, "");
				return RNM_OK;
			}
			/* A flood behind the end must not keep us. */
			if (e->result->answer.extra <= READ_SIZE)
				continue;
		}
		if (got == RNM_IO_DONE || got == RNM_IO_EOF || got == RNM_IO_FAILED) {
			conclude(e, false, got == RNM_IO_FAILED ? e->io.reason : "");
			return RNM_OK;
		}
		status = wait_for(e, got);
		if (status == RNM_NO || status == RNM_E_IO) {
			conclude(e, status == RNM_NO,
			         status == RNM_NO ? "" : rnm_io_errno_text(e->io.sys_errno));
			return RNM_OK;
		}
		if (status != RNM_OK)
			return status;
	}
}

/* What ends the exchange and is no answer, as an error. */
static enum rnm_status told(enum rnm_status status, struct rnm_error *err)
{
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	return status == RNM_E_INTERRUPTED ? rnm_error_set(err, status, NULL, "interrupted") : status;
}

enum rnm_status rnm_wire_ask(struct rnm_wire_result *out, const struct rnm_wire_question *question,
                             struct rnm_error *err)
{
	struct exchange e = { .question = question,
		              .result = out,
		              .io = { .fd = -1 },
		              .limit = { question->seconds, question->cancel },
		              .start = rnm_clock_monotonic(),
		              .err = err };
	enum rnm_status status;

	memset(out, 0, sizeof(*out));
	rnm_wire_answer_init(&out->answer, question->is_head, question->max);
	status = connect_to(&e);
	if (status != RNM_OK)
		return status == RNM_NO ? RNM_OK : told(status, err);
	status = shake_hands(&e);
	if (status == RNM_OK)
		status = send_request(&e);
	if (status == RNM_OK)
		status = receive(&e);
	if (out->all_seconds == 0)
		out->all_seconds = since_start(&e);
	/* Records and handshake too, where there are any. */
	if (question->trust != NULL && e.io.ctx != NULL)
		out->wire_bytes = ((const struct rnm_tls_session *)e.io.ctx)->received;
	e.io.close(&e.io);
	if (status == RNM_OK && out->answer.fault == RNM_WIRE_NO_MEMORY)
		status = RNM_E_NOMEM;
	return status == RNM_NO ? RNM_OK : told(status, err);
}

void rnm_wire_result_free(struct rnm_wire_result *result)
{
	rnm_wire_answer_free(&result->answer);
}
