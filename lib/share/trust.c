/* SPDX-License-Identifier: Apache-2.0 */
#include <rnm/sign.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SUFFIX ".pub"

struct rnm_trust {
	struct rnm_trusted_key keys[RNM_TRUST_KEYS_MAX];
	char *names[RNM_TRUST_KEYS_MAX]; /* of the keys */
	size_t count;
};

enum rnm_status rnm_trust_new(struct rnm_trust **out, struct rnm_error *err)
{
	struct rnm_trust *trust = calloc(1, sizeof(*trust));

	if (trust == NULL)
		return rnm_error_nomem(err);
	*out = trust;
	return RNM_OK;
}

void rnm_trust_free(struct rnm_trust *trust)
{
	if (trust == NULL)
		return;
	for (size_t i = 0; i < trust->count; i++)
		free(trust->names[i]);
	free(trust);
}

size_t rnm_trust_count(const struct rnm_trust *trust)
{
	return trust->count;
}

const struct rnm_trusted_key *rnm_trust_at(const struct rnm_trust *trust, size_t index)
{
	return index < trust->count ? &trust->keys[index] : NULL;
}

const struct rnm_trusted_key *rnm_trust_find(const struct rnm_trust *trust, const struct rnm_public_key *key)
{
	for (size_t i = 0; i < trust->count; i++)
		if (rnm_public_key_equal(&trust->keys[i].key, key))
			return &trust->keys[i];
	return NULL;
}

static enum rnm_status add(struct rnm_trust *trust, const struct rnm_public_key *key, const char *name,
                           struct rnm_error *err)
{
	struct rnm_trusted_key *next = &trust->keys[trust->count];

	if (rnm_trust_find(trust, key) != NULL)
		return RNM_OK;
	if (trust->count == RNM_TRUST_KEYS_MAX)
		return rnm_error_set(err, RNM_E_USAGE, "trust.too-many", "more than %d keys to trust",
		                     RNM_TRUST_KEYS_MAX);
	trust->names[trust->count] = strdup(name);
	if (trust->names[trust->count] == NULL)
		return rnm_error_nomem(err);
	next->name = trust->names[trust->count];
	next->key = *key;
	trust->count++;
	return RNM_OK;
}

enum rnm_status rnm_trust_add_text(struct rnm_trust *trust, const char *text, struct rnm_error *err)
{
	struct rnm_public_key key;
	enum rnm_status status = rnm_public_key_parse(&key, text, err);

	return status == RNM_OK ? add(trust, &key, text, err) : status;
}

enum rnm_status rnm_trust_add_file(struct rnm_trust *trust, const char *path, struct rnm_error *err)
{
	struct rnm_public_key key;
	enum rnm_status status = rnm_public_key_load(&key, path, err);

	return status == RNM_OK ? add(trust, &key, path, err) : status;
}

enum rnm_status rnm_trust_add(struct rnm_trust *trust, const char *text_or_path, struct rnm_error *err)
{
	enum rnm_status status = rnm_trust_add_text(trust, text_or_path, err);

	if (status != RNM_E_MALFORMED)
		return status;
	status = rnm_trust_add_file(trust, text_or_path, err);
	if (status == RNM_E_NOT_FOUND)
		rnm_error_set_hint(err,
		                   "a key is named by its text, as rnm key show prints it, or by a file that "
		                   "holds it");
	return status;
}

static bool is_key_file(const char *name)
{
	const size_t len = strlen(name);
	const size_t suffix = strlen(KEY_SUFFIX);

	return len > suffix && name[0] != '.' && strcmp(name + len - suffix, KEY_SUFFIX) == 0;
}

static enum rnm_status folder_error(const char *path, int errnum, struct rnm_error *err)
{
	const enum rnm_status status = errnum == ENOENT ? RNM_E_NOT_FOUND : RNM_E_IO;

	rnm_error_sys(err, "file.open", errnum, "cannot read the folder of trusted keys");
	if (err != NULL)
		err->status = status;
	return rnm_error_at_line(err, path, 0), status;
}

static enum rnm_status add_entries(struct rnm_trust *trust, DIR *folder, const char *path,
                                   struct rnm_error *err)
{
	const struct dirent *entry;
	enum rnm_status status = RNM_OK;

	while (errno = 0, status == RNM_OK && (entry = readdir(folder)) != NULL) {
		char *file = NULL;

		if (!is_key_file(entry->d_name))
			continue;
		if (asprintf(&file, "%s/%s", path, entry->d_name) < 0)
			return rnm_error_nomem(err);
		status = rnm_trust_add_file(trust, file, err);
		free(file);
	}
	return status == RNM_OK && errno != 0 ? folder_error(path, errno, err) : status;
}

enum rnm_status rnm_trust_add_folder(struct rnm_trust *trust, const char *path, struct rnm_error *err)
{
	DIR *folder = opendir(path);
	enum rnm_status status;

	if (folder == NULL)
		return folder_error(path, errno, err);
	status = add_entries(trust, folder, path, err);
	closedir(folder);
	if (status != RNM_OK || trust->count > 0)
		return status;
	rnm_error_set(err, RNM_E_NOT_FOUND, "trust.empty",
	              "expected public keys (*%s) in the folder, found none", KEY_SUFFIX);
	return rnm_error_at_line(err, path, 0), RNM_E_NOT_FOUND;
}
