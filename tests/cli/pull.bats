#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm pull: what a good server gives, and what no server gets past it.

load helpers
load pull

setup_file() {
	pull_setup_file
}

teardown_file() {
	pull_teardown_file
}

setup() {
	pull_setup
}

# ---- the good way -----------------------------------------------------------------------------------------------

@test "a model is fetched once, and its successor when there is one" {
	publish "$WORK/m3.rnm"
	pulls
	expect_rc 0
	expect_no_err
	expect_out "installed: version 3 of m.rnm in $TO"
	installed 3
	[ "$(cut -d' ' -f2 "$SERVER/log" | tr '\n' ' ')" = "/m.rnm.rnmsig /m.rnm.sig /m.rnm " ]
	! grep -v "Accept-Encoding: identity" "$SERVER/log" || false
	expect_folder "$HERE" model.rnm model.rnm.rnmpull model.rnm.rnmpull.lock model.rnm.rnmsig model.rnm.sig
	script
	pulls
	expect_rc 0
	expect_out "unchanged: version 3 of m.rnm in $TO"
	# One short question.
	[ "$(wc -l <"$SERVER/log")" = 1 ]
	grep -q '^GET /m.rnm.rnmsig If-None-Match: "' "$SERVER/log"
	publish "$WORK/m4.rnm"
	pulls --quiet --dry-run
	expect_rc 0
	[ ! -s "$out" ]
	pulls --json
	expect_rc 0
	expect_json '.status == "done" and .changed and .previous_version == 3 and .statement.model_version == 4 and
		.received == .statement.size and .resumed == 0 and .sound and (.rolled_back | not)'
	installed 4
	pulls --json
	expect_json '.status == "done" and (.changed | not) and .received == 0'
}

@test "a dry run fetches and checks everything and leaves nothing behind" {
	publish "$WORK/m3.rnm"
	pulls --dry-run
	expect_rc 0
	expect_out "would install: version 3"
	expect_folder "$HERE"
	echo x >>"$ROOT/m.rnm"
	refused 7 statement.size "bytes, the signed statement is about" --dry-run
	expect_folder "$HERE"
}

@test "what is damaged in place is fetched again, and only that" {
	publish "$WORK/m3.rnm"
	pulls
	installed 3
	echo damaged >"$TO"
	pulls
	expect_rc 0
	expect_out "installed: version 3"
	installed 3
	script
	head -c 64 /dev/zero >"$TO.sig"
	touch -d '2020-01-01' "$TO"
	pulls --json
	expect_rc 0
	expect_json '(.changed | not) and .received == 0'
	installed 3
	[ "$(requests /m.rnm)" = 0 ]
	# rspamd looks at the signature when the time of the file has changed.
	[ "$(stat -c %Y "$TO")" -gt "$(date -d 2026-01-01 +%s)" ]
	rm "$TO.rnmsig" "$TO.rnmpull"
	pulls
	expect_rc 0
	installed 3
}

@test "permissions of the file in place stay, also for the half of its successor" {
	publish "$WORK/m3.rnm"
	pulls
	chmod 640 "$TO"
	publish "$WORK/m4.rnm"
	script "/m.rnm cut 5000"
	pulls
	expect_rc 5
	[ "$(stat -c %a "$HERE/.model.rnm.rnmpart")" = 640 ]
	script
	pulls
	expect_rc 0
	[ "$(stat -c %a "$TO")" = 640 ]
	installed 4
}

@test "a link is followed, and the signature lies where rspamd looks for it" {
	publish "$WORK/m3.rnm"
	mkdir "$HERE/real"
	ln -s real/m "$HERE/model.rnm"
	pulls
	expect_rc 0
	[ -L "$TO" ]
	cmp "$HERE/real/m" "$WORK/m3.rnm"
	[ "$(stat -c %s "$TO.sig")" = 64 ]
	installed 3
	pulls
	expect_out unchanged
}

@test "a query stays behind the names; user and password go to the server and nowhere else" {
	publish "$WORK/m3.rnm"
	call rnm pull "${URL/:\/\//://me:secret@}?a=b#frag" --key "$PUB" --to "$TO" --json
	expect_rc 0
	[ "$(cut -d' ' -f2 "$SERVER/log" | tr '\n' ' ')" = "/m.rnm.rnmsig?a=b /m.rnm.sig?a=b /m.rnm?a=b " ]
	[ "$(grep -c "Authorization: Basic bWU6c2VjcmV0" "$SERVER/log")" = 3 ]
	! grep -r "secret\|bWU6c2Vj" "$HERE" "$out" "$err" || false
	printf 'me:from-file\n' >"$HERE/auth"
	pulls --auth-file "$HERE/auth"
	grep -q "Authorization: Basic $(printf me:from-file | base64)" "$SERVER/log"
	printf 'nocolon\n' >"$HERE/auth"
	pulls --auth-file "$HERE/auth"
	expect_rc 3
	expect_plain_error
	pulls --auth-file "$HERE/none"
	expect_rc 4
}

