/* SPDX-License-Identifier: Apache-2.0 */
#include "share/history_line.h"
#include "share/serve_model.h"
#include "share/serve_page_html.h"
#include "share/serve_record.h"

#include <rnm/json.h>
#include <stdio.h>
#include <string.h>

enum rnm_standing rnm_page_standing(const struct rnm_page *page, const struct rnm_fleet_client *client)
{
	char path[RNM_FLEET_NAME_SIZE + 16];
	const struct rnm_served *file;
	int length;

	if (client->held[0] == '\0')
		return RNM_STANDING_UNKNOWN;
	if ((double)(page->now - client->last) > 3 * page->interval)
		return RNM_STANDING_SILENT;
	length = snprintf(path, sizeof(path), RNM_SERVED_MODELS "%s", client->name);
	file = rnm_served_find(page->table, path, (size_t)length);
	return file != NULL && strcmp(file->etag, client->held) == 0 ? RNM_STANDING_CURRENT
	                                                             : RNM_STANDING_BEHIND;
}

const char *rnm_standing_name(enum rnm_standing standing)
{
	static const char *const names[] = {
		[RNM_STANDING_CURRENT] = "current",
		[RNM_STANDING_BEHIND] = "behind",
		[RNM_STANDING_SILENT] = "silent",
		[RNM_STANDING_UNKNOWN] = "unknown",
	};

	return names[standing];
}

static bool has_companion(const struct rnm_page *page, const struct rnm_served *file, const char *ending)
{
	char path[RNM_FLEET_NAME_SIZE + 16];
	const int length = snprintf(path, sizeof(path), "%s%s", file->name, ending);

	return rnm_served_find(page->table, path, (size_t)length) != NULL;
}

const char *rnm_page_signature(const struct rnm_page *page, const struct rnm_served *file)
{
	const bool statement = has_companion(page, file, RNM_STATEMENT_SUFFIX),
		   signature = has_companion(page, file, RNM_SIGNATURE_SUFFIX);

	if (statement)
		return signature ? "signed, for rnm pull and for rspamd" : "signed, for rnm pull";
	return signature ? "signed, for rspamd" : "not signed";
}

static void put_version(struct rnm_json *json, const char *key, uint64_t version)
{
	if (version > 0)
		rnm_json_kv_uint(json, key, version);
	else
		rnm_json_kv_null(json, key);
}

static void put_event(struct rnm_json *json, const struct rnm_served_event *event)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "event", rnm_entry_kind_name(event->kind));
	rnm_json_kv_uint(json, "serial", event->serial);
	rnm_json_kv_time(json, "time", (double)event->time);
	rnm_json_kv_uint(json, "times", event->times);
	put_version(json, "version", event->version);
	rnm_json_kv_string(json, "blake2b", event->blake2b);
	put_version(json, "from_version", event->from_version);
	rnm_json_kv_string(json, "from", event->from[0] != '\0' ? event->from : NULL);
	rnm_json_kv_string(json, "key", event->key);
	rnm_json_key(json, "evaluation");
	rnm_json_model_evaluation(json, event->evaluation);
	rnm_json_end_object(json);
}

static void put_history(struct rnm_json *json, const struct rnm_page *page, const char *name)
{
	const struct rnm_served_record *record = page->table->record;
	const struct rnm_served_event *events;
	const size_t count = rnm_served_record_events(record, name, &events);

	if (!rnm_served_record_has_history(record)) {
		rnm_json_kv_null(json, "history");
		rnm_json_kv_null(json, "history_left_out");
		return;
	}
	rnm_json_key(json, "history");
	rnm_json_begin_array(json);
	for (size_t i = 0; i < count && i < RNM_SERVED_EVENTS_MAX; i++)
		put_event(json, &events[i]);
	rnm_json_end_array(json);
	rnm_json_kv_uint(json, "history_left_out",
	                 count > RNM_SERVED_EVENTS_MAX ? count - RNM_SERVED_EVENTS_MAX : 0);
}

