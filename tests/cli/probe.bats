#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm probe against servers that make one mistake each, and against nginx as it ought to be set up.

load helpers

DIGEST=376616275a1a984c

setup_file() {
	common_setup_file
	export SITE="$WORK/site" TOOLS="$BATS_TEST_DIRNAME" CERTS="$WORK/certs"
	mkdir "$SITE"
	python "$TOOLS/made_model.py" "$SITE/good" 64 digest=$DIGEST seed=1
	python "$TOOLS/made_model.py" "$SITE/other" 64 digest=$DIGEST seed=2
	python "$TOOLS/made_model.py" "$SITE/bare" 64 plain=1
	mkdir "$CERTS"
	"$TOOLS/../make_certs" "$CERTS"
	start_server
	PORT=$(cat "$SITE/port")
	export PORT
}

teardown_file() {
	kill "$(cat "$SITE/pid")"
	wait "$(cat "$SITE/pid")" 2>/dev/null || true
}

# The odd server, and beside its plain port one for each kind of certificate.
start_server() {
	local tls=() name key
	for name in good chain:chained edge-chain:chained deep-chain:chained chained stranger self wrong only-address expired future ending; do
		key=server
		[ "$name" != chained ] || key=chained
		case $name in *:*) key=${name#*:} ;; esac
		name=${name%:*}
		tls+=("$name=$CERTS/$name.pem,$CERTS/$key.key")
	done
	/usr/bin/python3 "$TOOLS/odd_server.py" "$SITE" 127.0.0.1 127.0.0.2 "${tls[@]}" \
		"old=$CERTS/good.pem,$CERTS/server.key,tls1.1" >"$SITE/log" 2>&1 3>&- 4>&- &
	echo $! >"$SITE/pid"
	wait_for_file "$SITE/port" "$SITE/log"
}

# check_cases OPTIONS: all cases with exactly these options, in one run; each must be found to be what the table says.
check_cases() {
	local dir="$BATS_TEST_TMPDIR" urls=()
	python "$TOOLS/odd_server.py" --cases | awk -F'|' -v options="$1" '$3 == options' >"$dir/cases"
	[ -s "$dir/cases" ]
	mapfile -t urls < <(sed "s|^[^|]*.\([^|]*\).*|http://127.0.0.1:$PORT\1|" "$dir/cases")
	# shellcheck disable=SC2086
	call rnm probe --pause 0 $1 --json "${urls[@]}"
	expect_no_err
	jq -r '.probes[] | [(.url | split("/")[3]), if .reached | not then 5 elif .problems + .warnings > 0 then 1 else 0 end,
		([.findings[].id] | sort | join(" "))] | join("|")' "$out" >"$dir/found"
	cut -d'|' -f 1,4,5 "$dir/cases" | diff - "$dir/found"
	expect_rc "$(cut -d'|' -f 4 "$dir/cases" | sort -n | tail -1)"
}

@test "each mistake is found, and nothing else" {
	check_cases ''
	# When a rspamd would ask again, and what that is: of a body that did not come whole it keeps nothing.
	[ "$(jq -r '.probes[] | "\(.url | split("/")[3]) \(.next | .reason)"' "$out" |
		grep -E '^(good|short|empty|missing|no-head|page|overdue|no-date|far-expires|no-expires|past-expires|no-validators) ' | sort)" = \
"empty error
far-expires expires-far
good expires
missing error
no-date overdue
no-expires validators
no-head error
no-validators expires
overdue overdue
page expires
past-expires validators
short error" ]
	# This server goes back only once.
	expect_json '.probes[] | select(.url | contains("/back/")).findings[] | select(.id == "probe.last-modified-back").text
		| test("^Last-Modified was .* GMT, and is .* GMT for a new model$")'
	# What changes costs a HEAD; what cannot be recognised costs all of it, each time.
	expect_json '[.probes[] | select(.url | contains("/good/") or contains("/no-304/")).cost | .poll_bytes < 300] == [true, false]'
}

