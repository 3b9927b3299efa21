#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm watch: from a real Redis into a tree, which tree.py reads as consumers do.

load helpers

setup_file() {
	common_setup_file
	export KEY="$WORK/publisher.key" PUB="$DATA/sign/kp1.pub" MADE="$BATS_TEST_DIRNAME/made_model.py"
	install -m 600 "$DATA/sign/kp1.ucl" "$KEY"
	start_redis
	export CONF="$WORK/rnm.conf"
	configure "servers = \"$SOCKET\";" >"$CONF"
	DIGEST=$(rnm digest -c "$CONF" -r embed)
	export DIGEST
	networks
}

teardown_file() {
	stop_redis
}

configure() {
	cat <<-END
	redis { $1 }
	neural { rules {
		embed { providers = [ { type = "llm"; model = "m"; dim = 12; } ]; disable_symbols_input = true; fusion { include_meta = false; } }
		other { providers = [ { type = "llm"; model = "n"; dim = 12; } ]; disable_symbols_input = true; fusion { include_meta = false; } }
		symbolic { symbol_spam = "S"; }
	} }
	END
}

# Networks N of twelve inputs, a damaged one, and mail that network 1 tells apart without an error: spam is what it calls so.
networks() {
	local n
	for n in 1 2 3; do
		python "$MADE" "$WORK/$n.kann" 12 seed=$n plain=1
		zstd -q "$WORK/$n.kann" -o "$WORK/$n.zst"
	done
	python "$MADE" "$WORK/wide.kann" 12 seed=4 hidden=9 plain=1
	zstd -q "$WORK/wide.kann" -o "$WORK/wide.zst"
	{ head -c -4 "$WORK/1.kann"; printf '\0\0\300\177'; } | zstd -q -o "$WORK/nan.zst" --stream-size="$(stat -c %s "$WORK/1.kann")"
	python - "$WORK" <<-'END'
	import json, random, sys
	random.seed(7)
	with open(sys.argv[1] + "/mail.jsonl", "w") as file:
	    for _ in range(120):
	        print(json.dumps([round(random.gauss(0, 1), 6) for _ in range(12)]), file=file)
	END
	rnm score "$WORK/1.kann" --vectors "$WORK/mail.jsonl" | jq .score | paste -d'\t' - "$WORK/mail.jsonl" | sort -g >"$WORK/sorted"
	head -60 "$WORK/sorted" | cut -f2 >"$WORK/ham.jsonl"
	tail -60 "$WORK/sorted" | cut -f2 >"$WORK/spam.jsonl"
}

setup() {
	TREE="$BATS_TEST_TMPDIR/tree"
	cli flushall >/dev/null
	cli config set notify-keyspace-events Kz >/dev/null
}

teardown() {
	end_watch
}

# trained VERSION NETWORK [RULE]: what rspamd leaves behind when it has trained a model: the list and the hash in one step,
# the old hash obsolete, its vectors for ten minutes more.
trained() {
	local version=$1 network=$2 rule=${3:-embed} digest key old member
	digest=$(rnm digest -c "$CONF" -r "$rule")
	key=rn_${rule}_default_${digest:0:8}
	old=${key}_$((version - 1)) key=${key}_$version
	member="{\"digest\":\"$digest\",\"symbols\":[],\"version\":$version,\"redis_key\":\"$key\",\"providers_digest\":\"$digest\"}"
	cli -x hset "$key:new" ann <"$WORK/$network.zst" >/dev/null
	cli eval "redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2]) redis.call('RENAME', KEYS[2]..':new', KEYS[2])
		redis.call('HSET', KEYS[2], 'roc_thresholds', '[]') redis.call('EXPIRE', KEYS[2], 172800)
		redis.call('HSET', KEYS[3], 'obsolete', '1') redis.call('EXPIRE', KEYS[3], 600)
		redis.call('EXPIRE', KEYS[1], 172800)" 3 "rn3_${rule}_3_default" "$key" "$old" "$(date +%s)" "$member" >/dev/null
	MODEL_KEY=$key
}

