#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real rspamd polls rnm serve and nginx with ordinary maps.  What it sends is recorded on its way.

load ../cli/helpers
load rspamd
load nginx

NAME=aa5f939b29f3d241

setup_file() {
	common_setup_file
	command -v rspamd >/dev/null || skip "no rspamd here"
	[ -x /usr/sbin/nginx ] || skip "no nginx here"
	local n
	for n in 1 2; do
		/usr/bin/python3 "$BATS_TEST_DIRNAME/../cli/made_model.py" "$WORK/$n.rnm" 46 hidden=$((n * 30)) digest=$NAME version=$n
	done
	mkdir -p "$WORK/tree/models"
	cp "$WORK/1.rnm" "$WORK/tree/models/$NAME"
	touch -d '2026-11-01 12:00:00 UTC' "$WORK/tree/models/$NAME"
}

teardown_file() {
	stop_rspamd
	stop_nginx
	local pid
	for pid in "$WORK"/serve.pid "$WORK"/*.recorder; do
		[ ! -e "$pid" ] || kill "$(cat "$pid")" || true
	done
}

# start_serve: its port in PORT.
start_serve() {
	"$RNM" serve "$WORK/tree" --listen 0 --interval 2s --access-log "$WORK/access" >/dev/null 2>"$WORK/notes" 3>&- 4>&- &
	echo $! >"$WORK/serve.pid"
	for _ in $(seq 200); do
		PORT=$(sed -n 's|.*serving at http://127.0.0.1:||p' "$WORK/notes")
		[ -z "$PORT" ] || return 0
		sleep 0.05
	done
	cat "$WORK/notes"
	return 1
}

# record ORIGIN: what goes to PORT is written to ORIGIN.requests, and what comes back to ORIGIN.requests.answers.
record() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../cli/serve_peer.py" record "$PORT" "$WORK/$1.requests" 3>&- 4>&- &
	echo $! >"$WORK/$1.recorder"
	wait_for_file "$WORK/$1.requests.port" /dev/null
}

# What rspamd makes of the maps: their sizes, in the log.
make_maps() { # ORIGIN...
	local origin
	for origin; do
		cat <<-END
		rspamd_config:add_map({
		  type = 'callback', url = 'http://127.0.0.1:$(cat "$WORK/$origin.requests.port")/models/$NAME', description = '$origin',
		  callback = function(data) require('rspamd_logger').infox(rspamd_config, 'the map of $origin has %s bytes', #tostring(data)) end,
		})
		END
	done >"$WORK/maps.lua"
	echo com >"$WORK/tld"
	mkdir -p "$WORK/maps"
	cat >"$WORK/rspamd.conf" <<-END
	options { pidfile = "$WORK/rspamd.own.pid"; url_tld = "$WORK/tld"; filters = ""; dns { nameserver = ["127.0.0.1:1"]; }
		map_watch_interval = 1s; maps_cache_dir = "$WORK/maps"; }
	logging { type = "file"; filename = "$LOG"; level = "info"; debug_modules = ["map"]; }
	lua = "$WORK/maps.lua";
	worker "controller" { bind_socket = "$WORK/controller.sock mode=0600"; count = 1; }
	worker "normal" { bind_socket = "$WORK/normal.sock mode=0600"; count = 1; }
	END
}

# loaded N: rspamd has this model from both.
loaded() {
	wait_for "the map of rnm has $(stat -c %s "$WORK/$1.rnm") bytes"
	wait_for "the map of nginx has $(stat -c %s "$WORK/$1.rnm") bytes"
}

# rnm_tag N, nginx_tag: what they say of a model, and of the one that is there.
rnm_tag() {
	echo "\"$(b2sum -l 256 "$WORK/$1.rnm" | cut -d ' ' -f 1)\""
}
nginx_tag() {
	curl -sI "http://127.0.0.1:$NGINX/models/$NAME" | tr -d '\r' | sed -n 's/^ETag: //p'
}

# statuses ORIGIN: of its answers, one a line.  Behind a body none stands at the beginning of its line.
statuses() {
	grep -aoE 'HTTP/1\.1 [0-9]{3} [A-Za-z ]+' "$WORK/$1.requests.answers"
}

# unchanged ORIGIN ETAG: until rspamd has been told 304 of the model with this tag.
unchanged() {
	for _ in $(seq 300); do
		! grep -aqF "If-None-Match: $2" "$WORK/$1.requests" ||
			[ "$(statuses "$1" | tail -n 1)" != "HTTP/1.1 304 Not Modified" ] || return 0
		sleep 0.1
	done
	cat "$WORK/$1.requests"
	tail -20 "$LOG"
	return 1
}

# check_requests ORIGIN ETAG: they are of the form that the servers are made for.
check_requests() {
	local lines="$WORK/$1.lines"
	tr -d '\r' <"$WORK/$1.requests" >"$lines"
	cat "$lines"
	# The last answer may still be on its way.
	for _ in $(seq 100); do
		[ "$(statuses "$1" | wc -l)" -lt "$(grep -c ' HTTP/1.1$' "$lines")" ] || break
		sleep 0.05
	done
	grep -qx "HEAD /models/$NAME HTTP/1.1" "$lines"
	grep -qx "GET /models/$NAME HTTP/1.1" "$lines"
	[ "$(grep -c '^Connection: close$' "$lines")" = "$(grep -c ' HTTP/1.1$' "$lines")" ]
	grep -q '^If-Modified-Since: Sun, 01 Nov 2026 12:00:00 GMT$' "$lines"
	grep -qxF "If-None-Match: $2" "$lines"
	grep -q '^User-Agent: rspamd-' "$lines"
	# GET only after HEAD has said 200: two models, two downloads.
	[ "$(grep -c '^GET ' "$lines")" = 2 ]
	# Every answer ended its connection, and was one that rspamd understands.
	[ "$(tr -d '\r' <"$WORK/$1.requests.answers" | grep -ac '^Connection: close$')" = "$(grep -c ' HTTP/1.1$' "$lines")" ]
	! statuses "$1" | grep -vxE 'HTTP/1.1 (200 OK|304 Not Modified)'
}

@test "rspamd loads a model, asks with both conditions, and takes over a new one" {
	local first second
	export LOG="$WORK/rspamd.log"
	start_serve
	record rnm
	# A check every 20 minutes on average would be too seldom here.
	start_nginx "$WORK/tree" '/^split_clients/,/^}/s/ [12][0-9]m;/ 2s;/'
	NGINX=$PORT
	record nginx
	make_maps rnm nginx
	first=$(nginx_tag)
	touch "$LOG"
	rspamd -f -c "$WORK/rspamd.conf" $([ "$(id -u)" != 0 ] || echo -u root -g root) >"$WORK/rspamd.out" 2>&1 3>&- 4>&- &
	echo $! >"$WORK/rspamd.pid"
	loaded 1
	unchanged rnm "$(rnm_tag 1)"
	unchanged nginx "$first"
	cp "$WORK/2.rnm" "$WORK/tree/models/.new"
	mv "$WORK/tree/models/.new" "$WORK/tree/models/$NAME"
	loaded 2
	second=$(nginx_tag)
	[ "$second" != "$first" ]
	unchanged rnm "$(rnm_tag 2)"
	unchanged nginx "$second"
	stop_rspamd
	# Which writes its log to the end.
	kill "$(cat "$WORK/serve.pid")"
	wait "$(cat "$WORK/serve.pid")"
	rm "$WORK/serve.pid"
	check_requests rnm "$(rnm_tag 2)"
	check_requests nginx "$second"
	! grep -F 'cannot load map' "$LOG"

	jq -se 'all(.status == 200 or .status == 304) and all(.aborted == false)
		and (map(select(.method == "GET")) | all(.status == 200 and .held == null))' "$WORK/access" >/dev/null
	[ "$(wc -l <"$WORK/access")" = "$(grep -c ' HTTP/1.1$' "$WORK/rnm.lines")" ]
	# No check sooner than three quarters of the interval after the answer before it, HEAD and GET of one check apart.
	jq -se 'map(select(.method == "HEAD") | .time | sub("\\.[0-9]+Z"; "Z") | fromdate) | [range(1; length) as $i | .[$i] - .[$i - 1]] |
		all(. >= 1) and (add / length) < 8' "$WORK/access" >/dev/null
}
