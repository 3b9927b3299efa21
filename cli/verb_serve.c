/* SPDX-License-Identifier: Apache-2.0 */
/* rnm serve: the process around a server; what it answers is the library's. */
#include "duration.h"
#include "output.h"
#include "serve_redis.h"
#include "serve_report.h"
#include "service.h"
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <rnm/serve.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_ADDRESS "127.0.0.1:8480"
#define DEFAULT_GRACE 30.0
/* Milliseconds between two looks at what takes too long. */
#define TICK 1000
/* Bytes of the log that are written at once. */
#define LOG_BUFFER ((size_t)64 << 10)

struct serving {
	const struct options *options;
	struct rnm_server *server;
	FILE *log; /* NULL: standard output */
	char addresses[RNM_SERVE_LISTENERS_MAX][160];
	size_t address_count;
	size_t admin_count;
	double grace;
	int signals; /* descriptor */
	int worst;   /* exit code of what was told of the tree */
	struct live_models live;
};

static void on_log(void *ctx, const char *line, size_t len)
{
	struct serving *run = ctx;

	(void)fwrite(line, 1, len, run->log != NULL ? run->log : stdout);
}

static void on_warn(void *ctx, const struct rnm_error *problem)
{
	struct serving *run = ctx;
	const int code = rnm_status_exit_code(problem->status) == RNM_E_IO ? RNM_E_IO : RNM_NO;

	if (code > run->worst)
		run->worst = code;
	if (!output_quiet())
		(void)output_error(problem);
}

static enum rnm_status on_fetch(void *ctx, const char *name, struct rnm_error *err)
{
	struct serving *run = ctx;

	return live_models_fetch(&run->live, name, err);
}

/* Each file and each connection is a descriptor; the usual limit is for programs that use select. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- the log ------------------------------------------------------------------------------------- */

static const char *log_path(const struct serving *run)
{
	const char *path = option_text(run->options, OPTION_ACCESS_LOG, "-");

	return output_target(path) == OUTPUT_TO_STDOUT ? NULL : path;
}

/* Opened anew after it was renamed; the old one is written to as long as that fails. */
static enum rnm_status open_log(struct serving *run, struct rnm_error *err)
{
	const char *path = log_path(run);
	int fd;

	if (path == NULL)
		return RNM_OK;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return rnm_error_sys(err, "serve.log", errno, "cannot open the log '%s'", path);
	if (run->log != NULL) {
		/* Threads of the server are writing: the file behind the stream changes, not the stream. */
		(void)fflush(run->log);
		(void)dup3(fd, fileno(run->log), O_CLOEXEC);
		close(fd);
		return RNM_OK;
	}
	run->log = fdopen(fd, "a");
	if (run->log == NULL) {
		close(fd);
		return rnm_error_nomem(err);
	}
	(void)setvbuf(run->log, NULL, _IOFBF, LOG_BUFFER);
	return RNM_OK;
}

static void flush_log(struct serving *run)
{
	(void)fflush(run->log != NULL ? run->log : stdout);
}

/* ---- sockets ------------------------------------------------------------------------------------- */

static enum rnm_status listen_at(struct serving *run, int fd, enum rnm_audience audience,
                                 struct rnm_error *err)
{
	if (run->address_count < RNM_SERVE_LISTENERS_MAX) {
		rnm_listen_name(run->addresses[run->address_count], sizeof(run->addresses[0]), fd);
		run->address_count++;
		run->admin_count += audience == RNM_ADMIN;
	}
	return rnm_server_listen(run->server, fd, audience, err);
}

static enum rnm_status open_address(struct serving *run, const char *address, enum rnm_audience audience,
                                    struct rnm_error *err)
{
	enum rnm_status status;
	int fd;

	status = rnm_listen(&fd, address, err);
	return status == RNM_OK ? listen_at(run, fd, audience, err) : status;
}

/* Those of the service manager take the place of the default, and stand beside what the options ask for. */
static enum rnm_status open_sockets(struct serving *run, struct rnm_error *err)
{
	struct service_socket sockets[SERVICE_SOCKETS_MAX];
	const char *listen = option_text(run->options, OPTION_LISTEN, NULL);
	const char *admin = option_text(run->options, OPTION_ADMIN, NULL);
	size_t count;
	enum rnm_status status = service_sockets(sockets, &count, err);