# says CASE LINE: the report about it has this line, and in these words.
says() {
	sed -n "\\|/$1/$DIGEST\$|,/^\$/p" "$out" | grep -qE -- "^ *$2\$" || {
		echo "expected of $1: $2"
		show
		return 1
	}
}

@test "in words: what is wrong, and how often a stock rspamd asks then" {
	local name urls=()
	for name in good head-length chunked packed redirect no-date bad-date far-expires unstable-etag; do
		urls+=("http://127.0.0.1:$PORT/$name/$DIGEST")
	done
	# This one counts who has asked before, for each address.
	urls+=("http://127.0.0.2:$PORT/back/$DIGEST")
	call rnm probe --pause 0 "${urls[@]}"
	expect_rc 1
	says good "0 problems, 0 warnings, 0 notes"
	says good "a rspamd that polls every 5m 0s asks again after (19m [0-9]+s|20m 0s) \(Expires\): 7[0-9] polls and 1[0-9.]+ KiB a day; a new model costs 2\.[0-9] KiB"
	says head-length "Content-Length is 17 for HEAD and $(stat -c %s "$SITE/good") for GET"
	says chunked "the body comes with Transfer-Encoding: chunked"
	says packed "the answer has Content-Encoding: gzip"
	says redirect "HEAD is answered with 302, to /elsewhere"
	says redirect "a rspamd that polls .* asks again after 1h 40m to 3h 20m \(an error\): 9\.6 polls and 0 B a day; a new model costs 0 B"
	says no-date "the answer 200 has no Date"
	says no-date "a rspamd that polls .* asks again after 2s to 4s \(Date\): 28800 polls and .* a day; .*"
	says bad-date "expected a date in Date, found 'yesterday'"
	says far-expires "Expires is 9 hours after Date"
	says far-expires "a rspamd that polls .* asks again after (49m [0-9]+s|50m 0s) \(ten poll intervals, Expires is too far\): 29 polls .*"
	says unstable-etag 'the same bytes come with ETag "[0-9a-f]{16}" and "[0-9a-f]{16}"'
	call rnm probe --pause 0 --poll 30 "http://127.0.0.1:$PORT/no-expires/$DIGEST"
	says no-expires "a rspamd that polls every 30s asks again after (9m [0-9]+s|10m 0s) \\(four poll intervals, 10 minutes at least: no Expires that counts\\): .*"
}

@test "between addresses that do not agree" {
	check_cases '--address 127.0.0.1,127.0.0.2'
	jq -e '.probes[] | select(.url | contains("/one-edge/")).findings[0].addresses == ["127.0.0.2:'"$PORT"'"]' "$out"
	check_cases '--address 127.0.0.1,127.0.0.9'
	check_cases '--address 127.0.0.9'
}

@test "larger than rspamd may take" {
	check_cases '--max-size 1000'
}

@test "servers that take their time" {
	local pids=() pid
	(check_cases '--timeout 20' >"$BATS_TEST_TMPDIR/slow" 2>&1) &
	pid=$!
	BATS_TEST_TMPDIR="$BATS_TEST_TMPDIR/quick" && mkdir "$BATS_TEST_TMPDIR"
	check_cases '--timeout 1'
	wait $pid || {
		cat "$BATS_TEST_TMPDIR/../slow"
		false
	}
}

# check_tls NAME EXIT IDS: the server with this certificate.
check_tls() {
	call rnm probe --pause 0 --cacert "$CERTS/ca.pem" --json "https://localhost:$(cat "$SITE/port.$1")/good/$DIGEST" --address 127.0.0.1
	[ "$1: $rc $(jq -r '[.probes[0].findings[].id] | sort | join(" ")' "$out")" = "$1: $2 $3" ] || {
		show
		return 1
	}
}

