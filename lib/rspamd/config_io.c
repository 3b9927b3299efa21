/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grow.h"
#include "rspamd/config_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int io_is_regular(void *ctx, const char *full, bool *regular)
{
	struct stat st;

	(void)ctx;
	if (stat(full, &st) != 0)
		return errno;
	*regular = S_ISREG(st.st_mode);
	return 0;
}

static enum rnm_status fail_limit(struct rnm_error *err, const char *file, size_t limit, const char *what)
{
	rnm_error_set(err, RNM_E_MALFORMED, "config.limit", "reading %s would exceed the limit of %zu %s",
	              file, limit, what);
	rnm_error_at_line(err, file, 0);
	return RNM_E_MALFORMED;
}

static bool read_whole(int fd, char *text, size_t size, size_t *len)
{
	*len = 0;
	while (*len < size) {
		ssize_t got = read(fd, text + *len, size - *len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break; /* shrunk meanwhile */
		*len += (size_t)got;
	}
	return true;
}

static enum rnm_status not_regular(struct rnm_error *err, const char *file, mode_t mode)
{
	const char *found = S_ISDIR(mode)    ? "a folder"
	                    : S_ISFIFO(mode) ? "a pipe"
	                    : S_ISSOCK(mode) ? "a socket"
	                                     : "a device";

	if (err == NULL)
		return RNM_E_IO;
	rnm_error_set(err, RNM_E_IO, "config.open", "expected %s to be a regular file, found %s", file,
	              found);
	rnm_error_set_hint(err, S_ISDIR(mode)
	                            ? "name the file in it, usually rspamd.conf"
	                            : "rspamd maps its files into memory: save the text as a file first");
	err->sys_errno = ENODEV; /* what mmap gives for it, and rspamd prints */
	return RNM_E_IO;
}

/*
 * The file's bytes as of now in *text (malloc'd, with a NUL behind).  Not rnm_file_read: a regular file
 * whose size is known takes one read call, and a configuration consists of a hundred small ones.
 */
static enum rnm_status read_file(const char *file, size_t max, char **text, size_t *len,
                                 struct rnm_error *err)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum rnm_status status = RNM_OK;
	struct stat st;

	*text = NULL;
	if (fd < 0)
		return rnm_error_sys(err, "config.open", errno, "cannot open %s", file);
	if (fstat(fd, &st) != 0)
		status = rnm_error_sys(err, "config.open", errno, "cannot open %s", file);
	else if (!S_ISREG(st.st_mode))
		status = not_regular(err, file, st.st_mode);
	else if ((uintmax_t)st.st_size > max)
		status = fail_limit(err, file, max, "bytes in one file");
	else if ((*text = malloc((size_t)st.st_size + 1)) == NULL)
		status = rnm_error_nomem(err);
	else if (!read_whole(fd, *text, (size_t)st.st_size, len))
		status = rnm_error_sys(err, "config.open", errno, "cannot read %s", file);
	close(fd);
	if (status != RNM_OK || *text == NULL) {
		free(*text);
		return status;
	}
	(*text)[*len] = '\0';
	return RNM_OK;
}

static enum rnm_status start_engine(struct config_loader *loader, struct rnm_error *err)
{
	const struct rnm_config_limits *limits = &loader->config->limits;
	struct rnm_template_options options = {
		.env = loader->names->env,
		.env_count = loader->names->env_count,
		.paths = loader->names->paths,
		.path_count = loader->names->path_count,
		.max_lua_steps = limits->max_lua_steps,
		.max_lua_bytes = limits->max_lua_bytes,
		.max_lua_seconds = limits->max_lua_seconds,
		.max_output_bytes = limits->max_total_bytes,
	};

	return loader->engine != NULL ? RNM_OK : rnm_template_new(&loader->engine, &options, err);
}

/* Replaces *text by its expansion.  A failure names the file, which rspamd cannot. */
static enum rnm_status expand(struct config_loader *loader, const char *file, char **text, size_t *len,
                              struct rnm_error *err)
{
	struct rnm_error local;
	struct rnm_buf out;
	enum rnm_status status;

