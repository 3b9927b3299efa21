/* SPDX-License-Identifier: Apache-2.0 */
/* Training sets: how long their vectors are, and whether one class waits for the other. */
#include "store/doctor.h"

#include "format/zstd.h"
#include "redis/refusal.h"
#include "rspamd/rule_number.h"
#include "store/events.h"

#include <math.h>
#include <rnm/training.h>
#include <stdio.h>
#include <string.h>

/* rspamd: the defaults of train in lualib/plugins/neural.lua. */
#define DEFAULT_MAX_TRAINS 1000.0

/* Different lengths that are told apart; real sets have one or two. */
#define WIDTHS_MAX 16
#define SEPARATOR ';' /* rspamd: src/plugins/lua/neural.lua */

/* What a minority must not exceed to be removed without asking, and what the others must reach. */
#define MINORITY_PART 5u /* a fifth */
#define MAJORITY_PARTS 2u
#define MAJORITY_OF 3u /* two thirds */

static uint64_t count_numbers(const struct rnm_buf *text)
{
	uint64_t width = text->len > 0;

	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] == SEPARATOR)
			width++;
		else if (text->data[i] == '\0' || strchr("0123456789+-.eE", text->data[i]) == NULL)
			return 0;
	}
	return width;
}

enum rnm_status rnm_doctor_width(uint64_t *width, struct rnm_bytes member, struct rnm_error *err)
{
	struct rnm_buf text;
	enum rnm_status status;

	rnm_buf_init(&text, RNM_TRAINING_EXPANDED_MAX);
	status = rnm_zstd_expand(&text, member.data, member.len, "the vector", err);
	*width = status == RNM_OK ? count_numbers(&text) : 0;
	rnm_buf_free(&text);
	return status == RNM_E_NOMEM ? RNM_E_NOMEM : RNM_OK;
}

struct histogram {
	struct rnm_doctor *d;
	uint64_t total;
	struct {
		uint64_t width; /* 0: no vector at all */
		uint64_t count;
	} bins[WIDTHS_MAX];
	size_t bin_count;
	uint64_t others; /* of lengths beyond the room */
};

static enum rnm_status take_vector(void *ctx, struct rnm_error *err)
{
	struct histogram *histogram = ctx;
	const struct rnm_buf *member = &histogram->d->text;
	uint64_t width = 0;

	/* A server may go on with one vector for ever. */
	if (histogram->total++ == 2 * RNM_TRAINING_VECTORS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "training.too-many",
		                     "expected at most %zu vectors of one class, found more",
		                     RNM_TRAINING_VECTORS_MAX);
	if (rnm_doctor_width(&width, (struct rnm_bytes){ rnm_buf_cstr(member), member->len }, err) != RNM_OK)
		return RNM_E_NOMEM;
	for (size_t i = 0; i < histogram->bin_count; i++) {
		if (histogram->bins[i].width == width) {
			histogram->bins[i].count++;
			return RNM_OK;
		}
	}
	if (histogram->bin_count == WIDTHS_MAX) {
		histogram->others++;
		return RNM_OK;
	}
	histogram->bins[histogram->bin_count].width = width;
	histogram->bins[histogram->bin_count++].count = 1;
	return RNM_OK;
}

static enum rnm_status read_widths(struct histogram *histogram, const char *key, struct rnm_error *err)
{
	struct rnm_doctor *d = histogram->d;
	const struct rnm_key_walk walk = {
		.redis = d->redis,
		.command = "SSCAN",
		.key = key,
		.text = &d->text,
		.what = "a training vector",
		.take = take_vector,
		.ctx = histogram,
		.endless = "training.too-many",
	};
	enum rnm_status status = rnm_event_walk(&walk, err);

	if (status == RNM_NO) {
		const struct rnm_refused what = { .redis = d->redis,
			                          .command = "SSCAN",
			                          .global = d->global };
		struct rnm_error advice;

		rnm_error_clear(&advice);
		rnm_refusal_hint(&advice, &what, rnm_buf_cstr(&d->text));
		rnm_doctor_advise(d,
		                  rnm_doctor_find(d, RNM_DOCTOR_UNREADABLE, key,
		                                  "Redis does not show the training set: %s",
		                                  rnm_buf_cstr(&d->text)),
		                  RNM_REMEDY_NONE, "%s",
		                  advice.hint[0] != '\0' ? advice.hint : "see what Redis says");
		status = RNM_OK;
	}
	return status;
}

/* "380 of 300, 12 of 46, 3 are no vectors" */
static void describe(const struct histogram *histogram, size_t main, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < histogram->bin_count && used < size; i++) {
		int len;

		if (i == main)
			continue;
		if (histogram->bins[i].width == 0)
			len = snprintf(out + used, size - used, "%s%llu no vectors at all",
			               used > 0 ? ", " : "", (unsigned long long)histogram->bins[i].count);
		else
			len = snprintf(out + used, size - used, "%s%llu of %llu numbers",
			               used > 0 ? ", " : "", (unsigned long long)histogram->bins[i].count,
			               (unsigned long long)histogram->bins[i].width);
		used += len > 0 ? (size_t)len : 0;
	}
}

