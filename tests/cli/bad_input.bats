#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Servers that are down, refuse, or hold what nobody expects: one sentence, the code of the table.

load helpers

setup_file() {
	common_setup_file
	cp "$DATA/cli/dump.rdb" "$WORK/dump.rdb"
	start_redis --requirepass 'pass word' --port 0
	export REDISCLI_AUTH='pass word'
	cli acl setuser reader on '>secret' '~*' +zrevrange +hexists +hmget +select >/dev/null
	cli acl setuser blind on '>secret' '~*' +select >/dev/null
	cli acl setuser nolen on '>secret' '~*' +zrevrange +hexists +hmget >/dev/null
	sed "s|@REDIS@|$SOCKET\"; password = \"pass word|" "$DATA/cli/rnm.conf" >"$WORK/rnm.conf"
	export CONF="$WORK/rnm.conf"
}

teardown_file() {
	stop_redis
}

# conf REDIS_SECTION: the recorded rules with other Redis settings, as $c.
conf() {
	c="$BATS_TEST_TMPDIR/c.conf"
	{
		echo "redis { $1 }"
		sed 1d "$DATA/cli/rnm.conf"
	} >"$c"
}

expect_failure() {
	expect_rc "$1"
	expect_no_out
	expect_plain_error
	shift
	local words
	for words in "$@"; do
		expect_err "$words"
	done
}

@test "the right password works" {
	call rnm list -c "$CONF" -r embed
	expect_rc 0
	call neural_export -c "$CONF" -r embed --list
	expect_rc 0
}

@test "a wrong password, a missing one, one too many" {
	conf "servers = \"$SOCKET\"; password = wrong;"
	call rnm list -c "$c" -r embed
	expect_failure 6 "WRONGPASS"
	conf "servers = \"$SOCKET\";"
	call rnm list -c "$c" -r embed
	expect_failure 6 "NOAUTH"
	call rnm export -c "$c" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_failure 6 "NOAUTH"
	call neural_export -c "$c" -r embed --list
	expect_rc 1
	[ "$(cat "$err")" = "failed to list models: NOAUTH Authentication required." ]
	conf "servers = \"$SOCKET\"; username = reader;"
	call rnm list -c "$c" -r embed
	[ "$rc" -ne 0 ]
	expect_plain_error
}

@test "a password from a file, standard input, the environment, the URL" {
	local url="unix://$SOCKET"
	printf 'pass word\nsecond line\n' >"$BATS_TEST_TMPDIR/pw"
	call rnm list -c "$CONF" --redis "$url" -r embed --password-file "$BATS_TEST_TMPDIR/pw"
	expect_rc 0
	printf 'pass word' >"$BATS_TEST_TMPDIR/pw"
	call rnm list -c "$CONF" --redis "$url" -r embed --password-file "$BATS_TEST_TMPDIR/pw"
	expect_rc 0
	rc=0
	rnm list -c "$CONF" --redis "$url" -r embed --password-file - <"$BATS_TEST_TMPDIR/pw" >/dev/null || rc=$?
	[ "$rc" -eq 0 ]
	RNM_REDIS_PASSWORD='pass word' call rnm list -c "$CONF" --redis "$url" -r embed
	expect_rc 0
	call rnm list -c "$CONF" --redis "$url" -r embed
	expect_failure 6 NOAUTH
	# The variable belongs to --redis and does not replace the configuration's password.
	RNM_REDIS_PASSWORD=wrong call rnm list -c "$CONF" -r embed
	expect_rc 0
}

@test "password files that do not help" {
	call rnm list -c "$CONF" -r embed --password-file /nonexistent/pw
	expect_failure 5 /nonexistent/pw "No such file or directory"
	call rnm list -c "$CONF" -r embed --password-file "$BATS_TEST_TMPDIR"
	expect_failure 5 "cannot read the password file $BATS_TEST_TMPDIR" "Is a directory"
	: >"$BATS_TEST_TMPDIR/pw"
	call rnm list -c "$CONF" -r embed --password-file "$BATS_TEST_TMPDIR/pw"
	expect_failure 3 "is empty"
	head -c 5000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/pw"
	call rnm list -c "$CONF" -r embed --password-file "$BATS_TEST_TMPDIR/pw"
	expect_failure 3 "longer than"
	! grep -q xxxx "$err" || false
}

@test "a bad URL: exit 2" {
	local url
	for url in http://x redis:// unix:// redis://h:99999 redis://h/x; do
		call rnm list -c "$CONF" -r embed --redis "$url"
		expect_failure 2
	done
}

@test "no servers" {
	conf 'timeout = 1s;'
	call rnm list -c "$c" -r embed
	expect_failure 4
	call rnm export -c "$c" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_failure 4
}

