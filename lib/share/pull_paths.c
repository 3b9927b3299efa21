/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_target.h"
#include "base/hash.h"
#include "share/published.h"
#include "share/pull_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_SUFFIX ".rnmpull"
#define LOCK_SUFFIX ".lock"

/* The folder of the aliases, as it ends in the URL of one. */
#define MODELS_FOLDER "/" RNM_TREE_MODELS "/"

/* Bytes of a name that go into the name of the part, which is longer. */
#define PART_STEM_MAX 200

static enum rnm_status no_name(const char *url, struct rnm_error *err)
{
	char plain[RNM_HTTP_URL_MAX + 1];

	rnm_http_url_plain(plain, sizeof(plain), url);
	rnm_error_set(err, RNM_E_USAGE, "pull.name", "the path of %s does not end in a name", plain);
	rnm_error_set_hint(err, "say under which name the model is signed");
	return RNM_E_USAGE;
}

/* Where the path begins, or NULL. */
static const char *path_of(const char *url)
{
	const char *scheme = strstr(url, "://");

	return scheme != NULL ? strchr(scheme + 3, '/') : NULL;
}

/* The last part of the path; its end where that has none. */
static const char *last_part(const char *url)
{
	const char *path = path_of(url);
	const char *name = url + strcspn(url, "?#");

	while (path != NULL && name > path && name[-1] != '/')
		name--;
	return name;
}

/* As it is spelled there, or given. */
static enum rnm_status find_name(struct rnm_pull_paths *paths, const struct rnm_pull_options *options,
                                 struct rnm_error *err)
{
	const char *name = last_part(options->url);

	paths->name = options->name != NULL ? strdup(options->name) : strndup(name, strcspn(name, "?#"));
	if (paths->name == NULL)
		return rnm_error_nomem(err);
	/* The state is called after it. */
	if (paths->name[0] == '\0' || strchr(paths->name, '/') != NULL || paths->name[0] == '.' ||
	    strlen(paths->name) > RNM_STATEMENT_NAME_MAX)
		return no_name(options->url, err);
	return RNM_OK;
}

static bool join(char **out, const char *fmt, ...) RNM_PRINTF(2, 3);
static bool join(char **out, const char *fmt, ...)
{
	va_list args;
	bool ok;

	va_start(args, fmt);
	ok = vasprintf(out, fmt, args) >= 0;
	va_end(args);
	if (!ok)
		*out = NULL;
	return ok;
}

/* What lies beside the model has its name and a suffix, before the query if there is one; servers see no fragment. */
static bool beside_url(char **out, const char *url, const char *suffix)
{
	const size_t path = strcspn(url, "?#");
	const size_t whole = strcspn(url, "#");

	return join(out, "%.*s%s%.*s", (int)path, url, suffix, (int)(whole - path), url + path);
}

static enum rnm_status find_target(struct rnm_pull_paths *paths, const struct rnm_pull_options *options,
                                   struct rnm_error *err)
{
	int descriptor = -1;

	paths->target = rnm_file_target(options->to, &descriptor);
	if (paths->target == NULL) {
		rnm_error_sys(err, "file.open", errno, "cannot reach the folder of %s", options->to);
		return rnm_error_at_line(err, options->to, 0), RNM_E_IO;
	}
	if (descriptor < 0)
		return RNM_OK;
	return rnm_error_set(
	    err, RNM_E_USAGE, "pull.target",
	    "%s is no file: a model is put in place by renaming, with its signature beside it", options->to);
}

