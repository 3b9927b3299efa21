#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rnm serve: asked by curl, by raw sockets, and by many at once, while the tree changes under it.

load helpers

NAME=aa5f939b29f3d241

setup_file() {
	common_setup_file
	local n
	for n in 1 2 3; do
		/usr/bin/python3 "$BATS_TEST_DIRNAME/made_model.py" "$WORK/$n.rnm" 46 hidden=$((n * 300)) digest=$NAME version=$n
	done
}

setup() {
	TREE="$BATS_TEST_TMPDIR/tree"
	mkdir -p "$TREE/models"
	publish 1
	touch -d '2026-11-01 12:00:00 UTC' "$TREE/models/$NAME"
}

teardown() {
	stop_server KILL
}

# publish N [NAME]: as rnm publish does it, by renaming.
publish() {
	cp "$WORK/$1.rnm" "$TREE/models/.new"
	mv "$TREE/models/.new" "$TREE/models/${2:-$NAME}"
}

# start_server [OPTION...]: sets PORT, PID and, with --admin, ADMIN.
start_server() {
	LOG="$BATS_TEST_TMPDIR/log" NOTES="$BATS_TEST_TMPDIR/notes"
	: >"$NOTES"
	"$RNM" serve "$TREE" --listen 0 "$@" >"$LOG" 2>"$NOTES" 3>&- 4>&- &
	PID=$!
	for _ in $(seq 200); do
		PORT=$(sed -n 's|.*serving at http://127.0.0.1:||p' "$NOTES")
		ADMIN=$(sed -n 's|.*for operators at http://127.0.0.1:||p' "$NOTES")
		[[ -z $PORT || (" $* " == *" --admin "* && -z $ADMIN) ]] || { URL="http://127.0.0.1:$PORT/models/$NAME"; break; }
		sleep 0.05
	done
	[ -n "$PORT" ] || { cat "$NOTES"; return 1; }
	for _ in $(seq 200); do
		curl -so /dev/null "http://127.0.0.1:$PORT/healthz" && return 0
		sleep 0.05
	done
	return 1
}

# stop_server [SIGNAL]: its exit code in $rc.
stop_server() {
	rc=0
	[ -n "${PID:-}" ] || return 0
	kill -"${1:-TERM}" "$PID" 2>/dev/null || true
	wait "$PID" || rc=$?
	PID=
}

# header NAME CURL-ARGUMENTS...: its value in the answer.
header() {
	local name=$1
	shift
	curl -s -o /dev/null -D - "$@" | tr -d '\r' | sed -n "s/^$name: //p"
}

status() {
	curl -s -o /dev/null -w '%{http_code}' "$@"
}

# until_tag N: until model N is what is offered.
until_tag() {
	local wanted
	wanted="\"$(b2sum -l 256 "$WORK/$1.rnm" | cut -d ' ' -f 1)\""
	for _ in $(seq 200); do
		[ "$(header ETag "$URL")" != "$wanted" ] || return 0
		sleep 0.05
	done
	cat "$NOTES"
	return 1
}

peer() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/serve_peer.py" "$@"
}

metric() {
	curl -s "http://127.0.0.1:$ADMIN/metrics" | sed -n "s/^rnm_serve_$1 //p"
}

