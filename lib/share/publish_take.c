/* SPDX-License-Identifier: Apache-2.0 */
/* A model on its way into the tree: checked, compared with what its name has, written under its hash. */
#include "share/published.h"
#include "share/publisher.h"

#include <math.h>
#include <rnm/model_write.h>
#include <rnm/verify.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest words for an architecture that are kept; for more there is only its kind. */
#define DESCRIPTION_ROOM ((size_t)16 << 10)
#define VERSION_LAST 9007199254740991.0 /* 2^53 - 1 */

/* What is to become of one model. */
struct taking {
	const struct rnm_model_file *file;
	const struct rnm_alias *alias; /* NULL: the name is new */
	const char *name;
	double version;
	int64_t created_at;
	struct rnm_entry entry;
};

/* ---- objects ---- */

enum rnm_status rnm_object_read(const struct rnm_publisher *publisher, const char *hash, struct rnm_buf *out,
                                struct rnm_error *err)
{
	char path[RNM_TREE_PATH_MAX], found[RNM_OBJECT_HASH_HEX];
	enum rnm_status status;

	rnm_object_path(path, hash, "");
	status = publisher->place->ops->read(publisher->place, path, out, RNM_OBJECT_MAX, err);
	if (status != RNM_OK)
		return status;
	rnm_object_hash(found, out->data, out->len);
	if (strcmp(found, hash) == 0)
		return RNM_OK;
	rnm_error_set(err, RNM_E_MALFORMED, "publish.object", "%s is damaged: its BLAKE2b-256 is %s", path,
	              found);
	rnm_error_set_hint(err, "put it back from a copy of the tree");
	return RNM_E_MALFORMED;
}

static bool remember_written(struct rnm_publisher *publisher, const char *hash)
{
	if (publisher->written_count == publisher->written_cap) {
		size_t cap = publisher->written_cap == 0 ? 16 : publisher->written_cap * 2;
		char(*written)[RNM_OBJECT_HASH_HEX] =
		    reallocarray(publisher->written, cap, sizeof(*publisher->written));

		if (written == NULL)
			return false;
		publisher->written = written;
		publisher->written_cap = cap;
	}
	memcpy(publisher->written[publisher->written_count++], hash, RNM_OBJECT_HASH_HEX);
	return true;
}

/* One that lies there already is looked at: it may be damaged, or half of what a power cut has left. */
static enum rnm_status write_object(struct rnm_publisher *publisher, const char *hash,
                                    const struct rnm_buf *bytes, struct rnm_error *err)
{
	char path[RNM_TREE_PATH_MAX];
	struct rnm_buf old;
	enum rnm_status status;

	rnm_buf_init(&old, RNM_OBJECT_MAX + 1);
	status = rnm_object_read(publisher, hash, &old, NULL);
	rnm_buf_free(&old);
	if (status == RNM_OK)
		return RNM_OK;
	if (status == RNM_E_NOT_FOUND && !remember_written(publisher, hash))
		return rnm_error_nomem(err);
	rnm_object_path(path, hash, "");
	return publisher->place->ops->write(publisher->place, path,
	                                    (struct rnm_bytes){ bytes->data, bytes->len }, publisher->now,
	                                    err);
}

/* ---- what may be published ---- */

static enum rnm_status check_sound(const struct rnm_model_file *file, struct rnm_error *err)
{
	struct rnm_verification *verification = NULL;
	struct rnm_error why;
	enum rnm_status status = rnm_model_verify(&verification, file, NULL, &why);

	rnm_verification_free(verification);
	if (status == RNM_OK)
		return RNM_OK;
	if (err == NULL)
		return status == RNM_NO ? RNM_E_REFUSED : status;
	*err = why;
	if (status != RNM_NO)
		return status;
	rnm_error_set(err, RNM_E_REFUSED, why.id, "the model is not sound and was not published: %s",
	              why.message);
	rnm_error_set_hint(err, "`rnm verify` lists all that is wrong with it");
	return RNM_E_REFUSED;
}

