/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a configuration tree: lib/rspamd/config*.c. */
#include <rnm/config.h>
#include <rnm/json.h>

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "ucl_text.h"

/* ---- one load from files in a folder of its own --------------------------------------------------------- */

static char *folder;

static int make_folder(void **state)
{
	char name[] = "/tmp/rnm-test-XXXXXX";
	char resolved[PATH_MAX];

	(void)state;
	if (mkdtemp(name) == NULL || realpath(name, resolved) == NULL || chdir(resolved) != 0)
		return -1;
	folder = strdup(resolved);
	return folder != NULL ? 0 : -1;
}

static int drop_folder(void **state)
{
	(void)state;
	if (chdir("/") != 0)
		return -1;
	remove_tree(folder);
	free(folder);
	return 0;
}

static void put_text(const char *name, const char *text)
{
	assert_true(write_file(folder, name, text, strlen(text)));
}

static struct rnm_error last_error;

/* The configuration in main.conf, or NULL and last_error. */
static struct rnm_config *try_load(const struct rnm_config_options *options)
{
	struct rnm_config *config = NULL;
	enum rnm_status status;

	rnm_error_clear(&last_error);
	status = rnm_config_load(&config, options, &last_error);
	assert_true((status == RNM_OK) == (config != NULL));
	assert_int_equal(status, last_error.status);
	return config;
}

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

static int by_key(const void *a, const void *b)
{
	const struct rnm_value *const *left = a;
	const struct rnm_value *const *right = b;

	return strcmp((*left)->key.data, (*right)->key.data);
}

/* Lua's notation with the class marks; keys sorted, since Lua forgets their order.  list{}: a plain list. */
static void put_view(struct rnm_buf *out, const struct rnm_value *value)
{
	const bool plain = (value->flags & RNM_VALUE_PLAIN) != 0;
	size_t count = rnm_value_count(value);
	const struct rnm_value **items;

	assert_null(value->next);
	if (value->type == RNM_FLOAT) {
		rnm_buf_printf(out, "%.14g", value->as.real);
		return;
	}
	if (value->type != RNM_ARRAY && value->type != RNM_OBJECT) {
		put_value(out, value);
		return;
	}
	if (value->type == RNM_OBJECT)
		rnm_buf_puts(out, plain ? "{" : "obj{");
	else
		rnm_buf_puts(out, plain                                      ? "list{"
		                  : (value->flags & RNM_VALUE_IMPLICIT) != 0 ? "impl{"
		                                                             : "arr{");
	items = calloc(count + 1, sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = rnm_value_at(value, i);
	if (value->type == RNM_OBJECT)
		qsort(items, count, sizeof(*items), by_key);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			rnm_buf_puts(out, ", ");
		if (value->type == RNM_OBJECT)
			rnm_buf_printf(out, "%s=", items[i]->key.data);
		put_view(out, items[i]);
	}
	free(items);
	rnm_buf_putc(out, '}');
}

static void assert_view(struct rnm_config *config, const char *section, const char *expected)
{
	const struct rnm_value *view = NULL;
	const struct rnm_value *again = NULL;
	struct rnm_buf out;

	assert_int_equal(rnm_config_get_all_opt(config, section, &view, NULL), RNM_OK);
	assert_int_equal(rnm_config_get_all_opt(config, section, &again, NULL), RNM_OK);
	assert_ptr_equal(view, again);
	rnm_buf_init(&out, (size_t)1 << 20);
	if (view == NULL)
		rnm_buf_puts(&out, "nil");
	else
		put_view(&out, view);
	assert_string_equal(rnm_buf_cstr(&out), expected);
	rnm_buf_free(&out);
}

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

#define FAILED "failed to load config: "
#define PARSER "failed to load config: ucl parser error: "

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

/* ---- records of rspamd 4.1 --------------------------------------------------------------------------------------- */

static bool same_value(const struct rnm_value *value, const json_t *json);

/* The records show a repeated key as the array of its values, at the top level marked. */
static bool same_chain(const struct rnm_value *head, const json_t *json)
{
	const struct rnm_value *link = head;
	const json_t *links = json_object_get(json, "__chain__");

	if (head->next == NULL)
		return same_value(head, json);
	if (links == NULL)
		links = json;
	for (size_t i = 0; i < json_array_size(links); i++, link = link->next)
		if (link == NULL || !same_value(link, json_array_get(links, i)))
			return false;
	return json_is_array(links) && link == NULL;
}

static bool same_object(const struct rnm_value *value, const json_t *json)
{
	const char *key;
	json_t *member;

	if (!json_is_object(json) || json_object_size(json) != rnm_value_count(value))
		return false;
	json_object_foreach((json_t *)(uintptr_t)json, key, member)
	{
		const struct rnm_value *mine = rnm_value_get(value, key);

		if (mine == NULL || !same_chain(mine, member))
			return false;
	}
	return true;
}

