/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, key names and the remarks about a configuration: lib/rspamd/rule*.c, keys.c, check*.c. */
#include "rspamd/check_ids.h"
#include "rspamd/keys.h"
#include "rspamd/rule_number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_text.h"

static const struct rnm_rule_options original = { RNM_NUMBERS_LUAJIT, true };

static struct rnm_rule *open_rule(struct rnm_config *config, const char *name,
                                  const struct rnm_rule_options *options)
{
	struct rnm_rule *rule = NULL;
	struct rnm_error err;

	if (rnm_rule_open(&rule, config, name, options, &err) != RNM_OK)
		fail_msg("%s: %s", name, err.message);
	return rule;
}

static void assert_zset(const char *text, const char *name, const struct rnm_rule_options *options,
                        const char *settings, const char *expected)
{
	struct rnm_config *config = config_from_text(text);
	struct rnm_rule *rule = open_rule(config, name, options);
	char *zset = rnm_rule_zset(rule, settings);

	assert_non_null(zset);
	assert_string_equal(zset, expected);
	free(zset);
	rnm_rule_free(rule);
	rnm_config_free(config);
}

static void zsets(void **state)
{
	static const char prefixes[] =
	    "neural { prefix = zz; rules { a { prefix = \"12\"; } b { prefix = 1.5; } "
	    "c { prefix = \"\"; } d { prefix = 12; } e {} } }";

	(void)state;
	assert_zset("neural { rules { default { } } }", "default", NULL, "default", "rn3_default_3_default");
	assert_zset("neural { rules { default { } } }", "default", NULL, "a b", "rn3_default_3_a b");
	assert_zset("neural { rules { default { } } }", "default", NULL, "", "rn3_default_3_");
	assert_zset(prefixes, "a", NULL, "default", "zz3_12_3_default");
	assert_zset(prefixes, "b", NULL, "default", "zz3_1.5_3_default");
	assert_zset(prefixes, "c", NULL, "default", "zz3__3_default");
	assert_zset(prefixes, "d", NULL, "default", "zz3_12_3_default");
	assert_zset(prefixes, "e", NULL, "default", "zz3_e_3_default");
	/* The one-rule form: one option is both kinds of prefix. */
	assert_zset("neural { prefix = foo; train {} }", "default", NULL, "default", "foo3_foo_3_default");
	assert_zset("neural { prefix = foo; train {} }", "default", &original, "default",
	            "foo3_foo_3_default");
	assert_zset("neural { rules \"with space\" { prefix = \"p p\"; } }", "with space", NULL, "default",
	            "rn3_p p_3_default");
	/* A rule written twice has no options. */
	assert_zset("neural { rules { default { prefix = p1; } default { prefix = p2; } } }", "default", NULL,
	            "default", "rn3_default_3_default");
}

static void model_keys(void **state)
{
	struct rnm_config *config = config_from_text("neural { rules { default { } } }");
	struct rnm_rule *rule = open_rule(config, "default", NULL);
	char *key = rnm_rule_model_key(rule, "default", "954230f4936c9433", 1);

	(void)state;
	assert_string_equal(key, "rn_default_default_954230f4_1");
	free(key);
	rnm_rule_free(rule);
	rnm_config_free(config);
}

static void assert_split(const char *name, const char *global, const char *prefix, const char *settings)
{
	static char a[] = "a", a_3_b[] = "a_3_b";
	static char *const known[] = { a, a_3_b };
	struct rnm_bytes p = { NULL, 0 }, s = { NULL, 0 };
	bool good = rnm_zset_split((struct rnm_bytes){ name, strlen(name) }, global, known, 2, &p, &s);

	if (prefix == NULL) {
		assert_false(good);
		return;
	}
	assert_true(good);
	assert_int_equal(p.len, strlen(prefix));
	assert_memory_equal(p.data, prefix, p.len);
	assert_int_equal(s.len, strlen(settings));
	assert_memory_equal(s.data, settings, s.len);
}

