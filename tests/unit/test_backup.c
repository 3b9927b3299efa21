/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a backup without a server: objects, generations, manifests. */
#include "store/backup_folder.h"
#include "store/backup_manifest.h"
#include "store/restore_object.h"

#include <math.h>
#include <rnm/file.h>
#include <rnm/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_folder.h"

static int make_backup_folder(void **state)
{
	return make_folder(state) != 0 || rnm_backup_folder_make(folder, NULL) != RNM_OK;
}

/* Puts text in pieces of step bytes. */
static struct rnm_backup_value put(const char *text, size_t step, const char *expected, bool dry_run, bool *is_new)
{
	struct rnm_backup_object object;
	struct rnm_backup_value value;
	struct rnm_error err;

	assert_int_equal(rnm_backup_object_begin(&object, folder, expected, dry_run, &err), RNM_OK);
	for (size_t at = 0; at < strlen(text); at += step) {
		size_t len = strlen(text) - at < step ? strlen(text) - at : step;

		assert_int_equal(rnm_backup_object_put(&object, text + at, len, &err), RNM_OK);
	}
	assert_int_equal(rnm_backup_object_end(&object, &value, is_new, &err), RNM_OK);
	return value;
}

static void expect_content(const struct rnm_backup_value *value, const char *text)
{
	char *path = rnm_backup_object_path(folder, value->hash);
	struct rnm_buf buf;

	assert_non_null(path);
	rnm_buf_init(&buf, 1 << 20);
	assert_int_equal(rnm_file_read(path, &buf, 1 << 20, NULL), RNM_OK);
	assert_string_equal(rnm_buf_cstr(&buf), text);
	assert_int_equal(value->size, strlen(text));
	rnm_buf_free(&buf);
	free(path);
}

static ino_t inode(const struct rnm_backup_value *value)
{
	char *path = rnm_backup_object_path(folder, value->hash);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	free(path);
	return st.st_ino;
}

static char *long_text(size_t len)
{
	char *text = malloc(len + 1);

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i * i % 23);
	text[len] = '\0';
	return text;
}

