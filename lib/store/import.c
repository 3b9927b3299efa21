/* SPDX-License-Identifier: Apache-2.0 */
/* A model into Redis: verify, look, decide, write, read back. */
#include "store/import.h"

#include "rspamd/keys.h"
#include "store/verify.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A member and a list of symbols are the largest things that depend on Redis. */
#define ROUND_MAX ((size_t)256 << 20)
#define FIELDS_MAX ((size_t)256 << 20)
/* Milliseconds: the first pause after others were faster. */
#define FIRST_PAUSE 5

#define RIGHTS                                                                                               \
	"an import needs: +watch +unwatch +multi +exec +discard +zrevrange +hexists +hmget +exists +hset "   \
	"+expire +zadd"

/* ---- before Redis is asked ---- */

/* The width is only guessed where meta tokens are counted, which modules may add to. */
static enum rnm_status check_inputs(const struct rnm_importing *job, struct rnm_error *err)
{
	for (size_t i = 0; i < job->verification->finding_count && !job->options->force; i++) {
		const struct rnm_model_finding *finding = &job->verification->findings[i];

		if (strcmp(finding->id, "verify.rule-inputs-unsure") != 0)
			continue;
		rnm_error_set(err, RNM_E_REFUSED, "import.inputs", "%s", finding->text);
		rnm_error_set_hint(err,
		                   "--force writes it all the same, for a rspamd with other meta tokens");
		return RNM_E_REFUSED;
	}
	return RNM_OK;
}

/* The first problem, which keeps its id. */
static enum rnm_status refuse_unfit(const struct rnm_importing *job, struct rnm_error *err)
{
	char text[RNM_ERROR_TEXT_MAX];

	if (err == NULL)
		return RNM_E_REFUSED;
	err->status = RNM_E_REFUSED;
	memcpy(text, err->message, sizeof(text));
	(void)snprintf(err->message, sizeof(err->message), "not fit for rule %.256s: %.1700s",
	               job->rule->name, text);
	if (err->hint[0] == '\0')
		rnm_error_set_hint(err, "`rnm verify` with the rule shows all that is wrong with it");
	return RNM_E_REFUSED;
}

static struct rnm_verify_options how_to_verify(const struct rnm_importing *job)
{
	return (struct rnm_verify_options){
		.rule = job->rule, .config = job->options->config, .index = SIZE_MAX, .for_redis = true
	};
}

bool rnm_import_fits_so_far(const struct rnm_importing *job)
{
	const struct rnm_verify_options how = how_to_verify(job);
	struct rnm_verification *verification = NULL;
	const bool fits = rnm_model_verify_known(&verification, job->file, &how, NULL) == RNM_OK;

	rnm_verification_free(verification);
	return fits;
}

static enum rnm_status verify(struct rnm_importing *job, struct rnm_error *err)
{
	const struct rnm_verify_options how = how_to_verify(job);
	enum rnm_status status = rnm_model_verify(&job->verification, job->file, &how, err);

	job->import.verification = job->verification;
	if (status == RNM_NO)
		return refuse_unfit(job, err);
	return status == RNM_OK ? check_inputs(job, err) : status;
}

enum rnm_status rnm_import_judge(struct rnm_importing *job, rnm_model_file_take *take, void *ctx,
                                 struct rnm_error *err)
{
	enum rnm_status status = rnm_model_file_look(job->file, take, ctx, err);

	if (status == RNM_OK)
		status = verify(job, err);
	return status == RNM_OK ? rnm_import_find_network(job, err) : status;
}

/* ---- one round ---- */

static void report(void *ctx, uint64_t bytes)
{
	struct rnm_importing *job = ctx;

	job->fed += bytes;
	job->options->progress(job->options->progress_ctx, job->fed, job->import.bytes);
}

static enum rnm_status write_all(struct rnm_importing *job, struct rnm_error *err)
{
	enum rnm_status status = rnm_transaction_begin(&job->change, err);

	job->fed = 0;
	if (status == RNM_OK)
		status = rnm_import_send(job, err);
	return status == RNM_OK ? rnm_transaction_commit(&job->change, err) : status;
}

static enum rnm_status begin_round(struct rnm_importing *job, struct rnm_error *err)
{
	char *zset = rnm_rule_zset(job->rule, job->options->settings);

	rnm_model_list_free(job->list);
	job->list = NULL;
	rnm_arena_free(&job->round);
	rnm_arena_init(&job->round, ROUND_MAX);
	job->import =
	    (struct rnm_import){ .verification = job->verification, .max_profiles = job->rule->max_profiles };
	if (zset != NULL)
		job->import.zset = rnm_arena_strndup(&job->round, zset, strlen(zset));
	free(zset);
	return job->import.zset != NULL ? RNM_OK : rnm_error_nomem(err);
}

/* RNM_NO: others were faster. */
static enum rnm_status try_once(struct rnm_importing *job, const char *what, struct rnm_error *err)
{
	enum rnm_status status = begin_round(job, err);

