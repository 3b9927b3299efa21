/* SPDX-License-Identifier: Apache-2.0 */
/* Between libmicrohttpd and what the server means. */
#include "base/clock.h"
#include "share/serve_exchange.h"
#include "share/serve_headers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes from which on sending many pieces costs more than a new connection. */
#define LARGE (UINT64_C(256) << 10)

#define ADD(response, name, value) (void)rnm_microhttpd.MHD_add_response_header(response, name, value)

/* ---- requests ------------------------------------------------------------------------------------ */

static enum MHD_Result on_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	rnm_request_header(ctx, name, value);
	return MHD_YES;
}

static void keep(char *out, size_t size, const char *text)
{
	const size_t len = text != NULL ? strnlen(text, size - 1) : 0;

	if (len > 0)
		memcpy(out, text, len);
	out[len] = '\0';
}

/* With what is offered now. */
static void decide(struct rnm_server *server, struct MHD_Connection *connection,
                   struct rnm_exchange *exchange, const char *target, const char *method)
{
	struct rnm_request request = { .method = method, .target = target };

	(void)rnm_microhttpd.MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, &request);
	rnm_served_table_unref(exchange->table);
	exchange->table = rnm_server_table(server);
	rnm_answer(&exchange->answer, exchange->table, &request, (int64_t)rnm_clock_wall());
	keep(exchange->agent, sizeof(exchange->agent), request.agent);
	keep(exchange->held, sizeof(exchange->held), request.if_none_match);
	exchange->last = request.connection != NULL && strcasecmp(request.connection, "close") == 0;
	rnm_exchange_client(exchange, request.forwarded);
}

static struct rnm_exchange *begin(struct rnm_server *server, struct MHD_Connection *connection,
                                  const char *target, const char *method)
{
	const union MHD_ConnectionInfo *info =
	    rnm_microhttpd.MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct rnm_exchange *exchange;

	if (info == NULL || info->socket_context == NULL)
		return NULL;
	exchange = calloc(1, sizeof(*exchange));
	if (exchange == NULL)
		return NULL;
	exchange->link = info->socket_context;
	exchange->begun = rnm_clock_monotonic();
	exchange->head = strcmp(method, "HEAD") == 0;
	keep(exchange->method, sizeof(exchange->method), method);
	keep(exchange->target, sizeof(exchange->target), target);
	decide(server, connection, exchange, target, method);
	return exchange;
}

/* ---- answers ------------------------------------------------------------------------------------- */

/* Stands for a body that is only spoken of. */
static ssize_t no_body(void *ctx, uint64_t offset, char *out, size_t size)
{
	(void)ctx, (void)offset, (void)out, (void)size;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *text_response(struct rnm_answer *answer, const char *text)
{
	struct MHD_Response *response =
	    rnm_microhttpd.MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
	                                                   MHD_RESPMEM_PERSISTENT);

	answer->length = strlen(text);
	if (response != NULL)
		ADD(response, "Content-Type", "text/plain; charset=utf-8");
	return response;
}

static const char *status_text(unsigned status)
{
	switch (status) {
	case 400:
		return "a request for a file has no body\n";
	case 405:
		return "only GET and HEAD are answered\n";
	case 416:
		return "the range lies outside of the file\n";
	case 503:
		return "it is not there now\n";
	default:
		return "there is nothing of this name\n";
	}
}

static struct MHD_Response *file_response(const struct rnm_exchange *exchange)
{
	const struct rnm_answer *answer = &exchange->answer;
	struct MHD_Response *response;
	int fd;

