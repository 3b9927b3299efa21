#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm merge: the weighted mean of models.

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
	export A="$WORK/a.rnm" B="$WORK/b.rnm" C="$WORK/c.rnm"
	SOURCE_DATE_EPOCH=1700000000 rnm -q export -c "$CONF" -r embed -s unit -o "$A"
	# The same model with other weights, a version later and two versions later.
	derived "$A" "$B" 'drift(1); m[b"model_version"] = 4'
	derived "$A" "$C" 'drift(2); m[b"model_version"] = 6'
}

teardown_file() {
	stop_redis
}

# derived FROM TO CODE: a model changed by lines of Python that see it as the dict `m`.
derived() {
	python - "$1" "$2" "$3" <<-'END'
	import sys, msgpack, random, struct, subprocess
	def zstd(data, *options):
	    return subprocess.run(["zstd", "-qc", *options], input=data, stdout=subprocess.PIPE, check=True).stdout
	def network():
	    return bytearray(zstd(m[b"ann_data"], "-d"))
	def frame(data):
	    open(sys.argv[2], "wb").write(data)  # through a pipe zstd does not know the size
	    return zstd(b"", sys.argv[2])
	def set_network(data):
	    m[b"ann_data"] = frame(data)
	def drift(seed):
	    random.seed(seed)
	    data = network()
	    for at in range(len(data) - 4 * 2178, len(data) - 4, 4):
	        struct.pack_into("<f", data, at, struct.unpack_from("<f", data, at)[0] + random.gauss(0, 0.01))
	    set_network(data)
	m = msgpack.unpackb(open(sys.argv[1], "rb").read(), raw=True)
	exec(sys.argv[3])
	open(sys.argv[2], "wb").write(msgpack.packb(m, use_bin_type=False))
	END
}

# mean OUT MODEL=SHARE...: fails unless the weights of OUT are that mean; of two: rspamd's, to the bit.
mean() {
	python - "$@" <<-'END'
	import msgpack, struct, subprocess, sys
	def load(path):
	    data = open(path, "rb").read()
	    if data[:3] != b"KAN":
	        if data[:4] != b"\x28\xb5\x2f\xfd":
	            data = msgpack.unpackb(data, raw=True)[b"ann_data"]
	        data = subprocess.run(["zstd", "-dqc"], input=data, stdout=subprocess.PIPE, check=True).stdout
	    at = len(data) - 4 * 2178
	    return data[:at], struct.unpack("<2177f", data[at:-4]), data[-4:]
	def f32(x):
	    return struct.unpack("<f", struct.pack("<f", x))[0]
	merged = load(sys.argv[1])
	parts = [(load(path), float(share)) for path, share in (arg.rsplit("=", 1) for arg in sys.argv[2:])]
	assert merged[0] == parts[0][0][0] and merged[2] == parts[0][0][2]
	if len(parts) == 2:
	    alpha = f32(parts[1][1])
	    keep = f32(1 - alpha)
	    want = [f32(f32(keep * x) + f32(alpha * y)) for x, y in zip(parts[0][0][1], parts[1][0][1])]
	    assert list(merged[1]) == want
	else:
	    for i, got in enumerate(merged[1]):
	        assert abs(got - sum(share * part[1][i] for part, share in parts)) < 1e-7
	END
}

