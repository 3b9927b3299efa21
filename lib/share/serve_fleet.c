/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_fleet.h"

#include "share/serve_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Seconds of silence after which a client may be forgotten. */
#define SILENCE 86400

void rnm_fleet_init(struct rnm_fleet *fleet)
{
	memset(fleet, 0, sizeof(*fleet));
	pthread_mutex_init(&fleet->lock, NULL);
}

void rnm_fleet_free(struct rnm_fleet *fleet)
{
	free(fleet->clients);
	free(fleet->places);
	free(fleet->missing);
	free(fleet->offered);
	pthread_mutex_destroy(&fleet->lock);
}

static void keep(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

/* ---- clients ------------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *client, const char *name)
{
	return XXH3_64bits_withSeed(client, strlen(client), XXH3_64bits(name, strlen(name)));
}

static uint32_t *place_of(const struct rnm_fleet *fleet, const char *client, const char *name)
{
	const size_t mask = fleet->place_count - 1;
	size_t i = (size_t)hash_of(client, name) & mask;

	while (fleet->places[i] != 0) {
		const struct rnm_fleet_client *there = &fleet->clients[fleet->places[i] - 1];

		if (strcmp(there->client, client) == 0 && strcmp(there->name, name) == 0)
			break;
		i = (i + 1) & mask;
	}
	return &fleet->places[i];
}

static void index_all(struct rnm_fleet *fleet)
{
	memset(fleet->places, 0, fleet->place_count * sizeof(*fleet->places));
	for (size_t i = 0; i < fleet->count; i++)
		*place_of(fleet, fleet->clients[i].client, fleet->clients[i].name) = (uint32_t)(i + 1);
}

static bool grow(struct rnm_fleet *fleet)
{
	const size_t cap = fleet->cap == 0 ? 64 : fleet->cap * 2;
	struct rnm_fleet_client *clients = reallocarray(fleet->clients, cap, sizeof(*clients));
	uint32_t *places;

	if (clients == NULL)
		return false;
	fleet->clients = clients;
	places = calloc(cap * 2, sizeof(*places));
	if (places == NULL)
		return false;
	free(fleet->places);
	fleet->places = places;
	fleet->place_count = cap * 2;
	fleet->cap = cap;
	index_all(fleet);
	return true;
}

static void forget_silent(struct rnm_fleet *fleet, int64_t now)
{
	size_t kept = 0;

	/* Unless the clock was set back, nobody can have been silent for long enough since the last search. */
	if (now >= fleet->searched && now - fleet->oldest < SILENCE)
		return;
	fleet->searched = fleet->oldest = now;
	for (size_t i = 0; i < fleet->count; i++) {
		const struct rnm_fleet_client *client = &fleet->clients[i];

		if (now - client->last >= SILENCE)
			continue;
		if (client->last < fleet->oldest)
			fleet->oldest = client->last;
		fleet->clients[kept++] = *client;
	}
	fleet->count = kept;
	index_all(fleet);
}

static struct rnm_fleet_client *client_for(struct rnm_fleet *fleet, const struct rnm_fleet_event *event,
                                           int64_t now)
{
	struct rnm_fleet_client *client;
	uint32_t *place;

	if (fleet->cap == 0 && !grow(fleet))
		return NULL;
	place = place_of(fleet, event->client, event->name);
	if (*place != 0)
		return &fleet->clients[*place - 1];
	if (fleet->count == fleet->cap) {
		if (fleet->cap >= RNM_FLEET_CLIENTS_MAX)
			forget_silent(fleet, now);
		else if (!grow(fleet))
			return NULL;
		place = place_of(fleet, event->client, event->name);
	}
	if (fleet->count == fleet->cap) {
		fleet->forgotten++;
		return NULL;
	}
	client = &fleet->clients[fleet->count++];
	*place = (uint32_t)fleet->count;
	memset(client, 0, sizeof(*client));
	keep(client->client, sizeof(client->client), event->client);
	keep(client->name, sizeof(client->name), event->name);
	client->first = now;
	return client;
}

static void note_client(struct rnm_fleet *fleet, const struct rnm_fleet_event *event, int64_t now)
{
	struct rnm_fleet_client *client = client_for(fleet, event, now);

	if (client == NULL)
		return;
	client->last = now;
	client->requests++;
	keep(client->agent, sizeof(client->agent), event->agent);
	if (event->has != NULL)
		keep(client->held, sizeof(client->held), event->has);
	else if (event->sent[0] == '"' && strlen(event->sent) < sizeof(client->held))
		keep(client->held, sizeof(client->held), event->sent);
}

/* ---- what is missing ----------------------------------------------------------------------------- */

static struct rnm_fleet_missing *missing_for(struct rnm_fleet *fleet, const char *name, int64_t now)
{
	struct rnm_fleet_missing *oldest = NULL;

	if (fleet->missing == NULL)
		fleet->missing = calloc(RNM_FLEET_MISSING_MAX, sizeof(*fleet->missing));
	if (fleet->missing == NULL)
		return NULL;
	for (size_t i = 0; i < fleet->missing_count; i++) {
		struct rnm_fleet_missing *missing = &fleet->missing[i];

		if (strcmp(missing->name, name) == 0)
			return missing;
		if (oldest == NULL || missing->last < oldest->last)
			oldest = missing;
	}
	if (fleet->missing_count < RNM_FLEET_MISSING_MAX)
		oldest = &fleet->missing[fleet->missing_count++];
	memset(oldest, 0, sizeof(*oldest));
	keep(oldest->name, sizeof(oldest->name), name);
	oldest->first = now;
	return oldest;
}

