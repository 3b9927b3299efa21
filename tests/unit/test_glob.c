/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a pattern beside those that glob(3) finds. */
#include "rspamd/config_internal.h"

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const files[] = {
	"a.conf", "b.conf",      ".hidden.conf", "b.txt",     "star*.conf",   "back\\slash.conf", "x[1].conf",
	"d1/a",   "d1/sub/deep", "d2/a",         "d2/b.conf", ".dot/in.conf", "empty/.keep",
};

static const char *const patterns[] = {
	"*.conf",       "*",          "?.conf",   "[ab].conf",    "[!a]*.conf", ".*",
	".*.conf",      "d?/a",       "d*/*",     "d*/*/*",       "*/a",        "*/sub/deep",
	"d1//a*",       "d1/./a*",    "*/",       "*/.",          "./*.conf",   "../*/a.conf",
	"none*",        "none*/a",    "a.conf/*", "a.conf*/x",    "star\\*.*",  "x\\[1\\]*",
	"x[[]1].conf*", "back\\\\s*", "[",        "*[",           "[a-b].c*f",  "empty/*",
	"empty/.*",     "dangling*",  "link*/a",  "d1/su?/deep*", ".d*/*.conf", "*/in.conf",
	"**.conf",      "*.{conf}",   "~*",       "$HOME*",       "d1/*/",      "??",
	"a.con[f",      "*\\",        "d[1/]a*",
};

static int make_tree(void **state)
{
	static char folder[] = "/tmp/rnm-glob-XXXXXX";

	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char command[256];

		(void)snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s')\" && : >'%s'", files[i],
		               files[i]);
		if (system(command) != 0)
			return -1;
	}
	return symlink("gone", "dangling.conf") == 0 && symlink("d1", "link") == 0 ? 0 : -1;
}

static int drop_tree(void **state)
{
	char folder[256];
	char command[300];

	(void)state;
	if (getcwd(folder, sizeof(folder)) == NULL || chdir("/") != 0)
		return -1;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static struct rnm_config config = { .limits = { .max_files = 4096 } };

static void assert_as_glob(const char *pattern)
{
	struct config_loader loader = { .config = &config };
	char **names;
	size_t count;
	glob_t expected;
	int result = glob(pattern, 0, NULL, &expected);

	assert_true(result == 0 || result == GLOB_NOMATCH);
	assert_int_equal(config_glob(&loader, pattern, &names, &count), 0);
	if (count != (result == 0 ? expected.gl_pathc : 0))
		fail_msg("%s: expected %zu names, found %zu", pattern, result == 0 ? expected.gl_pathc : 0,
		         count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(names[i], expected.gl_pathv[i]);
	config_names_drop(NULL, names, count);
	globfree(&expected);
}

static void same_names(void **state)
{
	char folder[256];

	(void)state;
	assert_non_null(getcwd(folder, sizeof(folder)));
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		char absolute[512];

		assert_as_glob(patterns[i]);
		(void)snprintf(absolute, sizeof(absolute), "%s/%s", folder, patterns[i]);
		assert_as_glob(absolute);
	}
	assert_as_glob("/*");
	assert_as_glob("/et?/pass*");
}

/* A folder that is there and cannot be read now is not taken for an empty one. */
static void no_descriptors_left(void **state)
{
	struct config_loader loader = { .config = &config };
	char **names;
	size_t count;
	struct rlimit usual, none;
	int errnum;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = usual;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	errnum = config_glob(&loader, "*.conf", &names, &count);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	assert_int_equal(errnum, EMFILE);
	assert_int_equal(count, 0);
	assert_null(names);
}

static void bounded(void **state)
{
	struct rnm_config small = { .limits = { .max_files = 0 } };
	struct config_loader loader = { .config = &small };
	char **names;
	size_t count;

	(void)state;
	assert_int_equal(config_glob(&loader, "*", &names, &count), EPERM);
	assert_true(loader.too_many_lookups);
	small.limits.max_files = 1;
	loader = (struct config_loader){ .config = &small };
	/* Sixteen for the file, and "*" + "/" + "*" meets more. */
	assert_int_equal(config_glob(&loader, "*/../*", &names, &count), EPERM);
	assert_int_equal(count, 0);
	assert_null(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_names),
		cmocka_unit_test(no_descriptors_left),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests_name("glob", tests, make_tree, drop_tree);
}