	rnm_error_clear(&local);
	rnm_buf_init(&out, loader->config->limits.max_total_bytes);
	status = start_engine(loader, &local);
	if (status == RNM_OK)
		status = rnm_template_expand(loader->engine, *text, *len, &out, &local);
	if (status == RNM_OK) {
		*len = out.len;
		free(*text);
		*text = rnm_buf_steal(&out);
		if (*text == NULL && *len == 0) /* an expansion to nothing never allocated */
			*text = calloc(1, 1);
		return *text != NULL ? RNM_OK : rnm_error_nomem(err);
	}
	rnm_buf_free(&out);
	if (local.has_column)
		rnm_error_at_column(&local, file, local.line, local.column);
	else
		rnm_error_at_line(&local, file, local.line);
	if (strcmp(local.id, "config.template") == 0) {
		/* rspamd prints the template's text on a line of its own and this one after it. */
		if (local.reference[0] != '\0')
			memcpy(local.message, local.reference, sizeof(local.message));
		rnm_error_set_reference(&local, "call for external handler failed");
	}
	if (err != NULL)
		*err = local;
	return status;
}

/* Keeps text until the tree is finished and counts it. */
static enum rnm_status keep_text(struct config_loader *loader, const char *file, char *text, size_t len,
                                 struct rnm_error *err)
{
	const struct rnm_config_limits *limits = &loader->config->limits;
	char **texts = rnm_grow(loader->texts, loader->text_count, &loader->text_cap, sizeof(*texts));

	if (texts == NULL) {
		free(text);
		return rnm_error_nomem(err);
	}
	loader->texts = texts;
	loader->texts[loader->text_count++] = text;
	if (len > limits->max_total_bytes - loader->total_bytes)
		return fail_limit(err, file, limits->max_total_bytes, "bytes in all files");
	loader->total_bytes += len;
	return RNM_OK;
}

static enum rnm_status read_text(struct config_loader *loader, const char *file, bool with_template,
                                 const char **text, size_t *len, struct rnm_error *err)
{
	struct rnm_config *config = loader->config;
	enum rnm_status status;
	const char *name;
	char *bytes;

	if (config->file_count >= config->limits.max_files)
		return fail_limit(err, file, config->limits.max_files, "files");
	status = read_file(file, config->limits.max_file_bytes, &bytes, len, err);
	if (status != RNM_OK)
		return status;
	name = rnm_arena_strndup(&config->arena, file, strlen(file));
	if (name == NULL || !config_add_name(&config->files, &config->file_count, &config->file_cap, name)) {
		free(bytes);
		return rnm_error_nomem(err);
	}
	if (with_template && rnm_template_needed(bytes, *len))
		status = expand(loader, file, &bytes, len, err);
	if (status != RNM_OK) {
		free(bytes);
		return status;
	}
	*text = bytes;
	return keep_text(loader, file, bytes, *len, err);
}

static enum rnm_status io_read(void *ctx, const char *full, bool with_template, const char **text,
                               size_t *len, struct rnm_error *err)
{
	return read_text(ctx, full, with_template, text, len, err);
}

const struct rnm_ucl_io config_io_table = {
	.resolve = config_resolve,
	.is_regular = io_is_regular,
	.read = io_read,
	.glob = config_glob,
	.names_free = config_names_drop,
};

/* What rspamd says when the main file cannot be mapped. */
static void say_main(struct rnm_error *err, const char *path, const char *verb, int errnum)
{
	char text[256];

	rnm_error_set_reference(err, "failed to load config: cannot open %s: cannot %s file %s: %s", path,
	                        verb, path, strerror_r(errnum, text, sizeof(text)));
	rnm_error_at_line(err, path, 0);
}

enum rnm_status config_read_main(struct config_loader *loader, const char **text, size_t *len,
                                 struct rnm_error *err)
{
	const char *path = loader->config->path;
	struct rnm_error local;
	enum rnm_status status;
	struct stat st;

	/* rspamd maps the file, and an empty one cannot be mapped; an empty included file is fine. */
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0) {
		status = rnm_error_set(err, RNM_E_MALFORMED, "config.open",
		                       "the configuration file %s is empty", path);
		say_main(err, path, "mmap", EINVAL);
		return status;
	}
	rnm_error_clear(&local);
	status = read_text(loader, path, true, text, len, &local);
	if (status == RNM_OK)
		return RNM_OK;
	if (status == RNM_E_IO) {
		if (local.sys_errno == ENOENT)
			status = local.status = RNM_E_NOT_FOUND;
		say_main(&local, path, local.sys_errno == ENODEV ? "mmap" : "open", local.sys_errno);
	}
	if (err != NULL)
		*err = local;
	return status;
}

void config_loader_free(struct config_loader *loader)
{
	rnm_template_free(loader->engine);
	config_resolve_free(loader);
	for (size_t i = 0; i < loader->text_count; i++)
		free(loader->texts[i]);
	free(loader->texts);
}
