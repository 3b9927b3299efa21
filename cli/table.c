/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

/* Characters, not bytes: cells hold only well-formed UTF-8. */
static unsigned text_width(const char *text, size_t len)
{
	unsigned width = 0;

	for (size_t i = 0; i < len; i++)
		width += ((unsigned char)text[i] & 0xc0) != 0x80;
	return width;
}

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
	*table = (struct table){ .columns = columns, .column_count = column_count };
	rnm_buf_init(&table->text, OUTPUT_MAX);
	for (size_t c = 0; c < column_count; c++)
		table->width[c] = text_width(columns[c].title, strlen(columns[c].title));
}

static bool table_grow(struct table *table)
{
	size_t cap = table->cell_cap == 0 ? 64 : table->cell_cap * 2;
	struct table_cell *cells;

	if (table->cell_count < table->cell_cap)
		return true;
	cells = reallocarray(table->cells, cap, sizeof(*cells));
	if (cells == NULL)
		return false;
	table->cells = cells;
	table->cell_cap = cap;
	return true;
}

/* Cuts an over-long cell, which starts at start, between two UTF-8 characters. */
static void cut_text(struct rnm_buf *text, size_t start, unsigned max)
{
	size_t end = start;
	unsigned width = 0;

	for (size_t i = start; i < text->len && width <= max; i++) {
		bool starts = ((unsigned char)text->data[i] & 0xc0) != 0x80;

		/* Where the character stands that the dots will replace. */
		if (starts && width == max - 3)
			end = i;
		width += starts;
	}
	if (width <= max)
		return;
	text->len = end;
	rnm_buf_puts(text, "...");
}

void table_cell_n(struct table *table, enum color color, const char *text, size_t len)
{
	size_t column = table->cell_count % table->column_count;
	unsigned max = table->columns[column].cell_max;
	struct table_cell cell = { .start = table->text.len, .color = color };

	if (max == 0)
		max = TABLE_CELL_MAX;
	if (table->failed || !table_grow(table) || !output_escape(&table->text, text, len, ESCAPE_ALL)) {
		table->failed = true;
		return;
	}
	if (table->text.len - cell.start > max)
		cut_text(&table->text, cell.start, max);
	cell.len = (unsigned)(table->text.len - cell.start);
	cell.width = text_width(rnm_buf_cstr(&table->text) + cell.start, cell.len);
	if (cell.width > table->width[column])
		table->width[column] = cell.width;
	table->cells[table->cell_count++] = cell;
}

void table_cell(struct table *table, enum color color, const char *text)
{
	table_cell_n(table, color, text, strlen(text));
}

void table_name(struct table *table, enum color color, const char *name)
{
	table_cell(table, color, *name != '\0' ? name : "''");
}

static void pad(struct rnm_buf *out, size_t count)
{
	static const char blanks[] = "                                ";

	while (count > 0) {
		size_t some = count < sizeof(blanks) - 1 ? count : sizeof(blanks) - 1;

		rnm_buf_append(out, blanks, some);
		count -= some;
	}
}

static void print_cell(struct rnm_buf *out, const struct table *table, size_t column, const char *text,
                       const struct table_cell *cell)
{
	size_t missing = table->width[column] - cell->width;
	bool right = table->columns[column].right;
	bool last = column + 1 == table->column_count;

	if (right)
		pad(out, missing);
	if (cell->color != COLOR_NONE)
		rnm_buf_puts(out, output_color(cell->color));
	rnm_buf_append(out, text, cell->len);
	if (cell->color != COLOR_NONE)
		rnm_buf_puts(out, output_color(COLOR_NONE));
	/* No blanks at the end of a line. */
	if (!last)
		pad(out, (right ? 0 : missing) + 2);
	else
		rnm_buf_putc(out, '\n');
}

bool table_print(struct table *table, struct rnm_buf *out, const char *indent)
{
	const char *texts = rnm_buf_cstr(&table->text);

	rnm_buf_puts(out, indent);
	for (size_t c = 0; c < table->column_count; c++) {
		const char *title = table->columns[c].title;
		unsigned len = (unsigned)strlen(title);
		struct table_cell cell = { .len = len, .width = text_width(title, len), .color = COLOR_BOLD };

		print_cell(out, table, c, title, &cell);
	}
	for (size_t i = 0, column = 0; i < table->cell_count; i++) {
		if (column == 0)
			rnm_buf_puts(out, indent);
		print_cell(out, table, column, texts + table->cells[i].start, &table->cells[i]);
		column = column + 1 < table->column_count ? column + 1 : 0;
	}
	if (table->failed)
		out->failed = true;
	rnm_buf_free(&table->text);
	free(table->cells);
	*table = (struct table){ 0 };
	return !out->failed;
}
