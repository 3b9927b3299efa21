/* SPDX-License-Identifier: Apache-2.0 */
/* lib/network: loading; each way to be malformed gives its own finding, and no byte breaks the loader. */
#include "network_build.h"

#include "base/file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct kann file; /* large: not for the stack */

static void must(enum rnm_status status, const struct rnm_error *err)
{
	if (status != RNM_OK)
		fail_msg("%s: %s", err->id, err->message);
}

static enum rnm_severity severity_of(const char *id)
{
	const struct rnm_finding_kind *kind;

	for (size_t i = 0; (kind = rnm_network_finding_kind(i)) != NULL; i++)
		if (strcmp(kind->id, id) == 0)
			return kind->severity;
	fail_msg("no finding id %s in the table", id);
	return RNM_SEVERITY_ERROR;
}

/*
 * The data gives the finding id, as the first that is no warning (or as any warning), and the status that the severity demands; the
 * three ways to load agree.
 */
static void expect_finding_with(const void *data, size_t len, const struct rnm_network_limits *limits, const char *id)
{
	static const enum rnm_status statuses[] = { RNM_OK, RNM_NO, RNM_E_MALFORMED };
	struct rnm_network_finding *findings = NULL;
	struct rnm_network *net = NULL, *loaded = NULL;
	enum rnm_severity severity = severity_of(id);
	enum rnm_status expected = statuses[severity], status;
	struct rnm_error err;
	size_t count = 0, i = 0;

	status = rnm_network_check(&net, &findings, &count, data, len, limits, &err);
	/* Of warnings there may be several: any of them will do. */
	while (i < count && (severity == RNM_SEVERITY_WARNING ? strcmp(findings[i].id, id) != 0
	                                                            : findings[i].severity != severity))
		i++;
	if (i == count || strcmp(findings[i].id, id) != 0)
		fail_msg("expected %s, found %s", id, count > 0 ? findings[i < count ? i : 0].text : "nothing");
	assert_int_equal(status, expected);
	assert_true(strlen(findings[i].text) > 20);
	assert_true(findings[i].offset <= len);
	assert_int_equal(net != NULL, status != RNM_E_MALFORMED);
	if (status != RNM_OK) {
		assert_string_equal(err.id, id);
		assert_int_equal(err.status, status);
		assert_true(err.has_offset);
		assert_int_equal(rnm_network_load(&loaded, data, len, limits, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, id);
		assert_null(loaded);
	} else {
		must(rnm_network_load(&loaded, data, len, limits, &err), &err);
	}
	rnm_network_findings_free(findings, count);
	rnm_network_free(loaded);
	rnm_network_free(net);
}

static void expect_finding(const char *id)
{
	expect_finding_with(file.bytes, file.len, NULL, id);
}

/* ---- a sound file, one place changed ------------------------------------------------------------ */

/* Offsets in the symbol network of n = 2: the table of docs/network.md with other sizes of leaves. */
struct patch {
	size_t offset;
	const char *bytes;
	size_t len;
	const char *id;
};

#define PATCH(offset, bytes, id) { offset, bytes, sizeof(bytes) - 1, id }

static const struct patch patches[] = {
	PATCH(0, "X", "kann.magic"),
	PATCH(3, "\2", "kann.magic"),
	PATCH(4, "\0\0\0\0", "kann.node-count"),
	PATCH(4, "\xff\xff\xff\xff", "kann.node-count"),
	PATCH(4, "\0\0\0\x0d", "kann.node-count"),
	PATCH(4, "\0\2\0\0", "kann.node-table"),
	PATCH(16, "\x40", "kann.flags"),         /* flag of the input */
	PATCH(14, "\1", "kann.flags"),           /* roles of the input */
	PATCH(17, "\xff\xff\xff\xff", "kann.child-count"),
	PATCH(17, "\0\0\1\0", "kann.child-count"),
	PATCH(21, "\5", "kann.rank"),
	PATCH(22, "\2", "kann.feed"),             /* batch 2 */
	PATCH(26, "\0", "kann.dim"),
	PATCH(26, "\xff\xff\xff\xff", "kann.dim"),
	PATCH(12, "\0", "kann.input"),            /* no input */
	PATCH(12, "\3", "kann.output"),           /* two outputs */
	PATCH(34, "\1", "kann.input"),            /* two inputs */
	PATCH(39, "\xff\xff\xff\x7f", "kann.child-count"),
	PATCH(43, "\0", "kann.op"),
	PATCH(43, "\x27", "kann.op"),
	PATCH(43, "\x40", "kann.op"),
	PATCH(43, "\xff\xff", "kann.op"),
	PATCH(43, "\2", "kann.arity"),
	PATCH(43, "\x0c", "kann.blob"),           /* select without index */
	PATCH(43, "\x18", "kann.blob"),           /* random operator without state */
	PATCH(45, "\1", "kann.child-order"),      /* itself */
	PATCH(45, "\5", "kann.child-order"),      /* one that comes later */
	PATCH(45, "\xff\xff\xff\xff", "kann.child-order"),
	PATCH(49, "\0\0\0\0", "kann.recurrent"),
	PATCH(49, "\2\0\0\0", "kann.recurrent-link"),
	PATCH(49, "\xfe", "kann.recurrent-link"),
	PATCH(53, "\x41", "kann.blob"),
	PATCH(53, "\xff\xff\xff\xff", "kann.blob"),
	PATCH(65, "\3", "kann.leaf-kind"),
	PATCH(65, "\0", "kann.trailing"),         /* weights turned into a feed */
	PATCH(71, "\xff\xff\xff\x7f\xff\xff\xff\x7f", "kann.size"),
	PATCH(71, "\5", "kann.shape"),            /* hidden weights against bias and output weights */
	PATCH(265, "\0", "kann.output"),
	PATCH(292, "\0", "kann.truth"),
	PATCH(292, "\6", "kann.output"),          /* truth feed also an output */
	PATCH(302, "\2", "kann.feed"),
	PATCH(306, "\2", "kann.shape"),           /* two truths, one prediction */
	PATCH(314, "\0", "kann.cost"),
	PATCH(8, "\1", "kann.flags"),             /* a label */
	PATCH(34, "\4", "kann.flags"),            /* an operator as the truth */
	PATCH(38, "\4", "kann.flags"),            /* a relu as a pool */
	PATCH(38, "\2", "kann.flags"),            /* ... as a constant */
	PATCH(65, "\x11", "kann.flags"),          /* weights that share random states */
	PATCH(94, "\0", "kann.unused"),           /* the product reads the input, and nobody the relu */
	PATCH(341, "\0\0\x80\x50", "kann.huge-value"),
	PATCH(341, "\0\0\x80\xc9", "kann.huge-value"), /* -2^20 */
	PATCH(341, "\0\0\xc0\x7f", "kann.non-finite"),
	PATCH(405, "\0\0\x80\xff", "kann.non-finite"),
	PATCH(341, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "kann.zero-weights"),
};

static void patched_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
		const struct patch *p = &patches[i];

		kann_symbol(&file, 2, 4, fill_weight);
		assert_int_equal(file.len, 409);
		memcpy(file.bytes + p->offset, p->bytes, p->len);
		expect_finding(p->id);
	}
}

