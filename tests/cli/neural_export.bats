#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The drop-in beyond the recorded calls: argument rules, configurations, order of work.

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
}

teardown_file() {
	stop_redis
}

usage='Usage: rspamadm neural_export [-h] [-c <cfg>] [-r <rule>] [-s <id>]
       [-o <file>] [-v <version>] [--list] [--digest]'

expect_usage_error() {
	expect_rc 1
	expect_no_out
	[ "$(cat "$err")" = "$usage

Error: $1" ] || { echo "expected: $1"; show; return 1; }
}

@test "usage errors, word for word" {
	call neural_export --lis
	expect_usage_error "unknown option '--lis'
Did you mean '--list'?"
	call neural_export --list=1
	expect_usage_error "option '--list' does not take arguments"
	call neural_export -o
	expect_usage_error "option '-o' requires an argument"
	call neural_export -o -- x
	expect_usage_error "option '-o' requires an argument"
	call neural_export --output -v
	expect_usage_error "option '--output' requires an argument"
	call neural_export -o -h
	expect_usage_error "option '-o' requires an argument"
	call neural_export -v=1
	expect_usage_error "malformed argument '=1'"
	call neural_export -v abc --help
	expect_usage_error "malformed argument 'abc'"
	call neural_export --bogus=1
	expect_usage_error "unknown option '--bogus'"
	call neural_export -
	expect_usage_error "too many arguments"
	call neural_export -- -x
	expect_usage_error "too many arguments"
}

@test "help acts at once" {
	call neural_export --help --bogus
	expect_rc 0
	expect_no_err
	call neural_export -hx
	expect_rc 0
	call neural_export -h extra
	expect_rc 0
}

@test "the help says what is not the original's" {
	call neural_export --help
	expect_out "   --any-digest                 Export a model that was trained under another digest (an addition of rnm)"
}

@test "numbers of -v are read as Lua reads them" {
	local number
	for number in 2 ' 2 ' 2.0 0x2 0x1p1 0b10 20e-1 +2; do
		call neural_export -c "$CONF" -r embed -v "$number" -o "$BATS_TEST_TMPDIR/m"
		expect_rc 0
		expect_out "(version 2)"
	done
	for number in '' ' ' 2x 0b12 0x '2 3' 'nan(1)' --1; do
		call neural_export -c "$CONF" -r embed --version="$number" -o "$BATS_TEST_TMPDIR/m"
		expect_usage_error "malformed argument '$number'"
	done
	call neural_export -c "$CONF" -r embed --version=-1 -o "$BATS_TEST_TMPDIR/m"
	expect_rc 1
	expect_err "model version -1 not found"
	call neural_export -c "$CONF" -r embed -v 1.50 -o "$BATS_TEST_TMPDIR/m"
	expect_err "model version 1.5 not found"
	call neural_export -c "$CONF" -r embed -v 9007199254740993 -o "$BATS_TEST_TMPDIR/m"
	expect_err "model version 9007199254740992 not found"
	call neural_export -c "$CONF" -r embed -v inf -o "$BATS_TEST_TMPDIR/m"
	expect_err "model version inf not found"
	call neural_export -c "$CONF" -r embed -v nan -o "$BATS_TEST_TMPDIR/n"
	expect_rc 1
	expect_err "model version nan not found"
	[ ! -e "$BATS_TEST_TMPDIR/n" ]
}

@test "the list uses local time" {
	TZ=America/New_York call neural_export -c "$CONF" -r embed -s unit --list
	expect_out "Updated: 2026-11-22 21:13:20"
}

@test "odd times: fractions are cut toward zero, what has no form is nil" {
	cli zadd rn3_embed_3_times -7.5 '{"redis_key":"a","version":1}' inf '{"redis_key":"b","version":2}' >/dev/null
	call neural_export -c "$CONF" -r embed -s times --list
	cli del rn3_embed_3_times >/dev/null
	expect_out "Key: b, Updated: nil [stale]"
	expect_out "Key: a, Updated: 1969-12-31 23:59:53 [stale]"
}

@test "large versions: %.14g in lists, exact in messages" {
	cli zadd rn3_embed_3_big 1 '{"digest":"d","symbols":[],"redis_key":"gone","version":9007199254740992}' >/dev/null
	call neural_export -c "$CONF" -r embed -s big --list
	expect_out "Version: 9.007199254741e+15,"
	call neural_export -c "$CONF" -r embed -s big -o "$BATS_TEST_TMPDIR/m"
	cli del rn3_embed_3_big >/dev/null
	expect_rc 1
	expect_err "skip stale model profile: version=9007199254740992 key=gone"
	expect_err "no suitable model found"
}

@test "the newest model of the configuration's digest is taken, passed over ones are named" {
	local profile='{"digest":"d","symbols":[],"redis_key":"rn_embed_default_aabbccdd_3","version":%s,"providers_digest":"%s"}'
	cli zadd rn3_embed_3_mixed 1700000000 "$(printf "$profile" 1 ffffffffffffffff)" \
		1600000000 "$(printf "$profile" 9 376616275a1a984c)" >/dev/null
	call neural_export -c "$CONF" -r embed -s mixed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	expect_out "(version 9)"
	expect_err "skip model profile of another configuration: version=1 key=rn_embed_default_aabbccdd_3 providers_digest=ffffffffffffffff"
	call neural_export -c "$CONF" -r embed -s mixed -o "$BATS_TEST_TMPDIR/m" --any-digest
	cli del rn3_embed_3_mixed >/dev/null
	expect_rc 0
	expect_out "(version 1)"
	expect_no_err
}

@test "--any-digest overrides the refusal" {
	call neural_export -c "$CONF" -r embed -s other_digest -o "$BATS_TEST_TMPDIR/m" --any-digest
	expect_rc 0
	expect_out "Exported model to: "
}

@test "-o -: the model on stdout, messages on stderr" {
	call neural_export -c "$CONF" -r embed -s unit -o - --digest
	expect_rc 0
	python "$BATS_TEST_DIRNAME/rnm1.py" show "$out" | jq -e '.magic == "RNM1"'
	expect_err "Providers digest: 376616275a1a984c"
	expect_err "Exported model to: -"
}

@test "-o with another name of stdout is -o -, one of stderr is refused" {
	local path file="$BATS_TEST_TMPDIR/f" inode
	: >"$file"
	inode=$(stat -c %i "$file")
	for path in /dev/stdout /dev/fd/1 /proc/self/fd/1 "$file"; do
		neural_export -c "$CONF" -r embed -s unit -o "$path" >"$file" 2>"$BATS_TEST_TMPDIR/err"
		[ "$(stat -c %i "$file")" = "$inode" ]
		python "$BATS_TEST_DIRNAME/rnm1.py" show "$file" | jq -e '.magic == "RNM1"'
		grep -qF "Exported model to: $path" "$BATS_TEST_TMPDIR/err"
	done
	call neural_export -c "$CONF" -r embed -s unit -o /dev/stderr
	expect_rc 1
	expect_no_out
	[ "$(cat "$err")" = "/dev/stderr is standard error, which is for messages (use -o <file>, or -o -)" ] || { show; false; }
}

@test "an existing file survives a failure" {
	echo old >"$BATS_TEST_TMPDIR/m"
	call neural_export -c "$CONF" -r embed -s all_stale -o "$BATS_TEST_TMPDIR/m"
	expect_rc 1
	call neural_export -c "$CONF" -r embed -s garbage_ann -o "$BATS_TEST_TMPDIR/m"
	expect_rc 1
	[ "$(cat "$BATS_TEST_TMPDIR/m")" = old ]
}

@test "SOURCE_DATE_EPOCH is the stamp" {
	SOURCE_DATE_EPOCH=+1 call neural_export -c "$CONF" -r embed -s unit -o "$BATS_TEST_TMPDIR/m"
	expect_rc 1
	SOURCE_DATE_EPOCH=1700000000 call neural_export -c "$CONF" -r embed -s unit -o "$BATS_TEST_TMPDIR/m"
	python "$BATS_TEST_DIRNAME/rnm1.py" show "$BATS_TEST_TMPDIR/m" | jq -e '.created_at == 1700000000 and has("rnm") == false'
}

@test "only the original's Redis commands are used" {
	cli config resetstat >/dev/null
	call neural_export -c "$CONF" -r embed --list
	call neural_export -c "$CONF" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	[ "$(cli info commandstats | grep -oE '^cmdstat_[a-z|]+' | sort -u | grep -vE 'config|info' | tr '\n' ' ')" = \
		"cmdstat_hexists cmdstat_hmget cmdstat_ping cmdstat_zrevrange " ]
}

@test "configurations: prefixes, settings, legacy form" {
	local redis="redis { servers = \"$SOCKET\"; }"
	prefix_of() {
		call neural_export -c "$BATS_TEST_TMPDIR/c.conf" "$@" --list
		expect_rc 0
		sed -n 's/^Redis prefix: //p' "$out"
	}
	echo "$redis neural { prefix = foo; train { } providers = [ { type = symbols; } ]; }" >"$BATS_TEST_TMPDIR/c.conf"
	[ "$(prefix_of)" = foo3_foo_3_default ]
	echo "$redis neural { prefix = zz; rules { a { prefix = 12; } b { prefix = 1.5; } c { prefix = \"\"; } } }" >"$BATS_TEST_TMPDIR/c.conf"
	[ "$(prefix_of -r a)" = zz3_12_3_default ]
	[ "$(prefix_of -r b)" = zz3_1.5_3_default ]
	[ "$(prefix_of -r c)" = zz3__3_default ]
	[ "$(prefix_of -r a -s 'a b')" = 'zz3_12_3_a b' ]
	echo "$redis neural { train { } rules { LONG { } } }" >"$BATS_TEST_TMPDIR/c.conf"
	[ "$(prefix_of -r LONG)" = rn3_LONG_3_default ]
	# The original takes the module's section for a rule "default" here, and so does the drop-in.
	[ "$(prefix_of)" = rn3_default_3_default ]
}

@test "configurations that the original rejects" {
	echo 'x = 1;' >"$BATS_TEST_TMPDIR/c.conf"
	call neural_export -c "$BATS_TEST_TMPDIR/c.conf" --list
	expect_rc 1
	[ "$(cat "$err")" = "cannot get Redis configuration for neural module" ]
	echo "redis { servers = \"$SOCKET\"; }" >"$BATS_TEST_TMPDIR/c.conf"
	call neural_export -c "$BATS_TEST_TMPDIR/c.conf" --list
	expect_rc 1
	[ "$(cat "$err")" = "no neural configuration found" ]
	printf 'a = [\n' >"$BATS_TEST_TMPDIR/c.conf"
	call neural_export -c "$BATS_TEST_TMPDIR/c.conf" --list
	expect_rc 1
	expect_err "cannot parse $BATS_TEST_TMPDIR/c.conf: failed to load config: ucl parser error: $BATS_TEST_TMPDIR/c.conf:2 unmatched open brace at 1; "
	printf 'options { task_timeout = "8s"; }\n' >"$BATS_TEST_TMPDIR/c.conf"
	call neural_export -c "$BATS_TEST_TMPDIR/c.conf" --list
	expect_rc 1
	[ "$(cat "$err")" = "cannot process $BATS_TEST_TMPDIR/c.conf: failed to load config: cannot convert string to double in option task_timeout" ] || { show; false; }
	: >"$BATS_TEST_TMPDIR/c.conf"
	call neural_export -c "$BATS_TEST_TMPDIR/c.conf" --list
	expect_rc 1
	[ "$(wc -l <"$err")" -eq 1 ]
	# A Lua error and exit 0 with the original.
	echo "redis { servers = \"$SOCKET\"; } neural { rules { default { providers = symbols; } } }" >"$BATS_TEST_TMPDIR/c.conf"
	call neural_export -c "$BATS_TEST_TMPDIR/c.conf" --digest
	expect_rc 1
	expect_no_out
}

@test "-c before the verb, as after it" {
	call rnm -c "$CONF" neural_export -r embed --digest
	expect_rc 0
	expect_out "Providers digest: 376616275a1a984c"
	call rnm -c /nonexistent neural_export -c "$CONF" -r embed --digest
	expect_rc 0
	call rnm --var=X neural_export
	[ "$rc" -ne 0 ]
}

@test "a server that is down is one sentence, the next one is tried" {
	sed 's|servers = .*; }|servers = "127.0.0.1:1"; }|' "$CONF" | sed '1s/.*/redis { servers = "127.0.0.1:1"; }/' >"$BATS_TEST_TMPDIR/c.conf"
	call neural_export -c "$BATS_TEST_TMPDIR/c.conf" -r embed --list
	expect_rc 1
	[ "$(wc -l <"$err")" -eq 1 ]
	expect_err "cannot connect to redis server 127.0.0.1:1: Connection refused"
	sed "1s|.*|redis { servers = \"127.0.0.1:1:10,$SOCKET\"; }|" "$CONF" >"$BATS_TEST_TMPDIR/c.conf"
	call neural_export -c "$BATS_TEST_TMPDIR/c.conf" -r embed --list
	expect_rc 0
	expect_out "Version: 3,"
}
