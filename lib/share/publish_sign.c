/* SPDX-License-Identifier: Apache-2.0 */
/* What lies beside a model, and beside the index, so that others can tell who published it. */
#include "share/envelope.h"
#include "share/published.h"
#include "share/publisher.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static enum rnm_status put(const struct rnm_publisher *publisher, const char *path, struct rnm_bytes bytes,
                           struct rnm_error *err)
{
	return publisher->place->ops->write(publisher->place, path, bytes, publisher->now, err);
}

/* ---- objects ---- */

static enum rnm_status sign_raw(const struct rnm_publisher *publisher, const struct rnm_published *model,
                                struct rnm_bytes bytes, struct rnm_error *err)
{
	const struct rnm_key *key = publisher->options.key;
	uint8_t signature[RNM_SIGNATURE_SIZE];
	char path[RNM_TREE_PATH_MAX];
	enum rnm_status status = rnm_key_sign(key, bytes, signature, err);

	if (status == RNM_OK)
		status = rnm_signature_check(rnm_key_public(key), bytes, signature, err);
	if (status != RNM_OK)
		return status;
	rnm_object_path(path, model->blake2b, RNM_TREE_SIG);
	return put(publisher, path, (struct rnm_bytes){ (const char *)signature, sizeof(signature) }, err);
}

static enum rnm_status sign_statement(const struct rnm_publisher *publisher, const struct rnm_published *model,
                                      struct rnm_error *err)
{
	struct rnm_statement statement = {
		.has_model_version = true,
		.model_version = model->model_version,
		.created = model->created,
		.not_after = model->not_after,
		.size = model->size,
	};
	char path[RNM_TREE_PATH_MAX];
	struct rnm_buf text;
	enum rnm_status status;

	/* Names and digests are shorter than their room (rnm_alias_name_is_good); a rule that is longer is no name. */
	(void)snprintf(statement.name, sizeof(statement.name), "%s", model->name);
	(void)snprintf(statement.providers_digest, sizeof(statement.providers_digest), "%s",
	               model->providers_digest);
	if (model->rule != NULL && strlen(model->rule) < sizeof(statement.rule))
		(void)snprintf(statement.rule, sizeof(statement.rule), "%s", model->rule);
	(void)sodium_hex2bin(statement.blake2b, sizeof(statement.blake2b), model->blake2b,
	                     strlen(model->blake2b), NULL, NULL, NULL);
	rnm_buf_init(&text, RNM_STATEMENT_FILE_MAX);
	status = rnm_statement_write(&statement, publisher->options.key, &text, err);
	rnm_object_path(path, model->blake2b, RNM_TREE_STATEMENT);
	if (status == RNM_OK)
		status = put(publisher, path, (struct rnm_bytes){ text.data, text.len }, err);
	rnm_buf_free(&text);
	return status;
}

enum rnm_status rnm_object_sign(const struct rnm_publisher *publisher, const struct rnm_published *model,
                                struct rnm_bytes bytes, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (publisher->options.key == NULL || publisher->options.dry_run)
		return RNM_OK;
	status = sign_raw(publisher, model, bytes, err);
	return status == RNM_OK ? sign_statement(publisher, model, err) : status;
}

enum rnm_status rnm_object_check_ours(const struct rnm_publisher *publisher, const struct rnm_published *model,
                                      struct rnm_bytes bytes, struct rnm_error *err)
{
	char path[RNM_TREE_PATH_MAX];
	struct rnm_buf signature;
	enum rnm_status status;

	if (publisher->options.key == NULL)
		return RNM_OK;
	rnm_object_path(path, model->blake2b, RNM_TREE_SIG);
	rnm_buf_init(&signature, RNM_SIGNATURE_SIZE + 1);
	status = publisher->place->ops->read(publisher->place, path, &signature, RNM_SIGNATURE_SIZE, err);
	if (status == RNM_OK && signature.len == RNM_SIGNATURE_SIZE)
		status = rnm_signature_check(rnm_key_public(publisher->options.key), bytes,
		                             (const uint8_t *)signature.data, err);
	else if (status == RNM_OK || status == RNM_E_NOT_FOUND || status == RNM_E_MALFORMED)
		status = RNM_E_SIGNATURE;
	rnm_buf_free(&signature);
	if (status != RNM_E_SIGNATURE)
		return status;
	rnm_error_set(err, RNM_E_SIGNATURE, "publish.foreign",
	              "%s in the tree bears no signature of this key, and is not signed with it", model->name);
	rnm_error_set_hint(err, "publish the model from a file of your own");
	return RNM_E_SIGNATURE;
}

/* ---- aliases ---- */

static enum rnm_status read_small(const struct rnm_publisher *publisher, const char *path, struct rnm_buf *out,
                                  struct rnm_error *err)
{
	enum rnm_status status =
	    publisher->place->ops->read(publisher->place, path, out, RNM_STATEMENT_FILE_MAX, err);

	return status == RNM_E_NOT_FOUND || status == RNM_E_MALFORMED ? RNM_OK : status;
}

