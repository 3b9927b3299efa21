/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a configuration loaded from a text. */
#ifndef RNM_TESTS_CONFIG_TEXT_H
#define RNM_TESTS_CONFIG_TEXT_H

#include <rnm/config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* <cmocka.h> must have been included before. */
static inline struct rnm_config *config_from_text(const char *text)
{
	char path[] = "/tmp/rnm-test-XXXXXX";
	const struct rnm_config_options options = { .path = path };
	struct rnm_config *config = NULL;
	struct rnm_error err;
	int fd = mkstemp(path);
	enum rnm_status status;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	rnm_error_clear(&err);
	status = rnm_config_load(&config, &options, &err);
	unlink(path);
	if (status != RNM_OK)
		fail_msg("%s: %s", text, err.message);
	return config;
}

#endif