static void judge_widths(struct rnm_doctor *d, const struct histogram *histogram, const char *key,
                         const char *other_key)
{
	struct rnm_health_finding *finding;
	char minority[512];
	size_t main = 0;
	uint64_t most, rest;

	for (size_t i = 1; i < histogram->bin_count; i++)
		if (histogram->bins[i].count > histogram->bins[main].count)
			main = i;
	most = histogram->bins[main].count;
	rest = histogram->total - most;
	describe(histogram, main, minority, sizeof(minority));
	if (histogram->bins[main].width == 0)
		finding = rnm_doctor_find(d, RNM_DOCTOR_MIXED_WIDTHS, key,
		                          "%llu of %llu members are no vectors: training fails on them",
		                          (unsigned long long)most, (unsigned long long)histogram->total);
	else
		finding =
		    rnm_doctor_find(d, RNM_DOCTOR_MIXED_WIDTHS, key,
		                    "%llu of %llu vectors have %llu numbers, but %s: training fails on them",
		                    (unsigned long long)most, (unsigned long long)histogram->total,
		                    (unsigned long long)histogram->bins[main].width, minority);
	finding->width = histogram->bins[main].width;
	if (other_key != NULL)
		finding->other_key = rnm_doctor_keep(d, other_key);
	/* Which of them are right is a guess; only a clear one is acted upon. */
	if (finding->width > 0 && most * MAJORITY_OF >= histogram->total * MAJORITY_PARTS &&
	    rest * MINORITY_PART <= histogram->total)
		rnm_doctor_advise(d, finding, RNM_REMEDY_DROP_VECTORS, "removes the %llu others%s%s",
		                  (unsigned long long)rest, other_key != NULL ? ", also from " : "",
		                  other_key != NULL ? other_key : "");
	else
		rnm_doctor_advise(d, finding, RNM_REMEDY_NONE,
		                  "too many differ to say which are right: delete both sets, and rspamd "
		                  "gathers new ones");
}

enum rnm_status rnm_doctor_widths(struct rnm_doctor *d, const char *key, const char *other_key,
                                  struct rnm_error *err)
{
	struct histogram histogram = { .d = d };
	enum rnm_status status = read_widths(&histogram, key, err);

	if (status == RNM_OK && other_key != NULL)
		status = read_widths(&histogram, other_key, err);
	if (status == RNM_OK &&
	    (histogram.bin_count > 1 || (histogram.bin_count == 1 && histogram.bins[0].width == 0)))
		judge_widths(d, &histogram, key, other_key);
	return status;
}

/* ---- balance ---- */

static double train_number(const struct rnm_rule *rule, const char *option, double fallback)
{
	double number = fallback;

	(void)rnm_number_read(&number, rnm_value_get(rnm_value_get(rule->raw, "train"), option));
	return number;
}

/* Whether training would start by itself when both classes have enough. */
static bool trains_balanced(const struct rnm_rule *rule)
{
	const struct rnm_value *train = rnm_value_get(rule->raw, "train");
	const struct rnm_value *automatic = rnm_value_get(train, "autotrain");
	const char *mode = rnm_value_string(rnm_value_get(train, "learn_mode"));

	return rule->raw != NULL && (mode == NULL || strcmp(mode, "balanced") == 0) &&
	       (automatic == NULL || rnm_value_truthy(automatic)) &&
	       !rnm_value_truthy(rnm_value_get(train, "frozen"));
}

void rnm_doctor_balance(struct rnm_doctor *d, const struct rnm_rule *rule, const char *key,
                        const struct rnm_key_facts *facts)
{
	double wanted = train_number(rule, "max_trains", DEFAULT_MAX_TRAINS);
	double least = wanted * (1 - train_number(rule, "classes_bias", 0));
	bool spam_lacks = facts->spam < facts->ham;
	double few = (double)(spam_lacks ? facts->spam : facts->ham);
	double many = (double)(spam_lacks ? facts->ham : facts->spam);
	struct rnm_health_finding *finding;

	if (!trains_balanced(rule) || few < 0 || many < wanted || few >= least)
		return;
	finding =
	    rnm_doctor_find(d, RNM_DOCTOR_IMBALANCE, key,
	                    "%.0f of %.0f %s vectors, and %.0f of %s: training starts when both classes "
	                    "have theirs",
	                    few, ceil(least), spam_lacks ? "spam" : "ham", many, spam_lacks ? "ham" : "spam");
	rnm_doctor_advise(d, finding, RNM_REMEDY_NONE, "teach rspamd %s, or raise train.classes_bias",
	                  spam_lacks ? "spam" : "ham");
}