static void splits(void **state)
{
	(void)state;
	assert_split("rn3_default_3_default", "rn", "default", "default");
	assert_split("rn3__3_default", "rn", "", "default");
	assert_split("rn3_default_3_", "rn", "default", "");
	assert_split("rn3_x_3_y_3_z", "rn", "x", "y_3_z");
	/* Known prefixes decide, the longest of them first. */
	assert_split("rn3_a_3_b", "rn", "a", "b");
	assert_split("rn3_a_3_b_3_c", "rn", "a_3_b", "c");
	assert_split("rn3_default", "rn", NULL, NULL);
	assert_split("rn3_default_3", "rn", NULL, NULL);
	assert_split("rn", "rn", NULL, NULL);
	assert_split("", "rn", NULL, NULL);
	assert_split("xx3_default_3_default", "rn", NULL, NULL);
	assert_split("rn_default_default_954230f4_1", "rn", NULL, NULL);
	assert_split("3_a_3_b", "", "a", "b");
}

static void assert_open_fails(const char *text, const char *name, const struct rnm_rule_options *options,
                              const char *id, const char *reference, const char *hint)
{
	struct rnm_config *config = config_from_text(text);
	struct rnm_rule *rule = NULL;
	struct rnm_error err;

	assert_int_not_equal(rnm_rule_open(&rule, config, name, options, &err), RNM_OK);
	assert_null(rule);
	assert_string_equal(err.id, id);
	assert_string_equal(err.reference, reference);
	assert_string_equal(err.hint, hint);
	rnm_config_free(config);
}

static void unknown_rules(void **state)
{
	(void)state;
	assert_open_fails("redis {}", "default", NULL, "rule.no-neural-section",
	                  "no neural configuration found",
	                  "name the main configuration file of rspamd, usually /etc/rspamd/rspamd.conf");
	assert_open_fails("neural { rules { long {} short {} } train {} }", "default", NULL, "rule.unknown",
	                  "rule \"default\" not found in neural config", "the rules are \"long\", \"short\"");
	assert_open_fails("neural { rules { long {} short {} } }", "shrot", NULL, "rule.unknown",
	                  "rule \"shrot\" not found in neural config",
	                  "did you mean \"short\"? the rules are \"long\", \"short\"");
	assert_open_fails("neural { rules { LONG {} } }", "long", NULL, "rule.unknown",
	                  "rule \"long\" not found in neural config",
	                  "did you mean \"LONG\"? the only rule is \"LONG\"");
	assert_open_fails("neural { rules { ab {} } }", "xy", NULL, "rule.unknown",
	                  "rule \"xy\" not found in neural config", "the only rule is \"ab\"");
	assert_open_fails(
	    "neural { rules { default {} } rules { x {} } }", "default", NULL, "rule.unknown",
	    "rule \"default\" not found in neural config",
	    "neural.rules is a list here (a list, or two sections `rules` in one section neural): "
	    "write one section of named rules, rules { NAME { ... } }");
	assert_open_fails("neural { rules { default = false; } }", "default", NULL, "rule.unknown",
	                  "rule \"default\" not found in neural config",
	                  "there are no rules; write neural { rules { NAME { ... } } }");
	assert_open_fails(
	    "neural { rules = [ { default {} } ]; }", "1", NULL, "rule.unknown",
	    "rule \"1\" not found in neural config",
	    "neural.rules is a list here (a list, or two sections `rules` in one section neural): "
	    "write one section of named rules, rules { NAME { ... } }");
}

static void malformed_rules(void **state)
{
	(void)state;
	assert_open_fails("neural { rules { r = text; } }", "r", NULL, "rule.malformed", "", "");
	assert_open_fails("neural { rules { r = true; } }", "r", NULL, "rule.malformed", "", "");
	assert_open_fails("neural { rules = text; }", "r", NULL, "rule.malformed", "", "");
	assert_open_fails("neural { rules { r { prefix = true; } } }", "r", NULL, "rule.malformed", "", "");
	assert_open_fails("neural { prefix = [1]; rules { r { } } }", "r", NULL, "rule.malformed", "", "");
	assert_open_fails("neural = text;", "default", NULL, "rule.malformed", "", "");
	assert_open_fails("neural = text;", "default", &original, "rule.unknown",
	                  "rule \"default\" not found in neural config",
	                  "there are no rules; write neural { rules { NAME { ... } } }");
}

