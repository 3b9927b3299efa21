#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm import when things go wrong half-way: nothing has changed, or everything has, and the words say which.

load helpers

M=aa5f939b29f3d241
KEY=rn_default_default_${M:0:8}

setup_file() {
	common_setup_file
	start_redis
	export CONF="$WORK/rnm.conf" LINE="$WORK/line.sock" LINE_CONF="$WORK/line.conf"
	configure "$SOCKET" >"$CONF"
	configure "$LINE" >"$LINE_CONF"
	for n in 1 2 3 4 5 6; do made "$WORK/$n.rnm" 46 digest=$M version=3 seed=$n; done
}

teardown_file() {
	stop_redis
}

setup() {
	cli flushall >/dev/null
	rm -f "$LINE"
}

teardown() {
	if [ -e "$BATS_TEST_TMPDIR/pid" ]; then kill "$(cat "$BATS_TEST_TMPDIR/pid")" 2>/dev/null || true; fi
	cli replicaof no one >/dev/null
	cli config set maxmemory 0 >/dev/null
}

made() {
	python "$BATS_TEST_DIRNAME/made_model.py" "$@"
}

configure() { # SOCKET [MORE]
	cat <<-END
	redis { servers = "$1"; timeout = 20; $2 }
	neural { rules { default { providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; } disable_symbols_input = true; } } }
	END
}

# at_multi COMMAND...: imports 1.rnm over a line on which the command runs before MULTI arrives.
at_multi() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/at_multi.py" "$LINE" "$SOCKET" "$@" 3>&- 4>&- &
	echo $! >"$BATS_TEST_TMPDIR/pid"
	for _ in $(seq 100); do [ ! -S "$LINE" ] || break; sleep 0.05; done
	call rnm import -c "$LINE_CONF" "$WORK/1.rnm"
}

expect_nothing() {
	[ "$(cli dbsize)" = 0 ] || { cli --raw keys '*'; false; }
}