	if (listen == NULL && count == 0)
		listen = DEFAULT_ADDRESS;
	if (status == RNM_OK && listen != NULL)
		status = open_address(run, listen, RNM_PUBLIC, err);
	if (status == RNM_OK && admin != NULL)
		status = open_address(run, admin, RNM_ADMIN, err);
	for (size_t i = 0; status == RNM_OK && i < count; i++)
		status = listen_at(run, sockets[i].fd,
		                   strcmp(sockets[i].name, "admin") == 0 ? RNM_ADMIN : RNM_PUBLIC, err);
	return status;
}

/* ---- signals ------------------------------------------------------------------------------------- */

/* Before the server has threads, which inherit the mask. */
static enum rnm_status take_signals(struct serving *run, sigset_t *set, struct rnm_error *err)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, set, NULL);
	run->signals = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	return run->signals >= 0 ? RNM_OK
	                         : rnm_error_sys(err, "serve.start", errno, "cannot wait for signals");
}

static void tell_status(struct serving *run, const char *first)
{
	struct rnm_server_counts counts;

	rnm_server_counts(run->server, &counts);
	service_tell("%sSTATUS=%llu models, %llu files, %llu requests", first,
	             (unsigned long long)counts.models, (unsigned long long)counts.files,
	             (unsigned long long)counts.requests);
}

/* What SIGHUP asks for: the tree as it is now, and the log under its name. */
static void reload(struct serving *run)
{
	struct rnm_error err;

	service_tell_reloading();
	rnm_error_clear(&err);
	if (rnm_server_reload(run->server, true, &err) != RNM_OK)
		(void)output_error(&err);
	rnm_error_clear(&err);
	if (open_log(run, &err) != RNM_OK)
		(void)output_error(&err);
	tell_status(run, "READY=1\n");
}

