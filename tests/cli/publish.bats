#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm publish: a tree that any web server can serve, as its readers find it (tree.py).

load helpers

DIGEST=376616275a1a984c

setup_file() {
	common_setup_file
	export KEY="$WORK/publisher.key" PUB="$DATA/sign/kp1.pub"
	install -m 600 "$DATA/sign/kp1.ucl" "$KEY"
	install -m 600 "$DATA/sign/kp2.ucl" "$WORK/other.key"
	made "$WORK/v1.rnm" seed=1 version=1
	made "$WORK/v2.rnm" seed=2 version=2
	made "$WORK/v3.rnm" seed=3 version=3
	made "$WORK/second.rnm" seed=4 version=1 digest=aa5f939b29f3d241
}

setup() {
	TREE="$BATS_TEST_TMPDIR/tree"
}

# made OUT [NAME=VALUE...]: a model of twelve inputs; a digest that is given last counts.
made() {
	local out=$1
	shift
	python "$BATS_TEST_DIRNAME/made_model.py" "$out" 12 digest=376616275a1a984c "$@"
}

publish() {
	call rnm publish "$@" --to "$TREE"
}
# The same, signed.
sign() {
	publish "$@" --sign "$KEY"
}

# What every reader must find, with the key if there is one.
sound() {
	PYTHONDONTWRITEBYTECODE=1 python "$BATS_TEST_DIRNAME/tree.py" "$TREE" "$@"
}

time_of() {
	stat -c %Y "$TREE/$1"
}

@test "a new tree: what lies where, and what is said of it" {
	local before hash
	before=$(date +%s)
	publish "$WORK/v1.rnm"
	expect_rc 0
	expect_no_err
	hash=$(b2sum -l 256 "$TREE/models/$DIGEST" | cut -d' ' -f1)
	grep -qE "^$DIGEST  -     new    1 +[0-9.]+ (KiB|B|bytes) +${hash:0:16}$" "$out" || { show; false; }
	expect_out "1 of 1 model in $TREE new"
	sound
	expect_folder "$TREE" .rnm-lock history.jsonl index.json models objects
	expect_folder "$TREE/objects" "$hash.rnm"
	[ ! -s "$TREE/.rnm-lock" ]
	# The alias is what rspamd gets: the model in its canonical form, and nothing of it is lost.
	call rnm diff --exit-code "$WORK/v1.rnm" "$TREE/models/$DIGEST"
	expect_rc 0
	call rnm verify --strict "$TREE/models/$DIGEST"
	expect_rc 0
	[ "$(time_of "models/$DIGEST")" -ge "$before" ]
	jq -e ".serial == 1 and .not_after == null and (.models | length) == 1 and (.models[0] |
		.name == \"$DIGEST\" and .providers_digest == .name and .blake2b == \"$hash\" and .model_version == 1 and
		.object == \"objects/$hash.rnm\" and .published == $(time_of "models/$DIGEST") and .key == null and
		.size == $(stat -c %s "$TREE/models/$DIGEST") and .inputs == 12 and .normalisation == \"none\" and
		(.has_pca or .has_roc_thresholds | not) and .architecture == \"symbol 12 -> 8 -> 1\")" "$TREE/index.json"
}