static bool same_value(const struct rnm_value *value, const json_t *json)
{
	char six[64];

	switch ((enum rnm_type)value->type) {
	case RNM_NULL:
		return json_is_null(json);
	case RNM_BOOL:
		return json_is_boolean(json) && json_is_true(json) == value->as.boolean;
	case RNM_INT:
		return json_is_integer(json) && json_integer_value(json) == value->as.integer;
	case RNM_FLOAT:
		snprintf(six, sizeof(six), "%.6f", value->as.real);
		return json_is_real(json) && strtod(six, NULL) == json_real_value(json);
	case RNM_STRING:
		return json_is_string(json) && json_string_length(json) == value->as.string.len &&
		       memcmp(json_string_value(json), value->as.string.data, value->as.string.len) == 0;
	case RNM_ARRAY:
		if (!json_is_array(json) || json_array_size(json) != rnm_value_count(value))
			return false;
		for (size_t i = 0; i < json_array_size(json); i++)
			if (!same_value(rnm_value_at(value, i), json_array_get(json, i)))
				return false;
		return true;
	case RNM_OBJECT:
		return same_object(value, json);
	}
	return false;
}

static char *read_whole(const char *path)
{
	struct rnm_buf out;
	char chunk[4096];
	size_t got;
	FILE *file = fopen(path, "rb");

	if (file == NULL)
		return NULL;
	rnm_buf_init(&out, (size_t)1 << 24);
	rnm_buf_puts(&out, "");
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		rnm_buf_append(&out, chunk, got);
	fclose(file);
	rnm_buf_putc(&out, '\0');
	return rnm_buf_steal(&out);
}

/* The file's text with @DIR@ replaced, or NULL when there is no such file. */
static char *read_record(const char *dir, const char *name)
{
	char path[PATH_MAX];
	char *text;
	char *result;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	text = read_whole(path);
	result = text != NULL ? replace_all(text, "@DIR@", dir) : NULL;
	free(text);
	return result;
}

static void check_expected_error(const char *name, const struct rnm_config *config, char *expected)
{
	static const char template_line[] = "cannot call lua jinja_template script: ";
	size_t len = strlen(expected);
	char text[RNM_ERROR_TEXT_MAX + 64];

	while (len > 0 && strchr(" \n", expected[len - 1]) != NULL)
		expected[--len] = '\0';
	if (strncmp(expected, "Section neural NOT FOUND", 24) == 0) {
		assert_non_null(config);
		assert_null(rnm_value_get(rnm_config_root(config), "neural"));
		assert_string_equal(rnm_config_warning(config, 0), "no actions defined");
		return;
	}
	if (config != NULL)
		fail_msg("%s: accepted, expected %s", name, expected);
	if (strncmp(expected, template_line, sizeof(template_line) - 1) == 0)
		snprintf(text, sizeof(text), "%s%s", template_line, last_error.message);
	else
		snprintf(text, sizeof(text), "%s", last_error.reference);
	for (len = strlen(text); len > 0 && text[len - 1] == ' ';)
		text[--len] = '\0';
	if (strcmp(text, expected) != 0)
		fail_msg("%s:\n  expected %s\n  got      %s", name, expected, text);
}

static void check_record(const char *root, const char *name)
{
	static const char *const fixed[] = { "CONFDIR=/etc/rspamd", "DBDIR=/var/lib/rspamd",
		                             "RUNDIR=/run/rspamd", "LOGDIR=/var/log/rspamd",
		                             "SHAREDIR=/usr/share/rspamd" };
	const char *environment[16] = { NULL };
	struct rnm_config_options options = { .environment = environment };
	char dir[PATH_MAX + 300];
	char full[PATH_MAX];
	char path[PATH_MAX + 16];
	char local[PATH_MAX + 16];
	char vars[8][256];
	struct rnm_config *config;
	const char *key;
	json_t *value;
	json_t *record;
	char *text;
	size_t n = 0;
	size_t v = 0;

	snprintf(dir, sizeof(dir), "%s/%s", root, name);
	assert_non_null(realpath(dir, full));
	text = read_record(full, "case.json");
	record = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(record);
	for (; n < sizeof(fixed) / sizeof(fixed[0]); n++)
		environment[n] = fixed[n];
	snprintf(local, sizeof(local), "LOCAL_CONFDIR=%s", full);
	environment[n++] = local;
	json_object_foreach(json_object_get(record, "env"), key, value)
	{
		snprintf(vars[v], sizeof(vars[v]), "%s=%s", key, json_string_value(value));
		environment[n++] = vars[v++];
	}
	snprintf(path, sizeof(path), "%s/main.conf", full);
	options.path = path;
	config = try_load(&options);
	text = read_record(full, "expected.error");
	if (text != NULL) {
		check_expected_error(name, config, text);
	} else {
		json_t *expected;

		text = read_record(full, "expected.json");
		expected = json_loads(text, JSON_DECODE_ANY, NULL);
		assert_non_null(expected);
		if (config == NULL)
			fail_msg("%s: %s", name, last_error.message);
		if (!same_chain(rnm_value_get(rnm_config_root(config),
		                              json_string_value(json_object_get(record, "section"))),
		                expected))
			fail_msg("%s: differs from %s", name, text);
		json_decref(expected);
	}
	free(text);
	json_decref(record);
	rnm_config_free(config);
}

