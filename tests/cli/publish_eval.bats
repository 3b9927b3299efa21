#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm publish --eval: how well models do, in the index and the history; and the units that sign a tree anew.

load helpers

DIGEST=376616275a1a984c

setup_file() {
	common_setup_file
	export KEY="$WORK/publisher.key" PUB="$DATA/sign/kp1.pub"
	install -m 600 "$DATA/sign/kp1.ucl" "$KEY"
	mkdir "$WORK/mail"
	python - "$WORK/mail" <<-'END'
	import json, random, sys
	random.seed(7)
	for name, count, mean in ("spam", 60, 0.4), ("ham", 80, -0.4):
	    with open(f"{sys.argv[1]}/{name}.jsonl", "w") as file:
	        for _ in range(count):
	            print(json.dumps([round(random.gauss(mean, 1), 5) for _ in range(12)]), file=file)
	END
	local n
	for n in 1 2; do
		made "$WORK/v$n.rnm" seed=$n version=$n
		evaluate "$WORK/v$n.rnm" >"$WORK/e$n"
	done
	made "$WORK/second.rnm" seed=4 digest=aa5f939b29f3d241
	evaluate "$WORK/second.rnm" >"$WORK/e-second"
}

setup() {
	TREE="$BATS_TEST_TMPDIR/tree"
}

made() {
	local out=$1
	shift
	python "$BATS_TEST_DIRNAME/made_model.py" "$out" 12 digest=376616275a1a984c "$@"
}

evaluate() {
	rnm eval "$@" --spam "$WORK/mail/spam.jsonl" --ham "$WORK/mail/ham.jsonl" --json
}

publish() {
	call rnm publish "$@" --to "$TREE"
}

sound() {
	PYTHONDONTWRITEBYTECODE=1 python "$BATS_TEST_DIRNAME/tree.py" "$TREE" "$@"
}

# What the index says of the name, and the last line of the history.
in_index() {
	jq -c ".models[] | select(.name == \"${1:-$DIGEST}\") | .evaluation" "$TREE/index.json"
}
last_line() {
	tail -n 1 "$TREE/history.jsonl" | jq -c "$1"
}

# The record that has to come of an evaluation.
record() {
	jq -cS '{auc, model_hash, time, spam_source: "spam.jsonl", ham_source: "ham.jsonl",
		spam: (.used.confusion.spam | add), spam_as_spam: .used.confusion.spam.spam_symbol, spam_as_ham: .used.confusion.spam.ham_symbol,
		ham: (.used.confusion.ham | add), ham_as_spam: .used.confusion.ham.spam_symbol, ham_as_ham: .used.confusion.ham.ham_symbol,
		spam_threshold: .used.spam_threshold, ham_threshold: .used.ham_threshold}' "$1"
}

@test "the hash of a model: all that decides about mail, and nothing else" {
	local first other
	first=$(jq -r .model_hash "$WORK/e1")
	[[ $first =~ ^[0-9a-f]{64}$ ]]
	hash_of() {
		made "$BATS_TEST_TMPDIR/m" seed=1 "$@"
		evaluate "$BATS_TEST_TMPDIR/m" | jq -r .model_hash
	}
	[ "$(hash_of version=9 digest=aa5f939b29f3d241 symbols=A,B)" = "$first" ]
	zstd -q "$WORK/v1.rnm" -o "$BATS_TEST_TMPDIR/packed"
	[ "$(evaluate "$BATS_TEST_TMPDIR/packed" | jq -r .model_hash)" = "$first" ]
	publish "$WORK/v1.rnm" --model-version 5
	[ "$(evaluate "$TREE/models/$DIGEST" | jq -r .model_hash)" = "$first" ]
	for other in seed=2 hidden=9 norm=unit norm=zscore roc=0.5,0.25 pca=12; do
		[ "$(hash_of "$other")" != "$first" ] || { echo "$other"; false; }
	done
	[ "$(hash_of roc=0.5,0.25)" != "$(hash_of roc=0.5,0.125)" ]
	# Of a model without its normalisation nothing is said.
	made "$BATS_TEST_TMPDIR/m" norm=zscore
	evaluate "$BATS_TEST_TMPDIR/m" --raw | jq -e '.model_hash == null and .auc > 0'
}

