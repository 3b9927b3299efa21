/* SPDX-License-Identifier: Apache-2.0 */
/* Whole configurations: what rspamd 4.1 was recorded to make of them, and of changes of the tree that it ships. */
#include "config_folder.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>

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
	const struct CMUnitTest tests[] = {
		IN_FOLDER(records),
		IN_FOLDER(stock_records),
		IN_FOLDER(stock_additions),
		IN_FOLDER(stock_mistakes),
	};

	return cmocka_run_group_tests_name("config records", tests, NULL, NULL);
}
