/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays stored inputs through one fuzz target, without libFuzzer.  Arguments are files and folders;
 * without any it is the target's folder below RNM_TESTS/fuzz/corpus.  Prints what cmocka would.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* One input takes milliseconds; a slow machine with sanitizers needs a wide margin. */
#define SECONDS_MAX 60

/* Present when AddressSanitizer is: it ends the process without a signal. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static const char *current;
static size_t replayed;

static void name_culprit(void)
{
	static const char text[] = "\n[  FAILED  ] " RNM_FUZZ_TARGET ": input ";

	if (current == NULL)
		return;
	(void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
	(void)!write(STDOUT_FILENO, current, strlen(current));
	(void)!write(STDOUT_FILENO, "\n", 1);
	current = NULL;
}

static void on_signal(int number)
{
	name_culprit();
	signal(number, SIG_DFL);
	raise(number);
}

static bool replay_file(const char *path, off_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc((size_t)size + 1);
	size_t len;

	if (file == NULL || data == NULL) {
		fprintf(stderr, "cannot read %s: %s\n", path, strerror(errno));
		return false;
	}
	len = fread(data, 1, (size_t)size, file);
	fclose(file);
	current = path;
	alarm(SECONDS_MAX);
	(void)LLVMFuzzerTestOneInput(data, len);
	alarm(0);
	current = NULL;
	replayed++;
	free(data);
	return len == (size_t)size;
}

static bool replay(const char *path);

static bool replay_folder(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	bool ok = count >= 0;

	for (int i = 0; i < count; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			ok = replay(name) && ok;
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return ok;
}

static bool replay(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "cannot find %s: %s\n", path, strerror(errno));
		return false;
	}
	return S_ISDIR(st.st_mode) ? replay_folder(path) : replay_file(path, st.st_size);
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM };
	const char *tests = getenv("RNM_TESTS");
	char corpus[4096];
	bool ok = true;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (__sanitizer_set_death_callback == NULL || signals[i] == SIGABRT || signals[i] == SIGALRM)
			signal(signals[i], on_signal);
	if (__sanitizer_set_death_callback != NULL)
		__sanitizer_set_death_callback(name_culprit);
	printf("[ RUN      ] " RNM_FUZZ_TARGET "\n");
	fflush(stdout);
	snprintf(corpus, sizeof(corpus), "%s/fuzz/corpus/" RNM_FUZZ_TARGET, tests != NULL ? tests : "tests");
	if (argc < 2)
		ok = replay(corpus);
	for (int i = 1; i < argc; i++)
		ok = replay(argv[i]) && ok;
	/* A folder without inputs would make a test that tests nothing. */
	ok = ok && replayed > 0;
	printf("[%s] " RNM_FUZZ_TARGET " (%zu inputs)\n", ok ? "       OK " : "  FAILED  ", replayed);
	return ok ? 0 : 1;
}
