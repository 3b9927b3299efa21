/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"
#include "output.h"

#include <math.h>

/* NaN stands for "has no value", which JSON calls null. */
static void kv_real(struct rnm_json *json, const char *key, double value)
{
	rnm_json_key(json, key);
	if (isfinite(value))
		rnm_json_double(json, value);
	else
		rnm_json_null(json);
}

static void source(struct rnm_json *json, const char *key, const struct eval_source *source,
                   const struct rnm_training_set *sets)
{
	rnm_json_key(json, key);
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "file", source->name);
	rnm_json_kv_uint(json, "vectors", source->vectors);
	rnm_json_kv_uint(json, "skipped", source->skipped);
	rnm_json_key(json, "sets");
	if (sets == NULL)
		rnm_json_null(json);
	else
		rnm_json_begin_array(json);
	for (size_t i = 0; sets != NULL && i < RNM_TRAINING_SETS; i++) {
		rnm_json_begin_object(json);
		rnm_json_kv_string(json, "key", sets[i].key);
		rnm_json_kv_uint(json, "vectors", sets[i].vectors);
		rnm_json_kv_uint(json, "duplicates", sets[i].duplicates);
		rnm_json_kv_uint(json, "bad", sets[i].bad);
		rnm_json_kv_string(json, "problem", sets[i].bad > 0 ? sets[i].problem.message : NULL);
		rnm_json_end_object(json);
	}
	if (sets != NULL)
		rnm_json_end_array(json);
	rnm_json_end_object(json);
}

static void counts(struct rnm_json *json, const char *key, uint64_t spam, uint64_t none, uint64_t ham)
{
	rnm_json_key(json, key);
	rnm_json_begin_object(json);
	rnm_json_kv_uint(json, "spam_symbol", spam);
	rnm_json_kv_uint(json, "no_symbol", none);
	rnm_json_kv_uint(json, "ham_symbol", ham);
	rnm_json_end_object(json);
}

static void rates(struct rnm_json *json, const char *key, const struct rnm_rates *rates)
{
	rnm_json_key(json, key);
	rnm_json_begin_object(json);
	kv_real(json, "precision", rates->precision);
	kv_real(json, "recall", rates->recall);
	kv_real(json, "f1", rates->f1);
	kv_real(json, "false_positive_rate", rates->false_rate);
	rnm_json_end_object(json);
}

static void thresholds(struct rnm_json *json, const char *key, const struct eval_thresholds *thresholds)
{
	const struct rnm_confusion *confusion = &thresholds->confusion;

	rnm_json_key(json, key);
	rnm_json_begin_object(json);
	kv_real(json, "spam_threshold", thresholds->decision.spam_threshold);
	kv_real(json, "ham_threshold", thresholds->decision.ham_threshold);
	rnm_json_key(json, "confusion");
	rnm_json_begin_object(json);
	counts(json, "spam", confusion->spam_as_spam, confusion->spam_as_none, confusion->spam_as_ham);
	counts(json, "ham", confusion->ham_as_spam, confusion->ham_as_none, confusion->ham_as_ham);
	rnm_json_end_object(json);
	rates(json, "spam_symbol", &thresholds->spam);
	rates(json, "ham_symbol", &thresholds->ham);
	rnm_json_end_object(json);
}

static void suggestion(struct rnm_json *json, const char *key, const struct rnm_suggestion *suggested,
                       uint64_t own_count)
{
	rnm_json_key(json, key);
	if (!suggested->found) {
		rnm_json_null(json);
		return;
	}
	rnm_json_begin_object(json);
	kv_real(json, "threshold", suggested->threshold);
	kv_real(json, "recall", (double)suggested->hits / (double)own_count);
	rnm_json_kv_uint(json, "false_positives", suggested->errors);
	rnm_json_kv_uint(json, "of", suggested->of);
	kv_real(json, "false_positive_rate", suggested->rate);
	kv_real(json, "upper_95", suggested->rate_upper);
	rnm_json_end_object(json);
}

static void spread(struct rnm_json *json, const char *key, const struct rnm_spread *spread,
                   const uint64_t *bins)
{
	rnm_json_key(json, key);
	rnm_json_begin_object(json);
	kv_real(json, "min", spread->min);
	kv_real(json, "max", spread->max);
	kv_real(json, "mean", spread->mean);
	kv_real(json, "deviation", spread->deviation);
	kv_real(json, "q05", spread->low);
	kv_real(json, "median", spread->median);
	kv_real(json, "q95", spread->high);
	rnm_json_kv_uint(json, "saturated", spread->saturated);
	rnm_json_key(json, "histogram");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < EVAL_HISTOGRAM_BINS; i++)
		rnm_json_uint(json, bins[i]);
	rnm_json_end_array(json);
	rnm_json_end_object(json);
}

