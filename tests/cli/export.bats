#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm export: files that are whole or not there.

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
}

teardown_file() {
	stop_redis
}

setup() {
	DIR="$BATS_TEST_TMPDIR/dir"
	mkdir "$DIR"
}

decoded() {
	python "$BATS_TEST_DIRNAME/rnm1.py" show "$1"
}

@test "a model becomes a file that holds what Redis holds" {
	call rnm export -c "$CONF" -r embed -o "$DIR/m.rnm"
	expect_rc 0
	expect_out "Exported version 3 of rule embed, settings default, from rn_embed_default_aabbccdd_3"
	expect_folder "$DIR" m.rnm
	decoded "$DIR/m.rnm" >"$BATS_TEST_TMPDIR/m.json"
	decoded "$DATA/cli/files/export_default.rnm" >"$BATS_TEST_TMPDIR/want.json"
	jq -e --slurpfile want "$BATS_TEST_TMPDIR/want.json" '. as $m | $want[0] | del(.created_at) |
		if .roc_thresholds == [] then del(.roc_thresholds) else . end |
		to_entries | all($m[.key] == .value)' "$BATS_TEST_TMPDIR/m.json"
	jq -e '.rnm | type == "object"' "$BATS_TEST_TMPDIR/m.json"
}

@test "--json describes the file" {
	call rnm export -c "$CONF" -r embed -o "$DIR/m.rnm" --json --hash
	expect_rc 0
	expect_json ".rule == \"embed\" and .settings == \"default\" and .status == \"done\" and .version == 3 and
		.key == \"rn_embed_default_aabbccdd_3\" and .file == \"$DIR/m.rnm\" and .dry_run == false and
		.file_size == $(stat -c %s "$DIR/m.rnm") and .providers_digest == \"376616275a1a984c\" and .problem == null"
	[ "$(jq -r .blake2b "$out")" = "$(b2sum -l 256 "$DIR/m.rnm" | cut -d ' ' -f 1)" ]
	call rnm export -c "$CONF" -r embed -o "$DIR/m.rnm" --json
	expect_json '.blake2b == null'
}

@test "--json describes a failure too, beside the message" {
	call rnm export -c "$CONF" -r embed -s other_digest -o "$DIR/m.rnm" --json
	expect_rc 8
	expect_plain_error
	expect_json '.rule == "embed" and .settings == "other_digest" and .status == "refused" and .version == null and
		.file == null and (.problem | contains("0123456789abcdef")) and (has("file_size") | not)'
	call rnm export -c "$CONF" -r embed -s garbage_ann -o "$DIR/m.rnm" --json
	expect_rc 3
	expect_plain_error
	expect_json '.status == "malformed" and .version == 1 and (.key | startswith("rn_embed_")) and .file == null'
	call rnm export -c "$CONF" -r embd -s x -o "$DIR/m.rnm" --json
	expect_rc 4
	expect_json '.rule == "embd" and .settings == "x" and .status == "not-found" and (.problem | length > 0)'
	call rnm export -c /nonexistent.conf -o "$DIR/m.rnm" --json
	expect_rc 4
	expect_plain_error
	expect_json '.rule == "default" and .status == "not-found"'
	expect_folder "$DIR"
}

@test "versions are exact integers" {
	local profile='{"digest":"d","symbols":[],"redis_key":"rn_embed_default_aabbccdd_3","version":%s,"providers_digest":"376616275a1a984c"}'
	cli zadd rn3_embed_3_big 1 "$(printf "$profile" 9007199254740991)" >/dev/null
	call rnm export -c "$CONF" -r embed -s big --dry-run
	expect_rc 0
	expect_out "Checked version 9007199254740991 of rule embed"
	call rnm export -c "$CONF" -r embed -s big --dry-run --json
	grep -qF '"version":9007199254740991,' "$out" || { show; false; }
	call rnm export -c "$CONF" --all -r embed -s big -o "$DIR"
	expect_folder "$DIR" embed_big_9007199254740991.rnm
	cli del rn3_embed_3_big >/dev/null
}

