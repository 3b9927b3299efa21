/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"
#include "base/value_build.h"
#include "format/rnm1_msgpack.h"
#include "format/rnm1_reader.h"
#include "format/zstd.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "RNM1"
#define CONTAINER_VERSION 1.0
/* Means, deviations and the map `rnm`; RNM_MSGPACK_VALUES_MAX values need less than this. */
#define ARENA_MAX ((size_t)256 << 20)

void rnm_rnm1_find(struct rnm_rnm1_reader *reader, const char *id, const char *fmt, ...)
{
	struct rnm_rnm1 *model = &reader->model;
	struct rnm_finding *grown = realloc(model->findings, (model->finding_count + 1) * sizeof(*grown));
	struct rnm_finding *finding;
	va_list args;

	if (grown == NULL) {
		reader->no_memory = true;
		return;
	}
	model->findings = grown;
	finding = &grown[model->finding_count];
	memset(finding, 0, sizeof(*finding));
	snprintf(finding->id, sizeof(finding->id), "%s", id);
	va_start(args, fmt);
	if (vasprintf(&finding->text, fmt, args) < 0)
		finding->text = NULL;
	va_end(args);
	if (finding->text == NULL)
		reader->no_memory = true;
	else
		model->finding_count++;
}

/* Says what the bytes are instead, when they are something people mistake for a model file. */
static void hint_other_format(struct rnm_error *err, const char *data, size_t len)
{
	static const struct {
		const char *start;
		size_t len;
		const char *hint;
	} others[] = {
		{ "KAN\1", 4,
		  "this is a bare KANN network; an RNM1 file wraps one together with its settings" },
		{ "<", 1,
		  "this looks like a web page; a proxy or a wrong URL may have answered instead of the "
		  "model" },
		{ "{", 1, "this looks like JSON or a configuration file" },
		{ "REDIS", 5,
		  "this is a dump of Redis; load it into a server and export the model from there" },
		{ "\x1f\x8b", 2, "this is a gzip file; unpack it first" },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (len >= others[i].len && memcmp(data, others[i].start, others[i].len) == 0)
			rnm_error_set_hint(err, "%s", others[i].hint);
}

/* The fields that decide whether the file can be used at all. */
struct required {
	const char *magic, *version, *digest, *ann; /* where each value is; NULL when absent */
};

static enum rnm_status malformed_at(struct rnm_rnm1_reader *reader, const char *where, struct rnm_error *err)
{
	if (where != NULL)
		rnm_error_at_offset(err, NULL, (uint64_t)(where - reader->base));
	return RNM_E_MALFORMED;
}

static enum rnm_status check_magic(struct rnm_rnm1_reader *reader, const char *where, struct rnm_error *err)
{
	const char *at = where;
	struct rnm_bytes magic;

	if (where == NULL)
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.magic",
		              "expected the key magic with the value \"" MAGIC "\", found no such key");
	else if (!rnm_msgpack_bytes(&at, &magic))
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.magic",
		              "expected magic to be \"" MAGIC "\", found %s", rnm_msgpack_type_name(where));
	else if (!rnm_bytes_equal(magic, rnm_bytes_of(MAGIC)))
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.magic",
		              "expected magic to be \"" MAGIC "\", found \"%.*s\"",
		              (int)(magic.len < 16 ? magic.len : 16), magic.data);
	else
		return RNM_OK;
	return malformed_at(reader, where, err);
}

static enum rnm_status check_version(struct rnm_rnm1_reader *reader, const char *where, struct rnm_error *err)
{
	const char *at = where;
	double version;

	if (where == NULL)
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.version",
		              "expected the key version with the value 1, found no such key");
	else if (!rnm_msgpack_number(&at, &version))
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.version",
		              "expected version to be the number 1, found %s", rnm_msgpack_type_name(where));
	else if (version < CONTAINER_VERSION || version > CONTAINER_VERSION || isnan(version))
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.version", "expected version to be 1, found %.14g",
		              version);
	else
		return RNM_OK;
	return malformed_at(reader, where, err);
}

