/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors as JSON lines, CSV and .npy, cut into pieces anywhere; and, by choice, one training vector as it lies in
 * Redis, as it is or compressed first, so that its text is reached.
 */
#include "fuzz.h"

#include <rnm/training.h>
#include <rnm/vectors.h>

#include <math.h>
#include <zstd.h>

#define EVENTS_MAX 4096
#define NUMBERS_MAX 64

struct memory {
	const uint8_t *data;
	size_t left;
	size_t step; /* bytes that arrive at once */
	bool waits;  /* says that every second read would have to wait */
	unsigned asked;
};

static enum rnm_status memory_read(void *ctx, void *data, size_t size, size_t *got, struct rnm_error *err)
{
	struct memory *memory = ctx;

	(void)err;
	*got = size < memory->step ? size : memory->step;
	*got = *got < memory->left ? *got : memory->left;
	if (*got > 0)
		memcpy(data, memory->data, *got);
	memory->data += *got;
	memory->left -= *got;
	return RNM_OK;
}

static bool memory_ready(void *ctx)
{
	struct memory *memory = ctx;

	return !memory->waits || memory->asked++ % 2 == 0;
}

/* What a caller sees, mixed into one number. */
static void mix(uint64_t *sum, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		*sum = (*sum ^ bytes[i]) * 1099511628211u;
}

static void check_vector(uint64_t *sum, const struct rnm_vector *vector, size_t count)
{
	FUZZ_CHECK(count == 0 || vector->count == count);
	FUZZ_CHECK(vector->count > 0 && vector->count <= RNM_VECTOR_NUMBERS_MAX);
	FUZZ_CHECK(vector->id.len <= RNM_VECTOR_ID_MAX);
	for (size_t i = 0; i < vector->count; i++)
		FUZZ_CHECK(isfinite(vector->values[i]));
	mix(sum, vector->values, vector->count * sizeof(*vector->values));
	mix(sum, vector->id.data, vector->id.len);
	mix(sum, &vector->id_kind, sizeof(vector->id_kind));
	mix(sum, &vector->line, sizeof(vector->line));
}

static uint64_t read_all(const uint8_t *data, size_t size, size_t step, bool waits, uint8_t choices)
{
	struct memory memory = { data, size, step, waits, 0 };
	const struct rnm_vectors_source source = { .read = memory_read, .ready = memory_ready, .ctx = &memory };
	const struct rnm_vectors_options options = { .format = (enum rnm_vectors_format)(choices & 3),
		                                     .count = (choices >> 2) & 3 };
	struct rnm_vectors *vectors = NULL;
	uint64_t sum = 14695981039346656037u, line = 0;

	FUZZ_CHECK(rnm_vectors_new(&vectors, &source, &options, NULL) == RNM_OK);
	for (unsigned events = 0; events < EVENTS_MAX; events++) {
		const struct rnm_vector *vector = NULL;
		struct rnm_error err;
		enum rnm_status status;

		rnm_error_clear(&err);
		if (waits)
			(void)rnm_vectors_ready(vectors);
		status = rnm_vectors_next(vectors, &vector, &err);
		fuzz_check_error(status, &err);
		if (status == RNM_OK && vector == NULL)
			break;
		if (status == RNM_OK) {
			FUZZ_CHECK(vector->line > line);
			line = vector->line;
			check_vector(&sum, vector, options.count);
			continue;
		}
		mix(&sum, err.id, strlen(err.id));
		mix(&sum, err.message, strlen(err.message));
		mix(&sum, &err.line, sizeof(err.line));
		if (rnm_vectors_broken(vectors)) {
			FUZZ_CHECK(rnm_vectors_next(vectors, &vector, NULL) == status);
			break;
		}
		FUZZ_CHECK(status == RNM_E_MALFORMED);
	}
	FUZZ_CHECK(rnm_vectors_offset(vectors) <= size);
	rnm_vectors_free(vectors);
	return sum;
}

static void decode_training(const uint8_t *data, size_t size, uint8_t choices)
{
	const size_t count = (choices >> 2) & 3, room = ZSTD_compressBound(size);
	double values[NUMBERS_MAX];
	char *member = (choices & 64) != 0 ? malloc(room) : fuzz_copy(data, size);
	struct rnm_error err;
	enum rnm_status status;

	FUZZ_CHECK(member != NULL);
	if ((choices & 64) != 0)
		size = ZSTD_compress(member, room, data, size, 1);
	rnm_error_clear(&err);
	status = rnm_training_decode((struct rnm_bytes){ member, size }, values, count, &err);
	fuzz_check_error(status, &err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		FUZZ_CHECK(isfinite(values[i]));
	free(member);
}

/* choices: 2 bits of format, 2 bits of the expected count, 64: compress first, 128: one training vector */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t choices = fuzz_byte(&data, &size);
	const size_t step = (size_t)fuzz_byte(&data, &size) + 1;
	char *copy = fuzz_copy(data, size);

	if ((choices & 128) != 0)
		decode_training((const uint8_t *)copy, size, choices);
	else
		FUZZ_CHECK(read_all((const uint8_t *)copy, size, SIZE_MAX, false, choices) ==
		           read_all((const uint8_t *)copy, size, step, true, choices));
	free(copy);
	return 0;
}
