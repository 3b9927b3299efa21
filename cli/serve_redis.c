/* SPDX-License-Identifier: Apache-2.0 */
#include "serve_redis.h"

#include "output.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODELS "/models"

static enum rnm_status add_rule(struct live_models *live, const char *name, struct rnm_error *err)
{
	const char *only = option_text(live->context.options, OPTION_RULE, NULL);
	struct rnm_rule *rule = NULL;
	enum rnm_status status;

	if (only != NULL && strcmp(only, name) != 0)
		return RNM_OK;
	status = rnm_rule_open(&rule, live->context.config, name, &live->context.rule_options, err);
	if (status != RNM_OK)
		return status;
	/* Without a digest there is no URL; with that of another rule there is one already. */
	for (size_t i = 0; i < live->count; i++) {
		if (strcmp(live->names[i], rule->digest) != 0)
			continue;
		output_warning("rule %s has the digest of rule %s, whose models are served", name,
		               live->items[i].rule->name);
		rule->digest[0] = '\0';
	}
	if (rule->digest[0] == '\0') {
		rnm_rule_free(rule);
		return RNM_OK;
	}
	live->items[live->count].rule = rule;
	live->names[live->count++] = rule->digest;
	return RNM_OK;
}

static enum rnm_status make_room(struct live_models *live, size_t count, struct rnm_error *err)
{
	live->items = calloc(count + 1, sizeof(*live->items));
	live->names = calloc(count + 1, sizeof(*live->names));
	return live->items != NULL && live->names != NULL ? RNM_OK : rnm_error_nomem(err);
}

static enum rnm_status add_rules(struct live_models *live, struct rnm_error *err)
{
	char **names = NULL;
	size_t count = 0;
	enum rnm_status status =
	    rnm_rule_names(&names, &count, live->context.config, &live->context.rule_options, err);

	if (status == RNM_OK)
		status = make_room(live, count, err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = add_rule(live, names[i], err);
	rnm_names_free(names, count);
	if (status == RNM_OK && live->count == 0) {
		rnm_error_set(err, RNM_E_NOT_FOUND, "serve.no-rule",
		              "no rule of the configuration has a digest, under which its models could be "
		              "asked for");
		rnm_error_set_hint(err, "rnm digest --all shows the rules and their digests");
		status = RNM_E_NOT_FOUND;
	}
	return status;
}

/* NULL: no memory. */
static char *joined(const char *folder, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s%s", folder, name) >= 0 ? path : NULL;
}

static enum rnm_status make_folder(struct live_models *live, const char *given, struct rnm_error *err)
{
	const char *spool = context_spool_dir();
	enum rnm_status status = RNM_OK;
	char *models;

	live->is_temporary = given == NULL;
	live->folder =
	    given != NULL ? strdup(given) : joined(spool != NULL ? spool : "/tmp", "/rnm-serve-XXXXXX");
	if (live->folder == NULL)
		return rnm_error_nomem(err);
	if (live->is_temporary && mkdtemp(live->folder) == NULL) {
		live->is_temporary = false;
		return rnm_error_sys(err, "serve.folder", errno, "cannot make a temporary folder '%s'",
		                     live->folder);
	}
	models = joined(live->folder, MODELS);
	if (models == NULL)
		return rnm_error_nomem(err);
	if ((mkdir(live->folder, 0777) != 0 && errno != EEXIST) ||
	    (mkdir(models, 0777) != 0 && errno != EEXIST))
		status = rnm_error_sys(err, "serve.folder", errno, "cannot make the folder '%s'", models);
	free(models);
	return status;
}

enum rnm_status live_models_open(struct live_models *live, const struct options *options, const char *folder,
                                 struct rnm_error *err)
{
	enum rnm_status status = context_open(&live->context, options, err);