@test "certificates" {
	check_tls good 0 ''
	expect_json '.probes[0].tls[0] | .version == "TLSv1.3" and .trusted and .sent == 1 and (.names | contains("localhost"))'
	expect_json '.probes[0].answers | map(.wire_bytes > 1000) | all'
	check_tls chain 0 ''
	check_tls edge-chain 0 ''
	check_tls deep-chain 1 probe.deep-chain
	check_tls chained 1 probe.untrusted
	# An intermediate certificate that is not sent: its issuer is named, and that there was but one.
	expect_json '.probes[0].findings[0].text | contains("; 1 certificate sent, issuer of the first: ")'
	check_tls stranger 1 probe.untrusted
	check_tls self 1 probe.untrusted
	check_tls wrong 1 probe.wrong-name
	expect_json '.probes[0].findings[0].text | startswith("the certificate is for ")'
	check_tls only-address 1 probe.wrong-name
	check_tls expired 1 probe.certificate-date
	expect_json '.probes[0].findings[0].text == "a certificate of the chain has expired"'
	check_tls future 1 probe.certificate-date
	expect_json '.probes[0].findings[0].text == "a certificate of the chain is not valid yet"'
	check_tls ending 1 probe.certificate-ends
	check_tls old 5 probe.no-tls
	# Plain HTTP where TLS is expected, and the other way round.
	call rnm probe --pause 0 --json "https://127.0.0.1:$PORT/good/$DIGEST" "http://127.0.0.1:$(cat "$SITE/port.good")/good/$DIGEST"
	expect_rc 5
	expect_json '[.probes[].findings[].id] == ["probe.no-tls", "probe.cut"]'
}

# requests CASE: what came for it, one request after the other, lines ended by | instead of CR and LF.
requests() {
	jq -r --arg case "$1" 'select(.case == $case).bytes' "$SITE/requests" | tr -d '\r' | tr '\n' '|'
}

@test "the bytes of rspamd" {
	local path="/good/$DIGEST?rule=embed" head date tag
	: >"$SITE/requests"
	call rnm probe --pause 0 "http://user:pa%20ss@127.0.0.1:$PORT$path#part" --json --user-agent rspamd-9
	expect_rc 1
	expect_json '[.probes[0].findings[].id] == ["probe.fragment"]'
	expect_json '.probes[0].url == "http://127.0.0.1:'"$PORT$path"'#part"'
	head="Connection: close|Host: 127.0.0.1|Content-Length: 0|User-Agent: rspamd-9"
	date=$(jq -r '.probes[0].answers[1].last_modified' "$out")
	tag=$(jq -r '.probes[0].answers[1].etag' "$out")
	[ "$(requests good)" = "HEAD $path#part HTTP/1.1|$head|Authorization: Basic dXNlcjpwYSUyMHNz|||$(
	)GET $path#part HTTP/1.1|$head|Authorization: Basic dXNlcjpwYSUyMHNz|||$(
	)HEAD $path#part HTTP/1.1|$head|If-Modified-Since: $date|If-None-Match: $tag|Authorization: Basic dXNlcjpwYSUyMHNz|||$(
	)HEAD $path#part HTTP/1.1|$head|If-Modified-Since: $date|If-None-Match: \"rnm-probe\"|Authorization: Basic dXNlcjpwYSUyMHNz|||" ]
	# The password is on the wire, and nowhere else.
	jq 'del(.probes[].answers[].request)' "$out" >"$BATS_TEST_TMPDIR/without"
	! grep -q "pa%20ss" "$out" "$err" || false
	! grep -q "dXNlcjpwYSUyMHNz" "$BATS_TEST_TMPDIR/without" || false
	: >"$SITE/requests"
	call rnm probe --pause 0 "http://127.0.0.1:$PORT/no-last-modified/$DIGEST" --json --user-agent ''
	# Without Last-Modified rspamd remembers the date of the fetch; weak and bare tags go back as they came.
	date=$(jq -r '.probes[0].answers[1].date' "$out")
	tag=$(jq -r '.probes[0].answers[1].etag' "$out")
	head="Connection: close|Host: 127.0.0.1|Content-Length: 0"
	[[ "$(requests no-last-modified)" = "HEAD /no-last-modified/$DIGEST HTTP/1.1|$head|||GET "*"|If-Modified-Since: $date|If-None-Match: $tag|||"* ]]
}

