/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "share/serve_server.h"
#include "share/serve_tree.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_INTERVAL 1200.0
#define DEFAULT_CONNECTIONS 10000u
#define DEFAULT_PER_ADDRESS 256u
#define DEFAULT_TIMEOUT 10.0
/* Seconds that a connection is given for its first request when the server stops. */
#define LAST_REQUEST 1.0
/* Looks, 10 ms apart, that must find no connection. */
#define QUIET_LOOKS 5

struct rnm_served_table *rnm_server_table(struct rnm_server *server)
{
	struct rnm_served_table *table;

	pthread_mutex_lock(&server->table_lock);
	table = rnm_served_table_ref(server->table);
	pthread_mutex_unlock(&server->table_lock);
	return table;
}

static enum rnm_status set_options(struct rnm_serve_options *options, struct rnm_error *err)
{
	if (!(options->interval > 0))
		options->interval = DEFAULT_INTERVAL;
	if (!(options->timeout > 0))
		options->timeout = DEFAULT_TIMEOUT;
	if (options->max_connections == 0)
		options->max_connections = DEFAULT_CONNECTIONS;
	if (options->max_per_address == 0)
		options->max_per_address = DEFAULT_PER_ADDRESS;
	if (options->interval > RNM_SERVE_INTERVAL_MAX) {
		rnm_error_set(err, RNM_E_USAGE, "serve.interval",
		              "clients cannot be told to wait %.0f seconds on average", options->interval);
		rnm_error_set_hint(
		    err,
		    "rspamd believes at most 8 hours, so that %.0f seconds are the most: each client is told "
		    "up to a quarter more",
		    RNM_SERVE_INTERVAL_MAX);
		return RNM_E_USAGE;
	}
	if (options->max_connections > RNM_SERVE_CONNECTIONS_MAX)
		options->max_connections = RNM_SERVE_CONNECTIONS_MAX;
	return RNM_OK;
}

/* The new table takes the place of the old one; whoever reads the old one keeps it as long as he needs. */
static void swap_table(struct rnm_server *server, struct rnm_served_table *table)
{
	struct rnm_served_table *old;

	pthread_mutex_lock(&server->table_lock);
	old = server->table;
	server->table = table;
	pthread_mutex_unlock(&server->table_lock);
	rnm_served_table_unref(old);
}

static enum rnm_status read_tree(struct rnm_server *server, bool forget, struct rnm_error *err)
{
	const struct rnm_tree tree = {
		.folder = server->options.folder,
		.old = server->table,
		.forget = forget,
		.warn = server->options.warn,
		.ctx = server->options.ctx,
		.now = (int64_t)rnm_clock_wall(),
	};
	struct rnm_served_table *table;
	enum rnm_status status;

	/* Before it is read: a change in between is noticed again. */
	atomic_store(&server->stale, false);
	rnm_tree_watch_seen(&server->watch);
	status = rnm_tree_read(&table, &tree, err);
	if (status == RNM_OK) {
		rnm_fleet_offer(&server->fleet, table);
		swap_table(server, table);
	}
	return status;
}

enum rnm_status rnm_server_new(struct rnm_server **out, const struct rnm_serve_options *options,
                               struct rnm_error *err)
{
	struct rnm_server *server;
	enum rnm_status status;

	if (sodium_init() < 0)
		return rnm_error_set(err, RNM_E_IO, "serve.start", "libsodium cannot start");
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return rnm_error_nomem(err);
	server->options = *options;
	pthread_mutex_init(&server->table_lock, NULL);
	pthread_mutex_init(&server->log_lock, NULL);
	status = rnm_demand_open(&server->demand, options, err);
	if (status == RNM_OK)
		status = set_options(&server->options, err);
	rnm_fleet_init(&server->fleet);
	rnm_links_init(&server->links, server->options.timeout);
	rnm_tree_watch_open(&server->watch, options->folder);
	rnm_tree_watch_join(&server->watch, server->demand.event);
	randombytes_buf(&server->spread, sizeof(server->spread));
	server->metrics.started = (int64_t)rnm_clock_wall();
	if (status == RNM_OK)
		status = read_tree(server, false, err);
	if (status != RNM_OK)
		rnm_server_free(server);
	else
		*out = server;
	return status;
}

enum rnm_status rnm_server_listen(struct rnm_server *server, int fd, enum rnm_audience audience,
                                  struct rnm_error *err)
{
	struct rnm_listener *listener = &server->listeners[server->listener_count];
	enum rnm_status status;

