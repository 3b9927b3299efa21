/* SPDX-License-Identifier: Apache-2.0 */
/* What lies beside a model, and beside the index, so that others can tell who published it. */
#include "base/value_build.h"
#include "share/envelope.h"
#include "share/published.h"
#include "share/publisher.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define BASE64_ROOM sodium_base64_ENCODED_LEN(RNM_SIGNATURE_SIZE, sodium_base64_VARIANT_ORIGINAL)

static enum rnm_status put(const struct rnm_publisher *publisher, const char *path, struct rnm_bytes bytes,
                           struct rnm_error *err)
{
	return publisher->place->ops->write(publisher->place, path, bytes, publisher->now, err);
}

static enum rnm_status read_small(const struct rnm_publisher *publisher, const char *path,
                                  struct rnm_buf *out, struct rnm_error *err)
{
	enum rnm_status status =
	    publisher->place->ops->read(publisher->place, path, out, RNM_STATEMENT_FILE_MAX, err);

	return status == RNM_E_NOT_FOUND || status == RNM_E_MALFORMED ? RNM_OK : status;
}

/* Unless it lies there already. */
static enum rnm_status put_new(const struct rnm_publisher *publisher, const char *path,
                               struct rnm_bytes bytes, struct rnm_error *err)
{
	struct rnm_buf old;
	enum rnm_status status;

	rnm_buf_init(&old, RNM_STATEMENT_FILE_MAX + 1);
	status = read_small(publisher, path, &old, err);
	if (status == RNM_OK && (old.len != bytes.len || memcmp(old.data, bytes.data, bytes.len) != 0))
		status = put(publisher, path, bytes, err);
	rnm_buf_free(&old);
	return status;
}

/* ---- models ---- */

/* Into the memory of the history. */
static enum rnm_status keep(struct rnm_publisher *publisher, const char **out, const char *text, size_t len,
                            struct rnm_error *err)
{
	*out = rnm_arena_strndup(&publisher->history->arena, text, len);
	return *out != NULL ? RNM_OK : rnm_error_nomem(err);
}

static enum rnm_status prove_bytes(struct rnm_publisher *publisher, struct rnm_bytes bytes,
                                   struct rnm_proof *proof, struct rnm_error *err)
{
	const struct rnm_key *key = publisher->options.key;
	uint8_t signature[RNM_SIGNATURE_SIZE];
	char text[BASE64_ROOM];
	enum rnm_status status = rnm_key_sign(key, bytes, signature, err);

	/* Nothing leaves that does not hold. */
	if (status == RNM_OK)
		status = rnm_signature_check(rnm_key_public(key), bytes, signature, err);
	if (status != RNM_OK)
		return status;
	(void)sodium_bin2base64(text, sizeof(text), signature, sizeof(signature),
	                        sodium_base64_VARIANT_ORIGINAL);
	return keep(publisher, &proof->signature, text, strlen(text), err);
}

static enum rnm_status prove_statement(struct rnm_publisher *publisher, const struct rnm_published *model,
                                       struct rnm_proof *proof, struct rnm_error *err)
{
	struct rnm_statement statement = {
		.has_model_version = true,
		.model_version = model->model_version,
		.created = model->created,
		.not_after = model->not_after,
		.size = model->size,
	};
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
	if (status == RNM_OK)
		status = keep(publisher, &proof->statement, rnm_buf_cstr(&text), text.len, err);
	rnm_buf_free(&text);
	return status;
}

enum rnm_status rnm_publisher_prove(struct rnm_publisher *publisher, struct rnm_entry *entry,
                                    struct rnm_bytes bytes, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	if (publisher->options.key == NULL)
		return RNM_OK;
	status = prove_bytes(publisher, bytes, &entry->proof, err);
	return status == RNM_OK ? prove_statement(publisher, &entry->model, &entry->proof, err) : status;
}

