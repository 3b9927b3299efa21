/* SPDX-License-Identifier: Apache-2.0 */
/* Models merged: the weights by lib/network, everything around them by the rules in docs/comparing.md. */
#include "base/arena.h"
#include "base/hash.h"
#include "format/rnm1_reader.h"
#include "network/same.h"
#include "store/model_compare.h"
#include "store/model_extra.h"
#include "store/model_symbols.h"

#include <math.h>
#include <rnm/model_merge.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX ((size_t)512 << 20)
/* Shares that add up to 1 but for rounding are used as they were given. */
#define SUM_TOLERANCE 1e-9

/* Differences that change what the weights mean, or what they get to see. */
#define SCORING_ASPECTS                                                                                      \
	(RNM_ASPECT_GRAPH | RNM_ASPECT_UNUSED | RNM_ASPECT_VECTOR | RNM_ASPECT_NORM | RNM_ASPECT_PCA)
/* What the result goes without rather than with the wrong one. */
#define LABEL_ASPECTS                                                                                        \
	(RNM_ASPECT_SYMBOLS | RNM_ASPECT_THRESHOLDS | RNM_ASPECT_PROVIDERS | RNM_ASPECT_RULE |               \
	 RNM_ASPECT_SETTINGS | RNM_ASPECT_PROFILE)

struct backing {
	struct rnm_arena arena;
	char *network;
};

struct merging {
	const struct rnm_merge_part *parts;
	size_t count;
	const struct rnm_merge_options *options;
	struct rnm_merge *merge;
	struct backing *backing;
	unsigned differs;                   /* in any pair */
	const struct rnm_model_file *label; /* where everything around the weights comes from */
	bool has_keep;
	bool settles; /* the part to keep is a whole model, which decides more than the graph */
};

/* ---- may they be merged ------------------------------------------------------------------------- */

static enum rnm_status take_shares(struct merging *job, struct rnm_error *err)
{
	double sum = 0;

	for (size_t i = 0; i < job->count; i++) {
		double share = job->parts[i].share;

		if (!isfinite(share) || share < 0)
			return rnm_error_set(err, RNM_E_USAGE, "kann.alpha",
			                     "expected a share of at least 0 for %s, found %g",
			                     job->parts[i].name, share);
		sum += share;
	}
	if (!(sum > 0) || !isfinite(sum))
		return rnm_error_set(err, RNM_E_USAGE, "kann.alpha",
		                     "expected shares with a sum above 0, found %g", sum);
	for (size_t i = 0; i < job->count; i++)
		job->merge->shares[i] =
		    fabs(sum - 1) <= SUM_TOLERANCE ? job->parts[i].share : job->parts[i].share / sum;
	return RNM_OK;
}

static enum rnm_status check_fit(const struct merging *job, struct rnm_error *err)
{
	for (size_t i = 0; i < job->count; i++) {
		struct rnm_error why;

		if (rnm_model_file_verdict(job->parts[i].file, &why) != RNM_OK)
			return rnm_error_set(err, RNM_E_REFUSED, "merge.unfit", "%s is unfit: %s",
			                     job->parts[i].name, why.message);
	}
	return RNM_OK;
}

static enum rnm_status refuse_difference(const struct merging *job, size_t i, size_t j, unsigned differs,
                                         struct rnm_error *err)
{
	char names[256];
	size_t at = 0;

	names[0] = '\0';
	for (unsigned aspect = 1; aspect < RNM_ASPECT_END; aspect <<= 1)
		if ((differs & aspect) != 0 && at < sizeof(names))
			at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", at > 0 ? ", " : "",
			                       rnm_model_aspect_name(aspect));
	rnm_error_set(err, RNM_E_REFUSED, "merge.differs", "%s and %s differ in more than their weights: %s",
	              job->parts[i].name, job->parts[j].name, names);
	rnm_error_set_hint(err, "rnm diff shows how; --keep MODEL takes everything but the weights from one");
	return RNM_E_REFUSED;
}

static enum rnm_status refuse_digest(const struct merging *job, size_t i, size_t j, struct rnm_error *err)
{
	rnm_error_set(
	    err, RNM_E_REFUSED, "merge.digest",
	    "%s and %s were trained for other inputs: their providers digests are \"%s\" and \"%s\"",
	    job->parts[i].name, job->parts[j].name, job->parts[i].file->container->providers_digest,
	    job->parts[j].file->container->providers_digest);
	rnm_error_set_hint(err, "use --any-digest to merge them all the same");
	return RNM_E_REFUSED;
}

