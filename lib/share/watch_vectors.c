/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of mail through the new model, and through the published one: is it good, and how different is it? */
#include "base/clock.h"
#include "base/hash.h"
#include "share/model_evaluation.h"
#include "share/watch_internal.h"

#include <math.h>
#include <rnm/evaluation.h>
#include <rnm/training.h>
#include <rnm/vectors.h>

struct measuring {
	struct rnm_watching *watching;
	struct rnm_scorer *scorer;
	struct rnm_scorer *published; /* NULL: no drift is asked for, or there is nothing to drift from */
	enum rnm_class class_;        /* of the vectors that wait in the scorers */
	struct rnm_scores spam, ham;
	double differences; /* sum of |score - score of the published model| */
	uint64_t compared;
};

static struct rnm_scores *scores_of(struct measuring *measuring, enum rnm_class class_)
{
	return class_ == RNM_CLASS_SPAM ? &measuring->spam : &measuring->ham;
}

/* ---- scoring ---- */

/* rspamd looks at the first output only. */
static enum rnm_status keep_scores(struct measuring *measuring, const float *outputs, size_t width,
                                   size_t count, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 0; status == RNM_OK && i < count; i++) {
		const double score = (double)outputs[i * width];

		/* RNM_NO, since a reader of training sets passes over vectors that are malformed. */
		if (!isfinite(score))
			return rnm_error_set(err, RNM_NO, "watch.score",
			                     "its score of a vector of %s is not a number",
			                     measuring->class_ == RNM_CLASS_SPAM ? "spam" : "ham");
		status = rnm_scores_add(scores_of(measuring, measuring->class_), score, err);
	}
	return status;
}

static enum rnm_status run(struct measuring *measuring, struct rnm_error *err)
{
	const size_t width = rnm_scorer_output_count(measuring->scorer);
	const float *outputs, *before;
	size_t count, ignored;
	enum rnm_status status = rnm_scorer_run(measuring->scorer, &outputs, &count, err);

	if (status == RNM_OK)
		status = keep_scores(measuring, outputs, width, count, err);
	if (status != RNM_OK || measuring->published == NULL)
		return status;
	status = rnm_scorer_run(measuring->published, &before, &ignored, err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		measuring->differences +=
		    fabs((double)outputs[i * width] -
		         (double)before[i * rnm_scorer_output_count(measuring->published)]);
	measuring->compared += count;
	return status;
}

static enum rnm_status take(void *ctx, enum rnm_class class_, const double *values, size_t count,
                            struct rnm_error *err)
{
	struct measuring *measuring = ctx;
	enum rnm_status status = RNM_OK;

	if (rnm_scorer_pending(measuring->scorer) > 0 &&
	    (class_ != measuring->class_ || rnm_scorer_full(measuring->scorer)))
		status = run(measuring, err);
	measuring->class_ = class_;
	if (status == RNM_OK)
		status = rnm_scorer_add(measuring->scorer, values, count, err);
	if (status == RNM_OK && measuring->published != NULL)
		status = rnm_scorer_add(measuring->published, values, count, err);
	return status;
}

static enum rnm_status finish(struct measuring *measuring, struct rnm_error *err)
{
	return rnm_scorer_pending(measuring->scorer) > 0 ? run(measuring, err) : RNM_OK;
}

static void start_anew(struct measuring *measuring)
{
	rnm_scores_clear(&measuring->spam);
	rnm_scores_clear(&measuring->ham);
	measuring->differences = 0;
	measuring->compared = 0;
}

static bool are_enough(const struct measuring *measuring)
{
	return measuring->spam.count >= RNM_WATCH_VECTORS_MIN &&
	       measuring->ham.count >= RNM_WATCH_VECTORS_MIN;
}

/* ---- where vectors come from ---- */

static enum rnm_status read_file(struct measuring *measuring, const char *path, enum rnm_class class_,
                                 struct rnm_error *err)
{
	const struct rnm_vectors_options how = {
		.count = rnm_scorer_input_count(measuring->scorer),
		.name = path,
		.cancel = measuring->watching->options->publish.cancel,
	};
	const struct rnm_vector *vector = NULL;
	struct rnm_vectors *vectors = NULL;
	enum rnm_status status = rnm_vectors_open(&vectors, path, &how, err);

	while (status == RNM_OK) {
		status = rnm_vectors_next(vectors, &vector, err);
		if (status != RNM_OK || vector == NULL)
			break;
		status = take(measuring, class_, vector->values, vector->count, err);
	}
	rnm_vectors_free(vectors);
	return status == RNM_OK ? finish(measuring, err) : status;
}

static enum rnm_status read_training(struct measuring *measuring, const char *key, struct rnm_error *err)
{
	const struct rnm_watch_subject *subject = measuring->watching->subject;
	struct rnm_training_sets *sets = NULL;
	enum rnm_status status;

