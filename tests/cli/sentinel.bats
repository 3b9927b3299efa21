#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Real Sentinels: finding the servers, reading from replicas, and fail-overs while exports run.

load helpers

setup_file() {
	common_setup_file
	# Every address in 127/8 is this host: two of our own have the ports that must be fixed.
	local net="127.$((RANDOM % 100 + 100)).$((RANDOM % 250 + 1))"
	export HOST="$net.1" OTHER_HOST="$net.2"
	local ports
	mapfile -t ports < <(free_ports 2)
	export FIRST=${ports[0]} SECOND=${ports[1]}
	cp "$DATA/cli/dump.rdb" "$WORK/dump.rdb"
	server first "$FIRST" --dbfilename dump.rdb
	server second "$SECOND" --dbfilename second.rdb --replicaof 127.0.0.1 "$FIRST"
	until_true synced "$SECOND"
	# Quick to fail over, at rspamd's default port; slow, and with users, at Sentinel's own.
	sentinel quick "$HOST" 5000 mymaster 1000
	sentinel slow "$OTHER_HOST" 26379 other 60000 "requirepass adminpw" "user rnm on >pw +ping +sentinel|masters +sentinel|replicas"
	until_true knows_replica "$HOST" 5000 mymaster
	until_true knows_replica "$OTHER_HOST" 26379 other --user rnm --pass pw
	sed 1d "$DATA/cli/rnm.conf" >"$WORK/rules.conf"
}

teardown_file() {
	local name
	for name in quick slow first second; do stop "$name"; done
}

free_ports() { # COUNT
	python -c 'import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print("\n".join(str(s.getsockname()[1]) for s in held))' "$1"
}

server() { # NAME PORT OPTION...
	local name=$1 port=$2
	shift 2
	redis-server --bind 127.0.0.1 --port "$port" --dir "$WORK" --save '' --repl-diskless-sync-delay 0 \
		--logfile "$WORK/$name.log" "$@" 3>&- 4>&- &
	echo $! >"$WORK/$name.pid"
	disown
	until_true redis-cli -p "$port" ping
}

sentinel() { # NAME HOST PORT MASTER DOWN_AFTER_MS LINE...
	local name=$1 host=$2 port=$3 master=$4 down=$5
	shift 5
	{
		printf 'port %s\nbind %s\ndir %s\nlogfile %s\n' "$port" "$host" "$WORK" "$WORK/$name.log"
		printf 'sentinel monitor %s 127.0.0.1 %s 1\n' "$master" "$FIRST"
		printf 'sentinel down-after-milliseconds %s %s\nsentinel failover-timeout %s 4000\n' "$master" "$down" "$master"
		printf '%s\n' "$@"
	} >"$WORK/$name.conf"
	redis-server "$WORK/$name.conf" --sentinel 3>&- 4>&- &
	echo $! >"$WORK/$name.pid"
	disown
	# Else it looks at the replicas every ten seconds only.
	until_true hurry "$host" "$port" "$@"
}

stop() { # NAME [SIGNAL]
	local pid
	[ -e "$WORK/$1.pid" ] || return 0
	pid=$(cat "$WORK/$1.pid")
	rm "$WORK/$1.pid"
	kill "-${2:-TERM}" "$pid" 2>/dev/null || return 0
	for _ in $(seq 200); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -9 "$pid"
}

until_true() { # COMMAND...: within 30 s
	for _ in $(seq 300); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "never came true: $*" >&2
	return 1
}

