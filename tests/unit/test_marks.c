/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are read twice: the second time only the bytes of the first are handed on. */
#include "base/file.h"
#include "base/file_hash.h"
#include "base/file_marks.h"
#include "share/stream_check.h"
#include "store/model_file.h"

#include <fcntl.h>
#include <rnm/file.h>
#include <rnm/model_write.h>
#include <rnm/verify.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "test_folder.h"

#define PIECE RNM_MARKED_PIECE

static struct rnm_error err;

static void *some_bytes(size_t len, uint8_t first)
{
	const uint8_t seed[randombytes_SEEDBYTES] = { first };
	void *bytes = malloc(len + 1);

	assert_non_null(bytes);
	randombytes_buf_deterministic(bytes, len, seed);
	return bytes;
}

/* A file of these bytes, open for reading and writing. */
static int make_file(const char *name, const void *bytes, size_t len)
{
	int fd;

	assert_int_equal(rnm_file_write(in_folder(name), bytes, len, NULL), RNM_OK);
	fd = open(in_folder(name), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void turn_byte(int fd, off_t at)
{
	unsigned char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static struct rnm_file_marks *mark(const void *bytes, size_t len, size_t step)
{
	struct rnm_file_marks *marks = NULL;

	assert_int_equal(rnm_file_marks_new(&marks, len, &err), RNM_OK);
	for (size_t at = 0; at < len; at += step)
		rnm_file_marks_add(marks, (const char *)bytes + at, len - at < step ? len - at : step);
	return marks;
}

static void test_any_part_is_read_as_it_was(void **state)
{
	static const size_t sizes[] = { 0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 77 };
	static const size_t steps[] = { PIECE, 1000, 3 * PIECE };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			const size_t size = sizes[i];
			char *bytes = some_bytes(size, 1), *seen = malloc(size + 1);
			const int fd = make_file("file", bytes, size);
			struct rnm_file_marks *marks = mark(bytes, size, steps[k]);

			assert_int_equal(rnm_file_marks_size(marks), size);
			for (size_t at = 0; at <= size; at += size / 3 + 1) {
				const size_t len = size - at;

				assert_int_equal(rnm_file_marks_read(marks, fd, "file", seen, len, at, &err),
				                 RNM_OK);
				assert_memory_equal(seen, bytes + at, len);
			}
			rnm_file_marks_free(marks);
			close(fd);
			free(seen);
			free(bytes);
		}
	assert_int_equal(unlink(in_folder("file")), 0);
}

static void test_other_bytes_are_not_handed_on(void **state)
{
	static const off_t places[] = { 0, PIECE - 1, PIECE, 2 * PIECE + 500, 3 * PIECE + 76 };
	const size_t size = 3 * PIECE + 77;
	char *bytes = some_bytes(size, 2), *seen = calloc(1, size);
	const int fd = make_file("file", bytes, size);
	struct rnm_file_marks *marks = mark(bytes, size, PIECE);

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const size_t piece = (size_t)places[i] / PIECE;

		turn_byte(fd, places[i]);
		for (size_t k = 0; k < 4; k++) {
			const enum rnm_status expected = k == piece ? RNM_E_REFUSED : RNM_OK;

			memset(seen, 0, size);
			assert_int_equal(rnm_file_marks_read(marks, fd, "file", seen, 77, k * PIECE, &err),
			                 expected);
			/* Not one byte of a piece with another mark. */
			assert_int_equal(memcmp(seen, bytes + k * PIECE, 77) == 0, expected == RNM_OK);
			assert_true(expected == RNM_OK || seen[0] == 0);
		}
		assert_string_equal(err.id, "file.changed");
		turn_byte(fd, places[i]);
	}
	/* Zeros, as a hole has them, and an end that has moved.  What was read last may be remembered. */
	assert_int_equal(rnm_file_marks_read(marks, fd, "file", seen, 1, 0, &err), RNM_OK);
	assert_int_equal(ftruncate(fd, 2 * PIECE), 0);
	assert_int_equal(rnm_file_marks_read(marks, fd, "file", seen, 1, 2 * PIECE, &err), RNM_E_REFUSED);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(rnm_file_marks_read(marks, fd, "file", seen, 1, 2 * PIECE, &err), RNM_E_REFUSED);
	assert_int_equal(rnm_file_marks_read(marks, fd, "file", seen, 1, PIECE, &err), RNM_OK);
	assert_int_equal(rnm_file_marks_read(marks, -1, "file", seen, 1, 0, &err), RNM_E_IO);
	rnm_file_marks_free(marks);
	rnm_file_marks_free(NULL);
	close(fd);
	free(seen);
	free(bytes);
	assert_int_equal(unlink(in_folder("file")), 0);
}

/* ---- both hashes, while a file grows ---- */

struct signed_bytes {
	uint8_t *bytes;
	size_t len;
	struct rnm_public_key key;
	uint8_t signature[RNM_SIGNATURE_SIZE], hash[RNM_BLAKE2B_SIZE];
};

static void make_signed(struct signed_bytes *out, size_t len)
{
	const uint8_t seed[32] = { 1 };
	uint8_t secret[64];

	out->bytes = some_bytes(len, 3);
	out->len = len;
	crypto_sign_seed_keypair(out->key.bytes, secret, seed);
	crypto_sign_detached(out->signature, NULL, out->bytes, len, secret);
	crypto_generichash(out->hash, sizeof(out->hash), out->bytes, len, NULL, 0);
}

static struct rnm_stream_subject subject_of(const struct signed_bytes *data, int fd)
{
	return (struct rnm_stream_subject){
		.fd = fd, .path = "file", .size = data->len, .key = &data->key, .signature = data->signature
	};
}

static void expect_answer(const struct rnm_stream_answer *answer, const struct signed_bytes *data, int fd)
{
	char *seen = malloc(data->len + 1);

	assert_memory_equal(answer->blake2b, data->hash, sizeof(data->hash));
	assert_true(answer->is_signed);
	assert_int_equal(rnm_file_marks_read(answer->marks, fd, "file", seen, data->len, 0, &err), RNM_OK);
	assert_memory_equal(seen, data->bytes, data->len);
	rnm_file_marks_free(answer->marks);
	free(seen);
}

static void test_a_file_that_grows(void **state)
{
	static const size_t sizes[] = { 0, 1, 5000, PIECE, (1 << 20) - 1, 1 << 20, (3 << 20) + 5 };
	static const size_t steps[] = { 1 << 20, 60000, 700000, 4 << 20 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct signed_bytes data;

		make_signed(&data, sizes[i]);
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			const int fd = make_file("file", "", 0);
			const struct rnm_stream_subject subject = subject_of(&data, fd);
			struct rnm_stream_check *check = NULL;
			struct rnm_stream_answer answer;

			assert_int_equal(rnm_stream_check_new(&check, &subject, &err), RNM_OK);
			for (size_t at = 0; at < data.len;) {
				const size_t step = data.len - at < steps[k] ? data.len - at : steps[k];

				assert_int_equal(pwrite(fd, data.bytes + at, step, (off_t)at), step);
				at += step;
				rnm_stream_check_more(check, at);
			}
			assert_int_equal(rnm_stream_check_end(check, &answer, &err), RNM_OK);
			expect_answer(&answer, &data, fd);
			assert_int_equal(rnm_stream_check_file(&subject, &answer, &err), RNM_OK);
			expect_answer(&answer, &data, fd);
			close(fd);
		}
		free(data.bytes);
	}
	assert_int_equal(unlink(in_folder("file")), 0);
}

