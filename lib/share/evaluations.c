/* SPDX-License-Identifier: Apache-2.0 */
/* What `rnm eval --json` has printed, read for those who publish what it is about. */
#include "base/file.h"
#include "base/grow.h"
#include "format/json_load.h"
#include "share/model_evaluation.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Of the texts that are kept: names of files. */
#define ARENA_MAX ((size_t)16 << 20)

struct reading {
	struct rnm_arena *arena;
	struct rnm_evaluations *evaluations;
	size_t cap;
	size_t ordinal; /* of the document, counted from 1 */
};

static enum rnm_status refuse(const struct reading *reading, enum rnm_status status, const char *id,
                              const char *what, struct rnm_error *err)
{
	rnm_error_set(err, status, id, "expected what `rnm eval --json` prints, found %s (document %zu)",
	              what, reading->ordinal);
	rnm_error_set_hint(err, "rnm eval MODEL --spam FILE --ham FILE --json > FILE");
	return status;
}

/* ---- members ---- */

static bool read_decided(struct rnm_members_reader *reader, const json_t *confusion, const char *class_,
                         uint64_t counts[3])
{
	const json_t *object = json_object_get(confusion, class_);

	return rnm_member_count(reader, object, "spam_symbol", &counts[0]) &&
	       rnm_member_count(reader, object, "no_symbol", &counts[1]) &&
	       rnm_member_count(reader, object, "ham_symbol", &counts[2]);
}

static bool read_used(struct rnm_members_reader *reader, const json_t *used, struct rnm_model_evaluation *out)
{
	const json_t *confusion = json_object_get(used, "confusion");
	uint64_t spam[3], ham[3];

	if (!(rnm_member_number(reader, used, "spam_threshold", &out->spam_threshold) &&
	      rnm_member_number(reader, used, "ham_threshold", &out->ham_threshold) &&
	      read_decided(reader, confusion, "spam", spam) && read_decided(reader, confusion, "ham", ham)))
		return false;
	out->confusion = (struct rnm_confusion){
		.spam_as_spam = spam[0],
		.spam_as_none = spam[1],
		.spam_as_ham = spam[2],
		.ham_as_spam = ham[0],
		.ham_as_none = ham[1],
		.ham_as_ham = ham[2],
	};
	return true;
}

static bool read_source(struct rnm_members_reader *reader, const json_t *root, const char *class_,
                        const char **out)
{
	if (!rnm_member_text(reader, json_object_get(root, class_), "file", true, out))
		return false;
	if (*out != NULL)
		*out = rnm_source_name(*out);
	return true;
}

/* The hash says of which model it is; without one it could be any. */
static enum rnm_status check_bound(const struct reading *reading, const json_t *root, struct rnm_error *err)
{
	if (!json_is_object(json_object_get(root, "used")))
		return refuse(reading, RNM_E_MALFORMED, "evaluation.malformed", "something else", err);
	if (!json_is_string(json_object_get(root, "model_hash")))
		return refuse(reading, RNM_E_REFUSED, "evaluation.no-model",
		              "an evaluation that does not say of which model it is, because of --raw or an "
		              "older rnm",
		              err);
	if (!json_is_number(json_object_get(root, "auc")))
		return refuse(reading, RNM_E_REFUSED, "evaluation.one-class",
		              "an evaluation without vectors of spam or without vectors of ham", err);
	return RNM_OK;
}

static enum rnm_status read_one(const struct reading *reading, const json_t *root,
                                struct rnm_model_evaluation *out, struct rnm_error *err)
{
	struct rnm_members_reader reader = { .arena = reading->arena };
	enum rnm_status status = check_bound(reading, root, err);

	if (status != RNM_OK)
		return status;
	*out = (struct rnm_model_evaluation){ .time = 0 };
	if (rnm_member_hash(&reader, root, "model_hash", out->model_hash) &&
	    rnm_member_time(&reader, root, "time", false, &out->time) &&
	    rnm_member_number(&reader, root, "auc", &out->auc) &&
	    read_used(&reader, json_object_get(root, "used"), out) &&
	    read_source(&reader, root, "spam", &out->spam_source) &&
	    read_source(&reader, root, "ham", &out->ham_source) && rnm_model_evaluation_is_good(out))
		return RNM_OK;
	if (reader.no_memory)
		return rnm_error_nomem(err);
	return refuse(reading, RNM_E_MALFORMED, "evaluation.malformed", "figures that are missing or odd",
	              err);
}

