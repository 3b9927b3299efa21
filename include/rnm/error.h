/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rnm/error.h: how every function of librnm says that it failed.
 *
 * A function that can fail returns enum rnm_status and takes a struct rnm_error pointer as its last
 * argument.  The pointer may be NULL when the caller only wants the status.  On RNM_OK the error is
 * left untouched; on any other status all of its fields have been set.
 */
#ifndef RNM_ERROR_H
#define RNM_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNM_API __attribute__((visibility("default")))
#define RNM_MUST_CHECK __attribute__((warn_unused_result))
#define RNM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * The values 0 to 8 are the exit codes of the command `rnm`; rnm_status_exit_code() maps the rest.
 */
enum rnm_status {
	RNM_OK = 0,            /* done */
	RNM_NO = 1,            /* the answer is no: not valid, differs, incompatible */
	RNM_E_USAGE = 2,       /* the caller asked for something that makes no sense */
	RNM_E_MALFORMED = 3,   /* input that breaks the rules of its format, or a documented limit */
	RNM_E_NOT_FOUND = 4,   /* no such rule, model, version, file given as an input */
	RNM_E_IO = 5,          /* a system call or the network failed */
	RNM_E_REDIS = 6,       /* Redis answered with an error */
	RNM_E_SIGNATURE = 7,   /* unsigned, wrong key, bad signature */
	RNM_E_REFUSED = 8,     /* refused by a safety rule; a flag may override it */
	RNM_E_NOMEM = 9,       /* out of memory; exit code 5 */
	RNM_E_INTERRUPTED = 10 /* the caller's cancel flag was raised; exit code 130 */
};

/* Longest stable identifier, file name and sentence kept in an error, with the final NUL. */
#define RNM_ERROR_ID_MAX 48
#define RNM_ERROR_FILE_MAX 4096
#define RNM_ERROR_TEXT_MAX 2048

struct rnm_error {
	enum rnm_status status;
	/* Stable finding id such as "ucl.unmatched-brace"; "" when there is none. */
	char id[RNM_ERROR_ID_MAX];
	/* Where, as far as known: file is "" and line is 0 when unknown.  line counts from 1, column
	 * is the 0-based byte column that rspamd prints. */
	char file[RNM_ERROR_FILE_MAX];
	uint32_t line;
	uint32_t column;
	bool has_column;
	/* Byte offset in the input, when has_offset. */
	uint64_t offset;
	bool has_offset;
	int sys_errno; /* errno of the failing call, or 0 */
	/* One plain sentence without final period or newline: what was expected and what was found. */
	char message[RNM_ERROR_TEXT_MAX];
	/* The text that rspamd prints for the same failure, where one is known; else "". */
	char reference[RNM_ERROR_TEXT_MAX];
	/* What to type or change next; "" when there is nothing to add. */
	char hint[RNM_ERROR_TEXT_MAX / 2];
};

/* Resets err to RNM_OK and empty texts.  err may be NULL. */
RNM_API void rnm_error_clear(struct rnm_error *err);

/*
 * Clears err, then sets status, id (may be NULL) and message, and returns status, so that a failing
 * function can end in `return rnm_error_set(err, ...)`.  err may be NULL.
 */
RNM_API enum rnm_status rnm_error_set(struct rnm_error *err, enum rnm_status status, const char *id,
                                      const char *fmt, ...) RNM_PRINTF(4, 5);

/* As rnm_error_set with RNM_E_IO and sys_errno = errnum; ": <strerror>" is appended to the message. */
RNM_API enum rnm_status rnm_error_sys(struct rnm_error *err, const char *id, int errnum, const char *fmt, ...)
    RNM_PRINTF(4, 5);

/* As rnm_error_set with RNM_E_NOMEM and a fixed sentence. */
RNM_API enum rnm_status rnm_error_nomem(struct rnm_error *err);

/* Additions to an error that has been set; each accepts err == NULL and returns err->status. */
RNM_API enum rnm_status rnm_error_at_line(struct rnm_error *err, const char *file, uint32_t line);
RNM_API enum rnm_status rnm_error_at_column(struct rnm_error *err, const char *file, uint32_t line,
                                            uint32_t column);
RNM_API enum rnm_status rnm_error_at_offset(struct rnm_error *err, const char *file, uint64_t offset);
RNM_API void rnm_error_set_reference(struct rnm_error *err, const char *fmt, ...) RNM_PRINTF(2, 3);
RNM_API void rnm_error_set_hint(struct rnm_error *err, const char *fmt, ...) RNM_PRINTF(2, 3);

/* The exit code of the command for a status: 0 to 8 as they are, NOMEM 5, INTERRUPTED 130. */
RNM_API int rnm_status_exit_code(enum rnm_status status);

/* The stable lower-case name of a status, e.g. "not-found"; never NULL. */
RNM_API const char *rnm_status_name(enum rnm_status status);

#ifdef __cplusplus
}
#endif
#endif