@test "two models: the formula, rspamd's weights, what is around them" {
	SOURCE_DATE_EPOCH=1700000099 call rnm merge -o "$BATS_TEST_TMPDIR/m" "$A=0.6" "$B=0.4"
	expect_rc 0
	expect_no_err
	grep -qE "^Merged 2 models into $BATS_TEST_TMPDIR/m, [0-9.]+ KiB \($(stat -c %s "$BATS_TEST_TMPDIR/m") bytes\)$" "$out" || { show; false; }
	expect_out "  formula   0.6 * $A + 0.4 * $B"
	expect_out "  computed  in single precision, as rspamd does: (1 - alpha) * $A + alpha * $B, alpha = 0.4"
	expect_out "  version   5"
	expect_out "  digest    376616275a1a984c"
	mean "$BATS_TEST_TMPDIR/m" "$A=0.6" "$B=0.4"
	call rnm inspect "$BATS_TEST_TMPDIR/m" --json
	expect_rc 0
	expect_json '.model_version == 5 and .created_at == 1700000099 and .normalisation == "unit" and
		.roc_thresholds == [-0.998971, -0.998971] and .findings == [] and .rnm.rule == "embed" and
		(.rnm.symbols | length) == 3 and .rnm.profile_digest == "aabbccdd" and
		(.rnm.merged | map([.share, .version])) == [[0.6, 1], [0.4, 4]] and
		(.rnm.merged | map(.weights | test("^[0-9a-f]{64}$")) | all)'
	# A part is found again by the hash that inspect prints.
	for part in "$A" "$B"; do rnm inspect --hash "$part"; done | awk '$2 == "weights" { print $1 }' >"$BATS_TEST_TMPDIR/hashes"
	call rnm inspect "$BATS_TEST_TMPDIR/m"
	expect_out "  merged from   0.6 of $(head -c 16 "$BATS_TEST_TMPDIR/hashes"), version 1"
	expect_out "                0.4 of $(tail -n 1 "$BATS_TEST_TMPDIR/hashes" | head -c 16), version 4"
	rnm inspect --json "$BATS_TEST_TMPDIR/m" | jq -r '.rnm.merged[].weights' | diff - "$BATS_TEST_TMPDIR/hashes"
	python "$BATS_TEST_DIRNAME/rnm1.py" show "$BATS_TEST_TMPDIR/m" | jq -e '.model_version == 5'
}

@test "the same call gives the same bytes; compressed, to standard output, dry" {
	export SOURCE_DATE_EPOCH=1700000099
	rnm merge -q -o "$BATS_TEST_TMPDIR/1" "$A=0.6" "$B=0.4"
	rnm merge -q -o - "$A=0.6" "$B=0.4" | cat >"$BATS_TEST_TMPDIR/2"
	cmp "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
	rnm merge -q -o "$BATS_TEST_TMPDIR/z" --compress "$A=3" "$B=2"
	zstd -lv "$BATS_TEST_TMPDIR/z" 2>&1 | grep -q 'Decompressed Size'
	zstd -dqc "$BATS_TEST_TMPDIR/z" | cmp - "$BATS_TEST_TMPDIR/1"
	call rnm merge --dry-run "$A=0.6" "$B=0.4"
	expect_rc 0
	expect_out "which would be"
	expect_out "($(stat -c %s "$BATS_TEST_TMPDIR/1") bytes); nothing written"
	call rnm merge -n "$A" "$B" --json
	expect_json '.status == "done" and .dry_run and .file == null and (.parts | map(.share)) == [0.5, 0.5]'
	# The report of a model on standard output goes to standard error.
	call rnm merge -o - "$A=0.6" "$B=0.4"
	cmp "$out" "$BATS_TEST_TMPDIR/1"
	expect_err "Merged 2 models into standard output"
	# An operand may be the target.
	cp "$A" "$BATS_TEST_TMPDIR/own"
	rnm merge -q -o "$BATS_TEST_TMPDIR/own" "$BATS_TEST_TMPDIR/own=0.6" "$B=0.4"
	mean "$BATS_TEST_TMPDIR/own" "$A=0.6" "$B=0.4"
}

@test "more than two, in double precision" {
	call rnm merge -o "$BATS_TEST_TMPDIR/m" "$A=0.5" "$B=0.3" "$C=0.2" --json
	expect_rc 0
	expect_json '.precision == "double" and .model_version == 7 and .base == 0'
	mean "$BATS_TEST_TMPDIR/m" "$A=0.5" "$B=0.3" "$C=0.2"
	call rnm merge -o "$BATS_TEST_TMPDIR/m" --version 12 "$A" "$B" "$C"
	expect_out "  formula   0.3333333333333333 * $A + "
	expect_out "  computed  in double precision"
	expect_out "  version   12"
}

