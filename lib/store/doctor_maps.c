/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model files that rspamd has fetched over HTTP and keeps on disk: what is in one of them is what it serves
 * when it starts.  rspamd: src/libserver/maps/map.c, struct rspamd_http_file_data.
 */
#include "store/doctor.h"

#include "base/file.h"
#include "base/value_build.h"

#include <rnm/verify.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* "rmcd2001", i64 offset of the data, u64 last-modified, u64 next-check, u64 length of the ETag. */
#define MAGIC "rmcd2001"
#define MAGIC_OLD "rmcd2000"
#define MAGIC_LEN 8u
#define HEADER_LEN 40u
#define OFFSET_AT 8u
#define MODIFIED_AT 16u
#define NAME_BYTES 20u /* of the hash of the URL */
/* Clocks of servers differ by so much. */
#define CLOCK_TOLERANCE 300.0

struct cache {
	struct rnm_doctor *d;
	const struct rnm_rule *rule;
	const char *path;
	const char *url;
};

static uint64_t native_u64(const char *at)
{
	uint64_t number;

	memcpy(&number, at, sizeof(number));
	return number;
}

static void find(const struct cache *cache, enum rnm_doctor_code code, enum rnm_remedy remedy,
                 const char *text)
{
	struct rnm_health_finding *finding =
	    rnm_doctor_find(cache->d, code, cache->path, "the cached copy of %s %s", cache->url, text);

	if (remedy == RNM_REMEDY_DELETE_FILE)
		rnm_doctor_advise(cache->d, finding, remedy,
		                  "deletes the file; rspamd fetches it again when it is reloaded");
	else
		rnm_doctor_advise(cache->d, finding, remedy,
		                  "publish with a later Last-Modified, or delete the file and reload rspamd");
}

/* Zeros behind the model come from a server that did not say how long it is. */
static size_t without_zeros(const char *data, size_t len)
{
	while (len > 0 && data[len - 1] == '\0')
		len--;
	return len;
}

static enum rnm_status judge_model(const struct cache *cache, const struct rnm_model_file *file,
                                   struct rnm_error *err)
{
	const struct rnm_verify_options how = { .rule = cache->rule, .config = cache->d->options->config };
	struct rnm_verification *verification = NULL;
	struct rnm_error problem;
	char text[RNM_ERROR_TEXT_MAX + 32];
	enum rnm_status status = rnm_model_verify(&verification, file, &how, &problem);

	if (status == RNM_NO) {
		snprintf(text, sizeof(text), "is of no use to the rule: %s", problem.message);
		find(cache, RNM_DOCTOR_CACHE_POISONED, RNM_REMEDY_DELETE_FILE, text);
		status = RNM_OK;
	} else if (status != RNM_OK && err != NULL) {
		*err = problem;
	}
	rnm_verification_free(verification);
	return status;
}

/* What is no model as it is: with zeros behind it, or nothing of the kind. */
static enum rnm_status judge_rubbish(const struct cache *cache, const char *data, size_t len,
                                     const char *problem, struct rnm_error *err)
{
	size_t bare = without_zeros(data, len);
	struct rnm_model_file *file = NULL;
	char text[RNM_ERROR_TEXT_MAX + 32];
	enum rnm_status status = RNM_NO;

	if (bare < len)
		status = rnm_model_file_read(&file, data, bare, cache->path, NULL);
	rnm_model_file_free(file);
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	if (status == RNM_OK)
		snprintf(text, sizeof(text),
		         "is a model with %zu zeros behind it: the server sends no Content-Length",
		         len - bare);
	else
		snprintf(text, sizeof(text), "is no model: %s", problem);
	find(cache, status == RNM_OK ? RNM_DOCTOR_CACHE_PADDED : RNM_DOCTOR_CACHE_POISONED,
	     RNM_REMEDY_DELETE_FILE, text);
	return RNM_OK;
}

static enum rnm_status judge_payload(const struct cache *cache, const char *data, size_t len,
                                     struct rnm_error *err)
{
	struct rnm_model_file *file = NULL;
	struct rnm_error problem;
	enum rnm_status status = rnm_model_file_read(&file, data, len, cache->path, &problem);

	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	if (status == RNM_OK)
		status = judge_model(cache, file, err);
	else
		status = judge_rubbish(cache, data, len, problem.message, err);
	rnm_model_file_free(file);
	return status;
}

static enum rnm_status judge_file(const struct cache *cache, const char *data, size_t len,
                                  struct rnm_error *err)
{
	uint64_t offset = len >= HEADER_LEN ? native_u64(data + OFFSET_AT) : 0;