/* What rspamd itself would not merge is never merged; other graphs and constants need a word of the caller. */
static enum rnm_status check_networks(struct merging *job, size_t other, struct rnm_error *err)
{
	const struct rnm_network *a = job->parts[0].file->network, *b = job->parts[other].file->network;
	char difference[RNM_DIFFERENCE_MAX];
	unsigned differs = 0;

	if (!rnm_same_interface(a, b, difference))
		return rnm_error_set(err, RNM_NO, "kann.incompatible", "%s and %s cannot be merged: %s",
		                     job->parts[0].name, job->parts[other].name, difference);
	if (!rnm_same_graph(a, b, difference))
		differs = RNM_ASPECT_GRAPH;
	else if (!rnm_same_constants(a, b, difference))
		differs = RNM_ASPECT_UNUSED;
	job->differs |= differs;
	return differs == 0 || job->has_keep ? RNM_OK : refuse_difference(job, 0, other, differs, err);
}

static enum rnm_status check_around(struct merging *job, size_t i, size_t j, struct rnm_error *err)
{
	struct rnm_model_comparison comparison = { .differs = 0 };
	const struct rnm_model_file *a = job->parts[i].file, *b = job->parts[j].file;
	enum rnm_status status = rnm_model_compare_around(&comparison, a, b, err);
	unsigned grave = SCORING_ASPECTS;

	if (comparison.symbols.matter)
		grave |= RNM_ASPECT_SYMBOLS;
	if (status == RNM_OK && (comparison.differs & RNM_ASPECT_DIGEST) != 0 && !job->options->any_digest)
		status = refuse_digest(job, i, j, err);
	if (status == RNM_OK && (comparison.differs & grave) != 0 && !job->settles)
		status = refuse_difference(job, i, j, comparison.differs & grave, err);
	job->differs |= comparison.differs;
	rnm_symbols_comparison_clear(&comparison.symbols);
	return status;
}

/*
 * Networks are alike if all are like the first.  The rest is compared in all pairs, since a file may not
 * say what two others disagree on.
 */
static enum rnm_status check_pairs(struct merging *job, struct rnm_error *err)
{
	enum rnm_status status = RNM_OK;

	for (size_t i = 1; status == RNM_OK && i < job->count; i++)
		status = check_networks(job, i, err);
	for (size_t i = 0; status == RNM_OK && i < job->count; i++)
		for (size_t j = i + 1; status == RNM_OK && j < job->count; j++)
			status = check_around(job, i, j, err);
	return status;
}

/* ---- the weights -------------------------------------------------------------------------------- */

static enum rnm_status merge_networks(struct merging *job, struct rnm_error *err)
{
	const struct rnm_network *networks[RNM_MERGE_PARTS_MAX] = { NULL };
	double shares[RNM_MERGE_PARTS_MAX] = { 0 };
	size_t base = job->merge->base, at = 1;
	size_t size;

	networks[0] = job->parts[base].file->network;
	shares[0] = job->merge->shares[base];
	for (size_t i = 0; i < job->count; i++) {
		if (i == base)
			continue;
		networks[at] = job->parts[i].file->network;
		shares[at++] = job->merge->shares[i];
	}
	size = rnm_network_size(networks[0]);
	job->backing->network = malloc(size);
	if (job->backing->network == NULL)
		return rnm_error_nomem(err);
	job->merge->parts.network = (struct rnm_bytes){ job->backing->network, size };
	if (job->merge->single)
		return rnm_network_merge(job->backing->network, networks[0], networks[1], (float)shares[1],
		                         RNM_COMPAT_REFERENCE, err);
	return rnm_network_merge_many(job->backing->network, networks, shares, job->count,
	                              RNM_COMPAT_REFERENCE, err);
}

/* ---- everything around them --------------------------------------------------------------------- */

/* The part to keep, else the first; but one that has more than a network. */
static void choose_label(struct merging *job)
{
	job->label = job->parts[job->merge->base].file;
	for (size_t i = 0; job->label->kind == RNM_MODEL_KANN && i < job->count; i++)
		job->label = job->parts[i].file;
}

