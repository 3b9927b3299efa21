/* SPDX-License-Identifier: Apache-2.0 */
/* The table itself: data only. */
#include "options.h"

#include "model_argument.h"

/* Verbs that take a MODEL, which may be in Redis. */
#define READS_MODEL                                                                                          \
	(ON(VERB_INSPECT) | ON(VERB_VERIFY) | ON(VERB_SCORE) | ON(VERB_EVAL) | ON(VERB_DIFF) | ON(VERB_MERGE))
#define READS_REDIS (ON(VERB_LIST) | ON(VERB_EXPORT) | READS_MODEL)
#define READS_CONFIG (ON(VERB_CONFIG) | ON(VERB_DIGEST) | READS_REDIS)
#define EVERY_VERB (READS_CONFIG | ON(VERB_HELP))

const struct verb_spec verb_specs[VERB_COUNT] = {
	[VERB_CONFIG] = {
		"config", "[SECTION...]", 1000,
		"print configuration sections as rspamd's modules see them",
		"Reads a rspamd configuration (templates, includes, local.d and override.d) and prints a section as\n"
		"one JSON value: what rspamd's Lua modules get from rspamd_config:get_all_opt(SECTION). Several\n"
		"sections are printed as an object by name. Without a name that object holds every section; one\n"
		"that rspamd's modules could not read, a list, is then printed as it stands.",
		{
			{ "rnm config neural", "the section neural of the default configuration" },
			{ "rnm config -c /etc/rspamd/rspamd.conf redis neural gpt", "three sections in one object" },
			{ "rnm config --origin neural", "each value with the file and line that it came from" },
			{ "rnm config --check", "what looks wrong for the neural module" },
			{ "rnm --var=LOCAL_CONFDIR=/srv/rspamd config neural", "a tree in another place" },
		},
	},
	[VERB_DIGEST] = {
		"digest", NULL, 0,
		"print the providers digest of a rule",
		"The digest names the inputs that a rule's models are trained for; a model trained under another\n"
		"digest is of no use to the rule. Needs no Redis. A rule without providers has no digest: that\n"
		"answer is exit code 1.",
		{
			{ "rnm digest", "the digest of the rule `default`" },
			{ "rnm digest -r embed --explain", "every field that counts, where it came from, what is hashed" },
			{ "rnm digest --all --json", "all rules, for a script" },
		},
	},
	[VERB_LIST] = {
		"list", NULL, 0,
		"list the models of a rule in Redis",
		"Shows every model profile of a rule and settings id, newest first: whether its network is there,\n"
		"how big it is, when it expires, whether it was trained under the configuration's digest, which one\n"
		"rspamd's workers serve and which one the original neural_export would export.\n"
		"\n"
		"With --redis no configuration is needed: without one, the rule's name is taken as its prefix and\n"
		"digests are shown but cannot be compared.",
		{
			{ "rnm list -r embed", "the models of rule `embed`, settings id `default`" },
			{ "rnm list --all", "every rule and settings id that Redis knows" },
			{ "rnm list --redis redis://127.0.0.1:6379/2 -r embed", "another server than the configured one" },
			{ "rnm list -r embed --json | jq '.lists[].served'", "the model that workers serve" },
		},
	},
	[VERB_EXPORT] = {
		"export", NULL, 0,
		"write a model from Redis to an RNM1 file",
		"Takes the model that rspamd's workers would serve (trained under the configuration's digest, highest\n"
		"version), checks all of it and writes it as one file. The file appears complete or not at all.\n"
		"\n"
		"SOURCE_DATE_EPOCH, when set, is the time that is stamped into the file.",
		{
			{ "rnm export -r embed -o embed.rnm", "the model that is served" },
			{ "rnm export -r embed -v 7 -o embed-7.rnm", "a certain version" },
			{ "rnm export -r embed -o - | ssh other 'cat > embed.rnm'", "to standard output" },
			{ "rnm export -r embed --dry-run", "read and check everything, write nothing" },
			{ "rnm export --all -o backup/", "every rule and settings id with a model" },
		},
	},
	[VERB_INSPECT] = {
		"inspect", "MODEL", 1,
		"show what is in a model",
		"Expands and checks the network, the PCA matrix and the numbers of a model and shows them on one\n"
		"screen. What keeps rspamd from using the model is named as a problem, and the exit code is then 1.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm inspect embed.rnm", "a file" },
			{ "ssh other cat embed.rnm | rnm inspect -", "from a pipe" },
			{ "rnm inspect redis:embed", "the model that workers serve" },
			{ "rnm inspect embed.rnm --json | jq .architecture", "one field, for a script" },
		},
	},
	[VERB_VERIFY] = {
		"verify", "MODEL", 1,
		"say whether a model is sound, and whether rspamd would use it",
		"Checks everything that can be checked without mail: structure, zstd frames, numbers, dimensions,\n"
		"thresholds, what the network answers, and the rules for published files.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm verify embed.rnm", "a file by itself" },
			{ "rnm verify embed.rnm -r embed", "for a rule of the configuration" },
		},
	},
	[VERB_SCORE] = {
		"score", "MODEL", 1,
		"compute what a model says of vectors",
		"Reads vectors and prints one JSON line for each.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm score embed.rnm --vectors mail.jsonl", "a file of vectors" },
			{ "generate-vectors | rnm score embed.rnm", "from a pipe" },
		},
	},
	[VERB_EVAL] = {
		"eval", "MODEL", 1,
		"measure how well a model tells spam from ham",
		"Scores vectors of known classes.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm eval embed.rnm --spam spam.jsonl --ham ham.jsonl", "from files" },
		},
	},
	[VERB_DIFF] = {
		"diff", "A B", 2,
		"compare two models",
		"Compares metadata, architecture, symbols and weights.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm diff old.rnm new.rnm", "two files" },
		},
	},
	[VERB_MERGE] = {
		"merge", "MODEL=WEIGHT...", 64,
		"write the weighted mean of models",
		"Averages the weights of models of one architecture.\n"
		"\n" MODEL_ARGUMENT_HELP,
		{
			{ "rnm merge -o both.rnm a.rnm=0.6 b.rnm=0.4", "two models" },
		},
	},
	[VERB_NEURAL_EXPORT] = {
		"neural_export", NULL, 0,
		"the original's command: same options, output and exit codes",
		"Export neural network model from Redis to RNM1 format",
		{
			{ "rnm neural_export -r embed -o embed.rnm", "as rspamadm neural_export -r embed -o embed.rnm" },
			{ "rnm neural_export -r embed --list", "as rspamadm neural_export -r embed --list" },
			{ "ln -s \"$(command -v rnm)\" neural_export", "the same under its own name" },
		},
	},
	[VERB_HELP] = {
		"help", "[VERB|TOPIC]", 1,
		"explain a verb or one of the topics exit-codes, environment, json",
		"Prints the page of a verb or of a topic.",
		{
			{ "rnm help export", "the page of a verb" },
			{ "rnm help exit-codes", "what the exit codes mean" },
			{ "rnm help environment", "the environment variables that count" },
			{ "rnm help json", "the fields of the JSON documents" },
		},
	},
};

