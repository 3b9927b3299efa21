/* SPDX-License-Identifier: Apache-2.0 */
/* A model on its way into the tree: checked, compared with what its name has, written under its hash. */
#include "base/hash.h"
#include "share/model_evaluation.h"
#include "share/taking.h"

#include <rnm/model_write.h>
#include <stdlib.h>
#include <string.h>

/* Longest words for an architecture that are kept; for more there is only its kind. */
#define DESCRIPTION_ROOM ((size_t)16 << 10)

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
	rnm_hash_of(found, out->data, out->len);
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
static enum rnm_status write_object(struct rnm_publisher *publisher, const struct rnm_entry *entry,
                                    const struct rnm_buf *bytes, struct rnm_error *err)
{
	const char *hash = entry->model.blake2b;
	char path[RNM_TREE_PATH_MAX];
	struct rnm_buf old;
	enum rnm_status status;
	bool there;

	rnm_buf_init(&old, RNM_OBJECT_MAX + 1);
	status = rnm_object_read(publisher, hash, &old, NULL);
	rnm_buf_free(&old);
	there = status == RNM_OK;
	if (status == RNM_E_NOT_FOUND && !remember_written(publisher, hash))
		return rnm_error_nomem(err);
	status = rnm_object_sign(publisher, entry, err);
	if (status != RNM_OK || there)
		return status;
	rnm_object_path(path, hash, "");
	return publisher->place->ops->write(publisher->place, path,
	                                    (struct rnm_bytes){ bytes->data, bytes->len }, publisher->now,
	                                    err);
}

static enum rnm_status put_object(struct rnm_publisher *publisher, struct rnm_entry *entry,
                                  const struct rnm_buf *bytes, struct rnm_error *err)
{
	enum rnm_status status =
	    rnm_publisher_prove(publisher, entry, (struct rnm_bytes){ bytes->data, bytes->len }, err);

	return status == RNM_OK && !publisher->options.dry_run ? write_object(publisher, entry, bytes, err)
	                                                       : status;
}

/* ---- describing it ---- */

static const char *keep_text(struct rnm_publisher *publisher, const char *text)
{
	return rnm_arena_strndup(&publisher->history->arena, text, strlen(text));
}

/* NULL: no memory. */
static const char *describe(struct rnm_publisher *publisher, const struct rnm_network *network)
{
	const char *text = rnm_architecture_name(rnm_network_architecture(network));
	struct rnm_buf words;

	rnm_buf_init(&words, DESCRIPTION_ROOM);
	if (rnm_network_describe(network, &words, NULL) == RNM_OK)
		text = rnm_buf_cstr(&words);
	else if (words.cap <= words.max) /* what is too long has filled its room first */
		text = NULL;
	if (text != NULL)
		text = keep_text(publisher, text);
	rnm_buf_free(&words);
	return text;
}

static enum rnm_status fill(struct rnm_publisher *publisher, struct rnm_taking *taking,
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
		.key = publisher->key_text,
		.evaluation = taking->evaluation,
	};
	rnm_hash_of(model->blake2b, bytes->data, bytes->len);
	rnm_network_graph_hash(file->network, graph);
	rnm_hash_text(model->graph, graph);
	if (model->name == NULL || (rule != NULL && model->rule == NULL) || model->providers_digest == NULL ||
	    model->architecture == NULL)
		return rnm_error_nomem(err);
	return RNM_OK;
}

int64_t rnm_publisher_end(const struct rnm_publisher *publisher, int64_t created)
{
	return publisher->options.key != NULL && publisher->options.valid > 0
	           ? created + publisher->options.valid
	           : 0;
}

/* Later than whatever lies there, also where the clock went back or somebody has touched the file. */
static enum rnm_status choose_time(const struct rnm_publisher *publisher, struct rnm_taking *taking,
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
	model->not_after = rnm_publisher_end(publisher, model->created);
	return RNM_OK;
}

/* ---- taking it ---- */

static enum rnm_status encode(const struct rnm_taking *taking, struct rnm_buf *out, struct rnm_error *err)
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

static bool is_published(const struct rnm_taking *taking)
{
	return taking->alias != NULL &&
	       strcmp(taking->alias->newest->model.blake2b, taking->entry.model.blake2b) == 0;
}

/* Whether what the name has gets figures that it has not. */
static bool is_news(const struct rnm_taking *taking)
{
	const struct rnm_model_evaluation *old = taking->alias->newest->model.evaluation;

	return taking->evaluation != NULL &&
	       (old == NULL || !rnm_model_evaluation_equal(old, taking->evaluation));
}