@test "neither the environment nor a .netrc steers where requests go" {
	publish "$WORK/m3.rnm"
	printf 'machine 127.0.0.1 login me password secret\n' >"$HERE/.netrc"
	chmod 600 "$HERE/.netrc"
	HOME="$HERE" http_proxy=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 all_proxy=http://127.0.0.1:9 \
		ALL_PROXY=http://127.0.0.1:9 pulls
	expect_rc 0
	! grep -q Authorization "$SERVER/log" || false
	installed 3
}

# ---- broken off and taken up again ------------------------------------------------------------------------------

@test "a download that breaks off is taken up where it ended" {
	local size
	publish "$WORK/m3.rnm"
	size=$(stat -c %s "$WORK/m3.rnm")
	script "/m.rnm cut 10000"
	refused 5 http.cut "the connection ended before all had come"
	[ "$(stat -c %s "$HERE/.model.rnm.rnmpart")" = 10000 ]
	script
	pulls --json
	expect_rc 0
	expect_json ".resumed == 10000 and .received == $size - 10000"
	grep -q '^GET /m.rnm Range: bytes=10000-; If-Range: "' "$SERVER/log"
	installed 3
}

@test "a killed pull is taken up again" {
	publish "$WORK/m3.rnm"
	# All but the last bytes, and then nothing for long.
	script "/m.rnm drip"
	rnm pull "$URL" --key "$PUB" --to "$TO" >/dev/null 2>&1 3>&- &
	local pid=$!
	for _ in $(seq 100); do
		[ "$(requests /m.rnm)" = 0 ] || break
		sleep 0.05
	done
	sleep 0.3
	kill -9 $pid
	wait $pid || true
	[ ! -e "$TO" ]
	script
	pulls
	expect_rc 0
	installed 3
}

@test "SIGTERM ends a pull at once; what has come is kept" {
	publish "$WORK/m3.rnm"
	script "/m.rnm drip"
	rnm pull "$URL" --key "$PUB" --to "$TO" >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	local pid=$! rc=0 begin
	for _ in $(seq 100); do
		[ "$(requests /m.rnm)" = 0 ] || break
		sleep 0.05
	done
	sleep 0.5
	begin=$(date +%s%N)
	kill -TERM $pid
	wait $pid || rc=$?
	[ "$rc" = 143 ]
	(($(date +%s%N) - begin < 2000000000))
	[ "$(stat -c %s "$HERE/.model.rnm.rnmpart")" -gt 0 ]
	script
	pulls --json
	expect_json '.resumed > 0'
}

