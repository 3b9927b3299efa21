/* SPDX-License-Identifier: Apache-2.0 */
/* A Redis server that says what the input says, whatever it is asked. */
#ifndef RNM_TESTS_FUZZ_SERVER_H
#define RNM_TESTS_FUZZ_SERVER_H

#include "fuzz.h"

#include "redis/client.h"

struct fuzz_server {
	const uint8_t *data;
	size_t left;
	size_t step; /* bytes that arrive at once */
};

static inline enum rnm_io_result fuzz_server_read(struct rnm_io *io, void *data, size_t len, size_t *done)
{
	struct fuzz_server *server = io->ctx;

	*done = len < server->step ? len : server->step;
	if (*done > server->left)
		*done = server->left;
	if (*done == 0)
		return RNM_IO_EOF;
	memcpy(data, server->data, *done);
	server->data += *done;
	server->left -= *done;
	return RNM_IO_DONE;
}

static inline enum rnm_io_result fuzz_server_write(struct rnm_io *io, const void *data, size_t len, size_t *done)
{
	(void)io;
	(void)data;
	*done = len;
	return RNM_IO_DONE;
}

static inline void fuzz_server_close(struct rnm_io *io)
{
	(void)io;
}

/* A connection to it; rnm_redis_free() it. */
static inline struct rnm_redis *fuzz_connection(struct fuzz_server *server)
{
	struct rnm_redis *redis = rnm_client_new(1, NULL);

	FUZZ_CHECK(redis != NULL);
	redis->io = (struct rnm_io){ .fd = -1,
		                     .ctx = server,
		                     .read = fuzz_server_read,
		                     .write = fuzz_server_write,
		                     .close = fuzz_server_close };
	snprintf(redis->address, sizeof(redis->address), "fuzz");
	return redis;
}

#endif
