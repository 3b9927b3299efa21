/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand at the cursor of a command line. */
#include "complete.h"
#include "help.h"
#include "key_show.h"
#include "model_argument.h"
#include "neural_args.h"
#include "output.h"
#include "scoring.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* Room for all candidates: tens of thousands, of which no shell shows more than a few hundred. */
#define LINES_MAX ((size_t)4 << 20)

/* A command line up to its cursor. */
struct line {
	struct options options; /* as far as they could be understood */
	struct neural_args args;
	const struct option_spec *unfinished; /* the option whose argument is under the cursor */
	unsigned scope;                       /* of the options that may stand there */
	bool only_operands;
	const char *word;        /* under the cursor */
	struct model_name model; /* the first operand, when it is a model in Redis */
	char *paths[2];          /* owned: options whose ~ has been replaced */
};

void completion_add(struct completion *completion, const char *word, const char *description)
{
	struct rnm_buf *lines = &completion->lines;
	size_t before = lines->len;
	size_t len = strlen(word);
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		step = output_printable(word + i, len - i);
		if (step == 0)
			return;
	}
	if (len == 0)
		return;
	rnm_buf_append(lines, word, len);
	rnm_buf_putc(lines, '\t');
	output_escape(lines, description, strlen(description), ESCAPE_ALL);
	rnm_buf_putc(lines, '\n');
	/* No half line: the buffer is full, and whoever wants to see more types a letter. */
	if (lines->failed && lines->data != NULL)
		lines->data[lines->len = before] = '\0';
}

/* The shell has not expanded the words yet.  Other expansions are left alone: they could run commands. */
static void expand_home(struct option_value *value, char **owned)
{
	const char *home = getenv("HOME");

	if (value->count == 0 || strncmp(value->text, "~/", 2) != 0 || home == NULL)
		return;
	if (asprintf(owned, "%s%s", home, value->text + 1) < 0)
		*owned = NULL;
	else
		value->text = *owned;
}

static void read_drop_in(struct line *line)
{
	struct options *options = &line->options;

	/* An error is no news: the line is not finished. */
	(void)neural_args_parse(&line->args, options->rest_count, options->rest);
	line->unfinished = line->args.unfinished;
	for (int id = 0; id < OPTION_COUNT; id++) {
		if (line->args.values[id].count > 0)
			options->values[id] = line->args.values[id];
	}
}

static bool is_in_redis(const char *model)
{
	return strncmp(model, MODEL_REDIS_SCHEME, strlen(MODEL_REDIS_SCHEME)) == 0;
}

/* False when what stands before the cursor makes no sense, so that nothing can be offered. */
static bool read_line(struct line *line, char **words, size_t count)
{
	struct options *options = &line->options;
	struct rnm_error err;
	enum rnm_status status = RNM_OK;

	line->word = words[count - 1];
	if (neural_args_program(words[0]))
		*options = (struct options){ .verb = VERB_NEURAL_EXPORT,
			                     .rest = words + 1,
			                     .rest_count = count - 2 };
	else
		status = options_parse(options, (int)count - 2, words + 1, &err);
	if (status == RNM_E_NOMEM || (status != RNM_OK && strcmp(err.id, "usage.verb") == 0))
		return false;
	line->unfinished = options->unfinished;
	if (options->verb == VERB_NEURAL_EXPORT)
		read_drop_in(line);
	line->scope = options->verb == VERB_COUNT ? BEFORE_VERB : ON(options->verb);
	/* It is never the argument of an option: both parsers refuse that. */
	for (size_t i = 1; i + 1 < count; i++)
		line->only_operands = line->only_operands || strcmp(words[i], "--") == 0;
	if (options->operand_count > 0 && is_in_redis(options->operands[0]) &&
	    model_name_read(&line->model, options->operands[0], &err) != RNM_OK)
		model_name_free(&line->model);
	expand_home(&options->values[OPTION_CONFIG], &line->paths[0]);
	expand_home(&options->values[OPTION_PASSWORD_FILE], &line->paths[1]);
	return !option_given(options, OPTION_HELP) && !option_given(options, OPTION_PROGRAM_VERSION);
}

static void free_line(struct line *line)
{
	free(line->paths[0]);
	free(line->paths[1]);
	model_name_free(&line->model);
	options_free(&line->options);
}

static bool open_context(struct context *context, const struct line *line)
{
	struct rnm_error err;

	if (context_open(context, &line->options, &err) != RNM_OK)
		return false;
	context->rule_options.as_original = line->options.verb == VERB_NEURAL_EXPORT;
	/* Without a configuration there may still be --redis. */
	return context_load_config(context, &err) == RNM_OK ||
	       option_text(&line->options, OPTION_REDIS, NULL) != NULL;
}

