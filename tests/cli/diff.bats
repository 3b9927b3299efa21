#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm diff: what two models have in common.

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

# packed CODE: writes $MODEL, changed by lines of Python that see it as the dict `m`, to $BATS_TEST_TMPDIR/m.
# retrain(network, near) there gives other weights to a compressed network: close to the old ones, or others.
packed() {
	python - "$MODEL" "$BATS_TEST_TMPDIR/m" "$1" <<-'END'
	import sys, msgpack, random, struct, subprocess
	def zstd(data, *options):
	    return subprocess.run(["zstd", "-qc", *options], input=data, stdout=subprocess.PIPE, check=True).stdout
	def retrain(frame, near):
	    random.seed(1)
	    data = zstd(frame, "-d")
	    head, count = len(data) - 4 * 2178, 2177
	    old = struct.unpack("<%df" % count, data[head:head + 4 * count])
	    new = [x + random.gauss(0, 0.01) if near else random.gauss(0, 0.2) for x in old]
	    data = data[:head] + struct.pack("<%df" % count, *new) + data[head + 4 * count:]
	    open(sys.argv[2], "wb").write(data)
	    return zstd(b"", sys.argv[2])
	m = msgpack.unpackb(open(sys.argv[1], "rb").read(), raw=True)
	exec(sys.argv[3])
	open(sys.argv[2], "wb").write(msgpack.packb(m, use_bin_type=False))
	END
}

# differs VERDICT ASPECTS SENTENCE: of $MODEL and the packed one, with exit codes.
differs() {
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/m" --json
	expect_rc 0
	expect_no_err
	expect_json ".verdict == \"$1\" and (.differs | join(\" \")) == \"$2\" and (.sentence | startswith(\"$3\"))"
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	expect_no_err
	head -n 1 "$out" | grep -qF -- "$3" || { show; false; }
	call rnm diff --exit-code "$MODEL" "$BATS_TEST_TMPDIR/m"
	expect_rc 1
}

@test "the same model, packed in whatever way" {
	call rnm diff --exit-code "$MODEL" "$MODEL"
	expect_rc 0
	expect_no_err
	[ "$(head -n 1 "$out")" = "the same model: nothing that both of them say differs" ] || { show; false; }
	expect_out "weights: all 2177 are equal"
	[ "$(grep -c ' differs' "$out")" = 1 ] || { show; false; }
	zstd -qc "$MODEL" >"$BATS_TEST_TMPDIR/z"
	call rnm diff --exit-code "$MODEL" "$BATS_TEST_TMPDIR/z"
	expect_rc 0
	call rnm diff --exit-code "$MODEL" - <"$MODEL"
	expect_rc 0
	# What the original wrote knows no symbols and no names.
	call rnm diff --exit-code "$DATA/cli/files/export_unit.rnm" "$DATA/cli/files/export_unit.rnm" --json
	expect_rc 0
	call rnm diff "$DATA/cli/files/export_unit.rnm" "$MODEL" --json
	expect_json '.verdict == "other-label" and .differs == ["created_at"] and
		.unknown == ["symbols", "rule", "settings", "profile_digest", "tool"]'
}