static enum rnm_status take_version(struct merging *job, struct rnm_error *err)
{
	double highest = 0, version = job->options->version;

	for (size_t i = 0; i < job->count; i++) {
		const struct rnm_rnm1 *container = job->parts[i].file->container;

		if (job->parts[i].file->kind != RNM_MODEL_KANN && container->model_version > highest)
			highest = floor(container->model_version);
	}
	if (version > 0 || version < 0 || isnan(version)) {
		if (!(version >= 1 && version <= RNM_VERSION_MAX && version <= floor(version)))
			return rnm_error_set(err, RNM_E_USAGE, "merge.version",
			                     "expected a version from 1 to 9007199254740991, found %.17g",
			                     version);
	} else {
		version = highest + 1;
	}
	if (!(version <= RNM_VERSION_MAX)) {
		rnm_error_set(err, RNM_E_REFUSED, "merge.version",
		              "the highest version of the parts is %.17g, above which there is no room",
		              highest);
		rnm_error_set_hint(err, "choose one with --version");
		return RNM_E_REFUSED;
	}
	job->merge->parts.model_version = version;
	return RNM_OK;
}

/* Whether the result may have what is said of an aspect. */
static bool settled(const struct merging *job, unsigned aspect)
{
	return job->settles || (job->differs & aspect) == 0;
}

/* The label's member; where the parts agree, that of the first one that has it. */
static const struct rnm_value *find_member(const struct merging *job, const char *key, unsigned aspect)
{
	const struct rnm_value *found = rnm_value_get(job->label->container->extra, key);

	for (size_t i = 0; found == NULL && (job->differs & aspect) == 0 && i < job->count; i++)
		found = rnm_value_get(job->parts[i].file->container->extra, key);
	return settled(job, aspect) ? found : NULL;
}

static bool add_members(struct merging *job, struct rnm_value *map)
{
	static const struct {
		const char *key;
		unsigned aspect;
	} members[] = {
		{ "rule", RNM_ASPECT_RULE },
		{ "settings", RNM_ASPECT_SETTINGS },
		{ "profile_digest", RNM_ASPECT_PROFILE },
		{ "symbols", RNM_ASPECT_SYMBOLS },
		{ "providers_meta", RNM_ASPECT_PROVIDERS },
	};
	struct rnm_arena *arena = &job->backing->arena;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const struct rnm_value *member = find_member(job, members[i].key, members[i].aspect);
		struct rnm_value *copy;

		if (member == NULL)
			continue;
		if (!rnm_extra_copy(arena, member, RNM_RNM1_DEPTH_MAX - 2, &copy) ||
		    (copy != NULL && !rnm_value_add_s(arena, map, members[i].key, copy)))
			return false;
	}
	return true;
}

static struct rnm_value *new_text(struct rnm_arena *arena, const char *text)
{
	return rnm_value_new_string(arena, text, strlen(text));
}

static bool add_ancestor(const struct merging *job, size_t index, struct rnm_value *list)
{
	const struct rnm_model_file *file = job->parts[index].file;
	struct rnm_arena *arena = &job->backing->arena;
	struct rnm_value *map = rnm_value_new(arena, RNM_OBJECT);
	unsigned char hash[RNM_NETWORK_HASH_LEN];
	char hex[RNM_HASH_HEX];

	/* Names of files change and say little elsewhere; the weights themselves do not. */
	rnm_network_hash(file->network, hash);
	rnm_hash_text(hex, hash);
	if (map == NULL || !rnm_value_add_s(arena, map, "weights", new_text(arena, hex)) ||
	    !rnm_value_add_s(arena, map, "share", rnm_value_new_float(arena, job->merge->shares[index])))
		return false;
	if (file->kind != RNM_MODEL_KANN && isfinite(file->container->model_version) &&
	    !rnm_value_add_s(arena, map, "version",
	                     rnm_value_new_float(arena, file->container->model_version)))
		return false;
	return rnm_value_push(arena, list, map);
}

