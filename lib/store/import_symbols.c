/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The symbols that a profile names.  RNM1 has no place for them but the map `rnm`, and a worker prefers the
 * profile whose symbols are closest to its own.
 */
#include "store/import.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static bool needs_symbols(const struct rnm_importing *job)
{
	return !job->rule->providers_used || !job->rule->disable_symbols_input;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum rnm_status bad_symbol(struct rnm_error *err, const char *what)
{
	rnm_error_set(err, RNM_E_MALFORMED, "import.symbol", "the list of symbols: %s", what);
	rnm_error_set_hint(err, "one name on each line, as rspamd names its symbols");
	return RNM_E_MALFORMED;
}

/* A name that comes back from Redis byte for byte as it went in. */
static enum rnm_status check_symbol(const char *name, struct rnm_error *err)
{
	size_t left = strlen(name);

	if (left == 0)
		return bad_symbol(err, "expected names, found an empty one");
	while (left > 0) {
		const size_t len = rnm_utf8_length((const unsigned char *)name, left);

		if (len == 0 || (unsigned char)*name < 0x20)
			return bad_symbol(err, "expected names in UTF-8 without control characters");
		name += len;
		left -= len;
	}
	return RNM_OK;
}

/* Sorts the names, which must differ from each other. */
static enum rnm_status settle(struct rnm_importing *job, struct rnm_error *err)
{
	for (size_t i = 0; i < job->symbol_count; i++) {
		enum rnm_status status = check_symbol(job->symbols[i], err);

		if (status != RNM_OK)
			return status;
	}
	if (job->symbol_count > 1)
		qsort(job->symbols, job->symbol_count, sizeof(*job->symbols), by_bytes);
	for (size_t i = 1; i < job->symbol_count; i++)
		if (strcmp(job->symbols[i - 1], job->symbols[i]) == 0)
			return bad_symbol(err, "expected every name once, found one twice");
	return RNM_OK;
}

/* Room for count names. */
static enum rnm_status reserve(struct rnm_importing *job, size_t count, struct rnm_error *err)
{
	if (count > RNM_IMPORT_SYMBOLS_MAX)
		return bad_symbol(err, "expected fewer than a million names, found more");
	job->symbols = rnm_arena_alloc(&job->round, (count + 1) * sizeof(*job->symbols));
	return job->symbols != NULL ? RNM_OK : rnm_error_nomem(err);
}

static enum rnm_status take_names(struct rnm_importing *job, const char *const *names, size_t count,
                                  struct rnm_error *err)
{
	enum rnm_status status = reserve(job, count, err);

	if (status == RNM_OK && count > 0)
		memcpy(job->symbols, names, count * sizeof(*names));
	job->symbol_count = status == RNM_OK ? count : 0;
	return status;
}

static enum rnm_status take_from_file(struct rnm_importing *job, struct rnm_error *err)
{
	const struct rnm_value *list = rnm_value_get(job->file->container->extra, "symbols");
	enum rnm_status status = reserve(job, rnm_value_count(list), err);

	for (size_t i = 0; status == RNM_OK && i < rnm_value_count(list); i++) {
		const char *name = rnm_value_string(rnm_value_at(list, i));

		if (name == NULL)
			return bad_symbol(err,
			                  "expected names in the map rnm of the model, found something else");
		job->symbols[job->symbol_count++] = name;
	}
	return status;
}

/* Whether a profile can lend its symbols: workers accept it, and the vectors are of the same length. */
static bool lends(const struct rnm_importing *job, const struct rnm_model *model)
{
	const struct rnm_profile *profile = &model->profile;

	if (!profile->worker_ok || profile->symbol_count == 0 || model->digest_match != RNM_DIGEST_SAME)
		return false;
	return job->rule->providers_used ||
	       profile->symbol_count + RNM_METATOKENS == rnm_model_file_raw_dim(job->file);
}

static enum rnm_status take_from_redis(struct rnm_importing *job, struct rnm_error *err)
{
	for (size_t i = 0; i < job->list->count; i++)
		if (lends(job, &job->list->models[i]))
			return take_names(job, (const char *const *)job->list->models[i].profile.symbols,
			                  job->list->models[i].profile.symbol_count, err);
	return RNM_OK;
}

static enum rnm_status refuse_without(const struct rnm_importing *job, struct rnm_error *err)
{
	const enum rnm_import_symbols from = job->options->symbols_from;

	rnm_error_set(err, RNM_E_REFUSED, "import.symbols",
	              "rule %s needs the list of symbols that the model was trained with, and %s",
	              job->rule->name,
	              from == RNM_IMPORT_SYMBOLS_REDIS   ? "no profile in Redis has one that fits"
	              : from == RNM_IMPORT_SYMBOLS_GIVEN ? "the given one is empty"
	                                                 : "the model carries none");
	rnm_error_set_hint(err,
	                   "name a file with one symbol on each line by --symbols FILE, or take the list of "
	                   "the newest profile in Redis with --symbols @redis");
	return RNM_E_REFUSED;
}

/* A vector of a rule without providers is the meta tokens and then one number for each symbol. */
static enum rnm_status check_width(const struct rnm_importing *job, struct rnm_error *err)
{
	const uint64_t expected = job->symbol_count + RNM_METATOKENS;
	const uint64_t found = rnm_model_file_raw_dim(job->file);

	if (job->rule->providers_used || expected == found || job->options->force)
		return RNM_OK;
	rnm_error_set(
	    err, RNM_E_REFUSED, "import.inputs",
	    "expected a model for vectors of %llu, %u meta tokens and %zu symbols, found one for %llu",
	    (unsigned long long)expected, RNM_METATOKENS, job->symbol_count, (unsigned long long)found);
	rnm_error_set_hint(err,
	                   "--symbols names the list that the model was trained with; --force writes it all "
	                   "the same, for a rspamd with other meta tokens");
	return RNM_E_REFUSED;
}

enum rnm_status rnm_import_choose_symbols(struct rnm_importing *job, struct rnm_error *err)
{
	const struct rnm_import_options *options = job->options;
	enum rnm_status status = RNM_OK;

	job->symbol_count = 0;
	if (options->symbols_from == RNM_IMPORT_SYMBOLS_GIVEN)
		status = take_names(job, options->symbols, options->symbol_count, err);
	else if (needs_symbols(job) && options->symbols_from == RNM_IMPORT_SYMBOLS_REDIS)
		status = take_from_redis(job, err);
	else if (needs_symbols(job))
		status = take_from_file(job, err);
	if (status == RNM_OK)
		status = settle(job, err);
	if (status == RNM_OK && needs_symbols(job) && job->symbol_count == 0)
		status = refuse_without(job, err);
	if (status == RNM_OK)
		status = check_width(job, err);
	if (status != RNM_OK)
		return status;
	if (needs_symbols(job))
		return rnm_profile_digest(job->digest, job->symbols, job->symbol_count, err);
	memcpy(job->digest, job->rule->digest, sizeof(job->rule->digest));
	return RNM_OK;
}
