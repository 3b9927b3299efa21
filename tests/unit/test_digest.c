/* SPDX-License-Identifier: Apache-2.0 */
/* The providers digest: lib/rspamd/digest*.c, rnm_rule_explain. */
#include "rspamd/digest.h"
#include "rspamd/rule_number.h"

#include <rnm/redis.h>

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_text.h"

static const struct rnm_rule_options luajit = { RNM_NUMBERS_LUAJIT, false };
static const struct rnm_rule_options lua54 = { RNM_NUMBERS_LUA54, false };
static const struct rnm_rule_options original = { RNM_NUMBERS_LUAJIT, true };

/* The body of a rule and what stands beside the section neural. */
static struct rnm_config *config_of(const char *body, const char *beside)
{
	char text[8192];

	snprintf(text, sizeof(text), "%s\nneural { rules { r {\n%s\n} } }\n", beside, body);
	return config_from_text(text);
}

static void assert_digest(const char *body, const char *beside, const struct rnm_rule_options *options,
                          const char *expected)
{
	struct rnm_config *config = config_of(body, beside);
	struct rnm_digest_explanation *explanation = NULL;
	struct rnm_rule *rule = NULL;
	uint64_t sum = 0;

	assert_int_equal(rnm_rule_open(&rule, config, "r", options, NULL), RNM_OK);
	assert_string_equal(rule->digest, expected);
	assert_int_equal(rnm_rule_explain(&explanation, config, rule, options, NULL), RNM_OK);
	assert_string_equal(explanation->digest, expected);
	/* The outermost fields are those without a dot or bracket in their path. */
	for (size_t i = 0; i < explanation->count; i++)
		if (strpbrk(explanation->steps[i].path, ".[") == NULL)
			sum ^= strtoull(explanation->steps[i].hash, NULL, 16);
	assert_int_equal(sum, strtoull(expected, NULL, 16));
	rnm_digest_explanation_free(explanation);
	rnm_rule_free(rule);
	rnm_config_free(config);
}

