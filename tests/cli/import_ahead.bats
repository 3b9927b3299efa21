#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm import of a large model that is sent while it is judged: only where nobody notices an unfit one.

load helpers

M=aa5f939b29f3d241
KEY=rn_default_default_${M:0:8}

setup_file() {
	common_setup_file
	start_redis
	export CONF="$WORK/rnm.conf" LINE="$WORK/line.sock" LINE_CONF="$WORK/line.conf" USER_CONF="$WORK/user.conf"
	configure "$SOCKET" >"$CONF"
	configure "$LINE" >"$LINE_CONF"
	configure "$SOCKET" "username = u; password = p;" >"$USER_CONF"
	python "$BATS_TEST_DIRNAME/made_model.py" "$WORK/m.rnm" 46 hidden=8000 digest=$M version=3
	mkdir "$WORK/variants"
	python "$BATS_TEST_DIRNAME/large_variants.py" "$WORK/m.rnm" 8000 "$WORK/variants"
	size=$(stat -c %s "$WORK/m.rnm")
	export BAD="$WORK/variants/nan-last.rnm" SIZE=$size
}

teardown_file() {
	stop_redis
}

setup() {
	cli flushall >/dev/null
	cli config resetstat >/dev/null
	rm -f "$LINE"
}

teardown() {
	if [ -e "$BATS_TEST_TMPDIR/pid" ]; then kill "$(cat "$BATS_TEST_TMPDIR/pid")" 2>/dev/null || true; fi
	cli config set maxmemory 0 client-query-buffer-limit 1gb proto-max-bulk-len 512mb >/dev/null
}

configure() { # SOCKET [MORE]
	cat <<-END
	redis { servers = "$1"; timeout = 20; $2 }
	neural { rules { default { providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; } disable_symbols_input = true; } } }
	END
}

imports() {
	call rnm import -c "$CONF" "$@"
}

# memory NAME: a number of INFO.
memory() {
	cli info memory | sed -n "s/^$1:\([0-9]*\).*/\1/p"
}

received() {
	cli info stats | sed -n 's/^total_net_input_bytes:\([0-9]*\).*/\1/p'
}

called() { # COMMAND
	cli info commandstats | grep -q "^cmdstat_$1:"
}

expect_nothing() {
	[ "$(cli dbsize)" = 0 ] || { cli --raw keys '*'; false; }
}

expect_refused() {
	expect_rc 8
	expect_json '.id == "kann.non-finite"'
	expect_nothing
}

expect_not_sent() {
	[ "$(received)" -lt 100000 ]
	! called multi
}

# The model under version N is the good one, whole.
expect_written() {
	expect_rc 0
	cli --raw hget "${KEY}_$1" ann | head -c -1 | cmp - <(blob "$WORK/m.rnm")
	[ "$(cli hstrlen "${KEY}_$1" rnm_content)" = 64 ]
}

blob() { # MODEL
	python -c 'import msgpack, sys; sys.stdout.buffer.write(msgpack.unpackb(open(sys.argv[1], "rb").read(), raw=True)[b"ann_data"])' "$1"
}

# at_multi MODEL COMMAND...: imports the model over a line on which the command runs before MULTI arrives.
at_multi() {
	local model=$1
	shift
	/usr/bin/python3 "$BATS_TEST_DIRNAME/at_multi.py" "$LINE" "$SOCKET" "$@" 3>&- 4>&- &
	echo $! >"$BATS_TEST_TMPDIR/pid"
	for _ in $(seq 100); do [ ! -S "$LINE" ] || break; sleep 0.05; done
	call rnm import -c "$LINE_CONF" "$model" --json
}

@test "a fit model is written whole" {
	imports "$WORK/m.rnm" --json
	expect_written 3
	expect_json '.served and .sound'
	# The same model again is known by its length first, and then by what it is.
	imports "$WORK/m.rnm"
	expect_out "Nothing to do"
	# Another one of another length is not looked at before it is sent.
	[ "$(cli hstrlen ${KEY}_3 ann)" != "$(blob "$WORK/variants/huge.rnm" | wc -c)" ]
	cli config resetstat >/dev/null
	imports "$WORK/variants/huge.rnm"
	expect_rc 0
	expect_out "as version 4"
	called hstrlen
}

