/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: reading whole, and replacing so that nobody ever sees half of one.
 */
#ifndef RNM_BASE_FILE_H
#define RNM_BASE_FILE_H

#include <rnm/buf.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Appends the whole file to out.  Fails with RNM_E_IO ("file.open", "file.read"), RNM_E_NOT_FOUND when
 * it does not exist, or RNM_E_MALFORMED ("file.too-large") when it holds more than max bytes.  Read and
 * not mapped: whoever cuts a mapped file short kills the process that looks at it.
 */
RNM_MUST_CHECK enum rnm_status rnm_file_read(const char *path, struct rnm_buf *out, size_t max,
                                             struct rnm_error *err);

/* The same from a descriptor, to its end; path stands in errors. */
RNM_MUST_CHECK enum rnm_status rnm_file_read_open(int fd, const char *path, struct rnm_buf *out, size_t max,
                                                  struct rnm_error *err);
/*
 * Exactly len bytes at offset.  RNM_E_IO ("file.read"); RNM_E_REFUSED ("file.changed"): the file, whose size the caller
 * knows, has become shorter.  path stands in errors.
 */
RNM_MUST_CHECK enum rnm_status rnm_file_read_at(int fd, const char *path, void *data, size_t len,
                                                uint64_t offset, struct rnm_error *err);
/* Tells that a file is not what it was: "file.changed". */
enum rnm_status rnm_file_changed(struct rnm_error *err, const char *path);
/* Tells that it holds more than max bytes: "file.too-large". */
enum rnm_status rnm_file_too_large(struct rnm_error *err, const char *path, size_t max);
/* How opening a file for reading failed, as rnm_file_read says it. */
enum rnm_status rnm_file_open_error(struct rnm_error *err, const char *path, int errnum);

/*
 * Replacement of a file: bytes go to a temporary name in the same folder; commit syncs them, renames
 * over the target and syncs the folder; abort removes them.  The new file has the permissions that the
 * old one had (never setuid, setgid or sticky), else 0666 without the umask.  A symbolic link is
 * followed: the file that it leads to is replaced, or made when there is none yet, as > of a shell does.
 *
 * Written in place, without any of that: targets that are no regular files (a pipe, a device), and
 * whatever is reached through a descriptor of this process (/dev/stdout, /dev/fd/N, /proc/self/fd/N, a
 * link to one), even when it is a regular file.  Such a descriptor is duplicated, not opened again: bytes
 * go where its next write would go, which with >> is the end of the file.
 */
struct rnm_replace {
	int fd;
	char *target; /* resolved path */
	char *temp;   /* NULL when written in place */
	bool in_place;
	mode_t mode; /* of a new file, before the umask; the most that one in the place of another gets */
	bool keep;   /* what is there by now stays */
	uint64_t written;
};
RNM_MUST_CHECK enum rnm_status rnm_replace_open(struct rnm_replace *out, const char *path,
                                                struct rnm_error *err);
/*
 * The same for a file that is complete already: temp, open as fd, in the folder of the target, which must not be one
 * that is written in place (RNM_E_USAGE, "file.target").  Both are the replacement's from then on, also on failure.
 */
RNM_MUST_CHECK enum rnm_status rnm_replace_adopt(struct rnm_replace *out, const char *path, int fd,
                                                 char *temp, struct rnm_error *err);
/*
 * The same with other permissions than 0666: with 0600 nobody but its owner can read the new file at any moment,
 * whatever the old one's were.  With keep, an existing file stays, and this or commit fails with EEXIST in
 * err->sys_errno.
 */
RNM_MUST_CHECK enum rnm_status rnm_replace_open_with(struct rnm_replace *out, const char *path, mode_t mode,
                                                     bool keep, struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_replace_write(struct rnm_replace *replace, const void *data, size_t len,
                                                 struct rnm_error *err);
/* For a target whose name its content decides: the file takes this name in the folder of the target. */
RNM_MUST_CHECK enum rnm_status rnm_replace_rename(struct rnm_replace *replace, const char *name,
                                                  struct rnm_error *err);
RNM_MUST_CHECK enum rnm_status rnm_replace_commit(struct rnm_replace *replace, struct rnm_error *err);
void rnm_replace_abort(struct rnm_replace *replace);

/*
 * Makes a name in a folder, new, changed or gone, survive a power cut: syncs the folder that path lies in.  Some
 * filesystems cannot sync folders, which is no error; errno tells on false.
 */
bool rnm_file_sync_folder(const char *path);
/* A whole file by these. */
RNM_MUST_CHECK enum rnm_status rnm_file_write_with(const char *path, const void *data, size_t len,
                                                   mode_t mode, bool keep, struct rnm_error *err);

/* write(2) until all is written, EINTR and short writes handled; errno tells on false. */
bool rnm_write_all(int fd, const void *data, size_t len);

#endif
