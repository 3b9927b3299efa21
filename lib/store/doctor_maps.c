/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model files that rspamd has fetched over HTTP and keeps on disk: what is in one of them is what it serves
 * when it starts.  And files that it reads itself.  rspamd: src/libserver/maps/map.c, struct
 * rspamd_http_file_data.
 */
#include "store/doctor.h"

#include "base/file.h"
#include "base/value_build.h"
#include "rspamd/external.h"

#include <rnm/verify.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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

/* One file. */
struct copy {
	struct rnm_doctor *d;
	const struct rnm_rule *rule;
	const char *path;
	const char *url; /* that it was fetched from; NULL: rspamd reads the file itself */
	/* What tells this file from one that takes its place. */
	double changed;
	uint64_t inode;
};

static uint64_t native_u64(const char *at)
{
	uint64_t number;

	memcpy(&number, at, sizeof(number));
	return number;
}

static void find(const struct copy *copy, enum rnm_doctor_code code, const char *text)
{
	struct rnm_health_finding *finding =
	    rnm_doctor_find(copy->d, code, copy->path, "the cached copy of %s %s", copy->url, text);

	finding->seconds = copy->changed;
	finding->width = copy->inode;
	if (code == RNM_DOCTOR_CACHE_FUTURE)
		rnm_doctor_advise(copy->d, finding, RNM_REMEDY_NONE,
		                  "publish with a later Last-Modified, or delete the file and reload rspamd");
	else
		rnm_doctor_advise(copy->d, finding, RNM_REMEDY_DELETE_FILE,
		                  "deletes the file; rspamd fetches it again when it is reloaded");
}

/* Of no use to rspamd; a file that somebody has put there is his to replace. */
static void find_useless(const struct copy *copy, enum rnm_doctor_code code, const char *text)
{
	if (copy->url != NULL)
		find(copy, code, text);
	else
		rnm_doctor_advise(copy->d,
		                  rnm_doctor_find(copy->d, RNM_DOCTOR_EXTERNAL_FILE, copy->path,
		                                  "the file of the external model %s", text),
		                  RNM_REMEDY_NONE, "put a model there that `rnm verify %s -r %s` accepts",
		                  copy->path, copy->rule->name);
}

/* Zeros behind the model come from a server that did not say how long it is. */
static size_t without_zeros(const char *data, size_t len)
{
	while (len > 0 && data[len - 1] == '\0')
		len--;
	return len;
}

static enum rnm_status judge_model(const struct copy *copy, const struct rnm_model_file *file,
                                   struct rnm_error *err)
{
	const struct rnm_verify_options how = { .rule = copy->rule, .config = copy->d->options->config };
	struct rnm_verification *verification = NULL;
	struct rnm_error problem;
	char text[RNM_ERROR_TEXT_MAX + 32];
	enum rnm_status status = rnm_model_verify(&verification, file, &how, &problem);

	if (status == RNM_NO) {
		snprintf(text, sizeof(text), "is of no use to the rule: %s", problem.message);
		find_useless(copy, RNM_DOCTOR_CACHE_POISONED, text);
		status = RNM_OK;
	} else if (status != RNM_OK && err != NULL) {
		*err = problem;
	}
	rnm_verification_free(verification);
	return status;
}

/* What is no model as it is: with zeros behind it, or nothing of the kind. */
static enum rnm_status judge_rubbish(const struct copy *copy, const char *data, size_t len,
                                     const char *problem, struct rnm_error *err)
{
	size_t bare = without_zeros(data, len);
	struct rnm_model_file *file = NULL;
	char text[RNM_ERROR_TEXT_MAX + 32];
	enum rnm_status status = RNM_NO;

	if (bare < len)
		status = rnm_model_file_read(&file, data, bare, copy->path, NULL);
	rnm_model_file_free(file);
	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	if (status == RNM_OK)
		snprintf(text, sizeof(text), "is a model with %zu zeros behind it%s", len - bare,
		         copy->url != NULL ? ": the server sends no Content-Length" : "");
	else
		snprintf(text, sizeof(text), "is no model: %s", problem);
	find_useless(copy, status == RNM_OK ? RNM_DOCTOR_CACHE_PADDED : RNM_DOCTOR_CACHE_POISONED, text);
	return RNM_OK;
}

static enum rnm_status judge_payload(const struct copy *copy, const char *data, size_t len,
                                     struct rnm_error *err)
{
	struct rnm_model_file *file = NULL;
	struct rnm_error problem;
	enum rnm_status status = rnm_model_file_read(&file, data, len, copy->path, &problem);

	if (status == RNM_E_NOMEM)
		return rnm_error_nomem(err);
	if (status == RNM_OK)
		status = judge_model(copy, file, err);
	else
		status = judge_rubbish(copy, data, len, problem.message, err);
	rnm_model_file_free(file);
	return status;
}

static enum rnm_status judge_cache(const struct copy *copy, const char *data, size_t len,
                                   struct rnm_error *err)
{
	uint64_t offset = len >= HEADER_LEN ? native_u64(data + OFFSET_AT) : 0;

	if (len < HEADER_LEN ||
	    (memcmp(data, MAGIC, MAGIC_LEN) != 0 && memcmp(data, MAGIC_OLD, MAGIC_LEN) != 0) ||
	    offset < HEADER_LEN || offset > len) {
		find(copy, RNM_DOCTOR_CACHE_FORM, "is not a cached map");
		return RNM_OK;
	}
	if ((double)native_u64(data + MODIFIED_AT) > copy->d->options->now + CLOCK_TOLERANCE)
		find(copy, RNM_DOCTOR_CACHE_FUTURE,
		     "claims to have been changed in the future: scanners ignore everything older");
	return judge_payload(copy, data + offset, len - offset, err);
}