@test "the connection breaks after N bytes of commands" {
	run timeout 200 /usr/bin/python3 "$BATS_TEST_DIRNAME/import_cuts.py" "$RNM" "$LINE_CONF" "$WORK/1.rnm" "$LINE" "$SOCKET" commands
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "the connection breaks after N bytes of answers" {
	run timeout 200 /usr/bin/python3 "$BATS_TEST_DIRNAME/import_cuts.py" "$RNM" "$LINE_CONF" "$WORK/1.rnm" "$LINE" "$SOCKET" answers
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "six at once: six versions, each its own" {
	local pids="" n
	for n in 1 2 3 4 5 6; do
		rnm import -c "$CONF" "$WORK/$n.rnm" >"$BATS_TEST_TMPDIR/$n" 2>&1 3>&- &
		pids="$pids $!"
	done
	for n in $pids; do wait "$n" || { cat "$BATS_TEST_TMPDIR"/?; false; }; done
	[ "$(cat "$BATS_TEST_TMPDIR"/? | grep -o 'as version [0-9]*' | sort -u | wc -l)" = 6 ]
	cli --raw zrange rn3_default_3_default 0 -1 | jq -s -e '(map(.version) | sort) == [3, 4, 5, 6, 7, 8]'
	for n in 3 4 5 6 7 8; do [ "$(cli hexists ${KEY}_$n ann)" = 1 ]; done
}

@test "somebody adds a version meanwhile: the next one is taken" {
	at_multi redis-cli -s "$SOCKET" zadd rn3_default_3_default 5 \
		"{\"digest\":\"$M\",\"symbols\":[],\"version\":3,\"redis_key\":\"${KEY}_3\",\"providers_digest\":\"$M\"}"
	expect_rc 0
	expect_out "as version 4 of rule default"
	[ "$(cli zcard rn3_default_3_default)" = 2 ]
	[ "$(cli exists ${KEY}_3)" = 0 ]
}

@test "somebody takes the key meanwhile: it stays theirs" {
	at_multi redis-cli -s "$SOCKET" set ${KEY}_3 theirs
	expect_rc 0
	expect_out "as version 4 of rule default"
	[ "$(cli get ${KEY}_3)" = theirs ]
}

@test "somebody begins to train meanwhile" {
	cli zadd rn3_default_3_default 5 "{\"digest\":\"$M\",\"symbols\":[],\"version\":2,\"redis_key\":\"${KEY}_2\",\"providers_digest\":\"$M\"}"
	cli hset ${KEY}_2 ann x
	at_multi redis-cli -s "$SOCKET" hset ${KEY}_2 lock "$(date +%s)" hostname trainer.example
	expect_rc 8
	expect_err "trainer.example is training from ${KEY}_2 right now"
	[ "$(cli dbsize)" = 2 ]
}

@test "the master becomes a replica meanwhile" {
	at_multi redis-cli -s "$SOCKET" replicaof 127.0.0.1 1
	expect_rc 6
	expect_err "cannot write the model of rule default: Redis refused HSET: READONLY You can't write against a read only replica"
	expect_err "hint: the server is a replica: name its master in write_servers"
	expect_plain_error
	expect_nothing
}

@test "the server is a replica" {
	cli replicaof 127.0.0.1 1
	call rnm import -c "$CONF" "$WORK/1.rnm"
	expect_rc 5
	expect_err "expected a master, found a replica of 127.0.0.1:1"
	expect_nothing
}

@test "the server runs out of memory" {
	at_multi redis-cli -s "$SOCKET" config set maxmemory 1
	expect_rc 6
	expect_err "Redis refused HSET: OOM command not allowed"
	expect_err "hint: the server has reached its maxmemory"
	expect_nothing
}

@test "the server takes no argument of this size" {
	made "$BATS_TEST_TMPDIR/big.rnm" 46 digest=$M hidden=30000
	cli config set proto-max-bulk-len 1048576
	call rnm import -c "$CONF" "$BATS_TEST_TMPDIR/big.rnm"
	cli config set proto-max-bulk-len 536870912
	expect_rc 6
	expect_err "the server did not take the whole command: ERR Protocol error: invalid bulk length"
	expect_nothing
}

@test "a signal while the server thinks" {
	(
		until [ -s "$BATS_TEST_TMPDIR/rnm" ]; do sleep 0.05; done
		sleep 0.7
		kill -TERM "$(cat "$BATS_TEST_TMPDIR/rnm")"
	) 3>&- &
	/usr/bin/python3 "$BATS_TEST_DIRNAME/at_multi.py" "$LINE" "$SOCKET" sleep 2 3>&- 4>&- &
	echo $! >"$BATS_TEST_TMPDIR/pid"
	for _ in $(seq 100); do [ ! -S "$LINE" ] || break; sleep 0.05; done
	# shellcheck disable=SC2016
	call bash -c 'echo $$ >"$1"; shift; exec "$@"' - "$BATS_TEST_TMPDIR/rnm" rnm import -c "$LINE_CONF" "$WORK/1.rnm"
	expect_rc 143
	expect_err "interrupted: nothing was written"
	expect_plain_error
	expect_nothing
}

@test "a user without one of the commands, named with the command" {
	local all="+ping +role +select +watch +unwatch +multi +exec +discard +zrevrange +hexists +hmget +exists +hset +expire +zadd "
	configure "$SOCKET" "username = u; password = p;" >"$BATS_TEST_TMPDIR/c"
	for command in watch multi exec zrevrange hexists hmget exists hset expire zadd; do
		cli flushall >/dev/null
		cli zadd rn3_default_3_default 5 "{\"digest\":\"$M\",\"symbols\":[],\"version\":2,\"redis_key\":\"${KEY}_2\",\"providers_digest\":\"$M\"}"
		cli hset ${KEY}_2 ann x
		# shellcheck disable=SC2086
		cli acl setuser u reset on '>p' '~*' ${all/+$command /} >/dev/null
		call rnm import -c "$BATS_TEST_TMPDIR/c" "$WORK/1.rnm"
		expect_rc 6
		expect_err "NOPERM this user has no permissions to run the '$command' command"
		expect_err "ACL SETUSER u +$command"
		expect_plain_error
		[ "$(cli dbsize)" = 2 ] && [ "$(cli zcard rn3_default_3_default)" = 1 ]
	done
	# shellcheck disable=SC2086
	cli acl setuser u reset on '>p' '~*' $all >/dev/null
	call rnm import -c "$BATS_TEST_TMPDIR/c" "$WORK/1.rnm"
	expect_rc 0
	cli acl setuser u reset on '>p' '~other*' '+@all' >/dev/null
	call rnm import -c "$BATS_TEST_TMPDIR/c" "$WORK/1.rnm" --force
	expect_rc 6
	expect_err "such as ~rn* (ACL SETUSER u ~rn*)"
}