@test "names with = in them, shares of any sum" {
	cp "$A" "$BATS_TEST_TMPDIR/x=1"
	cp "$B" "$BATS_TEST_TMPDIR/y=b"
	call rnm merge -n "$BATS_TEST_TMPDIR/x=1=3" "$BATS_TEST_TMPDIR/y=b=1" --json
	expect_rc 0
	expect_json '(.parts | map(.share)) == [0.75, 0.25] and (.parts[0].model | endswith("/x=1"))'
	call rnm merge -n "$BATS_TEST_TMPDIR/y=b" "$A" --json
	expect_json '(.parts | map(.share)) == [0.5, 0.5]'
	# Without a share behind it, the number is one.
	call rnm merge -n "$BATS_TEST_TMPDIR/x=1" "$A=1"
	expect_rc 4
	expect_err "$BATS_TEST_TMPDIR/x:"
	call rnm merge -n "$A=0.5" "$B"
	expect_rc 2
	expect_err "expected a share for every model or for none, but $B has none"
	local share
	for share in -1 inf nan; do
		call rnm merge -n "$A=$share" "$B=1"
		expect_rc 2
		expect_plain_error
	done
	call rnm merge -n "$A=0" "$B=0"
	expect_rc 2
	expect_err "sum above 0"
}

@test "thresholds that differ are left out, or kept" {
	derived "$B" "$BATS_TEST_TMPDIR/t" 'm[b"roc_thresholds"] = [0.5, 0.25]'
	call rnm merge -o "$BATS_TEST_TMPDIR/m" "$A" "$BATS_TEST_TMPDIR/t"
	expect_rc 0
	expect_out "  left out  thresholds, for the models differ; --keep MODEL takes those of one"
	rnm inspect "$BATS_TEST_TMPDIR/m" --json | jq -e '.roc_thresholds == null'
	call rnm merge -o "$BATS_TEST_TMPDIR/m" "$A" "$BATS_TEST_TMPDIR/t" --keep "$BATS_TEST_TMPDIR/t"
	expect_rc 0
	expect_out "  kept      thresholds: those of $BATS_TEST_TMPDIR/t"
	rnm inspect "$BATS_TEST_TMPDIR/m" --json | jq -e '.roc_thresholds == [0.5, 0.25]'
	# The kept model is the one that rspamd calls dst.
	mean "$BATS_TEST_TMPDIR/m" "$BATS_TEST_TMPDIR/t=0.5" "$A=0.5"
}

@test "other normalisation, PCA, symbols, constants: refused, or kept; nothing is written" {
	local change
	mkdir "$BATS_TEST_TMPDIR/folder"
	for change in 'del m[b"norm_stats"]' \
		'm[b"pca_data"] = frame(struct.pack("<4i", 2, 64 * 70, 64, 70) + b"\0\0\x80?" * 64 * 70)' \
		'm[b"rnm"][b"symbols"].reverse()' \
		'data = network(); data[-4:] = struct.pack("<f", 0.3); set_network(data)'; do
		derived "$B" "$BATS_TEST_TMPDIR/d" "$change"
		call rnm merge -o "$BATS_TEST_TMPDIR/folder/m" "$A" "$BATS_TEST_TMPDIR/d"
		expect_rc 8
		expect_plain_error
		expect_err "differ in more than their weights"
		expect_folder "$BATS_TEST_TMPDIR/folder"
		call rnm merge -n "$A" "$BATS_TEST_TMPDIR/d" --keep 1 --json
		expect_rc 0
		expect_json '(.kept | length) > 0 and .base == 0 and .dropped == []'
		call rnm merge -n "$A" "$BATS_TEST_TMPDIR/d" --keep 2 --json
		expect_rc 0
		expect_json '.base == 1'
	done
	call rnm merge -n "$A" "$B" --keep 3
	expect_rc 2
	expect_err "--keep 3 is none of the models to merge"
}

