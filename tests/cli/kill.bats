#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Exports that are ended at random moments, for a few seconds each; RNM_KILL_SECONDS makes it more.

load helpers

setup_file() {
	common_setup_file
	export SOURCE_DATE_EPOCH=1700000000
	# Twenty megabytes on the wire and in the file.
	start_redis_with_big 20000000
}

teardown_file() {
	stop_redis
}

setup() {
	DIR="$BATS_TEST_TMPDIR/dir"
	export TMPDIR="$BATS_TEST_TMPDIR/tmp"
	mkdir "$DIR" "$TMPDIR"
}

# ended_by SIGNAL COMMAND...
ended_by() {
	local signal=$1
	shift
	python "$BATS_TEST_DIRNAME/kill_loop.py" "$signal" "${RNM_KILL_SECONDS:-2}" "$DIR" "$@"
}

@test "SIGKILL: the old file or the new one" {
	ended_by SIGKILL rnm export -c "$CONF" -r embed -s big -o "$DIR/model.rnm"
}

@test "SIGKILL with --compress" {
	ended_by SIGKILL rnm export -c "$CONF" -r embed -s big --compress -o "$DIR/model.rnm"
}

@test "SIGKILL with --all" {
	ended_by SIGKILL rnm export -c "$CONF" -r embed --all -o "$DIR"
}

@test "SIGKILL without nameless files: what is left is known and goes" {
	local without
	if [ -x "$RNM_BUILD/rnm_faults" ]; then
		without=(env RNM_FAULT=tmpfile:1+:EOPNOTSUPP "$RNM_BUILD/rnm_faults")
	else
		# They get their names through /proc.
		need_namespace
		without=("$BATS_TEST_DIRNAME/with_mount.sh" /proc size=4k rnm)
	fi
	: >"$DIR/.model.rnm.rnm-0.tmp"
	"${without[@]}" export -c "$CONF" -r embed -s unit -o "$DIR/model.rnm" >/dev/null
	expect_folder "$DIR" model.rnm
	ended_by SIGKILL "${without[@]}" export -c "$CONF" -r embed -s big -o "$DIR/model.rnm" >"$BATS_TEST_TMPDIR/counts" || {
		cat "$BATS_TEST_TMPDIR/counts"
		false
	}
	# Else there was nothing to look at.
	! grep -q "'left over': 0" "$BATS_TEST_TMPDIR/counts"
}

@test "SIGTERM, SIGINT, SIGHUP, SIGPIPE: nothing left at any moment" {
	local signal
	for signal in SIGTERM SIGINT SIGHUP SIGPIPE; do
		rm -f "$DIR"/*
		ended_by "$signal" env --default-signal=INT,HUP rnm export -c "$CONF" -r embed -s big -o "$DIR/model.rnm"
	done
	ended_by SIGTERM rnm export -c "$CONF" -r embed -s big --compress -o "$DIR/model.rnm"
}
