/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"
#include "exit_codes.h"
#include "interrupt.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The global state of the command: how to talk is the same everywhere, and there is one stdout. */
static struct output_style current_style;
static int stdout_error;    /* errno of the first write to stdout that failed, or 0 */
static bool output_missing; /* something could not be prepared for want of memory */
static bool failure_told;   /* one message of a failure is enough */

static void stdout_failed(void)
{
	if (stdout_error == 0)
		stdout_error = errno != 0 ? errno : EIO;
}

void output_flush(void)
{
	errno = 0;
	if (fflush(stdout) != 0)
		stdout_failed();
}

void output_configure(const struct output_style *style)
{
	current_style = *style;
}

bool output_quiet(void)
{
	return current_style.quiet;
}

bool output_color_allowed(FILE *stream, bool no_color)
{
	const char *disabled = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	/* https://no-color.org: the variable counts when present and not empty. */
	if (no_color || (disabled != NULL && *disabled != '\0'))
		return false;
	if (terminal == NULL || strcmp(terminal, "dumb") == 0)
		return false;
	return isatty(fileno(stream)) == 1;
}

/* Length of the well-formed UTF-8 sequence at text, or 0.  *code is the character. */
static size_t utf8_sequence(const char *text, size_t len, uint32_t *code)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)text[0];
	size_t need = first < 0x80             ? 1
	              : (first & 0xe0) == 0xc0 ? 2
	              : (first & 0xf0) == 0xe0 ? 3
	              : (first & 0xf8) == 0xf0 ? 4
	                                       : 0;

	if (need == 0 || need > len)
		return 0;
	*code = need == 1 ? first : first & (0x7fu >> need);
	for (size_t i = 1; i < need; i++) {
		unsigned char next = (unsigned char)text[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (next & 0x3fu);
	}
	if ((need > 1 && *code < smallest[need]) || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return need;
}

static bool is_control(uint32_t code, enum escape_mode mode)
{
	if (code == '\t')
		return mode == ESCAPE_ALL;
	/* C1 controls: U+009B alone starts an escape sequence on some terminals. */
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* How many printable ASCII characters text starts with: nearly always all of it. */
static size_t plain_run(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && text[i] >= ' ' && text[i] <= '~')
		i++;
	return i;
}

bool output_escape(struct rnm_buf *out, const char *text, size_t len, enum escape_mode mode)
{
	size_t i = 0;

	while (i < len) {
		uint32_t code = 0;
		size_t plain = plain_run(text + i, len - i);
		size_t sequence;
		bool stray_ok;

		if (plain > 0) {
			rnm_buf_append(out, text + i, plain);
			i += plain;
			continue;
		}
		sequence = utf8_sequence(text + i, len - i, &code);
		/* rspamd lets every byte from 0x80 up pass; a stray one in the C1 range could still be obeyed. */
		stray_ok = mode == ESCAPE_LOG && (unsigned char)text[i] >= 0xa0;

		if (sequence > 0 ? !is_control(code, mode) : stray_ok) {
			size_t take = sequence > 0 ? sequence : 1;

			rnm_buf_append(out, text + i, take);
			i += take;
			continue;
		}
		for (size_t end = i + (sequence > 0 ? sequence : 1); i < end; i++)
			rnm_buf_printf(out, mode == ESCAPE_LOG ? "\\%02x" : "\\x%02x",
			               (unsigned)(unsigned char)text[i]);
	}
	return !out->failed;
}

static void escape_text(struct rnm_buf *out, const char *text)
{
	output_escape(out, text, strlen(text), ESCAPE_ALL);
}

void output_name(struct rnm_buf *out, const char *name)
{
	escape_text(out, *name != '\0' ? name : "''");
}

size_t output_printable(const char *text, size_t len)
{
	uint32_t code = 0;
	size_t sequence = len > 0 ? utf8_sequence(text, len, &code) : 0;

	return sequence > 0 && !is_control(code, ESCAPE_ALL) ? sequence : 0;
}

static const char *color_code(enum color color, bool allowed)
{
	static const char *const codes[] = {
		[COLOR_NONE] = "\033[0m",   [COLOR_BOLD] = "\033[1m",    [COLOR_DIM] = "\033[2m",
		[COLOR_GREEN] = "\033[32m", [COLOR_YELLOW] = "\033[33m", [COLOR_RED] = "\033[31m",
	};

	return allowed ? codes[color] : "";
}

const char *output_color(enum color color)
{
	return color_code(color, current_style.color_out);
}

/* Writes one finished message; stderr is unbuffered, so the message is handed over in one piece. */
static void message_write(struct rnm_buf *line)
{
	output_flush();
	fputs(rnm_buf_cstr(line), stderr);
	rnm_buf_free(line);
}

/* The lack of memory must be told without any: messages share one place, one at a time. */
static void message_start(struct rnm_buf *line, enum color color, const char *kind)
{
	static char memory[4 * (RNM_ERROR_FILE_MAX + 2 * RNM_ERROR_TEXT_MAX)];

	rnm_buf_init_in(line, memory, sizeof(memory));
	rnm_buf_printf(line, "%srnm:%s %s", color_code(color, current_style.color_err),
	               color_code(COLOR_NONE, current_style.color_err), kind);
}

int output_error(const struct rnm_error *err)
{
	return output_error_about(NULL, err);
}

/*
 * rspamd's sentence about a template starts with its place, once for each macro around it, and calls the
 * file "<string>".  The error says the place better.
 */
static const char *without_template_place(const struct rnm_error *err)
{
	static const char mark[] = " Error in file \"<string>\" on line ";
	const char *text = err->message;

	while (err->line > 0 && strcmp(err->id, "config.template") == 0) {
		const char *start = strstr(text, mark);
		const char *end = start != NULL ? strstr(start, ": ") : NULL;

		if (end == NULL || start - text != (ptrdiff_t)strcspn(text, " "))
			break;
		text = end + 2;
	}
	return text;
}

/*
 * A path is named once: the sentence of a failed open holds it already.  One about the content does not, though
 * the file may be called like a word in it.
 */
static bool says_file(const struct rnm_error *err)
{
	const size_t len = strlen(err->file);

	if (err->line > 0 || err->has_offset)
		return false;
	for (const char *at = err->message; (at = strstr(at, err->file)) != NULL; at++) {
		const bool starts = at == err->message || at[-1] == ' ';

		if (starts && (at[len] == '\0' || strchr(" :,", at[len]) != NULL))
			return true;
	}
	return false;
}

int output_error_about(const char *subject, const struct rnm_error *err)
{
	struct rnm_buf line;

	failure_told = true;
	message_start(&line, COLOR_RED, "");
	if (subject != NULL) {
		escape_text(&line, subject);
		rnm_buf_puts(&line, ": ");
	}
	if (err->file[0] != '\0' && !says_file(err)) {
		escape_text(&line, err->file);
		if (err->line > 0)
			rnm_buf_printf(&line, ":%u", err->line);
		/* Editors count columns from 1, rspamd from 0. */
		if (err->line > 0 && err->has_column)
			rnm_buf_printf(&line, ":%u", err->column + 1);
		rnm_buf_puts(&line, ": ");
	}
	escape_text(&line,
	            err->message[0] != '\0' ? without_template_place(err) : rnm_status_name(err->status));
	rnm_buf_putc(&line, '\n');
	if (err->hint[0] != '\0') {
		rnm_buf_puts(&line, "  hint: ");
		escape_text(&line, err->hint);
		rnm_buf_putc(&line, '\n');
	}
	message_write(&line);
	/* The library knows that it was asked to stop, not by which signal. */
	if (err->status == RNM_E_INTERRUPTED && interrupt_signal != 0)
		return EXIT_BY_SIGNAL(interrupt_signal);
	return rnm_status_exit_code(err->status);
}

static void message_vprintf(enum color color, const char *kind, const char *fmt, va_list args)
    RNM_PRINTF(3, 0);
static void message_vprintf(enum color color, const char *kind, const char *fmt, va_list args)
{
	char text[RNM_ERROR_TEXT_MAX];
	struct rnm_buf line;

	(void)vsnprintf(text, sizeof(text), fmt, args);
	message_start(&line, color, kind);
	escape_text(&line, text);
	rnm_buf_putc(&line, '\n');
	message_write(&line);
}

int output_usage_error(const char *hint, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	message_vprintf(COLOR_RED, "", fmt, args);
	va_end(args);
	if (hint != NULL) {
		char memory[4 * RNM_ERROR_TEXT_MAX];
		struct rnm_buf line;

		rnm_buf_init_in(&line, memory, sizeof(memory));
		rnm_buf_puts(&line, "  hint: ");
		escape_text(&line, hint);
		rnm_buf_putc(&line, '\n');
		message_write(&line);
	}
	return RNM_E_USAGE;
}

void output_warning(const char *fmt, ...)
{
	va_list args;

	if (!current_style.quiet) {
		va_start(args, fmt);
		message_vprintf(COLOR_YELLOW, "warning: ", fmt, args);
		va_end(args);
	}
}

void output_note(const char *fmt, ...)
{
	va_list args;

	if (!current_style.quiet) {
		va_start(args, fmt);
		message_vprintf(COLOR_DIM, "note: ", fmt, args);
		va_end(args);
	}
}

void output_no_memory(void)
{
	output_missing = true;
	if (failure_told)
		return;
	failure_told = true;
	output_flush();
	fprintf(stderr, "rnm: out of memory while preparing the output\n");
}

/* After a gap nothing more is printed on stdout: what is there is the beginning of what should be. */
static bool print_buffer(struct rnm_buf *buf, FILE *stream)
{
	bool built = !buf->failed && (stream != stdout || !output_missing);

	errno = 0;
	if (built && fwrite(rnm_buf_cstr(buf), 1, buf->len, stream) != buf->len && stream == stdout)
		stdout_failed();
	if (!built)
		output_no_memory();
	rnm_buf_free(buf);
	return built;
}

bool output_buffer(struct rnm_buf *buf)
{
	return print_buffer(buf, stdout);
}

bool output_aside(struct rnm_buf *buf)
{
	output_flush();
	return print_buffer(buf, stderr);
}

/* DEL, or the first byte of what may be a C1 control: where JSON text stops being safe to show. */
static size_t safe_json_run(const char *json, size_t len)
{
	size_t i = 0;

	while (i < len && json[i] != '\x7f' && json[i] != '\xc2')
		i++;
	return i;
}

void output_escape_json(struct rnm_buf *out, const char *json, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t run = safe_json_run(json + i, len - i);
		unsigned char next = i + run + 1 < len ? (unsigned char)json[i + run + 1] : 0;

		rnm_buf_append(out, json + i, run);
		i += run;
		if (i == len)
			break;
		if (json[i] == '\x7f') {
			rnm_buf_puts(out, "\\u007f");
		} else if (next >= 0x80 && next < 0xa0) {
			rnm_buf_printf(out, "\\u%04x", (unsigned)next);
			i++;
		} else {
			rnm_buf_putc(out, json[i]);
		}
		i++;
	}
}