# gathered KEY: the mail as training sets of that model.
gathered() {
	python "$BATS_TEST_DIRNAME/vectors.py" train "$SOCKET" "$1_spam_set" "$WORK/spam.jsonl"
	python "$BATS_TEST_DIRNAME/vectors.py" train "$SOCKET" "$1_ham_set" "$WORK/ham.jsonl"
}

once() {
	call rnm watch -c "$CONF" -r embed --to "$TREE" --sign "$KEY" --once "$@"
}

# watch ARGUMENT...: one that stays; its messages in the files $log and $events.
watch() {
	log="$BATS_TEST_TMPDIR/log" events="$BATS_TEST_TMPDIR/events"
	"$BIN/rnm" watch --to "$TREE" --sign "$KEY" --json "$@" >"$events" 2>"$log" 3>&- 4>&- &
	PID=$!
}

end_watch() {
	[ -z "${PID:-}" ] || kill -9 "$PID" 2>/dev/null || true
	PID=
}

# until_event FILTER [COUNT]: waits until so many events are as jq wants them.
until_event() {
	for _ in $(seq 300); do
		[ "$(jq -c "select($1)" "$events" 2>/dev/null | wc -l)" -lt "${2:-1}" ] || return 0
		sleep 0.05
	done
	echo "no event: $1"
	cat "$events" "$log"
	return 1
}
until_told() {
	for _ in $(seq 300); do
		! grep -qF -- "$1" "$log" || return 0
		sleep 0.05
	done
	echo "never told: $1"
	cat "$events" "$log"
	return 1
}

# ended SIGNAL CODE: the watch ends at once, and so.
ended() {
	local rc=0
	kill "-$1" "$PID"
	wait "$PID" || rc=$?
	PID=
	[ "$rc" = "$2" ] || { echo "exit code $rc"; cat "$log"; false; }
}

sound() {
	PYTHONDONTWRITEBYTECODE=1 python "$BATS_TEST_DIRNAME/tree.py" "$TREE" "$PUB"
}

# published VERSION NETWORK: what consumers get.
published() {
	sound
	call rnm inspect "$TREE/models/$DIGEST" --json
	expect_json ".model_version == $1"
	call rnm diff --json "$TREE/models/$DIGEST" "$WORK/$2.kann"
	expect_json '.verdict == "same-network"'
}

# untouched COMMAND...: whatever it does, not to the tree.
untouched() {
	rm -rf "$BATS_TEST_TMPDIR/copy"
	cp -a "$TREE" "$BATS_TEST_TMPDIR/copy"
	"$@"
	diff -r "$TREE" "$BATS_TEST_TMPDIR/copy"
	[ "$(stat -c %y "$TREE/models/$DIGEST")" = "$(stat -c %y "$BATS_TEST_TMPDIR/copy/models/$DIGEST")" ]
}

# ---- one look ---------------------------------------------------------------------------------------------------

@test "once: nothing there, published, current, older, another of the same version" {
	once
	expect_rc 4
	expect_plain_error
	expect_err "rule embed: there are no models in Redis under rn3_embed_3_default"
	[ ! -e "$TREE" ]
	trained 1 1
	once --dry-run
	expect_rc 0
	expect_out "would publish: version 1 of the rule embed as $DIGEST in $TREE"
	[ ! -e "$TREE" ]
	once
	expect_rc 0
	expect_no_err
	expect_out "published: version 1 of the rule embed as $DIGEST in $TREE"
	published 1 1
	untouched once
	expect_rc 0
	expect_out "current: version 1"
	# A worker has loaded it meanwhile, and dated it anew: still the same model.
	cli zadd rn3_embed_3_default "$(($(date +%s) + 60))" "$(cli zrange rn3_embed_3_default 0 -1)" >/dev/null
	untouched once --json
	expect_rc 0
	expect_json '.event == "current" and .model_version == 1 and .published_version == 1 and .gate == null'
	trained 2 2
	once --json
	expect_rc 0
	expect_json ".event == \"published\" and .model_version == 2 and .published_version == 2 and .previous_version == 1 and
		.name == \"$DIGEST\" and .rule == \"embed\" and .settings == \"default\" and .relation == \"retrain\" and .dry_run == false and
		.blake2b == \"$(b2sum -l 256 "$TREE/models/$DIGEST" | cut -d' ' -f1)\" and .serial == 2 and .auc == null and .drift == null"
	published 2 2
	# Redis has lost everything, and rspamd has begun again.
	cli flushall >/dev/null
	trained 1 3
	untouched once
	expect_rc 8
	expect_plain_error
	expect_err "rule embed: version 1 was held back: version 1 is not above version 2"
	expect_err "rnm import"
	cli flushall >/dev/null
	trained 2 3
	untouched once --json
	expect_rc 8
	expect_json '.event == "held" and .gate == "succession" and .id == "publish.version" and .model_version == 2'
}