	if (!rnm_exchange_has_body(exchange))
		return rnm_microhttpd.MHD_create_response_from_callback(answer->length, 1, no_body, NULL,
		                                                        NULL);
	fd = fcntl(answer->file->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	/* Sent by sendfile; the descriptor belongs to the response. */
	response = rnm_microhttpd.MHD_create_response_from_fd_at_offset64(answer->length, fd, answer->offset);
	if (response == NULL)
		close(fd);
	return response;
}

/* A number below limit, each time another (SplitMix64). */
static uint64_t spread(struct rnm_server *server, uint64_t limit)
{
	uint64_t z =
	    atomic_fetch_add_explicit(&server->spread, UINT64_C(0x9E3779B97F4A7C15), memory_order_relaxed);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (z ^ (z >> 31)) % limit;
}

/* Clients that are told one moment come back in one moment. */
static void file_headers(struct rnm_server *server, struct rnm_headers *headers,
                         const struct rnm_answer *answer)
{
	const double interval = server->options.interval;
	const int64_t now = (int64_t)rnm_clock_wall(), shortest = (int64_t)(interval * 0.75);

	rnm_headers_of(headers, answer, now,
	               now + shortest + (int64_t)spread(server, (uint64_t)(interval / 2) + 1));
}

static void add_file_headers(struct rnm_server *server, struct MHD_Response *response,
                             const struct rnm_answer *answer)
{
	struct rnm_headers headers;

	file_headers(server, &headers, answer);
	for (size_t i = 0; i < headers.count; i++)
		ADD(response, headers.items[i].name, headers.items[i].value);
}

static struct MHD_Response *make_response(struct rnm_server *server, struct rnm_exchange *exchange)
{
	struct rnm_answer *answer = &exchange->answer;
	struct MHD_Response *response;
	char text[48];

	if (answer->body == RNM_BODY_FILE && answer->file != NULL) {
		response = file_response(exchange);
		if (response != NULL)
			add_file_headers(server, response, answer);
		return response;
	}
	response =
	    text_response(answer, answer->body == RNM_BODY_HEALTH ? "ok\n" : status_text(answer->status));
	if (response == NULL)
		return NULL;
	if (answer->status == 405)
		ADD(response, "Allow", "GET, HEAD");
	if (answer->status == 416 && answer->file != NULL) {
		snprintf(text, sizeof(text), "bytes */%" PRIu64, answer->file->size);
		ADD(response, "Content-Range", text);
	}
	return response;
}

/* Names that are no files. */
static struct MHD_Response *other_response(struct rnm_listener *listener, struct MHD_Connection *connection,
                                           struct rnm_exchange *exchange)
{
	struct MHD_Response *response;
	bool known = false;
	size_t len;
	const char *path = rnm_target_path(exchange->target, &len);

	if (listener->audience == RNM_ADMIN) {
		response = rnm_admin_response(listener->server, connection, path, len,
		                              &exchange->answer.length, &known);
		if (known)
			exchange->answer.status = 200;
		if (known)
			return response;
	}
	/* There is such a model, but it could not be fetched. */
	if (exchange->waiter.connection != NULL)
		exchange->answer.status = 503;
	else if (strncmp(exchange->target, RNM_SERVED_MODELS, strlen(RNM_SERVED_MODELS)) == 0)
		atomic_fetch_add_explicit(&listener->server->metrics.unknown, 1, memory_order_relaxed);
	return make_response(listener->server, exchange);
}

static enum MHD_Result reply(struct rnm_listener *listener, struct MHD_Connection *connection,
                             struct rnm_exchange *exchange)
{
	struct rnm_server *server = listener->server;
	struct rnm_answer *answer = &exchange->answer;
	struct MHD_Response *response;
	enum MHD_Result result;

