#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm serve --from-redis: models of a real Redis, exported when they are asked for.

load helpers

DIGEST=376616275a1a984c

setup_file() {
	common_setup_file
	start_recorded_redis
	# The recorded models have statistics for fewer inputs than their networks.
	local key
	for key in $(cli keys 'rn_embed_default_*'); do
		cli hset "$key" norm_stats "$(jq -nc '{mode: "zscore", mean: [range(64) | 0.25], std: [range(64) | 0.5]}')" >/dev/null
	done
}

teardown_file() {
	stop_redis
}

teardown() {
	[ -z "${PID:-}" ] || { kill -KILL "$PID" && wait "$PID"; } || true
}

start_server() {
	NOTES="$BATS_TEST_TMPDIR/notes"
	: >"$NOTES"
	TMPDIR="$BATS_TEST_TMPDIR" "$RNM" serve --from-redis -c "$CONF" -r embed --listen 0 "$@" >/dev/null 2>"$NOTES" 3>&- 4>&- &
	PID=$!
	for _ in $(seq 200); do
		PORT=$(sed -n 's|.*serving at http://127.0.0.1:||p' "$NOTES")
		[ -z "$PORT" ] || { URL="http://127.0.0.1:$PORT/models/$DIGEST"; return; }
		sleep 0.05
	done
	cat "$NOTES"
	return 1
}

stop_server() {
	kill "$PID"
	wait "$PID"
	PID=
}

@test "the model that workers serve is there at the first request, whole, and not exported again" {
	local i served
	start_server
	cli config resetstat >/dev/null
	# Many at once: one export.
	for i in 1 2 3 4 5 6; do
		curl -s -o "$BATS_TEST_TMPDIR/got.$i" "$URL" 3>&- 4>&- &
		echo $! >>"$BATS_TEST_TMPDIR/pids"
	done
	while read -r i; do wait "$i"; done <"$BATS_TEST_TMPDIR/pids"
	for i in 1 2 3 4 5 6; do cmp "$BATS_TEST_TMPDIR/got.$i" "$BATS_TEST_TMPDIR/got.1"; done
	cli info commandstats | grep -q '^cmdstat_zrevrange:calls=1,'
	served=$(rnm list -c "$CONF" -r embed --json | jq -r '.lists[0].served.version')
	call rnm inspect "$BATS_TEST_TMPDIR/got.1" --json
	[ "$(jq .model_version "$out")" = "$served" ]
	[ "$(jq -r .providers_digest "$out")" = $DIGEST ]
	call rnm verify -c "$CONF" "$BATS_TEST_TMPDIR/got.1" -r embed
	expect_rc 0
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT/models/0000000000000000")" = 404 ]
	stop_server
	# Nothing is left of the temporary folder.
	[ -z "$(find "$BATS_TEST_TMPDIR" -name 'rnm-serve-*')" ]
}

@test "rnm probe finds nothing to mend" {
	start_server
	call rnm probe --json "$URL"
	expect_rc 0
	expect_json '.probes[0] | .findings == [] and (.answers | map(.status) == [200, 200, 304, 200])'
	stop_server
}

@test "the same model is the same file, whoever exports it; a new version is offered; without Redis the last one" {
	local first second key
	start_server "$BATS_TEST_TMPDIR/cache"
	curl -s -o "$BATS_TEST_TMPDIR/first" -D "$BATS_TEST_TMPDIR/head" "$URL"
	first=$(curl -sI "$URL" | sed -n 's/^ETag: //p')
	stop_server
	rm -r "$BATS_TEST_TMPDIR/cache"
	start_server "$BATS_TEST_TMPDIR/cache"
	[ "$(curl -sI "$URL" | sed -n 's/^ETag: //p')" = "$first" ]
	# A training: another network of a higher version.
	/usr/bin/python3 "$BATS_TEST_DIRNAME/made_model.py" "$BATS_TEST_TMPDIR/new.rnm" 64 digest=$DIGEST
	call rnm import -q -c "$CONF" -r embed "$BATS_TEST_TMPDIR/new.rnm" --force --symbols @redis --json
	expect_rc 0
	for _ in $(seq 40); do
		second=$(curl -sI "$URL" | sed -n 's/^ETag: //p')
		[ "$second" = "$first" ] || break
		sleep 0.5
	done
	[ "$second" != "$first" ]
	# Redis goes away: nobody notices.
	stop_redis
	sleep 2.2
	[ "$(curl -sI "$URL" | sed -n 's/^ETag: //p')" = "$second" ]
	grep -q "^rnm: .*cannot\|^rnm: .*connect" "$NOTES"
	stop_server
	# Nor after a restart, when the folder has stayed.
	start_server "$BATS_TEST_TMPDIR/cache"
	[ "$(curl -sI "$URL" | sed -n 's/^ETag: //p')" = "$second" ]
	stop_server
	# With nothing at all it is 503, which says that it may come back.
	start_server
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$URL")" = 503 ]
	stop_server
}

@test "wrong usage" {
	call rnm serve --from-redis -c "$CONF" -r nosuch --listen 0
	[ "$rc" -ne 0 ]
	expect_plain_error
	call rnm serve "$BATS_TEST_TMPDIR" -r embed
	expect_rc 2
	expect_plain_error
	printf 'redis { servers = "%s"; } neural { rules { } }\n' "$SOCKET" >"$BATS_TEST_TMPDIR/none.conf"
	call rnm serve --from-redis -c "$BATS_TEST_TMPDIR/none.conf" --listen 0
	expect_rc 4
	expect_plain_error
}
