/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is read twice without being kept: while its bytes pass by first (to be hashed), each piece gets a mark, and
 * the second time no byte is handed on before the mark of its piece has been found again.  So whoever looks into the
 * bytes sees those that were hashed and no others, whatever somebody does to the file meanwhile.
 */
#ifndef RNM_BASE_FILE_MARKS_H
#define RNM_BASE_FILE_MARKS_H

#include <rnm/error.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a piece. */
#define RNM_MARKED_PIECE ((size_t)256 << 10)

struct rnm_file_marks;

/* For a file of so many bytes. */
RNM_MUST_CHECK enum rnm_status rnm_file_marks_new(struct rnm_file_marks **out, uint64_t size,
                                                  struct rnm_error *err);
/* The next bytes of the file, from its beginning on; never more than size in all. */
void rnm_file_marks_add(struct rnm_file_marks *marks, const void *data, size_t len);
uint64_t rnm_file_marks_size(const struct rnm_file_marks *marks);
/*
 * Reads exactly len bytes at offset, which must lie within the size, when all bytes have been added.  One thread at a
 * time.  RNM_E_IO ("file.read"); RNM_E_REFUSED ("file.changed"): they are others by now.
 */
RNM_MUST_CHECK enum rnm_status rnm_file_marks_read(struct rnm_file_marks *marks, int fd, const char *path,
                                                   void *data, size_t len, uint64_t offset,
                                                   struct rnm_error *err);
void rnm_file_marks_free(struct rnm_file_marks *marks);

#endif
