#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Redis users with one right too few: what still works, and what the rest says to do about it.

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
	{
		echo "redis { servers = \"$SOCKET\"; username = u; password = p; db = 0; }"
		sed 1d "$DATA/cli/rnm.conf"
	} >"$WORK/acl.conf"
	export C="$WORK/acl.conf"
}

teardown_file() {
	stop_redis
}

ALL="+zrevrange +hexists +hstrlen +pttl +hmget +scan +type +select +ping"

# user RIGHT...: the user u with these rights and no others.
user() {
	cli acl setuser u reset on '>p' "$@" >/dev/null
}
# without COMMAND: every right that rnm ever uses but this one.
without() {
	# shellcheck disable=SC2086
	user '~*' ${ALL/+$1/}
}

NOPERM="NOPERM this user has no permissions to run the"
NOKEY="NOPERM this user has no permissions to access one of the keys used as arguments"

expect_failure() { # CODE WORDS...
	expect_rc "$1"
	expect_no_out
	expect_plain_error
	shift
	local words
	for words in "$@"; do expect_err "$words"; done
}
# exports: rnm export and the drop-in both write a model.
exports() {
	rm -f "$BATS_TEST_TMPDIR/m"
	call rnm export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	expect_no_err
	call neural_export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/n"
	expect_rc 0
	expect_out "Exported model to: "
}
lists() { # FILTER
	call rnm list -c "$C" -r embed --json
	expect_rc 0
	expect_json "$1"
}

@test "all rights" {
	without nothing
	exports
	lists '.lists[0].served.version == 3 and .lists[0].models[0].size == 8344 and .lists[0].models[0].expiry == "never"'
	expect_no_err
	call rnm list -c "$C" --all --json
	expect_rc 0
	expect_json '.lists | length == 29'
}

@test "without ZREVRANGE nothing can be found" {
	without zrevrange
	call rnm list -c "$C" -r embed
	expect_failure 6 "cannot list the models in rn3_embed_3_default: $NOPERM 'zrevrange' command" \
		"  hint: the Redis user may not run ZREVRANGE: type ACL SETUSER u +zrevrange (all that an export needs: +zrevrange +hexists +hmget)"
	call rnm list -c "$C" --all
	expect_failure 6 "ACL SETUSER u +zrevrange"
	call rnm export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_failure 6 "ACL SETUSER u +zrevrange"
	call neural_export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 1
	[ "$(cat "$err")" = "failed to list models: $NOPERM 'zrevrange' command" ] || { show; false; }
	[ ! -e "$BATS_TEST_TMPDIR/m" ]
}

@test "without HEXISTS it is not known which models live" {
	without hexists
	lists '.lists[0].served == null and .lists[0].served_why == "not known, because the key of version 3 cannot be read"'
	[ "$(cat "$err")" = "rnm: warning: 3 of the 3 keys named in rn3_embed_3_default cannot be read: $NOPERM 'hexists' command; the Redis user may not run HEXISTS: type ACL SETUSER u +hexists (all that an export needs: +zrevrange +hexists +hmget)" ] || { show; false; }
	expect_json ".lists[0].models | map(.live == false and .key_error == \"$NOPERM 'hexists' command\") | all"
	call rnm list -c "$C" --all
	expect_rc 0
	call rnm export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_failure 6 "none of the 3 models under rn3_embed_3_default can be exported: $NOPERM 'hexists' command" "ACL SETUSER u +hexists"
	call rnm export -c "$C" -r embed -v 2 -o "$BATS_TEST_TMPDIR/m"
	expect_failure 6 "ACL SETUSER u +hexists"
	call neural_export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 1
	[ "$(tail -n 1 "$err")" = "no suitable model found" ] || { show; false; }
	[ ! -e "$BATS_TEST_TMPDIR/m" ]
}

@test "without HSTRLEN, PTTL, SCAN, TYPE or PING an export works" {
	local command
	for command in hstrlen pttl scan type ping; do
		without "$command"
		exports
		lists '.lists[0].served.version == 3'
		expect_no_err
	done
}

