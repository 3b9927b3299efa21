#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm verify: is a model sound, and would rspamd use it for a rule?

load helpers

setup_file() {
	common_setup_file
	start_recorded_redis
	export MODEL="$WORK/embed.rnm" KANN="$DATA/models/embedding_64.kann"
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

# conf RULE-OPTIONS [MORE]: a configuration with one rule `embed` of 64 inputs, as the recorded one has it.
conf() {
	printf 'redis { servers = "%s"; }\nneural { rules { embed { %s
		providers = [ { type = "llm"; model = "m-golden"; dim = 64; } ]; disable_symbols_input = true;
		fusion { normalization = "zscore"; include_meta = false; } } } }\n%s\n' "$SOCKET" "$1" "${2:-}" >"$BATS_TEST_TMPDIR/conf"
}

# expect_findings ID...: exactly these, in this order, in the JSON on stdout.
expect_findings() {
	local found
	found=$(jq -r '[.findings[].id] | join(" ")' "$out")
	[ "$found" = "$*" ] || {
		echo "expected findings: $*"
		show
		return 1
	}
}

@test "a sound model: a line for each check, the verdict, exit 0" {
	call rnm verify "$MODEL"
	expect_rc 0
	expect_no_err
	[ "$(awk 'NR > 1 { print $1, $2 }' "$out" | head -n 8 | tr '\n' ';')" = \
		"container ok;frames ok;network ok;pca skipped;dimensions ok;thresholds ok;answers ok;rule skipped;" ] || { show; false; }
	[ "$(tail -n 1 "$out")" = sound ]
	call rnm verify --strict --json - <"$MODEL"
	expect_rc 0
	expect_json '.sound and .accepted and .problems == 0 and .warnings == 0 and .findings == [] and
		.rule == null and (.checks | map(.check)) == ["container", "frames", "network", "pca", "dimensions",
		"thresholds", "answers", "rule"] and (.checks | all(.summary | length > 0))'
}

@test "every kind of model" {
	call rnm verify "$KANN"
	expect_rc 0
	expect_out "bare network"
	zstd -q "$KANN" -o "$BATS_TEST_TMPDIR/ann"
	call rnm verify "$BATS_TEST_TMPDIR/ann" --json
	expect_rc 0
	expect_json '.checks[1].state == "ok"'
	call rnm verify -c "$CONF" redis:embed/unit
	expect_rc 0
	expect_out "model in Redis"
}

@test "no model at all: exit 3, and nothing on stdout" {
	echo 'neural { }' >"$BATS_TEST_TMPDIR/text"
	call rnm verify "$BATS_TEST_TMPDIR/text"
	expect_rc 3
	expect_no_out
	expect_plain_error
	call rnm verify "$BATS_TEST_TMPDIR/none"
	expect_rc 4
	call rnm verify
	expect_rc 2
	expect_plain_error
	call rnm verify "$MODEL" --live
	expect_rc 2
	expect_plain_error
}

@test "problems are named where they are; inspect agrees" {
	packed 'm[b"ann_data"] = m[b"ann_data"][:-40]; m[b"providers_digest"] = b"XYZ"'
	call rnm verify "$BATS_TEST_TMPDIR/m"
	expect_rc 1
	[ "$(tail -n 1 "$out")" = "not sound: 2 problems" ] || { show; false; }
	grep -qE '^  container +problem ' "$out" || { show; false; }
	grep -qE '^    problem: .* \[frame.truncated\]$' "$out" || { show; false; }
	call rnm verify "$BATS_TEST_TMPDIR/m" --json
	expect_rc 1
	expect_findings rnm1.digest frame.truncated
	expect_json '(.findings[1] | .check == "frames" and .part == "ann_data" and .offset > 0 and .severity == "error") and
		(.checks[2].state == "skipped") and (.sound | not) and (.accepted | not)'
	jq -S .findings "$out" >"$BATS_TEST_TMPDIR/verify"
	call rnm inspect "$BATS_TEST_TMPDIR/m" --json
	expect_rc 1
	jq -S .findings "$out" | cmp - "$BATS_TEST_TMPDIR/verify"
}

@test "numbers of norm_stats and of the network" {
	packed 'm[b"norm_stats"] = {b"mode": b"zscore", b"mean": [0] * 64, b"std": [1] * 63 + [0]}'
	call rnm verify "$BATS_TEST_TMPDIR/m" --json
	expect_rc 1
	expect_findings norm.std
	python - "$KANN" "$BATS_TEST_TMPDIR/nan" <<-'END'
	import sys
	data = bytearray(open(sys.argv[1], "rb").read())
	data[698:702] = b"\0\0\xc0\x7f"
	open(sys.argv[2], "wb").write(data)
	END
	call rnm verify "$BATS_TEST_TMPDIR/nan" --json
	expect_rc 1
	expect_findings kann.non-finite
	expect_json '.findings[0].offset >= 578 and .findings[0].node == 1 and .findings[0].severity == "unfit"'
}

@test "warnings are no problem but with --strict" {
	packed 'm[b"roc_thresholds"] = []'
	call rnm verify "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	[ "$(tail -n 1 "$out")" = "sound: 1 warning" ] || { show; false; }
	call rnm verify "$BATS_TEST_TMPDIR/m" --strict
	expect_rc 1
	[ "$(tail -n 1 "$out")" = "not sound: 1 warning" ] || { show; false; }
}

