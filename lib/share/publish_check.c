/* SPDX-License-Identifier: Apache-2.0 */
/* What may be published, and under which name. */
#include "share/taking.h"

#include <math.h>
#include <rnm/verify.h>
#include <stdio.h>
#include <string.h>

#define VERSION_LAST 9007199254740991.0 /* 2^53 - 1 */

static enum rnm_status check_sound(const struct rnm_model_file *file, struct rnm_error *err)
{
	struct rnm_verification *verification = NULL;
	struct rnm_error why;
	enum rnm_status status = rnm_model_verify(&verification, file, NULL, &why);

	rnm_verification_free(verification);
	if (status == RNM_OK)
		return RNM_OK;
	if (err == NULL)
		return status == RNM_NO ? RNM_E_REFUSED : status;
	*err = why;
	if (status != RNM_NO)
		return status;
	rnm_error_set(err, RNM_E_REFUSED, why.id, "the model is not sound and was not published: %s",
	              why.message);
	rnm_error_set_hint(err, "`rnm verify` lists all that is wrong with it");
	return RNM_E_REFUSED;
}

enum rnm_status rnm_taking_check_name(const struct rnm_publisher *publisher, const struct rnm_taking *taking,
                                      struct rnm_error *err)
{
	if (!rnm_alias_name_is_good(taking->name))
		return rnm_error_set(
		    err, RNM_E_USAGE, "publish.name",
		    "expected a name of at most %d letters, digits, points, dashes and underscores, "
		    "found '%s'",
		    RNM_ALIAS_NAME_MAX, taking->name);
	for (size_t i = 0; i < publisher->entry_count; i++)
		if (strcmp(publisher->entries[i].model.name, taking->name) == 0)
			return rnm_error_set(err, RNM_E_USAGE, "publish.twice",
			                     "two models for the name %s: one run publishes one of them",
			                     taking->name);
	return RNM_OK;
}

/* Without one no rspamd loads the file. */
static enum rnm_status check_digest(const struct rnm_model_file *file, struct rnm_error *err)
{
	const char *digest = file->container->providers_digest;

	if (strlen(digest) == 16 && strspn(digest, "0123456789abcdef") == 16)
		return RNM_OK;
	rnm_error_set(err, RNM_E_REFUSED, "publish.no-digest",
	              "the model carries no providers digest, so that no rspamd would load it");
	rnm_error_set_hint(err, "publish one that `rnm export` has written");
	return RNM_E_REFUSED;
}

enum rnm_status rnm_taking_check_model(const struct rnm_taking *taking, struct rnm_error *err)
{
	enum rnm_status status = check_sound(taking->file, err);

	return status == RNM_OK ? check_digest(taking->file, err) : status;
}

enum rnm_status rnm_taking_check_version(const struct rnm_taking *taking, struct rnm_error *err)
{
	const struct rnm_published *newest;

	if (!(taking->version >= 1 && taking->version <= VERSION_LAST) ||
	    taking->version > floor(taking->version))
		return rnm_error_set(err, RNM_E_REFUSED, "publish.version",
		                     "expected a version that is a whole number from 1 to %.0f, found %g",
		                     VERSION_LAST, taking->version);
	if (taking->alias == NULL)
		return RNM_OK;
	newest = &taking->alias->newest->model;
	if ((uint64_t)taking->version > newest->model_version)
		return RNM_OK;
	rnm_error_set(
	    err, RNM_E_REFUSED, "publish.version",
	    "version %.0f is not above version %llu, which %s has: consumers would ignore or refuse it",
	    taking->version, (unsigned long long)newest->model_version, taking->name);
	rnm_error_set_hint(err,
	                   "--model-version %llu publishes it under the next one; --rollback goes back to an "
	                   "earlier publication",
	                   (unsigned long long)newest->model_version + 1);
	return RNM_E_REFUSED;
}

static const char *presence(bool before, bool after, const char *gone, const char *added)
{
	return before == after ? NULL : before ? gone : added;
}

/*
 * Consumers keep what a newer file does not replace (rspamd: lualib/lua_neural_external.lua): without a restart
 * they would run the new network with the normalisation, matrix and thresholds of the old one.
 */
static const char *find_change(const struct rnm_published *old, const struct rnm_published *new)
{
	const char *change;

	if (strcmp(old->graph, new->graph) != 0)
		return "another architecture";
	if (old->inputs != new->inputs)
		return "vectors of another length";
	change = presence(old->norm_mode != RNM_NORM_NONE, new->norm_mode != RNM_NORM_NONE,
	                  "no normalisation any more", "a normalisation, which that has not");
	if (change == NULL)
		change = presence(old->has_pca, new->has_pca, "no PCA matrix any more",
		                  "a PCA matrix, which that has not");
	if (change == NULL)
		change = presence(old->has_roc, new->has_roc, "no thresholds any more",
		                  "thresholds, which that has not");
	return change;
}

enum rnm_status rnm_taking_check_change(const struct rnm_publisher *publisher,
                                        const struct rnm_taking *taking, struct rnm_error *err)
{
	const struct rnm_published *old = taking->alias != NULL ? &taking->alias->newest->model : NULL;
	const char *change = old != NULL ? find_change(old, &taking->entry.model) : NULL;

	if (change == NULL || publisher->options.force)
		return RNM_OK;
	rnm_error_set(err, RNM_E_REFUSED, "publish.change",
	              "the model has %s beside version %llu of %s: consumers that have loaded that one would "
	              "mix parts of both",
	              change, (unsigned long long)old->model_version, taking->name);
	rnm_error_set_hint(err, "--name NAME publishes it under another address; --force here, and then all "
	                        "consumers have to be restarted");
	return RNM_E_REFUSED;
}