/* The same model under a new statement, or with another evaluation; else there is nothing to do. */
enum rnm_status rnm_taking_renew(struct rnm_publisher *publisher, struct rnm_taking *taking,
                                 const struct rnm_buf *bytes, struct rnm_error *err)
{
	struct rnm_published *model = &taking->entry.model;
	enum rnm_status status;

	const bool has_news = is_news(taking), is_signed = publisher->options.key != NULL;

	*model = taking->alias->newest->model;
	if (!is_signed && !has_news)
		return RNM_OK;
	taking->entry.kind = RNM_ENTRY_RENEW;
	if (has_news)
		model->evaluation = taking->evaluation;
	model->key = publisher->key_text;
	/* Both are those of the statement, if there is one. */
	if (is_signed && model->created < publisher->now)
		model->created = publisher->now;
	model->not_after = rnm_publisher_end(publisher, model->created);
	status = put_object(publisher, &taking->entry, bytes, err);
	return status == RNM_OK ? keep_entry(publisher, &taking->entry, err) : status;
}

/* The form in which it will be served decides whether it is served already. */
static enum rnm_status take_bytes(struct rnm_publisher *publisher, struct rnm_taking *taking,
                                  const struct rnm_buf *bytes, struct rnm_error *err)
{
	enum rnm_status status = fill(publisher, taking, bytes, err);

	if (status != RNM_OK)
		return status;
	if (is_published(taking))
		return rnm_taking_renew(publisher, taking, bytes, err);
	status = rnm_taking_check_version(taking, err);
	if (status == RNM_OK)
		status = rnm_taking_check_change(publisher, taking, err);
	if (status == RNM_OK)
		status = choose_time(publisher, taking, err);
	if (status == RNM_OK)
		status = put_object(publisher, &taking->entry, bytes, err);
	return status == RNM_OK ? keep_entry(publisher, &taking->entry, err) : status;
}

void rnm_taking_tell(struct rnm_publish_outcome *outcome, const struct rnm_taking *taking)
{
	*outcome = (struct rnm_publish_outcome){ .state = RNM_PUBLISH_NEW, .model = taking->entry.model };
	if (taking->alias == NULL)
		return;
	if (taking->entry.kind == RNM_ENTRY_RENEW)
		outcome->state = RNM_PUBLISH_RENEWED;
	else if (is_published(taking))
		outcome->state = RNM_PUBLISH_UNCHANGED;
	else if (taking->entry.kind == RNM_ENTRY_ROLLBACK)
		outcome->state = RNM_PUBLISH_ROLLBACK;
	else
		outcome->state = RNM_PUBLISH_REPLACED;
	if (!is_published(taking))
		outcome->previous_version = taking->alias->newest->model.model_version;
}

enum rnm_status rnm_taking_run(struct rnm_publisher *publisher, struct rnm_taking *taking,
                               struct rnm_publish_outcome *outcome, struct rnm_error *err)
{
	struct rnm_buf bytes;
	enum rnm_status status = rnm_publisher_check_cancel(publisher, err);

	taking->entry.time = publisher->now;
	if (status == RNM_OK)
		status = rnm_taking_check_model(taking, err);
	if (taking->name == NULL)
		taking->name = taking->file->container->providers_digest;
	if (status == RNM_OK)
		status = rnm_taking_check_name(publisher, taking, err);
	if (status == RNM_OK)
		status = rnm_taking_find_evaluation(publisher, taking, err);
	if (status != RNM_OK)
		return status;
	taking->alias = rnm_history_alias(publisher->history, taking->name);
	rnm_buf_init(&bytes, RNM_OBJECT_MAX + RNM_OBJECT_MAX / 64);
	status = encode(taking, &bytes, err);
	if (status == RNM_OK)
		status = take_bytes(publisher, taking, &bytes, err);
	rnm_buf_free(&bytes);
	if (status == RNM_OK)
		rnm_taking_tell(outcome, taking);
	return status;
}

enum rnm_status rnm_publisher_add(struct rnm_publisher *publisher, const struct rnm_model_file *file,
                                  const struct rnm_publish_request *request,
                                  struct rnm_publish_outcome *outcome, struct rnm_error *err)
{
	const struct rnm_rnm1 *container = file->container;
	struct rnm_taking taking = {
		.file = file,
		.name = request->name,
		.version = request->version > 0 ? request->version : container->model_version,
		.created_at = container->has_created_at ? container->created_at : publisher->now,
		.entry.kind = RNM_ENTRY_PUBLISH,
	};

	return rnm_taking_run(publisher, &taking, outcome, err);
}

const char *rnm_publish_state_name(enum rnm_publish_state state)
{
	static const char *const names[] = {
		[RNM_PUBLISH_NEW] = "new",           [RNM_PUBLISH_REPLACED] = "replaced",
		[RNM_PUBLISH_ROLLBACK] = "rollback", [RNM_PUBLISH_UNCHANGED] = "unchanged",
		[RNM_PUBLISH_RENEWED] = "renewed",
	};

	return names[state];
}