@test "without HSTRLEN or PTTL a column stays open" {
	without hstrlen
	lists '.lists[0].models | map(.size == null) | all'
	expect_json '.lists[0].models[0].expiry == "never"'
	call rnm list -c "$C" -r embed
	grep -qE '^ +3 .* \? +never +same ' "$out" || { show; false; }
	without pttl
	lists '.lists[0].models | map(.expiry == "unknown" and .ttl_ms == null) | all'
	expect_json '.lists[0].zset_expiry == "unknown" and .lists[0].models[0].size == 8344'
}

@test "without HMGET there is a list and no export" {
	without hmget
	lists '.lists[0].served.version == 3'
	echo old >"$BATS_TEST_TMPDIR/m"
	call rnm export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_failure 6 "cannot read the model under rn_embed_default_aabbccdd_3: $NOPERM 'hmget' command" "ACL SETUSER u +hmget"
	call neural_export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 1
	[ "$(tail -n 1 "$err")" = "failed to load model data: $NOPERM 'hmget' command" ] || { show; false; }
	[ "$(cat "$BATS_TEST_TMPDIR/m")" = old ]
}

@test "without SCAN there is no --all" {
	without scan
	call rnm list -c "$C" --all
	expect_failure 6 "cannot look for models: $NOPERM 'scan' command" \
		"  hint: the Redis user may not run SCAN: name -r and -s instead of --all, or type ACL SETUSER u +scan"
	mkdir "$BATS_TEST_TMPDIR/all"
	call rnm export -c "$C" --all -o "$BATS_TEST_TMPDIR/all"
	expect_rc 6
	expect_err "ACL SETUSER u +scan"
	expect_folder "$BATS_TEST_TMPDIR/all"
}

@test "without TYPE a key of another type is told, and the lists beside it are shown" {
	without type
	call rnm list -c "$C" --all --json
	expect_rc 6
	expect_json '.lists | length == 29'
	expect_json '.problems | length == 1 and (.[0].problem | startswith("cannot list the models in rn3_embed_3_wrongtype: WRONGTYPE"))'
	expect_err "rnm: cannot list the models in rn3_embed_3_wrongtype: WRONGTYPE"
}

@test "without SELECT a database cannot be chosen, and is not needed for the first one" {
	without select
	call rnm list -c "$C" -r embed
	expect_failure 6 "SELECT 0 was refused: $NOPERM 'select' command" "  hint: the Redis user may not run SELECT: type ACL SETUSER u +select"
	call neural_export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 1
	expect_err "SELECT 0 was refused"
	sed '1s| db = 0;||' "$C" >"$BATS_TEST_TMPDIR/c"
	call rnm list -c "$BATS_TEST_TMPDIR/c" -r embed
	expect_rc 0
}

@test "key patterns: none, only the lists, only the models, all but the best model" {
	# shellcheck disable=SC2086
	user '~other*' $ALL
	call rnm list -c "$C" -r embed
	expect_failure 6 "cannot list the models in rn3_embed_3_default: $NOKEY" \
		"  hint: the Redis user may not read these keys: its ACL needs a key pattern such as ~rn* (ACL SETUSER u ~rn*)"
	call neural_export -c "$C" -r embed --list
	expect_rc 1
	[ "$(cat "$err")" = "failed to list models: $NOKEY" ] || { show; false; }
	# shellcheck disable=SC2086
	user '~rn_*' $ALL
	call rnm export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_failure 6 "cannot list the models in rn3_embed_3_default: $NOKEY" "ACL SETUSER u ~rn*"
	# shellcheck disable=SC2086
	user '~rn3_*' $ALL
	lists ".lists[0].served == null and (.lists[0].models | map(.key_error == \"$NOKEY\") | all)"
	expect_err "rnm: warning: 3 of the 3 keys named in rn3_embed_3_default cannot be read: $NOKEY; the Redis user may not read these keys: its ACL needs a key pattern such as ~rn* (ACL SETUSER u ~rn*)"
	call rnm export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_failure 6 "none of the 3 models under rn3_embed_3_default can be exported: $NOKEY" "ACL SETUSER u ~rn*"
	# shellcheck disable=SC2086
	user '~rn3_*' '~rn_embed_default_aabbccdd_2' '~rn_embed_default_aabbccdd_1' $ALL
	lists '.lists[0].served.version == 2'
	expect_json '.lists[0].served_why == "highest version (2) among the 3 fitting of the 3 newest profiles, provided that those before it, whose keys cannot be read, have no network"'
	call rnm export -c "$C" -r embed -o "$BATS_TEST_TMPDIR/m" --json
	expect_rc 0
	expect_json '.version == 2'
	expect_err "rnm: warning: 1 of the 3 keys named in rn3_embed_3_default cannot be read: $NOKEY"
}

