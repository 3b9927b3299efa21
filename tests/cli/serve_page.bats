#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The page of rnm serve --admin: what it says, and how it behaves in a browser.

load helpers

NAME=aa5f939b29f3d241

setup_file() {
	common_setup_file
	local n
	export TREE="$WORK/tree"
	mkdir -p "$TREE/models"
	for n in 1 2; do
		/usr/bin/python3 "$BATS_TEST_DIRNAME/made_model.py" "$WORK/$n.rnm" 46 hidden=$((n * 30)) digest=$NAME version=$n
	done
	cp "$WORK/1.rnm" "$TREE/models/$NAME"
	cp "$WORK/1.rnm" "$TREE/models/other"
	echo s >"$TREE/models/$NAME.sig"
	echo s >"$TREE/models/$NAME.rnmsig"
	echo '{}' >"$TREE/history.jsonl"
	"$RNM" serve "$TREE" --listen 0 --admin 0 >/dev/null 2>"$WORK/notes" 3>&- 4>&- &
	echo $! >"$WORK/serve.pid"
	local port
	for _ in $(seq 200); do
		# The line that is written last is looked for first.
		ADMIN=$(sed -n 's|.*for operators at http://127.0.0.1:||p' "$WORK/notes")
		port=$(sed -n 's|.*serving at http://127.0.0.1:||p' "$WORK/notes")
		[ -z "$ADMIN" ] || break
		sleep 0.05
	done
	export ADMIN URL="http://127.0.0.1:$port/models"
	prepare_fleet
}

teardown_file() {
	kill "$(cat "$WORK/serve.pid")"
}

# asks CLIENT NAME [TAG]
asks() {
	curl -s -o /dev/null -H "X-Forwarded-For: $1" -A rspamd-4.1.6 ${3:+-H "If-None-Match: $3"} "$URL/$2"
}

# Four clients of version 1, two of which take over version 2; one of another model; and names that are not there.
prepare_fleet() {
	local i
	for i in 1 2 3 4; do asks "192.0.2.$i" "$NAME"; done
	cp "$WORK/2.rnm" "$TREE/models/.new"
	mv "$TREE/models/.new" "$TREE/models/$NAME"
	TAG="\"$(b2sum -l 256 "$WORK/2.rnm" | cut -d ' ' -f 1)\""
	for i in $(seq 200); do [ "$(curl -sI -H 'X-Forwarded-For: 192.0.2.1' "$URL/$NAME" | tr -d '\r' | sed -n 's/^ETag: //p')" = "$TAG" ] && break || sleep 0.05; done
	asks 192.0.2.1 "$NAME" "$TAG"
	asks 192.0.2.2 "$NAME"
	asks 2001:db8::7 other
	curl -sI -o /dev/null -H 'X-Forwarded-For: 192.0.2.9' -A '<b>bold</b>' "$URL/other"
	asks 192.0.2.5 0123456789abcdef
	asks 192.0.2.6 0123456789abcdef
	asks 192.0.2.6 '<script>alert(1)</script>'
}

status() {
	curl -s "http://127.0.0.1:$ADMIN/status.json"
}

@test "status.json: who holds what" {
	status >"$BATS_TEST_TMPDIR/status"
	jq -e --arg tag "$TAG" '.models | length == 2 and (.[0] | .name == "aa5f939b29f3d241" and .version == 2
		and .architecture == "symbol 46 -> 60 -> 1" and .signature == "signed, for rnm pull and for rspamd" and .kept == false)
		and (.[1] | .name == "other" and .version == 1 and .digest == "aa5f939b29f3d241" and .signature == "not signed")' "$BATS_TEST_TMPDIR/status"
	jq -e '[.clients[] | select(.name == "aa5f939b29f3d241") | [.client, .version, .standing]] ==
		[["192.0.2.1", 2, "current"], ["192.0.2.2", 2, "current"], ["192.0.2.3", 1, "behind"], ["192.0.2.4", 1, "behind"]]' "$BATS_TEST_TMPDIR/status"
	jq -e '[.clients[] | select(.name == "other") | [.client, .version, .standing]] ==
		[["192.0.2.9", null, "unknown"], ["2001:db8::7", 1, "current"]]' "$BATS_TEST_TMPDIR/status"
	jq -e '.missing | map({(.name): .requests}) | add == {"0123456789abcdef": 2, "<script>alert(1)</script>": 1}' "$BATS_TEST_TMPDIR/status"
	jq -e '.clients_forgotten == 0' "$BATS_TEST_TMPDIR/status"
}

@test "the page: sound, no scripts, nothing fetched, nothing of others that is markup" {
	curl -s -D "$BATS_TEST_TMPDIR/head" -o "$BATS_TEST_TMPDIR/page" "http://127.0.0.1:$ADMIN/"
	grep -qi '^content-type: text/html; charset=utf-8' "$BATS_TEST_TMPDIR/head"
	grep -qi "^content-security-policy: default-src 'none'; style-src 'unsafe-inline'" "$BATS_TEST_TMPDIR/head"
	python "$BATS_TEST_DIRNAME/serve_browser.py" sound "$BATS_TEST_TMPDIR/page"
	[ "$(curl -s -o /dev/null -w '%{http_code}' "${URL%/models}/")" = 404 ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' "${URL%/models}/status.json")" = 404 ]
	# The page of clients that are behind has only those.
	curl -s "http://127.0.0.1:$ADMIN/?show=behind" >"$BATS_TEST_TMPDIR/behind"
	grep -q '>192.0.2.3<' "$BATS_TEST_TMPDIR/behind"
	! grep -q '>192.0.2.1<' "$BATS_TEST_TMPDIR/behind"
	# What a client sends as its program is text.
	grep -qF '&lt;b&gt;bold&lt;/b&gt;' "$BATS_TEST_TMPDIR/page"
}

@test "in a browser: clicks, download, light, dark, a phone" {
	command -v chromedriver >/dev/null || skip "chromium-driver is not installed"
	mkdir "$BATS_TEST_TMPDIR/downloads"
	timeout 150 /usr/bin/python3 "$BATS_TEST_DIRNAME/serve_browser.py" walk "http://127.0.0.1:$ADMIN/" "$BATS_TEST_TMPDIR" "$WORK/2.rnm" 3>&- 4>&-
}