@test "figures go with their model, and come back with it" {
	publish "$WORK/v1.rnm" --eval "$WORK/e1"
	expect_rc 0
	expect_no_err
	expect_out "$(printf '%.4f' "$(jq .auc "$WORK/e1")")"
	[ "$(in_index | jq -cS .)" = "$(record "$WORK/e1")" ]
	[ "$(last_line .model.evaluation | jq -cS .)" = "$(record "$WORK/e1")" ]
	sound
	# Nothing new is nothing new; another measurement is.
	cp -a "$TREE" "$BATS_TEST_TMPDIR/copy"
	publish "$WORK/v1.rnm" --eval "$WORK/e1"
	expect_out "unchanged"
	diff -r "$TREE" "$BATS_TEST_TMPDIR/copy"
	jq '.time += 60' "$WORK/e1" >"$BATS_TEST_TMPDIR/later"
	publish "$WORK/v1.rnm" --eval "$BATS_TEST_TMPDIR/later"
	expect_out "renewed"
	[ "$(last_line .event)" = '"renew"' ]
	[ "$(in_index | jq -cS .)" = "$(record "$BATS_TEST_TMPDIR/later")" ]
	sound
	# A model without figures has none, whatever was there before.
	publish "$WORK/v2.rnm" --json
	expect_json '.models[0] | .state == "replaced" and .evaluation == null'
	! expect_out AUC >/dev/null
	[ "$(in_index)" = null ]
	publish --rollback --json
	expect_json ".models[0] | .old_version == 1 and .evaluation == $(record "$BATS_TEST_TMPDIR/later")"
	[ "$(in_index | jq -cS .)" = "$(record "$BATS_TEST_TMPDIR/later")" ]
	sound
	# Signed, and signed anew.
	rm -rf "$TREE"
	publish "$WORK/v1.rnm" --sign "$KEY" --eval "$WORK/e1"
	publish --renew --sign "$KEY"
	expect_rc 0
	[ "$(in_index | jq -cS .)" = "$(record "$WORK/e1")" ]
	publish "$WORK/v1.rnm" --sign "$KEY"
	[ "$(in_index | jq -cS .)" = "$(record "$WORK/e1")" ]
	sound "$PUB"
}

@test "several models: each gets its own, the latest, from one file or a pipe" {
	jq '.time += 5 | .auc = 0.25' "$WORK/e1" >"$BATS_TEST_TMPDIR/later"
	cat "$BATS_TEST_TMPDIR/later" "$WORK/e-second" "$WORK/e1" >"$BATS_TEST_TMPDIR/all"
	publish "$WORK/second.rnm" "$WORK/v1.rnm" --eval - <"$BATS_TEST_TMPDIR/all"
	expect_rc 0
	[ "$(in_index | jq .auc)" = 0.25 ]
	[ "$(in_index aa5f939b29f3d241 | jq -cS .)" = "$(record "$WORK/e-second")" ]
	sound
	# Not all of several have figures.
	rm -rf "$TREE"
	publish "$WORK/second.rnm" "$WORK/v1.rnm" --eval "$WORK/e1"
	expect_rc 0
	grep -qE '^aa5f939b29f3d241 .* -$' "$out" || { show; false; }
	[ "$(in_index aa5f939b29f3d241)" = null ]
}

