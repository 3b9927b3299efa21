/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile Redis: the input is what the server sends, while it is examined and repaired. */
#include "fuzz_server.h"

#include <rnm/doctor.h>

#include <sys/mman.h>
#include <unistd.h>

static const char config_text[] = "redis { servers = \"127.0.0.1\"; }\n"
				  "neural { rules {\n"
				  "  embed { providers = [ { type = \"fasttext_embed\"; model = \"x\"; dim = "
                                  "10; } ]; disable_symbols_input = true;\n"
				  "    train { max_trains = 10; } }\n"
				  "  symbols { profile { default = [ \"B\", \"A\" ]; } }\n"
				  "} }\n";

/* One configuration for all inputs. */
static struct rnm_config *open_config(void)
{
	static struct rnm_config *config;
	const struct rnm_config_options how = { .path = "/proc/self/fd/9" };
	int fd;

	if (config != NULL)
		return config;
	fd = memfd_create("config", 0);
	FUZZ_CHECK(fd >= 0 && dup2(fd, 9) == 9);
	FUZZ_CHECK(write(9, config_text, strlen(config_text)) == (ssize_t)strlen(config_text));
	FUZZ_CHECK(rnm_config_load(&config, &how, NULL) == RNM_OK);
	return config;
}

static void check(const struct rnm_health_report *report, bool repaired)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct rnm_health_finding *finding = &report->findings[i];

		FUZZ_CHECK(finding->id != NULL && finding->id[0] != '\0');
		FUZZ_CHECK(finding->text != NULL && finding->text[0] != '\0');
		FUZZ_CHECK(finding->advice != NULL && finding->advice[0] != '\0');
		FUZZ_CHECK((finding->state == RNM_HEALTH_OPEN) == (finding->outcome == NULL));
		FUZZ_CHECK(finding->state == RNM_HEALTH_OPEN || finding->state == RNM_HEALTH_GONE ||
		           finding->remedy != RNM_REMEDY_NONE);
		if (repaired && finding->remedy != RNM_REMEDY_NONE)
			FUZZ_CHECK(finding->state != RNM_HEALTH_OPEN);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t choices = fuzz_byte(&data, &size);
	const size_t step = (size_t)fuzz_byte(&data, &size) * 16 + 1;
	const struct rnm_rule_options rule_options = { .numbers = RNM_NUMBERS_LUAJIT };
	const struct rnm_health_options options = { .config = (choices & 1) != 0 ? open_config() : NULL,
		                                    .rule_options = &rule_options,
		                                    .now = 1700000000,
		                                    .expiring = 43200 };
	struct fuzz_server server = { data, size, step };
	struct rnm_redis *redis = fuzz_connection(&server);
	struct rnm_health_report *report = NULL;
	struct rnm_error err;
	enum rnm_status status;

	rnm_error_clear(&err);
	status = rnm_health_examine(&report, redis, &options, &err);
	fuzz_check_error(status, &err);
	if (status == RNM_OK) {
		check(report, false);
		status = rnm_health_repair(report, redis, &options, &err);
		fuzz_check_error(status, &err);
		check(report, status == RNM_OK);
	}
	rnm_health_report_free(report);
	rnm_redis_free(redis);
	return 0;
}