	if (answer->status == 503 && answer->file != NULL)
		atomic_store(&server->stale, true);
	response = answer->body == RNM_BODY_OTHER ? other_response(listener, connection, exchange)
	                                          : make_response(server, exchange);
	if (response == NULL) {
		/* No memory or no descriptor: better no answer than one that says that there is no model. */
		answer->status = 500;
		return MHD_NO;
	}
	if (answer->close || atomic_load_explicit(&server->draining, memory_order_relaxed))
		ADD(response, "Connection", "close");
	rnm_links_begin(&server->links, exchange->link, answer->length);
	result = rnm_microhttpd.MHD_queue_response(connection, answer->status, response);
	rnm_microhttpd.MHD_destroy_response(response);
	return result;
}

/* Whether the connection ends with the answer anyway, or may: then it can be given without libmicrohttpd. */
static bool is_sent_here(const struct rnm_exchange *exchange)
{
	const struct rnm_answer *answer = &exchange->answer;

	return answer->body == RNM_BODY_FILE && answer->file != NULL &&
	       (exchange->last || (rnm_exchange_has_body(exchange) && answer->length >= LARGE));
}

static struct rnm_sending *make_sending(struct rnm_server *server, struct MHD_Connection *connection,
                                        const struct rnm_exchange *exchange)
{
	struct rnm_sending *sending = calloc(1, sizeof(*sending));
	const struct rnm_answer *answer = &exchange->answer;
	struct rnm_headers headers;
	struct rnm_buf head;

	if (sending == NULL)
		return NULL;
	sending->connection = connection;
	sending->socket = exchange->link->fd;
	sending->file = answer->file->fd;
	sending->offset = answer->offset;
	sending->left = rnm_exchange_has_body(exchange) ? answer->length : 0;
	sending->linger = !exchange->last;
	file_headers(server, &headers, answer);
	rnm_buf_init_in(&head, sending->head, sizeof(sending->head));
	rnm_headers_write(&head, &headers, answer);
	sending->head_length = head.len;
	return sending;
}

static enum MHD_Result send_here(struct rnm_server *server, struct MHD_Connection *connection,
                                 struct rnm_exchange *exchange)
{
	exchange->sending = make_sending(server, connection, exchange);
	if (exchange->sending == NULL) {
		exchange->answer.status = 500;
		return MHD_NO;
	}
	rnm_links_begin(&server->links, exchange->link, exchange->answer.length);
	if (rnm_sending_go(exchange->sending) || !rnm_sender_take(&server->sender, exchange->sending))
		return MHD_NO;
	return MHD_YES;
}

/* Once: what is there after the wait is the answer. */
static bool must_wait(struct rnm_server *server, struct MHD_Connection *connection,
                      struct rnm_exchange *exchange)
{
	size_t len;
	const char *path = rnm_target_path(exchange->target, &len);

	if (exchange->waiter.connection != NULL)
		return false;
	/* Nobody may cut it while the model is fetched. */
	if (rnm_demand_has(&server->demand, path, len))
		rnm_links_begin(&server->links, exchange->link, RNM_SERVE_PATIENCE);
	return rnm_demand_wait(&server->demand, &exchange->waiter, connection, path, len);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *target,
                                  const char *method, const char *version, const char *data, size_t *len,
                                  void **state)
{
	struct rnm_listener *listener = ctx;
	struct rnm_exchange *exchange = *state;

	(void)version, (void)data;
	if (exchange == NULL) {
		exchange = begin(listener->server, connection, target, method);
		*state = exchange;
		if (exchange == NULL)
			return MHD_NO;
		/* An answer before the end of the request makes libmicrohttpd close the connection. */
		return exchange->answer.close ? reply(listener, connection, exchange) : MHD_YES;
	}
	*len = 0;
	/* It was answered without libmicrohttpd, which is to close the connection. */
	if (exchange->sending != NULL)
		return MHD_NO;
	if (must_wait(listener->server, connection, exchange))
		return MHD_YES;
	if (exchange->waiter.connection != NULL)
		decide(listener->server, connection, exchange, target, method);
	return is_sent_here(exchange) ? send_here(listener->server, connection, exchange)
	                              : reply(listener, connection, exchange);
}

static void write_log(struct rnm_server *server, const struct rnm_exchange *exchange, bool aborted)
{
	char memory[4096];
	struct rnm_buf line;

	if (server->options.log == NULL)
		return;
	rnm_buf_init_in(&line, memory, sizeof(memory));
	rnm_exchange_line(&line, exchange, aborted);
	if (line.failed)
		return;
	pthread_mutex_lock(&server->log_lock);
	server->options.log(server->options.ctx, line.data, line.len);
	pthread_mutex_unlock(&server->log_lock);
}

/* What this request says of its client. */
static void note_client(struct rnm_server *server, const struct rnm_exchange *exchange, bool aborted)
{
	const struct rnm_answer *answer = &exchange->answer;
	const struct rnm_served *file = answer->file;
	struct rnm_fleet_event event = { .client = exchange->client,
		                         .agent = exchange->agent,
		                         .sent = exchange->held,
		                         .missing = answer->status == 404 };
	char name[RNM_FLEET_NAME_SIZE];
	size_t len;
	const char *path = rnm_target_path(exchange->target, &len);
	const size_t prefix = strlen(RNM_SERVED_MODELS);

	if (len <= prefix || len - prefix >= sizeof(name) || memcmp(path, RNM_SERVED_MODELS, prefix) != 0)
		return;
	memcpy(name, path + prefix, len - prefix);
	name[len - prefix] = '\0';
	event.name = name;
	if (rnm_served_stem(name) != strlen(name) || (file == NULL && !event.missing))
		return;
	/* Who has got all of it, or was told that he has it. */
	if (answer->status == 304 || (answer->status == 200 && !exchange->head && !aborted))
		event.has = file->etag;
	rnm_fleet_note(&server->fleet, &event, (int64_t)rnm_clock_wall());
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
	struct rnm_server *server = ((struct rnm_listener *)ctx)->server;
	struct rnm_exchange *exchange = *state;
	bool aborted;

	(void)connection;
	if (exchange == NULL)
		return;
	aborted = exchange->sending != NULL ? exchange->sending->state != RNM_SENDING_SENT
	                                    : code != MHD_REQUEST_TERMINATED_COMPLETED_OK;
	rnm_metrics_answer(&server->metrics, exchange->answer.status);
	if (aborted)
		atomic_fetch_add_explicit(&server->metrics.aborted, 1, memory_order_relaxed);
	else if (rnm_exchange_has_body(exchange))
		atomic_fetch_add_explicit(&server->metrics.bytes, exchange->answer.length,
		                          memory_order_relaxed);
	/* What operators look at does not make them clients. */
	if (((struct rnm_listener *)ctx)->audience == RNM_PUBLIC)
		note_client(server, exchange, aborted);
	write_log(server, exchange, aborted);
	rnm_links_end(&server->links, exchange->link);
	rnm_served_table_unref(exchange->table);
	free(exchange->sending);
	free(exchange);
	*state = NULL;
}

/* ---- connections --------------------------------------------------------------------------------- */

static void on_connection(void *ctx, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
	struct rnm_links *links = &((struct rnm_listener *)ctx)->server->links;
	const union MHD_ConnectionInfo *info;
	const struct sockaddr *address;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*state != NULL)
			rnm_links_remove(links, *state);
		return;
	}
	address = rnm_microhttpd.MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
	              ->client_addr;
	info = rnm_microhttpd.MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*state = rnm_links_add(links, info->connect_fd, address);
	/* Nobody would keep its time. */
	if (*state == NULL)
		(void)shutdown(info->connect_fd, SHUT_RDWR);
}

