# SPDX-License-Identifier: Apache-2.0
# rnm score: recorded models and their recorded outputs, every format, decisions, bad input, streams.
load helpers

setup_file() {
	common_setup_file
	export MODELS="$DATA/models" VECTORS="$BATS_TEST_DIRNAME/vectors.py"
	start_recorded_redis
}

teardown_file() {
	stop_redis
}

vectors() {
	python "$VECTORS" "$@"
}

# Twelve vectors of symbol_10 as JSON lines.
ten() {
	vectors write jsonl "$MODELS/symbol_10.json" "$BATS_TEST_TMPDIR/ten.jsonl"
	echo "$BATS_TEST_TMPDIR/ten.jsonl"
}

@test "every recorded model gives its recorded outputs" {
	for kann in "$MODELS"/*.kann; do
		name=$(basename "$kann" .kann)
		pca=()
		[ ! -e "$MODELS/$name.pca" ] || pca=(--pca "$MODELS/$name.pca")
		vectors write jsonl "$MODELS/$name.json" "$BATS_TEST_TMPDIR/in"
		call rnm score "$kann" "${pca[@]}" --vectors "$BATS_TEST_TMPDIR/in"
		expect_rc 0
		expect_no_err
		vectors check "$MODELS/$name.json" "$out"
	done
}

@test "all formats give the same, with and without identifiers" {
	record="$MODELS/embedding_64.json"
	for form in jsonl csv tsv ssv blanks f4 f8 f4be; do
		vectors write $form "$record" "$BATS_TEST_TMPDIR/in"
		call rnm score "$MODELS/embedding_64.kann" --vectors "$BATS_TEST_TMPDIR/in"
		expect_rc 0
		vectors check "$record" "$out"
		call rnm score "$MODELS/embedding_64.kann" <"$BATS_TEST_TMPDIR/in"
		expect_rc 0
		vectors check "$record" "$out"
	done
	for form in objects csv-id; do
		vectors write $form "$record" "$BATS_TEST_TMPDIR/in"
		call rnm score "$MODELS/embedding_64.kann" --vectors "$BATS_TEST_TMPDIR/in"
		expect_rc 0
		vectors check "$record" "$out" ids
	done
	printf '{"id":12.50,"vector":[%s]}\n' "$(yes 0 | head -64 | paste -sd,)" >"$BATS_TEST_TMPDIR/in"
	call rnm score "$MODELS/embedding_64.kann" --vectors "$BATS_TEST_TMPDIR/in"
	expect_out '{"id":12.50,"output":['
}

@test "a format that is given is not guessed" {
	vectors write csv "$MODELS/symbol_10.json" "$BATS_TEST_TMPDIR/in"
	call rnm score "$MODELS/symbol_10.kann" --format csv --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 0
	call rnm score "$MODELS/symbol_10.kann" --format json --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 3
	expect_err "in:1:1: expected an array of numbers or an object with \`vector\`, found '0'"
	call rnm score "$MODELS/symbol_10.kann" --format npy --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 3
	expect_err "expected a .npy file, found another"
	call rnm score "$MODELS/symbol_10.kann" --format xml --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 2
}

@test "the matrix is found plain and compressed, in RNM1 files too; --raw leaves it out" {
	record="$MODELS/symbol_40_pca8.json"
	vectors write jsonl "$record" "$BATS_TEST_TMPDIR/in"
	zstd -q "$MODELS/symbol_40_pca8.pca" -o "$BATS_TEST_TMPDIR/pca.zst"
	call rnm score "$MODELS/symbol_40_pca8.kann" --pca "$BATS_TEST_TMPDIR/pca.zst" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 0
	vectors check "$record" "$out"
	vectors model "$BATS_TEST_TMPDIR/m.rnm" "$MODELS/symbol_40_pca8.kann" pca="$MODELS/symbol_40_pca8.pca"
	call rnm score "$BATS_TEST_TMPDIR/m.rnm" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 0
	vectors check "$record" "$out"
	call rnm score "$BATS_TEST_TMPDIR/m.rnm" --pca "$MODELS/symbol_40_pca8.pca" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 2
	expect_err "found one with its own"
	# Raw vectors are 8 long here.
	call rnm score "$BATS_TEST_TMPDIR/m.rnm" --raw --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 3
	expect_err "in:1: expected 8 numbers, found 40"
	echo "[1,2,3,4,5,6,7,8]" | rnm score "$BATS_TEST_TMPDIR/m.rnm" --raw >"$BATS_TEST_TMPDIR/a"
	echo "[1,2,3,4,5,6,7,8]" | rnm score "$MODELS/symbol_40_pca8.kann" >"$BATS_TEST_TMPDIR/b"
	cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	# A matrix for another network, and one that is none.
	call rnm score "$MODELS/symbol_10.kann" --pca "$MODELS/symbol_40_pca8.pca" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 3
	expect_err "expected PCA rows to equal the network's input 10, found 8"
	head -c 100 "$MODELS/symbol_40_pca8.pca" >"$BATS_TEST_TMPDIR/cut"
	call rnm score "$MODELS/symbol_40_pca8.kann" --pca "$BATS_TEST_TMPDIR/cut" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 3
	expect_plain_error
}

@test "normalisation is that of the model, in double precision" {
	ones=$(yes 1 | head -10 | paste -sd,)
	twos=$(yes 2 | head -10 | paste -sd,)
	vectors model "$BATS_TEST_TMPDIR/z" "$MODELS/symbol_10.kann" "norm_stats={\"mode\":\"zscore\",\"mean\":[$ones],\"std\":[$twos]}"
	vectors model "$BATS_TEST_TMPDIR/u" "$MODELS/symbol_10.kann" 'norm_stats={"mode":"unit"}'
	# (v - 1) / 2
	echo "[3,5,-1,1,1,1,1,1,1,2]" | rnm score "$BATS_TEST_TMPDIR/z" | jq .score >"$BATS_TEST_TMPDIR/a"
	echo "[1,2,-1,0,0,0,0,0,0,0.5]" | rnm score "$MODELS/symbol_10.kann" | jq .score >"$BATS_TEST_TMPDIR/b"
	cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	# v / 5; a vector of zeros stays one
	printf '%s\n' "[3,4,0,0,0,0,0,0,0,0]" "[0,0,0,0,0,0,0,0,0,0]" | rnm score "$BATS_TEST_TMPDIR/u" | jq .score >"$BATS_TEST_TMPDIR/a"
	printf '%s\n' "[0.6,0.8,0,0,0,0,0,0,0,0]" "[0,0,0,0,0,0,0,0,0,0]" | rnm score "$MODELS/symbol_10.kann" | jq .score >"$BATS_TEST_TMPDIR/b"
	cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	# A standard deviation of 0, by which rspamd would divide.
	vectors model "$BATS_TEST_TMPDIR/z" "$MODELS/symbol_10.kann" "norm_stats={\"mode\":\"zscore\",\"mean\":[$ones],\"std\":[${ones/1/0}]}"
	call rnm score "$BATS_TEST_TMPDIR/z" --vectors /dev/null
	expect_rc 3
	expect_plain_error
}

# rule.conf with the given options of a rule r.
rule() {
	echo "redis { servers = \"$SOCKET\"; } neural { rules { r { $1 } } }" >"$BATS_TEST_TMPDIR/rule.conf"
}
# symbols ARGUMENT...: the symbols of the twelve vectors, in one line.
symbols() {
	rnm score "$BATS_TEST_TMPDIR/m.rnm" --vectors "$(ten)" "$@" | jq -r '"\(.symbol)"' | sort | uniq -c | awk '{printf "%s%s=%s", sep, $2, $1; sep=" "}'
}

@test "symbols are decided by the thresholds of the model, or of a rule" {
	# Scores: 0.826 -0.920 0.992 -0.702 0.975 -0.747 0.995 -0.767 0.965 and three more below
	rnm score "$MODELS/symbol_10.kann" --vectors "$(ten)" | jq -c '[.score, .symbol]' >"$BATS_TEST_TMPDIR/plain"
	above=$(jq -s '[.[] | select(.[0] >= 0.97)] | length' "$BATS_TEST_TMPDIR/plain")
	positive=$(jq -s '[.[] | select(.[0] > 0)] | length' "$BATS_TEST_TMPDIR/plain")
	below=$(jq -s '[.[] | select(.[0] <= -0.75)] | length' "$BATS_TEST_TMPDIR/plain")
	[ "$above" -gt 0 ] && [ "$above" -lt "$positive" ] && [ "$below" -gt 0 ] && [ "$below" -lt $((12 - positive)) ]
	vectors model "$BATS_TEST_TMPDIR/m.rnm" "$MODELS/symbol_10.kann" 'roc_thresholds=[0.97,0.75]'
	expected="NEURAL_HAM=$below NEURAL_SPAM=$above null=$((12 - above - below))"
	[ "$(symbols)" = "$expected" ]
	# A rule without roc_enabled does not look at them, one with it does.
	rule ""
	[ "$(symbols -c "$BATS_TEST_TMPDIR/rule.conf" -r r)" = "NEURAL_HAM=$((12 - positive)) NEURAL_SPAM=$positive" ]
	rule "roc_enabled = true;"
	[ "$(symbols -c "$BATS_TEST_TMPDIR/rule.conf" -r r)" = "$expected" ]
	# Its own thresholds win, one by one.
	rule "roc_enabled = true; ham_score_threshold = 2; symbol_spam = \"MINE\";"
	[ "$(symbols -c "$BATS_TEST_TMPDIR/rule.conf" -r r)" = "MINE=$above null=$((12 - above))" ]
	# Thresholds below 0, as separable training data gives them, have no effect.
	vectors model "$BATS_TEST_TMPDIR/m.rnm" "$MODELS/symbol_10.kann" 'roc_thresholds=[-0.9,-0.9]'
	[ "$(symbols)" = "NEURAL_HAM=$((12 - positive)) NEURAL_SPAM=$positive" ]
	rule "flat_threshold_curve = true; spam_score_threshold = 2;"
	call rnm score "$BATS_TEST_TMPDIR/m.rnm" -c "$BATS_TEST_TMPDIR/rule.conf" -r r --vectors "$(ten)"
	[ "$(jq -c '[.symbol, .weight]' "$out" | sort -u | tr '\n' ' ')" = '["NEURAL_HAM",1] [null,null] ' ]
	rule 'spam_score_threshold = "x";'
	call rnm score "$BATS_TEST_TMPDIR/m.rnm" -c "$BATS_TEST_TMPDIR/rule.conf" -r r --vectors "$(ten)"
	expect_rc 3
	expect_err "expected a number as spam_score_threshold of the rule r, found a value of type string"
	call rnm score "$BATS_TEST_TMPDIR/m.rnm" -c "$BATS_TEST_TMPDIR/rule.conf" -r other --vectors "$(ten)"
	expect_rc 4
}

@test "a model in Redis scores as its export does" {
	vectors write jsonl "$MODELS/embedding_64.json" "$BATS_TEST_TMPDIR/in"
	for settings in unit no_roc tie; do
		rnm export -q -c "$CONF" -r embed -s $settings -o "$BATS_TEST_TMPDIR/m.rnm"
		rnm score "$BATS_TEST_TMPDIR/m.rnm" --vectors "$BATS_TEST_TMPDIR/in" -c "$CONF" -r embed >"$BATS_TEST_TMPDIR/a"
		rnm score "redis:embed/$settings" --vectors "$BATS_TEST_TMPDIR/in" -c "$CONF" >"$BATS_TEST_TMPDIR/b"
		cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/b")" = 12 ]
	done
	sed 's/providers/roc_enabled = true; providers/' "$CONF" >"$BATS_TEST_TMPDIR/roc.conf"
	call rnm score redis:embed/no_roc -c "$BATS_TEST_TMPDIR/roc.conf" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 0
	expect_err "warning: the rule embed has roc_enabled, but the model was trained without thresholds"
}

@test "an unfit model is refused with its finding" {
	# One weight becomes NaN; the node table of such a model ends at 341.
	{ head -c 341 "$MODELS/symbol_10.kann"; printf '\0\0\xc0\x7f'; tail -c +346 "$MODELS/symbol_10.kann"; } >"$BATS_TEST_TMPDIR/nan"
	call rnm score "$BATS_TEST_TMPDIR/nan" --vectors /dev/null
	expect_rc 3
	expect_no_out
	expect_plain_error
	grep -qi "nan\|finite" "$err" || { show; false; }
	head -c 300 "$MODELS/symbol_10.kann" >"$BATS_TEST_TMPDIR/cut"
	call rnm score "$BATS_TEST_TMPDIR/cut" --vectors /dev/null
	expect_rc 3
	expect_plain_error
	expect_err "rnm: $BATS_TEST_TMPDIR/cut: "
	call rnm score /nonexistent --vectors /dev/null
	expect_rc 4
}

@test "a bad vector ends the run with its line; those before it are answered" {
	{ head -3 "$(ten)"; echo '[1,2,oops]'; tail -1 "$(ten)"; } >"$BATS_TEST_TMPDIR/in"
	call rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 3
	[ "$(wc -l <"$out")" = 3 ]
	expect_err "in:4:6: expected a number, found 'o'"
	expect_plain_error
	printf '[1,2]\n' >"$BATS_TEST_TMPDIR/in"
	call rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 3
	expect_err "in:1: expected 10 numbers, found 2"
	printf '[0,1,2,3,NaN,5,6,7,8,9]\n' >"$BATS_TEST_TMPDIR/in"
	call rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 3
	expect_err "in:1:10: expected a finite number as component 4, found NaN"
	# Finite as a double, not as the float that the network takes.
	printf '\n[0,1,2,3,1e200,5,6,7,8,9]\n' >"$BATS_TEST_TMPDIR/in"
	call rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 3
	expect_err "in:2: component 4"
	zstd -q "$(ten)" -o "$BATS_TEST_TMPDIR/in.zst"
	call rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/in.zst"
	expect_rc 3
	expect_err "hint: expand it on the way: zstd -dc FILE"
	vectors write f4 "$MODELS/symbol_10.json" "$BATS_TEST_TMPDIR/npy"
	truncate -s -8 "$BATS_TEST_TMPDIR/npy"
	call rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/npy"
	expect_rc 3
	[ "$(wc -l <"$out")" = 11 ]
	expect_err "found the end of the file in row 12"
}

@test "--keep-going names bad vectors, counts them and exits with 1" {
	{ head -3 "$(ten)"; echo '[1]'; echo 'x'; tail -1 "$(ten)"; } >"$BATS_TEST_TMPDIR/in"
	call rnm score "$MODELS/symbol_10.kann" --keep-going --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 1
	[ "$(jq -c .id "$out" | tr '\n' ' ')" = "1 2 3 6 " ]
	expect_err "in:4: expected 10 numbers, found 1"
	expect_err "in:5:1: expected an array"
	expect_err "warning: skipped 2 of 6 vectors of $BATS_TEST_TMPDIR/in"
	# A flood of messages helps nobody.
	yes '[1]' | head -500 >>"$BATS_TEST_TMPDIR/in"
	call rnm score "$MODELS/symbol_10.kann" -k --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 1
	expect_err "warning: skipped 502 of 506 vectors"
	[ "$(wc -l <"$err")" -le 22 ]
	# What is no single vector is not passed over.
	call rnm score "$MODELS/symbol_10.kann" -k --vectors /nonexistent
	expect_rc 4
	vectors write f4 "$MODELS/symbol_10.json" "$BATS_TEST_TMPDIR/npy"
	truncate -s -8 "$BATS_TEST_TMPDIR/npy"
	call rnm score "$MODELS/symbol_10.kann" -k --vectors "$BATS_TEST_TMPDIR/npy"
	expect_rc 3
}

@test "each vector is answered while the pipe stays open" {
	mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	timeout 60 rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
	pid=$!
	# In this order: each end waits for the other, and the shell opens the output first.
	exec 8<"$BATS_TEST_TMPDIR/out"
	exec 7>"$BATS_TEST_TMPDIR/in"
	for i in 1 2 3; do
		sed -n ${i}p "$(ten)" >&7
		read -r -t 30 answer <&8
		[[ $answer == "{\"id\":$i,"* ]]
	done
	# Two at once, and the beginning of a third.
	sed -n 4,5p "$(ten)" >&7
	printf '[1,2' >&7
	read -r -t 30 answer <&8
	[[ $answer == '{"id":4,'* ]]
	read -r -t 30 answer <&8
	[[ $answer == '{"id":5,'* ]]
	exec 7>&-
	rc=0
	wait $pid || rc=$?
	[ $rc = 3 ]
	exec 8<&-
}

@test "memory does not grow with the number of vectors" {
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1"
	read -r few many < <(vectors rss "$RNM" score "$MODELS/symbol_10.kann")
	echo "1,000 vectors: $few KiB, 100,000 vectors: $many KiB"
	[ "$many" -lt $((few + 4096)) ]
}

@test "a reader that has enough ends the run quietly" {
	yes '[0,1,2,3,4,5,6,7,8,9]' | head -20000 >"$BATS_TEST_TMPDIR/in"
	set +o pipefail
	{
		rc=0
		rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/in" 2>"$BATS_TEST_TMPDIR/err" || rc=$?
		echo $rc >"$BATS_TEST_TMPDIR/rc"
	} | head -1 >/dev/null
	[ "$(cat "$BATS_TEST_TMPDIR/rc")" = 141 ]
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
	call rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/in"
	[ "$(wc -l <"$out")" = 20000 ]
	rc=0
	rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/in" >/dev/full 2>"$BATS_TEST_TMPDIR/err" || rc=$?
	[ $rc = 5 ]
}

@test "hostile identifiers stay data" {
	printf '{"id":"a\\u001b[2J\\u007f\\u009b\\"","vector":[0,1,2,3,4,5,6,7,8,9]}\n' >"$BATS_TEST_TMPDIR/in"
	call rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR/in"
	expect_rc 0
	expect_json '.id == "a\u001b[2J\u007f\u009b\""'
	! grep -qaP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$out" || { show; false; }
}

@test "wrong usage" {
	call rnm score
	expect_rc 2
	call rnm score - --vectors -
	expect_rc 2
	expect_err "several things are to be read from standard input"
	call rnm score - # vectors come from standard input by default
	expect_rc 2
	call rnm score m --raw --pca x
	expect_rc 2
	expect_err "--raw and --pca exclude each other"
	call rnm score "$MODELS/symbol_10.kann" --vectors "$BATS_TEST_TMPDIR"
	expect_rc 5
	call rnm score "$MODELS/symbol_10.kann" --vectors /dev/null
	expect_rc 0
	expect_no_out
	expect_no_err
}