@test "every kind of difference has its verdict" {
	packed 'm[b"model_version"] = 7; m[b"rnm"][b"rule"] = b"x"'
	differs other-label "model_version rule" "same weights, different label: version, rule"
	packed 'm[b"providers_digest"] = b"0123456789abcdef"'
	differs other-label "providers_digest" "same weights, different label: providers digest"
	packed 'm[b"roc_thresholds"] = [0.5, 0.25]; m[b"model_version"] = 2'
	differs other-thresholds "roc_thresholds model_version" "same weights, other thresholds"
	packed 'del m[b"norm_stats"]'
	differs other-processing norm_stats "same weights, other normalisation"
	packed 'm[b"norm_stats"] = {b"mode": b"zscore", b"mean": [0] * 64, b"std": [1] * 64}'
	differs other-processing norm_stats "same weights, other normalisation"
	packed 'm[b"rnm"][b"symbols"] = m[b"rnm"][b"symbols"][::-1] + [b"NEW"]'
	differs moved-symbols symbols "same weights, but other symbols: 2 moved, 1 added, 0 removed; one of the two"
	packed 'm[b"ann_data"] = retrain(m[b"ann_data"], True); m[b"model_version"] = 2'
	differs retrain "weights model_version" "B is a retrain of A: same architecture and inputs, other weights from a common start (cosine 0.9"
	packed 'm[b"ann_data"] = retrain(m[b"ann_data"], False)'
	differs retrain "weights" "B is a retrain of A: same architecture and inputs, trained anew from other initial weights"
	packed 'm[b"ann_data"] = retrain(m[b"ann_data"], True); m[b"providers_digest"] = b"0123456789abcdef"'
	differs other-inputs "weights providers_digest" "other inputs: same architecture, other weights, other providers digest"
	cp "$DATA/models/symbol_10.kann" "$BATS_TEST_TMPDIR/m"
	differs other-architecture "graph weights" "other architecture: A is embedding 64 -> 32 -> 1, layer norm, GELU, dropout 0.1, B is symbol 10 -> 11 -> 1"
	packed 'm[b"ann_data"] = m[b"ann_data"][:-40]'
	differs unreadable "" "B holds no network that can be read"
}

@test "one screen: side by side, and the tensors that have moved" {
	packed 'm[b"ann_data"] = retrain(m[b"ann_data"], True); m[b"model_version"] = 2'
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/m"
	grep -qE '^A  .*/unit.rnm: RNM1 model, [0-9.]+ KiB$' "$out" || { show; false; }
	grep -qE '^  +A +B +STATE$' "$out" || { show; false; }
	grep -qE '^  version +1 +2 +differs$' "$out" || { show; false; }
	grep -qE '^  digest +376616275a1a984c +376616275a1a984c +same$' "$out" || { show; false; }
	grep -qE '^  created +2023-11-14 22:13:20 +2023-11-14 22:13:20 +same$' "$out" || { show; false; }
	grep -qE '^  symbols +3 +3 +same$' "$out" || { show; false; }
	grep -qE '^  thresholds +-0.998971, -0.998971 +-0.998971, -0.998971 +same$' "$out" || { show; false; }
	grep -qE '^  architecture: embedding 64 -> 32 -> 1, layer norm, GELU, dropout 0.1$' "$out" || { show; false; }
	grep -qE '^  weights: 2177 of 2177 differ \(100 %\), mean \|delta\| 0\.00[0-9]+, max \|delta\| 0\.0[0-9]+, cosine 0\.9[0-9]+$' "$out" || { show; false; }
	grep -qE '^  TENSOR +SHAPE +CHANGED +MEAN \|DELTA\| +MAX \|DELTA\| +COSINE$' "$out" || { show; false; }
	grep -qE '^  dense1\.weight +32x64 +100 % ' "$out" || { show; false; }
	grep -qE '^  dropout1\.rate +scalar +0 % +0 +0 +1\.0000$' "$out" || { show; false; }
	[ "$(grep -cE '^  (dense|norm|output|dropout)[0-9]*\.' "$out")" = 7 ]
	[ "$(wc -l <"$out")" -le 30 ]
	! grep -q ' $' "$out" || { cat -A "$out"; false; }
}

@test "--json: figures per tensor, exact ones" {
	packed 'data = bytearray(zstd(m[b"ann_data"], "-d")); head = len(data) - 4 * 2178
data[head:head + 8] = struct.pack("<2f", 3.5, -1)
open(sys.argv[2], "wb").write(data); m[b"ann_data"] = zstd(b"", sys.argv[2])'
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/m" --json
	expect_json '.weights.count == 2177 and .weights.changed == 2 and .weights.max_abs > 3 and
		(.tensors | length) == 7 and .tensors[0].name == "dense1.weight" and .tensors[0].shape == [32, 64] and
		.tensors[0].changed == 2 and .tensors[0].count == 2048 and
		(.tensors[0].max_abs / 2048 <= .tensors[0].mean_abs) and (.tensors[1:] | all(.changed == 0)) and
		.tensors[6].constant and .pca == null and .norm_stats.changed == 0 and .symbols.moved == [] and
		.a.kind == "rnm1" and .a.parameters == 2177 and .a.raw_inputs == 64 and .a.problem == null and
		.b.rule == "embed" and .graph_difference == null'
}

