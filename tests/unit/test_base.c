/* SPDX-License-Identifier: Apache-2.0 */
/* lib/base: what everything else stands on. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/value_build.h"

#include <rnm/json.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_folder.h"

static void put_file(const char *name, const char *text)
{
	FILE *f = fopen(in_folder(name), "w");

	fputs(text, f);
	fclose(f);
}

static void buf_stops_at_its_maximum(void **state)
{
	struct rnm_buf buf;

	(void)state;
	rnm_buf_init(&buf, 10);
	assert_string_equal(rnm_buf_cstr(&buf), "");
	assert_true(rnm_buf_append(&buf, "12345", 5));
	assert_true(rnm_buf_printf(&buf, "%d", 67890));
	assert_string_equal(rnm_buf_cstr(&buf), "1234567890");
	assert_false(rnm_buf_putc(&buf, 'x'));
	assert_true(buf.failed);
	assert_int_equal(buf.len, 10);
	assert_false(rnm_buf_append(&buf, "", 0)); /* failure is sticky */
	assert_null(rnm_buf_steal(&buf));
	rnm_buf_free(&buf);
	rnm_buf_init(&buf, SIZE_MAX);
	assert_true(rnm_buf_puts(&buf, "ok"));
	assert_false(rnm_buf_reserve(&buf, PTRDIFF_MAX - 1));
	rnm_buf_free(&buf);
}

static void buf_in_memory_of_others(void **state)
{
	char memory[8];
	struct rnm_buf buf;

	(void)state;
	rnm_buf_init_in(&buf, memory, sizeof(memory));
	assert_string_equal(rnm_buf_cstr(&buf), "");
	assert_true(rnm_buf_puts(&buf, "1234567"));
	assert_ptr_equal(rnm_buf_cstr(&buf), memory);
	assert_null(rnm_buf_steal(&buf));
	assert_false(rnm_buf_putc(&buf, '8'));
	assert_string_equal(memory, "1234567");
	rnm_buf_free(&buf);
	assert_true(rnm_buf_puts(&buf, "again"));
	assert_string_equal(memory, "again");
}

static void cursor_reads_and_fails_once(void **state)
{
	static const unsigned char bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
	struct rnm_cursor cursor;

	(void)state;
	rnm_cursor_init(&cursor, bytes, sizeof(bytes));
	assert_int_equal(rnm_cursor_be16(&cursor), 0x0102);
	assert_int_equal(rnm_cursor_le32(&cursor), 0x06050403);
	assert_int_equal(rnm_cursor_left(&cursor), 5);
	assert_int_equal(rnm_cursor_be64(&cursor), 0);
	assert_true(cursor.failed);
	assert_int_equal(cursor.failed_at, 6);
	assert_int_equal(rnm_cursor_u8(&cursor), 0); /* still failed, although a byte would be there */
	assert_int_equal(cursor.failed_at, 6);
	rnm_cursor_init(&cursor, bytes, sizeof(bytes));
	assert_null(rnm_cursor_take(&cursor, SIZE_MAX));
	assert_true(cursor.failed);
}

static void times_have_four_digits_for_the_year_or_no_form(void **state)
{
	static const struct {
		double time;
		const char *utc;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1795446999.999, "2026-11-23T15:16:39Z" },
		{ -0.5, "1969-12-31T23:59:59Z" },
		{ 253402300799.9, "9999-12-31T23:59:59Z" },
		{ 253402300800, "" },
		{ -62167219200, "0000-01-01T00:00:00Z" },
		{ -62167219200.5, "" },
		{ 1e300, "" },
		{ (double)INFINITY, "" },
		{ (double)NAN, "" },
	};
	char text[RNM_UTC_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(text, '?', sizeof(text));
		assert_int_equal(rnm_utc_write(text, cases[i].time), cases[i].utc[0] != '\0');
		assert_string_equal(text, cases[i].utc);
	}
}