/* The rule and settings id are those that were typed, else those of the model that was. */
static void complete_name(struct completion *out, const struct line *line, enum option id)
{
	const struct options *options = &line->options;
	const char *of_model = line->model.rule != NULL ? line->model.rule : "default";
	const char *rule =
	    option_text(options, OPTION_RULE, option_given(options, OPTION_ALL) ? NULL : of_model);
	const char *settings = line->model.settings != NULL ? line->model.settings : "default";
	struct context context;

	if (open_context(&context, line)) {
		if (id == OPTION_RULE)
			complete_rules(out, &context);
		else if (id == OPTION_SETTINGS)
			complete_settings(out, &context, rule);
		else
			complete_versions(out, &context, rule != NULL ? rule : "default",
			                  option_text(options, OPTION_SETTINGS, settings));
	}
	context_free(&context);
}

static void complete_format(struct completion *out, const struct line *line)
{
	for (size_t i = 0; line->options.verb == VERB_KEY && i < KEY_FORM_COUNT; i++)
		completion_add(out, key_form_names[i], "");
	for (size_t i = 0; line->options.verb != VERB_KEY && i < scoring_format_count; i++)
		completion_add(out, scoring_formats[i], "");
}

/* One of the models that have been typed. */
static void complete_keep(struct completion *out, const struct line *line)
{
	for (size_t i = 0; i < line->options.operand_count; i++) {
		const char *operand = line->options.operands[i];
		double share;
		char *name = strndup(operand, model_share_find(operand, &share));

		if (name != NULL)
			completion_add(out, name, "one of the models to merge");
		free(name);
	}
}

/* A version is that of a model only where a rule can be named; rnm merge gives its result one. */
static bool is_name_in_redis(const struct line *line, enum option id)
{
	return id == OPTION_RULE || id == OPTION_SETTINGS ||
	       (id == OPTION_MODEL_VERSION && option_by_name(line->scope, "rule", strlen("rule")) != NULL);
}

/* The argument of an option, of which skip bytes of the word are not part. */
static void complete_argument(struct completion *out, const struct line *line, const struct option_spec *spec,
                              size_t skip)
{
	out->skip = skip;
	if (is_name_in_redis(line, spec->id))
		complete_name(out, line, spec->id);
	else if (spec->id == OPTION_FORMAT)
		complete_format(out, line);
	else if (spec->id == OPTION_KEEP)
		complete_keep(out, line);
	else if (spec->type == OPTION_TYPE_FOLDER ||
	         (spec->id == OPTION_OUTPUT && option_given(&line->options, OPTION_ALL)))
		out->kind = COMPLETION_FOLDERS;
	else if (spec->type == OPTION_TYPE_FILE)
		out->kind = COMPLETION_FILES;
}

static bool is_excluded(const struct options *options, enum option id)
{
	for (size_t i = 0; i < option_conflict_count; i++) {
		const struct option_conflict *conflict = &option_conflicts[i];

		if (conflict->verb == options->verb &&
		    ((conflict->first == id && option_given(options, conflict->second)) ||
		     (conflict->second == id && option_given(options, conflict->first))))
			return true;
	}
	return false;
}

static void complete_option_names(struct completion *out, const struct line *line)
{
	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *spec = &option_specs[i];
		bool repeats = spec->type == OPTION_TYPE_VARIABLE;
		char name[80];

		/* --lua-env only explains that it is not supported. */
		if ((spec->scopes & line->scope) == 0 || spec->id == OPTION_LUA_ENV ||
		    (option_given(&line->options, spec->id) && !repeats) ||
		    is_excluded(&line->options, spec->id))
			continue;
		(void)snprintf(name, sizeof(name), "--%s%s", spec->name, repeats ? "=" : "");
		completion_add(out, name, spec->help);
		if (spec->type == OPTION_TYPE_OPTIONAL) {
			(void)snprintf(name, sizeof(name), "--%s=", spec->name);
			completion_add(out, name, spec->help);
		}
	}
}

/* Letters, whose last one may have its argument in the same word. */
static void complete_letters(struct completion *out, const struct line *line)
{
	const struct option_spec *spec = NULL;

	for (const char *letter = line->word + 1; *letter != '\0'; letter++) {
		spec = option_by_letter(line->scope, *letter);
		if (spec == NULL)
			return;
		if (spec->type != OPTION_TYPE_FLAG && letter[1] != '\0') {
			complete_argument(out, line, spec, (size_t)(letter + 1 - line->word));
			return;
		}
	}
	completion_add(out, line->word, spec != NULL ? spec->help : "");
}

static void complete_option(struct completion *out, const struct line *line)
{
	const char *name = line->word + 2;
	const char *equals = strchr(line->word, '=');
	const struct option_spec *spec;

	if (line->word[1] != '\0' && line->word[1] != '-') {
		complete_letters(out, line);
	} else if (equals == NULL) {
		complete_option_names(out, line);
	} else {
		spec = option_by_name(line->scope, name, (size_t)(equals - name));
		if (spec != NULL && spec->type != OPTION_TYPE_FLAG)
			complete_argument(out, line, spec, (size_t)(equals + 1 - line->word));
	}
}

