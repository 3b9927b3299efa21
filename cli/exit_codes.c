/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_codes.h"

#include <rnm/error.h>
#include <signal.h>

const struct exit_code exit_codes[] = {
	{ RNM_OK, "done", "done" },
	{ RNM_NO, "no",
	  "the answer is no: not valid, differs, incompatible, or something suspicious was found" },
	{ RNM_E_USAGE, "usage",
	  "wrong usage: an unknown verb or option, or options that exclude each other" },
	{ RNM_E_MALFORMED, "malformed", "input that breaks the rules of its format, or exceeds a limit" },
	{ RNM_E_NOT_FOUND, "not-found", "no such file, section, rule, model or version" },
	{ RNM_E_IO, "io", "a system call or the network failed, or memory ran out" },
	{ RNM_E_REDIS, "redis", "Redis answered with an error" },
	{ RNM_E_SIGNATURE, "signature", "unsigned, signed with another key, or a bad signature" },
	{ RNM_E_REFUSED, "refused",
	  "refused by a safety rule; the message names the option that overrides it" },
	{ EXIT_BY_SIGNAL(SIGHUP), "hangup",
	  "stopped because the terminal went away; nothing half written is left" },
	{ EXIT_BY_SIGNAL(SIGINT), "interrupted", "stopped by Ctrl-C (SIGINT); nothing half written is left" },
	{ EXIT_BY_SIGNAL(SIGPIPE), "closed-pipe",
	  "stopped because nobody reads standard output any more, as with `rnm list | head`" },
	{ EXIT_BY_SIGNAL(SIGTERM), "terminated", "stopped by SIGTERM; nothing half written is left" },
};
const size_t exit_code_count = sizeof(exit_codes) / sizeof(exit_codes[0]);
