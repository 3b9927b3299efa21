/* SPDX-License-Identifier: Apache-2.0 */
#include "serve_report.h"

#include "output.h"
#include "table.h"

#include <rnm/json.h>
#include <string.h>

static void put_json(struct rnm_json *json, const struct rnm_server_file *file)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "name", file->name);
	rnm_json_kv_uint(json, "size", file->size);
	rnm_json_kv_time(json, "modified", (double)file->modified);
	rnm_json_kv_string(json, "etag", file->etag);
	rnm_json_end_object(json);
}

static bool report_json(struct rnm_server *server)
{
	struct rnm_server_file file;
	struct rnm_buf out;
	struct rnm_json json;

	rnm_buf_init(&out, OUTPUT_MAX);
	rnm_json_init(&json, &out, false);
	rnm_json_begin_object(&json);
	rnm_json_key(&json, "files");
	rnm_json_begin_array(&json);
	for (size_t i = 0; rnm_server_file_at(server, i, &file); i++)
		put_json(&json, &file);
	rnm_json_end_array(&json);
	rnm_json_end_object(&json);
	return output_json(&out);
}

static void put_row(struct table *table, const struct rnm_server_file *file)
{
	char memory[32];
	struct rnm_buf size;

	rnm_buf_init_in(&size, memory, sizeof(memory));
	output_size(&size, file->size);
	table_cell(table, COLOR_NONE, file->name);
	table_cell_n(table, COLOR_NONE, size.data, size.len);
	if (output_time(memory, sizeof(memory), (double)file->modified))
		table_cell(table, COLOR_NONE, memory);
	else
		table_cell(table, COLOR_NONE, "-");
	/* Enough of the hash to tell two files apart. */
	table_cell_n(table, COLOR_NONE, file->etag + 1, 16);
}

bool serve_report(struct rnm_server *server, bool as_json)
{
	static const struct table_column columns[] = { { "NAME", false, TABLE_CELL_LONG },
		                                       { "SIZE", true, 0 },
		                                       { "MODIFIED", false, 0 },
		                                       { "HASH", false, 0 } };
	struct rnm_server_file file;
	struct table table;
	struct rnm_buf out;

	if (as_json)
		return report_json(server);
	rnm_buf_init(&out, OUTPUT_MAX);
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; rnm_server_file_at(server, i, &file); i++)
		put_row(&table, &file);
	(void)table_print(&table, &out, "");
	return output_buffer(&out);
}
