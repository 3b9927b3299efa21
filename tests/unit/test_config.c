/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a configuration tree: lib/rspamd/config*.c. */
#include "config_folder.h"

#include <rnm/json.h>

#include <errno.h>
#include <time.h>

static struct rnm_config *load_path(const char *path)
{
	const struct rnm_config_options options = { .path = path };

	return try_load(&options);
}

static struct rnm_config *load_text(const char *text)
{
	struct rnm_config *config;

	put_text("main.conf", text);
	config = load_path("main.conf");
	if (config == NULL)
		fail_msg("%s: %s", text, last_error.message);
	return config;
}

static void assert_refused(const char *text, const char *id, const char *reference)
{
	put_text("main.conf", text);
	if (load_path("main.conf") != NULL)
		fail_msg("accepted: %s", text);
	assert_string_equal(last_error.reference, reference);
	assert_string_equal(last_error.id, id);
	assert_int_equal(last_error.status, RNM_E_MALFORMED);
	assert_true(last_error.message[0] != '\0');
}

/* ---- the Lua view ------------------------------------------------------------------------------------------ */

static void lua_view(void **state)
{
	static const struct {
		const char *id, *text, *section, *view;
	} rows[] = {
		{ "L1", "x = 1", "neural", "nil" },
		{ "L2", "neural { }", "neural", "{}" },
		{ "L3", "neural { a = 1k; b = \"20\"; c = 20; d = 10s; e = yes; f = \"yes\" }", "neural",
		  "{a=1000, b=\"20\", c=20, d=10, e=true, f=\"yes\"}" },
		{ "L4", "neural { n = null }", "neural", "{n=null}" },
		{ "L5", "neural { a = [\"x\"]; b = \"x\" }", "neural", "{a=arr{\"x\"}, b=\"x\"}" },
		{ "L6", "neural { a = 1; a = 2 }", "neural", "{a=impl{1, 2}}" },
		{ "L7", "neural { p { a = 1 } p { a = 2 } }", "neural", "{p=impl{obj{a=1}, obj{a=2}}}" },
		{ "L8", "neural { a = []; o { } }", "neural", "{a=arr{}, o=obj{}}" },
		{ "L9", "neural { 1 = a; 2 = b; }", "neural", "{1=\"a\", 2=\"b\"}" },
		{ "L10", "neural { a = 1; train { x = 1 } } neural { a = 2; b = 3; train { y = 1 } }",
		  "neural", "{a=2, b=3, train=obj{y=1}}" },
		{ "L11", "neural \"foo\" { a = 1 } neural \"bar\" { b = 1 }", "neural",
		  "{bar=obj{b=1}, foo=obj{a=1}}" },
		{ "L12", "neural { rules { default { x = 1 } } rules { y { z = 1 } } }", "neural",
		  "{rules=impl{obj{default=obj{x=1}}, obj{y=obj{z=1}}}}" },
		{ "L13", "neural { rule \"a\" { x = 1 } rule \"b\" { y = 1 } }", "neural",
		  "{rule=impl{obj{a=obj{x=1}}, obj{b=obj{y=1}}}}" },
		{ "L14", "neural = 5", "neural", "list{5}" },
		{ "L15", "neural = 5; neural = 6", "neural", "list{impl{5, 6}, 6}" },
		{ "L16", "neural { a = 1 } neural = 5", "neural", "{a=1, neural=5}" },
		{ "L17", "neural = null", "neural", "list{null}" },
		{ "L19", "neural { big = 9007199254740993 }", "neural", "{big=9007199254740993}" },
		{ "L20", "redis { servers = \"127.0.0.1\"; servers = \"10.0.0.1\"; db = 2; timeout = 1s; }",
		  "redis", "{db=2, servers=impl{\"127.0.0.1\", \"10.0.0.1\"}, timeout=1}" },
		{ "repeated in an element", "neural { a = [{ x = 1; x = [2] }] }", "neural",
		  "{a=arr{obj{x=impl{1, arr{2}}}}}" },
		{ "NUL in a key", "neural { \"a\\u0000b\" = 1; \"a\" = 2 }", "neural", "{a=2}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rnm_config *config = load_text(rows[i].text);

		assert_view(config, rows[i].section, rows[i].view);
		assert_view(config, "nothing", "nil");
		rnm_config_free(config);
	}
}

/* L18: what crashes rspamd's script is an error here. */
static void array_sections_fail(void **state)
{
	static const char *const texts[] = { "neural = [1, 2]", "neural { a = 1 }\nneural = [1]" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct rnm_config *config = load_text(texts[i]);
		const struct rnm_value *view = NULL;
		struct rnm_error err;

		assert_int_equal(rnm_config_get_all_opt(config, "neural", &view, &err), RNM_E_MALFORMED);
		assert_null(view);
		assert_string_equal(err.id, "config.section-array");
		assert_string_equal(err.reference, "table index is nil");
		assert_int_equal(err.line, 1 + i);
		rnm_config_free(config);
	}
}

/* ---- process level: rows R1 to R22 ------------------------------------------------------------------------ */

static void main_file_problems(void **state)
{
	char reference[PATH_MAX + 100];

	(void)state;
	assert_null(load_path("nope.conf"));
	assert_int_equal(last_error.status, RNM_E_NOT_FOUND);
	assert_string_equal(last_error.id, "config.open");
	assert_string_equal(last_error.reference, FAILED
	                    "cannot open nope.conf: cannot open file nope.conf: No such file or directory");
	{
		const struct rnm_config_options absent = { .path = "nope.conf" };
		struct rnm_config *config = NULL;

		assert_int_equal(rnm_config_load(&config, &absent, NULL), RNM_E_NOT_FOUND);
	}
	put_text("e.conf", "");
	assert_null(load_path("e.conf"));
	assert_string_equal(last_error.reference,
	                    FAILED "cannot open e.conf: cannot mmap file e.conf: Invalid argument");
	assert_string_equal(last_error.id, "config.open");
	assert_int_equal(mkdir("dir.conf", 0777), 0);
	assert_null(load_path("dir.conf"));
	assert_string_equal(last_error.reference,
	                    FAILED "cannot open dir.conf: cannot mmap file dir.conf: No such device");
	assert_int_equal(last_error.status, RNM_E_IO);
	assert_string_equal(last_error.message, "expected dir.conf to be a regular file, found a folder");
	assert_string_equal(last_error.hint, "name the file in it, usually rspamd.conf");
	assert_int_equal(mkfifo("pipe.conf", 0666), 0);
	assert_null(load_path("pipe.conf"));
	assert_int_equal(last_error.status, RNM_E_IO);
	assert_string_equal(last_error.message, "expected pipe.conf to be a regular file, found a pipe");
	assert_string_equal(last_error.reference,
	                    FAILED "cannot open pipe.conf: cannot mmap file pipe.conf: No such device");
	put_text("bad.conf", "a = [\n");
	assert_null(load_path("bad.conf"));
	snprintf(reference, sizeof(reference), PARSER "%s/bad.conf:2 unmatched open brace at 1; ", folder);
	assert_string_equal(last_error.reference, reference);
	assert_string_equal(last_error.id, "ucl.unmatched-brace");
	assert_refused(".include(glob=true) \"/none/*.conf\"", "config.include", PARSER "(null)");
	assert_refused("[1, 2]", "config.process", FAILED "top configuration must be an object");
}

/* R6: rspamd cannot name the file; rnm does. */
static void template_problem(void **state)
{
	char name[PATH_MAX + 16];

	(void)state;
	put_text("j.conf", "a = 1;\nb = \"{= env.X|mandatory(\"need X\") =}\";\n");
	assert_refused("\n.include \"j.conf\"\n", "config.template",
	               PARSER "call for external handler failed");
	assert_string_equal(last_error.message,
	                    "Runtime Error in file \"<string>\" on line 2, column 15: need X");
	snprintf(name, sizeof(name), "%s/j.conf", folder);
	assert_string_equal(last_error.file, name);
	assert_int_equal(last_error.line, 2);
	assert_refused("a = \"{= env.X|mandatory(\"need X\") =}\";", "config.template",
	               PARSER "call for external handler failed");
	assert_string_equal(last_error.file, "main.conf");
}

static void section_types(void **state)
{
	static const struct {
		const char *text, *reference;
	} refused[] = {
		{ "options { task_timeout = \"8s\"; }",
		  "cannot convert string to double in option task_timeout" },
		{ "options { task_timeout = 8s # c\n }",
		  "cannot convert string to double in option task_timeout" },
		{ "options { one_shot = \"yes\" }", "cannot convert string to boolean in option one_shot" },
		{ "options { one_shot = 5.0; }", "cannot convert number to boolean in option one_shot" },
		{ "options { one_shot = null }", "cannot convert null to boolean in option one_shot" },
		{ "options { history_rows = \"yes\" }",
		  "cannot convert string to integer in option history_rows" },
		{ "options { history_rows = true }",
		  "cannot convert boolean to integer in option history_rows" },
		{ "options { tempdir = [1] }", "cannot convert array to string in option tempdir" },
		{ "options { tempdir = 10s; }", "cannot convert number to string in option tempdir" },
		{ "options { tempdir = {}; tempdir = a; }",
		  "cannot convert object to string in option tempdir" },
		{ "options { } options { tempdir = {} }",
		  "cannot convert object to string in option tempdir" },
		{ "options { filters = [{a=1}] }",
		  "cannot convert array to a string list in option filters" },
		{ "options { filters = null }", "cannot convert null to a string list in option filters" },
		{ "options { dns { timeout = \"x\" } }",
		  "cannot convert string to double in option timeout" },
		{ "options { upstream { max_errors = \"x\" } }",
		  "cannot convert string to integer in option max_errors" },
		{ "options { dns = 5 }",
		  "default configuration must be an object for section dns (actual type is integer)" },
		{ "options { upstream = 5 }",
		  "default configuration must be an object for section upstream (actual type is integer)" },
		{ "options { } options = 5",
		  "default configuration must be an object for section options (actual type is integer)" },
		{ "options { neighbours { a { } } }", "missing host for neighbour: a" },
		{ "options = 1", "object in section options has invalid type" },
		{ "actions = 1", "object in section actions has invalid type" },
		{ "actions { reject { } }", "invalid action definition for: 'reject'" },
		{ "actions { grow_factor = \"x\" }",
		  "cannot convert string to double in option grow_factor" },
		{ "actions { subject = [1] }", "cannot convert array to string in option subject" },
		{ "lua = 5", "object in section lua has invalid type" },
		{ "group = 1", "object in section group has invalid type" },
		{ "group { max_score = 1 }",
		  "required attribute 'name' is missing for section 'group', current key: group" },
		{ "group \"x\" { max_score = \"y\" }",
		  "cannot convert string to double in option max_score" },
		{ "group { x { max_score = 5; } y { max_score = \"z\" } }",
		  "cannot convert string to double in option max_score" },
		{ "group \"x\" { enabled = \"q\" }", "enabled attribute is not boolean for symbol: 'x'" },
		{ "group \"x\" {} group { a = 5; }",
		  "required attribute 'name' is missing for section 'group', current key: group" },
		{ "modules { }", "path attribute is missing" },
		{ "modules = 1", "module parameter has wrong type (must be an object or a string)" },
		{ "classifier = 1", "object in section classifier has invalid type" },
		{ "composite { a = 1 }",
		  "required attribute 'name' is missing for section 'composite', current key: composite" },
		{ "composites = 1", "object in section composites has invalid type" },
		{ "lua = 5; options = 1", "object in section options has invalid type" },
	};
	static const char *const accepted[] = {
		"worker { }", /* R16: these two sections are not looked at */
		"logging { type = \"xx\" }",
		"options { tempdir = 1.5; filters = a; history_rows = 5.7; one_shot = 5 }",
		"options { tempdir = null; task_timeout = 8s; filters = [a, 1, 1.5, true] }",
		"options { tempdir = a; tempdir = {}; }",
		"options { dns { } dns = 5; }",
		"options { filters = {a=1}; dns_nameserver = {}; unknown = [] }",
		"actions { reject = 15; foo = \"x\"; bar { score = 5 } }",
		"group \"x\" { max_score = 5; enabled = yes } group { name = y; min_score = 1 } group { }",
		"modules { path = \"/nope\" }",
		"classifier \"bayes\" { }",
		"composite \"a\" { expression = \"b & c\" }",
		"lua = \"/nope.lua\"",
		"neural = 1; redis = 2; gpt = 3",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char reference[400];

		snprintf(reference, sizeof(reference), FAILED "%s", refused[i].reference);
		assert_refused(refused[i].text, "config.process", reference);
		assert_int_equal(last_error.line, 1);
	}
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		rnm_config_free(load_text(accepted[i]));
}

/* R17 and the line about sections inside themselves. */
static void warnings(void **state)
{
	struct rnm_config *config =
	    load_text("neural { neural { } }\nredis { redis = 5 }\ngpt { gpt = 1; gpt = 2 }");

	(void)state;
	assert_int_equal(rnm_config_warning_count(config), 3);
	assert_string_equal(rnm_config_warning(config, 0), "no actions defined");
	assert_string_equal(rnm_config_warning(config, 1),
	                    "nested section: neural { neural { ... } }, it is likely a configuration error");
	assert_string_equal(rnm_config_warning(config, 2),
	                    "nested section: gpt { gpt { ... } }, it is likely a configuration error");
	assert_null(rnm_config_warning(config, 3));
	rnm_config_free(config);
	config = load_text("actions { }");
	assert_int_equal(rnm_config_warning_count(config), 0);
	rnm_config_free(config);
}

static const char *string_at(const struct rnm_config *config, const char *key)
{
	const char *text = rnm_value_string(rnm_value_get(rnm_config_root(config), key));

	assert_non_null(text);
	return text;
}

/* R18, R19 and R21, and the built-in values. */
static void path_variables(void **state)
{
	static const char text[] =
	    "c = $CONFDIR; l = $LOCAL_CONFDIR; s = $SHAREDIR; d = $DBDIR; p = $PREFIX; r = $RUNDIR;"
	    "lua = $LUALIBDIR; v = $VERSION; b = $BRANCH_VERSION; n = $NOPE; w = $WWWDIR;"
	    "x = ${PLUGINSDIR}; y = ${RULESDIR}; o = $LOGDIR;\n";
	static const char *const environment[] = { "SHAREDIR=/s", "PREFIX=/p", "DBDIR=/env",
		                                   "RUNDIR=",     "NOPE=1",    NULL };
	static const struct rnm_config_var vars[] = { { "dbdir", "/v" }, { "NOPE", "1" } };
	struct rnm_config_options options = { .path = "main.conf" };
	char confdir[PATH_MAX + 16];
	const char *relocated[] = { confdir, NULL };
	struct rnm_config *config = load_text(text);

	(void)state;
	assert_string_equal(string_at(config, "c"), "/etc/rspamd");
	assert_string_equal(string_at(config, "l"), "/etc/rspamd");
	assert_string_equal(string_at(config, "s"), "/usr/share/rspamd");
	assert_string_equal(string_at(config, "r"), "/run/rspamd");
	assert_string_equal(string_at(config, "d"), "/var/lib/rspamd");
	assert_string_equal(string_at(config, "o"), "/var/log/rspamd");
	assert_string_equal(string_at(config, "w"), "/usr/share/rspamd/www");
	assert_string_equal(string_at(config, "x"), "/usr/share/rspamd/plugins");
	assert_string_equal(string_at(config, "y"), "/usr/share/rspamd/rules");
	assert_string_equal(string_at(config, "lua"), "/usr/share/rspamd/lualib");
	assert_string_equal(string_at(config, "p"), "/usr");
	assert_string_equal(string_at(config, "v"), "4.1.6");
	assert_string_equal(string_at(config, "b"), "4");
	rnm_config_free(config);

	options.environment = environment;
	options.vars = vars;
	options.var_count = 2;
	config = try_load(&options);
	assert_non_null(config);
	assert_string_equal(string_at(config, "s"), "/usr/share/rspamd");
	assert_string_equal(string_at(config, "p"), "/usr");
	assert_string_equal(string_at(config, "d"), "/v");
	assert_string_equal(string_at(config, "r"), "");
	assert_string_equal(string_at(config, "n"), "$NOPE");
	rnm_config_free(config);

	put_text("rspamd.conf", text);
	snprintf(confdir, sizeof(confdir), "CONFDIR=%s", folder);
	options = (struct rnm_config_options){ .environment = relocated };
	config = try_load(&options);
	assert_non_null(config);
	assert_string_equal(string_at(config, "c"), folder);
	assert_string_equal(string_at(config, "l"), "/etc/rspamd");
	assert_string_equal(rnm_config_path(config) + strlen(folder), "/rspamd.conf");
	rnm_config_free(config);
}

/* R19 and R20 as templates see them. */
static void template_names(void **state)
{
	static const char text[] =
	    "a = \"$FOO {= FOO =}{= env.FOO =}\"; s = \"{= paths.SHAREDIR =}\"; v = \"{= env.version =}\";"
	    "n = {= env.ver_num =}; h = \"{= env.hostname =}\"; x = \"{= env.X =}\"; p = \"{= paths.PREFIX "
	    "=}\"; m = \"{= env.ver_major =}.{= env.ver_minor =} {= env.ver_id =}\"";
	static const char *const environment[] = { "SHAREDIR=/s", "RSPAMD_X=y=z", "RSPAMD_hostname=me",
		                                   "X=no", NULL };
	static const struct rnm_config_var vars[] = { { "FOO", "1" }, { "version", "9" } };
	const struct rnm_config_options options = { "main.conf", vars, 2, environment, NULL };
	struct rnm_config *config;

	(void)state;
	put_text("main.conf", text);
	config = try_load(&options);
	if (config == NULL)
		fail_msg("%s", last_error.message);
	assert_string_equal(string_at(config, "a"), "$FOO 11");
	assert_string_equal(string_at(config, "s"), "/s");
	assert_string_equal(string_at(config, "v"), "4.1.6");
	assert_string_equal(string_at(config, "h"), "me");
	assert_string_equal(string_at(config, "x"), "y=z");
	assert_string_equal(string_at(config, "p"), "/usr");
	assert_string_equal(string_at(config, "m"), "4.1 release");
	assert_true(rnm_value_get(rnm_config_root(config), "n")->as.real == (double)0x4010000000000);
	rnm_config_free(config);
}

static void files_are_listed(void **state)
{
	struct rnm_config *config;

	(void)state;
	put_text("b.conf", "b = 1");
	put_text("a/c.conf", "c = 1\r\nd = 2\r\n");
	config = load_text(
	    ".include \"b.conf\"\n.include(try=true) \"none\"\n.include \"$CURDIR/a/../a/c.conf\"\n");
	assert_int_equal(rnm_config_file_count(config), 3);
	assert_string_equal(rnm_config_file(config, 0), "main.conf");
	assert_string_equal(rnm_config_file(config, 1) + strlen(folder), "/b.conf");
	assert_string_equal(rnm_config_file(config, 2) + strlen(folder), "/a/c.conf");
	assert_null(rnm_config_file(config, 3));
	assert_int_equal(rnm_value_get(rnm_config_root(config), "c")->as.integer, 1);
	rnm_config_free(config);
}

/* `try` forgives absence, whatever the way to the file looks like, and nothing else. */
static void absence_and_links(void **state)
{
	struct rnm_config *config;

	(void)state;
	put_text("real/x.conf", "x = \"$FILENAME\"");
	assert_int_equal(symlink("real", "link"), 0);
	assert_int_equal(symlink("x.conf", "real/y.conf"), 0);
	assert_int_equal(symlink("gone", "dangling.conf"), 0);
	config =
	    load_text(".include(try=true) \"dangling.conf\"\n.include(try=true) \"$CURDIR/dangling.conf\"\n"
	              ".include(try=true) \"$CURDIR/main.conf/x\"\n.include(try=true) \"$CURDIR/no/such/x\"\n"
	              ".include \"$CURDIR/link/x.conf\"\n.include(priority=1) \"$CURDIR/real/y.conf\"\n");
	assert_string_equal(string_at(config, "x") + strlen(folder), "/real/x.conf");
	rnm_config_free(config);
	assert_refused(".include \"dangling.conf\"\n", "config.include",
	               PARSER "cannot open file dangling.conf: No such file or directory");
	assert_int_equal(last_error.sys_errno, ENOENT);
	assert_int_equal(last_error.line, 1);
	if (geteuid() == 0)
		return; /* root reads everything */
	put_text("secret.conf", "a = 1");
	assert_int_equal(chmod("secret.conf", 0), 0);
	put_text("main.conf", ".include(try=true) \"secret.conf\"\n");
	assert_null(load_path("main.conf"));
	assert_non_null(strstr(last_error.reference, "secret.conf: Permission denied"));
}

/* ---- limits ---------------------------------------------------------------------------------------------------- */

static void assert_limited(const struct rnm_config_limits *limits)
{
	const struct rnm_config_options options = { .path = "main.conf", .limits = limits };

	assert_null(try_load(&options));
	assert_int_equal(last_error.status, RNM_E_MALFORMED);
	assert_string_equal(last_error.id, "config.limit");
}

static void limits(void **state)
{
	struct rnm_config *config;

	(void)state;
	put_text("inc.conf", "a { b = 1 }\n");
	put_text("main.conf", ".include \"inc.conf\"\n.include \"inc.conf\"\nx = [[1]]\n");
	assert_limited(&(struct rnm_config_limits){ .max_files = 2 });
	assert_limited(&(struct rnm_config_limits){ .max_file_bytes = 20 });
	assert_limited(&(struct rnm_config_limits){ .max_total_bytes = 60 });
	assert_limited(&(struct rnm_config_limits){ .max_depth = 2 });
	assert_limited(&(struct rnm_config_limits){ .max_tree_bytes = 1000 });
	config = load_path("main.conf");
	assert_non_null(config);
	rnm_config_free(config);
}

/* Sixteen levels of files that include the next one twice would be 65536 files. */
static void include_bomb(void **state)
{
	const struct rnm_config_options options = { .path = "0.conf" };
	clock_t start = clock();

	(void)state;
	for (int i = 0; i < 15; i++) {
		char name[32];
		char text[128];

		snprintf(name, sizeof(name), "%d.conf", i);
		snprintf(text, sizeof(text), ".include \"%d.conf\"\n.include \"%d.conf\"\n", i + 1, i + 1);
		put_text(name, i < 14 ? text : "a = 1\n");
	}
	assert_null(try_load(&options));
	assert_string_equal(last_error.id, "config.limit");
	put_text("0.conf", "a = 1\n.include \"1.conf\"\n.include(try=true) \"0.conf\"\n");
	put_text("1.conf", ".include(try=true) \"0.conf\"\n");
	assert_null(try_load(&options));
	assert_string_equal(last_error.reference, PARSER "maximum include nesting limit is reached: 17");
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 8.0);
}

