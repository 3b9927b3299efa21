/* SPDX-License-Identifier: Apache-2.0 */
/* `rnm watch` without --once: looks, waits until something may be new, looks again. */
#include "interrupt.h"
#include "output.h"
#include "service.h"
#include "stay.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* After the first failure, and at most. */
#define RETRY_FIRST 1.0
#define RETRY_CAP 60.0
/* A change rarely comes alone: what follows it so closely is looked at together with it. */
#define SETTLE 0.2
/* Messages that are taken before somebody looks, however fast they come. */
#define MESSAGES_MAX 10000

/* ---- listening ---- */

static void stop_listening(struct watch_run *run)
{
	rnm_redis_free(run->listener);
	run->listener = NULL;
}

/* Only what is not as it should be. */
static void tell_events(struct watch_run *run)
{
	enum rnm_keyspace_events events;
	struct rnm_error err;

	if (run->events_told || rnm_redis_keyspace_events(run->context.redis, &events, &err) != RNM_OK)
		return;
	run->events_told = true;
	if (events == RNM_KEYSPACE_OFF)
		output_note(
		    "redis server %s does not tell of changes (notify-keyspace-events lacks Kz): looking "
		    "every %.0f s",
		    rnm_redis_address(run->context.redis), run->every);
	else if (events == RNM_KEYSPACE_UNKNOWN)
		output_note("redis server %s does not let us know whether it tells of changes: looking every "
		            "%.0f s at least",
		            rnm_redis_address(run->context.redis), run->every);
}

static enum rnm_status name_channels(struct watch_run *run, const char **channels, struct rnm_error *err)
{
	for (size_t i = 0; i < run->rule_count; i++) {
		struct watch_rule *watched = &run->rules[i];

		if (watched->channel == NULL)
			watched->channel =
			    rnm_watch_channel(run->context.settings, watched->rule, run->settings);
		if (watched->channel == NULL)
			return rnm_error_nomem(err);
		channels[i] = watched->channel;
	}
	return RNM_OK;
}

static enum rnm_status subscribe(struct watch_run *run, struct rnm_error *err)
{
	const char **channels = calloc(run->rule_count + 1, sizeof(*channels));
	enum rnm_status status;

	if (channels == NULL)
		return rnm_error_nomem(err);
	status = name_channels(run, channels, err);
	if (status == RNM_OK)
		status = rnm_redis_connect(&run->listener, run->context.settings, RNM_REDIS_READ,
		                           &interrupt_signal, err);
	if (status == RNM_OK)
		status = rnm_redis_subscribe(run->listener, channels, run->rule_count, err);
	free(channels);
	return status;
}

/* Whatever comes of it, looking every so often goes on. */
static void start_listening(struct watch_run *run)
{
	struct rnm_error err;
	enum rnm_status status;

	/* After a fail-over the changes happen somewhere else. */
	if (run->listener != NULL &&
	    strcmp(rnm_redis_address(run->listener), rnm_redis_address(run->context.redis)) != 0)
		stop_listening(run);
	if (run->listener != NULL || run->deaf)
		return;
	status = subscribe(run, &err);
	if (status == RNM_OK)
		return;
	stop_listening(run);
	if (status != RNM_E_REDIS)
		return;
	run->deaf = true;
	output_note("%s: looking every %.0f s", err.message, run->every);
}

/* Takes all messages.  False when the connection is gone. */
static bool hear(struct watch_run *run, bool *is_news)
{
	for (unsigned i = 0; i < MESSAGES_MAX; i++) {
		char event[RNM_KEYSPACE_EVENT_SIZE];
		struct rnm_error err;
		const enum rnm_status status = rnm_redis_listen(run->listener, event, &err);

		if (status == RNM_NO)
			return true;
		if (status != RNM_OK) {
			stop_listening(run);
			return false;
		}
		*is_news = *is_news || rnm_watch_event_matters(event);
	}
	return true;
}

static double seconds_now(void)
{
	struct timespec when;

	(void)clock_gettime(CLOCK_BOOTTIME, &when);
	return (double)when.tv_sec + (double)when.tv_nsec / 1e9;
}

/* Until the time is over, a signal comes, Redis tells of a change, or it goes away, which is news as well. */
static void wait_for_news(struct watch_run *run, double seconds)
{
	const double end = seconds_now() + seconds;
	bool is_news = false;

	while (interrupt_signal == 0 && interrupt_wake == 0) {
		const double left = end - seconds_now();

		if (run->listener != NULL && !hear(run, &is_news))
			return;
		if (is_news) {
			(void)stay_wait(SETTLE, -1);
			if (run->listener != NULL)
				(void)hear(run, &is_news);
			return;
		}
		if (left <= 0)
			return;
		(void)stay_wait(left, run->listener != NULL ? rnm_redis_descriptor(run->listener) : -1);
	}
}

/* ---- the loop ---- */

/* What was said before of the same trouble is not said again. */
static void tell_trouble(struct watch_run *run, const struct rnm_error *err)
{
	if (strcmp(run->trouble, err->message) == 0)
		return;
	(void)snprintf(run->trouble, sizeof(run->trouble), "%s", err->message);
	(void)watch_report(run, NULL, NULL, err);
}

static void cycle(struct watch_run *run)
{
	struct rnm_error err;
	enum rnm_status status = watch_connect(run, &err);

	run->failed = status != RNM_OK;
	if (status != RNM_OK) {
		stop_listening(run);
		if (status != RNM_E_INTERRUPTED)
			tell_trouble(run, &err);
		return;
	}
	if (run->trouble[0] != '\0')
		output_note("redis server %s answers again", rnm_redis_address(run->context.redis));
	run->trouble[0] = '\0';
	start_listening(run);
	tell_events(run);
	(void)watch_look(run);
}

/* A configuration that cannot be read does not end the work with the one before. */
static void reload(struct watch_run *run)
{
	struct watch_run fresh = *run;
	struct rnm_error err;

	interrupt_wake = 0;
	rnm_watch_forget(run->watch);
	fresh.rules = NULL;
	fresh.rule_count = 0;
	fresh.listener = NULL;
	fresh.context = (struct context){ 0 };
	fresh.deaf = false;
	fresh.events_told = false;
	if (watch_load(&fresh, &err) != RNM_OK) {
		(void)watch_report(run, NULL, NULL, &err);
		watch_unload(&fresh);
		return;
	}
	watch_unload(run);
	*run = fresh;
}

static void tell_manager(const struct watch_run *run, double seconds)
{
	service_tell("READY=1\nSTATUS=%s%s, next look in %.0f s",
	             run->failed ? "last look failed" : "watching",
	             run->listener != NULL ? ", listening" : "", seconds);
}

int watch_stay(struct watch_run *run)
{
	const struct stay_pace pace = {
		.every = run->every,
		.retry_first = RETRY_FIRST,
		.retry_cap = RETRY_CAP,
	};
	unsigned failures = 0;

	while (interrupt_signal == 0) {
		double seconds;

		cycle(run);
		output_flush();
		if (interrupt_signal != 0)
			break;
		failures = run->failed ? failures + 1 : 0;
		seconds = stay_waiting_time(&pace, failures, 0);
		tell_manager(run, seconds);
		wait_for_news(run, seconds);
		if (interrupt_wake != 0 && interrupt_signal == 0)
			reload(run);
	}
	service_tell("STOPPING=1");
	/* To be ended is how the work of a process that stays ends. */
	return interrupt_signal == SIGTERM ? RNM_OK : 130;
}