/* ---- one operator that does not fit ------------------------------------------------------------- */

struct shape {
	unsigned rank;
	int32_t dims[4];
};

struct misfit {
	const char *id;
	struct kann_op op;
	struct shape operands[3]; /* the input first; rank 9: none */
};

#define IN4 { 2, { 1, 4 } }
#define NONE { .rank = 9 }
#define PARAMS(n, ...) .params = { __VA_ARGS__ }, .param_count = (n)

static const struct misfit misfits[] = {
	{ "kann.shape", { .op = 1 }, { IN4, { 1, { 3 } }, NONE } },
	{ "kann.shape", { .op = 2 }, { IN4, { 1, { 8 } }, NONE } },
	{ "kann.shape", { .op = 23 }, { IN4, { 1, { 3 } }, NONE } },
	{ "kann.shape", { .op = 3 }, { IN4, { 2, { 2, 3 } }, NONE } },
	{ "kann.shape", { .op = 3 }, { IN4, { .rank = 0 }, NONE } },
	{ "kann.shape", { .op = 9 }, { IN4, { 2, { 3, 2 } }, NONE } },
	{ "kann.shape", { .op = 9 }, { IN4, { .rank = 0 }, NONE } },
	{ "kann.shape", { .op = 4 }, { IN4, { 1, { 3 } }, NONE } },
	{ "kann.shape", { .op = 22 }, { IN4, { 1, { 3 } }, NONE } },
	{ "kann.shape", { .op = 29 }, { IN4, { 1, { 3 } }, NONE } },
	{ "kann.shape", { .op = 13 }, { IN4, { 2, { 2, 2 } }, NONE } },
	{ "kann.shape", { .op = 13 }, { IN4, IN4, { 1, { 3 } } } },
	{ "kann.shape", { .op = 10 }, { IN4, { 1, { 3 } }, NONE } },
	{ "kann.shape", { .op = 21 }, { IN4, { 1, { 3 } }, NONE } },
	{ "kann.shape", { .op = 35 }, { IN4, { 1, { 3 } }, NONE } },
	{ "kann.shape", { .op = 12, PARAMS(1, 0) }, { IN4, { 1, { 4 } }, NONE } },
	{ "kann.shape", { .op = 31, PARAMS(1, 1) }, { IN4, { 2, { 2, 4 } }, NONE } },
	{ "kann.shape", { .op = 31, PARAMS(1, 1) }, { IN4, { 1, { 4 } }, NONE } },
	{ "kann.stack", { .op = 35 }, { { 4, { 1, 2, 2, 1 } }, NONE, NONE } },
	{ "kann.select-index", { .op = 12, PARAMS(1, 2) }, { IN4, IN4, NONE } },
	{ "kann.select-index", { .op = 12, PARAMS(1, -1) }, { IN4, IN4, NONE } },
	{ "kann.select-index", { .op = 12, .flag = 4, PARAMS(1, -3) }, { IN4, IN4, NONE } },
	{ "kann.axis", { .op = 20, PARAMS(3, 2, 0, 1) }, { IN4, NONE, NONE } },
	{ "kann.axis", { .op = 20, PARAMS(3, -1, 0, 1) }, { IN4, NONE, NONE } },
	{ "kann.axis", { .op = 31, PARAMS(1, 2) }, { IN4, IN4, NONE } },
	{ "kann.axis", { .op = 36, PARAMS(1, 2) }, { IN4, NONE, NONE } },
	{ "kann.axis", { .op = 36, PARAMS(1, -3) }, { IN4, NONE, NONE } },
	{ "kann.axis", { .op = 25, PARAMS(1, 2) }, { IN4, NONE, NONE } },
	{ "kann.axis", { .op = 26, PARAMS(1, -1) }, { IN4, NONE, NONE } },
	{ "kann.slice", { .op = 20, PARAMS(3, 1, -1, 1) }, { IN4, NONE, NONE } },
	{ "kann.slice", { .op = 20, PARAMS(3, 1, 2, 2) }, { IN4, NONE, NONE } },
	{ "kann.slice", { .op = 20, PARAMS(3, 1, 2, 5) }, { IN4, NONE, NONE } },
	{ "kann.reshape", { .op = 30, PARAMS(1, 3) }, { IN4, NONE, NONE } },
	{ "kann.reshape", { .op = 30, PARAMS(4, -1, -1, -1, -1) }, { IN4, NONE, NONE } },
	{ "kann.reshape", { .op = 30, PARAMS(4, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX) }, { IN4, NONE, NONE } },
	{ "kann.reshape", { .op = 30, PARAMS(5, 1, 1, 1, 2, 2) }, { IN4, NONE, NONE } },
	{ "kann.blob", { .op = 20, PARAMS(2, 1, 0) }, { IN4, NONE, NONE } },
	{ "kann.blob", { .op = 8, PARAMS(1, 0) }, { IN4, NONE, NONE } },
	{ "kann.blob", { .op = 36, PARAMS(2, 0, 0) }, { IN4, NONE, NONE } },
	{ "kann.arity", { .op = 3 }, { IN4, NONE, NONE } },
	{ "kann.arity", { .op = 8 }, { IN4, IN4, NONE } },
	{ "kann.arity", { .op = 1 }, { IN4, IN4, IN4 } },
	{ "kann.conv", { .op = 18, PARAMS(4, 0, 1, 0, 0) }, { { 3, { 1, 1, 4 } }, { 3, { 1, 1, 2 } }, NONE } },
	{ "kann.conv", { .op = 18, PARAMS(4, 2, 0, 0, 0) }, { { 3, { 1, 1, 4 } }, { 3, { 1, 1, 2 } }, NONE } },
	{ "kann.conv", { .op = 18, PARAMS(4, 2, 1, -1, 0) }, { { 3, { 1, 1, 4 } }, { 3, { 1, 1, 2 } }, NONE } },
	{ "kann.conv", { .op = 18, PARAMS(4, 3, 1, 0, 0) }, { { 3, { 1, 1, 4 } }, { 3, { 1, 1, 2 } }, NONE } },
	{ "kann.conv", { .op = 18, PARAMS(4, 6, 1, 0, 0) }, { { 3, { 1, 1, 4 } }, { 3, { 1, 1, 6 } }, NONE } },
	{ "kann.conv", { .op = 18, PARAMS(4, 2, 1, 0, 0) }, { { 3, { 1, 1, 4 } }, { 3, { 1, 2, 2 } }, NONE } },
	{ "kann.conv", { .op = 18, PARAMS(4, 2, 1, 0, 0) }, { IN4, { 3, { 1, 1, 2 } }, NONE } },
	{ "kann.conv", { .op = 16, PARAMS(8, 1, 1, 0, 0, 2, 1, 0, 0) }, { { 3, { 1, 1, 4 } }, { 4, { 1, 1, 1, 2 } }, NONE } },
	{ "kann.conv", { .op = 19, PARAMS(4, 9, 1, 0, 0) }, { { 3, { 1, 1, 4 } }, NONE, NONE } },
	{ "kann.conv", { .op = 28, PARAMS(4, 1, 1, INT32_MAX, INT32_MAX) }, { { 3, { 1, 1, 4 } }, NONE, NONE } },
	{ "kann.conv", { .op = 17, PARAMS(8, 1, 1, 0, 0, 0, 1, 0, 0) }, { { 4, { 1, 1, 2, 2 } }, NONE, NONE } },
	{ "kann.size", { .op = 17, PARAMS(8, 1, 1, 1 << 20, 0, 1, 1, 1 << 20, 0) }, { { 4, { 1, 1, 2, 2 } }, NONE, NONE } },
	{ "kann.attention", { .op = 38, PARAMS(1, 0) }, { IN4, { 2, { 1, 2 } }, NONE } },
	{ "kann.attention", { .op = 38, PARAMS(1, 3) }, { IN4, { 2, { 1, 2 } }, NONE } },
	{ "kann.attention", { .op = 38, PARAMS(1, 2) }, { IN4, { 1, { 2 } }, NONE } },
	{ "kann.dropout", { .op = 15, PARAMS(8, 0) }, { IN4, { 1, { 1 } }, NONE } },
	{ "kann.dropout", { .op = 15, PARAMS(8, 0) }, { IN4, { .rank = 0 }, NONE } }, /* rate 1 */
	{ "kann.stochastic", { .op = 24, PARAMS(8, 0) }, { IN4, NONE, NONE } },
};

