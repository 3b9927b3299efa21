/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"
#include "scoring.h"
#include "verbs.h"

#include <unistd.h>

/* Answers are collected to this size before they are handed to stdout; one is never larger. */
#define ANSWERS_MAX ((size_t)64 << 20)
#define ANSWERS_FLUSH ((size_t)64 << 10)

struct printer {
	const struct scoring *scoring;
	struct rnm_json json;
	struct rnm_buf text;
};

static void write_id(struct rnm_json *json, const struct scoring_answer *answer)
{
	rnm_json_key(json, "id");
	if (answer->id_kind == RNM_VECTOR_ID_TEXT)
		rnm_json_string_n(json, answer->id);
	else if (answer->id_kind == RNM_VECTOR_ID_NUMBER)
		rnm_json_raw(json, answer->id);
	else
		rnm_json_uint(json, answer->line);
}

static void write_answer(struct rnm_json *json, const struct rnm_decision *decision,
                         const struct scoring_answer *answer)
{
	const double score = (double)answer->outputs[0];
	const enum rnm_class class_ = rnm_decide(decision, score);

	rnm_json_begin_object(json);
	write_id(json, answer);
	rnm_json_key(json, "output");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < answer->output_count; i++)
		rnm_json_float(json, answer->outputs[i]);
	rnm_json_end_array(json);
	rnm_json_key(json, "score");
	rnm_json_float(json, answer->outputs[0]);
	rnm_json_kv_string(json, "symbol", rnm_decision_symbol(decision, class_));
	rnm_json_key(json, "weight");
	if (class_ == RNM_CLASS_NONE)
		rnm_json_null(json);
	else
		rnm_json_float(json, (float)rnm_decision_weight(decision, score));
	rnm_json_end_object(json);
}

/* Hands over what is written.  Once nobody reads any more there is no point in going on. */
static enum rnm_status hand_over(struct printer *printer, struct rnm_error *err)
{
	if (printer->text.failed || (printer->text.len > 0 && !output_buffer(&printer->text)))
		return rnm_error_nomem(err);
	if (ferror(stdout) != 0)
		return rnm_error_set(err, RNM_E_IO, "score.write", "cannot write to standard output");
	return RNM_OK;
}

static enum rnm_status print_answer(void *ctx, const struct scoring_answer *answer, struct rnm_error *err)
{
	struct printer *printer = ctx;
	struct rnm_buf line;

	rnm_buf_init(&line, ANSWERS_MAX);
	rnm_json_init(&printer->json, &line, false);
	write_answer(&printer->json, &printer->scoring->decision, answer);
	rnm_buf_putc(&line, '\n');
	output_escape_json(&printer->text, rnm_buf_cstr(&line), line.len);
	printer->text.failed = printer->text.failed || line.failed;
	rnm_buf_free(&line);
	return printer->text.len >= ANSWERS_FLUSH || printer->text.failed ? hand_over(printer, err) : RNM_OK;
}

/* Somebody may be waiting for the answers to what he sent, before he sends more. */
static void flush_answers(void *ctx)
{
	struct printer *printer = ctx;
	struct rnm_error unused;

	(void)!hand_over(printer, &unused);
	output_flush();
}

static int finish(struct printer *printer, enum rnm_status status, const struct scoring_run *run,
                  struct rnm_error *err)
{
	struct rnm_error last;

	if (hand_over(printer, &last) != RNM_OK && status == RNM_OK) {
		status = last.status;
		*err = last;
	}
	output_flush();
	scoring_skipped_note(run);
	/* main() says what happened to stdout. */
	if (status != RNM_OK && ferror(stdout) == 0)
		return output_error(err);
	return run->skipped > 0 ? RNM_NO : RNM_OK;
}

int verb_score(const struct options *options)
{
	const char *path = option_text(options, OPTION_VECTORS, "-");
	struct scoring scoring;
	struct printer printer = { .scoring = &scoring };
	struct scoring_run run = { .scoring = &scoring,
		                   .path = path,
		                   .sink = print_answer,
		                   .waiting = flush_answers,
		                   .ctx = &printer };
	struct rnm_error err;
	enum rnm_status status;
	int code = scoring_check_options(options, &path, 1);

	if (code != RNM_OK)
		return code;
	rnm_buf_init(&printer.text, ANSWERS_MAX);
	run.show_progress = isatty(STDOUT_FILENO) != 1;
	status = scoring_open(&scoring, options, &err);
	if (status == RNM_OK) {
		scoring_notes(&scoring);
		status = scoring_run(&run, &err);
	}
	code = finish(&printer, status, &run, &err);
	rnm_buf_free(&printer.text);
	scoring_free(&scoring);
	return code;
}
