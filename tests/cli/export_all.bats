#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm export --all: a folder of models.

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

# Rules a and a_b with the providers of the recorded rule embed.
two_rules() {
	local rule
	rule=$(sed -n 's/.*"embed" { \(.*normalization = "zscore"; include_meta = false; }\) }.*/\1/p' "$CONF")
	cat >"$1" <<-END
	redis { servers = "$SOCKET"; }
	neural { prefix = "zz"; rules { a { $rule } a_b { prefix = "ab"; $rule } } }
	END
}

decoded() {
	python "$BATS_TEST_DIRNAME/rnm1.py" show "$1"
}

@test "--all: one file for each rule and settings id with a model" {
	call rnm export -c "$CONF" --all -o "$DIR" --json
	expect_json '.exports | length >= 25'
	# The worst of all: a model of another digest is refused, which is the highest code here.
	expect_rc 8
	local file
	while read -r file; do
		[ -s "$file" ]
		decoded "$file" >/dev/null
	done < <(jq -r '.exports[] | select(.status == "done") | .file' "$out")
	[ "$(ls "$DIR" | wc -l)" -eq "$(jq '[.exports[] | select(.status == "done")] | length' "$out")" ]
	[ -e "$DIR/embed_default_3.rnm" ]
	[ -e "$DIR/embed_older_live_7.rnm" ]
	expect_json '.exports | map(select(.settings == "other_digest")) | length == 1 and .[0].status == "refused" and (.[0].problem | length > 0)'
	expect_json '.status == "done" and .problem == null and .problems == []'
	expect_json '.without_live_model >= 1 and .not_exportable == 2'
	expect_json '.skipped | map(select(.why == "no-providers") | .rule) | sort == ["symbolic", "with space"]'
	expect_json '.skipped | map(select(.settings == "all_stale") | .why) == ["no-live-model"]'
	expect_json '.exports | all(.version == null or (.version | type == "number"))'
	expect_json '.exports | map(select(.settings == "ver_float" or .settings == "ver_missing") | .version) == [2.5, null]'
	expect_err "note: rule 'symbolic', settings 'default': the rule has no providers"
	expect_err "rule embed, settings garbage_ann: "
}

@test "--all narrowed down, as a table" {
	call rnm export -c "$CONF" --all -r embed -s unit -o "$DIR"
	expect_rc 0
	expect_out "$DIR/embed_unit_1.rnm"
	expect_out "1 exported, 0 failed, 0 without a live model, 0 not exportable"
	expect_folder "$DIR" embed_unit_1.rnm
	call rnm export -c "$CONF" --all -r embed -s unit --dry-run
	expect_rc 0
	expect_out "1 checked"
	call rnm export -c "$CONF" --all -o "$DIR/none"
	expect_rc 5
	expect_plain_error
	call rnm export -c "$CONF" --all -o "$DIR/embed_unit_1.rnm"
	expect_rc 5
	expect_plain_error
}

@test "--all: names are safe and never shared" {
	local profile='{"digest":"d","symbols":[],"redis_key":"rn_embed_default_aabbccdd_3","version":3,"providers_digest":"376616275a1a984c"}'
	two_rules "$BATS_TEST_TMPDIR/c.conf"
	cli zadd 'zz3_a_3_b_c' 1 "$profile" >/dev/null
	cli zadd 'zz3_ab_3_c' 1 "$profile" >/dev/null
	cli zadd 'zz3_a_3_../../x y' 1 "$profile" >/dev/null
	cli zadd 'zz3_a_3_' 1 "$profile" >/dev/null
	call rnm export -c "$BATS_TEST_TMPDIR/c.conf" --all -o "$DIR" --json
	cli del 'zz3_a_3_b_c' 'zz3_ab_3_c' 'zz3_a_3_../../x y' 'zz3_a_3_' >/dev/null
	expect_rc 0
	expect_folder "$DIR" a%5Fb_c_3.rnm a_..%2F..%2Fx%20y_3.rnm a__3.rnm a_b_c_3.rnm
}

