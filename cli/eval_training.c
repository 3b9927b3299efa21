/* SPDX-License-Identifier: Apache-2.0 */
#include "eval_training.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

/* ---- whose sets ---- */

struct owner {
	struct rnm_rule *own_rule;
	const struct rnm_rule *rule;
	const char *settings;
	struct rnm_model_list *list;
	const char *key; /* of the model; borrowed from a list */
};

/* Whether -r, -s or -v name others than MODEL does. */
static bool named_otherwise(const struct options *options)
{
	return option_given(options, OPTION_RULE) || option_given(options, OPTION_SETTINGS) ||
	       option_given(options, OPTION_MODEL_VERSION);
}

/* A rule that has never been trained has vectors too: those of the profile that waits for its first network. */
static enum rnm_status choose(size_t *index, const struct owner *owner, const struct options *options,
                              struct rnm_error *err)
{
	const bool has_version = option_given(options, OPTION_MODEL_VERSION);
	enum rnm_status status = model_argument_choose(index, owner->list, owner->rule, has_version,
	                                               options->values[OPTION_MODEL_VERSION].number, err);

	if (status != RNM_E_NOT_FOUND || has_version || owner->list->count == 0)
		return status;
	*index = 0;
	return RNM_OK;
}

static enum rnm_status find_other(struct owner *owner, struct scoring *scoring, struct rnm_error *err)
{
	struct context *context = &scoring->context;
	const struct options *options = context->options;
	enum rnm_status status = RNM_OK;
	size_t index = 0;

	if (owner->rule == NULL)
		status = context_rule(context, "default", &owner->own_rule, err);
	if (status == RNM_OK && owner->rule == NULL)
		owner->rule = owner->own_rule;
	if (status == RNM_OK)
		status = rnm_store_list(&owner->list, context->redis, owner->rule, owner->settings,
		                        RNM_LIST_FULL, err);
	if (status == RNM_OK)
		status = choose(&index, owner, options, err);
	if (status == RNM_OK)
		owner->key = owner->list->models[index].profile.redis_key;
	return status;
}

static enum rnm_status find_owner(struct owner *owner, struct scoring *scoring, struct rnm_error *err)
{
	struct context *context = &scoring->context;
	const struct model_argument *model = &scoring->model;
	enum rnm_status status = RNM_OK;

	owner->rule = scoring->rule;
	owner->settings = option_text(context->options, OPTION_SETTINGS,
	                              model->list != NULL ? model->list->settings : "default");
	if (context->config == NULL)
		status = context_load_config(context, err);
	if (status == RNM_OK && context->redis == NULL)
		status = context_connect(context, err);
	if (status != RNM_OK)
		return status;
	if (model->model != NULL && !named_otherwise(context->options))
		owner->key = model->model->profile.redis_key;
	else
		status = find_other(owner, scoring, err);
	if (status == RNM_OK && owner->key == NULL)
		status = rnm_error_set(err, RNM_E_NOT_FOUND, "eval.no-vectors",
		                       "the profile names no key, so that it has no training sets");
	return status;
}

/* ---- their vectors ---- */

struct collector {
	struct rnm_scorer *scorer;
	struct rnm_scores *scores[RNM_CLASS_HAM + 1];
	enum rnm_class class_; /* of the vectors that wait in the scorer */
};

static enum rnm_status collect(struct collector *collector, struct rnm_error *err)
{
	const size_t width = rnm_scorer_output_count(collector->scorer);
	const float *outputs;
	size_t count;
	enum rnm_status status = rnm_scorer_run(collector->scorer, &outputs, &count, err);

	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status =
		    rnm_scores_add(collector->scores[collector->class_], (double)outputs[i * width], err);
	return status;
}

static enum rnm_status take(void *ctx, enum rnm_class class_, const double *values, size_t count,
                            struct rnm_error *err)
{
	struct collector *collector = ctx;
	enum rnm_status status = RNM_OK;

	if (class_ != collector->class_ || rnm_scorer_full(collector->scorer))
		status = collect(collector, err);
	collector->class_ = class_;
	return status == RNM_OK ? rnm_scorer_add(collector->scorer, values, count, err) : status;
}

static void sum_up(struct eval_source *source, const struct rnm_training_set sets[RNM_TRAINING_SETS])
{
	for (size_t i = 0; i < RNM_TRAINING_SETS; i++) {
		source->vectors += sets[i].vectors;
		source->skipped += sets[i].bad;
		source->duplicates += sets[i].duplicates;
		if (sets[i].bad > 0)
			output_warning("left out %llu of the vectors in %s, the first of them because: %s",
			               (unsigned long long)sets[i].bad, sets[i].key, sets[i].problem.message);
	}
}

static enum rnm_status read_sets(struct eval *eval, struct scoring *scoring, const struct owner *owner,
                                 struct rnm_scores *spam, struct rnm_scores *ham, struct rnm_error *err)
{
	struct collector collector = { .scorer = scoring->scorer, .scores = { NULL, spam, ham } };
	enum rnm_status status =
	    rnm_training_read(&eval->sets, scoring->context.redis, owner->rule, owner->settings, owner->key,
	                      rnm_scorer_input_count(scoring->scorer), take, &collector, err);

	if (status == RNM_OK && rnm_scorer_pending(scoring->scorer) > 0)
		status = collect(&collector, err);
	if (status != RNM_OK)
		return status;
	sum_up(&eval->spam, eval->sets->spam);
	sum_up(&eval->ham, eval->sets->ham);
	if (eval->spam.vectors + eval->ham.vectors > 0)
		return RNM_OK;
	rnm_error_set(err, RNM_E_NOT_FOUND, "eval.no-vectors",
	              "there are no usable vectors in %s, %s, %s and %s", eval->sets->spam[0].key,
	              eval->sets->ham[0].key, eval->sets->spam[1].key, eval->sets->ham[1].key);
	rnm_error_set_hint(err, "rspamd deletes them ten minutes after it has trained the next model");
	return RNM_E_NOT_FOUND;
}

enum rnm_status eval_training(struct eval *eval, struct scoring *scoring, char **key, struct rnm_scores *spam,
                              struct rnm_scores *ham, struct rnm_error *err)
{
	struct owner owner = { 0 };
	enum rnm_status status = find_owner(&owner, scoring, err);

	if (status == RNM_OK)
		status = read_sets(eval, scoring, &owner, spam, ham, err);
	if (status == RNM_OK) {
		*key = strdup(owner.key);
		if (*key == NULL)
			status = rnm_error_nomem(err);
	}
	eval->training_key = *key;
	rnm_model_list_free(owner.list);
	rnm_rule_free(owner.own_rule);
	return status;
}
