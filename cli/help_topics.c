/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_codes.h"
#include "help.h"

#include <string.h>

static void write_exit_codes(struct rnm_buf *out)
{
	rnm_buf_puts(out, "Exit codes of rnm:\n\n");
	for (size_t i = 0; i < exit_code_count; i++)
		rnm_buf_printf(out, "  %3d  %-12s %s\n", exit_codes[i].code, exit_codes[i].name,
		               exit_codes[i].meaning);
	rnm_buf_printf(
	    out,
	    "\nCalled as neural_export (or rnm neural_export) it keeps the original's codes: 0, and %d for\n"
	    "every failure.\n",
	    EXIT_NEURAL_EXPORT_FAILED);
}

const struct environment_variable environment_variables[] = {
	{ "CONFDIR, LOCAL_CONFDIR, RUNDIR, DBDIR, LOGDIR, WWWDIR, PLUGINSDIR, RULESDIR, LUALIBDIR",
	  "Paths of rspamd, as variables of the configuration. CONFDIR also says where the default "
	  "configuration is. An empty value counts as set. --var=NAME=VALUE wins.",
	  OPTION_CONFIG },
	{ "SHAREDIR", "As above, but only in templates.", OPTION_CONFIG },
	{ "RSPAMD_NAME",
	  "The variable env.NAME in templates, for every NAME. It wins over --var=NAME=VALUE there, as with "
	  "rspamadm.",
	  OPTION_CONFIG },
	{ "RNM_REDIS_PASSWORD",
	  "Password for --redis when its URL holds none. Passwords on the command line can be seen by other "
	  "users of the host; this variable and --password-file cannot.",
	  OPTION_REDIS },
	{ "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
	  "Keys for the store of --to s3://... without --credentials.", OPTION_CREDENTIALS },
	{ "AWS_REGION, AWS_DEFAULT_REGION, AWS_PROFILE",
	  "Its region without --region, and the section of the file of --credentials (default).",
	  OPTION_ENDPOINT },
	{ "SOURCE_DATE_EPOCH",
	  "Seconds since 1970 to stamp into exported files, signatures and evaluations instead of the "
	  "current\n"
	  "time.",
	  OPTION_OUTPUT },
	{ "TMPDIR", "Folder of unlinked temporary files, which -o - and --compress need; /tmp without it.",
	  OPTION_OUTPUT },
	{ "NO_COLOR, TERM", "No colours when NO_COLOR is set and not empty, or TERM is dumb.",
	  OPTION_NO_COLOR },
	{ "SSL_CERT_FILE, SSL_CERT_DIR, OPENSSL_CONF",
	  "Read by OpenSSL when Redis is reached over TLS: the CAs of the system, and its own configuration.",
	  OPTION_CACERT },
	{ "NOTIFY_SOCKET",
	  "For verbs that stay: the socket of the service manager, which is told when the first look is over "
	  "(sd_notify).",
	  OPTION_EVERY },
	{ "LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES, NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID",
	  "Set by systemd: sockets to answer at, and where it wants to be told that the service is ready and "
	  "lives.",
	  OPTION_LISTEN },
	{ "TZ", "Time zone of the times in tables; JSON holds UTC.", OPTION_COUNT },
};
const size_t environment_variable_count = sizeof(environment_variables) / sizeof(environment_variables[0]);

static void write_environment(struct rnm_buf *out)
{
	rnm_buf_puts(out, "Environment variables that rnm reads:\n\n");
	for (size_t i = 0; i < environment_variable_count; i++) {
		rnm_buf_puts(out, "  ");
		help_wrap(out, environment_variables[i].names, 2);
		rnm_buf_puts(out, "      ");
		help_wrap(out, environment_variables[i].meaning, 6);
	}
}

/* Each line of text behind a margin. */
static void indented(struct rnm_buf *out, const char *text)
{
	for (const char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n");

		rnm_buf_printf(out, "    %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void write_json(struct rnm_buf *out)
{
	rnm_buf_puts(out, "JSON documents of rnm:\n\n");
	help_wrap(out, json_rules, 0);
	rnm_buf_putc(out, '\n');
	for (size_t i = 0; i < json_document_count; i++) {
		rnm_buf_printf(out, "%s\n", json_documents[i].command);
		indented(out, json_documents[i].fields);
	}
}

const struct help_topic help_topics[] = {
	{ "exit-codes", "what the exit codes mean", write_exit_codes },
	{ "environment", "the environment variables that are read", write_environment },
	{ "json", "the fields of the JSON documents", write_json },
};
const size_t help_topic_count = sizeof(help_topics) / sizeof(help_topics[0]);