/* Whether it is time to stop. */
static bool read_signal(struct serving *run)
{
	struct signalfd_siginfo info;

	if (read(run->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	if (info.ssi_signo != SIGHUP)
		return true;
	reload(run);
	return false;
}

static double monotonic(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void serve(struct serving *run)
{
	struct pollfd waits[] = { { .fd = run->signals, .events = POLLIN },
		                  { .fd = rnm_server_descriptor(run->server), .events = POLLIN } };
	const double watchdog = service_watchdog();
	double next_status = 0, next_sign = 0;

	for (;;) {
		(void)poll(waits, sizeof(waits) / sizeof(waits[0]), TICK);
		if (read_signal(run))
			return;
		rnm_server_work(run->server);
		flush_log(run);
		if (watchdog > 0 && monotonic() >= next_sign) {
			service_tell("WATCHDOG=1");
			next_sign = monotonic() + watchdog;
		}
		if (monotonic() >= next_status) {
			tell_status(run, "");
			next_status = monotonic() + 10;
		}
	}
}

static void announce(struct serving *run)
{
	struct rnm_server_counts counts;

	rnm_server_counts(run->server, &counts);
	for (size_t i = 0; i < run->address_count; i++) {
		const bool admin = run->admin_count > 0 && i + 1 > run->address_count - run->admin_count;
		const bool is_unix = strncmp(run->addresses[i], "unix:", 5) == 0;

		output_note("%s at %s%s", admin ? "for operators" : "serving", is_unix ? "" : "http://",
		            run->addresses[i]);
	}
	if (counts.models == 0)
		output_warning("there is no model in the tree yet");
	tell_status(run, "READY=1\n");
}

static enum rnm_status run_server(struct serving *run, struct rnm_error *err)
{
	sigset_t set;
	enum rnm_status status = take_signals(run, &set, err);

	if (status == RNM_OK)
		status = open_log(run, err);
	if (status == RNM_OK)
		status = open_sockets(run, err);
	if (status != RNM_OK)
		return status;
	announce(run);
	serve(run);
	service_tell("STOPPING=1");
	/* Whoever asks a second time does not want to wait. */
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	rnm_server_stop(run->server, run->grace);
	flush_log(run);
	return RNM_OK;
}

/* ---- options ------------------------------------------------------------------------------------- */

static enum rnm_status count_option(unsigned *out, const struct options *options, enum option id,
                                    struct rnm_error *err)
{
	const double number = options->values[id].number;

	if (!option_given(options, id))
		return RNM_OK;
	if (!(number >= 1 && number <= RNM_SERVE_CONNECTIONS_MAX) || number != (double)(unsigned)number)
		return rnm_error_set(err, RNM_E_USAGE, "usage.number",
		                     "expected a number of connections from 1 to %u, found '%s'",
		                     RNM_SERVE_CONNECTIONS_MAX, options->values[id].text);
	*out = (unsigned)number;
	return RNM_OK;
}

static enum rnm_status read_options(struct serving *run, struct rnm_serve_options *serve_options,
                                    struct rnm_error *err)
{
	const struct options *options = run->options;
	enum rnm_status status = RNM_OK;

	serve_options->folder = options->operand_count > 0 ? options->operands[0] : NULL;
	status = duration_option(&serve_options->interval, options, OPTION_INTERVAL, 0, err);
	if (status == RNM_OK)
		status = duration_option(&serve_options->timeout, options, OPTION_TIMEOUT, 0, err);
	if (status == RNM_OK)
		status = duration_option(&run->grace, options, OPTION_GRACE, DEFAULT_GRACE, err);
	if (status == RNM_OK)
		status = count_option(&serve_options->max_connections, options, OPTION_MAX_CONNECTIONS, err);
	if (status == RNM_OK)
		status = count_option(&serve_options->max_per_address, options, OPTION_MAX_PER_ADDRESS, err);
	return status;
}

static bool needs_redis(const struct options *options)
{
	return option_given(options, OPTION_RULE) || option_given(options, OPTION_SETTINGS) ||
	       option_given(options, OPTION_REDIS);
}

static enum rnm_status use_redis(struct serving *run, struct rnm_serve_options *serve_options,
                                 struct rnm_error *err)
{
	const enum rnm_status status = live_models_open(&run->live, run->options, serve_options->folder, err);
	struct rnm_error problem;

	serve_options->folder = run->live.folder;
	serve_options->names = run->live.names;
	serve_options->name_count = run->live.count;
	serve_options->fetch = on_fetch;
	/* Nobody will ask. */
	for (size_t i = 0;
	     status == RNM_OK && option_given(run->options, OPTION_DRY_RUN) && i < run->live.count; i++)
		if (live_models_fetch(&run->live, run->live.names[i], &problem) != RNM_OK)
			on_warn(run, &problem);
	return status;
}

/* Part of a tree that could not be read is no answer. */
static int dry_run(const struct serving *run)
{
	if (run->worst == RNM_E_IO)
		return RNM_E_IO;
	return serve_report(run->server, option_given(run->options, OPTION_JSON)) ? run->worst : RNM_E_IO;
}

int verb_serve(const struct options *options)
{
	struct serving run = { .options = options, .signals = -1 };
	struct rnm_serve_options serve_options = { .log = on_log, .warn = on_warn, .ctx = &run };
	struct rnm_error err;
	enum rnm_status status;
	const bool from_redis = option_given(options, OPTION_FROM_REDIS);
	int code = RNM_OK;

	if (options->operand_count == 0 && !from_redis)
		return output_usage_error("rnm serve DIR", "expected the folder of a published tree");
	if (!from_redis && needs_redis(options))
		return output_usage_error("rnm serve --from-redis",
		                          "rule, settings id and server say what to take from Redis, and a "
		                          "tree was given");
	rnm_error_clear(&err);
	status = read_options(&run, &serve_options, &err);
	if (status == RNM_OK && from_redis)
		status = use_redis(&run, &serve_options, &err);
	allow_descriptors();
	if (status == RNM_OK)
		status = rnm_server_new(&run.server, &serve_options, &err);
	if (status == RNM_OK && option_given(options, OPTION_DRY_RUN))
		code = dry_run(&run);
	else if (status == RNM_OK)
		status = run_server(&run, &err);
	if (status != RNM_OK)
		code = output_error(&err);
	rnm_server_free(run.server);
	if (run.log != NULL)
		(void)fclose(run.log);
	if (from_redis)
		live_models_free(&run.live);
	if (run.signals >= 0)
		close(run.signals);
	return code;
}