@test "other inputs and other networks" {
	derived "$B" "$BATS_TEST_TMPDIR/d" 'm[b"providers_digest"] = b"0123456789abcdef"'
	call rnm merge -n "$A" "$BATS_TEST_TMPDIR/d"
	expect_rc 8
	expect_err '"376616275a1a984c" and "0123456789abcdef"'
	call rnm merge -n "$A" "$BATS_TEST_TMPDIR/d" --keep 2
	expect_rc 8
	call rnm merge -n "$A" "$BATS_TEST_TMPDIR/d" --any-digest --json
	expect_rc 0
	expect_json '.providers_digest == "376616275a1a984c" and .kept == []'
	call rnm merge -n "$A" "$BATS_TEST_TMPDIR/d" --any-digest --keep 2 --json
	expect_json '.providers_digest == "0123456789abcdef"'
	call rnm merge -n "$A" "$DATA/models/symbol_10.kann" --keep 1 --any-digest
	expect_rc 1
	expect_err "cannot be merged: expected equal numbers of weights"
}

@test "bare networks" {
	local name
	for name in one two; do
		python -c "import msgpack, sys; sys.stdout.buffer.write(msgpack.unpackb(open(sys.argv[1], 'rb').read(), raw=True)[b'ann_data'])" \
			"$([ $name = one ] && echo "$A" || echo "$B")" >"$BATS_TEST_TMPDIR/$name.zst"
		zstd -dqc "$BATS_TEST_TMPDIR/$name.zst" >"$BATS_TEST_TMPDIR/$name"
	done
	call rnm merge -o "$BATS_TEST_TMPDIR/m" "$BATS_TEST_TMPDIR/one=0.6" "$BATS_TEST_TMPDIR/two.zst=0.4"
	expect_rc 0
	expect_out "  form      a bare network, without a container"
	[ "$(head -c 3 "$BATS_TEST_TMPDIR/m")" = KAN ]
	mean "$BATS_TEST_TMPDIR/m" "$A=0.6" "$B=0.4"
	rnm merge -q -o "$BATS_TEST_TMPDIR/raw" --raw "$A=0.6" "$B=0.4"
	cmp "$BATS_TEST_TMPDIR/m" "$BATS_TEST_TMPDIR/raw"
	rnm merge -q -o "$BATS_TEST_TMPDIR/rawz" --raw --compress "$A=0.6" "$B=0.4"
	zstd -dqc "$BATS_TEST_TMPDIR/rawz" | cmp - "$BATS_TEST_TMPDIR/m"
	# One container is enough: it says what the others do not.
	call rnm merge -o "$BATS_TEST_TMPDIR/m" "$BATS_TEST_TMPDIR/one=0.6" "$B=0.4" --json
	expect_json '.form == "rnm1" and .providers_digest == "376616275a1a984c" and .model_version == 5'
	mean "$BATS_TEST_TMPDIR/m" "$A=0.6" "$B=0.4"
	call rnm merge -n "$BATS_TEST_TMPDIR/one=0.6" "$B=0.4" --keep 1 --json
	expect_json '.form == "rnm1" and .providers_digest == "376616275a1a984c"'
}

@test "with a model in Redis" {
	call rnm merge -c "$CONF" -o "$BATS_TEST_TMPDIR/m" "$B=0.5" redis:embed/unit=0.5 --json
	expect_rc 0
	expect_json '.parts[1].model == "redis:embed/unit" and .model_version == 5'
	mean "$BATS_TEST_TMPDIR/m" "$B=0.5" "$A=0.5"
}

