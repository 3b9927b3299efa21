/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reaches the user: data on stdout, messages on stderr, and nothing in either that could move
 * the cursor of a terminal, wherever the text came from.
 */
#ifndef RNM_CLI_OUTPUT_H
#define RNM_CLI_OUTPUT_H

#include <rnm/json.h>
#include <rnm/network.h>
#include <stdio.h>

/* Largest document or table that is built in memory before it is printed. */
#define OUTPUT_MAX ((size_t)1 << 30)

/* Decided once in main() from the options, the environment and the terminal. */
struct output_style {
	bool quiet; /* errors only */
	bool color_out;
	bool color_err;
};
void output_configure(const struct output_style *style);
/* Whether colours may be used on this stream: a terminal that knows them, and nobody said no. */
bool output_color_allowed(FILE *stream, bool no_color);
bool output_quiet(void);

/* Stops text that no terminal shows: control characters and invalid UTF-8 become two hex digits. */
enum escape_mode {
	ESCAPE_ALL, /* "\x1b"; tabs too, which would break tables */
	ESCAPE_LOG  /* "\1b"; tabs and bytes that are not UTF-8's business pass, as in rspamd's console log */
};
bool output_escape(struct rnm_buf *out, const char *text, size_t len, enum escape_mode mode);
/* A name within a sentence: escaped, and '' for an empty one, which nobody would see. */
void output_name(struct rnm_buf *out, const char *name);
/* Bytes of the character that text starts with; 0 when it is a control character or not UTF-8. */
size_t output_printable(const char *text, size_t len);

/* One line "rnm: FILE:LINE:COL: sentence" and, if there is one, "  hint: ...".  Returns the exit code. */
int output_error(const struct rnm_error *err);
/* The same with a subject in front of the place and the sentence. */
int output_error_about(const char *subject, const struct rnm_error *err);
/* The same for an error that the command itself finds; hint may be NULL. */
int output_usage_error(const char *hint, const char *fmt, ...) RNM_PRINTF(2, 3);
/* "rnm: warning: ..." and "rnm: note: ..."; silent with --quiet. */
void output_warning(const char *fmt, ...) RNM_PRINTF(1, 2);
void output_note(const char *fmt, ...) RNM_PRINTF(1, 2);

/* Prints the buffer on stdout and frees it.  False, after output_no_memory, when it could not be built. */
bool output_buffer(struct rnm_buf *buf);
/* The same on stderr, for what is no message. */
bool output_aside(struct rnm_buf *buf);
/* Tells, unless a failure has been told already, that some output is missing; output_finish will fail. */
void output_no_memory(void);
/* Hands what was printed on stdout to the kernel, before something else is written there or to stderr. */
void output_flush(void);
/* Appends JSON text with the control characters that JSON lets pass (DEL, C1) as \u escapes. */
void output_escape_json(struct rnm_buf *out, const char *json, size_t len);
/* Prints a finished JSON document, made safe in the same way, and a newline, and frees the buffer. */
bool output_json(struct rnm_buf *json);
/*
 * Flushes stdout.  Returns code; or, when some of what was printed did not get out, the exit code of an
 * I/O error after a message, or that of a closed pipe without one.
 */
int output_finish(int code);
/* Whether a model that was on its way to stdout met a pipe that nobody reads any more. */
bool output_pipe_closed(const struct rnm_error *err);

enum output_target { OUTPUT_TO_FILE, OUTPUT_TO_STDOUT, OUTPUT_TO_STDERR };
/*
 * Where the path of -o leads.  "-" is stdout, and so is every other name of what descriptor 1 writes to:
 * a file that replaced the target of a redirection would keep the model and lose what is printed.
 */
enum output_target output_target(const char *path);

enum color { COLOR_NONE, COLOR_BOLD, COLOR_DIM, COLOR_GREEN, COLOR_YELLOW, COLOR_RED };
/* The escape sequence that starts or (COLOR_NONE) ends a colour on stdout; "" without colours. */
const char *output_color(enum color color);

/* "8.4 KiB", "12.0 MiB". */
void output_size(struct rnm_buf *out, uint64_t bytes);
/* "12s", "5m 10s", "3h 20m", "2d 4h". */
void output_duration(struct rnm_buf *out, double seconds);
/* Local time "2026-11-23 02:16:40", fractions cut toward zero; false when it has no such form. */
bool output_time(char *text, size_t size, double unix_time);
/* A hash of a network or model in hexadecimal. */
#define OUTPUT_HASH_HEX (2 * RNM_NETWORK_HASH_LEN + 1)
void output_hash(char hex[OUTPUT_HASH_HEX], const unsigned char hash[RNM_NETWORK_HASH_LEN]);
/* A member with a number, or null for 0, which says that there is none. */
void output_json_count(struct rnm_json *json, const char *key, uint64_t count);

#endif
