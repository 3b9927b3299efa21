/* SPDX-License-Identifier: Apache-2.0 */
/* The list of findings, and the order in which it is filled. */
#include "store/verify.h"

#include "store/model_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rnm_finding_kind own_kinds[] = {
#define FINDING(symbol, id, severity, meaning) { id, RNM_SEVERITY_##severity, meaning },
#include "store/findings.def"
#undef FINDING
};

static const struct rnm_finding_kind format_kinds[] = {
#define FINDING(symbol, id, severity, meaning) { id, RNM_SEVERITY_##severity, meaning },
#include "format/findings.def"
#undef FINDING
};

static const struct rnm_finding_kind *find_kind(const struct rnm_finding_kind *kinds, size_t count,
                                                const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(kinds[i].id, id) == 0)
			return &kinds[i];
	return NULL;
}

const struct rnm_finding_kind *rnm_model_finding_kind(const char *id)
{
	const struct rnm_finding_kind *kind =
	    find_kind(own_kinds, sizeof(own_kinds) / sizeof(own_kinds[0]), id);

	if (kind == NULL)
		kind = find_kind(format_kinds, sizeof(format_kinds) / sizeof(format_kinds[0]), id);
	for (size_t i = 0; kind == NULL; i++) {
		kind = rnm_network_finding_kind(i);
		if (kind == NULL || strcmp(kind->id, id) == 0)
			return kind;
		kind = NULL;
	}
	return kind;
}

const char *rnm_check_name(enum rnm_check check)
{
	static const char *const names[RNM_CHECK_COUNT] = {
		[RNM_CHECK_CONTAINER] = "container",   [RNM_CHECK_FRAMES] = "frames",
		[RNM_CHECK_NETWORK] = "network",       [RNM_CHECK_PCA] = "pca",
		[RNM_CHECK_DIMENSIONS] = "dimensions", [RNM_CHECK_THRESHOLDS] = "thresholds",
		[RNM_CHECK_ANSWERS] = "answers",       [RNM_CHECK_RULE] = "rule",
	};

	return names[check];
}

const char *rnm_check_state_name(enum rnm_check_state state)
{
	static const char *const names[] = { "skipped", "ok", "warning", "problem" };

	return names[state];
}

/* ---- findings ----------------------------------------------------------------------------------- */

static void count_finding(struct rnm_verifying *v, const struct rnm_model_finding *finding)
{
	struct rnm_check_result *result = &v->result->checks[v->check];

	if (finding->severity == RNM_SEVERITY_WARNING) {
		v->result->warnings++;
		if (result->state < RNM_CHECK_WARNING)
			result->state = RNM_CHECK_WARNING;
		return;
	}
	v->result->problems++;
	result->state = RNM_CHECK_PROBLEM;
	if (v->first.status != RNM_OK)
		return;
	rnm_error_set(&v->first, RNM_NO, finding->id, "%s", finding->text);
	if (finding->has_offset)
		rnm_error_at_offset(&v->first, NULL, finding->offset);
	if (finding->hint != NULL)
		rnm_error_set_hint(&v->first, "%s", finding->hint);
}

/* Takes text and hint over. */
static void add(struct rnm_verifying *v, struct rnm_model_finding finding)
{
	struct rnm_verification *result = v->result;
	struct rnm_model_finding *grown;

	finding.check = v->check;
	grown = finding.text != NULL
	            ? reallocarray(result->findings, result->finding_count + 1, sizeof(*grown))
	            : NULL;
	if (grown == NULL) {
		v->no_memory = true;
		free(finding.text);
		free(finding.hint);
		return;
	}
	result->findings = grown;
	grown[result->finding_count++] = finding;
	count_finding(v, &finding);
}

void rnm_verify_find(struct rnm_verifying *v, enum rnm_verify_code code, const char *part, const char *fmt,
                     ...)
{
	struct rnm_model_finding finding = { .id = own_kinds[code].id,
		                             .severity = own_kinds[code].severity,
		                             .part = part,
		                             .node = RNM_NO_NODE };
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&finding.text, fmt, args) < 0)
		finding.text = NULL;
	va_end(args);
	add(v, finding);
}

