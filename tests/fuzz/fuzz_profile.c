/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the sorted set: a profile that workers accept can be written, and is read as the same one. */
#include "fuzz.h"

#include "rspamd/profile.h"

#include <jansson.h>
#include <math.h>

#define OUT_MAX ((size_t)64 << 20)
/* Larger versions are written with all their digits, which rspamd's lenient parser takes for a string. */
#define VERSION_MAX 9.2e18

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Control characters are written as U+FFFD, as rspamd does it: such a text does not come back. */
static bool is_plain(const char *text)
{
	json_t *string;

	if (text == NULL)
		return true;
	for (const char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 && strchr("\b\f\n\r\t", *c) == NULL)
			return false;
	string = json_string(text); /* NULL unless it is UTF-8 */
	json_decref(string);
	return string != NULL;
}

static bool all_plain(const struct rnm_profile *profile)
{
	bool plain =
	    is_plain(profile->digest) && is_plain(profile->redis_key) && is_plain(profile->providers_digest);

	for (size_t i = 0; i < profile->symbol_count; i++)
		plain = plain && is_plain(profile->symbols[i]);
	return plain;
}

static void check_text(const struct rnm_profile *profile)
{
	FUZZ_CHECK(!profile->parsed || profile->version_text != NULL);
	FUZZ_CHECK(profile->parsed || (profile->malformed && profile->problem != NULL));
	FUZZ_CHECK(profile->worker_ok || profile->problem != NULL);
	FUZZ_CHECK(!profile->worker_ok || (profile->digest != NULL && profile->redis_key != NULL));
	for (size_t i = 0; i < profile->symbol_count; i++)
		FUZZ_CHECK(strlen(profile->symbols[i]) <= profile->member.len * 2);
	if (profile->version_kind == RNM_VERSION_NUMBER || profile->version_kind == RNM_VERSION_STRING)
		FUZZ_CHECK(isfinite(profile->version));
}

static void check_symbols(const struct rnm_profile *profile)
{
	const char *const *symbols = (const char *const *)profile->symbols;
	char digest[RNM_PROFILE_DIGEST_LEN + 1];
	size_t count = profile->symbol_count;

	FUZZ_CHECK(rnm_profile_digest(digest, symbols, count, NULL) == RNM_OK);
	FUZZ_CHECK(strlen(digest) == RNM_PROFILE_DIGEST_LEN);
	FUZZ_CHECK(rnm_profile_distance(symbols, count, symbols, count) == 0);
	FUZZ_CHECK(rnm_profile_distance(symbols, count, NULL, 0) == count);
}

static void check_round_trip(const struct rnm_profile *profile)
{
	const struct rnm_profile_fields fields = {
		.digest = profile->digest,
		.symbols = (const char *const *)profile->symbols,
		.symbol_count = profile->symbol_count,
		.version = profile->version,
		.redis_key = profile->redis_key,
		.providers_digest = profile->providers_digest,
	};
	struct rnm_profile again;
	struct rnm_buf out;

	rnm_buf_init(&out, OUT_MAX);
	rnm_profile_write(&out, &fields);
	FUZZ_CHECK(!out.failed);
	FUZZ_CHECK(rnm_profile_parse(&again, (struct rnm_bytes){ out.data, out.len }, 1, NULL) == RNM_OK);
	FUZZ_CHECK(again.parsed && again.worker_ok && !again.malformed);
	FUZZ_CHECK(same_text(profile->digest, again.digest));
	FUZZ_CHECK(same_text(profile->redis_key, again.redis_key));
	FUZZ_CHECK(same_text(profile->providers_digest, again.providers_digest));
	FUZZ_CHECK(profile->symbol_count == again.symbol_count);
	for (size_t i = 0; i < again.symbol_count; i++)
		FUZZ_CHECK(strcmp(profile->symbols[i], again.symbols[i]) == 0);
	/* Fractions are written with six decimals, as rspamd writes them. */
	FUZZ_CHECK(fabs(profile->version - again.version) <= 5.1e-7 + 1e-13 * fabs(profile->version));
	rnm_profile_clear(&again);
	rnm_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	struct rnm_profile profile;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_profile_parse(&profile, (struct rnm_bytes){ copy, size }, 12.5, &err);
	free(copy);
	fuzz_check_error(status, &err);
	FUZZ_CHECK(status == RNM_OK || status == RNM_E_NOMEM);
	if (status != RNM_OK)
		return 0;
	check_text(&profile);
	check_symbols(&profile);
	if (profile.worker_ok && !profile.malformed && all_plain(&profile) &&
	    fabs(profile.version) < VERSION_MAX)
		check_round_trip(&profile);
	rnm_profile_clear(&profile);
	return 0;
}
