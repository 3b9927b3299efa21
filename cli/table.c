/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Longest text that a cell keeps; a longer one (a hostile key) ends in "...". */
#define CELL_MAX 512

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
	*table = (struct table){ .columns = columns, .column_count = column_count };
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

/* Cuts an over-long text between two UTF-8 characters. */
static void cut_text(struct rnm_buf *text)
{
	if (text->len > CELL_MAX) {
		size_t end = CELL_MAX - 3;

		while (end > 0 && ((unsigned char)text->data[end] & 0xc0) == 0x80)
			end--;
		text->len = end;
		rnm_buf_puts(text, "...");
	}
}

void table_cell_n(struct table *table, enum color color, const char *text, size_t len)
{
	struct rnm_buf escaped;
	char *kept;

	rnm_buf_init(&escaped, OUTPUT_MAX);
	output_escape(&escaped, text, len, ESCAPE_ALL);
	rnm_buf_puts(&escaped, "");
	cut_text(&escaped);
	kept = escaped.len > 0 ? rnm_buf_steal(&escaped) : strdup("");
	rnm_buf_free(&escaped);
	if (table->failed || kept == NULL || !table_grow(table)) {
		free(kept);
		table->failed = true;
		return;
	}
	table->cells[table->cell_count++] = (struct table_cell){ kept, color };
}

void table_cell(struct table *table, enum color color, const char *text)
{
	table_cell_n(table, color, text, strlen(text));
}

void table_cellf(struct table *table, enum color color, const char *fmt, ...)
{
	char text[CELL_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	table_cell(table, color, text);
}

/* Characters, not bytes: cells hold only well-formed UTF-8. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void pad(struct rnm_buf *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rnm_buf_putc(out, ' ');
}

static void print_cell(struct rnm_buf *out, const struct table_column *column, const char *text,
                       enum color color, size_t width, bool last)
{
	size_t missing = width - text_width(text);

	if (column->right)
		pad(out, missing);
	if (color != COLOR_NONE)
		rnm_buf_puts(out, output_color(color));
	rnm_buf_puts(out, text);
	if (color != COLOR_NONE)
		rnm_buf_puts(out, output_color(COLOR_NONE));
	/* No blanks at the end of a line. */
	if (!column->right && !last)
		pad(out, missing);
	rnm_buf_puts(out, last ? "\n" : "  ");
}

static void table_free(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	*table = (struct table){ 0 };
}

bool table_print(struct table *table, struct rnm_buf *out, const char *indent)
{
	size_t width[TABLE_COLUMNS_MAX] = { 0 };
	size_t count = table->column_count;

	for (size_t c = 0; c < count; c++)
		width[c] = text_width(table->columns[c].title);
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t cell = text_width(table->cells[i].text);

		width[i % count] = cell > width[i % count] ? cell : width[i % count];
	}
	rnm_buf_puts(out, indent);
	for (size_t c = 0; c < count; c++) {
		print_cell(out, &table->columns[c], table->columns[c].title, COLOR_BOLD, width[c],
		           c + 1 == count);
	}
	for (size_t i = 0; i < table->cell_count; i++) {
		const struct table_cell *cell = &table->cells[i];

		if (i % count == 0)
			rnm_buf_puts(out, indent);
		print_cell(out, &table->columns[i % count], cell->text, cell->color, width[i % count],
		           i % count + 1 == count);
	}
	if (table->failed)
		out->failed = true;
	table_free(table);
	return !out->failed;
}