/* Names are compared as they come: no two spellings lead to one file. */
static size_t leave_escapes(void *ctx, struct MHD_Connection *connection, char *text)
{
	(void)ctx, (void)connection;
	return strlen(text);
}

enum rnm_status rnm_listener_start(struct rnm_listener *listener, int fd, struct rnm_error *err)
{
	const struct rnm_serve_options *options = &listener->server->options;
	const int seconds = (int)ceil(options->timeout);
	const enum rnm_status status = rnm_microhttpd_load(err);

	if (status != RNM_OK) {
		close(fd);
		return status;
	}
	/* Accepted with its request; what says nothing costs no more than a place in the kernel's table. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds));
	listener->daemon = rnm_microhttpd.MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0, NULL,
	    NULL, on_request, listener, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
	    options->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->max_per_address,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)RNM_SERVE_HEADERS_MAX, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, listener, MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL, MHD_OPTION_END);
	if (listener->daemon != NULL)
		return RNM_OK;
	rnm_error_sys(err, "serve.start", errno, "libmicrohttpd cannot start");
	close(fd);
	return RNM_E_IO;
}

uint64_t rnm_listener_quiesce(struct rnm_listener *listener)
{
	const int socket = rnm_microhttpd.MHD_quiesce_daemon(listener->daemon);
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	uint64_t taken = 0;
	int fd;

	if (socket < 0)
		return 0;
	(void)fcntl(socket, F_SETFL, O_NONBLOCK);
	while ((fd = accept4(socket, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		taken += rnm_microhttpd.MHD_add_connection(listener->daemon, fd, (struct sockaddr *)&address,
		                                           len) == MHD_YES;
		len = sizeof(address);
	}
	close(socket);
	return taken;
}

void rnm_listener_stop(struct rnm_listener *listener)
{
	if (listener->daemon != NULL)
		rnm_microhttpd.MHD_stop_daemon(listener->daemon);
	listener->daemon = NULL;
}