static void misfit_operators(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(misfits) / sizeof(misfits[0]); i++) {
		const struct misfit *m = &misfits[i];
		struct kann_op op = m->op;

		kann_begin(&file);
		for (unsigned k = 0; k < 3 && m->operands[k].rank != 9; k++)
			op.children[op.count++] = kann_leaf(&file, k == 0, k == 0 ? 0 : 2, m->operands[k].rank,
			                                    m->operands[k].dims);
		op.roles = 2;
		kann_operator(&file, op);
		for (size_t k = 0; k < file.constants; k++)
			file.values[k] = 1;
		kann_end(&file, file.values);
		expect_finding(m->id);
	}
}

/* softmax and stdnorm of a scalar need an operator below that makes one. */
static void rows_of_a_scalar(void **state)
{
	(void)state;
	for (uint16_t op = 14; op <= 32; op = (uint16_t)(op + 18)) {
		int32_t at;

		kann_begin(&file);
		at = kann_leaf(&file, 1, 0, 2, DIMS(1, 4));
		at = kann_operator(&file, (struct kann_op){ .op = 29, .count = 2, .children = { at, at } });
		kann_operator(&file, (struct kann_op){ .op = op, .roles = 2, .count = 1, .children = { at } });
		kann_end(&file, NULL);
		expect_finding("kann.shape");
	}
}

