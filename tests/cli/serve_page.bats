#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The page of rnm serve --admin: what it says, and how it behaves in a browser.

load helpers

NAME=aa5f939b29f3d241

setup_file() {
	common_setup_file
	local n
	for n in spam ham; do
		/usr/bin/python3 -c 'import random, sys
random.seed(sys.argv[1])
for _ in range(50): print([round(random.gauss(0, 1), 5) for _ in range(46)])' $n >"$WORK/$n.jsonl"
	done
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
	start_serve "$TREE" "$WORK/serve"
	export ADMIN URL="http://127.0.0.1:$PORT/models"
	prepare_fleet
	make_history
}

# start_serve TREE FILES: sets ADMIN and PORT; its pid and notes in FILES.pid and FILES.notes.
start_serve() {
	"$RNM" serve "$1" --listen 0 --admin 0 >/dev/null 2>"$2.notes" 3>&- 4>&- &
	echo $! >"$2.pid"
	for _ in $(seq 200); do
		# The line that is written last is looked for first.
		ADMIN=$(sed -n 's|.*for operators at http://127.0.0.1:||p' "$2.notes")
		PORT=$(sed -n 's|.*serving at http://127.0.0.1:||p' "$2.notes")
		[ -z "$ADMIN" ] || break
		sleep 0.05
	done
}

teardown_file() {
	kill "$(cat "$WORK/serve.pid")" "$(cat "$WORK/told.pid")"
}

# A second server, whose tree has been published: figures, a way back, signed three times more; and a name of many lines.
make_history() {
	local ADMIN PORT n
	export TOLD="$WORK/told"
	install -m 600 "$DATA/sign/kp1.ucl" "$WORK/key"
	cp "$WORK/spam.jsonl" "$WORK/<i>&spam.jsonl"
	rnm eval "$WORK/1.rnm" --spam "$WORK/<i>&spam.jsonl" --ham "$WORK/ham.jsonl" --json >"$WORK/e1"
	told "$WORK/1.rnm" --eval "$WORK/e1" --force
	told "$WORK/2.rnm" --force
	told --rollback --force
	for n in 1 2 3; do told --renew; done
	told "$WORK/1.rnm" --name many
	# Lines that follow: the index need not know them yet.
	/usr/bin/python3 - "$TOLD/history.jsonl" <<-'END'
	import hashlib, json, sys
	with open(sys.argv[1], "r+b") as file:
	    last = file.read().split(b"\n")[-2]
	    for version in range(2, 32):
	        line = json.loads(last)
	        line["previous"] = hashlib.blake2b(last, digest_size=32).hexdigest()
	        line["serial"] += 1
	        line["model"]["model_version"] = version
	        last = json.dumps(line, sort_keys=True, separators=(",", ":")).encode()
	        file.write(last + b"\n")
	END
	start_serve "$TOLD" "$WORK/told"
	echo "$ADMIN" >"$WORK/told.admin"
}

told() {
	rnm -q publish "$@" --sign "$WORK/key" --to "$TOLD" 3>&- 4>&-
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

@test "status.json: what became of each name, and how well it does" {
	curl -s "http://127.0.0.1:$(cat "$WORK/told.admin")/status.json" >"$BATS_TEST_TMPDIR/status"
	jq -e --argjson auc "$(jq .auc "$WORK/e1")" '.history_problem == null and .history_is_cut == false and (.models[0] |
		.name == "aa5f939b29f3d241" and .evaluation.auc == $auc and .evaluation.spam == 50 and .evaluation.spam_source == "<i>&spam.jsonl" and
		.history_left_out == 0 and [.history[] | [.event, .version, .from_version, .times, .evaluation.auc]] ==
		[["renew", 3, null, 3, $auc], ["rollback", 3, 1, 1, $auc], ["publish", 2, null, 1, null], ["publish", 1, null, 1, $auc]])' "$BATS_TEST_TMPDIR/status"
	jq -e --arg key "$(cat "$DATA/sign/kp1.pub")" '[.models[0].history[].key] | unique == [$key]' "$BATS_TEST_TMPDIR/status"
	jq -e '.models[0].history[1].from == .models[0].history[3].blake2b and .models[0].history[0].serial == 6' "$BATS_TEST_TMPDIR/status"
	jq -e '.models[1] | .name == "many" and .evaluation == null and .history_left_out == 11 and (.history | length) == 20 and
		.history[0].version == 31 and .history[19].version == 12' "$BATS_TEST_TMPDIR/status"
	# A history that holds nothing together is not shown, and the page goes on.
	status | jq -e '(.history_problem | contains("line 1 of history.jsonl")) and (.models | map(.history == null and .evaluation == null) | all)'
	grep -qF 'a serial and the hash of the line before' "$WORK/serve.notes"
}