static void put_model(struct rnm_json *json, const struct rnm_page *page, const struct rnm_served *file)
{
	const struct rnm_served_model *model = file->model;

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "name", rnm_page_name(file));
	rnm_json_kv_uint(json, "size", file->size);
	rnm_json_kv_time(json, "modified", (double)file->modified);
	rnm_json_kv_string(json, "etag", file->etag);
	rnm_json_kv_bool(json, "kept", file->kept);
	rnm_json_kv_string(json, "signature", rnm_page_signature(page, file));
	rnm_json_kv_string(json, "rule", model != NULL ? model->rule : NULL);
	rnm_json_kv_string(json, "settings", model != NULL ? model->settings : NULL);
	rnm_json_kv_string(json, "digest", model != NULL ? model->digest : NULL);
	rnm_json_kv_string(json, "architecture", model != NULL ? model->architecture : NULL);
	if (model != NULL)
		rnm_json_kv_double(json, "version", model->version);
	else
		rnm_json_kv_null(json, "version");
	if (model != NULL && model->has_created)
		rnm_json_kv_time(json, "created", (double)model->created);
	else
		rnm_json_kv_null(json, "created");
	rnm_json_key(json, "evaluation");
	rnm_json_model_evaluation(json, rnm_served_record_evaluation(page->table->record, file));
	put_history(json, page, rnm_page_name(file));
	rnm_json_end_object(json);
}

static void put_client(struct rnm_json *json, const struct rnm_page *page,
                       const struct rnm_fleet_client *client)
{
	const struct rnm_fleet_offered *offered =
	    rnm_fleet_find_offer(page->fleet, client->name, client->held);

	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "client", client->client);
	rnm_json_kv_string(json, "name", client->name);
	rnm_json_kv_string(json, "agent", client->agent[0] != '\0' ? client->agent : NULL);
	rnm_json_kv_string(json, "held", client->held[0] != '\0' ? client->held : NULL);
	if (offered != NULL)
		rnm_json_kv_double(json, "version", offered->version);
	else
		rnm_json_kv_null(json, "version");
	rnm_json_kv_string(json, "standing", rnm_standing_name(rnm_page_standing(page, client)));
	rnm_json_kv_time(json, "first", (double)client->first);
	rnm_json_kv_time(json, "last", (double)client->last);
	rnm_json_kv_uint(json, "requests", client->requests);
	rnm_json_end_object(json);
}

static void put_missing(struct rnm_json *json, const struct rnm_fleet_missing *missing)
{
	rnm_json_begin_object(json);
	rnm_json_kv_string(json, "name", missing->name);
	rnm_json_kv_string(json, "client", missing->client);
	rnm_json_kv_time(json, "first", (double)missing->first);
	rnm_json_kv_time(json, "last", (double)missing->last);
	rnm_json_kv_uint(json, "requests", missing->requests);
	rnm_json_end_object(json);
}

void rnm_page_json(struct rnm_buf *out, const struct rnm_page *page)
{
	const char *problem = rnm_served_record_problem(page->table->record);
	struct rnm_json json;

	rnm_json_init(&json, out, false);
	rnm_json_begin_object(&json);
	rnm_json_kv_time(&json, "now", (double)page->now);
	rnm_json_kv_time(&json, "started", (double)page->started);
	rnm_json_kv_uint(&json, "requests", page->requests);
	rnm_json_key(&json, "models");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < page->table->count; i++)
		if (rnm_served_is_alias(page->table->items[i]->name))
			put_model(&json, page, page->table->items[i]);
	rnm_json_end_array(&json);
	rnm_json_kv_string(&json, "history_problem", problem[0] != '\0' ? problem : NULL);
	rnm_json_kv_bool(&json, "history_is_cut", rnm_served_record_is_cut(page->table->record));
	rnm_json_key(&json, "clients");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < page->fleet->count; i++)
		put_client(&json, page, &page->fleet->clients[i]);
	rnm_json_end_array(&json);
	rnm_json_kv_uint(&json, "clients_forgotten", page->fleet->forgotten);
	rnm_json_key(&json, "missing");
	rnm_json_begin_array(&json);
	for (size_t i = 0; i < page->fleet->missing_count; i++)
		put_missing(&json, &page->fleet->missing[i]);
	rnm_json_end_array(&json);
	rnm_json_end_object(&json);
	rnm_buf_putc(out, '\n');
}
