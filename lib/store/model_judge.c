/* SPDX-License-Identifier: Apache-2.0 */
/* One verdict on two models, and the sentence for it. */
#include "store/model_compare.h"

#include "store/model_symbols.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCE_MAX ((size_t)4096)

/*
 * Matrices begin as random numbers and keep much of them (docs/comparing.md): from one start the cosine
 * stays near 1, from two it is that of chance.  Both limits must be passed for a common start, so that
 * neither a small network nor a slight drift of a large one is taken for more than it is.
 */
#define COMMON_COSINE 0.25
#define COMMON_Z 6.0
/* With fewer weights chance reaches too far to deny a common start. */
#define SEPARATE_WEIGHTS 100u

static enum rnm_model_start find_start(const struct rnm_tensor_delta *matrices)
{
	bool near = matrices->cosine >= COMMON_COSINE, sure = matrices->cosine_z >= COMMON_Z;

	if (isnan(matrices->cosine) || isnan(matrices->cosine_z))
		return RNM_START_UNKNOWN;
	if (near && sure)
		return RNM_START_COMMON;
	return !near && !sure && matrices->count >= SEPARATE_WEIGHTS ? RNM_START_SEPARATE : RNM_START_UNKNOWN;
}

static bool has(const struct rnm_model_comparison *c, unsigned aspects)
{
	return (c->differs & aspects) != 0;
}

static bool symbols_moved(const struct rnm_model_comparison *c)
{
	return c->symbols.matter && has(c, RNM_ASPECT_SYMBOLS);
}

static enum rnm_model_relation relate(const struct rnm_model_comparison *c)
{
	if (c->network == NULL)
		return RNM_MODELS_UNREADABLE;
	if (has(c, RNM_ASPECT_GRAPH))
		return RNM_MODELS_OTHER_ARCHITECTURE;
	if (has(c, RNM_ASPECT_WEIGHTS))
		return has(c, RNM_ASPECT_VECTOR | RNM_ASPECT_DIGEST) || symbols_moved(c)
		           ? RNM_MODELS_OTHER_INPUTS
		           : RNM_MODELS_RETRAIN;
	if (symbols_moved(c))
		return RNM_MODELS_MOVED_SYMBOLS;
	if (has(c, RNM_ASPECT_NORM | RNM_ASPECT_PCA | RNM_ASPECT_VECTOR))
		return RNM_MODELS_OTHER_PROCESSING;
	if (has(c, RNM_ASPECT_THRESHOLDS))
		return RNM_MODELS_OTHER_THRESHOLDS;
	if ((c->unknown & RNM_ASPECT_NORM) != 0)
		return RNM_MODELS_SAME_NETWORK;
	return c->differs != 0 ? RNM_MODELS_OTHER_LABEL : RNM_MODELS_IDENTICAL;
}

static void say_aspects(struct rnm_buf *out, unsigned aspects)
{
	const char *separator = "";

	for (unsigned aspect = 1; aspect < RNM_ASPECT_END; aspect <<= 1) {
		if ((aspects & aspect) == 0)
			continue;
		rnm_buf_printf(out, "%s%s", separator, rnm_model_aspect_name(aspect));
		separator = ", ";
	}
}

static void say_symbols(struct rnm_buf *out, const struct rnm_symbols_comparison *symbols)
{
	rnm_buf_printf(out, "%zu moved, %zu added, %zu removed", symbols->moved_count, symbols->added_count,
	               symbols->removed_count);
}

/* Whether equal lengths are all that is known of the inputs of both. */
static bool inputs_known(const struct rnm_model_file *a, const struct rnm_model_file *b)
{
	if (a->container->providers_digest[0] != '\0' && b->container->providers_digest[0] != '\0')
		return true;
	return rnm_model_symbols(a) != NULL && rnm_model_symbols(b) != NULL;
}

