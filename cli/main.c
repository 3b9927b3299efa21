/* SPDX-License-Identifier: Apache-2.0 */
#include "complete.h"
#include "exit_codes.h"
#include "help.h"
#include "neural_args.h"
#include "output.h"
#include "verbs.h"

#include <rnm/rnm.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

typedef int verb_function(const struct options *options);

static verb_function *const verb_functions[VERB_COUNT] = {
	[VERB_CONFIG] = verb_config,
	[VERB_DIGEST] = verb_digest,
	[VERB_LIST] = verb_list,
	[VERB_EXPORT] = verb_export,
	[VERB_INSPECT] = verb_inspect,
	[VERB_VERIFY] = verb_verify,
	[VERB_SCORE] = verb_score,
	[VERB_EVAL] = verb_eval,
	[VERB_DIFF] = verb_diff,
	[VERB_MERGE] = verb_merge,
	[VERB_IMPORT] = verb_import,
	[VERB_BACKUP] = verb_backup,
	[VERB_RESTORE] = verb_restore,
	[VERB_DOCTOR] = verb_doctor,
	[VERB_REFRESH] = verb_refresh,
	[VERB_KEY] = verb_key,
	[VERB_SIGN] = verb_sign,
	[VERB_PUBLISH] = verb_publish,
	[VERB_PULL] = verb_pull,
	[VERB_WATCH] = verb_watch,
	[VERB_PROBE] = verb_probe,
	[VERB_SERVE] = verb_serve,
	[VERB_HELP] = verb_help,
	[VERB_NEURAL_EXPORT] = verb_neural_export,
};

/*
 * A model must never be written to a descriptor 1 that somebody else closed and an open() has taken
 * over.  The wrong direction makes every use fail, as with a closed descriptor.
 */
static void occupy_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) == -1)
			(void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
	}
}

/* Writing to a closed pipe, or past a file size limit, is an error to report and not a death. */
static void ignore_write_signals(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
}

static void configure_output(const struct options *options)
{
	bool no_color = option_given(options, OPTION_NO_COLOR);
	const struct output_style style = {
		.quiet = option_given(options, OPTION_QUIET),
		.color_out = output_color_allowed(stdout, no_color),
		.color_err = output_color_allowed(stderr, no_color),
	};

	output_configure(&style);
}

static int print_page(enum verb verb)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	help_page(&out, verb);
	return output_buffer(&out) ? RNM_OK : RNM_E_IO;
}

static int print_verbs(void)
{
	struct rnm_buf out;

	rnm_buf_init(&out, OUTPUT_MAX);
	help_verbs(&out);
	return output_aside(&out) ? RNM_E_USAGE : RNM_E_IO;
}

static int run_verb(const struct options *options)
{
	if (option_given(options, OPTION_PROGRAM_VERSION)) {
		printf("rnm %s\n", rnm_version());
		return RNM_OK;
	}
	if (option_given(options, OPTION_LUA_ENV))
		return output_usage_error("set template variables with --var=NAME=VALUE or RSPAMD_NAME=VALUE",
		                          "--lua-env is not supported: rnm runs no Lua files");
	if (option_given(options, OPTION_HELP))
		return print_page(options->verb);
	if (options->verb == VERB_COUNT)
		return print_verbs();
	return verb_functions[options->verb](options);
}

static int run_drop_in(int argc, char **argv)
{
	const struct options options = {
		.verb = VERB_NEURAL_EXPORT,
		.rest = argv + 1,
		.rest_count = argc > 1 ? (size_t)argc - 1 : 0,
	};

	configure_output(&options);
	return verb_neural_export(&options);
}

static int run_rnm(int argc, char **argv, bool *drop_in)
{
	struct options options = { .verb = VERB_COUNT };
	struct rnm_error err = { .status = RNM_OK };
	enum rnm_status status = options_parse(&options, argc - 1, argv + 1, &err);
	int code;

	configure_output(&options);
	*drop_in = options.verb == VERB_NEURAL_EXPORT;
	code = status == RNM_OK ? run_verb(&options) : output_error(&err);
	options_free(&options);
	return code;
}

int main(int argc, char **argv)
{
	bool drop_in;
	int code;

	occupy_standard_streams();
	ignore_write_signals();
	if (argc < 1)
		return RNM_E_USAGE;
	/* Under either name; neither help nor the parser know of it. */
	if (argc > 1 && strcmp(argv[1], COMPLETE_VERB) == 0)
		return output_finish(complete(argc - 2, argv + 2));
	drop_in = neural_args_program(argv[0]);
	code = output_finish(drop_in ? run_drop_in(argc, argv) : run_rnm(argc, argv, &drop_in));
	/* Under its own name or as a verb, the drop-in has one code for all failures. */
	return drop_in && code > 0 && code <= RNM_E_REFUSED ? EXIT_NEURAL_EXPORT_FAILED : code;
}