static bool make_local(struct rnm_pull_paths *paths, const struct rnm_pull_options *options)
{
	const char *slash = paths->target != NULL ? strrchr(paths->target, '/') : NULL;
	bool ok;

	if (options->state_dir != NULL)
		ok = join(&paths->state, "%s/%s" STATE_SUFFIX, options->state_dir, paths->name);
	else
		ok = join(&paths->state, "%s" STATE_SUFFIX, options->to);
	ok = ok && join(&paths->lock, "%s" LOCK_SUFFIX, paths->state);
	/* In the folder of the file whose name it will take.  The leading dot hides it from "*.rnm". */
	if (slash != NULL)
		ok = ok && join(&paths->part, "%.*s.%.*s.rnmpart", (int)(slash + 1 - paths->target),
		                paths->target, PART_STEM_MAX, slash + 1);
	else
		ok = ok &&
		     join(&paths->part, "%s/.%.*s.rnmpart", options->state_dir, PART_STEM_MAX, paths->name);
	/* Beside the name that rspamd knows, should that be a link. */
	if (options->to != NULL)
		ok = ok && join(&paths->statement, "%s" RNM_STATEMENT_SUFFIX, options->to) &&
		     join(&paths->signature, "%s" RNM_SIGNATURE_SUFFIX, options->to);
	return ok;
}

enum rnm_status rnm_pull_paths_make(struct rnm_pull_paths *paths, const struct rnm_pull_options *options,
                                    struct rnm_error *err)
{
	enum rnm_status status;

	*paths = (struct rnm_pull_paths){ 0 };
	if (options->to == NULL && options->state_dir == NULL)
		return rnm_error_set(err, RNM_E_USAGE, "pull.target",
		                     "without a file to write, a folder is needed for what is remembered");
	status = find_name(paths, options, err);
	if (status == RNM_OK && options->to != NULL)
		status = find_target(paths, options, err);
	if (status == RNM_OK && (!beside_url(&paths->model_url, options->url, "") ||
	                         !beside_url(&paths->statement_url, options->url, RNM_STATEMENT_SUFFIX) ||
	                         !beside_url(&paths->signature_url, options->url, RNM_SIGNATURE_SUFFIX) ||
	                         !make_local(paths, options)))
		status = rnm_error_nomem(err);
	if (status != RNM_OK)
		rnm_pull_paths_free(paths);
	return status;
}

enum rnm_status rnm_pull_paths_to_object(struct rnm_pull_paths *paths, const struct rnm_pull_options *options,
                                         const uint8_t blake2b[RNM_BLAKE2B_SIZE], struct rnm_error *err)
{
	const char *url = options->url;
	const char *tail = url + strcspn(url, "?#");
	const int tail_len = (int)strcspn(tail, "#");
	const char *path = path_of(url);
	const char *name = last_part(url);
	const ptrdiff_t ending = (ptrdiff_t)strlen(MODELS_FOLDER);
	int root;
	char hash[RNM_OBJECT_HASH_HEX];
	char model[RNM_TREE_PATH_MAX], signature[RNM_TREE_PATH_MAX];
	char *model_url = NULL;
	char *signature_url = NULL;

	/* A host of that name is no folder. */
	if (path == NULL || name - path < ending || memcmp(name - ending, MODELS_FOLDER, (size_t)ending) != 0)
		return RNM_NO;
	root = (int)(name - ending + 1 - url); /* with its slash */
	rnm_hash_text(hash, blake2b);
	rnm_object_path(model, hash, "");
	rnm_object_path(signature, hash, RNM_SIGNATURE_SUFFIX);
	if (!join(&model_url, "%.*s%s%.*s", root, url, model, tail_len, tail) ||
	    !join(&signature_url, "%.*s%s%.*s", root, url, signature, tail_len, tail)) {
		free(model_url);
		return rnm_error_nomem(err);
	}
	free(paths->model_url);
	free(paths->signature_url);
	paths->model_url = model_url;
	paths->signature_url = signature_url;
	return RNM_OK;
}

void rnm_pull_paths_free(struct rnm_pull_paths *paths)
{
	free(paths->name);
	free(paths->target);
	free(paths->part);
	free(paths->state);
	free(paths->lock);
	free(paths->model_url);
	free(paths->statement_url);
	free(paths->signature_url);
	free(paths->statement);
	free(paths->signature);
	*paths = (struct rnm_pull_paths){ 0 };
}
