/* SPDX-License-Identifier: Apache-2.0 */
/* What the tree has, whether a model may follow it, and putting it there. */
#include "base/clock.h"
#include "share/publisher.h"
#include "share/watch_internal.h"

#include <math.h>
#include <string.h>

/* A look at the tree that locks nothing and changes nothing; for the publication itself it is opened again. */
static enum rnm_status open_tree(struct rnm_publisher **out, const struct rnm_watching *watching,
                                 bool only_look, struct rnm_error *err)
{
	struct rnm_publish_options how = watching->options->publish;

	how.dry_run = how.dry_run || only_look;
	how.now = rnm_clock_wall();
	if (watching->has_evaluation) {
		how.evaluations = &watching->evaluation;
		how.evaluation_count = 1;
	}
	return rnm_publisher_open(out, &how, err);
}

/* The model that the name has; none is no failure. */
static enum rnm_status read_published(struct rnm_watching *watching, const struct rnm_publisher *publisher,
                                      struct rnm_error *err)
{
	const struct rnm_alias *alias = rnm_history_alias(publisher->history, watching->report->name);
	struct rnm_buf *bytes = &watching->published_bytes;
	enum rnm_status status;

	if (alias == NULL)
		return RNM_OK;
	watching->report->published_version = alias->newest->model.model_version;
	memcpy(watching->published_hash, alias->newest->model.blake2b, sizeof(watching->published_hash));
	status = rnm_object_read(publisher, watching->published_hash, bytes, err);
	if (status == RNM_OK)
		status = rnm_model_file_read(&watching->published, bytes->data, bytes->len,
		                             watching->published_hash, err);
	return status;
}

/* The figures of `rnm diff`, and whether only labels differ, such as the time of a worker's last visit. */
static enum rnm_status compare(struct rnm_watching *watching, bool *same, struct rnm_error *err)
{
	struct rnm_watch_report *report = watching->report;
	struct rnm_model_comparison *comparison = NULL;
	enum rnm_status status;

	if (watching->published == NULL)
		return RNM_OK;
	status = rnm_model_compare(&comparison, watching->published, watching->file, err);
	if (status != RNM_OK)
		return status;
	report->has_relation = true;
	report->relation = comparison->relation;
	report->start = comparison->start;
	report->weight_cosine = comparison->network != NULL && comparison->network->matrices.count > 0
	                            ? comparison->network->matrices.cosine
	                            : NAN;
	*same =
	    comparison->relation == RNM_MODELS_IDENTICAL || comparison->relation == RNM_MODELS_OTHER_LABEL;
	rnm_model_comparison_free(comparison);
	return RNM_OK;
}

static enum rnm_status try_to_add(struct rnm_publisher *publisher, const struct rnm_watching *watching,
                                  struct rnm_publish_outcome *outcome, struct rnm_error *err)
{
	const struct rnm_publish_request request = { .name = watching->report->name };

	return rnm_publisher_add(publisher, watching->file, &request, outcome, err);
}

static bool is_published_version(const struct rnm_watching *watching)
{
	return watching->published != NULL && fabs((double)watching->report->published_version -
	                                           watching->file->container->model_version) <= 0;
}

/* The publisher's advice is for those who publish by hand. */
static void explain(const struct rnm_watching *watching, struct rnm_error *err)
{
	if (strcmp(err->id, "publish.version") == 0 && watching->published != NULL)
		rnm_error_set_hint(
		    err,
		    "rspamd counts on from what Redis has: `rnm import` of the published model "
		    "puts it there, or `rnm publish --model-version %llu` publishes this one",
		    (unsigned long long)watching->report->published_version + 1);
}

enum rnm_status rnm_watch_succeeds(struct rnm_watching *watching, bool *current, struct rnm_error *err)
{
	struct rnm_publisher *publisher = NULL;
	struct rnm_publish_outcome outcome;
	bool same = false;
	enum rnm_status status = open_tree(&publisher, watching, true, err);

	if (status == RNM_OK)
		status = read_published(watching, publisher, err);
	if (status == RNM_OK)
		status = compare(watching, &same, err);
	*current = status == RNM_OK && same && is_published_version(watching);
	if (status == RNM_OK && !*current) {
		status = try_to_add(publisher, watching, &outcome, err);
		if (status == RNM_E_REFUSED || status == RNM_E_USAGE) {
			explain(watching, err);
			status = RNM_NO;
		}
	}
	rnm_publisher_free(publisher);
	return status;
}

/* ---- publishing ---- */

/* What was judged was judged against what the name had then. */
static enum rnm_status check_overtaken(const struct rnm_watching *watching,
                                       const struct rnm_publisher *publisher, struct rnm_error *err)
{
	const struct rnm_alias *alias = rnm_history_alias(publisher->history, watching->report->name);
	const char *hash = alias != NULL ? alias->newest->model.blake2b : "";

	if (strcmp(hash, watching->published_hash) == 0)
		return RNM_OK;
	return rnm_error_set(err, RNM_E_REFUSED, "watch.overtaken",
	                     "somebody else has published %s while version %.0f was being judged",
	                     watching->report->name, watching->report->version);
}

static void tell(struct rnm_watch_report *report, const struct rnm_publish_outcome *outcome,
                 const struct rnm_publish_result *result, bool dry_run)
{
	report->previous_version = report->published_version;
	if (!dry_run)
		report->published_version = outcome->model.model_version;
	report->size = outcome->model.size;
	report->serial = result->serial;
	memcpy(report->blake2b, outcome->model.blake2b, sizeof(report->blake2b));
}

enum rnm_status rnm_watch_publish(struct rnm_watching *watching, struct rnm_error *err)
{
	struct rnm_publisher *publisher = NULL;
	struct rnm_publish_outcome outcome;
	struct rnm_publish_result result;
	enum rnm_status status = open_tree(&publisher, watching, false, err);

	if (status == RNM_OK)
		status = check_overtaken(watching, publisher, err);
	if (status == RNM_OK)
		status = try_to_add(publisher, watching, &outcome, err);
	if (status == RNM_OK)
		status = rnm_publisher_commit(publisher, &result, err);
	if (status == RNM_OK)
		tell(watching->report, &outcome, &result, watching->options->publish.dry_run);
	rnm_publisher_free(publisher);
	return status;
}