@test "a rule that takes the model" {
	conf 'external_model { url = "http://127.0.0.1/embed.rnm"; }'
	call rnm verify "$MODEL" -r embed -c "$BATS_TEST_TMPDIR/conf" --strict
	expect_rc 0
	[ "$(tail -n 1 "$out")" = "usable for the rule embed" ] || { show; false; }
	# Without external_model rspamd would not look for it: said, but not by the model's fault.
	call rnm verify "$MODEL" -r embed -c "$CONF" --json
	expect_rc 0
	expect_findings verify.rule-no-external
}

@test "digest, inputs, PCA, size, thresholds that stand in the way" {
	packed 'm[b"providers_digest"] = b"0123456789abcdef"'
	conf 'external_model { url = "x"; }'
	call rnm verify "$BATS_TEST_TMPDIR/m" -r embed -c "$BATS_TEST_TMPDIR/conf" --json
	expect_rc 1
	expect_findings verify.rule-digest
	expect_json '.sound == false and (.findings[0].text | contains("0123456789abcdef") and contains("376616275a1a984c"))'

	conf 'external_model { url = "x"; }' 'options { max_map_size = 1000; }'
	call rnm verify "$MODEL" -r embed -c "$BATS_TEST_TMPDIR/conf" --json
	expect_rc 1
	expect_findings verify.rule-size

	conf 'external_model { url = "x"; } roc_enabled = true;'
	packed 'm[b"roc_thresholds"] = []'
	call rnm verify "$BATS_TEST_TMPDIR/m" -r embed -c "$BATS_TEST_TMPDIR/conf" --json
	expect_rc 1
	expect_findings rnm1.roc verify.rule-roc

	sed 's/dim = 64/dim = 65/' "$CONF" >"$BATS_TEST_TMPDIR/conf"
	call rnm verify "$MODEL" -r embed -c "$BATS_TEST_TMPDIR/conf" --json
	expect_rc 1
	expect_findings verify.rule-digest verify.rule-no-external verify.rule-inputs

	sed 's/"embed" {/"embed" { max_inputs = 8; /' "$CONF" >"$BATS_TEST_TMPDIR/conf"
	call rnm verify "$MODEL" -r embed -c "$BATS_TEST_TMPDIR/conf" --json
	expect_rc 1
	expect_findings verify.rule-digest verify.rule-no-external verify.rule-pca

	call rnm verify "$MODEL" -r symbolic -c "$CONF" --json
	expect_rc 1
	expect_findings verify.rule-no-providers
	call rnm verify "$KANN" -r embed -c "$CONF" --json
	expect_rc 1
	expect_findings verify.rule-bare verify.rule-no-external
	call rnm verify "$MODEL" -r nobody -c "$CONF"
	expect_rc 4
	expect_plain_error
}

@test "versions: a newer model in Redis replaces the file, when Redis is asked" {
	conf 'external_model { url = "x"; }'
	call rnm verify "$MODEL" -r embed -c "$BATS_TEST_TMPDIR/conf" --json
	expect_rc 0
	call rnm verify "$MODEL" -r embed -c "$BATS_TEST_TMPDIR/conf" --live --json
	expect_rc 1
	expect_findings verify.rule-version
	expect_json '.findings[0].text | contains("version 3")'
	packed 'm[b"model_version"] = 4'
	call rnm verify "$BATS_TEST_TMPDIR/m" -r embed -c "$BATS_TEST_TMPDIR/conf" --live
	expect_rc 0
}

@test "a model in Redis: is it the one that workers serve?" {
	call rnm verify -c "$CONF" redis:embed/unit -r embed --json
	expect_rc 0
	expect_findings
	call rnm verify -c "$CONF" redis:embed@2 -r embed --json
	expect_rc 1
	expect_findings verify.rule-not-served
	expect_json '.findings[0].text | contains("older version")'
	call rnm verify -c "$CONF" redis:embed@2
	expect_rc 0
	# Of another rule: as if it had been exported for that one.
	sed 's| symbolic | other { providers = [ { type = "llm"; model = "o"; dim = 64; } ]; fusion { include_meta = false; } } symbolic |' \
		"$CONF" >"$BATS_TEST_TMPDIR/other.conf"
	for live in '' --live; do
		call rnm verify -c "$BATS_TEST_TMPDIR/other.conf" redis:embed/unit -r other $live --json
		expect_rc 1
		expect_findings verify.rule-digest verify.rule-no-external
	done
}

@test "text of a file cannot move the cursor" {
	packed 'm[b"\x1b[2J"] = 1'
	call rnm verify "$BATS_TEST_TMPDIR/m"
	expect_rc 0
	expect_out 'rnm1.unknown-key'
	! grep -qaP '[\x00-\x08\x0b-\x1f\x7f]' "$out" || { show; false; }
}

@test "docs/findings.md explains every id, and is not stale" {
	"$BATS_TEST_DIRNAME/../../scripts/findings" --check
	# The check can fail: an id that nobody explains, and an edited page.
	cp -r "$BATS_TEST_DIRNAME/../../docs" "$BATS_TEST_DIRNAME/../../scripts" "$BATS_TEST_DIRNAME/../../lib" \
		"$BATS_TEST_DIRNAME/../../cli" "$BATS_TEST_TMPDIR/"
	echo 'static const char id[] = "kann.unheard-of";' >>"$BATS_TEST_TMPDIR/lib/network/probe.c"
	sed -i 's/the data does not begin/the data begins/' "$BATS_TEST_TMPDIR/docs/findings.md"
	call "$BATS_TEST_TMPDIR/scripts/findings" --check
	expect_rc 1
	expect_out "docs/findings.md is stale"
	expect_out "kann.unheard-of is explained nowhere"
}
