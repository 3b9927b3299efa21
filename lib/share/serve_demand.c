/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_demand.h"

#include "base/clock.h"
#include "share/serve_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum rnm_status rnm_demand_open(struct rnm_demand *demand, const struct rnm_serve_options *options,
                                struct rnm_error *err)
{
	demand->event = -1;
	pthread_mutex_init(&demand->lock, NULL);
	if (options->name_count == 0)
		return RNM_OK;
	demand->names = calloc(options->name_count, sizeof(*demand->names));
	if (demand->names == NULL)
		return rnm_error_nomem(err);
	demand->count = options->name_count;
	for (size_t i = 0; i < demand->count; i++)
		demand->names[i].name = options->names[i];
	demand->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (demand->event < 0)
		return rnm_error_sys(err, "serve.start", errno, "cannot make a descriptor for events");
	return RNM_OK;
}

void rnm_demand_close(struct rnm_demand *demand)
{
	if (demand->event >= 0)
		close(demand->event);
	free(demand->names);
	pthread_mutex_destroy(&demand->lock);
}

static struct rnm_demand_name *find(const struct rnm_demand *demand, const char *path, size_t len)
{
	const size_t prefix = strlen(RNM_SERVED_MODELS);

	if (len <= prefix || memcmp(path, RNM_SERVED_MODELS, prefix) != 0)
		return NULL;
	for (size_t i = 0; i < demand->count; i++) {
		const char *name = demand->names[i].name;

		if (strlen(name) == len - prefix && memcmp(name, path + prefix, len - prefix) == 0)
			return &demand->names[i];
	}
	return NULL;
}

bool rnm_demand_has(const struct rnm_demand *demand, const char *path, size_t len)
{
	return find(demand, path, len) != NULL;
}

bool rnm_demand_wait(struct rnm_demand *demand, struct rnm_waiter *waiter, struct MHD_Connection *connection,
                     const char *path, size_t len)
{
	static const uint64_t one = 1;
	struct rnm_demand_name *name = find(demand, path, len);
	bool waits;

	if (name == NULL)
		return false;
	pthread_mutex_lock(&demand->lock);
	waits = !demand->closed && (name->wanted || rnm_clock_monotonic() >= name->fresh_until);
	if (waits) {
		name->wanted = true;
		waiter->connection = connection;
		waiter->next = demand->waiters;
		demand->waiters = waiter;
		rnm_microhttpd.MHD_suspend_connection(connection);
	}
	pthread_mutex_unlock(&demand->lock);
	/* A full counter is readable, too. */
	if (waits && write(demand->event, &one, sizeof(one)) < 0)
		return true;
	return waits;
}

/* The next one that is wanted and has not been fetched; NULL. */
static struct rnm_demand_name *take_wanted(struct rnm_demand *demand)
{
	struct rnm_demand_name *wanted = NULL;

	pthread_mutex_lock(&demand->lock);
	for (size_t i = 0; wanted == NULL && i < demand->count; i++)
		if (demand->names[i].wanted && !demand->names[i].fetched)
			wanted = &demand->names[i];
	pthread_mutex_unlock(&demand->lock);
	return wanted;
}

bool rnm_demand_fetch(struct rnm_demand *demand, const struct rnm_serve_options *options)
{
	struct rnm_demand_name *name;
	struct rnm_error err;
	uint64_t count;
	bool any = false;

	if (demand->count == 0 || (read(demand->event, &count, sizeof(count)) < 0 && errno != EAGAIN))
		return false;
	while ((name = take_wanted(demand)) != NULL) {
		rnm_error_clear(&err);
		if (options->fetch(options->ctx, name->name, &err) != RNM_OK && options->warn != NULL)
			options->warn(options->ctx, &err);
		name->fetched = any = true;
	}
	return any;
}

/* Those who have come while it was fetched are among the waiting. */
static void set_fresh(struct rnm_demand *demand)
{
	for (size_t i = 0; i < demand->count; i++) {
		struct rnm_demand_name *name = &demand->names[i];

		if (!name->fetched)
			continue;
		name->fetched = name->wanted = false;
		name->fresh_until = rnm_clock_monotonic() + RNM_DEMAND_FRESH;
	}
}

static void resume_all(struct rnm_demand *demand, bool closed)
{
	struct rnm_waiter *waiters;

	pthread_mutex_lock(&demand->lock);
	demand->closed = demand->closed || closed;
	set_fresh(demand);
	waiters = demand->waiters;
	demand->waiters = NULL;
	pthread_mutex_unlock(&demand->lock);
	while (waiters != NULL) {
		/* Once it goes on it may be gone at any moment. */
		struct rnm_waiter *next = waiters->next;

		rnm_microhttpd.MHD_resume_connection(waiters->connection);
		waiters = next;
	}
}

void rnm_demand_resume(struct rnm_demand *demand)
{
	resume_all(demand, false);
}

void rnm_demand_stop(struct rnm_demand *demand)
{
	resume_all(demand, true);
}
