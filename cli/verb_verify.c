/* SPDX-License-Identifier: Apache-2.0 */
#include "model_argument.h"
#include "model_findings.h"
#include "output.h"
#include "signature.h"
#include "verbs.h"

#include <string.h>

/* What the verb holds while it works. */
struct verifying {
	struct context context;
	struct model_argument model;
	struct rnm_trust *trust; /* of --key and --trusted */
	struct rnm_signed by;    /* only when signatures are asked for */
	struct rnm_rule *rule;   /* of -r */
	struct rnm_model_list *list;
	struct rnm_verification *verification;
};

/* ---- the rule ---- */

static enum rnm_status need_config(struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_USAGE, "usage.rule", "-r needs a configuration that has the rule");
	rnm_error_set_hint(err, "name it with -c FILE");
	return RNM_E_USAGE;
}

static enum rnm_status ask_redis(struct verifying *v, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (v->context.redis == NULL)
		status = context_connect(&v->context, err);
	if (status == RNM_OK)
		status = rnm_store_list(&v->list, v->context.redis, v->rule, "default", RNM_LIST_ALIVE, err);
	return status;
}

/* The rule of -r, and the models that Redis has for it as far as they are known or asked for. */
static enum rnm_status open_rule(struct verifying *v, struct rnm_verify_options *how, struct rnm_error *err)
{
	const struct options *options = v->context.options;
	const char *name = option_text(options, OPTION_RULE, NULL);
	enum rnm_status status = RNM_OK;

	if (name == NULL)
		return RNM_OK;
	if (v->context.config == NULL)
		status = context_load_config(&v->context, err);
	if (status == RNM_OK && v->context.config == NULL)
		status = need_config(err);
	if (status == RNM_OK)
		status = context_rule(&v->context, name, &v->rule, err);
	if (status != RNM_OK)
		return status;
	how->rule = v->rule;
	how->config = v->context.config;
	if (v->model.list != NULL && strcmp(v->model.rule->prefix, v->rule->prefix) == 0) {
		how->list = v->model.list;
		how->index = (size_t)(v->model.model - v->model.list->models);
	} else if (option_given(options, OPTION_LIVE)) {
		status = ask_redis(v, err);
		how->list = v->list;
	}
	return status;
}

/* ---- text ---- */

static void text_checks(struct rnm_buf *out, const struct rnm_verification *verification)
{
	static const enum color colors[] = { COLOR_DIM, COLOR_GREEN, COLOR_YELLOW, COLOR_RED };
	size_t next = 0;

	for (size_t i = 0; i < RNM_CHECK_COUNT; i++) {
		const struct rnm_check_result *result = &verification->checks[i];

		rnm_buf_printf(out, "  %-11s %s%-8s%s ", rnm_check_name((enum rnm_check)i),
		               output_color(colors[result->state]), rnm_check_state_name(result->state),
		               output_color(COLOR_NONE));
		output_escape(out, result->summary, strlen(result->summary), ESCAPE_ALL);
		rnm_buf_putc(out, '\n');
		for (; next < verification->finding_count && verification->findings[next].check == i; next++)
			text_model_finding(out, "    ", &verification->findings[next]);
	}
}

static void put_count(struct rnm_buf *out, size_t count, const char *noun)
{
	rnm_buf_printf(out, "%zu %s%s", count, noun, count == 1 ? "" : "s");
}

/* The verdict: what the exit code says too. */
static void text_verdict(struct rnm_buf *out, const struct verifying *v, bool accepted)
{
	const struct rnm_verification *verification = v->verification;

	rnm_buf_printf(out, "%s%s%s", output_color(accepted ? COLOR_GREEN : COLOR_RED),
	               v->rule != NULL ? accepted ? "usable" : "not usable"
	               : accepted      ? "sound"
	                               : "not sound",
	               output_color(COLOR_NONE));
	if (v->rule != NULL) {
		rnm_buf_puts(out, " for the rule ");
		output_name(out, v->rule->name);
	}
	if (verification->problems + verification->warnings > 0)
		rnm_buf_puts(out, ": ");
	if (verification->problems > 0)
		put_count(out, verification->problems, "problem");
	if (verification->problems > 0 && verification->warnings > 0)
		rnm_buf_puts(out, ", ");
	if (verification->warnings > 0)
		put_count(out, verification->warnings, "warning");
	rnm_buf_putc(out, '\n');
}

static bool print_text(const struct verifying *v, bool accepted)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	rnm_buf_puts(&out, output_color(COLOR_BOLD));
	output_escape(&out, v->model.text, strlen(v->model.text), ESCAPE_ALL);
	rnm_buf_printf(&out, "%s: %s, ", output_color(COLOR_NONE), model_kind_text(v->model.file));
	output_size(&out, v->model.file->container->file_size);
	rnm_buf_putc(&out, '\n');
	if (v->by.signer != NULL)
		signature_text(&out, &v->by);
	text_checks(&out, v->verification);
	text_verdict(&out, v, accepted);
	return output_buffer(&out);
}