static void plugin_and_original(void **state)
{
	static const char no_train[] = "neural { providers = [{ type = symbols; }]; }";
	static const char with_rules[] = "neural { train {} rules { x {} } }";
	struct rnm_config *config = config_from_text(no_train);
	struct rnm_rule *rule = open_rule(config, "default", NULL);

	(void)state;
	assert_true(rule->legacy);
	assert_string_equal(rule->digest, "f40c38ab07f889a2");
	rnm_rule_free(rule);
	rnm_config_free(config);
	assert_open_fails(no_train, "default", &original, "rule.unknown",
	                  "rule \"default\" not found in neural config",
	                  "there are no rules; write neural { rules { NAME { ... } } }");
	assert_open_fails(with_rules, "default", NULL, "rule.unknown",
	                  "rule \"default\" not found in neural config", "the only rule is \"x\"");
	config = config_from_text(with_rules);
	rule = open_rule(config, "default", &original);
	assert_true(rule->legacy);
	assert_false(rule->has_providers);
	rnm_rule_free(rule);
	rule = open_rule(config, "x", &original);
	assert_false(rule->legacy);
	rnm_rule_free(rule);
	rnm_config_free(config);
}

static void assert_names(const char *text, const struct rnm_rule_options *options, const char *expected)
{
	struct rnm_config *config = config_from_text(text);
	char joined[256] = "";
	char **names = NULL;
	size_t count = 0;

	assert_int_equal(rnm_rule_names(&names, &count, config, options, NULL), RNM_OK);
	for (size_t i = 0; i < count; i++) {
		strcat(joined, names[i]);
		strcat(joined, ";");
	}
	assert_string_equal(joined, expected);
	rnm_names_free(names, count);
	rnm_config_free(config);
}