bool output_json(struct rnm_buf *json)
{
	const char *text;
	struct rnm_buf safe;

	rnm_buf_putc(json, '\n');
	text = rnm_buf_cstr(json);
	/* Nearly always so, and documents can be large: no second copy. */
	if (memchr(text, 0x7f, json->len) == NULL && memchr(text, 0xc2, json->len) == NULL)
		return output_buffer(json);
	rnm_buf_init(&safe, OUTPUT_MAX);
	safe.failed = json->failed;
	output_escape_json(&safe, text, json->len);
	rnm_buf_free(json);
	return output_buffer(&safe);
}

int output_finish(int code)
{
	output_flush();
	if (ferror(stdout) != 0)
		stdout_failed();
	if (stdout_error == 0)
		return (code == RNM_OK || code == RNM_NO) && output_missing ? RNM_E_IO : code;
	/* The reader has all that it wants, as with `rnm list | head`. */
	if (stdout_error == EPIPE)
		return EXIT_BY_SIGNAL(SIGPIPE);
	fprintf(stderr, "rnm: cannot write to standard output: %s\n", strerror(stdout_error));
	return RNM_E_IO;
}

bool output_pipe_closed(const struct rnm_error *err)
{
	return err->sys_errno == EPIPE && strcmp(err->id, "export.write") == 0;
}

