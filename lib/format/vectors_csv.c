/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of numbers with a separator, as spreadsheets, numpy.savetxt and rspamd itself write them. */
#include "base/number.h"
#include "format/vectors.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* Characters of a field that a message shows. */
#define SHOWN_MAX 32

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Blanks are no part of a field, unless they are what separates. */
static const char *skip_blanks(const char *at, const char *end, char separator)
{
	while (at < end && is_blank(*at) && *at != separator)
		at++;
	return at;
}

struct field {
	const char *text; /* without quotes and blanks around it; doubled quotes are left as they are */
	size_t len;
	bool quoted;
	bool broken; /* a quote that is not closed, or something behind it */
};

/*
 * Takes the field at at.  Returns the place of its separator, or end.
 */
static const char *take_field(struct field *field, const char *at, const char *end, char separator)
{
	const char *stop;

	at = skip_blanks(at, end, separator);
	*field = (struct field){ .text = at };
	if (at < end && *at == '"') {
		field->quoted = true;
		field->text = stop = at + 1;
		while (stop < end && (*stop != '"' || (stop + 1 < end && stop[1] == '"')))
			stop += *stop == '"' ? 2 : 1;
		field->len = (size_t)(stop - field->text);
		at = skip_blanks(stop < end ? stop + 1 : stop, end, separator);
		field->broken = stop == end || (at < end && *at != separator);
	}
	stop = memchr(at, separator, (size_t)(end - at));
	stop = stop != NULL ? stop : end;
	if (!field->quoted) {
		field->len = (size_t)(stop - at);
		while (field->len > 0 && is_blank(field->text[field->len - 1]))
			field->len--;
	}
	return stop;
}

/* Behind a separator; a run of blanks is one. */
static const char *next_field(const char *stop, const char *end, char separator)
{
	if (separator != ' ')
		return stop + 1;
	while (stop < end && *stop == ' ')
		stop++;
	return stop;
}

/* A line that is separated by blanks may begin and end with some. */
static void trim(const char **line, const char **end, char separator)
{
	while (*end > *line && is_blank((*end)[-1]) && (separator == ' ' || (*end)[-1] != separator))
		(*end)--;
	while (separator == ' ' && *line < *end && **line == ' ')
		(*line)++;
}

static bool is_number(const struct field *field)
{
	double value;

	if (field->len == 0 || field->broken)
		return false;
	return rnm_scan_number(field->text, field->len, &value) == field->len ||
	       rnm_vector_is_non_finite((struct rnm_bytes){ field->text, field->len });
}

/* A name, as headers hold them: what begins like a number is a malformed one. */
static bool is_name(const struct field *field)
{
	return field->len > 0 && !is_number(field) && strchr("0123456789+-.", *field->text) == NULL;
}

static bool names_id(const struct field *field)
{
	return field->len == 2 && strncasecmp(field->text, "id", 2) == 0;
}

static char find_separator(const char *line, const char *end)
{
	static const char candidates[] = "\t;,";
	bool found[sizeof(candidates)] = { false };
	bool blank = false, quoted = false;

	for (const char *at = line; at < end; at++) {
		const char *candidate = *at != '\0' ? strchr(candidates, *at) : NULL;

		quoted = quoted != (*at == '"');
		if (quoted)
			continue;
		blank = blank || *at == ' ';
		if (candidate != NULL)
			found[candidate - candidates] = true;
	}
	for (size_t i = 0; candidates[i] != '\0'; i++) {
		if (found[i])
			return candidates[i];
	}
	return blank ? ' ' : ',';
}

/*
 * A header is a first line that cannot be a vector with an identifier in front: a field is called id, the first
 * one has no name, as the index column that pandas writes, or there are names and no numbers. A name
 * among numbers is a malformed vector.
 */
bool rnm_csv_begin(struct rnm_csv *csv, const char *line, const char *end)
{
	size_t index = 0;
	bool header = false, names = false, numbers = false, broken = false;
	struct field field;

	*csv = (struct rnm_csv){ .begun = true, .id_column = RNM_CSV_NO_COLUMN };
	csv->separator = find_separator(line, end);
	trim(&line, &end, csv->separator);
	for (const char *stop;; line = next_field(stop, end, csv->separator), index++) {
		bool unnamed_first, named;

		stop = take_field(&field, line, end, csv->separator);
		unnamed_first = index == 0 && field.len == 0 && stop < end;
		named = names_id(&field);
		header = header || unnamed_first || named;
		names = names || (index > 0 && is_name(&field));
		numbers = numbers || is_number(&field);
		broken = broken || field.broken;
		if (named || (unnamed_first && csv->id_column == RNM_CSV_NO_COLUMN))
			csv->id_column = index;
		if (stop == end)
			break;
	}
	csv->id_decided = csv->id_column != RNM_CSV_NO_COLUMN;
	csv->header_fields = index + 1;
	return !broken && (header || (names && !numbers) || (index == 0 && is_name(&field)));
}

