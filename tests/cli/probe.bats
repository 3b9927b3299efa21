#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm probe against servers that make one mistake each, and against nginx as it ought to be set up.

load helpers

DIGEST=376616275a1a984c

setup_file() {
	common_setup_file
	export SITE="$WORK/site" TOOLS="$BATS_TEST_DIRNAME" CERTS="$WORK/certs"
	mkdir "$SITE"
	python "$TOOLS/made_model.py" "$SITE/good" 64 digest=$DIGEST seed=1
	python "$TOOLS/made_model.py" "$SITE/other" 64 digest=$DIGEST seed=2
	python "$TOOLS/made_model.py" "$SITE/bare" 64 plain=1
	start_server "$SITE" 127.0.0.1 127.0.0.2
	PORT=$(cat "$SITE/port")
	export PORT
}

teardown_file() {
	stop_server "$SITE"
}

# start_server FOLDER ARGUMENT...
start_server() {
	local folder=$1
	/usr/bin/python3 "$TOOLS/odd_server.py" "$@" >"$folder/log" 2>&1 3>&- 4>&- &
	echo $! >"$folder/pid"
	for _ in $(seq 200); do
		[ ! -e "$folder/port" ] || return 0
		sleep 0.05
	done
	cat "$folder/log"
	return 1
}

stop_server() {
	kill "$(cat "$1/pid")"
	wait "$(cat "$1/pid")" 2>/dev/null || true
}

# check_cases OPTIONS: all cases with exactly these options, in one run; each must be found to be what the table says.
check_cases() {
	local dir="$BATS_TEST_TMPDIR" urls=()
	python "$TOOLS/odd_server.py" --cases | awk -F'|' -v options="$1" '$3 == options' >"$dir/cases"
	[ -s "$dir/cases" ]
	mapfile -t urls < <(sed "s|^[^|]*.\([^|]*\).*|http://127.0.0.1:$PORT\1|" "$dir/cases")
	# shellcheck disable=SC2086
	call rnm probe --pause 0 $1 --json "${urls[@]}"
	expect_no_err
	jq -r '.probes[] | [(.url | split("/")[3]), if .reached | not then 5 elif .problems + .warnings > 0 then 1 else 0 end,
		([.findings[].id] | sort | join(" "))] | join("|")' "$out" >"$dir/found"
	cut -d'|' -f 1,4,5 "$dir/cases" | diff - "$dir/found"
	expect_rc "$(cut -d'|' -f 4 "$dir/cases" | sort -n | tail -1)"
}

@test "each mistake is found, and nothing else" {
	check_cases ''
}

@test "between addresses that do not agree" {
	check_cases '--address 127.0.0.1,127.0.0.2'
	jq -e '.probes[] | select(.url | contains("/one-edge/")).findings[0].addresses == ["127.0.0.2:'"$PORT"'"]' "$out"
	check_cases '--address 127.0.0.1,127.0.0.9'
	check_cases '--address 127.0.0.9'
}

@test "larger than rspamd may take" {
	check_cases '--max-size 1000'
}

@test "servers that take their time" {
	local pids=() pid
	(check_cases '--timeout 20' >"$BATS_TEST_TMPDIR/slow" 2>&1) &
	pid=$!
	BATS_TEST_TMPDIR="$BATS_TEST_TMPDIR/quick" && mkdir "$BATS_TEST_TMPDIR"
	check_cases '--timeout 1'
	wait $pid || {
		cat "$BATS_TEST_TMPDIR/../slow"
		false
	}
}
