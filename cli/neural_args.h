/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of neural_export, read by the rules of the original's parser (lua-argparse): texts
 * of usage, help and errors are pinned by recorded runs.
 */
#ifndef RNM_CLI_NEURAL_ARGS_H
#define RNM_CLI_NEURAL_ARGS_H

#include "options.h"

#include <rnm/buf.h>

struct neural_args {
	struct option_value values[OPTION_COUNT];
	/* The sentence after "Error: "; may hold a second line.  "" when there is none. */
	char error[RNM_ERROR_TEXT_MAX];
	const struct option_spec *unfinished; /* the last word, when its argument is missing; else NULL */
};

/* Whether a program of this name, with or without folders, is the drop-in. */
bool neural_args_program(const char *program);

/* False after a usage error.  With OPTION_HELP given, parsing stopped there. */
bool neural_args_parse(struct neural_args *args, size_t argc, char *const *argv);

void neural_args_usage(struct rnm_buf *out);
/* The whole help; config_path is the default of --config as it stands. */
void neural_args_help(struct rnm_buf *out, const char *config_path);

#endif
