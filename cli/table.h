/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns for people. */
#ifndef RNM_CLI_TABLE_H
#define RNM_CLI_TABLE_H

#include "output.h"

#define TABLE_COLUMNS_MAX 10
/* Characters of a cell; a longer text (a hostile key, say) ends in "...".  JSON holds all of it. */
#define TABLE_CELL_MAX 64
/* For columns whose end counts: file names, reasons. */
#define TABLE_CELL_LONG 400

struct table_column {
	const char *title;
	bool right;        /* numbers are aligned at their right end */
	unsigned cell_max; /* 0: TABLE_CELL_MAX */
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
/* A name, which must be seen even when it is empty. */
void table_name(struct table *table, enum color color, const char *name);
/* Appends the table, each line behind indent, to out and frees it. */
bool table_print(struct table *table, struct rnm_buf *out, const char *indent);

#endif