static enum rnm_status check_name(const struct rnm_publisher *publisher, const struct taking *taking,
                                  struct rnm_error *err)
{
	if (!rnm_alias_name_is_good(taking->name))
		return rnm_error_set(
		    err, RNM_E_USAGE, "publish.name",
		    "expected a name of at most %d letters, digits, points, dashes and underscores, "
		    "found '%s'",
		    RNM_ALIAS_NAME_MAX, taking->name);
	for (size_t i = 0; i < publisher->entry_count; i++)
		if (strcmp(publisher->entries[i].model.name, taking->name) == 0)
			return rnm_error_set(err, RNM_E_USAGE, "publish.twice",
			                     "two models for the name %s: one run publishes one of them",
			                     taking->name);
	return RNM_OK;
}

/* Without one no rspamd loads the file. */
static enum rnm_status check_digest(const struct rnm_model_file *file, struct rnm_error *err)
{
	const char *digest = file->container->providers_digest;

	if (strlen(digest) == 16 && strspn(digest, "0123456789abcdef") == 16)
		return RNM_OK;
	rnm_error_set(err, RNM_E_REFUSED, "publish.no-digest",
	              "the model carries no providers digest, so that no rspamd would load it");
	rnm_error_set_hint(err, "publish one that `rnm export` has written");
	return RNM_E_REFUSED;
}

static enum rnm_status check_version(const struct taking *taking, struct rnm_error *err)
{
	const struct rnm_published *newest;

	if (!(taking->version >= 1 && taking->version <= VERSION_LAST) ||
	    taking->version > floor(taking->version))
		return rnm_error_set(err, RNM_E_REFUSED, "publish.version",
		                     "expected a version that is a whole number from 1 to %.0f, found %g",
		                     VERSION_LAST, taking->version);
	if (taking->alias == NULL)
		return RNM_OK;
	newest = &taking->alias->newest->model;
	if ((uint64_t)taking->version > newest->model_version)
		return RNM_OK;
	rnm_error_set(
	    err, RNM_E_REFUSED, "publish.version",
	    "version %.0f is not above version %llu, which %s has: consumers would ignore or refuse it",
	    taking->version, (unsigned long long)newest->model_version, taking->name);
	rnm_error_set_hint(err,
	                   "--model-version %llu publishes it under the next one; --rollback goes back to an "
	                   "earlier publication",
	                   (unsigned long long)newest->model_version + 1);
	return RNM_E_REFUSED;
}

static const char *presence(bool before, bool after, const char *gone, const char *added)
{
	return before == after ? NULL : before ? gone : added;
}

/*
 * Consumers keep what a newer file does not replace (rspamd: lualib/lua_neural_external.lua): without a restart
 * they would run the new network with the normalisation, matrix and thresholds of the old one.
 */
static const char *find_change(const struct rnm_published *old, const struct rnm_published *new)
{
	const char *change;

	if (strcmp(old->graph, new->graph) != 0)
		return "another architecture";
	if (old->inputs != new->inputs)
		return "vectors of another length";
	change = presence(old->norm_mode != RNM_NORM_NONE, new->norm_mode != RNM_NORM_NONE,
	                  "no normalisation any more", "a normalisation, which that has not");
	if (change == NULL)
		change = presence(old->has_pca, new->has_pca, "no PCA matrix any more",
		                  "a PCA matrix, which that has not");
	if (change == NULL)
		change = presence(old->has_roc, new->has_roc, "no thresholds any more",
		                  "thresholds, which that has not");
	return change;
}

static enum rnm_status check_change(const struct rnm_publisher *publisher, const struct taking *taking,
                                    struct rnm_error *err)
{
	const struct rnm_published *old = taking->alias != NULL ? &taking->alias->newest->model : NULL;
	const char *change = old != NULL ? find_change(old, &taking->entry.model) : NULL;

	if (change == NULL || publisher->options.force)
		return RNM_OK;
	rnm_error_set(err, RNM_E_REFUSED, "publish.change",
	              "the model has %s beside version %llu of %s: consumers that have loaded that one would "
	              "mix parts of both",
	              change, (unsigned long long)old->model_version, taking->name);
	rnm_error_set_hint(err, "--name NAME publishes it under another address; --force here, and then all "
	                        "consumers have to be restarted");
	return RNM_E_REFUSED;
}

/* ---- describing it ---- */

static const char *keep_text(struct rnm_publisher *publisher, const char *text)
{
	return rnm_arena_strndup(&publisher->history->arena, text, strlen(text));
}