static void names(void **state)
{
	struct rnm_config *config = config_from_text("redis {}");
	char **list = NULL;
	size_t count = 0;

	(void)state;
	assert_names("neural { rules { z {} a {} m {} } train {} }", NULL, "z;a;m;");
	assert_names("neural { rules { z {} a {} m {} } train {} }", &original, "z;a;m;default;");
	assert_names("neural { rules { default {} } train {} }", &original, "default;");
	assert_names("neural { }", NULL, "default;");
	assert_names("neural { }", &original, "");
	assert_names("neural { rules { a {} } } neural { rules { b {} } }", NULL, "b;");
	assert_names("neural { rules { a {} } rules { b {} } }", NULL, "");
	assert_int_equal(rnm_rule_names(&list, &count, config, NULL, NULL), RNM_E_NOT_FOUND);
	rnm_config_free(config);
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void options(void **state)
{
	struct rnm_config *config = config_from_text(
	    "neural { max_profiles = 5; rules { plain {} "
	    "full { providers = [{ type = a; }]; ann_expire = 3d; watch_interval = \"30\"; "
	    "disable_symbols_input = yes; } "
	    "odd { providers {} ann_expire = \"2d\"; watch_interval = soon; max_profiles = 9; } "
	    "empty { providers = []; ann_expire = -5; disable_symbols_input = false; } } }");
	struct rnm_rule *rule = open_rule(config, "plain", NULL);

	(void)state;
	assert_true(near(rule->max_profiles, 5) && near(rule->ann_expire, 172800) &&
	            near(rule->watch_interval, 60));
	assert_false(rule->has_providers || rule->providers_used || rule->disable_symbols_input ||
	             rule->legacy);
	assert_string_equal(rule->digest, "");
	rnm_rule_free(rule);
	rule = open_rule(config, "full", NULL);
	assert_true(near(rule->ann_expire, 259200) && near(rule->watch_interval, 30));
	assert_true(rule->has_providers && rule->providers_used && rule->disable_symbols_input);
	rnm_rule_free(rule);
	rule = open_rule(config, "odd", NULL);
	assert_true(near(rule->max_profiles, 5) && near(rule->ann_expire, 172800) &&
	            near(rule->watch_interval, 60));
	assert_true(rule->has_providers && !rule->providers_used);
	rnm_rule_free(rule);
	rule = open_rule(config, "empty", NULL);
	assert_true(near(rule->ann_expire, 172800));
	assert_true(rule->has_providers && !rule->providers_used && !rule->disable_symbols_input);
	assert_string_equal(rule->digest, "633d0b728d366d25");
	rnm_rule_free(rule);
	rnm_config_free(config);
}

static void number_texts(void **state)
{
	static const struct {
		const char *text;
		enum rnm_number_form form;
		double number;
	} cases[] = {
		{ "20", RNM_FORM_NUMERIC_STRING, 20 },
		{ " 7 ", RNM_FORM_NUMERIC_STRING, 7 },
		{ "-1.5e3", RNM_FORM_NUMERIC_STRING, -1500 },
		{ "0x10", RNM_FORM_NUMERIC_STRING, 16 },
		{ "3s", RNM_FORM_SUFFIX_STRING, 3 },
		{ "500ms", RNM_FORM_SUFFIX_STRING, 0.5 },
		{ "5min", RNM_FORM_SUFFIX_STRING, 300 },
		{ "2D", RNM_FORM_SUFFIX_STRING, 172800 },
		{ "1k", RNM_FORM_SUFFIX_STRING, 1000 },
		{ "1kb", RNM_FORM_SUFFIX_STRING, 1024 },
		{ "5m", RNM_FORM_SUFFIX_STRING, 5e6 },
		{ "1w", RNM_FORM_SUFFIX_STRING, 604800 },
		{ "", RNM_FORM_OTHER, 0 },
		{ " ", RNM_FORM_OTHER, 0 },
		{ "abc", RNM_FORM_OTHER, 0 },
		{ "inf", RNM_FORM_OTHER, 0 },
		{ "nan", RNM_FORM_OTHER, 0 },
		{ "1e999", RNM_FORM_OTHER, 0 },
		{ "127.0.0.1", RNM_FORM_OTHER, 0 },
		{ "3days", RNM_FORM_OTHER, 0 },
		{ "1 k", RNM_FORM_OTHER, 0 },
		{ "-", RNM_FORM_OTHER, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double number = 0;

		assert_int_equal(rnm_number_parse(&number,
		                                  (struct rnm_bytes){ cases[i].text, strlen(cases[i].text) }),
		                 cases[i].form);
		assert_true(near(number, cases[i].number));
	}
}

/* The ids that a configuration gives, in order, each followed by ":" and its line. */
static void assert_findings(const char *text, const char *expected)
{
	struct rnm_config *config = config_from_text(text);
	struct rnm_finding *findings = NULL;
	size_t count = 0;
	char joined[2048] = "";

	assert_int_equal(rnm_config_check(&findings, &count, config, NULL), RNM_OK);
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(joined);

		snprintf(joined + used, sizeof(joined) - used, "%s%s:%u", i > 0 ? " " : "", findings[i].id,
		         (unsigned)findings[i].line);
		assert_true(findings[i].text != NULL && findings[i].text[0] != '\0');
	}
	assert_string_equal(joined, expected);
	rnm_findings_free(findings, count);
	rnm_config_free(config);
}

#define REDIS "redis { servers = \"127.0.0.1\"; }\n"

static void rule_findings(void **state)
{
	(void)state;
	assert_findings(REDIS "neural { rules { default { providers = [{ type = symbols; }]; } } }", "");
	assert_findings(REDIS, "config.no-neural:0");
	assert_findings(REDIS "neural { rules { x {} }\ntrain {} }", "config.phantom-default:3");
	assert_findings(REDIS "neural {\nneural {\nrules { x {} } } train {} }", "config.nested-section:3");
	assert_findings(REDIS "neural {\nrules { x {} } rules { y {} } }", "config.rules-list:3");
	assert_findings(REDIS "neural { rules {\nx { prefix = p; }\nx { prefix = q; } } }",
	                "config.rule-repeated:3");
	assert_findings(REDIS "neural { rules {\nx = text; } }", "config.rule-type:3");
	assert_findings(REDIS "neural { rules { x {\nenabled = false; } } }", "config.enabled-ignored:3");
	assert_findings(REDIS "neural { rules { x { } }\nenabled = false; }", "config.enabled-ignored:3");
	assert_findings(REDIS "neural { rules { x {\nproviders { type = a; } } } }",
	                "config.providers-object:3");
	assert_findings(REDIS "neural { rules { x {\nproviders = []; } } }", "config.providers-empty:3");
	assert_findings(REDIS "neural { rules { x {\nproviders { type = a; }\nproviders { type = b; } } } }",
	                "config.providers-repeated:3");
	assert_findings(REDIS "neural { rules { x {\nproviders = a; } } }", "config.providers-type:3");
	assert_findings(REDIS "neural { rules { x { providers = [ { type = a; },\n\"b\", {} ]; } } }",
	                "config.provider-type:3 config.provider-unknown:3");
	assert_findings(REDIS "neural { rules { x {\nfusion = zscore; } } }", "config.fusion-type:3");
	assert_findings(REDIS "neural { rules { x {\nlock_expire = 600; } } }", "config.dead-option:3");
	assert_findings(REDIS "neural { rules { x {\nann_expire = 10; } } }", "config.expire-short:3");
	assert_findings(REDIS "neural { rules { x {\nwatch_interval = -1; } } }", "config.option-range:3");
	assert_findings(REDIS "neural { rules { x {} }\nmax_profiles = 0; }", "config.max-profiles:3");
}

static void one_rule_findings(void **state)
{
	(void)state;
	assert_findings(REDIS "neural { train {} }", "");
	assert_findings(REDIS "neural { timeout = 20; train {} }", "");
	assert_findings(REDIS "neural { train {}\nproviders {} }", "config.providers-object:3");
}

#define EXTERNAL(options)                                                                                    \
	REDIS "neural { rules { x { providers = [{ type = a; }];\nexternal_model { " options " } } } }"

static void external_findings(void **state)
{
	(void)state;
	assert_findings(EXTERNAL("url = \"http://h/x\"; merge_alpha = 0.5;"), "");
	assert_findings(EXTERNAL("base_url = \"http://h\"; merge_alpha = 1;"), "");
	assert_findings(EXTERNAL("merge_alpha = 1;"), "config.external-no-url:3");
	assert_findings(EXTERNAL("url = \"http://h/x\"; merge_alpha = 1.5;"), "config.external-alpha:3");
	assert_findings(
	    EXTERNAL("url = \"http://h/x\"; merge_strategy = x; check_interval = 5; local_fine_tune = true;"
	             "min_local_samples = 5;"),
	    "config.dead-option:3 config.dead-option:3 config.dead-option:3 config.dead-option:3");
	assert_findings(EXTERNAL("url = \"sign+key=abc+https://h/x\";"), "config.external-signed-http:3");
	assert_findings(EXTERNAL("url = \"sign+key=abc+/var/lib/http/x\";"), "");
	assert_findings(EXTERNAL("url = [\"http://a/x\", \"fallback+/x\"];"), "");
	assert_findings(EXTERNAL("url = \"https://h/x\"; sign_key = abc;"), "config.external-sign-key:3");
	assert_findings(EXTERNAL("base_url = \"http://h\"; sign_key = abc;"), "config.external-sign-key:3");
	assert_findings(EXTERNAL("url { url = \"HTTPS://h/x\"; poll = 9; } sign_key = abc;"),
	                "config.external-sign-key:3");
	assert_findings(EXTERNAL("url = [\"fallback+/x\", \"key=ab+http://h/x\"]; sign_key = abc;"),
	                "config.external-sign-key:3");
	assert_findings(EXTERNAL("url = \"/var/lib/http/x\"; sign_key = abc;"), "config.external-sign-key:3");
	assert_findings(EXTERNAL("url = \"sign+/var/lib/http/x\"; sign_key = abc;"), "");
	assert_findings(EXTERNAL("url = \"key=ab+sign+file:///x\"; sign_key = abc;"), "");
	assert_findings(EXTERNAL("url = \"https://h/x\"; sign_key = false;"), "");
	assert_findings(EXTERNAL("url = [\"http://a/x\", \"http://b/x\"];"), "config.external-url-list:3");
	assert_findings(EXTERNAL("url { urls = [\"http://a/x\", \"/x\"]; poll = 9; }"),
	                "config.external-url-list:3");
	assert_findings(EXTERNAL("url { upstreams = \"sign+http://a/x\"; }"),
	                "config.external-signed-http:3");
	assert_findings(EXTERNAL("url { urls = [\"http://a/x\", \"fallback+/x\"]; }"), "");
	assert_findings(EXTERNAL("url { urls = [5, \"https://a/x\"]; } sign_key = abc;"),
	                "config.external-url-list:3 config.external-sign-key:3");
	assert_findings(REDIS "neural { rules { x { external_model {\nbase_url = \"http://h\"; } } } }",
	                "config.external-no-digest:3");
	assert_findings(REDIS "neural { rules { x {\nexternal_model = \"http://h\"; } } }",
	                "config.external-type:3");
	assert_findings(
	    REDIS
	    "neural { rules { x { providers = [{ type = a; }]; external_model { url = \"http://h\"; } }\n"
	    "y { providers = [{ type = a; }]; external_model { url = \"http://h\"; } } } }",
	    "config.external-url-shared:3");
}

#define RULE(name, options) name " { providers = [{ type = a; }];\n" options " }\n"

static void shared_prefixes(void **state)
{
	(void)state;
	assert_findings(REDIS "neural { rules { " RULE("x", "") RULE("y", "") " } }", "");
	assert_findings(REDIS "neural { rules { " RULE("x", "prefix = p;") RULE("y", "prefix = q;") " } }",
	                "");
	assert_findings(REDIS "neural { rules { " RULE("x", "prefix = p;") RULE("y", "prefix = p;")
	                    RULE("z", "prefix = p;") " } }",
	                "config.prefix-shared:5 config.prefix-shared:7");
	/* A rule's name is its prefix too, and a number is its text. */
	assert_findings(REDIS "neural { rules { " RULE("x", "prefix = y;") RULE("y", "") " } }",
	                "config.prefix-shared:4");
	assert_findings(REDIS "neural { rules { " RULE("x", "prefix = 7;")
	                    RULE("y", "prefix = \"7\";") " } }",
	                "config.prefix-shared:5");
}

static void value_findings(void **state)
{
	(void)state;
	assert_findings(REDIS "neural { train {\nmax_trains = 1k # thousand\n} }", "config.number-suffix:3");
	assert_findings(REDIS "neural { train {\nmax_trains = 1k; # thousand\n} }", "");
	assert_findings(REDIS "neural { rules { x { providers = [{ type = a;\nweight = \"1.0\"; }]; } } }",
	                "config.number-quoted:3");
	assert_findings(REDIS "neural { rules { x { fusion {\ninclude_meta = \"false\"; } } } }",
	                "config.boolean-string:3");
	assert_findings(
	    REDIS
	    "neural { rules { x { providers = [{ type = llm; model = \"7k\"; }]; prefix = \"12\"; } } }",
	    "");
}

static void redis_findings(void **state)
{
	(void)state;
	assert_findings("neural { train {} }", "redis.no-servers:0");
	assert_findings("redis {\nservers = 6379; }\nneural { train {} }", "redis.servers-type:2");
	assert_findings("redis { servers = a;\ntimeout = \"3s\"; }\nneural { train {} }",
	                "redis.timeout-quoted:2");
	assert_findings("redis { servers = a;\npassword = 007; }\nneural { train {} }",
	                "redis.password-number:2");
	assert_findings("redis { servers = a;\nssl = \"false\"; }\nneural { train {} }",
	                "redis.boolean-string:2");
	assert_findings("redis {\nredis { servers = a; } servers = b; }\nneural { train {} }",
	                "config.nested-section:2");
	assert_findings("redis { servers = a;\ntimeout = 3; }\nneural { train {} timeout = 20; }",
	                "config.timeout-overridden:2");
	assert_findings(REDIS "neural { rules { x {\nservers = b; } } }", "config.redis-in-rule:3");
}

static void tls_findings(void **state)
{
	(void)state;
	assert_findings("redis { servers = a; ssl = true; ssl_ca = \"/ca\"; ssl_cert = c;\nssl_key = k; }\n"
	                "neural { train {} }",
	                "");
	assert_findings("redis { servers = a; ssl = true;\nssl_cert = c; }\nneural { train {} }",
	                "redis.tls-pair:2");
	assert_findings("redis { servers = a; ssl = true; }\nneural { train {}\nssl_key = k; }",
	                "redis.tls-pair:3");
	assert_findings("redis { servers = a; ssl = true;\nno_ssl_verify = true; }\nneural { train {} }",
	                "config.tls-unverified:2");
	assert_findings("redis { servers = \"a,/run/redis.sock\";\nssl = true; }\nneural { train {} }",
	                "config.tls-unix:2");
	assert_findings("redis { servers = a;\nssl_ca = \"/ca\"; }\nneural { train {} }", "config.tls-off:2");
	assert_findings("redis { servers = a; ssl = true; }\nneural { train {} ssl = false;\nsni = x; }",
	                "config.tls-off:3");
	/* That section is not looked at: it has no servers, and the one inside it decides. */
	assert_findings("redis { sni = x; neural { servers = a; } }\nneural { train {} }", "");
}

static void hostile(void **state)
{
	size_t size = (size_t)1 << 20;
	char *text = malloc(size);
	struct rnm_finding *findings = NULL;
	struct rnm_config *config;
	size_t count = 0;
	size_t used;

	/* Many remarks: the list has a limit. */
	(void)state;
	assert_non_null(text);
	used = (size_t)snprintf(text, size, "%s", REDIS "neural { train {} providers = [");
	for (unsigned i = 0; i < 5000; i++)
		used += (size_t)snprintf(text + used, size - used, "{},");
	snprintf(text + used, size - used, "{ type = a; }]; }");
	config = config_from_text(text);
	assert_int_equal(rnm_config_check(&findings, &count, config, NULL), RNM_OK);
	assert_int_equal(count, 1000);
	assert_string_equal(findings[999].id, "config.provider-unknown");
	rnm_findings_free(findings, count);
	rnm_config_free(config);
	free(text);
}

/* Each id is explained in docs/findings.md, once. */
static void documented(void **state)
{
#define ID(name, id, summary) "| `" id "` | " summary " |",
	static const char *const rows[] = { RNM_CONFIG_FINDINGS(ID) RNM_REDIS_FINDINGS(ID)
		                                RNM_RSPAMD_FAILURES(ID) };
#undef ID
	const char *tests = getenv("RNM_TESTS");
	char path[4096];
	static char page[65536];
	FILE *file;

	(void)state;
	assert_non_null(tests);
	snprintf(path, sizeof(path), "%s/../docs/findings.md", tests);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(page, 1, sizeof(page) - 1, file) > 0);
	fclose(file);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = strstr(page, rows[i]);

		if (at == NULL || strstr(at + 1, rows[i]) != NULL)
			fail_msg("expected this row once in findings.md: %s", rows[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zsets),
		cmocka_unit_test(model_keys),
		cmocka_unit_test(splits),
		cmocka_unit_test(unknown_rules),
		cmocka_unit_test(malformed_rules),
		cmocka_unit_test(plugin_and_original),
		cmocka_unit_test(names),
		cmocka_unit_test(options),
		cmocka_unit_test(number_texts),
		cmocka_unit_test(rule_findings),
		cmocka_unit_test(one_rule_findings),
		cmocka_unit_test(external_findings),
		cmocka_unit_test(shared_prefixes),
		cmocka_unit_test(value_findings),
		cmocka_unit_test(redis_findings),
		cmocka_unit_test(tls_findings),
		cmocka_unit_test(hostile),
		cmocka_unit_test(documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
