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

@test "both senses of the thresholds" {
	packed 'm[b"roc_thresholds"] = [0.25, -0.5]'
	call rnm inspect "$BATS_TEST_TMPDIR/m"
	grep -qE '^  thresholds +spam above 0.25, ham below -0.5$' "$out" || { show; false; }
	grep -qE '^ +in rspamd with roc_enabled: spam from 0.25 up, ham from 0 down$' "$out" || { show; false; }
	call rnm inspect "$BATS_TEST_TMPDIR/m" --json
	expect_json '.roc_thresholds == [0.25, -0.5] and .effective_thresholds == {spam_from: 0.25, ham_to: 0.0}'
	packed 'm[b"roc_thresholds"] = [-0.25, 0.5]'
	call rnm inspect "$BATS_TEST_TMPDIR/m"
	grep -qE '^ +in rspamd with roc_enabled: spam above 0, ham from -0.5 down$' "$out" || { show; false; }
}

@test "statistics agree with another reader of the weights; dead units" {
	call rnm inspect "$DATA/models/embedding_64.kann" --json
	expect_rc 0
	python - "$DATA/models/embedding_64.kann" "$out" <<-'END'
	import json, math, struct, sys
	data = open(sys.argv[1], "rb").read()
	floats = struct.unpack("<%df" % ((len(data) - 578) // 4), data[578:])
	at = 0
	for tensor in json.load(open(sys.argv[2]))["tensors"]:
	    values = floats[at:at + tensor["count"]]
	    at += tensor["count"]
	    mean = sum(values) / len(values)
	    std = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))
	    assert tensor["min"] == min(values) and tensor["max"] == max(values), tensor
	    assert abs(tensor["mean"] - mean) < 1e-9 and abs(tensor["std"] - std) < 1e-9, tensor
	    assert tensor["zeros"] == sum(v == 0 for v in values) and tensor["non_finite"] == 0, tensor
	    assert tensor["units"] == (tensor["dims"][0] if len(tensor["dims"]) == 2 else 0), tensor
	    assert tensor["dead_units"] == 0, tensor
	assert at == len(floats)
	# The weights into unit 2 become 0, and so does NaN's neighbour: a figure is still a number.
	damaged = bytearray(data)
	damaged[578 + 4 * 128:578 + 4 * 192] = bytes(4 * 64)
	damaged[578:582] = struct.pack("<f", float("inf"))
	open(sys.argv[2] + ".dead", "wb").write(damaged)
	END
	call rnm inspect "$out.dead" --json
	expect_rc 1
	expect_json '.tensors[0] | .dead_units == 1 and .units == 32 and .zeros == 64 and .non_finite == 1 and .max < 1'
	call rnm inspect "$DATA/models/embedding_64.kann"
	grep -qE '^  dense1.weight +32 x 64 ' "$out" || { show; false; }
	! grep -q 'dense1.bias' "$out" || { show; false; }
	call rnm inspect --tensors "$DATA/models/embedding_64.kann"
	grep -qE '^  dense1.bias +32 ' "$out" || { show; false; }
	grep -qE '^  dropout1.rate +scalar ' "$out" || { show; false; }
}

@test "--hash: of the weights alone, the documented bytes" {
	local kann="$DATA/models/embedding_64.kann"
	call rnm inspect --hash "$kann"
	expect_rc 0
	python - "$kann" "$out" <<-'END'
	import hashlib, struct, sys
	data = open(sys.argv[1], "rb").read()[578:]
	b2 = lambda b: hashlib.blake2b(b, digest_size=32)
	shapes = [("dense1.weight", (32, 64)), ("dense1.bias", (32,)), ("norm1.gamma", (32,)), ("norm1.beta", (32,)),
	          ("output.weight", (1, 32)), ("output.bias", (1,)), ("dropout1.rate", ())]
	lines, all_of_them = [], hashlib.blake2b(b"rnm-weights-1", digest_size=32)
	for name, dims in shapes:
	    size = 4
	    for d in dims:
	        size *= d
	    one = b2(b"rnm-tensor-1" + struct.pack("<I%dI" % len(dims), len(dims), *dims) + data[:size])
	    data = data[size:]
	    lines.append(one.hexdigest() + "  " + name)
	    if name != "dropout1.rate":
	        all_of_them.update(one.digest())
	assert open(sys.argv[2]).read().splitlines() == [all_of_them.hexdigest() + "  weights"] + lines
	END
	# The same weights in a container, in a compressed one, exported again at another time.
	local hash
	hash=$(rnm inspect --hash "$MODEL" | head -n 1)
	zstd -qc "$MODEL" >"$BATS_TEST_TMPDIR/z"
	[ "$(rnm inspect --hash "$BATS_TEST_TMPDIR/z" | head -n 1)" = "$hash" ]
	SOURCE_DATE_EPOCH=1 rnm -q export -c "$CONF" -r embed -s unit -o "$BATS_TEST_TMPDIR/again"
	! cmp -s "$MODEL" "$BATS_TEST_TMPDIR/again"
	[ "$(rnm inspect --hash "$BATS_TEST_TMPDIR/again" | head -n 1)" = "$hash" ]
	[ "$(rnm inspect --json --hash -c "$CONF" redis:embed/unit | jq -r .weights_hash)" = "${hash%% *}" ]
	[ "$(rnm inspect --json "$MODEL" | jq -r .weights_hash)" = null ]
	# One bit of one weight, and it is another.
	python - "$kann" "$BATS_TEST_TMPDIR/bit" <<-'END'
	import sys
	data = bytearray(open(sys.argv[1], "rb").read())
	data[578] ^= 1
	open(sys.argv[2], "wb").write(data)
	END
	[ "$(rnm inspect --hash "$BATS_TEST_TMPDIR/bit" | cut -d ' ' -f 1 | sort -u | wc -l)" = 8 ]
	[ "$(rnm inspect --hash "$BATS_TEST_TMPDIR/bit" "$kann" 2>/dev/null | wc -l)" = 0 ]
	[ "$(diff <(rnm inspect --hash "$BATS_TEST_TMPDIR/bit") <(rnm inspect --hash "$kann") | grep -c '^>')" = 2 ]
}