static void hashes_and_their_text(void **state)
{
	/* b2sum -l 256 */
	static const char empty[] = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
			  abc[] = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
			  upper[] = "BDDD813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
			  path[] = "../d813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
	crypto_generichash_state pieces;
	unsigned char hash[RNM_HASH_SIZE];
	char hex[RNM_HASH_HEX];

	(void)state;
	rnm_hash_of(hex, NULL, 0);
	assert_string_equal(hex, empty);
	rnm_hash_begin(&pieces);
	crypto_generichash_update(&pieces, (const unsigned char *)"a", 1);
	crypto_generichash_update(&pieces, (const unsigned char *)"bc", 2);
	rnm_hash_end(hex, &pieces);
	assert_string_equal(hex, abc);
	assert_true(rnm_hash_read(hash, upper));
	rnm_hash_text(hex, hash);
	assert_string_equal(hex, abc);
	assert_true(rnm_is_hash_text(abc));
	assert_false(rnm_is_hash_text(upper) || rnm_is_hash_text(path) || rnm_is_hash_text(""));
	assert_false(rnm_hash_read(hash, path) || rnm_hash_read(hash, abc + 2) || rnm_hash_read(hash, NULL));
}

static void arena_honours_its_maximum_and_alignment(void **state)
{
	struct rnm_arena arena;
	char *text;

	(void)state;
	rnm_arena_init(&arena, 5u << 20);
	text = rnm_arena_strndup(&arena, "abc", 3);
	assert_string_equal(text, "abc");
	for (int i = 0; i < 1000; i++) {
		unsigned char *p = rnm_arena_alloc(&arena, 33);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (int j = 0; j < 33; j++)
			assert_int_equal(p[j], 0);
		memset(p, 0xAA, 33);
		rnm_arena_strndup(&arena, "x", 1);
	}
	assert_non_null(rnm_arena_alloc(&arena, 3u << 20)); /* larger than a block */
	assert_string_equal(rnm_arena_printf(&arena, "%s-%d", "n", 7), "n-7");
	assert_null(rnm_arena_alloc(&arena, 3u << 20));
	assert_null(rnm_arena_alloc(&arena, SIZE_MAX));
	assert_null(rnm_arena_strndup(&arena, "", SIZE_MAX));
	assert_string_equal(text, "abc");
	rnm_arena_free(&arena);
}

static void objects_keep_order_and_find_keys(void **state)
{
	struct rnm_arena arena;
	struct rnm_value *object;
	char key[32];

	(void)state;
	rnm_arena_init(&arena, 64u << 20);
	object = rnm_value_new(&arena, RNM_OBJECT);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		assert_null(rnm_value_find(object, rnm_bytes_of(key)));
		assert_true(rnm_value_add_s(&arena, object, key, rnm_value_new_int(&arena, i)));
	}
	assert_int_equal(rnm_value_count(object), 5000);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		assert_int_equal(rnm_value_get(object, key)->as.integer, i);
		assert_ptr_equal(rnm_value_at(object, (size_t)i), rnm_value_get(object, key));
	}
	assert_null(rnm_value_get(object, "key 5000"));
	assert_null(rnm_value_at(object, 5000));
	assert_null(rnm_value_get(rnm_value_at(object, 0), "x"));
	assert_null(rnm_value_get(NULL, "x"));
	rnm_arena_free(&arena);
}

static void chains_and_replacement(void **state)
{
	struct rnm_arena arena;
	struct rnm_value *object;
	struct rnm_value *head;
	struct rnm_buf out;
	struct rnm_json json;

	(void)state;
	rnm_arena_init(&arena, 1u << 20);
	rnm_buf_init(&out, 1000);
	object = rnm_value_new(&arena, RNM_OBJECT);
	head = rnm_value_new_int(&arena, 1);
	assert_true(rnm_value_add_s(&arena, object, "a", head));
	assert_true(rnm_value_add_s(&arena, object, "b", rnm_value_new_bool(&arena, true)));
	assert_true(rnm_value_chain(object, head, rnm_value_new_float(&arena, 2)));
	assert_true(rnm_value_chain(object, head, rnm_value_new_string(&arena, "three", 5)));
	assert_false(rnm_value_chain(object, rnm_value_new_int(&arena, 0), rnm_value_new_int(&arena, 9)));
	rnm_json_init(&json, &out, false);
	rnm_json_begin_array(&json);
	rnm_json_value(&json, object);
	assert_true(rnm_value_replace(object, rnm_bytes_of("a"), rnm_value_new(&arena, RNM_NULL)));
	assert_false(rnm_value_replace(object, rnm_bytes_of("c"), rnm_value_new(&arena, RNM_NULL)));
	rnm_json_value(&json, object);
	rnm_json_end_array(&json);
	assert_string_equal(rnm_buf_cstr(&out), "[{\"a\":[1,2.0,\"three\"],\"b\":true},{\"a\":null,\"b\":true}]");
	rnm_buf_free(&out);
	rnm_arena_free(&arena);
}

