/* SPDX-License-Identifier: Apache-2.0 */
/* The index and the history of a published tree as texts; names; credentials for a store. */
#include "base/file.h"
#include "base/hash.h"
#include "share/envelope.h"
#include "share/history.h"
#include "share/index.h"
#include "share/model_evaluation.h"
#include "share/published.h"
#include "share/s3.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define TEXT_ROOM ((size_t)1 << 20)

static struct rnm_published model_of(const char *name, const char *hash, uint64_t version)
{
	struct rnm_published model = {
		.name = name,
		.rule = "embed",
		.providers_digest = "0123456789abcdef",
		.model_version = version,
		.created = 1700000000,
		.not_after = 1800000000,
		.published = 1700000000,
		.size = 8609,
		.key = "y",
		.architecture = "symbol 10 -> 16 -> 1",
		.inputs = 10,
		.norm_mode = RNM_NORM_ZSCORE,
		.has_roc = true,
	};

	memcpy(model.blake2b, hash, sizeof(model.blake2b));
	memcpy(model.graph, HASH_A, sizeof(model.graph));
	return model;
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const char *const good[] = { "376616275a1a984c", "embed.rnm", "A", "0-_.z" };
	static const char *const bad[] = { "",      ".",        "..", ".hidden", "a/b",      "a b",  "a\n",
		                           "x.sig", "x.rnmsig", "-x", "_x",      "\xC3\xBC", "a%2Fb" };
	char name[RNM_ALIAS_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(rnm_alias_name_is_good(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(rnm_alias_name_is_good(bad[i]));
	memset(name, 'x', sizeof(name));
	name[RNM_ALIAS_NAME_MAX] = '\0';
	assert_true(rnm_alias_name_is_good(name));
	name[RNM_ALIAS_NAME_MAX] = 'x';
	name[RNM_ALIAS_NAME_MAX + 1] = '\0';
	assert_false(rnm_alias_name_is_good(name));
}

/* ---- the index ---- */

static void write_index(struct rnm_buf *out, struct rnm_published *models, size_t count)
{
	struct rnm_index index = { .serial = 7,
		                   .created = 1700000001,
		                   .not_after = 1800000001,
		                   .models = models,
		                   .model_count = count };

	memcpy(index.head, HASH_B, sizeof(index.head));
	rnm_buf_init(out, TEXT_ROOM);
	rnm_index_write(out, &index);
	assert_false(out->failed);
}

static void test_index_way_back(void **state)
{
	struct rnm_published models[] = { model_of("a", HASH_A, 1),
		                          model_of("b.rnm", HASH_B, 9007199254740991) };
	struct rnm_index *index = NULL;
	const struct rnm_published *found;
	struct rnm_buf text;

	(void)state;
	models[1].rule = models[1].key = NULL;
	models[1].not_after = 0;
	write_index(&text, models, 2);
	assert_int_equal(text.data[text.len - 1], '\n');
	assert_int_equal(rnm_index_read(&index, (struct rnm_bytes){ text.data, text.len }, NULL), RNM_OK);
	assert_int_equal(index->serial, 7);
	assert_string_equal(index->head, HASH_B);
	assert_int_equal(index->created, 1700000001);
	assert_int_equal(index->not_after, 1800000001);
	assert_int_equal(index->model_count, 2);
	found = rnm_index_find(index, "b.rnm");
	assert_non_null(found);
	assert_int_equal(found->model_version, 9007199254740991);
	assert_null(found->rule);
	assert_null(found->key);
	assert_int_equal(found->not_after, 0);
	assert_int_equal(found->norm_mode, RNM_NORM_ZSCORE);
	assert_true(found->has_roc);
	assert_false(found->has_pca);
	assert_string_equal(rnm_index_find(index, "a")->rule, "embed");
	assert_null(rnm_index_find(index, "c"));
	rnm_index_free(index);
	rnm_buf_free(&text);
}

/* ---- figures ---- */

static struct rnm_model_evaluation evaluation_of(void)
{
	struct rnm_model_evaluation evaluation = {
		.model_hash = HASH_B,
		.time = 1700000002,
		.auc = 0.1,
		.spam_threshold = 0.754,
		.ham_threshold = -1e-9,
		.confusion = { 1, 2, 3, 4, 5, RNM_EVALUATION_MAX },
		.ham_source = "ham \xC3\xBC.csv",
	};

	return evaluation;
}

static void test_evaluation_way_back(void **state)
{
	const struct rnm_model_evaluation evaluation = evaluation_of();
	struct rnm_published models[] = { model_of("a", HASH_A, 1), model_of("b", HASH_B, 1) };
	struct rnm_index *index = NULL;
	struct rnm_buf text;

	(void)state;
	models[0].evaluation = &evaluation;
	write_index(&text, models, 2);
	assert_int_equal(rnm_index_read(&index, (struct rnm_bytes){ text.data, text.len }, NULL), RNM_OK);
	assert_non_null(index->models[0].evaluation);
	assert_true(rnm_model_evaluation_equal(index->models[0].evaluation, &evaluation));
	assert_null(index->models[1].evaluation);
	rnm_index_free(index);
	rnm_buf_free(&text);
}

static void test_evaluations_that_differ(void **state)
{
	const struct rnm_model_evaluation one = evaluation_of();
	struct rnm_model_evaluation other[11];

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		other[i] = one;
	assert_true(rnm_model_evaluation_equal(&one, &other[0]));
	other[0].model_hash[3] = 'c';
	other[1].time++;
	other[2].auc = 0.1000000001;
	other[3].spam_threshold = 1;
	other[4].ham_threshold = 0;
	other[5].confusion.spam_as_spam++;
	other[6].confusion.ham_as_none++;
	other[7].confusion.ham_as_ham--;
	other[8].spam_source = "";
	other[9].ham_source = NULL;
	other[10].ham_source = "ham.csv";
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		if (rnm_model_evaluation_equal(&one, &other[i]))
			fail_msg("number %zu is the same", i);
}

static void test_evaluations_that_are_none(void **state)
{
	char longest[RNM_EVALUATION_SOURCE_MAX + 2];
	struct rnm_model_evaluation bad[8];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad[i] = evaluation_of();
	assert_true(rnm_model_evaluation_is_good(&bad[0]));
	bad[0].time = -1;
	bad[1].auc = 1.5;
	bad[2].auc = NAN;
	bad[3].spam_threshold = INFINITY;
	bad[4].confusion.ham_as_ham++;
	bad[5].confusion.spam_as_spam = bad[5].confusion.spam_as_none = bad[5].confusion.spam_as_ham = 0;
	bad[6].spam_source = longest;
	bad[7].ham_threshold = NAN;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rnm_model_evaluation_is_good(&bad[i]))
			fail_msg("number %zu is good", i);
}

/* Replaces the first old by new. */
static void change(struct rnm_buf *text, const char *old, const char *new)
{
	struct rnm_buf out;
	char *at = strstr(text->data, old);

	assert_non_null(at);
	rnm_buf_init(&out, TEXT_ROOM);
	rnm_buf_append(&out, text->data, (size_t)(at - text->data));
	rnm_buf_puts(&out, new);
	rnm_buf_puts(&out, at + strlen(old));
	assert_false(out.failed);
	rnm_buf_free(text);
	*text = out;
}

static void test_index_malformed(void **state)
{
	static const struct {
		const char *old, *new, *id, *words;
	} cases[] = {
		{ "{", "[", "index.malformed", "no JSON" },
		{ "rnm-index", "other", "index.malformed", "no such format" },
		{ "\"version\":1", "\"version\":2", "index.version", "of version 1" },
		{ "\"serial\":7", "\"serial\":-7", "index.malformed", "serial" },
		{ "\"serial\":7", "\"serial\":7.5", "index.malformed", "serial" },
		{ "\"name\":\"a\"", "\"name\":\"../a\"", "index.malformed", "name" },
		{ "\"name\":\"a\"", "\"name\":\"b\"", "index.malformed", "name" }, /* twice */
		{ "\"name\":\"a\"", "\"name\":\"c\"", "index.malformed", "name" }, /* out of order */
		{ "\"name\":\"a\"", "\"name\":\"a\\u0000\"", "index.malformed", "no JSON" },
		{ "\"blake2b\":\"a", "\"blake2b\":\"A", "index.malformed", "blake2b" },
		{ "\"blake2b\":\"a", "\"blake2b\":\"", "index.malformed", "blake2b" },
		{ "0123456789abcdef", "0123456789abcdeg", "index.malformed", "providers_digest" },
		{ "0123456789abcdef", "0123456789abcde", "index.malformed", "providers_digest" },
		{ "zscore", "sometimes", "index.malformed", "normalisation" },
		{ "\"has_pca\":false", "\"has_pca\":0", "index.malformed", "has_pca" },
		{ "\"has_pca\":false", "\"has_pca\":false,\"has_pca\":true", "index.malformed", "no JSON" },
		{ "\"models\":[", "\"models\":{},\"x\":[", "index.malformed", "models" },
		{ "\"size\":8609", "\"size\":null", "index.malformed", "size" },
		{ "\"evaluation\":{", "\"evaluation\":7,\"x\":{", "index.malformed", "auc" },
		{ "\"auc\":0.1", "\"auc\":\"0.1\"", "index.malformed", "auc" },
		{ "\"auc\":0.1", "\"auc\":1.1", "index.malformed", "evaluation" },
		{ "\"spam\":6", "\"spam\":3", "index.malformed", "evaluation" },
		{ "\"ham_as_spam\":4", "\"ham_as_spam\":9223372036854775807", "index.malformed",
		  "evaluation" },
		{ "\"spam_source\":null", "\"spam_source\":[]", "index.malformed", "spam_source" },
		{ "\"model_hash\":\"b", "\"model_hash\":\"B", "index.malformed", "model_hash" },
		{ "\"time\":1700000002", "\"time\":-1", "index.malformed", "time" },
	};

	const struct rnm_model_evaluation evaluation = evaluation_of();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_published models[] = { model_of("a", HASH_A, 1), model_of("b", HASH_B, 2) };
		struct rnm_index *index = NULL;
		struct rnm_error err;
		struct rnm_buf text;

		models[1].evaluation = &evaluation;
		write_index(&text, models, 2);
		change(&text, cases[i].old, cases[i].new);
		assert_int_equal(rnm_index_read(&index, (struct rnm_bytes){ text.data, text.len }, &err),
		                 RNM_E_MALFORMED);
		assert_null(index);
		assert_string_equal(err.id, cases[i].id);
		assert_non_null(strstr(err.message, cases[i].words));
		rnm_buf_free(&text);
	}
}

static void test_index_of_later_times(void **state)
{
	struct rnm_published models[] = { model_of("a", HASH_A, 1) };
	struct rnm_index *index = NULL;
	struct rnm_buf text;

	(void)state;
	write_index(&text, models, 1);
	change(&text, "\"has_pca\":false", "\"fleet\":{\"x\":[1]},\"has_pca\":false");
	assert_int_equal(rnm_index_read(&index, (struct rnm_bytes){ text.data, text.len }, NULL), RNM_OK);
	rnm_index_free(index);
	rnm_buf_free(&text);
}

static void test_index_signatures(void **state)
{
	const struct rnm_bytes old = { "old\n", 4 }, new = { "new\n", 4 }, other = { "other\n", 6 };
	const struct rnm_trusted_key *signer = NULL;
	char text[RNM_PUBLIC_KEY_TEXT_SIZE];
	struct rnm_trust *trust = NULL, *nobody = NULL;
	struct rnm_key *key = NULL;
	struct rnm_error err;
	struct rnm_buf lines;

	(void)state;
	assert_int_equal(rnm_key_generate(&key, NULL), RNM_OK);
	assert_int_equal(rnm_trust_new(&trust, NULL), RNM_OK);
	assert_int_equal(rnm_trust_new(&nobody, NULL), RNM_OK);
	rnm_public_key_text(rnm_key_public(key), text);
	assert_int_equal(rnm_trust_add_text(trust, text, NULL), RNM_OK);
	rnm_buf_init(&lines, TEXT_ROOM);
	assert_int_equal(rnm_envelope_seal(RNM_DOMAIN_INDEX, new, key, &lines, NULL), RNM_OK);
	rnm_buf_putc(&lines, '\n');
	assert_int_equal(rnm_envelope_seal(RNM_DOMAIN_INDEX, old, key, &lines, NULL), RNM_OK);
	/* Without its newline the second line is half of one. */
	assert_int_equal(rnm_index_check(old, (struct rnm_bytes){ lines.data, lines.len }, trust, &signer,
	                                 &err),
	                 RNM_E_SIGNATURE);
	rnm_buf_putc(&lines, '\n');
	assert_int_equal(rnm_index_check(old, (struct rnm_bytes){ lines.data, lines.len }, trust, &signer,
	                                 NULL),
	                 RNM_OK);
	assert_string_equal(signer->name, text);
	assert_int_equal(rnm_index_check(new, (struct rnm_bytes){ lines.data, lines.len }, trust, &signer,
	                                 NULL),
	                 RNM_OK);
	assert_int_equal(rnm_index_check(other, (struct rnm_bytes){ lines.data, lines.len }, trust, &signer,
	                                 &err),
	                 RNM_E_SIGNATURE);
	assert_string_equal(err.id, "signature.bad");
	assert_int_equal(rnm_index_check(new, (struct rnm_bytes){ lines.data, lines.len }, nobody, &signer,
	                                 &err),
	                 RNM_E_SIGNATURE);
	assert_int_equal(rnm_index_check(new, (struct rnm_bytes){ NULL, 0 }, trust, &signer, &err),
	                 RNM_E_SIGNATURE);
	assert_string_equal(err.id, "index.unsigned");
	rnm_buf_free(&lines);
	rnm_trust_free(trust);
	rnm_trust_free(nobody);
	rnm_key_free(key);
}

/* ---- the history ---- */

static enum rnm_status add(struct rnm_history *history, struct rnm_buf *text, enum rnm_entry_kind kind,
                           const char *name, const char *hash, uint64_t version)
{
	struct rnm_entry entry = {
		.kind = kind,
		.time = 1700000000 + (int64_t)version,
		.model = model_of(name, hash, version),
		.proof = { "c2ln", "statement\n" },
	};

	memcpy(entry.from, HASH_A, sizeof(entry.from));
	return rnm_history_add(history, &entry, text, NULL);
}

static void test_history_adds_up(void **state)
{
	struct rnm_history *history = NULL, *again = NULL;
	const struct rnm_alias *alias;
	struct rnm_buf text;

	(void)state;
	rnm_buf_init(&text, TEXT_ROOM);
	assert_int_equal(rnm_history_new(&history, 0, NULL), RNM_OK);
	assert_int_equal(add(history, &text, RNM_ENTRY_PUBLISH, "a", HASH_A, 1), RNM_OK);
	assert_int_equal(add(history, &text, RNM_ENTRY_PUBLISH, "b", HASH_A, 1), RNM_OK);
	assert_int_equal(add(history, &text, RNM_ENTRY_ROLLBACK, "a", HASH_B, 2), RNM_OK);
	assert_int_equal(add(history, &text, RNM_ENTRY_RENEW, "a", HASH_B, 2), RNM_OK);
	assert_int_equal(add(history, &text, RNM_ENTRY_DROP, "a", HASH_A, 0), RNM_OK);
	assert_int_equal(rnm_history_new(&again, 3, NULL), RNM_OK);
	rnm_buf_puts(&text, "{\"event\":\"pub");
	assert_int_equal(rnm_history_read(again, (struct rnm_bytes){ text.data, text.len }, NULL), RNM_OK);
	assert_int_equal(again->serial, 5);
	assert_string_equal(again->head, history->head);
	assert_string_not_equal(again->mark_head, again->head);
	assert_int_equal(again->size, text.len - strlen("{\"event\":\"pub"));
	assert_int_equal(again->alias_count, 2);
	alias = rnm_history_alias(again, "a");
	assert_string_equal(alias->newest->model.blake2b, HASH_B);
	assert_string_equal(alias->newest->proof.statement, "statement\n");
	assert_int_equal(alias->kept, 1);
	assert_int_equal(alias->file_serial, 3);
	assert_int_equal(alias->sign_serial, 4);
	assert_true(alias->oldest->dropped);
	assert_int_equal(alias->oldest->dropped_serial, 5);
	assert_null(rnm_history_alias(again, "c"));
	rnm_history_free(history);
	rnm_history_free(again);
	rnm_buf_free(&text);
}

/* What cannot be: the present publication goes, something is renewed or goes that is not there. */
static void test_history_refuses(void **state)
{
	static const struct {
		enum rnm_entry_kind kind;
		const char *name, *hash;
	} cases[] = {
		{ RNM_ENTRY_DROP, "a", HASH_A },  { RNM_ENTRY_DROP, "a", HASH_B },
		{ RNM_ENTRY_DROP, "b", HASH_A },  { RNM_ENTRY_RENEW, "a", HASH_B },
		{ RNM_ENTRY_RENEW, "b", HASH_A },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_history *history = NULL;
		struct rnm_buf text;

		rnm_buf_init(&text, TEXT_ROOM);
		assert_int_equal(rnm_history_new(&history, 0, NULL), RNM_OK);
		assert_int_equal(add(history, &text, RNM_ENTRY_PUBLISH, "a", HASH_A, 1), RNM_OK);
		assert_int_equal(add(history, &text, cases[i].kind, cases[i].name, cases[i].hash, 2),
		                 RNM_E_MALFORMED);
		rnm_history_free(history);
		rnm_buf_free(&text);
	}
}

static void test_history_chain(void **state)
{
	static const char *const changes[][2] = {
		{ "\"model_version\":1", "\"model_version\":3" },
		{ "\"serial\":1", "\"serial\":2" },
		{ "\"previous\":\"0", "\"previous\":\"1" },
		{ "\"event\":\"publish\"", "\"event\":\"perish\"" },
		{ "\"signature\":\"c2ln\"", "\"signature\":7" },
		{ "{", "{{" },
		{ "\n", "\n\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct rnm_history *history = NULL, *again = NULL;
		struct rnm_error err;
		struct rnm_buf text;

		rnm_buf_init(&text, TEXT_ROOM);
		assert_int_equal(rnm_history_new(&history, 0, NULL), RNM_OK);
		assert_int_equal(add(history, &text, RNM_ENTRY_PUBLISH, "a", HASH_A, 1), RNM_OK);
		assert_int_equal(add(history, &text, RNM_ENTRY_PUBLISH, "a", HASH_B, 2), RNM_OK);
		change(&text, changes[i][0], changes[i][1]);
		assert_int_equal(rnm_history_new(&again, 0, NULL), RNM_OK);
		assert_int_equal(rnm_history_read(again, (struct rnm_bytes){ text.data, text.len }, &err),
		                 RNM_E_MALFORMED);
		assert_string_equal(err.id, "publish.history");
		rnm_history_free(history);
		rnm_history_free(again);
		rnm_buf_free(&text);
	}
}

/* ---- what names a graph ---- */

static struct rnm_buf read_network(const char *name)
{
	char path[4096];
	struct rnm_buf bytes;

	snprintf(path, sizeof(path), "%s/data/models/%s.kann", getenv("RNM_TESTS"), name);
	rnm_buf_init(&bytes, TEXT_ROOM);
	assert_int_equal(rnm_file_read(path, &bytes, TEXT_ROOM - 1, NULL), RNM_OK);
	return bytes;
}

static void hash_graph(char hex[RNM_OBJECT_HASH_HEX], const struct rnm_buf *bytes)
{
	unsigned char hash[RNM_NETWORK_HASH_LEN];
	struct rnm_network *network = NULL;

	assert_int_equal(rnm_network_load(&network, bytes->data, bytes->len, NULL, NULL), RNM_OK);
	rnm_network_graph_hash(network, hash);
	rnm_hash_text(hex, hash);
	rnm_network_free(network);
}

static void test_graph_hash(void **state)
{
	static const char *const names[] = { "symbol_10",
		                             "embedding_64",
		                             "embedding_300",
		                             "conv1d_arch_96",
		                             "embedding_128_relu_nonorm_nodrop",
		                             "symbol_87_mult1.5" };
	char hashes[sizeof(names) / sizeof(names[0])][RNM_OBJECT_HASH_HEX], again[RNM_OBJECT_HASH_HEX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct rnm_buf bytes = read_network(names[i]);

		hash_graph(hashes[i], &bytes);
		/* The last constant and the last weight but it: the graph stays. */
		bytes.data[bytes.len - 10] ^= 1;
		bytes.data[bytes.len - 2] ^= 1;
		hash_graph(again, &bytes);
		assert_string_equal(hashes[i], again);
		rnm_buf_free(&bytes);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(hashes[i], hashes[k]);
	}
}

/* ---- credentials ---- */

static void test_credentials(void **state)
{
	static const struct {
		const char *text, *section, *key;
		enum rnm_status status;
	} cases[] = {
		{ "[default]\naws_access_key_id=A\naws_secret_access_key=s=/+\n", "default", "A", RNM_OK },
		{ "aws_access_key_id=X\n[o]\naws_access_key_id=O\n[ default ] \r\n\taws_access_key_id = A\r\n"
		  "aws_secret_access_key = s=/+",
		  "default", "A", RNM_OK },
		{ "[a]\naws_access_key_id=A\naws_secret_access_key=s=/+\n[b]\n", "b", NULL, RNM_E_MALFORMED },
		{ "[default]\n#aws_access_key_id=A\n;x\nnothing\naws_secret_access_key=s\n", "default", NULL,
		  RNM_E_MALFORMED },
		{ "", "default", NULL, RNM_E_MALFORMED },
	};
	char path[] = "/tmp/rnm-credentials-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_s3_credentials *credentials = NULL;
		struct rnm_s3_options options = { .region = "x" };

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, cases[i].text, strlen(cases[i].text), 0), strlen(cases[i].text));
		assert_int_equal(rnm_s3_credentials_load(&credentials, path, cases[i].section, NULL),
		                 cases[i].status);
		if (cases[i].status == RNM_OK) {
			rnm_s3_credentials_use(credentials, &options);
			assert_string_equal(options.access_key, cases[i].key);
			assert_string_equal(options.secret_key, "s=/+");
			assert_null(options.session_token);
		}
		rnm_s3_credentials_free(credentials);
	}
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_index_way_back),
		cmocka_unit_test(test_evaluation_way_back),
		cmocka_unit_test(test_evaluations_that_differ),
		cmocka_unit_test(test_evaluations_that_are_none),
		cmocka_unit_test(test_index_malformed),
		cmocka_unit_test(test_index_of_later_times),
		cmocka_unit_test(test_index_signatures),
		cmocka_unit_test(test_history_adds_up),
		cmocka_unit_test(test_history_refuses),
		cmocka_unit_test(test_history_chain),
		cmocka_unit_test(test_graph_hash),
		cmocka_unit_test(test_credentials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
