/* SPDX-License-Identifier: Apache-2.0 */
/* What a server makes of the index and the history of a tree: events in order, and nothing of what cannot be relied on. */
#include "share/history.h"
#include "share/index.h"
#include "share/serve_record.h"
#include "share/serve_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW INT64_C(1795442400)
#define ALIAS "a.enc" /* an encrypted one: what is in it is nobody's business */
#define TEXT_ROOM ((size_t)64 << 20)
#define LONG_WORDS 15000

static char folder[] = "/tmp/rnm-record-XXXXXX";
static char warnings[1024];
static struct rnm_history *history;
static struct rnm_buf text;
static const char *words = "symbol 10 -> 16 -> 1";

static const struct rnm_model_evaluation figures = {
	.model_hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	.time = NOW - 100,
	.auc = 0.75,
	.spam_threshold = 0.5,
	.ham_threshold = -0.5,
	.confusion = { .spam_as_spam = 3, .spam_as_none = 1, .ham_as_ham = 4 },
	.spam_source = "spam.jsonl",
};

/* ---- a tree ---- */

/* Another file in its place: one that is written to twice within a tick of the clock may look the same. */
static void write_file(const char *name, const char *data, size_t len)
{
	char path[128], new[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(new, sizeof(new), "%s/.new", folder);
	file = fopen(new, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(new, path), 0);
}

static void hash_of(char hash[RNM_OBJECT_HASH_HEX], char letter)
{
	memset(hash, letter, RNM_OBJECT_HASH_HEX - 1);
	hash[RNM_OBJECT_HASH_HEX - 1] = '\0';
}

static struct rnm_published model_of(const char *name, char letter, uint64_t version)
{
	struct rnm_published model = {
		.name = name,
		.providers_digest = "0123456789abcdef",
		.model_version = version,
		.key = "signer",
		.architecture = words,
	};

	hash_of(model.blake2b, letter);
	hash_of(model.graph, 'f');
	return model;
}

static void add(enum rnm_entry_kind kind, const char *name, char letter, uint64_t version,
                const struct rnm_model_evaluation *evaluation)
{
	struct rnm_entry entry = { .kind = kind,
		                   .time = NOW + (int64_t)history->serial,
		                   .model = model_of(name, letter, version) };

	entry.model.evaluation = evaluation;
	hash_of(entry.from, 'a');
	assert_int_equal(rnm_history_add(history, &entry, &text, NULL), RNM_OK);
}

static void write_index(struct rnm_published *models, size_t count, uint64_t serial, const char *head)
{
	struct rnm_index index = { .serial = serial, .models = models, .model_count = count };
	struct rnm_buf out;

	snprintf(index.head, sizeof(index.head), "%s", head);
	rnm_buf_init(&out, TEXT_ROOM);
	rnm_index_write(&out, &index);
	write_file("index.json", rnm_buf_cstr(&out), out.len);
	rnm_buf_free(&out);
}

static void on_warn(void *ctx, const struct rnm_error *problem)
{
	(void)ctx;
	snprintf(warnings, sizeof(warnings), "%s", problem->id);
}

/* The tree as it is now; the history is that of text. */
static struct rnm_served_table *read_tree(struct rnm_served_table *old)
{
	const struct rnm_tree tree = { .folder = folder, .old = old, .warn = on_warn, .now = NOW };
	struct rnm_served_table *table = NULL;
	struct rnm_error err;

	if (old == NULL)
		write_file("history.jsonl", rnm_buf_cstr(&text), text.len);
	warnings[0] = '\0';
	if (rnm_tree_read(&table, &tree, &err) != RNM_OK)
		fail_msg("%s", err.message);
	return table;
}

static int begin(void **state)
{
	char path[128];

	(void)state;
	strcpy(strrchr(folder, '-'), "-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/models", folder);
	if (mkdir(path, 0755) != 0)
		return 1;
	write_file("models/" ALIAS, "secret", 6);
	rnm_buf_init(&text, TEXT_ROOM);
	return rnm_history_new(&history, 0, NULL) == RNM_OK ? 0 : 1;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	rnm_history_free(history);
	rnm_buf_free(&text);
	words = "symbol 10 -> 16 -> 1";
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* ---- what is right ---- */

static void events_the_latest_first(void **state)
{
	const struct rnm_served_event *events;
	struct rnm_served_table *table;

	(void)state;
	add(RNM_ENTRY_PUBLISH, "m", 'a', 1, &figures);
	add(RNM_ENTRY_PUBLISH, "other", 'c', 7, NULL);
	add(RNM_ENTRY_PUBLISH, "m", 'b', 2, NULL);
	add(RNM_ENTRY_ROLLBACK, "m", 'd', 3, &figures);
	add(RNM_ENTRY_DROP, "m", 'b', 0, NULL);
	add(RNM_ENTRY_RENEW, "m", 'd', 3, &figures);
	add(RNM_ENTRY_RENEW, "other", 'c', 7, NULL);
	add(RNM_ENTRY_RENEW, "m", 'd', 3, &figures);
	rnm_buf_puts(&text, "{\"event\":\"pub");
	table = read_tree(NULL);
	assert_string_equal(warnings, "");
	assert_true(rnm_served_record_has_history(table->record));
	assert_false(rnm_served_record_is_cut(table->record));
	assert_int_equal(rnm_served_record_events(table->record, "m", &events), 5);
	/* Two that sign the same are one, although something else stands between them. */
	assert_int_equal(events[0].kind, RNM_ENTRY_RENEW);
	assert_int_equal(events[0].times, 2);
	assert_int_equal(events[0].serial, 8);
	assert_int_equal(events[0].time, NOW + 7);
	assert_int_equal(events[1].kind, RNM_ENTRY_DROP);
	assert_int_equal(events[1].version, 2);
	assert_null(events[1].key);
	assert_int_equal(events[2].kind, RNM_ENTRY_ROLLBACK);
	assert_int_equal(events[2].from_version, 1);
	assert_true(events[2].evaluation->auc > 0.74 && events[2].evaluation->auc < 0.76);
	assert_string_equal(events[2].evaluation->spam_source, "spam.jsonl");
	assert_null(events[2].evaluation->ham_source);
	assert_null(events[3].evaluation);
	assert_string_equal(events[4].key, "signer");
	assert_int_equal(events[4].version, 1);
	assert_int_equal(rnm_served_record_events(table->record, "other", &events), 2);
	assert_int_equal(rnm_served_record_events(table->record, "n", &events), 0);
	assert_null(events);
	rnm_served_table_unref(table);
}

static void what_is_unchanged_is_taken_over(void **state)
{
	struct rnm_served_table *table, *next, *last;

	(void)state;
	add(RNM_ENTRY_PUBLISH, "m", 'a', 1, NULL);
	table = read_tree(NULL);
	write_file("models/b.enc", "b", 1);
	next = read_tree(table);
	assert_ptr_not_equal(next, table);
	assert_ptr_equal(next->record, table->record);
	rnm_served_table_unref(table);
	add(RNM_ENTRY_PUBLISH, "m", 'b', 2, NULL);
	write_file("history.jsonl", rnm_buf_cstr(&text), text.len);
	last = read_tree(next);
	assert_ptr_not_equal(next->record, last->record);
	rnm_served_table_unref(next);
	rnm_served_table_unref(last);
}

static void no_history_at_all(void **state)
{
	const struct rnm_served_event *events;
	struct rnm_served_table *table, *next;
	char path[128];

	(void)state;
	table = read_tree(NULL);
	/* An empty one is one. */
	assert_true(rnm_served_record_has_history(table->record));
	snprintf(path, sizeof(path), "%s/history.jsonl", folder);
	assert_int_equal(unlink(path), 0);
	next = read_tree(table);
	assert_false(rnm_served_record_has_history(next->record));
	assert_string_equal(rnm_served_record_problem(next->record), "");
	assert_int_equal(rnm_served_record_events(next->record, "m", &events), 0);
	assert_false(rnm_served_record_has_history(NULL));
	assert_int_equal(rnm_served_record_events(NULL, "m", &events), 0);
	rnm_served_table_unref(table);
	rnm_served_table_unref(next);
}

static void figures_of_what_is_offered(void **state)
{
	struct rnm_published models[] = { model_of(ALIAS, 'a', 1), model_of("b", 'b', 1) };
	struct rnm_served_table *table, *next;
	const struct rnm_served *file;

	(void)state;
	add(RNM_ENTRY_PUBLISH, ALIAS, 'a', 1, &figures);
	models[0].evaluation = &figures;
	write_index(models, 2, history->serial, history->head);
	table = read_tree(NULL);
	file = rnm_served_find(table, "/models/" ALIAS, strlen("/models/" ALIAS));
	/* The index is about another file of this name. */
	assert_null(rnm_served_record_evaluation(table->record, file));
	memcpy(models[0].blake2b, file->etag + 1, sizeof(models[0].blake2b) - 1);
	write_index(models, 2, history->serial, history->head);
	next = read_tree(table);
	assert_string_equal(warnings, "");
	file = rnm_served_find(next, "/models/" ALIAS, strlen("/models/" ALIAS));
	assert_non_null(rnm_served_record_evaluation(next->record, file));
	assert_int_equal(rnm_served_record_evaluation(next->record, file)->confusion.ham_as_ham, 4);
	assert_null(rnm_served_record_evaluation(NULL, file));
	rnm_served_table_unref(table);
	rnm_served_table_unref(next);
}

/* ---- what is not ---- */

/* It is told, and nothing of it is shown. */
static void expect_problem(const char *what)
{
	const struct rnm_served_event *events;
	struct rnm_served_table *table = read_tree(NULL);

	if (strstr(rnm_served_record_problem(table->record), what) == NULL)
		fail_msg("expected '%s', found '%s'", what, rnm_served_record_problem(table->record));
	assert_string_equal(warnings, "publish.history");
	assert_false(rnm_served_record_has_history(table->record));
	assert_false(rnm_served_record_is_cut(table->record));
	assert_int_equal(rnm_served_record_events(table->record, "m", &events), 0);
	rnm_served_table_unref(table);
}

static char *find(const char *what)
{
	char *at = strstr(text.data, what);

	assert_non_null(at);
	return at;
}

static void a_broken_chain(void **state)
{
	char *at;

	(void)state;
	add(RNM_ENTRY_PUBLISH, "m", 'a', 1, NULL);
	add(RNM_ENTRY_PUBLISH, "m", 'b', 2, NULL);
	add(RNM_ENTRY_PUBLISH, "m", 'c', 3, NULL);
	(void)rnm_buf_cstr(&text);
	at = find("\"model_version\":2");
	at[strlen("\"model_version\":")] = '9';
	expect_problem("line 3 of history.jsonl: the hash that it has of the line before");
	at[strlen("\"model_version\":")] = '2';
	at = find("\"event\":\"publish\"");
	at[strlen("\"event\":\"")] = 'x';
	expect_problem("line 1 of history.jsonl: a member is missing or odd");
	at[strlen("\"event\":\"")] = 'p';
	at = strchr(text.data, '\n') + 1;
	text.len -= (size_t)(at - text.data);
	memmove(text.data, at, text.len + 1);
	expect_problem("line 1 of history.jsonl: the serial is another one");
}

static void not_what_the_index_names(void **state)
{
	struct rnm_published model = model_of(ALIAS, 'a', 1);
	struct rnm_served_table *table;
	char head[RNM_OBJECT_HASH_HEX];

	(void)state;
	add(RNM_ENTRY_PUBLISH, ALIAS, 'a', 1, NULL);
	add(RNM_ENTRY_PUBLISH, ALIAS, 'b', 2, NULL);
	hash_of(head, 'e');
	write_index(&model, 1, 2, head);
	expect_problem("line 2 of history.jsonl: it is another one than the index names");
	write_index(&model, 1, 3, head);
	expect_problem("line 3 of history.jsonl: it is missing, and the index names it");
	/* What the index does not know yet is no problem. */
	memcpy(head, history->head, sizeof(head));
	write_index(&model, 1, 2, head);
	add(RNM_ENTRY_PUBLISH, ALIAS, 'c', 3, NULL);
	table = read_tree(NULL);
	assert_true(rnm_served_record_has_history(table->record));
	rnm_served_table_unref(table);
	/* And an index that is none says nothing. */
	write_file("index.json", "{}", 2);
	table = read_tree(NULL);
	assert_true(rnm_served_record_has_history(table->record));
	rnm_served_table_unref(table);
}

/* ---- what is long ---- */

static void only_the_end_is_looked_at(void **state)
{
	const struct rnm_served_event *events;
	struct rnm_served_table *table;
	char *long_words = malloc(LONG_WORDS + 1);
	uint64_t version = 0;
	size_t count;

	(void)state;
	assert_non_null(long_words);
	memset(long_words, 'w', LONG_WORDS);
	long_words[LONG_WORDS] = '\0';
	words = long_words;
	while (text.len <= RNM_SERVED_HISTORY_MAX + 3 * LONG_WORDS) {
		version++;
		add(RNM_ENTRY_PUBLISH, "m", (char)('a' + version % 6), version, NULL);
	}
	/* The first line is out of sight. */
	*find("publish") = 'x';
	table = read_tree(NULL);
	assert_string_equal(warnings, "");
	assert_true(rnm_served_record_is_cut(table->record));
	count = rnm_served_record_events(table->record, "m", &events);
	assert_int_equal(events[0].version, version);
	assert_true(count > 200 && count < version - 2);
	assert_int_equal(events[count - 1].version, version - count + 1);
	rnm_served_table_unref(table);
	/* One in the middle of what is looked at is not. */
	*strstr(text.data + text.len - RNM_SERVED_HISTORY_MAX / 2, "\"event\":\"publish") = 'x';
	expect_problem("of history.jsonl: ");
	words = "short";
	free(long_words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(events_the_latest_first, begin, end),
		cmocka_unit_test_setup_teardown(what_is_unchanged_is_taken_over, begin, end),
		cmocka_unit_test_setup_teardown(no_history_at_all, begin, end),
		cmocka_unit_test_setup_teardown(figures_of_what_is_offered, begin, end),
		cmocka_unit_test_setup_teardown(a_broken_chain, begin, end),
		cmocka_unit_test_setup_teardown(not_what_the_index_names, begin, end),
		cmocka_unit_test_setup_teardown(only_the_end_is_looked_at, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