/* ---- documents ---- */

static enum rnm_status keep(struct reading *reading, const struct rnm_model_evaluation *one,
                            struct rnm_error *err)
{
	struct rnm_evaluations *evaluations = reading->evaluations;
	struct rnm_model_evaluation *items;

	if (evaluations->count == RNM_EVALUATIONS_MAX)
		return rnm_error_set(err, RNM_E_MALFORMED, "evaluation.malformed",
		                     "expected at most %d evaluations, found more", RNM_EVALUATIONS_MAX);
	items = rnm_grow(evaluations->items, evaluations->count, &reading->cap, sizeof(*items));
	if (items == NULL)
		return rnm_error_nomem(err);
	evaluations->items = items;
	evaluations->items[evaluations->count++] = *one;
	return RNM_OK;
}

static void skip_blanks(struct rnm_bytes *rest)
{
	while (rest->len > 0 && isspace((unsigned char)*rest->data)) {
		rest->data++;
		rest->len--;
	}
}

static enum rnm_status read_next(struct reading *reading, struct rnm_bytes *rest, struct rnm_error *err)
{
	struct rnm_model_evaluation one;
	json_error_t problem = { .position = 0 };
	enum rnm_status status;
	bool no_memory = false;
	json_t *root =
	    rnm_json_load(*rest, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &problem, &no_memory);

	reading->ordinal++;
	if (root == NULL)
		return no_memory ? rnm_error_nomem(err)
		                 : refuse(reading, RNM_E_MALFORMED, "evaluation.malformed", "no JSON", err);
	/* Where the document ends is what libjansson tells of one that it has read. */
	rest->data += problem.position;
	rest->len -= (size_t)problem.position;
	status = read_one(reading, root, &one, err);
	json_decref(root);
	return status == RNM_OK ? keep(reading, &one, err) : status;
}

static enum rnm_status read_all(struct reading *reading, struct rnm_bytes text, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	skip_blanks(&text);
	do {
		status = read_next(reading, &text, err);
		skip_blanks(&text);
	} while (status == RNM_OK && text.len > 0);
	return status;
}

enum rnm_status rnm_evaluations_read(struct rnm_evaluations **out, struct rnm_bytes text,
                                     struct rnm_error *err)
{
	struct reading reading = { .ordinal = 0 };
	struct rnm_evaluations *evaluations = calloc(1, sizeof(*evaluations));
	enum rnm_status status;

	if (evaluations == NULL)
		return rnm_error_nomem(err);
	reading.evaluations = evaluations;
	reading.arena = malloc(sizeof(*reading.arena));
	if (reading.arena == NULL) {
		free(evaluations);
		return rnm_error_nomem(err);
	}
	rnm_arena_init(reading.arena, ARENA_MAX);
	evaluations->owned = reading.arena;
	status = read_all(&reading, text, err);
	if (status == RNM_OK)
		*out = evaluations;
	else
		rnm_evaluations_free(evaluations);
	return status;
}

enum rnm_status rnm_evaluations_load(struct rnm_evaluations **out, const char *path, struct rnm_error *err)
{
	struct rnm_buf text;
	enum rnm_status status;

	rnm_buf_init(&text, RNM_EVALUATIONS_SIZE_MAX + 1);
	status = rnm_file_read(path, &text, RNM_EVALUATIONS_SIZE_MAX, err);
	if (status == RNM_OK) {
		status = rnm_evaluations_read(out, (struct rnm_bytes){ text.data, text.len }, err);
		if (status != RNM_OK)
			rnm_error_at_line(err, path, 0);
	}
	rnm_buf_free(&text);
	return status;
}

void rnm_evaluations_free(struct rnm_evaluations *evaluations)
{
	if (evaluations == NULL)
		return;
	rnm_arena_free(evaluations->owned);
	free(evaluations->owned);
	free(evaluations->items);
	free(evaluations);
}