@test "the headers that rspamd goes by: the same for HEAD and GET, and in 304" {
	local head get tag date expires
	start_server
	head=$(curl -sI "$URL" | tr -d '\r' | grep -vE '^((Date|Expires): .*)?$')
	get=$(curl -s -o "$BATS_TEST_TMPDIR/got" -D - "$URL" | tr -d '\r' | grep -vE '^((Date|Expires): .*)?$')
	cmp "$BATS_TEST_TMPDIR/got" "$WORK/1.rnm"
	tag="\"$(b2sum -l 256 "$WORK/1.rnm" | cut -d ' ' -f 1)\""
	[ "$head" = "$get" ]
	diff <(sort <<<"$get") <(sort <<-END
		HTTP/1.1 200 OK
		ETag: $tag
		Last-Modified: Sun, 01 Nov 2026 12:00:00 GMT
		Accept-Ranges: bytes
		Content-Type: application/octet-stream
		Content-Length: $(stat -c %s "$WORK/1.rnm")
		END
	)
	curl -sI "$URL" -H "If-None-Match: $tag" -H 'If-Modified-Since: Sun, 01 Nov 2026 12:00:00 GMT' | tr -d '\r' >"$BATS_TEST_TMPDIR/304"
	diff <(grep -vE '^((Date|Expires): .*)?$' "$BATS_TEST_TMPDIR/304" | sort) <(sort <<-END
		HTTP/1.1 304 Not Modified
		ETag: $tag
		Last-Modified: Sun, 01 Nov 2026 12:00:00 GMT
		Content-Length: $(stat -c %s "$WORK/1.rnm")
		END
	)
	date=$(date -d "$(sed -n 's/^Date: //p' "$BATS_TEST_TMPDIR/304")" +%s)
	expires=$(date -d "$(sed -n 's/^Expires: //p' "$BATS_TEST_TMPDIR/304")" +%s)
	((date <= $(date +%s) && date > $(date +%s) - 20))
	((expires - date >= 900 && expires - date <= 1500))
	[ "$(status "$URL" -H 'If-Modified-Since: Sun, 01 Nov 2026 12:00:00 GMT')" = 304 ]
	[ "$(status "$URL" -H 'If-Modified-Since: Sun, 01 Nov 2026 11:59:59 GMT')" = 200 ]
	[ "$(status "http://127.0.0.1:$PORT/models/nothing")" = 404 ]
	[ "$(status "http://127.0.0.1:$PORT/models/../models/$NAME" --path-as-is)" = 404 ]
	[ "$(status "http://127.0.0.1:$PORT/metrics")" = 404 ]
	[ "$(curl -s "http://127.0.0.1:$PORT/healthz")" = ok ]
	# The connection ends when the client says so, as rspamd always does, and only then.
	[ "$(header Connection -H 'Connection: close' "$URL")" = close ]
	[ -z "$(header Connection "$URL")" ]
	[ "$(curl -s -o /dev/null -o /dev/null -w '%{num_connects}' "$URL" "$URL")" = 10 ]
}

@test "rnm probe finds nothing to mend, from what was there first to a publication" {
	local memory="$BATS_TEST_TMPDIR/memory" n
	start_server
	call rnm probe --state "$memory" --json "$URL"
	expect_rc 0
	expect_json '.probes[0] | .findings == [] and (.answers | map(.status) == [200, 200, 304, 200])'
	expect_json '.probes[0].next | .reason == "expires" and .min >= 890 and .max <= 1500'
	# Another model is no trouble, but worth a note; nor is the old one when it comes back with its old date.
	for n in 2 1; do
		cp "$WORK/$n.rnm" "$TREE/models/.new"
		touch -d "2026-11-0$n 12:00:00 UTC" "$TREE/models/.new"
		mv "$TREE/models/.new" "$TREE/models/$NAME"
		until_tag $n
		call rnm probe --pause 0 --state "$memory" --json "$URL"
		expect_rc 0
		expect_json '[.probes[0].findings[] | "\(.level) \(.id)"] == ["note probe.changed"]'
	done
}

@test "Expires is another moment for each client, around --interval" {
	local values
	start_server --interval 100s
	values=$(peer expires "$PORT" "/models/$NAME" 60 | sort -n)
	[ "$(wc -l <<<"$values")" = 60 ]
	(($(head -n 1 <<<"$values") >= 75 && $(tail -n 1 <<<"$values") <= 125))
	(($(head -n 1 <<<"$values") < 95 && $(tail -n 1 <<<"$values") > 105))
	(($(sort -u <<<"$values" | wc -l) > 15))
	call rnm serve "$TREE" --interval 7h
	expect_rc 2
	expect_err "rspamd believes at most 8 hours"
}

@test "parts of a file, and going on where a download was cut" {
	local tag
	start_server
	head -c 5000 "$WORK/1.rnm" >"$BATS_TEST_TMPDIR/part"
	curl -s -C - -o "$BATS_TEST_TMPDIR/part" "$URL"
	cmp "$BATS_TEST_TMPDIR/part" "$WORK/1.rnm"
	curl -s -r 100-199 -o "$BATS_TEST_TMPDIR/range" -D "$BATS_TEST_TMPDIR/head" "$URL"
	cmp "$BATS_TEST_TMPDIR/range" <(tail -c +101 "$WORK/1.rnm" | head -c 100)
	grep -q '^HTTP/1.1 206 ' "$BATS_TEST_TMPDIR/head"
	[ "$(tr -d '\r' <"$BATS_TEST_TMPDIR/head" | sed -n 's/^Content-Range: //p')" = "bytes 100-199/$(stat -c %s "$WORK/1.rnm")" ]
	curl -s -r -7 "$URL" | cmp - <(tail -c 7 "$WORK/1.rnm")
	[ "$(status -r 99999999- "$URL")" = 416 ]
	[ "$(header Content-Range -r 99999999- "$URL")" = "bytes */$(stat -c %s "$WORK/1.rnm")" ]
	tag=$(header ETag "$URL")
	[ "$(status -r 0-1 -H "If-Range: $tag" "$URL")" = 206 ]
	[ "$(status -r 0-1 -H 'If-Range: "another"' "$URL")" = 200 ]
	[ "$(status -r 0-1 -H "If-Range: Sun, 01 Nov 2026 12:00:00 GMT" "$URL")" = 206 ]
}

@test "a tree with everything: signatures, objects, index, history" {
	local hash name
	hash=$(b2sum -l 256 "$WORK/1.rnm" | cut -d ' ' -f 1)
	mkdir "$TREE/objects"
	cp "$WORK/1.rnm" "$TREE/objects/$hash.rnm"
	for name in "models/$NAME.sig" "models/$NAME.rnmsig" "objects/$hash.rnm.sig" "objects/$hash.rnm.rnmsig" \
		index.json index.json.rnmsig history.jsonl; do
		echo "the content of $name" >"$TREE/$name"
	done
	echo secret >"$TREE/.rnm-lock"
	echo secret >"$TREE/notes.txt"
	start_server
	for name in "models/$NAME.sig" "models/$NAME.rnmsig" "objects/$hash.rnm.sig" "objects/$hash.rnm.rnmsig" \
		index.json index.json.rnmsig history.jsonl; do
		[ "$(curl -s "http://127.0.0.1:$PORT/$name")" = "the content of $name" ]
	done
	curl -s "http://127.0.0.1:$PORT/objects/$hash.rnm" | cmp - "$WORK/1.rnm"
	[ "$(header Content-Type "http://127.0.0.1:$PORT/index.json")" = application/json ]
	for name in .rnm-lock notes.txt "" models models/ objects/ index index.json/; do
		[ "$(status "http://127.0.0.1:$PORT/$name")" = 404 ]
	done
}

@test "a new model is offered soon, with a later Last-Modified, and a bad one never" {
	local before after
	start_server
	publish 2
	until_tag 2
	before=$(date -d "$(header Last-Modified "$URL")" +%s)
	# Older by its date, and yet newer to clients.
	cp --preserve=timestamps "$WORK/1.rnm" "$TREE/models/.new"
	touch -d '2026-11-01 12:00:00 UTC' "$TREE/models/.new"
	mv "$TREE/models/.new" "$TREE/models/$NAME"
	until_tag 1
	after=$(date -d "$(header Last-Modified "$URL")" +%s)
	((after > before))
	# What rspamd could not read, and nothing at all: the good one stays.
	head -c 1000 "$WORK/3.rnm" >"$TREE/models/.new"
	mv "$TREE/models/.new" "$TREE/models/$NAME"
	for _ in $(seq 100); do grep -q "models/$NAME: " "$NOTES" && break || sleep 0.05; done
	grep -q "models/$NAME: " "$NOTES"
	until_tag 1
	curl -s "$URL" | cmp - "$WORK/1.rnm"
	rm "$TREE/models/$NAME"
	sleep 0.5
	until_tag 1
	curl -s "$URL" | cmp - "$WORK/1.rnm"
	# Who means it says so.
	kill -HUP "$PID"
	for _ in $(seq 100); do [ "$(status "$URL")" = 200 ] && sleep 0.05 || break; done
	[ "$(status "$URL")" = 404 ]
	publish 3
	until_tag 3
}

@test "folders that come, go, and are replaced by others" {
	start_server
	mv "$TREE" "$TREE.old"
	sleep 1.5
	curl -s "$URL" | cmp - "$WORK/1.rnm"
	mkdir -p "$TREE/models"
	publish 2
	until_tag 2
	mkdir "$TREE/objects"
	cp "$WORK/3.rnm" "$TREE/objects/$(b2sum -l 256 "$WORK/3.rnm" | cut -d ' ' -f 1).rnm"
	for _ in $(seq 100); do
		[ "$(status "http://127.0.0.1:$PORT/objects/$(ls "$TREE/objects")")" = 200 ] && break || sleep 0.05
	done
	curl -s "http://127.0.0.1:$PORT/objects/$(ls "$TREE/objects")" | cmp - "$WORK/3.rnm"
}

@test "requests that are none, and tricks with them" {
	start_server --admin 0
	[ "$(peer malformed "$PORT")" = well ]
	[ "$(metric connections)" = 1 ]
	(($(metric connections_without_request_total) > 0))
	[ "$(status "$URL")" = 200 ]
}

@test "clients that are slow, or say nothing, are cut in time" {
	start_server --timeout 2s --admin 0
	[ "$(peer slow "$PORT" 2)" = well ]
	[ "$(metric connections_too_slow_total)" = 12 ]
}

@test "three thousand idle connections: others are answered, and memory stays small" {
	local kib=$((40 * 1024))
	# The sanitizers have their own.
	! grep -q __asan_init "$RNM" || kib=$((400 * 1024))
	(($(ulimit -Hn) > 4000)) || skip "too few descriptors here"
	start_server --max-per-address 5000
	(ulimit -Sn 3500; peer idle "$PORT" 3000 "$PID" $kib)
}

@test "limits on connections: of one address, and of all" {
	start_server --max-per-address 5 --timeout 60s
	[ "$(peer flood "$PORT" 9 5)" = well ]
	stop_server
	start_server --max-connections 2 --timeout 2s
	# Two are taken, a third one waits for its turn.
	/usr/bin/python3 "$BATS_TEST_DIRNAME/serve_peer.py" flood "$PORT" 2 2 3>&- 4>&- &
	[ "$(curl -s --max-time 20 "http://127.0.0.1:$PORT/healthz")" = ok ]
	wait $!
}

@test "metrics, and one line of JSON for each request" {
	local tag
	start_server --admin 0
	tag=$(header ETag "$URL")
	curl -s -o /dev/null "$URL" -A 'rspamd-3.4'
	curl -s -o /dev/null "$URL" -H "If-None-Match: $tag"
	curl -s -o /dev/null "http://127.0.0.1:$PORT/models/0123456789abcdef" -A $'tab\there'
	[ "$(metric 'requests_total{code="200"}')" -ge 2 ]
	[ "$(metric 'requests_total{code="304"}')" = 1 ]
	[ "$(metric unknown_models_total)" = 1 ]
	[ "$(metric "model_version{name=\"$NAME\"}")" = 1 ]
	[ "$(metric files)" = 1 ]
	[ "$(metric sent_bytes_total)" -gt "$(stat -c %s "$WORK/1.rnm")" ]
	# Every line is a comment or a sample.
	! curl -s "http://127.0.0.1:$ADMIN/metrics" | grep -vE '^# (HELP|TYPE) rnm_serve_[a-z_]+ .|^rnm_serve_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+]+$'
	stop_server
	[ "$rc" = 0 ]
	jq -se --arg name "/models/$NAME" --argjson size "$(stat -c %s "$WORK/1.rnm")" '
		map(select(.target == $name)) | length == 3
			and (.[0] | .method == "HEAD" or .method == "GET")
			and (.[1] | .status == 200 and .bytes == $size and .agent == "rspamd-3.4" and .held == null)
			and (.[2] | .status == 304 and .bytes == 0 and .held == .etag)
			and all(.client == "127.0.0.1" and .aborted == false and .us >= 0 and (.time | test("^20.*Z$")))' "$LOG" >/dev/null
	jq -se 'map(select(.status == 404)) | .[0].agent == "tab\there" and .[0].etag == null' "$LOG" >/dev/null
}

@test "behind a proxy on this host, the client is who the proxy says" {
	start_server
	curl -s -o /dev/null "$URL" -H 'X-Forwarded-For: 203.0.113.9, 198.51.100.7'
	stop_server
	jq -se 'map(select(.client == "198.51.100.7")) | length == 1' "$LOG" >/dev/null
}

@test "a unix socket, and a log that is renamed" {
	LOG="$BATS_TEST_TMPDIR/log.json"
	"$RNM" serve "$TREE" --listen "unix:$BATS_TEST_TMPDIR/s" --access-log "$LOG" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
	PID=$!
	for _ in $(seq 200); do [ "$(curl -s --unix-socket "$BATS_TEST_TMPDIR/s" http://h/healthz)" = ok ] && break || sleep 0.05; done
	curl -s --unix-socket "$BATS_TEST_TMPDIR/s" "http://h/models/$NAME" | cmp - "$WORK/1.rnm"
	for _ in $(seq 100); do grep -q "/models/$NAME" "$LOG" && break || sleep 0.05; done
	mv "$LOG" "$LOG.1"
	kill -HUP "$PID"
	for _ in $(seq 100); do [ -e "$LOG" ] && break || sleep 0.05; done
	curl -s -o /dev/null --unix-socket "$BATS_TEST_TMPDIR/s" "http://h/models/after"
	stop_server
	[ "$rc" = 0 ]
	grep -q "/models/$NAME" "$LOG.1"
	grep -q /models/after "$LOG"
	! grep -q /models/after "$LOG.1"
	jq -se 'map(select(.client == "unix")) | length > 0' "$LOG" >/dev/null
	[ ! -s "$BATS_TEST_TMPDIR/out" ] || ! grep -v '^rnm: note: ' "$BATS_TEST_TMPDIR/out"
}

@test "large files: every byte for clients that are slow, say more, or want a part; many at once" {
	start_server --admin 0
	dd if=/dev/urandom of="$TREE/models/.big" bs=1M count=12 status=none
	mv "$TREE/models/.big" "$TREE/models/big.enc"
	for _ in $(seq 200); do [ "$(status -I "http://127.0.0.1:$PORT/models/big.enc")" = 200 ] && break || sleep 0.05; done
	call timeout 100 /usr/bin/python3 "$BATS_TEST_DIRNAME/serve_large.py" "$PORT" /models/big.enc "$TREE/models/big.enc"
	expect_out well
	expect_rc 0
	# Where an exception in one of its threads would be told.
	[ ! -s "$err" ] || { cat "$err"; false; }
	for _ in $(seq 200); do [ "$(metric connections)" = 1 ] && break || sleep 0.05; done
	[ "$(metric aborted_total)" = 2 ]
	[ "$(metric 'requests_total{code="200"}')" -ge 18 ]
	[ "$(metric 'requests_total{code="206"}')" = 2 ]
	[ "$(metric 'requests_total{code="500"}')" = 0 ]
	stop_server
	[ "$rc" = 0 ]
	jq -se 'map(select(.target == "/models/big.enc" and .method == "GET" and .status == 200))
		| length == 16 and all(.bytes == 12582912 and .aborted == (.agent == "gone"))' "$LOG" >/dev/null
}

@test "SIGTERM: what is being sent is sent whole, what is waiting is answered" {
	start_server
	dd if=/dev/urandom of="$TREE/models/.big" bs=1M count=8 status=none
	mv "$TREE/models/.big" "$TREE/models/big.enc"
	for _ in $(seq 100); do [ "$(status -I "http://127.0.0.1:$PORT/models/big.enc")" = 200 ] && break || sleep 0.05; done
	curl -s --limit-rate 4M -o "$BATS_TEST_TMPDIR/big" "http://127.0.0.1:$PORT/models/big.enc" 3>&- 4>&- &
	local download=$!
	sleep 0.4
	stop_server
	[ "$rc" = 0 ]
	wait $download
	cmp "$BATS_TEST_TMPDIR/big" "$TREE/models/big.enc"
	[ -z "$(curl -s "http://127.0.0.1:$PORT/healthz")" ]
	# --grace is the end of patience.  More than the buffers of a connection hold:
	truncate -s 64M "$TREE/models/big.enc"
	start_server --grace 1s
	curl -s --limit-rate 100K -o /dev/null "http://127.0.0.1:$PORT/models/big.enc" 3>&- 4>&- &
	download=$!
	sleep 0.3
	stop_server INT
	[ "$rc" = 0 ]
	jq -se 'map(select(.target == "/models/big.enc")) | length == 1 and .[0].aborted' "$LOG" >/dev/null
	kill $download
	wait $download || true
}

@test "publication while many ask: no wrong byte, no failed request" {
	local n
	start_server --admin 0 --access-log /dev/null
	/usr/bin/python3 "$BATS_TEST_DIRNAME/serve_readers.py" "$URL" 3 "$WORK"/[123].rnm >"$BATS_TEST_TMPDIR/readers" 3>&- 4>&- &
	local readers=$!
	for n in 2 3 1 2 3 1 2 3 1; do
		publish $n
		sleep 0.15
	done
	wait $readers || { cat "$BATS_TEST_TMPDIR/readers"; false; }
	grep -qx '0 failed' "$BATS_TEST_TMPDIR/readers"
	# All three were seen.
	grep -qx '3 models' "$BATS_TEST_TMPDIR/readers"
	[ "$(metric aborted_total)" = 0 ]
	[ "$(metric 'requests_total{code="404"}')" = 0 ]
	[ "$(metric 'requests_total{code="503"}')" = 0 ]
}

@test "--dry-run: what would be offered" {
	echo junk >"$TREE/models/junk"
	call rnm serve "$TREE" --dry-run
	expect_rc 1
	expect_out "/models/$NAME"
	expect_err "models/junk: "
	[ "$(wc -l <"$out")" = 2 ]
	rm "$TREE/models/junk"
	call rnm serve "$TREE" --dry-run --json -q
	expect_rc 0
	expect_json ".files == [{name: \"/models/$NAME\", size: $(stat -c %s "$WORK/1.rnm"), modified: \"2026-11-01T12:00:00Z\",
		etag: \"\\\"$(b2sum -l 256 "$WORK/1.rnm" | cut -d ' ' -f 1)\\\"\"}]"
	expect_no_err
}

@test "wrong usage, and what cannot be" {
	call rnm serve
	expect_rc 2
	expect_plain_error
	call rnm serve "$BATS_TEST_TMPDIR/none"
	expect_rc 4
	expect_plain_error
	call rnm serve "$TREE" --listen nonsense
	expect_rc 2
	expect_plain_error
	call rnm serve "$TREE" --max-connections 0
	expect_rc 2
	expect_plain_error
	call rnm serve "$TREE" --timeout soon
	expect_rc 2
	expect_plain_error
	call rnm serve "$TREE" --listen 0 --access-log "$BATS_TEST_TMPDIR/none/log"
	expect_rc 5
	expect_plain_error
	start_server
	call rnm serve "$TREE" --listen "$PORT"
	expect_rc 5
	expect_err "cannot listen at '$PORT'"
}

@test "the systemd units: well formed and hardened" {
	command -v systemd-analyze >/dev/null || skip "systemd is not installed"
	local units="$BATS_TEST_DIRNAME/../../packaging/systemd"
	mkdir -p "$WORK/units"
	cp "$units"/rnm-serve* "$WORK/units"
	sed -i "s|/usr/bin/rnm|$BIN/rnm|" "$WORK/units/rnm-serve.service"
	run systemd-analyze verify --man=no "$WORK"/units/rnm-serve.service "$WORK"/units/rnm-serve.socket "$WORK"/units/rnm-serve-admin.socket
	[ "$status" -eq 0 ] && [ -z "$output" ] || { echo "$output"; false; }
	systemd-analyze security --offline=true --threshold=20 "$units/rnm-serve.service" >/dev/null
}