static enum rnm_status bad_number(struct rnm_error *err, const char *line, const struct field *field,
                                  size_t component, char separator)
{
	const size_t column = (size_t)(field->text - line);
	const struct rnm_bytes text = { field->text, field->len };
	double value;

	if (field->broken)
		return rnm_vector_error(err, "vector.csv", column,
		                        "expected a field in quotes to end with one");
	if (field->len > 0 &&
	    (rnm_vector_is_non_finite(text) || rnm_scan_number(text.data, text.len, &value) == text.len))
		return rnm_vector_not_finite(err, column, component, text);
	if (field->len == 0)
		return rnm_vector_error(err, "vector.csv", column,
		                        "expected a number as component %zu, found an empty field",
		                        component);
	rnm_vector_error(err, "vector.csv", column, "expected a number as component %zu, found '%.*s'",
	                 component, (int)(text.len < SHOWN_MAX ? text.len : SHOWN_MAX), text.data);
	if (separator != ',' && memchr(field->text, ',', field->len) != NULL)
		rnm_error_set_hint(err, "numbers have a decimal point, in every locale");
	return RNM_E_MALFORMED;
}

/* One number; returns its separator or end, NULL after an error. */
static const char *read_number(struct rnm_numbers *numbers, const char *line, const char *at, const char *end,
                               char separator, struct rnm_error *err)
{
	struct field field;
	const char *stop;
	double value;
	size_t used;

	/* Nearly every field is a bare number: no need to look for its end first. */
	at = skip_blanks(at, end, separator);
	used = rnm_scan_number(at, (size_t)(end - at), &value);
	stop = skip_blanks(at + used, end, separator);
	if (used == 0 || (stop < end && *stop != separator)) {
		stop = take_field(&field, at, end, separator);
		used = field.broken ? 0 : rnm_scan_number(field.text, field.len, &value);
		if (used == 0 || used != field.len) {
			(void)bad_number(err, line, &field, numbers->count, separator);
			return NULL;
		}
	}
	if (!isfinite(value)) {
		(void)rnm_vector_not_finite(err, (size_t)(at - line), numbers->count,
		                            (struct rnm_bytes){ at, (size_t)(stop - at) });
		return NULL;
	}
	rnm_numbers_add(numbers, value);
	return stop;
}

/* Appends the field's text, in which a doubled quote stands for one. */
static enum rnm_status read_id(struct rnm_buf *id, const struct field *field, const char *line,
                               struct rnm_error *err)
{
	const size_t column = (size_t)(field->text - line);

	if (field->broken)
		return rnm_vector_error(err, "vector.csv", column,
		                        "expected a field in quotes to end with one");
	for (size_t i = 0; i < field->len; i++) {
		rnm_buf_putc(id, field->text[i]);
		if (field->quoted && field->text[i] == '"')
			i++;
	}
	if (id->failed)
		return rnm_vector_error(err, "vector.id", column,
		                        "expected an identifier of at most %zu bytes", RNM_VECTOR_ID_MAX);
	return RNM_OK;
}

enum rnm_status rnm_vector_csv(struct rnm_csv *csv, const char *line, const char *end,
                               struct rnm_numbers *numbers, struct rnm_buf *id, enum rnm_vector_id *id_kind,
                               struct rnm_error *err)
{
	const char *start = line;
	size_t index = 0;

	trim(&start, &end, csv->separator);
	for (const char *at = start, *stop;; at = next_field(stop, end, csv->separator), index++) {
		struct field field;

		if (index == 0 && !csv->id_decided) {
			stop = take_field(&field, at, end, csv->separator);
			csv->id_decided = true;
			if (stop < end && !is_number(&field))
				csv->id_column = 0;
		}
		if (index == csv->id_column) {
			enum rnm_status status;

			stop = take_field(&field, at, end, csv->separator);
			status = read_id(id, &field, line, err);
			if (status != RNM_OK)
				return status;
			*id_kind = RNM_VECTOR_ID_TEXT;
		} else {
			stop = read_number(numbers, line, at, end, csv->separator, err);
			if (stop == NULL)
				return RNM_E_MALFORMED;
		}
		if (stop == end)
			return RNM_OK;
	}
}

enum rnm_status rnm_numbers_joined(const char *text, const char *end, char separator,
                                   struct rnm_numbers *numbers, struct rnm_error *err)
{
	for (const char *at = text;; at++) {
		at = read_number(numbers, text, at, end, separator, err);
		if (at == NULL)
			return RNM_E_MALFORMED;
		if (at == end)
			return RNM_OK;
	}
}
