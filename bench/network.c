/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks against the limits of the machine: what the library gains per second and core, beside the
 * memory bandwidth and the peak of multiply-adds that the same core shows, and beside a plain C loop.
 *
 *   bench/network [SECONDS-PER-ROW]     prints one JSON document
 *
 * Of each figure the best of several short runs counts: what a loaded machine takes away is not the
 * program's.  Links with librnm (static), libzstd.
 */
#include <rnm/rnm.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define REPEATS 7

/* Time of this thread: what other programs take of the processor is not counted. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench/network: %s\n", what);
	exit(1);
}

static double seconds_per_row = 0.1;
static bool first_row = true;

/* Something to repeat, and how often it went in a second at best. */
struct work {
	void (*run)(void *ctx);
	void *ctx;
	double best;
};

static void measure(struct work *work)
{
	double start = now(), end;
	unsigned long calls = 0, step = 1;

	do {
		for (unsigned long i = 0; i < step; i++)
			work->run(work->ctx);
		calls += step;
		end = now();
		if (end - start < seconds_per_row / 20)
			step *= 2;
	} while (end - start < seconds_per_row);
	if ((double)calls / (end - start) > work->best)
		work->best = (double)calls / (end - start);
}

/* By turns, so that each meets the same good and bad moments of the machine. */
static void compare(struct work *works, size_t count)
{
	for (size_t i = 0; i < count; i++)
		works[i].run(works[i].ctx);
	for (unsigned r = 0; r < REPEATS; r++)
		for (size_t i = 0; i < count; i++)
			measure(&works[i]);
}

/* ---- what the machine can do -------------------------------------------------------------------- */

static volatile float sink;

/* Memory that no cache holds. */
#define MEMORY ((size_t)256 << 20)

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static float read_512(const float *data, size_t count)
{
	__m512 s[8];

#pragma GCC unroll 8
	for (unsigned k = 0; k < 8; k++)
		s[k] = _mm512_setzero_ps();
	for (size_t i = 0; i < count; i += 128)
#pragma GCC unroll 8
		for (unsigned k = 0; k < 8; k++)
			s[k] = _mm512_add_ps(s[k], _mm512_loadu_ps(data + i + 16 * k));
	return _mm512_reduce_add_ps(
	    _mm512_add_ps(_mm512_add_ps(_mm512_add_ps(s[0], s[1]), _mm512_add_ps(s[2], s[3])),
	                  _mm512_add_ps(_mm512_add_ps(s[4], s[5]), _mm512_add_ps(s[6], s[7]))));
}

__attribute__((target("avx512f"))) static float fma_512(size_t rounds)
{
	__m512 s[12], a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);

#pragma GCC unroll 12
	for (unsigned k = 0; k < 12; k++)
		s[k] = _mm512_set1_ps((float)k);
	for (size_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
		for (unsigned k = 0; k < 12; k++)
			s[k] = _mm512_fmadd_ps(s[k], a, b);
#pragma GCC unroll 12
	for (unsigned k = 1; k < 12; k++)
		s[0] = _mm512_add_ps(s[0], s[k]);
	return _mm512_reduce_add_ps(s[0]);
}

__attribute__((target("avx2,fma"))) static float sum_256(const __m256 *s, unsigned count)
{
	float lanes[8], sum = 0;

	for (unsigned k = 0; k < count; k++) {
		_mm256_storeu_ps(lanes, s[k]);
		for (unsigned i = 0; i < 8; i++)
			sum += lanes[i];
	}
	return sum;
}

__attribute__((target("avx2,fma"))) static float read_256(const float *data, size_t count)
{
	__m256 s[8];

	for (unsigned k = 0; k < 8; k++)
		s[k] = _mm256_setzero_ps();
	for (size_t i = 0; i < count; i += 64)
#pragma GCC unroll 8
		for (unsigned k = 0; k < 8; k++)
			s[k] = _mm256_add_ps(s[k], _mm256_loadu_ps(data + i + 8 * k));
	return sum_256(s, 8);
}

__attribute__((target("avx2,fma"))) static float fma_256(size_t rounds)
{
	__m256 s[12], a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);

	for (unsigned k = 0; k < 12; k++)
		s[k] = _mm256_set1_ps((float)k);
	for (size_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
		for (unsigned k = 0; k < 12; k++)
			s[k] = _mm256_fmadd_ps(s[k], a, b);
	return sum_256(s, 12);
}
#endif

static float read_plain(const float *data, size_t count)
{
	float s[16] = { 0 }, sum = 0;

	for (size_t i = 0; i < count; i += 16)
		for (unsigned k = 0; k < 16; k++)
			s[k] += data[i + k];
	for (unsigned k = 0; k < 16; k++)
		sum += s[k];
	return sum;
}

