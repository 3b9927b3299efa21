/* SPDX-License-Identifier: Apache-2.0 */
#include "base/folder.h"

#include "base/file.h"

#include <errno.h>
#include <sys/stat.h>

enum rnm_status rnm_folder_error(const char *id, const char *path, int errnum, struct rnm_error *err)
{
	rnm_error_sys(err, id, errnum, "cannot use the folder %s", path);
	if (errnum == ENOENT)
		rnm_error_set_hint(err, "the folder is made when it is not there, but not those above it");
	return RNM_E_IO;
}

enum rnm_status rnm_folder_make(const char *id, const char *path, struct rnm_error *err)
{
	struct stat st;

	if (mkdir(path, 0777) == 0)
		return rnm_file_sync_folder(path) ? RNM_OK : rnm_folder_error(id, path, errno, err);
	if (errno != EEXIST || stat(path, &st) != 0)
		return rnm_folder_error(id, path, errno, err);
	return S_ISDIR(st.st_mode) ? RNM_OK : rnm_folder_error(id, path, ENOTDIR, err);
}