const struct option_spec option_specs[] = {
	{ OPTION_CONFIG, "config", 'c', OPTION_TYPE_FILE, "FILE", "<CONFDIR>/rspamd.conf",
	  "read this rspamd configuration", READS_CONFIG | BEFORE_VERB, false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", "default", "name of the rule",
	  ON(VERB_DIGEST) | ON(VERB_LIST) | ON(VERB_EXPORT), false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "RULE", NULL,
	  "also say whether rspamd would load the model for this rule of the configuration", ON(VERB_VERIFY),
	  false },
	{ OPTION_SETTINGS, "settings", 's', OPTION_TYPE_TEXT, "SETTINGS", "default",
	  "settings id of the models", ON(VERB_LIST) | ON(VERB_EXPORT), false },
	{ OPTION_ALL, "all", 'a', OPTION_TYPE_FLAG, NULL, NULL, "every rule of the configuration",
	  ON(VERB_DIGEST), false },
	{ OPTION_ALL, "all", 'a', OPTION_TYPE_FLAG, NULL, NULL,
	  "every rule and settings id found in Redis; -r and -s narrow it down", ON(VERB_LIST), false },
	{ OPTION_ALL, "all", 'a', OPTION_TYPE_FLAG, NULL, NULL,
	  "every rule and settings id with a model, into the folder of -o; -r and -s narrow it down",
	  ON(VERB_EXPORT), false },
	{ OPTION_OUTPUT, "output", 'o', OPTION_TYPE_FILE, "FILE", NULL,
	  "file to write, - for standard output; with --all an existing folder", ON(VERB_EXPORT), false },
	{ OPTION_MODEL_VERSION, "version", 'v', OPTION_TYPE_NUMBER, "VERSION", NULL,
	  "only a model of this version", ON(VERB_EXPORT), false },
	{ OPTION_NEWEST, "newest", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "take the most recently saved model, as the original does, instead of the highest version",
	  ON(VERB_EXPORT), false },
	{ OPTION_ANY_DIGEST, "any-digest", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "take a model even if it was trained under another digest than the configuration's",
	  ON(VERB_EXPORT), false },
	{ OPTION_COMPRESS, "compress", 0, OPTION_TYPE_FLAG, NULL, NULL, "write the file as one zstd frame",
	  ON(VERB_EXPORT), false },
	{ OPTION_HASH, "hash", 0, OPTION_TYPE_FLAG, NULL, NULL, "also tell the BLAKE2b-256 hash of the file",
	  ON(VERB_EXPORT), false },
	{ OPTION_DRY_RUN, "dry-run", 'n', OPTION_TYPE_FLAG, NULL, NULL,
	  "read and check everything, write nothing", ON(VERB_EXPORT), false },
	{ OPTION_EXPLAIN, "explain", 'e', OPTION_TYPE_FLAG, NULL, NULL,
	  "show each field that counts, its origin, and the bytes that are hashed", ON(VERB_DIGEST), false },
	{ OPTION_ORIGIN, "origin", 0, OPTION_TYPE_FLAG, NULL, NULL, "add file and line to each value",
	  ON(VERB_CONFIG), false },
	{ OPTION_CHECK, "check", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "name what is suspicious for the neural module; exit code 1 if anything is", ON(VERB_CONFIG),
	  false },
	{ OPTION_JSON, "json", 'j', OPTION_TYPE_FLAG, NULL, NULL, "print one JSON document (rnm help json)",
	  READS_CONFIG, false },
	{ OPTION_REDIS, "redis", 0, OPTION_TYPE_TEXT, "URL", NULL,
	  "use this server instead of the configured ones: redis://[user[:pass]@]host[:port][/db] or "
	  "unix:///path[?db=N]",
	  READS_REDIS, false },
	{ OPTION_PASSWORD_FILE, "password-file", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "take the Redis password from the first line of this file, - for standard input", READS_REDIS,
	  false },
	{ OPTION_LUA54_NUMBERS, "lua54-numbers", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "compute digests as a rspamd built with Lua 5.4 instead of LuaJIT does",
	  ON(VERB_DIGEST) | READS_REDIS | BEFORE_VERB, false },
	{ OPTION_VAR, "var", 0, OPTION_TYPE_VARIABLE, "NAME=VALUE", NULL,
	  "set a path such as CONFDIR, or a template variable, as rspamadm --var does", BEFORE_VERB, false },
	{ OPTION_LUA_ENV, "lua-env", 0, OPTION_TYPE_FILE, "FILE", NULL,
	  "not supported: rnm runs no Lua files; use --var or RSPAMD_* variables", BEFORE_VERB, false },
	{ OPTION_QUIET, "quiet", 'q', OPTION_TYPE_FLAG, NULL, NULL, "no warnings, notes or progress",
	  EVERY_VERB | BEFORE_VERB, false },
	{ OPTION_NO_COLOR, "no-color", 0, OPTION_TYPE_FLAG, NULL, NULL, "no colours, as with NO_COLOR=1",
	  EVERY_VERB | BEFORE_VERB, false },
	{ OPTION_PROGRAM_VERSION, "version", 'V', OPTION_TYPE_FLAG, NULL, NULL, "print the version of rnm",
	  BEFORE_VERB, false },
	{ OPTION_HELP, "help", 'h', OPTION_TYPE_FLAG, NULL, NULL, "show this help", EVERY_VERB | BEFORE_VERB,
	  false },

	/* rspamd: lualib/rspamadm/neural_export.lua; names, order, arguments and words are the original's. */
	{ OPTION_HELP, "help", 'h', OPTION_TYPE_FLAG, NULL, NULL, "Show this help message and exit.",
	  ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_CONFIG, "config", 'c', OPTION_TYPE_FILE, "<cfg>", "<CONFDIR>/rspamd.conf",
	  "Path to config file", ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_RULE, "rule", 'r', OPTION_TYPE_TEXT, "<rule>", "default", "Rule name to export",
	  ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_SETTINGS, "settings", 's', OPTION_TYPE_TEXT, "<id>", "default", "Settings ID to export",
	  ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_OUTPUT, "output", 'o', OPTION_TYPE_FILE, "<file>", NULL, "Output file path",
	  ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_MODEL_VERSION, "version", 'v', OPTION_TYPE_NUMBER, "<version>", NULL,
	  "Specific model version to export", ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_LIST, "list", 0, OPTION_TYPE_FLAG, NULL, NULL, "List available models instead of exporting",
	  ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_DIGEST, "digest", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "Print providers digest for URL construction", ON(VERB_NEURAL_EXPORT), false },
	{ OPTION_ANY_DIGEST, "any-digest", 0, OPTION_TYPE_FLAG, NULL, NULL,
	  "Export a model that was trained under another digest (an addition of rnm)", ON(VERB_NEURAL_EXPORT),
	  true },
};
const size_t option_spec_count = sizeof(option_specs) / sizeof(option_specs[0]);

const struct option_conflict option_conflicts[] = {
	{ VERB_CONFIG, OPTION_CHECK, OPTION_ORIGIN, "findings carry their file and line already" },
	{ VERB_DIGEST, OPTION_ALL, OPTION_RULE, "one names a rule, the other means all of them" },
	{ VERB_DIGEST, OPTION_ALL, OPTION_EXPLAIN, "explain one rule at a time with -r RULE" },
	{ VERB_EXPORT, OPTION_ALL, OPTION_MODEL_VERSION, "a version belongs to one rule and settings id" },
	{ VERB_EXPORT, OPTION_NEWEST, OPTION_MODEL_VERSION, "-v already says which model" },
};
const size_t option_conflict_count = sizeof(option_conflicts) / sizeof(option_conflicts[0]);