@test "a drawing: well-formed whatever the names, written as a whole file" {
	call rnm inspect "$MODEL" --svg -o "$BATS_TEST_TMPDIR/m.svg"
	expect_rc 0
	expect_no_out
	xmllint --noout "$BATS_TEST_TMPDIR/m.svg"
	[ "$(xmllint --xpath 'count(//*[local-name()="g"])' "$BATS_TEST_TMPDIR/m.svg")" = 5 ]
	grep -q 'prefers-color-scheme:dark' "$BATS_TEST_TMPDIR/m.svg"
	local name="$BATS_TEST_TMPDIR/<a & \"b\">]]>.kann"
	for model in embedding_600 ops_tanh_sigm symbol_87_mult1.5; do
		cp "$DATA/models/$model.kann" "$name"
		rnm inspect "$name" --svg | xmllint --noout -
	done
	[ "$(rnm inspect "$name" --svg | xmllint --xpath 'string(//*[local-name()="title"])' -)" = '<a & "b">]]>.kann' ]
	mkdir "$BATS_TEST_TMPDIR/folder"
	call rnm inspect "$MODEL" --svg -o "$BATS_TEST_TMPDIR/folder/a.svg"
	expect_folder "$BATS_TEST_TMPDIR/folder" a.svg
	call rnm inspect "$MODEL" --svg -o "$BATS_TEST_TMPDIR/none/a.svg"
	expect_rc 5
	expect_plain_error
	call rnm inspect "$MODEL" --svg --dot
	expect_rc 2
	call rnm inspect "$MODEL" --svg -o ''
	expect_rc 2
}

@test "the graph, as Graphviz reads it" {
	call rnm inspect "$DATA/models/embedding_64.kann" --dot
	expect_rc 0
	dot -Tplain "$out" >"$BATS_TEST_TMPDIR/plain"
	[ "$(grep -c '^node ' "$BATS_TEST_TMPDIR/plain")" = 21 ]
	# As many edges as operands: 12 of two, 2 of one, by the layout of one hidden layer.
	[ "$(grep -c '^edge ' "$BATS_TEST_TMPDIR/plain")" = "$(grep -c -- '->' "$out")" ]
	grep -q '"norm1.gamma' "$out"
	cp "$DATA/models/symbol_10.kann" "$BATS_TEST_TMPDIR/a\"\\ }.kann"
	rnm inspect "$BATS_TEST_TMPDIR/a\"\\ }.kann" --dot | dot -Tplain | grep -q '^graph '
}

@test "a model card" {
	packed 'm[b"rnm"][b"rule"] = b"a|b <i>*c*</i> `d` [e](f)"; m[b"roc_thresholds"] = [0.25, 0.5]'
	call rnm inspect "$BATS_TEST_TMPDIR/m" --markdown
	expect_rc 0
	[ "$(head -n 1 "$out")" = "# m" ]
	expect_out '| Rule | a\|b &lt;i>\*c\*&lt;/i> \`d\` \[e\]\(f\) |'
	expect_out '| Providers digest | 376616275a1a984c |'
	expect_out '| Created | 2023-11-14 22:13:20 UTC |'
	expect_out '| as training computed them | above 0.25 | below 0.5 |'
	expect_out '| as rspamd applies them with roc_enabled | from 0.25 up | from -0.5 down |'
	expect_out "| Hash of the weights | $(rnm inspect --hash "$MODEL" | head -c 64) |"
	expect_out '- **warning** `verify.threshold-order`: '
	# Every line of a table has as many cells as its head.
	awk '/^\|/ { line = $0; gsub(/\\\|/, "", line); n = gsub(/\|/, "", line); if (!last) want = n; if (n != want) exit 1; last = 1; next } { last = 0 }' "$out"
}

@test "models in Redis: key, state, time to live" {
	call rnm inspect -c "$CONF" redis:embed
	expect_rc 1
	expect_out "model in Redis"
	# The rule has no roc_enabled, so that the thresholds of the model are not used.
	expect_out "                in rspamd with roc_enabled: spam from 0.5 up, ham from 0 down"
	expect_out "                in the rule embed: spam above 0, ham from 0 down"
	grep -qE '^  state +served$' "$out" || { show; false; }
	grep -qE '^  expires +never$' "$out" || { show; false; }
	cli EXPIRE rn_embed_unit_aabbccdd_1 1000 >/dev/null
	call rnm inspect -c "$CONF" redis:embed/unit --json
	cli PERSIST rn_embed_unit_aabbccdd_1 >/dev/null
	expect_rc 0
	expect_json '.kind == "redis" and .redis.key == "rn_embed_unit_aabbccdd_1" and .redis.verdict == "served" and
		.redis.ttl_ms > 900000 and .redis.ttl_ms <= 1000000 and .sound'
}
