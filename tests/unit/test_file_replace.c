/* SPDX-License-Identifier: Apache-2.0 */
/* Replacing files: what stands at the name already, and what the name really leads to. */
#include "base/file.h"
#include "base/file_temp.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_folder.h"

#define NOBODY 65534

static enum rnm_status replace_with(const char *path, const char *text, struct rnm_error *err)
{
	struct rnm_replace replace;
	enum rnm_status status = rnm_replace_open(&replace, path, err);

	if (status != RNM_OK)
		return status;
	status = rnm_replace_write(&replace, text, strlen(text), err);
	if (status != RNM_OK) {
		rnm_replace_abort(&replace);
		return status;
	}
	return rnm_replace_commit(&replace, err);
}

static void must_replace(const char *path, const char *text)
{
	struct rnm_error err;

	if (replace_with(path, text, &err) != RNM_OK)
		fail_msg("%s: %s", path, err.message);
}

static void make_file(const char *name, const char *text)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0 && rnm_write_all(fd, text, strlen(text)));
	close(fd);
}

/* ---- descriptors of our own ---- */

/* All the names under which a process meets its own descriptor fd. */
static void names_of(int fd, char names[5][128])
{
	snprintf(names[0], sizeof(names[0]), "/proc/self/fd/%d", fd);
	snprintf(names[1], sizeof(names[1]), "/dev/fd/%d", fd);
	snprintf(names[2], sizeof(names[2]), "/proc/%d/fd/%d", (int)getpid(), fd);
	snprintf(names[3], sizeof(names[3]), "/proc/thread-self/fd/%d", fd);
	snprintf(names[4], sizeof(names[4]), "%s/link", folder);
	assert_int_equal(symlink(names[1], names[4]), 0);
}

