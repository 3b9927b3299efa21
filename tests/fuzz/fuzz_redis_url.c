/* SPDX-License-Identifier: Apache-2.0 */
/* Redis URLs: one that is accepted names exactly one server, which the server list takes as well. */
#include "fuzz.h"

#include "redis/servers.h"

#include <rnm/redis.h>

static void check_settings(const struct rnm_redis_settings *settings)
{
	const struct rnm_servers_syntax syntax = { .literal = true };
	struct rnm_server_list list;

	FUZZ_CHECK(settings->read_count == 1 && settings->write_count == 1);
	FUZZ_CHECK(strcmp(settings->read_servers[0], settings->write_servers[0]) == 0);
	FUZZ_CHECK(settings->literal_servers && settings->origin != NULL && settings->timeout > 0);
	FUZZ_CHECK(settings->db == NULL || settings->db[strspn(settings->db, "0123456789")] == '\0');
	/* What was named may still be no address, e.g. [1:2] or a name too long: then it is said. */
	if (rnm_servers_parse(&list, settings->read_servers, 1, syntax, NULL) != RNM_OK)
		return;
	FUZZ_CHECK(list.count == 1 && list.problem_count == 0);
	FUZZ_CHECK(list.items[0].is_unix == (settings->read_servers[0][0] == '/'));
	rnm_servers_clear(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = fuzz_text(data, size);
	struct rnm_redis_settings *settings = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_redis_settings_from_url(&settings, url, &err);
	fuzz_check_error(status, &err);
	FUZZ_CHECK(status == RNM_OK || status == RNM_E_USAGE || status == RNM_E_NOMEM);
	if (status == RNM_OK) {
		check_settings(settings);
		FUZZ_CHECK(rnm_redis_settings_set_password(settings, url, NULL) == RNM_OK);
		FUZZ_CHECK(strcmp(settings->password, url) == 0);
	}
	rnm_redis_settings_free(settings);
	free(url);
	return 0;
}