static enum rnm_status build_extra(struct merging *job, struct rnm_error *err)
{
	struct rnm_arena *arena = &job->backing->arena;
	struct rnm_value *map = rnm_value_new(arena, RNM_OBJECT);
	struct rnm_value *ancestors = rnm_value_new(arena, RNM_ARRAY);
	const char *tool = job->options->tool;
	bool ok = map != NULL && ancestors != NULL;

	if (ok && tool != NULL && tool[0] != '\0')
		ok = rnm_value_add_s(arena, map, "tool", new_text(arena, tool));
	ok = ok && add_members(job, map);
	for (size_t i = 0; ok && i < job->count; i++)
		ok = add_ancestor(job, i, ancestors);
	ok = ok && rnm_value_add_s(arena, map, "merged", ancestors);
	job->merge->parts.extra = map;
	return ok ? RNM_OK : rnm_error_nomem(err);
}

static enum rnm_status take_label(struct merging *job, struct rnm_error *err)
{
	struct rnm_model_parts *parts = &job->merge->parts;

	choose_label(job);
	rnm_model_parts_of(parts, job->label);
	parts->network = (struct rnm_bytes){ NULL, 0 };
	parts->created_at = job->options->created_at;
	parts->has_roc = parts->has_roc && settled(job, RNM_ASPECT_THRESHOLDS);
	job->merge->kept = job->differs & SCORING_ASPECTS;
	if (job->settles)
		job->merge->kept |= job->differs & LABEL_ASPECTS;
	else
		job->merge->dropped = job->differs & LABEL_ASPECTS;
	return build_extra(job, err);
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static enum rnm_status merge_all(struct merging *job, struct rnm_error *err)
{
	struct rnm_merge *merge = job->merge;
	bool bare = true;
	enum rnm_status status = take_shares(job, err);

	if (status == RNM_OK)
		status = check_fit(job, err);
	if (status == RNM_OK)
		status = check_pairs(job, err);
	if (status != RNM_OK)
		return status;
	for (size_t i = 0; i < job->count; i++)
		bare = bare && job->parts[i].file->kind == RNM_MODEL_KANN;
	merge->form = bare ? RNM_FORM_NETWORK : RNM_FORM_RNM1;
	merge->base = job->has_keep ? job->options->keep : 0;
	merge->single = job->count == 2;
	status = take_label(job, err);
	if (status == RNM_OK)
		status = take_version(job, err);
	return status == RNM_OK ? merge_networks(job, err) : status;
}

static struct rnm_merge *new_merge(size_t count)
{
	struct rnm_merge *merge = calloc(1, sizeof(*merge));
	struct backing *backing = calloc(1, sizeof(*backing));
	double *shares = calloc(count, sizeof(*shares));

	if (merge == NULL || backing == NULL || shares == NULL) {
		free(merge);
		free(backing);
		free(shares);
		return NULL;
	}
	rnm_arena_init(&backing->arena, ARENA_MAX);
	merge->count = count;
	merge->shares = shares;
	merge->owned = backing;
	return merge;
}

enum rnm_status rnm_model_merge(struct rnm_merge **out, const struct rnm_merge_part *parts, size_t count,
                                const struct rnm_merge_options *options, struct rnm_error *err)
{
	struct merging job = { .parts = parts, .count = count, .options = options };
	enum rnm_status status;

	job.has_keep = options->keep != RNM_MERGE_KEEP_NONE;
	job.settles =
	    job.has_keep && options->keep < count && parts[options->keep].file->kind != RNM_MODEL_KANN;
	if (count < 2 || count > RNM_MERGE_PARTS_MAX || (job.has_keep && options->keep >= count))
		return rnm_error_set(err, RNM_E_USAGE, "merge.count",
		                     "expected 2 to %u models, and one of them to keep, found %zu",
		                     RNM_MERGE_PARTS_MAX, count);
	job.merge = new_merge(count);
	if (job.merge == NULL)
		return rnm_error_nomem(err);
	job.backing = job.merge->owned;
	status = merge_all(&job, err);
	if (status == RNM_OK)
		*out = job.merge;
	else
		rnm_merge_free(job.merge);
	return status;
}

void rnm_merge_free(struct rnm_merge *merge)
{
	struct backing *backing;

	if (merge == NULL)
		return;
	backing = merge->owned;
	rnm_arena_free(&backing->arena);
	free(backing->network);
	free(backing);
	free(merge->shares);
	free(merge);
}