@test "samples, and a pause before each" {
	local start=$SECONDS
	call rnm probe --pause 1.1 --samples 2 "http://127.0.0.1:$PORT/good/$DIGEST" --json
	expect_rc 0
	expect_json '.probes[0].answers | map(.ask) == ["head", "get", "again", "other", "again"]'
	expect_json '.probes[0].answers | map(.round) == [0, 0, 1, 1, 2]'
	expect_json '.probes[0].answers | .[2].at - .[1].at > 1 and .[4].at - .[2].at > 1'
	[ $((SECONDS - start)) -ge 2 ]
}

@test "what an earlier run has seen" {
	local memory="$BATS_TEST_TMPDIR/memory" url="http://127.0.0.1:$PORT/back-later/$DIGEST"
	rm -f "$SITE/later"
	call rnm probe --pause 0 --state "$memory" --json "$url" "http://127.0.0.1:$PORT/good/$DIGEST"
	expect_rc 0
	[ "$(jq -r '.urls | length' "$memory")" = 2 ]
	call rnm probe --pause 0 --state "$memory" --json "$url"
	expect_rc 0
	echo older >"$SITE/later"
	call rnm probe --pause 0 --state "$memory" --json "$url"
	expect_rc 1
	expect_json '[.probes[0].findings[].id] == ["probe.changed", "probe.last-modified-back"]'
	# From here on that is what is known.
	call rnm probe --pause 0 --state "$memory" --json "$url"
	expect_rc 0
	expect_folder "$BATS_TEST_TMPDIR" err memory out
	echo nonsense >"$memory"
	call rnm probe --pause 0 --state "$memory" "$url"
	expect_rc 3
	expect_plain_error
	expect_no_out
	jq -n '{form: "rnm probe 1", urls: {a: {at: 1, last_modified: null, etag: null, blake2b: "00"}}}' >"$memory"
	call rnm probe --pause 0 --state "$memory" "$url"
	expect_rc 3
	expect_err "blake2b"
	call rnm probe --pause 0 --state "$BATS_TEST_TMPDIR/no/such" "$url"
	expect_rc 5
	expect_out "0 problems"
}

@test "nginx as it ought to be" {
	local dir="$BATS_TEST_TMPDIR" port tls_port PATH="$PATH:/usr/sbin"
	command -v nginx >/dev/null || skip "no nginx here"
	port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	tls_port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	mkdir -p "$dir/www/models"
	cp "$SITE/good" "$dir/www/models/$DIGEST"
	touch -d '1 hour ago' "$dir/www/models/$DIGEST"
	chmod -R a+rX "$BATS_FILE_TMPDIR" "$dir"
	cat >"$dir/nginx.conf" <<-END
		daemon off; master_process off; pid $dir/nginx.pid; error_log $dir/error.log;
		events { worker_connections 64; }
		http {
			access_log off; default_type application/octet-stream;
			client_body_temp_path $dir/1; proxy_temp_path $dir/2; fastcgi_temp_path $dir/3; uwsgi_temp_path $dir/4;
			scgi_temp_path $dir/5;
			server {
				listen 127.0.0.1:$port; listen 127.0.0.1:$tls_port ssl;
				ssl_certificate $CERTS/good.pem; ssl_certificate_key $CERTS/server.key;
				root $dir/www; expires 20m;
				location /gone/ { return 410; }
				location /moved/ { return 301 /models/; }
				location /forever/ { alias $dir/www/models/; expires max; }
				location /never/ { alias $dir/www/models/; expires epoch; }
				location /as-old/ { alias $dir/www/models/; expires modified +2h; }
				location /packed/ { alias $dir/www/models/; gzip on; gzip_min_length 0; gzip_types *; gzip_http_version 1.0; }
			}
		}
	END
	nginx -p "$dir" -c "$dir/nginx.conf" >"$dir/nginx.log" 2>&1 3>&- 4>&- &
	echo $! >"$dir/pid"
	for _ in $(seq 100); do
		! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
		sleep 0.05
	done
	rc_of() { # IDS URL [OPTION...]
		call rnm probe --pause 0 --json "${@:2}"
		[ "$(jq -r '[.probes[0].findings[].id] | sort | join(" ")' "$out")" = "$1" ] || {
			show
			return 1
		}
	}
	rc_of '' "http://127.0.0.1:$port/models/$DIGEST" &&
		expect_rc 0 && expect_json '.probes[0].next | .reason == "expires" and .max <= 1200 and .min > 1190' &&
		expect_json '.probes[0].cost | .poll_bytes > 150 and .poll_bytes < 400 and .fetch_bytes > 2500' &&
		rc_of '' "https://localhost:$tls_port/models/$DIGEST" --cacert "$CERTS/ca.pem" --address 127.0.0.1 &&
		rc_of probe.status "http://127.0.0.1:$port/models/other" &&
		rc_of probe.status "http://127.0.0.1:$port/gone/$DIGEST" &&
		rc_of probe.redirect "http://127.0.0.1:$port/moved/$DIGEST" &&
		rc_of probe.absurd-expires "http://127.0.0.1:$port/forever/$DIGEST" &&
		rc_of probe.past-expires "http://127.0.0.1:$port/never/$DIGEST" &&
		rc_of probe.fixed-expires "http://127.0.0.1:$port/as-old/$DIGEST" --pause 1.1 &&
		rc_of '' "http://127.0.0.1:$port/packed/$DIGEST" || rc=bad
	kill "$(cat "$dir/pid")"
	wait "$(cat "$dir/pid")" || true
	[ "$rc" != bad ]
}

