/* SPDX-License-Identifier: Apache-2.0 */
#include "model_argument.h"
#include "interrupt.h"

#include <stdlib.h>
#include <string.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place.  False for a % without two digits behind it, or one that stands for a NUL. */
static bool percent_decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		int high, low;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		high = hex_value(from[1]);
		low = high >= 0 ? hex_value(from[2]) : -1;
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high * 16 + low);
		from += 2;
	}
	*to = '\0';
	return true;
}

static enum rnm_status bad_name(const char *text, const char *problem, struct rnm_error *err)
{
	rnm_error_set(err, RNM_E_USAGE, "usage.model",
	              "expected redis:RULE[/SETTINGS[@VERSION]], found '%s': %s", text, problem);
	rnm_error_set_hint(err,
	                   "for example redis:default, redis:default/default@7; write %%2F for a slash and "
	                   "%%40 for an at sign in a name");
	return RNM_E_USAGE;
}

/* Takes the text apart from its end, where the version is. */
enum rnm_status model_name_read(struct model_name *name, const char *text, struct rnm_error *err)
{
	char *at, *slash;

	*name = (struct model_name){ 0 };
	name->rule = strdup(text + strlen(MODEL_REDIS_SCHEME));
	if (name->rule == NULL)
		return rnm_error_nomem(err);
	at = strrchr(name->rule, '@');
	if (at != NULL) {
		*at = '\0';
		name->has_version = true;
		if (!number_parse(at + 1, &name->version))
			return bad_name(text, "the version is no number", err);
	}
	slash = strchr(name->rule, '/');
	if (slash != NULL)
		*slash = '\0';
	name->settings = strdup(slash != NULL ? slash + 1 : "default");
	if (name->settings == NULL)
		return rnm_error_nomem(err);
	if (!percent_decode(name->rule) || !percent_decode(name->settings))
		return bad_name(text, "after % two hexadecimal digits other than 00 must follow", err);
	if (name->rule[0] == '\0')
		return bad_name(text, "the rule is missing", err);
	return RNM_OK;
}

void model_name_free(struct model_name *name)
{
	free(name->rule);
	free(name->settings);
	*name = (struct model_name){ 0 };
}

size_t model_share_find(const char *text, double *share)
{
	const char *equals = strrchr(text, '=');

	return equals != NULL && number_parse(equals + 1, share) ? (size_t)(equals - text) : strlen(text);
}

enum rnm_status model_argument_choose(size_t *index, const struct rnm_model_list *list,
                                      const struct rnm_rule *rule, bool has_version, double version,
                                      struct rnm_error *err)
{
	const struct rnm_choice choice = {
		.any_digest = true,
		.has_version = has_version,
		.version = version,
	};

	if (!has_version && list->served != SIZE_MAX) {
		*index = list->served;
		return RNM_OK;
	}
	return rnm_store_choose(index, list, rule, &choice, err);
}

static enum rnm_status open_named(struct model_argument *out, struct context *context,
                                  const struct model_name *name, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;
	size_t index = 0;

	if (context->config == NULL)
		status = context_load_config(context, err);
	if (status == RNM_OK)
		status = context_rule(context, name->rule, &out->rule, err);
	if (status == RNM_OK && context->redis == NULL)
		status = context_connect(context, err);
	if (status == RNM_OK)
		status =
		    rnm_store_list(&out->list, context->redis, out->rule, name->settings, RNM_LIST_FULL, err);
	if (status == RNM_OK)
		status = model_argument_choose(&index, out->list, out->rule, name->has_version, name->version,
		                               err);
	if (status != RNM_OK)
		return status;
	out->model = &out->list->models[index];
	status = rnm_store_open(&out->file, context->redis, out->rule, out->list, index, out->text,
	                        &interrupt_signal, err);
	if (status != RNM_OK) {
		/* The connection may stand inside a reply. */
		rnm_redis_free(context->redis);
		context->redis = NULL;
		rnm_redis_settings_free(context->settings);
		context->settings = NULL;
	}
	return status;
}

static enum rnm_status open_in_redis(struct model_argument *out, struct context *context,
                                     struct rnm_error *err)
{
	struct model_name name;
	enum rnm_status status = model_name_read(&name, out->text, err);

	if (status == RNM_OK)
		status = open_named(out, context, &name, err);
	model_name_free(&name);
	return status;
}

typedef enum rnm_status file_opener(struct rnm_model_file **out, const char *path, struct rnm_error *err);

static enum rnm_status open_file(struct model_argument *out, struct context *context, file_opener *opener,
                                 struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (strcmp(out->text, "-") != 0)
		return opener(&out->file, out->text, err);
	status = context_take_stdin(context, "a model -", err);
	return status == RNM_OK ? opener(&out->file, "/dev/stdin", err) : status;
}

static enum rnm_status open_with(struct model_argument *out, struct context *context, const char *text,
                                 file_opener *opener, struct rnm_error *err)
{
	enum rnm_status status;

	*out = (struct model_argument){ .text = text };
	if (strncmp(text, MODEL_REDIS_SCHEME, strlen(MODEL_REDIS_SCHEME)) == 0)
		status = open_in_redis(out, context, err);
	else
		status = open_file(out, context, opener, err);
	if (status != RNM_OK)
		model_argument_free(out);
	return status;
}

enum rnm_status model_argument_open(struct model_argument *out, struct context *context, const char *text,
                                    struct rnm_error *err)
{
	return open_with(out, context, text, rnm_model_file_open, err);
}

enum rnm_status model_argument_open_once(struct model_argument *out, struct context *context,
                                         const char *text, struct rnm_error *err)
{
	return open_with(out, context, text, rnm_model_file_open_once, err);
}

void model_argument_free(struct model_argument *argument)
{
	rnm_model_file_free(argument->file);
	rnm_model_list_free(argument->list);
	rnm_rule_free(argument->rule);
	*argument = (struct model_argument){ 0 };
}
