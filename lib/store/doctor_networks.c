/* SPDX-License-Identifier: Apache-2.0 */
/* The same network under several names. */
#include "store/doctor.h"

#include "store/events.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/*
 * Only networks of one size are compared, and read for that.  Copying a larger one into its answer would
 * hold the server for longer than a few milliseconds.
 */
#define COMPARED_MAX ((uint64_t)4 << 20)

struct reading {
	struct rnm_doctor *d;
	struct rnm_buf network;
};

static int by_size(const void *a, const void *b)
{
	const struct rnm_doctor_network *left = a, *right = b;

	if (left->size != right->size)
		return left->size < right->size ? -1 : 1;
	return strcmp(left->key, right->key);
}

/* Copies within one list are what an import of an older model makes. */
static bool same_list(const struct rnm_doctor_network *a, const struct rnm_doctor_network *b)
{
	return strcmp(a->rule, b->rule) == 0 && strcmp(a->settings, b->settings) == 0;
}

static enum rnm_status hash_network(struct reading *reading, struct rnm_doctor_network *network,
                                    struct rnm_error *err)
{
	struct rnm_redis *redis = reading->d->redis;
	struct rnm_event event;
	enum rnm_status status = rnm_event_send(redis, "HGET", network->key, "ann", err);

	if (status == RNM_OK)
		status = rnm_redis_next(redis, &event, err);
	if (status != RNM_OK)
		return status;
	/* Gone, refused, or replaced by a longer one: no longer a matter of this examination. */
	if (event.kind != RNM_EVENT_BULK_BEGIN || event.length > COMPARED_MAX)
		return rnm_redis_skip(redis, &event, err);
	status = rnm_event_bulk(redis, &event, &reading->network, "a network", err);
	if (status != RNM_OK)
		return status;
	network->hash = XXH3_64bits(rnm_buf_cstr(&reading->network), reading->network.len);
	network->hashed = reading->network.len > 0;
	return RNM_OK;
}

/* One name, the other and how many more have the same network as the first of these. */
static void report_copies(struct rnm_doctor *d, const struct rnm_doctor_network *first, size_t count)
{
	const struct rnm_doctor_network *other = NULL;
	size_t copies = 0;
	struct rnm_health_finding *finding;

	for (size_t i = 1; i < count; i++) {
		if (!first[i].hashed || first[i].hash != first->hash || same_list(&first[i], first))
			continue;
		if (copies++ == 0)
			other = &first[i];
	}
	if (other == NULL)
		return;
	d->rule = first->rule;
	d->settings = first->settings;
	finding = rnm_doctor_find(d, RNM_DOCTOR_SAME_WEIGHTS, first->key,
	                          "the same network is stored as %s (rule %s, settings %s)%s", other->key,
	                          other->rule, other->settings, copies > 1 ? " and elsewhere" : "");
	rnm_doctor_advise(d, finding, RNM_REMEDY_NONE,
	                  "fine if one was meant to be copied to the other; rules that should differ were "
	                  "given the same model");
}

/* Marks what has been reported as copies of one network. */
static void forget_copies(struct rnm_doctor_network *first, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (first[i].hashed && first[i].hash == first->hash)
			first[i].hashed = false;
}

static enum rnm_status compare_run(struct reading *reading, struct rnm_doctor_network *first, size_t count,
                                   struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	size_t other = 1;

	while (other < count && same_list(&first[other], first))
		other++;
	if (other == count)
		return RNM_OK;
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = hash_network(reading, &first[i], err);
	for (size_t i = 0; status == RNM_OK && i + 1 < count; i++) {
		if (!first[i].hashed)
			continue;
		report_copies(reading->d, &first[i], count - i);
		forget_copies(&first[i], count - i);
	}
	return status;
}

enum rnm_status rnm_doctor_networks(struct rnm_doctor *d, struct rnm_error *err)
{
	struct reading reading = { .d = d };
	enum rnm_status status = RNM_OK;
	size_t end;

	rnm_buf_init(&reading.network, COMPARED_MAX);
	if (d->network_count > 1)
		qsort(d->networks, d->network_count, sizeof(*d->networks), by_size);
	for (size_t i = 0; status == RNM_OK && i < d->network_count; i = end) {
		end = i + 1;
		while (end < d->network_count && d->networks[end].size == d->networks[i].size)
			end++;
		if (end - i > 1 && d->networks[i].size <= COMPARED_MAX)
			status = compare_run(&reading, &d->networks[i], end - i, err);
	}
	rnm_buf_free(&reading.network);
	return status;
}
