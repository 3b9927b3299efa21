/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the evaluations that came along is about which model. */
#include "base/hash.h"
#include "share/model_evaluation.h"
#include "share/taking.h"

#include <stdlib.h>
#include <string.h>

enum rnm_status rnm_publisher_check_evaluations(struct rnm_publisher *publisher, struct rnm_error *err)
{
	const struct rnm_publish_options *options = &publisher->options;

	for (size_t i = 0; i < options->evaluation_count; i++)
		if (!rnm_model_evaluation_is_good(&options->evaluations[i]))
			return rnm_error_set(err, RNM_E_USAGE, "publish.evaluation",
			                     "expected figures of an evaluation, found some that are none");
	publisher->evaluation_used = calloc(options->evaluation_count + 1, sizeof(bool));
	return publisher->evaluation_used != NULL ? RNM_OK : rnm_error_nomem(err);
}

enum rnm_status rnm_taking_find_evaluation(struct rnm_publisher *publisher, struct rnm_taking *taking,
                                           struct rnm_error *err)
{
	const struct rnm_publish_options *options = &publisher->options;
	const struct rnm_model_evaluation *latest = NULL;
	unsigned char hash[RNM_NETWORK_HASH_LEN];
	char text[RNM_OBJECT_HASH_HEX];

	if (options->evaluation_count == 0)
		return RNM_OK;
	rnm_model_hash(taking->file, hash);
	rnm_hash_text(text, hash);
	for (size_t i = 0; i < options->evaluation_count; i++) {
		const struct rnm_model_evaluation *one = &options->evaluations[i];

		if (strcmp(one->model_hash, text) != 0)
			continue;
		publisher->evaluation_used[i] = true;
		if (latest == NULL || one->time >= latest->time)
			latest = one;
	}
	if (latest == NULL)
		return RNM_OK;
	taking->evaluation = rnm_model_evaluation_copy(&publisher->history->arena, latest);
	return taking->evaluation != NULL ? RNM_OK : rnm_error_nomem(err);
}

enum rnm_status rnm_publisher_check_used(const struct rnm_publisher *publisher, struct rnm_error *err)
{
	const struct rnm_publish_options *options = &publisher->options;
	size_t i = 0;

	while (i < options->evaluation_count && publisher->evaluation_used[i])
		i++;
	if (i == options->evaluation_count)
		return RNM_OK;
	rnm_error_set(
	    err, RNM_E_REFUSED, "publish.evaluation",
	    "the evaluation is of another model than %s, whose weights, normalisation, matrix or thresholds "
	    "differ%s",
	    publisher->entry_count == 1 ? publisher->entries[0].model.name : "those to be published",
	    options->evaluation_count > 1 ? " (one of several)" : "");
	rnm_error_set_hint(err, "rnm eval MODEL --json measures the model that is to be published");
	return RNM_E_REFUSED;
}
