#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm publish --to s3://...: a store on loopback that checks every signature with botocore (s3_server.py).

load helpers

DIGEST=376616275a1a984c

setup_file() {
	common_setup_file
	export KEY="$WORK/publisher.key" PUB="$DATA/sign/kp1.pub" STORE="$WORK/store"
	install -m 600 "$DATA/sign/kp1.ucl" "$KEY"
	mkdir -p "$STORE/models"
	local v
	for v in 1 2 3; do
		python "$BATS_TEST_DIRNAME/made_model.py" "$WORK/v$v.rnm" 12 digest=$DIGEST seed=$v version=$v
	done
	unset AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION AWS_SESSION_TOKEN
	# A slash and a plus are what is got wrong most easily.
	export AWS_ACCESS_KEY_ID=AKIAEXAMPLE AWS_SECRET_ACCESS_KEY='wJalrX/tnFEMI+K7MDENG'
	start_store plain eu-test-1
	export PORT=$(cat "$WORK/plain.port") AWS_REGION=eu-test-1
	export ENDPOINT="http://127.0.0.1:$PORT"
}

# start_store NAME REGION [TOKEN]: its port in $WORK/NAME.port.
start_store() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/s3_server.py" "$WORK/$1.port" "$STORE" \
		"$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "${@:2}" 3>&- 4>&- >"$WORK/$1.log" 2>&1 &
	echo $! >"$WORK/$1.pid"
	for _ in $(seq 400); do
		[ -e "$WORK/$1.port" ] && return 0
		sleep 0.05
	done
	cat "$WORK/$1.log" >&2
	return 1
}

teardown_file() {
	local pid
	for pid in "$WORK"/*.pid; do
		kill "$(cat "$pid")" 2>/dev/null || true
	done
}

setup() {
	TREE="$STORE/models/$BATS_TEST_NUMBER/tree"
	TO="s3://models/$BATS_TEST_NUMBER/tree"
	control '{"fail": 0, "times": 0, "status": 403, "conditions": true, "clock": true}' >/dev/null
}

control() {
	curl -sS -d "$1" "$ENDPOINT/_control"
}
publish() {
	call rnm publish "$@" --to "$TO" --endpoint "$ENDPOINT"
}
sound() {
	PYTHONDONTWRITEBYTECODE=1 python "$BATS_TEST_DIRNAME/tree.py" --bucket "$TREE" "$@"
}

@test "the same tree as in a folder, every request signed, objects before what names them" {
	publish "$WORK/v1.rnm" --sign "$KEY"
	expect_rc 0
	expect_no_err
	expect_out "1 of 1 model in $TO new"
	control '{}' >"$BATS_TEST_TMPDIR/requests"
	# In this order: object, history, statement, signature, alias, index.
	[ "$(jq -r '.[] | select(.[0] == "PUT")[1]' "$BATS_TEST_TMPDIR/requests" | sed -E 's|.*/tree/||; s|[0-9a-f]{64}|HASH|' | tr '\n' ' ')" = \
		".rnm-lock objects/HASH.rnm.rnmsig objects/HASH.rnm.sig objects/HASH.rnm history.jsonl models/$DIGEST.rnmsig models/$DIGEST.sig models/$DIGEST index.json.rnmsig index.json " ]
	[ "$(jq '[.[] | select(.[2] == 403)] | length' "$BATS_TEST_TMPDIR/requests")" = 0 ]
	sound "$PUB"
	rnm -q publish "$WORK/v1.rnm" --sign "$KEY" --to "$BATS_TEST_TMPDIR/folder"
	cmp "$TREE/models/$DIGEST" "$BATS_TEST_TMPDIR/folder/models/$DIGEST"
	cmp "$TREE/models/$DIGEST.sig" "$BATS_TEST_TMPDIR/folder/models/$DIGEST.sig"
	# What caches are told.
	grep -F "$BATS_TEST_NUMBER/tree/objects/" "$STORE/headers" | grep -P '\.rnm\tapplication/octet-stream\tpublic, max-age=31536000, immutable$'
	grep -P "/tree/models/$DIGEST\tapplication/octet-stream\tno-cache$" "$STORE/headers"
	grep -P '/tree/index.json\tapplication/json\tno-cache$' "$STORE/headers"
}

@test "versions, ways back, retention, renewal: as in a folder" {
	publish "$WORK/v1.rnm" --sign "$KEY"
	publish "$WORK/v2.rnm" --sign "$KEY"
	publish "$WORK/v1.rnm" --sign "$KEY"
	expect_rc 8
	publish --rollback --sign "$KEY"
	expect_rc 0
	expect_out "back to 1  2 -> 3"
	publish --renew --sign "$KEY"
	expect_rc 0
	publish "$WORK/v3.rnm" --model-version 9 --keep 1 --sign "$KEY"
	expect_rc 0
	expect_out "3 older objects removed"
	[ "$(find "$TREE/objects" -type f | wc -l)" = 3 ]
	sound "$PUB"
	publish "$WORK/v3.rnm" --model-version 9 --sign "$KEY" --dry-run
	expect_rc 0
	control '{}' >/dev/null
	publish "$WORK/v2.rnm" --model-version 10 --sign "$KEY" --dry-run
	expect_rc 0
	[ "$(control '{}' | jq '[.[] | select(.[0] == "PUT" or .[0] == "DELETE")] | length')" = 0 ]
}