@test "a served model is the highest version; --newest and -v choose others" {
	call rnm export -c "$CONF" -r embed -s version_vs_time -o "$DIR/a" --json
	expect_json '.version == 5'
	call rnm export -c "$CONF" -r embed -s version_vs_time -o "$DIR/a" --newest --json
	expect_json '.version == 4'
	call rnm export -c "$CONF" -r embed -s default -v 2 -o "$DIR/a" --json
	expect_json '.version == 2'
	call rnm export -c "$CONF" -r embed -s default -v 77 -o "$DIR/b"
	expect_rc 4
	expect_plain_error
	expect_err 77
	call rnm export -c "$CONF" -r embed -s default -v -1 -o "$DIR/b"
	expect_rc 4
	local number
	for number in nan -nan inf -inf 1e999; do
		call rnm export -c "$CONF" -r embed --version="$number" -o "$DIR/b"
		expect_rc 2
		expect_plain_error
		expect_err "'$number' is not a number"
	done
	expect_folder "$DIR" a
}

@test "-o -: the model on stdout, the report on stderr" {
	call rnm export -c "$CONF" -r embed -o -
	expect_rc 0
	expect_err "Exported version 3"
	decoded "$out" | jq -e '.model_version == 3'
	call rnm -q export -c "$CONF" -r embed -o -
	expect_no_err
	call rnm export -c "$CONF" -r embed -o - --json
	expect_rc 2
	expect_no_out
}

@test "--compress writes one zstd frame with the same content" {
	SOURCE_DATE_EPOCH=1700000000 call rnm export -c "$CONF" -r embed -o "$DIR/plain"
	SOURCE_DATE_EPOCH=1700000000 call rnm export -c "$CONF" -r embed -o "$DIR/packed" --compress
	expect_rc 0
	zstd -dc <"$DIR/packed" | cmp - "$DIR/plain"
}

@test "SOURCE_DATE_EPOCH makes files reproducible; a bad one is refused" {
	SOURCE_DATE_EPOCH=1700000000 call rnm export -c "$CONF" -r embed -o "$DIR/a"
	SOURCE_DATE_EPOCH=1700000000 call rnm export -c "$CONF" -r embed -o "$DIR/b"
	cmp "$DIR/a" "$DIR/b"
	decoded "$DIR/a" | jq -e '.created_at == 1700000000'
	local epoch
	for epoch in yesterday -1 +1 ' 1' '1 ' 1.5 0x10 9223372036854775808 99999999999999999999; do
		SOURCE_DATE_EPOCH=$epoch call rnm export -c "$CONF" -r embed -o "$DIR/c"
		expect_rc 2
		expect_plain_error
		expect_err "SOURCE_DATE_EPOCH is '$epoch'"
		expect_err "hint: SOURCE_DATE_EPOCH="
	done
	expect_folder "$DIR" a b
}

@test "--dry-run checks and writes nothing" {
	call rnm export -c "$CONF" -r embed --dry-run
	expect_rc 0
	expect_out "Checked version 3"
	grep -qE '^  file +would be [0-9.]+ KiB \([0-9]+ bytes\); nothing written$' "$out" || { show; false; }
	! grep -q ' $' "$out" || { show; false; }
	call rnm export -c "$CONF" -r embed --dry-run -o "$DIR/m" --json
	expect_rc 0
	expect_json '.dry_run == true'
	expect_folder "$DIR"
	call rnm export -c "$CONF" -r embed -s garbage_ann --dry-run
	expect_rc 3
}

@test "without -o: exit 2 and what to type" {
	call rnm export -c "$CONF" -r embed
	expect_rc 2
	expect_plain_error
	expect_err "-o FILE"
	call rnm export -c "$CONF" --all
	expect_rc 2
	expect_err "--all -o FOLDER"
	call rnm export -c "$CONF" --all -o -
	expect_rc 2
	call rnm export -c "$CONF" -r embed -o ''
	expect_rc 2
	expect_plain_error
	expect_err "empty"
}

@test "a model of another digest is refused; --any-digest takes it as what it says it is" {
	call rnm export -c "$CONF" -r embed -s other_digest -o "$DIR/m"
	expect_rc 8
	expect_plain_error
	expect_err 0123456789abcdef
	expect_err 376616275a1a984c
	expect_err --any-digest
	expect_folder "$DIR"
	call rnm export -c "$CONF" -r embed -s other_digest -o "$DIR/m" --any-digest
	expect_rc 0
	decoded "$DIR/m" | jq -e '.providers_digest == "0123456789abcdef"'
}