@test "--all: a name depends on its own set only" {
	local profile='{"digest":"d","symbols":[],"redis_key":"rn_embed_default_aabbccdd_3","version":3,"providers_digest":"376616275a1a984c"}'
	local name
	two_rules "$BATS_TEST_TMPDIR/c.conf"
	cli zadd 'zz3_ab_3_c' 1 "$profile" >/dev/null
	call rnm export -c "$BATS_TEST_TMPDIR/c.conf" --all -o "$DIR"
	expect_folder "$DIR" a%5Fb_c_3.rnm
	cli zadd 'zz3_a_3_b_c' 1 "$profile" >/dev/null
	call rnm export -c "$BATS_TEST_TMPDIR/c.conf" --all -o "$DIR"
	expect_folder "$DIR" a%5Fb_c_3.rnm a_b_c_3.rnm
	# A prefix that no rule has, though a rule has its name.
	cli zadd 'zz3_a_b_3_c' 1 "$profile" >/dev/null
	rm "$DIR"/*
	call rnm export -c "$BATS_TEST_TMPDIR/c.conf" --all --any-digest -o "$DIR"
	expect_rc 0
	expect_folder "$DIR" a%5Fb_c_3.rnm a_b_c_3.rnm prefix=a%5Fb_c_3.rnm
	rm "$DIR"/*
	for name in "$(printf 'x\033\233\302\233\303\251')" '-rf' '.hidden' '%41'; do
		cli zadd "zz3_a_3_$name" 1 "$profile" >/dev/null
	done
	call rnm export -c "$BATS_TEST_TMPDIR/c.conf" --all -r a -o "$DIR"
	expect_rc 0
	expect_folder "$DIR" a_%2541_3.rnm a_-rf_3.rnm a_.hidden_3.rnm a_b_c_3.rnm "$(printf 'a_x%%1B%%9B%%C2%%9B\303\251_3.rnm')"
	cli del zz3_ab_3_c zz3_a_3_b_c zz3_a_b_3_c zz3_a_3_-rf zz3_a_3_.hidden zz3_a_3_%41 \
		"$(printf 'zz3_a_3_x\033\233\302\233\303\251')" >/dev/null
}

@test "--all: sets that no rule has are one sentence; --json names them" {
	local i
	for i in 1 2 3; do
		cli zadd "rn3_ghost${i}_3_default" 1 '{"digest":"d","symbols":[],"redis_key":"g","version":1}' >/dev/null
	done
	call rnm export -c "$CONF" --all -o "$DIR" --json
	[ "$(grep -c 'to no rule of the configuration' "$err")" -eq 1 ] || { show; false; }
	expect_err "note: 3 lists of models in Redis belong to no rule of the configuration"
	expect_json '.skipped | map(select(.why == "no-rule")) == [
		{rule: null, prefix: "ghost1", settings: "default", why: "no-rule"},
		{rule: null, prefix: "ghost2", settings: "default", why: "no-rule"},
		{rule: null, prefix: "ghost3", settings: "default", why: "no-rule"}]'
	expect_json '.not_exportable == 5'
	for i in 1 2 3; do
		cli del "rn3_ghost${i}_3_default" >/dev/null
	done
}

@test "--all: nothing fits -r and -s: exit 4 and what there is" {
	call rnm export -c "$CONF" --all -r nosuch -o "$DIR"
	expect_rc 4
	expect_no_out
	expect_plain_error
	expect_err "there are no models of the rule 'nosuch' in Redis"
	expect_err "'embed'"
	call rnm export -c "$CONF" --all -r embed -s nosuch -o "$DIR" --json
	expect_rc 4
	expect_plain_error
	expect_err "'unit'"
	expect_json '.status == "not-found" and .exports == [] and (.problem | contains("nosuch"))'
	expect_folder "$DIR"
}

@test "--all: a rule that cannot be used does not keep the others from being saved" {
	sed 's/rules {/& broken { providers = "x"; }/' "$CONF" >"$BATS_TEST_TMPDIR/c.conf"
	call rnm export -c "$BATS_TEST_TMPDIR/c.conf" --all -s unit -o "$DIR" --json
	expect_rc 3
	expect_err "providers"
	expect_json '(.exports | map(.status) == ["done"]) and (.problems | map(.rule) == ["broken"])'
	expect_folder "$DIR" embed_unit_1.rnm
}

@test "--all: a folder that cannot be written is said once, before anything is read" {
	[ "$(id -u)" -ne 0 ] || skip "root may write anywhere"
	chmod a-w "$DIR"
	call rnm export -c "$CONF" --all -o "$DIR"
	expect_rc 5
	expect_no_out
	expect_plain_error
	expect_err "Permission denied"
}
