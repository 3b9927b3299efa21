/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a profile: the plain form that workers write, else strictly, else as leniently as rspamd.
 * Which parser has read it does not matter to the code that judges the fields: all see struct node.
 */
#include "rspamd/profile.h"

#include "format/json_load.h"
#include "format/ucl.h"
#include "rspamd/profile_plain.h"
#include "rspamd/rule_number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger members are not read leniently: the tree takes many times the size of a hostile text. */
#define LENIENT_MAX ((size_t)1 << 20)
#define ARENA_MAX ((size_t)256 << 20)

/* A value of either tree; exactly one pointer is set, or none when the value is absent. */
struct node {
	json_t *json;
	const struct rnm_value *value;
};

static bool is_absent(struct node node)
{
	return node.json == NULL && node.value == NULL;
}

static enum rnm_type node_type(struct node node)
{
	if (node.value != NULL)
		return (enum rnm_type)node.value->type;
	if (node.json == NULL)
		return RNM_NULL;
	switch (json_typeof(node.json)) {
	case JSON_OBJECT:
		return RNM_OBJECT;
	case JSON_ARRAY:
		return RNM_ARRAY;
	case JSON_STRING:
		return RNM_STRING;
	case JSON_INTEGER:
		return RNM_INT;
	case JSON_REAL:
		return RNM_FLOAT;
	case JSON_TRUE:
	case JSON_FALSE:
		return RNM_BOOL;
	case JSON_NULL:
		break;
	}
	return RNM_NULL;
}

static struct rnm_bytes node_text(struct node node)
{
	if (node.value != NULL)
		return node.value->as.string;
	return (struct rnm_bytes){ json_string_value(node.json), json_string_length(node.json) };
}

static double node_number(struct node node)
{
	double number = 0;

	if (node.value == NULL)
		return json_number_value(node.json);
	(void)rnm_value_number(node.value, &number);
	return number;
}

/* Exact, which the number is not beyond 2^53. */
static int64_t node_integer(struct node node)
{
	return node.value != NULL ? node.value->as.integer : (int64_t)json_integer_value(node.json);
}

static bool node_bool(struct node node)
{
	return node.value != NULL ? node.value->as.boolean : json_is_true(node.json);
}

static struct node node_get(struct node object, const char *key)
{
	if (object.value != NULL)
		return (struct node){ .value = rnm_value_get(object.value, key) };
	return (struct node){ .json = json_object_get(object.json, key) };
}

static size_t node_count(struct node node)
{
	if (node.value != NULL)
		return rnm_value_count(node.value);
	return json_is_array(node.json) ? json_array_size(node.json) : json_object_size(node.json);
}

static struct node node_item(struct node array, size_t index)
{
	if (array.value != NULL)
		return (struct node){ .value = rnm_value_at(array.value, index) };
	return (struct node){ .json = json_array_get(array.json, index) };
}

/* A profile being read.  The first thing that is wrong is the one that is reported. */
struct reading {
	struct rnm_profile *profile;
	char problem[256];
	bool failed; /* out of memory */
};

static void RNM_PRINTF(2, 3) say(struct reading *reading, const char *fmt, ...)
{
	va_list args;

	if (reading->problem[0] != '\0')
		return;
	va_start(args, fmt);
	vsnprintf(reading->problem, sizeof(reading->problem), fmt, args);
	va_end(args);
}

static const char *type_phrase(struct node node)
{
	static const char *const phrases[] = {
		[RNM_NULL] = "null",        [RNM_BOOL] = "a boolean",  [RNM_INT] = "a number",
		[RNM_FLOAT] = "a number",   [RNM_STRING] = "a string", [RNM_ARRAY] = "an array",
		[RNM_OBJECT] = "an object",
	};

	return phrases[node_type(node)];
}

static void wrong_type(struct reading *reading, const char *field, const char *expected, struct node found)
{
	reading->profile->malformed = true;
	reading->profile->worker_ok = false;
	say(reading, "expected `%s` to be %s, found %s", field, expected, type_phrase(found));
}

static void missing(struct reading *reading, const char *field)
{
	reading->profile->worker_ok = false;
	say(reading, "the field `%s` is missing", field);
}

static char *copy_text(struct reading *reading, const char *data, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL) {
		reading->failed = true;
		return NULL;
	}
	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

