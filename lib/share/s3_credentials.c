/* SPDX-License-Identifier: Apache-2.0 */
/* The file of credentials that the tools of S3 share: sections [NAME] with lines NAME = VALUE. */
#include "base/file.h"

#include <rnm/publish.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r"

/* The memory of a file that has been read, wiped when it goes. */
struct rnm_s3_credentials {
	struct rnm_buf file;
	const char *access_key, *secret_key, *session_token;
};

static char *trim(char *line)
{
	size_t len;

	line += strspn(line, BLANKS);
	for (len = strlen(line); len > 0 && strchr(BLANKS, line[len - 1]) != NULL; len--)
		line[len - 1] = '\0';
	return line;
}

static void take(struct rnm_s3_credentials *credentials, char *line)
{
	char *value = strchr(line, '=');
	const char *name;

	if (value == NULL)
		return;
	*value++ = '\0';
	name = trim(line);
	value = trim(value);
	if (strcmp(name, "aws_access_key_id") == 0)
		credentials->access_key = value;
	else if (strcmp(name, "aws_secret_access_key") == 0)
		credentials->secret_key = value;
	else if (strcmp(name, "aws_session_token") == 0)
		credentials->session_token = value;
}

static void scan(struct rnm_s3_credentials *credentials, const char *section)
{
	char *rest = credentials->file.data, *line;
	bool inside = false;

	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		line = trim(line);
		if (*line == '[') {
			line[strcspn(line, "]")] = '\0';
			inside = strcmp(trim(line + 1), section) == 0;
		} else if (inside && *line != '#' && *line != ';') {
			take(credentials, line);
		}
	}
}

enum rnm_status rnm_s3_credentials_load(struct rnm_s3_credentials **out, const char *path,
                                        const char *section, struct rnm_error *err)
{
	struct rnm_s3_credentials *credentials = calloc(1, sizeof(*credentials));
	enum rnm_status status;

	if (credentials == NULL)
		return rnm_error_nomem(err);
	rnm_buf_init(&credentials->file, RNM_S3_CREDENTIALS_MAX + 1);
	/* Room for all of it at once: a buffer that grows leaves secrets behind. */
	status = rnm_buf_reserve(&credentials->file, RNM_S3_CREDENTIALS_MAX + 1)
	             ? rnm_file_read(path, &credentials->file, RNM_S3_CREDENTIALS_MAX, err)
	             : rnm_error_nomem(err);
	if (status == RNM_OK) {
		scan(credentials, section);
		if (credentials->access_key == NULL || credentials->secret_key == NULL)
			status =
			    rnm_error_set(err, RNM_E_MALFORMED, "s3.credentials",
			                  "%s: expected aws_access_key_id and aws_secret_access_key in the "
			                  "section [%s]",
			                  path, section);
	}
	if (status == RNM_OK)
		*out = credentials;
	else
		rnm_s3_credentials_free(credentials);
	return status;
}

void rnm_s3_credentials_free(struct rnm_s3_credentials *credentials)
{
	if (credentials == NULL)
		return;
	if (credentials->file.data != NULL)
		sodium_memzero(credentials->file.data, credentials->file.cap);
	rnm_buf_free(&credentials->file);
	free(credentials);
}

void rnm_s3_credentials_use(const struct rnm_s3_credentials *credentials, struct rnm_s3_options *options)
{
	options->access_key = credentials->access_key;
	options->secret_key = credentials->secret_key;
	options->session_token = credentials->session_token;
}
