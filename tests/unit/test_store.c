/* SPDX-License-Identifier: Apache-2.0 */
/* Exports from a real Redis, and what can go wrong between socket and file. */
#include "store_live.h"

#include <rnm/json.h>
#include <rnm/rnm1.h>

#include <dirent.h>
#include <math.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/time.h>

/* ---- export ---- */

static char space_name[] = "with space";

static void read_file(const char *path, struct rnm_buf *out)
{
	struct rnm_error err;

	rnm_buf_init(out, (size_t)300 << 20);
	if (rnm_file_read(path, out, out->max, &err) != RNM_OK)
		fail_msg("%s", err.message);
}

static struct rnm_rnm1 *parse_file(const struct rnm_buf *bytes)
{
	struct rnm_rnm1 *model = NULL;
	struct rnm_error err;

	if (rnm_rnm1_read(&model, bytes->data, bytes->len, &err) != RNM_OK)
		fail_msg("%s", err.message);
	return model;
}

static void check_hash(const struct rnm_buf *bytes, const struct rnm_export_result *result)
{
	unsigned char hash[32];
	char hex[65];

	assert_int_equal(result->file_size, bytes->len);
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)bytes->data, bytes->len, NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	assert_string_equal(result->hash, hex);
}

/* Lists, chooses (in the manner of the original or not) and exports to a path. */
static enum rnm_status export_to(struct rnm_redis *redis, const struct rnm_rule *rule, const char *settings,
                                 const struct rnm_export_options *options, struct rnm_export_result *result,
                                 struct rnm_error *err)
{
	struct rnm_choice choice = { .newest = options->original_fields, .any_digest = options->any_digest };
	struct rnm_model_list *list = list_of(redis, rule, settings, RNM_LIST_ALIVE);
	size_t index = 0;
	enum rnm_status status = rnm_store_choose(&index, list, rule, &choice, err);

	memset(result, 0, sizeof(*result));
	if (status == RNM_OK)
		status = rnm_store_export(redis, rule, list, index, options, result, err);
	rnm_model_list_free(list);
	return status;
}

static bool same_bytes(struct rnm_bytes a, struct rnm_bytes b)
{
	return rnm_bytes_equal(a, b);
}

static void compare_models(const struct rnm_rnm1 *ours, const struct rnm_rnm1 *theirs)
{
	assert_int_equal(ours->finding_count == 0 || ours->model_version < 1 || ours->model_version != floor(ours->model_version), 1);
	assert_true(ours->model_version == theirs->model_version);
	assert_false(ours->model_version_is_string);
	assert_string_equal(ours->providers_digest, theirs->providers_digest);
	assert_int_equal(ours->norm_mode, theirs->norm_mode);
	assert_int_equal(ours->norm_count, theirs->norm_count);
	for (size_t i = 0; i < ours->norm_count; i++)
		assert_true(ours->mean[i] == theirs->mean[i] && ours->std[i] == theirs->std[i]);
	assert_int_equal(ours->has_roc, theirs->has_roc);
	assert_true(ours->roc_spam == theirs->roc_spam && ours->roc_ham == theirs->roc_ham);
	assert_true(same_bytes(ours->ann, theirs->ann));
	assert_true(same_bytes(ours->pca, theirs->pca));
}

static void compare_with_golden(const char *path, const char *name, const struct rnm_export_result *result)
{
	struct rnm_buf ours, theirs;
	struct rnm_rnm1 *our_model, *their_model;
	char golden[4096];

	snprintf(golden, sizeof(golden), "%s/data/cli/files/%s.rnm", getenv("RNM_TESTS"), name);
	read_file(path, &ours);
	read_file(golden, &theirs);
	our_model = parse_file(&ours);
	their_model = parse_file(&theirs);
	compare_models(our_model, their_model);
	assert_int_equal(our_model->created_at, 1234567890);
	assert_null(our_model->extra);
	check_hash(&ours, result);
	assert_string_equal(result->digest, DIGEST);
	assert_int_equal(result->ann_size, our_model->ann.len);
	assert_int_equal(result->pca_size, our_model->pca.len);
	assert_int_equal(result->has_pca, our_model->pca.len > 0);
	assert_int_equal(result->has_roc, our_model->has_roc);
	assert_int_equal(result->has_norm, our_model->norm_mode != RNM_NORM_NONE);
	rnm_rnm1_free(our_model);
	rnm_rnm1_free(their_model);
	rnm_buf_free(&ours);
	rnm_buf_free(&theirs);
}