/* ---- where the files are ---- */

#define KEY_HEX_LEN 64u

/* What stands behind "key=": base32 up to a plus, or so many hexadecimal digits and perhaps a colon. */
static const char *behind_key(const char *text)
{
	const char *plus = strchr(text, '+');

	if (plus != NULL)
		return plus + 1;
	if (strlen(text) <= KEY_HEX_LEN)
		return text;
	return text + KEY_HEX_LEN + (text[KEY_HEX_LEN] == ':');
}

/* A source without the prefixes that say how to treat it: what rspamd opens, and what it hashes. */
static const char *bare_source(const char *source)
{
	static const char *const words[] = { "sign+", "fallback+" };
	const char *before;

	do {
		before = source;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strncmp(source, words[i], strlen(words[i])) == 0)
				source += strlen(words[i]);
		if (strncmp(source, "key=", 4) == 0)
			source = behind_key(source + 4);
	} while (source != before);
	return source;
}

static enum rnm_status look_at(struct copy *copy, struct rnm_error *err)
{
	struct rnm_doctor *d = copy->d;
	struct rnm_error problem;
	struct rnm_buf bytes;
	enum rnm_status status;

	rnm_buf_init(&bytes, (size_t)RNM_BLOB_MAX * 2);
	rnm_doctor_file_identity(copy->path, &copy->changed, &copy->inode);
	status = rnm_file_read(copy->path, &bytes, bytes.max, &problem);
	if (status == RNM_OK && copy->url != NULL) {
		status = judge_cache(copy, rnm_buf_cstr(&bytes), bytes.len, err);
	} else if (status == RNM_OK) {
		status = judge_payload(copy, rnm_buf_cstr(&bytes), bytes.len, err);
	} else if (status == RNM_E_NOT_FOUND) {
		/* Of another host, perhaps, or not fetched yet; rspamd goes on without it. */
		status = RNM_OK;
	} else if (status == RNM_E_NOMEM) {
		rnm_error_nomem(err);
	} else {
		rnm_doctor_advise(d,
		                  rnm_doctor_find(d, RNM_DOCTOR_UNREADABLE, copy->path, "%s: %s",
		                                  copy->url != NULL ? copy->url
		                                                    : "the file of the external model",
		                                  problem.message),
		                  RNM_REMEDY_NONE, "run rnm doctor as a user who may read the file");
		status = RNM_OK;
	}
	rnm_buf_free(&bytes);
	return status;
}

static enum rnm_status look_at_source(struct rnm_doctor *d, const struct rnm_rule *rule, const char *source,
                                      struct rnm_error *err)
{
	unsigned char hash[crypto_generichash_blake2b_BYTES_MAX];
	char name[2 * NAME_BYTES + 1], path[RNM_ERROR_FILE_MAX];
	const char *url = bare_source(source);
	struct copy copy = { .d = d, .rule = rule, .path = url };

	if (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0) {
		if (d->options->maps_dir == NULL)
			return RNM_OK;
		crypto_generichash_blake2b(hash, sizeof(hash), (const unsigned char *)url, strlen(url), NULL,
		                           0);
		sodium_bin2hex(name, sizeof(name), hash, NAME_BYTES);
		snprintf(path, sizeof(path), "%s/%s.map", d->options->maps_dir, name);
		copy.path = path;
		copy.url = url;
	} else if (strncmp(url, "file://", 7) == 0) {
		copy.path = url + 7;
	}
	return copy.path[0] == '/' || copy.url != NULL ? look_at(&copy, err) : RNM_OK;
}

/* One source or a list of them, each of which rspamd caches by itself. */
static enum rnm_status look_at_sources(struct rnm_doctor *d, const struct rnm_rule *rule,
                                       const struct rnm_value *sources, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (rnm_value_string(sources) != NULL)
		return look_at_source(d, rule, rnm_value_string(sources), err);
	for (size_t i = 0; status == RNM_OK && sources->type == RNM_ARRAY && i < rnm_value_count(sources);
	     i++)
		if (rnm_value_string(rnm_value_at(sources, i)) != NULL)
			status = look_at_source(d, rule, rnm_value_string(rnm_value_at(sources, i)), err);
	return status;
}

static enum rnm_status rule_maps(struct rnm_doctor *d, const struct rnm_rule *rule, struct rnm_error *err)
{
	const struct rnm_value *lists[RNM_EXTERNAL_LISTS];
	const struct rnm_value *external = rnm_value_get(rule->raw, "external_model");
	const struct rnm_value *url = rnm_value_get(external, "url");
	const char *base = rnm_value_string(rnm_value_get(external, "base_url"));
	enum rnm_status status = RNM_OK;
	size_t count = rnm_external_sources(lists, url);
	size_t len;

	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = look_at_sources(d, rule, lists[i], err);
	if (url != NULL || base == NULL || !rule->has_providers)
		return status;
	for (len = strlen(base); len > 0 && base[len - 1] == '/'; len--)
		;
	rnm_buf_clear(&d->text);
	rnm_buf_append(&d->text, base, len);
	rnm_buf_printf(&d->text, "/%s", rule->digest);
	return d->text.failed ? rnm_error_nomem(err) : look_at_source(d, rule, rnm_buf_cstr(&d->text), err);
}

enum rnm_status rnm_doctor_maps(struct rnm_doctor *d, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < d->configured; i++) {
		d->rule = rnm_doctor_keep(d, d->rules[i]->name);
		status = rule_maps(d, d->rules[i], err);
	}
	return status;
}
