/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of verbs and options.  The parser, every help text, the man pages and the completions
 * come from them; nothing else knows how an option is spelled.
 */
#ifndef RNM_CLI_OPTIONS_H
#define RNM_CLI_OPTIONS_H

#include <rnm/config.h>

enum verb {
	VERB_CONFIG,
	VERB_DIGEST,
	VERB_LIST,
	VERB_EXPORT,
	VERB_INSPECT,
	VERB_VERIFY,
	VERB_SCORE,
	VERB_EVAL,
	VERB_DIFF,
	VERB_MERGE,
	VERB_IMPORT,
	VERB_BACKUP,
	VERB_RESTORE,
	VERB_DOCTOR,
	VERB_REFRESH,
	VERB_KEY,
	VERB_SIGN,
	VERB_PUBLISH,
	VERB_PULL,
	VERB_WATCH,
	VERB_PROBE,
	VERB_SERVE,
	VERB_NEURAL_EXPORT,
	VERB_HELP,
	VERB_COUNT
};

/* Where an option may stand: bits of struct option_spec.scopes. */
#define ON(verb) (1u << (verb))
#define BEFORE_VERB (1u << VERB_COUNT)

enum option {
	OPTION_HELP,
	OPTION_PROGRAM_VERSION,
	OPTION_VAR,
	OPTION_LUA_ENV,
	OPTION_CONFIG,
	OPTION_QUIET,
	OPTION_NO_COLOR,
	OPTION_RULE,
	OPTION_SETTINGS,
	OPTION_ALL,
	OPTION_OUTPUT,
	OPTION_MODEL_VERSION,
	OPTION_NEWEST,
	OPTION_ANY_DIGEST,
	OPTION_COMPRESS,
	OPTION_HASH,
	OPTION_DRY_RUN,
	OPTION_EXPLAIN,
	OPTION_ORIGIN,
	OPTION_CHECK,
	OPTION_JSON,
	OPTION_MARKDOWN,
	OPTION_DOT,
	OPTION_SVG,
	OPTION_TENSORS,
	OPTION_STRICT,
	OPTION_LIVE,
	OPTION_VECTORS,
	OPTION_FORMAT,
	OPTION_PCA,
	OPTION_RAW,
	OPTION_KEEP_GOING,
	OPTION_SPAM,
	OPTION_HAM,
	OPTION_FPR,
	OPTION_REPORT,
	OPTION_EXIT_CODE,
	OPTION_KEEP,
	OPTION_SYMBOLS,
	OPTION_WITH_TRAINING,
	OPTION_REPLACE,
	OPTION_FORCE,
	OPTION_FIX,
	OPTION_EXPIRING,
	OPTION_MAPS_DIR,
	OPTION_EXPIRE,
	OPTION_POLL,
	OPTION_ADDRESS,
	OPTION_SAMPLES,
	OPTION_PAUSE,
	OPTION_USER_AGENT,
	OPTION_LISTEN,
	OPTION_ADMIN,
	OPTION_INTERVAL,
	OPTION_ACCESS_LOG,
	OPTION_MAX_CONNECTIONS,
	OPTION_MAX_PER_ADDRESS,
	OPTION_GRACE,
	OPTION_FROM_REDIS,
	OPTION_REDIS,
	OPTION_PASSWORD_FILE,
	OPTION_CACERT,
	OPTION_CACERTDIR,
	OPTION_CERT,
	OPTION_KEY,
	OPTION_SNI,
	OPTION_INSECURE,
	OPTION_STATE,
	OPTION_EXEC,
	OPTION_IMPORT,
	OPTION_EVERY,
	OPTION_PRINT_CONFIG,
	OPTION_ALLOW_ROLLBACK,
	OPTION_MAX_SIZE,
	OPTION_TIMEOUT,
	OPTION_AUTH_FILE,
	OPTION_PLAIN_HTTP,
	/* Of an HTTP server; the ones above are of a Redis. */
	OPTION_HTTP_CACERT,
	OPTION_HTTP_CACERTDIR,
	OPTION_HTTP_CERT,
	OPTION_HTTP_CERT_KEY,
	OPTION_LUA54_NUMBERS,
	OPTION_SIGN_KEY,
	OPTION_TRUST_KEY,
	OPTION_TRUSTED,
	OPTION_RAW_SIGNATURE,
	OPTION_NAME,
	OPTION_NOT_AFTER,
	OPTION_VALID_FOR,
	OPTION_ANY_FILE,
	OPTION_ENCODING,
	OPTION_PUBOUT,
	OPTION_NO_PASSWORD,
	OPTION_TO,
	OPTION_ROLLBACK,
	OPTION_RENEW,
	OPTION_SIGN,
	OPTION_KEY_PASSWORD_FILE,
	OPTION_ENDPOINT,
	OPTION_REGION,
	OPTION_CREDENTIALS,
	OPTION_ENDPOINT_CACERT,
	OPTION_NEW_PASSWORD_FILE,
	OPTION_MIN_AUC,
	OPTION_MAX_DRIFT,
	OPTION_GATE,
	OPTION_EVAL,
	OPTION_ONCE,
	OPTION_LIST,
	OPTION_DIGEST,
	OPTION_COUNT
};