static void test_golden_exports(void **state)
{
	const char *path = in_folder("golden.rnm");
	struct rnm_rule rule = embed_rule();

	(void)state;
	NEED_SERVER();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int original = 0; original < 2; original++) {
			const struct case_entry *want = &cases[i];
			struct rnm_export_options options = { .path = path, .original_fields = original != 0,
				                              .created_at = 1234567890, .tool = "rnm test" };
			const char *id = want->choose_id != NULL ? want->choose_id
			                 : original              ? want->golden_id
			                                         : want->strict_id;
			struct rnm_redis *redis = connect_server();
			struct rnm_export_result result;
			struct rnm_error err;
			enum rnm_status status = export_to(redis, &rule, want->settings, &options, &result, &err);

			if (id != NULL) {
				assert_int_not_equal(status, RNM_OK);
				assert_string_equal(err.id, id);
				assert_int_equal(folder_entries(), 0);
			} else {
				if (status != RNM_OK)
					fail_msg("%s: %s", want->settings, err.message);
				if (original && want->golden != NULL)
					compare_with_golden(path, want->golden, &result);
				assert_int_equal(folder_entries(), 1);
				assert_int_equal(unlink(path), 0);
			}
			rnm_redis_free(redis);
		}
	}
}

static void test_extra_map(void **state)
{
	const char *path = in_folder("extra.rnm");
	struct rnm_export_options options = { .path = path, .created_at = 5, .tool = "rnm test" };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis;
	struct rnm_rnm1 *model;
	struct rnm_buf bytes, text, again;
	struct rnm_json json;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	assert_int_equal(export_to(redis, &rule, "default", &options, &result, NULL), RNM_OK);
	read_file(path, &bytes);
	model = parse_file(&bytes);
	assert_int_equal(model->finding_count, 0);
	rnm_buf_init(&text, 65536);
	rnm_json_init(&json, &text, false);
	rnm_json_value(&json, model->extra);
	assert_string_equal(rnm_buf_cstr(&text),
	                    "{\"tool\":\"rnm test\",\"rule\":\"embed\",\"settings\":\"default\",\"profile_digest\":"
	                    "\"aabbccdd\",\"symbols\":[\"BAYES_HAM\",\"BAYES_SPAM\",\"R_SPF_ALLOW\"],\"providers_meta\":"
	                    "[{\"type\":\"llm\",\"dim\":64}]}");
	assert_false(result.bad_providers_meta);
	/* The same again, byte for byte. */
	assert_int_equal(export_to(redis, &rule, "default", &options, &result, NULL), RNM_OK);
	read_file(path, &again);
	assert_int_equal(again.len, bytes.len);
	assert_memory_equal(again.data, bytes.data, bytes.len);
	rnm_rnm1_free(model);
	rnm_buf_free(&again);
	rnm_buf_free(&text);
	rnm_buf_free(&bytes);
	rnm_redis_free(redis);
	assert_int_equal(unlink(path), 0);
}

static void test_side_fields(void **state)
{
	const char *path = in_folder("side.rnm");
	struct rnm_export_options options = { .path = path, .created_at = 5, .tool = "rnm test" };
	struct rnm_bytes ann = network(1000);
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis;
	char lock[32];

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	add_profile(redis, "side", 9, "5", DIGEST, "", ann);
	snprintf(lock, sizeof(lock), "%lld", (long long)time(NULL) - 20);
	hset(redis, "rn_side_9_5", "lock", lock, strlen(lock));
	hset(redis, "rn_side_9_5", "hostname", "trainer.example", 15);
	hset(redis, "rn_side_9_5", "obsolete", "1", 1);
	hset(redis, "rn_side_9_5", "providers_meta", "{oops", 5);
	hset(redis, "rn_side_9_5", "norm_stats", " ", 1);
	hset(redis, "rn_side_9_5", "roc_thresholds", "[]", 2);
	assert_int_equal(export_to(redis, &rule, "side", &options, &result, NULL), RNM_OK);
	assert_true(result.locked && result.obsolete && result.bad_providers_meta);
	assert_string_equal(result.lock_host, "trainer.example");
	assert_false(result.has_roc || result.has_norm || result.has_pca);
	assert_int_equal(result.ann_size, ann.len);
	assert_int_equal(result.ann_expanded, 1000);
	/* A lock that nobody renewed for two watch intervals is none. */
	snprintf(lock, sizeof(lock), "%lld", (long long)time(NULL) - 200);
	hset(redis, "rn_side_9_5", "lock", lock, strlen(lock));
	assert_int_equal(export_to(redis, &rule, "side", &options, &result, NULL), RNM_OK);
	assert_false(result.locked);
	assert_string_equal(result.lock_host, "");
	rnm_redis_free(redis);
	free_bytes(ann);
	assert_int_equal(unlink(path), 0);
}