@test "wrong usage" {
	call rnm probe
	expect_rc 2
	expect_err "which URL"
	for url in example ftp://example/ http:// http://a:0/ "http://a b/"; do
		call rnm probe "$url"
		expect_rc 2
		expect_plain_error
		expect_no_out
	done
	call rnm probe --json 'http://user:secret@:x/'
	expect_rc 2
	! grep -q secret "$out" "$err" || false
	call rnm probe http://127.0.0.1:1/ --address 127.0.0.1,
	expect_rc 2
	expect_err "is no address"
	for option in "--samples 0" "--samples 101" "--pause -1" "--pause nan" "--poll 0" "--timeout x" "--max-size 0"; do
		# shellcheck disable=SC2086
		call rnm probe $option http://127.0.0.1:1/
		expect_rc 2
		expect_plain_error
	done
	call rnm probe --cacert "$BATS_TEST_TMPDIR/none.pem" https://127.0.0.1:1/
	expect_rc 2
	expect_err none.pem
}

@test "a name without an address does not keep other URLs from being asked" {
	call rnm probe --pause 0 --json http://no-such-host.invalid/m "http://127.0.0.1:$PORT/good/$DIGEST"
	expect_rc 5
	expect_json '.probes | length == 2 and (.[0] | .reached | not)'
	expect_json '[.probes[0].findings[].id] == ["probe.no-address"]'
	expect_json '.probes[1].reached and .probes[1].findings == []'
}

@test "what a server sends moves no cursor" {
	call rnm probe --pause 0 "http://127.0.0.1:$PORT/escapes/$DIGEST"
	expect_rc 1
	expect_out 'probe.bad-etag'
	! grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$out" || false
	call rnm probe --pause 0 --json "http://127.0.0.1:$PORT/escapes/$DIGEST"
	expect_json '.probes[0].findings | length == 1'
	! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$out" || false
}

@test "a signal ends a question that is not answered" {
	: >"$SITE/requests"
	"$RNM" probe "http://127.0.0.1:$PORT/silent/$DIGEST" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	local pid=$! status=0
	for _ in $(seq 100); do
		! grep -q '"case": "silent"' "$SITE/requests" || break
		sleep 0.05
	done
	kill -TERM $pid
	wait $pid || status=$?
	[ "$status" -eq 143 ]
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
}
