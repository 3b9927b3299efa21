/* SPDX-License-Identifier: Apache-2.0 */
/* A tree in a bucket.  Nothing is ever listed: what lies there is what the history says. */
#include "base/clock.h"
#include "share/place.h"
#include "share/published.h"
#include "share/s3.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A lock whose holder was killed is nobody's after this time; one who works longer renews it. */
#define LOCK_SECONDS 600
#define LOCK_TEXT_MAX ((size_t)1024)
#define TOKEN_BYTES 16
#define CONDITION_ROOM 256
/* Stores date objects with whole seconds. */
#define NEXT_SECOND 1.1

static const struct rnm_s3_put immutable = { "application/octet-stream",
	                                     "public, max-age=31536000, immutable", NULL };
static const struct rnm_s3_put alias = { "application/octet-stream", "no-cache", NULL };
static const struct rnm_s3_put beside = { "application/octet-stream", "no-cache", NULL };
static const struct rnm_s3_put document = { "application/json", "no-cache", NULL };

struct bucket {
	struct rnm_place place;
	struct rnm_s3 *s3;
	char token[2 * TOKEN_BYTES + 1]; /* "" while the lock is not ours */
	double locked_at;                /* monotonic */
	int64_t now;
};

static struct bucket *bucket_of(struct rnm_place *place)
{
	return (struct bucket *)place;
}

/* ---- the lock ---- */

/* A line for programs, "UNTIL TOKEN", and one for people. */
static struct rnm_bytes lock_text(const struct bucket *bucket, char room[LOCK_TEXT_MAX])
{
	const int64_t since = bucket->now + (int64_t)(rnm_clock_monotonic() - bucket->locked_at);
	char host[HOST_NAME_MAX + 1] = "a host", stamp[RNM_UTC_SIZE];

	(void)gethostname(host, sizeof(host) - 1);
	(void)rnm_utc_write(stamp, (double)since + LOCK_SECONDS);
	(void)snprintf(room, LOCK_TEXT_MAX, "%" PRId64 " %s\nprocess %ld on %s, until %s at the latest\n",
	               since + LOCK_SECONDS, bucket->token, (long)getpid(), host, stamp);
	return (struct rnm_bytes){ room, strlen(room) };
}

static bool is_ours(const struct bucket *bucket, const struct rnm_buf *lock)
{
	const char *token = strchr(rnm_buf_cstr(lock), ' ');

	return token != NULL && strncmp(token + 1, bucket->token, sizeof(bucket->token) - 1) == 0;
}

static enum rnm_status is_busy(const struct rnm_buf *lock, struct rnm_error *err)
{
	const char *words = strchr(rnm_buf_cstr(lock), '\n');

	words = words != NULL ? words + 1 : "";
	rnm_error_set(err, RNM_E_REFUSED, "publish.busy", "another publisher works here: %.*s",
	              (int)strcspn(words, "\n"), words);
	rnm_error_set_hint(err,
	                   "run this again when it is done; what was killed is forgotten after %d minutes",
	                   LOCK_SECONDS / 60);
	return RNM_E_REFUSED;
}

static enum rnm_status read_lock(const struct bucket *bucket, struct rnm_buf *lock, struct rnm_error *err)
{
	rnm_buf_clear(lock);
	return rnm_s3_get(bucket->s3, RNM_TREE_LOCK, lock, LOCK_TEXT_MAX, err);
}

/*
 * Writes the lock if nobody has written it since it was looked at.  Stores that know no conditions write it anyway: so
 * it is read again, and whoever finds himself there has it.
 */
static enum rnm_status write_lock(struct bucket *bucket, const char *condition, struct rnm_buf *lock,
                                  struct rnm_error *err)
{
	const struct rnm_s3_put how = { beside.content_type, beside.cache_control, condition };
	char room[LOCK_TEXT_MAX];
	enum rnm_status status = rnm_s3_put(bucket->s3, RNM_TREE_LOCK, lock_text(bucket, room), &how, err);

	if (status == RNM_OK || status == RNM_NO)
		status = read_lock(bucket, lock, err);
	if (status == RNM_OK && !is_ours(bucket, lock))
		status = is_busy(lock, err);
	return status;
}

static enum rnm_status take_lock(struct bucket *bucket, struct rnm_buf *lock, struct rnm_error *err)
{
	char condition[CONDITION_ROOM] = "If-None-Match: *";
	unsigned char token[TOKEN_BYTES];
	enum rnm_status status = read_lock(bucket, lock, err);

	if (status == RNM_OK && strtoll(rnm_buf_cstr(lock), NULL, 10) > bucket->now)
		return is_busy(lock, err);
	if (status == RNM_OK && rnm_s3_header(bucket->s3, "ETag") != NULL)
		(void)snprintf(condition, sizeof(condition), "If-Match: %s",
		               rnm_s3_header(bucket->s3, "ETag"));
	if (status != RNM_OK && status != RNM_E_NOT_FOUND)
		return status;
	randombytes_buf(token, sizeof(token));
	sodium_bin2hex(bucket->token, sizeof(bucket->token), token, sizeof(token));
	bucket->locked_at = rnm_clock_monotonic();
	status = write_lock(bucket, condition, lock, err);
	if (status != RNM_OK)
		bucket->token[0] = '\0';
	return status;
}

static enum rnm_status bucket_lock(struct rnm_place *place, int64_t now, struct rnm_error *err)
{
	struct bucket *bucket = bucket_of(place);
	struct rnm_buf lock;
	enum rnm_status status;

	bucket->now = now;
	rnm_buf_init(&lock, LOCK_TEXT_MAX + 1);
	status = take_lock(bucket, &lock, err);
	rnm_buf_free(&lock);
	return status;
}

