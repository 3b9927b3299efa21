#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where a model goes when it does not go into a file of its own, and what a terminal shows meanwhile.

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
}

teardown_file() {
	stop_redis
}

is_model() {
	python "$BATS_TEST_DIRNAME/rnm1.py" show "$1" | jq -e '.model_version == 3'
}

@test "-o with another name of stdout is -o -: the model alone, in the file of the redirection" {
	local path file="$BATS_TEST_TMPDIR/f" inode
	: >"$file"
	inode=$(stat -c %i "$file")
	for path in - /dev/stdout /dev/fd/1 /proc/self/fd/1 /proc/thread-self/fd/1 "$file" "$BATS_TEST_TMPDIR/../$(basename "$BATS_TEST_TMPDIR")/f"; do
		rnm export -c "$CONF" -r embed -o "$path" >"$file" 2>"$BATS_TEST_TMPDIR/err"
		[ "$(stat -c %i "$file")" = "$inode" ]
		is_model "$file"
		grep -qF "Exported version 3" "$BATS_TEST_TMPDIR/err"
	done
	rnm export -c "$CONF" -r embed -o /dev/stdout 2>/dev/null | cat >"$BATS_TEST_TMPDIR/piped"
	cmp "$file" "$BATS_TEST_TMPDIR/piped" || is_model "$BATS_TEST_TMPDIR/piped"
	call rnm export -c "$CONF" -r embed -o /dev/stdout --json
	expect_rc 2
	expect_no_out
	expect_err "-o /dev/stdout and --json both want standard output"
	call rnm export -c "$CONF" --all -o /dev/stdout
	expect_rc 2
	expect_no_out
}

@test "-o that is standard error: exit 2" {
	local path
	for path in /dev/stderr /dev/fd/2 /proc/self/fd/2 "$BATS_TEST_TMPDIR/err"; do
		call rnm export -c "$CONF" -r embed -o "$path"
		expect_rc 2
		expect_no_out
		expect_plain_error
	done
}

@test "/dev/null takes the model and the messages" {
	rnm export -c "$CONF" -r embed -o /dev/null --json >/dev/null 2>/dev/null
	rnm export -c "$CONF" -r embed -o /dev/null >/dev/null 2>&1
	neural_export -c "$CONF" -r embed -o /dev/null >/dev/null 2>&1
	[ -c /dev/null ]
}

@test "a model for a pipe that nobody reads any more: silent, exit 141" {
	to_closed_pipe rnm export -c "$CONF" -r embed -o -
	expect_rc 141
	expect_no_err
	to_closed_pipe neural_export -c "$CONF" -r embed -o /dev/stdout
	expect_rc 141
	[ "$(tail -n 1 "$err")" = "Loading model from key: rn_embed_default_aabbccdd_3 (version 3)" ] || { show; false; }
}

@test "a full device: the first reason, exit 5" {
	local rc=0
	rnm list -c "$CONF" --all --json >/dev/full 2>"$BATS_TEST_TMPDIR/err" || rc=$?
	[ "$rc" -eq 5 ]
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = "rnm: cannot write to standard output: No space left on device" ]
	rc=0
	neural_export -c "$CONF" -r embed --list >/dev/full 2>"$BATS_TEST_TMPDIR/err" || rc=$?
	[ "$rc" -eq 1 ]
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = "rnm: cannot write to standard output: No space left on device" ]
}

@test "a terminal is no place for a model" {
	need_terminal
	in_terminal "rnm export -c '$CONF' -r embed -o -" | grep -qF "is not written to a terminal"
	in_terminal "rnm export -c '$CONF' -r embed -o /dev/stdout" | grep -qF "is not written to a terminal"
}

# slow_export OPTION...: over a line that pauses for a second in the middle of the network; what a terminal saw.
slow_export() {
	local listen="$BATS_TEST_TMPDIR/slow$#.sock"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/cut_proxy.py" "$listen" "$SOCKET" 5000 pause 3>&- &
	local proxy=$!
	for _ in $(seq 100); do
		[ -S "$listen" ] && break
		sleep 0.05
	done
	sed "1s|.*|redis { servers = \"$listen\"; timeout = 20; }|" "$CONF" >"$BATS_TEST_TMPDIR/slow.conf"
	in_terminal "rnm $* export -c '$BATS_TEST_TMPDIR/slow.conf' -r embed -o '$BATS_TEST_TMPDIR/m'" >"$BATS_TEST_TMPDIR/seen"
	wait "$proxy"
	is_model "$BATS_TEST_TMPDIR/m"
}

@test "progress on a terminal, gone at the end; none with -q" {
	need_terminal
	local escape
	escape=$(printf '\033')
	slow_export
	tr '\r' '\n' <"$BATS_TEST_TMPDIR/seen" >"$BATS_TEST_TMPDIR/lines"
	grep -qE "^exporting: [0-9]+% of [0-9.]+ KiB$escape\[K$" "$BATS_TEST_TMPDIR/lines" || { cat -v "$BATS_TEST_TMPDIR/lines"; false; }
	# The line is wiped before the report.
	grep -qE "^$escape\[KExported version 3 " "$BATS_TEST_TMPDIR/lines" || { cat -v "$BATS_TEST_TMPDIR/lines"; false; }
	slow_export -q
	[ ! -s "$BATS_TEST_TMPDIR/seen" ] || { cat -v "$BATS_TEST_TMPDIR/seen"; false; }
}

@test "no progress where stderr is no terminal" {
	local proxy listen="$BATS_TEST_TMPDIR/slow.sock"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/cut_proxy.py" "$listen" "$SOCKET" 5000 pause 3>&- &
	proxy=$!
	for _ in $(seq 100); do
		[ -S "$listen" ] && break
		sleep 0.05
	done
	sed "1s|.*|redis { servers = \"$listen\"; timeout = 20; }|" "$CONF" >"$BATS_TEST_TMPDIR/slow.conf"
	call rnm export -c "$BATS_TEST_TMPDIR/slow.conf" -r embed -o "$BATS_TEST_TMPDIR/m"
	wait "$proxy"
	expect_rc 0
	expect_no_err
}
