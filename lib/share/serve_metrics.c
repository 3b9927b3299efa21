/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_metrics.h"

#include "share/serve_model.h"
#include "share/serve_server.h"

#include <inttypes.h>
#include <string.h>

static const unsigned statuses[RNM_METRIC_STATUS_COUNT] = {
#define STATUS(code) code,
	RNM_METRIC_STATUSES(STATUS)
#undef STATUS
};

void rnm_metrics_answer(struct rnm_metrics *metrics, unsigned status)
{
	size_t i = 0;

	while (i < RNM_METRIC_STATUS_COUNT && statuses[i] != status)
		i++;
	if (i < RNM_METRIC_STATUS_COUNT)
		atomic_fetch_add_explicit(&metrics->answers[i], 1, memory_order_relaxed);
}

uint64_t rnm_metrics_requests(struct rnm_metrics *metrics)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < RNM_METRIC_STATUS_COUNT; i++)
		sum += atomic_load_explicit(&metrics->answers[i], memory_order_relaxed);
	return sum;
}

static void head(struct rnm_buf *out, const char *name, const char *type, const char *help)
{
	rnm_buf_printf(out, "# HELP rnm_serve_%s %s\n# TYPE rnm_serve_%s %s\n", name, help, name, type);
}

static void one(struct rnm_buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	rnm_buf_printf(out, "rnm_serve_%s %" PRIu64 "\n", name, value);
}

static void label(struct rnm_buf *out, const char *name, const char *value)
{
	rnm_buf_printf(out, "%s=\"", name);
	for (; value != NULL && *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			rnm_buf_putc(out, '\\');
		if (*value == '\n')
			rnm_buf_puts(out, "\\n");
		else
			rnm_buf_putc(out, *value);
	}
	rnm_buf_putc(out, '"');
}

static void write_model(struct rnm_buf *out, const struct rnm_served *file, const char *name, double value)
{
	rnm_buf_printf(out, "rnm_serve_%s{", name);
	label(out, "name", file->name + strlen(RNM_SERVED_MODELS));
	if (file->model->rule != NULL) {
		rnm_buf_putc(out, ',');
		label(out, "rule", file->model->rule);
	}
	rnm_buf_printf(out, "} %.17g\n", value);
}

static void write_models(struct rnm_buf *out, const struct rnm_served_table *table)
{
	head(out, "model_version", "gauge", "Version of the model that is offered under this name.");
	for (size_t i = 0; i < table->count; i++)
		if (table->items[i]->model != NULL)
			write_model(out, table->items[i], "model_version", table->items[i]->model->version);
	head(out, "model_modified_seconds", "gauge", "When it was published, in seconds since 1970.");
	for (size_t i = 0; i < table->count; i++)
		if (table->items[i]->model != NULL)
			write_model(out, table->items[i], "model_modified_seconds",
			            (double)table->items[i]->modified);
}

static void write_connections(struct rnm_buf *out, const struct rnm_link_counts *links)
{
	one(out, "connections", "gauge", "Connections that are open.", links->open);
	one(out, "connections_total", "counter", "Connections that were accepted.", links->opened);
	one(out, "connections_without_request_total", "counter",
	    "Connections that ended without a request that could be understood.", links->silent);
	one(out, "connections_too_slow_total", "counter",
	    "Connections that were cut because they took too long.", links->ended);
}

void rnm_metrics_write(struct rnm_buf *out, struct rnm_server *server)
{
	struct rnm_metrics *metrics = &server->metrics;
	struct rnm_served_table *table = rnm_server_table(server);
	struct rnm_link_counts links;

	rnm_links_count(&server->links, &links);
	head(out, "requests_total", "counter", "Requests that were answered, by status.");
	for (size_t i = 0; i < RNM_METRIC_STATUS_COUNT; i++)
		rnm_buf_printf(out, "rnm_serve_requests_total{code=\"%u\"} %" PRIu64 "\n", statuses[i],
		               (uint64_t)atomic_load(&metrics->answers[i]));
	one(out, "sent_bytes_total", "counter", "Bytes of bodies that were sent whole.",
	    atomic_load(&metrics->bytes));
	one(out, "aborted_total", "counter", "Answers that ended before they were sent whole.",
	    atomic_load(&metrics->aborted));
	one(out, "unknown_models_total", "counter", "Requests for models that are not there.",
	    atomic_load(&metrics->unknown));
	write_connections(out, &links);
	one(out, "reloads_total", "counter", "How often the tree was read again.",
	    atomic_load(&metrics->reloads));
	one(out, "failed_reloads_total", "counter", "How often that failed.",
	    atomic_load(&metrics->failed_reloads));
	one(out, "files", "gauge", "Files that are offered.", table->count);
	one(out, "start_time_seconds", "gauge", "When the server started, in seconds since 1970.",
	    (uint64_t)metrics->started);
	write_models(out, table);
	rnm_served_table_unref(table);
}
