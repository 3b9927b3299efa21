# SPDX-License-Identifier: Apache-2.0
# A real rspamd over the private server of a test, for files that load ../cli/helpers too.  rspamd 3.4 has an older
# name for the list of profiles (rn2_..._1_...) and no rules with providers; profile, hash and choice are the same,
# so that the list is handed to it under its own name.

THEIRS=rn2_default_1_default OURS=rn3_default_3_default

# Skips where there is none, or one whose names are not known; else the server, models and configurations.
prepare_rspamd() {
	command -v rspamd >/dev/null || skip "no rspamd here"
	case "$(rspamd --version)" in *3.4*) ;; *) skip "what this rspamd calls its list is not known" ;; esac
	start_redis
	export CONF="$WORK/rnm.conf" LOG="$WORK/rspamd.log"
	for n in 1 2 3 4 5; do
		/usr/bin/python3 "$BATS_TEST_DIRNAME/../cli/made_model.py" "$WORK/$n.rnm" 48 symbols=SYM_B,SYM_A seed=$n
	done
	echo "redis { servers = \"$SOCKET\"; } neural { rules { default { } } }" >"$CONF"
	configure >"$WORK/rspamd.conf"
}

start_rspamd() {
	local user=""
	[ "$(id -u)" != 0 ] || user="-u root -g root"
	: >"$LOG"
	# shellcheck disable=SC2086
	rspamd -f -c "$WORK/rspamd.conf" $user >"$WORK/rspamd.out" 2>&1 3>&- 4>&- &
	echo $! >"$WORK/rspamd.pid"
	wait_for "default:default"
}

stop_rspamd() {
	local pid
	[ -e "$WORK/rspamd.pid" ] || return 0
	pid=$(cat "$WORK/rspamd.pid")
	rm "$WORK/rspamd.pid"
	kill "$pid" 2>/dev/null || return 0
	wait "$pid" 2>/dev/null || true
	for _ in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
}

# TRAIN: what the section train of its rule holds.
configure() {
	echo com >"$WORK/tld"
	cat <<-END
	options { pidfile = "$WORK/rspamd.own.pid"; url_tld = "$WORK/tld"; filters = ""; dns { nameserver = ["127.0.0.1:1"]; } }
	logging { type = "file"; filename = "$LOG"; level = "info"; debug_modules = ["neural"]; }
	modules { path = "/usr/share/rspamd/plugins/"; }
	lua = "/usr/share/rspamd/rules/rspamd.lua"
	worker "normal" { bind_socket = "$WORK/normal.sock mode=0600"; count = 1; }
	worker "controller" { bind_socket = "$WORK/controller.sock mode=0600"; count = 1; }
	neural { servers = "$SOCKET"; rules { default {
		train { ${TRAIN:-max_trains = 10; autotrain = false;} } watch_interval = 1; profile { default = ["SYM_A", "SYM_B"]; }
	} } }
	END
}

# wait_for WORDS [COUNT]: until the log of rspamd has so many lines with them.
wait_for() {
	for _ in $(seq 300); do
		[ "$(grep -cF "$1" "$LOG" 2>/dev/null)" -lt "${2:-1}" ] || return 0
		sleep 0.1
	done
	tail -40 "$LOG"
	return 1
}

# imported N VERSION: imports a model, and hands the list to rspamd.
imported() {
	call rnm import -q -c "$CONF" "$WORK/$1.rnm" --json
	expect_rc 0
	expect_json ".written and .version == $2"
	cli zadd $THEIRS "$(date +%s.%N)" "$(cli --raw zrevrange $OURS 0 0)" >/dev/null
}
