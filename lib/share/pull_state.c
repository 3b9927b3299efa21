/* SPDX-License-Identifier: Apache-2.0 */
#include "share/pull_state.h"

#include "base/file.h"
#include "format/json_load.h"

#include <rnm/file.h>
#include <rnm/json.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_VERSION 1
/* Room for the longest bytes in hexadecimal. */
#define HEX_SIZE (2 * RNM_SIGNATURE_SIZE + 1)

/* ---- reading ---- */

struct reading {
	const char *path;
	struct rnm_error *err;
	bool failed;
};

static bool malformed(struct reading *reading, const char *what)
{
	if (!reading->failed) {
		rnm_error_set(reading->err, RNM_E_MALFORMED, "pull.state",
		              "expected what an earlier pull remembers in %s, found %s", reading->path, what);
		rnm_error_at_line(reading->err, reading->path, 0);
		rnm_error_set_hint(
		    reading->err,
		    "see that nobody tampers with it; without the file, the next pull accepts any "
		    "version that is signed");
	}
	reading->failed = true;
	return false;
}

/* A text that may be absent, which leaves out empty. */
static bool read_text(struct reading *reading, const json_t *object, const char *member, char *out,
                      size_t max)
{
	const json_t *value = json_object_get(object, member);

	out[0] = '\0';
	if (value == NULL)
		return true;
	if (!json_is_string(value) || json_string_length(value) > max ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return malformed(reading, member);
	memcpy(out, json_string_value(value), json_string_length(value) + 1);
	return true;
}

/* Bytes that may be absent. */
static bool read_hex(struct reading *reading, const json_t *object, const char *member, bool *present,
                     uint8_t *bytes, size_t size)
{
	char text[HEX_SIZE];
	size_t len;

	if (!read_text(reading, object, member, text, sizeof(text) - 1))
		return false;
	*present = text[0] != '\0';
	if (!*present)
		return true;
	if (strlen(text) != 2 * size ||
	    sodium_hex2bin(bytes, size, text, strlen(text), NULL, &len, NULL) != 0 || len != size)
		return malformed(reading, member);
	return true;
}

static bool read_hash(struct reading *reading, const json_t *object, const char *member, bool *present,
                      uint8_t hash[RNM_BLAKE2B_SIZE])
{
	return read_hex(reading, object, member, present, hash, RNM_BLAKE2B_SIZE);
}

/* The bytes of a model and its signature: both or none. */
static bool read_model(struct reading *reading, const json_t *root, struct rnm_pull_state *state)
{
	bool is_signed;

	if (!read_hash(reading, root, "model", &state->has_model, state->model) ||
	    !read_hex(reading, root, "signature", &is_signed, state->signature, RNM_SIGNATURE_SIZE))
		return false;
	return is_signed == state->has_model || malformed(reading, "signature");
}

static bool read_validators(struct reading *reading, const json_t *object, const char *member,
                            struct rnm_pull_validators *out)
{
	const json_t *value = json_object_get(object, member);

	if (value != NULL && !json_is_object(value))
		return malformed(reading, member);
	return read_text(reading, value, "etag", out->etag, RNM_PULL_VALIDATOR_MAX) &&
	       read_text(reading, value, "modified", out->modified, RNM_PULL_VALIDATOR_MAX);
}

/* That a hash was computed, and when: both or none. */
static bool read_hashed(struct reading *reading, const json_t *root, struct rnm_pull_state *state)
{
	const json_t *when = json_object_get(root, "hashed_at");

	if (!read_hash(reading, root, "hashed", &state->has_hashed, state->hashed))
		return false;
	if (state->has_hashed != json_is_integer(when))
		return malformed(reading, "hashed_at");
	state->hashed_at = state->has_hashed ? json_integer_value(when) : 0;
	return true;
}

static bool read_floor(struct reading *reading, const json_t *value, struct rnm_pull_floor *out)
{
	const json_t *version = json_object_get(value, "model_version");
	const json_t *created = json_object_get(value, "created");
	char key[RNM_PUBLIC_KEY_TEXT_SIZE];

	if (!read_text(reading, value, "name", out->name, RNM_STATEMENT_NAME_MAX) ||
	    !read_text(reading, value, "key", key, sizeof(key) - 1))
		return false;
	if (out->name[0] == '\0' || rnm_public_key_parse(&out->key, key, NULL) != RNM_OK ||
	    !json_is_integer(version) || json_integer_value(version) < 0 || !json_is_integer(created))
		return malformed(reading, "seen");
	out->model_version = (uint64_t)json_integer_value(version);
	out->created = json_integer_value(created);
	return true;
}

static bool read_floors(struct reading *reading, const json_t *root, struct rnm_pull_state *state)
{
	const json_t *seen = json_object_get(root, "seen");

	if (!json_is_array(seen) || json_array_size(seen) > RNM_PULL_FLOORS_MAX)
		return malformed(reading, "seen");
	for (size_t i = 0; i < json_array_size(seen); i++)
		if (!read_floor(reading, json_array_get(seen, i), &state->floors[state->floor_count++]))
			return false;
	return true;
}

static bool read_root(struct reading *reading, const json_t *root, struct rnm_pull_state *state)
{
	const json_t *version = json_object_get(root, "rnm_pull");
	const json_t *pending = json_object_get(root, "pending");

	if (!json_is_integer(version) || json_integer_value(version) != FORMAT_VERSION)
		return malformed(reading, "another format");
	if (!json_is_boolean(pending))
		return malformed(reading, "pending");
	state->pending = json_is_true(pending);
	return read_floors(reading, root, state) &&
	       read_hash(reading, root, "url", &state->has_url, state->url) &&
	       read_text(reading, root, "statement", state->statement, RNM_STATEMENT_FILE_MAX) &&
	       read_validators(reading, root, "statement_is", &state->statement_is) &&
	       read_validators(reading, root, "model_is", &state->model_is) &&
	       read_model(reading, root, state) && read_hashed(reading, root, state) &&
	       read_hash(reading, root, "part", &state->has_part, state->part) &&
	       read_validators(reading, root, "part_is", &state->part_is);
}

enum rnm_status rnm_pull_state_parse(struct rnm_pull_state *state, struct rnm_bytes text, const char *path,
                                     struct rnm_error *err)
{
	struct reading reading = { .path = path, .err = err };
	json_error_t problem;
	bool no_memory;
	json_t *root = rnm_json_load(text, JSON_REJECT_DUPLICATES, &problem, &no_memory);
	bool ok;

	memset(state, 0, sizeof(*state));
	if (root == NULL && no_memory)
		return rnm_error_nomem(err);
	ok = root != NULL ? read_root(&reading, root, state) : malformed(&reading, problem.text);
	json_decref(root);
	if (!ok)
		memset(state, 0, sizeof(*state));
	return ok ? RNM_OK : RNM_E_MALFORMED;
}

enum rnm_status rnm_pull_state_read(struct rnm_pull_state *state, const char *path, struct rnm_error *err)
{
	struct rnm_buf text;
	enum rnm_status status;

	memset(state, 0, sizeof(*state));
	rnm_buf_init(&text, RNM_PULL_STATE_FILE_MAX + 1);
	status = rnm_file_read(path, &text, RNM_PULL_STATE_FILE_MAX, err);
	if (status == RNM_OK)
		status = rnm_pull_state_parse(state, (struct rnm_bytes){ rnm_buf_cstr(&text), text.len },
		                              path, err);
	else if (status == RNM_E_NOT_FOUND)
		status = RNM_OK;
	rnm_buf_free(&text);
	return status;
}

/* ---- writing ---- */

static void print_text(struct rnm_json *json, const char *member, const char *text)
{
	if (text[0] != '\0')
		rnm_json_kv_string(json, member, text);
}

static void print_hex(struct rnm_json *json, const char *member, bool present, const uint8_t *bytes,
                      size_t size)
{
	char text[HEX_SIZE];

	if (present)
		rnm_json_kv_string(json, member, sodium_bin2hex(text, sizeof(text), bytes, size));
}

static void print_validators(struct rnm_json *json, const char *member,
                             const struct rnm_pull_validators *validators)
{
	if (validators->etag[0] == '\0' && validators->modified[0] == '\0')
		return;
	rnm_json_key(json, member);
	rnm_json_begin_object(json);
	print_text(json, "etag", validators->etag);
	print_text(json, "modified", validators->modified);
	rnm_json_end_object(json);
}

static void print_floor(struct rnm_json *json, const struct rnm_pull_floor *floor)
{
	char key[RNM_PUBLIC_KEY_TEXT_SIZE];

	rnm_public_key_text(&floor->key, key);
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "name", floor->name);
	rnm_json_kv_string(json, "key", key);
	rnm_json_kv_uint(json, "model_version", floor->model_version);
	rnm_json_kv_int(json, "created", floor->created);
	rnm_json_end_object(json);
}

