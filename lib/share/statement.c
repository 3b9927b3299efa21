/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/utf8.h"
#include "format/json_load.h"
#include "share/envelope.h"

#include <rnm/json.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

_Static_assert(RNM_BLAKE2B_SIZE == crypto_generichash_BYTES, "BLAKE2b-256");

/* ---- what a statement may say ---- */

/* Text for names of files and rules: it is printed, compared, and may become a name on a disk. */
static bool is_plain_text(const char *text, size_t max)
{
	const size_t len = strnlen(text, max + 1);
	size_t pos = 0;

	while (pos < len) {
		const size_t step = rnm_utf8_length((const unsigned char *)text + pos, len - pos);

		if (step == 0 || (unsigned char)text[pos] < 0x20 || text[pos] == 0x7f)
			return false;
		pos += step;
	}
	return len <= max;
}

static bool is_name(const char *name)
{
	return is_plain_text(name, RNM_STATEMENT_NAME_MAX) && name[0] != '\0' && strchr(name, '/') == NULL &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static const char *problem_of(const struct rnm_statement *statement)
{
	if (!is_name(statement->name))
		return "the name is no name of a file in a folder";
	if (!is_plain_text(statement->rule, RNM_STATEMENT_NAME_MAX))
		return "the name of the rule is no plain text";
	if (!is_plain_text(statement->providers_digest, RNM_STATEMENT_DIGEST_MAX))
		return "the providers digest is no plain text";
	if (statement->model_version > INT64_MAX || statement->size > INT64_MAX)
		return "a number is too large";
	if (statement->created < 0 ||
	    (statement->not_after != 0 && statement->not_after < statement->created))
		return "it ends before it begins";
	return NULL;
}

/* ---- writing ---- */

static void put_text(struct rnm_json *json, const char *key, const char *text)
{
	rnm_json_kv_string(json, key, text[0] != '\0' ? text : NULL);
}

/* Canonical: the members in byte order, each there, what is not said is null. */
static void put_statement(struct rnm_buf *out, const struct rnm_statement *statement)
{
	char hash[RNM_HASH_HEX];
	struct rnm_json json;

	rnm_hash_text(hash, statement->blake2b);
	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	rnm_json_kv_string(&json, "blake2b", hash);
	rnm_json_kv_int(&json, "created", statement->created);
	if (statement->has_model_version)
		rnm_json_kv_uint(&json, "model_version", statement->model_version);
	else
		rnm_json_kv_null(&json, "model_version");
	rnm_json_kv_string(&json, "name", statement->name);
	if (statement->not_after != 0)
		rnm_json_kv_int(&json, "not_after", statement->not_after);
	else
		rnm_json_kv_null(&json, "not_after");
	put_text(&json, "providers_digest", statement->providers_digest);
	put_text(&json, "rule", statement->rule);
	rnm_json_kv_uint(&json, "size", statement->size);
	rnm_json_end_object(&json);
}

static void cut(struct rnm_buf *buf, size_t len)
{
	buf->len = len;
	if (buf->data != NULL)
		buf->data[len] = '\0';
}

enum rnm_status rnm_statement_write(const struct rnm_statement *statement, const struct rnm_key *key,
                                    struct rnm_buf *out, struct rnm_error *err)
{
	const char *problem = problem_of(statement);
	const size_t start = out->len;
	char room[RNM_STATEMENT_FILE_MAX];
	struct rnm_buf line;
	enum rnm_status status;

	if (problem != NULL) {
		rnm_error_set(err, RNM_E_USAGE, "statement.invalid",
		              "a statement that nobody would accept: %s", problem);
		if (!is_name(statement->name))
			rnm_error_set_hint(err, "rnm sign --name NAME gives another one");
		return RNM_E_USAGE;
	}
	rnm_buf_init_in(&line, room, sizeof(room));
	put_statement(&line, statement);
	rnm_buf_append(out, line.data, line.len);
	rnm_buf_putc(out, '\n');
	status =
	    rnm_envelope_seal(RNM_DOMAIN_STATEMENT, (struct rnm_bytes){ line.data, line.len }, key, out, err);
	rnm_buf_putc(out, '\n');
	if (status == RNM_OK && (line.failed || out->failed || out->len - start > RNM_STATEMENT_FILE_MAX))
		status = rnm_error_nomem(err);
	if (status != RNM_OK)
		cut(out, start);
	return status;
}

enum rnm_status rnm_statement_measure(struct rnm_statement *statement, struct rnm_bytes file,
                                      struct rnm_error *err)
{
	const unsigned char *data = (const unsigned char *)file.data;

	if (sodium_init() < 0)
		return rnm_error_nomem(err);
	(void)!crypto_generichash(statement->blake2b, sizeof(statement->blake2b), data, file.len, NULL, 0);
	statement->size = file.len;
	return RNM_OK;
}

/* ---- reading ---- */

static enum rnm_status malformed(struct rnm_error *err)
{
	return rnm_error_set(err, RNM_E_SIGNATURE, "statement.malformed",
	                     "expected a statement of rnm sign: two lines, the first of them canonical JSON");
}

static bool take_text(char *out, size_t size, const json_t *json, const char *member, bool optional)
{
	const json_t *value = json_object_get(json, member);
	const size_t len = json_string_length(value);

	if (optional && json_is_null(value))
		return true;
	if (!json_is_string(value) || len == 0 || len >= size || strlen(json_string_value(value)) != len)
		return false;
	memcpy(out, json_string_value(value), len + 1);
	return true;
}

/* A number of 0 or more; *given says whether it is there, and may be NULL where it must be. */
static bool take_number(int64_t *out, const json_t *json, const char *member, bool *given)
{
	const json_t *value = json_object_get(json, member);

	if (given != NULL) {
		*given = !json_is_null(value);
		if (!*given)
			return true;
	}
	*out = json_integer_value(value);
	return json_is_integer(value) && *out >= 0;
}

static bool take_members(struct rnm_statement *out, const json_t *json)
{
	int64_t version = 0;
	int64_t size = 0;
	bool ends = false;

	if (!rnm_hash_read(out->blake2b, json_string_value(json_object_get(json, "blake2b"))) ||
	    !take_number(&out->created, json, "created", NULL) ||
	    !take_number(&version, json, "model_version", &out->has_model_version) ||
	    !take_text(out->name, sizeof(out->name), json, "name", false) ||
	    !take_number(&out->not_after, json, "not_after", &ends) ||
	    !take_text(out->providers_digest, sizeof(out->providers_digest), json, "providers_digest",
	               true) ||
	    !take_text(out->rule, sizeof(out->rule), json, "rule", true) ||
	    !take_number(&size, json, "size", NULL))
		return false;
	out->model_version = (uint64_t)version;
	out->size = (uint64_t)size;
	return problem_of(out) == NULL;
}

/* Whatever is not what we would write says something that we would not understand. */
static bool is_canonical(const struct rnm_statement *statement, struct rnm_bytes line)
{
	char room[RNM_STATEMENT_FILE_MAX];
	struct rnm_buf again;

	rnm_buf_init_in(&again, room, sizeof(room));
	put_statement(&again, statement);
	return !again.failed && again.len == line.len && memcmp(again.data, line.data, line.len) == 0;
}

static enum rnm_status parse(struct rnm_statement *out, struct rnm_bytes line, struct rnm_error *err)
{
	struct rnm_statement statement = { 0 };
	bool no_memory = false;
	json_error_t problem;
	json_t *json = rnm_json_load(line, JSON_REJECT_DUPLICATES, &problem, &no_memory);
	bool ok;

	if (json == NULL)
		return no_memory ? rnm_error_nomem(err) : malformed(err);
	ok = take_members(&statement, json) && is_canonical(&statement, line);
	json_decref(json);
	if (!ok)
		return malformed(err);
	*out = statement;
	return RNM_OK;
}

/* One line from *text, without its newline; false when there is none. */
static bool cut_line(struct rnm_bytes *text, struct rnm_bytes *line)
{
	const char *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;

	if (end == NULL)
		return false;
	*line = (struct rnm_bytes){ text->data, (size_t)(end - text->data) };
	text->len -= line->len + 1;
	text->data = end + 1;
	return true;
}

enum rnm_status rnm_statement_read(struct rnm_bytes bytes, const struct rnm_trust *trust,
                                   struct rnm_statement *out, const struct rnm_trusted_key **signer,
                                   struct rnm_error *err)
{
	const struct rnm_trusted_key *trusted;
	struct rnm_bytes line;
	struct rnm_bytes seal;
	enum rnm_status status;

	if (bytes.len > RNM_STATEMENT_FILE_MAX || !cut_line(&bytes, &line) || !cut_line(&bytes, &seal) ||
	    bytes.len != 0)
		return malformed(err);
	/* Before anything in it is looked at. */
	status = rnm_envelope_open(RNM_DOMAIN_STATEMENT, line, seal, trust, &trusted, err);
	if (status == RNM_OK)
		status = parse(out, line, err);
	if (status == RNM_OK)
		*signer = trusted;
	return status;
}

/* ---- judging ---- */

/* "2026-11-23 02:16:40 UTC", as far as the year has four digits. */
static const char *time_text(char text[32], int64_t when)
{
	const time_t seconds = (time_t)when;
	struct tm parts;

	if (gmtime_r(&seconds, &parts) == NULL || strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
		snprintf(text, 32, "%lld", (long long)when);
	return text;
}

enum rnm_status rnm_statement_holds(const struct rnm_statement *statement, const char *name, int64_t now,
                                    struct rnm_error *err)
{
	char then[32];

	if (name != NULL && strcmp(name, statement->name) != 0)
		return rnm_error_set(err, RNM_E_SIGNATURE, "statement.name",
		                     "it is signed under the name %s and not under %s", statement->name,
		                     name);
	if (statement->not_after != 0 && now > statement->not_after)
		return rnm_error_set(err, RNM_E_SIGNATURE, "statement.expired",
		                     "the statement held until %s and has expired",
		                     time_text(then, statement->not_after));
	if (statement->created > now + RNM_STATEMENT_SKEW)
		return rnm_error_set(err, RNM_E_SIGNATURE, "statement.early",
		                     "the statement holds from %s, which is still to come",
		                     time_text(then, statement->created));
	return RNM_OK;
}

enum rnm_status rnm_statement_about(const struct rnm_statement *statement, uint64_t size,
                                    const uint8_t blake2b[RNM_BLAKE2B_SIZE], struct rnm_error *err)
{
	if (size != statement->size)
		return rnm_error_set(err, RNM_E_SIGNATURE, "statement.size",
		                     "the statement is about %llu bytes, found %llu",
		                     (unsigned long long)statement->size, (unsigned long long)size);
	if (memcmp(blake2b, statement->blake2b, RNM_BLAKE2B_SIZE) != 0)
		return rnm_error_set(err, RNM_E_SIGNATURE, "statement.hash",
		                     "the statement is about other bytes: their BLAKE2b-256 differs");
	return RNM_OK;
}