@test "what is not about the model is refused, and nothing is published" {
	refused() {
		rm -rf "$TREE"
		publish "$WORK/v2.rnm" --eval "$1"
		expect_rc "$2"
		expect_plain_error
		expect_err "$3"
		[ ! -e "$TREE/index.json" ] && [ -z "$(ls -A "$TREE/objects" 2>/dev/null)" ]
	}
	refused "$WORK/e1" 8 "the evaluation is of another model than $DIGEST"
	cat "$WORK/e1" "$WORK/e2" >"$BATS_TEST_TMPDIR/both"
	refused "$BATS_TEST_TMPDIR/both" 8 "(one of several)"
	evaluate "$WORK/v2.rnm" --raw >"$BATS_TEST_TMPDIR/raw"
	refused "$BATS_TEST_TMPDIR/raw" 8 "does not say of which model it is"
	rnm eval "$WORK/v2.rnm" --spam "$WORK/mail/spam.jsonl" --ham /dev/null --json >"$BATS_TEST_TMPDIR/one"
	refused "$BATS_TEST_TMPDIR/one" 8 "without vectors of spam or without vectors of ham"
	local n=0 change
	for change in '.used.confusion.spam.spam_symbol = -1' '.used.confusion.spam.spam_symbol = 1e15' '.auc = 1.5' '.time = "now"' \
		'.model_hash = "x"' 'del(.used)' '.used.spam_threshold = null' '.spam.file = ("x" * 256)' '.ham = []' '[.]'; do
		n=$((n + 1))
		jq "$change" "$WORK/e2" >"$BATS_TEST_TMPDIR/bad"
		refused "$BATS_TEST_TMPDIR/bad" 3 'expected what `rnm eval --json` prints'
	done
	echo '{' >"$BATS_TEST_TMPDIR/bad"
	refused "$BATS_TEST_TMPDIR/bad" 3 "found no JSON (document 1)"
	{ cat "$WORK/e2"; echo 7; } >"$BATS_TEST_TMPDIR/bad"
	refused "$BATS_TEST_TMPDIR/bad" 3 "(document 2)"
	refused /dev/null 3 "found no JSON"
	refused "$WORK/none" 4 "cannot open"
	publish --renew --sign "$KEY" --eval "$WORK/e1"
	expect_rc 2
	publish --rollback --eval "$WORK/e1"
	expect_rc 2
	call rnm publish - --to "$TREE" --eval - <"$WORK/v1.rnm"
	expect_rc 2
	expect_err "standard input can be read once"
	# A dry run sees the same.
	publish "$WORK/v2.rnm" --eval "$WORK/e1" --dry-run
	expect_rc 8
	publish "$WORK/v2.rnm" --eval "$WORK/e2" --dry-run --json
	expect_rc 0
	expect_json ".models[0].evaluation == $(record "$WORK/e2")"
}

@test "trees of other times: without figures, and with members that nobody knows yet" {
	publish "$WORK/v1.rnm"
	! grep -q evaluation "$TREE/index.json" "$TREE/history.jsonl"
	# A line of a later rnm, whose evaluation says more.
	python - "$TREE/history.jsonl" "$WORK/e1" <<-'END'
	import json, sys
	line = json.loads(open(sys.argv[1]).read())
	figures = json.load(open(sys.argv[2]))
	line["model"]["evaluation"] = {"auc": 0.5, "ham": 2, "ham_as_ham": 1, "ham_as_spam": 0, "ham_source": None, "ham_threshold": 0,
	                               "later": {"x": [1]}, "model_hash": figures["model_hash"], "spam": 3, "spam_as_ham": 0,
	                               "spam_as_spam": 3, "spam_source": None, "spam_threshold": 0.5, "time": 1795446802}
	line["later"] = 1
	open(sys.argv[1], "w").write(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n")
	END
	rm "$TREE/index.json"
	publish "$WORK/second.rnm"
	expect_rc 0
	in_index | jq -e '.auc == 0.5 and .spam == 3 and .ham_source == null and has("later") == false'
	sound
	sed -i 's/"auc":0.5/"auc":5/' "$TREE/history.jsonl"
	publish "$WORK/second.rnm"
	expect_rc 3
	expect_err "line 1 of history.jsonl: a member is missing or odd"
}

@test "the systemd units: well formed and hardened, and the service signs a tree anew" {
	command -v systemd-analyze >/dev/null || skip "systemd is not installed"
	local units="$BATS_TEST_DIRNAME/../../packaging/systemd" command before
	mkdir "$WORK/units"
	cp "$units"/rnm-renew@.* "$WORK/units"
	sed -i "s|/usr/bin/rnm|$BIN/rnm|" "$WORK/units/rnm-renew@.service"
	run systemd-analyze verify --man=no "$WORK/units/rnm-renew@.service" "$WORK/units/rnm-renew@.timer"
	[ "$status" -eq 0 ] && [ -z "$output" ] || { echo "$output"; false; }
	systemd-analyze security --offline=true --threshold=20 "$units/rnm-renew@.service" >/dev/null
	systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "$units/rnm-renew@.timer")" >/dev/null
	publish "$WORK/v1.rnm" --sign "$KEY" --valid-for 1h
	before=$(jq .not_after "$TREE/index.json")
	command=$(sed -n 's/^ExecStart=//p' "$WORK/units/rnm-renew@.service")
	TREE="$TREE" KEY="$KEY" OPTIONS=--json call bash -c "$command"
	expect_rc 0
	expect_json '.models[0].state == "renewed"'
	[ "$(jq .not_after "$TREE/index.json")" -ge $((before + 7000000)) ]
	sound "$PUB"
}