@test "refused from any request on, it leaves a tree that holds together, and the next run completes it" {
	mkdir -p "$BATS_TEST_TMPDIR/x"
	TO=s3://models/before
	publish "$WORK/v1.rnm" --sign "$KEY"
	python "$BATS_TEST_DIRNAME/s3_cuts.py" "$PORT" "$STORE" "$PUB" "$RNM" "$WORK/v2.rnm" --sign "$KEY" --keep 1
	rm -rf "$STORE/models/before"
	[ -z "${RNM_KILL_SECONDS:-}" ] || python "$BATS_TEST_DIRNAME/s3_cuts.py" "$PORT" "$STORE" "$PUB" "$RNM" "$WORK/v1.rnm" --sign "$KEY"
}

@test "a store that is busy, or a line that breaks, is asked again" {
	control '{"fail": 9, "times": 2, "status": 503}' >/dev/null
	publish "$WORK/v1.rnm"
	expect_rc 0
	control '{"fail": 12, "times": 1, "status": 0}' >/dev/null
	publish "$WORK/v2.rnm"
	expect_rc 0
	control '{"fail": 0}' >/dev/null
	sound
	control '{"fail": 1, "times": 0, "status": 503}' >/dev/null
	publish "$WORK/v3.rnm"
	expect_rc 5
	expect_plain_error
	expect_err "the store answers 503 Injected: the test wants it so"
}

@test "two publishers: a lock that is held, forgotten, and one that a store without conditions keeps" {
	publish "$WORK/v1.rnm"
	printf '%s 00112233445566778899aabbccddeeff\nprocess 7 on elsewhere, until then\n' $(($(date +%s) + 100)) >"$TREE/.rnm-lock"
	publish "$WORK/v2.rnm"
	expect_rc 8
	expect_plain_error
	expect_err "another publisher works here: process 7 on elsewhere, until then"
	# What was killed is forgotten.
	printf '%s 00112233445566778899aabbccddeeff\nprocess 7 on elsewhere, until then\n' $(($(date +%s) - 1)) >"$TREE/.rnm-lock"
	publish "$WORK/v2.rnm"
	expect_rc 0
	[ ! -e "$TREE/.rnm-lock" ]
	control '{"conditions": false}' >/dev/null
	publish "$WORK/v3.rnm"
	expect_rc 0
	sound
}

@test "the time of an alias rises where the store sets it" {
	control '{"clock": false}' >/dev/null
	publish "$WORK/v1.rnm"
	local first=$(stat -c %Y "$TREE/models/$DIGEST")
	publish "$WORK/v2.rnm"
	[ "$(stat -c %Y "$TREE/models/$DIGEST")" -gt "$first" ]
}

@test "credentials: a file, a session, wrong ones; never on the command line" {
	local key=$AWS_ACCESS_KEY_ID secret=$AWS_SECRET_ACCESS_KEY
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	publish "$WORK/v1.rnm"
	expect_rc 2
	expect_plain_error
	expect_err "there are no credentials for the store"
	printf '# keys\n[other]\naws_access_key_id = x\n\n[default]\n  aws_access_key_id=%s\r\naws_secret_access_key = %s \n' "$key" "$secret" >"$BATS_TEST_TMPDIR/keys"
	publish "$WORK/v1.rnm" --credentials "$BATS_TEST_TMPDIR/keys"
	expect_rc 0
	AWS_PROFILE=other publish "$WORK/v1.rnm" --credentials "$BATS_TEST_TMPDIR/keys"
	expect_rc 3
	expect_err "in the section [other]"
	export AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=wrong
	publish "$WORK/v2.rnm"
	expect_rc 5
	expect_plain_error
	expect_err "403 SignatureDoesNotMatch"
	export AWS_SECRET_ACCESS_KEY=$secret
	publish "$WORK/v2.rnm" --region elsewhere
	expect_rc 5
	start_store session us-east-1 'FwoGZXIvYXdzE/+='
	unset AWS_REGION
	ENDPOINT="http://127.0.0.1:$(cat "$WORK/session.port")"
	publish "$WORK/v2.rnm"
	expect_rc 5
	expect_err "InvalidToken"
	AWS_SESSION_TOKEN='FwoGZXIvYXdzE/+=' publish "$WORK/v2.rnm"
	expect_rc 0
	sound
}

@test "wrong calls" {
	local where
	for where in s3:// s3://ab s3://Models/../x s3://models//x s3://models/a/./b 's3://models/a b' s3://models/ü; do
		call rnm publish "$WORK/v1.rnm" --to "$where" --endpoint "$ENDPOINT"
		expect_rc 2
		expect_plain_error
	done
	for where in "$ENDPOINT/" ftp://x http:// 'https://host/path' 'https://user@host' localhost:9000; do
		call rnm publish "$WORK/v1.rnm" --to "$TO" --endpoint "$where"
		expect_rc 2
		expect_plain_error
	done
	call rnm publish "$WORK/v1.rnm" --to "$TO"
	expect_rc 2
	expect_err "--endpoint"
	call rnm publish "$WORK/v1.rnm" --to "$BATS_TEST_TMPDIR/x" --endpoint "$ENDPOINT"
	expect_rc 2
	call rnm publish "$WORK/v1.rnm" --to "$TO" --endpoint http://192.0.2.1
	expect_rc 8
	expect_plain_error
	call rnm publish "$WORK/v1.rnm" --to s3://nobucket/x --endpoint "$ENDPOINT"
	expect_rc 5
	expect_err "NoSuchBucket"
}
