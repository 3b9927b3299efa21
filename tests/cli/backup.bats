#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm backup: what it writes, and what it removes.

load helpers

setup_file() {
	common_setup_file
	cp "$DATA/cli/dump.rdb" "$WORK/dump.rdb"
	start_redis
	sed "s|@REDIS@|$SOCKET|" "$DATA/cli/rnm.conf" >"$WORK/rnm.conf"
	export CONF="$WORK/rnm.conf"
}

teardown_file() {
	stop_redis
}

setup() {
	DIR="$BATS_TEST_TMPDIR/dir"
}

manifest() {
	ls "$DIR"/manifest-*.json | tail -1
}

# Inode and time of every object.
objects() {
	stat -c '%n %i %Y' "$DIR"/objects/*
}

# A model of its own in database 1: model KEY SIZE [FIELD VALUE]...
model() {
	head -c "$2" /dev/urandom >"$BATS_TEST_TMPDIR/blob"
	cli -n 1 -x hset "$1" ann <"$BATS_TEST_TMPDIR/blob" >/dev/null
	cli -n 1 zadd rn3_r_3_default 5 "{\"digest\":\"d\",\"symbols\":[],\"version\":1,\"redis_key\":\"$1\"}" >/dev/null
	[ $# -le 2 ] || cli -n 1 hset "$1" "${@:3}" >/dev/null
}

# The same without a configuration, in database 1.
backup_1() {
	call env CONFDIR=/nonexistent rnm backup --redis "unix://$SOCKET?db=1" -o "$DIR" "$@"
}

@test "a folder is made, and holds what the manifest names" {
	local name
	call rnm backup -c "$CONF" --all -o "$DIR" --json
	expect_rc 0
	expect_no_err
	expect_json '.status == "done" and .problem == null and .dry_run == false and .problems == []'
	expect_json '.models == 32 and (.sets | length) == 28 and ([.sets[].models] | add) == 32'
	expect_json '.generations == 1 and .removed_generations == 0 and .new_objects == 1 and .new_bytes == 8344'
	[ "$(jq -r .manifest "$out")" = "$(manifest)" ]
	[ "$(jq -r '.format, .version, .complete, .with_training' "$(manifest)" | tr '\n' ' ')" = "rnm-backup 2 true false " ]
	[ "$(head -c -84 "$(manifest)" | b2sum -l 256 | cut -d' ' -f1)" = "$(jq -r .blake2b "$(manifest)")" ]
	for name in $(ls "$DIR/objects"); do
		[ "$(b2sum -l 256 "$DIR/objects/$name" | cut -d' ' -f1)" = "$name" ]
	done
	[ "$(jq -r '[.sets | .. | .blake2b? // empty] | unique[]' "$(manifest)")" = "$(ls "$DIR/objects")" ]
	# As Redis has it: the network by its hash, a short field by its text, the profile byte for byte.
	[ "$(cli --raw hget rn_embed_default_aabbccdd_3 ann | head -c -1 | b2sum -l 256 | cut -d' ' -f1)" = \
		"$(jq -r '.sets[] | select(.settings == "default" and .rule == "embed").models[] | select(.version == "3").fields[] | select(.name == "ann").blake2b' "$(manifest)")" ]
	[ "$(cli --raw hget rn_embed_default_aabbccdd_3 roc_thresholds)" = \
		"$(jq -r '.sets[] | select(.settings == "default" and .rule == "embed").models[] | select(.version == "3").fields[] | select(.name == "roc_thresholds").text' "$(manifest)")" ]
	[ "$(cli --raw zrevrange rn3_embed_3_default 0 0)" = \
		"$(jq -r '.sets[] | select(.settings == "default" and .rule == "embed").models[] | select(.version == "3").profiles[0].text' "$(manifest)")" ]
}

@test "a second run adds a manifest and writes no value again" {
	local before
	call rnm backup -c "$CONF" --all -o "$DIR"
	expect_rc 0
	before=$(objects)
	call rnm backup -c "$CONF" --all -o "$DIR" --json
	expect_rc 0
	expect_json '.new_objects == 0 and .new_bytes == 0 and .objects == 29 and .generations == 2'
	[ "$(objects)" = "$before" ]
	[ "$(ls "$DIR"/manifest-*.json | wc -l)" -eq 2 ]
	jq -se '(map(del(.created_at, .blake2b)) | unique | length) == 1' "$DIR"/manifest-*.json
}

@test "one rule and settings id; a table for people" {
	call rnm backup -c "$CONF" -r embed -o "$DIR"
	expect_rc 0
	expect_out "embed  default"
	expect_out "2 models saved, 16.9 KiB, of which written 8.1 KiB"
	expect_out "$(manifest)"
	[ "$(jq -r '.sets[] | .rule + "/" + .settings' "$(manifest)")" = embed/default ]
	# All members are there, also that of a model whose network is gone.
	[ "$(jq '[.sets[0].models[].profiles[]] | length' "$(manifest)")" -eq "$(cli zcard rn3_embed_3_default)" ]
	call rnm backup -c "$CONF" --all -r embed -s unit -o "$DIR" --json
	expect_rc 0
	expect_json '[.sets[].settings] == ["unit"]'
}

@test "--dry-run reads everything and writes nothing" {
	call rnm backup -c "$CONF" --all --dry-run -o "$DIR" --json
	expect_rc 0
	expect_json '.dry_run and .models == 32 and .manifest == null'
	[ ! -e "$DIR" ]
	call rnm backup -c "$CONF" -r embed --dry-run -o "$DIR"
	expect_rc 0
	expect_out "2 models checked"
	[ ! -e "$DIR" ]
}

@test "--keep: the newest stay, and what only older ones named goes" {
	local first
	cli -n 1 flushdb >/dev/null
	model rn_r_default_d_1 5000
	backup_1 -r r
	expect_rc 0
	first=$(ls "$DIR/objects")
	model rn_r_default_d_1 6000
	backup_1 -r r --keep 2 --json
	expect_rc 0
	expect_json '.generations == 2 and .removed_generations == 0 and .removed_objects == 0'
	[ "$(ls "$DIR/objects" | wc -l)" -eq 2 ]
	backup_1 -r r --keep 2 --json
	expect_rc 0
	expect_json '.generations == 2 and .removed_generations == 1 and .removed_objects == 1 and .new_objects == 0'
	[ ! -e "$DIR/objects/$first" ]
	[ "$(ls "$DIR/objects" | wc -l)" -eq 1 ]
	backup_1 -r r --keep 1
	expect_rc 0
	expect_out "2 older backups removed"
	[ "$(ls "$DIR"/manifest-*.json | wc -l)" -eq 1 ]
	# What is no part of a backup is nobody's business.
	touch "$DIR/notes.txt" "$DIR/objects/notes.txt"
	backup_1 -r r --keep 1
	[ -e "$DIR/notes.txt" ] && [ -e "$DIR/objects/notes.txt" ]
}

@test "a damaged object is noticed and written again" {
	local object
	cli -n 1 flushdb >/dev/null
	model rn_r_default_d_1 50000
	backup_1 -r r
	expect_rc 0
	object=$(ls "$DIR"/objects/*)
	printf '!' | dd of="$object" bs=1 seek=777 conv=notrunc status=none
	backup_1 -r r --json
	expect_rc 0
	expect_json '.new_objects == 1'
	cmp "$object" "$BATS_TEST_TMPDIR/blob"
}

@test "without a live model there is no backup, and none is removed" {
	cli -n 1 flushdb >/dev/null
	model rn_r_default_d_1 5000
	backup_1 -r r
	expect_rc 0
	cli -n 1 flushdb >/dev/null
	backup_1 -r r --keep 1
	expect_rc 4
	expect_plain_error
	expect_err "there is no live model to save, and no backup was made"
	[ "$(ls "$DIR"/manifest-*.json | wc -l)" -eq 1 ]
	backup_1 --all --keep 1 --json
	expect_rc 4
	expect_json '.status == "not-found" and .sets == [] and .manifest == null'
}

@test "what Redis refuses is named with command and user" {
	local command
	for command in hkeys hmget hlen pttl; do
		cli acl setuser saver on '>pw' '~*' +@all "-$command" >/dev/null
		sed "s|servers = \"$SOCKET\";|& username = \"saver\"; password = \"pw\";|" "$CONF" >"$BATS_TEST_TMPDIR/c.conf"
		call rnm backup -c "$BATS_TEST_TMPDIR/c.conf" -r embed -o "$DIR"
		expect_rc 6
		expect_plain_error
		expect_err "Redis refused ${command^^}"
		expect_err "ACL SETUSER saver +$command"
	done
	cli acl deluser saver >/dev/null
	expect_folder "$DIR" objects
}

@test "an incomplete backup keeps the others, says so and removes no older one" {
	call rnm backup -c "$CONF" --all -o "$DIR"
	expect_rc 0
	cli acl setuser half on '>pw' '~rn3_*' '~rn_embed_default*' '~rn_embed_tie*' +@all >/dev/null
	sed "s|servers = \"$SOCKET\";|& username = \"half\"; password = \"pw\";|" "$CONF" >"$BATS_TEST_TMPDIR/c.conf"
	call rnm backup -c "$BATS_TEST_TMPDIR/c.conf" --all --keep 1 -o "$DIR" --json
	cli acl deluser half >/dev/null
	expect_rc 6
	expect_err "rule embed, settings unit: cannot read rn_embed_unit_aabbccdd_1: Redis refused HEXISTS: NOPERM"
	expect_err "warning: the backup is not complete, so that no older one was removed"
	expect_json '.generations == 2 and .removed_generations == 0 and ([.sets[] | select(.status == "done").settings] | sort) == ["default", "tie"]'
	[ "$(jq .complete "$(manifest)")" = false ]
}

@test "two at once: the second is refused" {
	mkdir "$DIR"
	call flock "$DIR" rnm backup -c "$CONF" -r embed -o "$DIR"
	expect_rc 8
	expect_plain_error
	expect_err "another process works in the backup folder"
	call rnm backup -c "$CONF" -r embed -o "$DIR"
	expect_rc 0
}

@test "folders that cannot be" {
	call rnm backup -c "$CONF" -r embed -o "$BATS_TEST_TMPDIR/no/such"
	expect_rc 5
	expect_plain_error
	expect_err "No such file or directory"
	touch "$BATS_TEST_TMPDIR/file"
	call rnm backup -c "$CONF" -r embed -o "$BATS_TEST_TMPDIR/file"
	expect_rc 5
	expect_plain_error
	[ "$(id -u)" -ne 0 ] || return 0
	mkdir "$DIR"
	chmod a-w "$DIR"
	call rnm backup -c "$CONF" -r embed -o "$DIR"
	expect_rc 5
	expect_plain_error
	expect_err "Permission denied"
}

@test "names and values of any bytes" {
	local name
	cli -n 1 flushdb >/dev/null
	model rn_r_default_d_1 5000 plain "text" "$(printf 'n\377')" "$(printf '\001\377\002')" empty ""
	printf 'a\0b' >"$BATS_TEST_TMPDIR/nul"
	cli -n 1 -x hset rn_r_default_d_1 nul <"$BATS_TEST_TMPDIR/nul" >/dev/null
	backup_1 -r r
	expect_rc 0
	jq -e '.sets[0].models[0].fields | (map(select(.name == "plain").text) == ["text"]) and
		(map(select(.name == {hex: "6eff"}).hex) == ["01ff02"]) and (map(select(.name == "empty").text) == [""]) and
		(map(select(.name == "nul").hex) == ["610062"])' "$(manifest)"
}

@test "a hash that is no model does not fill the folder" {
	cli -n 1 flushdb >/dev/null
	model rn_r_default_d_1 5000
	cli -n 1 eval 'for i = 1, 1025 do redis.call("HSET", KEYS[1], "f" .. i, i) end' 1 rn_r_default_d_1 >/dev/null
	backup_1 -r r
	expect_rc 3
	expect_plain_error
	expect_err "expected a hash of at most 1024 fields, found 1026"
}

# stopped SIGNAL: a backup that gets it in the middle of a network; the exit code in $rc.
stopped() {
	rm -f "$BATS_TEST_TMPDIR"/p.sock*
	/usr/bin/python3 "$BATS_TEST_DIRNAME/cut_proxy.py" "$BATS_TEST_TMPDIR/p.sock" "$SOCKET" 1000000 stall 3>&- &
	for _ in $(seq 100); do [ ! -S "$BATS_TEST_TMPDIR/p.sock" ] || break; sleep 0.05; done
	CONFDIR=/nonexistent rnm backup --redis "unix://$BATS_TEST_TMPDIR/p.sock?db=1" -r r -o "$DIR" \
		>"$BATS_TEST_TMPDIR/o" 2>"$BATS_TEST_TMPDIR/e" 3>&- &
	for _ in $(seq 100); do [ ! -e "$BATS_TEST_TMPDIR/p.sock.cut" ] || break; sleep 0.02; done
	kill "-$1" $!
	rc=0
	wait $! || rc=$?
}

@test "stopped half-way: no manifest, no half an object, and the next run goes on" {
	cli -n 1 flushdb >/dev/null
	model rn_r_default_d_1 3000000
	stopped TERM
	[ "$rc" -eq 143 ]
	expect_folder "$DIR" objects
	expect_folder "$DIR/objects"
	stopped KILL
	[ "$rc" -eq 137 ]
	expect_folder "$DIR" objects
	[ -z "$(find "$DIR/objects" -type f ! -name '.*')" ]
	backup_1 -r r
	expect_rc 0
	[ "$(ls "$DIR/objects" | wc -l)" -eq 1 ]
}

@test "wrong usage" {
	call rnm backup -c "$CONF" --all
	expect_rc 2
	expect_plain_error
	expect_err "-o DIR"
	local n
	for n in 0 -1 1.5 x nan 1e9; do
		call rnm backup -c "$CONF" --all -o "$DIR" --keep "$n"
		expect_rc 2
		expect_plain_error
	done
	call rnm backup -c "$CONF" -r nosuch -o "$DIR"
	expect_rc 4
	expect_plain_error
	[ ! -e "$DIR" ]
}
