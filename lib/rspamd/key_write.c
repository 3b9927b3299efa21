/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "rspamd/key_internal.h"

#include <errno.h>
#include <sodium.h>

#define SECRET_MODE 0600
#define PUBLIC_MODE 0644

static enum rnm_status write_text(const char *path, const struct rnm_buf *text, mode_t mode, bool replace_old,
                                  struct rnm_error *err)
{
	struct rnm_error problem;
	enum rnm_status status =
	    rnm_file_write_with(path, text->data, text->len, mode, !replace_old, &problem);

	if (status == RNM_OK)
		return RNM_OK;
	if (problem.sys_errno == EEXIST && !replace_old) {
		rnm_error_set(err, RNM_E_REFUSED, "key.exists", "there is a file already where the key goes");
		rnm_error_at_line(err, path, 0);
		rnm_error_set_hint(
		    err, "another key may be in it, of which there is no copy; --force replaces it");
		return RNM_E_REFUSED;
	}
	if (err != NULL)
		*err = problem;
	return status;
}

enum rnm_status rnm_key_write(const struct rnm_key *key, const char *path,
                              const struct rnm_key_write_options *options, struct rnm_error *err)
{
	char *room = sodium_malloc(RNM_KEY_FILE_MAX);
	struct rnm_buf text;
	enum rnm_status status;

	if (room == NULL)
		return rnm_error_nomem(err);
	rnm_buf_init_in(&text, room, RNM_KEY_FILE_MAX);
	if (options->format == RNM_KEY_MINISIGN_FILE)
		status = rnm_key_write_minisign(key, options, &text, err);
	else
		status = rnm_key_write_ucl(key, options, &text, err);
	if (status == RNM_OK)
		status = write_text(path, &text, SECRET_MODE, options->replace, err);
	sodium_free(room);
	return status;
}

enum rnm_status rnm_public_key_write(const struct rnm_public_key *key, const char *path,
                                     enum rnm_key_encoding encoding, bool replace, struct rnm_error *err)
{
	struct rnm_buf text;
	enum rnm_status status;

	rnm_buf_init(&text, RNM_KEY_FILE_MAX);
	rnm_public_key_file_text(key, encoding, &text);
	status = text.failed ? rnm_error_nomem(err) : write_text(path, &text, PUBLIC_MODE, replace, err);
	rnm_buf_free(&text);
	return status;
}
