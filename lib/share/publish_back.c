/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in the tree is published again: as it was once, or signed anew. */
#include "share/taking.h"

#include <stdio.h>
#include <string.h>

/* ---- going back ---- */

static enum rnm_status no_such(const char *name, const char *what, struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_NOT_FOUND, "publish.none", "%s: %s", name, what);
}

static bool is_meant(const struct rnm_publication *publication, const char *which)
{
	char version[24];

	(void)snprintf(version, sizeof(version), "%llu",
	               (unsigned long long)publication->model.model_version);
	return strcmp(which, version) == 0 || strcmp(which, publication->model.blake2b) == 0;
}

static enum rnm_status find_old(const struct rnm_publication **out, const struct rnm_alias *alias,
                                const char *name, const char *which, struct rnm_error *err)
{
	const struct rnm_publication *old = alias->newest->older;

	if (which != NULL && is_meant(alias->newest, which))
		return rnm_error_set(err, RNM_E_REFUSED, "publish.version", "%s has version %llu now", name,
		                     (unsigned long long)alias->newest->model.model_version);
	while (old != NULL && which != NULL && !is_meant(old, which))
		old = old->older;
	if (old == NULL)
		return no_such(name,
		               which != NULL ? "no earlier publication has this version or hash"
		                             : "there is no earlier publication to go back to",
		               err);
	if (old->dropped)
		return no_such(name, "the object of that publication is no longer kept (--keep)", err);
	*out = old;
	return RNM_OK;
}

static enum rnm_status take_old(struct rnm_publisher *publisher, const struct rnm_publication *old,
                                const struct rnm_buf *bytes, struct rnm_taking *taking,
                                struct rnm_publish_outcome *outcome, struct rnm_error *err)
{
	struct rnm_model_file *file = NULL;
	enum rnm_status status = rnm_model_file_read(&file, bytes->data, bytes->len, old->model.blake2b, err);

	taking->file = file;
	taking->evaluation = old->model.evaluation;
	memcpy(taking->entry.from, old->model.blake2b, sizeof(taking->entry.from));
	if (status == RNM_OK)
		status = rnm_taking_run(publisher, taking, outcome, err);
	if (status == RNM_OK)
		outcome->old_version = old->model.model_version;
	rnm_model_file_free(file);
	return status;
}

enum rnm_status rnm_publisher_rollback(struct rnm_publisher *publisher, const char *which,
                                       const struct rnm_publish_request *request,
                                       struct rnm_publish_outcome *outcome, struct rnm_error *err)
{
	const struct rnm_alias *alias = rnm_history_alias(publisher->history, request->name);
	const struct rnm_publication *old = NULL;
	struct rnm_taking taking = {
		.name = request->name,
		.created_at = publisher->now,
		.entry.kind = RNM_ENTRY_ROLLBACK,
	};
	struct rnm_buf bytes;
	enum rnm_status status;

	if (alias == NULL)
		return no_such(request->name, "no model of this name was published here", err);
	status = find_old(&old, alias, request->name, which, err);
	if (status != RNM_OK || old == NULL)
		return status;
	taking.version =
	    request->version > 0 ? request->version : (double)alias->newest->model.model_version + 1;
	rnm_buf_init(&bytes, RNM_OBJECT_MAX + 1);
	status = rnm_object_read(publisher, old->model.blake2b, &bytes, err);
	if (status == RNM_OK)
		status = rnm_object_check_ours(publisher, &old->model,
		                               (struct rnm_bytes){ bytes.data, bytes.len }, err);
	if (status == RNM_OK)
		status = take_old(publisher, old, &bytes, &taking, outcome, err);
	rnm_buf_free(&bytes);
	return status;
}

/* ---- renewing ---- */

static enum rnm_status no_key(struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_USAGE, "publish.renew",
	                     "there is no key to sign with, and nothing else can be renewed");
}

enum rnm_status rnm_publisher_renew(struct rnm_publisher *publisher, const char *name,
                                    struct rnm_publish_outcome *outcome, struct rnm_error *err)
{
	struct rnm_taking taking = { .name = name, .entry.time = publisher->now };
	struct rnm_buf bytes;
	enum rnm_status status;

	taking.alias = rnm_history_alias(publisher->history, name);
	if (publisher->options.key == NULL)
		return no_key(err);
	if (taking.alias == NULL)
		return no_such(name, "no model of this name was published here", err);
	status = rnm_taking_check_name(publisher, &taking, err);
	if (status == RNM_OK)
		status = rnm_publisher_check_cancel(publisher, err);
	if (status != RNM_OK)
		return status;
	taking.entry.model = taking.alias->newest->model;
	rnm_buf_init(&bytes, RNM_OBJECT_MAX + 1);
	status = rnm_object_read(publisher, taking.entry.model.blake2b, &bytes, err);
	if (status == RNM_OK)
		status = rnm_object_check_ours(publisher, &taking.entry.model,
		                               (struct rnm_bytes){ bytes.data, bytes.len }, err);
	if (status == RNM_OK)
		status = rnm_taking_renew(publisher, &taking, &bytes, err);
	rnm_buf_free(&bytes);
	if (status == RNM_OK)
		rnm_taking_tell(outcome, &taking);
	return status;
}
