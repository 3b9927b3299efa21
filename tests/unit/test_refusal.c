/* SPDX-License-Identifier: Apache-2.0 */
/* Every error reply that is known, in the words of the servers that give it. */
#include "redis/client.h"
#include "redis/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *answer;
	const char *id;   /* "": not in the table */
	const char *hint; /* a part of it */
	bool unavailable;
} answers[] = {
	{ "MOVED 3999 127.0.0.1:6381", "answer.moved", "the key is on 127.0.0.1:6381: --redis redis://127.0.0.1:6381",
	  false },
	{ "MOVED 3999 redis-3.example:6381", "answer.moved", "--redis redis://redis-3.example:6381", false },
	{ "MOVED 3999 2001:db8::1:6381", "answer.moved",
	  "the key is on [2001:db8::1]:6381: --redis redis://[2001:db8::1]:6381", false },
	/* An endpoint that is not known, and what no server says. */
	{ "MOVED 3999 :6381", "answer.moved", "the key is on another node", false },
	{ "MOVED 3999 ?:6381", "answer.moved", "the key is on another node", false },
	{ "MOVED 3999 a b:1", "answer.moved", "the key is on another node", false },
	{ "MOVED 3999 \033[2J:6381", "answer.moved", "the key is on another node", false },
	{ "MOVED 3999", "answer.moved", "the key is on another node", false },
	{ "MOVED ", "answer.moved", "the key is on another node", false },
	{ "ASK 3999 10.0.0.2:6381", "answer.ask", "or ask 10.0.0.2:6381: --redis redis://10.0.0.2:6381", false },
	{ "CLUSTERDOWN The cluster is down", "answer.clusterdown", "redis-cli CLUSTER INFO", false },
	{ "READONLY You can't write against a read only replica.", "answer.readonly",
	  "name its master in write_servers", false },
	{ "NOPERM this user has no permissions to run the 'zrevrange' command or its subcommand", "answer.noperm",
	  "ACL SETUSER rnm +zrevrange", false },
	{ "NOPERM User rnm has no permissions to run the 'zrevrange' command", "answer.noperm",
	  "ACL SETUSER rnm +zrevrange", false },
	{ "NOPERM this user has no permissions to access one of the keys used as arguments", "answer.noperm",
	  "ACL SETUSER rnm ~rn*", false },
	{ "NOPERM No permissions to access a key", "answer.noperm", "ACL SETUSER rnm ~rn*", false },
	{ "NOAUTH Authentication required.", "answer.noauth", "--password-file FILE", false },
	{ "WRONGPASS invalid username-password pair or user is disabled.", "answer.wrongpass",
	  "check username and password", false },
	{ "LOADING Redis is loading the dataset in memory", "answer.loading", "run the command again", true },
	{ "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "answer.busy",
	  "SCRIPT KILL", true },
	{ "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "answer.masterdown",
	  "name another server", true },
	{ "DENIED Redis is running in protected mode because ...", "answer.denied", "protected mode", true },
	{ "ERR max number of clients reached", "answer.clients", "maxclients", true },
	{ "OOM command not allowed when used memory > 'maxmemory'.", "answer.oom", "maxmemory", false },
	{ "MISCONF Redis is configured to save RDB snapshots, but ...", "answer.misconf", "its log says why", false },
	{ "NOREPLICAS Not enough good replicas to write.", "answer.noreplicas", "min-replicas-to-write", false },
	{ "ERR unknown command 'ZREVRANGE', with args beginning with: ", "answer.unknown-command", "rename-command",
	  false },
	{ "WRONGTYPE Operation against a key holding the wrong kind of value", "", "", false },
	{ "BUSYGROUP Consumer Group name already exists", "", "", false },
	{ "ERR syntax error", "", "", false },
	{ "", "", "", false },
};

static void test_table(void **state)
{
	struct rnm_redis *redis = rnm_client_new(1, NULL);
	const struct rnm_refused refused = { .redis = redis, .command = "ZREVRANGE", .global = "rn" };

	(void)state;
	assert_non_null(redis);
	strcpy(redis->user, "rnm");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct rnm_error err;

		rnm_error_set(&err, RNM_E_REDIS, "mine", "text");
		rnm_error_set_hint(&err, "mine");
		rnm_refusal_explain(&err, &refused, answers[i].answer);
		assert_string_equal(err.id, answers[i].id[0] != '\0' ? answers[i].id : "mine");
		if (strstr(err.hint, answers[i].id[0] != '\0' ? answers[i].hint : "mine") == NULL)
			fail_msg("%s: %s", answers[i].answer, err.hint);
		assert_string_equal(err.message, "text");
		assert_int_equal(rnm_refusal_is_unavailable(answers[i].answer), answers[i].unavailable);
		rnm_error_set(&err, RNM_E_REDIS, "mine", "text");
		rnm_refusal_hint(&err, &refused, answers[i].answer);
		assert_string_equal(err.id, "mine");
		assert_int_equal(err.hint[0] != '\0', answers[i].id[0] != '\0');
	}
	rnm_refusal_explain(NULL, &refused, "OOM x");
	rnm_redis_free(redis);
}

/* What is not known is a placeholder; what would mean something in a pattern is not put into one. */
static void test_unknown_rights(void **state)
{
	static const struct {
		struct rnm_refused refused;
		const char *answer, *hint;
	} cases[] = {
		{ { .command = "HMGET", .global = "rn" }, "NOPERM run", "may not run HMGET: type ACL SETUSER USER +hmget" },
		{ { .command = NULL }, "NOPERM run", "may not run this command: type ACL SETUSER USER +COMMAND" },
		{ { .command = NULL }, "NOPERM access", "such as ~PATTERN (ACL SETUSER USER ~PATTERN)" },
		{ { .command = "HMGET", .global = "r*n" }, "NOPERM access", "such as ~PATTERN" },
		{ { .command = "HMGET", .global = "r n" }, "NOPERM access", "such as ~PATTERN" },
		{ { .command = "HMGET", .global = "" }, "NOPERM access", "such as ~PATTERN" },
		{ { .command = "HMGET", .global =
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
		  "NOPERM access", "such as ~PATTERN" },
		{ { .command = "HSET", .rights = "an import needs: +hset" }, "NOPERM run",
		  "may not run HSET: type ACL SETUSER USER +hset (all that an import needs: +hset)" },
		{ { .command = "HSET", .rights = "an import needs: +hset" }, "NOPERM access", "may not use these keys" },
		{ { .command = "SCAN", .global = "rn" }, "NOPERM run",
		  "may not run SCAN: name -r and -s instead of --all, or type ACL SETUSER USER +scan" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rnm_error err;

		rnm_error_clear(&err);
		rnm_refusal_explain(&err, &cases[i].refused, cases[i].answer);
		assert_string_equal(err.id, "answer.noperm");
		if (strstr(err.hint, cases[i].hint) == NULL)
			fail_msg("%s", err.hint);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_unknown_rights),
	};

	return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