static void say_retrain(struct rnm_buf *out, const struct rnm_model_comparison *c, bool inputs)
{
	double cosine = c->network->matrices.cosine;

	rnm_buf_printf(out, "B is a retrain of A: same architecture%s", inputs ? " and inputs" : "");
	if (c->start == RNM_START_COMMON)
		rnm_buf_printf(out, ", other weights from a common start (cosine %.3f)", cosine);
	else if (c->start == RNM_START_SEPARATE)
		rnm_buf_printf(out, ", trained anew from other initial weights (cosine %.3f)", cosine);
	else if (isnan(cosine))
		rnm_buf_puts(out, ", other weights, some of which are no numbers");
	else
		rnm_buf_printf(out,
		               ", other weights; whether from a common start cannot be told (cosine %.3f)",
		               cosine);
	if (!inputs)
		rnm_buf_puts(out, "; nothing says whether the inputs are the same");
}

static void say_unreadable(struct rnm_buf *out, const struct rnm_model_file *a,
                           const struct rnm_model_file *b)
{
	if (a->network == NULL && b->network == NULL)
		rnm_buf_puts(out, "neither A nor B holds a network that can be read");
	else
		rnm_buf_printf(out, "%s holds no network that can be read", a->network == NULL ? "A" : "B");
}

/* In words where these differ, else by the first node that does. */
static bool say_both(struct rnm_buf *out, const struct rnm_network *a, const struct rnm_network *b)
{
	char memory[2][SENTENCE_MAX / 4];
	struct rnm_buf words[2];
	bool differ;

	rnm_buf_init_in(&words[0], memory[0], sizeof(memory[0]));
	rnm_buf_init_in(&words[1], memory[1], sizeof(memory[1]));
	differ = rnm_network_describe(a, &words[0], NULL) == RNM_OK &&
	         rnm_network_describe(b, &words[1], NULL) == RNM_OK &&
	         strcmp(rnm_buf_cstr(&words[0]), rnm_buf_cstr(&words[1])) != 0;
	if (differ)
		rnm_buf_printf(out, "A is %s, B is %s", rnm_buf_cstr(&words[0]), rnm_buf_cstr(&words[1]));
	return differ;
}

static void say_architecture(struct rnm_buf *out, const struct rnm_model_comparison *c,
                             const struct rnm_model_file *a, const struct rnm_model_file *b)
{
	rnm_buf_puts(out, "other architecture: ");
	if (!say_both(out, a->network, b->network))
		rnm_buf_puts(out, c->network->difference);
	if (!has(c, RNM_ASPECT_WEIGHTS))
		rnm_buf_puts(out, "; all weights are equal");
	if (has(c, RNM_ASPECT_DIGEST))
		rnm_buf_puts(out, "; other inputs too");
}

static void say(struct rnm_buf *out, const struct rnm_model_comparison *c, const struct rnm_model_file *a,
                const struct rnm_model_file *b)
{
	const unsigned inputs =
	    RNM_ASPECT_VECTOR | RNM_ASPECT_DIGEST | (c->symbols.matter ? (unsigned)RNM_ASPECT_SYMBOLS : 0);
	const unsigned processing = RNM_ASPECT_NORM | RNM_ASPECT_PCA;

	switch (c->relation) {
	case RNM_MODELS_IDENTICAL:
		rnm_buf_puts(out, "the same model: nothing that both of them say differs");
		break;
	case RNM_MODELS_SAME_NETWORK:
		rnm_buf_printf(out, "same weights; nothing else can be compared, for %s is a bare network",
		               a->kind == RNM_MODEL_KANN ? "A" : "B");
		break;
	case RNM_MODELS_OTHER_LABEL:
		rnm_buf_puts(out, "same weights, different label: ");
		say_aspects(out, c->differs);
		break;
	case RNM_MODELS_OTHER_THRESHOLDS:
		rnm_buf_puts(out, "same weights, other thresholds: scores are equal, verdicts may not be");
		break;
	case RNM_MODELS_OTHER_PROCESSING:
		rnm_buf_puts(out, "same weights, other ");
		say_aspects(out, c->differs & processing);
		rnm_buf_puts(out, ": the same message gets other scores");
		break;
	case RNM_MODELS_MOVED_SYMBOLS:
		rnm_buf_puts(out, "same weights, but other symbols: ");
		say_symbols(out, &c->symbols);
		rnm_buf_puts(out, "; one of the two models reads its inputs wrongly");
		break;
	case RNM_MODELS_RETRAIN:
		say_retrain(out, c, inputs_known(a, b));
		break;
	case RNM_MODELS_OTHER_INPUTS:
		rnm_buf_puts(out, "other inputs: same architecture, other weights, other ");
		say_aspects(out, c->differs & inputs);
		break;
	case RNM_MODELS_OTHER_ARCHITECTURE:
		say_architecture(out, c, a, b);
		break;
	case RNM_MODELS_UNREADABLE:
		say_unreadable(out, a, b);
		break;
	}
}