/* A field that must be a string.  One with a NUL byte cannot be handed on as what it is. */
static char *read_string(struct reading *reading, struct node object, const char *field, bool required)
{
	struct node node = node_get(object, field);
	struct rnm_bytes text;

	if (is_absent(node)) {
		if (required)
			missing(reading, field);
		return NULL;
	}
	if (node_type(node) != RNM_STRING) {
		wrong_type(reading, field, "a string", node);
		return NULL;
	}
	text = node_text(node);
	if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL) {
		reading->profile->malformed = true;
		reading->profile->worker_ok = false;
		say(reading, "`%s` contains a NUL byte", field);
		return NULL;
	}
	return copy_text(reading, text.data, text.len);
}

static void read_redis_key(struct reading *reading, struct node object)
{
	struct node node = node_get(object, "redis_key");
	char number[RNM_LUA_NUMBER_MAX];

	/* rspamd's tools use a number's decimal text as the key. */
	if (!is_absent(node) && (node_type(node) == RNM_INT || node_type(node) == RNM_FLOAT)) {
		rnm_lua_number(number, node_number(node));
		reading->profile->redis_key = copy_text(reading, number, strlen(number));
	}
	if (reading->profile->redis_key == NULL)
		reading->profile->redis_key = read_string(reading, object, "redis_key", true);
	else
		wrong_type(reading, "redis_key", "a string", node);
}

static void read_version_string(struct reading *reading, struct rnm_bytes text)
{
	struct rnm_profile *profile = reading->profile;

	profile->version_text = copy_text(reading, text.data, text.len);
	if (rnm_number_parse(&profile->version, text) == RNM_FORM_NUMERIC_STRING) {
		profile->version_kind = RNM_VERSION_STRING;
		return;
	}
	profile->version = 0;
	profile->version_kind = RNM_VERSION_BAD;
	profile->malformed = true;
	profile->worker_ok = false;
	say(reading, "expected `version` to be a number, found the string \"%.60s\"",
	    profile->version_text != NULL ? profile->version_text : "");
}

static void read_version_number(struct reading *reading, double number)
{
	struct rnm_profile *profile = reading->profile;
	char text[RNM_LUA_NUMBER_MAX];

	rnm_lua_number(text, number);
	profile->version_text = copy_text(reading, text, strlen(text));
	if (isfinite(number)) {
		profile->version_kind = RNM_VERSION_NUMBER;
		profile->version = number;
		return;
	}
	profile->version_kind = RNM_VERSION_BAD;
	profile->malformed = true;
	profile->worker_ok = false;
	say(reading, "expected `version` to be a finite number, found %s", text);
}

/* The text is what Lua prints for `version or 0`: absence and false give 0. */
static void read_version(struct reading *reading, struct node object)
{
	struct rnm_profile *profile = reading->profile;
	struct node node = node_get(object, "version");
	const char *text = "table";

	if (is_absent(node)) {
		profile->version_kind = RNM_VERSION_ABSENT;
		profile->version_text = copy_text(reading, "0", 1);
		missing(reading, "version");
		return;
	}
	switch (node_type(node)) {
	case RNM_STRING:
		read_version_string(reading, node_text(node));
		return;
	case RNM_INT:
		profile->has_version_integer = true;
		profile->version_integer = node_integer(node);
		read_version_number(reading, node_number(node));
		return;
	case RNM_FLOAT:
		read_version_number(reading, node_number(node));
		return;
	case RNM_BOOL:
		text = node_bool(node) ? "true" : "0";
		break;
	case RNM_NULL:
		text = "null";
		break;
	case RNM_ARRAY:
	case RNM_OBJECT:
		break;
	}
	profile->version_kind = RNM_VERSION_BAD;
	profile->version_text = copy_text(reading, text, strlen(text));
	wrong_type(reading, "version", "a number", node);
}

/* Bytes that all names take with their NULs; false when an element is no usable name. */
static bool measure_symbols(struct reading *reading, struct node array, size_t count, size_t *bytes)
{
	*bytes = 0;
	for (size_t i = 0; i < count; i++) {
		struct node item = node_item(array, i);
		struct rnm_bytes text;

		if (node_type(item) != RNM_STRING) {
			wrong_type(reading, "symbols", "a list of strings", item);
			return false;
		}
		text = node_text(item);
		if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL) {
			reading->profile->malformed = true;
			reading->profile->worker_ok = false;
			say(reading, "a name in `symbols` contains a NUL byte");
			return false;
		}
		*bytes += text.len + 1;
	}
	return true;
}