static void test_objects(void **state)
{
	char *text = long_text(100000);
	struct rnm_backup_value value, again;
	bool is_new;
	char *path;

	(void)state;
	/* b2sum -l 256 of "abc", and of nothing. */
	value = put("abc", 2, NULL, false, &is_new);
	assert_true(is_new);
	assert_string_equal(value.hash, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	expect_content(&value, "abc");
	value = put("", 1, NULL, false, &is_new);
	assert_string_equal(value.hash, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
	value = put(text, 7000, NULL, false, &is_new);
	assert_true(is_new);
	again = put(text, 33333, NULL, false, &is_new);
	assert_false(is_new);
	assert_string_equal(value.hash, again.hash);
	/* A dry run hashes and writes nothing. */
	value = put("nobody writes this", 5, NULL, true, &is_new);
	assert_true(is_new);
	path = rnm_backup_object_path(folder, value.hash);
	assert_int_not_equal(access(path, F_OK), 0);
	free(path);
	free(text);
}

/* An object that is expected is read instead of written; where the bytes part, the new one is whole all the same. */
static void test_expected(void **state)
{
	static const size_t changes[] = { 0, 1, 16383, 16384, 16385, 70000, 99999 };
	char *text = long_text(100000);
	struct rnm_backup_value value, other;
	bool is_new;
	ino_t before;

	(void)state;
	value = put(text, 8192, NULL, false, &is_new);
	before = inode(&value);
	other = put(text, 5000, value.hash, false, &is_new);
	assert_false(is_new);
	assert_string_equal(other.hash, value.hash);
	assert_int_equal(inode(&value), before);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char was = text[changes[i]];

		text[changes[i]] = '!';
		other = put(text, 5000, value.hash, false, &is_new);
		assert_true(is_new);
		assert_string_not_equal(other.hash, value.hash);
		expect_content(&other, text);
		text[changes[i]] = was;
	}
	/* Shorter, longer, and one that is expected but not there. */
	text[60000] = '\0';
	other = put(text, 5000, value.hash, false, &is_new);
	assert_true(is_new);
	expect_content(&other, text);
	text[60000] = (char)('a' + (size_t)60000 * 60000 % 23);
	other = put(text, 5000, other.hash, false, &is_new);
	assert_false(is_new);
	assert_string_equal(other.hash, value.hash);
	other = put("new", 5000, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319", false, &is_new);
	assert_true(is_new);
	expect_content(&other, "new");
	free(text);
}

/* A byte that has changed on the disk is noticed and put right. */
static void test_damaged(void **state)
{
	char *text = long_text(50000);
	struct rnm_backup_value value, again;
	bool is_new;
	char *path;
	FILE *file;

	(void)state;
	value = put(text, 8192, NULL, false, &is_new);
	path = rnm_backup_object_path(folder, value.hash);
	for (long at = 0; at < 50000; at += 49999) {
		file = fopen(path, "r+");
		assert_non_null(file);
		fseek(file, at, SEEK_SET);
		fputc('!', file);
		fclose(file);
		again = put(text, 8192, value.hash, false, &is_new);
		assert_true(is_new);
		assert_string_equal(again.hash, value.hash);
		expect_content(&value, text);
	}
	assert_int_equal(truncate(path, 100), 0);
	again = put(text, 8192, value.hash, false, &is_new);
	assert_true(is_new);
	expect_content(&again, text);
	/* Shorter, and nobody expected anything. */
	assert_int_equal(truncate(path, 100), 0);
	again = put(text, 8192, NULL, false, &is_new);
	assert_true(is_new);
	expect_content(&again, text);
	free(path);
	free(text);
}

static void test_read_objects(void **state)
{
	struct rnm_backup_manifest *manifest = rnm_backup_manifest_new();
	struct rnm_backup_value inline_value = { .size = 3, .inline_bytes = "x\0y" };
	struct rnm_backup_value value;
	struct rnm_error err;
	struct rnm_buf buf;
	bool is_new;
	char *path;

	(void)state;
	manifest->storage->folder = strdup(folder);
	rnm_buf_init(&buf, RNM_BACKUP_MEMBER_MAX + 1);
	assert_int_equal(rnm_restore_value(&buf, manifest, &inline_value, &err), RNM_OK);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.data, "x\0y", 3);
	value = put("some bytes", 3, NULL, false, &is_new);
	assert_int_equal(rnm_restore_value(&buf, manifest, &value, &err), RNM_OK);
	assert_string_equal(rnm_buf_cstr(&buf), "some bytes");
	value.size--;
	assert_int_equal(rnm_restore_value(&buf, manifest, &value, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "backup.object");
	value.size++;
	path = rnm_backup_object_path(folder, value.hash);
	assert_int_equal(rnm_file_write(path, "some Bytes", 10, NULL), RNM_OK);
	free(path);
	assert_int_equal(rnm_restore_value(&buf, manifest, &value, &err), RNM_E_MALFORMED);
	assert_non_null(strstr(err.message, "another hash"));
	value = (struct rnm_backup_value){ .size = RNM_BACKUP_MEMBER_MAX + 1, .inline_bytes = "" };
	assert_int_equal(rnm_restore_value(&buf, manifest, &value, &err), RNM_E_MALFORMED);
	rnm_buf_free(&buf);
	rnm_backup_manifest_free(manifest);
}

/* ---- manifests ---- */

static struct rnm_backup_field fields[] = {
	{ { "ann", 3 },
	  { .size = 5000, .hash = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319" } },
	{ { "a\0b\xff", 4 }, { .size = 4, .inline_bytes = "\x00\x01\xfe\xff" } },
	{ { "", 0 }, { .size = 0, .inline_bytes = "" } },
	{ { "quote", 5 }, { .size = 6, .inline_bytes = "\"\\\n\x7f\xc3\xa9" } },
};
static struct rnm_backup_profile profiles[] = {
	{ { .size = 2, .inline_bytes = "{}" }, 1795400000.123456 },
	{ { .size = 1, .inline_bytes = "x" }, INFINITY },
	{ { .size = 1, .inline_bytes = "y" }, -0.1 },
};
static struct rnm_backup_model models[] = {
	{ .version = "7", .ttl_ms = RNM_TTL_NONE, .profiles = profiles, .profile_count = 1 },
	{ .key = "k\xff", .version = "2.5", .live = true, .ttl_ms = 12345, .profiles = profiles, .profile_count = 3,
	  .fields = fields, .field_count = 4,
	  .training = { { "t", 9, RNM_TTL_NONE,
	                  { .size = 1, .hash = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8" } } },
	  .training_count = 1 },
};
static struct rnm_backup_set sets[] = {
	{ .rule = "r", .global = "rn", .prefix = "p", .settings = "", .zset = "z", .zset_ttl_ms = 0,
	  .models = models, .model_count = 2 },
	{ .global = "", .prefix = "q", .settings = "s", .zset = "y", .zset_ttl_ms = RNM_TTL_NONE,
	  .pending = { { "p", 1, 5, { .size = 3, .inline_bytes = "abc" } } }, .pending_count = 1 },
};

static void write_text(const char *path, const struct rnm_backup_manifest *manifest, struct rnm_buf *text)
{
	rnm_buf_init(text, 1 << 20);
	rnm_backup_manifest_write(text, manifest);
	assert_false(text->failed);
	assert_int_equal(rnm_file_write(path, text->data, text->len, NULL), RNM_OK);
}

static void test_manifest(void **state)
{
	const struct rnm_backup_manifest written = { .created_at = "2026-11-23T04:00:00Z",
		                                     .tool = "t\xff",
		                                     .complete = true,
		                                     .sets = sets,
		                                     .set_count = 2 };
	struct rnm_backup_manifest *read = NULL;
	const struct rnm_backup_model *model;
	struct rnm_buf text, again;
	struct rnm_error err;

	(void)state;
	write_text(in_folder("manifest-a.json"), &written, &text);
	assert_int_equal(rnm_backup_manifest_load(&read, in_folder("manifest-a.json"), &err), RNM_OK);
	/* What is written from what was read is the same, byte for byte. */
	rnm_buf_init(&again, 1 << 20);
	rnm_backup_manifest_write(&again, read);
	assert_string_equal(rnm_buf_cstr(&again), rnm_buf_cstr(&text));
	model = &read->sets[0].models[1];
	assert_true(read->complete && !read->with_training && model->live);
	assert_string_equal(model->key, "k\xff");
	assert_true(model->profiles[0].score == 1795400000.123456 && isinf(model->profiles[1].score));
	assert_int_equal(model->fields[1].name.len, 4);
	assert_memory_equal(model->fields[1].name.data, "a\0b\xff", 4);
	assert_memory_equal(model->fields[1].value.inline_bytes, "\x00\x01\xfe\xff", 4);
	assert_null(model->fields[0].value.inline_bytes);
	assert_int_equal(model->ttl_ms, 12345);
	assert_int_equal(read->sets[1].zset_ttl_ms, RNM_TTL_NONE);
	assert_null(read->sets[1].rule);
	assert_null(read->server);
	assert_ptr_equal(rnm_backup_set_of(read, "y"), &read->sets[1]);
	assert_null(rnm_backup_set_of(read, "x"));
	assert_null(rnm_backup_set_of(NULL, "x"));
	rnm_buf_free(&text);
	rnm_buf_free(&again);
	rnm_backup_manifest_free(read);
}

static enum rnm_status parse(const char *text, size_t len, struct rnm_error *err)
{
	struct rnm_backup_manifest *manifest = NULL;
	const enum rnm_status status =
	    rnm_backup_manifest_parse(&manifest, (struct rnm_bytes){ text, len }, "manifest", err);

	rnm_backup_manifest_free(manifest);
	return status;
}

static void test_seal(void **state)
{
	static const char version[] = "\"version\": 2", tail[] = "\n}\n";
	const struct rnm_backup_manifest written = { .created_at = "2026-11-23T04:00:00Z",
		                                     .sets = sets,
		                                     .set_count = 2 };
	struct rnm_error err;
	struct rnm_buf text;
	char *seal, *digit;

	(void)state;
	rnm_buf_init(&text, 1 << 20);
	rnm_backup_manifest_write(&text, &written);
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] ^= (char)(1 << i * 5 % 8);
		if (parse(text.data, text.len, &err) != RNM_E_MALFORMED)
			fail_msg("byte %zu may change", i);
		text.data[i] ^= (char)(1 << i * 5 % 8);
	}
	assert_int_equal(parse(text.data, text.len, &err), RNM_OK);
	/* Manifests of before have none; one that has it anyway is held to it. */
	digit = strstr(text.data, version) + strlen(version) - 1;
	*digit = '1';
	assert_int_equal(parse(text.data, text.len, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "backup.damaged");
	seal = strstr(text.data, ",\n  \"blake2b\": ");
	memcpy(seal, tail, sizeof(tail));
	assert_int_equal(parse(text.data, strlen(text.data), &err), RNM_OK);
	*digit = '2';
	assert_int_equal(parse(text.data, strlen(text.data), &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "backup.damaged");
	rnm_buf_free(&text);
}

/* ---- generations ---- */

static void add_generation(double now, struct rnm_backup_field *field)
{
	struct rnm_backup_model model = { .key = "k", .ttl_ms = RNM_TTL_NONE, .fields = field, .field_count = 1 };
	struct rnm_backup_set set = { .global = "", .prefix = "", .settings = "", .zset = "z", .models = &model,
		                      .model_count = 1 };
	const struct rnm_backup_manifest manifest = { .sets = &set, .set_count = 1 };
	struct rnm_buf text;
	char *path;

	assert_int_equal(rnm_backup_new_generation(&path, folder, now, NULL), RNM_OK);
	write_text(path, &manifest, &text);
	rnm_buf_free(&text);
	free(path);
}

static void test_generations(void **state)
{
	struct rnm_backup_field a = { { "f", 1 }, put("one", 9, NULL, false, &(bool){ false }) };
	struct rnm_backup_field b = { { "f", 1 }, put("two", 9, NULL, false, &(bool){ false }) };
	struct rnm_backup_result result = { 0 };
	struct rnm_error err;
	char **names, *path;
	size_t count;

	(void)state;
	/* Two of one millisecond, and one of later that was made first. */
	add_generation(1800000001, &b);
	add_generation(1800000000.25, &a);
	add_generation(1800000000.25, &a);
	assert_int_equal(rnm_backup_generations(&names, &count, folder, &err), RNM_OK);
	assert_int_equal(count, 3);
	assert_string_equal(names[0], "manifest-20270115T080000.250Z.json");
	assert_string_equal(names[1], "manifest-20270115T080000.251Z.json");
	assert_string_equal(names[2], "manifest-20270115T080001.000Z.json");
	rnm_names_free(names, count);
	assert_int_equal(rnm_backup_newest(&path, folder, &err), RNM_OK);
	assert_string_equal(path, in_folder("manifest-20270115T080001.000Z.json"));
	free(path);
	assert_int_equal(rnm_backup_drop_old(folder, 0, &result, &err), RNM_OK);
	assert_int_equal(result.dropped, 0);
	assert_int_equal(rnm_backup_drop_old(folder, 2, &result, &err), RNM_OK);
	assert_int_equal(result.dropped, 1);
	assert_int_equal(result.dropped_objects, 0);
	assert_int_equal(result.generations, 2);
	/* What cannot be read may name anything. */
	assert_int_equal(rnm_file_write(in_folder("manifest-20280115T080000.000Z.json"), "{", 1, NULL), RNM_OK);
	assert_int_equal(rnm_backup_drop_old(folder, 1, &result, &err), RNM_E_MALFORMED);
	assert_int_equal(rnm_backup_generations(&names, &count, folder, &err), RNM_OK);
	assert_int_equal(count, 3);
	rnm_names_free(names, count);
	unlink(in_folder("manifest-20280115T080000.000Z.json"));
	result = (struct rnm_backup_result){ 0 };
	assert_int_equal(rnm_backup_drop_old(folder, 1, &result, &err), RNM_OK);
	assert_int_equal(result.dropped, 1);
	assert_int_equal(result.dropped_objects, 1);
	expect_content(&b.value, "two");
	assert_int_equal(rnm_backup_new_generation(&path, folder, -1, &err), RNM_E_USAGE);
	assert_int_equal(rnm_backup_new_generation(&path, folder, 1e15, &err), RNM_E_USAGE);
	assert_int_equal(rnm_backup_new_generation(&path, folder, NAN, &err), RNM_E_USAGE);
	assert_string_equal(err.id, "backup.time");
}

static void test_locks(void **state)
{
	struct rnm_error err;
	int reader, second, writer;

	(void)state;
	assert_int_equal(rnm_backup_folder_lock(&reader, folder, false, &err), RNM_OK);
	assert_int_equal(rnm_backup_folder_lock(&second, folder, false, &err), RNM_OK);
	assert_int_equal(rnm_backup_folder_lock(&writer, folder, true, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, "backup.busy");
	close(reader);
	close(second);
	assert_int_equal(rnm_backup_folder_lock(&writer, folder, true, &err), RNM_OK);
	assert_int_equal(rnm_backup_folder_lock(&reader, folder, false, &err), RNM_E_REFUSED);
	close(writer);
	assert_int_equal(rnm_backup_folder_lock(&writer, in_folder("none"), true, &err), RNM_E_IO);
	assert_int_equal(rnm_backup_folder_make(in_folder("no/such"), &err), RNM_E_IO);
	assert_string_equal(err.id, "backup.folder");
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(rnm_restore_state_name(RNM_RESTORE_KEPT), "kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_objects, make_backup_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_expected, make_backup_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_damaged, make_backup_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_read_objects, make_backup_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_manifest, make_backup_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_seal, make_backup_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_generations, make_backup_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_locks, make_backup_folder, remove_folder),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
