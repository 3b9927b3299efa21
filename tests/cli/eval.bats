# SPDX-License-Identifier: Apache-2.0
# rnm eval: against a computation of its own in Python, on files and on training sets in a real Redis; its page in a
# real browser.
load helpers

setup_file() {
	common_setup_file
	export MODELS="$DATA/models" VECTORS="$BATS_TEST_DIRNAME/vectors.py" PAGE="$BATS_TEST_DIRNAME/page.py"
	export NET="$MODELS/ops_tanh_sigm.kann" SPAM="$WORK/spam.jsonl" HAM="$WORK/ham.jsonl"
	python "$VECTORS" classes 1 "$SPAM" "$HAM"
	start_redis
	train_sets
}

teardown_file() {
	stop_redis
}

# A rule whose served model is the 24-input network, version 3, and its sets: one more vector is pending and in the
# model's own set too, and one is pending only.
train_sets() {
	local member='{"digest":"DDDDDDDD","symbols":[],"version":3,"redis_key":"rn_r_default_DDDDDDDD_3","providers_digest":"DIGEST"}'
	export RULE_CONF="$WORK/r.conf"
	echo "redis { servers = \"$SOCKET\"; } neural { rules { r { providers = [ { type = \"llm\"; model = \"m\"; dim = 24; } ]; disable_symbols_input = true; roc_misclassification_cost = 0.3; } } }" >"$RULE_CONF"
	digest=$(rnm digest -c "$RULE_CONF" -r r)
	member=${member//DIGEST/$digest}
	cli zadd rn3_r_3_default 1700000000 "${member//DDDDDDDD/${digest:0:8}}" >/dev/null
	export KEY="rn_r_default_${digest:0:8}_3"
	zstd -q --no-check "$NET" -o "$WORK/net.zst"
	cli -x hset "$KEY" ann <"$WORK/net.zst" >/dev/null
	python "$VECTORS" train "$SOCKET" "${KEY}_spam_set" "$SPAM"
	python "$VECTORS" train "$SOCKET" "${KEY}_ham_set" "$HAM"
	sort -u "$SPAM" | head -1 >"$WORK/pending"
	echo "[$(yes 0.5 | head -24 | paste -sd,)]" >>"$WORK/pending"
	python "$VECTORS" train "$SOCKET" rn_r_default_pending_spam_set "$WORK/pending"
}

# The vectors that are in the sets, as files.
set_files() {
	{ sort -u "$SPAM"; tail -1 "$WORK/pending"; } >"$BATS_TEST_TMPDIR/spam"
	sort -u "$HAM" >"$BATS_TEST_TMPDIR/ham"
}

# judge RATE COST MODEL ARGUMENT...: eval as JSON in $out, checked against Python's own figures.
judge() {
	local rate=$1 cost=$2 model=$3
	shift 3
	call rnm eval "$model" --spam "$SPAM" --ham "$HAM" --json --fpr "$rate" "$@"
	expect_rc 0
	rnm score "$model" --vectors "$SPAM" >"$BATS_TEST_TMPDIR/s"
	rnm score "$model" --vectors "$HAM" >"$BATS_TEST_TMPDIR/h"
	python "$VECTORS" judge "$BATS_TEST_TMPDIR/s" "$BATS_TEST_TMPDIR/h" "$out" "$rate" "$cost"
}

@test "every number is that of an independent computation" {
	for rate in 0 0.001 0.02 0.1 0.5 1; do
		judge $rate 0.5 "$NET"
	done
	python "$VECTORS" model "$BATS_TEST_TMPDIR/m.rnm" "$NET" 'roc_thresholds=[0.3,0.1]'
	judge 0.05 0.5 "$BATS_TEST_TMPDIR/m.rnm"
	for seed in 2 3; do
		SPAM="$BATS_TEST_TMPDIR/spam" HAM="$BATS_TEST_TMPDIR/ham"
		python "$VECTORS" classes $seed "$SPAM" "$HAM"
		judge 0.03 0.5 "$NET"
	done
}

@test "the cost is the rule's" {
	judge 0.01 0.3 "$NET" -c "$RULE_CONF" -r r
	expect_json '.rule == "r" and .roc_misclassification_cost == 0.3'
}

@test "scores that are all equal, one empty class, no vectors" {
	head -1 "$SPAM" >"$BATS_TEST_TMPDIR/one"
	call rnm eval "$NET" --spam "$BATS_TEST_TMPDIR/one" --ham "$BATS_TEST_TMPDIR/one" --json
	expect_rc 0
	expect_json '.auc == 0.5 and .rspamd_would_keep == false'
	call rnm eval "$NET" --spam "$SPAM" --ham /dev/null --json
	expect_rc 0
	expect_json '.auc == null and .roc == [] and .suggested_spam == null and .used.spam_symbol.false_positive_rate == null and .ham.vectors == 0'
	call rnm eval "$NET" --spam "$SPAM" --ham /dev/null
	expect_rc 0
	expect_out "There is no ham at all"
	call rnm eval "$NET" --spam /dev/null --ham /dev/null
	expect_rc 3
	expect_plain_error
}

@test "NaN and other bad vectors end it, or are skipped and told" {
	{ head -2 "$SPAM"; echo "[$(yes NaN | head -24 | paste -sd,)]"; } >"$BATS_TEST_TMPDIR/in"
	call rnm eval "$NET" --spam "$BATS_TEST_TMPDIR/in" --ham "$HAM"
	expect_rc 3
	expect_no_out
	expect_err "in:3:2: expected a finite number as component 0, found NaN"
	call rnm eval "$NET" --spam "$BATS_TEST_TMPDIR/in" --ham "$HAM" --keep-going --json
	expect_rc 1
	expect_json '.spam.vectors == 2 and .spam.skipped == 1 and .ham.skipped == 0'
	expect_err "skipped 1 of 3 vectors of $BATS_TEST_TMPDIR/in"
}

@test "the text says what the JSON says" {
	call rnm eval "$NET" --spam "$SPAM" --ham "$HAM" --fpr 0.05
	expect_rc 0
	cp "$out" "$BATS_TEST_TMPDIR/text"
	call rnm eval "$NET" --spam "$SPAM" --ham "$HAM" --fpr 0.05 --json
	for value in "ROC AUC         $(jq '.auc * 1000000 | round / 1000000' "$out")" \
		"spam            $(jq .spam.vectors "$out") vectors of $SPAM" \
		"spam_score_threshold = $(jq .suggested_spam.threshold "$out"): recall" \
		"($(jq .suggested_spam.false_positives "$out") of $(jq .ham.vectors "$out") ham; 95 % interval to" \
		"Brier score $(printf %.4f "$(jq .calibration.brier "$out")")"; do
		grep -qF -- "$value" "$BATS_TEST_TMPDIR/text" || {
			echo "missing: $value"
			cat "$BATS_TEST_TMPDIR/text"
			false
		}
	done
}

@test "the training sets in Redis: each vector once, pending ones too" {
	set_files
	call rnm eval redis:r --redis -c "$RULE_CONF" --json
	expect_rc 0
	expect_no_err
	jq 'del(.model, .time, .training_key, .spam, .ham, .notes)' "$out" >"$BATS_TEST_TMPDIR/redis"
	expect_json ".training_key == \"$KEY\" and .spam.vectors == $(wc -l <"$BATS_TEST_TMPDIR/spam") and .ham.vectors == $(wc -l <"$BATS_TEST_TMPDIR/ham")"
	expect_json ".spam.sets[0].key == \"${KEY}_spam_set\" and .spam.sets[1] == {key: \"rn_r_default_pending_spam_set\", vectors: 1, duplicates: 1, bad: 0, problem: null}"
	expect_json '.ham.sets[1].vectors == 0 and (.notes | any(test("flattered")))'
	call rnm eval "$NET" --spam "$BATS_TEST_TMPDIR/spam" --ham "$BATS_TEST_TMPDIR/ham" -c "$RULE_CONF" -r r --json
	jq 'del(.model, .time, .training_key, .spam, .ham, .notes)' "$out" >"$BATS_TEST_TMPDIR/files"
	cmp "$BATS_TEST_TMPDIR/redis" "$BATS_TEST_TMPDIR/files"
	# A file on the sets of a rule, from a server that only the URL names.
	echo 'neural { rules { r { providers = [ { type = "llm"; model = "m"; dim = 24; } ]; disable_symbols_input = true; } } }' >"$BATS_TEST_TMPDIR/no-redis.conf"
	call rnm eval "$NET" --redis="unix://$SOCKET" -c "$BATS_TEST_TMPDIR/no-redis.conf" -r r -v 3 --json
	expect_rc 0
	expect_json ".training_key == \"$KEY\""
	# With files the URL is only a server.
	call rnm eval redis:r --redis="unix://$SOCKET" -c "$BATS_TEST_TMPDIR/no-redis.conf" --spam "$SPAM" --ham "$HAM" --json
	expect_rc 0
	expect_json ".training_key == null and .spam.file == \"$SPAM\""
}

@test "training vectors of another form are left out, counted and named" {
	cli sadd rn_r_default_pending_ham_set "not zstd" >/dev/null
	printf '1;2;3' | zstd -q | cli -x sadd rn_r_default_pending_ham_set >/dev/null
	printf '1;;3' | zstd -q | cli -x sadd rn_r_default_pending_ham_set >/dev/null
	call rnm eval redis:r --redis -c "$RULE_CONF" --json
	cli del rn_r_default_pending_ham_set >/dev/null
	expect_rc 0
	expect_json '.ham.sets[1].bad == 3 and .ham.sets[1].vectors == 0 and .ham.skipped == 3 and (.ham.sets[1].problem | length) > 0'
	expect_err "left out 3 of the vectors in rn_r_default_pending_ham_set, the first of them because:"
}

@test "what Redis refuses, and where nothing is" {
	cli set rn_r_default_pending_ham_set x >/dev/null
	call rnm eval redis:r --redis -c "$RULE_CONF"
	cli del rn_r_default_pending_ham_set >/dev/null
	expect_rc 6
	expect_err "cannot read the training set rn_r_default_pending_ham_set: WRONGTYPE"
	cli acl setuser reader on '>secret' '~*' +@all -sscan >/dev/null
	echo secret >"$BATS_TEST_TMPDIR/password"
	sed 's/redis {/redis { username = "reader";/' "$RULE_CONF" >"$BATS_TEST_TMPDIR/acl.conf"
	call rnm eval redis:r --redis -c "$BATS_TEST_TMPDIR/acl.conf" --password-file "$BATS_TEST_TMPDIR/password"
	expect_rc 6
	expect_err "hint: the Redis user may not run SSCAN"
	call rnm eval "$NET" --redis -c "$RULE_CONF" -r r -s other
	expect_rc 4
	call rnm eval redis:r --redis -c "$RULE_CONF" -v 9
	expect_rc 4
	# A model whose sets are gone, as ten minutes after the next training.
	cli copy "${KEY}_spam_set" kept1 >/dev/null
	cli copy "${KEY}_ham_set" kept2 >/dev/null
	cli rename rn_r_default_pending_spam_set kept3 >/dev/null
	cli del "${KEY}_spam_set" "${KEY}_ham_set" >/dev/null
	call rnm eval redis:r --redis -c "$RULE_CONF"
	cli rename kept1 "${KEY}_spam_set" >/dev/null
	cli rename kept2 "${KEY}_ham_set" >/dev/null
	cli rename kept3 rn_r_default_pending_spam_set >/dev/null
	expect_rc 4
	expect_err "there are no usable vectors in ${KEY}_spam_set"
	expect_plain_error
}

@test "members are asked for in batches" {
	cli config resetstat >/dev/null
	rnm eval redis:r --redis -c "$RULE_CONF" -q >/dev/null
	cli info commandstats >"$BATS_TEST_TMPDIR/stats"
	! grep -qi 'cmdstat_smembers\|cmdstat_sunion' "$BATS_TEST_TMPDIR/stats"
	# 200 members do not come in one answer.
	[ "$(sed -n 's/^cmdstat_sscan:calls=\([0-9]*\),.*/\1/p' "$BATS_TEST_TMPDIR/stats")" -ge 5 ]
}

@test "the report is whole in itself, and nothing in it becomes markup" {
	cp "$NET" "$BATS_TEST_TMPDIR/<b onload=x>&\"'.kann"
	mkdir "$BATS_TEST_TMPDIR/dir"
	call rnm eval "$BATS_TEST_TMPDIR/<b onload=x>&\"'.kann" --spam "$SPAM" --ham "$HAM" --report "$BATS_TEST_TMPDIR/dir/r.html"
	expect_rc 0
	expect_out "ROC AUC"
	expect_folder "$BATS_TEST_TMPDIR/dir" r.html
	python "$PAGE" sound "$BATS_TEST_TMPDIR/dir/r.html"
	python "$PAGE" text "$BATS_TEST_TMPDIR/dir/r.html" >"$BATS_TEST_TMPDIR/text"
	grep -qF "<b onload=x>&\"'.kann" "$BATS_TEST_TMPDIR/text"
	# To standard output, instead of the text.
	call rnm eval "$BATS_TEST_TMPDIR/<b onload=x>&\"'.kann" --spam "$SPAM" --ham "$HAM" --report -
	expect_rc 0
	cmp "$out" "$BATS_TEST_TMPDIR/dir/r.html"
	# Beside one empty class there is no curve, but still a page.
	call rnm eval "$NET" --spam "$SPAM" --ham /dev/null --report "$BATS_TEST_TMPDIR/dir/r.html"
	expect_rc 0
	python "$PAGE" sound "$BATS_TEST_TMPDIR/dir/r.html"
	call rnm eval "$NET" --spam "$SPAM" --ham "$HAM" --report "$BATS_TEST_TMPDIR/none/r.html"
	expect_rc 5
	expect_no_out
	expect_plain_error
}

# browser ARGUMENT...: Chromium without a network or a profile of its own.
browser() {
	local profile rc=0
	profile=$(mktemp -d "$BATS_TEST_TMPDIR/profile.XXXXXX")
	timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$profile" "$@" \
		2>"$BATS_TEST_TMPDIR/browser.err" 3>&- || rc=$?
	rm -rf "$profile"
	return $rc
}

@test "the report in a browser: its text, light, dark and on a phone" {
	command -v chromium >/dev/null || skip "chromium is not installed"
	page="$BATS_TEST_TMPDIR/r.html"
	rnm eval "$NET" --spam "$SPAM" --ham "$HAM" --fpr 0.05 --report "$page" --json >"$BATS_TEST_TMPDIR/json"
	browser --dump-dom "file://$page" >"$BATS_TEST_TMPDIR/dom" || {
		cat "$BATS_TEST_TMPDIR/browser.err"
		false
	}
	python "$PAGE" text "$BATS_TEST_TMPDIR/dom" >"$BATS_TEST_TMPDIR/text"
	for value in "Area under ROC $(printf %.4f "$(jq .auc "$BATS_TEST_TMPDIR/json")")" \
		"spam_score_threshold $(jq .suggested_spam.threshold "$BATS_TEST_TMPDIR/json")" \
		"Brier score $(printf %.4f "$(jq .calibration.brier "$BATS_TEST_TMPDIR/json")")"; do
		grep -qF "$value" "$BATS_TEST_TMPDIR/text" || {
			echo "missing: $value"
			cat "$BATS_TEST_TMPDIR/text"
			false
		}
	done
	for look in "light 1 1000,1900" "dark 0 1000,1900" "light 1 390,2600"; do
		read -r scheme setting size <<<"$look"
		browser --blink-settings=preferredColorScheme="$setting" --window-size="$size" --screenshot="$BATS_TEST_TMPDIR/$scheme.png" "file://$page"
		python "$PAGE" looks "$BATS_TEST_TMPDIR/$scheme.png" "$scheme"
	done
}

@test "wrong usage" {
	call rnm eval
	expect_rc 2
	call rnm eval "$NET"
	expect_rc 2
	expect_err "hint: --spam FILE --ham FILE, or --redis for rspamd's training sets"
	call rnm eval "$NET" --spam "$SPAM"
	expect_rc 2
	call rnm eval "$NET" --spam - --ham -
	expect_rc 2
	call rnm eval "$NET" --spam "$SPAM" --ham "$HAM" --redis
	expect_rc 2
	expect_err "the vectors are either files or the training sets in Redis"
	call rnm eval "$NET" --spam "$SPAM" --ham "$HAM" --fpr 2
	expect_rc 2
	call rnm eval "$NET" --spam "$SPAM" --ham "$HAM" --fpr much
	expect_rc 2
	expect_err "hint: for example --fpr 0.001"
	for option in --settings=x --version=1; do
		call rnm eval "$NET" --spam "$SPAM" --ham "$HAM" $option
		expect_rc 2
		expect_err "names training sets in Redis"
	done
	call rnm eval "$NET" --spam "$SPAM" --ham "$HAM" --report - --json
	expect_rc 2
	# The URL is never the next word, where MODEL may stand.
	call rnm eval "$NET" --redis redis://127.0.0.1
	expect_rc 2
	expect_err "hint: type --redis=redis://127.0.0.1"
	call rnm eval --redis "$NET" -c /nonexistent
	expect_rc 4
}