static void complete_verbs(struct completion *out)
{
	for (int verb = 0; verb < VERB_COUNT; verb++)
		completion_add(out, verb_specs[verb].name, verb_specs[verb].summary);
}

static void complete_topics(struct completion *out)
{
	complete_verbs(out);
	for (size_t i = 0; i < help_topic_count; i++)
		completion_add(out, help_topics[i].name, help_topics[i].summary);
}

/* A file that is there, and the = of its share: a number follows, and no name that a shell would offer. */
static bool is_share(const char *word)
{
	const char *equals = strrchr(word, '=');
	char *name = equals != NULL ? strndup(word, (size_t)(equals - word)) : NULL;
	bool is_file = name != NULL && access(name, F_OK) == 0;

	free(name);
	return is_file;
}

/* A model: a file, or one in Redis (see model_argument.h). */
static void complete_model_operand(struct completion *out, const struct line *line)
{
	struct context context;

	out->goes_on = strstr(verb_specs[line->options.verb].operands, "=SHARE") != NULL;
	if (out->goes_on && is_share(line->word))
		return;
	if (is_in_redis(line->word)) {
		if (open_context(&context, line))
			complete_model(out, &context, line->word);
		context_free(&context);
	} else {
		out->kind = COMPLETION_FILES;
		completion_add(out, MODEL_REDIS_SCHEME, "a model in Redis: RULE[/SETTINGS[@VERSION]]");
	}
}

/* Files, and before them words such as new|show|convert. */
static void complete_file_operand(struct completion *out, const struct line *line)
{
	const char *operands = verb_specs[line->options.verb].operands;
	const size_t words = strcspn(operands, " ");

	if (memchr(operands, '|', words) == NULL || line->options.operand_count > 0) {
		out->kind = COMPLETION_FILES;
		return;
	}
	for (size_t at = 0; at < words;) {
		const size_t len = strcspn(operands + at, "| ");
		char *word = strndup(operands + at, len);

		if (word != NULL)
			completion_add(out, word, "");
		free(word);
		at += len + 1;
	}
}

static void complete_operand(struct completion *out, const struct line *line)
{
	const struct verb_spec *verb = &verb_specs[line->options.verb];
	struct context context;

	if (verb->operands == NULL || line->options.operand_count >= verb->operands_max)
		return;
	if (strstr(verb->operands, "SECTION") != NULL) {
		if (open_context(&context, line))
			complete_sections(out, &context);
		context_free(&context);
	} else if (strstr(verb->operands, "TOPIC") != NULL) {
		complete_topics(out);
	} else if (strstr(verb->operands, "FILE") != NULL) {
		complete_file_operand(out, line);
	} else {
		complete_model_operand(out, line);
	}
}

static void complete_line(struct completion *out, const struct line *line)
{
	if (line->unfinished != NULL)
		complete_argument(out, line, line->unfinished, 0);
	else if (line->word[0] == '-' && !line->only_operands)
		complete_option(out, line);
	else if (line->options.verb == VERB_COUNT)
		complete_verbs(out);
	else
		complete_operand(out, line);
}

/* The command, at least, and the word under the cursor. */
static void answer(struct completion *out, char **words, size_t count)
{
	struct line line = { .options.verb = VERB_COUNT };

	rnm_buf_init(&out->lines, LINES_MAX);
	if (count >= 2 && read_line(&line, words, count))
		complete_line(out, &line);
	free_line(&line);
}

static void time_is_up(int number)
{
	(void)number;
	_exit(RNM_OK);
}

/*
 * The user only pressed a key: no message may appear between what is being typed, no password be asked
 * for, and no slow server or disk hold up the shell.
 */
static bool keep_out_of_the_way(void)
{
	const struct itimerval limit = { .it_value.tv_sec = COMPLETE_SECONDS };
	struct sigaction action = { .sa_handler = time_is_up };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool silent = null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0;

	/* A library that wants a password opens the terminal by itself; now there is none. */
	(void)setsid();
	sigemptyset(&action.sa_mask);
	if (null > STDERR_FILENO)
		close(null);
	return silent && sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &limit, NULL) == 0;
}

int complete(int argc, char **argv)
{
	struct completion completion = { .kind = COMPLETION_WORDS };
	struct bash_line line = { 0 };
	struct rnm_buf out;

	if (!keep_out_of_the_way() || argc < 2)
		return RNM_E_USAGE;
	rnm_buf_init(&out, OUTPUT_MAX);
	if (strcmp(argv[0], "bash") != 0) {
		answer(&completion, argv + 1, (size_t)argc - 1);
		completion_print_plain(&completion, argv[argc - 1], &out);
	} else if (argc == 3 && bash_line_read(&line, argv[1], argv[2])) {
		answer(&completion, line.words, line.count);
		completion_print_bash(&completion, &line, &out);
	}
	bash_line_free(&line);
	rnm_buf_free(&completion.lines);
	return output_buffer(&out) ? RNM_OK : RNM_E_IO;
}
