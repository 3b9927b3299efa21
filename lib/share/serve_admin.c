/* SPDX-License-Identifier: Apache-2.0 */
/* What is answered to operators alone. */
#include "base/clock.h"
#include "share/serve_page.h"
#include "share/serve_server.h"

#include <string.h>

/* Longest page. */
#define PAGE_MAX ((size_t)32 << 20)

static enum MHD_Result on_argument(void *ctx, enum MHD_ValueKind kind, const char *key, const char *value)
{
	bool *only_behind = ctx;

	(void)kind;
	if (strcmp(key, "show") == 0 && value != NULL && strcmp(value, "behind") == 0)
		*only_behind = true;
	return MHD_YES;
}

typedef void write_page(struct rnm_buf *out, const struct rnm_page *page);

static void write_with_fleet(struct rnm_buf *out, struct rnm_server *server,
                             struct MHD_Connection *connection, write_page *write)
{
	struct rnm_served_table *table = rnm_server_table(server);
	struct rnm_fleet fleet;
	struct rnm_page page = {
		.table = table,
		.fleet = &fleet,
		.now = (int64_t)rnm_clock_wall(),
		.started = server->metrics.started,
		.requests = rnm_metrics_requests(&server->metrics),
		.interval = server->options.interval,
		.from_redis = server->options.name_count > 0,
	};

	(void)rnm_microhttpd.MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, on_argument,
	                                               &page.only_behind);
	if (rnm_fleet_copy(&fleet, &server->fleet)) {
		write(out, &page);
		rnm_fleet_free(&fleet);
	} else {
		out->failed = true;
	}
	rnm_served_table_unref(table);
}

static bool is(const char *path, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(path, name, len) == 0;
}

struct MHD_Response *rnm_admin_response(struct rnm_server *server, struct MHD_Connection *connection,
                                        const char *path, size_t len, uint64_t *length, bool *known)
{
	struct MHD_Response *response = NULL;
	const char *type = "text/html; charset=utf-8";
	struct rnm_buf out;

	rnm_buf_init(&out, PAGE_MAX);
	*known = true;
	if (is(path, len, "/")) {
		write_with_fleet(&out, server, connection, rnm_page_html);
	} else if (is(path, len, "/status.json")) {
		type = "application/json";
		write_with_fleet(&out, server, connection, rnm_page_json);
	} else if (is(path, len, "/metrics")) {
		type = "text/plain; version=0.0.4; charset=utf-8";
		rnm_metrics_write(&out, server);
	} else {
		*known = false;
	}
	if (*known && !out.failed)
		response =
		    rnm_microhttpd.MHD_create_response_from_buffer(out.len, out.data, MHD_RESPMEM_MUST_COPY);
	*length = out.len;
	rnm_buf_free(&out);
	if (response != NULL) {
		(void)rnm_microhttpd.MHD_add_response_header(response, "Content-Type", type);
		(void)rnm_microhttpd.MHD_add_response_header(response, "Cache-Control", "no-store");
		/* Names come from files and from clients; should one ever become markup, it still does nothing. */
		(void)rnm_microhttpd.MHD_add_response_header(
		    response, "Content-Security-Policy",
		    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'");
		(void)rnm_microhttpd.MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
		(void)rnm_microhttpd.MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	}
	return response;
}
