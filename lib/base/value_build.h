/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building trees of struct rnm_value.  All memory is the arena's: nothing is freed one by one, and a
 * value that has been replaced stays in memory until the arena goes.  Functions that allocate return
 * NULL or false when the arena cannot give more.
 */
#ifndef RNM_BASE_VALUE_BUILD_H
#define RNM_BASE_VALUE_BUILD_H

#include "base/arena.h"

struct rnm_value *rnm_value_new(struct rnm_arena *arena, enum rnm_type type);
/* Copies the bytes. */
struct rnm_value *rnm_value_new_string(struct rnm_arena *arena, const char *data, size_t len);
struct rnm_value *rnm_value_new_int(struct rnm_arena *arena, int64_t n);
struct rnm_value *rnm_value_new_float(struct rnm_arena *arena, double d);
struct rnm_value *rnm_value_new_bool(struct rnm_arena *arena, bool b);

/* Appends an element to an array. */
bool rnm_value_push(struct rnm_arena *arena, struct rnm_value *array, struct rnm_value *element);

/* Writable look-up of a member (first of its chain), or NULL. */
struct rnm_value *rnm_value_find(struct rnm_value *object, struct rnm_bytes key);
/* Writable element or member by position, or NULL. */
struct rnm_value *rnm_value_item(struct rnm_value *container, size_t index);

/*
 * Adds a member under key (copied into the arena and stored in member->key).  The key must not exist
 * yet in the object (use rnm_value_find first); expected constant time whatever the size of the object.
 */
bool rnm_value_add(struct rnm_arena *arena, struct rnm_value *object, struct rnm_bytes key,
                   struct rnm_value *member);
/* As rnm_value_add for a C string. */
bool rnm_value_add_s(struct rnm_arena *arena, struct rnm_value *object, const char *key,
                     struct rnm_value *member);
/* Puts member (and whatever hangs on member->next) in the place of the existing member of that key. */
bool rnm_value_replace(struct rnm_value *object, struct rnm_bytes key, struct rnm_value *member);
/* Appends value to the end of the chain that starts at head: constant time (the tail is remembered by
 * the object that holds head; head must be a member of object). */
bool rnm_value_chain(struct rnm_value *object, struct rnm_value *head, struct rnm_value *value);

/* A C string as counted bytes; borrowed. */
struct rnm_bytes rnm_bytes_of(const char *text);
bool rnm_bytes_equal(struct rnm_bytes a, struct rnm_bytes b);

#endif