enum rnm_status rnm_model_judge(struct rnm_model_comparison *comparison, const struct rnm_model_file *a,
                                const struct rnm_model_file *b, struct rnm_error *err)
{
	struct rnm_buf out;

	comparison->relation = relate(comparison);
	/* Of models for other inputs too: they may have grown from the same initial weights. */
	if (comparison->relation == RNM_MODELS_RETRAIN || comparison->relation == RNM_MODELS_OTHER_INPUTS)
		comparison->start = find_start(&comparison->network->matrices);
	rnm_buf_init(&out, SENTENCE_MAX);
	say(&out, comparison, a, b);
	comparison->sentence = rnm_buf_steal(&out);
	rnm_buf_free(&out);
	return comparison->sentence != NULL ? RNM_OK : rnm_error_nomem(err);
}

const char *rnm_model_relation_name(enum rnm_model_relation relation)
{
	static const char *const names[] = {
		[RNM_MODELS_IDENTICAL] = "identical",
		[RNM_MODELS_SAME_NETWORK] = "same-network",
		[RNM_MODELS_OTHER_LABEL] = "other-label",
		[RNM_MODELS_OTHER_THRESHOLDS] = "other-thresholds",
		[RNM_MODELS_OTHER_PROCESSING] = "other-processing",
		[RNM_MODELS_MOVED_SYMBOLS] = "moved-symbols",
		[RNM_MODELS_RETRAIN] = "retrain",
		[RNM_MODELS_OTHER_INPUTS] = "other-inputs",
		[RNM_MODELS_OTHER_ARCHITECTURE] = "other-architecture",
		[RNM_MODELS_UNREADABLE] = "unreadable",
	};

	return names[relation];
}

const char *rnm_model_start_name(enum rnm_model_start start)
{
	static const char *const names[] = {
		[RNM_START_UNKNOWN] = "unknown",
		[RNM_START_COMMON] = "common",
		[RNM_START_SEPARATE] = "separate",
	};

	return names[start];
}

static const struct {
	const char *id;
	const char *name;
} aspects[] = {
	{ "graph", "architecture" },
	{ "weights", "weights" },
	{ "constants", "constants such as dropout rates" },
	{ "vector", "length of the raw vector" },
	{ "symbols", "symbols" },
	{ "norm_stats", "normalisation" },
	{ "pca", "PCA matrix" },
	{ "roc_thresholds", "thresholds" },
	{ "providers_digest", "providers digest" },
	{ "providers_meta", "providers_meta" },
	{ "model_version", "version" },
	{ "created_at", "time of creation" },
	{ "rule", "rule" },
	{ "settings", "settings" },
	{ "profile_digest", "profile digest" },
	{ "tool", "tool" },
};
_Static_assert(1u << (sizeof(aspects) / sizeof(aspects[0])) == RNM_ASPECT_END, "a row for each bit");

const char *rnm_model_aspect_id(unsigned aspect)
{
	for (size_t i = 0; i < sizeof(aspects) / sizeof(aspects[0]); i++)
		if (aspect == 1u << i)
			return aspects[i].id;
	return NULL;
}

const char *rnm_model_aspect_name(unsigned aspect)
{
	for (size_t i = 0; i < sizeof(aspects) / sizeof(aspects[0]); i++)
		if (aspect == 1u << i)
			return aspects[i].name;
	return NULL;
}