void rnm_verify_take(struct rnm_verifying *v, const char *part, const struct rnm_error *err)
{
	const struct rnm_finding_kind *kind = rnm_model_finding_kind(err->id);

	add(v, (struct rnm_model_finding){
		   .id = kind != NULL ? kind->id : "",
		   /* Who hands on an error calls it a problem, whatever else the id may stand for. */
		   .severity = kind != NULL && kind->severity != RNM_SEVERITY_WARNING ? kind->severity
	                                                                              : RNM_SEVERITY_UNFIT,
		   .part = part,
		   .node = RNM_NO_NODE,
		   .has_offset = err->has_offset,
		   .offset = err->offset,
		   .text = strdup(err->message),
		   .hint = err->hint[0] != '\0' ? strdup(err->hint) : NULL,
	       });
}

RNM_PRINTF(2, 0)
static void summarise(struct rnm_verifying *v, const char *fmt, va_list args)
{
	struct rnm_check_result *result = &v->result->checks[v->check];

	free(result->summary);
	if (vasprintf(&result->summary, fmt, args) < 0) {
		result->summary = NULL;
		v->no_memory = true;
	}
}

void rnm_verify_saw(struct rnm_verifying *v, const char *fmt, ...)
{
	struct rnm_check_result *result = &v->result->checks[v->check];
	va_list args;

	va_start(args, fmt);
	summarise(v, fmt, args);
	va_end(args);
	if (result->state == RNM_CHECK_SKIPPED)
		result->state = RNM_CHECK_OK;
}

RNM_PRINTF(2, 3)
static void summarise_as(struct rnm_verifying *v, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	summarise(v, fmt, args);
	va_end(args);
}

void rnm_verify_skip(struct rnm_verifying *v, const char *why)
{
	summarise_as(v, "%s", why);
}

/* ---- container and network, whose findings were made when the model was opened -------------------- */

static void take_remark(struct rnm_verifying *v, const struct rnm_finding *remark)
{
	const struct rnm_finding_kind *kind = rnm_model_finding_kind(remark->id);

	/* Profiles in Redis of rules without providers have no digest, and workers want none. */
	if (kind == NULL || ((v->file->kind == RNM_MODEL_REDIS || v->options->for_redis) &&
	                     strcmp(remark->id, "rnm1.no-digest") == 0))
		return;
	add(v, (struct rnm_model_finding){ .id = kind->id,
	                                   .severity = kind->severity,
	                                   .part = "container",
	                                   .node = RNM_NO_NODE,
	                                   .text = strdup(remark->text) });
}

void rnm_verify_container(struct rnm_verifying *v)
{
	const struct rnm_rnm1 *container = v->file->container;

	if (v->file->kind == RNM_MODEL_KANN) {
		rnm_verify_skip(v, "a bare network");
		return;
	}
	rnm_verify_saw(v, "%s",
	               v->file->kind == RNM_MODEL_REDIS ? "the fields of a hash in Redis"
	               : container->compressed          ? "RNM1, compressed as a whole"
	                                                : "RNM1");
	for (size_t i = 0; i < container->finding_count; i++)
		take_remark(v, &container->findings[i]);
}

static bool is_prefix(const char *prefix, const char *text)
{
	return strncmp(prefix, text, strlen(prefix)) == 0;
}

void rnm_verify_frames(struct rnm_verifying *v)
{
	const struct rnm_model_file *file = v->file;

	if (file->container->ann.len == 0) {
		rnm_verify_skip(v, "a network that is not compressed");
		return;
	}
	rnm_verify_saw(v, "%llu bytes of network%s", (unsigned long long)file->ann_expanded,
	               file->pca_expanded > 0 ? " and a PCA matrix" : "");
	if (is_prefix("frame.", file->ann_problem.id) || is_prefix("zstd.", file->ann_problem.id))
		rnm_verify_take(v, "ann_data", &file->ann_problem);
	if (is_prefix("frame.", file->pca_problem.id) || is_prefix("zstd.", file->pca_problem.id))
		rnm_verify_take(v, "pca_data", &file->pca_problem);
}