static void read_symbols(struct reading *reading, struct node object)
{
	struct node array = node_get(object, "symbols");
	size_t count, bytes;
	char **symbols;
	char *text;

	if (is_absent(array)) {
		missing(reading, "symbols");
		return;
	}
	if (node_type(array) != RNM_ARRAY) {
		wrong_type(reading, "symbols", "a list of strings", array);
		return;
	}
	count = node_count(array);
	if (!measure_symbols(reading, array, count, &bytes))
		return;
	/* One block for the pointers and the names: profiles may list thousands.  The sizes are those of a
	 * text in memory, which keeps their sum far from SIZE_MAX. */
	symbols = malloc((count + 1) * sizeof(*symbols) + bytes);
	if (symbols == NULL) {
		reading->failed = true;
		return;
	}
	text = (char *)(symbols + count + 1);
	for (size_t i = 0; i < count; i++) {
		struct rnm_bytes name = node_text(node_item(array, i));

		symbols[i] = text;
		if (name.len > 0)
			memcpy(text, name.data, name.len);
		text[name.len] = '\0';
		text += name.len + 1;
	}
	symbols[count] = NULL;
	reading->profile->symbols = symbols;
	reading->profile->symbol_count = count;
}

static bool is_known_field(const char *name, size_t len)
{
	static const char *const known[] = { "digest",    "symbols",          "version",
		                             "redis_key", "providers_digest", "distance" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == len && memcmp(name, known[i], len) == 0)
			return true;
	return false;
}

static void check_field(struct reading *reading, const char *name, size_t len)
{
	if (is_known_field(name, len))
		return;
	reading->profile->worker_ok = false;
	say(reading, "the field `%.*s` is unknown to workers", (int)(len < 60 ? len : 60), name);
}

/* The worker's schema is closed: one field more hides the whole profile. */
static void check_unknown(struct reading *reading, struct node object)
{
	if (object.value != NULL) {
		for (size_t i = 0; i < rnm_value_count(object.value); i++) {
			struct rnm_bytes key = rnm_value_at(object.value, i)->key;

			check_field(reading, key.data, key.len);
		}
		return;
	}
	for (void *at = json_object_iter(object.json); at != NULL;
	     at = json_object_iter_next(object.json, at))
		check_field(reading, json_object_iter_key(at), strlen(json_object_iter_key(at)));
}

static void check_distance(struct reading *reading, struct node object)
{
	struct node node = node_get(object, "distance");

	if (is_absent(node))
		return;
	if (node_type(node) != RNM_INT && node_type(node) != RNM_FLOAT) {
		wrong_type(reading, "distance", "a number", node);
		return;
	}
	reading->profile->has_distance = true;
	reading->profile->distance = node_number(node);
}

static void read_fields(struct reading *reading, struct node root)
{
	struct rnm_profile *profile = reading->profile;

	profile->parsed = true;
	profile->worker_ok = true;
	if (node_type(root) != RNM_OBJECT) {
		profile->malformed = true;
		profile->worker_ok = false;
		profile->version_text = copy_text(reading, "0", 1);
		say(reading, "expected an object, found %s", type_phrase(root));
		return;
	}
	profile->digest = read_string(reading, root, "digest", true);
	read_symbols(reading, root);
	read_version(reading, root);
	read_redis_key(reading, root);
	profile->providers_digest = read_string(reading, root, "providers_digest", false);
	check_distance(reading, root);
	check_unknown(reading, root);
}

/*
 * Whether rspamd's parser may read strict JSON differently: it writes each half of a surrogate pair as
 * a character of its own, and an empty name is an error to it.  Both can only be so with these bytes.
 */
static bool reads_differently(struct rnm_bytes member)
{
	const char *escape = memchr(member.data, '\\', member.len);

	if (escape != NULL) {
		size_t left = member.len - (size_t)(escape - member.data);

		if (memmem(escape, left, "\\ud", 3) != NULL || memmem(escape, left, "\\uD", 3) != NULL)
			return true;
	}
	return memmem(member.data, member.len, "\"\"", 2) != NULL;
}