@test "once: what is no good for the rule, or does not go with what consumers have" {
	trained 1 1
	once
	trained 2 nan
	untouched once --json
	expect_rc 8
	expect_json '.event == "held" and .gate == "verify" and .published_version == null and (.problem | length > 0)'
	expect_err "rule embed: version 2 was held back: "
	trained 3 wide
	untouched once
	expect_rc 8
	expect_err "version 3 was held back: the model has another architecture beside version 1"
	# Half of a network.
	trained 4 1
	head -c 100 "$WORK/1.zst" | cli -x hset "$MODEL_KEY" ann >/dev/null
	untouched once --json
	expect_rc 8
	expect_json '.event == "held" and .gate == "verify" and .model_version == 4'
	# Trained for other inputs: workers pass it over, and so the one before is still the one.
	cli zadd rn3_embed_3_default 1900000000 \
		"$(cli zrange rn3_embed_3_default -1 -1 | sed "s/\"providers_digest\":\"$DIGEST\"/\"providers_digest\":\"0123456789abcdef\"/; s/\"version\":4/\"version\":9/")" >/dev/null
	untouched once --json
	expect_json '.model_version == 4'
}

@test "once: --min-auc on files, on the vectors it was trained from, on those gathered since" {
	trained 1 1
	once --min-auc 0.99 --spam "$WORK/spam.jsonl" --ham "$WORK/ham.jsonl"
	expect_rc 0
	expect_out "area under the ROC curve 1.0000, on 60 spam and 60 ham"
	# What was measured is published with it: the figures of rnm eval, of the very model.
	call rnm eval "$TREE/models/$DIGEST" -c "$CONF" -r embed --spam "$WORK/spam.jsonl" --ham "$WORK/ham.jsonl" --json
	[ "$(jq -cS '.models[0].evaluation | del(.time)' "$TREE/index.json")" = "$(jq -cS '{auc, model_hash, spam: 60, ham: 60,
		spam_source: "spam.jsonl", ham_source: "ham.jsonl", spam_as_spam: .used.confusion.spam.spam_symbol,
		spam_as_ham: .used.confusion.spam.ham_symbol, ham_as_spam: .used.confusion.ham.spam_symbol,
		ham_as_ham: .used.confusion.ham.ham_symbol, spam_threshold: .used.spam_threshold, ham_threshold: .used.ham_threshold}' "$out")" ]
	trained 2 2
	untouched once --min-auc 0.99 --spam "$WORK/spam.jsonl" --ham "$WORK/ham.jsonl" --json
	expect_rc 8
	expect_json '.event == "held" and .gate == "auc" and .id == "watch.auc" and .spam == 60 and .ham == 60'
	# The figure is that of rnm eval.
	auc=$(jq .auc "$out")
	call rnm eval "$WORK/2.kann" --spam "$WORK/spam.jsonl" --ham "$WORK/ham.jsonl" --json
	[ "$(jq .auc "$out")" = "$auc" ]
	# The training sets: nothing there; those of the model before; its own.
	untouched once --min-auc 0.99
	expect_rc 4
	expect_plain_error
	expect_err "version 2 cannot be judged yet: expected at least 10 vectors of spam and of ham in the training sets, found 0 and 0"
	gathered "${MODEL_KEY%2}1"
	untouched once --min-auc 0.99 --json
	expect_rc 8
	expect_json ".gate == \"auc\" and .spam == 60 and .ham == 60 and .auc == $auc"
	cli rename "${MODEL_KEY%2}1_spam_set" "${MODEL_KEY}_spam_set" >/dev/null
	cli rename "${MODEL_KEY%2}1_ham_set" "${MODEL_KEY}_ham_set" >/dev/null
	untouched once --min-auc 0.99 --json
	expect_json ".gate == \"auc\" and .auc == $auc"
	once --min-auc 0.01
	expect_rc 0
	published 2 2
	jq -e ".models[0].evaluation | .auc == $auc and .spam_source == null and .ham_source == null" "$TREE/index.json"
	# Files that cannot be used are nobody's verdict on the model.
	trained 3 1
	untouched once --min-auc 0.5 --spam "$WORK/nowhere" --ham "$WORK/ham.jsonl"
	expect_rc 4
	expect_plain_error
	echo '[1, 2]' >"$BATS_TEST_TMPDIR/short"
	untouched once --min-auc 0.5 --spam "$BATS_TEST_TMPDIR/short" --ham "$WORK/ham.jsonl" --json
	expect_rc 3
	expect_json '.event == "failed" and .id == "vector.length" and .rule == "embed"'
}