bool rnm_rnm1_is_digest(struct rnm_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!((text.data[i] >= '0' && text.data[i] <= '9') ||
		      (text.data[i] >= 'a' && text.data[i] <= 'f')))
			return false;
	return text.len == RNM_DIGEST_LEN;
}

static enum rnm_status read_digest(struct rnm_rnm1_reader *reader, const char *where, struct rnm_error *err)
{
	struct rnm_rnm1 *model = &reader->model;
	struct rnm_bytes digest;
	const char *at = where;

	if (where == NULL) {
		rnm_rnm1_find(reader, "rnm1.no-digest",
		              "there is no providers_digest: rspamd refuses the file");
		return RNM_OK;
	}
	if (!rnm_msgpack_bytes(&at, &digest)) {
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.digest",
		              "expected providers_digest to be a string, found %s",
		              rnm_msgpack_type_name(where));
		return malformed_at(reader, where, err);
	}
	for (size_t i = 0; i < digest.len && i < sizeof(model->providers_digest) - 1; i++) {
		char c = digest.data[i];

		/* A NUL or a control character must not make a wrong digest look like a right one. */
		model->providers_digest[i] = c > ' ' && c <= '~' ? c : '?';
	}
	if (!rnm_rnm1_is_digest(digest))
		rnm_rnm1_find(
		    reader, "rnm1.digest",
		    "providers_digest is \"%s\", expected 16 digits of 0-9 and a-f: it fits no rule",
		    model->providers_digest);
	return RNM_OK;
}

static enum rnm_status read_ann(struct rnm_rnm1_reader *reader, const char *where, struct rnm_error *err)
{
	const char *at = where;

	if (where == NULL)
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.ann-data",
		              "expected the key ann_data, found no such key");
	else if (!rnm_msgpack_bytes(&at, &reader->model.ann))
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.ann-data",
		              "expected ann_data to be a string, found %s", rnm_msgpack_type_name(where));
	else if (reader->model.ann.len == 0)
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.ann-data",
		              "expected a network under ann_data, found an empty string");
	else
		return RNM_OK;
	return malformed_at(reader, where, err);
}

/* A string version is read as the number it spells; rspamd fails on it when it compares versions. */
static bool version_from_text(struct rnm_bytes text, double *out)
{
	char copy[32];
	char *end;

	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (strspn(copy, "+-0123456789.eE") != text.len)
		return false;
	*out = rnm_strtod(copy, &end);
	return end == copy + text.len;
}

static enum rnm_status read_model_version(struct rnm_rnm1_reader *reader, const char **at,
                                          struct rnm_error *err)
{
	struct rnm_rnm1 *model = &reader->model;
	const char *where = *at;
	struct rnm_bytes text;
	bool ok;

	if (rnm_mp_type(*where) == RNM_MP_STR) {
		model->model_version_is_string = true;
		rnm_msgpack_bytes(at, &text);
		ok = version_from_text(text, &model->model_version);
	} else {
		ok = rnm_msgpack_number(at, &model->model_version);
	}
	if (!ok || !isfinite(model->model_version)) {
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.model-version",
		              "expected model_version to be a number, found %s",
		              ok ? "one that is not finite" : rnm_msgpack_type_name(where));
		return malformed_at(reader, where, err);
	}
	model->has_model_version = true;
	if (model->model_version_is_string)
		rnm_rnm1_find(reader, "rnm1.model-version",
		              "model_version is a string, expected an integer: rspamd cannot compare it");
	if (model->model_version < 1 || model->model_version > RNM_VERSION_MAX ||
	    model->model_version > floor(model->model_version))
		rnm_rnm1_find(reader, "rnm1.model-version",
		              "model_version is %.14g, expected an integer from 1 to 9007199254740991",
		              model->model_version);
	return RNM_OK;
}