@test "what does not fit what is there already is fetched from its beginning" {
	local size what
	size=$(stat -c %s "$WORK/m3.rnm")
	for what in "range 9999-$((size - 1))/$size" "range 10000-$((size - 2))/$size" "range 10000-$((size - 1))/$((size + 1))" \
		norange "status 416"; do
		rm -f "$HERE"/* "$HERE"/.model*
		publish "$WORK/m3.rnm"
		script "/m.rnm cut 10000"
		pulls
		expect_rc 5
		script "/m.rnm $what" "/m.rnm ok"
		pulls --json
		expect_rc 0
		expect_json ".resumed == 0"
		installed 3
	done
	# The server has no strong name for what it sends: then its date must do.
	rm -f "$HERE"/* "$HERE"/.model*
	script "/m.rnm weak" "/m.rnm cut 10000"
	pulls
	rm -f "$HERE"/* "$HERE"/.model*
	script "/m.rnm cut 10000"
	pulls
	expect_rc 5
	sed -i 's/"etag": "\\"[^,]*,/"etag": "W\/\\"x\\"",/' "$TO.rnmpull"
	script
	pulls --json
	expect_json ".resumed == 10000"
	grep -q "^GET /m.rnm Range: bytes=10000-; If-Range: [A-Z][a-z][a-z], " "$SERVER/log"
	installed 3
}

@test "a beginning that is damaged costs a second fetch and no more" {
	publish "$WORK/m3.rnm"
	script "/m.rnm cut 10000"
	pulls
	expect_rc 5
	printf X | dd of="$HERE/.model.rnm.rnmpart" bs=1 seek=77 conv=notrunc status=none
	script
	pulls --json
	expect_rc 0
	expect_json ".resumed == 0"
	installed 3
	[ "$(requests /m.rnm)" = 2 ]
}

@test "half of one model is not taken for half of the next" {
	publish "$WORK/m3.rnm"
	script "/m.rnm cut 10000"
	pulls
	expect_rc 5
	publish "$WORK/m4.rnm"
	script
	pulls --json
	expect_rc 0
	expect_json ".resumed == 0"
	! grep -q Range: "$SERVER/log" || false
	installed 4
}

@test "a part that is a link or somebody else's is not written to" {
	publish "$WORK/m3.rnm"
	echo precious >"$HERE/precious"
	ln -s precious "$HERE/.model.rnm.rnmpart"
	pulls
	expect_rc 5
	expect_plain_error
	[ "$(cat "$HERE/precious")" = precious ]
	rm "$HERE/.model.rnm.rnmpart"
	ln "$HERE/precious" "$HERE/.model.rnm.rnmpart"
	refused 8 pull.locked "is not the unfinished download"
	[ "$(cat "$HERE/precious")" = precious ]
}

# ---- attacks on what is signed ------------------------------------------------------------------------------------

# attack_setup: version 3 is in place, version 4 is published.
attack_setup() {
	publish "$WORK/m3.rnm"
	pulls
	expect_rc 0
	publish "$WORK/m4.rnm"
}

@test "another file in the place of the model" {
	attack_setup
	cp "$WORK/m4.rnm" "$WORK/evil.rnm"
	printf X | dd of="$WORK/evil.rnm" bs=1 seek=5000 conv=notrunc status=none
	script "/m.rnm as $WORK/evil.rnm"
	refused 7 statement.hash "$URL: the statement is about other bytes"
	script "/m.rnm as $WORK/m3.rnm"
	refused 7 statement.size "$URL has $(stat -c %s "$WORK/m3.rnm") bytes, the signed statement is about"
}

@test "a signature over other bytes, of another length, of another key, and none" {
	attack_setup
	cp "$ROOT/m.rnm.sig" "$WORK/good.sig"
	rnm sign "$WORK/m3.rnm" -k "$WORK/key" >/dev/null
	script "/m.rnm.sig as $WORK/m3.rnm.sig"
	refused 7 signature.bad "m.rnm.sig is no signature of the model by the key of the statement"
	head -c 63 "$WORK/good.sig" >"$WORK/short.sig"
	script "/m.rnm.sig as $WORK/short.sig"
	refused 7 pull.signature-size "m.rnm.sig has not the 64 bytes of a signature"
	cat "$WORK/good.sig" "$WORK/short.sig" >"$WORK/long.sig"
	script "/m.rnm.sig as $WORK/long.sig"
	refused 7 pull.signature-size "has not the 64 bytes"
	cp "$WORK/m4.rnm" "$WORK/m4b.rnm"
	rnm sign "$WORK/m4b.rnm" -k "$WORK/other.key" >/dev/null
	script "/m.rnm.sig as $WORK/m4b.rnm.sig"
	refused 7 signature.bad "is no signature"
	script "/m.rnm.sig status 404"
	refused 7 pull.unsigned "there is no $URL.sig (HTTP status 404)"
	script "/m.rnm.rnmsig status 404"
	refused 7 pull.unsigned "there is no $URL.rnmsig (HTTP status 404): nothing says who made the model"
	script "/m.rnm status 404"
	refused 4 pull.absent "there is no $URL (HTTP status 404), though there is a statement about it"
	script
	pulls
	installed 4
}

@test "a statement of another key, a changed one, one for another name" {
	attack_setup
	KEY="$WORK/other.key" publish "$WORK/m4.rnm"
	refused 7 signature.untrusted "which is none of the 1 trusted key"
	publish "$WORK/m4.rnm"
	sed -i '1s/"model_version":4/"model_version":5/' "$ROOT/m.rnm.rnmsig"
	refused 7 signature.bad "the signature is not one of these bytes by this key"
	publish "$WORK/m4.rnm"
	sed -i '2s/.*/{}/' "$ROOT/m.rnm.rnmsig"
	refused 7 signature.malformed "expected the line of a signature"
	publish "$WORK/m4.rnm" --name elsewhere.rnm
	refused 7 statement.name "elsewhere.rnm"
	pulls --name elsewhere.rnm
	expect_rc 0
}