static void check_digest_export(const char *settings, bool original, const char *want)
{
	const char *path = in_folder("digest.rnm");
	struct rnm_export_options options = { .path = path, .any_digest = true, .original_fields = original,
		                              .created_at = 5, .tool = "rnm test" };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis = connect_server();
	struct rnm_rnm1 *model;
	struct rnm_buf bytes;
	struct rnm_error err;

	if (export_to(redis, &rule, settings, &options, &result, &err) != RNM_OK)
		fail_msg("%s", err.message);
	read_file(path, &bytes);
	model = parse_file(&bytes);
	assert_string_equal(model->providers_digest, want);
	assert_string_equal(result.digest, want);
	rnm_rnm1_free(model);
	rnm_buf_free(&bytes);
	rnm_redis_free(redis);
	assert_int_equal(unlink(path), 0);
}

static void test_any_digest(void **state)
{
	(void)state;
	NEED_SERVER();
	check_digest_export("other_digest", false, OTHER);
	check_digest_export("other_digest", true, DIGEST);
	check_digest_export("no_digest", false, DIGEST);
	check_digest_export("no_digest", true, DIGEST);
}

static void test_export_refusals(void **state)
{
	struct rnm_export_options options = { .path = in_folder("never.rnm"), .created_at = 5 };
	struct rnm_rule rule = embed_rule();
	struct rnm_bytes ann = network(100);
	struct rnm_export_result result;
	struct rnm_model_list *list;
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	/* The exporter asks again what the choice has asked. */
	list = list_of(redis, &rule, "other_digest", RNM_LIST_ALIVE);
	assert_int_equal(rnm_store_export(redis, &rule, list, 0, &options, &result, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, "export.digest");
	assert_string_equal(err.message, "the model's providers digest is " OTHER ", the configuration's is " DIGEST);
	assert_int_equal(rnm_store_export(redis, &rule, list, 1, &options, &result, &err), RNM_E_USAGE);
	rnm_model_list_free(list);
	/* Rules without providers: the original wrote a useless file. */
	rule.name = rule.prefix = symbolic_name;
	rule.has_providers = rule.providers_used = false;
	rule.digest[0] = '\0';
	for (int original = 0; original < 2; original++) {
		options.original_fields = original != 0;
		options.any_digest = original != 0;
		assert_int_equal(export_to(redis, &rule, "default", &options, &result, &err), RNM_E_REFUSED);
		assert_string_equal(err.id, "export.no-providers");
		assert_string_equal(err.message, "rule \"symbolic\" has no providers: the file would carry no "
		                                 "providers_digest and no rspamd could load it");
	}
	rule.name = space_name;
	rule.prefix = space_prefix;
	assert_int_equal(export_to(redis, &rule, "default", &options, &result, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, "export.no-providers");
	/* A profile whose digest is no digest, taken by --any-digest. */
	rule = embed_rule();
	options.original_fields = false;
	add_profile(redis, "odd_digest", 9, "5", "not-a-digest", "", ann);
	assert_int_equal(export_to(redis, &rule, "odd_digest", &options, &result, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, "export.digest");
	assert_string_equal(err.message, "expected a providers digest of 16 digits from 0 to f, found \"not-a-digest\"");
	assert_int_equal(folder_entries(), 0);
	rnm_redis_free(redis);
	free_bytes(ann);
}

/* What happens to the hash between the list and the export. */
static void test_changed_since_listed(void **state)
{
	struct rnm_export_options options = { .path = in_folder("gone.rnm"), .created_at = 5 };
	struct rnm_rule rule = embed_rule();
	struct rnm_bytes ann = network(100);
	struct rnm_export_result result;
	struct rnm_model_list *list;
	struct rnm_redis *redis;
	struct rnm_reply *reply;
	struct rnm_error err;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	add_profile(redis, "gone", 9, "5", DIGEST, "", ann);
	list = list_of(redis, &rule, "gone", RNM_LIST_ALIVE);
	reply = ASK(redis, "HDEL", "rn_gone_9_5", "ann");
	rnm_reply_free(reply);
	assert_int_equal(rnm_store_export(redis, &rule, list, 0, &options, &result, &err), RNM_E_NOT_FOUND);
	assert_string_equal(err.id, "export.vanished");
	assert_string_equal(err.reference, "failed to load ANN data from Redis");
	EXPECT_TEXT(redis, RNM_EVENT_STATUS, "OK", "SET", "rn_gone_9_5", "now a string");
	assert_int_equal(rnm_store_export(redis, &rule, list, 0, &options, &result, &err), RNM_E_REDIS);
	assert_string_equal(err.id, "export.redis");
	assert_string_equal(err.reference, "failed to load model data: WRONGTYPE Operation against a key holding the wrong "
	                                   "kind of value");
	assert_int_equal(folder_entries(), 0);
	rnm_model_list_free(list);
	rnm_redis_free(redis);
	free_bytes(ann);
}

/* ---- blobs that are no good ---- */

static void expect_bad_blob(const char *field, const void *data, size_t len, const char *id, const char *part)
{
	const char *path = in_folder("old.rnm");
	struct rnm_export_options options = { .path = path, .created_at = 5 };
	struct rnm_rule rule = embed_rule();
	struct rnm_bytes ann = network(1000);
	struct rnm_export_result result;
	struct rnm_redis *redis = connect_server();
	struct rnm_error err;
	struct rnm_buf bytes;

	rnm_reply_free(ASK(redis, "DEL", "rn_bad_9_5"));
	add_profile(redis, "bad", 9, "5", DIGEST, "", ann);
	hset(redis, "rn_bad_9_5", field, data, len);
	rnm_buf_init(&bytes, 16);
	assert_int_equal(export_to(redis, &rule, "bad", &options, &result, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, id);
	assert_non_null(strstr(err.message, part));
	assert_non_null(strstr(err.message, "rn_bad_9_5: "));
	if (strcmp(field, "ann") != 0 || len != 14) /* a bare network has a hint of its own */
		assert_string_equal(err.hint, "`rnm list` shows other versions: export one of them with -v, or train again");
	/* The old file is whole, and nothing stands beside it. */
	assert_int_equal(rnm_file_read(path, &bytes, 16, NULL), RNM_OK);
	assert_string_equal(rnm_buf_cstr(&bytes), "old");
	assert_int_equal(folder_entries(), 1);
	rnm_buf_free(&bytes);
	rnm_redis_free(redis);
	free_bytes(ann);
}

static void write_old(const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs("old", file);
	assert_int_equal(fclose(file), 0);
}

static void test_bad_blobs(void **state)
{
	static const char tensor[] = "\2\0\0\0\6\0\0\0\2\0\0\0\2\0\0\0";
	struct rnm_bytes ann = network(1000), large = network((size_t)3 << 20);
	char packed[64], *copy;
	size_t len;

	(void)state;
	NEED_SERVER();
	write_old(in_folder("old.rnm"));
	expect_bad_blob("ann", "", 0, "export.blob", "expected a network in the field ann, found an empty string");
	expect_bad_blob("ann", "KAN\1 and so on", 14, "frame.not-zstd", "found 4b 41 4e 01");
	expect_bad_blob("ann", ann.data, ann.len - 1, "frame.truncated", "cut off after");
	expect_bad_blob("ann", ann.data, 10, "frame.truncated", "cut off after 10 bytes");
	copy = malloc(large.len + 1);
	memcpy(copy, large.data, large.len);
	copy[large.len] = 0;
	expect_bad_blob("ann", copy, large.len + 1, "frame.trailing", "expected nothing behind the zstd frame");
	expect_bad_blob("ann", copy, large.len - 1, "frame.truncated", "cut off");
	memset(copy + 10, 0xff, 3); /* the header of the first block */
	expect_bad_blob("ann", copy, large.len, "frame.corrupt", "found damage");
	free(copy);
	len = ZSTD_compress(packed, sizeof(packed), tensor, 16, 1);
	expect_bad_blob("pca", packed, len, "frame.tensor", "2 dimensions, count 6, 2 x 2");
	expect_bad_blob("pca", "x", 1, "frame.not-zstd", "pca: expected a zstd frame");
	expect_bad_blob("norm_stats", "{}}", 3, "export.norm-stats", "expected JSON in norm_stats");
	expect_bad_blob("roc_thresholds", "[1]", 3, "export.roc", "two numbers, found 1");
	assert_int_equal(unlink(in_folder("old.rnm")), 0);
	free_bytes(ann);
	free_bytes(large);
}

/* ---- where it goes ---- */

struct watch {
	uint64_t calls, last, total;
	volatile sig_atomic_t *cancel; /* raised after half */
};

static void watch_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct watch *watch = ctx;

	assert_true(done >= watch->last);
	watch->last = done;
	watch->total = total;
	watch->calls++;
	if (watch->cancel != NULL && total > 0 && done > total / 2)
		*watch->cancel = 1;
}

/* 5 MiB with a matrix before it: both the threaded and the plain way, and both blob headers. */
static void add_large(struct rnm_redis *redis, struct rnm_bytes *ann)
{
	int32_t tensor[4 + 6] = { 2, 6, 2, 3 };
	char packed[128];
	size_t len = ZSTD_compress(packed, sizeof(packed), tensor, sizeof(tensor), 1);

	*ann = network((size_t)5 << 20);
	add_profile(redis, "large", 9, "5", DIGEST, "\"A\"", *ann);
	hset(redis, "rn_large_9_5", "pca", packed, len);
	hset(redis, "rn_large_9_5", "roc_thresholds", "[0.5,-0.5]", 10);
}

static void check_large(const struct rnm_buf *bytes, const struct rnm_export_result *result, struct rnm_bytes ann)
{
	struct rnm_rnm1 *model = parse_file(bytes);

	check_hash(bytes, result);
	assert_true(same_bytes(model->ann, ann));
	assert_int_equal(model->pca.len, result->pca_size);
	assert_int_equal(result->pca_expanded, 40);
	assert_int_equal(result->ann_expanded, (size_t)5 << 20);
	assert_int_equal(model->finding_count, 0);
	assert_true(model->has_roc);
	rnm_rnm1_free(model);
}

static void test_large_to_file(void **state)
{
	const char *path = in_folder("large.rnm");
	struct watch watch = { .calls = 0 };
	struct rnm_export_options options = { .path = path, .created_at = 5, .progress = watch_progress,
		                              .progress_ctx = &watch };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result, dry;
	struct rnm_redis *redis;
	struct rnm_bytes ann;
	struct rnm_buf bytes;
	struct stat st;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	add_large(redis, &ann);
	write_old(path);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(export_to(redis, &rule, "large", &options, &result, NULL), RNM_OK);
	assert_true(watch.calls > 1);
	assert_int_equal(watch.last, result.ann_size + result.pca_size);
	assert_int_equal(watch.total, watch.last);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	read_file(path, &bytes);
	check_large(&bytes, &result, ann);
	rnm_buf_free(&bytes);
	assert_int_equal(unlink(path), 0);
	/* A dry run tells the same and writes nothing. */
	options.dry_run = true;
	options.progress = NULL;
	assert_int_equal(export_to(redis, &rule, "large", &options, &dry, NULL), RNM_OK);
	assert_string_equal(dry.hash, result.hash);
	assert_int_equal(dry.file_size, result.file_size);
	assert_int_equal(folder_entries(), 0);
	/* Without the hash everything else stays. */
	options.no_hash = true;
	assert_int_equal(export_to(redis, &rule, "large", &options, &dry, NULL), RNM_OK);
	assert_string_equal(dry.hash, "");
	assert_int_equal(dry.ann_expanded, result.ann_expanded);
	rnm_redis_free(redis);
	free_bytes(ann);
}

static void test_compressed_file(void **state)
{
	const char *path = in_folder("packed.rnm");
	struct rnm_export_options options = { .path = path, .created_at = 5, .compress = true };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result, dry;
	struct rnm_redis *redis;
	struct rnm_buf bytes;
	struct rnm_rnm1 *model;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	assert_int_equal(export_to(redis, &rule, "large", &options, &result, NULL), RNM_OK);
	read_file(path, &bytes);
	check_hash(&bytes, &result);
	model = parse_file(&bytes);
	assert_true(model->compressed);
	assert_int_equal(ZSTD_getFrameContentSize(bytes.data, bytes.len), model->expanded_size);
	assert_int_equal(model->ann.len, result.ann_size);
	rnm_rnm1_free(model);
	rnm_buf_free(&bytes);
	assert_int_equal(unlink(path), 0);
	options.dry_run = true;
	assert_int_equal(export_to(redis, &rule, "large", &options, &dry, NULL), RNM_OK);
	assert_string_equal(dry.hash, result.hash);
	assert_int_equal(dry.file_size, result.file_size);
	assert_int_equal(folder_entries(), 0);
	rnm_redis_free(redis);
}

/* Reads a descriptor to its end in a child, into a file. */
static pid_t drain_to(int fd, int other_end, const char *path)
{
	pid_t pid = fork();
	char bytes[65536];
	FILE *file;
	ssize_t got;

	if (pid != 0)
		return pid;
	close(other_end);
	file = fopen(path, "wb");
	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		fwrite(bytes, 1, (size_t)got, file);
	fclose(file);
	_exit(0);
}

static void test_to_pipe(void **state)
{
	const char *path = in_folder("piped.rnm");
	struct rnm_export_options options = { .created_at = 5, .spool_dir = folder };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis;
	struct rnm_buf bytes;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	for (int compress = 0; compress < 2; compress++) {
		int ends[2];
		pid_t pid;

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		/* Non-blocking, as a shell may leave a shared pipe. */
		assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
		pid = drain_to(ends[0], ends[1], path);
		options.fd = ends[1];
		options.compress = compress != 0;
		assert_int_equal(export_to(redis, &rule, "large", &options, &result, NULL), RNM_OK);
		close(ends[1]);
		close(ends[0]);
		waitpid(pid, NULL, 0);
		read_file(path, &bytes);
		check_hash(&bytes, &result);
		rnm_buf_free(&bytes);
		assert_int_equal(folder_entries(), 1);
	}
	assert_int_equal(unlink(path), 0);
	rnm_redis_free(redis);
}

/* A file opened for appending cannot be sent to; it is written by hand. */
static void test_to_appended_file(void **state)
{
	const char *path = in_folder("appended");
	struct rnm_export_options options = { .created_at = 5 };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis;
	struct rnm_buf bytes;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	options.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_int_equal(write(options.fd, "head", 4), 4);
	assert_int_equal(export_to(redis, &rule, "large", &options, &result, NULL), RNM_OK);
	close(options.fd);
	read_file(path, &bytes);
	assert_int_equal(bytes.len, 4 + result.file_size);
	memmove(bytes.data, bytes.data + 4, bytes.len - 4);
	bytes.len -= 4;
	check_hash(&bytes, &result);
	rnm_buf_free(&bytes);
	assert_int_equal(unlink(path), 0);
	rnm_redis_free(redis);
}

/* A name that leads to a descriptor, here one with >>: nothing is replaced, and nothing half written. */
static void test_to_descriptor_name(void **state)
{
	const char *path = in_folder("appended");
	struct rnm_export_options options = { .created_at = 5 };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis;
	struct rnm_buf bytes;
	char name[32];
	int fd;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	write_old(path);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	options.path = name;
	assert_int_equal(export_to(redis, &rule, "garbage_ann", &options, &result, NULL), RNM_E_MALFORMED);
	read_file(path, &bytes);
	assert_string_equal(rnm_buf_cstr(&bytes), "old");
	rnm_buf_free(&bytes);
	assert_int_equal(export_to(redis, &rule, "default", &options, &result, NULL), RNM_OK);
	close(fd);
	read_file(path, &bytes);
	assert_int_equal(bytes.len, 3 + result.file_size);
	assert_memory_equal(bytes.data, "old", 3);
	memmove(bytes.data, bytes.data + 3, bytes.len - 3);
	bytes.len -= 3;
	check_hash(&bytes, &result);
	rnm_buf_free(&bytes);
	assert_int_equal(folder_entries(), 1);
	assert_int_equal(unlink(path), 0);
	rnm_redis_free(redis);
}

static void test_nothing_before_checked(void **state)
{
	struct rnm_export_options options = { .created_at = 5 };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis;
	int ends[2];
	char byte;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	options.fd = ends[1];
	assert_int_equal(export_to(redis, &rule, "garbage_ann", &options, &result, NULL), RNM_E_MALFORMED);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	rnm_redis_free(redis);
}

static void expect_io_error(const char *path, int fd, const char *settings, bool compress, const char *id,
                            const char *message)
{
	struct rnm_export_options options = { .path = path, .fd = fd, .compress = compress, .created_at = 5 };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis = connect_server();
	struct rnm_error err;

	assert_int_equal(export_to(redis, &rule, settings, &options, &result, &err), RNM_E_IO);
	assert_string_equal(err.id, id);
	assert_string_equal(err.message, message);
	if (path != NULL)
		assert_string_equal(err.reference, message);
	rnm_redis_free(redis);
}

static void test_unwritable(void **state)
{
	char message[256];
	int fd, saved;

	(void)state;
	NEED_SERVER();
	expect_io_error("/nonexistent/x", -1, "default", false, "export.open",
	                "cannot open output file /nonexistent/x: No such file or directory");
	expect_io_error("", -1, "default", false, "export.open", "cannot open output file : No such file or directory");
	snprintf(message, sizeof(message), "cannot open output file %s: Is a directory", folder);
	expect_io_error(folder, -1, "default", false, "export.open", message);
	/* The original claims success for a model smaller than its buffer. */
	expect_io_error("/dev/full", -1, "default", false, "export.write",
	                "cannot write output file /dev/full: No space left on device");
	expect_io_error("/dev/full", -1, "large", true, "export.write",
	                "cannot write output file /dev/full: No space left on device");
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	snprintf(message, sizeof(message), "cannot write the model to descriptor %d: No space left on device", fd);
	expect_io_error(NULL, fd, "large", false, "export.write", message);
	saved = dup(STDOUT_FILENO);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	expect_io_error(NULL, STDOUT_FILENO, "large", false, "export.write",
	                "cannot write the model to standard output: No space left on device");
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
}

/* The sentence names the folder, and the reference is the original's sentence about the file. */
static void test_unwritable_folder(void **state)
{
	struct rnm_export_options options = { .created_at = 5 };
	char path[160], message[256], reference[256];
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis;
	struct rnm_error err;
	enum rnm_status status;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	snprintf(path, sizeof(path), "%s/x.rnm", folder);
	options.path = path;
	assert_int_equal(chmod(folder, 0555), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	status = export_to(redis, &rule, "default", &options, &result, &err);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(status, RNM_E_IO);
	assert_string_equal(err.id, "export.open");
	snprintf(message, sizeof(message), "cannot create a file in the folder %s: Permission denied", folder);
	snprintf(reference, sizeof(reference), "cannot open output file %s: Permission denied", path);
	assert_string_equal(err.message, message);
	assert_string_equal(err.reference, reference);
	assert_int_equal(folder_entries(), 0);
	rnm_redis_free(redis);
}

/* A disk that is full after the first mebibyte, played by the limit on file sizes. */
static void test_full_disk(void **state)
{
	const char *path = in_folder("old.rnm");
	struct rlimit old, limit;
	char message[256];
	struct rnm_buf bytes;
	int null;

	(void)state;
	NEED_SERVER();
	write_old(path);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = (rlim_t)1 << 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	snprintf(message, sizeof(message), "cannot write output file %s: File too large", path);
	expect_io_error(path, -1, "large", false, "export.write", message);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	expect_io_error(NULL, null, "large", false, "export.spool",
	                "cannot keep the model in a temporary file in /tmp: File too large");
	close(null);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	rnm_buf_init(&bytes, 16);
	assert_int_equal(rnm_file_read(path, &bytes, 16, NULL), RNM_OK);
	assert_string_equal(rnm_buf_cstr(&bytes), "old");
	rnm_buf_free(&bytes);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(folder_entries(), 0);
}

static void test_spool_folder_missing(void **state)
{
	struct rnm_export_options options = { .created_at = 5, .spool_dir = "/nonexistent", .fd = -1 };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis;
	struct rnm_error err;

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	assert_int_equal(export_to(redis, &rule, "default", &options, &result, &err), RNM_E_IO);
	assert_string_equal(err.message,
	                    "cannot keep the model in a temporary file in /nonexistent: No such file or directory");
	rnm_redis_free(redis);
}

static void test_interrupted(void **state)
{
	const char *path = in_folder("old.rnm");
	volatile sig_atomic_t cancel = 0;
	struct watch watch = { .cancel = &cancel };
	struct rnm_export_options options = { .path = path, .created_at = 5, .progress = watch_progress,
		                              .progress_ctx = &watch, .cancel = &cancel };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis = NULL;
	struct target where;
	struct rnm_error err;
	struct rnm_buf bytes;

	(void)state;
	NEED_SERVER();
	write_old(path);
	for (int compress = 0; compress < 2; compress++) {
		cancel = 0;
		watch.last = 0;
		options.compress = compress != 0;
		assert_int_equal(rnm_redis_connect(&redis, target(&where, 5, "%s", server.socket), RNM_REDIS_READ, &cancel,
		                                   &err),
		                 RNM_OK);
		assert_int_equal(export_to(redis, &rule, "large", &options, &result, &err), RNM_E_INTERRUPTED);
		assert_string_equal(err.message, "interrupted: nothing was written");
		rnm_redis_free(redis);
		rnm_buf_init(&bytes, 16);
		assert_int_equal(rnm_file_read(path, &bytes, 16, NULL), RNM_OK);
		assert_string_equal(rnm_buf_cstr(&bytes), "old");
		rnm_buf_free(&bytes);
		assert_int_equal(folder_entries(), 1);
	}
	assert_int_equal(unlink(path), 0);
}

static volatile sig_atomic_t alarmed;

static void on_alarm(int signal_number)
{
	(void)signal_number;
	alarmed = 1;
}

/* Once everything is read, there is half a second for what a pipe takes that nobody empties. */
static void alarm_at_end(void *ctx, uint64_t done, uint64_t total)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 500000 } };

	(void)ctx;
	if (done == total)
		assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
}

/* What a pipe has taken cannot be taken back: it is said that it is not all. */
static void test_interrupted_pipe(void **state)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	struct rnm_export_options options = { .created_at = 5, .progress = alarm_at_end, .cancel = &alarmed };
	struct rnm_rule rule = embed_rule();
	struct rnm_export_result result;
	struct rnm_redis *redis;
	struct sigaction old;
	struct rnm_error err;
	int ends[2];

	(void)state;
	NEED_SERVER();
	redis = connect_server();
	assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	options.fd = ends[1];
	alarmed = 0;
	assert_int_equal(export_to(redis, &rule, "large", &options, &result, &err), RNM_E_INTERRUPTED);
	assert_int_equal(strncmp(err.message, "interrupted: only the first ", 28), 0);
	assert_non_null(strstr(err.message, " bytes were written"));
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
	close(ends[0]);
	close(ends[1]);
	rnm_redis_free(redis);
}