static const char *describe(struct rnm_publisher *publisher, const struct rnm_network *network)
{
	const char *text = rnm_architecture_name(rnm_network_architecture(network));
	struct rnm_buf words;

	rnm_buf_init(&words, DESCRIPTION_ROOM);
	if (rnm_network_describe(network, &words, NULL) == RNM_OK)
		text = rnm_buf_cstr(&words);
	text = keep_text(publisher, text);
	rnm_buf_free(&words);
	return text;
}

static enum rnm_status fill(struct rnm_publisher *publisher, struct taking *taking,
                            const struct rnm_buf *bytes, struct rnm_error *err)
{
	const struct rnm_model_file *file = taking->file;
	const char *rule = rnm_value_string(rnm_value_get(file->container->extra, "rule"));
	struct rnm_published *model = &taking->entry.model;
	unsigned char graph[RNM_NETWORK_HASH_LEN];

	*model = (struct rnm_published){
		.name = keep_text(publisher, taking->name),
		.rule = rule != NULL ? keep_text(publisher, rule) : NULL,
		.providers_digest = keep_text(publisher, file->container->providers_digest),
		.model_version = (uint64_t)taking->version,
		.created = publisher->now,
		.published = publisher->now,
		.size = bytes->len,
		.architecture = describe(publisher, file->network),
		.inputs = rnm_model_file_raw_dim(file),
		.norm_mode = file->container->norm_mode,
		.has_pca = file->container->pca.len > 0,
		.has_roc = file->container->has_roc,
	};
	rnm_object_hash(model->blake2b, bytes->data, bytes->len);
	rnm_network_graph_hash(file->network, graph);
	rnm_hex(model->graph, graph);
	if (model->name == NULL || (rule != NULL && model->rule == NULL) || model->providers_digest == NULL ||
	    model->architecture == NULL)
		return rnm_error_nomem(err);
	return RNM_OK;
}

/* Later than whatever lies there, also where the clock went back or somebody has touched the file. */
static enum rnm_status choose_time(const struct rnm_publisher *publisher, struct taking *taking,
                                   struct rnm_error *err)
{
	struct rnm_published *model = &taking->entry.model;
	char path[RNM_TREE_PATH_MAX];
	struct rnm_place_file file;
	enum rnm_status status;

	rnm_alias_path(path, taking->name, "");
	status = publisher->place->ops->look(publisher->place, path, &file, err);
	if (status != RNM_OK)
		return status;
	if (taking->alias != NULL && model->published <= taking->alias->newest->model.published)
		model->published = taking->alias->newest->model.published + 1;
	if (file.exists && model->published <= file.time)
		model->published = file.time + 1;
	if (model->created < model->published)
		model->created = model->published;
	return RNM_OK;
}

/* ---- taking it ---- */

static enum rnm_status encode(const struct taking *taking, struct rnm_buf *out, struct rnm_error *err)
{
	struct rnm_model_parts parts;

	rnm_model_parts_of(&parts, taking->file);
	parts.model_version = taking->version;
	parts.created_at = taking->created_at;
	return rnm_model_encode(out, &parts, RNM_FORM_RNM1, false, err);
}

static enum rnm_status keep_entry(struct rnm_publisher *publisher, const struct rnm_entry *entry,
                                  struct rnm_error *err)
{
	if (publisher->entry_count == publisher->entry_cap) {
		size_t cap = publisher->entry_cap == 0 ? 16 : publisher->entry_cap * 2;
		struct rnm_entry *entries = reallocarray(publisher->entries, cap, sizeof(*entries));

		if (entries == NULL)
			return rnm_error_nomem(err);
		publisher->entries = entries;
		publisher->entry_cap = cap;
	}
	publisher->entries[publisher->entry_count++] = *entry;
	return RNM_OK;
}

static bool is_published(const struct taking *taking)
{
	return taking->alias != NULL &&
	       strcmp(taking->alias->newest->model.blake2b, taking->entry.model.blake2b) == 0;
}

/* The form in which it will be served decides whether it is served already. */
static enum rnm_status take_bytes(struct rnm_publisher *publisher, struct taking *taking,
                                  const struct rnm_buf *bytes, struct rnm_error *err)
{
	enum rnm_status status = fill(publisher, taking, bytes, err);

	if (status != RNM_OK || is_published(taking))
		return status;
	status = check_version(taking, err);
	if (status == RNM_OK)
		status = check_change(publisher, taking, err);
	if (status == RNM_OK)
		status = choose_time(publisher, taking, err);
	if (status == RNM_OK && !publisher->options.dry_run)
		status = write_object(publisher, taking->entry.model.blake2b, bytes, err);
	return status == RNM_OK ? keep_entry(publisher, &taking->entry, err) : status;
}