/* ---- JSON ---- */

static bool print_json(const struct verifying *v, bool accepted)
{
	const struct rnm_verification *verification = v->verification;
	struct rnm_buf out;
	struct rnm_json json;

	rnm_buf_init(&out, OUTPUT_MAX);
	rnm_json_init(&json, &out, false);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "file", v->model.text);
	rnm_json_kv_string(&json, "rule", v->rule != NULL ? v->rule->name : NULL);
	rnm_json_kv_bool(&json, "accepted", accepted);
	signature_json(&json, v->by.signer != NULL ? &v->by : NULL);
	rnm_json_key(&json, "checks");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < RNM_CHECK_COUNT; i++) {
		rnm_json_begin_object(&json);
		rnm_json_kv_string(&json, "check", rnm_check_name((enum rnm_check)i));
		rnm_json_kv_string(&json, "state", rnm_check_state_name(verification->checks[i].state));
		rnm_json_kv_string(&json, "summary", verification->checks[i].summary);
		rnm_json_end_object(&json);
	}
	rnm_json_end_array(&json);
	rnm_json_kv_uint(&json, "problems", verification->problems);
	rnm_json_kv_uint(&json, "warnings", verification->warnings);
	json_model_findings(&json, verification);
	rnm_json_end_object(&json);
	return output_json(&out);
}

/* ---- the verb ---- */

/* Signatures first: bytes that are not proven are not even looked into. */
static enum rnm_status open_signed(struct verifying *v, struct rnm_error *err)
{
	const struct options *options = v->context.options;
	const char *path = options->operands[0];
	enum rnm_status status = signature_open(&v->model.file, &v->by, &v->trust, path, options, err);

	v->model.text = path;
	return status == RNM_OK ? signature_fits(&v->by, path, v->model.file, options, err) : status;
}

static enum rnm_status verify(struct verifying *v, struct rnm_error *err)
{
	struct rnm_verify_options how = { .index = SIZE_MAX };
	const struct options *options = v->context.options;
	enum rnm_status status = trust_asked(options)
	                             ? open_signed(v, err)
	                             : model_argument_open(&v->model, &v->context, options->operands[0], err);

	if (status == RNM_OK)
		status = open_rule(v, &how, err);
	if (status == RNM_OK)
		status = rnm_model_verify(&v->verification, v->model.file, &how, err);
	/* That there are problems is an answer. */
	return status == RNM_NO ? RNM_OK : status;
}

static int print_answer(const struct verifying *v)
{
	const struct options *options = v->context.options;
	bool accepted = v->verification->problems == 0 &&
	                (v->verification->warnings == 0 || !option_given(options, OPTION_STRICT));
	bool printed = option_given(options, OPTION_JSON) ? print_json(v, accepted) : print_text(v, accepted);

	if (!printed)
		return RNM_E_IO;
	return accepted ? RNM_OK : RNM_NO;
}

static int check_usage(const struct options *options)
{
	const char *model = options->operand_count > 0 ? options->operands[0] : NULL;

	if (model == NULL)
		return output_usage_error("rnm verify FILE, or - for standard input",
		                          "which model to verify is missing");
	if (option_given(options, OPTION_LIVE) && !option_given(options, OPTION_RULE))
		return output_usage_error("rnm verify FILE -r RULE --live",
		                          "--live compares with the models of a rule: name it");
	if (!trust_asked(options) &&
	    (option_given(options, OPTION_NAME) || option_given(options, OPTION_RAW_SIGNATURE)))
		return output_usage_error("rnm verify FILE --key PUB, or --trusted DIR",
		                          "whose signature is wanted is missing");
	if (trust_asked(options) &&
	    (strcmp(model, "-") == 0 || strncmp(model, MODEL_REDIS_SCHEME, strlen(MODEL_REDIS_SCHEME)) == 0))
		return output_usage_error("rnm verify FILE --key PUB",
		                          "signatures stand beside files, and %s is none", model);
	return RNM_OK;
}

int verb_verify(const struct options *options)
{
	struct verifying v = { 0 };
	struct rnm_error err;
	enum rnm_status status;
	int code = check_usage(options);

	if (code != RNM_OK)
		return code;
	status = context_open(&v.context, options, &err);
	if (status == RNM_OK)
		status = verify(&v, &err);
	code = status == RNM_OK ? print_answer(&v) : output_error(&err);
	rnm_verification_free(v.verification);
	rnm_model_list_free(v.list);
	rnm_rule_free(v.rule);
	model_argument_free(&v.model);
	rnm_trust_free(v.trust);
	context_free(&v.context);
	return code;
}