/* ---- servers that break off or lie ---- */

static const char member_text[] = "{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":\"k\","
                                  "\"providers_digest\":\"" DIGEST "\"}";

static void say_list(int client)
{
	char text[512];

	hear(client);
	say(client, "+PONG\r\n");
	hear(client);
	snprintf(text, sizeof(text), "*2\r\n$%zu\r\n%s\r\n$1\r\n9\r\n", sizeof(member_text) - 1, member_text);
	say(client, text);
	hear(client);
	say(client, ":1\r\n");
	hear(client);
}

static void say_bytes(int client, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t put = send(client, bytes, len, MSG_NOSIGNAL);

		if (put <= 0)
			return;
		bytes += put;
		len -= (size_t)put;
	}
}

/*
 * 2 MiB of 100 are there when the server dies: past the point where the second thread starts.  They are
 * a sound frame of raw blocks, of 1021 bytes each, so that the check has nothing to complain about.
 */
static void die_in_blob(int client)
{
	static const char head[] = "\x28\xb5\x2f\xfd\xa0\0\0\x40\6";
	char block[1024] = "\xe8\x1f\0KAN\1";

	say_list(client);
	say(client, "*8\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$104857600\r\n");
	say_bytes(client, head, sizeof(head) - 1);
	for (int i = 0; i < 2048; i++)
		say_bytes(client, block, sizeof(block));
}