/* ---- lengths, magic, limits --------------------------------------------------------------------- */

static void beginnings(void **state)
{
	struct rnm_network *net = NULL;
	struct rnm_error err;

	(void)state;
	kann_symbol(&file, 2, 4, fill_weight);
	for (size_t len = 0; len < 8; len++)
		expect_finding_with(file.bytes, len, NULL, "kann.short");
	expect_finding_with("\x28\xb5\x2f\xfd\x20\x00\x00\x00", 8, NULL, "kann.magic");
	assert_int_equal(rnm_network_load(&net, "\x28\xb5\x2f\xfd\x20\x00\x00\x00", 8, NULL, &err), RNM_E_MALFORMED);
	assert_non_null(strstr(err.hint, "zstd"));
	assert_int_equal(rnm_network_load(&net, "\x86\xa5magic", 7, NULL, &err), RNM_E_MALFORMED);
	assert_non_null(strstr(err.hint, "ann_data"));
	memcpy(file.bytes + 4, "\0\0\0\x0d", 4);
	assert_int_equal(rnm_network_load(&net, file.bytes, file.len, NULL, &err), RNM_E_MALFORMED);
	assert_non_null(strstr(err.hint, "big-endian"));
	assert_int_equal(rnm_network_load(&net, file.bytes, file.len, NULL, NULL), RNM_E_MALFORMED);
}