static void json_text(void **state)
{
	static const char odd[] = "a\"\\\n\x01\x7F\xC3\xA9\xFF\xED\xA0\x80\0z";
	struct rnm_bytes bytes = { odd, sizeof(odd) - 1 };
	struct rnm_buf out;
	struct rnm_json json;

	(void)state;
	rnm_buf_init(&out, 1000);
	rnm_json_init(&json, &out, true);
	rnm_json_begin_object(&json);
	rnm_json_key(&json, "s");
	rnm_json_string_n(&json, bytes);
	rnm_json_kv_double(&json, "d", 0.1);
	rnm_json_kv_double(&json, "one", 1);
	rnm_json_kv_double(&json, "big", 1e300);
	rnm_json_kv_double(&json, "nan", NAN);
	rnm_json_kv_int(&json, "i", INT64_MIN);
	rnm_json_kv_uint(&json, "u", UINT64_MAX);
	rnm_json_kv_string(&json, "none", NULL);
	rnm_json_key(&json, "empty");
	rnm_json_begin_array(&json);
	rnm_json_end_array(&json);
	rnm_json_end_object(&json);
	assert_string_equal(rnm_buf_cstr(&out),
	                    "{\n"
	                    "  \"s\": \"a\\\"\\\\\\n\\u0001\\u007f\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
	                    "\\u0000z\",\n"
	                    "  \"d\": 0.1,\n  \"one\": 1.0,\n  \"big\": 1e+300,\n  \"nan\": \"nan\",\n"
	                    "  \"i\": -9223372036854775808,\n  \"u\": 18446744073709551615,\n  \"none\": null,\n"
	                    "  \"empty\": []\n}");
	rnm_buf_free(&out);
}

static void errors_carry_place_and_reason(void **state)
{
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_error_sys(&err, "x.y", ENOENT, "cannot open %s", "f"), RNM_E_IO);
	assert_string_equal(err.message, "cannot open f: No such file or directory");
	assert_int_equal(err.sys_errno, ENOENT);
	rnm_error_at_column(&err, "main.conf", 3, 9);
	/* The arguments may point into the error that is being replaced. */
	rnm_error_set(&err, RNM_E_MALFORMED, "z", "in %s: %s", err.file, err.message);
	assert_string_equal(err.message, "in main.conf: cannot open f: No such file or directory");
	assert_string_equal(err.file, "");
	assert_int_equal(err.line, 0);
	assert_false(err.has_column);
	assert_int_equal(rnm_error_set(NULL, RNM_E_REDIS, NULL, "x"), RNM_E_REDIS);
	for (int status = RNM_OK; status <= RNM_E_REFUSED; status++)
		assert_int_equal(rnm_status_exit_code((enum rnm_status)status), status);
	assert_int_equal(rnm_status_exit_code(RNM_E_NOMEM), 5);
	assert_int_equal(rnm_status_exit_code(RNM_E_INTERRUPTED), 130);
	assert_string_equal(rnm_status_name(RNM_E_NOT_FOUND), "not-found");
}