static void print_root(struct rnm_json *json, const struct rnm_pull_state *state)
{
	rnm_json_begin_object(json);
	rnm_json_kv_int(json, "rnm_pull", FORMAT_VERSION);
	rnm_json_key(json, "seen");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < state->floor_count; i++)
		print_floor(json, &state->floors[i]);
	rnm_json_end_array(json);
	print_hex(json, "url", state->has_url, state->url, RNM_BLAKE2B_SIZE);
	print_text(json, "statement", state->statement);
	print_validators(json, "statement_is", &state->statement_is);
	print_hex(json, "model", state->has_model, state->model, RNM_BLAKE2B_SIZE);
	print_hex(json, "signature", state->has_model, state->signature, RNM_SIGNATURE_SIZE);
	print_validators(json, "model_is", &state->model_is);
	rnm_json_kv_bool(json, "pending", state->pending);
	print_hex(json, "hashed", state->has_hashed, state->hashed, RNM_BLAKE2B_SIZE);
	if (state->has_hashed)
		rnm_json_kv_int(json, "hashed_at", state->hashed_at);
	print_hex(json, "part", state->has_part, state->part, RNM_BLAKE2B_SIZE);
	print_validators(json, "part_is", &state->part_is);
	rnm_json_end_object(json);
}

enum rnm_status rnm_pull_state_print(const struct rnm_pull_state *state, struct rnm_buf *out,
                                     struct rnm_error *err)
{
	struct rnm_json *json = malloc(sizeof(*json));