	start_anew(measuring);
	status = rnm_training_read(&sets, subject->redis, subject->rule, subject->settings, key,
	                           rnm_scorer_input_count(measuring->scorer), take, measuring, err);
	rnm_training_sets_free(sets);
	return status == RNM_OK ? finish(measuring, err) : status;
}

/* The profile that the model was trained from: its vectors stay for ten minutes (rspamd: neural_save_unlock.lua). */
static const char *predecessor_key(const struct rnm_watching *watching)
{
	const struct rnm_model_list *list = watching->list;
	const struct rnm_profile *own = &list->models[watching->index].profile, *best = NULL;

	for (size_t i = 0; i < list->count; i++) {
		const struct rnm_profile *profile = &list->models[i].profile;

		if (profile->redis_key == NULL || !(profile->version < own->version) ||
		    list->models[i].digest_match != RNM_DIGEST_SAME)
			continue;
		if (best == NULL || profile->version > best->version)
			best = profile;
	}
	return best != NULL ? best->redis_key : NULL;
}

static enum rnm_status read_vectors(struct measuring *measuring, struct rnm_error *err)
{
	const struct rnm_watching *watching = measuring->watching;
	const struct rnm_watch_options *options = watching->options;
	const char *before = predecessor_key(watching);
	enum rnm_status status = RNM_OK;

	if (options->spam != NULL) {
		status = read_file(measuring, options->spam, RNM_CLASS_SPAM, err);
		return status == RNM_OK ? read_file(measuring, options->ham, RNM_CLASS_HAM, err) : status;
	}
	if (before != NULL)
		status = read_training(measuring, before, err);
	if (status == RNM_OK && !are_enough(measuring))
		status =
		    read_training(measuring, watching->list->models[watching->index].profile.redis_key, err);
	return status;
}

/* ---- what they show ---- */

static enum rnm_status too_few(const struct measuring *measuring, struct rnm_error *err)
{
	const bool files = measuring->watching->options->spam != NULL;

	rnm_error_set(
	    err, RNM_E_NOT_FOUND, "watch.few-vectors",
	    "version %.0f cannot be judged yet: expected at least %d vectors of spam and of ham %s, found "
	    "%zu and %zu",
	    measuring->watching->report->version, RNM_WATCH_VECTORS_MIN,
	    files ? "in the files" : "in the training sets", measuring->spam.count, measuring->ham.count);
	if (!files)
		rnm_error_set_hint(err,
		                   "rspamd deletes those that a model was trained from after ten minutes; "
		                   "--spam and --ham name files that stay");
	return RNM_E_NOT_FOUND;
}

static const char *source_of(const char *path)
{
	return path != NULL ? rnm_source_name(path) : NULL;
}

/*
 * What consumers' operators get to see of it.  A rule whose own thresholds are no numbers decides nothing, which is no
 * fault of the model.
 */
static void keep_evaluation(struct rnm_watching *watching, const struct rnm_evaluation *evaluation)
{
	struct rnm_model_evaluation *out = &watching->evaluation;
	unsigned char hash[RNM_NETWORK_HASH_LEN];
	struct rnm_decision decision;

	*out = (struct rnm_model_evaluation){
		.time = (int64_t)rnm_clock_wall(),
		.spam_source = source_of(watching->options->spam),
		.ham_source = source_of(watching->options->ham),
	};
	if (!rnm_evaluation_auc(evaluation, &out->auc) ||
	    rnm_decision_of(&decision, watching->subject->rule, watching->file->container, NULL) != RNM_OK)
		return;
	out->spam_threshold = decision.spam_threshold;
	out->ham_threshold = decision.ham_threshold;
	rnm_evaluation_confusion(evaluation, &decision, &out->confusion);
	rnm_model_hash(watching->file, hash);
	rnm_hash_text(out->model_hash, hash);
	watching->has_evaluation = rnm_model_evaluation_is_good(out);
}

static enum rnm_status sum_up(struct measuring *measuring, struct rnm_error *err)
{
	struct rnm_watch_report *report = measuring->watching->report;
	struct rnm_evaluation *evaluation = NULL;
	enum rnm_status status;

	report->spam = measuring->spam.count;
	report->ham = measuring->ham.count;
	if (!are_enough(measuring))
		return too_few(measuring, err);
	report->has_drift = measuring->published != NULL;
	report->drift = report->has_drift ? measuring->differences / (double)measuring->compared : 0;
	status = rnm_evaluation_new(&evaluation, &measuring->spam, &measuring->ham, err);
	if (status == RNM_OK) {
		keep_evaluation(measuring->watching, evaluation);
		report->has_auc = !isnan(measuring->watching->options->min_auc) &&
		                  rnm_evaluation_auc(evaluation, &report->auc);
	}
	rnm_evaluation_free(evaluation);
	return status;
}

static enum rnm_status make_scorer(struct rnm_scorer **out, const struct rnm_model_file *file,
                                   struct rnm_error *err)
{
	struct rnm_preprocess preprocess;

	rnm_model_file_preprocess(file, &preprocess);
	return rnm_scorer_new(out, file->network, &preprocess, err);
}

enum rnm_status rnm_watch_measure(struct rnm_watching *watching, struct rnm_error *err)
{
	const struct rnm_watch_options *options = watching->options;
	const bool drift = !isnan(options->max_drift) && watching->published != NULL;
	struct measuring measuring = { .watching = watching };
	enum rnm_status status;

	if (isnan(options->min_auc) && !drift)
		return RNM_OK;
	status = make_scorer(&measuring.scorer, watching->file, err);
	if (status == RNM_OK && drift)
		status = make_scorer(&measuring.published, watching->published, err);
	if (status == RNM_OK)
		status = read_vectors(&measuring, err);
	if (status == RNM_OK)
		status = sum_up(&measuring, err);
	rnm_scores_clear(&measuring.spam);
	rnm_scores_clear(&measuring.ham);
	rnm_scorer_free(measuring.scorer);
	rnm_scorer_free(measuring.published);
	return status;
}