/* A file is left alone when it says the same: its time tells when it changed. */
static enum rnm_status copy(const struct rnm_publisher *publisher, const char *from, const char *to,
                            struct rnm_error *err)
{
	struct rnm_buf new, old;
	enum rnm_status status;

	rnm_buf_init(&new, RNM_STATEMENT_FILE_MAX + 1);
	rnm_buf_init(&old, RNM_STATEMENT_FILE_MAX + 1);
	status = publisher->place->ops->read(publisher->place, from, &new, RNM_STATEMENT_FILE_MAX, err);
	if (status == RNM_OK)
		status = read_small(publisher, to, &old, err);
	if (status == RNM_OK && (new.len != old.len || memcmp(new.data, old.data, new.len) != 0))
		status = put(publisher, to, (struct rnm_bytes){ new.data, new.len }, err);
	rnm_buf_free(&new);
	rnm_buf_free(&old);
	return status;
}

enum rnm_status rnm_alias_sign(const struct rnm_publisher *publisher, const struct rnm_published *model,
                               struct rnm_error *err)
{
	static const char *const endings[] = { RNM_TREE_SIG, RNM_TREE_STATEMENT };
	enum rnm_status status = RNM_OK;

	if (model->key == NULL)
		return RNM_OK;
	for (size_t i = 0; status == RNM_OK && i < sizeof(endings) / sizeof(endings[0]); i++) {
		char from[RNM_TREE_PATH_MAX], to[RNM_TREE_PATH_MAX];

		rnm_object_path(from, model->blake2b, endings[i]);
		rnm_alias_path(to, model->name, endings[i]);
		status = copy(publisher, from, to, err);
	}
	return status;
}

/* ---- the index ---- */

/* The line of old signatures that fits the index which lies in the tree, else the first of them. */
static enum rnm_status choose_old(const struct rnm_publisher *publisher, const struct rnm_buf *index,
                                  const struct rnm_buf *lines, struct rnm_bytes *out, struct rnm_error *err)
{
	const struct rnm_bytes text = { index->data, index->len };
	const struct rnm_trusted_key *signer;
	char own[RNM_PUBLIC_KEY_TEXT_SIZE];
	struct rnm_trust *trust = NULL;
	struct rnm_bytes rest = { lines->data, lines->len }, line;
	enum rnm_status status = rnm_trust_new(&trust, err);

	rnm_public_key_text(rnm_key_public(publisher->options.key), own);
	if (status == RNM_OK)
		status = rnm_trust_add_text(trust, own, err);
	for (size_t i = 0; status == RNM_OK && rnm_index_signature_next(&rest, &line); i++) {
		const enum rnm_status fits =
		    rnm_envelope_open(RNM_DOMAIN_INDEX, text, line, trust, &signer, NULL);

		if (fits == RNM_E_NOMEM)
			status = rnm_error_nomem(err);
		if (fits == RNM_OK || i == 0)
			*out = line;
		if (fits == RNM_OK)
			break;
	}
	rnm_trust_free(trust);
	return status;
}

/* Between the writing of the signatures and that of the index, the old index is still signed. */
static enum rnm_status add_old(const struct rnm_publisher *publisher, struct rnm_buf *out, struct rnm_error *err)
{
	struct rnm_bytes line = { NULL, 0 };
	struct rnm_buf index, lines;
	enum rnm_status status;

	rnm_buf_init(&index, RNM_INDEX_MAX + 1);
	rnm_buf_init(&lines, RNM_STATEMENT_FILE_MAX + 1);
	status = read_small(publisher, RNM_TREE_INDEX RNM_TREE_STATEMENT, &lines, err);
	if (status == RNM_OK && lines.len > 0) {
		status = publisher->place->ops->read(publisher->place, RNM_TREE_INDEX, &index, RNM_INDEX_MAX, err);
		if (status == RNM_E_NOT_FOUND || status == RNM_E_MALFORMED)
			status = RNM_OK;
		if (status == RNM_OK)
			status = choose_old(publisher, &index, &lines, &line, err);
	}
	rnm_buf_append(out, line.data, line.len);
	if (line.len > 0)
		rnm_buf_putc(out, '\n');
	rnm_buf_free(&index);
	rnm_buf_free(&lines);
	return status;
}

enum rnm_status rnm_index_sign(const struct rnm_publisher *publisher, struct rnm_bytes text, struct rnm_error *err)
{
	struct rnm_buf out;
	enum rnm_status status;

	if (publisher->options.key == NULL)
		return RNM_OK;
	rnm_buf_init(&out, RNM_STATEMENT_FILE_MAX);
	status = rnm_envelope_seal(RNM_DOMAIN_INDEX, text, publisher->options.key, &out, err);
	rnm_buf_putc(&out, '\n');
	if (status == RNM_OK)
		status = add_old(publisher, &out, err);
	if (status == RNM_OK && out.failed)
		status = rnm_error_nomem(err);
	if (status == RNM_OK)
		status = put(publisher, RNM_TREE_INDEX RNM_TREE_STATEMENT,
		             (struct rnm_bytes){ out.data, out.len }, err);
	rnm_buf_free(&out);
	return status;
}