/* False when the member is not of the plain form; nothing has been read then. */
static bool read_plain(struct reading *reading, struct rnm_bytes member)
{
	struct rnm_arena arena;
	struct rnm_value *root;

	rnm_arena_init(&arena, ARENA_MAX);
	root = rnm_profile_read_plain(&arena, member);
	if (root != NULL)
		read_fields(reading, (struct node){ .value = root });
	rnm_arena_free(&arena);
	return root != NULL;
}

static enum rnm_status read_lenient(struct reading *reading, struct rnm_bytes member)
{
	struct rnm_arena arena;
	struct rnm_value *root = NULL;
	enum rnm_status status;

	if (member.len > LENIENT_MAX) {
		reading->profile->malformed = true;
		say(reading, "it is too large to be read as leniently as rspamd does");
		return RNM_OK;
	}
	rnm_arena_init(&arena, ARENA_MAX);
	status = rnm_ucl_parse_json(&root, &arena, member.data, member.len, NULL);
	if (status == RNM_OK) {
		read_fields(reading, (struct node){ .value = root });
	} else if (status != RNM_E_NOMEM) {
		reading->profile->malformed = true;
		say(reading, "rspamd's parser cannot read it");
		status = RNM_OK;
	}
	rnm_arena_free(&arena);
	return status;
}

/* Both what strict JSON says and what a worker would say, as far as they are different things. */
static void set_problem(struct reading *reading, const char *not_json)
{
	struct rnm_profile *profile = reading->profile;
	int len = 0;

	if (not_json == NULL) {
		if (reading->problem[0] != '\0')
			profile->problem = copy_text(reading, reading->problem, strlen(reading->problem));
		return;
	}
	if (!profile->parsed)
		len = asprintf(&profile->problem, "not JSON (%s), and %s", not_json, reading->problem);
	else if (reading->problem[0] != '\0')
		len = asprintf(&profile->problem, "not JSON (%s), though rspamd reads it; %s", not_json,
		               reading->problem);
	else
		len = asprintf(&profile->problem, "not JSON (%s), though rspamd reads it", not_json);
	if (len < 0) {
		profile->problem = NULL;
		reading->failed = true;
	}
}

static enum rnm_status parse(struct reading *reading, struct rnm_bytes member)
{
	json_error_t json_error;
	bool no_memory;
	json_t *json;
	const char *not_json;
	enum rnm_status status = RNM_OK;

	if (member.len > RNM_PROFILE_MAX) {
		reading->profile->malformed = true;
		say(reading, "it is larger than %zu MiB", RNM_PROFILE_MAX >> 20);
		set_problem(reading, NULL);
		return RNM_OK;
	}
	if (read_plain(reading, member)) {
		reading->profile->json = true;
		set_problem(reading, NULL);
		return reading->failed ? RNM_E_NOMEM : RNM_OK;
	}
	json = rnm_json_load(member, JSON_REJECT_DUPLICATES, &json_error, &no_memory);
	if (no_memory)
		return RNM_E_NOMEM;
	not_json = json == NULL ? json_error.text : NULL;
	reading->profile->json = json != NULL;
	if (json != NULL && !reads_differently(member))
		read_fields(reading, (struct node){ .json = json });
	else
		status = read_lenient(reading, member);
	json_decref(json);
	if (not_json != NULL)
		reading->profile->malformed = true;
	if (status == RNM_OK)
		set_problem(reading, not_json);
	return reading->failed ? RNM_E_NOMEM : status;
}

enum rnm_status rnm_profile_parse(struct rnm_profile *out, struct rnm_bytes member, double score,
                                  struct rnm_error *err)
{
	struct rnm_profile profile = { .score = score };
	struct reading reading = { .profile = &profile };
	char *copy = copy_text(&reading, member.len > 0 ? member.data : "", member.len);

	if (copy == NULL)
		return rnm_error_nomem(err);
	profile.member = (struct rnm_bytes){ copy, member.len };
	if (parse(&reading, profile.member) != RNM_OK) {
		rnm_profile_clear(&profile);
		return rnm_error_nomem(err);
	}
	*out = profile;
	return RNM_OK;
}

void rnm_profile_clear(struct rnm_profile *profile)
{
	/* The cast is sound: the copy was made by rnm_profile_parse; the contract only lends it read-only. */
	free((void *)(uintptr_t)profile->member.data);
	free(profile->problem);
	free(profile->digest);
	free(profile->symbols);
	free(profile->version_text);
	free(profile->redis_key);
	free(profile->providers_digest);
	memset(profile, 0, sizeof(*profile));
}
