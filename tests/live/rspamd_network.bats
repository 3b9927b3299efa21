#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Networks go to and fro between rnm and a real rspamd: what rspamd trains is compared and merged here,
# what is merged here is loaded and evaluated there.  3.4 knows all that these networks are made of.

load ../cli/helpers

setup_file() {
	common_setup_file
	command -v rspamadm >/dev/null || skip "no rspamadm here"
	export LIVE="$BATS_TEST_DIRNAME"
	# Two trainings from one start, one from another.
	train 1 0 one
	train 2 0 two
	train 1 1 other
	python -c '
import random
random.seed(7)
for _ in range(20):
    print(*["%.6f" % (random.random() if random.random() < 0.4 else random.uniform(-2, 2)) for _ in range(12)])
' >"$WORK/vectors"
	build_score
}

train() { # SEED EARLIER NAME
	rspamadm lua -b "$LIVE/network.lua" -a train -a "$1" -a "$2" -a "$WORK/$3.kann" >/dev/null
}

# rspamd's own scores of the vectors, one a line.
rspamd_scores() { # MODEL VECTORS
	rspamadm lua -b "$LIVE/network.lua" -a score -a "$1" -a "$2"
}

# examples/score.c on the library under test, with its sanitizers where it has them.
build_score() {
	local compiler=gcc
	export SCORE="$WORK/score" ROOT="$BATS_TEST_DIRNAME/../.."
	if nm -D "$RNM_BUILD/librnm.so" | grep -q __asan; then compiler="clang -fsanitize=address,undefined"; fi
	$compiler "$ROOT/examples/score.c" -I"$ROOT/include" "$RNM_BUILD/librnm.so" -Wl,-rpath,"$RNM_BUILD" -o "$SCORE"
}

our_scores() { # MODEL VECTORS
	local line
	while read -r line; do
		# shellcheck disable=SC2086
		"$SCORE" "$1" $line
	done <"$2"
}

# same_scores MODEL VECTORS: ours and rspamd's agree within 1e-5, and are not all alike.
same_scores() {
	rspamd_scores "$1" "$2" >"$BATS_TEST_TMPDIR/theirs"
	our_scores "$1" "$2" >"$BATS_TEST_TMPDIR/ours"
	[ "$(sort -u "$BATS_TEST_TMPDIR/theirs" | wc -l)" -gt 5 ]
	paste "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours" | awk '
		{ d = $1 - $2; if (d < 0) d = -d; if (NF != 2 || !(d < 1e-5)) { print; bad = 1 } } END { exit bad }'
}

@test "a common start is told from another one" {
	call rnm diff "$WORK/one.kann" "$WORK/two.kann" --json
	expect_rc 0
	expect_json '.verdict == "retrain" and .start == "common" and .matrices.cosine > 0.5 and .weights.changed > 200'
	call rnm diff "$WORK/one.kann" "$WORK/other.kann" --json
	expect_json '.verdict == "retrain" and .start == "separate" and (.matrices.cosine | fabs) < 0.25'
}

@test "rspamd scores what it trained as rnm does" {
	same_scores "$WORK/one.kann" "$WORK/vectors"
	same_scores "$WORK/other.kann" "$WORK/vectors"
}

@test "a merge is rspamd's formula in single precision, weight by weight" {
	rnm merge -q -o "$WORK/merged.kann" "$WORK/one.kann=0.7" "$WORK/two.kann=0.3"
	python - "$WORK" <<-'END'
	import struct, sys
	def load(name):
	    data = open(sys.argv[1] + "/" + name, "rb").read()
	    return data[:341], struct.unpack("<%df" % ((len(data) - 341) // 4), data[341:])
	def f32(x):
	    return struct.unpack("<f", struct.pack("<f", x))[0]
	(head, a), (_, b), (merged_head, merged) = load("one.kann"), load("two.kann"), load("merged.kann")
	alpha = f32(0.3)
	keep = f32(1 - alpha)
	assert head == merged_head and len(a) == len(merged) == 12 * 19 + 19 + 19 + 1
	# Double is so wide that rounding its result to single is rounding once.
	assert [f32(f32(keep * x) + f32(alpha * y)) for x, y in zip(a, b)] == list(merged)
	END
	same_scores "$WORK/merged.kann" "$WORK/vectors"
}

@test "rspamd decodes a merged RNM1 file, map rnm included, and loads its network" {
	local record
	for record in one two; do
		/usr/bin/python3 "$LIVE/model_of_record.py" "$WORK/$record" "$WORK/$record.rnm" 3
	done
	rnm merge -q -o "$WORK/both.rnm" "$WORK/one.rnm=0.5" "$WORK/two.rnm=0.5"
	rspamadm lua -b "$LIVE/decode.lua" -a "$WORK/both.rnm" >"$BATS_TEST_TMPDIR/rspamd"
	/usr/bin/python3 "$LIVE/decode.py" "$WORK/both.rnm" >"$BATS_TEST_TMPDIR/python"
	diff "$BATS_TEST_TMPDIR/python" "$BATS_TEST_TMPDIR/rspamd"
	grep -q "^/model_version	number	4$" "$BATS_TEST_TMPDIR/rspamd"
	grep -q "^/rnm/merged	table	2$" "$BATS_TEST_TMPDIR/rspamd"
	grep -q "^/rnm/merged/1/share	number	0.5$" "$BATS_TEST_TMPDIR/rspamd"
	same_scores "$WORK/both.rnm" "$WORK/vectors"
}

@test "rspamd and rnm agree on recorded networks, a deeper one too" {
	local name
	for name in symbol_10 symbol_87_mult1.5 embedding_128_relu_nonorm_nodrop; do
		jq -r '.rows[] | .input | map(tostring) | join(" ")' "$DATA/models/$name.json" >"$BATS_TEST_TMPDIR/vectors"
		same_scores "$DATA/models/$name.kann" "$BATS_TEST_TMPDIR/vectors"
	done
}