	if (json == NULL)
		return rnm_error_nomem(err);
	rnm_json_init(json, out, true);
	print_root(json, state);
	free(json);
	return rnm_buf_putc(out, '\n') ? RNM_OK : rnm_error_nomem(err);
}

enum rnm_status rnm_pull_state_write(const struct rnm_pull_state *state, const char *path,
                                     struct rnm_error *err)
{
	struct rnm_buf out;
	enum rnm_status status;

	rnm_buf_init(&out, RNM_PULL_STATE_FILE_MAX);
	status = rnm_pull_state_print(state, &out, err);
	if (status == RNM_OK)
		status = rnm_file_write(path, out.data, out.len, err);
	rnm_buf_free(&out);
	return status;
}

/* ---- floors ---- */

uint64_t rnm_pull_version(const struct rnm_statement *statement)
{
	return statement->has_model_version ? statement->model_version : 0;
}

static bool newer(const struct rnm_pull_floor *a, const struct rnm_pull_floor *b)
{
	return a->model_version != b->model_version ? a->model_version > b->model_version
	                                            : a->created > b->created;
}

const struct rnm_pull_floor *rnm_pull_floor_find(const struct rnm_pull_state *state, const char *name,
                                                 const struct rnm_trust *trust)
{
	const struct rnm_pull_floor *newest = NULL;

	for (size_t i = 0; i < state->floor_count; i++) {
		const struct rnm_pull_floor *floor = &state->floors[i];

		/* What a key said that is no longer trusted counts no more: it may have been somebody else. */
		if (strcmp(floor->name, name) == 0 && rnm_trust_find(trust, &floor->key) != NULL &&
		    (newest == NULL || newer(floor, newest)))
			newest = floor;
	}
	return newest;
}

static void forget(struct rnm_pull_state *state, size_t index)
{
	state->floor_count--;
	memmove(&state->floors[index], &state->floors[index + 1],
	        (state->floor_count - index) * sizeof(state->floors[0]));
}

/* Forgets what the new floor takes the place of, and if need be one that does not count any more. */
static void make_room(struct rnm_pull_state *state, const char *name, const struct rnm_public_key *key,
                      const struct rnm_trust *trust, bool all_keys)
{
	for (size_t i = state->floor_count; i-- > 0;)
		if (strcmp(state->floors[i].name, name) == 0 &&
		    (all_keys || rnm_public_key_equal(&state->floors[i].key, key)))
			forget(state, i);
	for (size_t i = state->floor_count; i-- > 0 && state->floor_count >= RNM_PULL_FLOORS_MAX;)
		if (rnm_trust_find(trust, &state->floors[i].key) == NULL ||
		    strcmp(state->floors[i].name, name) != 0)
			forget(state, i);
}

void rnm_pull_floor_set(struct rnm_pull_state *state, const struct rnm_statement *statement,
                        const struct rnm_public_key *key, const struct rnm_trust *trust, bool rollback)
{
	struct rnm_pull_floor *floor;

	make_room(state, statement->name, key, trust, rollback);
	floor = &state->floors[state->floor_count++];
	memcpy(floor->name, statement->name, sizeof(floor->name));
	floor->key = *key;
	floor->model_version = rnm_pull_version(statement);
	floor->created = statement->created;
}
