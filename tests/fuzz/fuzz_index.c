/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a published tree and its history: what was read, written and read again is the same, byte for byte; what
 * becomes a path is a name.  An input that begins with a line "history" is one; behind a line "events" each byte is
 * an event, for no fuzzer finds the hashes that lines have of each other.  Behind a line "evaluations" stands what
 * rnm eval --json is to have printed.
 */
#include "fuzz.h"

#include "share/history.h"
#include "share/index.h"
#include "share/model_evaluation.h"
#include "share/published.h"

#define OUT_MAX ((size_t)256 << 20)
#define HISTORY "history\n"
#define EVENTS "events\n"
#define EVALUATIONS "evaluations\n"

static void check_model(const struct rnm_published *model)
{
	char path[RNM_TREE_PATH_MAX];

	FUZZ_CHECK(rnm_alias_name_is_good(model->name));
	FUZZ_CHECK(strchr(model->name, '/') == NULL && model->name[0] != '.');
	FUZZ_CHECK(strlen(model->blake2b) == RNM_OBJECT_HASH_HEX - 1 &&
	           strlen(model->providers_digest) == 16);
	FUZZ_CHECK(model->architecture != NULL && strlen(model->graph) == RNM_OBJECT_HASH_HEX - 1);
	rnm_alias_path(path, model->name, RNM_STATEMENT_SUFFIX);
	FUZZ_CHECK(strlen(path) == strlen("models/.rnmsig") + strlen(model->name));
	rnm_object_path(path, model->blake2b, RNM_STATEMENT_SUFFIX);
	FUZZ_CHECK(strlen(path) == strlen("objects/.rnm.rnmsig") + RNM_OBJECT_HASH_HEX - 1);
}

/* ---- the index ---- */

static void check_way_back(const struct rnm_index *index)
{
	struct rnm_index *again = NULL;
	struct rnm_buf first, second;

	rnm_buf_init(&first, OUT_MAX);
	rnm_buf_init(&second, OUT_MAX);
	rnm_index_write(&first, index);
	FUZZ_CHECK(!first.failed);
	FUZZ_CHECK(rnm_index_read(&again, (struct rnm_bytes){ first.data, first.len }, NULL) == RNM_OK);
	rnm_index_write(&second, again);
	FUZZ_CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	rnm_index_free(again);
	rnm_buf_free(&first);
	rnm_buf_free(&second);
}

static void try_index(struct rnm_bytes text)
{
	struct rnm_index *index = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_index_read(&index, text, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	for (size_t i = 0; i < index->model_count; i++) {
		check_model(&index->models[i]);
		FUZZ_CHECK(rnm_index_find(index, index->models[i].name) == &index->models[i]);
	}
	FUZZ_CHECK(rnm_index_find(index, "") == NULL);
	check_way_back(index);
	rnm_index_free(index);
}

/* ---- the history ---- */

static void check_alias(const struct rnm_alias *alias, uint64_t serial)
{
	size_t kept = 0;

	FUZZ_CHECK(alias->newest != NULL && alias->newest->newer == NULL && !alias->newest->dropped);
	FUZZ_CHECK(alias->oldest->older == NULL && alias->file_serial <= alias->sign_serial);
	for (const struct rnm_publication *one = alias->oldest; one != NULL; one = one->newer) {
		check_model(&one->model);
		FUZZ_CHECK(one->serial <= serial && one->dropped == (one->dropped_serial > 0));
		FUZZ_CHECK(strcmp(one->model.name, alias->newest->model.name) == 0);
		kept += !one->dropped;
	}
	FUZZ_CHECK(kept == alias->kept);
}

/* A line more is a line that is read again. */
static void check_next_line(struct rnm_history *history, struct rnm_bytes whole)
{
	const struct rnm_publication *newest = history->aliases[0].newest;
	const struct rnm_entry entry = { .kind = RNM_ENTRY_RENEW,
		                         .model = newest->model,
		                         .proof = newest->proof };
	struct rnm_history *again = NULL;
	struct rnm_buf text;

	rnm_buf_init(&text, OUT_MAX);
	rnm_buf_append(&text, whole.data, history->size);
	FUZZ_CHECK(rnm_history_add(history, &entry, &text, NULL) == RNM_OK);
	FUZZ_CHECK(text.len == history->size);
	FUZZ_CHECK(rnm_history_new(&again, 0, NULL) == RNM_OK);
	FUZZ_CHECK(rnm_history_read(again, (struct rnm_bytes){ text.data, text.len }, NULL) == RNM_OK);
	FUZZ_CHECK(again->serial == history->serial && strcmp(again->head, history->head) == 0);
	rnm_history_free(again);
	rnm_buf_free(&text);
}

static void try_history(struct rnm_bytes text)
{
	struct rnm_history *history = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	if (rnm_history_new(&history, 1, &err) != RNM_OK)
		return;
	status = rnm_history_read(history, text, &err);
	fuzz_check_error(status, &err);
	for (size_t i = 0; status == RNM_OK && i < history->alias_count; i++) {
		check_alias(&history->aliases[i], history->serial);
		FUZZ_CHECK(rnm_history_alias(history, history->aliases[i].newest->model.name) ==
		           &history->aliases[i]);
	}
	FUZZ_CHECK(history->size <= text.len);
	/* Times and numbers that a writer would not write are read, but need not fit a line. */
	if (status == RNM_OK && history->alias_count > 0 && text.len < ((size_t)32 << 10))
		check_next_line(history, text);
	rnm_history_free(history);
}

/* Two bits for the kind, three for the name, three for the object. */
static void make_entry(struct rnm_entry *entry, uint8_t byte)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };

	*entry = (struct rnm_entry){ .kind = (enum rnm_entry_kind)(byte >> 6), .time = byte };
	entry->model = (struct rnm_published){
		.name = names[byte >> 3 & 7],
		.providers_digest = "0123456789abcdef",
		.architecture = "words",
		.model_version = byte,
	};
	memset(entry->model.blake2b, "01234567"[byte & 7], RNM_OBJECT_HASH_HEX - 1);
	memset(entry->model.graph, 'a', RNM_OBJECT_HASH_HEX - 1);
	memset(entry->from, 'f', RNM_OBJECT_HASH_HEX - 1);
}