@test "one version after the other: each alias newer, the history a chain, objects kept as asked" {
	local first second third
	publish "$WORK/v1.rnm"
	first=$(time_of "models/$DIGEST")
	publish "$WORK/v2.rnm" --json
	expect_rc 0
	expect_json ".status == \"done\" and .published == 1 and .in_index == 1 and .serial == 2 and .dropped == 0 and
		(.models[0] | .state == \"replaced\" and .previous_version == 1 and .model_version == 2)"
	second=$(time_of "models/$DIGEST")
	[ "$second" -gt "$first" ]
	# Another name in between; both stay.
	publish "$WORK/second.rnm"
	expect_out "1 of 2 models in $TREE new"
	publish "$WORK/v3.rnm" --keep 2
	expect_out "1 of 2 models in $TREE new, 1 older object removed"
	third=$(time_of "models/$DIGEST")
	[ "$third" -gt "$second" ]
	sound
	[ "$(ls "$TREE/objects" | wc -l)" = 3 ]
	[ "$(jq -r .event "$TREE/history.jsonl" | tr '\n' ' ')" = "publish publish publish publish drop " ]
	[ "$(jq -s 'map(.serial) == [1, 2, 3, 4, 5]' "$TREE/history.jsonl")" = true ]
	# What is published is published; nothing is written for it.
	cp -a "$TREE" "$BATS_TEST_TMPDIR/copy"
	publish "$WORK/v3.rnm"
	expect_rc 0
	expect_out "unchanged"
	expect_out "0 of 2 models"
	diff -r "$TREE" "$BATS_TEST_TMPDIR/copy"
	# Without names, several at once.
	publish "$WORK/v3.rnm" "$WORK/second.rnm" --json
	expect_json '(.models | map(.state)) == ["unchanged", "unchanged"]'
}

@test "what is refused changes nothing" {
	publish "$WORK/v2.rnm"
	cp -a "$TREE" "$BATS_TEST_TMPDIR/copy"
	made "$BATS_TEST_TMPDIR/again" seed=9 version=2
	publish "$BATS_TEST_TMPDIR/again"
	expect_rc 8
	expect_plain_error
	expect_err "version 2 is not above version 2, which $DIGEST has"
	expect_err "--model-version 3"
	publish "$WORK/v1.rnm" --json
	expect_rc 8
	expect_json '.status == "refused" and (.problem | contains("version 1 is not above version 2")) and .models == null'
	# One of several that is refused keeps all from being published.
	publish "$WORK/second.rnm" "$WORK/v1.rnm"
	expect_rc 8
	made "$BATS_TEST_TMPDIR/bare" version=7 digest=none
	publish "$BATS_TEST_TMPDIR/bare"
	expect_rc 8
	expect_err "there is no providers_digest"
	publish "$DATA/models/symbol_10.kann"
	expect_rc 8
	python - "$WORK/v3.rnm" "$BATS_TEST_TMPDIR/unsound" <<-'END'
	import msgpack, sys
	m = msgpack.unpackb(open(sys.argv[1], "rb").read(), raw=True)
	m[b"norm_stats"] = {b"mode": b"zscore", b"mean": [0.0] * 3, b"std": [1.0] * 3}
	open(sys.argv[2], "wb").write(msgpack.packb(m, use_bin_type=False))
	END
	publish "$BATS_TEST_TMPDIR/unsound"
	expect_rc 8
	expect_err "the model is not sound and was not published"
	# A digest that is no digest leads nowhere, least of all out of the tree.
	made "$BATS_TEST_TMPDIR/path" version=7 digest=../../../tmp/x
	publish "$BATS_TEST_TMPDIR/path"
	expect_rc 8
	publish "$WORK/v3.rnm" "$WORK/v3.rnm"
	expect_rc 2
	expect_err "two models for the name $DIGEST"
	publish "$BATS_TEST_TMPDIR/none"
	expect_rc 4
	diff -r "$TREE" "$BATS_TEST_TMPDIR/copy"
	publish "$BATS_TEST_TMPDIR/again" --model-version 9
	expect_rc 0
	sound
	rnm inspect "$TREE/models/$DIGEST" --json | jq -e '.model_version == 9'
}

@test "another architecture, and parts that come or go, are refused unless forced" {
	local what
	made "$BATS_TEST_TMPDIR/base" version=1 norm=unit roc=0.5,-0.5
	for what in "hidden=9 norm=unit roc=0.5,-0.5|another architecture" "roc=0.5,-0.5|no normalisation any more" \
		"norm=unit|no thresholds any more" "norm=unit roc=0.5,-0.5 pca=20|vectors of another length"; do
		rm -rf "$TREE"
		publish "$BATS_TEST_TMPDIR/base"
		# shellcheck disable=SC2086
		made "$BATS_TEST_TMPDIR/other" version=2 ${what%|*}
		publish "$BATS_TEST_TMPDIR/other"
		expect_rc 8
		expect_plain_error
		expect_err "${what#*|}"
		publish "$BATS_TEST_TMPDIR/other" --name other.rnm
		expect_rc 0
		publish "$BATS_TEST_TMPDIR/other" --force
		expect_rc 0
		sound
	done
	# The other way round, and what only changes its values.
	rm -rf "$TREE"
	publish "$WORK/v1.rnm"
	made "$BATS_TEST_TMPDIR/other" version=2 norm=unit
	publish "$BATS_TEST_TMPDIR/other"
	expect_rc 8
	expect_err "a normalisation, which that has not"
	made "$BATS_TEST_TMPDIR/z" version=3 norm=zscore roc=0.25,0.125
	rm -rf "$TREE"
	publish "$BATS_TEST_TMPDIR/base"
	publish "$BATS_TEST_TMPDIR/z"
	expect_rc 0
}

@test "back to older weights, under a version and a time above all others" {
	publish --rollback
	expect_rc 2
	for v in 1 2 3; do
		publish "$WORK/v$v.rnm"
	done
	publish --rollback
	expect_rc 0
	expect_out "back to 2  3 -> 4"
	sound
	call rnm diff "$WORK/v2.rnm" "$TREE/models/$DIGEST" --json
	expect_json '.verdict == "other-label"'
	rnm inspect "$TREE/models/$DIGEST" --json | jq -e '.model_version == 4'
	publish "$DIGEST" --rollback=1 --json
	expect_rc 0
	expect_json '.models[0] | .state == "rollback" and .old_version == 1 and .model_version == 5 and .previous_version == 4'
	call rnm diff "$WORK/v1.rnm" "$TREE/models/$DIGEST" --json
	expect_json '.verdict == "other-label"'
	# By its object; under a version of one's own.
	publish "$DIGEST" --rollback="$(jq -r 'select(.serial == 3).model.blake2b' "$TREE/history.jsonl")" --model-version 50
	expect_rc 0
	expect_out "back to 3  5 -> 50"
	jq -se '.[5] | .event == "rollback" and .from == "'"$(jq -r 'select(.serial == 3).model.blake2b' "$TREE/history.jsonl")"'"' "$TREE/history.jsonl"
	sound
	publish "$DIGEST" --rollback=50
	expect_rc 8
	expect_err "$DIGEST has version 50 now"
	publish "$DIGEST" --rollback=17
	expect_rc 4
	expect_plain_error
	publish nobody --rollback
	expect_rc 4
	publish "$DIGEST" --rollback=3 --model-version 49
	expect_rc 8
	publish --rollback --keep 1
	expect_rc 0
	publish "$DIGEST" --rollback=1
	expect_rc 4
	expect_err "no longer kept"
	# More than one name: it has to be said which.
	publish "$WORK/second.rnm"
	publish --rollback
	expect_rc 2
	expect_err "does not hold just one model"
	publish aa5f939b29f3d241 --rollback
	expect_rc 4
	expect_err "there is no earlier publication"
	sound
}

@test "times rise when the clock went back, or somebody touched the file" {
	publish "$WORK/v1.rnm"
	touch -d 'next year' "$TREE/models/$DIGEST" "$TREE/index.json"
	local touched=$(time_of "models/$DIGEST") index=$(time_of index.json)
	publish "$WORK/v2.rnm"
	expect_rc 0
	[ "$(time_of "models/$DIGEST")" = $((touched + 1)) ]
	[ "$(time_of index.json)" = $((index + 1)) ]
	sound
	# Now the history is ahead of the clock.
	touch -d '2001-01-01' "$TREE/models/$DIGEST"
	publish "$WORK/v3.rnm"
	[ "$(time_of "models/$DIGEST")" = $((touched + 2)) ]
	sound
}

@test "signed: what lies beside each file, renewed, and refused where it would not hold" {
	sign "$WORK/v1.rnm" --valid-for 1h
	expect_rc 0
	sound "$PUB"
	jq -e ".not_after == .created + 3600 and .models[0].key == \"$(cat "$PUB")\" and .models[0].not_after == .models[0].created + 3600" "$TREE/index.json"
	call rnm verify "$TREE/models/$DIGEST" --key "$(cat "$PUB")"
	expect_rc 0
	rspamadm signtool -v -P "$PUB" "$TREE/models/$DIGEST" || [ ! -x /usr/bin/rspamadm ]
	publish "$WORK/v2.rnm"
	expect_rc 8
	expect_plain_error
	expect_err "the models of this tree are signed, and no key was given"
	local time=$(time_of "models/$DIGEST") statement=$(cat "$TREE/models/$DIGEST.rnmsig")
	publish --renew --sign "$KEY" --valid-for 2d
	expect_rc 0
	expect_out "renewed"
	sound "$PUB"
	# The model has not changed, and neither has its time.
	[ "$(time_of "models/$DIGEST")" = "$time" ]
	[ "$(cat "$TREE/models/$DIGEST.rnmsig")" != "$statement" ]
	sign "$WORK/v1.rnm"
	expect_out "renewed"
	sign "$WORK/v2.rnm"
	sign --rollback
	expect_rc 0
	sound "$PUB"
	# The same object under two names has two statements.
	sign "$WORK/v3.rnm" --model-version 10
	sign "$WORK/v3.rnm" --model-version 10 --name three
	expect_rc 0
	sound "$PUB"
	cmp "$TREE/models/three" "$TREE/models/$DIGEST"
	[ "$(head -n 1 "$TREE/models/three.rnmsig" | jq -r .name)" = three ]
	publish --renew --sign "$WORK/other.key"
	expect_rc 7
	expect_plain_error
	expect_err "bears no signature of this key"
	publish three --rollback --sign "$WORK/other.key"
	expect_rc 4
	publish "$DIGEST" --rollback --sign "$WORK/other.key"
	expect_rc 7
	sound "$PUB"
	# A new key signs what it is given.
	rm -rf "$TREE"
	sign "$WORK/v1.rnm"
	publish "$WORK/v1.rnm" --sign "$WORK/other.key"
	expect_out "renewed"
	sound "$DATA/sign/kp2.pub"
	chmod 644 "$WORK/other.key"
	publish "$WORK/v2.rnm" --sign "$WORK/other.key"
	expect_rc 8
	chmod 600 "$WORK/other.key"
}

@test "a tree that others can write to: what they change is not signed" {
	sign "$WORK/v1.rnm"
	sign "$WORK/v2.rnm"
	local object="$TREE/objects/$(jq -r 'select(.serial == 1).model.blake2b' "$TREE/history.jsonl").rnm"
	cp "$WORK/v3.rnm" "$object"
	sign --rollback
	expect_rc 3
	expect_plain_error
	expect_err "is damaged"
	# Nor is a history that was made longer, shorter or other.
	cp -a "$TREE" "$BATS_TEST_TMPDIR/copy"
	local change
	for change in 's/"serial":2/"serial":3/' 's/model_version":1/model_version":9/' 1d '$d' 's/"publish"/"publishes"/' '$s/$/x/'; do
		sed -i "$change" "$TREE/history.jsonl"
		sign "$WORK/v3.rnm"
		expect_rc 3
		expect_plain_error
		expect_err "history"
		cp -a "$BATS_TEST_TMPDIR/copy/history.jsonl" "$TREE/"
	done
	rm "$TREE/history.jsonl"
	sign "$WORK/v3.rnm"
	expect_rc 3
	cp -a "$BATS_TEST_TMPDIR/copy/history.jsonl" "$TREE/"
	diff -r "$TREE" "$BATS_TEST_TMPDIR/copy"
}

@test "repair: half a line, a lost index, a lost alias, an object that is half there" {
	sign "$WORK/v1.rnm"
	sign "$WORK/v2.rnm"
	printf '{"event":"publish","mod' >>"$TREE/history.jsonl"
	echo rubbish >"$TREE/index.json"
	rm "$TREE/models/$DIGEST" "$TREE/models/$DIGEST.sig"
	: >"$TREE/models/.$DIGEST.rnm-0.tmp"
	: >"$TREE/objects/$(printf '%064d' 7).rnm"
	echo mine >"$TREE/objects/README"
	sign "$WORK/v3.rnm"
	expect_rc 0
	expect_err "note: an earlier publisher had been stopped in $TREE; what it had begun was completed first"
	rm "$TREE/objects/README"
	sound "$PUB"
	: >"$TREE/objects/$(jq -r '.models[0].blake2b' "$TREE/index.json").rnm"
	sign "$WORK/v3.rnm"
	expect_rc 0
	sound "$PUB"
}

@test "links in the place of files lead nowhere" {
	sign "$WORK/v1.rnm"
	echo precious >"$BATS_TEST_TMPDIR/other"
	mv "$TREE/history.jsonl" "$BATS_TEST_TMPDIR/history"
	ln -s "$BATS_TEST_TMPDIR/history" "$TREE/history.jsonl"
	sign "$WORK/v2.rnm"
	expect_rc 5
	expect_plain_error
	mv "$BATS_TEST_TMPDIR/history" "$TREE/history.jsonl"
	ln -sf "$BATS_TEST_TMPDIR/other" "$TREE/index.json"
	sign "$WORK/v2.rnm"
	expect_rc 5
	expect_plain_error
	rm "$TREE/index.json"
	sign "$WORK/v2.rnm"
	expect_rc 0
	# What fails behind the decision says so.
	mkdir "$TREE/models/other.sig"
	sign "$WORK/v3.rnm" --name other
	expect_rc 5
	expect_err "the next \`rnm publish\` there, of whatever model, completes it"
	rmdir "$TREE/models/other.sig"
	ln -sf "$BATS_TEST_TMPDIR/other" "$TREE/models/$DIGEST"
	sign "$WORK/v3.rnm" --model-version 7
	expect_rc 5
	expect_plain_error
	[ "$(cat "$BATS_TEST_TMPDIR/other")" = precious ]
	rm "$TREE/models/$DIGEST"
	sign "$WORK/v3.rnm" --model-version 7
	expect_rc 0
	sound "$PUB"
}

@test "two publishers: one waits for nobody and says who is there" {
	sign "$WORK/v1.rnm"
	cp -a "$TREE" "$BATS_TEST_TMPDIR/copy"
	/usr/bin/python3 - "$TREE/.rnm-lock" "$BATS_TEST_TMPDIR/held" 3>&- <<-'END' &
	import fcntl, sys, time
	lock = open(sys.argv[1], "w")
	fcntl.flock(lock, fcntl.LOCK_EX)
	lock.write("process 77 on elsewhere since 2026-11-23T10:00:00Z\n")
	lock.flush()
	open(sys.argv[2], "w")
	time.sleep(60)
	END
	local holder=$!
	for _ in $(seq 100); do
		[ -e "$BATS_TEST_TMPDIR/held" ] && break
		sleep 0.05
	done
	sign "$WORK/v2.rnm"
	expect_rc 8
	expect_plain_error
	expect_err "another publisher works in $TREE: process 77 on elsewhere since 2026-11-23T10:00:00Z"
	# Who only looks needs no lock.
	sign "$WORK/v2.rnm" --dry-run
	expect_rc 0
	kill "$holder"
	wait "$holder" || true
	sign "$WORK/v2.rnm"
	expect_rc 0
	sound "$PUB"
}

@test "dry runs write nothing, and see the same" {
	publish "$WORK/v1.rnm" --dry-run
	expect_rc 0
	expect_out "1 of 1 model in $TREE would be new; nothing written"
	[ ! -e "$TREE" ]
	publish "$WORK/v1.rnm"
	publish "$WORK/v2.rnm"
	cp -a "$TREE" "$BATS_TEST_TMPDIR/copy"
	publish "$WORK/v3.rnm" --keep 1 --dry-run --json
	expect_rc 0
	expect_json '.dry_run and .dropped == 2 and .serial == 5'
	publish --rollback -n
	expect_rc 0
	publish "$WORK/v1.rnm" -n
	expect_rc 8
	diff -r "$TREE" "$BATS_TEST_TMPDIR/copy"
	[ "$(stat -c %Y "$TREE/objects")" = "$(stat -c %Y "$BATS_TEST_TMPDIR/copy/objects")" ]
}

@test "names, wrong calls, places that cannot be written" {
	local name
	publish "$WORK/v1.rnm" --name spam.rnm
	expect_rc 0
	[ -f "$TREE/models/spam.rnm" ]
	for name in '' ../x a/b .hidden x.sig x.rnmsig "$(printf 'x%.0s' $(seq 65))" 'ü'; do
		publish "$WORK/v1.rnm" --name "$name"
		expect_rc 2
		expect_plain_error
	done
	call rnm publish "$WORK/v1.rnm"
	expect_rc 2
	publish
	expect_rc 2
	publish --renew
	expect_rc 2
	publish "$WORK/v1.rnm" "$WORK/second.rnm" --name x
	expect_rc 2
	publish "$WORK/v1.rnm" --keep 0
	expect_rc 2
	publish "$WORK/v1.rnm" --model-version 0
	expect_rc 2
	publish x --rollback --renew --sign "$KEY"
	expect_rc 2
	call rnm publish "$WORK/v1.rnm" --to "$BATS_TEST_TMPDIR/no/folder"
	expect_rc 5
	expect_plain_error
	expect_err "not those above it"
	: >"$BATS_TEST_TMPDIR/file"
	call rnm publish "$WORK/v1.rnm" --to "$BATS_TEST_TMPDIR/file"
	expect_rc 5
	expect_plain_error
	sound
}

@test "killed at every system call, it leaves a tree that holds together, and the next run completes it" {
	[ -x "$RNM_BUILD/rnm_faults" ] || skip "only the build with sanitizers can be killed at will"
	local base=/dev/shm folder
	[ -w "$base" ] || base=$BATS_TEST_TMPDIR
	folder=$(mktemp -d "$base/rnm-kills-XXXXXX")
	killed() { # BEFORE ARGUMENT...
		python "$BATS_TEST_DIRNAME/publish_kills.py" "$RNM_BUILD/rnm_faults" "$folder" "$KILL_KEY" "$@" || {
			rm -rf "$folder"
			return 1
		}
	}
	KILL_KEY=$PUB
	killed nothing "$WORK/v1.rnm" --sign "$KEY"
	TREE="$folder/before"
	sign "$WORK/v1.rnm"
	sign "$WORK/v1.rnm" --name other
	killed before "$WORK/v2.rnm" --keep 1 --sign "$KEY"
	# The same steps in other company; `make faults` takes the time.
	[ -z "${RNM_KILL_SECONDS:-}" ] || {
		killed nothing "$WORK/v1.rnm" "$WORK/second.rnm" --sign "$KEY"
		killed before --renew --sign "$KEY"
		sign "$WORK/v2.rnm"
		killed before "$DIGEST" --rollback --keep 1 --sign "$KEY"
		KILL_KEY=-
		TREE="$folder/unsigned"
		publish "$WORK/v1.rnm"
		killed unsigned "$WORK/v2.rnm" --keep 1
	}
	rm -rf "$folder"
}