static void records(void **state)
{
	char root[PATH_MAX];
	struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	(void)state;
	snprintf(root, sizeof(root), "%s/data/config", getenv("RNM_TESTS"));
	dir = opendir(root);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		check_record(root, entry->d_name);
		count++;
	}
	closedir(dir);
	assert_int_equal(count, 43);
}

/* ---- the tree that rspamd ships ------------------------------------------------------------------------------- */

/* Copies the stock tree into the folder; false when the machine has none. */
static bool copy_stock_tree(void)
{
	const char *shared = getenv("RNM_SHARED");
	char command[2 * PATH_MAX + 64];
	char tree[PATH_MAX];

	if (shared == NULL)
		return false;
	snprintf(tree, sizeof(tree), "%s/golden/stock-4.1/tree", shared);
	if (access(tree, R_OK) != 0)
		return false;
	snprintf(command, sizeof(command), "cp -r '%s/.' '%s' && chmod -R u+w '%s'", tree, folder, folder);
	return system(command) == 0;
}

static struct rnm_config *load_stock(void)
{
	char confdir[PATH_MAX + 32];
	char local[PATH_MAX + 32];
	const char *const environment[] = { confdir, local, NULL };
	const struct rnm_config_options options = { .environment = environment };

	snprintf(confdir, sizeof(confdir), "CONFDIR=%s", folder);
	snprintf(local, sizeof(local), "LOCAL_CONFDIR=%s", folder);
	return try_load(&options);
}

static void check_stock_record(const char *name)
{
	char path[PATH_MAX];
	struct rnm_config *config;
	const char *key;
	json_t *value;
	json_t *record;

	snprintf(path, sizeof(path), "%s/golden/stock-4.1/%s.json", getenv("RNM_SHARED"), name);
	record = json_load_file(path, 0, NULL);
	assert_non_null(record);
	json_object_foreach(json_object_get(record, "files"), key, value)
	    put_text(key, json_string_value(value));
	config = load_stock();
	if (config == NULL)
		fail_msg("%s: %s", name, last_error.message);
	json_object_foreach(json_object_get(record, "sections"), key, value)
	{
		const struct rnm_value *section = rnm_value_get(rnm_config_root(config), key);

		if (section == NULL || !same_chain(section, value))
			fail_msg("%s: section %s differs", name, key);
	}
	json_object_foreach(json_object_get(record, "files"), key, value) unlink(key);
	json_decref(record);
	rnm_config_free(config);
}

static void stock_records(void **state)
{
	static const char *const names[] = { "plain", "local", "override", "fann_legacy", "top_level" };

	(void)state;
	if (!copy_stock_tree())
		skip();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		check_stock_record(names[i]);
}

#define STOCK_TRAIN "train=obj{max_iterations=25, max_trains=1000, max_usages=20}"