static enum rnm_status read_pca(struct rnm_rnm1_reader *reader, const char **at, struct rnm_error *err)
{
	const char *where = *at;
	const char *behind = where;
	enum rnm_mp_type type = rnm_mp_type(*where);

	if (!rnm_msgpack_bytes(at, &reader->model.pca)) {
		/* rspamd takes false for absent and warns about nil; anything else breaks its loader. */
		if (type != RNM_MP_NIL && (type != RNM_MP_BOOL || rnm_mp_read_bool(&behind))) {
			rnm_error_set(err, RNM_E_MALFORMED, "rnm1.pca-data",
			              "expected pca_data to be a string, found %s",
			              rnm_msgpack_type_name(where));
			return malformed_at(reader, where, err);
		}
		rnm_rnm1_find(reader, "rnm1.pca-data", "pca_data is nil or false: leave the key out instead");
	} else if (reader->model.pca.len == 0) {
		rnm_rnm1_find(reader, "rnm1.pca-empty",
		              "pca_data is empty: rspamd installs the network and then fails, without its "
		              "other settings");
	}
	return RNM_OK;
}

/* One pair of the top map.  Required values are only remembered: their order must not change what is reported. */
static enum rnm_status read_pair(struct rnm_rnm1_reader *reader, struct required *required, const char **at,
                                 struct rnm_error *err)
{
	const struct {
		const char *key;
		const char **where;
	} remembered[] = { { "magic", &required->magic },
		           { "version", &required->version },
		           { "providers_digest", &required->digest },
		           { "ann_data", &required->ann } };
	static const struct {
		const char *key;
		void (*read)(struct rnm_rnm1_reader *reader, const char **at);
	} optional[] = { { "created_at", rnm_rnm1_read_created_at },
		         { "norm_stats", rnm_rnm1_read_norm_stats },
		         { "roc_thresholds", rnm_rnm1_read_roc },
		         { "rnm", rnm_rnm1_read_extra } };
	struct rnm_bytes key;

	rnm_msgpack_bytes(at, &key);
	for (size_t i = 0; i < sizeof(remembered) / sizeof(remembered[0]); i++) {
		if (!rnm_bytes_equal(key, rnm_bytes_of(remembered[i].key)))
			continue;
		*remembered[i].where = *at;
		rnm_mp_skip(at);
		return RNM_OK;
	}
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
		if (!rnm_bytes_equal(key, rnm_bytes_of(optional[i].key)))
			continue;
		optional[i].read(reader, at);
		return RNM_OK;
	}
	if (rnm_bytes_equal(key, rnm_bytes_of("model_version")))
		return read_model_version(reader, at, err);
	if (rnm_bytes_equal(key, rnm_bytes_of("pca_data")))
		return read_pca(reader, at, err);
	/* A misspelt key would otherwise lose its field without a word. */
	rnm_rnm1_find(reader, "rnm1.unknown-key", "the key \"%.*s\" is not known: rspamd ignores it",
	              (int)(key.len < 64 ? key.len : 64), key.data);
	rnm_mp_skip(at);
	return RNM_OK;
}

static void find_structural(struct rnm_rnm1_reader *reader, const struct rnm_msgpack_facts *facts)
{
	/* rspamd: the binary flag of contrib/libucl's msgpack reader makes its Lua side read from NULL. */
	if (facts->has_bin)
		rnm_rnm1_find(
		    reader, "rnm1.bin",
		    "the value at byte %zu has the msgpack type bin: rspamd crashes when it loads this file, "
		    "and again after each restart",
		    facts->bin_offset);
	if (facts->has_negative_fixint)
		rnm_rnm1_find(reader, "rnm1.negative-fixint",
		              "the value at byte %zu is a negative integer in one byte: rspamd 3.4 reads "
		              "another number",
		              facts->fixint_offset);
	if (facts->last_empty)
		rnm_rnm1_find(reader, "rnm1.last-empty",
		              "the last value is an empty string: rspamd cannot parse such a file");
	if (!reader->model.has_model_version)
		rnm_rnm1_find(reader, "rnm1.model-version", "there is no model_version: rspamd takes 1");
}

