/* SPDX-License-Identifier: Apache-2.0 */
#include "share/model_evaluation.h"

#include <math.h>
#include <string.h>

/* ---- what it is ---- */

uint64_t rnm_confusion_spam(const struct rnm_confusion *confusion)
{
	return confusion->spam_as_spam + confusion->spam_as_none + confusion->spam_as_ham;
}

uint64_t rnm_confusion_ham(const struct rnm_confusion *confusion)
{
	return confusion->ham_as_spam + confusion->ham_as_none + confusion->ham_as_ham;
}

static bool counts_are_good(const struct rnm_confusion *confusion)
{
	const uint64_t counts[] = { confusion->spam_as_spam, confusion->spam_as_none, confusion->spam_as_ham,
		                    confusion->ham_as_spam,  confusion->ham_as_none,  confusion->ham_as_ham };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i] > RNM_EVALUATION_MAX)
			return false;
	return rnm_confusion_spam(confusion) > 0 && rnm_confusion_ham(confusion) > 0;
}

static bool source_is_good(const char *source)
{
	return source == NULL || strlen(source) <= RNM_EVALUATION_SOURCE_MAX;
}

bool rnm_model_evaluation_is_good(const struct rnm_model_evaluation *evaluation)
{
	return evaluation->time >= 0 && evaluation->auc >= 0 && evaluation->auc <= 1 &&
	       isfinite(evaluation->spam_threshold) && isfinite(evaluation->ham_threshold) &&
	       counts_are_good(&evaluation->confusion) && source_is_good(evaluation->spam_source) &&
	       source_is_good(evaluation->ham_source);
}

static bool same_number(double a, double b)
{
	return !(a < b || a > b);
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_counts(const struct rnm_confusion *a, const struct rnm_confusion *b)
{
	return a->spam_as_spam == b->spam_as_spam && a->spam_as_none == b->spam_as_none &&
	       a->spam_as_ham == b->spam_as_ham && a->ham_as_spam == b->ham_as_spam &&
	       a->ham_as_none == b->ham_as_none && a->ham_as_ham == b->ham_as_ham;
}

bool rnm_model_evaluation_equal(const struct rnm_model_evaluation *a, const struct rnm_model_evaluation *b)
{
	return strcmp(a->model_hash, b->model_hash) == 0 && a->time == b->time &&
	       same_number(a->auc, b->auc) && same_number(a->spam_threshold, b->spam_threshold) &&
	       same_number(a->ham_threshold, b->ham_threshold) && same_counts(&a->confusion, &b->confusion) &&
	       same_text(a->spam_source, b->spam_source) && same_text(a->ham_source, b->ham_source);
}

static bool copy_text(struct rnm_arena *arena, const char **text)
{
	if (*text != NULL)
		*text = rnm_arena_strndup(arena, *text, strlen(*text));
	return *text != NULL;
}

const struct rnm_model_evaluation *rnm_model_evaluation_copy(struct rnm_arena *arena,
                                                             const struct rnm_model_evaluation *evaluation)
{
	struct rnm_model_evaluation *copy = rnm_arena_alloc(arena, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *evaluation;
	if ((evaluation->spam_source != NULL && !copy_text(arena, &copy->spam_source)) ||
	    (evaluation->ham_source != NULL && !copy_text(arena, &copy->ham_source)))
		return NULL;
	return copy;
}

const char *rnm_source_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (strcmp(path, "-") == 0)
		return "standard input";
	return slash != NULL ? slash + 1 : path;
}

/* ---- as JSON ---- */

void rnm_json_model_evaluation(struct rnm_json *json, const struct rnm_model_evaluation *evaluation)
{
	const struct rnm_confusion *confusion;

	if (evaluation == NULL) {
		rnm_json_null(json);
		return;
	}
	confusion = &evaluation->confusion;
	rnm_json_begin_object(json);
	rnm_json_kv_double(json, "auc", evaluation->auc);
	rnm_json_kv_uint(json, "ham", rnm_confusion_ham(confusion));
	rnm_json_kv_uint(json, "ham_as_ham", confusion->ham_as_ham);
	rnm_json_kv_uint(json, "ham_as_spam", confusion->ham_as_spam);
	rnm_json_kv_string(json, "ham_source", evaluation->ham_source);
	rnm_json_kv_double(json, "ham_threshold", evaluation->ham_threshold);
	rnm_json_kv_string(json, "model_hash", evaluation->model_hash);
	rnm_json_kv_uint(json, "spam", rnm_confusion_spam(confusion));
	rnm_json_kv_uint(json, "spam_as_ham", confusion->spam_as_ham);
	rnm_json_kv_uint(json, "spam_as_spam", confusion->spam_as_spam);
	rnm_json_kv_string(json, "spam_source", evaluation->spam_source);
	rnm_json_kv_double(json, "spam_threshold", evaluation->spam_threshold);
	rnm_json_kv_int(json, "time", evaluation->time);
	rnm_json_end_object(json);
}

/* The six numbers from four and their two sums. */
static bool read_counts(struct rnm_members_reader *reader, const json_t *object, struct rnm_confusion *out)
{
	uint64_t spam, ham;

	*out = (struct rnm_confusion){ 0 };
	if (!(rnm_member_count(reader, object, "spam", &spam) &&
	      rnm_member_count(reader, object, "ham", &ham) &&
	      rnm_member_count(reader, object, "spam_as_spam", &out->spam_as_spam) &&
	      rnm_member_count(reader, object, "spam_as_ham", &out->spam_as_ham) &&
	      rnm_member_count(reader, object, "ham_as_spam", &out->ham_as_spam) &&
	      rnm_member_count(reader, object, "ham_as_ham", &out->ham_as_ham)))
		return false;
	/* None can wrap around: a count of JSON has 63 bits. */
	if (spam < out->spam_as_spam + out->spam_as_ham || ham < out->ham_as_spam + out->ham_as_ham) {
		reader->wrong = "evaluation";
		return false;
	}
	out->spam_as_none = spam - out->spam_as_spam - out->spam_as_ham;
	out->ham_as_none = ham - out->ham_as_spam - out->ham_as_ham;
	return true;
}

bool rnm_model_evaluation_read(struct rnm_members_reader *reader, const json_t *object,
                               const struct rnm_model_evaluation **out)
{
	struct rnm_model_evaluation *evaluation = rnm_arena_alloc(reader->arena, sizeof(*evaluation));

	if (evaluation == NULL) {
		reader->no_memory = true;
		return false;
	}
	if (!(rnm_member_number(reader, object, "auc", &evaluation->auc) &&
	      rnm_member_number(reader, object, "spam_threshold", &evaluation->spam_threshold) &&
	      rnm_member_number(reader, object, "ham_threshold", &evaluation->ham_threshold) &&
	      rnm_member_text(reader, object, "spam_source", true, &evaluation->spam_source) &&
	      rnm_member_text(reader, object, "ham_source", true, &evaluation->ham_source) &&
	      rnm_member_hash(reader, object, "model_hash", evaluation->model_hash) &&
	      rnm_member_time(reader, object, "time", false, &evaluation->time) &&
	      read_counts(reader, object, &evaluation->confusion)))
		return false;
	if (!rnm_model_evaluation_is_good(evaluation)) {
		reader->wrong = "evaluation";
		return false;
	}
	*out = evaluation;
	return true;
}
