/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server offers: names and the files behind them.  A table never changes once it is made; a new one
 * takes its place, and requests that have the old one go on with it.
 */
#ifndef RNM_SHARE_SERVE_TABLE_H
#define RNM_SHARE_SERVE_TABLE_H

#include "share/http_date.h"
#include "share/tree_names.h"

#include <rnm/serve.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* Where the names lie that rspamd asks for, and where what never changes. */
#define RNM_SERVED_MODELS "/" RNM_TREE_MODELS "/"
#define RNM_SERVED_OBJECTS "/" RNM_TREE_OBJECTS "/"

/* Quotes around the BLAKE2b-256 hash in hexadecimal digits, and the NUL. */
#define RNM_ETAG_SIZE (64 + 3)

/*
 * One file.  It stays open: what replaces it under its name, or removes it, changes nothing for those who
 * read it, and there is no path that could lead elsewhere.
 */
struct rnm_served {
	atomic_uint references;
	char *name; /* with the slash in front, as it is asked for */
	const char *type;
	int fd;
	uint64_t size;
	int64_t modified; /* what Last-Modified says */
	char modified_text[RNM_HTTP_DATE_SIZE];
	char etag[RNM_ETAG_SIZE];
	struct stat identity;           /* of the file, to see that it is the same still */
	bool kept;                      /* no longer in the tree */
	struct rnm_served_model *model; /* NULL when it is none */
};

struct rnm_served_record;

struct rnm_served_table {
	atomic_uint references;
	struct rnm_served **items;
	size_t count, cap;
	uint32_t *places; /* index + 1 of the item; open addressing */
	size_t place_count;
	int64_t made;                     /* seconds since 1970 */
	struct rnm_served_record *record; /* of a tree; NULL */
};

/* An empty table, with room for adding; NULL: no memory. */
struct rnm_served_table *rnm_served_table_new(void);
/* Takes over a reference to the file, also when it fails: no memory, or RNM_SERVE_FILES_MAX. */
RNM_MUST_CHECK enum rnm_status rnm_served_table_add(struct rnm_served_table *table, struct rnm_served *file,
                                                    struct rnm_error *err);
/* Makes the finished table ready to be looked into. */
RNM_MUST_CHECK enum rnm_status rnm_served_table_seal(struct rnm_served_table *table, struct rnm_error *err);
struct rnm_served_table *rnm_served_table_ref(struct rnm_served_table *table);
void rnm_served_table_unref(struct rnm_served_table *table);

/* The file of this name, of len bytes; NULL. */
struct rnm_served *rnm_served_find(const struct rnm_served_table *table, const char *name, size_t len);
/* A file without content yet, with one reference; the name is copied.  NULL: no memory. */
struct rnm_served *rnm_served_new(const char *name);
struct rnm_served *rnm_served_ref(struct rnm_served *file);
void rnm_served_unref(struct rnm_served *file);

/* Whether rspamd asks for this name: in the folder of models, and no signature. */
bool rnm_served_is_alias(const char *name);
/* Bytes of the name without ".sig" or ".rnmsig": of what a signature belongs to. */
size_t rnm_served_stem(const char *name);

#endif
