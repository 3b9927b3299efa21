/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"
#include "list_format.h"
#include "output.h"
#include "verbs.h"

#include <string.h>

/* Lists one (rule, settings) and adds it to the document. */
static enum rnm_status list_one(struct context *context, struct list_document *document,
                                const struct rnm_rule *rule, const char *settings, struct rnm_error *err)
{
	struct rnm_model_list *list = NULL;
	enum rnm_status status = rnm_store_list(&list, context->redis, rule, settings, RNM_LIST_FULL, err);

	if (status != RNM_OK)
		return status;
	context_warn_keys(list);
	list_document_add(document, rule, list);
	rnm_model_list_free(list);
	return RNM_OK;
}

static enum rnm_status list_single(struct context *context, struct list_document *document,
                                   struct rnm_error *err)
{
	const char *settings = option_text(context->options, OPTION_SETTINGS, "default");
	struct rnm_rule *rule = NULL;
	enum rnm_status status =
	    context_rule(context, option_text(context->options, OPTION_RULE, "default"), &rule, err);

	if (status == RNM_OK)
		status = context_connect(context, err);
	if (status == RNM_OK) {
		list_document_begin(document, context->redis);
		status = list_one(context, document, rule, settings, err);
		list_document_end(document, NULL);
	}
	rnm_rule_free(rule);
	return status;
}

/* *code is that of the worst rule which cannot be used. */
static enum rnm_status list_all(struct context *context, struct list_document *document, int *code,
                                struct rnm_error *err)
{
	struct catalogue catalogue = { 0 };
	enum rnm_status status = context_connect(context, err);

	if (status == RNM_OK)
		status = catalogue_open(&catalogue, context, err);
	if (status == RNM_OK)
		list_document_begin(document, context->redis);
	for (size_t i = 0; status == RNM_OK && i < catalogue.set_count; i++) {
		const struct context_set *set = &catalogue.sets[i];

		status = list_one(context, document, set->rule, set->settings, err);
		/* Something else has the name of a list, and TYPE is not allowed: the others are fine. */
		if (status == RNM_E_REDIS && strcmp(err->id, "store.zset") == 0)
			status = broken_rules_add(&catalogue.broken, set->rule->name, err);
	}
	list_document_end(document, &catalogue.broken);
	*code = catalogue.broken.worst;
	catalogue_free(&catalogue);
	return status;
}

int verb_list(const struct options *options)
{
	struct context context;
	struct list_document document;
	struct rnm_error err;
	enum rnm_status status = context_open(&context, options, &err);
	int code = RNM_OK;

	list_document_init(&document, option_given(options, OPTION_JSON));
	if (status == RNM_OK)
		status = context_load_config(&context, &err);
	if (status == RNM_OK && option_given(options, OPTION_ALL))
		status = list_all(&context, &document, &code, &err);
	else if (status == RNM_OK)
		status = list_single(&context, &document, &err);
	if (status != RNM_OK) {
		list_document_drop(&document);
		code = output_error(&err);
	} else if (!list_document_print(&document)) {
		code = RNM_E_IO;
	}
	context_free(&context);
	return code;
}