static void appending_descriptors_are_written_in_place(void **state)
{
	char names[5][128];
	struct stat before, after;
	int fd;

	(void)state;
	make_file("log", "old\n");
	fd = open(in_folder("log"), O_WRONLY | O_APPEND | O_CLOEXEC);
	names_of(fd, names);
	assert_int_equal(fstat(fd, &before), 0);
	for (size_t i = 0; i < 5; i++)
		must_replace(names[i], "x");
	assert_file("log", "old\nxxxxx");
	assert_int_equal(stat(in_folder("log"), &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(folder_entries(), 2); /* the log and the link */
	/* Ours was duplicated and is still open. */
	assert_int_equal(write(fd, "y", 1), 1);
	assert_file("log", "old\nxxxxxy");
	close(fd);
}

/* As in: { echo header; rnm export -o /dev/stdout; } > file */
static void descriptors_keep_their_offset(void **state)
{
	char name[64];
	int fd;

	(void)state;
	fd = open(in_folder("out"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	assert_int_equal(write(fd, "ab", 2), 2);
	must_replace(name, "cd");
	assert_int_equal(write(fd, "ef", 2), 2);
	close(fd);
	assert_file("out", "abcdef");
	assert_int_equal(folder_entries(), 1);
}

static void standard_output_is_written_in_place(void **state)
{
	int saved = dup(STDOUT_FILENO), fd;

	(void)state;
	fflush(stdout);
	fd = open(in_folder("out"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	dup2(fd, STDOUT_FILENO);
	must_replace("/dev/stdout", "model");
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	assert_file("out", "model");
	assert_int_equal(folder_entries(), 1);
}

static void descriptors_that_cannot_be_written(void **state)
{
	struct rnm_error err;
	char name[64];
	int fd;

	(void)state;
	make_file("model", "old");
	fd = open(in_folder("model"), O_RDONLY | O_CLOEXEC);
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	assert_int_equal(replace_with(name, "new", &err), RNM_E_IO);
	assert_int_equal(err.sys_errno, EBADF);
	close(fd);
	assert_int_equal(replace_with(name, "new", &err), RNM_E_IO);
	assert_int_equal(err.sys_errno, EBADF);
	assert_file("model", "old");
}

/* A pipe has no name to follow, whoever holds it. */
static void pipes_of_others_are_written_in_place(void **state)
{
	char name[64], text[8];
	int ends[2], hold[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		close(hold[1]);
		_exit((int)read(hold[0], text, 1)); /* until the parent closes its end */
	}
	close(hold[0]);
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)child, ends[1]);
	must_replace(name, "pipe");
	assert_int_equal(read(ends[0], text, sizeof(text)), 4);
	assert_memory_equal(text, "pipe", 4);
	close(hold[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ends[0]);
	close(ends[1]);
}

/* ---- links ---- */

static void a_dangling_link_gets_its_target(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(in_folder("sub"), 0755), 0);
	assert_int_equal(symlink("second", in_folder("first")), 0);
	assert_int_equal(symlink("sub/model", in_folder("second")), 0);
	must_replace(in_folder("first"), "new");
	assert_file("sub/model", "new");
	must_replace(in_folder("first"), "newer");
	assert_file("sub/model", "newer");
	assert_int_equal(lstat(in_folder("first"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat(in_folder("second"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(folder_entries(), 3);
}

static void links_to_nowhere(void **state)
{
	struct rnm_error err;

	(void)state;
	assert_int_equal(symlink("loop", in_folder("loop")), 0);
	assert_int_equal(replace_with(in_folder("loop"), "x", &err), RNM_E_IO);
	assert_int_equal(err.sys_errno, ELOOP);
	assert_int_equal(symlink("none/model", in_folder("link")), 0);
	assert_int_equal(replace_with(in_folder("link"), "x", &err), RNM_E_IO);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_int_equal(symlink(".", in_folder("here")), 0);
	assert_int_equal(replace_with(in_folder("here"), "x", &err), RNM_E_IO);
	assert_int_equal(err.sys_errno, EISDIR);
	make_file("file", "old");
	assert_int_equal(replace_with(in_folder("file/"), "x", &err), RNM_E_IO);
	assert_int_equal(err.sys_errno, ENOTDIR);
	assert_int_equal(folder_entries(), 4);
}

/* ---- permissions ---- */

static void permissions_are_kept_without_setuid(void **state)
{
	struct stat st;

	(void)state;
	make_file("model", "old");
	assert_int_equal(chmod(in_folder("model"), 07751), 0);
	must_replace(in_folder("model"), "new");
	assert_int_equal(stat(in_folder("model"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0751);
}

static void an_unwritable_folder_is_named(void **state)
{
	char message[256];
	struct rnm_error err;
	enum rnm_status status;

	(void)state;
	make_file("model", "old");
	assert_int_equal(chmod(in_folder("model"), 0666), 0);
	assert_int_equal(chmod(folder, 0555), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(NOBODY), 0);
	status = replace_with(in_folder("model"), "new", &err);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(status, RNM_E_IO);
	snprintf(message, sizeof(message), "cannot create a file in the folder %s: Permission denied",
	         folder);
	assert_string_equal(err.message, message);
	assert_string_equal(err.file, in_folder("model"));
	assert_non_null(strstr(err.hint, "must be writable"));
	assert_file("model", "old");
}

/* ---- without /proc ---- */

enum { REPLACED = 0, FAILED = 1, NOT_PERMITTED = 2 };

static int replace_without_proc(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 && unshare(CLONE_NEWNS) != 0)
		return NOT_PERMITTED;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/proc", "tmpfs", 0, NULL) != 0)
		return NOT_PERMITTED;
	return replace_with(in_folder("model"), "new", NULL) == RNM_OK ? REPLACED : FAILED;
}

static void files_are_replaced_without_proc(void **state)
{
	pid_t child;
	int status;

	(void)state;
	make_file("model", "old");
	child = fork();
	if (child == 0)
		_exit(replace_without_proc());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_PERMITTED)
		skip();
	assert_int_equal(WEXITSTATUS(status), REPLACED);
	assert_file("model", "new");
	assert_int_equal(folder_entries(), 1);
}

/* ---- temporary files with names ---- */

static int create_beside(char **name)
{
	int fd = rnm_temp_create(in_folder(".model."), 0666, name);

	if (fd < 0)
		fail_msg("cannot create a temporary file: %s", strerror(errno));
	return fd;
}

static void left_overs_make_room(void **state)
{
	char *name;
	int fd;

	(void)state;
	make_file(".model.rnm-0.tmp", "of a process that was killed");
	fd = create_beside(&name);
	assert_string_equal(name, in_folder(".model.rnm-0.tmp"));
	assert_int_equal(folder_entries(), 1);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd); /* now it is one itself */
	free(name);
	make_file("model", "old");
	must_replace(in_folder("model"), "new");
	assert_file("model", "new");
	assert_int_equal(folder_entries(), 1);
}

/* Files that somebody works on, of others, and what only has the name. */
static void other_files_stay(void **state)
{
	char *first, *second, *third;
	int one, two, three;

	(void)state;
	one = create_beside(&first);
	two = create_beside(&second);
	assert_string_equal(second, in_folder(".model.rnm-1.tmp"));
	assert_true(rnm_write_all(one, "1", 1) && rnm_write_all(two, "2", 1));
	assert_int_equal(mkdir(in_folder(".model.rnm-2.tmp"), 0755), 0);
	assert_int_equal(symlink("model", in_folder(".model.rnm-3.tmp")), 0);
	assert_int_equal(mkfifo(in_folder(".model.rnm-4.tmp"), 0600), 0);
	make_file(".model.rnm-5.tmp", "5");
	if (geteuid() == 0)
		assert_int_equal(chown(in_folder(".model.rnm-5.tmp"), NOBODY, NOBODY), 0);
	three = create_beside(&third);
	assert_string_equal(third, in_folder(geteuid() == 0 ? ".model.rnm-6.tmp" : ".model.rnm-5.tmp"));
	make_file("model", "old");
	must_replace(in_folder("model"), "new");
	assert_file(".model.rnm-0.tmp", "1");
	assert_file(".model.rnm-1.tmp", "2");
	assert_int_equal(folder_entries(), geteuid() == 0 ? 8 : 7);
	close(one);
	close(two);
	close(three);
	free(first);
	free(second);
	free(third);
}

/* When all names are taken there is one more that nobody can foresee. */
static void names_do_not_run_out(void **state)
{
	char *names[15];
	int fds[15];

	(void)state;
	for (size_t i = 0; i < 15; i++)
		fds[i] = create_beside(&names[i]);
	assert_int_equal(folder_entries(), 15);
	assert_int_equal(strlen(names[14]), strlen(in_folder(".model.rnm-0123456789abcdef.tmp")));
	for (size_t i = 0; i < 15; i++) {
		close(fds[i]);
		free(names[i]);
	}
}

#define WRITERS 4
#define ROUNDS 200

/* Writes the model again and again, now and then as if killed in the middle.  0 when nothing went wrong. */
static int write_again(int writer)
{
	for (int i = 0; i < ROUNDS; i++) {
		char text[64];
		char *name;
		int fd = rnm_temp_create(in_folder(".model."), 0666, &name);

		if (fd < 0)
			return 1;
		memset(text, 'a' + writer, sizeof(text));
		if (!rnm_write_all(fd, text, sizeof(text)) ||
		    (i % 7 != 0 && rename(name, in_folder("model")) != 0))
			return 2;
		close(fd);
		free(name);
	}
	return 0;
}

static void many_write_at_once(void **state)
{
	pid_t children[WRITERS];
	struct rnm_buf buf;
	int status;

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(write_again(i));
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	rnm_buf_init(&buf, 1000);
	assert_int_equal(rnm_file_read(in_folder("model"), &buf, 1000, NULL), RNM_OK);
	assert_int_equal(buf.len, 64);
	assert_int_equal(strspn(buf.data, (char[]){ buf.data[0], '\0' }), 64);
	rnm_buf_free(&buf);
	/* What was left at one time, at most: one file of each. */
	assert_true(folder_entries() <= 1 + WRITERS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

/* ---- permissions, and files that are to stay ---- */

static void secrets_are_never_seen(void **state)
{
	struct rnm_replace replace;
	struct stat st;
	const mode_t mask = umask(0);

	(void)state;
	make_file("key", "old");
	assert_int_equal(chmod(in_folder("key"), 0644), 0);
	assert_int_equal(rnm_replace_open_with(&replace, in_folder("key"), 0600, false, NULL), RNM_OK);
	assert_int_equal(fstat(replace.fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(rnm_replace_write(&replace, "new", 3, NULL), RNM_OK);
	assert_int_equal(rnm_replace_commit(&replace, NULL), RNM_OK);
	assert_int_equal(stat(in_folder("key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(rnm_replace_open_with(&replace, in_folder("other"), 0600, false, NULL), RNM_OK);
	assert_int_equal(rnm_replace_commit(&replace, NULL), RNM_OK);
	assert_int_equal(stat(in_folder("other"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	umask(mask);
}

static void what_is_to_stay_stays(void **state)
{
	struct rnm_replace replace;
	struct rnm_error err;

	(void)state;
	make_file("there", "old");
	assert_int_equal(rnm_replace_open_with(&replace, in_folder("there"), 0644, true, &err), RNM_E_IO);
	assert_int_equal(err.sys_errno, EEXIST);
	/* One that comes meanwhile, too. */
	assert_int_equal(rnm_replace_open_with(&replace, in_folder("late"), 0644, true, &err), RNM_OK);
	assert_int_equal(rnm_replace_write(&replace, "new", 3, &err), RNM_OK);
	make_file("late", "old");
	assert_int_equal(rnm_replace_commit(&replace, &err), RNM_E_IO);
	assert_int_equal(err.sys_errno, EEXIST);
	assert_int_equal(folder_entries(), 2);
	assert_file("there", "old");
	assert_file("late", "old");
	assert_int_equal(rnm_replace_open_with(&replace, in_folder("new"), 0644, true, &err), RNM_OK);
	assert_int_equal(rnm_replace_write(&replace, "new", 3, &err), RNM_OK);
	assert_int_equal(rnm_replace_commit(&replace, &err), RNM_OK);
	assert_file("new", "new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(appending_descriptors_are_written_in_place),
		TEST(descriptors_keep_their_offset),
		TEST(standard_output_is_written_in_place),
		TEST(descriptors_that_cannot_be_written),
		TEST(pipes_of_others_are_written_in_place),
		TEST(a_dangling_link_gets_its_target),
		TEST(links_to_nowhere),
		TEST(permissions_are_kept_without_setuid),
		TEST(an_unwritable_folder_is_named),
		TEST(files_are_replaced_without_proc),
		TEST(left_overs_make_room),
		TEST(other_files_stay),
		TEST(names_do_not_run_out),
		TEST(many_write_at_once),
		TEST(secrets_are_never_seen),
		TEST(what_is_to_stay_stays),
	};

	return cmocka_run_group_tests_name("file replacement", tests, NULL, NULL);
}