static void calibration(struct rnm_json *json, const struct eval *eval)
{
	const struct rnm_calibration *calibration = &eval->calibration;

	rnm_json_key(json, "calibration");
	if (!eval->has_calibration) {
		rnm_json_null(json);
		return;
	}
	rnm_json_begin_object(json);
	kv_real(json, "brier", calibration->brier);
	kv_real(json, "log_loss", calibration->log_loss);
	kv_real(json, "mean_error", calibration->error);
	rnm_json_key(json, "bins");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < RNM_CALIBRATION_BINS; i++) {
		rnm_json_begin_object(json);
		rnm_json_kv_uint(json, "count", calibration->bins[i].count);
		kv_real(json, "predicted", calibration->bins[i].predicted);
		kv_real(json, "observed", calibration->bins[i].observed);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
	rnm_json_end_object(json);
}

static void roc(struct rnm_json *json, const struct eval *eval)
{
	rnm_json_key(json, "roc");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < eval->roc_count; i++) {
		rnm_json_begin_object(json);
		kv_real(json, "threshold", eval->roc[i].threshold);
		kv_real(json, "fpr", eval->roc[i].fpr);
		kv_real(json, "tpr", eval->roc[i].tpr);
		rnm_json_end_object(json);
	}
	rnm_json_end_array(json);
}

static void scores(struct rnm_json *json, const struct eval *eval)
{
	rnm_json_key(json, "scores");
	rnm_json_begin_object(json);
	kv_real(json, "histogram_low", eval->low);
	kv_real(json, "histogram_high", eval->high);
	spread(json, "spam", &eval->spam_spread, eval->spam_bins);
	spread(json, "ham", &eval->ham_spread, eval->ham_bins);
	rnm_json_end_object(json);
}

/* Of what was evaluated; with --raw that is not the model, whose normalisation and matrix had no part in it. */
static void model_hash(struct rnm_json *json, const struct eval *eval)
{
	unsigned char hash[RNM_NETWORK_HASH_LEN];
	char text[OUTPUT_HASH_HEX];

	if (eval->raw) {
		rnm_json_kv_null(json, "model_hash");
		return;
	}
	rnm_model_hash(eval->scoring->model.file, hash);
	output_hash(text, hash);
	rnm_json_kv_string(json, "model_hash", text);
}

void eval_json(struct rnm_json *json, const struct eval *eval)
{
	const struct rnm_decision *decision = &eval->used.decision;
	struct eval_notes notes;

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "model", eval->scoring->model.text);
	model_hash(json, eval);
	rnm_json_kv_int(json, "time", eval->time);
	rnm_json_kv_string(json, "rule", eval->scoring->rule != NULL ? eval->scoring->rule->name : NULL);
	rnm_json_kv_string(json, "training_key", eval->training_key);
	source(json, "spam", &eval->spam, eval->sets != NULL ? eval->sets->spam : NULL);
	source(json, "ham", &eval->ham, eval->sets != NULL ? eval->sets->ham : NULL);
	rnm_json_kv_string(json, "symbol_spam", decision->symbol_spam);
	rnm_json_kv_string(json, "symbol_ham", decision->symbol_ham);
	kv_real(json, "auc", eval->has_auc ? eval->auc : NAN);
	thresholds(json, "used", &eval->used);
	kv_real(json, "roc_misclassification_cost", eval->roc_cost);
	if (eval->has_trained)
		thresholds(json, "rspamd_training", &eval->trained);
	else
		rnm_json_kv_null(json, "rspamd_training");
	kv_real(json, "fpr", eval->max_rate);
	suggestion(json, "suggested_spam", &eval->suggest_spam, eval->spam.vectors);
	suggestion(json, "suggested_ham", &eval->suggest_ham, eval->ham.vectors);
	scores(json, eval);
	calibration(json, eval);
	rnm_json_kv_bool(json, "rspamd_would_keep", eval->acceptable);
	roc(json, eval);
	eval_notes(eval, &notes);
	rnm_json_key(json, "notes");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < notes.count; i++)
		rnm_json_string(json, notes.text[i]);
	rnm_json_end_array(json);
	rnm_json_end_object(json);
}
