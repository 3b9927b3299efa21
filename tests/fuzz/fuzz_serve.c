/* SPDX-License-Identifier: Apache-2.0 */
/* A request, line by line: method, target, then headers "Name: value".  The server has two files. */
#include "fuzz.h"

#include "share/serve_exchange.h"

#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 1000u
#define NOW INT64_C(1795442400)
#define HEADERS_MAX 64

static struct rnm_served *make_file(const char *name, const char *etag)
{
	struct rnm_served *file = rnm_served_new(name);

	FUZZ_CHECK(file != NULL);
	file->fd = memfd_create("served", MFD_CLOEXEC);
	FUZZ_CHECK(file->fd >= 0 && ftruncate(file->fd, SIZE) == 0);
	FUZZ_CHECK(fstat(file->fd, &file->identity) == 0);
	file->size = SIZE;
	file->modified = NOW - 1000;
	snprintf(file->etag, sizeof(file->etag), "%s", etag);
	rnm_http_date_write(file->modified_text, file->modified);
	return file;
}

static const struct rnm_served_table *the_table(void)
{
	static struct rnm_served_table *table;

	if (table != NULL)
		return table;
	table = rnm_served_table_new();
	FUZZ_CHECK(table != NULL);
	FUZZ_CHECK(rnm_served_table_add(table, make_file("/models/aa", "\"1\""), NULL) == RNM_OK);
	FUZZ_CHECK(rnm_served_table_add(table, make_file("/index.json", "\"2\""), NULL) == RNM_OK);
	FUZZ_CHECK(rnm_served_table_seal(table, NULL) == RNM_OK);
	return table;
}

static void check_answer(const struct rnm_answer *answer, const struct rnm_request *request)
{
	const bool is_read = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
	const bool conditional = request->if_none_match != NULL || request->if_modified_since != NULL;
	size_t len;
	const char *path = rnm_target_path(request->target, &len);

	FUZZ_CHECK((answer->status == 405) == !is_read);
	FUZZ_CHECK(path >= request->target && path + len <= request->target + strlen(request->target));
	if (answer->file != NULL) {
		FUZZ_CHECK(strlen(answer->file->name) == len && memcmp(answer->file->name, path, len) == 0);
		FUZZ_CHECK(answer->offset + answer->length <= SIZE && answer->length > 0);
	}
	if (answer->body == RNM_BODY_FILE)
		FUZZ_CHECK(answer->file != NULL);
	switch (answer->status) {
	case 200:
		FUZZ_CHECK(answer->file == NULL || answer->length == SIZE);
		break;
	case 206:
		FUZZ_CHECK(request->range != NULL && answer->file != NULL);
		break;
	case 304:
		FUZZ_CHECK(conditional && answer->file != NULL && answer->length == SIZE);
		break;
	case 416:
		FUZZ_CHECK(request->range != NULL && answer->body == RNM_BODY_TEXT);
		break;
	case 400:
		FUZZ_CHECK(request->content_length != NULL || request->transfer_encoding != NULL);
		break;
	default:
		FUZZ_CHECK(answer->status == 404 || answer->status == 405);
	}
}

/* The line of the log is one line of JSON, whatever the client sent. */
static void check_line(const struct rnm_answer *answer, const struct rnm_request *request)
{
	struct rnm_link link = { .local = true, .address = "127.0.0.1" };
	struct rnm_exchange exchange = { .link = &link, .answer = *answer };
	char memory[8192];
	struct rnm_buf line;
	json_t *json;

	snprintf(exchange.method, sizeof(exchange.method), "%s", request->method);
	snprintf(exchange.target, sizeof(exchange.target), "%s", request->target);
	snprintf(exchange.agent, sizeof(exchange.agent), "%s", request->agent != NULL ? request->agent : "");
	snprintf(exchange.held, sizeof(exchange.held), "%s",
	         request->if_none_match != NULL ? request->if_none_match : "");
	rnm_exchange_client(&exchange, request->forwarded);
	rnm_buf_init_in(&line, memory, sizeof(memory));
	rnm_exchange_line(&line, &exchange, false);
	FUZZ_CHECK(!line.failed && strchr(line.data, '\n') == line.data + line.len - 1);
	json = json_loadb(line.data, line.len, 0, NULL);
	FUZZ_CHECK(json != NULL);
	json_decref(json);
}

static void check_date(const char *text)
{
	char again[RNM_HTTP_DATE_SIZE];
	int64_t time, same;

	if (!rnm_http_date_read(&time, text, NOW) || time < INT64_C(-30610224000))
		return;
	rnm_http_date_write(again, time);
	FUZZ_CHECK(rnm_http_date_read(&same, again, NOW) && same == time);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rnm_request request = { 0 };
	char *lines[HEADERS_MAX + 2];
	struct rnm_answer answer;
	size_t count = 0;

	for (size_t at = 0; at <= size && count < HEADERS_MAX + 2;) {
		const uint8_t *end = at < size ? memchr(data + at, '\n', size - at) : NULL;
		size_t len = end != NULL ? (size_t)(end - (data + at)) : size - at;

		lines[count++] = fuzz_text(data + at, len);
		at += len + 1;
	}
	request.method = lines[0];
	request.target = count > 1 ? lines[1] : "";
	for (size_t i = 2; i < count; i++) {
		char *value = strstr(lines[i], ": ");

		if (value != NULL)
			*value = '\0';
		rnm_request_header(&request, lines[i], value != NULL ? value + 2 : NULL);
	}
	rnm_answer(&answer, the_table(), &request, NOW);
	check_answer(&answer, &request);
	check_line(&answer, &request);
	check_date(request.target);
	while (count > 0)
		free(lines[--count]);
	return 0;
}