static float fma_plain(size_t rounds)
{
	float s[48], sum = 0;

	for (unsigned k = 0; k < 48; k++)
		s[k] = (float)k;
	for (size_t i = 0; i < rounds; i++)
		for (unsigned k = 0; k < 48; k++)
			s[k] = s[k] * 0.999f + 0.001f;
	for (unsigned k = 0; k < 48; k++)
		sum += s[k];
	return sum;
}

/* The fastest instructions that a kernel may use. */
struct machine {
	float (*read)(const float *data, size_t count);
	float (*fma)(size_t rounds);
	double adds_a_round;
	float *memory;
};

static struct machine machine_for(enum rnm_kernel kernel)
{
#if defined(__x86_64__)
	if (kernel == RNM_KERNEL_AVX512)
		return (struct machine){ read_512, fma_512, 12 * 16, NULL };
	if (kernel == RNM_KERNEL_AVX2)
		return (struct machine){ read_256, fma_256, 12 * 8, NULL };
#endif
	(void)kernel;
	return (struct machine){ read_plain, fma_plain, 48, NULL };
}

static void read_memory(void *ctx)
{
	const struct machine *machine = ctx;

	sink = machine->read(machine->memory, MEMORY / sizeof(float));
}

#define FMA_ROUNDS 20000

static void multiply_add(void *ctx)
{
	sink = ((const struct machine *)ctx)->fma(FMA_ROUNDS);
}

/* ---- networks ----------------------------------------------------------------------------------- */

struct model {
	unsigned layers;
	uint32_t widths[8]; /* input first */
	unsigned char *bytes;
	size_t size;
	uint64_t weights;
};

static void put(struct model *m, const void *data, size_t len)
{
	memcpy(m->bytes + m->size, data, len);
	m->size += len;
}

static void put_i32(struct model *m, int32_t n)
{
	put(m, &n, 4);
}

static void put_prefix(struct model *m, uint32_t roles, unsigned char flag, int32_t children)
{
	put_i32(m, 0);
	put(m, &roles, 4);
	put(m, &flag, 1);
	put_i32(m, children);
}

static void put_leaf(struct model *m, uint32_t roles, unsigned char flag, unsigned char rank, uint32_t a,
                     uint32_t b)
{
	put_prefix(m, roles, flag, 0);
	put(m, &rank, 1);
	put_i32(m, (int32_t)a);
	if (rank > 1)
		put_i32(m, (int32_t)b);
	if (flag != 0)
		m->weights += rank > 1 ? (uint64_t)a * b : a;
}

static void put_op(struct model *m, uint32_t roles, uint16_t op, int32_t left, int32_t right)
{
	put_prefix(m, roles, 1, right < 0 ? 1 : 2);
	put(m, &op, 2);
	put_i32(m, left);
	if (right >= 0)
		put_i32(m, right);
	put_i32(m, -1);
	put_i32(m, 0);
}

/* Dense layers with gelu between them and tanh at the end, as rspamd builds them without layer norm. */
static void build(struct model *m)
{
	uint64_t random = 88172645463325252u, floats = 0;
	int32_t node = 0, count;

	for (unsigned i = 0; i < m->layers; i++)
		floats += (uint64_t)m->widths[i] * m->widths[i + 1] + m->widths[i + 1];
	m->bytes = malloc(4096 + 4 * floats);
	must(m->bytes != NULL, "no memory");
	m->size = 0;
	put(m, "KAN\1", 4);
	count = (int32_t)(1 + 5 * m->layers + 2);
	put_i32(m, count);
	put_leaf(m, 1, 0, 2, 1, m->widths[0]);
	for (unsigned i = 0; i < m->layers; i++, node += 5) {
		bool last = i + 1 == m->layers;

		put_leaf(m, 0, 1, 2, m->widths[i + 1], m->widths[i]);
		put_op(m, 0, 3, node, node + 1);
		put_leaf(m, 0, 1, 1, m->widths[i + 1], 0);
		put_op(m, 0, 1, node + 2, node + 3);
		put_op(m, last ? 2 : 0, last ? 7 : 37, node + 4, -1);
	}
	put_leaf(m, 4, 0, 2, 1, 1);
	put_op(m, 8, 4, node, node + 1);
	for (uint64_t i = 0; i < m->weights; i++) {
		float value;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		value = ((float)(random >> 40) / 8388608.0f - 1) * 0.05f;
		put(m, &value, 4);
	}
}

struct evaluation {
	struct rnm_network *network;
	struct rnm_plan *plan;
	struct rnm_scratch *scratch;
	float *inputs, *outputs;
	size_t batch;
};