@test "once: --max-drift against what consumers have" {
	trained 1 1
	# Nothing to drift from yet.
	once --max-drift 0 --spam "$WORK/spam.jsonl" --ham "$WORK/ham.jsonl"
	expect_rc 0
	# The same weights once more do not drift at all.
	trained 2 1
	once --max-drift 0 --spam "$WORK/spam.jsonl" --ham "$WORK/ham.jsonl" --json
	expect_rc 0
	expect_json '.event == "published" and .drift == 0 and .weight_cosine > 0.999999 and .auc == null'
	jq -e '.models[0].evaluation | .auc == 1 and .spam == 60' "$TREE/index.json"
	trained 3 2
	untouched once --max-drift 0.001 --spam "$WORK/spam.jsonl" --ham "$WORK/ham.jsonl" --json
	expect_rc 8
	expect_json '.event == "held" and .gate == "drift" and .id == "watch.drift" and .published_version == 2 and .start == "separate"'
	expect_err "its scores differ from those of the published version 2 by 0."
	# The figure, from the scores themselves.
	cat "$WORK/spam.jsonl" "$WORK/ham.jsonl" >"$BATS_TEST_TMPDIR/all"
	paste <(rnm score "$WORK/1.kann" --vectors "$BATS_TEST_TMPDIR/all" | jq .score) \
		<(rnm score "$WORK/2.kann" --vectors "$BATS_TEST_TMPDIR/all" | jq .score) |
		awk -v drift="$(jq .drift "$out")" '{ d = $1 - $2; sum += d < 0 ? -d : d } END { e = sum / NR - drift; exit !(NR == 120 && e < 1e-5 && e > -1e-5) }'
	once --max-drift 2 --spam "$WORK/spam.jsonl" --ham "$WORK/ham.jsonl"
	expect_rc 0
	published 3 2
}

@test "once: --gate sees the file and says no" {
	local seen="$BATS_TEST_TMPDIR/seen"
	trained 1 1
	once
	trained 2 2
	export TMPDIR="$BATS_TEST_TMPDIR/spool"
	mkdir "$TMPDIR"
	untouched once --gate "env -u RNM_BUILD -u RNM_SHARED -u RNM_TESTS | grep ^RNM_ | sort >'$seen'; cp \"\$RNM_FILE\" '$seen.rnm'; echo to stdout; exit 3" --json
	expect_rc 8
	expect_json '.event == "held" and .gate == "command" and .id == "watch.gate"'
	expect_err "version 2 was held back: the command of --gate says no with exit code 3"
	expect_err "to stdout"
	diff - <(sed 's/^RNM_FILE=.*/RNM_FILE=/; s/^\(RNM_WEIGHT_COSINE=\).*/\1/' "$seen") <<-END
	RNM_AUC=
	RNM_DRIFT=
	RNM_FILE=
	RNM_MODEL_VERSION=2
	RNM_NAME=$DIGEST
	RNM_PROVIDERS_DIGEST=$DIGEST
	RNM_PUBLISHED_VERSION=1
	RNM_REDIS_KEY=$MODEL_KEY
	RNM_RULE=embed
	RNM_SETTINGS=default
	RNM_WEIGHT_COSINE=
	END
	[ -z "$(ls "$TMPDIR")" ]
	untouched once --gate 'kill -9 $$'
	expect_rc 8
	expect_err "was ended by signal 9"
	once --gate 'test "$RNM_PUBLISHED_VERSION" = 1'
	expect_rc 0
	# What it saw is what consumers get.
	cmp "$seen.rnm" "$TREE/models/$DIGEST"
}