	if (status != RNM_OK)
		return status;
	rnm_transaction_init(&job->change, job->redis, job->rule->global, what, RIGHTS);
	if (job->options->progress != NULL) {
		job->change.progress = report;
		job->change.progress_ctx = job;
	}
	status = rnm_import_look(job, err);
	if (status == RNM_OK && !job->import.present)
		status = rnm_import_make_commands(job, err);
	if (status == RNM_OK && !job->import.present && !job->options->dry_run) {
		status = write_all(job, err);
		job->import.done = status == RNM_OK;
	}
	rnm_transaction_end(&job->change);
	return status;
}

static enum rnm_status refuse_busy(const struct rnm_importing *job, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_REFUSED, "import.busy",
	              "others changed %s or its models each of the %u times that the import was about to be "
	              "committed; nothing was written",
	              job->import.zset, RNM_TRANSACTION_TRIES);
	rnm_error_set_hint(err, "run the command again in a moment");
	return RNM_E_REFUSED;
}

/* It is there, whatever has happened since: an error about the connection alone would not say so. */
static enum rnm_status read_back(struct rnm_importing *job, struct rnm_error *err)
{
	enum rnm_status status = rnm_import_read_back(job, err);
	char text[RNM_ERROR_TEXT_MAX];

	if (status == RNM_OK || err == NULL || strcmp(err->id, "import.read-back") == 0)
		return status;
	memcpy(text, err->message, sizeof(text));
	(void)snprintf(err->message, sizeof(err->message),
	               "written as version %.16g under %.512s, but it could not be read back: %.1024s",
	               job->import.version, job->import.key, text);
	return status;
}

static enum rnm_status try_until_done(struct rnm_importing *job, struct rnm_error *err)
{
	enum rnm_status status = RNM_NO;
	char what[256];

	snprintf(what, sizeof(what), "write the model of rule %.150s", job->rule->name);
	for (unsigned round = 0; round < RNM_TRANSACTION_TRIES; round++) {
		status = try_once(job, what, err);
		if (status != RNM_NO)
			return status;
		(void)poll(NULL, 0, FIRST_PAUSE << round);
	}
	return refuse_busy(job, err);
}

/*
 * Something else has ended an import whose model nobody has judged yet: what is wrong with that one goes first,
 * as it does when it is judged before Redis is asked.
 */
static enum rnm_status judge_late(struct rnm_importing *job, enum rnm_status status, struct rnm_error *err)
{
	struct rnm_error *own = malloc(sizeof(*own));
	enum rnm_status verdict = own != NULL ? rnm_import_judge(job, NULL, NULL, own) : RNM_OK;

	if (verdict == RNM_E_REFUSED) {
		status = verdict;
		if (err != NULL)
			*err = *own;
	}
	free(own);
	return status;
}

static enum rnm_status run(struct rnm_importing *job, struct rnm_error *err)
{
	bool ahead = false;
	enum rnm_status status = rnm_import_find_network(job, err);

	if (status == RNM_OK)
		status = rnm_import_may_send_ahead(job, &ahead, err);
	if (status == RNM_OK && !ahead)
		status = rnm_import_judge(job, NULL, NULL, err);
	if (status == RNM_OK)
		status = rnm_import_make_fields(job, err);
	if (status == RNM_OK)
		status = try_until_done(job, err);
	if (status != RNM_OK && ahead && rnm_model_file_is_unread(job->file) && status != RNM_E_INTERRUPTED)
		status = judge_late(job, status, err);
	return status == RNM_OK && job->import.done ? read_back(job, err) : status;
}

enum rnm_status rnm_store_import(struct rnm_import **out, struct rnm_redis *redis,
                                 const struct rnm_rule *rule, struct rnm_model_file *file,
                                 const struct rnm_import_options *options, struct rnm_error *err)
{
	struct rnm_importing *job = calloc(1, sizeof(*job));
	enum rnm_status status;

	if (job == NULL)
		return rnm_error_nomem(err);
	job->redis = redis;
	job->rule = rule;
	job->file = file;
	job->options = options;
	rnm_arena_init(&job->fixed, FIELDS_MAX);
	rnm_arena_init(&job->round, ROUND_MAX);
	status = run(job, err);
	rnm_model_list_free(job->list);
	job->list = NULL;
	/* The connection says only that it was interrupted; what that means for the model is known here. */
	if (status == RNM_E_INTERRUPTED && !job->import.done && err != NULL &&
	    strcmp(err->id, "redis.interrupted") == 0)
		rnm_error_set(err, status, "interrupted", "interrupted: nothing was written");
	if (status == RNM_OK)
		*out = &job->import;
	else
		rnm_import_free(&job->import);
	return status;
}

void rnm_import_free(struct rnm_import *import)
{
	struct rnm_importing *job = (struct rnm_importing *)import;

	if (job == NULL)
		return;
	rnm_verification_free(job->verification);
	rnm_arena_free(&job->round);
	rnm_arena_free(&job->fixed);
	free(job);
}