@test "a rule without providers is refused" {
	call rnm export -c "$CONF" -r symbolic -o "$DIR/m"
	expect_rc 8
	expect_plain_error
	expect_err providers
	expect_folder "$DIR"
}

@test "--redis without a configuration wants --any-digest" {
	CONFDIR=/nonexistent call rnm export --redis "unix://$SOCKET" -r embed -o "$DIR/m"
	expect_rc 8
	expect_plain_error
	expect_err --any-digest
	CONFDIR=/nonexistent call rnm export --redis "unix://$SOCKET" -r embed -o "$DIR/m" --any-digest
	expect_rc 0
	decoded "$DIR/m" | jq -e '.providers_digest == "376616275a1a984c" and .model_version == 3'
}

@test "bad blobs: exit 3, one sentence, nothing written, the old file whole" {
	local settings
	for settings in empty_ann garbage_ann bad_norm; do
		echo old >"$DIR/m"
		call rnm export -c "$CONF" -r embed -s "$settings" -o "$DIR/m"
		expect_rc 3
		expect_no_out
		expect_plain_error
		expect_folder "$DIR" m
		[ "$(cat "$DIR/m")" = old ]
	done
}

@test "a truncated network, and one with something behind it" {
	cli zadd rn3_embed_3_cut 1 '{"digest":"d","symbols":[],"redis_key":"cut","version":1,"providers_digest":"376616275a1a984c"}' >/dev/null
	cli --no-auth-warning eval 'local a = redis.call("HGET", KEYS[1], "ann")
		redis.call("HSET", KEYS[2], "ann", string.sub(a, 1, ARGV[1]) .. ARGV[2])' 2 rn_embed_default_aabbccdd_3 cut 4000 '' >/dev/null
	call rnm export -c "$CONF" -r embed -s cut -o "$DIR/m"
	expect_rc 3
	expect_plain_error
	cli eval 'local a = redis.call("HGET", KEYS[1], "ann")
		redis.call("HSET", KEYS[2], "ann", a .. "more")' 2 rn_embed_default_aabbccdd_3 cut >/dev/null
	call rnm export -c "$CONF" -r embed -s cut -o "$DIR/m"
	expect_rc 3
	expect_plain_error
	expect_folder "$DIR"
}

@test "outputs that cannot be written" {
	call rnm export -c "$CONF" -r embed -o "$DIR/none/m"
	expect_rc 5
	expect_plain_error
	expect_err "No such file or directory"
	call rnm export -c "$CONF" -r embed -o "$DIR"
	expect_rc 5
	expect_plain_error
	expect_err "Is a directory"
	call rnm export -c "$CONF" -r embed -o /dev/full
	expect_rc 5
	expect_plain_error
	expect_err "No space left on device"
	rc=0
	rnm export -c "$CONF" -r embed -o - >/dev/full 2>"$BATS_TEST_TMPDIR/err" || rc=$?
	[ "$rc" -eq 5 ]
	if [ "$(id -u)" -ne 0 ]; then
		chmod a-w "$DIR"
		call rnm export -c "$CONF" -r embed -o "$DIR/m"
		expect_rc 5
		expect_err "Permission denied"
	fi
	expect_folder "$DIR"
}

@test "a disk that fills up: nothing half written, the old file whole" {
	echo old >"$DIR/m"
	rc=0
	(
		ulimit -f 4
		rnm export -c "$CONF" -r embed -o "$DIR/m"
	) >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || rc=$?
	[ "$rc" -eq 5 ]
	grep -q "File too large" "$BATS_TEST_TMPDIR/err"
	expect_folder "$DIR" m
	[ "$(cat "$DIR/m")" = old ]
}

# interrupted SIGNAL COMMAND...: sends the signal while Redis lets the command wait.
interrupted() {
	local signal=$1 pid
	shift
	sed 's|servers = \(.*\);|servers = \1; timeout = 20;|' "$CONF" >"$BATS_TEST_TMPDIR/slow.conf"
	cli client pause 1500 all >/dev/null
	rc=0
	"$@" -c "$BATS_TEST_TMPDIR/slow.conf" -r embed -o "$DIR/m" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	sleep 0.4
	kill -s "$signal" "$pid"
	wait "$pid" || rc=$?
	cli ping >/dev/null # returns when the pause is over
	out="$BATS_TEST_TMPDIR/out" err="$BATS_TEST_TMPDIR/err"
}