@test "the page: what is broken, left out or not there is said in words" {
	local page="$BATS_TEST_TMPDIR/page"
	curl -s "http://127.0.0.1:$(cat "$WORK/told.admin")/" >"$page"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/serve_browser.py" sound "$page"
	grep -qF '11 older ones are left out. <a href="/history.jsonl">' "$page"
	grep -qF 'That is all of it.' "$page"
	grep -qF '(&lt;i&gt;&amp;spam.jsonl)' "$page"
	! grep -qF '<i>' "$page"
	curl -s "http://127.0.0.1:$ADMIN/" >"$page"
	grep -qF 'The history of this tree cannot be relied on, and is not shown: line 1 of history.jsonl: ' "$page"
	grep -qF 'History since the server started' "$page"
	rm "$TREE/history.jsonl"
	for _ in $(seq 200); do
		curl -s "http://127.0.0.1:$ADMIN/" >"$page"
		! grep -qF 'The tree has no history.jsonl' "$page" || break
		sleep 0.05
	done
	grep -qF 'The tree has no history.jsonl' "$page"
	! grep -qF 'cannot be relied on' "$page"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/serve_browser.py" sound "$page"
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

@test "the page: what is to be pasted is a configuration, whatever a rule is called" {
	local ADMIN PORT files="$BATS_TEST_TMPDIR/serve" page="$BATS_TEST_TMPDIR/page"
	mkdir -p "$BATS_TEST_TMPDIR/tree/models"
	/usr/bin/python3 "$BATS_TEST_DIRNAME/made_model.py" "$BATS_TEST_TMPDIR/tree/models/plain" 46 rule=my-rule_2
	/usr/bin/python3 "$BATS_TEST_DIRNAME/made_model.py" "$BATS_TEST_TMPDIR/tree/models/odd" 46 'rule=a {} enabled = false; b'
	start_serve "$BATS_TEST_TMPDIR/tree" "$files"
	curl -s "http://127.0.0.1:$ADMIN/" >"$page"
	kill "$(cat "$files.pid")"
	grep -qF '<dt>Rule</dt><dd>a {} enabled = false; b</dd>' "$page"
	/usr/bin/python3 - "$page" >"$BATS_TEST_TMPDIR/conf" <<-'END'
	import html, re, sys
	for i, text in enumerate(re.findall("<pre[^>]*>(.*?)</pre>", open(sys.argv[1], encoding="utf-8").read(), re.S)):
	    print(f"neural{i} {{", html.unescape(text), "}")
	END
	call rnm config -c "$BATS_TEST_TMPDIR/conf"
	expect_rc 0
	[ "$(jq -c '[.. | .rules? // empty | keys[]] | sort' "$out")" = '["RULE","my-rule_2"]' ] || { cat "$out"; false; }
}

@test "in a browser: clicks, download, light, dark, a phone" {
	command -v chromedriver >/dev/null || skip "chromium-driver is not installed"
	mkdir "$BATS_TEST_TMPDIR/downloads"
	timeout 150 /usr/bin/python3 "$BATS_TEST_DIRNAME/serve_browser.py" walk "http://127.0.0.1:$ADMIN/" "$BATS_TEST_TMPDIR" "$WORK/2.rnm" \
		"http://127.0.0.1:$(cat "$WORK/told.admin")/" "$TOLD/history.jsonl" 3>&- 4>&-
}