@test "what is wrong with the last value is seen when all the rest has been sent: the server has nothing of it" {
	local before
	before=$(memory used_memory)
	cli config resetstat >/dev/null
	imports "$BAD" --json
	expect_refused
	[ "$(received)" -gt $((SIZE - 300000)) ]
	called multi
	! called exec && ! called hset && ! called discard
	# It learns of the closed connection when it next looks.
	for _ in $(seq 200); do
		[ "$(cli client list | wc -l) $(($(memory used_memory) - before < 300000))" != "1 1" ] || break
		sleep 0.02
	done
	[ "$(cli client list | wc -l)" = 1 ]
	[ $(($(memory used_memory) - before)) -lt 300000 ]
}

@test "every kind of damage is told in the words of --dry-run, and nothing is there" {
	local file
	for file in "$WORK"/variants/*.rnm; do
		imports "$file" --json --dry-run
		[ "$rc" != 0 ] || continue
		{ jq -S 'del(.dry_run)' "$out"; cat "$err"; echo "$rc"; } >"$BATS_TEST_TMPDIR/looked"
		imports "$file" --json
		{ jq -S 'del(.dry_run)' "$out"; cat "$err"; echo "$rc"; } | diff - "$BATS_TEST_TMPDIR/looked"
		expect_nothing
	done
	! called exec
}

@test "what the file says of itself is enough to send nothing" {
	cli config resetstat >/dev/null
	imports "$WORK/variants/other-digest.rnm" --json
	expect_rc 8
	expect_json '.id == "verify.rule-digest"'
	expect_not_sent
}

@test "a server that would evict data: judged first" {
	cli set theirs value >/dev/null
	cli config set maxmemory-policy allkeys-lru >/dev/null
	cli config set maxmemory $(($(memory used_memory) + 2 * SIZE)) >/dev/null
	cli config resetstat >/dev/null
	imports "$BAD" --json
	expect_rc 8
	expect_json '.id == "kann.non-finite"'
	expect_not_sent
	[ "$(cli get theirs)" = value ]
	# With room for four it is sent, and evicts nothing either.
	cli config set maxmemory $(($(memory used_memory) + 4 * SIZE)) >/dev/null
	imports "$BAD" --json
	expect_rc 8
	called multi
	[ "$(cli get theirs)" = value ]
	imports "$WORK/m.rnm"
	expect_written 3
	[ "$(cli get theirs)" = value ]
}

@test "a server that would refuse what others write: judged first" {
	cli config set maxmemory-policy noeviction >/dev/null
	cli config set maxmemory $(($(memory used_memory) + 2 * SIZE)) >/dev/null
	cli config resetstat >/dev/null
	imports "$BAD" --json
	expect_refused
	expect_not_sent
}

@test "without the right to ask: judged first" {
	local rights="+ping +role +select +watch +unwatch +multi +exec +discard +zrevrange +hexists +hmget +exists +hset +expire +zadd"
	# shellcheck disable=SC2086
	cli acl setuser u reset on '>p' '~*' $rights >/dev/null
	cli config resetstat >/dev/null
	call rnm import -c "$USER_CONF" "$BAD" --json
	expect_refused
	expect_not_sent
	call rnm import -c "$USER_CONF" "$WORK/m.rnm"
	expect_written 3
	call rnm import -c "$USER_CONF" "$WORK/m.rnm"
	expect_out "Nothing to do"
	# With INFO, but not with HSTRLEN: the one that is served may be this one.
	cli acl setuser u +info >/dev/null
	call rnm import -c "$USER_CONF" "$WORK/m.rnm"
	expect_out "Nothing to do"
}

@test "the server takes no command of this size" {
	cli config set client-query-buffer-limit 1mb >/dev/null
	imports "$WORK/m.rnm"
	expect_rc 5
	expect_err "or it takes no command of $(blob "$WORK/m.rnm" | wc -c) bytes (its client-query-buffer-limit)"
	expect_plain_error
	expect_nothing
	# What is wrong with the model goes first, as it does where that is looked at first.
	imports "$BAD" --json
	expect_refused
	cli config set client-query-buffer-limit 1gb proto-max-bulk-len 1mb >/dev/null
	imports "$WORK/m.rnm"
	expect_rc 6
	expect_err "the server did not take the whole command: ERR Protocol error: invalid bulk length"
	imports "$BAD" --json
	expect_refused
}

@test "somebody trains: what is wrong with the model goes first" {
	cli zadd rn3_default_3_default 5 "{\"digest\":\"$M\",\"symbols\":[],\"version\":2,\"redis_key\":\"${KEY}_2\",\"providers_digest\":\"$M\"}"
	cli hset ${KEY}_2 ann x lock "$(date +%s)" hostname trainer.example
	imports "$WORK/m.rnm"
	expect_rc 8
	expect_err "trainer.example is training from ${KEY}_2 right now"
	imports "$BAD" --json
	expect_rc 8
	expect_json '.id == "kann.non-finite"'
	! called multi
}

@test "somebody adds a version meanwhile: it is sent once more" {
	at_multi "$WORK/m.rnm" redis-cli -s "$SOCKET" zadd rn3_default_3_default 5 \
		"{\"digest\":\"$M\",\"symbols\":[],\"version\":3,\"redis_key\":\"${KEY}_3\",\"providers_digest\":\"$M\"}"
	expect_written 4
	[ "$(cli exists ${KEY}_3)" = 0 ]
}

@test "the file is changed before it is sent: what is sent is what is judged" {
	cp "$WORK/m.rnm" "$BATS_TEST_TMPDIR/m.rnm"
	at_multi "$BATS_TEST_TMPDIR/m.rnm" dd if=/dev/zero of="$BATS_TEST_TMPDIR/m.rnm" bs=1 seek=700000 count=4 conv=notrunc status=none
	expect_rc 8
	expect_json '.id == "frame.corrupt"'
	expect_nothing
	kill "$(cat "$BATS_TEST_TMPDIR/pid")"
	rm "$LINE"
	cp "$WORK/m.rnm" "$BATS_TEST_TMPDIR/m.rnm"
	at_multi "$BATS_TEST_TMPDIR/m.rnm" truncate -s 1200000 "$BATS_TEST_TMPDIR/m.rnm"
	expect_rc 8
	expect_json '.id == "file.changed"'
	expect_nothing
}

@test "the connection breaks within the network, before its last byte and behind it" {
	run timeout 100 /usr/bin/python3 - "$RNM" "$LINE_CONF" "$WORK/m.rnm" "$LINE" "$SOCKET" "$BATS_TEST_DIRNAME" <<-'END'
	import subprocess, sys
	sys.dont_write_bytecode = True
	sys.path.insert(0, sys.argv[6])
	from cuts import Line
	rnm, configuration, file, listen_path, redis_path = sys.argv[1:6]
	ask = lambda *words: subprocess.run(["redis-cli", "-s", redis_path, *words], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
	command = [rnm, "import", "-c", configuration, file, "--json"]
	with Line(listen_path, redis_path, "commands") as line:
	    code, out, err, gone = line.run(command)
	    assert code == 0, err
	    head = gone.index(b"\r\nann\r\n$") + 8
	    start = gone.index(b"\r\n", head) + 2
	    end = start + int(gone[head:start])
	    for place in start + 100000, end - 1, end, end + 1:
	        ask("FLUSHALL")
	        code, out, err, _ = line.run(command, place)
	        assert code == 5 and ask("DBSIZE") == "0", (place, code, err)
	    code, out, err, _ = line.run(command)
	    assert code == 0 and ask("DBSIZE") == "2", err
	END
	echo "$output"
	[ "$status" -eq 0 ]
}
