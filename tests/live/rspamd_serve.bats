#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real rspamd polls rnm serve with an ordinary map.  What it sends is recorded on its way.

load ../cli/helpers
load rspamd

NAME=aa5f939b29f3d241

setup_file() {
	common_setup_file
	command -v rspamd >/dev/null || skip "no rspamd here"
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
	local pid
	for pid in "$WORK/serve.pid" "$WORK/recorder.pid"; do
		[ ! -e "$pid" ] || kill "$(cat "$pid")" || true
	done
}

# What rspamd makes of a map: its size, in the log.
make_map() { # PORT
	cat >"$WORK/map.lua" <<-END
	rspamd_config:add_map({
	  type = 'callback', url = 'http://127.0.0.1:$1/models/$NAME', description = 'model',
	  callback = function(data) require('rspamd_logger').infox(rspamd_config, 'the map has %s bytes', #tostring(data)) end,
	})
	END
	echo com >"$WORK/tld"
	mkdir -p "$WORK/maps"
	cat >"$WORK/rspamd.conf" <<-END
	options { pidfile = "$WORK/rspamd.own.pid"; url_tld = "$WORK/tld"; filters = ""; dns { nameserver = ["127.0.0.1:1"]; }
		map_watch_interval = 1s; maps_cache_dir = "$WORK/maps"; }
	logging { type = "file"; filename = "$LOG"; level = "info"; debug_modules = ["map"]; }
	lua = "$WORK/map.lua";
	worker "controller" { bind_socket = "$WORK/controller.sock mode=0600"; count = 1; }
	worker "normal" { bind_socket = "$WORK/normal.sock mode=0600"; count = 1; }
	END
}

wait_for_request() { # FILTER COUNT: until so many lines of the log of rnm are so
	for _ in $(seq 150); do
		[ "$(jq -c "select($1)" "$WORK/access" 2>/dev/null | wc -l)" -lt "$2" ] || return 0
		sleep 0.1
	done
	cat "$WORK/access"
	tail -20 "$LOG"
	return 1
}

@test "rspamd loads a model, asks with both conditions, and takes over a new one" {
	local port recorded="$WORK/requests" tag
	export LOG="$WORK/rspamd.log"
	"$RNM" serve "$WORK/tree" --listen 0 --interval 2s --access-log "$WORK/access" >/dev/null 2>"$WORK/notes" 3>&- 4>&- &
	echo $! >"$WORK/serve.pid"
	for _ in $(seq 200); do
		port=$(sed -n 's|.*serving at http://127.0.0.1:||p' "$WORK/notes")
		[ -z "$port" ] || break
		sleep 0.05
	done
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../cli/serve_peer.py" record "$port" "$recorded" 3>&- 4>&- &
	echo $! >"$WORK/recorder.pid"
	for _ in $(seq 200); do [ -e "$recorded.port" ] && break || sleep 0.05; done
	make_map "$(cat "$recorded.port")"
	touch "$LOG"
	rspamd -f -c "$WORK/rspamd.conf" $([ "$(id -u)" != 0 ] || echo -u root -g root) >"$WORK/rspamd.out" 2>&1 3>&- 4>&- &
	echo $! >"$WORK/rspamd.pid"

	wait_for "the map has $(stat -c %s "$WORK/1.rnm") bytes"
	wait_for_request '.status == 304' 1
	cp "$WORK/2.rnm" "$WORK/tree/models/.new"
	mv "$WORK/tree/models/.new" "$WORK/tree/models/$NAME"
	wait_for "the map has $(stat -c %s "$WORK/2.rnm") bytes"
	tag="\"$(b2sum -l 256 "$WORK/2.rnm" | cut -d ' ' -f 1)\""
	wait_for_request ".status == 304 and .held == ($(jq -Rn --arg t "$tag" '$t'))" 1
	stop_rspamd

	# The requests are of the form that the server is made for.
	tr -d '\r' <"$recorded" >"$WORK/lines"
	cat "$WORK/lines" "$WORK/access"
	grep -qx "HEAD /models/$NAME HTTP/1.1" "$WORK/lines"
	grep -qx "GET /models/$NAME HTTP/1.1" "$WORK/lines"
	[ "$(grep -c '^Connection: close$' "$WORK/lines")" = "$(grep -c ' HTTP/1.1$' "$WORK/lines")" ]
	grep -q '^If-Modified-Since: Sun, 01 Nov 2026 12:00:00 GMT$' "$WORK/lines"
	grep -qxF "If-None-Match: $tag" "$WORK/lines"
	grep -q '^User-Agent: rspamd-' "$WORK/lines"
	# GET only after HEAD has said 200: two models, two downloads.
	[ "$(grep -c '^GET ' "$WORK/lines")" = 2 ]
	jq -se 'all(.status == 200 or .status == 304) and all(.aborted == false)
		and (map(select(.method == "GET")) | all(.status == 200 and .held == null))' "$WORK/access" >/dev/null
	# Every answer ended its connection.
	[ "$(tr -d '\r' <"$recorded.answers" | grep -ac '^Connection: close$')" = "$(wc -l <"$WORK/access")" ]
	# No check sooner than three quarters of the interval after the answer before it, HEAD and GET of one check apart.
	jq -se 'map(select(.method == "HEAD") | .time | sub("\\.[0-9]+Z"; "Z") | fromdate) | [range(1; length) as $i | .[$i] - .[$i - 1]] |
		all(. >= 1) and (add / length) < 8' "$WORK/access" >/dev/null
	! grep -F 'cannot load map' "$LOG"
}