static void tell(struct rnm_publish_outcome *outcome, const struct taking *taking)
{
	*outcome = (struct rnm_publish_outcome){ .state = RNM_PUBLISH_NEW, .model = taking->entry.model };
	if (taking->alias == NULL)
		return;
	outcome->state =
	    taking->entry.kind == RNM_ENTRY_ROLLBACK ? RNM_PUBLISH_ROLLBACK : RNM_PUBLISH_REPLACED;
	if (is_published(taking)) {
		outcome->state = RNM_PUBLISH_UNCHANGED;
		outcome->model = taking->alias->newest->model;
		return;
	}
	outcome->previous_version = taking->alias->newest->model.model_version;
}

static enum rnm_status take(struct rnm_publisher *publisher, struct taking *taking,
                            struct rnm_publish_outcome *outcome, struct rnm_error *err)
{
	struct rnm_buf bytes;
	enum rnm_status status = rnm_publisher_check_cancel(publisher, err);

	taking->entry.time = publisher->now;
	if (status == RNM_OK)
		status = check_sound(taking->file, err);
	if (status == RNM_OK)
		status = check_digest(taking->file, err);
	if (taking->name == NULL)
		taking->name = taking->file->container->providers_digest;
	if (status == RNM_OK)
		status = check_name(publisher, taking, err);
	if (status != RNM_OK)
		return status;
	taking->alias = rnm_history_alias(publisher->history, taking->name);
	rnm_buf_init(&bytes, RNM_OBJECT_MAX + RNM_OBJECT_MAX / 64);
	status = encode(taking, &bytes, err);
	if (status == RNM_OK)
		status = take_bytes(publisher, taking, &bytes, err);
	rnm_buf_free(&bytes);
	if (status == RNM_OK)
		tell(outcome, taking);
	return status;
}

enum rnm_status rnm_publisher_add(struct rnm_publisher *publisher, const struct rnm_model_file *file,
                                  const struct rnm_publish_request *request,
                                  struct rnm_publish_outcome *outcome, struct rnm_error *err)
{
	const struct rnm_rnm1 *container = file->container;
	struct taking taking = {
		.file = file,
		.name = request->name,
		.version = request->version > 0 ? request->version : container->model_version,
		.created_at = container->has_created_at ? container->created_at : publisher->now,
		.entry.kind = RNM_ENTRY_PUBLISH,
	};

	return take(publisher, &taking, outcome, err);
}

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
                                const struct rnm_buf *bytes, struct taking *taking,
                                struct rnm_publish_outcome *outcome, struct rnm_error *err)
{
	struct rnm_model_file *file = NULL;
	enum rnm_status status = rnm_model_file_read(&file, bytes->data, bytes->len, old->model.blake2b, err);

	taking->file = file;
	memcpy(taking->entry.from, old->model.blake2b, sizeof(taking->entry.from));
	if (status == RNM_OK)
		status = take(publisher, taking, outcome, err);
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
	struct taking taking = {
		.name = request->name,
		.created_at = publisher->now,
		.entry.kind = RNM_ENTRY_ROLLBACK,
	};
	struct rnm_buf bytes;
	enum rnm_status status;

	if (alias == NULL)
		return no_such(request->name, "no model of this name was published here", err);
	status = find_old(&old, alias, request->name, which, err);
	if (status != RNM_OK)
		return status;
	taking.version =
	    request->version > 0 ? request->version : (double)alias->newest->model.model_version + 1;
	rnm_buf_init(&bytes, RNM_OBJECT_MAX + 1);
	status = rnm_object_read(publisher, old->model.blake2b, &bytes, err);
	if (status == RNM_OK)
		status = take_old(publisher, old, &bytes, &taking, outcome, err);
	rnm_buf_free(&bytes);
	return status;
}

const char *rnm_publish_state_name(enum rnm_publish_state state)
{
	static const char *const names[] = {
		[RNM_PUBLISH_NEW] = "new",
		[RNM_PUBLISH_REPLACED] = "replaced",
		[RNM_PUBLISH_ROLLBACK] = "rollback",
		[RNM_PUBLISH_UNCHANGED] = "unchanged",
	};

	return names[state];
}
