/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: from a file or from the terminal, never from the command line, where everybody can see them. */
#ifndef RNM_CLI_PASSWORD_H
#define RNM_CLI_PASSWORD_H

#include "options.h"

#include <rnm/key.h>

/*
 * The first line of the file, - for standard input, in a buffer that the caller wipes.  RNM_E_IO, RNM_E_MALFORMED
 * ("password-file").
 */
RNM_MUST_CHECK enum rnm_status password_from_file(const char *path, char *password, size_t size,
                                                  struct rnm_error *err);
/* Asks on the terminal without showing what is typed.  RNM_E_USAGE ("usage.password"), RNM_E_INTERRUPTED. */
RNM_MUST_CHECK enum rnm_status password_from_terminal(const char *prompt, char *password, size_t size,
                                                      struct rnm_error *err);

/* For keys that a verb loads: --password-file, else the terminal. */
struct key_passwords {
	const char *file; /* borrowed from the options; NULL: the terminal */
};
/* Borrows *passwords, which is filled in. */
struct rnm_password_source password_source(struct key_passwords *passwords, const struct options *options);
/*
 * One for a new file, in room of RNM_PASSWORD_MAX + 1 bytes: the file of the option, else asked for twice.
 * RNM_E_USAGE ("usage.password") for none, and for two that differ.
 */
RNM_MUST_CHECK enum rnm_status password_choose(const struct options *options, enum option file,
                                               const char *name, char *password, struct rnm_error *err);

#endif