/* Before half of its time is over. */
static enum rnm_status keep_lock(struct bucket *bucket, struct rnm_error *err)
{
	const double now = rnm_clock_monotonic();
	struct rnm_buf lock;
	enum rnm_status status;

	if (bucket->token[0] == '\0' || now - bucket->locked_at < LOCK_SECONDS / 2.0)
		return RNM_OK;
	rnm_buf_init(&lock, LOCK_TEXT_MAX + 1);
	status = read_lock(bucket, &lock, err);
	if (status == RNM_E_NOT_FOUND || (status == RNM_OK && !is_ours(bucket, &lock)))
		status = is_busy(&lock, err);
	if (status == RNM_OK) {
		bucket->now += (int64_t)(now - bucket->locked_at);
		bucket->locked_at = now;
		status = write_lock(bucket, NULL, &lock, err);
	}
	rnm_buf_free(&lock);
	return status;
}

static void bucket_close(struct rnm_place *place)
{
	struct bucket *bucket = bucket_of(place);

	rnm_s3_go_on(bucket->s3);
	/* When that fails, time opens it. */
	if (bucket->token[0] != '\0' && rnm_s3_delete(bucket->s3, RNM_TREE_LOCK, NULL) != RNM_OK)
		bucket->token[0] = '\0';
	rnm_s3_free(bucket->s3);
	free(bucket);
}

/* ---- files ---- */

static enum rnm_status bucket_read(struct rnm_place *place, const char *path, struct rnm_buf *out, size_t max,
                                   struct rnm_error *err)
{
	return rnm_s3_get(bucket_of(place)->s3, path, out, max, err);
}

/* The store's clock is not ours: what it says about times is of use only beside other times of it. */
static enum rnm_status bucket_look(struct rnm_place *place, const char *path, struct rnm_place_file *out,
                                   struct rnm_error *err)
{
	enum rnm_status status = rnm_s3_head(bucket_of(place)->s3, path, err);

	*out = (struct rnm_place_file){ .exists = status == RNM_OK };
	return status == RNM_E_NOT_FOUND ? RNM_OK : status;
}

static bool begins(const char *path, const char *folder)
{
	return strncmp(path, folder, strlen(folder)) == 0;
}

static bool ends(const char *path, const char *ending)
{
	const size_t len = strlen(path), tail = strlen(ending);

	return len >= tail && strcmp(path + len - tail, ending) == 0;
}

static const struct rnm_s3_put *kind_of(const char *path)
{
	if (begins(path, RNM_TREE_OBJECTS "/") && ends(path, RNM_TREE_OBJECT_ENDING))
		return &immutable;
	if (ends(path, ".json") || ends(path, ".jsonl"))
		return &document;
	return ends(path, RNM_STATEMENT_SUFFIX) || ends(path, RNM_SIGNATURE_SUFFIX) ? &beside : &alias;
}

/* rspamd's workers see a change only when Last-Modified has grown, which the store sets to its own time. */
static enum rnm_status await_next_second(struct bucket *bucket, const char *path, struct rnm_error *err)
{
	enum rnm_status status = rnm_s3_head(bucket->s3, path, err);
	char modified[64];
	const char *header = status == RNM_OK ? rnm_s3_header(bucket->s3, "Last-Modified") : NULL;

	if (status == RNM_E_NOT_FOUND || (status == RNM_OK && header == NULL))
		return RNM_OK;
	if (status != RNM_OK)
		return status;
	(void)snprintf(modified, sizeof(modified), "%s", header);
	header = rnm_s3_header(bucket->s3, "Date");
	if (header != NULL && strcmp(header, modified) != 0)
		return RNM_OK;
	return rnm_s3_pause(bucket->s3, NEXT_SECOND, err);
}

static enum rnm_status bucket_write(struct rnm_place *place, const char *path, struct rnm_bytes bytes,
                                    int64_t not_before, struct rnm_error *err)
{
	struct bucket *bucket = bucket_of(place);
	const struct rnm_s3_put *kind = kind_of(path);
	enum rnm_status status = keep_lock(bucket, err);

	(void)not_before;
	if (status == RNM_OK && kind == &alias)
		status = await_next_second(bucket, path, err);
	return status == RNM_OK ? rnm_s3_put(bucket->s3, path, bytes, kind, err) : status;
}

static enum rnm_status bucket_append(struct rnm_place *place, const char *path, struct rnm_bytes whole,
                                     size_t size, struct rnm_error *err)
{
	(void)size;
	return bucket_write(place, path, whole, 0, err);
}

static enum rnm_status bucket_remove(struct rnm_place *place, const char *path, struct rnm_error *err)
{
	return rnm_s3_delete(bucket_of(place)->s3, path, err);
}

static const struct rnm_place_ops bucket_ops = {
	.keeps_times = false,
	.lock = bucket_lock,
	.read = bucket_read,
	.look = bucket_look,
	.write = bucket_write,
	.append = bucket_append,
	.remove = bucket_remove,
	.sweep = NULL,
	.close = bucket_close,
};

enum rnm_status rnm_place_s3(struct rnm_place **out, const char *where, const struct rnm_s3_options *options,
                             const volatile sig_atomic_t *cancel, struct rnm_error *err)
{
	struct bucket *bucket = calloc(1, sizeof(*bucket));
	enum rnm_status status;

	if (bucket == NULL)
		return rnm_error_nomem(err);
	bucket->place.ops = &bucket_ops;
	status = rnm_s3_new(&bucket->s3, where, options, cancel, err);
	if (status == RNM_OK)
		*out = &bucket->place;
	else
		free(bucket);
	return status;
}
