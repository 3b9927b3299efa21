/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a tree lies: a folder, or a bucket of an S3-compatible store.  Paths are relative to the tree and made of
 * nothing but letters, digits, points, dashes, underscores and slashes.
 */
#ifndef RNM_SHARE_PLACE_H
#define RNM_SHARE_PLACE_H

#include <rnm/publish.h>

struct rnm_place_file {
	bool exists;
	uint64_t size;
	int64_t time; /* UNIX seconds of the last change */
};

struct rnm_place;

struct rnm_place_ops {
	bool keeps_times; /* a file has exactly the time that write gave it */
	/* Keeps other publishers out until close, and makes what the tree needs to lie there. */
	enum rnm_status (*lock)(struct rnm_place *place, int64_t now, struct rnm_error *err);
	/* Appends the whole file to out.  RNM_E_NOT_FOUND when it is not there. */
	enum rnm_status (*read)(struct rnm_place *place, const char *path, struct rnm_buf *out, size_t max,
	                        struct rnm_error *err);
	enum rnm_status (*look)(struct rnm_place *place, const char *path, struct rnm_place_file *out,
	                        struct rnm_error *err);
	/*
	 * Replaces the file, whole or not at all, and so that it stays after a power cut.  Its time is later than that
	 * of the old one by a second at least, and not before the given one.
	 */
	enum rnm_status (*write)(struct rnm_place *place, const char *path, struct rnm_bytes bytes,
	                         int64_t not_before, struct rnm_error *err);
	/* Leaves the first size bytes of whole, which the file holds, and adds the rest of it. */
	enum rnm_status (*append)(struct rnm_place *place, const char *path, struct rnm_bytes whole,
	                          size_t size, struct rnm_error *err);
	/* No failure when it is not there. */
	enum rnm_status (*remove)(struct rnm_place *place, const char *path, struct rnm_error *err);
	/*
	 * Removes what killed publishers have left: temporary files, and objects whose hash is not wanted.  NULL where
	 * files cannot be listed.
	 */
	enum rnm_status (*sweep)(struct rnm_place *place,
	                         bool (*is_wanted)(const void *ctx, const char *hash), const void *ctx,
	                         struct rnm_error *err);
	void (*close)(struct rnm_place *place);
};

struct rnm_place {
	const struct rnm_place_ops *ops;
};

/* A folder; nothing is touched before lock. */
RNM_MUST_CHECK enum rnm_status rnm_place_folder(struct rnm_place **out, const char *folder,
                                                struct rnm_error *err);

/* A bucket, or a part of one: s3://BUCKET[/PREFIX].  As rnm_s3_new. */
RNM_MUST_CHECK enum rnm_status rnm_place_s3(struct rnm_place **out, const char *where,
                                            const struct rnm_s3_options *options,
                                            const volatile sig_atomic_t *cancel, struct rnm_error *err);

static inline void rnm_place_close(struct rnm_place *place)
{
	if (place != NULL)
		place->ops->close(place);
}

#endif