/* The validator's list may be full before the finding that decided: that one is never left out. */
static void take_network_findings(struct rnm_verifying *v)
{
	const struct rnm_model_file *file = v->file;
	bool decided = !is_prefix("kann.", file->ann_problem.id);

	for (size_t i = 0; i < file->finding_count; i++) {
		const struct rnm_network_finding *finding = &file->findings[i];

		decided |= strcmp(finding->id, file->ann_problem.id) == 0;
		add(v, (struct rnm_model_finding){ .id = finding->id,
		                                   .severity = finding->severity,
		                                   .part = "ann_data",
		                                   .node = finding->node,
		                                   .has_offset = true,
		                                   .offset = finding->offset,
		                                   .text = strdup(finding->text) });
	}
	if (!decided)
		rnm_verify_take(v, "ann_data", &file->ann_problem);
}

void rnm_verify_network(struct rnm_verifying *v)
{
	const struct rnm_network *network = v->file->network;

	if (v->file->ann_expanded == 0) {
		rnm_verify_skip(v, "cannot be read");
		return;
	}
	rnm_verify_saw(v, "%llu bytes", (unsigned long long)v->file->ann_expanded);
	take_network_findings(v);
	if (network == NULL)
		return;
	rnm_verify_saw(v, "%u nodes, %llu parameters", rnm_network_node_count(network),
	               (unsigned long long)rnm_network_variable_count(network));
	if (rnm_network_architecture(network) == RNM_ARCHITECTURE_OTHER)
		rnm_verify_find(v, RNM_VERIFY_ARCHITECTURE, "ann_data",
		                "expected one of the architectures that rspamd builds, found another graph: "
		                "made by another program, or damaged");
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static enum rnm_status run(struct rnm_verifying *v, struct rnm_error *err)
{
	static void (*const checks[])(struct rnm_verifying * v) = {
		[RNM_CHECK_CONTAINER] = rnm_verify_container,
		[RNM_CHECK_FRAMES] = rnm_verify_frames,
		[RNM_CHECK_NETWORK] = rnm_verify_network,
		[RNM_CHECK_PCA] = rnm_verify_pca,
		[RNM_CHECK_DIMENSIONS] = rnm_verify_dimensions,
		[RNM_CHECK_THRESHOLDS] = rnm_verify_thresholds,
		[RNM_CHECK_ANSWERS] = rnm_verify_answers,
	};
	enum rnm_status status = RNM_OK;

	for (v->check = RNM_CHECK_CONTAINER; v->check < RNM_CHECK_RULE; v->check++)
		checks[v->check](v);
	if (v->options->rule != NULL)
		status = rnm_verify_rule(v, err);
	else
		rnm_verify_skip(v, "none was named");
	for (size_t i = 0; i < RNM_CHECK_COUNT; i++)
		v->no_memory |= v->result->checks[i].summary == NULL;
	if (status == RNM_OK && v->no_memory)
		status = rnm_error_nomem(err);
	return status;
}

enum rnm_status rnm_model_verify(struct rnm_verification **out, const struct rnm_model_file *file,
                                 const struct rnm_verify_options *options, struct rnm_error *err)
{
	if (rnm_model_file_is_unread(file))
		return rnm_error_set(err, RNM_E_USAGE, "model.unread",
		                     "expected a model whose network has been looked at, found one of "
		                     "rnm_model_file_open_once");
	return rnm_model_verify_known(out, file, options, err);
}

enum rnm_status rnm_model_verify_known(struct rnm_verification **out, const struct rnm_model_file *file,
                                       const struct rnm_verify_options *options, struct rnm_error *err)
{
	static const struct rnm_verify_options none = { .index = SIZE_MAX };
	struct rnm_verifying *v = calloc(1, sizeof(*v));
	enum rnm_status status;

	if (v == NULL)
		return rnm_error_nomem(err);
	v->file = file;
	v->options = options != NULL ? options : &none;
	v->result = calloc(1, sizeof(*v->result));
	status = v->result != NULL ? run(v, err) : rnm_error_nomem(err);
	if (status != RNM_OK) {
		rnm_verification_free(v->result);
	} else {
		*out = v->result;
		status = v->first.status;
		if (err != NULL && status != RNM_OK)
			*err = v->first;
	}
	free(v);
	return status;
}

void rnm_verification_free(struct rnm_verification *verification)
{
	if (verification == NULL)
		return;
	for (size_t i = 0; i < verification->finding_count; i++) {
		free(verification->findings[i].text);
		free(verification->findings[i].hint);
	}
	free(verification->findings);
	for (size_t i = 0; i < RNM_CHECK_COUNT; i++)
		free(verification->checks[i].summary);
	free(verification);
}
