/* SPDX-License-Identifier: Apache-2.0 */
#include "base/seen.h"

#include <stdlib.h>
#include <xxhash.h>

#define FIRST_SIZE ((size_t)1024)

static uint64_t hash_of(const void *data, size_t len)
{
	const uint64_t hash = XXH3_64bits(data, len);

	return hash + (hash == 0);
}

/* The place of the hash, or the free one where it belongs. */
static uint64_t *find(const struct rnm_seen *seen, uint64_t hash)
{
	size_t i = (size_t)hash & (seen->size - 1);

	while (seen->places[i] != 0 && seen->places[i] != hash)
		i = (i + 1) & (seen->size - 1);
	return &seen->places[i];
}

static bool grow(struct rnm_seen *seen)
{
	struct rnm_seen larger = { .size = seen->size == 0 ? FIRST_SIZE : seen->size * 2,
		                   .count = seen->count };

	larger.places = calloc(larger.size, sizeof(*larger.places));
	if (larger.places == NULL)
		return false;
	for (size_t i = 0; i < seen->size; i++) {
		if (seen->places[i] != 0)
			*find(&larger, seen->places[i]) = seen->places[i];
	}
	free(seen->places);
	*seen = larger;
	return true;
}

bool rnm_seen_add(struct rnm_seen *seen, const void *data, size_t len, bool *is_new)
{
	const uint64_t hash = hash_of(data, len);
	uint64_t *place;

	if (seen->count >= seen->size / 2 && !grow(seen))
		return false;
	place = find(seen, hash);
	*is_new = *place == 0;
	seen->count += *is_new;
	*place = hash;
	return true;
}

bool rnm_seen_has(const struct rnm_seen *seen, const void *data, size_t len)
{
	return seen->size > 0 && *find(seen, hash_of(data, len)) != 0;
}

void rnm_seen_free(struct rnm_seen *seen)
{
	free(seen->places);
	*seen = (struct rnm_seen){ 0 };
}
