#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real rspamd loads what rnm imports, and prunes what rnm says it will.  rspamd 3.4 has an older name for
# the list of profiles (rn2_..._1_...) and no rules with providers; profile, hash and choice are the same, so
# that the list is handed to it under its own name.

load ../cli/helpers

THEIRS=rn2_default_1_default OURS=rn3_default_3_default

setup_file() {
	common_setup_file
	command -v rspamd >/dev/null || skip "no rspamd here"
	case "$(rspamd --version)" in *3.4*) ;; *) skip "what this rspamd calls its list is not known" ;; esac
	start_redis
	export CONF="$WORK/rnm.conf" LOG="$WORK/rspamd.log"
	for n in 1 2 3 4 5; do
		/usr/bin/python3 "$BATS_TEST_DIRNAME/../cli/made_model.py" "$WORK/$n.rnm" 48 symbols=SYM_B,SYM_A seed=$n
	done
	echo "redis { servers = \"$SOCKET\"; } neural { rules { default { } } }" >"$CONF"
	configure >"$WORK/rspamd.conf"
	local user=""
	[ "$(id -u)" != 0 ] || user="-u root -g root"
	# shellcheck disable=SC2086
	rspamd -f -c "$WORK/rspamd.conf" $user >"$WORK/rspamd.out" 2>&1 3>&- 4>&- &
	echo $! >"$WORK/rspamd.pid"
	wait_for "default:default"
}

teardown_file() {
	if [ -e "$WORK/rspamd.pid" ]; then
		kill "$(cat "$WORK/rspamd.pid")" 2>/dev/null || true
		wait "$(cat "$WORK/rspamd.pid")" 2>/dev/null || true
	fi
	stop_redis
}

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
		train { max_trains = 10; autotrain = false; } watch_interval = 1; profile { default = ["SYM_A", "SYM_B"]; }
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

@test "both workers load an imported model, and write its profile as rnm has written it" {
	imported 1 1
	key=$(jq -r .key "$out")
	size=$(cli hstrlen "$key" ann)
	wait_for "loaded ANN for default:default from $key; $size bytes compressed; version=1" 2
	# A worker adds the profile anew when it has loaded the model: any other form of it would be a second member.
	wait_for "ann default:default is not changed, our version = 1, remote version = 1" 2
	[ "$(cli --raw zrange $THEIRS 0 -1)" = "$(cli --raw zrange $OURS 0 -1)" ]
	[ "$(cli zcard $THEIRS)" = 1 ]
	! grep -q "cannot parse\|cannot load\|bad profile" "$LOG"
}

@test "a second import is loaded without a restart" {
	imported 2 2
	key=$(jq -r .key "$out")
	wait_for "ann default:default is changed, our version = 1, remote version = 2" 2
	wait_for "loaded ANN for default:default from $key; $(cli hstrlen "$key" ann) bytes compressed; version=2" 2
	[ "$(cli zcard $THEIRS)" = 2 ]
}

@test "the profile that is named is the one that rspamd takes away" {
	imported 3 3
	call rnm import -c "$CONF" "$WORK/4.rnm" --json
	expect_rc 0
	expect_json '.evicts | length == 1 and .[0].version == "1"'
	victim=$(jq -r '.evicts[0].key' "$out")
	[ "$(cli exists "$victim")" = 1 ]
	cli zadd $THEIRS "$(date +%s.%N)" "$(cli --raw zrevrange $OURS 0 0)" >/dev/null
	for _ in $(seq 100); do
		[ "$(cli zcard $THEIRS)" = 4 ] || break
		sleep 0.1
	done
	[ "$(cli --raw zrange $THEIRS 0 -1 | jq -s -c 'map(.version) | sort')" = "[2,3,4]" ]
	[ "$(cli exists "$victim")" = 0 ]
}