@test "SIGTERM: exit 143, nothing left behind" {
	echo old >"$DIR/m"
	interrupted TERM rnm export
	expect_rc 143
	expect_err interrupted
	expect_folder "$DIR" m
	[ "$(cat "$DIR/m")" = old ]
}

@test "Ctrl-C: exit 130, also for the drop-in" {
	# A shell's background job ignores SIGINT; env gives it back.
	interrupted INT env --default-signal=INT rnm export
	expect_rc 130
	interrupted INT env --default-signal=INT neural_export
	expect_rc 130
	expect_folder "$DIR"
}

# through_cut_line BYTES stall|close: a line to Redis that breaks there, and its configuration.
through_cut_line() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/cut_proxy.py" "$BATS_TEST_TMPDIR/cut.sock" "$SOCKET" "$1" "$2" 3>&- &
	proxy=$!
	for _ in $(seq 100); do
		[ -S "$BATS_TEST_TMPDIR/cut.sock" ] && break
		sleep 0.05
	done
	sed "1s|.*|redis { servers = \"$BATS_TEST_TMPDIR/cut.sock\"; timeout = 20; }|" "$CONF" >"$BATS_TEST_TMPDIR/cut.conf"
}

@test "Ctrl-C in the middle of the network: nothing half written" {
	local proxy pid
	echo old >"$DIR/m"
	through_cut_line 5000 stall
	out="$BATS_TEST_TMPDIR/out" err="$BATS_TEST_TMPDIR/err" rc=0
	env --default-signal=INT rnm export -c "$BATS_TEST_TMPDIR/cut.conf" -r embed -o "$DIR/m" >"$out" 2>"$err" 3>&- &
	pid=$!
	for _ in $(seq 100); do
		[ -e "$BATS_TEST_TMPDIR/cut.sock.cut" ] && break
		sleep 0.05
	done
	[ -e "$BATS_TEST_TMPDIR/cut.sock.cut" ]
	sleep 0.2
	kill -s INT "$pid"
	wait "$pid" || rc=$?
	wait "$proxy"
	expect_rc 130
	expect_no_out
	expect_err interrupted
	expect_folder "$DIR" m
	[ "$(cat "$DIR/m")" = old ]
}

@test "a connection that is closed in the middle of the network" {
	local proxy
	echo old >"$DIR/m"
	through_cut_line 5000 close
	call rnm export -c "$BATS_TEST_TMPDIR/cut.conf" -r embed -o "$DIR/m"
	wait "$proxy"
	expect_rc 5
	expect_no_out
	expect_plain_error
	expect_folder "$DIR" m
	[ "$(cat "$DIR/m")" = old ]
}

@test "locked and obsolete models are pointed out" {
	cli hset rn_embed_unit_aabbccdd_1 lock 1700000000 obsolete 1 >/dev/null
	call rnm export -c "$CONF" -r embed -s unit -o "$DIR/m"
	cli hdel rn_embed_unit_aabbccdd_1 lock obsolete >/dev/null
	expect_rc 0
	expect_err "warning: "
	expect_err "obsolete"
}

@test "empty names are seen" {
	cli zadd rn3_embed_3_ 1 '{"digest":"d","symbols":[],"redis_key":"rn_embed_default_aabbccdd_3","version":1,"providers_digest":"376616275a1a984c"}' >/dev/null
	call rnm export -c "$CONF" -r embed -s '' --dry-run
	expect_out "of rule embed, settings '', from"
	call rnm list -c "$CONF" -r embed -s ''
	expect_out "rule embed, settings '' ("
	cli del rn3_embed_3_ >/dev/null
}

@test "what a model has besides its network" {
	call rnm export -c "$CONF" -r embed -s default -o "$DIR/m"
	expect_out "  also has  norm_stats roc_thresholds"
	call rnm export -c "$CONF" -r embed -s empty_fields -o "$DIR/m"
	expect_rc 0
	! grep -qE 'also has| $' "$out" || { show; false; }
}