	if (len < HEADER_LEN ||
	    (memcmp(data, MAGIC, MAGIC_LEN) != 0 && memcmp(data, MAGIC_OLD, MAGIC_LEN) != 0) ||
	    offset < HEADER_LEN || offset > len) {
		find(cache, RNM_DOCTOR_CACHE_FORM, RNM_REMEDY_DELETE_FILE, "is not a cached map");
		return RNM_OK;
	}
	if ((double)native_u64(data + MODIFIED_AT) > cache->d->options->now + CLOCK_TOLERANCE)
		find(cache, RNM_DOCTOR_CACHE_FUTURE, RNM_REMEDY_NONE,
		     "claims to have been changed in the future: scanners ignore everything older");
	return judge_payload(cache, data + offset, len - offset, err);
}

/* What rspamd hashes: the URL without the prefixes that say how to treat it. */
static const char *bare_url(const char *url)
{
	const char *plus;

	while ((strncmp(url, "sign+", 5) == 0 || strncmp(url, "key=", 4) == 0 ||
	        strncmp(url, "fallback+", 9) == 0) &&
	       (plus = strchr(url, '+')) != NULL)
		url = plus + 1;
	return url;
}

static enum rnm_status look_at(struct rnm_doctor *d, const struct rnm_rule *rule, const char *url,
                               struct rnm_error *err)
{
	unsigned char hash[crypto_generichash_blake2b_BYTES_MAX];
	char name[2 * NAME_BYTES + 1], path[RNM_ERROR_FILE_MAX];
	struct cache cache = { .d = d, .rule = rule, .path = path, .url = bare_url(url) };
	struct rnm_error problem;
	struct rnm_buf bytes;
	enum rnm_status status;

	/* Only what comes over HTTP is cached. */
	if (strncmp(cache.url, "http://", 7) != 0 && strncmp(cache.url, "https://", 8) != 0)
		return RNM_OK;
	crypto_generichash_blake2b(hash, sizeof(hash), (const unsigned char *)cache.url, strlen(cache.url),
	                           NULL, 0);
	sodium_bin2hex(name, sizeof(name), hash, NAME_BYTES);
	snprintf(path, sizeof(path), "%s/%s.map", d->options->maps_dir, name);
	rnm_buf_init(&bytes, (size_t)RNM_BLOB_MAX * 2);
	status = rnm_file_read(path, &bytes, bytes.max, &problem);
	if (status == RNM_OK) {
		status = judge_file(&cache, rnm_buf_cstr(&bytes), bytes.len, err);
	} else if (status == RNM_E_NOT_FOUND) {
		status = RNM_OK;
	} else if (status == RNM_E_NOMEM) {
		rnm_error_nomem(err);
	} else {
		rnm_doctor_advise(d,
		                  rnm_doctor_find(d, RNM_DOCTOR_UNREADABLE, path, "the cached copy of %s: %s",
		                                  cache.url, problem.message),
		                  RNM_REMEDY_NONE, "run rnm doctor as a user who may read the file");
		status = RNM_OK;
	}
	rnm_buf_free(&bytes);
	return status;
}

/* The one URL of an external model; lists and their like are findings of the configuration. */
static enum rnm_status rule_maps(struct rnm_doctor *d, const struct rnm_rule *rule, struct rnm_error *err)
{
	const struct rnm_value *external = rnm_value_get(rule->raw, "external_model");
	const struct rnm_value *url = rnm_value_get(external, "url");
	const char *base = rnm_value_string(rnm_value_get(external, "base_url"));
	size_t len;

	if (url != NULL && url->type == RNM_OBJECT)
		url = rnm_value_get(url, "url");
	if (rnm_value_string(url) != NULL)
		return look_at(d, rule, rnm_value_string(url), err);
	if (url != NULL || base == NULL || !rule->has_providers)
		return RNM_OK;
	for (len = strlen(base); len > 0 && base[len - 1] == '/'; len--)
		;
	rnm_buf_clear(&d->text);
	rnm_buf_append(&d->text, base, len);
	rnm_buf_printf(&d->text, "/%s", rule->digest);
	return d->text.failed ? rnm_error_nomem(err) : look_at(d, rule, rnm_buf_cstr(&d->text), err);
}

enum rnm_status rnm_doctor_maps(struct rnm_doctor *d, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (d->options->maps_dir == NULL)
		return RNM_OK;
	for (size_t i = 0; status == RNM_OK && i < d->configured; i++) {
		d->rule = rnm_doctor_keep(d, d->rules[i]->name);
		status = rule_maps(d, d->rules[i], err);
	}
	return status;
}
