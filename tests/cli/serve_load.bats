#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm serve under load: publications, reloads and restarts that no client notices.

load helpers

setup_file() {
	common_setup_file
	export TREE="$WORK/tree" NAME=aa5f939b29f3d241
	mkdir -p "$TREE/models"
	python "$BATS_TEST_DIRNAME/made_model.py" "$TREE/models/$NAME" 46 hidden=500 digest=$NAME
	# More than the buffers of a connection hold.
	head -c 16M /dev/urandom >"$TREE/models/big.enc"
}

# `make soak` does the same for ten minutes.
@test "models are published while wrk downloads and others check: no wrong byte, no failed request" {
	command -v wrk >/dev/null || skip "no wrk here"
	call timeout 240 "$BATS_TEST_DIRNAME/../load/run" --seconds 4 "$RNM"
	expect_rc 0
	[ "$(tail -n 1 "$out")" = "0 failed" ]
}

@test "sockets of a service manager, what it is told, and restarts that lose nothing" {
	local notified="$BATS_TEST_TMPDIR/notified" holder
	/usr/bin/python3 "$BATS_TEST_DIRNAME/serve_peer.py" notify "$BATS_TEST_TMPDIR/notify" "$notified" 3>&- 4>&- &
	holder=$!
	for _ in $(seq 200); do [ -S "$BATS_TEST_TMPDIR/notify" ] && break || sleep 0.05; done
	call timeout 240 /usr/bin/python3 "$BATS_TEST_DIRNAME/serve_restart.py" "$RNM" "$TREE" 3 "$BATS_TEST_TMPDIR/notify"
	kill $holder
	wait $holder || true
	expect_rc 0
	expect_out " answered, 0 while nobody listened"
	expect_out "0 failed"
	[ "$(grep -c '^READY=1$' "$notified")" = 7 ]
	[ "$(grep -c '^RELOADING=1$' "$notified")" = 3 ]
	[ "$(grep -c '^MONOTONIC_USEC=[0-9]*$' "$notified")" = 3 ]
	[ "$(grep -c '^STOPPING=1$' "$notified")" = 4 ]
	grep -q '^WATCHDOG=1$' "$notified"
	grep -q '^STATUS=2 models, 2 files, ' "$notified"
}

@test "without them: what has reached the old process is answered by it, and the next one takes the address at once" {
	call timeout 240 /usr/bin/python3 "$BATS_TEST_DIRNAME/serve_restart.py" "$RNM" "$TREE" 2
	expect_rc 0
	expect_out "0 failed"
}

@test "started by systemd-socket-activate when somebody asks" {
	command -v systemd-socket-activate >/dev/null || skip "systemd is not installed"
	local socket="$BATS_TEST_TMPDIR/socket" notes="$BATS_TEST_TMPDIR/notes" pid rc=0
	systemd-socket-activate -l "$socket" --fdname=public "$RNM" serve "$TREE" >/dev/null 2>"$notes" 3>&- 4>&- &
	pid=$!
	for _ in $(seq 200); do ! grep -q '^Listening on ' "$notes" || break; sleep 0.05; done
	# The first one is answered, too.
	curl -sS --max-time 60 --unix-socket "$socket" "http://h/models/$NAME" | cmp - "$TREE/models/$NAME"
	grep -qx "rnm: note: serving at unix:$socket" "$notes"
	kill "$pid"
	wait "$pid" || rc=$?
	[ "$rc" = 0 ]
}
