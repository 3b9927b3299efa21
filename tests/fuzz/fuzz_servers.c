/* SPDX-License-Identifier: Apache-2.0 */
/* Server lists; each line of the input but the first byte is one element of the list. */
#include "fuzz.h"

#include "redis/servers.h"

#define TEXTS_MAX 32

static void check_list(const struct rnm_server_list *list)
{
	const bool ordered =
	    list->rotation == RNM_ROTATION_ROUND_ROBIN || list->rotation == RNM_ROTATION_MASTER_SLAVE;

	FUZZ_CHECK(list->count > 0 && list->count + list->problem_count <= RNM_SERVERS_MAX);
	for (size_t i = 0; i < list->count; i++) {
		const struct rnm_server *server = &list->items[i];

		FUZZ_CHECK(strlen(server->host) > 0);
		FUZZ_CHECK(server->is_unix == (server->port == 0));
		FUZZ_CHECK(server->position < list->count);
		if (ordered && i > 0)
			FUZZ_CHECK(server[-1].priority > server->priority ||
			           (server[-1].priority == server->priority &&
			            server[-1].position < server->position));
	}
	for (size_t i = 0; i < list->problem_count; i++)
		FUZZ_CHECK(list->problems[i][0] == '"');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rnm_servers_syntax syntax = { .literal = (fuzz_byte(&data, &size) & 1) != 0 };
	char *texts[TEXTS_MAX];
	struct rnm_server_list list;
	struct rnm_error err;
	enum rnm_status status;
	size_t count = 0;

	for (size_t at = 0; at < size && count < TEXTS_MAX;) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t len = end != NULL ? (size_t)(end - (data + at)) : size - at;

		texts[count++] = fuzz_text(data + at, len);
		at += len + 1;
	}
	rnm_error_clear(&err);
	status = rnm_servers_parse(&list, texts, count, syntax, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK) {
		check_list(&list);
		rnm_servers_clear(&list);
	}
	while (count > 0)
		free(texts[--count]);
	return 0;
}