enum option_type {
	OPTION_TYPE_FLAG,
	OPTION_TYPE_TEXT,
	OPTION_TYPE_OPTIONAL, /* a text that may be left out: --redis or --redis=URL, never --redis URL */
	OPTION_TYPE_FILE,
	OPTION_TYPE_FOLDER,
	OPTION_TYPE_NUMBER,  /* checked while parsing, see number_parse */
	OPTION_TYPE_VARIABLE /* NAME=VALUE, may be repeated */
};

struct option_spec {
	enum option id;
	const char *name; /* long name without dashes */
	char letter;      /* 0: none */
	enum option_type type;
	const char *argument; /* what help calls the argument; NULL for flags */
	const char *standard; /* text of the default; NULL: none */
	const char *help;
	unsigned scopes;
	bool unlisted; /* accepted and explained, but not part of the usage line that records pin */
};

struct example {
	const char *command;
	const char *what;
};

#define EXAMPLES_MAX 6

struct verb_spec {
	const char *name;
	const char *operands; /* "[SECTION...]"; NULL: none are accepted */
	size_t operands_max;
	const char *summary;     /* one line, for the overview */
	const char *description; /* paragraphs, for the verb's own page */
	struct example examples[EXAMPLES_MAX];
};

/* Two options of a verb that make no sense together. */
struct option_conflict {
	enum verb verb;
	enum option first;
	enum option second;
	const char *why;
};

extern const char command_summary[];
extern const struct verb_spec verb_specs[VERB_COUNT];
extern const struct option_spec option_specs[];
extern const size_t option_spec_count;
extern const struct option_conflict option_conflicts[];
extern const size_t option_conflict_count;

struct option_value {
	unsigned count;   /* how often it was given; the last one wins */
	const char *text; /* NULL for flags; borrowed from argv */
	double number;    /* OPTION_TYPE_NUMBER */
};

struct options {
	enum verb verb; /* VERB_COUNT: none was given */
	struct option_value values[OPTION_COUNT];
	struct rnm_config_var *vars; /* both strings of each are owned */
	size_t var_count;
	const char **operands;
	size_t operand_count;
	const struct option_spec *unfinished; /* the last word, when its argument is missing; else NULL */
	/* What follows `neural_export`, which keeps the original's own rules (see neural_args.h). */
	char **rest;
	size_t rest_count;
};

/*
 * Parses a command line after the program's name.  argv must outlive *out; options_free releases the
 * rest and may be called after a failure.  RNM_E_USAGE with a hint; RNM_E_NOMEM.
 */
RNM_MUST_CHECK enum rnm_status options_parse(struct options *out, int argc, char **argv,
                                             struct rnm_error *err);
void options_free(struct options *options);

static inline bool option_given(const struct options *options, enum option id)
{
	return options->values[id].count > 0;
}

/* The text that was given, else fallback. */
static inline const char *option_text(const struct options *options, enum option id, const char *fallback)
{
	return options->values[id].count > 0 ? options->values[id].text : fallback;
}

/* The table's row for an option within a scope, by spelling; NULL when there is none. */
const struct option_spec *option_by_name(unsigned scope, const char *name, size_t len);
const struct option_spec *option_by_letter(unsigned scope, char letter);

/* VERB_COUNT when name is no verb. */
enum verb verb_by_name(const char *name);

/*
 * A number as Lua's tonumber() reads it, which is what the original accepts: blanks around, decimal,
 * hexadecimal, binary (0b), exponents, inf, nan.
 */
bool number_parse(const char *text, double *number);

/*
 * How many single-character edits (swaps included, changes of case not counted) lead from a to b;
 * limit + 1 for names too long to compare.
 */
size_t edit_distance(const char *a, const char *b, size_t limit);

#endif
