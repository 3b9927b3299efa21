/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns for people. */
#ifndef RNM_CLI_TABLE_H
#define RNM_CLI_TABLE_H

#include "output.h"

#define TABLE_COLUMNS_MAX 10

struct table_column {
	const char *title;
	bool right; /* numbers are aligned at their right end */
};

struct table_cell {
	size_t start; /* in the table's text, which is escaped */
	unsigned len;
	unsigned width; /* characters */
	enum color color;
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	size_t width[TABLE_COLUMNS_MAX];
	struct rnm_buf text;      /* of all cells: one allocation, not one for each */
	struct table_cell *cells; /* row after row */
	size_t cell_count;
	size_t cell_cap;
	bool failed; /* out of memory; checked by table_print */
};

void table_init(struct table *table, const struct table_column *columns, size_t column_count);
/* Adds the next cell, row by row.  Control characters are escaped. */
void table_cell(struct table *table, enum color color, const char *text);
void table_cell_n(struct table *table, enum color color, const char *text, size_t len);
void table_cellf(struct table *table, enum color color, const char *fmt, ...) RNM_PRINTF(3, 4);
/* Appends the table, each line behind indent, to out and frees it. */
bool table_print(struct table *table, struct rnm_buf *out, const char *indent);

#endif