@test "every server down: each is named with its reason" {
	conf "servers = \"127.0.0.1:1,$BATS_TEST_TMPDIR/none.sock\";"
	call rnm list -c "$c" -r embed
	expect_failure 5 "127.0.0.1:1" "Connection refused" "none.sock" "No such file or directory"
	conf 'servers = "127.0.0.1:1";'
	call rnm export -c "$c" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_failure 5 "127.0.0.1:1" "Connection refused"
	[ ! -e "$BATS_TEST_TMPDIR/m" ]
}

@test "a server that does not answer in time" {
	conf "servers = \"$SOCKET\"; password = \"pass word\"; timeout = 0.3;"
	cli client pause 1000 all >/dev/null
	call rnm list -c "$c" -r embed
	expect_failure 5 "$SOCKET" "no answer within 0.3 s"
	cli ping >/dev/null
}

@test "a bad database" {
	conf "servers = \"$SOCKET\"; password = \"pass word\"; db = 77;"
	call rnm list -c "$c" -r embed
	expect_failure 6 "DB index is out of range"
	call neural_export -c "$c" -r embed --list
	expect_rc 1
	expect_err "DB index is out of range"
}

@test "a user with few rights: enough for the drop-in; list leaves columns open" {
	conf "servers = \"$SOCKET\"; username = reader; password = secret; db = 0;"
	call neural_export -c "$c" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	call rnm list -c "$c" -r embed --json
	expect_rc 0
	expect_json '.lists[0].served.version == 3 and (.lists[0].models | map(.size) | all(. == null))'
	conf "servers = \"$SOCKET\"; username = blind; password = secret;"
	call rnm list -c "$c" -r embed
	expect_failure 6 NOPERM
}

@test "an unknown rule names those that exist; none is looked for in Redis" {
	conf 'servers = "127.0.0.1:1";'
	call rnm list -c "$c" -r embd
	expect_failure 4 'embd' 'did you mean "embed"?' '"symbolic"' '"with space"'
	call rnm export -c "$c" -r embd -o "$BATS_TEST_TMPDIR/m"
	expect_failure 4 '"embed"'
}

@test "the list of models has the wrong type" {
	call rnm list -c "$CONF" -r embed -s wrongtype
	expect_failure 6 rn3_embed_3_wrongtype WRONGTYPE
	call rnm export -c "$CONF" -r embed -s wrongtype -o "$BATS_TEST_TMPDIR/m"
	expect_failure 6 WRONGTYPE
}

@test "a key of the wrong type, a profile without a key, only stale profiles, none at all" {
	call rnm export -c "$CONF" -r embed -s keywrongtype -o "$BATS_TEST_TMPDIR/m" --json
	expect_rc 0
	expect_json '.version == 1'
	call rnm export -c "$CONF" -r embed -s nokey -o "$BATS_TEST_TMPDIR/m" --json
	expect_json '.version == 1'
	rm "$BATS_TEST_TMPDIR/m"
	call rnm export -c "$CONF" -r embed -s all_stale -o "$BATS_TEST_TMPDIR/m"
	expect_failure 4
	call rnm export -c "$CONF" -r embed -s nosuch -o "$BATS_TEST_TMPDIR/m"
	expect_failure 4
	[ ! -e "$BATS_TEST_TMPDIR/m" ]
}

@test "profiles with hostile fields" {
	local member
	for member in '{"digest":"d","symbols":[],"redis_key":{"a":1},"version":2}' \
		'{"digest":"d","symbols":[],"redis_key":null,"version":2}' \
		'{"digest":"d","symbols":[],"redis_key":"x","version":[1]}' \
		'{"digest":"d","symbols":[],"redis_key":"x","redis_key":"y","version":1e999}' \
		"$(head -c 100000 /dev/zero | tr '\0' '[')" "$(printf '"\001\002')"; do
		cli zadd rn3_embed_3_hostile 1 "$member" >/dev/null
	done
	cli zadd rn3_embed_3_hostile 2 '{"digest":"d","symbols":[],"redis_key":"rn_embed_default_aabbccdd_3","version":3,"providers_digest":"376616275a1a984c"}' >/dev/null
	call rnm list -c "$CONF" -r embed -s hostile --json
	expect_rc 0
	expect_json '.lists[0].models | length == 7'
	expect_json '.lists[0].served.version == 3'
	call rnm list -c "$CONF" -r embed -s hostile
	expect_rc 0
	[ "$(awk 'length > 2000' "$out" | wc -l)" -eq 0 ]
	call neural_export -c "$CONF" -r embed -s hostile --list
	expect_rc 0
	call neural_export -c "$CONF" -r embed -s hostile -o "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	cli del rn3_embed_3_hostile >/dev/null
}

@test "an unreadable configuration" {
	call rnm list -c "$BATS_TEST_TMPDIR" -r embed
	[ "$rc" -eq 3 ] || [ "$rc" -eq 5 ]
	expect_no_out
	expect_plain_error
	if [ "$(id -u)" -ne 0 ]; then
		conf ''
		chmod 000 "$c"
		call rnm list -c "$c" -r embed
		expect_failure 5 "Permission denied"
	fi
}