static void short_array(int client)
{
	say_list(client);
	say(client, "*2\r\n$-1\r\n$-1\r\n");
	hear(client);
}

static void huge_blob(int client)
{
	say_list(client);
	say(client, "*8\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$268435457\r\n");
	hear(client);
}

static void huge_field(int client)
{
	say_list(client);
	say(client, "*8\r\n$100000000\r\n");
	hear(client);
}

static void test_bad_servers(void **state)
{
	static const struct {
		void (*serve)(int client);
		enum rnm_status status;
		const char *id;
	} peers[] = {
		{ die_in_blob, RNM_E_IO, "redis.closed" },
		{ short_array, RNM_E_MALFORMED, "redis.protocol" },
		{ huge_blob, RNM_E_REFUSED, "export.too-large" },
		{ huge_field, RNM_E_MALFORMED, "store.too-large" },
	};
	struct rnm_export_options options = { .path = in_folder("never.rnm"), .created_at = 5 };
	struct rnm_rule rule = embed_rule();

	(void)state;
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		struct rnm_export_result result;
		struct rnm_redis *redis;
		struct target where;
		struct rnm_error err;
		struct peer peer;

		peer_start(&peer, peers[i].serve);
		redis = must_connect(target(&where, 5, "127.0.0.1:%u", peer.port));
		assert_int_equal(export_to(redis, &rule, "default", &options, &result, &err), peers[i].status);
		assert_string_equal(err.id, peers[i].id);
		assert_int_equal(folder_entries(), 0);
		rnm_redis_free(redis);
		peer_stop(&peer);
	}
}

