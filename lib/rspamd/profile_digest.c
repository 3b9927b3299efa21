/* SPDX-License-Identifier: Apache-2.0 */
#include "rspamd/base32.h"
#include "rspamd/profile.h"

#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(RNM_BASE32_LEN(crypto_generichash_blake2b_BYTES_MAX) == RNM_PROFILE_DIGEST_LEN,
               "a profile digest is the base32 form of BLAKE2b-512");

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum rnm_status rnm_profile_digest(char out[RNM_PROFILE_DIGEST_LEN + 1], const char *const *symbols,
                                   size_t count, struct rnm_error *err)
{
	unsigned char hash[crypto_generichash_blake2b_BYTES_MAX];
	crypto_generichash_blake2b_state state;
	const char **sorted = calloc(count + 1, sizeof(*sorted));

	if (sorted == NULL)
		return rnm_error_nomem(err);
	if (count > 0)
		memcpy(sorted, symbols, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_names);
	/* Neither call can fail with these sizes. */
	crypto_generichash_blake2b_init(&state, NULL, 0, sizeof(hash));
	for (size_t i = 0; i < count; i++)
		crypto_generichash_blake2b_update(&state, (const unsigned char *)sorted[i],
		                                  strlen(sorted[i]));
	crypto_generichash_blake2b_final(&state, hash, sizeof(hash));
	rnm_base32_encode(out, hash, sizeof(hash));
	free(sorted);
	return RNM_OK;
}

/* What is left of the longer list, less what has been counted while walking it ahead of the other. */
static uint64_t remainder_of(size_t longer, size_t done, size_t ahead, size_t behind)
{
	size_t left = longer - done;
	size_t counted = ahead > behind ? ahead - behind : 0;

	return counted < left ? left - counted : 0;
}

uint64_t rnm_profile_distance(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
	size_t steps = a_count > b_count ? a_count : b_count;
	uint64_t distance = 0;
	size_t i = 0;
	size_t j = 0;

	/* As many steps as the longer list has names: the worker's walk stops there, which is why this is
	 * only close to the true number of differences. */
	for (size_t step = 0; step < steps; step++) {
		int order;

		if (j >= b_count)
			return distance + remainder_of(steps, b_count, i, j);
		if (i >= a_count)
			return distance + remainder_of(steps, a_count, j, i);
		order = strcmp(a[i], b[j]);
		i += order <= 0;
		j += order >= 0;
		distance += order != 0;
	}
	return distance;
}

static void write_string(struct rnm_buf *out, const char *text)
{
	static const char short_escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	rnm_buf_putc(out, '"');
	for (; *text != '\0'; text++) {
		const char *escape = NULL;

		for (const char *pair = short_escapes; *pair != '\0' && escape == NULL; pair += 2)
			if (*pair == *text)
				escape = pair + 1;
		if (escape != NULL) {
			rnm_buf_putc(out, '\\');
			rnm_buf_putc(out, *escape);
		} else if ((unsigned char)*text < 0x20) {
			/* Lossy, as in rspamd: any other form would not be byte for byte its own. */
			rnm_buf_puts(out, "\\uFFFD");
		} else {
			rnm_buf_putc(out, *text);
		}
	}
	rnm_buf_putc(out, '"');
}

static void write_number(struct rnm_buf *out, double number)
{
	/* Beyond this not every double is an int64_t. */
	const double limit = 9.2e18;

	if (number > -limit && number < limit && !(trunc(number) < number || trunc(number) > number))
		rnm_buf_printf(out, "%" PRId64, (int64_t)number);
	else
		rnm_buf_printf(out, "%.6f", number);
}

static void write_member(struct rnm_buf *out, const char *name, const char *text)
{
	rnm_buf_printf(out, "\"%s\":", name);
	write_string(out, text);
}

/* rspamd sorts the members of an object by the length of their names, then by bytes. */
void rnm_profile_write(struct rnm_buf *out, const struct rnm_profile_fields *fields)
{
	rnm_buf_putc(out, '{');
	write_member(out, "digest", fields->digest);
	rnm_buf_puts(out, ",\"symbols\":[");
	for (size_t i = 0; i < fields->symbol_count; i++) {
		if (i > 0)
			rnm_buf_putc(out, ',');
		write_string(out, fields->symbols[i]);
	}
	rnm_buf_puts(out, "],\"version\":");
	write_number(out, fields->version);
	if (fields->has_distance) {
		rnm_buf_puts(out, ",\"distance\":");
		write_number(out, fields->distance);
	}
	rnm_buf_putc(out, ',');
	write_member(out, "redis_key", fields->redis_key);
	if (fields->providers_digest != NULL) {
		rnm_buf_putc(out, ',');
		write_member(out, "providers_digest", fields->providers_digest);
	}
	rnm_buf_putc(out, '}');
}

void rnm_profile_rewrite(struct rnm_buf *out, const struct rnm_profile *profile)
{
	const struct rnm_profile_fields fields = {
		.digest = profile->digest,
		.symbols = (const char *const *)profile->symbols,
		.symbol_count = profile->symbol_count,
		.version = profile->version,
		.has_distance = profile->has_distance,
		.distance = profile->distance,
		.redis_key = profile->redis_key,
		.providers_digest = profile->providers_digest,
	};

	rnm_profile_write(out, &fields);
}