	live->settings = option_text(options, OPTION_SETTINGS, "default");
	if (status == RNM_OK)
		status = context_load_config_quietly(&live->context, err);
	if (status == RNM_OK)
		status = add_rules(live, err);
	if (status == RNM_OK)
		status = make_folder(live, folder, err);
	return status;
}

/* What tells one model from the next. */
static char *identity_of(const struct rnm_profile *profile)
{
	char *text = NULL;

	if (asprintf(&text, "%s@%.17g@%.17g", profile->redis_key != NULL ? profile->redis_key : "",
	             profile->version, profile->score) < 0)
		return NULL;
	return text;
}

static enum rnm_status export_model(struct live_models *live, struct live_model *model,
                                    const struct rnm_model_list *list, size_t index, struct rnm_error *err)
{
	const struct rnm_profile *profile = &list->models[index].profile;
	struct rnm_export_result result;
	struct rnm_export_options how = {
		.fd = -1,
		/* The same model is the same file, on whatever host and however often it is exported. */
		.created_at = profile->score > 0 && profile->score < 4e9 ? (int64_t)floor(profile->score) : 0,
		.spool_dir = context_spool_dir(),
		.no_hash = true,
	};
	char *path = NULL;
	enum rnm_status status;

	if (asprintf(&path, "%s" MODELS "/%s", live->folder, model->rule->digest) < 0)
		return rnm_error_nomem(err);
	how.path = path;
	status = rnm_store_export(live->context.redis, model->rule, list, index, &how, &result, err);
	free(path);
	return status;
}

/* Unless it is what was exported last. */
static enum rnm_status export_if_new(struct live_models *live, struct live_model *model,
                                     const struct rnm_model_list *list, size_t index, struct rnm_error *err)
{
	char *identity = identity_of(&list->models[index].profile);
	enum rnm_status status = RNM_OK;

	if (identity == NULL)
		return rnm_error_nomem(err);
	if (model->held != NULL && strcmp(model->held, identity) == 0) {
		free(identity);
		return RNM_OK;
	}
	status = export_model(live, model, list, index, err);
	if (status != RNM_OK) {
		free(identity);
		return status;
	}
	free(model->held);
	model->held = identity;
	return RNM_OK;
}

static enum rnm_status fetch(struct live_models *live, struct live_model *model, struct rnm_error *err)
{
	const struct rnm_choice choice = { .newest = false };
	struct rnm_model_list *list = NULL;
	size_t index = 0;
	enum rnm_status status =
	    rnm_store_list(&list, live->context.redis, model->rule, live->settings, RNM_LIST_ALIVE, err);

	if (status == RNM_OK)
		status = rnm_store_choose(&index, list, model->rule, &choice, err);
	if (status == RNM_OK)
		status = export_if_new(live, model, list, index, err);
	rnm_model_list_free(list);
	return status;
}

enum rnm_status live_models_fetch(struct live_models *live, const char *name, struct rnm_error *err)
{
	struct live_model *model = NULL;
	enum rnm_status status = RNM_OK;
	bool is_fresh = false;

	for (size_t i = 0; model == NULL && i < live->count; i++)
		if (strcmp(live->names[i], name) == 0)
			model = &live->items[i];
	if (model == NULL)
		return rnm_error_set(err, RNM_E_NOT_FOUND, "serve.no-rule", "no rule has the digest '%s'",
		                     name);
	if (live->context.redis == NULL) {
		status = context_connect(&live->context, err);
		is_fresh = true;
	}
	if (status == RNM_OK)
		status = fetch(live, model, err);
	/* The server may have closed a connection that was idle for long, or have been restarted. */
	if (status == RNM_E_IO && !is_fresh) {
		status = context_reconnect(&live->context, err);
		if (status == RNM_OK)
			status = fetch(live, model, err);
	}
	return status;
}

/* What was exported is in Redis. */
static void remove_folder(struct live_models *live)
{
	char *path = NULL;

	for (size_t i = 0; i < live->count; i++) {
		if (asprintf(&path, "%s" MODELS "/%s", live->folder, live->names[i]) < 0)
			return;
		(void)unlink(path);
		free(path);
	}
	path = joined(live->folder, MODELS);
	if (path != NULL)
		(void)rmdir(path);
	free(path);
	(void)rmdir(live->folder);
}

void live_models_free(struct live_models *live)
{
	if (live->is_temporary)
		remove_folder(live);
	for (size_t i = 0; i < live->count; i++) {
		rnm_rule_free(live->items[i].rule);
		free(live->items[i].held);
	}
	free(live->items);
	free(live->names);
	free(live->folder);
	context_free(&live->context);
}