/* A real server that is killed while it sends. */
static int child_to_kill;

static void kill_in_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	if (child_to_kill > 0 && total > 0 && done > total / 4) {
		kill(child_to_kill, SIGKILL);
		waitpid(child_to_kill, NULL, 0);
		child_to_kill = 0;
	}
}

static void test_server_killed(void **state)
{
	const char *path = in_folder("old.rnm");
	struct rnm_export_options options = { .path = path, .created_at = 5, .progress = kill_in_progress };
	struct rnm_rule rule = embed_rule();
	struct rnm_bytes ann = network((size_t)40 << 20);
	struct rnm_export_result result;
	struct rnm_redis *redis;
	struct target where;
	struct rnm_error err;
	struct live victim;

	(void)state;
	NEED_SERVER();
	write_old(path);
	assert_true(live_start(&victim));
	redis = must_connect(target(&where, 10, "%s", victim.socket));
	add_profile(redis, "large", 9, "5", DIGEST, "", ann);
	child_to_kill = victim.pid;
	assert_int_equal(export_to(redis, &rule, "large", &options, &result, &err), RNM_E_IO);
	assert_int_equal(child_to_kill, 0);
	assert_string_equal(err.id, "redis.closed");
	victim.pid = 0;
	live_stop(&victim);
	assert_int_equal(folder_entries(), 1);
	rnm_redis_free(redis);
	free_bytes(ann);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_exports),
		cmocka_unit_test(test_extra_map),
		cmocka_unit_test(test_side_fields),
		cmocka_unit_test(test_any_digest),
		cmocka_unit_test(test_export_refusals),
		cmocka_unit_test(test_changed_since_listed),
		cmocka_unit_test(test_bad_blobs),
		cmocka_unit_test(test_large_to_file),
		cmocka_unit_test(test_compressed_file),
		cmocka_unit_test(test_to_pipe),
		cmocka_unit_test(test_to_appended_file),
		cmocka_unit_test(test_to_descriptor_name),
		cmocka_unit_test(test_nothing_before_checked),
		cmocka_unit_test(test_unwritable),
		cmocka_unit_test(test_unwritable_folder),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_spool_folder_missing),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_interrupted_pipe),
		cmocka_unit_test(test_bad_servers),
		cmocka_unit_test(test_server_killed),
	};

	return cmocka_run_group_tests_name("exports", tests, setup, teardown);
}