/* Rows D1 to D15.  name and text: a file laid over the tree. */
static void stock_additions(void **state)
{
	static const struct {
		const char *id;
		const char *files[6]; /* name, text, ... */
		const char *section;
		const char *view;
	} rows[] = {
		{ "D1", { NULL }, "neural", "{timeout=20, " STOCK_TRAIN "}" },
		{ "D1 redis", { NULL }, "redis", "{}" },
		{ "D2",
		  { "local.d/neural.conf", "train { max_trains = 100; spam_score = 8 }" },
		  "neural",
		  "{timeout=20, train=obj{max_iterations=25, max_trains=100, max_usages=20, spam_score=8}}" },
		{ "D3",
		  { "override.d/neural.conf", "timeout = 10s;" },
		  "neural",
		  "{timeout=10, " STOCK_TRAIN "}" },
		{ "D4",
		  { "override.d/neural.conf", "train { max_trains = 7 }" },
		  "neural",
		  "{timeout=20, train=obj{max_trains=7}}" },
		{ "D5",
		  { "local.d/neural.conf", "train { max_trains = 100; } rules { default { a = 1 } }",
		    "override.d/neural.conf", "rules { extra { x = 1 } }" },
		  "neural",
		  "{rules=obj{extra=obj{x=1}}, timeout=20, train=obj{max_iterations=25, max_trains=100, "
		  "max_usages=20}}" },
		{ "D6",
		  { "local.d/neural.conf",
		    "rules \"default\" { providers = [{type=\"llm\"}] }\nrules \"second\" { "
		    "providers = [{type=\"symbols\"}] }" },
		  "neural",
		  "{rules=obj{default=obj{providers=arr{obj{type=\"llm\"}}}, "
		  "second=obj{providers=arr{obj{type=\"symbols\"}}}}, timeout=20, " STOCK_TRAIN "}" },
		{ "D7",
		  { "local.d/neural.conf", "neural { timeout = 3 }" },
		  "neural",
		  "{neural=obj{timeout=3}, timeout=20, " STOCK_TRAIN "}" },
		{ "D9", { "local.d/neural.conf", "" }, "neural", "{timeout=20, " STOCK_TRAIN "}" },
		{ "D12",
		  { "modules.local.d/n.conf", "neural { timeout = 99; } redis { servers = \"zz\"; }" },
		  "neural",
		  "{timeout=99, " STOCK_TRAIN "}" },
		{ "D12 redis",
		  { "modules.local.d/n.conf", "neural { timeout = 99; } redis { servers = \"zz\"; }" },
		  "redis",
		  "{servers=\"zz\"}" },
		{ "D13",
		  { "rspamd.conf.local", "neural { timeout = 98; foo = 1 }" },
		  "neural",
		  "{foo=1, timeout=98, " STOCK_TRAIN "}" },
		{ "D14",
		  { "rspamd.conf.local.override", "neural { timeout = 98; foo = 1 }" },
		  "neural",
		  "{foo=1, timeout=98}" },
	};

	(void)state;
	if (!copy_stock_tree())
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rnm_config *config;

		for (size_t f = 0; rows[i].files[f] != NULL; f += 2)
			put_text(rows[i].files[f], rows[i].files[f + 1]);
		config = load_stock();
		if (config == NULL)
			fail_msg("%s: %s", rows[i].id, last_error.message);
		assert_view(config, rows[i].section, rows[i].view);
		if (strcmp(rows[i].id, "D7") == 0) {
			assert_int_equal(rnm_config_warning_count(config), 1);
			assert_string_equal(
			    rnm_config_warning(config, 0),
			    "nested section: neural { neural { ... } }, it is likely a configuration error");
		}
		rnm_config_free(config);
		for (size_t f = 0; rows[i].files[f] != NULL; f += 2)
			unlink(rows[i].files[f]);
	}
}

/* D8, D10, D11 and D15. */
static void stock_mistakes(void **state)
{
	char reference[2 * PATH_MAX];
	const struct rnm_value *gpt = NULL;
	struct rnm_config *config;

	(void)state;
	if (!copy_stock_tree())
		skip();
	put_text("local.d/neural.conf", "{ \"timeout\": 3 }\n");
	assert_null(load_stock());
	snprintf(reference, sizeof(reference),
	         PARSER "%s/modules.d/neural.conf:37 object closed with } is not opened with { at line 15",
	         folder);
	assert_string_equal(last_error.reference, reference);
	put_text("local.d/neural.conf", "x = 1;\ny = [ 1\n");
	assert_null(load_stock());
	snprintf(reference, sizeof(reference), PARSER "%s/local.d/neural.conf:3 unmatched open brace at 2; ",
	         folder);
	assert_string_equal(last_error.reference, reference);
	unlink("local.d/neural.conf");
	put_text("local.d/gpt.conf", "enabled = true; model = [\"a\", \"b\"]; timeout = 5;");
	config = load_stock();
	assert_non_null(config);
	assert_int_equal(rnm_config_get_all_opt(config, "gpt", &gpt, NULL), RNM_OK);
	assert_true(rnm_value_get(gpt, "enabled")->as.boolean);
	assert_int_equal(rnm_value_count(rnm_value_get(gpt, "model")), 2);
	assert_int_equal(rnm_value_get(gpt, "timeout")->as.integer, 5);
	assert_int_equal(rnm_value_get(gpt, "timeout")->priority, 1);
	assert_non_null(rnm_value_get(gpt, "search_context"));
	rnm_config_free(config);
	unlink("common.conf");
	assert_null(load_stock());
	snprintf(reference, sizeof(reference),
	         PARSER "cannot open file %s/common.conf: No such file or directory", folder);
	assert_string_equal(last_error.reference, reference);
	assert_int_equal(last_error.line, 18);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)
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
		IN_FOLDER(records),
		IN_FOLDER(stock_records),
		IN_FOLDER(stock_additions),
		IN_FOLDER(stock_mistakes),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