static void every_length(void **state)
{
	struct kann_embedding embedding = { .n = 8, .widths = { 32 }, .layers = 1 };
	size_t table;

	(void)state;
	kann_embedding(&file, &embedding);
	table = 578; /* docs/network.md: one layer */
	for (size_t len = 8; len < file.len; len++) {
		/* A copy of exactly that size, so that the sanitizer sees one byte too many. */
		unsigned char *copy = malloc(len);

		memcpy(copy, file.bytes, len);
		expect_finding_with(copy, len, NULL,
		                    len < 8 + 14 * 21  ? "kann.node-table"
		                    : len < table ? "kann.truncated-record" : "kann.truncated-weights");
		free(copy);
	}
	file.bytes[file.len++] = 0;
	expect_finding("kann.trailing");
}

static void limits(void **state)
{
	struct rnm_network_limits limits = { .max_nodes = 12 };
	struct rnm_network *net = NULL;
	struct rnm_plan *plan = NULL;
	struct rnm_plan_options options = { .kernel = RNM_KERNEL_PLAIN, .limits = &limits };
	struct rnm_error err;

	(void)state;
	kann_symbol(&file, 2, 4, fill_weight);
	expect_finding_with(file.bytes, file.len, &limits, "kann.node-count");
	limits = (struct rnm_network_limits){ .max_children = 1 };
	expect_finding_with(file.bytes, file.len, &limits, "kann.child-count");
	limits = (struct rnm_network_limits){ .max_floats = 16 };
	expect_finding_with(file.bytes, file.len, &limits, "kann.size");
	limits = (struct rnm_network_limits){ .max_floats = 17, .max_nodes = 13, .max_children = 2 };
	must(rnm_network_load(&net, file.bytes, file.len, &limits, &err), &err);
	limits = (struct rnm_network_limits){ .max_work = 20 };
	assert_int_equal(rnm_plan_new(&plan, net, &options, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "kann.limit-work");
	limits = (struct rnm_network_limits){ .max_scratch_bytes = 64 };
	assert_int_equal(rnm_plan_new(&plan, net, &options, &err), RNM_E_MALFORMED);
	assert_string_equal(err.id, "kann.limit-scratch");
	/* Memory for two vectors: the batch shrinks. */
	limits = (struct rnm_network_limits){ .max_scratch_bytes = 256 };
	must(rnm_plan_new(&plan, net, &options, &err), &err);
	assert_in_range(rnm_plan_batch(plan), 1, 4);
	assert_true(rnm_plan_scratch_bytes(plan) <= 256);
	rnm_plan_free(plan);
	options.batch = RNM_PLAN_BATCH_MAX + 1;
	assert_int_equal(rnm_plan_new(&plan, net, &options, &err), RNM_E_USAGE);
	rnm_network_free(net);
}

/* Thirty doublings would make 2^32 values of four. */
static void explosion(void **state)
{
	struct rnm_network *net = NULL;
	struct rnm_plan *plan = NULL;
	struct rnm_error err;
	int32_t at;

	(void)state;
	for (int32_t doublings = 26; doublings <= 30; doublings += 4) {
		kann_begin(&file);
		at = kann_leaf(&file, 1, 0, 2, DIMS(1, 4));
		for (int32_t i = 0; i < doublings; i++)
			at = kann_operator(&file, (struct kann_op){ .op = 31, .roles = i == doublings - 1 ? 2 : 0, .count = 2,
			                                            .children = { at, at }, PARAMS(1, 1) });
		kann_end(&file, NULL);
		if (doublings == 30) {
			expect_finding("kann.size");
			continue;
		}
		must(rnm_network_load(&net, file.bytes, file.len, NULL, &err), &err);
		assert_int_equal(rnm_plan_new(&plan, net, NULL, &err), RNM_E_MALFORMED);
		assert_string_equal(err.id, "kann.limit-scratch");
		rnm_network_free(net);
	}
}

/* ---- roles that only show in the whole graph ---------------------------------------------------- */

static void odd_roles(void **state)
{
	struct kann_embedding on = { .n = 8, .widths = { 32 }, .layers = 1, .dropout_switch = 1 };
	struct rnm_network *net = NULL;
	struct rnm_plan *plan = NULL;
	struct rnm_error err;
	int32_t at, rate;

	(void)state;
	/* The output is a leaf. */
	kann_begin(&file);
	kann_leaf(&file, 1, 0, 2, DIMS(1, 4));
	kann_leaf(&file, 2, 2, 2, DIMS(1, 4));
	kann_end(&file, (float[4]){ 1, 1, 1, 1 });
	expect_finding("kann.output");
	/* The input is no feed, or of one dimension. */
	kann_begin(&file);
	at = kann_leaf(&file, 1, 2, 2, DIMS(1, 1));
	kann_operator(&file, (struct kann_op){ .op = 8, .roles = 2, .count = 1, .children = { at } });
	kann_end(&file, &(float){ 1 });
	expect_finding("kann.input");
	kann_begin(&file);
	at = kann_leaf(&file, 1, 0, 1, DIMS(4));
	kann_operator(&file, (struct kann_op){ .op = 8, .roles = 2, .count = 1, .children = { at } });
	kann_end(&file, NULL);
	expect_finding("kann.feed");
	/* The output needs a second feed. */
	kann_begin(&file);
	at = kann_leaf(&file, 1, 0, 2, DIMS(1, 4));
	kann_operator(&file, (struct kann_op){ .op = 1, .roles = 2, .count = 2,
	                                       .children = { at, kann_leaf(&file, 0, 0, 2, DIMS(1, 4)) } });
	kann_end(&file, NULL);
	expect_finding("kann.unbound-feed");
	/* The output does not see the input. */
	kann_begin(&file);
	kann_leaf(&file, 1, 0, 2, DIMS(1, 4));
	at = kann_leaf(&file, 0, 2, 2, DIMS(1, 1));
	kann_operator(&file, (struct kann_op){ .op = 8, .roles = 2, .count = 1, .children = { at } });
	kann_end(&file, &(float){ 1 });
	expect_finding("kann.constant-output");
	/* Dropout without a switch. */
	kann_begin(&file);
	at = kann_leaf(&file, 1, 0, 2, DIMS(1, 4));
	rate = kann_leaf(&file, 0, 2, 0, NULL);
	kann_operator(&file, (struct kann_op){ .op = 15, .roles = 2, .count = 2, .children = { at, rate },
	                                       PARAMS(8, 0) });
	kann_end(&file, &(float){ 0.5f });
	expect_finding("kann.stochastic");
	assert_int_equal(rnm_network_check(&net, NULL, NULL, file.bytes, file.len, NULL, &err), RNM_NO);
	assert_int_equal(rnm_plan_new(&plan, net, NULL, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, "kann.stochastic");
	rnm_network_free(net);
	kann_embedding(&file, &on);
	expect_finding("kann.dropout-switch");
}

static void recurrent(void **state)
{
	struct rnm_network *net = NULL;
	struct rnm_plan *plan = NULL;
	struct rnm_error err;

	(void)state;
	kann_symbol(&file, 2, 4, fill_weight);
	memset(file.bytes + 49, 0, 4);
	assert_int_equal(rnm_network_check(&net, NULL, NULL, file.bytes, file.len, NULL, &err), RNM_NO);
	assert_int_equal(rnm_plan_new(&plan, net, NULL, &err), RNM_E_REFUSED);
	assert_string_equal(err.id, "kann.recurrent");
	assert_non_null(strstr(err.message, "node 1"));
	rnm_network_free(net);
}

static void non_finite_but_unused(void **state)
{
	struct kann_embedding embedding = { .n = 8, .widths = { 32 }, .layers = 1 };
	int32_t at;

	(void)state;
	kann_begin(&file);
	at = kann_leaf(&file, 1, 0, 2, DIMS(1, 4));
	kann_leaf(&file, 0, 1, 1, DIMS(2));
	kann_operator(&file, (struct kann_op){ .op = 8, .roles = 2, .count = 1, .children = { at } });
	kann_end(&file, (float[2]){ NAN, 0 });
	expect_finding("kann.non-finite-unused");
	/* A rate that is not a rate, although inference never looks at it. */
	kann_embedding(&file, &embedding);
	memcpy(file.bytes + file.len - 4, &(float){ NAN }, 4);
	expect_finding("kann.dropout");
}

static void many_findings(void **state)
{
	struct rnm_network_finding *findings = NULL;
	struct rnm_network_limits limits = { .max_findings = 3 };
	struct rnm_network *net = NULL;
	struct rnm_error err;
	size_t count = 0;

	(void)state;
	kann_symbol(&file, 2, 4, fill_weight);
	file.bytes[43] = 99; /* relu */
	file.bytes[65] = 3;  /* first weights */
	file.bytes[265] = 0; /* output */
	assert_int_equal(rnm_network_check(&net, &findings, &count, file.bytes, file.len, NULL, &err), RNM_E_MALFORMED);
	assert_int_equal(count, 3);
	assert_string_equal(findings[0].id, "kann.op");
	assert_int_equal(findings[0].node, 1);
	assert_int_equal(findings[0].offset, 30);
	assert_string_equal(findings[1].id, "kann.leaf-kind");
	assert_string_equal(findings[2].id, "kann.output");
	assert_string_equal(err.id, "kann.op");
	rnm_network_findings_free(findings, count);
	limits.max_findings = 1;
	assert_int_equal(rnm_network_check(&net, &findings, &count, file.bytes, file.len, &limits, &err),
	                 RNM_E_MALFORMED);
	assert_int_equal(count, 1);
	rnm_network_findings_free(findings, count);
	assert_null(net);
}

/* ---- any byte changed --------------------------------------------------------------------------- */

/* What loads must be inspected and evaluated without a memory error, whatever it says. */
static void exercise(const unsigned char *data, size_t len)
{
	struct rnm_network_limits small = { .max_work = 1 << 20, .max_scratch_bytes = 1 << 20 };
	struct rnm_plan_options options = { .limits = &small, .batch = 9 };
	struct rnm_network *net = NULL;
	struct rnm_plan *plan = NULL;
	struct rnm_scratch *scratch = NULL;
	struct rnm_network_tensor tensor;
	struct rnm_buf text;
	float *in, *out;

	if (rnm_network_check(&net, NULL, NULL, data, len, NULL, NULL) > RNM_NO)
		return;
	rnm_buf_init(&text, 1 << 16);
	assert_int_equal(rnm_network_describe(net, &text, NULL), RNM_OK);
	rnm_buf_free(&text);
	for (uint32_t i = 0; rnm_network_tensor(net, i, &tensor); i++)
		assert_int_equal(rnm_network_values(&tensor, tensor.len - 1, 5, &(float){ 0 }), 1);
	if (rnm_plan_new(&plan, net, &options, NULL) == RNM_OK) {
		in = calloc(9 * rnm_network_input_dim(net), sizeof(*in));
		out = calloc(9 * rnm_network_output_dim(net), sizeof(*out));
		assert_int_equal(rnm_scratch_new(&scratch, plan, NULL), RNM_OK);
		assert_int_equal(rnm_network_eval(plan, scratch, in, 9, out, NULL), RNM_OK);
		free(in);
		free(out);
	}
	rnm_scratch_free(scratch);
	rnm_plan_free(plan);
	rnm_network_free(net);
}

static void flip_all(const struct kann *k, size_t structure)
{
	unsigned char *copy = malloc(k->len);

	memcpy(copy, k->bytes, k->len);
	for (size_t i = 0; i < structure; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			copy[i] ^= (unsigned char)(1u << bit);
			exercise(copy, k->len);
			copy[i] = k->bytes[i];
		}
	for (size_t i = 0; i < structure; i++) {
		copy[i] = 0xff;
		exercise(copy, k->len);
		copy[i] = 0;
		exercise(copy, k->len);
		copy[i] = k->bytes[i];
	}
	free(copy);
}

static void every_flip(void **state)
{
	struct kann_embedding embedding = { .n = 4, .widths = { 3 }, .layers = 1 };
	int32_t at, w;

	(void)state;
	kann_symbol(&file, 2, 4, fill_weight);
	flip_all(&file, 341);
	kann_embedding(&file, &embedding);
	flip_all(&file, 578);
	kann_begin(&file);
	at = kann_leaf(&file, 1, 0, 4, DIMS(1, 2, 4, 4));
	w = kann_leaf(&file, 0, 1, 4, DIMS(2, 2, 2, 2));
	at = kann_operator(&file, (struct kann_op){ .op = 16, .flag = 1, .count = 2, .children = { at, w },
	                                            PARAMS(8, 2, 1, 1, 0, 2, 1, 0, 1) });
	at = kann_operator(&file, (struct kann_op){ .op = 17, .flag = 1, .count = 1, .children = { at },
	                                            PARAMS(8, 2, 1, 0, 1, 2, 2, 1, 0) });
	at = kann_operator(&file, (struct kann_op){ .op = 30, .count = 1, .children = { at }, PARAMS(2, 1, -1) });
	at = kann_operator(&file, (struct kann_op){ .op = 20, .count = 1, .children = { at }, PARAMS(3, 1, 1, 9) });
	kann_operator(&file, (struct kann_op){ .op = 31, .roles = 2, .count = 2, .children = { at, at }, PARAMS(1, 1) });
	kann_fill(&file);
	flip_all(&file, file.len - 4 * file.variables);
}

/* The same on files that rspamd wrote. */
static void every_flip_of_golden(void **state)
{
	static const struct {
		const char *name;
		size_t structure;
	} files[] = { { "symbol_10", 341 }, { "symbol_40_pca8", 341 }, { "ops_tanh_sigm", 341 } };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct rnm_error err;
		struct rnm_buf buf;
		char path[512];

		snprintf(path, sizeof(path), "%s/data/models/%s.kann", getenv("RNM_TESTS"), files[i].name);
		rnm_buf_init(&buf, 1 << 20);
		must(rnm_file_read(path, &buf, 1 << 20, &err), &err);
		kann_begin(&file);
		file.len = 0;
		kann_bytes(&file, buf.data, buf.len);
		flip_all(&file, files[i].structure);
		for (size_t len = 8; len < file.len; len++) {
			unsigned char *copy = malloc(len);
			struct rnm_network *net = NULL;

			memcpy(copy, file.bytes, len);
			assert_int_equal(rnm_network_load(&net, copy, len, NULL, &err), RNM_E_MALFORMED);
			free(copy);
		}
		rnm_buf_free(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patched_file),
		cmocka_unit_test(misfit_operators),
		cmocka_unit_test(rows_of_a_scalar),
		cmocka_unit_test(beginnings),
		cmocka_unit_test(every_length),
		cmocka_unit_test(limits),
		cmocka_unit_test(explosion),
		cmocka_unit_test(odd_roles),
		cmocka_unit_test(recurrent),
		cmocka_unit_test(non_finite_but_unused),
		cmocka_unit_test(many_findings),
		cmocka_unit_test(every_flip),
		cmocka_unit_test(every_flip_of_golden),
	};

	return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