	if (server->listener_count == RNM_SERVE_LISTENERS_MAX) {
		close(fd);
		return rnm_error_set(err, RNM_E_USAGE, "serve.listeners",
		                     "a server listens at no more than %u sockets", RNM_SERVE_LISTENERS_MAX);
	}
	status = rnm_sender_start(&server->sender, err);
	if (status != RNM_OK) {
		close(fd);
		return status;
	}
	listener->server = server;
	listener->audience = audience;
	status = rnm_listener_start(listener, fd, err);
	if (status == RNM_OK)
		server->listener_count++;
	return status;
}

int rnm_server_descriptor(const struct rnm_server *server)
{
	return server->watch.epoll;
}

enum rnm_status rnm_server_reload(struct rnm_server *server, bool forget, struct rnm_error *err)
{
	const enum rnm_status status = read_tree(server, forget, err);

	atomic_fetch_add(status == RNM_OK ? &server->metrics.reloads : &server->metrics.failed_reloads, 1);
	return status;
}

void rnm_server_work(struct rnm_server *server)
{
	const bool fetched = rnm_demand_fetch(&server->demand, &server->options);
	struct rnm_error err;

	rnm_links_expire(&server->links);
	if (fetched || rnm_tree_watch_due(&server->watch) || atomic_load(&server->stale)) {
		rnm_error_clear(&err);
		if (rnm_server_reload(server, false, &err) != RNM_OK && server->options.warn != NULL)
			server->options.warn(server->options.ctx, &err);
	}
	rnm_demand_resume(&server->demand);
}

/*
 * Whether all has been answered.  A connection that was accepted a moment ago is among the links only when
 * its thread has come to it: they must have been none for a while.
 */
static bool is_drained(struct rnm_server *server, uint64_t expected, bool impatient, unsigned *quiet)
{
	struct rnm_link_counts counts;

	rnm_links_drain(&server->links, impatient);
	rnm_links_count(&server->links, &counts);
	*quiet = counts.open == 0 && counts.opened >= expected ? *quiet + 1 : 0;
	return *quiet >= QUIET_LOOKS;
}

void rnm_server_stop(struct rnm_server *server, double seconds)
{
	const double begun = rnm_clock_monotonic();
	struct rnm_link_counts counts;
	uint64_t expected;
	double passed = 0;
	unsigned quiet = 0;

	atomic_store(&server->draining, true);
	rnm_demand_stop(&server->demand);
	rnm_links_count(&server->links, &counts);
	expected = counts.opened;
	for (size_t i = 0; i < server->listener_count; i++)
		expected += rnm_listener_quiesce(&server->listeners[i]);
	while (!is_drained(server, expected, passed > LAST_REQUEST, &quiet) && passed < seconds) {
		usleep(10000);
		rnm_links_expire(&server->links);
		passed = rnm_clock_monotonic() - begun;
	}
	rnm_sender_stop(&server->sender);
	for (size_t i = 0; i < server->listener_count; i++)
		rnm_listener_stop(&server->listeners[i]);
	server->listener_count = 0;
}

void rnm_server_free(struct rnm_server *server)
{
	if (server == NULL)
		return;
	rnm_sender_stop(&server->sender);
	for (size_t i = 0; i < server->listener_count; i++)
		rnm_listener_stop(&server->listeners[i]);
	rnm_sender_free(&server->sender);
	rnm_tree_watch_close(&server->watch);
	rnm_demand_close(&server->demand);
	rnm_fleet_free(&server->fleet);
	rnm_served_table_unref(server->table);
	pthread_mutex_destroy(&server->table_lock);
	pthread_mutex_destroy(&server->log_lock);
	pthread_mutex_destroy(&server->links.lock);
	free(server);
}

void rnm_server_counts(struct rnm_server *server, struct rnm_server_counts *out)
{
	struct rnm_link_counts links;

	rnm_links_count(&server->links, &links);
	*out = (struct rnm_server_counts){ .files = server->table->count,
		                           .requests = rnm_metrics_requests(&server->metrics),
		                           .connections_open = links.open,
		                           .reloads = atomic_load(&server->metrics.reloads) };
	for (size_t i = 0; i < server->table->count; i++)
		out->models += rnm_served_is_alias(server->table->items[i]->name);
}

bool rnm_server_file_at(struct rnm_server *server, size_t index, struct rnm_server_file *out)
{
	const struct rnm_served *file;

	if (index >= server->table->count)
		return false;
	file = server->table->items[index];
	*out = (struct rnm_server_file){ .name = file->name,
		                         .size = file->size,
		                         .modified = file->modified,
		                         .etag = file->etag,
		                         .kept = file->kept };
	return true;
}