static void evaluate(void *ctx)
{
	const struct evaluation *e = ctx;

	must(rnm_network_eval(e->plan, e->scratch, e->inputs, e->batch, e->outputs, NULL) == RNM_OK,
	     "evaluation failed");
}

/* What one would write first: a loop over outputs, one over inputs. */
struct plain {
	const struct model *model;
	float *a, *b;
};

static void plain_loop(void *ctx)
{
	const struct plain *p = ctx;
	const struct model *m = p->model;
	const float *w = (const float *)(const void *)(m->bytes + (m->size - 4 * m->weights));
	float *x = p->a, *y = p->b;

	for (uint32_t i = 0; i < m->widths[0]; i++)
		x[i] = (float)i * 0.001f;
	for (unsigned l = 0; l < m->layers; l++) {
		const float *bias = w + (size_t)m->widths[l] * m->widths[l + 1];
		float *swap = x;

		for (uint32_t r = 0; r < m->widths[l + 1]; r++) {
			float sum = 0;

			for (uint32_t i = 0; i < m->widths[l]; i++)
				sum += w[(size_t)r * m->widths[l] + i] * x[i];
			sum += bias[r];
			y[r] = l + 1 == m->layers ? tanhf(sum) : 0.5f * sum * (1 + erff(sum * 0.70710678f));
		}
		w = bias + m->widths[l + 1];
		x = y;
		y = swap;
	}
	sink = x[0];
}

static struct evaluation open_evaluation(const struct model *m, enum rnm_kernel kernel, uint32_t batch)
{
	struct rnm_plan_options options = { .kernel = kernel, .batch = batch };
	struct evaluation e = { .batch = batch };

	must(rnm_network_load(&e.network, m->bytes, m->size, NULL, NULL) == RNM_OK,
	     "the network does not load");
	must(rnm_plan_new(&e.plan, e.network, &options, NULL) == RNM_OK, "no plan");
	must(rnm_scratch_new(&e.scratch, e.plan, NULL) == RNM_OK, "no scratch");
	e.inputs = malloc(batch * m->widths[0] * sizeof(float));
	e.outputs = malloc(batch * sizeof(float));
	must(e.inputs != NULL && e.outputs != NULL, "no memory");
	for (size_t i = 0; i < batch * m->widths[0]; i++)
		e.inputs[i] = (float)(i % 97) * 0.01f - 0.5f;
	return e;
}

static void close_evaluation(struct evaluation *e)
{
	rnm_scratch_free(e->scratch);
	rnm_plan_free(e->plan);
	rnm_network_free(e->network);
	free(e->inputs);
	free(e->outputs);
}

/* Beside the limit of the machine that holds for the batch, and the plain loop. */
static void row(const struct model *m, enum rnm_kernel kernel, uint32_t batch, struct machine *machine)
{
	struct evaluation e = open_evaluation(m, kernel, batch);
	struct plain p = { m, calloc(65536, sizeof(float)), calloc(65536, sizeof(float)) };
	struct work works[] = { { evaluate, &e, 0 },
		                { batch == 1 ? read_memory : multiply_add, machine, 0 },
		                { plain_loop, &p, 0 } };
	double vectors, achieved, limit;

	must(p.a != NULL && p.b != NULL, "no memory");
	compare(works, 3);
	vectors = works[0].best * batch;
	/* Bytes of weights, or multiply-adds, in a second. */
	achieved = batch == 1 ? works[0].best * 4 * (double)m->weights : vectors * (double)m->weights;
	limit =
	    batch == 1 ? works[1].best * (double)MEMORY : works[1].best * FMA_ROUNDS * machine->adds_a_round;
	printf("%s\n  {\"row\": \"eval\", \"network\": \"", first_row ? "" : ",");
	first_row = false;
	for (unsigned i = 0; i <= m->layers; i++)
		printf("%s%u", i > 0 ? "-" : "", m->widths[i]);
	printf("\", \"megabytes\": %.1f, \"batch\": %u, \"kernel\": \"%s\", \"vectors_per_second\": %.0f, "
	       "\"limit\": \"%s\", \"achieved_giga\": %.2f, \"limit_giga\": %.2f, \"of_limit\": %.3f, "
	       "\"plain_loop_vectors_per_second\": %.0f, \"times_plain_loop\": %.1f}",
	       4e-6 * (double)m->weights, batch, rnm_kernel_name(kernel), vectors,
	       batch == 1 ? "memory, bytes" : "multiply-adds", achieved * 1e-9, limit * 1e-9,
	       achieved / limit, works[2].best, vectors / works[2].best);
	fflush(stdout);
	free(p.a);
	free(p.b);
	close_evaluation(&e);
}

