/* SPDX-License-Identifier: Apache-2.0 */
#include "share/serve_table.h"

#include "share/serve_model.h"
#include "share/serve_record.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

struct rnm_served_table *rnm_served_table_new(void)
{
	struct rnm_served_table *table = calloc(1, sizeof(*table));

	if (table != NULL)
		atomic_init(&table->references, 1);
	return table;
}

static bool make_room(struct rnm_served_table *table)
{
	const size_t cap = table->cap == 0 ? 64 : table->cap * 2;
	struct rnm_served **items;

	if (table->count < table->cap)
		return true;
	items = realloc(table->items, cap * sizeof(struct rnm_served *));
	if (items == NULL)
		return false;
	table->items = items;
	table->cap = cap;
	return true;
}

enum rnm_status rnm_served_table_add(struct rnm_served_table *table, struct rnm_served *file,
                                     struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (table->count >= RNM_SERVE_FILES_MAX)
		status = rnm_error_set(err, RNM_E_MALFORMED, "serve.too-many",
		                       "the tree holds more than %u files", RNM_SERVE_FILES_MAX);
	else if (!make_room(table))
		status = rnm_error_nomem(err);
	if (status != RNM_OK) {
		rnm_served_unref(file);
		return status;
	}
	table->items[table->count++] = file;
	return RNM_OK;
}

/* Where the name is, or would belong. */
static size_t place_of(const struct rnm_served_table *table, const char *name, size_t len)
{
	const size_t mask = table->place_count - 1;
	size_t i = (size_t)XXH3_64bits(name, len) & mask;

	while (table->places[i] != 0) {
		const char *there = table->items[table->places[i] - 1]->name;

		if (strncmp(there, name, len) == 0 && there[len] == '\0')
			break;
		i = (i + 1) & mask;
	}
	return i;
}

enum rnm_status rnm_served_table_seal(struct rnm_served_table *table, struct rnm_error *err)
{
	table->place_count = 16;
	while (table->place_count < table->count * 2)
		table->place_count *= 2;
	table->places = calloc(table->place_count, sizeof(*table->places));
	if (table->places == NULL)
		return rnm_error_nomem(err);
	for (size_t i = 0; i < table->count; i++) {
		const char *name = table->items[i]->name;

		table->places[place_of(table, name, strlen(name))] = (uint32_t)(i + 1);
	}
	return RNM_OK;
}

struct rnm_served_table *rnm_served_table_ref(struct rnm_served_table *table)
{
	atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
	return table;
}

void rnm_served_table_unref(struct rnm_served_table *table)
{
	if (table == NULL || atomic_fetch_sub(&table->references, 1) != 1)
		return;
	for (size_t i = 0; i < table->count; i++)
		rnm_served_unref(table->items[i]);
	rnm_served_record_unref(table->record);
	free(table->items);
	free(table->places);
	free(table);
}

struct rnm_served *rnm_served_find(const struct rnm_served_table *table, const char *name, size_t len)
{
	uint32_t place;

	/* A NUL within the name is in no name of ours. */
	if (memchr(name, '\0', len) != NULL)
		return NULL;
	place = table->places[place_of(table, name, len)];
	return place == 0 ? NULL : table->items[place - 1];
}

struct rnm_served *rnm_served_new(const char *name)
{
	struct rnm_served *file = calloc(1, sizeof(*file));

	if (file == NULL)
		return NULL;
	atomic_init(&file->references, 1);
	file->fd = -1;
	file->name = strdup(name);
	if (file->name == NULL) {
		rnm_served_unref(file);
		return NULL;
	}
	return file;
}

struct rnm_served *rnm_served_ref(struct rnm_served *file)
{
	atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
	return file;
}

void rnm_served_unref(struct rnm_served *file)
{
	if (file == NULL || atomic_fetch_sub(&file->references, 1) != 1)
		return;
	if (file->fd >= 0)
		close(file->fd);
	rnm_served_model_unref(file->model);
	free(file->name);
	free(file);
}

size_t rnm_served_stem(const char *name)
{
	static const char *const endings[] = { RNM_SIGNATURE_SUFFIX, RNM_STATEMENT_SUFFIX };
	const size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		const size_t ending = strlen(endings[i]);

		if (len > ending && strcmp(name + len - ending, endings[i]) == 0)
			return len - ending;
	}
	return len;
}

bool rnm_served_is_alias(const char *name)
{
	return strncmp(name, RNM_SERVED_MODELS, strlen(RNM_SERVED_MODELS)) == 0 &&
	       rnm_served_stem(name) == strlen(name);
}