void output_size(struct rnm_buf *out, uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double amount = (double)bytes;
	size_t unit = 0;

	if (bytes < 1024) {
		rnm_buf_printf(out, "%u B", (unsigned)bytes);
		return;
	}
	/* 1023.95 would be rounded to "1024.0": the next unit says it better. */
	for (amount /= 1024; amount >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		amount /= 1024;
	rnm_buf_printf(out, "%.1f %s", amount, units[unit]);
}

void output_duration(struct rnm_buf *out, double seconds)
{
	double limit = 1e15;
	uint64_t s = seconds > 0 ? (uint64_t)(seconds < limit ? seconds : limit) : 0;

	if (s < 60) {
		rnm_buf_printf(out, "%us", (unsigned)s);
	} else if (s < 3600) {
		rnm_buf_printf(out, "%um %us", (unsigned)(s / 60), (unsigned)(s % 60));
	} else if (s < 86400) {
		rnm_buf_printf(out, "%uh %um", (unsigned)(s / 3600), (unsigned)(s % 3600 / 60));
	} else {
		rnm_buf_printf(out, "%llud %uh", (unsigned long long)(s / 86400),
		               (unsigned)(s % 86400 / 3600));
	}
}

void output_hash(char hex[OUTPUT_HASH_HEX], const unsigned char hash[RNM_NETWORK_HASH_LEN])
{
	for (size_t i = 0; i < RNM_NETWORK_HASH_LEN; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
}

void output_json_count(struct rnm_json *json, const char *key, uint64_t count)
{
	if (count > 0)
		rnm_json_kv_uint(json, key, count);
	else
		rnm_json_kv_null(json, key);
}

bool output_time(char *text, size_t size, double unix_time)
{
	/* The double next to 2^63 must not be converted: that is undefined. */
	double limit = 9.0e18;
	struct tm fields;
	time_t when;

	if (!(fabs(unix_time) < limit))
		return false;
	when = (time_t)unix_time;
	return localtime_r(&when, &fields) != NULL && strftime(text, size, "%Y-%m-%d %H:%M:%S", &fields) > 0;
}
