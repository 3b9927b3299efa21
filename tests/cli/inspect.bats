#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm inspect: what is in a model file, and what keeps rspamd from using it.

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
	export MODEL="$WORK/unit.rnm"
	SOURCE_DATE_EPOCH=1700000000 rnm -q export -c "$CONF" -r embed -s unit -o "$MODEL"
}

teardown_file() {
	stop_redis
}

# packed CODE: writes the model, changed by lines of Python that see it as the dict `m`, to $BATS_TEST_TMPDIR/m.
packed() {
	python - "$MODEL" "$BATS_TEST_TMPDIR/m" "$1" <<-'END'
	import sys, msgpack
	m = msgpack.unpackb(open(sys.argv[1], "rb").read(), raw=True)
	exec(sys.argv[3])
	open(sys.argv[2], "wb").write(msgpack.packb(m, use_bin_type=False))
	END
}

@test "a model on one screen" {
	call rnm inspect "$MODEL"
	expect_rc 0
	expect_no_err
	[ "$(head -n 1 "$out")" = "$MODEL: RNM1 model, $(rnm inspect "$MODEL" | head -n 1 | sed 's/.*, //')" ]
	grep -qE '^  version +1$' "$out" || { show; false; }
	grep -qE '^  digest +376616275a1a984c$' "$out" || { show; false; }
	grep -qE '^  created +2023-11-14 22:13:20$' "$out" || { show; false; }
	grep -qE '^  rule +embed$' "$out" || { show; false; }
	grep -qE '^  settings +unit$' "$out" || { show; false; }
	grep -qE '^  written by +rnm [0-9.]+$' "$out" || { show; false; }
	grep -qE '^  network +[0-9.]+ [KM]?i?B compressed, [0-9.]+ [KM]?i?B expanded$' "$out" || { show; false; }
	grep -qE '^  architecture +[0-9a-z]' "$out" || { show; false; }
	grep -qE '^  parameters +[0-9]+$' "$out" || { show; false; }
	grep -qE '^  normalisation +unit$' "$out" || { show; false; }
	grep -qE '^  thresholds +spam above [0-9.-]+, ham below [0-9.-]+$' "$out" || { show; false; }
	[ "$(wc -l <"$out")" -le 24 ]
}

@test "--json agrees with what another reader finds" {
	call rnm inspect "$MODEL" --json
	expect_rc 0
	python "$BATS_TEST_DIRNAME/rnm1.py" show "$MODEL" >"$BATS_TEST_TMPDIR/want.json"
	jq -e --slurpfile want "$BATS_TEST_TMPDIR/want.json" '$want[0] as $w |
		.model_version == $w.model_version and .providers_digest == $w.providers_digest and
		.created_at == 1700000000 and .ann_size == $w.ann_data.bytes and .ann_expanded > .ann_size / 2 and
		.normalisation == $w.norm_stats.mode and .rnm == $w.rnm and .compressed == false and
		(.architecture | length > 0) and .parameters > 0 and .inputs > 0 and (.findings | type == "array")' "$out" ||
		{ show; cat "$BATS_TEST_TMPDIR/want.json"; false; }
	expect_json ".file == \"$MODEL\" and .file_size == $(stat -c %s "$MODEL")"
}

@test "standard input, also through a pipe; a file compressed as a whole" {
	call rnm inspect --json - <"$MODEL"
	expect_rc 0
	expect_json '.file == "-" and .model_version == 1'
	cat "$MODEL" | rnm inspect - --json | jq -e '.model_version == 1 and .compressed == false'
	zstd -qc "$MODEL" | rnm inspect - --json | jq -e '.model_version == 1 and .compressed == true'
}

@test "no file, an absent one, one that is no model" {
	call rnm inspect
	expect_rc 2
	expect_plain_error
	call rnm inspect "$BATS_TEST_TMPDIR/none"
	expect_rc 4
	expect_no_out
	expect_plain_error
	echo 'neural { }' >"$BATS_TEST_TMPDIR/no-model"
	call rnm inspect "$BATS_TEST_TMPDIR/no-model"
	expect_rc 3
	expect_no_out
	expect_plain_error
	: >"$BATS_TEST_TMPDIR/empty"
	call rnm inspect "$BATS_TEST_TMPDIR/empty" --json
	expect_rc 3
	expect_no_out
	head -c 500 "$MODEL" >"$BATS_TEST_TMPDIR/cut"
	call rnm inspect "$BATS_TEST_TMPDIR/cut"
	expect_rc 3
	expect_plain_error
}

@test "a damaged network: shown, a problem, exit 1" {
	packed 'm[b"ann_data"] = m[b"ann_data"][:-40]'
	call rnm inspect "$BATS_TEST_TMPDIR/m"
	expect_rc 1
	expect_out "damaged"
	grep -qE '^problem: .* \[[a-z.-]+\]$' "$out" || { show; false; }
	call rnm inspect "$BATS_TEST_TMPDIR/m" --json
	expect_rc 1
	expect_json '.architecture == null and .ann_expanded == 0 and .model_version == 1 and
		(.findings | map(select(.severity == "error")) | length == 1)'
}

@test "versions are exact" {
	packed 'm[b"model_version"] = 9007199254740992'
	call rnm inspect "$BATS_TEST_TMPDIR/m"
	grep -qE '^  version +9007199254740992$' "$out" || { show; false; }
	call rnm inspect "$BATS_TEST_TMPDIR/m" --json
	grep -qF '"model_version":9007199254740992,' "$out" || { show; false; }
}

@test "control characters of a file cannot move the cursor" {
	packed 'm[b"rnm"][b"rule"] = b"a\x1b[2Jb\xc2\x9bc\x7f\x00"; m[b"rnm"][b"settings"] = b""; m[b"rnm"][b"\x1b]0;x\x07"] = b"\x9b2J"'
	call rnm inspect "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	expect_out 'a\x1b[2Jb\xc2\x9bc\x7f\x00'
	grep -qE "^  settings +''$" "$out" || { show; false; }
	! grep -qaP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$out" || { show; false; }
	call rnm inspect "$BATS_TEST_TMPDIR/m" --json
	expect_rc 0
	expect_json '.rnm.rule == "a\u001b[2Jb\u009bc\u007f\u0000"'
	! grep -qaP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$out" || { show; false; }
}
