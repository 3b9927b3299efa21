#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# packaging/nginx in a real nginx, before a published tree: the answers that rspamd needs.

load ../cli/helpers
load nginx

DIGEST=376616275a1a984c

setup_file() {
	common_setup_file
	command -v nginx >/dev/null || skip "no nginx here"
	export TREE="$WORK/tree"
	made 1
	made 2
	install -m 600 "$DATA/sign/kp1.ucl" "$WORK/publisher.key"
	rnm -q publish "$WORK/v1.rnm" --sign "$WORK/publisher.key" --to "$TREE"
	start_nginx "$TREE"
	export SITE="http://127.0.0.1:$PORT"
}

teardown_file() {
	stop_nginx
}

made() {
	python "$BATS_TEST_DIRNAME/../cli/made_model.py" "$WORK/v$1.rnm" 12 digest=376616275a1a984c seed="$1" version="$1"
}

# answer NAME PATH [CURL-OPTION...]: headers in $NAME.head, without \r; body in $NAME.body; prints the status.
answer() {
	local name=$1 path=$2
	shift 2
	curl -sS -D "$BATS_TEST_TMPDIR/$name.raw" -o "$BATS_TEST_TMPDIR/$name.body" -w '%{http_code}' "$@" "$SITE/$path"
	tr -d '\r' <"$BATS_TEST_TMPDIR/$name.raw" >"$BATS_TEST_TMPDIR/$name.head"
}
# header NAME HEADER: its value.
header() {
	sed -n "s/^$2: //Ip" "$BATS_TEST_TMPDIR/$1.head"
}
seconds() {
	date -d "$1" +%s
}

@test "an alias: HEAD as GET, every header that rspamd lives by" {
	# As rspamd asks: it announces no encoding, and closes the connection.
	[ "$(answer head "models/$DIGEST" -I -H 'Connection: close' -H 'Content-Length: 0')" = 200 ]
	[ "$(answer get "models/$DIGEST" -H 'Connection: close' -H 'Content-Length: 0')" = 200 ]
	cmp "$BATS_TEST_TMPDIR/get.body" "$TREE/models/$DIGEST"
	local name
	for name in head get; do
		[ "$(header $name Content-Length)" = "$(stat -c %s "$TREE/models/$DIGEST")" ]
		[ "$(header $name Content-Type)" = application/octet-stream ]
		[ "$(seconds "$(header $name Last-Modified)")" = "$(stat -c %Y "$TREE/models/$DIGEST")" ]
		header $name ETag | grep -qxE '"[^"]+"'
		[ "$(header $name Connection)" = close ]
		[ -z "$(header $name Transfer-Encoding)$(header $name Content-Encoding)$(header $name Location)" ]
		local now=$(seconds "$(header $name Date)") due=$(seconds "$(header $name Expires)")
		[ $((now - $(date +%s))) -ge -5 ] && [ $((now - $(date +%s))) -le 5 ]
		[ $((due - now)) -ge 900 ] && [ $((due - now)) -le 1500 ]
	done
	[ "$(header head ETag)" = "$(header get ETag)" ]
	# A client that would take gzip gets the bytes all the same.
	[ "$(answer gzip "models/$DIGEST" -H 'Accept-Encoding: gzip')" = 200 ]
	cmp "$BATS_TEST_TMPDIR/gzip.body" "$TREE/models/$DIGEST"
}

@test "checks are spread" {
	local spread
	spread=$(for _ in $(seq 40); do
		answer head "models/$DIGEST" -I >/dev/null
		echo $(($(seconds "$(header head Expires)") - $(seconds "$(header head Date)")))
	done | sort -u | wc -l)
	[ "$spread" -ge 3 ]
}

@test "rnm probe finds nothing to mend" {
	call rnm probe --json "$SITE/models/$DIGEST"
	expect_rc 0
	expect_json '.probes[0] | .findings == [] and (.answers | map(.status) == [200, 200, 304, 200])'
	expect_json '.probes[0].next | .reason == "expires" and .min >= 890 and .max <= 1500'
}

@test "not modified: with the headers that the next check counts on; modified after a publication, at once" {
	answer old "models/$DIGEST" -I >/dev/null
	local etag=$(header old ETag) modified=$(header old Last-Modified)
	[ "$(answer same "models/$DIGEST" -I -H "If-None-Match: $etag" -H "If-Modified-Since: $modified")" = 304 ]
	[ "$(header same Last-Modified)" = "$modified" ]
	[ "$(header same ETag)" = "$etag" ]
	[ -n "$(header same Date)" ] && [ -n "$(header same Expires)" ]
	[ "$(answer since "models/$DIGEST" -H "If-Modified-Since: $modified")" = 304 ]
	[ "$(answer part "models/$DIGEST" -H 'Range: bytes=100-' -H "If-Range: $etag")" = 206 ]
	tail -c +101 "$TREE/models/$DIGEST" | cmp - "$BATS_TEST_TMPDIR/part.body"
	# The next one comes within the same second, and is not taken for this one.
	rnm -q publish "$WORK/v2.rnm" --sign "$WORK/publisher.key" --to "$TREE"
	[ "$(answer new "models/$DIGEST" -I -H "If-None-Match: $etag" -H "If-Modified-Since: $modified")" = 200 ]
	[ "$(answer since "models/$DIGEST" -H "If-Modified-Since: $modified")" = 200 ]
	cmp "$BATS_TEST_TMPDIR/since.body" "$TREE/models/$DIGEST"
	[ "$(header new ETag)" != "$etag" ]
	[ "$(seconds "$(header new Last-Modified)")" -gt "$(seconds "$modified")" ]
	# Nor is the old one when it comes back.
	rnm -q publish --rollback --sign "$WORK/publisher.key" --to "$TREE"
	answer back "models/$DIGEST" -I >/dev/null
	[ "$(seconds "$(header back Last-Modified)")" -gt "$(seconds "$(header new Last-Modified)")" ]
	[ "$(header back ETag)" != "$etag" ]
}

@test "objects for ever, what signs them and the index never without asking" {
	local object=$(jq -r '.models[0].object' "$TREE/index.json") path
	[ "$(answer object "$object")" = 200 ]
	header object Cache-Control | grep -q immutable
	[ "$(b2sum -l 256 <"$BATS_TEST_TMPDIR/object.body" | cut -d' ' -f1)" = "$(basename "$object" .rnm)" ]
	for path in "$object.sig" "$object.rnmsig" "models/$DIGEST.sig" "models/$DIGEST.rnmsig" index.json index.json.rnmsig history.jsonl; do
		[ "$(answer small "$path")" = 200 ]
		[ "$(header small Cache-Control)" = no-cache ]
		[ -z "$(header small Expires)" ]
		cmp "$BATS_TEST_TMPDIR/small.body" "$TREE/$path"
	done
	answer index index.json >/dev/null
	[ "$(header index Content-Type)" = application/json ]
}

@test "nothing else is served, and nothing is taken" {
	: >"$TREE/models/.$DIGEST.rnm-0.tmp"
	local path
	for path in .rnm-lock "models/.$DIGEST.rnm-0.tmp" models/ objects/ '' nothing models/0123456789abcdef; do
		answer none "$path" | grep -qxE '40[34]'
	done
	[ "$(answer put "models/$DIGEST" -X PUT -d x)" = 403 ]
	[ "$(answer post "models/$DIGEST" -d x)" = 403 ]
	[ "$(answer delete "$(jq -r '.models[0].object' "$TREE/index.json")" -X DELETE)" = 403 ]
}