static enum rnm_status read_map(struct rnm_rnm1_reader *reader, const char *data, size_t len,
                                struct rnm_error *err)
{
	struct rnm_msgpack_facts facts;
	struct required required = { NULL, NULL, NULL, NULL };
	enum rnm_status status = rnm_msgpack_check(data, len, &facts, err);
	const char *at = data;
	uint32_t count;

	reader->base = data;
	reader->model.expanded_size = len;
	reader->model.model_version = 1;
	if (status != RNM_OK)
		return status;
	count = rnm_mp_read_length(&at);
	for (uint32_t i = 0; i < count && status == RNM_OK; i++) {
		status = read_pair(reader, &required, &at, err);
		/* The place is then not behind the value. */
		if (status == RNM_OK && reader->no_memory)
			status = rnm_error_nomem(err);
	}
	/* In the order in which rspamd looks at them. */
	if (status == RNM_OK)
		status = check_magic(reader, required.magic, err);
	if (status == RNM_OK)
		status = check_version(reader, required.version, err);
	if (status == RNM_OK)
		status = read_digest(reader, required.digest, err);
	if (status == RNM_OK)
		status = read_ann(reader, required.ann, err);
	find_structural(reader, &facts);
	if (status == RNM_OK && reader->no_memory)
		status = rnm_error_nomem(err);
	return status;
}

static enum rnm_status read_file(struct rnm_rnm1_reader *reader, const char *data, size_t len,
                                 struct rnm_error *err)
{
	enum rnm_status status;

	reader->model.file_size = len;
	if (len == 0) {
		rnm_error_set(err, RNM_E_MALFORMED, "rnm1.empty",
		              "expected an RNM1 file, found an empty one");
		return rnm_error_at_offset(err, NULL, 0), RNM_E_MALFORMED;
	}
	if (len > RNM_BLOB_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "rnm1.too-large",
		                     "expected at most %llu bytes, found %zu",
		                     (unsigned long long)RNM_BLOB_MAX, len);
	if (!rnm_zstd_is_frame(data, len)) {
		status = read_map(reader, data, len, err);
		if (status == RNM_E_MALFORMED)
			hint_other_format(err, data, len);
		return status;
	}
	reader->model.compressed = true;
	status = rnm_zstd_expand(&reader->expanded, data, len, "the file", err);
	if (status != RNM_OK)
		return status;
	status = read_map(reader, rnm_buf_cstr(&reader->expanded), reader->expanded.len, err);
	if (status == RNM_E_MALFORMED && reader->expanded.len >= 4 &&
	    memcmp(reader->expanded.data, "KAN\1", 4) == 0)
		rnm_error_set_hint(err,
		                   "this is a bare compressed network, as in the field ann of a Redis hash");
	return status;
}

enum rnm_status rnm_rnm1_read(struct rnm_rnm1 **out, const void *data, size_t len, struct rnm_error *err)
{
	struct rnm_rnm1_reader *reader = calloc(1, sizeof(*reader));
	enum rnm_status status;

	if (reader == NULL)
		return rnm_error_nomem(err);
	reader->model.owned = reader;
	rnm_arena_init(&reader->arena, ARENA_MAX);
	rnm_buf_init(&reader->expanded, (size_t)RNM_BLOB_MAX);
	status = read_file(reader, data, len, err);
	if (status != RNM_OK) {
		rnm_rnm1_free(&reader->model);
		return status;
	}
	*out = &reader->model;
	return RNM_OK;
}

void rnm_rnm1_free(struct rnm_rnm1 *model)
{
	struct rnm_rnm1_reader *reader;

	if (model == NULL)
		return;
	reader = model->owned;
	rnm_findings_free(model->findings, model->finding_count);
	rnm_buf_free(&reader->expanded);
	rnm_arena_free(&reader->arena);
	free(reader);
}