static void hashes(void **state)
{
	static const struct {
		const char *key, *text, *hash;
	} cases[] = {
		{ "weight", "1", "cb1435b1b3fca21d" },
		{ "normalization", "none", "5ad5a4981e4a6de0" },
		{ "include_meta", "true", "62749b2f73401d13" },
		{ "per_provider_pca", "false", "789b5f6cbf8dd269" },
		{ "fusion", "0186c04b5ecea3e2", "3188a738d7eff90f" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rnm_digest_key key = { .name = { cases[i].key, strlen(cases[i].key) } };
		struct rnm_hasher hasher;
		char digest[RNM_DIGEST_LEN + 1];

		rnm_hasher_init(&hasher, RNM_NUMBERS_LUAJIT, NULL);
		rnm_hasher_text(&hasher, key, (struct rnm_bytes){ cases[i].text, strlen(cases[i].text) },
		                (struct rnm_digest_origin){ RNM_FROM_RULE, NULL });
		rnm_hasher_digest(&hasher, digest);
		assert_string_equal(digest, cases[i].hash);
		rnm_hasher_free(&hasher);
	}
}

static void numbers(void **state)
{
	static const struct {
		double number;
		const char *luajit, *lua54;
	} floats[] = {
		{ 1.0, "1", "1.0" },
		{ 0.5, "0.5", "0.5" },
		{ -0.5, "-0.5", "-0.5" },
		{ 0.30000000000000004, "0.3", "0.3" },
		{ 3.3333333333333335, "3.3333333333333", "3.3333333333333" },
		{ 1e-7, "1e-07", "1e-07" },
		{ 1e15, "1e+15", "1e+15" },
		{ 1e14, "1e+14", "1e+14" },
		{ 99999999999999.0, "99999999999999", "99999999999999.0" },
		{ 12345678901234567.0, "1.2345678901235e+16", "1.2345678901235e+16" },
		{ -0.0, "-0", "-0.0" },
		/* Half-way between two numbers of 14 digits. */
		{ 123456789012345.0, "1.2345678901235e+14", "1.2345678901234e+14" },
		{ -123456789012345.0, "-1.2345678901235e+14", "-1.2345678901234e+14" },
		{ 12345678901234.5, "12345678901235", "12345678901234.0" },
		{ 12345678901235.5, "12345678901236", "12345678901236.0" },
		{ 0.123456789012345, "0.12345678901234", "0.12345678901234" },
		{ (double)INFINITY, "inf", "inf" },
		{ (double)NAN, "nan", "nan" },
	};
	static const struct rnm_value big = { .type = RNM_INT, .as.integer = 12345678901234567 };
	char text[RNM_LUA_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++) {
		const struct rnm_value value = { .type = RNM_FLOAT, .as.real = floats[i].number };

		rnm_lua_number_value(text, &value, RNM_NUMBERS_LUAJIT);
		assert_string_equal(text, floats[i].luajit);
		rnm_lua_number_value(text, &value, RNM_NUMBERS_LUA54);
		assert_string_equal(text, floats[i].lua54);
	}
	rnm_lua_number_value(text, &big, RNM_NUMBERS_LUAJIT);
	assert_string_equal(text, "1.2345678901235e+16");
	rnm_lua_number_value(text, &big, RNM_NUMBERS_LUA54);
	assert_string_equal(text, "12345678901234567");
}

#define STOCK_GPT                                                                                            \
	"gpt { type = \"openai\"; model = \"gpt-5-mini\"; model_parameters { "                               \
	"\"gpt-5-mini\" { max_completion_tokens = 1000; max_tokens = 9; } } }"
#define LIST_GPT                                                                                             \
	"gpt { type = openai; model = [m1, m2]; max_tokens = 77; model_parameters { m1 { max_tokens = 5; } " \
	"} }"

static void vectors(void **state)
{
	static const struct {
		const char *body, *beside, *digest;
	} cases[] = {
		{ "providers = [];", "", "633d0b728d366d25" },
		{ "providers = [{ type = symbols; }];", "", "f40c38ab07f889a2" },
		{ "providers = [{ type = llm; model = m-embed; weight = 0.5; dim = 1024; }, { name = "
		  "symbols; weight = 2; }];"
		  "fusion { normalization = unit; include_meta = false; meta_weight = 0.25; per_provider_pca "
		  "= true; }"
		  "max_inputs = 128;",
		  "gpt { type = openai; model_parameters { m-embed { max_tokens = 512; } } }",
		  "cdb72214a87818b9" },
		{ "providers = [{ type = fasttext_embed; output_mode = conv1d; model = /x.bin; }];", "",
		  "1bc97ac9cd92c76d" },
		{ "providers = [{ type = fasttext_embed; output_mode = conv1d; max_words = 64; kernel_sizes "
		  "= [2,4];"
		  "conv_pooling = mean; weight = 1.0; dim = \"300\"; }, {}]; fusion { meta_weight = 1.0; }",
		  "", "e8e39d1003da1751" },
		{ "providers = [{ type = llm; }];", STOCK_GPT, "d4192761b87e3bdf" },
		{ "providers = [{ type = fasttext_embed; model = x; dim = 10; }]; disable_symbols_input = "
		  "true;",
		  "", "954230f4936c9433" },
		{ "providers = [{ type = metatokens; }]; fusion { include_meta = false; }", "",
		  "aa5f939b29f3d241" },
		{ "providers = [{ type = symbols; }, { type = metatokens; }];", "", "e9e170146f59040e" },
		{ "providers = [{ type = a; }, { type = b; }];", "", "5787b659cf180718" },
		{ "providers { type = a; } providers { type = b; }", "", "5787b659cf180718" },
		{ "providers = [{ type = x; }];", "", "c562f55ebc292d69" },
		{ "providers = [{ type = x; }]; fusion { include_meta = yes; per_provider_pca = off; }", "",
		  "c562f55ebc292d69" },
		{ "providers = [{ type = x; output_mode = sequence; max_words = 9; }];", "",
		  "c562f55ebc292d69" },
		{ "providers = [{ type = x; weight = \"1.0\"; }];", "", "35faf1fe77eba332" },
		{ "providers = [{ type = x; weight = 0.1; dim = 1e15; }]; fusion { meta_weight = 1e-7; }", "",
		  "bd121b593097b0da" },
		{ "providers = [{ type = x; weight = 0.30000000000000004; dim = 99999999999999; }];"
		  "fusion { meta_weight = 3.3333333333333335; }",
		  "", "aefe3e206a14f7d3" },
		{ "providers = [{ type = x; weight = 0; dim = 12345678901234567; max_tokens = 5; }];"
		  "fusion { normalization = none; meta_weight = 0; } max_inputs = 1e3;",
		  "", "d0ee76d3de92a425" },
		{ "providers = [{ type = x; weight = false; dim = null; }];", "", "5903792ef4c91d9b" },
		{ "providers = [{ type = x; dim = -3; weight = -0.5; }];"
		  "fusion { normalization = zscore; include_meta = \"false\"; per_provider_pca = \"yes\"; }",
		  "", "9bdd90bfc0847141" },
		{ "providers = [{ type = x; weight = 10s; dim = 0x10; }]; fusion {}", "",
		  "3716546a196ef9f2" },
		{ "providers = [{ type = x; output_mode = conv1d; kernel_sizes = 3; }];", "",
		  "419a1900749d5507" },
		{ "providers = [{ type = x; output_mode = conv1d; kernel_sizes = []; }];", "",
		  "2a71ca72130da5d6" },
		{ "providers = [\"symbols\"];", "", "3c5098211b4e5fbd" },
		{ "providers = [{ name = llm; type = text_hash; hash_size = 999; }];", "",
		  "aef42463e5685532" },
		{ "providers = [{ type = llm; }];", LIST_GPT, "412b2d6c234bd5d4" },
		{ "providers = [{ type = llm; llm_type = ollama; api = zz; model = m1; max_tokens = 2k; }];",
		  LIST_GPT, "576666598227e0c4" },
		{ "providers = [{ type = llm; backend = bb; model = mX; }]; max_inputs = \"64\";", LIST_GPT,
		  "43f2c79d6169909a" },
		{ "max_inputs = 64;", "", "" },
		/* What Lua's `or` and a missing section do, each equal to a vector above. */
		{ "providers = [{ type = symbols; }]; max_inputs = false; fusion = false;", "",
		  "f40c38ab07f889a2" },
		{ "providers = [{ type = symbols; }]; fusion { normalization = unit; } fusion { "
		  "normalization = unit; }",
		  "", "f40c38ab07f889a2" },
		{ "providers { type = symbols; }", "", "633d0b728d366d25" },
		{ "providers = false;", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_digest(cases[i].body, cases[i].beside, &luajit, cases[i].digest);
}

static void lua54_numbers(void **state)
{
	(void)state;
	assert_digest("providers = [];", "", &lua54, "5280796addac1e96");
	assert_digest("providers = [{ type = symbols; }];", "", &lua54, "c9716e9c3851ff7a");
}

static const struct rnm_digest_step *step_of(const struct rnm_digest_explanation *explanation,
                                             const char *path)
{
	for (size_t i = 0; i < explanation->count; i++)
		if (strcmp(explanation->steps[i].path, path) == 0)
			return &explanation->steps[i];
	fail_msg("no step %s", path);
	return NULL;
}

static void assert_step(const struct rnm_digest_explanation *explanation, const char *path, const char *value,
                        const char *hash)
{
	const struct rnm_digest_step *step = step_of(explanation, path);

	assert_string_equal(step->value, value);
	assert_string_equal(step->hash, hash);
}

/* The place of a value within the file, whatever the file is called. */
static void assert_line(const struct rnm_digest_explanation *explanation, const char *path, const char *line)
{
	const char *origin = step_of(explanation, path)->origin;

	if (strrchr(origin, ':') == NULL || strcmp(strrchr(origin, ':'), line) != 0)
		fail_msg("%s comes from %s, expected line %s", path, origin, line);
}

static void explained(void **state)
{
	struct rnm_config *config = config_of(
	    "providers = [\n{ type = llm; model = m-embed; weight = 0.5;\ndim = 1024; },\n"
	    "{ name = symbols; weight = 2; output_mode = conv1d; }];\n"
	    "fusion { normalization = unit; include_meta = false; meta_weight = 0.25; }\nmax_inputs = 128;",
	    "gpt { type = openai;\nmodel_parameters { m-embed {\nmax_tokens = 512; } } }");
	struct rnm_digest_explanation *explanation = NULL;
	const struct rnm_digest_step *step;
	struct rnm_rule *rule = NULL;

	(void)state;
	assert_int_equal(rnm_rule_open(&rule, config, "r", NULL, NULL), RNM_OK);
	assert_int_equal(rnm_rule_explain(&explanation, config, rule, NULL, NULL), RNM_OK);
	assert_string_equal(explanation->digest, rule->digest);
	assert_step(explanation, "fusion.normalization", "unit", "461278838a51627a");
	assert_step(explanation, "fusion.include_meta", "false", "d8f8e20b9fd100b5");
	assert_step(explanation, "fusion.meta_weight", "0.25", "f00a07fe46021f0d");
	assert_step(explanation, "fusion.per_provider_pca", "false", "789b5f6cbf8dd269");
	assert_step(explanation, "providers[1].type", "llm", "e90f01d8a68f4bef");
	assert_step(explanation, "providers[1].llm_type", "openai", "32c34585312ea850");
	assert_step(explanation, "providers[1].model", "m-embed", "9ac74870861ee1be");
	assert_step(explanation, "providers[1].max_tokens", "512", "466f4a03c0d631d4");
	assert_step(explanation, "providers[1].weight", "0.5", "552881fc693f91ac");
	assert_step(explanation, "providers[1].dim", "1024", "ddd2f18343685078");
	assert_step(explanation, "providers[1]", "8f9e3651fb3ef201", "6d68d13d789c54a5");
	assert_step(explanation, "providers[2].weight", "2", "5d379491fa537d6b");
	assert_step(explanation, "providers[2].kernel_sizes[2]", "3", "a0c3d0409dffd449");
	assert_step(explanation, "providers[2].kernel_sizes", "9b444107b882e749", "dd0affd0ef55a383");
	assert_step(explanation, "max_inputs", "128", "36c972ecc8e281fb");

	assert_line(explanation, "providers[1].weight", ":6");
	assert_line(explanation, "providers[1].dim", ":7");
	assert_line(explanation, "max_inputs", ":10");
	assert_string_equal(step_of(explanation, "fusion.per_provider_pca")->origin, "default");
	assert_string_equal(step_of(explanation, "providers[2].kernel_sizes[1]")->origin, "default");
	assert_memory_equal(step_of(explanation, "providers[1].llm_type")->origin, "gpt (/", 6);
	assert_line(explanation, "providers[1].llm_type", ":1)");
	assert_line(explanation, "providers[1].max_tokens", ":3)");

	step = step_of(explanation, "providers[1]");
	assert_int_equal(step->hashed_len, 18);
	assert_memory_equal(step->hashed, "1\0008f9e3651fb3ef201", 18);
	/* Inner containers come before the outer ones that contain their hash. */
	assert_true(step_of(explanation, "providers[1].dim") < step);
	assert_true(step < step_of(explanation, "providers"));
	rnm_digest_explanation_free(explanation);
	rnm_rule_free(rule);
	rnm_config_free(config);
}

static void malformed(void **state)
{
	static const struct {
		const char *body, *message;
	} cases[] = {
		{ "providers = symbols;", "expected `providers` to be a list of sections, found a string" },
		{ "providers = 5;", "expected `providers` to be a list of sections, found an integer" },
		{ "providers = null;", "expected `providers` to be a list of sections, found null" },
		{ "providers = [5];",
		  "expected each element of `providers` to be a section, found an integer" },
		{ "providers = [null];", "expected each element of `providers` to be a section, found null" },
		{ "providers = []; fusion = 5;", "expected `fusion` to be a section, found an integer" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_config *config = config_of(cases[i].body, "");
		struct rnm_rule *rule = NULL;
		struct rnm_error err;

		assert_int_equal(rnm_rule_open(&rule, config, "r", NULL, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "rule.malformed");
		assert_string_equal(err.message, cases[i].message);
		assert_int_equal(err.line, 3);
		assert_null(rule);
		rnm_config_free(config);
	}
}

/* model = [[[...]]]: within the limit it has a digest, beyond it is refused, never a crash. */
static enum rnm_status open_nested(unsigned depth)
{
	char body[1024] = "providers = [{ type = llm; model = ";
	struct rnm_config *config;
	struct rnm_rule *rule = NULL;
	struct rnm_error err;
	enum rnm_status status;

	for (unsigned i = 0; i < depth; i++)
		strcat(body, "[");
	strcat(body, "1");
	for (unsigned i = 0; i < depth; i++)
		strcat(body, "]");
	strcat(body, "; }];");
	config = config_of(body, "");
	status = rnm_rule_open(&rule, config, "r", NULL, &err);
	if (status != RNM_OK)
		assert_string_equal(err.id, "rule.malformed");
	rnm_rule_free(rule);
	rnm_config_free(config);
	return status;
}

static void depth_limit(void **state)
{
	(void)state;
	/* providers and the provider itself are two containers. */
	assert_int_equal(open_nested(RNM_DIGEST_DEPTH_MAX - 2), RNM_OK);
	assert_int_equal(open_nested(RNM_DIGEST_DEPTH_MAX - 1), RNM_E_MALFORMED);
	assert_int_equal(open_nested(200), RNM_E_MALFORMED);
}

/* A broken gpt section matters only to a provider that asks it. */
static void broken_gpt(void **state)
{
	struct rnm_config *config = config_of("providers = [{ type = llm; model = m; }];", "gpt = [1, 2];");
	struct rnm_rule *rule = NULL;

	(void)state;
	assert_int_equal(rnm_rule_open(&rule, config, "r", NULL, NULL), RNM_E_MALFORMED);
	rnm_config_free(config);
	assert_digest("providers = [{ type = symbols; }];", "gpt = [1, 2];", &luajit, "f40c38ab07f889a2");
}

static json_t *load_records(void)
{
	const char *tests = getenv("RNM_TESTS");
	char path[4096];
	json_error_t error;
	json_t *records;

	assert_non_null(tests);
	snprintf(path, sizeof(path), "%s/data/digest/digest.json", tests);
	records = json_load_file(path, 0, &error);
	if (records == NULL)
		fail_msg("%s: %s", path, error.text);
	return records;
}

static const char *text_of(json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

/* As the original works: Redis settings first, then the rule, then the digest. */
static void check_record(json_t *record)
{
	struct rnm_config *config = config_from_text(text_of(record, "config"));
	struct rnm_redis_settings *settings = NULL;
	struct rnm_rule *rule = NULL;
	struct rnm_error err;
	enum rnm_status status = rnm_redis_settings_from_config(&settings, config, &err);

	if (status == RNM_OK)
		status = rnm_rule_open(&rule, config, text_of(record, "rule"), &original, &err);
	if (json_integer_value(json_object_get(record, "rc")) != 0) {
		assert_int_not_equal(status, RNM_OK);
		assert_string_equal(err.reference, text_of(record, "stderr"));
	} else {
		const char *digest = text_of(record, "digest");

		if (status != RNM_OK)
			fail_msg("%s: %s", text_of(record, "name"), err.message);
		assert_int_equal(rule->has_providers, strcmp(digest, "nil") != 0);
		if (strcmp(rule->has_providers ? rule->digest : "nil", digest) != 0)
			fail_msg("%s: %s, expected %s", text_of(record, "name"), rule->digest, digest);
	}
	rnm_rule_free(rule);
	rnm_redis_settings_free(settings);
	rnm_config_free(config);
}

static void golden(void **state)
{
	json_t *records = load_records();

	(void)state;
	assert_int_equal(json_array_size(records), 63);
	for (size_t i = 0; i < json_array_size(records); i++)
		check_record(json_array_get(records, i));
	json_decref(records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes),        cmocka_unit_test(numbers),    cmocka_unit_test(vectors),
		cmocka_unit_test(lua54_numbers), cmocka_unit_test(explained),  cmocka_unit_test(malformed),
		cmocka_unit_test(depth_limit),   cmocka_unit_test(broken_gpt), cmocka_unit_test(golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