static void note_missing(struct rnm_fleet *fleet, const struct rnm_fleet_event *event, int64_t now)
{
	struct rnm_fleet_missing *missing = missing_for(fleet, event->name, now);

	if (missing == NULL)
		return;
	missing->last = now;
	missing->requests++;
	keep(missing->client, sizeof(missing->client), event->client);
}

void rnm_fleet_note(struct rnm_fleet *fleet, const struct rnm_fleet_event *event, int64_t now)
{
	if (event->name[0] == '\0' || strlen(event->name) >= RNM_FLEET_NAME_SIZE)
		return;
	pthread_mutex_lock(&fleet->lock);
	if (event->missing)
		note_missing(fleet, event, now);
	else
		note_client(fleet, event, now);
	pthread_mutex_unlock(&fleet->lock);
}

/* ---- what was offered ---------------------------------------------------------------------------- */

const struct rnm_fleet_offered *rnm_fleet_find_offer(const struct rnm_fleet *fleet, const char *name,
                                                     const char *etag)
{
	for (size_t i = fleet->offered_count; i > 0; i--) {
		const struct rnm_fleet_offered *offered = &fleet->offered[i - 1];

		if (strcmp(offered->etag, etag) == 0 && strcmp(offered->name, name) == 0)
			return offered;
	}
	return NULL;
}

/* Whether this is the newest offer under its name: one that comes back is an offer again. */
static bool is_latest(const struct rnm_fleet *fleet, const char *name, const char *etag)
{
	for (size_t i = fleet->offered_count; i > 0; i--)
		if (strcmp(fleet->offered[i - 1].name, name) == 0)
			return strcmp(fleet->offered[i - 1].etag, etag) == 0;
	return false;
}

static void offer(struct rnm_fleet *fleet, const struct rnm_served *file)
{
	const char *name = file->name + strlen(RNM_SERVED_MODELS);
	struct rnm_fleet_offered *offered;

	if (is_latest(fleet, name, file->etag))
		return;
	if (fleet->offered == NULL)
		fleet->offered = calloc(RNM_FLEET_OFFERED_MAX, sizeof(*fleet->offered));
	if (fleet->offered == NULL)
		return;
	if (fleet->offered_count == RNM_FLEET_OFFERED_MAX) {
		fleet->offered_count--;
		memmove(fleet->offered, fleet->offered + 1, fleet->offered_count * sizeof(*fleet->offered));
	}
	offered = &fleet->offered[fleet->offered_count++];
	keep(offered->name, sizeof(offered->name), name);
	keep(offered->etag, sizeof(offered->etag), file->etag);
	offered->version = file->model->version;
	offered->modified = file->modified;
}

static void forget_found(struct rnm_fleet *fleet, const char *name)
{
	for (size_t i = 0; i < fleet->missing_count; i++) {
		if (strcmp(fleet->missing[i].name, name) == 0) {
			fleet->missing[i] = fleet->missing[--fleet->missing_count];
			return;
		}
	}
}

void rnm_fleet_offer(struct rnm_fleet *fleet, const struct rnm_served_table *table)
{
	pthread_mutex_lock(&fleet->lock);
	for (size_t i = 0; i < table->count; i++) {
		const struct rnm_served *file = table->items[i];

		if (!rnm_served_is_alias(file->name))
			continue;
		forget_found(fleet, file->name + strlen(RNM_SERVED_MODELS));
		if (file->model != NULL)
			offer(fleet, file);
	}
	pthread_mutex_unlock(&fleet->lock);
}

/* ---- copies -------------------------------------------------------------------------------------- */

static int by_name_and_client(const void *a, const void *b)
{
	const struct rnm_fleet_client *left = a, *right = b;
	const int order = strcmp(left->name, right->name);

	return order != 0 ? order : strcmp(left->client, right->client);
}

static int latest_first(const void *a, const void *b)
{
	const struct rnm_fleet_missing *left = a, *right = b;

	return left->last != right->last ? (left->last < right->last ? 1 : -1)
	                                 : strcmp(left->name, right->name);
}

static bool copy(void **out, const void *items, size_t count, size_t size)
{
	*out = count > 0 ? malloc(count * size) : NULL;
	if (*out != NULL)
		memcpy(*out, items, count * size);
	return count == 0 || *out != NULL;
}

bool rnm_fleet_copy(struct rnm_fleet *out, struct rnm_fleet *fleet)
{
	void *clients, *missing, *offered;
	bool done;

	rnm_fleet_init(out);
	pthread_mutex_lock(&fleet->lock);
	done = copy(&clients, fleet->clients, fleet->count, sizeof(*fleet->clients));
	done &= copy(&missing, fleet->missing, fleet->missing_count, sizeof(*fleet->missing));
	done &= copy(&offered, fleet->offered, fleet->offered_count, sizeof(*fleet->offered));
	out->count = fleet->count;
	out->missing_count = fleet->missing_count;
	out->offered_count = fleet->offered_count;
	out->forgotten = fleet->forgotten;
	pthread_mutex_unlock(&fleet->lock);
	out->clients = clients;
	out->missing = missing;
	out->offered = offered;
	if (!done) {
		rnm_fleet_free(out);
		return false;
	}
	if (out->count > 0)
		qsort(out->clients, out->count, sizeof(*out->clients), by_name_and_client);
	if (out->missing_count > 0)
		qsort(out->missing, out->missing_count, sizeof(*out->missing), latest_first);
	return true;
}
