/* SPDX-License-Identifier: Apache-2.0 */
/* Times as HTTP writes them (RFC 9110, 5.6.7), whatever the locale. */
#ifndef RNM_SHARE_HTTP_DATE_H
#define RNM_SHARE_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

/* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL. */
#define RNM_HTTP_DATE_SIZE 30

/* Seconds since 1970, of years with four digits; others are cut to the first or last of them. */
void rnm_http_date_write(char text[RNM_HTTP_DATE_SIZE], int64_t time);

/* "2026-11-23T15:16:46.601Z" and its NUL, for the log.  Of a time of this age and the next. */
#define RNM_TIME_SIZE 25
void rnm_time_write(char text[RNM_TIME_SIZE], double time);

/*
 * Reads the form of rnm_http_date_write and the two old ones, "Sunday, 06-Nov-94 08:49:37 GMT" (now decides
 * on the century: the year lies at most 50 years ahead) and "Sun Nov  6 08:49:37 1994".  Names of days are
 * not compared with the date.  False for anything else, and for days that no calendar has.
 */
bool rnm_http_date_read(int64_t *time, const char *text, int64_t now);

#endif
