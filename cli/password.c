/* SPDX-License-Identifier: Apache-2.0 */
#include "password.h"
#include "interrupt.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TERMINAL "/dev/tty"

/* ---- files ---- */

enum rnm_status password_from_file(const char *path, char *password, size_t size, struct rnm_error *err)
{
	bool from_stdin = strcmp(path, "-") == 0;
	FILE *file = from_stdin ? stdin : fopen(path, "re");
	enum rnm_status status = RNM_OK;
	size_t len;

	if (file == NULL)
		return rnm_error_sys(err, "password-file", errno, "cannot open the password file %s", path);
	/* Unbuffered, so that no copy of the secret stays behind in the stream's buffer. */
	(void)setvbuf(file, NULL, _IONBF, 0);
	errno = 0;
	if (fgets(password, (int)size, file) == NULL)
		password[0] = '\0';
	len = strcspn(password, "\r\n");
	if (ferror(file) != 0)
		status = rnm_error_sys(err, "password-file", errno, "cannot read the password file %s", path);
	else if (len == size - 1)
		status = rnm_error_set(err, RNM_E_MALFORMED, "password-file",
		                       "the first line of %s is longer than %zu bytes", path, size - 2);
	else if (len == 0)
		status = rnm_error_set(err, RNM_E_MALFORMED, "password-file", "the first line of %s is empty",
		                       path);
	password[len] = '\0';
	if (!from_stdin)
		fclose(file);
	return status;
}

/* ---- the terminal ---- */

/* A line, byte by byte: what is read ahead would lie in a buffer that nobody wipes. */
static enum rnm_status read_line(int fd, char *line, size_t size, struct rnm_error *err)
{
	size_t len = 0;
	bool too_long = false;

	for (;;) {
		char c;
		ssize_t got = read(fd, &c, 1);

		if (got < 0 && errno == EINTR && interrupt_signal == 0)
			continue;
		if (got < 0 && errno == EINTR)
			return rnm_error_set(err, RNM_E_INTERRUPTED, NULL, "interrupted at the password");
		if (got < 0)
			return rnm_error_sys(err, "usage.password", errno, "cannot read from the terminal");
		if (got == 0 || c == '\n' || c == '\r')
			break;
		too_long = too_long || len + 1 >= size;
		if (!too_long)
			line[len++] = c;
	}
	line[len] = '\0';
	if (too_long)
		return rnm_error_set(err, RNM_E_USAGE, "usage.password",
		                     "the password is longer than %zu bytes", size - 1);
	return RNM_OK;
}

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		return;
}

static void prompt_on(int fd, const char *prompt)
{
	struct rnm_buf text;

	rnm_buf_init(&text, OUTPUT_MAX);
	output_escape(&text, prompt, strlen(prompt), ESCAPE_ALL);
	say(fd, rnm_buf_cstr(&text));
	rnm_buf_free(&text);
}

static enum rnm_status ask_silently(int fd, const char *prompt, char *password, size_t size,
                                    struct rnm_error *err)
{
	struct termios before, silent;
	enum rnm_status status;

	if (tcgetattr(fd, &before) != 0)
		return rnm_error_sys(err, "usage.password", errno, "cannot hide what is typed");
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	if (tcsetattr(fd, TCSAFLUSH, &silent) != 0)
		return rnm_error_sys(err, "usage.password", errno, "cannot hide what is typed");
	prompt_on(fd, prompt);
	status = read_line(fd, password, size, err);
	say(fd, "\n");
	(void)tcsetattr(fd, TCSAFLUSH, &before);
	return status;
}

/* Ctrl-C and its like only raise a flag meanwhile, or the terminal would stay as it is. */
static enum rnm_status ask_on(int fd, const char *prompt, char *password, size_t size, struct rnm_error *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction before[sizeof(signals) / sizeof(signals[0])];
	enum rnm_status status;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], NULL, &before[i]);
	interrupt_install();
	status = ask_silently(fd, prompt, password, size, err);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &before[i], NULL);
	return status;
}

enum rnm_status password_from_terminal(const char *prompt, char *password, size_t size, struct rnm_error *err)
{
	int fd = open(TERMINAL, O_RDWR | O_CLOEXEC | O_NOCTTY);
	enum rnm_status status;

	if (fd < 0) {
		rnm_error_set(err, RNM_E_USAGE, "usage.password",
		              "a password is needed, and there is no terminal to ask for it");
		rnm_error_set_hint(err, "--password-file FILE names a file that has it in its first line");
		return RNM_E_USAGE;
	}
	status = ask_on(fd, prompt, password, size, err);
	close(fd);
	return status;
}

/* ---- keys ---- */

static enum rnm_status ask(void *ctx, const char *name, char *room, struct rnm_error *err)
{
	const struct key_passwords *passwords = ctx;
	char prompt[RNM_ERROR_FILE_MAX];

	if (passwords->file != NULL)
		return password_from_file(passwords->file, room, RNM_PASSWORD_MAX + 1, err);
	(void)snprintf(prompt, sizeof(prompt), "Password of %s: ", name);
	return password_from_terminal(prompt, room, RNM_PASSWORD_MAX + 1, err);
}

struct rnm_password_source password_source(struct key_passwords *passwords, const struct options *options)
{
	passwords->file = option_text(options, OPTION_PASSWORD_FILE, NULL);
	return (struct rnm_password_source){ .ctx = passwords, .ask = ask };
}

enum rnm_status password_choose(const struct options *options, enum option file, const char *name,
                                char *password, struct rnm_error *err)
{
	const char *path = option_text(options, file, NULL);
	char prompt[RNM_ERROR_FILE_MAX];
	char again[RNM_PASSWORD_MAX + 1];
	enum rnm_status status;

	if (path != NULL)
		return password_from_file(path, password, RNM_PASSWORD_MAX + 1, err);
	(void)snprintf(prompt, sizeof(prompt), "New password for %s: ", name);
	status = password_from_terminal(prompt, password, RNM_PASSWORD_MAX + 1, err);
	if (status == RNM_OK && password[0] == '\0') {
		rnm_error_set(err, RNM_E_USAGE, "usage.password", "expected a password, found none");
		rnm_error_set_hint(err, "--no-password writes the key without one");
		return RNM_E_USAGE;
	}
	if (status == RNM_OK)
		status = password_from_terminal("Once more: ", again, sizeof(again), err);
	if (status == RNM_OK && strcmp(password, again) != 0)
		status = rnm_error_set(err, RNM_E_USAGE, "usage.password", "the two passwords differ");
	explicit_bzero(again, sizeof(again));
	return status;
}