/*
 * The statement is the first: who meets a new statement beside an old file or signature finds the object that it
 * names, and who reads it last meets what it names.  A file is left alone when it says the same: its time tells
 * when it changed.
 */
static enum rnm_status put_proof(const struct rnm_publisher *publisher, const char *stem,
                                 const struct rnm_proof *proof, struct rnm_error *err)
{
	unsigned char signature[RNM_SIGNATURE_SIZE];
	char path[RNM_TREE_PATH_MAX];
	size_t len = 0;
	enum rnm_status status;

	if (proof->statement == NULL || proof->signature == NULL)
		return RNM_OK;
	if (sodium_base642bin(signature, sizeof(signature), proof->signature, strlen(proof->signature), NULL,
	                      &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    len != sizeof(signature))
		return rnm_error_set(err, RNM_E_MALFORMED, "publish.history",
		                     "%s: expected a signature of %zu bytes in the history", stem,
		                     sizeof(signature));
	(void)snprintf(path, sizeof(path), "%s" RNM_STATEMENT_SUFFIX, stem);
	status = put_new(publisher, path, rnm_bytes_of(proof->statement), err);
	(void)snprintf(path, sizeof(path), "%s" RNM_SIGNATURE_SUFFIX, stem);
	return status == RNM_OK
	           ? put_new(publisher, path, (struct rnm_bytes){ (const char *)signature, len }, err)
	           : status;
}

enum rnm_status rnm_object_sign(const struct rnm_publisher *publisher, const struct rnm_entry *entry,
                                struct rnm_error *err)
{
	char stem[RNM_TREE_PATH_MAX];

	rnm_object_path(stem, entry->model.blake2b, "");
	return put_proof(publisher, stem, &entry->proof, err);
}

enum rnm_status rnm_alias_sign(const struct rnm_publisher *publisher,
                               const struct rnm_publication *publication, struct rnm_error *err)
{
	char stem[RNM_TREE_PATH_MAX];

	rnm_alias_path(stem, publication->model.name, "");
	return put_proof(publisher, stem, &publication->proof, err);
}

/* ---- is it ours? ---- */

enum rnm_status rnm_object_check_ours(const struct rnm_publisher *publisher,
                                      const struct rnm_published *model, struct rnm_bytes bytes,
                                      struct rnm_error *err)
{
	char path[RNM_TREE_PATH_MAX];
	struct rnm_buf signature;
	enum rnm_status status;

	if (publisher->options.key == NULL)
		return RNM_OK;
	rnm_object_path(path, model->blake2b, RNM_SIGNATURE_SUFFIX);
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
	              "%s in the tree bears no signature of this key, and is not signed with it",
	              model->name);
	rnm_error_set_hint(err, "publish the model from a file of your own");
	return RNM_E_SIGNATURE;
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
static enum rnm_status add_old(const struct rnm_publisher *publisher, struct rnm_buf *out,
                               struct rnm_error *err)
{
	struct rnm_bytes line = { NULL, 0 };
	struct rnm_buf index, lines;
	enum rnm_status status;

	rnm_buf_init(&index, RNM_INDEX_MAX + 1);
	rnm_buf_init(&lines, RNM_STATEMENT_FILE_MAX + 1);
	status = read_small(publisher, RNM_TREE_INDEX RNM_STATEMENT_SUFFIX, &lines, err);
	if (status == RNM_OK && lines.len > 0) {
		status =
		    publisher->place->ops->read(publisher->place, RNM_TREE_INDEX, &index, RNM_INDEX_MAX, err);
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

enum rnm_status rnm_index_sign(const struct rnm_publisher *publisher, struct rnm_bytes text,
                               struct rnm_error *err)
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
		status = put(publisher, RNM_TREE_INDEX RNM_STATEMENT_SUFFIX,
		             (struct rnm_bytes){ out.data, out.len }, err);
	rnm_buf_free(&out);
	return status;
}
