/* SPDX-License-Identifier: Apache-2.0 */
/* JSON is read whole or not at all, whichever request for memory fails. */
#include "format/json_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned long requests;
static unsigned long failing; /* the request that fails; 0: none */
static bool all_after;        /* and all after it */

static void *counted_malloc(size_t size)
{
	requests++;
	if (failing != 0 && (requests == failing || (all_after && requests > failing)))
		return NULL;
	return malloc(size);
}

static json_t *load(const char *text, bool *no_memory, json_error_t *problem)
{
	return rnm_json_load((struct rnm_bytes){ text, strlen(text) }, JSON_REJECT_DUPLICATES, problem,
	                     no_memory);
}

/* Tokens that outgrow their buffer, some at their very last character; values that outgrow their tables. */
static const char *const texts[] = {
	"{\"a string that is longer than its first "
	"buffer\":\"0123456789abcd\",\"b\":[1,2,3,4,5,6,7,8,9,10,11,12]}",
	"[\"0123456789abcde\",\"0123456789abcdef0123456789abcde\",\"\\u00e4\\u00f6\\u00fc "
	"\xc3\xa4\xc3\xb6\xc3\xbc\"]",
	"{\"a\":{},\"b\":[],\"c\":1.5,\"d\":1234567890123456,\"e\":-1e-300,\"f\":true,\"g\":null,\"h\":\"\","
	"\"i\":{\"j\":0}}",
	"[[[[[[[[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]]]]]]]]",
	"{\"a\":1} trailing",
	"{\"a\":1,\"a\":2}",
	"[\"an open string that is longer than its buffer",
};

static void test_no_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		json_error_t problem, expected;
		bool no_memory;
		unsigned long needed;
		json_t *whole;

		failing = 0;
		requests = 0;
		whole = load(texts[i], &no_memory, &expected);
		needed = requests;
		assert_false(no_memory);
		assert_int_equal(whole != NULL, i < 4);
		assert_true(needed > 2);
		for (unsigned long n = 1; n <= 2 * needed; n++) {
			json_t *json;

			failing = n / 2 + 1;
			all_after = n % 2 != 0;
			requests = 0;
			json = load(texts[i], &no_memory, &problem);
			if (failing <= needed) {
				assert_true(no_memory);
				assert_null(json);
				continue;
			}
			assert_false(no_memory);
			if (whole != NULL)
				assert_true(json_equal(whole, json));
			else
				assert_string_equal(problem.text, expected.text);
			json_decref(json);
		}
		failing = 0;
		json_decref(whole);
	}
}

static void test_as_json_loadb(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		json_error_t problem, expected;
		bool no_memory;
		json_t *theirs = json_loadb(texts[i], strlen(texts[i]), JSON_REJECT_DUPLICATES, &expected);
		json_t *ours = load(texts[i], &no_memory, &problem);

		assert_false(no_memory);
		if (theirs != NULL) {
			assert_true(json_equal(theirs, ours));
		} else {
			assert_null(ours);
			assert_string_equal(problem.text, expected.text);
			assert_int_equal(problem.line, expected.line);
			assert_int_equal(problem.column, expected.column);
			assert_int_equal(problem.position, expected.position);
		}
		json_decref(theirs);
		json_decref(ours);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_as_json_loadb),
	};

	/* Before the first text is read: what is there then is what is asked. */
	json_set_alloc_funcs(counted_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
