#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm import of models too large to be held: the same judgement, the same bytes, little memory.

load helpers

M=aa5f939b29f3d241
KEY=rn_default_default_${M:0:8}

setup_file() {
	common_setup_file
	start_redis
	export CONF="$WORK/rnm.conf" LINE="$WORK/line.sock" LINE_CONF="$WORK/line.conf"
	configure "$SOCKET" >"$CONF"
	configure "$LINE" >"$LINE_CONF"
	made "$WORK/m.rnm" 46 hidden=8000 digest=$M version=3
	mkdir "$WORK/variants"
	python "$BATS_TEST_DIRNAME/large_variants.py" "$WORK/m.rnm" 8000 "$WORK/variants"
}

teardown_file() {
	stop_redis
}

setup() {
	cli flushall >/dev/null
	cli config resetstat >/dev/null
	rm -f "$LINE"
}

# A server that would evict data if it took the network in: what is wrong with that one has to be known before.
near_limit() {
	cli config set maxmemory-policy allkeys-lru >/dev/null
	cli config set maxmemory $(($(cli info memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p') + 3500000)) >/dev/null
}

teardown() {
	cli config set maxmemory 0 >/dev/null
	if [ -e "$BATS_TEST_TMPDIR/pid" ]; then kill "$(cat "$BATS_TEST_TMPDIR/pid")" 2>/dev/null || true; fi
}

made() {
	python "$BATS_TEST_DIRNAME/made_model.py" "$@"
}

configure() { # SOCKET
	cat <<-END
	redis { servers = "$1"; timeout = 20; }
	neural { rules {
	  default { providers = [ { type = "metatokens"; } ]; fusion { include_meta = false; } disable_symbols_input = true; }
	  wide { providers = [ { type = "llm"; model = "m"; dim = 4096; } ]; fusion { include_meta = false; } disable_symbols_input = true; }
	} }
	END
}

imports() {
	call rnm import -c "$CONF" "$@"
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

# Nothing was written, nor sent to be written.
expect_untouched() {
	[ "$(cli dbsize)" = 0 ]
	[ -z "$(cli info commandstats | grep -E '^cmdstat_(multi|hset|zadd):')" ]
}

@test "what is written is what the file holds" {
	imports "$WORK/m.rnm"
	expect_rc 0
	expect_no_err
	cli --raw hget ${KEY}_3 ann | head -c -1 | cmp - <(python -c 'import msgpack, sys; sys.stdout.buffer.write(msgpack.unpackb(open(sys.argv[1], "rb").read(), raw=True)[b"ann_data"])' "$WORK/m.rnm")
	imports "$WORK/m.rnm"
	expect_rc 0
	expect_out "Nothing to do"
	# One that comes through a pipe is held, and is the same model.
	imports - < <(cat "$WORK/m.rnm")
	expect_rc 0
	expect_out "Nothing to do"
	# So is the one that comes out again, and is another file.
	rnm export -q -c "$CONF" -o "$BATS_TEST_TMPDIR/again.rnm"
	imports "$BATS_TEST_TMPDIR/again.rnm"
	expect_out "Nothing to do"
}

@test "a second version beside the first" {
	imports "$WORK/m.rnm"
	imports "$WORK/variants/zscore.rnm"
	expect_rc 0
	expect_out "as version 4"
	[ "$(cli hstrlen ${KEY}_4 ann)" = "$(cli hstrlen ${KEY}_3 ann)" ]
	cli hget ${KEY}_4 norm_stats | jq -e '.mode == "zscore" and (.mean | length) == 46'
}

# Whether a file passes by or is held as a whole, the same is said about it, from the first byte to the last.
@test "every kind of damage is told in the same words" {
	local file name
	for file in "$WORK"/m.rnm "$WORK"/variants/*.rnm; do
		name=$(basename "$file" .rnm)
		imports "$file" --dry-run --json
		jq -S 'del(.model, .commands, .bytes)' "$out" | sed "s#$file#MODEL#g" >"$BATS_TEST_TMPDIR/passing"
		echo "$rc" >>"$BATS_TEST_TMPDIR/passing"
		sed "s#$file#MODEL#g" "$err" >>"$BATS_TEST_TMPDIR/passing"
		imports - --dry-run --json < <(cat "$file")
		jq -S 'del(.model, .commands, .bytes)' "$out" | sed "s#/dev/stdin#MODEL#g" >"$BATS_TEST_TMPDIR/held"
		echo "$rc" >>"$BATS_TEST_TMPDIR/held"
		sed "s#/dev/stdin#MODEL#g" "$err" >>"$BATS_TEST_TMPDIR/held"
		diff "$BATS_TEST_TMPDIR/passing" "$BATS_TEST_TMPDIR/held" || { echo "$name"; return 1; }
		case $name in
		m | blob-first | zscore | decoy | huge) [ "$rc" = 0 ] || { show; echo "$name"; return 1; } ;;
		*) [ "$rc" != 0 ] || { show; echo "$name"; return 1; } ;;
		esac
	done
}

@test "near maxmemory: what is wrong with the last value is seen before anything is sent" {
	near_limit
	imports "$WORK/variants/nan-last.rnm" --json
	expect_rc 8
	expect_json '.id == "kann.non-finite"'
	expect_untouched
	imports "$WORK/variants/damaged-end.rnm" --json
	expect_rc 8
	expect_json '.id | startswith("frame.")'
	expect_untouched
}

@test "the file is changed between check and sending: nothing is written" {
	near_limit
	cp "$WORK/m.rnm" "$BATS_TEST_TMPDIR/m.rnm"
	at_multi "$BATS_TEST_TMPDIR/m.rnm" dd if=/dev/zero of="$BATS_TEST_TMPDIR/m.rnm" bs=1 seek=700000 count=4 conv=notrunc status=none
	expect_rc 8
	expect_json '.id == "file.changed"'
	[ "$(cli dbsize)" = 0 ]
	# The connection still works: what was queued was given up.
	cli info commandstats | grep -q '^cmdstat_discard:calls=1,'
}

@test "the file is cut between check and sending: nothing is written" {
	near_limit
	cp "$WORK/m.rnm" "$BATS_TEST_TMPDIR/m.rnm"
	at_multi "$BATS_TEST_TMPDIR/m.rnm" truncate -s 1200000 "$BATS_TEST_TMPDIR/m.rnm"
	expect_rc 8
	expect_json '.id == "file.changed"'
	[ "$(cli dbsize)" = 0 ]
}

@test "the file is replaced between check and sending: the one that was checked is written" {
	near_limit
	cp "$WORK/m.rnm" "$BATS_TEST_TMPDIR/m.rnm"
	at_multi "$BATS_TEST_TMPDIR/m.rnm" mv "$WORK/variants/nan-last.rnm" "$BATS_TEST_TMPDIR/m.rnm"
	mv "$BATS_TEST_TMPDIR/m.rnm" "$WORK/variants/nan-last.rnm"
	expect_rc 0
	[ "$(cli hstrlen ${KEY}_3 ann)" -gt 1300000 ]
}

@test "memory does not grow with the network" {
	! grep -q __asan_init "$RNM" || skip "a sanitizer's memory is not the program's own"
	digest=$(rnm -q digest -c "$CONF" -r wide | grep -o '[0-9a-f]\{16\}')
	made "$BATS_TEST_TMPDIR/wide.rnm" 4096 hidden=4000 "digest=$digest"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/wide.rnm")" -gt 40000000 ]
	python - "$RNM" import -q -c "$CONF" -r wide "$BATS_TEST_TMPDIR/wide.rnm" <<-'END'
	import resource, subprocess, sys
	subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
	peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
	print(f"{peak} KiB")
	sys.exit(peak >= 16 * 1024)
	END
	[ "$(cli zcard rn3_wide_3_default)" = 1 ]
}