@test "after a rollback the same weights are not published again" {
	trained 1 1
	once
	trained 2 2
	once
	rnm publish --rollback --sign "$KEY" --to "$TREE"
	published 3 1
	untouched once
	expect_rc 8
	expect_err "version 2 is not above version 3"
	expect_err "--model-version 4"
	trained 4 3
	once
	expect_rc 0
	published 4 3
}

@test "once: what cannot be asked for" {
	call rnm watch -c "$CONF" -r embed --once
	expect_rc 2
	expect_err "no tree to publish to"
	once --min-auc 1.5
	expect_rc 2
	once --max-drift -1
	expect_rc 2
	once --spam "$WORK/spam.jsonl" --min-auc 0.5
	expect_rc 2
	once --spam "$WORK/spam.jsonl" --ham "$WORK/ham.jsonl"
	expect_rc 2
	expect_err "no gate that measures"
	once --every 5
	expect_rc 2
	once --name ../x
	expect_rc 2
	call rnm watch -c "$CONF" --all -r embed --to "$TREE" --once
	expect_rc 2
	call rnm watch -c "$CONF" -r symbolic --to "$TREE" --once
	expect_rc 8
	expect_err "no rspamd loads a model for it from a file"
	call rnm watch -c "$CONF" -r nobody --to "$TREE" --once
	expect_rc 4
	call env CONFDIR="$BATS_TEST_TMPDIR" rnm watch --redis "unix://$SOCKET" --to "$TREE" --once
	expect_rc 8
	expect_err "no configuration was read"
	call rnm watch -c "$CONF" -r embed --to "$TREE" --once --sign "$WORK/spam.jsonl"
	expect_rc 3
	# No server, at the end of the line and in the document.
	call rnm watch -c "$CONF" --redis unix:///nowhere -r embed --to "$TREE" --once --json
	expect_rc 5
	expect_json '.event == "failed" and .id == "redis.connect" and .rule == null'
	[ ! -e "$TREE" ]
}

@test "once: another publisher at work, and one that is not ours" {
	trained 1 1
	once
	trained 2 2
	untouched call flock "$TREE/.rnm-lock" "$BIN/rnm" watch -c "$CONF" -r embed --to "$TREE" --sign "$KEY" --once
	expect_rc 8
	expect_err "another publisher works in"
	# Somebody publishes while the model is being judged.
	python "$MADE" "$BATS_TEST_TMPDIR/theirs" 12 digest="$DIGEST" seed=3 version=7
	once --gate "'$BIN/rnm' publish '$BATS_TEST_TMPDIR/theirs' --sign '$KEY' --to '$TREE' --force"
	expect_rc 8
	expect_err "somebody else has published $DIGEST while version 2 was being judged"
	published 7 3
}

# ---- one that stays ---------------------------------------------------------------------------------------------

@test "told by Redis: published at once, held back once, judged again after SIGHUP" {
	trained 1 1
	watch -c "$CONF" -r embed --every 1h --gate '[ ! -e "'"$BATS_TEST_TMPDIR"'/no" ]'
	until_event '.event == "published" and .model_version == 1'
	trained 2 2
	until_event '.event == "published" and .model_version == 2 and .previous_version == 1'
	touch "$BATS_TEST_TMPDIR/no"
	trained 3 3
	until_event '.event == "held" and .model_version == 3'
	# Workers load it, which dates it anew: no reason to judge it again.
	cli zadd rn3_embed_3_default "$(($(date +%s) + 9))" "$(cli zrange rn3_embed_3_default -1 -1)" >/dev/null
	sleep 0.5
	[ "$(jq -s 'map(select(.event == "held")) | length' "$events")" = 1 ]
	published 2 2
	kill -HUP "$PID"
	until_event '.event == "held" and .model_version == 3' 2
	rm "$BATS_TEST_TMPDIR/no"
	kill -HUP "$PID"
	until_event '.event == "published" and .model_version == 3'
	published 3 3
	ended TERM 0
	sound
}