static void reading_files(void **state)
{
	char large[1001] = "";
	struct rnm_error err;
	struct rnm_buf buf;

	(void)state;
	put_file("a", "hello");
	rnm_buf_init(&buf, 100);
	assert_int_equal(rnm_file_read(in_folder("a"), &buf, 5, &err), RNM_OK);
	assert_string_equal(rnm_buf_cstr(&buf), "hello");
	assert_int_equal(rnm_file_read(in_folder("a"), &buf, 4, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "file.too-large");
	rnm_buf_clear(&buf);
	assert_int_equal(rnm_file_read("/dev/zero", &buf, 50, &err), RNM_E_MALFORMED);
	rnm_buf_free(&buf);
	/* Memory for the file, and not once more for the read that finds its end. */
	memset(large, 'x', sizeof(large) - 1);
	put_file("a", large);
	rnm_buf_init(&buf, 100000);
	assert_int_equal(rnm_file_read(in_folder("a"), &buf, 100000, &err), RNM_OK);
	assert_string_equal(rnm_buf_cstr(&buf), large);
	assert_int_equal(buf.cap, 1024);
	rnm_buf_free(&buf);
	assert_int_equal(rnm_file_read(in_folder("none"), &buf, 5, &err), RNM_E_NOT_FOUND);
	assert_int_equal(rnm_file_read(folder, &buf, 5, &err), RNM_E_IO);
	assert_int_equal(err.sys_errno, EISDIR);
	rnm_buf_free(&buf);
}

static void replacing_keeps_the_old_file_until_commit(void **state)
{
	struct rnm_replace replace;
	struct rnm_error err;
	struct stat st;

	(void)state;
	put_file("model", "old");
	assert_int_equal(chmod(in_folder("model"), 0640), 0);
	assert_int_equal(symlink("model", in_folder("link")), 0);
	assert_int_equal(rnm_replace_open(&replace, in_folder("link"), &err), RNM_OK);
	assert_int_equal(rnm_replace_write(&replace, "new", 3, &err), RNM_OK);
	assert_file("model", "old");
	rnm_replace_abort(&replace);
	assert_file("model", "old");
	assert_int_equal(folder_entries(), 2);
	assert_int_equal(rnm_replace_open(&replace, in_folder("link"), &err), RNM_OK);
	assert_int_equal(rnm_replace_write(&replace, "newer", 5, &err), RNM_OK);
	assert_int_equal(rnm_replace_commit(&replace, &err), RNM_OK);
	assert_file("model", "newer");
	assert_int_equal(folder_entries(), 2);
	assert_int_equal(lstat(in_folder("link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(in_folder("model"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void new_files_follow_the_umask(void **state)
{
	struct rnm_replace replace;
	struct stat st;
	mode_t old = umask(027);

	(void)state;
	assert_int_equal(rnm_replace_open(&replace, in_folder("fresh"), NULL), RNM_OK);
	assert_int_equal(rnm_replace_commit(&replace, NULL), RNM_OK);
	umask(old);
	assert_int_equal(stat(in_folder("fresh"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void targets_that_cannot_be(void **state)
{
	struct rnm_replace replace;
	struct rnm_error err;

	(void)state;
	assert_int_equal(rnm_replace_open(&replace, "/nonexistent/x.rnm", &err), RNM_E_IO);
	assert_string_equal(err.message, "cannot open output file /nonexistent/x.rnm: No such file or directory");
	assert_int_equal(rnm_replace_open(&replace, folder, &err), RNM_E_IO);
	assert_int_equal(err.sys_errno, EISDIR);
	assert_int_equal(rnm_replace_open(&replace, "", &err), RNM_E_IO);
	assert_int_equal(rnm_replace_open(&replace, in_folder("none/"), &err), RNM_E_IO);
	assert_int_equal(rnm_replace_open(&replace, "/dev/full", &err), RNM_OK);
	assert_int_equal(rnm_replace_write(&replace, "x", 1, &err), RNM_E_IO);
	assert_string_equal(err.message, "cannot write output file /dev/full: No space left on device");
	rnm_replace_abort(&replace);
	assert_int_equal(folder_entries(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_stops_at_its_maximum),
		cmocka_unit_test(buf_in_memory_of_others),
		cmocka_unit_test(cursor_reads_and_fails_once),
		cmocka_unit_test(arena_honours_its_maximum_and_alignment),
		cmocka_unit_test(objects_keep_order_and_find_keys),
		cmocka_unit_test(chains_and_replacement),
		cmocka_unit_test(json_text),
		cmocka_unit_test(times_have_four_digits_for_the_year_or_no_form),
		cmocka_unit_test(hashes_and_their_text),
		cmocka_unit_test(errors_carry_place_and_reason),
		cmocka_unit_test_setup_teardown(reading_files, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(replacing_keeps_the_old_file_until_commit, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(new_files_follow_the_umask, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(targets_that_cannot_be, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