@test "commands that the server does not know" {
	local socket="$BATS_TEST_TMPDIR/renamed.sock" pid
	cp "$DATA/cli/dump.rdb" "$BATS_TEST_TMPDIR/dump.rdb"
	redis-server --port 0 --unixsocket "$socket" --dir "$BATS_TEST_TMPDIR" --save '' --logfile "$BATS_TEST_TMPDIR/log" \
		--rename-command HMGET '' 3>&- 4>&- &
	pid=$!
	for _ in $(seq 100); do
		redis-cli -s "$socket" ping >/dev/null 2>&1 && break
		sleep 0.05
	done
	sed "s|@REDIS@|$socket|" "$DATA/cli/rnm.conf" >"$BATS_TEST_TMPDIR/c"
	call rnm export -c "$BATS_TEST_TMPDIR/c" -r embed -o "$BATS_TEST_TMPDIR/m"
	kill "$pid"
	wait "$pid" || true
	expect_failure 6 "cannot read the model under rn_embed_default_aabbccdd_3: ERR unknown command" \
		"  hint: the server does not know this command: look for rename-command in its configuration, or for a proxy in between"
}

# cluster_node NAME PORT BUS_PORT
cluster_node() {
	mkdir "$BATS_TEST_TMPDIR/$1"
	redis-server --bind 127.0.0.1 --port "$2" --cluster-enabled yes --cluster-port "$3" --dir "$BATS_TEST_TMPDIR/$1" \
		--save '' --logfile "$BATS_TEST_TMPDIR/$1.log" 3>&- 4>&- &
	pids="$pids $!"
	for _ in $(seq 100); do
		redis-cli -p "$2" ping >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	cat "$BATS_TEST_TMPDIR/$1.log"
	return 1
}

@test "a node of a Redis Cluster: the key is said to be elsewhere, and where" {
	local pids="" pid here here_bus there there_bus
	read -r here here_bus there there_bus < <(python -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(s.getsockname()[1] for s in held))')
	cluster_node here "$here" "$here_bus"
	{
		echo "redis { servers = \"127.0.0.1:$here\"; }"
		sed 1d "$DATA/cli/rnm.conf"
	} >"$BATS_TEST_TMPDIR/c"
	call rnm list -c "$BATS_TEST_TMPDIR/c" -r embed
	expect_failure 6 "cannot list the models in rn3_embed_3_default: CLUSTERDOWN Hash slot not served" \
		"  hint: the Redis Cluster does not serve this key now"
	cluster_node there "$there" "$there_bus"
	redis-cli -p "$there" cluster addslotsrange 0 16383 >/dev/null
	redis-cli -p "$here" cluster meet 127.0.0.1 "$there" "$there_bus" >/dev/null
	for _ in $(seq 300); do
		redis-cli -p "$here" cluster info | grep -q '^cluster_state:ok' && break
		sleep 0.1
	done
	call rnm list -c "$BATS_TEST_TMPDIR/c" -r embed
	expect_failure 6 "cannot list the models in rn3_embed_3_default: MOVED " \
		"  hint: the server is a node of a Redis Cluster, in which rnm does not follow redirections; the key is on 127.0.0.1:$there: --redis redis://127.0.0.1:$there"
	call neural_export -c "$BATS_TEST_TMPDIR/c" -r embed --list
	expect_rc 1
	[[ "$(cat "$err")" == "failed to list models: MOVED "* ]] || { show; false; }
	for pid in $pids; do
		kill "$pid"
		wait "$pid" || true
	done
}