@test "Redis tells of nothing: looked at every so often" {
	cli config set notify-keyspace-events '' >/dev/null
	watch -c "$CONF" -r embed --every 1
	until_event '.event == "empty"'
	until_told "does not tell of changes (notify-keyspace-events lacks Kz): looking every 1 s"
	trained 1 1
	until_event '.event == "published"'
	# The same is not told again.
	[ "$(wc -l <"$events")" = 2 ]
	# Switched on while it waits: it listens already.
	end_watch
	watch -c "$CONF" -r embed --every 1h
	until_event '.event == "current"'
	cli config set notify-keyspace-events KEA >/dev/null
	trained 2 2
	until_event '.event == "published" and .model_version == 2'
	ended TERM 0
}

@test "a user who may neither ask nor listen" {
	cli acl setuser reader on '>p' '~*' resetchannels +ping +select +zrevrange +hexists +hstrlen +pttl +hmget >/dev/null
	configure "servers = \"$SOCKET\"; username = reader; password = p;" >"$BATS_TEST_TMPDIR/reader.conf"
	watch -c "$BATS_TEST_TMPDIR/reader.conf" -r embed --every 1
	until_told "does not let us listen: NOPERM"
	until_told "does not let us know whether it tells of changes"
	trained 1 1
	until_event '.event == "published"'
	# Nothing but this: the channel of the list.
	end_watch
	cli acl setuser reader +subscribe '&__keyspace@0__:rn3_embed_3_default' >/dev/null
	watch -c "$BATS_TEST_TMPDIR/reader.conf" -r embed --every 1h
	until_event '.event == "current"'
	trained 2 2
	until_event '.event == "published" and .model_version == 2'
	ended TERM 0
	cli acl deluser reader >/dev/null
}

@test "another database, its channel, and a list under another name" {
	watch -c "$CONF" --redis "unix://$SOCKET?db=3" -r embed -s mobile --name mobile --every 1h
	until_event '.event == "empty" and .settings == "mobile" and .name == "mobile"'
	python "$MADE" "$BATS_TEST_TMPDIR/m" 12 digest="$DIGEST" version=4
	rnm import "$BATS_TEST_TMPDIR/m" -c "$CONF" --redis "unix://$SOCKET?db=3" -r embed -s mobile -q
	until_event '.event == "published" and .model_version == 4'
	[ -e "$TREE/models/mobile" ]
	sound
	ended TERM 0
}

@test "Redis goes away and comes back: listening again" {
	trained 1 1
	watch -c "$CONF" -r embed --every 1h
	until_event '.event == "published"'
	cli config set save '3600 1' >/dev/null
	cli save >/dev/null
	stop_redis
	until_told "cannot connect to redis server"
	sleep 1
	start_redis --notify-keyspace-events Kz
	until_told "answers again"
	trained 2 2
	until_event '.event == "published" and .model_version == 2'
	[ "$(grep -c "cannot connect" "$log")" = 1 ]
	[ "$(jq -s 'map(select(.event == "failed")) | length' "$events")" = 1 ]
	published 2 2
	ended TERM 0
}