@test "an older version, and an older statement, are refused unless they are wanted" {
	publish "$WORK/m4.rnm"
	cp -a "$ROOT" "$BATS_TEST_TMPDIR/four"
	pulls
	installed 4
	publish "$WORK/m3.rnm"
	refused 8 pull.rollback "the server offers version 3 of m.rnm, and version 4 has been seen"
	expect_err "--allow-rollback"
	# Even when what is remembered is lost: the statement in place knows.
	rm "$TO.rnmpull"
	refused 8 pull.rollback "version 4 has been seen"
	pulls --allow-rollback --json
	expect_rc 0
	expect_json '.rolled_back and .changed and .statement.model_version == 3'
	installed 3
	# From there on as usual.
	pulls
	expect_out "unchanged: version 3"
	publish "$WORK/m4.rnm"
	pulls
	installed 4
	# The same version signed earlier is an older statement.
	cp "$BATS_TEST_TMPDIR"/four/* "$ROOT"
	refused 8 pull.older "seconds before one that has been seen"
}

@test "what another trusted key has signed is no way back either, unless that key is trusted no more" {
	mkdir "$HERE/keys"
	cp "$PUB" "$HERE/keys/one.pub"
	cp "$WORK/other.pub" "$HERE/keys/two.pub"
	publish "$WORK/m4.rnm"
	call rnm pull "$URL" --trusted "$HERE/keys" --to "$TO"
	expect_rc 0
	KEY="$WORK/other.key" publish "$WORK/m3.rnm"
	call rnm pull "$URL" --trusted "$HERE/keys" --to "$TO"
	expect_rc 8
	expect_err "version 4 has been seen"
	rm "$HERE/keys/one.pub"
	call rnm pull "$URL" --trusted "$HERE/keys" --to "$TO"
	expect_rc 0
	cmp "$TO" "$WORK/m3.rnm"
}

@test "a statement that holds no more, or not yet" {
	attack_setup
	SIGNED=1700000000 publish "$WORK/m4.rnm" --valid-for 1d
	refused 7 statement.expired "2023-11-15"
	SIGNED=$(($(date +%s) + 86400)) publish "$WORK/m4.rnm"
	refused 7 statement.early ""
	# Freezing: the server says for ever that nothing has changed.
	SIGNED=$(date +%s) publish "$WORK/m4.rnm" --valid-for 3s
	pulls
	expect_rc 0
	sleep 4
	script "/m.rnm.rnmsig status 304"
	refused 7 statement.expired ""
}

@test "what is signed but no model, unsound, or not what its statement says, is not put in place" {
	attack_setup
	echo "no model at all, but signed" >"$WORK/text"
	publish "$WORK/text" --any-file
	refused 3 rnm1 "" || {
		pulls --json
		expect_rc 3
	}
	python "$BATS_TEST_DIRNAME/rnm1.py" show "$WORK/m4.rnm" >/dev/null
}

# ---- attacks on the way ---------------------------------------------------------------------------------------------

@test "web pages instead of what was asked for" {
	local what
	attack_setup
	printf '<!DOCTYPE html><html><body>Log in, please</body></html>' >"$WORK/page.html"
	for what in .rnmsig .sig ""; do
		script "/m.rnm$what as $WORK/page.html text/html;charset=utf-8"
		refused 3 pull.web-page "$URL$what answers with a web page instead of"
	done
	for what in .rnmsig .sig; do
		script "/m.rnm$what as $WORK/page.html"
		refused 3 pull.web-page "$URL$what answers with a web page instead of" || [ "$what" = .sig ]
	done
	script "/m.rnm as $WORK/page.html"
	refused 7 statement.size "bytes, the signed statement is about"
}

@test "bodies that end too early, too late, never, or too slowly" {
	attack_setup
	local size
	size=$(stat -c %s "$WORK/m4.rnm")
	script "/m.rnm declare $((size + 100))"
	refused 7 statement.size "$((size + 100)) bytes, the signed statement is about $size"
	script "/m.rnm declare $((size - 100))"
	refused 7 statement.size "$((size - 100)) bytes"
	script "/m.rnm endless"
	refused 3 http.too-large "more than the $size bytes"
	script "/m.rnm endless chunked"
	refused 3 http.too-large "more than the $size bytes"
	script "/m.rnm.rnmsig endless"
	refused 3 http.too-large "sends more than the"
	script "/m.rnm.sig endless chunked"
	refused 3 http.too-large "sends more than the"
	script "/m.rnm drip"
	refused 5 http.timeout "the server took too long" --timeout 1
	script "/m.rnm.rnmsig drip-headers"
	refused 5 http.timeout "the server took too long" --timeout 1
	script "/m.rnm.rnmsig headers 200000"
	refused 3 http.headers "65536 bytes of headers"
	script "/m.rnm bare"
	pulls
	expect_rc 0
	installed 4
}

@test "limits: what is larger than may be is not begun" {
	attack_setup
	refused 8 pull.too-large "bytes, and at most 1024 may come" --max-size 1K
	[ "$(requests /m.rnm)" = 1 ]
	pulls --max-size 1M
	expect_rc 0
	local size
	for size in 0 1X K "" -1 99999999999G; do
		pulls --max-size "$size"
		expect_rc 2
		expect_plain_error
	done
}

@test "a packed answer is refused, since rspamd could not read it" {
	attack_setup
	script "/m.rnm header Content-Encoding: gzip"
	refused 5 pull.encoding "comes packed (Content-Encoding: gzip)"
	script "/m.rnm header Content-Encoding: identity"
	pulls
	expect_rc 0
}

@test "redirects lead to https only, and not round and round" {
	attack_setup
	script "/m.rnm redirect ${URL/m.rnm/other}"
	refused 8 http.redirect "the server sends us elsewhere, and not to https"
	script "/m.rnm redirect file:///etc/passwd"
	refused 8 http.redirect "not to https"
	script "/m.rnm redirect ftp://127.0.0.1/m.rnm"
	refused 8 http.redirect "not to https"
	script "/m.rnm.rnmsig redirect gopher://127.0.0.1/"
	refused 8 http.redirect "not to https"
}

@test "answers that make no sense" {
	attack_setup
	script "/m.rnm status 500"
	refused 5 pull.status "answers with HTTP status 500 instead of a model"
	script "/m.rnm.rnmsig status 403"
	refused 5 pull.status "HTTP status 403 instead of a signed statement"
	script "/m.rnm.sig status 204"
	refused 5 pull.status "HTTP status 204 instead of a signature"
	# Not asked for.
	script "/m.rnm.sig status 304"
	refused 5 pull.status "HTTP status 304"
	script "/m.rnm range 0-9/10"
	refused 5 pull.status "HTTP status 206"
	rm "$TO.rnmpull"
	script "/m.rnm.rnmsig status 304"
	refused 5 pull.status "HTTP status 304"
	script "/m.rnm status 304"
	refused 5 pull.status "HTTP status 304"
	URL=http://127.0.0.1:1/m.rnm
	refused 5 http.connect "the server cannot be reached"
	URL=http://no-such-host.invalid/m.rnm
	refused 5 http.resolve "the name of the server has no address" --plain-http
}

@test "plain http goes to this host only, unless it is asked for" {
	call rnm pull http://192.0.2.1/m.rnm --key "$PUB" --to "$TO"
	expect_rc 8
	expect_err "http://192.0.2.1/m.rnm.rnmsig is not encrypted"
	expect_plain_error
	local url
	for url in ftp://127.0.0.1/m.rnm file:///etc/passwd /etc/passwd 127.0.0.1/m.rnm "https://a b/m.rnm"; do
		call rnm pull "$url" --key "$PUB" --to "$TO"
		expect_rc 2
		expect_plain_error
	done
	call rnm pull "http://u:p@127.0.0.1:1/dir/" --key "$PUB" --to "$TO"
	expect_rc 2
	expect_err "the path of http://127.0.0.1:1/dir/ does not end in a name"
}

# ---- a publisher at work ------------------------------------------------------------------------------------------

@test "a statement that is a moment ahead of its model is worth a second look" {
	attack_setup
	# The model of before, then the new one.
	script "/m.rnm as $WORK/m3.rnm" "/m.rnm ok"
	pulls
	expect_rc 0
	installed 4
	[ "$(requests /m.rnm)" = 2 ]
	[ "$(requests /m.rnm.rnmsig)" = 2 ]
}

@test "the model of before is not fetched again for the new statement" {
	publish "$WORK/m3.rnm"
	pulls
	expect_rc 0
	cp -a "$ROOT/m.rnm" "$BATS_TEST_TMPDIR/old"
	publish "$WORK/m4.rnm"
	script "/m.rnm as $BATS_TEST_TMPDIR/old" "/m.rnm ok"
	pulls --json
	expect_rc 0
	expect_json ".received == .statement.size"
	grep -q '^GET /m.rnm If-None-Match: "' "$SERVER/log"
	installed 4
}