@test "symbols: where they were and where they are" {
	packed 'm[b"rnm"][b"symbols"] = [b"A\x1b[2J"] + m[b"rnm"][b"symbols"][1:]'
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/m"
	expect_out "  symbols: 0 moved, 1 added, 1 removed (positions in A -> B, from 0)"
	grep -qE '^    added   - -> 0  A\\x1b\[2J$' "$out" || { show; false; }
	grep -qE '^    removed 0 -> -  [A-Z_0-9]+$' "$out" || { show; false; }
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/m" --json
	expect_json '.symbols.added == [{"name": "A\u001b[2J", "b": 0}] and (.symbols.removed | length) == 1 and .symbols.matter'
	packed 'm[b"rnm"][b"symbols"] = [b"S%d" % i for i in range(40)]'
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/m"
	expect_out "    added   and 32 more"
}

@test "an unfit model is compared, with its problem" {
	packed 'm[b"norm_stats"] = {b"mode": b"zscore", b"mean": [1, 2], b"std": [1, 2]}'
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	grep -qE '^problem of B: .*\[norm.length\]$' "$out" || { show; false; }
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/m" --json
	expect_json '.b.problem != null and .a.problem == null and .verdict == "other-processing"'
}

@test "a file and the model in Redis that it came from" {
	call rnm diff -c "$CONF" "$MODEL" redis:embed/unit --exit-code --json
	expect_rc 0
	expect_json '.verdict == "identical" and .unknown == ["created_at", "tool"] and .b.kind == "redis"'
	call rnm diff -c "$CONF" redis:embed/default@2 redis:embed/default@3
	expect_rc 0
	expect_out "A  redis:embed/default@2: model in Redis"
	call rnm diff -c "$CONF" "$MODEL" "$DATA/models/embedding_64.kann" --json
	expect_json '.b.kind == "network" and (.unknown | index("providers_digest")) != null'
}

@test "a text of the file that is too long for a cell is shown in part" {
	packed 'm[b"rnm"][b"rule"] = b"x" * 5000'
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	grep -Eq '^ *rule +embed +x{61}\.\.\. +differs$' "$out" || { show; false; }
}

@test "wrong calls" {
	call rnm diff
	expect_rc 2
	expect_plain_error
	call rnm diff "$MODEL"
	expect_rc 2
	expect_plain_error
	call rnm diff "$MODEL" "$MODEL" "$MODEL"
	expect_rc 2
	call rnm diff "$MODEL" "$BATS_TEST_TMPDIR/none" --json
	expect_rc 4
	expect_no_out
	expect_plain_error
	echo hello >"$BATS_TEST_TMPDIR/text"
	call rnm diff "$BATS_TEST_TMPDIR/text" "$MODEL"
	expect_rc 3
	expect_plain_error
}

@test "colours say how bad it is, on a terminal only" {
	need_terminal
	in_terminal "rnm diff '$MODEL' '$MODEL'" >"$BATS_TEST_TMPDIR/tty"
	head -n 1 "$BATS_TEST_TMPDIR/tty" | grep -q $'^\x1b\[32m' || { cat -A "$BATS_TEST_TMPDIR/tty"; false; }
	packed 'm[b"rnm"][b"symbols"] = []'
	in_terminal "rnm diff '$MODEL' '$BATS_TEST_TMPDIR/m'" | head -n 1 | grep -q $'^\x1b\[31m'
	in_terminal "rnm diff --no-color '$MODEL' '$BATS_TEST_TMPDIR/m'" >"$BATS_TEST_TMPDIR/tty"
	! grep -q $'\x1b' "$BATS_TEST_TMPDIR/tty"
}