hurry() { # HOST PORT [LINE...]
	local password=()
	[ $# -eq 2 ] || password=(-a adminpw --no-auth-warning)
	redis-cli -h "$1" -p "$2" "${password[@]}" sentinel debug info-period 200 | grep -qx OK
}
synced() { # PORT
	redis-cli -p "$1" info replication | grep -q '^master_link_status:up'
}
# knows_replica HOST PORT MASTER OPTION...: a replica whose link stands.
knows_replica() {
	local host=$1 port=$2 master=$3
	shift 3
	redis-cli -h "$host" -p "$port" --no-auth-warning "$@" sentinel replicas "$master" |
		grep -A1 '^master-link-status$' | grep -qx ok
}
is_master() { # PORT
	redis-cli -p "$1" role | head -n 1 | grep -qx master
}
quick_names() { # PORT
	redis-cli -h "$HOST" -p 5000 sentinel get-master-addr-by-name mymaster | grep -qx "$1"
}

# conf REDIS_SECTION: the recorded rules with other Redis settings, as $c.
conf() {
	c="$BATS_TEST_TMPDIR/c.conf"
	{
		echo "redis { timeout = 5s; $1 }"
		cat "$WORK/rules.conf"
	} >"$c"
}

@test "the servers come from a Sentinel; the configured ones need not work" {
	conf "servers = \"127.0.0.1:1\"; sentinels = \"$HOST\";"
	call rnm list -c "$c" -r embed --json
	expect_rc 0
	expect_no_err
	expect_json ".server == \"127.0.0.1:$FIRST\" and .role == \"master\" and .sentinel == \"$HOST:5000\""
	expect_json '.lists[0].served.version == 3'
	call rnm export -c "$c" -r embed -o "$BATS_TEST_TMPDIR/m" --json
	expect_rc 0
	expect_no_err
	expect_json ".server == \"127.0.0.1:$FIRST\" and .role == \"master\""
	call rnm list -c "$c" --all
	expect_rc 0
}

@test "Sentinels alone are enough, but rspamd wants servers" {
	conf "sentinels = \"$HOST:5000\";"
	call rnm list -c "$c" -r embed
	expect_rc 0
	expect_out "Served: version 3"
	expect_err "sentinels of the section redis stand alone, and without servers beside them rspamd finds no Redis"
	[ "$(wc -l <"$err")" -eq 1 ]
	call rnm config -c "$c" --check
	expect_out "redis.sentinels-only"
}

@test "the drop-in never asks a Sentinel, as the original" {
	conf "servers = \"127.0.0.1:$SECOND\"; sentinels = \"$HOST\";"
	call neural_export -c "$c" -r embed -s unit -o "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	expect_no_err
	conf "servers = \"127.0.0.1:1\"; sentinels = \"$HOST\";"
	call neural_export -c "$c" -r embed --list
	expect_rc 1
	expect_err "127.0.0.1:1: Connection refused"
	conf "sentinels = \"$HOST\";"
	call neural_export -c "$c" -r embed --list
	expect_rc 1
	expect_no_out
	[ "$(cat "$err")" = "cannot get Redis configuration for neural module" ] || { show; false; }
}

@test "a pattern of Lua says which masters count" {
	local pattern
	for pattern in '^mymaster$' 'ym%a+' '^[^o]'; do
		conf "sentinels = \"$HOST\"; servers = \"127.0.0.1:1\"; sentinel_masters_pattern = \"$pattern\";"
		call rnm list -c "$c" -r embed
		expect_rc 0
		expect_no_err
	done
	conf "sentinels = \"$HOST\"; servers = \"127.0.0.1:$SECOND\"; sentinel_masters_pattern = \"^other\";"
	call rnm list -c "$c" -r embed --json
	expect_rc 0
	expect_json ".server == \"127.0.0.1:$SECOND\" and .role == null and .sentinel == null"
	expect_err "note: skipped the sentinel $HOST:5000: its only master, mymaster, does not match sentinel_masters_pattern = \"^other\""
	expect_err "note: no sentinel leads to a server of use: taking the configured ones"
	conf "sentinels = \"$HOST\"; sentinel_masters_pattern = \"^other\";"
	call rnm list -c "$c" -r embed
	expect_rc 5
	expect_err "cannot connect to any redis server: sentinel $HOST:5000: its only master, mymaster, does not match"
	conf "sentinels = \"$HOST\"; sentinel_masters_pattern = \"[a\";"
	call rnm list -c "$c" -r embed
	expect_rc 5
	expect_err "expected a Lua pattern, found malformed pattern (missing ']')"
}

@test "without a port 26379 is tried, too; a Sentinel has its own user and password" {
	conf "servers = \"127.0.0.1:1\"; sentinels = \"$OTHER_HOST\"; sentinel_username = rnm; sentinel_password = pw;"
	call rnm list -c "$c" -r embed --json
	expect_rc 0
	[ "$(cat "$err")" = "rnm: note: skipped the sentinel $OTHER_HOST:5000: Connection refused" ] || { show; false; }
	expect_json ".sentinel == \"$OTHER_HOST:26379\" and .role == \"master\""
	conf "sentinels = \"$OTHER_HOST:26379\"; sentinel_password = adminpw; servers = \"127.0.0.1:1\";"
	call rnm list -c "$c" -r embed
	expect_rc 0
	expect_no_err
	# The servers' password is not the Sentinel's, nor the other way round.
	redis-cli -p "$FIRST" acl setuser few on '>secret' '~*' +@read +select +ping >/dev/null
	conf "sentinels = \"$OTHER_HOST:26379\"; sentinel_username = rnm; sentinel_password = pw; username = few; password = secret; db = 0;"
	call rnm list -c "$c" -r embed --json
	expect_rc 0
	# ROLE is not among the rights: the Sentinel is believed.
	expect_json '.role == "master"'
	redis-cli -p "$FIRST" acl deluser few >/dev/null
	conf "sentinels = \"$OTHER_HOST:26379\"; sentinel_username = rnm; sentinel_password = wrong; servers = \"127.0.0.1:$FIRST\";"
	call rnm list -c "$c" -r embed
	expect_rc 0
	expect_err "note: skipped the sentinel $OTHER_HOST:26379: AUTH was refused: WRONGPASS"
	conf "sentinels = \"$OTHER_HOST:26379\"; sentinel_username = rnm; sentinel_password = wrong;"
	call rnm list -c "$c" -r embed
	expect_rc 6
	expect_err "WRONGPASS"
	expect_err "  hint: check the options sentinel_username and sentinel_password; the servers and Sentinels are named in section redis, $c:1"
	conf "sentinels = \"$OTHER_HOST:26379\";"
	call rnm list -c "$c" -r embed
	expect_rc 6
	expect_err "SENTINEL MASTERS was refused: NOAUTH"
	expect_err "  hint: check the options sentinel_username and sentinel_password; the user needs the rights +ping +sentinel|masters +sentinel|replicas; "
	conf "sentinels = \"$OTHER_HOST:26379\"; sentinel_username = rnm;"
	call rnm list -c "$c" -r embed
	expect_rc 3
	expect_err "expected a sentinel_password beside sentinel_username, found none"
}

@test "a Redis server is no Sentinel" {
	conf "sentinels = \"127.0.0.1:$FIRST,$HOST:5000\";"
	call rnm list -c "$c" -r embed
	expect_rc 0
	expect_err "note: skipped the sentinel 127.0.0.1:$FIRST: expected a Sentinel, found another server: ERR unknown command"
}

@test "a list of Sentinels that names none, and servers that work or refuse" {
	conf "sentinels = \"::1\"; servers = \"127.0.0.1:$FIRST\";"
	call rnm list -c "$c" -r embed
	expect_rc 0
	expect_err "note: skipped the sentinel list: the list of Redis servers names no usable server: \"::1\": an IPv6 address must stand in brackets: [::1] or [::1]:5000"
	# Whom the Sentinels did not name is a server again: one that refuses the password ends the command.
	conf "sentinels = \"::1\"; servers = \"127.0.0.1:$FIRST,127.0.0.1:$SECOND\"; password = wrong;"
	call rnm list -c "$c" -r embed
	expect_rc 6
	expect_err "redis server 127.0.0.1:$FIRST: AUTH was refused"
	conf "sentinels = \"::1\";"
	call rnm list -c "$c" -r embed
	expect_rc 5
	expect_err "cannot connect to any redis server: sentinel list: the list of Redis servers names no usable server"
}

# The tests below change who is the master, one after the other.

# export_until STOP_FILE: one export after the other to $MODELS/m; a line "CODE SERVER" for each.
export_until() {
	local rc server
	while [ ! -e "$1" ]; do
		rc=0
		rnm export -c "$c" -r embed -o "$MODELS/m" --json >"$BATS_TEST_TMPDIR/one" 2>"$BATS_TEST_TMPDIR/why" || rc=$?
		server=$(jq -r .server "$BATS_TEST_TMPDIR/one")
		echo "$rc $server"
		if [ "$rc" -ne 0 ]; then
			sed 's/^/    /' "$BATS_TEST_TMPDIR/why"
			grep -q '^  hint: .*run the command again' "$BATS_TEST_TMPDIR/why" || echo "no hint"
		fi
		[ "$(ls -A "$MODELS")" = m ] || echo "left over: $(ls -A "$MODELS")"
		cmp -s "$MODELS/m" "$BATS_TEST_TMPDIR/whole" || echo "not whole"
	done
}

last_run_is() { # LINE
	[ "$(grep -E '^[0-9]' "$BATS_TEST_TMPDIR/runs" | tail -n 1)" = "$1" ]
}

# Exports while COMMAND makes PORT the master, and then from there.
exports_during() { # PORT COMMAND...
	local port=$1
	shift
	conf "servers = \"127.0.0.1:1\"; sentinels = \"$HOST\";"
	export MODELS="$BATS_TEST_TMPDIR/models" SOURCE_DATE_EPOCH=1700000000
	mkdir "$MODELS"
	rnm export -c "$c" -r embed -o "$BATS_TEST_TMPDIR/whole" >/dev/null
	cp "$BATS_TEST_TMPDIR/whole" "$MODELS/m"
	export_until "$BATS_TEST_TMPDIR/stop" >"$BATS_TEST_TMPDIR/runs" 2>&1 3>&- &
	local loop=$!
	sleep 0.3
	"$@"
	until_true is_master "$port"
	until_true quick_names "$port"
	until_true last_run_is "0 127.0.0.1:$port"
	touch "$BATS_TEST_TMPDIR/stop"
	wait "$loop"
	cat "$BATS_TEST_TMPDIR/runs"
	# Every run succeeded, or failed as a connection fails, with a hint; the file was whole all the time.
	[ "$(grep -cE '^(not whole|no hint|left over)' "$BATS_TEST_TMPDIR/runs")" -eq 0 ]
	[ "$(grep -E '^[0-9]' "$BATS_TEST_TMPDIR/runs" | grep -cvE '^(0|5|6) ')" -eq 0 ]
}

# It listens to the new master afterwards: a model there is published long before the next look.
start_watch() {
	WATCHED="$BATS_TEST_TMPDIR/watched" WATCH_CONF="$BATS_TEST_TMPDIR/watch.conf"
	conf "sentinels = \"$HOST\"; servers = \"127.0.0.1:1\";"
	mv "$c" "$WATCH_CONF"
	redis-cli -p "$SECOND" config set notify-keyspace-events Kz
	"$BIN/rnm" watch -c "$WATCH_CONF" -r embed -s watched --to "$BATS_TEST_TMPDIR/tree" --every 1h --json >"$WATCHED" 2>&1 3>&- 4>&- &
	WATCH=$!
	until_true grep '"empty"' "$WATCHED"
}
end_watch() {
	local digest
	digest=$(rnm digest -c "$WATCH_CONF" -r embed)
	python "$BATS_TEST_DIRNAME/made_model.py" "$BATS_TEST_TMPDIR/m" 64 digest="$digest" version=3 norm=zscore
	rnm import "$BATS_TEST_TMPDIR/m" -c "$WATCH_CONF" --redis "redis://127.0.0.1:$SECOND" -r embed -s watched -q
	until_true grep '"published"' "$WATCHED"
	kill "$WATCH"
	wait "$WATCH"
}

@test "a planned fail-over while exports run, and while a watch waits" {
	# It knows nothing of the other one, and would undo what that does.
	stop slow
	start_watch
	exports_during "$SECOND" redis-cli -h "$HOST" -p 5000 sentinel failover mymaster
	# The Sentinel would do the same, after eight seconds.
	redis-cli -p "$FIRST" replicaof 127.0.0.1 "$SECOND"
	redis-cli -p "$FIRST" client kill type pubsub
	end_watch
	until_true synced "$FIRST"
}

@test "a master that dies while exports run" {
	until_true knows_replica "$HOST" 5000 mymaster
	exports_during "$FIRST" stop second KILL
	# Until the Sentinel had noticed, a replica was read.
	conf "sentinels = \"$HOST\"; servers = \"127.0.0.1:1\";"
	call rnm list -c "$c" -r embed --json
	expect_rc 0
	expect_json ".server == \"127.0.0.1:$FIRST\" and .role == \"master\""
}

@test "the master is dead and nobody has taken over: a replica is read, and it is said" {
	# Nothing but our own Sentinel knows this group, and it waits a minute.
	server second "$SECOND" --dbfilename second.rdb --replicaof 127.0.0.1 "$FIRST"
	until_true synced "$SECOND"
	stop quick
	rm -f "$WORK/quick.conf"
	sentinel quick "$HOST" 5000 mymaster 60000
	until_true knows_replica "$HOST" 5000 mymaster
	stop first KILL
	conf "sentinels = \"$HOST\"; servers = \"127.0.0.1:1\";"
	call rnm export -c "$c" -r embed -o "$BATS_TEST_TMPDIR/m" --json
	expect_rc 0
	expect_json ".server == \"127.0.0.1:$SECOND\" and .role == \"replica\""
	expect_err "note: skipped the redis server 127.0.0.1:$FIRST"
	expect_err "note: reading from the replica 127.0.0.1:$SECOND, which has no link to its master and may be out of date"
}

@test "nobody is left: everyone is named, with a hint" {
	stop second KILL
	conf "sentinels = \"127.0.0.1:1,$HOST\"; servers = \"127.0.0.1:2\";"
	call rnm export -c "$c" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 5
	expect_no_out
	expect_plain_error
	expect_err "cannot connect to any redis server: sentinel 127.0.0.1:1: Connection refused; 127.0.0.1:$FIRST"
	expect_err "; 127.0.0.1:$SECOND"
	expect_err "127.0.0.1:2: Connection refused"
	expect_err "  hint: if this is a fail-over, run the command again in a moment; the servers and Sentinels are named in section redis, $c:1"
	[ ! -e "$BATS_TEST_TMPDIR/m" ]
	stop quick
	call rnm export -c "$c" -r embed -o "$BATS_TEST_TMPDIR/m"
	expect_rc 5
	expect_err "sentinel 127.0.0.1:1: Connection refused; sentinel $HOST:5000: Connection refused; sentinel $HOST:26379: Connection refused; 127.0.0.1:2: Connection refused"
}