/* ---- loading and verifying ---------------------------------------------------------------------- */

struct file {
	void *bytes, *expanded;
	size_t len, expanded_len;
};

static void load_network(void *ctx)
{
	const struct file *f = ctx;
	struct rnm_network *network = NULL;

	must(rnm_network_load(&network, f->expanded, f->expanded_len, NULL, NULL) == RNM_OK,
	     "the network does not load");
	rnm_network_free(network);
}

static void decode(void *ctx)
{
	const struct file *f = ctx;
	ZSTD_DStream *stream = ZSTD_createDStream();
	ZSTD_inBuffer in = { f->bytes, f->len, 0 };
	static char out[1 << 17];
	size_t left = 1;

	/* As zstd -t: a stream into a buffer that is thrown away. */
	while (left != 0) {
		ZSTD_outBuffer piece = { out, sizeof(out), 0 };

		left = ZSTD_decompressStream(stream, &piece, &in);
		must(!ZSTD_isError(left), "the frame is damaged");
	}
	ZSTD_freeDStream(stream);
}

static void open_file(void *ctx)
{
	const struct file *f = ctx;
	struct rnm_model_file *file = NULL;

	must(rnm_model_file_read(&file, f->bytes, f->len, "bench", NULL) == RNM_OK, "the file does not open");
	rnm_model_file_free(file);
}

static void verify_file(void *ctx)
{
	const struct file *f = ctx;
	struct rnm_verification *verification = NULL;
	struct rnm_model_file *file = NULL;

	must(rnm_model_file_read(&file, f->bytes, f->len, "bench", NULL) == RNM_OK, "the file does not open");
	must(rnm_model_verify(&verification, file, NULL, NULL) == RNM_OK, "the file is not sound");
	rnm_verification_free(verification);
	rnm_model_file_free(file);
}

static void file_rows(const struct model *m)
{
	static const char *const names[] = { "load", "zstd", "open", "verify" };
	struct file f = { .expanded = m->bytes, .expanded_len = m->size };
	struct work works[] = {
		{ load_network, &f, 0 }, { decode, &f, 0 }, { open_file, &f, 0 }, { verify_file, &f, 0 }
	};

	f.len = ZSTD_compressBound(m->size);
	f.bytes = malloc(f.len);
	must(f.bytes != NULL, "no memory");
	f.len = ZSTD_compress(f.bytes, f.len, m->bytes, m->size, 1);
	must(!ZSTD_isError(f.len), "zstd failed");
	compare(works, 4);
	for (size_t i = 0; i < 4; i++)
		printf(",\n  {\"row\": \"%s\", \"megabytes\": %.1f, \"milliseconds\": %.2f, "
		       "\"gigabytes_per_second\": %.2f, \"times_zstd\": %.2f}",
		       names[i], 1e-6 * (double)m->size, 1e3 / works[i].best,
		       1e-9 * works[i].best * (double)m->size, works[1].best / works[i].best);
	free(f.bytes);
}

/* ---- all rows ----------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const enum rnm_kernel kernels[] = { RNM_KERNEL_PLAIN, RNM_KERNEL_AVX2, RNM_KERNEL_AVX512 };
	struct model models[] = {
		{ .layers = 2, .widths = { 256, 256, 1 } },
		{ .layers = 4, .widths = { 600, 300, 150, 75, 1 } },
		{ .layers = 4, .widths = { 1024, 512, 256, 256, 1 } },
		{ .layers = 4, .widths = { 4096, 2048, 1024, 512, 1 } },
		{ .layers = 3, .widths = { 8192, 4096, 2048, 1 } },
	};
	struct model large = { .layers = 3, .widths = { 4096, 2560, 768, 1 } };
	const size_t count = sizeof(models) / sizeof(models[0]);
	float *memory = aligned_alloc(64, MEMORY);

	if (argc > 1)
		seconds_per_row = strtod(argv[1], NULL);
	must(memory != NULL, "no memory");
	for (size_t i = 0; i < MEMORY / sizeof(float); i++)
		memory[i] = 0.5f;
	for (size_t i = 0; i < count; i++)
		build(&models[i]);
	build(&large);
	printf("[");
	for (size_t k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++) {
		struct machine machine = machine_for(kernels[k]);

		machine.memory = memory;
		for (size_t i = 0; i < count && rnm_kernel_available(kernels[k]); i++) {
			row(&models[i], kernels[k], 1, &machine);
			row(&models[i], kernels[k], 64, &machine);
		}
	}
	file_rows(&large);
	printf("\n]\n");
	for (size_t i = 0; i < count; i++)
		free(models[i].bytes);
	free(large.bytes);
	free(memory);
	return 0;
}
