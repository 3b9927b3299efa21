/* SPDX-License-Identifier: Apache-2.0 */
/* What score and eval share: a model made ready, and vectors of a file that go through it. */
#ifndef RNM_CLI_SCORING_H
#define RNM_CLI_SCORING_H

#include "model_argument.h"

struct scoring {
	struct context context;
	struct model_argument model;
	struct rnm_rule *own_rule;   /* of -r */
	const struct rnm_rule *rule; /* whose options decide; NULL: nobody's */
	struct rnm_decision decision;
	struct rnm_scorer *scorer;
};

/*
 * Opens the model that the operand names, with the matrix of --pca, and finds what decides about symbols.
 * A model that is unfit fails with RNM_E_MALFORMED.
 */
RNM_MUST_CHECK enum rnm_status scoring_open(struct scoring *scoring, const struct options *options,
                                            struct rnm_error *err);
void scoring_free(struct scoring *scoring);
/* What is odd about the way in which symbols are decided, on stderr. */
void scoring_notes(const struct scoring *scoring);

/* One answer.  The outputs are those of the vector; id.data is NULL when it has none. */
struct scoring_answer {
	uint64_t line;
	enum rnm_vector_id id_kind;
	struct rnm_bytes id;
	const float *outputs;
	size_t output_count;
};
/* Takes answers in the order of the vectors. */
typedef enum rnm_status scoring_sink(void *ctx, const struct scoring_answer *answer, struct rnm_error *err);

struct scoring_run {
	struct scoring *scoring;
	const char *path; /* - for standard input */
	scoring_sink *sink;
	void (*waiting)(void *ctx); /* called before the input makes us wait; may be NULL */
	void *ctx;
	bool show_progress;
	/* Results. */
	uint64_t scored;
	uint64_t skipped; /* only with --keep-going */
};
/*
 * Scores a file.  The first vector that is none ends it with its error, behind the answers before it; with
 * --keep-going it is reported, counted and skipped.
 */
RNM_MUST_CHECK enum rnm_status scoring_run(struct scoring_run *run, struct rnm_error *err);
/* "skipped 3 of 100 vectors of FILE", when some were. */
void scoring_skipped_note(const struct scoring_run *run);

/* The arguments of --format. */
extern const char *const scoring_formats[];
extern const size_t scoring_format_count;

/* What only these verbs can know about their options; 0 when all is well. */
int scoring_check_options(const struct options *options, const char *const *paths, size_t path_count);

#endif