@test "all rules: each by itself, the same digest for two of them, a configuration that changes" {
	cp "$CONF" "$BATS_TEST_TMPDIR/all.conf"
	watch -c "$BATS_TEST_TMPDIR/all.conf" --all --every 1h
	trained 1 1
	trained 5 nan other
	until_event '.event == "published" and .rule == "embed"'
	until_event '.event == "held" and .rule == "other" and .model_version == 5'
	trained 6 2 other
	until_event '.event == "published" and .rule == "other" and .model_version == 6'
	sound
	# A rule more, with the inputs of another: one name for two models.
	sed -i 's/^other {/twin { providers = [ { type = "llm"; model = "m"; dim = 12; } ]; disable_symbols_input = true; fusion { include_meta = false; } }\n&/' \
		"$BATS_TEST_TMPDIR/all.conf"
	kill -HUP "$PID"
	until_event '.event == "failed" and .rule == "twin" and .id == "watch.same-name"'
	# The configuration is broken: the one before goes on.
	echo 'neural {' >"$BATS_TEST_TMPDIR/all.conf"
	kill -HUP "$PID"
	until_event '.event == "failed" and .rule == null'
	trained 2 3
	until_event '.event == "published" and .rule == "embed" and .model_version == 2'
	ended TERM 0
}

@test "SIGTERM at any moment: the tree is whole, and the next one goes on" {
	local i rc
	for i in $(seq 8); do
		trained "$i" "$((i % 3 + 1))"
		watch -c "$CONF" -r embed --every 1h
		sleep "0.0$((i * 7 % 10))"
		rc=0
		kill -TERM "$PID"
		wait "$PID" || rc=$?
		PID=
		# Before the handler is there it ends as any process.
		[ "$rc" = 0 ] || [ "$rc" = 143 ] || { cat "$log"; false; }
		[ ! -e "$TREE/index.json" ] || once >/dev/null
		[ ! -e "$TREE/index.json" ] || sound
	done
	once
	expect_rc 0
	sound
}

@test "SIGTERM while the gate's command runs: it ends, too, and nothing is published" {
	trained 1 1
	once
	trained 2 2
	watch -c "$CONF" -r embed --every 1h --gate 'touch "'"$BATS_TEST_TMPDIR"'/begun"; exec sleep 600'
	for _ in $(seq 200); do
		[ ! -e "$BATS_TEST_TMPDIR/begun" ] || break
		sleep 0.05
	done
	untouched ended TERM 0
	published 1 1
}

@test "the service manager is told, and the systemd unit is well formed and hardened" {
	local notified="$BATS_TEST_TMPDIR/notified"
	python - "$BATS_TEST_TMPDIR/notify" >"$notified" <<-'END' 3>&- &
	import socket, sys
	with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
	    s.bind(sys.argv[1])
	    while True:
	        text = s.recv(4096).decode()
	        print(text, flush=True)
	        if text.startswith("STOPPING"):
	            break
	END
	for _ in $(seq 100); do
		[ ! -S "$BATS_TEST_TMPDIR/notify" ] || break
		sleep 0.05
	done
	NOTIFY_SOCKET="$BATS_TEST_TMPDIR/notify" watch -c "$CONF" -r embed --every 1h
	until_event '.event == "empty"'
	for _ in $(seq 100); do
		! grep -q '^READY=1' "$notified" || break
		sleep 0.05
	done
	ended TERM 0
	wait
	grep -qx 'READY=1' "$notified"
	grep -q '^STATUS=watching, listening, next look in' "$notified"
	grep -qx 'STOPPING=1' "$notified"
	command -v systemd-analyze >/dev/null || skip "systemd is not installed"
	local unit="$BATS_TEST_DIRNAME/../../packaging/systemd/rnm-watch@.service" command
	sed "s|/usr/bin/rnm|$BIN/rnm|" "$unit" >"$BATS_TEST_TMPDIR/rnm-watch@.service"
	run systemd-analyze verify --man=no "$BATS_TEST_TMPDIR/rnm-watch@.service"
	[ "$status" -eq 0 ] && [ -z "$output" ] || { echo "$output"; false; }
	systemd-analyze security --offline=true --threshold=20 "$unit" >/dev/null
	grep -qx 'StateDirectory=rnm/watch' "$unit"
	# The command does what it should where systemd has put its words in.
	trained 1 1
	command=$(sed -n 's/^ExecStart=//p' "$BATS_TEST_TMPDIR/rnm-watch@.service")
	command=${command//\%S\/rnm\/watch\/\%i/$TREE}
	OPTIONS="-c $CONF --once -r embed --sign $KEY" call bash -c "$command"
	expect_rc 0
	published 1 1
}