@test "what cannot be merged leaves the old file alone" {
	echo old >"$BATS_TEST_TMPDIR/m"
	derived "$A" "$BATS_TEST_TMPDIR/nan" 'data = network(); data[-8712:-8708] = b"\0\0\xc0\x7f"; set_network(data)'
	call rnm merge -o "$BATS_TEST_TMPDIR/m" "$A" "$BATS_TEST_TMPDIR/nan" --json
	expect_rc 8
	expect_plain_error
	expect_json '.status == "refused" and .file == null and (.problem | contains("unfit"))'
	[ "$(cat "$BATS_TEST_TMPDIR/m")" = old ]
	call rnm merge -o "$BATS_TEST_TMPDIR/m" "$A" "$BATS_TEST_TMPDIR/none"
	expect_rc 4
	[ "$(cat "$BATS_TEST_TMPDIR/m")" = old ]
	call rnm merge -o "$BATS_TEST_TMPDIR/no/folder" "$A" "$B"
	expect_rc 5
	expect_plain_error
	derived "$A" "$BATS_TEST_TMPDIR/last" 'm[b"model_version"] = 9007199254740991'
	call rnm merge -o "$BATS_TEST_TMPDIR/m" "$A" "$BATS_TEST_TMPDIR/last"
	expect_rc 8
	expect_err "--version"
	for version in 0 1.5 -3; do
		call rnm merge -o "$BATS_TEST_TMPDIR/m" "$A" "$B" --version=$version
		expect_rc 2
	done
	[ "$(cat "$BATS_TEST_TMPDIR/m")" = old ]
}

@test "two sound models whose mean says the same of every vector" {
	echo old >"$BATS_TEST_TMPDIR/m"
	derived "$A" "$BATS_TEST_TMPDIR/minus" 'data = network()
for at in range(len(data) - 4 * 2178, len(data) - 4, 4): struct.pack_into("<f", data, at, -struct.unpack_from("<f", data, at)[0])
set_network(data)'
	rnm -q verify "$BATS_TEST_TMPDIR/minus"
	call rnm merge -o "$BATS_TEST_TMPDIR/m" "$A" "$BATS_TEST_TMPDIR/minus"
	expect_rc 8
	expect_err "rnm: nothing was written, for rspamd could not use the model: expected answers that depend on the vector, found 0 for every one of 32"
	[ "$(cat "$BATS_TEST_TMPDIR/m")" = old ]
	call rnm merge --dry-run "$A" "$BATS_TEST_TMPDIR/minus" --raw
	expect_rc 8
}

@test "a mean of strangers and a model without digest: said" {
	derived "$A" "$BATS_TEST_TMPDIR/other" 'random.seed(3); data = network()
for at in range(len(data) - 4 * 2178, len(data) - 4, 4): struct.pack_into("<f", data, at, random.gauss(0, 0.1))
set_network(data)'
	call rnm merge -n "$A" "$BATS_TEST_TMPDIR/other"
	expect_rc 0
	expect_err "warning: $A and $BATS_TEST_TMPDIR/other were not trained from a common start"
	for name in 1 2; do
		derived "$A" "$BATS_TEST_TMPDIR/$name" 'del m[b"providers_digest"]'
	done
	call rnm merge -n "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
	expect_rc 0
	expect_err "warning: the merged model carries no digest"
	expect_out "  digest    none"
}

@test "wrong calls" {
	call rnm merge -o "$BATS_TEST_TMPDIR/m"
	expect_rc 2
	expect_plain_error
	call rnm merge -o "$BATS_TEST_TMPDIR/m" "$A=1"
	expect_rc 2
	expect_plain_error
	call rnm merge "$A" "$B"
	expect_rc 2
	expect_err "there is no file to write to"
	call rnm merge -o - --json "$A" "$B"
	expect_rc 2
	expect_no_out
	call rnm merge -o '' "$A" "$B"
	expect_rc 2
	call rnm merge -o /dev/stderr "$A" "$B"
	expect_rc 2
	to_closed_pipe rnm merge -o - "$A" "$B"
	[ "$rc" -eq 141 ]
	expect_folder "$BATS_TEST_TMPDIR" err out rc
}