static void try_events(const uint8_t *data, size_t size)
{
	struct rnm_history *history = NULL;
	struct rnm_buf text;
	size_t good = 0;

	if (rnm_history_new(&history, 0, NULL) != RNM_OK)
		return;
	rnm_buf_init(&text, OUT_MAX);
	for (size_t i = 0; i < size; i++) {
		struct rnm_entry entry;

		make_entry(&entry, data[i]);
		if (rnm_history_add(history, &entry, &text, NULL) != RNM_OK)
			break; /* of what is not there; the history is of no use any more */
		good = text.len;
	}
	rnm_history_free(history);
	try_history((struct rnm_bytes){ text.data, good });
	rnm_buf_free(&text);
}

/* ---- evaluations ---- */

/* What was read can be published: it is read again from the record of a model. */
static void check_evaluation(const struct rnm_model_evaluation *evaluation)
{
	struct rnm_published model = { .name = "a",
		                       .providers_digest = "0123456789abcdef",
		                       .architecture = "words",
		                       .evaluation = evaluation };
	struct rnm_index index = { .models = &model, .model_count = 1 }, *again = NULL;
	struct rnm_buf text;

	FUZZ_CHECK(rnm_model_evaluation_is_good(evaluation));
	memset(model.blake2b, 'a', RNM_OBJECT_HASH_HEX - 1);
	memset(model.graph, 'a', RNM_OBJECT_HASH_HEX - 1);
	memset(index.head, 'a', RNM_OBJECT_HASH_HEX - 1);
	rnm_buf_init(&text, OUT_MAX);
	rnm_index_write(&text, &index);
	FUZZ_CHECK(rnm_index_read(&again, (struct rnm_bytes){ text.data, text.len }, NULL) == RNM_OK);
	FUZZ_CHECK(rnm_model_evaluation_equal(again->models[0].evaluation, evaluation));
	rnm_index_free(again);
	rnm_buf_free(&text);
}

static void try_evaluations(struct rnm_bytes text)
{
	struct rnm_evaluations *evaluations = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_evaluations_read(&evaluations, text, &err);
	fuzz_check_error(status, &err);
	if (status != RNM_OK)
		return;
	FUZZ_CHECK(evaluations->count > 0 && evaluations->count <= RNM_EVALUATIONS_MAX);
	for (size_t i = 0; i < evaluations->count; i++)
		check_evaluation(&evaluations->items[i]);
	rnm_evaluations_free(evaluations);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	const size_t head = strlen(HISTORY);

	if (size >= head && memcmp(copy, HISTORY, head) == 0)
		try_history((struct rnm_bytes){ copy + head, size - head });
	else if (size >= strlen(EVENTS) && memcmp(copy, EVENTS, strlen(EVENTS)) == 0)
		try_events(data + strlen(EVENTS), size - strlen(EVENTS));
	else if (size >= strlen(EVALUATIONS) && memcmp(copy, EVALUATIONS, strlen(EVALUATIONS)) == 0)
		try_evaluations((struct rnm_bytes){ copy + strlen(EVALUATIONS), size - strlen(EVALUATIONS) });
	else
		try_index((struct rnm_bytes){ copy, size });
	free(copy);
	return 0;
}