/* Absent files cost a look-up each: a file that asks for millions is refused. */
static void lookup_bomb(void **state)
{
	struct rnm_buf text;

	(void)state;
	rnm_buf_init(&text, (size_t)64 << 20);
	for (int i = 0; i < 100000; i++)
		rnm_buf_printf(&text, ".include(try=true) \"/none/%d\"\n", i);
	put_text("main.conf", text.data);
	rnm_buf_free(&text);
	assert_limited(NULL);
	assert_true(last_error.line > 60000);
}

/* Trees are walked recursively: nobody may raise the depth past what is safe, and what is safe works. */
static void deep_view(void **state)
{
	const struct rnm_config_limits deep = { .max_depth = 1000000 };
	const struct rnm_value *view = NULL;
	struct rnm_config *config;
	static struct rnm_json json;
	struct rnm_buf text;

	(void)state;
	for (int depth = 998; depth <= 9998; depth += 9000) {
		rnm_buf_init(&text, (size_t)1 << 20);
		rnm_buf_puts(&text, "neural { a = ");
		for (int i = 0; i < depth; i++)
			rnm_buf_putc(&text, '[');
		for (int i = 0; i < depth; i++)
			rnm_buf_putc(&text, ']');
		rnm_buf_puts(&text, "; a = 2 }");
		put_text("main.conf", text.data);
		rnm_buf_free(&text);
		if (depth > 1000)
			break;
		config = try_load(&(struct rnm_config_options){ .path = "main.conf", .limits = &deep });
		assert_non_null(config);
		assert_int_equal(rnm_config_get_all_opt(config, "neural", &view, NULL), RNM_OK);
		assert_int_equal(rnm_value_get(view, "a")->type, RNM_ARRAY);
		rnm_buf_init(&text, (size_t)1 << 26);
		rnm_json_init(&json, &text, true);
		rnm_json_value(&json, view);
		assert_false(text.failed);
		rnm_buf_free(&text);
		rnm_config_free(config);
	}
	assert_limited(NULL);
	assert_limited(&deep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(lua_view),
		IN_FOLDER(array_sections_fail),
		IN_FOLDER(main_file_problems),
		IN_FOLDER(template_problem),
		IN_FOLDER(section_types),
		IN_FOLDER(warnings),
		IN_FOLDER(path_variables),
		IN_FOLDER(template_names),
		IN_FOLDER(files_are_listed),
		IN_FOLDER(absence_and_links),
		IN_FOLDER(limits),
		IN_FOLDER(include_bomb),
		IN_FOLDER(lookup_bomb),
		IN_FOLDER(deep_view),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
