#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real rspamd polls an ordinary map, and rnm probe asks the same server: byte for byte the same questions.

load ../cli/helpers
load rspamd

NAME=376616275a1a984c

setup_file() {
	common_setup_file
	command -v rspamd >/dev/null || skip "no rspamd here"
	case "$(rspamd --version)" in *3.4*) ;; *) skip "what this rspamd sends is not known" ;; esac
	export SITE="$WORK/site" LOG="$WORK/rspamd.log"
	mkdir "$SITE" "$WORK/maps"
	for model in good other bare; do
		/usr/bin/python3 "$BATS_TEST_DIRNAME/../cli/made_model.py" "$SITE/$model" 64 digest=$NAME
	done
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../cli/odd_server.py" "$SITE" 127.0.0.1 >"$SITE/log" 2>&1 3>&- 4>&- &
	echo $! >"$SITE/pid"
	wait_for_file "$SITE/port" "$SITE/log"
	PORT=$(cat "$SITE/port")
	export PORT
}

teardown_file() {
	stop_rspamd
	kill "$(cat "$SITE/pid")"
}

# start_with_map CASE: a rspamd with this map, which looks every second.
start_with_map() {
	cat >"$WORK/map.lua" <<-END
	rspamd_config:add_map({ type = 'callback', url = 'http://user:pass@127.0.0.1:$PORT/$1/$NAME?rule=embed', description = 'model',
	  callback = function(data) require('rspamd_logger').infox(rspamd_config, 'the map has %s bytes', #tostring(data)) end })
	END
	echo com >"$WORK/tld"
	cat >"$WORK/rspamd.conf" <<-END
	options { pidfile = "$WORK/rspamd.own.pid"; url_tld = "$WORK/tld"; filters = ""; dns { nameserver = ["127.0.0.1:1"]; }
		map_watch_interval = 1s; maps_cache_dir = "$WORK/maps"; }
	logging { type = "file"; filename = "$LOG"; level = "info"; debug_modules = ["map"]; }
	lua = "$WORK/map.lua";
	worker "controller" { bind_socket = "$WORK/controller.sock mode=0600"; count = 1; }
	END
	: >"$LOG"
	rspamd -f -c "$WORK/rspamd.conf" $([ "$(id -u)" != 0 ] || echo -u root -g root) >"$WORK/rspamd.out" 2>&1 3>&- 4>&- &
	echo $! >"$WORK/rspamd.pid"
}

# asked CASE: the requests for it, one a line, without blank ones; the lines of each in order of their names, since
# rspamd sends some of them in the order of a hash.
asked() {
	jq -r --arg case "$1" 'select(.case == $case).bytes | split("\r\n") | [.[0]] + (.[1:] | map(select(. != "")) | sort) | join("|")' \
		"$SITE/requests"
}

# The lines that are always in the same order, of the first request.
first_lines() {
	head -1 "$SITE/requests" | jq -r '.bytes | split("\r\n")[0:4][]'
}

@test "the questions are those of a real rspamd" {
	local version
	version=$(rspamd --version | sed 's/.*version \([0-9.]*\).*/\1/')
	start_with_map soon
	for _ in $(seq 200); do
		[ "$(asked soon | grep -c "If-None-Match")" -lt 1 ] || break
		sleep 0.1
	done
	stop_rspamd
	asked soon | head -3 >"$WORK/theirs"
	[ "$(grep -c "^HEAD .*|User-Agent: rspamd-$version" "$WORK/theirs")" = 2 ]
	first_lines >"$WORK/their-order"
	: >"$SITE/requests"
	call rnm probe --pause 0 "http://user:pass@127.0.0.1:$PORT/soon/$NAME?rule=embed" --user-agent "rspamd-$version" --poll 1 --json
	expect_rc 0
	asked soon | head -3 | diff "$WORK/theirs" -
	first_lines | diff "$WORK/their-order" -
	# It says when that rspamd asked again.
	expect_json '.probes[0].next | .reason == "expires" and .min > 1.5 and .max <= 4'
}
