/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_target.h"
#include "share/pull_internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_SUFFIX ".rnmpull"
#define LOCK_SUFFIX ".lock"
#define STATEMENT_SUFFIX ".rnmsig"
#define SIGNATURE_SUFFIX ".sig"

/* Of a published tree (docs/publishing.md). */
#define TREE_MODELS "/models/"
#define TREE_OBJECTS "/objects/"

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

/* The last part of the URL's path, as it is spelled there. */
static enum rnm_status find_name(struct rnm_pull_paths *paths, const struct rnm_pull_options *options,
                                 struct rnm_error *err)
{
	const char *scheme = strstr(options->url, "://");
	const char *path = scheme != NULL ? strchr(scheme + 3, '/') : NULL;
	const char *end = options->url + strcspn(options->url, "?#");
	const char *name = end;

	if (options->name != NULL) {
		paths->name = strdup(options->name);
	} else {
		while (path != NULL && name > path && name[-1] != '/')
			name--;
		paths->name = strndup(name, (size_t)(end - name));
	}
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
		ok = ok && join(&paths->statement, "%s" STATEMENT_SUFFIX, options->to) &&
		     join(&paths->signature, "%s" SIGNATURE_SUFFIX, options->to);
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
	                         !beside_url(&paths->statement_url, options->url, STATEMENT_SUFFIX) ||
	                         !beside_url(&paths->signature_url, options->url, SIGNATURE_SUFFIX) ||
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
	const size_t end = strcspn(url, "?#");
	const size_t whole = strcspn(url, "#");
	const size_t folder = strlen(TREE_MODELS);
	size_t name = end;
	char hash[2 * RNM_BLAKE2B_SIZE + 1];
	char *model = NULL;
	char *signature = NULL;
	bool ok;

	while (name > 0 && url[name - 1] != '/')
		name--;
	if (name < folder || memcmp(url + name - folder, TREE_MODELS, folder) != 0)
		return RNM_NO;
	name -= folder;
	sodium_bin2hex(hash, sizeof(hash), blake2b, RNM_BLAKE2B_SIZE);
	ok = join(&model, "%.*s" TREE_OBJECTS "%s.rnm%.*s", (int)name, url, hash, (int)(whole - end),
	          url + end) &&
	     join(&signature, "%.*s" TREE_OBJECTS "%s.rnm" SIGNATURE_SUFFIX "%.*s", (int)name, url, hash,
	          (int)(whole - end), url + end);
	if (!ok) {
		free(model);
		free(signature);
		return rnm_error_nomem(err);
	}
	free(paths->model_url);
	free(paths->signature_url);
	paths->model_url = model;
	paths->signature_url = signature;
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