static void test_what_is_not_signed(void **state)
{
	struct signed_bytes data;
	struct rnm_stream_subject subject;
	struct rnm_stream_check *check = NULL;
	struct rnm_stream_answer answer;
	uint8_t hash[RNM_HASH_SIZE];
	int fd;

	(void)state;
	make_signed(&data, 2 << 20);
	fd = make_file("file", data.bytes, data.len);
	subject = subject_of(&data, fd);
	turn_byte(fd, (off_t)data.len - 1);
	assert_int_equal(rnm_stream_check_file(&subject, &answer, &err), RNM_OK);
	assert_false(answer.is_signed);
	assert_int_equal(rnm_file_hash(fd, "file", data.len, hash, &err), RNM_OK);
	assert_memory_equal(answer.blake2b, hash, sizeof(hash));
	assert_memory_not_equal(answer.blake2b, data.hash, sizeof(hash));
	rnm_file_marks_free(answer.marks);
	/* Cut short meanwhile, and one that cannot be read. */
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(rnm_stream_check_file(&subject, &answer, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, "file.changed");
	assert_int_equal(rnm_file_hash(fd, "file", data.len, hash, &err), RNM_E_REFUSED);
	subject.fd = -1;
	assert_int_equal(rnm_stream_check_file(&subject, &answer, &err), RNM_E_IO);
	assert_string_equal(err.id, "file.read");
	/* Given up: before anything came, and in the middle. */
	subject.fd = fd;
	assert_int_equal(rnm_stream_check_new(&check, &subject, &err), RNM_OK);
	rnm_stream_check_free(check);
	assert_int_equal(rnm_stream_check_new(&check, &subject, &err), RNM_OK);
	rnm_stream_check_more(check, 1 << 20);
	rnm_stream_check_free(check);
	rnm_stream_check_free(NULL);
	close(fd);
	free(data.bytes);
	assert_int_equal(unlink(in_folder("file")), 0);
}

/* ---- models ---- */

#define INPUTS 46
#define HIDDEN 12000
#define TABLE 341 /* bytes of the node table of symbol_10.kann, before the values */

static void put_i32(char *at, int32_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* The recorded network with other widths, 2 MB of weights that zstd cannot make smaller than the limit for streams. */
static void make_network(struct rnm_buf *out)
{
	static const size_t inputs[] = { 26, 75 }, hidden[] = { 71, 124, 177 };
	const size_t count = HIDDEN * INPUTS + 2 * HIDDEN + 1;
	uint8_t *noise = some_bytes(count, 4);
	char path[512];

	snprintf(path, sizeof(path), "%s/data/models/symbol_10.kann", getenv("RNM_TESTS"));
	rnm_buf_init(out, 16 << 20);
	assert_int_equal(rnm_file_read(path, out, 1 << 20, &err), RNM_OK);
	out->len = TABLE;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		put_i32(out->data + inputs[i], INPUTS);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		put_i32(out->data + hidden[i], HIDDEN);
	for (size_t i = 0; i < count; i++) {
		const float value = ((float)noise[i] + (float)i / (float)count - 128) / 4096;

		assert_true(rnm_buf_append(out, &value, sizeof(value)));
	}
	free(noise);
}

static void make_model(struct rnm_buf *out, enum rnm_model_form form)
{
	struct rnm_model_parts parts = { .model_version = 1,
		                         .providers_digest = "aa5f939b29f3d241",
		                         .created_at = 1700000000 };
	struct rnm_buf network;

	make_network(&network);
	parts.network = (struct rnm_bytes){ network.data, network.len };
	rnm_buf_init(out, 16 << 20);
	assert_int_equal(rnm_model_encode(out, &parts, form, false, &err), RNM_OK);
	assert_true(out->len > 5 * PIECE);
	rnm_buf_free(&network);
}

static enum rnm_status open_marked(struct rnm_model_file **out, int fd, const struct rnm_buf *bytes)
{
	return rnm_model_file_open_marked(out, dup(fd), mark(bytes->data, bytes->len, PIECE), "model", &err);
}

static void test_models_are_judged_alike(void **state)
{
	static const enum rnm_model_form forms[] = { RNM_FORM_RNM1, RNM_FORM_NETWORK };

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct rnm_model_file *marked = NULL, *held = NULL;
		struct rnm_verification *of_marked = NULL, *of_held = NULL;
		struct rnm_buf bytes;
		int fd;

		make_model(&bytes, forms[i]);
		fd = make_file("model", bytes.data, bytes.len);
		assert_int_equal(open_marked(&marked, fd, &bytes), RNM_OK);
		assert_int_equal(rnm_model_file_read(&held, bytes.data, bytes.len, "model", &err), RNM_OK);
		assert_int_equal(marked->kind, held->kind);
		assert_int_equal(marked->ann_expanded, held->ann_expanded);
		assert_int_equal(rnm_model_verify(&of_marked, marked, NULL, &err), RNM_OK);
		assert_int_equal(rnm_model_verify(&of_held, held, NULL, &err), RNM_OK);
		for (size_t k = 0; k < RNM_CHECK_COUNT; k++) {
			assert_int_equal(of_marked->checks[k].state, of_held->checks[k].state);
			assert_string_equal(of_marked->checks[k].summary, of_held->checks[k].summary);
		}
		rnm_verification_free(of_marked);
		rnm_verification_free(of_held);
		rnm_model_file_free(marked);
		rnm_model_file_free(held);
		rnm_buf_free(&bytes);
		close(fd);
		assert_int_equal(unlink(in_folder("model")), 0);
	}
}

static void test_a_model_that_is_changed_is_not_parsed(void **state)
{
	static const enum rnm_model_form forms[] = { RNM_FORM_RNM1, RNM_FORM_NETWORK };

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct rnm_model_file *file = NULL;
		struct rnm_buf bytes;
		off_t places[4];
		int fd;

		make_model(&bytes, forms[i]);
		fd = make_file("model", bytes.data, bytes.len);
		places[0] = 0;
		places[1] = (off_t)PIECE + 1;
		places[2] = (off_t)bytes.len / 2;
		places[3] = (off_t)bytes.len - 1;
		for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
			turn_byte(fd, places[k]);
			assert_int_equal(open_marked(&file, fd, &bytes), RNM_E_REFUSED);
			assert_string_equal(err.id, "file.changed");
			turn_byte(fd, places[k]);
		}
		assert_int_equal(ftruncate(fd, (off_t)bytes.len - 1), 0);
		assert_int_equal(open_marked(&file, fd, &bytes), RNM_E_REFUSED);
		assert_string_equal(err.id, "file.changed");
		assert_null(file);
		rnm_buf_free(&bytes);
		close(fd);
		assert_int_equal(unlink(in_folder("model")), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_part_is_read_as_it_was),
		cmocka_unit_test(test_other_bytes_are_not_handed_on),
		cmocka_unit_test(test_a_file_that_grows),
		cmocka_unit_test(test_what_is_not_signed),
		cmocka_unit_test(test_models_are_judged_alike),
		cmocka_unit_test(test_a_model_that_is_changed_is_not_parsed),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, make_folder, remove_empty_folder);
}
